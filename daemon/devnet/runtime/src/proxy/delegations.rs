//! Who may act for whom: entering and removing proxies and announcements with their deposits, and making a call in
//! another's name.

use codec::{Decode, Encode};
use frame_support::{
    ensure,
    traits::{InstanceFilter, OriginTrait, ReservableCurrency},
};
use frame_system::{RawOrigin, pallet_prelude::BlockNumberFor};
use pallet_proxy::{DepositKind, ProxyDefinition};
use sp_core::H256;
use sp_runtime::{DispatchError, DispatchResult};

use super::{
    Announcement, Announcements, Call, Config, Error, Event, LastCallResult, Pallet, Proxies, ProxyType, RealPaysFee,
    announcement_deposit, proxy_deposit,
};
use crate::{AccountId, Balance, RuntimeCall, RuntimeOrigin, guards};

impl<T: Config> Pallet<T> {
    /// Makes what is reserved of an account's balance for this pallet the `wanted` rao.
    pub(super) fn settle(who: &AccountId, held: Balance, wanted: Balance) -> DispatchResult {
        if let Some(missing) = wanted.checked_sub(held) {
            return pallet_balances::Pallet::<T>::reserve(who, missing);
        }
        // What could not be unreserved was taken by somebody with the right to it.
        let _ = pallet_balances::Pallet::<T>::unreserve(who, held.saturating_sub(wanted));
        Ok(())
    }

    /// Lets `delegate` act for `delegator` as its kind allows, `delay` blocks after an announcement.
    ///
    /// # Errors
    /// When it is the same account or already such a proxy, when there are too many, or when the deposit is not there.
    pub fn add_proxy_delegate(
        delegator: &AccountId,
        delegate: AccountId,
        proxy_type: ProxyType,
        delay: BlockNumberFor<T>,
    ) -> DispatchResult {
        ensure!(*delegator != delegate, Error::<T>::NoSelfProxy);
        let (mut proxies, held) = Proxies::<T>::get(delegator);
        let definition = ProxyDefinition { delegate: delegate.clone(), proxy_type, delay };
        let Err(place) = proxies.binary_search(&definition) else { return Err(Error::<T>::Duplicate.into()) };
        proxies.try_insert(place, definition).map_err(|_| Error::<T>::TooMany)?;
        let wanted = proxy_deposit(proxies.len());
        Self::settle(delegator, held, wanted)?;
        Proxies::<T>::insert(delegator, (proxies, wanted));
        Self::deposit_event(Event::ProxyAdded { delegator: delegator.clone(), delegatee: delegate, proxy_type, delay });
        Ok(())
    }

    /// Takes back what [`Self::add_proxy_delegate`] gave.
    ///
    /// # Errors
    /// When there is no such proxy.
    pub fn remove_proxy_delegate(
        delegator: &AccountId,
        delegate: AccountId,
        proxy_type: ProxyType,
        delay: BlockNumberFor<T>,
    ) -> DispatchResult {
        let (mut proxies, held) = Proxies::<T>::get(delegator);
        let definition = ProxyDefinition { delegate: delegate.clone(), proxy_type, delay };
        let place = proxies.binary_search(&definition).map_err(|_| Error::<T>::NotFound)?;
        proxies.remove(place);
        let wanted = proxy_deposit(proxies.len());
        Self::settle(delegator, held, wanted)?;
        if proxies.is_empty() {
            Proxies::<T>::remove(delegator);
        } else {
            Proxies::<T>::insert(delegator, (proxies, wanted));
        }
        RealPaysFee::<T>::remove(delegator, &delegate);
        let delegator = delegator.clone();
        Self::deposit_event(Event::ProxyRemoved { delegator, delegatee: delegate, proxy_type, delay });
        Ok(())
    }

    pub(super) fn remove_all(delegator: &AccountId) -> DispatchResult {
        let (_, held) = Proxies::<T>::take(delegator);
        let _ = RealPaysFee::<T>::clear_prefix(delegator, u32::MAX, None);
        Self::settle(delegator, held, 0)
    }

    /// The account without a key that `who` makes at this place of the chain.
    pub(super) fn pure_account(
        who: &AccountId,
        proxy_type: ProxyType,
        index: u16,
        (height, extrinsic): (BlockNumberFor<T>, u32),
    ) -> Result<AccountId, DispatchError> {
        let entropy =
            (b"modlpy/proxy____", who, height, extrinsic, proxy_type, index).using_encoded(sp_io::hashing::blake2_256);
        AccountId::decode(&mut &entropy[..]).map_err(|_| Error::<T>::InvalidDerivedAccountId.into())
    }

    /// Where the chain is: what a pure account is made at.
    pub(super) fn place() -> (BlockNumberFor<T>, u32) {
        let extrinsic = frame_system::Pallet::<T>::extrinsic_index();
        (frame_system::Pallet::<T>::block_number(), extrinsic.unwrap_or_default())
    }

    /// How `delegate` may act for `real`: the first way, or the one of the kind that is asked for.
    pub(super) fn find_proxy(
        real: &AccountId,
        delegate: &AccountId,
        kind: Option<ProxyType>,
    ) -> Result<ProxyDefinition<AccountId, ProxyType, BlockNumberFor<T>>, DispatchError> {
        let (proxies, _) = Proxies::<T>::get(real);
        let found = proxies
            .into_iter()
            .find(|proxy| proxy.delegate == *delegate && kind.is_none_or(|kind| proxy.proxy_type == kind));
        found.ok_or_else(|| Error::<T>::NotProxy.into())
    }

    /// Forgets the announcements that `done` picks out.
    pub(super) fn forget_announcements(
        delegate: &AccountId,
        done: impl Fn(&Announcement<AccountId, H256, BlockNumberFor<T>>) -> bool,
    ) -> DispatchResult {
        let (mut pending, held) = Announcements::<T>::get(delegate);
        let before = pending.len();
        pending.retain(|announcement| !done(announcement));
        ensure!(pending.len() < before, Error::<T>::NotFound);
        let wanted = announcement_deposit(pending.len());
        Self::settle(delegate, held, wanted)?;
        if pending.is_empty() {
            Announcements::<T>::remove(delegate);
        } else {
            Announcements::<T>::insert(delegate, (pending, wanted));
        }
        Ok(())
    }

    /// Makes the call in the name of `real`, and tells how it went.
    pub(super) fn act(kind: ProxyType, real: AccountId, call: RuntimeCall) {
        let mut origin = RuntimeOrigin::from(RawOrigin::Signed(real.clone()));
        origin.add_filter(move |call: &RuntimeCall| match call {
            // Nobody gives away, or takes from others, more than he has.
            RuntimeCall::Proxy(Call::add_proxy { proxy_type, .. } | Call::remove_proxy { proxy_type, .. })
                if !kind.is_superset(proxy_type) =>
            {
                false
            }
            RuntimeCall::Proxy(Call::remove_proxies { .. } | Call::kill_pure { .. }) if kind != ProxyType::Any => false,
            call => kind.filter(call),
        });
        let result = guards::dispatch(call, origin).map(drop).map_err(|failure| failure.error);
        LastCallResult::<T>::insert(real, result);
        Self::deposit_event(Event::ProxyExecuted { result });
    }

    /// Settles a deposit anew; whether that changed it.
    pub(super) fn poke(
        who: &AccountId,
        kind: DepositKind,
        held: Balance,
        wanted: Balance,
    ) -> Result<bool, DispatchError> {
        if held == wanted {
            return Ok(false);
        }
        Self::settle(who, held, wanted)?;
        Self::deposit_event(Event::DepositPoked { who: who.clone(), kind, old_deposit: held, new_deposit: wanted });
        Ok(true)
    }
}
