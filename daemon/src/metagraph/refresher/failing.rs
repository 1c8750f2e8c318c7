//! What a read that failed says: of the block, of the way to the chain, or of the subnet that was read.
//!
//! The last two look alike. A request that is not answered, or with which the connection ends, may be one that this
//! endpoint never answers, and everything else it does. So a subnet is put back the first time, and counts as one that
//! cannot be read the second time in a row: the others go on without it. With a connection end the requests beside the one
//! that ended it too, so after that one subnet is read at a time, until nothing fails any more. Where too much is asked of
//! a node nothing is said of anybody: less is asked at the same time.

use std::collections::{BTreeMap, BTreeSet};

use btd_api::{BlockNumber, NetUid};
use btd_chain::ReadError;

use super::super::Broken;

/// How many metagraphs are asked for at the same time, at the most.
const AT_ONCE: usize = 4;

/// What has not been read because of the way to the chain.
#[derive(Debug)]
pub(super) struct Failing {
    /// The subnets whose last reading has failed in a way that may be their own.
    suspects: BTreeSet<NetUid>,
    /// How many metagraphs are asked for at the same time.
    at_once: usize,
    /// How many may be, behind the reading that is under way.
    then_at_once: usize,
    /// Whether something was put back in it.
    is_held_up: bool,
}

/// What becomes of a subnet that was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The chain is out of reach: neither it nor anything else is read now.
    Over,
    /// It is put back, and read again soon.
    Again,
    /// It cannot be read.
    Broken,
}

// === impl Failing ===

impl Failing {
    /// A reading begins: how many metagraphs are asked for at the same time.
    pub(super) fn begin(&mut self) -> usize {
        self.at_once = self.then_at_once;
        self.then_at_once = self.at_once.saturating_add(1).min(AT_ONCE);
        self.is_held_up = false;
        self.at_once
    }

    /// Whether the last reading has put something back.
    pub(super) fn is_held_up(&self) -> bool {
        self.is_held_up
    }

    /// A subnet was read.
    pub(super) fn is_read(&mut self, netuid: NetUid) {
        self.suspects.remove(&netuid);
    }

    /// What becomes of a subnet whose reading has failed, alone or while others were read beside it. What is about the
    /// block is about all of them, and not for this to say.
    pub(super) fn judge(&mut self, netuid: NetUid, error: &ReadError, is_alone: bool) -> Verdict {
        let (at_once, may_be_its_own) = match error {
            ReadError::NotConnected { .. } => {
                self.is_held_up = true;
                return Verdict::Over;
            }
            ReadError::NoTurn { .. } => ((self.at_once / 2).max(1), false),
            ReadError::Deadline { .. } => (self.at_once, true),
            // What is too large ends the connection.
            ReadError::Cut { .. } | ReadError::Oversized { .. } => (1, is_alone),
            _ => return Verdict::Broken,
        };
        self.then_at_once = self.then_at_once.min(at_once);
        // The second time in a row, which is told by its being among them already.
        if may_be_its_own && !self.suspects.insert(netuid) {
            return Verdict::Broken;
        }
        self.is_held_up = true;
        Verdict::Again
    }
}

impl Default for Failing {
    fn default() -> Self {
        Self { suspects: BTreeSet::new(), at_once: AT_ONCE, then_at_once: AT_ONCE, is_held_up: false }
    }
}

/// Whether a read failed because of the block at which it was made.
pub(in crate::metagraph) fn is_about_the_block(error: &ReadError) -> bool {
    matches!(
        error,
        ReadError::UnknownBlock { .. }
            | ReadError::NotKept { .. }
            | ReadError::TakenBack { .. }
            | ReadError::Pruned { .. }
            | ReadError::NoArchive { .. }
    )
}

/// Whether a read failed because of the way to the chain, and not because of what was read.
pub(in crate::metagraph) fn is_about_the_link(error: &ReadError) -> bool {
    match error {
        ReadError::NotConnected { .. }
        | ReadError::Deadline { .. }
        | ReadError::NoTurn { .. }
        | ReadError::Cut { .. }
        | ReadError::UnknownBlock { .. }
        | ReadError::NotKept { .. }
        | ReadError::TakenBack { .. }
        | ReadError::NoArchive { .. }
        | ReadError::Pruned { .. } => true,
        ReadError::Refused { .. }
        | ReadError::Oversized { .. }
        | ReadError::Absent(_)
        | ReadError::Argument { .. }
        | ReadError::Decode { .. }
        | ReadError::Garbled { .. } => false,
    }
}

/// Notes that a subnet could not be read; the others are none the worse for it.
pub(in crate::metagraph) fn break_off(
    broken: &mut BTreeMap<NetUid, Broken>,
    netuid: NetUid,
    at: BlockNumber,
    error: &ReadError,
) {
    // With one that is too large the connection ends each time that it is asked for.
    let is_unanswered = is_about_the_link(error) || matches!(error, ReadError::Oversized { .. });
    let reason = error.to_string();
    let since = if let Some(before) = broken.get(&netuid) {
        before.since
    } else {
        tracing::warn!(%netuid, %error, "could not read a subnet's metagraph: the others go on without it");
        at
    };
    broken.insert(netuid, Broken { since, tried: at, reason, is_unanswered });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ONE: NetUid = NetUid(1);

    fn deadline() -> ReadError {
        ReadError::Deadline { what: "a metagraph".to_owned(), after: Duration::from_secs(20) }
    }

    fn cut() -> ReadError {
        ReadError::Cut { what: "a metagraph".to_owned() }
    }

    fn no_turn() -> ReadError {
        ReadError::NoTurn { what: "a metagraph".to_owned(), after: Duration::from_secs(20), is_slowed: true }
    }

    #[test]
    fn the_second_failure_in_a_row_is_the_subnets_own() {
        let mut failing = Failing::default();
        assert_eq!((failing.begin(), failing.is_held_up()), (AT_ONCE, false));
        assert_eq!(failing.judge(ONE, &deadline(), false), Verdict::Again);
        assert!(failing.is_held_up());
        failing.begin();
        failing.is_read(ONE);
        assert!(!failing.is_held_up());
        assert_eq!(failing.judge(ONE, &deadline(), false), Verdict::Again, "it was read in between");
        assert_eq!(failing.judge(NetUid(2), &deadline(), false), Verdict::Again, "another one");
        failing.begin();
        assert_eq!(failing.judge(ONE, &deadline(), false), Verdict::Broken);
        assert!(!failing.is_held_up());
        // What can be told at once is.
        let garbled = ReadError::Garbled { what: "a metagraph".to_owned(), reason: "half of it".to_owned() };
        assert_eq!(failing.judge(NetUid(3), &garbled, false), Verdict::Broken);
    }

    #[test]
    fn with_a_connection_end_the_requests_of_others_too() {
        for ended in [cut(), ReadError::Oversized { what: "a metagraph".to_owned() }] {
            let mut failing = Failing::default();
            failing.begin();
            for _ in 0..3 {
                assert_eq!(failing.judge(ONE, &ended, false), Verdict::Again);
            }
            assert_eq!(failing.begin(), 1, "from then on each is read alone");
            assert_eq!(failing.judge(ONE, &ended, true), Verdict::Again);
            assert_eq!(failing.begin(), 1);
            assert_eq!(failing.judge(ONE, &ended, true), Verdict::Broken);
            assert_eq!(
                [failing.begin(), failing.begin(), failing.begin(), failing.begin(), failing.begin()],
                [1, 2, 3, 4, 4]
            );
        }
    }

    #[test]
    fn of_a_node_that_answers_few_requests_less_is_asked_at_once_and_nobody_is_blamed() {
        let mut failing = Failing::default();
        let asked: Vec<usize> = (0..4)
            .map(|_| {
                let at_once = failing.begin();
                assert_eq!(failing.judge(ONE, &no_turn(), at_once == 1), Verdict::Again);
                at_once
            })
            .collect();
        assert_eq!(asked, [4, 2, 1, 1]);
        let away = ReadError::NotConnected { cause: None };
        assert_eq!(failing.judge(ONE, &away, true), Verdict::Over);
        assert!(failing.is_held_up());
    }
}
