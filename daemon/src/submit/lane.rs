//! Turns: for each account one order at a time goes from the nonce to the pool, the urgent ones first.
//!
//! An account has one sequence of nonces, and what lies behind a gap is never included; so lanes
//! order who gets the next nonce, and nothing overtakes what has one. Whoever waits can be called
//! off by its idempotency key until its turn comes. Bulk waits for as long as others do.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use btd_api::{AccountId, IdempotencyKey, signing::Lane};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

/// The turns of all accounts.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lines: Mutex<HashMap<AccountId, Line>>,
    /// Tells that somebody's turn, or waiting for it, has ended.
    ended: Notify,
}

/// Whoever waits behind the one whose turn it is, by lane and arrival.
#[derive(Debug, Default)]
struct Line {
    /// Whose turn it is.
    holder: Holder,
    waiting: BTreeMap<(Lane, u64), Waiter>,
    arrivals: u64,
}

#[derive(Debug, Default)]
struct Holder {
    key: Option<IdempotencyKey>,
    /// Cancelled by whoever wants it to stop before anything is signed for good.
    called_off: CancellationToken,
}

#[derive(Debug)]
struct Waiter {
    key: Option<IdempotencyKey>,
    since: Instant,
    call: oneshot::Sender<Called>,
}

/// What ends the waiting.
#[derive(Debug)]
enum Called {
    Up(Turn),
    Off,
}

/// The right to take the account's next nonce. Dropped, it goes to the next in line.
#[derive(Debug)]
pub(super) struct Turn {
    lanes: Arc<Lanes>,
    /// None once it was handed on.
    account: Option<AccountId>,
    called_off: CancellationToken,
}

/// Somebody who stops waiting, for whatever reason.
struct Leaving<'a>(&'a Lanes);

/// Somebody called the order off before its turn came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CalledOff;

/// What calling off a key came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallOff {
    /// How many orders waited for their turn, and do not any more.
    pub waiting: usize,
    /// The accounts whose turn an order under that key has: it stops, unless it is past the journal.
    pub under_way: Vec<AccountId>,
}

/// An order that waits for its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The account that would sign.
    pub signer: AccountId,
    /// The lane.
    pub lane: Lane,
    /// The caller's key, if it gave one.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Since when.
    pub since: Instant,
}

// === impl Lanes ===

impl Lanes {
    /// Waits for the turn of `account`. Dropping the future gives the place in the line up.
    pub(super) async fn turn(
        self: &Arc<Self>,
        account: AccountId,
        lane: Lane,
        key: Option<IdempotencyKey>,
    ) -> Result<Turn, CalledOff> {
        // Dropped after `called` is: then the place is given up.
        let _leaving = Leaving(self);
        let called = {
            let mut lines = self.lines();
            let Some(line) = lines.get_mut(&account) else {
                let called_off = CancellationToken::new();
                let holder = Holder { key, called_off: called_off.clone() };
                lines.insert(account, Line { holder, ..Line::default() });
                return Ok(Turn { lanes: Arc::clone(self), account: Some(account), called_off });
            };
            let (call, called) = oneshot::channel();
            line.arrivals += 1;
            line.waiting.insert((lane, line.arrivals), Waiter { key, since: Instant::now(), call });
            called
        };
        match called.await {
            Ok(Called::Up(turn)) => Ok(turn),
            // Who calls nobody up has gone away with the whole line.
            Ok(Called::Off) | Err(_) => Err(CalledOff),
        }
    }

    /// Calls off whoever waits, or has its turn, under `key`.
    pub(super) fn call_off(&self, key: &IdempotencyKey) -> CallOff {
        let mut lines = self.lines();
        let mut called = CallOff::default();
        for (account, line) in lines.iter_mut() {
            if line.holder.key.as_ref() == Some(key) {
                line.holder.called_off.cancel();
                called.under_way.push(*account);
            }
            let off = line.waiting.extract_if(.., |_, waiter| waiter.key.as_ref() == Some(key));
            // Whoever does not listen any more has given up by itself.
            called.waiting += off.filter_map(|(_, waiter)| waiter.call.send(Called::Off).ok()).count();
        }
        called
    }

    /// Whether an order of `account` under `key` waits or has its turn.
    pub(super) fn knows(&self, account: AccountId, key: &IdempotencyKey) -> bool {
        self.lines().get(&account).is_some_and(|line| line.knows(key))
    }

    /// Whether an order of any account under `key` waits or has its turn.
    pub(super) fn has(&self, key: &IdempotencyKey) -> bool {
        self.lines().values().any(|line| line.knows(key))
    }

    /// Waits until no order of `account` under `key` waits or has its turn. What it came to is then in the journal.
    pub(super) async fn ended(&self, account: AccountId, key: &IdempotencyKey) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if !self.knows(account, key) {
                return;
            }
            ended.await;
        }
    }

    /// Who waits now, those whose turn comes first at the front of each account.
    pub(super) fn waiting(&self) -> Vec<Waiting> {
        let lines = self.lines();
        let of = |(account, line): (&AccountId, &Line)| {
            let waiting = line.waiting.iter().filter(|(_, waiter)| !waiter.call.is_closed());
            let told = |((lane, _), waiter): (&(Lane, u64), &Waiter)| Waiting {
                signer: *account,
                lane: *lane,
                idempotency_key: waiter.key.clone(),
                since: waiter.since,
            };
            waiting.map(told).collect::<Vec<_>>()
        };
        lines.iter().flat_map(of).collect()
    }

    /// Whether anybody's turn is under way.
    #[cfg(test)]
    pub(super) fn is_taken(&self) -> bool {
        !self.lines().is_empty()
    }

    /// Hands the turn of `account` to the first in line who still wants it.
    fn hand_on(self: &Arc<Self>, account: AccountId) {
        let mut lines = self.lines();
        let Some(line) = lines.get_mut(&account) else { return };
        while let Some((_, waiter)) = line.waiting.pop_first() {
            let called_off = CancellationToken::new();
            line.holder = Holder { key: waiter.key, called_off: called_off.clone() };
            let turn = Turn { lanes: Arc::clone(self), account: Some(account), called_off };
            match waiter.call.send(Called::Up(turn)) {
                Ok(()) => return,
                Err(Called::Up(mut turn)) => turn.account = None,
                Err(Called::Off) => {}
            }
        }
        lines.remove(&account);
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<AccountId, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Line ===

impl Line {
    /// Whether an order under `key` waits here, or has its turn.
    fn knows(&self, key: &IdempotencyKey) -> bool {
        let is_meant = |waiter: &Waiter| waiter.key.as_ref() == Some(key) && !waiter.call.is_closed();
        self.holder.key.as_ref() == Some(key) || self.waiting.values().any(is_meant)
    }
}

// === impl Leaving, Turn ===

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.ended.notify_waiters();
    }
}

impl Turn {
    /// Whether somebody called off the order that has this turn.
    pub(super) fn is_called_off(&self) -> bool {
        self.called_off.is_cancelled()
    }

    /// Resolves when somebody calls off the order that has this turn.
    pub(super) async fn called_off(&self) {
        self.called_off.cancelled().await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(account) = self.account.take() {
            self.lanes.hand_on(account);
            self.lanes.ended.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    const ALICE: AccountId = AccountId([1; 32]);
    const BOB: AccountId = AccountId([2; 32]);

    fn key(text: &str) -> IdempotencyKey {
        text.parse().unwrap()
    }

    async fn queued(lanes: &Lanes, count: usize) {
        while lanes.waiting().len() < count {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn the_urgent_come_first_and_the_bulk_last() {
        let lanes = Arc::new(Lanes::default());
        let first = lanes.turn(ALICE, Lane::Bulk, None).await.unwrap();
        let (order, mut ended) = mpsc::channel(8);
        let arrivals = [("b", Lane::Bulk), ("n", Lane::Normal), ("u", Lane::Urgent), ("m", Lane::Normal)];
        for (count, (name, lane)) in arrivals.into_iter().enumerate() {
            let (lanes, order) = (Arc::clone(&lanes), order.clone());
            let waiting = Arc::clone(&lanes);
            tokio::spawn(async move {
                let turn = lanes.turn(ALICE, lane, Some(key(name))).await.unwrap();
                order.send(name).await.unwrap();
                drop(turn);
            });
            queued(&waiting, count + 1).await;
        }
        // Another account does not wait.
        drop(lanes.turn(BOB, Lane::Bulk, None).await.unwrap());
        drop((first, order));
        let mut names = Vec::new();
        while let Some(name) = ended.recv().await {
            names.push(name);
        }
        assert_eq!(names, ["u", "n", "m", "b"]);
        assert!(lanes.lines().is_empty());
    }

    #[tokio::test]
    async fn who_is_called_off_or_gives_up_holds_nobody_up() {
        let lanes = Arc::new(Lanes::default());
        let first = lanes.turn(ALICE, Lane::Normal, None).await.unwrap();
        let wait = |name: &'static str| {
            let lanes = Arc::clone(&lanes);
            tokio::spawn(async move { lanes.turn(ALICE, Lane::Normal, Some(key(name))).await.map(drop) })
        };
        let off = wait("off");
        queued(&lanes, 1).await;
        let gone = wait("gone");
        queued(&lanes, 2).await;
        let last = wait("last");
        queued(&lanes, 3).await;
        let off_key = key("off");
        assert_eq!((lanes.call_off(&off_key).waiting, lanes.call_off(&off_key).waiting), (1, 0));
        assert_eq!(off.await.unwrap(), Err(CalledOff));
        gone.abort();
        let _ = gone.await;
        assert_eq!(lanes.waiting().len(), 1);
        drop(first);
        assert_eq!(last.await.unwrap(), Ok(()));
        assert!(lanes.lines().is_empty());
    }

    #[tokio::test]
    async fn a_turn_that_nobody_took_up_in_time_goes_on() {
        let lanes = Arc::new(Lanes::default());
        let first = lanes.turn(ALICE, Lane::Normal, None).await.unwrap();
        let mut waiting = Box::pin(lanes.turn(ALICE, Lane::Normal, None));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(first);
        // It was handed over, and given up before it was looked at.
        drop(waiting);
        assert!(lanes.lines().is_empty());
        drop(lanes.turn(ALICE, Lane::Normal, None).await.unwrap());
    }

    #[tokio::test]
    async fn the_end_of_an_order_is_told_however_it_ends() {
        let lanes = Arc::new(Lanes::default());
        let (turned, waited) = (key("turned"), key("waited"));
        let first = lanes.turn(ALICE, Lane::Normal, Some(turned.clone())).await.unwrap();
        let mut second = Box::pin(lanes.turn(ALICE, Lane::Normal, Some(waited.clone())));
        assert!(futures_util::poll!(&mut second).is_pending());
        let mut ended = [Box::pin(lanes.ended(ALICE, &turned)), Box::pin(lanes.ended(ALICE, &waited))];
        for ended in &mut ended {
            assert!(futures_util::poll!(ended).is_pending());
        }
        let [turned_ended, waited_ended] = ended;
        // It gives up waiting, which the other one does not care about.
        drop(second);
        waited_ended.await;
        let mut turned_ended = turned_ended;
        assert!(futures_util::poll!(&mut turned_ended).is_pending());
        drop(first);
        turned_ended.await;
        lanes.ended(BOB, &turned).await;
    }

    #[tokio::test]
    async fn who_has_the_turn_is_known_and_learns_that_it_was_called_off() {
        let lanes = Arc::new(Lanes::default());
        let first = lanes.turn(ALICE, Lane::Normal, Some(key("first"))).await.unwrap();
        let second = tokio::spawn({
            let lanes = Arc::clone(&lanes);
            async move { lanes.turn(ALICE, Lane::Normal, Some(key("second"))).await }
        });
        queued(&lanes, 1).await;
        assert!(lanes.knows(ALICE, &key("first")) && lanes.knows(ALICE, &key("second")));
        assert!(!lanes.knows(BOB, &key("first")));
        assert!(lanes.has(&key("first")) && lanes.has(&key("second")) && !lanes.has(&key("third")));
        assert_eq!(lanes.call_off(&key("first")), CallOff { waiting: 0, under_way: vec![ALICE] });
        assert!(first.is_called_off());
        drop(first);
        let second = second.await.unwrap().unwrap();
        assert!(!second.is_called_off() && !lanes.knows(ALICE, &key("first")));
        drop(second);
        assert!(!lanes.is_taken());
    }
}
