//! The economy of a subnet: its pool, its emission and its price.

use alloc::vec::Vec;

use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

use super::{
    super::{
        Config, LastMechansimStepBlock, NetworkRegisteredAt, Pallet, PendingServerEmission, PendingValidatorEmission,
        SubnetAlphaIn, SubnetAlphaInEmission, SubnetAlphaOut, SubnetAlphaOutEmission, SubnetIdentitiesV3,
        SubnetMovingPrice, SubnetOwner, SubnetOwnerHotkey, SubnetTAO, SubnetTaoInEmission, SubnetVolume, Tempo,
        TokenSymbol,
        fixed::I96F32,
        types::{Alpha, NetUid, SubnetIdentityV3, Tao},
    },
    compact,
};
use crate::AccountId;

/// The economy of a subnet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct DynamicInfo {
    pub netuid: Compact<NetUid>,
    pub owner_hotkey: AccountId,
    pub owner_coldkey: AccountId,
    pub subnet_name: Vec<Compact<u8>>,
    pub token_symbol: Vec<Compact<u8>>,
    pub tempo: Compact<u16>,
    pub last_step: Compact<u64>,
    pub blocks_since_last_step: Compact<u64>,
    pub emission: Compact<u64>,
    pub alpha_in: Compact<Alpha>,
    pub alpha_out: Compact<Alpha>,
    pub tao_in: Compact<Tao>,
    pub alpha_out_emission: Compact<Alpha>,
    pub alpha_in_emission: Compact<Alpha>,
    pub tao_in_emission: Compact<Tao>,
    pub pending_alpha_emission: Compact<Alpha>,
    pub pending_root_emission: Compact<Tao>,
    pub subnet_volume: Compact<u128>,
    pub network_registered_at: Compact<u64>,
    pub subnet_identity: Option<SubnetIdentityV3>,
    pub moving_price: I96F32,
}

impl<T: Config> Pallet<T> {
    /// Alpha that waits for the next epoch.
    pub(super) fn pending_alpha(netuid: NetUid) -> Alpha {
        PendingServerEmission::<T>::get(netuid).saturating_add(PendingValidatorEmission::<T>::get(netuid))
    }

    /// Blocks since the last epoch that ran; since genesis where none has. Not the count in storage, which leaves out
    /// root and begins with the subnet.
    pub(super) fn blocks_since_last_step(netuid: NetUid) -> u64 {
        Self::now().saturating_sub(LastMechansimStepBlock::<T>::get(netuid))
    }

    /// One subnet's economy.
    pub fn dynamic_info(netuid: NetUid) -> Option<DynamicInfo> {
        Self::subnet_exists(netuid).then(|| DynamicInfo {
            netuid: Compact(netuid),
            owner_hotkey: SubnetOwnerHotkey::<T>::get(netuid),
            owner_coldkey: SubnetOwner::<T>::get(netuid),
            subnet_name: compact(Self::subnet_name(netuid)),
            token_symbol: compact(TokenSymbol::<T>::get(netuid)),
            tempo: Compact(Tempo::<T>::get(netuid)),
            last_step: Compact(LastMechansimStepBlock::<T>::get(netuid)),
            blocks_since_last_step: Compact(Self::blocks_since_last_step(netuid)),
            emission: Compact(0),
            alpha_in: Compact(SubnetAlphaIn::<T>::get(netuid)),
            alpha_out: Compact(SubnetAlphaOut::<T>::get(netuid)),
            tao_in: Compact(SubnetTAO::<T>::get(netuid)),
            alpha_out_emission: Compact(SubnetAlphaOutEmission::<T>::get(netuid)),
            alpha_in_emission: Compact(SubnetAlphaInEmission::<T>::get(netuid)),
            tao_in_emission: Compact(SubnetTaoInEmission::<T>::get(netuid)),
            pending_alpha_emission: Compact(Self::pending_alpha(netuid)),
            pending_root_emission: Compact(0),
            subnet_volume: Compact(SubnetVolume::<T>::get(netuid)),
            network_registered_at: Compact(NetworkRegisteredAt::<T>::get(netuid)),
            subnet_identity: SubnetIdentitiesV3::<T>::get(netuid),
            moving_price: SubnetMovingPrice::<T>::get(netuid),
        })
    }

    /// Every subnet's economy, in the order of storage.
    pub fn all_dynamic_info() -> Vec<Option<DynamicInfo>> {
        Self::netuids_in_storage_order().into_iter().map(Self::dynamic_info).collect()
    }
}
