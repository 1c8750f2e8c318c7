//! Commitments that hotkeys publish, and their fields that the beacon opens.

use btd_devnet_runtime::{
    Commitments, Runtime, RuntimeEvent, RuntimeOrigin, SubtensorModule, System,
    commitments::{self, CommitmentInfo, Data},
    subtensor::types::NetUid,
};
use codec::Encode;
use frame_support::{assert_noop, assert_ok, traits::Hooks};
use sp_runtime::DispatchError;

use super::{
    Error, FIRST,
    beacon::{events, sealed, write},
    by, key, on_a_chain, register, s,
};

pub(super) fn publish(hotkey: &str, netuid: NetUid, fields: Vec<Data>) -> frame_support::dispatch::DispatchResult {
    let info = CommitmentInfo { fields: fields.try_into().unwrap() };
    Commitments::set_commitment(by(hotkey), netuid, Box::new(info))
}

fn raw(length: usize) -> Data {
    Data::BigRaw(vec![1; length].try_into().unwrap())
}

#[test]
fn only_hotkeys_of_the_subnet_publish() {
    on_a_chain(|| {
        let refused = commitments::Error::<Runtime>::AccountNotAllowedCommit;
        assert_noop!(publish("miner", FIRST, vec![]), refused);
        register("miner");
        System::reset_events();
        assert_ok!(publish("miner", FIRST, vec![Data::Sha256([3; 32])]));
        let stored = commitments::CommitmentOf::<Runtime>::get(FIRST, key("miner")).unwrap();
        assert_eq!((stored.deposit, stored.block), (0, 1));
        assert_eq!(commitments::LastCommitment::<Runtime>::get(FIRST, key("miner")), Some(1));
        let told = commitments::Event::Commitment { netuid: FIRST, who: key("miner") };
        assert_eq!(events(), [RuntimeEvent::Commitments(told)]);
    });
}

#[test]
fn bytes_are_counted_by_epoch_and_a_hundred_at_least() {
    on_a_chain(|| {
        register("miner");
        let used = || commitments::UsedSpaceOf::<Runtime>::get(FIRST, key("miner")).unwrap().used_space;
        assert_ok!(publish("miner", FIRST, vec![Data::None]));
        assert_eq!(used(), 100);
        assert_ok!(publish("miner", FIRST, vec![raw(512), raw(512), raw(476)]));
        assert_eq!(used(), 1_600);
        assert_ok!(publish("miner", FIRST, vec![raw(512), raw(512), raw(476)]));
        assert_noop!(publish("miner", FIRST, vec![]), commitments::Error::<Runtime>::SpaceLimitExceeded);
        s::SubnetEpochIndex::<Runtime>::insert(FIRST, 1);
        assert_ok!(publish("miner", FIRST, vec![]));
        assert_eq!(used(), 100);
        assert_noop!(Commitments::set_max_space(by("miner"), 150), DispatchError::BadOrigin);
        assert_ok!(Commitments::set_max_space(RuntimeOrigin::root(), 150));
        assert_noop!(publish("miner", FIRST, vec![]), commitments::Error::<Runtime>::SpaceLimitExceeded);
    });
}

#[test]
fn sealed_fields_open_with_their_round_and_the_last_ten_are_kept() {
    on_a_chain(|| {
        register("miner");
        let seal = |round: u64, bytes: &[u8]| Data::TimelockEncrypted {
            encrypted: sealed(round, bytes).try_into().unwrap(),
            reveal_round: round,
        };
        System::reset_events();
        assert_ok!(publish("miner", FIRST, vec![Data::ResetBondsFlag, seal(7, b"first"), seal(8, b"second")]));
        let told = commitments::Event::TimelockCommitment { netuid: FIRST, who: key("miner"), reveal_round: 7 };
        assert_eq!(events(), [RuntimeEvent::Commitments(told)]);
        write(&[7]);
        System::set_block_number(3);
        Commitments::on_initialize(3);
        let told = commitments::Event::CommitmentRevealed { netuid: FIRST, who: key("miner") };
        assert!(events().contains(&RuntimeEvent::Commitments(told)));
        let revealed = || commitments::RevealedCommitments::<Runtime>::get(FIRST, key("miner")).unwrap();
        assert_eq!(revealed(), [(b"first".to_vec(), 3)]);
        assert_eq!(commitments::CommitmentOf::<Runtime>::get(FIRST, key("miner")).unwrap().info.fields.len(), 2);
        assert_eq!(commitments::TimelockedIndex::<Runtime>::get().len(), 1);
        write(&[8]);
        Commitments::on_initialize(3);
        assert_eq!(revealed().len(), 2);
        assert!(commitments::TimelockedIndex::<Runtime>::get().is_empty());
        // A commitment whose fields have all opened or vanished is gone.
        assert_ok!(publish("miner", FIRST, vec![seal(7, b""), seal(7, b"third")]));
        let mut broken = sealed(7, b"broken");
        broken.pop();
        let broken = Data::TimelockEncrypted { encrypted: broken.try_into().unwrap(), reveal_round: 7 };
        Commitments::on_initialize(3);
        assert!(!commitments::CommitmentOf::<Runtime>::contains_key(FIRST, key("miner")));
        assert_eq!(revealed().len(), 3);
        assert_ok!(publish("miner", FIRST, vec![broken]));
        Commitments::on_initialize(3);
        assert_eq!(revealed().len(), 3);
        for number in 0..9_u8 {
            commitments::UsedSpaceOf::<Runtime>::remove(FIRST, key("miner"));
            assert_ok!(publish("miner", FIRST, vec![seal(8, &[number])]));
            Commitments::on_initialize(3);
        }
        assert_eq!(revealed().len(), 10);
        assert_eq!(revealed()[0].0, b"third");
    });
}

#[test]
fn bonds_towards_who_asks_are_forgotten_where_the_subnet_allows_it() {
    on_a_chain(|| {
        let uid = register("miner");
        s::Bonds::<Runtime>::insert(FIRST, 0, vec![(0, 5), (uid, 7)]);
        assert_ok!(publish("miner", FIRST, vec![Data::ResetBondsFlag]));
        assert_eq!(s::Bonds::<Runtime>::get(FIRST, 0).len(), 2);
        s::BondsResetOn::<Runtime>::insert(FIRST, true);
        System::set_block_number(4);
        assert_ok!(publish("miner", FIRST, vec![Data::ResetBondsFlag]));
        assert_eq!(s::Bonds::<Runtime>::get(FIRST, 0), vec![(0, 5)]);
        assert_eq!(commitments::LastBondsReset::<Runtime>::get(FIRST, key("miner")), Some(4));
    });
}

#[test]
fn what_is_published_goes_with_the_subnet_and_shows_in_its_metagraph() {
    on_a_chain(|| {
        assert_ok!(SubtensorModule::register_network(by("Bob"), key("owner")));
        assert_ok!(publish("owner", 2, vec![Data::Keccak256([1; 32])]));
        let shown = SubtensorModule::selective_metagraph(2, &[73]).unwrap().commitments.unwrap();
        let stored = commitments::CommitmentOf::<Runtime>::get(2, key("owner")).unwrap();
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0].1.iter().map(|byte| byte.0).collect::<Vec<u8>>(), stored.encode());
        assert_ok!(SubtensorModule::root_dissolve_network(RuntimeOrigin::root(), 2));
        assert!(!commitments::CommitmentOf::<Runtime>::contains_key(2, key("owner")));
        assert_noop!(
            SubtensorModule::root_dissolve_network(RuntimeOrigin::root(), 2),
            Error::<Runtime>::SubnetNotExists
        );
    });
}
