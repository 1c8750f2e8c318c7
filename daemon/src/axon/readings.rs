//! Bodies that are read though nobody has proven that they are worth it: those of senders who are yet to be proven,
//! and what is left of refused ones.
//!
//! Who sends slowly, or nothing at all, keeps nobody out: when there are too many in all, the one that
//! has been read for longest of the source that has most gives its place to the newcomer. An honest
//! body is there in a moment. So it is with memory, where that is bounded: when all of them take too much, one gives way
//! of the source whose bodies take most.

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
    max_bytes: usize,
    held: Mutex<AllHeld>,
}

/// What is held, and what it comes to: asked for each piece of each body, so that it is not counted anew.
#[derive(Debug, Default)]
struct AllHeld {
    /// By number: the oldest first.
    by_number: BTreeMap<u64, Held>,
    /// How many each source has.
    of_source: HashMap<IpAddr, usize>,
    bytes: usize,
}

#[derive(Debug)]
struct Held {
    source: IpAddr,
    bytes: usize,
    displaced: CancellationToken,
}

/// One body's place, given back on drop.
#[derive(Debug)]
pub(super) struct Reading {
    readings: Arc<Readings>,
    number: u64,
    bytes: usize,
    displaced: CancellationToken,
}

/// The source reads as many bodies as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

// === impl Readings ===

impl Readings {
    pub(super) fn new(max: usize, max_per_source: usize) -> Arc<Self> {
        Self::within(max, max_per_source, usize::MAX)
    }

    /// The same, whose bodies take no more than so much memory.
    pub(super) fn within(max: usize, max_per_source: usize, max_bytes: usize) -> Arc<Self> {
        Arc::new(Self { max, max_per_source, max_bytes, held: Mutex::default() })
    }

    /// A place for a body from `source`.
    pub(super) fn enter(self: &Arc<Self>, source: IpAddr) -> Result<Reading, TooMany> {
        let mut held = self.lock();
        if held.of_source.get(&source).is_some_and(|count| *count >= self.max_per_source) {
            return Err(TooMany);
        }
        if held.by_number.len() >= self.max {
            held.displace(|_| 1);
        }
        let displaced = CancellationToken::new();
        let number = held.add(Held { source, bytes: 0, displaced: displaced.clone() });
        drop(held);
        Ok(Reading { readings: Arc::clone(self), number, bytes: 0, displaced })
    }

    /// Bodies that are read now.
    pub(super) fn held(&self) -> usize {
        self.lock().by_number.len()
    }

    /// Memory that they take now, in bytes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, AllHeld> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl AllHeld ===

impl AllHeld {
    /// Adds one that takes nothing yet; its number.
    fn add(&mut self, one: Held) -> u64 {
        let number = self.by_number.last_key_value().map_or(0, |(last, _)| last.wrapping_add(1));
        *self.of_source.entry(one.source).or_default() += 1;
        self.by_number.insert(number, one);
        number
    }

    fn remove(&mut self, number: u64) -> Option<Held> {
        let gone = self.by_number.remove(&number)?;
        self.bytes = self.bytes.saturating_sub(gone.bytes);
        if let Some(count) = self.of_source.get_mut(&gone.source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.of_source.remove(&gone.source);
            }
        }
        Some(gone)
    }

    /// Displaces the oldest reading that has anything, of the source that has most; whether there is one.
    fn displace(&mut self, has: impl Fn(&Held) -> usize) -> bool {
        let mut by_source: HashMap<IpAddr, (usize, u64)> = HashMap::new();
        for (number, one) in self.by_number.iter().filter(|&(_, one)| has(one) > 0) {
            by_source.entry(one.source).or_insert((0, *number)).0 += has(one);
        }
        let most = by_source.into_values().max_by_key(|(all, oldest)| (*all, std::cmp::Reverse(*oldest)));
        let gone = most.and_then(|(_, oldest)| self.remove(oldest));
        gone.inspect(|gone| gone.displaced.cancel()).is_some()
    }
}

// === impl Reading ===

impl Reading {
    /// Memory that the body takes by now, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Has the body take so many bytes from now on. Where all of them then take too much, bodies give way until they do
    /// not: this one too, if it is of the source that takes most.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), TooMany> {
        // Of a long body most pieces come into pages that are counted already.
        if bytes != self.bytes {
            let mut held = self.readings.lock();
            // The number of one that was displaced may be another's.
            let own = if self.displaced.is_cancelled() { None } else { held.by_number.get_mut(&self.number) };
            own.ok_or(TooMany)?.bytes = bytes;
            held.bytes = held.bytes.saturating_sub(self.bytes).saturating_add(bytes);
            self.bytes = bytes;
            while held.bytes > self.readings.max_bytes && held.displace(|one| one.bytes) {}
        }
        if self.displaced.is_cancelled() { Err(TooMany) } else { Ok(()) }
    }

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
            held.remove(self.number);
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
        assert_eq!(readings.held(), 0);
        assert!(readings.lock().of_source.is_empty());
    }

    #[test]
    fn the_source_that_takes_most_memory_gives_way() {
        let readings = Readings::within(8, 8, 100);
        let mut greedy: Vec<_> = (0..3).map(|_| readings.enter(source(1)).unwrap()).collect();
        for one in &mut greedy[1..] {
            assert_eq!(one.take(40), Ok(()));
        }
        let mut modest = readings.enter(source(2)).unwrap();
        assert_eq!((modest.take(20), readings.bytes()), (Ok(()), 100));
        assert_eq!((modest.take(30), readings.bytes()), (Ok(()), 70));
        // The first takes nothing, so that to displace it would help nobody.
        let displaced: Vec<_> = greedy.iter().map(Reading::is_displaced).collect();
        assert_eq!(displaced, [false, true, false]);
        assert_eq!((greedy[0].take(30), greedy[2].take(41)), (Ok(()), Ok(())));
        assert_eq!((greedy[0].take(1), readings.bytes()), (Err(TooMany), 71), "it gave way");
        assert_eq!((modest.take(59), readings.bytes()), (Ok(()), 100));
        // Now it takes most, and is given nothing from then on.
        assert_eq!((modest.take(60), modest.take(1)), (Err(TooMany), Err(TooMany)));
        assert_eq!((readings.bytes(), greedy[2].bytes()), (41, 41));
        let counted = || readings.lock().by_number.values().map(|one| one.bytes).sum::<usize>();
        assert_eq!((greedy[2].take(7), readings.bytes(), counted()), (Ok(()), 7, 7));
        drop((greedy, modest));
        assert_eq!((readings.bytes(), readings.held()), (0, 0));
        assert!(readings.lock().of_source.is_empty());
    }

    #[test]
    fn many_sources_of_one_each_displace_the_oldest() {
        let readings = Readings::new(3, 3);
        let mut held: Vec<_> = (1..=3).map(|last| readings.enter(source(last)).unwrap()).collect();
        held.push(readings.enter(source(4)).unwrap());
        held.push(readings.enter(source(5)).unwrap());
        let displaced: Vec<_> = held.iter().map(|one| one.displaced().is_cancelled()).collect();
        assert_eq!(displaced, [true, true, false, false, false]);
        assert_eq!(readings.held(), 3);
        drop(held.split_off(2));
        assert!(readings.lock().of_source.is_empty(), "who was displaced counts no more");
    }
}
