//! The takeover of old subnets: whoever the locks on a subnet favour most becomes its owner.
//!
//! [`super::locks`] holds what a lock is and [`super::conviction`] how conviction grows out of it. Here it is added up.

use alloc::collections::BTreeMap;

use super::{
    Config, DecayingHotkeyLock, DecayingOwnerLock, Event, HotkeyLock, NetworkRegisteredAt, Owner, OwnerLock, Pallet,
    SubnetAlphaOut, SubnetOwner, SubnetOwnerHotkey,
    conviction::{Aging, Favoured, Standing},
    fixed::U64F64,
    types::NetUid,
};
use crate::AccountId;

/// Blocks after which a subnet can be taken over: a year of them.
const OLD: u64 = 2_629_800;
/// All conviction times this must reach the alpha in circulation: it is a tenth at least.
const QUORUM: u128 = 10;

impl<T: Config> Pallet<T> {
    /// What locks have earned each hotkey of a subnet by now.
    fn convictions(netuid: NetUid) -> BTreeMap<AccountId, U64F64> {
        let mut hotkeys: BTreeMap<AccountId, U64F64> = HotkeyLock::<T>::iter_key_prefix(netuid)
            .chain(DecayingHotkeyLock::<T>::iter_key_prefix(netuid))
            .map(|hotkey| (hotkey, U64F64::default()))
            .collect();
        if OwnerLock::<T>::contains_key(netuid) || DecayingOwnerLock::<T>::contains_key(netuid) {
            hotkeys.insert(SubnetOwnerHotkey::<T>::get(netuid), U64F64::default());
        }
        for (hotkey, conviction) in &mut hotkeys {
            *conviction = Self::hotkey_conviction(hotkey, netuid);
        }
        hotkeys
    }

    /// What locks have earned a hotkey in the choice of the subnet's owner.
    pub fn hotkey_conviction(hotkey: &AccountId, netuid: NetUid) -> U64F64 {
        let of = |favoured| {
            Aging::ALL.into_iter().fold(U64F64::default(), |sum, aging| {
                sum.plus(Self::sum(netuid, hotkey, Standing { favoured, aging }).conviction)
            })
        };
        let as_owner =
            if Self::favoured(netuid, hotkey) == Favoured::Owner { of(Favoured::Owner) } else { U64F64::default() };
        of(Favoured::Other).plus(as_owner)
    }

    /// The hotkey that locks favour most.
    pub fn most_convicted_hotkey(netuid: NetUid) -> Option<AccountId> {
        Self::convictions(netuid).into_iter().max_by_key(|(_, conviction)| *conviction).map(|(hotkey, _)| hotkey)
    }

    /// Gives an old subnet to the coldkey of the hotkey that locks favour most, where there is conviction enough.
    pub(super) fn hand_over_if_convinced(netuid: NetUid) {
        let out = SubnetAlphaOut::<T>::get(netuid);
        if out == 0 || Self::now() < NetworkRegisteredAt::<T>::get(netuid).saturating_add(OLD) {
            return;
        }
        let convictions = Self::convictions(netuid);
        let total = convictions.values().fold(U64F64::default(), |sum, conviction| sum.plus(*conviction));
        if total.to_bits().saturating_mul(QUORUM) < u128::from(out) << 64 {
            return;
        }
        let Some((king, _)) = convictions.into_iter().max_by_key(|(_, conviction)| *conviction) else { return };
        let (old, new) = (SubnetOwner::<T>::get(netuid), Owner::<T>::get(&king));
        if old == new || !Self::hotkey_exists(&king) {
            return;
        }
        if !Self::is_registered(netuid, &king) && Self::take_seat(netuid, &king).is_err() {
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
        for aging in Aging::ALL {
            let (own, any) =
                (Standing { favoured: Favoured::Owner, aging }, Standing { favoured: Favoured::Other, aging });
            if let Some(sum) = Self::take_sum(netuid, &owner, own) {
                let sum = Self::sum(netuid, &owner, any).with(&sum);
                Self::put_sum(netuid, &owner, any, sum);
            }
            if let Some(sum) = Self::take_sum(netuid, next, any) {
                Self::add_to_sum(netuid, next, own, &sum);
            }
        }
    }
}
