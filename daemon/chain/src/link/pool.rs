//! The endpoints of one chain: what is known of each, and which one to try next.
//!
//! An endpoint is judged by what it answers and by the blocks it brings. The order of the
//! configuration is the order of preference: the first that is not resting after a failure is
//! taken. Nothing is connected here; times are passed in.
//!
//! Where no network was named, a public one is recognised by its block 0, which the first endpoint tells: its nodes
//! then join those that were configured, behind them.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use btd_api::{BlockHash, BlockNumber};

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
    /// Whether nobody has named it: it is of the public network that the chain turned out to be.
    is_joined: bool,
    record: Mutex<Record>,
}

#[derive(Debug)]
struct Record {
    standing: Standing,
    trouble: Option<ConnectError>,
    finalized: Option<Seen>,
    /// What it has announced last, and when.
    announced: Option<(BlockNumber, Instant)>,
    /// When it was seen to have a newer one than before.
    grew_at: Option<Instant>,
    latency: Option<Duration>,
    requests: u64,
    failures: u32,
    is_pruned: bool,
    ready_at: Option<Instant>,
}

/// All endpoints of a chain. Some may join, and none ever goes: an index stands for the same one always.
#[derive(Debug)]
pub(crate) struct Pool {
    configured: Nodes,
    /// The same and those of the public network that the chain turned out to be.
    joined: OnceLock<Nodes>,
}

#[derive(Debug, Clone)]
struct Nodes {
    followed: Vec<Arc<Node>>,
    archives: Vec<Arc<Node>>,
}

// === impl Pool ===

impl Pool {
    pub(crate) fn new(config: &LinkConfig, now: Instant) -> Self {
        let configured = Nodes {
            followed: config.followed().into_iter().map(|node| Node::new(node, false, false, config, now)).collect(),
            archives: config.archived().into_iter().map(|node| Node::new(node, true, false, config, now)).collect(),
        };
        Self { configured, joined: OnceLock::new() }
    }

    /// Whether the nodes of the public network with this block 0 are wanted and have not joined.
    pub(crate) fn may_be_joined(&self, genesis: BlockHash, config: &LinkConfig) -> bool {
        self.joined.get().is_none() && config.public(genesis).is_some()
    }

    /// The chain is the one with this block 0: if it is a public one whose nodes are wanted, they join.
    pub(crate) fn recognise(&self, genesis: BlockHash, config: &LinkConfig, now: Instant) {
        let Some(public) = config.public(genesis) else { return };
        self.joined.get_or_init(|| {
            let mut nodes = self.configured.clone();
            let join = |nodes: &mut Vec<Arc<Node>>, endpoints: &[Endpoint], is_archive| {
                for endpoint in endpoints {
                    if !nodes.iter().any(|node| node.endpoint.is_same(endpoint)) {
                        nodes.push(Node::new(endpoint, is_archive, true, config, now));
                    }
                }
            };
            join(&mut nodes.followed, &public.endpoints, false);
            join(&mut nodes.archives, &public.archives, true);
            let (endpoints, archives) = (nodes.followed.len(), nodes.archives.len());
            tracing::info!(%genesis, endpoints, archives, "the chain is a public one: its nodes stand behind those named");
            nodes
        });
    }

    /// Those that are followed, the preferred ones first.
    pub(crate) fn followed(&self) -> &[Arc<Node>] {
        &self.nodes().followed
    }

    /// Those that are asked for old state.
    pub(crate) fn archives(&self) -> &[Arc<Node>] {
        &self.nodes().archives
    }

    fn nodes(&self) -> &Nodes {
        self.joined.get().unwrap_or(&self.configured)
    }

    /// The endpoint to try next, and how long to wait before: the first that does not rest, else
    /// the one that has rested longest. Those that joined are left out where they may not be followed.
    pub(crate) fn next(&self, now: Instant, may_follow_joined: bool) -> Option<(usize, Duration)> {
        let nodes = self.followed().iter().enumerate().filter(|(_, node)| may_follow_joined || !node.is_joined);
        let rests = nodes.map(|(index, node)| (index, node.rests(now).unwrap_or_default()));
        rests.min_by_key(|(index, rest)| (*rest, *index))
    }

    /// What is known of all of them.
    pub(crate) fn status(&self, now: Instant) -> Vec<EndpointStatus> {
        self.followed().iter().chain(self.archives()).map(|node| node.status(now)).collect()
    }
}

// === impl Node ===

impl Node {
    fn new(endpoint: &Endpoint, is_archive: bool, is_joined: bool, config: &LinkConfig, now: Instant) -> Arc<Self> {
        let record = Record {
            standing: Standing::Unknown,
            trouble: None,
            finalized: None,
            announced: None,
            grew_at: None,
            latency: None,
            requests: 0,
            failures: 0,
            is_pruned: false,
            ready_at: None,
        };
        let budget = Budget::new(config.requests_per_s, config.requests_at_once, now);
        Arc::new(Self { endpoint: endpoint.clone(), budget, is_archive, is_joined, record: Mutex::new(record) })
    }

    /// Whether it is here because the chain turned out to be a public one.
    pub(crate) fn is_joined(&self) -> bool {
        self.is_joined
    }

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
        // What it has is no block of the chain that is followed.
        if matches!(cause, ConnectError::WrongGenesis { .. } | ConnectError::Forked { .. }) {
            record.finalized = None;
        }
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

    /// That it contradicted what was followed was no fault of its own: it need not rest for that.
    pub(crate) fn note_absolved(&self) {
        let mut record = self.record();
        if !matches!(record.trouble, Some(ConnectError::Forked { .. } | ConnectError::Behind { .. })) {
            return;
        }
        record.standing = Standing::Standby;
        record.trouble = None;
        record.ready_at = None;
    }

    /// What it was seen to have may not be the chain's history, and is to be seen again.
    pub(crate) fn note_disproved(&self) {
        self.record().finalized = None;
    }

    /// It announces `newest` as its newest finalized block. That is growth where it has announced an earlier one within
    /// `term`: of one that was not heard for longer nobody knows when it has got there.
    pub(crate) fn note_announced(&self, newest: BlockNumber, term: Duration, now: Instant) {
        let mut record = self.record();
        let before = record.announced.replace((newest, now));
        if before.is_some_and(|(before, at)| before < newest && now.saturating_duration_since(at) <= term) {
            record.grew_at = Some(now);
        }
    }

    /// Whether its chain was seen to grow within `term`.
    pub(crate) fn has_grown(&self, term: Duration, now: Instant) -> bool {
        self.record().grew_at.is_some_and(|at| now.saturating_duration_since(at) <= term)
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
    use super::*;
    use crate::link::config::PublicNetwork;

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
        assert_eq!(pool.next(now, true), Some((0, Duration::ZERO)));
        cut(&pool.followed()[0], now);
        assert_eq!(pool.next(now, true), Some((1, Duration::ZERO)));
        cut(&pool.followed()[1], now);
        cut(&pool.followed()[1], now);
        cut(&pool.followed()[2], now);
        // All rest: the one that is ready first is waited for.
        assert_eq!(pool.next(now, true), Some((0, FIRST_REST)));
        assert_eq!(pool.next(now + FIRST_REST, true), Some((0, Duration::ZERO)));
        assert_eq!(self::pool(0).0.next(now, true), None);
    }

    #[test]
    fn the_nodes_of_a_public_network_join_behind_those_that_are_named() {
        let names = |pool: &Pool| pool.status(Instant::now()).into_iter().map(|one| one.endpoint).collect::<Vec<_>>();
        let public = PublicNetwork {
            genesis: BlockHash([1; 32]),
            endpoints: vec!["ws://public".into(), "ws://OWN:80/".into()],
            archives: vec!["ws://archive".into()],
        };
        let config = LinkConfig { endpoints: vec!["ws://own".into()], public: vec![public], ..LinkConfig::default() };
        let now = Instant::now();
        let pool = Pool::new(&config, now);
        pool.recognise(BlockHash([2; 32]), &config, now);
        assert_eq!(names(&pool), ["ws://own"], "another chain");
        cut(&pool.followed()[0], now);
        pool.recognise(BlockHash([1; 32]), &config, now);
        pool.recognise(BlockHash([1; 32]), &config, now);
        assert_eq!(names(&pool), ["ws://own", "ws://public", "ws://archive"]);
        assert_eq!(pool.next(now, true), Some((1, Duration::ZERO)), "what was known of the first one stays known");
        assert_eq!(pool.next(now, false), Some((0, FIRST_REST)), "they may not be followed yet");
        let config = LinkConfig { fallback: false, ..config };
        let pool = Pool::new(&config, now);
        pool.recognise(BlockHash([1; 32]), &config, now);
        assert_eq!(names(&pool), ["ws://own"], "they are not wanted");
    }

    #[test]
    fn rests_double_until_a_block_comes() {
        let (pool, now) = pool(1);
        let node = &pool.followed()[0];
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
        pool.followed()[0].note_failure(wrong.clone(), LONGEST, now, |rest| rest);
        let status = &pool.status(now)[0];
        assert_eq!((status.standing, &status.trouble), (Standing::Resting, &Some(wrong)));
        assert_eq!(status.rests, Some(LONGEST * HOPELESS));
        let after = now + LONGEST * HOPELESS;
        let visits = [(now, false), (now, true), (after, false)];
        assert_eq!(visits.map(|(at, urgent)| pool.followed()[0].may_be_visited(at, urgent)), [false, false, true]);
        let (pool, now) = self::pool(1);
        cut(&pool.followed()[0], now);
        assert_eq!([false, true].map(|urgent| pool.followed()[0].may_be_visited(now, urgent)), [false, true]);
    }
}
