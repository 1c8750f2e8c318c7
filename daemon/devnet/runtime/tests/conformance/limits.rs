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
        s::CommitRevealWeightsEnabled::<Runtime>::insert(FIRST, false);
        expect("hotkey", commit(FIRST, 1), "CommitRevealDisabled");
        s::CommitRevealWeightsEnabled::<Runtime>::insert(FIRST, true);
        expect("hotkey", commit(NOWHERE, 1), "MechanismDoesNotExist");
        let mechanism = Call::commit_mechanism_weights { netuid: FIRST, mecid: 1, commit_hash: hash(1) };
        expect("hotkey", mechanism, "MechanismDoesNotExist");
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

#[test]
fn timelocked_commits_have_a_version_and_a_queue() {
    on_a_chain(|| {
        let commit = |commit_reveal_version| Call::commit_timelocked_weights {
            netuid: FIRST,
            commit: vec![1; 300].try_into().unwrap(),
            reveal_round: 9,
            commit_reveal_version,
        };
        register(FIRST, "hotkey");
        System::set_block_number(101);
        s::WeightsSetRateLimit::<Runtime>::insert(FIRST, 0);
        expect("hotkey", commit(3), "IncorrectCommitRevealVersion");
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
