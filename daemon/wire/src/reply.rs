//! What an axon answers: status, header block and body, for every outcome.
//!
//! Header order and body order are those of the Python axon. Two things differ on purpose: an
//! error reply carries no signature of the axon (nobody verifies one, and it would make the axon
//! sign what a stranger chose), and `header_size`/`total_size` are the real sizes in bytes.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::{
    admission::{Nanos, Refusal, Refused, Unverified},
    python::{JsonStyle, Value, float_repr, write_json},
    synapse::{DEFAULT_TIMEOUT, FieldType, HeaderBlock, Synapse, SynapseSpec, Terminal},
};

/// What a reply says of the answering axon and of this call.
#[derive(Debug, Clone, Copy)]
pub struct Answering<'a> {
    /// Names this run of the axon.
    pub uuid: &'a str,
    /// The axon's version integer.
    pub version: i64,
    /// When the request arrived.
    pub now: Nanos,
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// Seconds since the request arrived.
    pub process_time: f64,
    /// A random id by which an internal error can be found in the log.
    pub incident: &'a str,
}

/// Why an admitted request got no answer from its handler.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    /// The handler did not answer in time.
    #[error("Response timeout after: {}s", float_repr(*timeout))]
    TimedOut {
        /// The time it had, in seconds.
        timeout: f64,
    },
    /// Too many requests wait for this handler, or it is not there.
    #[error("Busy: {reason}")]
    Busy {
        /// Why, for the caller.
        reason: String,
    },
    /// The handler's own rules turn the sender away.
    #[error("Forbidden. Key is blacklisted: {reason}.")]
    Blacklisted {
        /// The handler's reason.
        reason: String,
    },
    /// The handler's own check of the request did not pass.
    #[error("Not Verified with error: {reason}")]
    NotVerified {
        /// The handler's reason.
        reason: String,
    },
    /// The handler failed, panicked, or answered what cannot be sent.
    #[error("handler failed: {reason}")]
    Handler {
        /// For the log only.
        reason: String,
    },
}

// === impl Failure ===

impl Failure {
    /// The HTTP status of the reply.
    pub fn status(&self) -> u16 {
        match self {
            Self::TimedOut { .. } => 408,
            Self::Busy { .. } => 503,
            Self::Blacklisted { .. } => 403,
            Self::NotVerified { .. } => 401,
            Self::Handler { .. } => 500,
        }
    }
}

/// The reply to a request that was not admitted.
pub fn refused(refused: &Refused, answering: &Answering<'_>) -> Response<Bytes> {
    let refusal = &refused.refusal;
    let mut response = match refusal {
        // These come from the web framework of the Python axon, without synapse headers.
        Refusal::UnknownPath | Refusal::UnknownMethod => {
            json(refusal.status(), &object([("detail", refusal.to_string().into())]))
        }
        Refusal::NotJson { reason, position } => json(refusal.status(), &json_invalid(reason, *position)),
        Refusal::BadHeader { .. } | Refusal::BadBody { .. } | Refusal::BodyHash { .. } => {
            let text = internal(answering);
            error(refusal.status(), &text, refused.claimed.as_ref().map(|(claim, spec)| (&**claim, &**spec)), answering)
        }
        _ => {
            let claimed = refused.claimed.as_ref().map(|(claim, spec)| (&**claim, &**spec));
            error(refusal.status(), &refusal.to_string(), claimed, answering)
        }
    };
    if let Some(seconds) = refusal.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The reply to an admitted request that its handler did not answer.
pub fn failed(
    failure: &Failure,
    claimed: &Unverified,
    spec: &SynapseSpec,
    answering: &Answering<'_>,
) -> Response<Bytes> {
    let text = match failure {
        Failure::Handler { .. } => internal(answering),
        Failure::TimedOut { .. } | Failure::Busy { .. } | Failure::Blacklisted { .. } | Failure::NotVerified { .. } => {
            failure.to_string()
        }
    };
    let mut response = error(failure.status(), &text, Some((claimed, spec)), answering);
    if matches!(failure, Failure::Busy { .. }) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(1));
    }
    response
}

/// The reply of a handler: the whole synapse, with status 200 and `Success` unless the handler
/// set others. Its body comes in parts, so that what is long is not copied.
///
/// # Errors
/// When the synapse cannot be sent: a status outside 100–999, or a number that JSON lacks where a `float` is declared.
pub fn answered(spec: &SynapseSpec, mut synapse: Synapse, process_time: f64) -> Result<Response<Vec<Bytes>>, Failure> {
    let status = complete(&mut synapse, process_time)?;
    let fits = spec.fields().iter().all(|field| {
        let value = synapse.fields.get_mut(&field.name);
        value.is_none_or(|value| fits_json(&field.of, value))
    });
    if !fits || !synapse.has_finite_base() {
        return Err(Failure::Handler { reason: "a field holds a number that JSON lacks".to_owned() });
    }
    let body = synapse.to_json_in_parts(JsonStyle::Compact);
    let length = body.iter().map(Bytes::len).sum();
    let headers = synapse.to_headers(spec, length);
    Ok(response(status, &headers, length).map(|()| body))
}

/// The head of a reply whose body the handler streams, as bytes of its own choice. The header block
/// is that of the synapse before the first of them. Its status is the synapse's; that of HTTP is 200, as in
/// the Python axon, whose callers read a stream of no other.
///
/// # Errors
/// When the status cannot be sent.
pub fn streaming(spec: &SynapseSpec, mut synapse: Synapse, process_time: f64) -> Result<Response<()>, Failure> {
    complete(&mut synapse, process_time)?;
    let mut response = response(200, &synapse.to_headers(spec, 0), 0);
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
    Ok(response)
}

/// The content type of streamed replies. No peer frames its bytes as server-sent events.
pub const EVENT_STREAM: &str = "text/event-stream";

/// Fills in how the call ended, and gives the status of HTTP.
fn complete(synapse: &mut Synapse, process_time: f64) -> Result<u16, Failure> {
    let axon = &mut synapse.axon;
    let status = *axon.status_code.get_or_insert(200);
    if status == 200 && axon.status_message.as_deref().is_none_or(str::is_empty) {
        axon.status_message = Some("Success".to_owned());
    }
    axon.process_time = Some(process_time);
    u16::try_from(status)
        .ok()
        .filter(|status| (200..=999).contains(status))
        .ok_or_else(|| Failure::Handler { reason: format!("status {status} cannot be sent") })
}

/// An error reply: `{"message": …}`, and the message in the header block too.
fn error(
    status: u16,
    text: &str,
    claimed: Option<(&Unverified, &SynapseSpec)>,
    answering: &Answering<'_>,
) -> Response<Bytes> {
    let outcome = Terminal {
        status_code: Some(status.into()),
        status_message: Some(text.to_owned()),
        process_time: Some(answering.process_time),
        ..Terminal::default()
    };
    let (name, timeout, axon, dendrite, hash) = match claimed {
        None => ("Synapse", Some(DEFAULT_TIMEOUT), outcome, Terminal::default(), crate::synapse::EMPTY_BODY_HASH),
        Some((claimed, spec)) => {
            let axon = Terminal {
                version: Some(answering.version),
                nonce: Some(answering.now),
                uuid: Some(answering.uuid.to_owned()),
                signature: None,
                ip: claimed.axon.ip.clone(),
                port: claimed.axon.port,
                hotkey: claimed.axon.hotkey.clone(),
                ..outcome
            };
            let dendrite = Terminal {
                ip: Some(answering.peer.ip().to_canonical().to_string()),
                port: Some(answering.peer.port().into()),
                status_code: None,
                status_message: None,
                process_time: None,
                ..claimed.dendrite.clone()
            };
            (spec.name(), claimed.timeout, axon, dendrite, spec.blank_hash())
        }
    };
    let body = Bytes::from(write_json(&object([("message", text.into())]), JsonStyle::Compact));
    let mut block = HeaderBlock::opening(name, timeout, (&axon, &dendrite));
    block.close(body.len(), hash);
    response(status, &block, body.len()).map(|()| body)
}

fn internal(answering: &Answering<'_>) -> String {
    format!("Internal Server Error #{}", answering.incident)
}

/// FastAPI's report of a body that is not JSON.
fn json_invalid(reason: &'static str, position: usize) -> Value {
    let place = Value::List(vec!["body".into(), i64::try_from(position).unwrap_or(i64::MAX).into()]);
    let fault = object([
        ("type", "json_invalid".into()),
        ("loc", place),
        ("msg", "JSON decode error".into()),
        ("input", object([])),
        ("ctx", object([("error", reason.into())])),
    ]);
    object([("detail", Value::List(vec![fault]))])
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Dict(Box::new(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}

fn json(status: u16, body: &Value) -> Response<Bytes> {
    let body = Bytes::from(write_json(body, JsonStyle::Compact));
    response(status, &HeaderBlock::default(), body.len()).map(|()| body)
}

/// The head of a reply with a body of JSON that is `length` bytes long.
fn response(status: u16, headers: &HeaderBlock, length: usize) -> Response<()> {
    let mut response = Response::new(());
    // Statuses come from this module or were checked to lie in 200–999.
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers.to_map();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Whether JSON can carry a value of a field. As in the Python axon, a number that JSON lacks becomes `null` where
/// the class declares `Any`, and cannot be answered where it declares a `float`.
fn fits_json(of: &FieldType, value: &mut Value) -> bool {
    match (of, value) {
        (FieldType::Any, value) => {
            empty_lacking(value);
            true
        }
        (FieldType::Optional(of), value) => fits_json(of, value),
        (FieldType::Union(types), value) => {
            // The first type that the value is of decides; where it is of none, anything may stand.
            let of = types.iter().find(|of| of.is_exact(value));
            fits_json(of.unwrap_or(&FieldType::Any), value)
        }
        (FieldType::List(of), Value::List(members)) => members.iter_mut().all(|member| fits_json(of, member)),
        (FieldType::Tuple(types), Value::Tuple(members)) => {
            types.iter().zip(members).all(|(of, member)| fits_json(of, member))
        }
        (FieldType::Dict(of), Value::Dict(members)) => members.values_mut().all(|member| fits_json(of, member)),
        (FieldType::Model(fields), Value::Dict(members)) => fields.iter().all(|field| {
            let member = members.get_mut(&field.name);
            member.is_none_or(|member| fits_json(&field.of, member))
        }),
        (_, value) => is_finite(value),
    }
}

fn empty_lacking(value: &mut Value) {
    match value {
        Value::Float(number) if !number.is_finite() => *value = Value::None,
        Value::List(members) | Value::Tuple(members) => members.iter_mut().for_each(empty_lacking),
        Value::Dict(members) => members.values_mut().for_each(empty_lacking),
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Str(_) => {}
    }
}

fn is_finite(value: &Value) -> bool {
    match value {
        Value::Float(number) => number.is_finite(),
        Value::List(members) | Value::Tuple(members) => members.iter().all(is_finite),
        Value::Dict(members) => members.values().all(is_finite),
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Str(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;
    use crate::{
        python::read_json,
        synapse::{FieldSpec, HashFields},
    };

    /// As bittensor 10.5.0 answers what its own handlers give.
    #[test]
    fn a_number_that_json_lacks_is_null_where_anything_may_stand_and_no_float() {
        let list = FieldType::list(FieldType::Any);
        let fields = vec![
            FieldSpec::with_default("any", FieldType::Any, Value::None),
            FieldSpec::with_default("list", list, Value::List(Vec::new())),
            FieldSpec::with_default("map", FieldType::dict(FieldType::Any), Value::Dict(Box::default())),
            FieldSpec::with_default("x", FieldType::Float, 0.0),
            FieldSpec::with_default("maybe", FieldType::optional(FieldType::Float), Value::None),
        ];
        let spec = SynapseSpec::new("Odd", fields, HashFields::None).unwrap();
        let answer = |json: &str| {
            let Value::Dict(fields) = read_json(json.as_bytes()).unwrap() else { panic!("no object") };
            let synapse = Synapse::new(&spec, spec.coerce(*fields).unwrap());
            answered(&spec, synapse, 0.1).map(|response| String::from_utf8(response.into_body().concat()).unwrap())
        };
        let body = answer(r#"{"any": NaN, "list": [-Infinity, [NaN, 1]], "map": {"a": Infinity}}"#).unwrap();
        assert!(
            body.ends_with(r#""any":null,"list":[null,[null,1]],"map":{"a":null},"x":0.0,"maybe":null}"#),
            "{body}"
        );
        for json in [r#"{"x": NaN}"#, r#"{"maybe": Infinity}"#, r#"{"any": 1, "x": "-inf"}"#] {
            assert!(matches!(answer(json), Err(Failure::Handler { .. })), "{json}");
        }
    }

    /// As pydantic 2.14 writes what stands in a field of these types: the first of them that the value is of decides.
    #[test]
    fn of_a_union_the_type_that_a_number_is_of_says_whether_json_carries_it() {
        use FieldType::{Any, Float, Int, Str, Tuple, Union};
        let (list, map) = (FieldType::list, FieldType::dict);
        let nan = || Value::Float(f64::NAN);
        let of_map = |value: Value| Value::from(IndexMap::from([("a".to_owned(), value)]));
        let of_list = |value: Value| Value::List(vec![value]);
        let none = Value::None;
        let cases = [
            (vec![map(Any), Str], of_map(nan()), Some(of_map(none.clone()))),
            (vec![Str, list(Any)], of_list(nan()), Some(of_list(none.clone()))),
            (vec![Int, Union(vec![Str, list(Any)])], of_list(nan()), Some(of_list(none.clone()))),
            (vec![Tuple(vec![Any]), Str], Value::Tuple(vec![nan()]), Some(Value::Tuple(vec![none.clone()]))),
            (vec![Any, Float], nan(), Some(none.clone())),
            (vec![Int, Any], nan(), Some(none.clone())),
            // Of none of them.
            (vec![Int, Str], nan(), Some(none)),
            (vec![Float, Any], nan(), None),
            (vec![Int, map(Float)], of_map(nan()), None),
            (vec![list(Float), list(Any)], of_list(nan()), None),
            (vec![Tuple(vec![Float]), list(Any)], Value::Tuple(vec![nan()]), None),
        ];
        for (types, mut value, expected) in cases {
            let shown = format!("{value:?} of {types:?}");
            let fits = fits_json(&Union(types), &mut value);
            assert_eq!(fits.then_some(value), expected, "{shown}");
        }
    }
}
