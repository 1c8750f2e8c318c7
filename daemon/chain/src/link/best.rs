//! Blocks that are not final yet: what the node thinks best now.
//!
//! They may be replaced by others, so nothing is decided by them that could not be taken back: they
//! make a plan's balance fresher and tell that an extrinsic is on its way. What became of it is
//! told by finalized blocks alone (`track.rs`).

use super::Link;
use crate::{
    block::BlockRef,
    error::ReadError,
    extrinsic::ExtrinsicHash,
    rpc::{self, Ask, HexBytes},
    view::View,
};

/// How far back from the best block is looked at most: finality lags by a few blocks.
const DEEPEST: u32 = 32;

// === impl Link ===

impl Link {
    /// Reads pinned at the best block, which may be replaced.
    pub async fn best_view(&self) -> Result<View, ReadError> {
        let hash = self.ask(rpc::best_hash()).await?;
        let hash = hash.ok_or_else(|| ReadError::UnknownBlock { block: "the best block".to_owned() })?;
        self.view_at(hash).await
    }

    /// The block above the finalized ones that holds extrinsic `hash`, as the best chain is now.
    pub async fn in_best_chain(&self, hash: ExtrinsicHash) -> Result<Option<BlockRef>, ReadError> {
        let Some(mut at) = self.ask(rpc::best_hash()).await? else { return Ok(None) };
        for _ in 0..DEEPEST {
            let Some(signed) = self.ask(rpc::block(at)).await? else { return Ok(None) };
            let header = signed.block.header;
            if self.finalized().is_some_and(|finalized| header.number <= finalized.number) {
                return Ok(None);
            }
            if signed.block.extrinsics.iter().any(|HexBytes(bytes)| ExtrinsicHash::of(bytes) == hash) {
                return Ok(Some(BlockRef { number: header.number, hash: at }));
            }
            at = header.parent_hash;
        }
        Ok(None)
    }
}
