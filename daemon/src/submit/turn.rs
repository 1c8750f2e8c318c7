//! From an account's turn to the journal, and what can be taken back on that way.
//!
//! Nothing here waits without end: whoever asks learns within its deadline, or within the configured patience, what
//! came of it, or that it is not known yet. What goes on after that is the [`worker`]'s business.

use std::time::{Duration, Instant};

use blake2::{Blake2b, Digest as _, digest::consts::U32};
use btd_api::{IdempotencyKey, signing::Lane};
use btd_chain::SignedExtrinsic;
use tokio::time::timeout;

use super::{
    Action, Order, Outcome, SubmissionError, Submitter, Withdrawal,
    lane::{CallOff, CalledOff, Turn},
    prepare,
    worker::{self, Progress},
};
use crate::{
    journal::{Digest, Handing, Intent, NewIntent, Recorded},
    stamp::{millis, since_1970},
};

/// Why something cannot be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWithdrawn {
    /// A node has it, or may have it.
    #[error("a node has it, or may have it: it can stand in a block up to the end of its era")]
    Sent,
    /// It has ended.
    #[error("it has ended already")]
    Ended,
    /// Something with a later nonce could never be included without it.
    #[error("what was signed after it, up to nonce {nonce}, waits behind it: take that back first")]
    Awaited {
        /// The highest nonce behind it.
        nonce: u32,
    },
    /// Whoever has the account's turn, or is about to send it, has not come to an end yet.
    #[error("the account is busy with an order that is being signed or sent: ask again in a moment")]
    Undecided,
    /// The journal would not take it down.
    #[error("the journal cannot write it down, as btd's log says: it may be sent yet")]
    Unwritten,
}

/// When an order is given up unless a node has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    at: Instant,
    /// The same on the clock on the wall, in milliseconds since 1970.
    time_ms: u64,
}

// === impl Deadline ===

impl Deadline {
    /// That of an order which comes now.
    pub(super) fn of(order: &Order) -> Option<Self> {
        let limit = order.terms.deadline?;
        Some(Self { at: Instant::now() + limit, time_ms: since_1970() + millis(limit) })
    }

    /// What is left until then.
    pub(super) fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    fn is_over(self) -> bool {
        self.left().is_zero()
    }
}

/// What `work` comes to; none if the deadline passes before.
pub(super) async fn within<T>(deadline: Option<Deadline>, work: impl Future<Output = T>) -> Option<T> {
    match deadline {
        None => Some(work.await),
        Some(deadline) => timeout(deadline.left(), work).await.ok(),
    }
}

// === impl Submitter ===

impl Submitter {
    /// The part of a submission that one account does one at a time: from the nonce to the pool.
    pub(super) async fn in_lane(&self, order: &Order, deadline: Option<Deadline>) -> Result<Intent, SubmissionError> {
        let turn = self.turn(order, deadline).await;
        let wish = wish(order);
        let view = self.shared.link.view();
        if let (Some(key), Some(genesis)) = (&order.idempotency_key, self.shared.link.genesis())
            && let Some(earlier) = self.shared.journal.find(genesis, key.clone()).await?
        {
            return same_wish(earlier, order, key);
        }
        let turn = turn?;
        view?;
        let signing = async {
            // Known before any work is done, and before anybody waits for it.
            self.shared.custody.require_unlocked(&order.key, prepare::LEAST).await?;
            let free = |counted| self.shared.active.free_nonce(order.signer, counted);
            let (plan, prepared) = self.prepare(order, free).await?;
            self.shared.custody.require_unlocked(&order.key, prepare::purpose(&prepared, order.terms.tip)).await?;
            let extrinsic = self.sign(order, &prepared).await?;
            Ok::<_, SubmissionError>((plan, prepared.payload().genesis, extrinsic))
        };
        let (plan, genesis, extrinsic) = tokio::select! {
            signed = within(deadline, signing) => signed.ok_or(Withdrawal::Late)??,
            () = turn.called_off() => return Err(Withdrawal::Cancelled.into()),
        };
        if deadline.is_some_and(Deadline::is_over) {
            return Err(Withdrawal::Late.into());
        }
        if turn.is_called_off() {
            return Err(Withdrawal::Cancelled.into());
        }
        let recorded = NewIntent {
            key: order.idempotency_key.clone(),
            wish,
            genesis,
            plan: serde_json::to_string(&plan)
                .map_err(|source| SubmissionError::Kept { extrinsic: extrinsic.hash, source })?,
            extrinsic,
            deadline_ms: deadline.map(|deadline| deadline.time_ms),
            // With a deadline it matters after a restart whether a node has it: that is written down before one gets it.
            handing: if deadline.is_some() { Handing::Never } else { Handing::Perhaps },
        };
        // From here on the extrinsic exists, whatever happens to this process.
        match (self.shared.journal.record(recorded).await?, &order.idempotency_key) {
            (Recorded::KeyTaken(earlier), Some(key)) => same_wish(earlier, order, key),
            (Recorded::New(intent) | Recorded::KeyTaken(intent), _) => {
                let mut progress = self.shared.follow(&intent, worker::History::NeverSent).await;
                let attempted = |progress: &Progress| !matches!(progress, Progress::Recorded);
                // An error means that the daemon is stopping; the journal knows the rest.
                let _ = progress.wait_for(attempted).await;
                Ok(intent)
            }
        }
    }

    /// The order's turn. A repetition that gets none, because it is late or called off, ends as its original does:
    /// that one's end is waited for, within the deadline and the patience.
    async fn turn(&self, order: &Order, deadline: Option<Deadline>) -> Result<Turn, SubmissionError> {
        let lanes = &self.shared.lanes;
        let waiting = lanes.turn(order.signer, order.terms.lane, order.idempotency_key.clone());
        let why = match within(deadline, waiting).await {
            Some(Ok(turn)) => return Ok(turn),
            Some(Err(CalledOff)) => Withdrawal::Cancelled,
            None => Withdrawal::Late,
        };
        if let Some(key) = &order.idempotency_key {
            let left = deadline.map_or(self.patience(), |deadline| deadline.left().min(self.patience()));
            if timeout(left, lanes.ended(order.signer, key)).await.is_err() {
                return Err(SubmissionError::UnderWay { key: key.clone() });
            }
        }
        Err(why.into())
    }

    /// Calls off what waits for its turn under `key`, or has it. When this returns, what had it is in the
    /// journal or will never be; an error says that this is not decided yet.
    pub async fn call_off(&self, key: &IdempotencyKey) -> Result<CallOff, NotWithdrawn> {
        let called = self.shared.lanes.call_off(key);
        let ended = async {
            for account in &called.under_way {
                self.shared.lanes.ended(*account, key).await;
            }
        };
        timeout(self.patience(), ended).await.map_err(|_| NotWithdrawn::Undecided)?;
        Ok(called)
    }

    /// Takes back what was signed, unless a node has it or may have it, or something later waits behind it.
    pub async fn withdraw(&self, intent: &Intent) -> Result<(), NotWithdrawn> {
        if intent.settlement.is_some() {
            return Err(NotWithdrawn::Ended);
        }
        let taken_back = async {
            match self.take_back_unfollowed(intent).await {
                Some(decided) => decided,
                None => self.take_back(intent).await,
            }
        };
        timeout(self.patience(), taken_back).await.unwrap_or(Err(NotWithdrawn::Undecided))
    }

    async fn take_back(&self, intent: &Intent) -> Result<(), NotWithdrawn> {
        let SignedExtrinsic { signer, nonce, .. } = intent.recorded.extrinsic;
        // Nobody takes a later nonce meanwhile.
        let _turn = self.shared.lanes.turn(signer, Lane::Urgent, None).await.map_err(|_| NotWithdrawn::Sent)?;
        if let Some(behind) = self.shared.active.behind(signer, nonce) {
            return Err(NotWithdrawn::Awaited { nonce: behind });
        }
        let Some(mut progress) = self.shared.active.take_back(intent.id) else { return Err(NotWithdrawn::Ended) };
        let decided = |progress: &Progress| !matches!(progress, Progress::Recorded | Progress::Unsent);
        match progress.wait_for(decided).await {
            Ok(reached) => match &*reached {
                Progress::Settled(outcome) if matches!(**outcome, Outcome::Withdrawn { .. }) => Ok(()),
                Progress::Settled(_) => Err(NotWithdrawn::Ended),
                _ => Err(NotWithdrawn::Sent),
            },
            Err(_) => Err(NotWithdrawn::Sent),
        }
    }
}

/// An earlier intent under the caller's key, if it was for the same, in these words or in those of an earlier version.
fn same_wish(earlier: Intent, order: &Order, key: &IdempotencyKey) -> Result<Intent, SubmissionError> {
    let former = match &order.action {
        Action::Drafted(recipe) => {
            recipe.former().map(|former| Order { action: Action::Drafted(former), ..order.clone() })
        }
        Action::Transfer(_) | Action::Register(_) | Action::ServeAxon(_) => None,
    };
    if [Some(order), former.as_ref()].into_iter().flatten().any(|order| wish(order) == earlier.recorded.wish) {
        Ok(earlier)
    } else {
        Err(SubmissionError::DuplicateIntent { key: key.clone() })
    }
}

/// What makes two orders the same: the action, who signs it, and on whose behalf.
pub(super) fn wish(order: &Order) -> Digest {
    // The struct has no float and only sorted maps, so its JSON has one form and cannot fail.
    let text = match order.terms.real {
        None => serde_json::to_vec(&(&order.action, order.signer)),
        Some(real) => serde_json::to_vec(&(&order.action, order.signer, real)),
    };
    let text = text.unwrap_or_default();
    Digest(Blake2b::<U32>::digest(text).into())
}
