//! Timestamps of blocks: where they come from, and how far somebody has moved them.
//!
//! Pure but for the machine's clock itself. What a timestamp may be is for the runtime to say.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::config::{BlockTime, Clock};

/// The chain's clock. All times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BlockClock {
    source: Clock,
    step: u64,
    /// How far the source was moved.
    shift: i128,
    /// The timestamp of the next block, if it was asked for.
    next: Option<u64>,
}

impl BlockClock {
    pub(crate) fn new(source: Clock, block_time: BlockTime) -> Self {
        Self { source, step: block_time.nominal_millis(), shift: 0, next: None }
    }

    /// Timestamp of block `number`, were it made now.
    pub(crate) fn timestamp(&self, number: u32) -> u64 {
        self.next.unwrap_or_else(|| self.flowing(number))
    }

    /// How far the source was moved, in milliseconds.
    pub(crate) fn shift(&self) -> i64 {
        i64::try_from(self.shift).unwrap_or(if self.shift < 0 { i64::MIN } else { i64::MAX })
    }

    /// Whether it counts blocks, and looks at no clock of the machine.
    pub(crate) fn is_stepped(&self) -> bool {
        matches!(self.source, Clock::Stepped { .. })
    }

    /// Lets block `number` have exactly this timestamp and time go on from there.
    pub(crate) fn set(&mut self, number: u32, timestamp: u64) {
        self.shift = i128::from(timestamp) - i128::from(self.unmoved(number));
        self.next = Some(timestamp);
    }

    /// A block was made: what was asked for the next one is done.
    pub(crate) fn block_made(&mut self) {
        self.next = None;
    }

    /// Time goes on as it did in `then`, whose next block would have been `number` with the timestamp `timestamp`.
    pub(crate) fn rewind(&mut self, then: Self, number: u32, timestamp: u64) {
        *self = then;
        if self.next.is_none() {
            self.shift = i128::from(timestamp) - i128::from(self.unmoved(number));
        }
    }

    fn flowing(&self, number: u32) -> u64 {
        let moved = i128::from(self.unmoved(number)) + self.shift;
        u64::try_from(moved).unwrap_or(if moved < 0 { 0 } else { u64::MAX })
    }

    fn unmoved(&self, number: u32) -> u64 {
        match self.source {
            Clock::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .ok()
                .and_then(|since| u64::try_from(since.as_millis()).ok())
                .unwrap_or(0),
            Clock::Stepped { start } => start.saturating_add(u64::from(number).saturating_mul(self.step)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn stepped() -> BlockClock {
        BlockClock::new(Clock::Stepped { start: 1_000 }, BlockTime::Every(Duration::from_millis(10)))
    }

    #[test]
    fn time_that_was_set_goes_on_from_there() {
        let mut clock = stepped();
        assert_eq!((clock.timestamp(1), clock.shift()), (1_010, 0));
        clock.set(1, 5_000);
        assert_eq!((clock.timestamp(1), clock.shift()), (5_000, 3_990));
        clock.block_made();
        assert_eq!(clock.timestamp(2), 5_010);
        clock.set(2, 4_000);
        clock.block_made();
        assert_eq!(clock.timestamp(3), 4_010);
    }

    #[test]
    fn a_system_clock_is_moved_as_a_whole() {
        let mut clock = BlockClock::new(Clock::System, BlockTime::Instant);
        let now = clock.timestamp(1);
        clock.set(1, now + 86_400_000);
        assert_eq!(clock.timestamp(1), now + 86_400_000);
        clock.block_made();
        assert!(clock.timestamp(2) >= now + 86_400_000);
    }

    #[test]
    fn rewinding_forgets_what_was_set_since() {
        let mut clock = stepped();
        clock.set(3, 50_000);
        clock.block_made();
        let (then, at) = (clock.clone(), clock.timestamp(4));
        clock.set(4, 90_000);
        clock.block_made();
        clock.rewind(then, 4, at);
        assert_eq!((clock.timestamp(4), clock.timestamp(5)), (at, at + 10));
    }

    #[test]
    fn no_shift_overflows() {
        let mut clock = stepped();
        clock.set(1, u64::MAX);
        clock.block_made();
        assert_eq!(clock.timestamp(2), u64::MAX);
        assert!(clock.shift() > 0);
    }
}
