//! The search over nonces, on as many threads as given.
//!
//! Threads claim runs of nonces in ascending order and finish every run that begins below the best
//! solution so far; so the answer is always the smallest solution at or above the start, however
//! many threads there are.

use std::{
    num::NonZeroUsize,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use crate::{Puzzle, Solution, Target};

/// How many nonces a thread tries between looks at what the others do: some milliseconds' worth.
const RUN: u64 = 4096;

/// What a search and whoever waits for it share.
#[derive(Debug, Default)]
pub struct Control {
    cancelled: AtomicBool,
    tried: AtomicU64,
}

impl Control {
    /// Ends the search within milliseconds; also before it has begun.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// How many nonces have been tried so far.
    pub fn tried(&self) -> u64 {
        self.tried.load(Ordering::Relaxed)
    }
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The smallest nonce that meets the target.
    Found(Solution),
    /// [`Control::cancel`] was called before one was found.
    Cancelled,
    /// No nonce from the start to 2^64 − 1 meets the target.
    Exhausted,
}

/// Searches from `start` upwards. Blocks until it ends, with `threads` threads at work.
pub fn search(puzzle: &Puzzle, target: &Target, start: u64, threads: NonZeroUsize, control: &Control) -> Outcome {
    let hunt = Hunt { puzzle, target, control, start, runs: AtomicU64::new(0), best: AtomicU64::new(u64::MAX) };
    let found = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..threads.get() {
            scope.spawn(|| hunt.run(&found));
        }
    });
    // A solution found before the cancellation is one all the same, but is it the smallest? Runs
    // below it may have been broken off.
    if control.cancelled.load(Ordering::Relaxed) {
        Outcome::Cancelled
    } else if found.load(Ordering::Relaxed) {
        let nonce = hunt.best.load(Ordering::Relaxed);
        Outcome::Found(Solution { nonce, seal: puzzle.seal(nonce) })
    } else {
        Outcome::Exhausted
    }
}

struct Hunt<'a> {
    puzzle: &'a Puzzle,
    target: &'a Target,
    control: &'a Control,
    start: u64,
    /// How many runs have been claimed.
    runs: AtomicU64,
    /// The smallest solution so far.
    best: AtomicU64,
}

impl Hunt<'_> {
    fn run(&self, found: &AtomicBool) {
        while let Some((first, last)) = self.claim() {
            for nonce in first..=last {
                if self.target.met_by(&self.puzzle.seal(nonce)) {
                    self.best.fetch_min(nonce, Ordering::Relaxed);
                    found.store(true, Ordering::Relaxed);
                    break;
                }
            }
            self.control.tried.fetch_add(last - first + 1, Ordering::Relaxed);
        }
    }

    /// The next run, unless the search is over.
    fn claim(&self) -> Option<(u64, u64)> {
        if self.control.cancelled.load(Ordering::Relaxed) {
            return None;
        }
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let first = self.start.checked_add(run.checked_mul(RUN)?)?;
        let over = first > self.best.load(Ordering::Relaxed);
        (!over).then(|| (first, first.saturating_add(RUN - 1)))
    }
}
