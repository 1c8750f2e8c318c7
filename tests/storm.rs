//! Eight callers, a daemon that is killed under them again and again, and a link that is cut around the
//! sending of extrinsics: every intent lands once, or not at all where that is said of it.
//!
//! The chain runs in another process, which stays and is asked in the end: its blocks, its nonce and its pool.
//! `BTD_STORM_CALLS`, `BTD_STORM_KILLS` and `BTD_STORM_CUTS` make it larger than its usual size.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use btd_tests::{
    Host,
    cutter::Cutter,
    rpc::{call, call_node},
    wait_for, wait_long_for,
};
use serde_json::{Value, json};

const CHARLIE: &str = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y";
const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
/// Who signs, and as which wallet. Both get a place on root before the storm, and the second may sign for the first.
const ACCOUNTS: [(&str, &str); 2] = [("alice", ALICE), ("bob", BOB)];
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
    /// Taking stake back from where there is none, on behalf of an account of two: what cannot be seen beforehand.
    Failing,
    /// Staking behind both, or behind none.
    Batch,
    /// A transfer of the first's, which the second signs.
    Proxied,
}

const KINDS: [Kind; 8] = [
    Kind::Transfer,
    Kind::Stake,
    Kind::Batch,
    Kind::Unstake,
    Kind::Failing,
    Kind::Claim,
    Kind::Transfer,
    Kind::Proxied,
];

fn kind(i: usize) -> Kind {
    KINDS[i % KINDS.len()]
}

fn account(i: usize) -> (&'static str, &'static str) {
    ACCOUNTS[usize::from(i % 4 == 3)]
}

/// Whether its caller first waits for a block that may not be final, and only then for the end.
fn looks_early(i: usize) -> bool {
    [1, 4].contains(&(i % 5))
}

/// Whether it would be given up at some time. By then all is over; but nothing of it is sent before that is written down.
fn has_a_deadline(i: usize) -> bool {
    i % 5 == 2
}

fn chosen_claim(i: usize) -> &'static str {
    if (i / KINDS.len()).is_multiple_of(2) { "Swap" } else { "Keep" }
}

fn rao(i: usize) -> u64 {
    1_000_000_000 + u64::try_from(i).unwrap() + 1
}

/// What is called on behalf of two, as blocks show it too.
fn failing(i: usize) -> Value {
    json!({ "hotkey": ALICE, "netuid": 0, "amount_unstaked": rao(i).to_string() })
}

/// Call number `i`.
fn words(i: usize) -> Vec<String> {
    let amount = format!("{}.{:09}", rao(i) / 1_000_000_000, rao(i) % 1_000_000_000);
    let claim = chosen_claim(i).to_lowercase();
    let (both, call) = (
        format!("{ALICE},{BOB}"),
        json!({ "pallet": "SubtensorModule", "call": "remove_stake", "args": failing(i) }).to_string(),
    );
    let what: &[&str] = match kind(i) {
        Kind::Transfer => &["wallet", "transfer", "--dest", CHARLIE, "--amount", &amount],
        Kind::Stake => &["stake", "add", "--netuid", "0", "--hotkey", ALICE, "--amount", &amount],
        Kind::Unstake => &["stake", "remove", "--netuid", "0", "--hotkey", ALICE, "--amount", &amount],
        Kind::Claim => &["stake", "set-claim", &claim],
        Kind::Failing => &["multisig", "propose", "--signatories", &both, "--threshold", "1", "--call", &call],
        Kind::Batch => &["stake", "add", "--netuids", "0", "--hotkey", &both, "--amount", &amount],
        Kind::Proxied => &["wallet", "transfer", "--dest", CHARLIE, "--amount", &amount, "--proxy", ALICE],
    };
    let deadline: &[&str] = if has_a_deadline(i) { &["--deadline", "30m"] } else { &[] };
    let lane = ["urgent", "normal", "bulk"][i % 3];
    let key = format!("storm-{i}");
    let rest = ["--wallet", account(i).0, "--lane", lane, "--yes", "--json", "--idempotency-key", &key];
    what.iter().chain(deadline).copied().chain(rest).map(str::to_owned).collect()
}

/// A call as a block shows it: its name, and the amount, the choice or whatever tells it from others.
fn shown(i: usize) -> (&'static str, Value) {
    let amount = json!(rao(i).to_string());
    match kind(i) {
        Kind::Transfer => ("Balances.transfer_keep_alive", amount),
        Kind::Stake => ("SubtensorModule.add_stake", amount),
        Kind::Unstake => ("SubtensorModule.remove_stake", amount),
        Kind::Claim => ("SubtensorModule.set_root_claim_type", json!(chosen_claim(i))),
        Kind::Failing => {
            ("Multisig.as_multi_threshold_1", json!({ "SubtensorModule": { "remove_stake": failing(i) } }))
        }
        Kind::Batch => {
            let behind = |hotkey: &str| {
                let add = json!({ "hotkey": hotkey, "netuid": 0, "amount_staked": amount });
                json!({ "SubtensorModule": { "add_stake": add } })
            };
            ("Utility.batch_all", json!([behind(ALICE), behind(BOB)]))
        }
        Kind::Proxied => {
            let transfer = json!({ "dest": { "Id": CHARLIE }, "value": amount });
            ("Proxy.proxy", json!({ "Balances": { "transfer_keep_alive": transfer } }))
        }
    }
}

/// What tells a call in a block from others of its name.
fn told_apart(extrinsic: &Value) -> Value {
    let arguments = &extrinsic["arguments"];
    let telling = ["value", "amount_staked", "amount_unstaked", "new_root_claim_type", "call", "calls"];
    telling.iter().find_map(|name| arguments.get(name)).unwrap_or(arguments).clone()
}

/// Everything that one of the accounts signed and that stands in a finalized block, block after block.
fn on_chain(chain: &Host) -> Vec<Value> {
    let newest = call(chain, "chain_status", &json!({})).unwrap()["finalized"]["number"].as_u64().unwrap();
    let block = |number| call(chain, "chain_block", &json!({ "block": number })).unwrap();
    let extrinsics = (1..=newest).flat_map(|number| {
        let block = block(number);
        assert_eq!(block["illegible"], json!([]), "{block}");
        block["extrinsics"].as_array().unwrap().clone()
    });
    extrinsics.filter(|extrinsic| ACCOUNTS.iter().any(|(_, signer)| extrinsic["signer"] == *signer)).collect()
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

/// How a call ended, as its caller was told.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// It stands in a block and did what it should, or failed there.
    InBlock { extrinsic: String, success: bool },
    /// Killed before it was sent, and not up again before its era was over: it is in no block.
    Nowhere,
}

/// Asks until the end is known, as a caller does who loses the daemon in the middle. What a block that was not final
/// made of it is what the final ones do: this chain takes none back. How often it was told of one is counted.
fn end_of(host: &Host, i: usize, before_final: &AtomicUsize) -> End {
    let early = looks_early(i).then(|| told(host, i, "in-block", before_final));
    let end = told(host, i, "finalized", before_final);
    if let Some(early) = early {
        assert_eq!(early, end, "call {i}");
    }
    end
}

/// The same, as far as the caller waits.
fn told(host: &Host, i: usize, until: &str, before_final: &AtomicUsize) -> End {
    let mut words = words(i);
    words.extend(["--wait".to_owned(), until.to_owned()]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // The blocks of an era, each as late as the machine makes it.
    wait_long_for(Duration::from_mins(10), &format!("call {i} to be {until}"), || {
        let output = host.btctl(&words);
        if output.status.success() {
            let receipt: Value = serde_json::from_slice(&output.stdout).unwrap();
            let outcome = &receipt["outcome"];
            assert!(outcome["state"] == until || outcome["state"] == "finalized", "{receipt}");
            before_final.fetch_add(usize::from(outcome["state"] == "in-block"), Ordering::Relaxed);
            return Some(End::InBlock { extrinsic: outcome["extrinsic"].as_str().unwrap().to_owned(), success: true });
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let document: Value = said.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
        let (kind, data) = (document["error"]["kind"].as_str().unwrap_or_default(), &document["error"]["data"]);
        if kind == "EXTRINSIC_INVALID" && (data["name"] == "EraEnded" || data["error"] == "EraEnded") {
            return Some(End::Nowhere);
        }
        if kind == "DISPATCH_FAILED" {
            assert!(until != "finalized" || data["final"] == true, "{said}");
            before_final.fetch_add(usize::from(data["final"] == false), Ordering::Relaxed);
            return Some(End::InBlock { extrinsic: data["extrinsic"].as_str().unwrap().to_owned(), success: false });
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
    // It is asked in the end for every block.
    let terms = ["--network", "devnet", "--block-time", "250ms"];
    let _chain = chain.start_with(&terms, &[("BTD_DEVNET__RETENTION__STATES", "16384")]);
    wait_for("the chain to be read", || (chain.ask(&["status"])["phase"] == "ready").then_some(()));
    let node = chain.ask(&["status"])["devnet"].as_str().expect("no address of the chain").to_owned();
    // Somewhat early: what was cut is sent again, and every cut is made before the last call ends.
    let cutter = (cuts > 0).then(|| Cutter::before(&node, calls * 3 / 4, cuts));
    let endpoint = cutter.as_ref().map_or(node.clone(), Cutter::endpoint);

    let host = Host::new();
    let arguments = ["--network", endpoint.as_str()];
    let mut daemon = Some(host.start(&arguments));
    for (wallet, uri) in [("alice", "//Alice"), ("bob", "//Bob")] {
        host.ask(&["wallet", "create", "--wallet", wallet, "--uri", uri]);
    }
    host.ask(&["proxy", "add", "--delegate", BOB, "--proxy-type", "Any", "--wallet", "alice", "--yes"]);
    for (wallet, _) in ACCOUNTS {
        host.ask(&["root", "register", "--wallet", wallet, "--yes"]);
        host.ask(&[
            "stake", "add", "--netuid", "0", "--hotkey", ALICE, "--wallet", wallet, "--amount", "1000", "--yes",
        ]);
    }
    let before = on_chain(&chain).len();
    let (next, done, before_final) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let ends = Mutex::new(BTreeMap::new());
    // This chain's blocks are final at once. For a caller to be told of one before, finality stands still until one was.
    let is_early = (0..calls).any(looks_early);
    if is_early {
        chain.ask(&["devnet", "fault", "stall-finality"]);
    }
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= calls {
                        break;
                    }
                    let end = end_of(&host, i, &before_final);
                    ends.lock().unwrap().insert(i, end);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        if is_early {
            wait_for("a block to be told of that is not final", || {
                (before_final.load(Ordering::Relaxed) > 0).then_some(())
            });
            chain.ask(&["devnet", "fault", "clear"]);
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
    let ends = ends.into_inner().unwrap();
    let told: BTreeMap<&str, (usize, bool)> = ends
        .iter()
        .filter_map(|(i, end)| match end {
            End::InBlock { extrinsic, success } => Some((extrinsic.as_str(), (*i, *success))),
            End::Nowhere => None,
        })
        .collect();
    let failed = told.values().filter(|(_, success)| !success).count();
    let cut = cutter.as_ref().map(Cutter::cuts).unwrap_or_default();
    println!(
        "{} of {calls} calls came into blocks, of which {failed} failed there; {} were told of before those were final; \
         {kills} kills, cuts {cut:?}, in {:?}",
        told.len(),
        before_final.into_inner(),
        begun.elapsed()
    );
    assert_eq!(cut.iter().sum::<usize>(), cuts, "the link was cut {cut:?} times");
    assert!(cuts < 3 || cut.iter().all(|of_a_kind| *of_a_kind > 0), "{cut:?}");
    // Of those that are in no block there are few, and no two calls were told the same extrinsic.
    let nowhere = ends.values().filter(|end| matches!(end, End::Nowhere)).count();
    assert_eq!((ends.len(), told.len() + nowhere), (calls, calls), "{ends:?}");
    assert!(nowhere <= (calls / 20).max(1), "{ends:?}");

    // In the blocks stands what callers were told, each once, under its hash and with its end; and nothing else but what
    // came before the storm.
    let found = on_chain(&chain);
    let mut seen = BTreeSet::new();
    for extrinsic in &found[before..] {
        let hash = extrinsic["hash"].as_str().unwrap();
        assert!(seen.insert(hash), "twice: {extrinsic}");
        let (i, success) = *told.get(hash).unwrap_or_else(|| panic!("nobody was told of {extrinsic}"));
        let (name, what) = shown(i);
        assert_eq!((&extrinsic["call"], told_apart(extrinsic)), (&json!(name), what), "call {i}");
        assert_eq!((&extrinsic["signer"], &extrinsic["success"]), (&json!(account(i).1), &json!(success)), "call {i}");
        assert_eq!(success, kind(i) != Kind::Failing, "call {i}");
    }
    assert_eq!(seen.len(), told.len(), "callers were told of what is in no block");

    // The journal says the same: every intent has ended, those in a block have a nonce of their own, none of which is
    // left out, and their hashes are those of the blocks.
    let entries = signed(&host);
    let in_block = |entry: &&Value| ["succeeded", "failed"].iter().any(|state| entry["state"] == *state);
    let (ended, expired): (Vec<&Value>, Vec<&Value>) = entries.iter().partition(in_block);
    assert!(expired.iter().all(|entry| entry["state"] == "expired"), "{entries:?}");
    for entry in &ended {
        let block = found.iter().find(|extrinsic| extrinsic["hash"] == entry["extrinsic"]);
        let block = block.unwrap_or_else(|| panic!("in no block: {entry}"));
        assert_eq!(block["success"], json!(entry["state"] == "succeeded"), "{entry}");
    }
    assert_eq!(ended.len(), found.len());

    // The chain counts as many, nothing waits in its pool behind a gap, and what comes next lands.
    for (wallet, account) in ACCOUNTS {
        let mine = found.iter().filter(|extrinsic| extrinsic["signer"] == account).map(|found| &found["hash"]);
        let hashes: Vec<&Value> = mine.collect();
        let of_mine = ended.iter().filter(|entry| hashes.contains(&&entry["extrinsic"]));
        let mut nonces: Vec<u64> = of_mine.map(|entry| entry["nonce"].as_u64().unwrap()).collect();
        nonces.sort_unstable();
        let used = u64::try_from(hashes.len()).unwrap();
        assert_eq!(nonces, (0..used).collect::<Vec<_>>());
        let counted = || chain.ask(&["query", "storage", "System", "Account", account])["value"]["nonce"].clone();
        assert_eq!(counted(), json!(used));
        assert_eq!(call_node(&node, "system_accountNextIndex", &json!([account])), Ok(json!(used)));
        assert_eq!(call_node(&node, "author_pendingExtrinsics", &json!([])), Ok(json!([])));
        host.ask(&["wallet", "transfer", "--dest", CHARLIE, "--amount", "1", "--wallet", wallet, "--yes"]);
        wait_for("the chain's nonce", || (counted() == json!(used + 1)).then_some(()));
    }
}
