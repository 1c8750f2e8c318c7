//! Requests and connections by outcome.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use btd_wire::admission::RefusalKind;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A handler answered.
    Answered,
    /// A handler failed or panicked.
    Failed,
    /// A handler did not answer in time.
    HandlerTimedOut,
    /// The door stayed shut.
    Refused(RefusalKind),
}

/// Counts since the axon started. The names are those of the metrics and of `axon_status`.
#[derive(Debug, Default)]
pub(super) struct Counters {
    answered: AtomicU64,
    failed: AtomicU64,
    handler_timed_out: AtomicU64,
    refused: [AtomicU64; RefusalKind::ALL.len()],
    /// Connections closed because there were too many.
    pub(super) connections_refused: AtomicU64,
    /// Connections that ended in an error of the transport, slow ones included.
    pub(super) connections_failed: AtomicU64,
}

// === impl Counters ===

impl Counters {
    pub(super) fn count(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Answered => &self.answered,
            Outcome::Failed => &self.failed,
            Outcome::HandlerTimedOut => &self.handler_timed_out,
            Outcome::Refused(kind) => {
                // Every kind is in the list.
                match RefusalKind::ALL.iter().position(|other| *other == kind).and_then(|at| self.refused.get(at)) {
                    Some(counter) => counter,
                    None => return,
                }
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn snapshot(&self) -> BTreeMap<&'static str, u64> {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut counts: BTreeMap<_, _> =
            RefusalKind::ALL.iter().zip(&self.refused).map(|(kind, counter)| (kind.name(), read(counter))).collect();
        counts.insert("answered", read(&self.answered));
        counts.insert("failed", read(&self.failed));
        counts.insert("handler_timed_out", read(&self.handler_timed_out));
        counts.insert("connections_refused", read(&self.connections_refused));
        counts.insert("connections_failed", read(&self.connections_failed));
        counts
    }
}
