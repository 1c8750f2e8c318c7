//! The body of a reply as it is read, whichever transport brings it.

use btd_wire::outgoing::CallFailure;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};

use super::{
    Body, Pieces, is_streamed,
    unpack::{CannotUnpack, Unpacker},
};

/// Gathers a body, or hands it on piece by piece.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    unpacker: Unpacker,
    /// Who takes the pieces of a reply that is streamed.
    pieces: Option<&'a Pieces>,
    read: BytesMut,
    /// Bytes that are gathered at most, unpacked.
    most: usize,
}

// === impl Reading ===

impl<'a> Reading<'a> {
    /// Of a reply with this head; `stated` bytes of it are to come, or 0 where nothing was stated.
    ///
    /// # Errors
    /// When it is packed in a way that is not known.
    pub(super) fn new(
        (status, headers): (StatusCode, &HeaderMap),
        pieces: Option<&'a Pieces>,
        stated: usize,
        most: usize,
    ) -> Result<Self, CallFailure> {
        let unpacker = Unpacker::of(headers).map_err(|error| packed(&error))?;
        let pieces = pieces.filter(|_| is_streamed(status, headers));
        Ok(Self { unpacker, pieces, read: BytesMut::with_capacity(stated.min(most)), most })
    }

    /// Takes bytes as they came. Waits while whoever takes the pieces is slow.
    ///
    /// # Errors
    /// When the reply is too long or cannot be unpacked, or nobody takes its pieces any more.
    pub(super) async fn take(&mut self, bytes: Bytes) -> Result<(), CallFailure> {
        self.unpacker.take(bytes);
        while let Some(piece) = self.unpacker.next().map_err(|error| packed(&error))? {
            if let Some(pieces) = self.pieces {
                pieces.send(piece).await.map_err(|_| CallFailure::Disconnected)?;
                continue;
            }
            if piece.len() > self.most.saturating_sub(self.read.len()) {
                return Err(CallFailure::Payload(format!("Response is larger than {} bytes", self.most)));
            }
            self.read.extend_from_slice(&piece);
        }
        Ok(())
    }

    /// The body, of which everything has come.
    ///
    /// # Errors
    /// When what was packed has not come to its end.
    pub(super) fn end(self) -> Result<Body, CallFailure> {
        self.unpacker.end().map_err(|error| packed(&error))?;
        Ok(if self.pieces.is_some() { Body::Streamed } else { Body::Whole(self.read.freeze()) })
    }
}

fn packed(error: &CannotUnpack) -> CallFailure {
    CallFailure::Payload(error.to_string())
}
