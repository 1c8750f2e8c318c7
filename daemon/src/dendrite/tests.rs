//! The dendrite against our axon, and against servers that are none.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use btd_api::AccountId;
use btd_wire::{Signable, Signer, Signing};
use indexmap::IndexMap;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream, UdpSocket},
    sync::Notify,
    time::timeout,
};

mod crossed;
mod long_quic;
mod packed;
mod published;
mod quic_foreign;
mod room;
mod unsent;

use super::{Target, Transport};
use crate::axon::{
    Axon, AxonHandle,
    tests::support::{
        self, Deed, Key, PATIENCE, Scripted, axon, axon_key, caller_key, config, dendrite, dendrite_of, members,
        old_memory,
    },
};

/// Serves `reply` once to whoever connects, and closes. An empty reply closes at once.
async fn server(reply: impl AsRef<[u8]> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 16_384];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(reply.as_ref()).await;
        }
    });
    address
}

fn at(address: SocketAddr) -> Target {
    Target { ip: address.ip(), port: address.port(), hotkey: axon_key().account() }
}

#[tokio::test]
async fn pings_arrive_over_both_transports_and_connections_are_kept() {
    let axon = axon(config(), vec![]).await;
    let dendrite = dendrite();
    for transport in [Transport::Http, Transport::Quic] {
        for _ in 0..3 {
            let outcome = dendrite.ping(support::target(&axon), transport, PATIENCE).await;
            assert_eq!((outcome.status_code, outcome.status_message.as_str()), (200, "Success"));
            assert_eq!(outcome.transport, transport);
            assert!(outcome.process_time < PATIENCE);
        }
    }
    let status = axon.status();
    assert_eq!((status.requests["answered"], status.connections), (6, 2), "one connection of each transport");
}

#[tokio::test]
async fn auto_goes_by_what_the_axon_announces() {
    let axon = axon(config(), vec![]).await;
    let dendrite = dendrite();
    let target = support::target(&axon);
    let used = async || {
        let outcome = dendrite.ping(target, Transport::Auto, PATIENCE).await;
        assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
        outcome.transport
    };
    assert_eq!(used().await, Transport::Http, "nothing is known yet");
    assert_eq!(used().await, Transport::Quic, "announced by alt-svc");
    assert_eq!(used().await, Transport::Quic);
}

#[tokio::test]
async fn auto_falls_back_when_quic_does_not_open() {
    // Announces HTTP/3 on its port, and has none.
    const REPLY: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nalt-svc: h3=\":PORT\"\r\nbt_header_axon_status_code: 200\r\nbt_header_axon_status_message: Success\r\n\r\n{}";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let reply = String::from_utf8(REPLY.to_vec()).unwrap().replace("PORT", &address.port().to_string());
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 16_384];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(reply.as_bytes()).await;
        }
    });
    let config = super::Config { quic_connect_ms: 50, ..super::Config::default() };
    let dendrite = super::Dendrite::new(config, caller_key().account(), caller_key().signer());
    for _ in 0..3 {
        let outcome = dendrite.ping(at(address), Transport::Auto, PATIENCE).await;
        assert_eq!((outcome.status_code, outcome.transport), (200, Transport::Http), "{}", outcome.status_message);
    }
}

#[tokio::test]
async fn another_hotkey_at_the_address_is_found_out() {
    let axon = axon(config(), vec![]).await;
    let mut wrong = support::target(&axon);
    wrong.hotkey = Key::new(7).account();
    // Over HTTP/1.1 the axon refuses what was signed for another.
    let outcome = dendrite().ping(wrong, Transport::Http, PATIENCE).await;
    assert_eq!(outcome.status_code, 401);
    assert!(
        outcome.status_message.starts_with("Not Verified with error: Signature mismatch"),
        "{}",
        outcome.status_message
    );
    // Over QUIC nothing is sent at all.
    let outcome = dendrite().ping(wrong, Transport::Quic, PATIENCE).await;
    assert_eq!(outcome.status_code, 421, "{}", outcome.status_message);
    let expected = format!("vouched for by {}, not by {}", axon.hotkey(), wrong.hotkey);
    assert!(outcome.status_message.contains(&expected), "{}", outcome.status_message);
    let requests = axon.status().requests;
    assert_eq!((requests["unauthenticated"], requests["answered"]), (1, 0));
}

#[tokio::test]
async fn auto_does_not_fall_back_from_a_server_that_is_somebody_else() {
    let axon = axon(support::config_alone(), vec![]).await;
    let dendrite = dendrite();
    let target = support::target(&axon);
    assert_eq!(dendrite.ping(target, Transport::Auto, PATIENCE).await.status_code, 200);
    // Another neuron takes over the address.
    let bind = axon.address();
    axon.stop().await;
    let other = Key::new(8);
    let config = crate::axon::Config { bind, ..config() };
    let known = (members(), old_memory());
    let usurper = Axon::start(config, other.account(), other.signer(), known, support::classes(vec![])).await.unwrap();
    let outcome = dendrite.ping(target, Transport::Auto, PATIENCE).await;
    assert_eq!(outcome.status_code, 421, "{}", outcome.status_message);
    let requests = usurper.status().requests;
    assert_eq!(requests.iter().find(|(name, count)| **count > 0 && **name != "connections_failed"), None);
}

#[tokio::test]
async fn an_expired_statement_is_found_out() {
    let config = crate::axon::Config { certificate_days: 0, ..config() };
    let axon = axon(config, vec![]).await;
    let outcome = dendrite().ping(support::target(&axon), Transport::Quic, PATIENCE).await;
    assert_eq!(outcome.status_code, 421);
    assert!(outcome.status_message.contains("expired"), "{}", outcome.status_message);
}

#[tokio::test]
async fn servers_that_are_no_axons_are_reported_in_pythons_words() {
    // Bound and never listening: refuses, and is given to none of the servers below.
    let held = TcpSocket::new_v4().unwrap();
    held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let dead = held.local_addr().unwrap();
    let unavailable = format!("Service unavailable at 127.0.0.1:{}/Synapse", dead.port());
    let json = |head: &'static str| head.as_bytes();
    let cases: Vec<(SocketAddr, u16, &str)> = vec![
        (dead, 503, &unavailable),
        ("0.0.0.0:0".parse().unwrap(), 503, "Service unavailable at 0.0.0.0:0/Synapse"),
        (server(b"").await, 503, "Service disconnected: Server disconnected"),
        (server(b"SSH-2.0-x\r\n\r\n").await, 400, "Client response error: 400, message="),
        (
            server(json("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{}")).await,
            400,
            "Payload error: Response payload is not completed: ",
        ),
        (
            server(json("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\n{}")).await,
            422,
            "Failed to parse response: 200, message='Attempt to decode JSON with unexpected mimetype: text/plain'",
        ),
        (
            server(json("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")).await,
            422,
            "Failed to parse response: the reply states no status",
        ),
        (
            server(json("HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: 16\r\n\r\n{\"message\":\"no\"}")).await,
            403,
            "no",
        ),
    ];
    for (address, status, message) in cases {
        let outcome = dendrite().ping(at(address), Transport::Auto, PATIENCE).await;
        assert_eq!(outcome.status_code, status, "{message}: {}", outcome.status_message);
        assert!(outcome.status_message.starts_with(message), "{message}: {}", outcome.status_message);
    }
}

/// An axon may say what it likes of when to come again.
#[tokio::test]
async fn a_pause_beyond_all_time_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 16_384];
            let _ = stream.read(&mut request).await;
            // So late that the pause and what has passed are more than a number holds.
            tokio::time::sleep(Duration::from_millis(1_100)).await;
            let reply = format!(
                "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\nretry-after: {}\r\ncontent-length: 16\r\n\r\n{{\"message\":\"no\"}}",
                u64::MAX
            );
            let _ = stream.write_all(reply.as_bytes()).await;
        }
    });
    let outcome = dendrite().ping(at(address), Transport::Http, PATIENCE).await;
    assert_eq!((outcome.status_code, outcome.status_message.as_str()), (401, "no"));
}

#[tokio::test]
async fn a_silent_server_takes_the_time_allowed_and_no_more() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for transport in [Transport::Http, Transport::Quic] {
        let outcome = dendrite().ping(at(silent.local_addr().unwrap()), transport, Duration::from_millis(100)).await;
        assert_eq!(outcome.status_code, 408, "{transport:?}: {}", outcome.status_message);
        assert_eq!(outcome.status_message, "Request timeout after 0.1 seconds");
    }
}

#[tokio::test]
async fn a_reply_without_end_is_cut_off() {
    let address = server(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{}").await;
    let config = super::Config { max_reply_bytes: 1, ..super::Config::default() };
    let dendrite = super::Dendrite::new(config, caller_key().account(), caller_key().signer());
    let outcome = dendrite.ping(at(address), Transport::Http, PATIENCE).await;
    assert_eq!(
        (outcome.status_code, outcome.status_message.as_str()),
        (400, "Payload error: Response is larger than 1 bytes")
    );
}

/// Signs as the caller, and counts how often it was asked to.
#[derive(Debug)]
struct Counting {
    key: Key,
    signed: AtomicUsize,
}

impl Signer for Counting {
    fn sign<'a>(&'a self, hotkey: &'a AccountId, message: &'a Signable) -> Signing<'a> {
        self.signed.fetch_add(1, Ordering::SeqCst);
        self.key.sign(hotkey, message)
    }
}

fn counting(config: super::Config) -> (Arc<super::Dendrite>, Arc<Counting>) {
    let signer = Arc::new(Counting { key: caller_key(), signed: AtomicUsize::new(0) });
    let known: Arc<dyn Signer> = Arc::clone(&signer) as _;
    (Arc::new(super::Dendrite::new(config, caller_key().account(), known)), signer)
}

#[tokio::test]
async fn a_request_is_signed_when_its_turn_has_come() {
    let go = Arc::new(Notify::new());
    let wait = Deed::Wait { begun: Arc::default(), go: Arc::clone(&go) };
    let axon = axon(config(), vec![Arc::new(Scripted("Wait", wait))]).await;
    let answering = |axon: &AxonHandle| axon.status().classes.iter().map(|class| class.answering).sum::<usize>();
    let target = support::target(&axon);
    for transport in [Transport::Http, Transport::Quic] {
        let before = axon.status().requests["answered"];
        let (dendrite, signer) = counting(super::Config { max_requests_per_axon: 2, ..super::Config::default() });
        let calls: Vec<_> = (0..5)
            .map(|_| {
                let dendrite = Arc::clone(&dendrite);
                let call = async move {
                    dendrite.call(target, &support::spec("Wait"), IndexMap::new(), (transport, PATIENCE)).await
                };
                tokio::spawn(call)
            })
            .collect();
        // What is signed waits for nothing any more: the axon has it.
        for answered in 0..5 {
            let at_it = (before + answered, usize::try_from(5 - answered).unwrap().min(2));
            let arrived = async {
                while (axon.status().requests["answered"], answering(&axon)) != at_it {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            };
            timeout(PATIENCE, arrived).await.unwrap_or_else(|_| panic!("{transport:?}: {:?}", axon.status()));
            assert_eq!(
                signer.signed.load(Ordering::SeqCst),
                usize::try_from(answered + 2).unwrap().min(5),
                "{transport:?}"
            );
            go.notify_one();
        }
        for call in calls {
            let outcome = call.await.unwrap();
            assert_eq!((outcome.status_code, outcome.transport), (200, transport), "{}", outcome.status_message);
        }
        assert!(dendrite.turns.is_empty(), "nothing is kept of an axon that nobody asks");
    }
}

#[tokio::test]
async fn an_axon_that_is_not_there_costs_no_signature() {
    let (dendrite, signer) = counting(super::Config::default());
    let held = TcpSocket::new_v4().unwrap();
    held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let refused = dendrite.ping(at(held.local_addr().unwrap()), Transport::Auto, PATIENCE).await;
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let unheard = dendrite.ping(at(silent.local_addr().unwrap()), Transport::Quic, Duration::from_millis(100)).await;
    assert_eq!((refused.status_code, unheard.status_code), (503, 408));
    assert_eq!(signer.signed.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_locked_hotkey_sends_no_request() {
    let axon = axon(config(), vec![]).await;
    let key = caller_key();
    let dendrite = dendrite_of(&key);
    key.lock();
    let outcome = dendrite.ping(support::target(&axon), Transport::Http, PATIENCE).await;
    assert_eq!(outcome.status_code, 422);
    assert_eq!(outcome.status_message, format!("Request not sent: cannot sign as {}: locked", key.account()));
    assert!(axon.status().requests.values().all(|count| *count == 0), "{:?}", axon.status().requests);
}

#[tokio::test]
async fn many_requests_at_once_to_one_axon_all_pass() {
    let axon = axon(config(), vec![]).await;
    let dendrite = std::sync::Arc::new(dendrite());
    for transport in [Transport::Http, Transport::Quic] {
        let target = support::target(&axon);
        let asked: Vec<_> = (0..50)
            .map(|_| {
                let dendrite = std::sync::Arc::clone(&dendrite);
                tokio::spawn(async move { dendrite.ping(target, transport, PATIENCE).await })
            })
            .collect();
        for outcome in asked {
            let outcome = outcome.await.unwrap();
            assert_eq!(outcome.status_code, 200, "{transport:?}: {}", outcome.status_message);
        }
    }
}

/// What of the datagrams between the dendrite and an axon gets through.
#[derive(Debug, Default)]
struct Path {
    to_axon_lost: AtomicBool,
    to_dendrite_lost: AtomicBool,
}

/// Stands before an axon: passes TCP on, and datagrams as the path lets them.
async fn relay(axon: SocketAddr) -> (SocketAddr, Arc<Path>) {
    let (tcp, front) = loop {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
            break (tcp, Arc::new(udp));
        }
    };
    let address = tcp.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = tcp.accept().await {
            tokio::spawn(async move {
                let mut far = TcpStream::connect(axon).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    let path = Arc::<Path>::default();
    let lost = Arc::clone(&path);
    tokio::spawn(async move {
        let back = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        back.connect(axon).await.unwrap();
        let (mut out, mut home) = ([0; 2_048], [0; 2_048]);
        let mut caller = address;
        loop {
            tokio::select! {
                Ok((length, from)) = front.recv_from(&mut out) => {
                    caller = from;
                    if !lost.to_axon_lost.load(Ordering::SeqCst) {
                        let _ = back.send(&out[..length]).await;
                    }
                }
                Ok(length) = back.recv(&mut home) => {
                    if !lost.to_dendrite_lost.load(Ordering::SeqCst) {
                        let _ = front.send_to(&home[..length], caller).await;
                    }
                }
            }
        }
    });
    (address, path)
}

impl Path {
    /// Lets nothing through any more, and waits until what was on its way has arrived.
    async fn cut(&self) {
        self.to_axon_lost.store(true, Ordering::SeqCst);
        self.to_dendrite_lost.store(true, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    fn heal(&self) {
        self.to_axon_lost.store(false, Ordering::SeqCst);
        self.to_dendrite_lost.store(false, Ordering::SeqCst);
    }
}

/// A dendrite that has an open QUIC connection to an axon behind a relay.
async fn connected() -> (AxonHandle, super::Dendrite, Target, Arc<Path>) {
    let axon = axon(config(), vec![]).await;
    let (address, path) = relay(axon.address()).await;
    let config = super::Config { quic_connect_ms: 300, ..super::Config::default() };
    let dendrite = super::Dendrite::new(config, caller_key().account(), caller_key().signer());
    // The axon announces its own port, which is not that of the relay.
    dendrite.offers.add(address);
    let outcome = dendrite.ping(at(address), Transport::Auto, PATIENCE).await;
    assert_eq!((outcome.status_code, outcome.transport), (200, Transport::Quic), "{}", outcome.status_message);
    (axon, dendrite, at(address), path)
}

#[tokio::test]
async fn auto_does_not_wait_for_a_quic_connection_that_fell_silent() {
    let (axon, dendrite, target, path) = connected().await;
    path.cut().await;
    let outcome = dendrite.ping(target, Transport::Auto, PATIENCE).await;
    assert_eq!((outcome.status_code, outcome.transport), (200, Transport::Http), "{}", outcome.status_message);
    assert_eq!(axon.status().requests["answered"], 2);
}

#[tokio::test]
async fn what_the_silence_had_let_through_is_not_answered_twice() {
    let (axon, dendrite, target, path) = connected().await;
    path.to_dendrite_lost.store(true, Ordering::SeqCst);
    let outcome = dendrite.ping(target, Transport::Auto, PATIENCE).await;
    // Whichever of the two came first was answered; the other is a replay.
    assert_eq!(outcome.transport, Transport::Http);
    assert!([200, 401].contains(&outcome.status_code), "{}", outcome.status_message);
    let both = async {
        while axon.status().requests["replayed"] == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, both).await.unwrap();
    assert_eq!(axon.status().requests["answered"], 2);
}

#[tokio::test]
async fn quic_opens_a_new_connection_where_the_old_one_leads_nowhere() {
    let (axon, dendrite, target, path) = connected().await;
    path.cut().await;
    let healed = async {
        tokio::time::sleep(Duration::from_millis(350)).await;
        path.heal();
    };
    let (outcome, ()) = tokio::join!(dendrite.ping(target, Transport::Quic, PATIENCE), healed);
    assert_eq!((outcome.status_code, outcome.transport), (200, Transport::Quic), "{}", outcome.status_message);
    assert_eq!(axon.status().requests["answered"], 2);
}
