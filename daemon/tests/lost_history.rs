//! A whole btd whose history of metagraphs was damaged on disk: what is lost is told, and read again.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, its helpers too")]
#![allow(clippy::needless_pass_by_value, reason = "parameters are written where they are passed")]

#[allow(dead_code, reason = "it can do more than is asked of it here")]
#[path = "../chain/tests/devnet/faulty.rs"]
mod faulty;
#[allow(dead_code, reason = "it can do more than is asked of it here")]
#[path = "process/place.rs"]
mod place;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use btd::cache::{self, Batch, Cache};
use btd_devnet::{BlockTime, Clock, Devnet};
use serde_json::{Value as Json, json};

use faulty::{FaultyNode, Reaction};
use place::{Daemon, Place, call, wait_for};

struct Running {
    socket: PathBuf,
    daemon: Daemon,
}

// === impl Running ===

impl Running {
    /// Ready to be asked.
    fn before(node: &FaultyNode, place: &Place) -> Self {
        let daemon = place.start(&["--network", &format!("ws://{}", node.address())], &[]);
        let socket = place.path("btd.sock");
        wait_for(&socket);
        let running = Self { socket, daemon };
        running.until("node_status", json!({}), |status| status["phase"] == "ready");
        running
    }

    fn ask(&self, method: &str, params: Json) -> Json {
        let mut reply = call(&self.socket, method, &params.to_string());
        assert!(reply.get("error").is_none(), "{method}: {reply}");
        reply["result"].take()
    }

    /// Asks until the answer is as wanted.
    fn until(&self, method: &str, params: Json, wanted: impl Fn(&Json) -> bool) -> Json {
        for _ in 0..6_000 {
            let told = self.ask(method, params.clone());
            if wanted(&told) {
                return told;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("{method} never says what is wanted: {}", self.ask(method, params));
    }

    /// All that is told of the past of subnet 1, once it is known to be the chain's: the values of its records by block.
    fn past(&self, wanted: impl Fn(&Json) -> bool) -> (BTreeMap<u64, Json>, Json) {
        let params = json!({ "netuid": 1, "limit": 500, "columns": ["hotkeys", "total_stake", "last_update"] });
        let is_certain =
            |told: &Json| told["records"].as_array().unwrap().iter().all(|record| record["certain"] == true);
        let mut told = self.until("metagraph_history", params, |told| is_certain(told) && wanted(told));
        let records = told["records"].as_array().unwrap().iter();
        let records = records.map(|record| (record["block"]["number"].as_u64().unwrap(), record["values"].clone()));
        (records.collect(), told["lost"].take())
    }

    fn stop(self) {
        self.daemon.signal("TERM");
        assert!(self.daemon.ended().success());
    }
}

/// The directory named `name` somewhere below `directory`.
fn find(directory: &Path, name: &str) -> Option<PathBuf> {
    let below = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    below.into_iter().find_map(|path| if path.ends_with(name) { Some(path) } else { find(&path, name) })
}

/// A chain of six blocks, with the clock at `start`, and the hashes of its blocks as they are written in requests.
async fn chain(start: u64) -> (Devnet, Vec<Json>) {
    let config = btd_devnet::Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        block_time: BlockTime::Instant,
        clock: Clock::Stepped { start },
        ..btd_devnet::Config::default()
    };
    let devnet = Devnet::start(config).await.unwrap();
    let mut hashes = vec![json!(format!("0x{}", hex::encode(devnet.genesis_hash())))];
    for _ in 0..6 {
        devnet.mine(1).await.unwrap();
        hashes.push(json!(format!("0x{}", hex::encode(devnet.head().hash))));
    }
    (devnet, hashes)
}

/// Has a btd record the metagraph of these six blocks, and ends it. What it has recorded.
fn recorded_before(node: &FaultyNode, place: &Place) -> BTreeMap<u64, Json> {
    let btd = Running::before(node, place);
    for block in 1..=6 {
        btd.ask("metagraph_sync", json!({ "netuid": 1, "block": block }));
    }
    let (recorded, lost) = btd.past(|_| true);
    assert_eq!((recorded.len(), lost), (6, json!([])));
    assert_eq!(btd.ask("node_status", json!({}))["lost_records"], 0);
    btd.stop();
    recorded
}

/// Whether a gap is told to be one because nobody has the state any more.
fn is_gone(gap: &Json) -> bool {
    gap["trouble"].as_str().is_some_and(|words| words.contains("no longer keeps the state"))
}

/// Has `node` keep no state of the blocks `old` any more.
fn throws_away(node: &FaultyNode, old: &[Json]) {
    let old = old.to_vec();
    node.script(move |method, params| {
        let is_old = params.as_array().is_some_and(|params| params.iter().any(|param| old.contains(param)));
        if method.starts_with("state_") && is_old {
            return Reaction::Refuse(4003, "Client error: UnknownBlock: State already discarded for 0x00");
        }
        Reaction::Pass
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_damaged_history_has_lost_is_told_until_it_was_read_again() {
    let (devnet, old) = chain(1_700_000_000_000).await;
    let node = FaultyNode::before(devnet.address()).await;
    let place = Place::new();
    let recorded = recorded_before(&node, &place);

    // The disk gives back something else, and no endpoint has the state of these blocks any more.
    let log = find(place.dir.path(), "history").unwrap().join("db");
    let mut bytes = fs::read(&log).unwrap();
    bytes.iter_mut().skip(1_000).for_each(|byte| *byte = byte.wrapping_mul(31).wrapping_add(7));
    fs::write(&log, bytes).unwrap();
    devnet.mine(2).await.unwrap();
    throws_away(&node, &old);
    let btd = Running::before(&node, &place);
    let (left, lost) = btd.past(|told| {
        let lost = told["lost"].as_array().unwrap();
        !lost.is_empty() && lost.iter().all(is_gone)
    });
    let gaps = lost.as_array().unwrap();
    for (block, values) in &recorded {
        let is_lost = gaps.iter().any(|gap| (gap["first"].as_u64()..=gap["last"].as_u64()).contains(&Some(*block)));
        assert_eq!(left.get(block), Some(values).filter(|_| !is_lost), "block {block}: {lost}");
    }
    let missing: u64 = gaps.iter().map(|gap| gap["records"].as_u64().unwrap()).sum();
    // Those of every subnet are counted there.
    let counted = btd.ask("node_status", json!({}))["lost_records"].as_u64().unwrap();
    assert!(counted >= missing, "{counted} of which {missing} are of subnet 1");
    btd.stop();

    // Once somebody has it again, it is read again, and is as it was.
    node.script(|_, _| Reaction::Pass);
    let btd = Running::before(&node, &place);
    let (mended, _) = btd.past(|told| told["lost"] == json!([]));
    for (block, values) in &recorded {
        assert_eq!(mended.get(block), Some(values), "block {block}");
    }
    assert_eq!(btd.ask("node_status", json!({}))["lost_records"], 0);
    // Weights and bonds were asked to be kept of this block, and are again.
    throws_away(&node, &old);
    let told = btd.ask("metagraph_get", json!({ "netuid": 1, "block": 3 }));
    assert_eq!((&told["at"]["number"], &told["matrices"]), (&json!(3), &json!(true)));
    btd.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_whole_of_a_damaged_history_goes_on() {
    let (devnet, old) = chain(1_700_000_000_000).await;
    let node = FaultyNode::before(devnet.address()).await;
    let place = Place::new();
    let recorded = recorded_before(&node, &place);

    // Of the six records of subnet 1, each in a group of its own because weights and bonds are part of it, the fourth.
    let store = find(place.dir.path(), "history").unwrap();
    let (cache, _) = Cache::open_as(cache::history_layout(64 << 20), &store, 4 << 20).await.unwrap();
    let of_subnet = [&devnet.genesis_hash()[..], &[0, 1, 0]].concat();
    let of_block = [&of_subnet[..], &4_u32.to_be_bytes()].concat();
    let entries = cache.scan(&of_block).await.unwrap();
    assert!(!entries.is_empty(), "the fourth record begins a group");
    let mut batch = Batch::default();
    for (key, mut value) in entries {
        let middle = value.len() / 2;
        value[middle] ^= 1;
        batch.put(&key, value);
    }
    cache.write(batch).await.unwrap();
    cache.close(Duration::from_secs(10)).await.unwrap();

    devnet.mine(2).await.unwrap();
    throws_away(&node, &old);
    let btd = Running::before(&node, &place);
    let (mut left, lost) = btd.past(|told| {
        let lost = told["lost"].as_array().unwrap();
        !lost.is_empty() && lost.iter().all(is_gone)
    });
    left.retain(|block, _| *block <= 6);
    assert!(!left.is_empty());
    let mut whole = recorded.clone();
    whole.remove(&4);
    assert_eq!(left, whole);
    assert_eq!((&lost[0]["first"], &lost[0]["last"], &lost[1]), (&json!(4), &json!(4), &Json::Null));
    btd.stop();
    assert!(store.with_file_name("history.damaged").is_dir());

    node.script(|_, _| Reaction::Pass);
    is_all_there(&node, &place, &recorded);
}

/// That the past is all there, and known to be the chain's, once `node` is followed.
fn is_all_there(node: &FaultyNode, place: &Place, recorded: &BTreeMap<u64, Json>) {
    let btd = Running::before(node, place);
    let (mut past, lost) = btd.past(|told| told["lost"] == json!([]));
    past.retain(|block, _| *block <= 6);
    assert_eq!((&past, lost), (recorded, json!([])));
    btd.stop();
}

/// That the past is all there, and not known to be the chain's.
fn is_kept_and_doubted(btd: &Running) {
    let told = btd.ask("metagraph_history", json!({ "netuid": 1, "to": 6, "limit": 500 }));
    let records = told["records"].as_array().unwrap();
    assert_eq!((records.len(), &told["lost"]), (6, &json!([])), "{told}");
    assert!(records.iter().all(|record| record["certain"] == false), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_knows_no_old_block_costs_no_record() {
    let (devnet, _) = chain(1_700_000_000_000).await;
    let node = FaultyNode::before(devnet.address()).await;
    let place = Place::new();
    let recorded = recorded_before(&node, &place);
    devnet.mine(2).await.unwrap();
    // As one that was synced anew from a snapshot.
    node.script(|method, params| {
        let is_old = params[0].as_u64().is_some_and(|number| (1..=6).contains(&number));
        if method == "chain_getBlockHash" && is_old { Reaction::Answer(Json::Null) } else { Reaction::Pass }
    });
    let mut btd = Running::before(&node, &place);
    btd.daemon.until("no endpoint has the hashes of blocks");
    is_kept_and_doubted(&btd);
    btd.stop();
    node.script(|_, _| Reaction::Pass);
    is_all_there(&node, &place, &recorded);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_endpoint_that_tells_another_past_costs_no_record() {
    let (devnet, _) = chain(1_700_000_000_000).await;
    let node = FaultyNode::before(devnet.address()).await;
    let place = Place::new();
    let recorded = recorded_before(&node, &place);
    devnet.mine(2).await.unwrap();
    // The same chain by its block 0, and another by every block behind it.
    let (other, _) = chain(1_600_000_000_000).await;
    assert_eq!(other.genesis_hash(), devnet.genesis_hash());
    other.mine(2).await.unwrap();
    let liar = FaultyNode::before(other.address()).await;
    let mut btd = Running::before(&liar, &place);
    btd.daemon.until("had blocks that the chain has not");
    btd.stop();
    // What the liar has told meanwhile is no more the chain's than what it has denied.
    is_all_there(&node, &place, &recorded);
}
