//! The journal's file: pragmas, schema versions and the check at opening.

use std::path::Path;

use btd_chain::ExtrinsicHash;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::JournalError;

/// `btdj` in ASCII: tells our files from other SQLite databases.
const APPLICATION: i64 = 0x6274_646a;
/// The newest schema: one more than the last of [`MIGRATIONS`].
const NEWEST: i64 = 7;
/// From schema `n` to `n + 1`, applied in order, each in its own transaction.
const MIGRATIONS: [&str; 7] = [
    "
    CREATE TABLE intents (
        id           INTEGER PRIMARY KEY AUTOINCREMENT,
        key          TEXT,
        wish         BLOB NOT NULL CHECK (length(wish) = 32),
        genesis      BLOB NOT NULL CHECK (length(genesis) = 32),
        signer       BLOB NOT NULL CHECK (length(signer) = 32),
        nonce        INTEGER NOT NULL,
        extrinsic    BLOB NOT NULL,
        hash         BLOB NOT NULL CHECK (length(hash) = 32),
        era_birth    INTEGER,
        era_period   INTEGER,
        spec_version INTEGER NOT NULL,
        plan         TEXT NOT NULL,
        recorded_at  INTEGER NOT NULL DEFAULT (unixepoch()),
        ending       TEXT CHECK (ending IN ('succeeded', 'failed', 'refused', 'expired')),
        details      TEXT,
        settled_at   INTEGER,
        UNIQUE (genesis, key),
        CHECK ((ending IS NULL) = (details IS NULL)),
        CHECK ((era_birth IS NULL) = (era_period IS NULL))
    ) STRICT;
    CREATE INDEX pending_intents ON intents (genesis, id) WHERE ending IS NULL;
    ",
    // A fifth ending. SQLite cannot change a CHECK, so the table is made anew; the sequence of its
    // numbers goes on, because a number names an intent for ever.
    "
    CREATE TABLE intents_2 (
        id           INTEGER PRIMARY KEY AUTOINCREMENT,
        key          TEXT,
        wish         BLOB NOT NULL CHECK (length(wish) = 32),
        genesis      BLOB NOT NULL CHECK (length(genesis) = 32),
        signer       BLOB NOT NULL CHECK (length(signer) = 32),
        nonce        INTEGER NOT NULL,
        extrinsic    BLOB NOT NULL,
        hash         BLOB NOT NULL CHECK (length(hash) = 32),
        era_birth    INTEGER,
        era_period   INTEGER,
        spec_version INTEGER NOT NULL,
        plan         TEXT NOT NULL,
        recorded_at  INTEGER NOT NULL DEFAULT (unixepoch()),
        ending       TEXT CHECK (ending IN ('succeeded', 'failed', 'refused', 'expired', 'unseen')),
        details      TEXT,
        settled_at   INTEGER,
        UNIQUE (genesis, key),
        CHECK ((ending IS NULL) = (details IS NULL)),
        CHECK ((era_birth IS NULL) = (era_period IS NULL))
    ) STRICT;
    INSERT INTO intents_2 SELECT * FROM intents;
    DELETE FROM sqlite_sequence WHERE name = 'intents_2';
    INSERT INTO sqlite_sequence (name, seq)
        SELECT 'intents_2', seq FROM sqlite_sequence WHERE name = 'intents';
    DROP TABLE intents;
    ALTER TABLE intents_2 RENAME TO intents;
    CREATE INDEX pending_intents ON intents (genesis, id) WHERE ending IS NULL;
    ",
    "
    CREATE INDEX intents_by_hash ON intents (genesis, hash);
    ",
    // A sixth ending, in the same way.
    "
    CREATE TABLE intents_4 (
        id           INTEGER PRIMARY KEY AUTOINCREMENT,
        key          TEXT,
        wish         BLOB NOT NULL CHECK (length(wish) = 32),
        genesis      BLOB NOT NULL CHECK (length(genesis) = 32),
        signer       BLOB NOT NULL CHECK (length(signer) = 32),
        nonce        INTEGER NOT NULL,
        extrinsic    BLOB NOT NULL,
        hash         BLOB NOT NULL CHECK (length(hash) = 32),
        era_birth    INTEGER,
        era_period   INTEGER,
        spec_version INTEGER NOT NULL,
        plan         TEXT NOT NULL,
        recorded_at  INTEGER NOT NULL DEFAULT (unixepoch()),
        ending       TEXT CHECK (ending IN ('succeeded', 'failed', 'refused', 'expired', 'unseen', 'withdrawn')),
        details      TEXT,
        settled_at   INTEGER,
        UNIQUE (genesis, key),
        CHECK ((ending IS NULL) = (details IS NULL)),
        CHECK ((era_birth IS NULL) = (era_period IS NULL))
    ) STRICT;
    INSERT INTO intents_4 SELECT * FROM intents;
    DELETE FROM sqlite_sequence WHERE name = 'intents_4';
    INSERT INTO sqlite_sequence (name, seq)
        SELECT 'intents_4', seq FROM sqlite_sequence WHERE name = 'intents';
    DROP TABLE intents;
    ALTER TABLE intents_4 RENAME TO intents;
    CREATE INDEX pending_intents ON intents (genesis, id) WHERE ending IS NULL;
    CREATE INDEX intents_by_hash ON intents (genesis, hash);
    ",
    // What an order's deadline needs to hold over a restart.
    "
    ALTER TABLE intents ADD COLUMN deadline_ms INTEGER;
    ALTER TABLE intents ADD COLUMN unsent INTEGER NOT NULL DEFAULT 0 CHECK (unsent IN (0, 1));
    ",
    // What nobody else knows: numbers that hide something are drawn from it.
    "
    CREATE TABLE secret (
        id    INTEGER PRIMARY KEY CHECK (id = 1),
        bytes BLOB NOT NULL CHECK (length(bytes) = 32)
    ) STRICT;
    INSERT INTO secret (id, bytes) VALUES (1, randomblob(32));
    ",
    // What to look up while a network is out of reach.
    "
    CREATE TABLE chains (
        network BLOB PRIMARY KEY CHECK (length(network) = 32),
        genesis BLOB NOT NULL CHECK (length(genesis) = 32)
    ) STRICT, WITHOUT ROWID;
    ",
];

/// Takes the exclusive lock, checks the file and brings its schema up to date.
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), JournalError> {
    lock(connection).map_err(|error| opening_failed(path, "cannot be read", error))?;
    check(connection, path)?;
    migrate(connection, path)?;
    check_pending(connection, path)
}

fn lock(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::ZERO)?;
    // Before the first read: in exclusive mode WAL needs no shared memory, and the lock is kept.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.transaction_with_behavior(TransactionBehavior::Exclusive)?.commit()
}

/// Writes and syncs what changes nothing, in the place in the log of what was written last and did not count: after that
/// it never will.
pub(super) fn write_anything(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "user_version", NEWEST)
}

fn check(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let found: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|error| opening_failed(path, "fails its check", error))?;
    if found == "ok" { Ok(()) } else { Err(JournalError::Damaged { path: path.to_owned(), detail: found }) }
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), JournalError> {
    let failed = |source| JournalError::Statement { attempted: "bring its schema up to date", source };
    let pragma = |connection: &Connection, name: &str| -> Result<i64, JournalError> {
        connection.pragma_query_value(None, name, |row| row.get(0)).map_err(failed)
    };
    let (application, version) = (pragma(connection, "application_id")?, pragma(connection, "user_version")?);
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    let empty = application == 0 && version == 0 && tables == 0;
    if !empty && application != APPLICATION {
        return Err(JournalError::Damaged { path: path.to_owned(), detail: "it is another program's file".to_owned() });
    }
    if version > NEWEST {
        return Err(JournalError::Newer { path: path.to_owned(), found: version, known: NEWEST });
    }
    for (from, statements) in (0..).zip(MIGRATIONS).filter(|(from, _)| *from >= version) {
        let transaction = connection.transaction().map_err(failed)?;
        transaction.execute_batch(statements).map_err(failed)?;
        transaction.pragma_update(None, "application_id", APPLICATION).map_err(failed)?;
        transaction.pragma_update(None, "user_version", from + 1).map_err(failed)?;
        transaction.commit().map_err(failed)?;
    }
    Ok(())
}

/// An intent's number, its extrinsic and the hash of it.
type Sent = (i64, Vec<u8>, [u8; 32]);

/// SQLite's own check does not see a flipped bit inside a value; the hash of what may be sent again does.
fn check_pending(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let list = || -> rusqlite::Result<Vec<Sent>> {
        connection
            .prepare("SELECT id, extrinsic, hash FROM intents WHERE ending IS NULL")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect()
    };
    let intents = list().map_err(|error| opening_failed(path, "cannot be read", error))?;
    for (id, extrinsic, hash) in intents {
        if *ExtrinsicHash::of(&extrinsic).as_bytes() != hash {
            let detail = format!("the bytes of intent {id} do not match their hash");
            return Err(JournalError::Damaged { path: path.to_owned(), detail });
        }
    }
    Ok(())
}

/// What a failure while opening means.
pub(super) fn opening_failed(path: &Path, what: &str, error: rusqlite::Error) -> JournalError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => JournalError::InUse { path: path.to_owned() },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => {
            JournalError::Damaged { path: path.to_owned(), detail: format!("it {what}: {error}") }
        }
        Some(_) => JournalError::Statement { attempted: "be opened", source: error },
    }
}

#[cfg(test)]
mod tests {
    use btd_api::{BlockHash, BlockNumber};

    use super::*;
    use crate::journal::{ConfiguredNetwork, Ending, Handing, Journal, NewIntent, Settlement};

    #[test]
    fn what_an_older_journal_holds_is_there_after_the_migration() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(MIGRATIONS[0]).unwrap();
        connection.pragma_update(None, "application_id", APPLICATION).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        let insert = "INSERT INTO intents (key, wish, genesis, signer, nonce, extrinsic, hash, spec_version, plan)
            VALUES (?1, zeroblob(32), zeroblob(32), zeroblob(32), 0, x'00', zeroblob(32), 425, '{}')";
        for key in ["first", "second"] {
            connection.execute(insert, [key]).unwrap();
        }
        connection.execute("DELETE FROM intents WHERE key = 'second'", []).unwrap();
        migrate(&mut connection, Path::new("journal.db")).unwrap();
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, NEWEST);
        let settled = "UPDATE intents SET ending = 'withdrawn', details = '{}' WHERE key = 'first'";
        assert_eq!(connection.execute(settled, []).unwrap(), 1);
        // A number is never given twice, not even one of a row that is gone.
        connection.execute(insert, ["third"]).unwrap();
        assert_eq!(connection.last_insert_rowid(), 3);
    }
    /// As a btd left it that knew no deadlines: whether a node has what is pending is not known, so one may.
    #[tokio::test]
    async fn what_is_pending_in_a_journal_of_schema_4_is_followed_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.db");
        let old = Connection::open(&path).unwrap();
        for statements in &MIGRATIONS[..4] {
            old.execute_batch(statements).unwrap();
        }
        old.pragma_update(None, "application_id", APPLICATION).unwrap();
        old.pragma_update(None, "user_version", 4).unwrap();
        let insert = "INSERT INTO intents
                (key, wish, genesis, signer, nonce, extrinsic, hash, era_birth, era_period, spec_version, plan, ending,
                 details)
            VALUES (?1, zeroblob(32), zeroblob(32), zeroblob(32), 7, x'0102', ?2, 64, 32, 424, '{}', ?3, ?4)";
        let hash = *ExtrinsicHash::of(&[1, 2]).as_bytes();
        old.execute(insert, (Some("open"), hash, None::<&str>, None::<&str>)).unwrap();
        old.execute(insert, (Some("done"), hash, Some("succeeded"), Some("{}"))).unwrap();
        drop(old);

        let journal = Journal::open(&path).await.unwrap();
        let pending = journal.pending(BlockHash([0; 32])).await.unwrap();
        let [intent] = pending.as_slice() else { panic!("{pending:?}") };
        let NewIntent { key, extrinsic, deadline_ms, handing, .. } = &intent.recorded;
        assert_eq!((key.as_ref().unwrap().as_str(), *deadline_ms, *handing), ("open", None, Handing::Perhaps));
        assert_eq!((extrinsic.bytes.as_slice(), extrinsic.nonce, extrinsic.spec_version), (&[1, 2][..], 7, 424));
        assert_eq!(extrinsic.era_end(), Some(BlockNumber(95)));
        let done = journal.find(BlockHash([0; 32]), "done".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(done.settlement.unwrap().ending, Ending::Succeeded);
        // What only the newest schema takes.
        journal.hand_over(intent.id, Handing::Never).await.unwrap();
        let withdrawn = Settlement { ending: Ending::Withdrawn, details: "{}".to_owned() };
        journal.settle(intent.id, withdrawn).await.unwrap();
        assert_eq!(journal.pending(BlockHash([0; 32])).await.unwrap(), []);
    }

    /// As a btd left it that did not write down where it had found a network.
    #[tokio::test]
    async fn a_journal_of_schema_6_learns_on_which_chain_a_network_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.db");
        let old = Connection::open(&path).unwrap();
        for statements in &MIGRATIONS[..6] {
            old.execute_batch(statements).unwrap();
        }
        old.pragma_update(None, "application_id", APPLICATION).unwrap();
        old.pragma_update(None, "user_version", 6).unwrap();
        old.execute("UPDATE secret SET bytes = zeroblob(32)", []).unwrap();
        let hash = *ExtrinsicHash::of(&[1, 2]).as_bytes();
        old.execute(
            "INSERT INTO intents (key, wish, genesis, signer, nonce, extrinsic, hash, spec_version, plan)
             VALUES ('open', zeroblob(32), zeroblob(32), zeroblob(32), 7, x'0102', ?1, 425, '{}')",
            [hash],
        )
        .unwrap();
        drop(old);

        let network = ConfiguredNetwork::new(None, &["ws://127.0.0.1:9944"]);
        let journal = Journal::open(&path).await.unwrap();
        assert_eq!(journal.chain_of(network).await.unwrap(), None);
        journal.found_on(network, BlockHash([5; 32])).await.unwrap();
        assert_eq!(journal.chain_of(network).await.unwrap(), Some(BlockHash([5; 32])));
        // What it held it holds, and what was drawn is drawn again.
        assert_eq!(journal.pending(BlockHash([0; 32])).await.unwrap().len(), 1);
        let fresh = Journal::open(directory.path().join("fresh.db")).await.unwrap();
        fresh.execute("UPDATE secret SET bytes = zeroblob(32)").await;
        let drawn = async |journal: &Journal| journal.drawn_for(b"words".to_vec()).await.unwrap();
        assert_eq!(drawn(&journal).await, drawn(&fresh).await);
    }
}
