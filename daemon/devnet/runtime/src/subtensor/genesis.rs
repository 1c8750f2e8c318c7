//! What the pallet starts with: root, and unless left out one subnet that belongs to nobody.

use super::{
    Config, LargestLocked, MaxAllowedUids, MaxAllowedValidators, MinAllowedWeights, NetworkRateLimit,
    NetworkRegistrationAllowed, NetworksAdded, Pallet, StartCallDelay, SubnetAlphaIn, SubnetAlphaOut, SubnetLocked,
    SubnetMechanism, SubnetOwner, SubnetOwnerHotkey, SubnetTAO, SubnetworkN, SubtokenEnabled,
    TargetRegistrationsPerInterval, Tempo, TokenSymbol, TotalNetworks, symbols,
    types::{NetUid, ROOT},
};
use crate::{AccountId, UNIT};

/// The subnet that every chain starts with.
pub(super) const FIRST: NetUid = 1;
/// Blocks between epochs of the networks of genesis.
const TEMPO: u16 = 100;
/// Seats on root.
const ROOT_SEATS: u16 = 64;
/// Both sides of the first subnet's pool, in rao.
const FIRST_RESERVE: u64 = 10 * UNIT;

impl<T: Config> Pallet<T> {
    pub(super) fn build_genesis(
        start_call_delay: Option<u64>,
        network_rate_limit: Option<u64>,
        started: &[NetUid],
        networks: &[NetUid],
    ) {
        if let Some(delay) = start_call_delay {
            StartCallDelay::<T>::put(delay);
        }
        if let Some(limit) = network_rate_limit {
            NetworkRateLimit::<T>::put(limit);
        }
        for netuid in started {
            SubtokenEnabled::<T>::insert(netuid, true);
        }
        for netuid in networks {
            NetworksAdded::<T>::insert(netuid, true);
            NetworkRegistrationAllowed::<T>::insert(netuid, true);
            SubnetworkN::<T>::insert(netuid, 0);
            MaxAllowedValidators::<T>::insert(netuid, ROOT_SEATS);
            MinAllowedWeights::<T>::insert(netuid, 0);
            Tempo::<T>::insert(netuid, TEMPO);
            SubnetOwner::<T>::insert(netuid, Self::nobody());
            TokenSymbol::<T>::insert(netuid, symbols::of(*netuid).into_bytes());
        }
        TotalNetworks::<T>::put(u16::try_from(networks.len()).unwrap_or(u16::MAX));
        MaxAllowedUids::<T>::insert(ROOT, ROOT_SEATS);
        TargetRegistrationsPerInterval::<T>::insert(ROOT, 1);
        if networks.contains(&FIRST) {
            Self::build_first_subnet();
        }
    }

    fn build_first_subnet() {
        let nobody = Self::nobody();
        MaxAllowedUids::<T>::insert(FIRST, 256);
        SubnetMechanism::<T>::insert(FIRST, 1);
        SubnetOwnerHotkey::<T>::insert(FIRST, &nobody);
        SubnetTAO::<T>::insert(FIRST, FIRST_RESERVE);
        SubnetAlphaIn::<T>::insert(FIRST, FIRST_RESERVE);
        SubnetAlphaOut::<T>::insert(FIRST, UNIT);
        SubnetLocked::<T>::insert(FIRST, 1);
        LargestLocked::<T>::insert(FIRST, 1);
        Self::credit_stake(&nobody, &nobody, FIRST, UNIT);
        Self::append_neuron(FIRST, &nobody);
    }

    /// The account of 32 zero bytes, whose key nobody has.
    pub(super) fn nobody() -> AccountId {
        AccountId::new([0; 32])
    }
}
