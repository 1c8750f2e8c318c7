//! Memory for the replies of all dendrites, from the first byte until whoever asked has been handed the reply.
//!
//! It is shared as the axon shares its own ([`crate::room`]): no axon takes more than it leaves to the others, so that one
//! which sends much keeps nobody out, and short replies have room of their own. A reply whose length is stated takes room for
//! all of it before it is read, another one as it comes. One for which there is no room is not read on for a while,
//! which slows its axon down; but not for long, for of two that hold half of what they need neither would ever go on.

use std::{sync::Arc, time::Duration};

use btd_api::AccountId;
use btd_wire::outgoing::CallFailure;
use bytes::Bytes;
use tokio::{
    sync::{Notify, Semaphore},
    time::timeout,
};

use super::{Config, Pieces};
use crate::room::{Charge, Room};

/// A reply waits no longer than this for room. Its call may end earlier.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Replies that wait for room at once, at most.
const MOST_WAITING: usize = 512;

/// The room for replies. Clones share it.
#[derive(Clone, Debug)]
pub struct ReplyRoom(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    room: Arc<Room>,
    most: usize,
    /// Told whenever something is given back.
    freed: Notify,
    /// Places to wait in.
    waiting: Semaphore,
    longest_wait: Duration,
}

/// What one reply takes of the room, given back on drop.
#[derive(Debug)]
pub struct Held {
    charge: Charge,
    shared: Arc<Shared>,
}

/// Where a reply goes: to the room for replies, as one of this hotkey, and if it is streamed, to whoever takes the pieces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taker<'a> {
    pub(super) pieces: Option<&'a Pieces>,
    pub(super) room: &'a ReplyRoom,
    pub(super) hotkey: AccountId,
}

/// A piece of a streamed reply, which holds what it takes for as long as it is there.
struct Piece {
    bytes: Bytes,
    _held: Held,
}

// === impl ReplyRoom ===

impl ReplyRoom {
    /// Of so many bytes as the settings say, of which nothing is taken yet.
    pub fn new(config: &Config) -> Self {
        Self::waiting(config.max_replies_bytes, LONGEST_WAIT)
    }

    fn waiting(most: usize, longest_wait: Duration) -> Self {
        Self(Arc::new(Shared {
            room: Room::new(most),
            most,
            freed: Notify::new(),
            waiting: Semaphore::new(MOST_WAITING),
            longest_wait,
        }))
    }

    /// For a reply of `hotkey`, of which nothing is there yet.
    pub(super) fn open(&self, hotkey: AccountId) -> Held {
        Held { charge: self.0.room.open(hotkey), shared: Arc::clone(&self.0) }
    }

    /// Bytes that are taken now.
    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.0.room.taken()
    }
}

// === impl Held ===

impl Held {
    /// Has the reply take `bytes` from now on. Waits where there is no room for more.
    ///
    /// # Errors
    /// When there was no room for too long, or too many wait already; the reply keeps what it took.
    pub async fn take(&mut self, bytes: usize) -> Result<(), CallFailure> {
        let before = self.charge.bytes();
        if self.charge.take(bytes).is_ok() {
            if bytes < before {
                self.shared.freed.notify_waiters();
            }
            return Ok(());
        }
        let Self { charge, shared } = self;
        let most = shared.most;
        let Ok(_place) = shared.waiting.try_acquire() else {
            return Err(CallFailure::NoRoom(format!(
                "{MOST_WAITING} replies wait for room already, and all take {most} bytes together at the most \
                 (dendrite.max_replies_bytes): ask fewer axons at once, or raise it"
            )));
        };
        let waiting = async {
            loop {
                // Made before the look, so that nothing is missed that is given back behind it.
                let freed = shared.freed.notified();
                if charge.take(bytes).is_ok() {
                    return;
                }
                freed.await;
            }
        };
        timeout(shared.longest_wait, waiting).await.map_err(|_| {
            CallFailure::NoRoom(format!(
                "all replies together take {most} bytes at the most (dendrite.max_replies_bytes), and no room for this one \
                 came free within {:?}: ask fewer axons at once, take their replies sooner, or raise it",
                shared.longest_wait
            ))
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // To take less never fails.
        let _ = self.charge.take(0);
        self.shared.freed.notify_waiters();
    }
}

// === impl Taker ===

impl Taker<'_> {
    /// For a reply of which nothing is there yet.
    pub(super) fn open(&self) -> Held {
        self.room.open(self.hotkey)
    }
}

// === impl Piece ===

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The same bytes, which give back what is held for them when the last of them is dropped.
pub(super) fn held_by(bytes: Bytes, held: Held) -> Bytes {
    Bytes::from_owner(Piece { bytes, _held: held })
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, poll};

    use super::*;

    const FOREVER: Duration = Duration::from_hours(1);

    fn hotkey(number: u8) -> AccountId {
        AccountId([number; 32])
    }

    #[tokio::test]
    async fn a_reply_waits_until_room_is_given_back() {
        let room = ReplyRoom::waiting(100_000, FOREVER);
        let (mut first, mut second) = (room.open(hotkey(1)), room.open(hotkey(2)));
        first.take(90_000).await.unwrap();
        {
            let mut waiting = second.take(50_000).boxed();
            assert!(poll!(&mut waiting).is_pending());
            // A little less is not enough yet.
            first.take(80_000).await.unwrap();
            assert!(poll!(&mut waiting).is_pending());
            drop(first);
            waiting.await.unwrap();
        }
        assert_eq!((second.charge.bytes(), room.taken()), (50_000, 50_000));
        // Bytes hold their room, and so does each part of them.
        let whole = held_by(Bytes::from_static(b"one two"), second);
        let part = whole.slice(..3);
        drop(whole);
        assert_eq!((&part[..], room.taken()), (&b"one"[..], 50_000));
        drop(part);
        assert_eq!(room.taken(), 0);
    }

    #[tokio::test]
    async fn two_that_wait_for_each_other_do_not_wait_for_ever() {
        let room = ReplyRoom::waiting(100_000, Duration::from_millis(10));
        let (mut first, mut second) = (room.open(hotkey(1)), room.open(hotkey(2)));
        first.take(50_000).await.unwrap();
        second.take(25_000).await.unwrap();
        for held in [&mut first, &mut second] {
            let before = held.charge.bytes();
            let failure = held.take(90_000).await.unwrap_err();
            assert_eq!(failure.status(), 507);
            assert!(failure.to_string().contains("dendrite.max_replies_bytes"), "{failure}");
            assert_eq!(held.charge.bytes(), before, "what is refused takes nothing");
        }
        drop((first, second));
        assert_eq!(room.taken(), 0);
    }

    #[tokio::test]
    async fn no_more_wait_than_may() {
        let room = ReplyRoom::waiting(100_000, FOREVER);
        let (mut first, mut late) = (room.open(hotkey(1)), room.open(hotkey(2)));
        first.take(100_000).await.unwrap();
        let waiting: Vec<_> = (0..MOST_WAITING).map(|_| room.open(hotkey(3))).collect();
        let mut waiting: Vec<_> =
            waiting.into_iter().map(|mut held| async move { held.take(90_000).await }.boxed()).collect();
        for one in &mut waiting {
            assert!(poll!(one).is_pending());
        }
        let refused = late.take(90_000).now_or_never().expect("refused at once").unwrap_err();
        assert!(refused.to_string().contains("wait for room already"), "{refused}");
        drop(waiting);
        drop(first);
        late.take(90_000).await.unwrap();
    }
}
