//! Subnets in the two forms that clients list them in.

use alloc::vec::Vec;

use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

use super::super::{
    BlocksSinceLastStep, Burn, Config, Difficulty, ImmunityPeriod, Kappa, MaxAllowedUids, MaxAllowedValidators,
    MaxWeightsLimit, MinAllowedWeights, Pallet, Rho, ScalingLawPower, SubnetIdentitiesV3, SubnetOwner, SubnetworkN,
    Tempo,
    types::{NetUid, SubnetIdentityV3, Tao},
};
use crate::AccountId;

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SubnetInfo {
    pub netuid: Compact<NetUid>,
    pub rho: Compact<u16>,
    pub kappa: Compact<u16>,
    pub difficulty: Compact<u64>,
    pub immunity_period: Compact<u16>,
    pub max_allowed_validators: Compact<u16>,
    pub min_allowed_weights: Compact<u16>,
    pub max_weights_limit: Compact<u16>,
    pub scaling_law_power: Compact<u16>,
    pub subnetwork_n: Compact<u16>,
    pub max_allowed_uids: Compact<u16>,
    pub blocks_since_last_step: Compact<u64>,
    pub tempo: Compact<u16>,
    pub network_modality: Compact<u16>,
    pub network_connect: Vec<[u16; 2]>,
    pub emission_values: Compact<u64>,
    pub burn: Compact<Tao>,
    pub owner: AccountId,
}

/// A subnet with its identity.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SubnetInfov2 {
    pub netuid: Compact<NetUid>,
    pub rho: Compact<u16>,
    pub kappa: Compact<u16>,
    pub difficulty: Compact<u64>,
    pub immunity_period: Compact<u16>,
    pub max_allowed_validators: Compact<u16>,
    pub min_allowed_weights: Compact<u16>,
    pub max_weights_limit: Compact<u16>,
    pub scaling_law_power: Compact<u16>,
    pub subnetwork_n: Compact<u16>,
    pub max_allowed_uids: Compact<u16>,
    pub blocks_since_last_step: Compact<u64>,
    pub tempo: Compact<u16>,
    pub network_modality: Compact<u16>,
    pub network_connect: Vec<[u16; 2]>,
    pub emission_value: Compact<u64>,
    pub burn: Compact<Tao>,
    pub owner: AccountId,
    pub identity: Option<SubnetIdentityV3>,
}

impl<T: Config> Pallet<T> {
    /// One subnet.
    pub fn subnet_info(netuid: NetUid) -> Option<SubnetInfo> {
        Self::subnet_exists(netuid).then(|| SubnetInfo {
            netuid: Compact(netuid),
            rho: Compact(Rho::<T>::get(netuid)),
            kappa: Compact(Kappa::<T>::get(netuid)),
            difficulty: Compact(Difficulty::<T>::get(netuid)),
            immunity_period: Compact(ImmunityPeriod::<T>::get(netuid)),
            max_allowed_validators: Compact(MaxAllowedValidators::<T>::get(netuid)),
            min_allowed_weights: Compact(MinAllowedWeights::<T>::get(netuid)),
            max_weights_limit: Compact(MaxWeightsLimit::<T>::get(netuid)),
            scaling_law_power: Compact(ScalingLawPower::<T>::get(netuid)),
            subnetwork_n: Compact(SubnetworkN::<T>::get(netuid)),
            max_allowed_uids: Compact(MaxAllowedUids::<T>::get(netuid)),
            blocks_since_last_step: Compact(BlocksSinceLastStep::<T>::get(netuid)),
            tempo: Compact(Tempo::<T>::get(netuid)),
            network_modality: Compact(0),
            network_connect: Vec::new(),
            emission_values: Compact(0),
            burn: Compact(Burn::<T>::get(netuid)),
            owner: SubnetOwner::<T>::get(netuid),
        })
    }

    /// One subnet, with its identity.
    pub fn subnet_info_v2(netuid: NetUid) -> Option<SubnetInfov2> {
        Self::subnet_info(netuid).map(|info| SubnetInfov2 {
            netuid: info.netuid,
            rho: info.rho,
            kappa: info.kappa,
            difficulty: info.difficulty,
            immunity_period: info.immunity_period,
            max_allowed_validators: info.max_allowed_validators,
            min_allowed_weights: info.min_allowed_weights,
            max_weights_limit: info.max_weights_limit,
            scaling_law_power: info.scaling_law_power,
            subnetwork_n: info.subnetwork_n,
            max_allowed_uids: info.max_allowed_uids,
            blocks_since_last_step: info.blocks_since_last_step,
            tempo: info.tempo,
            network_modality: info.network_modality,
            network_connect: info.network_connect,
            emission_value: info.emission_values,
            burn: info.burn,
            owner: info.owner,
            identity: SubnetIdentitiesV3::<T>::get(netuid),
        })
    }

    /// Every subnet, ascending.
    pub fn subnets_info() -> Vec<Option<SubnetInfo>> {
        Self::netuids().into_iter().map(Self::subnet_info).collect()
    }

    /// Every subnet with its identity, ascending.
    pub fn subnets_info_v2() -> Vec<Option<SubnetInfov2>> {
        Self::netuids().into_iter().map(Self::subnet_info_v2).collect()
    }
}
