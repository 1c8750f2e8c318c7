//! Locked stake: alpha that its coldkey promised to leave, for the conviction it earns a hotkey.
//!
//! A lock decays unless it is perpetual; conviction grows towards the locked mass. A lock behind the owner's hotkey has
//! full conviction at once. Locked stake goes to another coldkey only where that one has said that it accepts it.
//! [`super::conviction`] holds how locks age, [`super::takeover`] what conviction decides.

use alloc::vec::Vec;

use frame_support::{ensure, storage::with_storage_layer};
use sp_runtime::DispatchResult;

use super::{
    AccountFlags, Config, DecayingLock, Error, Event, Lock, LockingColdkeys, Owner, OwnerCutAutoLockEnabled, Pallet,
    StakingHotkeys, SubnetOwner, SubnetOwnerHotkey,
    conviction::{Aging, Favoured, Standing},
    fixed::U64F64,
    staking::Position,
    types::{Alpha, LockState, NetUid},
};
use crate::AccountId;

/// The flag of a coldkey that may be given locked stake.
const ACCEPTS_LOCKS: u128 = 1;

impl<T: Config> Pallet<T> {
    /// How much of what the coldkey holds on the subnet may leave: what is not locked.
    pub(super) fn unlocked_stake(coldkey: &AccountId, netuid: NetUid) -> Alpha {
        let locked = Self::current_lock(coldkey, netuid).map_or(0, |(_, lock)| lock.locked_mass);
        Self::stake_on(coldkey, netuid).saturating_sub(locked)
    }

    fn stake_on(coldkey: &AccountId, netuid: NetUid) -> Alpha {
        StakingHotkeys::<T>::get(coldkey)
            .iter()
            .fold(0_u64, |sum, hotkey| sum.saturating_add(Self::stake(hotkey, coldkey, netuid)))
    }

    /// Locks more of the coldkey's alpha for a hotkey.
    pub(super) fn lock_alpha(coldkey: &AccountId, hotkey: &AccountId, netuid: NetUid, amount: Alpha) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(amount != 0, Error::<T>::AmountTooLow);
        ensure!(Self::hotkey_exists(hotkey), Error::<T>::HotKeyAccountNotExists);
        let held = Lock::<T>::iter_key_prefix((coldkey, netuid)).next();
        ensure!(held.is_none_or(|held| held == *hotkey), Error::<T>::LockHotkeyMismatch);
        let mut lock = Self::bring_up_to_date(coldkey, netuid, hotkey);
        lock.locked_mass = lock.locked_mass.saturating_add(amount);
        ensure!(lock.locked_mass <= Self::stake_on(coldkey, netuid), Error::<T>::InsufficientStakeForLock);
        let standing = Self::standing(coldkey, netuid, hotkey);
        Self::put_lock(coldkey, netuid, hotkey, Self::rolled(&lock, standing));
        let added = LockState { locked_mass: amount, ..Self::no_lock() };
        Self::add_to_sum(netuid, hotkey, standing, &added);
        Self::deposit_event(Event::StakeLocked { coldkey: coldkey.clone(), hotkey: hotkey.clone(), netuid, amount });
        Ok(())
    }

    /// Locks the owner's cut where the subnet does so: for the hotkey of the owner's lock, or for the owner's own.
    pub(super) fn lock_owner_cut(netuid: NetUid, cut: Alpha) {
        if cut == 0 || !OwnerCutAutoLockEnabled::<T>::get(netuid) {
            return;
        }
        let coldkey = SubnetOwner::<T>::get(netuid);
        let hotkey = Self::current_lock(&coldkey, netuid)
            .map_or_else(|| SubnetOwnerHotkey::<T>::get(netuid), |(hotkey, _)| hotkey);
        // What cannot be locked stays free.
        let _ = with_storage_layer(|| Self::lock_alpha(&coldkey, &hotkey, netuid, cut));
    }

    /// Takes `alpha` from the coldkey's lock on the subnet, and conviction in proportion, after stake that it had there
    /// was taken from it.
    pub(super) fn reduce_lock(coldkey: &AccountId, netuid: NetUid, alpha: Alpha) {
        let Some(hotkey) = Lock::<T>::iter_key_prefix((coldkey, netuid)).next() else { return };
        let lock = Self::bring_up_to_date(coldkey, netuid, &hotkey);
        let mass = alpha.min(lock.locked_mass);
        let kept = U64F64::ONE.minus(U64F64::ratio(mass, lock.locked_mass));
        let left = LockState {
            locked_mass: lock.locked_mass.saturating_sub(mass),
            conviction: if mass == lock.locked_mass { U64F64::default() } else { lock.conviction.by(kept) },
            ..Self::no_lock()
        };
        let conviction = lock.conviction.minus(left.conviction);
        let taken = LockState { locked_mass: mass, conviction, ..Self::no_lock() };
        Self::put_lock(coldkey, netuid, &hotkey, left);
        Self::take_from_sum(netuid, &hotkey, Self::standing(coldkey, netuid, &hotkey), &taken);
    }

    fn same_owner(one: &AccountId, other: &AccountId) -> bool {
        Owner::<T>::get(one) == Owner::<T>::get(other)
    }

    /// Lets a lock be for another hotkey, which has to earn conviction anew unless its owner is the same.
    pub(super) fn move_lock_to(coldkey: &AccountId, hotkey: &AccountId, netuid: NetUid) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(Self::hotkey_exists(hotkey), Error::<T>::HotKeyAccountNotExists);
        let (origin, removed) = Self::current_lock(coldkey, netuid).ok_or(Error::<T>::NoExistingLock)?;
        let mut lock = removed.clone();
        if !Self::same_owner(&origin, hotkey) {
            lock.conviction = U64F64::default();
        }
        let standing = Self::standing(coldkey, netuid, hotkey);
        let lock = Self::rolled(&lock, standing);
        Self::drop_lock(coldkey, netuid, &origin);
        Self::put_lock(coldkey, netuid, hotkey, lock.clone());
        Self::take_from_sum(netuid, &origin, Self::standing(coldkey, netuid, &origin), &removed);
        Self::add_to_sum(netuid, hotkey, standing, &lock);
        Self::deposit_event(Event::LockMoved {
            coldkey: coldkey.clone(),
            origin_hotkey: origin,
            destination_hotkey: hotkey.clone(),
            netuid,
        });
        Ok(())
    }

    /// Sets whether the coldkey's lock on the subnet stays or decays.
    pub(super) fn store_perpetual(coldkey: &AccountId, netuid: NetUid, enabled: bool) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        let before = Self::aging(coldkey, netuid);
        let after = if enabled { Aging::Stays } else { Aging::Decays };
        let held = Lock::<T>::iter_key_prefix((coldkey, netuid)).next();
        let lock = held.map(|hotkey| (Self::bring_up_to_date(coldkey, netuid, &hotkey), hotkey));
        if enabled {
            DecayingLock::<T>::insert(coldkey, netuid, false);
        } else {
            DecayingLock::<T>::remove(coldkey, netuid);
        }
        if let Some((lock, hotkey)) = lock.filter(|_| before != after) {
            let favoured = Self::favoured(netuid, &hotkey);
            Self::take_from_sum(netuid, &hotkey, Standing { favoured, aging: before }, &lock);
            Self::add_to_sum(netuid, &hotkey, Standing { favoured, aging: after }, &lock);
        }
        Self::deposit_event(Event::PerpetualLockUpdated { coldkey: coldkey.clone(), netuid, enabled });
        Ok(())
    }

    /// Sets whether a coldkey refuses locked stake. Those that have not said that they accept it do.
    pub(super) fn store_refusal_of_locks(coldkey: AccountId, enabled: bool) {
        let flags = AccountFlags::<T>::get(&coldkey);
        let flags = if enabled { flags & !ACCEPTS_LOCKS } else { flags | ACCEPTS_LOCKS };
        if flags == 0 {
            AccountFlags::<T>::remove(&coldkey);
        } else {
            AccountFlags::<T>::insert(&coldkey, flags);
        }
        Self::deposit_event(Event::RejectLockedAlphaUpdated { coldkey, enabled });
    }

    fn ensure_accepts(coldkey: &AccountId, mass: Alpha) -> DispatchResult {
        let accepts = AccountFlags::<T>::get(coldkey) & ACCEPTS_LOCKS != 0;
        ensure!(mass == 0 || accepts, Error::<T>::AccountRejectsLockedAlpha);
        Ok(())
    }

    /// Lets as much of a lock go with stake that is given to another coldkey as the stake exceeds what is not locked,
    /// and of its conviction in proportion. It stays for the hotkey that it was for.
    pub(super) fn give_lock(from: Position<'_>, to: Position<'_>, alpha: Alpha) -> DispatchResult {
        let netuid = from.netuid;
        let Some((hotkey, mut lock)) = Self::current_lock(from.coldkey, netuid) else { return Ok(()) };
        let free = Self::stake_on(from.coldkey, netuid).saturating_sub(lock.locked_mass);
        let mass = alpha.saturating_sub(free).min(lock.locked_mass);
        let held = Self::current_lock(to.coldkey, netuid);
        let theirs = held.as_ref().map_or(&hotkey, |(theirs, _)| theirs).clone();
        ensure!(alpha <= free || theirs == hotkey, Error::<T>::LockHotkeyMismatch);
        Self::ensure_accepts(to.coldkey, mass)?;
        let conviction =
            if mass == 0 { U64F64::default() } else { lock.conviction.by(U64F64::ratio(mass, lock.locked_mass)) };
        let given = LockState { locked_mass: mass, conviction, ..Self::no_lock() };
        lock.locked_mass = lock.locked_mass.saturating_sub(mass);
        lock.conviction = lock.conviction.minus(conviction);
        let received = held.map_or_else(Self::no_lock, |(_, held)| held).with(&given);
        let (leaves, arrives) =
            (Self::standing(from.coldkey, netuid, &hotkey), Self::standing(to.coldkey, netuid, &theirs));
        Self::put_lock(from.coldkey, netuid, &hotkey, Self::rolled(&lock, leaves));
        Self::put_lock(to.coldkey, netuid, &theirs, Self::rolled(&received, arrives));
        if mass != 0 {
            Self::take_from_sum(netuid, &hotkey, leaves, &given);
            Self::add_to_sum(netuid, &theirs, arrives, &given);
        }
        Ok(())
    }

    /// Refuses a new coldkey that has locks of its own, or that accepts none where there are some to inherit.
    pub(super) fn ensure_may_inherit_locks(old: &AccountId, new: &AccountId) -> DispatchResult {
        let locked = |coldkey: &AccountId| {
            let masses = Self::netuids().into_iter().filter_map(|netuid| Self::current_lock(coldkey, netuid));
            masses.fold(0_u64, |sum, (_, lock)| sum.saturating_add(lock.locked_mass))
        };
        ensure!(locked(new) == 0, Error::<T>::ActiveLockExists);
        Self::ensure_accepts(new, locked(old))
    }

    /// Gives the locks of a coldkey to another.
    pub(super) fn inherit_locks(old: &AccountId, new: &AccountId, netuid: NetUid) {
        let lock = Self::current_lock(old, netuid);
        if let Some((hotkey, lock)) = &lock {
            Self::drop_lock(old, netuid, hotkey);
            Self::take_from_sum(netuid, hotkey, Self::standing(old, netuid, hotkey), lock);
        }
        if let Some(decays) = DecayingLock::<T>::take(old, netuid) {
            DecayingLock::<T>::insert(new, netuid, decays);
        }
        if let Some((hotkey, lock)) = lock {
            let standing = Self::standing(new, netuid, &hotkey);
            let lock = Self::rolled(&lock, standing);
            Self::put_lock(new, netuid, &hotkey, lock.clone());
            Self::add_to_sum(netuid, &hotkey, standing, &lock);
        }
    }

    /// Lets the locks for a hotkey be for the one it is exchanged for.
    pub(super) fn exchange_locks(netuid: NetUid, old: &AccountId, new: &AccountId) {
        let before = Self::favoured(netuid, old);
        let after = if before == Favoured::Owner { before } else { Self::favoured(netuid, new) };
        let coldkeys: Vec<AccountId> = LockingColdkeys::<T>::iter_key_prefix((netuid, old)).collect();
        for coldkey in coldkeys {
            let lock = Lock::<T>::get((&coldkey, netuid, old));
            Self::drop_lock(&coldkey, netuid, old);
            if let Some(lock) = lock {
                let aging = Self::aging(&coldkey, netuid);
                let rolled = Self::rolled(&lock, Standing { favoured: before, aging });
                Self::put_lock(&coldkey, netuid, new, Self::rolled(&rolled, Standing { favoured: after, aging }));
            }
        }
        for aging in Aging::ALL {
            if let Some(sum) = Self::take_sum(netuid, old, Standing { favoured: before, aging }) {
                let standing = Standing { favoured: after, aging };
                Self::put_sum(netuid, new, standing, Self::rolled(&sum, standing));
            }
        }
    }
}
