//! The real daemon over nodes that misbehave: who is left and named, what replies say meanwhile, that
//! nobody who follows misses a block, and that an endless answer costs no memory.
//!
//! The chain runs in another process, and each node of the daemon is a proxy before it that does as it is
//! told. How fast an endpoint is left with the usual configuration is shown on a clock of its own, in the
//! crate that speaks with the chain.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../daemon/chain/tests/devnet/faulty.rs"]
#[expect(dead_code, reason = "what one test does not need of the node, another does")]
mod faulty;

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
    thread,
};

use blake2::{Blake2b, Digest, digest::consts::U32};
use btd_tests::{Daemon, Host, wait_for};
use serde_json::{Value, json};

use faulty::{FaultyNode, Reaction};

/// Larger than anything that is accepted.
const ENDLESS: usize = 500 << 20;

/// A chain of its own, misbehaving nodes before it, and a daemon that follows them.
struct Scene {
    // What runs goes before the home that it runs in.
    daemon: Daemon,
    _chain: Daemon,
    nodes: Vec<FaultyNode>,
    host: Host,
    chain: Host,
}

// === impl Scene ===

impl Scene {
    /// With so many nodes, and more settings of the link.
    async fn of(nodes: usize, settings: &str) -> Self {
        Self::with(nodes, |urls| format!("endpoints = {urls:?}"), settings).await
    }

    /// The same, where `named` says how the nodes are named.
    async fn with(nodes: usize, named: impl Fn(&[String]) -> String, settings: &str) -> Self {
        let chain = Host::new();
        let own = chain.start(&["--network", "devnet", "--block-time", "instant"]);
        let node = chain.ask(&["status"])["devnet"].as_str().unwrap().trim_start_matches("ws://").parse().unwrap();
        let mut before = Vec::new();
        for _ in 0..nodes {
            before.push(FaultyNode::before(node).await);
        }
        let host = Host::new();
        let urls: Vec<String> = before.iter().map(url).collect();
        let heartbeat = if settings.contains("heartbeat_ms") { "" } else { "heartbeat_ms = 400\n" };
        let settings = format!(
            "network = \"local\"\n[chain]\n{}\nrequest_timeout_ms = 4000\nconnect_timeout_ms = 2000\n\
             {heartbeat}scout_ms = 100\nretry_max_ms = 300\nmax_response_bytes = 4194304\n{settings}\n",
            named(&urls)
        );
        fs::write(host.path("btd.toml"), settings).unwrap();
        let daemon = host.start(&["--config", host.path("btd.toml").to_str().unwrap()]);
        Self { daemon, _chain: own, nodes: before, host, chain }
    }

    /// Makes a block, and says which.
    fn mine(&self) -> u64 {
        self.chain.ask(&["devnet", "mine"])["number"].as_u64().unwrap()
    }

    fn status(&self) -> Value {
        self.host.ask(&["chain"])
    }

    fn finalized(&self) -> u64 {
        self.status()["finalized"]["number"].as_u64().unwrap()
    }

    /// Waits until the first node is followed, and has brought all there is.
    fn well(&self) {
        wait_for("the first endpoint to be followed", || {
            let status = self.status();
            let is_followed = status["endpoints"][0]["standing"] == "active" && status["link"] == "live";
            (is_followed && status["lag"] == 0).then_some(())
        });
    }

    /// The most memory that the daemon has ever taken, in bytes.
    fn peak(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.daemon.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
    }
}

/// What a person is told.
fn told(host: &Host, command: &str) -> String {
    String::from_utf8(host.btctl(&[command]).stdout).unwrap()
}

fn url(node: &FaultyNode) -> String {
    format!("ws://{}", node.address())
}

fn heal(node: &FaultyNode) {
    node.script(|_, _| Reaction::Pass);
    node.announce(|_, _| {});
    node.open();
}

/// A block whose parent nobody knows, and its hash.
fn of_nowhere(number: u32) -> (String, Value) {
    let hex = |bytes: &[u8]| format!("0x{}", hex::encode(bytes));
    let (parent, nothing) = ([7; 32], [0; 32]);
    // The root of no extrinsics at all.
    let none = hex::decode("03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314").unwrap();
    // In one byte or in two; no logs are behind it all.
    let compact = match u16::try_from(number).unwrap() {
        short @ 0..64 => vec![u8::try_from(short << 2).unwrap()],
        long => (long << 2 | 1).to_le_bytes().to_vec(),
    };
    let hash = Blake2b::<U32>::digest([&parent[..], &compact, &nothing, &none, &[0]].concat());
    let header = json!({
        "parentHash": hex(&parent), "number": format!("{number:#x}"), "stateRoot": hex(&nothing),
        "extrinsicsRoot": hex(&none), "digest": { "logs": [] },
    });
    (hex(&hash), json!({ "block": { "header": header, "extrinsics": [] } }))
}

/// What befalls a node that has followed up to block `height`.
fn befall(node: &FaultyNode, name: &str, height: u64, head: &Value) {
    let head = head.clone();
    match name {
        "silent" => node.stall(),
        "cut" => node.go_down(),
        "behind" => {
            node.announce(move |_, header| header["number"] = json!(format!("{height:#x}")));
            node.script(move |method, _| match method {
                "chain_getFinalizedHead" => Reaction::Answer(head.clone()),
                _ => Reaction::Pass,
            });
        }
        "forked" => {
            let number = u32::try_from(height + 1).unwrap();
            let (hash, block) = of_nowhere(number);
            node.script(move |method, params| match method {
                "chain_getBlockHash" if params[0] == number => Reaction::Answer(json!(hash)),
                "chain_getBlock" if params[0] == hash => Reaction::Answer(block.clone()),
                _ => Reaction::Pass,
            });
        }
        "unusable" => {
            let (_, block) = of_nowhere(u32::try_from(height + 1).unwrap());
            node.script(move |method, _| match method {
                "chain_getBlock" => Reaction::Answer(block.clone()),
                _ => Reaction::Pass,
            });
        }
        "wrong-genesis" => {
            node.script(|method, params| match method {
                "chain_getBlockHash" if params[0] == 0 => Reaction::Answer(json!(format!("0x{}", "09".repeat(32)))),
                _ => Reaction::Pass,
            });
            node.drop_all();
        }
        "old-runtime" => node.script(|method, _| match method {
            "state_getRuntimeVersion" => Reaction::Answer(json!({ "specVersion": 143, "transactionVersion": 1 })),
            _ => Reaction::Pass,
        }),
        "rate-limited" => {
            node.script(|_, _| Reaction::HangUp);
            node.turn_away();
        }
        "oversized" => node.script(|method, _| match method {
            "chain_getBlock" => Reaction::Endless(ENDLESS),
            _ => Reaction::Pass,
        }),
        other => panic!("nothing is called {other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_own_node_comes_first_and_where_nothing_stands_behind_it_btd_says_so() {
    let named = |urls: &[String]| format!("own = [{:?}]\nendpoints = [{:?}]", urls[0], urls[1]);
    let scene = Scene::with(2, named, "").await;
    scene.well();
    let status = scene.status();
    assert_eq!((&status["endpoint"], status.get("alone")), (&json!(url(&scene.nodes[0])), None), "{status}");
    assert!(!told(&scene.host, "status").contains("fallback"));
    scene.nodes[0].go_down();
    let mined = scene.mine();
    wait_for("the other to take over", || (scene.finalized() >= mined).then_some(()));
    assert_eq!(scene.status()["endpoint"], url(&scene.nodes[1]));
    scene.nodes[0].open();
    scene.well();

    let scene = Scene::with(1, |urls| format!("own = {urls:?}\nendpoints = []"), "").await;
    scene.well();
    assert_eq!(scene.status()["alone"], true);
    for command in ["status", "chain"] {
        let told = told(&scene.host, command);
        assert!(told.contains("fallback") && told.contains("nothing takes over"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_befalls_the_endpoint_in_use_another_goes_on_and_no_follower_misses_a_block() {
    // A block is overdue after three seconds.
    let scene = Scene::of(3, "stale_after_ms = 15000").await;
    let first = scene.finalized() + 1;
    let mut follower = scene.host.command_of("btctl");
    follower.args(["--json", "events", "--from", &first.to_string()]).stdout(Stdio::piped());
    let mut follower = follower.spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();

    let node = &scene.nodes[0];
    let names =
        ["silent", "cut", "behind", "forked", "unusable", "wrong-genesis", "old-runtime", "rate-limited", "oversized"];
    for name in names {
        scene.mine();
        scene.well();
        let (status, logged) = (scene.status(), scene.daemon.log().len());
        befall(node, name, status["finalized"]["number"].as_u64().unwrap(), &status["finalized"]["hash"]);
        let mined = scene.mine();
        let (mut is_named, mut has_gone_on) = (false, false);
        wait_for(&format!("an endpoint that is {name} to be left"), || {
            let status = scene.status();
            // It may be called something else a moment later: that it is unreachable, once it has hung up.
            is_named |= status["endpoints"][0]["trouble"] == name
                || scene.daemon.log()[logged..].contains(&format!("cause=\"{name}\""));
            has_gone_on |= status["finalized"]["number"].as_u64().unwrap() >= mined;
            (is_named && has_gone_on).then_some(())
        });
        // What is read says of which block it is, and that this is no old one.
        let list = wait_for(&format!("the metagraphs to follow an endpoint that is not {name}"), || {
            scene.mine();
            let list = scene.host.ask(&["subnets", "list"]);
            (list["at"]["number"].as_u64().unwrap() >= mined && list["at"]["stale"] == false).then_some(list)
        });
        assert_eq!(list["subnets"].as_array().unwrap().len(), 2, "{name}");
        heal(node);
    }

    // The runtime is swapped under all of them: no restart, nobody is left, and reads go on.
    scene.well();
    let spec = scene.status()["spec_version"].as_u64().unwrap();
    for node in &scene.nodes {
        node.script(move |method, _| match method {
            "state_getRuntimeVersion" => Reaction::Answer(json!({ "specVersion": spec + 1, "transactionVersion": 1 })),
            _ => Reaction::Pass,
        });
    }
    let last = scene.mine();
    wait_for("the new runtime", || (scene.status()["spec_version"] == spec + 1).then_some(()));
    assert_eq!(scene.host.ask(&["subnets", "hyperparameters", "1"])["at"]["number"], last);
    assert_eq!(scene.status()["endpoints"][0]["trouble"], Value::Null);

    let mut numbers = Vec::new();
    while numbers.last() != Some(&last) {
        let item: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        // Between blocks it is told of outages.
        numbers.extend(item["number"].as_u64());
    }
    assert_eq!(numbers, (first..=last).collect::<Vec<_>>(), "every block once, in order");
    follower.kill().unwrap();
    follower.wait().unwrap();
    assert!(!scene.daemon.log().contains("panicked"));
    assert!(scene.daemon.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_old_is_said_to_be_until_a_block_comes() {
    const LIMIT: u64 = 2_500;
    let scene = Scene::of(2, &format!("stale_after_ms = {LIMIT}")).await;
    scene.mine();
    scene.well();
    let reads = || [scene.host.ask(&["subnets", "list"]), scene.host.ask(&["subnets", "metagraph", "1"])];
    for round in 0..2 {
        let mut stale = 0;
        // Connections are made anew meanwhile, and answer: that is no block.
        wait_for("an hour that lasts five looks", || {
            let status = scene.status();
            let (link, age) = (status["link"].as_str().unwrap(), status["finalized_age_ms"].as_u64().unwrap());
            assert!(link != "live" || age <= LIMIT, "{link} after {age} ms");
            // The age is taken a moment before it is judged.
            if link != "live" && age + 1_000 <= LIMIT {
                // A connection may be lost as long as the block is fresh, and is then said to be, with why.
                assert!(link == "lost" && status["trouble"].is_string(), "{status}");
            }
            if age > LIMIT {
                // Between leaving one connection and making the next it may be lost as well.
                assert!(matches!(link, "stale" | "lost"), "{status}");
                assert!(!status["trouble"].as_str().unwrap().is_empty(), "{status}");
                for reply in reads() {
                    assert_eq!(reply["at"]["stale"], true, "{reply}");
                }
                stale += u32::from(age > 3 * LIMIT);
            }
            (stale >= 5).then_some(())
        });
        assert_eq!(scene.host.ask(&["status"])["phase"], "degraded");
        let mined = scene.mine();
        wait_for("blocks to come again", || {
            let [list, _] = reads();
            (list["at"]["number"] == mined && list["at"]["stale"] == false).then_some(())
        });
        wait_for(&format!("the link to be live in round {round}"), || {
            let status = scene.status();
            (status["link"] == "live" || status["finalized_age_ms"].as_u64().unwrap() > LIMIT).then_some(())
        });
    }
    assert!(scene.daemon.stop().success());
}

/// With the usual settings: the chain tells by itself how often it has a block.
#[test]
fn a_fast_chain_that_stands_still_is_said_to_be_stale_after_five_of_its_blocks() {
    const LIMIT: u64 = 5_000;
    let (node, host) = (Host::new(), Host::new());
    let chain = node.start(&["--network", "devnet", "--block-time", "1s"]);
    let daemon = host.start(&["--network", node.ask(&["status"])["devnet"].as_str().unwrap()]);
    for fault in ["stall-finality", "stall-blocks"] {
        for host in [&node, &host] {
            wait_for("blocks to come", || (host.ask(&["chain"])["link"] == "live").then_some(()));
        }
        node.ask(&["devnet", "fault", fault]);
        for host in [&node, &host] {
            wait_for(&format!("what is read to be stale under {fault}"), || {
                let status = host.ask(&["chain"]);
                let (link, age) = (status["link"].as_str().unwrap(), status["finalized_age_ms"].as_u64().unwrap());
                // A connection may be lost for a moment at any age, and is then said to be, with why.
                let is_lost = link == "lost";
                assert!(!is_lost || status["trouble"].is_string(), "{status}");
                // The age is taken a moment before it is judged.
                assert!(is_lost || link == "stale" || age <= LIMIT, "{link} after {age} ms");
                assert!(is_lost || link == "live" || age + 1_000 > LIMIT, "{link} after {age} ms");
                (link == "stale").then_some(())
            });
            assert_eq!(host.ask(&["subnets", "list"])["at"]["stale"], true, "{fault}");
        }
        node.ask(&["devnet", "fault", "clear"]);
    }
    assert!(daemon.stop().success());
    assert!(chain.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_answer_is_cut_off_and_costs_no_memory() {
    let scene = Scene::of(2, "stale_after_ms = 0").await;
    scene.mine();
    scene.well();
    let node = &scene.nodes[0];
    let before = scene.peak();
    // Announced in one piece, and sent in many of which each is small.
    let kinds: [fn() -> Reaction; 2] = [|| Reaction::Endless(ENDLESS), || Reaction::EndlessInPieces(ENDLESS)];
    for kind in kinds {
        let sent = node.sent();
        node.script(move |method, _| match method {
            "chain_getBlock" => kind(),
            _ => Reaction::Pass,
        });
        let mined = scene.mine();
        let mut names = BTreeSet::new();
        wait_for("the endpoint to be left", || {
            let status = scene.status();
            names.extend(status["endpoints"][0]["trouble"].as_str().map(str::to_owned));
            (names.contains("oversized") && status["finalized"]["number"] == mined).then_some(())
        });
        heal(node);
        scene.well();
        // What is on its way when a connection is cut lies in the buffers of the system; nobody has read it.
        let sent = node.sent() - sent;
        assert!(sent < ENDLESS / 4, "{sent} bytes were taken");
    }
    // A read of a caller, rather than of the link itself: another endpoint answers it. Where each is so, it fails in
    // words, and the next one does not.
    let entries = ["query", "storage", "SubtensorModule", "NetworksAdded"];
    let floods = |node: &FaultyNode| {
        node.script(|method, _| match method {
            "state_getKeysPaged" => Reaction::Endless(ENDLESS),
            _ => Reaction::Pass,
        });
    };
    floods(node);
    assert!(scene.host.btctl(&entries).status.success());
    scene.nodes.iter().for_each(floods);
    scene.well();
    let (code, words) = scene.host.refused(&entries);
    assert!(code != 0 && words.contains("is larger than what is taken from a node"), "{words}");
    scene.nodes.iter().for_each(heal);
    wait_for("the same read", || scene.host.btctl(&entries).status.success().then_some(()));
    let grown = scene.peak() - before;
    assert!(grown < 64 << 20, "it grew by {grown} bytes");
    assert!(scene.daemon.stop().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_signed_before_its_deadline_never_is() {
    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
    let scene = Scene::of(1, "stale_after_ms = 0\nheartbeat_ms = 0").await;
    scene.well();
    scene.host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);
    let free = || scene.host.ask(&["wallet", "balance", BOB])["rows"][0]["free"].as_str().unwrap().to_owned();
    let before = free();
    // What the fee is asked for is answered for the plan, and for what is to be signed no more.
    let mut asked = 0;
    scene.nodes[0].script(move |method, params| match (method, params[0].as_str()) {
        ("state_call", Some("TransactionPaymentApi_query_info")) => {
            asked += 1;
            if asked == 1 { Reaction::Pass } else { Reaction::Swallow }
        }
        _ => Reaction::Pass,
    });
    let transfer = ["wallet", "transfer", "--wallet", "alice", "--dest", BOB, "--amount", "1", "--yes"];
    let held = [&["--json"], &transfer[..], &["--deadline", "4s", "--idempotency-key", "held"]].concat();
    let (code, error) = thread::scope(|scope| {
        let refused = scope.spawn(|| scene.host.refused(&held));
        // Of what has its turn it is not said that nothing was signed: a moment later it may be.
        wait_for("the order to be under way", || {
            let (code, told) = scene.host.refused(&["--json", "tx", "follow", "--key", "held"]);
            (code == 7 && told.contains("is not signed yet")).then_some(())
        });
        refused.join().unwrap()
    });
    let (unsigned, told) = scene.host.refused(&["--json", "tx", "follow", "--key", "held"]);
    assert!(unsigned == 1 && told.contains("NOT_FOUND"), "{unsigned}: {told}");
    assert!(error.contains("\"CANCELLED\"") && error.contains("its deadline passed before any node had it"), "{error}");
    assert_eq!(code, 1, "{error}");
    heal(&scene.nodes[0]);
    // The node heard nothing of it, then or later, and what comes next has its nonce.
    let once = [&transfer[..], &["--idempotency-key", "without-a-deadline"]].concat();
    wait_for("the same without a deadline", || scene.host.btctl(&once).status.success().then_some(()));
    let rao = |told: &str| told.parse::<u64>().unwrap();
    assert_eq!(rao(&free()), rao(&before) + 1_000_000_000);
    assert_eq!(scene.host.ask(&["tx", "list"])["entries"].as_array().map(Vec::len), Some(1));
    assert!(scene.daemon.stop().success());
}
