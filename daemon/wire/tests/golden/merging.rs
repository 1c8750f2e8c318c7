//! Raw answers of odd servers, and the synapse that a dendrite is left with.

use btd_wire::{
    outgoing::{Answer, merge},
    python::Value,
    synapse::{FieldSpec, FieldType, HashFields, Synapse, SynapseSpec, Terminal},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value as Json;

use crate::support::{cases, text, vectors};

fn answer_of(raw: &str) -> (StatusCode, HeaderMap, Bytes) {
    let (head, body) = raw.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        })
        .collect();
    (status, headers, Bytes::copy_from_slice(body.as_bytes()))
}

/// What the captures compare of a terminal; the rest was left out when they were made.
fn shown(terminal: &Terminal, sent: &Terminal) -> Json {
    let mut shown = serde_json::Map::new();
    let mut put = |name: &str, value: Option<Json>| {
        if let Some(value) = value {
            shown.insert(name.to_owned(), value);
        }
    };
    put("status_code", terminal.status_code.map(Json::from));
    put("status_message", terminal.status_message.clone().map(Json::from));
    put("process_time", terminal.process_time.map(Json::from));
    put("ip", terminal.ip.clone().map(Json::from));
    put("port", terminal.port.map(Json::from));
    put("version", terminal.version.map(Json::from));
    // "nonce/uuid/signature are left out unless the server changed them"
    let nonce = terminal.nonce.filter(|_| terminal.nonce != sent.nonce);
    put("nonce", nonce.map(|nonce| Json::from(i64::try_from(nonce).unwrap())));
    put("hotkey", terminal.hotkey.clone().map(Json::from));
    put("signature", terminal.signature.clone().filter(|_| terminal.signature != sent.signature).map(Json::from));
    Json::Object(shown)
}

#[test]
fn every_answer_is_merged_as_python_merges_it() {
    let file = vectors("response_merge.json");
    let spec = SynapseSpec::new(
        "Echo",
        vec![
            FieldSpec::with_default("a", FieldType::Int, 1),
            FieldSpec::with_default("b", FieldType::optional(FieldType::Str), Value::None),
            FieldSpec::with_default("c", FieldType::list(FieldType::Int), Value::List(vec![])),
        ],
        HashFields::None,
    )
    .unwrap();
    for case in cases(&file) {
        let id = text(case, "id");
        let (status, headers, body) = answer_of(text(case, "server_reply_utf8"));
        let mut synapse = Synapse::new(&spec, spec.coerce(indexmap::IndexMap::new()).unwrap());
        synapse.axon = Terminal {
            ip: Some("127.0.0.1".into()),
            port: Some(18_790),
            hotkey: Some("5CnmXKvrWXmTw2Hn3VDPNEePopyPax4fXRTjHZwKWPLbJrmj".into()),
            ..Terminal::default()
        };
        synapse.dendrite = Terminal {
            ip: Some("203.0.113.7".into()),
            version: Some(10_005_000),
            nonce: Some(1_795_000_000_000_000_000),
            uuid: Some("58aa2b99-e67a-11f1-9def-0242c0ffee01".into()),
            hotkey: Some("5FsRdRmAtfGc5C4oRxhdWb2WZvm1d8txZ6kQYDBfpiLUqYBS".into()),
            signature: Some("0x00".into()),
            ..Terminal::default()
        };
        let sent = synapse.clone();
        let answer = Answer { status, headers: &headers, body: &body, url: "http://127.0.0.1:18790/Echo" };
        let merged = merge(&spec, &mut synapse, &answer);
        let after = &case["synapse_after"];
        assert_eq!(shown(&synapse.axon, &sent.axon), after["axon"], "{id}");
        let mut dendrite = shown(&synapse.dendrite, &sent.dendrite);
        if let Some(message) = after["dendrite"]["status_message"].as_str().filter(|_| merged.is_err()) {
            // pydantic's further lines are its own, and Python names the module of the class.
            let first = dendrite["status_message"].as_str().unwrap().lines().next().unwrap().to_owned();
            assert_eq!(first, message.replace("__main__.", ""), "{id}");
            dendrite["status_message"] = message.into();
        }
        assert_eq!(dendrite, after["dendrite"], "{id}");
        assert_eq!(synapse.name, text(after, "name"), "{id}");
        assert_eq!(synapse.timeout, after["timeout"].as_f64(), "{id}");
        assert_eq!(synapse.computed_body_hash.as_deref(), after["computed_body_hash"].as_str(), "{id}");
        let body = synapse.to_json(btd_wire::python::JsonStyle::Compact);
        let body: Json = serde_json::from_str(&body).unwrap();
        for field in ["a", "b", "c"] {
            assert_eq!(body[field], after[field], "{id}: {field}");
        }
        assert_eq!(Json::Bool(synapse.dendrite.status_code == Some(200)), after["is_success"], "{id}");
    }
    assert_eq!(cases(&file).len(), 14, "the file is whole");
}

/// Seventeen servers that answer wrongly; those whose fault is in the answer itself.
#[test]
fn odd_servers_are_reported_as_python_reports_them() {
    let file = vectors("http_sdk10.json");
    let spec =
        SynapseSpec::new("Prio", vec![FieldSpec::with_default("a", FieldType::Int, 1)], HashFields::None).unwrap();
    let mut compared = 0;
    for case in file["dendrite_against_odd_servers"].as_array().unwrap() {
        let id = text(case, "id");
        // Faults of the connection, which a merge never sees.
        if matches!(
            id,
            "odd-truncated"
                | "odd-close-without-reply"
                | "odd-not-http"
                | "odd-redirect-loop"
                | "odd-silent"
                | "odd-connection-refused"
                | "odd-not-serving"
        ) {
            continue;
        }
        let (status, headers, body) = answer_of(text(case, "server_sent_utf8"));
        let mut fields = indexmap::IndexMap::new();
        fields.insert("a".to_owned(), Value::from(3));
        let mut synapse = Synapse::new(&spec, fields);
        let answer = Answer { status, headers: &headers, body: &body, url: "http://127.0.0.1:18103/Prio" };
        let merged = merge(&spec, &mut synapse, &answer);
        for (ours, theirs) in [(&synapse.dendrite, &case["dendrite"]), (&synapse.axon, &case["axon"])] {
            assert_eq!(ours.status_code, theirs["status_code"].as_i64(), "{id}");
            let first = |text: Option<&str>| text.and_then(|text| text.lines().next()).map(ToOwned::to_owned);
            assert_eq!(first(ours.status_message.as_deref()), first(theirs["status_message"].as_str()), "{id}");
        }
        let body = btd_wire::python::python_str(&synapse.fields["a"]);
        assert_eq!(body, case["a"].to_string(), "{id}");
        // The caller sets the time of what did not fail.
        assert_eq!(merged.is_ok(), case["dendrite"]["process_time"].is_number(), "{id}");
        compared += 1;
    }
    assert_eq!(compared, 10);
}
