//! The OpenRPC document, held against the daemon that tells it: every example is sent, as a dry run where it would
//! change something, and answered on one stage or another with what the document says, but for those of which is said
//! here why not. Every subscription is begun, heard once and ended.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use btd_tests::{rpc::call, stage::Stage, websocket::Following};
use serde_json::{Map, Value, json};

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

/// What a document of JSON Schema (draft 7, as far as it is used here) says against a value.
struct Schemas<'d>(&'d Value);

impl Schemas<'_> {
    fn judge(&self, schema: &Value, value: &Value) -> Result<(), String> {
        if let Some(reference) = schema["$ref"].as_str() {
            let target = self.0.pointer(reference.trim_start_matches('#')).ok_or(format!("no {reference}"))?;
            self.judge(target, value).map_err(|error| format!("{reference}: {error}"))?;
        }
        for one in schema["allOf"].as_array().into_iter().flatten() {
            self.judge(one, value)?;
        }
        for choices in ["anyOf", "oneOf"].iter().filter_map(|name| schema[*name].as_array()) {
            let judged: Vec<String> = choices.iter().filter_map(|one| self.judge(one, value).err()).collect();
            if judged.len() == choices.len() {
                return Err(format!("none of {judged:?}"));
            }
        }
        let is_given = |name: &str| schema.get(name);
        if is_given("const").is_some_and(|wanted| wanted != value) {
            return Err(format!("{value} is not {}", schema["const"]));
        }
        if is_given("enum").is_some_and(|words| !words.as_array().unwrap().contains(value)) {
            return Err(format!("{value} is none of {}", schema["enum"]));
        }
        let kinds: Vec<&str> = match &schema["type"] {
            Value::String(kind) => vec![kind],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !kinds.is_empty() && !kinds.iter().any(|kind| is_a(kind, value)) {
            return Err(format!("{value} is none of {kinds:?}"));
        }
        if let Some(members) = value.as_object() {
            let mut required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            if let Some(missing) = required.find(|name| !members.contains_key(*name)) {
                return Err(format!("there is no `{missing}`"));
            }
            for (name, member) in members {
                if let Some(schema) = schema["properties"].get(name) {
                    self.judge(schema, member).map_err(|error| format!("{name}: {error}"))?;
                }
            }
        }
        for (at, item) in value.as_array().into_iter().flatten().enumerate() {
            let schema = if schema["items"].is_array() { &schema["items"][at] } else { &schema["items"] };
            self.judge(schema, item).map_err(|error| format!("[{at}]: {error}"))?;
        }
        Ok(())
    }
}

fn is_a(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

/// The parameters of a method's example; what would sign is only planned.
fn params(method: &Value) -> Value {
    let example = method["examples"][0]["params"].as_array().unwrap().iter();
    let mut params: Map<String, Value> =
        example.map(|param| (param["name"].as_str().unwrap().to_owned(), param["value"].clone())).collect();
    if method["params"].as_array().unwrap().iter().any(|param| param["name"] == "dry_run") {
        params.insert("dry_run".to_owned(), true.into());
    }
    Value::Object(params)
}

#[test]
fn every_example_is_answered() {
    let mut last = BTreeMap::<String, Value>::new();
    let mut wrong = Vec::new();
    let stages = STAGES.iter().map(|set| (Stage::on_demand as fn() -> Stage, set));
    let legacy = (Stage::of_old as fn() -> Stage, &LEGACY);
    for (at, (stage, (default, words))) in stages.chain([legacy]).enumerate() {
        let stage = stage();
        if let Some(uri) = default {
            stage.wallet("default", uri);
        }
        for line in *words {
            let words: Vec<String> = line.split(' ').map(in_full).chain(["--yes".to_owned()]).collect();
            stage.host.ask(&words.iter().map(String::as_str).collect::<Vec<_>>());
        }
        let document = call(&stage.host, "rpc_discover", &json!({})).unwrap();
        let schemas = Schemas(&document);
        for method in document["methods"].as_array().unwrap() {
            let name = method["name"].as_str().unwrap();
            let is_left = if at == 0 { !is_left_out(method) } else { last.contains_key(name) };
            if !is_left {
                continue;
            }
            match call(&stage.host, name, &params(method)) {
                Ok(reply) => {
                    last.remove(name);
                    if let Err(error) = schemas.judge(&method["result"]["schema"], &reply) {
                        wrong.push(format!("{name}: the reply is not what the document says: {error}"));
                    }
                }
                Err(error) => {
                    last.insert(name.to_owned(), error);
                }
            }
        }
    }
    for (name, kind, _) in REFUSED {
        match last.remove(name) {
            Some(error) if error["data"]["kind"] == kind => {}
            told => wrong.push(format!("{name} is not refused as {kind}: {told:?}")),
        }
    }
    wrong.extend(last.iter().map(|(name, error)| format!("{name}: {error}")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
    let send = |name: &str, params: &Value| {
        let reply = call(&stage.host, name, params).unwrap_or_else(|error| panic!("{name}: {error}"));
        let method = document["methods"].as_array().unwrap().iter().find(|method| method["name"] == name).unwrap();
        schemas.judge(&method["result"]["schema"], &reply).unwrap_or_else(|error| panic!("{name}: {error}"));
        reply
    };
    let saved = send("metagraph_save", &json!({ "netuid": 1 }));
    send("metagraph_load", &json!({ "bytes": saved["bytes"] }));
    stage.host.ask(&["wallet", "create", "--wallet", "sealed", "--uri", "//Alice", "--scheme", "ed25519"]);
    let encrypt = document["methods"].as_array().unwrap().iter().find(|method| method["name"] == "wallet_encrypt");
    let sealed = send("wallet_encrypt", &params(encrypt.unwrap()));
    send("wallet_decrypt", &json!({ "ciphertext": sealed["ciphertext"], "wallet": "sealed" }));
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
        let subscription = following.call(name, &params(method)).unwrap_or_else(|error| panic!("{name}: {error}"));
        schemas.judge(&method["result"]["schema"], &subscription).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut hear = || {
            let notification = following.next(name);
            assert_eq!(notification["method"], about["notification"], "{name}: {notification}");
            assert_eq!(notification["params"]["subscription"], subscription, "{name}: {notification}");
            let item = &notification["params"]["result"];
            schemas.judge(&about["item"], item).unwrap_or_else(|error| panic!("{name}: {error}: {item}"));
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
