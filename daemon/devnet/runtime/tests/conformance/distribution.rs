//! What the end of an epoch pays out, to whom: miners, owners, children and parents, mechanisms.

use btd_devnet_runtime::{
    Runtime, RuntimeEvent, SubtensorModule, System, UNIT, admin,
    alpha_assets::{AlphaBurned, AlphaRecycled},
    subtensor::{
        self as s, Call, Event,
        fixed::U96F32,
        types::{NetUid, RecycleOrBurnEnum},
    },
};
use frame_support::traits::Hooks;

use crate::{OK, SUBNET, expect, key, on_a_subnet, register, told};

/// Alpha that validators and miners each earn in [`end_epoch`], beside what the block itself brings.
const EACH: u64 = 1_000 * UNIT;

/// A subnet whose owner, uid 0, validates with stake and trusts nobody yet.
fn on_a_validated_subnet(test: impl FnOnce()) {
    on_a_subnet(|| {
        s::CommitRevealWeightsEnabled::<Runtime>::insert(SUBNET, false);
        expect("Alice", Call::add_stake { hotkey: key("owner"), netuid: SUBNET, amount_staked: 10 * UNIT }, OK);
        test();
    });
}

/// Ends an epoch in which all mechanisms are validated by the owner.
fn end_epoch() {
    let block = System::block_number() + 400;
    System::set_block_number(block);
    let neurons = usize::from(s::SubnetworkN::<Runtime>::get(SUBNET));
    for mechanism in 0..u16::from(s::MechanismCountCurrent::<Runtime>::get(SUBNET)) {
        s::LastUpdate::<Runtime>::insert(index(mechanism), vec![u64::from(block); neurons]);
    }
    // What is set aside was issued before.
    s::SubnetAlphaOut::<Runtime>::mutate(SUBNET, |issued| *issued += 2 * EACH);
    s::PendingServerEmission::<Runtime>::insert(SUBNET, EACH);
    s::PendingValidatorEmission::<Runtime>::insert(SUBNET, EACH);
    System::reset_events();
    let before = s::SubnetEpochIndex::<Runtime>::get(SUBNET);
    SubtensorModule::on_initialize(block);
    assert_eq!(s::SubnetEpochIndex::<Runtime>::get(SUBNET), before + 1, "the epoch ended");
}

fn index(mechanism: u16) -> NetUid {
    mechanism * 4_096 + SUBNET
}

fn trust(mechanism: u16, miner: u16) {
    s::Weights::<Runtime>::insert(index(mechanism), 0, vec![(miner, u16::MAX)]);
}

fn stake(hotkey: &str, coldkey: &str) -> u64 {
    SubtensorModule::stake(&key(hotkey), &key(coldkey), SUBNET)
}

#[test]
fn what_a_miner_earns_is_staked_behind_it_or_where_its_coldkey_says() {
    on_a_validated_subnet(|| {
        let miner = register(SUBNET, "miner");
        register(SUBNET, "other");
        trust(0, miner);
        end_epoch();
        let earned = stake("miner", "Bob");
        assert!(earned > EACH * 9 / 10, "{earned}");
        let choose = || Call::set_coldkey_auto_stake_hotkey { netuid: SUBNET, hotkey: key("other") };
        expect(
            "Bob",
            Call::set_coldkey_auto_stake_hotkey { netuid: SUBNET, hotkey: key("nobody") },
            "HotKeyNotRegisteredInSubNet",
        );
        expect("Bob", choose(), OK);
        expect("Bob", choose(), "SameAutoStakeHotkeyAlreadySet");
        end_epoch();
        assert_eq!(stake("miner", "Bob"), earned);
        let (netuid, destination, hotkey, owner) = (SUBNET, key("other"), key("miner"), key("Bob"));
        let incentive = stake("other", "Bob");
        assert!(incentive > EACH * 9 / 10, "{incentive}");
        assert!(told(Event::AutoStakeAdded { netuid, destination, hotkey, owner, incentive }));
    });
}

#[test]
fn a_miner_that_earned_nothing_is_told_of_where_its_coldkey_stakes_elsewhere() {
    on_a_validated_subnet(|| {
        let miner = register(SUBNET, "miner");
        register(SUBNET, "idle");
        let choose = Call::set_coldkey_auto_stake_hotkey { netuid: SUBNET, hotkey: key("miner") };
        expect("Bob", choose, OK);
        trust(0, miner);
        end_epoch();
        let told: Vec<(u64, bool)> = System::events()
            .into_iter()
            .filter_map(|record| match record.event {
                RuntimeEvent::SubtensorModule(Event::AutoStakeAdded { hotkey, incentive, .. }) => {
                    Some((incentive, hotkey == key("idle")))
                }
                _ => None,
            })
            .collect();
        assert!(told.contains(&(0, true)) && told.len() == 2, "{told:?}");
        // Miners are paid in the order of their keys.
        assert_eq!(told[0].1, key("idle") < key("miner"));
    });
}

#[test]
fn what_a_hotkey_holds_when_it_is_paid_is_noted() {
    on_a_validated_subnet(|| {
        let miner = register(SUBNET, "miner");
        trust(0, miner);
        end_epoch();
        let noted = |hotkey: &str| s::TotalHotkeyAlphaLastEpoch::<Runtime>::get(key(hotkey), SUBNET);
        let holds = |hotkey: &str| s::TotalHotkeyAlpha::<Runtime>::get(key(hotkey), SUBNET);
        assert!(noted("owner") > 10 && noted("owner") == holds("owner"));
        assert!(noted("miner") > 10 && noted("miner") == holds("miner"));
    });
}

#[test]
fn every_neuron_has_a_row_of_bonds_after_an_epoch() {
    on_a_validated_subnet(|| {
        let miner = register(SUBNET, "miner");
        trust(0, miner);
        // Bonds of who has no permit, and had none, do not stay.
        s::Bonds::<Runtime>::insert(SUBNET, miner, vec![(0, 7)]);
        end_epoch();
        let rows: Vec<(u16, usize)> =
            s::Bonds::<Runtime>::iter_prefix(SUBNET).map(|(uid, row)| (uid, row.len())).collect();
        assert_eq!(rows, [(0, 1), (miner, 0)]);
    });
}

#[test]
fn what_the_owners_hotkeys_mine_is_burned_or_recycled() {
    let outcome = |choice: RecycleOrBurnEnum| {
        let mut outcome = (0, 0);
        on_a_validated_subnet(|| {
            expect("Alice", admin::Call::sudo_set_recycle_or_burn { netuid: SUBNET, recycle_or_burn: choice }, OK);
            trust(0, 0);
            let before = AlphaRecycled::<Runtime>::get(SUBNET);
            end_epoch();
            assert_eq!(s::MinerBurned::<Runtime>::get(SUBNET), U96F32::ONE, "nobody else mines");
            let burned = AlphaBurned::<Runtime>::get(SUBNET);
            assert_eq!(burned > EACH * 9 / 10, choice == RecycleOrBurnEnum::Burn, "{burned}");
            outcome = (s::SubnetAlphaOut::<Runtime>::get(SUBNET), AlphaRecycled::<Runtime>::get(SUBNET) - before);
        });
        outcome
    };
    let (burned, recycled) = (outcome(RecycleOrBurnEnum::Burn), outcome(RecycleOrBurnEnum::Recycle));
    assert!(recycled.1 - burned.1 > EACH * 9 / 10, "{burned:?} {recycled:?}");
    assert_eq!(burned.0 - recycled.0, recycled.1 - burned.1, "what is burned stays issued");
}

#[test]
fn child_keys_burn_of_what_parents_of_others_earn() {
    let dividends = |burn: u64| {
        let mut dividends = (0, 0, 0);
        on_a_validated_subnet(|| {
            let miner = register(SUBNET, "miner");
            trust(0, miner);
            expect("Bob", Call::try_associate_hotkey { hotkey: key("parent") }, OK);
            expect("root", admin::Call::sudo_set_ck_burn { burn }, OK);
            // The parent lends all, and both bring as much.
            s::ChildKeys::<Runtime>::insert(key("parent"), SUBNET, vec![(u64::MAX, key("owner"))]);
            s::ParentKeys::<Runtime>::insert(key("owner"), SUBNET, vec![(u64::MAX, key("parent"))]);
            for hotkey in ["parent", "owner"] {
                s::TotalHotkeyAlpha::<Runtime>::insert(key(hotkey), SUBNET, 10 * UNIT);
            }
            let before = AlphaRecycled::<Runtime>::get(SUBNET);
            end_epoch();
            let of = |hotkey: &str| s::AlphaDividendsPerSubnet::<Runtime>::get(SUBNET, key(hotkey));
            dividends = (of("parent"), of("owner"), AlphaRecycled::<Runtime>::get(SUBNET) - before);
        });
        dividends
    };
    let (parent, child, block) = dividends(0);
    assert!(parent > 0 && parent.abs_diff(child) < 10, "{parent} {child}");
    // Of every two parts the parent loses one, and what is left is paid in full.
    let (halved, rest, recycled) = dividends(u64::MAX / 2);
    assert!((2 * halved).abs_diff(rest) < 10, "{halved} {rest}");
    assert!((halved + rest).abs_diff(parent + child) < 1_000, "{halved} {rest} {parent} {child}");
    // The part that is burned is taken out of existence besides.
    assert!((recycled - block).abs_diff(EACH / 4) < EACH / 10, "{recycled} {block}");
}

#[test]
fn mechanisms_share_an_epoch_by_their_split() {
    on_a_validated_subnet(|| {
        let (first, second) = (register(SUBNET, "first"), register(SUBNET, "second"));
        s::MaxAllowedUids::<Runtime>::insert(SUBNET, 128);
        let count = admin::Call::sudo_set_mechanism_count { netuid: SUBNET, mechanism_count: 2 };
        expect("root", count, OK);
        let split = |parts: [u16; 2]| admin::Call::sudo_set_mechanism_emission_split {
            netuid: SUBNET,
            maybe_split: Some(parts.to_vec()),
        };
        expect("root", split([49_151, 16_383]), "InvalidValue");
        expect("root", split([49_151, 16_384]), OK);
        trust(0, first);
        trust(1, second);
        end_epoch();
        assert_eq!(s::Incentive::<Runtime>::get(index(0)), [0, u16::MAX, 0]);
        assert_eq!(s::Incentive::<Runtime>::get(index(1)), [0, 0, u16::MAX]);
        let (mined, also) = (stake("first", "Bob"), stake("second", "Bob"));
        // The two parts of the emission, to the rao that rounding leaves.
        let whole = u128::from(mined + also);
        assert!(u128::from(mined).abs_diff(whole * 49_151 / 65_535) < 100, "{mined} {also}");
        for (netuid, emissions) in [(index(0), vec![0, mined, 0]), (index(1), vec![0, 0, also])] {
            assert!(told(Event::IncentiveAlphaEmittedToMiners { netuid, emissions }));
        }
        // A neuron's figures are the sums of what it has of each mechanism, by what the mechanism pays, rounded down.
        let weighed = u128::from(also) * 16_384 / 65_535;
        let emission = u128::from(s::Emission::<Runtime>::get(SUBNET)[usize::from(second)]);
        assert!(emission.abs_diff(weighed) < 100, "{emission} {weighed}");
        assert_eq!(s::Consensus::<Runtime>::get(SUBNET)[1..], [49_151, 16_383]);
    });
}

#[test]
fn a_block_runs_two_epochs_and_defers_the_others() {
    on_a_subnet(|| {
        s::NetworkRateLimit::<Runtime>::put(0);
        for number in 0..2 {
            let owner = format!("owner{number}");
            crate::give(&owner, 10_000_000);
            expect(&owner, Call::register_network { hotkey: key(&format!("hotkey{number}")) }, OK);
        }
        let block = System::block_number() + 400;
        System::set_block_number(block);
        System::reset_events();
        let epochs = || (1_u16..5).map(s::SubnetEpochIndex::<Runtime>::get).collect::<Vec<_>>();
        let before = epochs();
        SubtensorModule::on_initialize(block);
        let after = epochs();
        assert_eq!(after.iter().sum::<u64>(), before.iter().sum::<u64>() + 2, "{before:?} {after:?}");
        let now = u64::from(block);
        let deferred: Vec<u16> = (1..5).filter(|netuid| s::PendingEpochAt::<Runtime>::get(netuid) == now + 1).collect();
        assert_eq!(deferred.len(), 2);
        for netuid in deferred {
            assert!(told(Event::EpochDeferred { netuid, from_block: now, to_block: now + 1 }));
        }
        System::set_block_number(block + 1);
        SubtensorModule::on_initialize(block + 1);
        assert_eq!(epochs().iter().sum::<u64>(), before.iter().sum::<u64>() + 4, "one block later");
    });
}
