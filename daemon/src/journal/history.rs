//! What was signed, newest first, and forgetting what ended long ago.

use std::time::Duration;

use btd_api::BlockHash;
use btd_chain::ExtrinsicHash;
use rusqlite::{Connection, OptionalExtension, Row};

use super::{COLUMNS, JournalError, Kept, Logged, read};

fn logged(row: &Row<'_>) -> rusqlite::Result<Logged> {
    Ok(Logged { intent: read(row)?, recorded_at: row.get("recorded_at")?, settled_at: row.get("settled_at")? })
}

pub(super) fn list(
    connection: &Connection,
    genesis: BlockHash,
    (kept, before): (Kept, Option<i64>),
    limit: u32,
) -> Result<Vec<Logged>, JournalError> {
    let only = match kept {
        Kept::All => "",
        Kept::Pending => "AND ending IS NULL",
    };
    let list = || -> rusqlite::Result<Vec<Logged>> {
        connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS}, recorded_at, settled_at FROM intents WHERE genesis = ?1 AND id < ?2 {only} \
                 ORDER BY id DESC LIMIT ?3"
            ))?
            .query_map((genesis.0, before.unwrap_or(i64::MAX), limit), logged)?
            .collect()
    };
    list().map_err(|source| JournalError::Statement { attempted: "list what was signed", source })
}

pub(super) fn by_hash(
    connection: &Connection,
    genesis: BlockHash,
    hash: ExtrinsicHash,
) -> Result<Option<Logged>, JournalError> {
    connection
        .query_row(
            &format!(
                "SELECT {COLUMNS}, recorded_at, settled_at FROM intents WHERE genesis = ?1 AND hash = ?2 ORDER BY id \
                 LIMIT 1"
            ),
            (genesis.0, hash.as_bytes()),
            logged,
        )
        .optional()
        .map_err(|source| JournalError::Statement { attempted: "look an extrinsic up", source })
}

pub(super) fn prune(connection: &Connection, age: Duration) -> Result<usize, JournalError> {
    let seconds = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
    connection
        .execute("DELETE FROM intents WHERE ending IS NOT NULL AND settled_at <= unixepoch() - ?1", [seconds])
        .map_err(|source| JournalError::Statement { attempted: "forget what ended long ago", source })
}
