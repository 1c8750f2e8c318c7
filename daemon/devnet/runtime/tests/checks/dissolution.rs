//! How subnets end: who may close them, who is paid, what is left, and which one gives way to a new one.

use std::collections::BTreeSet;

use btd_devnet_runtime::{Balances, Runtime, RuntimeEvent, RuntimeOrigin, SubtensorModule, System, UNIT};
use codec::Decode;
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};
use frame_support::{assert_noop, assert_ok};
use sp_io::hashing::twox_128;
use sp_runtime::DispatchError;

use super::{Error, by, key, on_a_chain, s};

/// Items that hold something of a subnet after it was closed, as on the real chain. The next of its number finds it.
const OF_THE_SUBNET: [&str; 11] = [
    "ActivityCutoffFactorMilli",
    "AutoStakeDestination",
    // A registration writes these three.
    "LastEpochBlock",
    "RegisteredSubnetCounter",
    "SubnetEmissionEnabled",
    "MinChildkeyTakePerSubnet",
    "MinNonImmuneUids",
    "OwnerCutEnabled",
    "RecycleOrBurn",
    "RootClaimableThreshold",
    "VotingPowerTrackingEnabled",
];
/// Items to which a life in a subnet adds what is not the subnet's: accounts, rows of root, the limits of the chain.
const OF_OTHERS: [&str; 7] = [
    "LastColdkeyHotkeyStakeBlock",
    "LastRateLimitedBlock",
    "OwnedHotkeys",
    "Owner",
    "RootClaimable",
    "StakingHotkeys",
    "Weights",
];

/// A subnet of Bob's, started, in which Charlie and Dave hold stake behind its hotkey.
fn subnet() -> u16 {
    assert_ok!(SubtensorModule::register_network(by("Bob"), key("owner")));
    assert_ok!(SubtensorModule::start_call(by("Bob"), 2));
    assert_ok!(SubtensorModule::add_stake(by("Charlie"), key("owner"), 2, 30 * UNIT));
    assert_ok!(SubtensorModule::add_stake(by("Dave"), key("owner"), 2, 10 * UNIT));
    2
}

#[test]
fn only_the_sudo_key_closes_subnets() {
    on_a_chain(|| {
        let netuid = subnet();
        assert_noop!(SubtensorModule::dissolve_network(by("Bob"), key("Bob"), netuid), DispatchError::BadOrigin);
        assert_noop!(SubtensorModule::root_dissolve_network(by("Bob"), netuid), DispatchError::BadOrigin);
        for absent in [0, 99] {
            assert_noop!(
                SubtensorModule::root_dissolve_network(RuntimeOrigin::root(), absent),
                Error::<Runtime>::SubnetNotExists
            );
        }
        // Whose coldkey is named does not matter.
        assert_ok!(SubtensorModule::dissolve_network(RuntimeOrigin::root(), key("nobody"), netuid));
        assert_noop!(
            SubtensorModule::dissolve_network(RuntimeOrigin::root(), key("Bob"), netuid),
            Error::<Runtime>::SubnetNotExists
        );
    });
}

#[test]
fn the_pool_is_paid_out_by_alpha_held_and_the_rest_is_recycled() {
    on_a_chain(|| {
        let netuid = subnet();
        let held = ["Charlie", "Dave"].map(|name| SubtensorModule::stake(&key("owner"), &key(name), netuid));
        let pool = u128::from(s::SubnetAlphaIn::<Runtime>::get(netuid));
        let all = pool + held.iter().map(|alpha| u128::from(*alpha)).sum::<u128>();
        let pot = u128::from(s::SubnetTAO::<Runtime>::get(netuid));
        let before = ["Charlie", "Dave"].map(|name| Balances::free_balance(key(name)));
        let (issued, stake) = (Balances::total_issuance(), s::TotalStake::<Runtime>::get());
        let account = SubtensorModule::subnet_account(netuid);
        let on_account = Balances::free_balance(&account);

        assert_ok!(SubtensorModule::root_dissolve_network(RuntimeOrigin::root(), netuid));
        let paid = ["Charlie", "Dave"].map(|name| Balances::free_balance(key(name)));
        let mut gone = 0;
        for ((before, after), alpha) in before.iter().zip(paid).zip(held) {
            let part = u128::from(after - before);
            assert!(part.abs_diff(pot * u128::from(alpha) / all) <= 1, "{part} of {pot}");
            gone += after - before;
        }
        assert_eq!(Balances::free_balance(&account), 500, "the account stays alive");
        assert_eq!(Balances::total_issuance(), issued - (on_account - gone - 500));
        assert_eq!(s::TotalStake::<Runtime>::get(), stake - u64::try_from(pot).unwrap());
    });
}

/// Keys of the chain's own pallet, each with the name of its item.
fn entries() -> BTreeSet<(String, Vec<u8>)> {
    let metadata = btd_devnet_runtime::metadata::at_version(15).unwrap();
    let RuntimeMetadata::V15(metadata) = RuntimeMetadataPrefixed::decode(&mut &metadata[..]).unwrap().1 else {
        panic!("metadata of another version")
    };
    let pallet = metadata.pallets.into_iter().find(|pallet| pallet.name == "SubtensorModule").unwrap();
    let mut entries = BTreeSet::new();
    for item in pallet.storage.unwrap().entries {
        let prefix = [twox_128(b"SubtensorModule"), twox_128(item.name.as_bytes())].concat();
        let mut key = prefix.clone();
        while let Some(next) = sp_io::storage::next_key(&key).filter(|next| next.starts_with(&prefix)) {
            entries.insert((item.name.clone(), next.clone()));
            key = next;
        }
    }
    entries
}

#[test]
fn a_closed_subnet_leaves_a_few_settings_and_no_more() {
    on_a_chain(|| {
        let before = entries();
        let netuid = subnet();
        s::OwnerCutEnabled::<Runtime>::insert(netuid, false);
        s::RecycleOrBurn::<Runtime>::insert(netuid, s::types::RecycleOrBurnEnum::Recycle);
        s::ActivityCutoffFactorMilli::<Runtime>::insert(netuid, 2_000);
        s::MinChildkeyTakePerSubnet::<Runtime>::insert(netuid, 7);
        s::VotingPowerTrackingEnabled::<Runtime>::insert(netuid, true);
        s::RootClaimableThreshold::<Runtime>::insert(netuid, s::fixed::I96F32::default());
        s::MinNonImmuneUids::<Runtime>::insert(netuid, 7);
        s::AutoStakeDestination::<Runtime>::insert(key("Charlie"), netuid, key("owner"));
        let registered = s::RegisteredSubnetCounter::<Runtime>::get(netuid);
        assert_ok!(SubtensorModule::lock_stake(by("Charlie"), key("owner"), netuid, UNIT));
        s::RootClaimable::<Runtime>::mutate(key("owner"), |rates| rates.insert(netuid, s::fixed::I96F32::default()));
        s::Weights::<Runtime>::insert(0, 0, vec![(1, 5), (netuid, 7)]);
        let networks = s::TotalNetworks::<Runtime>::get();
        System::reset_events();
        assert_ok!(SubtensorModule::root_dissolve_network(RuntimeOrigin::root(), netuid));

        assert!(!s::NetworksAdded::<Runtime>::contains_key(netuid));
        assert_eq!(s::TotalNetworks::<Runtime>::get(), networks - 1);
        assert_eq!(SubtensorModule::stake(&key("owner"), &key("Charlie"), netuid), 0);
        assert!(!s::TotalHotkeyAlpha::<Runtime>::contains_key(key("owner"), netuid));
        assert!(!s::Uids::<Runtime>::contains_key(netuid, key("owner")));
        assert!(!s::IsNetworkMember::<Runtime>::contains_key(key("owner"), netuid));
        assert_eq!(s::Lock::<Runtime>::iter().count(), 0);
        assert_eq!(s::LockingColdkeys::<Runtime>::iter().count(), 0);
        assert!(s::RootClaimable::<Runtime>::get(key("owner")).is_empty());
        assert_eq!(s::Weights::<Runtime>::get(0, 0), vec![(1, 5), (netuid, 0)]);
        assert!(!s::Tempo::<Runtime>::contains_key(netuid) && !s::Burn::<Runtime>::contains_key(netuid));
        let after = entries();
        let left: BTreeSet<&str> = after.difference(&before).map(|(item, _)| item.as_str()).collect();
        assert_eq!(left, OF_THE_SUBNET.into_iter().chain(OF_OTHERS).collect());
        // What counts registrations of the number goes on counting.
        assert_eq!(s::RegisteredSubnetCounter::<Runtime>::get(netuid), registered);
        let last = System::events().pop().map(|record| record.event);
        assert_eq!(last, Some(RuntimeEvent::SubtensorModule(s::Event::NetworkRemoved(netuid))));
    });
}

#[test]
fn the_identity_of_a_closed_subnet_goes_first() {
    on_a_chain(|| {
        let identity = s::types::SubnetIdentityV3 { subnet_name: b"name".to_vec(), ..Default::default() };
        assert_ok!(SubtensorModule::register_network_with_identity(by("Bob"), key("owner"), Some(identity)));
        assert_ok!(SubtensorModule::root_dissolve_network(RuntimeOrigin::root(), 2));
        let told: Vec<RuntimeEvent> = System::events().into_iter().rev().take(2).map(|record| record.event).collect();
        let expected = [s::Event::NetworkRemoved(2), s::Event::SubnetIdentityRemoved(2)];
        assert_eq!(told, expected.map(RuntimeEvent::SubtensorModule));
    });
}

#[test]
fn the_cheapest_mortal_subnet_gives_way_when_there_are_as_many_as_may_be() {
    on_a_chain(|| {
        s::SubnetLimit::<Runtime>::put(3);
        assert_ok!(SubtensorModule::register_network(by("Bob"), key("second")));
        System::set_block_number(2);
        assert_ok!(SubtensorModule::register_network(by("Charlie"), key("third")));
        assert_noop!(
            SubtensorModule::register_network(by("Alice"), key("fourth")),
            Error::<Runtime>::SubnetLimitReached
        );
        s::NetworkImmunityPeriod::<Runtime>::put(0);
        s::SubnetMovingPrice::<Runtime>::insert(1, s::fixed::I96F32::from_bits(3));
        // Two are equally cheap: the older goes, and its number is given again.
        assert_eq!(SubtensorModule::subnet_to_prune(), Some(2));
        assert_noop!(
            SubtensorModule::register_network(by("Dave"), key("fourth")),
            Error::<Runtime>::CannotAffordLockCost
        );
        assert_ok!(SubtensorModule::register_network(by("Alice"), key("fourth")));
        assert_eq!(s::SubnetOwner::<Runtime>::get(2), key("Alice"));
        assert_eq!(s::SubnetOwner::<Runtime>::get(3), key("Charlie"));
        assert_eq!(s::SubnetworkN::<Runtime>::get(2), 1);
        assert_eq!(s::RegisteredSubnetCounter::<Runtime>::get(2), 2);
        assert!(!s::Uids::<Runtime>::contains_key(2, key("second")));
    });
}

#[test]
fn owners_of_old_subnets_are_given_back_what_exceeds_their_cut() {
    on_a_chain(|| {
        assert_ok!(SubtensorModule::register_network(by("Bob"), key("owner")));
        s::NetworkRegistrationStartBlock::<Runtime>::put(5);
        s::TaoInRefundDeploymentBlock::<Runtime>::put(5);
        let price = s::SubnetLocked::<Runtime>::get(2);
        let issued = s::SubnetAlphaIn::<Runtime>::get(2);
        let cut = u64::try_from(u128::from(issued) * u128::from(s::SubnetOwnerCut::<Runtime>::get()) / 65_535).unwrap();
        let before = Balances::free_balance(key("Bob"));
        assert_ok!(SubtensorModule::root_dissolve_network(RuntimeOrigin::root(), 2));
        let refund = Balances::free_balance(key("Bob")) - before;
        // Nobody holds alpha, so what the pool holds beside the refund goes to the owner as well.
        assert!(refund >= price - cut, "{refund} of {price}");
        assert_eq!(refund, price);
    });
}

/// The owner's cut is a fraction of 32 bits, and so is the price at which it is taken off: with 64 bits for each the owner
/// would be given 18,221,526,717. This rests on the source of versions near spec 425: no recording has such a subnet.
#[test]
fn what_owners_of_old_are_given_back_goes_through_32_fraction_bits() {
    on_a_chain(|| {
        let netuid = subnet();
        s::NetworkRegistrationStartBlock::<Runtime>::put(5);
        s::TaoInRefundDeploymentBlock::<Runtime>::put(5);
        s::SubnetLocked::<Runtime>::insert(netuid, 20 * UNIT);
        s::SubnetTAO::<Runtime>::insert(netuid, 7 * UNIT);
        s::SubnetAlphaIn::<Runtime>::insert(netuid, 30_000 * UNIT);
        s::SubnetAlphaOut::<Runtime>::insert(netuid, 12_345_678_901_234);
        let before = Balances::free_balance(key("Bob"));
        assert_ok!(SubtensorModule::root_dissolve_network(RuntimeOrigin::root(), netuid));
        // Those who hold alpha are paid the whole pool, so nothing goes to the owner beside it.
        assert_eq!(Balances::free_balance(key("Bob")) - before, 18_221_526_781);
    });
}
