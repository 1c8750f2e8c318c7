//! Fees in alpha: who has no TAO for the fee of a call that moves or sells stake pays it out of that stake.

use btd_devnet_runtime::{
    Balances, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin, SubtensorModule, System, TransactionPayment, UNIT,
    extensions::ChargeTransactionPayment, fee_recipient,
};
use frame_support::{
    assert_ok,
    dispatch::{DispatchInfo, GetDispatchInfo, Pays},
};
use sp_runtime::{
    traits::DispatchTransaction,
    transaction_validity::{InvalidTransaction, TransactionSource, TransactionValidityError},
};

use super::{AccountId, by, key, on_a_chain, s};

/// A coldkey with stake behind two hotkeys of a started subnet and 1,000 rao.
fn staker() -> AccountId {
    assert_ok!(SubtensorModule::register_network(by("Bob"), key("owner")));
    assert_ok!(SubtensorModule::start_call(by("Bob"), 2));
    assert_ok!(SubtensorModule::try_associate_hotkey(by("Bob"), key("other")));
    let staker = key("staker");
    assert_ok!(Balances::force_set_balance(RuntimeOrigin::root(), staker.clone().into(), 100 * UNIT));
    for hotkey in ["owner", "other"] {
        assert_ok!(SubtensorModule::add_stake(by("staker"), key(hotkey), 2, 10 * UNIT));
    }
    assert_ok!(Balances::force_set_balance(RuntimeOrigin::root(), staker.clone().into(), 1_000));
    System::reset_events();
    staker
}

fn recycle(hotkey: &str) -> RuntimeCall {
    RuntimeCall::SubtensorModule(s::Call::recycle_alpha { hotkey: key(hotkey), amount: UNIT, netuid: 2 })
}

fn fee(call: &RuntimeCall) -> u64 {
    TransactionPayment::compute_fee(100, &call.get_dispatch_info(), 0)
}

fn pay(call: RuntimeCall) -> Result<(), TransactionValidityError> {
    let info: DispatchInfo = call.get_dispatch_info();
    let extension = ChargeTransactionPayment::from(0);
    extension.dispatch_transaction(by("staker"), call, &info, 100, 0).map(|result| assert!(result.is_ok()))
}

#[test]
fn alpha_is_sold_for_the_author() {
    on_a_chain(|| {
        let staker = staker();
        let call = recycle("owner");
        let price = SubtensorModule::alpha_price(2);
        let worth = u64::try_from(u128::from(fee(&call)) * u128::from(UNIT) / u128::from(price)).unwrap();
        let held = SubtensorModule::stake(&key("owner"), &staker, 2);
        let author = Balances::free_balance(fee_recipient());
        assert_ok!(pay(call));
        let paid = held - UNIT - SubtensorModule::stake(&key("owner"), &staker, 2);
        assert!(paid.abs_diff(worth) <= 1, "{paid} of {worth}");
        let tao = Balances::free_balance(fee_recipient()) - author;
        assert!(tao > 0);
        assert_eq!(Balances::free_balance(&staker), 1_000);
        let told = s::Event::TransactionFeePaidWithAlpha { who: staker, netuid: 2, alpha_fee: paid, tao_amount: tao };
        let told = RuntimeEvent::SubtensorModule(told);
        assert!(System::events().into_iter().any(|record| record.event == told));
    });
}

#[test]
fn fees_are_paid_in_tao_as_long_as_there_is_any() {
    on_a_chain(|| {
        let staker = staker();
        assert_ok!(Balances::force_set_balance(RuntimeOrigin::root(), staker.clone().into(), UNIT));
        let held = SubtensorModule::stake(&key("owner"), &staker, 2);
        assert_ok!(pay(recycle("owner")));
        assert_eq!(SubtensorModule::stake(&key("owner"), &staker, 2), held - UNIT);
        assert!(Balances::free_balance(&staker) < UNIT);
    });
}

#[test]
fn a_fee_that_takes_the_price_below_the_least_is_not_paid() {
    on_a_chain(|| {
        let staker = staker();
        let pool = |tao, alpha| {
            s::SubnetTAO::<Runtime>::insert(2, tao);
            s::SubnetAlphaIn::<Runtime>::insert(2, alpha);
        };
        let balance = |tao: u64| {
            assert_ok!(Balances::force_set_balance(RuntimeOrigin::root(), staker.clone().into(), tao));
        };
        balance(100 * UNIT);
        pool(1_000 * UNIT, 1_000_000 * UNIT);
        assert_ok!(SubtensorModule::add_stake(by("staker"), key("owner"), 2, 10 * UNIT));
        balance(1_000);
        // Just above a millionth of a TAO a fee is worth a good part of the pool.
        pool(2_005_000, 2_000 * UNIT);
        let refused = Err(TransactionValidityError::Invalid(InvalidTransaction::Payment));
        assert_eq!(pay(recycle("owner")), refused);
        pool(1_000 * UNIT, 1_000_000 * UNIT);
        assert_ok!(pay(recycle("owner")));
    });
}

#[test]
fn one_position_pays_and_only_for_calls_that_move_it() {
    on_a_chain(|| {
        staker();
        let refused = Err(TransactionValidityError::Invalid(InvalidTransaction::Payment));
        let ask = |call: RuntimeCall| {
            let info = call.get_dispatch_info();
            ChargeTransactionPayment::from(0)
                .validate_only(by("staker"), &call, &info, 100, TransactionSource::External, 0)
                .map(|_| ())
        };
        assert_eq!(ask(RuntimeCall::System(frame_system::Call::remark { remark: vec![] })), refused);
        assert_eq!(
            ask(RuntimeCall::SubtensorModule(s::Call::lock_stake { hotkey: key("owner"), netuid: 2, amount: 1 })),
            refused
        );
        assert_eq!(ask(recycle("owner")), Ok(()));
        assert_eq!(ask(recycle("nobody")), refused, "nothing is held there");
        // A batch is looked into, and must name one position.
        let batch = |calls| RuntimeCall::Utility(btd_devnet_runtime::utility::Call::batch { calls });
        assert_eq!(ask(batch(vec![recycle("owner")])), Ok(()));
        assert_eq!(ask(batch(vec![recycle("owner"), recycle("other")])), refused);
        let proxied = |call| {
            let (real, call) = (key("staker").into(), Box::new(call));
            RuntimeCall::Proxy(btd_devnet_runtime::proxy::Call::proxy { real, force_proxy_type: None, call })
        };
        assert_eq!(ask(proxied(batch(vec![recycle("owner")]))), Ok(()));
        assert_eq!(ask(proxied(proxied(batch(vec![recycle("owner")])))), refused, "two wrappers are looked into");
        let everything = |hotkey: &str| RuntimeCall::SubtensorModule(s::Call::unstake_all { hotkey: key(hotkey) });
        assert_eq!(ask(everything("owner")), Ok(()));
        assert!(s::SubtokenEnabled::<Runtime>::get(2));
    });
}

#[test]
fn batches_of_calls_that_cost_nothing_cost_nothing() {
    on_a_chain(|| {
        let free = || RuntimeCall::SubtensorModule(s::Call::decrease_take { hotkey: key("owner"), take: 1 });
        let dear = || RuntimeCall::System(frame_system::Call::remark { remark: vec![] });
        let batches = |calls: Vec<RuntimeCall>| {
            [
                btd_devnet_runtime::utility::Call::batch { calls: calls.clone() },
                btd_devnet_runtime::utility::Call::batch_all { calls: calls.clone() },
                btd_devnet_runtime::utility::Call::force_batch { calls },
            ]
            .map(|call| RuntimeCall::Utility(call).get_dispatch_info().pays_fee)
        };
        assert_eq!(batches(vec![]), [Pays::No; 3]);
        assert_eq!(batches(vec![free(), free()]), [Pays::No; 3]);
        assert_eq!(batches(vec![free(), dear()]), [Pays::Yes; 3]);
    });
}
