//! HTTP/1.1 as a client: connections are kept for the next request to the same address.
//!
//! Used by the dendrite for the axons of others and by the axon for its handlers. It knows no
//! synapse, follows no redirect and resolves no name; what a reply means is its caller's business.

use std::{
    collections::HashMap,
    error::Error,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Body, Incoming},
    client::conn::{
        TrySendError,
        http1::{self, SendRequest},
    },
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

type Sender = SendRequest<Full<Bytes>>;

/// Idle connections, by address.
#[derive(Clone, Debug)]
pub(crate) struct HttpPool {
    idle: Arc<Mutex<Kept>>,
    keep: Duration,
    max_idle: usize,
    connections: TaskTracker,
}

#[derive(Debug)]
struct Kept {
    by_address: HashMap<SocketAddr, Vec<Idle>>,
    swept: Instant,
}

#[derive(Debug)]
struct Idle {
    sender: Sender,
    since: Instant,
}

/// A connection in hand, for one request.
#[derive(Debug)]
pub(crate) struct Ready {
    sender: Sender,
    address: SocketAddr,
    pool: HttpPool,
    age: Age,
}

/// Whether a connection has carried a request before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    Kept,
    Fresh,
}

/// Why a request that had its connection got no reply over it.
#[derive(Debug)]
pub(crate) enum Unsent {
    /// The connection had been kept and turned out to be closed: nothing was written, and the request
    /// is given back.
    Closed(Box<Request<Full<Bytes>>>),
    /// The connection had been kept and ended before the head of a reply was whole: its other end may have closed it before
    /// the request reached it, or have read it.
    NoReply(hyper::Error),
    /// Anything else.
    Failed(PoolError),
}

/// A reply whose body is still to be read. Its connection is kept once the body has been read to
/// its end; dropping it earlier closes the connection.
#[derive(Debug)]
pub(crate) struct PooledReply {
    /// Status and headers.
    pub(crate) head: http::response::Parts,
    body: Incoming,
    /// Gone once the connection has been handed back.
    sender: Option<Sender>,
    address: SocketAddr,
    pool: HttpPool,
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PoolError {
    /// Nobody listens at the address. Nothing was sent.
    #[error("nobody accepts connections at {address}")]
    Unreachable {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The connection ended before a reply began. The request may have been read.
    #[error("the connection ended without a reply")]
    Disconnected(#[source] hyper::Error),
    /// What came is not HTTP.
    #[error("the reply is not HTTP")]
    NotHttp(#[source] hyper::Error),
}

/// Between two looks for connections that nobody asked for in time.
const SWEEP_EVERY: Duration = Duration::from_millis(500);

// === impl HttpPool ===

impl HttpPool {
    /// Keeps up to `max_idle` connections for each address, each for `keep`. Tasks of connections
    /// run under `connections`.
    pub(crate) fn new(keep: Duration, max_idle: usize, connections: TaskTracker) -> Self {
        let kept = Kept { by_address: HashMap::new(), swept: Instant::now() };
        Self { idle: Arc::new(Mutex::new(kept)), keep, max_idle, connections }
    }

    /// Sends one request. A kept connection that turns out to be closed before anything of the
    /// request was written is replaced by another; nothing is ever sent twice.
    pub(crate) async fn send(
        &self,
        address: SocketAddr,
        mut request: Request<Full<Bytes>>,
    ) -> Result<PooledReply, PoolError> {
        loop {
            match self.ready(address).await?.send(request).await {
                Ok(reply) => return Ok(reply),
                Err(Unsent::Closed(unsent)) => request = *unsent,
                Err(Unsent::NoReply(error)) => return Err(PoolError::Disconnected(error)),
                Err(Unsent::Failed(error)) => return Err(error),
            }
        }
    }

    /// Sends one request over a connection that has carried none.
    pub(crate) async fn send_afresh(
        &self,
        address: SocketAddr,
        request: Request<Full<Bytes>>,
    ) -> Result<PooledReply, PoolError> {
        self.fresh(address).await?.try_send(request).await.map_err(|error| PoolError::of(error.into_error()))
    }

    /// A connection that can carry a request now: a kept one, or a fresh one.
    pub(crate) async fn ready(&self, address: SocketAddr) -> Result<Ready, PoolError> {
        match self.take(address) {
            Some(sender) => Ok(Ready { sender, address, pool: self.clone(), age: Age::Kept }),
            None => Box::pin(self.fresh(address)).await,
        }
    }

    async fn fresh(&self, address: SocketAddr) -> Result<Ready, PoolError> {
        let connected = self.connect(address).await;
        let sender = connected.map_err(|source| PoolError::Unreachable { address, source })?;
        Ok(Ready { sender, address, pool: self.clone(), age: Age::Fresh })
    }

    async fn connect(&self, address: SocketAddr) -> Result<Sender, Box<dyn Error + Send + Sync>> {
        let stream = TcpStream::connect(address).await?;
        // Small requests must not wait for a full packet. Where this fails, they wait.
        let _ = stream.set_nodelay(true);
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        self.connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%address, %error, "connection ended");
            }
        });
        Ok(sender)
    }

    fn take(&self, address: SocketAddr) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.by_address.get_mut(&address)?;
        while let Some(Idle { sender, since }) = kept.pop() {
            if since.elapsed() < self.keep && sender.is_ready() {
                return Some(sender);
            }
        }
        idle.by_address.remove(&address);
        None
    }

    fn keep(&self, address: SocketAddr, sender: Sender) {
        if sender.is_closed() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // What nobody asked for in time goes, whichever address it is of. A look at every one is
        // too much for every reply.
        if now.duration_since(idle.swept) > SWEEP_EVERY {
            idle.swept = now;
            idle.by_address.retain(|_, kept| {
                kept.retain(|idle| idle.since + self.keep > now);
                !kept.is_empty()
            });
        }
        let kept = idle.by_address.entry(address).or_default();
        if kept.len() < self.max_idle {
            kept.push(Idle { sender, since: now });
        }
    }
}

// === impl Ready ===

impl Ready {
    /// Whether a fresh connection closed before it carried anything. Of a kept one, [`Ready::send`] tells.
    pub(crate) fn is_closed_unused(&self) -> bool {
        self.age == Age::Fresh && self.sender.is_closed()
    }

    /// Sends one request over this connection and waits for the head of its reply.
    pub(crate) async fn send(self, request: Request<Full<Bytes>>) -> Result<PooledReply, Unsent> {
        let age = self.age;
        self.try_send(request).await.map_err(|mut error| match error.take_message() {
            Some(unsent) if age == Age::Kept => Unsent::Closed(Box::new(unsent)),
            None if age == Age::Kept && !error.error().is_parse() => Unsent::NoReply(error.into_error()),
            _ => Unsent::Failed(PoolError::of(error.into_error())),
        })
    }

    async fn try_send(self, request: Request<Full<Bytes>>) -> Result<PooledReply, TrySendError<Request<Full<Bytes>>>> {
        let Self { mut sender, address, pool, .. } = self;
        let response = sender.try_send_request(request).await?;
        Ok(PooledReply::new(response, sender, address, pool))
    }
}

// === impl PoolError ===

impl PoolError {
    fn of(error: hyper::Error) -> Self {
        if error.is_parse() { Self::NotHttp(error) } else { Self::Disconnected(error) }
    }
}

// === impl PooledReply ===

impl PooledReply {
    fn new(response: Response<Incoming>, sender: Sender, address: SocketAddr, pool: HttpPool) -> Self {
        let (head, body) = response.into_parts();
        Self { head, body, sender: Some(sender), address, pool }
    }

    /// Bytes of the body that are sure to come if the peer keeps its word; 0 when it gave none.
    pub(crate) fn stated_length(&self) -> usize {
        usize::try_from(self.body.size_hint().lower()).unwrap_or(usize::MAX)
    }

    /// The next bytes of the body; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        loop {
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    // Trailers are read and dropped.
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
                Some(Err(error)) => {
                    self.sender = None;
                    return Some(Err(error));
                }
                None => {
                    if let Some(sender) = self.sender.take() {
                        self.pool.keep(self.address, sender);
                    }
                    return None;
                }
            }
        }
    }
}
