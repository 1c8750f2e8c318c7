//! Where a draft is made: what is read of the chain for it, and what it is held to.

use btd_api::{AccountId, BlockHash, NetUid, Tao, signing::Bound};
use btd_chain::View;

use super::{
    Record, SubmissionError, Submitter,
    bound::Agreed,
    need::{self, Need},
    plan::Precondition,
};

/// Where a draft is made: the chain at one block, and the account that acts.
#[derive(Clone, Debug)]
pub struct Ground {
    /// Reads of the chain, all at that block.
    pub view: View,
    /// Whose call it is: who signs, or whom the signer is the proxy of.
    pub actor: AccountId,
    /// What else is on its way.
    pub(super) submitter: Submitter,
    /// What was agreed to.
    pub(super) agreed: Agreed,
}

// === impl Ground ===

impl Ground {
    /// The same block, with another account that acts.
    #[must_use]
    pub fn of(&self, actor: AccountId) -> Self {
        Self { actor, ..self.clone() }
    }

    /// The bound within which something is signed that costs `price` now: the tighter of what is `wanted` and what was
    /// agreed to. Refused is what costs more by now; what was not agreed to at all is, once the draft is finished.
    pub fn hold(&self, wanted: Bound, price: Option<Tao>) -> Result<Bound, SubmissionError> {
        Ok(self.agreed.hold(wanted, price)?)
    }

    /// The announced call that was agreed to, where the order names none: no other is made.
    pub const fn makes(&self) -> Option<BlockHash> {
        self.agreed.makes()
    }

    /// Reads at the newest block there is, final or not: of what may have been changed a moment ago.
    pub async fn best(&self) -> View {
        need::newer(&self.submitter.shared.link, &self.view).await.unwrap_or_else(|| self.view.clone())
    }

    /// Reads at the newest block there is, final or not, for a call that replaces `record`: what is kept of it must be
    /// what the chain has when the call is made, or it would undo a change that is not final yet. Refused while such a
    /// change of this daemon's own is in no block: nothing can be read of that.
    pub async fn newest(&self, record: Record) -> Result<View, SubmissionError> {
        let shared = &self.submitter.shared;
        // Asked first: what is settled meanwhile is in the block that is read.
        let changes = shared.active.replacing(record);
        let newest = self.best().await;
        for change in changes {
            let included = newest.balance(change.signer).await?.nonce;
            if change.nonce >= included {
                let words = format!(
                    "{record} is changed by extrinsic {}, which is in no block yet, and a second change now would undo that: \
                     try again once it is in one; `btctl tx list` tells",
                    change.hash
                );
                return Err(Precondition::NotYet { error: "Future", words }.into());
            }
        }
        Ok(newest)
    }

    /// Refuses what lacks something more basic than what is looked at next.
    pub async fn require(&self, need: Need) -> Result<(), SubmissionError> {
        need::holds(&self.view, self.actor, &need).await
    }

    /// Refuses where there is no such subnet, before anything of it is read: storage tells defaults of those that are not.
    pub async fn require_subnet(&self, netuid: NetUid) -> Result<(), SubmissionError> {
        if self.view.subnet_exists(netuid).await? {
            return Ok(());
        }
        Err(Precondition::NoSuchSubnet { netuid }.into())
    }

    /// Refuses where the connected runtime lacks a call, and names what does the same today.
    pub fn require_call(&self, pallet: &str, call: &str, instead: &'static str) -> Result<(), SubmissionError> {
        let runtime = self.view.runtime();
        if runtime.has_call(pallet, call) {
            return Ok(());
        }
        let (what, spec_version) = (format!("{pallet}.{call}"), runtime.spec_version());
        Err(SubmissionError::Gone { what, spec_version, instead })
    }
}
