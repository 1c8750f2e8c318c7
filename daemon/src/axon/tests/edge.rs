//! What a stranger may cost: requests refused, limits kept, faults contained.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use btd_wire::{
    outgoing::{Callee, Caller, Outgoing, Unsigned},
    python::Value,
    synapse::{Synapse, SynapseSpec},
};
use indexmap::IndexMap;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::Notify,
    time::timeout,
};

use super::support::*;
use crate::{
    axon::{AxonHandle, Config, service::nanos_since_1970},
    dendrite::{Outcome, Transport},
};

const BOTH: [Transport; 2] = [Transport::Http, Transport::Quic];

fn fields(text: &str) -> IndexMap<String, Value> {
    [("n".to_owned(), Value::Float(1.0)), ("text".to_owned(), text.into())].into_iter().collect()
}

async fn call(axon: &AxonHandle, name: &str, transport: Transport) -> Outcome {
    dendrite().call(target(axon), &spec(name), fields("hello"), (transport, PATIENCE)).await
}

/// The bytes of one signed ping, as HTTP/1.1 writes them.
pub(super) async fn raw_ping(axon: &AxonHandle, key: &Key) -> Vec<u8> {
    raw(axon, key, &SynapseSpec::base()).await
}

/// The bytes of one signed request without fields, as HTTP/1.1 writes them.
async fn raw(axon: &AxonHandle, key: &Key, spec: &SynapseSpec) -> Vec<u8> {
    raw_of(axon, key, spec, IndexMap::new()).await
}

/// One signed request.
pub(super) async fn signed(
    axon: &AxonHandle,
    key: &Key,
    spec: &SynapseSpec,
    fields: IndexMap<String, Value>,
) -> Outgoing {
    let sender = key.account().to_string();
    let caller = Caller { hotkey: &sender, uuid: "raw", ip: None };
    let callee = Callee { hotkey: axon.hotkey(), ip: "127.0.0.1".into(), port: axon.address().port() };
    let synapse = Synapse::new(spec, spec.coerce(fields).unwrap());
    let unsigned = Unsigned::new(spec, synapse, (caller, callee), 12.0, nanos_since_1970());
    let signature = key.signer().sign(&key.account(), unsigned.message()).await.unwrap();
    unsigned.sign(spec, &signature)
}

/// The bytes of one signed request, as HTTP/1.1 writes them.
pub(super) async fn raw_of(
    axon: &AxonHandle,
    key: &Key,
    spec: &SynapseSpec,
    fields: IndexMap<String, Value>,
) -> Vec<u8> {
    let outgoing = signed(axon, key, spec, fields).await;
    let mut bytes = format!("POST {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n", outgoing.path).into_bytes();
    for (name, value) in &outgoing.headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&outgoing.body);
    bytes
}

/// Sends bytes and reads until the axon closes.
pub(super) async fn exchange(axon: &AxonHandle, bytes: &[u8]) -> String {
    exchange_over(TcpStream::connect(axon.address()).await.unwrap(), bytes).await
}

pub(super) async fn exchange_over(mut stream: TcpStream, bytes: &[u8]) -> String {
    stream.write_all(bytes).await.unwrap();
    let mut reply = Vec::new();
    // A reset after the reply is as good as a close.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut reply)).await.expect("the axon closes the connection");
    String::from_utf8_lossy(&reply).into_owned()
}

#[tokio::test]
async fn a_custom_synapse_is_answered_over_both_transports() {
    let axon = axon(config(), vec![Arc::new(Scripted("Add", Deed::Increment))]).await;
    for transport in BOTH {
        let outcome = call(&axon, "Add", transport).await;
        assert_eq!((outcome.status_code, outcome.transport), (200, transport), "{}", outcome.status_message);
        let synapse = outcome.synapse.unwrap();
        assert_eq!(synapse.fields["n"], Value::Float(2.0));
        assert_eq!(synapse.fields["text"], Value::from("hello"));
    }
    assert_eq!(axon.stop().await.requests["answered"], 2);
}

#[tokio::test]
async fn a_replayed_request_is_refused() {
    let axon = axon(config(), vec![]).await;
    let request = raw_ping(&axon, &caller_key()).await;
    let first = exchange(&axon, &request).await;
    assert!(first.starts_with("HTTP/1.1 200 OK\r\n"), "{first}");
    let again = exchange(&axon, &request).await;
    assert!(again.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{again}");
    assert!(again.contains("a newer one was last processed"), "{again}");
    let status = axon.stop().await;
    assert_eq!((status.requests["answered"], status.requests["replayed"]), (1, 1));
}

#[tokio::test]
async fn a_request_that_was_overtaken_on_its_way_passes_and_one_that_comes_late_does_not() {
    let axon = axon(config(), vec![]).await;
    let [late, overtaken, new] = [
        raw_ping(&axon, &caller_key()).await,
        raw_ping(&axon, &caller_key()).await,
        raw_ping(&axon, &caller_key()).await,
    ];
    // Accepted in the order in which they connect.
    let open = TcpStream::connect(axon.address()).await.unwrap();
    let answered = [exchange(&axon, &new).await, exchange_over(open, &overtaken).await];
    for reply in &answered {
        assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    }
    for request in [&late, &overtaken, &new] {
        let reply = exchange(&axon, request).await;
        assert!(reply.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{reply}");
    }
}

#[tokio::test]
async fn a_stranger_is_turned_away_and_leaves_no_trace() {
    let axon = axon(config(), vec![]).await;
    for transport in BOTH {
        let outcome = dendrite_of(&Key::new(9)).ping(target(&axon), transport, PATIENCE).await;
        assert_eq!(outcome.status_code, 403);
        assert_eq!(outcome.status_message, "Forbidden. Key is blacklisted: hotkey is not registered.");
    }
    let status = axon.stop().await;
    assert_eq!((status.requests["forbidden"], status.senders), (2, 0));
}

#[tokio::test]
async fn unknown_paths_and_methods_get_the_answers_of_the_python_axon() {
    let axon = axon(config(), vec![]).await;
    let ask = async |line: &str| {
        exchange(&axon, format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await
    };
    let bare = ask("GET /Synapse").await;
    assert!(bare.starts_with("HTTP/1.1 401"), "{bare}");
    assert!(
        bare.ends_with("{\"message\":\"Not Verified with error: No SS58 formatted address or public key provided.\"}"),
        "{bare}"
    );
    let unknown = ask("POST /openapi.json").await;
    assert!(
        unknown.starts_with("HTTP/1.1 404") && unknown.contains("Synapse name 'openapi.json' not found."),
        "{unknown}"
    );
    assert!(ask("POST /Synapse/more").await.ends_with("{\"detail\":\"Not Found\"}"));
    assert!(ask("DELETE /Synapse").await.ends_with("{\"detail\":\"Method Not Allowed\"}"));
    let garbage = exchange(&axon, b"SSH-2.0-x\r\n\r\n").await;
    assert!(garbage.is_empty() || garbage.starts_with("HTTP/1.1 400"), "{garbage}");
}

/// Whoever asks for much and takes nothing holds neither a connection nor what was answered.
#[tokio::test]
async fn a_reply_that_is_not_taken_is_given_up() {
    let impatient = Config { body_timeout_ms: 2_000, ..config() };
    let axon = axon(impatient, vec![Arc::new(Scripted("Add", Deed::Increment))]).await;
    let spec = spec("Add");
    let text = [("text".to_owned(), Value::from("x".repeat(4_000_000)))].into_iter().collect();
    let request = raw_of(&axon, &caller_key(), &spec, text).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(axon.address()).await.unwrap();
    stream.write_all(&request).await.unwrap();
    let given_up = async {
        while axon.status().requests["answered"] == 0 || axon.status().connections > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, given_up).await.unwrap_or_else(|_| panic!("{:?}", axon.status()));
    assert_eq!(axon.status().requests["connections_failed"], 1);
}

#[tokio::test]
async fn a_large_body_is_refused_before_it_is_read() {
    let small = Config { max_body_bytes: 2_000, ..config() };
    let axon = axon(small, vec![Arc::new(Scripted("Add", Deed::Increment))]).await;
    // The stated length alone is enough: not a byte of the body is sent.
    let stated = exchange(&axon, b"POST /Synapse HTTP/1.1\r\nhost: x\r\ncontent-length: 2001\r\n\r\n").await;
    assert!(stated.starts_with("HTTP/1.1 413 Payload Too Large\r\n"), "{stated}");
    for transport in BOTH {
        let outcome =
            dendrite().call(target(&axon), &spec("Add"), fields(&"x".repeat(300_000)), (transport, PATIENCE)).await;
        assert_eq!(outcome.status_code, 413, "{transport:?}: {}", outcome.status_message);
    }
    // A body without a stated length is cut off as it comes, once its sender has proven itself.
    let signed = raw_ping(&axon, &caller_key()).await;
    let head_end = signed.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(signed[..head_end].to_vec()).unwrap();
    let head: Vec<&str> = head.split("\r\n").filter(|line| !line.starts_with("content-length")).collect();
    let mut chunked = format!("{}\r\ntransfer-encoding: chunked\r\n\r\n", head.join("\r\n")).into_bytes();
    chunked.extend_from_slice(format!("bb8\r\n{}\r\n0\r\n\r\n", " ".repeat(3_000)).as_bytes());
    let cut = exchange(&axon, &chunked).await;
    assert!(cut.starts_with("HTTP/1.1 413"), "{cut}");
    assert_eq!(axon.stop().await.requests["too_large"], 4);
}

#[tokio::test]
async fn a_timeout_that_is_not_positive_sets_no_limit() {
    let axon = axon(config(), vec![]).await;
    for stated in ["0.0", "-1.0", "0"] {
        // The header is not signed.
        let request = String::from_utf8(raw_ping(&axon, &caller_key()).await).unwrap();
        assert_eq!(request.matches("\r\ntimeout: 12.0\r\n").count(), 1, "{request}");
        let request = request.replace("\r\ntimeout: 12.0\r\n", &format!("\r\ntimeout: {stated}\r\n"));
        let reply = exchange(&axon, request.as_bytes()).await;
        assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{stated}: {reply}");
    }
}

/// Python reads them, and the reply could not be written.
#[tokio::test]
async fn a_body_whose_base_holds_what_json_lacks_is_refused() {
    let axon = axon(config(), vec![]).await;
    for body in [r#"{"timeout": NaN}"#, r#"{"timeout": "inf"}"#, r#"{"dendrite": {"process_time": "inf"}}"#] {
        let request = String::from_utf8(raw_ping(&axon, &caller_key()).await).unwrap();
        let head = request.split_once("\r\n\r\n").unwrap().0.split("\r\n");
        let head: Vec<_> = head.filter(|line| !line.starts_with("content-length")).collect();
        let request = format!("{}\r\ncontent-length: {}\r\n\r\n{body}", head.join("\r\n"), body.len());
        let reply = exchange(&axon, request.as_bytes()).await;
        assert!(reply.starts_with("HTTP/1.1 500 "), "{body}: {reply}");
    }
}

/// What is said of the two ends is held several times.
#[tokio::test]
async fn what_is_said_of_the_two_ends_is_bounded_in_heads_and_in_bodies() {
    let axon = axon(config(), vec![]).await;
    for (length, status) in [(7_000, "200"), (9_000, "413")] {
        let text = "x".repeat(length);
        let request = String::from_utf8(raw_ping(&axon, &caller_key()).await).unwrap();
        let long = request.replacen(
            "\r\nhost: x\r\n",
            &format!("\r\nhost: x\r\nbt_header_axon_status_message: {text}\r\n"),
            1,
        );
        let reply = exchange(&axon, long.as_bytes()).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{length} in the head: {reply}");

        let body = format!(r#"{{"dendrite": {{"status_message": "{text}"}}}}"#);
        let request = String::from_utf8(raw_ping(&axon, &caller_key()).await).unwrap();
        let head = request.split_once("\r\n\r\n").unwrap().0.split("\r\n");
        let head: Vec<_> = head.filter(|line| !line.starts_with("content-length")).collect();
        let long = format!("{}\r\ncontent-length: {}\r\n\r\n{body}", head.join("\r\n"), body.len());
        let reply = exchange(&axon, long.as_bytes()).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{length} in the body: {reply}");
        assert_eq!(reply.contains("longer than 8190 bytes"), status == "413", "{reply}");
    }
    assert_eq!(axon.stop().await.requests["too_large"], 2);
}

#[tokio::test]
async fn two_stated_lengths_are_refused() {
    let axon = axon(config(), vec![]).await;
    for second in ["transfer-encoding: chunked", "content-length: 4"] {
        for path in ["/Synapse", "/Nowhere"] {
            let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n{second}\r\n\r\n");
            // hyper refuses the second itself. That each is closed, the exchange waits for.
            let reply = exchange(&axon, format!("{head}{{}} ").as_bytes()).await;
            assert!(reply.starts_with("HTTP/1.1 400 "), "{second} {path}: {reply}");
        }
    }
    assert_eq!(axon.stop().await.requests["answered"], 0);
}

#[tokio::test]
async fn slow_and_idle_connections_are_closed() {
    let impatient = Config { header_timeout_ms: 100, body_timeout_ms: 100, ..config() };
    let axon = axon(impatient, vec![]).await;
    // A header block that never ends.
    let slow = exchange(&axon, b"POST /Synapse HTTP/1.1\r\nhost: x\r\n").await;
    assert!(slow.is_empty() || slow.starts_with("HTTP/1.1 408"), "{slow}");
    // A connection that says nothing.
    assert_eq!(exchange(&axon, b"").await, "");
    // A proven sender whose body never ends.
    let request = raw_ping(&axon, &caller_key()).await;
    let reply = exchange(&axon, &request[..request.len() - 10]).await;
    assert!(reply.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{reply}");
    let status = axon.stop().await;
    assert_eq!(status.requests["timed_out"], 1);
    assert_eq!(status.connections, 0);
}

/// The head of a request signed as SDK 11 signs, in the name of the known caller and with a signature that
/// is none, and the first byte of a body that is to be `length` bytes long.
pub(super) fn claimed(axon: &AxonHandle, length: usize) -> Vec<u8> {
    format!(
        "POST /Synapse HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-bittensor-version: 1\r\n\
         x-bittensor-hotkey: {}\r\nx-bittensor-nonce: {}\r\nx-bittensor-signature: {}\r\n\
         x-bittensor-receiver: {}\r\ncontent-length: {length}\r\n\r\n{{",
        caller_key().account(),
        nanos_since_1970(),
        "0".repeat(128),
        axon.hotkey()
    )
    .into_bytes()
}

#[tokio::test]
async fn who_only_claims_a_hotkey_takes_nothing_of_its_share() {
    let narrow = Config { max_in_flight_per_hotkey: 1, body_timeout_ms: 500, ..config() };
    let axon = axon(narrow, vec![]).await;
    let over = AtomicBool::new(false);
    let strangers = async {
        // From one source as many bodies of the unproven are read at once as one hotkey may have requests.
        let requests = [claimed(&axon, 100), claimed(&axon, 100)];
        let replies = tokio::join!(exchange(&axon, &requests[0]), exchange(&axon, &requests[1]));
        over.store(true, Ordering::Relaxed);
        let mut codes = [&replies.0, &replies.1].map(|reply| reply.split(' ').nth(1).unwrap().to_owned());
        codes.sort();
        assert_eq!(codes, ["408", "503"], "{replies:?}");
    };
    let caller = async {
        let mut answered = 0;
        while !over.load(Ordering::Relaxed) {
            let outcome = dendrite().ping(target(&axon), Transport::Http, PATIENCE).await;
            assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
            answered += 1;
            // Slower than its own bucket fills.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        answered
    };
    let ((), answered) = tokio::join!(strangers, caller);
    assert!(answered > 0);
}

#[tokio::test]
async fn silent_bodies_from_many_sources_keep_no_newcomer_out() {
    // Half as many as may be in flight: two.
    let narrow = Config { max_in_flight: 4, max_in_flight_per_hotkey: 1, body_timeout_ms: 60_000, ..config() };
    let axon = axon(narrow, vec![]).await;
    let request = claimed(&axon, 100);
    let mut silent = Vec::new();
    for last in [2, 3] {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, last], 0).into()).unwrap();
        let mut stream = socket.connect(axon.address()).await.unwrap();
        stream.write_all(&request).await.unwrap();
        // It has its place when the axon has read its head: the next one is younger.
        while axon.readings().0 < silent.len() + 1 {
            tokio::task::yield_now().await;
        }
        silent.push(stream);
    }
    // Its body is whole, and its signature is none.
    let whole = [&request[..], &[b' '; 99]].concat();
    let reply = exchange(&axon, &whole).await;
    assert!(reply.starts_with("HTTP/1.1 401"), "{reply}");
    let mut reply = String::new();
    timeout(PATIENCE, silent[0].read_to_string(&mut reply)).await.expect("the oldest gives way").unwrap();
    assert!(reply.starts_with("HTTP/1.1 503"), "{reply}");
    assert_eq!(axon.readings().0, 1, "the younger one is left alone");
}

/// As many as Python's dendrite has, each with a request that is being answered.
#[tokio::test]
async fn a_pool_of_a_hundred_connections_from_one_address_is_answered() {
    const POOL: usize = 100;
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let wait = Deed::Wait { begun, go: Arc::clone(&go) };
    let axon = axon(config(), vec![Arc::new(Scripted("Wait", wait))]).await;
    let mut pool = Vec::new();
    for _ in 0..POOL {
        pool.push(TcpStream::connect(axon.address()).await.unwrap());
    }
    for stream in &mut pool {
        stream.write_all(&raw(&axon, &caller_key(), &spec("Wait")).await).await.unwrap();
    }
    let answering = || axon.status().classes.iter().map(|class| class.answering).sum::<usize>();
    let all = async {
        while answering() < POOL {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, all).await.unwrap_or_else(|_| panic!("{:?}", axon.status().requests));
    go.notify_waiters();
    for stream in pool {
        let reply = exchange_over(stream, b"").await;
        assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    }
    assert_eq!(axon.stop().await.requests["answered"], u64::try_from(POOL).unwrap());
}

/// Whoever is in front of the axon may have taken the length for the truth.
#[tokio::test]
async fn behind_a_request_of_two_lengths_nothing_is_read() {
    let axon = axon(config(), vec![]).await;
    let second = String::from_utf8(raw_ping(&axon, &caller_key()).await).unwrap();
    for headers in [
        "content-length: 5\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 5",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\nconnection: keep-alive",
    ] {
        // Behind one of a length alone, and at the beginning of a connection.
        for before in ["", "POST /Nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 7\r\n\r\n0\r\n\r\nxy"] {
            let both = format!("POST /Synapse HTTP/1.1\r\nhost: x\r\n{headers}\r\n\r\n0\r\n\r\n");
            let reply = exchange(&axon, format!("{before}{both}{second}").as_bytes()).await;
            let statuses: Vec<_> = reply.split("HTTP/1.1 ").skip(1).map(|reply| &reply[..3]).collect();
            let expected: &[&str] = if before.is_empty() { &["400"] } else { &["404", "400"] };
            assert_eq!(statuses, expected, "{headers}: {reply}");
            assert!(reply.contains("cannot stand beside Transfer-Encoding"), "{reply}");
        }
    }
    assert_eq!(axon.stop().await.requests["answered"], 0);
}

/// One that says its length by an encoding alone is answered, and is the last of its connection.
#[tokio::test]
async fn a_request_with_an_encoding_of_its_body_is_the_last_of_its_connection() {
    let axon = axon(config(), vec![]).await;
    let signed = String::from_utf8(raw_ping(&axon, &caller_key()).await).unwrap();
    let (head, body) = signed.split_once("\r\n\r\n").unwrap();
    let is_left = |line: &&str| !line.starts_with("content-length") && !line.starts_with("connection");
    let head: Vec<&str> = head.split("\r\n").filter(is_left).collect();
    let chunked =
        format!("{}\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", head.join("\r\n"), body.len());
    let second = String::from_utf8(raw_ping(&axon, &caller_key()).await).unwrap();
    let reply = exchange(&axon, format!("{chunked}{second}").as_bytes()).await;
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n") && reply.contains("\r\nconnection: close\r\n"), "{reply}");
    assert_eq!(reply.matches("HTTP/1.1 ").count(), 1, "{reply}");
}

#[tokio::test]
async fn connections_are_bounded_per_address() {
    let axon = axon(Config { max_connections_per_ip: 2, ..config() }, vec![]).await;
    let held = [TcpStream::connect(axon.address()).await.unwrap(), TcpStream::connect(axon.address()).await.unwrap()];
    while axon.status().connections < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(exchange(&axon, b"").await, "", "closed at once");
    let outcome = dendrite().ping(target(&axon), Transport::Quic, PATIENCE).await;
    assert_eq!(outcome.status_code, 503, "{}", outcome.status_message);
    assert_eq!(axon.status().requests["connections_refused"], 2);
    drop(held);
    while axon.status().connections > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(dendrite().ping(target(&axon), Transport::Quic, PATIENCE).await.status_code, 200);
}

#[tokio::test]
async fn a_handlers_fault_stays_with_its_caller() {
    let faults = vec![
        Arc::new(Scripted("Boom", Deed::Panic)) as Arc<dyn crate::axon::Handler>,
        Arc::new(Scripted("Nan", Deed::NotANumber)),
        Arc::new(Scripted("Hang", Deed::Hang)),
    ];
    let axon = axon(Config { handler_timeout_ms: 50, ..config() }, faults).await;
    for transport in BOTH {
        for name in ["Boom", "Nan"] {
            let outcome = call(&axon, name, transport).await;
            assert_eq!(outcome.status_code, 500);
            assert!(outcome.status_message.starts_with("Internal Server Error #"), "{}", outcome.status_message);
            assert!(!outcome.status_message.contains("fault of the handler"), "{}", outcome.status_message);
        }
        let outcome = call(&axon, "Hang", transport).await;
        assert_eq!((outcome.status_code, outcome.status_message.as_str()), (408, "Response timeout after: 0.05s"));
        assert_eq!(dendrite().ping(target(&axon), transport, PATIENCE).await.status_code, 200);
    }
    let status = axon.stop().await;
    assert_eq!(
        (status.requests["failed"], status.requests["handler_timed_out"], status.requests["answered"]),
        (4, 2, 2)
    );
}

#[tokio::test]
async fn beyond_its_slots_the_axon_is_busy_at_once() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let wait = Deed::Wait { begun: Arc::clone(&begun), go: Arc::clone(&go) };
    let axon = axon(Config { max_in_flight: 1, ..config() }, vec![Arc::new(Scripted("Wait", wait))]).await;
    let target = target(&axon);
    let first =
        tokio::spawn(
            async move { dendrite().call(target, &spec("Wait"), fields(""), (Transport::Http, PATIENCE)).await },
        );
    timeout(PATIENCE, begun.notified()).await.unwrap();
    for transport in BOTH {
        let outcome = timeout(Duration::from_secs(10), dendrite().ping(target, transport, PATIENCE)).await.unwrap();
        assert_eq!(outcome.status_code, 503);
        assert_eq!(outcome.status_message, "Busy: this axon is answering as many requests as it can");
    }
    go.notify_one();
    assert_eq!(first.await.unwrap().status_code, 200);
    assert_eq!(dendrite().ping(target, Transport::Http, PATIENCE).await.status_code, 200);
    assert_eq!(axon.stop().await.requests["busy"], 2);
}
