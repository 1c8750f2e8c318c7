//! Child keys: hotkeys to which another hotkey lends its stake on a subnet, and what they keep for it.

use alloc::{collections::BTreeMap, vec::Vec};

use frame_support::ensure;
use sp_runtime::DispatchResult;

use super::{
    AutoParentDelegationEnabled, AutoStakeDestination, AutoStakeDestinationColdkeys, ChildKeys, ChildkeyTake, Config,
    Error, Event, LastEpochBlock, MaxChildkeyTake, MinChildkeyTake, MinChildkeyTakePerSubnet, Pallet, ParentKeys,
    PendingChildKeyCooldown, PendingChildKeys, StakeThreshold, SubnetOwnerHotkey, SubtokenEnabled,
    TransactionKeyLastBlock, TxChildkeyTakeRateLimit,
    types::{NetUid, ROOT},
};
use crate::AccountId;

/// A proportion in parts of 2^64 − 1, and whose it is.
pub(super) type Share = (u64, AccountId);

/// Children or parents and their proportions, ordered by account.
struct Family {
    members: BTreeMap<AccountId, u64>,
}

impl Family {
    fn of(shares: &[Share]) -> Self {
        Self { members: shares.iter().map(|(proportion, who)| (who.clone(), *proportion)).collect() }
    }

    fn shares(self) -> Vec<Share> {
        self.members.into_iter().map(|(who, proportion)| (proportion, who)).collect()
    }
}

/// Children a hotkey may have on a subnet.
const GREATEST_FAMILY: usize = 5;
/// Blocks between two changes of a hotkey's children.
const CHILDREN_LIMIT: u64 = 150;

/// Kinds of action whose last block is kept for a hotkey and a subnet.
pub mod action {
    /// Children were set.
    pub const CHILDREN: u16 = 0;
    /// A childkey take was set.
    pub const CHILDKEY_TAKE: u16 = 1;
    /// The version key of weights was set.
    pub const WEIGHTS_VERSION: u16 = 4;
    /// The number of mechanisms was set.
    pub const MECHANISM_COUNT: u16 = 7;
    /// The split of emission among mechanisms was set.
    pub const MECHANISM_SPLIT: u16 = 8;
    /// The subnet was trimmed.
    pub const TRIMMING: u16 = 9;
    /// The owner set the tempo.
    pub const TEMPO: u16 = 11;
}

impl<T: Config> Pallet<T> {
    /// Whether `limit` blocks have passed since the account last did this on the subnet, if it ever did.
    pub fn waited(who: &AccountId, netuid: NetUid, action: u16, limit: u64) -> bool {
        let last = TransactionKeyLastBlock::<T>::get((who, netuid, action));
        last == 0 || Self::now().saturating_sub(last) >= limit
    }

    /// Remembers that the account did this just now.
    pub fn remember_action(who: &AccountId, netuid: NetUid, action: u16) {
        TransactionKeyLastBlock::<T>::insert((who, netuid, action), Self::now());
    }

    /// Schedules new children of a hotkey; they come at once where the subnet has not started.
    pub(super) fn schedule_children(
        coldkey: &AccountId,
        hotkey: &AccountId,
        netuid: NetUid,
        children: Vec<Share>,
    ) -> DispatchResult {
        ensure!(Self::waited(hotkey, netuid, action::CHILDREN, CHILDREN_LIMIT), Error::<T>::TxRateLimitExceeded);
        ensure!(netuid != ROOT, Error::<T>::RegistrationNotPermittedOnRootSubnet);
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(Self::owns(coldkey, hotkey), Error::<T>::NonAssociatedColdKey);
        let family = Family::of(&children);
        ensure!(family.members.len() == children.len(), Error::<T>::DuplicateChild);
        Self::check_family(hotkey, netuid, &family)?;
        let counts = Self::worth_of_hotkey(hotkey) >= StakeThreshold::<T>::get()
            || SubnetOwnerHotkey::<T>::get(netuid) == *hotkey;
        ensure!(children.is_empty() || counts, Error::<T>::NotEnoughStakeToSetChildkeys);
        Self::remember_action(hotkey, netuid, action::CHILDREN);
        if !SubtokenEnabled::<T>::get(netuid) {
            Self::apply_children(hotkey, netuid, children);
            return Ok(());
        }
        let due = Self::now().saturating_add(PendingChildKeyCooldown::<T>::get());
        PendingChildKeys::<T>::insert(netuid, hotkey, (&children, due));
        Self::deposit_event(Event::SetChildrenScheduled(hotkey.clone(), netuid, due, children));
        Ok(())
    }

    fn check_family(hotkey: &AccountId, netuid: NetUid, family: &Family) -> DispatchResult {
        let children = &family.members;
        ensure!(!children.contains_key(hotkey), Error::<T>::InvalidChild);
        ensure!(children.len() <= GREATEST_FAMILY, Error::<T>::TooManyChildren);
        let total: u128 = children.values().map(|proportion| u128::from(*proportion)).sum();
        ensure!(total <= u128::from(u64::MAX), Error::<T>::ProportionOverflow);
        let parents = ParentKeys::<T>::get(hotkey, netuid);
        let mutual = parents.iter().any(|(_, parent)| children.contains_key(parent));
        ensure!(!mutual, Error::<T>::ChildParentInconsistency);
        Ok(())
    }

    /// Gives a hotkey its children, ordered by account. Nothing happens where they cannot be its children any more.
    fn apply_children(hotkey: &AccountId, netuid: NetUid, children: Vec<Share>) {
        let family = Family::of(&children);
        if Self::check_family(hotkey, netuid, &family).is_err() {
            return;
        }
        let before = ChildKeys::<T>::take(hotkey, netuid);
        for (child, proportion) in &family.members {
            ParentKeys::<T>::mutate(child, netuid, |parents| {
                match parents.iter_mut().find(|(_, parent)| parent == hotkey) {
                    Some(share) => share.0 = *proportion,
                    None => parents.push((*proportion, hotkey.clone())),
                }
            });
        }
        for (_, child) in before.iter().filter(|(_, child)| !family.members.contains_key(child)) {
            ParentKeys::<T>::mutate_exists(child, netuid, |parents| {
                let mut left = parents.take().unwrap_or_default();
                left.retain(|(_, parent)| parent != hotkey);
                *parents = Some(left).filter(|left| !left.is_empty());
            });
        }
        if !family.members.is_empty() {
            ChildKeys::<T>::insert(hotkey, netuid, family.shares());
        }
        if ParentKeys::<T>::contains_key(hotkey, netuid) {
            ParentKeys::<T>::mutate(hotkey, netuid, |parents| *parents = Family::of(parents).shares());
        }
        Self::deposit_event(Event::SetChildren(hotkey.clone(), netuid, children));
    }

    /// Lets scheduled children come on subnets whose epoch just ended.
    pub(super) fn apply_due_children() {
        let now = Self::now();
        for netuid in Self::netuids_in_storage_order().into_iter().filter(|netuid| *netuid != ROOT) {
            if LastEpochBlock::<T>::get(netuid) != now {
                continue;
            }
            let started = SubtokenEnabled::<T>::get(netuid);
            let due: Vec<(AccountId, Vec<Share>)> = PendingChildKeys::<T>::iter_prefix(netuid)
                .filter(|(_, (_, due))| !started || *due < now)
                .map(|(hotkey, (children, _))| (hotkey, children))
                .collect();
            for (hotkey, children) in due {
                PendingChildKeys::<T>::remove(netuid, &hotkey);
                Self::apply_children(&hotkey, netuid, children);
            }
        }
    }

    /// Sets what a hotkey keeps of what it earns with its parents' stake.
    pub(super) fn store_childkey_take(
        coldkey: &AccountId,
        hotkey: &AccountId,
        netuid: NetUid,
        take: u16,
    ) -> DispatchResult {
        ensure!(Self::owns(coldkey, hotkey), Error::<T>::NonAssociatedColdKey);
        let least = MinChildkeyTake::<T>::get().max(MinChildkeyTakePerSubnet::<T>::get(netuid));
        ensure!((least..=MaxChildkeyTake::<T>::get()).contains(&take), Error::<T>::InvalidChildkeyTake);
        let limit = TxChildkeyTakeRateLimit::<T>::get();
        ensure!(
            take <= ChildkeyTake::<T>::get(hotkey, netuid).max(least)
                || Self::waited(hotkey, netuid, action::CHILDKEY_TAKE, limit),
            Error::<T>::TxChildkeyTakeRateLimitExceeded
        );
        Self::remember_action(hotkey, netuid, action::CHILDKEY_TAKE);
        ChildkeyTake::<T>::insert(hotkey, netuid, take);
        Self::deposit_event(Event::ChildKeyTakeSet(hotkey.clone(), take));
        Ok(())
    }

    /// Sets whether a root validator becomes the parent of owners of new subnets.
    pub(super) fn store_auto_parent(coldkey: &AccountId, hotkey: &AccountId, enabled: bool) -> DispatchResult {
        ensure!(Self::owns(coldkey, hotkey), Error::<T>::NonAssociatedColdKey);
        ensure!(Self::is_registered(ROOT, hotkey), Error::<T>::HotKeyNotRegisteredInSubNet);
        AutoParentDelegationEnabled::<T>::insert(hotkey, enabled);
        Self::deposit_event(Event::AutoParentDelegationEnabledSet { hotkey: hotkey.clone(), enabled });
        Ok(())
    }

    /// Sets behind which hotkey the mining income of a coldkey is staked.
    pub(super) fn store_auto_stake(coldkey: &AccountId, netuid: NetUid, hotkey: &AccountId) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(Self::is_registered(netuid, hotkey), Error::<T>::HotKeyNotRegisteredInSubNet);
        let before = AutoStakeDestination::<T>::get(coldkey, netuid);
        ensure!(before.as_ref() != Some(hotkey), Error::<T>::SameAutoStakeHotkeyAlreadySet);
        if let Some(before) = before {
            AutoStakeDestinationColdkeys::<T>::mutate(before, netuid, |coldkeys| coldkeys.retain(|who| who != coldkey));
        }
        AutoStakeDestination::<T>::insert(coldkey, netuid, hotkey);
        AutoStakeDestinationColdkeys::<T>::mutate(hotkey, netuid, |coldkeys| Self::remember(coldkeys, coldkey));
        Self::deposit_event(Event::AutoStakeDestinationSet {
            coldkey: coldkey.clone(),
            netuid,
            hotkey: hotkey.clone(),
        });
        Ok(())
    }
}
