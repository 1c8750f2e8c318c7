//! What a node is asked, and what its answers read as.

use std::marker::PhantomData;

use btd_api::{AccountId, BlockHash, BlockNumber};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value as Json, json, value::RawValue};

use super::{Header, RpcProblem};
use crate::{extrinsic::ExtrinsicHash, hex_bytes};

/// A request whose answer reads as `T`.
#[derive(Debug)]
pub(crate) struct Request<T> {
    pub(super) method: &'static str,
    pub(super) params: Vec<Json>,
    what: String,
    moment: Moment,
    answer: PhantomData<fn() -> T>,
}

const SUBMIT: &str = "author_submitExtrinsic";

/// What an answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// On its parameters alone: the block is among them.
    Pinned,
    /// On when it is asked.
    Now,
}

/// Bytes that travel as `0x` hex.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct HexBytes(#[serde(with = "hex_bytes")] pub(crate) Vec<u8>);

/// The answer of `chain_getBlock`.
#[derive(Debug, Deserialize)]
pub(crate) struct SignedBlock {
    pub(crate) block: Body,
}

/// A block's header and extrinsics.
#[derive(Debug, Deserialize)]
pub(crate) struct Body {
    pub(crate) header: Header,
    pub(crate) extrinsics: Vec<HexBytes>,
}

/// The answer of `state_getRuntimeVersion`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RuntimeVersion {
    pub(crate) spec_version: u32,
    #[serde(default)]
    pub(crate) transaction_version: u32,
    /// The runtime APIs by their hashes, each with its version.
    #[serde(default)]
    pub(crate) apis: Vec<(HexBytes, u32)>,
}

/// The answer of `system_health`, as far as it counts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Health {
    /// Whether the node is catching up with its chain.
    pub(crate) is_syncing: bool,
    /// Whether it should have others beside it: one that makes its blocks alone says that it should not.
    #[serde(default = "has_company_as_a_rule")]
    pub(crate) should_have_peers: bool,
}

fn has_company_as_a_rule() -> bool {
    true
}

/// The answer of `state_queryStorageAt`.
#[derive(Debug, Deserialize)]
pub(crate) struct Changes {
    pub(crate) changes: Vec<(HexBytes, Option<HexBytes>)>,
}

fn hex(bytes: &[u8]) -> Json {
    Json::String(hex_bytes::text(bytes))
}

// === impl Request ===

impl<T> Request<T> {
    fn new(method: &'static str, params: Vec<Json>) -> Self {
        Self { method, params, what: method.to_owned(), moment: Moment::Pinned, answer: PhantomData }
    }

    /// The same request, called `what` in messages.
    pub(crate) fn about(mut self, what: impl Into<String>) -> Self {
        self.what = what.into();
        self
    }

    /// The same request, whose answer depends on when it is asked.
    fn now(mut self) -> Self {
        self.moment = Moment::Now;
        self
    }

    /// What it is called in messages.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// Whether sending it again may give another answer than what became of it the first time.
    pub(super) fn is_submission(&self) -> bool {
        self.method == SUBMIT
    }

    /// Whether nothing is an answer as good as another: where nothing is stored, it is. Of a block it says only
    /// that the node has it not.
    pub(crate) fn may_be_nothing(&self) -> bool {
        self.method.starts_with("state_")
    }

    /// What is asked, for whoever does not care what the answer reads as.
    pub(crate) fn untyped(&self) -> Request<Box<RawValue>> {
        let Self { method, params, what, moment, .. } = self;
        Request { method, params: params.clone(), what: what.clone(), moment: *moment, answer: PhantomData }
    }

    /// What makes two requests the same, if the same answer serves both.
    pub(crate) fn key(&self) -> Option<String> {
        (self.moment == Moment::Pinned).then(|| format!("{} {}", self.method, Json::from(self.params.clone())))
    }
}

pub(crate) fn finalized_head() -> Request<BlockHash> {
    Request::new("chain_getFinalizedHead", vec![]).now()
}

pub(crate) fn health() -> Request<Health> {
    Request::new("system_health", vec![]).about("whether it catches up").now()
}

pub(crate) fn best_hash() -> Request<Option<BlockHash>> {
    Request::new("chain_getBlockHash", vec![]).about("the hash of the best block").now()
}

pub(crate) fn block_hash(number: BlockNumber) -> Request<Option<BlockHash>> {
    Request::new("chain_getBlockHash", vec![json!(number)]).about(format!("the hash of block {number}"))
}

pub(crate) fn header(hash: BlockHash) -> Request<Option<Header>> {
    Request::new("chain_getHeader", vec![json!(hash)]).about(format!("the header of block {hash}"))
}

pub(crate) fn block(hash: BlockHash) -> Request<Option<SignedBlock>> {
    Request::new("chain_getBlock", vec![json!(hash)]).about(format!("block {hash}"))
}

pub(crate) fn runtime_version(at: BlockHash) -> Request<RuntimeVersion> {
    Request::new("state_getRuntimeVersion", vec![json!(at)]).about("the runtime's version")
}

pub(crate) fn metadata(at: BlockHash) -> Request<HexBytes> {
    Request::new("state_getMetadata", vec![json!(at)]).about("the metadata")
}

pub(crate) fn storage(key: &[u8], at: BlockHash) -> Request<Option<HexBytes>> {
    Request::new("state_getStorage", vec![hex(key), json!(at)])
}

pub(crate) fn storage_keys(prefix: &[u8], count: u32, after: Option<&[u8]>, at: BlockHash) -> Request<Vec<HexBytes>> {
    Request::new("state_getKeysPaged", vec![hex(prefix), json!(count), after.map_or(Json::Null, hex), json!(at)])
}

pub(crate) fn storage_values(keys: &[HexBytes], at: BlockHash) -> Request<Vec<Changes>> {
    let keys: Vec<Json> = keys.iter().map(|HexBytes(key)| hex(key)).collect();
    Request::new("state_queryStorageAt", vec![json!(keys), json!(at)])
}

pub(crate) fn call(function: &str, arguments: &[u8], at: BlockHash) -> Request<HexBytes> {
    Request::new("state_call", vec![json!(function), hex(arguments), json!(at)]).about(function)
}

pub(crate) fn next_nonce(account: AccountId) -> Request<u32> {
    Request::new("system_accountNextIndex", vec![json!(account)]).about(format!("the nonce of {account}")).now()
}

pub(crate) fn submit(extrinsic: &[u8]) -> Request<ExtrinsicHash> {
    Request::new(SUBMIT, vec![hex(extrinsic)]).about("the submission").now()
}

/// Reads an answer as what was asked for.
pub(crate) fn read<T: DeserializeOwned>(answer: &RawValue) -> Result<T, RpcProblem> {
    serde_json::from_str(answer.get()).map_err(|error| RpcProblem::Garbled(error.to_string()))
}
