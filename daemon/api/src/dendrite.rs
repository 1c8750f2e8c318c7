//! The noun `dendrite`: asking the axons of others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    Alpha, Hotkey, HotkeyName, NetUid, Role, Subscription, Uid, WalletName, axon::Declaration, method::methods,
};

/// How to reach an axon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// HTTP/3 where the axon is known to offer it, else HTTP/1.1.
    #[default]
    Auto,
    /// HTTP/1.1 over TCP.
    Http,
    /// HTTP/3 over QUIC.
    Quic,
}

/// Parameters of [`Ping`]. The target is `uid` or `hotkey` on `netuid` (looked up in the
/// metagraph), all of `netuid`, or `address` with `hotkey`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PingParams {
    /// The wallet.
    #[serde(default)]
    pub wallet: WalletName,
    /// The hotkey to ask as: it signs the request.
    #[serde(default)]
    pub wallet_hotkey: HotkeyName,
    /// The subnet in which `uid` or `hotkey` is looked up, or all of whose axons are asked.
    #[serde(default)]
    pub netuid: Option<NetUid>,
    /// The neuron's slot.
    #[serde(default)]
    pub uid: Option<Uid>,
    /// The hotkey that should answer.
    #[serde(default)]
    pub hotkey: Option<Hotkey>,
    /// `ip:port`, in place of what the metagraph says.
    #[serde(default)]
    pub address: Option<String>,
    /// How to reach it.
    #[serde(default)]
    pub transport: Transport,
    /// The deadline from connect to last byte, in milliseconds: 1 to 1800000. Default 12000.
    #[serde(default)]
    pub timeout_ms: Option<u32>,
}

/// One axon's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PingReply {
    /// The neuron's slot, when it was looked up.
    pub uid: Option<Uid>,
    /// The hotkey that was asked.
    pub hotkey: Hotkey,
    /// `ip:port`.
    pub address: String,
    /// The transport that was used.
    pub transport: Transport,
    /// The outcome: 200, or what the protocol gives for the failure (408 timeout, 503 unreachable, 401 ...).
    pub status_code: u16,
    /// In words.
    pub status_message: String,
    /// Seconds from connect to last byte.
    pub process_time_s: f64,
}

/// Reply of [`Ping`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pings {
    /// One answer for each axon asked.
    pub replies: Vec<PingReply>,
}

/// An axon by its address. One that cannot be read is a failure of its own reply, not of the query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Axon {
    /// The hotkey that should answer, as SS58: the request is signed for it.
    #[serde(default)]
    pub hotkey: Option<String>,
    /// `ip:port`.
    pub address: String,
}

/// Which neurons of a subnet are asked. What is not said does not matter; only neurons that serve
/// are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Whether it may validate.
    #[serde(default)]
    pub validator_permit: Option<bool>,
    /// Whether it has acted lately.
    #[serde(default)]
    pub active: Option<bool>,
    /// Stake weight at least.
    #[serde(default)]
    pub min_stake: Option<Alpha>,
    /// Stake weight at most.
    #[serde(default)]
    pub max_stake: Option<Alpha>,
}

/// Parameters of [`Query`] and of [`SubscribeQuery`]. Whom to ask: `axons`, and of `netuid` the
/// `uids`, the `hotkeys`, `all`, or those that `filter` leaves. Who is named N times is asked N times; `all` and
/// `filter` add nobody who is named already.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryParams {
    /// The class of the message.
    pub synapse: Declaration,
    /// The fields of the message; those left out take their defaults.
    #[serde(default)]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub fields: Option<Box<RawValue>>,
    /// The wallet.
    #[serde(default)]
    pub wallet: WalletName,
    /// The hotkey to ask as: it signs the requests.
    #[serde(default)]
    pub wallet_hotkey: HotkeyName,
    /// Axons by address. Of an empty list there are no replies.
    #[serde(default)]
    pub axons: Option<Vec<Axon>>,
    /// The subnet whose metagraph says where neurons serve.
    #[serde(default)]
    pub netuid: Option<NetUid>,
    /// Neurons of the subnet by slot.
    #[serde(default)]
    pub uids: Vec<Uid>,
    /// Neurons of the subnet by hotkey.
    #[serde(default)]
    pub hotkeys: Vec<Hotkey>,
    /// Every neuron of the subnet that serves.
    #[serde(default)]
    pub all: bool,
    /// Every neuron of the subnet that serves and that this leaves.
    #[serde(default)]
    pub filter: Option<Filter>,
    /// How to reach them.
    #[serde(default)]
    pub transport: Transport,
    /// The deadline of each axon from connect to last byte, in milliseconds: 1 to 1800000. Default
    /// 12000.
    #[serde(default)]
    pub timeout_ms: Option<u32>,
    /// The deadline of all together, in milliseconds, 1 to 1800000: who has not answered then has
    /// timed out.
    #[serde(default)]
    pub total_timeout_ms: Option<u32>,
    /// How many axons are asked at the same time. Default 256.
    #[serde(default)]
    pub at_once: Option<u32>,
}

/// What became of the message at one axon.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct QueryReply {
    /// The neuron's slot, when it was looked up.
    pub uid: Option<Uid>,
    /// The hotkey that was asked, as SS58. One that cannot be read, or that is none, stands as it was given.
    pub hotkey: Option<String>,
    /// `ip:port`, or what was given in its place.
    pub address: String,
    /// The transport that was used.
    pub transport: Transport,
    /// The outcome: 200, or what the protocol gives for the failure. 422 too for a reply with `NaN` or
    /// `Infinity`, which Python's JSON has and this one has not, and for an axon that cannot be read.
    pub status_code: u16,
    /// In words.
    pub status_message: String,
    /// Seconds from connect to last byte.
    pub process_time_s: f64,
    /// The message after the call: what the axon made of it. Nothing in it is proven unless the
    /// transport was QUIC. None when nothing came.
    #[schemars(with = "Option<serde_json::Value>")]
    pub message: Option<Box<RawValue>>,
}

/// Reply of [`Query`].
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct QueryReplies {
    /// One reply for each axon asked, in the order in which they were named and as often.
    pub replies: Vec<QueryReply>,
}

/// What happens during a query, in the order in which it happens.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct QueryProgress {
    /// Which of the axons, counted from 0 in the order in which they were named; none for the end.
    pub index: Option<u32>,
    /// Bytes that a streaming axon sent, as text; what is not UTF-8 comes as `base64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Bytes that a streaming axon sent and that are not text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// The axon's reply: the last of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<QueryReply>,
    /// How many axons were asked: the end of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<u32>,
}

/// The subscription to a query: replies as they come, and pieces of those that stream.
#[derive(Debug)]
pub enum SubscribeQuery {}

impl Subscription for SubscribeQuery {
    const NAME: &'static str = "dendrite_subscribeQuery";
    const UNSUBSCRIBE: &'static str = "dendrite_unsubscribeQuery";
    const NOTIFICATION: &'static str = "dendrite_progress";
    const SUMMARY: &'static str = "Asks axons and tells each reply, and each piece of one that streams, as it comes";
    const ROLE: Role = Role::Operate;
    type Params = QueryParams;
    type Item = QueryProgress;
}

methods! {
    /// Sends a message of any synapse class to axons and gathers their replies
    Query = "dendrite_query" (Operate): QueryParams => QueryReplies;
    /// Asks axons for the base synapse's echo
    Ping = "dendrite_ping" (Operate): PingParams => Pings;
}
