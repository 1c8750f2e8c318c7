//! An example for each method, made from its schema: what must be said, in its simplest form.
//!
//! Made, not written, so that it cannot fall behind the types; a test reads each back as the
//! method's own parameters and reply.

use serde_json::{Map, Value, json};

/// How deep a type may nest before its example is cut off.
const DEEPEST: u8 = 24;

/// Makes examples of types whose definitions are all known.
pub(super) struct Examples<'d> {
    definitions: &'d Map<String, Value>,
}

/// Where examples are shorter: optional members are left out of what is sent, not of what comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Members {
    Required,
    All,
}

// === impl Examples ===

impl<'d> Examples<'d> {
    pub(super) fn new(definitions: &'d Map<String, Value>) -> Self {
        Self { definitions }
    }

    /// An example of a value of `schema`.
    pub(super) fn of(&self, schema: &Value, members: Members) -> Value {
        self.at(schema, members, DEEPEST)
    }

    fn at(&self, schema: &Value, members: Members, depth: u8) -> Value {
        let Some(depth) = depth.checked_sub(1) else { return Value::Null };
        let member = |name: &str| schema.get(name);
        if let Some(example) = member("examples").and_then(|examples| examples.get(0)) {
            return example.clone();
        }
        if let Some(name) = member("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next()) {
            return self.definitions.get(name).map_or(Value::Null, |schema| self.at(schema, members, depth));
        }
        if let Some(constant) = member("const") {
            return constant.clone();
        }
        if let Some(first) = member("enum").and_then(|words| words.get(0)) {
            return first.clone();
        }
        if let Some(parts) = member("allOf").and_then(Value::as_array) {
            return parts
                .iter()
                .map(|part| self.at(part, members, depth))
                .fold(self.object(schema, members, depth), merge);
        }
        if let Some(first) = ["oneOf", "anyOf"].iter().find_map(|name| member(name)?.get(0)) {
            return merge(self.at(first, members, depth), self.object(schema, members, depth));
        }
        match kind(schema) {
            Some("object") => self.object(schema, members, depth),
            Some("array") => match member("items") {
                Some(Value::Array(items)) => items.iter().map(|item| self.at(item, members, depth)).collect(),
                Some(item) => json!([self.at(item, members, depth)]),
                None => json!([]),
            },
            Some("string") => text(member("pattern").and_then(Value::as_str)),
            Some("integer") => json!(1),
            Some("number") => json!(0.5),
            Some("boolean") => json!(false),
            _ if member("properties").is_some() => self.object(schema, members, depth),
            _ => Value::Null,
        }
    }

    fn object(&self, schema: &Value, members: Members, depth: u8) -> Value {
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let wanted = properties.filter(|(name, _)| members == Members::All || required.contains(&name.as_str()));
        Value::Object(wanted.map(|(name, schema)| (name.clone(), self.at(schema, members, depth))).collect())
    }
}

/// The type of a schema; the first that is not null where there are several.
fn kind(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(kind) => Some(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        _ => None,
    }
}

/// Text of the form that the contract's patterns ask for.
fn text(pattern: Option<&str>) -> Value {
    match pattern {
        Some(pattern) if pattern.contains("0x[0-9a-f]{64}") => json!(format!("0x{}", "2a".repeat(32))),
        Some(pattern) if pattern.contains("[0-9]") => json!("1500000000"),
        _ => json!("text"),
    }
}

/// The members of two objects; what is no object gives way.
fn merge(into: Value, from: Value) -> Value {
    match (into, from) {
        (Value::Object(into), from) if into.is_empty() => from,
        (Value::Object(mut into), Value::Object(from)) => {
            into.extend(from);
            Value::Object(into)
        }
        (Value::Object(into), _) => Value::Object(into),
        (other, Value::Object(from)) if from.is_empty() => other,
        (_, from) => from,
    }
}
