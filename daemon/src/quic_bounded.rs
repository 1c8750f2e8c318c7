//! A QUIC connection on which HTTP/3 never holds more than a bounded part of what has come.
//!
//! h3 keeps whatever comes of a frame until all of it is there, however long its sender says that it is, and has QUIC
//! give the sender credit for more meanwhile: neither its own limit of a header block, which it looks at afterwards, nor
//! the windows of QUIC bound that. So [`Bounded`] stands between the two. It hands h3 every frame as a whole, and only
//! data, which h3 passes on as it comes, in pieces. Of a whole frame h3 leaves something lying where the number in it
//! lacks its end, for which it waits, or has bytes behind it, which it takes for the next frame; such a frame is refused,
//! so that nothing is left in h3 and data find it waiting for data. A frame that is too long is refused as soon as it
//! states its length, and one that lacks its end when all such frames of its connection take too much. What is
//! refused ends its stream, and on the control stream, which HTTP/3 cannot do without, the connection.

mod frame;
mod unfinished;

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

use self::{
    frame::{DATA, FrameError, Head, is_taken_in, number},
    unfinished::{AllUnfinished, Unfinished},
};

/// What a frame of headers takes beside what HTTP/3 counts of them.
const FRAMING: usize = 1_024;
/// Longest frame of a control stream: settings take some tens of bytes, and everything else takes less.
const LONGEST_CONTROL: usize = 16 * 1_024;
/// What may have come of the frames of one connection that lack their end: a good many heads of the usual few KiB. A
/// single frame may be as long as it may.
const MOST_UNFINISHED: usize = 512 * 1_024;
/// Frames in a row that hold no data, behind which others have their turn: who sends such frames forever would be read
/// forever.
const TURN: usize = 256;
/// The kind of a stream in one direction that carries frames.
const CONTROL: u64 = 0;

/// A connection, or what opens streams of one.
#[derive(Debug, Clone)]
pub(crate) struct Bounded<C> {
    inner: C,
    longest: usize,
    unfinished: AllUnfinished,
}

// === impl Bounded ===

impl<C> Bounded<C> {
    /// Bounds every frame without data on streams in both directions by what `longest_head` bytes of headers take.
    pub(crate) fn new(inner: C, longest_head: usize) -> Self {
        let longest = longest_head.saturating_add(FRAMING);
        Self { inner, longest, unfinished: AllUnfinished::new(MOST_UNFINISHED.max(longest)) }
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
        let frames = Frames::new(Next::Kind, LONGEST_CONTROL, self.unfinished.open());
        Poll::Ready(Ok(OneWay { stream, connection: self.inner.opener(), frames }))
    }

    fn poll_accept_bidi(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<BothWays<C::BidiStream>, ConnectionErrorIncoming>> {
        let stream = ready!(self.inner.poll_accept_bidi(context))?;
        Poll::Ready(Ok(BothWays { stream, frames: Frames::new(Next::Frame, self.longest, self.unfinished.open()) }))
    }

    fn opener(&self) -> Self::OpenStreams {
        Bounded { inner: self.inner.opener(), longest: self.longest, unfinished: self.unfinished.clone() }
    }
}

impl<C: quic::OpenStreams<Bytes>> quic::OpenStreams<Bytes> for Bounded<C> {
    type BidiStream = BothWays<C::BidiStream>;
    type SendStream = C::SendStream;

    fn poll_open_bidi(&mut self, context: &mut Context<'_>) -> Poll<Result<Self::BidiStream, StreamErrorIncoming>> {
        let stream = ready!(self.inner.poll_open_bidi(context))?;
        Poll::Ready(Ok(BothWays { stream, frames: Frames::new(Next::Frame, self.longest, self.unfinished.open()) }))
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
    /// What of it is counted among the connection's unfinished frames.
    unfinished: Unfinished,
    /// Frames in a row without data.
    without_data: usize,
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
    fn new(next: Next, longest: usize, unfinished: Unfinished) -> Self {
        let (came, begun) = (Bytes::new(), BytesMut::new());
        Self { next, is_control: false, longest, came, begun, unfinished, without_data: 0 }
    }

    /// The next piece for h3, from what is here or else from the stream; none at the end of it.
    fn read<S: RecvStream>(&mut self, stream: &mut S, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Fault>> {
        loop {
            if self.without_data >= TURN {
                self.without_data = 0;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
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
                    if head.payload > 0 {
                        self.without_data = 0;
                        self.next = Next::Data(head.payload);
                        return Ok(Some(self.begun()));
                    }
                    // h3 would take a frame of no data for the end of all data.
                    self.without_data += 1;
                    self.begun.clear();
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
            let most = self.unfinished.most();
            return if self.unfinished.take(came.len()) { Ok(None) } else { Err(FrameError::TooMany { most }) };
        }
        self.without_data += 1;
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
        self.unfinished.give_back();
        mem::take(&mut self.begun).freeze()
    }

    /// At most so much of what came, if there is any.
    fn take(&mut self, most: usize) -> Option<Bytes> {
        let piece = self.came.split_to(most.min(self.came.len()));
        (!piece.is_empty()).then_some(piece)
    }
}

/// Why nothing more of a stream is read.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Stream(#[from] StreamErrorIncoming),
    #[error(transparent)]
    Frame(#[from] FrameError),
}

#[cfg(test)]
mod tests;
