//! The body of a message, gathered into one piece as it comes.
//!
//! How long it is to be is stated by whoever sends it, and the statement alone takes no memory: pages are touched as
//! bytes arrive. A long one is gathered in huge pages, where the system has them for who asks
//! (`/sys/kernel/mm/transparent_hugepage/enabled`): a tensor of 16 MiB is 5,500 pages of 4 KiB, or a dozen, and each costs
//! a fault and is given back by itself. Measured, to copy it there takes 12.5 ms of a processor in small pages and 4 ms in
//! huge ones; of 1 MiB it is 0.56 and 0.16 ms. It moves there once its beginning has come, so that nobody has a huge page
//! taken for a few bytes: one that stops coming holds at most four times what came of it.

use bytes::{Bytes, BytesMut};
use memmap2::{Advice, MmapMut};

/// From this length on a body is long.
const LONG: usize = 1_024 * 1_024;
/// So much of a long one comes before it is moved: a quarter of a huge page.
const BEGINNING: usize = HUGE / 4;
/// A huge page. The system puts what is a multiple of it where it can have some, and nothing else.
const HUGE: usize = 2 * 1_024 * 1_024;

/// A body that is being gathered. How much of it is taken is its reader's to bound.
#[derive(Debug)]
pub(crate) struct Gathering {
    stated: usize,
    /// All of it, or the beginning of a long one.
    read: BytesMut,
    long: Option<Long>,
}

/// A long one, in memory of its own.
#[derive(Debug)]
struct Long {
    pages: MmapMut,
    filled: usize,
}

// === impl Gathering ===

impl Gathering {
    /// Of a body that is to be `stated` bytes long, or 0 where nothing is known of its length.
    pub(crate) fn new(stated: usize) -> Self {
        let room = if stated < LONG { stated } else { BEGINNING };
        Self { stated, read: BytesMut::with_capacity(room), long: None }
    }

    /// Bytes that have come.
    pub(crate) fn gathered(&self) -> usize {
        self.long.as_ref().map_or(self.read.len(), |long| long.filled)
    }

    /// Memory that they take, in bytes: of a long one whole pages.
    pub(crate) fn memory(&self) -> usize {
        self.long.as_ref().map_or(self.read.len(), |long| long.filled.next_multiple_of(HUGE))
    }

    /// Memory that they take at most once so many `more` have come.
    pub(crate) fn memory_with(&self, more: usize) -> usize {
        let bytes = self.gathered().saturating_add(more);
        let is_long = self.long.is_some() || self.stated >= LONG && bytes > BEGINNING;
        if is_long { bytes.checked_next_multiple_of(HUGE).unwrap_or(usize::MAX) } else { bytes }
    }

    /// Takes the next bytes.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        if self.stated >= LONG && self.read.len().saturating_add(bytes.len()) > BEGINNING {
            // Where the system has no such memory it stays where it is, as one that is not long.
            self.long = Long::of(self.stated, &self.read);
            self.stated = 0;
            if self.long.is_some() {
                self.read = BytesMut::new();
            }
        }
        if let Some(long) = &mut self.long {
            if long.take(bytes) {
                return;
            }
            // More than was stated.
            self.read = BytesMut::from(long.bytes());
            self.long = None;
        }
        self.read.extend_from_slice(bytes);
    }

    /// All that has come.
    pub(crate) fn end(self) -> Bytes {
        let Some(Long { pages, filled }) = self.long else { return self.read.freeze() };
        let mut whole = Bytes::from_owner(pages);
        whole.truncate(filled);
        whole
    }
}

/// Memory that a body of `length` bytes takes at most.
pub(crate) fn memory_of(length: usize) -> usize {
    if length < LONG { length } else { length.checked_next_multiple_of(HUGE).unwrap_or(usize::MAX) }
}

// === impl Long ===

impl Long {
    /// Room for `length` bytes, of which the first are there.
    fn of(length: usize, beginning: &[u8]) -> Option<Self> {
        let pages = MmapMut::map_anon(length.checked_next_multiple_of(HUGE)?).ok()?;
        // Where there are none, the usual ones serve.
        let _ = pages.advise(Advice::HugePage);
        let mut long = Self { pages, filled: 0 };
        long.take(beginning).then_some(long)
    }

    fn bytes(&self) -> &[u8] {
        self.pages.get(..self.filled).unwrap_or_default()
    }

    /// Whether there was room for them.
    fn take(&mut self, bytes: &[u8]) -> bool {
        let room = self.pages.get_mut(self.filled..).and_then(|rest| rest.get_mut(..bytes.len()));
        let Some(room) = room else { return false };
        room.copy_from_slice(bytes);
        self.filled += bytes.len();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(length: usize) -> Vec<u8> {
        (0..=u8::MAX).cycle().take(length).collect()
    }

    fn gathered(stated: usize, pieces: &[&[u8]]) -> (Bytes, bool) {
        let mut gathering = Gathering::new(stated);
        let mut so_far = 0;
        for piece in pieces {
            gathering.take(piece);
            so_far += piece.len();
            assert_eq!(gathering.gathered(), so_far);
            assert!((so_far..=memory_of(stated.max(so_far))).contains(&gathering.memory()));
        }
        let is_moved = gathering.long.is_some();
        (gathering.end(), is_moved)
    }

    #[test]
    fn what_comes_is_gathered_whatever_was_stated() {
        // As long as it says, a byte longer, shorter, much longer, and of a length that nobody knows.
        for length in [0, 1, BEGINNING, BEGINNING + 1, LONG - 1, LONG, LONG + 1, HUGE, 3 * HUGE] {
            let body = pattern(length);
            let pieces: Vec<_> = body.chunks(100_003).collect();
            for stated in [length, length.saturating_sub(1), length + 1, length / 3, 2 * length, 0] {
                assert!(gathered(stated, &pieces).0 == body, "{length} bytes, {stated} stated");
            }
            assert!(gathered(length, &[&body]).0 == body, "{length} bytes in one piece");
        }
    }

    #[test]
    fn only_a_long_one_moves_and_not_before_it_has_begun() {
        let body = pattern(2 * LONG);
        let is_moved = |stated: usize, came: usize| gathered(stated, &[&body[..came]]).1;
        assert!(is_moved(LONG, BEGINNING + 1) && is_moved(2 * LONG, 2 * LONG));
        assert!(!is_moved(2 * LONG, BEGINNING) && !is_moved(LONG - 1, LONG - 1) && !is_moved(0, 2 * LONG));
        assert_eq!(Long::of(HUGE + 1, b"x").unwrap().pages.len(), 2 * HUGE);
        // What is left of one that never came is what had come.
        assert_eq!(gathered(2 * LONG, &[&body[..BEGINNING + 9]]).0, body[..BEGINNING + 9]);
    }

    #[test]
    fn whoever_stops_sending_has_no_more_held_than_four_times_what_came() {
        let mut gathering = Gathering::new(8 * HUGE);
        for piece in pattern(3 * HUGE).chunks(1_000) {
            gathering.take(piece);
            let held = gathering.memory();
            assert!(held <= 4 * gathering.gathered(), "{held} bytes for {}", gathering.gathered());
        }
        assert!(gathering.long.is_some());
    }
}
