//! The listener: accepts, lets the node's faults cut and delay, and hands the rest to jsonrpsee.
//!
//! Pages of any origin may read what it answers, as on a Substrate node that was started with `--dev`: this chain's
//! keys are known to everybody. What else the process serves has a listener of its own.

use std::{
    future::Future,
    io,
    net::TcpListener as StdTcpListener,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::body::Incoming;
use jsonrpsee::{
    RpcModule,
    server::{
        BatchRequestConfig, HttpRequest, PingConfig, RandomStringIdProvider, Server, ServerConfig, ServerHandle,
        StopHandle,
        middleware::rpc::{Batch, Notification, RpcServiceBuilder, RpcServiceT},
        serve_with_graceful_shutdown, stop_channel,
        ws::is_upgrade_request,
    },
    types::Request,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tower::{Service, ServiceBuilder};
use tower_http::cors::{CorsLayer, Vary, preflight_request_headers};

use super::health::Watched;
use crate::{faults::Carrier, node::Node};

/// Size of the largest request, as a Substrate node has it.
const MAX_REQUEST_BYTES: u32 = 15 << 20;
/// Size of the largest answer.
const MAX_RESPONSE_BYTES: u32 = 32 << 20;
/// Requests in one batch.
const MAX_BATCH: u32 = 1_024;
/// Subscriptions of one connection.
const MAX_SUBSCRIPTIONS: u32 = 1_024;
/// Answers and notifications that may wait for a slow client.
const MESSAGES_BUFFERED: u32 = 256;
/// Time between pings of a WebSocket client, and how often it may stay silent before it is let go.
const PING: Duration = Duration::from_secs(30);
const MAX_SILENCES: usize = 3;
/// Length of a subscription's id.
const SUBSCRIPTION_ID_LENGTH: usize = 16;
/// After a failed accept (no file descriptors left, say), the next try waits.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves the methods on a bound socket. Must be called on a tokio runtime.
pub(super) fn serve(
    listener: StdTcpListener,
    module: RpcModule<Node>,
    node: Arc<Node>,
    max_connections: u32,
) -> io::Result<ServerHandle> {
    let config = ServerConfig::builder()
        .max_connections(max_connections)
        .max_request_body_size(MAX_REQUEST_BYTES)
        .max_response_body_size(MAX_RESPONSE_BYTES)
        .max_subscriptions_per_connection(MAX_SUBSCRIPTIONS)
        .set_batch_request_config(BatchRequestConfig::Limit(MAX_BATCH))
        .set_message_buffer_capacity(MESSAGES_BUFFERED)
        .enable_ws_ping(PingConfig::new().ping_interval(PING).inactive_limit(2 * PING).max_failures(MAX_SILENCES))
        .set_id_provider(RandomStringIdProvider::new(SUBSCRIPTION_ID_LENGTH))
        .build();
    // As with `--rpc-cors all`; such a node says what its answers vary with, though they do not.
    let any_origin = CorsLayer::permissive().vary(Vary::list(preflight_request_headers()));
    let builder = Server::builder()
        .set_config(config)
        .set_http_middleware(ServiceBuilder::new().layer_fn(Watched).layer(any_origin))
        .to_service_builder()
        .max_connections(max_connections);
    let (stop, handle) = stop_channel();
    let late = node.clone();
    let builder =
        builder.set_rpc_middleware(RpcServiceBuilder::new().layer_fn(move |inner| Late { inner, node: late.clone() }));
    let serve = move |stream: TcpStream, stop: StopHandle| {
        let service = builder.clone().build(module.clone(), stop.clone());
        let line = Line::new(stream, node.clone());
        let (node, number) = (node.clone(), line.number);
        let answer = tower::service_fn(move |mut request: HttpRequest<Incoming>| {
            let carrier = if is_upgrade_request(&request) { Carrier::WebSocket } else { Carrier::Http };
            if carrier == Carrier::WebSocket {
                node.faults.upgrade(number);
            }
            if node.faults.refuse(carrier) {
                node.faults.cut_one(number);
            }
            request.extensions_mut().insert(carrier);
            let mut service = service.clone();
            async move { service.call(request).await.map_err(io::Error::other) }
        });
        async move {
            if let Err(error) = serve_with_graceful_shutdown(line, answer, stop.shutdown()).await {
                tracing::debug!(%error, "a connection broke");
            }
        }
    };
    tokio::spawn(accept(TcpListener::from_std(listener)?, stop, serve));
    Ok(handle)
}

/// Serves each connection as a task of its own until told to stop.
async fn accept<F: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    stop: StopHandle,
    serve: impl Fn(TcpStream, StopHandle) -> F,
) {
    let stopped = stop.clone().shutdown();
    tokio::pin!(stopped);
    loop {
        let accepted = tokio::select! {
            () = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        match accepted.and_then(|(stream, _)| stream.set_nodelay(true).map(|()| stream)) {
            Ok(stream) => {
                tokio::spawn(serve(stream, stop.clone()));
            }
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

/// A stream that breaks when its connection is cut.
struct Line {
    stream: TcpStream,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    number: u64,
    node: Arc<Node>,
}

impl Line {
    fn new(stream: TcpStream, node: Arc<Node>) -> Self {
        let (number, token): (u64, CancellationToken) = node.faults.enter();
        Self { stream, cut: Box::pin(token.cancelled_owned()), number, node }
    }

    /// Fails once the connection is cut; else the task is woken when it is.
    fn whole(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(cx) {
            Poll::Pending => Ok(()),
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.node.faults.leave(self.number);
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.whole(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        self.whole(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.whole(cx)?;
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Answers late where a fault says so. The methods that clear faults are never late.
#[derive(Clone)]
struct Late<S> {
    inner: S,
    node: Arc<Node>,
}

impl<S> Late<S> {
    fn delay(&self, carrier: Option<&Carrier>, method: &str) -> Duration {
        match carrier {
            Some(carrier) if !method.starts_with("dev_") => self.node.faults.delay(*carrier),
            _ => Duration::ZERO,
        }
    }
}

impl<S> RpcServiceT for Late<S>
where
    S: RpcServiceT + Clone + Send + Sync + 'static,
{
    type MethodResponse = S::MethodResponse;
    type NotificationResponse = S::NotificationResponse;
    type BatchResponse = S::BatchResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = Self::MethodResponse> + Send + 'a {
        let (inner, delay) = (self.inner.clone(), self.delay(request.extensions().get(), &request.method));
        async move {
            wait(delay).await;
            inner.call(request).await
        }
    }

    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = Self::BatchResponse> + Send + 'a {
        let first = batch.iter().flatten().find_map(|entry| match entry {
            jsonrpsee::server::middleware::rpc::BatchEntry::Call(request) => {
                Some(self.delay(request.extensions().get(), &request.method))
            }
            jsonrpsee::server::middleware::rpc::BatchEntry::Notification(_) => None,
        });
        let (inner, delay) = (self.inner.clone(), first.unwrap_or_default());
        async move {
            wait(delay).await;
            inner.batch(batch).await
        }
    }

    fn notification<'a>(&self, note: Notification<'a>) -> impl Future<Output = Self::NotificationResponse> + Send + 'a {
        let inner = self.inner.clone();
        async move { inner.notification(note).await }
    }
}

async fn wait(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}
