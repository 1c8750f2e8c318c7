//! What can be configured about the link to a chain.

use std::time::Duration;

use btd_api::BlockHash;
use serde::{Deserialize, Serialize};

use crate::{endpoint::Endpoint, error::ConfigError};

/// So many blocks may be missing before what is read is stale.
const MISSED: u32 = 5;
/// But it is not for less: where blocks are fast, they come irregularly whenever a machine is busy.
const HESITATION: Duration = Duration::from_secs(5);

/// How to reach a chain. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkConfig {
    /// WebSocket URLs of nodes of one's own. They come before `endpoints`, which stand behind them.
    pub own: Vec<Endpoint>,
    /// WebSocket URLs in the order of preference: the first that is well is followed, and gone back
    /// to when it is well again, and answers within two seconds or faster than the one in use.
    pub endpoints: Vec<Endpoint>,
    /// WebSocket URLs of nodes that keep the state of every block. They are asked for what the followed endpoint has
    /// thrown away or does not tell of a block that is past: its state, its runtime, its hash, its header, its
    /// extrinsics and its events.
    pub archives: Vec<Endpoint>,
    /// Whether the nodes of a public network stand behind one's own that are of it. They take over only where they have
    /// the newest block that one of these has told.
    pub fallback: bool,
    /// The hash of block 0, which names the chain. Without it the first endpoint that answers
    /// decides, for as long as the process lives.
    pub genesis: Option<BlockHash>,
    /// How long one request may take. A read of a block's state that takes half of it, or seven seconds, is asked of one
    /// more endpoint too, for half as long.
    pub request_timeout_ms: u64,
    /// How long a connection may take to be made, its name found; finding that may take half as long again.
    pub connect_timeout_ms: u64,
    /// How long no finalized block may arrive before the endpoint counts as dead, and what is read as stale; 0 waits for
    /// ever, for chains that make blocks only on demand. Where it is not said, an endpoint counts as dead after
    /// [`Self::STALE_AFTER_MS`], and what is read as stale after that, or five blocks' time as the runtime tells it (five
    /// seconds at the least) if that is less.
    pub stale_after_ms: Option<u64>,
    /// The longest rest of an endpoint that failed. Rests begin at half a second, double with each
    /// failure in a row, and are jittered; an endpoint of another chain rests four times as long. While
    /// blocks are overdue those that could not be reached are looked at before their rest is over.
    pub retry_max_ms: u64,
    /// How long an endpoint may say nothing before it is asked for a sign of life, and how long that
    /// may take; 0 asks for none.
    pub heartbeat_ms: u64,
    /// The time between two looks at another endpoint, for comparison; 0 looks at none, also not where a block far ahead
    /// is announced.
    pub scout_ms: u64,
    /// How many blocks an endpoint may be behind another one.
    pub max_lag_blocks: u32,
    /// The average time of its answers above which an endpoint is left for one that takes at most
    /// half as long; 0 leaves none.
    pub slow_ms: u64,
    /// How many requests an endpoint is asked each second in the long run; four seconds' worth at
    /// once after a pause. 0 is no limit.
    pub requests_per_s: u32,
    /// How many requests may be unanswered at once; 0 is no limit. An eighth is kept for following blocks, for submissions
    /// and for weights.
    pub requests_at_once: u32,
    /// How many of the newest finalized blocks are kept decoded in memory.
    pub recent_blocks: usize,
    /// How many missed blocks are followed one by one after an outage. When more were missed, the
    /// newest block is followed at once, and readers fetch those between at their own pace.
    pub catch_up_blocks: u32,
    /// The largest answer that is accepted from a node.
    pub max_response_bytes: u32,
    /// Whether finalized blocks may be taken back. Follows from the kind of the chain, so nobody configures it.
    #[serde(skip)]
    pub finality: Finality,
    /// Networks that are known beforehand, where none was named: whoever follows a node of one of them has its others
    /// behind. Follows from the network that is named, so nobody configures it.
    #[serde(skip)]
    pub public: Vec<PublicNetwork>,
}

/// A network that is known beforehand. It is recognised by its block 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicNetwork {
    /// The hash of its block 0.
    pub genesis: BlockHash,
    /// Its nodes.
    pub endpoints: Vec<Endpoint>,
    /// Those of its nodes that keep the state of every block.
    pub archives: Vec<Endpoint>,
}

/// Whether finalized blocks stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Finality {
    /// They do: an endpoint that says otherwise is left.
    #[default]
    Binding,
    /// The owner of the chain can take it back to an earlier block, from which it goes on differently: a development
    /// chain.
    Revocable,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            own: Vec::new(),
            endpoints: vec!["ws://127.0.0.1:9944".into()],
            archives: Vec::new(),
            fallback: true,
            genesis: None,
            request_timeout_ms: 20_000,
            connect_timeout_ms: 5_000,
            stale_after_ms: None,
            retry_max_ms: 30_000,
            heartbeat_ms: 5_000,
            scout_ms: 10_000,
            max_lag_blocks: 5,
            slow_ms: 3_000,
            requests_per_s: 100,
            requests_at_once: 64,
            recent_blocks: 64,
            catch_up_blocks: 64,
            max_response_bytes: 64 * 1024 * 1024,
            finality: Finality::default(),
            public: Vec::new(),
        }
    }
}

// === impl LinkConfig ===

impl LinkConfig {
    /// What `stale_after_ms` is where it is not said.
    pub const STALE_AFTER_MS: u64 = 60_000;

    /// The endpoints that are followed, in the order of preference, each once, in whatever spelling.
    pub(super) fn followed(&self) -> Vec<&Endpoint> {
        each_once(self.own.iter().chain(&self.endpoints))
    }

    /// Those that are asked for what is old, in the same way.
    pub(super) fn archived(&self) -> Vec<&Endpoint> {
        each_once(&self.archives)
    }

    /// The network that is known beforehand by this block 0, where its nodes are wanted.
    pub(super) fn public(&self, genesis: BlockHash) -> Option<&PublicNetwork> {
        self.public.iter().find(|network| self.fallback && network.genesis == genesis)
    }

    /// How many archives there may be at the most, whatever the chain turns out to be.
    pub(super) fn most_archives(&self) -> usize {
        let known = self.public.iter().map(|network| network.archives.len());
        self.archives.len().saturating_add(known.max().unwrap_or_default())
    }

    /// Refuses what cannot lead to a chain.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let followed = self.followed();
        if followed.is_empty() {
            return Err(ConfigError::NoEndpoint);
        }
        match followed.into_iter().chain(&self.archives).find(|endpoint| !endpoint.is_websocket()) {
            Some(bad) => Err(ConfigError::BadEndpoint { endpoint: bad.to_string() }),
            None => Ok(()),
        }
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    pub(super) fn heartbeat(&self) -> Option<Duration> {
        (self.heartbeat_ms > 0).then(|| Duration::from_millis(self.heartbeat_ms))
    }

    pub(super) fn stale_after(&self) -> Option<Duration> {
        let after = self.stale_after_ms.unwrap_or(Self::STALE_AFTER_MS);
        (after > 0).then(|| Duration::from_millis(after))
    }

    /// How long no block may have come before what is read counts as stale, on a chain that has one every `block_time`:
    /// as long as an endpoint may go without one where that is said, whatever the chain says, for finality may lag or
    /// blocks be made by hand; else not longer.
    pub(super) fn missed_after(&self, block_time: Option<Duration>) -> Option<Duration> {
        let longest = self.stale_after()?;
        let told = block_time.filter(|_| self.stale_after_ms.is_none());
        Some(told.map_or(longest, |period| longest.min(period.saturating_mul(MISSED).max(HESITATION))))
    }

    pub(super) fn retry_max(&self) -> Duration {
        Duration::from_millis(self.retry_max_ms)
    }
}

/// Endpoints without those that came before: one node under two spellings is one.
fn each_once<'e>(endpoints: impl IntoIterator<Item = &'e Endpoint>) -> Vec<&'e Endpoint> {
    let mut met: Vec<&Endpoint> = Vec::new();
    for endpoint in endpoints {
        if !met.iter().any(|before| before.is_same(endpoint)) {
            met.push(endpoint);
        }
    }
    met
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(endpoints: &[&str]) -> Result<(), ConfigError> {
        let endpoints = endpoints.iter().map(|&endpoint| endpoint.into()).collect();
        LinkConfig { endpoints, ..LinkConfig::default() }.check()
    }

    #[test]
    fn only_websockets_are_endpoints() {
        assert_eq!(with(&["ws://127.0.0.1:9944", "wss://entrypoint-finney.opentensor.ai:443"]), Ok(()));
        assert_eq!(with(&[]), Err(ConfigError::NoEndpoint));
        let alone = LinkConfig { own: vec!["ws://own".into()], endpoints: vec![], ..LinkConfig::default() };
        assert_eq!(alone.check(), Ok(()));
        let bad = LinkConfig { own: vec!["own".into()], ..LinkConfig::default() };
        assert!(matches!(bad.check(), Err(ConfigError::BadEndpoint { .. })));
        for bad in ["http://127.0.0.1:9944", "finney", "ws://", "ws:///x", "ws://a b", ""] {
            assert!(matches!(with(&[bad]), Err(ConfigError::BadEndpoint { .. })), "{bad}");
        }
    }

    #[test]
    fn nodes_of_ones_own_come_first_and_none_comes_twice() {
        let config = LinkConfig {
            own: vec!["ws://own".into(), "ws://b".into()],
            endpoints: vec!["ws://a".into(), "ws://b".into(), "ws://own".into(), "ws://A:80/".into()],
            ..LinkConfig::default()
        };
        assert_eq!(
            config.followed().into_iter().map(Endpoint::url).collect::<Vec<_>>(),
            ["ws://own", "ws://b", "ws://a"]
        );
    }

    #[test]
    fn what_is_read_is_stale_once_five_blocks_are_missing_unless_a_time_is_said() {
        let missed = |stale_after_ms, block_time: Option<u64>| {
            let config = LinkConfig { stale_after_ms, ..LinkConfig::default() };
            config.missed_after(block_time.map(Duration::from_millis)).map(|after| after.as_millis())
        };
        for (block_time, after) in [(Some(12_000), 60_000), (Some(2_000), 10_000), (Some(250), 5_000), (None, 60_000)] {
            assert_eq!(missed(None, block_time), Some(after), "{block_time:?}");
        }
        // Longer blocks do not make an endpoint wait longer than it may.
        assert_eq!(missed(None, Some(60_000)), Some(60_000));
        // Whoever says a time knows why: finality that lags, blocks that are made by hand, an endpoint left earlier.
        for said in [2_000, 60_000, 300_000] {
            for block_time in [Some(250), Some(12_000), Some(60_000), None] {
                assert_eq!(missed(Some(said), block_time), Some(u128::from(said)), "{block_time:?}");
            }
        }
        assert_eq!(missed(Some(0), Some(250)), None, "blocks come on demand");
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(serde_json::from_str::<LinkConfig>(r#"{"endpoint": "ws://x"}"#).is_err());
        assert_eq!(serde_json::from_str::<LinkConfig>("{}").unwrap(), LinkConfig::default());
    }
}
