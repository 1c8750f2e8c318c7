//! Files that commands write, at paths that people choose.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Who may do what with a file that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// What a file that was there before has said; of a new one this, less the umask.
    Kept(u32),
    /// This, whatever was there before.
    Forced(u32),
}

/// Puts `bytes` at `path`, and leaves what was there whole when that fails.
///
/// A regular file is replaced in one step. A link is followed. Whatever else stands there (a device,
/// a pipe) is written to: to put a file in its place would take it from everybody.
pub(crate) fn put(path: &Path, bytes: &[u8], mode: Mode) -> io::Result<()> {
    let (path, there) = match fs::metadata(path) {
        Ok(there) if there.is_file() => (fs::canonicalize(path)?, Some(there.permissions().mode())),
        Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => return OpenOptions::new().write(true).open(path)?.write_all(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (target(path)?, None),
        Err(error) => return Err(error),
    };
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".new-{}", std::process::id()));
    let beside = PathBuf::from(beside);
    // Left by another run, or a link that leads elsewhere.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let (first, exact) = match mode {
        Mode::Kept(new) => (new, there),
        Mode::Forced(mode) => (mode, Some(mode)),
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(first).open(&beside)?;
    let placed = fill(&mut file, bytes, exact).and_then(|()| fs::rename(&beside, &path));
    if placed.is_err() {
        // What is half written is of use to nobody; that it cannot be removed is the smaller trouble.
        let _ = fs::remove_file(&beside);
    }
    placed
}

fn fill(file: &mut File, bytes: &[u8], mode: Option<u32>) -> io::Result<()> {
    if let Some(mode) = mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.write_all(bytes)?;
    file.sync_all()
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
        put(&path, b"one", Mode::Kept(0o600)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        put(&path, b"two", Mode::Kept(0o600)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(names(home.path()), ["a"]);
    }

    #[test]
    fn a_file_that_is_nobody_elses_is_made_so() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a");
        fs::write(&path, b"one").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o664)).unwrap();
        put(&path, b"two", Mode::Forced(0o600)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_link_beside_it_leads_nowhere() {
        let home = tempfile::tempdir().unwrap();
        let (path, other) = (home.path().join("a"), home.path().join("other"));
        fs::write(&other, b"kept").unwrap();
        symlink(&other, home.path().join(format!("a.new-{}", std::process::id()))).unwrap();
        put(&path, b"one", Mode::Kept(0o600)).unwrap();
        assert_eq!((fs::read(&path).unwrap(), fs::read(&other).unwrap()), (b"one".to_vec(), b"kept".to_vec()));
        assert!(!fs::symlink_metadata(&path).unwrap().is_symlink());
        assert_eq!(names(home.path()), ["a", "other"]);
    }

    #[test]
    fn links_are_followed_to_what_is_there_and_to_what_is_not_yet() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("kept")).unwrap();
        let link = home.path().join("link");
        symlink("kept/a", &link).unwrap();
        put(&link, b"one", Mode::Kept(0o600)).unwrap();
        put(&link, b"two", Mode::Kept(0o600)).unwrap();
        assert_eq!(fs::read(home.path().join("kept/a")).unwrap(), b"two");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(names(&home.path().join("kept")), ["a"]);

        symlink("b", home.path().join("a")).unwrap();
        symlink("a", home.path().join("b")).unwrap();
        put(&home.path().join("a"), b"", Mode::Kept(0o600)).unwrap_err();
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
        put(&pipe, b"bytes", Mode::Kept(0o600)).unwrap();
        assert_eq!(reader.join().unwrap(), b"bytes");
        assert_eq!(names(home.path()), ["pipe"]);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(put(home.path(), b"x", Mode::Kept(0o600)).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        assert_eq!(
            put(&home.path().join("no/a"), b"x", Mode::Kept(0o600)).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        assert!(names(home.path()).is_empty());
    }
}
