//! What the heads of HTTP/1.1 requests say of the length of their bodies, as they came.
//!
//! Of a request with both a length and an encoding of its body, two readers make two things (RFC 9112, 6.1 and 11.2):
//! what belongs to its body for who is in front of us may be another request for us. hyper goes by the encoding and
//! takes the length out of the headers, so that nothing behind it can tell. So [`Watched`] reads the heads on their way to
//! hyper, and no more of them than that takes, and [`Lengths`] puts the length back for the door to refuse.
//!
//! A request with an encoding is the last one of its connection, so that only bodies with a length lie between two heads
//! that are read here. Where a head cannot be read, hyper refuses it, or a request with an encoding behind it is refused.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use http::{HeaderValue, Response, header, request};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// So much of a line is looked at: a name, and a number of 64 bits with a good many blanks around it.
const LINE: usize = 128;

/// Whether the head of a connection with an encoding of its body came without a length.
#[derive(Clone, Debug, Default)]
pub(super) struct Lengths(Arc<AtomicBool>);

/// A connection whose heads are read on their way.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    heads: Heads,
}

/// The heads of one connection, one after the other.
#[derive(Debug)]
struct Heads {
    next: Next,
    /// What of the current line has come, as far as it is looked at.
    line: Vec<u8>,
    head: Head,
    lengths: Lengths,
}

/// What comes next.
#[derive(Debug, Clone, Copy)]
enum Next {
    Head,
    /// So many bytes of a body.
    Body(u64),
    /// Nothing that is looked at.
    Rest,
}

/// What has come of a head.
#[derive(Debug, Default)]
struct Head {
    /// Whether its first line is here.
    begun: bool,
    length: Option<u64>,
    encoded: bool,
}

// === impl Lengths ===

impl Lengths {
    /// Puts a length beside the encoding of a body, unless it is certain that none came with it.
    pub(super) fn restore(&self, head: &mut request::Parts) {
        if is_encoded(head) && !self.0.load(Ordering::Relaxed) {
            head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
    }
}

/// Has the connection end behind the answer to a request with an encoding of its body.
pub(super) fn end_behind<B>(head: &request::Parts, response: &mut Response<B>) {
    if is_encoded(head) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

fn is_encoded(head: &request::Parts) -> bool {
    head.headers.contains_key(header::TRANSFER_ENCODING)
}

// === impl Watched ===

impl<S> Watched<S> {
    pub(super) fn new(stream: S, lengths: Lengths) -> Self {
        Self { stream, heads: Heads::new(lengths) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        this.heads.see(buffer.filled().get(before..).unwrap_or_default());
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

// === impl Heads ===

impl Heads {
    fn new(lengths: Lengths) -> Self {
        Self { next: Next::Head, line: Vec::new(), head: Head::default(), lengths }
    }

    /// Looks at the next bytes of the connection.
    fn see(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = match self.next {
                Next::Rest => return,
                Next::Body(left) => {
                    let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let left = left.saturating_sub(u64::try_from(skipped).unwrap_or(u64::MAX));
                    self.next = if left == 0 { Next::Head } else { Next::Body(left) };
                    bytes.split_at(skipped).1
                }
                Next::Head => {
                    let end = bytes.iter().position(|byte| *byte == b'\n');
                    let (line, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
                    let fits = LINE.saturating_sub(self.line.len()).min(line.len());
                    self.line.extend_from_slice(line.split_at(fits).0);
                    if end.is_some() {
                        self.end_line();
                    }
                    rest
                }
            };
        }
    }

    fn end_line(&mut self) {
        let is_whole = self.line.ends_with(b"\n");
        let line = self.line.trim_ascii_end();
        if line.is_empty() {
            // Empty lines in front of a head are no part of it.
            if self.head.begun {
                self.end_head();
            }
        } else if !self.head.begun {
            self.head.begun = true;
        } else if let Some(colon) = line.iter().position(|byte| *byte == b':') {
            let (name, value) = line.split_at(colon);
            if name.eq_ignore_ascii_case(b"transfer-encoding") {
                self.head.encoded = true;
            } else if name.eq_ignore_ascii_case(b"content-length") {
                // Behind the colon.
                let value = value.get(1..).unwrap_or_default().trim_ascii();
                let length = std::str::from_utf8(value).ok().and_then(|value| value.parse::<u64>().ok());
                self.head.length = length.filter(|_| is_whole);
                if self.head.length.is_none() {
                    self.next = Next::Rest;
                }
            }
        }
        self.line.clear();
    }

    fn end_head(&mut self) {
        let Head { length, encoded, .. } = std::mem::take(&mut self.head);
        if encoded {
            self.lengths.0.store(length.is_none(), Ordering::Relaxed);
            self.next = Next::Rest;
        } else {
            self.next = Next::Body(length.unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a request with an encoding that comes now would be taken for one without a length.
    fn is_certain(pieces: &[&[u8]]) -> bool {
        let lengths = Lengths::default();
        let mut heads = Heads::new(lengths.clone());
        for piece in pieces {
            heads.see(piece);
        }
        lengths.0.load(Ordering::Relaxed)
    }

    const PLAIN: &str = "POST /x HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";

    #[test]
    fn an_encoding_without_a_length_is_told_from_one_with_it() {
        let before = "\r\n\nPOST /x HTTP/1.1\r\nContent-Length: 50\r\n\r\n";
        // What looks like a head in a body is none.
        let body = format!("{:50}", "POST /x HTTP/1.1\r\ncontent-length: 1\r\n\r\n");
        for before in [String::new(), format!("GET /y HTTP/1.1\nhost: x\n\n{before}{body}")] {
            for (with, certain) in [("", true), ("Content-Length:5\r\n", false), ("content-length: x\r\n", false)] {
                for head in [
                    PLAIN.replace("host: x\r\n", &format!("host: x\r\n{with}")),
                    PLAIN.replace("chunked\r\n", &format!("chunked\r\n{with}")),
                ] {
                    let all = format!("{before}{head}");
                    assert_eq!(is_certain(&[all.as_bytes()]), certain, "{all}");
                    let bytes: Vec<&[u8]> = all.as_bytes().chunks(1).collect();
                    assert_eq!(is_certain(&bytes), certain, "byte by byte: {all}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_certain_behind_what_cannot_be_read() {
        let long = format!("POST /x HTTP/1.1\r\ncontent-length:{}5\r\n\r\n12345", " ".repeat(LINE));
        for before in [long.as_str(), "POST /x HTTP/1.1\r\ncontent-length: 1, 1\r\n\r\nx", PLAIN] {
            let certain = is_certain(&[before.as_bytes(), PLAIN.replace("host", "content-length").as_bytes()]);
            // Behind a request with an encoding nothing is answered.
            assert_eq!(certain, before == PLAIN, "{before}");
        }
        let long = format!("POST /x HTTP/1.1\r\n{}: y\r\n\r\n{PLAIN}", "x".repeat(10 * LINE));
        assert!(is_certain(&[long.as_bytes()]), "another header may be as long as it likes");
    }
}
