//! How locks age: those of coldkeys, and the sums that are kept of them for each hotkey.
//!
//! A sum ages by itself until a lock of it is brought up to date; then it loses what that lock has lost and gains nothing,
//! as on the real chain. [`super::locks`] holds what coldkeys do with locks, [`super::takeover`] what conviction decides.

use super::{
    Config, DecayingHotkeyLock, DecayingLock, DecayingOwnerLock, HotkeyLock, Lock, LockingColdkeys, MaturityRate,
    OwnerLock, Pallet, SubnetOwnerHotkey, UnlockRate,
    fixed::U64F64,
    power,
    types::{Alpha, LockState, NetUid},
};
use crate::AccountId;

/// A lock of less mass and less conviction than this is none.
const DUST: Alpha = 100;

/// How a lock ages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aging {
    /// Its mass decays.
    Decays,
    /// Its mass stays.
    Stays,
}

impl Aging {
    /// Every way to age.
    pub(super) const ALL: [Self; 2] = [Self::Stays, Self::Decays];
}

/// Whose hotkey a lock favours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Favoured {
    /// That of the subnet's owner, whose locks have full conviction at once.
    Owner,
    /// Any other.
    Other,
}

/// What decides how a lock ages and in which sum it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) favoured: Favoured,
    pub(super) aging: Aging,
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

fn is_dust(lock: &LockState) -> bool {
    lock.locked_mass < DUST && lock.conviction < times(U64F64::ONE, DUST)
}

fn is_empty(sum: &LockState) -> bool {
    sum.locked_mass == 0 && sum.conviction == U64F64::default()
}

impl LockState {
    /// Without what another has of it.
    fn less(&self, other: &Self) -> Self {
        Self {
            locked_mass: self.locked_mass.saturating_sub(other.locked_mass),
            conviction: self.conviction.minus(other.conviction),
            last_update: self.last_update,
        }
    }

    /// With what another has.
    pub(super) fn with(&self, other: &Self) -> Self {
        Self {
            locked_mass: self.locked_mass.saturating_add(other.locked_mass),
            conviction: self.conviction.plus(other.conviction),
            last_update: self.last_update.max(other.last_update),
        }
    }
}

impl<T: Config> Pallet<T> {
    /// A lock of nothing, as of now.
    pub(super) fn no_lock() -> LockState {
        LockState { locked_mass: 0, conviction: U64F64::default(), last_update: Self::now() }
    }

    pub(super) fn aging(coldkey: &AccountId, netuid: NetUid) -> Aging {
        if DecayingLock::<T>::get(coldkey, netuid) == Some(false) { Aging::Stays } else { Aging::Decays }
    }

    pub(super) fn favoured(netuid: NetUid, hotkey: &AccountId) -> Favoured {
        let owner = SubnetOwnerHotkey::<T>::contains_key(netuid) && SubnetOwnerHotkey::<T>::get(netuid) == *hotkey;
        if owner { Favoured::Owner } else { Favoured::Other }
    }

    /// How the coldkey's lock for the hotkey stands.
    pub(super) fn standing(coldkey: &AccountId, netuid: NetUid, hotkey: &AccountId) -> Standing {
        Standing { favoured: Self::favoured(netuid, hotkey), aging: Self::aging(coldkey, netuid) }
    }

    /// A lock or a sum of locks as it is now.
    pub(super) fn rolled(lock: &LockState, standing: Standing) -> LockState {
        let now = Self::now();
        let mut rolled = lock.clone();
        if now > lock.last_update {
            let blocks = now.saturating_sub(lock.last_update);
            let (unlock, maturity) = (UnlockRate::<T>::get(), MaturityRate::<T>::get());
            let (mass, kept, gained) = fractions(blocks, unlock, maturity, standing.aging);
            rolled = LockState {
                locked_mass: mass.times(lock.locked_mass),
                conviction: lock.conviction.by(kept).plus(times(gained, lock.locked_mass)),
                last_update: now,
            };
        }
        if standing.favoured == Favoured::Owner {
            rolled.conviction = times(U64F64::ONE, rolled.locked_mass);
        }
        if is_dust(&rolled) { LockState { last_update: rolled.last_update, ..Self::no_lock() } } else { rolled }
    }

    fn stored_sum(netuid: NetUid, hotkey: &AccountId, standing: Standing) -> Option<LockState> {
        match (standing.favoured, standing.aging) {
            (Favoured::Owner, Aging::Decays) => DecayingOwnerLock::<T>::get(netuid),
            (Favoured::Owner, Aging::Stays) => OwnerLock::<T>::get(netuid),
            (Favoured::Other, Aging::Decays) => DecayingHotkeyLock::<T>::get(netuid, hotkey),
            (Favoured::Other, Aging::Stays) => HotkeyLock::<T>::get(netuid, hotkey),
        }
    }

    /// What is locked for a hotkey altogether by locks of one standing, as it is now.
    pub(super) fn sum(netuid: NetUid, hotkey: &AccountId, standing: Standing) -> LockState {
        Self::stored_sum(netuid, hotkey, standing).map_or_else(Self::no_lock, |sum| Self::rolled(&sum, standing))
    }

    /// Takes that sum out of storage, where there is one.
    pub(super) fn take_sum(netuid: NetUid, hotkey: &AccountId, standing: Standing) -> Option<LockState> {
        let sum = Self::stored_sum(netuid, hotkey, standing)?;
        Self::put_sum(netuid, hotkey, standing, Self::no_lock());
        Some(Self::rolled(&sum, standing))
    }

    pub(super) fn put_sum(netuid: NetUid, hotkey: &AccountId, standing: Standing, sum: LockState) {
        let sum = Some(sum).filter(|sum| !is_empty(sum));
        match (standing.favoured, standing.aging) {
            (Favoured::Owner, Aging::Decays) => DecayingOwnerLock::<T>::set(netuid, sum),
            (Favoured::Owner, Aging::Stays) => OwnerLock::<T>::set(netuid, sum),
            (Favoured::Other, Aging::Decays) => DecayingHotkeyLock::<T>::set(netuid, hotkey, sum),
            (Favoured::Other, Aging::Stays) => HotkeyLock::<T>::set(netuid, hotkey, sum),
        }
    }

    pub(super) fn add_to_sum(netuid: NetUid, hotkey: &AccountId, standing: Standing, part: &LockState) {
        let sum = Self::sum(netuid, hotkey, standing).with(part);
        Self::put_sum(netuid, hotkey, standing, Self::rolled(&sum, standing));
    }

    pub(super) fn take_from_sum(netuid: NetUid, hotkey: &AccountId, standing: Standing, part: &LockState) {
        Self::put_sum(netuid, hotkey, standing, Self::sum(netuid, hotkey, standing).less(part));
    }

    /// Stores a lock, or forgets it once it is nothing.
    pub(super) fn put_lock(coldkey: &AccountId, netuid: NetUid, hotkey: &AccountId, lock: LockState) {
        if is_dust(&lock) {
            Self::drop_lock(coldkey, netuid, hotkey);
            return;
        }
        Lock::<T>::insert((coldkey, netuid, hotkey), lock);
        LockingColdkeys::<T>::insert((netuid, hotkey, coldkey), ());
    }

    pub(super) fn drop_lock(coldkey: &AccountId, netuid: NetUid, hotkey: &AccountId) {
        Lock::<T>::remove((coldkey, netuid, hotkey));
        LockingColdkeys::<T>::remove((netuid, hotkey, coldkey));
    }

    /// The coldkey's lock on the subnet and whom it is for, as it is now.
    pub(super) fn current_lock(coldkey: &AccountId, netuid: NetUid) -> Option<(AccountId, LockState)> {
        let (hotkey, lock) = Lock::<T>::iter_prefix((coldkey, netuid)).next()?;
        let rolled = Self::rolled(&lock, Self::standing(coldkey, netuid, &hotkey));
        Some((hotkey, rolled))
    }

    /// Stores a coldkey's lock as it is now, and takes what it has lost from the sum it counts in.
    pub(super) fn bring_up_to_date(coldkey: &AccountId, netuid: NetUid, hotkey: &AccountId) -> LockState {
        let standing = Self::standing(coldkey, netuid, hotkey);
        let before = Lock::<T>::get((coldkey, netuid, hotkey)).unwrap_or_else(Self::no_lock);
        let rolled = Self::rolled(&before, standing);
        let lost = LockState { last_update: rolled.last_update, ..before.less(&rolled) };
        let sum = if is_empty(&lost) {
            Self::sum(netuid, hotkey, standing)
        } else {
            let sum = Self::stored_sum(netuid, hotkey, standing).unwrap_or_else(Self::no_lock);
            LockState { last_update: Self::now(), ..sum.less(&lost) }
        };
        Self::put_lock(coldkey, netuid, hotkey, rolled.clone());
        Self::put_sum(netuid, hotkey, standing, sum);
        rolled
    }

    /// Brings the coldkey's lock on the subnet up to date, where it has one, after its stake there has changed.
    pub(super) fn refresh_lock(coldkey: &AccountId, netuid: NetUid) {
        if let Some((hotkey, _)) = Lock::<T>::iter_prefix((coldkey, netuid)).next() {
            Self::bring_up_to_date(coldkey, netuid, &hotkey);
        }
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
