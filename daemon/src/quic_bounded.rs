//! A QUIC connection on which HTTP/3 never holds more than a bounded part of what has come.
//!
//! h3 keeps whatever comes of a frame until all of it is there, however long its sender says that it is, and has QUIC
//! give the sender credit for more meanwhile: neither its own limit of a header block, which it looks at afterwards, nor
//! the windows of QUIC bound that. So [`Bounded`] stands between the two. It hands h3 every frame as a whole, and only
//! data, which h3 passes on as it comes, in pieces. Of a whole frame h3 leaves something lying where the number in it
//! lacks its end, for which it waits, or has bytes behind it, which it takes for the next frame; such a frame is refused,
//! so that nothing is left in h3 and data find it waiting for data. A frame that is too long is refused as soon as it
//! states its length. What is refused ends its stream, and on the control stream, which HTTP/3 cannot do without, the
//! connection.

use std::{
    mem,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use h3::{
    error::Code,
    quic::{self, ConnectionErrorIncoming, RecvStream, SendStream, StreamErrorIncoming, StreamId, WriteBuf},
};

/// What a frame of headers takes beside what HTTP/3 counts of them.
const FRAMING: usize = 1_024;
/// Longest frame of a control stream: settings take some tens of bytes, and everything else takes less.
const LONGEST_CONTROL: usize = 16 * 1_024;
/// The kind of a frame that carries data.
const DATA: u64 = 0;
/// The kinds of frames that carry a number and nothing else.
const CANCEL_PUSH: u64 = 0x3;
const GOAWAY: u64 = 0x7;
const MAX_PUSH_ID: u64 = 0xd;
/// The kind of a frame that carries a number, and something behind it.
const PUSH_PROMISE: u64 = 0x5;
/// The kind of a stream in one direction that carries frames.
const CONTROL: u64 = 0;

/// A connection, or what opens streams of one.
#[derive(Debug, Clone)]
pub(crate) struct Bounded<C> {
    inner: C,
    longest: usize,
}

// === impl Bounded ===

impl<C> Bounded<C> {
    /// Bounds every frame without data on streams in both directions by what `longest_head` bytes of headers take.
    pub(crate) fn new(inner: C, longest_head: usize) -> Self {
        Self { inner, longest: longest_head.saturating_add(FRAMING) }
    }
}

impl<C: quic::Connection<Bytes>> quic::Connection<Bytes> for Bounded<C> {
    type RecvStream = OneWay<C::RecvStream, C::OpenStreams>;
    type OpenStreams = Bounded<C::OpenStreams>;

    fn poll_accept_recv(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Self::RecvStream, ConnectionErrorIncoming>> {
        let stream = ready!(self.inner.poll_accept_recv(context))?;
        let frames = Frames::new(Next::Kind, LONGEST_CONTROL);
        Poll::Ready(Ok(OneWay { stream, connection: self.inner.opener(), frames }))
    }

    fn poll_accept_bidi(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<BothWays<C::BidiStream>, ConnectionErrorIncoming>> {
        let stream = ready!(self.inner.poll_accept_bidi(context))?;
        Poll::Ready(Ok(BothWays { stream, frames: Frames::new(Next::Frame, self.longest) }))
    }

    fn opener(&self) -> Self::OpenStreams {
        Bounded { inner: self.inner.opener(), longest: self.longest }
    }
}

impl<C: quic::OpenStreams<Bytes>> quic::OpenStreams<Bytes> for Bounded<C> {
    type BidiStream = BothWays<C::BidiStream>;
    type SendStream = C::SendStream;

    fn poll_open_bidi(&mut self, context: &mut Context<'_>) -> Poll<Result<Self::BidiStream, StreamErrorIncoming>> {
        let stream = ready!(self.inner.poll_open_bidi(context))?;
        Poll::Ready(Ok(BothWays { stream, frames: Frames::new(Next::Frame, self.longest) }))
    }

    fn poll_open_send(&mut self, context: &mut Context<'_>) -> Poll<Result<C::SendStream, StreamErrorIncoming>> {
        self.inner.poll_open_send(context)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        self.inner.close(code, reason);
    }
}

/// A stream of a request and its reply.
#[derive(Debug)]
pub(crate) struct BothWays<S> {
    stream: S,
    frames: Frames,
}

// === impl BothWays ===

impl<S: RecvStream> RecvStream for BothWays<S> {
    type Buf = Bytes;

    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let read = ready!(self.frames.read(&mut self.stream, context));
        Poll::Ready(read.map_err(|fault| match fault {
            Fault::Stream(error) => error,
            Fault::Frame(error) => {
                self.stream.stop_sending(error.code().value());
                StreamErrorIncoming::Unknown(Box::new(error))
            }
        }))
    }

    fn stop_sending(&mut self, code: u64) {
        self.stream.stop_sending(code);
    }

    fn recv_id(&self) -> StreamId {
        self.stream.recv_id()
    }
}

impl<S: SendStream<Bytes>> SendStream<Bytes> for BothWays<S> {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.stream.poll_ready(context)
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.stream.send_data(data)
    }

    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.stream.poll_finish(context)
    }

    fn reset(&mut self, code: u64) {
        self.stream.reset(code);
    }

    fn send_id(&self) -> StreamId {
        self.stream.send_id()
    }
}

/// A stream that the other end opened in one direction.
#[derive(Debug)]
pub(crate) struct OneWay<S, O> {
    stream: S,
    /// Its connection, for closing it.
    connection: O,
    frames: Frames,
}

// === impl OneWay ===

impl<S: RecvStream, O: quic::OpenStreams<Bytes>> RecvStream for OneWay<S, O> {
    type Buf = Bytes;

    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        let read = ready!(self.frames.read(&mut self.stream, context));
        Poll::Ready(read.map_err(|fault| match fault {
            Fault::Stream(error) => error,
            Fault::Frame(error) => {
                // h3 would close it with a code that says nothing of this.
                self.connection.close(error.code(), error.to_string().as_bytes());
                let connection_error = ConnectionErrorIncoming::Undefined(Arc::new(error));
                StreamErrorIncoming::ConnectionErrorIncoming { connection_error }
            }
        }))
    }

    fn stop_sending(&mut self, code: u64) {
        self.stream.stop_sending(code);
    }

    fn recv_id(&self) -> StreamId {
        self.stream.recv_id()
    }
}

/// What comes on one stream, on its way to h3.
#[derive(Debug)]
struct Frames {
    next: Next,
    /// Whether this is the stream of a connection's own frames, where data have no place.
    is_control: bool,
    /// Longest frame without data.
    longest: usize,
    /// What came last and has not gone further.
    came: Bytes,
    /// The beginning of a frame, or of a stream's kind, of which more must come.
    begun: BytesMut,
}

/// What comes next.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// The kind of a stream in one direction.
    Kind,
    Frame,
    /// So many bytes of data.
    Data(usize),
    /// No frames: h3 reads hardly more of such a stream than its kind.
    Other,
}

// === impl Frames ===

impl Frames {
    fn new(next: Next, longest: usize) -> Self {
        Self { next, is_control: false, longest, came: Bytes::new(), begun: BytesMut::new() }
    }

    /// The next piece for h3, from what is here or else from the stream; none at the end of it.
    fn read<S: RecvStream>(&mut self, stream: &mut S, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Fault>> {
        loop {
            if let Some(piece) = self.piece()? {
                return Poll::Ready(Ok(Some(piece)));
            }
            match ready!(stream.poll_data(context))? {
                Some(mut data) => self.came = data.copy_to_bytes(data.remaining()),
                None => return Poll::Ready(Ok(self.rest()?)),
            }
        }
    }

    /// The next piece of what is here. Where there is none, all that came is taken in.
    fn piece(&mut self) -> Result<Option<Bytes>, FrameError> {
        loop {
            match self.next {
                Next::Kind => {
                    let Some((kind, _)) = self.begin(number) else { return Ok(None) };
                    self.is_control = kind == CONTROL;
                    self.next = if self.is_control { Next::Frame } else { Next::Other };
                    return Ok(Some(self.begun()));
                }
                Next::Frame => {
                    let Some(head) = self.begin(Head::read) else { return Ok(None) };
                    if head.kind != DATA {
                        return self.whole(head);
                    }
                    if self.is_control {
                        return Err(FrameError::Misplaced);
                    }
                    let begun = self.begun();
                    // h3 would take a frame of no data for the end of all data.
                    if head.payload > 0 {
                        self.next = Next::Data(head.payload);
                        return Ok(Some(begun));
                    }
                }
                Next::Data(0) => self.next = Next::Frame,
                Next::Data(left) => {
                    let piece = self.take(left);
                    self.next = Next::Data(left - piece.as_ref().map_or(0, Bytes::len));
                    return Ok(piece);
                }
                Next::Other => return Ok(self.take(usize::MAX)),
            }
        }
    }

    /// The frame that begins so, once it is here.
    fn whole(&mut self, Head { kind, length, payload }: Head) -> Result<Option<Bytes>, FrameError> {
        let longest = self.longest;
        if payload > longest {
            return Err(FrameError::TooLong { kind, payload, longest });
        }
        let lacking = payload.saturating_add(length).saturating_sub(self.begun.len());
        let came = self.came.split_to(lacking.min(self.came.len()));
        self.begun.extend_from_slice(&came);
        if came.len() < lacking {
            return Ok(None);
        }
        let carried = self.begun.get(length..).unwrap_or_default();
        if is_taken_in(kind, carried) { Ok(Some(self.begun())) } else { Err(FrameError::NoNumber { kind, payload }) }
    }

    /// What is left when the stream has ended: a frame that lacks its end, which h3 objects to.
    fn rest(&mut self) -> Result<Option<Bytes>, FrameError> {
        match self.next {
            // h3 objects to such data only where their end comes together with the last of them.
            Next::Data(lacking @ 1..) => Err(FrameError::Cut { lacking }),
            _ if self.begun.is_empty() => Ok(None),
            _ => Ok(Some(self.begun())),
        }
    }

    /// Lengthens what has begun until `read` makes something of it, or nothing more is here.
    fn begin<T>(&mut self, read: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        loop {
            let found = read(&self.begun);
            if found.is_some() || !self.came.has_remaining() {
                return found;
            }
            self.begun.put_u8(self.came.get_u8());
        }
    }

    fn begun(&mut self) -> Bytes {
        mem::take(&mut self.begun).freeze()
    }

    /// At most so much of what came, if there is any.
    fn take(&mut self, most: usize) -> Option<Bytes> {
        let piece = self.came.split_to(most.min(self.came.len()));
        (!piece.is_empty()).then_some(piece)
    }
}

/// How a frame begins.
#[derive(Debug, Clone, Copy)]
struct Head {
    kind: u64,
    /// How long the beginning is, and what follows it.
    length: usize,
    payload: usize,
}

// === impl Head ===

impl Head {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, of_kind) = number(bytes)?;
        let (payload, of_payload) = number(bytes.get(of_kind..)?)?;
        Some(Self { kind, length: of_kind + of_payload, payload: usize::try_from(payload).unwrap_or(usize::MAX) })
    }
}

/// Whether h3 takes in a whole frame that carries this, and neither waits for more of it nor leaves some of it behind.
fn is_taken_in(kind: u64, carried: &[u8]) -> bool {
    match kind {
        CANCEL_PUSH | GOAWAY | MAX_PUSH_ID => number(carried).is_some_and(|(_, length)| length == carried.len()),
        PUSH_PROMISE => number(carried).is_some(),
        _ => true,
    }
}

/// The number at the beginning, as QUIC writes numbers, and how many bytes it takes.
fn number(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = 1_usize << (first >> 6);
    let further = bytes.get(1..length)?;
    let begun = u64::from(first & 0b0011_1111);
    Some((further.iter().fold(begun, |number, byte| (number << 8) | u64::from(*byte)), length))
}

/// Why nothing more of a stream is read.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Stream(#[from] StreamErrorIncoming),
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// What is wrong with a frame.
#[derive(Debug, thiserror::Error)]
enum FrameError {
    #[error(
        "a frame of type {kind:#x} states a length of {payload} bytes, of which at most {longest} are taken; send less"
    )]
    TooLong { kind: u64, payload: usize, longest: usize },
    #[error(
        "a frame of type {kind:#x} has {payload} bytes that are not the number which it is to carry; send it as RFC 9114, \
         section 7.2, lays it out"
    )]
    NoNumber { kind: u64, payload: usize },
    #[error("a frame of data came on the control stream; send data on the stream of a request only")]
    Misplaced,
    #[error("the stream ended {lacking} bytes before its frame of data; send such a frame to its end")]
    Cut { lacking: usize },
}

// === impl FrameError ===

impl FrameError {
    /// HTTP/3's word for it.
    fn code(&self) -> Code {
        match self {
            Self::TooLong { .. } => Code::H3_EXCESSIVE_LOAD,
            Self::NoNumber { .. } | Self::Cut { .. } => Code::H3_FRAME_ERROR,
            Self::Misplaced => Code::H3_FRAME_UNEXPECTED,
        }
    }
}

#[cfg(test)]
mod tests;
