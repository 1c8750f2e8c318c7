//! The OpenRPC document, held against the daemon that tells it: every example is sent, as a dry run where it would
//! sign something, and answered on one stage or another with what the document says, but for those of which is said
//! here why not. Every subscription is begun, heard once and ended. What the document has for examples of replies was
//! [recorded](recorded) here.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod recorded;
mod schema;

use std::{
    collections::BTreeMap,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use btd_tests::{rpc::call, stage::Stage, websocket::Following};
use serde_json::{Map, Value, json};

use crate::{
    recorded::{Part, compare},
    schema::Schemas,
};

/// Methods whose example is not sent, and why.
const UNSENT: [(&str, &str); 3] = [
    ("node_stop", "the daemon would be gone"),
    ("metagraph_load", "it reads what metagraph_save gives: sent with that"),
    ("wallet_decrypt", "it reads what was sealed for a key of this host: sent with that"),
];

/// Methods whose example is answered on none of the stages, as what it is refused, and why.
const REFUSED: [(&str, &str, &str); 6] = [
    ("root_nominate", "NOT_ON_THIS_RUNTIME", "who is on root is a delegate"),
    ("tx_show", "NOT_FOUND", "nothing signed has that hash"),
    ("tx_follow", "NOT_FOUND", "nothing signed has that hash"),
    ("tx_cancel", "NOT_FOUND", "nothing signed has that hash"),
    ("axon_answer", "NOT_FOUND", "nobody has asked"),
    ("axon_screen", "NOT_FOUND", "nobody has asked"),
];

/// Whose wallet the default one is, and what is done on a chain before the examples are sent there that were not
/// answered on the stages before.
const STAGES: [(Option<&str>, &[&str]); 7] = [
    (None, &[]),
    // Once more, for what is in the way of something else there.
    (None, &[]),
    (
        Some("//Alice"),
        &[
            // The first extrinsic of the chain: its place is in the example.
            "proxy create",
            // Work for a neuron is a matter of a moment.
            "sudo set --netuid 1 --param min_difficulty --value 1000 --root",
            "sudo set --netuid 1 --param difficulty --value 1000 --root",
            "devnet mine 5",
        ],
    ),
    (
        Some("//Alice"),
        &[
            // The subnet is //Alice's, and its pool is large enough for the trades of the examples.
            "devnet set-storage OWNER TAO ALPHA",
            "subnets start 1",
            "subnets register 1",
            "subnets register 1 --wallet bob",
            "root register",
            "stake add --netuid 1 --amount 20 --hotkey ALICE",
            "stake add --netuid 1 --amount 20 --hotkey BOB",
            "stake add --netuid 0 --amount 20 --hotkey ALICE",
            "stake lock 1 --amount 1 --hotkey ALICE",
            "proxy add --delegate BOB",
            "crowd create --deposit 10 --cap 20 --duration 60000 --target BOB",
            "crowd create --deposit 10 --cap 20 --duration 60000 --target BOB",
            "sudo set --netuid 1 --param weights_rate_limit --value 0 --root",
            r#"rpc weights_commit {"netuid":1,"weights":[{"uid":1,"weight":1}],"salt":[1]}"#,
            "devnet mine 100",
        ],
    ),
    (
        Some("//Alice"),
        &[
            "subnets register 1",
            "sudo set --netuid 1 --param commit_reveal_weights_enabled --value false --root",
            "sudo set --netuid 1 --param weights_rate_limit --value 0 --root",
            "devnet set-storage OWNER",
            "crowd create --deposit 10 --cap 20 --duration 60000 --target BOB",
            "crowd create --deposit 10 --cap 20 --duration 60000 --target BOB",
            "crowd contribute 1 --amount 10 --wallet bob",
            "multisig propose --signatories ALICE,BOB --call CALL",
            "sudo trim 1 --max 128",
            "subnets mechanisms set 1 --count 2",
        ],
    ),
    (
        Some("//Alice"),
        &[
            // Coldkeys are exchanged three blocks after it was announced.
            "devnet set-storage ANNOUNCED REANNOUNCED",
            "wallet swap-coldkey announce --new-coldkey BOB",
            "devnet mine 6",
        ],
    ),
    (
        Some("//Bob"),
        &[
            "proxy add --delegate BOB --wallet alice",
            "proxy announce --real ALICE --call CALL",
            "multisig propose --signatories ALICE,BOB --call CALL --wallet alice",
            "crowd create --deposit 10 --cap 20 --duration 60000 --target ALICE --wallet alice",
            "crowd create --deposit 10 --cap 20 --duration 60000 --target ALICE --wallet alice",
            "crowd contribute 1 --amount 5",
        ],
    ),
];

/// The same on a chain whose root has weights and a senate.
const LEGACY: (Option<&str>, &[&str]) =
    (Some("//Alice"), &["root register", "devnet mine 101", "root weights --netuids 1 --weights 1", "devnet mine 101"]);

const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

/// A word of a stage, where it stands for what is too long for a line.
fn in_full(word: &str) -> String {
    /// `SubtensorModule` (twox128).
    const MODULE: &str = "0x658faa385070e074c85bf6b568cf0555";
    match word {
        "CALL" => r#"{"pallet":"System","call":"remark","args":{"remark":"0x00"}}"#.to_owned(),
        // `SubnetOwner`, `SubnetTAO` and `SubnetAlphaIn` of subnet 1: //Alice, and a million of each.
        "OWNER" => format!(
            "{MODULE}36e3e82152c8758267395fe524fbbd160100=0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"
        ),
        "TAO" => format!("{MODULE}7a57dce016211512d1700561066b85a30100=0x0080c6a47e8d0300"),
        "ALPHA" => format!("{MODULE}2ce12f7007574647d692ac7edf8b7a530100=0x0080c6a47e8d0300"),
        // `ColdkeySwapAnnouncementDelay` and `ColdkeySwapReannouncementDelay`.
        "ANNOUNCED" => format!("{MODULE}a1e94cf49b8d02b2bb674b407e7a3832=0x03000000"),
        "REANNOUNCED" => format!("{MODULE}61b29e17e0bcdee32fda84457cbb3fbf=0x03000000"),
        word if word.contains('{') => word.to_owned(),
        word => word.replace("ALICE", ALICE).replace("BOB", BOB),
    }
}

/// The parameters of a method's example.
fn params(method: &Value) -> Map<String, Value> {
    let example = method["examples"][0]["params"].as_array().unwrap().iter();
    example.map(|param| (param["name"].as_str().unwrap().to_owned(), param["value"].clone())).collect()
}

/// Sets the stages, each in its turn, while the one before is looked at.
fn set(stages: &mpsc::SyncSender<Stage>) {
    let usual = STAGES.iter().map(|set| (Stage::on_demand as fn() -> Stage, set));
    let legacy = (Stage::of_old as fn() -> Stage, &LEGACY);
    for (stage, (default, words)) in usual.chain([legacy]) {
        let stage = stage();
        if let Some(uri) = default {
            stage.wallet("default", uri);
        }
        for line in *words {
            let words: Vec<String> = line.split(' ').map(in_full).chain(["--yes".to_owned()]).collect();
            stage.host.ask(&words.iter().map(String::as_str).collect::<Vec<_>>());
        }
        if stages.send(stage).is_err() {
            // Nobody looks any more.
            return;
        }
    }
}

#[test]
fn every_example_is_answered() {
    let mut last = BTreeMap::<String, Value>::new();
    let mut wrong = Vec::new();
    let (setting, stages) = mpsc::sync_channel(0);
    thread::scope(|scope| {
        scope.spawn(move || set(&setting));
        for (at, stage) in stages.into_iter().enumerate() {
            let document = call(&stage.host, "rpc_discover", &json!({})).unwrap();
            let schemas = Schemas(&document);
            for method in document["methods"].as_array().unwrap() {
                let name = method["name"].as_str().unwrap();
                let is_left = if at == 0 { !is_left_out(method) } else { last.contains_key(name) };
                if !is_left {
                    continue;
                }
                let params = params(method);
                let signs = method["params"].as_array().unwrap().iter().any(|param| param["name"] == "dry_run");
                assert!(!signs || params["dry_run"] == true, "the example of {name} signs");
                match call(&stage.host, name, &params.into()) {
                    Ok(reply) => {
                        last.remove(name);
                        let result = &method["result"]["schema"];
                        if let Err(error) = schemas.judge(result, &reply) {
                            wrong.push(format!("{name}: the reply is not what the document says: {error}"));
                        }
                        // The document is no part of itself.
                        if name != "rpc_discover" {
                            wrong.extend(compare(&stage.host, Part::Replies, method, &reply).err());
                        }
                    }
                    Err(error) => {
                        last.insert(name.to_owned(), error);
                    }
                }
            }
        }
    });
    for (name, kind, _) in REFUSED {
        match last.remove(name) {
            Some(error) if error["data"]["kind"] == kind => {}
            told => wrong.push(format!("{name} is not refused as {kind}: {told:?}")),
        }
    }
    wrong.extend(last.iter().map(|(name, error)| format!("{name}: {error}")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The methods of the document by their names, and what it says of types.
fn methods(document: &Value) -> BTreeMap<&str, &Value> {
    let methods = document["methods"].as_array().unwrap().iter();
    methods.map(|method| (method["name"].as_str().unwrap(), method)).collect()
}

#[test]
fn every_example_in_the_document_is_what_the_document_says() {
    let host = btd_tests::Host::new();
    let _daemon = host.start_alone(&["--network", "ws://127.0.0.1:9"]);
    let document = call(&host, "rpc_discover", &json!({})).unwrap();
    let schemas = Schemas(&document);
    let mut wrong = Vec::new();
    for (name, method) in methods(&document) {
        for example in method["examples"].as_array().unwrap() {
            let judged = schemas.judge(&method["result"]["schema"], &example["result"]["value"]);
            wrong.extend(judged.err().map(|error| format!("{name}: {}: {error}", example["name"])));
        }
        if let Some(about) = method.get("x-subscription") {
            let judged = schemas.judge(&about["item"], &about["example"]);
            wrong.extend(judged.err().map(|error| format!("{name}: {error}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_signed_is_told_as_the_document_has_it() {
    let stage = Stage::on_demand();
    stage.wallet("default", "//Alice");
    let document = call(&stage.host, "rpc_discover", &json!({})).unwrap();
    let (schemas, methods) = (Schemas(&document), methods(&document));
    let tell = |part, name: &str, params: Map<String, Value>, shown: &dyn Fn(Value) -> Value| {
        let reply = call(&stage.host, name, &params.into()).unwrap_or_else(|error| panic!("{name}: {error}"));
        schemas.judge(&methods[name]["result"]["schema"], &reply).unwrap_or_else(|error| panic!("{name}: {error}"));
        compare(&stage.host, part, methods[name], &shown(reply.clone())).unwrap_or_else(|error| panic!("{error}"));
        reply
    };
    let mut transfer = params(methods["wallet_transfer"]);
    transfer.remove("dry_run");
    let sent = tell(Part::Signed, "wallet_transfer", transfer, &|reply| reply);
    // The examples ask for an extrinsic that nobody has signed; what is told of this one is told as of that one.
    let extrinsic = sent["outcome"]["extrinsic"].as_str().unwrap();
    for name in ["tx_show", "tx_follow"] {
        let mut asked = params(methods[name]);
        let named = asked.insert("extrinsic".to_owned(), extrinsic.into()).unwrap();
        let as_asked = |reply: Value| -> Value {
            serde_json::from_str(&reply.to_string().replace(extrinsic, named.as_str().unwrap())).unwrap()
        };
        tell(Part::Replies, name, asked, &as_asked);
    }
}

/// Whether no example of a method is sent: a subscription needs a connection that stays.
fn is_left_out(method: &Value) -> bool {
    method.get("x-subscription").is_some() || UNSENT.iter().any(|(name, _)| method["name"] == *name)
}

#[test]
fn what_is_saved_or_sealed_is_read_again() {
    let stage = Stage::on_demand();
    let document = call(&stage.host, "rpc_discover", &json!({})).unwrap();
    let schemas = Schemas(&document);
    let methods = methods(&document);
    let send = |name: &str, params: Value| {
        let reply = call(&stage.host, name, &params).unwrap_or_else(|error| panic!("{name}: {error}"));
        schemas.judge(&methods[name]["result"]["schema"], &reply).unwrap_or_else(|error| panic!("{name}: {error}"));
        // The example of sealing warns of a key that is not of this host, which this one is.
        if name != "wallet_encrypt" {
            compare(&stage.host, Part::Replies, methods[name], &reply).unwrap_or_else(|error| panic!("{error}"));
        }
        reply
    };
    let saved = send("metagraph_save", json!({ "netuid": 1 }));
    send("metagraph_load", json!({ "bytes": saved["bytes"] }));
    stage.host.ask(&["wallet", "create", "--wallet", "sealed", "--uri", "//Alice", "--scheme", "ed25519"]);
    let sealed = send("wallet_encrypt", params(methods["wallet_encrypt"]).into());
    send("wallet_decrypt", json!({ "ciphertext": sealed["ciphertext"], "wallet": "sealed" }));
}

#[test]
fn every_subscription_tells_what_the_document_says() {
    let stage = Stage::on_demand();
    stage.wallet("default", "//Alice");
    stage.signed("subnets register 1 --wallet alice");
    let axon = stage.ask("axon start --bind 127.0.0.1:0 --wallet alice")["address"].as_str().unwrap().to_owned();
    let document = call(&stage.host, "rpc_discover", &json!({})).unwrap();
    let schemas = Schemas(&document);
    let subscriptions = document["methods"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|method| Some((method, method.get("x-subscription")?)));
    let mut told = Vec::new();
    for (method, about) in subscriptions {
        let name = method["name"].as_str().unwrap();
        let mut following = Following::connect(&stage.host);
        let subscription =
            following.call(name, &params(method).into()).unwrap_or_else(|error| panic!("{name}: {error}"));
        schemas.judge(&method["result"]["schema"], &subscription).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut hear = || {
            let notification = following.next(name);
            assert_eq!(notification["method"], about["notification"], "{name}: {notification}");
            assert_eq!(notification["params"]["subscription"], subscription, "{name}: {notification}");
            let item = &notification["params"]["result"];
            schemas.judge(&about["item"], item).unwrap_or_else(|error| panic!("{name}: {error}: {item}"));
            compare(&stage.host, Part::Items, method, item).unwrap_or_else(|error| panic!("{error}"));
        };
        let query = format!("dendrite query --axon {ALICE}@{axon} --deadline 5s --wallet alice Echo");
        let (host, is_heard) = (&stage.host, AtomicBool::new(false));
        thread::scope(|scope| {
            match name {
                // Asked again where the machine was too busy for it: a query has a deadline.
                "axon_serve" => drop(scope.spawn(|| {
                    let words: Vec<&str> = query.split(' ').collect();
                    (0..10).take_while(|_| !is_heard.load(Ordering::Relaxed)).for_each(|_| drop(host.btctl(&words)));
                })),
                // A transfer makes a block, with an event.
                _ => drop(stage.signed(&format!("wallet transfer --dest {ALICE} --amount 1 --wallet bob"))),
            }
            hear();
            is_heard.store(true, Ordering::Relaxed);
        });
        let ended = following.call(about["unsubscribe"].as_str().unwrap(), &json!([subscription]));
        // A query ends by itself.
        assert!(ended == Ok(json!(true)) || name == "dendrite_subscribeQuery", "{name}: {ended:?}");
        told.push(name);
    }
    assert_eq!(told.len(), 5, "{told:?}");
}
