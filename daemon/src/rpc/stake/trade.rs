//! Buying, selling and swapping alpha: which call, at which limit, and what it is likely to bring.

use btd_api::{
    Alpha, AlphaAmount, Amount, Hotkey, NetUid, Ratio, Tao,
    stake::{AddParams, Fill, Protection, RemoveParams, SwapParams},
    sudo::StakeBurnParams,
};
use btd_chain::{Call, ReadError, StakeInfo, Value};

use super::{
    SUBTENSOR,
    holdings::{Holdings, Part},
};
use crate::submit::{Draft, Ground, Need, Precondition, SubmissionError};

/// One token in rao: the price of root's alpha, and the scale of prices.
const ONE: u64 = 1_000_000_000;
/// The least that may be staked or taken out (`DefaultMinStake`).
const LEAST: Tao = Tao::from_rao(2_000_000);
/// What is left for the fee where everything is staked; several times what staking costs.
const FOR_FEES: u64 = 5_000_000;
const ROOT: NetUid = NetUid(0);

/// Buys alpha for a part of the free balance.
pub(in crate::rpc) async fn buy(ground: &Ground, params: &AddParams, hotkey: Hotkey) -> Result<Draft, SubmissionError> {
    let netuid = params.netuid;
    let amount = match params.amount {
        Amount::Exactly(amount) => amount,
        Amount::All => spendable(ground, 1).await?,
    };
    if amount < LEAST {
        return Err(too_little(amount));
    }
    let price = price(ground, netuid).await?;
    let limit = match netuid {
        ROOT => None,
        _ => limit(price, params.protection, Side::Buy),
    };
    let call = match limit {
        None => Call::new(SUBTENSOR, "add_stake"),
        Some(limit) => limited("add_stake_limit", limit, params.fill),
    };
    let call = call.arg("hotkey", hotkey).arg("netuid", netuid).arg("amount_staked", amount);
    let summary = format!("Stake τ{amount} behind hotkey {hotkey} on subnet {netuid}");
    let mut draft = Draft::new(call, summary).spends(amount);
    if netuid != ROOT {
        let quote = quote(ground, "sim_swap_tao_for_alpha", netuid, amount.rao(), "alpha_amount").await?;
        draft = bounds(draft, price, quote.map(|alpha| format!("α{}", Alpha::from_rao(alpha))), limit, params.fill);
        let trade = quote.map(|alpha| (amount.rao(), alpha));
        fits(price, trade, limit.filter(|_| params.fill == Fill::Whole), Side::Buy)?;
        draft = slipping(draft, price, trade, limit);
    }
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
            Ok(enabled) if netuid == ROOT || enabled.as_bool().unwrap_or(true) => started.push(netuid),
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
    let (netuid, amount) = (params.netuid, params.amount);
    ground.require_call(SUBTENSOR, "add_stake_burn", "nothing does both at once there: `stake add`, then burn")?;
    if amount < LEAST {
        return Err(too_little(amount));
    }
    if netuid == ROOT {
        let words = "root has no alpha that could be bought and destroyed".to_owned();
        return Err(Precondition::Foreseen { error: "CannotBurnOrRecycleOnRootSubnet", words }.into());
    }
    let price = price(ground, netuid).await?;
    let limit = limit(price, params.protection, Side::Buy);
    let call = Call::new(SUBTENSOR, "add_stake_burn")
        .arg("hotkey", hotkey)
        .arg("netuid", netuid)
        .arg("amount", amount)
        .arg("limit", Value::from(limit));
    let draft = Draft::new(call, format!("Buy alpha of subnet {netuid} for τ{amount} and destroy it")).spends(amount);
    let quote = quote(ground, "sim_swap_tao_for_alpha", netuid, amount.rao(), "alpha_amount").await?;
    let draft = bounds(draft, price, quote.map(|alpha| format!("α{}", Alpha::from_rao(alpha))), limit, Fill::Whole);
    let trade = quote.map(|alpha| (amount.rao(), alpha));
    fits(price, trade, limit, Side::Buy)?;
    let draft = slipping(draft, price, trade, limit).warning("what is bought is gone: nobody gets it");
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
    let netuid = params.netuid;
    let Part { alpha, stake, .. } = holdings.leaves(hotkey, netuid, params.amount)?;
    let price = price(ground, netuid).await?;
    let limit = match netuid {
        ROOT => None,
        _ => limit(price, params.protection, Side::Sell),
    };
    // That call names no amount: it sells all that is there.
    let is_whole = params.amount == AlphaAmount::All && alpha == stake && params.fill == Fill::Whole;
    let call = match limit {
        Some(limit) if is_whole && ground.view.runtime().has_call(SUBTENSOR, "remove_stake_full_limit") => {
            Call::new(SUBTENSOR, "remove_stake_full_limit").arg("limit_price", Value::from(Some(limit)))
        }
        Some(limit) => limited("remove_stake_limit", limit, params.fill).arg("amount_unstaked", alpha),
        None => Call::new(SUBTENSOR, "remove_stake").arg("amount_unstaked", alpha),
    };
    let call = call.arg("hotkey", hotkey).arg("netuid", netuid);
    let summary = format!("Take α{alpha} from behind hotkey {hotkey} on subnet {netuid}");
    let quote = match netuid {
        ROOT => Some(alpha.rao()),
        _ => quote(ground, "sim_swap_alpha_for_tao", netuid, alpha.rao(), "tao_amount").await?,
    };
    let mut draft = Draft::new(call, summary).receives(Tao::from_rao(quote.unwrap_or(0)));
    if netuid != ROOT {
        draft = bounds(draft, price, quote.map(|tao| format!("τ{}", Tao::from_rao(tao))), limit, params.fill);
        let trade = quote.map(|tao| (tao, alpha.rao()));
        fits(price, trade, limit.filter(|_| params.fill == Fill::Whole), Side::Sell)?;
        draft = slipping(draft, price, trade, limit);
    }
    if params.amount == AlphaAmount::All && alpha < stake {
        let stays = stake.saturating_sub(alpha);
        draft = draft.warning(format!("α{stays} behind hotkey {hotkey} on subnet {netuid} stay: they are locked"));
    }
    Ok(draft.needs(Need::Subnet(netuid)).needs(Need::Started(netuid)))
}

/// Gives up all positions behind a hotkey, in one call of the chain's own that knows no limit. It passes over a
/// position that may not leave as a whole.
pub(super) async fn give_up(ground: &Ground, everything: bool, hotkey: Hotkey) -> Result<Draft, SubmissionError> {
    let holdings = Holdings::everywhere(ground).await?;
    let wanted = |stake: &&StakeInfo| Hotkey(stake.hotkey) == hotkey && (everything || stake.netuid != ROOT);
    let held = holdings.stakes().iter().filter(wanted);
    let (held, bound): (Vec<_>, Vec<_>) = held.partition(|stake| stake.stake <= holdings.free(stake.netuid));
    let stays = |stake: &&StakeInfo| {
        let (netuid, free) = (stake.netuid, holdings.free(stake.netuid));
        format!("the α{} on subnet {netuid} stay: of all on it only α{free} are not locked", stake.stake)
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
        let tao = match stake.netuid {
            ROOT => Some(stake.stake.rao()),
            netuid => quote(ground, "sim_swap_alpha_for_tao", netuid, stake.stake.rao(), "tao_amount").await?,
        };
        worth = worth.saturating_add(Tao::from_rao(tao.unwrap_or(0)));
    }
    let (call, summary) = if everything {
        ("unstake_all", format!("Take all stake from behind hotkey {hotkey}, on every subnet and root"))
    } else {
        ("unstake_all_alpha", format!("Sell all alpha behind hotkey {hotkey}, and stake what it brings on root"))
    };
    let draft = Draft::new(Call::new(SUBTENSOR, call).arg("hotkey", hotkey), summary)
        .effect(format!("{} positions, about τ{worth} at the prices now", held.len()))
        .warning("this call takes no limit: whatever the prices are at inclusion is what it brings");
    let draft = bound.iter().map(stays).fold(draft, Draft::warning);
    Ok(if everything { draft.receives(worth) } else { draft })
}

/// Swaps alpha of one subnet for that of another.
pub(super) async fn swap(ground: &Ground, params: &SwapParams, hotkey: Hotkey) -> Result<Draft, SubmissionError> {
    let (origin, dest) = (params.origin_netuid, params.dest_netuid);
    if origin == dest {
        let words = format!("stake on subnet {origin} cannot be swapped for itself");
        return Err(Precondition::Foreseen { error: "SameNetuid", words }.into());
    }
    let alpha = part(ground, hotkey, (origin, dest), params.amount).await?.alpha;
    let (from, to) = (price(ground, origin).await?, price(ground, dest).await?);
    let ratio = Tao::from_rao(ratio(from, to));
    let limit = limit(ratio, params.protection, Side::Sell);
    let call = match limit {
        Some(limit) => limited("swap_stake_limit", limit, params.fill),
        None => Call::new(SUBTENSOR, "swap_stake"),
    };
    let call = call
        .arg("hotkey", hotkey)
        .arg("origin_netuid", origin)
        .arg("destination_netuid", dest)
        .arg("alpha_amount", alpha);
    let summary = format!("Swap α{alpha} of subnet {origin} for alpha of subnet {dest} behind hotkey {hotkey}");
    let mut draft = Draft::new(call, summary);
    if let Some(limit) = limit {
        draft = draft.effect(format!(
            "one alpha of subnet {origin} buys {ratio} of subnet {dest} now, and no less than {limit}"
        ));
    }
    across(ground, draft, (origin, dest), alpha).await
}

/// What crossing from one subnet to another by a call without a limit needs, and brings.
pub(super) async fn unbounded(
    ground: &Ground,
    draft: Draft,
    (origin, dest): (NetUid, NetUid),
    alpha: Alpha,
) -> Result<Draft, SubmissionError> {
    let draft = if origin == dest {
        draft
    } else {
        draft.warning(
            "this call takes no limit: whatever the prices are at inclusion are the prices; `stake swap` takes one",
        )
    };
    across(ground, draft, (origin, dest), alpha).await
}

/// What crossing from one subnet to another needs, and brings.
async fn across(
    ground: &Ground,
    mut draft: Draft,
    (origin, dest): (NetUid, NetUid),
    alpha: Alpha,
) -> Result<Draft, SubmissionError> {
    draft = draft.needs(Need::Subnet(origin)).needs(Need::Subnet(dest));
    if origin == dest {
        return Ok(draft.effect("it stays on its subnet: nothing is traded"));
    }
    let tao = match origin {
        ROOT => Some(alpha.rao()),
        _ => quote(ground, "sim_swap_alpha_for_tao", origin, alpha.rao(), "tao_amount").await?,
    };
    let gets = match (tao, dest) {
        (Some(tao), ROOT) => Some(tao),
        (Some(tao), _) => quote(ground, "sim_swap_tao_for_alpha", dest, tao, "alpha_amount").await?,
        (None, _) => None,
    };
    if let Some(gets) = gets {
        draft = draft.effect(format!("brings about α{} of subnet {dest}", Alpha::from_rao(gets)));
    }
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
    if origin == dest { holdings.stays(hotkey, origin, amount) } else { holdings.leaves(hotkey, origin, amount) }
}

/// The price of one alpha in rao of tao; on root alpha is tao.
pub(super) async fn price(ground: &Ground, netuid: NetUid) -> Result<Tao, SubmissionError> {
    if netuid == ROOT {
        return Ok(Tao::from_rao(ONE));
    }
    if !ground.view.subnet_exists(netuid).await? {
        return Err(Precondition::NoSuchSubnet { netuid }.into());
    }
    Ok(ground.view.price(netuid).await?)
}

/// What a trade of `amount` would bring by the pool's own reckoning; none where the runtime has none.
async fn quote(
    ground: &Ground,
    method: &str,
    netuid: NetUid,
    amount: u64,
    member: &str,
) -> Result<Option<u64>, SubmissionError> {
    let arguments = [netuid.into(), Value::from(amount)];
    match ground.view.runtime_api_json("SwapRuntimeApi", method, &arguments).await {
        Ok(result) => Ok(result.get(member).and_then(|value| value.as_str()?.parse().ok())),
        Err(ReadError::Absent(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn too_little(amount: Tao) -> SubmissionError {
    let words = format!("τ{amount} is less than the least that can be staked, τ{LEAST}");
    Precondition::Foreseen { error: "AmountTooLow", words }.into()
}

fn limited(call: &str, limit: Tao, fill: Fill) -> Call {
    Call::new(SUBTENSOR, call).arg("limit_price", limit).arg("allow_partial", fill == Fill::Partial)
}

/// Says what is likely to come, and between which prices.
fn bounds(draft: Draft, price: Tao, quote: Option<String>, limit: Option<Tao>, fill: Fill) -> Draft {
    let about = quote.map_or_else(String::new, |quote| format!("brings about {quote}, "));
    let words = match (limit, fill) {
        (Some(limit), Fill::Whole) => format!("{about}at τ{price} for one now; not at all beyond τ{limit}"),
        (Some(limit), Fill::Partial) => format!("{about}at τ{price} for one now; as much as goes up to τ{limit}"),
        (None, _) => format!("{about}at τ{price} for one now"),
    };
    let draft = draft.effect(words);
    match limit {
        Some(_) => draft,
        None => draft.warning("no limit is set: whatever the price is at inclusion is the price"),
    }
}

/// Refuses a trade that would move the price beyond its limit all by itself: the chain takes the fee
/// and does nothing. In a pool of two tokens the price ends as far beyond the average as it began
/// before it; a thousandth is left for the pool's own fee.
fn fits(price: Tao, trade: Option<(u64, u64)>, limit: Option<Tao>, side: Side) -> Result<(), SubmissionError> {
    let (Some((tao, alpha)), Some(limit)) = (trade.filter(|(_, alpha)| *alpha > 0), limit) else { return Ok(()) };
    let average = u128::from(ratio(Tao::from_rao(tao), Tao::from_rao(alpha)));
    let end = average * average / u128::from(price.rao().max(1));
    let limit_rao = u128::from(limit.rao());
    let is_beyond = match side {
        Side::Buy => end * 999 / 1000 > limit_rao,
        Side::Sell => end * 1001 / 1000 < limit_rao,
    };
    if !is_beyond {
        return Ok(());
    }
    let end = Tao::from_rao(u64::try_from(end).unwrap_or(u64::MAX));
    let words = format!(
        "the trade itself would move the price from τ{price} to about τ{end}, beyond the limit of τ{limit}: trade less, \
         allow a partial fill, or widen the tolerance"
    );
    Err(Precondition::Foreseen { error: "SlippageTooHigh", words }.into())
}

/// Warns where the trade itself moves the price by more than a hundredth, or beyond its limit.
fn slipping(draft: Draft, price: Tao, trade: Option<(u64, u64)>, limit: Option<Tao>) -> Draft {
    let Some((tao, alpha)) = trade.filter(|(_, alpha)| *alpha > 0) else { return draft };
    let real = ratio(Tao::from_rao(tao), Tao::from_rao(alpha));
    let distance = Ratio::from_parts(real.abs_diff(price.rao()), price.rao());
    if distance.billionths() > 10_000_000 {
        let beyond = if limit.is_some() { ", which may be beyond the limit" } else { "" };
        let average = Tao::from_rao(real);
        return draft.warning(format!(
            "the trade moves the price itself: τ{average} for one on average, {distance} from the price now{beyond}"
        ));
    }
    draft
}

/// On which side of a price the caller stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Buy,
    Sell,
}

/// The worst price that `protection` allows, seen from `price`; none where it allows all.
fn limit(price: Tao, protection: Protection, side: Side) -> Option<Tao> {
    let tolerance = match protection {
        Protection::None => return None,
        Protection::Limit(limit) => return Some(limit),
        Protection::Tolerance(tolerance) => tolerance.of(price.rao()),
    };
    Some(match side {
        Side::Buy => price.saturating_add(Tao::from_rao(tolerance)),
        Side::Sell => price.saturating_sub(Tao::from_rao(tolerance)),
    })
}

/// `from` divided by `to`, in billionths, rounded down.
fn ratio(from: Tao, to: Tao) -> u64 {
    let scaled = u128::from(from.rao()) * u128::from(ONE) / u128::from(to.rao().max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rao(rao: u64) -> Tao {
        Tao::from_rao(rao)
    }

    #[test]
    fn a_limit_stands_on_the_callers_side_of_the_price() {
        let tolerance = Protection::default();
        assert_eq!(limit(rao(1_000_000), tolerance, Side::Buy), Some(rao(1_005_000)));
        assert_eq!(limit(rao(1_000_000), tolerance, Side::Sell), Some(rao(995_000)));
        assert_eq!(limit(rao(1_000_000), Protection::Limit(rao(7)), Side::Sell), Some(rao(7)));
        assert_eq!(limit(rao(1_000_000), Protection::None, Side::Buy), None);
        let all = Protection::Tolerance("1".parse().unwrap());
        assert_eq!(limit(rao(5), all, Side::Sell), Some(Tao::ZERO));
        assert_eq!(limit(rao(u64::MAX), all, Side::Buy), Some(rao(u64::MAX)));
    }

    #[test]
    fn a_trade_beyond_its_own_limit_is_refused() {
        // 5 tao into a pool of 1000 and 1000: the price goes from 1 to 1.010025.
        let trade = Some((5_000_000_000, 4_975_124_378));
        let limit = |rao| Some(Tao::from_rao(rao));
        assert!(fits(rao(ONE), trade, limit(1_005_000_000), Side::Buy).is_err());
        assert!(fits(rao(ONE), trade, limit(1_011_000_000), Side::Buy).is_ok());
        assert!(fits(rao(ONE), trade, None, Side::Buy).is_ok() && fits(rao(ONE), None, limit(1), Side::Buy).is_ok());
        // 5 alpha into it: the price falls to 0.990075.
        let trade = Some((4_975_124_378, 5_000_000_000));
        assert!(fits(rao(ONE), trade, limit(995_000_000), Side::Sell).is_err());
        assert!(fits(rao(ONE), trade, limit(989_000_000), Side::Sell).is_ok());
    }

    #[test]
    fn the_ratio_of_prices_is_in_billionths() {
        assert_eq!(ratio(rao(ONE), rao(500_000_000)), 2 * ONE);
        assert_eq!(ratio(rao(1), rao(3)), 333_333_333);
        assert_eq!(ratio(rao(u64::MAX), rao(0)), u64::MAX);
    }

    #[test]
    fn a_trade_that_moves_its_price_is_warned_of() {
        let draft = || Draft::new(Call::new("a", "b"), "trade");
        assert!(slipping(draft(), rao(ONE), Some((1_005, 1_000)), None).warnings.is_empty());
        let warned = slipping(draft(), rao(ONE), Some((1_100, 1_000)), Some(rao(ONE)));
        assert!(warned.warnings[0].contains("0.1 from the price now, which may be beyond"), "{:?}", warned.warnings);
        assert!(slipping(draft(), rao(ONE), Some((1, 0)), None).warnings.is_empty());
        assert!(slipping(draft(), rao(ONE), None, None).warnings.is_empty());
    }
}
