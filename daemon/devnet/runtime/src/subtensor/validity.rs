//! What is checked before a call enters the pool, and the codes clients get when it may not.

use alloc::vec::Vec;

use codec::Compact;
use frame_support::ensure;

use super::{
    Call, ColdkeySwapAnnouncements, ColdkeySwapDisputes, Config, Error, Pallet,
    commits::Reveal,
    types::{AxonInfo, MechId, NetUid, PrometheusInfo},
    weights::WeightRow,
    work::Work,
};
use crate::{AccountId, drand::LastStoredRound};

/// `InvalidTransaction::Custom` codes, by the error that dispatch would give.
///
/// Errors without a code of their own are bad requests.
pub fn code<T: Config>(error: &Error<T>) -> u8 {
    match error {
        Error::ColdkeySwapAnnounced => 0,
        Error::NotEnoughStakeToSetWeights => 1,
        Error::SubnetNotExists => 3,
        Error::HotKeyAccountNotExists => 4,
        Error::SettingWeightsTooFast | Error::CommittingWeightsTooFast | Error::NetworkTxRateLimitExceeded => 6,
        Error::HotKeyNotRegisteredInNetwork => 10,
        Error::InvalidIpAddress => 11,
        Error::ServingRateLimitExceeded => 12,
        Error::InvalidPort => 13,
        Error::InvalidRevealRound => 15,
        Error::NoWeightsCommitFound => 16,
        Error::RevealTooEarly | Error::ExpiredWeightCommit => 17,
        Error::InputLengthsUnequal => 18,
        Error::HotKeyNotRegisteredInSubNet => 19,
        Error::EvmKeyAssociateRateLimitExceeded => 20,
        Error::ColdkeySwapDisputed => 21,
        Error::NonAssociatedColdKey => 25,
        Error::DelegateTakeTooLow => 26,
        Error::DelegateTakeTooHigh => 27,
        _ => 255,
    }
}

fn check_stake<T: Config>(hotkey: &AccountId, netuid: NetUid) -> Result<(), Error<T>> {
    ensure!(Pallet::<T>::may_set_weights(hotkey, netuid), Error::NotEnoughStakeToSetWeights);
    Ok(())
}

fn check_weights<T: Config>(hotkey: &AccountId, netuid: NetUid, mechanism: MechId) -> Result<(), Error<T>> {
    check_stake::<T>(hotkey, netuid)?;
    let plain = !Pallet::<T>::weights_are_hidden(netuid);
    ensure!(!plain || Pallet::<T>::weights_rate_allows(hotkey, netuid, mechanism), Error::SettingWeightsTooFast);
    Ok(())
}

fn check_commit<T: Config>(hotkey: &AccountId, netuid: NetUid, mechanism: MechId) -> Result<(), Error<T>> {
    check_stake::<T>(hotkey, netuid)?;
    ensure!(Pallet::<T>::weights_rate_allows(hotkey, netuid, mechanism), Error::CommittingWeightsTooFast);
    Ok(())
}

fn check_reveals<T: Config>(
    hotkey: &AccountId,
    netuid: NetUid,
    mechanism: MechId,
    reveals: &[Reveal<'_>],
) -> Result<(), Error<T>> {
    check_stake::<T>(hotkey, netuid)?;
    Pallet::<T>::check_reveals(hotkey, netuid, mechanism, reveals)
}

fn check_batch<T: Config>(hotkey: &AccountId, netuids: &[Compact<NetUid>], lengths: &[usize]) -> Result<(), Error<T>> {
    ensure!(lengths.iter().all(|length| *length == netuids.len()), Error::InputLengthsUnequal);
    netuids.iter().try_for_each(|netuid| check_stake::<T>(hotkey, netuid.0))
}

/// What is asked of weights before they enter the pool; nothing of other calls.
fn check_weight_calls<T: Config>(signer: &AccountId, call: &Call<T>) -> Result<(), Error<T>> {
    match call {
        Call::set_weights { netuid, .. } => check_weights(signer, *netuid, 0),
        Call::set_mechanism_weights { netuid, mecid, .. } => check_weights(signer, *netuid, *mecid),
        Call::commit_weights { netuid, .. } => check_commit(signer, *netuid, 0),
        Call::commit_mechanism_weights { netuid, mecid, .. } => check_commit(signer, *netuid, *mecid),
        Call::commit_timelocked_weights { netuid, reveal_round, .. }
        | Call::commit_timelocked_mechanism_weights { netuid, reveal_round, .. }
        | Call::commit_crv3_mechanism_weights { netuid, reveal_round, .. } => {
            check_stake(signer, *netuid)?;
            // A round that has passed would hide nothing.
            ensure!(*reveal_round >= LastStoredRound::<T>::get(), Error::InvalidRevealRound);
            Ok(())
        }
        Call::reveal_weights { netuid, uids, values, salt, version_key } => {
            let row = WeightRow { uids, weights: values, version_key: *version_key };
            check_reveals(signer, *netuid, 0, &[Reveal { row, salt }])
        }
        Call::reveal_mechanism_weights { netuid, mecid, uids, values, salt, version_key } => {
            let row = WeightRow { uids, weights: values, version_key: *version_key };
            check_reveals(signer, *netuid, *mecid, &[Reveal { row, salt }])
        }
        Call::batch_reveal_weights { netuid, uids_list, values_list, salts_list, version_keys } => {
            let lengths = [values_list.len(), salts_list.len(), version_keys.len()];
            ensure!(lengths.iter().all(|length| *length == uids_list.len()), Error::InputLengthsUnequal);
            check_reveals(signer, *netuid, 0, &reveals(uids_list, values_list, salts_list, version_keys))
        }
        Call::batch_set_weights { netuids, weights, version_keys } => {
            check_batch(signer, netuids, &[weights.len(), version_keys.len()])
        }
        Call::batch_commit_weights { netuids, commit_hashes } => check_batch(signer, netuids, &[commit_hashes.len()]),
        _ => Ok(()),
    }
}

/// Pairs the lists of a batch of reveals.
pub(super) fn reveals<'a>(
    uids: &'a [Vec<u16>],
    values: &'a [Vec<u16>],
    salts: &'a [Vec<u16>],
    version_keys: &'a [u64],
) -> Vec<Reveal<'a>> {
    uids.iter()
        .zip(values)
        .zip(salts.iter().zip(version_keys))
        .map(|((uids, weights), (salt, version_key))| Reveal {
            row: WeightRow { uids, weights, version_key: *version_key },
            salt,
        })
        .collect()
}

/// Whether an announced exchange of the signer's coldkey lets the call through; `call` is none for other pallets.
pub fn check_announcement<T: Config>(signer: &AccountId, call: Option<&Call<T>>) -> Result<(), Error<T>> {
    if !ColdkeySwapAnnouncements::<T>::contains_key(signer) {
        return Ok(());
    }
    ensure!(!ColdkeySwapDisputes::<T>::contains_key(signer), Error::ColdkeySwapDisputed);
    let of_the_exchange = matches!(
        call,
        Some(
            Call::announce_coldkey_swap { .. }
                | Call::swap_coldkey_announced { .. }
                | Call::dispute_coldkey_swap { .. }
                | Call::clear_coldkey_swap_announcement { .. }
        )
    );
    ensure!(of_the_exchange, Error::ColdkeySwapAnnounced);
    Ok(())
}

/// Whether the signer may send the call now, as far as the pool looks.
pub fn check<T: Config>(signer: &AccountId, call: &Call<T>) -> Result<(), Error<T>> {
    match call {
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
        Call::associate_evm_key { netuid, .. } => Pallet::<T>::check_claim_of_address(signer, *netuid).map(|_| ()),
        Call::pow_register { netuid, work_block, nonce, work, hotkey } => {
            Pallet::<T>::check_work(signer, *netuid, &Work { block: *work_block, nonce: *nonce, seal: *work }, hotkey)
        }
        call => check_weight_calls(signer, call),
    }
}
