//! The nonces of one sender's uuid that passed, in the order in which they passed.

use std::collections::VecDeque;

use super::{Nanos, Refusal};

/// How many nonces of one uuid are told apart. Older ones leave their highest as the floor.
pub(super) const TOLD_APART: usize = 512;

/// When a request came: how many had passed by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival(pub(super) u64);

/// What passed lately under one uuid.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// Nonces up to here are refused, whenever their requests arrived.
    floor: Nanos,
    /// The highest that passed.
    highest: Nanos,
    /// Nonces above the floor, each with its running number, in the order of the numbers.
    passed: VecDeque<(u64, Nanos)>,
}

// === impl Recent ===

impl Recent {
    /// Whether the request with `nonce` that arrived then may pass.
    pub(super) fn check(&self, nonce: Nanos, Arrival(arrival): Arrival) -> Result<(), Refusal> {
        // What one sender usually does: nothing that passed has to be looked through.
        if nonce > self.highest {
            return Ok(());
        }
        let repeated = |(number, passed): &(u64, Nanos)| nonce == *passed || (nonce < *passed && *number <= arrival);
        if nonce <= self.floor || self.passed.iter().any(repeated) { Err(Refusal::Replayed) } else { Ok(()) }
    }

    /// Remembers `nonce` as the one with this running number, and keeps `most` in all, the latest.
    pub(super) fn push(&mut self, number: u64, nonce: Nanos, most: usize) {
        let most = most.clamp(1, TOLD_APART);
        let surplus = (self.passed.len() + 1).saturating_sub(most);
        for (_, oldest) in self.passed.drain(..surplus) {
            self.floor = self.floor.max(oldest);
        }
        if surplus > 1 {
            self.passed.shrink_to(most);
        }
        self.passed.push_back((number, nonce));
        self.highest = self.highest.max(nonce);
    }

    /// Forgets what `horizon` covers. What is left is the answer: whether that is anything.
    pub(super) fn forget(&mut self, horizon: Nanos) -> Left {
        let floor = self.passed.iter().map(|(_, nonce)| *nonce).filter(|nonce| *nonce <= horizon).max();
        self.floor = floor.map_or(self.floor, |floor| self.floor.max(floor));
        let floor = self.floor;
        self.passed.retain(|(_, nonce)| *nonce > floor);
        // What a busy moment took is given back, or the room held would not be bounded by the nonces held.
        self.passed.shrink_to(2 * self.passed.len());
        if self.passed.is_empty() && floor <= horizon { Left::Nothing } else { Left::Something }
    }

    /// Nonces held.
    pub(super) fn len(&self) -> usize {
        self.passed.len()
    }
}

/// Whether anything is remembered that the horizon does not cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    Something,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_of_a_busy_moment_is_given_back() {
        let mut recent = Recent::default();
        let most = u64::try_from(TOLD_APART).unwrap();
        for number in 1..=most {
            recent.push(number, number.into(), TOLD_APART);
        }
        assert!(recent.passed.capacity() >= TOLD_APART);
        // One request stays within the window, window after window.
        assert_eq!(recent.forget(Nanos::from(most) - 1), Left::Something);
        assert_eq!(recent.len(), 1);
        assert!(recent.passed.capacity() <= 4, "room for {}", recent.passed.capacity());
        // What is left is told apart as before.
        assert_eq!(recent.check(most.into(), Arrival(0)), Err(Refusal::Replayed));
        assert_eq!(recent.check(Nanos::from(most) + 1, Arrival(0)), Ok(()));
        assert_eq!(recent.forget(most.into()), Left::Nothing);
        assert_eq!(recent.passed.capacity(), 0);
    }
}
