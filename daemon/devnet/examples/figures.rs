//! Figures of the development chain, worth something in a release build only:
//! `cargo run --release -p btd-devnet --example figures`.
//!
//! How long it takes to start, empty and busy; how many transfers go into one block; what a day of blocks does to the
//! memory of a chain in use. Each line says what was measured; a promise that does not hold ends the run with an error.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on has failed")]
#![allow(dead_code, reason = "the tests' client and signer can do more than is measured here")]

#[path = "../tests/devnet/client.rs"]
mod client;
#[path = "../tests/devnet/signer.rs"]
mod signer;
#[path = "figures/traffic.rs"]
mod traffic;

use std::{
    fs,
    io::Write as _,
    time::{Duration, Instant},
};

use btd_devnet::Config;
use serde_json::json;

use crate::{
    client::{Chain, manual},
    signer::{TAO, hex, signed_transfer},
    traffic::{PROFILE, Traffic},
};

/// Blocks of a day, at twelve seconds.
const DAY: u32 = 7_200;
/// From here on as many blocks are kept as ever will be: the states of 1,024, headers and extrinsics of 16,384.
const SETTLED: u32 = 19_200;
/// Transfers that must go into one block.
const TRANSFERS: u32 = 1_000;

fn say(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Memory of this process, in MiB.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1_024
}

/// Processor time of this process so far.
fn processor() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    // A hundred ticks a second, on every Linux that people use.
    Duration::from_millis(ticks * 10)
}

async fn start(name: &str, profile: &str, limit: Duration) -> Chain {
    let (began, spent) = (Instant::now(), processor());
    let chain = Chain::start(Config { profile: profile.parse().unwrap(), ..manual() }).await;
    let (took, spent) = (began.elapsed(), processor().saturating_sub(spent));
    say(&format!("start, {name}: {took:.2?} ({spent:.2?} of processor), {} MiB", memory()));
    // Both: on a machine that has other work too the former says little.
    assert!(took < limit && spent < limit, "{name} is to start within {limit:?}: measure on an idle machine");
    chain
}

/// Sends transfers of one account and puts them into one block.
async fn transfers(chain: &Chain) {
    let extrinsics: Vec<_> = (0..TRANSFERS).map(|nonce| signed_transfer(chain, "Alice", "Bob", TAO, nonce)).collect();
    let began = Instant::now();
    for extrinsic in &extrinsics {
        chain.call("author_submitExtrinsic", json!([hex(extrinsic)])).await;
    }
    let (submitted, began) = (began.elapsed(), Instant::now());
    chain.devnet.mine(1).await.unwrap();
    let made = began.elapsed();
    let block = chain.call("chain_getBlock", json!([])).await;
    // Every block has two inherents: its time, and the author's key.
    let included = block["block"]["extrinsics"].as_array().unwrap().len() - 2;
    say(&format!("transfers in one block: {included}, submitted in {submitted:.2?}, block made in {made:.2?}"));
    assert_eq!(included, TRANSFERS as usize, "{TRANSFERS} transfers are to fit in a block");
}

/// A day of blocks on a chain in use, after as many that nothing more of the past is kept: the second half of the day is
/// held to the first.
async fn day(chain: &Chain) {
    let mut traffic = Traffic::on(chain).await;
    let mut greatest = [0; 2];
    let (began, spent) = (Instant::now(), processor());
    for block in 1..=SETTLED + DAY {
        traffic.send(block).await;
        chain.devnet.mine(1).await.unwrap();
        if block % 2_400 == 0 {
            say(&format!("block {block}: {} MiB after {:.1?}", memory(), began.elapsed()));
        }
        if block > SETTLED && block.is_multiple_of(60) {
            let half = usize::from(block > SETTLED + DAY / 2);
            greatest[half] = memory().max(greatest[half]);
        }
    }
    let (spent, sent) = (processor().saturating_sub(spent), traffic.had_its_effect(SETTLED + DAY).await);
    let [first, second] = greatest;
    say(&format!("day: {first} MiB at most in its first half, {second} MiB in its second"));
    say(&format!("its traffic: {sent} extrinsics in {} blocks, {spent:.1?} of processor", SETTLED + DAY));
    assert!(second <= first + 4, "memory is not to grow with the chain");
}

#[tokio::main]
async fn main() {
    let chain = start("default", "default", Duration::from_secs(1)).await;
    transfers(&chain).await;
    chain.stop().await;
    let chain = start("in use, 4 subnets of 32 neurons", PROFILE, Duration::from_secs(1)).await;
    day(&chain).await;
    chain.stop().await;
    start("busy with 128 subnets of 256 neurons", "busy", Duration::from_secs(5)).await.stop().await;
}
