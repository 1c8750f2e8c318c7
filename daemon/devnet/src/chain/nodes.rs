//! The trie nodes of all readable states, shared and reference counted.
//!
//! A block adds the nodes it created at once; the nodes it replaced stay until its parent's state is pruned. It knows
//! nothing of blocks: [`super::history`] decides when that is.

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

/// Nodes that a block replaced, with how many references of each it gave up.
pub(crate) struct Replaced(Vec<(Box<[u8]>, i32)>);

impl NodeStore {
    /// Adds what a block created; what it replaced is handed back, to be [released](Self::release) when the state
    /// before that block is no longer wanted.
    pub(crate) fn add(&self, mut nodes: PrefixedMemoryDB<Hasher>) -> Replaced {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut replaced = Vec::new();
        for (key, (value, references)) in nodes.drain() {
            let key = key.into_boxed_slice();
            if references > 0 {
                map.entry(key).or_insert(Node { value, references: 0 }).references += references;
            } else if references < 0 {
                replaced.push((key, references));
            }
        }
        Replaced(replaced)
    }

    /// Forgets replaced nodes that no state refers to any more.
    pub(crate) fn release(&self, replaced: Replaced) {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (key, references) in replaced.0 {
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
