//! Measures the processor time of one block that holds the epoch of a full subnet: 256 neurons, 64 of them validators
//! with weights towards all. Ends with an error when the median is above 50 ms; worth something in a release build only.
//!
//! `cargo run --release -p btd-devnet-runtime --example epoch`

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a tool that cannot go on stops here")]

use std::io::Write;

use btd_devnet_runtime::{
    GenesisSpec, Runtime, RuntimeOrigin, SubtensorModule, System, UNIT,
    genesis::{self, development_account as key},
    subtensor as s,
};
use frame_support::traits::Hooks;

const SUBNET: u16 = 2;
const NEURONS: u16 = 256;
const VALIDATORS: u16 = 64;
const EPOCHS: u32 = 5;
/// Nanoseconds that an epoch may take.
const LIMIT: u64 = 50_000_000;

/// Nanoseconds this thread has run.
fn processor_time() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

fn people_it() {
    let by = |name: &str| RuntimeOrigin::signed(key(name));
    SubtensorModule::register_network(by("Alice"), key("owner")).unwrap();
    SubtensorModule::start_call(by("Alice"), SUBNET).unwrap();
    s::BurnIncreaseMult::<Runtime>::insert(SUBNET, s::fixed::U64F64::ONE);
    s::CommitRevealWeightsEnabled::<Runtime>::insert(SUBNET, false);
    for uid in 1..NEURONS {
        SubtensorModule::burned_register(by("Bob"), SUBNET, key(&format!("hotkey{uid}"))).unwrap();
    }
    let mut permits = vec![false; usize::from(NEURONS)];
    for uid in 0..VALIDATORS {
        let hotkey = s::Keys::<Runtime>::get(SUBNET, uid);
        SubtensorModule::add_stake(by("Charlie"), hotkey, SUBNET, 10 * UNIT + u64::from(uid)).unwrap();
        let weights = (0..NEURONS).map(|target| (target, 1 + (target * 7 + uid * 13) % 999)).collect::<Vec<_>>();
        s::Weights::<Runtime>::insert(SUBNET, uid, weights);
        permits[usize::from(uid)] = true;
    }
    s::ValidatorPermit::<Runtime>::insert(SUBNET, permits);
}

fn main() -> std::io::Result<()> {
    let storage = genesis::genesis(&GenesisSpec::default()).unwrap();
    let mut chain = sp_io::TestExternalities::new(storage);
    chain.execute_with(|| {
        System::set_block_number(1);
        people_it();
    });
    chain.commit_all().unwrap();
    let mut out = std::io::stdout().lock();
    let mut all = Vec::new();
    for epoch in 1..=EPOCHS {
        let block = 1 + epoch * 400;
        let (nanoseconds, paid) = chain.execute_with(|| {
            System::set_block_number(block);
            s::LastUpdate::<Runtime>::insert(SUBNET, vec![u64::from(block); usize::from(NEURONS)]);
            s::PendingServerEmission::<Runtime>::insert(SUBNET, 100 * UNIT);
            s::PendingValidatorEmission::<Runtime>::insert(SUBNET, 100 * UNIT);
            let before = processor_time();
            SubtensorModule::on_initialize(block);
            let spent = processor_time() - before;
            (spent, s::Emission::<Runtime>::get(SUBNET).iter().sum::<u64>())
        });
        assert!(paid > 199 * UNIT, "the epoch ran: {paid}");
        chain.commit_all().unwrap();
        writeln!(out, "epoch {epoch}: {:.1} ms", f64::from(u32::try_from(nanoseconds / 1_000).unwrap()) / 1_000.0)?;
        all.push(nanoseconds);
    }
    all.sort_unstable();
    let median = all[all.len() / 2];
    assert!(cfg!(debug_assertions) || median <= LIMIT, "an epoch took {median} ns of processor");
    Ok(())
}
