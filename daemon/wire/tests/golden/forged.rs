//! Forged and replayed requests: none may pass. The rows are what was, or still is, accepted by
//! Python axons of one release or another.

use std::{collections::HashSet, net::SocketAddr, sync::Arc, time::Duration};

use btd_api::AccountId;
use btd_wire::{
    admission::{
        AnyHotkey, BodyError, BodySource, Gate, KnownHotkeys, Memory, MemoryLimits, Rate, Refusal, RefusalKind,
        Refused, RequestHead, Rules, Sender, Verified, admit,
    },
    outgoing::{Callee, Caller, Outgoing, Unsigned},
    python::Value,
    synapse::{FieldSpec, FieldType, HashFields, Synapse, SynapseSpec},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use indexmap::IndexMap;

use crate::support::{Key, now};

const SECOND: i128 = 1_000_000_000;
const START: i128 = 1_800_000_000 * SECOND;
/// A minute after the axon began: the boot fence is far behind.
const NOW: i128 = START + 60 * SECOND;

struct Scene {
    gate: Gate,
    memory: Arc<Memory>,
    axon: AccountId,
    sender: Key,
    spec: SynapseSpec,
}

impl Scene {
    fn new() -> Self {
        Self::with(Rules::default())
    }

    fn with(rules: Rules) -> Self {
        let spec = SynapseSpec::new(
            "Prompt",
            vec![FieldSpec::required("text", FieldType::Str), FieldSpec::with_default("n", FieldType::Int, 1)],
            HashFields::Listed(vec!["text".into()]),
        )
        .unwrap();
        let (axon, sender) = (Key::new(1).account, Key::new(2));
        let members = Arc::new(KnownHotkeys(HashSet::from([sender.account])));
        let memory = Arc::new(Memory::new(START, rules.max_clock_skew, MemoryLimits::default()));
        let specs = vec![Arc::new(spec.clone()), Arc::new(SynapseSpec::base())];
        let gate = Gate::new(axon, specs, rules, members, Arc::clone(&memory));
        Self { gate, memory, axon, sender, spec }
    }

    /// A request that passes, made at `nonce` by `key`.
    fn request_of(&self, key: &Key, nonce: i128) -> Outgoing {
        let sender = key.account.to_string();
        let caller = Caller { hotkey: &sender, uuid: "u", ip: None };
        let callee = Callee { hotkey: self.axon, ip: "127.0.0.1".into(), port: 8091 };
        let fields: IndexMap<_, _> =
            [("text".to_owned(), Value::from("hello")), ("n".to_owned(), Value::from(1))].into_iter().collect();
        let unsigned = Unsigned::new(&self.spec, Synapse::new(&self.spec, fields), (caller, callee), 12.0, nonce);
        let signature = key.sign(unsigned.message().text());
        unsigned.sign(&self.spec, &signature)
    }

    fn request(&self, nonce: i128) -> Outgoing {
        self.request_of(&self.sender, nonce)
    }

    fn send(&self, request: &Outgoing, clock: i128) -> Result<Verified, Refusal> {
        self.send_body(request, request.body.clone(), clock)
    }

    fn send_body<B: BodySource>(&self, request: &Outgoing, body: B, clock: i128) -> Result<Verified, Refusal> {
        let head = RequestHead {
            method: &Method::POST,
            target: &request.path,
            headers: &request.headers,
            peer: SocketAddr::from(([127, 0, 0, 1], 5_000)),
        };
        now(admit(&self.gate, head, body, clock)).map_err(|Refused { refusal, .. }| refusal)
    }
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
}

const SIGNATURE: &str = "bt_header_dendrite_signature";
const HOTKEY: &str = "bt_header_dendrite_hotkey";
const NONCE: &str = "bt_header_dendrite_nonce";
const UUID: &str = "bt_header_dendrite_uuid";
const VERSION: &str = "bt_header_dendrite_version";

/// A body that must not be asked for.
struct Untouched;

impl BodySource for Untouched {
    async fn read(self, _: Sender, _: usize) -> Result<Bytes, BodyError> {
        panic!("the body was read before the sender was proven")
    }
}

/// What was sent can be sent again as it was, hash of its fields and all.
#[test]
fn a_request_has_the_same_headers_again() {
    let scene = Scene::new();
    let request = scene.request(START + 1);
    assert!(request.headers.contains_key("computed_body_hash"));
    assert_eq!(request.headers_again(&scene.spec, HeaderMap::new()), request.headers);
}

#[test]
fn an_honest_request_passes() {
    let scene = Scene::new();
    let verified = scene.send(&scene.request(NOW), NOW).unwrap();
    assert_eq!(verified.sender(), scene.sender.account);
    assert_eq!(verified.synapse().fields["text"], Value::from("hello"));
    assert_eq!(scene.memory.len(), 1);
}

/// Each row changes one thing in a request that would pass.
#[test]
fn nothing_forged_passes() {
    type Row = (&'static str, fn(&Scene, &mut Outgoing), RefusalKind);
    let rows: [Row; 22] = [
        ("no signature", |_, r| drop(r.headers.remove(SIGNATURE)), RefusalKind::Unauthenticated),
        ("empty signature", |_, r| set(&mut r.headers, SIGNATURE, ""), RefusalKind::Unauthenticated),
        ("0x as signature", |_, r| set(&mut r.headers, SIGNATURE, "0x"), RefusalKind::Unauthenticated),
        (
            "signature of zeros",
            |_, r| set(&mut r.headers, SIGNATURE, &format!("0x{}", "00".repeat(64))),
            RefusalKind::Unauthenticated,
        ),
        (
            "truncated signature",
            |_, r| {
                let short = r.headers[SIGNATURE].to_str().unwrap()[..128].to_owned();
                set(&mut r.headers, SIGNATURE, &short);
            },
            RefusalKind::Unauthenticated,
        ),
        (
            "signature of another text",
            |scene, r| {
                let other = scene.request(NOW + 1).headers[SIGNATURE].clone();
                r.headers.insert(SIGNATURE, other);
            },
            RefusalKind::Unauthenticated,
        ),
        (
            "two signatures",
            |_, r| {
                let again = r.headers[SIGNATURE].clone();
                r.headers.append(SIGNATURE, again);
            },
            RefusalKind::Malformed,
        ),
        ("no hotkey", |_, r| drop(r.headers.remove(HOTKEY)), RefusalKind::Unauthenticated),
        ("empty hotkey", |_, r| set(&mut r.headers, HOTKEY, ""), RefusalKind::Unauthenticated),
        (
            "another hotkey, not a member",
            |_, r| set(&mut r.headers, HOTKEY, &Key::new(9).account.to_string()),
            RefusalKind::Forbidden,
        ),
        ("no nonce", |_, r| drop(r.headers.remove(NONCE)), RefusalKind::Unauthenticated),
        ("nonce changed", |_, r| set(&mut r.headers, NONCE, &(NOW + 5).to_string()), RefusalKind::Unauthenticated),
        ("nonce no number", |_, r| set(&mut r.headers, NONCE, "soon"), RefusalKind::Malformed),
        ("nonce of 4000 digits", |_, r| set(&mut r.headers, NONCE, &"9".repeat(4_000)), RefusalKind::Malformed),
        ("negative nonce", |_, r| set(&mut r.headers, NONCE, "-1"), RefusalKind::Stale),
        ("uuid changed", |_, r| set(&mut r.headers, UUID, "v"), RefusalKind::Unauthenticated),
        ("uuid without end", |_, r| set(&mut r.headers, UUID, &"u".repeat(65)), RefusalKind::Malformed),
        ("no uuid", |_, r| drop(r.headers.remove(UUID)), RefusalKind::Unauthenticated),
        ("no body hash", |_, r| drop(r.headers.remove("computed_body_hash")), RefusalKind::Unauthenticated),
        (
            "body hash changed",
            |_, r| set(&mut r.headers, "computed_body_hash", btd_wire::synapse::EMPTY_BODY_HASH),
            RefusalKind::Unauthenticated,
        ),
        (
            "hashed field changed",
            |_, r| r.body = Bytes::from_static(b"{\"text\": \"goodbye\"}"),
            RefusalKind::Unauthenticated,
        ),
        ("infinite timeout", |_, r| set(&mut r.headers, "timeout", "inf"), RefusalKind::Stale),
    ];
    for (what, forge, kind) in rows {
        let scene = Scene::new();
        let mut request = scene.request(NOW);
        forge(&scene, &mut request);
        let refusal = scene.send(&request, NOW).expect_err(what);
        assert_eq!(refusal.kind(), kind, "{what}: {refusal}");
        assert!(scene.memory.is_empty(), "{what} left a trace");
        // And the honest request still passes after it.
        scene.send(&scene.request(NOW), NOW).unwrap_or_else(|refusal| panic!("after {what}: {refusal}"));
    }
}

#[test]
fn a_captured_request_is_refused_whatever_its_unsigned_headers_say() {
    type Row = (&'static str, fn(&mut HeaderMap));
    let unsigned: [Row; 7] = [
        ("as it is", |_| ()),
        ("version lowered below 7.2", |headers| set(headers, VERSION, "7001000")),
        ("version removed", |headers| drop(headers.remove(VERSION))),
        ("timeout raised", |headers| set(headers, "timeout", "1000000")),
        ("timeout infinite", |headers| set(headers, "timeout", "inf")),
        ("timeout not a number", |headers| set(headers, "timeout", "nan")),
        ("timeout beyond floats", |headers| set(headers, "timeout", "1e309")),
    ];
    for (what, change) in unsigned {
        let scene = Scene::new();
        let mut captured = scene.request(NOW);
        scene.send(&captured, NOW).unwrap();
        change(&mut captured.headers);
        for later in [0, 1, 15 * SECOND, 16 * SECOND, 17 * SECOND, 3_600 * SECOND, 86_400 * SECOND] {
            let refusal = scene.send(&captured, NOW + later).expect_err(what);
            assert!(matches!(refusal.kind(), RefusalKind::Stale | RefusalKind::Replayed), "{what}: {refusal}");
        }
        // One that was held back and never delivered is refused an hour later too.
        let mut held_back = scene.request(NOW + 10);
        change(&mut held_back.headers);
        assert_eq!(scene.send(&held_back, NOW + 3_600 * SECOND).unwrap_err().kind(), RefusalKind::Stale, "{what}");
    }
}

#[test]
fn the_same_key_in_another_address_format_is_the_same_sender() {
    let scene = Scene::new();
    scene.send(&scene.request(NOW), NOW).unwrap();
    let text = scene.sender.account.to_string();
    assert_eq!(AccountId::from_any_format(&text), Ok(scene.sender.account));
    // The vectors hold a request whose hotkey is written in format 0; here the sender is known
    // already, so its nonce must count against the one in format 42.
    let file = crate::support::vectors("http_sdk10.json");
    let case = crate::support::cases(&file).iter().find(|case| case["id"] == "raw-hotkey-other-ss58-format").unwrap();
    let message = crate::capture::Message::read(&case["connections"][0]["request"]);
    let written = message.header(HOTKEY).unwrap();
    let account = AccountId::from_any_format(&written).unwrap();
    assert_ne!(written, account.to_string());
    let hotkey = crate::support::text(&file["axon_hotkey"], "ss58").parse().unwrap();
    let memory = Arc::new(Memory::new(0, Duration::ZERO, MemoryLimits::default()));
    let members = Arc::new(KnownHotkeys(HashSet::from([account])));
    let gate = Gate::new(hotkey, crate::capture::classes(), Rules::default(), members, Arc::clone(&memory));
    let headers = message.map();
    let clock = message.header(NONCE).unwrap().parse().unwrap();
    let head =
        RequestHead { method: &Method::POST, target: "/Prio", headers: &headers, peer: ([127, 0, 0, 1], 1).into() };
    now(admit(&gate, head, message.body.clone(), clock)).unwrap();
    assert_eq!(memory.len(), 1);
}

#[test]
fn a_nonce_far_ahead_neither_passes_nor_locks_the_sender_out() {
    let scene = Scene::new();
    let ahead = scene.request(NOW + 3 * SECOND);
    assert_eq!(scene.send(&ahead, NOW).unwrap_err().kind(), RefusalKind::Stale);
    scene.send(&scene.request(NOW), NOW).unwrap();
    // Within the allowed skew it passes.
    scene.send(&scene.request(NOW + 2 * SECOND), NOW).unwrap();
}

#[test]
fn nothing_replays_after_a_restart() {
    let before = Scene::new();
    let captured: Vec<Outgoing> = (0..100).map(|i| before.request(NOW + i * SECOND / 50)).collect();
    for request in &captured {
        before.send(request, NOW).unwrap();
    }
    // The process dies and comes back at once, with an empty memory.
    let restarted = NOW + SECOND / 10;
    let mut after = Scene::new();
    let memory = Arc::new(Memory::new(restarted, Duration::from_secs(2), MemoryLimits::default()));
    let members = Arc::new(KnownHotkeys(HashSet::from([after.sender.account])));
    after.gate =
        Gate::new(after.axon, vec![Arc::new(after.spec.clone())], Rules::default(), members, Arc::clone(&memory));
    for (index, request) in captured.iter().enumerate() {
        for later in [0, SECOND, 10 * SECOND, 20 * SECOND] {
            assert!(after.send(request, restarted + later).is_err(), "request {index} after {later} ns");
        }
    }
    assert!(memory.is_empty());
    // An honest sender gets through as soon as its clock has passed the fence.
    let refused = after.send(&after.request(restarted + SECOND), restarted + SECOND).unwrap_err();
    assert_eq!(refused.retry_after(), Some(2), "{refused}");
    after.send(&after.request(restarted + 3 * SECOND), restarted + 3 * SECOND).unwrap();
}

/// `BTD_REPLAYS` asks for more of them.
#[expect(clippy::disallowed_methods, reason = "a large run is asked for by whoever runs the tests")]
#[test]
fn captured_requests_pass_once_whenever_and_from_wherever_they_come_again() {
    let replays = std::env::var("BTD_REPLAYS").map_or(2_000, |count| count.parse().unwrap());
    let generous = Rate { per_second: 1e9, burst: 1e9 };
    let rules = Rules { rate: generous, network_rate: generous, hotkey_rate: generous, ..Rules::default() };
    let scene = Scene::with(rules.clone());
    let captured: Vec<Outgoing> = (0..200).map(|i| scene.request(NOW + i * SECOND / 100)).collect();
    for (index, request) in captured.iter().enumerate() {
        let clock = NOW + i128::try_from(index).unwrap() * SECOND / 100;
        scene.send(request, clock).unwrap();
    }
    // The same axon after a restart, half a second after the last of them.
    let restarted = NOW + 5 * SECOND / 2;
    let mut later = Scene::with(rules.clone());
    let memory = Arc::new(Memory::new(restarted, rules.max_clock_skew, MemoryLimits::default()));
    let members = Arc::new(KnownHotkeys(HashSet::from([later.sender.account])));
    later.gate = Gate::new(later.axon, vec![Arc::new(later.spec.clone())], rules, members, memory);
    let timeouts = [None, Some("12.0"), Some("1000000"), Some("-1")];
    for number in 0..replays {
        let mut request = captured[number % captured.len()].clone();
        if let Some(timeout) = timeouts[number / 7 % timeouts.len()] {
            set(&mut request.headers, "timeout", timeout);
        }
        // Now, anywhere in the window, at its edge to the nanosecond, and long after.
        let nonce = NOW + i128::try_from(number % captured.len()).unwrap() * SECOND / 100;
        let edge = nonce + 16 * SECOND;
        let within = i128::try_from(number).unwrap() * 7_919 * 1_000 % (16 * SECOND);
        let clocks = [nonce, nonce + within, edge - 1, edge, edge + 1, nonce + 3_600 * SECOND, nonce - 2 * SECOND];
        let clock = clocks[number / 3 % clocks.len()];
        let (peer, scene) = (([10, 0, u8::try_from(number % 256).unwrap(), 1], 5_000).into(), &scene);
        for scene in [scene, &later] {
            let head = RequestHead { method: &Method::POST, target: &request.path, headers: &request.headers, peer };
            // A restarted axon cannot be asked before it began.
            let clock = if std::ptr::eq(scene, &raw const later) { clock.max(restarted) } else { clock };
            let refused = now(admit(&scene.gate, head, request.body.clone(), clock));
            assert!(refused.is_err(), "replay {number} at {} ns", clock - nonce);
        }
    }
}

#[test]
fn strangers_leave_no_trace_and_cost_no_body() {
    let scene = Scene::new();
    for seed in 10..60 {
        let stranger = Key::new(seed);
        let request = scene.request_of(&stranger, NOW);
        let refusal = scene.send_body(&request, Untouched, NOW).unwrap_err();
        assert_eq!(refusal, Refusal::NotAMember { reason: "hotkey is not registered".into() });
    }
    assert!(scene.memory.is_empty());
    // Nor does a wrong signature of a member's name cost the body.
    let mut forged = scene.request(NOW);
    forged.headers.insert(SIGNATURE, scene.request(NOW + 1).headers[SIGNATURE].clone());
    assert!(matches!(scene.send_body(&forged, Untouched, NOW), Err(Refusal::BadSignature { .. })));
}

#[test]
fn a_request_for_another_axon_does_not_pass_here() {
    let scene = Scene::new();
    let mut elsewhere = Scene::new();
    elsewhere.axon = Key::new(7).account;
    let request = elsewhere.request(NOW);
    assert!(matches!(scene.send(&request, NOW), Err(Refusal::BadSignature { .. })));
}

#[test]
fn a_flood_is_stopped_before_its_signatures_are_checked() {
    let rules = Rules { rate: Rate { per_second: 10.0, burst: 5.0 }, ..Rules::default() };
    let scene = Scene::with(rules);
    let mut forged = scene.request(NOW);
    forged.headers.insert(SIGNATURE, scene.request(NOW + 1).headers[SIGNATURE].clone());
    for _ in 0..5 {
        assert!(matches!(scene.send(&forged, NOW), Err(Refusal::BadSignature { .. })));
    }
    let refusal = scene.send(&forged, NOW).unwrap_err();
    assert_eq!((refusal.status(), refusal.kind()), (429, RefusalKind::Throttled));
    // The victim, at its own address, is not held up by a flood in its name.
    let honest = scene.request(NOW + 2);
    let head = RequestHead {
        method: &Method::POST,
        target: &honest.path,
        headers: &honest.headers,
        peer: SocketAddr::from(([10, 0, 0, 9], 5_000)),
    };
    now(admit(&scene.gate, head, honest.body.clone(), NOW)).unwrap();
}

#[test]
fn lengths_are_bounded_before_anything_else() {
    let scene = Scene::with(Rules { max_body: 1_000, ..Rules::default() });
    let mut stated = scene.request(NOW);
    set(&mut stated.headers, "content-length", "1001");
    assert_eq!(scene.send_body(&stated, Untouched, NOW).unwrap_err(), Refusal::TooLarge { limit: 1_000 });
    // A body without a stated length is cut off as it comes.
    let mut unstated = scene.request(NOW);
    unstated.headers.remove("content-length");
    unstated.body = Bytes::from(vec![b' '; 1_001]);
    assert_eq!(scene.send(&unstated, NOW).unwrap_err(), Refusal::TooLarge { limit: 1_000 });
    for (name, value) in [("transfer-encoding", "chunked"), ("content-length", "7")] {
        let mut ambiguous = scene.request(NOW);
        ambiguous.headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        assert_eq!(scene.send_body(&ambiguous, Untouched, NOW).unwrap_err(), Refusal::AmbiguousLength, "{name}");
    }
    assert!(scene.memory.is_empty());
}

#[test]
fn a_browser_wallets_signature_passes() {
    let scene = Scene::new();
    let mut request = scene.request(NOW);
    let text = format!(
        "{NOW}.{}.{}.u.{}",
        scene.sender.account,
        scene.axon,
        request.headers["computed_body_hash"].to_str().unwrap()
    );
    let wrapped = scene.sender.sign(&format!("<Bytes>{text}</Bytes>"));
    set(&mut request.headers, SIGNATURE, &format!("0x{}", hex::encode(wrapped)));
    scene.send(&request, NOW).unwrap();
}

#[test]
fn anybody_means_anybody_who_proves_a_hotkey() {
    let scene = Scene::new();
    let gate = Gate::new(
        scene.axon,
        vec![Arc::new(scene.spec.clone())],
        Rules::default(),
        Arc::new(AnyHotkey),
        Arc::clone(&scene.memory),
    );
    let stranger = Key::new(33);
    let request = scene.request_of(&stranger, NOW);
    let head =
        |headers| RequestHead { method: &Method::POST, target: "/Prompt", headers, peer: ([127, 0, 0, 1], 1).into() };
    let verified = now(admit(&gate, head(&request.headers), request.body.clone(), NOW)).unwrap();
    assert_eq!(verified.sender(), stranger.account);
    let mut unsigned = scene.request_of(&stranger, NOW + 1);
    unsigned.headers.remove(SIGNATURE);
    assert!(now(admit(&gate, head(&unsigned.headers), unsigned.body.clone(), NOW)).is_err());
}
