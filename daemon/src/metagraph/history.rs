//! The past of metagraphs: one record per epoch of each subnet and mechanism, in a store of its own.
//!
//! ```text
//! GENESIS NETUID MECHID GROUP BLOCK CHUNK    -> part of a record
//! h GENESIS NETUID MECHID GROUP BLOCK HASH   -> nothing: the hash of the block that a record is of
//! ```
//! Numbers are big-endian. A group is a whole metagraph in the form of [`super::file`] and up to 23
//! records behind it, each the difference from the one before (`history/delta.rs`); GROUP is the
//! block of the first. What a record is made of is in `history/record.rs`. Weights and bonds are not
//! kept, but for metagraphs that somebody asked to be kept. Hashes are among the keys, so that all of
//! them are known once the store is open; records of versions that noted none are read for theirs once.
//!
//! The size is bounded: whole groups go, those of other chains first, then the oldest. A store that has outgrown its
//! bound on disk all the same is emptied as it is opened; all that it held was thrown away on purpose then, and is not
//! missed. A record that is damaged goes too, with those of its group that tell what is other than in it. That is said,
//! and so is what the store has lost without a word: beside the store lies a roll of the records (`history/roll.rs`).
//! What was lost is known to be, is told as a gap, and is read again from whoever still has the state
//! (`history/losses.rs`); nothing of it is worth a stop. How far it is known to be the chain's is told beside
//! it (`history/certainty.rs`).

mod by_hash;
mod certainty;
mod delta;
mod index;
mod look;
mod losses;
mod record;
mod roll;
mod stock;
mod store;

use std::{future::Future, sync::Arc, time::Duration};

use btd_api::{BlockHash, BlockNumber, MechId, NetUid};
use tokio::sync::Mutex;

pub use self::losses::Gap;
pub(super) use self::losses::Run;
use self::{
    certainty::Mark,
    index::{Group, Subject},
    losses::Held,
    record::{CHUNK, LARGEST, Rebuilt, rebuild},
    roll::Roll,
    store::Store,
};
use super::{file, table::Table};
use crate::{
    cache::{Batch, Cache, CacheError},
    causes::with_causes,
    logs::panic_words,
};

/// Records of a group.
const LONGEST_GROUP: usize = 24;

/// The handle. Clones share everything.
#[derive(Clone, Debug)]
pub struct History {
    store: Arc<Store>,
    /// The most bytes that are kept, keys and values; disk space is some times that.
    limit: u64,
    state: Arc<Mutex<Held>>,
    mark: Arc<Mark>,
}

/// What is kept of one subnet and mechanism.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The block of the first record.
    pub first: Option<BlockNumber>,
    /// The block of the last one.
    pub last: Option<BlockNumber>,
    /// How many there are.
    pub records: usize,
    /// Their bytes.
    pub bytes: u64,
    /// How often something was found to be damaged or lost since the process began, of any subnet.
    pub damaged: u64,
}

/// Why nothing of the history can be told.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The store.
    #[error("the history of metagraphs cannot be used")]
    Store(#[from] CacheError),
    /// A metagraph that takes more than one can.
    #[error("the metagraph takes {bytes} bytes, more than the {LARGEST} that one may take in the history")]
    TooLarge {
        /// Its bytes.
        bytes: usize,
    },
    /// The store fails again and again.
    #[error("the store of the history was begun anew {times} times and has failed again: look at its disk")]
    Failing {
        /// How often it was.
        times: u32,
    },
}

// === impl History ===

impl History {
    /// Takes up what `cache` holds, of which at most `limit` bytes are kept.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(cache: Cache, limit: u64) -> Result<Self, HistoryError> {
        let path = cache.beside(".roll");
        let (roll, found) = if cache.is_new() { Roll::begin(path) } else { Roll::open(path).await };
        let (store, state) = (Arc::new(Store::new(cache)), Arc::new(Mutex::new(Held::of(roll))));
        let history = Self { store, limit, state, mark: Arc::default() };
        history.take_stock(found).await?;
        Ok(history)
    }

    /// Notes that what is kept was not compared with the chain from block `first` on; that all of it
    /// was, without one.
    pub(super) fn doubt_from(&self, first: Option<BlockNumber>) {
        if self.mark.set(first) {
            // What was lost can be told from now on, as far as that.
            self.store.news.notify_one();
        }
    }

    /// Whether what is kept of `block` is known to be the chain's. Nothing is when it is opened: the
    /// chain may have been taken back meanwhile.
    pub fn is_certain(&self, block: BlockNumber) -> bool {
        self.mark.now().covers(block)
    }

    /// What `look` finds, if that is of a block which was known to be the chain's from before it was
    /// looked for until it was found.
    ///
    /// # Errors
    /// Those of `look`.
    pub async fn if_certain(
        &self,
        look: impl Future<Output = Result<Option<Table>, HistoryError>>,
    ) -> Result<Option<Table>, HistoryError> {
        let before = self.mark.now();
        let found = look.await?;
        let certain = self.mark.since(before);
        Ok(found.filter(|table| certain.covers(table.at.block.number)))
    }

    /// Keeps a metagraph of the chain `genesis`; does nothing if there is one of that block.
    ///
    /// # Errors
    /// When the store cannot be written, or the metagraph is too large.
    pub async fn record(&self, genesis: BlockHash, table: &Table) -> Result<(), HistoryError> {
        self.enter(genesis, table, Room::Made).await.map(|_| ())
    }

    /// The same; whether it is kept, for which there must be room.
    async fn enter(&self, genesis: BlockHash, table: &Table, room: Room) -> Result<bool, HistoryError> {
        let subject = Subject { genesis, netuid: table.netuid, mechid: table.mechid };
        let block = table.at.block.number;
        let mut held = self.state.lock().await;
        if held.index.group_of(subject, block).is_some() {
            return Ok(true);
        }
        let growing = held.index.last_before(subject, block).filter(|group| group.blocks.len() < LONGEST_GROUP);
        let written = match growing {
            Some(group) => self.behind(&mut held, subject, &group, table).await?,
            None => None,
        };
        let (start, record) = written.unwrap_or_else(|| (block, record::whole(&file::write(table))));
        if record.len() > LARGEST {
            return Err(HistoryError::TooLarge { bytes: record.len() });
        }
        if room == Room::Left && !held.index.has_room(genesis, block, record.len(), self.limit) {
            return Ok(false);
        }
        let mut batch = Batch::default();
        for (number, chunk) in (0..=u8::MAX).zip(record.chunks(CHUNK)) {
            let key = index::key(subject, start, block, number);
            held.index.add(&key, chunk.len());
            batch.put(&key, chunk.to_vec());
        }
        let key = index::hash_key(subject, start, table.at.block);
        held.index.add_hash(&key);
        batch.put(&key, Vec::new());
        let gone = held.index.evict(genesis, self.limit, (subject, start));
        for key in &gone.keys {
            batch.remove(key);
        }
        held.strike_evicted(genesis, gone.records).await;
        self.store.write(batch).await?;
        held.keep((subject, block), table.rows.is_some()).await;
        Ok(true)
    }

    /// The record behind those of `group`, if it is one that says less than a whole one.
    async fn behind(
        &self,
        held: &mut Held,
        subject: Subject,
        group: &Group,
        table: &Table,
    ) -> Result<Option<(BlockNumber, Vec<u8>)>, HistoryError> {
        let tables = self.read(held, subject, group.start, BlockNumber(u32::MAX)).await?;
        // Parts of it that were synced may be out of order: only what goes on from the last counts.
        let Some(last) = tables.last().filter(|last| last.at.block.number < table.at.block.number) else {
            return Ok(None);
        };
        Ok(delta::between(last, table).map(|delta| (group.start, record::difference(&delta))))
    }

    /// The records of a group up to block `to`, in order, and the first that is illegible.
    async fn rebuilt(&self, subject: Subject, start: BlockNumber, to: BlockNumber) -> Result<Rebuilt, HistoryError> {
        let entries = self.store.scan(&index::prefix(subject, start)).await?;
        let rebuilt = tokio::task::spawn_blocking(move || rebuild(subject, &entries, to)).await;
        Ok(rebuilt.unwrap_or_else(|error| {
            let reason = match error.try_into_panic() {
                Ok(panic) => panic_words(&*panic).to_owned(),
                Err(error) => error.to_string(),
            };
            Rebuilt { tables: Vec::new(), illegible: Some((start, reason)) }
        }))
    }

    /// The records of a group up to block `to`, in order. What of it is damaged, or is not there, is lost.
    async fn read(
        &self,
        held: &mut Held,
        subject: Subject,
        start: BlockNumber,
        to: BlockNumber,
    ) -> Result<Vec<Table>, HistoryError> {
        let Rebuilt { tables, illegible } = self.rebuilt(subject, start, to).await?;
        let told = |block: &BlockNumber| tables.iter().any(|table| table.at.block.number == *block);
        let illegible = illegible.or_else(|| {
            let missing = held.index.blocks_of(subject, start).find(|block| *block <= to && !told(block))?;
            Some((missing, "the store has it no more".to_owned()))
        });
        if let Some((from, reason)) = illegible {
            self.lose(held, (subject, start, from), &reason).await?;
        }
        Ok(tables)
    }

    /// The same for who reads alone. Nobody who records waits for a reader, so what is illegible may have
    /// been written to meanwhile: it is judged when nobody writes.
    async fn legible(&self, subject: Subject, start: BlockNumber, to: BlockNumber) -> Result<Vec<Table>, HistoryError> {
        match self.rebuilt(subject, start, to).await? {
            Rebuilt { tables, illegible: None } => Ok(tables),
            Rebuilt { .. } => self.read(&mut *self.state.lock().await, subject, start, to).await,
        }
    }

    /// The metagraph that was kept of exactly that block.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of(
        &self,
        genesis: BlockHash,
        (netuid, mechid): (NetUid, MechId),
        block: BlockNumber,
    ) -> Result<Option<Table>, HistoryError> {
        let found = self.at(genesis, (netuid, mechid), block).await?;
        Ok(found.filter(|table| table.at.block.number == block))
    }

    /// The last metagraph that was kept at or before `block`: what held there, as of its epoch.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn at(
        &self,
        genesis: BlockHash,
        (netuid, mechid): (NetUid, MechId),
        block: BlockNumber,
    ) -> Result<Option<Table>, HistoryError> {
        Ok(self.range(genesis, (netuid, mechid), (BlockNumber(0), block), 1).await?.pop())
    }

    /// The last `count` metagraphs that were kept from block `from` to block `to`, in order.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn range(
        &self,
        genesis: BlockHash,
        (netuid, mechid): (NetUid, MechId),
        (from, to): (BlockNumber, BlockNumber),
        count: usize,
    ) -> Result<Vec<Table>, HistoryError> {
        let subject = Subject { genesis, netuid, mechid };
        loop {
            let (wanted, groups, last) = {
                let index = &self.state.lock().await.index;
                let wanted = index.blocks(subject, from, to, count);
                let (Some(first), Some(last)) = (wanted.first().copied(), wanted.last().copied()) else {
                    return Ok(Vec::new());
                };
                let groups = index.groups(subject, first, last);
                (wanted, groups, last)
            };
            let mut tables = Vec::with_capacity(wanted.len());
            for start in &groups {
                let found = self.legible(subject, *start, last).await?;
                tables.extend(found.into_iter().filter(|table| wanted.contains(&table.at.block.number)));
            }
            if tables.len() >= wanted.len() {
                tables.sort_by_key(|table| table.at.block.number);
                return Ok(tables);
            }
            // Something of it has gone meanwhile, or is lost: that is settled, and what is left is told.
            for start in groups {
                self.read(&mut *self.state.lock().await, subject, start, last).await?;
            }
        }
    }

    /// The same, each with whether it is known to be the chain's. What is compared away while it is read
    /// is not, however certain everything is that is kept by then.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn told(
        &self,
        genesis: BlockHash,
        subject: (NetUid, MechId),
        blocks: (BlockNumber, BlockNumber),
        count: usize,
    ) -> Result<Vec<(Table, bool)>, HistoryError> {
        let before = self.mark.now();
        let tables = self.range(genesis, subject, blocks, count).await?;
        let certain = self.mark.since(before);
        let told = |table: Table| {
            let is_certain = certain.covers(table.at.block.number);
            (table, is_certain)
        };
        Ok(tables.into_iter().map(told).collect())
    }

    /// The blocks of which anything is kept of the chain `genesis`, in order.
    pub async fn recorded_blocks(&self, genesis: BlockHash) -> Vec<BlockNumber> {
        self.state.lock().await.index.of_chain(genesis).into_iter().collect()
    }

    /// Forgets what is kept of blocks from `first` on, and what was lost of them: the chain has others there.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn forget_from(&self, genesis: BlockHash, first: BlockNumber) -> Result<(), HistoryError> {
        let mut held = self.state.lock().await;
        let gone = held.index.forget_from(genesis, first);
        let mut batch = Batch::default();
        for key in &gone.keys {
            batch.remove(key);
        }
        held.strike_from(genesis, first, gone.records).await;
        Ok(self.store.write(batch).await?)
    }

    /// Closes the store, waiting at most `limit` for it.
    pub async fn close(self, limit: Duration) {
        if let Err(error) = self.store.close(limit).await {
            tracing::warn!(error = with_causes(&error), "the history of metagraphs could not be closed");
        }
    }

    /// What is kept of a subnet and mechanism.
    pub async fn kept(&self, genesis: BlockHash, (netuid, mechid): (NetUid, MechId)) -> Kept {
        self.state.lock().await.index.kept(Subject { genesis, netuid, mechid })
    }
}

/// For what there must be room in the history before something is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    /// For nothing: the oldest goes.
    Made,
    /// For the record itself, which would go again otherwise.
    Left,
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use self::tests::remembering;
