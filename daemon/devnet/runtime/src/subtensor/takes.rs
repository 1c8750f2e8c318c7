//! The share a delegate keeps of what its nominators earn.

use frame_support::ensure;
use sp_runtime::DispatchResult;

use super::{
    Config, Delegates, Error, Event, LastRateLimitedBlock, MaxDelegateTake, MinDelegateTake, Pallet,
    TxDelegateTakeRateLimit, types::RateLimitKey,
};
use crate::AccountId;

impl<T: Config> Pallet<T> {
    /// Whether the coldkey may set a take for the hotkey at all.
    pub(super) fn check_take(coldkey: &AccountId, hotkey: &AccountId, take: u16) -> Result<(), Error<T>> {
        ensure!(take >= MinDelegateTake::<T>::get(), Error::DelegateTakeTooLow);
        ensure!(take <= MaxDelegateTake::<T>::get(), Error::DelegateTakeTooHigh);
        ensure!(Self::hotkey_exists(hotkey), Error::HotKeyAccountNotExists);
        ensure!(Self::owns(coldkey, hotkey), Error::NonAssociatedColdKey);
        Ok(())
    }

    fn store_take(hotkey: &AccountId, take: u16) {
        Delegates::<T>::insert(hotkey, take);
        LastRateLimitedBlock::<T>::insert(RateLimitKey::LastTxBlockDelegateTake(hotkey.clone()), Self::now());
    }

    /// Lowers the take.
    pub(super) fn lower_take(coldkey: &AccountId, hotkey: &AccountId, take: u16) -> DispatchResult {
        Self::check_take(coldkey, hotkey, take)?;
        ensure!(
            !Delegates::<T>::contains_key(hotkey) || take < Delegates::<T>::get(hotkey),
            Error::<T>::DelegateTakeTooLow
        );
        Self::store_take(hotkey, take);
        Self::deposit_event(Event::TakeDecreased(coldkey.clone(), hotkey.clone(), take));
        Ok(())
    }

    /// Raises the take, which may happen only so often.
    pub(super) fn raise_take(coldkey: &AccountId, hotkey: &AccountId, take: u16) -> DispatchResult {
        Self::check_take(coldkey, hotkey, take)?;
        ensure!(
            !Delegates::<T>::contains_key(hotkey) || take > Delegates::<T>::get(hotkey),
            Error::<T>::DelegateTakeTooLow
        );
        let last = LastRateLimitedBlock::<T>::get(RateLimitKey::LastTxBlockDelegateTake(hotkey.clone()));
        let limit = TxDelegateTakeRateLimit::<T>::get();
        let too_fast = limit != 0 && last != 0 && Self::now().saturating_sub(last) <= limit;
        ensure!(!too_fast, Error::<T>::DelegateTxRateLimitExceeded);
        Self::store_take(hotkey, take);
        Self::deposit_event(Event::TakeIncreased(coldkey.clone(), hotkey.clone(), take));
        Ok(())
    }
}
