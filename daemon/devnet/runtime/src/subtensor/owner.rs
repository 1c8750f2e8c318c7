//! What owners of subnets may set, and when: rate limits of hyperparameters and the window before an epoch.

use alloc::vec::Vec;

use frame_support::ensure;
use sp_runtime::{DispatchError, DispatchResult};

use super::{
    ActivityCutoffFactorMilli, AdminFreezeWindow, Bonds, CommitRevealWeightsEnabled, Config, Error, Event, Incentive,
    LastEpochBlock, LastRateLimitedBlock, LastUpdate, MechanismCountCurrent, MechanismEmissionSplit,
    OwnerHyperparamRateLimit, Pallet, PendingEpochAt, SubnetOwner, Tempo, TimelockedWeightCommits, TokenSymbol,
    WeightCommits, Weights,
    children::action,
    neurons::storage_index,
    symbols,
    types::{Hyperparameter, MechId, NetUid, RateLimitKey},
};
use crate::AccountId;

/// Tempos an owner may set.
const TEMPOS: core::ops::RangeInclusive<u16> = 360..=50_400;
/// Blocks between two changes of the tempo by the owner.
const TEMPO_LIMIT: u64 = 360;
/// Activity cutoffs, in thousandths of the tempo.
const CUTOFF_FACTORS: core::ops::RangeInclusive<u32> = 1_000..=50_000;

/// Who changes a subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authority {
    /// The holder of the sudo key.
    Root,
    /// The owner.
    Owner(AccountId),
}

impl<T: Config> Pallet<T> {
    /// Tells of a change that another pallet made.
    pub fn announce(event: Event<T>) {
        Self::deposit_event(event);
    }

    /// Changes how many mechanisms a subnet has. What dropped ones had is gone, new ones have nothing stored until a
    /// neuron comes, weights are set or an epoch ends, and emission is split evenly again. A subnet that has as many
    /// already stays as it is.
    pub fn change_mechanisms(netuid: NetUid, count: MechId) {
        let before = MechanismCountCurrent::<T>::get(netuid);
        if before == count {
            return;
        }
        MechanismCountCurrent::<T>::insert(netuid, count);
        MechanismEmissionSplit::<T>::remove(netuid);
        for mechanism in count..before {
            let index = storage_index(netuid, mechanism);
            Incentive::<T>::remove(index);
            LastUpdate::<T>::remove(index);
            let _ = Weights::<T>::clear_prefix(index, u32::MAX, None);
            let _ = Bonds::<T>::clear_prefix(index, u32::MAX, None);
            let _ = WeightCommits::<T>::clear_prefix(index, u32::MAX, None);
            let _ = TimelockedWeightCommits::<T>::clear_prefix(index, u32::MAX, None);
        }
    }

    /// Tells the root origin and the owner of the subnet from everybody else.
    pub fn authority_over(origin: T::RuntimeOrigin, netuid: NetUid) -> Result<Authority, DispatchError> {
        match frame_system::ensure_signed_or_root(origin)? {
            None => Ok(Authority::Root),
            Some(who) => Self::ensure_owner(&who, netuid).map(|()| Authority::Owner(who)),
        }
    }

    /// Refuses anybody but the owner of the subnet.
    pub(super) fn ensure_owner(who: &AccountId, netuid: NetUid) -> DispatchResult {
        let owns = SubnetOwner::<T>::contains_key(netuid) && SubnetOwner::<T>::get(netuid) == *who;
        ensure!(owns, DispatchError::BadOrigin);
        Ok(())
    }

    /// Refuses changes just before an epoch, so that nobody is surprised.
    pub fn ensure_not_frozen(netuid: NetUid) -> DispatchResult {
        let window = u64::from(AdminFreezeWindow::<T>::get());
        let tempo = u64::from(Tempo::<T>::get(netuid));
        let automatic = LastEpochBlock::<T>::get(netuid).saturating_add(tempo);
        let now = Self::now();
        // The last epoch of root never moves, so from its first tempo on it is always frozen.
        let frozen = PendingEpochAt::<T>::get(netuid) > now || automatic.saturating_sub(now) < window;
        ensure!(tempo == 0 || !frozen, Error::<T>::AdminActionProhibitedDuringWeightsWindow);
        Ok(())
    }

    /// Lets an owner change a hyperparameter only every few tempos. Root may always.
    pub fn ensure_settable(authority: &Authority, netuid: NetUid, parameter: Hyperparameter) -> DispatchResult {
        let Authority::Owner(_) = authority else { return Ok(()) };
        let last = LastRateLimitedBlock::<T>::get(RateLimitKey::OwnerHyperparamUpdate(netuid, parameter));
        let tempos = u64::from(OwnerHyperparamRateLimit::<T>::get());
        let limit = tempos.saturating_mul(u64::from(Tempo::<T>::get(netuid)));
        ensure!(last == 0 || Self::now().saturating_sub(last) >= limit, Error::<T>::TxRateLimitExceeded);
        Ok(())
    }

    /// Remembers that the owner changed a hyperparameter just now.
    pub fn note_set(authority: &Authority, netuid: NetUid, parameter: Hyperparameter) {
        if let Authority::Owner(_) = authority {
            LastRateLimitedBlock::<T>::insert(RateLimitKey::OwnerHyperparamUpdate(netuid, parameter), Self::now());
        }
    }

    /// Sets the tempo and lets a new one begin.
    pub fn restart_tempo(netuid: NetUid, tempo: u16) {
        Tempo::<T>::insert(netuid, tempo);
        LastEpochBlock::<T>::insert(netuid, Self::now());
        PendingEpochAt::<T>::insert(netuid, 0);
        Self::deposit_event(Event::TempoSet(netuid, tempo));
    }

    /// Sets the tempo for the owner.
    pub(super) fn set_owner_tempo(owner: &AccountId, netuid: NetUid, tempo: u16) -> DispatchResult {
        Self::ensure_owner(owner, netuid)?;
        ensure!(TEMPOS.contains(&tempo), Error::<T>::TempoOutOfBounds);
        Self::ensure_not_frozen(netuid)?;
        ensure!(Self::waited(owner, netuid, action::TEMPO, TEMPO_LIMIT), Error::<T>::TxRateLimitExceeded);
        Self::remember_action(owner, netuid, action::TEMPO);
        Self::restart_tempo(netuid, tempo);
        Ok(())
    }

    /// Sets after how much of a tempo without weights a validator no longer counts. Neither the window before an epoch
    /// nor a rate limit binds root, which may set it for a subnet that is still to come.
    pub(super) fn set_cutoff_factor(authority: &Authority, netuid: NetUid, factor: u32) -> DispatchResult {
        ensure!(CUTOFF_FACTORS.contains(&factor), Error::<T>::ActivityCutoffFactorMilliOutOfBounds);
        if let Authority::Owner(_) = authority {
            Self::ensure_not_frozen(netuid)?;
        }
        Self::ensure_settable(authority, netuid, Hyperparameter::ActivityCutoffFactorMilli)?;
        ActivityCutoffFactorMilli::<T>::insert(netuid, factor);
        Self::note_set(authority, netuid, Hyperparameter::ActivityCutoffFactorMilli);
        Self::deposit_event(Event::ActivityCutoffFactorMilliSet { netuid, factor_milli: factor });
        Ok(())
    }

    /// Lets an epoch end early, after the window in which nothing may be changed.
    pub(super) fn schedule_epoch(owner: &AccountId, netuid: NetUid) -> DispatchResult {
        Self::ensure_owner(owner, netuid)?;
        ensure!(!CommitRevealWeightsEnabled::<T>::get(netuid), Error::<T>::DynamicTempoBlockedByCommitReveal);
        ensure!(PendingEpochAt::<T>::get(netuid) == 0, Error::<T>::EpochTriggerAlreadyPending);
        let now = Self::now();
        let fires_at = now.saturating_add(u64::from(AdminFreezeWindow::<T>::get()));
        let automatic = LastEpochBlock::<T>::get(netuid).saturating_add(u64::from(Tempo::<T>::get(netuid)));
        ensure!(automatic >= fires_at, Error::<T>::AutoEpochAlreadyImminent);
        let authority = Authority::Owner(owner.clone());
        Self::ensure_settable(&authority, netuid, Hyperparameter::TriggerEpoch)?;
        PendingEpochAt::<T>::insert(netuid, fires_at);
        Self::note_set(&authority, netuid, Hyperparameter::TriggerEpoch);
        Self::deposit_event(Event::EpochTriggered { netuid, by: owner.clone(), fires_at });
        Ok(())
    }

    /// Gives a subnet another symbol of the table, one that nobody has.
    pub(super) fn store_symbol(netuid: NetUid, symbol: Vec<u8>) -> DispatchResult {
        ensure!(symbols::exists(&symbol), Error::<T>::SymbolDoesNotExist);
        let used = Self::netuids().into_iter().any(|netuid| TokenSymbol::<T>::get(netuid) == symbol);
        ensure!(!used, Error::<T>::SymbolAlreadyInUse);
        TokenSymbol::<T>::insert(netuid, &symbol);
        Self::deposit_event(Event::SymbolUpdated { netuid, symbol });
        Ok(())
    }
}
