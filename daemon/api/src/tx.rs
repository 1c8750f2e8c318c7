//! The noun `tx`: extrinsics that this daemon has signed, from its journal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AccountId, BlockHash, BlockNumber, IdempotencyKey,
    method::methods,
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
}

/// Reply of [`List`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entries {
    /// The extrinsics, the newest first.
    pub entries: Vec<Entry>,
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

/// Parameters of [`Follow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FollowParams {
    /// Its hash.
    pub extrinsic: BlockHash,
    /// How long to wait.
    #[serde(default)]
    pub wait: Wait,
}

methods! {
    /// The extrinsics that this daemon signed for the chain it follows
    List = "tx_list" (Read): ListParams => Entries;
    /// One of them, with its plan and its end
    Show = "tx_show" (Read): ShowParams => Shown;
    /// Waits for the end of one of them
    Follow = "tx_follow" (Read): FollowParams => Receipt;
}
