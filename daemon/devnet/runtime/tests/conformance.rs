//! One test for each rule of pallet_subtensor and AdminUtils, spec 425: who may call, which error comes first, which
//! limits hold. Figures of the economy are compared by replaying recordings, in `economy.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

#[path = "conformance/answers.rs"]
mod answers;
#[path = "conformance/authorities.rs"]
mod authorities;
#[path = "conformance/batches.rs"]
mod batches;
#[path = "conformance/claims.rs"]
mod claims;
#[path = "conformance/coinbase.rs"]
mod coinbase;
#[path = "conformance/distribution.rs"]
mod distribution;
#[path = "conformance/exchanges.rs"]
mod exchanges;
#[path = "conformance/fees.rs"]
mod fees;
#[path = "conformance/fields.rs"]
mod fields;
#[path = "conformance/guards.rs"]
mod guards;
#[path = "conformance/holdings.rs"]
mod holdings;
#[path = "conformance/keys.rs"]
mod keys;
#[path = "conformance/limits.rs"]
mod limits;
#[path = "conformance/listings.rs"]
mod listings;
#[path = "conformance/locks.rs"]
mod locks;
#[path = "conformance/mechanisms.rs"]
mod mechanisms;
#[path = "conformance/multisigs.rs"]
mod multisigs;
#[path = "conformance/named.rs"]
mod named;
#[path = "conformance/nominations.rs"]
mod nominations;
#[path = "conformance/notices.rs"]
mod notices;
#[path = "conformance/pool.rs"]
mod pool;
#[path = "conformance/preimages.rs"]
mod preimages;
#[path = "conformance/prices.rs"]
mod prices;
#[path = "conformance/proxies.rs"]
mod proxies;
#[path = "conformance/registration.rs"]
mod registration;
#[path = "conformance/safety.rs"]
mod safety;
#[path = "conformance/schedules.rs"]
mod schedules;
#[path = "conformance/seals.rs"]
mod seals;
#[path = "conformance/settings.rs"]
mod settings;
#[path = "conformance/staking.rs"]
mod staking;
#[path = "conformance/trimming.rs"]
mod trimming;
#[path = "conformance/upkeep.rs"]
mod upkeep;

use btd_devnet_runtime::{
    AccountId, Executive, GenesisSpec, Hash, Header, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin, System, UNIT,
    api,
    genesis::{self, development_account},
    subtensor::{self as s, Call},
};
use codec::{Decode, DecodeAll, Encode};
use frame_support::storage::with_storage_layer;
use sp_runtime::{
    Digest, DispatchError,
    traits::{Dispatchable, Header as _},
};

/// The subnet of genesis.
const FIRST: u16 = 1;
/// The subnet that `//Alice` owns, with hotkey `//owner`, on chains with a subnet.
const SUBNET: u16 = 2;
/// No subnet.
const NOWHERE: u16 = 77;
/// What a call answers that succeeds.
const OK: &str = "ok";

fn key(name: &str) -> AccountId {
    development_account(name)
}

/// The origin of a name, or root, or none.
fn origin(by: &str) -> RuntimeOrigin {
    match by {
        "root" => RuntimeOrigin::root(),
        "nobody at all" => RuntimeOrigin::none(),
        name => RuntimeOrigin::signed(key(name)),
    }
}

/// A chain as genesis leaves it, at its first block.
fn on_a_chain(test: impl FnOnce()) {
    let storage = genesis::genesis(&GenesisSpec::default()).unwrap();
    sp_io::TestExternalities::new(storage).execute_with(|| {
        System::set_block_number(1);
        test();
    });
}

/// A chain on which `//Alice` owns a subnet that has started.
fn on_a_subnet(test: impl FnOnce()) {
    on_a_chain(|| {
        expect("Alice", Call::register_network { hotkey: key("owner") }, OK);
        expect("Alice", Call::start_call { netuid: SUBNET }, OK);
        test();
    });
}

/// What a call answers; one that fails leaves no trace.
fn answer(by: &str, call: impl Into<RuntimeCall>) -> String {
    match with_storage_layer(|| call.into().dispatch(origin(by)).map(drop).map_err(|error| error.error)) {
        Ok(()) => OK.to_owned(),
        Err(DispatchError::Module(module)) => module.message.unwrap_or("an error without a name").to_owned(),
        Err(DispatchError::BadOrigin) => "BadOrigin".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

#[track_caller]
fn expect(by: &str, call: impl Into<RuntimeCall>, wanted: &str) {
    let call = call.into();
    assert_eq!(answer(by, call.clone()), wanted, "{by}: {call:?}");
}

/// What a runtime API answers to arguments, as it goes over the wire.
#[track_caller]
fn ask<V: Decode>(method: &str, arguments: impl Encode) -> V {
    let bytes = api::dispatch(method, &arguments.encode()).unwrap_or_else(|| panic!("there is no {method}"));
    V::decode_all(&mut &bytes[..]).unwrap_or_else(|error| panic!("{method} answers something else: {error}"))
}

/// Whether the chain's own pallet told of this.
fn told(event: s::Event<Runtime>) -> bool {
    let event = RuntimeEvent::SubtensorModule(event);
    System::events().into_iter().any(|record| record.event == event)
}

/// Lets blocks pass, without what they do.
fn wait(blocks: u32) {
    System::set_block_number(System::block_number() + blocks);
}

/// Begins a block, with all that the chain does at its start; what was told before is gone.
fn begin(number: u32) {
    System::set_block_number(number - 1);
    let digest = Digest::default();
    Executive::initialize_block(&Header::new(number, Hash::zero(), Hash::zero(), Hash::repeat_byte(1), digest));
}

fn give(name: &str, tao: u64) {
    use frame_support::traits::Currency;
    let _ = btd_devnet_runtime::Balances::deposit_creating(&key(name), tao * UNIT);
}

/// Registers a hotkey of `//Bob` on a subnet.
fn register(netuid: u16, hotkey: &str) -> u16 {
    expect("Bob", Call::burned_register { netuid, hotkey: key(hotkey) }, OK);
    s::Uids::<Runtime>::get(netuid, key(hotkey)).unwrap()
}
