//! A whole btd before a node that counts: what is read of many places is asked for at once.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, its helpers too")]

#[allow(dead_code, reason = "it can do more than is asked of it here")]
#[path = "../chain/tests/devnet/faulty.rs"]
mod faulty;
#[path = "process/look.rs"]
mod look;
#[allow(dead_code, reason = "it can do more than is asked of it here")]
#[path = "process/place.rs"]
mod place;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use btd_api::AccountId;
use btd_chain::Value;
use btd_devnet::{BlockTime, Clock, Devnet};
use codec::Encode;
use serde_json::{Value as Json, json};

use faulty::{FaultyNode, Reaction};
use look::{key, view};
use place::{Place, call, wait_for};

const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

/// The subnets of which dividends are owed.
const SUBNETS: std::ops::RangeInclusive<u16> = 2..=101;

fn ask(socket: &Path, method: &str, params: &Json) -> Json {
    let mut reply = call(socket, method, &params.to_string());
    assert!(reply.get("error").is_none(), "{method}: {reply}");
    reply["result"].take()
}

/// How many of the requests from now on ask for something of the storage item that `key` is of.
fn counted(node: &FaultyNode, keys: [Vec<u8>; 2]) -> [Arc<AtomicU32>; 2] {
    let prefixes = keys.map(|key| hex::encode(&key[..32]));
    let counts: [Arc<AtomicU32>; 2] = [Arc::default(), Arc::default()];
    let counting = counts.clone();
    node.script(move |_, params| {
        let params = params.to_string();
        for (prefix, count) in prefixes.iter().zip(&counting) {
            if params.contains(prefix) {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
        Reaction::Pass
    });
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stake_is_listed_in_as_many_requests_whatever_it_has_earned() {
    let config = btd_devnet::Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        block_time: BlockTime::Instant,
        clock: Clock::Stepped { start: 1_700_000_000_000 },
        ..btd_devnet::Config::default()
    };
    let devnet = Devnet::start(config).await.unwrap();
    let node = FaultyNode::before(devnet.address()).await;
    let endpoint = format!("ws://{}", node.address());
    let place = Place::new();
    let mut daemon = place.start(&["--network", &endpoint], &[]);
    daemon.until("the control API answers");
    let socket = place.path("btd.sock");
    wait_for(&socket);
    while ask(&socket, "node_status", &json!({}))["phase"] != "ready" {
        thread::sleep(Duration::from_millis(10));
    }
    for (wallet, uri) in [("default", "//Alice"), ("bob", "//Bob")] {
        ask(&socket, "wallet_create", &json!({ "wallet": wallet, "uri": uri, "plain": true }));
        ask(&socket, "root_register", &json!({ "wallet": wallet }));
    }
    let both = json!({ "netuids": { "only": [0] }, "amount": "1000000000", "hotkeys": { "only": [ALICE, BOB] } });
    ask(&socket, "stake_addMany", &both);

    // Either hotkey owes half of an alpha of each subnet for a tao behind it.
    let view = view(&endpoint).await;
    let rates: Vec<(u16, i128)> = SUBNETS.map(|netuid| (netuid, 1 << 31)).collect();
    let hotkeys = [ALICE, BOB].map(|hotkey| hotkey.parse::<AccountId>().unwrap());
    let owed = hotkeys.map(|hotkey| (key(&view, "RootClaimable", &[Value::from(hotkey)]), Some(rates.encode())));
    let [alice, _] = hotkeys;
    let items = [
        key(&view, "RootClaimable", &[Value::from(alice)]),
        key(&view, "RootClaimed", &[Value::from(*SUBNETS.start()), Value::from(alice), Value::from(alice)]),
    ];
    devnet.control().set_storage(owed.into_iter().collect()).await.unwrap();

    let list = || ask(&socket, "stake_list", &json!({ "address": ALICE }))["positions"].take();
    let is_owed = |position: &&Json| {
        SUBNETS.map(u64::from).any(|netuid| position["netuid"] == netuid) && position["claimable"] != "0"
    };
    let count = |positions: &Json| positions.as_array().unwrap().iter().filter(is_owed).count();
    while count(&list()) == 0 {
        thread::sleep(Duration::from_millis(10));
    }
    let counts = counted(&node, items);
    let positions = list();
    assert_eq!(count(&positions), SUBNETS.count() * 2, "{positions}");
    assert_eq!(counts.map(|count| count.load(Ordering::SeqCst)), [1, 1]);
}
