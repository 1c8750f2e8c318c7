//! The past of metagraphs: one record per epoch of each subnet and mechanism, in a store of its own.
//!
//! ```text
//! GENESIS NETUID MECHID GROUP BLOCK CHUNK -> part of a record
//! ```
//! Numbers are big-endian. A group is a whole metagraph in the form of [`super::file`] and up to 23
//! records behind it, each the difference from the one before (`history/delta.rs`); GROUP is the
//! block of the first. A record is a byte for its form, its content, and 8 bytes of a BLAKE2b
//! checksum, in chunks of 60 KiB. Weights and bonds are not kept, but for metagraphs that somebody
//! asked to be kept.
//!
//! The size is bounded: whole groups go, those of other chains first, then the oldest. A group in
//! which something is damaged goes too, and is said; the rest is none the worse for it. Everything
//! here can be read from an archive again, so nothing of it is worth a stop.

mod delta;
mod index;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use blake2::{Blake2b, Digest, digest::consts::U8};
use btd_api::{BlockHash, BlockNumber, MechId, NetUid};
use tokio::sync::Mutex;

use self::index::{Group, Index, Subject};
use super::{
    file::{self, FileError},
    table::Table,
};
use crate::{
    cache::{Batch, Cache, CacheError},
    causes::with_causes,
    logs::panic_words,
};

/// Records of a group.
const LONGEST_GROUP: usize = 24;
/// Bytes of a record that lie under one key.
const CHUNK: usize = 60 * 1024;
/// The most bytes of a record: its chunks are numbered by a byte.
const LARGEST: usize = 255 * CHUNK;
const CHECKSUM: usize = 8;
const WHOLE: u8 = 0;
const DIFFERENCE: u8 = 1;

/// The handle. Clones share everything.
#[derive(Clone, Debug)]
pub struct History {
    cache: Cache,
    /// The most bytes that are kept, keys and values; disk space is some times that.
    limit: u64,
    state: Arc<Mutex<Index>>,
    /// The first block from which on it was not compared with the chain; [`CERTAIN`] when all of it was.
    doubted: Arc<AtomicU64>,
}

/// No block: they have numbers of 32 bits.
const CERTAIN: u64 = u64::MAX;

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
        for (key, bytes) in cache.sizes(&[]).await? {
            index.add(&key, bytes);
        }
        Ok(Self { cache, limit, state: Arc::new(Mutex::new(index)), doubted: Arc::default() })
    }

    /// Notes that what is kept was not compared with the chain from block `first` on; that all of it
    /// was, without one.
    pub(super) fn doubt_from(&self, first: Option<BlockNumber>) {
        let first = first.map_or(CERTAIN, |first| first.0.into());
        self.doubted.store(first, Ordering::Release);
    }

    /// Whether what is kept of `block` was compared with the chain, and is the chain's. Nothing was
    /// when it is opened: the chain may have been taken back meanwhile.
    pub fn is_certain(&self, block: BlockNumber) -> bool {
        u64::from(block.0) < self.doubted.load(Ordering::Acquire)
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
        let (start, record) = written.unwrap_or_else(|| (block, sealed(WHOLE, &file::write(table))));
        if record.len() > LARGEST {
            return Err(HistoryError::TooLarge { bytes: record.len() });
        }
        let mut batch = Batch::default();
        for (number, chunk) in (0..=u8::MAX).zip(record.chunks(CHUNK)) {
            let key = index::key(subject, start, block, number);
            index.add(&key, chunk.len());
            batch.put(&key, chunk.to_vec());
        }
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
        Ok(delta::between(last, table).map(|delta| (group.start, sealed(DIFFERENCE, &delta))))
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

    /// The metagraph that was kept of the block with that hash. What is not known of it yet is found by
    /// reading what is kept of the subnet and mechanism, once, from the newest on.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn with_hash(
        &self,
        genesis: BlockHash,
        (netuid, mechid): (NetUid, MechId),
        hash: BlockHash,
    ) -> Result<Option<Table>, HistoryError> {
        let subject = Subject { genesis, netuid, mechid };
        let (known, unread) = {
            let index = self.state.lock().await;
            (index.with_hash(subject, hash), index.without_hashes(subject))
        };
        if let Some(block) = known {
            let found = self.of(genesis, (netuid, mechid), block).await?;
            return Ok(found.filter(|table| table.at.block.hash == hash));
        }
        for start in unread {
            // What is damaged is found by whoever reads it for itself.
            let Ok(tables) = self.rebuilt(subject, start, BlockNumber(u32::MAX)).await? else { continue };
            self.state.lock().await.note_hashes(subject, start, tables.iter().map(|table| table.at.block));
            if let Some(table) = tables.into_iter().find(|table| table.at.block.hash == hash) {
                return Ok(Some(table));
            }
        }
        Ok(None)
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
            // Nobody who records waits for a reader. What is illegible may have been written to
            // meanwhile: it is judged when nobody writes.
            let found = match self.rebuilt(subject, start, last).await? {
                Ok(tables) => tables,
                Err(_) => self.read(&mut *self.state.lock().await, subject, start, last).await?,
            };
            tables.extend(found.into_iter().filter(|table| wanted.contains(&table.at.block.number)));
        }
        tables.sort_by_key(|table| table.at.block.number);
        Ok(tables)
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
        let subject = self.state.lock().await.subject_of(genesis, block);
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

/// A record with its form before it and its checksum behind.
fn sealed(form: u8, content: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(content.len() + 1 + CHECKSUM);
    record.push(form);
    record.extend(content);
    let checksum = Blake2b::<U8>::digest(&record);
    record.extend(checksum);
    record
}

/// The metagraphs of a group's entries, up to block `to`.
fn rebuild(entries: &[(Vec<u8>, Vec<u8>)], to: BlockNumber) -> Result<Vec<Table>, FileError> {
    let mut records: Vec<(BlockNumber, Vec<u8>)> = Vec::new();
    for (key, chunk) in entries {
        let Some((block, number)) = index::place(key) else {
            return Err(FileError::Malformed("a key of it is something else".to_owned()));
        };
        match records.last_mut() {
            Some((last, record)) if *last == block => record.extend(chunk),
            _ if number == 0 => records.push((block, chunk.clone())),
            _ => return Err(FileError::Malformed(format!("the beginning of its record of block {block} is gone"))),
        }
    }
    let mut tables: Vec<Table> = Vec::new();
    for (block, record) in records.iter().filter(|(block, _)| *block <= to) {
        let table = match (opened(record)?, tables.last()) {
            ((WHOLE, content), None) => file::read(content)?,
            ((DIFFERENCE, content), Some(before)) => delta::apply(before, content)?,
            ((form, _), _) => return Err(FileError::Malformed(format!("a record of form {form} is out of place"))),
        };
        if table.at.block.number != *block {
            return Err(FileError::Malformed(format!("its record of block {block} is of {}", table.at.block.number)));
        }
        tables.push(table);
    }
    Ok(tables)
}

/// A record's form and content, if its checksum is right.
fn opened(record: &[u8]) -> Result<(u8, &[u8]), FileError> {
    let (body, checksum) = record.split_at_checked(record.len().saturating_sub(CHECKSUM)).ok_or(FileError::Damaged)?;
    match body.split_first() {
        Some((form, content)) if Blake2b::<U8>::digest(body).as_slice() == checksum => Ok((*form, content)),
        _ => Err(FileError::Damaged),
    }
}

#[cfg(test)]
mod tests;
