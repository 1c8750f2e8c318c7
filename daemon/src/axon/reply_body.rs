//! The body of a reply, as its transport writes it.
//!
//! A caller may take it slowly. Until it is written, a whole reply keeps the room that its message takes: its long texts
//! are those of the request's body, which stays for as long.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::handler::HandlerError;
use crate::room::Charge;

/// Bytes of a streamed reply as they come.
pub(super) type Chunks = BoxStream<'static, Result<Bytes, HandlerError>>;

/// The body of a reply.
pub(super) enum ReplyBody {
    Whole(Bytes),
    /// Whole too, one behind the other.
    Parts(Vec<Bytes>),
    Stream(Chunks),
}

/// A part of a reply, which holds what its message takes for as long as it is there.
struct Charged {
    part: Bytes,
    _charge: Arc<Charge>,
}

// === impl ReplyBody ===

impl ReplyBody {
    /// A whole reply to a message, whose body alone takes so much of its charge. What else was made of the body is gone.
    pub(super) fn of_parts(parts: Vec<Bytes>, (mut charge, body): (Charge, usize)) -> Self {
        let length = parts.iter().map(Bytes::len).sum();
        let left = body.saturating_add(length).min(charge.bytes());
        // To take less never fails.
        let _ = charge.take(left);
        let charge = Arc::new(charge);
        let charged = |part| Bytes::from_owner(Charged { part, _charge: Arc::clone(&charge) });
        let mut parts: Vec<_> = parts.into_iter().map(charged).collect();
        match parts.pop() {
            Some(only) if parts.is_empty() => Self::Whole(only),
            last => {
                parts.extend(last);
                Self::Parts(parts)
            }
        }
    }
}

// === impl Charged ===

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.part
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
        let ReplyBody::Parts(mut parts) = reply(&[&b"one"[..], b"two", b"three"], 200, 50) else {
            panic!("three parts")
        };
        assert_eq!((parts.concat(), room.taken()), (b"onetwothree".to_vec(), 61));
        let last = parts.pop();
        drop(parts);
        assert_eq!(room.taken(), 61, "a part is left");
        drop(last);
        assert_eq!(room.taken(), 0);
        // It takes no more than it took.
        let ReplyBody::Whole(only) = reply(&[&b"a long one"[..]], 12, 5) else { panic!("one part") };
        assert_eq!((&only[..], room.taken()), (&b"a long one"[..], 12));
        drop(only);
        assert_eq!(room.taken(), 0);
    }
}
