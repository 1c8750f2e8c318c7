//! Bodies while they are read: of senders who are yet to be proven and what is left of refused ones, by source, and of
//! proven senders, by hotkey (see [`super::proven`]).
//!
//! Who sends slowly, or nothing at all, keeps nobody out: when there are too many in all, the one that
//! has been read for longest of the source that has most gives its place to the newcomer. An honest
//! body is there in a moment. So it is with memory, where that is bounded: when all of them take too much, one gives way
//! of the source whose bodies take most. Whom the bodies of proven senders give way to, and what for, is decided where
//! requests are counted: who asks for more must not have more already.

use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeMap, HashMap},
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

/// For so long a body is spared for the sake of who would then have as much as its sender.
const GRACE: Duration = Duration::from_secs(2);

/// The readings of an axon, by source. Each may keep something, which is given back when it gives way.
#[derive(Debug)]
pub(super) struct Readings<K = IpAddr, H = ()> {
    max: usize,
    max_per_source: usize,
    max_bytes: usize,
    held: Mutex<AllHeld<K, H>>,
}

/// What is held, and what it comes to: asked for each piece of each body, so that it is not counted anew.
#[derive(Debug)]
struct AllHeld<K, H> {
    /// By number: the oldest first.
    by_number: BTreeMap<u64, Held<K, H>>,
    /// How many each source has.
    of_source: HashMap<K, usize>,
    bytes: usize,
}

#[derive(Debug)]
struct Held<K, H> {
    source: K,
    bytes: usize,
    since: Instant,
    keeps: H,
    displaced: CancellationToken,
}

/// One body's place, given back on drop.
#[derive(Debug)]
pub(super) struct Reading<K: Copy + Eq + Hash = IpAddr, H = ()> {
    readings: Arc<Readings<K, H>>,
    number: u64,
    bytes: usize,
    displaced: CancellationToken,
}

/// The source reads as many bodies as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

// === impl Readings ===

impl<K: Copy + Eq + Hash> Readings<K> {
    pub(super) fn new(max: usize, max_per_source: usize) -> Arc<Self> {
        Self::within(max, max_per_source, usize::MAX)
    }

    /// The same, whose bodies take no more than so much memory.
    pub(super) fn within(max: usize, max_per_source: usize, max_bytes: usize) -> Arc<Self> {
        Arc::new(Self { max, max_per_source, max_bytes, held: Mutex::new(AllHeld::new()) })
    }

    /// A place for a body from `source`.
    pub(super) fn enter(self: &Arc<Self>, source: K) -> Result<Reading<K>, TooMany> {
        let mut held = self.lock();
        if held.of_source.get(&source).is_some_and(|count| *count >= self.max_per_source) {
            return Err(TooMany);
        }
        if held.by_number.len() >= self.max {
            held.displace(|_| 1);
        }
        let (number, displaced) = held.add(source, ());
        drop(held);
        Ok(Reading { readings: Arc::clone(self), number, bytes: 0, displaced })
    }
}

impl<K: Copy + Eq + Hash, H> Readings<K, H> {
    /// Without limits of their own: somebody else counts what they keep.
    pub(super) fn unlimited() -> Arc<Self> {
        let held = Mutex::new(AllHeld::new());
        Arc::new(Self { max: usize::MAX, max_per_source: usize::MAX, max_bytes: usize::MAX, held })
    }

    /// A place for a body from `source` that keeps something while it is read.
    pub(super) fn enter_with(self: &Arc<Self>, source: K, keeps: H) -> Reading<K, H> {
        let (number, displaced) = self.lock().add(source, keeps);
        Reading { readings: Arc::clone(self), number, bytes: 0, displaced }
    }

    /// Has the body that has been read for longest of the source that has most give way to a sender who would then have so
    /// many requests; whether one did.
    pub(super) fn give_place(&self, would_have: usize) -> bool {
        self.lock().displace_for(would_have, |_| 1)
    }

    /// The same of the source whose bodies take most memory, for a sender whose messages would then take so many bytes.
    pub(super) fn give_room(&self, would_take: usize) -> bool {
        self.lock().displace_for(would_take, |one| one.bytes)
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

    fn lock(&self) -> MutexGuard<'_, AllHeld<K, H>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl AllHeld ===

impl<K: Copy + Eq + Hash, H> AllHeld<K, H> {
    fn new() -> Self {
        Self { by_number: BTreeMap::new(), of_source: HashMap::new(), bytes: 0 }
    }

    /// Adds one that takes nothing yet: its number, and what tells it that it gave way.
    fn add(&mut self, source: K, keeps: H) -> (u64, CancellationToken) {
        let number = self.by_number.last_key_value().map_or(0, |(last, _)| last.wrapping_add(1));
        let displaced = CancellationToken::new();
        *self.of_source.entry(source).or_default() += 1;
        let one = Held { source, bytes: 0, since: Instant::now(), keeps, displaced: displaced.clone() };
        self.by_number.insert(number, one);
        (number, displaced)
    }

    /// Has one take so many bytes from now on.
    fn weigh(&mut self, number: u64, bytes: usize) {
        if let Some(one) = self.by_number.get_mut(&number) {
            self.bytes = self.bytes.saturating_sub(one.bytes).saturating_add(bytes);
            one.bytes = bytes;
        }
    }

    fn remove(&mut self, number: u64) -> Option<Held<K, H>> {
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

    /// How much the source has that has most, and which of its readings that have anything is the oldest.
    fn greediest(&self, has: impl Fn(&Held<K, H>) -> usize) -> Option<(usize, u64)> {
        let mut by_source: HashMap<K, (usize, u64)> = HashMap::new();
        for (number, one) in self.by_number.iter().filter(|&(_, one)| has(one) > 0) {
            by_source.entry(one.source).or_insert((0, *number)).0 += has(one);
        }
        by_source.into_values().max_by_key(|(all, oldest)| (*all, Reverse(*oldest)))
    }

    /// Displaces the oldest reading that has anything, of the source that has most; whether there is one.
    fn displace(&mut self, has: impl Fn(&Held<K, H>) -> usize) -> bool {
        let most = self.greediest(has);
        let gone = most.and_then(|(_, oldest)| self.remove(oldest));
        gone.inspect(|gone| gone.displaced.cancel()).is_some()
    }

    /// The same for the sake of a sender who would then have so much, and not more than the source that has most: where it
    /// is as much, a reading gives way only after a while.
    fn displace_for(&mut self, would_have: usize, has: impl Fn(&Held<K, H>) -> usize) -> bool {
        let Some((most, oldest)) = self.greediest(has) else { return false };
        let gives_way = match most.cmp(&would_have) {
            Ordering::Greater => true,
            Ordering::Equal => self.by_number.get(&oldest).is_some_and(|one| one.since.elapsed() >= GRACE),
            Ordering::Less => false,
        };
        let gone = if gives_way { self.remove(oldest) } else { None };
        gone.inspect(|gone| gone.displaced.cancel()).is_some()
    }
}

// === impl Reading ===

impl<K: Copy + Eq + Hash, H> Reading<K, H> {
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
            if self.displaced.is_cancelled() {
                return Err(TooMany);
            }
            held.weigh(self.number, bytes);
            self.bytes = bytes;
            while held.bytes > self.readings.max_bytes && held.displace(|one| one.bytes) {}
        }
        if self.displaced.is_cancelled() { Err(TooMany) } else { Ok(()) }
    }

    /// Has the body take so many bytes from now on, if what it keeps can `take` them. Nothing where it gave way.
    pub(super) fn take_of<E>(
        &mut self,
        bytes: usize,
        take: impl FnOnce(&mut H) -> Result<(), E>,
    ) -> Option<Result<(), E>> {
        let mut held = self.readings.lock();
        if self.displaced.is_cancelled() {
            return None;
        }
        let taken = take(&mut held.by_number.get_mut(&self.number)?.keeps);
        if taken.is_ok() {
            held.weigh(self.number, bytes);
            self.bytes = bytes;
        }
        Some(taken)
    }

    /// The body is there: what it kept, unless it gave way.
    pub(super) fn end(self) -> Option<H> {
        let mut held = self.readings.lock();
        if self.displaced.is_cancelled() {
            return None;
        }
        // Nothing is left to be removed on drop, when its number may be another's.
        self.displaced.cancel();
        held.remove(self.number).map(|one| one.keeps)
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

impl<K: Copy + Eq + Hash, H> Drop for Reading<K, H> {
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

    /// Has all that are there be read since then.
    fn set_since<H>(readings: &Readings<IpAddr, H>, since: Instant) {
        for one in readings.lock().by_number.values_mut() {
            one.since = since;
        }
    }

    /// Those since then are young, however long the test takes.
    fn in_an_hour() -> Instant {
        Instant::now() + Duration::from_hours(1)
    }

    #[test]
    fn the_oldest_of_who_has_more_than_one_would_gives_its_place() {
        let readings = Readings::unlimited();
        let kept = Arc::new(());
        let greedy: Vec<_> = (0..3).map(|_| readings.enter_with(source(1), Arc::clone(&kept))).collect();
        let modest = readings.enter_with(source(2), Arc::clone(&kept));
        set_since(&readings, in_an_hour());
        assert!(!readings.give_place(4), "who would have more has to do without");
        assert!(!readings.give_place(3), "they came just now");
        assert!(readings.give_place(2));
        let displaced: Vec<_> = greedy.iter().map(Reading::is_displaced).collect();
        assert_eq!((displaced, modest.is_displaced()), (vec![true, false, false], false));
        assert_eq!((readings.held(), Arc::strong_count(&kept)), (3, 4), "what it kept is given back at once");
        let mut greedy = greedy.into_iter();
        assert!(greedy.next().is_some_and(|gone| gone.end().is_none()));
        assert!(modest.end().is_some() && readings.held() == 2);
        let other = readings.enter_with(source(3), Arc::clone(&kept));
        drop(greedy);
        assert_eq!((readings.held(), other.is_displaced()), (1, false));
        drop(other);
        assert_eq!(Arc::strong_count(&kept), 1);
    }

    #[test]
    fn among_equals_one_gives_its_place_after_a_while() {
        let readings = Readings::unlimited();
        let held: Vec<_> = (1..=3).map(|last| readings.enter_with(source(last), ())).collect();
        set_since(&readings, in_an_hour());
        assert!(!readings.give_place(1));
        set_since(&readings, Instant::now().checked_sub(GRACE).unwrap());
        let young = readings.enter_with(source(4), ());
        assert!(!readings.give_place(2));
        assert!((0..3).all(|_| readings.give_place(1)));
        assert!(held.iter().all(Reading::is_displaced) && !young.is_displaced());
        set_since(&readings, in_an_hour());
        assert!(!readings.give_place(1), "the young one is spared");
    }

    #[test]
    fn who_takes_more_memory_than_one_would_gives_room() {
        let readings = Readings::unlimited();
        let mut greedy: Vec<_> = (0..2).map(|_| readings.enter_with(source(1), 0)).collect();
        let mut modest = readings.enter_with(source(2), 0);
        let take = |one: &mut Reading<IpAddr, usize>, bytes| {
            one.take_of(bytes, |kept| {
                *kept = bytes;
                if bytes > 60 { Err(TooMany) } else { Ok(()) }
            })
        };
        assert_eq!((take(&mut greedy[0], 30), take(&mut greedy[1], 40)), (Some(Ok(())), Some(Ok(()))));
        assert_eq!((take(&mut modest, 20), take(&mut modest, 61)), (Some(Ok(())), Some(Err(TooMany))));
        assert_eq!((modest.bytes(), readings.bytes()), (20, 90), "what is refused counts nothing");
        assert!(!readings.give_room(71) && readings.give_room(69));
        assert_eq!((take(&mut greedy[0], 1), readings.bytes()), (None, 60));
        assert!(!readings.give_room(41) && readings.give_room(39) && readings.give_room(19));
        assert_eq!((readings.bytes(), readings.give_room(0)), (0, false));
        assert!(modest.end().is_none());
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
