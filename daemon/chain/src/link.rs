//! The link to a chain: one handle that everyone shares, and one task that keeps it alive.
//!
//! [`link`] makes both and does no I/O. The [`Follower`] is the long task: it connects, checks that
//! the chain is the wanted one, follows finalized blocks by number and fails over. The [`Link`] is
//! the cheap handle: state, blocks, reads at a block, extrinsics. It never decides what to sign or
//! when to send.

mod config;
mod follower;
mod state;
mod stream;
mod submit;
mod track;

use std::{
    collections::VecDeque,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use btd_api::{BlockHash, BlockNumber};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

pub use self::{
    config::LinkConfig,
    follower::Follower,
    state::{LinkState, Seen},
    stream::BlockStream,
    track::{Inclusion, Tracked},
};
use crate::{
    block::{self, BlockRef, FinalizedBlock},
    error::{ConfigError, ReadError},
    fetch,
    rpc::{self, Ask, Connection, Request, RpcProblem},
    runtime::{Runtime, Runtimes},
    view::View,
};

/// The handle to a chain. Clones are cheap and share everything.
#[derive(Debug, Clone)]
pub struct Link {
    shared: Arc<Shared>,
}

/// The newest followed block and the runtime in the state behind it.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) block: BlockRef,
    pub(crate) runtime: Runtime,
}

#[derive(Debug)]
struct Shared {
    config: LinkConfig,
    /// Named by the configuration, or by the first endpoint.
    genesis: OnceLock<BlockHash>,
    state: watch::Sender<LinkState>,
    connection: watch::Sender<Option<Arc<Connection>>>,
    head: watch::Sender<Option<Head>>,
    recent: RwLock<VecDeque<Arc<FinalizedBlock>>>,
    runtimes: Runtimes,
}

/// Makes the handle and the task that keeps it alive. No I/O happens before [`Follower::run`].
pub fn link(config: LinkConfig) -> Result<(Link, Follower), ConfigError> {
    config.check()?;
    let connecting = LinkState::Connecting {
        endpoint: config.endpoints.first().cloned().unwrap_or_default(),
        attempt: 0,
        last: None,
        cause: None,
    };
    let genesis = config.genesis.map_or_else(OnceLock::new, OnceLock::from);
    let shared = Arc::new(Shared {
        config,
        genesis,
        state: watch::Sender::new(connecting),
        connection: watch::Sender::new(None),
        head: watch::Sender::new(None),
        recent: RwLock::default(),
        runtimes: Runtimes::default(),
    });
    Ok((Link { shared: Arc::clone(&shared) }, Follower::new(shared)))
}

// === impl Link ===

impl Link {
    /// How the link stands; changes with every block and every loss.
    pub fn state(&self) -> watch::Receiver<LinkState> {
        self.shared.state.subscribe()
    }

    /// The hash of block 0, once known.
    pub fn genesis(&self) -> Option<BlockHash> {
        self.shared.genesis.get().copied()
    }

    /// The newest finalized block that was followed, however old it is.
    pub fn finalized(&self) -> Option<BlockRef> {
        self.shared.head.borrow().as_ref().map(|head| head.block)
    }

    /// Finalized blocks from the next one on: in order, each once, none left out, however slowly
    /// they are read.
    pub fn blocks(&self) -> BlockStream {
        BlockStream::new(self.clone(), None)
    }

    /// Finalized blocks from `first` on, also those that are past.
    pub fn blocks_from(&self, first: BlockNumber) -> BlockStream {
        BlockStream::new(self.clone(), Some(first))
    }

    /// Finalized block `number`, from memory or from the node. A block that is not followed yet is
    /// [`ReadError::UnknownBlock`]. Events that the node no longer has are said to be illegible.
    pub async fn block(&self, number: BlockNumber) -> Result<Arc<FinalizedBlock>, ReadError> {
        if let Some(block) = self.recent(number) {
            return Ok(block);
        }
        let unknown = || ReadError::UnknownBlock { block: number.to_string() };
        self.connection()?;
        if self.finalized().is_none_or(|finalized| number > finalized.number) {
            return Err(unknown());
        }
        let hash = fetch::hash_of(self, number).await?.ok_or_else(unknown)?;
        let (raw, missing) = fetch::block(self, hash).await?.ok_or_else(unknown)?;
        let runtime =
            match fetch::runtime_at(self, if number.0 == 0 { hash } else { raw.parent }, self.runtimes()).await {
                Ok(runtime) => runtime,
                // The state is gone: the newest runtime is the best guess, and a wrong one shows as illegible.
                Err(error) if Self::is_refusal(&error) => self.head()?.runtime,
                Err(error) => return Err(error),
            };
        let mut decoded = block::decode(&raw, &runtime);
        decoded.illegible.extend(missing.map(|error| error.to_string()));
        Ok(Arc::new(decoded))
    }

    /// Finalized block `hash`; one of a fork that was not finalized is [`ReadError::UnknownBlock`].
    pub async fn block_by_hash(&self, hash: BlockHash) -> Result<Arc<FinalizedBlock>, ReadError> {
        let unknown = || ReadError::UnknownBlock { block: hash.to_string() };
        self.connection()?;
        let number = self.ask(rpc::header(hash)).await?.ok_or_else(unknown)?.number;
        let block = self.block(number).await?;
        if block.block.hash == hash { Ok(block) } else { Err(unknown()) }
    }

    /// Reads pinned at the newest finalized block.
    pub fn view(&self) -> Result<View, ReadError> {
        self.connection()?;
        Ok(View::new(self.clone(), self.head()?))
    }

    /// Reads pinned at a block of the past. Most nodes keep the state of a few hundred blocks only.
    pub async fn view_at(&self, hash: BlockHash) -> Result<View, ReadError> {
        let unknown = || ReadError::UnknownBlock { block: hash.to_string() };
        self.connection()?;
        let number = self.ask(rpc::header(hash)).await?.ok_or_else(unknown)?.number;
        let runtime = fetch::runtime_at(self, hash, self.runtimes()).await?;
        Ok(View::new(self.clone(), Head { block: BlockRef { number, hash }, runtime }))
    }

    pub(crate) fn head(&self) -> Result<Head, ReadError> {
        let head = self.shared.head.borrow().clone();
        head.ok_or_else(|| self.not_connected())
    }

    fn runtimes(&self) -> &Runtimes {
        &self.shared.runtimes
    }

    fn recent(&self, number: BlockNumber) -> Option<Arc<FinalizedBlock>> {
        let recent = self.shared.recent.read().unwrap_or_else(PoisonError::into_inner);
        let first = recent.front()?.block.number;
        let index = usize::try_from(number.0.checked_sub(first.0)?).ok()?;
        recent.get(index).filter(|block| block.block.number == number).cloned()
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
        let came = tokio::time::timeout(self.shared.config.request_timeout(), waiting).await;
        came.ok().and_then(|came| came.ok()?.clone()).ok_or_else(|| self.not_connected())
    }

    /// The live connection, without waiting for one.
    fn connection(&self) -> Result<Arc<Connection>, ReadError> {
        let current = self.shared.connection.borrow().clone();
        current.ok_or_else(|| self.not_connected())
    }

    /// The next connection after `failed`, if one comes within a request's time.
    async fn another_connection(&self, failed: &Arc<Connection>) -> Option<Arc<Connection>> {
        let mut connections = self.shared.connection.subscribe();
        let other = |current: &Option<Arc<Connection>>| current.as_ref().is_some_and(|c| !Arc::ptr_eq(c, failed));
        let waiting = connections.wait_for(other);
        tokio::time::timeout(self.shared.config.request_timeout(), waiting).await.ok()?.ok()?.clone()
    }

    fn read_error<T>(request: &Request<T>, problem: RpcProblem) -> ReadError {
        let what = request.what().to_owned();
        match problem {
            RpcProblem::Deadline(after) => ReadError::Deadline { what, after },
            RpcProblem::Cut(_) => ReadError::Cut { what },
            RpcProblem::Refused { code, message, data } => {
                let message = data.map_or_else(|| message.clone(), |data| format!("{message}: {data}"));
                ReadError::Refused { what, code, message }
            }
            RpcProblem::Garbled(reason) => ReadError::Garbled { what, reason },
        }
    }
}

/// Reads are safe to repeat, and one read may take several requests: a loss in the middle is waited
/// out for as long as a request may take, and a request that was cut off is asked once more. What
/// must fail at once without a link looks for the connection first.
impl Ask for Link {
    type Error = ReadError;

    async fn ask<T: DeserializeOwned + Send>(&self, request: Request<T>) -> Result<T, ReadError> {
        let connection = self.coming_connection().await?;
        let problem = match connection.send(&request).await {
            Ok(answer) => return Ok(answer),
            Err(problem) => problem,
        };
        if !matches!(problem, RpcProblem::Cut(_)) {
            return Err(Self::read_error(&request, problem));
        }
        let Some(next) = self.another_connection(&connection).await else {
            return Err(Self::read_error(&request, problem));
        };
        next.send(&request).await.map_err(|problem| Self::read_error(&request, problem))
    }

    fn nonsense(&self, what: &str, reason: String) -> ReadError {
        ReadError::Garbled { what: what.to_owned(), reason }
    }

    fn is_refusal(error: &ReadError) -> bool {
        matches!(error, ReadError::Refused { .. })
    }
}
