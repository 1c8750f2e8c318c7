//! What strangers' bytes reach: header blocks, bodies, tensors, replies, and what programs declare.
//!
//! A target takes any bytes and must not panic. Where a parser has an inverse, it also claims that
//! what was read is written and read again as the same.

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::pin,
    sync::{Arc, LazyLock},
    task::{Context, Poll, Waker},
    time::Duration,
};

use btd_api::AccountId;
use btd_wire::{
    admission::{AnyHotkey, Gate, Memory, MemoryLimits, RequestHead, Rules, admit},
    btauth::{AuthGate, AuthHead, AuthRules, Seen, authenticate},
    certificate,
    outgoing::{Answer, merge, merge_head},
    python::{JsonStyle, Value, python_str, read_json, read_json_of, write_json},
    reply::{Answering, refused},
    synapse::{Declaration, FieldSpec, FieldType, HashFields, Synapse, SynapseSpec},
    tensor::Tensor,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::driver::Target;

pub(crate) const TARGETS: [Target; 8] = [
    ("request", request),
    ("btauth", btauth),
    ("body", body),
    ("json", json),
    ("tensor", tensor),
    ("reply", reply),
    ("declaration", declaration),
    ("certificate", statement),
];

/// Far from any real clock, so that no captured request is fresh; [`request`] takes the nonce's own
/// time where there is one.
const NOW: i128 = 1_795_000_000_000_000_000;

static CLASSES: LazyLock<Vec<Arc<SynapseSpec>>> = LazyLock::new(|| {
    let optional = FieldType::optional;
    let fields = vec![
        FieldSpec::required("required_int", FieldType::Int),
        FieldSpec::required("required_str", FieldType::Str),
        FieldSpec::required("items", FieldType::list(FieldType::Int)),
        FieldSpec::required("mapping", FieldType::dict(FieldType::Float)),
        FieldSpec::with_default("opt", optional(FieldType::Str), Value::None),
        FieldSpec::with_default("flag", FieldType::Bool, false),
        FieldSpec::with_default("x", optional(FieldType::tensor()), Value::None),
        FieldSpec::with_default("any", FieldType::Union(vec![FieldType::Int, FieldType::Any]), Value::None),
    ];
    let hashed = ["required_int", "required_str", "items", "mapping", "opt", "any"].map(str::to_owned).to_vec();
    let custom = SynapseSpec::new("Custom", fields, HashFields::Listed(hashed)).expect("a class");
    vec![Arc::new(SynapseSpec::base()), Arc::new(custom)]
});

fn peer() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1)
}

/// Runs a future that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future waits for something"),
    }
}

/// Bytes as a request: a line `METHOD PATH`, lines `name: value`, an empty line, the body.
fn split(bytes: &[u8]) -> (String, HeaderMap, Bytes) {
    let cut = bytes.windows(2).position(|two| two == b"\n\n");
    let (head, body) = cut.map_or((bytes, &[][..]), |at| (&bytes[..at], &bytes[at + 2..]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let start = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let mut headers = HeaderMap::new();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default().trim_ascii();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    (start, headers, Bytes::copy_from_slice(body))
}

/// The whole admission with its refusals. No key signed for this axon, so nothing may pass.
fn request(bytes: &[u8]) {
    let (start, headers, body) = split(bytes);
    let (method, path) = start.split_once(' ').unwrap_or(("POST", &start));
    let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::POST);
    let nonce = headers.get("bt_header_dendrite_nonce").and_then(|value| value.to_str().ok());
    let clock = nonce.and_then(|text| text.parse().ok()).filter(|nonce| (0..i128::from(i64::MAX)).contains(nonce));
    let memory = Arc::new(Memory::new(0, Duration::ZERO, MemoryLimits::default()));
    let gate = Gate::new(AccountId([7; 32]), CLASSES.clone(), Rules::default(), Arc::new(AnyHotkey), memory);
    let head = RequestHead { method: &method, target: path, headers: &headers, peer: peer() };
    match now(admit(&gate, head, body, clock.unwrap_or(NOW))) {
        Ok(verified) => panic!("{} passed without a signature for this axon", verified.sender()),
        Err(refusal) => {
            let answering =
                Answering { uuid: "u", version: 1, now: NOW, peer: peer(), process_time: 0.0, incident: "i" };
            let reply = refused(&refusal, &answering);
            assert!(!reply.status().is_success());
        }
    }
}

/// The signed requests of SDK 11, for a receiver that nobody signed for.
fn btauth(bytes: &[u8]) {
    let (start, headers, body) = split(bytes);
    let (method, target) = start.split_once(' ').unwrap_or(("POST", &start));
    let seen = Arc::new(Seen::new(0, Duration::ZERO));
    let gate = AuthGate::new(AccountId([7; 32]), AuthRules::default(), Arc::new(AnyHotkey), seen);
    let head = AuthHead { method, target, headers: &headers };
    assert!(now(authenticate(&gate, head, body, NOW)).is_err(), "a request for another receiver passed");
}

/// JSON as it is read of a message, whose long texts are left where they lie.
fn of_message(bytes: &[u8]) -> Option<Value> {
    let value = read_json_of(&Bytes::copy_from_slice(bytes)).ok();
    assert_eq!(value.as_ref().map(python_str), read_json(bytes).ok().as_ref().map(python_str));
    value
}

/// A body as each class reads it; its hash does not depend on being sent once more.
fn body(bytes: &[u8]) {
    let Some(value) = of_message(bytes) else { return };
    for spec in CLASSES.iter() {
        let value = value.clone();
        let Ok(synapse) = Synapse::from_body(spec, value) else { continue };
        let hash = spec.body_hash(&synapse.fields);
        let again = spec.coerce(synapse.fields.clone()).expect("what was coerced is coerced again");
        assert_eq!(spec.body_hash(&again), hash);
        let _ = synapse.to_headers(spec, bytes.len()).to_map();
    }
}

/// Numbers that JSON lacks are read as Python reads them and compare to nothing, so texts are
/// compared.
fn json(bytes: &[u8]) {
    let Ok(value) = read_json(bytes) else { return };
    let _ = python_str(&value);
    for style in [JsonStyle::Compact, JsonStyle::Spaced] {
        let written = write_json(&value, style);
        let again = read_json(written.as_bytes()).expect("what was written is JSON");
        assert_eq!(write_json(&again, style), written);
    }
}

fn tensor(bytes: &[u8]) {
    let Some(value) = of_message(bytes) else { return };
    if let Ok(tensor) = Tensor::from_value(&value) {
        assert_eq!(Tensor::from_value(&tensor.to_value()).as_ref(), Ok(&tensor));
    }
}

/// A reply as a dendrite reads it: a line with the status, headers, the body.
fn reply(bytes: &[u8]) {
    let (start, headers, body) = split(bytes);
    let status = start.parse().ok().and_then(|code| StatusCode::from_u16(code).ok()).unwrap_or(StatusCode::OK);
    for spec in CLASSES.iter() {
        let fields = [("required_int", Value::from(1)), ("required_str", "".into())];
        let mut fields: indexmap::IndexMap<String, Value> =
            fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        fields.insert("items".to_owned(), Value::List(vec![]));
        fields.insert("mapping".to_owned(), Value::Dict(Box::default()));
        let mut local = Synapse::new(spec, spec.coerce(fields).expect("the fields fit"));
        let _ = merge(spec, &mut local, &Answer { status, headers: &headers, body: &body, url: "http://x/" });
        let _ = merge_head(&mut local, status, &headers);
        let _ = local.update(spec, read_json(&body).unwrap_or_default());
    }
}

/// A declaration: the name, then a field a line.
fn declaration(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines().map(str::to_owned);
    let name = lines.next().unwrap_or_default();
    let fields: Vec<String> = lines.collect();
    let models = [("Message".to_owned(), vec!["role: str".to_owned(), "again: Message = {}".to_owned()])];
    let declaration = Declaration {
        name,
        fields: fields.clone(),
        required_hash_fields: vec![],
        models: models.into(),
        ..Declaration::default()
    };
    if let Ok(spec) = declaration.spec() {
        assert_eq!(spec.fields().len(), fields.len());
    }
}

/// A certificate's statements, a line each, for a key that none was signed for.
fn statement(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let uris: Vec<&str> = text.lines().collect();
    assert!(certificate::verify(&uris, b"key", &AccountId([7; 32]), 1).is_err());
}
