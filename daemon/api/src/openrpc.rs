//! The OpenRPC document, generated from the method types.
//!
//! Format: OpenRPC 1.3. Three extensions: `x-role` names the right that a method asks for,
//! `x-repeating` tells what calling it twice does, and `x-subscription` names the notification and
//! the method that ends it, with an `example` of what is told. Each method has an example: what it sends is made from its
//! schema, or given where that does not tell enough, and is a dry run of what would sign; what comes back was recorded from
//! a running daemon, its long lists and texts cut short. One has a second example, of what was signed and sent.

mod example;
mod form;
mod given;
mod recorded;

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

pub use self::form::{Guarded, guarded};
use self::{
    example::{Examples, Members},
    recorded::Recorded,
};
use crate::{
    ApiError, ErrorKind, Method, Role, Subscription, axon, chain, config, crowd, dendrite, devnet, events, metagraph,
    multisig, node, proxy, root, rpc, stake, subnets, sudo, tx, wallet, weights,
};

/// One method or subscription of the contract, without its schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name that is called.
    pub name: &'static str,
    /// The right it asks for.
    pub role: Role,
    /// What repeating it does.
    pub repeating: Repeating,
    /// One sentence for people.
    pub summary: &'static str,
}

/// What it does to call a method twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeating {
    /// Nothing: it only reads.
    Safe,
    /// Nothing under the same `idempotency_key`; without one, or under another, it acts twice.
    Keyed,
    /// It acts again.
    Acts,
}

impl Repeating {
    /// The word in the document.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Keyed => "keyed",
            Self::Acts => "acts",
        }
    }
}

/// Collects the methods of every noun.
#[derive(Debug, Default)]
pub(crate) struct Book {
    names: Vec<&'static str>,
    /// None where names alone are wanted: what the whole contract is made of takes megabytes.
    schemas: Option<SchemaGenerator>,
    entries: Vec<Entry>,
    methods: Vec<Value>,
    readers: Vec<Reader>,
}

/// Reads an example back as the types of the method.
type Reader = (&'static str, fn(params: Value, reply: Value) -> Result<(), serde_json::Error>);

impl Book {
    fn new() -> Self {
        let mut settings = SchemaSettings::draft07();
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
        Self { schemas: Some(settings.into_generator()), ..Self::default() }
    }

    pub(crate) fn method<M: Method>(&mut self) {
        self.names.push(M::NAME);
        let Some(schemas) = &mut self.schemas else { return };
        let result = schemas.subschema_for::<M::Reply>();
        let params = params_of::<M::Params>(schemas);
        self.readers.push((M::NAME, |params, reply| {
            serde_json::from_value::<M::Params>(params)?;
            serde_json::from_value::<M::Reply>(reply).map(drop)
        }));
        let result = json!({ "name": "reply", "schema": result });
        self.push::<M::Params>(M::NAME, M::SUMMARY, M::ROLE, (params, &result), None);
    }

    pub(crate) fn subscription<S: Subscription>(&mut self) {
        self.names.push(S::NAME);
        let Some(schemas) = &mut self.schemas else { return };
        let item = schemas.subschema_for::<S::Item>();
        let params = params_of::<S::Params>(schemas);
        let result = json!({ "name": "subscription", "schema": { "type": ["string", "integer"] } });
        let about = json!({ "notification": S::NOTIFICATION, "unsubscribe": S::UNSUBSCRIBE, "item": item });
        self.push::<S::Params>(S::NAME, S::SUMMARY, S::ROLE, (params, &result), Some(about));
    }

    fn push<P: JsonSchema>(
        &mut self,
        name: &'static str,
        summary: &'static str,
        role: Role,
        (params, result): (Vec<Value>, &Value),
        subscription: Option<Value>,
    ) {
        let has_key = params.iter().any(|param| param["name"] == "idempotency_key");
        let repeating = match (role, has_key) {
            (Role::Read, _) => Repeating::Safe,
            (_, true) => Repeating::Keyed,
            (_, false) => Repeating::Acts,
        };
        self.entries.push(Entry { name, role, repeating, summary });
        let mut method = json!({
            "name": name,
            "summary": summary,
            "paramStructure": if guarded::<P>().is_some() { "by-name" } else { "either" },
            "params": params,
            "result": result,
            "x-role": role,
            "x-repeating": repeating.name(),
        });
        if let Some(about) = subscription {
            method["x-subscription"] = about;
        }
        self.methods.push(method);
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn params_of<P: JsonSchema>(schemas: &mut SchemaGenerator) -> Vec<Value> {
    let schema = P::json_schema(schemas);
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    properties(schema.as_value())
        .map(|(name, schema)| json!({ "name": name, "required": required.contains(&name.as_str()), "schema": schema }))
        .collect()
}

fn book() -> Book {
    described(Book::new())
}

fn described(mut book: Book) -> Book {
    node::describe(&mut book);
    rpc::describe(&mut book);
    chain::describe(&mut book);
    config::describe(&mut book);
    book.subscription::<chain::SubscribeFinalized>();
    book.subscription::<chain::SubscribeBest>();
    book.subscription::<events::SubscribeEvents>();
    wallet::describe(&mut book);
    wallet::keyfiles::describe(&mut book);
    wallet::onchain::describe(&mut book);
    wallet::history::describe(&mut book);
    stake::describe(&mut book);
    stake::locks::describe(&mut book);
    subnets::describe(&mut book);
    metagraph::describe(&mut book);
    subnets::owning::describe(&mut book);
    sudo::describe(&mut book);
    weights::describe(&mut book);
    root::describe(&mut book);
    proxy::describe(&mut book);
    multisig::describe(&mut book);
    crowd::describe(&mut book);
    tx::describe(&mut book);
    axon::describe(&mut book);
    book.subscription::<axon::Serve>();
    dendrite::describe(&mut book);
    book.subscription::<dendrite::SubscribeQuery>();
    devnet::describe(&mut book);
    book
}

/// The name of every method and subscription of the contract.
pub fn names() -> Vec<&'static str> {
    described(Book::default()).names
}

/// Every method and subscription of the contract with its role.
pub fn entries() -> Vec<Entry> {
    book().entries
}

/// The whole OpenRPC document.
pub fn document() -> Value {
    let mut book = book();
    let schemas: Map<String, Value> =
        book.schemas.as_mut().map(|schemas| schemas.take_definitions(true)).unwrap_or_default();
    let examples = Examples::new(&schemas);
    let recorded = Recorded::read();
    for method in &mut book.methods {
        add_examples(method, &examples, &recorded);
    }
    let errors: Map<String, Value> = ErrorKind::ALL
        .iter()
        .map(|kind| {
            let ApiError { code, message, data } = ApiError::new(*kind, kind.meaning());
            (kind.name().to_owned(), json!({ "code": code, "message": message, "data": data }))
        })
        .collect();
    json!({
        "openrpc": "1.3.2",
        "info": {
            "title": "btd",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The control API of btd. Amounts are rao in decimal text; every read names its block. Every \
                            error has `kind`, `retryable`, `class`, `remedy` and `request_id` in its data, and `error` \
                            where the chain has a name for what is wrong: class and remedy are then of that, and else \
                            as they stand here under `components`.",
        },
        "methods": book.methods,
        "components": { "schemas": schemas, "errors": errors },
    })
}

/// Adds to a method what it is called with, and what comes back.
fn add_examples(method: &mut Value, examples: &Examples<'_>, recorded: &Recorded) {
    let name = method["name"].as_str().unwrap_or_default();
    let reply = recorded.replies.get(name).cloned();
    let result = reply.unwrap_or_else(|| examples.of(&method["result"]["schema"], Members::All));
    let (item, signed) = (recorded.items.get(name).cloned(), recorded.signed.get(name).cloned());
    let planned = example(method, "simplest", &params_of_example(method, examples, true), &result);
    let signed =
        signed.map(|result| example(method, "signed and sent", &params_of_example(method, examples, false), &result));
    method["examples"] = [planned].into_iter().chain(signed).collect();
    if let Some(item) = item {
        method["x-subscription"]["example"] = item;
    }
}

fn example(method: &Value, name: &str, params: &[Value], result: &Value) -> Value {
    json!({ "name": name, "params": params, "result": { "name": method["result"]["name"], "value": result } })
}

/// What must be said to a method, and that it is a dry run where that can be said and it `is_planned`.
fn params_of_example(method: &Value, examples: &Examples<'_>, is_planned: bool) -> Vec<Value> {
    let given = method["name"].as_str().and_then(given::params);
    let value = |param: &Value| match &given {
        _ if param["name"] == "dry_run" => is_planned.then_some(Value::Bool(true)),
        Some(given) => given.get(param["name"].as_str()?).cloned(),
        None if param["required"] == true => Some(examples.of(&param["schema"], Members::Required)),
        None => None,
    };
    let params = method["params"].as_array().into_iter().flatten();
    params.filter_map(|param| Some(json!({ "name": param["name"], "value": value(param)? }))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_noun_and_verb_and_unique() {
        let entries = entries();
        let in_order: Vec<&str> = entries.iter().map(|entry| entry.name).collect();
        assert_eq!(super::names(), in_order);
        let names: BTreeSet<&str> = in_order.into_iter().collect();
        assert_eq!(names.len(), entries.len());
        for entry in entries {
            let (noun, verb) = entry.name.split_once('_').expect(entry.name);
            assert!(!noun.is_empty() && verb.chars().all(|c| c.is_ascii_alphabetic()), "{}", entry.name);
            assert!(!entry.summary.is_empty(), "{}", entry.name);
        }
    }

    /// Every method with its right and what repeating it does: a change here is a change of the contract.
    #[test]
    fn the_contract_is_as_it_was() {
        let word = |role| serde_json::to_value(role).unwrap().as_str().unwrap().to_owned();
        let line = |entry: Entry| format!("{} {} {}\n", entry.name, word(entry.role), entry.repeating.name());
        let mut lines: Vec<String> = entries().into_iter().map(line).collect();
        lines.sort();
        let now = lines.concat();
        let golden = include_str!("openrpc/methods.txt");
        assert_eq!(now, golden, "daemon/api/src/openrpc/methods.txt should be\n{now}");
    }

    #[test]
    fn every_method_has_an_example_that_is_one() {
        let document = document();
        let readers: std::collections::BTreeMap<_, _> = book().readers.into_iter().collect();
        for method in document["methods"].as_array().unwrap() {
            let name = method["name"].as_str().unwrap();
            let example = &method["examples"][0];
            let params = example["params"].as_array().unwrap().iter().filter(|param| param["name"] != "dry_run");
            let params: Vec<&Value> = params.collect();
            // No given one is passed over, as of a name that the method has not.
            let given = given::params(name).map(|given| given.as_object().unwrap().len());
            assert!(given.is_none_or(|given| given == params.len()), "{name}: {example}");
            let params =
                params.into_iter().map(|param| (param["name"].as_str().unwrap().to_owned(), param["value"].clone()));
            let reply = example["result"]["value"].clone();
            // A subscription answers with its number, which no type of the contract describes.
            if let Some(read) = readers.get(name) {
                read(Value::Object(params.collect()), reply)
                    .unwrap_or_else(|error| panic!("{name}: {error}: {example}"));
            }
        }
    }

    /// What no type tells, such as the name of a pallet, is written at the field.
    #[test]
    fn examples_are_values_that_can_be_sent() {
        let document = document();
        for method in document["methods"].as_array().unwrap() {
            let params = &method["examples"][0]["params"];
            assert!(!params.to_string().contains("\"text\""), "{}: {params}", method["name"]);
        }
    }

    #[test]
    fn every_reference_in_the_document_resolves() {
        let document = document();
        let text = document.to_string();
        for part in text.split("\"$ref\":\"#").skip(1) {
            let pointer = part.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }

    #[test]
    fn parameters_stand_in_the_order_of_the_fields() {
        let document = document();
        let methods = document["methods"].as_array().unwrap();
        let transfer = methods.iter().find(|method| method["name"] == "wallet_transfer").unwrap();
        let params = transfer["params"].as_array().unwrap();
        let names: Vec<&str> = params.iter().filter_map(|param| param["name"].as_str()).collect();
        assert_eq!(names[..3], ["dest", "amount", "wallet"]);
        let required: Vec<bool> = params.iter().filter_map(|param| param["required"].as_bool()).collect();
        assert_eq!(required[..3], [true, true, false]);
    }

    #[test]
    fn required_parameters_come_first() {
        for method in document()["methods"].as_array().unwrap() {
            let required = method["params"].as_array().unwrap().iter().map(|param| param["required"] == true);
            assert!(required.is_sorted_by(|before, after| before >= after), "{}", method["name"]);
        }
    }

    #[test]
    fn parameters_are_taken_by_position_too() {
        let by_name =
            r#"{ "message": "m", "signature": "ab", "signer": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY" }"#;
        let by_position = r#"["m", "ab", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"]"#;
        let read = |text| serde_json::from_str::<<wallet::Verify as Method>::Params>(text).unwrap();
        assert_eq!(read(by_name), read(by_position));
        assert!(serde_json::from_str::<<wallet::Verify as Method>::Params>(r#"["m", "ab"]"#).is_err());
    }
}
