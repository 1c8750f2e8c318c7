//! What a node keeps for itself: the keys of `author_*Key*`, and the storage of `offchain_*`.
//!
//! A localnet's node starts with the keys of `//One`, and so does this one, though nothing here needs a key to make
//! blocks. All of it lives as long as the process. These methods are open to everybody, as they are on a node that
//! listens on the local machine alone.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jsonrpsee::{RpcModule, core::RegisterMethodError, types::ErrorObjectOwned};
use serde_json::{Value, json};
use sp_core::{Bytes, Pair, ed25519, offchain::StorageKind, sr25519};

use super::{Answer, Arguments, error};
use crate::node::Node;

/// Whose keys a localnet's node has.
const OWNER: &str = "//One";
/// What the keys of authors and of finalisers are for.
const AUTHOR: [u8; 4] = *b"aura";
const FINALISER: [u8; 4] = *b"gran";
/// Bytes of one public key.
const KEY_BYTES: usize = 32;
/// Keys that are kept, and the bytes of the longest.
const MOST_KEYS: usize = 4_096;
const LONGEST_KEY: usize = 64;
/// Bytes of offchain storage that are kept, and those that each entry counts for beside its own.
const MOST_BYTES: usize = 16 << 20;
const ENTRY: usize = 128;

#[derive(Default)]
struct Kept {
    keys: BTreeSet<([u8; 4], Vec<u8>)>,
    storage: HashMap<Vec<u8>, Vec<u8>>,
    storage_bytes: usize,
}

type Run = fn(&mut Kept, &mut Arguments) -> Answer;

const METHODS: [(&str, Run); 7] = [
    ("author_hasKey", has_key),
    ("author_hasSessionKeys", has_session_keys),
    ("author_insertKey", insert_key),
    ("author_rotateKeys", rotate_keys),
    ("offchain_localStorageGet", get),
    ("offchain_localStorageSet", set),
    ("offchain_localStorageClear", clear),
];

pub(super) fn register(module: &mut RpcModule<Node>) -> Result<(), RegisterMethodError> {
    let mut kept = Kept::default();
    if let (Ok(author), Ok(finaliser)) =
        (sr25519::Pair::from_string(OWNER, None), ed25519::Pair::from_string(OWNER, None))
    {
        kept.keys.extend([(AUTHOR, author.public().0.to_vec()), (FINALISER, finaliser.public().0.to_vec())]);
    }
    let kept = Arc::new(Mutex::new(kept));
    for (name, run) in METHODS {
        let kept = kept.clone();
        module.register_method(name, move |params, _, _| -> Answer {
            let mut kept: MutexGuard<'_, Kept> = kept.lock().unwrap_or_else(PoisonError::into_inner);
            run(&mut kept, &mut Arguments::parse(&params)?)
        })?;
    }
    Ok(())
}

// === Keys ===

fn key_type(arguments: &mut Arguments) -> Result<[u8; 4], ErrorObjectOwned> {
    let name: String = arguments.required("keyType")?;
    name.as_bytes().try_into().map_err(|_| error::key_type())
}

impl Kept {
    fn keep(&mut self, kind: [u8; 4], public: Vec<u8>) -> Result<(), ErrorObjectOwned> {
        if self.keys.len() >= MOST_KEYS {
            return Err(error::full("keys"));
        }
        self.keys.insert((kind, public));
        Ok(())
    }
}

fn has_key(kept: &mut Kept, arguments: &mut Arguments) -> Answer {
    let public: Bytes = arguments.required("publicKey")?;
    let kind = key_type(arguments)?;
    Ok(json!(kept.keys.contains(&(kind, public.0))))
}

/// A node takes the public key at its word, and so does this one.
fn insert_key(kept: &mut Kept, arguments: &mut Arguments) -> Answer {
    let kind = key_type(arguments)?;
    let _suri: String = arguments.required("suri")?;
    let public: Bytes = arguments.required("public")?;
    if public.len() > LONGEST_KEY {
        return Err(error::invalid_params(format!("public: no key has more than {LONGEST_KEY} bytes")));
    }
    kept.keep(kind, public.0)?;
    Ok(Value::Null)
}

/// Session keys are an author's key and a finaliser's, one after the other.
fn rotate_keys(kept: &mut Kept, _: &mut Arguments) -> Answer {
    let author = sr25519::Pair::generate().0.public().0.to_vec();
    let finaliser = ed25519::Pair::generate().0.public().0.to_vec();
    let both = [author.as_slice(), &finaliser].concat();
    kept.keep(AUTHOR, author)?;
    kept.keep(FINALISER, finaliser)?;
    Ok(json!(Bytes(both)))
}

fn has_session_keys(kept: &mut Kept, arguments: &mut Arguments) -> Answer {
    let both: Bytes = arguments.required("sessionKeys")?;
    if both.len() != 2 * KEY_BYTES {
        return Err(error::session_keys());
    }
    let (author, finaliser) = both.split_at(KEY_BYTES);
    let has = |kind, public: &[u8]| kept.keys.contains(&(kind, public.to_vec()));
    Ok(json!(has(AUTHOR, author) && has(FINALISER, finaliser)))
}

// === Offchain storage ===

/// Nodes have one of the two kinds there are.
fn key(arguments: &mut Arguments) -> Result<Vec<u8>, ErrorObjectOwned> {
    let kind: StorageKind = arguments.required("kind")?;
    let key: Bytes = arguments.required("key")?;
    match kind {
        StorageKind::PERSISTENT => Ok(key.0),
        StorageKind::LOCAL => Err(error::storage_kind()),
    }
}

fn get(kept: &mut Kept, arguments: &mut Arguments) -> Answer {
    let key = key(arguments)?;
    Ok(json!(kept.storage.get(&key).cloned().map(Bytes)))
}

fn set(kept: &mut Kept, arguments: &mut Arguments) -> Answer {
    let key = key(arguments)?;
    let value: Bytes = arguments.required("value")?;
    let old = kept.storage.get(&key).map_or(0, |old| size(&key, old));
    let bytes = kept.storage_bytes - old + size(&key, &value);
    if bytes > MOST_BYTES {
        return Err(error::full("offchain storage"));
    }
    kept.storage_bytes = bytes;
    kept.storage.insert(key, value.0);
    Ok(Value::Null)
}

fn clear(kept: &mut Kept, arguments: &mut Arguments) -> Answer {
    let key = key(arguments)?;
    if let Some(value) = kept.storage.remove(&key) {
        kept.storage_bytes -= size(&key, &value);
    }
    Ok(Value::Null)
}

/// What an entry counts for.
fn size(key: &[u8], value: &[u8]) -> usize {
    key.len() + value.len() + ENTRY
}
