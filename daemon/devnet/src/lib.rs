//! The embedded development chain: a Bittensor node in a library.
//!
//! It runs the FRAME runtime of `btd-devnet-runtime` natively over real trie state, makes blocks that are final at once,
//! keeps a pool of extrinsics, and speaks Substrate's JSON-RPC over HTTP and WebSocket, so that every client of a local
//! subtensor node works with it. It deliberately has no peers, no consensus, no forks, no wasm and signs nothing; it
//! knows nothing of the daemon that embeds it, and reads neither files of configuration nor the environment.
//!
//! ```no_run
//! # async fn run() -> Result<(), btd_devnet::DevnetError> {
//! use btd_devnet::{Config, Devnet};
//!
//! let chain = Devnet::start(Config::default()).await?;
//! println!("listening on ws://{}", chain.address());
//! chain.mine(10).await?;
//! chain.stop().await
//! # }
//! ```
//!
//! How it is cut: `chain` holds blocks and states, `producer` makes blocks on a thread of its own, `pool` keeps what
//! waits, `store` writes to disk, `rpc` answers, `workers` are the threads on which answers are computed, and `node` is
//! what they share. [`Control`] is for the chain's owner: time, storage, snapshots and `faults`.

mod beacon;
mod chain;
mod config;
mod control;
mod error;
mod faults;
mod node;
mod pool;
mod producer;
mod profile;
mod rpc;
mod shield;
mod store;
mod workers;

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::sync_channel,
    },
    thread,
    time::Duration,
};

pub use btd_devnet_runtime::Busy;
use btd_devnet_runtime::{GenesisSpec, RootRule, genesis};
use jsonrpsee::server::ServerHandle;
use sp_core::storage::well_known_keys;
use tokio::{sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;

pub use chain::{BlockError, ExecutionError};
pub use config::{BlockTime, Clock, Config, DEFAULT_PORT, ParseBlockTimeError, PoolLimits, Retention};
pub use control::{Control, ControlError, DevelopmentAccount, DevnetStatus, StorageChanges};
pub use error::DevnetError;
pub use faults::{ActiveFault, Connections, Fault};
pub use producer::{ParseSnapshotIdError, SnapshotId};
pub use profile::{ParseProfileError, Profile};
pub use store::{FILE_NAME, StoreError};
pub use workers::RUNTIME_THREAD;

use crate::{
    chain::{Chain, Origin},
    node::{Command, Node},
    pool::Pool,
    producer::{BlockClock, Producer, Snapshots},
    store::Store,
    workers::{STACK_BYTES, Workers},
};

/// Commands that may wait for the producer.
const COMMANDS: usize = 256;
/// What the state has as the runtime's code: a WebAssembly module with nothing in it. The runtime is native, but clients
/// tell runtimes apart by the hash of their code, and some (polkadot-api) do not start without one. It must never
/// change: block 0 holds it, and so does every chain that was kept.
const CODE: [u8; 8] = *b"\0asm\x01\0\0\0";
/// How long open requests may take to end once the chain stops.
const DRAIN: Duration = Duration::from_millis(400);

/// A block of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockId {
    /// Height.
    pub number: u32,
    /// BlakeTwo256 hash of the header.
    pub hash: [u8; 32],
}

/// A running development chain.
///
/// Dropping it stops it as [`Self::stop`] does, without waiting.
pub struct Devnet {
    address: SocketAddr,
    node: Arc<Node>,
    server: ServerHandle,
    stopping: Arc<AtomicBool>,
    /// Resolves when the producer has ended and the store is closed.
    ended: oneshot::Receiver<Result<(), DevnetError>>,
}

impl Devnet {
    /// Binds the port, opens or creates the chain, serves it, and starts making blocks.
    ///
    /// When this returns, requests are answered. Must be called on a tokio runtime, which serves them.
    ///
    /// # Errors
    /// [`DevnetError::AddressInUse`] and [`DevnetError::Listen`] before anything else is touched;
    /// [`DevnetError::Store`] when the state directory does not fit, which leaves it as it was.
    pub async fn start(config: Config) -> Result<Self, DevnetError> {
        let listener = bind(config.listen)?;
        let address = listener.local_addr().map_err(|source| DevnetError::Listen { address: config.listen, source })?;
        let workers = Workers::start().map_err(|source| thread_failed("devnet-runtime", source))?;
        let (origin, store) = {
            let config = config.clone();
            workers
                .run(move || open(&config))
                .await
                .map_err(|_| DevnetError::Thread { name: "devnet-runtime", source: None })??
        };
        let (commands, queue) = sync_channel(COMMANDS);
        let (chain, pool) = (Chain::new(origin, config.retention), Pool::new(config.pool));
        let node = Arc::new(Node::new(chain, pool, workers, commands, config.block_time.finality_lag()));
        let server = rpc::serve(listener, node.clone(), config.max_connections)
            .map_err(|source| DevnetError::Listen { address, source })?;
        let stopping = Arc::new(AtomicBool::new(false));
        let producer = Producer {
            node: node.clone(),
            store,
            block_time: config.block_time,
            clock: BlockClock::new(config.clock, config.block_time),
            snapshots: Snapshots::default(),
            stopping: stopping.clone(),
        };
        let (end, ended) = oneshot::channel();
        thread::Builder::new()
            .name("devnet-producer".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                // Nobody waits any more when the handle was dropped.
                let _ = end.send(producer.run(&queue));
            })
            .map_err(|source| thread_failed("devnet-producer", source))?;
        let head = node.chain.head();
        tracing::info!(
            %address, block_time = %config.block_time, genesis = ?node.chain.genesis_hash(), head = head.number(),
            "started the development chain"
        );
        Ok(Self { address, node, server, stopping, ended })
    }

    /// Where JSON-RPC is served: `ws://` and `http://` this address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The newest block.
    pub fn head(&self) -> BlockId {
        let head = self.node.chain.head();
        BlockId { number: head.number(), hash: head.hash.0 }
    }

    /// Hash of block 0, which is what tells one chain from another.
    pub fn genesis_hash(&self) -> [u8; 32] {
        self.node.chain.genesis_hash().0
    }

    /// What the owner of the chain can do with it while it runs.
    pub fn control(&self) -> Control {
        Control::new(self.node.clone())
    }

    /// Makes `count` blocks now, as [`Control::mine`] does; gives back the last one.
    ///
    /// # Errors
    /// [`DevnetError::Block`] if the runtime fails, [`DevnetError::Busy`] if too many orders wait,
    /// [`DevnetError::Stopped`] if the chain ends meanwhile.
    pub async fn mine(&self, count: u32) -> Result<BlockId, DevnetError> {
        match self.control().mine(count).await {
            Ok(block) => Ok(block),
            Err(ControlError::Chain(error)) => Err(error),
            // Making blocks fails in no other way.
            Err(_) => Err(DevnetError::Stopped),
        }
    }

    /// Runs until `token` is cancelled, then stops; or until the chain cannot go on.
    ///
    /// # Errors
    /// [`DevnetError::Store`] when the chain could no longer be written.
    pub async fn run_until(mut self, token: CancellationToken) -> Result<(), DevnetError> {
        tokio::select! {
            () = token.cancelled() => self.stop().await,
            result = &mut self.ended => {
                let _ = self.server.stop();
                result.unwrap_or(Err(DevnetError::Thread { name: "devnet-producer", source: None }))
            }
        }
    }

    /// Stops: accepts no more, lets open requests end, finishes the block at hand, closes the store.
    ///
    /// # Errors
    /// What ended the chain before, if it had ended by itself.
    pub async fn stop(mut self) -> Result<(), DevnetError> {
        self.signal();
        let drained = timeout(DRAIN, self.server.clone().stopped());
        let (result, _) = tokio::join!(&mut self.ended, drained);
        tracing::info!(address = %self.address, "stopped the development chain");
        result.unwrap_or(Err(DevnetError::Thread { name: "devnet-producer", source: None }))
    }

    fn signal(&self) {
        // Both fail if the other end is gone, which is what they ask for. A producer whose queue is full has commands to
        // wake it, and looks at `stopping` before each.
        let _ = self.server.stop();
        self.stopping.store(true, Ordering::Relaxed);
        let _ = self.node.command(Command::Stop);
    }
}

impl fmt::Debug for Devnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Devnet").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Devnet {
    fn drop(&mut self) {
        self.signal();
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, DevnetError> {
    let listen = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    listen().map_err(|source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => DevnetError::AddressInUse { address },
        _ => DevnetError::Listen { address, source },
    })
}

fn open(config: &Config) -> Result<(Origin, Option<Store>), DevnetError> {
    let root_rule = if config.legacy_root { RootRule::Legacy } else { RootRule::None };
    let spec = GenesisSpec { block_time: config.block_time.nominal_millis(), root_rule, ..config.profile.genesis() };
    let mut storage = genesis(&spec).map_err(DevnetError::Genesis)?;
    storage.top.insert(well_known_keys::CODE.to_vec(), CODE.to_vec());
    match &config.state {
        None => Ok((Origin::genesis(storage), None)),
        Some(directory) => {
            let (store, origin) = Store::open(directory, storage, config.retention)?;
            Ok((origin, Some(store)))
        }
    }
}

fn thread_failed(name: &'static str, source: io::Error) -> DevnetError {
    DevnetError::Thread { name, source: Some(source) }
}
