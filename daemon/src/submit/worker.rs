//! Follows every extrinsic from the journal to its end, whoever waits for it or does not.
//!
//! Sending the same bytes again is always safe, because the chain takes a nonce once; so bytes that
//! are in no block are sent again after a while and after each loss of the link. A refusal ends an
//! extrinsic only if it is the pool's own and the bytes were never sent before; otherwise it may be
//! in a block already, and blocks alone tell. What has ended is never sent again. What no node was
//! ever offered is known as such after a restart too, and then given up when its deadline passes.

mod sending;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use btd_api::AccountId;
use btd_chain::{ExtrinsicHash, SignedExtrinsic};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, JoinSet},
    time::{interval, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{Plan, Record, Shared, away, error::Withdrawal, genesis, outcome::Outcome};
use crate::{
    causes::with_causes,
    journal::{Handing, Intent, IntentId, JournalError, Settlement},
    logs::panic_words,
    stamp::since_1970,
};

/// The pause after a block that could not be searched, and after a lost answer.
const PAUSE: Duration = Duration::from_secs(3);
/// Days for which a repetition is recognised, whatever the settings say.
const LEAST_KEPT: u32 = 7;
/// How often the journal is tidied up.
const HOUSEKEEPING: Duration = Duration::from_hours(24);

/// Whether the bytes may have reached a node before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum History {
    /// Signed by this process a moment ago, or by an earlier run whose journal says so.
    NeverSent,
    /// Sent already, or nobody knows.
    PerhapsSent,
}

/// How far an extrinsic has come.
#[derive(Clone, Debug)]
pub(super) enum Progress {
    /// In the journal.
    Recorded,
    /// No node has it: the link is down.
    Unsent,
    /// In a pool.
    Sent,
    /// Sent or not: the link was lost.
    Unsure,
    /// A pool would not take it again; blocks will tell.
    Shut,
    /// At its end.
    Settled(Arc<Outcome>),
}

/// An extrinsic to follow.
#[derive(Debug)]
pub(super) struct Job {
    intent: Intent,
    history: History,
    progress: watch::Sender<Progress>,
    terms: Terms,
}

/// When an extrinsic that no node has is given up.
#[derive(Clone, Debug)]
struct Terms {
    /// Cancelled by whoever takes it back.
    taken_back: CancellationToken,
    deadline: Option<Instant>,
}

#[derive(Debug)]
struct Followed {
    signer: AccountId,
    nonce: u32,
    hash: ExtrinsicHash,
    replaces: Option<Record>,
    progress: watch::Receiver<Progress>,
    taken_back: CancellationToken,
}

/// An extrinsic on its way that replaces a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) signer: AccountId,
    pub(super) nonce: u32,
    pub(super) hash: ExtrinsicHash,
}

/// The extrinsics that are being followed.
#[derive(Debug, Default)]
pub(super) struct Active(Mutex<HashMap<IntentId, Followed>>);

/// The long task behind [`super::Submitter`].
#[derive(Debug)]
pub struct Worker {
    shared: Arc<Shared>,
    jobs: mpsc::Receiver<Job>,
}

// === impl Active ===

impl Active {
    /// The lowest nonce from `from` on that nothing on its way for `signer` has. A gap is taken
    /// first: what lies behind it cannot be included before it is filled.
    pub(super) fn free_nonce(&self, signer: AccountId, from: u32) -> u32 {
        let followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let on_its_way = |entry: &&Followed| {
            entry.signer == signer
                && matches!(
                    *entry.progress.borrow(),
                    Progress::Recorded | Progress::Unsent | Progress::Sent | Progress::Unsure
                )
        };
        let taken: HashSet<u32> = followed.values().filter(on_its_way).map(|entry| entry.nonce).collect();
        (from..u32::MAX).find(|nonce| !taken.contains(nonce)).unwrap_or(u32::MAX)
    }

    /// The highest nonce on its way for `signer` that is later than `nonce`.
    pub(super) fn behind(&self, signer: AccountId, nonce: u32) -> Option<u32> {
        let followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        followed.values().filter(|entry| entry.signer == signer && entry.nonce > nonce).map(|entry| entry.nonce).max()
    }

    /// What is on its way, in a block or not, and replaces `record`.
    pub(super) fn replacing(&self, record: Record) -> Vec<Change> {
        let followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let replaces = |entry: &&Followed| {
            entry.replaces == Some(record) && !matches!(*entry.progress.borrow(), Progress::Settled(_))
        };
        let change = |entry: &Followed| Change { signer: entry.signer, nonce: entry.nonce, hash: entry.hash };
        followed.values().filter(replaces).map(change).collect()
    }

    /// Asks that an intent be given up if no node has it; what becomes of that its progress tells.
    pub(super) fn take_back(&self, id: IntentId) -> Option<watch::Receiver<Progress>> {
        let followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = followed.get(&id)?;
        entry.taken_back.cancel();
        Some(entry.progress.clone())
    }

    /// The progress of an intent, and the job of following it unless it is followed already.
    fn enter(&self, intent: &Intent, history: History) -> (watch::Receiver<Progress>, Option<Job>) {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = followed.get(&intent.id) {
            return (entry.progress.clone(), None);
        }
        let (sender, progress) = watch::channel(Progress::Recorded);
        let SignedExtrinsic { signer, nonce, hash, .. } = intent.recorded.extrinsic;
        let plan: Option<Plan> = serde_json::from_str(&intent.recorded.plan).ok();
        let replaces = plan.and_then(|plan| plan.replaces);
        let taken_back = CancellationToken::new();
        let terms = Terms { taken_back: taken_back.clone(), deadline: intent.recorded.deadline_ms.map(moment) };
        let entry = Followed { signer, nonce, hash, replaces, progress: progress.clone(), taken_back };
        followed.insert(intent.id, entry);
        (progress, Some(Job { intent: intent.clone(), history, progress: sender, terms }))
    }

    fn leave(&self, id: IntentId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

// === impl Shared ===

impl Shared {
    /// The progress of a pending intent, which the worker follows from now on. One that no node has at its
    /// deadline is given up.
    pub(super) async fn follow(&self, intent: &Intent, history: History) -> watch::Receiver<Progress> {
        let (progress, job) = self.active.enter(intent, history);
        if let Some(job) = job {
            // Without a worker the sender is dropped, which tells whoever waits.
            let _ = self.queue.send(job).await;
        }
        progress
    }
}

// === impl Worker ===

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, jobs: mpsc::Receiver<Job>) -> Self {
        Self { shared, jobs }
    }

    /// Takes up what an earlier run left as soon as the chain is known, and follows extrinsics
    /// until `token` is cancelled. What is pending then stays so in the journal.
    ///
    /// # Errors
    /// When the journal cannot be read at the beginning.
    pub async fn run(mut self, token: CancellationToken) -> Result<(), JournalError> {
        let mut following = JoinSet::new();
        tokio::select! {
            () = token.cancelled() => return Ok(()),
            genesis = genesis(&self.shared.link) => {
                let _held = self.shared.taking_up.lock().await;
                let pending = self.shared.journal.pending(genesis).await?;
                tracing::info!(pending = pending.len(), %genesis, "took up the journal");
                for job in self.take_up(&pending).await {
                    following.spawn(follow(Arc::clone(&self.shared), job));
                }
                self.shared.resumed.send_replace(true);
            }
        }
        following.spawn(away::remember(Arc::clone(&self.shared)));
        following.spawn(tell_of_idle_rules(Arc::clone(&self.shared)));
        let mut housekeeping = interval(HOUSEKEEPING);
        loop {
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                _ = housekeeping.tick() => self.forget_what_ended_long_ago().await,
                Some(job) = self.jobs.recv() => {
                    following.spawn(follow(Arc::clone(&self.shared), job));
                }
                Some(ended) = following.join_next() => {
                    if let Err(Ok(panic)) = ended.map_err(JoinError::try_into_panic) {
                        tracing::error!(message = panic_words(&*panic), "following an extrinsic panicked; it is taken up at the next start");
                    }
                }
            }
        }
    }
}

impl Worker {
    /// Enters what an earlier run left, and gives the jobs of following it. What no node has and is late is given
    /// up at once, the latest nonce first: none is left to wait behind another that will never come.
    async fn take_up(&self, pending: &[Intent]) -> Vec<Job> {
        let shared = &self.shared;
        let history = |intent: &Intent| match intent.recorded.handing {
            Handing::Never => History::NeverSent,
            Handing::Perhaps => History::PerhapsSent,
        };
        let entered = pending.iter().filter_map(|intent| shared.active.enter(intent, history(intent)).1);
        let mut entered: Vec<Job> = entered.collect();
        entered.sort_by_key(|job| std::cmp::Reverse(job.intent.recorded.extrinsic.nonce));
        let mut left = Vec::new();
        for job in entered {
            let outcome = Outcome::Withdrawn { why: Withdrawal::Late };
            if job.is_to_be_given_up(&shared.active) && write_down(shared, &job.intent, &outcome).await {
                settle(shared, &job.intent, &job.progress, outcome);
            } else {
                left.push(job);
            }
        }
        left.reverse();
        left
    }

    /// Keeps the journal from growing for ever. What is pending is never forgotten.
    async fn forget_what_ended_long_ago(&self) {
        let age = Duration::from_hours(24).saturating_mul(self.shared.config.keep_days.max(LEAST_KEPT));
        match self.shared.journal.prune(age).await {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(forgotten, "forgot extrinsics that ended long ago"),
            Err(error) => tracing::warn!(error = with_causes(&error), "could not tidy the journal up"),
        }
    }
}

// === impl Job, Terms ===

impl Job {
    /// Whether it is late, no node has it, and nothing later waits behind it.
    fn is_to_be_given_up(&self, active: &Active) -> bool {
        self.history == History::NeverSent && self.terms.is_late() && is_last(active, &self.intent.recorded.extrinsic)
    }
}

impl Terms {
    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }
}

/// Whether nothing on its way has a later nonce of the same account: it could only be included behind this one.
fn is_last(active: &Active, extrinsic: &SignedExtrinsic) -> bool {
    active.behind(extrinsic.signer, extrinsic.nonce).is_none()
}

/// The moment at which the clock on the wall shows `time_ms`, in milliseconds since 1970; now if that is past.
fn moment(time_ms: u64) -> Instant {
    let left = Duration::from_millis(time_ms.saturating_sub(since_1970()));
    let now = Instant::now();
    now.checked_add(left).unwrap_or(now)
}

/// Says which rules forbid nothing, as soon as the chain's calls are known: whoever wrote them counts on them.
async fn tell_of_idle_rules(shared: Arc<Shared>) {
    let policy = &shared.config.policy;
    if policy.refuse_calls.is_empty() {
        return;
    }
    let view = loop {
        match shared.link.first_view().await {
            Ok(view) => break view,
            Err(_) => sleep(PAUSE).await,
        }
    };
    for trouble in policy.idle(view.runtime()) {
        tracing::warn!(trouble, "a rule does nothing");
    }
}

/// Sends, searches blocks and sends again, until the end is known; then writes it down.
async fn follow(shared: Arc<Shared>, job: Job) {
    let Job { intent, mut history, progress, terms } = job;
    // Whoever repeats an order may have read the journal a moment before the end was written there.
    if history == History::PerhapsSent
        && let Some(settlement) = settlement(&shared, intent.id).await
    {
        match Outcome::from_settlement(&settlement) {
            Ok(outcome) => drop(progress.send_replace(Progress::Settled(Arc::new(outcome)))),
            Err(error) => tracing::error!(%error, "could not read an outcome in the journal"),
        }
        shared.active.leave(intent.id);
        return;
    }
    // The turn of what is given up is held until its nonce is free again.
    let (outcome, _turn) = loop {
        let (outcome, turn) = sending::end_of(&shared, &intent, history, (&progress, &terms)).await;
        let is_written = write_down(&shared, &intent, &outcome).await;
        if is_written || !matches!(outcome, Outcome::Refused(_) | Outcome::Withdrawn { .. }) {
            break (outcome, turn);
        }
        // What the journal holds as pending is sent again at the next start: nobody is told that it is over.
        history = History::PerhapsSent;
        progress.send_replace(Progress::Unsure);
        sleep(PAUSE).await;
    };
    settle(&shared, &intent, &progress, outcome);
}

/// Tells whoever waits how an extrinsic ended, and follows it no more.
fn settle(shared: &Shared, intent: &Intent, progress: &watch::Sender<Progress>, outcome: Outcome) {
    let hash = intent.recorded.extrinsic.hash;
    match &outcome {
        Outcome::Succeeded(included) => {
            tracing::info!(extrinsic = %hash, block = %included.block.number, fee = included.fee.map(tracing::field::display), "extrinsic succeeded");
        }
        Outcome::Failed(included, error) => {
            tracing::warn!(extrinsic = %hash, block = %included.block.number, %error, "extrinsic failed");
        }
        Outcome::Refused(refused) => tracing::warn!(extrinsic = %hash, reason = refused.words, "extrinsic was refused"),
        Outcome::Expired { until } => tracing::warn!(extrinsic = %hash, until = %until, "extrinsic expired"),
        Outcome::Unseen { block, reason, .. } => {
            tracing::warn!(extrinsic = %hash, block = %block.number, reason, "extrinsic is included, its outcome cannot be read");
        }
        Outcome::Withdrawn { why } => tracing::info!(extrinsic = %hash, ?why, "extrinsic was given up unsent"),
    }
    progress.send_replace(Progress::Settled(Arc::new(outcome)));
    shared.active.leave(intent.id);
}

/// How an intent ended, if it has. Without an answer of the journal nothing may be sent, so it is asked until it answers.
async fn settlement(shared: &Shared, id: IntentId) -> Option<Settlement> {
    loop {
        match shared.journal.settlement(id).await {
            Ok(settlement) => return settlement,
            Err(error) => {
                tracing::error!(error = with_causes(&error), "could not read the journal");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Whether the journal has the outcome now. One that stands on the chain is found again at the next start.
async fn write_down(shared: &Shared, intent: &Intent, outcome: &Outcome) -> bool {
    let extrinsic = intent.recorded.extrinsic.hash;
    match outcome.to_settlement() {
        Ok(settlement) => match shared.journal.settle(intent.id, settlement).await {
            Ok(()) => true,
            Err(error) => {
                let error = with_causes(&error);
                tracing::error!(error, %extrinsic, "could not write an outcome to the journal");
                false
            }
        },
        Err(error) => {
            tracing::error!(%error, %extrinsic, "could not put an outcome into words");
            false
        }
    }
}
