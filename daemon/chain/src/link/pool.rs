//! The endpoints of one chain, and which one to try next.
//!
//! What is known of each is in `pool/node.rs`. The order of the configuration is the order of preference among those that
//! have not failed, or were seen well since. Behind them stand those that have, whoever was ready again first before the
//! others: whoever fails goes behind all, so that none keeps the others waiting for ever, however long it takes to fail
//! and whether anybody looks at it meanwhile. Nothing is connected here; times are passed in.
//!
//! Where no network was named, a public one is recognised by its block 0, which the first endpoint tells: its nodes
//! then join those that were configured, behind them.

mod node;

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use btd_api::BlockHash;

pub(crate) use self::node::Node;
pub use self::node::{EndpointStatus, Standing};
use super::config::LinkConfig;
use crate::endpoint::Endpoint;

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

    /// The endpoint to try next, and how long to wait before: the first of those that have not failed since they were seen
    /// well; else whichever is, or was, ready again first. Those that joined are left out where they may not be followed.
    pub(crate) fn next(&self, now: Instant, may_follow_joined: bool) -> Option<(usize, Duration)> {
        let nodes = self.followed().iter().enumerate().filter(|(_, node)| may_follow_joined || !node.is_joined());
        let (ready_at, index) = nodes.map(|(index, node)| (node.ready_at(), index)).min()?;
        Some((index, ready_at.map_or(Duration::ZERO, |ready| ready.saturating_duration_since(now))))
    }

    /// What is known of all of them.
    pub(crate) fn status(&self, now: Instant) -> Vec<EndpointStatus> {
        self.followed().iter().chain(self.archives()).map(|node| node.status(now)).collect()
    }
}

#[cfg(test)]
mod tests {
    use btd_api::BlockNumber;

    use super::{
        node::{FIRST_REST, HOPELESS},
        *,
    };
    use crate::{block::BlockRef, error::ConnectError, link::config::PublicNetwork};

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
    fn one_that_fails_again_keeps_nobody_from_those_behind_it() {
        let (pool, now) = pool(3);
        let [first, second, _] = pool.followed() else { unreachable!("there are three") };
        cut(first, now);
        cut(second, now);
        let rested = now + FIRST_REST * 2;
        assert_eq!(pool.next(rested, true), Some((2, Duration::ZERO)), "it has not failed");
        cut(&pool.followed()[2], now);
        assert_eq!(pool.next(rested, true), Some((0, Duration::ZERO)));
        cut(first, now);
        assert_eq!(pool.next(rested, true), Some((1, Duration::ZERO)));
        let block = BlockRef { number: BlockNumber(1), hash: BlockHash([1; 32]) };
        first.note_well(block, now, Standing::Standby);
        assert_eq!(pool.next(rested, true), Some((0, Duration::ZERO)), "it was seen well");
    }

    #[test]
    fn however_long_each_takes_to_fail_all_of_them_have_their_turn() {
        for taking in [Duration::ZERO, Duration::from_secs(10), Duration::from_hours(1)] {
            let (pool, mut now) = pool(4);
            let mut turns = Vec::new();
            for _ in 0..12 {
                let (index, rest) = pool.next(now, true).unwrap();
                now += rest + taking;
                cut(&pool.followed()[index], now);
                turns.push(index);
            }
            assert_eq!(turns, [0, 1, 2, 3].repeat(3), "{taking:?}");
        }
    }

    #[test]
    fn one_that_answers_after_its_rest_is_as_one_that_has_not_failed() {
        let (pool, now) = pool(2);
        let [first, second] = pool.followed() else { unreachable!("there are two") };
        cut(first, now);
        first.note_told(now);
        assert_eq!(pool.next(now, true), Some((1, Duration::ZERO)), "it rests all the same");
        cut(second, now);
        let rested = now + FIRST_REST;
        second.note_told(rested);
        assert_eq!(pool.next(rested, true), Some((1, Duration::ZERO)));
        first.note_told(rested);
        assert_eq!(pool.next(rested, true), Some((0, Duration::ZERO)));
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
