//! The noun `tx`: extrinsics that this daemon has signed, from its journal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, BlockHash, BlockNumber, IdempotencyKey,
    method::methods,
    signing::Lane,
    wallet::{Plan, Receipt, Wait},
};

/// What became of an extrinsic, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is on its way.
    Pending,
    /// In a finalized block, with success.
    Succeeded,
    /// In a finalized block, and its call failed.
    Failed,
    /// In a finalized block, and nobody tells any more whether its call succeeded.
    Unseen,
    /// The pool refused it: it is in no block.
    Refused,
    /// Its era ended, and it is in no block.
    Expired,
    /// Taken back before any node had it: it is in no block.
    Withdrawn,
}

/// One extrinsic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Its number in the journal.
    pub id: i64,
    /// Its hash.
    pub extrinsic: BlockHash,
    /// What became of it.
    pub state: State,
    /// `Pallet.call`.
    pub call: String,
    /// One sentence for people.
    pub summary: String,
    /// Who signed.
    pub signer: AccountId,
    /// Its nonce.
    pub nonce: u32,
    /// When it was signed, in seconds since 1970.
    pub recorded_at: i64,
    /// When its end was known, in seconds since 1970.
    pub settled_at: Option<i64>,
    /// The last block that can include it.
    pub era_end: Option<BlockNumber>,
    /// The caller's key, if it gave one.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Parameters of [`List`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ListParams {
    /// How many at most, the newest first; 50 without it.
    pub limit: Option<u32>,
    /// Those on their way only.
    pub pending: bool,
    /// Those with a lower number in the journal only: to read on.
    pub before: Option<i64>,
}

/// Reply of [`List`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entries {
    /// The extrinsics, the newest first.
    pub entries: Vec<Entry>,
    /// Where to read on: there is more. Goes into `before`.
    pub next: Option<i64>,
    /// What waits for its turn and is not signed yet.
    #[serde(default)]
    pub waiting: Vec<Waiting>,
}

/// An order that waits until those before it have been sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    /// Who would sign.
    pub signer: AccountId,
    /// Its lane.
    pub lane: Lane,
    /// The caller's key, if it gave one: what it is cancelled by.
    pub idempotency_key: Option<IdempotencyKey>,
    /// For how long it has waited, in milliseconds.
    pub waited_ms: u64,
}

/// Parameters of [`Show`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowParams {
    /// Its hash.
    pub extrinsic: BlockHash,
}

/// Reply of [`Show`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    /// The extrinsic.
    #[serde(flatten)]
    pub entry: Entry,
    /// The plan that was agreed to.
    pub plan: Plan,
    /// How it ended, in the journal's form; none while it is on its way.
    pub ending: Option<serde_json::Value>,
}

/// Parameters of [`Follow`]: its hash or its key, one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FollowParams {
    /// Its hash.
    pub extrinsic: Option<BlockHash>,
    /// The key that its order was given with. While such an order waits to be signed, its end is unknown.
    pub key: Option<IdempotencyKey>,
    /// How long to wait.
    pub wait: Wait,
}

/// Parameters of [`Cancel`]: one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CancelParams {
    /// The hash of what was signed.
    pub extrinsic: Option<BlockHash>,
    /// The key that the order was given with, signed or not.
    pub key: Option<IdempotencyKey>,
}

/// Reply of [`Cancel`]: what was taken back. Nothing of it will ever be in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cancelled {
    /// How many orders were waiting for their turn under that key.
    pub waiting: u32,
    /// What was signed already, and no node had.
    pub extrinsic: Option<BlockHash>,
}

methods! {
    /// The extrinsics that this daemon signed for the chain it follows
    List = "tx_list" (Read): ListParams => Entries;
    /// One of them, with its plan and its end
    Show = "tx_show" (Read): ShowParams => Shown;
    /// Waits for the end of one of them
    Follow = "tx_follow" (Read): FollowParams => Receipt;
    /// Takes back what no node has been handed yet: what waits for its turn, and what could not be sent so far
    Cancel = "tx_cancel" (Operate): CancelParams => Cancelled;
}
