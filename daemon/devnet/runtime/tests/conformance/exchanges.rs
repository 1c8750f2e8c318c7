//! Exchanges of hotkeys: what goes with them, and what they weigh.

use btd_devnet_runtime::{
    Runtime, SubtensorModule, System, UNIT,
    subtensor::{
        self as s, Call,
        types::{AxonInfo, PrometheusInfo, ROOT},
    },
};
use frame_support::weights::Weight;
use sp_runtime::traits::Dispatchable;

use crate::{OK, SUBNET, expect, key, on_a_chain, on_a_subnet, origin, register, wait};

fn swap(from: &str, to: &str, netuid: Option<u16>) -> Call<Runtime> {
    Call::swap_hotkey { hotkey: key(from), new_hotkey: key(to), netuid }
}

#[test]
fn a_hotkey_with_root_stake_takes_nobodys_place() {
    on_a_chain(|| {
        s::SubtokenEnabled::<Runtime>::insert(ROOT, true);
        for hotkey in ["old", "new", "fresh"] {
            expect("Bob", Call::try_associate_hotkey { hotkey: key(hotkey) }, OK);
        }
        expect("Bob", Call::add_stake { hotkey: key("new"), netuid: ROOT, amount_staked: UNIT }, OK);
        expect("Bob", swap("old", "new", None), "NewHotKeyNotCleanForRootSwap");
        s::RootClaimed::<Runtime>::insert((ROOT, key("claimed"), key("Dave")), 0);
        expect("Bob", swap("old", "claimed", None), "NewHotKeyNotCleanForRootSwap");
        expect("Bob", swap("old", "fresh", None), OK);
    });
}

#[test]
fn locks_follow_an_exchange_of_hotkeys() {
    on_a_subnet(|| {
        register(SUBNET, "old");
        let (hotkey, netuid) = (key("old"), SUBNET);
        expect("Bob", Call::add_stake { hotkey: hotkey.clone(), netuid, amount_staked: 10 * UNIT }, OK);
        expect("Bob", Call::lock_stake { hotkey, netuid, amount: 1_000_000 }, OK);
        expect("Bob", swap("old", "new", None), OK);
        assert!(s::Lock::<Runtime>::get((key("Bob"), SUBNET, key("old"))).is_none());
        assert_eq!(s::Lock::<Runtime>::get((key("Bob"), SUBNET, key("new"))).unwrap().locked_mass, 1_000_000);
        assert!(s::DecayingHotkeyLock::<Runtime>::get(SUBNET, key("old")).is_none());
        assert_eq!(s::DecayingHotkeyLock::<Runtime>::get(SUBNET, key("new")).unwrap().locked_mass, 1_000_000);
    });
}

#[test]
fn relatives_follow_an_exchange_of_hotkeys() {
    on_a_chain(|| {
        for hotkey in ["parent", "old", "child"] {
            expect("Bob", Call::try_associate_hotkey { hotkey: key(hotkey) }, OK);
        }
        let set = |hotkey: &str, children| Call::set_children { hotkey: key(hotkey), netuid: crate::FIRST, children };
        expect("Bob", set("parent", vec![(3, key("old")), (4, key("else"))]), OK);
        expect("Bob", set("old", vec![(5, key("child"))]), OK);
        expect("Bob", swap("old", "child", None), "InvalidChild");
        expect("Bob", swap("old", "new", None), OK);
        let children = s::ChildKeys::<Runtime>::get(key("parent"), crate::FIRST);
        assert_eq!(children, [(4, key("else")), (3, key("new"))], "the new hotkey comes last");
        assert_eq!(s::ParentKeys::<Runtime>::get(key("new"), crate::FIRST), [(3, key("parent"))]);
        assert_eq!(s::ParentKeys::<Runtime>::get(key("child"), crate::FIRST), [(5, key("new"))]);
        assert!(s::ChildKeys::<Runtime>::get(key("old"), crate::FIRST).is_empty());
    });
}

#[test]
fn an_exchange_on_one_subnet_leaves_lists_as_they_are() {
    on_a_subnet(|| {
        register(SUBNET, "old");
        expect("Bob", Call::add_stake { hotkey: key("old"), netuid: SUBNET, amount_staked: 10 * UNIT }, OK);
        System::set_block_number(7_201);
        expect("Bob", swap("old", "new", Some(SUBNET)), OK);
        assert_eq!(s::StakingHotkeys::<Runtime>::get(key("Bob")), [key("old"), key("new")]);
        assert_eq!(s::OwnedHotkeys::<Runtime>::get(key("Bob")), [key("old"), key("new")]);
        assert_eq!(SubtensorModule::stake(&key("old"), &key("Bob"), SUBNET), 0);
        wait(1_001);
        expect("Bob", swap("new", "newer", None), "HotKeySwapOnSubnetIntervalNotPassed");
        System::set_block_number(14_402);
        expect("Bob", swap("new", "newer", None), OK);
        assert_eq!(s::StakingHotkeys::<Runtime>::get(key("Bob")), [key("old"), key("newer")]);
        assert_eq!(s::OwnedHotkeys::<Runtime>::get(key("Bob")), [key("old"), key("newer")]);
    });
}

#[test]
fn what_a_validator_on_root_said_of_new_subnets_follows_its_root_stake() {
    let cases = [(None, false, true), (Some(ROOT), false, true), (Some(SUBNET), false, false), (None, true, false)];
    for (netuid, keep_stake, follows) in cases {
        on_a_subnet(|| {
            expect("Bob", Call::root_register { hotkey: key("old") }, OK);
            let said = |hotkey: &str| s::AutoParentDelegationEnabled::<Runtime>::try_get(key(hotkey)).ok();
            expect("Bob", Call::set_auto_parent_delegation_enabled { hotkey: key("old"), enabled: false }, OK);
            System::set_block_number(7_201);
            let (hotkey, new_hotkey) = (key("old"), key("new"));
            expect("Bob", Call::swap_hotkey_v2 { hotkey, new_hotkey, netuid, keep_stake }, OK);
            let expected = if follows { (None, Some(false)) } else { (Some(false), None) };
            assert_eq!((said("old"), said("new")), expected, "{netuid:?}, stake kept: {keep_stake}");
        });
    }
}

fn axon(port: u16) -> AxonInfo {
    AxonInfo { port, ip_type: 4, ..AxonInfo::default() }
}

#[test]
fn records_go_to_the_hotkey_that_takes_the_place() {
    on_a_subnet(|| {
        register(SUBNET, "old");
        expect("Bob", Call::try_associate_hotkey { hotkey: key("new") }, OK);
        for (hotkey, port) in [("old", 1), ("new", 2)] {
            s::Axons::<Runtime>::insert(SUBNET, key(hotkey), axon(port));
        }
        // What the old one never told stays as the new one told it.
        s::Prometheus::<Runtime>::insert(SUBNET, key("new"), PrometheusInfo { port: 3, ..PrometheusInfo::default() });
        for (hotkey, alpha) in [("old", 5), ("new", 6)] {
            s::TotalHotkeyAlphaLastEpoch::<Runtime>::insert(key(hotkey), SUBNET, alpha);
            s::AlphaDividendsPerSubnet::<Runtime>::insert(SUBNET, key(hotkey), 10 * alpha);
        }
        expect("Bob", swap("old", "new", None), OK);
        let port = |hotkey: &str| s::Axons::<Runtime>::get(SUBNET, key(hotkey)).map(|axon| axon.port);
        assert_eq!((port("old"), port("new")), (None, Some(1)));
        let member = |hotkey: &str, netuid| s::IsNetworkMember::<Runtime>::try_get(key(hotkey), netuid).ok();
        let members = |netuid| (member("old", netuid), member("new", netuid));
        assert_eq!((members(SUBNET), members(crate::FIRST)), ((None, Some(true)), (None, Some(false))));
        assert!(s::Prometheus::<Runtime>::get(SUBNET, key("old")).is_none());
        assert_eq!(s::Prometheus::<Runtime>::get(SUBNET, key("new")).unwrap().port, 3);
        let alpha = |hotkey: &str| s::TotalHotkeyAlphaLastEpoch::<Runtime>::get(key(hotkey), SUBNET);
        assert_eq!((alpha("old"), alpha("new")), (0, 11));
        let dividends = |hotkey: &str| s::AlphaDividendsPerSubnet::<Runtime>::get(SUBNET, key(hotkey));
        assert_eq!((dividends("old"), dividends("new")), (0, 110));
    });
}

#[test]
fn those_who_stake_behind_the_old_hotkey_by_themselves_take_the_place_of_the_new_ones() {
    on_a_subnet(|| {
        register(SUBNET, "old");
        let choose = Call::set_coldkey_auto_stake_hotkey { netuid: SUBNET, hotkey: key("old") };
        expect("Charlie", choose, OK);
        s::AutoStakeDestination::<Runtime>::insert(key("Dave"), SUBNET, key("new"));
        s::AutoStakeDestinationColdkeys::<Runtime>::insert(key("new"), SUBNET, vec![key("Dave")]);
        expect("Bob", swap("old", "new", None), OK);
        let listed = |hotkey: &str| s::AutoStakeDestinationColdkeys::<Runtime>::get(key(hotkey), SUBNET);
        assert_eq!((listed("old"), listed("new")), (vec![], vec![key("Charlie")]));
        for coldkey in ["Charlie", "Dave"] {
            assert_eq!(s::AutoStakeDestination::<Runtime>::get(key(coldkey), SUBNET), Some(key("new")));
        }
    });
}

#[test]
fn records_of_who_is_no_neuron_stay() {
    on_a_subnet(|| {
        expect("Bob", Call::try_associate_hotkey { hotkey: key("old") }, OK);
        s::Axons::<Runtime>::insert(SUBNET, key("old"), axon(1));
        expect("Bob", swap("old", "new", None), OK);
        assert!(s::Axons::<Runtime>::contains_key(SUBNET, key("old")));
        assert!(!s::Axons::<Runtime>::contains_key(SUBNET, key("new")));
        let member = |hotkey: &str, netuid| s::IsNetworkMember::<Runtime>::try_get(key(hotkey), netuid).ok();
        assert_eq!((member("old", SUBNET), member("new", SUBNET)), (None, Some(false)));
    });
}

#[test]
fn an_exchange_of_hotkeys_weighs_what_it_moves() {
    let weighed = |stakers: &[&str]| {
        let mut weight = Weight::zero();
        on_a_subnet(|| {
            register(SUBNET, "old");
            for by in stakers {
                expect(by, Call::add_stake { hotkey: key("old"), netuid: SUBNET, amount_staked: 10 * UNIT }, OK);
            }
            let call = btd_devnet_runtime::RuntimeCall::from(swap("old", "new", None));
            weight = call.dispatch(origin("Bob")).unwrap().actual_weight.unwrap();
        });
        weight.ref_time()
    };
    // Reads weigh 25, writes 100 million. The first figure is recorded.
    assert_eq!(weighed(&["Bob"]), 7_950_000_000);
    assert_eq!(weighed(&["Bob", "Charlie"]) - weighed(&["Bob"]), 25_000_000 * 13 + 100_000_000 * 12);
}
