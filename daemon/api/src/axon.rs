//! The noun `axon`: the endpoint at which this host's neuron answers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Hotkey, HotkeyName, NetUid, WalletName, method::methods, rpc::Nothing, signing::signing_params, wallet::Receipt,
};

/// The running axon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AxonStatus {
    /// The hotkey it answers as.
    pub hotkey: Hotkey,
    /// The address it is bound to: TCP for HTTP/1.1, UDP for HTTP/3.
    pub address: String,
    /// The synapses it knows.
    pub synapses: Vec<String>,
    /// Requests by outcome since it started.
    pub requests: BTreeMap<String, u64>,
}

/// Parameters of [`Start`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartParams {
    /// The wallet.
    #[serde(default)]
    pub wallet: WalletName,
    /// The hotkey to answer as.
    #[serde(default)]
    pub hotkey: HotkeyName,
    /// The address to bind, such as `0.0.0.0:8091`; without it, the configured one.
    #[serde(default)]
    pub bind: Option<String>,
}

/// Reply of [`Stop`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stopped {
    /// The axon that was running, if any.
    pub axon: Option<AxonStatus>,
}

/// Reply of [`Status`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatusReply {
    /// The axon, when one is running.
    pub axon: Option<AxonStatus>,
}

signing_params! {
    /// Parameters of [`Set`].
    SetParams {
        /// The subnet.
        netuid: NetUid,
        /// The address under which strangers reach it.
        ip: String,
        /// The port.
        port: u16,
        /// The wallet.
        #[serde(default)]
        wallet: WalletName,
        /// The hotkey whose endpoint it is.
        #[serde(default)]
        hotkey: HotkeyName,
    }

    /// Parameters of [`Reset`].
    ResetParams {
        /// The subnet.
        netuid: NetUid,
        /// The wallet.
        #[serde(default)]
        wallet: WalletName,
        /// The hotkey whose endpoint it is.
        #[serde(default)]
        hotkey: HotkeyName,
    }
}

methods! {
    /// Starts answering synapses as a hotkey, over HTTP/1.1 and HTTP/3 on one port number
    Start = "axon_start" (Operate): StartParams => AxonStatus;
    /// Stops the axon after its requests in flight
    Stop = "axon_stop" (Operate): Nothing => Stopped;
    /// The running axon with its counters
    Status = "axon_status" (Read): Nothing => StatusReply;
    /// Publishes on chain where a hotkey serves
    Set = "axon_set" (Operate): SetParams => Receipt;
    /// Publishes on chain that a hotkey serves nowhere
    Reset = "axon_reset" (Operate): ResetParams => Receipt;
}
