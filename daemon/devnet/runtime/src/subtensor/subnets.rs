//! Creating subnets and starting them. How they end is in `dissolution`.

use alloc::vec::Vec;

use frame_support::{ensure, traits::tokens::Preservation};
use sp_runtime::{DispatchError, DispatchResult};

use super::{
    AutoParentDelegationEnabled, Burn, Config, Error, Event, FirstEmissionBlockNumber, ImmunityPeriod, Keys,
    LastEpochBlock, LastRateLimitedBlock, MaxAllowedUids, MaxAllowedValidators, MinAllowedWeights,
    NetworkImmunityPeriod, NetworkLastLockCost, NetworkMinLockCost, NetworkRateLimit, NetworkRegisteredAt,
    NetworkRegistrationAllowed, NetworkRegistrationStartBlock, NetworksAdded, Owner, Pallet, PendingEpochAt,
    RegisteredSubnetCounter, StartCallDelay, SubnetAlphaIn, SubnetAlphaOut, SubnetEmissionEnabled, SubnetLimit,
    SubnetLocked, SubnetMechanism, SubnetOwner, SubnetOwnerHotkey, SubnetTAO, SubnetworkN, SubtokenEnabled, Tempo,
    TokenSymbol, TotalNetworks, TotalStake, Yuma3On,
    fixed::U64F64,
    symbols,
    types::{NetUid, ROOT, RateLimitKey, SubnetIdentityV3, Tao},
};
use crate::{AccountId, UNIT, alpha_assets};

/// Blocks between epochs of a new subnet.
const TEMPO: u16 = 360;
/// Neurons a new subnet may have.
const UIDS: u16 = 256;
/// Validators a new subnet may have.
const VALIDATORS: u16 = 64;
/// Weights a validator of a new subnet must set at least.
const LEAST_WEIGHTS: u16 = 1;
/// Blocks a neuron of a new subnet cannot be pruned.
const IMMUNITY: u16 = 5_000;
/// The first price of registration, in rao.
const FIRST_BURN: Tao = UNIT;

impl<T: Config> Pallet<T> {
    /// Every subnet, ascending.
    pub fn netuids() -> Vec<NetUid> {
        let mut netuids: Vec<NetUid> = Self::netuids_in_storage_order();
        netuids.sort_unstable();
        netuids
    }

    /// Every subnet in the order of storage, in which the real chain lists some of its answers.
    pub(super) fn netuids_in_storage_order() -> Vec<NetUid> {
        NetworksAdded::<T>::iter().filter(|(_, exists)| *exists).map(|(netuid, _)| netuid).collect()
    }

    /// Whether a subnet may be created now, as far as the time of the last one decides.
    pub(super) fn network_rate_allows() -> bool {
        let last = LastRateLimitedBlock::<T>::get(RateLimitKey::NetworkLastRegistered);
        let limit = NetworkRateLimit::<T>::get();
        limit == 0 || last == 0 || Self::now().saturating_sub(last) >= limit
    }

    /// Creates a subnet whose owner's neuron is `hotkey`.
    pub(super) fn create_subnet(
        coldkey: &AccountId,
        hotkey: &AccountId,
        identity: Option<SubnetIdentityV3>,
    ) -> DispatchResult {
        ensure!(!Self::hotkey_exists(hotkey) || Self::owns(coldkey, hotkey), Error::<T>::NonAssociatedColdKey);
        ensure!(!Self::is_subnet_account(hotkey), Error::<T>::CannotUseSystemAccount);
        let now = Self::now();
        ensure!(now >= NetworkRegistrationStartBlock::<T>::get(), Error::<T>::SubNetRegistrationDisabled);
        ensure!(Self::network_rate_allows(), Error::<T>::NetworkTxRateLimitExceeded);
        let pruned = Self::subnet_to_replace()?;
        let cost = Self::network_lock_cost();
        ensure!(Self::spendable(coldkey) >= cost, Error::<T>::CannotAffordLockCost);
        if let Some(pruned) = pruned {
            Self::dissolve(pruned)?;
        }
        let netuid = pruned.map_or_else(Self::free_netuid, Ok)?;

        let price = Self::median_price();
        Self::set_subnet_defaults(netuid, now);
        Self::claim_hotkey(coldkey, hotkey)?;
        let paid = Self::transfer(coldkey, &Self::subnet_account(netuid), cost, Preservation::Expendable)?;
        NetworkLastLockCost::<T>::put(paid);
        LastRateLimitedBlock::<T>::insert(RateLimitKey::NetworkLastRegistered, now);
        Self::append_neuron(netuid, hotkey);
        Self::fill_pool(netuid, paid, price);
        NetworkRegisteredAt::<T>::insert(netuid, now);
        RegisteredSubnetCounter::<T>::mutate(netuid, |count| *count = count.saturating_add(1));
        TokenSymbol::<T>::insert(netuid, Self::free_symbol(netuid));
        SubnetOwner::<T>::insert(netuid, coldkey);
        SubnetOwnerHotkey::<T>::insert(netuid, hotkey);
        Self::deposit_event(Event::SubnetOwnerHotkeySet(netuid, hotkey.clone()));
        if let Some(identity) = identity {
            Self::insert_subnet_identity(netuid, identity)?;
        }
        Self::delegate_root_validators(netuid, hotkey);
        Self::deposit_event(Event::NetworkAdded(netuid, SubnetMechanism::<T>::get(netuid)));
        Ok(())
    }

    /// The subnet that must go before another can come, when there are as many as there may be.
    fn subnet_to_replace() -> Result<Option<NetUid>, DispatchError> {
        let subnets = Self::netuids_in_storage_order().into_iter().filter(|netuid| *netuid != ROOT).count();
        if subnets < usize::from(SubnetLimit::<T>::get()) {
            return Ok(None);
        }
        Ok(Some(Self::subnet_to_prune().ok_or(Error::<T>::SubnetLimitReached)?))
    }

    /// The lowest unused number.
    fn free_netuid() -> Result<NetUid, DispatchError> {
        let used = Self::netuids();
        (1..NetUid::MAX).find(|netuid| !used.contains(netuid)).ok_or_else(|| Error::<T>::SubnetLimitReached.into())
    }

    fn set_subnet_defaults(netuid: NetUid, now: u64) {
        NetworksAdded::<T>::insert(netuid, true);
        TotalNetworks::<T>::mutate(|total| *total = total.saturating_add(1));
        SubnetworkN::<T>::insert(netuid, 0);
        SubnetMechanism::<T>::insert(netuid, 1);
        Tempo::<T>::insert(netuid, TEMPO);
        LastEpochBlock::<T>::insert(netuid, now.saturating_sub(u64::from(netuid % TEMPO)));
        Yuma3On::<T>::insert(netuid, true);
        SubnetEmissionEnabled::<T>::insert(netuid, false);
        Burn::<T>::insert(netuid, FIRST_BURN);
        NetworkRegistrationAllowed::<T>::insert(netuid, true);
        Self::deposit_event(Event::RegistrationAllowed(netuid, true));
        MaxAllowedUids::<T>::insert(netuid, UIDS);
        Self::deposit_event(Event::MaxAllowedUidsSet(netuid, UIDS));
        MaxAllowedValidators::<T>::insert(netuid, VALIDATORS);
        Self::deposit_event(Event::MaxAllowedValidatorsSet(netuid, VALIDATORS));
        MinAllowedWeights::<T>::insert(netuid, LEAST_WEIGHTS);
        Self::deposit_event(Event::MinAllowedWeightSet(netuid, LEAST_WEIGHTS));
        ImmunityPeriod::<T>::insert(netuid, IMMUNITY);
        Self::deposit_event(Event::ImmunityPeriodSet(netuid, IMMUNITY));
    }

    fn fill_pool(netuid: NetUid, paid: Tao, price: U64F64) {
        let tao = paid.max(NetworkMinLockCost::<T>::get());
        let alpha = U64F64::from_integer(tao).over(price).whole();
        SubnetTAO::<T>::insert(netuid, tao);
        SubnetAlphaIn::<T>::insert(netuid, alpha);
        alpha_assets::Pallet::<T>::note_minted(netuid, alpha);
        SubnetAlphaOut::<T>::insert(netuid, 0);
        SubnetLocked::<T>::insert(netuid, paid);
        TotalStake::<T>::mutate(|total| *total = total.saturating_add(tao));
    }

    /// The middle price of the subnets that have one, and one when none has.
    fn median_price() -> U64F64 {
        let mut prices: Vec<U64F64> = Self::netuids()
            .into_iter()
            .filter(|netuid| *netuid != ROOT)
            .map(Self::precise_price)
            .filter(|price| !price.is_zero())
            .collect();
        prices.sort_unstable();
        let middle = prices.len() / 2;
        match (prices.get(middle.wrapping_sub(1)), prices.get(middle)) {
            (Some(low), Some(high)) if prices.len().is_multiple_of(2) => {
                U64F64::from_bits(low.plus(*high).to_bits() / 2)
            }
            (_, Some(price)) => *price,
            _ => U64F64::ONE,
        }
    }

    fn free_symbol(netuid: NetUid) -> Vec<u8> {
        let used: Vec<Vec<u8>> =
            Self::netuids().into_iter().filter(|other| *other != netuid).map(TokenSymbol::<T>::get).collect();
        symbols::candidates(netuid)
            .map(String::into_bytes)
            .find(|symbol| !used.contains(symbol))
            .unwrap_or_else(|| symbols::of(ROOT).into_bytes())
    }

    /// Makes the owner's hotkey the only child of every root validator that has not said otherwise.
    fn delegate_root_validators(netuid: NetUid, owner_hotkey: &AccountId) {
        for uid in 0..SubnetworkN::<T>::get(ROOT) {
            let validator = Keys::<T>::get(ROOT, uid);
            if validator == *owner_hotkey || !AutoParentDelegationEnabled::<T>::get(&validator) {
                continue;
            }
            let children = alloc::vec![(u64::MAX, owner_hotkey.clone())];
            // A validator that may have no children stays without.
            let _ = Self::schedule_children(&Owner::<T>::get(&validator), &validator, netuid, children);
        }
    }

    /// Lets staking and emission of a subnet begin.
    pub(super) fn start_subnet(coldkey: &AccountId, netuid: NetUid) -> DispatchResult {
        ensure!(Self::subnet_exists(netuid), Error::<T>::SubnetNotExists);
        ensure!(SubnetOwner::<T>::get(netuid) == *coldkey, DispatchError::BadOrigin);
        ensure!(!FirstEmissionBlockNumber::<T>::contains_key(netuid), Error::<T>::FirstEmissionBlockNumberAlreadySet);
        let now = Self::now();
        ensure!(
            now >= NetworkRegisteredAt::<T>::get(netuid).saturating_add(StartCallDelay::<T>::get()),
            Error::<T>::NeedWaitingMoreBlocksToStarCall
        );
        let first = now.saturating_add(1);
        FirstEmissionBlockNumber::<T>::insert(netuid, first);
        SubtokenEnabled::<T>::insert(netuid, true);
        Self::deposit_event(Event::FirstEmissionBlockNumberSet(netuid, first));
        Ok(())
    }

    /// The subnet that would make room for a new one: the cheapest that is no longer immune, the oldest among equals.
    pub fn subnet_to_prune() -> Option<NetUid> {
        let now = Self::now();
        let immunity = NetworkImmunityPeriod::<T>::get();
        Self::netuids_in_storage_order()
            .into_iter()
            .filter(|netuid| *netuid != ROOT)
            .map(|netuid| (Self::moving_price(netuid), NetworkRegisteredAt::<T>::get(netuid), netuid))
            .filter(|(_, registered, _)| now >= registered.saturating_add(immunity))
            .min_by_key(|(price, registered, _)| (*price, *registered))
            .map(|(_, _, netuid)| netuid)
    }

    /// The block of the subnet's next epoch, as far as it is known now.
    pub fn next_epoch_block(netuid: NetUid) -> Option<u64> {
        let tempo = u64::from(Tempo::<T>::get(netuid));
        if tempo == 0 || !Self::subnet_exists(netuid) {
            return None;
        }
        let automatic = LastEpochBlock::<T>::get(netuid).saturating_add(tempo);
        let pending = PendingEpochAt::<T>::get(netuid);
        Some(if pending > 0 { automatic.min(pending) } else { automatic })
    }
}
