//! Connections, which give way to each other.
//!
//! A connection without a request in flight does nothing for its caller yet, or any more: when there are as many as there
//! may be, the one that has been idle for longest, of the source that has most, gives its place to the newcomer: if there is
//! one, of those over which no admitted request came. Where all of these are young, so that their first request may be on
//! its way, an older one gives way whose caller was admitted, but for half of the places, which no flood of strangers takes
//! from those. So idle ones, and those that never send a whole head, keep nobody out, however many sources they come from.
//! One with a request in flight stays. A source that has all that one may have gets no more: it would only push itself out.
//! [`super::readings`] does the same for bodies.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

/// The connections of an axon.
#[derive(Debug)]
pub(super) struct Connections {
    max: usize,
    max_per_source: usize,
    held: Mutex<AllHeld>,
}

#[derive(Debug, Default)]
struct AllHeld {
    all: usize,
    by_source: HashMap<IpAddr, OfSource>,
    /// The sources that have an idle one. One of the last gives way first.
    ranked: BTreeMap<Rank, IpAddr>,
    /// Idle ones of strangers.
    strangers: usize,
    /// Counts how often one became idle, which says which did earlier.
    moment: u64,
}

/// The standing of an idle one, and the moment since when it is idle.
type Key = (Standing, u64);

/// The standing of what a source has to give way first, how many it has, and since when that one is idle.
type Rank = (Reverse<Standing>, usize, Reverse<u64>);

/// What is known of whoever is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// No request of theirs was admitted over it, or only such as the handler's own rules turned away.
    Stranger,
    /// One was admitted.
    Admitted,
}

#[derive(Debug, Default)]
struct OfSource {
    count: usize,
    /// Those without a request in flight, by their standing and the moment since when: the first gives way first.
    idle: BTreeMap<Key, Idle>,
}

#[derive(Debug)]
struct Idle {
    since: Instant,
    left: CancellationToken,
}

/// One connection's place, given back on drop.
#[derive(Debug)]
pub(super) struct Place(Arc<Connection>);

/// The requests of one connection.
#[derive(Debug)]
pub(super) struct Requests(Arc<Connection>);

/// One request of a connection, in flight until drop.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Connection>);

#[derive(Debug)]
struct Connection {
    connections: Arc<Connections>,
    source: IpAddr,
    /// Locked before `connections`, where both are.
    state: Mutex<State>,
    /// It has given its place to another, or back.
    left: CancellationToken,
}

#[derive(Debug)]
struct State {
    in_flight: usize,
    standing: Standing,
    idle_since: u64,
}

/// After so long without a request a connection is not young any more: longer than a request takes from its caller, which
/// may have opened the connection for it, to here.
const YOUNG: Duration = Duration::from_secs(1);
/// An older one is looked for among so many sources of either standing, those that have most first.
const LOOKED_AT: usize = 64;

/// There is no place for another connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

// === impl Connections ===

impl Connections {
    pub(super) fn new(max: usize, max_per_source: usize) -> Arc<Self> {
        Arc::new(Self { max, max_per_source, held: Mutex::default() })
    }

    /// A place for a connection from `source`, on which no request is in flight yet.
    pub(super) fn enter(self: &Arc<Self>, source: IpAddr) -> Result<Place, TooMany> {
        let mut held = self.lock();
        if held.by_source.get(&source).is_some_and(|of_source| of_source.count >= self.max_per_source) {
            return Err(TooMany);
        }
        if held.all >= self.max && !held.displace() {
            return Err(TooMany);
        }
        let (idle_since, left) = (held.next_moment(), CancellationToken::new());
        held.all += 1;
        held.change(source, |of_source| of_source.count += 1);
        held.rest(source, (Standing::Stranger, idle_since), &left);
        drop(held);
        let state = Mutex::new(State { in_flight: 0, standing: Standing::Stranger, idle_since });
        Ok(Place(Arc::new(Connection { connections: Arc::clone(self), source, state, left })))
    }

    /// Connections that have a place now.
    pub(super) fn held(&self) -> usize {
        self.lock().all
    }

    /// Those without a request in flight.
    #[cfg(test)]
    pub(super) fn idle(&self) -> usize {
        self.lock().by_source.values().map(|of_source| of_source.idle.len()).sum()
    }

    /// Whether a newcomer has a place only where another gives way.
    pub(super) fn is_full(&self) -> bool {
        self.held() >= self.max
    }

    fn lock(&self) -> MutexGuard<'_, AllHeld> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl AllHeld ===

impl AllHeld {
    fn next_moment(&mut self) -> u64 {
        self.moment = self.moment.wrapping_add(1);
        self.moment
    }

    /// Changes what a source has, and its rank with it.
    fn change<T>(&mut self, source: IpAddr, change: impl FnOnce(&mut OfSource) -> T) -> T {
        let of_source = self.by_source.entry(source).or_default();
        if let Some(rank) = of_source.rank() {
            self.ranked.remove(&rank);
        }
        let changed = change(of_source);
        if let Some(rank) = of_source.rank() {
            self.ranked.insert(rank, source);
        }
        if of_source.count == 0 {
            self.by_source.remove(&source);
        }
        changed
    }

    /// A connection is idle from now on.
    fn rest(&mut self, source: IpAddr, key: Key, left: &CancellationToken) {
        self.change(source, |of_source| of_source.idle.insert(key, Idle::new(left)));
        self.strangers += usize::from(key.0 == Standing::Stranger);
    }

    /// It is idle no more, if it was.
    fn stir(&mut self, source: IpAddr, key: Key) {
        if self.change(source, |of_source| of_source.idle.remove(&key)).is_some() {
            self.strangers = self.strangers.saturating_sub(usize::from(key.0 == Standing::Stranger));
        }
    }

    /// Has a connection give way; whether there is one that may.
    fn displace(&mut self) -> bool {
        const STRANGERS: Rank = (Reverse(Standing::Stranger), 0, Reverse(u64::MAX));
        let now = Instant::now();
        let is_old = |(_, source): &(&Rank, &IpAddr)| self.by_source.get(source).is_some_and(|of| of.is_old(now));
        let strangers = self.ranked.range(STRANGERS..).rev().take(LOOKED_AT);
        let is_theirs = self.strangers.saturating_mul(2) < self.all;
        let admitted = self.ranked.range(..STRANGERS).rev().take(if is_theirs { LOOKED_AT } else { 0 });
        let found = strangers.chain(admitted).find(is_old).or_else(|| self.ranked.last_key_value());
        let Some(source) = found.map(|(_, source)| *source) else { return false };
        let gone = self.change(source, |of_source| {
            let gone = of_source.idle.pop_first();
            if gone.is_some() {
                of_source.count = of_source.count.saturating_sub(1);
            }
            gone
        });
        let Some((key, gone)) = gone else { return false };
        self.all = self.all.saturating_sub(1);
        self.strangers = self.strangers.saturating_sub(usize::from(key.0 == Standing::Stranger));
        gone.left.cancel();
        true
    }
}

// === impl OfSource ===

impl OfSource {
    fn rank(&self) -> Option<Rank> {
        let ((standing, since), _) = self.idle.first_key_value()?;
        Some((Reverse(*standing), self.count, Reverse(*since)))
    }

    /// Whether the one that gives way first is not young any more.
    fn is_old(&self, now: Instant) -> bool {
        self.idle.first_key_value().is_some_and(|(_, idle)| now.saturating_duration_since(idle.since) >= YOUNG)
    }
}

// === impl Idle ===

impl Idle {
    fn new(left: &CancellationToken) -> Self {
        Self { since: Instant::now(), left: left.clone() }
    }
}

// === impl Place ===

impl Place {
    /// What counts the requests of this connection. It does not hold the place.
    pub(super) fn requests(&self) -> Requests {
        Requests(Arc::clone(&self.0))
    }

    /// Completes when somebody else was given the place.
    pub(super) async fn gave_way(&self) {
        self.0.left.cancelled().await;
    }

    /// Whether somebody else was given the place.
    pub(super) fn is_displaced(&self) -> bool {
        self.0.left.is_cancelled()
    }

    /// Whether a request is in flight.
    pub(super) fn is_busy(&self) -> bool {
        self.0.state().in_flight > 0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Connection { connections, source, left, .. } = &*self.0;
        let state = self.0.state();
        let mut held = connections.lock();
        if !left.is_cancelled() {
            held.all = held.all.saturating_sub(1);
            held.stir(*source, state.key());
            held.change(*source, |of_source| of_source.count = of_source.count.saturating_sub(1));
            left.cancel();
        }
    }
}

// === impl Requests ===

impl Requests {
    /// Completes when their connection has no place any more.
    pub(super) async fn gave_way(&self) {
        self.0.left.cancelled().await;
    }

    /// A request is in flight from now on: its head is there.
    pub(super) fn begin(&self) -> InFlight {
        let Connection { connections, source, .. } = &*self.0;
        let mut state = self.0.state();
        if state.in_flight == 0 {
            // One that has left is not there, and no other is idle since the same moment.
            connections.lock().stir(*source, state.key());
        }
        state.in_flight += 1;
        InFlight(Arc::clone(&self.0))
    }
}

// === impl InFlight ===

impl InFlight {
    /// The request was admitted, or it was not.
    pub(super) fn judged(&self, standing: Standing) {
        let mut state = self.0.state();
        state.standing = state.standing.max(standing);
    }
}

// === impl State ===

impl State {
    /// That of an idle one among its source's.
    fn key(&self) -> Key {
        (self.standing, self.idle_since)
    }
}

// === impl Connection ===

impl Connection {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let Connection { connections, source, left, .. } = &*self.0;
        let mut state = self.0.state();
        state.in_flight = state.in_flight.saturating_sub(1);
        if state.in_flight > 0 {
            return;
        }
        let mut held = connections.lock();
        // One that has left does not come back.
        if !left.is_cancelled() {
            let since = held.next_moment();
            state.idle_since = since;
            held.rest(*source, state.key(), left);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn source(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    /// Whether nothing is left of those that were there.
    fn is_empty(connections: &Connections) -> bool {
        let held = connections.lock();
        (held.all, held.strangers) == (0, 0) && held.by_source.is_empty() && held.ranked.is_empty()
    }

    fn displaced(places: &[Place]) -> Vec<bool> {
        places.iter().map(Place::is_displaced).collect()
    }

    #[test]
    fn the_longest_idle_of_the_greediest_gives_way() {
        let connections = Connections::new(4, 3);
        let greedy: Vec<_> = (0..3).map(|_| connections.enter(source(1)).unwrap()).collect();
        let modest = connections.enter(source(2)).unwrap();
        assert!(connections.is_full());
        // The first was asked for something since, so that the second has been idle for longer.
        drop(greedy[0].requests().begin());
        let newcomer = connections.enter(source(3)).unwrap();
        assert_eq!((displaced(&greedy), connections.held()), (vec![false, true, false], 4));
        assert!(!modest.is_displaced() && !newcomer.is_displaced());
        drop((greedy, modest, newcomer));
        assert!(is_empty(&connections));
    }

    /// Has those that are idle be so since long ago.
    fn age(connections: &Connections) {
        for of_source in connections.lock().by_source.values_mut() {
            for idle in of_source.idle.values_mut() {
                idle.since = idle.since.checked_sub(YOUNG).unwrap();
            }
        }
    }

    #[test]
    fn a_young_one_gives_way_only_where_no_older_one_is_found() {
        let connections = Connections::new(4, 4);
        let modest: Vec<_> = (2..4).map(|last| connections.enter(source(last)).unwrap()).collect();
        age(&connections);
        let mut greedy: Vec<_> = (0..2).map(|_| connections.enter(source(1)).unwrap()).collect();
        greedy.extend((0..2).map(|_| connections.enter(source(1)).unwrap()));
        assert_eq!((displaced(&modest), displaced(&greedy)), (vec![true; 2], vec![false; 4]));
        // All of them are young.
        let newcomer = connections.enter(source(4)).unwrap();
        assert_eq!(displaced(&greedy), [true, false, false, false]);
        age(&connections);
        let next = connections.enter(source(5)).unwrap();
        assert_eq!(displaced(&greedy), [true, true, false, false]);
        drop((modest, greedy, newcomer, next));
        assert!(is_empty(&connections));
    }

    #[test]
    fn newcomers_find_places_among_those_who_were_admitted() {
        let connections = Connections::new(4, 4);
        let admitted: Vec<_> = (1..5).map(|last| connections.enter(source(last)).unwrap()).collect();
        for place in &admitted {
            place.requests().begin().judged(Standing::Admitted);
        }
        age(&connections);
        // A newcomer's request is on its way when the next one comes.
        let newcomers: Vec<_> = (5..7).map(|last| connections.enter(source(last)).unwrap()).collect();
        assert_eq!((displaced(&admitted), displaced(&newcomers)), (vec![true, true, false, false], vec![false; 2]));
        // They have half of the places by now, and take no more of the others'.
        let next: Vec<_> = (7..9).map(|last| connections.enter(source(last)).unwrap()).collect();
        assert_eq!((displaced(&admitted), displaced(&newcomers)), (vec![true, true, false, false], vec![true; 2]));
        drop((admitted, newcomers, next));
        assert!(is_empty(&connections));
    }

    #[test]
    fn strangers_give_way_before_those_who_were_admitted() {
        let connections = Connections::new(4, 3);
        let admitted: Vec<_> = (0..2).map(|_| connections.enter(source(1)).unwrap()).collect();
        for place in &admitted {
            let in_flight = place.requests().begin();
            in_flight.judged(Standing::Admitted);
            // What comes later over the same connection takes nothing from it.
            in_flight.judged(Standing::Stranger);
        }
        let strangers: Vec<_> = (2..4).map(|last| connections.enter(source(last)).unwrap()).collect();
        let mut newcomers = vec![connections.enter(source(4)).unwrap(), connections.enter(source(5)).unwrap()];
        assert_eq!((displaced(&admitted), displaced(&strangers)), (vec![false; 2], vec![true; 2]));
        let busy: Vec<_> = newcomers.iter().map(|place| place.requests().begin()).collect();
        newcomers.push(connections.enter(source(6)).unwrap());
        assert_eq!((displaced(&admitted), displaced(&newcomers)), (vec![true, false], vec![false; 3]));
        drop((admitted, strangers, newcomers, busy));
        assert!(is_empty(&connections));
    }

    #[test]
    fn many_sources_of_one_each_displace_the_longest_idle() {
        let connections = Connections::new(3, 3);
        let mut places: Vec<_> = (1..=3).map(|last| connections.enter(source(last)).unwrap()).collect();
        places.push(connections.enter(source(4)).unwrap());
        places.push(connections.enter(source(5)).unwrap());
        assert_eq!((displaced(&places), connections.held()), (vec![true, true, false, false, false], 3));
        drop(places);
        assert!(is_empty(&connections));
    }

    #[test]
    fn a_request_in_flight_is_never_displaced() {
        let connections = Connections::new(2, 2);
        let greedy = [connections.enter(source(1)).unwrap(), connections.enter(source(1)).unwrap()];
        let mut in_flight: Vec<_> = greedy.iter().map(|place| place.requests().begin()).collect();
        // Two at once on one connection, as over QUIC.
        let beside = greedy[0].requests().begin();
        assert_eq!(connections.enter(source(2)).unwrap_err(), TooMany, "all of them are busy");
        drop(beside);
        assert_eq!(connections.enter(source(2)).unwrap_err(), TooMany, "the other request is still in flight");
        drop(in_flight.pop());
        let newcomer = connections.enter(source(2)).unwrap();
        assert_eq!(displaced(&greedy), [false, true]);
        // The busy one of the greedy source stays, though it has as many as the idle one's.
        let next = connections.enter(source(3)).unwrap();
        assert!(newcomer.is_displaced() && !greedy[0].is_displaced() && greedy[0].is_busy());
        drop((in_flight, greedy, newcomer, next));
        assert!(is_empty(&connections));
    }

    #[test]
    fn a_source_that_has_all_that_one_may_have_is_refused() {
        let connections = Connections::new(8, 2);
        let places = [connections.enter(source(1)).unwrap(), connections.enter(source(1)).unwrap()];
        assert_eq!(connections.enter(source(1)).unwrap_err(), TooMany);
        assert_eq!(displaced(&places), [false, false]);
        drop(places);
        assert!(connections.enter(source(1)).is_ok());
    }

    #[test]
    fn what_ends_on_a_connection_that_has_left_changes_nothing() {
        let connections = Connections::new(1, 1);
        let old = connections.enter(source(1)).unwrap();
        let new = connections.enter(source(2)).unwrap();
        assert_eq!(old.gave_way().now_or_never(), Some(()));
        // A request that came just then.
        let late = old.requests().begin();
        assert!(old.is_busy());
        drop(late);
        assert_eq!((old.is_busy(), connections.held()), (false, 1));
        let requests = new.requests();
        let outlives = requests.begin();
        drop((old, new));
        assert!(is_empty(&connections), "a request does not hold its connection's place");
        drop(outlives);
        assert!(is_empty(&connections));
    }
}
