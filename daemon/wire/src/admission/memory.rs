//! The nonces already seen, so that nothing passes twice.
//!
//! Each passes once per hotkey and sender uuid, and of requests that come one after the other each
//! nonce must exceed the last, as in every peer. An entry is forgotten once the freshness window
//! has left it behind, because then the window refuses what the entry would; so the store holds
//! only what arrived within a window's length. It never forgets an entry to make room: when full,
//! it refuses.
//!
//! Requests of one sender that are here at the same time may overtake each other: connections are
//! read, bodies come in, and signatures are checked, in any order. Python's axon does one thing at a
//! time, in the order in which requests come in, and so never sees it. To decide alike, every nonce
//! that passes gets a running number, and every request has the [`Arrival`] at which its connection
//! was free to carry it. A higher nonce refuses a request only if it had passed by then; one that
//! passed later overtook it. This is safe: an equal nonce is refused in any case, so each passes
//! once, and of two requests that overlap neither came first for anybody to tell. It differs from
//! peers in this alone: where overlapping requests came in the wrong order, both pass.
//!
//! To tell them apart takes the latest 512 nonces of a uuid, within the window. Of older ones the
//! highest stays, as a floor. So the memory is bounded by the requests that pass within one window,
//! all of them by proven hotkeys and within their rates; and beyond [`MemoryLimits::nonces`] in all,
//! whoever asks keeps its latest nonce alone, which refuses every replay and only tells requests
//! that overtook each other no longer from late ones.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use btd_api::AccountId;

use super::{Nanos, Refusal};
use crate::btauth::Seen;

mod recent;

pub use recent::Arrival;
use recent::{Left, Recent};

/// Bounds of a [`Memory`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Pairs of hotkey and uuid in all.
    pub endpoints: usize,
    /// Uuids of one hotkey. Some callers make a new one for every request.
    pub per_hotkey: usize,
    /// Nonces that are told apart, in all; each pair keeps its latest beyond that.
    pub nonces: usize,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self { endpoints: 262_144, per_hotkey: 8_192, nonces: 1_048_576 }
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
    recent: HashMap<AccountId, HashMap<Box<str>, Recent>>,
    endpoints: usize,
    /// Nonces held, of all pairs.
    nonces: usize,
    /// How many requests have passed: the running number of the last.
    passed: u64,
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

    /// Now, for a request whose connection can carry it from now on.
    pub(super) fn arrival(&self) -> Arrival {
        Arrival(self.store.lock().unwrap_or_else(PoisonError::into_inner).passed)
    }

    /// Whether `nonce` could pass for the request that came at `arrival`. Changes nothing.
    pub(super) fn check(&self, hotkey: &AccountId, uuid: &str, nonce: Nanos, arrival: Arrival) -> Result<(), Refusal> {
        if nonce <= self.fence {
            return Err(Refusal::BeforeBoot { behind: self.fence - nonce });
        }
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.check(hotkey, uuid, nonce, arrival)
    }

    /// Checks again and records, in one step. `horizon` is the newest nonce that the freshness window
    /// refuses by itself.
    pub(super) fn record(
        &self,
        (hotkey, uuid): (AccountId, &str),
        nonce: Nanos,
        arrival: Arrival,
        horizon: Nanos,
    ) -> Result<(), Refusal> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.check(&hotkey, uuid, nonce, arrival)?;
        if horizon >= store.pruned_at + SWEEP_EVERY {
            store.forget(horizon);
        }
        let known = store.recent.get(&hotkey).is_some_and(|uuids| uuids.contains_key(uuid));
        if !known {
            let of_hotkey = store.recent.get(&hotkey).map_or(0, HashMap::len);
            if store.endpoints >= self.limits.endpoints || of_hotkey >= self.limits.per_hotkey {
                return Err(Refusal::MemoryFull);
            }
            store.endpoints += 1;
        }
        store.passed += 1;
        let number = store.passed;
        let most = if store.nonces < self.limits.nonces { recent::TOLD_APART } else { 1 };
        let recent = store.recent.entry(hotkey).or_default().entry(uuid.into()).or_default();
        let before = recent.len();
        recent.push(number, nonce, most);
        let after = recent.len();
        store.nonces = store.nonces.saturating_sub(before).saturating_add(after);
        Ok(())
    }
}

// === impl Store ===

impl Store {
    fn check(&self, hotkey: &AccountId, uuid: &str, nonce: Nanos, arrival: Arrival) -> Result<(), Refusal> {
        if nonce <= self.floor {
            return Err(Refusal::Replayed);
        }
        let recent = self.recent.get(hotkey).and_then(|uuids| uuids.get(uuid));
        recent.map_or(Ok(()), |recent| recent.check(nonce, arrival))
    }

    fn forget(&mut self, horizon: Nanos) {
        self.pruned_at = horizon;
        let before = self.endpoints;
        let (mut left, mut nonces) = (0, 0);
        self.recent.retain(|_, uuids| {
            uuids.retain(|_, recent| recent.forget(horizon) == Left::Something);
            left += uuids.len();
            nonces += uuids.values().map(Recent::len).sum::<usize>();
            !uuids.is_empty()
        });
        (self.endpoints, self.nonces) = (left, nonces);
        if left < before {
            self.floor = self.floor.max(horizon);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Nanos = 1_000_000_000;
    const START: Nanos = 1_800_000_000 * SECOND;
    const ALICE: AccountId = AccountId([1; 32]);

    fn memory(limits: MemoryLimits) -> Memory {
        Memory::new(START, Duration::from_secs(2), limits)
    }

    /// A request that comes now, and when that is.
    fn check(memory: &Memory, hotkey: &AccountId, uuid: &str, nonce: Nanos) -> Result<Arrival, Refusal> {
        let arrival = memory.arrival();
        memory.check(hotkey, uuid, nonce, arrival).map(|()| arrival)
    }

    /// A request that comes when everything before is over.
    fn pass(memory: &Memory, (hotkey, uuid): (AccountId, &str), nonce: Nanos, horizon: Nanos) -> Result<(), Refusal> {
        let arrival = check(memory, &hotkey, uuid, nonce)?;
        memory.record((hotkey, uuid), nonce, arrival, horizon)
    }

    #[test]
    fn nothing_from_before_the_start_passes() {
        let memory = memory(MemoryLimits::default());
        assert_eq!(check(&memory, &ALICE, "u", START + 2 * SECOND), Err(Refusal::BeforeBoot { behind: 0 }));
        assert_eq!(check(&memory, &ALICE, "u", START + 2 * SECOND + 1), Ok(Arrival(0)));
    }

    #[test]
    fn of_two_equal_nonces_one_is_recorded() {
        let memory = memory(MemoryLimits::default());
        let nonce = START + 3 * SECOND;
        check(&memory, &ALICE, "u", nonce).unwrap();
        pass(&memory, (ALICE, "u"), nonce, START).unwrap();
        assert_eq!(pass(&memory, (ALICE, "u"), nonce, START), Err(Refusal::Replayed));
        assert_eq!(pass(&memory, (ALICE, "u"), nonce - 1, START), Err(Refusal::Replayed));
        pass(&memory, (ALICE, "v"), nonce, START).unwrap();
        pass(&memory, (AccountId([2; 32]), "u"), nonce, START).unwrap();
    }

    #[test]
    fn the_store_forgets_what_the_window_covers_and_keeps_the_rest() {
        let memory = memory(MemoryLimits::default());
        for number in 0..1_000 {
            pass(&memory, (ALICE, &number.to_string()), START + 3 * SECOND + number, START).unwrap();
        }
        assert_eq!(memory.len(), 1_000);
        let horizon = START + 3 * SECOND + 499;
        pass(&memory, (ALICE, "new"), START + 10 * SECOND, horizon).unwrap();
        assert_eq!(memory.len(), 501);
        // The clock steps back: what was forgotten is still refused.
        assert_eq!(check(&memory, &ALICE, "0", START + 3 * SECOND), Err(Refusal::Replayed));
        assert_eq!(check(&memory, &ALICE, "0", horizon + 1), Ok(Arrival(1_001)));
    }

    #[test]
    fn a_full_store_refuses_rather_than_forgets() {
        let memory = memory(MemoryLimits { endpoints: 4, per_hotkey: 2, ..MemoryLimits::default() });
        let nonce = START + 3 * SECOND;
        pass(&memory, (ALICE, "a"), nonce, START).unwrap();
        pass(&memory, (ALICE, "b"), nonce, START).unwrap();
        assert_eq!(pass(&memory, (ALICE, "c"), nonce, START), Err(Refusal::MemoryFull));
        pass(&memory, (ALICE, "a"), nonce + 1, START).unwrap();
        for number in [2, 3] {
            pass(&memory, (AccountId([number; 32]), "a"), nonce, START).unwrap();
        }
        assert_eq!(pass(&memory, (AccountId([4; 32]), "a"), nonce, START), Err(Refusal::MemoryFull));
        assert_eq!(check(&memory, &ALICE, "b", nonce), Err(Refusal::Replayed));
        // When the window has moved on there is room again.
        pass(&memory, (AccountId([4; 32]), "a"), nonce + 20 * SECOND, nonce + 5 * SECOND).unwrap();
        assert_eq!(memory.len(), 1);
    }

    #[test]
    fn a_request_may_be_overtaken_by_one_that_was_here_at_the_same_time() {
        let memory = memory(MemoryLimits::default());
        let nonce = START + 3 * SECOND;
        let slow = check(&memory, &ALICE, "u", nonce).unwrap();
        pass(&memory, (ALICE, "u"), nonce + 2, START).unwrap();
        pass(&memory, (ALICE, "u"), nonce + 3, START).unwrap();
        // What comes only now has a higher one before it, as in every peer.
        assert_eq!(check(&memory, &ALICE, "u", nonce + 1), Err(Refusal::Replayed));
        memory.record((ALICE, "u"), nonce, slow, START).unwrap();
        assert_eq!(memory.record((ALICE, "u"), nonce, slow, START), Err(Refusal::Replayed));
        // The slow one was the last to pass, yet it is not the highest.
        assert_eq!(check(&memory, &ALICE, "u", nonce + 3), Err(Refusal::Replayed));
        assert_eq!(check(&memory, &ALICE, "u", nonce + 4), Ok(Arrival(3)));
    }

    #[test]
    fn of_two_equal_requests_at_the_same_time_one_passes_even_when_the_first_is_forgotten() {
        let memory = memory(MemoryLimits::default());
        let nonce = START + 3 * SECOND;
        let (first, second) =
            (check(&memory, &ALICE, "u", nonce).unwrap(), check(&memory, &ALICE, "u", nonce).unwrap());
        memory.record((ALICE, "u"), nonce, first, START).unwrap();
        pass(&memory, (ALICE, "u"), nonce + 30 * SECOND, nonce + 10 * SECOND).unwrap();
        assert_eq!(memory.record((ALICE, "u"), nonce, second, START), Err(Refusal::Replayed));
        pass(&memory, (ALICE, "v"), nonce + 60 * SECOND, nonce + 40 * SECOND).unwrap();
        assert_eq!(memory.len(), 1);
        assert_eq!(memory.record((ALICE, "u"), nonce, second, START), Err(Refusal::Replayed));
    }

    #[test]
    fn of_more_than_are_told_apart_the_highest_stays() {
        let memory = memory(MemoryLimits::default());
        let nonce = START + 3 * SECOND;
        let slow = [0, 1, 600].map(|late| (late, check(&memory, &ALICE, "u", nonce + 2 * late).unwrap()));
        for number in 0..=Nanos::try_from(recent::TOLD_APART).unwrap() {
            pass(&memory, (ALICE, "u"), nonce + 2 * number + 1, START).unwrap();
        }
        let store = memory.store.lock().unwrap();
        assert_eq!(store.recent[&ALICE]["u"].len(), recent::TOLD_APART);
        drop(store);
        let passed = slow.map(|(late, arrival)| memory.record((ALICE, "u"), nonce + 2 * late, arrival, START));
        assert_eq!(passed, [Err(Refusal::Replayed), Ok(()), Ok(())]);
    }

    /// One step of several requests that are here at the same time.
    #[derive(Debug, Clone)]
    enum Step {
        Arrives(u8),
        /// The waiting request at this place, modulo their number, goes on.
        Passes(usize),
        /// The clock goes on by this many seconds.
        Later(u8),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0_u8..12).prop_map(Step::Arrives),
            4 => (0_usize..8).prop_map(Step::Passes),
            1 => (1_u8..6).prop_map(Step::Later),
        ];
        proptest::collection::vec(step, 1..120)
    }

    /// One request among those of several hotkeys and uuids, and what had passed when it came.
    #[derive(Debug, Clone)]
    enum Crowded {
        Arrives { hotkey: u8, uuid: u8, number: u8 },
        Passes(usize),
        Later(u8),
    }

    fn crowd() -> impl Strategy<Value = Vec<Crowded>> {
        let step = prop_oneof![
            5 => (0_u8..3, 0_u8..4, 0_u8..12).prop_map(|(hotkey, uuid, number)| Crowded::Arrives { hotkey, uuid, number }),
            5 => (0_usize..8).prop_map(Crowded::Passes),
            1 => (1_u8..6).prop_map(Crowded::Later),
        ];
        proptest::collection::vec(step, 1..200)
    }

    proptest! {
        /// However many ask, and whatever was forgotten to make room.
        #[test]
        fn a_crowd_stays_within_the_bounds_and_nothing_passes_twice(steps in crowd()) {
            let limits = MemoryLimits { endpoints: 6, per_hotkey: 3, nonces: 5 };
            let memory = memory(limits);
            let (mut now, mut waiting, mut passed) = (START + 10 * SECOND, Vec::new(), Vec::new());
            for step in steps {
                match step {
                    Crowded::Later(seconds) => now += Nanos::from(seconds) * SECOND,
                    Crowded::Arrives { hotkey, uuid, number } => {
                        let request = (AccountId([hotkey; 32]), uuid.to_string(), now + Nanos::from(number));
                        let arrived = check(&memory, &request.0, &request.1, request.2);
                        waiting.extend(arrived.map(|arrival| (request, arrival)));
                    }
                    Crowded::Passes(_) if waiting.is_empty() => {}
                    Crowded::Passes(place) => {
                        let (request, arrival) = waiting.remove(place % waiting.len());
                        let sender = (request.0, request.1.as_str());
                        if memory.record(sender, request.2, arrival, now - 4 * SECOND).is_ok() {
                            prop_assert!(!passed.contains(&request), "{:?} passed twice", request);
                            passed.push(request);
                        }
                    }
                }
                let store = memory.store.lock().unwrap();
                let held = || store.recent.values().flat_map(HashMap::values);
                prop_assert_eq!((store.endpoints, store.nonces), (held().count(), held().map(Recent::len).sum()));
                prop_assert!(store.endpoints <= limits.endpoints);
                prop_assert!(store.nonces <= limits.nonces + store.endpoints);
                prop_assert!(store.recent.values().all(|uuids| uuids.len() <= limits.per_hotkey));
            }
            for (hotkey, uuid, nonce) in &passed {
                prop_assert!(check(&memory, hotkey, uuid, *nonce).is_err(), "{} passes again", nonce);
            }
        }

        /// Against the rule itself, over all that ever passed.
        #[test]
        fn no_nonce_passes_twice_and_only_what_overlaps_passes_out_of_order(steps in steps()) {
            let memory = memory(MemoryLimits::default());
            let (mut now, mut waiting, mut passed) = (START + 10 * SECOND, Vec::new(), Vec::new());
            for step in steps {
                match step {
                    Step::Later(seconds) => now += Nanos::from(seconds) * SECOND,
                    Step::Arrives(number) => {
                        let nonce = START + 4 * SECOND + Nanos::from(number) * SECOND;
                        let arrived = check(&memory, &ALICE, "u", nonce);
                        if nonce > now - 4 * SECOND {
                            prop_assert_eq!(arrived.is_ok(), passed.iter().all(|passed| *passed < nonce));
                        }
                        waiting.extend(arrived.map(|arrival| (nonce, arrival, passed.len())));
                    }
                    Step::Passes(_) if waiting.is_empty() => {}
                    Step::Passes(place) => {
                        let (nonce, arrival, before) = waiting.remove(place % waiting.len());
                        let recorded = memory.record((ALICE, "u"), nonce, arrival, now - 4 * SECOND);
                        let (earlier, later) = passed.split_at(before);
                        let may = !later.contains(&nonce) && earlier.iter().all(|passed| *passed < nonce);
                        if nonce > now - 4 * SECOND {
                            prop_assert_eq!(recorded.is_ok(), may);
                        }
                        if recorded.is_ok() {
                            prop_assert!(may, "{} passes again or late", nonce);
                            passed.push(nonce);
                        }
                    }
                }
            }
        }
    }
}
