//! A whole btd before a node whose runtime is of another year: what its replies tell, and what they
//! say is not told.
//!
//! The node answers with the real metadata of spec 143 (2024) or 103 (2023), both of version 14.
//! Storage is the development chain's behind it, whose items have had the same keys since.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, its helpers too")]
#![allow(clippy::needless_pass_by_value, reason = "parameters are written where they are passed")]

#[allow(dead_code, reason = "it can do more than is asked of it here")]
#[path = "../chain/tests/devnet/faulty.rs"]
mod faulty;
#[path = "../chain/tests/devnet/lacking.rs"]
mod lacking;
#[path = "process/look.rs"]
mod look;
#[allow(dead_code, reason = "it knows more than is asked of it here")]
#[path = "../chain/tests/devnet/old.rs"]
mod old;
#[allow(dead_code, reason = "it can do more than is asked of it here")]
#[path = "process/place.rs"]
mod place;
#[path = "old_runtimes/prices.rs"]
mod prices;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use btd_api::AccountId;
use btd_chain::{Value, View};
use btd_devnet::{BlockTime, Clock, Devnet};
use codec::{Compact, Encode};
use serde_json::{Value as Json, json};

use faulty::{FaultyNode, Reaction};
use look::{key, view};
use old::{Answers, OF_2023, OF_2024, asked, hyperparameters, neuron_lite, old};
use place::{Daemon, Place, call, wait_for};

const HOTKEY: AccountId = AccountId([1; 32]);
const COLDKEY: AccountId = AccountId([2; 32]);

/// A node of another year, and a btd that follows it.
struct Running {
    socket: PathBuf,
    /// The last extrinsic whose fee was asked for, and its length, in hex digits.
    priced: Arc<Mutex<String>>,
    /// The last extrinsic that was sent.
    sent: Arc<Mutex<String>>,
    _daemon: Daemon,
    _place: Place,
    _node: FaultyNode,
    _devnet: Devnet,
}

/// What a runtime answers about its neurons, and `more`.
fn answers(more: impl IntoIterator<Item = ((&'static str, Vec<u8>), Vec<u8>)>) -> Answers {
    const NEURONS: &str = "NeuronInfoRuntimeApi_get_neurons_lite";
    let delegate = (
        (HOTKEY.0, Compact(11_796_u16), vec![(COLDKEY.0, Compact(6_u64))], COLDKEY.0),
        // Of 6 rao 3 in a day, which in whole tao for each thousand is 500.
        (vec![Compact(1_u16)], vec![Compact(1_u16)], Compact(500_u64), Compact(3_u64)),
    );
    let mut answers = Answers::from([
        ((NEURONS, asked(0)), vec![0_u8].encode()),
        ((NEURONS, asked(1)), [vec![4], neuron_lite()].concat().encode()),
        (("DelegateInfoRuntimeApi_get_delegates", vec![]), [vec![4], delegate.encode()].concat().encode()),
    ]);
    answers.extend(more);
    answers
}

// === impl Running ===

impl Running {
    /// Ready to be asked. `stored` is what the chain keeps besides, by the runtime's own keys.
    async fn of(
        (spec, metadata): (u32, &'static [u8]),
        answers: Answers,
        stored: impl Fn(&View) -> Vec<(Vec<u8>, Vec<u8>)>,
    ) -> Self {
        let config = btd_devnet::Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            block_time: BlockTime::Instant,
            clock: Clock::Stepped { start: 1_700_000_000_000 },
            ..btd_devnet::Config::default()
        };
        let devnet = Devnet::start(config).await.unwrap();
        let node = FaultyNode::before(devnet.address()).await;
        let (priced, sent) = (Arc::new(Mutex::new(String::new())), Arc::new(Mutex::new(String::new())));
        let (last, taken) = (Arc::clone(&priced), Arc::clone(&sent));
        node.script(move |method, params| {
            if method == "state_call" && params[0] == "TransactionPaymentApi_query_info" {
                params[1].as_str().unwrap().clone_into(&mut last.lock().unwrap());
                // A weight of two parts, a class and a fee, as their metadata does not say.
                let info = (Compact(164_000_000_u64), Compact(3_593_u64), 0_u8, 136_247_u64);
                return Reaction::Answer(json!(old::hex_of(&info.encode())));
            }
            if method == "author_submitExtrinsic" {
                // The chain behind could not read it: the node has it in its pool, and there it stays.
                params[0].as_str().unwrap().clone_into(&mut taken.lock().unwrap());
                return Reaction::Refuse(1013, "Transaction is already imported");
            }
            old(spec, metadata, &answers, method, params).unwrap_or(Reaction::Pass)
        });
        let endpoint = format!("ws://{}", node.address());
        let changes = stored(&view(&endpoint).await).into_iter().map(|(key, value)| (key, Some(value)));
        devnet.control().set_storage(changes.collect()).await.unwrap();
        devnet.mine(1).await.unwrap();
        Self::before(devnet, node, priced, sent)
    }

    /// The same before a node that plays its part already.
    fn before(devnet: Devnet, node: FaultyNode, priced: Arc<Mutex<String>>, sent: Arc<Mutex<String>>) -> Self {
        let endpoint = format!("ws://{}", node.address());
        let place = Place::new();
        let mut daemon = place.start(&["--network", &endpoint], &[]);
        daemon.until("the control API answers");
        let socket = place.path("btd.sock");
        wait_for(&socket);
        let running = Self { socket, priced, sent, _daemon: daemon, _place: place, _node: node, _devnet: devnet };
        while running.call("node_status", json!({}))["result"]["phase"] != "ready" {
            thread::sleep(Duration::from_millis(10));
        }
        running
    }

    fn call(&self, method: &str, params: Json) -> Json {
        call(&self.socket, method, &params.to_string())
    }

    fn ask(&self, method: &str, params: Json) -> Json {
        let mut reply = self.call(method, params);
        assert!(reply.get("error").is_none(), "{method}: {reply}");
        reply["result"].take()
    }
}

/// What is asked of every runtime alike.
impl Running {
    /// The metagraph of subnet 1 in every way in which one is told.
    fn tells_its_metagraph(&self) {
        let of_one = |more: Json| {
            let mut params = json!({ "netuid": 1 });
            params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            params
        };
        let whole = self.ask("metagraph_get", of_one(json!({})));
        let block = whole["at"]["number"].clone();
        for who in [json!({ "uid": 0 }), json!({ "hotkey": HOTKEY.to_string(), "block": block })] {
            let neuron = self.ask("metagraph_neuron", of_one(who))["neuron"].take();
            assert_eq!(
                (&neuron["hotkeys"], &neuron["coldkeys"]),
                (&json!(HOTKEY.to_string()), &json!(COLDKEY.to_string()))
            );
            assert_eq!((&neuron["rank"], neuron.get("alpha_stake")), (&whole["columns"]["rank"][0], None));
        }
        for matrix in ["weights", "bonds"] {
            let dense = self.ask("metagraph_matrix", of_one(json!({ "matrix": matrix })));
            assert_eq!(dense["rows"].as_array().map(Vec::len), dense["n"].as_u64().map(|n| n.try_into().unwrap()));
        }
        let diff = self.ask("metagraph_diff", of_one(json!({ "from": block, "to": block })));
        assert_eq!((&diff["figures"], &diff["changes"]), (&json!([]), &json!([])));

        let saved = self.ask("metagraph_save", of_one(json!({ "block": block })));
        let loaded = self.ask("metagraph_load", json!({ "bytes": saved["bytes"] }));
        assert_eq!((&loaded["columns"], &loaded["figures"]), (&whole["columns"], &whole["figures"]));
        assert_eq!(self.ask("metagraph_sync", of_one(json!({ "block": block })))["kept"], json!(true));
        let history = self.ask("metagraph_history", of_one(json!({ "columns": ["rank"] })));
        let last = history["records"].as_array().unwrap().last().unwrap();
        assert_eq!((&last["block"]["number"], &last["values"]["rank"]), (&block, &whole["columns"]["rank"]));
    }

    /// What the metadata of the runtime of `spec` names.
    fn tells_what_is_raw(&self, spec: u32) {
        let newest = self.ask("chain_status", json!({}))["finalized"].take();
        let block = self.ask("chain_block", json!({}));
        assert_eq!((&block["hash"], &block["spec_version"]), (&newest["hash"], &json!(spec)));
        assert_eq!(self.ask("chain_events", json!({ "block": newest["number"] }))["hash"], block["hash"]);
        let tempo = self.ask("chain_storage", json!({ "pallet": "SubtensorModule", "item": "Tempo", "keys": [1] }));
        assert_eq!(tempo["value"], self.ask("metagraph_get", json!({ "netuid": 1 }))["figures"]["tempo"], "{tempo}");
        let initial = self.ask("chain_constant", json!({ "pallet": "SubtensorModule", "name": "InitialTempo" }));
        assert!(initial["value"].is_u64(), "{initial}");
        let metadata = self.ask("chain_metadata", json!({ "name": "SubtensorModule" }));
        let names = |item: &Json| item["name"].as_str().is_some_and(|name| name.ends_with("burned_register"));
        assert!(metadata["items"].as_array().unwrap().iter().any(names), "{metadata}");
    }
}

/// The fields of a subnet's line that no runtime before 2025 tells.
const WITHOUT_POOLS: [&str; 5] = ["price", "tao_in", "alpha_in", "alpha_out", "tao_in_emission"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_of_2023_tells_no_owner_and_no_switch() {
    // A burn that is no default, and whose the hotkey is.
    let stored = |view: &View| {
        let burn = (key(view, "Burn", &[1_u16.into()]), 50_000_000_000_u64.encode());
        vec![burn, (key(view, "Owner", &[Value::from(HOTKEY)]), COLDKEY.0.to_vec())]
    };
    let btd = Running::of((103, OF_2023), answers([]), stored).await;
    assert_eq!(btd.ask("chain_status", json!({}))["spec_version"], 103);

    let listed = btd.ask("subnets_list", json!({}));
    let line = &listed["subnets"][1];
    assert_eq!((&line["netuid"], &line["neurons"]), (&json!(1), &json!(1)));
    let burn = &line["burn"];
    assert!(burn.as_str().is_some_and(|burn| burn.parse::<u64>().is_ok_and(|burn| burn > 1_000_000_000)), "{line}");
    for unknown in [&["owner", "registration_allowed"][..], &WITHOUT_POOLS].concat() {
        assert_eq!(line.get(unknown), Some(&Json::Null), "{unknown}");
    }
    let block = listed["at"]["number"].clone();
    for params in [json!({ "netuid": 1 }), json!({ "netuid": 1, "block": block })] {
        assert_eq!(&btd.ask("subnets_show", params.clone())["subnet"], line, "{params}");
        let metagraph = btd.ask("subnets_metagraph", params.clone());
        assert_eq!(&metagraph["subnet"], line, "{params}");
        let neuron = &metagraph["neurons"][0];
        assert_eq!((&neuron["tao_stake"], &neuron["alpha_stake"]), (&json!("40"), &Json::Null));
        assert_eq!(neuron["rank"], json!(10.0 / 65_535.0));
    }

    let whole = btd.ask("metagraph_get", json!({ "netuid": 1 }));
    for unknown in ["owner_hotkey", "owner_coldkey", "registration_allowed", "tao_in"] {
        assert_eq!(whole["figures"].get(unknown), Some(&Json::Null), "{unknown}");
    }
    assert_eq!((&whole["figures"]["burn"], &whole["columns"]["alpha_stake"]), (burn, &json!([])));
    assert_eq!(btd.ask("metagraph_column", json!({ "netuid": 1, "column": "R" }))["values"], json!([10]));
    let shares = btd.ask("metagraph_column", json!({ "netuid": 1, "column": "R", "form": "shares" }));
    assert_eq!((&shares["values"], &shares["shares"]), (&json!([]), &json!([1.0])));
    assert_eq!(btd.ask("subnets_price", json!({ "netuid": 1 }))["prices"], json!([{ "netuid": 1, "price": null }]));
    assert_eq!(&btd.ask("subnets_burnCost", json!({ "netuid": 1 }))["cost"], burn);
    let take = btd.ask("root_getTake", json!({ "hotkey": HOTKEY.to_string() }));
    assert_eq!((take.get("most"), &take["is_delegate"]), (Some(&Json::Null), &json!(false)));
    let stranger = btd.call("root_getTake", json!({ "hotkey": COLDKEY.to_string() }));
    assert_eq!(stranger["error"]["data"]["error"], "HotKeyAccountNotExists", "{stranger}");
    btd.tells_its_metagraph();
    btd.tells_what_is_raw(103);
    // What it cannot tell at all is an error that names the runtime, and no empty reply.
    let refused = btd.call("subnets_lockCost", json!({}));
    assert!(refused["error"]["message"].as_str().is_some_and(|words| !words.is_empty()), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_of_2023_tells_hyperparameters_where_its_node_does() {
    let stored = |view: &View| vec![(key(view, "Burn", &[1_u16.into()]), 50_000_000_000_u64.encode())];
    let told = (("SubnetInfoRuntimeApi_get_subnet_hyperparams", asked(1)), hyperparameters().encode());
    let btd = Running::of((103, OF_2023), answers([told]), stored).await;
    let hyperparameters = btd.ask("subnets_hyperparameters", json!({ "netuid": 1 }));
    assert_eq!(hyperparameters["hyperparameters"].as_array().map(Vec::len), Some(18));
    let listed = btd.ask("subnets_list", json!({}));
    assert_eq!(listed["subnets"][1]["registration_allowed"], json!(true), "it is one of them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_of_2024_tells_owners_takes_and_root() {
    let stored = |view: &View| {
        let (hotkey, root) = ([Value::from(HOTKEY)], Value::from(0_u16));
        vec![
            (key(view, "SubnetOwner", &[1_u16.into()]), COLDKEY.0.to_vec()),
            (key(view, "NetworkRegistrationAllowed", &[1_u16.into()]), false.encode()),
            (key(view, "Keys", &[root, 0_u16.into()]), HOTKEY.0.to_vec()),
            (key(view, "Owner", &hotkey), COLDKEY.0.to_vec()),
            (key(view, "TotalHotkeyStake", &hotkey), 777_u64.encode()),
            (key(view, "Delegates", &hotkey), 6_553_u16.encode()),
        ]
    };
    let answers = answers([
        (("SubnetInfoRuntimeApi_get_subnet_hyperparams", asked(1)), hyperparameters().encode()),
        (("SubnetRegistrationRuntimeApi_get_network_registration_cost", vec![]), 123_u64.encode()),
    ]);
    let btd = Running::of((143, OF_2024), answers, stored).await;
    let (hotkey, coldkey) = (HOTKEY.to_string(), COLDKEY.to_string());

    let listed = btd.ask("subnets_list", json!({}));
    let line = &listed["subnets"][1];
    assert_eq!((&line["owner"], &line["registration_allowed"]), (&json!(coldkey), &json!(false)));
    for unknown in WITHOUT_POOLS {
        assert_eq!(line.get(unknown), Some(&Json::Null), "{unknown}");
    }
    let hyperparameters = btd.ask("subnets_hyperparameters", json!({ "netuid": 1 }));
    assert_eq!(hyperparameters["hyperparameters"].as_array().map(Vec::len), Some(18));
    for same in ["subnets_lockCost", "subnets_burnCost"] {
        assert_eq!(btd.ask(same, json!({}))["cost"], "123", "{same}: of a subnet, where none is named");
    }
    assert_eq!(btd.ask("subnets_price", json!({ "netuid": 1 }))["prices"], json!([{ "netuid": 1, "price": null }]));
    btd.tells_its_metagraph();
    btd.tells_what_is_raw(143);

    let root = btd.ask("root_list", json!({}));
    let expected =
        json!([{ "uid": 0, "hotkey": hotkey, "coldkey": coldkey, "name": "", "stake": "777", "senator": false }]);
    assert_eq!(root["validators"], expected);
    let take = btd.ask("root_getTake", json!({ "hotkey": hotkey }));
    assert_eq!(take.get("most"), Some(&Json::Null));
    assert_eq!(take["take"], json!("0.09999237"), "{take}");
    let delegates = btd.ask("root_listDelegates", json!({}));
    assert_eq!(
        (&delegates["delegates"][0]["owner"], &delegates["delegates"][0]["nominators"]),
        (&json!(coldkey), &json!(1))
    );
    assert_eq!(delegates["delegates"][0]["return_per_1000"], "500000000000", "{delegates}");

    // Today's reads that the runtime lacks are refused by name.
    let refused = btd.call("chain_runtimeApi", json!({ "api": "SwapRuntimeApi", "method": "current_alpha_price" }));
    let words = refused["error"]["message"].as_str().unwrap();
    assert!(words.contains("spec 143") && words.contains("SwapRuntimeApi"), "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stake_that_names_no_subnet_is_that_of_subnet_0() {
    let alice: AccountId = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY".parse().unwrap();
    for (spec, metadata, pallet) in [(103, OF_2023, 8_u8), (143, OF_2024, 7)] {
        let stored = |view: &View| {
            let account = ([0_u32, 0, 1, 0], [1_000_000_000_u64, 0, 0, 0]).encode();
            let at = view.storage_address("System", "Account", &[Value::from(alice)]).unwrap();
            let staked = key(view, "Stake", &[Value::from(alice), Value::from(alice)]);
            vec![
                (key(view, "Owner", &[Value::from(alice)]), alice.0.to_vec()),
                (at, account),
                (staked, 500_000_000_u64.encode()),
            ]
        };
        let btd = Running::of((spec, metadata), answers([]), stored).await;
        btd.ask("wallet_create", json!({ "uri": "//Alice", "plain": true }));
        let hotkey = alice.to_string();
        let add = |amount: &str| json!({ "netuid": 0, "amount": amount, "hotkey": hotkey, "dry_run": true });
        let plan = btd.ask("stake_add", add("100000000"))["plan"].take();
        assert_eq!(plan["call"], "SubtensorModule.add_stake", "spec {spec}: {plan}");
        assert_eq!(plan["arguments"], json!({ "hotkey": hotkey, "amount_staked": "100000000" }), "spec {spec}");
        // All of it but what has to stay, and something for fees.
        let all = btd.ask("stake_add", add("all"))["plan"]["arguments"]["amount_staked"].take();
        assert!(all.as_str().is_some_and(|all| (900_000_000..1_000_000_000).contains(&all.parse().unwrap())), "{all}");

        // Whatever way it is said: of one hotkey, of several, everywhere, or as a delegate.
        for (method, terms) in [
            ("stake_remove", json!({ "netuid": 0, "amount": "all", "hotkey": hotkey })),
            ("stake_removeAll", json!({ "hotkey": hotkey })),
            ("stake_removeMany", json!({ "netuids": "all", "amount": "all", "hotkeys": { "only": [hotkey] } })),
            ("root_undelegate", json!({ "delegate": hotkey, "amount": "all" })),
        ] {
            let mut params = terms;
            params["dry_run"] = json!(true);
            let plan = btd.ask(method, params)["plan"].take();
            assert_eq!(plan["call"], "SubtensorModule.remove_stake", "{method}, spec {spec}: {plan}");
            let told = json!({ "hotkey": hotkey, "amount_unstaked": "500000000" });
            assert_eq!(plan["arguments"], told, "{method}, spec {spec}: {plan}");
        }
        let more = json!({ "netuid": 0, "amount": "500000001", "hotkey": hotkey });
        assert_eq!(btd.call("stake_remove", more)["error"]["data"]["error"], "NotEnoughStakeToWithdraw", "spec {spec}");
        for (method, amount) in [("stake_add", "1"), ("stake_remove", "1")] {
            let refused = btd.call(method, json!({ "netuid": 1, "amount": amount, "hotkey": hotkey }));
            let words = refused["error"]["message"].as_str().unwrap_or_default();
            assert!(words.contains("name 0, which stands for all of it"), "{method}, spec {spec}: {refused}");
        }

        // What is sent are the pallet, call 2, the hotkey, and eight bytes of an amount.
        let mut sent = add("100000000");
        sent["dry_run"] = json!(false);
        sent["wait"] = json!("submitted");
        let receipt = btd.ask("stake_add", sent);
        assert_eq!(receipt["outcome"]["state"], "submitted", "spec {spec}: {receipt}");
        let call = old::hex_of(&[&[pallet, 2], &alice.0[..], &100_000_000_u64.to_le_bytes()].concat());
        let sent = btd.sent.lock().unwrap().clone();
        assert!(sent.ends_with(call.trim_start_matches("0x")), "spec {spec}: {sent}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hotkey_is_nominated_where_a_runtime_has_the_call() {
    let alice: AccountId = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY".parse().unwrap();
    for (spec, metadata, pallet) in [(103, OF_2023, 8), (143, OF_2024, 7)] {
        let stored = |view: &View| {
            // Counts, then what is free, and three numbers of eight bytes where there are more today.
            let account = ([0_u32, 0, 1, 0], [1_000_000_000_u64, 0, 0, 0]).encode();
            let at = view.storage_address("System", "Account", &[Value::from(alice)]).unwrap();
            vec![(key(view, "Owner", &[Value::from(alice)]), alice.0.to_vec()), (at, account)]
        };
        let btd = Running::of((spec, metadata), answers([]), stored).await;
        btd.ask("wallet_create", json!({ "uri": "//Alice", "plain": true }));
        let plan = btd.ask("root_nominate", json!({ "dry_run": true }))["plan"].take();
        assert_eq!(plan["call"], "SubtensorModule.become_delegate", "spec {spec}: {plan}");
        assert_eq!(plan["arguments"], json!({ "hotkey": alice.to_string() }), "spec {spec}: {plan}");
        assert_eq!(plan["fee"], "136247", "spec {spec}: {plan}");
        // The pallet, call 1 and the hotkey are the end of what would be sent; its length comes behind it.
        let priced = btd.priced.lock().unwrap().clone();
        let call = old::hex_of(&[&[pallet, 1], &alice.0[..]].concat());
        let extrinsic = &priced[..priced.len() - 8];
        assert!(extrinsic.ends_with(call.trim_start_matches("0x")), "spec {spec}: {priced}");
        // What is sent is the same in length and call, signed by the coldkey as its runtime reads that: version 4, an
        // address of the kind that is an account, and a signature of sr25519.
        let receipt = btd.ask("root_nominate", json!({ "wait": "submitted" }));
        assert_eq!(receipt["outcome"]["state"], "submitted", "spec {spec}: {receipt}");
        let sent = btd.sent.lock().unwrap().clone();
        assert_eq!(sent.len(), extrinsic.len(), "spec {spec}: {sent}");
        assert!(sent.ends_with(call.trim_start_matches("0x")), "spec {spec}: {sent}");
        let signed_by = format!("8400{}01", old::hex_of(&alice.0).trim_start_matches("0x"));
        assert_eq!(sent.find(&signed_by), Some("0x".len() + 4), "spec {spec}: {sent}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_axon_is_published_without_a_key_where_a_runtime_takes_none() {
    let alice: AccountId = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY".parse().unwrap();
    for (spec, metadata) in [(103, OF_2023), (143, OF_2024)] {
        let stored = |view: &View| {
            let account = ([0_u32, 0, 1, 0], [1_000_000_000_u64, 0, 0, 0]).encode();
            let at = view.storage_address("System", "Account", &[Value::from(alice)]).unwrap();
            let uid = key(view, "Uids", &[1_u16.into(), Value::from(alice)]);
            vec![(uid, 0_u16.encode()), (at, account)]
        };
        let btd = Running::of((spec, metadata), answers([]), stored).await;
        btd.ask("wallet_create", json!({ "uri": "//Alice", "plain": true }));
        let axon = btd.ask("axon_start", json!({ "bind": "127.0.0.1:0" }));
        assert!(axon["tls_key"].is_string(), "spec {spec}: {axon}");
        let set = json!({ "netuid": 1, "ip": "8.8.8.8", "port": 8091, "dry_run": true });
        let plan = btd.ask("axon_set", set)["plan"].take();
        assert_eq!(plan["call"], "SubtensorModule.serve_axon", "spec {spec}: {plan}");
        assert_eq!(plan["arguments"].get("certificate"), None, "spec {spec}: {plan}");
        let priced = btd.priced.lock().unwrap().clone();
        // Protocol 4 and both placeholders are the end of what would be sent; its length comes behind it.
        assert!(priced[..priced.len() - 8].ends_with("04040000"), "spec {spec}: {priced}");
    }
}
