//! Settings of the dendrite.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of the dendrite: how it reaches other axons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Requests on their way to one axon at once, over either transport; further ones wait here and are signed
    /// when their turn comes. The wait counts against the caller's timeout. A Python dendrite sends as many
    /// by default; an axon of btd carries up to 128 on one QUIC connection.
    pub max_requests_per_axon: usize,
    /// Longest reply that is read, in bytes.
    pub max_reply_bytes: usize,
    /// Memory for all replies that are being read or held for whoever asked, in bytes. An axon takes no more of it than it
    /// leaves to the others, and a reply that is there alone as much as it needs. One for which there is no room waits a few
    /// seconds for it, and is reported with 507 then; short ones, of 4 KiB at most, have room of their own.
    pub max_replies_bytes: usize,
    /// Idle HTTP/1.1 connections kept per axon.
    pub max_idle_per_axon: usize,
    /// An idle HTTP/1.1 connection is not used again after this, in milliseconds. Python axons
    /// close theirs after 5 seconds.
    pub idle_ms: u64,
    /// For a QUIC connection to open, or an open one to acknowledge a request, in milliseconds. After
    /// that HTTP/1.1 is tried with transport `auto`, and a new connection with `quic`.
    pub quic_connect_ms: u64,
    /// QUIC connections kept at most; the longest unused one makes room.
    pub max_quic_connections: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_requests_per_axon: 100,
            max_reply_bytes: 10 * 1_024 * 1_024,
            max_replies_bytes: 256 * 1_024 * 1_024,
            max_idle_per_axon: 4,
            idle_ms: 4_000,
            quic_connect_ms: 1_000,
            max_quic_connections: 1_024,
        }
    }
}

// === impl Config ===

impl Config {
    pub(super) fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_ms)
    }

    pub(super) fn quic_connect(&self) -> Duration {
        Duration::from_millis(self.quic_connect_ms)
    }
}
