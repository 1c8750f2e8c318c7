//! What the pool refuses before dispatch, and with which code.

use btd_devnet_runtime::{
    Hash, Runtime, RuntimeCall, System,
    drand::{self, PulsesPayload},
    extensions::{DrandPriority, SubtensorTransactionExtension},
    subtensor::{self as s, Call, types::ROOT},
    utility,
};
use frame_support::dispatch::GetDispatchInfo;
use sp_runtime::{
    MultiSigner,
    traits::{TransactionExtension, TxBaseImplication},
    transaction_validity::{InvalidTransaction, TransactionSource, TransactionValidityError},
};

use crate::{FIRST, NOWHERE, expect, key, on_a_chain, on_a_subnet, origin, register, wait};

/// The code with which the pool refuses the call, if it does.
fn code(by: &str, call: impl Into<RuntimeCall>) -> Option<u8> {
    let call = call.into();
    let info = call.get_dispatch_info();
    let implication = TxBaseImplication(());
    let source = TransactionSource::External;
    match SubtensorTransactionExtension.validate(origin(by), &call, &info, 0, (), &implication, source) {
        Ok(_) => None,
        Err(TransactionValidityError::Invalid(InvalidTransaction::Custom(code))) => Some(code),
        Err(error) => panic!("{error:?}"),
    }
}

#[track_caller]
fn refused(by: &str, call: impl Into<RuntimeCall>, wanted: u8) {
    assert_eq!(code(by, call), Some(wanted));
}

#[track_caller]
fn admitted(by: &str, call: impl Into<RuntimeCall>) {
    assert_eq!(code(by, call), None);
}

fn set_weights(netuid: u16) -> Call<Runtime> {
    Call::set_weights { netuid, dests: vec![0], weights: vec![1], version_key: 0 }
}

#[test]
fn signed_pulses_go_first() {
    on_a_chain(|| {
        let priority = |call: RuntimeCall| {
            let info = call.get_dispatch_info();
            let (implication, source) = (TxBaseImplication(()), TransactionSource::External);
            let told = DrandPriority.validate(origin("hotkey"), &call, &info, 0, (), &implication, source);
            told.unwrap().0.priority
        };
        let public = MultiSigner::Sr25519([1; 32].into());
        let pulses_payload = PulsesPayload { block_number: 1, pulses: Vec::new(), public };
        assert_eq!(priority(drand::Call::write_pulse { pulses_payload, signature: None }.into()), 10_000);
        assert_eq!(priority(set_weights(FIRST).into()), 0);
    });
}

#[test]
fn weights_of_the_poor_are_code_1_and_of_the_hasty_code_6() {
    on_a_chain(|| {
        s::StakeThreshold::<Runtime>::put(1);
        let commit = || Call::commit_weights { netuid: FIRST, commit_hash: Hash::zero() };
        refused("hotkey", set_weights(FIRST), 1);
        refused("hotkey", commit(), 1);
        s::StakeThreshold::<Runtime>::put(0);
        register(FIRST, "hotkey");
        // With commit-reveal on the rate of open weights is not looked at: dispatch refuses them.
        admitted("hotkey", set_weights(FIRST));
        refused("hotkey", commit(), 6);
        s::CommitRevealWeightsEnabled::<Runtime>::insert(FIRST, false);
        refused("hotkey", set_weights(FIRST), 6);
        wait(100);
        admitted("hotkey", set_weights(FIRST));
        admitted("hotkey", commit());
    });
}

#[test]
fn reveals_without_commit_are_code_16_and_out_of_their_window_code_17() {
    on_a_chain(|| {
        register(FIRST, "hotkey");
        s::Tempo::<Runtime>::insert(FIRST, 0);
        s::WeightsSetRateLimit::<Runtime>::insert(FIRST, 0);
        let reveal =
            || Call::reveal_weights { netuid: FIRST, uids: vec![0], values: vec![1], salt: vec![1], version_key: 0 };
        refused("hotkey", reveal(), 16);
        let plain = codec::Encode::encode(&(key("hotkey"), FIRST, vec![0_u16], vec![1_u16], vec![1_u16], 0_u64));
        let commit_hash = sp_io::hashing::blake2_256(&plain).into();
        expect("hotkey", Call::commit_weights { netuid: FIRST, commit_hash }, crate::OK);
        refused("hotkey", reveal(), 17);
        s::SubnetEpochIndex::<Runtime>::insert(FIRST, 1);
        admitted("hotkey", reveal());
        s::SubnetEpochIndex::<Runtime>::insert(FIRST, 2);
        refused("hotkey", reveal(), 17);
    });
}

#[test]
fn a_batch_of_reveals_is_looked_up_as_a_whole_before_its_time_is_asked() {
    on_a_chain(|| {
        register(FIRST, "hotkey");
        s::Tempo::<Runtime>::insert(FIRST, 0);
        s::WeightsSetRateLimit::<Runtime>::insert(FIRST, 0);
        let plain = codec::Encode::encode(&(key("hotkey"), FIRST, vec![0_u16], vec![1_u16], vec![1_u16], 0_u64));
        let commit_hash = sp_io::hashing::blake2_256(&plain).into();
        expect("hotkey", Call::commit_weights { netuid: FIRST, commit_hash }, crate::OK);
        let batch = |salts: &[u16]| Call::batch_reveal_weights {
            netuid: FIRST,
            uids_list: vec![vec![0]; salts.len()],
            values_list: vec![vec![1]; salts.len()],
            salts_list: salts.iter().map(|salt| vec![*salt]).collect(),
            version_keys: vec![0; salts.len()],
        };
        // The same stands before a call inside another one.
        let within = |call: Call<Runtime>| utility::Call::batch_all { calls: vec![call.into()] };
        // The first was committed and is too early; the second was not.
        refused("hotkey", batch(&[1, 2]), 16);
        expect("hotkey", within(batch(&[1, 2])), "NoWeightsCommitFound");
        refused("hotkey", batch(&[1]), 17);
        expect("hotkey", within(batch(&[1])), "RevealTooEarly");
        s::SubnetEpochIndex::<Runtime>::insert(FIRST, 1);
        admitted("hotkey", batch(&[1]));
        // Stake is asked of a batch in which there is nothing, too.
        admitted("hotkey", batch(&[]));
        s::StakeThreshold::<Runtime>::put(1);
        refused("hotkey", batch(&[]), 1);
    });
}

#[test]
fn batches_of_unequal_length_are_code_18() {
    on_a_chain(|| {
        let netuids = || vec![codec::Compact(FIRST)];
        refused("hotkey", Call::batch_commit_weights { netuids: netuids(), commit_hashes: vec![] }, 18);
        refused(
            "hotkey",
            Call::batch_set_weights { netuids: netuids(), weights: vec![], version_keys: vec![codec::Compact(0)] },
            18,
        );
        let reveals = Call::batch_reveal_weights {
            netuid: FIRST,
            uids_list: vec![vec![]],
            values_list: vec![],
            salts_list: vec![],
            version_keys: vec![],
        };
        refused("hotkey", reveals, 18);
    });
}

#[test]
fn takes_are_codes_26_27_4_and_25() {
    on_a_chain(|| {
        s::MinDelegateTake::<Runtime>::put(10);
        let calls: [fn(u16) -> Call<Runtime>; 2] = [
            |take| Call::increase_take { hotkey: key("hotkey"), take },
            |take| Call::decrease_take { hotkey: key("hotkey"), take },
        ];
        for call in calls {
            refused("Bob", call(9), 26);
            refused("Bob", call(11_797), 27);
            refused("Bob", call(11_796), 4);
        }
        expect("Charlie", Call::try_associate_hotkey { hotkey: key("hotkey") }, crate::OK);
        for call in calls {
            refused("Bob", call(11_796), 25);
            admitted("Charlie", call(11_796));
        }
    });
}

#[test]
fn serving_is_codes_10_11_12_13_and_255() {
    on_a_chain(|| {
        let axon = |ip, ip_type, port| Call::serve_axon {
            netuid: FIRST,
            version: 1,
            ip,
            port,
            ip_type,
            protocol: 4,
            placeholder1: 0,
            placeholder2: 0,
        };
        refused("hotkey", axon(0x0a00_0001, 4, 1), 10);
        register(FIRST, "hotkey");
        refused("hotkey", axon(0x0a00_0001, 5, 1), 255);
        refused("hotkey", axon(0x7f00_0001, 4, 1), 11);
        refused("hotkey", axon(0x0a00_0001, 4, 0), 13);
        expect("hotkey", axon(0x0a00_0001, 4, 1), crate::OK);
        refused("hotkey", axon(0x0a00_0001, 4, 0), 12);
        let prometheus = |ip| Call::serve_prometheus { netuid: FIRST, version: 1, ip, port: 1, ip_type: 4 };
        refused("hotkey", prometheus(0), 11);
        refused("nobody", prometheus(7), 10);
        admitted("hotkey", prometheus(7));
    });
}

#[test]
fn hasty_subnets_are_code_6_unless_they_come_with_an_identity() {
    on_a_subnet(|| {
        s::NetworkRateLimit::<Runtime>::put(100);
        refused("Bob", Call::register_network { hotkey: key("hotkey") }, 6);
        admitted("Bob", Call::register_network_with_identity { hotkey: key("hotkey"), identity: None });
        wait(100);
        admitted("Bob", Call::register_network { hotkey: key("hotkey") });
    });
}

#[test]
fn an_announced_exchange_lets_few_calls_through() {
    on_a_chain(|| {
        let new_coldkey_hash = Hash::repeat_byte(1);
        expect("Bob", Call::announce_coldkey_swap { new_coldkey_hash }, crate::OK);
        let of_the_exchange = || -> Vec<RuntimeCall> {
            vec![
                Call::announce_coldkey_swap { new_coldkey_hash }.into(),
                Call::swap_coldkey_announced { new_coldkey: key("new") }.into(),
                Call::dispute_coldkey_swap {}.into(),
                Call::clear_coldkey_swap_announcement {}.into(),
                btd_devnet_runtime::shield::Call::submit_encrypted { ciphertext: vec![0; 42].try_into().unwrap() }
                    .into(),
            ]
        };
        let others = || -> Vec<RuntimeCall> {
            vec![
                Call::add_stake { hotkey: key("hotkey"), netuid: ROOT, amount_staked: 1 }.into(),
                frame_system::Call::remark { remark: vec![] }.into(),
                pallet_balances::Call::transfer_all { dest: key("Eve").into(), keep_alive: true }.into(),
            ]
        };
        for call in of_the_exchange() {
            admitted("Bob", call);
        }
        for call in others() {
            refused("Bob", call, 0);
        }
        for call in others() {
            admitted("Charlie", call);
        }
        expect("Bob", Call::dispute_coldkey_swap {}, crate::OK);
        of_the_exchange().into_iter().chain(others()).for_each(|call| refused("Bob", call, 21));
    });
}

#[test]
fn work_is_looked_at_before_it_enters() {
    on_a_chain(|| {
        System::set_block_number(9);
        let register =
            |netuid| Call::pow_register { netuid, work_block: 9, nonce: 0, work: [0; 32], hotkey: key("hotkey") };
        refused("Bob", register(NOWHERE), 3);
        refused("Bob", register(FIRST), 255);
    });
}
