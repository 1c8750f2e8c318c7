//! Snapshots: heads to which the chain can be taken back, with its clock and what waited in its pool.
//!
//! While there is one, every state since the oldest stays in memory. Snapshots do not outlive the process.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{BlockClock, Producer};
use crate::{
    BlockId,
    chain::{Block, ChainError, difference},
    node::{Change, News},
    pool::Extrinsic,
    store::StoreError,
};

/// Names a snapshot. Written `0x1`, as hardhat and anvil do; read as a number too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId(pub u64);

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl Serialize for SnapshotId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Not the name of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a snapshot, such as 0x1")]
pub struct ParseSnapshotIdError(String);

impl FromStr for SnapshotId {
    type Err = ParseSnapshotIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
        number.map(Self).ok_or_else(|| ParseSnapshotIdError(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for SnapshotId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(u64),
            Text(String),
        }
        match Form::deserialize(deserializer) {
            Ok(Form::Number(number)) => Ok(Self(number)),
            Ok(Form::Text(text)) => text.parse().map_err(serde::de::Error::custom),
            Err(_) => Err(serde::de::Error::custom("not the name of a snapshot, such as 0x1")),
        }
    }
}

/// Why the chain was not taken back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    #[error("there is no snapshot {0}")]
    Unknown(SnapshotId),
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

struct Snapshot {
    id: SnapshotId,
    block: Arc<Block>,
    clock: BlockClock,
    /// What the timestamp of the next block would have been.
    next_timestamp: u64,
    waiting: Vec<Arc<Extrinsic>>,
}

/// All snapshots, oldest first.
#[derive(Default)]
pub(crate) struct Snapshots {
    all: Vec<Snapshot>,
    taken: u64,
}

impl Snapshots {
    /// Every snapshot with its block.
    pub(crate) fn list(&self) -> Vec<(SnapshotId, BlockId)> {
        let block = |block: &Block| BlockId { number: block.number(), hash: block.hash.0 };
        self.all.iter().map(|snapshot| (snapshot.id, block(&snapshot.block))).collect()
    }
}

impl Producer {
    /// Remembers the head, the clock and the pool.
    pub(crate) fn take_snapshot(&mut self) -> SnapshotId {
        let block = self.node.chain.head();
        self.snapshots.taken += 1;
        let id = SnapshotId(self.snapshots.taken);
        self.snapshots.all.push(Snapshot {
            id,
            next_timestamp: self.clock.timestamp(block.number().saturating_add(1)),
            clock: self.clock.clone(),
            waiting: self.node.pool().waiting(),
            block,
        });
        self.pin();
        id
    }

    fn pin(&self) {
        self.node.chain.pin(self.snapshots.all.first().map(|oldest| oldest.block.number()));
    }

    /// Takes the chain back to a snapshot. That snapshot and all after it are spent.
    pub(crate) fn revert(&mut self, id: SnapshotId) -> Result<Arc<Block>, SnapshotError> {
        let position = self.snapshots.all.iter().position(|snapshot| snapshot.id == id);
        let position = position.ok_or(SnapshotError::Unknown(id))?;
        if let (Some(store), Some(snapshot)) = (&mut self.store, self.snapshots.all.get(position)) {
            let (_, now) = self.node.chain.state(None)?;
            let (_, then) = self.node.chain.state(Some(snapshot.block.hash))?;
            let changes = difference(&now, &then).map_err(ChainError::Backend)?;
            store.cut_back(&snapshot.block, &changes)?;
        }
        let mut spent = self.snapshots.all.drain(position..);
        let snapshot = spent.next().ok_or(SnapshotError::Unknown(id))?;
        drop(spent);
        let Snapshot { block, clock, next_timestamp, waiting, .. } = snapshot;
        self.node.chain.cut_back(block.number());
        self.pin();
        self.clock.rewind(clock, block.number().saturating_add(1), next_timestamp);
        self.node.faults.cut_back(block.number());
        self.node.pool().clear();
        for extrinsic in waiting {
            // It was valid on this state; one that has run out of time meanwhile is simply gone.
            let _ = self.node.submit(extrinsic.bytes.clone(), None);
        }
        tracing::info!(snapshot = %id, head = block.number(), "took the chain back to a snapshot");
        // Nobody may be listening.
        let _ = self.node.news.send(Arc::new(News { block: block.clone(), change: Change::CutBack }));
        Ok(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_named_in_hexadecimal() {
        assert_eq!(serde_json::to_value(SnapshotId(26)).unwrap(), "0x1a");
        for text in ["\"0x1a\"", "26"] {
            assert_eq!(serde_json::from_str::<SnapshotId>(text).unwrap(), SnapshotId(26));
        }
        for text in ["\"26\"", "\"0x\"", "-1", "\"0x10000000000000000\"", "{}"] {
            assert!(serde_json::from_str::<SnapshotId>(text).is_err(), "{text}");
        }
    }
}
