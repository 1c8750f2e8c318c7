//! Opening a store, and putting a new one in the place of one that is damaged.
//!
//! On a damaged store sled may return an error, and may panic; either ends one attempt, and nothing else.

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{Cache, CacheError, Found, Place, disk};

/// How often sled's own thread looks for space to take back, in milliseconds. What is written is flushed at once, so
/// nothing else waits for that thread; each look is a wake-up and an `fsync`.
const TIDYING_MS: u64 = 10_000;

/// How often a store that is in use is tried, and the time between.
const ATTEMPTS: u32 = 20;
const MOMENT: Duration = Duration::from_millis(50);

/// So many bytes are carried to another store at a time.
const CARRIED: usize = 1024 * 1024;

/// What is behind the name of a store where the one that takes its place is made.
const FRESH: &str = ".new";

pub(super) fn open(place: &Place) -> Result<(Cache, Found), CacheError> {
    let path = &place.path;
    let is_new = !take_up(place)?;
    fs::create_dir_all(path).map_err(disk(path, "made"))?;
    match patient_attempt(place) {
        Ok(cache) => match cache.database.size_on_disk() {
            Ok(bytes) if bytes > place.layout.largest => {
                drop(cache);
                fs::remove_dir_all(path).map_err(disk(path, "emptied"))?;
                begin_anew(place).map(|cache| (Cache { is_new: true, ..cache }, Found::TooLarge { bytes }))
            }
            _ => {
                // Beside its store one was never finished; if it cannot be removed now, it is before the next is made.
                let _ = fs::remove_dir_all(place.beside(FRESH));
                Ok((Cache { is_new, ..cache }, Found::Sound))
            }
        },
        Err(Attempt::Damaged(reason)) => {
            let aside = set_aside(place)?;
            begin_anew(place).map(|cache| (cache, Found::Damaged { aside, reason }))
        }
        Err(failed) => Err(failed.of(path)),
    }
}

/// Takes up what a process that died in [`renew`] left: once the old store was moved aside, the new one is whole. Whether
/// there is a store now.
fn take_up(place: &Place) -> Result<bool, CacheError> {
    let (path, fresh) = (&place.path, place.beside(FRESH));
    let is_there = |path: &Path| fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    if !is_there(path) && is_there(&fresh) {
        fs::rename(&fresh, path).map_err(disk(path, "begun anew"))?;
    }
    Ok(is_there(path))
}

/// Puts a new store in the place of `damaged`, with what begins with one of `prefixes` and can be read.
pub(super) fn renew(damaged: Cache, prefixes: &[Vec<u8>]) -> Result<Cache, CacheError> {
    let place = Place::clone(&damaged.place);
    let fresh = Place { path: place.beside(FRESH), ..place.clone() };
    if fresh.path.exists() {
        fs::remove_dir_all(&fresh.path).map_err(disk(&fresh.path, "removed"))?;
    }
    fs::create_dir_all(&fresh.path).map_err(disk(&fresh.path, "made"))?;
    let carried = begin_anew(&fresh)?;
    let failed = |source| CacheError::Store { attempted: "begun anew", source };
    for prefix in prefixes {
        // What cannot be read is left, and so is all that belongs to it.
        let read = catch_unwind(AssertUnwindSafe(|| damaged.tree.scan_prefix(prefix).collect::<Result<Vec<_>, _>>()));
        let Ok(Ok(entries)) = read else { continue };
        let (mut batch, mut bytes) = (sled::Batch::default(), 0_usize);
        for (key, value) in entries {
            bytes = bytes.saturating_add(value.len());
            batch.insert(key, value);
            if bytes >= CARRIED {
                carried.tree.apply_batch(std::mem::take(&mut batch)).map_err(failed)?;
                bytes = 0;
            }
        }
        carried.tree.apply_batch(batch).map_err(failed)?;
    }
    carried.tree.flush().map_err(failed)?;
    // sled may panic in the end of a damaged store too.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(damaged)));
    drop(carried);
    set_aside(&place)?;
    fs::rename(&fresh.path, &place.path).map_err(disk(&place.path, "begun anew"))?;
    patient_attempt(&place).map_err(|failed| failed.of(&place.path))
}

/// Moves the store to where damaged ones go.
fn set_aside(place: &Place) -> Result<PathBuf, CacheError> {
    let (path, aside) = (&place.path, place.beside(Cache::ASIDE));
    if aside.exists() {
        fs::remove_dir_all(&aside).map_err(disk(&aside, "removed"))?;
    }
    fs::rename(path, &aside).map_err(disk(path, "moved aside"))?;
    Ok(aside)
}

/// The lock may be held for a moment more by a process that is ending, or by one that was just forked
/// from this one and has not become its own program yet.
fn patient_attempt(place: &Place) -> Result<Cache, Attempt> {
    for _ in 1..ATTEMPTS {
        match attempt(place) {
            Err(Attempt::Locked) => std::thread::sleep(MOMENT),
            ended => return ended,
        }
    }
    attempt(place)
}

fn begin_anew(place: &Place) -> Result<Cache, CacheError> {
    attempt(place).map_err(|failed| failed.of(&place.path))
}

/// Why one attempt at opening failed.
enum Attempt {
    Locked,
    Disk(io::Error),
    Damaged(String),
}

// === impl Attempt ===

impl Attempt {
    /// The error that it is where there is nothing else to be tried.
    fn of(self, path: &Path) -> CacheError {
        match self {
            Self::Locked => CacheError::InUse { path: path.to_owned() },
            Self::Disk(source) => disk(path, "opened")(source),
            Self::Damaged(reason) => disk(path, "begun anew")(io::Error::other(reason)),
        }
    }
}

fn attempt(place: &Place) -> Result<Cache, Attempt> {
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let database = sled::Config::new()
            .path(&place.path)
            .cache_capacity(place.memory)
            .mode(sled::Mode::LowSpace)
            .flush_every_ms(Some(TIDYING_MS))
            .open()?;
        for name in database.tree_names() {
            if name != place.layout.tree.as_bytes() && name != b"__sled__default" {
                database.drop_tree(name)?;
            }
        }
        let tree = database.open_tree(place.layout.tree)?;
        if !place.layout.is_looked_through {
            // Reading all of it now finds damage now.
            for entry in &tree {
                entry?;
            }
        }
        Ok(Cache { database, tree, place: Arc::new(place.clone()), is_new: false, writing: Arc::default() })
    }));
    match opened {
        Ok(Ok(cache)) => Ok(cache),
        Ok(Err(sled::Error::Io(error))) if error.to_string().contains("could not acquire lock") => Err(Attempt::Locked),
        Ok(Err(sled::Error::Io(error))) if is_about_the_disk(&error) => Err(Attempt::Disk(error)),
        Ok(Err(error)) => Err(Attempt::Damaged(error.to_string())),
        Err(_) => Err(Attempt::Damaged("sled panicked while opening it".to_owned())),
    }
}

/// Whether a fresh store in the same place would fail too.
pub(super) fn is_about_the_disk(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
    )
}
