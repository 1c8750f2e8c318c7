//! What a block issues to which subnet, what it counts, and in which order epochs end.

use btd_devnet_runtime::{
    Runtime, RuntimeEvent, SubtensorModule, System, UNIT,
    beacon::{Beacon, Entropy, seal},
    drand::{self, Pulse},
    subtensor::{
        self as s, Call, Event,
        fixed::{I96F32, U96F32},
        types::LockState,
    },
};
use codec::Encode;
use frame_support::{BoundedVec, traits::Hooks};

use crate::{OK, SUBNET, expect, key, on_a_chain, on_a_subnet, told};

/// A second subnet that has started, on chains with two.
const OTHER: u16 = 3;

/// A chain on which `//Alice` owns two subnets that have started and receive TAO.
fn on_two_subnets(test: impl FnOnce()) {
    on_a_subnet(|| {
        s::NetworkRateLimit::<Runtime>::put(0);
        crate::give("Alice", 10_000);
        expect("Alice", Call::register_network { hotkey: key("another") }, OK);
        expect("Alice", Call::start_call { netuid: OTHER }, OK);
        for netuid in [SUBNET, OTHER] {
            s::SubnetEmissionEnabled::<Runtime>::insert(netuid, true);
        }
        test();
    });
}

fn price(netuid: u16, bits: i128) {
    s::SubnetMovingPrice::<Runtime>::insert(netuid, I96F32::from_bits(bits));
}

fn next_block() {
    let block = System::block_number() + 1;
    System::set_block_number(block);
    System::reset_events();
    SubtensorModule::on_initialize(block);
}

#[test]
fn tao_is_issued_before_hidden_weights_are_opened_and_divided_after_that() {
    on_two_subnets(|| {
        price(SUBNET, 1 << 32);
        let (beacon, round) = (Beacon::development(), 7);
        let plain = (key("owner").encode(), vec![0_u16], vec![1_u16], 0_u64).encode();
        let entropy = Entropy { key: [7; 32], sigma: [9; 32], nonce: [1; 12] };
        let commit = BoundedVec::truncate_from(seal(&beacon.public_key(), round, &plain, &entropy).unwrap());
        s::TimelockedWeightCommits::<Runtime>::insert(SUBNET, 0, vec![(key("owner"), 1, commit, round)]);
        drand::Pulses::<Runtime>::insert(round, Pulse::new(round, &beacon.sign(round)).unwrap());
        s::SubnetEpochIndex::<Runtime>::insert(SUBNET, 1);
        next_block();
        let pool = SubtensorModule::subnet_account(SUBNET);
        let order: Vec<&str> = System::events()
            .into_iter()
            .filter_map(|record| match record.event {
                RuntimeEvent::Balances(pallet_balances::Event::Issued { amount: UNIT }) => Some("issued"),
                RuntimeEvent::SubtensorModule(Event::WeightsSet(SUBNET, 0)) => Some("set"),
                RuntimeEvent::SubtensorModule(Event::TimelockedWeightsRevealed(SUBNET, _)) => Some("opened"),
                RuntimeEvent::Balances(pallet_balances::Event::Deposit { who, amount: UNIT }) if who == pool => {
                    Some("divided")
                }
                _ => None,
            })
            .collect();
        assert_eq!(order, ["issued", "set", "opened", "divided"]);
    });
}

#[test]
fn shares_are_multiplied_with_all_their_digits() {
    on_two_subnets(|| {
        // A share between two that have 32 fraction bits, of which the lower gives a rao less.
        let whole = 1_u128 << 33;
        let emission = u128::from(UNIT);
        let odd = (1..whole).step_by(2).find(|odd| emission * odd % whole < emission / 4).unwrap();
        let exact = u64::try_from(emission * odd / whole).unwrap();
        assert_eq!(u64::try_from(emission * (odd / 2) / (whole / 2)).unwrap(), exact - 1);
        price(SUBNET, i128::try_from(odd).unwrap());
        price(OTHER, i128::try_from(whole - odd).unwrap());
        next_block();
        // Without stake on root a pool takes nothing in, so all of it buys alpha.
        assert_eq!(s::SubnetTaoInEmission::<Runtime>::get(SUBNET), 0);
        assert_eq!(s::SubnetExcessTao::<Runtime>::get(SUBNET), exact);
    });
}

#[test]
fn a_subnet_of_mechanism_0_has_a_moving_price_of_one() {
    on_two_subnets(|| {
        s::SubnetMechanism::<Runtime>::insert(OTHER, 0);
        price(SUBNET, 1 << 32);
        price(OTHER, 0);
        next_block();
        assert_eq!(s::SubnetExcessTao::<Runtime>::get(SUBNET), UNIT / 2);
        assert!(s::SubnetMovingPrice::<Runtime>::get(OTHER).to_bits() > 1 << 31, "its mean goes on from one");
    });
}

#[test]
fn tao_that_buys_nothing_is_not_counted_as_excess() {
    on_two_subnets(|| {
        price(SUBNET, 1 << 32);
        price(OTHER, 0);
        let account = SubtensorModule::subnet_account(SUBNET);
        let held = || btd_devnet_runtime::Balances::free_balance(&account);
        // A pool of less than a million rao of alpha does not trade.
        s::SubnetAlphaIn::<Runtime>::insert(SUBNET, 999_999);
        let (tao, before) = (s::SubnetTAO::<Runtime>::get(SUBNET), held());
        next_block();
        assert_eq!(s::SubnetExcessTao::<Runtime>::get(SUBNET), 0);
        assert_eq!((s::SubnetTAO::<Runtime>::get(SUBNET), held() - before), (tao, UNIT));
    });
}

#[test]
fn what_the_protocol_puts_into_pools_is_counted_apart_from_what_stakers_do() {
    on_two_subnets(|| {
        s::SubnetTAO::<Runtime>::insert(0, 100_000_000 * UNIT);
        s::SubnetRootSellTao::<Runtime>::insert(SUBNET, 5);
        price(SUBNET, 1 << 32);
        price(OTHER, 1 << 32);
        let flow = s::SubnetTaoFlow::<Runtime>::get(SUBNET);
        next_block();
        let (put, bought) =
            (s::SubnetTaoInEmission::<Runtime>::get(SUBNET), s::SubnetExcessTao::<Runtime>::get(SUBNET));
        assert!(put > 0 && put + bought > UNIT / 4, "{put} {bought}");
        assert_eq!(s::SubnetProtocolFlow::<Runtime>::get(SUBNET), i64::try_from(put + bought).unwrap());
        assert_eq!(s::SubnetTaoFlow::<Runtime>::get(SUBNET), flow);
        assert_eq!(s::SubnetRootSellTao::<Runtime>::get(SUBNET), 0, "each block counts what root sold anew");
    });
}

#[test]
fn a_subnet_in_which_a_hotkey_has_two_seats_loses_its_epoch_and_keeps_what_it_set_aside() {
    on_a_subnet(|| {
        crate::register(SUBNET, "miner");
        s::Keys::<Runtime>::insert(SUBNET, 1, key("owner"));
        s::PendingServerEmission::<Runtime>::insert(SUBNET, UNIT);
        let due = s::LastEpochBlock::<Runtime>::get(SUBNET) + u64::from(s::Tempo::<Runtime>::get(SUBNET));
        System::set_block_number(u32::try_from(due).unwrap() - 1);
        let index = s::SubnetEpochIndex::<Runtime>::get(SUBNET);
        let step = s::LastMechansimStepBlock::<Runtime>::get(SUBNET);
        next_block();
        assert!(told(Event::EpochSkipped { netuid: SUBNET, block: due }));
        assert_eq!(s::SubnetEpochIndex::<Runtime>::get(SUBNET), index + 1);
        assert_eq!(s::LastEpochBlock::<Runtime>::get(SUBNET), due);
        assert_eq!(s::LastMechansimStepBlock::<Runtime>::get(SUBNET), step);
        assert!(s::BlocksSinceLastStep::<Runtime>::get(SUBNET) > 0);
        assert!(s::PendingServerEmission::<Runtime>::get(SUBNET) >= UNIT);
    });
}

#[test]
fn a_skipped_epoch_leaves_its_place_in_the_block_to_another() {
    on_two_subnets(|| {
        s::MaxEpochsPerBlock::<Runtime>::put(1);
        s::Keys::<Runtime>::insert(SUBNET, 1, key("owner"));
        for netuid in [1, SUBNET, OTHER] {
            s::PendingEpochAt::<Runtime>::insert(netuid, if netuid == 1 { 0 } else { 2 });
        }
        System::set_block_number(1);
        next_block();
        assert!(told(Event::EpochSkipped { netuid: SUBNET, block: 2 }));
        assert_eq!(s::LastMechansimStepBlock::<Runtime>::get(OTHER), 2);
    });
}

#[test]
fn a_year_old_subnet_is_handed_over_before_its_epoch_is_paid() {
    on_a_subnet(|| {
        expect("Bob", Call::try_associate_hotkey { hotkey: key("king") }, OK);
        expect("Bob", Call::burned_register { netuid: SUBNET, hotkey: key("king") }, OK);
        let conviction = s::fixed::U64F64::from_integer(1_000_000 * UNIT);
        let lock = LockState { locked_mass: UNIT, conviction, last_update: 2_700_000 };
        s::HotkeyLock::<Runtime>::insert(SUBNET, key("king"), lock);
        s::SubnetAlphaOut::<Runtime>::insert(SUBNET, UNIT);
        s::PendingOwnerCut::<Runtime>::insert(SUBNET, UNIT);
        System::set_block_number(2_699_999);
        next_block();
        let (old_coldkey, new_coldkey) = (key("Alice"), key("Bob"));
        assert!(told(Event::SubnetOwnerChanged { netuid: SUBNET, old_coldkey, new_coldkey }));
        assert!(SubtensorModule::stake(&key("king"), &key("Bob"), SUBNET) >= UNIT, "the cut is the new owner's");
        assert_eq!(SubtensorModule::stake(&key("owner"), &key("Alice"), SUBNET), 0);
    });
}

#[test]
fn an_epoch_is_overdue_in_the_block_that_makes_50_401_without_one() {
    on_a_chain(|| {
        s::Tempo::<Runtime>::insert(crate::FIRST, u16::MAX);
        System::set_block_number(60_000);
        s::LastEpochBlock::<Runtime>::insert(crate::FIRST, 59_000);
        s::BlocksSinceLastStep::<Runtime>::insert(crate::FIRST, 50_399);
        next_block();
        assert_eq!(s::BlocksSinceLastStep::<Runtime>::get(crate::FIRST), 50_400, "not yet");
        next_block();
        assert_eq!(s::BlocksSinceLastStep::<Runtime>::get(crate::FIRST), 0);
        assert_eq!(s::LastEpochBlock::<Runtime>::get(crate::FIRST), 60_002);
    });
}

#[test]
fn proportions_of_children_have_32_fraction_bits() {
    on_a_subnet(|| {
        let stake = 1_u64 << 40;
        s::TaoWeight::<Runtime>::put(0);
        s::TotalHotkeyAlpha::<Runtime>::insert(key("parent"), SUBNET, stake);
        s::ChildKeys::<Runtime>::insert(key("parent"), SUBNET, vec![(u64::MAX / 2, key("child"))]);
        s::ParentKeys::<Runtime>::insert(key("child"), SUBNET, vec![(u64::MAX / 2, key("parent"))]);
        // Half of 2^64 - 1 over 2^64 - 1, rounded down to 32 fraction bits, is 2^-32 less than a half.
        assert_eq!(U96F32::ratio(u64::MAX / 2, u64::MAX).to_bits(), (1 << 31) - 1);
        let counts = |hotkey: &str| SubtensorModule::stake_weight(&key(hotkey), SUBNET);
        assert_eq!((counts("child"), counts("parent")), (stake / 2 - 256, stake / 2 + 256));
    });
}
