//! The nonces already seen, so that nothing passes twice.
//!
//! One number per hotkey and sender uuid, as in every peer: a nonce must exceed it. An entry is
//! forgotten once the freshness window has left it behind, because then the window refuses what
//! the entry would; so the store holds only what arrived within a window's length. It never
//! forgets an entry to make room: when full, it refuses.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use btd_api::AccountId;

use super::{Nanos, Refusal};
use crate::btauth::Seen;

/// Bounds of a [`Memory`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Pairs of hotkey and uuid in all.
    pub endpoints: usize,
    /// Uuids of one hotkey. Some callers make a new one for every request.
    pub per_hotkey: usize,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self { endpoints: 262_144, per_hotkey: 8_192 }
    }
}

/// What one process remembers of nonces. Keep one for as long as the process runs and hand it to
/// every axon of the hotkey: a new one cannot know what an earlier one let pass, and so refuses
/// everything older than its own start plus the clock skew that was allowed.
#[derive(Debug)]
pub struct Memory {
    limits: MemoryLimits,
    /// Nonces up to here may have passed before this memory began.
    fence: Nanos,
    store: Mutex<Store>,
    /// Nonces of requests that are signed as SDK 11 signs.
    signed: Seen,
}

#[derive(Debug, Default)]
struct Store {
    last: HashMap<AccountId, HashMap<Box<str>, Nanos>>,
    endpoints: usize,
    /// The newest horizon that entries were forgotten at. Should the clock step back behind it,
    /// nonces up to it stay refused.
    floor: Nanos,
    pruned_at: Nanos,
}

/// Entries are swept when the horizon has moved this far.
const SWEEP_EVERY: Nanos = 1_000_000_000;

// === impl Memory ===

impl Memory {
    /// A memory that begins at `start`. A sender's clock may have been `max_clock_skew` ahead, so
    /// the fence lies that much later.
    pub fn new(start: Nanos, max_clock_skew: Duration, limits: MemoryLimits) -> Self {
        let skew = Nanos::try_from(max_clock_skew.as_nanos()).unwrap_or(Nanos::MAX);
        let signed = Seen::new(start, max_clock_skew);
        Self { limits, fence: start.saturating_add(skew), store: Mutex::default(), signed }
    }

    /// What it remembers of requests that are signed as SDK 11 signs.
    pub(super) fn signed(&self) -> &Seen {
        &self.signed
    }

    /// Entries held, for reports.
    pub fn len(&self) -> usize {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).endpoints
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `nonce` could still be recorded. Changes nothing.
    pub(super) fn check(&self, hotkey: &AccountId, uuid: &str, nonce: Nanos) -> Result<(), Refusal> {
        if nonce <= self.fence {
            return Err(Refusal::BeforeBoot { behind: self.fence - nonce });
        }
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.check(hotkey, uuid, nonce)
    }

    /// Checks again and records, in one step. `horizon` is the newest nonce that the freshness
    /// window refuses by itself.
    pub(super) fn record(&self, hotkey: AccountId, uuid: &str, nonce: Nanos, horizon: Nanos) -> Result<(), Refusal> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.check(&hotkey, uuid, nonce)?;
        if horizon >= store.pruned_at + SWEEP_EVERY {
            store.forget(horizon);
        }
        let known = store.last.get(&hotkey).is_some_and(|uuids| uuids.contains_key(uuid));
        if !known {
            let of_hotkey = store.last.get(&hotkey).map_or(0, HashMap::len);
            if store.endpoints >= self.limits.endpoints || of_hotkey >= self.limits.per_hotkey {
                return Err(Refusal::MemoryFull);
            }
            store.endpoints += 1;
        }
        store.last.entry(hotkey).or_default().insert(uuid.into(), nonce);
        Ok(())
    }
}

// === impl Store ===

impl Store {
    fn check(&self, hotkey: &AccountId, uuid: &str, nonce: Nanos) -> Result<(), Refusal> {
        let last = self.last.get(hotkey).and_then(|uuids| uuids.get(uuid));
        if nonce <= self.floor || last.is_some_and(|last| nonce <= *last) {
            return Err(Refusal::Replayed);
        }
        Ok(())
    }

    fn forget(&mut self, horizon: Nanos) {
        self.pruned_at = horizon;
        let before = self.endpoints;
        let mut left = 0;
        self.last.retain(|_, uuids| {
            uuids.retain(|_, last| *last > horizon);
            left += uuids.len();
            !uuids.is_empty()
        });
        self.endpoints = left;
        if left < before {
            self.floor = self.floor.max(horizon);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;
    const START: Nanos = 1_800_000_000 * SECOND;
    const ALICE: AccountId = AccountId([1; 32]);

    fn memory(limits: MemoryLimits) -> Memory {
        Memory::new(START, Duration::from_secs(2), limits)
    }

    #[test]
    fn nothing_from_before_the_start_passes() {
        let memory = memory(MemoryLimits::default());
        assert_eq!(memory.check(&ALICE, "u", START + 2 * SECOND), Err(Refusal::BeforeBoot { behind: 0 }));
        assert_eq!(memory.check(&ALICE, "u", START + 2 * SECOND + 1), Ok(()));
    }

    #[test]
    fn of_two_equal_nonces_one_is_recorded() {
        let memory = memory(MemoryLimits::default());
        let nonce = START + 3 * SECOND;
        memory.check(&ALICE, "u", nonce).unwrap();
        memory.record(ALICE, "u", nonce, START).unwrap();
        assert_eq!(memory.record(ALICE, "u", nonce, START), Err(Refusal::Replayed));
        assert_eq!(memory.record(ALICE, "u", nonce - 1, START), Err(Refusal::Replayed));
        memory.record(ALICE, "v", nonce, START).unwrap();
        memory.record(AccountId([2; 32]), "u", nonce, START).unwrap();
    }

    #[test]
    fn the_store_forgets_what_the_window_covers_and_keeps_the_rest() {
        let memory = memory(MemoryLimits::default());
        for number in 0..1_000 {
            memory.record(ALICE, &number.to_string(), START + 3 * SECOND + number, START).unwrap();
        }
        assert_eq!(memory.len(), 1_000);
        let horizon = START + 3 * SECOND + 499;
        memory.record(ALICE, "new", START + 10 * SECOND, horizon).unwrap();
        assert_eq!(memory.len(), 501);
        // The clock steps back: what was forgotten is still refused.
        assert_eq!(memory.check(&ALICE, "0", START + 3 * SECOND), Err(Refusal::Replayed));
        assert_eq!(memory.check(&ALICE, "0", horizon + 1), Ok(()));
    }

    #[test]
    fn a_full_store_refuses_rather_than_forgets() {
        let memory = memory(MemoryLimits { endpoints: 4, per_hotkey: 2 });
        let nonce = START + 3 * SECOND;
        memory.record(ALICE, "a", nonce, START).unwrap();
        memory.record(ALICE, "b", nonce, START).unwrap();
        assert_eq!(memory.record(ALICE, "c", nonce, START), Err(Refusal::MemoryFull));
        memory.record(ALICE, "a", nonce + 1, START).unwrap();
        for number in [2, 3] {
            memory.record(AccountId([number; 32]), "a", nonce, START).unwrap();
        }
        assert_eq!(memory.record(AccountId([4; 32]), "a", nonce, START), Err(Refusal::MemoryFull));
        assert_eq!(memory.check(&ALICE, "b", nonce), Err(Refusal::Replayed));
        // When the window has moved on there is room again.
        memory.record(AccountId([4; 32]), "a", nonce + 20 * SECOND, nonce + 5 * SECOND).unwrap();
        assert_eq!(memory.len(), 1);
    }
}
