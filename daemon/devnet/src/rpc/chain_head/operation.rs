//! What a follower asks for and hears of later: a block's body, calls of the runtime, and storage.

use std::sync::Arc;

use hex::FromHexError;
use serde::Deserialize;
use serde_json::{Value, json};
use sp_core::{
    Bytes, H256,
    storage::{ChildInfo, StorageData, StorageKey},
};
use sp_runtime::traits::Hash;
use sp_state_machine::{Backend, IterArgs};
use sp_trie::MerkleValue;
use tokio_util::sync::CancellationToken;

use super::followers::Follower;
use crate::{
    chain::{ChainError, Hasher, State},
    node::Node,
    workers::WorkError,
};

/// Items of storage in one event.
const PAGE: usize = 256;

/// Reads bytes in hexadecimal; none may be written as an empty text.
pub(super) fn bytes(text: &str) -> Result<Vec<u8>, FromHexError> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text))
}

/// What is wanted of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Wanted {
    Value,
    Hash,
    ClosestDescendantMerkleValue,
    DescendantsValues,
    DescendantsHashes,
}

/// A question about storage as it is asked, its key in hexadecimal.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Item {
    pub(super) key: String,
    #[serde(rename = "type")]
    pub(super) wanted: Wanted,
}

/// A question about storage.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) key: Vec<u8>,
    pub(super) wanted: Wanted,
}

/// What an operation is to do.
pub(super) enum Task {
    Body { at: H256 },
    Call { at: H256, function: String, parameters: Vec<u8> },
    Storage { at: H256, queries: Vec<Query>, child: Option<Vec<u8>> },
}

impl Task {
    /// What the client is told when the operation begins.
    pub(super) fn started(&self, operation: &Operation) -> Value {
        match self {
            Self::Body { .. } | Self::Call { .. } => json!({ "result": "started", "operationId": operation.id }),
            // Every question is answered.
            Self::Storage { .. } => {
                json!({ "result": "started", "operationId": operation.id, "discardedItems": 0 })
            }
        }
    }
}

/// An operation that runs; dropping it ends it.
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) stopped: CancellationToken,
    pub(super) follower: Arc<Follower>,
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.follower.stop(&self.id);
    }
}

/// Why an operation did not come to its end.
enum Failure {
    /// It will not if tried again.
    Final(ChainError),
    /// It may if tried again.
    Passing,
}

impl From<WorkError> for Failure {
    fn from(_: WorkError) -> Self {
        Self::Passing
    }
}

impl Operation {
    /// Does the task and tells the follower of it, until done or stopped.
    pub(super) async fn run(self, node: Arc<Node>, task: Task) {
        let done = async {
            match task {
                Task::Body { at } => self.tell_body(&node, at).await,
                Task::Call { at, function, parameters } => self.call(&node, at, function, parameters).await,
                Task::Storage { at, queries, child } => self.read(&node, at, queries, child).await,
            }
        };
        let failure = tokio::select! {
            () = self.stopped.cancelled() => return,
            result = done => result.err(),
        };
        match failure {
            None => {}
            Some(Failure::Passing) => self.tell("operationInaccessible", json!({})).await,
            Some(Failure::Final(error)) => self.tell("operationError", json!({ "error": error.to_string() })).await,
        }
    }

    async fn tell(&self, event: &str, mut details: Value) {
        details["event"] = json!(event);
        details["operationId"] = json!(self.id);
        self.follower.tell(details).await;
    }

    async fn tell_body(&self, node: &Node, at: H256) -> Result<(), Failure> {
        let block = node.chain.block(&at).ok_or(Failure::Passing)?;
        let extrinsics: Vec<Bytes> = block.extrinsics.iter().cloned().map(Bytes).collect();
        self.tell("operationBodyDone", json!({ "value": extrinsics })).await;
        Ok(())
    }

    async fn call(&self, node: &Arc<Node>, at: H256, function: String, parameters: Vec<u8>) -> Result<(), Failure> {
        let reader = node.clone();
        let called = node.workers.run(move || reader.chain.call(Some(at), &function, &parameters)).await?;
        let output = called.map_err(Failure::Final)?;
        self.tell("operationCallDone", json!({ "output": Bytes(output) })).await;
        Ok(())
    }

    /// Answers one question after the other, a page at a time.
    async fn read(
        &self,
        node: &Arc<Node>,
        at: H256,
        queries: Vec<Query>,
        child: Option<Vec<u8>>,
    ) -> Result<(), Failure> {
        let child = child.map(ChildInfo::new_default_from_vec);
        for query in queries {
            let mut after = None;
            loop {
                let (reader, query, child) = (node.clone(), query.clone(), child.clone());
                let page = node.workers.run(move || {
                    let page = |state: &State| page(state, child.as_ref(), &query, after.as_deref());
                    reader.chain.read(Some(at), |_, state| page(state).map_err(ChainError::Backend))
                });
                let (items, last) = page.await?.map_err(Failure::Final)?;
                if !items.is_empty() {
                    self.tell("operationStorageItems", json!({ "items": items })).await;
                }
                if last.is_none() {
                    break;
                }
                after = last;
            }
        }
        self.tell("operationStorageDone", json!({})).await;
        Ok(())
    }
}

/// Answers with their key, and where to go on: no further than there if nowhere.
type Page = (Vec<Value>, Option<Vec<u8>>);

fn page(state: &State, child: Option<&ChildInfo>, query: &Query, after: Option<&[u8]>) -> Result<Page, String> {
    let key = &query.key;
    let one = |name: &str, answer: Option<Value>| {
        let items = answer.map(|answer| json!({ "key": StorageKey(key.clone()), name: answer }));
        (items.into_iter().collect(), None)
    };
    Ok(match query.wanted {
        Wanted::Value => {
            let value = child.map_or_else(|| state.storage(key), |child| state.child_storage(child, key))?;
            one("value", value.map(|value| json!(StorageData(value))))
        }
        Wanted::Hash => {
            let hash = child.map_or_else(|| state.storage_hash(key), |child| state.child_storage_hash(child, key))?;
            one("hash", hash.map(|hash| json!(hash)))
        }
        Wanted::ClosestDescendantMerkleValue => {
            let value = child.map_or_else(
                || state.closest_merkle_value(key),
                |child| state.child_closest_merkle_value(child, key),
            )?;
            one(
                "closestDescendantMerkleValue",
                value.map(|value| match value {
                    MerkleValue::Node(node) => json!(Bytes(node)),
                    MerkleValue::Hash(hash) => json!(hash),
                }),
            )
        }
        Wanted::DescendantsValues => descendants(
            state,
            child,
            key,
            after,
            |key, value| json!({ "key": StorageKey(key), "value": StorageData(value) }),
        )?,
        Wanted::DescendantsHashes => descendants(
            state,
            child,
            key,
            after,
            |key, value| json!({ "key": StorageKey(key), "hash": Hasher::hash(&value) }),
        )?,
    })
}

fn descendants(
    state: &State,
    child: Option<&ChildInfo>,
    prefix: &[u8],
    after: Option<&[u8]>,
    answer: impl Fn(Vec<u8>, Vec<u8>) -> Value,
) -> Result<Page, String> {
    let mut args = IterArgs::default();
    args.prefix = Some(prefix);
    args.start_at = after;
    args.start_at_exclusive = after.is_some();
    args.child_info = child.cloned();
    let mut items = Vec::new();
    for pair in state.pairs(args)?.take(PAGE) {
        let (key, value) = pair?;
        items.push((key.clone(), answer(key, value)));
    }
    let last = items.last().filter(|_| items.len() == PAGE).map(|(key, _)| key.clone());
    Ok((items.into_iter().map(|(_, item)| item).collect(), last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_read_as_clients_write_them() {
        let read = |text: &str| serde_json::from_str::<Item>(text);
        let item = read(r#"{"key":"0x0aff","type":"descendantsValues"}"#).unwrap();
        assert_eq!(item, Item { key: "0x0aff".to_owned(), wanted: Wanted::DescendantsValues });
        assert_eq!(bytes(&item.key), Ok(vec![10, 255]));
        assert_eq!(bytes(""), Ok(vec![]));
        assert!(bytes("0x0").is_err());
        assert!(read(r#"{"key":"0x00","type":"values"}"#).is_err());
    }
}
