//! The listeners: accepts, learns who calls, and hands the stream to HTTP and WebSocket.
//!
//! What a connection may do is settled before its first byte is read (unix socket) or with each
//! request (loopback, by token). Stopping: no new connection, calls in flight are answered, then
//! connections are closed.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use jsonrpsee::server::{
    BatchRequestConfig, HttpBody, Methods, PingConfig, ServerConfig, ServerHandle, StopHandle,
    middleware::rpc::RpcServiceBuilder, stop_channel, ws::is_upgrade_request,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service;

use super::{
    Config, ControlSocket, Guard, Health, Peer, Rights, SocketError, Table, TcpError,
    caller::{Carrier, Connection, RequestIds},
    gate::{Gate, Rules},
    health::plain,
    peers::{Peers, UnknownName},
};
use crate::{service_manager::Pulse, supervisor::TaskResult};

/// A client that sends nothing for so long is disconnected.
const SILENCE: Duration = Duration::from_mins(1);
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
    methods: Methods,
    rules: Arc<Rules>,
    health: Health,
    places: Arc<Semaphore>,
    connections: TaskTracker,
    told: CancellationToken,
    stop: StopHandle,
    builder: Builder,
}

/// The body of a reply.
type Reply = UnsyncBoxBody<Bytes, io::Error>;

type Builder = jsonrpsee::server::TowerServiceBuilder<tower::layer::util::Identity, tower::layer::util::Identity>;

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
    pub async fn serve(self, table: Table, health: Health, pulse: Pulse, told: CancellationToken) -> TaskResult {
        let Self { socket, tcp, peers, config } = self;
        let (stop, stopper) = stop_channel();
        let connections = TaskTracker::new();
        let shared = Shared {
            methods: table.methods(),
            rules: Arc::new(Rules {
                entries: table.entries().clone(),
                ids: RequestIds::default(),
                stopping: told.clone(),
                max_reply_bytes: usize::try_from(config.max_reply_bytes).unwrap_or(usize::MAX),
            }),
            health,
            places: Arc::new(Semaphore::new(usize::try_from(config.max_connections).unwrap_or(Semaphore::MAX_PERMITS))),
            connections: connections.clone(),
            told: told.clone(),
            stop,
            builder: builder(&config),
        };
        accept(&socket, tcp.as_ref(), &peers, &shared, &pulse).await;
        drop((socket, tcp, shared));
        drain(&stopper, &connections, table.requests()).await;
        Ok(())
    }
}

fn builder(config: &Config) -> Builder {
    let ping = Duration::from_secs(u64::from(config.ping_s.max(1)));
    let pings = PingConfig::new().ping_interval(ping).inactive_limit(ping * 2).max_failures(1);
    let limits = ServerConfig::builder()
        .max_request_body_size(config.max_request_bytes)
        .max_response_body_size(config.max_reply_bytes)
        .max_connections(config.max_connections)
        .max_subscriptions_per_connection(config.max_subscriptions)
        .set_batch_request_config(BatchRequestConfig::Limit(config.max_batch))
        .set_message_buffer_capacity(64)
        .enable_ws_ping(pings)
        .build();
    jsonrpsee::server::Server::builder().set_config(limits).to_service_builder().max_connections(config.max_connections)
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
async fn drain(stopper: &ServerHandle, connections: &TaskTracker, requests: &TaskTracker) {
    requests.close();
    requests.wait().await;
    let _ = stopper.stop();
    connections.close();
    connections.wait().await;
    stopper.clone().stopped().await;
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
        let Some(place) = self.place() else { return dismiss(stream.into_std(), BUSY) };
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
        let Some(place) = self.place() else { return dismiss(stream.into_std(), BUSY) };
        self.connections.spawn(async move { shared.serve(stream, door, place).await });
    }

    fn place(&self) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok();
        if place.is_none() {
            tracing::warn!("the control API has as many connections as it may have; one more was refused");
        }
        place
    }

    async fn serve<I: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
        self,
        io: I,
        door: Door,
        place: OwnedSemaphorePermit,
    ) {
        let told = self.stop.clone().shutdown();
        let rules = Arc::clone(&self.rules);
        let gates = RpcServiceBuilder::new().layer_fn(move |inner| Gate { inner, rules: Arc::clone(&rules) });
        let mut service = self.builder.clone().set_rpc_middleware(gates).build(self.methods.clone(), self.stop.clone());
        let closed = service.on_session_closed();
        let health = self.health.clone();
        let answer = service_fn(move |request: Request<Incoming>| {
            let answered = front(request, &door, &health);
            let mut service = service.clone();
            async move {
                let response = match answered {
                    Err(response) => *response,
                    Ok(request) => service.call(*request).await.map_err(io::Error::other)?,
                };
                Ok(response.map(|body| body.map_err(io::Error::other).boxed_unsync()))
            }
        });
        serve_http(io, answer, told).await;
        // A WebSocket outlives the HTTP connection that it began as; it holds the place until it is closed.
        closed.await;
        drop(place);
    }
}

/// Serves one stream until it closes or, once told, has answered what it was asked.
async fn serve_http<I, S>(io: I, service: S, told: impl Future<Output = ()>)
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: hyper::service::Service<Request<Incoming>, Response = Response<Reply>, Error = io::Error>,
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

/// Answers what is not a call, refuses who may not call, and notes the caller on what remains.
fn front(
    mut request: Request<Incoming>,
    door: &Door,
    health: &Health,
) -> Result<Box<Request<Incoming>>, Box<Response<HttpBody>>> {
    let carrier = if is_upgrade_request(&request) { Carrier::WebSocket } else { Carrier::Http };
    let connection = match door {
        Door::Socket(connection) => Connection { carrier, ..*connection },
        Door::Loopback { guard, rights } => {
            if let Err((status, words)) = guard.check(request.headers()) {
                return Err(Box::new(plain(status, words)));
            }
            Connection { peer: Peer::Token, rights: *rights, carrier }
        }
    };
    if let Some(answer) = health.answer(&request) {
        return Err(Box::new(answer));
    }
    if request.uri().path() != "/" {
        return Err(Box::new(plain(StatusCode::NOT_FOUND, "the control API is at /\n")));
    }
    request.extensions_mut().insert(connection);
    Ok(Box::new(request))
}

#[cfg(test)]
mod tests;
