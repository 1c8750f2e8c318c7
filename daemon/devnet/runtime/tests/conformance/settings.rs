//! `AdminUtils` and the owner's calls: who may set what, when, within which bounds, and which refusal comes first.

use btd_devnet_runtime::{
    Runtime, RuntimeCall, SubtensorModule, System,
    admin::{Call as Admin, PrecompileEnum},
    subtensor::{
        self as s, Call,
        fixed::{I64F64, I96F32, U64F64},
        types::RecycleOrBurnEnum,
    },
};

use crate::{FIRST, NOWHERE, OK, SUBNET, expect, key, on_a_chain, on_a_subnet, register, wait};

type Setting = (&'static str, fn(u16) -> Admin<Runtime>);

/// Settings of an owner that are limited to one in two tempos.
const OWNERS: &[Setting] = &[
    ("serving_rate_limit", |netuid| Admin::sudo_set_serving_rate_limit { netuid, serving_rate_limit: 7 }),
    ("max_difficulty", |netuid| Admin::sudo_set_max_difficulty { netuid, max_difficulty: 7 }),
    ("adjustment_alpha", |netuid| Admin::sudo_set_adjustment_alpha { netuid, adjustment_alpha: 7 }),
    ("immunity_period", |netuid| Admin::sudo_set_immunity_period { netuid, immunity_period: 7 }),
    ("min_allowed_weights", |netuid| Admin::sudo_set_min_allowed_weights { netuid, min_allowed_weights: 7 }),
    ("max_allowed_uids", |netuid| Admin::sudo_set_max_allowed_uids { netuid, max_allowed_uids: 200 }),
    ("rho", |netuid| Admin::sudo_set_rho { netuid, rho: 7 }),
    ("activity_cutoff", |netuid| Admin::sudo_set_activity_cutoff { netuid, activity_cutoff: 360 }),
    ("min_burn", |netuid| Admin::sudo_set_min_burn { netuid, min_burn: 7 }),
    ("max_burn", |netuid| Admin::sudo_set_max_burn { netuid, max_burn: 100_000_001 }),
    ("bonds_moving_average", |netuid| Admin::sudo_set_bonds_moving_average { netuid, bonds_moving_average: 975_000 }),
    ("bonds_penalty", |netuid| Admin::sudo_set_bonds_penalty { netuid, bonds_penalty: 7 }),
    ("commit_reveal_enabled", |netuid| Admin::sudo_set_commit_reveal_weights_enabled { netuid, enabled: true }),
    ("liquid_alpha_enabled", |netuid| Admin::sudo_set_liquid_alpha_enabled { netuid, enabled: true }),
    ("alpha_values", |netuid| Admin::sudo_set_alpha_values { netuid, alpha_low: 1_638, alpha_high: 1_638 }),
    ("commit_reveal_interval", |netuid| Admin::sudo_set_commit_reveal_weights_interval { netuid, interval: 100 }),
    ("toggle_transfer", |netuid| Admin::sudo_set_toggle_transfer { netuid, toggle: false }),
    ("alpha_sigmoid_steepness", |netuid| Admin::sudo_set_alpha_sigmoid_steepness { netuid, steepness: 0 }),
    ("yuma3_enabled", |netuid| Admin::sudo_set_yuma3_enabled { netuid, enabled: true }),
    ("bonds_reset_enabled", |netuid| Admin::sudo_set_bonds_reset_enabled { netuid, enabled: true }),
    ("owner_immune_neuron_limit", |netuid| Admin::sudo_set_owner_immune_neuron_limit { netuid, immune_neurons: 10 }),
    ("recycle_or_burn", |netuid| Admin::sudo_set_recycle_or_burn {
        netuid,
        recycle_or_burn: RecycleOrBurnEnum::Recycle,
    }),
    ("burn_half_life", |netuid| Admin::sudo_set_burn_half_life { netuid, burn_half_life: 36_100 }),
    ("burn_increase_mult", |netuid| Admin::sudo_set_burn_increase_mult { netuid, burn_increase_mult: U64F64::ONE }),
    ("min_childkey_take", |netuid| Admin::sudo_set_min_childkey_take_per_subnet { netuid, take: 11_796 }),
];

/// Settings of root that the window before an epoch holds up.
const ROOTS_IN_WINDOW: &[Setting] = &[
    ("min_difficulty", |netuid| Admin::sudo_set_min_difficulty { netuid, min_difficulty: 7 }),
    ("target_registrations", |netuid| Admin::sudo_set_target_registrations_per_interval {
        netuid,
        target_registrations_per_interval: 7,
    }),
    ("difficulty", |netuid| Admin::sudo_set_difficulty { netuid, difficulty: 7 }),
    ("max_allowed_validators", |netuid| Admin::sudo_set_max_allowed_validators { netuid, max_allowed_validators: 7 }),
    ("max_registrations_per_block", |netuid| Admin::sudo_set_max_registrations_per_block {
        netuid,
        max_registrations_per_block: 7,
    }),
    ("min_allowed_uids", |netuid| Admin::sudo_set_min_allowed_uids { netuid, min_allowed_uids: 0 }),
    ("tempo", |netuid| Admin::sudo_set_tempo { netuid, tempo: 360 }),
];

/// Settings of root for a subnet, at any time.
const ROOTS: &[Setting] = &[
    ("weights_set_rate_limit", |netuid| Admin::sudo_set_weights_set_rate_limit { netuid, weights_set_rate_limit: 7 }),
    ("adjustment_interval", |netuid| Admin::sudo_set_adjustment_interval { netuid, adjustment_interval: 7 }),
    ("kappa", |netuid| Admin::sudo_set_kappa { netuid, kappa: 7 }),
    ("rao_recycled", |netuid| Admin::sudo_set_rao_recycled { netuid, rao_recycled: 7 }),
    ("subnet_emission_enabled", |netuid| Admin::sudo_set_subnet_emission_enabled { netuid, enabled: true }),
];

/// Settings of root that do not ask whether the subnet exists, or belong to none.
const ROOTS_ANYWHERE: &[Setting] = &[
    ("registration_allowed", |netuid| Admin::sudo_set_network_registration_allowed {
        netuid,
        registration_allowed: true,
    }),
    ("ema_price_halving_period", |netuid| Admin::sudo_set_ema_price_halving_period { netuid, ema_halving: 7 }),
    ("min_non_immune_uids", |netuid| Admin::sudo_set_min_non_immune_uids { netuid, min: 7 }),
    ("default_take", |_| Admin::sudo_set_default_take { default_take: 7 }),
    ("tx_rate_limit", |_| Admin::sudo_set_tx_rate_limit { tx_rate_limit: 7 }),
    ("subnet_owner_cut", |_| Admin::sudo_set_subnet_owner_cut { subnet_owner_cut: 7 }),
    ("network_rate_limit", |_| Admin::sudo_set_network_rate_limit { rate_limit: 7 }),
    ("network_immunity_period", |_| Admin::sudo_set_network_immunity_period { immunity_period: 7 }),
    ("network_min_lock_cost", |_| Admin::sudo_set_network_min_lock_cost { lock_cost: 7 }),
    ("subnet_limit", |_| Admin::sudo_set_subnet_limit { max_subnets: 7 }),
    ("lock_reduction_interval", |_| Admin::sudo_set_lock_reduction_interval { interval: 7 }),
    ("stake_threshold", |_| Admin::sudo_set_stake_threshold { min_stake: 7 }),
    ("nominator_min", |_| Admin::sudo_set_nominator_min_required_stake { min_stake: 7 }),
    ("tx_delegate_take", |_| Admin::sudo_set_tx_delegate_take_rate_limit { tx_rate_limit: 7 }),
    ("min_delegate_take", |_| Admin::sudo_set_min_delegate_take { take: 7 }),
    ("dissolve_duration", |_| Admin::sudo_set_dissolve_network_schedule_duration { duration: 7 }),
    ("precompile", |_| Admin::sudo_toggle_evm_precompile { precompile_id: PrecompileEnum::Alpha, enabled: false }),
    ("moving_alpha", |_| Admin::sudo_set_subnet_moving_alpha { alpha: I96F32::from_bits(7) }),
    ("commit_reveal_version", |_| Admin::sudo_set_commit_reveal_version { version: 7 }),
    ("ck_burn", |_| Admin::sudo_set_ck_burn { burn: 7 }),
    ("admin_freeze_window", |_| Admin::sudo_set_admin_freeze_window { window: 7 }),
    ("owner_hparam_rate_limit", |_| Admin::sudo_set_owner_hparam_rate_limit { epochs: 7 }),
    ("tao_flow_cutoff", |_| Admin::sudo_set_tao_flow_cutoff { flow_cutoff: I64F64::from_bits(7) }),
    ("tao_flow_exponent", |_| Admin::sudo_set_tao_flow_normalization_exponent { exponent: U64F64::ONE }),
    ("tao_flow_smoothing", |_| Admin::sudo_set_tao_flow_smoothing_factor { smoothing_factor: 7 }),
    ("start_call_delay", |_| Admin::sudo_set_start_call_delay { delay: 7 }),
    ("announcement_delay", |_| Admin::sudo_set_coldkey_swap_announcement_delay { duration: 7 }),
    ("reannouncement_delay", |_| Admin::sudo_set_coldkey_swap_reannouncement_delay { duration: 7 }),
    ("max_mechanism_count", |_| Admin::sudo_set_max_mechanism_count { max_mechanism_count: 7 }),
    ("net_tao_flow", |_| Admin::sudo_set_net_tao_flow_enabled { enabled: false }),
    ("max_epochs_per_block", |_| Admin::sudo_set_max_epochs_per_block { max_epochs_per_block: 7 }),
];

/// Settings of owners that root may make for a subnet that does not exist, and what the others answer to that.
const ANYWHERE: &[(&str, &str)] = &[
    ("serving_rate_limit", OK),
    ("liquid_alpha_enabled", OK),
    ("alpha_values", "LiquidAlphaDisabled"),
    ("toggle_transfer", "SubnetNotExists"),
    ("yuma3_enabled", OK),
    ("bonds_reset_enabled", OK),
    ("owner_immune_neuron_limit", OK),
    ("recycle_or_burn", OK),
];

fn prepared(test: impl FnOnce()) {
    on_a_subnet(|| {
        s::LiquidAlphaOn::<Runtime>::insert(SUBNET, true);
        // The epoch is far away.
        s::LastEpochBlock::<Runtime>::insert(SUBNET, 1);
        s::MinAllowedUids::<Runtime>::insert(SUBNET, 1);
        test();
    });
}

#[test]
fn owners_set_what_is_theirs_and_nobody_else_but_root_does() {
    prepared(|| {
        for (_, setting) in OWNERS {
            expect("Bob", setting(SUBNET), "BadOrigin");
            expect("Alice", setting(FIRST), "BadOrigin");
            expect("Alice", setting(NOWHERE), "BadOrigin");
            expect("Alice", setting(SUBNET), OK);
            expect("root", setting(SUBNET), OK);
        }
    });
}

#[test]
fn an_owner_sets_each_once_in_two_tempos_and_root_whenever() {
    prepared(|| {
        s::Tempo::<Runtime>::insert(SUBNET, 1_000);
        for (_, setting) in OWNERS {
            expect("Alice", setting(SUBNET), OK);
            expect("Alice", setting(SUBNET), "TxRateLimitExceeded");
            expect("root", setting(SUBNET), OK);
        }
        wait(1_999);
        s::LastEpochBlock::<Runtime>::insert(SUBNET, u64::from(System::block_number()));
        for (_, setting) in OWNERS {
            expect("Alice", setting(SUBNET), "TxRateLimitExceeded");
        }
        wait(1);
        for (_, setting) in OWNERS {
            expect("Alice", setting(SUBNET), OK);
        }
    });
}

#[test]
fn nothing_is_set_in_the_window_before_an_epoch() {
    prepared(|| {
        register(SUBNET, "neuron");
        let tempo = s::Tempo::<Runtime>::get(SUBNET);
        // Ten blocks before the next epoch nothing is frozen yet, nine before it is.
        System::set_block_number(1 + u32::from(tempo) - 10);
        for (_, setting) in OWNERS.iter().chain(ROOTS_IN_WINDOW.iter().filter(|(name, _)| *name != "tempo")) {
            expect("root", setting(SUBNET), OK);
        }
        wait(1);
        for (_, setting) in OWNERS {
            expect("Alice", setting(SUBNET), "AdminActionProhibitedDuringWeightsWindow");
        }
        for (_, setting) in OWNERS.iter().chain(ROOTS_IN_WINDOW) {
            expect("root", setting(SUBNET), "AdminActionProhibitedDuringWeightsWindow");
        }
        for (_, setting) in ROOTS.iter().chain(ROOTS_ANYWHERE.iter().filter(|(name, _)| *name != "admin_freeze_window"))
        {
            expect("root", setting(SUBNET), OK);
        }
        // A subnet without tempo has no epochs and no window.
        s::Tempo::<Runtime>::insert(SUBNET, 0);
        expect("root", (OWNERS[0].1)(SUBNET), OK);
    });
}

#[test]
fn a_triggered_epoch_freezes_settings_until_it_comes() {
    prepared(|| {
        s::PendingEpochAt::<Runtime>::insert(SUBNET, 5);
        expect("root", (OWNERS[0].1)(SUBNET), "AdminActionProhibitedDuringWeightsWindow");
        System::set_block_number(5);
        expect("root", (OWNERS[0].1)(SUBNET), OK);
    });
}

#[test]
fn the_limit_of_owners_is_told_before_the_window() {
    prepared(|| {
        expect("Alice", (OWNERS[0].1)(SUBNET), OK);
        System::set_block_number(355);
        expect("Alice", (OWNERS[0].1)(SUBNET), "TxRateLimitExceeded");
        expect("Alice", (OWNERS[1].1)(SUBNET), "AdminActionProhibitedDuringWeightsWindow");
    });
}

#[test]
fn settings_of_root_are_roots() {
    prepared(|| {
        register(SUBNET, "neuron");
        for (_, setting) in ROOTS.iter().chain(ROOTS_IN_WINDOW).chain(ROOTS_ANYWHERE) {
            expect("Alice", setting(SUBNET), "BadOrigin");
            expect("root", setting(SUBNET), OK);
        }
    });
}

#[test]
fn unknown_subnets_are_told_so() {
    on_a_chain(|| {
        for (_, setting) in ROOTS.iter().chain(ROOTS_IN_WINDOW) {
            expect("root", setting(NOWHERE), "SubnetDoesNotExist");
        }
        for (name, setting) in OWNERS {
            let wanted =
                ANYWHERE.iter().find(|(other, _)| other == name).map_or("SubnetDoesNotExist", |(_, want)| *want);
            expect("root", setting(NOWHERE), wanted);
            s::LiquidAlphaOn::<Runtime>::remove(NOWHERE);
        }
        let count = Admin::sudo_set_mechanism_count { netuid: NOWHERE, mechanism_count: 1 };
        expect("root", count, "MechanismDoesNotExist");
        let split = Admin::sudo_set_mechanism_emission_split { netuid: NOWHERE, maybe_split: None };
        expect("root", split, "MechanismDoesNotExist");
        // Their epoch is as long overdue as root's, so that they are frozen from the first tempo on.
        System::set_block_number(400);
        expect("root", (OWNERS[1].1)(NOWHERE), "AdminActionProhibitedDuringWeightsWindow");
    });
}

#[test]
fn settings_have_bounds() {
    prepared(|| {
        register(SUBNET, "neuron");
        let netuid = SUBNET;
        let cases: Vec<(&str, Admin<Runtime>, &str)> = vec![
            (
                "root",
                Admin::sudo_set_max_allowed_uids { netuid, max_allowed_uids: 0 },
                "MaxAllowedUidsLessThanMinAllowedUids",
            ),
            (
                "root",
                Admin::sudo_set_max_allowed_uids { netuid, max_allowed_uids: 1 },
                "MaxAllowedUIdsLessThanCurrentUIds",
            ),
            (
                "root",
                Admin::sudo_set_max_allowed_uids { netuid, max_allowed_uids: 257 },
                "MaxAllowedUidsGreaterThanDefaultMaxAllowedUids",
            ),
            ("root", Admin::sudo_set_activity_cutoff { netuid, activity_cutoff: 359 }, "ActivityCutoffTooLow"),
            ("root", Admin::sudo_set_min_burn { netuid, min_burn: 1_000_000_000 }, "ValueNotInBounds"),
            ("root", Admin::sudo_set_max_burn { netuid, max_burn: 100_000_000 }, "ValueNotInBounds"),
            (
                "root",
                Admin::sudo_set_max_allowed_validators { netuid, max_allowed_validators: 257 },
                "MaxValidatorsLargerThanMaxUIds",
            ),
            (
                "Alice",
                Admin::sudo_set_bonds_moving_average { netuid, bonds_moving_average: 975_001 },
                "BondsMovingAverageMaxReached",
            ),
            ("root", Admin::sudo_set_bonds_moving_average { netuid, bonds_moving_average: 1_000_001 }, OK),
            ("Alice", Admin::sudo_set_alpha_sigmoid_steepness { netuid, steepness: -1 }, "NegativeSigmoidSteepness"),
            ("root", Admin::sudo_set_alpha_sigmoid_steepness { netuid, steepness: -1 }, OK),
            ("root", Admin::sudo_set_alpha_values { netuid, alpha_low: 1_638, alpha_high: 1_637 }, "AlphaHighTooLow"),
            (
                "root",
                Admin::sudo_set_alpha_values { netuid, alpha_low: 1_637, alpha_high: 9_999 },
                "AlphaLowOutOfRange",
            ),
            (
                "root",
                Admin::sudo_set_alpha_values { netuid, alpha_low: 9_999, alpha_high: 9_998 },
                "AlphaLowOutOfRange",
            ),
            ("root", Admin::sudo_set_commit_reveal_weights_interval { netuid, interval: 0 }, "RevealPeriodTooSmall"),
            ("root", Admin::sudo_set_commit_reveal_weights_interval { netuid, interval: 101 }, "RevealPeriodTooLarge"),
            ("root", Admin::sudo_set_owner_immune_neuron_limit { netuid, immune_neurons: 0 }, "InvalidValue"),
            ("root", Admin::sudo_set_owner_immune_neuron_limit { netuid, immune_neurons: 11 }, "InvalidValue"),
            ("root", Admin::sudo_set_burn_half_life { netuid, burn_half_life: 0 }, "InvalidValue"),
            ("root", Admin::sudo_set_burn_half_life { netuid, burn_half_life: 36_101 }, "InvalidValue"),
            ("root", Admin::sudo_set_burn_half_life { netuid: 0, burn_half_life: 1 }, "NotPermittedOnRootSubnet"),
            (
                "root",
                Admin::sudo_set_burn_increase_mult { netuid, burn_increase_mult: U64F64::from_bits((1 << 64) - 1) },
                "InvalidValue",
            ),
            (
                "root",
                Admin::sudo_set_burn_increase_mult { netuid, burn_increase_mult: U64F64::from_bits((3 << 64) + 1) },
                "InvalidValue",
            ),
            ("root", Admin::sudo_set_min_childkey_take_per_subnet { netuid, take: 11_797 }, "InvalidValue"),
            (
                "root",
                Admin::sudo_set_min_allowed_uids { netuid, min_allowed_uids: 256 },
                "MinAllowedUidsGreaterThanMaxAllowedUids",
            ),
            (
                "root",
                Admin::sudo_set_min_allowed_uids { netuid, min_allowed_uids: 2 },
                "MinAllowedUidsGreaterThanCurrentUids",
            ),
            ("root", Admin::sudo_set_owner_cut_enabled { netuid: 0, enabled: true }, "NotPermittedOnRootSubnet"),
            (
                "root",
                Admin::sudo_set_owner_cut_auto_lock_enabled { netuid: 0, enabled: true },
                "NotPermittedOnRootSubnet",
            ),
            ("root", Admin::sudo_set_subnet_emission_enabled { netuid: 0, enabled: true }, "NotPermittedOnRootSubnet"),
            ("root", Admin::sudo_set_mechanism_count { netuid, mechanism_count: 0 }, "InvalidValue"),
            ("root", Admin::sudo_set_mechanism_count { netuid, mechanism_count: 3 }, "InvalidValue"),
            ("root", Admin::sudo_set_mechanism_count { netuid, mechanism_count: 2 }, "TooManyUIDsPerMechanism"),
            ("root", Admin::sudo_set_mechanism_emission_split { netuid, maybe_split: Some(vec![1]) }, "InvalidValue"),
            ("root", Admin::sudo_set_mechanism_emission_split { netuid, maybe_split: Some(vec![65_535]) }, OK),
            ("root", Admin::sudo_set_max_mechanism_count { max_mechanism_count: 0 }, "InvalidValue"),
            ("root", Admin::sudo_set_max_mechanism_count { max_mechanism_count: 17 }, "InvalidValue"),
            ("root", Admin::sudo_set_max_epochs_per_block { max_epochs_per_block: 0 }, "InvalidValue"),
            (
                "root",
                Admin::sudo_set_tao_flow_normalization_exponent { exponent: U64F64::from_bits((2 << 64) + 1) },
                "InvalidValue",
            ),
        ];
        for (by, call, wanted) in cases {
            expect(by, call, wanted);
        }
        s::LiquidAlphaOn::<Runtime>::insert(netuid, false);
        let alphas = Admin::sudo_set_alpha_values { netuid, alpha_low: 1_638, alpha_high: 1_638 };
        expect("root", alphas, "LiquidAlphaDisabled");
    });
}

#[test]
fn what_is_gone_is_refused_to_everybody() {
    on_a_chain(|| {
        for by in ["Alice", "root"] {
            expect(by, Admin::sudo_set_total_issuance { total_issuance: 1 }, "Deprecated");
            let allowed = Admin::sudo_set_network_pow_registration_allowed { netuid: 1, registration_allowed: true };
            expect(by, allowed, "POWRegistrationDisabled");
        }
        expect("Bob", Call::schedule_swap_coldkey { new_coldkey: key("Eve") }, "Deprecated");
    });
}

#[test]
fn an_owner_sets_the_version_of_weights_once_in_five_tempos() {
    prepared(|| {
        let set = || Admin::sudo_set_weights_version_key { netuid: SUBNET, weights_version_key: 3 };
        expect("Bob", set(), "BadOrigin");
        expect("Alice", set(), OK);
        let again = |blocks: u32, wanted: &str| {
            System::set_block_number(1 + blocks);
            s::LastEpochBlock::<Runtime>::insert(SUBNET, u64::from(blocks));
            expect("Alice", set(), wanted);
        };
        again(5 * 360 - 1, "TxRateLimitExceeded");
        again(5 * 360, OK);
    });
}

#[test]
fn emission_is_split_evenly_again_once_the_count_of_mechanisms_changes() {
    prepared(|| {
        s::MaxAllowedUids::<Runtime>::insert(SUBNET, 100);
        let count = |mechanism_count| Admin::sudo_set_mechanism_count { netuid: SUBNET, mechanism_count };
        expect("root", count(2), OK);
        let maybe_split = Some(vec![40_000, 25_535]);
        let split = Admin::sudo_set_mechanism_emission_split { netuid: SUBNET, maybe_split: maybe_split.clone() };
        expect("root", split, OK);
        expect("root", count(2), OK);
        assert_eq!(s::MechanismEmissionSplit::<Runtime>::get(SUBNET), maybe_split);
        expect("root", count(1), OK);
        assert_eq!(s::MechanismEmissionSplit::<Runtime>::get(SUBNET), None);
    });
}

#[test]
fn an_owner_changes_mechanisms_once_in_a_day() {
    prepared(|| {
        s::MaxAllowedUids::<Runtime>::insert(SUBNET, 100);
        let count = |mechanism_count| Admin::sudo_set_mechanism_count { netuid: SUBNET, mechanism_count };
        let split = || Admin::sudo_set_mechanism_emission_split { netuid: SUBNET, maybe_split: None };
        expect("Bob", count(2), "BadOrigin");
        expect("Alice", count(2), OK);
        expect("Alice", split(), OK);
        for (blocks, wanted) in [(7_199, "TxRateLimitExceeded"), (7_200, OK)] {
            System::set_block_number(1 + blocks);
            s::LastEpochBlock::<Runtime>::insert(SUBNET, u64::from(blocks));
            expect("Alice", count(1), wanted);
            expect("Alice", split(), wanted);
        }
    });
}

#[test]
fn the_owners_hotkey_changes_once_in_a_week_whoever_asks() {
    prepared(|| {
        let set = |name: &str| Admin::sudo_set_sn_owner_hotkey { netuid: SUBNET, hotkey: key(name) };
        expect("Bob", set("one"), "BadOrigin");
        expect("root", Admin::sudo_set_sn_owner_hotkey { netuid: 77, hotkey: key("one") }, "SubnetNotExists");
        let hotkey = SubtensorModule::subnet_account(SUBNET);
        expect("Alice", Admin::sudo_set_sn_owner_hotkey { netuid: SUBNET, hotkey }, "CannotUseSystemAccount");
        expect("Alice", set("one"), OK);
        System::set_block_number(50_400);
        expect("Alice", set("two"), "TxRateLimitExceeded");
        System::set_block_number(50_401);
        expect("Alice", set("two"), OK);
    });
}

#[test]
fn set_tempo_is_the_owners_within_bounds_and_once_in_360_blocks() {
    prepared(|| {
        let set = |tempo| Call::set_tempo { netuid: SUBNET, tempo };
        expect("Bob", set(360), "BadOrigin");
        expect("Alice", set(359), "TempoOutOfBounds");
        expect("Alice", set(50_401), "TempoOutOfBounds");
        expect("Alice", set(50_400), OK);
        assert_eq!(s::LastEpochBlock::<Runtime>::get(SUBNET), 1);
        System::set_block_number(360);
        expect("Alice", set(400), "TxRateLimitExceeded");
        System::set_block_number(361);
        expect("Alice", set(400), OK);
        assert_eq!(s::LastEpochBlock::<Runtime>::get(SUBNET), 361, "a new cycle begins");
    });
}

#[test]
fn set_activity_cutoff_factor_is_in_thousandths_of_the_tempo() {
    prepared(|| {
        let set = |factor_milli| Call::set_activity_cutoff_factor { netuid: SUBNET, factor_milli };
        expect("Bob", set(1_000), "BadOrigin");
        expect("Alice", set(999), "ActivityCutoffFactorMilliOutOfBounds");
        expect("Alice", set(50_001), "ActivityCutoffFactorMilliOutOfBounds");
        expect("Alice", set(1_000), OK);
        expect("Alice", set(2_000), "TxRateLimitExceeded");
        expect("root", set(50_000), OK);
    });
}

#[test]
fn set_activity_cutoff_factor_binds_root_by_bounds_alone() {
    prepared(|| {
        let set = |netuid, factor_milli| Call::set_activity_cutoff_factor { netuid, factor_milli };
        // Six blocks before the epoch.
        System::set_block_number(355);
        expect("Alice", set(SUBNET, 999), "ActivityCutoffFactorMilliOutOfBounds");
        expect("Alice", set(SUBNET, 1_000), "AdminActionProhibitedDuringWeightsWindow");
        expect("root", set(SUBNET, 999), "ActivityCutoffFactorMilliOutOfBounds");
        expect("root", set(SUBNET, 1_000), OK);
        expect("root", set(NOWHERE, 50_001), "ActivityCutoffFactorMilliOutOfBounds");
        expect("root", set(NOWHERE, 50_000), OK);
        expect("Alice", set(NOWHERE, 50_000), "BadOrigin");
        assert_eq!(s::ActivityCutoffFactorMilli::<Runtime>::get(SUBNET), 1_000);
    });
}

#[test]
fn voting_power_is_kept_of_subnets_that_exist() {
    on_a_chain(|| {
        let netuid = NOWHERE;
        expect("root", Call::enable_voting_power_tracking { netuid }, "SubnetNotExists");
        expect("root", Call::disable_voting_power_tracking { netuid }, "SubnetNotExists");
        expect("root", Call::sudo_set_voting_power_ema_alpha { netuid, alpha: u64::MAX }, "SubnetNotExists");
        expect("Alice", Call::enable_voting_power_tracking { netuid }, "BadOrigin");
        expect("Alice", Call::disable_voting_power_tracking { netuid }, "BadOrigin");
        assert!(!s::VotingPowerTrackingEnabled::<Runtime>::get(netuid));
    });
}

#[test]
fn trigger_epoch_is_refused_in_order() {
    prepared(|| {
        let trigger = || Call::trigger_epoch { netuid: SUBNET };
        expect("Bob", trigger(), "BadOrigin");
        expect("Alice", trigger(), "DynamicTempoBlockedByCommitReveal");
        s::CommitRevealWeightsEnabled::<Runtime>::insert(SUBNET, false);
        expect("Alice", trigger(), OK);
        assert_eq!(s::PendingEpochAt::<Runtime>::get(SUBNET), 11, "after the window");
        expect("Alice", trigger(), "EpochTriggerAlreadyPending");
        s::PendingEpochAt::<Runtime>::insert(SUBNET, 0);
        expect("Alice", trigger(), "TxRateLimitExceeded");
        System::set_block_number(355);
        expect("Alice", trigger(), "AutoEpochAlreadyImminent");
    });
}

#[test]
fn trigger_epoch_is_taken_as_long_as_it_is_not_later_than_the_automatic_one() {
    for (block, wanted) in [(350, OK), (351, OK), (352, "AutoEpochAlreadyImminent")] {
        prepared(|| {
            s::CommitRevealWeightsEnabled::<Runtime>::insert(SUBNET, false);
            System::set_block_number(block);
            expect("Alice", Call::trigger_epoch { netuid: SUBNET }, wanted);
            let fires_at = if wanted == OK { u64::from(block) + 10 } else { 0 };
            assert_eq!(s::PendingEpochAt::<Runtime>::get(SUBNET), fires_at, "the automatic one comes at 361");
        });
    }
}

#[test]
fn update_symbol_takes_a_free_one_of_the_table() {
    prepared(|| {
        let set = |symbol: &str| Call::update_symbol { netuid: SUBNET, symbol: symbol.as_bytes().to_vec() };
        expect("Bob", set("γ"), "BadOrigin");
        expect("Alice", set("?"), "SymbolDoesNotExist");
        expect("Alice", set("\u{3a4}"), "SymbolDoesNotExist");
        expect("Alice", set("α"), "SymbolAlreadyInUse");
        expect("Alice", set("γ"), OK);
        expect("root", set("δ"), OK);
        expect("Alice", set("ص"), OK);
    });
}

#[test]
fn swap_fee_rate_is_roots_and_liquidity_is_nobodys() {
    use btd_devnet_runtime::swap::Call as Swap;
    on_a_chain(|| {
        let rate = |rate| RuntimeCall::Swap(Swap::set_fee_rate { netuid: 1, rate });
        expect("Alice", rate(1), "BadOrigin");
        expect("root", rate(10_001), "FeeRateTooHigh");
        expect("root", rate(10_000), OK);
        expect("root", RuntimeCall::Swap(Swap::set_fee_rate { netuid: 77, rate: 10_001 }), "MechanismDoesNotExist");
        // Whoever asks, root too.
        for who in ["Alice", "root"] {
            expect(who, RuntimeCall::Swap(Swap::toggle_user_liquidity { netuid: 1, enable: true }), "Deprecated");
            expect(who, RuntimeCall::Swap(Swap::disable_lp {}), "Deprecated");
            expect(who, Call::schedule_swap_coldkey { new_coldkey: key("Bob") }, "Deprecated");
        }
    });
}
