//! Memory for what hotkeys send: in all, and of one hotkey. An axon has one for the messages of verified requests, from the
//! first byte of a body until its answer is written; the dendrites share one for replies.
//!
//! How much a message takes is its reader's to say. No hotkey takes more than it leaves to the others: who sends long
//! messages slowly keeps nobody out, and who is alone has half of the room, or a single message as long as may be. That one
//! may take more than there is; short messages, such as pings, have room of their own beside it, of 8 MiB as a rule, which
//! is shared in the same way.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use btd_api::AccountId;

/// A short message takes no more than this: a ping some 5 KiB, most of it for what is said of its two ends.
const SHORT: usize = 8 * 1_024;
/// There is room beside the other messages for so many of them, which is what an axon has in flight by default: 8 MiB, or
/// as much as for the others if that is less. They are counted apart up to that, as far as their hotkey leaves as much to
/// the others, and like others beyond.
const SHORT_FILL: usize = 1_024;

/// The room of an axon, or of the dendrites.
#[derive(Debug)]
pub(crate) struct Room {
    max: usize,
    /// A message that takes no more than this is a short one.
    short: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: Bytes,
    by_owner: HashMap<AccountId, Bytes>,
}

/// What messages take, by where it is counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Bytes {
    among: usize,
    /// By short messages that are not among the others.
    apart: usize,
}

/// What one message takes of it, with all that is made of the message.
#[derive(Debug)]
struct Message {
    room: Arc<Room>,
    owner: AccountId,
    bytes: usize,
    is_apart: bool,
}

/// What a message takes of it, or something that is made of the message, given back on drop.
#[derive(Debug)]
pub(crate) struct Charge {
    message: Arc<Mutex<Message>>,
    bytes: usize,
}

/// The message takes more than there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom;

// === impl Room ===

impl Room {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, short: SHORT.min(max / SHORT_FILL), taken: Mutex::default() })
    }

    /// For a message of `owner`, of which nothing is there yet.
    pub(crate) fn open(self: &Arc<Self>, owner: AccountId) -> Charge {
        let message = Message { room: Arc::clone(self), owner, bytes: 0, is_apart: true };
        Charge { message: Arc::new(Mutex::new(message)), bytes: 0 }
    }

    /// Bytes that the messages of one hotkey take now.
    pub(crate) fn taken_by(&self, owner: &AccountId) -> usize {
        let taken = self.lock().by_owner.get(owner).copied().unwrap_or_default();
        taken.among.saturating_add(taken.apart)
    }

    /// Bytes that are taken now.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        let all = self.lock().all;
        all.among + all.apart
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Bytes ===

impl Bytes {
    const fn of(bytes: usize, is_apart: bool) -> Self {
        if is_apart { Self { among: 0, apart: bytes } } else { Self { among: bytes, apart: 0 } }
    }

    const fn with(self, other: Self) -> Self {
        Self { among: self.among.saturating_add(other.among), apart: self.apart.saturating_add(other.apart) }
    }

    const fn without(self, other: Self) -> Self {
        Self { among: self.among.saturating_sub(other.among), apart: self.apart.saturating_sub(other.apart) }
    }
}

// === impl Message ===

impl Message {
    /// Has the message take `bytes` from now on, if there is room for them; else it keeps what it took.
    fn take(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let mut taken = self.room.lock();
        let until_now = Bytes::of(self.bytes, self.is_apart);
        let others = taken.all.without(until_now);
        let of_owner = taken.by_owner.get(&self.owner).copied().unwrap_or_default().without(until_now);
        let counted = |is_apart| {
            let bytes = Bytes::of(bytes, is_apart);
            (others.with(bytes), of_owner.with(bytes))
        };
        let (all, own) = counted(true);
        let is_apart =
            bytes <= self.room.short && own.apart <= (self.room.short * SHORT_FILL).saturating_sub(all.apart);
        let (all, of_owner) = counted(is_apart);
        // A message that is here alone is bounded by its own limits.
        let asks = !is_apart && bytes > self.bytes && others.among > 0;
        if asks && of_owner.among > self.room.max.saturating_sub(all.among) {
            return Err(NoRoom);
        }
        taken.all = all;
        if of_owner == Bytes::default() {
            taken.by_owner.remove(&self.owner);
        } else {
            taken.by_owner.insert(self.owner, of_owner);
        }
        drop(taken);
        (self.bytes, self.is_apart) = (bytes, is_apart);
        Ok(())
    }
}

// === impl Charge ===

impl Charge {
    /// What it takes by now.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// For something else that is made of the same message, of which nothing is there yet.
    pub(crate) fn beside(&self) -> Self {
        Self { message: Arc::clone(&self.message), bytes: 0 }
    }

    /// Has it take `bytes` from now on, if there is room for them; else it keeps what it took.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), NoRoom> {
        // Of a long body most pieces come into pages that are counted already.
        if bytes == self.bytes {
            return Ok(());
        }
        let mut message = self.message.lock().unwrap_or_else(PoisonError::into_inner);
        let all = message.bytes.saturating_sub(self.bytes).saturating_add(bytes);
        message.take(all)?;
        drop(message);
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        // To take less never fails.
        let _ = self.take(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hotkey(number: u8) -> AccountId {
        AccountId([number; 32])
    }

    #[test]
    fn a_hotkey_takes_no_more_than_it_leaves() {
        let room = Room::new(100);
        let mut first = room.open(hotkey(1));
        assert_eq!(first.take(30), Ok(()));
        let mut second = room.open(hotkey(1));
        assert_eq!((second.take(20), second.take(21)), (Ok(()), Err(NoRoom)), "half of it is the first hotkey's");
        assert_eq!((room.taken(), second.bytes()), (50, 20), "what is refused takes nothing");
        assert_eq!((room.taken_by(&hotkey(1)), room.taken_by(&hotkey(2))), (50, 0));
        let mut other = room.open(hotkey(2));
        assert_eq!((other.take(25), other.take(26)), (Ok(()), Err(NoRoom)), "half of what is left");
        assert_eq!(room.open(hotkey(3)).take(12), Ok(()));
        drop(first);
        assert_eq!(other.take(40), Ok(()));
        assert_eq!(second.take(0), Ok(()));
        drop((second, other));
        assert_eq!(room.taken(), 0);
        assert!(room.lock().by_owner.is_empty());
    }

    #[test]
    fn a_message_that_is_alone_finds_room_whatever_it_takes() {
        let room = Room::new(100);
        let mut alone = room.open(hotkey(1));
        assert_eq!(alone.take(1_000), Ok(()));
        assert_eq!(room.open(hotkey(2)).take(1), Err(NoRoom));
        assert_eq!(room.open(hotkey(2)).take(0), Ok(()));
        assert_eq!((alone.take(10), room.open(hotkey(2)).take(40)), (Ok(()), Ok(())));
    }

    #[test]
    fn what_is_made_of_a_message_counts_with_it() {
        let room = Room::new(100);
        let mut message = room.open(hotkey(1));
        assert_eq!(message.take(60), Ok(()));
        let mut text = message.beside();
        assert_eq!(text.take(60), Ok(()), "as the message alone would");
        let mut other = room.open(hotkey(2));
        assert_eq!((other.take(1), room.taken()), (Err(NoRoom), 120));
        drop(message);
        assert_eq!((room.taken(), text.bytes()), (60, 60), "the text is still there");
        assert_eq!((other.take(20), text.take(61)), (Ok(()), Err(NoRoom)));
        drop((text, other));
        assert_eq!(room.taken(), 0);
        assert!(room.lock().by_owner.is_empty());
    }

    #[test]
    fn a_short_message_finds_room_whatever_is_taken() {
        for (max, short) in [(1_000 * SHORT_FILL, 1_000), (10_000 * SHORT_FILL, SHORT)] {
            let room = Room::new(max);
            let (mut alone, mut other) = (room.open(hotkey(1)), room.open(hotkey(2)));
            assert_eq!(alone.take(max), Ok(()));
            assert_eq!((other.take(short), other.take(short + 1)), (Ok(()), Err(NoRoom)));
            assert_eq!(room.open(hotkey(1)).take(short), Ok(()));
            drop(alone);
            assert_eq!((other.bytes(), other.take(short + 1)), (short, Ok(())));
        }
    }

    #[test]
    fn short_messages_of_one_hotkey_leave_room_to_the_others_however_many_they_are() {
        let room = Room::new(10 * SHORT_FILL);
        let mut short: Vec<Charge> = (0..4 * SHORT_FILL).map(|_| room.open(hotkey(1))).collect();
        let found = short.iter_mut().flat_map(|charge| charge.take(10)).count();
        assert_eq!(found, SHORT_FILL, "half of the room for short ones, and half of that for all");
        let mut long = room.open(hotkey(2));
        assert_eq!(long.take(5 * SHORT_FILL / 2), Ok(()));
        let mut others: Vec<Charge> = (0..SHORT_FILL / 4).map(|_| room.open(hotkey(2))).collect();
        assert_eq!(others.iter_mut().flat_map(|charge| charge.take(10)).count(), others.len(), "beside its long one");
        assert_eq!(room.open(hotkey(3)).take(10), Ok(()), "and a third has room");
        drop((short, others, long));
        assert_eq!(room.taken(), 0);
        assert!(room.lock().by_owner.is_empty());
    }
}
