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
mod away;
mod bound;
mod call;
mod draft;
mod error;
mod facts;
mod fee;
mod ground;
mod lane;
mod later;
pub(crate) mod locks;
mod need;
mod outcome;
mod plan;
mod policy;
mod prepare;
pub(crate) mod proxied;
mod signer;
mod turn;
mod wait;
mod worker;

use std::{sync::Arc, time::Duration};

use btd_api::{AccountId, BlockHash, IdempotencyKey, Tao, signing::Lane};
use btd_chain::{ExtrinsicHash, Link};
use btd_signer_protocol::{KeyId, Purpose, RefusalKind};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{Mutex, mpsc, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

pub use self::{
    action::{Action, Existence, Register, ServeAxon, Transfer},
    bound::Agreed,
    draft::{Draft, Recipe, Record},
    error::{SubmissionError, Withdrawal},
    ground::Ground,
    lane::{CallOff, Waiting},
    need::{Hiding, Need, Pace},
    outcome::{Included, Outcome, Receipt, Refused, Stage},
    plan::{Plan, Precondition},
    policy::{Policy, PolicyRefusal},
    turn::NotWithdrawn,
    worker::Worker,
};
pub(crate) use self::{error::until_final, later::WORK_AGES};
use self::{lane::Lanes, turn::Deadline, worker::Active};
use crate::{
    custody::{Custody, CustodyError},
    journal::{ConfiguredNetwork, Intent, Journal, Kept, Logged},
};

/// Settings of submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// For how many blocks an extrinsic can be included: a power of two from 4 to 2048.
    pub era_blocks: u32,
    /// Seconds after which bytes that are in no block yet are sent again.
    pub resend_s: u32,
    /// Seconds for which a caller is kept waiting while the chain is out of reach, or another order holds it up.
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
    /// What the caller agreed to, if it was shown a plan.
    pub agreed: Agreed,
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

/// How long an order waits for the worker to take up what an earlier run left.
const RESUMING: Duration = Duration::from_secs(10);
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
    /// What is followed, for the journal to remember on which chain that was.
    network: Option<ConfiguredNetwork>,
    config: Config,
    /// Who of an account comes next: a turn is held from the nonce to the pool.
    lanes: Arc<Lanes>,
    active: Active,
    queue: mpsc::Sender<worker::Job>,
    resumed: watch::Sender<bool>,
    /// Held while what an earlier run left is taken up, and while any of it is taken back before.
    taking_up: Arc<Mutex<()>>,
    /// Ends what waits: the daemon is stopping. Extrinsics are followed on until the worker ends.
    stopping: CancellationToken,
}

/// Makes the handle and the worker that follows extrinsics to their end. No I/O happens before
/// [`Worker::run`]; orders wait until it has taken up what an earlier run left. The journal remembers on which chain
/// `network` is, if it is given. `stopping` ends the waiting of whoever waits.
pub fn submitter(
    link: Link,
    custody: Custody,
    journal: Journal,
    network: Option<ConfiguredNetwork>,
    config: Config,
    stopping: CancellationToken,
) -> (Submitter, Worker) {
    let (queue, jobs) = mpsc::channel(QUEUE);
    let shared = Arc::new(Shared {
        link,
        custody,
        journal,
        network,
        config,
        lanes: Arc::default(),
        active: Active::default(),
        queue,
        resumed: watch::Sender::new(false),
        taking_up: Arc::default(),
        stopping,
    });
    (Submitter { shared: Arc::clone(&shared) }, Worker::new(shared, jobs))
}

// === impl Submitter ===

impl Submitter {
    /// Whether the runtime takes the TLS key of an axon; none while the chain is out of reach.
    pub fn takes_tls_keys(&self) -> Option<bool> {
        self.shared.link.view().ok().map(|view| call::takes_tls_key(view.runtime()))
    }

    /// Does what is ordered. Not to be cancelled between signing and sending: run it as a task of
    /// its own. If it is cancelled all the same, the journal knows what was signed.
    pub async fn submit(&self, order: Order) -> Result<Receipt, SubmissionError> {
        if order.mode == Mode::DryRun {
            // A locked key is no reason to refuse a plan, not even one that takes work: the plan says it. One that cannot
            // be used at all is, before any work is done.
            let unready = self.locked(&order.key, prepare::LEAST).await?;
            let prepared = turn::within(Deadline::of(&order), self.prepare(&order, |counted| counted)).await;
            let Some(prepared) = prepared else {
                // Where the chain is out of reach, that is why it took so long.
                self.shared.link.view()?;
                return Err(Withdrawal::Late.into());
            };
            let (plan, prepared) = prepared?;
            let locked = match unready {
                None => self.locked(&order.key, prepare::purpose(&prepared, order.terms.tip)).await?,
                locked => locked,
            };
            return Ok(Receipt { plan: Plan { locked, ..plan }, stage: Stage::Planned });
        }
        let deadline = Deadline::of(&order);
        let patience = deadline.map_or(RESUMING, |deadline| deadline.left().min(RESUMING));
        let mut resumed = self.shared.resumed.subscribe();
        match timeout(patience, resumed.wait_for(|resumed| *resumed)).await {
            Ok(Ok(_)) => {}
            // Not resumed because the chain has never been reached, or because the worker is busy.
            Ok(Err(_)) | Err(_) => {
                return Err(self.shared.link.view().map_or_else(Into::into, |_| SubmissionError::NotResumed));
            }
        }
        let intent = self.in_lane(&order, deadline).await?;
        self.wait(&intent, order.mode).await
    }

    /// The newest of what was signed for the chain that is followed, at most `limit`; those before the number `before`
    /// only, if there is one. Where none has been reached yet, it is the chain on which the network was found last.
    pub async fn logged(&self, kept: Kept, before: Option<i64>, limit: u32) -> Result<Vec<Logged>, SubmissionError> {
        Ok(self.shared.journal.list(self.journalled_chain().await?, kept, before, limit).await?)
    }

    /// What was signed for that chain, by its hash.
    pub async fn logged_as(&self, extrinsic: ExtrinsicHash) -> Result<Option<Logged>, SubmissionError> {
        Ok(self.shared.journal.by_hash(self.journalled_chain().await?, extrinsic).await?)
    }

    /// Waits for the end of what was signed before, as far as `mode` wants.
    pub async fn follow(&self, intent: &Intent, mode: Mode) -> Result<Receipt, SubmissionError> {
        self.wait(intent, mode).await
    }

    /// What waits for its turn and is not signed yet.
    pub fn waiting(&self) -> Vec<Waiting> {
        self.shared.lanes.waiting()
    }

    /// Whether an order under `key` waits for its turn, or has it: it may be signed a moment later.
    pub fn is_under_way(&self, key: &IdempotencyKey) -> bool {
        self.shared.lanes.has(key)
    }

    /// What was signed under `key` for that chain.
    pub async fn logged_under(&self, key: IdempotencyKey) -> Result<Option<Intent>, SubmissionError> {
        Ok(self.shared.journal.find(self.journalled_chain().await?, key).await?)
    }

    /// Random bytes for what is asked for in these `words`, the same each time: a repetition gets them again, and nobody
    /// else can tell them.
    pub async fn drawn_for(&self, words: Vec<u8>) -> Result<[u8; 32], SubmissionError> {
        Ok(self.shared.journal.drawn_for(words).await?)
    }

    /// The key, by its name, where it has to be unlocked for `purpose` first.
    async fn locked(&self, key: &KeyId, purpose: Purpose) -> Result<Option<String>, CustodyError> {
        match self.shared.custody.require_unlocked(key, purpose).await {
            Ok(()) => Ok(None),
            Err(CustodyError::Refused(refusal)) if refusal.kind == RefusalKind::Locked => Ok(Some(key.to_string())),
            Err(error) => Err(error),
        }
    }

    /// For how long a caller is kept waiting for what does not move.
    fn patience(&self) -> Duration {
        Duration::from_secs(self.shared.config.patience_s.into())
    }
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
