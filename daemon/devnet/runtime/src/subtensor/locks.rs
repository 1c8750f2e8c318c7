//! Locked stake: alpha that its coldkey promised to leave, and the conviction it earns its hotkey.
//!
//! A lock decays unless it is perpetual; conviction grows towards the locked mass. A lock behind the owner's hotkey has
//! full conviction at once. Locked stake goes to another coldkey only where that one has said that it accepts it.
//! [`super::takeover`] is what conviction decides.

use frame_support::{ensure, storage::with_storage_layer};
use sp_runtime::DispatchResult;

use super::{
    AccountFlags, Config, DecayingHotkeyLock, DecayingLock, DecayingOwnerLock, Error, Event, HotkeyLock, Lock,
    LockingColdkeys, MaturityRate, Owner, OwnerCutAutoLockEnabled, OwnerLock, Pallet, StakingHotkeys, SubnetOwner,
    SubnetOwnerHotkey, UnlockRate,
    fixed::U64F64,
    power,
    staking::Position,
    types::{Alpha, LockState, NetUid},
};
use crate::AccountId;

/// Less than this is nothing.
const DUST: Alpha = 100;

/// The flag of a coldkey that may be given locked stake.
const ACCEPTS_LOCKS: u128 = 1;

/// How a lock ages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aging {
    Decays,
    Stays,
}

/// The fractions that `blocks` leave: of mass, of conviction, and what conviction gains of the mass.
fn fractions(blocks: u64, unlock: u64, maturity: u64, aging: Aging) -> (U64F64, U64F64, U64F64) {
    let kept = power::decay(blocks, maturity);
    match aging {
        Aging::Stays => (U64F64::ONE, kept, U64F64::ONE.minus(kept)),
        Aging::Decays => (power::decay(blocks, unlock), kept, U64F64::ratio(blocks, maturity).by(kept)),
    }
}

pub(super) fn times(bits: U64F64, mass: Alpha) -> U64F64 {
    U64F64::from_bits(bits.to_bits().saturating_mul(mass.into()))
}

impl<T: Config> Pallet<T> {
    fn aging(coldkey: &AccountId, netuid: NetUid) -> Aging {
        if DecayingLock::<T>::get(coldkey, netuid) == Some(false) { Aging::Stays } else { Aging::Decays }
    }

    fn is_owner_hotkey(netuid: NetUid, hotkey: &AccountId) -> bool {
        SubnetOwnerHotkey::<T>::contains_key(netuid) && SubnetOwnerHotkey::<T>::get(netuid) == *hotkey
    }

    /// The coldkey's lock on the subnet and whom it is for, as it is now.
    pub(super) fn current_lock(coldkey: &AccountId, netuid: NetUid) -> Option<(AccountId, LockState)> {
        let (hotkey, lock) = Lock::<T>::iter_prefix((coldkey, netuid)).next()?;
        let aging = Self::aging(coldkey, netuid);
        let aged = Self::aged(&lock, aging);
        let conviction =
            if Self::is_owner_hotkey(netuid, &hotkey) { times(U64F64::ONE, aged.locked_mass) } else { aged.conviction };
        Some((hotkey, LockState { conviction, ..aged })).filter(|(_, lock)| lock.locked_mass >= DUST)
    }

    fn aged(lock: &LockState, aging: Aging) -> LockState {
        let now = Self::now();
        let blocks = now.saturating_sub(lock.last_update);
        let (mass, kept, gained) = fractions(blocks, UnlockRate::<T>::get(), MaturityRate::<T>::get(), aging);
        LockState {
            locked_mass: mass.times(lock.locked_mass),
            conviction: lock.conviction.by(kept).plus(times(gained, lock.locked_mass)),
            last_update: now,
        }
    }

    /// Changes what is locked for a hotkey altogether. Its conviction is not kept here but for the owner's hotkey.
    fn change_sum(netuid: NetUid, hotkey: &AccountId, aging: Aging, change: impl FnOnce(Alpha) -> Alpha) {
        let owner = Self::is_owner_hotkey(netuid, hotkey);
        let act = |sum: &mut Option<LockState>| {
            let before = sum.take().map_or(0, |sum| Self::aged(&sum, aging).locked_mass);
            let locked_mass = change(before);
            let conviction = if owner { times(U64F64::ONE, locked_mass) } else { U64F64::default() };
            *sum = (locked_mass >= DUST).then(|| LockState { locked_mass, conviction, last_update: Self::now() });
        };
        match (owner, aging) {
            (true, Aging::Decays) => DecayingOwnerLock::<T>::mutate_exists(netuid, act),
            (true, Aging::Stays) => OwnerLock::<T>::mutate_exists(netuid, act),
            (false, Aging::Decays) => DecayingHotkeyLock::<T>::mutate_exists(netuid, hotkey, act),
            (false, Aging::Stays) => HotkeyLock::<T>::mutate_exists(netuid, hotkey, act),
        }
    }

    fn put_lock(coldkey: &AccountId, netuid: NetUid, hotkey: &AccountId, mut lock: LockState) {
        if Self::is_owner_hotkey(netuid, hotkey) {
            lock.conviction = times(U64F64::ONE, lock.locked_mass);
        }
        Lock::<T>::insert((coldkey, netuid, hotkey), lock);
        LockingColdkeys::<T>::insert((netuid, hotkey, coldkey), ());
    }

    fn drop_lock(coldkey: &AccountId, netuid: NetUid, hotkey: &AccountId) {
        Lock::<T>::remove((coldkey, netuid, hotkey));
        LockingColdkeys::<T>::remove((netuid, hotkey, coldkey));
    }

    /// How much of what the coldkey holds on the subnet may leave: all of it, or what is not locked.
    pub(super) fn unlocked_stake(coldkey: &AccountId, netuid: NetUid) -> Alpha {
        match Self::current_lock(coldkey, netuid) {
            None => Alpha::MAX,
            Some((_, lock)) => Self::stake_on(coldkey, netuid).saturating_sub(lock.locked_mass),
        }
    }

    fn stake_on(coldkey: &AccountId, netuid: NetUid) -> Alpha {
        StakingHotkeys::<T>::get(coldkey)
            .iter()
            .fold(0_u64, |sum, hotkey| sum.saturating_add(Self::stake(hotkey, coldkey, netuid)))
    }

    /// Locks more of the coldkey's alpha for a hotkey.
    pub(super) fn lock_alpha(coldkey: &AccountId, hotkey: &AccountId, netuid: NetUid, amount: Alpha) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(Self::hotkey_exists(hotkey), Error::<T>::HotKeyAccountNotExists);
        ensure!(amount != 0, Error::<T>::AmountTooLow);
        let current = Self::current_lock(coldkey, netuid);
        ensure!(current.as_ref().is_none_or(|(locked, _)| locked == hotkey), Error::<T>::LockHotkeyMismatch);
        let mut lock = current.map_or_else(
            || LockState { locked_mass: 0, conviction: U64F64::default(), last_update: Self::now() },
            |(_, lock)| lock,
        );
        lock.locked_mass = lock.locked_mass.saturating_add(amount);
        ensure!(lock.locked_mass <= Self::stake_on(coldkey, netuid), Error::<T>::InsufficientStakeForLock);
        Self::put_lock(coldkey, netuid, hotkey, lock);
        let aging = Self::aging(coldkey, netuid);
        Self::change_sum(netuid, hotkey, aging, |mass| mass.saturating_add(amount));
        Self::deposit_event(Event::StakeLocked { coldkey: coldkey.clone(), hotkey: hotkey.clone(), netuid, amount });
        Ok(())
    }

    /// Locks the owner's cut where the subnet does so: for the hotkey of the owner's lock, or for the owner's own.
    pub(super) fn lock_owner_cut(netuid: NetUid, cut: Alpha) {
        if !OwnerCutAutoLockEnabled::<T>::get(netuid) {
            return;
        }
        let coldkey = SubnetOwner::<T>::get(netuid);
        let hotkey = Self::current_lock(&coldkey, netuid)
            .map_or_else(|| SubnetOwnerHotkey::<T>::get(netuid), |(hotkey, _)| hotkey);
        // What cannot be locked stays free.
        let _ = with_storage_layer(|| Self::lock_alpha(&coldkey, &hotkey, netuid, cut));
    }

    /// Lets a lock be for another hotkey, which has to earn conviction anew.
    pub(super) fn move_lock_to(coldkey: &AccountId, hotkey: &AccountId, netuid: NetUid) -> DispatchResult {
        ensure!(Self::hotkey_exists(hotkey), Error::<T>::HotKeyAccountNotExists);
        let (origin, mut lock) = Self::current_lock(coldkey, netuid).ok_or(Error::<T>::NoExistingLock)?;
        let aging = Self::aging(coldkey, netuid);
        let mass = lock.locked_mass;
        Self::drop_lock(coldkey, netuid, &origin);
        Self::change_sum(netuid, &origin, aging, |sum| sum.saturating_sub(mass));
        lock.conviction = U64F64::default();
        Self::put_lock(coldkey, netuid, hotkey, lock);
        Self::change_sum(netuid, hotkey, aging, |sum| sum.saturating_add(mass));
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
        let current = Self::current_lock(coldkey, netuid);
        DecayingLock::<T>::insert(coldkey, netuid, !enabled);
        let after = Self::aging(coldkey, netuid);
        if let Some((hotkey, lock)) = current {
            let mass = lock.locked_mass;
            Self::put_lock(coldkey, netuid, &hotkey, lock);
            if before != after {
                Self::change_sum(netuid, &hotkey, before, |sum| sum.saturating_sub(mass));
                Self::change_sum(netuid, &hotkey, after, |sum| sum.saturating_add(mass));
            }
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

    fn ensure_accepts_locks(coldkey: &AccountId) -> DispatchResult {
        let accepts = AccountFlags::<T>::get(coldkey) & ACCEPTS_LOCKS != 0;
        ensure!(accepts, Error::<T>::AccountRejectsLockedAlpha);
        Ok(())
    }

    /// Lets as much of a lock go with stake that is given to another coldkey as the stake exceeds what is not locked,
    /// and of its conviction in proportion, where the new lock is for a hotkey of the same owner.
    pub(super) fn give_lock(from: Position<'_>, to: Position<'_>, alpha: Alpha) -> DispatchResult {
        let netuid = from.netuid;
        let Some((origin, mut lock)) = Self::current_lock(from.coldkey, netuid) else { return Ok(()) };
        let free = Self::stake_on(from.coldkey, netuid).saturating_sub(lock.locked_mass);
        let mass = alpha.saturating_sub(free).min(lock.locked_mass);
        if mass == 0 {
            return Ok(());
        }
        let now = Self::now();
        let held = Self::current_lock(to.coldkey, netuid);
        ensure!(held.as_ref().is_none_or(|(hotkey, _)| hotkey == to.hotkey), Error::<T>::LockHotkeyMismatch);
        Self::ensure_accepts_locks(to.coldkey)?;
        let leaving = lock.conviction.by(U64F64::ratio(mass, lock.locked_mass));
        let arriving = if Owner::<T>::get(&origin) == Owner::<T>::get(to.hotkey) { leaving } else { U64F64::default() };
        lock.locked_mass = lock.locked_mass.saturating_sub(mass);
        lock.conviction = lock.conviction.minus(leaving);
        if lock.locked_mass < DUST {
            Self::drop_lock(from.coldkey, netuid, &origin);
        } else {
            Self::put_lock(from.coldkey, netuid, &origin, lock);
        }
        let before =
            held.map_or(LockState { locked_mass: 0, conviction: U64F64::default(), last_update: now }, |held| held.1);
        let after = LockState {
            locked_mass: before.locked_mass.saturating_add(mass),
            conviction: before.conviction.plus(arriving),
            last_update: now,
        };
        Self::put_lock(to.coldkey, netuid, to.hotkey, after);
        let (leaves, arrives) = (Self::aging(from.coldkey, netuid), Self::aging(to.coldkey, netuid));
        Self::change_sum(netuid, &origin, leaves, |sum| sum.saturating_sub(mass));
        Self::change_sum(netuid, to.hotkey, arrives, |sum| sum.saturating_add(mass));
        Ok(())
    }

    /// Refuses a new coldkey for locks that does not accept any.
    pub(super) fn ensure_may_inherit_locks(old: &AccountId, new: &AccountId) -> DispatchResult {
        let any = Self::netuids().into_iter().any(|netuid| Self::current_lock(old, netuid).is_some());
        if any { Self::ensure_accepts_locks(new) } else { Ok(()) }
    }

    /// Gives the locks of a coldkey to another.
    pub(super) fn inherit_locks(old: &AccountId, new: &AccountId, netuid: NetUid) {
        let Some((hotkey, lock)) = Self::current_lock(old, netuid) else { return };
        Self::drop_lock(old, netuid, &hotkey);
        if let Some(decays) = DecayingLock::<T>::take(old, netuid) {
            DecayingLock::<T>::insert(new, netuid, decays);
        }
        Self::put_lock(new, netuid, &hotkey, lock);
    }
}

#[cfg(test)]
mod tests {
    use super::{Aging, U64F64, fractions, times};

    #[test]
    fn aging_is_the_recorded_one() {
        let rate = 934_866;
        let mass = |blocks, mass| fractions(blocks, rate, rate, Aging::Decays).0.times(mass);
        assert_eq!(mass(103, 10_000_000_000), 9_998_898_298);
        assert_eq!(mass(2, 10_998_898_298), 10_998_874_767);
        assert_eq!(mass(202, 3_000_000_000), 2_999_351_848);
        let (_, _, gained) = fractions(202, rate, rate, Aging::Decays);
        assert_eq!(times(gained, 3_000_000_000).to_bits(), 11_954_987_923_605_693_000_000_000);
    }

    #[test]
    fn perpetual_locks_stay() {
        let (mass, kept, gained) = fractions(1_000, 10, 10, Aging::Stays);
        assert_eq!(mass, U64F64::ONE);
        assert_eq!(kept.plus(gained), U64F64::ONE);
    }
}
