//! How runtime APIs fill the fields of subnets: hyperparameters, epochs, what comes next and what it costs. Each figure is
//! reckoned here from what is stored, by the rule of that field.

use btd_devnet_runtime::{
    AccountId, Runtime, System, UNIT,
    subtensor::{
        self as s,
        fixed::{I32F32, I96F32, U64F64},
        info::{
            DynamicInfo, HyperparamEntry, HyperparamValue, Metagraph, SubnetHyperparams, SubnetHyperparamsV2,
            SubnetInfo, SubnetInfov2, SubnetPrice,
        },
        types::RateLimitKey,
    },
};
use codec::Compact;

use crate::{FIRST, NOWHERE, SUBNET, ask, key, on_a_chain, on_a_subnet};

#[test]
fn lists_of_subnets_ascend_and_those_of_their_economy_are_in_the_order_of_storage() {
    on_a_subnet(|| {
        s::NetworksAdded::<Runtime>::insert(256, true);
        let infos: Vec<Option<SubnetInfo>> = ask("SubnetInfoRuntimeApi_get_subnets_info", ());
        let infos: Vec<u16> = infos.into_iter().map(|info| info.unwrap().netuid.0).collect();
        assert_eq!(infos, [0, 1, 2, 256]);
        let second: Vec<Option<SubnetInfov2>> = ask("SubnetInfoRuntimeApi_get_subnets_info_v2", ());
        assert_eq!(second.into_iter().map(|info| info.unwrap().netuid.0).collect::<Vec<_>>(), infos);
        let dynamic: Vec<Option<DynamicInfo>> = ask("SubnetInfoRuntimeApi_get_all_dynamic_info", ());
        let dynamic: Vec<u16> = dynamic.into_iter().map(|info| info.unwrap().netuid.0).collect();
        assert_eq!(dynamic, [0, 256, 1, 2], "the first byte of a key is the lower one");
        let graphs: Vec<Option<Metagraph>> = ask("SubnetInfoRuntimeApi_get_all_metagraphs", ());
        assert_eq!(graphs.into_iter().map(|graph| graph.unwrap().netuid.0).collect::<Vec<_>>(), dynamic);
    });
}

#[test]
fn a_subnet_has_no_modality_and_no_emission_and_serves_figures_that_decide_nothing() {
    on_a_subnet(|| {
        s::Difficulty::<Runtime>::insert(SUBNET, 71);
        s::ScalingLawPower::<Runtime>::insert(SUBNET, 72);
        s::BlocksSinceLastStep::<Runtime>::insert(SUBNET, 73);
        s::Burn::<Runtime>::insert(SUBNET, 74);
        s::PendingServerEmission::<Runtime>::insert(SUBNET, 75);
        let told = ask::<Option<SubnetInfo>>("SubnetInfoRuntimeApi_get_subnet_info", SUBNET).unwrap();
        let second = ask::<Option<SubnetInfov2>>("SubnetInfoRuntimeApi_get_subnet_info_v2", SUBNET).unwrap();
        assert_eq!((told.network_modality.0, told.network_connect.len(), told.emission_values.0), (0, 0, 0));
        assert_eq!((second.network_modality.0, second.network_connect.len(), second.emission_value.0), (0, 0, 0));
        assert_eq!((told.difficulty.0, told.scaling_law_power.0), (71, 72));
        assert_eq!((told.blocks_since_last_step.0, second.blocks_since_last_step.0), (73, 73));
        assert_eq!((told.burn.0, told.owner, told.subnetwork_n.0), (74, key("Alice"), 1));
        assert_eq!(ask::<Option<SubnetInfo>>("SubnetInfoRuntimeApi_get_subnet_info", NOWHERE), None);
    });
}

#[test]
fn the_activity_cutoff_is_told_in_blocks_and_is_one_at_least() {
    on_a_subnet(|| {
        for (tempo, factor, wanted) in [(360_u16, 13_889_u32, 5_000_u64), (7, 2_500, 17), (1, 1_000, 1), (0, 1_000, 1)]
        {
            s::Tempo::<Runtime>::insert(SUBNET, tempo);
            s::ActivityCutoffFactorMilli::<Runtime>::insert(SUBNET, factor);
            let first = ask::<Option<SubnetHyperparams>>("SubnetInfoRuntimeApi_get_subnet_hyperparams", SUBNET);
            let second = ask::<Option<SubnetHyperparamsV2>>("SubnetInfoRuntimeApi_get_subnet_hyperparams_v2", SUBNET);
            let graph = ask::<Option<Metagraph>>("SubnetInfoRuntimeApi_get_metagraph", SUBNET).unwrap();
            let told = [first.unwrap().activity_cutoff, second.unwrap().activity_cutoff, graph.activity_cutoff];
            assert_eq!(told, [Compact(wanted); 3], "{factor} thousandths of {tempo}");
        }
    });
}

#[test]
fn hyperparameters_are_named_in_their_order_and_each_has_its_kind() {
    on_a_subnet(|| {
        use HyperparamValue::{Bool, TaoBalance, U16, U32, U64};
        s::Kappa::<Runtime>::insert(SUBNET, 1);
        s::ImmunityPeriod::<Runtime>::insert(SUBNET, 2);
        s::MinAllowedWeights::<Runtime>::insert(SUBNET, 3);
        s::MaxWeightsLimit::<Runtime>::insert(SUBNET, 4);
        s::Tempo::<Runtime>::insert(SUBNET, 500);
        s::WeightsVersionKey::<Runtime>::insert(SUBNET, 6);
        s::WeightsSetRateLimit::<Runtime>::insert(SUBNET, 7);
        s::ActivityCutoffFactorMilli::<Runtime>::insert(SUBNET, 8_000);
        s::TargetRegistrationsPerInterval::<Runtime>::insert(SUBNET, 9);
        s::MinBurn::<Runtime>::insert(SUBNET, 10);
        s::MaxBurn::<Runtime>::insert(SUBNET, 11);
        s::BurnHalfLife::<Runtime>::insert(SUBNET, 12);
        s::BurnIncreaseMult::<Runtime>::insert(SUBNET, U64F64::from_bits(13));
        s::BondsMovingAverage::<Runtime>::insert(SUBNET, 14);
        s::MaxRegistrationsPerBlock::<Runtime>::insert(SUBNET, 15);
        s::ServingRateLimit::<Runtime>::insert(SUBNET, 16);
        s::MaxAllowedValidators::<Runtime>::insert(SUBNET, 17);
        s::RevealPeriodEpochs::<Runtime>::insert(SUBNET, 18);
        s::AlphaValues::<Runtime>::insert(SUBNET, (19, 20));
        s::AlphaSigmoidSteepness::<Runtime>::insert(SUBNET, -21);
        s::MinChildkeyTakePerSubnet::<Runtime>::insert(SUBNET, 22);
        s::NetworkRegistrationAllowed::<Runtime>::insert(SUBNET, false);
        s::CommitRevealWeightsEnabled::<Runtime>::insert(SUBNET, true);
        s::LiquidAlphaOn::<Runtime>::insert(SUBNET, true);
        s::Yuma3On::<Runtime>::insert(SUBNET, false);
        s::SubtokenEnabled::<Runtime>::insert(SUBNET, true);
        s::TransferToggle::<Runtime>::insert(SUBNET, false);
        s::BondsResetOn::<Runtime>::insert(SUBNET, true);
        s::OwnerCutEnabled::<Runtime>::insert(SUBNET, false);
        s::OwnerCutAutoLockEnabled::<Runtime>::insert(SUBNET, true);
        let wanted = [
            ("kappa", U16(Compact(1))),
            ("immunity_period", U16(Compact(2))),
            ("min_allowed_weights", U16(Compact(3))),
            ("max_weights_limit", U16(Compact(4))),
            ("tempo", U16(Compact(500))),
            ("weights_version", U64(Compact(6))),
            ("weights_rate_limit", U64(Compact(7))),
            ("activity_cutoff", U64(Compact(4_000))),
            ("activity_cutoff_factor", U32(Compact(8_000))),
            ("registration_allowed", Bool(false)),
            ("target_regs_per_interval", U16(Compact(9))),
            ("min_burn", TaoBalance(Compact(10))),
            ("max_burn", TaoBalance(Compact(11))),
            ("burn_half_life", U16(Compact(12))),
            ("burn_increase_mult", HyperparamValue::U64F64(U64F64::from_bits(13))),
            ("bonds_moving_avg", U64(Compact(14))),
            ("max_regs_per_block", U16(Compact(15))),
            ("serving_rate_limit", U64(Compact(16))),
            ("max_validators", U16(Compact(17))),
            ("commit_reveal_period", U64(Compact(18))),
            ("commit_reveal_weights_enabled", Bool(true)),
            ("alpha_high", U16(Compact(20))),
            ("alpha_low", U16(Compact(19))),
            ("liquid_alpha_enabled", Bool(true)),
            ("alpha_sigmoid_steepness", HyperparamValue::I32F32(I32F32::from_bits(-21 << 32))),
            ("yuma_version", U16(Compact(2))),
            ("subnet_is_active", Bool(true)),
            ("transfers_enabled", Bool(false)),
            ("bonds_reset_enabled", Bool(true)),
            ("user_liquidity_enabled", Bool(false)),
            ("owner_cut_enabled", Bool(false)),
            ("owner_cut_auto_lock_enabled", Bool(true)),
            ("min_childkey_take", U16(Compact(22))),
        ];
        let told: Option<Vec<HyperparamEntry>> = ask("SubnetInfoRuntimeApi_get_subnet_hyperparams_v3", SUBNET);
        let wanted = wanted.map(|(name, value)| HyperparamEntry { name: name.into(), value });
        for (told, wanted) in told.as_ref().unwrap().iter().zip(&wanted) {
            assert_eq!(told, wanted, "{}", String::from_utf8_lossy(&wanted.name));
        }
        assert_eq!(told.unwrap().len(), wanted.len());
    });
}

#[test]
fn the_next_epoch_is_a_tempo_after_the_last_or_when_it_was_asked_for_if_that_is_earlier() {
    on_a_subnet(|| {
        for (last, tempo, pending, wanted) in [
            (100_u64, 360_u16, 0_u64, Some(460_u64)),
            (100, 360, 200, Some(200)),
            (100, 360, 500, Some(460)),
            (0, 1, 0, Some(1)),
            (100, 0, 200, None),
        ] {
            s::LastEpochBlock::<Runtime>::insert(SUBNET, last);
            s::Tempo::<Runtime>::insert(SUBNET, tempo);
            s::PendingEpochAt::<Runtime>::insert(SUBNET, pending);
            let told: Option<u64> = ask("SubnetInfoRuntimeApi_get_next_epoch_start_block", SUBNET);
            assert_eq!(told, wanted, "{last} + {tempo}, pending {pending}");
        }
    });
}

#[test]
fn the_subnet_to_go_is_the_cheapest_that_is_not_immune_and_of_equals_the_oldest() {
    on_a_chain(|| {
        s::NetworkImmunityPeriod::<Runtime>::put(100);
        System::set_block_number(1_000);
        // Bits of the moving price, and the block of registration, of subnets 1 to 3.
        for (subnets, wanted, why) in [
            ([(9, 1), (5, 2), (7, 3)], Some(2_u16), "the cheapest"),
            ([(5, 800), (5, 700), (5, 750)], Some(2), "the oldest of equals"),
            ([(9, 900), (5, 901), (7, 901)], Some(1), "the only one that is not immune"),
            ([(9, 901), (5, 901), (7, 999)], None, "all are immune"),
        ] {
            for (netuid, (price, registered)) in (1..).zip(subnets) {
                s::NetworksAdded::<Runtime>::insert(netuid, true);
                s::SubnetMechanism::<Runtime>::insert(netuid, 1);
                s::SubnetMovingPrice::<Runtime>::insert(netuid, I96F32::from_bits(price));
                s::NetworkRegisteredAt::<Runtime>::insert(netuid, registered);
            }
            assert_eq!(ask::<Option<u16>>("SubnetInfoRuntimeApi_get_subnet_to_prune", ()), wanted, "{why}");
        }
    });
}

#[test]
fn a_subnet_costs_twice_the_last_one_less_what_the_blocks_since_then_take_off() {
    on_a_chain(|| {
        s::NetworkMinLockCost::<Runtime>::put(1_000);
        s::NetworkLastLockCost::<Runtime>::put(7_003);
        s::NetworkLockReductionInterval::<Runtime>::put(1_000);
        // Half a TAO a block: the interval counts half.
        s::TotalIssuance::<Runtime>::put(11_000_000 * UNIT);
        for (last, now, wanted) in [
            (100_u64, 100_u32, 14_006_u64),
            // 7,003 / 500, rounded down, for each block.
            (100, 600, 14_006 - 14 * 500),
            (100, 5_000, 1_000),
            // Nobody bought one yet.
            (0, 10, 7_003 - 14 * 10),
        ] {
            s::LastRateLimitedBlock::<Runtime>::insert(RateLimitKey::NetworkLastRegistered, last);
            System::set_block_number(now);
            let told: u64 = ask("SubnetRegistrationRuntimeApi_get_network_registration_cost", ());
            assert_eq!(told, wanted, "block {now}, the last at {last}");
        }
    });
}

#[test]
fn a_subnet_has_an_account_that_its_number_makes() {
    on_a_subnet(|| {
        let mut bytes = [0; 32];
        bytes[..14].copy_from_slice(b"modlsubtensr\x02\x00");
        let account = |netuid: u16| ask::<Option<AccountId>>("SubnetInfoRuntimeApi_get_subnet_account_id", netuid);
        assert_eq!((account(SUBNET), account(NOWHERE)), (Some(AccountId::new(bytes)), None));
    });
}

#[test]
fn prices_are_tao_for_a_billion_of_alpha_and_one_where_alpha_is_tao() {
    on_a_subnet(|| {
        s::SubnetTAO::<Runtime>::insert(SUBNET, 3 * UNIT);
        s::SubnetAlphaIn::<Runtime>::insert(SUBNET, 4 * UNIT);
        s::SubnetMechanism::<Runtime>::insert(FIRST, 0);
        let price = |netuid: u16| ask::<u64>("SwapRuntimeApi_current_alpha_price", netuid);
        assert_eq!([price(0), price(FIRST), price(SUBNET)], [UNIT, UNIT, 750_000_000]);
        let all: Vec<SubnetPrice> = ask("SwapRuntimeApi_current_alpha_price_all", ());
        let all: Vec<(u16, u64)> = all.into_iter().map(|told| (told.netuid, told.price)).collect();
        assert_eq!(all, [(0, UNIT), (FIRST, UNIT), (SUBNET, 750_000_000)]);
        s::SubnetAlphaIn::<Runtime>::insert(SUBNET, 0);
        assert_eq!(price(SUBNET), 0, "an empty pool");
    });
}
