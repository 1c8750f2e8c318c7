//! Requests signed by bittensor 11.3.0, and the verdicts of its own verifier.

use std::{sync::Arc, time::Duration};

use btd_wire::{
    admission::{AnyHotkey, KnownHotkeys},
    btauth::{AuthError, AuthGate, AuthHead, AuthRules, Binding, Seen, authenticate},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value as Json;

use crate::support::{cases, now, text, vectors};

const OTHER: &str = "5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy";
const SECOND: i128 = 1_000_000_000;

/// One request, to be changed by a check.
struct Request {
    method: String,
    target: String,
    headers: HeaderMap,
    body: Bytes,
    clock: i128,
    receiver: String,
    binding: Binding,
}

impl Request {
    fn read(case: &Json) -> Self {
        let headers = case["headers"].as_object().unwrap();
        let headers = headers
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes()).unwrap();
                (name, HeaderValue::from_str(value.as_str().unwrap()).unwrap())
            })
            .collect();
        let nonce: i128 = text(case, "nonce_ns").parse().unwrap();
        Self {
            method: text(case, "method").to_owned(),
            target: text(case, "path").to_owned(),
            headers,
            body: hex::decode(text(case, "body_hex")).unwrap().into(),
            clock: nonce + SECOND,
            receiver: case["receiver"]
                .as_str()
                .unwrap_or("5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty")
                .to_owned(),
            binding: Binding::Required,
        }
    }

    fn set(&mut self, name: &'static str, change: impl Fn(&str) -> String) {
        let old = self.headers.get(name).map_or_else(String::new, |value| value.to_str().unwrap().to_owned());
        self.headers.insert(name, HeaderValue::from_str(&change(&old)).unwrap());
    }

    fn verify(&self, seen: &Arc<Seen>) -> Result<(), AuthError> {
        let rules = AuthRules { binding: self.binding, ..AuthRules::default() };
        let gate = AuthGate::new(self.receiver.parse().unwrap(), rules, Arc::new(AnyHotkey), Arc::clone(seen));
        let head = AuthHead { method: &self.method, target: &self.target, headers: &self.headers };
        now(authenticate(&gate, head, self.body.clone(), self.clock)).map(|_| ())
    }
}

fn fresh() -> Arc<Seen> {
    Arc::new(Seen::new(0, Duration::ZERO))
}

fn class(error: &AuthError) -> &'static str {
    match error {
        AuthError::Malformed(_) => "MalformedAuth",
        AuthError::WrongReceiver(_) => "WrongReceiver",
        AuthError::Old(_) | AuthError::Ahead(_) => "StaleRequest",
        AuthError::BadSignature => "BadSignature",
        AuthError::Replayed => "ReplayedRequest",
        other => panic!("the reference has no {other:?}"),
    }
}

#[test]
fn every_verdict_is_that_of_the_reference() {
    let file = vectors("btauth.json");
    let mut compared = 0;
    for case in cases(&file) {
        for verdict in case["verify"].as_array().unwrap() {
            let check = text(verdict, "check");
            let mut request = Request::read(case);
            let nonce = request.clock - SECOND;
            let seen = fresh();
            match check {
                "as sent, 1 s later" | "lower-case header names" | "first" => {}
                "body changed" => request.body = [&request.body[..], b"x"].concat().into(),
                "path changed" => request.target.push('x'),
                "method lower case" => request.method = request.method.to_ascii_lowercase(),
                "method changed" => "PUT".clone_into(&mut request.method),
                "10.0 s later" => request.clock = nonce + 10 * SECOND,
                "10.000000001 s later" => request.clock = nonce + 10 * SECOND + 1,
                "2.0 s before" => request.clock = nonce - 2 * SECOND,
                "2.000000001 s before" => request.clock = nonce - 2 * SECOND - 1,
                "other receiver" => OTHER.clone_into(&mut request.receiver),
                "receiver not required" => request.binding = Binding::Optional,
                "replayed" => {
                    // Where the first is refused, the second is refused alike.
                    let _ = request.verify(&seen);
                }
                "no version header" => drop(request.headers.remove("x-bittensor-version")),
                "nonce with plus sign" => request.set("x-bittensor-nonce", |old| format!("+{old}")),
                "crypto given as number" => {
                    let number = case["crypto_type"].to_string();
                    request.set("x-bittensor-crypto", |_| number.clone());
                }
                "unknown crypto" => request.set("x-bittensor-crypto", |_| "ecdsa".to_owned()),
                "signature without 0x" => request.set("x-bittensor-signature", |old| old[2..].to_owned()),
                "signature short" => request.set("x-bittensor-signature", |old| old[..old.len() - 2].to_owned()),
                "signature not hex" => request.set("x-bittensor-signature", |_| "0xzz".to_owned()),
                "bad hotkey" => request.set("x-bittensor-hotkey", |_| "5abc".to_owned()),
                other => panic!("check {other}"),
            }
            let result = request.verify(&seen);
            let id = format!("{}: {check}", text(case, "id"));
            match text(verdict, "result") {
                "ok" => assert_eq!(result, Ok(()), "{id}"),
                expected => {
                    let error = result.expect_err(&id);
                    assert_eq!(class(&error), expected, "{id}");
                    assert_eq!(error.to_string(), text(verdict, "message"), "{id}");
                }
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 88, "the file is whole");
}

#[test]
fn nothing_replays_after_a_restart_and_strangers_leave_no_trace() {
    let file = vectors("btauth.json");
    let request = Request::read(&cases(&file)[0]);
    let head = AuthHead { method: &request.method, target: &request.target, headers: &request.headers };
    // The reference accepts this one: its memory of before the restart is gone.
    let restarted = Arc::new(Seen::new(request.clock - SECOND / 2, Duration::from_secs(2)));
    assert_eq!(request.verify(&restarted), Err(AuthError::BeforeBoot));
    let seen = fresh();
    let nobody = Arc::new(KnownHotkeys::default());
    let gate = AuthGate::new(request.receiver.parse().unwrap(), AuthRules::default(), nobody, Arc::clone(&seen));
    let refused = now(authenticate(&gate, head, request.body.clone(), request.clock)).unwrap_err();
    assert_eq!(refused, AuthError::NotAMember("hotkey is not registered".into()));
    assert!(restarted.is_empty() && seen.is_empty());
    // A second header of one name is refused, whichever of the two a reader would take.
    let mut doubled = Request::read(&cases(&file)[0]);
    doubled.headers.append("x-bittensor-nonce", HeaderValue::from_static("1"));
    assert!(matches!(doubled.verify(&fresh()), Err(AuthError::Malformed(_))));
}
