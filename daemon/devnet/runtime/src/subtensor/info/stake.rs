//! What a coldkey has staked, and how much of it may leave.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

use super::super::{
    AlphaDividendsPerSubnet, AutoStakeDestination, Config, Pallet, pool,
    types::{Alpha, LockState, NetUid, Tao},
};
use crate::AccountId;

/// One position.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct StakeInfo {
    pub hotkey: AccountId,
    pub coldkey: AccountId,
    pub netuid: Compact<NetUid>,
    pub stake: Compact<Alpha>,
    pub locked: Compact<u64>,
    pub emission: Compact<Alpha>,
    pub tao_emission: Compact<Tao>,
    pub drain: Compact<u64>,
    pub is_registered: bool,
}

/// What a coldkey holds on one subnet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct StakeAvailability {
    pub total: Compact<Alpha>,
    pub locked: Compact<Alpha>,
    pub available: Compact<Alpha>,
}

/// A hotkey on a subnet, as one end of a movement of stake.
pub type Place = (AccountId, NetUid);

impl<T: Config> Pallet<T> {
    fn position(hotkey: &AccountId, coldkey: &AccountId, netuid: NetUid, alpha: Alpha) -> StakeInfo {
        StakeInfo {
            hotkey: hotkey.clone(),
            coldkey: coldkey.clone(),
            netuid: Compact(netuid),
            stake: Compact(alpha),
            locked: Compact(0),
            emission: Compact(AlphaDividendsPerSubnet::<T>::get(netuid, hotkey)),
            tao_emission: Compact(0),
            drain: Compact(0),
            is_registered: Self::is_registered(netuid, hotkey),
        }
    }

    /// Every position of a coldkey that is not empty, by subnet.
    pub fn stake_info(coldkey: &AccountId) -> Vec<StakeInfo> {
        Self::positions(coldkey)
            .into_iter()
            .map(|(netuid, hotkey, alpha)| Self::position(&hotkey, coldkey, netuid, alpha))
            .collect()
    }

    /// One position, empty or not.
    pub fn stake_info_at(hotkey: &AccountId, coldkey: &AccountId, netuid: NetUid) -> StakeInfo {
        Self::position(hotkey, coldkey, netuid, Self::stake(hotkey, coldkey, netuid))
    }

    /// What a coldkey holds on each subnet and how much of that may leave: all subnets, or those named. Subnets on which
    /// it holds nothing and nothing is locked are left out. Who names more than there are is told nothing.
    pub fn stake_availability(coldkey: &AccountId, netuids: Option<&[NetUid]>) -> BTreeMap<NetUid, StakeAvailability> {
        let mut asked: BTreeSet<NetUid> = Self::netuids().into_iter().collect();
        if let Some(netuids) = netuids {
            let named: BTreeSet<NetUid> = netuids.iter().copied().collect();
            if named.len() > asked.len() {
                return BTreeMap::new();
            }
            asked.retain(|netuid| named.contains(netuid));
        }
        let mut totals: BTreeMap<NetUid, Alpha> = BTreeMap::new();
        for (netuid, _, alpha) in Self::positions(coldkey) {
            let total = totals.entry(netuid).or_default();
            *total = total.saturating_add(alpha);
        }
        asked
            .into_iter()
            .filter_map(|netuid| {
                let total = totals.get(&netuid).copied().unwrap_or(0);
                // More may be locked than there is left.
                let locked = Self::coldkey_lock(coldkey, netuid).map_or(0, |lock| lock.locked_mass);
                let available = total.saturating_sub(locked);
                let entry =
                    StakeAvailability { total: Compact(total), locked: Compact(locked), available: Compact(available) };
                (total != 0 || locked != 0).then_some((netuid, entry))
            })
            .collect()
    }

    /// The fee on moving `amount` from one place to another, in what is put in.
    pub fn stake_fee(origin: Option<&Place>, destination: Option<&Place>, amount: u64) -> Tao {
        if origin == destination {
            return 0;
        }
        match destination.or(origin) {
            Some((_, netuid)) if !Self::is_one_for_one(*netuid) => pool::fee::<T>(*netuid, amount),
            _ => 0,
        }
    }

    /// The lock of a coldkey on a subnet.
    pub fn coldkey_lock(coldkey: &AccountId, netuid: NetUid) -> Option<LockState> {
        Self::current_lock(coldkey, netuid).map(|(_, lock)| lock)
    }

    /// Where the mining income of a coldkey on a subnet is staked, if it said so.
    pub fn auto_stake_hotkey(coldkey: &AccountId, netuid: NetUid) -> Option<AccountId> {
        AutoStakeDestination::<T>::get(coldkey, netuid)
    }
}
