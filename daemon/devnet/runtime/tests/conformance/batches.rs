//! Several calls in one, and calls in another's name: what each way keeps, tells and answers.

use btd_devnet_runtime::{
    AccountId, Balances, Runtime, RuntimeCall, RuntimeEvent, System, UNIT,
    utility::{Call, Event},
};
use frame_support::weights::Weight;
use frame_system::RawOrigin;
use sp_runtime::{DispatchError, TokenError};

use crate::{OK, expect, give, key, on_a_chain};

const GIFT: u64 = 1_000_000;

fn gift() -> RuntimeCall {
    pallet_balances::Call::transfer_keep_alive { dest: key("Eve").into(), value: GIFT }.into()
}

/// A transfer of more TAO than anybody has.
fn failing() -> RuntimeCall {
    pallet_balances::Call::transfer_keep_alive { dest: key("Eve").into(), value: 2_000_000 * UNIT }.into()
}

fn poor() -> DispatchError {
    TokenError::FundsUnavailable.into()
}

/// What the pallet has told since it was last asked.
fn told() -> Vec<Event<Runtime>> {
    let events = System::events();
    System::reset_events();
    let told = events.into_iter().filter_map(|record| match record.event {
        RuntimeEvent::Utility(event) => Some(event),
        _ => None,
    });
    told.collect()
}

/// Makes a call and gives back by how much it made Eve richer.
fn enriches(by: &str, call: Call<Runtime>, wanted: &str) -> u64 {
    System::reset_events();
    let before = Balances::free_balance(key("Eve"));
    expect(by, call, wanted);
    Balances::free_balance(key("Eve")) - before
}

#[test]
fn a_batch_keeps_what_came_before_the_call_that_failed() {
    on_a_chain(|| {
        let calls = vec![gift(), gift(), failing(), gift()];
        assert_eq!(enriches("Bob", Call::batch { calls }, OK), 2 * GIFT);
        let stopped = Event::BatchInterrupted { index: 2, error: poor() };
        assert_eq!(told(), [Event::ItemCompleted, Event::ItemCompleted, stopped]);
        assert_eq!(enriches("Bob", Call::batch { calls: vec![gift()] }, OK), GIFT);
        assert_eq!(told(), [Event::ItemCompleted, Event::BatchCompleted]);
        assert_eq!(enriches("Bob", Call::batch { calls: vec![] }, OK), 0);
        assert_eq!(told(), [Event::BatchCompleted]);
    });
}

#[test]
fn a_batch_of_all_keeps_all_or_nothing() {
    on_a_chain(|| {
        let calls = vec![gift(), failing(), gift()];
        assert_eq!(enriches("Bob", Call::batch_all { calls }, "Token(FundsUnavailable)"), 0);
        assert_eq!(told(), []);
        assert_eq!(enriches("Bob", Call::batch_all { calls: vec![gift(), gift()] }, OK), 2 * GIFT);
        assert_eq!(told(), [Event::ItemCompleted, Event::ItemCompleted, Event::BatchCompleted]);
    });
}

#[test]
fn a_forced_batch_makes_every_call() {
    on_a_chain(|| {
        let calls = vec![gift(), failing(), gift()];
        assert_eq!(enriches("Bob", Call::force_batch { calls }, OK), 2 * GIFT);
        let failed = Event::ItemFailed { error: poor() };
        assert_eq!(told(), [Event::ItemCompleted, failed, Event::ItemCompleted, Event::BatchCompletedWithErrors]);
        assert_eq!(enriches("Bob", Call::force_batch { calls: vec![gift()] }, OK), GIFT);
        assert_eq!(told(), [Event::ItemCompleted, Event::BatchCompleted]);
    });
}

#[test]
fn no_batch_stands_straight_inside_another() {
    on_a_chain(|| {
        let inner = || -> [RuntimeCall; 3] {
            let calls = vec![gift()];
            [
                Call::batch { calls: calls.clone() }.into(),
                Call::batch_all { calls: calls.clone() }.into(),
                Call::force_batch { calls }.into(),
            ]
        };
        for call in inner() {
            let calls = vec![gift(), call];
            expect("Bob", Call::batch { calls: calls.clone() }, "CallFiltered");
            expect("Bob", Call::batch_all { calls: calls.clone() }, "CallFiltered");
            expect("Bob", Call::force_batch { calls: calls.clone() }, "CallFiltered");
            // Root passes by every filter.
            expect("root", Call::batch { calls: vec![Call::force_batch { calls: vec![] }.into()] }, OK);
        }
        // Behind a call of another kind they may.
        for call in inner() {
            let derived = Call::as_derivative { index: 0, call: Box::new(call) }.into();
            expect("Bob", Call::force_batch { calls: vec![derived] }, OK);
        }
        // A batch of all, however deep, has no other inside.
        let derived = |call: RuntimeCall| RuntimeCall::from(Call::as_derivative { index: 0, call: Box::new(call) });
        let all = Call::batch_all { calls: vec![] }.into();
        expect("Bob", Call::batch_all { calls: vec![derived(all)] }, "CallFiltered");
    });
}

#[test]
fn a_batch_has_at_most_10922_calls_and_somebody_who_makes_it() {
    on_a_chain(|| {
        let of = |count| vec![RuntimeCall::from(frame_system::Call::remark { remark: vec![] }); count];
        expect("Bob", Call::batch { calls: of(10_923) }, "TooManyCalls");
        expect("Bob", Call::batch_all { calls: of(10_923) }, "TooManyCalls");
        expect("Bob", Call::force_batch { calls: of(10_923) }, "TooManyCalls");
        expect("Bob", Call::batch { calls: of(10_922) }, OK);
        expect("nobody at all", Call::batch { calls: of(1) }, "BadOrigin");
        let (main, fallback) = (Box::new(gift()), Box::new(gift()));
        expect("nobody at all", Call::if_else { main, fallback }, "BadOrigin");
    });
}

#[test]
fn a_derived_account_acts_for_who_derives_it() {
    on_a_chain(|| {
        // Its address follows from the signer's and a number.
        let entropy = (b"modlpy/utilisuba", key("Bob"), 3_u16);
        let derived = AccountId::new(sp_io::hashing::blake2_256(&codec::Encode::encode(&entropy)));
        let call = || Call::as_derivative { index: 3, call: Box::new(gift()) };
        assert_eq!(enriches("Bob", call(), "Token(FundsUnavailable)"), 0);
        let dest = derived.clone().into();
        expect("Bob", RuntimeCall::from(pallet_balances::Call::transfer_keep_alive { dest, value: 10 * GIFT }), OK);
        assert_eq!(enriches("Bob", call(), OK), GIFT);
        assert_eq!(Balances::free_balance(&derived), 9 * GIFT);
        expect("root", call(), "BadOrigin");
    });
}

#[test]
fn root_alone_acts_with_any_origin() {
    on_a_chain(|| {
        give("Bob", 1);
        let bob = || Box::new(RawOrigin::Signed(key("Bob")).into());
        let dispatch_as = |call: RuntimeCall| Call::dispatch_as { as_origin: bob(), call: Box::new(call) };
        let fallible = |call: RuntimeCall| Call::dispatch_as_fallible { as_origin: bob(), call: Box::new(call) };
        let weight = Weight::from_parts(1, 1);
        let with_weight = |call: RuntimeCall| Call::with_weight { call: Box::new(call), weight };
        for call in [dispatch_as(gift()), fallible(gift()), with_weight(gift())] {
            expect("Alice", call, "BadOrigin");
        }
        // One tells how it went and succeeds, the other fails with its call.
        assert_eq!(enriches("root", dispatch_as(gift()), OK), GIFT);
        assert_eq!(told(), [Event::DispatchedAs { result: Ok(()) }]);
        assert_eq!(enriches("root", dispatch_as(failing()), OK), 0);
        assert_eq!(told(), [Event::DispatchedAs { result: Err(poor()) }]);
        assert_eq!(enriches("root", fallible(gift()), OK), GIFT);
        assert_eq!(told(), [Event::DispatchedAs { result: Ok(()) }]);
        assert_eq!(enriches("root", fallible(failing()), "Token(FundsUnavailable)"), 0);
        assert_eq!(told(), []);
        expect("root", with_weight(gift()), "BadOrigin");
        expect("root", with_weight(frame_system::Call::set_heap_pages { pages: 9 }.into()), OK);
    });
}

#[test]
fn a_second_call_is_made_when_the_first_fails() {
    on_a_chain(|| {
        let if_else = |main: RuntimeCall, fallback: RuntimeCall| Call::if_else {
            main: Box::new(main),
            fallback: Box::new(fallback),
        };
        assert_eq!(enriches("Bob", if_else(gift(), gift()), OK), GIFT);
        assert_eq!(told(), [Event::IfElseMainSuccess]);
        assert_eq!(enriches("Bob", if_else(failing(), gift()), OK), GIFT);
        assert_eq!(told(), [Event::IfElseFallbackCalled { main_error: poor() }]);
        let root_only = frame_system::Call::set_heap_pages { pages: 9 }.into();
        assert_eq!(enriches("Bob", if_else(failing(), root_only), "BadOrigin"), 0, "the error is the second's");
        // What the first did before it failed is undone.
        let half = Call::batch_all { calls: vec![gift(), failing()] }.into();
        assert_eq!(enriches("Bob", if_else(half, gift()), OK), GIFT);
        // And so it is when the whole fails.
        let all = |calls: Vec<RuntimeCall>| RuntimeCall::from(Call::batch_all { calls });
        assert_eq!(
            enriches(
                "Bob",
                if_else(all(vec![gift(), failing()]), all(vec![gift(), failing()])),
                "Token(FundsUnavailable)"
            ),
            0
        );
    });
}
