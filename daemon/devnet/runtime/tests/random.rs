//! Random calls built from the live metadata: none makes the runtime panic, and the same ones give the same state.
//!
//! A quarter of them come in signed extrinsics and an eighth in unsigned ones, as from a network: the pool looks at each,
//! and the block takes those that it can. The others are made at once, also by root and by nobody.
//!
//! `RANDOM_CALLS` says how many are made (2,000 by default), `RANDOM_SEED` which. Left out are calls that panic or break
//! the state by design: the timestamp's inherent, and root's writes to raw storage.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

#[path = "random/generator.rs"]
mod generator;

use std::panic::{AssertUnwindSafe, catch_unwind};

use btd_devnet_runtime::{
    Executive, GenesisSpec, Hash, Header, RootRule, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin, System, UNIT,
    UncheckedExtrinsic,
    genesis::{self, development_account},
    subtensor::{Call, validity},
    upgrades,
};
use frame_support::storage::{TransactionOutcome, with_storage_layer, with_transaction};
use generator::{Generator, Way};
use sp_core::storage::StateVersion;
use sp_runtime::{
    ApplyExtrinsicResult, Digest, DispatchError,
    traits::{Dispatchable, Header as _},
    transaction_validity::{TransactionSource, TransactionValidity},
};

/// Calls in a block.
const PER_BLOCK: usize = 20;

#[expect(clippy::disallowed_methods, reason = "a large run is asked for by whoever runs the tests")]
fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

fn chain() -> sp_io::TestExternalities {
    let spec = GenesisSpec { root_rule: RootRule::Legacy, ..GenesisSpec::default() };
    let mut chain = sp_io::TestExternalities::new(genesis::genesis(&spec).unwrap());
    chain.register_extension(upgrades::version_reader());
    chain
}

fn begin(number: u32) {
    let header = Header::new(number, Hash::zero(), Hash::zero(), Hash::repeat_byte(1), Digest::default());
    Executive::initialize_block(&header);
    let now = 1_800_000_000_000 + u64::from(number) * 12_000;
    let timestamp = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now });
    Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(timestamp)).unwrap().unwrap();
}

/// A chain on which something happens: subnets that have started, neurons, stake, weights.
fn people_it() {
    let by = |name: &str| RuntimeOrigin::signed(development_account(name));
    let act = |name: &str, call: Call<Runtime>| {
        RuntimeCall::SubtensorModule(call).dispatch(by(name)).expect("the chain is set up");
    };
    let key = development_account;
    for netuid in 2..4 {
        act("Alice", Call::register_network { hotkey: key("Charlie") });
        act("Alice", Call::start_call { netuid });
        for name in ["Dave", "Eve", "Ferdie"] {
            act("Bob", Call::burned_register { netuid, hotkey: key(name) });
            act("Bob", Call::add_stake { hotkey: key(name), netuid, amount_staked: 10 * UNIT });
        }
    }
    act("Bob", Call::root_register { hotkey: key("Dave") });
    act("Alice", Call::add_stake { hotkey: key("Dave"), netuid: 0, amount_staked: 1_000 * UNIT });
}

/// What became of random calls.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    /// Calls made at once.
    made: usize,
    /// Those of them that succeeded.
    succeeded: usize,
    /// Signed extrinsics.
    signed: usize,
    /// Those of them that the pool took.
    admitted: usize,
    /// Those that a block took, whether their call succeeded or not.
    included: usize,
    /// Events that tell of a fee.
    fees: usize,
    /// Unsigned extrinsics.
    bare: usize,
    /// Those of them that a block did not take, or whose call failed there.
    refused: usize,
}

/// Makes `count` random calls and returns what became of them, and the root of the state after them.
fn make(count: usize, seed: u64) -> (Tally, Vec<u8>) {
    let mut chain = chain();
    let metadata = chain.execute_with(|| btd_devnet_runtime::metadata::at_version(15)).unwrap();
    let mut generator = Generator::new(&metadata, seed);
    let (mut tally, mut block) = (Tally::default(), 0);
    while tally.made + tally.signed + tally.bare < count {
        block += 1;
        chain.execute_with(|| {
            begin(block);
            if block == 1 {
                people_it();
            }
            for _ in 0..PER_BLOCK {
                match generator.way() {
                    Way::Made => make_one(&mut generator, &mut tally),
                    Way::Signed => send_signed(&mut generator, &mut tally),
                    Way::Bare => send_bare(&mut generator, &mut tally),
                }
            }
            let paid = |event: &RuntimeEvent| matches!(event, RuntimeEvent::TransactionPayment(_));
            tally.fees += System::events().iter().filter(|record| paid(&record.event)).count();
            Executive::finalize_block();
        });
        // What the block changed moves from the overlay into the trie.
        chain.commit_all().unwrap();
    }
    (tally, chain.execute_with(|| sp_io::storage::root(StateVersion::V1)))
}

/// Runs on a thread with room for calls inside calls, as nodes do.
fn deep<V: Send + 'static>(work: impl FnOnce() -> V + Send + 'static) -> V {
    std::thread::Builder::new().stack_size(256 << 20).spawn(work).unwrap().join().unwrap()
}

/// Makes one call at once.
fn make_one(generator: &mut Generator, tally: &mut Tally) {
    let (signer, origin) = generator.origin();
    let call = generator.call();
    let shown = format!("{call:?}");
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        if let (Some(signer), RuntimeCall::SubtensorModule(call)) = (&signer, &call) {
            let _ = validity::check(signer, call);
        }
        with_storage_layer(|| call.dispatch(origin).map_err(|error| error.error)).is_ok()
    }));
    tally.made += 1;
    tally.succeeded +=
        usize::from(outcome.unwrap_or_else(|_| panic!("it panicked over this call by {signer:?}: {shown}")));
}

/// What the pool says of an extrinsic and what the block does with it. As in a node, the pool's look leaves no trace, nor
/// does an extrinsic that the block does not take.
fn send(extrinsic: UncheckedExtrinsic) -> (TransactionValidity, ApplyExtrinsicResult) {
    let shown = format!("{:?} in {:?}", extrinsic.function, extrinsic.preamble);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let verdict = with_transaction(|| {
            let source = TransactionSource::External;
            let verdict = Executive::validate_transaction(source, extrinsic.clone(), Hash::repeat_byte(1));
            TransactionOutcome::Rollback(Ok::<_, DispatchError>(verdict))
        });
        let applied = with_transaction(|| {
            let applied = Executive::apply_extrinsic(extrinsic);
            let outcome = Ok::<_, DispatchError>(applied);
            if applied.is_ok() { TransactionOutcome::Commit(outcome) } else { TransactionOutcome::Rollback(outcome) }
        });
        (verdict.unwrap(), applied.unwrap())
    }));
    outcome.unwrap_or_else(|_| panic!("it panicked over {shown}"))
}

fn send_signed(generator: &mut Generator, tally: &mut Tally) {
    let (verdict, applied) = send(generator.signed());
    tally.signed += 1;
    tally.admitted += usize::from(verdict.is_ok());
    tally.included += usize::from(applied.is_ok());
}

/// Whether the call asks nobody to have signed it: what authors put into their own blocks, and a remark.
fn needs_nobody(call: &RuntimeCall) -> bool {
    matches!(
        call,
        RuntimeCall::System(frame_system::Call::remark { .. })
            | RuntimeCall::MevShield(btd_devnet_runtime::shield::Call::announce_next_key { .. })
    )
}

/// The pool takes what the beacon brings, and then so must the block; of anything else the pool takes nothing. A block
/// that has it all the same, as only its author could, lets it do nothing.
fn send_bare(generator: &mut Generator, tally: &mut Tally) {
    let call = generator.call();
    let (verdict, applied) = send(UncheckedExtrinsic::new_bare(call.clone()));
    tally.bare += 1;
    if let RuntimeCall::Drand(_) = call {
        assert_eq!(verdict.is_ok(), applied.is_ok(), "pool and block differ: {verdict:?}, {applied:?} over {call:?}");
    } else {
        assert!(verdict.is_err(), "the pool took what nobody signed: {call:?}");
        let done = matches!(applied, Ok(Ok(())));
        assert!(!done || needs_nobody(&call), "the block did what nobody signed: {call:?}");
        tally.refused += usize::from(!done);
    }
}

#[test]
fn no_random_call_panics() {
    let count = usize::try_from(number("RANDOM_CALLS", 2_000)).unwrap();
    let seed = number("RANDOM_SEED", 1);
    let (tally, _) = deep(move || make(count, seed));
    println!("of {count} calls: {tally:?}");
    // Calls that all fail would show little, and so would extrinsics that nobody takes. In a long run ever more accounts
    // are frozen by disputes, and few of their extrinsics are taken.
    assert!(tally.succeeded * 20 > tally.made, "of {count}: {tally:?}");
    let least = count.min(2_000) / 40;
    assert!(tally.admitted.min(tally.included) >= least && tally.fees >= least / 2, "of {count}: {tally:?}");
    assert!(tally.refused * 2 >= tally.bare, "of {count}: {tally:?}");
}

#[test]
fn the_same_calls_give_the_same_state() {
    let first = deep(|| make(300, 7));
    assert_eq!(deep(|| make(300, 7)), first);
    assert_ne!(deep(|| make(300, 8)).1, first.1);
}
