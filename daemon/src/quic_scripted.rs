//! A QUIC connection whose streams are written down: for trying HTTP/3 on any bytes, without sockets.
//!
//! The bytes are streams one after the other: what kind it is, the length of its data as two bytes, and the
//! data. What is sent over the connection is dropped. The axon and the dendrite are tried behind it, by
//! [`crate::axon::foreign`] and [`crate::dendrite::foreign`].

use std::{
    collections::VecDeque,
    task::{Context, Poll},
};

use bytes::Bytes;
use h3::quic::{self, ConnectionErrorIncoming, RecvStream, SendStream, StreamErrorIncoming, StreamId, WriteBuf};

/// A connection from its other end.
#[derive(Debug)]
pub(crate) struct Scripted {
    /// Streams that the other end opens in one direction, then those in both.
    one_way: VecDeque<Stream>,
    both_ways: VecDeque<Stream>,
    /// What comes on streams that we open in both directions.
    answers: VecDeque<Stream>,
    opened: u64,
}

/// One stream: what comes on it, piece by piece.
#[derive(Debug)]
pub(crate) struct Stream {
    number: u64,
    pieces: VecDeque<Bytes>,
    end: End,
}

/// How a stream ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Finished,
    Reset,
}

/// Of the kind: a stream in one direction, data that comes byte by byte, a stream that is reset.
const ONE_WAY: u8 = 1;
const IN_BYTES: u8 = 2;
const RESET: u8 = 4;

/// HTTP/3's word for an end without a fault.
const NO_ERROR: u64 = 0x100;

// === impl Scripted ===

impl Scripted {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let (mut one_way, mut both_ways) = (VecDeque::new(), VecDeque::new());
        let mut rest = bytes;
        while let Some((&[kind, high, low], data)) = rest.split_first_chunk::<3>() {
            let length = usize::from(u16::from_be_bytes([high, low])).min(data.len());
            let (data, further) = data.split_at(length);
            rest = further;
            let streams = if kind & ONE_WAY == 0 { &mut both_ways } else { &mut one_way };
            let number = u64::try_from(streams.len()).unwrap_or_default() * 4 + u64::from(kind & ONE_WAY) * 2;
            // QUIC delivers no piece without a byte.
            let at_once = if kind & IN_BYTES == 0 { data.len().max(1) } else { 1 };
            let pieces = data.chunks(at_once).map(Bytes::copy_from_slice).collect();
            let end = if kind & RESET == 0 { End::Finished } else { End::Reset };
            streams.push_back(Stream { number, pieces, end });
        }
        Self { one_way, both_ways, answers: VecDeque::new(), opened: 0 }
    }

    /// The same bytes from the other side: streams in both directions are those that we open.
    pub(crate) fn answering(bytes: &[u8]) -> Self {
        let this = Self::new(bytes);
        Self { answers: this.both_ways, both_ways: VecDeque::new(), ..this }
    }

    fn open(&mut self) -> Stream {
        self.opened += 1;
        Stream { number: self.opened * 4 + 3, pieces: VecDeque::new(), end: End::Finished }
    }
}

impl quic::Connection<Bytes> for Scripted {
    type RecvStream = Stream;
    type OpenStreams = Self;

    fn poll_accept_recv(&mut self, _: &mut Context<'_>) -> Poll<Result<Stream, ConnectionErrorIncoming>> {
        self.one_way.pop_front().map_or(Poll::Pending, |stream| Poll::Ready(Ok(stream)))
    }

    fn poll_accept_bidi(&mut self, _: &mut Context<'_>) -> Poll<Result<Stream, ConnectionErrorIncoming>> {
        let ended = ConnectionErrorIncoming::ApplicationClose { error_code: NO_ERROR };
        Poll::Ready(self.both_ways.pop_front().ok_or(ended))
    }

    /// Of a connection that answers, its answers.
    fn opener(&self) -> Self {
        let again = |stream: &Stream| Stream { pieces: stream.pieces.clone(), ..*stream };
        let answers = self.answers.iter().map(again).collect();
        Self { one_way: VecDeque::new(), both_ways: VecDeque::new(), answers, opened: self.opened }
    }
}

impl quic::OpenStreams<Bytes> for Scripted {
    type BidiStream = Stream;
    type SendStream = Stream;

    fn poll_open_bidi(&mut self, _: &mut Context<'_>) -> Poll<Result<Stream, StreamErrorIncoming>> {
        let answer = self.answers.pop_front();
        Poll::Ready(Ok(answer.unwrap_or_else(|| self.open())))
    }

    fn poll_open_send(&mut self, _: &mut Context<'_>) -> Poll<Result<Stream, StreamErrorIncoming>> {
        Poll::Ready(Ok(self.open()))
    }

    fn close(&mut self, _: h3::error::Code, _: &[u8]) {}
}

// === impl Stream ===

impl Stream {
    fn id(&self) -> StreamId {
        #[expect(clippy::expect_used, reason = "there are not so many streams")]
        StreamId::try_from(self.number).expect("a stream's number takes 62 bits at most")
    }
}

impl RecvStream for Stream {
    type Buf = Bytes;

    fn poll_data(&mut self, _: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        Poll::Ready(match (self.pieces.pop_front(), self.end) {
            (Some(piece), _) => Ok(Some(piece)),
            (None, End::Finished) => Ok(None),
            (None, End::Reset) => Err(StreamErrorIncoming::StreamTerminated { error_code: NO_ERROR }),
        })
    }

    fn stop_sending(&mut self, _: u64) {}

    fn recv_id(&self) -> StreamId {
        self.id()
    }
}

impl SendStream<Bytes> for Stream {
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        Poll::Ready(Ok(()))
    }

    fn send_data<T: Into<WriteBuf<Bytes>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        drop(data.into());
        Ok(())
    }

    fn poll_finish(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        Poll::Ready(Ok(()))
    }

    fn reset(&mut self, _: u64) {}

    fn send_id(&self) -> StreamId {
        self.id()
    }
}
