//! Exchanging a coldkey: announced by the hash of the new one, made after a delay, and stopped by a dispute.

use frame_support::{ensure, traits::tokens::Preservation};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_core::H256;
use sp_runtime::{DispatchResult, traits::SaturatedConversion};

use super::{
    AccountFlags, AutoStakeDestination, AutoStakeDestinationColdkeys, ColdkeySwapAnnouncementDelay,
    ColdkeySwapAnnouncements, ColdkeySwapDisputes, ColdkeySwapReannouncementDelay, Config, Error, Event, IdentitiesV2,
    OwnedHotkeys, Owner, Pallet, RootClaimed, StakingColdkeys, StakingColdkeysByIndex, StakingHotkeys, SubnetOwner,
    types::Tao,
};
use crate::AccountId;

/// What a first announcement costs, in rao.
const COST: Tao = 100_000_000;

impl<T: Config> Pallet<T> {
    pub(super) fn height() -> u32 {
        let block: BlockNumberFor<T> = frame_system::Pallet::<T>::block_number();
        block.saturated_into()
    }

    fn may_announce_again(announced: u32) -> bool {
        Self::height() >= announced.saturating_add(ColdkeySwapReannouncementDelay::<T>::get())
    }

    /// Announces an exchange. Until it is made, withdrawn or reset the account can do little else.
    pub(super) fn announce_exchange(coldkey: &AccountId, hash: H256) -> DispatchResult {
        match ColdkeySwapAnnouncements::<T>::get(coldkey) {
            Some((when, _)) => {
                ensure!(Self::may_announce_again(when), Error::<T>::ColdkeySwapReannouncedTooEarly);
            }
            None => Self::recycle_tao(coldkey, COST, Error::NotEnoughBalanceToPaySwapColdKey)?,
        }
        let when = Self::height().saturating_add(ColdkeySwapAnnouncementDelay::<T>::get());
        ColdkeySwapAnnouncements::<T>::insert(coldkey, (when, hash));
        Self::deposit_event(Event::ColdkeySwapAnnounced { who: coldkey.clone(), new_coldkey_hash: hash });
        Ok(())
    }

    /// Makes an announced exchange.
    pub(super) fn make_announced_exchange(old: &AccountId, new: &AccountId) -> DispatchResult {
        let (when, hash) =
            ColdkeySwapAnnouncements::<T>::get(old).ok_or(Error::<T>::ColdkeySwapAnnouncementNotFound)?;
        ensure!(!ColdkeySwapDisputes::<T>::contains_key(old), Error::<T>::ColdkeySwapDisputed);
        let announced: H256 = sp_io::hashing::blake2_256(new.as_ref()).into();
        ensure!(hash == announced, Error::<T>::AnnouncedColdkeyHashDoesNotMatch);
        ensure!(Self::height() >= when, Error::<T>::ColdkeySwapTooEarly);
        Self::exchange_coldkey(old, new)?;
        ColdkeySwapAnnouncements::<T>::remove(old);
        Ok(())
    }

    /// Exchanges a coldkey by force, for a price.
    pub(super) fn force_exchange(old: &AccountId, new: &AccountId, cost: Tao) -> DispatchResult {
        if cost > 0 {
            Self::recycle_tao(old, cost, Error::NotEnoughBalanceToPaySwapColdKey)?;
        }
        Self::exchange_coldkey(old, new)?;
        ColdkeySwapAnnouncements::<T>::remove(old);
        ColdkeySwapDisputes::<T>::remove(old);
        Ok(())
    }

    /// Stops an announced exchange until somebody with the sudo key decides.
    pub(super) fn dispute_exchange(coldkey: &AccountId) -> DispatchResult {
        ensure!(ColdkeySwapAnnouncements::<T>::contains_key(coldkey), Error::<T>::ColdkeySwapAnnouncementNotFound);
        ensure!(!ColdkeySwapDisputes::<T>::contains_key(coldkey), Error::<T>::ColdkeySwapAlreadyDisputed);
        ColdkeySwapDisputes::<T>::insert(coldkey, Self::height());
        Self::deposit_event(Event::ColdkeySwapDisputed { coldkey: coldkey.clone() });
        Ok(())
    }

    /// Forgets an announcement and its dispute.
    pub(super) fn reset_exchange(coldkey: AccountId) {
        ColdkeySwapAnnouncements::<T>::remove(&coldkey);
        ColdkeySwapDisputes::<T>::remove(&coldkey);
        Self::deposit_event(Event::ColdkeySwapReset { who: coldkey });
    }

    /// Withdraws an announcement.
    pub(super) fn withdraw_exchange(coldkey: AccountId) -> DispatchResult {
        let (when, _) =
            ColdkeySwapAnnouncements::<T>::get(&coldkey).ok_or(Error::<T>::ColdkeySwapAnnouncementNotFound)?;
        ensure!(Self::may_announce_again(when), Error::<T>::ColdkeySwapClearTooEarly);
        ColdkeySwapAnnouncements::<T>::remove(&coldkey);
        Self::deposit_event(Event::ColdkeySwapCleared { who: coldkey });
        Ok(())
    }

    /// Gives all that a coldkey has to another that has nothing. What is to be done with root dividends the new one says
    /// for itself.
    fn exchange_coldkey(old: &AccountId, new: &AccountId) -> DispatchResult {
        ensure!(StakingHotkeys::<T>::get(new).is_empty(), Error::<T>::ColdKeyAlreadyAssociated);
        ensure!(!Self::hotkey_exists(new), Error::<T>::NewColdKeyIsHotkey);
        Self::ensure_may_inherit_locks(old, new)?;
        let flags = AccountFlags::<T>::take(old);
        if flags == 0 {
            AccountFlags::<T>::remove(new);
        } else {
            AccountFlags::<T>::insert(new, flags);
        }
        if !IdentitiesV2::<T>::contains_key(new)
            && let Some(identity) = IdentitiesV2::<T>::take(old)
        {
            IdentitiesV2::<T>::insert(new, identity);
        }
        for netuid in Self::netuids() {
            Self::inherit_locks(old, new, netuid);
            if SubnetOwner::<T>::contains_key(netuid) && SubnetOwner::<T>::get(netuid) == *old {
                SubnetOwner::<T>::insert(netuid, new);
            }
            if let Some(hotkey) = AutoStakeDestination::<T>::take(old, netuid) {
                AutoStakeDestinationColdkeys::<T>::mutate(&hotkey, netuid, |all| {
                    all.retain(|coldkey| coldkey != old);
                    Self::remember(all, new);
                });
                AutoStakeDestination::<T>::insert(new, netuid, hotkey);
            }
        }
        let staking = StakingHotkeys::<T>::take(old);
        for netuid in Self::netuids() {
            for hotkey in &staking {
                let alpha = Self::stake(hotkey, old, netuid);
                if alpha != 0 {
                    Self::debit_stake(hotkey, old, netuid, alpha);
                    Self::credit_stake(hotkey, new, netuid, alpha);
                }
                // Where there is no alpha the real chain leaves what was claimed, and owes it to the new coldkey again.
                if Self::stake(hotkey, new, netuid) != 0 {
                    let claimed = RootClaimed::<T>::take((netuid, hotkey, old));
                    RootClaimed::<T>::mutate((netuid, hotkey, new), |had| *had = had.saturating_add(claimed));
                }
            }
        }
        // Hotkeys behind which there is stake come first.
        StakingHotkeys::<T>::mutate(new, |all| staking.iter().for_each(|hotkey| Self::remember(all, hotkey)));
        let owned = OwnedHotkeys::<T>::take(old);
        for hotkey in &owned {
            Owner::<T>::insert(hotkey, new);
        }
        OwnedHotkeys::<T>::insert(new, owned);
        if let Some(index) = StakingColdkeys::<T>::take(old) {
            StakingColdkeys::<T>::insert(new, index);
            StakingColdkeysByIndex::<T>::insert(index, new);
        }
        let balance = Self::spendable(old);
        if balance > 0 {
            Self::transfer(old, new, balance, Preservation::Expendable)?;
        }
        Self::deposit_event(Event::ColdkeySwapped { old_coldkey: old.clone(), new_coldkey: new.clone() });
        Ok(())
    }
}
