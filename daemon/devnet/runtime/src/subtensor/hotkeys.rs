//! Exchanging a hotkey for another of the same coldkey: everywhere, or on one subnet.
//!
//! Locks go with it, whether its stake does or not.

use alloc::{collections::BTreeSet, vec, vec::Vec};

use frame_support::{
    ensure,
    traits::{
        Get,
        fungible::Balanced,
        tokens::{Fortitude, Precision, Preservation},
    },
    weights::Weight,
};
use sp_runtime::{DispatchError, DispatchResult};

use super::{
    AlphaDividendsPerSubnet, AlphaV2, AutoParentDelegationEnabled, AutoStakeDestination, AutoStakeDestinationColdkeys,
    Axons, ChildKeys, ChildkeyTake, Config, Delegates, Error, Event, IsNetworkMember, Keys, LastHotkeySwapOnNetuid,
    LastRateLimitedBlock, NeuronCertificates, OwnedHotkeys, Owner, Pallet, ParentKeys, PendingChildKeys, Prometheus,
    RootClaimable, RootClaimed, StakingHotkeys, SubnetOwnerHotkey, TotalHotkeyAlpha, TotalHotkeyAlphaLastEpoch,
    TotalIssuance, TxRateLimit, Uids, WeightCommits,
    children::Share,
    types::{NetUid, ROOT, RateLimitKey, Tao},
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

    /// Exchanges a hotkey everywhere, or on `netuid` alone. Returns what that weighs.
    pub(super) fn exchange_hotkey(
        coldkey: &AccountId,
        exchange: Exchange<'_>,
        netuid: Option<NetUid>,
    ) -> Result<Weight, DispatchError> {
        let Exchange { old, new, .. } = exchange;
        ensure!(netuid.is_none_or(Self::subnet_exists), Error::<T>::SubnetNotExists);
        ensure!(Self::owns(coldkey, old), Error::<T>::NonAssociatedColdKey);
        ensure!(!Self::hotkey_exists(new) || Self::owns(coldkey, new), Error::<T>::NonAssociatedColdKey);
        ensure!(old != new, Error::<T>::NewHotKeyIsSameWithOld);
        ensure!(!Self::is_subnet_account(new), Error::<T>::CannotUseSystemAccount);
        let now = Self::now();
        let last = LastRateLimitedBlock::<T>::get(RateLimitKey::LastTxBlock(coldkey.clone()));
        let limit = TxRateLimit::<T>::get();
        ensure!(limit == 0 || last == 0 || now.saturating_sub(last) > limit, Error::<T>::HotKeySetTxRateLimitExceeded);
        let netuids = netuid.map_or_else(Self::netuids, |netuid| vec![netuid]);
        let taken = netuids.iter().any(|netuid| Self::is_registered(*netuid, new));
        ensure!(!taken, Error::<T>::HotKeyAlreadyRegisteredInSubNet);
        ensure!(!netuids.contains(&ROOT) || Self::is_clean_on_root(new), Error::<T>::NewHotKeyNotCleanForRootSwap);
        let weight = Self::exchange_weight(exchange, netuid, &netuids);
        if let Some(netuid) = netuid {
            Self::pay_and_exchange_on(coldkey, exchange, netuid)?;
        } else {
            Self::pay_and_exchange(coldkey, exchange)?;
        }
        Self::inherit_limits(exchange, netuid);
        LastRateLimitedBlock::<T>::insert(RateLimitKey::LastTxBlock(coldkey.clone()), now);
        Ok(weight)
    }

    /// Whether nothing of root dividends could be mixed up by giving the hotkey another's.
    fn is_clean_on_root(hotkey: &AccountId) -> bool {
        RootClaimable::<T>::get(hotkey).is_empty()
            && TotalHotkeyAlpha::<T>::get(hotkey, ROOT) == 0
            && RootClaimed::<T>::iter_key_prefix((ROOT, hotkey)).next().is_none()
    }

    /// Lets the blocks of the old hotkey's last changes of takes hold for the new one.
    fn inherit_limits(Exchange { old, new, .. }: Exchange<'_>, netuid: Option<NetUid>) {
        for key in [RateLimitKey::LastTxBlockDelegateTake, RateLimitKey::LastTxBlockChildKeyTake] {
            let last = LastRateLimitedBlock::<T>::get(key(old.clone()));
            if last != 0 {
                LastRateLimitedBlock::<T>::insert(key(new.clone()), last);
            }
            if netuid.is_none() {
                LastRateLimitedBlock::<T>::remove(key(old.clone()));
            }
        }
    }

    /// What an exchange weighs: what it reads and writes, counted as the real chain counts it.
    fn exchange_weight(
        Exchange { old, stake, .. }: Exchange<'_>,
        netuid: Option<NetUid>,
        netuids: &[NetUid],
    ) -> Weight {
        // Checks, the price and the owner's lists come first; what follows depends on what the hotkey has.
        let (mut reads, mut writes) = if netuid.is_some() { (16, 8) } else { (14, 14) };
        let positions: Vec<NetUid> = AlphaV2::<T>::iter_key_prefix((old,)).map(|(_, netuid)| netuid).collect();
        let all = positions.len();
        for netuid in netuids {
            (reads, writes) = (reads + 4, writes + 5);
            let present = |there: bool| usize::from(there && Self::is_registered(*netuid, old));
            let moved = present(Axons::<T>::contains_key(netuid, old))
                + present(Prometheus::<T>::contains_key(netuid, old))
                + present(NeuronCertificates::<T>::contains_key(netuid, old))
                + Self::storage_indices(*netuid)
                    .map(|index| present(WeightCommits::<T>::contains_key(index, old)))
                    .sum::<usize>();
            (reads, writes) = (reads + moved + present(true), writes + 2 * moved + 3 * present(true));
            if SubnetOwnerHotkey::<T>::contains_key(netuid) {
                reads += 1;
                writes += usize::from(SubnetOwnerHotkey::<T>::get(netuid) == *old);
            }
            let relatives = ChildKeys::<T>::get(old, netuid).len() + ParentKeys::<T>::get(old, netuid).len();
            (reads, writes) = (reads + 2 * relatives, writes + 2 * relatives);
            if stake == Stake::Follows {
                let here = positions.iter().filter(|place| *place == netuid).count();
                (reads, writes) = (reads + 6 + all + 8 * here, writes + 6 + all + 8 * here);
                if *netuid == ROOT {
                    // Each account of a claim is found, taken and added; no recorded exchange had any.
                    let claimed = RootClaimable::<T>::get(old)
                        .into_keys()
                        .map(|netuid| RootClaimed::<T>::iter_key_prefix((netuid, old)).count())
                        .sum::<usize>();
                    let says = usize::from(AutoParentDelegationEnabled::<T>::contains_key(old));
                    (reads, writes) = (reads + 2 + 3 * claimed + says, writes + 2 + 2 * claimed + 2 * says);
                }
            }
        }
        if netuid.is_none() {
            (reads, writes) = (reads + all, writes);
            if Delegates::<T>::contains_key(old) {
                (reads, writes) = (reads + 2, writes + 2);
            }
            if stake == Stake::Follows {
                (reads, writes) = (reads + all, writes + all);
            }
        }
        T::DbWeight::get().reads_writes(reads as u64, writes as u64)
    }

    fn may_exchange_again(coldkey: &AccountId, netuid: NetUid) -> bool {
        LastHotkeySwapOnNetuid::<T>::get(netuid, coldkey).saturating_add(INTERVAL) < Self::now()
    }

    fn pay_and_exchange_on(coldkey: &AccountId, exchange: Exchange<'_>, netuid: NetUid) -> DispatchResult {
        ensure!(Self::may_exchange_again(coldkey, netuid), Error::<T>::HotKeySwapOnSubnetIntervalNotPassed);
        Self::recycle_tao(coldkey, COST_ON_SUBNET, Error::NotEnoughBalanceToPaySwapHotKey)?;
        Owner::<T>::insert(exchange.new, coldkey);
        OwnedHotkeys::<T>::mutate(coldkey, |hotkeys| Self::remember(hotkeys, exchange.new));
        Self::exchange_on(netuid, exchange)?;
        LastHotkeySwapOnNetuid::<T>::insert(netuid, coldkey, Self::now());
        Self::deposit_event(Event::HotkeySwappedOnSubnet {
            coldkey: coldkey.clone(),
            old_hotkey: exchange.old.clone(),
            new_hotkey: exchange.new.clone(),
            netuid,
        });
        Ok(())
    }

    fn pay_and_exchange(coldkey: &AccountId, exchange: Exchange<'_>) -> DispatchResult {
        let takes_part = |netuid: &NetUid| {
            IsNetworkMember::<T>::get(exchange.old, netuid) || !ChildKeys::<T>::get(exchange.old, netuid).is_empty()
        };
        let mut netuids = Self::netuids();
        netuids.retain(takes_part);
        // A first exchange need not wait, however young the chain.
        let waited = netuids.iter().all(|netuid| {
            LastHotkeySwapOnNetuid::<T>::get(netuid, coldkey) == 0 || Self::may_exchange_again(coldkey, *netuid)
        });
        ensure!(waited, Error::<T>::HotKeySwapOnSubnetIntervalNotPassed);
        Self::recycle_tao(coldkey, COST, Error::NotEnoughBalanceToPaySwapHotKey)?;
        Self::exchange_everywhere(coldkey, exchange)?;
        for netuid in netuids {
            LastHotkeySwapOnNetuid::<T>::insert(netuid, coldkey, Self::now());
        }
        Self::deposit_event(Event::HotkeySwapped {
            coldkey: coldkey.clone(),
            old_hotkey: exchange.old.clone(),
            new_hotkey: exchange.new.clone(),
        });
        Ok(())
    }

    fn exchange_everywhere(coldkey: &AccountId, exchange: Exchange<'_>) -> DispatchResult {
        let Exchange { old, new, stake } = exchange;
        let holders: BTreeSet<AccountId> = AlphaV2::<T>::iter_key_prefix((old,)).map(|(holder, _)| holder).collect();
        // Also where its stake stays the old hotkey is nobody's any more.
        Owner::<T>::remove(old);
        Owner::<T>::insert(new, coldkey);
        OwnedHotkeys::<T>::mutate(coldkey, |hotkeys| {
            Self::remember(hotkeys, new);
            hotkeys.retain(|hotkey| hotkey != old);
        });
        for netuid in Self::netuids() {
            Self::exchange_on(netuid, exchange)?;
        }
        if Delegates::<T>::contains_key(old) {
            Delegates::<T>::insert(new, Delegates::<T>::take(old));
        }
        if stake == Stake::Follows {
            for holder in holders {
                StakingHotkeys::<T>::mutate(&holder, |hotkeys| {
                    if hotkeys.contains(old) {
                        hotkeys.retain(|hotkey| hotkey != old && hotkey != new);
                        hotkeys.push(new.clone());
                    }
                });
            }
        }
        Ok(())
    }

    /// Moves all that one subnet knows of a hotkey.
    fn exchange_on(netuid: NetUid, exchange: Exchange<'_>) -> DispatchResult {
        let Exchange { old, new, stake } = exchange;
        Self::exchange_locks(netuid, old, new);
        // Noted of the new one also where the old one was no neuron.
        IsNetworkMember::<T>::insert(new, netuid, IsNetworkMember::<T>::take(old, netuid));
        if let Some(uid) = Uids::<T>::take(netuid, old) {
            Uids::<T>::insert(netuid, new, uid);
            Keys::<T>::insert(netuid, uid, new);
            Self::hand_records_over(netuid, old, new);
        }
        if SubnetOwnerHotkey::<T>::contains_key(netuid) && SubnetOwnerHotkey::<T>::get(netuid) == *old {
            SubnetOwnerHotkey::<T>::insert(netuid, new);
        }
        Self::exchange_relatives(netuid, exchange)?;
        if AutoStakeDestinationColdkeys::<T>::contains_key(old, netuid) {
            let coldkeys = AutoStakeDestinationColdkeys::<T>::take(old, netuid);
            for coldkey in &coldkeys {
                AutoStakeDestination::<T>::insert(coldkey, netuid, new);
            }
            // Whoever chose the new hotkey before is forgotten here, and stakes behind it all the same.
            AutoStakeDestinationColdkeys::<T>::insert(new, netuid, coldkeys);
        }
        if stake == Stake::Follows {
            Self::inherit_voting_power(netuid, old, new);
            let alpha = TotalHotkeyAlphaLastEpoch::<T>::take(old, netuid);
            TotalHotkeyAlphaLastEpoch::<T>::mutate(new, netuid, |sum| *sum = sum.saturating_add(alpha));
            let dividends = AlphaDividendsPerSubnet::<T>::take(netuid, old);
            AlphaDividendsPerSubnet::<T>::mutate(netuid, new, |sum| *sum = sum.saturating_add(dividends));
            Self::exchange_stake(netuid, old, new);
            if netuid == ROOT {
                Self::exchange_root_claims(old, new);
                if AutoParentDelegationEnabled::<T>::contains_key(old) {
                    AutoParentDelegationEnabled::<T>::insert(new, AutoParentDelegationEnabled::<T>::take(old));
                }
            }
        }
        Ok(())
    }

    /// Moves what a hotkey owes those who stake on root behind it, on whatever subnet, together with what they have had:
    /// apart, the one would be paid again and the other be missing.
    fn exchange_root_claims(old: &AccountId, new: &AccountId) {
        let rates = RootClaimable::<T>::take(old);
        for netuid in rates.keys() {
            let claims: Vec<(AccountId, u128)> = RootClaimed::<T>::drain_prefix((*netuid, old)).collect();
            for (coldkey, claimed) in claims {
                RootClaimed::<T>::mutate((*netuid, new, &coldkey), |had| *had = had.saturating_add(claimed));
            }
        }
        RootClaimable::<T>::insert(new, rates);
    }

    /// Gives what a neuron has told or committed to the hotkey that takes its place, instead of what that one had. What
    /// the old one never told stays as the new one told it.
    fn hand_records_over(netuid: NetUid, old: &AccountId, new: &AccountId) {
        if let Some(axon) = Axons::<T>::take(netuid, old) {
            Axons::<T>::insert(netuid, new, axon);
        }
        if let Some(prometheus) = Prometheus::<T>::take(netuid, old) {
            Prometheus::<T>::insert(netuid, new, prometheus);
        }
        if let Some(certificate) = NeuronCertificates::<T>::take(netuid, old) {
            NeuronCertificates::<T>::insert(netuid, new, certificate);
        }
        for index in Self::storage_indices(netuid) {
            if let Some(commits) = WeightCommits::<T>::take(index, old) {
                WeightCommits::<T>::insert(index, new, commits);
            }
        }
    }

    /// Puts `new` in the place of `old` among shares, as the last.
    fn rename(shares: &mut Vec<Share>, old: &AccountId, new: &AccountId) {
        if let Some(place) = shares.iter().position(|(_, who)| who == old) {
            let (part, _) = shares.remove(place);
            shares.push((part, new.clone()));
        }
    }

    fn exchange_relatives(netuid: NetUid, Exchange { old, new, .. }: Exchange<'_>) -> DispatchResult {
        let mut children = ChildKeys::<T>::take(old, netuid);
        let mut parents = ParentKeys::<T>::take(old, netuid);
        let related = children.iter().chain(&parents).any(|(_, who)| who == new);
        ensure!(!related, Error::<T>::InvalidChild);
        for (_, child) in &children {
            ParentKeys::<T>::mutate(child, netuid, |shares| Self::rename(shares, old, new));
        }
        for (_, parent) in &parents {
            ChildKeys::<T>::mutate(parent, netuid, |shares| Self::rename(shares, old, new));
        }
        children.sort_by(|one, other| one.1.cmp(&other.1));
        parents.sort_by(|one, other| one.1.cmp(&other.1));
        if !children.is_empty() {
            ChildKeys::<T>::insert(new, netuid, children);
        }
        if !parents.is_empty() {
            ParentKeys::<T>::insert(new, netuid, parents);
        }
        if PendingChildKeys::<T>::contains_key(netuid, old) {
            PendingChildKeys::<T>::insert(netuid, new, PendingChildKeys::<T>::take(netuid, old));
        }
        let waiting: Vec<AccountId> = PendingChildKeys::<T>::iter_prefix(netuid)
            .filter(|(_, (children, _))| children.iter().any(|(_, child)| child == old))
            .map(|(parent, _)| parent)
            .collect();
        for parent in waiting {
            PendingChildKeys::<T>::mutate(netuid, parent, |(children, _)| Self::rename(children, old, new));
        }
        if ChildkeyTake::<T>::contains_key(old, netuid) {
            ChildkeyTake::<T>::insert(new, netuid, ChildkeyTake::<T>::take(old, netuid));
        }
        Ok(())
    }

    fn exchange_stake(netuid: NetUid, old: &AccountId, new: &AccountId) {
        let holders: BTreeSet<AccountId> = AlphaV2::<T>::iter_key_prefix((old,))
            .filter(|(_, place)| *place == netuid)
            .map(|(coldkey, _)| coldkey)
            .collect();
        for coldkey in holders {
            let alpha = Self::stake(old, &coldkey, netuid);
            Self::debit_stake(old, &coldkey, netuid, alpha);
            Self::credit_stake(new, &coldkey, netuid, alpha);
        }
    }
}
