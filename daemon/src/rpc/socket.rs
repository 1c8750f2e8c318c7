//! The unix socket file: made with its final mode, one owner at a time, gone when btd is.
//!
//! The socket is bound in a fresh directory that only btd can enter, gets its mode there, and is
//! then renamed into place, so that at no moment anyone else can reach it with other permissions. A
//! lock file beside it keeps a second btd out; what is left after a crash is replaced.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt, PermissionsExt},
        net,
    },
    path::{Path, PathBuf},
};

use tokio::net::UnixListener;

/// Owner and group may connect; which callers may do what is decided for each connection.
const MODE: u32 = 0o660;
/// The longest path that a socket address holds, its closing zero left out.
const LONGEST: usize = 107;

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another btd answers there.
    #[error("another btd is running on {}\nhint: stop it, or choose another socket with --socket", path.display())]
    Occupied {
        /// The socket.
        path: PathBuf,
    },
    /// Something that is not a socket is in the way.
    #[error("{} is there and is not a socket; btd leaves it alone\nhint: choose another path with --socket", path.display())]
    NotASocket {
        /// What is in the way.
        path: PathBuf,
    },
    /// The path does not fit into a socket address.
    #[error("the socket path {} has {} bytes, and {LONGEST} is the most\nhint: choose a shorter one with --socket", path.display(), path.as_os_str().len())]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {attempted} {}: {source}", path.display())]
    Disk {
        /// What was attempted.
        attempted: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// A bound control socket. Dropping it removes the file.
#[derive(Debug)]
pub struct ControlSocket {
    path: PathBuf,
    listener: UnixListener,
    _lock: File,
}

fn disk(attempted: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SocketError {
    let path = path.to_owned();
    move |source| SocketError::Disk { attempted, path, source }
}

// === impl ControlSocket ===

impl ControlSocket {
    /// Binds `path`. Its directory is made, for btd alone, if it is not there. Call in a tokio runtime.
    ///
    /// # Errors
    /// When another btd answers there, something else is in the way, or the file system refuses.
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        let path = std::path::absolute(path).map_err(disk("find", path))?;
        if path.as_os_str().len() > LONGEST {
            return Err(SocketError::TooLong { path });
        }
        let directory = path.parent().unwrap_or(Path::new("/"));
        if !directory.is_dir() {
            DirBuilder::new().recursive(true).mode(0o750).create(directory).map_err(disk("make", directory))?;
        }
        let lock = lock(&path)?;
        refuse_if_taken(&path)?;
        let listener = bind_privately(&path, directory)?;
        listener.set_nonblocking(true).map_err(disk("open", &path))?;
        let listener = UnixListener::from_std(listener).map_err(disk("open", &path))?;
        Ok(Self { path, listener, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn listener(&self) -> &UnixListener {
        &self.listener
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // The lock is still held: this is our own socket. If it cannot be removed, the next start replaces it.
        let _ = fs::remove_file(&self.path);
    }
}

fn lock(path: &Path) -> Result<File, SocketError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&name)
        .map_err(disk("open", &name))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SocketError::Occupied { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(SocketError::Disk { attempted: "lock", path: name, source }),
    }
}

/// Passes when nothing is at `path`, or a socket that nobody answers.
fn refuse_if_taken(path: &Path) -> Result<(), SocketError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(disk("look at", path)(error)),
        Ok(file) if !file.file_type().is_socket() => return Err(SocketError::NotASocket { path: path.to_owned() }),
        Ok(_) => {}
    }
    match net::UnixStream::connect(path) {
        Ok(_) => Err(SocketError::Occupied { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            tracing::info!(path = %path.display(), "replaced a socket that nobody answers");
            Ok(())
        }
        Err(error) => Err(disk("probe", path)(error)),
    }
}

fn bind_privately(path: &Path, directory: &Path) -> Result<net::UnixListener, SocketError> {
    let nursery = directory.join(format!(".{}", std::process::id()));
    let _ = fs::remove_dir_all(&nursery);
    DirBuilder::new().mode(0o700).create(&nursery).map_err(disk("make", &nursery))?;
    let young = nursery.join("s");
    let bound = net::UnixListener::bind(&young).map_err(disk("bind", &young)).and_then(|listener| {
        fs::set_permissions(&young, Permissions::from_mode(MODE)).map_err(disk("set the mode of", &young))?;
        fs::rename(&young, path).map_err(disk("put the socket at", path))?;
        Ok(listener)
    });
    let _ = fs::remove_dir_all(&nursery);
    bound
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/btd.sock");
        (dir, path)
    }

    #[tokio::test]
    async fn the_socket_has_its_mode_and_leaves_nothing_behind() {
        let (_dir, path) = place();
        let socket = ControlSocket::bind(&path).unwrap();
        let file = fs::metadata(&path).unwrap();
        assert!(file.file_type().is_socket());
        assert_eq!(file.permissions().mode() & 0o777, 0o660);
        let directory = fs::metadata(path.parent().unwrap()).unwrap();
        assert_eq!(directory.permissions().mode() & 0o007, 0);
        let names = |dir: &Path| {
            let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(path.parent().unwrap()), ["btd.sock", "btd.sock.lock"]);
        net::UnixStream::connect(&path).unwrap();
        drop(socket);
        assert_eq!(names(path.parent().unwrap()), ["btd.sock.lock"]);
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced() {
        let (_dir, path) = place();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        drop(net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let _socket = ControlSocket::bind(&path).unwrap();
        net::UnixStream::connect(&path).unwrap();
    }

    #[tokio::test]
    async fn an_occupied_socket_is_refused() {
        let (_dir, path) = place();
        let first = ControlSocket::bind(&path).unwrap();
        let error = ControlSocket::bind(&path).unwrap_err();
        assert!(matches!(error, SocketError::Occupied { .. }), "{error}");
        drop(first);
        let foreign = net::UnixListener::bind(&path).unwrap();
        let error = ControlSocket::bind(&path).unwrap_err();
        assert!(matches!(error, SocketError::Occupied { .. }), "{error}");
        drop(foreign);
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_left_alone() {
        let (_dir, path) = place();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "precious").unwrap();
        let error = ControlSocket::bind(&path).unwrap_err();
        assert!(matches!(error, SocketError::NotASocket { .. }), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        let long = path.with_file_name("x".repeat(120));
        assert!(matches!(ControlSocket::bind(&long), Err(SocketError::TooLong { .. })));
    }
}
