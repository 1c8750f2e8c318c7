//! Turns: how many requests are on their way to one axon at a time.
//!
//! Beyond that they wait here, before they are signed. An axon takes a request by the age of its
//! nonce, and lets only so many connections of one address in, so that a request that waited signed,
//! or knocked at a full door, would be refused for what its sender could have known.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests that wait for their turns at all axons together, at most.
pub(super) const MOST_WAITING: usize = 512;

/// The turns at all axons.
#[derive(Debug)]
pub(super) struct Turns {
    at_once: usize,
    by_axon: Mutex<HashMap<SocketAddr, Arc<Semaphore>>>,
    /// Places in the lines.
    places: Semaphore,
}

/// So many wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

/// One request's turn at an axon, given up on drop; while it waits, its place in the line.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    axon: SocketAddr,
    permit: Option<OwnedSemaphorePermit>,
}

// === impl Turns ===

impl Turns {
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            at_once: at_once.clamp(1, Semaphore::MAX_PERMITS),
            by_axon: Mutex::default(),
            places: Semaphore::new(MOST_WAITING),
        }
    }

    /// Waits for a turn at `axon`. First come, first served; dropping the future leaves the line.
    ///
    /// # Errors
    /// At once, where too many wait already.
    pub(super) async fn wait(&self, axon: SocketAddr) -> Result<Turn<'_>, TooMany> {
        let free = Arc::clone(self.lock().entry(axon).or_insert_with(|| Arc::new(Semaphore::new(self.at_once))));
        // Made first, so that who leaves the line tidies up as who had a turn does.
        let mut turn = Turn { turns: self, axon, permit: None };
        if let Ok(permit) = Arc::clone(&free).try_acquire_owned() {
            turn.permit = Some(permit);
            return Ok(turn);
        }
        let Ok(_place) = self.places.try_acquire() else {
            // Before the turn, which tidies up if nobody else holds it.
            drop(free);
            return Err(TooMany);
        };
        // Nobody closes it, so there is always one in the end.
        turn.permit = free.acquire_owned().await.ok();
        Ok(turn)
    }

    /// Whether nobody has a turn or waits for one.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SocketAddr, Arc<Semaphore>>> {
        self.by_axon.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut by_axon = self.turns.lock();
        // Whoever has a turn or waits for one holds the axon's semaphore too.
        if by_axon.get(&self.axon).is_some_and(|free| Arc::strong_count(free) == 1) {
            by_axon.remove(&self.axon);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, poll};

    use super::*;

    #[tokio::test]
    async fn each_axon_has_so_many_turns_and_nothing_is_kept_of_one_that_nobody_asks() {
        let turns = Turns::new(2);
        let (one, other): (SocketAddr, SocketAddr) = (([10, 0, 0, 1], 1).into(), ([10, 0, 0, 2], 1).into());
        let (first, second) = (turns.wait(one).await.unwrap(), turns.wait(one).await.unwrap());
        let mut third = turns.wait(one).boxed();
        let mut fourth = turns.wait(one).boxed();
        assert!(poll!(&mut third).is_pending() && poll!(&mut fourth).is_pending());
        drop(turns.wait(other).now_or_never().unwrap().unwrap());
        // The next in line is called, and leaves: the turn goes on.
        drop(first);
        drop(third);
        let fourth = fourth.now_or_never().unwrap().unwrap();
        drop((second, fourth));
        assert!(turns.is_empty());
    }

    #[tokio::test]
    async fn the_lines_have_an_end_and_nobody_waits_behind_it() {
        let turns = Turns::new(1);
        let (one, other): (SocketAddr, SocketAddr) = (([10, 0, 0, 1], 1).into(), ([10, 0, 0, 2], 1).into());
        let (first, free) = (turns.wait(one).await.unwrap(), turns.wait(other).await.unwrap());
        let mut waiting: Vec<_> = (0..MOST_WAITING).map(|_| turns.wait(one).boxed()).collect();
        for place in &mut waiting {
            assert!(poll!(place).is_pending());
        }
        for axon in [one, other] {
            assert_eq!(turns.wait(axon).now_or_never().expect("refused at once").unwrap_err(), TooMany);
        }
        drop(free);
        drop(turns.wait(other).now_or_never().expect("a turn that is free needs no place").unwrap());
        drop(waiting.pop());
        assert!(turns.wait(one).now_or_never().is_none(), "there is a place again");
        drop((first, waiting));
        assert!(turns.is_empty());
    }
}
