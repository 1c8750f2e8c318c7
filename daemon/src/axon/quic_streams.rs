//! The streams of a QUIC connection, as HTTP/3 has them. A reply is at its end when the caller has acknowledged it.
//!
//! The adapter that comes with h3 takes one for sent when quinn has all of it, which then keeps it for as long as the
//! caller likes; nobody knows of that any more. Here to finish a stream waits for the acknowledgement, so that who
//! answers can give up a caller that withholds it, and what is under way is bounded by the connection's [`SendWindow`].
//! Streams of a connection's own frames are those of h3's adapter.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use futures_util::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use h3::{
    error::Code,
    quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId, WriteBuf},
};
use quinn::{ConnectionError, ReadError, VarInt, WriteError};

use super::quic_send_windows::{SendWindow, UnderWay};

/// So much of a reply may stay with quinn when its stream is let go before its end, as h3 does with those that it gives
/// itself: it fits into the window that each connection has.
const LITTLE: usize = 1_024;

type Accepted = Result<(quinn::SendStream, quinn::RecvStream), ConnectionError>;

/// A connection of a caller.
pub(super) struct Streams {
    connection: h3_quinn::Connection,
    requests: BoxStream<'static, Accepted>,
    window: Arc<SendWindow>,
}

/// What opens the streams of a connection's own frames.
#[derive(Clone)]
pub(super) struct Opener(h3_quinn::OpenStreams);

/// The stream of a request and its reply. In this order they are dropped: what quinn keeps of the reply goes before what
/// accounts for it.
pub(super) struct Exchange {
    request: quinn::RecvStream,
    reply: quinn::SendStream,
    window: Arc<SendWindow>,
    writing: Option<WriteBuf<Bytes>>,
    written: usize,
    acknowledged: Option<BoxFuture<'static, ()>>,
    /// Whether quinn keeps nothing more of the reply.
    is_over: bool,
    /// From the first byte of the reply on.
    under_way: Option<UnderWay>,
}

// === impl Streams ===

impl Streams {
    pub(super) fn new(connection: quinn::Connection, window: Arc<SendWindow>) -> Self {
        let requests = stream::unfold(connection.clone(), |connection| async move {
            let accepted = connection.accept_bi().await;
            Some((accepted, connection))
        });
        Self { connection: h3_quinn::Connection::new(connection), requests: requests.boxed(), window }
    }
}

impl quic::Connection<Bytes> for Streams {
    type RecvStream = h3_quinn::RecvStream;
    type OpenStreams = Opener;

    fn poll_accept_recv(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<h3_quinn::RecvStream, ConnectionErrorIncoming>> {
        quic::Connection::<Bytes>::poll_accept_recv(&mut self.connection, context)
    }

    fn poll_accept_bidi(&mut self, context: &mut Context<'_>) -> Poll<Result<Exchange, ConnectionErrorIncoming>> {
        // There is always another one, or the error by which the connection ended.
        let Some(accepted) = ready!(self.requests.poll_next_unpin(context)) else { return Poll::Pending };
        let (reply, request) = accepted.map_err(of_connection)?;
        let window = Arc::clone(&self.window);
        Poll::Ready(Ok(Exchange {
            request,
            reply,
            window,
            writing: None,
            written: 0,
            acknowledged: None,
            is_over: false,
            under_way: None,
        }))
    }

    fn opener(&self) -> Opener {
        Opener(quic::Connection::<Bytes>::opener(&self.connection))
    }
}

impl quic::OpenStreams<Bytes> for Streams {
    type BidiStream = Exchange;
    type SendStream = h3_quinn::SendStream<Bytes>;

    fn poll_open_bidi(&mut self, _: &mut Context<'_>) -> Poll<Result<Exchange, StreamErrorIncoming>> {
        Poll::Ready(Err(no_requests()))
    }

    fn poll_open_send(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<h3_quinn::SendStream<Bytes>, StreamErrorIncoming>> {
        quic::OpenStreams::<Bytes>::poll_open_send(&mut self.connection, context)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        quic::OpenStreams::<Bytes>::close(&mut self.connection, code, reason);
    }
}

// === impl Opener ===

impl quic::OpenStreams<Bytes> for Opener {
    type BidiStream = Exchange;
    type SendStream = h3_quinn::SendStream<Bytes>;

    fn poll_open_bidi(&mut self, _: &mut Context<'_>) -> Poll<Result<Exchange, StreamErrorIncoming>> {
        Poll::Ready(Err(no_requests()))
    }

    fn poll_open_send(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<h3_quinn::SendStream<Bytes>, StreamErrorIncoming>> {
        quic::OpenStreams::<Bytes>::poll_open_send(&mut self.0, context)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        quic::OpenStreams::<Bytes>::close(&mut self.0, code, reason);
    }
}

// === impl Exchange ===

impl quic::RecvStream for Exchange {
    type Buf = Bytes;

    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let read = ready!(pin!(self.request.read_chunk(usize::MAX, true)).poll(context));
        Poll::Ready(read.map(|chunk| chunk.map(|chunk| chunk.bytes)).map_err(of_reading))
    }

    fn stop_sending(&mut self, code: u64) {
        // Fails only for what has ended.
        let _ = self.request.stop(number(code));
    }

    fn recv_id(&self) -> StreamId {
        stream_id(self.request.id().into())
    }
}

impl quic::SendStream<Bytes> for Exchange {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        let Some(writing) = &mut self.writing else { return Poll::Ready(Ok(())) };
        let under_way = self.under_way.get_or_insert_with(|| self.window.begin());
        while writing.has_remaining() {
            let written = ready!(under_way.poll_write(&mut self.reply, context, writing.chunk()));
            let written = written.map_err(of_writing)?;
            self.written = self.written.saturating_add(written);
            writing.advance(written);
        }
        self.writing = None;
        Poll::Ready(Ok(()))
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        if self.writing.is_some() {
            return Err(internal("a piece was sent before the one in front of it was written"));
        }
        self.writing = Some(data.into());
        Ok(())
    }

    /// Done when all of it is acknowledged, or will not be: the caller wants no more, or the connection is over.
    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        let mut acknowledged = if let Some(acknowledged) = self.acknowledged.take() {
            acknowledged
        } else {
            self.reply.finish().map_err(|error| StreamErrorIncoming::Unknown(Box::new(error)))?;
            self.reply.stopped().map(drop).boxed()
        };
        if acknowledged.as_mut().poll(context).is_pending() {
            self.acknowledged = Some(acknowledged);
            return Poll::Pending;
        }
        self.is_over = true;
        Poll::Ready(Ok(()))
    }

    fn reset(&mut self, code: u64) {
        self.is_over = true;
        // Fails only for what has ended.
        let _ = self.reply.reset(number(code));
    }

    fn send_id(&self) -> StreamId {
        stream_id(self.reply.id().into())
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // What nobody waits for any more is not kept either. Of what the caller wants no more, quinn itself lets go now.
        if !self.is_over && self.written > LITTLE {
            let _ = self.reply.reset(number(Code::H3_REQUEST_CANCELLED.value()));
        }
    }
}

fn number(code: u64) -> VarInt {
    VarInt::from_u64(code).unwrap_or(VarInt::MAX)
}

fn stream_id(number: u64) -> StreamId {
    #[expect(clippy::expect_used, reason = "QUIC has no longer ones")]
    StreamId::try_from(number).expect("a stream's number takes 62 bits at most")
}

/// In HTTP/3 only the other end asks.
fn no_requests() -> StreamErrorIncoming {
    internal("an axon was to open the stream of a request, which only its callers do")
}

fn internal(reason: &str) -> StreamErrorIncoming {
    StreamErrorIncoming::ConnectionErrorIncoming {
        connection_error: ConnectionErrorIncoming::InternalError(reason.to_owned()),
    }
}

fn of_connection(error: ConnectionError) -> ConnectionErrorIncoming {
    match error {
        ConnectionError::ApplicationClosed(closed) => {
            ConnectionErrorIncoming::ApplicationClose { error_code: closed.error_code.into_inner() }
        }
        ConnectionError::TimedOut => ConnectionErrorIncoming::Timeout,
        other => ConnectionErrorIncoming::Undefined(Arc::new(other)),
    }
}

fn of_reading(error: ReadError) -> StreamErrorIncoming {
    match error {
        ReadError::Reset(code) => StreamErrorIncoming::StreamTerminated { error_code: code.into_inner() },
        ReadError::ConnectionLost(error) => {
            StreamErrorIncoming::ConnectionErrorIncoming { connection_error: of_connection(error) }
        }
        other => StreamErrorIncoming::Unknown(Box::new(other)),
    }
}

fn of_writing(error: WriteError) -> StreamErrorIncoming {
    match error {
        WriteError::Stopped(code) => StreamErrorIncoming::StreamTerminated { error_code: code.into_inner() },
        WriteError::ConnectionLost(error) => {
            StreamErrorIncoming::ConnectionErrorIncoming { connection_error: of_connection(error) }
        }
        other => StreamErrorIncoming::Unknown(Box::new(other)),
    }
}
