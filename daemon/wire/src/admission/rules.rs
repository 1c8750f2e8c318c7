//! The numbers of an axon's door, and the freshness window.

use std::time::Duration;

use super::{Rate, Refusal};

/// Nanoseconds since 1970. Wide enough for every nonce a peer can send.
pub type Nanos = i128;

/// What every nonce may be late by, before the timeout header widens it.
pub const WINDOW_NS: Nanos = 4_000_000_000;

const NANOS_PER_SECOND: f64 = 1e9;

/// Limits of one axon's door.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// The unsigned timeout header widens the window by at most this much.
    pub max_timeout: Duration,
    /// A nonce may be ahead of this clock by at most this much.
    pub max_clock_skew: Duration,
    /// Longest body, in bytes.
    pub max_body: usize,
    /// Longest base of a head and of a body, in bytes: the texts that say something of the two ends of the call, the name
    /// and a hash, together. Peers send some 400; as much as other servers take of a header by default.
    pub max_base: usize,
    /// Longest sender uuid, in bytes: it is kept in memory. Peers send 36.
    pub max_uuid: usize,
    /// Requests per claimed hotkey and source address.
    pub rate: Rate,
    /// Requests per network of source addresses, whoever they claim to be.
    pub network_rate: Rate,
    /// Requests per proven hotkey, wherever they come from.
    pub hotkey_rate: Rate,
}

// === impl Rules ===

impl Default for Rules {
    fn default() -> Self {
        Self {
            max_timeout: Duration::from_secs(12),
            max_clock_skew: Duration::from_secs(2),
            max_body: 10 * 1024 * 1024,
            max_base: 8_190,
            max_uuid: 64,
            rate: Rate::default(),
            network_rate: Rate { per_second: 1_000.0, burst: 2_000.0 },
            hotkey_rate: Rate { per_second: 200.0, burst: 400.0 },
        }
    }
}

impl Rules {
    /// Nonces up to this one are outside the window whatever the headers say.
    pub(super) fn horizon(&self, now: Nanos) -> Nanos {
        now.saturating_sub(WINDOW_NS).saturating_sub(nanos(self.max_timeout))
    }

    /// Whether `nonce` is neither too old nor too far ahead. `timeout` is the header in seconds.
    pub(super) fn check_window(&self, nonce: Nanos, timeout: Option<f64>, now: Nanos) -> Result<(), Refusal> {
        let timeout = timeout.unwrap_or(0.0);
        if !timeout.is_finite() {
            return Err(Refusal::EndlessTimeout);
        }
        let timeout = timeout.min(self.max_timeout.as_secs_f64());
        if nonce <= python_window(now, timeout) {
            let acceptable = 4.0 + timeout;
            return Err(Refusal::Stale { acceptable, age: seconds(now.saturating_sub(nonce)) });
        }
        if nonce > now.saturating_add(nanos(self.max_clock_skew)) {
            return Err(Refusal::FromTheFuture {
                acceptable: self.max_clock_skew.as_secs_f64(),
                ahead: seconds(nonce.saturating_sub(now)),
            });
        }
        Ok(())
    }
}

/// The newest nonce that is too old at `now` for a finite `timeout` in seconds: `now`, less 4 s,
/// less the timeout. Python computes the same in floats, to the nearest 256 ns.
pub fn python_window(now: Nanos, timeout: f64) -> Nanos {
    #[expect(clippy::cast_possible_truncation, reason = "a float beyond the range of i128 becomes its end")]
    let timeout = (timeout * NANOS_PER_SECOND) as Nanos;
    now.saturating_sub(WINDOW_NS).saturating_sub(timeout)
}

fn nanos(duration: Duration) -> Nanos {
    // 64 bits of seconds in nanoseconds take 94 bits.
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}

fn seconds(nanos: Nanos) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "for display, with two decimals")]
    let nanos = nanos as f64;
    nanos / NANOS_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_numbers_are_outside_the_window() {
        let rules = Rules::default();
        for now in [0, 1_800_000_000_000_000_000, Nanos::from(i64::MAX)] {
            for nonce in [Nanos::MIN, Nanos::MAX] {
                for timeout in [f64::MIN, 0.0, f64::MAX] {
                    assert!(rules.check_window(nonce, Some(timeout), now).is_err(), "{nonce} {timeout} {now}");
                }
            }
        }
    }
}
