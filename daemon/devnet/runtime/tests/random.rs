//! Random calls built from the live metadata: none makes the runtime panic, and the same ones give the same state.
//!
//! `RANDOM_CALLS` says how many are made (2,000 by default), `RANDOM_SEED` which. Left out are calls that panic or break
//! the state by design: the timestamp's inherent, and root's writes to raw storage.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

#[path = "random/generator.rs"]
mod generator;

use std::panic::{AssertUnwindSafe, catch_unwind};

use btd_devnet_runtime::{
    Executive, GenesisSpec, Hash, Header, RootRule, Runtime, RuntimeCall, RuntimeOrigin, UNIT, UncheckedExtrinsic,
    genesis::{self, development_account},
    subtensor::{Call, validity},
    upgrades,
};
use frame_support::storage::with_storage_layer;
use generator::Generator;
use sp_core::storage::StateVersion;
use sp_runtime::{Digest, traits::Dispatchable, traits::Header as _};

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

/// Makes `count` random calls and returns how many succeeded, and the root of the state after them.
fn make(count: usize, seed: u64) -> (usize, Vec<u8>) {
    let mut chain = chain();
    let metadata = chain.execute_with(|| btd_devnet_runtime::metadata::at_version(15)).unwrap();
    let mut generator = Generator::new(&metadata, seed);
    let (mut made, mut succeeded, mut block) = (0, 0, 0);
    while made < count {
        block += 1;
        chain.execute_with(|| {
            begin(block);
            if block == 1 {
                people_it();
            }
            for _ in 0..PER_BLOCK {
                succeeded += usize::from(try_one(&mut generator));
                made += 1;
            }
            Executive::finalize_block();
        });
        // What the block changed moves from the overlay into the trie.
        chain.commit_all().unwrap();
    }
    (succeeded, chain.execute_with(|| sp_io::storage::root(StateVersion::V1)))
}

/// Runs on a thread with room for calls inside calls, as nodes do.
fn deep<V: Send + 'static>(work: impl FnOnce() -> V + Send + 'static) -> V {
    std::thread::Builder::new().stack_size(256 << 20).spawn(work).unwrap().join().unwrap()
}

/// Makes one call and tells whether it succeeded.
fn try_one(generator: &mut Generator) -> bool {
    let (signer, origin) = generator.origin();
    let call = generator.call();
    let shown = format!("{call:?}");
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        if let (Some(signer), RuntimeCall::SubtensorModule(call)) = (&signer, &call) {
            let _ = validity::check(signer, call);
        }
        with_storage_layer(|| call.dispatch(origin).map_err(|error| error.error)).is_ok()
    }));
    outcome.unwrap_or_else(|_| panic!("it panicked over this call by {signer:?}: {shown}"))
}

#[test]
fn no_random_call_panics() {
    let count = usize::try_from(number("RANDOM_CALLS", 2_000)).unwrap();
    let seed = number("RANDOM_SEED", 1);
    let (succeeded, _) = deep(move || make(count, seed));
    // Calls that all fail would show little.
    assert!(succeeded * 20 > count, "only {succeeded} of {count} succeeded");
    println!("{succeeded} of {count} calls succeeded");
}

#[test]
fn the_same_calls_give_the_same_state() {
    let first = deep(|| make(300, 7));
    assert_eq!(deep(|| make(300, 7)), first);
    assert_ne!(deep(|| make(300, 8)).1, first.1);
}
