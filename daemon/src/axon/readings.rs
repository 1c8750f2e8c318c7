//! Bodies that are read though nobody has proven that they are worth it: those of senders who are yet to be proven,
//! and what is left of refused ones.
//!
//! Who sends slowly, or nothing at all, keeps nobody out: when there are too many in all, the one that
//! has been read for longest of the source that has most gives its place to the newcomer. An honest
//! body is there in a moment.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

/// The readings of an axon.
#[derive(Debug)]
pub(super) struct Readings {
    max: usize,
    max_per_source: usize,
    /// By number: the oldest first.
    held: Mutex<BTreeMap<u64, Held>>,
}

#[derive(Debug)]
struct Held {
    source: IpAddr,
    displaced: CancellationToken,
}

/// One body's place, given back on drop.
#[derive(Debug)]
pub(super) struct Reading {
    readings: Arc<Readings>,
    number: u64,
    displaced: CancellationToken,
}

/// The source reads as many bodies as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

// === impl Readings ===

impl Readings {
    pub(super) fn new(max: usize, max_per_source: usize) -> Arc<Self> {
        Arc::new(Self { max, max_per_source, held: Mutex::default() })
    }

    /// A place for a body from `source`.
    pub(super) fn enter(self: &Arc<Self>, source: IpAddr) -> Result<Reading, TooMany> {
        let mut held = self.lock();
        if held.values().filter(|one| one.source == source).count() >= self.max_per_source {
            return Err(TooMany);
        }
        if held.len() >= self.max
            && let Some(gone) = displaceable(&held).and_then(|number| held.remove(&number))
        {
            gone.displaced.cancel();
        }
        let number = held.last_key_value().map_or(0, |(last, _)| last.wrapping_add(1));
        let displaced = CancellationToken::new();
        held.insert(number, Held { source, displaced: displaced.clone() });
        drop(held);
        Ok(Reading { readings: Arc::clone(self), number, displaced })
    }

    /// Bodies that are read now.
    pub(super) fn held(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The oldest reading of the source that has most.
fn displaceable(held: &BTreeMap<u64, Held>) -> Option<u64> {
    let mut by_source: HashMap<IpAddr, (usize, u64)> = HashMap::new();
    for (number, one) in held {
        by_source.entry(one.source).or_insert((0, *number)).0 += 1;
    }
    let most = by_source.into_values().max_by_key(|(count, oldest)| (*count, std::cmp::Reverse(*oldest)));
    most.map(|(_, oldest)| oldest)
}

// === impl Reading ===

impl Reading {
    /// Told when somebody else was given the place.
    pub(super) fn displaced(&self) -> CancellationToken {
        self.displaced.clone()
    }

    /// Whether somebody else was given the place.
    pub(super) fn is_displaced(&self) -> bool {
        self.displaced.is_cancelled()
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut held = self.readings.lock();
        // One that was displaced is not there any more, and its number may be another's.
        if !self.displaced.is_cancelled() {
            held.remove(&self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    #[test]
    fn a_source_has_no_more_than_its_own() {
        let readings = Readings::new(8, 2);
        let (first, _second) = (readings.enter(source(1)).unwrap(), readings.enter(source(1)).unwrap());
        assert_eq!(readings.enter(source(1)).unwrap_err(), TooMany);
        drop(first);
        let again = readings.enter(source(1)).unwrap();
        assert!(!again.displaced().is_cancelled());
    }

    #[test]
    fn the_oldest_of_the_greediest_gives_way() {
        let readings = Readings::new(4, 3);
        let greedy: Vec<_> = (0..3).map(|_| readings.enter(source(1)).unwrap()).collect();
        let modest = readings.enter(source(2)).unwrap();
        let newcomer = readings.enter(source(3)).unwrap();
        let displaced: Vec<_> = greedy.iter().map(|one| one.displaced().is_cancelled()).collect();
        assert_eq!(displaced, [true, false, false]);
        assert!(!modest.displaced().is_cancelled() && !newcomer.displaced().is_cancelled());
        drop((greedy, modest, newcomer));
        assert!(readings.lock().is_empty());
    }

    #[test]
    fn many_sources_of_one_each_displace_the_oldest() {
        let readings = Readings::new(3, 3);
        let mut held: Vec<_> = (1..=3).map(|last| readings.enter(source(last)).unwrap()).collect();
        held.push(readings.enter(source(4)).unwrap());
        held.push(readings.enter(source(5)).unwrap());
        let displaced: Vec<_> = held.iter().map(|one| one.displaced().is_cancelled()).collect();
        assert_eq!(displaced, [true, true, false, false, false]);
        assert_eq!(readings.lock().len(), 3);
    }
}
