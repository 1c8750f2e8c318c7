//! When stakes change without an event that tells of it: what the events of blocks cannot be trusted with.

use super::Runtime;

/// When stakes change in any number of subnets, and on root, without an event that tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SilentStake {
    /// Never: root dividends wait for whoever claims them, and an event tells of each claim.
    Never,
    /// With the epoch of any subnet, which adds root dividends to stakes on root: they count in every subnet.
    AtEpochs,
    /// In any block. Before there were pools an epoch put aside what it had made, and stakes grew by it in later blocks:
    /// in the next one at first, and in one of each hotkey's own at last. A hotkey's stake was one in all subnets.
    AtBlocks,
}

// === impl Runtime ===

impl Runtime {
    /// When this runtime changes stakes without an event that tells of it.
    pub fn silent_stake(&self) -> SilentStake {
        if self.has_event("SubtensorModule", "RootClaimed") {
            SilentStake::Never
        } else if self.has_pools() {
            SilentStake::AtEpochs
        } else {
            SilentStake::AtBlocks
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generations::{generations, lacking};

    #[test]
    fn each_generation_is_silent_at_its_own_times() {
        use SilentStake::{AtBlocks, AtEpochs, Never};
        let silent = generations().map(|runtime| runtime.silent_stake());
        assert_eq!(silent, [AtBlocks, AtBlocks, Never, Never, Never]);
        // There were pools for a year before root dividends were claimed.
        assert_eq!(lacking(&["RootClaimed"]).silent_stake(), AtEpochs);
        assert_eq!(lacking(&["RootClaimed", "SubnetAlphaIn"]).silent_stake(), AtBlocks);
    }
}
