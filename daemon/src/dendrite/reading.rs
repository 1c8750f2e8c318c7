//! The body of a reply as it is read, whichever transport brings it.

use std::sync::atomic::{AtomicUsize, Ordering};

use btd_wire::outgoing::CallFailure;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{
    Body, Pieces, is_streamed,
    unpack::{CannotUnpack, Unpacker},
};
use crate::gathering::Gathering;

/// Bytes that came packed and are gathered at most, by all calls at the same time: a few packed bytes make many, and
/// many axons can send a few.
const MOST_UNPACKED: usize = 256 * 1_024 * 1_024;
/// How many of them are.
static UNPACKED: AtomicUsize = AtomicUsize::new(0);

/// A call's part of [`UNPACKED`], given back when it is dropped.
#[derive(Debug, Default)]
struct Room(usize);

/// Gathers a body, or hands it on piece by piece.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    unpacker: Unpacker,
    /// Who takes the pieces of a reply that is streamed.
    pieces: Option<&'a Pieces>,
    read: Gathering,
    /// Bytes that are gathered at most, unpacked and as they come.
    most: usize,
    /// Bytes that came.
    came: usize,
    room: Room,
}

// === impl Room ===

impl Room {
    fn take(&mut self, bytes: usize) -> Result<(), CallFailure> {
        let with = |all: usize| all.checked_add(bytes).filter(|all| *all <= MOST_UNPACKED);
        UNPACKED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, with).map_err(|_| {
            let words = "there is no room for more packed replies at once: ask fewer axons at the same time";
            CallFailure::Payload(words.to_owned())
        })?;
        self.0 += bytes;
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        UNPACKED.fetch_sub(self.0, Ordering::Relaxed);
    }
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
        let read = Gathering::new(stated.min(most));
        Ok(Self { unpacker, pieces, read, most, came: 0, room: Room::default() })
    }

    /// Takes bytes as they came. Waits while whoever takes the pieces is slow.
    ///
    /// # Errors
    /// When the reply is too long or cannot be unpacked, or nobody takes its pieces any more.
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
                pieces.send(piece).await.map_err(|_| CallFailure::Disconnected)?;
                continue;
            }
            if piece.len() > self.most.saturating_sub(self.read.gathered()) {
                return Err(too_long());
            }
            if self.unpacker.is_packed() {
                self.room.take(piece.len())?;
            }
            self.read.take(&piece);
        }
        Ok(())
    }

    /// The body, of which everything has come.
    ///
    /// # Errors
    /// When what was packed has not come to its end.
    pub(super) fn end(self) -> Result<Body, CallFailure> {
        self.unpacker.end().map_err(|error| packed(&error))?;
        Ok(if self.pieces.is_some() { Body::Streamed } else { Body::Whole(self.read.end()) })
    }
}

fn packed(error: &CannotUnpack) -> CallFailure {
    CallFailure::Payload(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_calls_gather_of_packed_replies_is_bounded_and_given_back() {
        let (mut one, mut other) = (Room::default(), Room::default());
        one.take(MOST_UNPACKED / 2).unwrap();
        assert!(other.take(MOST_UNPACKED / 2 + 1).is_err());
        drop(one);
        // What other tests gather meanwhile is far less than the rest.
        other.take(MOST_UNPACKED / 4 * 3).unwrap();
    }

    #[tokio::test]
    async fn what_comes_is_counted_as_well_as_what_it_unpacks_to() {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_ENCODING, http::HeaderValue::from_static("gzip"));
        let mut reading = Reading::new((StatusCode::OK, &headers), None, 0, 100).unwrap();
        // An empty member, and what is dropped behind it.
        let member = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        reading.take(Bytes::copy_from_slice(&member)).await.unwrap();
        reading.take(Bytes::from(vec![0; 80])).await.unwrap();
        let told = reading.take(Bytes::from_static(b"0")).await;
        assert!(matches!(&told, Err(CallFailure::Payload(words)) if words.contains("larger than 100")), "{told:?}");
    }
}
