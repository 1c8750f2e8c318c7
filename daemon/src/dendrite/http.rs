//! HTTP/1.1 over TCP: what a dendrite sends, and what Python's client calls its failures.

use std::{error::Error, net::SocketAddr};

use btd_wire::{
    outgoing::{CallFailure, Outgoing},
    synapse::SynapseSpec,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::Full;
use tokio_util::task::TaskTracker;

use super::{Config, Reply, reading::Reading, reply_room::Taker, unpack};
use crate::http_pool::{HttpPool, PoolError, PooledReply, Ready, Unsent};

/// Asks axons over kept connections.
#[derive(Debug)]
pub(super) struct HttpClient {
    pool: HttpPool,
    max_reply: usize,
}

/// What became of a request over a connection in hand.
pub(super) enum Sent {
    Answered(Reply),
    /// The connection had been kept and turned out to be closed: nothing of the request was sent.
    Nothing,
    /// The connection had been kept, and ended before the head of a reply was whole.
    Unanswered,
}

// === impl HttpClient ===

impl HttpClient {
    pub(super) fn new(config: &Config, connections: TaskTracker) -> Self {
        Self {
            pool: HttpPool::new(config.idle(), config.max_idle_per_axon, connections),
            max_reply: config.max_reply_bytes,
        }
    }

    /// A connection to `axon` that can carry a request now, for the class called `name`.
    pub(super) async fn ready(&self, axon: SocketAddr, name: &str) -> Result<Ready, CallFailure> {
        self.pool.ready(axon).await.map_err(|error| failure(axon, name, error))
    }

    /// Sends one request, whose headers are behind those of [`before`], over a connection in hand and reads its reply
    /// to the end; a streamed one goes to whoever takes the pieces. The headers go with it.
    pub(super) async fn send(
        &self,
        ready: Ready,
        axon: SocketAddr,
        outgoing: &mut Outgoing,
        taker: Taker<'_>,
    ) -> Result<Sent, CallFailure> {
        let headers = std::mem::take(&mut outgoing.headers);
        match ready.send(request(outgoing, headers)).await {
            Ok(reply) => self.read(reply, taker).await.map(Sent::Answered),
            Err(Unsent::Closed(_)) => Ok(Sent::Nothing),
            Err(Unsent::NoReply(_)) => Ok(Sent::Unanswered),
            Err(Unsent::Failed(error)) => Err(failure(axon, class(outgoing), error)),
        }
    }

    /// Sends a request again as it was, over a connection that has carried none.
    pub(super) async fn send_again(
        &self,
        axon: SocketAddr,
        outgoing: &Outgoing,
        spec: &SynapseSpec,
        taker: Taker<'_>,
    ) -> Result<Reply, CallFailure> {
        let headers = outgoing.headers_again(spec, before(axon));
        let sent = self.pool.send_afresh(axon, request(outgoing, headers)).await;
        self.read(sent.map_err(|error| failure(axon, class(outgoing), error))?, taker).await
    }

    /// As [`HttpClient::send`], over whatever connection there is and with headers that stand alone.
    pub(super) async fn send_as_it_is(
        &self,
        axon: SocketAddr,
        outgoing: &Outgoing,
        taker: Taker<'_>,
    ) -> Result<Reply, CallFailure> {
        let mut headers = before(axon);
        headers.extend(outgoing.headers.clone());
        let sent = self.pool.send(axon, request(outgoing, headers)).await;
        self.read(sent.map_err(|error| failure(axon, class(outgoing), error))?, taker).await
    }

    async fn read(&self, mut reply: PooledReply, taker: Taker<'_>) -> Result<Reply, CallFailure> {
        let head = (reply.head.status, &reply.head.headers);
        let mut reading = Reading::new(head, taker, reply.stated_length(), self.max_reply)?;
        while let Some(data) = reply.chunk().await {
            reading.take(data.map_err(|error| incomplete(&error))?).await?;
        }
        let (body, held) = reading.end()?;
        Ok(Reply { status: reply.head.status, headers: reply.head.headers, body, held })
    }
}

fn class(outgoing: &Outgoing) -> &str {
    outgoing.path.trim_start_matches('/')
}

fn failure(axon: SocketAddr, name: &str, error: PoolError) -> CallFailure {
    match error {
        PoolError::Unreachable { .. } => {
            CallFailure::Unavailable { ip: axon.ip().to_string(), port: axon.port(), name: name.to_owned() }
        }
        PoolError::Disconnected(_) => CallFailure::Disconnected,
        PoolError::NotHttp(error) => CallFailure::NotHttp(format!("400, message={:?}", with_sources(&error))),
    }
}

/// A body that ended early, in the words of Python's client.
fn incomplete(error: &hyper::Error) -> CallFailure {
    CallFailure::Payload(format!("Response payload is not completed: {}", with_sources(error)))
}

/// Headers of a request whose message has no required fields.
const HEADERS: usize = 24;

/// The headers that go before those of a message.
pub(super) fn before(axon: SocketAddr) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(HEADERS);
    if let Ok(host) = HeaderValue::from_str(&axon.to_string()) {
        headers.insert(header::HOST, host);
    }
    headers
}

fn request(outgoing: &Outgoing, mut headers: HeaderMap) -> Request<Full<Bytes>> {
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(unpack::ACCEPTED));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(super::USER_AGENT));
    let mut request = Request::new(Full::new(outgoing.body.clone()));
    *request.method_mut() = Method::POST;
    // A class name is a path segment by construction.
    *request.uri_mut() = outgoing.path.parse().unwrap_or_default();
    *request.headers_mut() = headers;
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
