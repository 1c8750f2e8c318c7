//! How much an endpoint is asked: a rate, a number at once, and who goes first.
//!
//! Public endpoints turn away who asks too much, and the one request that matters is then turned
//! away with the rest. So requests queue here, the important ones first, and an endpoint that says
//! "too many" is asked half as often until it has been quiet for a while. Some of the places are kept for what btd lives by:
//! reads that an endpoint leaves unanswered hold up neither the blocks nor what is to be sent.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{Notify, watch};

use crate::clock;

/// How important a request is; the first ones go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Keeping the link itself alive and current.
    Following,
    /// Making and sending extrinsics.
    Submission,
    /// What weights are decided by.
    Weights,
    /// Somebody waits for the answer.
    Interactive,
    /// Filling caches.
    Bulk,
}

/// The priority of a request that several may wait for: that of the most important of them.
#[derive(Debug, Clone)]
pub(crate) struct Urgency {
    now: Arc<watch::Sender<Priority>>,
}

/// After "too many", the rate is halved; after so long without another one, doubled again.
const QUIET: Duration = Duration::from_secs(30);
/// The longest time between two requests, however often an endpoint says "too many".
const SLOWEST: Duration = Duration::from_secs(2);

/// Of so many places one is kept for what matters more than that somebody waits for it.
const KEPT_OF: usize = 8;

/// The budget of one endpoint.
#[derive(Debug)]
pub(crate) struct Budget {
    usual: Duration,
    burst: u32,
    at_once: usize,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    /// Who waits, in the order in which they go.
    queue: BTreeSet<Ticket>,
    next_ticket: u64,
    in_flight: usize,
    /// The time between two requests now.
    interval: Duration,
    /// When the next request would be due if all came evenly; a burst may run ahead of it.
    due: Instant,
    slowed: Option<Instant>,
}

type Ticket = (Priority, u64);

/// A turn to ask. Dropping it ends the turn.
#[derive(Debug)]
pub(crate) struct Turn<'b> {
    budget: &'b Budget,
}

/// A place in the queue, given up when dropped.
struct Place<'b> {
    budget: &'b Budget,
    ticket: Ticket,
}

/// What the head of the queue has to wait for.
enum Wait {
    Go,
    Until(Instant),
    Others,
}

// === impl Urgency ===

impl Urgency {
    pub(crate) fn new(priority: Priority) -> Self {
        Self { now: Arc::new(watch::Sender::new(priority)) }
    }

    /// How important it is now.
    pub(crate) fn priority(&self) -> Priority {
        *self.now.borrow()
    }

    /// Somebody waits for it to whom it is as important as that. A request that is in the queue goes
    /// forward; what is on its way already cannot be hastened.
    pub(crate) fn raise(&self, priority: Priority) {
        self.now.send_if_modified(|now| {
            let is_more = priority < *now;
            *now = priority.min(*now);
            is_more
        });
    }
}

// === impl Budget ===

impl Budget {
    /// `per_second` requests a second in the long run, four seconds' worth after a pause, and
    /// `at_once` of them unanswered. Zero is no limit.
    pub(crate) fn new(per_second: u32, at_once: u32, now: Instant) -> Self {
        let usual = Duration::from_secs(1).checked_div(per_second).unwrap_or(Duration::ZERO);
        let at_once = if at_once == 0 { usize::MAX } else { usize::try_from(at_once).unwrap_or(usize::MAX) };
        let state =
            State { queue: BTreeSet::new(), next_ticket: 0, in_flight: 0, interval: usual, due: now, slowed: None };
        Self { usual, burst: per_second.saturating_mul(4), at_once, state: Mutex::new(state), changed: Notify::new() }
    }

    /// Waits for a turn. Cancelling gives the place up.
    pub(crate) async fn turn(&self, priority: Priority) -> Turn<'_> {
        let ticket = {
            let mut state = self.state();
            let ticket = (priority, state.next_ticket);
            state.next_ticket += 1;
            state.queue.insert(ticket);
            ticket
        };
        let place = Place { budget: self, ticket };
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // From here on a change is not missed, also one that happens before the waiting.
            changed.as_mut().enable();
            match self.try_turn(ticket, clock::now()) {
                Wait::Go => {
                    drop(place);
                    return Turn { budget: self };
                }
                Wait::Others => changed.await,
                Wait::Until(when) => {
                    tokio::select! {
                        () = changed => {}
                        () = clock::sleep_until(when) => {}
                    }
                }
            }
        }
    }

    /// Waits for a turn of a request that may become more important while it waits.
    pub(crate) async fn turn_of(&self, urgency: &Urgency) -> Turn<'_> {
        let mut changes = urgency.now.subscribe();
        loop {
            let priority = *changes.borrow_and_update();
            tokio::select! {
                turn = self.turn(priority) => return turn,
                // The sender is among what was lent to us, so this is a change and no end.
                _ = changes.changed() => {}
            }
        }
    }

    /// Takes the turn of `ticket` if it has come.
    fn try_turn(&self, ticket: Ticket, now: Instant) -> Wait {
        let mut state = self.state();
        // The first in the queue is the most important, so that nobody behind it could go where it may not.
        if state.queue.first() != Some(&ticket) || state.in_flight >= self.places(ticket.0) {
            return Wait::Others;
        }
        state.recover(self.usual, now);
        // While slowed down, an endpoint gets no bursts.
        let ahead = if state.slowed.is_some() { Duration::ZERO } else { state.interval.saturating_mul(self.burst) };
        if let Some(early) = state.due.checked_duration_since(now)
            && early > ahead
        {
            return Wait::Until(now + early.saturating_sub(ahead));
        }
        state.due = state.due.max(now) + state.interval;
        state.in_flight += 1;
        Wait::Go
    }

    /// How many may be asked at once for one of this priority to be asked too.
    const fn places(&self, priority: Priority) -> usize {
        match priority {
            Priority::Following | Priority::Submission | Priority::Weights => self.at_once,
            Priority::Interactive | Priority::Bulk => self.at_once - self.at_once / KEPT_OF,
        }
    }

    /// The endpoint said "too many": from now on it is asked half as often, and not at all for `pause`.
    pub(crate) fn slow_down(&self, pause: Duration, now: Instant) {
        const FIRST: Duration = Duration::from_millis(100);
        let mut state = self.state();
        state.interval = state.interval.saturating_mul(2).max(FIRST).min(SLOWEST);
        state.slowed = Some(now);
        state.due = state.due.max(now + pause);
    }

    /// Whether the endpoint said "too many" a short while ago.
    pub(crate) fn is_slowed(&self, now: Instant) -> bool {
        let mut state = self.state();
        state.recover(self.usual, now);
        state.slowed.is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
    fn recover(&mut self, usual: Duration, now: Instant) {
        while let Some(slowed) = self.slowed.filter(|slowed| now.saturating_duration_since(*slowed) >= QUIET) {
            self.interval /= 2;
            self.slowed = Some(slowed + QUIET);
            if self.interval <= usual.max(Duration::from_millis(50)) {
                self.interval = usual;
                self.slowed = None;
            }
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.budget.state().queue.remove(&self.ticket);
        self.budget.changed.notify_waiters();
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.budget.state().in_flight -= 1;
        self.budget.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn what_is_left_unanswered_leaves_places_to_what_matters_more() {
        let budget = Budget::new(0, 16, Instant::now());
        let soon = Duration::from_millis(5);
        let mut held = Vec::new();
        for _ in 0..14 {
            held.push(tokio::time::timeout(soon, budget.turn(Priority::Interactive)).await.unwrap());
        }
        for priority in [Priority::Interactive, Priority::Bulk] {
            assert!(tokio::time::timeout(soon, budget.turn(priority)).await.is_err(), "{priority:?}");
        }
        let next = tokio::time::timeout(soon, budget.turn(Priority::Following)).await.unwrap();
        held.push(tokio::time::timeout(soon, budget.turn(Priority::Submission)).await.unwrap());
        assert!(tokio::time::timeout(soon, budget.turn(Priority::Following)).await.is_err(), "all are taken");
        drop(next);
        assert!(tokio::time::timeout(soon, budget.turn(Priority::Bulk)).await.is_err(), "it was not theirs");
        assert!(tokio::time::timeout(soon, budget.turn(Priority::Weights)).await.is_ok());
        // One place is everybody's.
        assert!(tokio::time::timeout(soon, Budget::new(0, 1, Instant::now()).turn(Priority::Bulk)).await.is_ok());
    }

    #[tokio::test]
    async fn the_important_go_first() {
        let budget = Arc::new(Budget::new(0, 1, Instant::now()));
        let held = budget.turn(Priority::Bulk).await;
        let (sender, mut order) = tokio::sync::mpsc::channel(8);
        for priority in [Priority::Bulk, Priority::Interactive, Priority::Submission, Priority::Weights] {
            let (waits, sender) = (Arc::clone(&budget), sender.clone());
            tokio::spawn(async move {
                let _turn = waits.turn(priority).await;
                sender.send(priority).await.unwrap();
            });
        }
        while budget.state().queue.len() < 4 {
            tokio::task::yield_now().await;
        }
        let gives_up = budget.turn(Priority::Following);
        assert!(tokio::time::timeout(Duration::from_millis(5), gives_up).await.is_err());
        drop(held);
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(order.recv().await.unwrap());
        }
        assert_eq!(seen, [Priority::Submission, Priority::Weights, Priority::Interactive, Priority::Bulk]);
    }

    /// What was asked for a cache, and is then asked by somebody who waits, goes before what came
    /// between the two.
    #[tokio::test]
    async fn a_request_goes_forward_when_somebody_more_important_joins_it() {
        let budget = Arc::new(Budget::new(0, 1, Instant::now()));
        let held = budget.turn(Priority::Following).await;
        let (sender, mut order) = tokio::sync::mpsc::channel(8);
        let joined = Urgency::new(Priority::Bulk);
        for (name, urgency) in [("joined", joined.clone()), ("between", Urgency::new(Priority::Interactive))] {
            let (waits, sender) = (Arc::clone(&budget), sender.clone());
            let before = budget.state().queue.len();
            tokio::spawn(async move {
                let _turn = waits.turn_of(&urgency).await;
                sender.send(name).await.unwrap();
            });
            while budget.state().queue.len() == before {
                tokio::task::yield_now().await;
            }
        }
        // Less important is no change; more important is.
        joined.raise(Priority::Bulk);
        joined.raise(Priority::Weights);
        while budget.state().queue.first().is_none_or(|(priority, _)| *priority != Priority::Weights) {
            tokio::task::yield_now().await;
        }
        drop(held);
        assert_eq!((order.recv().await, order.recv().await), (Some("joined"), Some("between")));
        joined.raise(Priority::Interactive);
        assert_eq!(*joined.now.borrow(), Priority::Weights);
    }

    #[test]
    fn a_burst_is_followed_by_the_rate_and_too_many_halves_it() {
        let start = Instant::now();
        let budget = Budget::new(10, 0, start);
        let ask = |ticket, now| {
            budget.state().queue.insert((Priority::Bulk, ticket));
            let wait = budget.try_turn((Priority::Bulk, ticket), now);
            budget.state().queue.clear();
            match wait {
                Wait::Go => Duration::ZERO,
                Wait::Until(when) => when - now,
                Wait::Others => panic!("nobody else is there"),
            }
        };
        // Four seconds' worth at once, and the one that is due now.
        assert!((0..41).all(|ticket| ask(ticket, start) == Duration::ZERO));
        assert_eq!(ask(99, start), Duration::from_millis(100));
        let later = start + Duration::from_secs(10);
        assert_eq!(ask(100, later), Duration::ZERO);
        budget.slow_down(Duration::from_secs(1), later);
        assert_eq!(ask(101, later), Duration::from_secs(1));
        let slowed = later + Duration::from_secs(2);
        assert_eq!(ask(102, slowed), Duration::ZERO);
        assert_eq!(ask(103, slowed), Duration::from_millis(200), "twice the interval, and no burst");
        assert!(budget.is_slowed(slowed));
        assert!(!budget.is_slowed(later + QUIET));
    }
}
