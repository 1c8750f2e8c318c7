//! Follows every extrinsic from the journal to its end, whoever waits for it or does not.
//!
//! Sending the same bytes again is always safe, because the chain takes a nonce once; so bytes that
//! are in no block are sent again after a while and after each loss of the link. A refusal ends an
//! extrinsic only if it is the pool's own and the bytes were never sent before; otherwise it may be
//! in a block already, and blocks alone tell. What has ended is never sent again.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use btd_api::{AccountId, BlockNumber, signing::Lane};
use btd_chain::{Era, LinkState, PoolRefusal, SignedExtrinsic, SubmitError, Tracked};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{interval, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    Shared,
    error::Withdrawal,
    genesis,
    lane::Turn,
    outcome::{Outcome, Refused},
};
use crate::{
    causes::with_causes,
    journal::{Intent, IntentId, JournalError, Settlement},
};

/// The pause after a block that could not be searched, and after a lost answer.
const PAUSE: Duration = Duration::from_secs(3);
/// What the pause grows to while the same block cannot be searched: this node may have thrown it
/// away, another endpoint may have it.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Days for which a repetition is recognised, whatever the settings say.
const LEAST_KEPT: u32 = 7;
/// How often the journal is tidied up.
const HOUSEKEEPING: Duration = Duration::from_hours(24);

/// Whether the bytes may have reached a node before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum History {
    /// Signed by this process a moment ago.
    NeverSent,
    /// From an earlier run, or sent already.
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
    progress: watch::Receiver<Progress>,
    taken_back: CancellationToken,
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

    /// Asks that an intent be given up if no node has it; what becomes of that its progress tells.
    pub(super) fn take_back(&self, id: IntentId) -> Option<watch::Receiver<Progress>> {
        let followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = followed.get(&id)?;
        entry.taken_back.cancel();
        Some(entry.progress.clone())
    }

    /// The progress of an intent, and the job of following it unless it is followed already.
    fn enter(
        &self,
        intent: &Intent,
        history: History,
        deadline: Option<Instant>,
    ) -> (watch::Receiver<Progress>, Option<Job>) {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = followed.get(&intent.id) {
            return (entry.progress.clone(), None);
        }
        let (sender, progress) = watch::channel(Progress::Recorded);
        let SignedExtrinsic { signer, nonce, .. } = intent.recorded.extrinsic;
        let taken_back = CancellationToken::new();
        let terms = Terms { taken_back: taken_back.clone(), deadline };
        followed.insert(intent.id, Followed { signer, nonce, progress: progress.clone(), taken_back });
        (progress, Some(Job { intent: intent.clone(), history, progress: sender, terms }))
    }

    fn leave(&self, id: IntentId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

// === impl Shared ===

impl Shared {
    /// The progress of a pending intent, which the worker follows from now on. One that no node has at its
    /// `deadline` is given up.
    pub(super) async fn follow(
        &self,
        intent: &Intent,
        history: History,
        deadline: Option<Instant>,
    ) -> watch::Receiver<Progress> {
        let (progress, job) = self.active.enter(intent, history, deadline);
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
                let pending = self.shared.journal.pending(genesis).await?;
                tracing::info!(pending = pending.len(), %genesis, "took up the journal");
                for intent in pending {
                    if let (_, Some(job)) = self.shared.active.enter(&intent, History::PerhapsSent, None) {
                        following.spawn(follow(Arc::clone(&self.shared), job));
                    }
                }
            }
        }
        self.shared.resumed.send_replace(true);
        let mut housekeeping = interval(HOUSEKEEPING);
        loop {
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                _ = housekeeping.tick() => self.forget_what_ended_long_ago().await,
                Some(job) = self.jobs.recv() => {
                    following.spawn(follow(Arc::clone(&self.shared), job));
                }
                Some(ended) = following.join_next() => {
                    if let Err(error) = ended && error.is_panic() {
                        tracing::error!(%error, "following an extrinsic panicked; it is taken up at the next start");
                    }
                }
            }
        }
    }
}

impl Worker {
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
    let hash = intent.recorded.extrinsic.hash;
    // The turn of what is given up is held until its nonce is free again.
    let (outcome, _turn) = loop {
        let (outcome, turn) = end_of(&shared, &intent.recorded.extrinsic, history, (&progress, &terms)).await;
        let is_written = write_down(&shared, &intent, &outcome).await;
        if is_written || !matches!(outcome, Outcome::Refused(_) | Outcome::Withdrawn { .. }) {
            break (outcome, turn);
        }
        // What the journal holds as pending is sent again at the next start: nobody is told that it is over.
        history = History::PerhapsSent;
        progress.send_replace(Progress::Unsure);
        sleep(PAUSE).await;
    };
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

async fn end_of(
    shared: &Shared,
    extrinsic: &SignedExtrinsic,
    mut history: History,
    (progress, terms): (&watch::Sender<Progress>, &Terms),
) -> (Outcome, Option<Turn>) {
    let from = match extrinsic.era {
        Era::Mortal { birth, .. } => birth,
        Era::Immortal => BlockNumber(0),
    };
    let search = search(shared, extrinsic, from);
    tokio::pin!(search);
    loop {
        let pause = match shared.link.submit(extrinsic).await {
            Ok(()) => {
                history = History::PerhapsSent;
                progress.send_replace(Progress::Sent);
                Duration::from_secs(shared.config.resend_s.into())
            }
            Err(SubmitError::NotSent { .. }) if history == History::NeverSent => {
                progress.send_replace(Progress::Unsent);
                PAUSE
            }
            Err(SubmitError::NotSent { .. }) => {
                progress.send_replace(Progress::Unsure);
                PAUSE
            }
            Err(SubmitError::Ambiguous { cause, .. }) => {
                history = History::PerhapsSent;
                tracing::debug!(extrinsic = %extrinsic.hash, cause, "did not learn whether an extrinsic arrived");
                progress.send_replace(Progress::Unsure);
                PAUSE
            }
            Err(SubmitError::Refused(refusal)) if !is_the_pools(&refusal) => {
                history = History::PerhapsSent;
                tracing::debug!(extrinsic = %extrinsic.hash, %refusal, "did not learn whether an extrinsic arrived");
                progress.send_replace(Progress::Unsure);
                PAUSE
            }
            Err(SubmitError::Refused(refusal)) => {
                let refused = Refused::from(&refusal);
                if history == History::NeverSent {
                    return (Outcome::Refused(refused), None);
                }
                tracing::debug!(extrinsic = %extrinsic.hash, reason = refused.words, "was not taken again");
                progress.send_replace(Progress::Shut);
                Duration::from_secs(shared.config.resend_s.into())
            }
        };
        tokio::select! {
            outcome = &mut search => return (outcome, None),
            () = again(shared, pause) => {}
            given_up = give_up(shared, extrinsic, terms), if history == History::NeverSent => return given_up,
        }
    }
}

/// Resolves when what no node has is to be given up.
async fn give_up(shared: &Shared, extrinsic: &SignedExtrinsic, terms: &Terms) -> (Outcome, Option<Turn>) {
    let late = async {
        match terms.deadline {
            Some(deadline) => sleep(deadline.saturating_duration_since(Instant::now())).await,
            None => std::future::pending().await,
        }
        // Nobody takes a later nonce meanwhile.
        let turn = shared.lanes.turn(extrinsic.signer, Lane::Urgent, None).await.ok();
        if shared.active.behind(extrinsic.signer, extrinsic.nonce).is_some() {
            // It is in the way of others now, which can only be included after it.
            drop(turn);
            std::future::pending::<()>().await;
            return None;
        }
        turn
    };
    tokio::select! {
        // Whoever takes it back has the turn.
        () = terms.taken_back.cancelled() => (Outcome::Withdrawn { why: Withdrawal::Cancelled }, None),
        turn = late => (Outcome::Withdrawn { why: Withdrawal::Late }, turn),
    }
}

/// Whether a refusal says for certain that the pool did not take the bytes: the codes of
/// `sc_rpc_api::author` do, and so do those of JSON-RPC for a request that is not understood. With
/// any other a proxy may speak for a node that did take them.
fn is_the_pools(refusal: &PoolRefusal) -> bool {
    matches!(refusal.code, 1000..=1099 | -32700 | -32602..=-32600)
}

/// Resolves when it is time to send again: after `pause`, and when a lost link has come back.
async fn again(shared: &Shared, pause: Duration) {
    let mut state = shared.link.state();
    let back = async {
        let lost = state.wait_for(|state| !state.is_live()).await.is_ok();
        if !lost || state.wait_for(LinkState::is_live).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = back => {}
        () = sleep(pause) => {}
    }
}

/// Searches the finalized blocks of the extrinsic's era. A block that cannot be searched is asked
/// for again: skipping it could turn "unknown" into "never".
async fn search(shared: &Shared, extrinsic: &SignedExtrinsic, from: BlockNumber) -> Outcome {
    let mut pause = PAUSE;
    loop {
        let begun = Instant::now();
        match shared.link.track(extrinsic.hash, from, extrinsic.era_end()).await {
            Ok(Tracked::Included(inclusion)) => return Outcome::of(inclusion),
            Ok(Tracked::IncludedUnseen(unseen)) => return unseen.into(),
            Ok(Tracked::Expired { until }) => return Outcome::Expired { until },
            Err(error) => {
                tracing::warn!(%error, extrinsic = %extrinsic.hash, "could not search a block for an extrinsic");
                // A search that went on for long had got further, and another endpoint may have what this one lacks.
                let (got_further, asked) = (begun.elapsed() > pause, endpoint(shared));
                sleep(pause).await;
                pause = if got_further || endpoint(shared) != asked { PAUSE } else { LONGEST_PAUSE.min(pause * 2) };
            }
        }
    }
}

/// The endpoint that is followed now.
fn endpoint(shared: &Shared) -> Option<String> {
    match &*shared.link.state().borrow() {
        LinkState::Live { endpoint, .. } => Some(endpoint.clone()),
        LinkState::Connecting { .. } | LinkState::Lost { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use btd_chain::RefusalReason;

    use super::*;

    #[test]
    fn only_the_pool_itself_can_say_that_it_did_not_take_an_extrinsic() {
        let says = |code| is_the_pools(&PoolRefusal { code, reason: RefusalReason::Other, text: String::new() });
        for code in [1001, 1010, 1012, 1014, 1016, -32700, -32600, -32601, -32602] {
            assert!(says(code), "{code}");
        }
        for code in [-32603, -32000, -32005, 429, 502] {
            assert!(!says(code), "{code}");
        }
    }
}
