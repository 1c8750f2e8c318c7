//! Extrinsics that are not looked at for some time.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use sp_core::H256;

use crate::config::PoolLimits;

/// Hashes with the time at which they are free again. Bounded: when full, the ones that are free soonest make room.
pub(super) struct Bans {
    until: HashMap<H256, Instant>,
    period: Duration,
    capacity: usize,
}

impl Bans {
    pub(super) fn new(limits: &PoolLimits) -> Self {
        Self {
            until: HashMap::new(),
            period: Duration::from_secs(limits.ban_secs),
            capacity: limits.extrinsics.saturating_mul(2).max(16),
        }
    }

    pub(super) fn holds(&self, hash: &H256, now: Instant) -> bool {
        self.until.get(hash).is_some_and(|until| now < *until)
    }

    pub(super) fn add(&mut self, hash: H256, now: Instant) {
        if self.period.is_zero() {
            return;
        }
        if self.until.len() >= self.capacity {
            self.forget_past(now);
        }
        if self.until.len() >= self.capacity {
            let mut times: Vec<Instant> = self.until.values().copied().collect();
            times.sort_unstable();
            if let Some(middle) = times.get(times.len() / 2).copied() {
                self.until.retain(|_, until| *until > middle);
            }
        }
        // A period beyond what the clock can count is for ever; a day stands in for it.
        let until = now.checked_add(self.period).unwrap_or(now + Duration::from_hours(24));
        self.until.insert(hash, until);
    }

    pub(super) fn forget_past(&mut self, now: Instant) {
        self.until.retain(|_, until| now < *until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bans_end_and_stay_bounded() {
        let mut bans = Bans::new(&PoolLimits { extrinsics: 8, bytes: 1, ban_secs: 10 });
        let start = Instant::now();
        for n in 0..1_000_u64 {
            bans.add(H256::from_low_u64_be(n), start + Duration::from_millis(n));
            assert!(bans.until.len() <= 16);
        }
        let last = H256::from_low_u64_be(999);
        assert!(bans.holds(&last, start + Duration::from_secs(10)));
        assert!(!bans.holds(&last, start + Duration::from_secs(11)));
    }
}
