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
//! The size is bounded: whole groups go, those of other chains first, then the oldest. A group in
//! which something is damaged goes too, and is said; the rest is none the worse for it. Everything
//! here can be read from an archive again, so nothing of it is worth a stop. How far it is known to be
//! the chain's is told beside it (`history/certainty.rs`).

mod certainty;
mod delta;
mod index;
mod record;

use std::{future::Future, sync::Arc, time::Duration};

use btd_api::{BlockHash, BlockNumber, MechId, NetUid};
use btd_chain::BlockRef;
use tokio::sync::Mutex;

use self::{
    certainty::Mark,
    index::{Group, Index, Subject},
    record::{CHUNK, LARGEST, rebuild},
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
    cache: Cache,
    /// The most bytes that are kept, keys and values; disk space is some times that.
    limit: u64,
    state: Arc<Mutex<Index>>,
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
    /// Groups that were damaged and dropped since the process began, of any subnet.
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
}

// === impl History ===

impl History {
    /// Takes up what `cache` holds, of which at most `limit` bytes are kept.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(cache: Cache, limit: u64) -> Result<Self, HistoryError> {
        let mut index = Index::default();
        let keys = cache.sizes(&[]).await?;
        for (key, bytes) in &keys {
            index.add(key, *bytes);
        }
        // A version that noted no hashes leaves them behind when their records go.
        let mut left = Batch::default();
        for (key, _) in keys.iter().filter(|(key, _)| index.add_hash(key) == Some(false)) {
            left.remove(key);
        }
        cache.write(left).await?;
        Ok(Self { cache, limit, state: Arc::new(Mutex::new(index)), mark: Arc::default() })
    }

    /// Notes that what is kept was not compared with the chain from block `first` on; that all of it
    /// was, without one.
    pub(super) fn doubt_from(&self, first: Option<BlockNumber>) {
        self.mark.set(first);
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
        let subject = Subject { genesis, netuid: table.netuid, mechid: table.mechid };
        let block = table.at.block.number;
        let mut index = self.state.lock().await;
        if index.group_of(subject, block).is_some() {
            return Ok(());
        }
        let growing = index.last_before(subject, block).filter(|group| group.blocks.len() < LONGEST_GROUP);
        let written = match growing {
            Some(group) => self.behind(&mut index, subject, &group, table).await?,
            None => None,
        };
        let (start, record) = written.unwrap_or_else(|| (block, record::whole(&file::write(table))));
        if record.len() > LARGEST {
            return Err(HistoryError::TooLarge { bytes: record.len() });
        }
        let mut batch = Batch::default();
        for (number, chunk) in (0..=u8::MAX).zip(record.chunks(CHUNK)) {
            let key = index::key(subject, start, block, number);
            index.add(&key, chunk.len());
            batch.put(&key, chunk.to_vec());
        }
        let key = index::hash_key(subject, start, table.at.block);
        index.add_hash(&key);
        batch.put(&key, Vec::new());
        for key in index.evict(genesis, self.limit, (subject, start)) {
            batch.remove(&key);
        }
        Ok(self.cache.write(batch).await?)
    }

    /// The record behind those of `group`, if it is one that says less than a whole one.
    async fn behind(
        &self,
        index: &mut Index,
        subject: Subject,
        group: &Group,
        table: &Table,
    ) -> Result<Option<(BlockNumber, Vec<u8>)>, HistoryError> {
        let tables = self.read(index, subject, group.start, BlockNumber(u32::MAX)).await?;
        // Parts of it that were synced may be out of order: only what goes on from the last counts.
        let Some(last) = tables.last().filter(|last| last.at.block.number < table.at.block.number) else {
            return Ok(None);
        };
        Ok(delta::between(last, table).map(|delta| (group.start, record::difference(&delta))))
    }

    /// The records of a group up to block `to`, in order, or why they are illegible.
    async fn rebuilt(
        &self,
        subject: Subject,
        start: BlockNumber,
        to: BlockNumber,
    ) -> Result<Result<Vec<Table>, String>, HistoryError> {
        let entries = self.cache.scan(&index::prefix(subject, start)).await?;
        Ok(match tokio::task::spawn_blocking(move || rebuild(&entries, to)).await {
            Ok(rebuilt) => rebuilt.map_err(|error| error.to_string()),
            Err(error) => Err(match error.try_into_panic() {
                Ok(panic) => panic_words(&*panic).to_owned(),
                Err(error) => error.to_string(),
            }),
        })
    }

    /// The records of a group up to block `to`, in order. A group that is damaged is dropped.
    async fn read(
        &self,
        index: &mut Index,
        subject: Subject,
        start: BlockNumber,
        to: BlockNumber,
    ) -> Result<Vec<Table>, HistoryError> {
        let reason = match self.rebuilt(subject, start, to).await? {
            Ok(tables) => return Ok(tables),
            Err(reason) => reason,
        };
        let (netuid, first) = (subject.netuid, start.0);
        tracing::warn!(%netuid, first, reason, "part of the history of a metagraph was damaged, and is dropped");
        let mut batch = Batch::default();
        for key in index.drop_damaged(subject, start) {
            batch.remove(&key);
        }
        self.cache.write(batch).await?;
        Ok(Vec::new())
    }

    /// The same for who reads alone. Nobody who records waits for a reader, so what is illegible may have
    /// been written to meanwhile: it is judged when nobody writes.
    async fn legible(&self, subject: Subject, start: BlockNumber, to: BlockNumber) -> Result<Vec<Table>, HistoryError> {
        match self.rebuilt(subject, start, to).await? {
            Ok(tables) => Ok(tables),
            Err(_) => self.read(&mut *self.state.lock().await, subject, start, to).await,
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

    /// The metagraph that was kept of the block with that hash. Of records whose hashes are not noted,
    /// because an earlier version of btd made them, they are read and noted, from the newest on.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn with_hash(
        &self,
        genesis: BlockHash,
        (netuid, mechid): (NetUid, MechId),
        hash: BlockHash,
    ) -> Result<Option<Table>, HistoryError> {
        let subject = Subject { genesis, netuid, mechid };
        let is_it = |table: &Table| table.at.block.hash == hash;
        let known = self.state.lock().await.with_hash(subject, hash);
        if let Some(block) = known
            && let Some(table) = self.of(genesis, (netuid, mechid), block).await?.filter(is_it)
        {
            return Ok(Some(table));
        }
        let unread = self.state.lock().await.without_hashes(subject);
        for start in unread {
            let tables = self.legible(subject, start, BlockNumber(u32::MAX)).await?;
            self.note_hashes(subject, start, tables.iter().map(|table| table.at.block)).await?;
            if let Some(table) = tables.into_iter().find(is_it) {
                return Ok(Some(table));
            }
        }
        Ok(None)
    }

    /// Notes which blocks the records of a group are of.
    async fn note_hashes(
        &self,
        subject: Subject,
        start: BlockNumber,
        blocks: impl Iterator<Item = BlockRef>,
    ) -> Result<(), HistoryError> {
        let mut index = self.state.lock().await;
        let mut batch = Batch::default();
        for key in blocks.map(|block| index::hash_key(subject, start, block)) {
            // It may have gone meanwhile.
            if index.add_hash(&key) == Some(true) {
                batch.put(&key, Vec::new());
            }
        }
        Ok(self.cache.write(batch).await?)
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
        let (wanted, groups, last) = {
            let index = self.state.lock().await;
            let wanted = index.blocks(subject, from, to, count);
            let (Some(first), Some(last)) = (wanted.first().copied(), wanted.last().copied()) else {
                return Ok(Vec::new());
            };
            let groups = index.groups(subject, first, last);
            (wanted, groups, last)
        };
        let mut tables = Vec::with_capacity(wanted.len());
        for start in groups {
            let found = self.legible(subject, start, last).await?;
            tables.extend(found.into_iter().filter(|table| wanted.contains(&table.at.block.number)));
        }
        tables.sort_by_key(|table| table.at.block.number);
        Ok(tables)
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
        self.state.lock().await.of_chain(genesis).into_iter().collect()
    }

    /// The hash of a block of which something is kept, as it was then.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn recorded_hash(
        &self,
        genesis: BlockHash,
        block: BlockNumber,
    ) -> Result<Option<BlockHash>, HistoryError> {
        let (noted, subject) = {
            let index = self.state.lock().await;
            (index.hash_of(genesis, block), index.subject_of(genesis, block))
        };
        if noted.is_some() {
            return Ok(noted);
        }
        let Some(subject) = subject else { return Ok(None) };
        Ok(self.of(genesis, subject, block).await?.map(|table| table.at.block.hash))
    }

    /// Forgets what is kept of blocks from `first` on, with the groups that they are in: the chain
    /// has others there.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn forget_from(&self, genesis: BlockHash, first: BlockNumber) -> Result<(), HistoryError> {
        let mut index = self.state.lock().await;
        let mut batch = Batch::default();
        for key in index.forget_from(genesis, first) {
            batch.remove(&key);
        }
        Ok(self.cache.write(batch).await?)
    }

    /// Closes the store, waiting at most `limit` for it.
    pub async fn close(self, limit: Duration) {
        if let Err(error) = self.cache.close(limit).await {
            tracing::warn!(error = with_causes(&error), "the history of metagraphs could not be closed");
        }
    }

    /// What is kept of a subnet and mechanism.
    pub async fn kept(&self, genesis: BlockHash, (netuid, mechid): (NetUid, MechId)) -> Kept {
        self.state.lock().await.kept(Subject { genesis, netuid, mechid })
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use self::tests::remembering;
