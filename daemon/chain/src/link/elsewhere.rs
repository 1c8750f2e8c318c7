//! What the followed endpoint does not tell while it goes on bringing blocks.
//!
//! Such an endpoint is neither silent nor behind, and what it does answer comes in time, so that nothing else shows it.
//! So a read that it leaves unanswered for long (`asking.rs`), refuses for a reason of its own, or answers with too much or
//! with what cannot be read, is asked once of another endpoint that is well, over a connection of its own.
//! What that one answers the followed one could have answered too: when that has happened a few times, it is left, and not
//! gone back to for a while; others are asked before it. Many reads that fail together are one trouble. What nobody answers
//! may ask for too much, which is no endpoint's fault; nor is it one that an old state is not there any more, in whatever
//! words.

use std::{sync::Arc, time::Duration};

use serde_json::value::RawValue;
use tokio::sync::{Semaphore, watch};

use super::{Link, Shared, Urgency, anchor, follower, pool::Node, scout::Leave};
use crate::{
    clock,
    endpoint::Endpoint,
    error::ConnectError,
    rpc::{Connection, Request, RpcProblem},
};

/// An endpoint is left once another one has told so much that it had not.
const TOLERATED: usize = 3;
/// How long that is held against it.
const TERM: Duration = Duration::from_mins(10);
/// What it leaves unanswered within a block's time is one trouble, for several reads are always under way; or within the
/// longest rest of an endpoint that failed, if that is less.
const INCIDENT: Duration = Duration::from_secs(12);
/// How many reads are asked elsewhere at the same time; others wait for their turn.
const AT_ONCE: usize = 4;

/// Whether an answer reads as what was asked for.
pub(super) type Reads = fn(&RawValue) -> bool;

/// Who is asked elsewhere, and what that has shown.
#[derive(Debug)]
pub(super) struct Elsewhere {
    turns: Semaphore,
    /// The last endpoint that is to be left for it.
    outdone: watch::Sender<Option<Outdone>>,
}

/// An endpoint that does not tell what another one tells; both by their places in the pool.
#[derive(Debug, Clone)]
struct Outdone {
    silent: usize,
    by: usize,
    cause: ConnectError,
}

impl Default for Elsewhere {
    fn default() -> Self {
        Self { turns: Semaphore::new(AT_ONCE), outdone: watch::Sender::new(None) }
    }
}

// === impl Link ===

impl Link {
    /// Asks another endpoint than `wanting`, which has not told it, for half as long, and says by its place in the pool
    /// which one has answered; none where there is none that is well, or it does not answer either. Only what is in the
    /// state of a block is the same wherever it is asked.
    pub(super) async fn elsewhere(
        &self,
        request: &Request<Box<RawValue>>,
        urgency: &Urgency,
        wanting: &Node,
        reads: &(dyn Fn(&RawValue) -> bool + Send + Sync),
    ) -> Option<(usize, Box<RawValue>, Endpoint)> {
        let shared = &self.shared;
        if !request.may_be_nothing() {
            return None;
        }
        let longest = shared.config.request_timeout() / 2;
        let asking = async {
            let _turn = shared.elsewhere.turns.acquire().await.ok()?;
            ask_another(shared, request, urgency, wanting, reads).await
        };
        clock::timeout(longest, asking).await.ok().flatten()
    }

    /// Holds it against `wanting` that `by` has told what it has not because of `problem`. Not where it refuses what is
    /// old: of its own accord a node keeps few states, and some say so in words of their own; nor where it names a limit of
    /// its own. Nor where `by` is itself one that was left, for which nobody is to be left in turn.
    pub(super) fn hold_against<T>(&self, wanting: &Node, by: usize, request: &Request<T>, problem: RpcProblem) {
        let shared = &self.shared;
        let is_recent = || request.at().is_some_and(|at| shared.recent.number(at).is_some());
        if problem.is_of_its_limits() || matches!(problem, RpcProblem::Refused { .. }) && !is_recent() {
            return;
        }
        if shared.pool.followed().get(by).is_none_or(|teller| is_unanswering(teller)) {
            return;
        }
        let incident = INCIDENT.min(shared.config.retry_max());
        let unanswered = wanting.note_unanswered(TERM, incident, clock::now());
        let place = |node: &Arc<Node>| std::ptr::eq(Arc::as_ptr(node), wanting);
        if let Some(silent) = shared.pool.followed().iter().position(place)
            && unanswered >= TOLERATED
        {
            let endpoint = wanting.endpoint.to_string();
            let cause = problem.fault(endpoint, request.what(), shared.config.max_response_bytes);
            shared.elsewhere.outdone.send_replace(Some(Outdone { silent, by, cause }));
        }
    }
}

/// Asks the others in turn until one answers: those first that have not failed, then those that have been ready again
/// for longest, and those last that have lately left too much unanswered.
async fn ask_another(
    shared: &Shared,
    request: &Request<Box<RawValue>>,
    urgency: &Urgency,
    wanting: &Node,
    reads: &(dyn Fn(&RawValue) -> bool + Send + Sync),
) -> Option<(usize, Box<RawValue>, Endpoint)> {
    let others = shared.pool.followed().iter().enumerate();
    let others = others.filter(|(_, node)| !std::ptr::eq(Arc::as_ptr(node), wanting) && may_be_asked(shared, node));
    let mut others: Vec<_> = others.collect();
    others.sort_by_cached_key(|(_, node)| (is_unanswering(node), node.ready_at()));
    for (index, node) in others {
        let connection = match connect(shared, node).await {
            Ok(connection) => connection,
            Err(cause) => {
                tracing::debug!(endpoint = %node.endpoint, %cause, "another endpoint could not be asked");
                continue;
            }
        };
        match connection.send_once(request, urgency).await {
            Ok(answer) if reads(&answer) => {
                node.note_told(clock::now());
                return Some((index, answer, node.endpoint.clone()));
            }
            Ok(_) => {
                let what = request.what();
                tracing::debug!(endpoint = %node.endpoint, what, "the answer of another endpoint cannot be read either");
            }
            Err(problem) => {
                tracing::debug!(endpoint = %node.endpoint, ?problem, "another endpoint did not answer either");
            }
        }
    }
    None
}

/// Whether an endpoint does not rest, and could be followed.
fn may_be_asked(shared: &Shared, node: &Node) -> bool {
    let now = clock::now();
    let may_be_followed = !node.is_joined() || shared.witnesses.anchor.block().is_some();
    may_be_followed && node.rests(now).is_none()
}

async fn connect(shared: &Shared, node: &Arc<Node>) -> Result<Connection, ConnectError> {
    let connection = Connection::open(node, &*shared.dialer, &shared.config).await?;
    follower::check_genesis(shared, &connection).await?;
    // One that joined may be of another history than the node behind which it stands.
    if node.is_joined() {
        let newest = follower::newest(&connection).await?;
        anchor::check(shared, &connection, newest).await?;
    }
    Ok(connection)
}

/// Whether an endpoint has lately left too much unanswered to be gone back to.
pub(super) fn is_unanswering(node: &Node) -> bool {
    node.unanswered(TERM, clock::now()) >= TOLERATED
}

/// Resolves when the endpoint in use is to be left for one that tells what it does not.
pub(super) async fn outdone(shared: &Shared, active: usize) -> Leave {
    let mut news = shared.elsewhere.outdone.subscribe();
    loop {
        // The sender is among what is shared, so this is news and no end.
        if news.changed().await.is_err() {
            return std::future::pending().await;
        }
        let told = news.borrow_and_update().clone();
        if let Some(Outdone { by, cause, .. }) = told.filter(|told| told.silent == active) {
            return Leave::For(by, cause);
        }
    }
}

#[cfg(test)]
mod tests;
