//! Who follows the head of the chain, what each has pinned, and what it has asked for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jsonrpsee::core::server::ConnectionId;
use serde_json::Value;
use sp_core::H256;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::operation::Operation;

/// Followers one connection may have, as a Substrate node has it.
const PER_CONNECTION: usize = 4;
/// Operations of one follower at once, as a Substrate node has it.
const OPERATIONS: usize = 16;
/// Events of operations that may wait for a slow reader; who has more to tell waits too.
const EVENTS: usize = 16;

/// All who follow, by their connection and the name of their subscription.
#[derive(Default)]
pub(super) struct Followers(Mutex<HashMap<(ConnectionId, String), Arc<Follower>>>);

type Names = HashMap<(ConnectionId, String), Arc<Follower>>;

impl Followers {
    fn names(&self) -> MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn find(&self, connection: ConnectionId, subscription: String) -> Option<Arc<Follower>> {
        self.names().get(&(connection, subscription)).cloned()
    }

    /// Makes a follower known until what is handed back is dropped; `None` where the connection has enough of them.
    pub(super) fn enter(
        self: Arc<Self>,
        connection: ConnectionId,
        subscription: String,
        follower: Arc<Follower>,
    ) -> Option<Entered> {
        let mut names = self.names();
        if names.keys().filter(|(other, _)| *other == connection).count() >= PER_CONNECTION {
            return None;
        }
        let name = (connection, subscription);
        names.insert(name.clone(), follower);
        drop(names);
        Some(Entered { followers: self, name })
    }
}

/// A follower that others find.
pub(super) struct Entered {
    followers: Arc<Followers>,
    name: (ConnectionId, String),
}

impl Drop for Entered {
    fn drop(&mut self) {
        let gone = self.followers.names().remove(&self.name);
        if let Some(follower) = gone {
            follower.stop_all();
        }
    }
}

/// Why nothing was unpinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnpinError {
    /// One of the blocks is not pinned.
    NotPinned,
    /// One of the blocks was named twice.
    Twice,
}

/// One who follows.
pub(super) struct Follower {
    /// Whether it may call the runtime, and is told which there is.
    pub(super) with_runtime: bool,
    events: mpsc::Sender<Value>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Blocks it may ask about, with their heights.
    pinned: HashMap<H256, u32>,
    operations: HashMap<String, CancellationToken>,
    begun: u64,
}

impl Follower {
    /// A follower, and where the events of its operations come out.
    pub(super) fn new(with_runtime: bool) -> (Arc<Self>, mpsc::Receiver<Value>) {
        let (events, told) = mpsc::channel(EVENTS);
        (Arc::new(Self { with_runtime, events, state: Mutex::default() }), told)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what became of an operation. Once nobody follows any more, nobody hears it.
    pub(super) async fn tell(&self, event: Value) {
        let _ = self.events.send(event).await;
    }

    // === Blocks ===

    pub(super) fn pin(&self, hash: H256, number: u32) {
        self.state().pinned.insert(hash, number);
    }

    pub(super) fn has_pinned(&self, hash: &H256) -> bool {
        self.state().pinned.contains_key(hash)
    }

    /// The oldest of the blocks it may ask about.
    pub(super) fn oldest_pinned(&self) -> Option<H256> {
        self.state().pinned.iter().min_by_key(|(_, number)| **number).map(|(hash, _)| *hash)
    }

    /// Lets go of all these blocks, or of none.
    pub(super) fn unpin(&self, hashes: &[H256]) -> Result<(), UnpinError> {
        let mut state = self.state();
        let mut sorted = hashes.to_vec();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| matches!(pair, [one, other] if one == other)) {
            return Err(UnpinError::Twice);
        }
        if !hashes.iter().all(|hash| state.pinned.contains_key(hash)) {
            return Err(UnpinError::NotPinned);
        }
        state.pinned.retain(|hash, _| sorted.binary_search(hash).is_err());
        Ok(())
    }

    // === Operations ===

    /// Begins an operation; `None` where enough of them run.
    pub(super) fn begin(self: Arc<Self>) -> Option<Operation> {
        let mut state = self.state();
        if state.operations.len() >= OPERATIONS {
            return None;
        }
        state.begun += 1;
        let (id, stopped) = (state.begun.to_string(), CancellationToken::new());
        state.operations.insert(id.clone(), stopped.clone());
        drop(state);
        Some(Operation { id, stopped, follower: self })
    }

    pub(super) fn is_running(&self, operation: &str) -> bool {
        self.state().operations.contains_key(operation)
    }

    /// Stops an operation, if it runs: nothing more is heard of it.
    pub(super) fn stop(&self, operation: &str) {
        if let Some(stopped) = self.state().operations.remove(operation) {
            stopped.cancel();
        }
    }

    fn stop_all(&self) {
        for (_, stopped) in self.state().operations.drain() {
            stopped.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_unpinned_or_none() {
        let (follower, _events) = Follower::new(true);
        let [one, two, other] = [1, 2, 3].map(H256::repeat_byte);
        follower.pin(one, 7);
        follower.pin(two, 5);
        assert_eq!(follower.oldest_pinned(), Some(two));
        assert_eq!(follower.unpin(&[one, other]), Err(UnpinError::NotPinned));
        assert_eq!(follower.unpin(&[one, one]), Err(UnpinError::Twice));
        assert!(follower.has_pinned(&one));
        assert_eq!(follower.unpin(&[one, two]), Ok(()));
        assert_eq!(follower.oldest_pinned(), None);
    }

    #[test]
    fn a_follower_is_found_by_its_connection_alone_and_has_few_beside_it() {
        let followers = Arc::new(Followers::default());
        let enter = |connection, name: &str| {
            let (follower, _events) = Follower::new(false);
            followers.clone().enter(ConnectionId(connection), name.to_owned(), follower)
        };
        let entered: Vec<_> = ["a", "b", "c", "d"].map(|name| enter(1, name)).into_iter().collect();
        assert!(entered.iter().all(Option::is_some));
        assert!(enter(1, "e").is_none() && enter(2, "e").is_some());
        assert!(followers.find(ConnectionId(1), "a".to_owned()).is_some());
        assert!(followers.find(ConnectionId(2), "a".to_owned()).is_none());
        drop(entered);
        assert!(followers.find(ConnectionId(1), "a".to_owned()).is_none());
    }

    #[test]
    fn operations_are_few_at_once_and_end_with_who_asked() {
        let (follower, _events) = Follower::new(true);
        let mut running: Vec<_> = std::iter::from_fn(|| follower.clone().begin()).collect();
        assert_eq!(running.len(), OPERATIONS);
        let first = running.remove(0);
        assert!(follower.is_running("1"));
        follower.stop("1");
        assert!(first.stopped.is_cancelled() && !follower.is_running("1"));
        assert!(follower.clone().begin().is_some());
        drop(running);
        assert!(!follower.is_running("2"));
    }
}
