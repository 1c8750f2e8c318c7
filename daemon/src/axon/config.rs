//! Settings of the axon.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use btd_wire::admission::{Rate, Rules};
use serde::{Deserialize, Serialize};

use crate::gathering::memory_of;

/// Settings of the axon: where it listens and what a stranger may cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The address to listen on: TCP for HTTP/1.1 and UDP for HTTP/3, on one port number. Port 0
    /// takes any that is free for both.
    pub bind: SocketAddr,
    /// Connections at once, of both transports. For a further one gives way that has no request in flight: the longest idle
    /// of the address that has most; rather one over which no request was admitted, and rather one that has been idle for a
    /// second. Where each has one, the newcomer is closed at once. One of HTTP/1.1 reads into a
    /// buffer of up to 128 KiB, or of `max_header_bytes` if that is more. One of HTTP/3 holds as much as 512 KiB of header
    /// blocks that have not come as a whole, or one such block if that is more, and as much as 1 MiB that has not been read.
    pub max_connections: usize,
    /// Connections at once from one address; further ones are closed at once. A Python dendrite opens up to a hundred, and
    /// several callers may share an address.
    pub max_connections_per_ip: usize,
    /// Verified requests at once, those that wait for a handler included. For a further one gives way, with 503, whose body
    /// is still being read: the longest-read one of the hotkey that has most such bodies, if those are more than the
    /// newcomer's would have requests, or as many for 2 seconds. Where none is, the newcomer is answered 503 at once. Bodies
    /// of senders who are yet to prove themselves are half as many.
    pub max_in_flight: usize,
    /// Verified requests at once of one hotkey: what a Python dendrite sends at once, and more.
    pub max_in_flight_per_hotkey: usize,
    /// Memory for the messages of verified requests, those that are being read and those whose answers are being written
    /// included, in bytes, or as much as two bodies of `max_body_bytes` take, if that is more. A hotkey takes no more of it
    /// than it leaves to the others, and a message that is there alone as much as it needs. For further ones bodies that are
    /// being read give way, in the same manner, of the hotkey whose take most; else they are answered 503. Short ones, of
    /// 8 KiB at most or a 1024th of this if that is less, have room for 1024 of them beside it, 8 MiB as a rule, which is
    /// shared in the same way; what a hotkey sends beyond its share of that counts as longer ones do.
    pub max_in_flight_bytes: usize,
    /// The same for bodies of senders who are yet to prove themselves, or as much as one of `max_body_bytes` takes. Beyond
    /// that a body of the source that takes most gives way.
    pub max_unproven_bytes: usize,
    /// Memory for what callers over HTTP/3 have not acknowledged of their replies, in bytes: of all connections, beside
    /// the 32 KiB that each may take in any case. A connection takes 4 MiB at most, and the connections of one address no
    /// more than they leave to the others. What has no place there waits with its message.
    pub max_unacknowledged_bytes: usize,
    /// Longest header block, in bytes. Over HTTP/3 no frame without data is longer than one takes, trailers included.
    pub max_header_bytes: usize,
    /// Longest body, in bytes.
    pub max_body_bytes: usize,
    /// For a header block to arrive, and for an idle connection to be kept, in milliseconds.
    pub header_timeout_ms: u64,
    /// For a body to arrive, and for a caller to take more of its reply, in milliseconds.
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
            max_connections: 4_096,
            max_connections_per_ip: 256,
            max_in_flight: 1_024,
            max_in_flight_per_hotkey: 256,
            max_in_flight_bytes: 448 * 1_024 * 1_024,
            max_unproven_bytes: 64 * 1_024 * 1_024,
            max_unacknowledged_bytes: 64 * 1_024 * 1_024,
            max_header_bytes: 32 * 1_024,
            max_body_bytes: 10 * 1_024 * 1_024,
            header_timeout_ms: 10_000,
            body_timeout_ms: 30_000,
            handler_timeout_ms: 60_000,
            drain_ms: 500,
            max_clock_skew_ms: 2_000,
            max_timeout_ms: 12_000,
            rate_per_second: 100.0,
            rate_burst: 300.0,
            network_rate_per_second: 1_000.0,
            network_rate_burst: 2_000.0,
            hotkey_rate_per_second: 200.0,
            hotkey_rate_burst: 400.0,
            access_log: AccessLog::default(),
            certificate_days: 365,
        }
    }
}

/// No request of any peer has a shorter header block.
const LEAST_HEADER: usize = 1_024;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
const LONGEST_SKEW_MS: u64 = 5 * 60 * 1_000;
/// A century.
const LONGEST_VALIDITY_DAYS: u64 = 36_500;

/// A setting that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSetting {
    /// Its key within the table.
    pub key: &'static str,
    /// Its value.
    pub value: String,
    /// What would make sense.
    pub reason: String,
}

// === impl BadSetting ===

impl BadSetting {
    fn new(key: &'static str, value: &impl ToString, reason: String) -> Self {
        Self { key, value: value.to_string(), reason }
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

    /// Memory for the messages of verified requests. A hotkey takes half of it at most, and that is room for the longest.
    pub(super) fn in_flight_bytes(&self) -> usize {
        self.max_in_flight_bytes.max(memory_of(self.max_body_bytes).saturating_mul(2))
    }

    /// Memory for bodies of senders who are yet to prove themselves.
    pub(super) fn unproven_bytes(&self) -> usize {
        self.max_unproven_bytes.max(memory_of(self.max_body_bytes))
    }

    /// How far a caller's clock may be ahead.
    pub fn max_clock_skew(&self) -> Duration {
        Duration::from_millis(self.max_clock_skew_ms)
    }

    /// Whether these settings make an axon that can answer.
    ///
    /// # Errors
    /// With the first that does not, and what would.
    pub fn check(&self) -> Result<(), BadSetting> {
        let counts = [
            ("max_connections", self.max_connections, 1),
            ("max_connections_per_ip", self.max_connections_per_ip, 1),
            ("max_in_flight", self.max_in_flight, 1),
            ("max_in_flight_per_hotkey", self.max_in_flight_per_hotkey, 1),
            ("max_in_flight_bytes", self.max_in_flight_bytes, 1),
            ("max_unproven_bytes", self.max_unproven_bytes, 1),
            ("max_unacknowledged_bytes", self.max_unacknowledged_bytes, 1),
            ("max_header_bytes", self.max_header_bytes, LEAST_HEADER),
            ("max_body_bytes", self.max_body_bytes, 1),
        ];
        for (key, value, least) in counts {
            if value < least {
                return Err(BadSetting::new(key, &value, format!("it is {least} or more")));
            }
        }
        let durations = [
            ("header_timeout_ms", self.header_timeout_ms, 1, DAY_MS),
            ("body_timeout_ms", self.body_timeout_ms, 1, DAY_MS),
            ("handler_timeout_ms", self.handler_timeout_ms, 1, DAY_MS),
            ("drain_ms", self.drain_ms, 0, DAY_MS),
            // The axon refuses everybody for as long after its start.
            ("max_clock_skew_ms", self.max_clock_skew_ms, 0, LONGEST_SKEW_MS),
            ("max_timeout_ms", self.max_timeout_ms, 0, DAY_MS),
            ("certificate_days", self.certificate_days.into(), 1, LONGEST_VALIDITY_DAYS),
        ];
        for (key, value, least, most) in durations {
            if !(least..=most).contains(&value) {
                return Err(BadSetting::new(key, &value, format!("it is {least} to {most}")));
            }
        }
        let rates = [
            ("rate_per_second", self.rate_per_second, 0.0),
            ("rate_burst", self.rate_burst, 1.0),
            ("network_rate_per_second", self.network_rate_per_second, 0.0),
            ("network_rate_burst", self.network_rate_burst, 1.0),
            ("hotkey_rate_per_second", self.hotkey_rate_per_second, 0.0),
            ("hotkey_rate_burst", self.hotkey_rate_burst, 1.0),
        ];
        for (key, value, least) in rates {
            if !value.is_finite() || value < least || value <= 0.0 {
                let reason = if least > 0.0 { "it is 1 or more" } else { "it is more than 0" };
                return Err(BadSetting::new(key, &value, format!("{reason}, and a number that ends")));
            }
        }
        Ok(())
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
