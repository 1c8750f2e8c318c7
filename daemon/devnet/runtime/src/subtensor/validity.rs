//! What is checked before a call enters the pool, and the codes clients get when it may not.

use super::{
    Call, CommitRevealWeightsEnabled, Config, Error, Pallet,
    types::{AxonInfo, NetUid, PrometheusInfo},
};
use crate::AccountId;

/// `InvalidTransaction::Custom` codes, by the error that dispatch would give.
///
/// Errors without a code of their own are bad requests.
pub fn code<T: Config>(error: &Error<T>) -> u8 {
    match error {
        Error::NotEnoughStakeToSetWeights => 1,
        Error::HotKeyAccountNotExists => 4,
        Error::SettingWeightsTooFast | Error::NetworkTxRateLimitExceeded => 6,
        Error::HotKeyNotRegisteredInNetwork => 10,
        Error::InvalidIpAddress => 11,
        Error::ServingRateLimitExceeded => 12,
        Error::InvalidPort => 13,
        Error::NonAssociatedColdKey => 25,
        Error::DelegateTakeTooLow => 26,
        Error::DelegateTakeTooHigh => 27,
        _ => 255,
    }
}

fn check_weights<T: Config>(hotkey: &AccountId, netuid: NetUid, mechanism: u8) -> Result<(), Error<T>> {
    if !Pallet::<T>::may_set_weights(hotkey, netuid) {
        return Err(Error::NotEnoughStakeToSetWeights);
    }
    let plain = !CommitRevealWeightsEnabled::<T>::get(netuid);
    if plain && !Pallet::<T>::weights_rate_allows(hotkey, netuid, mechanism) {
        return Err(Error::SettingWeightsTooFast);
    }
    Ok(())
}

/// Whether the signer may send the call now, as far as the pool looks.
pub fn check<T: Config>(signer: &AccountId, call: &Call<T>) -> Result<(), Error<T>> {
    match call {
        Call::set_weights { netuid, .. } => check_weights(signer, *netuid, 0),
        Call::set_mechanism_weights { netuid, mecid, .. } => check_weights(signer, *netuid, *mecid),
        Call::register_network { .. } if !Pallet::<T>::network_rate_allows() => Err(Error::NetworkTxRateLimitExceeded),
        Call::increase_take { hotkey, take } | Call::decrease_take { hotkey, take } => {
            Pallet::<T>::check_take(signer, hotkey, *take)
        }
        Call::serve_axon { netuid, version, ip, port, ip_type, protocol, placeholder1, placeholder2 }
        | Call::serve_axon_tls { netuid, version, ip, port, ip_type, protocol, placeholder1, placeholder2, .. } => {
            let axon = AxonInfo {
                block: 0,
                version: *version,
                ip: *ip,
                port: *port,
                ip_type: *ip_type,
                protocol: *protocol,
                placeholder1: *placeholder1,
                placeholder2: *placeholder2,
            };
            Pallet::<T>::check_axon(signer, *netuid, &axon)
        }
        Call::serve_prometheus { netuid, version, ip, port, ip_type } => {
            let endpoint = PrometheusInfo { block: 0, version: *version, ip: *ip, port: *port, ip_type: *ip_type };
            Pallet::<T>::check_prometheus(signer, *netuid, &endpoint)
        }
        _ => Ok(()),
    }
}
