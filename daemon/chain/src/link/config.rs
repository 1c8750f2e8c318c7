//! What can be configured about the link to a chain.

use std::time::Duration;

use btd_api::BlockHash;
use serde::{Deserialize, Serialize};

use crate::error::ConfigError;

/// How to reach a chain. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkConfig {
    /// WebSocket URLs, tried in this order; the next one is taken when one fails.
    pub endpoints: Vec<String>,
    /// The hash of block 0, which names the chain. Without it the first endpoint that answers
    /// decides, for as long as the process lives.
    pub genesis: Option<BlockHash>,
    /// How long one request may take.
    pub request_timeout_ms: u64,
    /// How long a connection may take to be made.
    pub connect_timeout_ms: u64,
    /// How long no finalized block may arrive before the endpoint counts as dead; 0 waits for
    /// ever, for chains that make blocks only on demand.
    pub stale_after_ms: u64,
    /// The longest pause between two rounds of attempts. Pauses begin at half a second, double, and
    /// are jittered.
    pub retry_max_ms: u64,
    /// How many of the newest finalized blocks are kept decoded in memory.
    pub recent_blocks: usize,
    /// The largest answer that is accepted from a node.
    pub max_response_bytes: u32,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            endpoints: vec!["ws://127.0.0.1:9944".to_owned()],
            genesis: None,
            request_timeout_ms: 20_000,
            connect_timeout_ms: 10_000,
            stale_after_ms: 60_000,
            retry_max_ms: 30_000,
            recent_blocks: 64,
            max_response_bytes: 64 * 1024 * 1024,
        }
    }
}

// === impl LinkConfig ===

impl LinkConfig {
    /// Refuses what cannot lead to a chain. `ws://` is taken for what it says: unencrypted.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.endpoints.is_empty() {
            return Err(ConfigError::NoEndpoint);
        }
        let is_websocket = |endpoint: &str| {
            let rest = endpoint.strip_prefix("ws://").or_else(|| endpoint.strip_prefix("wss://"));
            rest.is_some_and(|host| !host.is_empty() && !host.starts_with('/') && !host.contains(char::is_whitespace))
        };
        match self.endpoints.iter().find(|endpoint| !is_websocket(endpoint)) {
            Some(bad) => Err(ConfigError::BadEndpoint { endpoint: bad.clone() }),
            None => Ok(()),
        }
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    pub(super) fn stale_after(&self) -> Option<Duration> {
        (self.stale_after_ms > 0).then(|| Duration::from_millis(self.stale_after_ms))
    }

    pub(super) fn retry_max(&self) -> Duration {
        Duration::from_millis(self.retry_max_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(endpoints: &[&str]) -> Result<(), ConfigError> {
        let endpoints = endpoints.iter().map(|&endpoint| endpoint.to_owned()).collect();
        LinkConfig { endpoints, ..LinkConfig::default() }.check()
    }

    #[test]
    fn only_websockets_are_endpoints() {
        assert_eq!(with(&["ws://127.0.0.1:9944", "wss://entrypoint-finney.opentensor.ai:443"]), Ok(()));
        assert_eq!(with(&[]), Err(ConfigError::NoEndpoint));
        for bad in ["http://127.0.0.1:9944", "finney", "ws://", "ws:///x", "ws://a b", ""] {
            assert!(matches!(with(&[bad]), Err(ConfigError::BadEndpoint { .. })), "{bad}");
        }
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(serde_json::from_str::<LinkConfig>(r#"{"endpoint": "ws://x"}"#).is_err());
        assert_eq!(serde_json::from_str::<LinkConfig>("{}").unwrap(), LinkConfig::default());
    }
}
