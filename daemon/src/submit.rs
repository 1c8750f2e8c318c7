//! The one door to the chain for whatever is signed: plan, journal, sign, send, follow.
//!
//! The only place that holds both the keys' custody and the chain's submit handle. An [`Action`] is
//! planned and judged at one block, signed, written to the journal, and only then sent; it is
//! followed by hash in finalized blocks, by a [`Worker`] that outlives the request. After a restart
//! the worker takes up what is pending and sends *the same bytes* until their era ends; nothing is
//! ever signed anew. For each account one extrinsic at a time is put together and sent, so that
//! two never get the same nonce; who comes first is a matter of [`Lane`]s. What no node has been
//! handed yet can be taken back.
//!
//! It knows no wallet names beyond the key to sign with, and nothing of JSON-RPC.

mod action;
mod call;
mod draft;
mod error;
mod facts;
mod lane;
mod need;
mod outcome;
mod plan;
mod policy;
mod signer;
mod worker;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use blake2::{Blake2b, Digest as _, digest::consts::U32};
use btd_api::{AccountId, BlockHash, BlockNumber, IdempotencyKey, Tao, signing::Lane};
use btd_chain::{BlockRef, Call, ExtrinsicHash, Link, PrepareError, PrepareOptions, Prepared, SignedExtrinsic};
use btd_signer_protocol::{Encryption, KeyId, KeyRole, Refusal, RefusalKind, operations::Summary};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

pub use self::{
    action::{Action, Existence, Register, ServeAxon, Transfer},
    draft::{Draft, Ground, Recipe},
    error::{SubmissionError, Withdrawal},
    lane::{CallOff, Waiting},
    need::Need,
    outcome::{Included, Outcome, Receipt, Refused, Stage},
    plan::{Plan, Precondition},
    policy::{Policy, PolicyRefusal},
    worker::Worker,
};
use self::{
    lane::Lanes,
    signer::Signer,
    worker::{Active, Progress},
};
use crate::{
    custody::{Custody, CustodyError},
    journal::{Digest, Handing, Intent, Journal, Kept, Logged, NewIntent, Recorded},
    stamp::{Stamp, millis, since_1970},
};

/// Settings of submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// For how many blocks an extrinsic can be included: a power of two from 4 to 2048.
    pub era_blocks: u32,
    /// Seconds after which bytes that are in no block yet are sent again.
    pub resend_s: u32,
    /// Seconds for which a caller is kept waiting while the chain is out of reach.
    pub patience_s: u32,
    /// Days for which the journal keeps what has ended; a repetition is recognised for as long.
    pub keep_days: u32,
    /// What is never signed.
    pub policy: Policy,
}

impl Default for Config {
    fn default() -> Self {
        Self { era_blocks: 64, resend_s: 60, patience_s: 30, keep_days: 90, policy: Policy::default() }
    }
}

/// What a caller wants done, and how.
#[derive(Clone, Debug)]
pub struct Order {
    /// What.
    pub action: Action,
    /// The key that signs.
    pub key: KeyId,
    /// Its account, which pays.
    pub signer: AccountId,
    /// Makes a repetition harmless.
    pub idempotency_key: Option<IdempotencyKey>,
    /// How far to go.
    pub mode: Mode,
    /// How it is put together.
    pub terms: Terms,
}

/// How an extrinsic is put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Paid to the block's author on top of the fee.
    pub tip: Tao,
    /// For how many blocks it can be included; none takes the configured number.
    pub era_blocks: Option<u32>,
    /// The account on whose behalf the signer acts, as its proxy.
    pub real: Option<AccountId>,
    /// Whether it comes before or after other orders of the account.
    pub lane: Lane,
    /// After which what no node has been handed is given up.
    pub deadline: Option<Duration>,
}

/// How far to go with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Work the plan out and stop there.
    DryRun,
    /// Sign, write to the journal and begin to send; wait for nothing.
    UntilRecorded,
    /// Send, and wait until the pool has it.
    UntilSubmitted,
    /// Send, and wait until it stands in a block that may still be replaced.
    UntilInBlock,
    /// Send, and wait until it stands in a finalized block or its era has ended.
    UntilFinalized,
}

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
}

/// How long an order waits for the worker to take up what an earlier run left.
const RESUMING: Duration = Duration::from_secs(10);
/// How often the best chain is looked at for whoever waits for a block.
const LOOK: Duration = Duration::from_millis(500);
/// How many intents may wait for the worker.
const QUEUE: usize = 256;

/// The handle. Clones are cheap and share everything.
#[derive(Clone, Debug)]
pub struct Submitter {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    link: Link,
    custody: Custody,
    journal: Journal,
    config: Config,
    /// Who of an account comes next: a turn is held from the nonce to the pool.
    lanes: Arc<Lanes>,
    active: Active,
    queue: mpsc::Sender<worker::Job>,
    resumed: watch::Sender<bool>,
    /// Ends what waits: the daemon is stopping. Extrinsics are followed on until the worker ends.
    stopping: CancellationToken,
}

/// Makes the handle and the worker that follows extrinsics to their end. No I/O happens before
/// [`Worker::run`]; orders wait until it has taken up what an earlier run left. `stopping` ends the
/// waiting of whoever waits.
pub fn submitter(
    link: Link,
    custody: Custody,
    journal: Journal,
    config: Config,
    stopping: CancellationToken,
) -> (Submitter, Worker) {
    let (queue, jobs) = mpsc::channel(QUEUE);
    let shared = Arc::new(Shared {
        link,
        custody,
        journal,
        config,
        lanes: Arc::default(),
        active: Active::default(),
        queue,
        resumed: watch::Sender::new(false),
        stopping,
    });
    (Submitter { shared: Arc::clone(&shared) }, Worker::new(shared, jobs))
}

// === impl Submitter ===

impl Submitter {
    /// Does what is ordered. Not to be cancelled between signing and sending: run it as a task of
    /// its own. If it is cancelled all the same, the journal knows what was signed.
    pub async fn submit(&self, order: Order) -> Result<Receipt, SubmissionError> {
        if order.mode == Mode::DryRun {
            let (mut plan, _) = self.prepare(&order, |counted| counted).await?;
            plan.locked = match self.require_unlocked(&order.key).await {
                Ok(()) => None,
                Err(SubmissionError::Key(CustodyError::Refused(refusal))) if refusal.kind == RefusalKind::Locked => {
                    Some(order.key.to_string())
                }
                Err(error) => return Err(error),
            };
            return Ok(Receipt { plan, stage: Stage::Planned });
        }
        let mut resumed = self.shared.resumed.subscribe();
        match timeout(RESUMING, resumed.wait_for(|resumed| *resumed)).await {
            Ok(Ok(_)) => {}
            // Not resumed because the chain has never been reached, or because the worker is busy.
            Ok(Err(_)) | Err(_) => {
                return Err(self.shared.link.view().map_or_else(Into::into, |_| SubmissionError::NotResumed));
            }
        }
        let intent = self.in_lane(&order).await?;
        self.wait(&intent, order.mode).await
    }

    /// The newest of what was signed for the chain that is followed, at most `limit`.
    pub async fn logged(&self, limit: u32, pending_only: bool) -> Result<Vec<Logged>, SubmissionError> {
        let genesis = self.genesis()?;
        let kept = if pending_only { Kept::Pending } else { Kept::All };
        Ok(self.shared.journal.list(genesis, kept, limit).await?)
    }

    /// What was signed for the chain that is followed, by its hash.
    pub async fn logged_as(&self, extrinsic: ExtrinsicHash) -> Result<Option<Logged>, SubmissionError> {
        Ok(self.shared.journal.by_hash(self.genesis()?, extrinsic).await?)
    }

    /// Waits for the end of what was signed before, as far as `mode` wants.
    pub async fn follow(&self, intent: &Intent, mode: Mode) -> Result<Receipt, SubmissionError> {
        self.wait(intent, mode).await
    }

    /// What waits for its turn and is not signed yet.
    pub fn waiting(&self) -> Vec<Waiting> {
        self.shared.lanes.waiting()
    }

    /// Calls off what waits for its turn under `key`, or has it. When this returns, what had it is in the
    /// journal or will never be.
    pub async fn call_off(&self, key: &IdempotencyKey) -> CallOff {
        let called = self.shared.lanes.call_off(key);
        for account in &called.under_way {
            drop(self.shared.lanes.turn(*account, Lane::Urgent, None).await);
        }
        called
    }

    /// What was signed under `key` for the chain that is followed.
    pub async fn logged_under(&self, key: IdempotencyKey) -> Result<Option<Intent>, SubmissionError> {
        Ok(self.shared.journal.find(self.genesis()?, key).await?)
    }

    /// Takes back what was signed, unless a node has it or may have it, or something later waits behind it.
    pub async fn withdraw(&self, intent: &Intent) -> Result<(), NotWithdrawn> {
        let SignedExtrinsic { signer, nonce, .. } = intent.recorded.extrinsic;
        if intent.settlement.is_some() {
            return Err(NotWithdrawn::Ended);
        }
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

    fn genesis(&self) -> Result<BlockHash, SubmissionError> {
        let link = &self.shared.link;
        match link.genesis() {
            Some(genesis) => Ok(genesis),
            None => Err(link.view().err().map_or(SubmissionError::NotResumed, Into::into)),
        }
    }

    /// The part of a submission that one account does one at a time: from the nonce to the pool.
    async fn in_lane(&self, order: &Order) -> Result<Intent, SubmissionError> {
        let deadline = order.terms.deadline.map(|limit| (Instant::now() + limit, since_1970() + millis(limit)));
        let waiting = self.shared.lanes.turn(order.signer, order.terms.lane, order.idempotency_key.clone());
        let turn = match order.terms.deadline {
            None => Ok(waiting.await),
            Some(limit) => timeout(limit, waiting).await,
        };
        let turn = turn.map_err(|_| Withdrawal::Late).and_then(|turn| turn.map_err(|_| Withdrawal::Cancelled));
        if let (Err(_), Some(key)) = (&turn, &order.idempotency_key)
            && self.shared.lanes.knows(order.signer, key)
        {
            // A repetition ends as its original does, and what that came to is known behind it.
            drop(self.shared.lanes.turn(order.signer, Lane::Bulk, None).await);
        }
        let wish = wish(order);
        let view = self.shared.link.view();
        if let (Some(key), Some(genesis)) = (&order.idempotency_key, self.shared.link.genesis())
            && let Some(earlier) = self.shared.journal.find(genesis, key.clone()).await?
        {
            return same_wish(earlier, wish, key);
        }
        let turn = turn?;
        view?;
        // Known before any work is done, and before anybody waits for it.
        self.require_unlocked(&order.key).await?;
        let (plan, prepared) =
            self.prepare(order, |counted| self.shared.active.free_nonce(order.signer, counted)).await?;
        let extrinsic = self.sign(order, &prepared).await?;
        if deadline.is_some_and(|(deadline, _)| deadline <= Instant::now()) {
            return Err(Withdrawal::Late.into());
        }
        if turn.is_called_off() {
            return Err(Withdrawal::Cancelled.into());
        }
        let recorded = NewIntent {
            key: order.idempotency_key.clone(),
            wish,
            genesis: prepared.payload().genesis,
            plan: serde_json::to_string(&plan)
                .map_err(|source| SubmissionError::Kept { extrinsic: extrinsic.hash, source })?,
            extrinsic,
            deadline_ms: deadline.map(|(_, time)| time),
            // With a deadline it matters after a restart whether a node has it: that is written down before one gets it.
            handing: if deadline.is_some() { Handing::Never } else { Handing::Perhaps },
        };
        // From here on the extrinsic exists, whatever happens to this process.
        match (self.shared.journal.record(recorded).await?, &order.idempotency_key) {
            (Recorded::KeyTaken(earlier), Some(key)) => same_wish(earlier, wish, key),
            (Recorded::New(intent) | Recorded::KeyTaken(intent), _) => {
                let mut progress = self.shared.follow(&intent, worker::History::NeverSent).await;
                let attempted = |progress: &Progress| !matches!(progress, Progress::Recorded);
                // An error means that the daemon is stopping; the journal knows the rest.
                let _ = progress.wait_for(attempted).await;
                Ok(intent)
            }
        }
    }

    /// Refuses a key whose file is encrypted and that is not unlocked. All else the signer knows better.
    async fn require_unlocked(&self, key: &KeyId) -> Result<(), SubmissionError> {
        if self.shared.custody.status().await?.iter().any(|usable| usable.key == *key) {
            return Ok(());
        }
        let wallet = self.shared.custody.ask(Summary { wallet: key.wallet.clone() }).await?;
        let file = match &key.role {
            KeyRole::Coldkey => wallet.coldkey,
            KeyRole::Hotkey(name) => wallet.hotkeys.into_iter().find(|(known, _)| known == name).map(|(_, file)| file),
        };
        match file.and_then(|file| file.encryption) {
            None | Some(Encryption::None) => Ok(()),
            Some(_) => {
                let refusal = Refusal::new(RefusalKind::Locked, format!("the key {key} is locked: unlock it first"));
                Err(CustodyError::Refused(refusal.about(key.clone())).into())
            }
        }
    }

    /// Reads, judges and puts together, all at the newest finalized block. `choose` makes the nonce
    /// of the one that the node counts up to, which may be too low: a pool can forget.
    async fn prepare(&self, order: &Order, choose: impl Fn(u32) -> u32) -> Result<(Plan, Prepared), SubmissionError> {
        let link = &self.shared.link;
        let view = link.first_view().await?;
        let (signer, actor) = (order.signer, order.terms.real.unwrap_or(order.signer));
        let mut facts = facts::gather(&view, &order.action, actor).await?;
        let unsettled = facts::lower_by_best_block(link, actor, &mut facts).await;
        let price = facts.subnet.map(|subnet| subnet.price);
        // What is certain without a fee is said first: nothing is put together in vain. What the
        // balance lacks is said below, with the fee.
        match plan::judge(&order.action, actor, &facts, Tao::ZERO) {
            Ok(_) | Err(Precondition::Insufficient { .. }) => {}
            Err(other) => return Err(other.into()),
        }
        let draft = match &order.action {
            Action::Drafted(recipe) => {
                let draft = recipe.draft(Ground { view: view.clone(), actor }).await?;
                need::check(&view, actor, &draft.needs).await?;
                Some(draft)
            }
            Action::Transfer(_) | Action::Register(_) | Action::ServeAxon(_) => None,
        };
        let (call, summary) = match (&draft, order.action.call(view.runtime(), actor, price)) {
            (Some(draft), _) => (draft.call.clone(), draft.summary.clone()),
            (None, Some(typed)) => typed,
            (None, None) => return Err(Precondition::Nothing.into()),
        };
        let call = on_behalf(call, order.terms.real);
        let prepared = self.put_together(&call, order, choose).await?;
        let fee = prepared.fee.saturating_add(order.terms.tip);
        let shared_fee = if actor == signer { fee } else { Tao::ZERO };
        let verdict = match &draft {
            Some(draft) => plan::judge_draft(draft, actor, &facts, shared_fee)?,
            None => plan::judge(&order.action, actor, &facts, shared_fee)?,
        };
        let mut effects = draft.as_ref().map(|draft| draft.effects.clone()).unwrap_or_default();
        if actor != signer {
            let payer = facts::of_payer(&view, signer).await?;
            let rest = plan::judge_fee(signer, &payer, fee)?.balance_after;
            effects.push(format!("{signer} signs as proxy of {actor} and pays the fee: τ{rest} remain to it"));
        }
        let spends = facts.account.free.saturating_sub(verdict.balance_after).saturating_sub(shared_fee);
        let spends = draft.as_ref().map_or(spends, |draft| draft.spends.saturating_add(draft.carries));
        self.shared.config.policy.judge(&call, spends, order.terms.tip)?;
        let plan = Plan {
            at: Stamp::of(view.block(), link),
            call: format!("{}.{}", prepared.preview.pallet, prepared.preview.call),
            arguments: prepared.preview.args.clone(),
            summary,
            signer,
            fee,
            balance_before: facts.account.free,
            balance_after: verdict.balance_after,
            effects,
            warnings: verdict.warnings.into_iter().chain(unsettled).collect(),
            locked: None,
        };
        Ok((plan, prepared))
    }

    /// The extrinsic, complete but for its signature.
    async fn put_together(
        &self,
        call: &Call,
        order: &Order,
        choose: impl Fn(u32) -> u32,
    ) -> Result<Prepared, PrepareError> {
        let link = &self.shared.link;
        let era_blocks = order.terms.era_blocks.unwrap_or(self.shared.config.era_blocks);
        let mortality = btd_chain::Mortality::Blocks(era_blocks);
        let mut options = PrepareOptions { mortality, tip: order.terms.tip, ..PrepareOptions::default() };
        let prepared = link.prepare(call, order.signer, options).await?;
        let nonce = choose(prepared.nonce);
        if nonce == prepared.nonce {
            return Ok(prepared);
        }
        options.nonce = Some(nonce);
        link.prepare(call, order.signer, options).await
    }

    async fn sign(&self, order: &Order, prepared: &Prepared) -> Result<SignedExtrinsic, SubmissionError> {
        let signer = Signer::new(&self.shared.custody, order.key.clone(), order.signer);
        match prepared.sign(&signer).await {
            Ok(extrinsic) => Ok(extrinsic),
            Err(error) => Err(signer.into_refusal().map_or(SubmissionError::Sign(error), SubmissionError::Key)),
        }
    }

    /// Waits for the end of an intent as far as the caller wants, and as long as the chain is in reach.
    async fn wait(&self, intent: &Intent, mode: Mode) -> Result<Receipt, SubmissionError> {
        let extrinsic = intent.recorded.extrinsic.hash;
        let era_end = intent.recorded.extrinsic.era_end().unwrap_or(BlockNumber(u32::MAX));
        let unknown = |cause: String| SubmissionError::Unknown { extrinsic, era_end, cause };
        let kept = |source| SubmissionError::Kept { extrinsic, source };
        let plan: Plan = serde_json::from_str(&intent.recorded.plan).map_err(kept)?;
        if let Some(settlement) = &intent.settlement {
            return receipt(plan, extrinsic, Outcome::from_settlement(settlement).map_err(kept)?);
        }
        let mut progress = self.shared.follow(intent, worker::History::PerhapsSent).await;
        if mode == Mode::UntilRecorded {
            return Ok(Receipt { plan, stage: Stage::Recorded { extrinsic, era_end } });
        }
        let enough = |progress: &Progress| match progress {
            Progress::Settled(_) => true,
            Progress::Sent => mode == Mode::UntilSubmitted,
            Progress::Recorded | Progress::Unsent | Progress::Unsure | Progress::Shut => false,
        };
        let reached = tokio::select! {
            reached = progress.wait_for(enough) => match reached {
                Ok(reached) => reached.clone(),
                Err(_) => return Err(unknown("btd is stopping".to_owned())),
            },
            block = self.in_best_chain(extrinsic), if mode == Mode::UntilInBlock => {
                return Ok(Receipt { plan, stage: Stage::InBlock { extrinsic, block, era_end } });
            }
            cause = self.out_of_reach() => return Err(unknown(cause)),
            () = self.shared.stopping.cancelled() => return Err(unknown("btd is stopping".to_owned())),
        };
        match reached {
            Progress::Settled(outcome) => receipt(plan, extrinsic, (*outcome).clone()),
            _ => Ok(Receipt { plan, stage: Stage::Submitted { extrinsic, era_end } }),
        }
    }

    /// Resolves once the extrinsic stands in a block of the best chain that is not final yet.
    async fn in_best_chain(&self, extrinsic: ExtrinsicHash) -> BlockRef {
        loop {
            match self.shared.link.in_best_chain(extrinsic).await {
                Ok(Some(block)) => return block,
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, %extrinsic, "could not look into the best chain"),
            }
            sleep(LOOK).await;
        }
    }

    /// Resolves once the link has not been live for as long as a caller is kept waiting.
    async fn out_of_reach(&self) -> String {
        let patience = Duration::from_secs(self.shared.config.patience_s.into());
        let mut state = self.shared.link.state();
        loop {
            if state.wait_for(|state| !state.is_live()).await.is_err() {
                sleep(patience).await;
            }
            if timeout(patience, state.wait_for(btd_chain::LinkState::is_live)).await.is_err() {
                let cause = state.borrow().cause().map(ToString::to_string);
                return cause.unwrap_or_else(|| "the chain is out of reach".to_owned());
            }
        }
    }
}

/// An earlier intent under the caller's key, if it was for the same.
fn same_wish(earlier: Intent, wish: Digest, key: &IdempotencyKey) -> Result<Intent, SubmissionError> {
    if earlier.recorded.wish == wish { Ok(earlier) } else { Err(SubmissionError::DuplicateIntent { key: key.clone() }) }
}

fn receipt(plan: Plan, extrinsic: ExtrinsicHash, outcome: Outcome) -> Result<Receipt, SubmissionError> {
    match outcome {
        Outcome::Succeeded(included) => Ok(Receipt { plan, stage: Stage::Finalized { extrinsic, included } }),
        Outcome::Failed(Included { block, .. }, error) => {
            Err(SubmissionError::Dispatch { extrinsic, block, error: Box::new(error) })
        }
        Outcome::Refused(refused) => Err(SubmissionError::Refused { extrinsic, refused: Box::new(refused) }),
        Outcome::Expired { until } => Err(SubmissionError::Expired { extrinsic, until }),
        Outcome::Unseen { block, index, reason } => Err(SubmissionError::Unseen { extrinsic, block, index, reason }),
        Outcome::Withdrawn { why } => Err(why.into()),
    }
}

/// `call`, made by its signer as the proxy of `real`, if there is one.
fn on_behalf(call: Call, real: Option<AccountId>) -> Call {
    match real {
        Some(real) => Call::new("Proxy", "proxy")
            .arg("real", real)
            .arg("force_proxy_type", btd_chain::Value::Null)
            .arg("call", call),
        None => call,
    }
}

/// What makes two orders the same: the action, who signs it, and on whose behalf.
fn wish(order: &Order) -> Digest {
    // The struct has no float and only sorted maps, so its JSON has one form and cannot fail.
    let text = match order.terms.real {
        None => serde_json::to_vec(&(&order.action, order.signer)),
        Some(real) => serde_json::to_vec(&(&order.action, order.signer, real)),
    };
    let text = text.unwrap_or_default();
    Digest(Blake2b::<U32>::digest(text).into())
}

/// The hash of block 0 of the chain that `link` follows, once it is known.
async fn genesis(link: &Link) -> BlockHash {
    let mut state = link.state();
    loop {
        if let Some(genesis) = link.genesis() {
            return genesis;
        }
        if state.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests;
