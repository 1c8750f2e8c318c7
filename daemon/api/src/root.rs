//! The noun `root`: subnet 0, whose validators share in every subnet, and delegation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Coldkey, Hotkey, HotkeyName, HotkeyRef, NetUid, Ratio, Tao, Uid, WalletName, chain::At, method::methods,
    rpc::Nothing, signing::signing_params, wallet::Receipt,
};

signing_params! {
    /// Parameters of [`Register`].
    RegisterParams {
        /// The wallet whose coldkey signs.
        #[serde(default)]
        wallet: WalletName,
        /// The hotkey that gets a place on root.
        #[serde(default)]
        hotkey: HotkeyName,
    }

    /// Parameters of [`SetTake`].
    SetTakeParams {
        /// What the hotkey keeps of what others' stake earns, from 0 to 0.18.
        take: Ratio,
        /// The hotkey.
        #[serde(default)]
        hotkey: HotkeyRef,
        /// The wallet whose coldkey owns it.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`Weights`].
    WeightsParams {
        /// The subnets, each with its weight.
        weights: Vec<SubnetWeight>,
        /// The wallet.
        #[serde(default)]
        wallet: WalletName,
        /// The root validator's hotkey, which signs.
        #[serde(default)]
        hotkey: HotkeyName,
        /// The version key.
        #[serde(default)]
        version_key: u64,
    }

    /// Parameters of [`SenateVote`].
    SenateVoteParams {
        /// The proposal's hash.
        proposal: crate::BlockHash,
        /// Its index, which the call asks for as well.
        index: u32,
        /// Whether it is a yes.
        approve: bool,
        /// The wallet whose coldkey signs.
        #[serde(default)]
        wallet: WalletName,
        /// The senator's hotkey.
        #[serde(default)]
        hotkey: HotkeyName,
    }
}

/// What a root validator thinks of a subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubnetWeight {
    /// The subnet.
    pub netuid: NetUid,
    /// Its weight; the largest is scaled to 65535.
    pub weight: u16,
}

/// A place on root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RootValidator {
    /// Its slot.
    pub uid: Uid,
    /// The hotkey.
    pub hotkey: Hotkey,
    /// Whose it is.
    pub coldkey: Coldkey,
    /// Its stake on root.
    pub stake: Tao,
}

/// Reply of [`List`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RootValidators {
    /// The block at which it was read.
    pub at: At,
    /// The validators, by slot.
    pub validators: Vec<RootValidator>,
}

/// Parameters of [`GetTake`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GetTakeParams {
    /// The hotkey.
    pub hotkey: HotkeyRef,
    /// The wallet, where the hotkey is named.
    pub wallet: WalletName,
}

/// Reply of [`GetTake`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Take {
    /// The block at which it was read.
    pub at: At,
    /// The hotkey.
    pub hotkey: Hotkey,
    /// What it keeps of what others' stake earns.
    pub take: Ratio,
    /// The most that the chain allows.
    pub most: Ratio,
}

/// Somebody to stake behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delegate {
    /// The hotkey.
    pub hotkey: Hotkey,
    /// Whose it is.
    pub owner: Coldkey,
    /// The owner's name for itself; empty where it has none.
    pub name: String,
    /// What it keeps of what others' stake earns.
    pub take: Ratio,
    /// How many coldkeys stake behind it.
    pub nominators: u32,
    /// Where it is registered.
    pub registrations: Vec<NetUid>,
    /// Where it has a validator permit.
    pub validator_permits: Vec<NetUid>,
}

/// Reply of [`Delegates`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DelegatesReply {
    /// The block at which it was read.
    pub at: At,
    /// The delegates, those with most nominators first.
    pub delegates: Vec<Delegate>,
}

methods! {
    /// The validators of root
    List = "root_list" (Read): Nothing => RootValidators;
    /// Registers a hotkey on root
    Register = "root_register" (Spend): RegisterParams => Receipt;
    /// Everybody to stake behind
    Delegates = "root_listDelegates" (Read): Nothing => DelegatesReply;
    /// What a hotkey keeps of what others' stake earns
    GetTake = "root_getTake" (Read): GetTakeParams => Take;
    /// Sets what a hotkey keeps of what others' stake earns
    SetTake = "root_setTake" (Spend): SetTakeParams => Receipt;
    /// Sets a root validator's weights over subnets, on runtimes that have them
    Weights = "root_weights" (Operate): WeightsParams => Receipt;
    /// Votes on a proposal of the senate, on runtimes that have one
    SenateVote = "root_senateVote" (Spend): SenateVoteParams => Receipt;
}
