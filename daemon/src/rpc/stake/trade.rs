//! Buying, selling and swapping alpha: which call, and within which limit. What it comes to is [`super::market`]'s
//! business.

use btd_api::{
    Alpha, AlphaAmount, Amount, Hotkey, NetUid, Tao,
    signing::Priced,
    stake::{AddParams, Fill, Protection, RemoveParams, SwapParams},
    sudo::StakeBurnParams,
};
use btd_chain::{Call, ReadError, StakeInfo, Value};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value as Json;

use super::{
    SUBTENSOR,
    crossing::Crossing,
    holdings::{Holdings, Part},
    least::{self, Remnant},
    limit,
    market::{self, Trade},
    unparted,
};
use crate::{
    rpc::root::AT_ONCE,
    submit::{Draft, Ground, Need, Precondition, SubmissionError},
};

/// What is left for the fee where everything is staked; several times what staking costs.
const FOR_FEES: u64 = 5_000_000;

/// Buys alpha for a part of the free balance.
pub(in crate::rpc) async fn buy(ground: &Ground, params: &AddParams, hotkey: Hotkey) -> Result<Draft, SubmissionError> {
    if unparted::is_so(ground) {
        return unparted::add(ground, params.netuid, (hotkey, params.amount)).await;
    }
    where_met(ground, &trading(&[params.netuid]), purchase(ground, params, hotkey)).await
}

/// What is asked of subnets that trade with each other, or with tao.
fn trading(netuids: &[NetUid]) -> Vec<Need> {
    netuids.iter().flat_map(|netuid| [Need::Subnet(*netuid), Need::Started(*netuid)]).collect()
}

/// What `drawing` a trade comes to, where its `needs` are met. Those are what the chain asks before it looks at
/// amounts, positions and prices: whoever is told of those would trade less in vain. It is looked up for what is
/// refused alone, and not where nothing is left to trade.
async fn where_met<T>(
    ground: &Ground,
    needs: &[Need],
    drawing: impl Future<Output = Result<T, SubmissionError>>,
) -> Result<T, SubmissionError> {
    let drawn = drawing.await;
    if let Err(SubmissionError::Precondition(refused)) = &drawn
        && !matches!(refused, Precondition::Nothing)
    {
        for need in needs {
            ground.require(need.clone()).await?;
        }
    }
    drawn
}

async fn purchase(ground: &Ground, params: &AddParams, hotkey: Hotkey) -> Result<Draft, SubmissionError> {
    let netuid = params.netuid;
    let amount = match params.amount {
        Amount::Exactly(amount) => amount,
        Amount::All => spendable(ground, 1).await?,
    };
    least::staked(ground, netuid, amount).await?;
    let trade = Trade::buying(ground, netuid, amount, (params.protection, params.fill)).await?;
    let call = match trade.limit() {
        None => Call::new(SUBTENSOR, "add_stake"),
        Some(limit) => limited("add_stake_limit", limit, params.fill),
    };
    let call = call.arg("hotkey", hotkey).arg("netuid", netuid).arg("amount_staked", amount);
    let summary = format!("Stake τ{amount} behind hotkey {hotkey} on subnet {netuid}");
    // The chain asks for all of it, and leaves what does not go within the limit.
    let left = amount.saturating_sub(trade.tao().unwrap_or(amount));
    let draft = trade.tell(Draft::new(call, summary).spends(amount).receives(left))?;
    Ok(draft.needs(Need::Subnet(netuid)).needs(Need::Started(netuid)).needs(Need::KnownHotkey(hotkey)))
}

/// What can be spent when everything is staked in `count` trades.
pub(super) async fn spendable(ground: &Ground, count: u64) -> Result<Tao, SubmissionError> {
    let balance = ground.view.balance(ground.actor).await?;
    let held = ground.view.existential_deposit()?.max(balance.frozen.saturating_sub(balance.reserved));
    Ok(balance.free.saturating_sub(held).saturating_sub(Tao::from_rao(FOR_FEES.saturating_mul(count))))
}

/// Root, and every subnet whose owner has started it.
pub(super) async fn started(ground: &Ground) -> Result<Vec<NetUid>, SubmissionError> {
    if unparted::is_so(ground) {
        return Ok(vec![NetUid::ROOT]);
    }
    let netuids = ground.view.netuids().await?;
    let places: Vec<Vec<Value>> = netuids.iter().map(|netuid| vec![(*netuid).into()]).collect();
    let enabled = match ground.view.storage_json_many(SUBTENSOR, "SubtokenEnabled", &places).await {
        Ok(enabled) => enabled,
        // A runtime between the two has nothing to start.
        Err(ReadError::Absent(_)) => return Ok(netuids),
        Err(error) => return Err(error.into()),
    };
    let is_started = |(netuid, enabled): &(NetUid, Json)| *netuid == NetUid::ROOT || enabled.as_bool().unwrap_or(true);
    Ok(netuids.into_iter().zip(enabled).filter(is_started).map(|(netuid, _)| netuid).collect())
}

/// Buys alpha and destroys it.
pub(in crate::rpc) async fn burn(
    ground: &Ground,
    params: &StakeBurnParams,
    hotkey: Hotkey,
) -> Result<Draft, SubmissionError> {
    ground.require_call(SUBTENSOR, "add_stake_burn", "nothing does both at once there: `stake add`, then burn")?;
    if params.netuid == NetUid::ROOT {
        let words = "root has no alpha that could be bought and destroyed".to_owned();
        return Err(Precondition::Foreseen { error: "CannotBurnOrRecycleOnRootSubnet", words }.into());
    }
    where_met(ground, &trading(&[params.netuid]), destruction(ground, params, hotkey)).await
}

async fn destruction(ground: &Ground, params: &StakeBurnParams, hotkey: Hotkey) -> Result<Draft, SubmissionError> {
    let (netuid, amount) = (params.netuid, params.amount);
    least::staked(ground, netuid, amount).await?;
    let trade = Trade::buying(ground, netuid, amount, (params.protection, Fill::Whole)).await?;
    let call = Call::new(SUBTENSOR, "add_stake_burn")
        .arg("hotkey", hotkey)
        .arg("netuid", netuid)
        .arg("amount", amount)
        .arg("limit", Value::from(trade.limit()));
    let draft = Draft::new(call, format!("Buy alpha of subnet {netuid} for τ{amount} and destroy it")).spends(amount);
    let draft = trade.tell(draft)?.warning("what is bought is gone: nobody gets it");
    Ok(draft.needs(Need::Subnet(netuid)).needs(Need::Started(netuid)).needs(Need::KnownHotkey(hotkey)))
}

/// Sells alpha into the free balance.
pub(in crate::rpc) async fn sell(
    ground: &Ground,
    params: &RemoveParams,
    hotkey: Hotkey,
) -> Result<Draft, SubmissionError> {
    if unparted::is_so(ground) {
        return unparted::remove(ground, params.netuid, (hotkey, params.amount)).await;
    }
    let mut holdings = Holdings::on(ground, params.netuid).await?;
    sell_of(ground, &mut holdings, params, hotkey).await
}

/// The same, of `holdings`, which have so much less afterwards.
pub(super) async fn sell_of(
    ground: &Ground,
    holdings: &mut Holdings,
    params: &RemoveParams,
    hotkey: Hotkey,
) -> Result<Draft, SubmissionError> {
    // Whether the subnet trades the chain asks only of a sale without a limit, which on root is each.
    let is_limited = params.netuid != NetUid::ROOT && params.protection != Protection::None;
    let needs = if is_limited { vec![Need::Subnet(params.netuid)] } else { trading(&[params.netuid]) };
    where_met(ground, &needs, sale(ground, holdings, params, hotkey)).await
}

async fn sale(
    ground: &Ground,
    holdings: &mut Holdings,
    params: &RemoveParams,
    hotkey: Hotkey,
) -> Result<Draft, SubmissionError> {
    let netuid = params.netuid;
    let Part { alpha, stake, .. } = holdings.leaving(hotkey, netuid, params.amount)?;
    let trade = Trade::selling(ground, netuid, alpha, (params.protection, params.fill)).await?;
    if alpha < stake {
        least::taken((netuid, hotkey), (params.amount, alpha), trade.tao_for_all())?;
    }
    holdings.goes(netuid, alpha);
    // That call names no amount: it sells all that is there, with what is earned until then.
    let is_whole = params.amount == AlphaAmount::All
        && alpha == stake
        && params.fill == Fill::Whole
        && ground.view.runtime().has_call(SUBTENSOR, "remove_stake_full_limit");
    let call = match trade.limit() {
        limit if is_whole => Call::new(SUBTENSOR, "remove_stake_full_limit").arg("limit_price", Value::from(limit)),
        Some(limit) => limited("remove_stake_limit", limit, params.fill).arg("amount_unstaked", alpha),
        None => Call::new(SUBTENSOR, "remove_stake").arg("amount_unstaked", alpha),
    };
    let call = call.arg("hotkey", hotkey).arg("netuid", netuid);
    let summary = format!("Take {}{alpha} from behind hotkey {hotkey} on subnet {netuid}", netuid.stake_sign());
    let draft = Draft::new(call, summary).receives(trade.tao().unwrap_or(Tao::ZERO));
    let mut draft = trade.tell(draft)?;
    if params.amount == AlphaAmount::All && alpha == stake && !is_whole {
        draft =
            draft.effect(format!("what is earned behind hotkey {hotkey} on subnet {netuid} until then stays there"));
    }
    if alpha < stake {
        let rest = stake.saturating_sub(alpha);
        // Without a limit nothing is kept back.
        let fill = trade.limit().map_or(Fill::Whole, |_| params.fill);
        let remnant = Remnant::of(ground, (netuid, hotkey), (stake, rest), trade.tao_for_all()).await?;
        draft = match remnant {
            Some(remnant) => remnant.tell(draft, fill),
            None if params.amount == AlphaAmount::All => {
                let sign = netuid.stake_sign();
                draft.warning(format!("{sign}{rest} behind hotkey {hotkey} on subnet {netuid} stay: they are locked"))
            }
            None => draft,
        };
    }
    let draft = draft.needs(Need::Subnet(netuid));
    let draft = if trade.limit().is_none() { draft.needs(Need::Started(netuid)) } else { draft };
    Ok(draft.needs(Need::ClaimedHotkey(hotkey)))
}

/// Gives up all positions behind each of `hotkeys`, in one call of the chain's own for each, that knows no limit. It
/// passes over a position that may not leave as a whole, and over one on a subnet that does not trade.
pub(super) async fn give_up(ground: &Ground, everything: bool, hotkeys: &[Hotkey]) -> Result<Draft, SubmissionError> {
    if unparted::is_so(ground) && everything {
        let drafts = unparted::remove_many(ground, hotkeys, AlphaAmount::All).await?;
        return Ok(Draft::all_of(drafts).ok_or(Precondition::Nothing)?);
    }
    let (mut holdings, trading) = (Holdings::everywhere(ground).await?, started(ground).await?);
    let (mut drafts, mut stays, mut unavailable) = (Vec::new(), Vec::new(), STAYS_CLOSED);
    for hotkey in hotkeys {
        match give_up_of(ground, (&mut holdings, &trading), everything, *hotkey).await {
            // Of several, those behind which something stands count.
            Err(SubmissionError::Precondition(Precondition::Nothing)) if hotkeys.len() > 1 => {}
            Err(SubmissionError::Precondition(Precondition::Foreseen { error, words }))
                if hotkeys.len() > 1 && [STAYS_BOUND, STAYS_CLOSED].contains(&error) =>
            {
                stays.push(words);
                unavailable = if error == STAYS_BOUND { error } else { unavailable };
            }
            draft => drafts.push(draft?),
        }
    }
    match Draft::all_of(drafts) {
        Some(draft) => Ok(stays.into_iter().fold(draft, Draft::warning)),
        None if stays.is_empty() => Err(Precondition::Nothing.into()),
        None => Err(Precondition::Foreseen { error: unavailable, words: stays.join("; ") }.into()),
    }
}

/// Why a position is not given up: a part of it may not leave, or its subnet does not trade.
const STAYS_BOUND: &str = "StakeUnavailable";
const STAYS_CLOSED: &str = "SubtokenDisabled";

/// The same of one hotkey, of `holdings`, which have so much less afterwards, on the subnets of `trading`.
async fn give_up_of(
    ground: &Ground,
    (holdings, trading): (&mut Holdings, &[NetUid]),
    everything: bool,
    hotkey: Hotkey,
) -> Result<Draft, SubmissionError> {
    let wanted = |stake: &&StakeInfo| Hotkey(stake.hotkey) == hotkey && (everything || stake.netuid != NetUid::ROOT);
    let places: Vec<StakeInfo> = holdings.stakes().iter().filter(wanted).copied().collect();
    let (open, closed): (Vec<_>, Vec<_>) = places.into_iter().partition(|stake| trading.contains(&stake.netuid));
    let (held, bound): (Vec<_>, Vec<_>) =
        open.into_iter().partition(|stake| stake.stake <= holdings.free(stake.netuid));
    let stays = |stake: &StakeInfo| {
        let (netuid, free) = (stake.netuid, holdings.free(stake.netuid));
        let sign = netuid.stake_sign();
        format!(
            "the {sign}{} on subnet {netuid} behind hotkey {hotkey} stay: of all on it only {sign}{free} may leave",
            stake.stake
        )
    };
    let is_closed = |StakeInfo { netuid, stake, .. }: &StakeInfo| {
        let sign = netuid.stake_sign();
        format!(
            "the {sign}{stake} on subnet {netuid} behind hotkey {hotkey} stay: it does not trade; `stake remove` with \
             --netuid sells them at a limit"
        )
    };
    let stays: Vec<String> = bound.iter().map(stays).chain(closed.iter().map(is_closed)).collect();
    if held.is_empty() && stays.is_empty() {
        return Err(Precondition::Nothing.into());
    }
    if held.is_empty() && bound.is_empty() {
        return Err(Precondition::Foreseen { error: STAYS_CLOSED, words: stays.join("; ") }.into());
    }
    if held.is_empty() {
        let words = format!(
            "{}: this call takes whole positions or nothing; `stake remove` with --netuid and --amount takes a part",
            stays.join("; ")
        );
        return Err(Precondition::Foreseen { error: STAYS_BOUND, words }.into());
    }
    let quotes: Vec<_> = held.iter().map(|stake| market::tao_for(ground, stake.netuid, stake.stake)).collect();
    let brought: Vec<Option<Tao>> = stream::iter(quotes).buffered(AT_ONCE).try_collect().await?;
    let worth = brought.into_iter().flatten().fold(Tao::ZERO, Tao::saturating_add);
    for stake in &held {
        holdings.goes(stake.netuid, stake.stake);
    }
    let (call, summary) = if everything {
        ("unstake_all", format!("Take all stake from behind hotkey {hotkey}, on every subnet and root"))
    } else {
        ("unstake_all_alpha", format!("Sell all alpha behind hotkey {hotkey}, and stake what it brings on root"))
    };
    let draft = Draft::new(Call::new(SUBTENSOR, call).arg("hotkey", hotkey), summary)
        .effect(format!("{}, about τ{worth} at the prices now, behind hotkey {hotkey}", counted(held.len())))
        .needs(Need::ClaimedHotkey(hotkey))
        .warning("this call takes no limit: whatever the prices are at inclusion is what it brings");
    let draft = stays.into_iter().fold(draft, Draft::warning);
    // On root there is no price.
    let sold = held.iter().map(|stake| stake.netuid).filter(|netuid| *netuid != NetUid::ROOT).map(Priced::Sold);
    let draft = sold.fold(draft, Draft::unlimited);
    Ok(if everything { draft.receives(worth) } else { draft })
}

/// So many positions, in words.
fn counted(positions: usize) -> String {
    if positions == 1 { "1 position".to_owned() } else { format!("{positions} positions") }
}

/// Swaps alpha of one subnet for that of another.
pub(super) async fn swap(ground: &Ground, params: &SwapParams, hotkey: Hotkey) -> Result<Draft, SubmissionError> {
    let (origin, dest) = (params.origin_netuid, params.dest_netuid);
    if origin == dest {
        let words = format!("stake on subnet {origin} cannot be swapped for itself");
        return Err(Precondition::Foreseen { error: "SameNetuid", words }.into());
    }
    let alpha = part(ground, hotkey, (origin, dest), params.amount).await?.alpha;
    where_met(ground, &trading(&[origin, dest]), exchange(ground, params, (hotkey, alpha))).await
}

async fn exchange(
    ground: &Ground,
    params: &SwapParams,
    (hotkey, alpha): (Hotkey, Alpha),
) -> Result<Draft, SubmissionError> {
    let (origin, dest) = (params.origin_netuid, params.dest_netuid);
    let crossing = Crossing::between(ground, (origin, dest), alpha, params.fill).await?;
    let limit = crossing.limit(ground, params.protection)?;
    let call = match limit {
        Some(limit) => limited("swap_stake_limit", limit, params.fill),
        None => Call::new(SUBTENSOR, "swap_stake"),
    };
    let call = call
        .arg("hotkey", hotkey)
        .arg("origin_netuid", origin)
        .arg("destination_netuid", dest)
        .arg("alpha_amount", alpha);
    let sold = format!("{}{alpha} of subnet {origin}", origin.stake_sign());
    let bought = if dest == NetUid::ROOT { "stake on root".to_owned() } else { format!("alpha of subnet {dest}") };
    let summary = format!("Swap {sold} for {bought} behind hotkey {hotkey}");
    let draft = crossing.within(ground, Draft::new(call, summary), limit).await?;
    let draft = draft.needs(Need::Subnet(origin)).needs(Need::Subnet(dest));
    Ok(draft.needs(Need::Started(origin)).needs(Need::Started(dest)).needs(Need::ClaimedHotkey(hotkey)))
}

/// What moving stake by a call without a limit needs, and brings: within its subnet, or across to another.
pub(super) async fn unbounded(
    ground: &Ground,
    draft: Draft,
    (origin, dest): (NetUid, NetUid),
    alpha: Alpha,
) -> Result<Draft, SubmissionError> {
    let draft = draft.needs(Need::Subnet(origin)).needs(Need::Subnet(dest));
    let draft = draft.needs(Need::Started(origin)).needs(Need::Started(dest));
    let needs = draft.needs.clone();
    let drawn = where_met(ground, &trading(&[origin, dest]), movement(ground, draft, (origin, dest), alpha)).await;
    if let Err(SubmissionError::Precondition(_)) = &drawn {
        // Whether its hotkey is known matters before how much it is.
        for need in needs {
            ground.require(need).await?;
        }
    }
    drawn
}

async fn movement(
    ground: &Ground,
    draft: Draft,
    (origin, dest): (NetUid, NetUid),
    alpha: Alpha,
) -> Result<Draft, SubmissionError> {
    if origin == dest {
        let worth = market::price(ground, origin).await?.map(|price| Tao::from_rao(limit::worth(alpha, price)));
        least::handed_over(origin, alpha, worth)?;
        return Ok(draft.effect("it stays on its subnet: nothing is traded"));
    }
    let draft = draft.warning(
        "this call takes no limit: whatever the prices are at inclusion are the prices; `stake swap` takes one",
    );
    Ok(Crossing::between(ground, (origin, dest), alpha, Fill::Whole).await?.unbounded(draft))
}

/// How much alpha of a position `amount` is, where it goes from one subnet to another, or stays on its own.
pub(super) async fn part(
    ground: &Ground,
    hotkey: Hotkey,
    (origin, dest): (NetUid, NetUid),
    amount: AlphaAmount,
) -> Result<Part, SubmissionError> {
    let mut holdings = Holdings::on(ground, origin).await?;
    if origin == dest {
        return holdings.stays(hotkey, origin, amount);
    }
    where_met(ground, &trading(&[origin, dest]), async { holdings.leaves(hotkey, origin, amount) }).await
}

/// Whether tao and alpha are the same there, and no pool is between them: on root, and where the mechanism is 0.
pub(super) async fn is_one_for_one(ground: &Ground, netuid: NetUid) -> Result<bool, SubmissionError> {
    if netuid == NetUid::ROOT {
        return Ok(true);
    }
    match ground.view.storage_json("SubtensorModule", "SubnetMechanism", &[netuid.into()]).await {
        Ok(mechanism) => Ok(mechanism.as_u64() == Some(0)),
        Err(ReadError::Absent(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// What the pool of a subnet takes of what is traded, in parts of 65535; nothing where the runtime does not tell.
pub(super) async fn fee_rate(ground: &Ground, netuid: NetUid) -> Result<u64, SubmissionError> {
    match ground.view.storage_json("Swap", "FeeRate", &[netuid.into()]).await {
        Ok(rate) => Ok(rate.as_u64().unwrap_or(0)),
        Err(ReadError::Absent(_)) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// What the pool of a subnet takes of `amount`.
pub(super) async fn pool_fee(ground: &Ground, netuid: NetUid, amount: Tao) -> Result<Tao, SubmissionError> {
    let fee = u128::from(amount.rao()) * u128::from(fee_rate(ground, netuid).await?) / 65_535;
    Ok(Tao::from_rao(u64::try_from(fee).unwrap_or(u64::MAX)))
}

fn limited(call: &str, limit: Tao, fill: Fill) -> Call {
    Call::new(SUBTENSOR, call).arg("limit_price", limit).arg("allow_partial", fill == Fill::Partial)
}
