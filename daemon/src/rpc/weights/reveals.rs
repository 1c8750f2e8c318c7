//! Commits that wait for their reveal: which there are, and when each can be revealed.
//!
//! Semantics: pallet_subtensor, spec 425. A commit is revealed in one epoch alone, so many after that of the commit.
//! Earlier runtimes counted in blocks; what they keep in the same place is not judged here.

use btd_api::{BlockHash, Hotkey, MechId, NetUid, weights::PendingCommit};
use btd_chain::{ReadError, Value, View, storage_index};

use super::number;
use crate::{
    rpc::{
        receipt::foreseen,
        stake::{self, SUBTENSOR},
    },
    submit::{Ground, Need, SubmissionError},
};

/// The most commits of a hotkey that wait for their reveal on one mechanism.
const MOST: usize = 10;

/// A commit, as the chain keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    hash: BlockHash,
    /// The epoch of the commit, where the runtime counts them.
    epoch: u64,
    block: u64,
}

// === impl Waiting ===

impl Waiting {
    fn read(entry: &serde_json::Value) -> Option<Self> {
        Some(Self {
            hash: entry.get(0)?.as_str()?.parse().ok()?,
            epoch: stake::number(entry.get(1)?)?,
            block: stake::number(entry.get(2)?)?,
        })
    }

    /// The same in the words of the contract.
    pub(super) const fn told(self) -> PendingCommit {
        PendingCommit { hash: self.hash, block: self.block }
    }
}

/// A hotkey's commits that wait for their reveal.
pub(super) async fn commits(
    view: &View,
    (netuid, mechid): (NetUid, MechId),
    hotkey: Hotkey,
) -> Result<Vec<Waiting>, ReadError> {
    let keys = [storage_index(netuid, mechid), Value::from(hotkey)];
    let queue = match view.storage_json(SUBTENSOR, "WeightCommits", &keys).await {
        Ok(queue) => queue,
        Err(ReadError::Absent(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    Ok(queue.as_array().into_iter().flatten().filter_map(Waiting::read).collect())
}

/// Refuses to reveal what was not committed, or not when it can be revealed.
pub(super) async fn check(
    view: &View,
    place: (NetUid, MechId),
    hotkey: Hotkey,
    hash: BlockHash,
) -> Result<(), SubmissionError> {
    let netuid = place.0;
    let commits = commits(view, place, hotkey).await?;
    if commits.is_empty() {
        let words = format!("hotkey {hotkey} has no commit on subnet {netuid} that waits for its reveal: commit first");
        return foreseen("NoWeightsCommitFound", words);
    }
    let Some(commit) = commits.iter().find(|commit| commit.hash == hash) else {
        let words = format!(
            "hotkey {hotkey} has not committed these weights with this salt and version key on subnet {netuid} \
             ({} commits wait, none is {hash})",
            commits.len()
        );
        return foreseen("InvalidRevealCommitHashNotMatch", words);
    };
    let Some(clock) = Clock::read(view, netuid).await? else { return Ok(()) };
    match clock.judge(commit.epoch) {
        Judged::Fit => Ok(()),
        Judged::Early { epoch, blocks } => {
            let words = format!(
                "what was committed at block {} is revealed in epoch {epoch} of subnet {netuid} alone, which begins in \
                 about {blocks} blocks",
                commit.block
            );
            foreseen("RevealTooEarly", words)
        }
        Judged::Late { epoch } => {
            let words = format!(
                "what was committed at block {} could be revealed in epoch {epoch} of subnet {netuid} alone, which is \
                 over: commit again",
                commit.block
            );
            foreseen("ExpiredWeightCommit", words)
        }
    }
}

/// Refuses a commit of a hotkey of which as many wait for their reveal as the chain keeps.
pub(super) async fn require_room(ground: &Ground, place: (NetUid, MechId), pace: Need) -> Result<(), SubmissionError> {
    let (netuid, hotkey) = (place.0, Hotkey(ground.actor));
    let commits = commits(&ground.view, place, hotkey).await?;
    if commits.len() < MOST {
        return Ok(());
    }
    let Some(clock) = Clock::read(&ground.view, netuid).await? else { return Ok(()) };
    let waiting = commits.iter().skip_while(|commit| clock.is_over(commit.epoch)).count();
    if waiting < MOST {
        return Ok(());
    }
    // How long ago the last was made is what the chain asks first.
    ground.require(pace).await?;
    let words = format!(
        "{waiting} commits of hotkey {hotkey} on subnet {netuid} wait for their reveal, and the chain keeps no more than \
         {MOST}: reveal one, or wait until the time of the oldest is over"
    );
    foreseen("TooManyUnrevealedCommits", words)
}

/// What time it is on a subnet, in epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Clock {
    /// The epoch, as the state has it.
    epoch: u64,
    /// Blocks until the next one, counted from the block that can be written next: 0 where that one begins it.
    left: u64,
    tempo: u64,
    /// Epochs between commit and reveal.
    period: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judged {
    Fit,
    Early { epoch: u64, blocks: u64 },
    Late { epoch: u64 },
}

// === impl Clock ===

impl Clock {
    /// None on a runtime that does not count epochs.
    async fn read(view: &View, netuid: NetUid) -> Result<Option<Self>, ReadError> {
        let of = [netuid.into()];
        let numbers = async {
            let epoch = number(view, "SubnetEpochIndex", &of).await?;
            Ok::<_, ReadError>((
                epoch,
                number(view, "RevealPeriodEpochs", &of).await?,
                number(view, "Tempo", &of).await?,
            ))
        };
        let (epoch, period, tempo) = match numbers.await {
            Ok(numbers) => numbers,
            Err(ReadError::Absent(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let next = match view.next_epoch(netuid).await {
            Ok(Some(next)) => u64::from(next.0),
            Ok(None) | Err(ReadError::Absent(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let including = u64::from(view.block().number.0).saturating_add(1);
        Ok(Some(Self { epoch, left: next.saturating_sub(including), tempo, period }))
    }

    /// The epoch that the next block counts: one that it begins counts already there.
    fn next(self) -> u64 {
        self.epoch.saturating_add(u64::from(self.left == 0))
    }

    /// Whether what was committed in epoch `committed` cannot be revealed any more.
    fn is_over(self, committed: u64) -> bool {
        self.next() > committed.saturating_add(self.period)
    }

    /// What is committed in epoch `committed` can be revealed in one epoch alone.
    fn judge(self, committed: u64) -> Judged {
        let epoch = committed.saturating_add(self.period);
        let next = self.next();
        if self.epoch > epoch {
            Judged::Late { epoch }
        } else if next < epoch {
            let whole = (epoch - next).saturating_sub(1).saturating_mul(self.tempo);
            let first = if self.left == 0 { self.tempo } else { self.left };
            Judged::Early { epoch, blocks: first.saturating_add(whole) }
        } else {
            Judged::Fit
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_commit_is_revealed_in_one_epoch_alone() {
        let clock = |epoch, left| Clock { epoch, left, tempo: 100, period: 2 };
        assert_eq!(clock(5, 30).judge(5), Judged::Early { epoch: 7, blocks: 130 });
        assert_eq!(clock(6, 30).judge(5), Judged::Early { epoch: 7, blocks: 30 });
        assert_eq!(clock(6, 0).judge(5), Judged::Fit);
        assert_eq!(clock(5, 0).judge(5), Judged::Early { epoch: 7, blocks: 100 });
        assert_eq!((clock(7, 30).judge(5), clock(7, 0).judge(5)), (Judged::Fit, Judged::Fit));
        assert_eq!(clock(8, 30).judge(5), Judged::Late { epoch: 7 });
        // Room for another is made by the block that begins the next epoch, too.
        assert!(!clock(7, 30).is_over(5) && clock(7, 0).is_over(5) && clock(8, 30).is_over(5));
    }

    #[test]
    fn commits_are_read_as_the_chain_keeps_them() {
        let hash = BlockHash([7; 32]);
        let waiting = Waiting::read(&json!([hash.to_string(), "3", "40", "0"]));
        assert_eq!(waiting, Some(Waiting { hash, epoch: 3, block: 40 }));
        assert_eq!(Waiting::read(&json!([hash.to_string()])), None);
    }
}
