//! Which block something was read at, and when btd learnt of that block.
//!
//! The time is the wall clock's, because stamps outlive the process: a cached metagraph still says
//! how old it is after a restart. Nothing is decided by it; it is shown.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use btd_chain::{BlockRef, Link, Seen};
use serde::{Deserialize, Serialize};

/// A block and the time at which btd learnt of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The block.
    pub block: BlockRef,
    /// Milliseconds since 1970.
    pub learnt_ms: u64,
}

// === impl Stamp ===

impl Stamp {
    /// The stamp of a block that `link` has followed just now or is following: a block other than
    /// its newest counts as learnt now.
    pub fn of(block: BlockRef, link: &Link) -> Self {
        let seen = link.state().borrow().finalized();
        let age = seen.filter(|seen| seen.block == block).map_or(Duration::ZERO, |seen| seen.at.elapsed());
        Self { block, learnt_ms: since_1970().saturating_sub(millis(age)) }
    }

    /// How long ago btd learnt of the block, in milliseconds.
    pub fn age_ms(&self) -> u64 {
        since_1970().saturating_sub(self.learnt_ms)
    }
}

impl From<Seen> for Stamp {
    fn from(seen: Seen) -> Self {
        let age = Instant::now().saturating_duration_since(seen.at);
        Self { block: seen.block, learnt_ms: since_1970().saturating_sub(millis(age)) }
    }
}

/// What the clock on the wall shows, in milliseconds since 1970.
pub(crate) fn since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
