//! The captured requests of bittensor 10.5.0 against our door: same status, message, header set
//! and body, or a listed difference.

use std::{borrow::Cow, net::SocketAddr, sync::Arc};

use btd_api::AccountId;
use btd_wire::{
    admission::{AnyHotkey, Members, Standing},
    synapse::latin1,
};
use bytes::Bytes;
use http::Response;
use serde_json::Value as Json;

use crate::{
    capture::{Axon, Message},
    support::{cases, text, vectors},
};

const SECOND: i128 = 1_000_000_000;

/// Captures that cannot be replayed as one request and one answer.
const NOT_REPLAYED: [(&str, &str); 5] = [
    ("stream", "answers in a stream"),
    ("timeout", "the client gave up, there is no answer"),
    ("keep-alive", "is about the connection"),
    ("priority-timeout", "a priority function is the axon's, not the door's"),
    ("custom-verify-fails", "a custom verification function is the axon's, not the door's"),
];

/// Where we answer otherwise on purpose: case, our status, the beginning of our message, why.
const DIFFERENT: [(&str, u16, &str, &str); 12] = [
    (
        "raw-missing-input-obj",
        500,
        "Internal Server Error #",
        "input_obj headers are not needed here; what fails is the body",
    ),
    (
        "required-tensor",
        404,
        "Synapse name 'RequiredTensor' not found.",
        "the class cannot travel between Python peers either",
    ),
    (
        "blacklist-non-latin1-reason",
        403,
        "Forbidden. Key is blacklisted: ??.",
        "the reason is sanitised, Python's answer breaks",
    ),
    (
        "blacklist-newline-reason",
        403,
        "Forbidden. Key is blacklisted: a b.",
        "the reason is sanitised, Python drops the connection",
    ),
    ("unknown-synapse", 404, "Synapse name 'Unknown' not found.", "strangers are not told what is served"),
    ("raw-root-path", 404, "Synapse name '' not found.", "strangers are not told what is served"),
    ("raw-openapi", 404, "Synapse name 'openapi.json' not found.", "strangers are not told what is served"),
    (
        "nonce-1h-in-future",
        401,
        "Not Verified with error: Nonce is too far ahead",
        "a nonce far ahead locks the sender out",
    ),
    (
        "old-version-monotonic-nonce",
        401,
        "Not Verified with error: Nonce is too old: acceptable delta",
        "the unsigned version does not lower the rules",
    ),
    (
        "raw-old-nonce-big-timeout-header",
        401,
        "Not Verified with error: Nonce is too old: acceptable delta is 16.00 seconds",
        "the unsigned timeout widens the window by 12 s at most",
    ),
    (
        "raw-timeout-nan",
        401,
        "Not Verified with error: Timeout is not a finite number",
        "the unsigned timeout cannot switch the window off",
    ),
    (
        "raw-duplicate-nonce-header",
        401,
        "Not Verified with error: Header bt_header_dendrite_nonce is given twice",
        "two readers could see two requests",
    ),
];

#[derive(Debug)]
struct Blacklist(&'static str);

impl Members for Blacklist {
    fn standing(&self, _: &AccountId) -> Standing {
        Standing::Refused(Cow::Borrowed(self.0))
    }
}

fn members(id: &str) -> Arc<dyn Members> {
    match id {
        "blacklisted" => Arc::new(Blacklist("not on the list")),
        "blacklist-latin1-reason" => Arc::new(Blacklist("café")),
        "blacklist-non-latin1-reason" => Arc::new(Blacklist("漢字")),
        "blacklist-newline-reason" => Arc::new(Blacklist("a\nb")),
        _ => Arc::new(AnyHotkey),
    }
}

/// The clock of a case: a few milliseconds after its nonce, unless its nonce is displaced.
fn clock(id: &str, request: &Message) -> i128 {
    let nonce: i128 =
        request.header("bt_header_dendrite_nonce").and_then(|text| text.replace('_', "").parse().ok()).unwrap_or(0);
    nonce
        + match id {
            "nonce-too-old" => 30 * SECOND + SECOND / 100,
            "nonce-14s-old-timeout-12" => 14 * SECOND,
            "nonce-1h-in-future" => -3_600 * SECOND,
            "raw-old-nonce-big-timeout-header" => 60 * SECOND,
            "old-version-monotonic-nonce" => 1_795_354_869 * SECOND,
            _ => SECOND / 1_000,
        }
}

fn header(response: &Response<Bytes>, name: &str) -> Option<String> {
    response.headers().get(name).map(latin1)
}

#[test]
fn every_captured_request_is_answered_as_captured() {
    let file = vectors("http_sdk10.json");
    let hotkey = text(&file["axon_hotkey"], "ss58");
    let mut replayed = 0;
    for case in cases(&file) {
        let id = text(case, "id");
        if NOT_REPLAYED.iter().any(|(other, _)| *other == id) {
            continue;
        }
        let axon = Axon::new(hotkey, members(id));
        for connection in case["connections"].as_array().unwrap() {
            let request = Message::read(&connection["request"]);
            let expected = connection["response"]["raw_b64"].as_str().map(|_| Message::read(&connection["response"]));
            let told = |name: &str| expected.as_ref().and_then(|message| message.header(name));
            let peer = told("bt_header_dendrite_port").map_or(1, |port| port.parse().unwrap());
            let peer = SocketAddr::from(([127, 0, 0, 1], peer));
            let clock = clock(id, &request);
            if id == "replayed-nonce" {
                assert_eq!(axon.answer(&request, peer, clock).status(), 200, "the first of the two");
            }
            let answer = axon.answer(&request, peer, clock);
            if let Some((_, status, message, _)) = DIFFERENT.iter().find(|(other, ..)| *other == id) {
                assert_eq!(answer.status(), *status, "{id}");
                let ours = header(&answer, "bt_header_axon_status_message").unwrap_or_default();
                assert!(ours.starts_with(message), "{id}: {ours}");
            } else {
                compare(id, &answer, &expected.unwrap());
            }
            replayed += 1;
        }
    }
    assert_eq!(replayed, 57, "every other case was replayed");
}

/// Header values that depend on the run.
const VARYING: [&str; 6] = [
    "bt_header_axon_process_time",
    "bt_header_axon_nonce",
    "bt_header_axon_uuid",
    "header_size",
    "total_size",
    "content-length",
];

fn compare(id: &str, ours: &Response<Bytes>, theirs: &Message) {
    let incident = |text: String| match text.split_once('#') {
        Some((before, _)) if before.starts_with("Internal Server Error") => format!("{before}#"),
        _ => text,
    };
    assert_eq!(ours.status(), theirs.status(), "{id}: {:?}", ours.body());
    let names = |names: Vec<String>| {
        let mut names: Vec<_> = names
            .into_iter()
            // The framework's own, and the signature that we do not make.
            .filter(|name| !matches!(name.as_str(), "date" | "server" | "bt_header_axon_signature"))
            .collect();
        // Peers put the content headers first or last, depending on the framework.
        names.sort_by_key(|name| name.starts_with("content-"));
        names
    };
    let our_names = names(ours.headers().keys().map(ToString::to_string).collect());
    let their_names = names(theirs.headers.iter().map(|(name, _)| name.clone()).collect());
    assert_eq!(our_names, their_names, "{id}");
    for name in our_names.iter().filter(|name| !VARYING.contains(&name.as_str())) {
        assert_eq!(header(ours, name).map(incident), theirs.header(name).map(incident), "{id}: {name}");
    }
    let body = |bytes: &[u8]| -> Json {
        let mut body: Json = serde_json::from_slice(bytes).unwrap();
        if let Some(axon) = body.get_mut("axon").and_then(Json::as_object_mut) {
            axon.insert("process_time".into(), Json::Null);
        }
        if let Some(message) = body.get("message").and_then(Json::as_str).map(ToOwned::to_owned) {
            body["message"] = incident(message).into();
        }
        body
    };
    // As texts, so that the order of members counts too.
    assert_eq!(body(ours.body()).to_string(), body(&theirs.body).to_string(), "{id}");
}

#[test]
fn a_captured_request_passes_once() {
    let file = vectors("http_sdk10.json");
    let axon = Axon::new(text(&file["axon_hotkey"], "ss58"), Arc::new(AnyHotkey));
    let ping = Message::read(&cases(&file)[0]["connections"][0]["request"]);
    let peer = SocketAddr::from(([127, 0, 0, 1], 1));
    let clock = clock("ping", &ping);
    assert_eq!(axon.answer(&ping, peer, clock).status(), 200);
    let replay = axon.answer(&ping, peer, clock);
    assert_eq!(replay.status(), 401);
    assert_eq!(
        header(&replay, "bt_header_axon_status_message").unwrap(),
        "Not Verified with error: Nonce is too old, a newer one was last processed"
    );
}
