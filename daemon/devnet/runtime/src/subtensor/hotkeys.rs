//! Exchanging a hotkey for another of the same coldkey: everywhere, or on one subnet.
//!
//! Locks stay with the old hotkey; their coldkeys can move them.

use alloc::vec::Vec;

use frame_support::{
    ensure,
    traits::{
        fungible::Balanced,
        tokens::{Fortitude, Precision, Preservation},
    },
};
use sp_runtime::DispatchResult;

use super::{
    AlphaDividendsPerSubnet, AlphaV2, AutoStakeDestination, AutoStakeDestinationColdkeys, Axons, ChildKeys,
    ChildkeyTake, Config, Delegates, Error, Event, IsNetworkMember, Keys, LastHotkeySwapOnNetuid, LastTxBlock,
    NeuronCertificates, OwnedHotkeys, Owner, Pallet, ParentKeys, PendingChildKeys, Prometheus,
    RootAlphaDividendsPerSubnet, RootClaimable, RootClaimed, StakingHotkeys, SubnetOwnerHotkey, TotalHotkeyAlpha,
    TotalHotkeySharesV2, TotalIssuance, TxRateLimit, Uids, WeightCommits,
    types::{NetUid, Tao},
};
use crate::AccountId;

/// What an exchange everywhere costs, in rao.
const COST: Tao = 100_000_000;
/// What an exchange on one subnet costs, in rao.
const COST_ON_SUBNET: Tao = 1_000_000;
/// Blocks between two exchanges of a coldkey on one subnet.
pub(super) const INTERVAL: u64 = 7_200;

/// What becomes of the stake behind the old hotkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stake {
    /// It goes to the new one.
    Follows,
    /// It stays.
    Stays,
}

impl From<bool> for Stake {
    fn from(keep: bool) -> Self {
        if keep { Self::Stays } else { Self::Follows }
    }
}

/// An exchange of hotkeys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange<'a> {
    pub(super) old: &'a AccountId,
    pub(super) new: &'a AccountId,
    pub(super) stake: Stake,
}

impl<T: Config> Pallet<T> {
    /// Takes TAO from an account out of existence, so that it can be issued again.
    pub(super) fn recycle_tao(who: &AccountId, tao: Tao, refusal: Error<T>) -> DispatchResult {
        ensure!(Self::spendable(who) >= tao, refusal);
        let credit = <pallet_balances::Pallet<T> as Balanced<AccountId>>::withdraw(
            who,
            tao,
            Precision::Exact,
            Preservation::Expendable,
            Fortitude::Polite,
        )?;
        Self::retire(credit);
        TotalIssuance::<T>::mutate(|total| *total = total.saturating_sub(tao));
        Ok(())
    }

    /// Exchanges a hotkey everywhere, or on `netuid` alone.
    pub(super) fn exchange_hotkey(
        coldkey: &AccountId,
        exchange: Exchange<'_>,
        netuid: Option<NetUid>,
    ) -> DispatchResult {
        let Exchange { old, new, .. } = exchange;
        ensure!(Self::owns(coldkey, old), Error::<T>::NonAssociatedColdKey);
        ensure!(old != new, Error::<T>::NewHotKeyIsSameWithOld);
        ensure!(!Self::hotkey_exists(new) || Self::owns(coldkey, new), Error::<T>::NonAssociatedColdKey);
        ensure!(!Self::is_subnet_account(new), Error::<T>::CannotUseSystemAccount);
        let now = Self::now();
        let (last, limit) = (LastTxBlock::<T>::get(coldkey), TxRateLimit::<T>::get());
        ensure!(limit == 0 || last == 0 || now.saturating_sub(last) > limit, Error::<T>::HotKeySetTxRateLimitExceeded);
        if let Some(netuid) = netuid {
            Self::pay_and_exchange_on(coldkey, exchange, netuid)?;
        } else {
            Self::pay_and_exchange(coldkey, exchange)?;
        }
        LastTxBlock::<T>::insert(coldkey, now);
        Ok(())
    }

    fn pay_and_exchange_on(coldkey: &AccountId, exchange: Exchange<'_>, netuid: NetUid) -> DispatchResult {
        let now = Self::now();
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(!Self::is_registered(netuid, exchange.new), Error::<T>::HotKeyAlreadyRegisteredInSubNet);
        let last = LastHotkeySwapOnNetuid::<T>::get(netuid, coldkey);
        ensure!(last.saturating_add(INTERVAL) < now, Error::<T>::HotKeySwapOnSubnetIntervalNotPassed);
        Self::recycle_tao(coldkey, COST_ON_SUBNET, Error::NotEnoughBalanceToPaySwapHotKey)?;
        Self::claim_hotkey(coldkey, exchange.new)?;
        Self::exchange_on(netuid, exchange);
        LastHotkeySwapOnNetuid::<T>::insert(netuid, coldkey, now);
        Self::deposit_event(Event::HotkeySwappedOnSubnet {
            coldkey: coldkey.clone(),
            old_hotkey: exchange.old.clone(),
            new_hotkey: exchange.new.clone(),
            netuid,
        });
        Ok(())
    }

    fn pay_and_exchange(coldkey: &AccountId, exchange: Exchange<'_>) -> DispatchResult {
        let taken = Self::netuids().into_iter().any(|netuid| Self::is_registered(netuid, exchange.new));
        ensure!(!taken, Error::<T>::HotKeyAlreadyRegisteredInSubNet);
        Self::recycle_tao(coldkey, COST, Error::NotEnoughBalanceToPaySwapHotKey)?;
        Self::exchange_everywhere(coldkey, exchange);
        for netuid in Self::netuids().into_iter().filter(|netuid| Self::is_registered(*netuid, exchange.new)) {
            LastHotkeySwapOnNetuid::<T>::insert(netuid, coldkey, Self::now());
        }
        Self::deposit_event(Event::HotkeySwapped {
            coldkey: coldkey.clone(),
            old_hotkey: exchange.old.clone(),
            new_hotkey: exchange.new.clone(),
        });
        Ok(())
    }

    fn exchange_everywhere(coldkey: &AccountId, exchange: Exchange<'_>) {
        let Exchange { old, new, stake } = exchange;
        for netuid in Self::netuids() {
            Self::exchange_on(netuid, exchange);
        }
        Owner::<T>::insert(new, coldkey);
        OwnedHotkeys::<T>::mutate(coldkey, |hotkeys| {
            if stake == Stake::Follows {
                hotkeys.retain(|hotkey| hotkey != old);
            }
            Self::remember(hotkeys, new);
        });
        StakingHotkeys::<T>::mutate(coldkey, |hotkeys| Self::replace(hotkeys, old, new, stake));
        if Delegates::<T>::contains_key(old) {
            Delegates::<T>::insert(new, Delegates::<T>::get(old));
        }
        if stake == Stake::Follows {
            Owner::<T>::remove(old);
            Delegates::<T>::remove(old);
            RootClaimable::<T>::insert(new, RootClaimable::<T>::take(old));
        }
    }

    fn replace(hotkeys: &mut Vec<AccountId>, old: &AccountId, new: &AccountId, stake: Stake) {
        if stake == Stake::Follows {
            match (hotkeys.iter().position(|hotkey| hotkey == old), hotkeys.contains(new)) {
                (Some(place), false) => hotkeys[place] = new.clone(),
                (Some(place), true) => drop(hotkeys.remove(place)),
                (None, _) => {}
            }
        }
        Self::remember(hotkeys, new);
    }

    /// Moves all that one subnet knows of a hotkey.
    fn exchange_on(netuid: NetUid, exchange: Exchange<'_>) {
        let Exchange { old, new, stake } = exchange;
        if let Some(uid) = Uids::<T>::take(netuid, old) {
            Uids::<T>::insert(netuid, new, uid);
            Keys::<T>::insert(netuid, uid, new);
            IsNetworkMember::<T>::remove(old, netuid);
            IsNetworkMember::<T>::insert(new, netuid, true);
        }
        Axons::<T>::swap(netuid, old, netuid, new);
        Prometheus::<T>::swap(netuid, old, netuid, new);
        NeuronCertificates::<T>::swap(netuid, old, netuid, new);
        for index in Self::storage_indices(netuid) {
            WeightCommits::<T>::swap(index, old, index, new);
        }
        if SubnetOwnerHotkey::<T>::contains_key(netuid) && SubnetOwnerHotkey::<T>::get(netuid) == *old {
            SubnetOwnerHotkey::<T>::insert(netuid, new);
        }
        Self::exchange_relatives(netuid, exchange);
        Self::inherit_voting_power(netuid, old, new);
        if stake == Stake::Follows {
            AlphaDividendsPerSubnet::<T>::swap(netuid, old, netuid, new);
            RootAlphaDividendsPerSubnet::<T>::swap(netuid, old, netuid, new);
            for coldkey in AutoStakeDestinationColdkeys::<T>::take(old, netuid) {
                AutoStakeDestination::<T>::insert(&coldkey, netuid, new);
                AutoStakeDestinationColdkeys::<T>::mutate(new, netuid, |all| Self::remember(all, &coldkey));
            }
            Self::exchange_stake(netuid, old, new);
        }
    }

    fn exchange_relatives(netuid: NetUid, Exchange { old, new, .. }: Exchange<'_>) {
        let renamed = |shares: Vec<(u64, AccountId)>| -> Vec<(u64, AccountId)> {
            shares.into_iter().map(|(part, who)| (part, if who == *old { new.clone() } else { who })).collect()
        };
        let children = ChildKeys::<T>::take(old, netuid);
        for (_, child) in &children {
            ParentKeys::<T>::mutate(child, netuid, |parents| *parents = renamed(core::mem::take(parents)));
        }
        if !children.is_empty() {
            ChildKeys::<T>::insert(new, netuid, children);
        }
        let parents = ParentKeys::<T>::take(old, netuid);
        for (_, parent) in &parents {
            ChildKeys::<T>::mutate(parent, netuid, |children| *children = renamed(core::mem::take(children)));
        }
        if !parents.is_empty() {
            ParentKeys::<T>::insert(new, netuid, parents);
        }
        if PendingChildKeys::<T>::contains_key(netuid, old) {
            PendingChildKeys::<T>::insert(netuid, new, PendingChildKeys::<T>::take(netuid, old));
        }
        if ChildkeyTake::<T>::contains_key(old, netuid) {
            ChildkeyTake::<T>::insert(new, netuid, ChildkeyTake::<T>::take(old, netuid));
        }
    }

    fn exchange_stake(netuid: NetUid, old: &AccountId, new: &AccountId) {
        let holders: Vec<AccountId> = AlphaV2::<T>::iter_prefix((old,))
            .filter(|((_, place), _)| *place == netuid)
            .map(|((coldkey, _), _)| coldkey)
            .collect();
        if TotalHotkeyAlpha::<T>::get(new, netuid) == 0 {
            // Nobody holds shares of the new hotkey: those of the old one keep their worth.
            for coldkey in &holders {
                AlphaV2::<T>::insert((new, coldkey, netuid), AlphaV2::<T>::take((old, coldkey, netuid)));
            }
            TotalHotkeyAlpha::<T>::insert(new, netuid, TotalHotkeyAlpha::<T>::take(old, netuid));
            TotalHotkeySharesV2::<T>::insert(new, netuid, TotalHotkeySharesV2::<T>::take(old, netuid));
        } else {
            for coldkey in &holders {
                let alpha = Self::stake(old, coldkey, netuid);
                Self::debit_stake(old, coldkey, netuid, alpha);
                Self::credit_stake(new, coldkey, netuid, alpha);
            }
        }
        for coldkey in holders {
            let claimed = RootClaimed::<T>::take((netuid, old, &coldkey));
            if claimed != 0 {
                RootClaimed::<T>::insert((netuid, new, &coldkey), claimed);
            }
            let left = Self::netuids().into_iter().any(|netuid| Self::stake(old, &coldkey, netuid) != 0);
            let stake = if left { Stake::Stays } else { Stake::Follows };
            StakingHotkeys::<T>::mutate(&coldkey, |hotkeys| Self::replace(hotkeys, old, new, stake));
        }
    }
}
