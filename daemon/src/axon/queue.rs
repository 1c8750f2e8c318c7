//! Who goes next: places for requests that are being answered, and a bounded queue before them.
//!
//! A request [enters](Queue::enter) with a priority and gets a [`Place`], at once if one is free.
//! Those that wait are served by priority, equal ones in the order in which they came. When the
//! queue is full, the request of least priority is told [`Busy`] at once: the newcomer, or one
//! that it displaces. The number of places may change at any time, down to none: then those that
//! wait go on waiting.

use std::{
    cmp::{Ordering, Reverse},
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// Places and a queue.
#[derive(Debug)]
pub(super) struct Queue {
    longest: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    places: usize,
    taken: usize,
    /// Those that wait, the next one first.
    waiting: BTreeMap<(Reverse<Priority>, u64), oneshot::Sender<Place>>,
    arrivals: u64,
}

/// A place, given back on drop.
#[derive(Debug)]
pub(super) struct Place {
    /// `None` once given back.
    queue: Option<Arc<Queue>>,
}

/// The queue is full, and nothing in it is less urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Busy;

/// A priority as it is compared: what is no number is the least.
#[derive(Debug, Clone, Copy)]
struct Priority(f64);

/// What is going on in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) places: usize,
    pub(super) taken: usize,
    pub(super) waiting: usize,
}

// === impl Queue ===

impl Queue {
    pub(super) fn new(places: usize, longest: usize) -> Arc<Self> {
        let state = State { places, taken: 0, waiting: BTreeMap::new(), arrivals: 0 };
        Arc::new(Self { longest, state: Mutex::new(state) })
    }

    /// Waits for a place. Dropping the future leaves the queue.
    pub(super) async fn enter(self: &Arc<Self>, priority: f64) -> Result<Place, Busy> {
        let called = {
            let mut state = self.lock();
            state.forget_the_gone();
            if state.taken < state.places && state.waiting.is_empty() {
                state.taken += 1;
                return Ok(Place { queue: Some(Arc::clone(self)) });
            }
            state.arrivals += 1;
            let key = (Reverse(Priority(priority)), state.arrivals);
            if state.waiting.len() >= self.longest {
                // The last one in the queue hears of it by its dropped sender.
                match state.waiting.last_key_value() {
                    Some((last, _)) if *last > key => drop(state.waiting.pop_last()),
                    _ => return Err(Busy),
                }
            }
            let (call, called) = oneshot::channel();
            state.waiting.insert(key, call);
            called
        };
        called.await.map_err(|_| Busy)
    }

    /// Changes the number of places. Taken ones stay taken.
    pub(super) fn resize(self: &Arc<Self>, change: impl FnOnce(usize) -> usize) {
        let mut state = self.lock();
        state.places = change(state.places);
        self.call_next(state);
    }

    pub(super) fn load(&self) -> Load {
        let mut state = self.lock();
        state.forget_the_gone();
        Load { places: state.places, taken: state.taken, waiting: state.waiting.len() }
    }

    /// Gives free places to those that wait longest for the most urgent of them.
    fn call_next(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let mut gone = Vec::new();
        while state.taken < state.places {
            let Some((_, call)) = state.waiting.pop_first() else { break };
            state.taken += 1;
            if let Err(place) = call.send(Place { queue: Some(Arc::clone(self)) }) {
                state.taken -= 1;
                gone.push(place);
            }
        }
        drop(state);
        for mut place in gone {
            // Nobody took it, so nothing is to be given back.
            drop(place.queue.take());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
    fn forget_the_gone(&mut self) {
        self.waiting.retain(|_, call| !call.is_closed());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            let mut state = queue.lock();
            state.taken = state.taken.saturating_sub(1);
            queue.call_next(state);
        }
    }
}

// === impl Priority ===

impl Priority {
    fn key(self) -> f64 {
        if self.0.is_nan() { f64::NEG_INFINITY } else { self.0 }
    }
}

impl PartialEq for Priority {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Priority {}

impl PartialOrd for Priority {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Priority {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().total_cmp(&other.key())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, poll};

    use super::*;

    #[tokio::test]
    async fn the_most_urgent_goes_first_and_equals_in_order() {
        let queue = Queue::new(1, 10);
        let place = queue.enter(0.0).await.unwrap();
        let mut waiting: Vec<_> =
            [1.0, 5.0, f64::NAN, 5.0, 9.0].into_iter().map(|priority| queue.enter(priority).boxed()).collect();
        for one in &mut waiting {
            assert!(poll!(one).is_pending());
        }
        let mut order = Vec::new();
        drop(place);
        for _ in 0..5 {
            for (index, one) in waiting.iter_mut().enumerate() {
                if !order.contains(&index)
                    && let std::task::Poll::Ready(place) = poll!(one)
                {
                    order.push(index);
                    drop(place.unwrap());
                    break;
                }
            }
        }
        assert_eq!(order, [4, 1, 3, 0, 2]);
        assert_eq!(queue.load(), Load { places: 1, taken: 0, waiting: 0 });
    }

    #[tokio::test]
    async fn a_full_queue_turns_the_least_urgent_away_at_once() {
        let queue = Queue::new(1, 2);
        let _place = queue.enter(0.0).await.unwrap();
        let (mut low, mut high) = (queue.enter(1.0).boxed(), queue.enter(3.0).boxed());
        assert!(poll!(&mut low).is_pending() && poll!(&mut high).is_pending());
        assert_eq!(queue.enter(1.0).now_or_never().unwrap().unwrap_err(), Busy);
        let mut middle = queue.enter(2.0).boxed();
        assert!(poll!(&mut middle).is_pending());
        assert_eq!(low.await.unwrap_err(), Busy);
        assert_eq!(queue.load().waiting, 2);
    }

    #[tokio::test]
    async fn who_leaves_makes_room_and_places_may_come_later() {
        let queue = Queue::new(0, 1);
        let mut first = queue.enter(0.0).boxed();
        assert!(poll!(&mut first).is_pending());
        drop(first);
        let mut second = queue.enter(0.0).boxed();
        assert!(poll!(&mut second).is_pending());
        queue.resize(|places| places + 2);
        let place = second.await.unwrap();
        let other = queue.enter(0.0).now_or_never().unwrap().unwrap();
        queue.resize(|_| 0);
        drop((place, other));
        assert_eq!(queue.load(), Load { places: 0, taken: 0, waiting: 0 });
        assert!(poll!(queue.enter(0.0).boxed()).is_pending());
    }

    #[tokio::test]
    async fn a_place_called_for_someone_who_left_goes_to_the_next() {
        let queue = Queue::new(1, 4);
        let place = queue.enter(0.0).await.unwrap();
        let (mut gone, mut stays) = (queue.enter(2.0).boxed(), queue.enter(1.0).boxed());
        assert!(poll!(&mut gone).is_pending() && poll!(&mut stays).is_pending());
        drop(place);
        // The place was sent, and is given back with the future that never took it.
        drop(gone);
        assert!(stays.now_or_never().unwrap().is_ok());
    }
}
