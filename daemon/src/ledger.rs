//! The ledger: what happened on the chain to the accounts of this host, from the blocks that btd followed.
//!
//! Every event of a finalized block that names one of the accounts, or was caused by an extrinsic
//! that one of them signed, is written down as it is; what it means is said when it is read. It
//! starts when btd first sees the chain and goes on over restarts where it left off. What it does not
//! know it tells: for each account from which block on it was looked for, and every hole since with
//! the reason. It is bounded by age and number ([`Config`]), and tells before which block it was cut.
//!
//! It is a record, not a proof of completeness, and asks no archive: a damaged file is begun anew.
//! Beside it, [`Follower`] writes; `store` is its file.

mod follower;
mod span;
mod store;

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use btd_api::{AccountId, BlockHash, BlockNumber, wallet::history::Cursor};
use btd_chain::Event;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

pub use self::{
    follower::Follower,
    span::{Hole, Span, Why},
};

/// Settings of the ledger: how much is kept of each chain. The oldest goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Days for which an entry is kept, by the time of its block; 0 is for ever.
    pub keep_days: u32,
    /// Entries that are kept at most; 0 is no limit. A thousand take about half a MiB.
    pub most_entries: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { keep_days: 730, most_entries: 1_000_000 }
    }
}

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

/// What is known of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The blocks that were looked through for it, oldest first.
    pub spans: Vec<Span>,
    /// What lies between them, and why nothing is known of it.
    pub holes: Vec<Hole>,
    /// Entries of any account before this block were once there, and are cut away.
    pub cut: Option<BlockNumber>,
}

/// A block that was looked through.
#[derive(Clone, Debug)]
struct Looked {
    number: BlockNumber,
    hash: BlockHash,
    /// For whom.
    watched: BTreeSet<AccountId>,
    entries: Vec<Entry>,
}

/// A block by whose hash a chain is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    number: BlockNumber,
    hash: BlockHash,
}

/// The open ledger. Clones share one connection; statements run on blocking threads.
#[derive(Clone, Debug)]
pub struct Ledger {
    connection: Arc<Mutex<Connection>>,
    config: Config,
}

fn failed(attempted: &'static str) -> impl FnOnce(rusqlite::Error) -> LedgerError {
    move |source| LedgerError::Statement { attempted, source }
}

// === impl Ledger ===

impl Ledger {
    /// Opens the ledger at `path`. One that is damaged is begun anew: what it said is public, and on
    /// the chain. What keeps a sound one from being opened is an error.
    pub async fn open(path: impl Into<PathBuf>, config: Config) -> Result<Self, LedgerError> {
        let path = path.into();
        let connection = blocking(move || {
            store::open(&path).or_else(|error| {
                if !store::is_damage(&error) {
                    return Err(LedgerError::Open { path, source: error });
                }
                tracing::warn!(ledger = %path.display(), %error, "began the ledger anew");
                for name in ["", "-wal", "-shm"] {
                    let mut file = path.clone().into_os_string();
                    file.push(name);
                    let _ = std::fs::remove_file(file);
                }
                store::open(&path).map_err(|source| LedgerError::Open { path, source })
            })
        })
        .await?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)), config })
    }

    /// The newest entries of `account` on the chain `genesis`, at most `limit`, those before `before` only.
    pub async fn entries(
        &self,
        genesis: BlockHash,
        account: AccountId,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<Entry>, LedgerError> {
        self.with("be read", move |connection| store::entries(connection, genesis, account, before, limit)).await
    }

    /// All entries of `account` in the blocks from the first to the last of `blocks`.
    pub async fn entries_within(
        &self,
        genesis: BlockHash,
        account: AccountId,
        blocks: (BlockNumber, BlockNumber),
    ) -> Result<Vec<Entry>, LedgerError> {
        self.with("be read", move |connection| store::entries_within(connection, genesis, account, blocks)).await
    }

    /// What is known of `account` on the chain `genesis`.
    pub async fn known(&self, genesis: BlockHash, account: AccountId) -> Result<Known, LedgerError> {
        self.with("tell what it covers", move |connection| {
            let (looked, watched) = (store::spans(connection, genesis)?, store::watched(connection, genesis, account)?);
            let spans = span::both(&looked, &watched);
            let holes = span::holes(&spans, &looked, &store::holes(connection, genesis)?);
            Ok(Known { spans, holes, cut: store::cut(connection, genesis)? })
        })
        .await
    }

    /// Writes down what happened in one block, and for whom it was looked through. What the ledger says of
    /// that chain from this block on is forgotten: the chain has gone back.
    async fn append(&self, genesis: BlockHash, looked: Looked) -> Result<(), LedgerError> {
        self.with("write a block down", move |connection| store::append(connection, genesis, &looked)).await
    }

    /// Writes down that blocks are left out, and why.
    async fn leave_out(&self, genesis: BlockHash, hole: Hole) -> Result<(), LedgerError> {
        self.with("write down that blocks are left out", move |connection| store::leave_out(connection, genesis, hole))
            .await
    }

    /// Forgets what the ledger says of the chain `genesis` from block `from` on.
    async fn forget(&self, genesis: BlockHash, from: BlockNumber) -> Result<(), LedgerError> {
        self.with("forget a branch", move |connection| store::forget(connection, genesis, from)).await
    }

    /// How many blocks of the chain `genesis` can be recognised by their hash.
    async fn marks(&self, genesis: BlockHash) -> Result<u32, LedgerError> {
        self.with("count its blocks", move |connection| store::marks(connection, genesis)).await
    }

    /// One of them: 0 is the newest.
    async fn mark(&self, genesis: BlockHash, place: u32) -> Result<Option<Mark>, LedgerError> {
        self.with("tell a block's hash", move |connection| store::mark(connection, genesis, place)).await
    }

    /// The last block of the chain `genesis` that was looked through.
    async fn last(&self, genesis: BlockHash) -> Result<Option<BlockNumber>, LedgerError> {
        self.with("tell where it left off", move |connection| store::last(connection, genesis)).await
    }

    /// Cuts what is older, or more, than is to be kept of the chain `genesis`. Gives the block before which it is
    /// cut now, if anything was.
    async fn cut(&self, genesis: BlockHash, now_ms: u64) -> Result<Option<BlockNumber>, LedgerError> {
        let Config { keep_days, most_entries } = self.config;
        let age = Duration::from_hours(24).saturating_mul(keep_days);
        let oldest_ms = (keep_days > 0).then(|| now_ms.saturating_sub(crate::stamp::millis(age)));
        let most = (most_entries > 0).then_some(most_entries);
        self.with("cut what is too old", move |connection| store::prune(connection, genesis, oldest_ms, most)).await
    }

    async fn with<T: Send + 'static>(
        &self,
        attempted: &'static str,
        statement: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let connection = Arc::clone(&self.connection);
        blocking(move || {
            statement(&mut connection.lock().unwrap_or_else(PoisonError::into_inner)).map_err(failed(attempted))
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, LedgerError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(LedgerError::Interrupted))
}

#[cfg(test)]
mod tests;
