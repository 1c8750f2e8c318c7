//! Buying, selling and swapping alpha: which call, and within which limit. What it comes to is [`super::market`]'s
//! business.

use btd_api::{
    Alpha, AlphaAmount, Amount, Hotkey, NetUid, Tao,
    stake::{AddParams, Fill, RemoveParams, SwapParams},
    sudo::StakeBurnParams,
};
use btd_chain::{Call, ReadError, StakeInfo, Value};

use super::{
    SUBTENSOR,
    crossing::Crossing,
    holdings::{Holdings, Part},
    market::{self, Trade},
};
use crate::submit::{Draft, Ground, Need, Precondition, SubmissionError};

/// The least that may be staked or taken out (`DefaultMinStake`).
const LEAST: Tao = Tao::from_rao(2_000_000);
/// What is left for the fee where everything is staked; several times what staking costs.
const FOR_FEES: u64 = 5_000_000;

/// Buys alpha for a part of the free balance.
pub(in crate::rpc) async fn buy(ground: &Ground, params: &AddParams, hotkey: Hotkey) -> Result<Draft, SubmissionError> {
    where_started(ground, &[params.netuid], purchase(ground, params, hotkey)).await
}

/// What `drawing` a trade on `netuids` comes to, where they are all there and started. That is what the chain asks before
/// it looks at amounts, positions and prices: whoever is told of those would trade less in vain. It is looked up for what
/// is refused alone, and not where nothing is left to trade.
async fn where_started<T>(
    ground: &Ground,
    netuids: &[NetUid],
    drawing: impl Future<Output = Result<T, SubmissionError>>,
) -> Result<T, SubmissionError> {
    let drawn = drawing.await;
    if let Err(SubmissionError::Precondition(refused)) = &drawn
        && !matches!(refused, Precondition::Nothing)
    {
        for netuid in netuids {
            ground.require_subnet(*netuid).await?;
            ground.require(Need::Started(*netuid)).await?;
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
    least(ground, netuid, amount).await?;
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
    let mut started = Vec::new();
    for netuid in ground.view.netuids().await? {
        let enabled = ground.view.storage_json(SUBTENSOR, "SubtokenEnabled", &[netuid.into()]).await;
        match enabled {
            Ok(enabled) if netuid == NetUid::ROOT || enabled.as_bool().unwrap_or(true) => started.push(netuid),
            Ok(_) => {}
            // Before alpha there was nothing to start.
            Err(ReadError::Absent(_)) => started.push(netuid),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(started)
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
    where_started(ground, &[params.netuid], destruction(ground, params, hotkey)).await
}

async fn destruction(ground: &Ground, params: &StakeBurnParams, hotkey: Hotkey) -> Result<Draft, SubmissionError> {
    let (netuid, amount) = (params.netuid, params.amount);
    least(ground, netuid, amount).await?;
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
    where_started(ground, &[params.netuid], sale(ground, holdings, params, hotkey)).await
}

async fn sale(
    ground: &Ground,
    holdings: &mut Holdings,
    params: &RemoveParams,
    hotkey: Hotkey,
) -> Result<Draft, SubmissionError> {
    let netuid = params.netuid;
    let Part { alpha, stake, .. } = holdings.leaves(hotkey, netuid, params.amount)?;
    let trade = Trade::selling(ground, netuid, alpha, (params.protection, params.fill)).await?;
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
    if params.amount == AlphaAmount::All && alpha < stake {
        let stays = stake.saturating_sub(alpha);
        let sign = netuid.stake_sign();
        draft = draft.warning(format!("{sign}{stays} behind hotkey {hotkey} on subnet {netuid} stay: they are locked"));
    }
    Ok(draft.needs(Need::Subnet(netuid)).needs(Need::Started(netuid)))
}

/// Gives up all positions behind a hotkey, in one call of the chain's own that knows no limit. It passes over a
/// position that may not leave as a whole.
pub(super) async fn give_up(ground: &Ground, everything: bool, hotkey: Hotkey) -> Result<Draft, SubmissionError> {
    let holdings = Holdings::everywhere(ground).await?;
    let wanted = |stake: &&StakeInfo| Hotkey(stake.hotkey) == hotkey && (everything || stake.netuid != NetUid::ROOT);
    let held = holdings.stakes().iter().filter(wanted);
    let (held, bound): (Vec<_>, Vec<_>) = held.partition(|stake| stake.stake <= holdings.free(stake.netuid));
    let stays = |stake: &&StakeInfo| {
        let (netuid, free) = (stake.netuid, holdings.free(stake.netuid));
        let sign = netuid.stake_sign();
        format!("the {sign}{} on subnet {netuid} stay: of all on it only {sign}{free} are not locked", stake.stake)
    };
    if held.is_empty() && bound.is_empty() {
        return Err(Precondition::Nothing.into());
    }
    if held.is_empty() {
        let stays = bound.iter().map(stays).collect::<Vec<_>>().join("; ");
        let words = format!(
            "{stays}: this call takes whole positions or nothing; `stake remove` with --netuid and --amount takes a part"
        );
        return Err(Precondition::Foreseen { error: "StakeUnavailable", words }.into());
    }
    let mut worth = Tao::ZERO;
    for stake in &held {
        let tao = market::tao_for(ground, stake.netuid, stake.stake).await?;
        worth = worth.saturating_add(tao.unwrap_or(Tao::ZERO));
    }
    let (call, summary) = if everything {
        ("unstake_all", format!("Take all stake from behind hotkey {hotkey}, on every subnet and root"))
    } else {
        ("unstake_all_alpha", format!("Sell all alpha behind hotkey {hotkey}, and stake what it brings on root"))
    };
    let draft = Draft::new(Call::new(SUBTENSOR, call).arg("hotkey", hotkey), summary)
        .effect(format!("{}, about τ{worth} at the prices now", counted(held.len())))
        .warning("this call takes no limit: whatever the prices are at inclusion is what it brings");
    let draft = bound.iter().map(stays).fold(draft, Draft::warning);
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
    where_started(ground, &[origin, dest], exchange(ground, params, (hotkey, alpha))).await
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
    Ok(draft.needs(Need::Started(origin)).needs(Need::Started(dest)))
}

/// What crossing from one subnet to another by a call without a limit needs, and brings.
pub(super) async fn unbounded(
    ground: &Ground,
    draft: Draft,
    (origin, dest): (NetUid, NetUid),
    alpha: Alpha,
) -> Result<Draft, SubmissionError> {
    let draft = draft.needs(Need::Subnet(origin)).needs(Need::Subnet(dest));
    if origin == dest {
        return Ok(draft.effect("it stays on its subnet: nothing is traded"));
    }
    let draft = draft.warning(
        "this call takes no limit: whatever the prices are at inclusion are the prices; `stake swap` takes one",
    );
    let crossing = Crossing::between(ground, (origin, dest), alpha, Fill::Whole);
    let draft = where_started(ground, &[origin, dest], crossing).await?.unbounded(draft);
    Ok(draft.needs(Need::Started(origin)).needs(Need::Started(dest)))
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
    where_started(ground, &[origin, dest], async { holdings.leaves(hotkey, origin, amount) }).await
}

/// Refuses less than the least that can be staked, to which the fee comes where there is a pool.
async fn least(ground: &Ground, netuid: NetUid, amount: Tao) -> Result<(), SubmissionError> {
    let fee = if is_one_for_one(ground, netuid).await? { Tao::ZERO } else { pool_fee(ground, netuid, amount).await? };
    let least = LEAST.saturating_add(fee);
    if amount >= least {
        return Ok(());
    }
    let words = if fee == Tao::ZERO {
        format!("τ{amount} is less than the least that can be staked, τ{least}")
    } else {
        format!("τ{amount} is less than the least that can be staked, τ{least} with the pool's fee of τ{fee}")
    };
    Err(Precondition::Foreseen { error: "AmountTooLow", words }.into())
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
async fn pool_fee(ground: &Ground, netuid: NetUid, amount: Tao) -> Result<Tao, SubmissionError> {
    let fee = u128::from(amount.rao()) * u128::from(fee_rate(ground, netuid).await?) / 65_535;
    Ok(Tao::from_rao(u64::try_from(fee).unwrap_or(u64::MAX)))
}

fn limited(call: &str, limit: Tao, fill: Fill) -> Call {
    Call::new(SUBTENSOR, call).arg("limit_price", limit).arg("allow_partial", fill == Fill::Partial)
}
