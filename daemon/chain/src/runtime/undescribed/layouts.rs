//! What runtimes answered before their metadata described it: layouts of pallet_subtensor as of
//! spec 150, and where noted of 2023 and of those up to spec 232. The Python packages 5.3 to 6.9 read the same ones.
//!
//! None of these is ever made: they describe themselves, and answers are read by the descriptions.
#![expect(dead_code, reason = "only the descriptions matter")]

use codec::Compact;
use scale_info::TypeInfo;

type Short = Compact<u16>;
type Long = Compact<u64>;

#[derive(TypeInfo)]
pub(super) struct AccountId32([u8; 32]);

#[derive(TypeInfo)]
pub(super) struct AxonInfo {
    block: u64,
    version: u32,
    ip: u128,
    port: u16,
    ip_type: u8,
    protocol: u8,
    placeholder1: u8,
    placeholder2: u8,
}

#[derive(TypeInfo)]
pub(super) struct PrometheusInfo {
    block: u64,
    version: u32,
    ip: u128,
    port: u16,
    ip_type: u8,
}

/// A neuron, with the fields between its permit and its score that only the long form has.
macro_rules! neuron {
    ($name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        #[derive(TypeInfo)]
        pub(super) struct $name {
            hotkey: AccountId32,
            coldkey: AccountId32,
            uid: Short,
            netuid: Short,
            active: bool,
            axon_info: AxonInfo,
            prometheus_info: PrometheusInfo,
            stake: Vec<(AccountId32, Long)>,
            rank: Short,
            emission: Long,
            incentive: Short,
            consensus: Short,
            trust: Short,
            validator_trust: Short,
            dividends: Short,
            last_update: Long,
            validator_permit: bool,
            $($field: $type,)*
            pruning_score: Short,
        }
    };
}

neuron!(NeuronInfo { weights: Vec<(Short, Short)>, bonds: Vec<(Short, Short)> });
neuron!(NeuronInfoLite {});

#[derive(TypeInfo)]
pub(super) struct SubnetInfo {
    netuid: Short,
    rho: Short,
    kappa: Short,
    difficulty: Long,
    immunity_period: Short,
    max_allowed_validators: Short,
    min_allowed_weights: Short,
    max_weights_limit: Short,
    scaling_law_power: Short,
    subnetwork_n: Short,
    max_allowed_uids: Short,
    blocks_since_last_step: Long,
    tempo: Short,
    network_modality: Short,
    network_connect: Vec<[u16; 2]>,
    emission_values: Long,
    burn: Long,
    owner: AccountId32,
}

/// While a subnet had parameters of its validators' batches, and no owner (spec 103).
pub(super) mod of_2023 {
    use super::{Long, Short, TypeInfo};

    #[derive(TypeInfo)]
    pub(in super::super) struct SubnetInfo {
        netuid: Short,
        rho: Short,
        kappa: Short,
        difficulty: Long,
        immunity_period: Short,
        validator_batch_size: Short,
        validator_sequence_length: Short,
        validator_epochs_per_reset: Short,
        validator_epoch_length: Short,
        max_allowed_validators: Short,
        min_allowed_weights: Short,
        max_weights_limit: Short,
        scaling_law_power: Short,
        synergy_scaling_law_power: Short,
        subnetwork_n: Short,
        max_allowed_uids: Short,
        blocks_since_last_step: Long,
        tempo: Short,
        network_modality: Short,
        network_connect: Vec<[u16; 2]>,
        emission_values: Long,
        burn: Long,
    }
}

/// The fields that all have, and `$more` behind them: the struct grew at its end.
macro_rules! hyperparameters {
    ($(#[$meta:meta])* $name:ident { $($more:ident: $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(TypeInfo)]
        pub(super) struct $name {
            rho: Short,
            kappa: Short,
            immunity_period: Short,
            min_allowed_weights: Short,
            max_weights_limit: Short,
            tempo: Short,
            min_difficulty: Long,
            max_difficulty: Long,
            weights_version: Long,
            weights_rate_limit: Long,
            adjustment_interval: Short,
            activity_cutoff: Short,
            registration_allowed: bool,
            target_regs_per_interval: Short,
            min_burn: Long,
            max_burn: Long,
            bonds_moving_avg: Long,
            max_regs_per_block: Short,
            $($more: $type,)*
        }
    };
}

hyperparameters! {
    SubnetHyperparams {
        serving_rate_limit: Long,
        max_validators: Short,
        adjustment_alpha: Long,
        difficulty: Long,
    }
}
hyperparameters! {
    /// Since commits and liquid alpha, the packages 7 and 8. The interval was counted in blocks at first, and then in
    /// epochs.
    SubnetHyperparamsOf27 {
        serving_rate_limit: Long,
        max_validators: Short,
        adjustment_alpha: Long,
        difficulty: Long,
        commit_reveal_weights_interval: Long,
        commit_reveal_weights_enabled: bool,
        alpha_high: Short,
        alpha_low: Short,
        liquid_alpha_enabled: bool,
    }
}
hyperparameters! {
    /// As the packages 6.4 read it.
    SubnetHyperparamsOf20 { serving_rate_limit: Long, max_validators: Short }
}
hyperparameters! {
    /// As the packages 6.0 read it.
    SubnetHyperparamsOf18 {}
}

#[derive(TypeInfo)]
pub(super) struct DelegateInfo {
    delegate_ss58: AccountId32,
    take: Short,
    nominators: Vec<(AccountId32, Long)>,
    owner_ss58: AccountId32,
    registrations: Vec<Short>,
    validator_permits: Vec<Short>,
    return_per_1000: Long,
    total_daily_return: Long,
}

#[derive(TypeInfo)]
pub(super) struct StakeInfo {
    hotkey: AccountId32,
    coldkey: AccountId32,
    stake: Long,
}
