//! The chain as it can be read: blocks, their states, and runtime calls on them.
//!
//! All reads block for as long as the runtime takes; they belong on [`crate::workers`]. Blocks come from
//! [`crate::producer`], the only writer.

mod build;
mod execute;
mod history;
mod nodes;

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use codec::Decode;
use sp_core::{
    H256,
    storage::{StateVersion, Storage},
};
use sp_runtime::{
    Digest,
    traits::{BlakeTwo256, Header as _},
};
use sp_state_machine::{Backend as _, IterArgs, TrieBackend, TrieBackendBuilder};
use sp_trie::{LayoutV1, PrefixedMemoryDB, empty_trie_root};

pub use build::BlockError;
pub(crate) use build::{Applied, Builder, Changes, Sealed, slot};
pub use execute::ExecutionError;
pub(crate) use execute::{Overlay, call, panic_message};
pub(crate) use history::{Block, History};
pub(crate) use nodes::NodeStore;
use nodes::Undo;

use crate::config::Retention;
use btd_devnet_runtime::Header;

/// Hash function of blocks, extrinsics and state.
pub(crate) type Hasher = BlakeTwo256;
/// One readable state.
pub(crate) type State = TrieBackend<NodeStore, Hasher>;
/// Trie layout, as the runtime's `system_version` says.
pub(crate) const STATE_VERSION: StateVersion = StateVersion::V1;

/// Why a block or its state cannot be read. The texts are those of a Substrate node; clients look for them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChainError {
    #[error("UnknownBlock: Header was not found in the database: {0:?}")]
    UnknownBlock(H256),
    #[error("UnknownBlock: State already discarded for {0:?}")]
    StateDiscarded(H256),
    #[error("Execution failed: {0}")]
    Execution(#[from] ExecutionError),
    #[error("Execution failed: {0}")]
    Backend(String),
    #[error("Execution failed: the answer of {method} does not decode: {source}")]
    Answer { method: &'static str, source: codec::Error },
}

/// Everything a chain is started from.
pub(crate) struct Origin {
    /// Block 0.
    pub(crate) genesis: Block,
    /// Hash of every block, by number.
    pub(crate) hashes: Vec<H256>,
    /// The newest blocks, oldest first, the head last; empty when the head is block 0.
    pub(crate) recent: Vec<Arc<Block>>,
    /// The nodes of the head's state.
    pub(crate) nodes: PrefixedMemoryDB<Hasher>,
}

impl Origin {
    /// A chain of one block with this state.
    pub(crate) fn genesis(storage: Storage) -> Self {
        let (root, nodes) = trie(storage);
        let empty = empty_trie_root::<LayoutV1<Hasher>>();
        let genesis = Block::new(Header::new(0, empty, root, H256::zero(), Digest::default()), Vec::new());
        Self { hashes: vec![genesis.hash], genesis, recent: Vec::new(), nodes }
    }
}

/// The trie over `storage`: its root and its nodes.
pub(crate) fn trie(storage: Storage) -> (H256, PrefixedMemoryDB<Hasher>) {
    let backend: TrieBackend<PrefixedMemoryDB<Hasher>, Hasher> = (storage, STATE_VERSION).into();
    (*backend.root(), backend.into_storage())
}

/// What turns the state `from` into the state `to`.
pub(crate) fn difference(from: &State, to: &State) -> Result<Changes, String> {
    let mut old = from.pairs(IterArgs::default())?.peekable();
    let mut changes = Changes::new();
    for pair in to.pairs(IterArgs::default())? {
        let (key, value) = pair?;
        let mut is_new = true;
        // Both come in the order of keys.
        while let Some(pair) = old.next_if(|pair| pair.as_ref().map_or(true, |(other, _)| *other <= key)) {
            let (other, old_value) = pair?;
            if other < key {
                changes.push((other, None));
            } else {
                is_new = old_value != value;
            }
        }
        if is_new {
            changes.push((key, Some(value)));
        }
    }
    for pair in old {
        changes.push((pair?.0, None));
    }
    Ok(changes)
}

/// The chain. One writer, many readers.
pub(crate) struct Chain {
    nodes: NodeStore,
    history: RwLock<History>,
    metadata: OnceLock<Vec<u8>>,
}

impl Chain {
    pub(crate) fn new(origin: Origin, retention: Retention) -> Self {
        let nodes = NodeStore::default();
        // A state that starts from nothing replaces nothing.
        drop(nodes.add(origin.nodes, Undo::Impossible));
        let history = History::new(origin.genesis, origin.hashes, origin.recent, retention);
        Self { nodes, history: RwLock::new(history), metadata: OnceLock::new() }
    }

    fn history<T>(&self, read: impl FnOnce(&History) -> T) -> T {
        read(&self.history.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The newest block.
    pub(crate) fn head(&self) -> Arc<Block> {
        self.history(History::head)
    }

    pub(crate) fn genesis_hash(&self) -> H256 {
        self.history(History::genesis_hash)
    }

    /// Hash of the block at this height, however old.
    pub(crate) fn hash(&self, number: u32) -> Option<H256> {
        self.history(|history| history.hash(number))
    }

    /// The block, unless unknown or pruned.
    pub(crate) fn block(&self, hash: &H256) -> Option<Arc<Block>> {
        self.history(|history| history.by_hash(hash))
    }

    /// The block at this height, unless in the future or pruned.
    pub(crate) fn block_at(&self, number: u32) -> Option<Arc<Block>> {
        self.history(|history| history.by_number(number))
    }

    /// The block and the state after it; the head's when no hash is given.
    pub(crate) fn state(&self, at: Option<H256>) -> Result<(Arc<Block>, State), ChainError> {
        let block = self.history(|history| match at {
            None => Ok(history.head()),
            Some(hash) => history.with_state(&hash),
        })?;
        let state = TrieBackendBuilder::new(self.nodes.clone(), block.header.state_root).build();
        Ok((block, state))
    }

    /// Runs `read` on the state after a block.
    ///
    /// A state may be pruned while it is read, which shows as missing trie nodes: the error then says so.
    pub(crate) fn read<T, E: Into<ChainError>>(
        &self,
        at: Option<H256>,
        read: impl FnOnce(&Block, &State) -> Result<T, E>,
    ) -> Result<T, ChainError> {
        let (block, state) = self.state(at)?;
        read(&block, &state).map_err(|error| {
            let gone = self.history(|history| history.with_state(&block.hash)).err();
            gone.unwrap_or_else(|| error.into())
        })
    }

    /// Calls a runtime function on the state after a block; its changes are dropped.
    pub(crate) fn call(&self, at: Option<H256>, method: &str, arguments: &[u8]) -> Result<Vec<u8>, ChainError> {
        self.read(at, |_, state| call(state, &mut Overlay::default(), method, arguments))
    }

    /// [`Self::call`] with a decoded answer.
    pub(crate) fn ask<T: Decode>(
        &self,
        at: Option<H256>,
        method: &'static str,
        arguments: &[u8],
    ) -> Result<T, ChainError> {
        let answer = self.call(at, method, arguments)?;
        T::decode(&mut answer.as_slice()).map_err(|source| ChainError::Answer { method, source })
    }

    /// The runtime's metadata in its default version. The runtime never changes while it runs, so it is made once.
    pub(crate) fn metadata(&self) -> Result<&[u8], ChainError> {
        if let Some(metadata) = self.metadata.get() {
            return Ok(metadata);
        }
        let metadata = self.ask::<Vec<u8>>(None, "Metadata_metadata", &[])?;
        Ok(self.metadata.get_or_init(|| metadata))
    }

    /// Makes a sealed block the head. Its changes stay with the caller, for those who follow storage.
    pub(crate) fn import(&self, block: Arc<Block>, nodes: PrefixedMemoryDB<Hasher>) {
        // First the nodes, then the head: who sees a head can read its state.
        let step = self.nodes.add(nodes, self.history(History::undo));
        self.change(|history| history.push(block, step));
    }

    /// Keeps all that [`Self::cut_back`] to this block takes, or nothing of that kind.
    pub(crate) fn pin(&self, pinned: Option<u32>) {
        self.change(|history| history.pin(pinned));
    }

    fn change(&self, change: impl FnOnce(&mut History) -> Vec<nodes::Step>) {
        let unreadable = change(&mut self.history.write().unwrap_or_else(PoisonError::into_inner));
        for step in unreadable {
            self.nodes.release(step);
        }
    }

    /// Makes a block from the pinned one on the head again; later ones are gone as if they had never been.
    pub(crate) fn cut_back(&self, number: u32) {
        let gone = self.history.write().unwrap_or_else(PoisonError::into_inner).cut_back(number);
        for step in gone {
            self.nodes.undo(step);
        }
    }

    /// Number of trie nodes held over all readable states.
    #[cfg(test)]
    pub(crate) fn trie_nodes(&self) -> usize {
        self.nodes.len()
    }
}

#[cfg(test)]
mod tests;
