//! Weights that are committed first: limits, windows, and the order of refusals. Open weights are in `checks.rs`.

use btd_devnet_runtime::{
    Hash, Runtime, System,
    subtensor::{self as s, Call},
};
use codec::Encode;

use crate::{FIRST, NOWHERE, OK, expect, key, on_a_chain, register, wait};

const SALT: [u16; 2] = [7, 9];

fn hash(weight: u16) -> Hash {
    let plain = (key("hotkey"), FIRST, vec![0_u16], vec![weight], SALT.to_vec(), 0_u64);
    sp_io::hashing::blake2_256(&plain.encode()).into()
}

fn commit(netuid: u16, weight: u16) -> Call<Runtime> {
    Call::commit_weights { netuid, commit_hash: hash(weight) }
}

fn reveal(weight: u16) -> Call<Runtime> {
    Call::reveal_weights { netuid: FIRST, uids: vec![0], values: vec![weight], salt: SALT.to_vec(), version_key: 0 }
}

#[test]
fn commit_weights_is_refused_in_order() {
    on_a_chain(|| {
        let mechanism = || Call::commit_mechanism_weights { netuid: FIRST, mecid: 1, commit_hash: hash(1) };
        s::CommitRevealWeightsEnabled::<Runtime>::insert(FIRST, false);
        expect("hotkey", commit(NOWHERE, 1), "MechanismDoesNotExist");
        expect("hotkey", mechanism(), "MechanismDoesNotExist");
        expect("hotkey", commit(FIRST, 1), "CommitRevealDisabled");
        s::CommitRevealWeightsEnabled::<Runtime>::insert(FIRST, true);
        expect("hotkey", mechanism(), "MechanismDoesNotExist");
        expect("hotkey", commit(FIRST, 1), "HotKeyNotRegisteredInSubNet");
        register(FIRST, "hotkey");
        expect("hotkey", commit(FIRST, 1), "CommittingWeightsTooFast");
        wait(99);
        expect("hotkey", commit(FIRST, 1), "CommittingWeightsTooFast");
        wait(1);
        expect("hotkey", commit(FIRST, 1), OK);
        s::WeightsSetRateLimit::<Runtime>::insert(FIRST, 0);
        for weight in 2..=10 {
            expect("hotkey", commit(FIRST, weight), OK);
        }
        expect("hotkey", commit(FIRST, 11), "TooManyUnrevealedCommits");
    });
}

#[test]
fn reveal_weights_is_open_in_one_epoch_alone() {
    on_a_chain(|| {
        expect("hotkey", reveal(1), "NoWeightsCommitFound");
        let uid = register(FIRST, "hotkey");
        s::WeightsSetRateLimit::<Runtime>::insert(FIRST, 0);
        s::Tempo::<Runtime>::insert(FIRST, 0);
        expect("hotkey", commit(FIRST, 1), OK);
        expect("hotkey", reveal(2), "InvalidRevealCommitHashNotMatch");
        expect("hotkey", reveal(1), "RevealTooEarly");
        s::SubnetEpochIndex::<Runtime>::insert(FIRST, 1);
        expect("hotkey", reveal(1), "NeuronNoValidatorPermit");
        let mut permits = s::ValidatorPermit::<Runtime>::get(FIRST);
        permits[usize::from(uid)] = true;
        s::ValidatorPermit::<Runtime>::insert(FIRST, permits);
        s::SubnetEpochIndex::<Runtime>::insert(FIRST, 2);
        expect("hotkey", reveal(1), "ExpiredWeightCommit");
        s::SubnetEpochIndex::<Runtime>::insert(FIRST, 1);
        expect("hotkey", reveal(1), OK);
        assert_eq!(s::Weights::<Runtime>::get(FIRST, uid), [(0, 65_535)]);
        expect("hotkey", reveal(1), "NoWeightsCommitFound");
    });
}

/// Commits 1, 2 and 3 in one epoch, and goes to the one in which they are revealed.
fn commit_three() -> u16 {
    let uid = register(FIRST, "hotkey");
    s::WeightsSetRateLimit::<Runtime>::insert(FIRST, 0);
    s::Tempo::<Runtime>::insert(FIRST, 0);
    for weight in 1..=3 {
        expect("hotkey", commit(FIRST, weight), OK);
    }
    let mut permits = s::ValidatorPermit::<Runtime>::get(FIRST);
    permits[usize::from(uid)] = true;
    s::ValidatorPermit::<Runtime>::insert(FIRST, permits);
    s::SubnetEpochIndex::<Runtime>::insert(FIRST, 1);
    uid
}

fn reveal_all(netuid: u16, weights: &[u16]) -> Call<Runtime> {
    Call::batch_reveal_weights {
        netuid,
        uids_list: weights.iter().map(|_| vec![0]).collect(),
        values_list: weights.iter().map(|weight| vec![*weight]).collect(),
        salts_list: weights.iter().map(|_| SALT.to_vec()).collect(),
        version_keys: weights.iter().map(|_| 0).collect(),
    }
}

#[test]
fn batch_reveal_weights_takes_any_order_and_leaves_the_others() {
    on_a_chain(|| {
        commit_three();
        expect("hotkey", reveal_all(FIRST, &[3, 2]), OK);
        let hashes = vec![hash(3), hash(2)];
        let told = s::Event::<Runtime>::WeightsBatchRevealed(key("hotkey"), FIRST, hashes);
        let told = btd_devnet_runtime::RuntimeEvent::SubtensorModule(told);
        assert!(System::events().into_iter().any(|record| record.event == told));
        let left = s::WeightCommits::<Runtime>::get(FIRST, key("hotkey")).unwrap();
        assert_eq!(left.iter().map(|(hash, ..)| *hash).collect::<Vec<_>>(), [hash(1)]);
        expect("hotkey", reveal(1), OK);
        assert_eq!(s::WeightCommits::<Runtime>::get(FIRST, key("hotkey")), None);
    });
}

#[test]
fn batch_reveal_weights_reveals_all_or_none() {
    on_a_chain(|| {
        commit_three();
        expect("hotkey", reveal_all(FIRST, &[1, 4]), "InvalidRevealCommitHashNotMatch");
        expect("hotkey", reveal_all(FIRST, &[1, 1]), "InvalidRevealCommitHashNotMatch");
        assert_eq!(s::WeightCommits::<Runtime>::get(FIRST, key("hotkey")).unwrap().len(), 3);
        s::SubnetEpochIndex::<Runtime>::insert(FIRST, 0);
        expect("hotkey", reveal_all(FIRST, &[1, 2]), "RevealTooEarly");
        s::SubnetEpochIndex::<Runtime>::insert(FIRST, 2);
        expect("hotkey", reveal_all(FIRST, &[1, 2]), "ExpiredWeightCommit");
        expect("hotkey", reveal_all(FIRST, &[4]), "InvalidRevealCommitHashNotMatch");
    });
}

#[test]
fn batch_reveal_weights_of_nothing_is_refused_as_of_something() {
    on_a_chain(|| {
        expect("hotkey", reveal_all(NOWHERE, &[]), "SubnetNotExists");
        s::CommitRevealWeightsEnabled::<Runtime>::insert(FIRST, false);
        expect("hotkey", reveal_all(FIRST, &[]), "CommitRevealDisabled");
        s::CommitRevealWeightsEnabled::<Runtime>::insert(FIRST, true);
        expect("hotkey", reveal_all(FIRST, &[]), "NoWeightsCommitFound");
        expect("hotkey", reveal(1), "NoWeightsCommitFound");
        let elsewhere =
            Call::reveal_weights { netuid: NOWHERE, uids: vec![], values: vec![], salt: vec![], version_key: 0 };
        expect("hotkey", elsewhere, "SubnetNotExists");
    });
}

#[test]
fn timelocked_commits_have_a_version_and_a_queue() {
    on_a_chain(|| {
        let commit = |commit_reveal_version| Call::commit_timelocked_weights {
            netuid: FIRST,
            commit: vec![1; 300].try_into().unwrap(),
            reveal_round: 9,
            commit_reveal_version,
        };
        s::CommitRevealWeightsEnabled::<Runtime>::insert(FIRST, false);
        expect("hotkey", commit(3), "CommitRevealDisabled");
        s::CommitRevealWeightsEnabled::<Runtime>::insert(FIRST, true);
        expect("hotkey", commit(3), "IncorrectCommitRevealVersion");
        register(FIRST, "hotkey");
        System::set_block_number(101);
        s::WeightsSetRateLimit::<Runtime>::insert(FIRST, 0);
        for _ in 0..10 {
            expect("hotkey", commit(4), OK);
        }
        expect("hotkey", commit(4), "TooManyUnrevealedCommits");
    });
}

#[test]
fn batches_go_on_after_a_failure() {
    on_a_chain(|| {
        register(FIRST, "hotkey");
        wait(100);
        let netuids: Vec<codec::Compact<u16>> = vec![NOWHERE.into(), FIRST.into()];
        let lengths = Call::batch_commit_weights { netuids: netuids.clone(), commit_hashes: vec![hash(1)] };
        expect("hotkey", lengths, "InputLengthsUnequal");
        System::reset_events();
        expect(
            "hotkey",
            Call::batch_commit_weights { netuids: netuids.clone(), commit_hashes: vec![hash(1), hash(2)] },
            OK,
        );
        let events: Vec<s::Event<Runtime>> = System::events()
            .into_iter()
            .filter_map(|record| match record.event {
                btd_devnet_runtime::RuntimeEvent::SubtensorModule(event) => Some(event),
                _ => None,
            })
            .collect();
        assert!(matches!(events[0], s::Event::WeightsCommitted(..)), "{events:?}");
        assert!(matches!(events[1], s::Event::BatchCompletedWithErrors), "{events:?}");
        assert!(matches!(events[2], s::Event::BatchWeightItemFailed(NOWHERE, _)), "{events:?}");
        assert!(matches!(&events[3], s::Event::BatchWeightsCompleted(all, _) if *all == netuids), "{events:?}");
    });
}
