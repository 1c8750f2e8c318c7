//! A handler that is an HTTP server on this host, or several that share the work.
//!
//! btd posts the message as JSON to `<url>/<class>` and takes the reply's JSON object as the fields
//! to change. Numbers that JSON lacks are posted as the texts `"NaN"`, `"Infinity"` and `"-Infinity"`. A reply of another content type is streamed to the caller as it comes. Status 503
//! says busy, another 4xx goes to the caller with the reply's `message`, any other is a failure.
//! `btd-sender` and `btd-timeout-ms` say who asks and how long the answer is of use. With
//! screening, btd first posts the same to `<url>/<class>/screen` and reads a [`Verdict`].
//!
//! The server with the fewest requests is asked. One that does not accept connections is left out
//! until [`Upstream::watch`] finds it again; meanwhile requests wait, so servers may restart. A
//! request whose connection ends without a reply is sent once more: servers see it at least once.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use btd_wire::{outgoing::is_json, synapse::SynapseSpec};
use bytes::Bytes;
use futures_util::{StreamExt, future::BoxFuture, stream};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::Full;
use serde::{Deserialize, Serialize};
use tokio::{net::TcpStream, sync::Notify, time};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Answer, Handler, HandlerError, Request, Screening, handler::Verdict, reply_body::charged};
use crate::{
    gathering::Gathering,
    http_pool::{HttpPool, PoolError, PooledReply},
};

/// The servers of one class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UpstreamConfig {
    /// `http://127.0.0.1:9101`, with or without a path.
    pub urls: Vec<String>,
    /// A path that answers 2xx to GET when the server is well. Without one, a server that accepts
    /// connections is.
    pub health: Option<String>,
    /// Between two looks at each server, in milliseconds.
    pub health_interval_ms: u64,
    /// Whether servers are asked about a request before it waits for its turn.
    pub screen: bool,
    /// Longest reply that is read, in bytes; streamed ones have no limit.
    pub max_reply_bytes: usize,
}

impl Default for UpstreamConfig {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            health: None,
            health_interval_ms: 1_000,
            screen: false,
            max_reply_bytes: 32 * 1_024 * 1_024,
        }
    }
}

/// A URL that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// Not an address on this host.
    #[error("`{0}` is no upstream: write http://IP:PORT, such as http://127.0.0.1:9101, with or without a path")]
    Url(String),
    /// No server at all.
    #[error("an upstream needs at least one URL")]
    Empty,
}

/// Hands requests to HTTP servers.
#[derive(Debug)]
pub struct Upstream {
    spec: Arc<SynapseSpec>,
    config: UpstreamConfig,
    servers: Vec<Arc<Server>>,
    pool: HttpPool,
    /// A server is well again.
    recovered: Notify,
}

#[derive(Debug)]
struct Server {
    address: SocketAddr,
    /// Without a slash at its end.
    path: String,
    well: AtomicBool,
    busy: AtomicUsize,
}

/// A request at a server, counted until dropped: at the end of its reply.
struct Busy(Arc<Server>);

/// Idle connections kept for each server.
const MAX_IDLE: usize = 32;
/// For how long. Servers commonly close theirs after 5 seconds.
const IDLE: Duration = Duration::from_secs(4);
/// For a server to show that it is well.
const HEALTH_LIMIT: Duration = Duration::from_secs(2);
/// How often a request is sent when connections end without a reply.
const ATTEMPTS: u32 = 2;

// === impl Upstream ===

impl Upstream {
    /// Servers for the class `spec`, each taken to be well until it proves otherwise.
    ///
    /// # Errors
    /// When a URL is not of the form `http://IP:PORT/path`.
    pub fn new(spec: Arc<SynapseSpec>, config: UpstreamConfig) -> Result<Self, UpstreamError> {
        let servers = config.urls.iter().map(|url| server(url).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
        if servers.is_empty() {
            return Err(UpstreamError::Empty);
        }
        let pool = HttpPool::new(IDLE, MAX_IDLE, TaskTracker::new());
        Ok(Self { spec, config, servers, pool, recovered: Notify::new() })
    }

    /// Looks after the servers until told to stop.
    pub async fn watch(&self, told: CancellationToken) {
        let mut ticks = time::interval(Duration::from_millis(self.config.health_interval_ms.max(10)));
        ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = told.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let looks = self.servers.iter().map(|server| async move {
                let look = time::timeout(HEALTH_LIMIT, self.is_well(server));
                self.mark(server, look.await.unwrap_or(Health::Ill));
            });
            futures_util::future::join_all(looks).await;
        }
    }

    async fn is_well(&self, server: &Server) -> Health {
        let Some(path) = &self.config.health else {
            return Health::of(TcpStream::connect(server.address).await.is_ok());
        };
        let request = request(server, Method::GET, path, Bytes::new());
        match self.pool.send(server.address, request).await {
            Ok(mut reply) => {
                while let Some(Ok(_)) = reply.chunk().await {}
                Health::of(reply.head.status.is_success())
            }
            Err(_) => Health::Ill,
        }
    }

    fn mark(&self, server: &Server, health: Health) {
        let was = server.well.swap(health == Health::Well, Ordering::Relaxed);
        match (was, health) {
            (false, Health::Well) => {
                tracing::info!(synapse = self.spec.name(), upstream = %server.address, "upstream is well again");
                self.recovered.notify_waiters();
            }
            (true, Health::Ill) => {
                tracing::warn!(synapse = self.spec.name(), upstream = %server.address, "upstream does not answer");
            }
            _ => {}
        }
    }

    /// Waits for a server that is well: of several, the one with the fewest requests.
    async fn pick(&self) -> Busy {
        loop {
            let recovered = self.recovered.notified();
            let well = self.servers.iter().filter(|server| server.well.load(Ordering::Relaxed));
            if let Some(server) = well.min_by_key(|server| server.busy.load(Ordering::Relaxed)) {
                server.busy.fetch_add(1, Ordering::Relaxed);
                return Busy(Arc::clone(server));
            }
            recovered.await;
        }
    }

    /// Posts a request to a server, and to another one if that one is not there.
    async fn post(&self, path: &str, asked: &Request) -> Result<(PooledReply, Busy), HandlerError> {
        let (json, charge) = asked.to_json()?;
        // Counted until the last of it is sent.
        let body = charged(Bytes::from(json), &Arc::new(charge));
        let mut attempts = 0;
        loop {
            let busy = self.pick().await;
            let mut request = request(&busy.0, Method::POST, path, body.clone());
            let left = u64::try_from(asked.time_left().as_millis()).unwrap_or(u64::MAX);
            let headers = request.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert("btd-timeout-ms", HeaderValue::from(left));
            if let Ok(sender) = HeaderValue::from_str(&asked.verified.sender().to_string()) {
                headers.insert("btd-sender", sender);
            }
            match self.pool.send(busy.0.address, request).await {
                Ok(reply) if is_packed(&reply.head.headers) => {
                    let address = busy.0.address;
                    let reason =
                        format!("upstream {address}: its reply has a content-encoding, and identity was asked for");
                    return Err(HandlerError::Failed(reason));
                }
                Ok(reply) => return Ok((reply, busy)),
                Err(PoolError::Unreachable { .. }) => self.mark(&busy.0, Health::Ill),
                Err(PoolError::Disconnected(_)) if attempts + 1 < ATTEMPTS => attempts += 1,
                Err(error) => return Err(HandlerError::Failed(format!("upstream {}: {error}", busy.0.address))),
            }
        }
    }

    async fn read(&self, reply: &mut PooledReply) -> Result<Bytes, HandlerError> {
        let mut read = Gathering::new(reply.stated_length().min(self.config.max_reply_bytes));
        while let Some(chunk) = reply.chunk().await {
            let chunk = chunk.map_err(|error| HandlerError::Failed(format!("its reply broke off: {error}")))?;
            if chunk.len() > self.config.max_reply_bytes.saturating_sub(read.gathered()) {
                let limit = self.config.max_reply_bytes;
                return Err(HandlerError::Failed(format!("its reply is longer than {limit} bytes")));
            }
            read.take(&chunk);
        }
        Ok(read.end())
    }

    async fn answer(&self, request: Request) -> Result<Answer, HandlerError> {
        let (mut reply, busy) = self.post(&format!("/{}", self.spec.name()), &request).await?;
        let status = reply.head.status;
        let is_json =
            reply.head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(is_json);
        if status.is_success() && !is_json {
            return Ok(Answer::Stream(Box::new(request.verified.into_synapse()), chunks(reply, busy)));
        }
        let body = self.read(&mut reply).await?;
        if status.is_success() {
            return request.answered_with(&body);
        }
        let message = serde_json::from_slice::<Message>(&body).ok().and_then(|body| body.message);
        let message = message.unwrap_or_else(|| status.canonical_reason().unwrap_or("refused").to_owned());
        if status == StatusCode::SERVICE_UNAVAILABLE {
            Err(HandlerError::Busy(message))
        } else if status.is_client_error() {
            let mut synapse = request.verified.into_synapse();
            synapse.axon.status_code = Some(status.as_u16().into());
            synapse.axon.status_message = Some(message);
            Ok(synapse.into())
        } else {
            Err(HandlerError::Failed(format!("upstream answered {status}: {message}")))
        }
    }
}

#[derive(Deserialize)]
struct Message {
    message: Option<String>,
}

/// How a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Well,
    Ill,
}

impl Health {
    fn of(well: bool) -> Self {
        if well { Self::Well } else { Self::Ill }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Handler for Upstream {
    fn spec(&self) -> Arc<SynapseSpec> {
        Arc::clone(&self.spec)
    }

    fn screen<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Screening, HandlerError>> {
        Box::pin(async move {
            if !self.config.screen {
                return Ok(Screening::default());
            }
            let (mut reply, _busy) = self.post(&format!("/{}/screen", self.spec.name()), request).await?;
            let status = reply.head.status;
            let body = self.read(&mut reply).await?;
            if !status.is_success() {
                return Err(HandlerError::Failed(format!("upstream answered {status} to screening")));
            }
            let verdict: Verdict = serde_json::from_slice(&body)
                .map_err(|error| HandlerError::Failed(format!("its verdict cannot be read: {error}")))?;
            Ok(verdict.into())
        })
    }

    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Answer, HandlerError>> {
        Box::pin(self.answer(request))
    }
}

fn chunks(reply: PooledReply, busy: Busy) -> stream::BoxStream<'static, Result<Bytes, HandlerError>> {
    stream::unfold((reply, busy), |(mut reply, busy)| async move {
        let chunk = reply.chunk().await?;
        let chunk = chunk.map_err(|error| HandlerError::Failed(format!("its reply broke off: {error}")));
        Some((chunk, (reply, busy)))
    })
    .boxed()
}

/// What is on the same host need not be packed, and would go on to the caller as it is.
fn is_packed(headers: &HeaderMap) -> bool {
    let mut stated = headers.get_all(header::CONTENT_ENCODING).iter();
    stated.any(|encoding| !encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

fn request(server: &Server, method: Method, path: &str, body: Bytes) -> http::Request<Full<Bytes>> {
    let mut request = http::Request::new(Full::new(body));
    *request.method_mut() = method;
    // The parts were checked when the server was made; a health path that is none asks for the root.
    *request.uri_mut() = format!("{}{path}", server.path).parse().unwrap_or_default();
    if let Ok(host) = HeaderValue::from_str(&server.address.to_string()) {
        request.headers_mut().insert(header::HOST, host);
    }
    request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    request
}

/// Reads `http://IP:PORT/path`. A name of another host would have to be resolved and believed.
fn server(url: &str) -> Result<Server, UpstreamError> {
    let refuse = || UpstreamError::Url(url.chars().take(200).collect());
    let rest = url.strip_prefix("http://").ok_or_else(refuse)?;
    let (authority, path) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
    let authority = authority.replace("localhost", "127.0.0.1");
    let address = authority.parse().map_err(|_| refuse())?;
    let path = path.trim_end_matches('/');
    let path = if path.is_empty() { String::new() } else { format!("/{path}") };
    if !path.is_empty() && path.parse::<http::Uri>().is_err() {
        return Err(refuse());
    }
    Ok(Server { address, path, well: AtomicBool::new(true), busy: AtomicUsize::new(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_an_address() {
        for (url, address, path) in [
            ("http://127.0.0.1:9101", "127.0.0.1:9101", ""),
            ("http://localhost:80/", "127.0.0.1:80", ""),
            ("http://[::1]:9101/models/a/", "[::1]:9101", "/models/a"),
        ] {
            let server = server(url).unwrap();
            assert_eq!((server.address.to_string().as_str(), server.path.as_str()), (address, path));
        }
        for url in [
            "https://127.0.0.1:1",
            "127.0.0.1:1",
            "http://example.com:80",
            "http://127.0.0.1",
            "http://127.0.0.1:1/a b",
        ] {
            assert!(server(url).is_err(), "{url}");
        }
    }
}
