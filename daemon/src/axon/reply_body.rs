//! The body of a reply, as its transport writes it.
//!
//! A caller may take it slowly. Until it is written, a whole reply takes room with its message: as much as the request's
//! body, whose long texts may be its own, or as its own length, if that is more.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::handler::HandlerError;
use crate::room::{Charge, NoRoom};

/// Bytes of a streamed reply as they come.
pub(super) type Chunks = BoxStream<'static, Result<Bytes, HandlerError>>;

/// The body of a reply.
pub(super) enum ReplyBody {
    Whole(Bytes),
    /// Whole too, one behind the other.
    Parts(Vec<Bytes>),
    Stream(Chunks),
}

/// Bytes that hold what is charged for them for as long as they are there.
struct Charged {
    bytes: Bytes,
    _charge: Arc<Charge>,
}

/// The same bytes, which keep `charge` until they and all that is cut from them are gone.
pub(super) fn charged(bytes: Bytes, charge: &Arc<Charge>) -> Bytes {
    Bytes::from_owner(Charged { bytes, _charge: Arc::clone(charge) })
}

// === impl ReplyBody ===

impl ReplyBody {
    /// A whole reply to a message, whose body alone takes so much of its charge. What else was made of the body is gone.
    ///
    /// # Errors
    /// When there is no room for a reply that is longer than all that the message took.
    pub(super) fn of_parts(parts: Vec<Bytes>, (mut charge, body): (Charge, usize)) -> Result<Self, NoRoom> {
        let length = parts.iter().map(Bytes::len).sum();
        charge.take(body.max(length))?;
        let charge = Arc::new(charge);
        let mut parts: Vec<_> = parts.into_iter().map(|part| charged(part, &charge)).collect();
        Ok(match parts.pop() {
            Some(only) if parts.is_empty() => Self::Whole(only),
            last => {
                parts.extend(last);
                Self::Parts(parts)
            }
        })
    }
}

// === impl Charged ===

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use btd_api::AccountId;

    use super::*;
    use crate::room::Room;

    #[test]
    fn a_reply_keeps_its_charge_until_its_last_part_is_gone() {
        let room = Room::new(1_000);
        let reply = |parts: &[&'static [u8]], takes, body| {
            let mut charge = room.open(AccountId([1; 32]));
            charge.take(takes).unwrap();
            ReplyBody::of_parts(parts.iter().copied().map(Bytes::from_static).collect(), (charge, body))
        };
        let Ok(ReplyBody::Parts(mut parts)) = reply(&[&b"one"[..], b"two", b"three"], 200, 50) else {
            panic!("three parts")
        };
        assert_eq!((parts.concat(), room.taken()), (b"onetwothree".to_vec(), 50));
        let last = parts.pop();
        drop(parts);
        assert_eq!(room.taken(), 50, "a part is left");
        // One that is longer than its message.
        let Ok(ReplyBody::Whole(only)) = reply(&[&b"a long one"[..]], 7, 5) else { panic!("one part") };
        assert_eq!((&only[..], room.taken()), (&b"a long one"[..], 60));
        let long: &'static [u8] = &[b'x'; 500];
        assert!(matches!(reply(&[long], 7, 5), Err(NoRoom)), "beside others it has no more than its hotkey leaves");
        assert_eq!(room.taken(), 60);
        drop((last, only));
        assert_eq!(room.taken(), 0);
    }
}
