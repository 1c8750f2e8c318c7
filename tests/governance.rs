//! The senate, root weights and delegation by the real binaries, on a development chain that still has them, and
//! what is said on one that has not; and the hyperparameters of a subnet, as they are shown and as they are set.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use btd_tests::{
    Daemon, Host,
    senate::{self, PROPOSAL},
    wait_for,
};
use serde_json::{Value, json};

const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
/// A development chain with a wallet for //Alice and one for //Bob.
fn stage(legacy: &str) -> (Host, Daemon) {
    let host = Host::new();
    let daemon =
        host.start_with(&["--network", "devnet", "--block-time", "100ms"], &[("BTD_DEVNET__LEGACY_ROOT", legacy)]);
    wait_for("btd to be ready", || (host.ask(&["status"])["phase"] == "ready").then_some(()));
    for (name, uri) in [("alice", "//Alice"), ("bob", "//Bob")] {
        host.ask(&["wallet", "create", "--wallet", name, "--uri", uri]);
    }
    (host, daemon)
}

fn ask(host: &Host, words: &str) -> Value {
    host.ask(&words.split(' ').collect::<Vec<_>>())
}

fn signed(host: &Host, words: &str) -> Value {
    let receipt = ask(host, &format!("{words} --yes"));
    assert_eq!(receipt["outcome"]["state"], "finalized", "{words}: {receipt}");
    receipt
}

fn refused(host: &Host, words: &str) -> Value {
    let words: Vec<&str> = words.split(' ').chain(["--yes", "--json"]).collect();
    let (_, text) = host.refused(&words);
    let document: Value = serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap();
    document["error"].clone()
}

#[test]
fn senators_vote_and_root_validators_steer_where_the_chain_has_them() {
    let (host, _daemon) = stage("true");
    senate::open_a_proposal(&host);
    signed(&host, "root register --wallet alice");
    assert_eq!(ask(&host, "root senate")["senators"][0]["hotkey"], ALICE);
    let open = ask(&host, "sudo proposals");
    let one = &open["proposals"][0];
    assert_eq!((&one["index"], &one["call"], &open["seats"]), (&json!(7), &json!("System.remark"), &json!(1)));
    let vote = format!("root senate_vote --proposal {PROPOSAL} --vote-nay --wallet.name alice");
    assert_eq!(signed(&host, &vote)["plan"]["call"], "SubtensorModule.vote");
    assert_eq!(ask(&host, "root proposals")["proposals"][0]["nays"][0], ALICE);
    assert_eq!(refused(&host, &vote)["data"]["error"], "DuplicateVote");
    let stranger = format!("sudo senate-vote --proposal {PROPOSAL} --vote-aye --wallet bob");
    assert_eq!(refused(&host, &stranger)["data"]["error"], "NotSenateMember");

    // Weights are taken once in a while.
    ask(&host, "devnet mine 101");
    let by_number = ask(&host, "weights set 0 --uids 1 --weights 1 --wallet alice --dry-run");
    assert_eq!(by_number["plan"]["call"], "SubtensorModule.set_weights");
    signed(&host, "root weights --netuids 1 --weights 1 --wallet alice");
    let shares = || {
        let rows = ask(&host, "root get_weights");
        let weights = rows["rows"][0]["weights"].as_array().unwrap().clone();
        weights.iter().map(|one| (one["netuid"].clone(), one["share"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(shares(), [(json!(1), json!("1"))]);
    // What the chain would refuse is known before it is signed, and a plan promises nothing else.
    let plan = |words: &str| refused(&host, &format!("{words} --wallet alice --dry-run"))["data"]["error"].clone();
    for words in ["root weights --netuids 1 --weights 1", "weights set 0 --uids 1 --weights 1"] {
        assert_eq!(plan(words), "SettingWeightsTooFast", "{words}");
    }
    assert_eq!(plan("root boost --netuid 1 --increase 0.1"), "SettingWeightsTooFast");
    for words in ["root weights --netuids 1,77 --weights 1,1", "weights set 0 --uids 77 --weights 1"] {
        assert_eq!(plan(words), "UidVecContainInvalidOne", "{words}");
    }
    assert_eq!(plan("root boost --netuid 77 --increase 0.1"), "UidVecContainInvalidOne");
    assert_eq!(plan("root weights --netuids 1,1 --weights 1,2"), "DuplicateUids");
    let slashed = refused(&host, "root slash --netuid 1 --decrease 1 --wallet alice");
    assert_eq!(slashed["kind"], "PRECONDITION_FAILED");
    assert_eq!(refused(&host, "root boost --netuid 1 --increase 0.1 --wallet bob")["kind"], "PRECONDITION_FAILED");

    // What is added to one subnet, or taken from it, is shared out anew among all.
    signed(&host, "subnets create --wallet alice");
    let near = |wanted: [f64; 2]| {
        let found = shares();
        let netuids: Vec<&Value> = found.iter().map(|(netuid, _)| netuid).collect();
        assert_eq!(netuids, [1, 2], "{found:?}");
        let is_near = |((_, share), wanted): (&(Value, Value), &f64)| {
            (share.as_str().unwrap().parse::<f64>().unwrap() - wanted).abs() < 0.0001
        };
        assert!(found.iter().zip(&wanted).all(is_near), "{found:?} is not {wanted:?}");
    };
    for (words, wanted) in [
        ("root boost --netuid 2 --increase 0.25", [1.0 / 1.25, 0.25 / 1.25]),
        ("root slash --netuid 1 --decrease 0.3", [0.5 / 0.7, 0.2 / 0.7]),
    ] {
        ask(&host, "devnet mine 101");
        let receipt = signed(&host, &format!("{words} --wallet alice"));
        assert_eq!(receipt["plan"]["call"], "SubtensorModule.set_weights");
        near(wanted);
    }

    // What was signed under a key is told again while the chain is out of reach.
    ask(&host, "devnet mine 101");
    let params = r#"{"netuid":2,"amount":"0.1","wallet":"alice","idempotency_key":"once"}"#;
    let boosted = host.ask(&["rpc", "root_boost", params]);
    ask(&host, "devnet fault refuse --connections ws");
    wait_for("the link to be lost", || (ask(&host, "status")["chain"]["link"] != "live").then_some(()));
    assert_eq!(host.ask(&["rpc", "root_boost", params])["outcome"], boosted["outcome"]);
    let (_, text) = host.refused(&["rpc", "root_slash", &params.replace("once", "twice")]);
    assert!(text.contains("chain"), "{text}");
    ask(&host, "devnet fault clear");
}

#[test]
fn delegation_is_stake_on_root() {
    let (host, _daemon) = stage("false");
    signed(&host, "root register --wallet alice");
    let to_alice = format!("root delegate --delegate_ss58key {ALICE} --amount 10 --wallet.name bob");
    assert_eq!(signed(&host, &to_alice)["plan"]["call"], "SubtensorModule.add_stake");
    let mine = || ask(&host, "root my_delegates --wallet bob")["delegations"].clone();
    let delegation = mine()[0].clone();
    assert_eq!((&delegation["hotkey"], &delegation["netuid"]), (&json!(ALICE), &json!(0)));
    assert_eq!((&delegation["owner"], &delegation["stake"]), (&json!(ALICE), &json!("10000000000")));
    signed(&host, &format!("root undelegate --delegate {ALICE} --all --wallet bob"));
    assert_eq!(mine(), json!([]));

    // What this runtime lacks is named, with what comes nearest.
    let nominate = refused(&host, "root nominate --wallet alice");
    assert_eq!(nominate["kind"], "NOT_ON_THIS_RUNTIME");
    assert!(nominate["data"]["instead"].as_str().unwrap().contains("root register"), "{nominate}");
    let weights = refused(&host, "root weights --netuids 1 --weights 1 --wallet alice");
    assert_eq!(weights["kind"], "NOT_ON_THIS_RUNTIME");
    assert_eq!(ask(&host, "root senate")["senators"], json!([]));
}

/// A value as JSON has it, as a person would type it.
fn typed(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn every_hyperparameter_is_set_as_it_is_shown_or_says_why_not() {
    // A block for each extrinsic: no epoch comes near, before which an owner may change nothing.
    let host = Host::new();
    let _daemon = host.start(&["--network", "devnet", "--block-time", "instant"]);
    host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);
    signed(&host, "subnets create --wallet alice");
    signed(&host, "subnets start 2 --wallet alice");
    // Without it the ends of liquid alpha cannot be set.
    signed(&host, "sudo set --netuid 2 --param liquid_alpha_enabled --value true --wallet alice --root");
    let shown = || ask(&host, "sudo get 2")["hyperparameters"].as_array().unwrap().clone();
    let before = shown();
    let mut unsettable = Vec::new();
    for one in &before {
        let (name, value) = (one["name"].as_str().unwrap(), typed(&one["value"]));
        let set = |value: &str| format!("sudo set --netuid 2 --param {name} --value {value} --wallet alice --root");
        let refusal = one["refusal"].as_str();
        assert_eq!(one["owner_settable"] == json!(true), refusal.is_none(), "{one}");
        assert!(!one["about"].as_str().unwrap().is_empty(), "{name} is not known");
        if matches!(name, "max_weights_limit" | "user_liquidity_enabled") {
            let error = refused(&host, &set(&value));
            assert_eq!(error["kind"], "PRECONDITION_FAILED", "{name}: {error}");
            assert!(error["message"].as_str().unwrap().contains("cannot be set"), "{name}: {error}");
            unsettable.push(name);
            continue;
        }
        let receipt = signed(&host, &set(&value));
        // As people write it, it is the same.
        if let Some(human) = one["human"].as_str() {
            let plan = ask(&host, &format!("{} --dry-run", set(human)));
            assert_eq!(plan["plan"]["arguments"], receipt["plan"]["arguments"], "{name} {human}");
        }
        if refusal.is_some() {
            let error = refused(&host, &set(&value).replace(" --root", ""));
            assert!(error["message"].as_str().unwrap().contains("root alone"), "{name}: {error}");
        }
    }
    assert_eq!(unsettable.len(), 2, "{before:?}");
    assert_eq!(shown(), before);
    // One end of a pair leaves the other as it is, and both are set at once as elsewhere.
    signed(&host, "sudo set --netuid 2 --param alpha_low --value 0.5 --wallet alice --root");
    signed(&host, "sudo set --netuid 2 --param alpha_high --value 0.8 --wallet alice --root");
    let value = |name: &str| shown().into_iter().find(|one| one["name"] == name).unwrap()["value"].clone();
    assert_eq!((value("alpha_low"), value("alpha_high")), (json!(32_767), json!(52_428)));
    signed(&host, "sudo set --netuid 2 --param alpha_values --value 0.4,0.9 --wallet alice --root");
    assert_eq!((value("alpha_low"), value("alpha_high")), (json!(26_214), json!(58_981)));
}

/// At the least difficulty: a few thousand hashes.
#[test]
fn work_registers_a_neuron() {
    let host = Host::new();
    let _daemon = host.start(&["--network", "devnet", "--block-time", "1s"]);
    host.ask(&["wallet", "create", "--wallet", "bob", "--uri", "//Bob"]);
    host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);
    for name in ["min_difficulty", "difficulty"] {
        signed(&host, &format!("sudo set --netuid 1 --param {name} --value 1000 --wallet alice --root"));
    }
    let registered = signed(&host, "subnets pow_register --netuid 1 --wallet bob --pow_register.num_processes 1");
    assert_eq!(registered["plan"]["call"], "SubtensorModule.pow_register");
    assert!(registered["uid"].is_number(), "{registered}");
}

#[test]
#[ignore = "takes as long as the host's processors need for millions of hashes"]
fn work_is_found_while_blocks_go_by() {
    let host = Host::new();
    let _daemon = host.start(&["--network", "devnet", "--block-time", "1s"]);
    host.ask(&["wallet", "create", "--wallet", "poor", "--uri", "//Poor"]);
    let receipt = signed(&host, "wallet faucet --wallet poor");
    assert_eq!(receipt["plan"]["call"], "SubtensorModule.faucet");
    assert_eq!(ask(&host, "wallet balance --wallet poor")["rows"][0]["free"], "1000000000000");
}
