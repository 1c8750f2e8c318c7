//! Requests that are signed as SDK 11 signs, at the door of an axon.

use std::{collections::HashSet, sync::Arc, time::Duration};

use btd_wire::{
    admission::{
        Gate, KnownHotkeys, Memory, MemoryLimits, Refusal, RefusalKind, Refused, RequestHead, Rules, Verified, admit,
    },
    python::Value,
    synapse::Declaration,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use sha2::{Digest, Sha256};

use crate::support::{Key, now};

const SECOND: i128 = 1_000_000_000;
const NOW: i128 = 1_800_000_000 * SECOND;

struct Scene {
    gate: Gate,
    axon: Key,
    sender: Key,
}

impl Scene {
    fn new() -> Self {
        let (axon, sender) = (Key::new(1), Key::new(2));
        let declaration = Declaration { name: "Prompt".into(), fields: vec!["text: str".into()], ..Default::default() };
        let members = Arc::new(KnownHotkeys(HashSet::from([sender.account])));
        let memory = Arc::new(Memory::new(NOW - 60 * SECOND, Duration::from_secs(2), MemoryLimits::default()));
        let specs = vec![Arc::new(declaration.spec().unwrap())];
        Self { gate: Gate::new(axon.account, specs, Rules::default(), members, memory), axon, sender }
    }

    fn headers(&self, key: &Key, path: &str, body: &[u8], nonce: i128) -> HeaderMap {
        let (sender, receiver) = (key.account.to_string(), self.axon.account.to_string());
        let hash = hex::encode(Sha256::digest(body));
        let payload = format!("btauth/1\nsr25519\nPOST\n{path}\n{hash}\n{nonce}\n{sender}\n{receiver}");
        let signature = format!("0x{}", hex::encode(key.sign(&payload)));
        let headers = [
            ("x-bittensor-version", "1".to_owned()),
            ("x-bittensor-hotkey", sender),
            ("x-bittensor-nonce", nonce.to_string()),
            ("x-bittensor-signature", signature),
            ("x-bittensor-receiver", receiver),
        ];
        headers.into_iter().map(|(name, text)| (name.parse().unwrap(), HeaderValue::from_str(&text).unwrap())).collect()
    }

    fn send(&self, path: &str, headers: &HeaderMap, body: &'static [u8], clock: i128) -> Result<Verified, Refusal> {
        let head = RequestHead { method: &Method::POST, target: path, headers, peer: ([127, 0, 0, 1], 5_000).into() };
        now(admit(&self.gate, head, Bytes::from_static(body), clock)).map_err(|Refused { refusal, .. }| refusal)
    }
}

const BODY: &[u8] = br#"{"text": "hello"}"#;

#[test]
fn an_honest_request_passes_once() {
    let scene = Scene::new();
    let headers = scene.headers(&scene.sender, "/Prompt", BODY, NOW);
    let verified = scene.send("/Prompt", &headers, BODY, NOW).unwrap();
    assert_eq!(verified.sender(), scene.sender.account);
    assert_eq!(verified.synapse().fields["text"], Value::from("hello"));
    assert_eq!(verified.claimed().dendrite.hotkey, Some(scene.sender.account.to_string()));
    let again = scene.send("/Prompt", &headers, BODY, NOW).unwrap_err();
    assert_eq!((again.kind(), again.status()), (RefusalKind::Replayed, 401));
}

#[test]
fn the_query_is_signed_as_it_was_sent() {
    let scene = Scene::new();
    for (number, target) in (0..).zip(["/Prompt?x=1", "/Prompt?", "/Prompt?x=%20&y=a/b?c", "/Prompt"]) {
        let nonce = NOW + number;
        let headers = scene.headers(&scene.sender, target, BODY, nonce);
        for other in ["/Prompt?x=2", "/Prompt?x=1&y=", "/Prompt?x=1%20"] {
            assert_eq!(scene.send(other, &headers, BODY, NOW).unwrap_err().kind(), RefusalKind::Unauthenticated);
        }
        let verified = scene.send(target, &headers, BODY, NOW).unwrap();
        assert_eq!(verified.spec().name(), "Prompt", "{target}");
    }
}

#[test]
fn without_a_body_every_field_takes_its_default() {
    let mut scene = Scene::new();
    let declare = |field: &str| Declaration { name: "Get".into(), fields: vec![field.into()], ..Default::default() };
    for (number, (field, passes)) in (0..).zip([("n: int = 7", true), ("n: int", false)]) {
        let members = Arc::new(KnownHotkeys(HashSet::from([scene.sender.account])));
        let memory = Arc::new(Memory::new(NOW - 60 * SECOND, Duration::from_secs(2), MemoryLimits::default()));
        let specs = vec![Arc::new(declare(field).spec().unwrap())];
        scene.gate = Gate::new(scene.axon.account, specs, Rules::default(), members, memory);
        let headers = scene.headers(&scene.sender, "/Get", b"", NOW + number);
        let sent = scene.send("/Get", &headers, b"", NOW);
        assert_eq!(sent.as_ref().is_ok_and(|sent| sent.synapse().fields["n"] == Value::from(7)), passes, "{sent:?}");
        let changed = scene.headers(&scene.sender, "/Get", b"{}", NOW + number + 10);
        assert_eq!(scene.send("/Get", &changed, b"", NOW).unwrap_err().kind(), RefusalKind::Unauthenticated);
    }
}

#[test]
fn nothing_forged_passes() {
    let scene = Scene::new();
    let headers = scene.headers(&scene.sender, "/Prompt", BODY, NOW);
    let refused = |path: &str, headers: &HeaderMap, body, clock| scene.send(path, headers, body, clock).unwrap_err();
    // Another body, another path, another time, another signer, another receiver, no signature.
    assert_eq!(refused("/Prompt", &headers, br#"{"text": "other"}"#, NOW).kind(), RefusalKind::Unauthenticated);
    assert_eq!(refused("/Prompt/", &headers, BODY, NOW).status(), 404);
    assert_eq!(refused("/Prompt", &headers, BODY, NOW + 11 * SECOND).kind(), RefusalKind::Stale);
    assert_eq!(refused("/Prompt", &headers, BODY, NOW - 3 * SECOND).kind(), RefusalKind::Stale);
    let stranger = scene.headers(&Key::new(3), "/Prompt", BODY, NOW);
    assert_eq!(refused("/Prompt", &stranger, BODY, NOW).kind(), RefusalKind::Forbidden);
    let mut elsewhere = headers.clone();
    elsewhere.insert("x-bittensor-receiver", scene.sender.account.to_string().parse().unwrap());
    assert_eq!(refused("/Prompt", &elsewhere, BODY, NOW).kind(), RefusalKind::Unauthenticated);
    for name in ["x-bittensor-signature", "x-bittensor-nonce", "x-bittensor-hotkey"] {
        let mut cut = headers.clone();
        cut.remove(name);
        assert_eq!(refused("/Prompt", &cut, BODY, NOW).kind(), RefusalKind::Malformed, "{name}");
    }
    let mut downgraded = headers.clone();
    downgraded.remove("x-bittensor-version");
    assert_eq!(refused("/Prompt", &downgraded, BODY, NOW).kind(), RefusalKind::Unauthenticated);
    assert_eq!(refused("/Prompt?x=1", &headers, BODY, NOW).kind(), RefusalKind::Unauthenticated);
    // None of it used the nonce up.
    scene.send("/Prompt", &headers, BODY, NOW).unwrap();
}
