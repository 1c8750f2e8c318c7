//! How an answer changes the synapse that was sent.
//!
//! A 200 overwrites every field, `axon` and `dendrite` included, with those of its body; another
//! status leaves the fields and takes the body's `message`. Then every `bt_header_axon_*` and
//! `bt_header_dendrite_*` overwrites again, and the dendrite's status becomes the axon's. The
//! outcome is therefore what the axon states, not the status of HTTP: a 500 whose header says 200
//! is a success, and a 200 that states nothing is none.

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

use super::CallFailure;
use crate::{
    admission::Unverified,
    python::{Value, read_members_of},
    synapse::{Coercion, Synapse, SynapseSpec, latin1},
};

/// An answer as it came.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The status of HTTP.
    pub status: StatusCode,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The whole body, of which long texts in the message remain parts.
    pub body: &'a Bytes,
    /// What was asked, for messages.
    pub url: &'a str,
}

/// Merges `answer` into `local`, the synapse that was sent.
///
/// # Errors
/// With [`CallFailure::Unreadable`] when the answer is no JSON of that class or its headers cannot
/// be read. `local` then keeps what was merged before the fault, as in the Python dendrite; the
/// failure's code and text are already in `local.dendrite`.
pub fn merge(spec: &SynapseSpec, local: &mut Synapse, answer: &Answer<'_>) -> Result<(), CallFailure> {
    let merged = merge_parts(spec, local, answer).map_err(CallFailure::Unreadable);
    if let Err(failure) = &merged {
        fail(local, failure);
    }
    merged
}

/// Merges the head of a streamed answer: its header block overwrites both terminals. What the
/// streamed bytes mean only the class knows.
///
/// # Errors
/// As [`merge`], for headers that cannot be read.
pub fn merge_head(local: &mut Synapse, status: StatusCode, headers: &HeaderMap) -> Result<(), CallFailure> {
    local.axon.status_code = Some(status.as_u16().into());
    let merged = merge_headers(local, headers).map_err(CallFailure::Unreadable);
    if let Err(failure) = &merged {
        fail(local, failure);
    }
    merged
}

/// Puts a failure where callers look for the outcome.
fn fail(local: &mut Synapse, failure: &CallFailure) {
    local.dendrite.status_code = Some(failure.status().into());
    local.dendrite.status_message = Some(failure.to_string());
}

fn merge_parts(spec: &SynapseSpec, local: &mut Synapse, answer: &Answer<'_>) -> Result<(), String> {
    let succeeded = answer.status == StatusCode::OK;
    let body = read_body(answer, &|name| if succeeded { spec.has(name) } else { name == "message" })?;
    if succeeded {
        let theirs = match body {
            Value::Dict(_) => Synapse::from_body(spec, body).map_err(|fault| invalid(spec.name(), &fault))?,
            other => {
                return Err(format!(
                    "{}() argument after ** must be a mapping, not {}",
                    spec.name(),
                    other.type_name()
                ));
            }
        };
        // The name and the body hash are the sender's own and stay.
        *local = Synapse {
            name: std::mem::take(&mut local.name),
            computed_body_hash: local.computed_body_hash.take(),
            ..theirs
        };
    } else {
        local.axon.status_code = Some(answer.status.as_u16().into());
        let Value::Dict(members) = body else {
            return Err(format!("'{}' object has no attribute 'get'", body.type_name()));
        };
        local.axon.status_message = match members.get("message") {
            None | Some(Value::None) => None,
            Some(Value::Str(text)) => Some(text.to_string()),
            Some(_) => {
                return Err(
                    "1 validation error for TerminalInfo\nstatus_message\n  Input should be a valid string".to_owned()
                );
            }
        };
    }
    merge_headers(local, answer.headers)
}

fn merge_headers(local: &mut Synapse, headers: &HeaderMap) -> Result<(), String> {
    let headers =
        Unverified::of_headers(headers).map_err(|refusal| format!("1 validation error for Synapse\n  {refusal}"))?;
    local.dendrite.merge(headers.dendrite);
    local.axon.merge(headers.axon);
    local.dendrite.status_code = local.axon.status_code;
    local.dendrite.status_message.clone_from(&local.axon.status_message);
    Ok(())
}

fn invalid(class: &str, fault: &Coercion) -> String {
    format!("1 validation error for {class}\n{}\n  {}", fault.path, fault.reason)
}

/// The body as JSON, with those of its members that are `wanted`. An empty one is `None`, whatever its declared type.
fn read_body(answer: &Answer<'_>, wanted: &dyn Fn(&str) -> bool) -> Result<Value, String> {
    let declared = answer.headers.get(header::CONTENT_TYPE).map(latin1).unwrap_or_default();
    if !is_json(&declared) {
        return Err(format!(
            "{}, message='Attempt to decode JSON with unexpected mimetype: {declared}', url='{}'",
            answer.status.as_u16(),
            answer.url
        ));
    }
    let body = answer.body.trim_ascii();
    if body.is_empty() {
        return Ok(Value::None);
    }
    read_members_of(&answer.body.slice_ref(body), wanted).map_err(|error| error.to_string())
}

/// Whether a content type is `application/json` or `application/<anything>+json`, in any case, with or without
/// parameters.
pub fn is_json(declared: &str) -> bool {
    let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence
        .strip_prefix("application/")
        .is_some_and(|kind| kind == "json" || kind.strip_suffix("+json").is_some_and(|prefix| !prefix.is_empty()))
}
