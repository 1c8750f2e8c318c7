//! The noun `subnets`: subnets, their neurons, and registration.

pub mod owning;

use std::num::NonZeroU16;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Alpha, BlockNumber, Coldkey, Hotkey, HotkeyName, MechId, NetUid, Ratio, Tao, TaoChange, Uid, WalletName,
    chain::{At, BlockId},
    method::methods,
    signing::{Receipted, signing_params},
    wallet::Receipt,
};

/// A subnet in one line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubnetSummary {
    /// Its number.
    pub netuid: NetUid,
    /// Its name.
    pub name: String,
    /// The symbol of its alpha.
    pub symbol: String,
    /// Who owns it; none where the runtime does not tell, as that of 2023 (spec 103).
    pub owner: Option<Coldkey>,
    /// How many neurons it has.
    pub neurons: u16,
    /// How many it can have.
    pub max_neurons: u16,
    /// Blocks between epochs.
    pub tempo: u16,
    /// Blocks since the last epoch.
    pub blocks_since_epoch: u64,
    /// The price of its alpha: rao of tao for one alpha; none where the runtime has no pools, or the
    /// pool has no alpha.
    pub price: Option<Tao>,
    /// Tao in its pool; none where the runtime has no pools.
    pub tao_in: Option<Tao>,
    /// Alpha in its pool; none where the runtime has no pools.
    pub alpha_in: Option<Alpha>,
    /// Alpha outside its pool: the stake; none where the runtime has no pools.
    pub alpha_out: Option<Alpha>,
    /// Tao emitted into its pool each block; none where the runtime has no pools.
    pub tao_in_emission: Option<Tao>,
    /// What registering a neuron costs now.
    pub burn: Tao,
    /// Whether neurons may register; none where the runtime does not tell.
    pub registration_allowed: Option<bool>,
    /// How many mechanisms it has, the main one among them; none where the runtime has no such thing, or where it was
    /// not told.
    pub mechanisms: Option<u8>,
    /// The moving average of the tao that flows into its pool; none where the chain keeps none. The runtime of spec 425
    /// leaves it as it was.
    pub net_inflow: Option<TaoChange>,
}

/// Parameters of [`List`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ListParams {
    /// A block of the past, which is read from the chain; without it, what btd keeps of the newest.
    pub block: Option<BlockId>,
    /// For who was just told of this block, where `block` is left out: the reply waits until what btd keeps is of it or
    /// of a later one, for five seconds at most and for no block after the newest that btd follows, and is then what
    /// there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<BlockNumber>,
}

/// Parameters of [`Metagraph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubnetMetagraphParams {
    /// The subnet.
    pub netuid: NetUid,
    /// The mechanism; 0 is the main one.
    #[serde(default)]
    pub mechid: MechId,
    /// A block of the past, which is read from the chain; without it, what btd keeps of the newest.
    #[serde(default)]
    pub block: Option<BlockId>,
    /// For who was just told of this block, where `block` is left out: the reply waits until what btd keeps is of it or
    /// of a later one, for five seconds at most and for no block after the newest that btd follows, and is then what
    /// there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<BlockNumber>,
}

/// Reply of [`List`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Subnets {
    /// The block at which it was read.
    pub at: At,
    /// The subnets, by number.
    pub subnets: Vec<SubnetSummary>,
}

/// Parameters that name one subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubnetParams {
    /// The subnet.
    pub netuid: NetUid,
    /// The block; without it, what is cached, else the newest finalized one.
    #[serde(default)]
    pub block: Option<BlockId>,
}

/// Parameters of [`Price`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceParams {
    /// One subnet; without it and `netuids`, all.
    #[serde(default)]
    pub netuid: Option<NetUid>,
    /// Several subnets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub netuids: Vec<NetUid>,
    /// The block; without it, the newest finalized one.
    #[serde(default)]
    pub block: Option<BlockId>,
}

/// What one alpha of a subnet costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubnetPrice {
    /// The subnet.
    pub netuid: NetUid,
    /// Rao of tao for one alpha; none on runtimes that do not tell.
    pub price: Option<Tao>,
}

/// Reply of [`Price`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PriceReply {
    /// The block at which it was read.
    pub at: At,
    /// The prices, by subnet.
    pub prices: Vec<SubnetPrice>,
}

/// Parameters of [`BurnCost`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BurnCostParams {
    /// The subnet on which a neuron is to be registered; without it, what a subnet itself costs, as `subnets_lockCost` does.
    #[serde(default)]
    pub netuid: Option<NetUid>,
    /// The block; without it, what is cached of a neuron's place, else the newest finalized one.
    #[serde(default)]
    pub block: Option<BlockId>,
}

/// Parameters of [`LockCost`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LockCostParams {
    /// The block; without it, the newest finalized one.
    #[serde(default)]
    pub block: Option<BlockId>,
}

/// Reply of [`BurnCost`] and [`LockCost`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CostReply {
    /// The block at which it was read.
    pub at: At,
    /// What it costs.
    pub cost: Tao,
}

/// Where a neuron says that it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AxonInfo {
    /// Its address, as text.
    pub ip: String,
    /// Its port.
    pub port: u16,
    /// The protocol version number that it published.
    pub version: u32,
    /// The block at which it published.
    pub block: u64,
}

/// A neuron of a metagraph. Scores are the chain's `u16` ratios divided by 65535.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Neuron {
    /// Its slot.
    pub uid: Uid,
    /// Its operating key.
    pub hotkey: Hotkey,
    /// Its owning key.
    pub coldkey: Coldkey,
    /// Whether it has acted lately, by the chain's activity cutoff.
    pub active: bool,
    /// Whether it may validate.
    pub validator_permit: bool,
    /// Stake weight: alpha, and root tao times the chain's tao weight. In alpha.
    pub stake: Alpha,
    /// Alpha staked to it on this subnet, parents and children counted; none where the runtime has no
    /// alpha.
    pub alpha_stake: Option<Alpha>,
    /// Tao staked to it on root, parents and children counted.
    pub tao_stake: Tao,
    /// Rank; none where the runtime does not compute it any more.
    pub rank: Option<f64>,
    /// Trust; none where the runtime does not compute it any more.
    pub trust: Option<f64>,
    /// Consensus.
    pub consensus: f64,
    /// Incentive.
    pub incentive: f64,
    /// Dividends.
    pub dividends: f64,
    /// Validator trust; none where the runtime does not keep it.
    pub validator_trust: Option<f64>,
    /// Alpha earned in the last epoch.
    pub emission: Alpha,
    /// The block of its last weights.
    pub last_update: u64,
    /// The block at which it registered.
    pub registered_at: u64,
    /// Where it serves; none when it never said.
    pub axon: Option<AxonInfo>,
    /// The name in its coldkey's identity.
    pub identity: Option<String>,
}

/// Reply of [`Metagraph`]: one subnet with all its neurons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetagraphReply {
    /// The block of which the neurons are true: the newest that was followed, whether or not anything
    /// happened to them in it. An earlier one while claims of root dividends on them are gathered, or stake that an
    /// older runtime changes without an event.
    pub at: At,
    /// The block at which the subnet's own figures were read: pools and prices move with every block.
    pub subnet_at: At,
    /// The subnet in one line.
    pub subnet: SubnetSummary,
    /// Its neurons, by uid.
    pub neurons: Vec<Neuron>,
}

/// Reply of [`Show`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    /// The block at which it was read.
    pub at: At,
    /// The subnet in one line.
    pub subnet: SubnetSummary,
}

/// One hyperparameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hyperparameter {
    /// Its name, as the chain gives it.
    pub name: String,
    /// Its raw value: a number, a truth value, or decimal text above 2^53.
    pub value: serde_json::Value,
}

/// Reply of [`Hyperparameters`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HyperparametersReply {
    /// The block at which it was read.
    pub at: At,
    /// The subnet.
    pub netuid: NetUid,
    /// Its hyperparameters, in the chain's order.
    pub hyperparameters: Vec<Hyperparameter>,
}

signing_params! {
    /// Parameters of [`Register`].
    RegisterParams {
        /// The subnet.
        netuid: NetUid,
        /// The wallet whose coldkey pays.
        #[serde(default)]
        wallet: WalletName,
        /// The hotkey that becomes a neuron.
        #[serde(default)]
        hotkey: HotkeyName,
        /// The most that registering may cost; without it, what it costs now and half a percent more.
        #[serde(default)]
        max_cost: Option<Tao>,
        /// In place of `max_cost`: how far the price may rise from what it is when the order is planned.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tolerance: Option<Ratio>,
    }
}

signing_params! {
    /// Parameters of [`PowRegister`].
    PowRegisterParams {
        /// The subnet.
        netuid: NetUid,
        /// The wallet whose coldkey owns the hotkey.
        #[serde(default)]
        wallet: WalletName,
        /// The hotkey that becomes a neuron.
        #[serde(default)]
        hotkey: HotkeyName,
        /// On how many of the daemon's processors the work is done; all without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        processors: Option<NonZeroU16>,
    }
}

/// Reply of [`Register`] and [`PowRegister`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Registered {
    /// The slot that the neuron got; none before it stands in a block. While that is not final, it may come to be
    /// another.
    pub uid: Option<Uid>,
    /// The block since which the neuron is registered.
    pub registered_at: Option<BlockNumber>,
    /// What was planned, and what became of it.
    #[serde(flatten)]
    pub receipt: Receipt,
}

impl Receipted for Registered {
    fn receipt(&self) -> &Receipt {
        &self.receipt
    }
}

methods! {
    /// Every subnet in one line
    List = "subnets_list" (Read): ListParams => Subnets;
    /// One subnet with all its neurons, as they are in one of its mechanisms: of now from what btd keeps warm
    Metagraph = "subnets_metagraph" (Read): SubnetMetagraphParams => MetagraphReply;
    /// One subnet in one line, without its neurons
    Show = "subnets_show" (Read): SubnetParams => Shown;
    /// The hyperparameters of a subnet
    Hyperparameters = "subnets_hyperparameters" (Read): SubnetParams => HyperparametersReply;
    /// What one alpha costs, of one subnet or of all
    Price = "subnets_price" (Read): PriceParams => PriceReply;
    /// What registering a neuron on a subnet costs; without one, what a subnet itself costs, as `subnets_lockCost`
    BurnCost = "subnets_burnCost" (Read): BurnCostParams => CostReply;
    /// What a new subnet costs
    LockCost = "subnets_lockCost" (Read): LockCostParams => CostReply;
    /// Registers a hotkey on a subnet for its current price
    Register = "subnets_register" (Spend): RegisterParams => Registered;
    /// Registers a hotkey on a subnet for a proof of work, on runtimes and subnets that take it
    PowRegister = "subnets_powRegister" (Spend): PowRegisterParams => Registered;
}
