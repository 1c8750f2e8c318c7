//! The OpenRPC document, generated from the method types.
//!
//! Format: OpenRPC 1.3. Two extensions: `x-role` names the right that a method asks for, and
//! `x-subscription` names the notification and the method that ends it.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{ErrorKind, Method, Role, Subscription, axon, chain, dendrite, events, node, rpc, subnets, wallet};

/// One method or subscription of the contract, without its schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name that is called.
    pub name: &'static str,
    /// The right it asks for.
    pub role: Role,
    /// One sentence for people.
    pub summary: &'static str,
}

/// Collects the methods of every noun.
#[derive(Debug)]
pub(crate) struct Book {
    schemas: SchemaGenerator,
    entries: Vec<Entry>,
    methods: Vec<Value>,
}

impl Book {
    fn new() -> Self {
        let mut settings = SchemaSettings::draft07();
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
        Self { schemas: settings.into_generator(), entries: Vec::new(), methods: Vec::new() }
    }

    pub(crate) fn method<M: Method>(&mut self) {
        let result = self.schemas.subschema_for::<M::Reply>();
        self.push::<M::Params>(M::NAME, M::SUMMARY, M::ROLE, &json!({ "name": "reply", "schema": result }), None);
    }

    pub(crate) fn subscription<S: Subscription>(&mut self) {
        let item = self.schemas.subschema_for::<S::Item>();
        let result = json!({ "name": "subscription", "schema": { "type": ["string", "integer"] } });
        let about = json!({ "notification": S::NOTIFICATION, "unsubscribe": S::UNSUBSCRIBE, "item": item });
        self.push::<S::Params>(S::NAME, S::SUMMARY, S::ROLE, &result, Some(about));
    }

    fn push<P: JsonSchema>(
        &mut self,
        name: &'static str,
        summary: &'static str,
        role: Role,
        result: &Value,
        subscription: Option<Value>,
    ) {
        self.entries.push(Entry { name, role, summary });
        let mut method = json!({
            "name": name,
            "summary": summary,
            "paramStructure": "either",
            "params": params_of::<P>(&mut self.schemas),
            "result": result,
            "x-role": role,
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
    let mut book = Book::new();
    node::describe(&mut book);
    rpc::describe(&mut book);
    chain::describe(&mut book);
    book.subscription::<chain::SubscribeFinalized>();
    book.subscription::<events::SubscribeEvents>();
    wallet::describe(&mut book);
    wallet::keyfiles::describe(&mut book);
    subnets::describe(&mut book);
    axon::describe(&mut book);
    dendrite::describe(&mut book);
    book
}

/// Every method and subscription of the contract with its role.
pub fn entries() -> Vec<Entry> {
    book().entries
}

/// The whole OpenRPC document.
pub fn document() -> Value {
    let mut book = book();
    let schemas: Map<String, Value> = book.schemas.take_definitions(true);
    let errors: Map<String, Value> = ErrorKind::ALL
        .iter()
        .map(|kind| (kind.name().to_owned(), json!({ "code": kind.code(), "message": kind.meaning() })))
        .collect();
    json!({
        "openrpc": "1.3.2",
        "info": {
            "title": "btd",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The control API of btd. Amounts are rao in decimal text; every read names its block.",
        },
        "methods": book.methods,
        "components": { "schemas": schemas, "errors": errors },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_noun_and_verb_and_unique() {
        let entries = entries();
        let names: BTreeSet<&str> = entries.iter().map(|entry| entry.name).collect();
        assert_eq!(names.len(), entries.len());
        for entry in entries {
            let (noun, verb) = entry.name.split_once('_').expect(entry.name);
            assert!(!noun.is_empty() && verb.chars().all(|c| c.is_ascii_alphabetic() || c == '_'), "{}", entry.name);
            assert!(!entry.summary.is_empty(), "{}", entry.name);
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
