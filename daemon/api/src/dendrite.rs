//! The noun `dendrite`: asking the axons of others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Hotkey, HotkeyName, NetUid, Uid, WalletName, method::methods};

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
    /// The deadline from connect to last byte, in milliseconds. Default 12000.
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

methods! {
    /// Asks axons for the base synapse's echo
    Ping = "dendrite_ping" (Operate): PingParams => Pings;
}
