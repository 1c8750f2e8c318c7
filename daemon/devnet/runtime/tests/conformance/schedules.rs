//! Calls that root schedules: who may, when they are made, how often, and what does not fit.

use btd_devnet_runtime::{Balances, Runtime, RuntimeCall, RuntimeEvent, System, UNIT, utility};
use frame_support::weights::Weight;
use pallet_scheduler::{Agenda, Call, Event, Lookup, Retries, RetryConfig};
use sp_runtime::DispatchError;

use crate::{OK, begin, expect, key, on_a_chain};

const NAME: [u8; 32] = [7; 32];

/// A call that root alone may make: gives Eve so many TAO.
fn enrich(tao: u64) -> RuntimeCall {
    pallet_balances::Call::force_set_balance { who: key("Eve").into(), new_free: tao * UNIT }.into()
}

/// A call of root that fails: nobody has that much.
fn failing() -> RuntimeCall {
    let (source, dest) = (key("nobody").into(), key("Eve").into());
    pallet_balances::Call::force_transfer { source, dest, value: UNIT }.into()
}

fn at(when: u32, call: RuntimeCall) -> Call<Runtime> {
    Call::schedule { when, maybe_periodic: None, priority: 0, call: Box::new(call) }
}

fn named(when: u32, call: RuntimeCall) -> Call<Runtime> {
    Call::schedule_named { id: NAME, when, maybe_periodic: None, priority: 0, call: Box::new(call) }
}

/// TAO that Eve has.
fn wealth() -> u64 {
    Balances::free_balance(key("Eve")) / UNIT
}

/// What the scheduler has told in this block.
fn told() -> Vec<Event<Runtime>> {
    let told = System::events().into_iter().filter_map(|record| match record.event {
        RuntimeEvent::Scheduler(event) => Some(event),
        _ => None,
    });
    told.collect()
}

fn dispatched(when: u32, id: Option<[u8; 32]>, result: Result<(), DispatchError>) -> Event<Runtime> {
    // As stored: the name of an error stays on this side.
    let result = codec::Decode::decode(&mut &codec::Encode::encode(&result)[..]).unwrap();
    Event::Dispatched { task: (when, 0), id, result }
}

#[test]
fn only_root_schedules_and_cancels() {
    on_a_chain(|| {
        let calls: [Call<Runtime>; 10] = [
            at(5, enrich(7)),
            Call::cancel { when: 5, index: 0 },
            named(5, enrich(7)),
            Call::cancel_named { id: NAME },
            Call::schedule_after { after: 5, maybe_periodic: None, priority: 0, call: Box::new(enrich(7)) },
            Call::schedule_named_after {
                id: NAME,
                after: 5,
                maybe_periodic: None,
                priority: 0,
                call: Box::new(enrich(7)),
            },
            Call::set_retry { task: (5, 0), retries: 1, period: 1 },
            Call::set_retry_named { id: NAME, retries: 1, period: 1 },
            Call::cancel_retry { task: (5, 0) },
            Call::cancel_retry_named { id: NAME },
        ];
        for call in calls {
            expect("Alice", call, "BadOrigin");
        }
        assert_eq!(Agenda::<Runtime>::iter().count(), 0);
    });
}

#[test]
fn a_scheduled_call_is_made_as_root_at_the_start_of_its_block() {
    on_a_chain(|| {
        begin(2);
        expect("root", at(4, enrich(7)), OK);
        assert_eq!(told(), [Event::Scheduled { when: 4, index: 0 }]);
        let before = wealth();
        begin(3);
        assert_eq!((wealth(), told()), (before, vec![]));
        begin(4);
        assert_eq!((wealth(), told()), (7, vec![dispatched(4, None, Ok(()))]));
        assert!(Agenda::<Runtime>::get(4).is_empty());
        // What failed is told and not made again.
        expect("root", at(5, failing()), OK);
        begin(5);
        let error = sp_runtime::TokenError::FundsUnavailable.into();
        assert_eq!(told(), [dispatched(5, None, Err(error))]);
        begin(6);
        assert_eq!(told(), []);
    });
}

#[test]
fn no_call_is_scheduled_for_the_past_or_for_now() {
    on_a_chain(|| {
        begin(5);
        expect("root", at(4, enrich(7)), "TargetBlockNumberInPast");
        expect("root", at(5, enrich(7)), "TargetBlockNumberInPast");
        let after = |after| Call::schedule_after {
            after,
            maybe_periodic: None,
            priority: 0,
            call: Box::new(enrich(u64::from(after))),
        };
        // After no block is in the next one.
        expect("root", after(0), OK);
        expect("root", after(2), OK);
        assert_eq!(told(), [Event::Scheduled { when: 6, index: 0 }, Event::Scheduled { when: 8, index: 0 }]);
    });
}

#[test]
fn the_more_urgent_call_is_made_first() {
    on_a_chain(|| {
        begin(2);
        let with =
            |priority, tao| Call::schedule { when: 4, maybe_periodic: None, priority, call: Box::new(enrich(tao)) };
        expect("root", with(0, 1), OK);
        expect("root", with(9, 2), OK);
        expect("root", with(0, 3), OK);
        begin(4);
        let order: Vec<u32> = told()
            .into_iter()
            .filter_map(|event| match event {
                Event::Dispatched { task: (4, index), .. } => Some(index),
                _ => None,
            })
            .collect();
        assert_eq!((order, wealth()), (vec![0, 2, 1], 2));
    });
}

#[test]
fn a_periodic_call_is_made_so_many_times() {
    on_a_chain(|| {
        begin(2);
        let call = Box::new(enrich(7));
        expect("root", Call::schedule { when: 4, maybe_periodic: Some((2, 3)), priority: 0, call }, OK);
        let mut made = Vec::new();
        for number in 3..14 {
            begin(number);
            made.extend(told().contains(&dispatched(number, None, Ok(()))).then_some(number));
        }
        assert_eq!(made, [4, 6, 8]);
        assert_eq!(Agenda::<Runtime>::iter().count(), 0);
    });
}

#[test]
fn a_name_is_scheduled_once_and_cancelled_by_it() {
    on_a_chain(|| {
        begin(2);
        expect("root", Call::cancel_named { id: NAME }, "NotFound");
        expect("root", named(9, enrich(7)), OK);
        expect("root", named(10, enrich(8)), "FailedToSchedule");
        assert_eq!(Lookup::<Runtime>::get(NAME), Some((9, 0)));
        expect("root", Call::cancel_named { id: NAME }, OK);
        assert_eq!(told().last(), Some(&Event::Canceled { when: 9, index: 0 }));
        assert!(Lookup::<Runtime>::get(NAME).is_none() && Agenda::<Runtime>::get(9).is_empty());
        expect("root", named(4, enrich(7)), OK);
        begin(4);
        assert_eq!(told(), [dispatched(4, Some(NAME), Ok(()))]);
        assert!(Lookup::<Runtime>::get(NAME).is_none());
        // Without a name by block and place.
        expect("root", at(9, enrich(7)), OK);
        expect("root", Call::cancel { when: 9, index: 1 }, "NotFound");
        expect("root", Call::cancel { when: 9, index: 0 }, OK);
        expect("root", Call::cancel { when: 9, index: 0 }, "NotFound");
    });
}

#[test]
fn what_failed_is_tried_again_as_often_as_was_said() {
    on_a_chain(|| {
        begin(2);
        expect("root", Call::set_retry { task: (4, 0), retries: 2, period: 3 }, "NotFound");
        expect("root", at(4, failing()), OK);
        expect("root", Call::set_retry { task: (4, 0), retries: 2, period: 3 }, OK);
        let set = Event::RetrySet { task: (4, 0), id: None, period: 3, retries: 2 };
        assert_eq!(told().last(), Some(&set));
        let error: DispatchError = sp_runtime::TokenError::FundsUnavailable.into();
        let mut tried = Vec::new();
        for number in 3..20 {
            begin(number);
            tried.extend(told().contains(&dispatched(number, None, Err(error))).then_some(number));
            if number == 4 {
                let left = RetryConfig { total_retries: 2, remaining: 1, period: 3 };
                assert_eq!(Retries::<Runtime>::get((7, 0)), Some(left));
            }
        }
        assert_eq!(tried, [4, 7, 10]);
        // Taking it back leaves one try.
        expect("root", named(25, failing()), OK);
        expect("root", Call::set_retry_named { id: NAME, retries: 2, period: 3 }, OK);
        expect("root", Call::cancel_retry_named { id: NAME }, OK);
        assert_eq!(told().last(), Some(&Event::RetryCancelled { task: (25, 0), id: Some(NAME) }));
        assert!(Retries::<Runtime>::get((25, 0)).is_none());
    });
}

#[test]
fn a_block_has_room_for_fifty_calls() {
    on_a_chain(|| {
        begin(2);
        for number in 0..50 {
            expect("root", at(4, enrich(number + 1)), OK);
        }
        expect("root", at(4, enrich(60)), "Exhausted");
        begin(4);
        assert_eq!(told().len(), 50);
        assert_eq!(wealth(), 50);
    });
}

#[test]
fn a_long_call_waits_among_the_preimages() {
    on_a_chain(|| {
        begin(2);
        let long: RuntimeCall = frame_system::Call::remark_with_event { remark: vec![5; 500] }.into();
        let hash = sp_core::H256(sp_io::hashing::blake2_256(&codec::Encode::encode(&long)));
        expect("root", at(4, long), OK);
        assert!(pallet_preimage::RequestStatusFor::<Runtime>::contains_key(hash));
        begin(4);
        assert_eq!(told(), [dispatched(4, None, Err(DispatchError::BadOrigin))], "a remark with event is signed");
        // The scheduler asks for the bytes that it noted itself, and lets go once: root may do so again.
        expect("root", pallet_preimage::Call::unrequest_preimage { hash }, OK);
        assert!(!pallet_preimage::RequestStatusFor::<Runtime>::contains_key(hash));
    });
}

#[test]
fn a_call_that_fits_into_no_block_is_never_made() {
    on_a_chain(|| {
        begin(2);
        // Scheduled calls may take four fifths of a block's four seconds.
        let of_weight = |ref_time| {
            let (call, weight) = (Box::new(enrich(7)), Weight::from_parts(ref_time, 0));
            RuntimeCall::from(utility::Call::with_weight { call, weight })
        };
        expect("root", at(4, of_weight(3_200_000_000_001)), OK);
        expect("root", at(5, of_weight(3_100_000_000_000)), OK);
        let before = wealth();
        begin(3);
        begin(4);
        assert_eq!((told(), wealth()), (vec![Event::PermanentlyOverweight { task: (4, 0), id: None }], before));
        begin(5);
        assert_eq!((told(), wealth()), (vec![dispatched(5, None, Ok(()))], 7));
    });
}
