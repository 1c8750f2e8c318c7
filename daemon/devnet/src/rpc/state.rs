//! `state_*`: storage, runtime calls, metadata, proofs.

use std::sync::Arc;

use jsonrpsee::types::ErrorObjectOwned;
use serde_json::json;
use sp_core::{
    Bytes, H256,
    storage::{ChildInfo, StorageData, StorageKey},
};
use sp_state_machine::{Backend, IterArgs, prove_read};
use sp_version::RuntimeVersion;

use super::{Answer, Arguments, Method, error, trace};
use crate::{
    BlockId,
    chain::{Block, ChainError, Hasher, State},
    node::Node,
};

/// Keys that one call may ask for.
const MAX_PAGE: u32 = 1_000;

pub(super) const METHODS: &[Method] = &[
    Method { name: "state_getMetadata", aliases: &[], run: metadata },
    Method { name: "state_getRuntimeVersion", aliases: &["chain_getRuntimeVersion"], run: runtime_version },
    Method { name: "state_call", aliases: &["state_callAt"], run: call },
    Method { name: "state_getStorage", aliases: &["state_getStorageAt"], run: storage },
    Method { name: "state_getStorageHash", aliases: &["state_getStorageHashAt"], run: storage_hash },
    Method { name: "state_getStorageSize", aliases: &["state_getStorageSizeAt"], run: storage_size },
    Method { name: "state_getKeys", aliases: &[], run: keys },
    Method { name: "state_getPairs", aliases: &[], run: pairs },
    Method { name: "state_getKeysPaged", aliases: &["state_getKeysPagedAt"], run: keys_paged },
    Method { name: "state_queryStorageAt", aliases: &[], run: query_storage_at },
    Method { name: "state_queryStorage", aliases: &[], run: query_storage },
    Method { name: "state_getReadProof", aliases: &[], run: read_proof },
    Method { name: "state_traceBlock", aliases: &[], run: trace::trace_block },
];

/// Reads the state after the block that `at` names.
pub(super) fn read<T>(
    node: &Node,
    at: Option<H256>,
    read: impl FnOnce(&Block, &State) -> Result<T, String>,
) -> Result<T, ErrorObjectOwned> {
    node.chain.read(at, |block, state| read(block, state).map_err(ChainError::Backend)).map_err(error::state)
}

fn metadata(node: &Node, arguments: &mut Arguments) -> Answer {
    if let Some(at) = arguments.optional::<H256>("at")? {
        // The runtime is the same in every block; what may be missing is the block.
        node.chain.state(Some(at)).map_err(error::state)?;
    }
    Ok(json!(Bytes(node.chain.metadata().map_err(error::state)?.to_vec())))
}

fn runtime_version(node: &Node, arguments: &mut Arguments) -> Answer {
    let at = arguments.optional::<H256>("at")?;
    let version: RuntimeVersion = node.chain.ask(at, "Core_version", &[]).map_err(error::state)?;
    Ok(json!(version))
}

fn call(node: &Node, arguments: &mut Arguments) -> Answer {
    let name: String = arguments.required("name")?;
    let bytes: Bytes = arguments.required("bytes")?;
    let at = arguments.optional("hash")?;
    Ok(json!(Bytes(node.chain.call(at, &name, &bytes).map_err(error::state)?)))
}

fn storage(node: &Node, arguments: &mut Arguments) -> Answer {
    let key: StorageKey = arguments.required("key")?;
    let value = read(node, arguments.optional("hash")?, |_, state| state.storage(&key.0))?;
    Ok(json!(value.map(StorageData)))
}

fn storage_hash(node: &Node, arguments: &mut Arguments) -> Answer {
    let key: StorageKey = arguments.required("key")?;
    Ok(json!(read(node, arguments.optional("hash")?, |_, state| state.storage_hash(&key.0))?))
}

fn storage_size(node: &Node, arguments: &mut Arguments) -> Answer {
    let key: StorageKey = arguments.required("key")?;
    let size = read(node, arguments.optional("hash")?, |_, state| {
        if let Some(value) = state.storage(&key.0)? {
            return Ok(Some(value.len()));
        }
        // Of a prefix, the size of all that stands below it.
        let total = state.pairs(below(&key.0, None))?.try_fold(0, |sum, pair| Ok::<_, String>(sum + pair?.1.len()))?;
        Ok(Some(total).filter(|total| *total > 0))
    })?;
    Ok(json!(size))
}

fn below<'a>(prefix: &'a [u8], after: Option<&'a [u8]>) -> IterArgs<'a> {
    let mut args = IterArgs::default();
    args.prefix = Some(prefix);
    args.start_at = after;
    args.start_at_exclusive = after.is_some();
    args
}

fn keys(node: &Node, arguments: &mut Arguments) -> Answer {
    keys_in(node, None, arguments)
}

/// The keys of the state, or of a trie below it.
pub(super) fn keys_in(node: &Node, child: Option<ChildInfo>, arguments: &mut Arguments) -> Answer {
    let prefix: StorageKey = arguments.required("prefix")?;
    let keys: Vec<StorageKey> = read(node, arguments.optional("hash")?, |_, state| {
        let mut args = below(&prefix.0, None);
        args.child_info = child;
        state.keys(args)?.map(|key| key.map(StorageKey)).collect()
    })?;
    Ok(json!(keys))
}

fn pairs(node: &Node, arguments: &mut Arguments) -> Answer {
    let prefix: StorageKey = arguments.required("prefix")?;
    let pairs: Vec<(StorageKey, StorageData)> = read(node, arguments.optional("hash")?, |_, state| {
        state
            .pairs(below(&prefix.0, None))?
            .map(|pair| pair.map(|(key, value)| (StorageKey(key), StorageData(value))))
            .collect()
    })?;
    Ok(json!(pairs))
}

fn keys_paged(node: &Node, arguments: &mut Arguments) -> Answer {
    keys_paged_in(node, None, arguments)
}

/// Some keys of the state, or of a trie below it.
pub(super) fn keys_paged_in(node: &Node, child: Option<ChildInfo>, arguments: &mut Arguments) -> Answer {
    let prefix: Option<StorageKey> = arguments.optional("prefix")?;
    let count: u32 = arguments.required("count")?;
    let after: Option<StorageKey> = arguments.optional("startKey")?;
    let at = arguments.optional("hash")?;
    if count > MAX_PAGE {
        return Err(error::count(count, MAX_PAGE));
    }
    let prefix = prefix.map(|key| key.0).unwrap_or_default();
    let keys: Vec<StorageKey> = read(node, at, |_, state| {
        let mut args = below(&prefix, after.as_ref().map(|key| key.0.as_slice()));
        args.child_info = child;
        state.keys(args)?.take(count as usize).map(|key| key.map(StorageKey)).collect()
    })?;
    Ok(json!(keys))
}

/// Keys with their value, as notifications and answers carry them.
pub(super) type Values = Vec<(StorageKey, Option<StorageData>)>;

/// The values of these keys after a block, and which block that is.
pub(super) fn values(
    node: &Node,
    keys: &[StorageKey],
    at: Option<H256>,
) -> Result<(BlockId, Values), ErrorObjectOwned> {
    read(node, at, |block, state| {
        let values = keys
            .iter()
            .map(|key| Ok((key.clone(), state.storage(&key.0)?.map(StorageData))))
            .collect::<Result<_, String>>()?;
        Ok((BlockId { number: block.number(), hash: block.hash.0 }, values))
    })
}

fn query_storage_at(node: &Node, arguments: &mut Arguments) -> Answer {
    let keys: Vec<StorageKey> = arguments.required("keys")?;
    let (block, changes) = values(node, &keys, arguments.optional("at")?)?;
    // A set without changes is no set.
    Ok(if changes.is_empty() { json!([]) } else { json!([{ "block": H256(block.hash), "changes": changes }]) })
}

/// The values of keys in the first block of a range, and in each later block the values that differ.
fn query_storage(node: &Node, arguments: &mut Arguments) -> Answer {
    let keys: Vec<StorageKey> = arguments.required("keys")?;
    let from: H256 = arguments.required("block")?;
    let to: Option<H256> = arguments.optional("hash")?;
    let head = node.chain.head();
    let found = |hash: H256| -> Option<Arc<Block>> { node.chain.block(&hash) };
    let (Some(first), Some(last)) = (found(from), to.map_or(Some(head), found)) else {
        return Err(error::block_range(&format!("{from:?}"), &format!("{to:?}"), "unknown block"));
    };
    if first.number() > last.number() {
        let text = |block: &Block| format!("{} ({:?})", block.number(), block.hash);
        return Err(error::block_range(&text(&first), &text(&last), "from number > to number"));
    }
    let mut sets = Vec::new();
    let mut known: Values = Vec::new();
    for number in first.number()..=last.number() {
        let (block, now) = values(node, &keys, node.chain.hash(number))?;
        let changes: Values = now.iter().filter(|change| !known.contains(change)).cloned().collect();
        if !changes.is_empty() {
            sets.push(json!({ "block": H256(block.hash), "changes": changes }));
        }
        known = now;
    }
    Ok(json!(sets))
}

fn read_proof(node: &Node, arguments: &mut Arguments) -> Answer {
    let keys: Vec<StorageKey> = arguments.required("keys")?;
    let (block, state) = node.chain.state(arguments.optional("hash")?).map_err(error::state)?;
    let proof = prove_read::<_, Hasher, _>(state, keys.iter().map(|key| &key.0))
        .map_err(|error| error::state(ChainError::Backend(error.to_string())))?;
    let proof: Vec<Bytes> = proof.into_iter_nodes().map(Bytes).collect();
    Ok(json!({ "at": block.hash, "proof": proof }))
}
