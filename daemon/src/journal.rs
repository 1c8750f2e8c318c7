//! The journal of signed extrinsics: what was signed, byte for byte, and what became of it.
//!
//! SQLite in WAL mode with `synchronous=FULL` under an exclusive lock: when [`Journal::record`]
//! returns, the intent survives the loss of power. It is written before the extrinsic leaves the
//! daemon, so that after a crash the same bytes are sent again and never new ones. It holds public
//! data only: signed bytes, no key and no password.
//!
//! It decides nothing and asks no chain; intents are written by [`crate::submit`] alone. A journal
//! that is damaged, of a newer schema or in use by another process is refused: it cannot be rebuilt.

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use blake2::{Blake2b, Digest as _, digest::consts::U32};
use btd_api::{AccountId, BlockHash, BlockNumber, IdempotencyKey};
use btd_chain::{Era, ExtrinsicHash, SignedExtrinsic};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, named_params};

mod chains;
mod history;
mod intent;
mod schema;

pub use self::{
    chains::ConfiguredNetwork,
    intent::{Digest, Ending, Handing, Intent, IntentId, Kept, Logged, NewIntent, Recorded, Settlement},
};

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file or its directory cannot be made or opened.
    #[error("the journal {} cannot be opened", path.display())]
    Open {
        /// The journal's file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process holds it.
    #[error("the journal {} is in use: another btd is running on this state directory", path.display())]
    InUse {
        /// The journal's file.
        path: PathBuf,
    },
    /// It is not what was once written.
    #[error(
        "the journal {} is damaged ({detail}): btd will not sign without it; restore it from a backup, or move it away \
         once every extrinsic sent in the last minutes is accounted for",
        path.display()
    )]
    Damaged {
        /// The journal's file.
        path: PathBuf,
        /// What the check found.
        detail: String,
    },
    /// Written by a newer btd.
    #[error("the journal {} has schema {found}, and this btd knows up to {known}: use the newer btd", path.display())]
    Newer {
        /// The journal's file.
        path: PathBuf,
        /// The schema found.
        found: i64,
        /// The newest schema known.
        known: i64,
    },
    /// A statement failed: a full disk, say.
    #[error("the journal could not {attempted}")]
    Statement {
        /// What was attempted.
        attempted: &'static str,
        /// Why.
        source: rusqlite::Error,
    },
    /// An intent was written, and then the disk failed: nobody knows whether it stands there.
    #[error(
        "the disk failed as extrinsic {extrinsic} was written to the journal: it was not sent, but btd may find it there \
         when it is started next, and send it then{}; mend the disk, then ask again with the same idempotency key, and \
         not with another",
        .era_end.map(|end| format!(", up to block {end}")).unwrap_or_default()
    )]
    Unsure {
        /// The extrinsic.
        extrinsic: ExtrinsicHash,
        /// The last block that can include it.
        era_end: Option<BlockNumber>,
        /// How the disk failed.
        source: rusqlite::Error,
    },
    /// An intent was to be settled twice, or does not exist.
    #[error("intent {id} of the journal is not pending, so its outcome cannot be written")]
    NotPending {
        /// The intent.
        id: i64,
    },
    /// The daemon is stopping.
    #[error("the journal was interrupted: the daemon is stopping")]
    Interrupted,
}

/// The open journal. Clones share one connection; statements run on blocking threads.
#[derive(Clone, Debug)]
pub struct Journal {
    connection: Arc<Mutex<Connection>>,
}

// === impl Journal ===

impl Journal {
    /// Opens the journal at `path`, creating it where there is none, and checks it whole.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, JournalError> {
        let path = path.into();
        let connection = blocking(move || open(&path)).await?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Writes an intent down. When this returns `New`, it is on the disk.
    pub async fn record(&self, intent: NewIntent) -> Result<Recorded, JournalError> {
        self.with(move |connection| record(connection, intent)).await
    }

    /// The intent recorded under `key` for the chain `genesis`.
    pub async fn find(&self, genesis: BlockHash, key: IdempotencyKey) -> Result<Option<Intent>, JournalError> {
        self.with(move |connection| find(connection, genesis, &key)).await
    }

    /// The intents for the chain `genesis` whose outcome is not known, oldest first.
    pub async fn pending(&self, genesis: BlockHash) -> Result<Vec<Intent>, JournalError> {
        self.with(move |connection| pending(connection, genesis)).await
    }

    /// The newest intents for the chain `genesis`, at most `limit`; those before the number `before` only, if there
    /// is one.
    pub async fn list(
        &self,
        genesis: BlockHash,
        kept: Kept,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Logged>, JournalError> {
        self.with(move |connection| history::list(connection, genesis, (kept, before), limit)).await
    }

    /// The intent for the chain `genesis` whose extrinsic has that hash.
    pub async fn by_hash(&self, genesis: BlockHash, hash: ExtrinsicHash) -> Result<Option<Logged>, JournalError> {
        self.with(move |connection| history::by_hash(connection, genesis, hash)).await
    }

    /// Forgets intents that ended more than `age` ago, and says how many. Pending ones stay.
    pub async fn prune(&self, age: Duration) -> Result<usize, JournalError> {
        self.with(move |connection| history::prune(connection, age)).await
    }

    /// Writes down that a node may have a pending intent from now on, or that none has it for certain. When this
    /// returns, it is on the disk.
    pub async fn hand_over(&self, id: IntentId, handing: Handing) -> Result<(), JournalError> {
        self.with(move |connection| hand_over(connection, id, handing)).await
    }

    /// Writes down how an intent ended. An intent ends once.
    pub async fn settle(&self, id: IntentId, settlement: Settlement) -> Result<(), JournalError> {
        self.with(move |connection| settle(connection, id, &settlement)).await
    }

    /// The same, and `held` is let go once it is written: not before, though nobody may wait for it any more.
    pub async fn settle_holding(
        &self,
        id: IntentId,
        settlement: Settlement,
        held: impl Send + 'static,
    ) -> Result<(), JournalError> {
        let statement = move |connection: &mut Connection| {
            let settled = settle(connection, id, &settlement);
            drop(held);
            settled
        };
        self.with(statement).await
    }

    /// How an intent ended; none while it is pending.
    pub async fn settlement(&self, id: IntentId) -> Result<Option<Settlement>, JournalError> {
        self.with(move |connection| settlement(connection, id)).await
    }

    /// Random bytes that are the same for the same `words` as long as this journal lives, and that nobody can tell who
    /// does not have it.
    pub async fn drawn_for(&self, words: Vec<u8>) -> Result<[u8; 32], JournalError> {
        self.with(move |connection| drawn_for(connection, &words)).await
    }

    /// The hash of block 0 of the chain on which `network` was found last; none if it never was. It says what to look
    /// up while that is out of reach, and nothing of which chain an endpoint is on.
    pub async fn chain_of(&self, network: ConfiguredNetwork) -> Result<Option<BlockHash>, JournalError> {
        self.with(move |connection| chains::of(connection, network)).await
    }

    /// Writes down that `network` was found on the chain `genesis`.
    pub async fn found_on(&self, network: ConfiguredNetwork, genesis: BlockHash) -> Result<(), JournalError> {
        self.with(move |connection| chains::found(connection, network, genesis)).await
    }

    /// Checkpoints the write-ahead log. Everything recorded is durable with or without it.
    pub async fn checkpoint(&self) -> Result<(), JournalError> {
        self.with(|connection| {
            connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                .map_err(|source| JournalError::Statement { attempted: "checkpoint its log", source })
        })
        .await
    }

    /// Runs statements of a test's own.
    #[cfg(test)]
    pub(crate) async fn execute(&self, statements: &'static str) {
        let run = move |connection: &mut Connection| Ok(connection.execute_batch(statements));
        self.with(run).await.unwrap().unwrap();
    }

    async fn with<T: Send + 'static>(
        &self,
        statement: impl FnOnce(&mut Connection) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let connection = Arc::clone(&self.connection);
        blocking(move || statement(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, JournalError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(JournalError::Interrupted))
}

fn open(path: &Path) -> Result<Connection, JournalError> {
    let failed = |source| JournalError::Open { path: path.to_owned(), source };
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(failed)?;
    }
    // Created here, so that it never exists with wider permissions.
    fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(failed)?;
    let mut connection =
        Connection::open(path).map_err(|error| schema::opening_failed(path, "cannot be opened", error))?;
    schema::prepare(&mut connection, path)?;
    Ok(connection)
}

fn drawn_for(connection: &Connection, words: &[u8]) -> Result<[u8; 32], JournalError> {
    let secret: [u8; 32] = connection
        .query_row("SELECT bytes FROM secret", [], |row| row.get(0))
        .map_err(|source| JournalError::Statement { attempted: "read its secret", source })?;
    // BLAKE2b with a secret in front authenticates: nothing can be appended to what it hashed.
    Ok(Blake2b::<U32>::new().chain_update(secret).chain_update(words).finalize().into())
}

fn record(connection: &mut Connection, intent: NewIntent) -> Result<Recorded, JournalError> {
    let failed = |source| JournalError::Statement { attempted: "record an intent", source };
    let transaction = connection.transaction().map_err(failed)?;
    if let Some(key) = &intent.key
        && let Some(earlier) = find(&transaction, intent.genesis, key)?
    {
        return Ok(Recorded::KeyTaken(earlier));
    }
    let (birth, period) = match intent.extrinsic.era {
        Era::Immortal => (None, None),
        Era::Mortal { birth, period } => (Some(birth.0), Some(period)),
    };
    transaction
        .execute(
            "INSERT INTO intents
                (key, wish, genesis, signer, nonce, extrinsic, hash, era_birth, era_period, spec_version, plan,
                 deadline_ms, unsent)
             VALUES
                (:key, :wish, :genesis, :signer, :nonce, :extrinsic, :hash, :era_birth, :era_period, :spec_version,
                 :plan, :deadline_ms, :unsent)",
            named_params! {
                ":key": intent.key.as_ref().map(IdempotencyKey::as_str),
                ":wish": intent.wish.0,
                ":genesis": intent.genesis.0,
                ":signer": intent.extrinsic.signer.0,
                ":nonce": intent.extrinsic.nonce,
                ":extrinsic": intent.extrinsic.bytes,
                ":hash": intent.extrinsic.hash.as_bytes(),
                ":era_birth": birth,
                ":era_period": period,
                ":spec_version": intent.extrinsic.spec_version,
                ":plan": intent.plan,
                ":deadline_ms": intent.deadline_ms.map(|time| i64::try_from(time).unwrap_or(i64::MAX)),
                ":unsent": intent.handing == Handing::Never,
            },
        )
        .map_err(failed)?;
    let id = IntentId(transaction.last_insert_rowid());
    match transaction.commit() {
        Ok(()) => Ok(Recorded::New(Intent { id, recorded: intent, settlement: None })),
        // What was to be the end of the log may stand there whole, and would count at the next start.
        Err(source) if is_of_the_disk(&source) && schema::write_anything(connection).is_err() => {
            let (extrinsic, era_end) = (intent.extrinsic.hash, intent.extrinsic.era_end());
            Err(JournalError::Unsure { extrinsic, era_end, source })
        }
        Err(source) => Err(failed(source)),
    }
}

/// Whether a statement failed as it was written or synced: it may be on the disk all the same.
fn is_of_the_disk(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
}

const COLUMNS: &str = "id, key, wish, genesis, signer, nonce, extrinsic, hash, era_birth, era_period, spec_version, \
                       plan, ending, details, deadline_ms, unsent";

fn find(connection: &Connection, genesis: BlockHash, key: &IdempotencyKey) -> Result<Option<Intent>, JournalError> {
    connection
        .query_row(
            &format!("SELECT {COLUMNS} FROM intents WHERE genesis = ?1 AND key = ?2"),
            (genesis.0, key.as_str()),
            read,
        )
        .optional()
        .map_err(|source| JournalError::Statement { attempted: "look an idempotency key up", source })
}

fn pending(connection: &Connection, genesis: BlockHash) -> Result<Vec<Intent>, JournalError> {
    let list = || -> rusqlite::Result<Vec<Intent>> {
        connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM intents WHERE genesis = ?1 AND ending IS NULL ORDER BY id"
            ))?
            .query_map([genesis.0], read)?
            .collect()
    };
    list().map_err(|source| JournalError::Statement { attempted: "list the pending intents", source })
}

fn hand_over(connection: &Connection, id: IntentId, handing: Handing) -> Result<(), JournalError> {
    let changed = connection
        .execute("UPDATE intents SET unsent = ?1 WHERE id = ?2 AND ending IS NULL", (handing == Handing::Never, id.0))
        .map_err(|source| JournalError::Statement { attempted: "write down that an intent is sent", source })?;
    if changed == 1 { Ok(()) } else { Err(JournalError::NotPending { id: id.0 }) }
}

fn settle(connection: &Connection, id: IntentId, settlement: &Settlement) -> Result<(), JournalError> {
    let changed = connection
        .execute(
            "UPDATE intents SET ending = ?1, details = ?2, settled_at = unixepoch() WHERE id = ?3 AND ending IS NULL",
            (settlement.ending.name(), &settlement.details, id.0),
        )
        .map_err(|source| JournalError::Statement { attempted: "write an outcome", source })?;
    if changed == 1 { Ok(()) } else { Err(JournalError::NotPending { id: id.0 }) }
}

fn settlement(connection: &Connection, id: IntentId) -> Result<Option<Settlement>, JournalError> {
    connection
        .query_row(&format!("SELECT {COLUMNS} FROM intents WHERE id = ?1"), [id.0], read)
        .map(|intent| intent.settlement)
        .map_err(|source| JournalError::Statement { attempted: "look an outcome up", source })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Intent> {
    let key: Option<String> = row.get("key")?;
    let key = key.map(|key| key.parse().map_err(|error| malformed(row, "key", error))).transpose()?;
    let ending: Option<String> = row.get("ending")?;
    let deadline: Option<i64> = row.get("deadline_ms")?;
    let settlement = match ending {
        None => None,
        Some(name) => Some(Settlement {
            ending: Ending::from_name(&name)
                .ok_or_else(|| malformed(row, "ending", format!("`{name}` is no ending")))?,
            details: row.get("details")?,
        }),
    };
    Ok(Intent {
        id: IntentId(row.get("id")?),
        recorded: NewIntent {
            key,
            wish: Digest(row.get("wish")?),
            genesis: BlockHash(row.get("genesis")?),
            extrinsic: SignedExtrinsic {
                bytes: row.get("extrinsic")?,
                hash: row.get::<_, [u8; 32]>("hash")?.into(),
                signer: AccountId(row.get("signer")?),
                nonce: row.get("nonce")?,
                era: match (row.get("era_birth")?, row.get("era_period")?) {
                    (Some(birth), Some(period)) => Era::Mortal { birth: BlockNumber(birth), period },
                    _ => Era::Immortal,
                },
                spec_version: row.get("spec_version")?,
            },
            plan: row.get("plan")?,
            deadline_ms: deadline.and_then(|time| u64::try_from(time).ok()),
            handing: if row.get("unsent")? { Handing::Never } else { Handing::Perhaps },
        },
        settlement,
    })
}

fn malformed(
    row: &Row<'_>,
    column: &'static str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    let index = row.as_ref().column_index(column).unwrap_or(0);
    rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, error.into())
}

#[cfg(test)]
mod tests;
