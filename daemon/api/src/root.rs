//! The noun `root`: subnet 0, whose validators share in every subnet, and delegation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Alpha, AlphaAmount, Amount, BlockHash, BlockNumber, Coldkey, Hotkey, HotkeyName, HotkeyRef, NetUid, Ratio, Tao,
    TaoChange, Uid, WalletName, chain::At, method::methods, rpc::Nothing, signing::signing_params,
    stake::ColdkeyParams, wallet::Receipt,
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
        proposal: BlockHash,
        /// Whether it is a yes.
        approve: bool,
        /// Its index, which the call asks for as well; without it, what the chain has.
        #[serde(default)]
        index: Option<u32>,
        /// The wallet whose coldkey signs.
        #[serde(default)]
        wallet: WalletName,
        /// The senator's hotkey.
        #[serde(default)]
        hotkey: HotkeyName,
    }

    /// Parameters of [`Boost`] and [`Slash`].
    NudgeParams {
        /// The subnet whose weight is changed.
        netuid: NetUid,
        /// By how much of the whole row: `0.01` is a hundredth.
        amount: Ratio,
        /// The wallet.
        #[serde(default)]
        wallet: WalletName,
        /// The root validator's hotkey, which signs.
        #[serde(default)]
        hotkey: HotkeyName,
    }

    /// Parameters of [`DelegateTo`].
    DelegateParams {
        /// How much tao, or `all` that can be spent.
        amount: Amount,
        /// The delegate.
        delegate: Hotkey,
        /// The wallet whose coldkey pays.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`Undelegate`].
    UndelegateParams {
        /// How much tao, or `all`.
        amount: AlphaAmount,
        /// The delegate.
        delegate: Hotkey,
        /// The wallet whose coldkey gets it back.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`Nominate`].
    NominateParams {
        /// The wallet whose coldkey owns the hotkey.
        #[serde(default)]
        wallet: WalletName,
        /// The hotkey that becomes a delegate.
        #[serde(default)]
        hotkey: HotkeyName,
    }
}

/// A root validator's weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RootRow {
    /// Its slot.
    pub uid: Uid,
    /// The hotkey; none of a slot that is free again.
    pub hotkey: Option<Hotkey>,
    /// The subnets it gives weight to, each with its share of the row.
    pub weights: Vec<SubnetShare>,
}

/// A subnet's share of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubnetShare {
    /// The subnet.
    pub netuid: NetUid,
    /// Its share.
    pub share: Ratio,
}

/// Reply of [`GetWeights`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RootRows {
    /// The block at which it was read.
    pub at: At,
    /// Those who give weights, by slot.
    pub rows: Vec<RootRow>,
}

/// A member of the senate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Senator {
    /// The hotkey.
    pub hotkey: Hotkey,
    /// The owner's name for itself; empty where it has none.
    pub name: String,
}

/// Reply of [`Senate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Senators {
    /// The block at which it was read.
    pub at: At,
    /// The senators.
    pub senators: Vec<Senator>,
}

/// Something that the senate votes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proposal {
    /// The hash of the call.
    pub hash: BlockHash,
    /// Its number.
    pub index: u32,
    /// How many ayes it takes.
    pub threshold: u32,
    /// Who is for it.
    pub ayes: Vec<Hotkey>,
    /// Who is against it.
    pub nays: Vec<Hotkey>,
    /// The block from which on it can be closed, whatever the votes.
    pub end: BlockNumber,
    /// `Pallet.call`; empty where the chain does not keep the call.
    pub call: String,
    /// The call's arguments, as the chain's metadata names them.
    pub arguments: serde_json::Value,
}

/// Reply of [`Proposals`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProposalList {
    /// The block at which it was read.
    pub at: At,
    /// How many senators there are.
    pub seats: u32,
    /// What is open.
    pub proposals: Vec<Proposal>,
}

/// Stake behind a delegate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delegation {
    /// The delegate's hotkey.
    pub hotkey: Hotkey,
    /// Whose it is; none of a hotkey that is no delegate.
    pub owner: Option<Coldkey>,
    /// The owner's name for itself; empty where it has none.
    pub name: String,
    /// What it keeps of what others' stake earns.
    pub take: Option<Ratio>,
    /// How many coldkeys stake behind it.
    pub nominators: Option<u32>,
    /// The subnet.
    pub netuid: NetUid,
    /// The stake: tao on root, else the subnet's alpha.
    pub stake: Alpha,
    /// What the stake earns in a day as things stand, after the delegate's take; known of root alone, where the runtime
    /// tells it of a delegate. See [`Delegate::return_per_1000`].
    pub daily_return: Option<Alpha>,
    /// What its owner has behind it on root; none of a hotkey that is no delegate.
    pub own_stake: Option<Tao>,
    /// What everybody has behind it on root; none of a hotkey that is no delegate.
    pub total_stake: Option<Tao>,
    /// What a thousand tao on root behind it earn in a day; none of a hotkey that is no delegate.
    pub return_per_1000: Option<Alpha>,
    /// Where it is registered.
    pub registrations: Vec<NetUid>,
    /// Where it has a validator permit.
    pub validator_permits: Vec<NetUid>,
}

/// Reply of [`MyDelegates`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delegations {
    /// The block at which it was read.
    pub at: At,
    /// Whose stake it is.
    pub coldkey: Coldkey,
    /// Its stake behind hotkeys of others.
    pub delegations: Vec<Delegation>,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RootValidator {
    /// Its slot.
    pub uid: Uid,
    /// The hotkey.
    pub hotkey: Hotkey,
    /// Whose it is; none where the chain knows no owner.
    pub coldkey: Option<Coldkey>,
    /// Its owner's name for itself; empty where it has none.
    pub name: String,
    /// Its stake on root; all of its stake where the runtime does not part it by subnets.
    pub stake: Tao,
    /// Whether it has a seat in the senate; none where the runtime has no senate.
    pub senator: Option<bool>,
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
    /// What it keeps of what others' stake earns, or would: what has no entry of its own has the chain's usual take.
    pub take: Ratio,
    /// Whether the chain has an entry of it among its delegates, with a take of its own. Staking behind it does not make
    /// one always; registering on root and setting a take do.
    #[serde(default)]
    pub is_delegate: bool,
    /// The most that the chain allows; none where the runtime knows no bound, as that of spec 143
    /// (2024), under which a take could not be changed.
    pub most: Option<Ratio>,
}

/// The blocks over which [`Delegate::change`] is told: four hours of 12 seconds.
pub const CHANGE_BLOCKS: u32 = 1_200;

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
    /// What its owner has behind it on root; all of it where the runtime does not part stake by subnets.
    pub own_stake: Tao,
    /// What everybody has behind it on root; all of it where the runtime does not part stake by subnets.
    pub total_stake: Tao,
    /// By how much that has changed in [`CHANGE_BLOCKS`] blocks; none where no endpoint keeps what was then, and of
    /// who was no delegate.
    pub change: Option<TaoChange>,
    /// What a thousand tao on root behind it earn in a day, as the runtime reckons: after its take, and with the alpha
    /// of every subnet counted as if it were one token.
    pub return_per_1000: Alpha,
    /// What it earns in a day with all stake behind it, reckoned likewise, before its take.
    pub daily_return: Alpha,
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
    /// The weights that root validators give to subnets
    GetWeights = "root_getWeights" (Read): Nothing => RootRows;
    /// Raises the weight of a subnet among a root validator's, on runtimes that have them
    Boost = "root_boost" (Operate): NudgeParams => Receipt;
    /// Lowers the weight of a subnet among a root validator's, on runtimes that have them
    Slash = "root_slash" (Operate): NudgeParams => Receipt;
    /// The members of the senate, on runtimes that have one
    Senate = "root_senate" (Read): Nothing => Senators;
    /// What the senate votes on, on runtimes that have one
    Proposals = "root_proposals" (Read): Nothing => ProposalList;
    /// Votes on a proposal of the senate, on runtimes that have one
    SenateVote = "root_senateVote" (Spend): SenateVoteParams => Receipt;
    /// Stakes tao on root behind a delegate
    DelegateTo = "root_delegate" (Spend): DelegateParams => Receipt;
    /// Takes tao on root from behind a delegate
    Undelegate = "root_undelegate" (Spend): UndelegateParams => Receipt;
    /// A coldkey's stake behind hotkeys of others
    MyDelegates = "root_myDelegates" (Read): ColdkeyParams => Delegations;
    /// Makes a hotkey a delegate, on runtimes where that is a step of its own
    Nominate = "root_nominate" (Spend): NominateParams => Receipt;
}
