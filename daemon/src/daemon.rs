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

use btd_chain::{Endpoint, Finality, Link, LinkConfig, LinkState, Priority};
use btd_devnet::{BlockTime, Control, Devnet, Profile};
use btd_signer_protocol::{KeyId, Purpose, RefusalKind, operations::UnlockFromEnvironment};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    cache::{self, Cache, Found},
    causes::with_causes,
    config::{Config, Credentials, Directories, Effective, KeysConfig, Network},
    custody::{self, Custody, CustodyError, Place},
    journal::{ConfiguredNetwork, Journal},
    ledger::{self, Ledger},
    metagraph::{self, History, Metagraph, TlsKeys},
    rpc::{self, Server},
    service_manager::{self, ServiceManager},
    serving::{self, Serving, ServingError},
    submit::{self, Submitter},
    supervisor::{Spawner, Stage, Supervisor, TaskFailure, TaskResult},
};

/// Everything that a run of the daemon is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The settings of every part.
    pub config: Config,
    /// The same, setting by setting, with where each is said.
    pub effective: Vec<Effective>,
    /// Where files are kept.
    pub directories: Directories,
    /// Passwords that the environment has.
    pub credentials: Credentials,
    /// The signer's program, if the settings do not say.
    pub signer: PathBuf,
    /// The service manager that started it, if one did.
    pub service_manager: service_manager::Config,
}

/// Why a run of the daemon ended other than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// A part could not be started.
    #[error("cannot start {part}: {}", with_causes(&**source))]
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
    /// The settings that this run goes by.
    pub settings: Vec<Effective>,
    /// The link to it.
    pub link: Link,
    /// The embedded chain, if there is one.
    pub devnet: Option<Embedded>,
    /// What happened to the accounts of this host.
    pub ledger: Ledger,
    /// Every subnet as it is known.
    pub metagraph: Metagraph,
    /// Their past, if any of it is kept.
    pub history: Option<History>,
    /// The TLS keys that neurons have published.
    pub tls_keys: TlsKeys,
    /// The keys of this host.
    pub custody: Custody,
    /// The door for whatever is signed.
    pub submitter: Submitter,
    /// The axon and the dendrites.
    pub serving: Serving,
    /// Starts tasks, and stops the daemon.
    pub spawner: Spawner,
}

/// The chain inside this process.
#[derive(Clone, Debug)]
pub struct Embedded {
    /// Where it answers Substrate JSON-RPC.
    pub address: SocketAddr,
    /// What it began with.
    pub profile: Profile,
    /// What its owner can do to it.
    pub control: Control,
}

/// Runs the daemon until a signal, a caller or a failure ends it.
///
/// # Errors
/// When a part cannot be started or fails, or a second signal does not wait for the first.
pub async fn run(settings: Settings) -> Result<(), DaemonError> {
    let mut signals = Signals::listen().map_err(failed("signal handling"))?;
    let manager =
        ServiceManager::connect(&settings.service_manager).map_err(failed("the line to the service manager"))?;
    let supervisor = Supervisor::new(settings.config.supervisor);
    let spawner = supervisor.spawner();
    let stopping = spawner.stopping();
    let life = async {
        // Whoever is told to stop while it starts does not finish starting.
        let stores = spawner.stopping().run_until_cancelled(start(settings, &spawner, &manager)).await.transpose()?;
        if stores.is_some() {
            manager.ready();
        }
        let ended = supervisor.run().await;
        if let Some(stores) = stores {
            stores.close().await;
        }
        tracing::info!("stopped");
        Ok(ended?)
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

/// What is closed after every task has ended.
struct Stores {
    journal: Journal,
    cache: Cache,
    /// The past of metagraphs, if any of it is kept.
    history: Option<History>,
}

/// How long closing the cache may take; it is rebuilt if it could not be closed.
const CLOSING: Duration = Duration::from_millis(300);

impl Stores {
    async fn open(config: &Config, directories: &Directories) -> Result<Self, DaemonError> {
        let journal = Journal::open(directories.state.join("journal.db")).await.map_err(failed("the journal"))?;
        let memory = u64::from(config.cache.memory_mib) << 20;
        let opened = Cache::open(directories.cache.join("metagraph"), memory).await;
        let (cache, found) = opened.map_err(failed("the cache"))?;
        match found {
            Found::Sound => {}
            found => tracing::warn!(?found, "began the cache anew"),
        }
        Ok(Self { journal, cache, history: open_history(config, directories).await })
    }

    async fn close(self) {
        if let Err(error) = self.journal.checkpoint().await {
            tracing::warn!(error = with_causes(&error), "the journal could not be tidied up; nothing in it is lost");
        }
        if let Some(history) = self.history {
            history.close(CLOSING).await;
        }
        if let Err(error) = self.cache.close(CLOSING).await {
            tracing::warn!(error = with_causes(&error), "the cache could not be closed");
        }
    }
}

/// Opens the history. It is worth less than a start, so a failure is said and costs the history alone.
async fn open_history(config: &Config, directories: &Directories) -> Option<History> {
    let bytes = u64::from(config.cache.history_mib) << 20;
    if bytes == 0 {
        return None;
    }
    let memory = u64::from(config.cache.memory_mib) << 20;
    let opened = Cache::open_as(cache::history_layout(bytes), directories.cache.join("history"), memory).await;
    let history = match opened {
        Ok((cache, found)) => {
            match found {
                Found::Sound => {}
                Found::TooLarge { bytes } => tracing::warn!(
                    bytes,
                    "the store of the history of metagraphs had outgrown its bound on disk and was emptied: \
                     their past is begun anew, and what it held is not read again"
                ),
                found @ Found::Damaged { .. } => tracing::warn!(?found, "began the history of metagraphs anew"),
            }
            History::open(cache, bytes).await.map_err(|error| with_causes(&error))
        }
        Err(error) => Err(with_causes(&error)),
    };
    history.inspect_err(|error| tracing::warn!(error, "the history of metagraphs is not kept")).ok()
}

/// Starts every part. When it returns, the control API answers.
async fn start(settings: Settings, spawner: &Spawner, manager: &ServiceManager) -> Result<Stores, DaemonError> {
    let Settings { config, effective, directories, credentials, signer, .. } = settings;
    let started = Instant::now();
    private_directory(&directories.state)?;
    private_directory(&directories.cache)?;
    let socket = config.rpc.socket.clone().unwrap_or_else(|| directories.runtime.join("btd.sock"));
    let token_file = config.rpc.tcp.token_file.clone().unwrap_or_else(|| directories.state.join("rpc.token"));
    // First, because it is what tells whether another btd is running.
    let server = Server::bind(&config.rpc, &socket, &token_file).await.map_err(failed("the control API"))?;
    let stores = Stores::open(&config, &directories).await?;

    let devnet = match config.network {
        Network::Devnet => Some(start_devnet(config.devnet.clone(), spawner).await?),
        _ => None,
    };
    let embedded = devnet.as_ref().map(|devnet| devnet.address);
    let link = start_link(link_config(config.chain.clone(), embedded, config.devnet.block_time), spawner)?;
    let metagraph = start_metagraph(&link, &stores, &config.network, spawner).await?;
    let custody = custody_config(config.keys, signer, &directories, &credentials);
    let custody = Custody::start(custody, spawner).await.map_err(failed("the signer"))?;
    let ledger =
        Ledger::open(directories.state.join("ledger.db"), config.ledger).await.map_err(failed("the ledger"))?;
    let writer = ledger::Follower::new(ledger.clone(), &link, custody.clone());
    spawner.spawn(Stage::Work, "ledger", |told| async move {
        writer.run(told).await;
        Ok(())
    });
    let door = link.with_priority(Priority::Submission);
    let network = remembered_as(&config.network, &config.chain.endpoints);
    let (submitter, worker) =
        submit::submitter(door, custody.clone(), stores.journal.clone(), network, config.submit, spawner.stopping());
    spawner.spawn(Stage::Work, "submit", |told| async move { Ok(worker.run(told).await?) });
    let transports = (config.axon, config.dendrite);
    let opened = Serving::new(transports, &config.serving, custody.clone(), metagraph.clone(), spawner.clone());
    let serving = opened.map_err(failed("what answers synapses"))?;

    let published = config.serving.publish.clone();
    let tls_keys = TlsKeys::new(link.clone());
    let (served, ordered) = (serving.clone(), (submitter.clone(), tls_keys.clone()));
    spawner.spawn(Stage::Work, "publish", |told| async move {
        serving::publish(published, served, ordered, told).await;
        Ok(())
    });

    let (served_as, served) = (config.serving.clone(), serving.clone());
    spawner.spawn(Stage::Work, "succession", |told| async move {
        serving::succeed(served_as, served, told).await;
        Ok(())
    });

    let parts = Arc::new(Parts {
        started,
        network: config.network,
        settings: effective,
        link,
        devnet,
        ledger,
        metagraph,
        history: stores.history.clone(),
        tls_keys,
        custody,
        submitter,
        serving,
        spawner: spawner.clone(),
    });
    start_server(server, &parts, manager, spawner)?;
    if config.serving.axon {
        let started = start_axon(&config.serving, &parts, &credentials).await;
        started.map_err(|source| DaemonError::Start { part: "the axon", source })?;
    }
    Ok(stores)
}

fn start_link(config: LinkConfig, spawner: &Spawner) -> Result<Link, DaemonError> {
    let (link, follower) = btd_chain::link(config).map_err(failed("the link to the chain"))?;
    spawner.spawn(Stage::Work, "chain", |told| async move {
        follower.run(told).await;
        Ok(())
    });
    Ok(link)
}

async fn start_metagraph(
    link: &Link,
    stores: &Stores,
    network: &Network,
    spawner: &Spawner,
) -> Result<Metagraph, DaemonError> {
    let opened = metagraph::open(link.clone(), stores.cache.clone(), stores.history.clone(), network.to_string()).await;
    let (metagraph, refresher) = opened.map_err(failed("the metagraphs"))?;
    spawner.spawn_apart(Stage::Work, "metagraph", |told| async move {
        refresher.run(told).await;
        Ok(())
    });
    Ok(metagraph)
}

fn custody_config(
    config: KeysConfig,
    beside: PathBuf,
    directories: &Directories,
    credentials: &Credentials,
) -> custody::Config {
    let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
    let signer = match (config.signer_sockets, config.signer) {
        (Some(directory), _) => Place::Sockets(directory),
        (None, program) => Place::Program(program.unwrap_or(beside)),
    };
    custody::Config {
        signer,
        wallets: directories.wallets.clone(),
        credentials: credentials.directory(),
        unlock: seconds(config.unlock_s),
        max_unlock: seconds(config.max_unlock_s),
    }
}

/// Starts the configured axon. A hotkey with a password is unlocked for it if the environment has
/// the password: the axon needs a signature once, when it starts.
async fn start_axon(
    config: &serving::Config,
    parts: &Parts,
    credentials: &Credentials,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let ask = UnlockFromEnvironment {
        key: KeyId::hotkey(config.wallet.clone(), config.hotkey.clone()),
        variables: credentials.variables(),
        window: Some(Duration::from_secs(10)),
        purposes: [Purpose::Synapse].into_iter().collect(),
    };
    parts.custody.ask(ask).await?;
    match parts.serving.start(&config.wallet, &config.hotkey, None).await {
        Ok(_) => Ok(()),
        Err(ServingError::Key(CustodyError::Refused(refusal))) if refusal.kind == RefusalKind::PasswordRequired => {
            Err(format!(
                "{refusal}\nhint: give it in BT_WALLET_PASSWORD, BT_WALLET_PASSWORD_FILE or the key's own BT_PW_..., or \
                 under systemd as the credential wallet-password"
            )
            .into())
        }
        Err(other) => Err(other.into()),
    }
}

fn start_server(
    server: Server,
    parts: &Arc<Parts>,
    manager: &ServiceManager,
    spawner: &Spawner,
) -> Result<(), DaemonError> {
    let (table, health) = rpc::answer_with(parts);
    let missing = table.missing();
    if !missing.is_empty() {
        return Err(failed("the control API")(format!("nothing answers {}", missing.join(", "))));
    }
    tracing::info!(socket = %server.socket().display(), loopback = ?server.loopback(), "the control API answers");
    let pulse = manager.pulse("rpc");
    spawner.spawn(Stage::Edge, "rpc", |told| server.serve(table, health, pulse, told));
    let alive = manager.clone();
    spawner.spawn(Stage::Work, "watchdog", |told| alive.keep_alive(told));
    let (status, network, link) = (manager.clone(), parts.network.clone(), parts.link.clone());
    spawner.spawn(Stage::Work, "status", |told| async move {
        match told.run_until_cancelled(tell_status(&status, &network, &link)).await {
            None => Ok(()),
            Some(ended) => ended,
        }
    });
    Ok(())
}

async fn start_devnet(config: btd_devnet::Config, spawner: &Spawner) -> Result<Embedded, DaemonError> {
    let profile = config.profile;
    let devnet = Devnet::start(config).await.map_err(failed("the development chain"))?;
    let embedded = Embedded { address: devnet.address(), profile, control: devnet.control() };
    spawner.spawn(Stage::Work, "devnet", |told| async move { Ok(devnet.run_until(told).await?) });
    Ok(embedded)
}

/// The link's settings, adapted to an embedded chain: where it listens, how often it has news, and that it may go back.
fn link_config(mut config: LinkConfig, devnet: Option<SocketAddr>, block_time: BlockTime) -> LinkConfig {
    if let Some(address) = devnet {
        // What is set for a network of others is not about this chain.
        config.own.clear();
        config.endpoints = vec![format!("ws://{address}").into()];
        config.archives.clear();
        config.genesis = None;
        // It spares nobody, and mines a day of blocks at once.
        config.requests_per_s = 0;
        // Its owner can take it back to a snapshot.
        config.finality = Finality::Revocable;
        config.stale_after_ms = match block_time {
            BlockTime::Instant => Some(0),
            BlockTime::Every(period) => {
                let patience = u64::try_from((period * 5).as_millis()).unwrap_or(u64::MAX);
                match config.stale_after_ms {
                    Some(said) => Some(said.max(patience)),
                    // Unsaid it stays so where it is enough: what is read goes by what the chain says then.
                    None => (patience > LinkConfig::STALE_AFTER_MS).then_some(patience),
                }
            }
        };
    }
    config
}

/// As what the journal remembers the network; not at all the embedded chain, which is never away.
fn remembered_as(network: &Network, endpoints: &[Endpoint]) -> Option<ConfiguredNetwork> {
    let name = match network {
        Network::Devnet => return None,
        Network::Endpoint(_) => None,
        named => Some(named.to_string()),
    };
    let urls: Vec<&str> = endpoints.iter().map(Endpoint::url).collect();
    Some(ConfiguredNetwork::new(name.as_deref(), &urls))
}

/// Tells the service manager the finalized block, once a second at most.
async fn tell_status(manager: &ServiceManager, network: &Network, link: &Link) -> TaskResult {
    let mut states = link.state();
    loop {
        let text = match &*states.borrow_and_update() {
            LinkState::Live { finalized, .. } => {
                format!("following {network}, finalized block {}", finalized.block.number)
            }
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
