//! What neurons and their coldkeys may claim: addresses of the EVM, voting power, and locked stake from others.

use btd_devnet_runtime::{
    Runtime, RuntimeOrigin, SubtensorModule, System, UNIT,
    subtensor::{evm, types::LockState},
};
use frame_support::{assert_noop, assert_ok, traits::Hooks};
use sp_core::{H160, Pair, ecdsa};
use sp_io::hashing::keccak_256;
use sp_runtime::DispatchError;

use super::{Error, FIRST, by, chain_told, key, on_a_chain, register, s};

// === Addresses of the EVM ===

fn wallet() -> (ecdsa::Pair, H160) {
    let pair = ecdsa::Pair::from_string("//wallet", None).unwrap();
    let signature = pair.sign_prehashed(&[1; 32]);
    let key = sp_io::crypto::secp256k1_ecdsa_recover(&signature.0, &[1; 32]).ok().unwrap();
    (pair, H160::from_slice(&keccak_256(&key)[12..]))
}

#[test]
fn addresses_are_claimed_with_their_keys_signature() {
    on_a_chain(|| {
        let (pair, address) = wallet();
        let claim = |address, mut signature: ecdsa::Signature, from_27: u8| {
            signature.0[64] += from_27;
            SubtensorModule::associate_evm_key(by("miner"), FIRST, address, 5, signature)
        };
        let signature = pair.sign_prehashed(&evm::digest(&key("miner"), 5));
        assert_noop!(claim(address, signature, 0), Error::<Runtime>::HotKeyNotRegisteredInSubNet);
        let uid = register("miner");
        assert_noop!(claim(address, signature, 0), Error::<Runtime>::EvmKeyAssociateRateLimitExceeded);
        System::set_block_number(7_200);
        assert_noop!(claim(H160([1; 20]), signature, 0), Error::<Runtime>::InvalidRecoveredPublicKey);
        assert_noop!(claim(address, pair.sign_prehashed(&[9; 32]), 0), Error::<Runtime>::InvalidRecoveredPublicKey);
        let broken = ecdsa::Signature::from([255; 65]);
        assert_noop!(claim(address, broken, 0), Error::<Runtime>::InvalidIdentity);
        assert_ok!(claim(address, signature, 27));
        assert_eq!(s::AssociatedEvmAddress::<Runtime>::get(FIRST, uid), Some((address, 7_200)));
        let (netuid, hotkey, evm_key, block_associated) = (FIRST, key("miner"), address, 7_200);
        assert!(chain_told(s::Event::EvmKeyAssociated { netuid, hotkey, evm_key, block_associated }));
        System::set_block_number(14_399);
        assert_noop!(claim(address, signature, 0), Error::<Runtime>::EvmKeyAssociateRateLimitExceeded);
        System::set_block_number(14_400);
        assert_ok!(claim(address, signature, 0));
    });
}

// === Voting power ===

#[test]
fn voting_power_is_kept_as_long_as_the_owner_wants() {
    on_a_chain(|| {
        assert_ok!(SubtensorModule::register_network(by("Bob"), key("owner")));
        let refused = Error::<Runtime>::VotingPowerTrackingNotEnabled;
        assert_noop!(SubtensorModule::enable_voting_power_tracking(by("Dave"), 2), DispatchError::BadOrigin);
        assert_noop!(SubtensorModule::disable_voting_power_tracking(by("Bob"), 2), refused);
        assert_ok!(SubtensorModule::enable_voting_power_tracking(by("Bob"), 2));
        assert_ok!(SubtensorModule::disable_voting_power_tracking(by("Bob"), 2));
        assert_eq!(s::VotingPowerDisableAtBlock::<Runtime>::get(2), 100_801);
        assert_ok!(SubtensorModule::enable_voting_power_tracking(RuntimeOrigin::root(), 2));
        assert_eq!(s::VotingPowerDisableAtBlock::<Runtime>::get(2), 0);
        assert_noop!(SubtensorModule::sudo_set_voting_power_ema_alpha(by("Bob"), 2, 1), DispatchError::BadOrigin);
        let whole = 1_000_000_000_000_000_000;
        assert_noop!(
            SubtensorModule::sudo_set_voting_power_ema_alpha(RuntimeOrigin::root(), 2, whole + 1),
            Error::<Runtime>::InvalidVotingPowerEmaAlpha
        );
        assert_ok!(SubtensorModule::sudo_set_voting_power_ema_alpha(RuntimeOrigin::root(), 2, whole));
        assert!(chain_told(s::Event::VotingPowerEmaAlphaSet { netuid: 2, alpha: whole }));
    });
}

#[test]
fn voting_power_ends_with_the_first_epoch_two_weeks_after_the_owner_wanted_it_no_more() {
    on_a_chain(|| {
        assert_ok!(SubtensorModule::register_network(by("Bob"), key("owner")));
        assert_ok!(SubtensorModule::enable_voting_power_tracking(by("Bob"), 2));
        assert_ok!(SubtensorModule::disable_voting_power_tracking(by("Bob"), 2));
        assert!(chain_told(s::Event::VotingPowerTrackingDisableScheduled { netuid: 2, disable_at_block: 100_801 }));
        s::VotingPower::<Runtime>::insert(2, key("owner"), 7);
        let epoch = |block: u32| {
            System::set_block_number(block);
            System::reset_events();
            s::PendingEpochAt::<Runtime>::insert(2, u64::from(block));
            SubtensorModule::on_initialize(block);
            chain_told(s::Event::VotingPowerTrackingDisabled { netuid: 2 })
        };
        assert!(!epoch(100_800));
        assert!(s::VotingPowerTrackingEnabled::<Runtime>::get(2));
        assert!(epoch(100_801));
        assert!(!s::VotingPowerTrackingEnabled::<Runtime>::get(2));
        assert_eq!(s::VotingPower::<Runtime>::iter_prefix(2).count(), 0);
        assert!(!epoch(100_802), "once");
    });
}

// === Locks that go to others ===

/// Bob's stake behind `hotkey` on a started subnet, half of it locked.
fn half_locked() -> u64 {
    assert_ok!(SubtensorModule::register_network(by("Charlie"), key("owner")));
    assert_ok!(SubtensorModule::start_call(by("Charlie"), 2));
    assert_ok!(SubtensorModule::try_associate_hotkey(by("Bob"), key("hotkey")));
    assert_ok!(SubtensorModule::add_stake(by("Bob"), key("hotkey"), 2, 20 * UNIT));
    let held = SubtensorModule::stake(&key("hotkey"), &key("Bob"), 2);
    assert_ok!(SubtensorModule::lock_stake(by("Bob"), key("hotkey"), 2, held / 2));
    held
}

fn lock(name: &str) -> Option<LockState> {
    s::Lock::<Runtime>::get((key(name), 2, key("hotkey")))
}

#[test]
fn locked_stake_goes_only_to_coldkeys_that_accept_it() {
    on_a_chain(|| {
        let held = half_locked();
        let give = |alpha| SubtensorModule::transfer_stake(by("Bob"), key("Dave"), key("hotkey"), 2, 2, alpha);
        let quarter = held / 4;
        assert_ok!(give(quarter));
        assert_eq!(lock("Dave"), None, "what is not locked goes first");
        assert_noop!(give(held / 2), Error::<Runtime>::AccountRejectsLockedAlpha);
        assert_ok!(SubtensorModule::set_reject_locked_alpha(by("Dave"), false));
        assert_eq!(s::AccountFlags::<Runtime>::get(key("Dave")), 1);
        assert_ok!(give(held / 2));
        let (bob, dave) = (lock("Bob").unwrap(), lock("Dave").unwrap());
        assert_eq!(bob.locked_mass + dave.locked_mass, held / 2);
        assert!(dave.locked_mass.abs_diff(quarter) <= 2);
        assert_ok!(SubtensorModule::set_reject_locked_alpha(by("Dave"), true));
        assert!(!s::AccountFlags::<Runtime>::contains_key(key("Dave")));
        assert_noop!(give(quarter), Error::<Runtime>::AccountRejectsLockedAlpha);
    });
}

#[test]
fn locked_stake_does_not_join_a_lock_for_another_hotkey() {
    on_a_chain(|| {
        let held = half_locked();
        assert_ok!(SubtensorModule::set_reject_locked_alpha(by("Dave"), false));
        assert_ok!(SubtensorModule::add_stake(by("Dave"), key("owner"), 2, 20 * UNIT));
        assert_ok!(SubtensorModule::lock_stake(by("Dave"), key("owner"), 2, UNIT));
        assert_noop!(
            SubtensorModule::transfer_stake(by("Bob"), key("Dave"), key("hotkey"), 2, 2, held),
            Error::<Runtime>::LockHotkeyMismatch
        );
    });
}

#[test]
fn coldkeys_that_accept_no_locks_do_not_inherit_any() {
    on_a_chain(|| {
        half_locked();
        assert_noop!(
            SubtensorModule::swap_coldkey(RuntimeOrigin::root(), key("Bob"), key("new"), 0),
            Error::<Runtime>::AccountRejectsLockedAlpha
        );
        assert_ok!(SubtensorModule::set_reject_locked_alpha(by("new"), false));
        assert_ok!(SubtensorModule::swap_coldkey(RuntimeOrigin::root(), key("Bob"), key("new"), 0));
        assert!(lock("new").is_some() && lock("Bob").is_none());
        // The new coldkey is what the old one was, flags included.
        assert!(!s::AccountFlags::<Runtime>::contains_key(key("new")));
    });
}

#[test]
fn coldkeys_with_a_lock_inherit_none() {
    on_a_chain(|| {
        half_locked();
        let inherit = || SubtensorModule::swap_coldkey(RuntimeOrigin::root(), key("Bob"), key("Dave"), 0);
        assert_ok!(SubtensorModule::add_stake(by("Dave"), key("hotkey"), 2, 20 * UNIT));
        assert_ok!(SubtensorModule::lock_stake(by("Dave"), key("hotkey"), 2, UNIT));
        assert_noop!(inherit(), Error::<Runtime>::ColdKeyAlreadyAssociated);
        // Who has a lock has stake, unless the chain has lost sight of it. Whether locks are accepted is asked later.
        s::StakingHotkeys::<Runtime>::remove(key("Dave"));
        assert_noop!(inherit(), Error::<Runtime>::ActiveLockExists);
        s::Lock::<Runtime>::remove((key("Dave"), 2, key("hotkey")));
        assert_noop!(inherit(), Error::<Runtime>::AccountRejectsLockedAlpha);
    });
}

#[test]
fn the_owners_cut_is_locked_where_the_subnet_does_so() {
    on_a_chain(|| {
        assert_ok!(SubtensorModule::register_network(by("Bob"), key("owner")));
        assert_ok!(SubtensorModule::start_call(by("Bob"), 2));
        let locked = || s::Lock::<Runtime>::get((key("Bob"), 2, key("owner"))).map_or(0, |lock| lock.locked_mass);
        let epoch = |block: u32| {
            s::PendingOwnerCut::<Runtime>::insert(2, 5_000);
            System::set_block_number(block);
            SubtensorModule::on_initialize(block);
        };
        epoch(400);
        assert_eq!(locked(), 0);
        s::OwnerCutAutoLockEnabled::<Runtime>::insert(2, true);
        epoch(800);
        assert!(locked() >= 5_000);
    });
}
