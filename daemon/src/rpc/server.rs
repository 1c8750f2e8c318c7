//! The listeners: accepts, learns who calls, and hands each request to HTTP or WebSocket.
//!
//! What a connection may do is settled before its first byte is read (unix socket) or with each
//! request (loopback, by token). Stopping: no new connection, calls in flight are answered, then
//! connections are closed.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Request, Response, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use jsonrpsee::server::{ConnectionId, HttpBody, Methods};
use soketto::handshake::http::is_upgrade_request;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Config, ControlSocket, Guard, Health, Peer, Rights, SocketError, Table, TcpError,
    caller::{Carrier, Connection, RequestIds},
    calls::Calls,
    gate::{Gate, Rules},
    health::plain,
    peers::{Peers, UnknownName},
    post,
    table::Runs,
    websocket,
};
use crate::{service_manager::Pulse, supervisor::TaskResult};

/// A client that sends nothing for so long is disconnected.
pub(super) const SILENCE: Duration = Duration::from_mins(1);
/// After a failed accept (no file descriptors left, say), the next try waits.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// What a caller reads for whom there is no place, and one without any right.
const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
const FORBIDDEN: &[u8] = b"HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Why the control API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The unix socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The loopback listener.
    #[error(transparent)]
    Tcp(#[from] TcpError),
    /// A user or group of the settings.
    #[error(transparent)]
    Roles(#[from] UnknownName),
}

/// The control API, bound and not yet serving.
#[derive(Debug)]
pub struct Server {
    socket: ControlSocket,
    tcp: Option<Loopback>,
    peers: Arc<Peers>,
    config: Config,
}

#[derive(Debug)]
struct Loopback {
    listener: TcpListener,
    guard: Arc<Guard>,
    rights: Rights,
}

/// Where callers come in.
#[derive(Clone)]
enum Door {
    Socket(Connection),
    Loopback { guard: Arc<Guard>, rights: Rights },
}

/// What every connection shares.
#[derive(Clone)]
struct Shared {
    runs: Runs,
    subscriptions: Methods,
    rules: Arc<Rules>,
    health: Health,
    places: Places,
    connections: TaskTracker,
    numbers: Arc<AtomicUsize>,
    told: CancellationToken,
    /// Told after the last call has been answered.
    closing: CancellationToken,
    max_request_bytes: usize,
    limits: websocket::Limits,
}

/// Places for connections, apart for those who could otherwise shut each other out.
#[derive(Clone)]
struct Places {
    /// btd's own user and root.
    masters: Arc<Semaphore>,
    /// Other users of the unix socket.
    others: Arc<Semaphore>,
    /// The loopback port, on which nobody is known before the first request.
    loopback: Arc<Semaphore>,
}

impl Places {
    fn new(each: usize) -> Self {
        let places = || Arc::new(Semaphore::new(each));
        Self { masters: places(), others: places(), loopback: places() }
    }
}

// === impl Server ===

impl Server {
    /// Binds the socket and, if configured, the loopback port.
    ///
    /// # Errors
    /// When either is taken or refused, or the settings name a user or group that the host does not know.
    pub async fn bind(config: &Config, socket: &Path, token_file: &Path) -> Result<Self, ServerError> {
        let peers = Arc::new(Peers::resolve(&config.roles, nix::unistd::geteuid().as_raw())?);
        let socket = ControlSocket::bind(socket)?;
        let tcp = match config.tcp.listen {
            None => None,
            Some(address) if !address.ip().is_loopback() => return Err(TcpError::NotLoopback { address }.into()),
            Some(address) => {
                let guard = Arc::new(Guard::new(&config.tcp, token_file)?);
                let bound = TcpListener::bind(address).await;
                let listener = bound.map_err(|source| TcpError::Bind { address, source })?;
                Some(Loopback { listener, guard, rights: config.tcp.rights })
            }
        };
        Ok(Self { socket, tcp, peers, config: config.clone() })
    }

    /// The path of the unix socket.
    pub fn socket(&self) -> PathBuf {
        self.socket.path().to_owned()
    }

    /// The address of the loopback listener, if there is one.
    pub fn loopback(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().and_then(|tcp| tcp.listener.local_addr().ok())
    }

    /// Serves `table` until told to stop, then drains.
    ///
    /// # Errors
    /// Never, at present; a failed accept is logged and tried again.
    pub async fn serve(self, mut table: Table, health: Health, pulse: Pulse, told: CancellationToken) -> TaskResult {
        let Self { socket, tcp, peers, config } = self;
        let size = |setting: u32| usize::try_from(setting).unwrap_or(usize::MAX);
        let closing = CancellationToken::new();
        let connections = TaskTracker::new();
        let shared = Shared {
            runs: table.take_runs(),
            subscriptions: table.subscriptions(),
            rules: Arc::new(Rules {
                entries: table.entries().clone(),
                ids: RequestIds::default(),
                stopping: told.clone(),
                max_batch: size(config.max_batch),
                max_reply_bytes: size(config.max_reply_bytes),
            }),
            health,
            places: Places::new(size(config.max_connections).min(Semaphore::MAX_PERMITS)),
            connections: connections.clone(),
            numbers: Arc::default(),
            told: told.clone(),
            closing: closing.clone(),
            max_request_bytes: size(config.max_request_bytes),
            limits: websocket::Limits {
                max_message_bytes: size(config.max_request_bytes),
                max_subscriptions: config.max_subscriptions,
                ping: Duration::from_secs(u64::from(config.ping_s.max(1))),
            },
        };
        accept(&socket, tcp.as_ref(), &peers, &shared, &pulse).await;
        drop((socket, tcp, shared));
        drain(&closing, &connections, table.requests()).await;
        Ok(())
    }
}

/// Accepts on both listeners until told to stop.
async fn accept(socket: &ControlSocket, tcp: Option<&Loopback>, peers: &Arc<Peers>, shared: &Shared, pulse: &Pulse) {
    let mut beat = tokio::time::interval(Pulse::EVERY);
    loop {
        let accepted = tokio::select! {
            () = shared.told.cancelled() => return,
            _ = beat.tick() => {
                pulse.beat();
                continue;
            }
            accepted = socket.listener().accept() => accepted.map(|(stream, _)| shared.take_local(stream, Arc::clone(peers))),
            accepted = accept_tcp(tcp) => accepted.map(|(stream, door)| shared.take(stream, door)),
        };
        if let Err(error) = accepted {
            tracing::warn!(%error, "a connection to the control API was not accepted");
            tokio::time::sleep(ACCEPT_AGAIN).await;
        }
    }
}

async fn accept_tcp(tcp: Option<&Loopback>) -> io::Result<(TcpStream, Door)> {
    match tcp {
        None => std::future::pending().await,
        Some(tcp) => {
            let (stream, _) = tcp.listener.accept().await?;
            stream.set_nodelay(true)?;
            Ok((stream, Door::Loopback { guard: Arc::clone(&tcp.guard), rights: tcp.rights }))
        }
    }
}

/// Waits for the calls in flight, then for the connections to close. The supervisor bounds the wait.
async fn drain(closing: &CancellationToken, connections: &TaskTracker, requests: &TaskTracker) {
    requests.close();
    requests.wait().await;
    closing.cancel();
    connections.close();
    connections.wait().await;
}

fn place(places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    let place = Arc::clone(places).try_acquire_owned().ok();
    if place.is_none() {
        tracing::warn!("the control API has as many connections as it may have; one more was refused");
    }
    place
}

/// Says why, and closes. Nothing of the caller is read, and nobody waits for one who does not.
fn dismiss(stream: io::Result<impl io::Write>, why: &[u8]) {
    let _ = stream.and_then(|mut stream| stream.write(why));
}

// === impl Shared ===

impl Shared {
    /// Takes a connection of the unix socket, if its user holds any right.
    fn take_local(&self, stream: UnixStream, peers: Arc<Peers>) {
        let Ok(peer) = stream.peer_cred() else { return };
        let (uid, gid) = (peer.uid(), peer.gid());
        let shared = self.clone();
        let places = if peers.masters(uid) { &self.places.masters } else { &self.places.others };
        let Some(place) = place(places) else { return dismiss(stream.into_std(), BUSY) };
        self.connections.spawn(async move {
            let rights = if peers.needs_groups(uid) {
                tokio::task::spawn_blocking(move || peers.rights(uid, gid)).await.unwrap_or_default()
            } else {
                peers.rights(uid, gid)
            };
            if rights.is_empty() {
                tracing::warn!(uid, "a user without rights was disconnected from the control socket");
                return dismiss(stream.into_std(), FORBIDDEN);
            }
            let connection = Connection { peer: Peer::Local { uid }, rights, carrier: Carrier::Http };
            shared.serve(stream, Door::Socket(connection), place).await;
        });
    }

    fn take(&self, stream: TcpStream, door: Door) {
        let shared = self.clone();
        let Some(place) = place(&self.places.loopback) else { return dismiss(stream.into_std(), BUSY) };
        self.connections.spawn(async move { shared.serve(stream, door, place).await });
    }

    /// Serves one connection until it closes. A WebSocket outlives the HTTP connection that it began
    /// as, and holds the place until it is closed.
    async fn serve<I: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
        self,
        io: I,
        door: Door,
        place: OwnedSemaphorePermit,
    ) {
        let closing = self.closing.clone();
        let (shared, place) = (Arc::new(self), Arc::new(place));
        let calls = Calls {
            runs: shared.runs.clone(),
            subscriptions: shared.subscriptions.clone(),
            connection: ConnectionId(shared.numbers.fetch_add(1, Ordering::Relaxed)),
            max_reply_bytes: shared.rules.max_reply_bytes,
            feed: None,
        };
        let answer = service_fn(move |request: Request<Incoming>| {
            let (shared, place) = (Arc::clone(&shared), Arc::clone(&place));
            let front = front(&request, &door, &shared.health);
            let calls = calls.clone();
            async move {
                let connection = match front {
                    Ok(connection) => connection,
                    Err(answer) => return Ok(*answer),
                };
                let gate = Gate { rules: Arc::clone(&shared.rules), connection, calls };
                if connection.carrier == Carrier::Http {
                    return Ok(post::answer(request, gate, shared.max_request_bytes).await);
                }
                let (agreed, session) = websocket::upgrade(request, gate, shared.limits, shared.closing.clone());
                if let Some(session) = session {
                    shared.connections.spawn(async move {
                        session.await;
                        drop(place);
                    });
                }
                Ok::<_, Infallible>(agreed)
            }
        });
        serve_http(io, answer, closing.cancelled_owned()).await;
    }
}

/// Serves one stream until it closes or, once told, has answered what it was asked.
async fn serve_http<I, S>(io: I, service: S, told: impl Future<Output = ()>)
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: hyper::service::Service<Request<Incoming>, Response = Response<HttpBody>, Error = Infallible>,
    S::Future: Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(SILENCE);
    let connection = http.serve_connection(TokioIo::new(io), service).with_upgrades();
    tokio::pin!(connection, told);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = &mut told => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the control API broke");
    }
}

/// Who calls; or the answer to what is not a call, or may not be one.
fn front(request: &Request<Incoming>, door: &Door, health: &Health) -> Result<Connection, Box<Response<HttpBody>>> {
    let carrier = if is_upgrade_request(request) { Carrier::WebSocket } else { Carrier::Http };
    let connection = match door {
        Door::Socket(connection) => Connection { carrier, ..*connection },
        Door::Loopback { guard, rights } => {
            if let Err((status, words)) = guard.check(request.headers()) {
                return Err(Box::new(plain(status, words)));
            }
            Connection { peer: Peer::Token, rights: *rights, carrier }
        }
    };
    if let Some(answer) = health.answer(request) {
        return Err(Box::new(answer));
    }
    if request.uri().path() != "/" {
        return Err(Box::new(plain(StatusCode::NOT_FOUND, "the control API is at /\n")));
    }
    Ok(connection)
}

#[cfg(test)]
mod tests;
