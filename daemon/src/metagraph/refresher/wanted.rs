//! What a round reads: which subnets the events and the list of subnets tell to have changed, within a budget.

use std::collections::{BTreeMap, BTreeSet};

use btd_api::{AccountId, BlockNumber, NetUid};
use btd_chain::{ReadError, View};

use super::super::{
    Metagraphs,
    policy::{BUDGET, Due, RETRY},
    pools::Pools,
    touched::{Extent, extend},
};
use crate::stamp::Stamp;

/// So many places are asked for children at the most; for more, stake counts everywhere.
const MOST_ASKED: usize = 4_096;

/// Since when stake claims are gathered in each of `netuids`: as long as before, or since what was kept
/// before this reading.
pub(super) fn claimed(before: &Metagraphs, netuids: BTreeSet<NetUid>) -> BTreeMap<NetUid, Stamp> {
    let unclaimed = |netuid: NetUid| {
        let since = before.claimed.get(&netuid).copied();
        let since = since.or_else(|| before.subnets.get(&netuid).map(|snapshot| before.true_at(snapshot)));
        Some((netuid, since?))
    };
    netuids.into_iter().filter_map(unclaimed).collect()
}

/// Adds to `wanted` what the list of all subnets tells: which are new, gone, of another size, or
/// have had an epoch. Returns those whose whole metagraph is read without an event that changed it.
pub(super) fn want_by_the_list(
    wanted: &mut BTreeMap<NetUid, Extent>,
    pools: &Pools,
    before: &Metagraphs,
    due: &Due,
    block: BlockNumber,
) -> BTreeSet<NetUid> {
    wanted.retain(|netuid, _| pools.contains(*netuid));
    let rests = |netuid: &NetUid| {
        let broken = before.broken.get(netuid);
        broken.is_some_and(|broken| block.0.saturating_sub(broken.tried.0) < RETRY)
    };
    let known = before.known();
    let ended: BTreeSet<NetUid> = pools.after_an_epoch(&known, block).filter(|netuid| !rests(netuid)).collect();
    let is_new = |netuid: &NetUid| !before.subnets.contains_key(netuid) && !rests(netuid);
    let whole = pools.of_another_size(&before.subnets).chain(pools.netuids().filter(is_new));
    for netuid in whole.chain(ended.iter().copied()) {
        extend(wanted, netuid, Extent::Whole);
    }
    ended.into_iter().chain(due.aged.iter().copied()).collect()
}

/// Takes out of `wanted` what is more than is read at one time, but for what was due before.
pub(super) fn beyond_the_budget(wanted: &mut BTreeMap<NetUid, Extent>, due: &Due) -> BTreeMap<NetUid, Extent> {
    let was_due = |netuid: &NetUid| due.subnets.iter().any(|(due, _)| due == netuid);
    let room = BUDGET.saturating_sub(due.subnets.len());
    let rest: Vec<NetUid> = wanted.keys().filter(|netuid| !was_due(netuid)).skip(room).copied().collect();
    rest.into_iter().filter_map(|netuid| wanted.remove_entry(&netuid)).collect()
}

/// Those of the subnets `among` in which the stake of any of `hotkeys` counts for somebody: where they
/// are registered, or have children. Many hotkeys, of which one coldkey may have thousands, are not
/// asked for one by one: theirs may count anywhere.
pub(super) async fn counts_where(
    view: &View,
    before: &Metagraphs,
    hotkeys: &[AccountId],
    among: &BTreeSet<NetUid>,
) -> Result<BTreeSet<NetUid>, ReadError> {
    if hotkeys.is_empty() || among.is_empty() {
        return Ok(BTreeSet::new());
    }
    let netuids: Vec<NetUid> = among.iter().copied().collect();
    if hotkeys.len().saturating_mul(netuids.len()) > MOST_ASKED {
        return Ok(netuids.into_iter().collect());
    }
    let lives = hotkeys.iter().flat_map(|hotkey| before.homes_of_hotkey(*hotkey));
    let lives = lives.filter(|netuid| among.contains(netuid));
    let children = or_none(view.subnets_with_children(hotkeys, &netuids).await)?;
    Ok(lives.chain(children).collect())
}

/// Nothing where the runtime has no such thing.
pub(super) fn or_none<T: Ord>(found: Result<BTreeSet<T>, ReadError>) -> Result<BTreeSet<T>, ReadError> {
    match found {
        Err(ReadError::Absent(_)) => Ok(BTreeSet::new()),
        found => found,
    }
}
