//! Nonces: the wall clock in nanoseconds, never the same twice and never going back.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Gives nonces.
#[derive(Debug, Default)]
pub(super) struct Nonces {
    last: AtomicI64,
}

// === impl Nonces ===

impl Nonces {
    /// The clock, or one more than the last nonce if the clock has not moved on.
    pub(super) fn next(&self) -> i128 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // 64 bits of nanoseconds last until the year 2262.
        let now = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX - 1);
        let later = |last: i64| Some(now.max(last.saturating_add(1)));
        match self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later) {
            Ok(last) | Err(last) => i128::from(now.max(last.saturating_add(1))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_grow() {
        let nonces = Nonces::default();
        let mut last = 0;
        for _ in 0..10_000 {
            let next = nonces.next();
            assert!(next > last);
            last = next;
        }
        // The clock was ahead and stepped back: the nonces go on from there.
        nonces.last.store(i64::MAX - 10, Ordering::Relaxed);
        assert_eq!(nonces.next(), i128::from(i64::MAX - 9));
        assert_eq!(nonces.next(), i128::from(i64::MAX - 8));
    }
}
