//! A run of the signer: from the command line to its end.
//!
//! Everything that the process will need is opened first, then it gives up the rest, and only then
//! are keys looked at. It ends with its control channel, or, as a service of its own, when it is told
//! to; either locks every key, and so does a channel that ends.

use std::{
    fs, io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use btd_keys::WalletStore;
use btd_signer_protocol::{CONTROL_SOCKET, REQUESTS_SOCKET, frame::FrameError};
use nix::sys::signal::{SigSet, Signal};
use rustix::fs::Mode;

use crate::{
    arguments::Arguments,
    clock::BootClock,
    custody::{Custody, CustodyConfig},
    failures::FailureFile,
    hardening::{self, Doors, HardeningError},
    log,
    memory::Memory,
    server::{Server, ServerConfig},
};

/// Enough for everything here; key derivation works on the heap.
const STACK: usize = 512 * 1024;

/// Why the signer ended other than with its daemon.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// It was started by hand, so to speak.
    #[error("standard input and output are no sockets: btd starts btd-signer by itself, or give --sockets DIR ({0})")]
    NotStartedByBtd(#[source] io::Error),
    /// A socket cannot be listened at.
    #[error("cannot listen at {}: {source}", path.display())]
    Listen {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The process could not be hardened, so it holds no keys.
    #[error(transparent)]
    Hardening(#[from] HardeningError),
    /// No thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] io::Error),
    /// The daemon's channel broke.
    #[error("the channel to btd broke: {0}")]
    Channel(#[from] FrameError),
}

/// Where calls come from.
enum Channels {
    /// One connection of each channel, inherited.
    Open { control: UnixStream, requests: UnixStream },
    /// Any number of each.
    Listening { control: UnixListener, requests: UnixListener },
}

/// Holds keys until the daemon is gone.
///
/// # Errors
/// When the process cannot be hardened or its channels cannot be had.
pub fn run(arguments: &Arguments) -> Result<(), SignerError> {
    quiet_panics();
    let endings = endings().map_err(|error| SignerError::Thread(error.into()))?;
    rustix::process::umask(Mode::from_raw_mode(0o077));
    hardening::hide()?;
    let (channels, doors) = match &arguments.sockets {
        None => (Channels::inherited()?, Doors::Shut),
        Some(directory) => (Channels::listen(directory)?, Doors::Accept),
    };
    hardening::confine(doors)?;
    let custody = custody(arguments, Memory::lock());
    let ending = custody.clone();
    spawn("end", move || end_when_told(&endings, &ending))?;
    let expiring = custody.clone();
    spawn("expiry", move || expiring.keep_expiring(|key| log::info(format_args!("locked {key}: its time was over"))))?;
    let handed_over = custody.clone();
    spawn("credentials", move || handed_over.open_handed_over())?;
    let server = Server::start(custody, ServerConfig::default()).map_err(SignerError::Thread)?;
    serve(&server, channels)
}

/// From now on a panic says where it was, and not what: its words may be made of what was being
/// worked on.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "?".to_owned(), ToString::to_string);
        log::error(format_args!("a call failed at {place}"));
    }));
}

/// The signals that end the process, which no thread takes by the way from now on.
fn endings() -> nix::Result<SigSet> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGINT);
    signals.thread_block()?;
    Ok(signals)
}

/// Locks every key, which wipes it, before the process ends.
#[expect(clippy::exit, reason = "the threads that serve channels wait in reads, and hold nothing that is not wiped")]
fn end_when_told(signals: &SigSet, custody: &Custody) {
    match signals.wait() {
        Ok(signal) => {
            let count = custody.lock_all(None);
            log::info(format_args!("ends by {signal}; locked keys: {count}"));
            std::process::exit(0);
        }
        Err(error) => log::error(format_args!("cannot wait for the signal to end: {error}")),
    }
}

fn custody(arguments: &Arguments, memory: Memory) -> Custody {
    let usual = CustodyConfig::default();
    let config = CustodyConfig {
        default_window: arguments.unlock.unwrap_or(usual.default_window),
        max_window: arguments.max_unlock.unwrap_or(usual.max_window),
    };
    let credentials = arguments.credentials.clone();
    let credentials = credentials.or_else(|| std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from));
    // Wrong passwords are counted beside the wallets: a restart gives no free guesses.
    let failures = Arc::new(FailureFile::new(&arguments.wallets));
    let store = WalletStore::new(arguments.wallets.clone());
    Custody::new(store, config, Arc::new(BootClock), failures).with(credentials, memory)
}

fn serve(server: &Server, channels: Channels) -> Result<(), SignerError> {
    match channels {
        Channels::Open { control, requests } => {
            let requester = server.clone();
            spawn("requests", move || {
                if let Err(error) = requester.serve_requests(&requests) {
                    log::warn(format_args!("the channel for requests broke: {error}"));
                }
            })?;
            let ended = server.serve_control(&control);
            server.custody().lock_all(None);
            Ok(ended?)
        }
        Channels::Listening { control, requests } => {
            let requester = server.clone();
            spawn("requests", move || {
                accept(&requests, |stream| {
                    let server = requester.clone();
                    spawn("request", move || told(server.serve_requests(&stream)))
                });
            })?;
            let daemons = Arc::new(AtomicUsize::new(0));
            accept(&control, |stream| {
                let (server, daemons) = (server.clone(), Arc::clone(&daemons));
                spawn("control", move || {
                    daemons.fetch_add(1, Ordering::SeqCst);
                    told(server.serve_control(&stream));
                    // Nothing is unlocked when btd has stopped.
                    if daemons.fetch_sub(1, Ordering::SeqCst) == 1 {
                        let count = server.custody().lock_all(None);
                        log::info(format_args!("btd is gone; locked keys: {count}"));
                    }
                })
            });
            Ok(())
        }
    }
}

fn told(ended: Result<(), FrameError>) {
    if let Err(error) = ended {
        log::warn(format_args!("a connection broke: {error}"));
    }
}

/// Takes connections until the socket fails.
fn accept(listener: &UnixListener, serve: impl Fn(UnixStream) -> Result<(), SignerError>) {
    loop {
        let served = match listener.accept() {
            Ok((stream, _)) => serve(stream),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => {
                log::warn(format_args!("a connection could not be accepted: {error}"));
                thread::sleep(std::time::Duration::from_millis(100));
                Ok(())
            }
        };
        if let Err(error) = served {
            log::warn(format_args!("a connection was dropped: {error}"));
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), SignerError> {
    let started = thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(work);
    started.map(drop).map_err(SignerError::Thread)
}

// === impl Channels ===

impl Channels {
    fn inherited() -> Result<Self, SignerError> {
        let stream = |fd: io::Result<OwnedFd>| -> io::Result<UnixStream> {
            let stream = UnixStream::from(fd?);
            // What is not a connected socket has no peer.
            stream.peer_addr()?;
            Ok(stream)
        };
        let control = stream(io::stdin().as_fd().try_clone_to_owned());
        let requests = stream(io::stdout().as_fd().try_clone_to_owned());
        match (control, requests) {
            (Ok(control), Ok(requests)) => Ok(Self::Open { control, requests }),
            (Err(error), _) | (_, Err(error)) => Err(SignerError::NotStartedByBtd(error)),
        }
    }

    /// Listens at two sockets that the directory's group may connect to: who may enter the
    /// directory is the service manager's to say.
    fn listen(directory: &Path) -> Result<Self, SignerError> {
        let listen = |name: &str| {
            let path = directory.join(name);
            let bind = || {
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
                let before = rustix::process::umask(Mode::from_raw_mode(0o117));
                let bound = UnixListener::bind(&path);
                rustix::process::umask(before);
                bound
            };
            bind().map_err(|source| SignerError::Listen { path: path.clone(), source })
        };
        Ok(Self::Listening { control: listen(CONTROL_SOCKET)?, requests: listen(REQUESTS_SOCKET)? })
    }
}
