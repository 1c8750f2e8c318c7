//! How the link stands, for whoever wants to know or wait.

use std::time::{Duration, Instant};

use btd_api::{BlockHash, BlockNumber};

use crate::{block::BlockRef, error::ConnectError};

/// A finalized block and when it became known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The block.
    pub block: BlockRef,
    /// When it was read.
    pub at: Instant,
}

/// How the link stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// Trying an endpoint.
    Connecting {
        /// The endpoint being tried.
        endpoint: String,
        /// Attempts since the last success, this one included.
        attempt: u32,
        /// The newest block known from before.
        last: Option<Seen>,
        /// Why the attempt before this one failed.
        cause: Option<ConnectError>,
    },
    /// Blocks arrive.
    Live {
        /// The endpoint in use.
        endpoint: String,
        /// The hash of block 0.
        genesis: BlockHash,
        /// The runtime in the state behind the newest block.
        spec_version: u32,
        /// The newest block that was followed.
        finalized: Seen,
        /// The newest block that the endpoint has announced: ahead of `finalized` while catching up.
        announced: BlockNumber,
        /// When the connection became live.
        since: Instant,
    },
    /// Waiting before the next attempt.
    Lost {
        /// The newest block known.
        last: Option<Seen>,
        /// When the link was lost.
        since: Instant,
        /// Why.
        cause: ConnectError,
        /// How long after `since` the next attempt is made.
        retry_after: Duration,
    },
}

// === impl LinkState ===

impl LinkState {
    /// Whether blocks arrive.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Live { .. })
    }

    /// The newest finalized block known, however the link stands.
    pub fn finalized(&self) -> Option<Seen> {
        match self {
            Self::Live { finalized, .. } => Some(*finalized),
            Self::Connecting { last, .. } | Self::Lost { last, .. } => *last,
        }
    }

    /// What is wrong, if anything is known to be.
    pub fn cause(&self) -> Option<&ConnectError> {
        match self {
            Self::Live { .. } => None,
            Self::Connecting { cause, .. } => cause.as_ref(),
            Self::Lost { cause, .. } => Some(cause),
        }
    }
}
