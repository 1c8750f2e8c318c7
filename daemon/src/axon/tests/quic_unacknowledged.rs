//! Callers over QUIC that acknowledge nothing of long replies: what these take is bounded, and given back.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use btd_wire::{python::Value, synapse::SynapseSpec};
use futures_util::future::BoxFuture;
use quinn::{Connection, RecvStream};
use tokio::{net::UdpSocket, sync::Notify, time::timeout};

use super::{
    heavy::until,
    quic_bounds::{frame, request, served},
    quic_edge::client,
    support::*,
};
use crate::axon::{Answer, AxonHandle, Config, Handler, HandlerError, Request};

const MIB: usize = 1_024 * 1_024;
/// A reply is so long,
const TEXT: usize = 3 * MIB;
/// and all connections of one address have half of this for what is not acknowledged.
const ROOM: usize = MIB;

/// Answers with a long text once it is let go.
#[derive(Debug)]
struct Long {
    begun: Arc<Notify>,
    go: Arc<Notify>,
}

impl Handler for Long {
    fn spec(&self) -> Arc<SynapseSpec> {
        Arc::new(spec("Long"))
    }

    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Answer, HandlerError>> {
        Box::pin(async move {
            self.begun.notify_one();
            self.go.notified().await;
            let mut synapse = request.verified.into_synapse();
            synapse.fields.insert("text".into(), Value::from("x".repeat(TEXT)));
            Ok(synapse.into())
        })
    }
}

/// Stands between callers and the axon, and keeps what they send to itself while it is cut.
async fn relay(axon: SocketAddr) -> (SocketAddr, Arc<AtomicBool>) {
    let (front, back) = (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    back.connect(axon).await.unwrap();
    let (address, cut) = (front.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
    let is_cut = Arc::clone(&cut);
    tokio::spawn(async move {
        let (mut caller, mut sent, mut answered) = (None, vec![0; 65_536], vec![0; 65_536]);
        loop {
            // A datagram that the system does not take is lost, as others are.
            tokio::select! {
                came = front.recv_from(&mut sent) => {
                    let Ok((length, from)) = came else { continue };
                    caller = Some(from);
                    if !is_cut.load(Ordering::Relaxed) {
                        let _ = back.send(&sent[..length]).await;
                    }
                }
                came = back.recv(&mut answered) => {
                    if let (Ok(length), Some(caller)) = (came, caller) {
                        let _ = front.send_to(&answered[..length], caller).await;
                    }
                }
            }
        }
    });
    (address, cut)
}

/// A connection through a relay, and a request on its way to an answer that nobody acknowledges.
struct Held {
    connection: Connection,
    reply: RecvStream,
    is_cut: Arc<AtomicBool>,
}

async fn unacknowledged(axon: &AxonHandle, begun: &Notify, go: &Notify) -> Held {
    let (address, cut) = relay(axon.address()).await;
    let connecting = client().connect(address, "axon.invalid").unwrap();
    let connection = timeout(PATIENCE, connecting).await.unwrap().unwrap();
    let (mut stream, reply) = connection.open_bi().await.unwrap();
    let (outgoing, head) = request(axon, &spec("Long")).await;
    stream.write_all(&[head, frame(0, &outgoing.body)].concat()).await.unwrap();
    stream.finish().unwrap();
    timeout(PATIENCE, begun.notified()).await.expect("it is handled");
    cut.store(true, Ordering::Relaxed);
    go.notify_one();
    Held { connection, reply, is_cut: cut }
}

async fn axon_of_long(config: Config) -> (AxonHandle, Arc<Notify>, Arc<Notify>) {
    let (begun, go) = (Arc::<Notify>::default(), Arc::<Notify>::default());
    let handler = Arc::new(Long { begun: Arc::clone(&begun), go: Arc::clone(&go) });
    (axon(Config { max_unacknowledged_bytes: ROOM, ..config }, vec![handler]).await, begun, go)
}

fn leased(axon: &AxonHandle) -> usize {
    usize::try_from(axon.edge.send_windows.leased()).unwrap()
}

#[tokio::test]
async fn replies_that_are_not_acknowledged_lease_no_more_than_their_room_and_wait_with_their_messages() {
    let (axon, begun, go) = axon_of_long(config()).await;
    let mut callers = Vec::new();
    for _ in 0..3 {
        callers.push(unacknowledged(&axon, &begun, &go).await);
        assert!(leased(&axon) <= ROOM / 2, "{}", leased(&axon));
    }
    until(|| axon.bytes().1 >= 3 * TEXT, "what cannot be sent counts among the messages").await;
    until(|| leased(&axon) > ROOM / 4, "they have leased what they may").await;
    assert!(leased(&axon) <= ROOM / 2, "{}", leased(&axon));
    // From the same address, of which nothing more can be leased.
    served(&axon).await;
    for Held { mut reply, is_cut, connection } in callers {
        is_cut.store(false, Ordering::Relaxed);
        let reply = timeout(PATIENCE, reply.read_to_end(2 * TEXT)).await.expect("it arrives").unwrap();
        assert!(reply.len() > TEXT, "{}", reply.len());
        drop(connection);
    }
    until(|| leased(&axon) == 0 && axon.bytes() == (0, 0), "all is given back").await;
}

#[tokio::test]
async fn a_caller_that_acknowledges_nothing_is_given_up_though_its_connection_stays() {
    let (axon, begun, go) = axon_of_long(Config { body_timeout_ms: 500, ..config() }).await;
    let silent = unacknowledged(&axon, &begun, &go).await;
    until(|| axon.status().requests["connections_failed"] >= 1, "its reply is given up").await;
    until(|| leased(&axon) == 0 && axon.bytes() == (0, 0), "all is given back").await;
    assert_eq!(axon.status().connections, 1);
    assert!(silent.connection.close_reason().is_none(), "{:?}", silent.connection.close_reason());
    served(&axon).await;
}
