//! Eight callers, a daemon that is killed under them again and again, and a link that is cut around the
//! sending of extrinsics: every intent lands once.
//!
//! The chain runs in another process, which stays. `BTD_STORM_CALLS`, `BTD_STORM_KILLS` and
//! `BTD_STORM_CUTS` make it larger than its usual size.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use btd_tests::{Host, cutter::Cutter, wait_for, wait_long_for};
use serde_json::Value;

const CHARLIE: &str = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y";
const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const CALLERS: usize = 8;

#[expect(clippy::disallowed_methods, reason = "the size of a test is asked for by who runs it")]
fn size(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |text| text.parse().unwrap())
}

/// What a call does. Those with an amount have one of their own, by which they are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Transfer,
    Stake,
    Unstake,
    /// What is done with root dividends, one thing and the other in turns.
    Claim,
}

fn kind(i: usize) -> Kind {
    [Kind::Transfer, Kind::Stake, Kind::Transfer, Kind::Unstake, Kind::Claim][i % 5]
}

fn rao(i: usize) -> u64 {
    1_000_000_000 + u64::try_from(i).unwrap() + 1
}

/// Call number `i`.
fn words(i: usize) -> Vec<String> {
    let amount = format!("{}.{:09}", rao(i) / 1_000_000_000, rao(i) % 1_000_000_000);
    let claim = if i.is_multiple_of(2) { "swap" } else { "keep" };
    let what: &[&str] = match kind(i) {
        Kind::Transfer => &["wallet", "transfer", "--dest", CHARLIE, "--amount", &amount],
        Kind::Stake => &["stake", "add", "--netuid", "0", "--hotkey", ALICE, "--amount", &amount],
        Kind::Unstake => &["stake", "remove", "--netuid", "0", "--hotkey", ALICE, "--amount", &amount],
        Kind::Claim => &["stake", "set-claim", claim],
    };
    let rest = ["--wallet", "alice", "--yes", "--json", "--idempotency-key", &format!("storm-{i}")];
    what.iter().copied().chain(rest).map(str::to_owned).collect()
}

/// What all calls of a kind that landed moved.
fn moved(landed: &BTreeSet<usize>, wanted: Kind) -> u64 {
    landed.iter().filter(|i| kind(**i) == wanted).map(|i| rao(*i)).sum()
}

/// Everything that was signed.
fn signed(host: &Host) -> Vec<Value> {
    let mut entries = Vec::new();
    let mut page = host.ask(&["tx", "list", "--limit", "1000"]);
    loop {
        entries.extend(page["entries"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_i64() else { return entries };
        page = host.ask(&["tx", "list", "--limit", "1000", "--before", &next.to_string()]);
    }
}

/// Asks until the end is known, as a caller does who loses the daemon in the middle: whether it
/// stands on the chain.
fn lands(host: &Host, i: usize) -> bool {
    let words = words(i);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // The blocks of an era, each as late as the machine makes it.
    wait_long_for(Duration::from_mins(10), &format!("the end of call {i}"), || {
        let output = host.btctl(&words);
        if output.status.success() {
            let receipt: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(receipt["outcome"]["state"], "finalized", "{receipt}");
            return Some(true);
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let document: Value = said.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
        let kind = document["error"]["kind"].as_str().unwrap_or_default();
        // Killed before it was sent, and not up again before its era was over: it is in no block.
        if kind == "EXTRINSIC_INVALID" && document["error"]["data"]["name"] == "EraEnded" {
            return Some(false);
        }
        let is_passing = [
            "DAEMON_UNREACHABLE",
            "CONNECTION_CLOSED",
            "CONNECTION_LOST",
            "TURNED_AWAY",
            "NOT_BTD",
            "OUTCOME_UNKNOWN",
            "WARMING_UP",
            "CHAIN_UNAVAILABLE",
            "SHUTTING_DOWN",
            "TIMEOUT",
            "BUSY",
        ];
        assert!(is_passing.contains(&kind), "call {i} ended with {kind}: {said}");
        thread::sleep(Duration::from_millis(50));
        None
    })
}

#[test]
fn every_intent_lands_once_whenever_the_daemon_is_killed() {
    storm(size("BTD_STORM_CALLS", 24), size("BTD_STORM_KILLS", 3), 0);
}

#[test]
fn every_intent_lands_once_wherever_the_link_is_cut() {
    storm(size("BTD_STORM_CALLS", 16), size("BTD_STORM_KILLS", 1), size("BTD_STORM_CUTS", 6));
}

/// So many calls, with so many kills of the daemon and cuts of its link among them.
fn storm(calls: usize, kills: usize, cuts: usize) {
    let begun = Instant::now();
    let chain = Host::new();
    let _chain = chain.start(&["--network", "devnet", "--block-time", "250ms"]);
    let node = chain.ask(&["status"])["devnet"].as_str().expect("no address of the chain").to_owned();
    // Cut as often as the calls allow: what was cut is sent again, and counts once more.
    let cutter = (cuts > 0).then(|| Cutter::before(&node, (calls / cuts).max(2), cuts));
    let endpoint = cutter.as_ref().map_or(node, Cutter::endpoint);
    let free = |address: &str| {
        chain.ask(&["wallet", "balance", address])["rows"][0]["free"].as_str().unwrap().parse::<u64>().unwrap()
    };

    let host = Host::new();
    let arguments = ["--network", endpoint.as_str()];
    let mut daemon = Some(host.start(&arguments));
    host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);
    host.ask(&["root", "register", "--wallet", "alice", "--yes"]);
    host.ask(&["stake", "add", "--netuid", "0", "--hotkey", ALICE, "--wallet", "alice", "--amount", "1000", "--yes"]);
    let before = free(CHARLIE);
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let landed = Mutex::new(BTreeSet::new());
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= calls {
                        break;
                    }
                    if lands(&host, i) {
                        landed.lock().unwrap().insert(i);
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for kill in 1..=kills {
            // Spread over the run, and at whatever point of a call that is.
            wait_long_for(Duration::from_mins(10), "more calls to end", || {
                (done.load(Ordering::Relaxed) >= calls * kill / (kills + 1)).then_some(())
            });
            daemon.take().expect("it was started").kill();
            daemon = Some(host.start_alone(&arguments));
        }
    });
    // The last kill or cut may have been a moment ago.
    wait_for("btd to be ready", || (host.ask(&["status"])["phase"] == "ready").then_some(()));
    let landed = landed.into_inner().unwrap();
    let cut = cutter.as_ref().map(Cutter::cuts).unwrap_or_default();
    println!("{} of {calls} calls landed, {kills} kills, cuts {cut:?}, in {:?}", landed.len(), begun.elapsed());
    assert!(cut.iter().sum::<usize>() >= cuts / 2, "the link was cut {cut:?} times only");

    // What arrived is what was sent, once: each amount is its own, so no double and no loss adds up.
    assert_eq!(free(CHARLIE), before + moved(&landed, Kind::Transfer));
    let stakes = host.ask(&["stake", "list", "--wallet", "alice"]);
    let staked = stakes["positions"].as_array().unwrap().iter().find(|position| position["netuid"] == 0).cloned();
    let staked = staked.map_or(0, |position| position["stake"].as_str().unwrap().parse::<u64>().unwrap());
    let staked_before = 1_000_000_000_000;
    assert_eq!(staked + moved(&landed, Kind::Unstake), staked_before + moved(&landed, Kind::Stake));

    // Every intent has ended, each has a nonce of its own, and none is left out.
    let entries = signed(&host);
    let mut nonces: Vec<u64> = entries
        .iter()
        .filter(|entry| entry["state"] == "succeeded")
        .map(|entry| entry["nonce"].as_u64().unwrap())
        .collect();
    nonces.sort_unstable();
    // Those two that came before the storm are among them.
    assert_eq!(nonces, (0..u64::try_from(landed.len() + 2).unwrap()).collect::<Vec<_>>());
    assert!(entries.iter().all(|entry| entry["state"] != "pending"), "{entries:?}");
}
