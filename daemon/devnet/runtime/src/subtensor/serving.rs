//! Announcing where a neuron answers.

use frame_support::ensure;
use sp_runtime::DispatchResult;

use super::{
    Axons, Config, Error, Event, NeuronCertificates, Pallet, Prometheus, ServingRateLimit, Uids,
    types::{AxonInfo, NetUid, NeuronCertificate, PrometheusInfo},
};
use crate::AccountId;

const LOOPBACK_V4: u128 = 0x7f00_0001;
const LOOPBACK_V6: u128 = 1;

/// Whether others could reach the address. Zero means "nowhere", which an axon may say.
fn is_address(ip_type: u8, ip: u128) -> bool {
    match ip_type {
        4 => ip < u128::from(u32::MAX) && ip != LOOPBACK_V4,
        6 => ip < u128::MAX && ip != LOOPBACK_V6,
        _ => false,
    }
}

impl<T: Config> Pallet<T> {
    fn check_serving_rate(netuid: NetUid, previous: Option<u64>) -> Result<(), Error<T>> {
        let limit = ServingRateLimit::<T>::get(netuid);
        let too_fast = previous.is_some_and(|block| block != 0 && Self::now().saturating_sub(block) < limit);
        if too_fast { Err(Error::ServingRateLimitExceeded) } else { Ok(()) }
    }

    /// Whether the hotkey may announce this axon now.
    pub(super) fn check_axon(hotkey: &AccountId, netuid: NetUid, axon: &AxonInfo) -> Result<(), Error<T>> {
        ensure!(Uids::<T>::contains_key(netuid, hotkey), Error::HotKeyNotRegisteredInNetwork);
        ensure!(matches!(axon.ip_type, 4 | 6), Error::InvalidIpType);
        ensure!(is_address(axon.ip_type, axon.ip), Error::InvalidIpAddress);
        Self::check_serving_rate(netuid, Axons::<T>::get(netuid, hotkey).map(|axon| axon.block))?;
        ensure!(axon.port != 0, Error::InvalidPort);
        Ok(())
    }

    /// Whether the hotkey may announce this metrics endpoint now.
    pub(super) fn check_prometheus(
        hotkey: &AccountId,
        netuid: NetUid,
        endpoint: &PrometheusInfo,
    ) -> Result<(), Error<T>> {
        ensure!(matches!(endpoint.ip_type, 4 | 6), Error::InvalidIpType);
        ensure!(endpoint.ip != 0 && is_address(endpoint.ip_type, endpoint.ip), Error::InvalidIpAddress);
        ensure!(Uids::<T>::contains_key(netuid, hotkey), Error::HotKeyNotRegisteredInNetwork);
        Self::check_serving_rate(netuid, Prometheus::<T>::get(netuid, hotkey).map(|endpoint| endpoint.block))?;
        ensure!(endpoint.port != 0, Error::InvalidPort);
        Ok(())
    }

    /// Stores the axon and, when it can be read, the certificate.
    pub(super) fn announce_axon(
        hotkey: &AccountId,
        netuid: NetUid,
        axon: &AxonInfo,
        certificate: Option<&[u8]>,
    ) -> DispatchResult {
        Self::check_axon(hotkey, netuid, axon)?;
        if let Some(certificate) = certificate.and_then(NeuronCertificate::read) {
            NeuronCertificates::<T>::insert(netuid, hotkey, certificate);
        }
        Axons::<T>::insert(netuid, hotkey, AxonInfo { block: Self::now(), ..axon.clone() });
        Self::deposit_event(Event::AxonServed(netuid, hotkey.clone()));
        Ok(())
    }

    /// Stores the metrics endpoint.
    pub(super) fn announce_prometheus(hotkey: &AccountId, netuid: NetUid, endpoint: &PrometheusInfo) -> DispatchResult {
        Self::check_prometheus(hotkey, netuid, endpoint)?;
        Prometheus::<T>::insert(netuid, hotkey, PrometheusInfo { block: Self::now(), ..endpoint.clone() });
        Self::deposit_event(Event::PrometheusServed(netuid, hotkey.clone()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn addresses_are_judged_as_on_the_real_chain() {
        for (kind, ip, good) in [
            (4, 0, true),
            (4, 0x0a00_0005, true),
            (4, 0x7f00_0001, false),
            (4, 0x7f00_0002, true),
            (4, u128::from(u32::MAX), false),
            (4, 1 << 40, false),
            (6, 1, false),
            (6, 2, true),
            (6, u128::MAX, false),
            (6, 0, true),
            (5, 7, false),
        ] {
            assert_eq!(is_address(kind, ip), good, "IPv{kind} {ip:x}");
        }
    }
}
