//! The cache: what can be read from the chain again, kept so that a restart has something to serve.
//!
//! The only user of sled. One tree of composite keys in big-endian order, its name carrying the
//! schema version; a batch is written whole or not at all and is flushed when [`Cache::write`]
//! returns, which guards against the death of the process and not of the machine. A store that is
//! damaged or of another version is moved aside and begun anew: nothing in it is worth a stop.
//! What must not be lost is in [`crate::journal`].

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::Duration,
};

/// What a store holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The tree, with the version of what is in it. A new layout takes a new name; old trees are dropped.
    tree: &'static str,
    /// Above this many bytes on disk the store is begun anew at opening: sled gives space back late,
    /// sometimes never.
    largest: u64,
}

/// What is served of every subnet.
const METAGRAPH: Layout = Layout { tree: "metagraph.3", largest: 512 * 1024 * 1024 };

/// The past of metagraphs, of which as many bytes are kept.
pub fn history_layout(bytes: u64) -> Layout {
    /// How much larger than its content a store becomes before it is worth less than its space.
    const AMPLIFICATION: u64 = 8;
    Layout { tree: "history.1", largest: bytes.saturating_mul(AMPLIFICATION).max(METAGRAPH.largest) }
}

/// Larger values would go to files of their own, which leak when the process dies.
const LARGEST_VALUE: usize = 64 * 1024;

/// How often sled's own thread looks for space to take back, in milliseconds. What is written is flushed at once, so
/// nothing else waits for that thread; each look is a wake-up and an `fsync`.
const TIDYING_MS: u64 = 10_000;

/// How often a store that is in use is tried, and the time between.
const ATTEMPTS: u32 = 20;
const MOMENT: Duration = Duration::from_millis(50);

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
}

// === impl Cache ===

impl Cache {
    /// Opens the store in the directory `path` with `memory` bytes of page cache, and says how it
    /// was found. Only a lock held by another process, and a disk that cannot be written, are errors.
    pub async fn open(path: impl Into<PathBuf>, memory: u64) -> Result<(Self, Found), CacheError> {
        Self::open_as(METAGRAPH, path, memory).await
    }

    /// The same for a store of another layout.
    pub async fn open_as(layout: Layout, path: impl Into<PathBuf>, memory: u64) -> Result<(Self, Found), CacheError> {
        let path = path.into();
        blocking(move || open(layout, &path, memory)).await
    }

    /// The key of every entry that begins with `prefix`, with the length of its value.
    pub async fn sizes(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, usize)>, CacheError> {
        let (tree, prefix) = (self.tree.clone(), prefix.to_vec());
        blocking(move || {
            tree.scan_prefix(prefix)
                .map(|entry| entry.map(|(key, value)| (key.to_vec(), value.len())))
                .collect::<Result<_, _>>()
                .map_err(|source| CacheError::Store { attempted: "read", source })
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

    /// Writes batches one after the other, each whole or not at all, and flushes them. Until a batch is
    /// in, the store holds every page that it replaced: many small ones take little memory, one large
    /// one takes some times its size.
    pub async fn write_each(&self, batches: Vec<Batch>) -> Result<(), CacheError> {
        if let Some(large) = batches.iter().find(|batch| batch.largest > LARGEST_VALUE) {
            return Err(CacheError::TooLarge { bytes: large.largest });
        }
        let tree = self.tree.clone();
        blocking(move || {
            let mut batches = batches.into_iter();
            batches
                .try_for_each(|batch| tree.apply_batch(batch.writes))
                .and_then(|()| tree.flush())
                .map(|_| ())
                .map_err(|source| CacheError::Store { attempted: "written", source })
        })
        .await
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
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(CacheError::Interrupted))
}

fn open(layout: Layout, path: &Path, memory: u64) -> Result<(Cache, Found), CacheError> {
    fs::create_dir_all(path).map_err(disk(path, "made"))?;
    match patient_attempt(layout, path, memory) {
        Ok(cache) => match cache.database.size_on_disk() {
            Ok(bytes) if bytes > layout.largest => {
                drop(cache);
                fs::remove_dir_all(path).map_err(disk(path, "emptied"))?;
                begin_anew(layout, path, memory, Found::TooLarge { bytes })
            }
            _ => Ok((cache, Found::Sound)),
        },
        Err(Attempt::Locked) => Err(CacheError::InUse { path: path.to_owned() }),
        Err(Attempt::Disk(source)) => Err(disk(path, "opened")(source)),
        Err(Attempt::Damaged(reason)) => {
            let aside = aside(path);
            if aside.exists() {
                fs::remove_dir_all(&aside).map_err(disk(&aside, "removed"))?;
            }
            fs::rename(path, &aside).map_err(disk(path, "moved aside"))?;
            begin_anew(layout, path, memory, Found::Damaged { aside, reason })
        }
    }
}

/// The lock may be held for a moment more by a process that is ending, or by one that was just forked
/// from this one and has not become its own program yet.
fn patient_attempt(layout: Layout, path: &Path, memory: u64) -> Result<Cache, Attempt> {
    for _ in 1..ATTEMPTS {
        match attempt(layout, path, memory) {
            Err(Attempt::Locked) => std::thread::sleep(MOMENT),
            ended => return ended,
        }
    }
    attempt(layout, path, memory)
}

fn begin_anew(layout: Layout, path: &Path, memory: u64, found: Found) -> Result<(Cache, Found), CacheError> {
    let failed = |error| match error {
        Attempt::Locked => CacheError::InUse { path: path.to_owned() },
        Attempt::Disk(source) => disk(path, "opened")(source),
        Attempt::Damaged(reason) => disk(path, "begun anew")(io::Error::other(reason)),
    };
    attempt(layout, path, memory).map(|cache| (cache, found)).map_err(failed)
}

/// Where a damaged store goes. There is one such place, so that they do not pile up.
fn aside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".damaged");
    path.with_file_name(name)
}

fn disk(path: &Path, attempted: &'static str) -> impl FnOnce(io::Error) -> CacheError {
    let path = path.to_owned();
    move |source| CacheError::Disk { path, attempted, source }
}

/// Why one attempt at opening failed.
enum Attempt {
    Locked,
    Disk(io::Error),
    Damaged(String),
}

fn attempt(layout: Layout, path: &Path, memory: u64) -> Result<Cache, Attempt> {
    // On a damaged store sled may return an error, and may panic.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let database = sled::Config::new()
            .path(path)
            .cache_capacity(memory)
            .mode(sled::Mode::LowSpace)
            .flush_every_ms(Some(TIDYING_MS))
            .open()?;
        for name in database.tree_names() {
            if name != layout.tree.as_bytes() && name != b"__sled__default" {
                database.drop_tree(name)?;
            }
        }
        let tree = database.open_tree(layout.tree)?;
        // Reading all of it now finds damage now.
        for entry in &tree {
            entry?;
        }
        Ok(Cache { database, tree })
    }));
    match opened {
        Ok(Ok(cache)) => Ok(cache),
        Ok(Err(sled::Error::Io(error))) if error.to_string().contains("could not acquire lock") => Err(Attempt::Locked),
        Ok(Err(sled::Error::Io(error))) if about_the_disk(&error) => Err(Attempt::Disk(error)),
        Ok(Err(error)) => Err(Attempt::Damaged(error.to_string())),
        Err(_) => Err(Attempt::Damaged("sled panicked while opening it".to_owned())),
    }
}

/// Whether a fresh store in the same place would fail too.
fn about_the_disk(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMORY: u64 = 4 * 1024 * 1024;

    async fn filled(path: &Path) -> Cache {
        let (cache, found) = Cache::open(path, MEMORY).await.unwrap();
        assert_eq!(found, Found::Sound);
        let mut batch = Batch::default();
        for number in 0..500_u16 {
            batch.put(&[&[7], &number.to_be_bytes()[..]].concat(), vec![1; 200]);
        }
        batch.put(&[8], b"other".to_vec());
        cache.write(batch).await.unwrap();
        cache
    }

    #[tokio::test]
    async fn what_was_written_is_there_after_a_restart_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cache");
        filled(&path).await.close(Duration::from_secs(10)).await.unwrap();
        let (cache, found) = Cache::open(&path, MEMORY).await.unwrap();
        assert_eq!(found, Found::Sound);
        let entries = cache.scan(&[7]).await.unwrap();
        assert_eq!(entries.len(), 500);
        assert_eq!(entries[300].0, [&[7], &300_u16.to_be_bytes()[..]].concat());
        let mut batch = Batch::default();
        batch.remove(&[8]);
        cache.write(batch).await.unwrap();
        assert_eq!(cache.scan(&[8]).await.unwrap(), []);
    }

    /// Opens a store after `damage` was done to its directory, and checks that it works.
    async fn opened_after(damage: impl FnOnce(&Path)) -> (Found, usize) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cache");
        filled(&path).await.close(Duration::from_secs(10)).await.unwrap();
        damage(&path);
        let (cache, found) = Cache::open(&path, MEMORY).await.unwrap();
        let left = cache.scan(&[7]).await.unwrap();
        assert!(left.iter().all(|(_, value)| *value == [1; 200]), "nothing altered is served");
        let mut batch = Batch::default();
        batch.put(&[9], vec![2]);
        cache.write(batch).await.unwrap();
        assert_eq!(cache.scan(&[9]).await.unwrap(), [(vec![9], vec![2])]);
        if let Found::Damaged { aside, .. } = &found {
            assert!(aside.is_dir());
        }
        (found, left.len())
    }

    #[tokio::test]
    async fn a_damaged_store_is_moved_aside_and_begun_anew() {
        let (found, left) = opened_after(|path| {
            fs::remove_file(path.join("db")).unwrap();
            fs::create_dir(path.join("db")).unwrap();
        })
        .await;
        assert!(matches!(found, Found::Damaged { .. }), "{found:?}");
        assert_eq!(left, 0);
    }

    #[tokio::test]
    async fn a_store_whose_log_is_scrambled_serves_nothing_altered_and_goes_on() {
        opened_after(|path| {
            let log = path.join("db");
            let mut bytes = fs::read(&log).unwrap();
            for byte in bytes.iter_mut().skip(1000) {
                *byte = byte.wrapping_mul(31).wrapping_add(7);
            }
            fs::write(&log, bytes).unwrap();
        })
        .await;
    }

    #[tokio::test]
    async fn a_second_opening_is_told_that_the_cache_is_in_use() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cache");
        let _held = filled(&path).await;
        assert!(matches!(Cache::open(&path, MEMORY).await, Err(CacheError::InUse { .. })));
    }

    #[tokio::test]
    async fn trees_of_other_versions_are_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cache");
        {
            let old = sled::open(&path).unwrap();
            old.open_tree("metagraph.0").unwrap().insert(b"k", b"v").unwrap();
            old.flush().unwrap();
        }
        let (cache, _) = Cache::open(&path, MEMORY).await.unwrap();
        assert!(!cache.database.tree_names().iter().any(|name| name == b"metagraph.0"));
    }

    #[tokio::test]
    async fn a_value_too_large_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let (cache, _) = Cache::open(directory.path().join("cache"), MEMORY).await.unwrap();
        let mut batches = vec![Batch::default(), Batch::default()];
        batches[0].put(&[1], vec![0; 8]);
        batches[1].put(&[2], vec![0; LARGEST_VALUE + 1]);
        assert!(matches!(cache.write_each(batches).await, Err(CacheError::TooLarge { .. })));
        assert_eq!(cache.scan(&[]).await.unwrap(), [], "nor is anything before it written");
    }
}
