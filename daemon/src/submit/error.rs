//! Why a submission did not end in a finalized block, with success.

use super::{outcome::Refused, plan::Precondition, policy::PolicyRefusal};
use crate::{custody::CustodyError, journal::JournalError};
use btd_api::{BlockHash, BlockNumber, IdempotencyKey};
use btd_chain::{BlockRef, DispatchError, ExtrinsicHash, PrepareError, ReadError};
use serde::{Deserialize, Serialize};

/// Why something was taken back before any node had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Withdrawal {
    /// Somebody asked for it.
    #[error("it was cancelled before any node had it: nothing happened; ask anew with a new idempotency key")]
    Cancelled,
    /// Its deadline passed.
    #[error(
        "its deadline passed before any node had it: nothing happened; ask anew with a new idempotency key, or a longer \
         deadline"
    )]
    Late,
}

/// Why a submission failed, or is not known to have succeeded.
#[derive(Debug, thiserror::Error)]
pub enum SubmissionError {
    /// The chain could not be read. Nothing was signed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The extrinsic could not be made. Nothing was signed.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A check says that it would fail. Nothing was signed.
    #[error(transparent)]
    Precondition(#[from] Precondition),
    /// The key did not sign. Nothing was sent.
    #[error(transparent)]
    Key(#[from] CustodyError),
    /// The signer failed in a way that custody does not know.
    #[error("the extrinsic was not signed: {0}")]
    Sign(btd_chain::SignError),
    /// The journal failed. Nothing was sent, unless the error says so.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What the journal kept of an earlier submission cannot be read.
    #[error("what the journal keeps of extrinsic {extrinsic} cannot be read: {source}")]
    Kept {
        /// The extrinsic.
        extrinsic: ExtrinsicHash,
        /// Why.
        source: serde_json::Error,
    },
    /// The idempotency key was used for something else.
    #[error("the idempotency key `{key}` was used for another request: use a new key for a new request")]
    DuplicateIntent {
        /// The key.
        key: IdempotencyKey,
    },
    /// The pool refused it. Nothing happened.
    #[error(
        "the chain refused extrinsic {extrinsic}: {}; nothing of it can ever land: ask anew with a new idempotency key",
        .refused.words
    )]
    Refused {
        /// The extrinsic.
        extrinsic: ExtrinsicHash,
        /// The refusal.
        refused: Box<Refused>,
    },
    /// It is in a finalized block, and its call failed. The fee is spent.
    #[error("extrinsic {extrinsic} is in block {block} and failed: {error}")]
    Dispatch {
        /// The extrinsic.
        extrinsic: ExtrinsicHash,
        /// The block.
        block: BlockRef,
        /// How it failed.
        error: Box<DispatchError>,
    },
    /// It is in a block that is not final yet, and its call failed there.
    #[error(
        "extrinsic {extrinsic} is in block {block}, which is not final yet, and failed there: {error}; its fee is spent \
         once that block is final, and should another take its place, it can be included anew up to block {era_end}: {}",
        until_final(.key.as_ref(), .extrinsic)
    )]
    FailedSoFar {
        /// The key that it was ordered under, if any.
        key: Option<IdempotencyKey>,
        /// The extrinsic.
        extrinsic: ExtrinsicHash,
        /// The block, which may be replaced.
        block: BlockRef,
        /// The last block that can include it, should that one be replaced.
        era_end: BlockNumber,
        /// How it failed.
        error: Box<DispatchError>,
    },
    /// Its era ended, and it is in no block. Nothing happened.
    #[error(
        "extrinsic {extrinsic} was in no block up to {until}, the last that could include it: nothing happened, and \
         nothing of it can ever land; ask anew with a new idempotency key"
    )]
    Expired {
        /// The extrinsic.
        extrinsic: ExtrinsicHash,
        /// The last block that could have included it.
        until: BlockNumber,
    },
    /// It is in a block whose events cannot be read: it succeeded or failed. The fee is spent.
    #[error(
        "extrinsic {extrinsic} is in block {block}, whose events cannot be read ({reason}): it succeeded or failed, \
         and is never included again; look at what it should have changed, or at the block in an explorer"
    )]
    Unseen {
        /// The extrinsic.
        extrinsic: ExtrinsicHash,
        /// The block.
        block: BlockRef,
        /// Its position in the block.
        index: u32,
        /// Why the events cannot be read.
        reason: String,
    },
    /// Sent, or about to be sent again, and not seen in a finalized block yet.
    #[error(
        "extrinsic {extrinsic} may or may not be included, up to block {era_end} ({cause}): btd goes on following it; \
         ask again with the same idempotency key, and do not send it anew"
    )]
    Unknown {
        /// The extrinsic.
        extrinsic: ExtrinsicHash,
        /// The last block that can include it.
        era_end: BlockNumber,
        /// Why it is not known.
        cause: String,
    },
    /// It was signed for another chain than the one that has been reached.
    #[error(
        "extrinsic {extrinsic} was signed for the chain whose block 0 is {signed_for}, and the one that is followed \
         begins with {followed}: its end is told once its own chain is followed again"
    )]
    OtherChain {
        /// The extrinsic.
        extrinsic: ExtrinsicHash,
        /// The chain it was signed for.
        signed_for: BlockHash,
        /// The chain that is followed.
        followed: BlockHash,
    },
    /// A rule of this daemon forbids it. Nothing was signed.
    #[error(transparent)]
    Policy(#[from] PolicyRefusal),
    /// The connected runtime has no such call any more, or not yet. Nothing was signed.
    #[error("this runtime (spec {spec_version}) has no call {what}: {instead}")]
    Gone {
        /// The call.
        what: String,
        /// The runtime.
        spec_version: u32,
        /// What does the same today.
        instead: &'static str,
    },
    /// The connected runtime does not tell what must be known, any more or yet. Nothing was signed.
    #[error("this runtime (spec {spec_version}) has no {what}: {instead}")]
    Untold {
        /// The item of storage, or the method of a runtime API.
        what: String,
        /// The runtime.
        spec_version: u32,
        /// What comes nearest.
        instead: &'static str,
    },
    /// It was taken back before any node had it. Nothing happened.
    #[error(transparent)]
    Withdrawn(#[from] Withdrawal),
    /// Another request under the same idempotency key has the account's turn, or waits for it.
    #[error(
        "another request with the idempotency key `{key}` is under way, and has not come to an end in time: ask again \
         with the same key to learn its end"
    )]
    UnderWay {
        /// The key.
        key: IdempotencyKey,
    },
    /// The journal's open intents have not been read yet.
    #[error("extrinsics of an earlier run are still being looked up: try again in a moment")]
    NotResumed,
}

/// How to learn what becomes, in the end, of what stands in a block that is not final.
pub(crate) fn until_final(key: Option<&IdempotencyKey>, extrinsic: &ExtrinsicHash) -> String {
    let named = key.map_or_else(|| extrinsic.to_string(), |key| format!("--key {key}"));
    format!("look with `btctl tx follow {named}`, which waits until it is final, before anything is sent anew")
}
