//! What every request and the producer share: the chain, the pool, the threads, and the news of new blocks.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{SyncSender, TrySendError},
    },
    time::{Duration, Instant},
};

use btd_devnet_runtime::{AccountId, Nonce};
use codec::Encode;
use sp_core::H256;
use sp_runtime::transaction_validity::{TransactionSource, TransactionValidity, TransactionValidityError};
use tokio::sync::broadcast;

use crate::{
    DevnetError,
    chain::{Block, Chain, ChainError, Changes},
    faults::Faults,
    pool::{Extrinsic, Malformed, Pool, Refusal, Watcher},
    producer::Producer,
    workers::Workers,
};

/// News that a slow subscriber may fall behind before it has to catch up by itself.
const NEWS_CAPACITY: usize = 256;

/// A new head, and how it came about.
pub(crate) struct News {
    pub(crate) block: Arc<Block>,
    pub(crate) change: Change,
}

/// What a new head means for those who follow.
pub(crate) enum Change {
    /// It continues the chain; these values of the state are new.
    Next(Changes),
    /// The chain was cut back to it; any value may be another.
    CutBack,
}

/// What the producer can be told.
pub(crate) enum Command {
    /// An extrinsic became ready.
    Ready,
    /// Do something beside making blocks. An error ends the chain.
    Order(Order),
    /// Finish the block at hand and end.
    Stop,
}

/// Something done by the one writer, between two blocks.
pub(crate) type Order = Box<dyn FnOnce(&mut Producer) -> Result<(), DevnetError> + Send>;

/// Why an extrinsic was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SubmitError {
    /// The bytes are no extrinsic.
    Malformed(Malformed),
    Pool(Refusal),
    /// The runtime could not tell whether it is valid.
    Verification(ChainError),
}

/// The node. Its methods block; they belong on [`Workers`].
pub(crate) struct Node {
    pub(crate) chain: Chain,
    pub(crate) workers: Workers,
    pub(crate) news: broadcast::Sender<Arc<News>>,
    pub(crate) faults: Faults,
    /// Time between the word that an extrinsic is in a block and the word that this block is final.
    pub(crate) finality_lag: Duration,
    pool: Mutex<Pool>,
    commands: SyncSender<Command>,
    /// Whether the producer is to look at the pool, so that [`Command::Ready`] is on its way once at most.
    ready: AtomicBool,
}

impl Node {
    pub(crate) fn new(
        chain: Chain,
        pool: Pool,
        workers: Workers,
        commands: SyncSender<Command>,
        finality_lag: Duration,
    ) -> Self {
        Self {
            finality_lag,
            chain,
            workers,
            news: broadcast::channel(NEWS_CAPACITY).0,
            faults: Faults::new(),
            pool: Mutex::new(pool),
            commands,
            ready: AtomicBool::new(false),
        }
    }

    pub(crate) fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the producer something.
    ///
    /// # Errors
    /// [`DevnetError::Busy`] when its queue is full, [`DevnetError::Stopped`] when it has ended.
    pub(crate) fn command(&self, command: Command) -> Result<(), DevnetError> {
        self.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => DevnetError::Busy,
            TrySendError::Disconnected(_) => DevnetError::Stopped,
        })
    }

    /// The newest final block: the head, unless finality stands still.
    pub(crate) fn finalized(&self) -> Arc<Block> {
        let head = self.chain.head();
        let stalled = *self.faults.finality().borrow();
        // A block so old that it is no longer kept is as good as none: the head is final then.
        stalled.and_then(|number| self.chain.block_at(number.min(head.number()))).unwrap_or(head)
    }

    /// Whether the producer is to look at the pool. It does so now: whoever is ready later has to tell it again.
    pub(crate) fn take_ready(&self) -> bool {
        self.ready.swap(false, Ordering::AcqRel)
    }

    /// Whether the extrinsic could go into a block after `at`, now or later.
    pub(crate) fn validate(&self, bytes: &[u8], at: H256) -> Result<TransactionValidity, ChainError> {
        // Encoding of (source, extrinsic, hash): the extrinsic is spared a round of decoding.
        let mut arguments = TransactionSource::External.encode();
        arguments.extend_from_slice(bytes);
        arguments.extend_from_slice(at.as_bytes());
        self.chain.ask(Some(at), "TaggedTransactionQueue_validate_transaction", &arguments)
    }

    /// Takes an extrinsic into the pool if it is valid on the head's state.
    pub(crate) fn submit(&self, bytes: Vec<u8>, watcher: Option<Watcher>) -> Result<H256, SubmitError> {
        let extrinsic = Extrinsic::decode(bytes).map_err(SubmitError::Malformed)?;
        let hash = extrinsic.hash;
        self.pool().admits(&hash, Instant::now()).map_err(SubmitError::Pool)?;
        loop {
            let head = self.chain.head();
            let validity = self.validate(&extrinsic.bytes, head.hash).map_err(SubmitError::Verification)?;
            let mut pool = self.pool();
            let valid = match validity {
                Ok(valid) => valid,
                Err(error) => {
                    if matches!(error, TransactionValidityError::Invalid(_)) {
                        pool.ban(hash, Instant::now());
                    }
                    return Err(SubmitError::Pool(error.into()));
                }
            };
            // What is valid on the head says what the state lacks; on another head that may be another thing.
            if self.chain.head().hash != head.hash {
                continue;
            }
            pool.insert(extrinsic, valid, head.number(), watcher, Instant::now()).map_err(SubmitError::Pool)?;
            break;
        }
        self.tell_ready();
        Ok(hash)
    }

    /// Tells the producer to look at the pool.
    pub(crate) fn tell_ready(&self) {
        if !self.ready.swap(true, Ordering::AcqRel) {
            // A producer that has ended needs no command, and one whose queue is full looks after each it has.
            let _ = self.command(Command::Ready);
        }
    }

    /// The nonce for the account's next extrinsic, counting those that wait in the pool.
    pub(crate) fn next_nonce(&self, account: &AccountId) -> Result<Nonce, ChainError> {
        let mut nonce: Nonce = self.chain.ask(None, "AccountNonceApi_account_nonce", &account.encode())?;
        let pool = self.pool();
        while pool.provides(&(account, nonce).encode()) {
            nonce = nonce.saturating_add(1);
        }
        Ok(nonce)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use sp_core::storage::Storage;

    use super::*;
    use crate::{Config, chain::Origin};

    #[test]
    fn a_full_queue_is_said_and_loses_nobody_who_is_ready() {
        let (commands, queue) = sync_channel(1);
        let Config { pool, retention, .. } = Config::default();
        let chain = Chain::new(Origin::genesis(Storage::default()), retention);
        let node = Node::new(chain, Pool::new(pool), Workers::start().unwrap(), commands, Duration::ZERO);
        node.command(Command::Stop).unwrap();
        assert!(matches!(node.command(Command::Stop), Err(DevnetError::Busy)));
        node.tell_ready();
        assert!(matches!(queue.try_recv(), Ok(Command::Stop)));
        assert!(node.take_ready(), "the command that had filled the queue is enough to see it");

        node.tell_ready();
        node.tell_ready();
        assert!(matches!(queue.try_recv(), Ok(Command::Ready)));
        assert!(queue.try_recv().is_err(), "one is enough");
        assert!(node.take_ready());
        assert!(!node.take_ready());
        drop(queue);
        assert!(matches!(node.command(Command::Stop), Err(DevnetError::Stopped)));
    }
}
