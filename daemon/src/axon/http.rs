//! HTTP/1.1 on TCP.
//!
//! A request may be refused before its body is read. What is left of a short body is read and dropped beside
//! the answer, so that the connection can be kept; behind a longer one the answer says that it ends, and the
//! connection ends with a [`Farewell`]. So it does behind a request whose body has an encoding: see [`heads`].

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    task::{Context, Poll},
    time::Duration,
};

use btd_wire::admission::{Arrival, BodyError, host};
use bytes::Bytes;
use futures_util::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use http::{HeaderValue, Response, Version, header, request};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

use super::{
    Edge, HandlerError,
    connections::{InFlight, Place},
    farewell::{Farewell, Unread},
    heads::{self, Lengths, Watched},
    patient::{Patient, Written},
    reply_body::ReplyBody,
    service::Arriving,
};
use crate::gathering::Gathering;

/// After an error of `accept` (most often: no file descriptor left), before the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes of a body that are read at once, at most: hyper begins with few and reads more while more comes.
const READ: usize = 128 * 1_024;
/// Bytes of a refused body that are read and dropped for the sake of the connection, at most.
const DROPPED: u64 = 256 * 1_024;
/// For those to arrive.
const DROPPED_WITHIN: Duration = Duration::from_secs(2);

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
async fn serve(stream: TcpStream, (peer, opened): (SocketAddr, Arrival), place: Place, edge: Arc<Edge>) {
    // Small replies must not wait for a full packet. Where this fails, they wait.
    let _ = stream.set_nodelay(true);
    // Each request can have been on its way since the reply to the one before.
    let free = Mutex::new(opened);
    let (unread, written, lengths) = (Unread::default(), Written::default(), Lengths::default());
    let requests = place.requests();
    let service = service_fn(|request: http::Request<Incoming>| {
        let (edge, free, unread, written, lengths) = (&edge, &free, &unread, &written, &lengths);
        unread.accounted();
        let in_flight = requests.begin();
        async move {
            let (mut head, body) = request.into_parts();
            lengths.restore(&mut head);
            let mut body = Upload { body, state: UploadState::Open };
            let deadline = edge.config.body_timeout();
            let source = Http1Body { upload: &mut body, deadline };
            let since = *free.lock().unwrap_or_else(PoisonError::into_inner);
            let (mut response, standing) = edge.service.respond(&head, source, (peer, since)).await;
            in_flight.judged(standing);
            *free.lock().unwrap_or_else(PoisonError::into_inner) = edge.service.arrival();
            leave(body, &head, &mut response, (edge, unread));
            heads::end_behind(&head, &mut response);
            Ok::<_, Infallible>(response.map(|body| Replying::new(sent(body, written, deadline), in_flight, written)))
        }
    });
    let patience = edge.config.body_timeout();
    let farewell = Farewell::new(unread.clone(), Arc::clone(&edge.farewells), host(peer.ip()), patience);
    let stream = Patient::new(stream, patience, (farewell, written.clone()));
    let stream = Watched::new(stream, lengths.clone());
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(edge.config.header_timeout())
        .max_header_size(edge.config.max_header_bytes)
        .max_buf_size(edge.config.max_header_bytes.max(READ))
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        // What has come by now is read before the connection gives way.
        biased;
        ended = connection.as_mut() => Some(ended),
        () = edge.stop.cancelled() => None,
        () = place.gave_way() => {
            edge.counters.connections_refused.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%peer, "idle connection gave way to another");
            // A request that was read since then is answered all the same.
            if !place.is_busy() {
                return;
            }
            None
        }
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = edge.abort.cancelled() => return,
        }
    };
    if let Err(error) = ended {
        edge.counters.connections_failed.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(%peer, %error, "connection failed");
    }
}

/// A reply's body, whose request is in flight until all of it is written.
struct Replying {
    body: Either<Full<Bytes>, Streamed>,
    in_flight: Option<InFlight>,
    written: Written,
}

// === impl Replying ===

impl Replying {
    fn new(body: Either<Full<Bytes>, Streamed>, in_flight: InFlight, written: &Written) -> Self {
        Self { body, in_flight: Some(in_flight), written: written.clone() }
    }
}

impl Body for Replying {
    type Data = Bytes;
    type Error = <Either<Full<Bytes>, Streamed> as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Replying {
    fn drop(&mut self) {
        // hyper has all of it, and not yet the system.
        if let Some(in_flight) = self.in_flight.take() {
            self.written.ends(in_flight);
        }
    }
}

type Streamed = StreamBody<BoxStream<'static, Result<Frame<Bytes>, HandlerError>>>;

/// A reply's body as hyper sends it. An error in a streamed one ends the connection, once what came before it
/// is `written`, or `limit` has passed.
fn sent(body: ReplyBody, written: &Written, limit: Duration) -> Either<Full<Bytes>, Streamed> {
    match body {
        ReplyBody::Whole(bytes) => Either::Left(Full::new(bytes)),
        // Its length is among the headers.
        ReplyBody::Parts(parts) => {
            Either::Right(StreamBody::new(stream::iter(parts).map(|part| Ok(Frame::data(part))).boxed()))
        }
        ReplyBody::Stream(chunks) => {
            let written = written.clone();
            let chunks = chunks.map_ok(Frame::data).or_else(move |error| {
                let written = written.clone();
                async move {
                    written.wait(limit).await;
                    Err(error)
                }
            });
            Either::Right(StreamBody::new(chunks.boxed()))
        }
    }
}

/// What becomes of a body that the answer did without.
fn leave(upload: Upload, head: &request::Parts, response: &mut Response<ReplyBody>, (edge, unread): (&Edge, &Unread)) {
    let Some(short) = upload.is_left(head) else { return unread.accounted() };
    unread.add();
    if short && upload.body.size_hint().upper().is_some_and(|left| left <= at_most(edge.config.max_body_bytes)) {
        let unread = unread.clone();
        edge.tasks.spawn(async move {
            // Giving up ends the connection, once the answer is written.
            if let Ok(true) = timeout(DROPPED_WITHIN, read_to_end(upload.body)).await {
                unread.remove();
                unread.accounted();
            }
        });
    } else {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

fn at_most(max_body: usize) -> u64 {
    u64::try_from(max_body).unwrap_or(u64::MAX).min(DROPPED)
}

/// Drops what comes; whether that was all of it.
async fn read_to_end(mut body: Incoming) -> bool {
    while let Some(frame) = body.frame().await {
        if frame.is_err() {
            return false;
        }
    }
    true
}

/// The body of a request, as far as it was read.
struct Upload {
    body: Incoming,
    state: UploadState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum UploadState {
    Open,
    Ended,
    /// It broke, or did not come in time.
    GivenUp,
}

impl Upload {
    /// Whether it is worth while to read on, where there is something left to be read.
    fn is_left(&self, head: &request::Parts) -> Option<bool> {
        if self.state == UploadState::Ended || self.body.is_end_stream() {
            return None;
        }
        let closes = head.headers.get_all(header::CONNECTION).iter().any(|value| {
            let options = value.to_str().unwrap_or_default().split(',');
            options.into_iter().any(|option| option.trim().eq_ignore_ascii_case("close"))
        });
        // Who waits for leave to send its body is not to be given it.
        let waits = head.headers.contains_key(header::EXPECT);
        Some(self.state == UploadState::Open && head.version == Version::HTTP_11 && !closes && !waits)
    }
}

struct Http1Body<'a> {
    upload: &'a mut Upload,
    deadline: Duration,
}

impl Arriving for Http1Body<'_> {
    async fn read(
        self,
        limit: usize,
        mut charge: impl FnMut(usize) -> Result<(), BodyError> + Send,
    ) -> Result<Bytes, BodyError> {
        let reading = async {
            let Upload { body, state } = &mut *self.upload;
            let stated = usize::try_from(body.size_hint().lower()).unwrap_or(limit);
            let mut read = Gathering::new(stated.min(limit));
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| BodyError::Broken(error.to_string()))?;
                // Trailers are read and dropped.
                let Ok(data) = frame.into_data() else { continue };
                if data.len() > limit.saturating_sub(read.gathered()) {
                    return Err(BodyError::TooLarge);
                }
                read.take(&data);
                charge(read.memory())?;
            }
            *state = UploadState::Ended;
            Ok(read.end())
        };
        let read = timeout(self.deadline, reading).await.unwrap_or(Err(BodyError::TimedOut));
        if let Err(BodyError::TimedOut | BodyError::Broken(_)) = read {
            self.upload.state = UploadState::GivenUp;
        }
        read
    }
}
