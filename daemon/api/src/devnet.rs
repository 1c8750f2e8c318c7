//! The noun `devnet`: what its owner may do to the development chain inside btd.
//!
//! A daemon that follows another chain refuses them all. What is done to the chain is done between two of its blocks, in
//! the order in which it was asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, Tao, chain::BlockRef, method::methods, rpc::Nothing};

/// Parameters of [`Mine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MineParams {
    /// How many blocks, 100,000 at most.
    #[serde(default = "one")]
    pub count: u32,
}

fn one() -> u32 {
    1
}

/// Parameters of [`SetTime`]: exactly one of the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetTimeParams {
    /// The timestamp of the next block, in milliseconds since 1970.
    #[serde(default)]
    pub timestamp_ms: Option<u64>,
    /// How far to move the clock forward, in milliseconds.
    #[serde(default)]
    pub advance_ms: Option<u64>,
}

/// Reply of [`SetTime`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimeSet {
    /// The timestamp that the next block will have, in milliseconds since 1970.
    pub timestamp_ms: u64,
}

/// One value of the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StorageChange {
    /// The raw storage key, `0x` and hexadecimal.
    #[schemars(example = &"0x3a6578616d706c65")]
    pub key: String,
    /// The raw value, `0x` and hexadecimal; without it the key is removed.
    #[serde(default)]
    pub value: Option<String>,
}

/// Parameters of [`SetStorage`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetStorageParams {
    /// What is to stand in the state after the block that is made for it.
    pub changes: Vec<StorageChange>,
}

/// Parameters of [`Pulse`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PulseParams {
    /// The number of the round.
    #[schemars(example = &1_000)]
    pub round: u64,
    /// The signature that drand publishes for it, in hexadecimal; without it the development beacon signs.
    #[serde(default)]
    pub signature: Option<String>,
}

/// Reply of [`Snapshot`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotTaken {
    /// Its name, such as `0x1`.
    pub snapshot: String,
}

/// Parameters of [`Revert`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevertParams {
    /// The snapshot; it and all later ones are spent.
    #[schemars(example = &"0x1")]
    pub snapshot: String,
}

/// What the chain's node can be made to do badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Connections are cut, once.
    Drop,
    /// Connections are cut, and new ones as soon as they ask for anything.
    Refuse,
    /// Answers come late.
    Delay,
    /// Blocks are made and none becomes final.
    StallFinality,
    /// No block is made by itself.
    StallBlocks,
}

/// Which connections a fault is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Connections {
    /// Plain HTTP.
    Http,
    /// WebSockets; btd's own link is one.
    Ws,
    /// Every connection.
    #[default]
    All,
}

/// Parameters of [`SetFault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultParams {
    /// The fault.
    pub fault: Fault,
    /// For drop, refuse and delay.
    #[serde(default)]
    pub connections: Connections,
    /// For delay: how late, in milliseconds.
    #[serde(default)]
    pub delay_ms: Option<u64>,
    /// For how long, in milliseconds; until it is cleared when absent.
    #[serde(default)]
    pub for_ms: Option<u64>,
}

/// A fault in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActiveFault {
    /// Which.
    pub fault: Fault,
    /// The connections that it is about, if it is about connections.
    pub connections: Option<Connections>,
    /// How late answers are, in milliseconds.
    pub delay_ms: Option<u64>,
    /// For how much longer, in milliseconds; until it is cleared when absent.
    pub left_ms: Option<u64>,
}

/// Reply of [`SetFault`] and [`ClearFaults`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Faults {
    /// How many connections a drop has cut.
    pub dropped: Option<u32>,
    /// The faults in force now.
    pub faults: Vec<ActiveFault>,
}

/// A block that the chain can be taken back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownSnapshot {
    /// Its name.
    pub snapshot: String,
    /// The block.
    pub block: BlockRef,
}

/// The embedded chain at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DevnetStatus {
    /// Where it answers Substrate JSON-RPC.
    pub endpoint: String,
    /// With what it began: `empty`, `default`, or `busy:SUBNETSxNEURONS:SEED`.
    pub profile: String,
    /// When blocks are made: a period, or `instant`.
    pub block_time: String,
    /// The newest block.
    pub head: BlockRef,
    /// The newest final block.
    pub finalized: BlockRef,
    /// The head's timestamp, in milliseconds since 1970; 0 in block 0.
    pub timestamp_ms: u64,
    /// How far the clock was moved, in milliseconds.
    pub clock_shift_ms: i64,
    /// Extrinsics that wait in the pool.
    pub pending_extrinsics: u32,
    /// Blocks that it can be taken back to, oldest first.
    pub snapshots: Vec<KnownSnapshot>,
    /// Faults in force.
    pub faults: Vec<ActiveFault>,
}

/// A well-known account of development chains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DevelopmentAccount {
    /// What derives its key, as `wallet create --uri` takes it.
    pub uri: String,
    /// Its address.
    pub address: AccountId,
    /// Its free balance at the head.
    pub free: Tao,
}

/// Reply of [`Accounts`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountList {
    /// The accounts, those who began with the most first.
    pub accounts: Vec<DevelopmentAccount>,
}

methods! {
    /// The development chain inside btd at a glance
    Status = "devnet_status" (Read): Nothing => DevnetStatus;
    /// The well-known accounts of the development chain with their balances
    Accounts = "devnet_accounts" (Read): Nothing => AccountList;
    /// Makes blocks now
    Mine = "devnet_mine" (Operate): MineParams => BlockRef;
    /// Sets the timestamp of the next block, from which time goes on
    SetTime = "devnet_setTime" (Operate): SetTimeParams => TimeSet;
    /// Sets raw values of the state in a block of their own
    SetStorage = "devnet_setStorage" (Operate): SetStorageParams => BlockRef;
    /// Brings a round of the drand beacon in a block of its own, for what is sealed until then
    Pulse = "devnet_pulse" (Operate): PulseParams => BlockRef;
    /// Remembers the chain as it is now
    Snapshot = "devnet_snapshot" (Operate): Nothing => SnapshotTaken;
    /// Takes the chain back to a snapshot
    Revert = "devnet_revert" (Operate): RevertParams => BlockRef;
    /// Makes the chain's node behave badly
    SetFault = "devnet_fault" (Operate): FaultParams => Faults;
    /// Ends every fault
    ClearFaults = "devnet_clearFaults" (Operate): Nothing => Faults;
}
