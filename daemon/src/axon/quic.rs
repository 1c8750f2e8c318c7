//! HTTP/3 on QUIC. No file of the axon names quinn or h3 but this one and the two whose names begin alike.

use std::{
    future::pending,
    io,
    net::{SocketAddr, UdpSocket},
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use btd_wire::{
    admission::{Arrival, BodyError, host},
    certificate::TlsKey,
};
use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use h3::{
    error::Code,
    quic::{self, RecvStream, SendStream},
    server::{RequestResolver, RequestStream},
};
use http::header;
use quinn::{
    AsyncTimer, AsyncUdpSocket, Endpoint, EndpointConfig, Incoming, Runtime, ServerConfig, TokioRuntime,
    TransportConfig, VarInt, crypto::rustls::QuicServerConfig,
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use super::{
    AxonError, Edge, HandlerError, certificate,
    certificate::{Certificates, Issued},
    connections::{Place, Requests},
    quic_send_windows::OWN,
    quic_streams::Streams,
    reply_body::{Chunks, ReplyBody},
    service::Arriving,
};
use crate::{gathering::Gathering, in_use::InUse, quic_bounded::Bounded, quic_scripted::Scripted};

type Connection = h3::server::Connection<Bounded<Streams>, Bytes>;

/// For a handshake to complete.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// A connection that carries no request for so long is closed, and so is one from whose other end nothing comes.
const IDLE: Duration = Duration::from_secs(30);
/// After so long without traffic we give a sign of life: an answer may take minutes, and callers need not give any.
const SIGN_OF_LIFE: Duration = Duration::from_secs(6);
/// HTTP/3's word for an end without an error.
const NO_ERROR: VarInt = VarInt::from_u32(0x100);
/// Handshakes going on beyond which unproven addresses must first prove that they get our packets.
const UNPROVEN_HANDSHAKES: usize = 64;
/// Requests at once on one connection: what a dendrite sends at once, and more.
const STREAMS: u32 = 128;
/// What a caller may have in flight to us before we read it: per request, and per connection.
const STREAM_WINDOW: u32 = 256 * 1_024;
const CONNECTION_WINDOW: u32 = 1_024 * 1_024;
/// So much of a reply is given to quinn at once, and taken by the caller within the time for that.
const PIECE: usize = 256 * 1_024;
/// For what was streamed before a failure to arrive and to be read: see [`settled`].
const SETTLED_FOR: Duration = Duration::from_millis(200);
const SETTLED_WITHIN: Duration = Duration::from_secs(5);
/// The same for who has shown that it reads more slowly than we stream: a piece had to wait for so long, and for two
/// round trips, until there was room for it.
const HELD_UP: Duration = Duration::from_millis(20);
const SLOW_SETTLED_FOR: Duration = Duration::from_secs(1);
/// Well before a dendrite's own patience ends, which by default is 12 seconds: it should hear of the failure.
const SLOW_SETTLED_WITHIN: Duration = Duration::from_secs(8);
/// For the last bytes of the last replies to arrive before a stopping axon closes the connection, and for the closing
/// packets to leave.
const LINGER: Duration = Duration::from_millis(100);
/// With which an idle connection is closed that gave its place to another. HTTP/3 takes a code that it does not know for no
/// error.
pub(super) const GAVE_WAY: VarInt = VarInt::from_u32(0x6761_7665);

/// A bound endpoint.
pub(super) struct Listener {
    endpoint: Endpoint,
    drivers: Arc<Drivers>,
    certificates: Certificates,
    issued: Duration,
    /// The TLS key of the certificate that is shown.
    key: watch::Sender<TlsKey>,
}

// === impl Listener ===

impl Listener {
    /// The TLS key that callers are shown, now and after each renewal.
    pub(super) fn key(&self) -> watch::Receiver<TlsKey> {
        self.key.subscribe()
    }
}

/// Opens the endpoint on a bound socket, with the first of the certificates.
///
/// # Errors
/// When the hotkey does not sign, or the socket cannot be used.
pub(super) async fn open(socket: UdpSocket, certificates: Certificates) -> Result<Listener, AxonError> {
    let issued = certificate::now();
    let Issued { tls, key } = certificates.issue().await?;
    let config = server_config(tls)?;
    let drivers = Arc::<Drivers>::default();
    let runtime = Arc::clone(&drivers);
    Endpoint::new(EndpointConfig::default(), Some(config), socket, runtime)
        .map(|endpoint| Listener { endpoint, drivers, certificates, issued, key: watch::channel(key).0 })
        .map_err(|source| AxonError::Socket { source })
}

/// `tls` must offer the protocol `h3`.
fn server_config(tls: rustls::ServerConfig) -> Result<ServerConfig, AxonError> {
    let crypto = QuicServerConfig::try_from(tls).map_err(|error| AxonError::Tls(error.into()))?;
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(STREAMS.into())
        // HTTP/3 needs three; the rest is room for grease.
        .max_concurrent_uni_streams(8_u8.into())
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(CONNECTION_WINDOW.into())
        // Replies that need more lease it.
        .send_window(OWN)
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(IDLE.try_into().ok())
        .keep_alive_interval(Some(SIGN_OF_LIFE));
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(Arc::new(transport));
    Ok(config)
}

/// quinn's own tasks, which hold the socket: tracked, so that the port is free once they have ended.
#[derive(Debug, Default)]
struct Drivers {
    tasks: TaskTracker,
    end: CancellationToken,
}

impl Runtime for Drivers {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        TokioRuntime.new_timer(at)
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let end = self.end.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = end.cancelled() => {}
                () = future => {}
            }
        });
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        TokioRuntime.wrap_udp_socket(socket)
    }
}

impl Drivers {
    /// Ends them, and with them what is left of every connection.
    async fn end(&self) {
        self.end.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Accepts connections until told to stop, then closes the endpoint when it is told to abort. The
/// certificate is renewed under way: open connections keep theirs.
pub(super) async fn accept(listener: Listener, edge: Arc<Edge>) {
    let Listener { endpoint, drivers, certificates, issued, key: shown } = listener;
    let mut renewal = pin!(certificates.next(issued));
    let _ended = edge.ended.clone().drop_guard();
    let handshakes = TaskTracker::new();
    loop {
        let incoming = tokio::select! {
            () = edge.stop.cancelled() => break,
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => incoming,
                None => return,
            },
            Issued { tls, key } = renewal.as_mut() => {
                renewal.set(certificates.next(certificate::now()));
                match server_config(tls) {
                    Ok(config) => {
                        endpoint.set_server_config(Some(config));
                        shown.send_replace(key);
                        tracing::info!(hotkey = %certificates.hotkey, "QUIC certificate renewed");
                    }
                    Err(error) => tracing::warn!(%error, "the renewed QUIC certificate cannot be used"),
                }
                continue;
            }
        };
        let peer = incoming.remote_address();
        // Where others must give way, nobody has them do so for an address that is not its own.
        let must_prove = handshakes.len() >= UNPROVEN_HANDSHAKES || edge.connections.is_full();
        if must_prove && !incoming.remote_address_validated() {
            // Fails only for an address that has proven itself.
            let _ = incoming.retry();
            continue;
        }
        let Ok(place) = edge.connections.enter(host(peer.ip())) else {
            edge.counters.connections_refused.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%peer, "connection refused: too many");
            incoming.refuse();
            continue;
        };
        let token = handshakes.token();
        edge.tasks.spawn(serve(incoming, place, Arc::clone(&edge), token));
    }
    // New handshakes are refused while requests in flight are answered.
    endpoint.set_server_config(None);
    edge.abort.cancelled().await;
    endpoint.close(VarInt::from_u32(0), b"axon stopped");
    // For the closing packets to leave; a peer that does not answer is not waited for.
    let _ = timeout(LINGER, endpoint.wait_idle()).await;
    drop(endpoint);
    drivers.end().await;
}

/// Serves one connection: any number of requests at once.
async fn serve(incoming: Incoming, place: Place, edge: Arc<Edge>, handshake: TaskTrackerToken) {
    let peer = incoming.remote_address();
    let opened = tokio::select! {
        () = edge.stop.cancelled() => return,
        () = place.gave_way() => return gave_way(&edge, peer),
        opened = timeout(HANDSHAKE, open_connection(incoming, &edge)) => opened,
    };
    drop(handshake);
    let (mut connection, quic) = match opened {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return failed(&edge, peer, &error),
        Err(_) => return failed(&edge, peer, &"the handshake took too long"),
    };
    let (requests, in_use) = (TaskTracker::new(), InUse::default());
    let (mut unused, mut is_unused) = (pin!(in_use.unused(IDLE)), false);
    loop {
        let accepted = tokio::select! {
            biased;
            () = edge.stop.cancelled() => break,
            () = place.gave_way() => break,
            accepted = connection.accept() => accepted,
            // It gives signs of life, so that it does not end by itself. A request that is there by now goes before.
            () = unused.as_mut() => {
                is_unused = true;
                break;
            }
        };
        match accepted {
            Ok(Some(resolver)) => {
                let answering = Arc::clone(&edge);
                let (from, over) = ((peer, edge.service.arrival()), quic.clone());
                let (begins, using) = (place.requests(), in_use.enter());
                let answering = async move {
                    let _using = using;
                    tokio::select! {
                        () = answering.abort.cancelled() => {}
                        () = answer(resolver, from, &answering, Some((&over, &begins))) => {}
                    }
                };
                // The axon waits for each of them too: they hold the connection.
                requests.spawn(edge.tasks.track_future(answering));
            }
            Ok(None) => return,
            Err(error) if error.is_h3_no_error() => return,
            Err(error) => return failed(&edge, peer, &error),
        }
    }
    requests.close();
    let displaced = place.is_displaced();
    if displaced {
        gave_way(&edge, peer);
    }
    let last_replies = async {
        // Tells the peer to send no more; what it has sent already is answered. Who takes nothing is not waited for.
        let _ = timeout(LINGER, connection.shutdown(0)).await;
        if displaced {
            // A request that was read since then is answered, and nobody is waited for to take what was refused.
            while place.is_busy() {
                sleep(LINGER).await;
            }
        } else {
            requests.wait().await;
        }
        // A long reply is with quinn by now, and not yet with the peer.
        settled(&quic, LINGER, edge.config.drain().min(SETTLED_WITHIN)).await;
    };
    tokio::select! {
        () = last_replies => {}
        () = edge.abort.cancelled() => {}
    }
    if displaced {
        quic.close(GAVE_WAY, b"gave way to another connection");
    } else if is_unused {
        quic.close(NO_ERROR, b"no request came for long");
    }
}

async fn open_connection(
    incoming: Incoming,
    edge: &Edge,
) -> Result<(Connection, quinn::Connection), Box<dyn std::error::Error + Send + Sync>> {
    let quic = incoming.await?;
    let max_header_bytes = edge.config.max_header_bytes;
    let window = edge.send_windows.open(host(quic.remote_address().ip()), quic.clone());
    let connection = Bounded::new(Streams::new(quic.clone(), window), max_header_bytes);
    let connection = h3::server::builder()
        .max_field_section_size(u64::try_from(max_header_bytes).unwrap_or(u64::MAX))
        .build(connection)
        .await?;
    Ok((connection, quic))
}

fn gave_way(edge: &Edge, peer: SocketAddr) {
    edge.counters.connections_refused.fetch_add(1, Ordering::Relaxed);
    tracing::debug!(%peer, "idle connection gave way to another");
}

fn failed(edge: &Edge, peer: SocketAddr, error: &dyn std::fmt::Display) {
    edge.counters.connections_failed.fetch_add(1, Ordering::Relaxed);
    tracing::debug!(%peer, %error, "connection failed");
}

/// Serves a connection that is written down, one request after the other.
pub(super) async fn serve_scripted(connection: Scripted, peer: SocketAddr, edge: &Edge) {
    let limit = u64::try_from(edge.config.max_header_bytes).unwrap_or(u64::MAX);
    let connection = Bounded::new(connection, edge.config.max_header_bytes);
    let opened = h3::server::builder().max_field_section_size(limit).build(connection).await;
    let Ok(mut connection) = opened else { return };
    while let Ok(Some(resolver)) = connection.accept().await {
        answer(resolver, (peer, edge.service.arrival()), edge, None).await;
    }
}

/// Answers one request, over a connection unless that is written down. What goes wrong with its stream concerns
/// nobody else. Dropping the stream at the end tells the peer that what is left of a refused body is not wanted.
async fn answer<C: quic::Connection<Bytes>>(
    resolver: RequestResolver<C, Bytes>,
    (peer, arrival): (SocketAddr, Arrival),
    edge: &Edge,
    over: Option<(&quinn::Connection, &Requests)>,
) where
    C::BidiStream: Send,
    <C::BidiStream as RecvStream>::Buf: Send,
{
    let gives_way = async {
        match over {
            Some((_, requests)) => requests.gave_way().await,
            None => pending().await,
        }
    };
    let resolved = tokio::select! {
        biased;
        resolved = timeout(edge.config.header_timeout(), resolver.resolve_request()) => resolved,
        // Of a request whose head is not there nothing is lost.
        () = gives_way => return,
    };
    let (request, mut stream) = match resolved {
        Ok(Ok(resolved)) => resolved,
        Ok(Err(error)) => return failed(edge, peer, &error),
        Err(_) => return failed(edge, peer, &"the request's headers took too long"),
    };
    let in_flight = over.map(|(_, requests)| requests.begin());
    let (head, ()) = request.into_parts();
    let stated = head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let deadline = edge.config.body_timeout();
    let body = Http3Body { stream: &mut stream, stated: stated.unwrap_or_default(), deadline };
    let (response, standing) = edge.service.respond(&head, body, (peer, arrival)).await;
    if let Some(in_flight) = &in_flight {
        in_flight.judged(standing);
    }
    let (head, body) = response.into_parts();
    // Who is refused, and does not take even that, is not spared for it.
    let _in_flight = in_flight.filter(|_| head.status.is_success());
    let limit = edge.config.body_timeout();
    let mut held_up = Duration::ZERO;
    let head = async { Ok(stream.send_response(http::Response::from_parts(head, ())).await?) };
    let sent = match (in_time(limit, head).await, body) {
        (Err(unsent), _) => Err(unsent),
        (Ok(()), ReplyBody::Whole(whole)) => send_parts(&mut stream, vec![whole], limit).await,
        (Ok(()), ReplyBody::Parts(parts)) => send_parts(&mut stream, parts, limit).await,
        (Ok(()), ReplyBody::Stream(chunks)) => send_chunks(&mut stream, chunks, (limit, &mut held_up)).await,
    };
    if let Err(unsent) = sent {
        // Giving the stream up takes back what of it has not been read yet.
        if let (Unsent::Handler(_), Some(over)) = (&unsent, over.map(|(connection, _)| connection)) {
            if held_up >= HELD_UP.max(over.rtt() * 2) {
                settled(over, SLOW_SETTLED_FOR, SLOW_SETTLED_WITHIN.min(limit)).await;
            } else {
                settled(over, SETTLED_FOR, SETTLED_WITHIN).await;
            }
        }
        // What arrived must not pass for the whole.
        stream.stop_stream(Code::H3_REQUEST_CANCELLED);
        failed(edge, peer, &unsent);
    }
}

/// Why a reply was not sent to its end.
#[derive(Debug, thiserror::Error)]
enum Unsent {
    #[error("{0}")]
    Stream(#[from] h3::error::StreamError),
    #[error("the reply was not taken in time")]
    NotTaken,
    #[error("the handler did not stream to the end: {0}")]
    Handler(#[from] HandlerError),
}

async fn in_time(limit: Duration, sending: impl Future<Output = Result<(), Unsent>>) -> Result<(), Unsent> {
    timeout(limit, sending).await.unwrap_or(Err(Unsent::NotTaken))
}

/// Sends a whole reply, of which the caller takes each piece within `limit`, and waits until it is acknowledged.
async fn send_parts<S: SendStream<Bytes>>(
    stream: &mut RequestStream<S, Bytes>,
    parts: Vec<Bytes>,
    limit: Duration,
) -> Result<(), Unsent> {
    for mut part in parts {
        while !part.is_empty() {
            let piece = part.split_to(part.len().min(PIECE));
            in_time(limit, async { Ok(stream.send_data(piece).await?) }).await?;
        }
    }
    in_time(limit, async { Ok(stream.finish().await?) }).await
}

async fn send_chunks<S: SendStream<Bytes>>(
    stream: &mut RequestStream<S, Bytes>,
    mut chunks: Chunks,
    (limit, held_up): (Duration, &mut Duration),
) -> Result<(), Unsent> {
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        let begun = Instant::now();
        in_time(limit, async { Ok(stream.send_data(chunk).await?) }).await?;
        *held_up = begun.elapsed().max(*held_up);
    }
    in_time(limit, async { Ok(stream.finish().await?) }).await
}

/// Waits until what was sent over a connection seems to have arrived, and to have been read as far as it will be: until
/// for some round trips, and no less than `quiet_for`, nothing more goes out and the other end makes no more room
/// for what comes; for `within` at the most. QUIC says the one only of streams that have ended, and the other not at all:
/// who reads less in that time than what its transport makes room for at once may lose the end of it.
async fn settled(over: &quinn::Connection, quiet_for: Duration, within: Duration) {
    let moved = || {
        let stats = over.stats();
        (stats.frame_tx.stream, stats.frame_rx.max_stream_data, stats.frame_rx.max_data)
    };
    let quiet = async {
        let mut before = moved();
        loop {
            // Longer than what is lost takes to be sent again.
            let pause = (over.rtt() * 4).max(quiet_for);
            if timeout(pause, over.closed()).await.is_ok() {
                return;
            }
            let now = moved();
            if std::mem::replace(&mut before, now) == now {
                return;
            }
        }
    };
    let _ = timeout(within, quiet).await;
}

struct Http3Body<'a, S> {
    stream: &'a mut RequestStream<S, Bytes>,
    /// How long the caller says that the body is; nothing when it does not say.
    stated: usize,
    deadline: Duration,
}

impl<S: RecvStream + Send> Arriving for Http3Body<'_, S>
where
    S::Buf: Send,
{
    async fn read(
        self,
        limit: usize,
        mut charge: impl FnMut(usize) -> Result<(), BodyError> + Send,
    ) -> Result<Bytes, BodyError> {
        let reading = async {
            let mut read = Gathering::new(self.stated.min(limit));
            while let Some(mut data) =
                self.stream.recv_data().await.map_err(|error| BodyError::Broken(error.to_string()))?
            {
                if data.remaining() > limit.saturating_sub(read.gathered()) {
                    return Err(BodyError::TooLarge);
                }
                read.take(&data.copy_to_bytes(data.remaining()));
                charge(read.memory())?;
            }
            Ok(read.end())
        };
        timeout(self.deadline, reading).await.unwrap_or(Err(BodyError::TimedOut))
    }
}
