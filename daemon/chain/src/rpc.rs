//! One connection to one node, and the requests that are made of it.
//!
//! A [`Request`] is data; a [`Connection`] sends it with a deadline and says how it failed. Nothing
//! is retried or reconnected here: that is the follower's decision (`link/follower.rs`). How the
//! connection is made is in `dial.rs`.

mod header;

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use btd_api::{AccountId, BlockHash, BlockNumber};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value as Json, json, value::RawValue};
use subxt_rpcs::{
    RpcClient,
    client::{RpcParams, RpcSubscription},
};
use tokio_util::sync::CancellationToken;

pub(crate) use self::header::{Announced, Header};
use crate::{
    clock,
    dial::{Dial, DialError},
    endpoint::Endpoint,
    error::ConnectError,
    extrinsic::ExtrinsicHash,
    link::{LinkConfig, Node, Priority, Urgency},
    value::hex_bytes,
};

/// A request whose answer reads as `T`.
#[derive(Debug)]
pub(crate) struct Request<T> {
    method: &'static str,
    params: Vec<Json>,
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
    Json::String(format!("0x{}", hex::encode(bytes)))
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
    fn is_submission(&self) -> bool {
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

/// What becomes of a request that is turned away because there are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WhenTurnedAway {
    /// It is made again when its turn comes.
    Repeat,
    /// It is left: another endpoint may take it.
    Leave,
}

/// How a request failed.
#[derive(Debug, Clone)]
pub(crate) enum RpcProblem {
    /// No answer in time.
    Deadline(Duration),
    /// Its turn did not come in so long: with `is_slowed` because the node turns requests away, maybe this one too.
    NoTurn { after: Duration, is_slowed: bool },
    /// The connection is gone.
    Cut(String),
    /// The connection was left for another one before the answer came.
    Left,
    /// The answer was larger than what is accepted, and took the connection with it.
    Oversized,
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
            other => Self::broken(other.to_string()),
        }
    }
}

// === impl RpcProblem ===

impl RpcProblem {
    /// A connection that ended. The transport tells an answer that is too large from any other end
    /// in words alone (`soketto::connection::Error::MessageTooLarge`; of a single frame above 256 MiB
    /// `soketto::base::Error::PayloadTooLarge`).
    fn broken(reason: String) -> Self {
        let is_too_large = ["message too large", "payload too large"].iter().any(|words| reason.contains(words));
        if is_too_large { Self::Oversized } else { Self::Cut(reason) }
    }

    /// Whether the endpoint turned the request away because there were too many. Nodes say so with
    /// -32999 (polkadot-sdk, `--rpc-rate-limit`). Proxies before them have no common code for it: these are
    /// HTTP's, and those of the large providers.
    pub(crate) fn is_rate_limit(&self) -> bool {
        matches!(self, Self::Refused { code: 429 | -32005 | -32029 | -32097 | -32999, .. })
    }
}

/// Something that answers requests: a connection, or the link with its second try.
pub(crate) trait Ask: Sync {
    /// How it reports failure.
    type Error: fmt::Display + Send;

    /// Sends `request`, reads the answer, and says whose word it is; nobody's where nobody has anything to tell.
    fn tell<T: DeserializeOwned + Send>(
        &self,
        request: Request<T>,
    ) -> impl Future<Output = Result<(T, Option<Endpoint>), Self::Error>> + Send;

    /// The same, whoever answers.
    fn ask<T: DeserializeOwned + Send>(
        &self,
        request: Request<T>,
    ) -> impl Future<Output = Result<T, Self::Error>> + Send {
        async move { Ok(self.tell(request).await?.0) }
    }

    /// An answer that reads, and still cannot be right.
    fn nonsense(&self, what: &str, reason: String) -> Self::Error;

    /// Whose word of a runtime counts whoever has named it: that of the endpoint that is followed.
    fn followed(&self) -> Option<Endpoint>;

    /// Whether the node itself said no, so that asking another way may help.
    fn is_refusal(error: &Self::Error) -> bool;

    /// Whether the node said that it does not keep what belongs to the block, or no more.
    fn is_gone(error: &Self::Error) -> bool;

    /// Whether the node did answer, and told nothing that can be used, for which it may have any reason.
    fn is_withheld(error: &Self::Error) -> bool;
}

/// What a node says beside its message, behind it.
pub(crate) fn with_data(message: String, data: Option<String>) -> String {
    match data {
        Some(data) => format!("{message}: {data}"),
        None => message,
    }
}

/// Whether a node says so that it has not, or no more, what belongs to a block, in the words of `sp_blockchain`: a node
/// that keeps few states has thrown it away, and one that began at a snapshot never had the block. Only blocks that
/// the chain has are asked about.
pub(crate) fn tells_gone(said: &str) -> bool {
    const WORDS: [&str; 3] = ["Header was not found", "Expect header", "Expect block number from id"];
    WORDS.iter().any(|words| said.contains(words)) || tells_discarded(said)
}

/// Whether a node says so that it had it once.
pub(crate) fn tells_discarded(said: &str) -> bool {
    said.contains("State already discarded")
}

/// Reads an answer as what was asked for.
pub(crate) fn read<T: DeserializeOwned>(answer: &RawValue) -> Result<T, RpcProblem> {
    serde_json::from_str(answer.get()).map_err(|error| RpcProblem::Garbled(error.to_string()))
}

/// One WebSocket to one node.
#[derive(Debug)]
pub(crate) struct Connection {
    node: Arc<Node>,
    endpoint: String,
    client: RpcClient,
    deadline: Duration,
    /// The largest answer that is accepted.
    largest: u32,
    /// When anything came from the node.
    heard: Mutex<Instant>,
    /// Cancelled when any request found the connection gone.
    broken: CancellationToken,
    /// Cancelled when it is followed no more, for whatever reason.
    left: CancellationToken,
}

// === impl Connection ===

impl Connection {
    /// Connects. Nothing is asked yet.
    pub(crate) async fn open(node: &Arc<Node>, dialer: &dyn Dial, config: &LinkConfig) -> Result<Self, ConnectError> {
        let endpoint = &node.endpoint;
        let unreachable = |reason: String| ConnectError::Unreachable { endpoint: endpoint.to_string(), reason };
        let refused = |error: DialError| match error {
            DialError::TurnedAway => ConnectError::RateLimited { endpoint: endpoint.to_string() },
            DialError::Failed(reason) => unreachable(reason),
        };
        // A resolver whose first server is dead asks the next one after five seconds, which is the usual limit.
        let (limit, began) = (config.connect_timeout(), clock::now());
        let longest = limit.saturating_add(limit / 2);
        if let Some(host) = endpoint.host_name() {
            let resolved = clock::timeout(longest, dialer.resolve(host)).await;
            resolved.unwrap_or_else(|_| Err(format!("no answer within {longest:?}"))).map_err(|reason| {
                ConnectError::Unresolved { endpoint: endpoint.to_string(), host: host.to_owned(), reason }
            })?;
        }
        // The client looks the name up again, which takes no longer as a rule.
        let allowed = limit.saturating_add(clock::since(began));
        let client = match clock::timeout(allowed, dialer.dial(endpoint, config)).await {
            Ok(opened) => opened.map_err(refused)?,
            Err(_) => return Err(unreachable(format!("no handshake within {limit:?}"))),
        };
        Ok(Self {
            node: Arc::clone(node),
            endpoint: endpoint.to_string(),
            client,
            deadline: config.request_timeout(),
            largest: config.max_response_bytes,
            heard: Mutex::new(clock::now()),
            broken: CancellationToken::new(),
            left: CancellationToken::new(),
        })
    }

    /// The URL, without what may be a key.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The endpoint with its record.
    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Sends `request` when its turn has come; the answer must come before the deadline.
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        request: &Request<T>,
        urgency: &Urgency,
    ) -> Result<T, RpcProblem> {
        self.deliver(request, urgency, WhenTurnedAway::Repeat).await
    }

    /// The same of an endpoint beside which there are others: a request that it turns away is not made again.
    pub(crate) async fn send_once<T: DeserializeOwned>(
        &self,
        request: &Request<T>,
        urgency: &Urgency,
    ) -> Result<T, RpcProblem> {
        self.deliver(request, urgency, WhenTurnedAway::Leave).await
    }

    async fn deliver<T: DeserializeOwned>(
        &self,
        request: &Request<T>,
        urgency: &Urgency,
        when_turned_away: WhenTurnedAway,
    ) -> Result<T, RpcProblem> {
        let asking = self.patiently(request, urgency, when_turned_away);
        // What was submitted may have been taken, and its answer, if one comes, is the only one that says so.
        let result = if request.is_submission() {
            asking.await
        } else {
            tokio::select! {
                biased;
                result = asking => result,
                () = self.left.cancelled() => Err(RpcProblem::Left),
            }
        };
        if matches!(result, Err(RpcProblem::Cut(_) | RpcProblem::Oversized)) {
            self.broken.cancel();
        }
        result
    }

    /// Sends `request` until it is not turned away for being one of too many. By what keeps the link
    /// alive an endpoint is judged, so that is not repeated for long: another one may take it.
    async fn patiently<T: DeserializeOwned>(
        &self,
        request: &Request<T>,
        urgency: &Urgency,
        when_turned_away: WhenTurnedAway,
    ) -> Result<T, RpcProblem> {
        const PAUSE: Duration = Duration::from_millis(500);
        const TOLERATED: Duration = Duration::from_secs(5);
        let until = clock::now() + self.deadline;
        let left = || until.saturating_duration_since(clock::now());
        let tolerated = TOLERATED.min(self.deadline / 2);
        let no_turn = |was_turned_away: bool| {
            let is_slowed = was_turned_away || self.node.budget.is_slowed(clock::now());
            Err(RpcProblem::NoTurn { after: self.deadline, is_slowed })
        };
        let is_following = || urgency.priority() == Priority::Following;
        let mut turned_away = None;
        loop {
            let Ok(turn) = clock::timeout(left(), self.node.budget.turn_of(urgency)).await else {
                return no_turn(turned_away.is_some());
            };
            let mut params = RpcParams::new();
            for param in &request.params {
                params.push(param).map_err(|error| RpcProblem::Garbled(error.to_string()))?;
            }
            let began = clock::now();
            // A turn in the last moment is none.
            if left().is_zero() {
                return no_turn(turned_away.is_some());
            }
            let answer = clock::timeout(left(), self.client.request(request.method, params)).await;
            drop(turn);
            match answer.map_or(Err(RpcProblem::Deadline(self.deadline)), |answer| answer.map_err(RpcProblem::from)) {
                // What is repeated in the last moment has no time for an answer, which is no silence.
                Err(RpcProblem::Deadline(_))
                    if turned_away.is_some() && is_following() && clock::since(began) < tolerated =>
                {
                    return no_turn(turned_away.is_some());
                }
                Err(lost @ (RpcProblem::Cut(_) | RpcProblem::Deadline(_))) => return Err(lost),
                Err(problem) if problem.is_rate_limit() => {
                    tracing::debug!(
                        endpoint = self.endpoint,
                        method = request.method,
                        "was turned away: too many requests"
                    );
                    self.node.budget.slow_down(PAUSE, clock::now());
                    let since = *turned_away.get_or_insert(began);
                    // A proxy may say so for a node that took the extrinsic, which then refuses it as a known one:
                    // whoever submits has to know before it is repeated.
                    let is_left = when_turned_away == WhenTurnedAway::Leave || request.is_submission();
                    if is_left || is_following() && clock::since(since) >= tolerated {
                        return Err(problem);
                    }
                }
                answer => {
                    self.hear();
                    self.node.note_answer(clock::since(began));
                    return answer;
                }
            }
        }
    }

    /// Notes that something came from the node.
    pub(crate) fn hear(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = clock::now();
    }

    /// Resolves when the node has said nothing for `patience` and gives no sign of life within as
    /// long again.
    pub(crate) async fn falls_silent(&self, patience: Duration) -> ConnectError {
        loop {
            let silent = clock::since(*self.heard.lock().unwrap_or_else(PoisonError::into_inner));
            if let Some(left) = patience.checked_sub(silent).filter(|left| !left.is_zero()) {
                clock::sleep(left).await;
                continue;
            }
            // Outside of the budget: waiting for a turn is not silence, and this is asked only when
            // nothing else comes.
            let sign = finalized_head();
            let answer = self.client.request::<BlockHash>(sign.method, RpcParams::new());
            let problem = match clock::timeout(patience, answer).await {
                Ok(answer) => answer.map_err(RpcProblem::from).err(),
                Err(_) => Some(RpcProblem::Deadline(patience)),
            };
            match problem {
                None | Some(RpcProblem::Refused { .. } | RpcProblem::Garbled(_)) => self.hear(),
                Some(problem) => return self.fault("a request for a sign of life", problem),
            }
        }
    }

    /// Finalized blocks as they are announced.
    pub(crate) async fn finalized_heads(&self) -> Result<RpcSubscription<Announced>, ConnectError> {
        self.heads("chain_subscribeFinalizedHeads", "chain_unsubscribeFinalizedHeads").await
    }

    /// The headers of best blocks as they come; a later one may take the place of an earlier.
    pub(crate) async fn best_heads(&self) -> Result<RpcSubscription<Header>, ConnectError> {
        self.heads("chain_subscribeNewHeads", "chain_unsubscribeNewHeads").await
    }

    async fn heads<T: DeserializeOwned>(
        &self,
        method: &'static str,
        end: &'static str,
    ) -> Result<RpcSubscription<T>, ConnectError> {
        let opening = self.client.subscribe(method, RpcParams::new(), end);
        match clock::timeout(self.deadline, opening).await {
            Ok(opened) => opened.map_err(|error| self.fault(method, error.into())),
            Err(_) => Err(self.fault(method, RpcProblem::Deadline(self.deadline))),
        }
    }

    /// Ends the requests that wait for an answer: they are made elsewhere. Not what was submitted.
    pub(crate) fn leave(&self) {
        self.left.cancel();
    }

    /// Completes when a request found the connection gone.
    pub(crate) async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// What a failed request says about the endpoint.
    pub(crate) fn fault(&self, what: &str, problem: RpcProblem) -> ConnectError {
        let endpoint = self.endpoint.clone();
        match problem {
            RpcProblem::NoTurn { is_slowed: true, .. } => ConnectError::RateLimited { endpoint },
            RpcProblem::Deadline(after) | RpcProblem::NoTurn { after, .. } => {
                ConnectError::Silent { endpoint, what: what.to_owned(), after }
            }
            RpcProblem::Cut(reason) => ConnectError::Cut { endpoint, reason },
            RpcProblem::Left => ConnectError::Cut { endpoint, reason: "it was left before the answer came".to_owned() },
            RpcProblem::Oversized => ConnectError::Oversized { endpoint, limit: self.largest },
            turned_away if turned_away.is_rate_limit() => ConnectError::RateLimited { endpoint },
            RpcProblem::Refused { code, message, data } => {
                let said = with_data(message, data);
                if tells_gone(&said) {
                    return ConnectError::Pruned { endpoint, what: what.to_owned(), reason: said };
                }
                ConnectError::Unusable { endpoint, reason: format!("it refused {what}: {said} (code {code})") }
            }
            RpcProblem::Garbled(reason) => {
                ConnectError::Unusable { endpoint, reason: format!("its answer to {what} is something else: {reason}") }
            }
        }
    }
}

impl Ask for Connection {
    type Error = ConnectError;

    async fn tell<T: DeserializeOwned + Send>(
        &self,
        request: Request<T>,
    ) -> Result<(T, Option<Endpoint>), ConnectError> {
        let urgency = Urgency::new(Priority::Following);
        let answer = self.send(&request, &urgency).await.map_err(|problem| self.fault(request.what(), problem))?;
        Ok((answer, Some(self.node.endpoint.clone())))
    }

    fn nonsense(&self, what: &str, reason: String) -> ConnectError {
        self.fault(what, RpcProblem::Garbled(reason))
    }

    fn followed(&self) -> Option<Endpoint> {
        Some(self.node.endpoint.clone())
    }

    fn is_refusal(error: &ConnectError) -> bool {
        matches!(error, ConnectError::Unusable { .. } | ConnectError::Pruned { .. })
    }

    fn is_gone(error: &ConnectError) -> bool {
        matches!(error, ConnectError::Pruned { .. })
    }

    fn is_withheld(error: &ConnectError) -> bool {
        matches!(error, ConnectError::Unusable { .. })
    }
}
