//! The hands of whoever owns a development chain: blocks on demand, time, storage, snapshots, faults.
//!
//! The same things as the node's `dev_*` methods, which call these. They are done between two blocks by the producer,
//! in the order in which they were asked for.

use std::{sync::Arc, time::Duration};

use btd_devnet_runtime::{Balance, DEVELOPMENT_NAMES, genesis::development_account};
use codec::{Decode, Encode};
use sp_core::{H256, crypto::Ss58Codec, storage::well_known_keys};
use sp_io::hashing::{blake2_128, twox_128};
use sp_state_machine::Backend as _;
use tokio::sync::oneshot;

use crate::{
    BlockId, DevnetError, beacon,
    chain::{Block, ChainError, State},
    config::BlockTime,
    faults::{ActiveFault, Connections, Fault},
    node::{Command, Node},
    producer::{Producer, SnapshotError, SnapshotId},
    workers::WorkError,
};

/// Storage keys with the value they are to have, none for one that is to go.
pub type StorageChanges = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// The latest timestamp to which time can be set, in milliseconds since 1970: 2^53 - 1, the greatest number that every
/// reader of JSON takes as it is. From there on a chain has all the time to go on in.
const LATEST: u64 = (1 << 53) - 1;

/// Why the chain did not do what its owner wanted. Unless said otherwise nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No such snapshot, or it is spent: taking the chain back spends a snapshot and all later ones.
    #[error("there is no snapshot {0}: it was never taken, or the chain was taken back to it or to an earlier one")]
    UnknownSnapshot(SnapshotId),
    /// A timestamp at or before that of the head.
    #[error(
        "time cannot be set to {wanted}: the timestamp of the next block is {earliest} at least (milliseconds since 1970)"
    )]
    TimeGoesBack {
        /// What was asked for.
        wanted: u64,
        /// The earliest timestamp that the runtime takes.
        earliest: u64,
    },
    /// A timestamp so late that no block could follow.
    #[error("time cannot be set to {0}: {LATEST} is the latest that it can be set to (milliseconds since 1970)")]
    TimeTooLate(u64),
    /// A key that no block can set.
    #[error("the storage key 0x{} cannot be set: child tries are not part of this chain", hex::encode(.0))]
    ChildStorage(Vec<u8>),
    /// Nothing to set.
    #[error("there is nothing to set: name at least one storage key")]
    NothingToSet,
    /// A round that no beacon has.
    #[error("there is no round 0: the first round of a beacon is 1")]
    NoRound,
    /// A signature that is not the round's.
    #[error(
        "the signature of round {0} is neither drand quicknet's nor that of the chain's own beacon: take the one that drand publishes for this round"
    )]
    ForeignRound(u64),
    /// A block could not be made, or the chain has ended.
    #[error(transparent)]
    Chain(#[from] DevnetError),
    /// The state could not be read.
    #[error("the state cannot be read: {0}")]
    State(String),
}

impl From<SnapshotError> for ControlError {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Unknown(id) => Self::UnknownSnapshot(id),
            SnapshotError::Chain(error) => error.into(),
            SnapshotError::Store(error) => Self::Chain(error.into()),
        }
    }
}

impl From<ChainError> for ControlError {
    fn from(error: ChainError) -> Self {
        Self::State(error.to_string())
    }
}

impl From<WorkError> for ControlError {
    fn from(error: WorkError) -> Self {
        Self::State(error.to_string())
    }
}

/// The chain at a glance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevnetStatus {
    /// The newest block.
    pub head: BlockId,
    /// The newest final block: the head, unless finality stands still.
    pub finalized: BlockId,
    /// Timestamp of the head, in milliseconds since 1970; 0 in block 0.
    pub timestamp: u64,
    /// How far the clock was moved, in milliseconds.
    pub shift: i64,
    /// When blocks are made.
    pub block_time: BlockTime,
    /// Extrinsics that wait in the pool.
    pub waiting: usize,
    /// Snapshots with their block, oldest first.
    pub snapshots: Vec<(SnapshotId, BlockId)>,
    /// Faults in force.
    pub faults: Vec<ActiveFault>,
}

/// A well-known account of development chains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevelopmentAccount {
    /// What derives its key, such as `//Alice`.
    pub uri: String,
    /// Its SS58 address.
    pub address: String,
    /// Its free balance at the head, in rao.
    pub free: Balance,
}

/// Moves a running chain. Clones move the same one; none keeps it alive.
#[derive(Clone)]
pub struct Control {
    node: Arc<Node>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

fn id(block: &Block) -> BlockId {
    BlockId { number: block.number(), hash: block.hash.0 }
}

impl Control {
    pub(crate) fn new(node: Arc<Node>) -> Self {
        Self { node }
    }

    /// Makes `count` blocks now, whatever the block time; gives back the last one.
    ///
    /// Timestamps of blocks are at least half a block time apart, so a chain that is driven fast runs ahead of the clock.
    /// Dropping the future ends it after the block at hand, and leaves the blocks made so far.
    ///
    /// # Errors
    /// [`DevnetError::Block`] if the runtime fails, which leaves the blocks before; [`DevnetError::Stopped`] if the
    /// chain ends meanwhile.
    pub async fn mine(&self, count: u32) -> Result<BlockId, ControlError> {
        self.order_while_awaited(move |producer, awaited| Ok(id(&*producer.mine(count, awaited)?))).await
    }

    /// Gives the next block exactly this timestamp, in milliseconds since 1970; time goes on from there.
    ///
    /// No block is made.
    ///
    /// # Errors
    /// [`ControlError::TimeGoesBack`] for one that is not later than the head's by half a block time at least,
    /// [`ControlError::TimeTooLate`] for one after 2^53 - 1, and [`DevnetError::Stopped`] if the chain ends meanwhile.
    pub async fn set_time(&self, timestamp: u64) -> Result<u64, ControlError> {
        self.order(move |producer| set_time(producer, |_| timestamp)).await
    }

    /// Moves the clock forward; gives back the timestamp that the next block would have now.
    ///
    /// # Errors
    /// As [`Self::set_time`].
    pub async fn advance_time(&self, by: Duration) -> Result<u64, ControlError> {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.order(move |producer| set_time(producer, |now| now.saturating_add(by))).await
    }

    /// Sets values of the state, or removes them, in a block of their own, and gives back that block.
    ///
    /// They are written after the block's inherents and before the runtime closes it, which may overwrite what it writes
    /// itself; the state root covers what stands in the end.
    ///
    /// # Errors
    /// [`ControlError::ChildStorage`], [`ControlError::NothingToSet`], and those of [`Self::mine`], among them
    /// [`DevnetError::Block`] for values with which the block would not follow the head.
    pub async fn set_storage(&self, changes: StorageChanges) -> Result<BlockId, ControlError> {
        if changes.is_empty() {
            return Err(ControlError::NothingToSet);
        }
        if let Some((key, _)) = changes.iter().find(|(key, _)| well_known_keys::is_child_storage_key(key)) {
            return Err(ControlError::ChildStorage(key.clone()));
        }
        self.order(move |producer| Ok(id(&*producer.write_storage(&changes)?))).await
    }

    /// Brings a round of the drand beacon in a block of its own, and gives back that block: with this signature, which
    /// must be quicknet's or that of the chain's own beacon, or else with the development beacon's.
    ///
    /// What was sealed to that beacon until that round opens when it can next: commitments in the next block, weights in
    /// their epoch. The round takes the place of one that has come already.
    ///
    /// # Errors
    /// [`ControlError::NoRound`] and [`ControlError::ForeignRound`], and those of [`Self::mine`].
    pub async fn bring_round(&self, round: u64, signature: Option<Vec<u8>>) -> Result<BlockId, ControlError> {
        self.order(move |producer| {
            let (_, state) = producer.node.chain.state(None)?;
            let changes = beacon::bring(&state, round, signature.as_deref())?;
            Ok(id(&*producer.write_storage(&changes)?))
        })
        .await
    }

    /// Remembers the chain as it is. While a snapshot lasts, no state since it is pruned.
    ///
    /// # Errors
    /// [`DevnetError::Stopped`] if the chain ends meanwhile.
    pub async fn snapshot(&self) -> Result<SnapshotId, ControlError> {
        self.order(|producer| Ok(producer.take_snapshot())).await
    }

    /// Takes the chain back: its head, its clock, and what waited in its pool. Spends the snapshot and all later ones.
    ///
    /// # Errors
    /// [`ControlError::UnknownSnapshot`].
    pub async fn revert(&self, snapshot: SnapshotId) -> Result<BlockId, ControlError> {
        self.order(move |producer| Ok(id(&*producer.revert(snapshot)?))).await
    }

    /// Cuts these connections now, once; says how many there were.
    pub fn drop_connections(&self, which: Connections) -> usize {
        self.node.faults.cut(which)
    }

    /// Puts a fault in force until it is cleared, or for this long.
    pub fn fault(&self, fault: Fault, lasting: Option<Duration>) {
        let head = self.node.finalized().number();
        self.node.faults.add(fault, lasting, head);
        if let Some(lasting) = lasting {
            let node = self.node.clone();
            tokio::spawn(async move {
                tokio::time::sleep(lasting).await;
                node.faults.expire();
                node.tell_ready();
            });
        }
    }

    /// Ends every fault.
    pub fn clear_faults(&self) {
        self.node.faults.clear();
        self.node.tell_ready();
    }

    /// Faults in force.
    pub fn faults(&self) -> Vec<ActiveFault> {
        self.node.faults.active()
    }

    /// The chain at a glance.
    ///
    /// # Errors
    /// [`DevnetError::Stopped`] if the chain ends meanwhile.
    pub async fn status(&self) -> Result<DevnetStatus, ControlError> {
        self.order(|producer| {
            let node = &producer.node;
            Ok(DevnetStatus {
                head: id(&node.chain.head()),
                finalized: id(&node.finalized()),
                timestamp: timestamp(&node.chain.state(None)?.1)?,
                shift: producer.clock.shift(),
                block_time: producer.block_time,
                waiting: node.pool().waiting().len(),
                snapshots: producer.snapshots.list(),
                faults: node.faults.active(),
            })
        })
        .await
    }

    /// The well-known accounts with their balance at the head.
    ///
    /// # Errors
    /// [`ControlError::State`] if the state cannot be read.
    pub async fn accounts(&self) -> Result<Vec<DevelopmentAccount>, ControlError> {
        let node = self.node.clone();
        self.node.workers.run(move || accounts(&node)).await?
    }

    /// Lets the producer do something and waits until it is done. It is done even if nobody waits any more.
    async fn order<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Producer) -> Result<T, ControlError> + Send + 'static,
    ) -> Result<T, ControlError> {
        self.order_while_awaited(|producer, _| act(producer)).await
    }

    /// The same for what takes long: it is told whether anybody still waits for it, and may end early where nobody does.
    async fn order_while_awaited<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Producer, &dyn Fn() -> bool) -> Result<T, ControlError> + Send + 'static,
    ) -> Result<T, ControlError> {
        let (answer, answered) = oneshot::channel();
        self.node.command(Command::Order(Box::new(move |producer| {
            let (told, ended) = match act(producer, &|| !answer.is_closed()) {
                // Only the producer's end can carry the reason why it ends.
                Err(ControlError::Chain(error @ DevnetError::Store(_))) => {
                    (Err(DevnetError::Stopped.into()), Err(error))
                }
                result => (result, Ok(())),
            };
            let _ = answer.send(told);
            ended
        })))?;
        answered.await.unwrap_or(Err(DevnetError::Stopped.into()))
    }
}

/// The timestamp in the state, in milliseconds since 1970; 0 before the first block.
pub(crate) fn timestamp(state: &State) -> Result<u64, ControlError> {
    let key = [twox_128(b"Timestamp"), twox_128(b"Now")].concat();
    let value = state.storage(&key).map_err(ControlError::State)?;
    Ok(value.and_then(|bytes| u64::decode(&mut bytes.as_slice()).ok()).unwrap_or(0))
}

fn set_time(producer: &mut Producer, wanted: impl FnOnce(u64) -> u64) -> Result<u64, ControlError> {
    let (head, state) = producer.node.chain.state(None)?;
    let number = head.number().saturating_add(1);
    let earliest = match timestamp(&state)? {
        0 => 1,
        before => before.saturating_add(producer.block_time.nominal_millis() / 2),
    };
    // The runtime moves a timestamp forward that comes too early: what counts is what it would make of the clock's.
    let wanted = wanted(producer.clock.timestamp(number).max(earliest));
    if wanted < earliest {
        return Err(ControlError::TimeGoesBack { wanted, earliest });
    }
    if wanted > LATEST {
        return Err(ControlError::TimeTooLate(wanted));
    }
    producer.clock.set(number, wanted);
    Ok(wanted)
}

/// Counters of an account, which stand before its balance in `System.Account`.
type Counters = (u32, u32, u32, u32);

fn accounts(node: &Node) -> Result<Vec<DevelopmentAccount>, ControlError> {
    let (_, state) = node.chain.state(None)?;
    let account = |name: &&str| {
        let account = development_account(name);
        let raw = account.encode();
        let hash = blake2_128(&raw);
        let key = [&twox_128(b"System")[..], &twox_128(b"Account"), &hash, &raw].concat();
        let value = state.storage(&key).map_err(ControlError::State)?;
        let info = value.and_then(|bytes| <(Counters, Balance)>::decode(&mut bytes.as_slice()).ok());
        Ok(DevelopmentAccount {
            uri: format!("//{name}"),
            address: account.to_ss58check(),
            free: info.map_or(0, |(_, free)| free),
        })
    };
    DEVELOPMENT_NAMES.iter().map(account).collect()
}

/// As the node's answers write a block.
pub(crate) fn block_json(block: BlockId) -> serde_json::Value {
    serde_json::json!({ "number": block.number, "hash": H256(block.hash) })
}
