//! What a running daemon answered to the examples: `replies.json`, which `tests/contract` records and holds against what
//! is answered now.

use serde::Deserialize;
use serde_json::{Map, Value};

const FILE: &str = include_str!("replies.json");

/// What was recorded, by the names of the methods.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Recorded {
    /// Replies to what the example of a method sends.
    pub(super) replies: Map<String, Value>,
    /// What subscriptions told.
    pub(super) items: Map<String, Value>,
    /// Replies to the same of what was not only planned, but signed and sent.
    pub(super) signed: Map<String, Value>,
}

// === impl Recorded ===

impl Recorded {
    pub(super) fn read() -> Self {
        // A test reads the same bytes.
        serde_json::from_str(FILE).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::openrpc::{self, given};

    /// Methods of which nothing is recorded, and why.
    const UNRECORDED: [(&str, &str); 6] = [
        ("rpc_discover", "the document is no part of itself"),
        ("node_stop", "the daemon would be gone"),
        ("root_nominate", "no development chain has the call"),
        ("tx_cancel", "only what no node has is cancelled"),
        ("axon_answer", "somebody has to ask"),
        ("axon_screen", "somebody has to ask"),
    ];

    #[test]
    fn a_reply_is_recorded_of_every_method() {
        let recorded: Recorded = serde_json::from_str(FILE).unwrap();
        let document = openrpc::document();
        let methods = document["methods"].as_array().unwrap();
        let name = |method: &Value| method["name"].as_str().unwrap().to_owned();
        let (subscriptions, calls): (Vec<&Value>, Vec<&Value>) =
            methods.iter().partition(|method| method.get("x-subscription").is_some());
        let (mut calls, subscriptions): (BTreeSet<String>, BTreeSet<String>) =
            (calls.into_iter().map(name).collect(), subscriptions.into_iter().map(name).collect());
        assert!(recorded.signed.keys().all(|name| calls.contains(name)) && !recorded.signed.is_empty());
        for (unrecorded, why) in UNRECORDED {
            assert!(calls.remove(unrecorded), "{unrecorded} is no method: {why}");
        }
        assert_eq!(recorded.replies.keys().cloned().collect::<BTreeSet<_>>(), calls);
        assert_eq!(recorded.items.keys().cloned().collect::<BTreeSet<_>>(), subscriptions);
    }

    /// Every member of that kind, by its name.
    fn members<'a>(value: &'a Value, wanted: &impl Fn(&str) -> bool, found: &mut Vec<(&'a str, &'a Value)>) {
        match value {
            Value::Object(object) => {
                for (name, member) in object {
                    if wanted(name) {
                        found.push((name, member));
                    }
                    members(member, wanted, found);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| members(item, wanted, found)),
            _ => {}
        }
    }

    #[test]
    fn no_words_are_told_that_restore_a_key() {
        let recorded: Value = serde_json::from_str(FILE).unwrap();
        let mut found = Vec::new();
        members(&recorded, &|name| name.ends_with("mnemonic") || name == "words", &mut found);
        assert!(found.iter().any(|(name, words)| *name == "coldkey_mnemonic" && words.is_string()), "{found:?}");
        for (name, words) in found {
            assert!(words.is_null() || *words == given::WORDS, "{name}: only the words of a known test key are told");
        }
    }
}
