//! Which call was agreed to: noted as it is planned, and of what was signed before told by the journal, whether the chain is
//! in reach or not.

use std::sync::{Arc, Mutex, PoisonError};

use btd_api::{
    BlockHash, ErrorKind,
    wallet::{Outcome, Receipt},
};
use serde::Deserialize;

use super::meant;
use crate::{daemon::Parts, rpc::Failure};

/// The hash of the call, once it is known. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Agreed(Arc<Mutex<Option<BlockHash>>>);

// === impl Agreed ===

impl Agreed {
    /// Notes what is planned.
    pub(super) fn note(&self, hash: BlockHash) -> BlockHash {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(hash);
        hash
    }

    /// What was agreed to with `receipt`.
    pub(super) async fn of(&self, parts: &Parts, receipt: &Receipt) -> Result<BlockHash, Failure> {
        let planned = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing is planned for a repetition of what was signed.
        let known = match planned {
            Some(hash) => Some(hash),
            None => match journalled(parts, receipt).await? {
                Some(hash) => Some(hash),
                None => read(parts, receipt).await,
            },
        };
        known.ok_or_else(|| {
            let words = "it was signed before, and its call cannot be read now: `tx list` tells what became of it";
            Failure::new(ErrorKind::OutcomeUnknown, words)
        })
    }
}

/// What the journal says of it.
async fn journalled(parts: &Parts, receipt: &Receipt) -> Result<Option<BlockHash>, Failure> {
    let (Outcome::Recorded { extrinsic, .. }
    | Outcome::Submitted { extrinsic, .. }
    | Outcome::InBlock { extrinsic, .. }
    | Outcome::Finalized { extrinsic, .. }) = &receipt.outcome
    else {
        return Ok(None);
    };
    let logged = parts.submitter.logged_as(extrinsic.0.into()).await?;
    Ok(logged.and_then(|logged| noted(&logged.intent.recorded.plan)))
}

/// The hash in a plan as the journal keeps it.
fn noted(plan: &str) -> Option<BlockHash> {
    /// What is read of a plan.
    #[derive(Deserialize)]
    struct Agreeing {
        agreed: Option<BlockHash>,
    }
    serde_json::from_str::<Agreeing>(plan).ok()?.agreed
}

/// The hash of the call in the plan, as the connected runtime writes it: earlier journals do not keep it.
async fn read(parts: &Parts, receipt: &Receipt) -> Option<BlockHash> {
    let view = parts.link.first_view().await.ok()?;
    meant::hash_in(&receipt.plan.call, &receipt.plan.arguments, view.runtime())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journalled_plan_says_what_it_agrees_to() {
        let hash = BlockHash([7; 32]);
        assert_eq!(noted(&format!(r#"{{"call":"Multisig.as_multi","agreed":"{hash}"}}"#)), Some(hash));
        assert_eq!((noted(r#"{"call":"Multisig.as_multi"}"#), noted("no plan")), (None, None));
    }
}
