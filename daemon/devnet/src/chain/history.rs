//! Blocks of the past: which are kept, and which states are still readable.
//!
//! Every hash is kept (32 bytes a block); headers and extrinsics of the newest blocks only, and fewer states than that.
//! Block 0 is always kept. There are no forks; but the chain can be cut back to a block that was pinned before, from
//! which on nothing is pruned.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use btd_devnet_runtime::Header;
use sp_core::H256;

use super::{
    ChainError,
    nodes::{Step, Undo},
};
use crate::config::Retention;

/// One block as it is served.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) hash: H256,
    pub(crate) header: Header,
    /// Encoded extrinsics with their length prefix, inherents first.
    pub(crate) extrinsics: Vec<Vec<u8>>,
}

impl Block {
    pub(crate) fn new(header: Header, extrinsics: Vec<Vec<u8>>) -> Self {
        Self { hash: header.hash(), header, extrinsics }
    }

    pub(crate) fn number(&self) -> u32 {
        self.header.number
    }

    fn bytes(&self) -> u64 {
        self.extrinsics.iter().map(|extrinsic| extrinsic.len() as u64).sum()
    }
}

/// All blocks so far.
pub(crate) struct History {
    genesis: Arc<Block>,
    /// Hash of every block, by number.
    hashes: Vec<H256>,
    /// The newest blocks, oldest first; never empty.
    recent: VecDeque<Arc<Block>>,
    recent_bytes: u64,
    numbers: HashMap<H256, u32>,
    /// What each block did to the trie, for the blocks whose parent's state is readable, oldest first.
    steps: VecDeque<Step>,
    retention: Retention,
    /// The oldest block to which the chain may be cut back.
    pinned: Option<u32>,
}

impl History {
    /// A chain of which only the newest blocks are at hand. `hashes` ends with the hash of the last of `recent`.
    ///
    /// Only the head's state is readable at first.
    pub(crate) fn new(genesis: Block, hashes: Vec<H256>, recent: Vec<Arc<Block>>, retention: Retention) -> Self {
        let genesis = Arc::new(genesis);
        let mut history = Self {
            numbers: HashMap::from([(genesis.hash, 0)]),
            hashes,
            recent: VecDeque::new(),
            recent_bytes: 0,
            steps: VecDeque::new(),
            retention: Retention { states: retention.states.max(1), blocks: retention.blocks.max(1), ..retention },
            pinned: None,
            genesis,
        };
        for block in recent {
            history.keep(block);
        }
        if history.recent.is_empty() {
            history.keep(history.genesis.clone());
        }
        history
    }

    fn keep(&mut self, block: Arc<Block>) {
        self.numbers.insert(block.hash, block.number());
        self.recent_bytes += block.bytes();
        self.recent.push_back(block);
        self.prune_blocks();
    }

    fn prune_blocks(&mut self) {
        while self.recent.len() > 1
            && (self.recent.len() > self.retention.blocks as usize || self.recent_bytes > self.retention.block_bytes)
            && self.recent.front().is_some_and(|oldest| self.pinned.is_none_or(|pinned| oldest.number() < pinned))
        {
            let Some(old) = self.recent.pop_front() else { break };
            self.recent_bytes -= old.bytes();
            if old.number() != 0 {
                self.numbers.remove(&old.hash);
            }
        }
    }

    /// Appends the new head. What is handed back belongs to states that are no longer readable.
    #[must_use]
    pub(crate) fn push(&mut self, block: Arc<Block>, step: Step) -> Vec<Step> {
        self.hashes.push(block.hash);
        self.keep(block);
        self.steps.push_back(step);
        self.prune_states()
    }

    fn prune_states(&mut self) -> Vec<Step> {
        let mut released = Vec::new();
        while self.steps.len() >= self.retention.states as usize
            && self.oldest_state() < self.pinned.unwrap_or(u32::MAX)
        {
            released.extend(self.steps.pop_front());
        }
        released
    }

    /// Height of the oldest block whose state is readable.
    fn oldest_state(&self) -> u32 {
        let states = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
        self.head().number().saturating_sub(states)
    }

    /// From now on nothing is pruned from block `pinned` on; what may be pruned instead is handed back.
    #[must_use]
    pub(crate) fn pin(&mut self, pinned: Option<u32>) -> Vec<Step> {
        self.pinned = pinned;
        self.prune_blocks();
        self.prune_states()
    }

    /// Whether the next block may be taken back.
    pub(crate) fn undo(&self) -> Undo {
        if self.pinned.is_some() { Undo::Possible } else { Undo::Impossible }
    }

    /// Makes a block from the pinned one on the head again. The steps of the blocks after it are handed back, newest
    /// first.
    #[must_use]
    pub(crate) fn cut_back(&mut self, number: u32) -> Vec<Step> {
        let mut steps = Vec::new();
        while self.head().number() > number && self.recent.len() > 1 {
            let Some(gone) = self.recent.pop_back() else { break };
            self.recent_bytes -= gone.bytes();
            self.numbers.remove(&gone.hash);
            self.hashes.pop();
            steps.extend(self.steps.pop_back());
        }
        steps
    }

    /// The newest block.
    pub(crate) fn head(&self) -> Arc<Block> {
        self.recent.back().unwrap_or(&self.genesis).clone()
    }

    pub(crate) fn genesis_hash(&self) -> H256 {
        self.genesis.hash
    }

    pub(crate) fn hash(&self, number: u32) -> Option<H256> {
        self.hashes.get(number as usize).copied()
    }

    pub(crate) fn by_hash(&self, hash: &H256) -> Option<Arc<Block>> {
        self.numbers.get(hash).and_then(|number| self.by_number(*number))
    }

    pub(crate) fn by_number(&self, number: u32) -> Option<Arc<Block>> {
        if number == 0 {
            return Some(self.genesis.clone());
        }
        let oldest = self.recent.front()?.number();
        self.recent.get(number.checked_sub(oldest)? as usize).cloned()
    }

    /// The block, if its state can be read.
    pub(crate) fn with_state(&self, hash: &H256) -> Result<Arc<Block>, ChainError> {
        let block = self.by_hash(hash).ok_or(ChainError::UnknownBlock(*hash))?;
        let age = self.head().number() - block.number();
        if age as usize <= self.steps.len() { Ok(block) } else { Err(ChainError::StateDiscarded(*hash)) }
    }
}
