//! The development chain in its owner's hands, through `btctl devnet`: time, storage, the past, faults, profiles; and
//! what btd makes of a chain that is taken back.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    time::{Duration, Instant},
};

use btd_tests::{Host, rpc::call, wait_for, websocket::Following};
use serde_json::{Value, json};

const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
/// `System.Account` of //Ferdie, an account that nothing else touches here.
const FERDIE: &str = "0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9\
                      23a05cabf6d3bde7ca3ef0d11596b5611cbd2d43530a44705ad088af313e18f80b53ef16b36177cd4b77b846f2a5f07c";

fn balance(host: &Host, address: &str) -> Value {
    host.ask(&["wallet", "balance", "--address", address])["rows"][0]["free"].clone()
}

fn finalized(host: &Host) -> u64 {
    host.ask(&["status"])["chain"]["finalized"]["number"].as_u64().unwrap()
}

#[test]
fn the_chain_is_in_its_owners_hands() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "instant"]);
    host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);
    let pay = || {
        host.ask(&["wallet", "transfer", "--wallet", "alice", "--dest", BOB, "--amount", "5", "--yes"])["outcome"]
            .clone()
    };

    let accounts = host.ask(&["devnet", "accounts"]);
    assert_eq!(accounts["accounts"][1]["uri"], "//Bob");
    assert_eq!(accounts["accounts"][1]["address"], BOB);
    assert_eq!(accounts["accounts"][1]["free"], "1000000000000000");
    assert_eq!(host.ask(&["devnet", "mine", "7"])["number"], 7);
    wait_for("btd to follow the blocks", || (finalized(&host) == 7).then_some(()));

    // A snapshot, some life, and back; btd follows, and what was paid is not paid.
    let (poor, snapshot) = (balance(&host, BOB), host.ask(&["devnet", "snapshot"])["snapshot"].clone());
    assert_eq!(snapshot, "0x1");
    assert_eq!(pay()["block"]["number"], 8);
    assert_ne!(balance(&host, BOB), poor);
    assert_eq!(host.ask(&["devnet", "mine", "30"])["number"], 38);
    wait_for("btd to follow the blocks", || (finalized(&host) == 38).then_some(()));
    for already in [false, true] {
        let synced = host.ask(&["subnets", "sync", "1", "--block", "30"]);
        assert_eq!((&synced["kept"], &synced["already"]), (&Value::from(true), &Value::from(already)));
    }
    let recalled = ["rpc", "metagraph_column", r#"{"netuid":1,"column":"S","block":30}"#];
    let hash = host.ask(&recalled)["at"]["hash"].clone();
    assert_eq!(host.ask(&["devnet", "status"])["snapshots"][0]["block"]["number"], 7);
    assert_eq!(host.ask(&["devnet", "revert", "0x1"])["number"], 7);
    wait_for("btd to follow the chain back", || (finalized(&host) == 7).then_some(()));
    assert_eq!(balance(&host, BOB), poor);
    wait_for("the metagraphs to be read anew", || {
        (host.ask(&["subnets", "metagraph", "1"])["at"]["number"].as_u64().unwrap() <= 7).then_some(())
    });
    let (code, error) = host.refused(&["devnet", "revert", "0x1"]);
    assert!(code == 1 && error.contains("there is no snapshot 0x1"), "{code} {error}");
    // What was kept of a block that the chain has no more is told neither before it has another one nor after.
    let (code, error) = host.refused(&recalled);
    assert!(code == 1 && error.contains("no block 30 yet"), "{code} {error}");
    assert_eq!(pay()["block"]["number"], 8);
    host.ask(&["devnet", "mine", "30"]);
    wait_for("btd to follow the blocks", || (finalized(&host) == 38).then_some(()));
    assert_ne!(host.ask(&recalled)["at"]["hash"], hash);

    // Time, by a moment and by a span.
    let set = host.ask(&["devnet", "set-time", "2040-01-01T00:00:00Z"]);
    assert_eq!(set["timestamp_ms"], 2_208_988_800_000_u64);
    host.ask(&["devnet", "mine"]);
    assert_eq!(host.ask(&["devnet", "status"])["timestamp_ms"], 2_208_988_800_000_u64);
    assert!(host.ask(&["devnet", "set-time", "+1h"])["timestamp_ms"].as_u64().unwrap() >= 2_208_992_400_000);
    let (code, error) = host.refused(&["devnet", "set-time", "2039-01-01T00:00:00Z"]);
    assert!(code == 2 && error.contains("time cannot be set"), "{code} {error}");

    // Storage: money out of nothing.
    let ferdie = host.ask(&["devnet", "accounts"])["accounts"][5]["address"].as_str().unwrap().to_owned();
    let counters = "00000000".repeat(2) + "01000000" + "00000000";
    let value = format!("0x{counters}{}{}", "00e40b5402000000", "00".repeat(8 + 8 + 15) + "80");
    let before = host.ask(&["devnet", "status"])["head"]["number"].as_u64().unwrap();
    let set = host.ask(&["devnet", "set-storage", &format!("{FERDIE}={value}")]);
    assert_eq!(set["number"].as_u64().unwrap(), before + 1);
    wait_for("btd to see the money", || (balance(&host, &ferdie) == "10000000000").then_some(()));
    let (code, error) = host.refused(&["devnet", "set-storage", "0xzz=0x00"]);
    assert!(code == 2 && error.contains("0xzz"), "{code} {error}");

    // A round of the beacon: the development one's, or drand's by its signature.
    let signature = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39";
    assert_eq!(host.ask(&["devnet", "pulse", "1000"])["number"].as_u64().unwrap(), before + 2);
    let brought = host.ask(&["devnet", "pulse", "1000", "--signature", signature]);
    assert_eq!(brought["number"].as_u64().unwrap(), before + 3);
    let (code, error) = host.refused(&["devnet", "pulse", "1001", "--signature", signature]);
    assert!(code == 2 && error.contains("the signature of round 1001"), "{code} {error}");
    assert!(daemon.stop().success());
}

#[test]
fn blocks_that_are_mined_end_with_whoever_asked_for_them() {
    const MANY: u64 = 100_000;
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "1h"]);
    let mut mining = host.command_of("btctl").args(["devnet", "mine", &MANY.to_string()]).spawn().unwrap();
    wait_for("the first blocks", || (finalized(&host) > 0).then_some(()));
    mining.kill().unwrap();
    mining.wait().unwrap();
    // It is told once the chain has done what was asked for before.
    let height = || host.ask(&["devnet", "status"])["head"]["number"].as_u64().unwrap();
    let reached = height();
    assert!(reached < MANY, "{reached}");
    assert_eq!(height(), reached);
    assert!(daemon.stop().success());
}

#[test]
fn faults_are_put_in_force_and_cleared() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "250ms"]);
    let stalled = host.ask(&["devnet", "fault", "stall-finality"]);
    assert_eq!(stalled["faults"][0]["fault"], "stall_finality");
    let at = wait_for("blocks without finality", || {
        let status = host.ask(&["devnet", "status"]);
        let number = |name: &str| status[name]["number"].as_u64().unwrap();
        (number("head") > number("finalized") + 2).then(|| number("finalized"))
    });
    assert!(finalized(&host) <= at);
    assert_eq!(host.ask(&["devnet", "fault", "clear"])["faults"], serde_json::json!([]));
    wait_for("finality to catch up", || (finalized(&host) > at + 2).then_some(()));

    // btd's own link is cut, and comes back by itself.
    assert!(host.ask(&["devnet", "fault", "drop", "--connections", "ws"])["dropped"].as_u64().unwrap() >= 1);
    let at = finalized(&host);
    wait_for("the link to come back", || (finalized(&host) > at + 1).then_some(()));
    host.ask(&["devnet", "fault", "refuse"]);
    wait_for("the link to be lost", || (host.ask(&["status"])["chain"]["link"] != "live").then_some(()));
    host.ask(&["devnet", "fault", "clear"]);
    wait_for("the link to come back", || (host.ask(&["status"])["phase"] == "ready").then_some(()));
    let listed = host.btctl(&["devnet", "fault"]);
    assert_eq!(String::from_utf8_lossy(&listed.stdout), "no fault is in force\n");
    let (code, _) = host.refused(&["devnet", "fault", "delay"]);
    assert_eq!(code, 2, "a delay has a length");
    assert!(daemon.stop().success());
}

#[test]
fn a_block_that_is_not_final_is_neither_read_nor_made_history() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "250ms"]);
    let snapshot = host.ask(&["devnet", "snapshot"])["snapshot"].as_str().unwrap().to_owned();
    host.ask(&["devnet", "fault", "stall-finality"]);
    let (number, hash) = wait_for("blocks without finality", || {
        let status = host.ask(&["devnet", "status"]);
        let number = |name: &str| status[name]["number"].as_u64().unwrap();
        let hash = status["head"]["hash"].as_str().unwrap().to_owned();
        (number("head") > number("finalized") + 2).then(|| (number("head"), hash))
    });
    let reads: [&[&str]; 4] = [
        &["subnets", "sync", "1", "--block", &hash],
        &["subnets", "metagraph", "1", "--block", &hash],
        &["query", "storage", "System", "Number", "--block", &hash],
        &["query", "block", &hash],
    ];
    for read in reads {
        let (code, error) = host.refused(read);
        assert!(code == 1 && error.contains("the newest finalized one is"), "{read:?}: {code} {error}");
    }
    // It never becomes final: another one takes its place, of which the history has nothing yet.
    host.ask(&["devnet", "revert", &snapshot]);
    host.ask(&["devnet", "fault", "clear"]);
    wait_for("another block to be final", || (finalized(&host) > number).then_some(()));
    let recalled = host.ask(&["rpc", "metagraph_neuron", &format!(r#"{{"netuid":1,"uid":0,"block":{number}}}"#)]);
    assert_ne!(recalled["at"]["hash"], hash.as_str());
    let (code, error) = host.refused(reads[0]);
    assert!(code == 1 && error.contains(&hash), "{code} {error}");
    // What is final is read by the hash that the chain itself tells, however new it is.
    let newest = host.ask(&["devnet", "status"])["finalized"].clone();
    let read = host.ask(&["query", "storage", "System", "Number", "--block", newest["hash"].as_str().unwrap()]);
    assert_eq!((&read["at"]["hash"], &read["value"]), (&newest["hash"], &newest["number"]));
    assert!(daemon.stop().success());
}

#[test]
fn a_node_is_looked_at_whether_it_is_followed_or_not() {
    let host = Host::new();
    let _daemon = host.start(&["--network", "devnet", "--block-time", "1s"]);
    let status = host.ask(&["rpc", "chain_status"]);
    let followed = status["endpoints"][0]["endpoint"].as_str().unwrap();
    let looks = format!(r#"{{"endpoints":["{followed}","ws://127.0.0.1:1","http://127.0.0.1:1"]}}"#);
    let told = host.ask(&["rpc", "chain_latency", &looks])["endpoints"].clone();
    assert_eq!((&told[0]["same_chain"], &told[0]["genesis"]), (&true.into(), &status["genesis"]));
    assert!(told[0]["connect_ms"].is_u64() && told[0]["answer_ms"].is_u64(), "{told}");
    assert_eq!((&told[1]["trouble"], &told[1]["same_chain"]), (&"unreachable".into(), &Value::Null));
    assert_eq!(told[2]["trouble"], "unusable");
    let (code, error) = host.refused(&["rpc", "chain_latency", r#"{"endpoints":[]}"#]);
    assert!(code == 2 && error.contains("1 to 16 endpoints"), "{code} {error}");

    let told = host.ask(&["utils", "latency", "--network", "ws://127.0.0.1:1", "--network", "ws://127.0.0.1:2"]);
    assert_eq!(told["endpoints"][0]["endpoint"], followed);
    let others: Vec<&Value> = told["others"].as_array().unwrap().iter().map(|other| &other["endpoint"]).collect();
    assert_eq!(others, ["ws://127.0.0.1:1", "ws://127.0.0.1:2"]);
}

#[test]
fn a_busy_chain_is_read_whole() {
    let (node, host) = (Host::new(), Host::new());
    let chain = node.start(&["--network", "devnet", "--block-time", "250ms", "--devnet-profile", "busy:3x12:7"]);
    let status = node.ask(&["devnet", "status"]);
    assert_eq!(status["profile"], "busy:3x12:7");
    let list = node.ask(&["subnets", "list"]);
    assert_eq!(list["subnets"].as_array().unwrap().len(), 4);
    let metagraph = node.ask(&["subnets", "metagraph", "2"]);
    let neurons = metagraph["neurons"].as_array().unwrap();
    assert_eq!((neurons.len(), &metagraph["subnet"]["name"]), (12, &Value::from("busy 2")));
    assert!(neurons.iter().all(|neuron| neuron["stake"].as_str().unwrap() != "0"));
    assert!(neurons[11]["axon"]["port"].is_u64());

    // Who follows the chain of another btd has no say in it.
    let daemon = host.start(&["--network", status["endpoint"].as_str().unwrap()]);
    for verb in [&["mine"][..], &["status"], &["accounts"], &["snapshot"], &["fault", "clear"], &["set-time", "+1s"]] {
        let (code, error) = host.refused(&[&["devnet"], verb].concat());
        assert!(code == 1 && error.contains("btd --network devnet"), "{verb:?}: {code} {error}");
    }
    assert!(daemon.stop().success());
    assert!(chain.stop().success());
}

#[test]
fn a_profile_that_is_none_is_refused() {
    for (profile, words) in [("full", "write empty, default, localnet, busy"), ("busy:0x5", "1 to 1024 subnets")] {
        let host = Host::new();
        let output = host.btd(&["--network", "devnet", "--devnet-profile", profile]).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(words), "{profile}: {error}");
    }
}

#[test]
fn the_history_is_told_once_it_was_compared_and_found_by_the_hash_of_a_block() {
    let host = Host::new();
    let chain = host.path("chain");
    let begin = || host.start(&["--network", "devnet", "--block-time", "instant", "--state", chain.to_str().unwrap()]);
    let mine_to = |number: u64| {
        let blocks = number - finalized(&host);
        assert_eq!(host.ask(&["devnet", "mine", &blocks.to_string()])["number"], number);
        wait_for("btd to follow the blocks", || (finalized(&host) == number).then_some(()));
    };
    let sync = |block: &str| host.ask(&["subnets", "sync", "1", "--block", block]);
    // The blocks of the records, once all of them are certain.
    let compared = || {
        wait_for("the history to be compared", || {
            let records = host.ask(&["subnets", "history", "1"])["records"].as_array().unwrap().clone();
            let all = records.iter().all(|record| record["certain"] == true);
            all.then(|| records.iter().map(|record| record["block"]["number"].as_u64().unwrap()).collect::<Vec<_>>())
        })
    };
    let daemon = begin();
    mine_to(30);
    let hashes = ["10", "20"].map(|block| sync(block)["at"]["hash"].as_str().unwrap().to_owned());
    let recorded = compared();
    assert!(recorded.contains(&10) && recorded.contains(&20), "{recorded:?}");
    assert!(daemon.stop().success());

    // After a restart it is compared with the chain anew, and blocks are found by number and by hash.
    let daemon = begin();
    let again = compared();
    assert!(recorded.iter().all(|block| again.contains(block)), "{recorded:?}, then {again:?}");
    for (hash, number) in hashes.iter().zip(["10", "20"]) {
        for block in [hash, number] {
            let found = sync(block);
            assert_eq!((&found["already"], &found["at"]["hash"]), (&Value::from(true), &Value::from(hash.as_str())));
        }
    }

    // A chain that is taken back while btd follows it: what it has no more is not told under any name.
    let snapshot = host.ask(&["devnet", "snapshot"])["snapshot"].as_str().unwrap().to_owned();
    mine_to(45);
    let gone = sync("40")["at"]["hash"].as_str().unwrap().to_owned();
    assert_eq!(sync(&gone)["already"], true);
    assert_eq!(host.ask(&["devnet", "revert", &snapshot])["number"], 30);
    wait_for("btd to follow the chain back", || (finalized(&host) == 30).then_some(()));
    wait_for("the metagraphs to be read anew", || {
        (host.ask(&["subnets", "metagraph", "1"])["at"]["number"].as_u64().unwrap() <= 30).then_some(())
    });
    mine_to(45);
    let kept = compared();
    assert!(!kept.contains(&40), "{kept:?}");
    let (code, error) = host.refused(&["subnets", "sync", "1", "--block", &gone]);
    assert!(code == 1 && error.contains(&gone), "{code} {error}");
    let other = sync("40");
    assert_eq!(other["already"], false);
    assert_ne!(other["at"]["hash"], gone);
    assert!(daemon.stop().success());
}

/// What a command of the client shows, up to block `last`.
fn shown(lines: &mut impl Iterator<Item = String>, last: u64) -> Vec<Value> {
    let mut shown = Vec::new();
    loop {
        let item: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
        let is_last = item["number"] == last;
        shown.push(item);
        if is_last {
            return shown;
        }
    }
}

#[test]
fn a_block_is_waited_for_where_there_is_one_and_none_that_was_replaced_is_taken_for_it() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "instant"]);
    // What is told of at least that block: all subnets, and one with its neurons.
    let told = |at_least: u64| {
        let list = call(&host, "subnets_list", &json!({ "at_least": at_least })).unwrap();
        let metagraph = call(&host, "subnets_metagraph", &json!({ "netuid": 1, "at_least": at_least })).unwrap();
        [list["at"].clone(), metagraph["at"].clone(), metagraph["subnet_at"].clone()]
    };
    let mine = |count: &str, last: u64| {
        assert_eq!(host.ask(&["devnet", "mine", count])["number"], last);
        wait_for("btd to follow the blocks", || (finalized(&host) == last).then_some(()));
        let hash = host.ask(&["rpc", "chain_block", &format!("block={last}")])["hash"].clone();
        for at in told(last) {
            assert_eq!((&at["number"], &at["hash"]), (&json!(last), &hash), "{at}");
        }
    };
    mine("2", 2);
    let snapshot = host.ask(&["devnet", "snapshot"])["snapshot"].as_str().unwrap().to_owned();
    mine("6", 8);
    // What has no block yet is not waited for.
    let begun = Instant::now();
    for at in told(u32::MAX.into()) {
        assert_eq!(at["number"], 8, "{at}");
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    // Block 8 comes after block 5, and is not of the same chain any more.
    host.ask(&["devnet", "revert", &snapshot]);
    mine("3", 5);
    assert!(daemon.stop().success());
}

#[test]
fn whoever_follows_is_told_every_block_that_takes_the_place_of_another() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "instant"]);
    let mine_to = |number: u64| {
        let blocks = number - finalized(&host);
        assert_eq!(host.ask(&["devnet", "mine", &blocks.to_string()])["number"], number);
        wait_for("btd to follow the blocks", || (finalized(&host) == number).then_some(()));
    };
    mine_to(20);
    let snapshot = host.ask(&["devnet", "snapshot"])["snapshot"].as_str().unwrap().to_owned();
    mine_to(50);

    let mut follower = host.command_of("btctl");
    follower.args(["--json", "events", "--from", "45"]).stdout(Stdio::piped());
    let mut follower = follower.spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert_eq!(shown(&mut lines, 50).len(), 6);
    let mut reader = host.command_of("btctl");
    reader.args(["events", "--from", "48", "--blocks", "28"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let reader = reader.spawn().unwrap();
    // These go on where they left off in an earlier life: in the next block, of which two events were told.
    let mut events = Following::connect(&host);
    events.call("events_subscribe", &json!({ "from_cursor": "51-2" })).unwrap();
    let mut waiting = Following::connect(&host);
    waiting.call("chain_subscribeFinalized", &json!({})).unwrap();
    // Blocks that somebody handles: one that stays, and one that is taken back.
    let [stays, goes] = [15, 30].map(|number: u32| {
        let hash = host.ask(&["rpc", "chain_block", &format!("block={number}")])["hash"].clone();
        format!("{number}-{}", &hash.as_str().unwrap()[2..10])
    });

    assert_eq!(host.ask(&["devnet", "revert", &snapshot])["number"], 20);
    wait_for("btd to follow the chain back", || (finalized(&host) == 20).then_some(()));
    mine_to(45);

    let told = shown(&mut lines, 45);
    assert_eq!((&told[0]["type"], &told[0]["next"]), (&json!("replaced"), &json!(21)), "{}", told[0]);
    assert!(told[0]["trouble"].as_str().unwrap().contains("from 21 on were replaced"), "{}", told[0]);
    let numbers: Vec<u64> = told[1..].iter().map(|block| block["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (21..=45).collect::<Vec<_>>());
    assert!(told[1..].windows(2).all(|pair| pair[1]["parent"] == pair[0]["hash"]), "each follows on the one before it");
    let follows_on = host.ask(&["rpc", "chain_block", r#"{"block":20}"#])["hash"].clone();
    assert_eq!(told[1]["parent"], follows_on);
    follower.kill().unwrap();
    follower.wait().unwrap();

    // Who had come to the end and waited for the next one is told the same.
    let next = |following: &mut Following| following.next("what follows")["params"]["result"].clone();
    let item = next(&mut waiting);
    assert_eq!((&item["type"], &item["next"]), (&json!("replaced"), &json!(21)), "{item}");
    assert_eq!(next(&mut waiting)["number"], 21);
    // What was told of another block 51 is no reason to leave events of these out.
    let item = next(&mut events);
    assert_eq!((&item["type"], &item["cursor"]), (&json!("replaced"), &json!("21")), "{item}");
    let (mut number, mut index) = (21, 0);
    while number < 45 {
        let item = next(&mut events);
        if item["block"]["number"] != number {
            (number, index) = (number + 1, 0);
        }
        let place = (&item["type"], &item["block"]["number"], &item["index"]);
        assert_eq!(place, (&json!("event"), &json!(number), &json!(index)), "{item}");
        index += 1;
    }

    // Whoever goes on behind a block later is told that another one has taken its place.
    let behind = |cursor: &str| {
        let mut following = Following::connect(&host);
        following.call("chain_subscribeFinalized", &json!({ "from_cursor": cursor })).unwrap();
        [next(&mut following), next(&mut following)]
    };
    let [replaced, first] = behind(&goes);
    assert_eq!((&replaced["type"], &replaced["next"]), (&json!("replaced"), &json!(30)), "{replaced}");
    assert!(first["number"] == 30 && first["cursor"] != json!(goes), "{first}");
    let [first, second] = behind(&stays);
    assert_eq!((&first["number"], &second["number"]), (&json!(16), &json!(17)));
    let [again, _] = behind(first["cursor"].as_str().unwrap());
    assert_eq!(again, second);

    // On a terminal, or in a log, it is said in words.
    let output = reader.wait_with_output().unwrap();
    let (shown, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let numbers: Vec<&str> = shown.lines().filter_map(|line| line.strip_prefix('#')?.split(' ').next()).collect();
    assert_eq!(
        numbers,
        [48, 49, 50].into_iter().chain(21..=45).map(|number: u32| number.to_string()).collect::<Vec<_>>()
    );
    assert!(output.status.success() && said.contains("what was shown of block #21"), "{said}");
    assert!(daemon.stop().success());
}
