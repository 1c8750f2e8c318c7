//! The composition: opens the stores, connects the parts, starts the tasks, and takes all down again.
//!
//! The only place that knows every part. It decides nothing about chains, keys or money.

use std::{
    error::Error,
    fs::DirBuilder,
    io,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use btd_chain::{Link, LinkConfig, LinkState};
use btd_devnet::{BlockTime, Devnet};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    config::{Config, Directories, Network},
    rpc::{self, Server},
    service_manager::{self, ServiceManager},
    supervisor::{Spawner, Stage, Supervisor, TaskFailure, TaskResult},
};

/// Everything that a run of the daemon is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The settings of every part.
    pub config: Config,
    /// Where files are kept.
    pub directories: Directories,
    /// The service manager that started it, if one did.
    pub service_manager: service_manager::Config,
}

/// Why a run of the daemon ended other than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// A part could not be started.
    #[error("cannot start {part}: {}", chain_of(&**source))]
    Start {
        /// The part.
        part: &'static str,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A directory cannot be made.
    #[error("cannot make the directory {}: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A part did not last.
    #[error(transparent)]
    Task(#[from] TaskFailure),
    /// A second signal came while btd was stopping.
    #[error("told to stop a second time: ended at once")]
    Impatient,
}

/// An error with its causes, in one line.
fn chain_of(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text += &format!(": {words}");
        }
        cause = error.source();
    }
    text
}

fn failed<E: Into<Box<dyn Error + Send + Sync>>>(part: &'static str) -> impl FnOnce(E) -> DaemonError {
    move |source| DaemonError::Start { part, source: source.into() }
}

/// The handles of the running parts, as the control API uses them.
#[derive(Debug)]
pub struct Parts {
    /// Since when this run counts.
    pub started: Instant,
    /// The chain that is followed.
    pub network: Network,
    /// The link to it.
    pub link: Link,
    /// Where the embedded chain answers, if there is one.
    pub devnet: Option<SocketAddr>,
    /// Starts tasks, and stops the daemon.
    pub spawner: Spawner,
}

/// Runs the daemon until a signal, a caller or a failure ends it.
///
/// # Errors
/// When a part cannot be started or fails, or a second signal does not wait for the first.
pub async fn run(settings: Settings) -> Result<(), DaemonError> {
    let mut signals = Signals::listen().map_err(failed("signal handling"))?;
    let manager = ServiceManager::connect(&settings.service_manager).map_err(failed("the line to the service manager"))?;
    let supervisor = Supervisor::new(settings.config.supervisor);
    let spawner = supervisor.spawner();
    let stopping = spawner.stopping();
    let life = async {
        start(settings, &spawner, &manager).await?;
        manager.ready();
        supervisor.run().await?;
        tracing::info!("stopped");
        Ok(())
    };
    tokio::pin!(life);
    let mut is_told = false;
    loop {
        tokio::select! {
            ended = &mut life => return ended,
            () = stopping.cancelled(), if !is_told => {
                is_told = true;
                manager.stopping();
            }
            name = signals.next() => {
                if stopping.is_cancelled() {
                    return Err(DaemonError::Impatient);
                }
                tracing::info!(signal = name, "told to stop");
                spawner.stop();
            }
        }
    }
}

/// Starts every part. When it returns, the control API answers.
async fn start(settings: Settings, spawner: &Spawner, manager: &ServiceManager) -> Result<(), DaemonError> {
    let Settings { config, directories, .. } = settings;
    let started = Instant::now();
    private_directory(&directories.state)?;
    let socket = config.rpc.socket.clone().unwrap_or_else(|| directories.runtime.join("btd.sock"));
    let token_file = config.rpc.tcp.token_file.clone().unwrap_or_else(|| directories.state.join("rpc.token"));
    // First, because it is what tells whether another btd is running.
    let server = Server::bind(&config.rpc, &socket, &token_file).await.map_err(failed("the control API"))?;

    let devnet = match config.network {
        Network::Devnet => Some(start_devnet(config.devnet.clone(), spawner).await?),
        _ => None,
    };
    let (link, follower) =
        btd_chain::link(link_config(config.chain.clone(), devnet, config.devnet.block_time)).map_err(failed("the link to the chain"))?;
    spawner.spawn(Stage::Work, "chain", |told| async move {
        follower.run(told).await;
        Ok(())
    });

    let parts = Arc::new(Parts { started, network: config.network, link: link.clone(), devnet, spawner: spawner.clone() });
    let (table, health) = rpc::answer_with(&parts);
    tracing::info!(socket = %server.socket().display(), loopback = ?server.loopback(), "the control API answers");
    let pulse = manager.pulse("rpc");
    spawner.spawn(Stage::Edge, "rpc", |told| server.serve(table, health, pulse, told));
    let alive = manager.clone();
    spawner.spawn(Stage::Work, "watchdog", |told| alive.keep_alive(told));
    let status = manager.clone();
    let network = parts.network.clone();
    spawner.spawn(Stage::Work, "status", |told| async move {
        tokio::select! {
            () = told.cancelled() => Ok(()),
            ended = tell_status(&status, &network, &link) => ended,
        }
    });
    Ok(())
}

async fn start_devnet(config: btd_devnet::Config, spawner: &Spawner) -> Result<SocketAddr, DaemonError> {
    let devnet = Devnet::start(config).await.map_err(failed("the development chain"))?;
    let address = devnet.address();
    spawner.spawn(Stage::Work, "devnet", |told| async move { Ok(devnet.run_until(told).await?) });
    Ok(address)
}

/// The link's settings, adapted to an embedded chain: where it listens, and how often it has news.
fn link_config(mut config: LinkConfig, devnet: Option<SocketAddr>, block_time: BlockTime) -> LinkConfig {
    if let Some(address) = devnet {
        config.endpoints = vec![format!("ws://{address}")];
        config.stale_after_ms = match block_time {
            BlockTime::Instant => 0,
            BlockTime::Every(period) => {
                let patience = u64::try_from((period * 5).as_millis()).unwrap_or(u64::MAX);
                config.stale_after_ms.max(patience)
            }
        };
    }
    config
}

/// Tells the service manager the finalized block, once a second at most.
async fn tell_status(manager: &ServiceManager, network: &Network, link: &Link) -> TaskResult {
    let mut states = link.state();
    loop {
        let text = match &*states.borrow_and_update() {
            LinkState::Live { finalized, .. } => format!("following {network}, finalized block {}", finalized.block.number),
            LinkState::Connecting { endpoint, .. } => format!("connecting to {endpoint}"),
            LinkState::Lost { cause, .. } => format!("lost {network}: {cause}"),
        };
        manager.status(&text);
        states.changed().await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Makes a directory that only btd can enter, with its parents.
fn private_directory(path: &Path) -> Result<(), DaemonError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| DaemonError::Directory { path: path.to_owned(), source })
}

/// The signals that ask for an end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

// === impl Signals ===

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.hang_up.recv() => "SIGHUP",
        }
    }
}
