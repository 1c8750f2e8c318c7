//! HTTP/1.1 on TCP.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use btd_wire::admission::{Arrival, BodyError, BodySource, Sender, host};
use bytes::{Bytes, BytesMut};
use futures_util::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::{
    body::{Body, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

use super::{Edge, HandlerError, patient::Patient, service::ReplyBody, shares::Share};

/// After an error of `accept` (most often: no file descriptor left), before the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes of a body that are read at once, at most: hyper begins with few and reads more while more comes.
const READ: usize = 128 * 1_024;

/// Accepts connections until told to stop.
pub(super) async fn accept(listener: TcpListener, edge: Arc<Edge>) {
    let _ended = edge.ended.clone().drop_guard();
    loop {
        let accepted = tokio::select! {
            () = edge.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let opened = (peer, edge.service.arrival());
                if let Ok(place) = edge.connections.enter(host(peer.ip())) {
                    edge.tasks.spawn(serve(stream, opened, place, Arc::clone(&edge)));
                } else {
                    edge.counters.connections_refused.fetch_add(1, Ordering::Relaxed);
                    tracing::debug!(%peer, "connection refused: too many");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection, trying again");
                tokio::select! {
                    () = edge.stop.cancelled() => return,
                    () = sleep(ACCEPT_PAUSE) => {}
                }
            }
        }
    }
}

/// Serves one connection: any number of requests, one after the other.
async fn serve(stream: TcpStream, (peer, opened): (SocketAddr, Arrival), _place: Share<IpAddr>, edge: Arc<Edge>) {
    // Small replies must not wait for a full packet. Where this fails, they wait.
    let _ = stream.set_nodelay(true);
    // Each request can have been on its way since the reply to the one before.
    let free = Mutex::new(opened);
    let service = service_fn(|request: http::Request<Incoming>| {
        let (edge, free) = (&edge, &free);
        async move {
            let (head, body) = request.into_parts();
            let body = Http1Body { body, deadline: edge.config.body_timeout() };
            let since = *free.lock().unwrap_or_else(PoisonError::into_inner);
            let response = edge.service.respond(&head, body, (peer, since)).await;
            *free.lock().unwrap_or_else(PoisonError::into_inner) = edge.service.arrival();
            Ok::<_, Infallible>(response.map(sent))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(edge.config.header_timeout())
        .max_header_size(edge.config.max_header_bytes)
        .max_buf_size(edge.config.max_header_bytes.max(READ))
        .serve_connection(TokioIo::new(Patient::new(stream, edge.config.body_timeout())), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = edge.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = edge.abort.cancelled() => return,
            }
        }
    };
    if let Err(error) = ended {
        edge.counters.connections_failed.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(%peer, %error, "connection failed");
    }
}

type Streamed = StreamBody<BoxStream<'static, Result<Frame<Bytes>, HandlerError>>>;

/// A reply's body as hyper sends it. An error in a streamed one ends the connection.
fn sent(body: ReplyBody) -> Either<Full<Bytes>, Streamed> {
    match body {
        ReplyBody::Whole(bytes) => Either::Left(Full::new(bytes)),
        // Its length is among the headers.
        ReplyBody::Parts(parts) => {
            Either::Right(StreamBody::new(stream::iter(parts).map(|part| Ok(Frame::data(part))).boxed()))
        }
        ReplyBody::Stream(chunks) => Either::Right(StreamBody::new(chunks.map_ok(Frame::data).boxed())),
    }
}

struct Http1Body {
    body: Incoming,
    deadline: Duration,
}

impl BodySource for Http1Body {
    async fn read(mut self, _: Sender, limit: usize) -> Result<Bytes, BodyError> {
        let reading = async {
            // What is stated and never comes takes no memory: pages are touched as bytes arrive.
            let stated = usize::try_from(self.body.size_hint().lower()).unwrap_or(limit);
            let mut read = BytesMut::with_capacity(stated.min(limit));
            while let Some(frame) = self.body.frame().await {
                let frame = frame.map_err(|error| BodyError::Broken(error.to_string()))?;
                // Trailers are read and dropped.
                let Ok(data) = frame.into_data() else { continue };
                if data.len() > limit.saturating_sub(read.len()) {
                    return Err(BodyError::TooLarge);
                }
                read.extend_from_slice(&data);
            }
            Ok(read.freeze())
        };
        timeout(self.deadline, reading).await.unwrap_or(Err(BodyError::TimedOut))
    }
}
