//! The task that keeps the link alive and follows finalized blocks by number.
//!
//! Heads are heard in `follower/heads.rs`, and blocks read in `follower/reading.rs`; what was followed is given up in
//! `follower/disowning.rs`. One endpoint at a time, the preferred one that is well (`pool.rs`), or the one for which
//! another was left. An endpoint counts by the blocks it brings, not by its open socket: one that is silent, stale, slow,
//! behind another (`scout.rs`), on another chain (`follower/genesis.rs`) or in contradiction to finalized history, or that
//! does not answer what another one does (`elsewhere.rs`), is left for the next.
//! After a short outage the missing blocks are read first; after a long one the newest block is
//! followed at once, and readers fetch the rest by number, so that nobody waits for a week of
//! blocks before he learns the present. The same holds of blocks whose state no endpoint has any more, in
//! whatever words.

mod disowning;
mod genesis;
mod heads;
mod reading;

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};

use btd_api::BlockNumber;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::heads::{Told, listen};
pub(super) use self::{genesis::check_genesis, heads::newest};
use super::{
    Finality, Head, LinkState, Seen, Shared, Standing, best,
    branch::Trail,
    elsewhere, leap,
    scout::{self, Leave},
    withheld::Withheld,
    witnesses::{self, Word},
};
use crate::{block::FinalizedBlock, clock, endpoint::Endpoint, error::ConnectError, fetch, rpc::Connection};

/// The shortest pause between two attempts, whatever endpoints they are at.
const GAP: Duration = Duration::from_millis(250);
/// So long after a connection was found to have ended a request may say by what.
const MOMENT: Duration = Duration::from_millis(50);

/// The long task behind a [`Link`](super::Link). Dropping it leaves the link without new blocks.
#[derive(Debug)]
pub struct Follower {
    shared: Arc<Shared>,
    last: Option<Seen>,
    /// Attempts since a block was followed.
    attempts: u32,
    /// The endpoints that were tried since then.
    tried: BTreeSet<usize>,
    withheld: Withheld,
    /// What was followed, to find from where on the chain is another one.
    trail: Trail,
    /// How often the chain went on from elsewhere than where it was followed to.
    generation: u64,
    /// Whether what the named nodes have told gives way to the next block that one of them brings.
    gives_way: bool,
    /// The newest blocks of the named nodes that were not followed since, because they do not have what such nodes
    /// have told.
    refused: BTreeMap<Endpoint, BlockNumber>,
}

/// A block as the endpoint in use has told it.
enum Read {
    /// What it holds, and what it makes the newest of the chain.
    Told(Box<(FinalizedBlock, Head)>),
    /// Neither this endpoint nor any other tells the runtime of the block, or of the one before, for long enough: its
    /// state is gone, whatever they say of it.
    Untold(ConnectError),
}

/// Never returned: following an endpoint only ends with an error.
enum Never {}

// === impl Follower ===

impl Follower {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            last: None,
            attempts: 0,
            tried: BTreeSet::new(),
            withheld: Withheld::default(),
            trail: Trail::default(),
            generation: 0,
            gives_way: false,
            refused: BTreeMap::new(),
        }
    }

    /// Follows the chain until `stop` is cancelled. Failures are states, never the end.
    pub async fn run(mut self, stop: CancellationToken) {
        let _ = Box::pin(stop.run_until_cancelled(self.keep_following())).await;
        self.shared.connection.send_replace(None);
    }

    async fn keep_following(&mut self) -> Never {
        let mut cause = None;
        // The endpoint for which another one was left.
        let mut better = None;
        loop {
            let next = better.take().or_else(|| self.next(clock::now()).map(|(index, _)| index));
            // There is an endpoint: the configuration was checked.
            let Some(index) = next else { std::future::pending().await };
            let node = Arc::clone(&self.shared.pool.followed()[index]);
            self.attempts = self.attempts.saturating_add(1);
            self.tried.insert(index);
            let (attempt, last) = (self.attempts, self.last);
            tracing::debug!(endpoint = %node.endpoint, attempt, "connecting to the chain");
            let connecting = LinkState::Connecting { endpoint: node.endpoint.to_string(), attempt, last, cause };
            self.shared.state.send_replace(connecting);
            let Err(leave) = self.serve(index).await;
            self.shared.connection.send_replace(None);
            self.shared.best.send_replace(None);
            let (lost, is_disowned, is_replaced) = match leave {
                Leave::Failed(lost) => (lost, false, false),
                Leave::For(other, lost) => {
                    better = Some(other);
                    (lost, false, false)
                }
                Leave::Disowned(lost) => (lost, true, false),
                Leave::Replaced(by, lost) => {
                    better = Some(by);
                    (lost, true, true)
                }
            };
            let now = clock::now();
            // What it has taken over was not its own.
            if is_replaced || matches!(lost, ConnectError::Superseded { .. }) {
                node.note_left();
            } else {
                node.note_failure(lost.clone(), self.shared.config.retry_max(), now, jitter);
            }
            if is_disowned || self.is_forsaken(now) {
                self.disown(&lost, is_replaced);
            }
            let rest = self.next(now).filter(|_| better.is_none()).map(|(_, rest)| rest);
            let retry_after = rest.unwrap_or_default().max(jitter(GAP.min(self.shared.config.retry_max())));
            tracing::info!(endpoint = %node.endpoint, cause = lost.name(), reason = %lost, ?retry_after, "lost the chain");
            let last = self.last;
            self.shared.state.send_replace(LinkState::Lost { last, since: now, cause: lost.clone(), retry_after });
            cause = Some(lost);
            clock::sleep(retry_after).await;
        }
    }

    /// The endpoint to try next, and how long to wait before.
    fn next(&self, now: Instant) -> Option<(usize, Duration)> {
        self.shared.pool.next(now, self.may_follow_joined())
    }

    /// Whether those that joined may be followed: they go on from what the nodes have told behind which they stand.
    fn may_follow_joined(&self) -> bool {
        self.shared.witnesses.anchor.block().is_some()
    }

    /// Follows one endpoint until it fails, falls silent, or another one is better.
    async fn serve(&mut self, index: usize) -> Result<Never, Leave> {
        let shared = Arc::clone(&self.shared);
        let node = &shared.pool.followed()[index];
        let connection = Connection::open(node, &*shared.dialer, &shared.config).await.map_err(Leave::Failed)?;
        let connection = Arc::new(connection);
        let silence = async {
            match shared.config.heartbeat() {
                Some(patience) => connection.falls_silent(patience).await,
                None => std::future::pending().await,
            }
        };
        let left = tokio::select! {
            lost = self.follow(&connection) => lost.map_err(Leave::Failed),
            never = best::watch(&shared, &connection) => match never {},
            silent = silence => Err(Leave::Failed(silent)),
            leave = scout::watch(&shared, index) => Err(leave),
            leave = elsewhere::outdone(&shared, index) => Err(leave),
        };
        // Whatever has found the connection gone, a request may know by what it was.
        let left = match left {
            Err(Leave::Failed(cut @ ConnectError::Cut { .. })) => {
                let known = clock::timeout(MOMENT, connection.broken()).await.ok();
                let known = known.filter(|known| !matches!(known, ConnectError::Cut { .. }));
                Err(Leave::Failed(known.unwrap_or(cut)))
            }
            left => left,
        };
        // What it has in the place of what was followed counts, whether another endpoint is followed then or not.
        if let Err(Leave::Failed(ConnectError::Forked { .. } | ConnectError::Behind { .. })) = &left {
            witnesses::hear(&shared, &connection).await;
        }
        // Whoever waits for an answer from it asks the next one.
        connection.leave();
        left
    }

    async fn follow(&mut self, connection: &Arc<Connection>) -> Result<Never, ConnectError> {
        let endpoint = connection.endpoint();
        let genesis = check_genesis(&self.shared, connection).await?;
        let heads = connection.finalized_heads().await?;
        let newest = newest(connection).await?;
        if self.was_taken_back(connection, newest.number).await? {
            self.go_back();
        }
        witnesses::check_newest(&self.shared, connection, newest, self.last.map(|seen| seen.block))?;
        if self.last.is_none() {
            self.check_anchor(connection, newest).await?;
        }
        self.recognise(connection, genesis).await?;
        let since = clock::now();
        let live = |seen: Seen, spec_version: u32, announced: BlockNumber| LinkState::Live {
            endpoint: endpoint.to_owned(),
            genesis,
            spec_version,
            finalized: seen,
            announced,
            since,
        };
        tracing::info!(endpoint, finalized = newest.number.0, "connected to the chain");
        self.shared.connection.send_replace(Some(Arc::clone(connection)));
        let (told, shared) = (watch::Sender::new(Ok(newest.number)), Arc::clone(&self.shared));
        tokio::select! {
            lost = self.follow_told(connection, told.subscribe(), &live) => lost,
            never = listen(&shared, connection, heads, &told) => match never {},
        }
    }

    /// Follows whatever is told to be the newest finalized block.
    async fn follow_told(
        &mut self,
        connection: &Connection,
        mut told: watch::Receiver<Told>,
        live: &(impl Fn(Seen, u32, BlockNumber) -> LinkState + Sync),
    ) -> Result<Never, ConnectError> {
        loop {
            let announced = told.borrow_and_update().clone()?;
            connection.node().note_announced(announced, witnesses::TERM, clock::now());
            if self.was_taken_back(connection, announced).await? {
                self.go_back();
            }
            match self.follow_to(connection, announced, live).await {
                // Taken back and already longer than before.
                Err(ConnectError::Forked { .. }) if self.shared.config.finality == Finality::Revocable => {
                    self.go_back();
                    continue;
                }
                followed => followed?,
            }
            tokio::select! {
                // Whoever tells does so for as long as this goes on.
                _ = told.changed() => {}
                cause = connection.broken() => return Err(cause),
            }
        }
    }

    /// Whether the chain is one that can be taken back, and was, to this head or one before it.
    async fn was_taken_back(&self, connection: &Connection, head: BlockNumber) -> Result<bool, ConnectError> {
        match self.last {
            // A head that is not beyond the last block may also have been announced twice.
            Some(last) if self.shared.config.finality == Finality::Revocable && head <= last.block.number => {
                Ok(fetch::hash_of(connection, last.block.number).await? != Some(last.block.hash))
            }
            _ => Ok(false),
        }
    }

    /// The chain was taken back by its owner.
    fn go_back(&mut self) {
        self.shared.witnesses.anchor.lift();
        self.gives_way = false;
        self.forget();
    }

    /// Forgets the blocks that were followed: the chain goes on from elsewhere, and readers begin anew.
    fn forget(&mut self) {
        tracing::info!(last = self.last.map(|last| last.block.number.0), "the chain goes on from elsewhere");
        self.last = None;
        self.generation = self.generation.wrapping_add(1);
        self.shared.recent.clear();
        self.shared.witnesses.forget();
    }

    /// Follows every block up to `announced` that was not followed yet.
    async fn follow_to(
        &mut self,
        connection: &Connection,
        announced: BlockNumber,
        live: &(impl Fn(Seen, u32, BlockNumber) -> LinkState + Sync),
    ) -> Result<(), ConnectError> {
        let next = match self.last {
            Some(last) if self.is_far(last, announced) => {
                self.check_history(connection, last.block).await?;
                let (from, to) = (last.block.number.0, announced.0);
                let had_all =
                    usize::try_from(self.attempts).is_ok_and(|tried| tried > self.shared.pool.followed().len());
                leap::check_leap(&self.shared, connection, announced, had_all).await?;
                tracing::info!(from, to, "went to the newest block after an outage");
                announced
            }
            Some(last) => BlockNumber(last.block.number.0.saturating_add(1)),
            None => announced,
        };
        let mut number = next;
        while number <= announced {
            let (block, head) = match self.read(connection, number).await? {
                Read::Told(told) => *told,
                Read::Untold(untold) if number == announced => return Err(untold),
                Read::Untold(untold) => {
                    if let Some(last) = self.last {
                        self.check_history(connection, last.block).await?;
                    }
                    let (from, to) = (number.0, announced.0);
                    tracing::warn!(from, to, %untold, "went to the newest block: no endpoint tells how to read those before");
                    number = announced;
                    continue;
                }
            };
            if self.last.is_none() && !self.trail.is_empty() {
                let common = self.trail.part(connection, block.block).await?;
                self.shared.partings.note(self.generation, common);
            }
            self.trail.add(block.block);
            let seen = Seen { block: block.block, at: clock::now() };
            for problem in &block.illegible {
                tracing::warn!(block = number.0, %problem, "part of a block is illegible");
            }
            let spec_version = head.runtime.spec_version();
            self.shared.recent.keep(block, self.shared.config.recent_blocks);
            self.last = Some(seen);
            self.attempts = 0;
            self.tried.clear();
            self.give_way(connection);
            connection.node().note_well(seen.block, seen.at, Standing::Active);
            self.shared.witnesses.anchor.note(&connection.node().endpoint, seen.block);
            self.shared.witnesses.note(&connection.node().endpoint, Word::Has(seen.block.number), seen.at);
            self.shared.head.send_replace(Some(head));
            self.shared.state.send_replace(live(seen, spec_version, announced));
            number = BlockNumber(number.0.saturating_add(1));
        }
        // A reconnection that brought no new block is live all the same.
        let is_live = self.shared.state.borrow().is_live();
        if let (Some(seen), false) = (self.last, is_live) {
            let spec_version = self.shared.head.borrow().as_ref().map_or(0, |head| head.runtime.spec_version());
            self.attempts = 0;
            connection.node().note_well(seen.block, seen.at, Standing::Active);
            self.shared.state.send_replace(live(seen, spec_version, announced));
        }
        Ok(())
    }

    /// Whether more blocks were missed than are followed one by one.
    fn is_far(&self, last: Seen, announced: BlockNumber) -> bool {
        let missed = announced.0.saturating_sub(last.block.number.0);
        missed > self.shared.config.catch_up_blocks.max(1)
    }
}

/// Between half of `longest` and all of it, so that many clients of one node do not return as one.
pub(super) fn jitter(longest: Duration) -> Duration {
    jittered(longest, RandomState::new().build_hasher().finish())
}

fn jittered(longest: Duration, random: u64) -> Duration {
    let half = longest / 2;
    let span = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
    half + Duration::from_millis(random % span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_between_half_and_all() {
        let limit = Duration::from_secs(30);
        for random in [0, 1, 7, u64::MAX] {
            let pause = jittered(limit, random);
            assert!(pause >= limit / 2 && pause <= limit, "{pause:?}");
        }
    }
}
