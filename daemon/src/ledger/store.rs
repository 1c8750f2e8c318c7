//! The ledger's file: its tables, and the statements over them.

use std::{collections::BTreeSet, path::Path};

use btd_api::{AccountId, BlockHash, BlockNumber, wallet::history::Cursor};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::{Entry, Hole, Looked, Mark, Span, Why};

/// The newest schema.
const NEWEST: i64 = 2;
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
    -- What was looked through, whoever was looked for.
    CREATE TABLE IF NOT EXISTS spans (
        genesis BLOB NOT NULL,
        first   INTEGER NOT NULL,
        last    INTEGER NOT NULL,
        PRIMARY KEY (genesis, first)
    ) STRICT, WITHOUT ROWID;
    -- For whom; without a last block, up to now.
    CREATE TABLE IF NOT EXISTS watched (
        genesis BLOB NOT NULL,
        account BLOB NOT NULL,
        first   INTEGER NOT NULL,
        last    INTEGER,
        PRIMARY KEY (genesis, account, first)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS holes (
        genesis BLOB NOT NULL,
        first   INTEGER NOT NULL,
        last    INTEGER NOT NULL,
        why     TEXT NOT NULL,
        PRIMARY KEY (genesis, first)
    ) STRICT, WITHOUT ROWID;
    -- The hashes of the newest block, and of those that have entries.
    CREATE TABLE IF NOT EXISTS marks (
        genesis BLOB NOT NULL,
        block   INTEGER NOT NULL,
        hash    BLOB NOT NULL,
        PRIMARY KEY (genesis, block)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS cuts (
        genesis BLOB NOT NULL PRIMARY KEY,
        before  INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";
/// The first schema did not say for whom it looked: certain is only what has entries.
const FROM_FIRST: &str = "
    INSERT OR IGNORE INTO watched (genesis, account, first, last)
        SELECT genesis, account, min(block), NULL FROM entries GROUP BY genesis, account;
";

pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // Losing the last blocks with the power means only that they are followed once more.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let sound: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if sound != "ok" {
        return Err(rusqlite::Error::InvalidQuery);
    }
    connection.execute_batch(SCHEMA)?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 1 {
        connection.execute_batch(FROM_FIRST)?;
    }
    connection.pragma_update(None, "user_version", NEWEST)?;
    Ok(connection)
}

pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
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

// === Writing ===

pub(super) fn append(connection: &mut Connection, genesis: BlockHash, looked: &Looked) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let number = looked.number.0;
    forget_in(&transaction, genesis, looked.number)?;
    let before = number.checked_sub(1);
    let grown = transaction
        .execute("UPDATE spans SET last = ?3 WHERE genesis = ?1 AND last = ?2", params![genesis.0, before, number])?;
    if grown == 0 {
        transaction
            .execute("INSERT INTO spans (genesis, first, last) VALUES (?1, ?2, ?2)", params![genesis.0, number])?;
    }
    watch(&transaction, genesis, looked)?;
    // The newest block is marked; the one before it only if it has entries.
    transaction.execute(
        "DELETE FROM marks WHERE genesis = ?1 AND block = ?2
         AND NOT EXISTS (SELECT 1 FROM entries WHERE genesis = ?1 AND block = ?2)",
        params![genesis.0, before],
    )?;
    transaction.execute(
        "INSERT OR REPLACE INTO marks (genesis, block, hash) VALUES (?1, ?2, ?3)",
        params![genesis.0, number, looked.hash.0],
    )?;
    for entry in &looked.entries {
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

/// Who is looked for from this block on, and who is no longer.
fn watch(transaction: &Transaction<'_>, genesis: BlockHash, looked: &Looked) -> rusqlite::Result<()> {
    let number = looked.number.0;
    let open: BTreeSet<AccountId> = transaction
        .prepare_cached("SELECT account FROM watched WHERE genesis = ?1 AND last IS NULL")?
        .query_map([genesis.0], |row| row.get(0).map(AccountId))?
        .collect::<rusqlite::Result<_>>()?;
    for gone in open.difference(&looked.watched) {
        transaction.execute(
            "UPDATE watched SET last = ?3 WHERE genesis = ?1 AND account = ?2 AND last IS NULL",
            params![genesis.0, gone.0, number.saturating_sub(1)],
        )?;
    }
    for come in looked.watched.difference(&open) {
        transaction.execute(
            "INSERT OR REPLACE INTO watched (genesis, account, first, last) VALUES (?1, ?2, ?3, NULL)",
            params![genesis.0, come.0, number],
        )?;
    }
    Ok(())
}

pub(super) fn leave_out(connection: &mut Connection, genesis: BlockHash, hole: Hole) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let Span { first, last } = hole.span;
    forget_in(&transaction, genesis, first)?;
    let grown = transaction.execute(
        "UPDATE holes SET last = ?4 WHERE genesis = ?1 AND last = ?2 AND why = ?3",
        params![genesis.0, first.0.checked_sub(1), word(hole.why), last.0],
    )?;
    if grown == 0 {
        transaction.execute(
            "INSERT INTO holes (genesis, first, last, why) VALUES (?1, ?2, ?3, ?4)",
            params![genesis.0, first.0, last.0, word(hole.why)],
        )?;
    }
    transaction.commit()
}

pub(super) fn forget(connection: &mut Connection, genesis: BlockHash, from: BlockNumber) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    forget_in(&transaction, genesis, from)?;
    transaction.commit()
}

fn forget_in(transaction: &Transaction<'_>, genesis: BlockHash, from: BlockNumber) -> rusqlite::Result<()> {
    let before = from.0.checked_sub(1);
    for statement in [
        "DELETE FROM entries WHERE genesis = ?1 AND block >= ?2",
        "DELETE FROM marks WHERE genesis = ?1 AND block >= ?2",
        "DELETE FROM spans WHERE genesis = ?1 AND first >= ?2",
        "DELETE FROM holes WHERE genesis = ?1 AND first >= ?2",
        "DELETE FROM watched WHERE genesis = ?1 AND first >= ?2",
        "UPDATE cuts SET before = ?2 WHERE genesis = ?1 AND before > ?2",
    ] {
        transaction.prepare_cached(statement)?.execute(params![genesis.0, from.0])?;
    }
    for statement in [
        "UPDATE spans SET last = ?2 WHERE genesis = ?1 AND last > ?2",
        "UPDATE holes SET last = ?2 WHERE genesis = ?1 AND last > ?2",
        "UPDATE watched SET last = ?2 WHERE genesis = ?1 AND last > ?2",
    ] {
        transaction.prepare_cached(statement)?.execute(params![genesis.0, before])?;
    }
    Ok(())
}

pub(super) fn prune(
    connection: &mut Connection,
    genesis: BlockHash,
    oldest_ms: Option<u64>,
    most: Option<u32>,
) -> rusqlite::Result<Option<BlockNumber>> {
    let transaction = connection.transaction()?;
    let block = |row: &Row<'_>| row.get::<_, Option<u32>>(0);
    // The newest block that goes, by age and by number. Time goes up with the blocks: both statements
    // follow their index from one end and stop at the first row that tells.
    let aged = match oldest_ms.and_then(|time| i64::try_from(time).ok()) {
        None => None,
        Some(time) => {
            let stays = "SELECT block FROM entries WHERE genesis = ?1 AND time_ms >= ?2 ORDER BY block LIMIT 1";
            let stays = transaction.query_row(stays, params![genesis.0, time], block).optional()?.flatten();
            let goes = "SELECT block FROM entries WHERE genesis = ?1 AND block < ?3 AND time_ms < ?2
                        ORDER BY block DESC LIMIT 1";
            let below = stays.map_or(i64::MAX, i64::from);
            transaction.query_row(goes, params![genesis.0, time, below], block).optional()?.flatten()
        }
    };
    let excess = match most {
        None => None,
        Some(most) => {
            let statement = "SELECT block FROM entries WHERE genesis = ?1 ORDER BY block DESC LIMIT 1 OFFSET ?2";
            transaction.query_row(statement, params![genesis.0, most], block).optional()?.flatten()
        }
    };
    let Some(before) = aged.max(excess).and_then(|last| last.checked_add(1)) else { return Ok(None) };
    for statement in [
        "DELETE FROM entries WHERE genesis = ?1 AND block < ?2",
        "DELETE FROM marks WHERE genesis = ?1 AND block < ?2",
        "DELETE FROM spans WHERE genesis = ?1 AND last < ?2",
        "DELETE FROM holes WHERE genesis = ?1 AND last < ?2",
        "DELETE FROM watched WHERE genesis = ?1 AND last < ?2",
        "UPDATE spans SET first = ?2 WHERE genesis = ?1 AND first < ?2",
        "UPDATE holes SET first = ?2 WHERE genesis = ?1 AND first < ?2",
        "UPDATE watched SET first = ?2 WHERE genesis = ?1 AND first < ?2",
        "INSERT OR REPLACE INTO cuts (genesis, before) VALUES (?1, ?2)",
    ] {
        transaction.execute(statement, params![genesis.0, before])?;
    }
    transaction.commit()?;
    Ok(Some(BlockNumber(before)))
}

// === Reading ===

pub(super) fn entries(
    connection: &Connection,
    genesis: BlockHash,
    account: AccountId,
    before: Option<Cursor>,
    limit: u32,
) -> rusqlite::Result<Vec<Entry>> {
    let (block, place): (i64, i64) =
        before.map_or((i64::MAX, 0), |before| (before.block.0.into(), before.index.into()));
    connection
        .prepare_cached(
            "SELECT block, place, time_ms, extrinsic, event FROM entries
             WHERE genesis = ?1 AND account = ?2 AND (block, place) < (?3, ?4)
             ORDER BY block DESC, place DESC LIMIT ?5",
        )?
        .query_map(params![genesis.0, account.0, block, place, limit], |row| entry(row, account))?
        .collect()
}

pub(super) fn entries_within(
    connection: &Connection,
    genesis: BlockHash,
    account: AccountId,
    (first, last): (BlockNumber, BlockNumber),
) -> rusqlite::Result<Vec<Entry>> {
    connection
        .prepare_cached(
            "SELECT block, place, time_ms, extrinsic, event FROM entries
             WHERE genesis = ?1 AND account = ?2 AND block BETWEEN ?3 AND ?4",
        )?
        .query_map(params![genesis.0, account.0, first.0, last.0], |row| entry(row, account))?
        .collect()
}

fn entry(row: &Row<'_>, account: AccountId) -> rusqlite::Result<Entry> {
    let event: String = row.get("event")?;
    let event = serde_json::from_str(&event)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Text, error.into()))?;
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
}

fn span(row: &Row<'_>) -> rusqlite::Result<Span> {
    let last: Option<u32> = row.get(1)?;
    Ok(Span { first: BlockNumber(row.get(0)?), last: BlockNumber(last.unwrap_or(u32::MAX)) })
}

pub(super) fn spans(connection: &Connection, genesis: BlockHash) -> rusqlite::Result<Vec<Span>> {
    connection
        .prepare_cached("SELECT first, last FROM spans WHERE genesis = ?1 ORDER BY first")?
        .query_map([genesis.0], span)?
        .collect()
}

pub(super) fn watched(connection: &Connection, genesis: BlockHash, account: AccountId) -> rusqlite::Result<Vec<Span>> {
    connection
        .prepare_cached("SELECT first, last FROM watched WHERE genesis = ?1 AND account = ?2 ORDER BY first")?
        .query_map(params![genesis.0, account.0], span)?
        .collect()
}

pub(super) fn holes(connection: &Connection, genesis: BlockHash) -> rusqlite::Result<Vec<Hole>> {
    let hole = |row: &Row<'_>| {
        let word: String = row.get(2)?;
        Ok(Hole { span: span(row)?, why: why(&word) })
    };
    connection
        .prepare_cached("SELECT first, last, why FROM holes WHERE genesis = ?1 ORDER BY first")?
        .query_map([genesis.0], hole)?
        .collect()
}

pub(super) fn cut(connection: &Connection, genesis: BlockHash) -> rusqlite::Result<Option<BlockNumber>> {
    let cut = "SELECT before FROM cuts WHERE genesis = ?1";
    connection.query_row(cut, [genesis.0], |row| row.get(0)).optional().map(|before| before.map(BlockNumber))
}

pub(super) fn last(connection: &Connection, genesis: BlockHash) -> rusqlite::Result<Option<BlockNumber>> {
    let last = "SELECT last FROM spans WHERE genesis = ?1 ORDER BY first DESC LIMIT 1";
    connection.query_row(last, [genesis.0], |row| row.get(0)).optional().map(|last| last.map(BlockNumber))
}

pub(super) fn marks(connection: &Connection, genesis: BlockHash) -> rusqlite::Result<u32> {
    connection.query_row("SELECT count(*) FROM marks WHERE genesis = ?1", [genesis.0], |row| row.get(0))
}

pub(super) fn mark(connection: &Connection, genesis: BlockHash, place: u32) -> rusqlite::Result<Option<Mark>> {
    let mark = |row: &Row<'_>| Ok(Mark { number: BlockNumber(row.get(0)?), hash: BlockHash(row.get(1)?) });
    let statement = "SELECT block, hash FROM marks WHERE genesis = ?1 ORDER BY block DESC LIMIT 1 OFFSET ?2";
    connection.query_row(statement, params![genesis.0, place], mark).optional()
}

/// The reasons, and the words for them in the file.
const REASONS: [(Why, &str); 4] = [
    (Why::NotFollowed, "not-followed"),
    (Why::NotWatched, "not-watched"),
    (Why::Unreadable, "unreadable"),
    (Why::Illegible, "illegible"),
];

fn word(why: Why) -> &'static str {
    REASONS.iter().find(|(known, _)| *known == why).map_or("not-followed", |(_, word)| word)
}

fn why(word: &str) -> Why {
    REASONS.iter().find(|(_, known)| *known == word).map_or(Why::NotFollowed, |(why, _)| *why)
}
