//! What the chain bounds of a crowdloan: for how long it may last, and what it may ask for.
//!
//! The chain counts blocks from the one in which a call stands, which is not known when that is signed. Semantics:
//! pallet_crowdloan of subtensor, spec 425.

use btd_api::{BlockNumber, Tao};
use btd_chain::{Link, ReadError};

use super::PALLET;
use crate::{
    rpc::{receipt::foreseen, stake::number},
    submit::{Ground, SubmissionError},
};

/// Blocks that may pass until a call stands in one. What the chain counts from that block on is named before.
const UNTIL_INCLUSION: u32 = 16;

/// For how many blocks a crowdloan may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) shortest: u64,
    longest: u64,
}

/// The number of the first block that can hold what is signed now: the one after the best, which finality lags behind.
pub(super) async fn including(link: &Link, ground: &Ground) -> BlockNumber {
    let known = ground.view.block().number;
    let best = match link.best_view().await {
        Ok(best) => best.block().number.max(known),
        Err(error) => {
            tracing::debug!(%error, "the best block could not be asked");
            known
        }
    };
    BlockNumber(best.0.saturating_add(1))
}

/// A bound that the runtime has; none where this one has it not.
pub(super) fn constant(ground: &Ground, name: &str) -> Result<Option<u64>, SubmissionError> {
    match ground.view.constant_json(PALLET, name) {
        Ok(json) => Ok(number(&json)),
        Err(ReadError::Absent(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Refuses a least contribution that the chain finds too small.
pub(super) fn contributions_from(ground: &Ground, given: Tao) -> Result<(), SubmissionError> {
    let least = Tao::from_rao(constant(ground, "AbsoluteMinimumContribution")?.unwrap_or(0));
    if given >= least {
        return Ok(());
    }
    let words = format!("the least contribution that a crowdloan may ask for is τ{least}, not τ{given}");
    foreseen("MinimumContributionTooLow", words)
}

// === impl Span ===

impl Span {
    pub(super) fn of(ground: &Ground) -> Result<Self, SubmissionError> {
        let shortest = constant(ground, "MinimumBlockDuration")?.unwrap_or(0);
        let longest = constant(ground, "MaximumBlockDuration")?.unwrap_or(u64::MAX);
        Ok(Self { shortest, longest })
    }

    /// Refuses to let a crowdloan last, from the next block, so many blocks.
    pub(super) fn require(self, blocks: u32) -> Result<(), SubmissionError> {
        let Self { shortest, longest } = self;
        let error = match u64::from(blocks) {
            blocks if blocks < shortest => "BlockDurationTooShort",
            blocks if blocks > longest => "BlockDurationTooLong",
            _ => return Ok(()),
        };
        foreseen(error, format!("a crowdloan lasts {shortest} to {longest} blocks from the next one, not {blocks}"))
    }

    /// Whether what lasts so many blocks from the next one may be too short by the time that it stands in one.
    pub(super) fn is_tight(self, blocks: u32) -> bool {
        u64::from(blocks) < self.shortest.saturating_add(UNTIL_INCLUSION.into())
    }

    /// For how many blocks from the next one what is to last `blocks` is asked for: a few more where it would be too short
    /// as soon as it stands in a later one.
    pub(super) fn reaching(self, blocks: u32) -> u32 {
        let least = self.shortest.saturating_add(UNTIL_INCLUSION.into()).min(self.longest);
        blocks.max(u32::try_from(least).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_too_short_once_it_stands_in_a_block_lasts_longer() {
        let span = Span { shortest: 100, longest: 1_000 };
        assert_eq!([100, 110, 116, 117, 1_000].map(|blocks| span.reaching(blocks)), [116, 116, 116, 117, 1_000]);
        assert_eq!([100, 115, 116].map(|blocks| span.is_tight(blocks)), [true, true, false]);
        // Where there is no room for it, what is asked for is asked for.
        assert_eq!(Span { shortest: 100, longest: 105 }.reaching(100), 105);
        assert_eq!([99, 100, 1_000, 1_001].map(|blocks| span.require(blocks).is_ok()), [false, true, true, false]);
    }
}
