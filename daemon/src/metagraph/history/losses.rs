//! What of the history was lost: noticed, told as gaps, and made good.
//!
//! A record is lost when it is damaged, when one is that it tells the difference from, and when the roll names it and
//! the store has it not; then those behind it in its group are too (`history/stock.rs`). The roll goes on naming what
//! was lost until it is recorded again (`metagraph/restorer.rs`) or would have gone with the oldest, so that it is
//! missed by the next process too.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use btd_api::{BlockHash, BlockNumber, MechId, NetUid};

use super::{
    History, HistoryError, LONGEST_GROUP, Room,
    index::{Index, Subject},
    roll::{Place, Roll},
};
use crate::{cache::Batch, metagraph::table::Table};

/// What is held of a history in memory.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) index: Index,
    pub(super) roll: Roll,
    /// Why what was lost could not be read again when that was tried last.
    troubles: BTreeMap<Place, Arc<str>>,
}

/// Records of a subnet and mechanism that were lost, with none that is kept between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The block of the first.
    pub first: BlockNumber,
    /// The block of the last one.
    pub last: BlockNumber,
    /// How many there are.
    pub records: usize,
    /// Why they could not be read again when that was tried last; none before it was.
    pub trouble: Option<Arc<str>>,
}

/// Lost records of one subnet and mechanism that are read again one after the other, so that each says what is other
/// than in the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::metagraph) struct Run {
    pub(in crate::metagraph) netuid: NetUid,
    pub(in crate::metagraph) mechid: MechId,
    /// Their blocks in order, each with whether weights and bonds were part of the record.
    pub(in crate::metagraph) blocks: Vec<(BlockNumber, bool)>,
}

// === impl Held ===

impl Held {
    pub(super) fn of(roll: Roll) -> Self {
        Self { index: Index::default(), roll, troubles: BTreeMap::new() }
    }

    /// Enters that a record is kept, and whether weights and bonds are part of it.
    pub(super) async fn keep(&mut self, place: Place, with_rows: bool) {
        self.troubles.remove(&place);
        self.roll.keep([(place, with_rows)]).await;
    }

    /// What was lost of that chain, each with whether weights and bonds were part of it.
    fn lost_of(&self, genesis: BlockHash) -> impl Iterator<Item = (&Place, bool)> {
        let lost = self.roll.entries().lost.iter();
        lost.filter(move |((subject, _), _)| subject.genesis == genesis).map(|(place, with_rows)| (place, *with_rows))
    }

    /// Strikes off what is to go to make room, and with it what was lost and would have gone before.
    pub(super) async fn strike_evicted(&mut self, genesis: BlockHash, evicted: Vec<Place>) {
        if evicted.is_empty() {
            return;
        }
        let oldest = self.index.oldest(genesis);
        let outlived = |block: BlockNumber| oldest.is_some_and(|oldest| block < oldest);
        let lost: Vec<Place> =
            self.lost_of(genesis).map(|(place, _)| *place).filter(|(_, block)| outlived(*block)).collect();
        self.roll.strike(evicted.into_iter().chain(lost)).await;
    }

    /// Strikes off what is to go because the chain has other blocks from `first` on, and what was lost of those.
    pub(super) async fn strike_from(&mut self, genesis: BlockHash, first: BlockNumber, gone: Vec<Place>) {
        let lost: Vec<Place> =
            self.lost_of(genesis).map(|(place, _)| *place).filter(|(_, block)| *block >= first).collect();
        self.roll.strike(gone.into_iter().chain(lost)).await;
    }

    /// The gaps of a subject from block `from` to block `to`.
    fn gaps(&self, subject: Subject, (from, to): (BlockNumber, BlockNumber)) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = Vec::new();
        if from > to {
            return gaps;
        }
        for (place, _) in self.roll.entries().lost.range((subject, from)..=(subject, to)) {
            let (_, block) = *place;
            let trouble = self.troubles.get(place).cloned();
            match gaps.last_mut() {
                Some(gap) if gap.trouble == trouble && !self.index.has_between(subject, gap.last, block) => {
                    (gap.last, gap.records) = (block, gap.records.saturating_add(1));
                }
                _ => gaps.push(Gap { first: block, last: block, records: 1, trouble }),
            }
        }
        gaps
    }
}

// === impl History ===

impl History {
    /// Notes that a group is damaged from its record of block `from` on: that one and those behind it are lost.
    pub(super) async fn lose(
        &self,
        held: &mut Held,
        (subject, start, from): (Subject, BlockNumber, BlockNumber),
        reason: &str,
    ) -> Result<(), HistoryError> {
        let gone = held.index.drop_damaged(subject, start, from);
        let (netuid, mechid, block, records) = (subject.netuid, subject.mechid, from.0, gone.records.len());
        tracing::warn!(%netuid, %mechid, block, records, reason, "part of the history of a metagraph was damaged, and is dropped");
        let written = self.store.write(removing(&gone.keys)).await;
        held.roll.lose(gone.records).await;
        self.store.news.notify_one();
        Ok(written?)
    }

    /// Takes out what is kept of blocks from `first` on, in whose place the chain has others: as if it were lost, so that
    /// what the chain has there is read again.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(in crate::metagraph) async fn lose_from(
        &self,
        genesis: BlockHash,
        first: BlockNumber,
    ) -> Result<(), HistoryError> {
        let mut held = self.state.lock().await;
        let gone = held.index.forget_from(genesis, first);
        let written = self.store.write(removing(&gone.keys)).await;
        held.roll.lose(gone.records).await;
        self.store.news.notify_one();
        Ok(written?)
    }

    /// Notes that these records were lost.
    pub(super) async fn note_lost(&self, held: &mut Held, lost: BTreeSet<Place>) {
        if lost.is_empty() {
            return;
        }
        let blocks = || lost.iter().map(|(_, block)| block.0);
        let (records, first, last) = (lost.len(), blocks().min(), blocks().max());
        tracing::warn!(
            records,
            first,
            last,
            "records of the history of metagraphs were lost: they are read again where an endpoint still has their state"
        );
        held.index.note_damage();
        held.roll.lose(lost).await;
        self.store.news.notify_one();
    }

    /// What of a subnet and mechanism was lost from block `from` to block `to`, as far as it was not made good.
    pub async fn gaps(
        &self,
        genesis: BlockHash,
        (netuid, mechid): (NetUid, MechId),
        blocks: (BlockNumber, BlockNumber),
    ) -> Vec<Gap> {
        self.state.lock().await.gaps(Subject { genesis, netuid, mechid }, blocks)
    }

    /// What [`Self::told`] tells, and the gaps between, as of one moment: what is restored or lost while it is read is
    /// told as the one or as the other.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn told_with_gaps(
        &self,
        genesis: BlockHash,
        (netuid, mechid): (NetUid, MechId),
        (from, to): (BlockNumber, BlockNumber),
        count: usize,
    ) -> Result<(Vec<(Table, bool)>, Vec<Gap>), HistoryError> {
        let subject = Subject { genesis, netuid, mechid };
        loop {
            let told = self.told(genesis, (netuid, mechid), (from, to), count).await?;
            let held = self.state.lock().await;
            let is_kept = held.index.blocks(subject, from, to, count);
            if is_kept.iter().eq(told.iter().map(|(table, _)| &table.at.block.number)) {
                return Ok((told, held.gaps(subject, (from, to))));
            }
        }
    }

    /// How many records of that chain were lost and not made good.
    pub async fn lost(&self, genesis: BlockHash) -> usize {
        self.state.lock().await.lost_of(genesis).count()
    }

    /// What was lost of that chain, the newest first.
    pub(in crate::metagraph) async fn lost_runs(&self, genesis: BlockHash) -> Vec<Run> {
        let mut of_subjects: BTreeMap<(NetUid, MechId), Vec<(BlockNumber, bool)>> = BTreeMap::new();
        for ((subject, block), with_rows) in self.state.lock().await.lost_of(genesis) {
            of_subjects.entry((subject.netuid, subject.mechid)).or_default().push((*block, with_rows));
        }
        let runs = of_subjects.into_iter().flat_map(|((netuid, mechid), blocks)| {
            let blocks = blocks.rchunks(LONGEST_GROUP).map(<[_]>::to_vec).collect::<Vec<_>>();
            blocks.into_iter().map(move |blocks| Run { netuid, mechid, blocks })
        });
        let mut runs: Vec<Run> = runs.collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.blocks.last().map(|(block, _)| *block)));
        runs
    }

    /// Whether what was lost of that block would stay, were it recorded again and as large as others are.
    pub(in crate::metagraph) async fn has_room_for(&self, genesis: BlockHash, block: BlockNumber) -> bool {
        let index = &self.state.lock().await.index;
        index.has_room(genesis, block, index.usual_record(), self.limit)
    }

    /// Records again what was lost; whether it is kept. Where there is no room for it, because it would be the oldest, it
    /// is struck off.
    ///
    /// # Errors
    /// When the store cannot be written, or the metagraph is too large.
    pub(in crate::metagraph) async fn restore(&self, genesis: BlockHash, table: &Table) -> Result<bool, HistoryError> {
        let is_kept = self.enter(genesis, table, Room::Left).await?;
        if !is_kept {
            self.forgo(genesis, (table.netuid, table.mechid), table.at.block.number).await;
        }
        Ok(is_kept)
    }

    /// Strikes off what was lost and is not to be had: the chain has no such thing there, or there is no room.
    pub(in crate::metagraph) async fn forgo(
        &self,
        genesis: BlockHash,
        (netuid, mechid): (NetUid, MechId),
        block: BlockNumber,
    ) {
        let place = (Subject { genesis, netuid, mechid }, block);
        let mut held = self.state.lock().await;
        held.troubles.remove(&place);
        if held.roll.entries().lost.contains_key(&place) {
            held.roll.strike([place]).await;
        }
    }

    /// Notes why what was lost could not be read again.
    pub(in crate::metagraph) async fn note_trouble(
        &self,
        genesis: BlockHash,
        (netuid, mechid): (NetUid, MechId),
        (block, trouble): (BlockNumber, &Arc<str>),
    ) {
        let place = (Subject { genesis, netuid, mechid }, block);
        let mut held = self.state.lock().await;
        if held.roll.entries().lost.contains_key(&place) {
            held.troubles.insert(place, Arc::clone(trouble));
        }
    }

    /// Waits until something was lost, the store has failed or is given up, or more is known to be the chain's.
    pub(in crate::metagraph) async fn loss(&self) {
        self.store.news.notified().await;
    }

    /// Uses it no more: what it has lost is not read again.
    pub(in crate::metagraph) fn give_up(&self) {
        self.store.give_up();
    }

    /// Whether it is used no more.
    pub(in crate::metagraph) fn is_given_up(&self) -> bool {
        self.store.is_given_up()
    }
}

// === impl HistoryError ===

impl HistoryError {
    /// Whether the store itself is at fault, so that [`History::heal`] may help.
    pub(in crate::metagraph) fn is_damage(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_damage())
    }
}

/// Removes these from the store.
pub(super) fn removing(keys: &[Vec<u8>]) -> Batch {
    let mut batch = Batch::default();
    for key in keys {
        batch.remove(key);
    }
    batch
}
