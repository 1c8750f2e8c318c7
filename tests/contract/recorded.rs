//! Replies of a running daemon as the OpenRPC document carries them for examples, in `replies.json` of the contract.
//!
//! What is answered now is held against what was recorded: the same members, of the same kinds. Values differ from run
//! to run. `BTD_EXAMPLES=write` records anew what is not alike any more, and what was never recorded; what is still true
//! stays as it is. Read the difference before keeping it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use btd_tests::Host;
use serde_json::{Map, Value, json};

/// Of longer lists and texts the beginning is told.
const MOST_ITEMS: usize = 2;
const MOST_CHARACTERS: usize = 256;
/// What is told of a home, and of words that restore a key.
const HOME: &str = "/home/you";
const WORDS: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";

/// What an example is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The reply to a method; of one that signs, to its dry run.
    Replies,
    /// What a subscription tells.
    Items,
    /// The reply of a method that signed and sent.
    Signed,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Replies => "replies",
            Self::Items => "items",
            Self::Signed => "signed",
        }
    }

    /// What the document tells of it.
    fn of(self, method: &Value) -> &Value {
        match self {
            Self::Replies => &method["examples"][0]["result"]["value"],
            Self::Items => &method["x-subscription"]["example"],
            Self::Signed => &method["examples"][1]["result"]["value"],
        }
    }
}

/// Holds what a daemon has just told against what the document, of which `method` is a part, has for an example; in the
/// writing mode records it where it is not alike.
pub(crate) fn compare(host: &Host, part: Part, method: &Value, told: &Value) -> Result<(), String> {
    let told = settled(host, told);
    let name = method["name"].as_str().unwrap();
    let why = match alike(part.of(method), &told) {
        Ok(()) if is_recorded(part, name) => return Ok(()),
        Ok(()) => "it was made up from the types".to_owned(),
        Err(why) => why,
    };
    if is_writing() {
        record(part, name, told);
        return Ok(());
    }
    Err(format!("{name}: its example is not what is answered: {why}; BTD_EXAMPLES=write records it anew"))
}

#[expect(clippy::disallowed_methods, reason = "who runs the tests asks for what is recorded anew")]
fn is_writing() -> bool {
    std::env::var("BTD_EXAMPLES").is_ok_and(|mode| mode == "write")
}

/// One test at a time reads the file, or writes it.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn all() -> Value {
    serde_json::from_str(&fs::read_to_string(file()).unwrap()).unwrap()
}

fn is_recorded(part: Part, method: &str) -> bool {
    let _held = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    all()[part.name()].get(method).is_some()
}

fn record(part: Part, method: &str, told: Value) {
    let _held = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut all = all();
    let members = all[part.name()].as_object_mut().unwrap();
    members.insert(method.to_owned(), told);
    members.sort_keys();
    fs::write(file(), serde_json::to_string_pretty(&all).unwrap() + "\n").unwrap();
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../daemon/api/src/openrpc/replies.json")
}

/// What was told without what is of this run and this machine alone, and no longer than an example need be.
fn settled(host: &Host, told: &Value) -> Value {
    match told {
        Value::String(text) => settled_text(host, text).into(),
        Value::Array(items) => items.iter().take(MOST_ITEMS).map(|item| settled(host, item)).collect(),
        Value::Object(members) => {
            let settled = members.iter().map(|(name, member)| {
                let member = match (name.as_str(), member) {
                    (name, Value::String(_)) if name.ends_with("mnemonic") || name == "words" => WORDS.into(),
                    ("pid", Value::Number(_)) => json!(4242),
                    _ => settled(host, member),
                };
                (name.clone(), member)
            });
            settled.collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

fn settled_text(host: &Host, text: &str) -> String {
    let home = host.path("");
    let text = text.replace(home.to_str().unwrap().trim_end_matches('/'), HOME);
    let mut settled = String::new();
    for (at, part) in text.split("127.0.0.1:").enumerate() {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        match at {
            0 => settled.push_str(part),
            _ if rest.len() < part.len() => settled.extend(["127.0.0.1:9944", rest]),
            _ => settled.extend(["127.0.0.1:", part]),
        }
    }
    // Bytes are cut between two of them, whether in hex or in base64.
    settled.chars().take(MOST_CHARACTERS).collect()
}

/// Why two replies have not the same members of the same kinds. What is null in one of them may be anything: it is
/// there, or it is not.
fn alike(recorded: &Value, told: &Value) -> Result<(), String> {
    match (recorded, told) {
        (_, Value::Null)
        | (Value::Null, Value::Bool(_) | Value::Number(_) | Value::String(_))
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::String(_), Value::String(_)) => Ok(()),
        (Value::Object(recorded), Value::Object(told)) => {
            if let Some(name) = recorded.keys().find(|name| !told.contains_key(*name)) {
                return Err(format!("no `{name}` is told"));
            }
            for (name, told) in told {
                let recorded = recorded.get(name).ok_or_else(|| format!("`{name}` is not in it"))?;
                alike(recorded, told).map_err(|why| format!("{name}: {why}"))?;
            }
            Ok(())
        }
        (Value::Array(recorded), Value::Array(told)) => {
            if recorded.is_empty() && !told.is_empty() {
                return Err("its list is empty".to_owned());
            }
            // Where nothing is told now there is nothing to be held against.
            for one in recorded.iter().filter(|_| !told.is_empty()) {
                let refused: Vec<String> = told.iter().filter_map(|told| alike(one, told).err()).collect();
                if refused.len() == told.len() {
                    return Err(format!("none of {refused:?}"));
                }
            }
            Ok(())
        }
        (recorded, told) => Err(format!("{told} is told where it has {recorded}")),
    }
}

#[test]
fn what_is_alike_has_the_same_members_of_the_same_kinds() {
    let recorded = json!({ "a": 1, "b": ["x"], "c": null, "d": { "e": true } });
    for told in [
        json!({ "a": 2, "b": [], "c": "y", "d": { "e": false } }),
        json!({ "a": 2, "b": ["z", "y"], "c": null, "d": null }),
    ] {
        assert_eq!(alike(&recorded, &told), Ok(()));
    }
    for told in [
        json!({ "a": "2", "b": [], "c": null, "d": { "e": false } }),
        json!({ "a": 2, "b": [1], "c": null, "d": { "e": false } }),
        json!({ "a": 2, "b": [], "c": null, "d": { "f": false } }),
        json!({ "a": 2, "b": [], "c": null }),
        json!({ "a": 2, "b": [], "c": null, "d": { "e": false }, "g": 1 }),
        json!({ "a": 2, "b": [], "c": {}, "d": { "e": false } }),
    ] {
        assert!(alike(&recorded, &told).is_err(), "{told}");
    }
    assert!(alike(&json!([]), &json!([1])).is_err());
}
