//! Delegates: hotkeys that take stake of others, and who nominated them.

use alloc::{collections::BTreeMap, vec::Vec};

use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

use super::super::{
    AlphaV2, Config, Delegates, Emission, Owner, Pallet, Tempo, TotalHotkeyAlpha, Uids, ValidatorPermit,
    types::{Alpha, NetUid, ROOT},
};
use crate::{AccountId, UNIT};

/// Blocks of a day.
const BLOCKS_PER_DAY: u64 = 7_200;

/// What one nominator holds: subnets and the alpha there.
pub type Holdings = Vec<(Compact<NetUid>, Compact<u64>)>;

/// A delegate.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct DelegateInfo {
    pub delegate_ss58: AccountId,
    pub take: Compact<u16>,
    pub nominators: Vec<(AccountId, Holdings)>,
    pub owner_ss58: AccountId,
    pub registrations: Vec<Compact<NetUid>>,
    pub validator_permits: Vec<Compact<NetUid>>,
    pub return_per_1000: Compact<u64>,
    pub total_daily_return: Compact<u64>,
}

/// A delegate and one position of the coldkey asked about.
pub type Delegation = (DelegateInfo, (Compact<NetUid>, Compact<Alpha>));

type Nominators = BTreeMap<AccountId, Holdings>;

impl<T: Config> Pallet<T> {
    fn nominators(hotkey: &AccountId) -> Nominators {
        let mut nominators = Nominators::new();
        let mut positions: Vec<(AccountId, NetUid)> =
            AlphaV2::<T>::iter_prefix((hotkey,)).map(|((coldkey, netuid), _)| (coldkey, netuid)).collect();
        positions.sort_unstable();
        for (coldkey, netuid) in positions {
            let alpha = Self::stake(hotkey, &coldkey, netuid);
            if alpha != 0 {
                nominators.entry(coldkey).or_default().push((Compact(netuid), Compact(alpha)));
            }
        }
        nominators
    }

    fn describe_delegate(hotkey: &AccountId, nominators: Nominators) -> DelegateInfo {
        let registrations: Vec<(NetUid, u16)> = Self::netuids()
            .into_iter()
            .filter_map(|netuid| Uids::<T>::get(netuid, hotkey).map(|uid| (netuid, uid)))
            .collect();
        let permits = registrations
            .iter()
            .filter(|(netuid, uid)| ValidatorPermit::<T>::get(netuid).get(usize::from(*uid)).copied().unwrap_or(false))
            .map(|(netuid, _)| Compact(*netuid))
            .collect();
        let daily = registrations.iter().fold(0_u64, |sum, (netuid, uid)| {
            let emission = Emission::<T>::get(netuid).get(usize::from(*uid)).copied().unwrap_or(0);
            let per_day = emission.saturating_mul(BLOCKS_PER_DAY).checked_div(Tempo::<T>::get(netuid).into());
            sum.saturating_add(per_day.unwrap_or(0))
        });
        let root_stake = u128::from(TotalHotkeyAlpha::<T>::get(hotkey, ROOT));
        let per_1000 = (u128::from(daily) * u128::from(1_000 * UNIT)).checked_div(root_stake).unwrap_or(0);
        DelegateInfo {
            delegate_ss58: hotkey.clone(),
            take: Compact(Delegates::<T>::get(hotkey)),
            nominators: nominators.into_iter().collect(),
            owner_ss58: Owner::<T>::get(hotkey),
            registrations: registrations.iter().map(|(netuid, _)| Compact(*netuid)).collect(),
            validator_permits: permits,
            return_per_1000: Compact(u64::try_from(per_1000).unwrap_or(u64::MAX)),
            total_daily_return: Compact(daily),
        }
    }

    /// One delegate.
    pub fn delegate(hotkey: &AccountId) -> Option<DelegateInfo> {
        Delegates::<T>::contains_key(hotkey).then(|| Self::describe_delegate(hotkey, Self::nominators(hotkey)))
    }

    /// Every delegate, in the order of storage.
    pub fn delegates() -> Vec<DelegateInfo> {
        Delegates::<T>::iter_keys().map(|hotkey| Self::describe_delegate(&hotkey, Self::nominators(&hotkey))).collect()
    }

    /// The delegates that a coldkey nominated: one row for each position, without their other nominators.
    pub fn delegations(coldkey: &AccountId) -> Vec<Delegation> {
        Delegates::<T>::iter_keys()
            .flat_map(|hotkey| {
                Self::netuids().into_iter().filter_map(move |netuid| {
                    let alpha = Self::stake(&hotkey, coldkey, netuid);
                    (alpha != 0).then(|| {
                        (Self::describe_delegate(&hotkey, Nominators::new()), (Compact(netuid), Compact(alpha)))
                    })
                })
            })
            .collect()
    }
}
