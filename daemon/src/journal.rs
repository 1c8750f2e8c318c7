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
use rusqlite::{Connection, OptionalExtension, Row, named_params};

mod history;
mod schema;

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

/// An intent's number in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IntentId(i64);

/// BLAKE2b-256 of what the caller asked for: tells a repetition from another wish under the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

/// A signed extrinsic about to be sent, and the wish behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewIntent {
    /// What makes a repetition harmless; none when the caller did not ask for it.
    pub key: Option<IdempotencyKey>,
    /// What the caller asked for, without the key.
    pub wish: Digest,
    /// The chain it is meant for.
    pub genesis: BlockHash,
    /// The signed bytes, as they are sent, with what must be known to follow them.
    pub extrinsic: SignedExtrinsic,
    /// The plan that was agreed to, as JSON of [`crate::submit`].
    pub plan: String,
    /// The time after which it is given up unless a node has been handed it, in milliseconds since 1970.
    pub deadline_ms: Option<u64>,
    /// Whether a node may have it.
    pub handing: Handing,
}

/// Whether the bytes of an intent may have reached a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handing {
    /// For certain none has them. This is written down before they are offered to one: [`Journal::hand_over`].
    Never,
    /// One may have them.
    Perhaps,
}

/// How an intent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In a finalized block, with success.
    Succeeded,
    /// In a finalized block, with a dispatch error.
    Failed,
    /// The pool refused it: it is in no block.
    Refused,
    /// Its era ended and it is in no block.
    Expired,
    /// In a finalized block whose events nobody can read: success and failure look alike.
    Unseen,
    /// Taken back before any node had it: it is in no block.
    Withdrawn,
}

/// The end of an intent, with its details as JSON of [`crate::submit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// How it ended.
    pub ending: Ending,
    /// The details.
    pub details: String,
}

/// An intent as the journal holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Its number.
    pub id: IntentId,
    /// What was recorded.
    pub recorded: NewIntent,
    /// What became of it; none while it is pending.
    pub settlement: Option<Settlement>,
}

/// An intent with its times, in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The intent.
    pub intent: Intent,
    /// When it was written down.
    pub recorded_at: i64,
    /// When its end was.
    pub settled_at: Option<i64>,
}

/// Which intents are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All that the journal holds.
    All,
    /// Those whose outcome is not known.
    Pending,
}

/// What [`Journal::record`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The intent is durable: it may be sent.
    New(Intent),
    /// Its key was used before, for this intent. Nothing was written: the new bytes must not be sent.
    KeyTaken(Intent),
}

/// The open journal. Clones share one connection; statements run on blocking threads.
#[derive(Clone, Debug)]
pub struct Journal {
    connection: Arc<Mutex<Connection>>,
}

// === impl IntentId ===

impl IntentId {
    /// The number, which grows with each intent.
    pub const fn number(self) -> i64 {
        self.0
    }
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

    /// How an intent ended; none while it is pending.
    pub async fn settlement(&self, id: IntentId) -> Result<Option<Settlement>, JournalError> {
        self.with(move |connection| settlement(connection, id)).await
    }

    /// Random bytes that are the same for the same `words` as long as this journal lives, and that nobody can tell who
    /// does not have it.
    pub async fn drawn_for(&self, words: Vec<u8>) -> Result<[u8; 32], JournalError> {
        self.with(move |connection| drawn_for(connection, &words)).await
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
    transaction.commit().map_err(failed)?;
    Ok(Recorded::New(Intent { id, recorded: intent, settlement: None }))
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

// === impl Ending ===

impl Ending {
    const ALL: [Self; 6] = [Self::Succeeded, Self::Failed, Self::Refused, Self::Expired, Self::Unseen, Self::Withdrawn];

    /// The word that the journal's file uses.
    const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Unseen => "unseen",
            Self::Withdrawn => "withdrawn",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ending| ending.name() == name)
    }
}

#[cfg(test)]
mod tests;
