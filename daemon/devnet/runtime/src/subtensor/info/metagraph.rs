//! The metagraph: a subnet and all its neurons in one answer, whole or in chosen parts.

use alloc::vec::Vec;

use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

use super::{
    super::{
        AlphaDividendsPerSubnet, Axons, Burn, Config, IdentitiesV2, LastMechansimStepBlock, MaxAllowedUids,
        MechanismCountCurrent, NetworkPowRegistrationAllowed, NetworkRegisteredAt, Pallet, SubnetAlphaIn,
        SubnetAlphaInEmission, SubnetAlphaOut, SubnetAlphaOutEmission, SubnetIdentitiesV3, SubnetMovingPrice,
        SubnetOwner, SubnetOwnerHotkey, SubnetTAO, SubnetTaoInEmission, SubnetVolume, SubnetworkN, TokenSymbol,
        fixed::I96F32,
        neurons::storage_index,
        types::{Alpha, AxonInfo, ChainIdentityV2, MechId, NetUid, SubnetIdentityV3, Tao},
    },
    compact,
};
use crate::AccountId;

/// A subnet and its neurons. Scores that are no longer computed are empty.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Metagraph {
    pub netuid: Compact<NetUid>,
    pub name: Vec<Compact<u8>>,
    pub symbol: Vec<Compact<u8>>,
    pub identity: Option<SubnetIdentityV3>,
    pub network_registered_at: Compact<u64>,
    pub owner_hotkey: AccountId,
    pub owner_coldkey: AccountId,
    pub block: Compact<u64>,
    pub tempo: Compact<u16>,
    pub last_step: Compact<u64>,
    pub blocks_since_last_step: Compact<u64>,
    pub subnet_emission: Compact<u64>,
    pub alpha_in: Compact<Alpha>,
    pub alpha_out: Compact<Alpha>,
    pub tao_in: Compact<Tao>,
    pub alpha_out_emission: Compact<Alpha>,
    pub alpha_in_emission: Compact<Alpha>,
    pub tao_in_emission: Compact<Tao>,
    pub pending_alpha_emission: Compact<Alpha>,
    pub pending_root_emission: Compact<Tao>,
    pub subnet_volume: Compact<u128>,
    pub moving_price: I96F32,
    pub rho: Compact<u16>,
    pub kappa: Compact<u16>,
    pub min_allowed_weights: Compact<u16>,
    pub max_weights_limit: Compact<u16>,
    pub weights_version: Compact<u64>,
    pub weights_rate_limit: Compact<u64>,
    pub activity_cutoff: Compact<u64>,
    pub max_validators: Compact<u16>,
    pub num_uids: Compact<u16>,
    pub max_uids: Compact<u16>,
    pub burn: Compact<Tao>,
    pub difficulty: Compact<u64>,
    pub registration_allowed: bool,
    pub pow_registration_allowed: bool,
    pub immunity_period: Compact<u16>,
    pub min_difficulty: Compact<u64>,
    pub max_difficulty: Compact<u64>,
    pub min_burn: Compact<Tao>,
    pub max_burn: Compact<Tao>,
    pub adjustment_alpha: Compact<u64>,
    pub adjustment_interval: Compact<u16>,
    pub target_regs_per_interval: Compact<u16>,
    pub max_regs_per_block: Compact<u16>,
    pub serving_rate_limit: Compact<u64>,
    pub commit_reveal_weights_enabled: bool,
    pub commit_reveal_period: Compact<u64>,
    pub liquid_alpha_enabled: bool,
    pub alpha_high: Compact<u16>,
    pub alpha_low: Compact<u16>,
    pub bonds_moving_avg: Compact<u64>,
    pub hotkeys: Vec<AccountId>,
    pub coldkeys: Vec<AccountId>,
    pub identities: Vec<Option<ChainIdentityV2>>,
    pub axons: Vec<AxonInfo>,
    pub active: Vec<bool>,
    pub validator_permit: Vec<bool>,
    pub pruning_score: Vec<Compact<u16>>,
    pub last_update: Vec<Compact<u64>>,
    pub emission: Vec<Compact<Alpha>>,
    pub dividends: Vec<Compact<u16>>,
    pub incentives: Vec<Compact<u16>>,
    pub consensus: Vec<Compact<u16>>,
    pub trust: Vec<Compact<u16>>,
    pub rank: Vec<Compact<u16>>,
    pub block_at_registration: Vec<Compact<u64>>,
    pub alpha_stake: Vec<Compact<Alpha>>,
    pub tao_stake: Vec<Compact<Tao>>,
    pub total_stake: Vec<Compact<Tao>>,
    pub tao_dividends_per_hotkey: Vec<(AccountId, Compact<Tao>)>,
    pub alpha_dividends_per_hotkey: Vec<(AccountId, Compact<Alpha>)>,
}

impl<T: Config> Pallet<T> {
    /// The metagraph of a subnet.
    pub fn metagraph(netuid: NetUid) -> Option<Metagraph> {
        Self::mechanism_metagraph(netuid, 0)
    }

    /// The metagraph of every subnet, in the order of storage.
    pub fn all_metagraphs() -> Vec<Option<Metagraph>> {
        Self::netuids_in_storage_order().into_iter().map(Self::metagraph).collect()
    }

    /// The metagraph of one mechanism, which bears the mechanism's storage index for a number.
    pub fn mechagraph(netuid: NetUid, mechanism: MechId) -> Option<Metagraph> {
        if mechanism >= MechanismCountCurrent::<T>::get(netuid) {
            return None;
        }
        Self::mechanism_metagraph(netuid, mechanism)
            .map(|metagraph| Metagraph { netuid: Compact(storage_index(netuid, mechanism)), ..metagraph })
    }

    /// The metagraph of every mechanism of every subnet.
    pub fn all_mechagraphs() -> Vec<Option<Metagraph>> {
        Self::netuids_in_storage_order()
            .into_iter()
            .flat_map(|netuid| {
                (0..MechanismCountCurrent::<T>::get(netuid)).map(move |mechanism| Self::mechagraph(netuid, mechanism))
            })
            .collect()
    }

    /// The metagraph of a subnet with what one mechanism has of its own, whether there is such a mechanism or not.
    pub(super) fn mechanism_metagraph(netuid: NetUid, mechanism: MechId) -> Option<Metagraph> {
        let hyperparameters = Self::hyperparameters(netuid)?;
        let columns = Self::columns(netuid, mechanism);
        Some(Metagraph {
            identities: columns.coldkeys.iter().map(IdentitiesV2::<T>::get).collect(),
            axons: columns.hotkeys.iter().map(|hotkey| Axons::<T>::get(netuid, hotkey).unwrap_or_default()).collect(),
            tao_dividends_per_hotkey: columns.hotkeys.iter().map(|hotkey| (hotkey.clone(), Compact(0))).collect(),
            alpha_dividends_per_hotkey: columns
                .hotkeys
                .iter()
                .map(|hotkey| (hotkey.clone(), Compact(AlphaDividendsPerSubnet::<T>::get(netuid, hotkey))))
                .collect(),
            netuid: Compact(netuid),
            name: compact(Self::subnet_name(netuid)),
            symbol: compact(TokenSymbol::<T>::get(netuid)),
            identity: SubnetIdentitiesV3::<T>::get(netuid),
            network_registered_at: Compact(NetworkRegisteredAt::<T>::get(netuid)),
            owner_hotkey: SubnetOwnerHotkey::<T>::get(netuid),
            owner_coldkey: SubnetOwner::<T>::get(netuid),
            block: Compact(Self::now()),
            tempo: hyperparameters.tempo,
            last_step: Compact(LastMechansimStepBlock::<T>::get(netuid)),
            blocks_since_last_step: Compact(Self::blocks_since_last_step(netuid)),
            subnet_emission: Compact(0),
            alpha_in: Compact(SubnetAlphaIn::<T>::get(netuid)),
            alpha_out: Compact(SubnetAlphaOut::<T>::get(netuid)),
            tao_in: Compact(SubnetTAO::<T>::get(netuid)),
            alpha_out_emission: Compact(SubnetAlphaOutEmission::<T>::get(netuid)),
            alpha_in_emission: Compact(SubnetAlphaInEmission::<T>::get(netuid)),
            tao_in_emission: Compact(SubnetTaoInEmission::<T>::get(netuid)),
            pending_alpha_emission: Compact(Self::pending_alpha(netuid)),
            pending_root_emission: Compact(0),
            subnet_volume: Compact(SubnetVolume::<T>::get(netuid)),
            moving_price: SubnetMovingPrice::<T>::get(netuid),
            rho: hyperparameters.rho,
            kappa: hyperparameters.kappa,
            min_allowed_weights: hyperparameters.min_allowed_weights,
            max_weights_limit: hyperparameters.max_weights_limit,
            weights_version: hyperparameters.weights_version,
            weights_rate_limit: hyperparameters.weights_rate_limit,
            activity_cutoff: hyperparameters.activity_cutoff,
            max_validators: hyperparameters.max_validators,
            num_uids: Compact(SubnetworkN::<T>::get(netuid)),
            max_uids: Compact(MaxAllowedUids::<T>::get(netuid)),
            burn: Compact(Burn::<T>::get(netuid)),
            difficulty: hyperparameters.difficulty,
            registration_allowed: hyperparameters.registration_allowed,
            pow_registration_allowed: NetworkPowRegistrationAllowed::<T>::get(netuid),
            immunity_period: hyperparameters.immunity_period,
            min_difficulty: hyperparameters.min_difficulty,
            max_difficulty: hyperparameters.max_difficulty,
            min_burn: hyperparameters.min_burn,
            max_burn: hyperparameters.max_burn,
            adjustment_alpha: hyperparameters.adjustment_alpha,
            adjustment_interval: hyperparameters.adjustment_interval,
            target_regs_per_interval: hyperparameters.target_regs_per_interval,
            max_regs_per_block: hyperparameters.max_regs_per_block,
            serving_rate_limit: hyperparameters.serving_rate_limit,
            commit_reveal_weights_enabled: hyperparameters.commit_reveal_weights_enabled,
            commit_reveal_period: hyperparameters.commit_reveal_period,
            liquid_alpha_enabled: hyperparameters.liquid_alpha_enabled,
            alpha_high: hyperparameters.alpha_high,
            alpha_low: hyperparameters.alpha_low,
            bonds_moving_avg: hyperparameters.bonds_moving_avg,
            hotkeys: columns.hotkeys,
            coldkeys: columns.coldkeys,
            active: columns.active,
            validator_permit: columns.validator_permit,
            pruning_score: Vec::new(),
            last_update: columns.last_update,
            emission: columns.emission,
            dividends: columns.dividends,
            incentives: columns.incentives,
            consensus: columns.consensus,
            trust: Vec::new(),
            rank: Vec::new(),
            block_at_registration: columns.block_at_registration,
            alpha_stake: columns.alpha_stake,
            tao_stake: columns.tao_stake,
            total_stake: columns.total_stake,
        })
    }
}
