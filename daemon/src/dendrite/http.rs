//! HTTP/1.1 over TCP: what a dendrite sends, and what Python's client calls its failures.

use std::{error::Error, net::SocketAddr};

use btd_wire::outgoing::{CallFailure, Outgoing};
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use tokio_util::task::TaskTracker;

use super::{Body, Config, Pieces, Reply, is_streamed};
use crate::http_pool::{HttpPool, PoolError, PooledReply};

/// Asks axons over kept connections.
#[derive(Debug)]
pub(super) struct HttpClient {
    pool: HttpPool,
    max_reply: usize,
}

// === impl HttpClient ===

impl HttpClient {
    pub(super) fn new(config: &Config, connections: TaskTracker) -> Self {
        Self {
            pool: HttpPool::new(config.idle(), config.max_idle_per_axon, connections),
            max_reply: config.max_reply_bytes,
        }
    }

    /// Sends one request and reads its reply to the end; a streamed one goes to `pieces`. Nothing
    /// is ever sent twice.
    pub(super) async fn send(
        &self,
        axon: SocketAddr,
        outgoing: &Outgoing,
        pieces: Option<&Pieces>,
    ) -> Result<Reply, CallFailure> {
        let mut reply = self.open(axon, outgoing).await?;
        let pieces = pieces.filter(|_| is_streamed(reply.head.status, &reply.head.headers));
        let mut read = BytesMut::with_capacity(reply.stated_length().min(self.max_reply));
        while let Some(data) = reply.chunk().await {
            let data = data.map_err(|error| incomplete(&error))?;
            if let Some(pieces) = pieces {
                pieces.send(data).await.map_err(|_| CallFailure::Disconnected)?;
                continue;
            }
            if data.len() > self.max_reply.saturating_sub(read.len()) {
                return Err(CallFailure::Payload(format!("Response is larger than {} bytes", self.max_reply)));
            }
            read.extend_from_slice(&data);
        }
        let body = if pieces.is_some() { Body::Streamed } else { Body::Whole(read.freeze()) };
        Ok(Reply { status: reply.head.status, headers: reply.head.headers, body })
    }

    async fn open(&self, axon: SocketAddr, outgoing: &Outgoing) -> Result<PooledReply, CallFailure> {
        self.pool.send(axon, request(axon, outgoing)).await.map_err(|error| match error {
            PoolError::Unreachable { .. } => CallFailure::Unavailable {
                ip: axon.ip().to_string(),
                port: axon.port(),
                name: outgoing.path.trim_start_matches('/').to_owned(),
            },
            PoolError::Disconnected(_) => CallFailure::Disconnected,
            PoolError::NotHttp(error) => CallFailure::NotHttp(format!("400, message={:?}", with_sources(&error))),
        })
    }
}

/// A body that ended early, in the words of Python's client.
fn incomplete(error: &hyper::Error) -> CallFailure {
    CallFailure::Payload(format!("Response payload is not completed: {}", with_sources(error)))
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
