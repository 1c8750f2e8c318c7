//! What the refresher does about the past: it records metagraphs in the history, and keeps out of it
//! what is not the chain's.
//!
//! A history that fails is used no more; the present is none the worse for it.

use std::sync::Arc;

use btd_api::{BlockHash, BlockNumber, MechId};
use btd_chain::{Link, ReadError, View};

use super::{History, Snapshot, Table, history::HistoryError};
use crate::causes::with_causes;

/// Writes the history. One for each refresher.
#[derive(Debug)]
pub(super) struct Recorder {
    link: Link,
    /// None where no history is kept, and after it failed.
    history: Option<History>,
}

/// What comparing the history with the chain has shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Compared {
    /// The first block of the history that is not the chain's.
    pub(super) strange: Option<BlockNumber>,
    /// The first block of the history that the chain has not reached.
    pub(super) beyond: Option<BlockNumber>,
}

// === impl Recorder ===

impl Recorder {
    pub(super) fn new(link: Link, history: Option<History>) -> Self {
        Self { link, history }
    }

    /// Notes that the chain may go on from elsewhere than where it was followed to.
    pub(super) fn doubt(&mut self) {
        if let Some(history) = &self.history {
            history.doubt_from(Some(BlockNumber(0)));
        }
    }

    /// Uses the history no more, neither for what is to come nor for what it has.
    fn give_up(&mut self) {
        self.doubt();
        self.history = None;
    }

    /// Forgets what the history has of blocks that are not the chain's: it was taken back, or begins
    /// anew under the same genesis, as development chains do. What lies beyond the newest block, where
    /// a node may only have to catch up, is looked at when the chain gets there.
    pub(super) async fn verify(&mut self, newest: BlockNumber) {
        let Some((history, genesis)) = self.history.clone().zip(self.link.genesis()) else { return };
        if history.is_certain(newest) {
            return;
        }
        let Compared { strange, beyond } = match compare(&history, genesis, newest, &self.link).await {
            Ok(compared) => compared,
            Err(error) => {
                tracing::debug!(%error, "could not compare the history with the chain");
                return;
            }
        };
        history.doubt_from(strange.or(beyond));
        let Some(first) = strange else { return };
        tracing::info!(first = first.0, "the history had blocks that the chain has not: they are forgotten");
        if let Err(error) = history.forget_from(genesis, first).await {
            tracing::error!(error = with_causes(&error), "the history failed: no more is kept of it");
            self.give_up();
            return;
        }
        // With it went what lay behind it.
        history.doubt_from(None);
    }

    /// Records a metagraph, and those of the subnet's other mechanisms: as they are kept, or else as the
    /// chain has them.
    pub(super) async fn record(&mut self, view: &View, snapshot: &Snapshot) {
        let Some((history, genesis)) = self.history.clone().zip(self.link.genesis()) else { return };
        let Some(main) = snapshot.table() else { return };
        let mut tables = vec![Arc::clone(main)];
        // Of an old runtime, or a block that is gone already, there is the main one.
        let mechanisms = match snapshot.mechanisms() {
            Some(kept) => kept,
            None => view.mechanisms(main.netuid).await.unwrap_or(1),
        };
        for mechid in (1..mechanisms).map(MechId) {
            if let Some(table) = snapshot.of_mechanism(mechid).and_then(|kept| kept.table()) {
                tables.push(Arc::clone(table));
            } else if let Ok(Some(raw)) = view.mechagraph(main.netuid, mechid).await {
                tables.push(Arc::new(Table::of(&raw, main.at)));
            }
        }
        for table in &tables {
            if let Err(error) = history.record(genesis, table).await {
                if let HistoryError::TooLarge { .. } = error {
                    tracing::warn!(netuid = %table.netuid, %error, "a metagraph is not in the history");
                    continue;
                }
                let error = with_causes(&error);
                tracing::error!(error, "the history failed: no more is kept of the past of metagraphs");
                self.give_up();
                return;
            }
        }
    }
}

/// Compares the history up to `newest` with the chain. Up to some block all is the chain's, and
/// behind it nothing.
pub(super) async fn compare(
    history: &History,
    genesis: BlockHash,
    newest: BlockNumber,
    link: &Link,
) -> Result<Compared, ReadError> {
    let mut blocks = history.recorded_blocks(genesis).await;
    let beyond = blocks.split_off(blocks.partition_point(|block| *block <= newest));
    let (mut known, mut unknown) = (0, blocks.len());
    // The last one tells as a rule; only else the place is searched for.
    let mut probe = blocks.len().checked_sub(1);
    while let Some(at) = probe.filter(|_| known < unknown) {
        let Some(block) = blocks.get(at).copied() else { break };
        match history.recorded_hash(genesis, block).await {
            Ok(Some(recorded)) if link.block_hash(block).await? == Some(recorded) => known = at.saturating_add(1),
            Ok(Some(_)) => unknown = at,
            // It was damaged, and is gone: it tells nothing of its neighbours.
            Ok(None) | Err(_) => {
                blocks.remove(at);
                unknown = unknown.saturating_sub(1);
            }
        }
        probe = Some(known.midpoint(unknown));
    }
    Ok(Compared { strange: blocks.get(unknown).copied(), beyond: beyond.first().copied() })
}
