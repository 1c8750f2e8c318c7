//! What became of an extrinsic, in the form in which the journal keeps it.

use btd_api::{BlockNumber, Tao};
use btd_chain::{BlockRef, DispatchError, Event, ExtrinsicHash, Inclusion, PoolRefusal, RefusalReason, Unseen};
use serde::{Deserialize, Serialize};

use super::{error::Withdrawal, plan::Plan};
use crate::journal::{Ending, Settlement};

/// The end of an extrinsic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// In a finalized block, with success.
    Succeeded(Included),
    /// In a finalized block, and its call failed; the fee is spent.
    Failed(Included, DispatchError),
    /// The pool refused it the first time that it was sent: it is in no block.
    Refused(Refused),
    /// Its era ended, and it is in no block.
    Expired {
        /// The last block that could have included it.
        until: BlockNumber,
    },
    /// In a finalized block whose events cannot be read: it succeeded or failed, and its fee is spent.
    Unseen {
        /// The block.
        block: BlockRef,
        /// Its position in the block.
        index: u32,
        /// Why the events cannot be read, in words.
        reason: String,
    },
    /// It was taken back before any node had it: it is in no block.
    Withdrawn {
        /// Why.
        why: Withdrawal,
    },
}

/// An extrinsic in a block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Included {
    /// The block.
    pub block: BlockRef,
    /// Its position in the block.
    pub index: u32,
    /// What it paid, tip included; none where the chain does not tell.
    pub fee: Option<Tao>,
    /// What it caused, in order.
    pub events: Vec<Event>,
}

/// A pool's no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The node's JSON-RPC code.
    pub code: i32,
    /// A stable name for the reason.
    pub name: String,
    /// The reason and the node's own words.
    pub words: String,
}

/// What a submission comes to, as far as its caller waited.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// What was planned.
    pub plan: Plan,
    /// What became of it.
    pub stage: Stage,
}

/// How far a submission has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Not sent: it was a dry run.
    Planned,
    /// Signed and in the journal.
    Recorded {
        /// The extrinsic.
        extrinsic: ExtrinsicHash,
        /// The last block that can include it.
        era_end: BlockNumber,
    },
    /// In a block that is not final yet, with success there.
    InBlock {
        /// The extrinsic.
        extrinsic: ExtrinsicHash,
        /// Where it is, as long as that block is not replaced, and what it caused there.
        included: Included,
        /// The last block that can include it, should that one be replaced.
        era_end: BlockNumber,
    },
    /// In the chain's pool.
    Submitted {
        /// The extrinsic.
        extrinsic: ExtrinsicHash,
        /// The last block that can include it.
        era_end: BlockNumber,
    },
    /// In a finalized block, with success.
    Finalized {
        /// The extrinsic.
        extrinsic: ExtrinsicHash,
        /// Where it is, and what it caused.
        included: Included,
    },
}

// === impl Outcome ===

impl Outcome {
    /// The outcome of an extrinsic that was found in a block.
    pub(super) fn of(inclusion: Inclusion) -> Self {
        let Inclusion { block, index, result, events, fee, .. } = inclusion;
        let included = Included { block, index, fee, events };
        match result {
            Ok(()) => Self::Succeeded(included),
            Err(error) => Self::Failed(included, error),
        }
    }

    /// The outcome as the journal keeps it.
    pub(super) fn to_settlement(&self) -> Result<Settlement, serde_json::Error> {
        let ending = match self {
            Self::Succeeded(_) => Ending::Succeeded,
            Self::Failed(..) => Ending::Failed,
            Self::Refused(_) => Ending::Refused,
            Self::Expired { .. } => Ending::Expired,
            Self::Unseen { .. } => Ending::Unseen,
            Self::Withdrawn { .. } => Ending::Withdrawn,
        };
        Ok(Settlement { ending, details: serde_json::to_string(self)? })
    }

    /// The outcome that the journal kept.
    pub(super) fn from_settlement(settlement: &Settlement) -> Result<Self, serde_json::Error> {
        serde_json::from_str(&settlement.details)
    }
}

impl From<Unseen> for Outcome {
    fn from(unseen: Unseen) -> Self {
        let Unseen { block, index, reason } = unseen;
        Self::Unseen { block, index, reason }
    }
}

impl From<&PoolRefusal> for Refused {
    fn from(refusal: &PoolRefusal) -> Self {
        let name = match refusal.reason {
            RefusalReason::Custom(code) => code.name().map_or_else(|| format!("Custom{}", code.0), str::to_owned),
            reason => format!("{reason:?}"),
        };
        Self { code: refusal.code, name, words: refusal.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use btd_api::BlockHash;
    use serde_json::json;

    use super::*;

    #[test]
    fn outcomes_survive_the_journal() {
        let included = Included {
            block: BlockRef { number: BlockNumber(7), hash: BlockHash([1; 32]) },
            index: 2,
            fee: Some(Tao::from_rao(136_247)),
            events: vec![Event {
                pallet: "Balances".to_owned(),
                name: "Transfer".to_owned(),
                fields: json!({ "amount": "5" }),
                subnets: std::collections::BTreeSet::new(),
                extrinsic: Some(2),
            }],
        };
        let error = DispatchError { pallet: Some("Balances".to_owned()), name: "X".to_owned(), docs: String::new() };
        for outcome in [
            Outcome::Succeeded(included.clone()),
            Outcome::Failed(included, error),
            Outcome::Refused(Refused { code: 1010, name: "Payment".to_owned(), words: "cannot pay".to_owned() }),
            Outcome::Expired { until: BlockNumber(9) },
            Outcome::Unseen {
                block: BlockRef { number: BlockNumber(7), hash: BlockHash([1; 32]) },
                index: 2,
                reason: "the state is gone".to_owned(),
            },
            Outcome::Withdrawn { why: Withdrawal::Late },
        ] {
            let kept = outcome.to_settlement().unwrap();
            assert_eq!(Outcome::from_settlement(&kept).unwrap(), outcome);
        }
    }

    #[test]
    fn refusals_have_stable_names() {
        let refusal = |reason| PoolRefusal { code: 1010, reason, text: String::new() };
        assert_eq!(Refused::from(&refusal(RefusalReason::Payment)).name, "Payment");
        let custom = RefusalReason::Custom(btd_chain::ValidityCode(10));
        assert_eq!(Refused::from(&refusal(custom)).name, "HotKeyNotRegisteredInNetwork");
    }
}
