//! The noun `node`: the daemon itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    BlockNumber, NetUid,
    axon::AxonStatus,
    chain::{At, ChainStatus},
    method::methods,
    rpc::Nothing,
};

/// Where the daemon is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Starting: the chain has not been read yet.
    Starting,
    /// Serving a checked view of the chain.
    Ready,
    /// Serving what was last known of the chain.
    Degraded,
    /// Stopping.
    Stopping,
}

/// The daemon at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeStatus {
    /// The daemon's version.
    pub version: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// Process id.
    pub pid: u32,
    /// Seconds since it started.
    pub uptime_s: u64,
    /// The chain it follows.
    pub chain: ChainStatus,
    /// The embedded chain's RPC address, when this daemon runs one.
    pub devnet: Option<String>,
    /// The block of the cached list of subnets, with their pools and prices; none before it was read.
    pub cache_at: Option<At>,
    /// How many subnets are cached.
    pub subnets: u32,
    /// How many neurons are cached, over all subnets.
    pub neurons: u32,
    /// The subnets that cannot be read; of them the cache has what was known before, or nothing.
    pub unreadable: Vec<Unreadable>,
    /// What keeping the cached metagraphs current took since the daemon started.
    pub upkeep: Upkeep,
    /// How many records the history of metagraphs has lost to damage and not made good yet: `metagraph_history` tells
    /// which of each subnet, and why.
    #[serde(default)]
    pub lost_records: u32,
    /// How many keys are unlocked now.
    pub unlocked_keys: u32,
    /// The axon, when one is running.
    pub axon: Option<AxonStatus>,
}

/// A subnet whose metagraph the chain answers and that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unreadable {
    /// Its number.
    pub netuid: NetUid,
    /// The block at which it could not be read for the first time.
    pub since: BlockNumber,
    /// Why not, in words.
    pub trouble: String,
}

/// What keeping metagraphs current took. They are changed by what each block says it changed, and
/// compared with the chain's own before each epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Upkeep {
    /// The block up to which everything kept is as the chain has it; none while something is being read.
    pub through: Option<BlockNumber>,
    /// Metagraphs that were read as a whole.
    pub wholes: u64,
    /// Metagraphs of which some columns were read.
    pub parts: u64,
    /// Comparisons with the chain's own.
    pub checks: u64,
    /// Comparisons that found another value, which was mended.
    pub differences: u64,
}

methods! {
    /// The daemon at a glance: version, phase, chain, cache, keys, axon
    Status = "node_status" (Read): Nothing => NodeStatus;
    /// Stops the daemon as SIGTERM does
    Stop = "node_stop" (Admin): Nothing => Nothing;
}
