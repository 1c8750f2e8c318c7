//! One captured exchange, and the axon that answered it rebuilt from its classes.

use std::{net::SocketAddr, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use btd_wire::{
    admission::{Gate, Members, Memory, MemoryLimits, RequestHead, Rules, admit},
    python::{Value, python_str},
    reply::{self, Answering, Failure},
    synapse::{FieldSpec, FieldType, HashFields, Synapse, SynapseSpec},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::support::{now, text};

/// An HTTP/1.1 message as the recording proxy saw it.
pub(crate) struct Message {
    pub(crate) start: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Bytes,
}

impl Message {
    pub(crate) fn read(recorded: &Json) -> Self {
        let raw = STANDARD.decode(text(recorded, "raw_b64")).unwrap();
        let end = raw.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let mut lines = raw[..end].split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let start = String::from_utf8(lines.next().unwrap().to_vec()).unwrap();
        let headers: Vec<(String, Vec<u8>)> = lines
            .map(|line| {
                let colon = line.iter().position(|byte| *byte == b':').unwrap();
                let name = String::from_utf8(line[..colon].to_vec()).unwrap().to_ascii_lowercase();
                (name, line[colon + 1..].trim_ascii().to_vec())
            })
            .collect();
        let mut body = raw[end + 4..].to_vec();
        if headers.iter().any(|(name, value)| name == "transfer-encoding" && value == b"chunked") {
            body = unchunk(&body);
        }
        Self { start, headers, body: body.into() }
    }

    pub(crate) fn map(&self) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value).unwrap());
        }
        map
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().rfind(|(held, _)| held == name)?;
        Some(value.iter().map(|byte| char::from(*byte)).collect())
    }

    pub(crate) fn status(&self) -> u16 {
        self.start.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        if length == 0 {
            return out;
        }
        out.extend_from_slice(&rest[line + 2..line + 2 + length]);
        rest = &rest[line + 2 + length + 2..];
    }
}

/// The classes that the captured axon served, as far as they can be replayed.
pub(crate) fn classes() -> Vec<Arc<SynapseSpec>> {
    let optional = FieldType::optional;
    let spec = |name: &str, fields: Vec<FieldSpec>, hashed: &[&str]| {
        let hashed = hashed.iter().map(|name| (*name).to_owned()).collect();
        Arc::new(SynapseSpec::new(name, fields, HashFields::Listed(hashed)).unwrap())
    };
    let a = || vec![FieldSpec::with_default("a", FieldType::Int, 1)];
    let note = || vec![FieldSpec::with_default("note", FieldType::Str, "")];
    vec![
        Arc::new(SynapseSpec::base()),
        spec(
            "Custom",
            vec![
                FieldSpec::required("required_int", FieldType::Int),
                FieldSpec::required("required_str", FieldType::Str),
                FieldSpec::required("items", FieldType::list(FieldType::Int)),
                FieldSpec::required("mapping", FieldType::dict(FieldType::Float)),
                FieldSpec::with_default("opt", optional(FieldType::Str), Value::None),
                FieldSpec::with_default("flag", FieldType::Bool, false),
                FieldSpec::with_default("result", optional(FieldType::dict(FieldType::Any)), Value::None),
            ],
            &["required_int", "required_str", "items", "mapping", "opt"],
        ),
        spec(
            "AsyncEcho",
            vec![
                FieldSpec::with_default("text", FieldType::Str, ""),
                FieldSpec::with_default("doubled", optional(FieldType::Str), Value::None),
            ],
            &[],
        ),
        spec(
            "TensorSyn",
            vec![
                FieldSpec::with_default("x", optional(FieldType::tensor()), Value::None),
                FieldSpec::with_default("y", optional(FieldType::tensor()), Value::None),
            ],
            &["x"],
        ),
        spec("Blocked", note(), &[]),
        spec("BlockedUnicode", note(), &[]),
        spec("BlockedHan", note(), &[]),
        spec("BlockedNewline", note(), &[]),
        spec("Boom", a(), &[]),
        spec("CustomStatus", a(), &[]),
        spec("Prio", a(), &[]),
    ]
}

/// Answers a captured request as the axon's pipeline would, with `now_ns` as the clock.
pub(crate) struct Axon {
    pub(crate) gate: Gate,
}

impl Axon {
    pub(crate) fn new(hotkey: &str, members: Arc<dyn Members>) -> Self {
        let memory = Arc::new(Memory::new(0, std::time::Duration::ZERO, MemoryLimits::default()));
        Self { gate: Gate::new(hotkey.parse().unwrap(), classes(), Rules::default(), members, memory) }
    }

    pub(crate) fn answer(&self, request: &Message, peer: SocketAddr, now_ns: i128) -> Response<Bytes> {
        let answering = Answering {
            uuid: "5886b37f-e67a-11f1-ad11-0242c0ffee01",
            version: 10_005_000,
            now: now_ns,
            peer,
            process_time: 0.25,
            incident: "00000000-0000-4000-8000-000000000000",
        };
        let mut words = request.start.split(' ');
        let method: Method = words.next().unwrap().parse().unwrap();
        let target = words.next().unwrap();
        let headers = request.map();
        let head = RequestHead { method: &method, target, headers: &headers, peer };
        match now(admit(&self.gate, head, request.body.clone(), now_ns)) {
            Err(refused) => reply::refused(&refused, &answering),
            Ok(verified) => {
                let spec = verified.spec().clone();
                let claimed = verified.claimed().clone();
                match handle(spec.name(), verified.into_synapse()) {
                    Ok(synapse) => {
                        let reply = reply::answered(&spec, synapse, answering.process_time).unwrap();
                        reply.map(|parts| parts.concat().into())
                    }
                    Err(failure) => reply::failed(&failure, &claimed, &spec, &answering),
                }
            }
        }
    }
}

/// What the forward functions of the captured axon did.
fn handle(class: &str, mut synapse: Synapse) -> Result<Synapse, Failure> {
    match class {
        "Boom" => return Err(Failure::Handler { reason: "forward raises".into() }),
        "CustomStatus" => {
            synapse.axon.status_code = Some(418);
            synapse.axon.status_message = Some("teapot".into());
        }
        "AsyncEcho" => {
            let text = python_str(&synapse.fields["text"]);
            synapse.fields.insert("doubled".into(), format!("{text}{text}").into());
        }
        "TensorSyn" => {
            // Twice the tensor, as the forward function computed it.
            let mut doubled = synapse.fields["x"].clone();
            if let Value::Dict(members) = &mut doubled {
                let buffer = "hcQCbmTDxAR0eXBlozxmNMQEa2luZMQAxAVzaGFwZZICA8QEZGF0YcQYAAAAAAAAAEAAAIBAAADAQAAAAEEAACBB";
                members.insert("buffer".into(), buffer.into());
            }
            synapse.fields.insert("y".into(), doubled);
        }
        "Custom" => {
            let reversed: String = python_str(&synapse.fields["required_str"]).chars().rev().collect();
            let keys = Value::List(vec!["a".into(), "b".into(), "c".into()]);
            let result: IndexMap<String, Value> = [
                ("sum".to_owned(), Value::from(6)),
                ("keys".to_owned(), keys),
                ("s".to_owned(), reversed.into()),
                ("none".to_owned(), Value::None),
                ("f".to_owned(), Value::Float(1.5)),
            ]
            .into_iter()
            .collect();
            synapse.fields.insert("result".into(), Value::from(result));
        }
        _ => {}
    }
    Ok(synapse)
}
