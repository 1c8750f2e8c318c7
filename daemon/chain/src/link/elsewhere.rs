//! What the followed endpoint leaves unanswered while it goes on bringing blocks.
//!
//! Such an endpoint is neither silent nor behind, and what it does answer comes in time, so that nothing else shows it.
//! So a read that it left unanswered is asked once of another endpoint that is well, over a connection of its own.
//! What that one answers the followed one could have answered too: when that has happened a few times, it is left, and not
//! gone back to for a while. What nobody answers may ask for too much, which is no endpoint's fault.

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

/// An endpoint is left once another one has answered so many reads that it had left unanswered.
const TOLERATED: usize = 3;
/// How long that is held against it.
const TERM: Duration = Duration::from_mins(10);
/// How many reads are asked elsewhere at the same time.
const AT_ONCE: usize = 4;

/// Who is asked elsewhere, and what that has shown.
#[derive(Debug)]
pub(super) struct Elsewhere {
    turns: Semaphore,
    /// The last endpoint that is to be left for it.
    outdone: watch::Sender<Option<Outdone>>,
}

/// An endpoint that leaves unanswered what another one answers; both by their places in the pool.
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
    /// Asks another endpoint than `silent`, which has not answered, for half as long; none where there is none that is
    /// well, or it does not answer either. Only what is in the state of a block is the same wherever it is asked.
    pub(super) async fn elsewhere(
        &self,
        request: &Request<Box<RawValue>>,
        urgency: &Urgency,
        silent: &Connection,
    ) -> Option<(Box<RawValue>, Endpoint)> {
        let shared = &self.shared;
        if !request.may_be_nothing() {
            return None;
        }
        let _turn = shared.elsewhere.turns.try_acquire().ok()?;
        let longest = shared.config.request_timeout() / 2;
        let asked = clock::timeout(longest, ask_another(shared, request, urgency, silent.node())).await;
        let (by, answer, endpoint) = asked.ok().flatten()?;
        let unanswered = silent.node().note_unanswered(TERM, clock::now());
        let place = |node: &Arc<Node>| Arc::ptr_eq(node, silent.node());
        if let Some(silent_at) = shared.pool.followed().iter().position(place)
            && unanswered >= TOLERATED
        {
            let cause = silent.fault(request.what(), RpcProblem::Deadline(shared.config.request_timeout()));
            shared.elsewhere.outdone.send_replace(Some(Outdone { silent: silent_at, by, cause }));
        }
        Some((answer, endpoint))
    }
}

/// Asks the others in turn until one answers.
async fn ask_another(
    shared: &Shared,
    request: &Request<Box<RawValue>>,
    urgency: &Urgency,
    silent: &Arc<Node>,
) -> Option<(usize, Box<RawValue>, Endpoint)> {
    for (index, node) in shared.pool.followed().iter().enumerate() {
        if Arc::ptr_eq(node, silent) || !may_be_asked(shared, node) {
            continue;
        }
        let connection = match connect(shared, node).await {
            Ok(connection) => connection,
            Err(cause) => {
                tracing::debug!(endpoint = %node.endpoint, %cause, "another endpoint could not be asked");
                continue;
            }
        };
        match connection.send_once(request, urgency).await {
            Ok(answer) => return Some((index, answer, node.endpoint.clone())),
            Err(problem) => {
                tracing::debug!(endpoint = %node.endpoint, ?problem, "another endpoint did not answer either");
            }
        }
    }
    None
}

/// Whether an endpoint is well as far as is known, and would be followed.
fn may_be_asked(shared: &Shared, node: &Node) -> bool {
    let now = clock::now();
    let may_be_followed = !node.is_joined() || shared.witnesses.anchor.block().is_some();
    may_be_followed && node.rests(now).is_none() && !is_unanswering(node)
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

/// Resolves when the endpoint in use is to be left for one that answers what it leaves unanswered.
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
mod tests {
    use super::{super::endurance::over, *};
    use crate::{
        ReadError,
        rpc::{self, Ask, HexBytes},
        simulated::{Fault, Network},
    };

    /// Reads what is stored somewhere in the state of a block, and says how long that took.
    async fn read(link: &Link) -> (Result<Option<HexBytes>, ReadError>, Duration) {
        let began = clock::now();
        let told = link.ask(rpc::storage(&[1; 32], Network::hash(50))).await;
        (told, clock::since(began))
    }

    fn is_followed(link: &Link, node: &str) -> bool {
        link.followed().is_some_and(|endpoint| endpoint.to_string().contains(node))
    }

    #[test]
    fn what_one_endpoint_leaves_unanswered_another_one_answers() {
        over(2, async |link, network| {
            network.give(0, Fault::Ignores);
            for turn in 0..TOLERATED {
                assert!(is_followed(link, "node-0"), "it was left before read {turn}");
                let (told, took) = read(link).await;
                assert!(matches!(told, Ok(None)), "read {turn}: {told:?}");
                assert!(took <= Duration::from_secs(22), "read {turn}: {took:?}");
            }
            clock::sleep(Duration::from_secs(2)).await;
            assert!(is_followed(link, "node-1"));
            assert_eq!(link.endpoints()[0].trouble.as_ref().map(ConnectError::name), Some("silent"));
            let (told, took) = read(link).await;
            assert!(matches!(told, Ok(None)) && took <= Duration::from_secs(1), "{told:?} after {took:?}");
            // Its blocks say nothing about that, and after a while it may be well again.
            network.give(0, Fault::None);
            clock::sleep(TERM / 2).await;
            assert!(is_followed(link, "node-1"));
            clock::sleep(TERM).await;
            assert!(is_followed(link, "node-0"));
        });
    }

    #[test]
    fn what_nobody_answers_is_held_against_none() {
        over(2, async |link, network| {
            (0..2).for_each(|node| network.give(node, Fault::Ignores));
            for turn in 0..=TOLERATED {
                let (told, took) = read(link).await;
                assert!(matches!(told, Err(ReadError::Deadline { .. })), "read {turn}: {told:?}");
                assert!(took <= Duration::from_secs(31), "read {turn}: {took:?}");
            }
            clock::sleep(Duration::from_secs(2)).await;
            assert!(is_followed(link, "node-0"));
        });
    }
}
