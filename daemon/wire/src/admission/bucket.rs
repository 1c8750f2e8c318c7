//! Token buckets: how often a hotkey and a network may make us check a signature and read a body.
//!
//! A bucket that is taken before the signature is checked knows the hotkey only as a claim. It is
//! therefore keyed by the source too: a stranger who claims a victim's hotkey empties a bucket of
//! its own, not the victim's. A source is a [`host`], and many hosts make a [`network`].

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use super::{Nanos, Refusal};

/// How often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Requests per second in the long run.
    pub per_second: f64,
    /// Requests at once after a pause.
    pub burst: f64,
}

impl Default for Rate {
    fn default() -> Self {
        Self { per_second: 100.0, burst: 200.0 }
    }
}

/// Buckets held at most. Beyond that, new keys share one bucket.
const MAX_BUCKETS: usize = 65_536;

#[derive(Debug)]
pub(super) struct Buckets<K> {
    rate: Rate,
    held: Mutex<Held<K>>,
}

#[derive(Debug)]
struct Held<K> {
    /// `None` is what new keys share when there are too many.
    buckets: HashMap<Option<K>, Bucket>,
    swept_at: Nanos,
}

/// Full buckets are forgotten this often at most: a sweep looks at every one.
const SWEEP_EVERY: Nanos = 1_000_000_000;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Nanos,
}

// === impl Buckets ===

impl<K: Eq + Hash> Buckets<K> {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, held: Mutex::new(Held { buckets: HashMap::new(), swept_at: 0 }) }
    }

    /// Takes one token, or says when there will be one.
    pub(super) fn take(&self, key: K, now: Nanos) -> Result<(), Refusal> {
        // A poisoned lock only says that another request panicked; the map is whole.
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Held { buckets, swept_at } = &mut *held;
        let mut key = Some(key);
        if buckets.len() >= MAX_BUCKETS && !buckets.contains_key(&key) {
            if now >= *swept_at + SWEEP_EVERY {
                *swept_at = now;
                buckets.retain(|_, bucket| bucket.refilled(self.rate, now) < self.rate.burst);
            }
            if buckets.len() >= MAX_BUCKETS {
                key = None;
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: self.rate.burst, at: now });
        let tokens = bucket.refilled(self.rate, now);
        if tokens < 1.0 {
            return Err(Refusal::TooManyRequests { retry_after: (1.0 - tokens) / self.rate.per_second });
        }
        *bucket = Bucket { tokens: tokens - 1.0, at: now };
        Ok(())
    }
}

// === impl Bucket ===

impl Bucket {
    /// Tokens at `now`. A clock that steps back refills nothing.
    fn refilled(&self, rate: Rate, now: Nanos) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "fractions of a token do not matter")]
        let elapsed = (now - self.at).max(0) as f64 / 1e9;
        (self.tokens + elapsed * rate.per_second).min(rate.burst)
    }
}

/// One source: an IPv4 address or the upper half of an IPv6 address.
pub fn host(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

/// What one owner of addresses usually has: a /24 of IPv4, a /48 of IPv6.
pub(super) fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() >> 8 << 8)),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 80 << 80)),
    }
}

#[cfg(test)]
mod tests {
    use btd_api::AccountId;

    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    #[test]
    fn a_flood_waits_and_others_do_not() {
        let buckets = Buckets::new(Rate { per_second: 2.0, burst: 3.0 });
        let key = AccountId([1; 32]);
        let (here, there) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for _ in 0..3 {
            buckets.take((key, here), 0).unwrap();
        }
        assert_eq!(buckets.take((key, here), 0), Err(Refusal::TooManyRequests { retry_after: 0.5 }));
        // The same hotkey from elsewhere, and another hotkey from here, are not held up.
        buckets.take((key, there), 0).unwrap();
        buckets.take((AccountId([2; 32]), here), 0).unwrap();
        buckets.take((key, here), SECOND / 2).unwrap();
        assert!(buckets.take((key, here), SECOND / 2).is_err());
        // A step back of the clock gives nothing.
        assert!(buckets.take((key, here), 0).is_err());
    }

    #[test]
    fn one_ipv6_network_is_one_source() {
        let [a, b, c] = ["2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1"].map(|text| host(text.parse().unwrap()));
        assert_eq!(a, b);
        assert_ne!(a, c);
        assert_eq!(host("::ffff:1.2.3.4".parse().unwrap()), IpAddr::from([1, 2, 3, 4]));
        assert_eq!(network("::ffff:1.2.3.4".parse().unwrap()), IpAddr::from([1, 2, 3, 0]));
        assert_eq!(network("2001:db8:7:8::1".parse().unwrap()), "2001:db8:7::".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn memory_is_bounded() {
        let buckets = Buckets::new(Rate { per_second: 1.0, burst: 2.0 });
        let key = |number: u32| {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&number.to_le_bytes());
            AccountId(bytes)
        };
        for number in 0..70_000 {
            // Those beyond the bound share a bucket, which is soon empty.
            let _ = buckets.take(key(number), 0);
        }
        assert!(buckets.held.lock().unwrap().buckets.len() <= MAX_BUCKETS + 1);
        // Once the buckets are full again they are forgotten.
        buckets.take(key(80_000), 10 * SECOND).unwrap();
        assert!(buckets.held.lock().unwrap().buckets.len() <= 2);
    }
}
