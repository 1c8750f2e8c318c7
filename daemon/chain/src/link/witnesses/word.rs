//! The word of an endpoint about the history that is followed.

use std::time::{Duration, Instant};

use btd_api::BlockNumber;

/// What an endpoint says of the history that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::link) enum Word {
    /// It has what was followed at this height.
    Has(BlockNumber),
    /// It has another block in the place of one that was followed.
    Other {
        /// The height of that.
        block: BlockNumber,
        /// The newest one that it has.
        newest: BlockNumber,
    },
    /// It has never heard of the block that was followed last, though it does not catch up with its chain.
    Lacks {
        /// That block.
        block: BlockNumber,
        /// The newest one that it has.
        newest: BlockNumber,
    },
}

/// The last word of an endpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    pub(super) word: Word,
    /// Since when it has said the same.
    pub(super) since: Instant,
    /// When it said so last.
    pub(super) at: Instant,
    /// When it was last seen to have got further meanwhile: one that stands still has heard of nothing, and says
    /// nothing by that; nor is there anything to follow.
    pub(super) went_on: Option<Instant>,
    /// Whether the endpoint was named.
    pub(super) is_named: bool,
}

// === impl Word ===

impl Word {
    /// The newest block that an endpoint has which contradicts.
    pub(super) fn newest(self) -> Option<BlockNumber> {
        match self {
            Self::Has(_) => None,
            Self::Other { newest, .. } | Self::Lacks { newest, .. } => Some(newest),
        }
    }
}

// === impl Said ===

impl Said {
    /// The height that it contradicts, if it does.
    pub(super) fn disputed(&self) -> Option<BlockNumber> {
        match self.word {
            Word::Has(_) => None,
            Word::Other { block, .. } => Some(block),
            Word::Lacks { block, .. } => self.went_on.map(|_| block),
        }
    }

    /// The height of what it does not have, if there is any.
    pub(super) fn missed(&self) -> Option<BlockNumber> {
        match self.word {
            Word::Has(_) => None,
            Word::Other { block, .. } | Word::Lacks { block, .. } => Some(block),
        }
    }

    /// Whether it outweighs one that stands by what was followed.
    pub(super) fn is_weighty(&self, far: u32) -> bool {
        match self.word {
            Word::Has(_) => false,
            Word::Other { .. } => true,
            Word::Lacks { block, newest } => self.went_on.is_some() && newest.0.saturating_add(far) < block.0,
        }
    }

    /// Whether it has another block in the place of one that was followed, and its chain was seen to go on from there
    /// within `term`.
    pub(super) fn goes_on_instead(&self, term: Duration, now: Instant) -> bool {
        let went_on = self.went_on.is_some_and(|at| now.saturating_duration_since(at) <= term);
        matches!(self.word, Word::Other { .. }) && went_on
    }
}
