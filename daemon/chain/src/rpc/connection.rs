//! One WebSocket to one node: each request waits for its turn, and has a deadline.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use btd_api::BlockHash;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use subxt_rpcs::{
    RpcClient,
    client::{RpcParams, RpcSubscription},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Announced, Ask, Header, Request, RpcProblem, finalized_head, read};
use crate::{
    clock,
    dial::{Dial, DialError},
    endpoint::Endpoint,
    error::ConnectError,
    link::{LinkConfig, Node, Priority, Urgency},
};

/// Since when a request waits for its answer; none while it waits for its turn.
pub(crate) type SentAt = watch::Sender<Option<Instant>>;

/// What becomes of a request that is turned away because there are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WhenTurnedAway {
    /// It is made again when its turn comes.
    Repeat,
    /// It is left: another endpoint may take it.
    Leave,
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
    /// Why the connection is gone, once any request has found it so.
    broken: watch::Sender<Option<ConnectError>>,
    /// How many reads met its end by an answer that was too large, and were not told by another endpoint yet.
    overrun: AtomicUsize,
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
            broken: watch::Sender::new(None),
            overrun: AtomicUsize::new(0),
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
        read(&self.deliver(request, urgency, WhenTurnedAway::Repeat, None).await?)
    }

    /// The same for who reads the answer, which is handed on as it came, and wants to know how long it takes.
    pub(crate) async fn send_untyped(
        &self,
        request: &Request<Box<RawValue>>,
        urgency: &Urgency,
        sent: &SentAt,
    ) -> Result<Box<RawValue>, RpcProblem> {
        self.deliver(request, urgency, WhenTurnedAway::Repeat, Some(sent)).await
    }

    /// The same of an endpoint beside which there are others: a request that it turns away is not made again.
    pub(crate) async fn send_once(
        &self,
        request: &Request<Box<RawValue>>,
        urgency: &Urgency,
    ) -> Result<Box<RawValue>, RpcProblem> {
        self.deliver(request, urgency, WhenTurnedAway::Leave, None).await
    }

    async fn deliver<T>(
        &self,
        request: &Request<T>,
        urgency: &Urgency,
        when_turned_away: WhenTurnedAway,
        sent: Option<&SentAt>,
    ) -> Result<Box<RawValue>, RpcProblem> {
        let had_ended = self.broken.borrow().is_some();
        let asking = self.patiently(request, urgency, when_turned_away, sent);
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
        // What ended it was another request.
        let result = match result {
            Err(RpcProblem::Oversized) if had_ended => Err(RpcProblem::Cut("it had closed before".to_owned())),
            result => result,
        };
        if let Err(problem @ (RpcProblem::Cut(_) | RpcProblem::Oversized)) = &result {
            self.note_broken(problem);
        }
        result
    }

    /// The first that a request finds is what the connection is said to have ended by.
    fn note_broken(&self, problem: &RpcProblem) {
        let endpoint = self.endpoint.clone();
        let cause = match problem {
            RpcProblem::Oversized => ConnectError::Oversized { endpoint, limit: self.largest },
            _ => ConnectError::Cut { endpoint, reason: "the connection closed".to_owned() },
        };
        self.broken.send_if_modified(|broken| {
            let is_first = broken.is_none();
            broken.get_or_insert(cause);
            is_first
        });
    }

    /// Sends `request` until it is not turned away for being one of too many. By what keeps the link
    /// alive an endpoint is judged, so that is not repeated for long: another one may take it.
    async fn patiently<T>(
        &self,
        request: &Request<T>,
        urgency: &Urgency,
        when_turned_away: WhenTurnedAway,
        sent: Option<&SentAt>,
    ) -> Result<Box<RawValue>, RpcProblem> {
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
        let note_sent = |at: Option<Instant>| {
            if let Some(sent) = sent {
                sent.send_replace(at);
            }
        };
        let mut turned_away = None;
        loop {
            let Ok(turn) = clock::timeout(left(), self.node.budget.turn_of(urgency)).await else {
                return no_turn(turned_away.is_some());
            };
            let began = clock::now();
            // A turn in the last moment is none.
            if left().is_zero() {
                return no_turn(turned_away.is_some());
            }
            note_sent(Some(began));
            let answer = clock::timeout(left(), self.client.request_raw(request.method, request.params())).await;
            drop(turn);
            match answer.map_or(Err(RpcProblem::Deadline(self.deadline)), |answer| answer.map_err(RpcProblem::from)) {
                // What is sent or repeated in the last moment has no time for an answer, which is no silence.
                Err(RpcProblem::Deadline(_))
                    if turned_away.is_some() && is_following() && clock::since(began) < tolerated
                        || !request.is_submission() && clock::since(began) < self.deadline / 2 =>
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
                    note_sent(None);
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

    /// Completes when a request found the connection gone, and says why it is.
    pub(crate) async fn broken(&self) -> ConnectError {
        let mut broken = self.broken.subscribe();
        let cause = broken.wait_for(Option::is_some).await.ok().and_then(|broken| broken.clone());
        match cause {
            Some(cause) => cause,
            // Whoever tells is borrowed here, so that there is a cause.
            None => std::future::pending().await,
        }
    }

    /// A read met its end by an answer that was too large: its own, or that of one beside it.
    pub(crate) fn note_overrun(&self) {
        self.overrun.fetch_add(1, Ordering::Relaxed);
    }

    /// Another endpoint has told such a read. Whether that is so of all that met the end: which of them ended it nobody
    /// knows, and what everybody answers with too much is no endpoint's fault.
    pub(crate) fn were_all_told(&self) -> bool {
        self.overrun.fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// What a failed request says about the endpoint.
    pub(crate) fn fault(&self, what: &str, problem: RpcProblem) -> ConnectError {
        problem.fault(self.endpoint.clone(), what, self.largest)
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
