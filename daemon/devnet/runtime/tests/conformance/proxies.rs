//! Accounts that act for others: deposits, announcements, pure accounts, and who pays.

use btd_devnet_runtime::{
    AccountId, Balances, Proxy, Runtime, RuntimeCall, RuntimeEvent, System,
    extensions::ChargeTransactionPayment,
    proxy::{Announcement, Announcements, Call, Event, LastCallResult, Proxies, ProxyType, RealPaysFee},
    utility,
};
use frame_support::{
    assert_ok,
    dispatch::{GetDispatchInfo, Pays},
};
use pallet_transaction_payment::Val;
use sp_core::H256;
use sp_runtime::{
    traits::{BlakeTwo256, Hash, TransactionExtension, TxBaseImplication},
    transaction_validity::TransactionSource,
};

use crate::{OK, expect, key, on_a_chain, origin, wait};

/// Rao that one proxy costs, and each further one.
const ONE: u64 = 60_000_000 + 33_000_000;
const EACH: u64 = 33_000_000;

fn add(delegate: &str, proxy_type: ProxyType, delay: u32) -> Call<Runtime> {
    Call::add_proxy { delegate: key(delegate).into(), proxy_type, delay }
}

fn remove(delegate: &str, proxy_type: ProxyType, delay: u32) -> Call<Runtime> {
    Call::remove_proxy { delegate: key(delegate).into(), proxy_type, delay }
}

fn proxied(real: &str, call: impl Into<RuntimeCall>) -> RuntimeCall {
    Call::proxy { real: key(real).into(), force_proxy_type: None, call: Box::new(call.into()) }.into()
}

fn transfer(to: &str) -> RuntimeCall {
    pallet_balances::Call::transfer_keep_alive { dest: key(to).into(), value: 1_000_000 }.into()
}

fn reserved(name: &str) -> u64 {
    Balances::reserved_balance(key(name))
}

fn told(event: Event<Runtime>) -> bool {
    let event = RuntimeEvent::Proxy(event);
    System::events().into_iter().any(|record| record.event == event)
}

fn worked(real: &AccountId) -> bool {
    LastCallResult::<Runtime>::get(real) == Some(Ok(()))
}

#[test]
fn proxies_are_added_and_removed_for_a_deposit() {
    on_a_chain(|| {
        expect("Bob", add("Bob", ProxyType::Any, 0), "NoSelfProxy");
        expect("Bob", remove("Charlie", ProxyType::Any, 0), "NotFound");
        expect("Bob", add("Charlie", ProxyType::Any, 0), OK);
        let (delegator, delegatee, proxy_type, delay) = (key("Bob"), key("Charlie"), ProxyType::Any, 0);
        assert!(told(Event::ProxyAdded { delegator, delegatee, proxy_type, delay }));
        assert_eq!(reserved("Bob"), ONE);
        expect("Bob", add("Charlie", ProxyType::Any, 0), "Duplicate");
        expect("Bob", add("Charlie", ProxyType::Staking, 5), OK);
        assert_eq!(reserved("Bob"), ONE + EACH);
        expect("Bob", remove("Charlie", ProxyType::Any, 5), "NotFound");
        expect("Bob", remove("Charlie", ProxyType::Any, 0), OK);
        assert_eq!(reserved("Bob"), ONE);
        expect("Bob", Call::remove_proxies {}, OK);
        assert_eq!(reserved("Bob"), 0);
        assert!(!Proxies::<Runtime>::contains_key(key("Bob")));
        expect("nobody", add("Charlie", ProxyType::Any, 0), "InsufficientBalance");
    });
}

#[test]
fn an_account_has_at_most_twenty_proxies() {
    on_a_chain(|| {
        for delay in 0..20 {
            expect("Bob", add("Charlie", ProxyType::Any, delay), OK);
        }
        expect("Bob", add("Charlie", ProxyType::Any, 20), "TooMany");
    });
}

#[test]
fn proxies_act_within_their_kind() {
    on_a_chain(|| {
        expect("Charlie", proxied("Bob", transfer("Eve")), "NotProxy");
        expect("Bob", add("Charlie", ProxyType::NonTransfer, 0), OK);
        expect("Charlie", proxied("Bob", transfer("Eve")), OK);
        assert!(!worked(&key("Bob")));
        expect("Charlie", proxied("Bob", frame_system::Call::remark { remark: vec![] }), OK);
        assert!(worked(&key("Bob")));
        let other = Call::proxy {
            real: key("Bob").into(),
            force_proxy_type: Some(ProxyType::Any),
            call: Box::new(transfer("Eve")),
        };
        expect("Charlie", other, "NotProxy");
        // Nobody gives away more than he has, or takes it from others.
        for call in [add("Dave", ProxyType::Any, 0), remove("Dave", ProxyType::Transfer, 0), Call::remove_proxies {}] {
            expect("Charlie", proxied("Bob", call), OK);
            assert!(!worked(&key("Bob")));
        }
        expect("Charlie", proxied("Bob", add("Dave", ProxyType::Staking, 0)), OK);
        assert!(worked(&key("Bob")));
    });
}

#[test]
fn delayed_proxies_announce_what_they_mean_to_do() {
    on_a_chain(|| {
        let call_hash = BlakeTwo256::hash_of(&transfer("Eve"));
        let announce = || Call::announce { real: key("Bob").into(), call_hash };
        let announced = || Call::proxy_announced {
            delegate: key("Charlie").into(),
            real: key("Bob").into(),
            force_proxy_type: None,
            call: Box::new(transfer("Eve")),
        };
        expect("Charlie", announce(), "NotProxy");
        expect("Bob", add("Charlie", ProxyType::Any, 10), OK);
        expect("Charlie", proxied("Bob", transfer("Eve")), "Unannounced");
        expect("Eve", announced(), "Unannounced");
        expect("Charlie", announce(), OK);
        assert!(told(Event::Announced { real: key("Bob"), proxy: key("Charlie"), call_hash }));
        assert_eq!(reserved("Charlie"), 36_000_000 + 68_000_000);
        wait(9);
        expect("Eve", announced(), "Unannounced");
        wait(1);
        let before = Balances::free_balance(key("Bob"));
        // Anybody may send it then.
        expect("Eve", announced(), OK);
        assert!(worked(&key("Bob")));
        assert_eq!(before - Balances::free_balance(key("Bob")), 1_000_000);
        assert_eq!(reserved("Charlie"), 0);
        assert!(!Announcements::<Runtime>::contains_key(key("Charlie")));
    });
}

#[test]
fn announcements_are_withdrawn_and_refused() {
    on_a_chain(|| {
        let hash = H256::repeat_byte;
        let announce = |byte| Call::announce { real: key("Bob").into(), call_hash: hash(byte) };
        expect("Bob", add("Charlie", ProxyType::Any, 10), OK);
        for byte in 0..75 {
            expect("Charlie", announce(byte), OK);
        }
        expect("Charlie", announce(75), "TooMany");
        assert_eq!(reserved("Charlie"), 36_000_000 + 75 * 68_000_000);
        let withdraw = || Call::remove_announcement { real: key("Bob").into(), call_hash: hash(0) };
        expect("Charlie", withdraw(), OK);
        expect("Charlie", withdraw(), "NotFound");
        let refuse = || Call::reject_announcement { delegate: key("Charlie").into(), call_hash: hash(1) };
        expect("Eve", refuse(), "NotFound");
        expect("Bob", refuse(), OK);
        let (pending, held) = Announcements::<Runtime>::get(key("Charlie"));
        assert_eq!(pending.len(), 73);
        assert_eq!(pending[0], Announcement { real: key("Bob"), call_hash: hash(2), height: System::block_number() });
        assert_eq!((held, reserved("Charlie")), (36_000_000 + 73 * 68_000_000, held));
    });
}

#[test]
fn pure_accounts_are_made_and_given_up() {
    on_a_chain(|| {
        System::set_extrinsic_index(2);
        let height = System::block_number();
        let make = |index| Call::create_pure { proxy_type: ProxyType::Any, delay: 0, index };
        expect("Bob", make(0), OK);
        expect("Bob", make(0), "Duplicate");
        expect("Bob", make(1), OK);
        assert_eq!(reserved("Bob"), 2 * ONE);
        // Its account follows from who made it, where, and how.
        let entropy = (b"modlpy/proxy____", key("Bob"), height, 2_u32, ProxyType::Any, 0_u16);
        let pure = AccountId::new(sp_io::hashing::blake2_256(&codec::Encode::encode(&entropy)));
        let (who, proxy_type, disambiguation_index) = (key("Bob"), ProxyType::Any, 0);
        assert!(told(Event::PureCreated { pure: pure.clone(), who, proxy_type, disambiguation_index }));
        let as_pure =
            |call: RuntimeCall| Call::proxy { real: pure.clone().into(), force_proxy_type: None, call: Box::new(call) };
        let gift = pallet_balances::Call::transfer_keep_alive { dest: pure.clone().into(), value: 1_000_000_000 };
        expect("Bob", RuntimeCall::from(gift), OK);
        expect("Bob", as_pure(transfer("Eve")), OK);
        assert!(worked(&pure));
        expect("Charlie", as_pure(transfer("Eve")), "NotProxy");
        let kill = |index| Call::kill_pure {
            spawner: key("Bob").into(),
            proxy_type: ProxyType::Any,
            index,
            height,
            ext_index: 2,
        };
        expect("Bob", kill(0), "NoPermission");
        expect("Bob", as_pure(kill(1).into()), OK);
        assert!(!worked(&pure), "it is another one's");
        expect("Bob", as_pure(kill(0).into()), OK);
        let (pure, spawner) = (pure.clone(), key("Bob"));
        assert!(told(Event::PureKilled { pure, spawner, proxy_type, disambiguation_index }));
        assert_eq!(reserved("Bob"), ONE);
        expect("Bob", as_pure(transfer("Eve")), "NotProxy");
    });
}

#[test]
fn deposits_are_settled_anew_for_nothing() {
    on_a_chain(|| {
        let poke = || Proxy::poke_deposit(origin("Bob")).unwrap().pays_fee;
        assert_eq!(poke(), Pays::Yes, "nothing changed");
        expect("Bob", add("Charlie", ProxyType::Any, 0), OK);
        assert_eq!(poke(), Pays::Yes);
        // As if one proxy had cost one rao more.
        Proxies::<Runtime>::mutate(key("Bob"), |(_, held)| *held += 1);
        assert_ok!(<Balances as frame_support::traits::ReservableCurrency<_>>::reserve(&key("Bob"), 1));
        assert_eq!(poke(), Pays::No);
        let (who, kind) = (key("Bob"), pallet_proxy::DepositKind::Proxies);
        assert!(told(Event::DepositPoked { who, kind, old_deposit: ONE + 1, new_deposit: ONE }));
        assert_eq!((Proxies::<Runtime>::get(key("Bob")).1, reserved("Bob")), (ONE, ONE));
    });
}

/// Who would pay for the call.
fn payer(signer: &str, call: &RuntimeCall) -> AccountId {
    let info = call.get_dispatch_info();
    let implication = TxBaseImplication(());
    let extension = ChargeTransactionPayment::from(0);
    let (_, val, after) =
        extension.validate(origin(signer), call, &info, 100, (), &implication, TransactionSource::External).unwrap();
    let signed = frame_system::ensure_signed(after).unwrap();
    assert_eq!(signed, key(signer), "the signer stays who signs");
    match val {
        Val::Charge { who, .. } => who,
        Val::NoCharge => panic!("the call is charged for"),
    }
}

#[test]
fn accounts_pay_for_their_proxies_when_they_say_so() {
    on_a_chain(|| {
        let set = |delegate: &str, pays_fee| Call::set_real_pays_fee { delegate: key(delegate).into(), pays_fee };
        expect("Bob", set("Charlie", true), "NotProxy");
        expect("Bob", add("Charlie", ProxyType::Any, 0), OK);
        let call = proxied("Bob", transfer("Eve"));
        assert_eq!(payer("Charlie", &call), key("Charlie"));
        expect("Bob", set("Charlie", true), OK);
        assert!(told(Event::RealPaysFeeSet { real: key("Bob"), delegate: key("Charlie"), pays_fee: true }));
        assert_eq!(payer("Charlie", &call), key("Bob"));
        assert_eq!(payer("Dave", &call), key("Dave"), "it pays for one proxy");
        assert_eq!(payer("Charlie", &transfer("Eve")), key("Charlie"), "and for calls in its name");
        expect("Bob", set("Charlie", false), OK);
        assert_eq!(payer("Charlie", &call), key("Charlie"));
        // What an account says goes with the proxy.
        expect("Bob", set("Charlie", true), OK);
        expect("Bob", remove("Charlie", ProxyType::Any, 0), OK);
        assert!(!RealPaysFee::<Runtime>::contains_key(key("Bob"), key("Charlie")));
        expect("Bob", add("Charlie", ProxyType::Any, 0), OK);
        expect("Bob", set("Charlie", true), OK);
        expect("Bob", Call::remove_proxies {}, OK);
        assert!(!RealPaysFee::<Runtime>::contains_key(key("Bob"), key("Charlie")));
    });
}

#[test]
fn who_pays_is_looked_for_two_proxies_deep_and_in_batches_in_one_name() {
    on_a_chain(|| {
        RealPaysFee::<Runtime>::insert(key("Bob"), key("Charlie"), ());
        let both = proxied("Bob", proxied("Alice", transfer("Eve")));
        assert_eq!(payer("Charlie", &both), key("Bob"));
        RealPaysFee::<Runtime>::insert(key("Alice"), key("Bob"), ());
        assert_eq!(payer("Charlie", &both), key("Alice"));
        let batch = |reals: &[&str]| {
            let calls = reals.iter().map(|real| proxied(real, transfer("Eve"))).collect();
            proxied("Bob", utility::Call::batch_all { calls })
        };
        assert_eq!(payer("Charlie", &batch(&["Alice", "Alice"])), key("Alice"));
        assert_eq!(payer("Charlie", &batch(&["Alice", "Dave"])), key("Bob"));
        assert_eq!(payer("Charlie", &batch(&[])), key("Bob"));
        // Without the outer account nobody is asked further.
        RealPaysFee::<Runtime>::remove(key("Bob"), key("Charlie"));
        assert_eq!(payer("Charlie", &both), key("Charlie"));
    });
}
