//! The cache: what can be read from the chain again, kept so that a restart has something to serve.
//!
//! The only user of sled. One tree of composite keys in big-endian order, its name carrying the
//! schema version; a batch is written whole or not at all and is flushed when [`Cache::write`]
//! returns, which guards against the death of the process and not of the machine. A store that is
//! damaged or of another version is moved aside and begun anew (`cache/opening.rs`): nothing in it is worth
//! a stop. sled itself tells damage only sometimes: of a log that is damaged in the middle it reads what is
//! before, and says nothing. Whoever has to know that entries are missing keeps a list of them elsewhere.
//! What must not be lost is in [`crate::journal`].

mod opening;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::sync::Mutex;

use crate::logs::panic_words;

/// What a store holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The tree, with the version of what is in it. A new layout takes a new name; old trees are dropped.
    tree: &'static str,
    /// Above this many bytes on disk the store is begun anew at opening: sled gives space back late,
    /// sometimes never.
    largest: u64,
    /// Whether who opens it looks through all of it himself, and begins it anew with what can be read where it is
    /// damaged; else it is read at opening, and begun anew with nothing.
    is_looked_through: bool,
}

/// What is served of every subnet.
const METAGRAPH: Layout = Layout { tree: "metagraph.4", largest: 512 * 1024 * 1024, is_looked_through: false };

/// The past of metagraphs, of which as many bytes are kept.
pub fn history_layout(bytes: u64) -> Layout {
    /// How much larger than its content a store becomes before it is worth less than its space.
    const AMPLIFICATION: u64 = 8;
    let largest = bytes.saturating_mul(AMPLIFICATION).max(METAGRAPH.largest);
    Layout { tree: "history.1", largest, is_looked_through: true }
}

/// Larger values would go to files of their own, which leak when the process dies.
pub(crate) const LARGEST_VALUE: usize = 64 * 1024;

/// Why the cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Another process holds it.
    #[error("the cache {} is in use: another btd is running on this state directory", path.display())]
    InUse {
        /// The cache's directory.
        path: PathBuf,
    },
    /// The disk or its permissions.
    #[error("the cache {} cannot be {attempted}", path.display())]
    Disk {
        /// The cache's directory.
        path: PathBuf,
        /// What was attempted.
        attempted: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The open store failed. It takes no writes any more.
    #[error("the cache failed while it was {attempted}")]
    Store {
        /// What was attempted.
        attempted: &'static str,
        /// Why.
        source: sled::Error,
    },
    /// sled panicked, which it may on damage that its checksums do not show.
    #[error("the cache failed: sled panicked ({words})")]
    Panicked {
        /// What the panic said.
        words: &'static str,
    },
    /// It was closed.
    #[error("the cache is closed")]
    Closed,
    /// A value that does not belong here.
    #[error("a value of {bytes} bytes is too large for the cache, which takes up to {LARGEST_VALUE}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// It did not close in time; its last writes are flushed or not.
    #[error("the cache did not close within {after:?}")]
    Slow {
        /// The limit.
        after: Duration,
    },
    /// The daemon is stopping.
    #[error("the cache was interrupted: the daemon is stopping")]
    Interrupted,
}

// === impl CacheError ===

impl CacheError {
    /// Whether the store itself is at fault, so that one in its place would do better: not where the disk is full, or
    /// may not be written.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Store { source: sled::Error::Io(error), .. } => !opening::is_about_the_disk(error),
            Self::Store { .. } | Self::Panicked { .. } => true,
            Self::InUse { .. }
            | Self::Disk { .. }
            | Self::Closed
            | Self::TooLarge { .. }
            | Self::Slow { .. }
            | Self::Interrupted => false,
        }
    }
}

/// How the cache was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// As it was left, or new.
    Sound,
    /// Damaged, and begun anew.
    Damaged {
        /// Where the damaged store was moved.
        aside: PathBuf,
        /// What was wrong.
        reason: String,
    },
    /// Grown beyond its bound, and begun anew.
    TooLarge {
        /// Its size on disk.
        bytes: u64,
    },
}

/// Writes that belong together.
#[derive(Debug, Default)]
pub struct Batch {
    writes: sled::Batch,
    largest: usize,
}

// === impl Batch ===

impl Batch {
    /// Puts `value` at `key`.
    pub fn put(&mut self, key: &[u8], value: Vec<u8>) {
        self.largest = self.largest.max(value.len());
        self.writes.insert(key, value);
    }

    /// Removes what is at `key`.
    pub fn remove(&mut self, key: &[u8]) {
        self.writes.remove(key);
    }
}

/// The open cache. Clones share it.
#[derive(Clone, Debug)]
pub struct Cache {
    database: sled::Db,
    tree: sled::Tree,
    place: Arc<Place>,
    is_new: bool,
    /// Held while something is written, also when nobody waits for that any more.
    writing: Arc<Mutex<()>>,
}

/// Where a store lies, and what for.
#[derive(Clone, Debug)]
struct Place {
    layout: Layout,
    path: PathBuf,
    /// Bytes of page cache.
    memory: u64,
}

// === impl Place ===

impl Place {
    /// The path beside the store's that has `ending` behind its name.
    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(ending);
        self.path.with_file_name(name)
    }
}

// === impl Cache ===

impl Cache {
    /// What is behind the name of a store where a damaged one was moved. There is one such place, so that they do not
    /// pile up.
    pub const ASIDE: &str = ".damaged";

    /// Opens the store in the directory `path` with `memory` bytes of page cache, and says how it
    /// was found. Only a lock held by another process, and a disk that cannot be written, are errors.
    pub async fn open(path: impl Into<PathBuf>, memory: u64) -> Result<(Self, Found), CacheError> {
        Self::open_as(METAGRAPH, path, memory).await
    }

    /// The same for a store of another layout.
    pub async fn open_as(layout: Layout, path: impl Into<PathBuf>, memory: u64) -> Result<(Self, Found), CacheError> {
        let place = Place { layout, path: path.into(), memory };
        blocking(move || opening::open(&place)).await
    }

    /// A path beside the store, for a file that is to outlive it: the store's with `ending` behind its name.
    pub fn beside(&self, ending: &str) -> PathBuf {
        self.place.beside(ending)
    }

    /// Whether there was no store before it was opened, or one that was emptied for its size: nothing of it is to be
    /// missed. What the one that was emptied held is gone, and was thrown away on purpose.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Goes through every entry in the order of the keys, and tells what `step` has gathered.
    pub async fn gather<T: Send + 'static>(
        &self,
        mut gathered: T,
        step: impl Fn(&mut T, &[u8], &[u8]) + Send + 'static,
    ) -> Result<T, CacheError> {
        let tree = self.tree.clone();
        blocking(move || {
            for entry in &tree {
                let (key, value) = entry.map_err(|source| CacheError::Store { attempted: "read", source })?;
                step(&mut gathered, &key, &value);
            }
            Ok(gathered)
        })
        .await
    }

    /// Every entry whose key begins with `prefix`, in the order of the keys.
    pub async fn scan(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, CacheError> {
        let (tree, prefix) = (self.tree.clone(), prefix.to_vec());
        blocking(move || {
            tree.scan_prefix(prefix)
                .map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec())))
                .collect::<Result<_, _>>()
                .map_err(|source| CacheError::Store { attempted: "read", source })
        })
        .await
    }

    /// Writes a batch, whole or not at all, and flushes it.
    pub async fn write(&self, batch: Batch) -> Result<(), CacheError> {
        self.write_each(vec![batch]).await
    }

    /// Writes batches one after the other, each whole or not at all, and flushes them, behind all that was begun to be
    /// written before: what nobody waits for any more is written all the same, once it was begun. Until a batch is
    /// in, the store holds every page that it replaced: many small ones take little memory, one large
    /// one takes some times its size.
    pub async fn write_each(&self, batches: Vec<Batch>) -> Result<(), CacheError> {
        if let Some(large) = batches.iter().find(|batch| batch.largest > LARGEST_VALUE) {
            return Err(CacheError::TooLarge { bytes: large.largest });
        }
        let (tree, turn) = (self.tree.clone(), Arc::clone(&self.writing).lock_owned().await);
        blocking(move || {
            let _turn = turn;
            let mut batches = batches.into_iter();
            batches
                .try_for_each(|batch| tree.apply_batch(batch.writes))
                .and_then(|()| tree.flush())
                .map(|_| ())
                .map_err(|source| CacheError::Store { attempted: "written", source })
        })
        .await
    }

    /// Moves the store aside as a damaged one, and begins it anew with those of its entries whose keys begin with one of
    /// `prefixes`, as far as they can be read: those of a prefix all, or none. Other clones must be gone.
    ///
    /// # Errors
    /// When the disk does not take the new store. There is none then.
    pub async fn renewed(self, prefixes: Vec<Vec<u8>>) -> Result<Self, CacheError> {
        blocking(move || opening::renew(self, &prefixes)).await
    }

    /// Flushes and closes the store, waiting at most `limit`. Other clones must be gone, or the
    /// store stays open until they are.
    pub async fn close(self, limit: Duration) -> Result<(), CacheError> {
        let closing = blocking(move || {
            let flushed = self.tree.flush();
            // The last clone joins sled's own thread, which may take for ever: hence the limit.
            drop(self);
            flushed.map(|_| ()).map_err(|source| CacheError::Store { attempted: "closed", source })
        });
        tokio::time::timeout(limit, closing).await.unwrap_or(Err(CacheError::Slow { after: limit }))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CacheError> + Send + 'static,
) -> Result<T, CacheError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|ended| match ended.try_into_panic() {
        Ok(panic) => Err(CacheError::Panicked { words: panic_words(&*panic) }),
        Err(_) => Err(CacheError::Interrupted),
    })
}

fn disk(path: &Path, attempted: &'static str) -> impl FnOnce(io::Error) -> CacheError {
    let path = path.to_owned();
    move |source| CacheError::Disk { path, attempted, source }
}

#[cfg(test)]
mod tests;
