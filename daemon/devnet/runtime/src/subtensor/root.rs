//! Registration on root, where stake decides who has a seat.

use frame_support::ensure;
use sp_runtime::DispatchResult;

use super::{
    Config, Delegates, Error, Event, Keys, MaxAllowedUids, MaxRegistrationsPerBlock, Pallet, RegistrationsThisBlock,
    RegistrationsThisInterval, SubnetworkN, TargetRegistrationsPerInterval, TotalHotkeyAlpha, types::ROOT,
};
use crate::AccountId;

impl<T: Config> Pallet<T> {
    /// Gives the hotkey a seat on root and makes it a delegate.
    pub(super) fn register_on_root(coldkey: &AccountId, hotkey: &AccountId) -> DispatchResult {
        ensure!(Self::subnet_exists(ROOT), Error::<T>::RootNetworkDoesNotExist);
        ensure!(
            RegistrationsThisBlock::<T>::get(ROOT) < MaxRegistrationsPerBlock::<T>::get(ROOT),
            Error::<T>::TooManyRegistrationsThisBlock
        );
        ensure!(
            RegistrationsThisInterval::<T>::get(ROOT)
                < TargetRegistrationsPerInterval::<T>::get(ROOT).saturating_mul(3),
            Error::<T>::TooManyRegistrationsThisInterval
        );
        ensure!(!Self::is_registered(ROOT, hotkey), Error::<T>::HotKeyAlreadyRegisteredInSubNet);
        Self::claim_hotkey(coldkey, hotkey)?;
        let uid = match Self::weakest_root_seat() {
            None => Self::append_neuron(ROOT, hotkey),
            Some((stake, uid)) => {
                ensure!(TotalHotkeyAlpha::<T>::get(hotkey, ROOT) > stake, Error::<T>::StakeTooLowForRoot);
                Self::replace_neuron(ROOT, uid, hotkey);
                uid
            }
        };
        Self::join_senate(hotkey)?;
        if !Delegates::<T>::contains_key(hotkey) {
            Delegates::<T>::insert(hotkey, Delegates::<T>::get(hotkey));
        }
        RegistrationsThisBlock::<T>::mutate(ROOT, |count| *count = count.saturating_add(1));
        RegistrationsThisInterval::<T>::mutate(ROOT, |count| *count = count.saturating_add(1));
        Self::deposit_event(Event::NeuronRegistered(ROOT, uid, hotkey.clone()));
        Ok(())
    }

    /// The seat with the least root stake, once all are taken.
    fn weakest_root_seat() -> Option<(u64, u16)> {
        let taken = SubnetworkN::<T>::get(ROOT);
        if taken < MaxAllowedUids::<T>::get(ROOT) {
            return None;
        }
        (0..taken).map(|uid| (TotalHotkeyAlpha::<T>::get(Keys::<T>::get(ROOT, uid), ROOT), uid)).min()
    }
}
