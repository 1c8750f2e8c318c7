//! Connections that give way to others, because nobody asks anything over them, and those that do not.

use std::{io::ErrorKind, net::SocketAddr, sync::Arc};

use indexmap::IndexMap;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::Notify,
    time::timeout,
};

use super::{
    edge::{exchange_over, raw_of, raw_ping},
    heavy::until,
    support::*,
};
use crate::{
    axon::{AxonHandle, Config},
    dendrite::Transport,
};

pub(super) fn narrow(max_connections: usize) -> Config {
    // Nobody is thrown out for being slow.
    Config { max_connections, header_timeout_ms: 600_000, ..config() }
}

async fn from(axon: SocketAddr, last: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, last], 0).into()).unwrap();
    socket.connect(axon).await.unwrap()
}

/// What a caller at another address than everybody else here hears to a ping.
async fn newcomer(axon: &AxonHandle) -> String {
    let ping = raw_ping(axon, &caller_key()).await;
    let mut stream = from(axon.address(), 2).await;
    // Who is refused may find the connection closed.
    let _ = stream.write_all(&ping).await;
    exchange_over(stream, b"").await
}

pub(super) async fn is_served(axon: &AxonHandle) {
    let reply = newcomer(axon).await;
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
}

/// Connections over which nothing is asked, the oldest first: of every other one a part of a head has come.
pub(super) async fn idle(axon: &AxonHandle, count: usize) -> Vec<TcpStream> {
    let mut open = Vec::new();
    for number in 0..count {
        let mut stream = from(axon.address(), 1).await;
        if number % 2 == 0 {
            stream.write_all(b"POST /Synapse HTTP/1.1\r\nhost: x\r\n").await.unwrap();
        }
        until(|| axon.edge.connections.idle() > number, "it has a place").await;
        open.push(stream);
    }
    open
}

pub(super) async fn is_closed(stream: &mut TcpStream) {
    let read = timeout(PATIENCE, stream.read(&mut [0; 1])).await.expect("it gives way");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

/// Connections that were closed because there were too many.
pub(super) fn refused(axon: &AxonHandle) -> u64 {
    axon.status().requests["connections_refused"]
}

#[tokio::test]
async fn idle_connections_of_one_source_keep_no_newcomer_out() {
    let axon = axon(narrow(10), vec![]).await;
    let mut open = idle(&axon, 10).await;
    is_served(&axon).await;
    is_closed(&mut open[0]).await;
    until(|| axon.status().connections == 9, "the newcomer is gone too").await;
    // There is a place now.
    is_served(&axon).await;
    assert_eq!(refused(&axon), 1);
    for stream in &open[1..] {
        let left = stream.try_read(&mut [0; 1]).map_err(|error| error.kind());
        assert_eq!(left, Err(ErrorKind::WouldBlock), "the younger ones are left alone");
    }
}

#[tokio::test]
async fn a_connection_with_a_request_in_flight_stays() {
    for transport in [Transport::Http, Transport::Quic] {
        let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let wait = Deed::Wait { begun: Arc::clone(&begun), go: Arc::clone(&go) };
        let axon = axon(narrow(2), vec![Arc::new(Scripted("Wait", wait))]).await;
        let target = target(&axon);
        let asking = tokio::spawn(async move {
            dendrite().call(target, &spec("Wait"), IndexMap::new(), (transport, PATIENCE)).await
        });
        timeout(PATIENCE, begun.notified()).await.expect("it is handled");
        let mut younger = idle(&axon, 1).await;
        is_served(&axon).await;
        is_closed(&mut younger[0]).await;
        until(|| axon.status().connections == 1, "the newcomer is gone too").await;

        let mut other = from(axon.address(), 1).await;
        other.write_all(&raw_of(&axon, &caller_key(), &spec("Wait"), IndexMap::new()).await).await.unwrap();
        timeout(PATIENCE, begun.notified()).await.expect("it is handled");
        assert_eq!(newcomer(&axon).await, "", "both are busy");
        assert_eq!(refused(&axon), 2);
        go.notify_waiters();
        let outcome = asking.await.unwrap();
        assert_eq!(outcome.status_code, 200, "{transport:?}: {}", outcome.status_message);
        let reply = exchange_over(other, b"").await;
        assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    }
}
