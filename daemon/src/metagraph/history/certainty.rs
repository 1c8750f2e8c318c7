//! How far the history is known to be the chain's, which may have been taken back while nobody followed it.
//!
//! Whoever compares sets the mark; whoever reads takes it before and asks afterwards what of it has held
//! all the while: what he has read may have been compared away since.

use std::sync::{Mutex, MutexGuard, PoisonError};

use btd_api::BlockNumber;

/// How far, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Certainty {
    /// The first block from which on nothing is known; none when all is.
    first_doubted: Option<BlockNumber>,
    /// How often more was doubted than before.
    doubts: u64,
}

/// How far, now.
#[derive(Debug)]
pub(super) struct Mark(Mutex<Certainty>);

// === impl Certainty ===

impl Certainty {
    /// Nothing is known.
    const NONE: Self = Self { first_doubted: Some(BlockNumber(0)), doubts: 0 };

    /// Whether what is kept of `block` was known to be the chain's.
    pub(super) fn covers(self, block: BlockNumber) -> bool {
        self.first_doubted.is_none_or(|first| block < first)
    }
}

// === impl Mark ===

impl Default for Mark {
    fn default() -> Self {
        Self(Mutex::new(Certainty::NONE))
    }
}

impl Mark {
    /// Doubts what is kept from block `first` on; nothing of it, without one. Whether more is known than before.
    pub(super) fn set(&self, first: Option<BlockNumber>) -> bool {
        let mut now = self.lock();
        let is_more = now.first_doubted.is_some_and(|before| first.is_none_or(|first| first > before));
        if first.is_some_and(|first| now.covers(first)) {
            now.doubts = now.doubts.wrapping_add(1);
        }
        now.first_doubted = first;
        is_more
    }

    /// How far it is known now.
    pub(super) fn now(&self) -> Certainty {
        *self.lock()
    }

    /// What of `before` has held until now: nothing, if anything of it was doubted since, although it
    /// may have been compared again.
    pub(super) fn since(&self, before: Certainty) -> Certainty {
        if self.lock().doubts == before.doubts { before } else { Certainty::NONE }
    }

    fn lock(&self) -> MutexGuard<'_, Certainty> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_doubted_once_is_not_what_was_known_before() {
        let mark = Mark::default();
        let known = |certainty: Certainty| [0, 7, 8, u32::MAX].map(|block| certainty.covers(BlockNumber(block)));
        let nothing = mark.now();
        assert_eq!(known(nothing), [false; 4]);
        assert!(mark.set(Some(BlockNumber(8))) && !mark.set(Some(BlockNumber(8))), "more is known once");
        let some = mark.now();
        assert_eq!((known(some), known(mark.since(nothing))), ([true, true, false, false], [false; 4]));
        // To know more takes nothing from what was known.
        assert!(mark.set(None));
        let all = mark.now();
        assert_eq!((known(all), known(mark.since(some))), ([true; 4], known(some)));
        assert!(!mark.set(Some(BlockNumber(0))));
        mark.set(None);
        assert_eq!(
            (known(mark.now()), known(mark.since(all)), known(mark.since(some))),
            ([true; 4], [false; 4], [false; 4])
        );
    }
}
