//! What a node is asked, and what its answers read as.

use std::{
    hash::{Hash, Hasher},
    marker::PhantomData,
    sync::Arc,
};

use btd_api::{AccountId, BlockHash, BlockNumber};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};

use super::{Changes, Header, RpcProblem};
use crate::{extrinsic::ExtrinsicHash, hex_bytes};

/// A request whose answer reads as `T`.
#[derive(Debug)]
pub(crate) struct Request<T> {
    pub(super) method: &'static str,
    /// As they are sent, written once; none where there are none.
    params: Option<Arc<RawValue>>,
    what: String,
    moment: Moment,
    /// The block in whose state the answer is.
    at: Option<BlockHash>,
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

/// What makes two requests the same: a method, and its parameters to the letter; and whether another endpoint is asked
/// because the followed one has told something else than it should.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    method: &'static str,
    params: Option<Arc<RawValue>>,
    is_of_another: bool,
}

/// Bytes that travel as `0x` hex.
#[derive(Debug, Clone, Serialize, Deserialize)]
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

// === impl Question ===

impl Question {
    /// The same to another endpoint.
    pub(crate) fn of_another(self) -> Self {
        Self { is_of_another: true, ..self }
    }

    fn parts(&self) -> (&str, Option<&str>, bool) {
        (self.method, self.params.as_deref().map(RawValue::get), self.is_of_another)
    }
}

impl PartialEq for Question {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Question {}

impl Hash for Question {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

// === impl Request ===

impl<T> Request<T> {
    /// A request without parameters.
    fn bare(method: &'static str) -> Self {
        let what = method.to_owned();
        Self { method, params: None, what, moment: Moment::Pinned, at: None, answer: PhantomData }
    }

    fn new(method: &'static str, params: &impl Serialize) -> Self {
        // Texts, numbers and lists of them: there is nothing in it that could not be written.
        let params = to_raw_value(params).ok().map(Arc::from);
        Self { params, ..Self::bare(method) }
    }

    /// A request for what is in the state of block `at`.
    fn in_state(method: &'static str, params: &impl Serialize, at: BlockHash) -> Self {
        Self { at: Some(at), ..Self::new(method, params) }
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

    /// The block in whose state it looks, if it looks in one.
    pub(crate) fn at(&self) -> Option<BlockHash> {
        self.at
    }

    /// Its parameters, to be sent.
    pub(super) fn params(&self) -> Option<Box<RawValue>> {
        self.params.as_deref().map(ToOwned::to_owned)
    }

    /// What is asked, for whoever does not care what the answer reads as.
    pub(crate) fn untyped(&self) -> Request<Box<RawValue>> {
        let Self { method, params, what, moment, at, .. } = self;
        Request { method, params: params.clone(), what: what.clone(), moment: *moment, at: *at, answer: PhantomData }
    }

    /// What makes two requests the same, if the same answer serves both.
    pub(crate) fn question(&self) -> Option<Question> {
        let of = |params| Question { method: self.method, params, is_of_another: false };
        (self.moment == Moment::Pinned).then(|| of(self.params.clone()))
    }
}

pub(crate) fn finalized_head() -> Request<BlockHash> {
    Request::bare("chain_getFinalizedHead").now()
}

pub(crate) fn health() -> Request<Health> {
    Request::bare("system_health").about("whether it catches up").now()
}

pub(crate) fn best_hash() -> Request<Option<BlockHash>> {
    Request::bare("chain_getBlockHash").about("the hash of the best block").now()
}

pub(crate) fn block_hash(number: BlockNumber) -> Request<Option<BlockHash>> {
    Request::new("chain_getBlockHash", &[number]).about(format!("the hash of block {number}"))
}

pub(crate) fn header(hash: BlockHash) -> Request<Option<Header>> {
    Request::new("chain_getHeader", &[hash]).about(format!("the header of block {hash}"))
}

pub(crate) fn block(hash: BlockHash) -> Request<Option<SignedBlock>> {
    Request::new("chain_getBlock", &[hash]).about(format!("block {hash}"))
}

pub(crate) fn runtime_version(at: BlockHash) -> Request<RuntimeVersion> {
    Request::in_state("state_getRuntimeVersion", &[at], at).about("the runtime's version")
}

pub(crate) fn metadata(at: BlockHash) -> Request<HexBytes> {
    Request::in_state("state_getMetadata", &[at], at).about("the metadata")
}

pub(crate) fn storage(key: &[u8], at: BlockHash) -> Request<Option<HexBytes>> {
    Request::in_state("state_getStorage", &(hex_bytes::text(key), at), at)
}

pub(crate) fn storage_keys(prefix: &[u8], count: u32, after: Option<&[u8]>, at: BlockHash) -> Request<Vec<HexBytes>> {
    Request::in_state("state_getKeysPaged", &(hex_bytes::text(prefix), count, after.map(hex_bytes::text), at), at)
}

/// `keys` are a list of [`HexBytes`], or [`Keys`](super::Keys).
pub(crate) fn storage_values(keys: &(impl Serialize + ?Sized), at: BlockHash) -> Request<Changes> {
    Request::in_state("state_queryStorageAt", &(keys, at), at)
}

pub(crate) fn call(function: &str, arguments: &[u8], at: BlockHash) -> Request<HexBytes> {
    Request::in_state("state_call", &(function, hex_bytes::text(arguments), at), at).about(function)
}

pub(crate) fn next_nonce(account: AccountId) -> Request<u32> {
    Request::new("system_accountNextIndex", &[account]).about(format!("the nonce of {account}")).now()
}

pub(crate) fn submit(extrinsic: &[u8]) -> Request<ExtrinsicHash> {
    Request::new(SUBMIT, &[hex_bytes::text(extrinsic)]).about("the submission").now()
}

/// Reads an answer as what was asked for.
pub(crate) fn read<T: DeserializeOwned>(answer: &RawValue) -> Result<T, RpcProblem> {
    serde_json::from_str(answer.get()).map_err(|error| RpcProblem::Garbled(error.to_string()))
}

/// Whether an answer reads as that.
pub(crate) fn reads<T: DeserializeOwned>(answer: &RawValue) -> bool {
    read::<T>(answer).is_ok()
}
