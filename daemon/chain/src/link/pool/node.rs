//! What is known of one endpoint.
//!
//! It is judged by what it answers and by the blocks it brings. Nothing is connected here; times are passed in.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use btd_api::BlockNumber;

use super::super::{Seen, budget::Budget, config::LinkConfig};
use crate::{block::BlockRef, endpoint::Endpoint, error::ConnectError};

/// The first rest after a failure; each further one in a row doubles it.
pub(super) const FIRST_REST: Duration = Duration::from_millis(500);
/// An endpoint of another chain or of another history rests so many times the longest rest.
pub(super) const HOPELESS: u32 = 4;

/// How an endpoint stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not tried yet.
    Unknown,
    /// Followed now.
    Active,
    /// Answered when it was looked at last.
    Standby,
    /// Failed, or was found wanting, and is tried again after a rest.
    Resting,
}

/// What is known of an endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointStatus {
    /// Its URL, without what may be a key.
    pub endpoint: String,
    /// Whether it is asked for old state only.
    pub is_archive: bool,
    /// How it stands.
    pub standing: Standing,
    /// What was wrong with it the last time, until it is well again.
    pub trouble: Option<ConnectError>,
    /// The newest finalized block that it was seen to have, and when.
    pub finalized: Option<Seen>,
    /// How long it takes to answer, as a moving average.
    pub latency: Option<Duration>,
    /// How many requests it has answered or refused.
    pub requests: u64,
    /// Failures since it brought a block.
    pub failures: u32,
    /// Whether it has said that it keeps no old state.
    pub is_pruned: bool,
    /// Whether it has said "too many requests" a short while ago.
    pub is_rate_limited: bool,
    /// How long it still rests.
    pub rests: Option<Duration>,
}

/// One endpoint with its record. Shared by its connections.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) endpoint: Endpoint,
    pub(crate) budget: Budget,
    is_archive: bool,
    /// Whether nobody has named it: it is of the public network that the chain turned out to be.
    is_joined: bool,
    record: Mutex<Record>,
}

#[derive(Debug)]
struct Record {
    standing: Standing,
    trouble: Option<ConnectError>,
    finalized: Option<Seen>,
    /// What it has announced last, and when.
    announced: Option<(BlockNumber, Instant)>,
    /// When it was seen to have a newer one than before.
    grew_at: Option<Instant>,
    latency: Option<Duration>,
    requests: u64,
    failures: u32,
    /// When it has left a read unanswered that another one answered, each trouble once.
    unanswered: Vec<Instant>,
    is_pruned: bool,
    /// When the rest after its last failure is over, or was; none where it was seen well since.
    ready_at: Option<Instant>,
}

// === impl Node ===

impl Node {
    pub(in crate::link) fn new(
        endpoint: &Endpoint,
        is_archive: bool,
        is_joined: bool,
        config: &LinkConfig,
        now: Instant,
    ) -> Arc<Self> {
        let record = Record {
            standing: Standing::Unknown,
            trouble: None,
            finalized: None,
            announced: None,
            grew_at: None,
            latency: None,
            requests: 0,
            failures: 0,
            unanswered: Vec::new(),
            is_pruned: false,
            ready_at: None,
        };
        let budget = Budget::new(config.requests_per_s, config.requests_at_once, now);
        Arc::new(Self { endpoint: endpoint.clone(), budget, is_archive, is_joined, record: Mutex::new(record) })
    }

    /// Whether it is here because the chain turned out to be a public one.
    pub(crate) fn is_joined(&self) -> bool {
        self.is_joined
    }

    /// A request was answered, or refused, after `latency`.
    pub(crate) fn note_answer(&self, latency: Duration) {
        let mut record = self.record();
        record.requests += 1;
        record.latency = Some(record.latency.map_or(latency, |average| (average * 7 + latency) / 8));
    }

    /// It has `block` as its newest finalized one, and nothing is wrong with it.
    pub(crate) fn note_well(&self, block: BlockRef, at: Instant, standing: Standing) {
        let mut record = self.record();
        record.finalized = Some(Seen { block, at });
        record.standing = standing;
        record.trouble = None;
        record.ready_at = None;
        if standing == Standing::Active {
            record.failures = 0;
        }
    }

    /// It failed, or was found wanting: it rests, the longer the more often it happened. `jitter`
    /// makes of a rest one that others do not have too.
    pub(crate) fn note_failure(
        &self,
        cause: ConnectError,
        longest: Duration,
        now: Instant,
        jitter: impl Fn(Duration) -> Duration,
    ) {
        let mut record = self.record();
        record.failures = record.failures.saturating_add(1);
        let rest = match &cause {
            ConnectError::WrongGenesis { .. } | ConnectError::Forked { .. } => longest.saturating_mul(HOPELESS),
            ConnectError::RateLimited { .. } => longest,
            _ => FIRST_REST.saturating_mul(2_u32.saturating_pow(record.failures - 1)).min(longest),
        };
        // What it has is no block of the chain that is followed.
        if matches!(cause, ConnectError::WrongGenesis { .. } | ConnectError::Forked { .. }) {
            record.finalized = None;
        }
        record.standing = Standing::Resting;
        record.ready_at = Some(now + jitter(rest));
        record.trouble = Some(cause);
    }

    /// It has answered a read beside the endpoint in use. If its rest is over, it comes as early as before it failed.
    pub(crate) fn note_told(&self, now: Instant) {
        let mut record = self.record();
        record.ready_at = record.ready_at.filter(|ready| *ready > now);
    }

    /// It is to blame for something, and asked again all the same.
    pub(crate) fn note_trouble(&self, cause: ConnectError) {
        self.record().trouble = Some(cause);
    }

    /// An archive has answered: nothing is wrong with it any more.
    pub(crate) fn note_served(&self) {
        let mut record = self.record();
        record.standing = Standing::Standby;
        record.trouble = None;
        record.ready_at = None;
        record.failures = 0;
    }

    /// That it contradicted what was followed was no fault of its own: it need not rest for that.
    pub(crate) fn note_absolved(&self) {
        let mut record = self.record();
        if !matches!(record.trouble, Some(ConnectError::Forked { .. } | ConnectError::Behind { .. })) {
            return;
        }
        record.standing = Standing::Standby;
        record.trouble = None;
        record.ready_at = None;
    }

    /// What it was seen to have may not be the chain's history, and is to be seen again.
    pub(crate) fn note_disproved(&self) {
        self.record().finalized = None;
    }

    /// It announces `newest` as its newest finalized block. That is growth where it has announced an earlier one within
    /// `term`: of one that was not heard for longer nobody knows when it has got there.
    pub(crate) fn note_announced(&self, newest: BlockNumber, term: Duration, now: Instant) {
        let mut record = self.record();
        let before = record.announced.replace((newest, now));
        if before.is_some_and(|(before, at)| before < newest && now.saturating_duration_since(at) <= term) {
            record.grew_at = Some(now);
        }
    }

    /// Whether its chain was seen to grow within `term`.
    pub(crate) fn has_grown(&self, term: Duration, now: Instant) -> bool {
        self.record().grew_at.is_some_and(|at| now.saturating_duration_since(at) <= term)
    }

    /// It has left a read unanswered that another one has answered: how often that was within `term`. What comes within
    /// `incident` of the last that was counted is the same trouble, and not counted again.
    pub(crate) fn note_unanswered(&self, term: Duration, incident: Duration, now: Instant) -> usize {
        let mut record = self.record();
        record.unanswered.retain(|at| now.saturating_duration_since(*at) <= term);
        let is_another = |last: &Instant| now.saturating_duration_since(*last) >= incident;
        if record.unanswered.last().is_none_or(is_another) {
            record.unanswered.push(now);
        }
        record.unanswered.len()
    }

    /// How often it has left a read unanswered within `term` that another one has answered, each trouble once.
    pub(crate) fn unanswered(&self, term: Duration, now: Instant) -> usize {
        let record = self.record();
        record.unanswered.iter().filter(|at| now.saturating_duration_since(**at) <= term).count()
    }

    /// It is well, and left for another all the same.
    pub(crate) fn note_left(&self) {
        self.record().standing = Standing::Standby;
    }

    /// It said that it does not keep the state of an old block.
    pub(crate) fn note_pruned(&self) {
        self.record().is_pruned = true;
    }

    /// Its answers' average delay.
    pub(crate) fn latency(&self) -> Option<Duration> {
        self.record().latency
    }

    /// When the rest after its last failure is over, or was; none, which is before all others, where it has not failed or
    /// was seen well since.
    pub(crate) fn ready_at(&self) -> Option<Instant> {
        self.record().ready_at
    }

    /// How long it still rests.
    pub(crate) fn rests(&self, now: Instant) -> Option<Duration> {
        self.record().ready_at.and_then(|ready| ready.checked_duration_since(now)).filter(|rest| !rest.is_zero())
    }

    /// Whether a visit is in place: it does not rest, or visits are urgent and a visit can end its rest. One that
    /// is of another chain or history, or has turned requests away, rests all the same.
    pub(crate) fn may_be_visited(&self, now: Instant, is_urgent: bool) -> bool {
        use ConnectError::{Forked, RateLimited, WrongGenesis};
        let is_left_alone =
            || matches!(self.record().trouble, Some(WrongGenesis { .. } | Forked { .. } | RateLimited { .. }));
        self.rests(now).is_none() || is_urgent && !is_left_alone()
    }

    pub(crate) fn status(&self, now: Instant) -> EndpointStatus {
        let (is_rate_limited, rests) = (self.budget.is_slowed(now), self.rests(now));
        let record = self.record();
        EndpointStatus {
            endpoint: self.endpoint.to_string(),
            is_archive: self.is_archive,
            standing: record.standing,
            trouble: record.trouble.clone(),
            finalized: record.finalized,
            latency: record.latency,
            requests: record.requests,
            failures: record.failures,
            is_pruned: record.is_pruned,
            is_rate_limited,
            rests,
        }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
