//! The ledger: what happened on the chain to the accounts of this host, from the blocks that btd followed.
//!
//! Every event of a finalized block that names one of the accounts, or was caused by an extrinsic
//! that one of them signed, is written down as it is; what it means is said when it is read. It
//! starts when btd first sees the chain and goes on over restarts where it left off; where blocks
//! could not be had any more, the span has a gap, which is told. It is a record, not a proof of
//! completeness, and asks no archive: a damaged file is begun anew. Beside it, [`Follower`] writes.

mod follower;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use btd_api::{AccountId, BlockHash, BlockNumber};
use btd_chain::Event;
use rusqlite::{Connection, OptionalExtension, params};

pub use self::follower::Follower;

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file cannot be opened, not even anew.
    #[error("the ledger {} cannot be opened", path.display())]
    Open {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A statement failed: a full disk, say.
    #[error("the ledger could not {attempted}")]
    Statement {
        /// What was attempted.
        attempted: &'static str,
        /// Why.
        source: rusqlite::Error,
    },
    /// The daemon is stopping.
    #[error("the ledger was interrupted: the daemon is stopping")]
    Interrupted,
}

/// Something that happened to an account.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The block.
    pub block: BlockNumber,
    /// Its author's time, in milliseconds since 1970.
    pub time_ms: Option<u64>,
    /// The event's place in the block.
    pub index: u32,
    /// The account.
    pub account: AccountId,
    /// The hash of the extrinsic behind it.
    pub extrinsic: Option<BlockHash>,
    /// The event.
    pub event: Event,
}

/// Blocks without a gap, all of them looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub first: BlockNumber,
    /// The last.
    pub last: BlockNumber,
}

/// The open ledger. Clones share one connection; statements run on blocking threads.
#[derive(Clone, Debug)]
pub struct Ledger {
    connection: Arc<Mutex<Connection>>,
}

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS entries (
        genesis   BLOB NOT NULL,
        block     INTEGER NOT NULL,
        place     INTEGER NOT NULL,
        account   BLOB NOT NULL,
        time_ms   INTEGER,
        extrinsic BLOB,
        event     TEXT NOT NULL,
        PRIMARY KEY (genesis, account, block, place)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS entries_by_block ON entries (genesis, block);
    CREATE TABLE IF NOT EXISTS spans (
        genesis BLOB NOT NULL,
        first   INTEGER NOT NULL,
        last    INTEGER NOT NULL,
        PRIMARY KEY (genesis, first)
    ) STRICT, WITHOUT ROWID;
    PRAGMA user_version = 1;
";

fn failed(attempted: &'static str) -> impl FnOnce(rusqlite::Error) -> LedgerError {
    move |source| LedgerError::Statement { attempted, source }
}

// === impl Ledger ===

impl Ledger {
    /// Opens the ledger at `path`. One that is damaged is begun anew: what it said is public, and on
    /// the chain. What keeps a sound one from being opened is an error.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, LedgerError> {
        let path = path.into();
        let connection = blocking(move || {
            open(&path).or_else(|error| {
                if !is_damage(&error) {
                    return Err(LedgerError::Open { path, source: error });
                }
                tracing::warn!(ledger = %path.display(), %error, "began the ledger anew");
                for name in ["", "-wal", "-shm"] {
                    let mut file = path.clone().into_os_string();
                    file.push(name);
                    let _ = std::fs::remove_file(file);
                }
                open(&path).map_err(|source| LedgerError::Open { path, source })
            })
        })
        .await?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// The newest entries of `account` on the chain `genesis`, at most `limit`, those before block `before` only.
    pub async fn entries(
        &self,
        genesis: BlockHash,
        account: AccountId,
        before: Option<BlockNumber>,
        limit: u32,
    ) -> Result<Vec<Entry>, LedgerError> {
        self.with(move |connection| entries(connection, genesis, account, before, limit).map_err(failed("be read")))
            .await
    }

    /// The blocks of the chain `genesis` that were looked through, oldest first.
    pub async fn spans(&self, genesis: BlockHash) -> Result<Vec<Span>, LedgerError> {
        self.with(move |connection| spans(connection, genesis).map_err(failed("tell what it covers"))).await
    }

    /// Writes down what happened in one block, and that all blocks from the last on were looked through.
    /// What a later part of the ledger says of that chain is forgotten: the chain has gone back.
    async fn append(&self, genesis: BlockHash, block: BlockNumber, entries: Vec<Entry>) -> Result<(), LedgerError> {
        self.with(move |connection| append(connection, genesis, block, &entries).map_err(failed("write a block down")))
            .await
    }

    async fn with<T: Send + 'static>(
        &self,
        statement: impl FnOnce(&mut Connection) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let connection = Arc::clone(&self.connection);
        blocking(move || statement(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, LedgerError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(LedgerError::Interrupted))
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // Losing the last blocks with the power means only that they are followed once more.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let sound: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if sound != "ok" {
        return Err(rusqlite::Error::InvalidQuery);
    }
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::InvalidQuery => true,
        other => matches!(
            other.sqlite_error_code(),
            Some(
                rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::Unknown
            )
        ),
    }
}

fn append(
    connection: &mut Connection,
    genesis: BlockHash,
    block: BlockNumber,
    entries: &[Entry],
) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute("DELETE FROM entries WHERE genesis = ?1 AND block >= ?2", params![genesis.0, block.0])?;
    transaction.execute("DELETE FROM spans WHERE genesis = ?1 AND first >= ?2", params![genesis.0, block.0])?;
    let before = block.0.saturating_sub(1);
    transaction.execute("UPDATE spans SET last = ?2 WHERE genesis = ?1 AND last > ?2", params![genesis.0, before])?;
    let grown = transaction
        .execute("UPDATE spans SET last = ?3 WHERE genesis = ?1 AND last = ?2", params![genesis.0, before, block.0])?;
    if grown == 0 {
        transaction
            .execute("INSERT INTO spans (genesis, first, last) VALUES (?1, ?2, ?2)", params![genesis.0, block.0])?;
    }
    for entry in entries {
        let event = serde_json::to_string(&entry.event).unwrap_or_default();
        transaction.execute(
            "INSERT OR REPLACE INTO entries (genesis, block, place, account, time_ms, extrinsic, event)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                genesis.0,
                entry.block.0,
                entry.index,
                entry.account.0,
                entry.time_ms.and_then(|time| i64::try_from(time).ok()),
                entry.extrinsic.map(|hash| hash.0),
                event
            ],
        )?;
    }
    transaction.commit()
}

fn entries(
    connection: &Connection,
    genesis: BlockHash,
    account: AccountId,
    before: Option<BlockNumber>,
    limit: u32,
) -> rusqlite::Result<Vec<Entry>> {
    let before = before.map_or(i64::MAX, |block| block.0.into());
    connection
        .prepare_cached(
            "SELECT block, place, time_ms, extrinsic, event FROM entries
             WHERE genesis = ?1 AND account = ?2 AND block < ?3 ORDER BY block DESC, place DESC LIMIT ?4",
        )?
        .query_map(params![genesis.0, account.0, before, limit], |row| {
            let event: String = row.get("event")?;
            let event = serde_json::from_str(&event).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Text, error.into())
            })?;
            let time_ms: Option<i64> = row.get("time_ms")?;
            let extrinsic: Option<[u8; 32]> = row.get("extrinsic")?;
            Ok(Entry {
                block: BlockNumber(row.get("block")?),
                time_ms: time_ms.and_then(|time| u64::try_from(time).ok()),
                index: row.get("place")?,
                account,
                extrinsic: extrinsic.map(BlockHash),
                event,
            })
        })?
        .collect()
}

fn spans(connection: &Connection, genesis: BlockHash) -> rusqlite::Result<Vec<Span>> {
    let span = |row: &rusqlite::Row<'_>| Ok(Span { first: BlockNumber(row.get(0)?), last: BlockNumber(row.get(1)?) });
    connection
        .prepare_cached("SELECT first, last FROM spans WHERE genesis = ?1 ORDER BY first")?
        .query_map([genesis.0], span)?
        .collect()
}

fn last(connection: &Connection, genesis: BlockHash) -> rusqlite::Result<Option<BlockNumber>> {
    let last = "SELECT last FROM spans WHERE genesis = ?1 ORDER BY first DESC LIMIT 1";
    connection.query_row(last, [genesis.0], |row| row.get(0)).optional().map(|last| last.map(BlockNumber))
}

impl Ledger {
    /// The last block of the chain `genesis` that was looked through.
    async fn last(&self, genesis: BlockHash) -> Result<Option<BlockNumber>, LedgerError> {
        self.with(move |connection| last(connection, genesis).map_err(failed("tell where it left off"))).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GENESIS: BlockHash = BlockHash([1; 32]);
    const ALICE: AccountId = AccountId([7; 32]);

    fn entry(block: u32, index: u32) -> Entry {
        let event = Event {
            pallet: "Balances".to_owned(),
            name: "Transfer".to_owned(),
            fields: json!({ "amount": "5" }),
            extrinsic: Some(1),
        };
        let (block, extrinsic) = (BlockNumber(block), Some(BlockHash([9; 32])));
        Entry { block, time_ms: Some(12_000), index, account: ALICE, extrinsic, event }
    }

    fn span(first: u32, last: u32) -> Span {
        Span { first: BlockNumber(first), last: BlockNumber(last) }
    }

    #[tokio::test]
    async fn blocks_follow_each_other_or_leave_a_gap() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.db");
        let ledger = Ledger::open(&path).await.unwrap();
        let append = async |block: u32, entries: Vec<Entry>| {
            ledger.append(GENESIS, BlockNumber(block), entries).await.unwrap();
        };
        append(5, vec![entry(5, 0), entry(5, 3)]).await;
        append(6, vec![]).await;
        append(9, vec![entry(9, 1)]).await;
        assert_eq!(ledger.spans(GENESIS).await.unwrap(), [span(5, 6), span(9, 9)]);
        assert_eq!(ledger.last(GENESIS).await.unwrap(), Some(BlockNumber(9)));
        let read = async |before, limit| ledger.entries(GENESIS, ALICE, before, limit).await.unwrap();
        assert_eq!(read(None, 10).await, [entry(9, 1), entry(5, 3), entry(5, 0)]);
        assert_eq!(read(Some(BlockNumber(9)), 1).await, [entry(5, 3)]);
        assert_eq!(ledger.entries(GENESIS, AccountId([8; 32]), None, 9).await.unwrap(), []);

        // The same block once more is no second one, and a chain that goes back takes its future along.
        append(9, vec![entry(9, 1)]).await;
        assert_eq!(read(None, 10).await.len(), 3);
        append(6, vec![entry(6, 2)]).await;
        assert_eq!(read(None, 10).await, [entry(6, 2), entry(5, 3), entry(5, 0)]);
        assert_eq!(ledger.spans(GENESIS).await.unwrap(), [span(5, 6)]);
        drop(ledger);
        assert_eq!(Ledger::open(&path).await.unwrap().last(GENESIS).await.unwrap(), Some(BlockNumber(6)));
    }

    #[tokio::test]
    async fn what_is_no_ledger_is_begun_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger.db");
        std::fs::write(&path, "not a database, but long enough to be looked at as one".repeat(40)).unwrap();
        let ledger = Ledger::open(&path).await.unwrap();
        assert_eq!(ledger.last(GENESIS).await.unwrap(), None);
    }
}
