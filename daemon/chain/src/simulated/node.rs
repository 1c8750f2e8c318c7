//! The nodes of the simulated network, and what each of them answers. What may be wrong with one is in
//! `simulated/fault.rs`.
//!
//! Headers are real as far as their hashes go, which are made as they are asked for (`simulated/chain.rs`). In every
//! block is the one extrinsic that has no signer, and the metadata is a small one, of 2023.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use btd_api::BlockHash;
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream};
use serde_json::{Value as Json, json, value::RawValue};
use subxt_rpcs::{
    Error, RpcClient, RpcClientT, UserError,
    client::{RawRpcFuture, RawRpcSubscription},
};
use tokio::sync::watch;

use super::{
    chain::{self, Place},
    fault::Fault,
};
use crate::{
    clock,
    dial::{Dial, DialError},
    endpoint::Endpoint,
    link::LinkConfig,
};

const METADATA: &[u8] = include_bytes!("../../../../tests/vectors/metadata/metadata-103.scale");
/// Another runtime's.
const FALSE_METADATA: &[u8] = include_bytes!("../../../../tests/vectors/metadata/metadata-143.scale");
const SPEC: u32 = 425;
/// The place of `System.Events`, and what is there: that the one extrinsic succeeded.
const EVENTS_KEY: &str = "0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7";
const EVENTS: &str = "0x04000000000000000000000000";
/// The time between two blocks.
const PACE: Duration = Duration::from_secs(12);
/// So many blocks are not final yet.
const AHEAD: u32 = 2;
/// How long a node takes to answer.
const ANSWERING: Duration = Duration::from_millis(60);

/// Nodes of one chain.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    began: Instant,
    nodes: Vec<watch::Sender<Fault>>,
    /// When the chain stopped, if it did, and when it went on.
    halted: Mutex<Option<(Instant, Option<Instant>)>>,
    dials: AtomicU32,
    requests: AtomicU32,
    /// The block whose state has the next runtime.
    upgraded: AtomicU32,
}

/// A connection to one of them.
struct Session {
    shared: Arc<Shared>,
    fault: watch::Receiver<Fault>,
    /// Cancelled connections answer nothing any more.
    ended: Arc<watch::Sender<Option<&'static str>>>,
}

// === impl Network ===

impl Network {
    /// So many nodes; the chain has a hundred blocks.
    pub(crate) fn of(nodes: usize) -> Self {
        let began = clock::now().checked_sub(PACE * 100).unwrap();
        let nodes = (0..nodes).map(|_| watch::Sender::new(Fault::None)).collect();
        let (dials, requests, upgraded) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(u32::MAX));
        Self { shared: Arc::new(Shared { began, nodes, halted: Mutex::default(), dials, requests, upgraded }) }
    }

    /// The same, where the first node is followed and the others are archives.
    pub(crate) fn config_with_archives(&self) -> LinkConfig {
        let LinkConfig { mut endpoints, .. } = self.config();
        let archives = endpoints.split_off(1);
        LinkConfig { endpoints, archives, ..LinkConfig::default() }
    }

    /// The usual configuration, with these nodes.
    pub(crate) fn config(&self) -> LinkConfig {
        let endpoints = (0..self.shared.nodes.len()).map(|index| format!("ws://node-{index}").into()).collect();
        LinkConfig { endpoints, ..LinkConfig::default() }
    }

    pub(crate) fn give(&self, node: usize, fault: Fault) {
        self.shared.nodes[node].send_replace(fault);
    }

    /// No block is made from now on.
    pub(crate) fn halt(&self) {
        *self.shared.halted.lock().unwrap() = Some((clock::now(), None));
    }

    /// Blocks are made again.
    pub(crate) fn go_on(&self) {
        let mut halted = self.shared.halted.lock().unwrap();
        *halted = halted.map(|(since, _)| (since, Some(clock::now())));
    }

    /// The state behind block `number`, and behind those after it, has another runtime.
    pub(crate) fn upgrade_at(&self, number: u32) {
        self.shared.upgraded.store(number, Ordering::SeqCst);
    }

    /// The newest block.
    pub(crate) fn height(&self) -> u32 {
        self.shared.height()
    }

    /// The hash of a block.
    pub(crate) fn hash(number: u32) -> BlockHash {
        chain::hash(Place::main(number))
    }

    /// The hash of one that was in its place, and is not final.
    pub(crate) fn orphan(number: u32) -> BlockHash {
        chain::hash(Place::forked(number, number))
    }

    /// The hash of one on a branch that leaves the chain at block `forked`.
    pub(crate) fn branch(number: u32, forked: u32) -> BlockHash {
        if number < forked { Self::hash(number) } else { chain::hash(Place::forked(number, forked)) }
    }

    /// Attempts at a connection so far.
    pub(crate) fn dials(&self) -> u32 {
        self.shared.dials.load(Ordering::SeqCst)
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> u32 {
        self.shared.requests.load(Ordering::SeqCst)
    }
}

impl Dial for Network {
    fn resolve<'d>(&'d self, host: &'d str) -> BoxFuture<'d, Result<(), String>> {
        let index: usize = host.trim_start_matches("node-").parse().unwrap();
        async move {
            let mut fault = self.shared.nodes[index].subscribe();
            let now = *fault.wait_for(|fault| *fault != Fault::Nameless { resolver_answers: false }).await.unwrap();
            match now {
                Fault::Nameless { .. } => Err("Name or service not known".to_owned()),
                _ => Ok(()),
            }
        }
        .boxed()
    }

    fn dial<'d>(&'d self, endpoint: &'d Endpoint, _: &'d LinkConfig) -> BoxFuture<'d, Result<RpcClient, DialError>> {
        self.shared.dials.fetch_add(1, Ordering::SeqCst);
        let index: usize = endpoint.url().trim_start_matches("ws://node-").parse().unwrap();
        async move {
            clock::sleep(ANSWERING).await;
            let mut fault = self.shared.nodes[index].subscribe();
            let now = *fault.wait_for(|fault| *fault != Fault::HalfOpen).await.unwrap();
            match now {
                // The number is no status.
                Fault::Down => Err(DialError::Failed("port 4290 refused the connection".to_owned())),
                Fault::TooMany => Err(DialError::TurnedAway),
                _ => {
                    fault.mark_unchanged();
                    let ended = Arc::new(watch::Sender::new(None));
                    Ok(RpcClient::new(Session { shared: Arc::clone(&self.shared), fault, ended }))
                }
            }
        }
        .boxed()
    }
}

// === impl Shared ===

impl Shared {
    fn height(&self) -> u32 {
        let now = clock::now();
        let stood = match *self.halted.lock().unwrap() {
            Some((since, until)) => until.unwrap_or(now) - since,
            None => Duration::ZERO,
        };
        u32::try_from((now - self.began).saturating_sub(stood).as_secs() / PACE.as_secs()).unwrap()
    }

    /// What the node with this fault answers.
    fn answer(&self, fault: Fault, method: &str, params: &Json) -> Result<Json, Error> {
        let refused = |code, message: &str| Error::User(UserError { code, message: message.to_owned(), data: None });
        let height = match fault {
            Fault::Lags(last) | Fault::ForksTo { to: last, .. } => self.height().min(last),
            Fault::Invents { to, .. } => self.height().max(to),
            Fault::Syncs(behind) => self.height() - behind,
            _ => self.height(),
        };
        let of = |number| place(fault, number);
        // It has those, and what was replaced long ago.
        let best = if matches!(fault, Fault::Lags(_) | Fault::Syncs(_) | Fault::ForksTo { .. }) {
            height
        } else {
            height + AHEAD
        };
        let block = |param: usize| chain::place(&params[param]).filter(|place| place.number <= best);
        // The block in whose state it is asked to look.
        let at = params.as_array().and_then(|params| params.last()).filter(|_| method.starts_with("state_"));
        let at = at.and_then(chain::place).map(|place| place.number);
        let unknown = match (fault, method) {
            (Fault::Pruned(first), _) if at.is_some_and(|at| at < first) => Some("State already discarded for 0x5a"),
            (Fault::ForksStateless(_), _) if at.is_some() => Some("State already discarded for 0x5a"),
            (Fault::Synced(first), "state_getRuntimeVersion") if at.is_some_and(|at| at < first) => {
                Some("Expect block number from id: Hash(0x5a)")
            }
            (Fault::Synced(first), _) if at.is_some_and(|at| at < first) => {
                Some("Header was not found in the database: 0x5a")
            }
            (Fault::Cryptic(first), _) if at.is_some_and(|at| at < first) => {
                return Err(refused(-32_000, "no trie node 0x5a"));
            }
            _ => None,
        };
        if let Some(words) = unknown {
            return Err(refused(4003, &format!("Client error: UnknownBlock: {words}")));
        }
        let first = if let Fault::Synced(first) = fault { first } else { 0 };
        let block = |param: usize| block(param).filter(|place| place.number >= first);
        let header = |place: Place| match fault {
            Fault::OfAnother => chain::header(Place { stands_for: 1, ..place }),
            _ => chain::header(place),
        };
        let extrinsics =
            if fault == Fault::LeavesOut { vec![] } else { vec![format!("0x{}", hex::encode(chain::EXTRINSIC))] };
        Ok(match method {
            _ if matches!(fault, Fault::TooMany | Fault::Full) => return Err(refused(429, "too many requests")),
            "chain_getBlockHash" => match params[0].as_u64().map(|number| u32::try_from(number).unwrap()) {
                Some(0) if fault == Fault::OtherGenesis => json!(BlockHash([9; 32])),
                Some(number) if number != 0 && number < first => Json::Null,
                Some(number) if number <= best => match fault {
                    Fault::Misnames(first) if number != 0 && number < first => json!(chain::hash(of(number + 1))),
                    _ => json!(chain::hash(of(number))),
                },
                Some(_) => Json::Null,
                None => json!(chain::hash(of(best))),
            },
            "system_health" => {
                let is_alone = fault == Fault::Alone;
                let peers = if is_alone { 0 } else { 8 };
                json!({ "peers": peers, "isSyncing": matches!(fault, Fault::Syncs(_)), "shouldHavePeers": !is_alone })
            }
            "chain_getFinalizedHead" => json!(chain::hash(of(height))),
            "chain_getHeader" => block(0).map_or(Json::Null, header),
            "chain_getBlock" => block(0).map_or(Json::Null, |place| {
                json!({ "block": { "header": header(place), "extrinsics": extrinsics }, "justifications": null })
            }),
            "state_getStorage" if params[0] != EVENTS_KEY => match fault {
                Fault::Refuses => return Err(refused(-32603, "Internal error")),
                // Half of a byte.
                Fault::Garbles => json!("0x123"),
                _ => Json::Null,
            },
            "state_getStorage" if fault == Fault::Eventless => Json::Null,
            "state_getStorage" if fault == Fault::WithoutEvents => return Err(refused(-32_000, "busy")),
            "state_getStorage" => json!(EVENTS),
            "state_getRuntimeVersion" => {
                let is_upgraded = block(0).is_some_and(|place| place.number >= self.upgraded.load(Ordering::SeqCst));
                let spec = if is_upgraded || fault == Fault::Foretells { SPEC + 1 } else { SPEC };
                let spec = if let Fault::Spec(old) = fault { old } else { spec };
                json!({ "specVersion": spec, "transactionVersion": 1, "apis": [] })
            }
            "state_getMetadata" => {
                let is_false = matches!(fault, Fault::FalseMetadata | Fault::Foretells);
                let metadata = if is_false { FALSE_METADATA } else { METADATA };
                json!(format!("0x{}", hex::encode(metadata)))
            }
            // Its runtimes are older than any of the interfaces that are looked for.
            "state_call" => {
                let absent = format!("Exported method {} is not found", params[0].as_str().unwrap());
                return Err(refused(4003, &format!("Client error: Execution failed: Other: {absent}")));
            }
            _ => return Err(refused(-32601, "Method not found")),
        })
    }
}

/// Where block `number` of a node with this fault stands.
fn place(fault: Fault, number: u32) -> Place {
    match fault {
        Fault::Forks(from)
        | Fault::ForksStateless(from)
        | Fault::ForksTo { from, .. }
        | Fault::Invents { from, .. }
            if number >= from =>
        {
            Place::forked(number, from)
        }
        _ => Place::main(number),
    }
}

fn raw(json: &Json) -> Box<RawValue> {
    serde_json::value::to_raw_value(json).unwrap()
}

fn lost(reason: &'static str) -> Error {
    Error::Client(reason.into())
}

// === impl Session ===

impl Session {
    /// Why the connection has ended, if it has.
    fn end(&self) -> Option<&'static str> {
        let fault = *self.fault.borrow();
        if matches!(fault, Fault::Down | Fault::Nameless { .. })
            || fault == Fault::OtherGenesis && self.fault.has_changed().unwrap()
        {
            self.ended.send_replace(Some("connection closed"));
        }
        *self.ended.borrow()
    }

    async fn say(&self, method: &str, params: Json) -> Result<Box<RawValue>, Error> {
        self.shared.requests.fetch_add(1, Ordering::SeqCst);
        let began = *self.fault.borrow();
        let is_of_state = method == "state_getStorage" && params[0] != EVENTS_KEY;
        let taking = match began {
            Fault::Slow(seconds) => Duration::from_secs(seconds),
            Fault::Dawdles(seconds) if is_of_state => Duration::from_secs(seconds),
            _ => ANSWERING,
        };
        clock::sleep(taking).await;
        let mut fault = self.fault.clone();
        fault.wait_for(Fault::answers).await.unwrap();
        if let Some(reason) = self.end() {
            return Err(lost(reason));
        }
        let fault = *self.fault.borrow();
        if let Fault::Withholds(number) = fault
            && method == "chain_getBlock"
            && chain::place(&params[0]).is_some_and(|place| place.number == number)
        {
            std::future::pending::<()>().await;
        }
        if fault == Fault::Ignores && is_of_state {
            std::future::pending::<()>().await;
        }
        let floods = match fault {
            Fault::Oversized => method == "chain_getBlock",
            Fault::Floods => is_of_state,
            Fault::FloodsOf(byte) => is_of_state && params[0] == format!("0x{}", hex::encode([byte; 32])),
            _ => false,
        };
        if floods {
            self.ended.send_replace(Some("message too large"));
            return Err(lost("message too large"));
        }
        self.shared.answer(fault, method, &params).map(|answer| raw(&answer))
    }
}

impl RpcClientT for Session {
    fn request_raw<'a>(&'a self, method: &'a str, params: Option<Box<RawValue>>) -> RawRpcFuture<'a, Box<RawValue>> {
        let params = params.map_or(Json::Null, |params| serde_json::from_str(params.get()).unwrap());
        Box::pin(self.say(method, params))
    }

    fn subscribe_raw<'a>(
        &'a self,
        sub: &'a str,
        _: Option<Box<RawValue>>,
        _: &'a str,
    ) -> RawRpcFuture<'a, RawRpcSubscription> {
        Box::pin(async move {
            // What a subscription asks for is its first answer.
            self.say("chain_getFinalizedHead", Json::Null).await?;
            let is_best = sub == "chain_subscribeNewHeads";
            let session =
                Session { shared: Arc::clone(&self.shared), fault: self.fault.clone(), ended: Arc::clone(&self.ended) };
            let heads = stream::unfold((session, 0), move |(session, last)| async move {
                loop {
                    let mut fault = session.fault.clone();
                    fault.wait_for(Fault::answers).await.ok()?;
                    if session.end().is_some() {
                        return None;
                    }
                    let now = *session.fault.borrow();
                    let head = session.shared.answer(now, "chain_getFinalizedHead", &Json::Null).ok();
                    // A best block is a few blocks ahead of the finalized one.
                    let ahead = if is_best { AHEAD } else { 0 };
                    let told = head.as_ref().and_then(chain::place).map_or(last, |place| place.number + ahead);
                    if told > last {
                        return Some((Ok(raw(&chain::header(place(now, told)))), (session, told)));
                    }
                    clock::sleep(Duration::from_millis(200)).await;
                }
            });
            Ok(RawRpcSubscription { stream: heads.boxed(), id: Some("0".to_owned()) })
        })
    }
}
