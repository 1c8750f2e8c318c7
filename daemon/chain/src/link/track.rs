//! What became of an extrinsic: told by finalized blocks alone.
//!
//! A node's subscription to an extrinsic dies with the connection and lies on forks; a block that
//! is final does neither. So the extrinsic's hash is looked for in every finalized block of its
//! era, from memory or from the node, before or after any number of restarts. How it fares on the way there, in a
//! block that may still be replaced, is looked up in `best.rs`, and told in the same form.

use btd_api::{BlockNumber, Tao};

use super::Link;
use crate::{
    block::{BlockRef, Event, FinalizedBlock, Illegible},
    dispatch::DispatchError,
    error::{ReadError, TrackError},
    extrinsic::ExtrinsicHash,
};

/// The fate of an extrinsic: for good where [`Link::track`] tells it, and for as long as the block stands where
/// [`Link::in_best_chain`] does.
#[derive(Debug, Clone, PartialEq)]
pub enum Tracked {
    /// It is in a block.
    Included(Inclusion),
    /// It is in a block whose events no endpoint can tell, so that success and failure look alike. Where the block is
    /// final, the fee is paid and the nonce is used.
    IncludedUnseen(Unseen),
    /// Every block that could have included it is final, and none has: it never will be.
    Expired {
        /// The last block that could have.
        until: BlockNumber,
    },
}

/// An extrinsic in a block.
#[derive(Debug, Clone, PartialEq)]
pub struct Inclusion {
    /// The block.
    pub block: BlockRef,
    /// The time that the block's author wrote into it, in milliseconds since 1970.
    pub timestamp_ms: Option<u64>,
    /// Its position in the block.
    pub index: u32,
    /// Whether the call succeeded, or how it failed. The fee is paid there in both cases.
    pub result: Result<(), DispatchError>,
    /// What it caused, in order.
    pub events: Vec<Event>,
    /// The fee that was paid, tip included, where the runtime tells.
    pub fee: Option<Tao>,
}

/// An extrinsic in a block whose events are gone or illegible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// The block.
    pub block: BlockRef,
    /// Its position in the block.
    pub index: u32,
    /// Why there are no events, in words.
    pub reason: String,
}

// === impl Link ===

impl Link {
    /// Waits until the fate of extrinsic `hash` is known: looks into every finalized block from
    /// `from` on, up to `until`, the last block of its era ([`crate::SignedExtrinsic::era_end`]).
    /// Without `until` it waits for as long as it takes. Losses of the link are waited out, and blocks that were
    /// replaced are looked into anew; the caller bounds the waiting. Cancelling the future changes nothing on the chain.
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
            let block = match blocks.next().await {
                Ok(block) => block,
                Err(ReadError::TakenBack { .. }) => continue,
                Err(source) => return Err(TrackError::Block { number, source }),
            };
            if let Some(found) = found(&block, hash) {
                return Ok(found);
            }
        }
    }
}

/// What `block` tells of extrinsic `hash`; none where it does not hold it.
pub(super) fn found(block: &FinalizedBlock, hash: ExtrinsicHash) -> Option<Tracked> {
    let found = block.extrinsics.iter().find(|extrinsic| extrinsic.hash == hash)?;
    // What another runtime makes of the events is no outcome.
    let Some(result) = found.result.clone().filter(|_| block.spec_version.is_some()) else {
        let is_why = |part: &&Illegible| matches!(part, Illegible::Events(_) | Illegible::Runtime(_));
        let missing = block.illegible.iter().filter(is_why);
        let reason = missing.map(ToString::to_string).collect::<Vec<_>>().join("; ");
        return Some(Tracked::IncludedUnseen(Unseen { block: block.block, index: found.index, reason }));
    };
    Some(Tracked::Included(Inclusion {
        block: block.block,
        timestamp_ms: block.timestamp_ms,
        index: found.index,
        result,
        events: block.events.iter().filter(|event| event.extrinsic == Some(found.index)).cloned().collect(),
        fee: found.fee,
    }))
}

#[cfg(test)]
mod tests {
    use btd_api::BlockHash;

    use super::*;
    use crate::block::Extrinsic;

    #[test]
    fn without_events_it_is_included_and_its_outcome_is_not_known() {
        let hash = ExtrinsicHash::of(b"sent");
        let extrinsic = |index, hash, result| Extrinsic { index, hash, signer: None, call: None, result, fee: None };
        let block = FinalizedBlock {
            block: BlockRef { number: BlockNumber(9), hash: BlockHash([9; 32]) },
            parent: BlockHash([8; 32]),
            timestamp_ms: None,
            spec_version: Some(425),
            extrinsics: vec![extrinsic(0, ExtrinsicHash::of(b"other"), Some(Ok(()))), extrinsic(1, hash, None)],
            events: vec![],
            illegible: vec![
                Illegible::Extrinsic("extrinsic 0: it is another's".to_owned()),
                Illegible::Events("the state is gone".to_owned()),
            ],
        };
        let unseen = Unseen { block: block.block, index: 1, reason: "the state is gone".to_owned() };
        assert_eq!(found(&block, hash), Some(Tracked::IncludedUnseen(unseen)));
        assert_eq!(found(&block, ExtrinsicHash::of(b"never sent")), None);
    }
}
