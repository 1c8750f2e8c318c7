//! What stands before every dispatch, also of calls inside other calls.

use btd_devnet_runtime::{
    Balances, Hash, Multisig, Proxy, Runtime, RuntimeCall, RuntimeEvent, Scheduler, System,
    guards::Guarded,
    proxy::{self, ProxyType},
    subtensor::{self as s, Call, Error},
    utility,
};
use frame_support::{BoundedVec, assert_ok, traits::Hooks};
use sp_runtime::{DispatchError, DispatchResult};

use crate::{FIRST, OK, SUBNET, answer, expect, give, key, on_a_chain, on_a_subnet, origin, register, wait};

fn transfer(to: &str) -> RuntimeCall {
    pallet_balances::Call::transfer_keep_alive { dest: key(to).into(), value: 1_000_000 }.into()
}

fn together(calls: Vec<RuntimeCall>) -> RuntimeCall {
    utility::Call::batch_all { calls }.into()
}

fn proxied(real: &str, call: RuntimeCall) -> RuntimeCall {
    proxy::Call::proxy { real: key(real).into(), force_proxy_type: None, call: Box::new(call) }.into()
}

/// Lets `delegate` do anything for `real`.
fn entrust(real: &str, delegate: &str) {
    assert_ok!(Proxy::add_proxy(origin(real), key(delegate).into(), ProxyType::Any, 0));
}

fn announce_exchange(who: &str) {
    expect(who, Call::announce_coldkey_swap { new_coldkey_hash: Hash::repeat_byte(1) }, OK);
}

/// How the last call in the name of the account went.
fn last(real: &str) -> Option<DispatchResult> {
    proxy::LastCallResult::<Runtime>::get(key(real))
}

fn refused(error: impl Into<DispatchError>) -> DispatchError {
    // As stored: the name of an error stays on this side.
    let error = codec::Encode::encode(&error.into());
    codec::Decode::decode(&mut &error[..]).unwrap()
}

#[test]
fn an_announced_exchange_binds_proxies() {
    on_a_chain(|| {
        entrust("Bob", "Charlie");
        expect("Charlie", proxied("Bob", transfer("Eve")), OK);
        assert_eq!(last("Bob"), Some(Ok(())));
        // It is told within the block alone.
        Proxy::on_finalize(System::block_number());
        assert_eq!(last("Bob"), None);
        announce_exchange("Bob");
        let before = Balances::free_balance(key("Bob"));
        // The call of the proxy succeeds, and tells that the other one did not.
        expect("Charlie", proxied("Bob", transfer("Eve")), OK);
        assert_eq!(last("Bob"), Some(Err(refused(Error::<Runtime>::ColdkeySwapAnnounced))));
        assert_eq!(Balances::free_balance(key("Bob")), before);
        expect("Charlie", proxied("Bob", Call::dispute_coldkey_swap {}.into()), OK);
        assert_eq!(last("Bob"), Some(Ok(())));
        for call in [transfer("Eve"), Call::clear_coldkey_swap_announcement {}.into()] {
            expect("Charlie", proxied("Bob", call), OK);
            assert_eq!(last("Bob"), Some(Err(refused(Error::<Runtime>::ColdkeySwapDisputed))));
        }
        assert_eq!(Balances::free_balance(key("Bob")), before);
    });
}

#[test]
fn an_announced_exchange_binds_proxies_of_proxies() {
    on_a_chain(|| {
        entrust("Bob", "Charlie");
        entrust("Charlie", "Dave");
        announce_exchange("Bob");
        expect("Dave", proxied("Charlie", proxied("Bob", transfer("Eve"))), OK);
        assert_eq!(
            (last("Charlie"), last("Bob")),
            (Some(Ok(())), Some(Err(refused(Error::<Runtime>::ColdkeySwapAnnounced))))
        );
        // Who only acts is not bound by what the account he acts for has announced.
        expect("Charlie", transfer("Eve"), OK);
    });
}

#[test]
fn filters_come_before_guards() {
    on_a_chain(|| {
        assert_ok!(Proxy::add_proxy(origin("Bob"), key("Charlie").into(), ProxyType::Staking, 0));
        announce_exchange("Bob");
        expect("Charlie", proxied("Bob", transfer("Eve")), OK);
        assert_eq!(last("Bob"), Some(Err(refused(frame_system::Error::<Runtime>::CallFiltered))));
    });
}

#[test]
fn weights_inside_a_batch_need_stake() {
    on_a_chain(|| {
        register(FIRST, "hotkey");
        wait(100);
        s::StakeThreshold::<Runtime>::put(1);
        let commit = || -> RuntimeCall { Call::commit_weights { netuid: FIRST, commit_hash: Hash::zero() }.into() };
        let set = || -> RuntimeCall {
            Call::set_weights { netuid: FIRST, dests: vec![0], weights: vec![1], version_key: 0 }.into()
        };
        // Stake comes before the question whether weights must be hidden.
        for call in [commit(), set()] {
            expect("hotkey", together(vec![call]), "NotEnoughStakeToSetWeights");
        }
        expect("hotkey", RuntimeCall::from(utility::Call::batch { calls: vec![commit()] }), OK);
        let interrupted = System::events().into_iter().any(|record| {
            let error = DispatchError::from(Error::<Runtime>::NotEnoughStakeToSetWeights);
            record.event == RuntimeEvent::Utility(utility::Event::BatchInterrupted { index: 0, error })
        });
        assert!(interrupted && !s::WeightCommits::<Runtime>::contains_key(FIRST, key("hotkey")));
        s::StakeThreshold::<Runtime>::put(0);
        expect("hotkey", together(vec![set()]), "CommitRevealEnabled");
        expect("hotkey", together(vec![commit()]), OK);
        expect("hotkey", together(vec![commit()]), "CommittingWeightsTooFast");
    });
}

#[test]
fn timelocked_weights_inside_a_batch_name_a_round_to_come() {
    on_a_chain(|| {
        register(FIRST, "hotkey");
        wait(100);
        btd_devnet_runtime::drand::LastStoredRound::<Runtime>::put(7);
        let commit = |reveal_round| -> RuntimeCall {
            let commit = BoundedVec::truncate_from(vec![1, 2, 3]);
            Call::commit_timelocked_weights { netuid: FIRST, commit, reveal_round, commit_reveal_version: 4 }.into()
        };
        expect("hotkey", together(vec![commit(6)]), "InvalidRevealRound");
        expect("hotkey", together(vec![commit(7)]), OK);
    });
}

#[test]
fn other_calls_inside_a_batch_are_checked_as_in_the_pool() {
    on_a_subnet(|| {
        s::NetworkRateLimit::<Runtime>::put(100);
        expect(
            "Bob",
            together(vec![Call::register_network { hotkey: key("new") }.into()]),
            "NetworkTxRateLimitExceeded",
        );
        let lists = Call::batch_commit_weights { netuids: vec![codec::Compact(SUBNET)], commit_hashes: vec![] };
        expect("owner", together(vec![lists.into()]), "InputLengthsUnequal");
        let take = Call::increase_take { hotkey: key("nobody"), take: 1 };
        expect("Bob", together(vec![take.into()]), "HotKeyAccountNotExists");
        // A derived account is a signer like any other.
        let derived = pallet_utility::derivative_account_id(key("Bob"), 0);
        s::ColdkeySwapAnnouncements::<Runtime>::insert(&derived, (9, Hash::zero()));
        let call = Box::new(frame_system::Call::remark { remark: vec![] }.into());
        expect("Bob", RuntimeCall::from(utility::Call::as_derivative { index: 0, call }), "ColdkeySwapAnnounced");
    });
}

#[test]
fn multisigs_are_checked_as_the_account_they_sign_for() {
    on_a_chain(|| {
        let mut signatories = vec![key("Bob"), key("Charlie")];
        signatories.sort();
        let together = Multisig::multi_account_id(&signatories, 2);
        let alone = Multisig::multi_account_id(&signatories, 1);
        for account in [&together, &alone] {
            let gift =
                pallet_balances::Call::transfer_keep_alive { dest: account.clone().into(), value: 10_000_000_000 };
            expect("Bob", RuntimeCall::from(gift), OK);
            s::ColdkeySwapAnnouncements::<Runtime>::insert(account, (9, Hash::zero()));
        }
        let call = Box::new(Guarded::from(transfer("Eve")));
        let of_one =
            pallet_multisig::Call::as_multi_threshold_1 { other_signatories: vec![key("Charlie")], call: call.clone() };
        assert_eq!(answer("Bob", of_one), "ColdkeySwapAnnounced");
        let of_two = |other: &str, maybe_timepoint| pallet_multisig::Call::as_multi {
            threshold: 2,
            other_signatories: vec![key(other)],
            maybe_timepoint,
            call: call.clone(),
            max_weight: frame_support::weights::Weight::from_parts(1_000_000_000_000, 1_000_000),
        };
        System::set_extrinsic_index(3);
        expect("Bob", RuntimeCall::from(of_two("Charlie", None)), OK);
        let timepoint = Some(pallet_multisig::Timepoint { height: System::block_number(), index: 3 });
        let before = Balances::free_balance(&together);
        expect("Charlie", RuntimeCall::from(of_two("Bob", timepoint)), OK);
        assert_eq!(Balances::free_balance(&together), before);
        let error = DispatchError::from(Error::<Runtime>::ColdkeySwapAnnounced);
        let told = System::events().into_iter().any(|record| {
            matches!(
                record.event,
                RuntimeEvent::Multisig(pallet_multisig::Event::MultisigExecuted { result, .. }) if result == Err(error)
            )
        });
        assert!(told, "the multisig tells why its call failed");
    });
}

#[test]
fn what_root_schedules_in_anothers_name_is_checked_inside() {
    on_a_chain(|| {
        announce_exchange("Bob");
        let as_bob = |call: RuntimeCall| -> RuntimeCall {
            let as_origin = Box::new(frame_system::RawOrigin::Signed(key("Bob")).into());
            utility::Call::dispatch_as { as_origin, call: Box::new(call) }.into()
        };
        let before = Balances::free_balance(key("Eve"));
        // Root is not bound itself, nor is the one call that it makes in a name; what a batch makes in it is.
        for (when, call) in [(5, as_bob(together(vec![transfer("Eve")]))), (6, as_bob(transfer("Eve")))] {
            assert_ok!(Scheduler::schedule(origin("root"), when, None, 0, Box::new(call)));
        }
        System::set_block_number(5);
        Scheduler::on_initialize(5);
        assert_eq!(Balances::free_balance(key("Eve")), before);
        let error = DispatchError::from(Error::<Runtime>::ColdkeySwapAnnounced);
        let told = RuntimeEvent::Utility(utility::Event::DispatchedAs { result: Err(error) });
        assert!(System::events().into_iter().any(|record| record.event == told));
        System::set_block_number(6);
        Scheduler::on_initialize(6);
        assert_eq!(Balances::free_balance(key("Eve")), before + 1_000_000);
    });
}

#[test]
fn a_reveal_that_is_too_late_is_told_as_too_early_before_it_is_made() {
    on_a_chain(|| {
        register(FIRST, "hotkey");
        s::WeightsSetRateLimit::<Runtime>::insert(FIRST, 0);
        s::Tempo::<Runtime>::insert(FIRST, 0);
        let plain = (key("hotkey"), FIRST, vec![0_u16], vec![1_u16], vec![3_u16], 0_u64);
        let commit_hash = sp_io::hashing::blake2_256(&codec::Encode::encode(&plain)).into();
        expect("hotkey", Call::commit_weights { netuid: FIRST, commit_hash }, OK);
        s::SubnetEpochIndex::<Runtime>::insert(FIRST, 2);
        let reveal = || -> RuntimeCall {
            Call::reveal_weights { netuid: FIRST, uids: vec![0], values: vec![1], salt: vec![3], version_key: 0 }.into()
        };
        expect("hotkey", reveal(), "ExpiredWeightCommit");
        expect("hotkey", utility::Call::batch { calls: vec![reveal()] }, OK);
        let error = DispatchError::from(Error::<Runtime>::RevealTooEarly);
        let told = RuntimeEvent::Utility(utility::Event::BatchInterrupted { index: 0, error });
        assert!(System::events().into_iter().any(|record| record.event == told));
    });
}

#[test]
fn crowdloans_make_their_call_as_their_creator() {
    on_a_chain(|| {
        use btd_devnet_runtime::crowdloan;
        give("creator", 1_000);
        let create = crowdloan::Call::create {
            deposit: 20_000_000_000,
            min_contribution: 1_000_000_000,
            cap: 21_000_000_000,
            end: System::block_number() + 100_800,
            call: Some(Box::new(transfer("Eve"))),
            target_address: None,
        };
        expect("creator", create, OK);
        expect("creator", crowdloan::Call::contribute { crowdloan_id: 0, amount: 1_000_000_000 }, OK);
        announce_exchange("creator");
        expect("creator", crowdloan::Call::finalize { crowdloan_id: 0 }, "ColdkeySwapAnnounced");
    });
}
