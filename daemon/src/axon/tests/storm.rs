//! Bad weather: slow clients, slow bodies, floods, bombs, frames without an end, and handlers that panic, fail, hang
//! and restart, all at once, while good callers ask.
//!
//! The axon has the limits that it has unless told otherwise. Small here; `BTD_STORM=100` makes it ten thousand slow
//! clients and a thousand slow bodies, and prints what good callers waited before and during it, and what memory it took.

use std::{
    io::Write,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use btd_wire::{
    outgoing::{Callee, Caller, Unsigned},
    synapse::{Synapse, SynapseSpec},
};
use futures_util::{StreamExt, stream};
use indexmap::IndexMap;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use super::{quic_bounds, quic_edge, support::*};
use crate::{
    axon::{Asked, AxonHandle, Capacity, Question, Registration, Reply, Screen, Workers, service::nanos_since_1970},
    dendrite::{Dendrite, Transport},
};

/// How many times the small storm.
#[expect(clippy::disallowed_methods, reason = "a large run is asked for by whoever runs the tests")]
fn scale() -> usize {
    std::env::var("BTD_STORM").map_or(1, |scale| scale.parse().unwrap())
}

/// Behind each question of a good caller: there are a few, who share a hotkey and an address, and together ask no more
/// often than that allows.
const PAUSE: Duration = Duration::from_millis(40);

/// Every bad client has an address of its own, as strangers have.
async fn connect(axon: SocketAddr, number: usize) -> std::io::Result<TcpStream> {
    let [high, low] = u16::try_from(number % 65_000).unwrap().to_be_bytes();
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 2, high, low], 0).into())?;
    socket.connect(axon).await
}

/// The head of a signed ping, with a body of `length` bytes to come.
pub(super) async fn head(axon: &AxonHandle, key: &Key, uuid: usize, length: usize) -> String {
    let spec = SynapseSpec::base();
    let (sender, uuid) = (key.account().to_string(), format!("storm-{uuid}"));
    let caller = Caller { hotkey: &sender, uuid: &uuid, ip: None };
    let callee = Callee { hotkey: axon.hotkey(), ip: "127.0.0.1".into(), port: axon.address().port() };
    let synapse = Synapse::new(&spec, IndexMap::new());
    let unsigned = Unsigned::new(&spec, synapse, (caller, callee), 12.0, nanos_since_1970());
    let signature = key.signer().sign(&key.account(), unsigned.message()).await.unwrap();
    let outgoing = unsigned.sign(&spec, &signature);
    let mut text = "POST /Synapse HTTP/1.1\r\nhost: x\r\n".to_owned();
    for (name, value) in outgoing.headers.iter().filter(|(name, _)| *name != "content-length") {
        text = text + name.as_str() + ": " + value.to_str().unwrap() + "\r\n";
    }
    text + &format!("content-length: {length}\r\n\r\n")
}

/// Pings one after the other: how long each took.
async fn good(axon: &AxonHandle, dendrite: &Dendrite, pings: usize) -> Vec<Duration> {
    let mut taken = Vec::new();
    for _ in 0..pings {
        let began = Instant::now();
        let outcome = dendrite.ping(target(axon), Transport::Http, PATIENCE).await;
        assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
        taken.push(began.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    taken.sort();
    taken
}

/// Bodies as long as the axon takes them, of what costs most to read: of nothing but nesting, numbers, lists, and
/// short keys.
fn bomb_bodies() -> Vec<Vec<u8>> {
    const LENGTH: usize = 10 * 1_024 * 1_024;
    let keys: Vec<_> = (0..1_000_000).map(|key| format!("\"{key:x}\":0,")).collect();
    let bodies = [
        "[".repeat(LENGTH),
        format!("{{\"x\":[{}0]}}", "0,".repeat(LENGTH / 2 - 8)),
        format!("{{\"x\":[{}[]]}}", "[],".repeat(LENGTH / 3 - 8)),
        format!("{{{}\"x\":0}}", keys.concat()),
    ];
    let filled = |body: String| [body.as_bytes(), &vec![b' '; LENGTH - body.len()]].concat();
    bodies.into_iter().map(filled).collect()
}

fn resident_mib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() / 1_024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_callers_are_answered_in_any_weather() {
    let scale = scale();
    let classes = classes(vec![Arc::new(Scripted("Panics", Deed::Panic)), Arc::new(Scripted("Hangs", Deed::Hang))]);
    let workers = Workers::new(Arc::clone(&classes));
    classes.add(Arc::new(Scripted("Add", Deed::Increment)), "test", Capacity { places: 4, waiting: 16 }).unwrap();
    let served = |name: &str| Registration {
        spec: Arc::new(spec(name)),
        window: 2,
        waiting: 64,
        screen: Screen::ByAxon,
        linger: Duration::from_mins(1),
    };
    let registration = served("Job");
    for class in [&registration, &served("Fails"), &served("Stuck")] {
        workers.declare(class).unwrap();
    }
    // Those who behave badly with a name of their own are known too: a flood by a stranger is cheap.
    let (bad, key) = (Key::new(9), axon_key());
    let known = btd_wire::admission::KnownHotkeys([caller_key().account(), bad.account()].into());
    let axon =
        crate::axon::Axon::start(config(), key.account(), key.signer(), (Arc::new(known), old_memory()), classes)
            .await
            .unwrap();
    // Made before memory is looked at: it is not the axon's.
    let bombs = bomb_bodies();
    let (dendrite, at) = (dendrite(), axon.address());
    let calm = good(&axon, &dendrite, 50 * scale.min(10)).await;
    let resident = resident_mib();

    // Slow clients say half a header, slow bodies half a body; both then wait to be thrown out.
    let slow = |count: usize, first: usize, text: String, body: &'static [u8]| async move {
        let connections = stream::iter(0..count).map(|number| connect(at, first + number)).buffer_unordered(64);
        let mut open: Vec<TcpStream> = connections.filter_map(|stream| async { stream.ok() }).collect().await;
        for stream in &mut open {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.write_all(body).await;
        }
        open
    };
    let headers = slow(100 * scale, 0, "POST /Synapse HTTP/1.1\r\nhost: x\r\nname: Sy".to_owned(), b"").await;
    let mut bodies = Vec::new();
    for number in 0..10 * scale {
        let text = head(&axon, &bad, number, 1_000).await;
        bodies.extend(slow(1, 30_000 + number, text, b"{\"half").await);
    }

    let stop = AtomicBool::new(false);
    let weather = async {
        let flood = async {
            for number in 0..200 * scale {
                let text = head(&axon, &bad, 100_000 + number, 2).await;
                if let Ok(mut stream) = connect(at, 40_000).await {
                    let _ = stream.write_all(format!("{text}{{}}").as_bytes()).await;
                    let mut reply = [0; 64];
                    let _ = stream.read(&mut reply).await;
                }
            }
        };
        let bombing = async {
            let send = |number: usize| {
                let (axon, bad, body) = (&axon, &bad, &bombs[number % bombs.len()]);
                async move {
                    let text = head(axon, bad, 900_000 + number, body.len()).await;
                    let mut stream = connect(at, 41_000 + number).await.unwrap();
                    let _ = stream.write_all(text.as_bytes()).await;
                    let _ = stream.write_all(body).await;
                    let mut reply = [0; 64];
                    let _ = stream.read(&mut reply).await;
                    assert!(!reply.starts_with(b"HTTP/1.1 200"), "bomb {number} passed");
                }
            };
            stream::iter(0..2 * bombs.len() * scale).map(send).buffer_unordered(4).collect::<()>().await;
        };
        let faults = async {
            for name in ["Panics", "Hangs", "Fails", "Stuck"].into_iter().cycle().take(8 * scale) {
                let patience = (Transport::Http, Duration::from_millis(100));
                let (asking, spec) = (dendrite_of(&caller_key()), spec(name));
                let outcome = asking.call(target(&axon), &spec, IndexMap::new(), patience).await;
                assert_ne!(outcome.status_code, 200);
            }
        };
        // Frames of HTTP/3 that have no end: of a request, and of the connection's own stream.
        let endless = async {
            let mut poured = 0;
            for number in 0..10 * scale {
                // At a full axon it is refused, or gives way at any time.
                let connecting = quic_edge::client().connect(at, "axon.invalid").unwrap();
                let Ok(Ok(hostile)) = timeout(PATIENCE, connecting).await else { continue };
                let (opened, kind) = if number % 2 == 0 {
                    (hostile.open_bi().await.map(|(stream, _)| stream), &b"\x01"[..])
                } else {
                    (hostile.open_uni().await, &b"\x00\x04"[..])
                };
                let Ok(mut stream) = opened else { continue };
                if stream.write_all(&[kind, quic_bounds::LENGTH].concat()).await.is_ok() {
                    let (taken, _) = quic_bounds::pour(&mut stream, &[]).await;
                    assert!(taken <= 512 * 1_024, "{taken}");
                    poured += 1;
                }
            }
            assert!(poured > 0, "none of them had a place");
        };
        // Boxed, all of them: a test thread has a small stack.
        tokio::join!(Box::pin(flood), Box::pin(bombing), Box::pin(faults), Box::pin(endless));
        stop.store(true, Ordering::Relaxed);
    };
    // Programs of which one fails at each request, and one takes all and answers none.
    let faulty = async {
        let [mut failing, mut stuck] = ["Fails", "Stuck"].map(|name| workers.serve(&served(name)).unwrap());
        while !stop.load(Ordering::Relaxed) {
            let asked = tokio::select! {
                asked = failing.next() => asked,
                _ = stuck.next() => continue,
                () = tokio::time::sleep(Duration::from_millis(50)) => continue,
            };
            if let Some(Asked { id, question: Question::Answer(_) }) = asked {
                let _ = workers.answer(id, Reply::Failure("it always does".into()));
            }
        }
    };
    // A handler that restarts after each answer, under a load that it must not lose.
    let restarts = async {
        while !stop.load(Ordering::Relaxed) {
            let mut seat = workers.serve(&registration).unwrap();
            let Ok(Some(asked)) = tokio::time::timeout(Duration::from_millis(50), seat.next()).await else { continue };
            if matches!(asked.question, Question::Answer(_)) {
                let _ = workers.answer(asked.id, Reply::Fields("{}".into()));
            }
        }
    };
    let jobs = async {
        let mut answered = 0;
        while !stop.load(Ordering::Relaxed) {
            let outcome =
                dendrite.call(target(&axon), &spec("Job"), IndexMap::new(), (Transport::Http, PATIENCE)).await;
            assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
            answered += 1;
            tokio::time::sleep(PAUSE).await;
        }
        answered
    };
    let pings = async {
        let mut all = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            all.extend(good(&axon, &dendrite, 10).await);
        }
        all.sort();
        all
    };
    // A last program stays, so that nothing is left without an answer.
    let calm_down = async {
        tokio::join!(Box::pin(weather), Box::pin(restarts), Box::pin(faulty));
        let mut seat = workers.serve(&registration).unwrap();
        let serve = async {
            while let Some(asked) = seat.next().await {
                let _ = workers.answer(asked.id, Reply::Fields("{}".into()));
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), serve).await;
    };
    let ((), answered, stormy) = tokio::join!(Box::pin(calm_down), Box::pin(jobs), Box::pin(pings));
    assert!(answered > 0, "no job was answered");
    for class in axon.status().classes.iter().filter(|class| ["Fails", "Stuck"].contains(&class.name.as_str())) {
        assert_eq!(class.answered, 0, "{class:?}");
    }

    // The slow ones are thrown out, all of them, and what they took is given back.
    let began = Instant::now();
    for mut stream in headers.into_iter().chain(bodies) {
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(2 * PATIENCE, stream.read_to_end(&mut rest)).await.expect("it is thrown out");
    }
    let thrown_out = began.elapsed();
    let grown = resident_mib().saturating_sub(resident);
    // Other tests of this process take memory too; a large storm is run alone.
    assert!(scale == 1 || grown < 200, "memory grew by {grown} MiB");
    let after = good(&axon, &dendrite, 20).await;
    let p99 = |taken: &[Duration]| taken.get(taken.len().saturating_sub(1) * 99 / 100).copied().unwrap_or_default();
    let requests = axon.status().requests;
    writeln!(
        std::io::stderr(),
        "storm x{scale}: p99 of a ping {:?} before, {:?} during ({} pings), {:?} after; {answered} jobs; slow ones gone \
         after {thrown_out:?}; memory grew by {grown} MiB; {requests:?}",
        p99(&calm),
        p99(&stormy),
        stormy.len(),
        p99(&after),
    )
    .unwrap();
}
