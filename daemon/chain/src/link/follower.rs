//! The task that keeps the link alive and follows finalized blocks by number.
//!
//! One endpoint at a time, in the configured order. An endpoint counts by the blocks it brings, not
//! by its open socket: one that is silent, stale, behind, on another chain or in contradiction to
//! finalized history is left for the next. After any outage the missing blocks are read first, so
//! that every number is followed once.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use btd_api::{BlockHash, BlockNumber};
use tokio_util::sync::CancellationToken;

use super::{Head, LinkState, Seen, Shared};
use crate::{
    block::{self, BlockRef, FinalizedBlock},
    error::ConnectError,
    fetch,
    rpc::{self, Ask, Connection},
};

/// The first pause after a full round of failed attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause before the next endpoint after one that worked, or within a round.
const SHORT_PAUSE: Duration = Duration::from_millis(250);

/// The long task behind a [`Link`](super::Link). Dropping it leaves the link without new blocks.
#[derive(Debug)]
pub struct Follower {
    shared: Arc<Shared>,
    last: Option<Seen>,
    /// Attempts since a block was followed.
    attempts: u32,
}

/// Never returned: serving an endpoint only ends with an error.
enum Never {}

// === impl Follower ===

impl Follower {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, last: None, attempts: 0 }
    }

    /// Follows the chain until `stop` is cancelled. Failures are states, never the end.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut cause = None;
        for turn in 0_usize.. {
            let endpoints = &self.shared.config.endpoints;
            let Some(endpoint) = endpoints.get(turn % endpoints.len().max(1)).cloned() else { return };
            self.attempts = self.attempts.saturating_add(1);
            let (attempt, last) = (self.attempts, self.last);
            tracing::debug!(endpoint, attempt, "connecting to the chain");
            self.shared.state.send_replace(LinkState::Connecting { endpoint: endpoint.clone(), attempt, last, cause });
            let lost = tokio::select! {
                () = stop.cancelled() => break,
                Err(lost) = self.serve(&endpoint) => lost,
            };
            self.shared.connection.send_replace(None);
            let retry_after = self.pause();
            tracing::info!(endpoint, cause = lost.name(), reason = %lost, ?retry_after, "lost the chain");
            let (since, last) = (Instant::now(), self.last);
            self.shared.state.send_replace(LinkState::Lost { last, since, cause: lost.clone(), retry_after });
            cause = Some(lost);
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(retry_after) => {}
            }
        }
        self.shared.connection.send_replace(None);
    }

    /// Follows one endpoint until it fails.
    async fn serve(&mut self, endpoint: &str) -> Result<Never, ConnectError> {
        let connection = Arc::new(Connection::open(endpoint, &self.shared.config).await?);
        let genesis = self.check_genesis(&connection).await?;
        let mut heads = connection.finalized_heads().await?;
        let hash = connection.ask(rpc::finalized_head()).await?;
        let newest = connection.ask(rpc::header(hash)).await?;
        let newest = newest.ok_or_else(|| connection.nonsense("its finalized head", "it has no header".to_owned()))?;
        if let Some(last) = self.last.filter(|last| newest.number < last.block.number) {
            return Err(ConnectError::Behind {
                endpoint: endpoint.to_owned(),
                finalized: newest.number,
                seen: last.block.number,
            });
        }
        let since = Instant::now();
        let live = |seen: Seen, spec_version: u32, announced: BlockNumber| LinkState::Live {
            endpoint: endpoint.to_owned(),
            genesis,
            spec_version,
            finalized: seen,
            announced,
            since,
        };
        tracing::info!(endpoint, finalized = newest.number.0, "connected to the chain");
        self.shared.connection.send_replace(Some(Arc::clone(&connection)));
        let mut announced = newest.number;
        loop {
            self.follow_to(&connection, announced, &live).await?;
            announced = tokio::select! {
                next = self.next_head(endpoint, &mut heads) => next?,
                () = connection.broken() => {
                    return Err(ConnectError::Cut { endpoint: endpoint.to_owned(), reason: "the connection closed".to_owned() });
                }
            };
        }
    }

    /// The chain's name: what the endpoint calls block 0 must be what is wanted.
    async fn check_genesis(&self, connection: &Connection) -> Result<BlockHash, ConnectError> {
        let found = connection.ask(rpc::block_hash(BlockNumber(0))).await?;
        let found = found.ok_or_else(|| connection.nonsense("block 0", "it has none".to_owned()))?;
        let expected = *self.shared.genesis.get_or_init(|| found);
        if found == expected {
            return Ok(found);
        }
        Err(ConnectError::WrongGenesis { endpoint: connection.endpoint().to_owned(), expected, found })
    }

    /// The number of the next finalized head, if one comes in time.
    async fn next_head(
        &self,
        endpoint: &str,
        heads: &mut subxt_rpcs::client::RpcSubscription<rpc::Header>,
    ) -> Result<BlockNumber, ConnectError> {
        let endpoint = || endpoint.to_owned();
        let next = match self.shared.config.stale_after() {
            None => heads.next().await,
            Some(after) => match tokio::time::timeout(after, heads.next()).await {
                Ok(next) => next,
                Err(_) => return Err(ConnectError::Stale { endpoint: endpoint(), after }),
            },
        };
        match next {
            Some(Ok(header)) => Ok(header.number),
            Some(Err(error)) => Err(ConnectError::Cut { endpoint: endpoint(), reason: error.to_string() }),
            None => Err(ConnectError::Cut { endpoint: endpoint(), reason: "the subscription ended".to_owned() }),
        }
    }

    /// Follows every block up to `announced` that was not followed yet.
    async fn follow_to(
        &mut self,
        connection: &Connection,
        announced: BlockNumber,
        live: &(impl Fn(Seen, u32, BlockNumber) -> LinkState + Sync),
    ) -> Result<(), ConnectError> {
        let next = match self.last {
            Some(last) => BlockNumber(last.block.number.0.saturating_add(1)),
            None => announced,
        };
        for number in next.0..=announced.0 {
            let (block, head) = self.read(connection, BlockNumber(number)).await?;
            let seen = Seen { block: block.block, at: Instant::now() };
            for problem in &block.illegible {
                tracing::warn!(block = number, problem, "part of a block is illegible");
            }
            let spec_version = head.runtime.spec_version();
            self.keep(block);
            self.last = Some(seen);
            self.attempts = 0;
            self.shared.head.send_replace(Some(head));
            self.shared.state.send_replace(live(seen, spec_version, announced));
        }
        // A reconnection that brought no new block is live all the same.
        let is_live = self.shared.state.borrow().is_live();
        if let (Some(seen), false) = (self.last, is_live) {
            let spec_version = self.shared.head.borrow().as_ref().map_or(0, |head| head.runtime.spec_version());
            self.attempts = 0;
            self.shared.state.send_replace(live(seen, spec_version, announced));
        }
        Ok(())
    }

    /// Reads and decodes block `number`, which must continue what was followed.
    async fn read(&self, connection: &Connection, number: BlockNumber) -> Result<(FinalizedBlock, Head), ConnectError> {
        let absent = || connection.nonsense("a finalized block", format!("it has no block {number}"));
        let hash = fetch::hash_of(connection, number).await?.ok_or_else(absent)?;
        let (raw, missing) = fetch::block(connection, hash).await?.ok_or_else(absent)?;
        if let Some(last) = self.last.filter(|last| last.block.hash != raw.parent) {
            return Err(ConnectError::Forked {
                endpoint: connection.endpoint().to_owned(),
                number,
                seen: last.block.hash,
                found: raw.parent,
            });
        }
        let runtimes = &self.shared.runtimes;
        let known = self.shared.head.borrow().as_ref().map(|head| head.runtime.clone());
        // The runtime in the state behind the parent has executed this block.
        let executed_by = match known {
            Some(runtime) => runtime,
            None if number.0 == 0 => fetch::runtime_at(connection, hash, runtimes).await?,
            None => match fetch::runtime_at(connection, raw.parent, runtimes).await {
                // A node that has just restarted may keep the state of its head alone.
                Err(error) if Connection::is_refusal(&error) => fetch::runtime_at(connection, hash, runtimes).await?,
                other => other?,
            },
        };
        let runtime = match fetch::runtime_at(connection, hash, runtimes).await {
            Ok(runtime) => runtime,
            // Long after an outage the state may be gone while the block is there.
            Err(error) if Connection::is_refusal(&error) && missing.is_some() => executed_by.clone(),
            Err(error) => return Err(error),
        };
        if runtime.spec_version() != executed_by.spec_version() {
            let (from, to) = (executed_by.spec_version(), runtime.spec_version());
            tracing::info!(block = number.0, from, to, "the runtime was upgraded");
        }
        let mut decoded = block::decode(&raw, &executed_by);
        decoded.illegible.extend(missing.map(|error| error.to_string()));
        Ok((decoded, Head { block: BlockRef { number, hash }, runtime }))
    }

    /// Keeps a decoded block for readers, and as many before it as configured.
    fn keep(&self, block: FinalizedBlock) {
        let mut recent = self.shared.recent.write().unwrap_or_else(PoisonError::into_inner);
        recent.push_back(Arc::new(block));
        while recent.len() > self.shared.config.recent_blocks.max(1) {
            recent.pop_front();
        }
    }

    /// How long to wait before the next attempt.
    fn pause(&self) -> Duration {
        let endpoints = u32::try_from(self.shared.config.endpoints.len()).unwrap_or(u32::MAX).max(1);
        let longest = pause_after(self.attempts, endpoints, self.shared.config.retry_max());
        jittered(longest, RandomState::new().build_hasher().finish())
    }
}

/// The longest pause after `attempts` without a block: short while a round of all endpoints lasts,
/// then doubling with each round.
fn pause_after(attempts: u32, endpoints: u32, limit: Duration) -> Duration {
    if attempts == 0 || !attempts.is_multiple_of(endpoints) {
        return SHORT_PAUSE.min(limit);
    }
    let rounds = attempts / endpoints;
    FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(rounds.saturating_sub(1))).min(limit)
}

/// Between half of `longest` and all of it, so that many clients of one node do not return as one.
fn jittered(longest: Duration, random: u64) -> Duration {
    let half = longest / 2;
    let span = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
    half + Duration::from_millis(random % span)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[test]
    fn pauses_double_per_round_and_end_at_the_limit() {
        let pauses: Vec<u64> = [0, 1, 2, 3, 4, 6, 8]
            .map(|attempts| pause_after(attempts, 2, LIMIT).as_millis().try_into().unwrap())
            .into();
        assert_eq!(pauses, [250, 250, 500, 250, 1000, 2000, 4000]);
        assert_eq!(pause_after(u32::MAX - 1, 1, LIMIT), LIMIT);
    }

    #[test]
    fn jitter_stays_between_half_and_all() {
        for random in [0, 1, 7, u64::MAX] {
            let pause = jittered(LIMIT, random);
            assert!(pause >= LIMIT / 2 && pause <= LIMIT, "{pause:?}");
        }
    }
}
