//! Checks of the chain's own calls, in the order in which the real chain makes them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

#[path = "checks/beacon.rs"]
mod beacon;
#[path = "checks/commitments.rs"]
mod commitments;
#[path = "checks/crowdloan.rs"]
mod crowdloan;
#[path = "checks/dissolution.rs"]
mod dissolution;
#[path = "checks/fees.rs"]
mod fees;
#[path = "checks/neurons.rs"]
mod neurons;

use btd_devnet_runtime::{
    AccountId, GenesisSpec, Runtime, RuntimeEvent, RuntimeOrigin, SubtensorModule, System,
    genesis::{self, development_account},
    subtensor::{self as s, Error, types::ROOT},
};
use frame_support::{assert_noop, assert_ok};

const FIRST: u16 = 1;

fn on_a_chain(test: impl FnOnce()) {
    let storage = genesis::genesis(&GenesisSpec::default()).unwrap();
    sp_io::TestExternalities::new(storage).execute_with(|| {
        System::set_block_number(1);
        test();
    });
}

fn key(name: &str) -> AccountId {
    development_account(name)
}

fn by(name: &str) -> RuntimeOrigin {
    RuntimeOrigin::signed(key(name))
}

/// Whether the chain's own pallet told of this.
fn chain_told(event: s::Event<Runtime>) -> bool {
    let event = RuntimeEvent::SubtensorModule(event);
    System::events().into_iter().any(|record| record.event == event)
}

fn register(hotkey: &str) -> u16 {
    assert_ok!(SubtensorModule::burned_register(by("Bob"), FIRST, key(hotkey)));
    s::Uids::<Runtime>::get(FIRST, key(hotkey)).unwrap()
}

#[test]
fn weights_are_refused_in_order() {
    on_a_chain(|| {
        let set = |uids: Vec<u16>, weights: Vec<u16>, version: u64| {
            SubtensorModule::set_weights(by("validator"), FIRST, uids, weights, version)
        };
        assert_noop!(set(vec![0], vec![1], 0), Error::<Runtime>::CommitRevealEnabled);
        s::CommitRevealWeightsEnabled::<Runtime>::insert(FIRST, false);
        s::CommitRevealWeightsEnabled::<Runtime>::insert(ROOT, false);
        assert_noop!(
            SubtensorModule::set_weights(by("validator"), ROOT, vec![0], vec![1], 0),
            Error::<Runtime>::CanNotSetRootNetworkWeights
        );
        assert_noop!(set(vec![0], vec![1, 2], 0), Error::<Runtime>::WeightVecNotEqualSize);
        assert_noop!(
            SubtensorModule::set_mechanism_weights(by("validator"), FIRST, 1, vec![0], vec![1], 0),
            Error::<Runtime>::MechanismDoesNotExist
        );
        assert_noop!(set(vec![0, 1], vec![1, 2], 0), Error::<Runtime>::UidsLengthExceedUidsInSubNet);
        assert_noop!(set(vec![0], vec![1], 0), Error::<Runtime>::HotKeyNotRegisteredInSubNet);

        let uid = register("validator");
        s::StakeThreshold::<Runtime>::put(1);
        assert_noop!(set(vec![0], vec![1], 0), Error::<Runtime>::NotEnoughStakeToSetWeights);
        s::StakeThreshold::<Runtime>::put(0);
        s::WeightsVersionKey::<Runtime>::insert(FIRST, 7);
        assert_noop!(set(vec![0], vec![1], 6), Error::<Runtime>::IncorrectWeightVersionKey);
        assert_noop!(set(vec![0], vec![1], 7), Error::<Runtime>::SettingWeightsTooFast);
        System::set_block_number(101);
        assert_noop!(set(vec![0], vec![1], 7), Error::<Runtime>::NeuronNoValidatorPermit);
        s::ValidatorPermit::<Runtime>::insert(FIRST, vec![false, true]);
        assert_noop!(set(vec![0, 0], vec![1, 1], 7), Error::<Runtime>::DuplicateUids);
        assert_noop!(set(vec![0, 9], vec![1, 1], 7), Error::<Runtime>::UidVecContainInvalidOne);
        s::MinAllowedWeights::<Runtime>::insert(FIRST, 2);
        assert_noop!(set(vec![0], vec![1], 7), Error::<Runtime>::WeightVecLengthIsLow);
        s::MaxWeightsLimit::<Runtime>::insert(FIRST, 32_768);
        assert_noop!(set(vec![0, 1], vec![1, 3], 7), Error::<Runtime>::MaxWeightExceeded);

        assert_ok!(set(vec![0, 1], vec![2, 2], 7));
        assert_eq!(s::Weights::<Runtime>::get(FIRST, uid), vec![(0, 65_535), (1, 65_535)]);
        assert_eq!(s::LastUpdate::<Runtime>::get(FIRST)[usize::from(uid)], 101);
        assert_noop!(set(vec![0, 1], vec![2, 2], 7), Error::<Runtime>::SettingWeightsTooFast);
    });
}

#[test]
fn a_neuron_may_weigh_itself_without_a_permit() {
    on_a_chain(|| {
        s::CommitRevealWeightsEnabled::<Runtime>::insert(FIRST, false);
        let uid = register("miner");
        System::set_block_number(101);
        assert_ok!(SubtensorModule::set_weights(by("miner"), FIRST, vec![uid], vec![9], 0));
        assert_eq!(s::Weights::<Runtime>::get(FIRST, uid), vec![(uid, 65_535)]);
    });
}

#[test]
fn full_subnets_give_a_seat_away_only_when_they_may() {
    on_a_chain(|| {
        s::MaxAllowedUids::<Runtime>::insert(FIRST, 3);
        s::MinNonImmuneUids::<Runtime>::insert(FIRST, 0);
        let (old, young) = (register("old"), register("young"));
        assert_eq!((old, young), (1, 2), "uid 0 is the owner's");
        // Both are immune, so the older of them goes.
        assert_eq!(register("third"), old);
        assert!(!s::Uids::<Runtime>::contains_key(FIRST, key("old")));
        assert_eq!(s::Keys::<Runtime>::get(FIRST, old), key("third"));
        // With one left mortal, that one goes first.
        System::set_block_number(1 + 4_096);
        s::BlockAtRegistration::<Runtime>::insert(FIRST, old, 4_097);
        assert_eq!(register("fourth"), young);
        // Nobody but the owner sits on a subnet of one seat.
        s::MaxAllowedUids::<Runtime>::insert(FIRST, 1);
        s::SubnetworkN::<Runtime>::insert(FIRST, 1);
        assert_noop!(
            SubtensorModule::burned_register(by("Bob"), FIRST, key("fifth")),
            Error::<Runtime>::NoNeuronIdAvailable
        );
        s::MaxAllowedUids::<Runtime>::insert(FIRST, 0);
        assert_noop!(
            SubtensorModule::burned_register(by("Bob"), FIRST, key("fifth")),
            Error::<Runtime>::NoNeuronIdAvailable
        );
    });
}

#[test]
fn root_seats_go_to_more_stake() {
    on_a_chain(|| {
        s::MaxAllowedUids::<Runtime>::insert(ROOT, 1);
        s::MaxRegistrationsPerBlock::<Runtime>::insert(ROOT, 9);
        s::TargetRegistrationsPerInterval::<Runtime>::insert(ROOT, 3);
        assert_ok!(SubtensorModule::root_register(by("Bob"), key("first")));
        assert_noop!(SubtensorModule::root_register(by("Bob"), key("second")), Error::<Runtime>::StakeTooLowForRoot);
        assert_ok!(SubtensorModule::try_associate_hotkey(by("Bob"), key("second")));
        assert_ok!(SubtensorModule::add_stake(by("Charlie"), key("second"), ROOT, 2_000_000));
        assert_ok!(SubtensorModule::root_register(by("Bob"), key("second")));
        assert_eq!(s::Keys::<Runtime>::get(ROOT, 0), key("second"));
        assert_noop!(
            SubtensorModule::root_register(by("Bob"), key("second")),
            Error::<Runtime>::HotKeyAlreadyRegisteredInSubNet
        );
    });
}

#[test]
fn root_stake_is_shared_to_the_rao() {
    on_a_chain(|| {
        assert_ok!(SubtensorModule::try_associate_hotkey(by("Bob"), key("hotkey")));
        let stake = |name: &str| SubtensorModule::stake(&key("hotkey"), &key(name), ROOT);
        assert_ok!(SubtensorModule::add_stake(by("Bob"), key("hotkey"), ROOT, 1_000_000_000));
        assert_ok!(SubtensorModule::add_stake(by("Charlie"), key("hotkey"), ROOT, 2_345_678_901));
        assert_eq!((stake("Bob"), stake("Charlie")), (1_000_000_000, 2_345_678_901));
        assert_ok!(SubtensorModule::remove_stake(by("Charlie"), key("hotkey"), ROOT, 345_678_901));
        assert_eq!((stake("Bob"), stake("Charlie")), (1_000_000_000, 2_000_000_000));
        // More than there is takes all, and leaves nothing behind.
        assert_ok!(SubtensorModule::remove_stake(by("Bob"), key("hotkey"), ROOT, u64::MAX));
        assert_eq!((stake("Bob"), stake("Charlie")), (0, 2_000_000_000));
        assert!(!s::AlphaV2::<Runtime>::contains_key((key("hotkey"), key("Bob"), ROOT)));
        assert_eq!(s::SubnetTAO::<Runtime>::get(ROOT), 2_000_000_000);
    });
}

#[test]
fn subnets_cost_more_than_some_have() {
    on_a_chain(|| {
        assert_ok!(SubtensorModule::register_network(by("Dave"), key("hotkey")));
        assert_noop!(
            SubtensorModule::register_network(by("Dave"), key("another")),
            Error::<Runtime>::CannotAffordLockCost
        );
        assert_eq!(SubtensorModule::network_lock_cost(), 2_000_000_000_000);
        s::SubnetLimit::<Runtime>::put(2);
        assert_noop!(
            SubtensorModule::register_network(by("Bob"), key("another")),
            Error::<Runtime>::SubnetLimitReached
        );
    });
}

#[test]
fn root_validators_follow_a_new_subnet_unless_they_said_no() {
    on_a_chain(|| {
        s::MaxRegistrationsPerBlock::<Runtime>::insert(ROOT, 9);
        assert_ok!(SubtensorModule::root_register(by("Bob"), key("willing")));
        assert_ok!(SubtensorModule::root_register(by("Bob"), key("unwilling")));
        s::AutoParentDelegationEnabled::<Runtime>::insert(key("unwilling"), false);
        assert_ok!(SubtensorModule::add_stake(by("Bob"), key("willing"), ROOT, 1_000_000_000));
        assert_ok!(SubtensorModule::register_network(by("Charlie"), key("owner")));
        assert_eq!(s::ChildKeys::<Runtime>::get(key("willing"), 2), vec![(u64::MAX, key("owner"))]);
        assert!(s::ChildKeys::<Runtime>::get(key("unwilling"), 2).is_empty());
        // A billion rao of root stake, at the weight of TAO.
        assert_eq!(SubtensorModule::stake_weight(&key("owner"), 2), 52_676_974);
        assert_eq!(SubtensorModule::stake_weight(&key("willing"), 2), 0);
    });
}
