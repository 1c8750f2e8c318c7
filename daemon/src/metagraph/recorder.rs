//! What the refresher does about the past: it records metagraphs in the history, and keeps out of it
//! what is not the chain's.
//!
//! A history that fails is begun anew, and used no more when that fails too; the present is none the worse for it.
//!
//! Where finality binds, what an endpoint denies is missed from then on rather than forgotten: if it was the endpoint that
//! lied, it is read again from the next one. That nobody has a block is no word at all.

use std::sync::Arc;

use btd_api::{BlockHash, BlockNumber, MechId};
use btd_chain::{Finality, Link, ReadError, View};

use super::{History, Snapshot, Table, history::HistoryError, teller};
use crate::causes::with_causes;

/// What was left unsettled is looked at again after so many blocks, or when another endpoint is followed.
const BETWEEN_LOOKS: u32 = 25;

/// Writes the history. One for each refresher.
#[derive(Debug)]
pub(super) struct Recorder {
    link: Link,
    /// None where no history is kept, and after it failed.
    history: Option<History>,
    /// The endpoint that was followed, and its newest block, when something was left unsettled.
    unsettled: Option<(String, BlockNumber)>,
}

/// What comparing the history with the chain has shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Compared {
    /// The first block of the history that is not the chain's.
    pub(super) strange: Option<BlockNumber>,
    /// The first block of the history before that of which nobody has told whether it is.
    pub(super) untold: Option<BlockNumber>,
    /// The first block of the history that the chain has not reached.
    pub(super) beyond: Option<BlockNumber>,
}

/// What the chain says of a block of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// It is the chain's.
    Same,
    /// The chain has another one in its place.
    Other,
    /// Nobody has a block of that number, which says nothing where finality binds: a node that began at a snapshot lacks
    /// those before it.
    Untold,
    /// Its record was damaged, and is gone: it tells nothing of its neighbours.
    Gone,
}

// === impl Compared ===

impl Compared {
    /// The first block that is not known to be the chain's.
    fn first_doubted(&self) -> Option<BlockNumber> {
        [self.strange, self.untold, self.beyond].into_iter().flatten().min()
    }
}

// === impl Recorder ===

impl Recorder {
    pub(super) fn new(link: Link, history: Option<History>) -> Self {
        Self { link, history, unsettled: None }
    }

    /// Notes that the chain may go on from elsewhere than where it was followed to.
    pub(super) fn doubt(&mut self) {
        self.unsettled = None;
        if let Some(history) = &self.history {
            history.doubt_from(Some(BlockNumber(0)));
        }
    }

    /// Begins the history anew after it has failed with `error`; whether it goes on.
    async fn went_on(&mut self, history: &History, error: &HistoryError) -> bool {
        let healed = if error.is_damage() { history.heal().await } else { Ok(()) };
        if error.is_damage() && healed.is_ok() {
            return true;
        }
        let error = with_causes(healed.as_ref().err().unwrap_or(error));
        tracing::error!(error, "the history failed: no more is kept of the past of metagraphs");
        self.give_up();
        false
    }

    /// Uses the history no more, neither for what is to come nor for what it has.
    fn give_up(&mut self) {
        self.doubt();
        if let Some(history) = self.history.take() {
            history.give_up();
        }
    }

    /// Takes out of the history what it has of blocks that are not the chain's: it was taken back, or begins
    /// anew under the same genesis, as development chains do; or an endpoint that was followed has lied. What lies
    /// beyond the newest block, where a node may only have to catch up, is looked at when the chain gets there.
    pub(super) async fn verify(&mut self, newest: BlockNumber) {
        let Some((history, genesis)) = self.history.clone().zip(self.link.genesis()) else { return };
        if history.is_certain(newest) || self.has_looked(newest) {
            return;
        }
        let compared = match compare(&history, genesis, newest, &self.link).await {
            Ok(compared) => compared,
            Err(error) => {
                tracing::debug!(%error, "could not compare the history with the chain");
                return;
            }
        };
        history.doubt_from(compared.first_doubted());
        if let (Some(first), None) = (compared.untold, &self.unsettled) {
            tracing::info!(
                first = first.0,
                "no endpoint has the hashes of blocks of which metagraphs were recorded: the records from there on are kept, \
                 and told as not certain, until one has, or a later record is known to be the chain's"
            );
        }
        self.unsettled = teller::followed(&self.link).filter(|_| compared.untold.is_some()).map(|who| (who, newest));
        let Some(first) = compared.strange else { return };
        let taken_out = if self.link.finality() == Finality::Revocable {
            tracing::info!(first = first.0, "the history had blocks that the chain has not: they are forgotten");
            history.forget_from(genesis, first).await
        } else {
            tracing::warn!(
                first = first.0,
                "the history of metagraphs had blocks that the chain has not: what was recorded of them is read again"
            );
            history.lose_from(genesis, first).await
        };
        if let Err(error) = taken_out {
            self.went_on(&history, &error).await;
            return;
        }
        // With it went what lay behind it.
        history.doubt_from(compared.untold);
    }

    /// Whether what was left unsettled was looked at a short while ago, with the endpoint that is followed.
    fn has_looked(&self, newest: BlockNumber) -> bool {
        let Some((endpoint, at)) = &self.unsettled else { return false };
        self.link.finality() == Finality::Binding
            && newest.0.saturating_sub(at.0) < BETWEEN_LOOKS
            && teller::followed(&self.link).as_ref() == Some(endpoint)
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
                if self.went_on(&history, &error).await {
                    continue;
                }
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
    let mut strange = None;
    // The last one tells as a rule; only else the place is searched for.
    let mut probe = blocks.len().checked_sub(1);
    while let Some(at) = probe.filter(|_| known < unknown) {
        let Some(block) = blocks.get(at).copied() else { break };
        match word(history, genesis, block, link).await? {
            Word::Same => known = at.saturating_add(1),
            Word::Other => (unknown, strange) = (at, Some(block)),
            Word::Untold => unknown = at,
            Word::Gone => {
                blocks.remove(at);
                unknown = unknown.saturating_sub(1);
            }
        }
        probe = Some(known.midpoint(unknown));
    }
    let untold = blocks.get(known).copied().filter(|first| strange.is_none_or(|strange| *first < strange));
    Ok(Compared { strange, untold, beyond: beyond.first().copied() })
}

/// What the chain says of the block that was recorded under that number.
async fn word(history: &History, genesis: BlockHash, block: BlockNumber, link: &Link) -> Result<Word, ReadError> {
    let Ok(Some(recorded)) = history.recorded_hash(genesis, block).await else { return Ok(Word::Gone) };
    Ok(match link.block_hash(block).await? {
        Some(found) if found == recorded => Word::Same,
        None if link.finality() == Finality::Binding => Word::Untold,
        Some(_) | None => Word::Other,
    })
}
