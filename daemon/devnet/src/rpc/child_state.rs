//! `childstate_*`: tries below the state. This runtime makes none, so that what clients find is that there is none.

use jsonrpsee::types::ErrorObjectOwned;
use serde_json::json;
use sp_core::storage::{ChildInfo, ChildType, PrefixedStorageKey, StorageData, StorageKey};
use sp_state_machine::Backend as _;

use super::{
    Answer, Arguments, Method, error,
    state::{keys_in, keys_paged_in, read},
};
use crate::node::Node;

pub(super) const METHODS: &[Method] = &[
    Method { name: "childstate_getKeys", aliases: &[], run: keys },
    Method { name: "childstate_getKeysPaged", aliases: &["childstate_getKeysPagedAt"], run: keys_paged },
    Method { name: "childstate_getStorage", aliases: &["childstate_getStorageAt"], run: storage },
    Method { name: "childstate_getStorageEntries", aliases: &["childstate_getStorageEntriesAt"], run: entries },
    Method { name: "childstate_getStorageHash", aliases: &["childstate_getStorageHashAt"], run: storage_hash },
    Method { name: "childstate_getStorageSize", aliases: &["childstate_getStorageSizeAt"], run: storage_size },
];

/// The trie that the first parameter names.
fn child(arguments: &mut Arguments) -> Result<ChildInfo, ErrorObjectOwned> {
    let key: PrefixedStorageKey = arguments.required("childStorageKey")?;
    match ChildType::from_prefixed_key(&key) {
        Some((ChildType::ParentKeyId, key)) => Ok(ChildInfo::new_default(key)),
        None => Err(error::child_key()),
    }
}

fn keys(node: &Node, arguments: &mut Arguments) -> Answer {
    let child = child(arguments)?;
    keys_in(node, Some(child), arguments)
}

fn keys_paged(node: &Node, arguments: &mut Arguments) -> Answer {
    let child = child(arguments)?;
    keys_paged_in(node, Some(child), arguments)
}

fn value(node: &Node, arguments: &mut Arguments) -> Result<Option<Vec<u8>>, ErrorObjectOwned> {
    let child = child(arguments)?;
    let key: StorageKey = arguments.required("key")?;
    read(node, arguments.optional("hash")?, |_, state| state.child_storage(&child, &key.0))
}

fn storage(node: &Node, arguments: &mut Arguments) -> Answer {
    Ok(json!(value(node, arguments)?.map(StorageData)))
}

fn storage_size(node: &Node, arguments: &mut Arguments) -> Answer {
    Ok(json!(value(node, arguments)?.map(|value| value.len())))
}

fn entries(node: &Node, arguments: &mut Arguments) -> Answer {
    let child = child(arguments)?;
    let keys: Vec<StorageKey> = arguments.required("keys")?;
    let values: Vec<Option<StorageData>> = read(node, arguments.optional("hash")?, |_, state| {
        keys.iter().map(|key| Ok(state.child_storage(&child, &key.0)?.map(StorageData))).collect()
    })?;
    Ok(json!(values))
}

fn storage_hash(node: &Node, arguments: &mut Arguments) -> Answer {
    let child = child(arguments)?;
    let key: StorageKey = arguments.required("key")?;
    let hash = read(node, arguments.optional("hash")?, |_, state| state.child_storage_hash(&child, &key.0))?;
    Ok(json!(hash))
}
