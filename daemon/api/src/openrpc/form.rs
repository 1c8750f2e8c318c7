//! What parameters take, in words, for methods that are sent secrets.
//!
//! What was sent to such a method is repeated nowhere, so that a refusal can only say what belongs
//! in its place. It says so as the contract has it, and not as the types behind it are called.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

/// The parameters of a method of which one is, or may hold, a secret.
#[derive(Clone, Debug)]
pub struct Guarded {
    schema: Value,
}

/// The parameters `P`, if any of them is, or may hold, a secret: then no value that was sent may be
/// repeated to anybody.
pub fn guarded<P: JsonSchema>() -> Option<Guarded> {
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<P>();
    let secret = schema.get("definitions").is_some_and(|known| known.get("Secret").is_some());
    secret.then(|| Guarded { schema: schema.to_value() })
}

impl Guarded {
    /// The names of the parameters, in their order.
    pub fn names(&self) -> Vec<&str> {
        super::properties(&self.schema).map(|(name, _)| name.as_str()).collect()
    }

    /// As much of a path such as `origin.mnemonic.words` as the contract knows, and what belongs
    /// there; `None` if it knows nothing of it.
    pub fn takes(&self, path: &str) -> Option<(String, String)> {
        let mut found: Option<(String, &Value)> = None;
        for segment in path.split('.') {
            let (name, index) = segment.split_once('[').map_or((segment, None), |(name, index)| (name, Some(index)));
            let parent = found.as_ref().map_or(&self.schema, |(_, schema)| schema);
            let Some(schema) = self.member(parent, name) else { break };
            let known = found.map_or_else(|| name.to_owned(), |(known, _)| format!("{known}.{name}"));
            let items = index.and_then(|_| self.resolved(schema).get("items"));
            found = Some((known, items.unwrap_or(schema)));
        }
        found.map(|(known, schema)| (known, self.form(schema)))
    }

    /// The schema itself, where it stands by a reference or beside `null`.
    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        if let Some(target) = schema["$ref"].as_str().and_then(|at| self.schema.pointer(at.strip_prefix('#')?)) {
            return self.resolved(target);
        }
        let choices = choices(schema);
        let mut real = choices.iter().filter(|choice| choice["type"] != "null");
        match (real.next(), real.next()) {
            (Some(only), None) => self.resolved(only),
            _ => schema,
        }
    }

    /// What a member of that name takes, in a structure or in one of the forms of a choice.
    fn member<'a>(&'a self, schema: &'a Value, name: &str) -> Option<&'a Value> {
        let schema = self.resolved(schema);
        let own = schema["properties"].get(name);
        own.or_else(|| choices(schema).iter().find_map(|choice| self.resolved(choice)["properties"].get(name)))
    }

    fn form(&self, schema: &Value) -> String {
        let schema = self.resolved(schema);
        let (mut words, mut members) = (Vec::new(), Vec::new());
        for choice in choices(schema).iter().chain([schema]) {
            let choice = self.resolved(choice);
            words.extend(choice["const"].as_str());
            words.extend(choice["enum"].as_array().into_iter().flatten().filter_map(Value::as_str));
            members.extend(super::properties(choice).map(|(name, _)| name.as_str()));
        }
        let chosen = choices(schema).len() > 1;
        match (list(&words), list(&members)) {
            (Some(words), None) => format!("one of {words}"),
            (Some(words), Some(members)) => format!("one of {words}, or an object with one of {members}"),
            (None, Some(members)) if chosen => format!("an object with one of {members}"),
            (None, Some(members)) => format!("an object of {members}"),
            (None, None) => plain(schema),
        }
    }
}

fn choices(schema: &Value) -> &[Value] {
    let mut lists = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|list| schema[list].as_array());
    lists.next_back().map_or(&[], Vec::as_slice)
}

fn list(names: &[&str]) -> Option<String> {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    (!quoted.is_empty()).then(|| quoted.join(", "))
}

fn plain(schema: &Value) -> String {
    let mut types = schema["type"].as_array().into_iter().flatten().chain([&schema["type"]]).filter_map(Value::as_str);
    match types.find(|name| *name != "null") {
        Some("string") => "text".to_owned(),
        Some("integer") => "a whole number".to_owned(),
        Some("number") => "a number".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("array") => "a list".to_owned(),
        Some("object") => "an object".to_owned(),
        _ => "what `btctl rpc discover --json` says of it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wallet::{UnlockParams, keyfiles::RegenColdkeyParams};

    #[test]
    fn what_belongs_there_is_said_in_the_words_of_the_contract() {
        let (regen, unlock) = (guarded::<RegenColdkeyParams>().unwrap(), guarded::<UnlockParams>().unwrap());
        let takes = |of: &Guarded, path: &str| of.takes(path).unwrap();
        let is = |known: &str, form: &str| (known.to_owned(), form.to_owned());
        assert_eq!(
            takes(&regen, "origin"),
            is("origin", "an object with one of `mnemonic`, `seed`, `private_key`, `uri`, `keystore`")
        );
        assert_eq!(takes(&regen, "origin.unknown"), takes(&regen, "origin"));
        assert_eq!(takes(&regen, "origin.seed"), is("origin.seed", "text"));
        assert_eq!(takes(&regen, "file.protection").0, "file.protection");
        assert_eq!(takes(&unlock, "password"), is("password", "text"));
        assert_eq!(takes(&unlock, "seconds"), is("seconds", "a whole number"));
        assert_eq!(takes(&unlock, "uses"), is("uses", "a list"));
        assert!(takes(&unlock, "uses[3]").1.starts_with("one of `"), "{:?}", unlock.takes("uses[3]"));
        assert_eq!(unlock.takes("legal-winner"), None);
        assert!(guarded::<crate::rpc::Nothing>().is_none());
    }
}
