//! The nonces already accepted, per hotkey. Unlike synapses, `btauth/1` takes nonces in any order,
//! each once; an entry is forgotten when the window refuses it by itself.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use btd_api::AccountId;

use super::{AuthError, nanos};
use crate::admission::Nanos;

/// Nonces of one hotkey remembered at most, within a window of 12 seconds.
const MAX_PER_HOTKEY: usize = 65_536;
/// Nonces of all hotkeys remembered at most.
const MAX: usize = 1_048_576;
/// Entries are swept when the window has moved this far.
const SWEEP_EVERY: Nanos = 1_000_000_000;

/// What one process remembers. Keep one for as long as the process runs.
#[derive(Debug)]
pub struct Seen {
    /// Nonces up to here may have been accepted before this memory began.
    fence: Nanos,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    nonces: HashMap<AccountId, BTreeSet<Nanos>>,
    /// How many, of all hotkeys.
    count: usize,
    /// Nonces up to here were forgotten, and stay refused should the clock step back.
    floor: Nanos,
}

// === impl Seen ===

impl Seen {
    /// A memory that begins at `start`, when senders' clocks may be `max_clock_skew` ahead.
    pub fn new(start: Nanos, max_clock_skew: Duration) -> Self {
        Self { fence: start.saturating_add(nanos(max_clock_skew)), held: Mutex::default() }
    }

    /// Nonces held, for reports.
    pub fn len(&self) -> usize {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).count
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn check(&self, hotkey: &AccountId, nonce: Nanos) -> Result<(), AuthError> {
        if nonce <= self.fence {
            return Err(AuthError::BeforeBoot);
        }
        self.held.lock().unwrap_or_else(PoisonError::into_inner).check(hotkey, nonce)
    }

    /// Checks again and records, in one step. Nonces below `horizon` are refused by the window.
    pub(super) fn record(&self, hotkey: AccountId, nonce: Nanos, horizon: Nanos) -> Result<(), AuthError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.check(&hotkey, nonce)?;
        if horizon >= held.floor + SWEEP_EVERY {
            held.floor = horizon - 1;
            let mut count = 0;
            held.nonces.retain(|_, nonces| {
                *nonces = nonces.split_off(&horizon);
                count += nonces.len();
                !nonces.is_empty()
            });
            held.count = count;
        }
        // Rather refused than forgotten.
        let of_hotkey = held.nonces.get(&hotkey).map_or(0, BTreeSet::len);
        if of_hotkey >= MAX_PER_HOTKEY || held.count >= MAX {
            return Err(AuthError::MemoryFull);
        }
        held.count += 1;
        held.nonces.entry(hotkey).or_default().insert(nonce);
        Ok(())
    }
}

// === impl Held ===

impl Held {
    fn check(&self, hotkey: &AccountId, nonce: Nanos) -> Result<(), AuthError> {
        let seen = self.nonces.get(hotkey).is_some_and(|nonces| nonces.contains(&nonce));
        if seen || nonce <= self.floor { Err(AuthError::Replayed) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    #[test]
    fn any_order_but_each_once_and_nothing_from_before() {
        let seen = Seen::new(100 * SECOND, Duration::from_secs(2));
        let key = AccountId([1; 32]);
        assert_eq!(seen.check(&key, 102 * SECOND), Err(AuthError::BeforeBoot));
        for nonce in [105, 103, 104] {
            seen.record(key, nonce * SECOND, 95 * SECOND).unwrap();
        }
        assert_eq!(seen.record(key, 103 * SECOND, 95 * SECOND), Err(AuthError::Replayed));
        // The window moves on: what it refuses is forgotten, and stays refused if the clock steps back.
        seen.record(key, 115 * SECOND, 105 * SECOND).unwrap();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen.check(&key, 103 * SECOND), Err(AuthError::Replayed));
    }
}
