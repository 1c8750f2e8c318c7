//! The link to a chain: one handle that everyone shares, and one task that keeps it alive.
//!
//! [`link`] makes both and does no I/O. The [`Follower`] is the long task: it connects, checks that
//! the chain is the wanted one, follows finalized blocks by number and fails over. The [`Link`] is
//! the cheap handle: state, blocks, reads at a block, extrinsics. It never decides what to sign or
//! when to send.

mod anchor;
mod archives;
mod asking;
mod best;
mod blocks;
mod branch;
mod budget;
mod config;
mod elsewhere;
#[cfg(test)]
mod endurance;
#[cfg(test)]
mod failover;
mod follower;
#[cfg(test)]
mod joining;
mod leap;
mod merge;
mod pool;
mod probe;
mod recent;
mod scout;
mod state;
mod stream;
mod submit;
mod track;
mod withheld;
mod witnesses;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use btd_api::{BlockHash, BlockNumber};
use tokio::sync::watch;

use self::{
    archives::{Archives, Kept},
    branch::Partings,
    elsewhere::Elsewhere,
    merge::Flights,
    pool::Pool,
    recent::Recent,
    withheld::Refusals,
    witnesses::Witnesses,
};
pub use self::{
    best::BestHead,
    budget::Priority,
    config::{Finality, LinkConfig, PublicNetwork},
    follower::Follower,
    pool::{EndpointStatus, Standing},
    probe::Probe,
    state::{LinkState, Seen},
    stream::{BlockStream, Hindrance},
    submit::Weight,
    track::{Inclusion, Tracked, Unseen},
};
pub(crate) use self::{budget::Urgency, pool::Node};
use crate::{
    block::{BlockRef, FinalizedBlock},
    clock,
    dial::{Dial, WebSocket},
    error::{ConfigError, ReadError},
    rpc::{self, Connection},
    runtime::{Runtime, Runtimes},
    view::{KeptMarks, View},
};

/// The handle to a chain. Clones are cheap and share everything.
#[derive(Debug, Clone)]
pub struct Link {
    shared: Arc<Shared>,
    /// How important what is asked through this handle is.
    priority: Priority,
}

/// The newest followed block and the runtime in the state behind it.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) block: BlockRef,
    pub(crate) runtime: Runtime,
    /// How often the chain had been taken back before.
    pub(crate) generation: u64,
}

#[derive(Debug)]
struct Shared {
    config: LinkConfig,
    dialer: Box<dyn Dial>,
    pool: Pool,
    flights: Flights,
    /// The connections to the archives, in the order of the pool; more than there are where some may join.
    archives: Vec<Kept>,
    elsewhere: Elsewhere,
    /// Named by the configuration, or by the first endpoint.
    genesis: OnceLock<BlockHash>,
    state: watch::Sender<LinkState>,
    connection: watch::Sender<Option<Arc<Connection>>>,
    head: watch::Sender<Option<Head>>,
    best: watch::Sender<Option<BestHead>>,
    recent: Recent,
    partings: Partings,
    refusals: Refusals,
    witnesses: Witnesses,
    runtimes: Runtimes,
    kept_marks: KeptMarks,
}

/// Makes the handle and the task that keeps it alive. No I/O happens before [`Follower::run`].
pub fn link(config: LinkConfig) -> Result<(Link, Follower), ConfigError> {
    link_over(Box::<WebSocket>::default(), config)
}

/// The same over connections that `dialer` makes.
pub(crate) fn link_over(dialer: Box<dyn Dial>, config: LinkConfig) -> Result<(Link, Follower), ConfigError> {
    config.check()?;
    let connecting = LinkState::Connecting {
        endpoint: config.followed().first().map(ToString::to_string).unwrap_or_default(),
        attempt: 0,
        last: None,
        cause: None,
    };
    let genesis = config.genesis.map_or_else(OnceLock::new, OnceLock::from);
    let pool = Pool::new(&config, clock::now());
    let shared = Arc::new(Shared {
        pool,
        witnesses: Witnesses::new(&config),
        flights: Flights::default(),
        archives: (0..config.most_archives()).map(|_| Kept::default()).collect(),
        elsewhere: Elsewhere::default(),
        dialer,
        config,
        genesis,
        state: watch::Sender::new(connecting),
        connection: watch::Sender::new(None),
        head: watch::Sender::new(None),
        best: watch::Sender::new(None),
        recent: Recent::default(),
        partings: Partings::default(),
        refusals: Refusals::default(),
        runtimes: Runtimes::default(),
        kept_marks: KeptMarks::default(),
    });
    Ok((Link { shared: Arc::clone(&shared), priority: Priority::Interactive }, Follower::new(shared)))
}

// === impl Shared ===

impl Shared {
    /// The chain's name: the one that is wanted, else what the first endpoint that answers calls block 0, which is
    /// `found`.
    fn name(&self, found: BlockHash) -> BlockHash {
        *self.genesis.get_or_init(|| found)
    }
}

// === impl Link ===

impl Link {
    /// How the link stands; changes with every block and every loss.
    pub fn state(&self) -> watch::Receiver<LinkState> {
        self.shared.state.subscribe()
    }

    /// The same link, asking with another priority. Without saying so, somebody waits for the answer.
    pub fn with_priority(&self, priority: Priority) -> Self {
        Self { shared: Arc::clone(&self.shared), priority }
    }

    /// Whether no block has come for longer than any should take, however the link stands: an endpoint
    /// that answers, and a connection made anew, are no blocks. Never of a chain that makes them on demand.
    pub fn is_stale(&self) -> bool {
        let newest = self.shared.state.borrow().finalized();
        let block_time = self.shared.head.borrow().as_ref().and_then(|head| head.runtime.block_time());
        let limit = self.shared.config.missed_after(block_time);
        newest.zip(limit).is_some_and(|(seen, limit)| clock::since(seen.at) > limit)
    }

    /// What is known of every endpoint, in the order of the configuration, archives last.
    pub fn endpoints(&self) -> Vec<EndpointStatus> {
        self.shared.pool.status(clock::now())
    }

    /// The hash of block 0, once known.
    pub fn genesis(&self) -> Option<BlockHash> {
        self.shared.genesis.get().copied()
    }

    /// Whether finalized blocks stay.
    pub fn finality(&self) -> Finality {
        self.shared.config.finality
    }

    /// The newest finalized block that was followed, however old it is.
    pub fn finalized(&self) -> Option<BlockRef> {
        self.shared.head.borrow().as_ref().map(|head| head.block)
    }

    /// Finalized blocks from the next one on: in order, each once, none left out, however slowly
    /// they are read. What is not of the chain any more is said to be replaced.
    pub fn blocks(&self) -> BlockStream {
        BlockStream::new(self.clone(), None)
    }

    /// Finalized blocks from `first` on, also those that are past.
    pub fn blocks_from(&self, first: BlockNumber) -> BlockStream {
        BlockStream::new(self.clone(), Some(first))
    }

    /// Reads pinned at the newest finalized block.
    pub fn view(&self) -> Result<View, ReadError> {
        self.connection()?;
        Ok(View::new(self.clone(), self.head()?))
    }

    /// The same, and the blocks behind that one. Whether that one was replaced in between is told by the blocks.
    pub fn view_and_blocks(&self) -> Result<(View, BlockStream), ReadError> {
        self.connection()?;
        let head = self.head()?;
        let blocks = BlockStream::behind(self.clone(), &head);
        Ok((View::new(self.clone(), head), blocks))
    }

    /// The same for who asks as soon as this process has begun: the first block is waited for.
    pub async fn first_view(&self) -> Result<View, ReadError> {
        self.begun().await;
        self.view()
    }

    /// Waits as long as the first attempt at an endpoint is under way, at the most for as long as a
    /// request may take.
    pub async fn begun(&self) {
        let mut states = self.state();
        let decided = states.wait_for(|state| state.finalized().is_some() || state.cause().is_some());
        let _ = clock::timeout(self.shared.config.request_timeout(), decided).await;
    }

    pub(crate) fn head(&self) -> Result<Head, ReadError> {
        let head = self.shared.head.borrow().clone();
        head.ok_or_else(|| self.not_connected())
    }

    fn runtimes(&self) -> &Runtimes {
        &self.shared.runtimes
    }

    pub(crate) fn kept_marks(&self) -> &KeptMarks {
        &self.shared.kept_marks
    }

    fn recent(&self, number: BlockNumber) -> Option<Arc<FinalizedBlock>> {
        self.shared.recent.block(number)
    }

    fn not_connected(&self) -> ReadError {
        ReadError::NotConnected { cause: self.shared.state.borrow().cause().cloned().map(Box::new) }
    }

    /// The live connection, or one that comes within a request's time.
    async fn coming_connection(&self) -> Result<Arc<Connection>, ReadError> {
        if let Ok(connection) = self.connection() {
            return Ok(connection);
        }
        let mut connections = self.shared.connection.subscribe();
        let waiting = connections.wait_for(Option::is_some);
        let came = clock::timeout(self.shared.config.request_timeout(), waiting).await;
        came.ok().and_then(|came| came.ok()?.clone()).ok_or_else(|| self.not_connected())
    }

    /// The live connection, without waiting for one.
    fn connection(&self) -> Result<Arc<Connection>, ReadError> {
        let current = self.shared.connection.borrow().clone();
        current.ok_or_else(|| self.not_connected())
    }

    /// The next connection after `failed`, if one comes in time.
    async fn another_connection(&self, failed: &Arc<Connection>, longest: Duration) -> Option<Arc<Connection>> {
        let mut connections = self.shared.connection.subscribe();
        let other = |current: &Option<Arc<Connection>>| current.as_ref().is_some_and(|c| !Arc::ptr_eq(c, failed));
        let waiting = connections.wait_for(other);
        clock::timeout(longest, waiting).await.ok()?.ok()?.clone()
    }
}

/// Whether a node said that it does not keep what belongs to the block, or no more.
pub(crate) fn is_gone(error: &ReadError) -> bool {
    matches!(error, ReadError::Refused { message, .. } if rpc::tells_gone(message))
}

/// Whether a node said that it had it once.
fn is_discarded(error: &ReadError) -> bool {
    matches!(error, ReadError::Refused { message, .. } if rpc::tells_discarded(message))
}
