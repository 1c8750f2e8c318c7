//! The task that keeps the link alive and follows finalized blocks by number.
//!
//! One endpoint at a time, the preferred one that is well (`pool.rs`), or the one for which another was
//! left. An endpoint counts by the blocks it brings, not by its open socket: one that is silent, stale, slow, behind another
//! (`scout.rs`), on another chain or in contradiction to finalized history is left for the next.
//! After a short outage the missing blocks are read first; after a long one the newest block is
//! followed at once, and readers fetch the rest by number, so that nobody waits for a week of
//! blocks before he learns the present.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
    time::Duration,
};

use btd_api::{BlockHash, BlockNumber};
use subxt_rpcs::client::RpcSubscription;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    Finality, Head, LinkState, Node, Seen, Shared, Standing, best,
    scout::{self, Leave},
    withheld::Withheld,
};
use crate::{
    block::{self, BlockRef, FinalizedBlock},
    clock, dial,
    error::ConnectError,
    fetch::{self, Fetched},
    rpc::{self, Ask, Connection},
    runtime::Runtime,
};

/// The shortest pause between two attempts, whatever endpoints they are at.
const GAP: Duration = Duration::from_millis(250);

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
    /// How often the chain went on from elsewhere than where it was followed to.
    generation: u64,
}

/// The newest finalized block that an endpoint has announced, or why it announces none any more.
type Told = Result<BlockNumber, ConnectError>;

/// Never returned: following an endpoint only ends with an error.
enum Never {}

// === impl Follower ===

impl Follower {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, last: None, attempts: 0, tried: BTreeSet::new(), withheld: Withheld::default(), generation: 0 }
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
            let next = better.take().or_else(|| self.shared.pool.next(clock::now()).map(|(index, _)| index));
            // There is an endpoint: the configuration was checked.
            let Some(index) = next else { std::future::pending().await };
            let node = Arc::clone(&self.shared.pool.followed[index]);
            self.attempts = self.attempts.saturating_add(1);
            self.tried.insert(index);
            let (attempt, last) = (self.attempts, self.last);
            tracing::debug!(endpoint = %node.endpoint, attempt, "connecting to the chain");
            let connecting = LinkState::Connecting { endpoint: node.endpoint.to_string(), attempt, last, cause };
            self.shared.state.send_replace(connecting);
            let Err(leave) = self.serve(index).await;
            self.shared.connection.send_replace(None);
            self.shared.best.send_replace(None);
            let lost = match leave {
                Leave::Failed(lost) => lost,
                Leave::For(other, lost) => {
                    better = Some(other);
                    lost
                }
                Leave::Disowned(lost) => {
                    self.disown(&lost);
                    lost
                }
            };
            let now = clock::now();
            match &lost {
                ConnectError::Superseded { .. } => node.note_left(),
                failure => node.note_failure(failure.clone(), self.shared.config.retry_max(), now, jitter),
            }
            let rest = self.shared.pool.next(now).filter(|_| better.is_none()).map(|(_, rest)| rest);
            let retry_after = rest.unwrap_or_default().max(jitter(GAP.min(self.shared.config.retry_max())));
            tracing::info!(endpoint = %node.endpoint, cause = lost.name(), reason = %lost, ?retry_after, "lost the chain");
            let last = self.last;
            self.shared.state.send_replace(LinkState::Lost { last, since: now, cause: lost.clone(), retry_after });
            cause = Some(lost);
            clock::sleep(retry_after).await;
        }
    }

    /// What was followed is not the chain's history: it is forgotten, and the chain followed anew.
    fn disown(&mut self, why: &ConnectError) {
        tracing::error!(reason = %why, "what was followed is not the chain's history: following it anew");
        self.forget();
        self.shared.head.send_replace(None);
    }

    /// Follows one endpoint until it fails, falls silent, or another one is better.
    async fn serve(&mut self, index: usize) -> Result<Never, Leave> {
        let shared = Arc::clone(&self.shared);
        let node = &shared.pool.followed[index];
        let connection = Connection::open(node, &*shared.dialer, &shared.config).await.map_err(Leave::Failed)?;
        let connection = Arc::new(connection);
        let silence = async {
            match shared.config.heartbeat() {
                Some(patience) => connection.falls_silent(patience).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            lost = self.follow(&connection) => lost.map_err(Leave::Failed),
            never = best::watch(&shared, &connection) => match never {},
            silent = silence => Err(Leave::Failed(silent)),
            leave = scout::watch(&shared, index) => Err(leave),
        }
    }

    async fn follow(&mut self, connection: &Arc<Connection>) -> Result<Never, ConnectError> {
        let endpoint = connection.endpoint();
        let genesis = check_genesis(&self.shared, connection).await?;
        let heads = connection.finalized_heads().await?;
        let newest = newest(connection).await?;
        if self.was_taken_back(connection, newest.number).await? {
            self.forget();
        }
        if let Some(last) = self.last.filter(|last| newest.number < last.block.number) {
            return Err(ConnectError::Behind {
                endpoint: endpoint.to_owned(),
                finalized: newest.number,
                seen: last.block.number,
            });
        }
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
        let endpoint = connection.endpoint();
        loop {
            let announced = told.borrow_and_update().clone()?;
            if self.was_taken_back(connection, announced).await? {
                self.forget();
            }
            match self.follow_to(connection, announced, live).await {
                // Taken back and already longer than before.
                Err(ConnectError::Forked { .. }) if self.shared.config.finality == Finality::Revocable => {
                    self.forget();
                    continue;
                }
                followed => followed?,
            }
            tokio::select! {
                // Whoever tells does so for as long as this goes on.
                _ = told.changed() => {}
                () = connection.broken() => {
                    return Err(ConnectError::Cut { endpoint: endpoint.to_owned(), reason: "the connection closed".to_owned() });
                }
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

    /// Forgets the blocks that were followed: the chain goes on from elsewhere, and readers begin anew.
    fn forget(&mut self) {
        tracing::info!(last = self.last.map(|last| last.block.number.0), "the chain goes on from elsewhere");
        self.last = None;
        self.generation = self.generation.wrapping_add(1);
        self.shared.recent.clear();
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
                tracing::info!(from, to, "went to the newest block after an outage");
                announced
            }
            Some(last) => BlockNumber(last.block.number.0.saturating_add(1)),
            None => announced,
        };
        for number in next.0..=announced.0 {
            let (block, head) = self.read(connection, BlockNumber(number)).await?;
            let seen = Seen { block: block.block, at: clock::now() };
            for problem in &block.illegible {
                tracing::warn!(block = number, %problem, "part of a block is illegible");
            }
            let spec_version = head.runtime.spec_version();
            self.shared.recent.keep(block, self.shared.config.recent_blocks);
            self.last = Some(seen);
            self.attempts = 0;
            self.tried.clear();
            connection.node().note_well(seen.block, seen.at, Standing::Active);
            self.shared.head.send_replace(Some(head));
            self.shared.state.send_replace(live(seen, spec_version, announced));
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

    /// Blocks are about to be passed over, so their parents will not be compared: what was followed
    /// last must be what the endpoint has at its height.
    async fn check_history(&self, connection: &Connection, last: BlockRef) -> Result<(), ConnectError> {
        let number = last.number;
        let found = fetch::hash_of(connection, number).await?;
        let found =
            found.ok_or_else(|| connection.nonsense("a finalized block", format!("it has no block {number}")))?;
        if found == last.hash {
            return Ok(());
        }
        let (endpoint, number) = (connection.endpoint().to_owned(), BlockNumber(number.0.saturating_add(1)));
        Err(ConnectError::Forked { endpoint, number, seen: last.hash, found })
    }

    /// Reads and decodes block `number`, which must continue what was followed.
    async fn read(
        &mut self,
        connection: &Connection,
        number: BlockNumber,
    ) -> Result<(FinalizedBlock, Head), ConnectError> {
        let absent = || connection.nonsense("a finalized block", format!("it has no block {number}"));
        let hash = fetch::hash_of(connection, number).await?.ok_or_else(absent)?;
        let Fetched { raw, withheld } = fetch::block(connection, hash).await?.ok_or_else(absent)?;
        if raw.block.number != number {
            return Err(connection
                .nonsense("a finalized block", format!("block {number} says that it is {}", raw.block.number)));
        }
        let before = self.last.filter(|last| last.block.number.0.checked_add(1) == Some(number.0));
        if let Some(last) = before.filter(|last| last.block.hash != raw.parent) {
            return Err(ConnectError::Forked {
                endpoint: connection.endpoint().to_owned(),
                number,
                seen: last.block.hash,
                found: raw.parent,
            });
        }
        match withheld {
            Some(denied) if !self.goes_without_events(connection) => return Err(denied),
            Some(denied) => tracing::warn!(%denied, "no endpoint tells the events of a block: it goes on without"),
            None => {}
        }
        // Whoever does not tell the events that are in a state may refuse the runtime in it in the same words.
        let is_untold =
            |error: &ConnectError| Connection::is_gone(error) || raw.events.is_err() && Connection::is_withheld(error);
        let runtimes = &self.shared.runtimes;
        let known = before.and_then(|_| self.shared.head.borrow().as_ref().map(|head| head.runtime.spec_version()));
        // By another endpoint's word of it nothing is read.
        let known = known.and_then(|spec_version| runtimes.get(spec_version, &connection.node().endpoint));
        // The runtime in the state behind the parent has executed this block.
        let executed_by = match known {
            Some(runtime) => Ok(runtime),
            None if number.0 == 0 => Ok(fetch::runtime_at(connection, hash, runtimes).await?),
            None => match fetch::runtime_at(connection, raw.parent, runtimes).await {
                // A node that has just restarted may keep the state of its head alone.
                Err(untold) if is_untold(&untold) => Err(untold),
                other => Ok(other?),
            },
        };
        let runtime = match (fetch::runtime_at(connection, hash, runtimes).await, &executed_by) {
            (Ok(runtime), _) => runtime,
            // Long after an outage the state may be gone while the block is there.
            (Err(untold), Ok(executed_by)) if is_untold(&untold) && raw.events.is_err() => executed_by.clone(),
            (Err(error), _) => return Err(error),
        };
        self.check_age(connection, number, &runtime)?;
        if raw.events.is_ok() {
            self.withheld.end();
        }
        let decoded = match executed_by {
            Ok(executed_by) => {
                if runtime.spec_version() != executed_by.spec_version() {
                    let (from, to) = (executed_by.spec_version(), runtime.spec_version());
                    tracing::info!(block = number.0, from, to, "the runtime was upgraded");
                }
                block::decode(&raw, &executed_by)
            }
            Err(untold) => block::decode_by_its_own(&raw, &runtime, untold),
        };
        Ok((decoded, Head { block: BlockRef { number, hash }, runtime, generation: self.generation }))
    }

    /// Whether a block whose events the endpoint in use does not tell is followed all the same: none of the others has
    /// told any either, for long enough, and none that could not be asked then is well now.
    fn goes_without_events(&mut self, connection: &Connection) -> bool {
        let (followed, now) = (&self.shared.pool.followed, clock::now());
        let is_final = self.withheld.is_final(self.tried.len() >= followed.len(), &self.shared.config, now);
        self.withheld.note(&connection.node().endpoint);
        let may_tell =
            |node: &Arc<Node>| node.status(now).standing == Standing::Standby && !self.withheld.is_by(&node.endpoint);
        is_final && !followed.iter().any(may_tell)
    }

    /// A chain whose blocks stay never goes back to an older runtime (`System.set_code` refuses one): an
    /// endpoint that says so tells of another state than that of the blocks that were followed. When every
    /// endpoint has had its turn and nobody goes on, it may be the newer one that was a lie.
    fn check_age(&self, connection: &Connection, number: BlockNumber, runtime: &Runtime) -> Result<(), ConnectError> {
        let seen = self.shared.head.borrow().as_ref().map_or(0, |head| head.runtime.spec_version());
        let found = runtime.spec_version();
        if found >= seen || self.shared.config.finality == Finality::Revocable {
            return Ok(());
        }
        if usize::try_from(self.attempts).is_ok_and(|attempts| attempts > self.shared.pool.followed.len()) {
            tracing::warn!(block = number.0, found, seen, "no endpoint knows the runtime that one has told of");
            return Ok(());
        }
        Err(ConnectError::OldRuntime { endpoint: connection.endpoint().to_owned(), number, found, seen })
    }
}

/// The chain's name: what the endpoint calls block 0 must be what is wanted.
pub(super) async fn check_genesis(shared: &Shared, connection: &Connection) -> Result<BlockHash, ConnectError> {
    let found = connection.ask(rpc::block_hash(BlockNumber(0))).await?;
    let found = found.ok_or_else(|| connection.nonsense("block 0", "it has none".to_owned()))?;
    let expected = *shared.genesis.get_or_init(|| found);
    if found == expected {
        return Ok(found);
    }
    Err(ConnectError::WrongGenesis { endpoint: connection.endpoint().to_owned(), expected, found })
}

/// The newest finalized block of an endpoint.
pub(super) async fn newest(connection: &Connection) -> Result<BlockRef, ConnectError> {
    let hash = connection.ask(rpc::finalized_head()).await?;
    let header = fetch::header(connection, hash).await?;
    let header = header.ok_or_else(|| connection.nonsense("its finalized head", "it has no header".to_owned()))?;
    Ok(BlockRef { number: header.number, hash })
}

/// Tells the newest of the `heads`, also while what they announce is being read: none of them has to wait for it, so
/// an endpoint that withholds an answer fills no memory with them.
async fn listen(
    shared: &Shared,
    connection: &Connection,
    mut heads: RpcSubscription<rpc::Announced>,
    told: &watch::Sender<Told>,
) -> Never {
    loop {
        let next = next_head(shared, connection, &mut heads).await;
        let is_over = next.is_err();
        told.send_modify(|told| *told = next);
        if is_over {
            return std::future::pending().await;
        }
    }
}

/// The number of the next finalized head, if one comes in time.
async fn next_head(
    shared: &Shared,
    connection: &Connection,
    heads: &mut RpcSubscription<rpc::Announced>,
) -> Result<BlockNumber, ConnectError> {
    let endpoint = || connection.endpoint().to_owned();
    let next = match shared.config.stale_after() {
        None => heads.next().await,
        Some(after) => match clock::timeout(after, heads.next()).await {
            Ok(next) => next,
            Err(_) => return Err(ConnectError::Stale { endpoint: endpoint(), after }),
        },
    };
    connection.hear();
    match next {
        Some(Ok(header)) => Ok(header.number),
        Some(Err(error)) if dial::is_flood(&error) => {
            let reason = format!("it announces blocks without end: {error}");
            Err(ConnectError::Unusable { endpoint: endpoint(), reason })
        }
        Some(Err(error)) => Err(ConnectError::Cut { endpoint: endpoint(), reason: error.to_string() }),
        None => Err(ConnectError::Cut { endpoint: endpoint(), reason: "the subscription ended".to_owned() }),
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
