//! Safe mode: who enters it, for how long, and what the chain still does then.

use btd_devnet_runtime::{Runtime, RuntimeCall, RuntimeEvent, System, commitments, subtensor as s, utility};
use pallet_safe_mode::{Call, EnteredUntil, Event, ExitReason};

use crate::{FIRST, OK, answer, begin, expect, key, on_a_chain};

fn told(event: Event<Runtime>) -> bool {
    let event = RuntimeEvent::SafeMode(event);
    System::events().into_iter().any(|record| record.event == event)
}

fn remark() -> RuntimeCall {
    frame_system::Call::remark { remark: vec![] }.into()
}

#[test]
fn nobody_enters_or_prolongs_it_for_money() {
    on_a_chain(|| {
        expect("Alice", Call::enter {}, "NotConfigured");
        expect("Alice", Call::extend {}, "Exited");
        for call in [
            Call::force_enter {},
            Call::force_extend {},
            Call::force_exit {},
            Call::force_slash_deposit { account: key("Bob"), block: 1 },
            Call::force_release_deposit { account: key("Bob"), block: 1 },
        ] {
            expect("Alice", call, "BadOrigin");
        }
        expect("root", Call::force_enter {}, OK);
        expect("Alice", Call::enter {}, "Entered");
        expect("Alice", Call::extend {}, "NotConfigured");
        let release = || Call::release_deposit { account: key("Bob"), block: 1 };
        expect("Alice", release(), "NoDeposit");
        expect("root", Call::force_release_deposit { account: key("Bob"), block: 1 }, "NoDeposit");
        expect("root", Call::force_slash_deposit { account: key("Bob"), block: 1 }, "NoDeposit");
    });
}

#[test]
fn root_enters_it_for_a_day_and_adds_half_of_one() {
    on_a_chain(|| {
        begin(2);
        expect("root", Call::force_extend {}, "Exited");
        expect("root", Call::force_exit {}, "Exited");
        expect("root", Call::force_enter {}, OK);
        assert!(told(Event::Entered { until: 7_202 }));
        expect("root", Call::force_enter {}, "Entered");
        expect("root", Call::force_extend {}, OK);
        assert!(told(Event::Extended { until: 10_802 }));
        assert_eq!(EnteredUntil::<Runtime>::get(), Some(10_802));
        expect("root", Call::force_exit {}, OK);
        assert!(told(Event::Exited { reason: ExitReason::Force }));
        // It ends by itself after its last block.
        expect("root", Call::force_enter {}, OK);
        begin(7_202);
        assert_eq!(answer("Bob", utility::Call::batch { calls: vec![] }), "CallFiltered");
        begin(7_203);
        assert!(told(Event::Exited { reason: ExitReason::Timeout }));
        expect("Bob", utility::Call::batch { calls: vec![] }, OK);
    });
}

#[test]
fn few_calls_are_made_in_safe_mode() {
    on_a_chain(|| {
        expect("root", Call::force_enter {}, OK);
        let set_weights = s::Call::set_weights { netuid: FIRST, dests: vec![], weights: vec![], version_key: 0 };
        let serve_axon = s::Call::serve_axon {
            netuid: FIRST,
            version: 1,
            ip: 1,
            port: 1,
            ip_type: 4,
            protocol: 0,
            placeholder1: 0,
            placeholder2: 0,
        };
        let commit = commitments::Call::set_commitment { netuid: FIRST, info: Box::default() };
        let alone = vec![key("Charlie")];
        let together = pallet_multisig::Call::approve_as_multi {
            threshold: 2,
            other_signatories: alone,
            maybe_timepoint: None,
            call_hash: [1; 32],
            max_weight: frame_support::weights::Weight::zero(),
        };
        let made: [RuntimeCall; 6] = [
            remark(),
            set_weights.into(),
            serve_axon.into(),
            commit.into(),
            together.into(),
            pallet_sudo::Call::sudo { call: Box::new(remark()) }.into(),
        ];
        for call in made {
            assert_ne!(answer("Bob", call.clone()), "CallFiltered", "{call:?}");
        }
        let transfer = || pallet_balances::Call::transfer_keep_alive { dest: key("Eve").into(), value: 1_000_000 };
        let stake = s::Call::add_stake { hotkey: key("Eve"), netuid: FIRST, amount_staked: 1 };
        let commit_weights = s::Call::commit_weights { netuid: FIRST, commit_hash: sp_core::H256::zero() };
        let refused: [RuntimeCall; 5] = [
            transfer().into(),
            stake.into(),
            commit_weights.into(),
            utility::Call::batch { calls: vec![remark()] }.into(),
            btd_devnet_runtime::proxy::Call::poke_deposit {}.into(),
        ];
        for call in refused {
            expect("Bob", call, "CallFiltered");
        }
        // Root makes any call, and whoever has its key does through sudo.
        let rich = pallet_balances::Call::force_set_balance { who: key("Eve").into(), new_free: 7 };
        expect("root", RuntimeCall::from(rich), OK);
        expect("root", Call::force_exit {}, OK);
        expect("Bob", RuntimeCall::from(transfer()), OK);
    });
}
