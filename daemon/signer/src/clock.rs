//! Time for unlock windows: monotonic, and counting while the host sleeps.
//!
//! The clock of the standard library stands still during suspend; a key unlocked for five minutes would
//! still be open after a night with the lid closed.

use std::time::Duration;

/// A moment, as time since boot with suspend included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootTime(pub Duration);

impl BootTime {
    /// This moment and `span` more; the far future if that cannot be told.
    pub(crate) fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }

    /// How long from this moment until `later`; `None` once it is reached.
    pub(crate) fn until(self, later: Self) -> Option<Duration> {
        later.0.checked_sub(self.0).filter(|span| !span.is_zero())
    }
}

/// Where the time comes from; tests bring their own.
pub trait Clock: Send + Sync {
    /// The moment now. Never goes back.
    fn now(&self) -> BootTime;
}

/// Linux's `CLOCK_BOOTTIME`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BootClock;

impl Clock for BootClock {
    fn now(&self) -> BootTime {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
        BootTime(Duration::new(seconds, nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_clock_moves_forward() {
        let first = BootClock.now();
        assert!(first > BootTime::default());
        assert!(BootClock.now() >= first);
    }

    #[test]
    fn a_reached_moment_has_no_time_left() {
        let now = BootTime(Duration::from_secs(5));
        assert_eq!(now.until(now.after(Duration::from_secs(1))), Some(Duration::from_secs(1)));
        assert_eq!(now.until(now), None);
        assert_eq!(now.until(BootTime::default()), None);
    }
}
