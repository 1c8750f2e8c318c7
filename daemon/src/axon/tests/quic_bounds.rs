//! Frames of HTTP/3 that are longer than anybody may send them, or that hold something else than they should, with data
//! behind them: little of that is taken, by the axon and by the dendrite, and others are served meanwhile. Odd frames that
//! anybody may send arrive.

use std::{sync::Arc, time::Duration};

use btd_wire::{outgoing::Outgoing, synapse::SynapseSpec};
use indexmap::IndexMap;
use quinn::{
    Connection, ConnectionError, Endpoint, RecvStream, SendStream, ServerConfig, VarInt, WriteError,
    crypto::rustls::QuicServerConfig,
};
use tokio::time::{sleep, timeout};

use super::{edge::signed, quic_edge::client, support::*};
use crate::{
    axon::{AxonHandle, certificate::Certificates},
    dendrite::{Target, Transport},
};

/// How long the frames here say that they are, and how they write it.
const STATED: usize = 64 << 20;
pub(super) const LENGTH: &[u8] = b"\x84\x00\x00\x00";
/// HTTP/3's word for more than one bears.
const EXCESSIVE_LOAD: VarInt = VarInt::from_u32(0x107);
/// Its words for a frame that is not laid out as it should be, and for one in the wrong place.
const FRAME_ERROR: VarInt = VarInt::from_u32(0x106);
const FRAME_UNEXPECTED: VarInt = VarInt::from_u32(0x105);
/// Whole frames without their number, with a part of it, and with something behind it that begins a long frame: h3 would
/// wait for more behind each of them.
const UNFIT: [&[u8]; 4] = [b"\x0d\x00", b"\x0d\x06\x00\x21\xbf\xff\xff\xff", b"\x07\x01\x40", b"\x05\x00"];
/// How a control stream begins: with settings that change nothing.
const SETTINGS: &[u8] = b"\x00\x04\x00";
/// How a header block with the status 200 begins, with which a reply begins.
const OK: &[u8] = b"\x00\x00\xd9";

pub(super) async fn connect(axon: &AxonHandle) -> Connection {
    timeout(PATIENCE, client().connect(axon.address(), "axon.invalid").unwrap()).await.unwrap().unwrap()
}

/// Somebody else is served.
pub(super) async fn served(axon: &AxonHandle) {
    let outcome = dendrite().ping(target(axon), Transport::Quic, PATIENCE).await;
    assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
}

/// Sends the beginning of a frame and then ever more of it: how much was taken until no more was, and why.
pub(super) async fn pour(stream: &mut SendStream, beginning: &[u8]) -> (usize, WriteError) {
    let pouring = async {
        stream.write_all(beginning).await.unwrap();
        let (more, mut taken) = (vec![0_u8; 16 * 1_024], 0);
        while taken < STATED {
            match stream.write(&more).await {
                Ok(length) => taken += length,
                Err(error) => return (taken, error),
            }
        }
        panic!("all of it was taken")
    };
    timeout(PATIENCE, pouring).await.expect("it is stopped")
}

/// The code with which the other end closed the connection.
fn closed_with(error: &WriteError) -> Option<VarInt> {
    match error {
        WriteError::ConnectionLost(ConnectionError::ApplicationClosed(closed)) => Some(closed.error_code),
        _ => None,
    }
}

pub(super) fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap() | 0x8000_0000;
    [&[kind][..], &length.to_be_bytes(), payload].concat()
}

/// A number behind flags, as header blocks have it.
fn number(block: &mut Vec<u8>, flags: u8, bits: u32, number: usize) {
    let most = (1_usize << bits) - 1;
    block.push(flags | u8::try_from(number.min(most)).unwrap());
    if let Some(mut rest) = number.checked_sub(most) {
        while rest >= 128 {
            block.push(128 | u8::try_from(rest % 128).unwrap());
            rest /= 128;
        }
        block.push(u8::try_from(rest).unwrap());
    }
}

/// A signed ping, and the frame of its headers.
async fn ping(axon: &AxonHandle) -> (Outgoing, Vec<u8>) {
    request(axon, &SynapseSpec::base()).await
}

/// A signed request without fields, and the frame of its headers.
pub(super) async fn request(axon: &AxonHandle, spec: &SynapseSpec) -> (Outgoing, Vec<u8>) {
    let outgoing = signed(axon, &caller_key(), spec, IndexMap::new()).await;
    let pseudo = [(":method", "POST"), (":scheme", "https"), (":authority", "x"), (":path", outgoing.path.as_str())];
    let headers = outgoing.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let mut block = vec![0, 0];
    for (name, value) in pseudo.into_iter().chain(headers) {
        number(&mut block, 0x20, 3, name.len());
        block.extend_from_slice(name.as_bytes());
        number(&mut block, 0, 7, value.len());
        block.extend_from_slice(value.as_bytes());
    }
    let head = frame(1, &block);
    (outgoing, head)
}

async fn reply(mut answer: RecvStream) -> Vec<u8> {
    timeout(PATIENCE, answer.read_to_end(100_000)).await.unwrap().unwrap()
}

fn is_ok(reply: &[u8]) -> bool {
    reply.windows(OK.len()).any(|bytes| bytes == OK)
}

/// A ping over this connection is answered.
pub(super) async fn asked(axon: &AxonHandle, connection: &Connection) {
    let (outgoing, head) = ping(axon).await;
    let (mut stream, answer) = connection.open_bi().await.unwrap();
    stream.write_all(&[&head[..], &frame(0, &outgoing.body)].concat()).await.unwrap();
    stream.finish().unwrap();
    let reply = reply(answer).await;
    assert!(is_ok(&reply), "{reply:?}");
}

#[tokio::test]
async fn a_head_that_is_too_long_is_stopped_and_its_connection_stays() {
    let axon = axon(config(), vec![]).await;
    let hostile = connect(&axon).await;
    for failed in 1..=3 {
        let (mut stream, _answer) = hostile.open_bi().await.unwrap();
        let beginning = [&b"\x01"[..], LENGTH].concat();
        let ((taken, why), ()) = tokio::join!(pour(&mut stream, &beginning), served(&axon));
        assert_eq!(why, WriteError::Stopped(EXCESSIVE_LOAD));
        // No more than may be under way, and a little.
        assert!(taken <= 512 * 1_024, "{taken}");
        assert!(axon.status().requests["connections_failed"] >= failed);
    }
    assert!(hostile.close_reason().is_none(), "{:?}", hostile.close_reason());
}

#[tokio::test]
async fn heads_that_lack_their_end_take_no_more_than_one_connection_may() {
    let axon = axon(config(), vec![]).await;
    let hostile = connect(&axon).await;
    // 29 KiB of 30 each, of which 17 are no more than 512 KiB.
    let beginning = [&b"\x01\x80\x00\x78\x00"[..], &vec![0_u8; 29 * 1_024]].concat();
    let mut open = Vec::new();
    for _ in 0..32 {
        let (mut stream, answer) = hostile.open_bi().await.unwrap();
        // Who is refused meanwhile finds it stopped.
        let _ = timeout(PATIENCE, stream.write_all(&beginning)).await.expect("it is taken, or refused");
        open.push((stream, answer));
    }
    let refused = async {
        loop {
            let mut refused = 0;
            for (stream, _) in &mut open {
                if let Err(why) = stream.write(b"x").await {
                    assert_eq!(why, WriteError::Stopped(EXCESSIVE_LOAD));
                    refused += 1;
                }
            }
            if refused >= 32 - 17 {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, refused).await.expect("those that do not fit are refused");
    served(&axon).await;
    assert!(hostile.close_reason().is_none(), "{:?}", hostile.close_reason());
}

#[tokio::test]
async fn a_control_stream_with_a_frame_that_is_too_long_ends_its_connection() {
    let axon = axon(config(), vec![]).await;
    // Settings, and something unknown behind settings.
    for (beginning, failed) in [&b"\x00\x04"[..], b"\x00\x04\x00\x21"].into_iter().zip(1..) {
        let hostile = connect(&axon).await;
        let mut stream = hostile.open_uni().await.unwrap();
        let beginning = [beginning, LENGTH].concat();
        let ((taken, why), ()) = tokio::join!(pour(&mut stream, &beginning), served(&axon));
        assert_eq!(closed_with(&why), Some(EXCESSIVE_LOAD), "{why}: {:?}", hostile.close_reason());
        assert!(taken <= 512 * 1_024, "{taken}");
        assert!(axon.status().requests["connections_failed"] >= failed);
    }
}

#[tokio::test]
async fn data_behind_an_unfit_frame_are_not_taken_on_a_control_stream() {
    let axon = axon(config(), vec![]).await;
    let unfit = UNFIT.map(|frame| (frame, FRAME_ERROR));
    // Data alone have no place there either.
    for (frame, word) in unfit.into_iter().chain([(&b""[..], FRAME_UNEXPECTED)]) {
        let hostile = connect(&axon).await;
        let mut stream = hostile.open_uni().await.unwrap();
        let beginning = [SETTINGS, frame, b"\x00", LENGTH].concat();
        let ((taken, why), ()) = tokio::join!(pour(&mut stream, &beginning), served(&axon));
        assert_eq!(closed_with(&why), Some(word), "{frame:x?}: {why}: {:?}", hostile.close_reason());
        assert!(taken <= 512 * 1_024, "{taken}");
    }
}

#[tokio::test]
async fn data_behind_an_unfit_frame_are_not_taken_on_the_stream_of_a_request() {
    let axon = axon(config(), vec![]).await;
    let hostile = connect(&axon).await;
    for frame in UNFIT {
        let (outgoing, head) = ping(&axon).await;
        let answered = [&head[..], &self::frame(0, &outgoing.body)].concat();
        // Instead of the head, and behind the body.
        for before in [&b""[..], &answered] {
            let (mut stream, _answer) = hostile.open_bi().await.unwrap();
            let beginning = [before, frame, b"\x00", LENGTH].concat();
            let ((taken, why), ()) = tokio::join!(pour(&mut stream, &beginning), served(&axon));
            assert_eq!(why, WriteError::Stopped(FRAME_ERROR), "{frame:x?}");
            assert!(taken <= 512 * 1_024, "{taken}");
        }
    }
    assert!(hostile.close_reason().is_none(), "{:?}", hostile.close_reason());
}

#[tokio::test]
async fn frames_behind_the_head_are_bounded_too_and_their_sender_hears_it() {
    let axon = axon(config(), vec![]).await;
    let hostile = connect(&axon).await;
    // Trailers, and something unknown.
    for kind in [b"\x01", b"\x21"] {
        let (outgoing, head) = ping(&axon).await;
        let (mut stream, answer) = hostile.open_bi().await.unwrap();
        let beginning = [&head[..], &frame(0, &outgoing.body), kind, LENGTH].concat();
        let (taken, why) = pour(&mut stream, &beginning).await;
        assert_eq!(why, WriteError::Stopped(EXCESSIVE_LOAD), "{kind:?}");
        assert!(taken <= 512 * 1_024, "{taken}");
        let reply = reply(answer).await;
        assert!(!reply.is_empty() && !is_ok(&reply), "{reply:?}");
        served(&axon).await;
    }
}

#[tokio::test]
async fn a_body_arrives_in_whatever_frames_and_not_without_its_end() {
    let axon = axon(config(), vec![]).await;
    let connection = connect(&axon).await;
    let exchange = async |bytes: Vec<u8>| {
        let (mut stream, answer) = connection.open_bi().await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        stream.finish().unwrap();
        reply(answer).await
    };
    let (outgoing, head) = ping(&axon).await;
    let mut bytes = [&frame(0x21, b"unknown")[..], &head].concat();
    for byte in outgoing.body.chunks(1) {
        bytes.extend([frame(0, b""), frame(0x21, b"unknown"), frame(0, byte)].concat());
    }
    let whole = exchange(bytes).await;
    assert!(is_ok(&whole), "{whole:?}");

    let (outgoing, mut bytes) = ping(&axon).await;
    let body = frame(0, &[&outgoing.body[..], b" "].concat());
    // The body is whole; its frame lacks a blank.
    bytes.extend_from_slice(&body[..body.len() - 1]);
    let cut = exchange(bytes).await;
    assert!(!cut.is_empty() && !is_ok(&cut), "{cut:?}");
}

/// What an axon of that hotkey would show its callers, without the axon.
async fn hostile_axon() -> (Endpoint, Target) {
    let key = axon_key();
    let validity = Duration::from_mins(1);
    let certificates = Certificates { hotkey: key.account(), signer: key.signer(), validity };
    let crypto = QuicServerConfig::try_from(certificates.issue().await.unwrap().tls).unwrap();
    let config = ServerConfig::with_crypto(Arc::new(crypto));
    let endpoint = Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = endpoint.local_addr().unwrap();
    (endpoint, Target { ip: address.ip(), port: address.port(), hotkey: key.account() })
}

#[tokio::test]
async fn an_axon_does_not_fill_a_dendrite_with_frames_that_are_too_long() {
    let (dendrite, good) = (dendrite(), axon(config(), vec![]).await);
    let answered = [frame(1, OK), frame(0, b"{}")].concat();
    // A head, trailers, and something unknown among the data.
    for (before, kind) in [(&b""[..], b"\x01"), (&answered[..], b"\x01"), (&answered[..], b"\x21")] {
        let (hostile, target) = hostile_axon().await;
        let beginning = [before, kind, LENGTH].concat();
        let answering = async {
            let connection = hostile.accept().await.unwrap().await.unwrap();
            let (mut stream, _request) = connection.accept_bi().await.unwrap();
            pour(&mut stream, &beginning).await
        };
        let ((taken, why), outcome) = tokio::join!(answering, dendrite.ping(target, Transport::Quic, PATIENCE));
        assert_eq!(why, WriteError::Stopped(EXCESSIVE_LOAD));
        assert!(taken <= 4 << 20, "{taken}");
        assert_eq!(outcome.status_code, 400, "{}", outcome.status_message);
        assert!(outcome.status_message.contains(&STATED.to_string()), "{}", outcome.status_message);
    }
    let (hostile, target) = hostile_axon().await;
    let talking = async {
        let connection = hostile.accept().await.unwrap().await.unwrap();
        let mut stream = connection.open_uni().await.unwrap();
        pour(&mut stream, &[&b"\x00\x04"[..], LENGTH].concat()).await
    };
    let ((taken, why), outcome) = tokio::join!(talking, dendrite.ping(target, Transport::Quic, PATIENCE));
    assert_eq!(closed_with(&why), Some(EXCESSIVE_LOAD), "{why}");
    assert!(taken <= 4 << 20, "{taken}");
    assert_ne!(outcome.status_code, 200, "{}", outcome.status_message);
    let outcome = dendrite.ping(super::support::target(&good), Transport::Quic, PATIENCE).await;
    assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
}

#[tokio::test]
async fn an_axon_does_not_fill_a_dendrite_with_data_behind_an_unfit_frame() {
    let dendrite = dendrite();
    let answered = [frame(1, OK), frame(0, b"{}")].concat();
    for frame in UNFIT {
        // Instead of the head, and behind the body.
        for before in [&b""[..], &answered] {
            let (hostile, target) = hostile_axon().await;
            let beginning = [before, frame, b"\x00", LENGTH].concat();
            let answering = async {
                let connection = hostile.accept().await.unwrap().await.unwrap();
                let (mut stream, _request) = connection.accept_bi().await.unwrap();
                pour(&mut stream, &beginning).await
            };
            let ((taken, why), outcome) = tokio::join!(answering, dendrite.ping(target, Transport::Quic, PATIENCE));
            assert_eq!(why, WriteError::Stopped(FRAME_ERROR), "{frame:x?}");
            assert!(taken <= 4 << 20, "{taken}");
            assert_eq!(outcome.status_code, 400, "{}", outcome.status_message);
        }
        let (hostile, target) = hostile_axon().await;
        let talking = async {
            let connection = hostile.accept().await.unwrap().await.unwrap();
            let mut stream = connection.open_uni().await.unwrap();
            pour(&mut stream, &[SETTINGS, frame, b"\x00", LENGTH].concat()).await
        };
        let ((taken, why), outcome) = tokio::join!(talking, dendrite.ping(target, Transport::Quic, PATIENCE));
        assert_eq!(closed_with(&why), Some(FRAME_ERROR), "{frame:x?}: {why}");
        assert!(taken <= 4 << 20, "{taken}");
        assert_ne!(outcome.status_code, 200, "{}", outcome.status_message);
    }
}
