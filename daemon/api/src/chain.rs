//! The noun `chain`: blocks, and what btd knows of the chain it follows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AccountId, BlockHash, BlockNumber, NetUid, Role, Subscription, Tao, method::methods, rpc::Nothing};

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
    /// What the endpoint in use thinks the best block; it is not final, and another may take its place.
    #[serde(default)]
    pub best: Option<BlockRef>,
    /// Why the link is not live, in words; also, where it is, that whatever stands behind a node that was named has other
    /// blocks than it, so that nothing takes over.
    pub trouble: Option<String>,
    /// How many blocks what is followed is behind the newest that any endpoint was seen to have.
    #[serde(default)]
    pub lag: u32,
    /// The endpoints in the order of preference, archives last.
    #[serde(default)]
    pub endpoints: Vec<EndpointStatus>,
    /// True where one endpoint alone is followed, so that nothing takes over when it fails; left out where others stand
    /// behind it, and of the chain inside btd.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
    /// What the runtime can do, by stable names; empty while the chain is out of reach.
    #[serde(default)]
    pub features: Vec<String>,
}

/// How an endpoint stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Not tried yet.
    Unknown,
    /// Followed now.
    Active,
    /// Answered when it was looked at last.
    Standby,
    /// Failed, or was found wanting, and is tried again after a rest.
    Resting,
}

/// One endpoint of the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointStatus {
    /// Its URL, without what may be a key.
    pub endpoint: String,
    /// Whether it is asked for old state only.
    pub archive: bool,
    /// How it stands.
    pub standing: Standing,
    /// What is wrong with it, by a stable name: `unreachable`, `unresolved`, `silent`, `cut`, `stale`,
    /// `wrong-genesis`, `behind`, `forked`, `old-runtime`, `rate-limited`, `oversized`, `slow`, `pruned`, `unusable`.
    pub trouble: Option<String>,
    /// The same in words.
    pub reason: Option<String>,
    /// The newest finalized block that it was seen to have.
    pub finalized: Option<BlockRef>,
    /// How long ago that was, in milliseconds.
    pub seen_ms: Option<u64>,
    /// How long it takes to answer on average, in milliseconds.
    pub latency_ms: Option<u64>,
    /// Requests that it answered or refused.
    pub requests: u64,
    /// Failures since it brought a block.
    pub failures: u32,
    /// Whether it said that it keeps no old state.
    pub pruned: bool,
    /// Whether it said "too many requests" a short while ago.
    pub rate_limited: bool,
    /// How long it is left alone, in milliseconds.
    pub rests_ms: Option<u64>,
}

/// Parameters of [`Latency`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LatencyParams {
    /// WebSocket URLs of nodes, 16 at most, whether they are followed or not.
    #[schemars(length(min = 1, max = 16))]
    pub endpoints: Vec<String>,
}

/// So many endpoints are looked at in one go.
pub const MOST_LOOKED_AT: usize = 16;

/// How fast one endpoint answered just now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointLatency {
    /// Its URL, without what may be a key.
    pub endpoint: String,
    /// How long it took until it was connected, in milliseconds; none where it was not.
    pub connect_ms: Option<u64>,
    /// How long it then took to name its newest finalized block, in milliseconds.
    pub answer_ms: Option<u64>,
    /// The hash of its block 0.
    pub genesis: Option<BlockHash>,
    /// Whether that is the chain that is followed; none where either is not known.
    pub same_chain: Option<bool>,
    /// What is wrong with it, by the stable names of [`EndpointStatus::trouble`].
    pub trouble: Option<String>,
    /// The same in words.
    pub reason: Option<String>,
}

/// Reply of [`Latency`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LatencyReply {
    /// Each endpoint that was asked for, in the order of the request.
    pub endpoints: Vec<EndpointLatency>,
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
    /// Go on behind it with this: its number, and the beginning of its hash, `12-a1b2c3d4`. Empty where an earlier btd
    /// tells the block.
    #[serde(default)]
    pub cursor: String,
    /// The time that its author wrote into it, in milliseconds since 1970.
    pub timestamp_ms: Option<u64>,
    /// The runtime that executed it. An upgrade in this block shows from the next one on. None where neither the endpoint
    /// in use nor an archive could tell when it was asked for this reply: everything is then decoded by another one,
    /// which `illegible` says, and may be something else. Whoever asks for the block again is told what can be then.
    #[serde(default)]
    pub spec_version: Option<u32>,
    /// How many extrinsics it holds, inherents included.
    pub extrinsics: u32,
    /// Its events, in order.
    pub events: Vec<Event>,
    /// What of its events could not be read, in words: there may be more than these, or others. Empty where an
    /// extrinsic alone is illegible.
    #[serde(default)]
    pub illegible: Vec<String>,
}

/// Parameters of [`SubscribeFinalized`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscribeParams {
    /// The first block wanted, or the cursor of the last one that was handled; without it, the next one to be
    /// finalized. Past blocks are read from the chain, in order, as far as its nodes keep them. `from_cursor` is another
    /// name for it. With a cursor, a block that has taken the place of the one that was handled is said to have
    /// (`replaced`), and comes first; with a number alone that is not looked for.
    #[serde(default, alias = "from_cursor")]
    pub from_block: Option<BlockCursor>,
}

/// Where blocks begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "blocks begin with one by its number, or behind one by its cursor, such as 12-a1b2c3d4")]
pub enum BlockCursor {
    /// The first block.
    First(BlockNumber),
    /// The cursor of the block before the first.
    Behind(String),
}

/// What a subscriber to finalized blocks receives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", tag = "type")]
pub enum Finalized {
    /// The next block; numbers never repeat and never skip, but behind [`Finalized::Replaced`], and its parent is the
    /// block that was sent before it.
    Block(FinalizedBlock),
    /// Blocks that were sent, from `next` on, are not of the chain any more: a development chain was taken back, or what
    /// an endpoint had told of the chain was false. What was made of them does not hold. Those that take their place come
    /// next, `next` first. The same is said at the beginning, where the block of the cursor is another one; whether
    /// blocks before that one were replaced as well, its `parent` says.
    Replaced {
        /// The number of the block that comes next; it may be one that is the same as before.
        next: BlockNumber,
        /// Why, in words.
        trouble: String,
    },
    /// No block comes, because the chain is out of reach, its blocks stopped arriving, the block that
    /// was asked for lies ahead of it, or no endpoint answers what the next one is asked for. Sent once for each outage;
    /// the next block that comes ends it.
    Waiting {
        /// How the link stands.
        link: Link,
        /// Why, in words.
        trouble: String,
    },
    /// A block cannot be read, and the subscription ends; subscribe again from `next`, or behind it.
    Lagged {
        /// The first block that was not delivered.
        next: BlockNumber,
        /// Why, in words.
        #[serde(default)]
        trouble: String,
        /// The oldest block from which on all can be read, where `next` is kept by no endpoint any more and an archive
        /// is wanted.
        #[serde(default)]
        oldest: Option<BlockNumber>,
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

/// What a subscriber to best blocks receives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", tag = "type")]
pub enum Best {
    /// The endpoint in use thinks this the best block. It may take the place of one of the same
    /// height, and numbers may be passed over: who is slow is told the newest alone.
    Block {
        /// The block.
        #[serde(flatten)]
        block: BlockRef,
        /// Its parent's hash.
        parent: BlockHash,
    },
    /// No block comes, because the chain is out of reach or its blocks stopped arriving. Sent once
    /// for each outage; the next block that comes ends it.
    Waiting {
        /// How the link stands.
        link: Link,
        /// Why, in words.
        trouble: String,
    },
}

/// The subscription to best blocks.
#[derive(Debug)]
pub enum SubscribeBest {}

impl Subscription for SubscribeBest {
    const NAME: &'static str = "chain_subscribeBest";
    const UNSUBSCRIBE: &'static str = "chain_unsubscribeBest";
    const NOTIFICATION: &'static str = "chain_best";
    const SUMMARY: &'static str = "Best blocks as they come: they are not final, and may be replaced";
    const ROLE: Role = Role::Read;
    type Params = Nothing;
    type Item = Best;
}

/// A block, by its number or by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a block is its number or its hash: 0 or more, or 0x and 64 hex digits")]
pub enum BlockId {
    /// Its height.
    Number(BlockNumber),
    /// Its hash.
    Hash(BlockHash),
}

/// Parameters that name one block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockParams {
    /// The block; without it, the newest finalized one.
    #[serde(default)]
    pub block: Option<BlockId>,
}

/// An extrinsic as it lies in a block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BlockExtrinsic {
    /// Its position in the block.
    pub index: u32,
    /// Its hash.
    pub hash: BlockHash,
    /// Who signed it; none for inherents and other unsigned ones.
    pub signer: Option<AccountId>,
    /// What it calls, `Pallet.call`; none where the metadata cannot tell.
    pub call: Option<String>,
    /// The arguments by name, in the form of [`Event::fields`].
    pub arguments: serde_json::Value,
    /// Whether the call succeeded; none where the block's events cannot be read.
    pub success: Option<bool>,
    /// How it failed, if it did.
    pub error: Option<String>,
    /// The fee that it paid, tip included, where the runtime tells.
    pub fee: Option<Tao>,
}

/// Reply of [`Block`]: a finalized block with everything in it, decoded by its own runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BlockReply {
    /// The block.
    #[serde(flatten)]
    pub block: BlockRef,
    /// Its parent's hash.
    pub parent: BlockHash,
    /// The time that its author wrote into it, in milliseconds since 1970.
    pub timestamp_ms: Option<u64>,
    /// The runtime that executed it; none where no endpoint can tell. Everything is then decoded by another
    /// one, which `illegible` says, and may be something else.
    pub spec_version: Option<u32>,
    /// Its extrinsics, inherents included, in order.
    pub extrinsics: Vec<BlockExtrinsic>,
    /// Its events, in order.
    pub events: Vec<Event>,
    /// What could not be decoded, in words; empty as a rule.
    pub illegible: Vec<String>,
}

/// Which events are wanted; what is left out does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventFilter {
    /// Of this pallet.
    #[serde(default)]
    pub pallet: Option<String>,
    /// Of this name.
    #[serde(default)]
    pub event: Option<String>,
    /// About this subnet, as far as the event's fields say.
    #[serde(default)]
    pub netuid: Option<NetUid>,
    /// With this account among its fields, or caused by an extrinsic that the account signed.
    #[serde(default)]
    pub account: Option<AccountId>,
}

/// Parameters of [`Events`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsParams {
    /// The block; without it, the newest finalized one.
    #[serde(default)]
    pub block: Option<BlockId>,
    /// Which of its events.
    #[serde(default)]
    pub filter: EventFilter,
}

/// Reply of [`Events`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventsReply {
    /// The block.
    #[serde(flatten)]
    pub block: BlockRef,
    /// The events that were asked for, in order.
    pub events: Vec<Event>,
    /// What of the block's events could not be read, in words: there may be more than these; empty as a rule.
    pub illegible: Vec<String>,
}

/// Parameters of [`Storage`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StorageParams {
    /// The pallet, such as `SubtensorModule`.
    #[schemars(example = &"System")]
    pub pallet: String,
    /// The item, such as `Tempo`.
    #[schemars(example = &"Number")]
    pub item: String,
    /// Its keys in order, as JSON in the form of [`Event::fields`]. Fewer than the item has list the
    /// entries below them.
    #[serde(default)]
    pub keys: Vec<serde_json::Value>,
    /// The block; without it, the newest finalized one.
    #[serde(default)]
    pub block: Option<BlockId>,
    /// The most entries that are listed.
    #[serde(default = "default_limit")]
    pub limit: u32,
}

/// The most entries of a map in one reply, whatever the limit.
pub const MOST_ENTRIES: u32 = 100_000;

fn default_limit() -> u32 {
    1000
}

/// One entry of a storage map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StorageItem {
    /// Its keys; null where the runtime hashes them one way.
    pub keys: Vec<serde_json::Value>,
    /// Its value.
    pub value: serde_json::Value,
}

/// What a storage item holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stored {
    /// One value: of the entry, or the runtime's default; null where there is neither.
    Value(serde_json::Value),
    /// Entries of a map, in the order of their hashed keys.
    Entries(Vec<StorageItem>),
}

/// Reply of [`Storage`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StorageReply {
    /// The block at which it was read.
    pub at: At,
    /// What it holds.
    #[serde(flatten)]
    pub stored: Stored,
    /// True where the map has more entries than these; left out where these are all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// Parameters of [`Constant`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConstantParams {
    /// The pallet.
    #[schemars(example = &"System")]
    pub pallet: String,
    /// The constant.
    #[schemars(example = &"SS58Prefix")]
    pub name: String,
    /// The block; without it, the newest finalized one.
    #[serde(default)]
    pub block: Option<BlockId>,
}

/// Reply of [`Constant`] and [`RuntimeApi`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ValueReply {
    /// The block at which it was read.
    pub at: At,
    /// The value, in the form of [`Event::fields`].
    pub value: serde_json::Value,
}

/// Parameters of [`RuntimeApi`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuntimeApiParams {
    /// The API, such as `SubnetInfoRuntimeApi`.
    #[schemars(example = &"SubnetRegistrationRuntimeApi")]
    pub api: String,
    /// Its method, such as `get_dynamic_info`.
    #[schemars(example = &"get_network_registration_cost")]
    pub method: String,
    /// Its arguments in order.
    #[serde(default)]
    pub arguments: Vec<serde_json::Value>,
    /// The block; without it, the newest finalized one.
    #[serde(default)]
    pub block: Option<BlockId>,
}

/// Parameters of [`Metadata`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetadataParams {
    /// One pallet or runtime API; without it, the names of all.
    #[serde(default)]
    pub name: Option<String>,
    /// The block; without it, the newest finalized one.
    #[serde(default)]
    pub block: Option<BlockId>,
}

/// Something that a runtime has, with its signature in the runtime's own type names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Described {
    /// `pallet`, `api`, `call`, `event`, `error`, `storage`, `constant` or `method`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Arguments, keys and value: `(netuid: NetUid) -> u16`.
    pub signature: String,
}

/// Reply of [`Metadata`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetadataReply {
    /// The block whose state's runtime it is.
    pub at: At,
    /// The runtime.
    pub spec_version: u32,
    /// What it has.
    pub items: Vec<Described>,
}

methods! {
    /// How the link to the chain stands: endpoints, lag, spec, features, newest finalized block
    Status = "chain_status" (Read): Nothing => ChainStatus;
    /// A finalized block with its extrinsics and events, decoded
    Block = "chain_block" (Read): BlockParams => BlockReply;
    /// The events of a finalized block
    Events = "chain_events" (Read): EventsParams => EventsReply;
    /// Any storage item by name: a value, or the entries of a map
    Storage = "chain_storage" (Read): StorageParams => StorageReply;
    /// Any constant of a pallet by name
    Constant = "chain_constant" (Read): ConstantParams => ValueReply;
    /// The answer of any runtime API by name
    RuntimeApi = "chain_runtimeApi" (Read): RuntimeApiParams => ValueReply;
    /// Looks at nodes, over connections of their own: how fast they answer, and whether they have the followed chain
    Latency = "chain_latency" (Operate): LatencyParams => LatencyReply;
    /// What the runtime has: pallets and APIs, or one of them in full
    Metadata = "chain_metadata" (Read): MetadataParams => MetadataReply;
}
