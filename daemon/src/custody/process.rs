//! The signer's process: started beside btd, greeted, and started again when it dies.
//!
//! It gets its two channels as standard input and output, an environment without anything of ours,
//! and a process group of its own, so that an interrupt at the terminal ends btd first. Its log comes
//! in by standard error and goes out in btd's form. It ends with its channel: when btd dies, however
//! it dies, no signer stays behind.

use std::{
    io,
    os::{fd::OwnedFd, unix::process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use btd_signer_protocol::{
    CONTROL_SOCKET, Control, REQUESTS_SOCKET, Requests, VERSION, frame::FrameError, operations::Hello,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::UnixStream,
    sync::watch,
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    Config, CustodyError, Place,
    connection::{Connection, Ends},
};
use crate::{
    causes::with_causes,
    supervisor::{Spawner, Stage},
};

/// How long a signer has for its first words; it locks memory and reads nothing before.
const GREETING: Duration = Duration::from_secs(10);
/// How long the sockets of a signer of its own may take to be there.
const STARTING: Duration = Duration::from_secs(5);
/// How long a signer has to end after its channel has.
const PARTING: Duration = Duration::from_millis(500);
/// Between a death and the next start, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Where the running connections are shown.
pub(super) struct Slots {
    pub(super) control: watch::Sender<Option<Arc<Connection<Control>>>>,
    pub(super) requests: watch::Sender<Option<Arc<Connection<Requests>>>>,
}

/// The last line of a signer's log.
type LastWords = Arc<Mutex<String>>;

/// A signer that has greeted.
struct Running {
    control: (Arc<Connection<Control>>, Ends),
    requests: (Arc<Connection<Requests>>, Ends),
    process: Option<Process>,
}

/// One that btd started. Killed when dropped, if it still runs then.
struct Process {
    child: Child,
    log: JoinHandle<()>,
    last_words: LastWords,
}

/// Starts the first signer, and the task that keeps one running.
pub(super) async fn keep(config: Config, slots: Slots, spawner: &Spawner) -> Result<(), CustodyError> {
    let first = Running::open(&config).await?;
    spawner.spawn(Stage::Work, "signer", |told| async move {
        let mut next = Some(first);
        let mut pause = PAUSES.0;
        loop {
            let begun = Instant::now();
            if let Some(running) = next.take() {
                running.serve(&slots, &told).await;
                if told.is_cancelled() {
                    return Ok(());
                }
                tracing::warn!("the signer ended: every key is locked; starting it again");
            }
            if begun.elapsed() > PAUSES.1 {
                pause = PAUSES.0;
            }
            if told.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return Ok(());
            }
            pause = (pause * 2).min(PAUSES.1);
            match told.run_until_cancelled(Running::open(&config)).await {
                None => return Ok(()),
                Some(Ok(running)) => {
                    tracing::info!("the signer runs again");
                    next = Some(running);
                }
                Some(Err(error)) => tracing::warn!(error = with_causes(&error), "the signer could not be had"),
            }
        }
    });
    Ok(())
}

// === impl Running ===

impl Running {
    async fn open(config: &Config) -> Result<Self, CustodyError> {
        let (control, requests, process) = match &config.signer {
            Place::Program(program) => {
                let (process, control, requests) =
                    Process::start(program, config).map_err(|source| match source.kind() {
                        io::ErrorKind::NotFound => CustodyError::Missing { path: program.clone() },
                        _ => CustodyError::Start { path: program.clone(), source },
                    })?;
                (control, requests, Some(process))
            }
            Place::Sockets(directory) => {
                (connect(directory.join(CONTROL_SOCKET)).await?, connect(directory.join(REQUESTS_SOCKET)).await?, None)
            }
        };
        let last_words = process.as_ref().map(|process| Arc::clone(&process.last_words)).unwrap_or_default();
        let (control, ends) = Connection::control(control);
        let ends = greet(&control, ends, &last_words).await?;
        let (requests, request_ends) = Connection::requests(requests);
        Ok(Self { control: (Arc::new(control), ends), requests: (Arc::new(requests), request_ends), process })
    }

    /// Shows the connections for as long as they last, or until btd ends.
    async fn serve(self, slots: &Slots, told: &CancellationToken) {
        let Self { control: (control, control_ends), requests: (requests, request_ends), process } = self;
        slots.control.send_replace(Some(Arc::clone(&control)));
        slots.requests.send_replace(Some(Arc::clone(&requests)));
        let ended = tokio::select! {
            ended = control.carry(control_ends) => ended,
            ended = requests.carry(request_ends) => ended,
            () = told.cancelled() => Ok(()),
        };
        slots.control.send_replace(None);
        slots.requests.send_replace(None);
        if let Err(error) = ended {
            tracing::warn!(error = with_causes(&error), "a channel to the signer broke");
        }
        if let Some(process) = process {
            process.part().await;
        }
    }
}

/// Connects to a socket of a signer that may be starting just now.
async fn connect(path: PathBuf) -> Result<UnixStream, CustodyError> {
    let deadline = Instant::now() + STARTING;
    loop {
        match UnixStream::connect(&path).await {
            Ok(stream) => return Ok(stream),
            Err(error) if is_starting(&error) && Instant::now() < deadline => {
                tokio::time::sleep(PAUSES.0).await;
            }
            Err(source) => return Err(CustodyError::Connect { path, source }),
        }
    }
}

fn is_starting(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// Asks who is there, and gives the stream back if it is one of ours.
async fn greet(control: &Connection<Control>, mut ends: Ends, last_words: &LastWords) -> Result<Ends, CustodyError> {
    let greeted = timeout(GREETING, control.exchange(&mut ends, Hello { version: VERSION })).await;
    let welcome = match greeted {
        Ok(Ok(welcome)) => welcome,
        Ok(Err(CustodyError::Died | CustodyError::Frame(FrameError::Io(_)))) | Err(_) => {
            // Its log may be a moment behind its end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            let last_words = last_words.lock().unwrap_or_else(PoisonError::into_inner).clone();
            return Err(CustodyError::NoGreeting { waited: GREETING, last_words });
        }
        Ok(Err(other)) => return Err(other),
    };
    if welcome.version != VERSION {
        return Err(CustodyError::Version { found: welcome.version, known: VERSION });
    }
    tracing::info!(wallets = %welcome.wallets.display(), "the signer is there");
    Ok(ends)
}

// === impl Process ===

impl Process {
    fn start(program: &Path, config: &Config) -> io::Result<(Self, UnixStream, UnixStream)> {
        let ((control, its_control), (requests, its_requests), (log, its_log)) = (pair()?, pair()?, pair()?);
        let seconds = |span: Duration| span.as_secs().to_string();
        let mut command = Command::new(std::path::absolute(program)?);
        command
            .arg("--wallets")
            .arg(std::path::absolute(&config.wallets)?)
            .args(["--unlock-seconds", &seconds(config.unlock)])
            .args(["--max-unlock-seconds", &seconds(config.max_unlock)])
            .env_clear()
            // One heap for all threads: what is reserved counts against the limit on locked memory.
            .env("MALLOC_ARENA_MAX", "1")
            // Huge pages for the work area of key derivation: a quarter less processor time.
            .env("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
            .current_dir("/")
            .process_group(0)
            .stdin(its_control)
            .stdout(its_requests)
            .stderr(its_log);
        if let Some(directory) = &config.credentials {
            command.arg("--credentials").arg(directory);
        }
        // What btd itself was left open by its own parent, a connection perhaps, is not for the signer.
        close_fds::set_fds_cloexec_threadsafe(3, &[]);
        let child = command.spawn()?;
        tracing::debug!(pid = child.id(), program = %program.display(), "started the signer");
        let last_words = LastWords::default();
        let log = tokio::spawn(pass_on(log, Arc::clone(&last_words)));
        Ok((Self { child, log, last_words }, control, requests))
    }

    /// Waits for the end of a signer whose channel has ended, and does not wait long.
    async fn part(mut self) {
        let deadline = Instant::now() + PARTING;
        while Instant::now() < deadline {
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    tracing::info!(%status, "the signer's process ended");
                    return;
                }
                Ok(None) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(error) => {
                    tracing::warn!(%error, "the signer's process cannot be waited for");
                    return;
                }
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A signer that was told to end by its channel does so; this is for one that hangs.
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        self.log.abort();
    }
}

/// Our end, and the other as a child's standard stream.
fn pair() -> io::Result<(UnixStream, Stdio)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, Stdio::from(OwnedFd::from(theirs))))
}

/// Logs each line of the signer's log at the level it begins with.
async fn pass_on(log: UnixStream, last_words: LastWords) {
    let mut lines = BufReader::new(log).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let (level, words) = line.strip_prefix('<').and_then(|rest| rest.split_once('>')).unwrap_or(("4", &line));
        match level {
            "6" => tracing::info!(target: "btd_signer", "{words}"),
            "3" => tracing::error!(target: "btd_signer", "{words}"),
            _ => tracing::warn!(target: "btd_signer", "{words}"),
        }
        words.clone_into(&mut last_words.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
