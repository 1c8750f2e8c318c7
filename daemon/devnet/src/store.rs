//! The chain on disk: one SQLite file with the head's state, the newest blocks and every block's hash.
//!
//! Each block is one transaction, synced before the block is announced, so a crash loses nothing that anyone has seen.
//! Older states are not kept: after a restart only the head's can be read. The state is checked against the head's
//! state root when it is opened.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use btd_devnet_runtime::Header;
use codec::{Decode, Encode};
use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};
use sp_core::{H256, storage::Storage};

use crate::{
    chain::{self, Block, Changes, Origin},
    config::Retention,
};

/// File in the state directory.
pub const FILE_NAME: &str = "devnet.sqlite";
/// Marks the file as a development chain's ("btdd").
const APPLICATION_ID: i32 = 0x6274_6464;
/// Version of the tables below.
const SCHEMA_VERSION: i32 = 1;

const SCHEMA: &str = "
    CREATE TABLE state (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE block (number INTEGER PRIMARY KEY, hash BLOB NOT NULL, header BLOB, body BLOB);
";

/// Why the state directory cannot be used. Refusals leave it as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The directory cannot be made.
    #[error("cannot create the state directory {path}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process has the chain open.
    #[error("the chain in {path} is in use by another process; stop it or choose another state directory")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{path} is no development chain; choose another state directory")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by another version of this program.
    #[error(
        "the chain in {path} has format {found}, this program reads format {SCHEMA_VERSION}; use the program that \
         wrote it or choose another state directory"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The format found.
        found: i32,
    },
    /// The chain started from another block 0.
    #[error(
        "the chain in {path} has genesis {found:?}, this one would have {expected:?}: it was started with another \
         block time, another profile or another version of the runtime; use the same, or choose another state directory"
    )]
    Genesis {
        /// The file.
        path: PathBuf,
        /// Genesis hash of the stored chain.
        found: H256,
        /// Genesis hash of the chain asked for.
        expected: H256,
    },
    /// What is stored contradicts itself.
    #[error("the chain in {path} is damaged: {reason}; move it away or choose another state directory")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// SQLite failed, for instance because the disk is full.
    #[error("cannot read or write the chain in {path}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
}

/// An open chain file. Closing it, by dropping it, leaves one file without a log beside it.
pub(crate) struct Store {
    connection: Connection,
    path: PathBuf,
    retention: Retention,
}

impl Store {
    /// Opens or creates the chain of `genesis` in `directory`; says what the chain starts from.
    pub(crate) fn open(directory: &Path, genesis: Storage, retention: Retention) -> Result<(Self, Origin), StoreError> {
        fs::create_dir_all(directory).map_err(|source| StoreError::Directory { path: directory.to_owned(), source })?;
        let path = directory.join(FILE_NAME);
        let connection = Connection::open(&path).map_err(|error| failure(&path, error))?;
        let mut store = Self { connection, path, retention };
        let fresh = store.is_fresh().map_err(|error| store.failure(error))?;
        let pairs: Vec<_> = if fresh {
            genesis.top.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect()
        } else {
            Vec::new()
        };
        let origin = Origin::genesis(genesis);
        if fresh {
            store.create(&origin.genesis, &pairs).map_err(|error| store.failure(error))?;
            store.journal().map_err(|error| store.failure(error))?;
            return Ok((store, origin));
        }
        store.check(&origin.genesis)?;
        store.journal().map_err(|error| store.failure(error))?;
        let origin = store.load(origin.genesis)?;
        Ok((store, origin))
    }

    fn failure(&self, error: rusqlite::Error) -> StoreError {
        failure(&self.path, error)
    }

    fn damaged(&self, reason: impl Into<String>) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), reason: reason.into() }
    }

    /// Takes the file for this process, and says whether there is nothing in it.
    fn is_fresh(&self) -> rusqlite::Result<bool> {
        // Who has the file keeps it: waiting would not help.
        self.connection.busy_timeout(Duration::ZERO)?;
        self.connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        let tables: i64 = self.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok(tables == 0 && self.pragma("application_id")? == 0)
    }

    fn pragma(&self, name: &str) -> rusqlite::Result<i32> {
        self.connection.pragma_query_value(None, name, |row| row.get(0))
    }

    /// From here on a commit is on the disk when it returns.
    fn journal(&self) -> rusqlite::Result<()> {
        self.connection.pragma_update(None, "journal_mode", "WAL")?;
        self.connection.pragma_update(None, "synchronous", "FULL")
    }

    fn create(&mut self, genesis: &Block, state: &[(Vec<u8>, Option<Vec<u8>>)]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        write_block(&transaction, genesis, state)?;
        transaction.commit()
    }

    fn check(&self, genesis: &Block) -> Result<(), StoreError> {
        let path = || self.path.clone();
        if self.pragma("application_id").map_err(|error| self.failure(error))? != APPLICATION_ID {
            return Err(StoreError::Foreign { path: path() });
        }
        let found = self.pragma("user_version").map_err(|error| self.failure(error))?;
        if found != SCHEMA_VERSION {
            return Err(StoreError::Version { path: path(), found });
        }
        let found = self
            .connection
            .query_row("SELECT hash FROM block WHERE number = 0", [], |row| row.get::<_, [u8; 32]>(0))
            .optional()
            .map_err(|error| self.failure(error))?
            .ok_or_else(|| self.damaged("block 0 is missing"))?;
        if H256(found) != genesis.hash {
            return Err(StoreError::Genesis { path: path(), found: H256(found), expected: genesis.hash });
        }
        Ok(())
    }

    fn load(&self, genesis: Block) -> Result<Origin, StoreError> {
        let mut storage = Storage::default();
        self.each(
            "SELECT key, value FROM state",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
            |(key, value)| {
                storage.top.insert(key, value);
                Ok(())
            },
        )?;
        let mut hashes: Vec<H256> = Vec::new();
        self.each(
            "SELECT number, hash FROM block ORDER BY number",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
            |row| {
                let (number, hash): (i64, [u8; 32]) = row;
                if usize::try_from(number) != Ok(hashes.len()) {
                    return Err(self.damaged(format!("block {} is missing", hashes.len())));
                }
                hashes.push(H256(hash));
                Ok(())
            },
        )?;
        // Block 0 is at hand by itself; and blocks after it may be missing where the chain was cut back.
        let oldest = hashes.len().saturating_sub(self.retention.blocks.max(1) as usize).max(1);
        let mut recent: Vec<Arc<Block>> = Vec::new();
        self.each(
            "SELECT header, body FROM block WHERE number >= ?1 AND header IS NOT NULL ORDER BY number",
            [i64::try_from(oldest).unwrap_or(i64::MAX)],
            |row| Ok((row.get(0)?, row.get(1)?)),
            |row| {
                let (header, body): (Vec<u8>, Vec<u8>) = row;
                recent.push(Arc::new(self.decode_block(&header, &body)?));
                Ok(())
            },
        )?;
        let head = recent.last().map_or(&genesis, |block| block);
        if hashes.last() != Some(&head.hash) {
            return Err(self.damaged("the newest block is missing"));
        }
        for block in &recent {
            if hashes.get(block.number() as usize) != Some(&block.hash) {
                return Err(self.damaged(format!("block {} does not have its hash", block.number())));
            }
        }
        let (root, nodes) = chain::trie(storage);
        if root != head.header.state_root {
            return Err(self.damaged(format!("the state does not have the root of block {}", head.number())));
        }
        Ok(Origin { genesis, hashes, recent, nodes })
    }

    fn decode_block(&self, header: &[u8], body: &[u8]) -> Result<Block, StoreError> {
        let header = Header::decode(&mut &*header);
        let body = Vec::<Vec<u8>>::decode(&mut &*body);
        match (header, body) {
            (Ok(header), Ok(body)) => Ok(Block::new(header, body)),
            (Err(error), _) | (_, Err(error)) => Err(self.damaged(format!("a block does not decode: {error}"))),
        }
    }

    fn each<T>(
        &self,
        query: &str,
        arguments: impl rusqlite::Params,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
        mut take: impl FnMut(T) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare(query).map_err(|error| self.failure(error))?;
        let rows = statement.query_map(arguments, read).map_err(|error| self.failure(error))?;
        for row in rows {
            take(row.map_err(|error| self.failure(error))?)?;
        }
        Ok(())
    }

    /// Writes the new head and what it changed. It is on the disk when this returns.
    pub(crate) fn append(&mut self, block: &Block, changes: &Changes) -> Result<(), StoreError> {
        let prune = block.number().checked_sub(self.retention.blocks.max(1)).filter(|number| *number > 0);
        let mut write = || {
            let transaction = self.connection.transaction()?;
            write_block(&transaction, block, changes)?;
            if let Some(number) = prune {
                transaction
                    .prepare_cached("UPDATE block SET header = NULL, body = NULL WHERE number = ?1")?
                    .execute([number])?;
            }
            transaction.commit()
        };
        write().map_err(|error| failure(&self.path, error))
    }

    /// Makes an earlier block the head again: `changes` lead from the newest state to its own. It is on the disk when
    /// this returns.
    pub(crate) fn cut_back(&mut self, block: &Block, changes: &Changes) -> Result<(), StoreError> {
        let mut write = || {
            let transaction = self.connection.transaction()?;
            // Its own row too: the block may have been pruned from the disk, and is written again.
            transaction.execute("DELETE FROM block WHERE number >= ?1", [block.number()])?;
            write_block(&transaction, block, changes)?;
            transaction.commit()
        };
        write().map_err(|error| failure(&self.path, error))
    }
}

fn write_block(
    transaction: &rusqlite::Transaction<'_>,
    block: &Block,
    changes: &[(Vec<u8>, Option<Vec<u8>>)],
) -> rusqlite::Result<()> {
    let mut set = transaction.prepare_cached("INSERT OR REPLACE INTO state (key, value) VALUES (?1, ?2)")?;
    let mut unset = transaction.prepare_cached("DELETE FROM state WHERE key = ?1")?;
    for (key, value) in changes {
        match value {
            Some(value) => set.execute(params![key, value])?,
            None => unset.execute(params![key])?,
        };
    }
    transaction
        .prepare_cached("INSERT INTO block (number, hash, header, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![block.number(), block.hash.0, block.header.encode(), block.extrinsics.encode()])?;
    Ok(())
}

fn failure(path: &Path, source: rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::InUse { path },
        Some(ErrorCode::NotADatabase) => StoreError::Foreign { path },
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged { path, reason: source.to_string() },
        _ => StoreError::Sqlite { path, source },
    }
}
