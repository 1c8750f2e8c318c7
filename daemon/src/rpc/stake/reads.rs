//! What a coldkey has staked, and what becomes of what it earns.

use std::{collections::BTreeMap, sync::Arc};

use btd_api::{
    Alpha, Coldkey, Hotkey, NetUid, Tao,
    stake::{AutoStake, AutoStakes, ClaimType, ColdkeyParams, Position, Stakes},
};
use btd_chain::{Lack, ReadError, StakeInfo, Value, View};
use serde_json::Value as Json;

use super::{SUBTENSOR, account, locks};
use crate::{
    daemon::Parts,
    metagraph,
    rpc::{
        Caller, Failure, receipt,
        wallet::{together, worth},
    },
};

pub(super) async fn list(parts: Arc<Parts>, params: ColdkeyParams, _: Caller) -> Result<Stakes, Failure> {
    let coldkey = receipt::coldkey(&parts, params.wallet, params.address).await?;
    let (view, at) = receipt::view(&parts.link).await?;
    let free = view.balance(coldkey.account()).await?.free;
    let stakes = match view.stake_for_coldkey(coldkey.account()).await {
        Ok(stakes) => stakes,
        // A runtime without subnets has no stake; of one that is not described, that is not known.
        Err(ReadError::Absent(absent)) if absent.lack == Lack::Missing => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let claims = claimable(&view, coldkey, &stakes).await?;
    let subnets = view.subnets().await?;
    let price = |netuid| {
        let found = subnets.iter().find(|subnet| subnet.netuid == netuid).and_then(|subnet| subnet.price);
        if netuid == NetUid::ROOT { Some(Tao::from_rao(1_000_000_000)) } else { found }
    };
    let metagraphs = parts.metagraph.current();
    let known = metagraphs.list.as_deref();
    let mut positions: Vec<Position> = stakes.iter().map(|stake| position(stake, price(stake.netuid), known)).collect();
    for ((netuid, hotkey), claimable) in claims {
        let mut own = positions.iter_mut();
        if let Some(position) = own.find(|position| (position.netuid, position.hotkey) == (netuid, hotkey)) {
            position.claimable = claimable;
            continue;
        }
        let nothing = StakeInfo {
            hotkey: hotkey.account(),
            coldkey: coldkey.account(),
            netuid,
            stake: Alpha::ZERO,
            locked: Alpha::ZERO,
            emission: Some(Alpha::ZERO),
            tao_emission: Some(Tao::ZERO),
            is_registered: Some(false),
        };
        positions.push(Position { claimable, ..position(&nothing, price(netuid), known) });
    }
    for (netuid, lock) in locks::standings(&view, coldkey).await? {
        bear(&mut positions, netuid, &lock);
    }
    positions.sort_by_key(|position| position.netuid);
    let value = together(positions.iter().map(|position| position.value));
    Ok(Stakes { at, coldkey, free, value, positions })
}

/// Shows a lock in the positions of its subnet: that of its hotkey first, and the others for what that lacks. To the
/// chain it is a part of them all.
fn bear(positions: &mut [Position], netuid: NetUid, lock: &locks::Standing) {
    let mut rest = lock.locked;
    let mut own: Vec<&mut Position> = positions.iter_mut().filter(|position| position.netuid == netuid).collect();
    own.sort_by_key(|position| position.hotkey != lock.hotkey);
    for position in own {
        position.locked = position.stake.min(rest);
        rest = rest.saturating_sub(position.locked);
    }
}

fn position(stake: &StakeInfo, price: Option<Tao>, subnets: Option<&metagraph::List>) -> Position {
    let subnet = subnets.and_then(|list| list.subnets.get(&stake.netuid));
    // A tempo of none is never over: as the Python command line, it counts as one block.
    let tempo = subnet.map(|subnet| u64::from(subnet.tempo).max(1));
    let per_block = |rao: Option<u64>| Some(rao? / tempo?);
    Position {
        netuid: stake.netuid,
        name: subnet.map(|subnet| subnet.name.clone()).unwrap_or_default(),
        symbol: subnet.map(|subnet| subnet.symbol.clone()).unwrap_or_default(),
        hotkey: stake.hotkey.into(),
        stake: stake.stake,
        locked: stake.locked,
        price,
        value: worth(stake.stake, stake.netuid, price),
        registered: stake.is_registered,
        emission: stake.emission,
        emission_tao: stake.tao_emission,
        emission_per_block: per_block(stake.emission.map(Alpha::rao)).map(Alpha::from_rao),
        emission_tao_per_block: per_block(stake.tao_emission.map(Tao::rao)).map(Tao::from_rao),
        claimable: Alpha::ZERO,
    }
}

type Claims = BTreeMap<(NetUid, Hotkey), Alpha>;

/// Root dividends owed: for each root position the hotkey's rate on a subnet times the stake, less
/// what was claimed (`RootClaimable`, `RootClaimed`; rates are fixed point with 32 bits behind the point). A hotkey may
/// have earned on every subnet, so each item is asked for at all places at once.
async fn claimable(view: &View, coldkey: Coldkey, stakes: &[StakeInfo]) -> Result<Claims, ReadError> {
    let on_root: Vec<&StakeInfo> = stakes.iter().filter(|stake| stake.netuid == NetUid::ROOT).collect();
    let hotkeys: Vec<Vec<Value>> = on_root.iter().map(|stake| vec![stake.hotkey.into()]).collect();
    let rates = match view.storage_json_many(SUBTENSOR, "RootClaimable", &hotkeys).await {
        Ok(rates) => rates,
        Err(ReadError::Absent(_)) => return Ok(Claims::new()),
        Err(error) => return Err(error),
    };
    let earned = on_root
        .iter()
        .zip(&rates)
        .flat_map(|(stake, rates)| pairs(rates).into_iter().map(move |(netuid, rate)| (*stake, netuid, rate)));
    let earned: Vec<(&StakeInfo, NetUid, i128)> = earned.collect();
    let place = |(stake, netuid, _): &(&StakeInfo, NetUid, i128)| {
        vec![Value::from(*netuid), Value::from(stake.hotkey), Value::from(coldkey)]
    };
    let places: Vec<Vec<Value>> = earned.iter().map(place).collect();
    let claimed = view.storage_json_many(SUBTENSOR, "RootClaimed", &places).await?;
    let owing = earned.into_iter().zip(&claimed).map(|((stake, netuid, rate), claimed)| {
        let claimed: u128 = claimed.as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
        ((netuid, Hotkey(stake.hotkey)), owed(rate, stake.stake, claimed))
    });
    Ok(owing.filter(|(_, owed)| *owed > Alpha::ZERO).collect())
}

/// A map from netuid to a fixed-point number, as storage tells it.
fn pairs(rates: &Json) -> Vec<(NetUid, i128)> {
    let entry = |entry: &Json| {
        let netuid = u16::try_from(entry.get(0)?.as_u64()?).ok().map(NetUid)?;
        let number = entry.get(1)?;
        let bits = number.get("bits").unwrap_or(number).as_str()?.parse().ok()?;
        Some((netuid, bits))
    };
    rates.as_array().into_iter().flatten().filter_map(entry).collect()
}

fn owed(rate: i128, stake: Alpha, claimed: u128) -> Alpha {
    let earned = u128::try_from(rate).unwrap_or(0).saturating_mul(stake.rao().into()) >> 32;
    Alpha::from_rao(u64::try_from(earned.saturating_sub(claimed)).unwrap_or(u64::MAX))
}

pub(super) async fn auto(parts: Arc<Parts>, params: ColdkeyParams, _: Caller) -> Result<AutoStakes, Failure> {
    let coldkey = receipt::coldkey(&parts, params.wallet, params.address).await?;
    let (view, at) = receipt::view(&parts.link).await?;
    let of_coldkey = [Value::from(coldkey)];
    let entries = view.storage_entries(SUBTENSOR, "AutoStakeDestination", &of_coldkey, usize::from(u16::MAX)).await?;
    let destination = |entry: &btd_chain::StorageEntry| {
        let netuid = u16::try_from(entry.keys.get(1)?.as_u64()?).ok().map(NetUid)?;
        Some(AutoStake { netuid, hotkey: account(&entry.value)? })
    };
    let mut destinations: Vec<AutoStake> = entries.iter().filter_map(destination).collect();
    destinations.sort_by_key(|destination| destination.netuid);
    let claim = match view.storage_json(SUBTENSOR, "RootClaimType", &of_coldkey).await {
        Ok(claim) => claim_type(&claim),
        Err(ReadError::Absent(_)) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(AutoStakes { at, coldkey, destinations, claim })
}

fn claim_type(claim: &Json) -> Option<ClaimType> {
    match claim {
        Json::String(name) if name == "Swap" => Some(ClaimType::Swap),
        Json::String(name) if name == "Keep" => Some(ClaimType::Keep),
        Json::Object(variant) => {
            let subnets = variant.get("KeepSubnets")?;
            let subnets = subnets.get("subnets").unwrap_or(subnets).as_array()?;
            let netuid = |netuid: &Json| netuid.as_u64().and_then(|netuid| u16::try_from(netuid).ok()).map(NetUid);
            Some(ClaimType::KeepSubnets(subnets.iter().filter_map(netuid).collect()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dividends_are_rate_times_stake_less_what_was_claimed() {
        let half = 1_i128 << 31;
        assert_eq!(owed(half, Alpha::from_rao(1_001), 200), Alpha::from_rao(300));
        assert_eq!(owed(half, Alpha::from_rao(100), 51), Alpha::ZERO);
        assert_eq!(owed(-1, Alpha::from_rao(100), 0), Alpha::ZERO);
        let told = json!([[1, { "bits": "2147483648" }], [2, "4294967296"], ["x", "1"]]);
        assert_eq!(pairs(&told), [(NetUid(1), half), (NetUid(2), 1 << 32)]);
    }

    #[test]
    fn claim_types_are_read() {
        assert_eq!(claim_type(&json!("Swap")), Some(ClaimType::Swap));
        let kept = ClaimType::KeepSubnets(vec![NetUid(1), NetUid(3)]);
        assert_eq!(claim_type(&json!({ "KeepSubnets": { "subnets": [1, 3] } })), Some(kept.clone()));
        assert_eq!(claim_type(&json!({ "KeepSubnets": [1, 3] })), Some(kept));
        assert_eq!(claim_type(&json!("Burn")), None);
    }
}
