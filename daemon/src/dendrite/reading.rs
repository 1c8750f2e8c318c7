//! The body of a reply as it is read, whichever transport brings it.

use btd_wire::outgoing::CallFailure;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{
    Body, Pieces, is_streamed,
    reply_room::{Held, Taker, held_by},
    unpack::{CannotUnpack, Unpacker},
};
use crate::gathering::Gathering;

/// Gathers a body, or hands it on piece by piece.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    unpacker: Unpacker,
    /// Who takes the pieces of a reply that is streamed.
    pieces: Option<&'a Pieces>,
    taker: Taker<'a>,
    read: Gathering,
    /// Bytes that are gathered at most, unpacked and as they come.
    most: usize,
    /// Bytes that came.
    came: usize,
    /// What it takes of the room for replies.
    held: Held,
}

// === impl Reading ===

impl<'a> Reading<'a> {
    /// Of a reply with this head; `stated` bytes of it are to come, or 0 where nothing was stated. They find their room as
    /// they come: a statement costs whoever makes it nothing.
    ///
    /// # Errors
    /// When it is packed in a way that is not known.
    pub(super) fn new(
        (status, headers): (StatusCode, &HeaderMap),
        taker: Taker<'a>,
        stated: usize,
        most: usize,
    ) -> Result<Self, CallFailure> {
        let unpacker = Unpacker::of(headers).map_err(|error| packed(&error))?;
        let pieces = taker.pieces.filter(|_| is_streamed(status, headers));
        let stated = if pieces.is_some() { 0 } else { stated.min(most) };
        let held = taker.open();
        Ok(Self { unpacker, pieces, taker, read: Gathering::new(stated), most, came: 0, held })
    }

    /// Takes bytes as they came. Waits while whoever takes the pieces is slow, and for room.
    ///
    /// # Errors
    /// When the reply is too long, cannot be unpacked or finds no room, or nobody takes its pieces any more.
    pub(super) async fn take(&mut self, bytes: Bytes) -> Result<(), CallFailure> {
        let too_long = || CallFailure::Payload(format!("Response is larger than {} bytes", self.most));
        self.came = self.came.saturating_add(bytes.len());
        if self.pieces.is_none() && self.came > self.most {
            return Err(too_long());
        }
        self.unpacker.take(bytes);
        while let Some(piece) = self.unpacker.next().map_err(|error| packed(&error))? {
            // What is packed may go on for long without anything to wait for.
            tokio::task::coop::consume_budget().await;
            if let Some(pieces) = self.pieces {
                let mut held = self.taker.open();
                held.take(piece.len()).await?;
                pieces.send(held_by(piece, held)).await.map_err(|_| CallFailure::Disconnected)?;
                continue;
            }
            if piece.len() > self.most.saturating_sub(self.read.gathered()) {
                return Err(too_long());
            }
            self.held.take(self.read.memory_with(piece.len())).await?;
            self.read.take(&piece);
        }
        Ok(())
    }

    /// The body, of which everything has come, and the room that it takes.
    ///
    /// # Errors
    /// When what was packed has not come to its end.
    pub(super) fn end(self) -> Result<(Body, Held), CallFailure> {
        self.unpacker.end().map_err(|error| packed(&error))?;
        let body = if self.pieces.is_some() { Body::Streamed } else { Body::Whole(self.read.end()) };
        Ok((body, self.held))
    }
}

fn packed(error: &CannotUnpack) -> CallFailure {
    CallFailure::Payload(error.to_string())
}

#[cfg(test)]
mod tests {
    use btd_api::AccountId;

    use super::*;
    use crate::dendrite::{Config, ReplyRoom};

    #[tokio::test]
    async fn what_comes_is_counted_as_well_as_what_it_unpacks_to() {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_ENCODING, http::HeaderValue::from_static("gzip"));
        let room = ReplyRoom::new(&Config::default());
        let taker = Taker { pieces: None, room: &room, hotkey: AccountId([1; 32]) };
        let mut reading = Reading::new((StatusCode::OK, &headers), taker, 0, 100).unwrap();
        // An empty member, and what is dropped behind it.
        let member = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        reading.take(Bytes::copy_from_slice(&member)).await.unwrap();
        reading.take(Bytes::from(vec![0; 80])).await.unwrap();
        let told = reading.take(Bytes::from_static(b"0")).await;
        assert!(matches!(&told, Err(CallFailure::Payload(words)) if words.contains("larger than 100")), "{told:?}");
    }
}
