//! The OpenRPC document, held against the daemon that tells it: every example is sent, as a dry run where it would
//! change something, none is refused for its parameters, and what comes back is what the document says. Subscriptions,
//! which need a connection that stays, are left out.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use btd_tests::{rpc::call, stage::Stage};
use serde_json::{Map, Value, json};

/// Methods whose example is not sent, and why.
const UNSENT: [(&str, &str); 3] = [
    ("node_stop", "the daemon would be gone"),
    ("metagraph_load", "it reads what metagraph_save gives: sent with that"),
    ("wallet_decrypt", "it reads what was sealed for a key of this host: sent with that"),
];

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
fn every_example_can_be_sent() {
    let stage = Stage::on_demand();
    stage.wallet("default", "//Alice");
    stage.mine(5);
    let document = call(&stage.host, "rpc_discover", &json!({})).unwrap();
    let schemas = Schemas(&document);
    let (mut answered, mut wrong) = (0_usize, Vec::new());
    let mut send = |method: &Value, params: &Value| {
        let name = method["name"].as_str().unwrap();
        match call(&stage.host, name, params) {
            Ok(reply) => {
                answered += 1;
                if let Err(error) = schemas.judge(&method["result"]["schema"], &reply) {
                    wrong.push(format!("{name}: the reply is not what the document says: {error}"));
                }
                Ok(reply)
            }
            Err(error) => {
                // What the chain or this host does not have is said so, and that is an answer too.
                if [-32601, -32602, -32603].contains(&error["code"].as_i64().unwrap()) {
                    wrong.push(format!("{name} {params}: {error}"));
                }
                Err(error)
            }
        }
    };
    let methods = document["methods"].as_array().unwrap();
    let is_sent = |method: &&Value| {
        // A subscription is asked for on a connection that stays open.
        method.get("x-subscription").is_none() && !UNSENT.iter().any(|(name, _)| method["name"] == *name)
    };
    // First, while nothing is wrong with the chain's node: it is made to behave badly at the end.
    let named = |name: &str| methods.iter().find(|method| method["name"] == name).unwrap();
    let saved = send(named("metagraph_save"), &json!({ "netuid": 1 })).unwrap();
    send(named("metagraph_load"), &json!({ "bytes": saved["bytes"] })).unwrap();
    stage.host.ask(&["wallet", "create", "--wallet", "sealed", "--uri", "//Alice", "--scheme", "ed25519"]);
    let sealed = send(named("wallet_encrypt"), &params(named("wallet_encrypt"))).unwrap();
    send(named("wallet_decrypt"), &json!({ "ciphertext": sealed["ciphertext"], "wallet": "sealed" })).unwrap();
    for method in methods.iter().filter(is_sent) {
        let _ = send(method, &params(method));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(answered * 2 > methods.len(), "{answered} of {} examples were answered", methods.len());
}
