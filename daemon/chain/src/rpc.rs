//! One connection to one node, and the requests that are made of it.
//!
//! A [`Request`] is data; a [`Connection`] sends it with a deadline and says how it failed. Nothing
//! is retried or reconnected here: that is the follower's decision (`link/follower.rs`), so the
//! client below is told never to reconnect on its own account.

use std::{future::Future, marker::PhantomData, time::Duration};

use btd_api::{AccountId, BlockHash, BlockNumber};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};
use subxt_rpcs::{
    RpcClient,
    client::{ReconnectingRpcClient, RpcParams, RpcSubscription},
};
use tokio_util::sync::CancellationToken;

use crate::{error::ConnectError, extrinsic::ExtrinsicHash, link::LinkConfig, value::hex_bytes};

/// A request whose answer reads as `T`.
#[derive(Debug)]
pub(crate) struct Request<T> {
    method: &'static str,
    params: Vec<Json>,
    what: String,
    answer: PhantomData<fn() -> T>,
}

/// Bytes that travel as `0x` hex.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct HexBytes(#[serde(with = "hex_bytes")] pub(crate) Vec<u8>);

/// A header, as much of it as is needed.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Header {
    pub(crate) parent_hash: BlockHash,
    #[serde(deserialize_with = "block_number")]
    pub(crate) number: BlockNumber,
}

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
}

/// The answer of `state_queryStorageAt`.
#[derive(Debug, Deserialize)]
pub(crate) struct Changes {
    pub(crate) changes: Vec<(HexBytes, Option<HexBytes>)>,
}

/// A number that nodes write as `0x` hex.
fn block_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BlockNumber, D::Error> {
    use serde::de::Error;
    match Json::deserialize(deserializer)? {
        Json::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        Json::String(text) => u32::from_str_radix(text.trim_start_matches("0x"), 16).ok(),
        _ => None,
    }
    .map(BlockNumber)
    .ok_or_else(|| D::Error::custom("not a block number"))
}

fn hex(bytes: &[u8]) -> Json {
    Json::String(format!("0x{}", hex::encode(bytes)))
}

// === impl Request ===

impl<T> Request<T> {
    fn new(method: &'static str, params: Vec<Json>) -> Self {
        Self { method, params, what: method.to_owned(), answer: PhantomData }
    }

    /// The same request, called `what` in messages.
    pub(crate) fn about(mut self, what: impl Into<String>) -> Self {
        self.what = what.into();
        self
    }

    /// What it is called in messages.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }
}

impl<T> Clone for Request<T> {
    fn clone(&self) -> Self {
        Self { method: self.method, params: self.params.clone(), what: self.what.clone(), answer: PhantomData }
    }
}

pub(crate) fn finalized_head() -> Request<BlockHash> {
    Request::new("chain_getFinalizedHead", vec![])
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
    Request::new("system_accountNextIndex", vec![json!(account)]).about(format!("the nonce of {account}"))
}

pub(crate) fn submit(extrinsic: &[u8]) -> Request<ExtrinsicHash> {
    Request::new("author_submitExtrinsic", vec![hex(extrinsic)]).about("the submission")
}

/// How a request failed.
#[derive(Debug)]
pub(crate) enum RpcProblem {
    /// No answer in time.
    Deadline(Duration),
    /// The connection is gone.
    Cut(String),
    /// The node answered with an error.
    Refused { code: i32, message: String, data: Option<String> },
    /// The answer does not read as what was asked for.
    Garbled(String),
}

impl From<subxt_rpcs::Error> for RpcProblem {
    fn from(error: subxt_rpcs::Error) -> Self {
        match error {
            subxt_rpcs::Error::User(said) => {
                let data = said.data.map(|raw| match serde_json::from_str(raw.get()) {
                    Ok(Json::String(text)) => text,
                    _ => raw.get().to_owned(),
                });
                Self::Refused { code: said.code, message: said.message, data }
            }
            subxt_rpcs::Error::Deserialization(reason) => Self::Garbled(reason.to_string()),
            subxt_rpcs::Error::Decode(reason) => Self::Garbled(reason.to_string()),
            other => Self::Cut(other.to_string()),
        }
    }
}

/// Something that answers requests: a connection, or the link with its second try.
pub(crate) trait Ask: Sync {
    /// How it reports failure.
    type Error: Send;

    /// Sends `request` and reads the answer.
    fn ask<T: DeserializeOwned + Send>(
        &self,
        request: Request<T>,
    ) -> impl Future<Output = Result<T, Self::Error>> + Send;

    /// An answer that reads, and still cannot be right.
    fn nonsense(&self, what: &str, reason: String) -> Self::Error;

    /// Whether the node itself said no, so that asking another way may help.
    fn is_refusal(error: &Self::Error) -> bool;
}

/// One WebSocket to one node.
#[derive(Debug)]
pub(crate) struct Connection {
    endpoint: String,
    client: RpcClient,
    deadline: Duration,
    /// Cancelled when any request found the connection gone.
    broken: CancellationToken,
}

// === impl Connection ===

impl Connection {
    /// Opens a WebSocket. Nothing is asked yet.
    pub(crate) async fn open(endpoint: &str, config: &LinkConfig) -> Result<Self, ConnectError> {
        let unreachable = |reason: String| ConnectError::Unreachable { endpoint: endpoint.to_owned(), reason };
        let opening = ReconnectingRpcClient::builder()
            .retry_policy(std::iter::empty::<Duration>())
            .max_response_size(config.max_response_bytes)
            // Our own deadlines come first; these only keep abandoned requests from staying for ever.
            .request_timeout(config.request_timeout().saturating_mul(2))
            .connection_timeout(config.connect_timeout())
            .build(endpoint);
        let client = match tokio::time::timeout(config.connect_timeout(), opening).await {
            Ok(opened) => opened.map_err(|error| unreachable(innermost(&error)))?,
            Err(_) => return Err(unreachable(format!("no handshake within {:?}", config.connect_timeout()))),
        };
        Ok(Self {
            endpoint: endpoint.to_owned(),
            client: RpcClient::new(client),
            deadline: config.request_timeout(),
            broken: CancellationToken::new(),
        })
    }

    /// The URL.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Sends `request`; the answer must come before the deadline.
    pub(crate) async fn send<T: DeserializeOwned>(&self, request: &Request<T>) -> Result<T, RpcProblem> {
        let mut params = RpcParams::new();
        for param in &request.params {
            params.push(param).map_err(|error| RpcProblem::Garbled(error.to_string()))?;
        }
        let answer = tokio::time::timeout(self.deadline, self.client.request(request.method, params));
        let result = match answer.await {
            Ok(answer) => answer.map_err(RpcProblem::from),
            Err(_) => Err(RpcProblem::Deadline(self.deadline)),
        };
        if matches!(result, Err(RpcProblem::Cut(_))) {
            self.broken.cancel();
        }
        result
    }

    /// The headers of finalized blocks as they come.
    pub(crate) async fn finalized_heads(&self) -> Result<RpcSubscription<Header>, ConnectError> {
        const METHOD: &str = "chain_subscribeFinalizedHeads";
        let opening = self.client.subscribe(METHOD, RpcParams::new(), "chain_unsubscribeFinalizedHeads");
        match tokio::time::timeout(self.deadline, opening).await {
            Ok(opened) => opened.map_err(|error| self.fault(METHOD, error.into())),
            Err(_) => Err(self.fault(METHOD, RpcProblem::Deadline(self.deadline))),
        }
    }

    /// Completes when a request found the connection gone.
    pub(crate) async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// What a failed request says about the endpoint.
    pub(crate) fn fault(&self, what: &str, problem: RpcProblem) -> ConnectError {
        let endpoint = self.endpoint.clone();
        match problem {
            RpcProblem::Deadline(after) => ConnectError::Silent { endpoint, what: what.to_owned(), after },
            RpcProblem::Cut(reason) => ConnectError::Cut { endpoint, reason },
            RpcProblem::Refused { code, message, .. } => {
                ConnectError::Unusable { endpoint, reason: format!("it refused {what}: {message} (code {code})") }
            }
            RpcProblem::Garbled(reason) => {
                ConnectError::Unusable { endpoint, reason: format!("its answer to {what} is something else: {reason}") }
            }
        }
    }
}

impl Ask for Connection {
    type Error = ConnectError;

    async fn ask<T: DeserializeOwned + Send>(&self, request: Request<T>) -> Result<T, ConnectError> {
        self.send(&request).await.map_err(|problem| self.fault(request.what(), problem))
    }

    fn nonsense(&self, what: &str, reason: String) -> ConnectError {
        self.fault(what, RpcProblem::Garbled(reason))
    }

    fn is_refusal(error: &ConnectError) -> bool {
        matches!(error, ConnectError::Unusable { .. })
    }
}

/// The message at the end of a chain of sources: the part that a person can act on.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
