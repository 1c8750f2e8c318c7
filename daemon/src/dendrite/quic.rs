//! HTTP/3 over QUIC. The only file of the dendrite that names quinn and h3.
//!
//! A connection belongs to an address *and* a hotkey: it opens only if the certificate proves the
//! hotkey, so that nothing is sent to anybody else.

use std::{
    collections::HashMap,
    future::{pending, poll_fn},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
    time::{Duration, Instant},
};

use btd_api::AccountId;
use btd_wire::outgoing::{CallFailure, Outgoing};
use bytes::{Buf, Bytes};
use h3::error::StreamError;
use http::{HeaderValue, Method, Request, Uri, header};
use quinn::{ClientConfig, Endpoint, TransportConfig, VarInt, crypto::rustls::QuicClientConfig};
use tokio::{
    sync::{Mutex as AsyncMutex, Notify},
    time::sleep,
};
use tokio_util::task::TaskTracker;

use super::{
    Config, Reply,
    certificate::{self, Refusal},
    reading::Reading,
    reply_room::{ReplyRoom, Taker},
    unpack,
};
use crate::{
    in_use::{InUse, Use},
    quic_bounded::Bounded,
    quic_scripted::Scripted,
};

/// HTTP/3 on a connection: what drives it, and what sends requests over it.
type Http3<C> = (
    h3::client::Connection<Bounded<C>, Bytes>,
    h3::client::SendRequest<Bounded<<C as h3::quic::Connection<Bytes>>::OpenStreams>, Bytes>,
);
type Sender = h3::client::SendRequest<Bounded<h3_quinn::OpenStreams>, Bytes>;
type Key = (SocketAddr, AccountId);
/// Locked while the connection opens, so that one opens at a time for each axon.
type Slot = Arc<AsyncMutex<Option<Open>>>;

/// A connection that carries no request for so long is closed, and so is one from whose other end nothing comes.
const IDLE: Duration = Duration::from_secs(25);
/// So often in that time a connection without other traffic gives a sign of life: a reply may take minutes, and no idle
/// timeout of either end, nor of what is between them, is to close the connection before.
const SIGNS_OF_LIFE: u32 = 5;
/// HTTP/3's word for an end without an error.
const NO_ERROR: VarInt = VarInt::from_u32(0x100);
/// Longest header block of a reply: about what hyper takes over HTTP/1.1.
const LONGEST_HEAD: usize = 400 * 1_024;

/// Open connections, by axon and hotkey.
#[derive(Debug)]
pub(super) struct QuicClient {
    slots: Mutex<HashMap<Key, (Slot, Instant)>>,
    endpoints: Mutex<Endpoints>,
    max_connections: usize,
    max_reply: usize,
    /// See [`IDLE`].
    pub(super) idle: Duration,
    connections: TaskTracker,
}

#[derive(Debug, Default)]
struct Endpoints {
    v4: Option<Endpoint>,
    v6: Option<Endpoint>,
}

struct Open {
    quic: quinn::Connection,
    sender: Sender,
    in_use: InUse,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open").field("peer", &self.quic.remote_address()).finish_non_exhaustive()
    }
}

/// A connection in hand, for one request.
pub(super) struct Ready {
    sender: Sender,
    quic: quinn::Connection,
    key: Key,
    using: Use,
}

// === impl Ready ===

impl Ready {
    /// Whether the connection closed since it was taken in hand.
    pub(super) fn is_closed(&self) -> bool {
        self.quic.close_reason().is_some()
    }
}

/// How an exchange failed, which decides whether HTTP/1.1 may be tried instead.
#[derive(Debug)]
pub(super) enum QuicFailure {
    /// No connection: nothing of the request was sent.
    NotConnected(CallFailure),
    /// No connection, for the server there names no hotkey: nothing of the request was sent.
    Unstated(CallFailure),
    /// No connection, for the server there is not the hotkey that was called, which forbids to try another way: nothing of
    /// the request was sent.
    Refuted(CallFailure),
    /// The request was sent, at least in part.
    Broken(CallFailure),
    /// The request was sent, and not a datagram came back: the connection leads nowhere any more.
    Silent,
}

// === impl QuicFailure ===

impl QuicFailure {
    pub(super) fn into_failure(self) -> CallFailure {
        match self {
            Self::NotConnected(failure) | Self::Unstated(failure) | Self::Refuted(failure) | Self::Broken(failure) => {
                failure
            }
            Self::Silent => CallFailure::Disconnected,
        }
    }
}

// === impl QuicClient ===

impl QuicClient {
    pub(super) fn new(config: &Config, connections: TaskTracker) -> Self {
        Self {
            slots: Mutex::default(),
            endpoints: Mutex::default(),
            max_connections: config.max_quic_connections.max(1),
            max_reply: config.max_reply_bytes,
            idle: IDLE,
            connections,
        }
    }

    /// The connection to `hotkey` at `axon`, opened if there is none.
    pub(super) async fn ready(&self, axon: SocketAddr, hotkey: AccountId, name: &str) -> Result<Ready, QuicFailure> {
        let key = (axon, hotkey);
        let slot = self.slot(key);
        let mut held = slot.lock().await;
        let open = match held.take().filter(|open| open.quic.close_reason().is_none()) {
            Some(open) => held.insert(open),
            None => held.insert(self.open(axon, hotkey, name).await?),
        };
        Ok(Ready { sender: open.sender.clone(), quic: open.quic.clone(), key, using: open.in_use.enter() })
    }

    /// Sends one request over a connection in hand.
    ///
    /// A connection that was open already may lead to a process that is gone without a word. A
    /// living one acknowledges what it gets at once, however long it takes to answer: if nothing at all has
    /// come back after `patience`, the connection is given up and the request with it.
    pub(super) async fn send(
        &self,
        Ready { sender, quic, key, using: _using }: Ready,
        outgoing: &Outgoing,
        taker: Taker<'_>,
        patience: Duration,
    ) -> Result<Reply, QuicFailure> {
        let (axon, _) = key;
        let heard = quic.stats().udp_rx.datagrams;
        let begun = Notify::new();
        let silence = async {
            begun.notified().await;
            sleep(patience).await;
            if quic.stats().udp_rx.datagrams != heard {
                pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            reply = exchange(sender, axon, outgoing, (taker, &begun), self.max_reply) => reply,
            () = silence => {
                tracing::debug!(%axon, ?patience, "QUIC connection is silent");
                self.give_up(key, &quic);
                Err(QuicFailure::Silent)
            }
        }
    }

    /// Does not use the connection to `hotkey` at `axon` again: it may lead to a process that is
    /// gone without a word.
    pub(super) fn forget(&self, axon: SocketAddr, hotkey: AccountId) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(&(axon, hotkey));
    }

    /// Does not use this connection again, for whoever finds it silent; one that was opened since stays.
    fn give_up(&self, key: Key, silent: &quinn::Connection) {
        let slot = self.slot(key);
        // Where it is locked, another opens already.
        if let Ok(mut held) = slot.try_lock()
            && held.as_ref().is_some_and(|open| open.quic.stable_id() == silent.stable_id())
        {
            *held = None;
        }
    }

    /// The slot of an axon; the longest unused one makes room when there are too many.
    fn slot(&self, key: Key) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= self.max_connections && !slots.contains_key(&key) {
            let oldest = slots.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| *key);
            oldest.and_then(|oldest| slots.remove(&oldest));
        }
        let (slot, used) = slots.entry(key).or_insert_with(|| (Slot::default(), Instant::now()));
        *used = Instant::now();
        Arc::clone(slot)
    }

    async fn open(&self, axon: SocketAddr, hotkey: AccountId, name: &str) -> Result<Open, QuicFailure> {
        let unavailable = || {
            let (ip, port) = (axon.ip().to_string(), axon.port());
            QuicFailure::NotConnected(CallFailure::Unavailable { ip, port, name: name.to_owned() })
        };
        let wrong = |reason| CallFailure::WrongServer { ip: axon.ip().to_string(), port: axon.port(), reason };
        let (tls, verdict) = certificate::client(hotkey);
        let crypto = QuicClientConfig::try_from(tls).map_err(|_| unavailable())?;
        let mut transport = TransportConfig::default();
        transport
            .max_idle_timeout(self.idle.try_into().ok())
            .keep_alive_interval(Some(self.idle / SIGNS_OF_LIFE))
            .max_concurrent_bidi_streams(0_u8.into());
        let mut config = ClientConfig::new(Arc::new(crypto));
        config.transport_config(Arc::new(transport));
        let endpoint = self.endpoint(axon).map_err(|_| unavailable())?;
        let connecting = endpoint.connect_with(config, axon, SERVER_NAME).map_err(|_| unavailable())?;
        let quic = connecting.await.map_err(|error| {
            tracing::debug!(%axon, %error, "QUIC connection failed");
            match verdict.take() {
                Some(Refusal::Unstated(reason)) => QuicFailure::Unstated(wrong(reason)),
                Some(Refusal::Unproven(reason)) => QuicFailure::Refuted(wrong(reason)),
                None => unavailable(),
            }
        })?;
        let opened = http3(h3_quinn::Connection::new(quic.clone())).await;
        let (mut driver, sender) = opened.map_err(|_| QuicFailure::NotConnected(CallFailure::Disconnected))?;
        let in_use = InUse::default();
        let (unused, over) = (in_use.unused(self.idle), quic.clone());
        self.connections.spawn(async move {
            tokio::select! {
                reason = poll_fn(|context| driver.poll_close(context)) => {
                    tracing::debug!(%axon, %reason, "QUIC connection ended");
                }
                // It gives signs of life, so that it does not end by itself.
                () = unused => {
                    over.close(NO_ERROR, b"");
                    tracing::debug!(%axon, "QUIC connection closed that nobody used any more");
                }
            }
        });
        Ok(Open { quic, sender, in_use })
    }

    fn endpoint(&self, axon: SocketAddr) -> std::io::Result<Endpoint> {
        let mut endpoints = self.endpoints.lock().unwrap_or_else(PoisonError::into_inner);
        let (held, any): (_, SocketAddr) = if axon.is_ipv4() {
            (&mut endpoints.v4, (Ipv4Addr::UNSPECIFIED, 0).into())
        } else {
            (&mut endpoints.v6, (Ipv6Addr::UNSPECIFIED, 0).into())
        };
        if let Some(endpoint) = held {
            return Ok(endpoint.clone());
        }
        Ok(held.insert(Endpoint::client(any)?).clone())
    }
}

async fn http3<C: h3::quic::Connection<Bytes>>(connection: C) -> Result<Http3<C>, h3::error::ConnectionError> {
    let longest = u64::try_from(LONGEST_HEAD).unwrap_or(u64::MAX);
    h3::client::builder().max_field_section_size(longest).build(Bounded::new(connection, LONGEST_HEAD)).await
}

/// Sends one request and reads its reply, of so many bytes at most.
async fn exchange<O: h3::quic::OpenStreams<Bytes>>(
    mut sender: h3::client::SendRequest<O, Bytes>,
    axon: SocketAddr,
    outgoing: &Outgoing,
    (taker, begun): (Taker<'_>, &Notify),
    max_reply: usize,
) -> Result<Reply, QuicFailure> {
    let request = request(axon, outgoing).map_err(QuicFailure::NotConnected)?;
    let broken = |error: StreamError| {
        tracing::debug!(%axon, %error, "no answer over QUIC");
        QuicFailure::Broken(CallFailure::Disconnected)
    };
    // Waits its turn where the axon allows no more requests at once.
    let mut stream = sender.send_request(request).await.map_err(broken)?;
    begun.notify_one();
    // An axon that has seen enough of a body stops it and answers: the answer counts.
    let sent = async {
        stream.send_data(outgoing.body.clone()).await?;
        stream.finish().await
    };
    let sent = sent.await;
    let response = match (stream.recv_response().await, sent) {
        (Ok(response), _) => response,
        // What comes is longer than we take a head.
        (Err(error @ (StreamError::HeaderTooBig { .. } | StreamError::Undefined { .. })), _) => {
            return Err(QuicFailure::Broken(CallFailure::NotHttp(error.to_string())));
        }
        (Err(error), _) => return Err(broken(error)),
    };
    let (head, ()) = response.into_parts();
    let stated = head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let reading = Reading::new((head.status, &head.headers), taker, stated.unwrap_or(0), max_reply);
    let mut reading = reading.map_err(QuicFailure::Broken)?;
    let incomplete = |error: StreamError| CallFailure::Payload(format!("Response payload is not completed: {error}"));
    while let Some(mut data) = stream.recv_data().await.map_err(|error| QuicFailure::Broken(incomplete(error)))? {
        reading.take(data.copy_to_bytes(data.remaining())).await.map_err(QuicFailure::Broken)?;
    }
    let (body, held) = reading.end().map_err(QuicFailure::Broken)?;
    Ok(Reply { status: head.status, headers: head.headers, body, held })
}

/// Asks over a connection that is written down, and then hears what else it has to say.
pub(super) async fn ask_scripted(
    connection: Scripted,
    axon: SocketAddr,
    outgoing: &Outgoing,
    max_reply: usize,
) -> Option<Reply> {
    let (mut driver, sender) = http3(connection).await.ok()?;
    let room = ReplyRoom::new(&Config::default());
    let taker = Taker { pieces: None, room: &room, hotkey: AccountId([7; 32]) };
    let reply = exchange(sender, axon, outgoing, (taker, &Notify::new()), max_reply).await;
    poll_fn(|context| {
        let _ = driver.poll_close(context);
        Poll::Ready(())
    })
    .await;
    reply.ok()
}

/// Certificates of axons name a hotkey, not a host. TLS wants a name all the same.
const SERVER_NAME: &str = "axon.invalid";

fn request(axon: SocketAddr, outgoing: &Outgoing) -> Result<Request<()>, CallFailure> {
    let uri: Uri = format!("https://{axon}{}", outgoing.path)
        .parse()
        .map_err(|error: http::uri::InvalidUri| CallFailure::Unreadable(error.to_string()))?;
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    *request.headers_mut() = outgoing.headers.clone();
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(unpack::ACCEPTED));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(super::USER_AGENT));
    Ok(request)
}
