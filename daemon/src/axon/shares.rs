//! How many of a thing there may be, in all and of one owner: requests by hotkey.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

/// Counts things by owner.
#[derive(Debug)]
pub(super) struct Shares<K> {
    max: usize,
    max_per_owner: usize,
    held: Mutex<Held<K>>,
}

#[derive(Debug)]
struct Held<K> {
    all: usize,
    by_owner: HashMap<K, usize>,
}

/// One owner's share, given back on drop.
#[derive(Debug)]
pub(super) struct Share<K: Eq + Hash> {
    shares: Arc<Shares<K>>,
    owner: K,
}

/// Why there is no share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoShare {
    /// There are too many in all.
    All,
    /// The owner has too many.
    Owner,
}

// === impl Shares ===

impl<K: Copy + Eq + Hash + fmt::Debug> Shares<K> {
    pub(super) fn new(max: usize, max_per_owner: usize) -> Arc<Self> {
        Arc::new(Self { max, max_per_owner, held: Mutex::new(Held { all: 0, by_owner: HashMap::new() }) })
    }

    /// A share for `owner`, if there is one.
    pub(super) fn enter(self: &Arc<Self>, owner: K) -> Result<Share<K>, NoShare> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.by_owner.get(&owner).is_some_and(|count| *count >= self.max_per_owner) {
            return Err(NoShare::Owner);
        }
        if held.all >= self.max {
            return Err(NoShare::All);
        }
        held.all += 1;
        *held.by_owner.entry(owner).or_default() += 1;
        Ok(Share { shares: Arc::clone(self), owner })
    }

    /// Shares that are held now.
    pub(super) fn held(&self) -> usize {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    /// Those of one owner.
    pub(super) fn held_by(&self, owner: &K) -> usize {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.by_owner.get(owner).copied().unwrap_or_default()
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self.shares.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.all = held.all.saturating_sub(1);
        if let Some(count) = held.by_owner.get_mut(&self.owner) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                held.by_owner.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn shares_are_bounded_and_given_back() {
        let shares = Shares::new(3, 2);
        let (a, b): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let (first, second) = (shares.enter(a).unwrap(), shares.enter(a).unwrap());
        assert_eq!(shares.enter(a).unwrap_err(), NoShare::Owner, "two of one owner");
        let third = shares.enter(b).unwrap();
        assert_eq!(shares.enter([10, 0, 0, 3].into()).unwrap_err(), NoShare::All, "three in all");
        drop(first);
        assert_eq!((shares.held(), shares.held_by(&a), shares.held_by(&b)), (2, 1, 1));
        let again = shares.enter(a).unwrap();
        drop((second, third, again));
        assert_eq!(shares.held(), 0);
        assert!(shares.held.lock().unwrap().by_owner.is_empty());
    }
}
