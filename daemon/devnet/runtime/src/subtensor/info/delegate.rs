//! Delegates: hotkeys that take stake of others, and who nominated them.

use alloc::{collections::BTreeMap, vec::Vec};

use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

use super::super::{
    AlphaV2, Config, Delegates, Emission, Owner, Pallet, SafeFloat, Tempo, TotalHotkeyAlpha, Uids, ValidatorPermit,
    fixed::U64F64,
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
    /// Who holds alpha of the hotkey, and where.
    ///
    /// As on the real chain, subnets are listed one after the other and looked up by netuid. Where netuids have gaps, the
    /// shares of a holding are valued as those of a later subnet, and holdings beyond the end of the list are left out.
    fn nominators(hotkey: &AccountId) -> Nominators {
        let mut nominators = Nominators::new();
        let listed = Self::netuids_in_storage_order();
        let shares: BTreeMap<(AccountId, NetUid), SafeFloat> = AlphaV2::<T>::iter_prefix((hotkey,)).collect();
        for ((coldkey, netuid), shares) in shares.into_iter().filter(|(_, shares)| !shares.is_zero()) {
            if let Some(place) = listed.get(usize::from(netuid)) {
                let alpha = Self::worth_of_shares(shares, hotkey, *place);
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
        let take = Delegates::<T>::get(hotkey);
        let daily = registrations.iter().fold(U64F64::default(), |sum, (netuid, uid)| {
            let emission = Emission::<T>::get(netuid).get(usize::from(*uid)).copied().unwrap_or(0);
            let epochs = U64F64::ratio(BLOCKS_PER_DAY, Tempo::<T>::get(netuid).into());
            sum.plus(U64F64::from_integer(emission).by(epochs))
        });
        let left = U64F64::ONE.minus(U64F64::ratio(take.into(), u16::MAX.into()));
        let thousands = U64F64::ratio(TotalHotkeyAlpha::<T>::get(hotkey, ROOT), 1_000 * UNIT);
        let per_1000 = daily.by(left).over(thousands);
        DelegateInfo {
            delegate_ss58: hotkey.clone(),
            take: Compact(take),
            nominators: nominators.into_iter().collect(),
            owner_ss58: Owner::<T>::get(hotkey),
            registrations: registrations.iter().map(|(netuid, _)| Compact(*netuid)).collect(),
            validator_permits: permits,
            return_per_1000: Compact(per_1000.whole()),
            total_daily_return: Compact(daily.whole()),
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

    /// The delegates that a coldkey nominated: one row for each position, without their other nominators. Shares that are
    /// worth nothing are a position too.
    pub fn delegations(coldkey: &AccountId) -> Vec<Delegation> {
        Delegates::<T>::iter_keys()
            .flat_map(|hotkey| {
                let netuids: Vec<NetUid> = AlphaV2::<T>::iter_key_prefix((&hotkey, coldkey)).collect();
                netuids.into_iter().map(move |netuid| {
                    let alpha = Self::stake(&hotkey, coldkey, netuid);
                    (Self::describe_delegate(&hotkey, Nominators::new()), (Compact(netuid), Compact(alpha)))
                })
            })
            .collect()
    }
}
