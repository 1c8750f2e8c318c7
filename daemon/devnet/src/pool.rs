//! Extrinsics that wait for a block. Pure bookkeeping: what is valid and what time it is comes from outside.
//!
//! Every extrinsic provides tags and may require some (its account's previous nonce). It is *ready* when all it requires
//! is in the state or provided by a ready one, else *future*. Limits and refusals are those of a Substrate node.

mod ban;
mod entry;

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, HashMap, HashSet},
    sync::Arc,
    time::Instant,
};

use sp_core::H256;
use sp_runtime::transaction_validity::{
    InvalidTransaction, TransactionTag as Tag, TransactionValidityError, UnknownTransaction, ValidTransaction,
};

pub(crate) use self::entry::{Extrinsic, Malformed, Status, Watcher};
use self::{
    ban::Bans,
    entry::{Entry, Place},
};
use crate::config::PoolLimits;

/// Why the pool does not take an extrinsic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    Invalid(InvalidTransaction),
    Unknown(UnknownTransaction),
    Banned,
    AlreadyImported(H256),
    /// Another extrinsic of the same account and nonce waits; a replacement must have a higher priority.
    TooLowPriority {
        old: u64,
        new: u64,
    },
    ImmediatelyDropped,
    NoTags,
}

impl From<TransactionValidityError> for Refusal {
    fn from(error: TransactionValidityError) -> Self {
        match error {
            TransactionValidityError::Invalid(invalid) => Self::Invalid(invalid),
            TransactionValidityError::Unknown(unknown) => Self::Unknown(unknown),
        }
    }
}

/// What happened to an extrinsic that was offered to a block.
pub(crate) struct Outcome<'a> {
    pub(crate) block: H256,
    pub(crate) number: u32,
    pub(crate) included: &'a [H256],
    pub(crate) invalid: &'a [H256],
}

/// The pool.
pub(crate) struct Pool {
    limits: PoolLimits,
    entries: HashMap<H256, Entry>,
    /// Which ready extrinsic provides a tag.
    providers: HashMap<Tag, H256>,
    bans: Bans,
    next_arrival: u64,
}

impl Pool {
    pub(crate) fn new(limits: PoolLimits) -> Self {
        Self { bans: Bans::new(&limits), limits, entries: HashMap::new(), providers: HashMap::new(), next_arrival: 0 }
    }

    /// Whether validating this extrinsic is worth the trouble.
    pub(crate) fn admits(&self, hash: &H256, now: Instant) -> Result<(), Refusal> {
        if self.entries.contains_key(hash) {
            Err(Refusal::AlreadyImported(*hash))
        } else if self.bans.holds(hash, now) {
            Err(Refusal::Banned)
        } else {
            Ok(())
        }
    }

    /// Refuses this extrinsic without looking at it for some time.
    pub(crate) fn ban(&mut self, hash: H256, now: Instant) {
        self.bans.add(hash, now);
    }

    /// Takes an extrinsic that is valid on the state after block `at`.
    pub(crate) fn insert(
        &mut self,
        extrinsic: Extrinsic,
        valid: ValidTransaction,
        at: u32,
        watcher: Option<Watcher>,
        now: Instant,
    ) -> Result<(), Refusal> {
        let hash = extrinsic.hash;
        self.admits(&hash, now)?;
        if valid.provides.is_empty() {
            return Err(Refusal::NoTags);
        }
        let mut entry = Entry::new(extrinsic, valid, at, self.next_arrival, watcher);
        self.next_arrival += 1;
        let mut unsettled = false;
        if entry.valid.requires.iter().all(|tag| self.providers.contains_key(tag)) {
            unsettled = self.replace(&entry)? || self.waits_for_any(&entry.valid.provides);
            entry.set_place(Place::Ready);
            for tag in &entry.valid.provides {
                self.providers.insert(tag.clone(), hash);
            }
        } else {
            entry.set_place(Place::Future);
        }
        self.entries.insert(hash, entry);
        if unsettled {
            self.settle();
        }
        for dropped in self.enforce_limits() {
            self.bans.add(dropped, now);
        }
        if self.entries.contains_key(&hash) { Ok(()) } else { Err(Refusal::ImmediatelyDropped) }
    }

    fn waits_for_any(&self, tags: &[Tag]) -> bool {
        self.entries
            .values()
            .any(|entry| entry.place == Place::Future && entry.valid.requires.iter().any(|tag| tags.contains(tag)))
    }

    /// Makes room for `entry` where ready extrinsics provide the same tags, if its priority is above theirs. Says
    /// whether any had to go.
    fn replace(&mut self, entry: &Entry) -> Result<bool, Refusal> {
        let rivals: BTreeSet<H256> =
            entry.valid.provides.iter().filter_map(|tag| self.providers.get(tag)).copied().collect();
        if rivals.is_empty() {
            return Ok(false);
        }
        let old = rivals
            .iter()
            .filter_map(|hash| self.entries.get(hash))
            .fold(0_u64, |sum, rival| sum.saturating_add(rival.valid.priority));
        let new = entry.valid.priority;
        if new <= old {
            return Err(Refusal::TooLowPriority { old, new });
        }
        for rival in rivals {
            self.remove(&rival, &Status::Usurped(entry.extrinsic.hash));
        }
        Ok(true)
    }

    fn remove(&mut self, hash: &H256, status: &Status) -> Option<Entry> {
        let mut entry = self.entries.remove(hash)?;
        for tag in &entry.valid.provides {
            if self.providers.get(tag) == Some(hash) {
                self.providers.remove(tag);
            }
        }
        entry.tell(status);
        Some(entry)
    }

    /// Removes an extrinsic and all ready ones that build on it.
    fn remove_with_dependents(&mut self, hash: &H256, status: &Status) -> Vec<H256> {
        let mut gone = Vec::new();
        let mut next = vec![*hash];
        while let Some(hash) = next.pop() {
            let Some(entry) = self.remove(&hash, status) else { continue };
            gone.push(hash);
            next.extend(self.entries.iter().filter_map(|(other, candidate)| {
                let builds = candidate.place == Place::Ready
                    && candidate.valid.requires.iter().any(|tag| entry.valid.provides.contains(tag));
                builds.then_some(*other)
            }));
        }
        gone
    }

    /// Decides anew which extrinsics are ready. Ready ones keep their place before future ones, older before younger.
    fn settle(&mut self) {
        let mut missing: HashMap<H256, HashSet<Tag>> = HashMap::new();
        let mut waiters: HashMap<Tag, Vec<H256>> = HashMap::new();
        let mut queue = BinaryHeap::new();
        for (hash, entry) in &self.entries {
            if entry.valid.requires.is_empty() {
                queue.push(Reverse((entry.place, entry.arrival, *hash)));
            } else {
                missing.insert(*hash, entry.valid.requires.iter().cloned().collect());
                for tag in &entry.valid.requires {
                    waiters.entry(tag.clone()).or_default().push(*hash);
                }
            }
        }
        self.providers.clear();
        let mut ready = HashSet::new();
        let mut lost = Vec::new();
        while let Some(Reverse((_, _, hash))) = queue.pop() {
            let Some(entry) = self.entries.get(&hash) else { continue };
            if entry.valid.provides.iter().any(|tag| self.providers.contains_key(tag)) {
                lost.push(hash);
                continue;
            }
            ready.insert(hash);
            for tag in &entry.valid.provides {
                self.providers.insert(tag.clone(), hash);
                for waiter in waiters.remove(tag).unwrap_or_default() {
                    let Some(still) = missing.get_mut(&waiter) else { continue };
                    still.remove(tag);
                    if still.is_empty()
                        && let Some(entry) = self.entries.get(&waiter)
                    {
                        missing.remove(&waiter);
                        queue.push(Reverse((entry.place, entry.arrival, waiter)));
                    }
                }
            }
        }
        for hash in lost {
            self.remove(&hash, &Status::Invalid);
        }
        for (hash, entry) in &mut self.entries {
            entry.set_place(if ready.contains(hash) { Place::Ready } else { Place::Future });
        }
    }

    /// Drops the worst extrinsics while there are too many: lowest priority first, then youngest.
    fn enforce_limits(&mut self) -> Vec<H256> {
        let mut dropped = Vec::new();
        for (place, share) in [(Place::Ready, 1), (Place::Future, 10)] {
            loop {
                let mut count = 0;
                let mut bytes = 0;
                let mut worst: Option<&Entry> = None;
                for entry in self.entries.values().filter(|entry| entry.place == place) {
                    count += 1;
                    bytes += entry.extrinsic.bytes.len();
                    if worst.is_none_or(|worst| entry.rank() > worst.rank()) {
                        worst = Some(entry);
                    }
                }
                let within = count <= (self.limits.extrinsics / share).max(1) && bytes <= self.limits.bytes / share;
                let Some(worst) = worst.filter(|_| !within).map(|entry| entry.extrinsic.hash) else { break };
                dropped.extend(self.remove_with_dependents(&worst, &Status::Dropped));
            }
        }
        dropped
    }

    /// The extrinsics for the next block, in the order in which they may be applied: by priority, then by remaining
    /// life, then by arrival, but never before what they require.
    pub(crate) fn ready(&self) -> Vec<Arc<Extrinsic>> {
        let mut missing: HashMap<H256, usize> = HashMap::new();
        let mut waiters: HashMap<&Tag, Vec<H256>> = HashMap::new();
        let mut queue = BinaryHeap::new();
        for (hash, entry) in self.entries.iter().filter(|(_, entry)| entry.place == Place::Ready) {
            let required: Vec<&Tag> =
                entry.valid.requires.iter().filter(|tag| self.providers.contains_key(*tag)).collect();
            if required.is_empty() {
                queue.push(Reverse((entry.rank(), *hash)));
            } else {
                missing.insert(*hash, required.len());
                for tag in required {
                    waiters.entry(tag).or_default().push(*hash);
                }
            }
        }
        let mut order = Vec::new();
        while let Some(Reverse((_, hash))) = queue.pop() {
            let Some(entry) = self.entries.get(&hash) else { continue };
            order.push(entry.extrinsic.clone());
            for waiter in entry.valid.provides.iter().filter_map(|tag| waiters.remove(tag)).flatten() {
                let Some(count) = missing.get_mut(&waiter) else { continue };
                *count -= 1;
                if *count == 0
                    && let Some(entry) = self.entries.get(&waiter)
                {
                    queue.push(Reverse((entry.rank(), waiter)));
                }
            }
        }
        order
    }

    /// Whether any extrinsic could go into a block now.
    pub(crate) fn has_ready(&self) -> bool {
        self.entries.values().any(|entry| entry.place == Place::Ready)
    }

    /// Whether any extrinsic that could go into a block is sealed, and so may wait for a later one.
    pub(crate) fn has_sealed(&self) -> bool {
        self.entries.values().any(|entry| entry.place == Place::Ready && entry.extrinsic.sealed.is_some())
    }

    /// Whether a ready extrinsic provides this tag.
    pub(crate) fn provides(&self, tag: &[u8]) -> bool {
        self.providers.contains_key(tag)
    }

    /// Takes out what a block settled, and what has outlived its validity.
    pub(crate) fn block_made(&mut self, outcome: &Outcome<'_>, now: Instant) {
        let mut satisfied = HashSet::new();
        for hash in outcome.included {
            self.bans.add(*hash, now);
            if let Some(entry) = self.remove(hash, &Status::InBlock(outcome.block)) {
                entry.tell_finalized(outcome.block);
                satisfied.extend(entry.valid.provides);
            }
        }
        // What the block provided is in the state now.
        for entry in self.entries.values_mut() {
            entry.valid.requires.retain(|tag| !satisfied.contains(tag));
        }
        for hash in outcome.invalid {
            self.refuse(hash, now);
        }
        let expired: Vec<H256> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.valid_until <= u64::from(outcome.number))
            .map(|(hash, _)| *hash)
            .collect();
        for hash in expired {
            self.refuse(&hash, now);
        }
        self.bans.forget_past(now);
        self.settle();
    }

    /// Removes an extrinsic that is no longer valid, with all that build on it.
    fn refuse(&mut self, hash: &H256, now: Instant) {
        for gone in self.remove_with_dependents(hash, &Status::Invalid) {
            self.bans.add(gone, now);
        }
    }

    /// Removes one extrinsic at the operator's wish, without banning it.
    pub(crate) fn discard(&mut self, hash: &H256) -> Vec<H256> {
        let gone = self.remove_with_dependents(hash, &Status::Dropped);
        self.settle();
        gone
    }

    /// Removes everything, as for a chain that begins anew, and gives back what waited, oldest first.
    pub(crate) fn clear(&mut self) -> Vec<Arc<Extrinsic>> {
        let waiting = self.waiting();
        for extrinsic in &waiting {
            self.remove(&extrinsic.hash, &Status::Dropped);
        }
        self.bans = Bans::new(&self.limits);
        waiting
    }

    /// All extrinsics, oldest first.
    pub(crate) fn waiting(&self) -> Vec<Arc<Extrinsic>> {
        let mut entries: Vec<&Entry> = self.entries.values().collect();
        entries.sort_by_key(|entry| entry.arrival);
        entries.into_iter().map(|entry| entry.extrinsic.clone()).collect()
    }

    /// Up to `count` extrinsics whose validity was checked longest ago, before block `number`.
    pub(crate) fn stalest(&self, number: u32, count: usize) -> Vec<Arc<Extrinsic>> {
        let mut stale: Vec<_> = self.entries.values().filter(|entry| entry.checked < number).collect();
        stale.sort_by_key(|entry| (entry.checked, entry.arrival));
        stale.into_iter().take(count).map(|entry| entry.extrinsic.clone()).collect()
    }

    /// Takes note of validity on the state after block `number`.
    pub(crate) fn revalidated(
        &mut self,
        results: Vec<(H256, Result<ValidTransaction, Refusal>)>,
        number: u32,
        now: Instant,
    ) {
        for (hash, result) in results {
            match result {
                Ok(valid) => {
                    if let Some(entry) = self.entries.get_mut(&hash) {
                        entry.renew(valid, number);
                    }
                }
                Err(_) => self.refuse(&hash, now),
            }
        }
        self.settle();
    }
}

#[cfg(test)]
mod tests;
