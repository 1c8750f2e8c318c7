//! One life told by the real binaries: a wallet, money, a neuron, an axon, pings, a transfer, and
//! all of it still there after a restart.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use btd_tests::{Host, wait_for};
use serde_json::{Value, json};

const TAO: u64 = 1_000_000_000;
const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

fn rao(value: &Value) -> u64 {
    value.as_str().unwrap_or_else(|| panic!("not an amount: {value}")).parse().unwrap()
}

fn free(host: &Host, wallet: &str) -> u64 {
    rao(&host.ask(&["wallet", "balance", "--wallet", wallet])["rows"][0]["free"])
}

/// A wallet for //Alice, who holds the money, and a new one without a password.
fn wallets(host: &Host) -> (Value, Value) {
    let alice = host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);
    let mine =
        host.ask(&["wallet", "create", "--wallet", "mine", "--hotkey", "h1", "--no-password", "--show-mnemonic"]);
    (alice, mine)
}

#[test]
fn a_life_on_the_development_chain() {
    let host = Host::new();
    let daemon =
        host.start(&["--network", "devnet", "--block-time", "250ms", "--state", host.path("chain").to_str().unwrap()]);

    // A wallet, and money from //Alice.
    let (alice, mine) = wallets(&host);
    assert_eq!(alice["coldkey"], "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
    assert_eq!(mine["coldkey_mnemonic"].as_str().unwrap().split(' ').count(), 12);
    let coldkey = mine["coldkey"].as_str().unwrap();
    let hotkey = mine["hotkey"].as_str().unwrap();
    let sent = host.ask(&["wallet", "transfer", "--wallet", "alice", "--dest", coldkey, "--amount", "100", "--yes"]);
    assert_eq!(sent["outcome"]["state"], "finalized");
    assert_eq!(sent["plan"]["call"], "Balances.transfer_keep_alive");
    assert_eq!(free(&host, "mine"), 100 * TAO);
    let events = sent["outcome"]["events"].as_array().unwrap();
    let transfer = events.iter().find(|event| event["name"] == "Transfer").expect("no Transfer event");
    assert_eq!(transfer["fields"]["to"], coldkey);

    // A neuron on subnet 1.
    let before = host.ask(&["subnets", "metagraph", "1"]);
    let registered = host.ask(&["subnets", "register", "--netuid", "1", "--wallet", "mine", "--hotkey", "h1", "--yes"]);
    let uid = registered["uid"].as_u64().expect("no uid");
    assert_eq!(uid, before["subnet"]["neurons"].as_u64().unwrap());
    let neuron = wait_for("the neuron in the metagraph", || {
        let metagraph = host.ask(&["subnets", "metagraph", "1"]);
        metagraph["neurons"].as_array().unwrap().iter().find(|neuron| neuron["hotkey"] == hotkey).cloned()
    });
    assert_eq!(neuron["uid"], uid);
    assert_eq!(neuron["coldkey"], coldkey);
    let listed = host.ask(&["wallet", "list"]);
    let own = listed["wallets"].as_array().unwrap().iter().find(|wallet| wallet["name"] == "mine").unwrap();
    assert_eq!(own["hotkeys"][0]["registered"], serde_json::json!([{ "netuid": 1, "uid": uid }]), "{listed}");
    assert!(neuron["axon"].is_null());
    assert!(free(&host, "mine") < 100 * TAO);

    // Its axon: published on chain, answering over both transports, found by uid and by hotkey.
    let axon = host.ask(&["axon", "start", "--wallet", "mine", "--hotkey", "h1", "--bind", "127.0.0.2:0"]);
    let (ip, port) = axon["address"].as_str().unwrap().rsplit_once(':').unwrap();
    let set =
        ["axon", "set", "--netuid", "1", "--wallet", "mine", "--hotkey", "h1", "--ip", ip, "--port", port, "--yes"];
    let set = host.ask(&set);
    assert_eq!(set["outcome"]["state"], "finalized");
    assert_eq!(set["plan"]["call"], "SubtensorModule.serve_axon_tls");
    assert_eq!(set["plan"]["arguments"]["certificate"], axon["tls_key"]);
    wait_for("the axon in the metagraph", || {
        let metagraph = host.ask(&["subnets", "metagraph", "1"]);
        let neuron = &metagraph["neurons"][usize::try_from(uid).unwrap()];
        (neuron["axon"]["port"] == port.parse::<u16>().unwrap()).then_some(())
    });
    let uid = uid.to_string();
    for transport in ["http", "quic"] {
        for target in [["--uid", &uid], ["--hotkey", hotkey]] {
            let arguments = [
                &["dendrite", "ping", "--netuid", "1", "--wallet", "mine", "--wallet-hotkey", "h1"],
                &target[..],
                &["--transport", transport],
            ]
            .concat();
            let reply = &host.ask(&arguments)["replies"][0];
            assert_eq!(reply["status_code"], 200, "{reply}");
            assert_eq!(reply["transport"], transport);
        }
    }
    let status = host.ask(&["status"]);
    assert_eq!(status["axon"]["hotkey"], hotkey);
    assert_eq!(status["phase"], "ready");

    // Money back, the fee known beforehand.
    let balance = free(&host, "mine");
    let sent = host.ask(&[
        "wallet",
        "transfer",
        "--wallet",
        "mine",
        "--dest",
        alice["coldkey"].as_str().unwrap(),
        "--amount",
        "1.5",
        "--yes",
    ]);
    assert_eq!(sent["plan"]["fee"], sent["outcome"]["fee"]);
    let after = balance - 1_500_000_000 - rao(&sent["outcome"]["fee"]);
    assert_eq!(rao(&sent["plan"]["balance_after"]), after);
    assert_eq!(free(&host, "mine"), after);

    // A restart loses nothing.
    assert!(daemon.stop().success());
    let daemon =
        host.start(&["--network", "devnet", "--block-time", "250ms", "--state", host.path("chain").to_str().unwrap()]);
    assert_eq!(free(&host, "mine"), after);
    let metagraph = host.ask(&["subnets", "metagraph", "1"]);
    let neuron = metagraph["neurons"]
        .as_array()
        .unwrap()
        .iter()
        .find(|neuron| neuron["hotkey"] == hotkey)
        .expect("the neuron is gone");
    assert_eq!(neuron["axon"]["port"].to_string(), port);
    assert!(daemon.stop().success());
}

#[test]
fn an_axon_is_kept_published_and_its_synapses_are_answered() {
    let host = Host::new();
    let config = host.path("btd.toml");
    let settings = "[serving]\nsynapses = [{ name = \"Topk\", handler = \"topk\" }]\n\
                    [serving.publish]\nnetuids = [1]\nip = \"127.0.0.2\"\nretry_s = 1\n";
    std::fs::write(&config, settings).unwrap();
    let daemon = host.start(&["--network", "devnet", "--block-time", "250ms", "--config", config.to_str().unwrap()]);
    let (_, mine) = wallets(&host);
    let (coldkey, hotkey) = (mine["coldkey"].as_str().unwrap(), mine["hotkey"].as_str().unwrap());
    host.ask(&["wallet", "transfer", "--wallet", "alice", "--dest", coldkey, "--amount", "100", "--yes"]);
    let often = ["--param", "serving_rate_limit", "--value", "0", "--wallet", "alice", "--root", "--yes"];
    host.ask(&[&["sudo", "set", "--netuid", "1"], &often[..]].concat());
    let start = |bind: &str| host.ask(&["axon", "start", "--wallet", "mine", "--hotkey", "h1", "--bind", bind]);
    let axon = start("127.0.0.2:0");
    let port: u16 = axon["address"].as_str().unwrap().rsplit_once(':').unwrap().1.parse().unwrap();
    // Nobody publishes it but btd itself, once the hotkey is registered.
    let address = format!("127.0.0.2:{port}");
    let publication = || host.ask(&["axon", "status"])["axon"]["publications"][0].clone();
    let unregistered = wait_for("the publication to be looked after", || {
        Some(publication()).filter(|publication| publication["state"] == "not_yet")
    });
    assert!(unregistered["reason"].as_str().unwrap().contains("is not registered on subnet 1"), "{unregistered}");
    host.ask(&["subnets", "register", "--netuid", "1", "--wallet", "mine", "--hotkey", "h1", "--yes"]);
    wait_for("the axon in the metagraph", || {
        let metagraph = host.ask(&["subnets", "metagraph", "1"]);
        let neurons = metagraph["neurons"].as_array().unwrap().clone();
        neurons.iter().any(|neuron| neuron["hotkey"] == hotkey && neuron["axon"]["port"] == port).then_some(())
    });

    // With its TLS key, as the chain keeps it.
    let published = |what: &str, key: &Value| {
        let whole = json!({ "netuid": 1, "address": address, "state": "whole" });
        wait_for(what, || (publication() == whole).then_some(()));
        let kept = json!({ "pallet": "SubtensorModule", "item": "NeuronCertificates", "keys": [1, hotkey] });
        let kept = host.ask(&["rpc", "chain_storage", &kept.to_string()])["value"].clone();
        assert_eq!(kept["algorithm"], 1, "{kept}");
        assert_eq!(kept["public_key"].as_str().unwrap(), key.as_str().unwrap().replace("0x01", "0x"));
    };
    published("the axon to be published", &axon["tls_key"]);

    // A synapse of the configuration, asked of all who serve: over HTTP/3 from the first time, for the key is known.
    let fields = ["topk: int = -1", "tensor: Optional[Tensor] = None", "values: Optional[Tensor] = None"];
    let declared: Vec<&str> = fields.iter().flat_map(|field| ["--declare", field]).collect();
    // [1.0, 3.0] as a tensor of float32.
    let tensor = r#"tensor={"buffer": "hcQCbmTDxAR0eXBlozxmNMQEa2luZMQAxAVzaGFwZZECxARkYXRhxAgAAIA/AABAQA==", "dtype": "float32", "shape": [2]}"#;
    let query = [
        &["dendrite", "query", "Topk", "--field", "topk=1", "--field", tensor, "--netuid", "1", "--all"],
        &["--wallet", "mine", "--wallet-hotkey", "h1"][..],
        &declared,
    ]
    .concat();
    let reply = &host.ask(&query)["replies"][0];
    assert_eq!(reply["status_code"], 200, "{reply}");
    assert_eq!(reply["message"]["values"]["shape"], json!([1]));
    assert_eq!(reply["transport"], "quic", "{reply}");
    let status = host.ask(&["axon", "status"]);
    let handlers = status["axon"]["handlers"].as_array().unwrap();
    assert!(handlers.iter().any(|handler| handler["name"] == "Topk" && handler["answered"] == 1), "{status}");

    // What is attached is answered by an HTTP server; this one is not there.
    let attach = ["axon", "attach", "Prompt", "--declare", "text: str", "--upstream", "http://127.0.0.1:1"];
    assert_eq!(host.ask(&attach)["synapses"].as_array().unwrap().len(), 3);
    assert!(host.refused(&attach).1.contains("another handler"));
    let asked = ["dendrite", "query", "Prompt", "--declare", "text: str", "--field", "text=hi", "--deadline", "300ms"];
    let asked = [&asked[..], &["--netuid", "1", "--all", "--wallet", "mine", "--wallet-hotkey", "h1"]].concat();
    let output = host.btctl(&[&["--json"], &asked[..]].concat());
    let reply: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(reply["replies"][0]["status_code"], 408, "{reply}");
    assert_eq!(host.ask(&["axon", "detach", "Prompt"])["synapses"].as_array().unwrap().len(), 2);

    // Another axon has another key, and the chain is told it.
    host.ask(&["axon", "stop"]);
    let again = start(&address);
    assert_ne!(again["tls_key"], axon["tls_key"]);
    published("the new key to be published", &again["tls_key"]);
    let reply = &host.ask(&query)["replies"][0];
    assert_eq!((&reply["status_code"], &reply["transport"]), (&json!(200), &json!("quic")), "{reply}");
    // Who is named by address and hotkey is found among the neurons: also by a stranger, who is turned away there. Each
    // time it is another one: what answers has announced HTTP/3 to the one before.
    let mut strangers = 0..;
    wait_for("a stranger to be turned away over HTTP/3", || {
        let stranger = format!("stranger{}", strangers.next()?);
        host.ask(&["wallet", "create", "--wallet", &stranger, "--uri", &format!("//{stranger}")]);
        let asked = json!({ "axons": [{ "hotkey": hotkey, "address": address }], "synapse": { "name": "Synapse" },
                            "wallet": stranger });
        let reply = &host.ask(&["rpc", "dendrite_query", &asked.to_string()])["replies"][0];
        assert_eq!(reply["status_code"], 403, "{reply}");
        (reply["transport"] == "quic").then_some(())
    });
    assert!(daemon.stop().success());
}

#[test]
fn the_metagraph_outlives_the_chain() {
    let (node, host) = (Host::new(), Host::new());
    let chain = node.start(&["--network", "devnet", "--block-time", "250ms"]);
    let endpoint = node.ask(&["status"])["devnet"].as_str().unwrap().to_owned();
    // Block 0 is what nothing at all could be taken for.
    let number = |status: &Value| status["chain"]["finalized"]["number"].as_u64().unwrap();
    wait_for("a block", || (number(&node.ask(&["status"])) > 0).then_some(()));

    let daemon = host.start(&["--network", &endpoint]);
    let fresh = host.ask(&["subnets", "metagraph", "1"]);
    assert_eq!(fresh["at"]["stale"], false);
    assert!(!fresh["neurons"].as_array().unwrap().is_empty());
    let settings = host.ask(&["subnets", "hyperparameters", "1"]);

    // Without the chain the same neurons are served, marked stale, with the block they are of.
    chain.kill();
    let stale = wait_for("the loss to be noticed", || {
        let metagraph = host.ask(&["subnets", "metagraph", "1"]);
        (metagraph["at"]["stale"] == true).then_some(metagraph)
    });
    assert_eq!(stale["neurons"], fresh["neurons"]);
    assert!(stale["at"]["number"].as_u64() >= fresh["at"]["number"].as_u64());
    // What is kept of a metagraph and of the list of subnets is told with it; for weights and bonds nobody had asked.
    let whole = host.ask(&["rpc", "metagraph_get", r#"{"netuid":1}"#]);
    assert!(whole["matrices"] == false && whole["at"]["stale"] == true, "{whole}");
    assert_eq!(whole["columns"]["hotkeys"].as_array().map(Vec::len), fresh["neurons"].as_array().map(Vec::len));
    for setting in ["rho", "kappa", "min_burn", "immunity_period", "alpha_high"] {
        assert!(!whole["figures"][setting].is_null(), "{setting}: {}", whole["figures"]);
    }
    let kept = host.ask(&["subnets", "hyperparameters", "1"]);
    let values = |reply: &Value| -> Vec<(Value, Value)> {
        let all = reply["hyperparameters"].as_array().unwrap().iter();
        all.map(|one| (one["name"].clone(), one["value"].clone())).collect()
    };
    assert_eq!(values(&kept), values(&settings));
    assert_eq!((&settings["at"]["stale"], &kept["at"]["stale"]), (&json!(false), &json!(true)));
    let price = host.ask(&["subnets", "price", "1"]);
    assert_eq!(price["prices"], serde_json::json!([{ "netuid": 1, "price": stale["subnet"]["price"] }]));
    assert_eq!(price["at"]["stale"], true);
    assert_eq!(host.ask(&["subnets", "price"])["prices"].as_array().map(Vec::len), Some(2));
    // Of what is not kept the chain would have to be asked.
    assert_eq!(host.refused(&["subnets", "price", "--netuids", "1,99"]).0, 8);
    let cost = host.ask(&["rpc", "subnets_burnCost", r#"{"netuid":1}"#]);
    assert_eq!((&cost["at"]["stale"], &cost["cost"]), (&Value::Bool(true), &stale["subnet"]["burn"]));
    let (code, error) =
        host.refused(&["wallet", "balance", "--address", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"]);
    assert_eq!(code, 8, "{error}");

    // Nor does a restart of the daemon lose them.
    assert!(daemon.stop().success());
    let daemon = host.start_alone(&["--network", &endpoint]);
    let again = host.ask(&["subnets", "metagraph", "1"]);
    assert_eq!(again["neurons"], fresh["neurons"]);
    assert_eq!(again["at"]["stale"], true);
    // One neuron, one column and the whole of it are told then as well.
    let uid = json!({ "netuid": 1, "uid": 0 }).to_string();
    let neuron = host.ask(&["rpc", "metagraph_neuron", &uid]);
    assert_eq!(neuron["neuron"]["hotkeys"], fresh["neurons"][0]["hotkey"], "{neuron}");
    assert_eq!(neuron["at"]["stale"], true);
    let column = host.ask(&["rpc", "metagraph_column", r#"{"netuid":1,"column":"hotkeys"}"#]);
    assert_eq!(column["values"], whole["columns"]["hotkeys"]);
    let kept = host.ask(&["rpc", "metagraph_get", r#"{"netuid":1}"#]);
    assert_eq!(kept["columns"], whole["columns"]);
    for setting in ["rho", "kappa", "min_burn", "immunity_period", "alpha_high"] {
        assert_eq!(kept["figures"][setting], whole["figures"][setting], "{setting}");
    }
    // The block at which they were read or changed is kept with them, not how long they stayed true behind it.
    let number = |reply: &Value| reply["at"]["number"].as_u64().unwrap();
    assert!((1..=number(&stale)).contains(&number(&again)), "{again}");
    assert!(daemon.stop().success());
}

#[test]
fn a_chain_without_a_clock_goes_on_after_a_restart() {
    let host = Host::new();
    let state = host.path("chain");
    let arguments = ["--network", "devnet", "--block-time", "instant", "--state", state.to_str().unwrap()];
    let transfer = ["wallet", "transfer", "--wallet", "alice", "--dest", BOB, "--amount", "1", "--yes"];
    let daemon = host.start(&arguments);
    wallets(&host);
    for _ in 0..2 {
        assert_eq!(host.ask(&transfer)["outcome"]["state"], "finalized");
    }
    assert!(daemon.stop().success());

    // No block comes by itself, so the head must be usable as it was left.
    let daemon = host.start(&arguments);
    assert_eq!(host.ask(&transfer)["outcome"]["block"]["number"], 3);
    // What the chain refuses is said at once, by its name.
    let register = ["subnets", "register", "--netuid", "1", "--wallet", "mine", "--hotkey", "h1", "--yes"];
    let (code, error) = host.refused(&register);
    assert!(code == 6 && error.contains("can spend"), "{code} {error}");
    assert!(daemon.stop().success());
}

#[test]
fn a_repeated_intent_acts_once() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "instant"]);
    wallets(&host);
    let transfer = |amount: &str, key: &str| {
        let params = json!({
            "wallet": "alice",
            "dest": BOB,
            "amount": amount,
            "idempotency_key": key,
        });
        host.btctl(&["--json", "rpc", "wallet_transfer", &params.to_string()])
    };
    let before = free(&host, "alice");
    let first = transfer("1000000000", "once");
    let again = transfer("1000000000", "once");
    assert!(first.status.success() && again.status.success(), "{first:?} {again:?}");
    let read = |output: &std::process::Output| serde_json::from_slice::<Value>(&output.stdout).unwrap();
    assert_eq!(read(&first)["outcome"]["extrinsic"], read(&again)["outcome"]["extrinsic"]);
    let spent = before - free(&host, "alice");
    assert_eq!(spent, TAO + rao(&read(&first)["outcome"]["fee"]));
    let other = transfer("2000000000", "once");
    assert!(String::from_utf8_lossy(&other.stderr).contains("DUPLICATE_INTENT"), "{other:?}");
    assert_eq!(before - free(&host, "alice"), spent);
    assert!(daemon.stop().success());
}

#[test]
fn anything_is_read_by_name_at_any_block() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "instant"]);
    wallets(&host);
    let transfer = ["wallet", "transfer", "--wallet", "alice", "--dest", BOB, "--amount", "1", "--yes"];
    let sent = [host.ask(&transfer), host.ask(&transfer)];
    let block = |sent: &Value| sent["outcome"]["block"]["number"].as_u64().unwrap();
    let (first, second) = (block(&sent[0]), block(&sent[1]));

    // Raw reads, now and then.
    let bob = |at: &[&str]| {
        let account = host.ask(&[&["query", "storage", "System", "Account", BOB], at].concat());
        rao(&account["value"]["data"]["free"])
    };
    let earlier = first.to_string();
    assert_eq!(bob(&[]) - bob(&["--block", &earlier]), TAO);
    let networks = host.ask(&["query", "storage", "SubtensorModule", "NetworksAdded"]);
    assert_eq!(networks["entries"].as_array().unwrap().len(), 2);
    assert_eq!(host.ask(&["query", "constant", "Balances", "ExistentialDeposit"])["value"], "500");
    let api = host.ask(&["query", "runtime-api", "SubnetInfoRuntimeApi", "get_dynamic_info", "1"]);
    assert_eq!(api["value"]["tempo"], 100);
    let read = host.ask(&["query", "block", &earlier]);
    let transfer = &read["extrinsics"][2];
    assert_eq!(transfer["call"], "Balances.transfer_keep_alive");
    assert_eq!(transfer["success"], true);
    let described = host.ask(&["query", "metadata", "Balances"]);
    assert!(described["items"].as_array().unwrap().iter().any(|item| item["name"] == "transfer_keep_alive"));
    let (code, error) = host.refused(&["query", "storage", "SubtensorModule", "NetworkAdded"]);
    assert!(code != 0 && error.contains("nearest: SubtensorModule.NetworksAdded"), "{error}");

    // Events from a cursor on, and from behind the first of them.
    let filter = ["events", "--pallet", "Balances", "--event", "Transfer", "--account", BOB];
    let follow = |more: &[&str]| {
        let output = host.btctl(&[&["--json"], &filter[..], more].concat());
        assert!(output.status.success(), "{output:?}");
        let lines = String::from_utf8(output.stdout).unwrap();
        lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let all = follow(&["--from", "1", "--count", "2"]);
    let numbers: Vec<u64> = all.iter().map(|item| item["block"]["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [first, second]);
    let cursor = all[0]["cursor"].as_str().unwrap();
    assert_eq!(follow(&["--from-cursor", cursor, "--count", "1"]), all[1..]);

    // The whole metagraph, then and now, and as a file.
    let now = host.ask(&["rpc", "metagraph_get", "netuid=1"]);
    assert_eq!(now["columns"]["hotkeys"].as_array().unwrap().len(), 1);
    let path = host.path("subnet.btd");
    let saved = host.btctl(&["subnets", "metagraph", "1", "--save", path.to_str().unwrap()]);
    assert!(saved.status.success(), "{saved:?}");
    let bytes = hex::encode(std::fs::read(&path).unwrap());
    let loaded = host.ask(&["rpc", "metagraph_load", &format!("bytes=0x{bytes}")]);
    assert_eq!((&loaded["columns"], &loaded["figures"]), (&now["columns"], &now["figures"]));
    let diff = host.ask(&["rpc", "metagraph_diff", "netuid=1", &format!("from={first}"), &format!("to={second}")]);
    assert_eq!(diff["from"]["number"], first);
    let synced = host.ask(&["subnets", "sync", "1", "--block", &earlier]);
    assert_eq!((&synced["at"]["number"], &synced["kept"]), (&json!(first), &json!(true)));
    let history = host.ask(&["subnets", "history", "1", "--uid", "0", "--columns", "hotkeys,incentives"]);
    let records = history["records"].as_array().unwrap();
    let record = records.iter().find(|record| record["block"]["number"] == first).unwrap();
    assert_eq!((&record["values"]["hotkeys"][0], &record["neurons"]), (&now["columns"]["hotkeys"][0], &json!(1)));
    let neuron = host.ask(&["rpc", "metagraph_neuron", "netuid=1", "uid=0"]);
    assert_eq!(neuron["neuron"]["hotkeys"], now["columns"]["hotkeys"][0]);
    let live = host.btctl(&["--json", "subnets", "metagraph", "1", "--live", "--count", "1"]);
    let live: Value = serde_json::from_slice(&live.stdout).unwrap();
    assert_eq!(live["neurons"].as_array().unwrap().len(), 1);
    let past = host.ask(&["subnets", "metagraph", "1", "--block", &earlier]);
    assert_eq!((&past["at"]["number"], &past["at"]["stale"]), (&json!(first), &json!(false)));
    // A subnet's line without its neurons is the same line.
    let shown = host.ask(&["rpc", "subnets_show", "netuid=1", &format!("block={first}")]);
    assert_eq!((&shown["subnet"], &shown["at"]["number"]), (&past["subnet"], &json!(first)));
    let chosen = ["--columns", "uid,stake,hotkey", "--sort", "stake", "--block", &earlier];
    let table = host.btctl(&[&["subnets", "metagraph", "1"], &chosen[..]].concat());
    let table = String::from_utf8(table.stdout).unwrap();
    let heads: Vec<&str> = table.lines().nth(1).unwrap_or_default().split_whitespace().collect();
    assert_eq!(heads, ["UID", "STAKE", "(α)", "HOTKEY"], "{table}");
    let read = host.ask(&["subnets", "load", path.to_str().unwrap()]);
    assert_eq!((&read["columns"], &read["at"]["number"]), (&now["columns"], &now["at"]["number"]));
    assert_eq!(host.ask(&["subnets", "price"])["prices"].as_array().unwrap().len(), 2);
    assert!(rao(&host.ask(&["subnets", "lock-cost"])["cost"]) > 0);

    let chain = host.ask(&["chain"]);
    assert_eq!(chain["endpoints"][0]["standing"], "active");
    assert!(chain["features"].as_array().unwrap().contains(&json!("mechanisms")));
    assert!(daemon.stop().success());
}
