//! Accounts that several keys sign for.

use btd_devnet_runtime::{
    AccountId, Balances, Multisig, Runtime, RuntimeCall, RuntimeEvent, System, guards::Guarded, subtensor as s,
};
use frame_support::{dispatch::Pays, weights::Weight};
use pallet_multisig::{Call, Event, Timepoint};

use crate::{OK, expect, key, on_a_chain, origin, wait};

const BASE: u64 = 132_000_000;
const EACH: u64 = 32_000_000;

fn transfer() -> RuntimeCall {
    pallet_balances::Call::transfer_keep_alive { dest: key("Eve").into(), value: 1_000_000 }.into()
}

fn hash() -> [u8; 32] {
    sp_io::hashing::blake2_256(&codec::Encode::encode(&transfer()))
}

fn sorted(names: &[&str]) -> Vec<AccountId> {
    let mut keys: Vec<AccountId> = names.iter().map(|name| key(name)).collect();
    keys.sort();
    keys
}

fn enough() -> Weight {
    Weight::from_parts(1_000_000_000_000, 1_000_000)
}

fn approve(others: &[&str], maybe_timepoint: Option<Timepoint<u32>>) -> Call<Runtime> {
    let other_signatories = sorted(others);
    Call::approve_as_multi { threshold: 2, other_signatories, maybe_timepoint, call_hash: hash(), max_weight: enough() }
}

fn sign(others: &[&str], maybe_timepoint: Option<Timepoint<u32>>, max_weight: Weight) -> Call<Runtime> {
    let call = Box::new(Guarded::from(transfer()));
    Call::as_multi { threshold: 2, other_signatories: sorted(others), maybe_timepoint, call, max_weight }
}

fn cancel(others: &[&str], timepoint: Timepoint<u32>) -> Call<Runtime> {
    Call::cancel_as_multi { threshold: 2, other_signatories: sorted(others), timepoint, call_hash: hash() }
}

fn here() -> Timepoint<u32> {
    Timepoint { height: System::block_number(), index: 3 }
}

/// The account of two of Bob, Charlie and Dave, with money.
fn on_a_chain_with_an_account(test: impl FnOnce(AccountId)) {
    on_a_chain(|| {
        System::set_extrinsic_index(3);
        let account = Multisig::multi_account_id(&sorted(&["Bob", "Charlie", "Dave"]), 2);
        let gift = pallet_balances::Call::transfer_keep_alive { dest: account.clone().into(), value: 10_000_000_000 };
        expect("Bob", RuntimeCall::from(gift), OK);
        test(account);
    });
}

#[test]
fn the_account_follows_from_its_signatories_and_their_threshold() {
    let keys = sorted(&["Bob", "Charlie", "Dave"]);
    let entropy = (b"modlpy/utilisuba", keys.clone(), 2_u16);
    let account = AccountId::new(sp_io::hashing::blake2_256(&codec::Encode::encode(&entropy)));
    assert_eq!(Multisig::multi_account_id(&keys, 2), account);
    assert_ne!(Multisig::multi_account_id(&keys, 3), account);
}

#[test]
fn the_second_signature_makes_the_call() {
    on_a_chain_with_an_account(|account| {
        let opened = here();
        expect("Bob", approve(&["Charlie", "Dave"], None), OK);
        let call_hash = hash();
        let multisig = account.clone();
        assert_eq!(
            System::events().last().unwrap().event,
            RuntimeEvent::Multisig(Event::NewMultisig { approving: key("Bob"), multisig, call_hash })
        );
        assert_eq!(Balances::reserved_balance(key("Bob")), BASE + 2 * EACH);
        expect("Bob", approve(&["Charlie", "Dave"], Some(opened)), "AlreadyApproved");
        wait(5);
        let before = (Balances::free_balance(&account), Balances::free_balance(key("Eve")));
        expect("Dave", sign(&["Bob", "Charlie"], None, enough()), "NoTimepoint");
        expect("Dave", sign(&["Bob", "Charlie"], Some(here()), enough()), "WrongTimepoint");
        expect("Dave", sign(&["Bob", "Charlie"], Some(opened), Weight::from_parts(1, 1)), "MaxWeightTooLow");
        expect("Dave", sign(&["Bob", "Charlie"], Some(opened), enough()), OK);
        let executed = System::events().into_iter().any(|record| {
            let (approving, multisig) = (key("Dave"), account.clone());
            let executed =
                Event::MultisigExecuted { approving, timepoint: opened, multisig, call_hash, result: Ok(()) };
            record.event == RuntimeEvent::Multisig(executed)
        });
        assert!(executed);
        assert_eq!(Balances::free_balance(&account), before.0 - 1_000_000);
        assert_eq!(Balances::free_balance(key("Eve")), before.1 + 1_000_000);
        assert_eq!(Balances::reserved_balance(key("Bob")), 0, "who opened it has the deposit back");
        assert!(!pallet_multisig::Multisigs::<Runtime>::contains_key(&account, call_hash));
    });
}

#[test]
fn the_list_of_the_others_is_sorted_and_without_the_signer() {
    on_a_chain_with_an_account(|_| {
        let with = |other_signatories: Vec<AccountId>, threshold| {
            let (call_hash, max_weight) = (hash(), enough());
            Call::approve_as_multi { threshold, other_signatories, maybe_timepoint: None, call_hash, max_weight }
        };
        let keys = sorted(&["Charlie", "Dave"]);
        let reversed: Vec<AccountId> = keys.iter().rev().cloned().collect();
        expect("Bob", with(keys.clone(), 1), "MinimumThreshold");
        expect("Bob", with(vec![], 2), "TooFewSignatories");
        expect("Bob", with((0..100).map(|number| key(&format!("key{number}"))).collect(), 2), "TooManySignatories");
        expect("Bob", with(reversed, 2), "SignatoriesOutOfOrder");
        expect("Bob", with(sorted(&["Bob", "Dave"]), 2), "SenderInSignatories");
        expect("Bob", with(keys, 2), OK);
    });
}

#[test]
fn only_who_opened_it_cancels() {
    on_a_chain_with_an_account(|account| {
        let opened = here();
        expect("Bob", cancel(&["Charlie", "Dave"], opened), "NotFound");
        expect("Bob", approve(&["Charlie", "Dave"], Some(opened)), "UnexpectedTimepoint");
        expect("Bob", approve(&["Charlie", "Dave"], None), OK);
        expect("Charlie", cancel(&["Bob", "Dave"], opened), "NotOwner");
        wait(1);
        expect("Bob", cancel(&["Charlie", "Dave"], here()), "WrongTimepoint");
        expect("Bob", cancel(&["Charlie", "Dave"], opened), OK);
        let (cancelling, multisig, call_hash) = (key("Bob"), account, hash());
        assert_eq!(
            System::events().last().unwrap().event,
            RuntimeEvent::Multisig(Event::MultisigCancelled { cancelling, timepoint: opened, multisig, call_hash })
        );
        assert_eq!(Balances::reserved_balance(key("Bob")), 0);
    });
}

#[test]
fn one_of_several_needs_nobody_else() {
    on_a_chain(|| {
        let account = Multisig::multi_account_id(&sorted(&["Bob", "Charlie"]), 1);
        let gift = pallet_balances::Call::transfer_keep_alive { dest: account.clone().into(), value: 10_000_000_000 };
        expect("Bob", RuntimeCall::from(gift), OK);
        let sign = |others: &[&str]| Call::as_multi_threshold_1 {
            other_signatories: sorted(others),
            call: Box::new(Guarded::from(transfer())),
        };
        let before = Balances::free_balance(&account);
        expect("Charlie", sign(&["Bob"]), OK);
        assert_eq!(before - Balances::free_balance(&account), 1_000_000);
        expect("Eve", sign(&["Bob"]), "Token(FundsUnavailable)");
        expect("Bob", sign(&[]), "TooFewSignatories");
    });
}

#[test]
fn only_who_paid_a_deposit_settles_it_anew() {
    on_a_chain_with_an_account(|_| {
        expect("Bob", approve(&["Charlie", "Dave"], None), OK);
        let poke = |who: &str, others: &[&str]| Multisig::poke_deposit(origin(who), 2, sorted(others), hash());
        assert!(poke("Charlie", &["Bob", "Dave"]).is_err(), "another one's");
        assert_eq!(poke("Bob", &["Charlie", "Dave"]).unwrap().pays_fee, Pays::Yes, "nothing changed");
        assert_eq!(Balances::reserved_balance(key("Bob")), BASE + 2 * EACH);
    });
}

#[test]
fn approvals_alone_make_no_call() {
    on_a_chain_with_an_account(|account| {
        let opened = here();
        let before = Balances::free_balance(&account);
        expect("Bob", approve(&["Charlie", "Dave"], None), OK);
        expect("Charlie", approve(&["Bob", "Dave"], Some(opened)), OK);
        let (approving, multisig, call_hash) = (key("Charlie"), account.clone(), hash());
        assert_eq!(
            System::events().last().unwrap().event,
            RuntimeEvent::Multisig(Event::MultisigApproval { approving, timepoint: opened, multisig, call_hash })
        );
        expect("Dave", approve(&["Bob", "Charlie"], Some(opened)), "AlreadyApproved");
        assert_eq!(Balances::free_balance(&account), before);
        // Whoever of them brings the call then makes it, also one who has approved.
        expect("Bob", sign(&["Charlie", "Dave"], Some(opened), enough()), OK);
        assert_eq!(before - Balances::free_balance(&account), 1_000_000);
        // Done is done: the same call begins anew.
        expect("Charlie", sign(&["Bob", "Dave"], Some(opened), enough()), "UnexpectedTimepoint");
    });
}

#[test]
fn the_account_of_the_signatories_signs_the_call() {
    on_a_chain_with_an_account(|account| {
        let (opened, hotkey) = (here(), key("theirs"));
        let call: RuntimeCall = s::Call::try_associate_hotkey { hotkey: hotkey.clone() }.into();
        let sign = |others: &[&str], maybe_timepoint| Call::as_multi {
            threshold: 2,
            other_signatories: sorted(others),
            maybe_timepoint,
            call: Box::new(Guarded::from(call.clone())),
            max_weight: enough(),
        };
        expect("Bob", sign(&["Charlie", "Dave"], None), OK);
        assert!(!s::Owner::<Runtime>::contains_key(&hotkey));
        expect("Charlie", sign(&["Bob", "Dave"], Some(opened)), OK);
        assert_eq!(s::Owner::<Runtime>::get(&hotkey), account);
    });
}

#[test]
fn a_call_that_fails_costs_its_opener_no_deposit() {
    on_a_chain(|| {
        System::set_extrinsic_index(3);
        let account = Multisig::multi_account_id(&sorted(&["Bob", "Charlie", "Dave"]), 2);
        let opened = here();
        expect("Bob", sign(&["Charlie", "Dave"], None, enough()), OK);
        assert_eq!(Balances::reserved_balance(key("Bob")), BASE + 2 * EACH);
        expect("Charlie", sign(&["Bob", "Dave"], Some(opened), enough()), OK);
        let failed = Event::MultisigExecuted {
            approving: key("Charlie"),
            timepoint: opened,
            multisig: account,
            call_hash: hash(),
            result: Err(sp_runtime::TokenError::FundsUnavailable.into()),
        };
        assert_eq!(System::events().last().unwrap().event, RuntimeEvent::Multisig(failed));
        assert_eq!(Balances::reserved_balance(key("Bob")), 0);
        assert_eq!(pallet_multisig::Multisigs::<Runtime>::iter().count(), 0);
    });
}

#[test]
fn the_checks_come_in_order() {
    on_a_chain(|| {
        System::set_extrinsic_index(3);
        let with = |threshold, other_signatories: Vec<AccountId>, maybe_timepoint| Call::as_multi {
            threshold,
            other_signatories,
            maybe_timepoint,
            call: Box::new(Guarded::from(transfer())),
            max_weight: Weight::zero(),
        };
        let many: Vec<AccountId> = (0..100).map(|number| key(&format!("key{number}"))).collect();
        let twice = vec![key("Charlie"), key("Charlie")];
        let with_signer = sorted(&["Bob", "Charlie"]);
        // Each call has what the later ones have wrong too.
        expect("Bob", with(1, vec![], Some(here())), "MinimumThreshold");
        expect("Bob", with(2, vec![], Some(here())), "TooFewSignatories");
        expect("Bob", with(2, many, Some(here())), "TooManySignatories");
        expect("Bob", with(2, twice, Some(here())), "SignatoriesOutOfOrder");
        expect("Bob", with(2, with_signer, Some(here())), "SenderInSignatories");
        expect("Bob", with(2, vec![key("Charlie")], Some(here())), "UnexpectedTimepoint");
        expect("nobody", with(2, vec![key("Charlie")], None), "InsufficientBalance");
        // The weight is looked at when the call is made.
        let opened = here();
        expect("Bob", with(2, vec![key("Charlie")], None), OK);
        wait(1);
        expect("Charlie", with(2, vec![key("Bob")], None), "NoTimepoint");
        expect("Charlie", with(2, vec![key("Bob")], Some(here())), "WrongTimepoint");
        expect("Charlie", with(2, vec![key("Bob")], Some(opened)), "MaxWeightTooLow");
        expect("root", with(2, vec![key("Bob")], Some(opened)), "BadOrigin");
    });
}
