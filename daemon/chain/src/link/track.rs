//! What became of an extrinsic: told by finalized blocks alone.
//!
//! A node's subscription to an extrinsic dies with the connection and lies on forks; a block that
//! is final does neither. So the extrinsic's hash is looked for in every finalized block of its
//! era, from memory or from the node, before or after any number of restarts.

use btd_api::{BlockNumber, Tao};

use super::Link;
use crate::{
    block::{BlockRef, Event, FinalizedBlock},
    dispatch::DispatchError,
    error::TrackError,
    extrinsic::ExtrinsicHash,
};

/// The fate of an extrinsic.
#[derive(Debug, Clone, PartialEq)]
pub enum Tracked {
    /// It is in a finalized block.
    Included(Inclusion),
    /// Every block that could have included it is final, and none has: it never will be.
    Expired {
        /// The last block that could have.
        until: BlockNumber,
    },
}

/// An extrinsic in a finalized block.
#[derive(Debug, Clone, PartialEq)]
pub struct Inclusion {
    /// The block.
    pub block: BlockRef,
    /// The time that the block's author wrote into it, in milliseconds since 1970.
    pub timestamp_ms: Option<u64>,
    /// Its position in the block.
    pub index: u32,
    /// Whether the call succeeded, or how it failed. The fee is paid in both cases.
    pub result: Result<(), DispatchError>,
    /// What it caused, in order.
    pub events: Vec<Event>,
    /// The fee that was paid, tip included, where the runtime tells.
    pub fee: Option<Tao>,
}

// === impl Link ===

impl Link {
    /// Waits until the fate of extrinsic `hash` is known: looks into every finalized block from
    /// `from` on, up to `until`, the last block of its era ([`crate::SignedExtrinsic::era_end`]).
    /// Without `until` it waits for as long as it takes. Losses of the link are waited out; the
    /// caller bounds the waiting. Cancelling the future changes nothing on the chain.
    pub async fn track(
        &self,
        hash: ExtrinsicHash,
        from: BlockNumber,
        until: Option<BlockNumber>,
    ) -> Result<Tracked, TrackError> {
        let mut blocks = self.blocks_from(from);
        loop {
            let number = blocks.cursor().unwrap_or(from);
            if let Some(until) = until.filter(|until| number > *until) {
                return Ok(Tracked::Expired { until });
            }
            let block = blocks.next().await.map_err(|source| TrackError::Block { number, source })?;
            if let Some(inclusion) = inclusion(&block, hash)? {
                return Ok(Tracked::Included(inclusion));
            }
        }
    }
}

fn inclusion(block: &FinalizedBlock, hash: ExtrinsicHash) -> Result<Option<Inclusion>, TrackError> {
    let Some(found) = block.extrinsics.iter().find(|extrinsic| extrinsic.hash == hash) else {
        return Ok(None);
    };
    let Some(result) = found.result.clone() else {
        return Err(TrackError::NoEvents { block: block.block, reason: block.illegible.join("; ") });
    };
    Ok(Some(Inclusion {
        block: block.block,
        timestamp_ms: block.timestamp_ms,
        index: found.index,
        result,
        events: block.events.iter().filter(|event| event.extrinsic == Some(found.index)).cloned().collect(),
        fee: found.fee,
    }))
}
