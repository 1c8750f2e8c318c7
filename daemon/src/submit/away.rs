//! What is told of the journal, and taken back, while no chain has been reached.
//!
//! Which chain an endpoint is on it says itself, when it is reached. Until then the journal is looked at as that of the
//! chain on which the network was found last. Nothing is signed, sent or followed for that reason.

use std::sync::Arc;

use btd_api::BlockHash;
use btd_chain::LinkState;
use tokio::sync::{OwnedMutexGuard, watch};

use super::{
    NotWithdrawn, Outcome, Shared, SubmissionError, Submitter, Withdrawal,
    worker::{self, Progress},
};
use crate::{
    causes::with_causes,
    journal::{Handing, Intent, JournalError},
};

// === impl Submitter ===

impl Submitter {
    /// The chain whose part of the journal is looked at: the one that is followed; where none has been reached yet, the
    /// one on which the network was found the last time.
    pub(super) async fn journalled_chain(&self) -> Result<BlockHash, SubmissionError> {
        let Shared { link, journal, network, .. } = &*self.shared;
        if let Some(genesis) = link.genesis() {
            return Ok(genesis);
        }
        let found_last = match network {
            Some(network) => journal.chain_of(*network).await?,
            None => None,
        };
        // One may have been reached meanwhile.
        match link.genesis().or(found_last) {
            Some(genesis) => Ok(genesis),
            None => Err(link.view().err().map_or(SubmissionError::NotResumed, Into::into)),
        }
    }

    /// The progress of what is pending, once it is followed: as soon as the chain is reached on which it was signed.
    pub(super) async fn followed(&self, intent: &Intent) -> Result<watch::Receiver<Progress>, SubmissionError> {
        let mut resumed = self.shared.resumed.subscribe();
        // An error means that the daemon is stopping.
        let _ = resumed.wait_for(|resumed| *resumed).await;
        let signed_for = intent.recorded.genesis;
        match self.shared.link.genesis().filter(|followed| *followed != signed_for) {
            None => Ok(self.shared.follow(intent, worker::History::PerhapsSent).await),
            Some(followed) => {
                let extrinsic = intent.recorded.extrinsic.hash;
                Err(SubmissionError::OtherChain { extrinsic, signed_for, followed })
            }
        }
    }

    /// Takes back what nobody follows, because its chain has not been reached; none where it is followed.
    pub(super) async fn take_back_unfollowed(&self, intent: &Intent) -> Option<Result<(), NotWithdrawn>> {
        let shared = &self.shared;
        // Nothing is taken up meanwhile, and until it is written if nobody waits for that any more.
        let held = Arc::clone(&shared.taking_up).lock_owned().await;
        let is_resumed = *shared.resumed.borrow();
        if is_resumed && shared.link.genesis() == Some(intent.recorded.genesis) {
            return None;
        }
        let taken_back = self.withdraw_in_journal(intent, held).await;
        Some(taken_back.unwrap_or_else(|error| {
            let extrinsic = intent.recorded.extrinsic.hash;
            tracing::error!(error = with_causes(&error), %extrinsic, "could not take an extrinsic back in the journal");
            Err(NotWithdrawn::Unwritten)
        }))
    }

    async fn withdraw_in_journal(
        &self,
        intent: &Intent,
        held: OwnedMutexGuard<()>,
    ) -> Result<Result<(), NotWithdrawn>, JournalError> {
        let journal = &self.shared.journal;
        let pending = journal.pending(intent.recorded.genesis).await?;
        let Some(now) = pending.iter().find(|one| one.id == intent.id) else { return Ok(Err(NotWithdrawn::Ended)) };
        let extrinsic = &now.recorded.extrinsic;
        let of_the_account =
            pending.iter().map(|one| &one.recorded.extrinsic).filter(|one| one.signer == extrinsic.signer);
        if let Some(nonce) = of_the_account.map(|one| one.nonce).max().filter(|latest| *latest > extrinsic.nonce) {
            return Ok(Err(NotWithdrawn::Awaited { nonce }));
        }
        if now.recorded.handing == Handing::Perhaps {
            return Ok(Err(NotWithdrawn::Sent));
        }
        let outcome = Outcome::Withdrawn { why: Withdrawal::Cancelled };
        match outcome.to_settlement() {
            Ok(settlement) => journal.settle_holding(intent.id, settlement, held).await.map(Ok),
            Err(error) => {
                tracing::error!(%error, extrinsic = %extrinsic.hash, "could not put an outcome into words");
                Ok(Err(NotWithdrawn::Unwritten))
            }
        }
    }
}

/// Has the journal remember on which chain the network is, once blocks arrive from there.
pub(super) async fn remember(shared: Arc<Shared>) {
    let Some(network) = shared.network else { return };
    let mut state = shared.link.state();
    let reached = match state.wait_for(LinkState::is_live).await {
        Ok(live) => live.clone(),
        Err(_) => return,
    };
    let LinkState::Live { genesis, .. } = reached else { return };
    if let Err(error) = shared.journal.found_on(network, genesis).await {
        let error = with_causes(&error);
        tracing::warn!(
            error,
            "could not write down which chain this is: while it is away, nothing is told of the journal"
        );
    }
}
