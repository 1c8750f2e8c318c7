//! Registration of a neuron by burning TAO.

use alloc::vec::Vec;

use frame_support::{
    ensure,
    traits::{
        fungible::Inspect,
        tokens::{Fortitude, Preservation},
    },
};
use sp_runtime::{DispatchError, DispatchResult};

use super::{
    Burn, Config, Error, Event, MaxAllowedUids, NetworkRegistrationAllowed, OwnedHotkeys, Owner, Pallet,
    RAORecycledForRegistration, RegistrationsThisBlock, StakingHotkeys, SubnetworkN,
    pool::Fees,
    types::{NetUid, ROOT, Tao},
};
use crate::{AccountId, swap};

impl<T: Config> Pallet<T> {
    /// What the account could spend if it were closed, in rao.
    pub(super) fn spendable(who: &AccountId) -> Tao {
        <pallet_balances::Pallet<T> as Inspect<AccountId>>::reducible_balance(
            who,
            Preservation::Expendable,
            Fortitude::Polite,
        )
    }

    /// Whether anybody has claimed the hotkey.
    pub(super) fn hotkey_exists(hotkey: &AccountId) -> bool {
        Owner::<T>::contains_key(hotkey)
    }

    /// Whether the coldkey has claimed the hotkey.
    pub(super) fn owns(coldkey: &AccountId, hotkey: &AccountId) -> bool {
        Self::hotkey_exists(hotkey) && Owner::<T>::get(hotkey) == *coldkey
    }

    /// Makes the coldkey the owner of a hotkey that has none. Does nothing to one that has.
    pub(super) fn claim_hotkey(coldkey: &AccountId, hotkey: &AccountId) -> DispatchResult {
        if Self::hotkey_exists(hotkey) {
            return Ok(());
        }
        ensure!(!Self::is_subnet_account(hotkey), Error::<T>::CannotUseSystemAccount);
        Owner::<T>::insert(hotkey, coldkey);
        OwnedHotkeys::<T>::mutate(coldkey, |hotkeys| Self::remember(hotkeys, hotkey));
        StakingHotkeys::<T>::mutate(coldkey, |hotkeys| Self::remember(hotkeys, hotkey));
        Ok(())
    }

    /// Adds the hotkey to a list unless it is there.
    pub(super) fn remember(hotkeys: &mut Vec<AccountId>, hotkey: &AccountId) {
        if !hotkeys.contains(hotkey) {
            hotkeys.push(hotkey.clone());
        }
    }

    /// Registers the hotkey on a subnet for the current burn, at most `limit` when there is one.
    pub(super) fn register_by_burn(
        coldkey: &AccountId,
        netuid: NetUid,
        hotkey: &AccountId,
        limit: Option<Tao>,
    ) -> DispatchResult {
        ensure!(netuid != ROOT, Error::<T>::RegistrationNotPermittedOnRootSubnet);
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        let burn = Burn::<T>::get(netuid);
        ensure!(limit.is_none_or(|limit| burn <= limit), Error::<T>::RegistrationPriceLimitExceeded);
        ensure!(NetworkRegistrationAllowed::<T>::get(netuid), Error::<T>::SubNetRegistrationDisabled);
        ensure!(!Self::is_registered(netuid, hotkey), Error::<T>::HotKeyAlreadyRegisteredInSubNet);
        ensure!(Self::spendable(coldkey) >= burn, Error::<T>::NotEnoughBalanceToStake);
        Self::claim_hotkey(coldkey, hotkey)?;
        ensure!(Self::owns(coldkey, hotkey), Error::<T>::NonAssociatedColdKey);
        ensure!(MaxAllowedUids::<T>::get(netuid) != 0, Error::<T>::NoNeuronIdAvailable);
        let seat = Self::seat_for_registration(netuid)?;

        Self::burn_for_registration(coldkey, netuid, burn)?;
        let uid = Self::sit(netuid, seat, hotkey);
        Self::raise_burn(netuid);
        RegistrationsThisBlock::<T>::mutate(netuid, |count| *count = count.saturating_add(1));
        Self::deposit_event(Event::NeuronRegistered(netuid, uid, hotkey.clone()));
        Ok(())
    }

    /// The uid to be taken over on a full subnet, or none where there is room.
    fn seat_for_registration(netuid: NetUid) -> Result<Option<u16>, DispatchError> {
        if SubnetworkN::<T>::get(netuid) < MaxAllowedUids::<T>::get(netuid) {
            return Ok(None);
        }
        Self::neuron_to_prune(netuid).map(Some).ok_or_else(|| Error::<T>::NoNeuronIdAvailable.into())
    }

    fn sit(netuid: NetUid, seat: Option<u16>, hotkey: &AccountId) -> u16 {
        match seat {
            Some(uid) => {
                Self::replace_neuron(netuid, uid, hotkey);
                uid
            }
            None => Self::append_neuron(netuid, hotkey),
        }
    }

    /// Gives the hotkey a uid, in place of another's where the subnet is full.
    pub(super) fn take_seat(netuid: NetUid, hotkey: &AccountId) -> Result<u16, DispatchError> {
        Ok(Self::sit(netuid, Self::seat_for_registration(netuid)?, hotkey))
    }

    /// Buys alpha for the burn and takes that alpha out of circulation.
    fn burn_for_registration(coldkey: &AccountId, netuid: NetUid, burn: Tao) -> DispatchResult {
        Self::transfer(coldkey, &Self::subnet_account(netuid), burn, Preservation::Expendable)?;
        let bought = Self::buy(netuid, burn, Fees::Charged, swap::GREATEST_PRICE)?;
        Self::recycle_alpha_of(netuid, bought.output);
        Self::record_flow(netuid, burn, i64::saturating_add);
        let total = RAORecycledForRegistration::<T>::mutate(netuid, |total| {
            *total = total.saturating_add(burn);
            *total
        });
        Self::deposit_event(Event::RAORecycledForRegistrationSet(netuid, total));
        Ok(())
    }
}
