//! Settings of the axon.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use btd_wire::admission::{Rate, Rules};
use serde::{Deserialize, Serialize};

/// Settings of the axon: where it listens and what a stranger may cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The address to listen on: TCP for HTTP/1.1 and UDP for HTTP/3, on one port number. Port 0
    /// takes any that is free for both.
    pub bind: SocketAddr,
    /// Connections at once, of both transports. Further ones are closed at once.
    pub max_connections: usize,
    /// Connections at once from one address.
    pub max_connections_per_ip: usize,
    /// Verified requests at once, those that wait for a handler included. Further ones are answered
    /// 503 at once.
    pub max_in_flight: usize,
    /// Verified requests at once of one hotkey.
    pub max_in_flight_per_hotkey: usize,
    /// Longest header block, in bytes.
    pub max_header_bytes: usize,
    /// Longest body, in bytes.
    pub max_body_bytes: usize,
    /// For a header block to arrive, and for an idle connection to be kept, in milliseconds.
    pub header_timeout_ms: u64,
    /// For a body to arrive, in milliseconds.
    pub body_timeout_ms: u64,
    /// For a handler to answer, whatever the caller asks for, in milliseconds.
    pub handler_timeout_ms: u64,
    /// For requests in flight to be answered when the axon stops, in milliseconds.
    pub drain_ms: u64,
    /// How far a caller's clock may be ahead of ours, in milliseconds. As long after its start, an
    /// axon refuses requests that an earlier run may have seen.
    pub max_clock_skew_ms: u64,
    /// How much the timeout that a caller states may widen the 4 seconds of freshness, in
    /// milliseconds. The statement is not signed.
    pub max_timeout_ms: u64,
    /// Requests per second in the long run, per hotkey and source address.
    pub rate_per_second: f64,
    /// Requests at once after a pause, per hotkey and source address.
    pub rate_burst: f64,
    /// Requests per second in the long run, per network of source addresses (a /24, or a /48 of
    /// IPv6), whoever they claim to be.
    pub network_rate_per_second: f64,
    /// Requests at once after a pause, per network.
    pub network_rate_burst: f64,
    /// Requests per second in the long run, per proven hotkey, wherever they come from.
    pub hotkey_rate_per_second: f64,
    /// Requests at once after a pause, per proven hotkey.
    pub hotkey_rate_burst: f64,
    /// Which requests leave a line in the log.
    pub access_log: AccessLog,
    /// Validity of the QUIC certificate, in days. A new one is made at each start, and when two thirds
    /// of the validity are over.
    pub certificate_days: u32,
}

/// Which requests leave a line in the log, at level `info` and under the target `btd::axon::access`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessLog {
    /// None.
    Off,
    /// Those whose sender was proven.
    #[default]
    Proven,
    /// Every one: strangers then decide how much is logged.
    All,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8091)),
            max_connections: 1_024,
            max_connections_per_ip: 64,
            max_in_flight: 256,
            max_in_flight_per_hotkey: 64,
            max_header_bytes: 32 * 1_024,
            max_body_bytes: 10 * 1_024 * 1_024,
            header_timeout_ms: 10_000,
            body_timeout_ms: 30_000,
            handler_timeout_ms: 60_000,
            drain_ms: 500,
            max_clock_skew_ms: 2_000,
            max_timeout_ms: 12_000,
            rate_per_second: 100.0,
            rate_burst: 200.0,
            network_rate_per_second: 1_000.0,
            network_rate_burst: 2_000.0,
            hotkey_rate_per_second: 200.0,
            hotkey_rate_burst: 400.0,
            access_log: AccessLog::default(),
            certificate_days: 365,
        }
    }
}

// === impl Config ===

impl Config {
    pub(super) fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    pub(super) fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    pub(super) fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms)
    }

    /// How far a caller's clock may be ahead.
    pub fn max_clock_skew(&self) -> Duration {
        Duration::from_millis(self.max_clock_skew_ms)
    }

    /// The rules of the door that these settings make.
    pub(super) fn rules(&self) -> Rules {
        Rules {
            max_timeout: Duration::from_millis(self.max_timeout_ms),
            max_clock_skew: self.max_clock_skew(),
            max_body: self.max_body_bytes,
            rate: Rate { per_second: self.rate_per_second, burst: self.rate_burst },
            network_rate: Rate { per_second: self.network_rate_per_second, burst: self.network_rate_burst },
            hotkey_rate: Rate { per_second: self.hotkey_rate_per_second, burst: self.hotkey_rate_burst },
            ..Rules::default()
        }
    }
}
