//! The trie nodes of all readable states, shared and reference counted.
//!
//! A block adds the nodes it created at once; the nodes it replaced stay until its parent's state is pruned. A block
//! that may be taken back also remembers what it created. It knows nothing of blocks: [`super::history`] decides.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use sp_core::H256;
use sp_state_machine::TrieBackendStorage;
use sp_trie::{DBValue, PrefixedMemoryDB, prefixed_key};

use super::Hasher;

/// A trie node with the number of positions that hold it.
struct Node {
    value: DBValue,
    references: i32,
}

/// Handle on the nodes; clones share them.
#[derive(Clone, Default)]
pub(crate) struct NodeStore(Arc<RwLock<HashMap<Box<[u8]>, Node>>>);

/// Nodes with a number of references each.
type References = Vec<(Box<[u8]>, i32)>;

/// What a block did to the nodes, as far as it may still be completed or taken back.
pub(crate) struct Step {
    /// Nodes it no longer needs, with how many references of each it gave up (negative).
    replaced: References,
    /// Nodes it added, with how many references of each; empty unless [`Undo::Possible`].
    created: References,
}

/// Whether a block may be taken back later.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undo {
    Possible,
    Impossible,
}

impl NodeStore {
    /// Adds what a block created; what it replaced is handed back, to be [released](Self::release) when the state
    /// before that block is no longer wanted.
    pub(crate) fn add(&self, mut nodes: PrefixedMemoryDB<Hasher>, undo: Undo) -> Step {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut step = Step { replaced: Vec::new(), created: Vec::new() };
        for (key, (value, references)) in nodes.drain() {
            let key = key.into_boxed_slice();
            if references > 0 {
                if undo == Undo::Possible {
                    step.created.push((key.clone(), references));
                }
                map.entry(key).or_insert(Node { value, references: 0 }).references += references;
            } else if references < 0 {
                step.replaced.push((key, references));
            }
        }
        step
    }

    /// Forgets what a block replaced: the state before it is no longer wanted.
    pub(crate) fn release(&self, step: Step) {
        self.change(step.replaced.into_iter());
    }

    /// Takes back a block that was added as [`Undo::Possible`]: its own state is no longer wanted.
    pub(crate) fn undo(&self, step: Step) {
        self.change(step.created.into_iter().map(|(key, references)| (key, -references)));
    }

    /// Changes references, and forgets the nodes that no state refers to any more.
    fn change(&self, changes: impl Iterator<Item = (Box<[u8]>, i32)>) {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (key, references) in changes {
            if let Some(node) = map.get_mut(&key) {
                node.references += references;
                if node.references <= 0 {
                    map.remove(&key);
                }
            }
        }
    }

    /// Number of distinct nodes held.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl TrieBackendStorage<Hasher> for NodeStore {
    fn get(&self, key: &H256, prefix: (&[u8], Option<u8>)) -> Result<Option<DBValue>, String> {
        let key = prefixed_key::<Hasher>(key, prefix);
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Ok(map.get(key.as_slice()).map(|node| node.value.clone()))
    }
}
