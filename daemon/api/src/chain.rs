//! The noun `chain`: blocks, and what btd knows of the chain it follows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BlockHash, BlockNumber, Role, Subscription, method::methods, rpc::Nothing};

/// One block, by number and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlockRef {
    /// Its height.
    pub number: BlockNumber,
    /// Its hash.
    pub hash: BlockHash,
}

/// The block at which a reply was read. Always a finalized one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct At {
    /// The block.
    #[serde(flatten)]
    pub block: BlockRef,
    /// How long ago btd learnt of the block, in milliseconds.
    pub age_ms: u64,
    /// True when blocks stopped arriving, or the chain is out of reach: the reply is what was last known.
    pub stale: bool,
}

/// How the link to the chain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// Trying to reach an endpoint.
    Connecting,
    /// Blocks arrive.
    Live,
    /// Connected, and no block has arrived for longer than it should take.
    Stale,
    /// The connection was lost; trying again.
    Lost,
}

/// The chain as btd sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChainStatus {
    /// `finney`, `test`, `local`, `devnet`, or the URL that was given.
    pub network: String,
    /// How the link stands.
    pub link: Link,
    /// The endpoint in use, or tried last.
    pub endpoint: Option<String>,
    /// The genesis hash, which names the chain.
    pub genesis: Option<BlockHash>,
    /// The runtime's spec version.
    pub spec_version: Option<u32>,
    /// The newest finalized block known.
    pub finalized: Option<BlockRef>,
    /// How long ago it arrived, in milliseconds.
    pub finalized_age_ms: Option<u64>,
    /// Why the link is not live, in words.
    pub trouble: Option<String>,
}

/// An event, decoded by the metadata of its block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// The pallet that raised it.
    pub pallet: String,
    /// Its name.
    pub name: String,
    /// Its fields: an object when they are named, else an array. Accounts are SS58, integers of
    /// 64 bits and more are decimal text.
    pub fields: serde_json::Value,
    /// The index of the extrinsic that caused it; none for the block's own hooks.
    pub extrinsic: Option<u32>,
}

/// A finalized block with its decoded events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FinalizedBlock {
    /// The block.
    #[serde(flatten)]
    pub block: BlockRef,
    /// Its parent's hash.
    pub parent: BlockHash,
    /// The time that its author wrote into it, in milliseconds since 1970.
    pub timestamp_ms: Option<u64>,
    /// How many extrinsics it holds, inherents included.
    pub extrinsics: u32,
    /// Its events, in order.
    pub events: Vec<Event>,
}

/// Parameters of [`SubscribeFinalized`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscribeParams {
    /// The first block wanted; without it, the next one to be finalized. Blocks older than what btd keeps are refused.
    #[serde(default)]
    pub from_block: Option<BlockNumber>,
}

/// What a subscriber to finalized blocks receives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", tag = "type")]
pub enum Finalized {
    /// The next block; numbers never repeat and never skip.
    Block(FinalizedBlock),
    /// The subscriber read too slowly and the daemon gave up; subscribe again from `next`.
    Lagged {
        /// The first block that was not delivered.
        next: BlockNumber,
    },
}

/// The subscription to finalized blocks.
#[derive(Debug)]
pub enum SubscribeFinalized {}

impl Subscription for SubscribeFinalized {
    const NAME: &'static str = "chain_subscribeFinalized";
    const UNSUBSCRIBE: &'static str = "chain_unsubscribeFinalized";
    const NOTIFICATION: &'static str = "chain_finalized";
    const SUMMARY: &'static str = "Finalized blocks with their decoded events, each once and in order";
    const ROLE: Role = Role::Read;
    type Params = SubscribeParams;
    type Item = Finalized;
}

methods! {
    /// How the link to the chain stands: endpoint, spec, newest finalized block
    Status = "chain_status" (Read): Nothing => ChainStatus;
}
