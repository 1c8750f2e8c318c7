//! Files that commands write, at paths that people choose.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Puts `bytes` at `path`, and leaves what was there whole when that fails.
///
/// A regular file is replaced in one step and keeps its permissions; a new one gets `mode`, less the
/// umask. A link is followed. Whatever else stands there (a device, a pipe) is written to: to put a
/// file in its place would take it from everybody.
pub(crate) fn put(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let (path, kept) = match fs::metadata(path) {
        Ok(there) if there.is_file() => (fs::canonicalize(path)?, Some(there.permissions())),
        Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => return OpenOptions::new().write(true).open(path)?.write_all(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (target(path)?, None),
        Err(error) => return Err(error),
    };
    let (beside, written) = write_beside(&path, bytes, mode, kept);
    let placed = written.and_then(|()| fs::rename(&beside, &path));
    if placed.is_err() {
        // What is half written is of use to nobody; that it cannot be removed is the smaller trouble.
        let _ = fs::remove_file(&beside);
    }
    placed
}

/// Where a file that is not there yet belongs: behind the links that lead to it.
fn target(path: &Path) -> io::Result<PathBuf> {
    /// As many as Linux follows.
    const LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match fs::read_link(&path) {
            Ok(next) => path = path.parent().map_or_else(|| next.clone(), |directory| directory.join(&next)),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links lead on from here"))
}

fn write_beside(path: &Path, bytes: &[u8], mode: u32, kept: Option<Permissions>) -> (PathBuf, io::Result<()>) {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".new-{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&beside)?;
        if let Some(permissions) = kept {
            file.set_permissions(Permissions::from_mode(permissions.mode()))?;
        }
        file.write_all(bytes)?;
        file.sync_all()
    };
    let written = written();
    (beside, written)
}

#[cfg(test)]
mod tests {
    use std::{io::Read, os::unix::fs::symlink, thread};

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_and_keeps_its_permissions() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a");
        put(&path, b"one", 0o600).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        put(&path, b"two", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(names(home.path()), ["a"]);
    }

    #[test]
    fn links_are_followed_to_what_is_there_and_to_what_is_not_yet() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("kept")).unwrap();
        let link = home.path().join("link");
        symlink("kept/a", &link).unwrap();
        put(&link, b"one", 0o600).unwrap();
        put(&link, b"two", 0o600).unwrap();
        assert_eq!(fs::read(home.path().join("kept/a")).unwrap(), b"two");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(names(&home.path().join("kept")), ["a"]);

        symlink("b", home.path().join("a")).unwrap();
        symlink("a", home.path().join("b")).unwrap();
        put(&home.path().join("a"), b"", 0o600).unwrap_err();
    }

    #[test]
    fn a_pipe_is_written_to_and_stays_a_pipe() {
        let home = tempfile::tempdir().unwrap();
        let pipe = home.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        let reader = thread::spawn({
            let pipe = pipe.clone();
            move || {
                let mut all = Vec::new();
                fs::File::open(pipe).unwrap().read_to_end(&mut all).unwrap();
                all
            }
        });
        put(&pipe, b"bytes", 0o600).unwrap();
        assert_eq!(reader.join().unwrap(), b"bytes");
        assert_eq!(names(home.path()), ["pipe"]);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(put(home.path(), b"x", 0o600).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        assert_eq!(put(&home.path().join("no/a"), b"x", 0o600).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(names(home.path()).is_empty());
    }
}
