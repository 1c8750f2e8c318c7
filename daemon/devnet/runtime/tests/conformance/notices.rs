//! What the chain tells of settings and choices that no recording shows, and the calls that share a rule with another.

use btd_devnet_runtime::{
    AccountId, Runtime, RuntimeCall, RuntimeEvent, SubtensorModule, System,
    admin::{self, Call as Admin, PrecompileEnum},
    subtensor::{self as s, Call, Event, fixed::U64F64},
    swap::{self, Call as Swap},
};
use codec::{Decode, Encode};

use crate::{FIRST, NOWHERE, OK, SUBNET, expect, key, on_a_chain, on_a_subnet, register, told};

/// A subnet of `//Alice`'s whose epoch is far away.
fn on_an_owners_subnet(test: impl FnOnce()) {
    on_a_subnet(|| {
        s::LastEpochBlock::<Runtime>::insert(SUBNET, 1);
        test();
    });
}

/// How often another pallet told of this.
fn times(event: impl Into<RuntimeEvent>) -> usize {
    let event = event.into();
    System::events().into_iter().filter(|record| record.event == event).count()
}

#[test]
fn trigger_epoch_is_told_with_its_block() {
    on_an_owners_subnet(|| {
        s::CommitRevealWeightsEnabled::<Runtime>::insert(SUBNET, false);
        expect("Alice", Call::trigger_epoch { netuid: SUBNET }, OK);
        assert!(told(Event::EpochTriggered { netuid: SUBNET, by: key("Alice"), fires_at: 11 }));
    });
}

#[test]
fn set_activity_cutoff_factor_is_told_whoever_sets_it() {
    on_an_owners_subnet(|| {
        for (by, factor_milli) in [("Alice", 1_000), ("root", 2_000)] {
            expect(by, Call::set_activity_cutoff_factor { netuid: SUBNET, factor_milli }, OK);
            assert!(told(Event::ActivityCutoffFactorMilliSet { netuid: SUBNET, factor_milli }));
        }
    });
}

#[test]
fn what_owners_set_of_prices_and_takes_is_told() {
    on_an_owners_subnet(|| {
        let (netuid, burn_increase_mult) = (SUBNET, U64F64::from_integer(2));
        expect("Alice", Admin::sudo_set_burn_increase_mult { netuid, burn_increase_mult }, OK);
        assert_eq!(times(admin::Event::<Runtime>::BurnIncreaseMultSet { netuid, burn_increase_mult }), 1);
        expect("Alice", Admin::sudo_set_min_childkey_take_per_subnet { netuid, take: 9 }, OK);
        assert!(told(Event::MinChildKeyTakePerSubnetSet(netuid, 9)));
    });
}

#[test]
fn settings_of_root_are_told_with_what_was_set() {
    on_an_owners_subnet(|| {
        let netuid = SUBNET;
        for (call, event) in [
            (
                Admin::sudo_set_adjustment_interval { netuid, adjustment_interval: 7 },
                Event::AdjustmentIntervalSet(netuid, 7),
            ),
            (Admin::sudo_set_max_difficulty { netuid, max_difficulty: 8 }, Event::MaxDifficultySet(netuid, 8)),
            (Admin::sudo_set_min_difficulty { netuid, min_difficulty: 7 }, Event::MinDifficultySet(netuid, 7)),
            (
                Admin::sudo_set_max_registrations_per_block { netuid, max_registrations_per_block: 7 },
                Event::MaxRegistrationsPerBlockSet(netuid, 7),
            ),
            (Admin::sudo_set_admin_freeze_window { window: 7 }, Event::AdminFreezeWindowSet(7)),
            (Admin::sudo_set_commit_reveal_version { version: 7 }, Event::CommitRevealVersionSet(7)),
            (
                Admin::sudo_set_dissolve_network_schedule_duration { duration: 7 },
                Event::DissolveNetworkScheduleDurationSet(7),
            ),
            (Admin::sudo_set_default_take { default_take: 7 }, Event::MaxDelegateTakeSet(7)),
            (Admin::sudo_set_min_delegate_take { take: 7 }, Event::MinDelegateTakeSet(7)),
            (Admin::sudo_set_max_epochs_per_block { max_epochs_per_block: 7 }, Event::MaxEpochsPerBlockSet(7)),
            (Admin::sudo_set_network_immunity_period { immunity_period: 7 }, Event::NetworkImmunityPeriodSet(7)),
            (Admin::sudo_set_lock_reduction_interval { interval: 7 }, Event::NetworkLockCostReductionIntervalSet(7)),
            (Admin::sudo_set_network_min_lock_cost { lock_cost: 7 }, Event::NetworkMinLockCostSet(7)),
            (Admin::sudo_set_subnet_limit { max_subnets: 7 }, Event::SubnetLimitSet(7)),
            (Admin::sudo_set_subnet_owner_cut { subnet_owner_cut: 7 }, Event::SubnetOwnerCutSet(7)),
        ] {
            expect("root", call, OK);
            assert_eq!(times(event.clone()), 1, "{event:?}");
        }
    });
}

#[test]
fn sudo_toggle_evm_precompile_is_told_where_it_changes_something() {
    on_a_chain(|| {
        let precompile_id = PrecompileEnum::Alpha;
        for (enabled, times_told) in [(true, 0), (false, 1), (false, 1), (true, 1)] {
            expect("root", Admin::sudo_toggle_evm_precompile { precompile_id, enabled }, OK);
            assert_eq!(times(admin::Event::<Runtime>::PrecompileUpdated { precompile_id, enabled }), times_told);
        }
    });
}

#[test]
fn both_calls_for_the_owners_hotkey_have_one_rule_and_one_limit() {
    on_an_owners_subnet(|| {
        let set = |netuid, hotkey: AccountId| Admin::sudo_set_subnet_owner_hotkey { netuid, hotkey };
        expect("Bob", set(SUBNET, key("one")), "BadOrigin");
        expect("root", set(NOWHERE, key("one")), "SubnetNotExists");
        expect("Alice", set(SUBNET, SubtensorModule::subnet_account(SUBNET)), "CannotUseSystemAccount");
        expect("Alice", set(SUBNET, key("one")), OK);
        assert!(told(Event::SubnetOwnerHotkeySet(SUBNET, key("one"))));
        let other = |name: &str| Admin::sudo_set_sn_owner_hotkey { netuid: SUBNET, hotkey: key(name) };
        System::set_block_number(50_400);
        expect("Alice", set(SUBNET, key("two")), "TxRateLimitExceeded");
        expect("root", other("two"), "TxRateLimitExceeded");
        System::set_block_number(50_401);
        expect("Alice", other("two"), OK);
        expect("Alice", set(SUBNET, key("three")), "TxRateLimitExceeded");
    });
}

#[test]
fn bounds_of_childkey_takes_and_their_limit_are_roots() {
    on_a_chain(|| {
        let calls = [
            Call::sudo_set_tx_childkey_take_rate_limit { tx_rate_limit: 10 },
            Call::sudo_set_min_childkey_take { take: 50 },
            Call::sudo_set_max_childkey_take { take: 100 },
        ];
        for call in calls {
            expect("Bob", call.clone(), "BadOrigin");
            expect("root", call, OK);
        }
        for event in
            [Event::TxChildKeyTakeRateLimitSet(10), Event::MinChildKeyTakeSet(50), Event::MaxChildKeyTakeSet(100)]
        {
            assert!(told(event));
        }
        expect("Bob", Call::try_associate_hotkey { hotkey: key("hotkey") }, OK);
        let set = |take| Call::set_childkey_take { hotkey: key("hotkey"), netuid: FIRST, take };
        expect("Bob", set(49), "InvalidChildkeyTake");
        expect("Bob", set(101), "InvalidChildkeyTake");
        expect("Bob", set(60), OK);
        System::set_block_number(10);
        expect("Bob", set(61), "TxChildkeyTakeRateLimitExceeded");
        System::set_block_number(11);
        expect("Bob", set(61), OK);
    });
}

#[test]
fn choices_of_coldkeys_are_told() {
    on_a_chain(|| {
        register(FIRST, "hotkey");
        let (coldkey, netuid, hotkey) = (key("Bob"), FIRST, key("hotkey"));
        expect("Bob", Call::set_coldkey_auto_stake_hotkey { netuid, hotkey: hotkey.clone() }, OK);
        let (who, behind) = (coldkey.clone(), hotkey.clone());
        assert!(told(Event::AutoStakeDestinationSet { coldkey: who, netuid, hotkey: behind }));
        expect("Bob", Call::root_register { hotkey: hotkey.clone() }, OK);
        for enabled in [false, true] {
            let set = Call::set_auto_parent_delegation_enabled { hotkey: hotkey.clone(), enabled };
            expect("Bob", set, OK);
            assert!(told(Event::AutoParentDelegationEnabledSet { hotkey: hotkey.clone(), enabled }));
            expect("Bob", Call::set_reject_locked_alpha { enabled }, OK);
            assert!(told(Event::RejectLockedAlphaUpdated { coldkey: coldkey.clone(), enabled }));
        }
    });
}

#[test]
fn fee_rates_are_told_and_liquidity_is_refused_to_everybody() {
    on_a_chain(|| {
        let (netuid, rate) = (FIRST, 7);
        expect("root", RuntimeCall::Swap(Swap::set_fee_rate { netuid, rate }), OK);
        assert_eq!(times(swap::Event::<Runtime>::FeeRateSet { netuid, rate }), 1);
        let calls: [Swap<Runtime>; 3] = [
            Swap::add_liquidity {
                hotkey: key("hotkey"),
                netuid,
                tick_low: plain(&-5_i32),
                tick_high: plain(&5_i32),
                liquidity: 1_000,
            },
            Swap::remove_liquidity { hotkey: key("hotkey"), netuid, position_id: plain(&1_u128) },
            Swap::modify_position { hotkey: key("hotkey"), netuid, position_id: plain(&1_u128), liquidity_delta: -1 },
        ];
        for call in calls {
            for by in ["Alice", "root"] {
                expect(by, RuntimeCall::Swap(call.clone()), "Deprecated");
            }
        }
    });
}

/// What is encoded as this number is.
fn plain<V: Decode>(number: &impl Encode) -> V {
    V::decode(&mut &number.encode()[..]).unwrap()
}
