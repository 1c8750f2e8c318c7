//! Rounds of the beacon, and the timelocked weights that they open.

#![allow(deprecated, reason = "unsigned extrinsics are validated as the real chain does")]

use btd_devnet_runtime::{
    Drand, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin, SubtensorModule, System,
    beacon::{Beacon, Entropy, seal},
    commitments::Data,
    drand::{self, Pulse, PulsesPayload},
};
use codec::Encode;
use frame_support::{BoundedVec, assert_noop, assert_ok, traits::Hooks};
use sp_core::{Pair, sr25519};
use sp_runtime::{
    DispatchError, MultiSignature, MultiSigner,
    traits::ValidateUnsigned,
    transaction_validity::{InvalidTransaction, TransactionSource},
};

use super::{AccountId, FIRST, by, commitments::publish, key, on_a_chain, register, s};

/// Rounds as they travel.
fn payload(rounds: &[u64]) -> PulsesPayload<MultiSigner, u32> {
    let beacon = Beacon::development();
    let pulses = rounds.iter().map(|round| Pulse::new(*round, &beacon.sign(*round)).unwrap()).collect();
    PulsesPayload { block_number: 1, pulses, public: MultiSigner::Sr25519(pair().public()) }
}

fn pair() -> sr25519::Pair {
    sr25519::Pair::from_string("//bringer", None).unwrap()
}

pub(super) fn write(rounds: &[u64]) {
    assert_ok!(Drand::write_pulse(RuntimeOrigin::none(), payload(rounds), None));
}

pub(super) fn sealed(round: u64, bytes: &[u8]) -> Vec<u8> {
    let entropy = Entropy { key: [7; 32], sigma: [9; 32], nonce: [1; 12] };
    seal(&Beacon::development().public_key(), round, bytes, &entropy).unwrap()
}

pub(super) fn events() -> Vec<RuntimeEvent> {
    System::events().into_iter().map(|record| record.event).collect()
}

// === Rounds ===

#[test]
fn rounds_are_stored_in_ascending_order_and_told() {
    on_a_chain(|| {
        assert_noop!(Drand::write_pulse(by("Bob"), payload(&[5]), None), DispatchError::BadOrigin);
        write(&[5, 9]);
        assert_eq!(drand::LastStoredRound::<Runtime>::get(), 9);
        assert_eq!(drand::OldestStoredRound::<Runtime>::get(), 5);
        assert_eq!(drand::NextUnsignedAt::<Runtime>::get(), 1);
        assert!(drand::Pulses::<Runtime>::contains_key(5) && !drand::Pulses::<Runtime>::contains_key(6));
        assert_eq!(events(), [RuntimeEvent::Drand(drand::Event::NewPulse { rounds: vec![5, 9] })]);
        assert_noop!(
            Drand::write_pulse(RuntimeOrigin::none(), payload(&[9]), None),
            drand::Error::<Runtime>::InvalidRoundNumber
        );
    });
}

#[test]
fn rounds_of_another_beacon_are_left_out_and_broken_ones_refused() {
    on_a_chain(|| {
        let mut foreign = payload(&[5]);
        foreign.pulses[0].round = 6;
        assert_ok!(Drand::write_pulse(RuntimeOrigin::none(), foreign.clone(), None));
        assert_eq!(drand::LastStoredRound::<Runtime>::get(), 0);
        assert!(events().is_empty());
        foreign.pulses[0].signature = vec![1; 48].try_into().unwrap();
        assert_noop!(
            Drand::write_pulse(RuntimeOrigin::none(), foreign, None),
            drand::Error::<Runtime>::PulseVerificationError
        );
    });
}

#[test]
fn the_pool_takes_one_new_round_signed_by_who_brings_it() {
    on_a_chain(|| {
        let ask = |payload: PulsesPayload<MultiSigner, u32>, signature| {
            let call = drand::Call::<Runtime>::write_pulse { pulses_payload: payload, signature };
            Drand::validate_unsigned(TransactionSource::Local, &call)
        };
        let signed = |payload: PulsesPayload<MultiSigner, u32>| {
            let signature = MultiSignature::Sr25519(pair().sign(&payload.encode()));
            ask(payload, Some(signature))
        };
        assert_eq!(ask(payload(&[5]), None), Err(InvalidTransaction::BadSigner.into()));
        let other = MultiSignature::Sr25519(pair().sign(b"another payload"));
        assert_eq!(ask(payload(&[5]), Some(other)), Err(InvalidTransaction::BadProof.into()));
        assert_eq!(signed(payload(&[5, 6])), Err(InvalidTransaction::Call.into()));
        let late = PulsesPayload { block_number: 2, ..payload(&[5]) };
        assert_eq!(signed(late), Err(InvalidTransaction::Future.into()));
        let valid = signed(payload(&[5])).unwrap();
        assert_eq!(valid.priority, u64::MAX);
        let (lower, higher) = (signed(payload(&[2_000_000])).unwrap(), signed(payload(&[2_000_001])).unwrap());
        assert!(lower.priority > higher.priority, "lower rounds go first");
        assert_eq!((valid.longevity, valid.propagate), (3, false));
        write(&[5]);
        assert_eq!(signed(payload(&[5])), Err(InvalidTransaction::Stale.into()));
        assert!(signed(payload(&[6])).is_ok());
    });
}

#[test]
fn only_the_sudo_key_sets_the_beacon_and_the_oldest_round() {
    on_a_chain(|| {
        let config = drand::BeaconConfiguration::quicknet();
        let payload = drand::BeaconConfigurationPayload {
            block_number: 1,
            config: config.clone(),
            public: MultiSigner::Sr25519(pair().public()),
        };
        assert_noop!(Drand::set_beacon_config(by("Bob"), payload.clone(), None), DispatchError::BadOrigin);
        assert_ok!(Drand::set_beacon_config(RuntimeOrigin::root(), payload, None));
        assert_eq!(drand::BeaconConfig::<Runtime>::get(), config);
        assert_eq!(events(), [RuntimeEvent::Drand(drand::Event::BeaconConfigChanged)]);
        assert_eq!(drand::NextUnsignedAt::<Runtime>::get(), 2);
        assert_noop!(Drand::set_oldest_stored_round(by("Bob"), 3), DispatchError::BadOrigin);
        assert_ok!(Drand::set_oldest_stored_round(RuntimeOrigin::root(), 3));
        assert_eq!(drand::OldestStoredRound::<Runtime>::get(), 3);
        assert!(events().contains(&RuntimeEvent::Drand(drand::Event::SetOldestStoredRound(3))));
    });
}

#[test]
fn old_rounds_are_forgotten_a_hundred_at_a_time() {
    on_a_chain(|| {
        write(&[1, 2, 101, 216_150]);
        assert_eq!(drand::OldestStoredRound::<Runtime>::get(), 101);
        assert!(!drand::Pulses::<Runtime>::contains_key(2) && drand::Pulses::<Runtime>::contains_key(101));
        write(&[216_151]);
        assert_eq!(drand::OldestStoredRound::<Runtime>::get(), 152);
        assert!(!drand::Pulses::<Runtime>::contains_key(101));
    });
}

// === Timelocked weights ===

/// A subnet on which `validator` may set weights, in its first epoch of 360 blocks.
fn validator() -> u16 {
    let uid = register("validator");
    s::ValidatorPermit::<Runtime>::insert(FIRST, vec![false, true]);
    s::MinAllowedWeights::<Runtime>::insert(FIRST, 1);
    s::Tempo::<Runtime>::insert(FIRST, 360);
    System::set_block_number(101);
    uid
}

fn commit(round: u64, plain: &[u8]) {
    let commit: BoundedVec<u8, _> = sealed(round, plain).try_into().unwrap();
    assert_ok!(SubtensorModule::commit_timelocked_weights(by("validator"), FIRST, commit, round, 4));
    s::LastUpdate::<Runtime>::mutate(FIRST, |all| all[1] = 0);
}

fn weights(hotkey: &AccountId, values: &[u16]) -> Vec<u8> {
    (hotkey.encode(), vec![0_u16, 1], values, 0_u64).encode()
}

fn begin(block: u32) {
    System::set_block_number(block);
    SubtensorModule::on_initialize(block);
}

#[test]
fn timelocked_weights_are_set_in_their_epoch_once_their_round_has_come() {
    on_a_chain(|| {
        let uid = validator();
        commit(7, &weights(&key("validator"), &[1, 2]));
        let epoch = s::SubnetEpochIndex::<Runtime>::get(FIRST);
        assert_eq!(s::TimelockedWeightCommits::<Runtime>::get(FIRST, epoch).len(), 1);
        write(&[6, 7]);
        begin(102);
        assert!(s::Weights::<Runtime>::get(FIRST, uid).is_empty(), "the epoch is not over");
        System::reset_events();
        begin(400);
        assert_eq!(s::Weights::<Runtime>::get(FIRST, uid), vec![(0, 32_768), (1, 65_535)]);
        assert_eq!(s::TimelockedWeightCommits::<Runtime>::iter().count(), 0);
        let told = events();
        let set = RuntimeEvent::SubtensorModule(s::Event::WeightsSet(FIRST, uid));
        let revealed = RuntimeEvent::SubtensorModule(s::Event::TimelockedWeightsRevealed(FIRST, key("validator")));
        let place = told.iter().position(|event| *event == set).unwrap();
        assert_eq!(told.get(place + 1), Some(&revealed));
    });
}

#[test]
fn weights_opened_after_the_subnet_gave_up_hiding_them_are_held_to_the_rate_and_count_for_it() {
    on_a_chain(|| {
        let uid = validator();
        commit(7, &weights(&key("validator"), &[1, 2]));
        s::CommitRevealWeightsEnabled::<Runtime>::insert(FIRST, false);
        write(&[7]);
        begin(400);
        assert_eq!(s::Weights::<Runtime>::get(FIRST, uid), vec![(0, 32_768), (1, 65_535)]);
        let updated = || s::LastUpdate::<Runtime>::get(FIRST)[usize::from(uid)];
        assert_eq!(updated(), 400);

        // As soon again as this, open weights are refused, and these are dropped.
        let update = |block: u64| s::LastUpdate::<Runtime>::mutate(FIRST, |all| all[usize::from(uid)] = block);
        s::CommitRevealWeightsEnabled::<Runtime>::insert(FIRST, true);
        update(0);
        commit(7, &weights(&key("validator"), &[2, 1]));
        s::CommitRevealWeightsEnabled::<Runtime>::insert(FIRST, false);
        s::ValidatorPermit::<Runtime>::insert(FIRST, vec![false, true]);
        update(790);
        begin(800);
        assert_eq!(s::Weights::<Runtime>::get(FIRST, uid), vec![(0, 32_768), (1, 65_535)]);
        assert_eq!((updated(), s::TimelockedWeightCommits::<Runtime>::iter().count()), (790, 0));
    });
}

#[test]
fn weights_opened_where_they_are_hidden_are_no_update() {
    on_a_chain(|| {
        let uid = validator();
        commit(7, &weights(&key("validator"), &[1, 2]));
        s::LastUpdate::<Runtime>::mutate(FIRST, |all| all[usize::from(uid)] = 399);
        write(&[7]);
        begin(400);
        assert_eq!(s::Weights::<Runtime>::get(FIRST, uid), vec![(0, 32_768), (1, 65_535)]);
        assert_eq!(s::LastUpdate::<Runtime>::get(FIRST)[usize::from(uid)], 399);
    });
}

#[test]
fn commits_wait_for_their_round_and_expire_with_their_epoch() {
    on_a_chain(|| {
        let uid = validator();
        commit(7, &weights(&key("validator"), &[1, 2]));
        begin(400);
        let epoch = s::SubnetEpochIndex::<Runtime>::get(FIRST);
        assert_eq!(s::TimelockedWeightCommits::<Runtime>::iter().count(), 1, "its round has not come");
        write(&[8]);
        begin(401);
        assert_eq!(s::TimelockedWeightCommits::<Runtime>::iter().count(), 1, "another round opens nothing");
        begin(800);
        assert_eq!(s::SubnetEpochIndex::<Runtime>::get(FIRST), epoch + 1);
        assert_eq!(s::TimelockedWeightCommits::<Runtime>::iter().count(), 0);
        assert!(s::Weights::<Runtime>::get(FIRST, uid).is_empty());
    });
}

#[test]
fn commits_of_a_deferred_subnet_wait_for_the_block_in_which_it_runs() {
    on_a_chain(|| {
        let uid = validator();
        commit(7, &weights(&key("validator"), &[1, 2]));
        write(&[7]);
        // No epoch may run in this block, so the one that is due runs in the next.
        s::MaxEpochsPerBlock::<Runtime>::put(0);
        let epoch = s::SubnetEpochIndex::<Runtime>::get(FIRST);
        begin(400);
        let deferred = s::Event::EpochDeferred { netuid: FIRST, from_block: 400, to_block: 401 };
        assert!(events().contains(&RuntimeEvent::SubtensorModule(deferred)));
        assert_eq!(s::PendingEpochAt::<Runtime>::get(FIRST), 401);
        assert_eq!(s::SubnetEpochIndex::<Runtime>::get(FIRST), epoch);
        assert!(s::Weights::<Runtime>::get(FIRST, uid).is_empty());
        assert_eq!(s::TimelockedWeightCommits::<Runtime>::get(FIRST, epoch).len(), 1);
        s::MaxEpochsPerBlock::<Runtime>::put(2);
        begin(401);
        assert_eq!(s::Weights::<Runtime>::get(FIRST, uid), vec![(0, 32_768), (1, 65_535)]);
        assert_eq!(s::SubnetEpochIndex::<Runtime>::get(FIRST), epoch + 1);
        assert_eq!(s::PendingEpochAt::<Runtime>::get(FIRST), 0);
    });
}

#[test]
fn commits_that_are_broken_or_anothers_are_dropped() {
    on_a_chain(|| {
        let uid = validator();
        commit(7, &weights(&key("another"), &[1, 2]));
        commit(7, b"no weights");
        // Sealed for another round than the one it names.
        let commit = sealed(8, &weights(&key("validator"), &[1, 2])).try_into().unwrap();
        assert_ok!(SubtensorModule::commit_timelocked_weights(by("validator"), FIRST, commit, 7, 4));
        write(&[7]);
        begin(400);
        assert!(s::Weights::<Runtime>::get(FIRST, uid).is_empty());
        assert_eq!(s::TimelockedWeightCommits::<Runtime>::iter().count(), 0);
    });
}

#[test]
fn commits_without_a_hotkey_are_of_the_older_form() {
    on_a_chain(|| {
        let uid = validator();
        commit(7, &(vec![0_u16, 1], vec![4_u16, 4], 0_u64).encode());
        write(&[7]);
        begin(400);
        assert_eq!(s::Weights::<Runtime>::get(FIRST, uid), vec![(0, 65_535), (1, 65_535)]);
    });
}

#[test]
fn rounds_that_something_waits_for_come_by_themselves_from_the_development_beacon() {
    on_a_chain(|| {
        validator();
        register("miner");
        commit(7, &weights(&key("validator"), &[1, 2]));
        // What is sealed to drand's beacon waits for drand's round, which this one would take the place of.
        let entropy = Entropy { key: [7; 32], sigma: [9; 32], nonce: [2; 12] };
        let foreign = seal(&drand::QUICKNET_KEY, 8, b"sealed to drand's", &entropy).unwrap();
        let field = |encrypted: Vec<u8>, reveal_round| Data::TimelockEncrypted {
            encrypted: encrypted.try_into().unwrap(),
            reveal_round,
        };
        let fields = vec![field(foreign, 8), field(sealed(9, b"bytes"), 9), field(sealed(12, b"bytes"), 12)];
        assert_ok!(publish("miner", FIRST, fields));
        // The seventh round comes eighteen seconds after the first.
        let at = |milliseconds: u64| drand::due_pulses(1_692_803_367_000 + milliseconds);
        assert!(drand::due_pulses(0).is_empty());
        assert!(at(17_999).is_empty());
        assert_eq!(at(18_000).len(), 1);
        let now = System::block_number();
        drand::NextUnsignedAt::<Runtime>::put(now + 1);
        assert!(at(30_000).is_empty(), "none is taken before that block");
        drand::NextUnsignedAt::<Runtime>::put(now);
        let due = at(30_000);
        assert_eq!(due.len(), 2);
        for extrinsic in due {
            let RuntimeCall::Drand(call) = extrinsic.function else { panic!("no pulse") };
            assert!(Drand::validate_unsigned(TransactionSource::InBlock, &call).is_ok());
            let drand::Call::write_pulse { pulses_payload, signature } = call else { panic!("no pulse") };
            assert_ok!(Drand::write_pulse(RuntimeOrigin::none(), pulses_payload, signature));
        }
        assert_eq!(drand::LastStoredRound::<Runtime>::get(), 9);
        assert!(drand::Pulses::<Runtime>::contains_key(7) && !drand::Pulses::<Runtime>::contains_key(8));
        assert!(at(30_000).is_empty());
        drand::BeaconConfig::<Runtime>::put(drand::BeaconConfiguration::quicknet());
        assert!(at(60_000).is_empty(), "nobody here can sign rounds of drand's");
    });
}

#[test]
fn what_never_opens_keeps_no_round_away_for_long() {
    on_a_chain(|| {
        validator();
        let queued = |seals: Vec<(Vec<u8>, u64)>| {
            let entry = |(seal, round)| (key("validator"), 1, BoundedVec::truncate_from(seal), round);
            s::TimelockedWeightCommits::<Runtime>::insert(FIRST, 5, seals.into_iter().map(entry).collect::<Vec<_>>());
        };
        // More than are tried for one block, all before the only one that can be opened.
        let never = (0..150_u64).map(|number| (format!("no seal, {number}").into_bytes(), 7 + number % 2));
        queued(never.chain([(sealed(9, b"bytes"), 9)]).collect());
        let rounds = || drand::due_pulses(1_692_803_367_000 + 30_000).len();
        assert_eq!([rounds(), rounds(), rounds()], [0, 1, 1]);
    });
}
