//! As much of JSON Schema as the OpenRPC document uses.

use serde_json::Value;

/// What a document of JSON Schema (draft 7, as far as it is used here) says against a value.
pub(crate) struct Schemas<'d>(pub(crate) &'d Value);

impl Schemas<'_> {
    /// Why the value is not what the schema says.
    pub(crate) fn judge(&self, schema: &Value, value: &Value) -> Result<(), String> {
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
