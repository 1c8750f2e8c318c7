//! The endpoints of one chain: what is known of each, and which one to try next.
//!
//! An endpoint is judged by what it answers and by the blocks it brings. The order of the
//! configuration is the order of preference: the first that is not resting after a failure is
//! taken. Nothing is connected here; times are passed in.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{Seen, budget::Budget, config::LinkConfig};
use crate::{block::BlockRef, endpoint::Endpoint, error::ConnectError};

/// The first rest after a failure; each further one in a row doubles it.
const FIRST_REST: Duration = Duration::from_millis(500);
/// An endpoint of another chain or of another history rests so many times the longest rest.
const HOPELESS: u32 = 4;

/// How an endpoint stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not tried yet.
    Unknown,
    /// Followed now.
    Active,
    /// Answered when it was looked at last.
    Standby,
    /// Failed, or was found wanting, and is tried again after a rest.
    Resting,
}

/// What is known of an endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointStatus {
    /// Its URL, without what may be a key.
    pub endpoint: String,
    /// Whether it is asked for old state only.
    pub is_archive: bool,
    /// How it stands.
    pub standing: Standing,
    /// What was wrong with it the last time, until it is well again.
    pub trouble: Option<ConnectError>,
    /// The newest finalized block that it was seen to have, and when.
    pub finalized: Option<Seen>,
    /// How long it takes to answer, as a moving average.
    pub latency: Option<Duration>,
    /// How many requests it has answered or refused.
    pub requests: u64,
    /// Failures since it brought a block.
    pub failures: u32,
    /// Whether it has said that it keeps no old state.
    pub is_pruned: bool,
    /// Whether it has said "too many requests" a short while ago.
    pub is_rate_limited: bool,
    /// How long it still rests.
    pub rests: Option<Duration>,
}

/// One endpoint with its record. Shared by its connections.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) endpoint: Endpoint,
    pub(crate) budget: Budget,
    is_archive: bool,
    record: Mutex<Record>,
}

#[derive(Debug)]
struct Record {
    standing: Standing,
    trouble: Option<ConnectError>,
    finalized: Option<Seen>,
    latency: Option<Duration>,
    requests: u64,
    failures: u32,
    is_pruned: bool,
    ready_at: Option<Instant>,
}

/// All endpoints of a chain.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Those that are followed, the preferred ones first.
    pub(crate) followed: Vec<Arc<Node>>,
    /// Those that are asked for old state.
    pub(crate) archives: Vec<Arc<Node>>,
}

// === impl Pool ===

impl Pool {
    pub(crate) fn new(config: &LinkConfig, now: Instant) -> Self {
        let node = |endpoint: &Endpoint, is_archive| {
            let budget = Budget::new(config.requests_per_s, config.requests_at_once, now);
            let record = Record {
                standing: Standing::Unknown,
                trouble: None,
                finalized: None,
                latency: None,
                requests: 0,
                failures: 0,
                is_pruned: false,
                ready_at: None,
            };
            Arc::new(Node { endpoint: endpoint.clone(), budget, is_archive, record: Mutex::new(record) })
        };
        Self {
            followed: config.endpoints.iter().map(|endpoint| node(endpoint, false)).collect(),
            archives: config.archives.iter().map(|endpoint| node(endpoint, true)).collect(),
        }
    }

    /// The endpoint to try next, and how long to wait before: the first that does not rest, else
    /// the one that has rested longest.
    pub(crate) fn next(&self, now: Instant) -> Option<(usize, Duration)> {
        let rests = self.followed.iter().map(|node| node.rests(now).unwrap_or_default());
        rests.enumerate().min_by_key(|(index, rest)| (*rest, *index))
    }

    /// What is known of all of them.
    pub(crate) fn status(&self, now: Instant) -> Vec<EndpointStatus> {
        self.followed.iter().chain(&self.archives).map(|node| node.status(now)).collect()
    }
}

// === impl Node ===

impl Node {
    /// A request was answered, or refused, after `latency`.
    pub(crate) fn note_answer(&self, latency: Duration) {
        let mut record = self.record();
        record.requests += 1;
        record.latency = Some(record.latency.map_or(latency, |average| (average * 7 + latency) / 8));
    }

    /// It has `block` as its newest finalized one, and nothing is wrong with it.
    pub(crate) fn note_well(&self, block: BlockRef, at: Instant, standing: Standing) {
        let mut record = self.record();
        record.finalized = Some(Seen { block, at });
        record.standing = standing;
        record.trouble = None;
        record.ready_at = None;
        if standing == Standing::Active {
            record.failures = 0;
        }
    }

    /// It failed, or was found wanting: it rests, the longer the more often it happened. `jitter`
    /// makes of a rest one that others do not have too.
    pub(crate) fn note_failure(
        &self,
        cause: ConnectError,
        longest: Duration,
        now: Instant,
        jitter: impl Fn(Duration) -> Duration,
    ) {
        let mut record = self.record();
        record.failures = record.failures.saturating_add(1);
        let rest = match &cause {
            ConnectError::WrongGenesis { .. } | ConnectError::Forked { .. } => longest.saturating_mul(HOPELESS),
            ConnectError::RateLimited { .. } => longest,
            _ => FIRST_REST.saturating_mul(2_u32.saturating_pow(record.failures - 1)).min(longest),
        };
        record.standing = Standing::Resting;
        record.ready_at = Some(now + jitter(rest));
        record.trouble = Some(cause);
    }

    /// It is to blame for something, and asked again all the same.
    pub(crate) fn note_trouble(&self, cause: ConnectError) {
        self.record().trouble = Some(cause);
    }

    /// An archive has answered: nothing is wrong with it any more.
    pub(crate) fn note_served(&self) {
        let mut record = self.record();
        record.standing = Standing::Standby;
        record.trouble = None;
        record.ready_at = None;
        record.failures = 0;
    }

    /// It is well, and left for another all the same.
    pub(crate) fn note_left(&self) {
        self.record().standing = Standing::Standby;
    }

    /// It said that it does not keep the state of an old block.
    pub(crate) fn note_pruned(&self) {
        self.record().is_pruned = true;
    }

    /// Its answers' average delay.
    pub(crate) fn latency(&self) -> Option<Duration> {
        self.record().latency
    }

    /// How long it still rests.
    pub(crate) fn rests(&self, now: Instant) -> Option<Duration> {
        self.record().ready_at.and_then(|ready| ready.checked_duration_since(now)).filter(|rest| !rest.is_zero())
    }

    /// Whether a visit is in place: it does not rest, or visits are urgent and a visit can end its rest. One that
    /// is of another chain or history, or has turned requests away, rests all the same.
    pub(crate) fn may_be_visited(&self, now: Instant, is_urgent: bool) -> bool {
        use ConnectError::{Forked, RateLimited, WrongGenesis};
        let is_left_alone =
            || matches!(self.record().trouble, Some(WrongGenesis { .. } | Forked { .. } | RateLimited { .. }));
        self.rests(now).is_none() || is_urgent && !is_left_alone()
    }

    pub(crate) fn status(&self, now: Instant) -> EndpointStatus {
        let (is_rate_limited, rests) = (self.budget.is_slowed(now), self.rests(now));
        let record = self.record();
        EndpointStatus {
            endpoint: self.endpoint.to_string(),
            is_archive: self.is_archive,
            standing: record.standing,
            trouble: record.trouble.clone(),
            finalized: record.finalized,
            latency: record.latency,
            requests: record.requests,
            failures: record.failures,
            is_pruned: record.is_pruned,
            is_rate_limited,
            rests,
        }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use btd_api::{BlockHash, BlockNumber};

    use super::*;

    const LONGEST: Duration = Duration::from_secs(30);

    fn pool(count: usize) -> (Pool, Instant) {
        let endpoints = (0..count).map(|index| format!("ws://node-{index}").into()).collect();
        let now = Instant::now();
        (Pool::new(&LinkConfig { endpoints, ..LinkConfig::default() }, now), now)
    }

    fn cut(node: &Node, now: Instant) {
        let cause = ConnectError::Cut { endpoint: node.endpoint.to_string(), reason: "closed".to_owned() };
        node.note_failure(cause, LONGEST, now, |rest| rest);
    }

    #[test]
    fn the_first_that_does_not_rest_is_taken() {
        let (pool, now) = pool(3);
        assert_eq!(pool.next(now), Some((0, Duration::ZERO)));
        cut(&pool.followed[0], now);
        assert_eq!(pool.next(now), Some((1, Duration::ZERO)));
        cut(&pool.followed[1], now);
        cut(&pool.followed[1], now);
        cut(&pool.followed[2], now);
        // All rest: the one that is ready first is waited for.
        assert_eq!(pool.next(now), Some((0, FIRST_REST)));
        assert_eq!(pool.next(now + FIRST_REST), Some((0, Duration::ZERO)));
        assert_eq!(self::pool(0).0.next(now), None);
    }

    #[test]
    fn rests_double_until_a_block_comes() {
        let (pool, now) = pool(1);
        let node = &pool.followed[0];
        let mut rests = Vec::new();
        for _ in 0..9 {
            cut(node, now);
            rests.push(node.rests(now).unwrap().as_millis());
        }
        assert_eq!(rests, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
        let block = BlockRef { number: BlockNumber(1), hash: BlockHash([1; 32]) };
        // To answer is not enough; to bring blocks is.
        node.note_well(block, now, Standing::Standby);
        assert_eq!(node.status(now).failures, 9);
        node.note_well(block, now, Standing::Active);
        cut(node, now);
        assert_eq!(node.rests(now), Some(FIRST_REST));
    }

    #[test]
    fn an_endpoint_of_another_chain_is_left_alone_for_long() {
        let (pool, now) = pool(1);
        let (expected, found) = (BlockHash([1; 32]), BlockHash([2; 32]));
        let wrong = ConnectError::WrongGenesis { endpoint: "ws://node-0".to_owned(), expected, found };
        pool.followed[0].note_failure(wrong.clone(), LONGEST, now, |rest| rest);
        let status = &pool.status(now)[0];
        assert_eq!((status.standing, &status.trouble), (Standing::Resting, &Some(wrong)));
        assert_eq!(status.rests, Some(LONGEST * HOPELESS));
        let after = now + LONGEST * HOPELESS;
        let visits = [(now, false), (now, true), (after, false)];
        assert_eq!(visits.map(|(at, urgent)| pool.followed[0].may_be_visited(at, urgent)), [false, false, true]);
        let (pool, now) = self::pool(1);
        cut(&pool.followed[0], now);
        assert_eq!([false, true].map(|urgent| pool.followed[0].may_be_visited(now, urgent)), [false, true]);
    }
}
