//! Requests and connections by outcome.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use btd_wire::{admission::RefusalKind, reply::Failure};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A handler answered.
    Answered,
    /// A handler failed or panicked.
    Failed,
    /// A handler did not answer in time.
    HandlerTimedOut,
    /// Too many requests wait for the handler, or it is not there.
    HandlerBusy,
    /// The handler's own rules turned the sender away.
    TurnedAway,
    /// The door stayed shut.
    Refused(RefusalKind),
}

/// Counts since the axon started. The names are those of the metrics and of `axon_status`.
#[derive(Debug, Default)]
pub(super) struct Counters {
    answered: AtomicU64,
    failed: AtomicU64,
    handler_timed_out: AtomicU64,
    handler_busy: AtomicU64,
    turned_away: AtomicU64,
    refused: [AtomicU64; RefusalKind::ALL.len()],
    /// Connections closed because there were too many: newcomers, and idle ones that gave way to one.
    pub(super) connections_refused: AtomicU64,
    /// Connections that ended in an error of the transport, slow ones included.
    pub(super) connections_failed: AtomicU64,
}

// === impl Outcome ===

impl Outcome {
    /// The name under which it is counted and logged.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::HandlerTimedOut => "handler_timed_out",
            Self::HandlerBusy => "handler_busy",
            Self::TurnedAway => "turned_away",
            Self::Refused(kind) => kind.name(),
        }
    }
}

impl From<&Failure> for Outcome {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::TimedOut { .. } => Self::HandlerTimedOut,
            Failure::Busy { .. } => Self::HandlerBusy,
            Failure::Blacklisted { .. } | Failure::NotVerified { .. } => Self::TurnedAway,
            Failure::Handler { .. } => Self::Failed,
        }
    }
}

// === impl Counters ===

impl Counters {
    pub(super) fn count(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Answered => &self.answered,
            Outcome::Failed => &self.failed,
            Outcome::HandlerTimedOut => &self.handler_timed_out,
            Outcome::HandlerBusy => &self.handler_busy,
            Outcome::TurnedAway => &self.turned_away,
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
        counts.insert("handler_busy", read(&self.handler_busy));
        counts.insert("turned_away", read(&self.turned_away));
        counts.insert("connections_refused", read(&self.connections_refused));
        counts.insert("connections_failed", read(&self.connections_failed));
        counts
    }
}
