//! Hyperparameters of a subnet: two fixed records that old clients read, and the list that newer ones do.

use alloc::vec::Vec;

use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

use super::super::{
    ActivityCutoffFactorMilli, AdjustmentAlpha, AdjustmentInterval, AlphaSigmoidSteepness, AlphaValues,
    BondsMovingAverage, BondsResetOn, BurnHalfLife, BurnIncreaseMult, CommitRevealWeightsEnabled, Config, Difficulty,
    ImmunityPeriod, Kappa, LiquidAlphaOn, MaxAllowedValidators, MaxBurn, MaxDifficulty, MaxRegistrationsPerBlock,
    MaxWeightsLimit, MinAllowedWeights, MinBurn, MinChildkeyTakePerSubnet, MinDifficulty, NetworkRegistrationAllowed,
    OwnerCutAutoLockEnabled, OwnerCutEnabled, Pallet, RevealPeriodEpochs, Rho, ServingRateLimit, SubtokenEnabled,
    TargetRegistrationsPerInterval, Tempo, TransferToggle, WeightsSetRateLimit, WeightsVersionKey, Yuma3On,
    fixed::{I32F32, U64F64},
    types::{NetUid, Tao},
};

/// The hyperparameters of the first generation.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SubnetHyperparams {
    pub rho: Compact<u16>,
    pub kappa: Compact<u16>,
    pub immunity_period: Compact<u16>,
    pub min_allowed_weights: Compact<u16>,
    pub max_weights_limit: Compact<u16>,
    pub tempo: Compact<u16>,
    pub min_difficulty: Compact<u64>,
    pub max_difficulty: Compact<u64>,
    pub weights_version: Compact<u64>,
    pub weights_rate_limit: Compact<u64>,
    pub adjustment_interval: Compact<u16>,
    pub activity_cutoff: Compact<u64>,
    pub registration_allowed: bool,
    pub target_regs_per_interval: Compact<u16>,
    pub min_burn: Compact<Tao>,
    pub max_burn: Compact<Tao>,
    pub bonds_moving_avg: Compact<u64>,
    pub max_regs_per_block: Compact<u16>,
    pub serving_rate_limit: Compact<u64>,
    pub max_validators: Compact<u16>,
    pub adjustment_alpha: Compact<u64>,
    pub difficulty: Compact<u64>,
    pub commit_reveal_period: Compact<u64>,
    pub commit_reveal_weights_enabled: bool,
    pub alpha_high: Compact<u16>,
    pub alpha_low: Compact<u16>,
    pub liquid_alpha_enabled: bool,
}

/// The hyperparameters of the second generation.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct SubnetHyperparamsV2 {
    pub rho: Compact<u16>,
    pub kappa: Compact<u16>,
    pub immunity_period: Compact<u16>,
    pub min_allowed_weights: Compact<u16>,
    pub max_weights_limit: Compact<u16>,
    pub tempo: Compact<u16>,
    pub min_difficulty: Compact<u64>,
    pub max_difficulty: Compact<u64>,
    pub weights_version: Compact<u64>,
    pub weights_rate_limit: Compact<u64>,
    pub adjustment_interval: Compact<u16>,
    pub activity_cutoff: Compact<u64>,
    pub registration_allowed: bool,
    pub target_regs_per_interval: Compact<u16>,
    pub min_burn: Compact<Tao>,
    pub max_burn: Compact<Tao>,
    pub bonds_moving_avg: Compact<u64>,
    pub max_regs_per_block: Compact<u16>,
    pub serving_rate_limit: Compact<u64>,
    pub max_validators: Compact<u16>,
    pub adjustment_alpha: Compact<u64>,
    pub difficulty: Compact<u64>,
    pub commit_reveal_period: Compact<u64>,
    pub commit_reveal_weights_enabled: bool,
    pub alpha_high: Compact<u16>,
    pub alpha_low: Compact<u16>,
    pub liquid_alpha_enabled: bool,
    pub alpha_sigmoid_steepness: I32F32,
    pub yuma_version: Compact<u16>,
    pub subnet_is_active: bool,
    pub transfers_enabled: bool,
    pub bonds_reset_enabled: bool,
    pub user_liquidity_enabled: bool,
}

/// A hyperparameter under its name.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct HyperparamEntry {
    pub name: Vec<u8>,
    pub value: HyperparamValue,
}

/// A hyperparameter, in the type it has.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum HyperparamValue {
    /// A switch.
    Bool(bool),
    /// 16 bits.
    U16(Compact<u16>),
    /// 32 bits.
    U32(Compact<u32>),
    /// 64 bits.
    U64(Compact<u64>),
    /// 128 bits.
    U128(Compact<u128>),
    /// Rao.
    TaoBalance(Compact<Tao>),
    /// A signed fraction.
    I32F32(I32F32),
    /// A fraction.
    U64F64(U64F64),
}

impl<T: Config> Pallet<T> {
    /// Blocks without weights after which a validator no longer counts.
    pub(in super::super) fn activity_cutoff(netuid: NetUid) -> u64 {
        let factor = u64::from(ActivityCutoffFactorMilli::<T>::get(netuid));
        (factor.saturating_mul(u64::from(Tempo::<T>::get(netuid))) / 1_000).max(1)
    }

    fn yuma_version(netuid: NetUid) -> u16 {
        if Yuma3On::<T>::get(netuid) { 3 } else { 2 }
    }

    /// The hyperparameters of the first generation.
    pub fn hyperparameters(netuid: NetUid) -> Option<SubnetHyperparams> {
        if !Self::subnet_exists(netuid) {
            return None;
        }
        let (alpha_low, alpha_high) = AlphaValues::<T>::get(netuid);
        Some(SubnetHyperparams {
            rho: Compact(Rho::<T>::get(netuid)),
            kappa: Compact(Kappa::<T>::get(netuid)),
            immunity_period: Compact(ImmunityPeriod::<T>::get(netuid)),
            min_allowed_weights: Compact(MinAllowedWeights::<T>::get(netuid)),
            max_weights_limit: Compact(MaxWeightsLimit::<T>::get(netuid)),
            tempo: Compact(Tempo::<T>::get(netuid)),
            min_difficulty: Compact(MinDifficulty::<T>::get(netuid)),
            max_difficulty: Compact(MaxDifficulty::<T>::get(netuid)),
            weights_version: Compact(WeightsVersionKey::<T>::get(netuid)),
            weights_rate_limit: Compact(WeightsSetRateLimit::<T>::get(netuid)),
            adjustment_interval: Compact(AdjustmentInterval::<T>::get(netuid)),
            activity_cutoff: Compact(Self::activity_cutoff(netuid)),
            registration_allowed: NetworkRegistrationAllowed::<T>::get(netuid),
            target_regs_per_interval: Compact(TargetRegistrationsPerInterval::<T>::get(netuid)),
            min_burn: Compact(MinBurn::<T>::get(netuid)),
            max_burn: Compact(MaxBurn::<T>::get(netuid)),
            bonds_moving_avg: Compact(BondsMovingAverage::<T>::get(netuid)),
            max_regs_per_block: Compact(MaxRegistrationsPerBlock::<T>::get(netuid)),
            serving_rate_limit: Compact(ServingRateLimit::<T>::get(netuid)),
            max_validators: Compact(MaxAllowedValidators::<T>::get(netuid)),
            adjustment_alpha: Compact(AdjustmentAlpha::<T>::get(netuid)),
            difficulty: Compact(Difficulty::<T>::get(netuid)),
            commit_reveal_period: Compact(RevealPeriodEpochs::<T>::get(netuid)),
            commit_reveal_weights_enabled: CommitRevealWeightsEnabled::<T>::get(netuid),
            alpha_high: Compact(alpha_high),
            alpha_low: Compact(alpha_low),
            liquid_alpha_enabled: LiquidAlphaOn::<T>::get(netuid),
        })
    }

    /// The hyperparameters of the second generation.
    pub fn hyperparameters_v2(netuid: NetUid) -> Option<SubnetHyperparamsV2> {
        Self::hyperparameters(netuid).map(|first| SubnetHyperparamsV2 {
            rho: first.rho,
            kappa: first.kappa,
            immunity_period: first.immunity_period,
            min_allowed_weights: first.min_allowed_weights,
            max_weights_limit: first.max_weights_limit,
            tempo: first.tempo,
            min_difficulty: first.min_difficulty,
            max_difficulty: first.max_difficulty,
            weights_version: first.weights_version,
            weights_rate_limit: first.weights_rate_limit,
            adjustment_interval: first.adjustment_interval,
            activity_cutoff: first.activity_cutoff,
            registration_allowed: first.registration_allowed,
            target_regs_per_interval: first.target_regs_per_interval,
            min_burn: first.min_burn,
            max_burn: first.max_burn,
            bonds_moving_avg: first.bonds_moving_avg,
            max_regs_per_block: first.max_regs_per_block,
            serving_rate_limit: first.serving_rate_limit,
            max_validators: first.max_validators,
            adjustment_alpha: first.adjustment_alpha,
            difficulty: first.difficulty,
            commit_reveal_period: first.commit_reveal_period,
            commit_reveal_weights_enabled: first.commit_reveal_weights_enabled,
            alpha_high: first.alpha_high,
            alpha_low: first.alpha_low,
            liquid_alpha_enabled: first.liquid_alpha_enabled,
            alpha_sigmoid_steepness: I32F32::from_integer(AlphaSigmoidSteepness::<T>::get(netuid)),
            yuma_version: Compact(Self::yuma_version(netuid)),
            subnet_is_active: SubtokenEnabled::<T>::get(netuid),
            transfers_enabled: TransferToggle::<T>::get(netuid),
            bonds_reset_enabled: BondsResetOn::<T>::get(netuid),
            user_liquidity_enabled: false,
        })
    }

    /// The hyperparameters as a list of names and values.
    pub fn hyperparameters_v3(netuid: NetUid) -> Option<Vec<HyperparamEntry>> {
        use HyperparamValue::{Bool, TaoBalance, U16, U32, U64};
        let p = Self::hyperparameters_v2(netuid)?;
        let entries = [
            ("kappa", U16(p.kappa)),
            ("immunity_period", U16(p.immunity_period)),
            ("min_allowed_weights", U16(p.min_allowed_weights)),
            ("max_weights_limit", U16(p.max_weights_limit)),
            ("tempo", U16(p.tempo)),
            ("weights_version", U64(p.weights_version)),
            ("weights_rate_limit", U64(p.weights_rate_limit)),
            ("activity_cutoff", U64(p.activity_cutoff)),
            ("activity_cutoff_factor", U32(Compact(ActivityCutoffFactorMilli::<T>::get(netuid)))),
            ("registration_allowed", Bool(p.registration_allowed)),
            ("target_regs_per_interval", U16(p.target_regs_per_interval)),
            ("min_burn", TaoBalance(p.min_burn)),
            ("max_burn", TaoBalance(p.max_burn)),
            ("burn_half_life", U16(Compact(BurnHalfLife::<T>::get(netuid)))),
            ("burn_increase_mult", HyperparamValue::U64F64(BurnIncreaseMult::<T>::get(netuid))),
            ("bonds_moving_avg", U64(p.bonds_moving_avg)),
            ("max_regs_per_block", U16(p.max_regs_per_block)),
            ("serving_rate_limit", U64(p.serving_rate_limit)),
            ("max_validators", U16(p.max_validators)),
            ("commit_reveal_period", U64(p.commit_reveal_period)),
            ("commit_reveal_weights_enabled", Bool(p.commit_reveal_weights_enabled)),
            ("alpha_high", U16(p.alpha_high)),
            ("alpha_low", U16(p.alpha_low)),
            ("liquid_alpha_enabled", Bool(p.liquid_alpha_enabled)),
            ("alpha_sigmoid_steepness", HyperparamValue::I32F32(p.alpha_sigmoid_steepness)),
            ("yuma_version", U16(p.yuma_version)),
            ("subnet_is_active", Bool(p.subnet_is_active)),
            ("transfers_enabled", Bool(p.transfers_enabled)),
            ("bonds_reset_enabled", Bool(p.bonds_reset_enabled)),
            ("user_liquidity_enabled", Bool(p.user_liquidity_enabled)),
            ("owner_cut_enabled", Bool(OwnerCutEnabled::<T>::get(netuid))),
            ("owner_cut_auto_lock_enabled", Bool(OwnerCutAutoLockEnabled::<T>::get(netuid))),
            ("min_childkey_take", U16(Compact(MinChildkeyTakePerSubnet::<T>::get(netuid)))),
        ];
        Some(
            entries
                .into_iter()
                .map(|(name, value)| HyperparamEntry { name: name.as_bytes().to_vec(), value })
                .collect(),
        )
    }
}
