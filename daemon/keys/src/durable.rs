//! Files that are old or new, never torn: temporary file, fsync, rename, fsync of the directory.
//!
//! Key files are 0600 from their first byte and directories 0700. Nothing is ever truncated or
//! written in place. What a crash can leave is a hidden `.NAME.tmp-…lock` beside the file, which
//! wallets do not list and the next write of the same file sweeps away.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
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
        Ok(()) => {}
        // File systems without that flag have hard links, which do not replace either.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            fs::hard_link(&temporary.path, path)?;
            fs::remove_file(&temporary.path)?;
        }
        Err(error) => return Err(error.into()),
    }
    sync_directory(parent(path)?)
}

/// Replaces `path`, or creates it. Durable when it returns.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = Temporary::write(path, bytes)?;
    fs::rename(&temporary.path, path)?;
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
        let (pid, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // A process is told by its number and the time of its start: numbers come again, in
        // containers at every start.
        let started = started(&pid.to_string()).unwrap_or_default();
        let path = directory.join(format!("{stem}{pid}-{started}-{number}.lock"));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let temporary = Self { path };
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(temporary)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove.
        let _ = fs::remove_file(&self.path);
    }
}

/// When the process of that number was started, in ticks since the host was; none if there is no
/// such process. The 22nd field of proc(5)'s `stat`.
fn started(pid: &str) -> Option<u64> {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Removes what writers of the same file left behind when they died: a killed writer's temporary
/// may hold a secret that was never meant to stay.
fn sweep(directory: &Path, stem: &str) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let stale = name.to_str().is_some_and(|name| {
            name.strip_prefix(stem).is_some_and(|rest| {
                let mut parts = rest.split('-');
                let (pid, then) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
                started(pid).is_none_or(|started| started.to_string() != then)
            })
        });
        if stale {
            match fs::remove_file(entry.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
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
        // Process ids on Linux stay below 2^22.
        let dead = dir.path().join(".key.tmp-99999999-0.lock");
        let living = dir.path().join(format!(".key.tmp-1-{}-0.lock", started("1").unwrap()));
        let mine_of_old = dir.path().join(format!(".key.tmp-{}-0-0.lock", std::process::id()));
        let other = dir.path().join(".key2.tmp-99999999-0.lock");
        for path in [&dead, &living, &mine_of_old, &other] {
            fs::write(path, "x").unwrap();
        }
        create(&dir.path().join("key"), b"one").unwrap();
        assert!(!dead.exists() && !mine_of_old.exists() && living.exists() && other.exists());
    }
}
