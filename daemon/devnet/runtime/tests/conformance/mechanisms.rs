//! Weights of mechanisms beside the main one: hidden by a hash, and by a round of the beacon.

use btd_devnet_runtime::{
    Hash, Runtime, SubtensorModule, admin,
    subtensor::{self as s, Call, Event},
};
use codec::Encode;
use frame_support::BoundedVec;

use crate::{FIRST, OK, expect, key, on_a_chain, register, told, wait};

/// Where the second mechanism of the subnet keeps what is its own.
const INDEX: u16 = 4_096 + FIRST;

/// A chain on which `//hotkey` may set weights of two mechanisms, and no epoch ends.
fn on_a_chain_with_two(test: impl FnOnce(u16)) {
    on_a_chain(|| {
        let uid = register(FIRST, "hotkey");
        SubtensorModule::change_mechanisms(FIRST, 2);
        s::Tempo::<Runtime>::insert(FIRST, 0);
        s::WeightsSetRateLimit::<Runtime>::insert(FIRST, 0);
        s::ValidatorPermit::<Runtime>::insert(FIRST, vec![false, true]);
        test(uid);
    });
}

fn reveal(mecid: u8, values: Vec<u16>) -> Call<Runtime> {
    Call::reveal_mechanism_weights { netuid: FIRST, mecid, uids: vec![0, 1], values, salt: vec![3], version_key: 0 }
}

#[test]
fn committed_weights_of_a_mechanism_are_revealed_an_epoch_later() {
    on_a_chain_with_two(|uid| {
        let plain = (key("hotkey"), INDEX, vec![0_u16, 1], vec![1_u16, 2], vec![3_u16], 0_u64);
        let commit_hash: Hash = sp_io::hashing::blake2_256(&plain.encode()).into();
        let commit = |mecid| Call::commit_mechanism_weights { netuid: FIRST, mecid, commit_hash };
        expect("hotkey", commit(2), "MechanismDoesNotExist");
        expect("hotkey", reveal(1, vec![1, 2]), "NoWeightsCommitFound");
        expect("hotkey", commit(1), OK);
        assert!(told(Event::WeightsCommitted(key("hotkey"), INDEX, commit_hash)));
        expect("hotkey", reveal(1, vec![1, 2]), "RevealTooEarly");
        s::SubnetEpochIndex::<Runtime>::insert(FIRST, 1);
        expect("hotkey", reveal(0, vec![1, 2]), "NoWeightsCommitFound");
        expect("hotkey", reveal(1, vec![2, 1]), "InvalidRevealCommitHashNotMatch");
        expect("hotkey", reveal(1, vec![1, 2]), OK);
        assert_eq!(s::Weights::<Runtime>::get(INDEX, uid), vec![(0, 32_768), (1, 65_535)]);
        assert!(s::Weights::<Runtime>::get(FIRST, uid).is_empty(), "the main mechanism has its own");
        assert!(told(Event::WeightsRevealed(key("hotkey"), INDEX, commit_hash)));
        expect("hotkey", reveal(1, vec![1, 2]), "NoWeightsCommitFound");
    });
}

#[test]
fn a_new_mechanism_has_nothing_stored_until_a_neuron_comes() {
    on_a_chain(|| {
        register(FIRST, "first");
        s::MaxAllowedUids::<Runtime>::insert(FIRST, 128);
        let count = |count| admin::Call::<Runtime>::sudo_set_mechanism_count { netuid: FIRST, mechanism_count: count };
        expect("root", count(2), OK);
        let stored = || (s::Incentive::<Runtime>::contains_key(INDEX), s::LastUpdate::<Runtime>::contains_key(INDEX));
        assert_eq!(stored(), (false, false));
        let graph = SubtensorModule::mechagraph(FIRST, 1).unwrap();
        assert_eq!((graph.hotkeys.len(), graph.incentives.len(), graph.last_update.len()), (2, 0, 0));
        let chosen = SubtensorModule::selective_mechagraph(FIRST, 1, &[59, 62]).unwrap();
        assert_eq!((chosen.last_update, chosen.incentives), (Some(vec![]), Some(vec![])));
        wait(4);
        register(FIRST, "second");
        // An incentive for who came alone, and an update for each who is there.
        assert_eq!(s::Incentive::<Runtime>::get(INDEX), [0]);
        assert_eq!(s::LastUpdate::<Runtime>::get(INDEX), [0, 0, 5]);
        assert_eq!(s::LastUpdate::<Runtime>::get(FIRST), [0, 1, 5], "the main mechanism knows them all");
        expect("root", count(1), OK);
        assert_eq!(stored(), (false, false));
    });
}

#[test]
fn who_commits_to_a_new_mechanism_first_gives_the_others_an_update_too() {
    on_a_chain_with_two(|uid| {
        wait(4);
        let commit_hash = Hash::repeat_byte(9);
        expect("hotkey", Call::commit_mechanism_weights { netuid: FIRST, mecid: 1, commit_hash }, OK);
        assert_eq!((uid, s::LastUpdate::<Runtime>::get(INDEX)), (1, vec![0, 5]));
        assert!(!s::Incentive::<Runtime>::contains_key(INDEX), "only an epoch tells who earned what");
    });
}

#[test]
fn timelocked_weights_of_a_mechanism_wait_in_a_queue_of_their_own() {
    on_a_chain_with_two(|_| {
        let commit = || BoundedVec::truncate_from(vec![1, 2, 3]);
        let timelocked = |mecid, commit_reveal_version| Call::commit_timelocked_mechanism_weights {
            netuid: FIRST,
            mecid,
            commit: commit(),
            reveal_round: 9,
            commit_reveal_version,
        };
        let older =
            |mecid| Call::commit_crv3_mechanism_weights { netuid: FIRST, mecid, commit: commit(), reveal_round: 9 };
        expect("hotkey", timelocked(1, 3), "IncorrectCommitRevealVersion");
        expect("hotkey", timelocked(2, 3), "MechanismDoesNotExist");
        expect("hotkey", timelocked(2, 4), "MechanismDoesNotExist");
        expect("hotkey", older(2), "MechanismDoesNotExist");
        expect("nobody", timelocked(1, 4), "HotKeyNotRegisteredInSubNet");
        expect("hotkey", timelocked(1, 4), OK);
        expect("hotkey", older(1), OK);
        let hash: Hash = sp_io::hashing::blake2_256(&[1, 2, 3]).into();
        assert!(told(Event::TimelockedWeightsCommitted(key("hotkey"), INDEX, hash, 9)));
        assert_eq!(s::TimelockedWeightCommits::<Runtime>::get(INDEX, 0).len(), 2);
        assert!(s::TimelockedWeightCommits::<Runtime>::get(FIRST, 0).is_empty());
        for _ in 2..10 {
            expect("hotkey", timelocked(1, 4), OK);
        }
        expect("hotkey", timelocked(1, 4), "TooManyUnrevealedCommits");
        expect("hotkey", older(1), "TooManyUnrevealedCommits");
        s::CommitRevealWeightsEnabled::<Runtime>::insert(FIRST, false);
        expect("hotkey", older(1), "CommitRevealDisabled");
    });
}
