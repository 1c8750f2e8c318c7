//! The metadata of a runtime of today as that of one that lacks some of it: what that lacks has another name there.

use codec::Encode;
use serde_json::{Value as Json, json};

/// The bytes of the same metadata, or of an answer with it, in which nothing has any of `names`.
pub(crate) fn renamed(metadata: &[u8], names: &[&str]) -> Vec<u8> {
    let mut bytes = metadata.to_vec();
    for name in names {
        // Names are encoded with their lengths before them: those that merely begin alike are others.
        let named = name.encode();
        let mut other = named.clone();
        *other.last_mut().unwrap() = b'_';
        let mut found = 0;
        let mut at = 0;
        while let Some(next) = bytes[at..].windows(named.len()).position(|some| some == named) {
            bytes[at + next..at + next + named.len()].copy_from_slice(&other);
            at += next + named.len();
            found += 1;
        }
        assert!(found > 0, "nothing has the name {name}");
    }
    bytes
}

/// What a node answers about its metadata where that is `told` of version 15, as bytes of an option; none to anything else.
pub(crate) fn described(told: &[u8], method: &str, params: &Json) -> Option<Json> {
    let answer = match params[0].as_str().filter(|_| method == "state_call")? {
        "Metadata_metadata_versions" => hex::encode(vec![15_u32].encode()),
        "Metadata_metadata_at_version" => hex::encode(told),
        _ => return None,
    };
    Some(json!(format!("0x{answer}")))
}
