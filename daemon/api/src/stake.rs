//! The noun `stake`: alpha behind hotkeys, what it earns, and who inherits it.

pub mod locks;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{
    Alpha, AlphaAmount, Amount, Coldkey, Hotkey, HotkeyName, HotkeyRef, NetUid, Ratio, Tao, WalletName, chain::At,
    method::methods, signing::signing_params, wallet::Receipt,
};

/// How far the price may move against the caller between planning and inclusion, as a share of it;
/// half a percent, as the Python command lines have it.
pub const USUAL_TOLERANCE: &str = "0.005";

fn usual_tolerance() -> Ratio {
    Ratio::from_billionths(5_000_000).unwrap_or_default()
}

/// What bounds the price of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// This far from the price at planning.
    Tolerance(Ratio),
    /// This price and no worse, in tao for one alpha. For a swap, origin's price over destination's.
    Limit(Tao),
    /// Whatever the price is.
    None,
}

impl Default for Protection {
    fn default() -> Self {
        Self::Tolerance(usual_tolerance())
    }
}

/// What happens where only a part can be traded within the bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fill {
    /// Nothing.
    #[default]
    Whole,
    /// That part is traded.
    Partial,
}

/// Which positions of a hotkey are given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Those on every subnet, root included, for free balance.
    #[default]
    Everything,
    /// Those on every subnet but root, where their worth is staked.
    Alpha,
}

/// Several hotkeys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Hotkeys {
    /// These.
    Only(Vec<HotkeyRef>),
    /// All of the wallet but these.
    AllBut(Vec<HotkeyRef>),
}

impl Hotkeys {
    /// Whether the hotkey of that name and address is among them.
    pub fn covers(&self, name: &HotkeyName, hotkey: Hotkey) -> bool {
        let is_it = |one: &HotkeyRef| match one {
            HotkeyRef::Name(known) => known == name,
            HotkeyRef::Address(known) => *known == hotkey,
        };
        match self {
            Self::Only(named) => named.iter().any(is_it),
            Self::AllBut(named) => !named.iter().any(is_it),
        }
    }
}

/// Several subnets. That all are meant has to be said: a list that came out empty means none of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Netuids {
    /// These, at least one.
    Only(
        #[serde(deserialize_with = "some_netuids")]
        #[schemars(length(min = 1))]
        Vec<NetUid>,
    ),
    /// Every one.
    All,
}

fn some_netuids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<NetUid>, D::Error> {
    let netuids = Vec::deserialize(deserializer)?;
    if netuids.is_empty() {
        return Err(de::Error::custom("no subnet is named: name at least one, or say `all` in place of a list"));
    }
    Ok(netuids)
}

signing_params! {
    /// Parameters of [`Add`].
    AddParams {
        /// How much tao, or `all` that can be spent.
        amount: Amount,
        /// The subnet whose alpha is bought; 0 is root, where tao stays tao.
        netuid: NetUid,
        /// Behind whom.
        #[serde(default)]
        hotkey: HotkeyRef,
        /// The wallet whose coldkey pays.
        #[serde(default)]
        wallet: WalletName,
        /// What bounds the price.
        #[serde(default)]
        protection: Protection,
        /// What happens where only a part fits the bound.
        #[serde(default)]
        fill: Fill,
    }

    /// Parameters of [`Remove`].
    RemoveParams {
        /// How much alpha, or `all` of the position.
        amount: AlphaAmount,
        /// The subnet.
        netuid: NetUid,
        /// Behind whom it is.
        #[serde(default)]
        hotkey: HotkeyRef,
        /// The wallet whose coldkey holds it.
        #[serde(default)]
        wallet: WalletName,
        /// What bounds the price.
        #[serde(default)]
        protection: Protection,
        /// What happens where only a part fits the bound.
        #[serde(default)]
        fill: Fill,
    }

    /// Parameters of [`AddMany`].
    AddManyParams {
        /// How much tao at each of them, or `all` that can be spent, in equal parts.
        amount: Amount,
        /// The subnets; `all` are root and those that have been started.
        netuids: Netuids,
        /// Behind whom, on each of the subnets.
        hotkeys: Hotkeys,
        /// The wallet whose coldkey pays.
        #[serde(default)]
        wallet: WalletName,
        /// What bounds each price.
        #[serde(default)]
        protection: Protection,
        /// What happens where only a part fits the bound.
        #[serde(default)]
        fill: Fill,
    }

    /// Parameters of [`RemoveMany`].
    RemoveManyParams {
        /// How much alpha from each position, or `all` of it.
        amount: AlphaAmount,
        /// The subnets; `all` are those on which there is stake behind these hotkeys.
        netuids: Netuids,
        /// Behind whom it is.
        hotkeys: Hotkeys,
        /// The wallet whose coldkey holds it.
        #[serde(default)]
        wallet: WalletName,
        /// What bounds each price.
        #[serde(default)]
        protection: Protection,
        /// What happens where only a part fits the bound.
        #[serde(default)]
        fill: Fill,
    }

    /// Parameters of [`RemoveAll`].
    RemoveAllParams {
        /// Behind whom it is.
        #[serde(default)]
        hotkey: HotkeyRef,
        /// Behind whom it is where it is several, in place of `hotkey`: one call of the chain's for each, all in one
        /// extrinsic.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hotkeys: Option<Hotkeys>,
        /// The wallet whose coldkey holds it.
        #[serde(default)]
        wallet: WalletName,
        /// Which positions.
        #[serde(default)]
        scope: Scope,
    }

    /// Parameters of [`Move`].
    MoveParams {
        /// How much alpha of the origin, or `all` of the position.
        amount: AlphaAmount,
        /// The subnet it comes from.
        origin_netuid: NetUid,
        /// Behind whom it shall be.
        dest_hotkey: HotkeyRef,
        /// The subnet it goes to; the origin's own without it.
        #[serde(default)]
        dest_netuid: Option<NetUid>,
        /// Behind whom it is.
        #[serde(default)]
        origin_hotkey: HotkeyRef,
        /// The wallet whose coldkey holds it.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`Swap`].
    SwapParams {
        /// How much alpha of the origin, or `all` of the position.
        amount: AlphaAmount,
        /// The subnet it comes from.
        origin_netuid: NetUid,
        /// The subnet it goes to.
        dest_netuid: NetUid,
        /// Behind whom it is and stays.
        #[serde(default)]
        hotkey: HotkeyRef,
        /// The wallet whose coldkey holds it.
        #[serde(default)]
        wallet: WalletName,
        /// What bounds the ratio of the prices.
        #[serde(default)]
        protection: Protection,
        /// What happens where only a part fits the bound.
        #[serde(default)]
        fill: Fill,
    }

    /// Parameters of [`Transfer`].
    TransferParams {
        /// How much alpha of the origin, or `all` of the position.
        amount: AlphaAmount,
        /// Whose it shall be.
        dest: Coldkey,
        /// The subnet it comes from.
        origin_netuid: NetUid,
        /// The subnet it goes to; the origin's own without it.
        #[serde(default)]
        dest_netuid: Option<NetUid>,
        /// Behind whom it is and stays.
        #[serde(default)]
        hotkey: HotkeyRef,
        /// The wallet whose coldkey holds it.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`SetAuto`].
    SetAutoParams {
        /// The subnet.
        netuid: NetUid,
        /// Behind whom what is mined there is staked.
        hotkey: HotkeyRef,
        /// The wallet whose coldkey it concerns.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`Claim`].
    ClaimParams {
        /// The subnets, one to five.
        netuids: Vec<NetUid>,
        /// The wallet whose coldkey claims.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`SetClaim`].
    SetClaimParams {
        /// What is to be done with root dividends.
        claim: ClaimChoice,
        /// The wallet whose coldkey it concerns.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`ChildSet`].
    ChildSetParams {
        /// Who inherits, at most five; none revokes all.
        children: Vec<Child>,
        /// The subnet.
        #[serde(default)]
        netuid: Option<NetUid>,
        /// Every subnet but root, in place of one; where all are revoked, those on which somebody inherits.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        all_netuids: bool,
        /// Whose stake is inherited.
        #[serde(default)]
        hotkey: HotkeyRef,
        /// The wallet whose coldkey owns the hotkey.
        #[serde(default)]
        wallet: WalletName,
    }

    /// Parameters of [`ChildTake`].
    ChildTakeParams {
        /// What the hotkey keeps of what inherited stake earns, from 0 to 0.18.
        take: Ratio,
        /// The subnet.
        #[serde(default)]
        netuid: Option<NetUid>,
        /// Every subnet but root, in place of one.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        all_netuids: bool,
        /// The hotkey.
        #[serde(default)]
        hotkey: HotkeyRef,
        /// The wallet whose coldkey owns the hotkey.
        #[serde(default)]
        wallet: WalletName,
    }
}

/// What is to be done with the dividends of root stake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimChoice {
    /// They are sold, and the tao is staked on root.
    Swap,
    /// They are kept as alpha.
    Keep,
    /// They are kept as alpha on these subnets, and sold on the others.
    KeepSubnets(Vec<NetUid>),
    /// They are sold on these subnets, and kept as alpha on the others that there are when it is planned: the chain keeps
    /// the list of those, so on a subnet that is created later they are sold.
    SwapSubnets(Vec<NetUid>),
}

/// What is done with the dividends of root stake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimType {
    /// They are sold, and the tao is staked on root.
    Swap,
    /// They are kept as alpha.
    Keep,
    /// They are kept as alpha on these subnets, and sold on the others.
    KeepSubnets(Vec<NetUid>),
}

/// Who inherits a share of a hotkey's stake weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Child {
    /// The inheriting hotkey.
    pub hotkey: Hotkey,
    /// Its share.
    pub proportion: Ratio,
}

/// Parameters that name a coldkey: a wallet's, or any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColdkeyParams {
    /// The wallet; `default` without it and without an address.
    #[serde(default)]
    pub wallet: Option<WalletName>,
    /// Any coldkey.
    #[serde(default)]
    pub address: Option<Coldkey>,
}

/// One position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Position {
    /// The subnet.
    pub netuid: NetUid,
    /// The subnet's name; empty where it has none.
    pub name: String,
    /// The symbol of its alpha.
    pub symbol: String,
    /// Behind whom.
    pub hotkey: Hotkey,
    /// How much.
    pub stake: Alpha,
    /// The part that is locked.
    pub locked: Alpha,
    /// The price of one alpha; none where it is not known.
    pub price: Option<Tao>,
    /// What the stake is worth at that price, slippage not counted; none where that is not known.
    pub value: Option<Tao>,
    /// Whether the hotkey has a place in the subnet; none where the runtime does not tell.
    pub registered: Option<bool>,
    /// What the subnet's last epoch brought the position, in alpha: that is for a whole tempo, not for one block. None
    /// where the runtime does not tell.
    pub emission: Option<Alpha>,
    /// The same, in tao.
    pub emission_tao: Option<Tao>,
    /// What that is for each block of the tempo; none where the runtime does not tell, or the tempo is not known yet.
    pub emission_per_block: Option<Alpha>,
    /// The same, in tao.
    pub emission_tao_per_block: Option<Tao>,
    /// Root dividends of the subnet that can be claimed for this position's hotkey.
    pub claimable: Alpha,
}

/// Reply of [`List`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stakes {
    /// The block at which it was read.
    pub at: At,
    /// Whose.
    pub coldkey: Coldkey,
    /// Its free balance.
    pub free: Tao,
    /// What all positions are worth together; none where that is not known of any of them.
    pub value: Option<Tao>,
    /// The positions, by subnet.
    pub positions: Vec<Position>,
}

/// Where what a coldkey mines on a subnet is staked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AutoStake {
    /// The subnet.
    pub netuid: NetUid,
    /// Behind whom.
    pub hotkey: Hotkey,
}

/// Reply of [`Auto`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AutoStakes {
    /// The block at which it was read.
    pub at: At,
    /// Whose.
    pub coldkey: Coldkey,
    /// The subnets for which a destination is set; on all others it is the mining hotkey itself.
    pub destinations: Vec<AutoStake>,
    /// What is done with root dividends; none where the runtime does not tell.
    pub claim: Option<ClaimType>,
}

/// Parameters of [`ChildGet`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChildGetParams {
    /// The subnet; all without it.
    #[serde(default)]
    pub netuid: Option<NetUid>,
    /// The hotkey.
    #[serde(default)]
    pub hotkey: HotkeyRef,
    /// The wallet, where the hotkey is named.
    #[serde(default)]
    pub wallet: WalletName,
}

/// The heirs of a hotkey on one subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Family {
    /// The subnet.
    pub netuid: NetUid,
    /// Who inherits now.
    pub children: Vec<Child>,
    /// Who will inherit in their place, and from which block on.
    pub pending: Option<Pending>,
    /// What the hotkey itself keeps of what stake that it inherits earns.
    pub take: Ratio,
}

/// Children that have been set and do not inherit yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pending {
    /// Who will inherit.
    pub children: Vec<Child>,
    /// At the first epoch from this block on.
    pub from: u64,
}

/// Reply of [`ChildGet`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Families {
    /// The block at which it was read.
    pub at: At,
    /// Whose children.
    pub hotkey: Hotkey,
    /// The subnets on which it has any, or on which they were asked for.
    pub subnets: Vec<Family>,
}

methods! {
    /// Buys a subnet's alpha with tao and stakes it behind a hotkey
    Add = "stake_add" (Spend): AddParams => Receipt;
    /// Stakes behind several hotkeys, on several subnets: all of it happens, or nothing
    AddMany = "stake_addMany" (Spend): AddManyParams => Receipt;
    /// Takes stake from several positions and sells it: all of it happens, or nothing
    RemoveMany = "stake_removeMany" (Spend): RemoveManyParams => Receipt;
    /// Takes stake from behind a hotkey and sells it for tao
    Remove = "stake_remove" (Spend): RemoveParams => Receipt;
    /// Gives up every position behind a hotkey
    RemoveAll = "stake_removeAll" (Spend): RemoveAllParams => Receipt;
    /// Moves stake behind another hotkey, and to another subnet if wanted
    Move = "stake_move" (Spend): MoveParams => Receipt;
    /// Swaps stake from one subnet to another behind the same hotkey
    Swap = "stake_swap" (Spend): SwapParams => Receipt;
    /// Gives stake to another coldkey
    Transfer = "stake_transfer" (Spend): TransferParams => Receipt;
    /// The stake of a coldkey, position by position
    List = "stake_list" (Read): ColdkeyParams => Stakes;
    /// Where what a coldkey mines is staked, and what becomes of its root dividends
    Auto = "stake_auto" (Read): ColdkeyParams => AutoStakes;
    /// Sets behind whom what a coldkey mines on a subnet is staked
    SetAuto = "stake_setAuto" (Spend): SetAutoParams => Receipt;
    /// Claims root dividends now
    Claim = "stake_claim" (Spend): ClaimParams => Receipt;
    /// Sets what is done with root dividends
    SetClaim = "stake_setClaim" (Spend): SetClaimParams => Receipt;
    /// The hotkeys that inherit from a hotkey, and its take
    ChildGet = "stake_childGet" (Read): ChildGetParams => Families;
    /// Sets the hotkeys that inherit from a hotkey
    ChildSet = "stake_childSet" (Spend): ChildSetParams => Receipt;
    /// Sets what a hotkey keeps of what inherited stake earns
    ChildTake = "stake_childTake" (Spend): ChildTakeParams => Receipt;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::AccountId;

    #[test]
    fn hotkeys_are_meant_by_name_or_by_address() {
        let (one, other): (Hotkey, Hotkey) = (Hotkey(AccountId([1; 32])), Hotkey(AccountId([2; 32])));
        let name = |name: &str| name.parse::<HotkeyName>().unwrap();
        let named = vec![HotkeyRef::Name(name("h1")), HotkeyRef::Address(one)];
        let (only, but) = (Hotkeys::Only(named.clone()), Hotkeys::AllBut(named));
        for (known, hotkey, is_meant) in [("h1", other, true), ("h2", one, true), ("h2", other, false)] {
            assert_eq!(only.covers(&name(known), hotkey), is_meant, "{known} {hotkey}");
            assert_eq!(but.covers(&name(known), hotkey), !is_meant, "{known} {hotkey}");
        }
    }

    #[test]
    fn no_subnet_is_not_every_subnet() {
        let many = |netuids: serde_json::Value| {
            let params = json!({ "amount": "all", "netuids": netuids, "hotkeys": { "all-but": [] } });
            let add = serde_json::from_value::<AddManyParams>(params.clone()).map(|params| params.netuids);
            let remove = serde_json::from_value::<RemoveManyParams>(params).map(|params| params.netuids);
            assert_eq!(add.as_ref().ok(), remove.as_ref().ok());
            remove.map_err(|error| error.to_string())
        };
        assert_eq!(many(json!("all")), Ok(Netuids::All));
        assert_eq!(many(json!({ "only": [2, 0] })), Ok(Netuids::Only(vec![NetUid(2), NetUid(0)])));
        assert!(many(json!({ "only": [] })).unwrap_err().contains("no subnet is named"));
        for other in [json!([]), json!([2]), json!(null), json!("only")] {
            assert!(many(other.clone()).is_err(), "{other}");
        }
        let left_out = json!({ "amount": "all", "hotkeys": { "all-but": [] } });
        assert!(serde_json::from_value::<RemoveManyParams>(left_out).is_err());
    }
}
