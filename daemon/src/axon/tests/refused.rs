//! Callers that are refused before their request is read to the end: they hear why, and hold little.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use btd_wire::python::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{
    edge::{exchange, raw_ping},
    support::*,
};
use crate::{
    axon::{AxonHandle, Config},
    dendrite::Transport,
};

/// The head of a request that is refused for its path, with a body of `length` bytes to come.
fn nowhere(length: usize) -> Vec<u8> {
    format!("POST /Nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn a_connection_is_kept_behind_a_refusal_before_a_short_body() {
    let axon = axon(config(), vec![]).await;
    for length in [1, 60_000, 200_000] {
        let body = vec![b'x'; length];
        let ping = raw_ping(&axon, &caller_key()).await;
        let replies = exchange(&axon, &[nowhere(length), body.clone(), nowhere(length), body, ping].concat()).await;
        let statuses = replies.split("HTTP/1.1 ").skip(1).map(|reply| &reply[..3]);
        assert_eq!(statuses.collect::<Vec<_>>(), ["404", "404", "200"], "{length}: {replies}");
    }
}

#[tokio::test]
async fn who_sends_a_long_body_before_reading_hears_why_it_was_refused() {
    let axon = axon(config(), vec![]).await;
    let reply = exchange(&axon, &[nowhere(1_000_000), vec![b'x'; 1_000_000]].concat()).await;
    assert!(reply.starts_with("HTTP/1.1 404 Not Found\r\n") && reply.contains("\r\nconnection: close\r\n"), "{reply}");
    // Who waits for leave gets none.
    let waits = b"POST /Nowhere HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n";
    let reply = exchange(&axon, waits).await;
    assert!(reply.starts_with("HTTP/1.1 404 Not Found\r\n") && reply.contains("\r\nconnection: close\r\n"), "{reply}");
}

/// Their connections do not linger all at once, and each ends without a word of theirs.
#[tokio::test]
async fn refused_bodies_that_never_come_hold_little_and_not_for_long() {
    let axon = axon(config(), vec![]).await;
    let mut silent = Vec::new();
    for length in [1_000_000, 1_000].into_iter().cycle().take(100) {
        let mut stream = TcpStream::connect(axon.address()).await.unwrap();
        stream.write_all(&nowhere(length)).await.unwrap();
        silent.push(stream);
    }
    for stream in &mut silent {
        let mut reply = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut reply)).await.expect("the axon closes the connection");
        assert!(reply.starts_with(b"HTTP/1.1 404 "), "{reply:?}");
        assert!(axon.edge.farewells.held() <= crate::axon::farewell::AT_ONCE_PER_ADDRESS);
    }
    let gone = async {
        while axon.status().connections > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, gone).await.unwrap_or_else(|_| panic!("{:?}", axon.status()));
    assert_eq!(axon.edge.farewells.held(), 0);
}

#[tokio::test]
async fn who_finds_no_place_to_linger_hears_why_it_was_refused_all_the_same() {
    let axon = axon(config(), vec![]).await;
    let mut silent = Vec::new();
    let filling = async {
        while axon.edge.farewells.held() < crate::axon::farewell::AT_ONCE_PER_ADDRESS {
            let mut stream = TcpStream::connect(axon.address()).await.unwrap();
            stream.write_all(&nowhere(1_000_000)).await.unwrap();
            stream.read_exact(&mut [0; 13]).await.unwrap();
            sleep(Duration::from_millis(1)).await;
            silent.push(stream);
        }
    };
    timeout(PATIENCE, filling).await.expect("every place is taken");
    // All that it sends is there before the axon looks, and is more than the axon reads of a head.
    let mut stream = TcpStream::connect(axon.address()).await.unwrap();
    stream.write_all(&[nowhere(1_000_000), vec![b'x'; 250_000]].concat()).await.unwrap();
    let mut reply = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut reply)).await.expect("the axon closes the connection").unwrap();
    assert!(reply.starts_with("HTTP/1.1 404 Not Found\r\n"), "{reply}");
    assert!(silent.len() >= crate::axon::farewell::AT_ONCE_PER_ADDRESS);
}

/// Sends a body of `length` bytes in pieces of `piece`, with a pause behind each, and reads only then, as
/// many clients do. Neither may be disturbed by a reset.
async fn sends_all_then_reads(
    axon: &AxonHandle,
    path: &str,
    length: usize,
    (piece, pause): (usize, Duration),
) -> String {
    let mut stream = TcpStream::connect(axon.address()).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let (body, mut sent) = (vec![b'x'; piece], 0);
    while sent < length {
        let next = piece.min(length - sent);
        stream.write_all(&body[..next]).await.unwrap_or_else(|error| panic!("{sent} of {length}: {error}"));
        sent += next;
        sleep(pause).await;
    }
    stream.shutdown().await.unwrap();
    let mut reply = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut reply)).await.expect("the axon closes the connection").unwrap();
    reply
}

#[tokio::test]
async fn who_takes_long_to_send_what_is_refused_hears_why_all_the_same() {
    let axon = axon(config(), vec![]).await;
    let at_once = (64 * 1_024, Duration::ZERO);
    let slowly = (40 * 1_024, Duration::from_millis(100));
    let (large, too_large, slow) = tokio::join!(
        sends_all_then_reads(&axon, "/Nowhere", 14_000_000, at_once),
        sends_all_then_reads(&axon, "/Synapse", 14_000_000, at_once),
        sends_all_then_reads(&axon, "/Nowhere", 1_200_000, slowly),
    );
    assert!(large.starts_with("HTTP/1.1 404 Not Found\r\n"), "{large}");
    assert!(too_large.starts_with("HTTP/1.1 413 Payload Too Large\r\n"), "{too_large}");
    assert!(slow.starts_with("HTTP/1.1 404 Not Found\r\n"), "{slow}");
    // What the system still holds of the bodies is taken too.
    let gone = async {
        while axon.edge.farewells.held() > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, gone).await.unwrap_or_else(|_| panic!("{:?}", axon.status()));
}

#[tokio::test]
async fn who_is_as_good_as_silent_is_not_waited_for() {
    let axon = axon(config(), vec![]).await;
    let mut stream = TcpStream::connect(axon.address()).await.unwrap();
    stream.write_all(&nowhere(9_000_000)).await.unwrap();
    let begun = Instant::now();
    while stream.write_all(b"x").await.is_ok() {
        assert!(begun.elapsed() < PATIENCE, "it is waited for");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_long_body_is_refused_over_both_transports_while_it_is_sent() {
    let axon = axon(config(), vec![Arc::new(Scripted("Add", Deed::Increment))]).await;
    for transport in [Transport::Http, Transport::Quic] {
        for (class, status, length) in [("Nowhere", 404, 9_000_000), ("Add", 413, 16_000_000)] {
            let text = [("text".to_owned(), Value::from("x".repeat(length)))].into_iter().collect();
            let outcome = dendrite().call(target(&axon), &spec(class), text, (transport, PATIENCE)).await;
            assert_eq!(outcome.status_code, status, "{transport:?}: {}", outcome.status_message);
        }
    }
}

/// Two bytes of such a body are a value in memory. One of a member that the class does not have counts as well.
#[tokio::test]
async fn a_body_of_too_many_values_is_refused_and_one_of_a_million_is_read() {
    let axon = axon(config(), vec![]).await;
    for (numbers, status) in [(1_000_000, "200"), (5_000_000, "422")] {
        let ping = raw_ping(&axon, &caller_key()).await;
        let body = format!("{{\"x\":[{}0]}}", "0,".repeat(numbers - 1));
        let head: String = String::from_utf8_lossy(&ping)
            .split_inclusive("\r\n")
            .take_while(|line| *line != "\r\n")
            .filter(|line| !line.starts_with("content-length"))
            .collect();
        let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        let reply = exchange(&axon, request.as_bytes()).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{numbers}: {reply}");
        assert_eq!(reply.contains("More than 1048576 values"), status == "422", "{reply}");
    }
    assert_eq!(axon.stop().await.requests["malformed"], 1);
}

#[tokio::test]
async fn a_long_header_block_is_refused_and_its_sender_hears_it() {
    let axon = axon(Config { max_header_bytes: 8_192, ..config() }, vec![]).await;
    for further in [0, 100_000] {
        let mut stream = TcpStream::connect(axon.address()).await.unwrap();
        let long = "x".repeat(200_000);
        stream.write_all(format!("GET /Synapse HTTP/1.1\r\nhost: x\r\nlong: {long}").as_bytes()).await.unwrap();
        // By now it is refused.
        sleep(Duration::from_millis(100)).await;
        for _ in 0..2 {
            stream.write_all("x".repeat(further).as_bytes()).await.unwrap();
            sleep(Duration::from_millis(20)).await;
        }
        stream.shutdown().await.unwrap();
        let mut reply = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut reply)).await.expect("the axon closes the connection").unwrap();
        assert!(reply.starts_with("HTTP/1.1 431"), "{further}: {reply}");
    }
}
