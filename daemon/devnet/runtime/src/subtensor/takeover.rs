//! The takeover of old subnets: whoever the locks on a subnet favour most becomes its owner.
//!
//! [`super::locks`] holds what a lock is and how conviction grows out of it. Here it is added up.

use alloc::collections::BTreeMap;

use super::{
    Config, DecayingHotkeyLock, DecayingOwnerLock, Event, HotkeyLock, LockingColdkeys, NetworkRegisteredAt, Owner,
    OwnerLock, Pallet, SubnetAlphaOut, SubnetOwner, SubnetOwnerHotkey,
    fixed::U64F64,
    locks::times,
    types::{LockState, NetUid},
};
use crate::AccountId;

/// Blocks after which a subnet can be taken over: a year of them.
const OLD: u64 = 2_629_800;
/// All conviction times this must reach the alpha in circulation: it is a tenth at least.
const QUORUM: u128 = 10;

impl<T: Config> Pallet<T> {
    /// What locks have earned each hotkey of a subnet by now.
    fn convictions(netuid: NetUid) -> BTreeMap<AccountId, U64F64> {
        let mut all: BTreeMap<AccountId, U64F64> = BTreeMap::new();
        for (hotkey, coldkey) in LockingColdkeys::<T>::iter_key_prefix((netuid,)) {
            if let Some((_, lock)) = Self::current_lock(&coldkey, netuid).filter(|(locked, _)| *locked == hotkey) {
                let sum = all.entry(hotkey).or_default();
                *sum = sum.plus(lock.conviction);
            }
        }
        all
    }

    /// What locks have earned a hotkey in the choice of the subnet's owner.
    pub fn hotkey_conviction(hotkey: &AccountId, netuid: NetUid) -> U64F64 {
        LockingColdkeys::<T>::iter_key_prefix((netuid, hotkey))
            .filter_map(|coldkey| Self::current_lock(&coldkey, netuid))
            .filter(|(locked, _)| locked == hotkey)
            .fold(U64F64::default(), |sum, (_, lock)| sum.plus(lock.conviction))
    }

    /// The hotkey that locks favour most.
    pub fn most_convicted_hotkey(netuid: NetUid) -> Option<AccountId> {
        Self::convictions(netuid).into_iter().max_by_key(|(_, conviction)| *conviction).map(|(hotkey, _)| hotkey)
    }

    /// Gives an old subnet to the coldkey of the hotkey that locks favour most, where there is conviction enough.
    pub(super) fn hand_over_if_convinced(netuid: NetUid) {
        if Self::now().saturating_sub(NetworkRegisteredAt::<T>::get(netuid)) <= OLD {
            return;
        }
        let convictions = Self::convictions(netuid);
        let total = convictions.values().fold(U64F64::default(), |sum, conviction| sum.plus(*conviction));
        if total.to_bits().saturating_mul(QUORUM) < u128::from(SubnetAlphaOut::<T>::get(netuid)) << 64 {
            return;
        }
        let Some((king, _)) = convictions.into_iter().max_by_key(|(_, conviction)| *conviction) else { return };
        let (old, new) = (SubnetOwner::<T>::get(netuid), Owner::<T>::get(&king));
        if old == new {
            return;
        }
        Self::rank_locks(netuid, &king);
        SubnetOwner::<T>::insert(netuid, &new);
        SubnetOwnerHotkey::<T>::insert(netuid, &king);
        Self::deposit_event(Event::SubnetOwnerChanged { netuid, old_coldkey: old, new_coldkey: new });
    }

    /// Keeps what is locked for the owner's hotkey altogether as that of any other, and that of the next one as its own.
    fn rank_locks(netuid: NetUid, next: &AccountId) {
        let owner = SubnetOwnerHotkey::<T>::get(netuid);
        let any = |sum: LockState| LockState { conviction: U64F64::default(), ..sum };
        let own = |sum: LockState| LockState { conviction: times(U64F64::ONE, sum.locked_mass), ..sum };
        if let Some(sum) = OwnerLock::<T>::take(netuid) {
            HotkeyLock::<T>::insert(netuid, &owner, any(sum));
        }
        if let Some(sum) = DecayingOwnerLock::<T>::take(netuid) {
            DecayingHotkeyLock::<T>::insert(netuid, &owner, any(sum));
        }
        OwnerLock::<T>::set(netuid, HotkeyLock::<T>::take(netuid, next).map(own));
        DecayingOwnerLock::<T>::set(netuid, DecayingHotkeyLock::<T>::take(netuid, next).map(own));
    }
}
