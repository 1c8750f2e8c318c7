//! Neurons of a subnet, one by one: the oldest view, which every client knows.

use alloc::vec::Vec;

use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

use super::super::{
    Active, Axons, Bonds, Config, Consensus, Dividends, Emission, Incentive, Keys, LastUpdate, Owner, Pallet,
    Prometheus, SubnetworkN, TotalHotkeyAlpha, ValidatorPermit, ValidatorTrust, Weights,
    neurons::storage_index,
    types::{Alpha, AxonInfo, NetUid, PrometheusInfo},
};
use crate::AccountId;

/// The pruning score of every neuron: it is no longer computed.
const PRUNING_SCORE: u16 = u16::MAX;

/// A neuron with its weights and bonds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct NeuronInfo {
    pub hotkey: AccountId,
    pub coldkey: AccountId,
    pub uid: Compact<u16>,
    pub netuid: Compact<NetUid>,
    pub active: bool,
    pub axon_info: AxonInfo,
    pub prometheus_info: PrometheusInfo,
    pub stake: Vec<(AccountId, Compact<Alpha>)>,
    pub rank: Compact<u16>,
    pub emission: Compact<Alpha>,
    pub incentive: Compact<u16>,
    pub consensus: Compact<u16>,
    pub trust: Compact<u16>,
    pub validator_trust: Compact<u16>,
    pub dividends: Compact<u16>,
    pub last_update: Compact<u64>,
    pub validator_permit: bool,
    pub weights: Vec<(Compact<u16>, Compact<u16>)>,
    pub bonds: Vec<(Compact<u16>, Compact<u16>)>,
    pub pruning_score: Compact<u16>,
}

/// A neuron.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct NeuronInfoLite {
    pub hotkey: AccountId,
    pub coldkey: AccountId,
    pub uid: Compact<u16>,
    pub netuid: Compact<NetUid>,
    pub active: bool,
    pub axon_info: AxonInfo,
    pub prometheus_info: PrometheusInfo,
    pub stake: Vec<(AccountId, Compact<Alpha>)>,
    pub rank: Compact<u16>,
    pub emission: Compact<Alpha>,
    pub incentive: Compact<u16>,
    pub consensus: Compact<u16>,
    pub trust: Compact<u16>,
    pub validator_trust: Compact<u16>,
    pub dividends: Compact<u16>,
    pub last_update: Compact<u64>,
    pub validator_permit: bool,
    pub pruning_score: Compact<u16>,
}

fn element<V: Default + Copy>(values: &[V], uid: u16) -> V {
    values.get(usize::from(uid)).copied().unwrap_or_default()
}

fn row(row: Vec<(u16, u16)>) -> Vec<(Compact<u16>, Compact<u16>)> {
    row.into_iter().filter(|(_, value)| *value != 0).map(|(uid, value)| (Compact(uid), Compact(value))).collect()
}

impl<T: Config> Pallet<T> {
    /// Every neuron of a subnet; none for a subnet that does not exist.
    pub fn neurons(netuid: NetUid) -> Vec<NeuronInfo> {
        Self::existing_uids(netuid).map_while(|uid| Self::neuron(netuid, uid)).collect()
    }

    /// Every neuron of a subnet, without weights and bonds.
    pub fn neurons_lite(netuid: NetUid) -> Vec<NeuronInfoLite> {
        Self::existing_uids(netuid).map_while(|uid| Self::neuron_lite(netuid, uid)).collect()
    }

    fn existing_uids(netuid: NetUid) -> core::ops::Range<u16> {
        0..if Self::subnet_exists(netuid) { SubnetworkN::<T>::get(netuid) } else { 0 }
    }

    /// One neuron.
    pub fn neuron(netuid: NetUid, uid: u16) -> Option<NeuronInfo> {
        let lite = Self::neuron_lite(netuid, uid)?;
        let index = storage_index(netuid, 0);
        Some(NeuronInfo {
            hotkey: lite.hotkey,
            coldkey: lite.coldkey,
            uid: lite.uid,
            netuid: lite.netuid,
            active: lite.active,
            axon_info: lite.axon_info,
            prometheus_info: lite.prometheus_info,
            stake: lite.stake,
            rank: lite.rank,
            emission: lite.emission,
            incentive: lite.incentive,
            consensus: lite.consensus,
            trust: lite.trust,
            validator_trust: lite.validator_trust,
            dividends: lite.dividends,
            last_update: lite.last_update,
            validator_permit: lite.validator_permit,
            weights: row(Weights::<T>::get(index, uid)),
            bonds: row(Bonds::<T>::get(index, uid)),
            pruning_score: lite.pruning_score,
        })
    }

    /// One neuron, without weights and bonds. Its stake is the whole pool of its hotkey, under the owner's name.
    pub fn neuron_lite(netuid: NetUid, uid: u16) -> Option<NeuronInfoLite> {
        let hotkey = Keys::<T>::try_get(netuid, uid).ok()?;
        let coldkey = Owner::<T>::get(&hotkey);
        let index = storage_index(netuid, 0);
        let stake: Alpha = TotalHotkeyAlpha::<T>::get(&hotkey, netuid);
        Some(NeuronInfoLite {
            uid: Compact(uid),
            netuid: Compact(netuid),
            active: element(&Active::<T>::get(netuid), uid),
            axon_info: Axons::<T>::get(netuid, &hotkey).unwrap_or_default(),
            prometheus_info: Prometheus::<T>::get(netuid, &hotkey).unwrap_or_default(),
            stake: alloc::vec![(coldkey.clone(), Compact(stake))],
            rank: Compact(0),
            emission: Compact(element(&Emission::<T>::get(netuid), uid)),
            incentive: Compact(element(&Incentive::<T>::get(index), uid)),
            consensus: Compact(element(&Consensus::<T>::get(netuid), uid)),
            trust: Compact(0),
            validator_trust: Compact(element(&ValidatorTrust::<T>::get(netuid), uid)),
            dividends: Compact(element(&Dividends::<T>::get(netuid), uid)),
            last_update: Compact(element(&LastUpdate::<T>::get(index), uid)),
            validator_permit: element(&ValidatorPermit::<T>::get(netuid), uid),
            pruning_score: Compact(PRUNING_SCORE),
            hotkey,
            coldkey,
        })
    }
}
