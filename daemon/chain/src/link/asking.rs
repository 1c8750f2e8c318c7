//! Asking the followed endpoint for state and blocks, and whom else where it has no answer or none that can be used.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt, future::BoxFuture};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Link, Node, Urgency, elsewhere::Reads, is_discarded, is_gone, merge::Answer};
use crate::{
    clock,
    endpoint::Endpoint,
    error::ReadError,
    rpc::{self, Ask, Connection, Question, Request, RpcProblem, SentAt},
};

/// A read that is not answered for so long is asked of another endpoint too: whoever waits for it has an answer within
/// the time in which a block is followed.
const PATIENCE: Duration = Duration::from_secs(7);

/// What one endpoint told, and which.
type Told = (Box<RawValue>, Endpoint);

// === impl Link ===

impl Link {
    /// Asks the followed endpoint; what it has thrown away, an archive.
    async fn answer(&self, request: Request<Box<RawValue>>, urgency: Urgency, reads: Reads) -> Answer {
        match self.answer_now(&request, &urgency, reads).await {
            Err(error) if is_gone(&error) => {
                let note = || {
                    if let Some(connection) = self.shared.connection.borrow().as_ref() {
                        connection.node().note_pruned();
                    }
                };
                if is_discarded(&error) {
                    note();
                }
                let (archived, teller) = match Box::pin(self.archived(&request, &urgency)).await {
                    Ok(Some(archived)) => archived,
                    Err(other) if !is_gone(&other) => return Err(other),
                    Ok(None) | Err(_) => return Err(error),
                };
                // What an archive has is a block of the chain, and not one that this node does not know yet.
                note();
                Ok((Arc::from(archived), teller))
            }
            other => other.map(|(answer, teller)| (Arc::from(answer), teller)),
        }
    }

    async fn answer_now(
        &self,
        request: &Request<Box<RawValue>>,
        urgency: &Urgency,
        reads: Reads,
    ) -> Result<Told, ReadError> {
        let mut connection = self.coming_connection().await?;
        let (began, timeout) = (clock::now(), self.shared.config.request_timeout());
        let mut was_cut = false;
        loop {
            let problem = match Box::pin(self.first_to_tell(request, urgency, &connection, reads)).await {
                Ok(told) => return Ok(told),
                Err(problem) => problem,
            };
            let left = timeout.saturating_sub(clock::since(began));
            let longest = match problem {
                // It may have been this request that ended the connection.
                RpcProblem::Cut(_) if !was_cut => timeout,
                // Most of its time may have gone by before the endpoint was found wanting.
                RpcProblem::Left if !left.is_zero() => left.max(timeout / 4),
                _ => return Err(Self::read_error(request, problem)),
            };
            was_cut |= matches!(problem, RpcProblem::Cut(_));
            match self.another_connection(&connection, longest).await {
                Some(next) => connection = next,
                None => return Err(Self::read_error(request, problem)),
            }
        }
    }

    /// What the endpoint of `connection` tells, or another one: the first of the two to answer where that one takes
    /// long, and the other where that one has failed in a way that may be its own.
    async fn first_to_tell(
        &self,
        request: &Request<Box<RawValue>>,
        urgency: &Urgency,
        connection: &Connection,
        reads: Reads,
    ) -> Result<Told, RpcProblem> {
        let node = connection.node();
        let (sent, failed) = (SentAt::new(None), CancellationToken::new());
        let patience = PATIENCE.min(self.shared.config.request_timeout() / 2);
        let mut asking = pin!(connection.send_untyped(request, urgency, &sent));
        let mut other = pin!(async {
            tokio::select! {
                () = unanswered_for(patience, sent.subscribe()) => {}
                () = failed.cancelled() => {}
            }
            Box::pin(self.elsewhere(request, urgency, node, &reads)).await
        });
        let (problem, told) = tokio::select! {
            biased;
            answered = &mut asking => match answered {
                Ok(answer) => return Ok((answer, node.endpoint.clone())),
                Err(problem) if !problem.may_be_its_own() => return Err(problem),
                Err(problem) => {
                    if matches!(problem, RpcProblem::Oversized) {
                        connection.note_overrun();
                    }
                    failed.cancel();
                    (problem, other.await)
                }
            },
            told = &mut other => {
                let Some((by, answer, teller)) = told else {
                    let answered = asking.await;
                    if matches!(answered, Err(RpcProblem::Oversized)) {
                        connection.note_overrun();
                    }
                    return answered.map(|answer| (answer, node.endpoint.clone()));
                };
                let waited = sent.borrow().map_or(Duration::ZERO, clock::since);
                // It was turned away meanwhile, which is no silence.
                if waited < patience {
                    return Ok((answer, teller));
                }
                (RpcProblem::Deadline(waited), Some((by, answer, teller)))
            }
        };
        let Some((by, answer, teller)) = told else { return Err(problem) };
        if !matches!(problem, RpcProblem::Oversized) || connection.were_all_told() {
            self.hold_against(node, by, request, problem);
        }
        Ok((answer, teller))
    }

    /// What another endpoint tells, for all who ask the same meanwhile, in the place of an answer of `teller` that says
    /// something else than it should, as `reason` has it, if what that one tells `reads`; none where nobody does, or an
    /// archive was the teller, which is the last that is asked.
    pub(crate) async fn instead(
        &self,
        request: &Request<Box<RawValue>>,
        teller: Option<&Endpoint>,
        reason: String,
        reads: impl Fn(&RawValue) -> bool + Send + Sync + 'static,
    ) -> Option<Arc<RawValue>> {
        let wanting = self.wanting(teller?)?;
        let question = request.question().map(Question::of_another);
        let problem = RpcProblem::Garbled(reason);
        let asked = self.together(question, request, move |link, request, urgency| {
            async move { link.told_by_another(&request, &urgency, &wanting, problem, &reads).await }.boxed()
        });
        asked.await.ok().map(|(answer, _)| answer)
    }

    /// What another endpoint than `wanting` tells, with whose answer there is `problem`: that is held against it.
    async fn told_by_another(
        &self,
        request: &Request<Box<RawValue>>,
        urgency: &Urgency,
        wanting: &Node,
        problem: RpcProblem,
        reads: &(dyn Fn(&RawValue) -> bool + Send + Sync),
    ) -> Answer {
        let told = self.elsewhere(request, urgency, wanting, reads).await;
        let Some((by, answer, teller)) = told else { return Err(Self::read_error(request, problem)) };
        self.hold_against(wanting, by, request, problem);
        Ok((Arc::from(answer), teller))
    }

    /// The endpoint that told something, if it is one of those that are followed.
    fn wanting(&self, teller: &Endpoint) -> Option<Arc<Node>> {
        self.shared.pool.followed().iter().find(|node| node.endpoint == *teller).cloned()
    }

    /// Has `begin` ask, for all who ask the same meanwhile, if the same answer serves all.
    async fn together<T>(
        &self,
        question: Option<Question>,
        request: &Request<T>,
        begin: impl FnOnce(Self, Request<Box<RawValue>>, Urgency) -> BoxFuture<'static, Answer>,
    ) -> Answer {
        let (link, untyped) = (self.clone(), request.untyped());
        match question {
            Some(question) => {
                let begin = move |urgency| begin(link, untyped, urgency);
                self.shared.flights.join(question, self.priority, begin).await
            }
            None => begin(link, untyped, Urgency::new(self.priority)).await,
        }
    }

    pub(super) fn read_error<T>(request: &Request<T>, problem: RpcProblem) -> ReadError {
        let what = request.what().to_owned();
        match problem {
            RpcProblem::Deadline(after) => ReadError::Deadline { what, after },
            RpcProblem::NoTurn { after, is_slowed } => ReadError::NoTurn { what, after, is_slowed },
            RpcProblem::Oversized => ReadError::Oversized { what },
            RpcProblem::Cut(_) | RpcProblem::Left => ReadError::Cut { what },
            RpcProblem::Refused { code, message, data } => {
                ReadError::Refused { what, code, message: rpc::with_data(message, data) }
            }
            RpcProblem::Garbled(reason) => ReadError::Garbled { what, reason },
        }
    }
}

/// Resolves once a request has waited so long for its answer, since it was sent last: not while it waits for its turn.
async fn unanswered_for(patience: Duration, mut sent: watch::Receiver<Option<Instant>>) {
    loop {
        let since = *sent.borrow_and_update();
        let waiting = async {
            match since {
                Some(since) => clock::sleep_until(since + patience).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = waiting => return,
            // Whoever sends it keeps the other end for as long as this is waited for.
            _ = sent.changed() => {}
        }
    }
}

/// Reads are safe to repeat, and one read may take several requests: a loss in the middle is waited
/// out for as long as a request may take, and a request that was cut off is asked once more. One whose endpoint is left
/// meanwhile, because it is silent or another one is better, is asked of the next in what is left of its time; one that
/// it does not answer for long, refuses for a reason of its own, or answers with what cannot be read is asked once of
/// another one. Reads that are pinned at a block are shared by all who make them at the same time. What must fail at
/// once without a link looks for the connection first.
impl Ask for Link {
    type Error = ReadError;

    /// The word is that of the followed endpoint, or of the one that told what it has no more, or did not tell.
    async fn tell<T: DeserializeOwned + Send>(&self, request: Request<T>) -> Result<(T, Option<Endpoint>), ReadError> {
        let reads: Reads = rpc::reads::<T>;
        let asked = self.together(request.question(), &request, move |link, request, urgency| {
            async move { link.answer(request, urgency, reads).await }.boxed()
        });
        let (answer, teller) = asked.await?;
        let problem = match rpc::read(&answer) {
            Ok(answer) => return Ok((answer, Some(teller))),
            Err(problem) => problem,
        };
        // An archive is the last that is asked.
        let Some(wanting) = self.wanting(&teller) else { return Err(Self::read_error(&request, problem)) };
        let question = request.question().map(Question::of_another);
        let asked = self.together(question, &request, move |link, request, urgency| {
            async move { link.told_by_another(&request, &urgency, &wanting, problem, &reads).await }.boxed()
        });
        let (answer, teller) = asked.await?;
        let answer = rpc::read(&answer).map_err(|problem| Self::read_error(&request, problem))?;
        Ok((answer, Some(teller)))
    }

    fn nonsense(&self, what: &str, reason: String) -> ReadError {
        ReadError::Garbled { what: what.to_owned(), reason }
    }

    fn followed(&self) -> Option<Endpoint> {
        self.connection().ok().map(|connection| connection.node().endpoint.clone())
    }

    fn is_refusal(error: &ReadError) -> bool {
        matches!(error, ReadError::Refused { .. })
    }

    fn is_gone(error: &ReadError) -> bool {
        is_gone(error)
    }

    fn is_withheld(error: &ReadError) -> bool {
        matches!(error, ReadError::Refused { .. } | ReadError::Garbled { .. }) && !is_gone(error)
    }
}
