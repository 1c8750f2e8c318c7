//! HTTP/1.1 over TCP, with connections kept for the next request.

use std::{
    collections::HashMap,
    error::Error,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use btd_wire::outgoing::{CallFailure, Outgoing};
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

use super::{Config, Reply};

type Sender = SendRequest<Full<Bytes>>;

/// Idle connections, by axon.
#[derive(Debug)]
pub(super) struct HttpClient {
    idle: Arc<Mutex<HashMap<SocketAddr, Vec<Idle>>>>,
    keep: Duration,
    max_idle: usize,
    max_reply: usize,
    connections: TaskTracker,
}

#[derive(Debug)]
struct Idle {
    sender: Sender,
    since: Instant,
}

// === impl HttpClient ===

impl HttpClient {
    pub(super) fn new(config: &Config, connections: TaskTracker) -> Self {
        Self {
            idle: Arc::default(),
            keep: config.idle(),
            max_idle: config.max_idle_per_axon,
            max_reply: config.max_reply_bytes,
            connections,
        }
    }

    /// Sends one request. A kept connection that turns out to be closed before anything of the
    /// request was written is replaced by a fresh one; nothing is ever sent twice.
    pub(super) async fn send(&self, axon: SocketAddr, outgoing: &Outgoing) -> Result<Reply, CallFailure> {
        let unavailable = || CallFailure::Unavailable {
            ip: axon.ip().to_string(),
            port: axon.port(),
            name: outgoing.path.trim_start_matches('/').to_owned(),
        };
        let mut request = request(axon, outgoing);
        loop {
            let kept = self.take(axon);
            let fresh = kept.is_none();
            let mut sender = match kept {
                Some(sender) => sender,
                None => self.connect(axon).await.map_err(|_| unavailable())?,
            };
            match sender.try_send_request(request).await {
                Ok(response) => {
                    let reply = self.read(response).await?;
                    self.keep(axon, sender);
                    return Ok(reply);
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !fresh => request = unsent,
                    _ => return Err(failure(error.error())),
                },
            }
        }
    }

    async fn connect(&self, axon: SocketAddr) -> Result<Sender, Box<dyn Error + Send + Sync>> {
        let stream = TcpStream::connect(axon).await?;
        // Small requests must not wait for a full packet. Where this fails, they wait.
        let _ = stream.set_nodelay(true);
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        self.connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%axon, %error, "connection ended");
            }
        });
        Ok(sender)
    }

    async fn read(&self, response: http::Response<Incoming>) -> Result<Reply, CallFailure> {
        let (head, mut body) = response.into_parts();
        let mut read = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                CallFailure::Payload(format!("Response payload is not completed: {}", with_sources(&error)))
            })?;
            let Ok(data) = frame.into_data() else { continue };
            if data.len() > self.max_reply.saturating_sub(read.len()) {
                return Err(CallFailure::Payload(format!("Response is larger than {} bytes", self.max_reply)));
            }
            read.extend_from_slice(&data);
        }
        Ok(Reply { status: head.status, headers: head.headers, body: read.freeze() })
    }

    fn take(&self, axon: SocketAddr) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.get_mut(&axon)?;
        while let Some(Idle { sender, since }) = kept.pop() {
            if since.elapsed() < self.keep && sender.is_ready() {
                return Some(sender);
            }
        }
        idle.remove(&axon);
        None
    }

    fn keep(&self, axon: SocketAddr, sender: Sender) {
        if sender.is_closed() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // What nobody asked for in time goes, whichever axon it is of.
        idle.retain(|_, kept| {
            kept.retain(|idle| idle.since.elapsed() < self.keep);
            !kept.is_empty()
        });
        let kept = idle.entry(axon).or_default();
        if kept.len() < self.max_idle {
            kept.push(Idle { sender, since: Instant::now() });
        }
    }
}

fn request(axon: SocketAddr, outgoing: &Outgoing) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(outgoing.body.clone()));
    *request.method_mut() = Method::POST;
    // A class name is a path segment by construction.
    *request.uri_mut() = outgoing.path.parse().unwrap_or_default();
    let headers = request.headers_mut();
    if let Ok(host) = HeaderValue::from_str(&axon.to_string()) {
        headers.insert(header::HOST, host);
    }
    headers.extend(outgoing.headers.clone());
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(super::USER_AGENT));
    request
}

/// What a failed exchange is called, in the words of Python's client where it has them.
fn failure(error: &hyper::Error) -> CallFailure {
    if error.is_parse() {
        CallFailure::NotHttp(format!("400, message={:?}", with_sources(error)))
    } else {
        CallFailure::Disconnected
    }
}

fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
