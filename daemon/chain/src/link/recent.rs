//! The newest finalized blocks, kept decoded for readers.
//!
//! One of which not everything was told when it was followed is replaced once it is (`blocks.rs`).

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

use btd_api::{BlockHash, BlockNumber};
use tokio::sync::Mutex;

use crate::block::{BlockRef, FinalizedBlock};

/// When somebody last asked in vain for more of a block. Held by whoever asks.
pub(super) type Asked = Arc<Mutex<Option<Instant>>>;

/// The newest finalized blocks, the oldest first and none left out between them.
#[derive(Debug, Default)]
pub(super) struct Recent {
    row: RwLock<VecDeque<Kept>>,
}

#[derive(Debug)]
struct Kept {
    block: Arc<FinalizedBlock>,
    asked: Asked,
}

// === impl Recent ===

impl Recent {
    /// Keeps one more block, and as many before it as make `most`.
    pub(super) fn keep(&self, block: FinalizedBlock, most: usize) {
        let mut row = self.row.write().unwrap_or_else(PoisonError::into_inner);
        // They are found by their place in the row, so the row has no gap.
        if row.back().is_some_and(|last| last.block.block.number.0.checked_add(1) != Some(block.block.number.0)) {
            row.clear();
        }
        row.push_back(Kept { block: Arc::new(block), asked: Asked::default() });
        while row.len() > most.max(1) {
            row.pop_front();
        }
    }

    /// Keeps `block` in the place of what was told of it before.
    pub(super) fn replace(&self, block: &Arc<FinalizedBlock>) {
        let mut row = self.row.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = row.iter_mut().find(|kept| kept.block.block == block.block) {
            kept.block = Arc::clone(block);
        }
    }

    /// Forgets all of them.
    pub(super) fn clear(&self) {
        self.row.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The block of that number.
    pub(super) fn block(&self, number: BlockNumber) -> Option<Arc<FinalizedBlock>> {
        self.find(number, |kept| Arc::clone(&kept.block))
    }

    /// When somebody last asked in vain for more of `block`.
    pub(super) fn asked(&self, block: BlockRef) -> Option<Asked> {
        self.find(block.number, |kept| (kept.block.block == block).then(|| Arc::clone(&kept.asked)))?
    }

    /// The number of the block of that hash.
    pub(super) fn number(&self, hash: BlockHash) -> Option<BlockNumber> {
        let row = self.row.read().unwrap_or_else(PoisonError::into_inner);
        row.iter().rev().map(|kept| kept.block.block).find(|block| block.hash == hash).map(|block| block.number)
    }

    fn find<T>(&self, number: BlockNumber, told: impl FnOnce(&Kept) -> T) -> Option<T> {
        let row = self.row.read().unwrap_or_else(PoisonError::into_inner);
        let first = row.front()?.block.block.number;
        let index = usize::try_from(number.0.checked_sub(first.0)?).ok()?;
        row.get(index).filter(|kept| kept.block.block.number == number).map(told)
    }
}
