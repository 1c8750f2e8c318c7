//! Whose endpoints are followed: what is said of one network is not taken for another, and nodes of one's own stand in
//! front of the public ones.

use std::collections::BTreeMap;

use config::ValueKind;
use serde_json::Value;

use super::{Config, ConfigError, Network, layers::Layer};

/// The keys below `chain` that are about one network.
const OF_ONE_NETWORK: [&str; 4] = ["own", "endpoints", "archives", "genesis"];

/// Why a key does not have the value that is said for it, by the key.
pub(super) type Notes = BTreeMap<String, String>;

/// Takes from a file what it says of the endpoints of another network than the one that is wanted: one that names no
/// network says it of whichever that is.
pub(super) fn set_aside(file: &mut Layer, wanted: &Network) -> Notes {
    let Some(named) = named(file).filter(|named| !named.is_chain_of(wanted)) else { return Notes::new() };
    let origin = file.origin.name();
    let Some(chain) = file.values.get_mut("chain").and_then(Value::as_object_mut) else { return Notes::new() };
    let found = OF_ONE_NETWORK.into_iter().filter(|key| chain.remove(*key).is_some());
    found.map(|key| (format!("chain.{key}"), format!("{origin} says another, of {named}"))).collect()
}

/// Whether a file is about the network that is wanted and no other.
pub(super) fn is_about(file: &Layer, wanted: &Network) -> bool {
    named(file).as_ref() == Some(wanted)
}

/// The network that a file names.
fn named(file: &Layer) -> Option<Network> {
    file.values.get("network").and_then(Value::as_str)?.parse().ok()
}

/// A value that stands in for one that was set aside.
pub(super) fn instead(value: Option<&Value>) -> config::Value {
    match value {
        Some(Value::Array(items)) => {
            items.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>().into()
        }
        Some(Value::String(text)) => text.clone().into(),
        _ => config::Value::new(None, ValueKind::Nil),
    }
}

/// Puts the endpoints in their order. `is_said` tells whether a key is said by anybody but a preset, and `is_its`
/// whether that is in the same place as the network or above it, or in a file that names the same.
pub(super) fn settle(
    config: &mut Config,
    is_said: impl Fn(&str) -> bool,
    is_its: impl Fn(&str) -> bool,
) -> Result<Notes, ConfigError> {
    let (chain, mut notes) = (&mut config.chain, Notes::new());
    // The nodes of this network are archives, which a node of one's own in front of them need not be.
    if config.network == Network::Archive && !chain.own.is_empty() && chain.fallback && !is_said("chain.archives") {
        chain.archives = Network::Archive.endpoints()?;
        notes.insert("chain.archives".to_owned(), "the nodes of archive, behind chain.own".to_owned());
    }
    match &config.network {
        Network::Endpoint(url) => {
            // Those of a place below the one that names this node are another network's.
            if is_said("chain.own") && !is_its("chain.own") {
                chain.own.clear();
                notes.insert("chain.own".to_owned(), format!("what is said is of another network than {url}"));
            }
            let others = if is_its("chain.endpoints") { std::mem::take(&mut chain.endpoints) } else { Vec::new() };
            let others = others.into_iter().filter(|other| other != url);
            chain.endpoints = std::iter::once(url.clone()).chain(others).collect();
            chain.public = Network::public()?;
        }
        Network::Local => {
            // The same: what is said of nodes in a place below is not about the one on this machine.
            let is_anothers = |key: &str| is_said(key) && !is_its(key);
            let note = || "what is said is of another network than local".to_owned();
            if is_anothers("chain.own") {
                chain.own.clear();
                notes.insert("chain.own".to_owned(), note());
            }
            if is_anothers("chain.endpoints") {
                chain.endpoints = Network::Local.endpoints()?;
                notes.insert("chain.endpoints".to_owned(), note());
            }
            chain.public = Network::public()?;
        }
        Network::Finney | Network::Test | Network::Archive if !chain.fallback && !chain.own.is_empty() => {
            for (key, nodes) in [("chain.endpoints", &mut chain.endpoints), ("chain.archives", &mut chain.archives)] {
                if !is_said(key) {
                    nodes.clear();
                    notes.insert(key.to_owned(), "chain.fallback is off".to_owned());
                }
            }
        }
        Network::Finney | Network::Test | Network::Archive | Network::Devnet => {}
    }
    Ok(notes)
}
