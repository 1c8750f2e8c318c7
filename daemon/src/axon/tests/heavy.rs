//! Long bodies that come slowly, and messages of many values: what they take in memory is bounded, and given back.

use std::{sync::Arc, time::Duration};

use btd_wire::{
    admission::KnownHotkeys,
    python::Value,
    synapse::{FieldSpec, FieldType, HashFields, SynapseSpec},
};
use futures_util::future::BoxFuture;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::Notify,
    time::{sleep, timeout},
};

use super::{
    edge::{claimed, exchange, raw_of},
    storm::head,
    support::*,
};
use crate::{
    axon::{Answer, Axon, AxonHandle, Config, Handler, HandlerError, Request},
    dendrite::{Dendrite, Transport},
};

const MIB: usize = 1_024 * 1_024;
/// What a slow sender says that it sends, and what of it comes, which lies in three pages of 2 MiB.
const LENGTH: usize = 9 * MIB;
const HALF: usize = LENGTH / 2;
const HELD: usize = 6 * MIB;

pub(super) async fn until(is_so: impl Fn() -> bool, what: &str) {
    let waiting = async {
        while !is_so() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what}"));
}

/// Sends a head and half a body, from an address of its own.
async fn half_sent(axon: &AxonHandle, head: &[u8], from: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 7, from], 0).into()).unwrap();
    let mut stream = socket.connect(axon.address()).await.unwrap();
    stream.write_all(head).await.unwrap();
    // Who is refused meanwhile may find the connection closed.
    let _ = timeout(PATIENCE, stream.write_all(&vec![b' '; HALF])).await.expect("it is taken, or refused");
    stream
}

fn busy(axon: &AxonHandle) -> u64 {
    axon.status().requests["busy"]
}

/// A message of 5 MiB, and a ping.
async fn is_answered(axon: &AxonHandle, dendrite: &Dendrite) {
    let text = [("text".to_owned(), Value::from("x".repeat(5 * MIB)))].into_iter().collect();
    let outcome = dendrite.call(target(axon), &spec("Add"), text, (Transport::Http, PATIENCE)).await;
    assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
    let outcome = dendrite.ping(target(axon), Transport::Http, PATIENCE).await;
    assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
}

async fn gives_all_back(axon: &AxonHandle, open: Vec<TcpStream>) {
    drop(open);
    until(|| axon.bytes() == (0, 0), "what they took is given back").await;
}

#[tokio::test]
async fn slow_bodies_of_the_unproven_take_no_more_than_their_room() {
    let room = 64 * MIB;
    let axon =
        axon(Config { body_timeout_ms: 60_000, ..config() }, vec![Arc::new(Scripted("Add", Deed::Increment))]).await;
    let mut open = Vec::new();
    for from in 1..=16 {
        open.push(half_sent(&axon, &claimed(&axon, LENGTH), from).await);
        assert!(axon.bytes().0 <= room, "{:?}", axon.bytes());
    }
    let fit = room / HELD;
    until(|| busy(&axon) == u64::try_from(16 - fit).unwrap(), "those that do not fit give way").await;
    until(|| axon.bytes() == (fit * HELD, 0), "the others are held").await;
    is_answered(&axon, &dendrite()).await;
    // Of the same kind, and whole; its signature is none.
    let reply = exchange(&axon, &[claimed(&axon, LENGTH), vec![b' '; LENGTH - 1]].concat()).await;
    assert!(reply.starts_with("HTTP/1.1 401"), "{reply}");
    assert!(axon.bytes().0 <= room, "{:?}", axon.bytes());
    gives_all_back(&axon, open).await;
}

#[tokio::test]
async fn slow_bodies_of_one_hotkey_leave_room_for_those_of_others() {
    let room = 64 * MIB;
    let (slow, good, key) = (caller_key(), Key::new(9), axon_key());
    let known = KnownHotkeys([slow.account(), good.account()].into());
    let narrow = Config { max_in_flight_bytes: room, body_timeout_ms: 60_000, ..config() };
    let classes = classes(vec![Arc::new(Scripted("Add", Deed::Increment))]);
    let axon =
        Axon::start(narrow, key.account(), key.signer(), (Arc::new(known), old_memory()), classes).await.unwrap();
    let mut open = Vec::new();
    for from in 1..=12 {
        let head = head(&axon, &slow, from.into(), LENGTH).await;
        open.push(half_sent(&axon, head.as_bytes(), from).await);
        assert!(axon.bytes().1 <= room / 2, "{:?}", axon.bytes());
    }
    let fit = room / 2 / HELD;
    until(|| busy(&axon) == u64::try_from(12 - fit).unwrap(), "those that do not fit are refused").await;
    until(|| axon.bytes() == (0, fit * HELD), "the others are held").await;
    is_answered(&axon, &dendrite_of(&good)).await;
    gives_all_back(&axon, open).await;
}

/// An axon that knows these keys.
async fn axon_of(config: Config, known: &[&Key]) -> AxonHandle {
    let (key, known) = (axon_key(), KnownHotkeys(known.iter().map(|key| key.account()).collect()));
    let classes = classes(vec![Arc::new(Scripted("Add", Deed::Increment))]);
    Axon::start(config, key.account(), key.signer(), (Arc::new(known), old_memory()), classes).await.unwrap()
}

/// Waits for the beginning of a reply.
async fn is_turned_away(stream: &mut TcpStream) {
    let mut begun = [0; 12];
    timeout(PATIENCE, stream.read_exact(&mut begun)).await.expect("it gives way").unwrap();
    assert_eq!(&begun, b"HTTP/1.1 503");
}

#[tokio::test]
async fn slow_bodies_of_one_hotkey_give_their_places_to_another() {
    let (slow, good) = (caller_key(), Key::new(9));
    let narrow = Config { max_in_flight: 2, body_timeout_ms: 60_000, ..config() };
    let axon = axon_of(narrow, &[&slow, &good]).await;
    let mut open = Vec::new();
    for number in 1..=2 {
        let mut stream = TcpStream::connect(axon.address()).await.unwrap();
        let head = head(&axon, &slow, number, 1_000).await;
        stream.write_all(&[head.as_bytes(), b"{\"half"].concat()).await.unwrap();
        until(|| axon.readings() == (0, number), "it is read").await;
        open.push(stream);
    }
    let outcome = dendrite_of(&good).ping(target(&axon), Transport::Http, PATIENCE).await;
    assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
    is_turned_away(&mut open[0]).await;
    assert_eq!((axon.readings(), busy(&axon)), ((0, 1), 1), "the younger one is left alone");
    drop(open);
    until(|| axon.readings() == (0, 0), "its place is given back").await;
}

#[tokio::test]
async fn slow_bodies_of_the_hotkey_that_takes_most_give_room_to_another() {
    let keys: Vec<_> = (11..=15).map(Key::new).collect();
    let narrow = Config { max_in_flight_bytes: 64 * MIB, body_timeout_ms: 60_000, ..config() };
    let axon = axon_of(narrow, &keys.iter().collect::<Vec<_>>()).await;
    let mut open = Vec::new();
    // Each has what the ones before leave to it, until 10 MiB are left, which are half of that to the next.
    for (key, from) in [0, 0, 0, 0, 0, 1, 1, 2, 3].into_iter().zip(1_u8..) {
        let head = head(&axon, &keys[key], from.into(), LENGTH).await;
        open.push(half_sent(&axon, head.as_bytes(), from).await);
        until(|| axon.bytes().1 == open.len() * HELD, "it is held").await;
    }
    assert_eq!(busy(&axon), 0);
    is_answered(&axon, &dendrite_of(&keys[4])).await;
    is_turned_away(&mut open[0]).await;
    gives_all_back(&axon, open).await;
}

#[tokio::test]
async fn a_body_that_is_alone_passes_whatever_room_there_is() {
    let narrow = Config { max_in_flight_bytes: 1, max_unproven_bytes: 1, ..config() };
    let axon = axon(narrow, vec![Arc::new(Scripted("Add", Deed::Increment))]).await;
    is_answered(&axon, &dendrite()).await;
    let reply = exchange(&axon, &[claimed(&axon, LENGTH), vec![b' '; LENGTH - 1]].concat()).await;
    assert!(reply.starts_with("HTTP/1.1 401"), "{reply}");
    gives_all_back(&axon, Vec::new()).await;
}

/// Keeps a list of anything until it is let go.
#[derive(Debug)]
struct Keeps {
    begun: Arc<Notify>,
    go: Arc<Notify>,
}

fn numbers() -> SynapseSpec {
    let of = FieldType::list(FieldType::Any);
    SynapseSpec::new("Numbers", vec![FieldSpec::required("x", of)], HashFields::None).unwrap()
}

impl Handler for Keeps {
    fn spec(&self) -> Arc<SynapseSpec> {
        Arc::new(numbers())
    }

    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Answer, HandlerError>> {
        Box::pin(async move {
            self.begun.notify_one();
            self.go.notified().await;
            Ok(request.verified.into_synapse().into())
        })
    }
}

#[tokio::test]
async fn what_is_made_of_a_body_counts_until_it_is_answered() {
    const NUMBERS: usize = 100_000;
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let axon = axon(config(), vec![Arc::new(Keeps { begun: Arc::clone(&begun), go: Arc::clone(&go) })]).await;
    let x = Value::List(vec![Value::from(0); NUMBERS]);
    let (asking, spec) = (dendrite(), numbers());
    let call =
        asking.call(target(&axon), &spec, [("x".to_owned(), x)].into_iter().collect(), (Transport::Http, PATIENCE));
    let seen = async {
        timeout(PATIENCE, begun.notified()).await.expect("it is handled");
        let held = axon.bytes().1;
        assert!(held >= NUMBERS * size_of::<Value>(), "{held} bytes for {NUMBERS} numbers");
        go.notify_one();
    };
    let (outcome, ()) = tokio::join!(call, seen);
    assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
    gives_all_back(&axon, Vec::new()).await;
}

#[tokio::test]
async fn a_reply_that_is_not_taken_holds_what_its_message_takes() {
    const TEXT: usize = 9 * MIB;
    let axon = axon(config(), vec![Arc::new(Scripted("Add", Deed::Increment))]).await;
    for takes_it in [true, false] {
        let text = [("text".to_owned(), Value::from("x".repeat(TEXT)))].into_iter().collect();
        let request = raw_of(&axon, &caller_key(), &spec("Add"), text).await;
        // So little that most of the reply stays with the axon.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 * 1_024).unwrap();
        let mut stream = socket.connect(axon.address()).await.unwrap();
        timeout(PATIENCE, stream.write_all(&request)).await.expect("it is taken").unwrap();
        let mut begun = [0; 12];
        timeout(PATIENCE, stream.read_exact(&mut begun)).await.expect("it is answered").unwrap();
        assert_eq!(&begun, b"HTTP/1.1 200");
        assert!(axon.bytes().1 >= TEXT, "{:?}", axon.bytes());
        if takes_it {
            let mut rest = Vec::new();
            timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it ends").unwrap();
            assert!(rest.len() > TEXT, "{}", rest.len());
        }
        gives_all_back(&axon, vec![stream]).await;
    }
}
