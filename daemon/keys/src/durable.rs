//! Files that are old or new, never torn: temporary file, fsync, rename, fsync of the directory.
//!
//! Key files are 0600 from their first byte and directories 0700. Nothing is ever truncated or
//! written in place. What a crash can leave is a hidden `.NAME.tmp-…lock` beside the file, which
//! wallets do not list and the next write of the same file sweeps away. Its writer holds a lock on
//! it for as long as it lives: a number would not tell the living from the dead, for writers in
//! containers of their own count processes each for themselves.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::fs::{CWD, RenameFlags};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Creates `path` with these bytes; [`io::ErrorKind::AlreadyExists`] if anything is there.
/// Durable when it returns.
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = Temporary::write(path, bytes)?;
    match rustix::fs::renameat_with(CWD, &temporary.path, CWD, path, RenameFlags::NOREPLACE) {
        Ok(()) => temporary.renamed(),
        // File systems without that flag have hard links, which do not replace either.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            fs::hard_link(&temporary.path, path)?;
            drop(temporary);
        }
        Err(error) => return Err(error.into()),
    }
    sync_directory(parent(path)?)
}

/// Replaces `path`, or creates it. Durable when it returns.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = Temporary::write(path, bytes)?;
    fs::rename(&temporary.path, path)?;
    temporary.renamed();
    sync_directory(parent(path)?)
}

/// Creates `path` and what is missing above it, each open to its owner only. Durable when it
/// returns.
pub fn create_directory(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|dir| !dir.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    for dir in missing {
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_directory(parent)?;
        }
    }
    Ok(())
}

fn parent(path: &Path) -> io::Result<&Path> {
    path.parent()
        .map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path has no directory"))
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// A complete file under a hidden name, removed unless it was renamed.
struct Temporary {
    path: PathBuf,
    /// Locked until this is dropped.
    _file: File,
}

impl Temporary {
    fn write(target: &Path, bytes: &[u8]) -> io::Result<Self> {
        let directory = parent(target)?;
        let name = target
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path has no file name"))?;
        let stem = format!(".{name}.tmp-");
        sweep(directory, &stem)?;
        let (mut file, path) = loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = directory.join(format!("{stem}{}-{number}.lock", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) if is_own(&file)? => break (file, path),
                // A sweeper was faster than the lock, and has removed it or is about to.
                Ok(_) => {}
                // Left by, or in use of, a process that had the same number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        };
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        let temporary = Self { path, _file: file };
        written.map(|()| temporary)
    }
}

impl Temporary {
    /// It has its name. What another writer, in a container of its own, makes under the hidden one from
    /// now on is that writer's.
    fn renamed(mut self) {
        self.path = PathBuf::new();
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Locks a new file, and tells whether it is there still. Where there are no locks it is: nobody
/// sweeps there.
fn is_own(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(file.metadata()?.nlink() > 0),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(_)) => Ok(true),
    }
}

/// Removes what writers of the same file left behind when they died: a killed writer's temporary
/// may hold a secret that was never meant to stay.
fn sweep(directory: &Path, stem: &str) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_name().to_str().is_some_and(|name| name.starts_with(stem)) || !entry.file_type()?.is_file() {
            continue;
        }
        let path = entry.path();
        let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        // For writing too: some file systems lock nothing else.
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if is_gone(&error) => continue,
            // Another user's: whether its writer lives is not for this one to find out.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => continue,
            opened => opened?,
        };
        if file.try_lock().is_ok() {
            match fs::remove_file(&path) {
                Err(error) if !is_gone(&error) => return Err(error),
                // Gone, by us or by another writer.
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn files_are_private_and_nothing_is_left_beside_them() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b");
        create_directory(&dir).unwrap();
        assert_eq!((mode(&dir), mode(&root.path().join("a"))), (0o700, 0o700));
        let path = dir.join("key");
        create(&path, b"one").unwrap();
        assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o600, b"one".to_vec()));
        assert_eq!(create(&path, b"two").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        replace(&path, b"three").unwrap();
        assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o600, b"three".to_vec()));
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
    }

    #[test]
    fn leftovers_of_the_dead_are_swept_and_those_of_the_living_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let dead = dir.path().join(".key.tmp-1-0.lock");
        // Of a writer that this process cannot see, under the number that its own next file has.
        let next = NEXT.load(Ordering::Relaxed);
        let living = dir.path().join(format!(".key.tmp-{}-{next}.lock", std::process::id()));
        let other = dir.path().join(".key2.tmp-1-0.lock");
        for path in [&dead, &living, &other] {
            fs::write(path, "x").unwrap();
        }
        let held = File::open(&living).unwrap();
        held.try_lock().unwrap();
        create(&dir.path().join("key"), b"one").unwrap();
        assert!(!dead.exists() && living.exists() && other.exists());
        drop(held);
        replace(&dir.path().join("key"), b"two").unwrap();
        assert!(!living.exists() && other.exists());
        assert_eq!(
            (fs::read(dir.path().join("key")).unwrap(), fs::read_dir(dir.path()).unwrap().count()),
            (b"two".to_vec(), 2)
        );
    }

    #[test]
    fn what_was_renamed_is_another_writers_to_make_anew() {
        let dir = tempfile::tempdir().unwrap();
        let temporary = Temporary::write(&dir.path().join("key"), b"one").unwrap();
        let hidden = temporary.path.clone();
        fs::rename(&hidden, dir.path().join("key")).unwrap();
        fs::write(&hidden, "another's").unwrap();
        temporary.renamed();
        assert_eq!(fs::read(&hidden).unwrap(), b"another's");
        drop(Temporary::write(&dir.path().join("other"), b"two").unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "what got no name is removed");
    }

    #[test]
    fn a_new_file_that_a_sweeper_has_found_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".key.tmp-1-0.lock");
        let file = File::create_new(&path).unwrap();
        let sweeper = File::open(&path).unwrap();
        sweeper.try_lock().unwrap();
        assert!(!is_own(&file).unwrap());
        fs::remove_file(&path).unwrap();
        drop(sweeper);
        assert!(!is_own(&file).unwrap());
        assert!(is_own(&File::create_new(&path).unwrap()).unwrap());
    }
}
