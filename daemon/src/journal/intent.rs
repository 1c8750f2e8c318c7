//! What the journal holds of an extrinsic: the wish behind it, its bytes, whether a node may have them, and its end.

use btd_api::{BlockHash, IdempotencyKey};
use btd_chain::SignedExtrinsic;

/// An intent's number in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IntentId(pub(super) i64);

/// BLAKE2b-256 of what the caller asked for: tells a repetition from another wish under the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(pub [u8; 32]);

/// A signed extrinsic about to be sent, and the wish behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewIntent {
    /// What makes a repetition harmless; none when the caller did not ask for it.
    pub key: Option<IdempotencyKey>,
    /// What the caller asked for, without the key.
    pub wish: Digest,
    /// The chain it is meant for.
    pub genesis: BlockHash,
    /// The signed bytes, as they are sent, with what must be known to follow them.
    pub extrinsic: SignedExtrinsic,
    /// The plan that was agreed to, as JSON of [`crate::submit`].
    pub plan: String,
    /// The time after which it is given up unless a node has been handed it, in milliseconds since 1970.
    pub deadline_ms: Option<u64>,
    /// Whether a node may have it.
    pub handing: Handing,
}

/// Whether the bytes of an intent may have reached a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handing {
    /// For certain none has them. This is written down before they are offered to one: [`super::Journal::hand_over`].
    Never,
    /// One may have them.
    Perhaps,
}

/// How an intent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In a finalized block, with success.
    Succeeded,
    /// In a finalized block, with a dispatch error.
    Failed,
    /// The pool refused it: it is in no block.
    Refused,
    /// Its era ended and it is in no block.
    Expired,
    /// In a finalized block whose events nobody can read: success and failure look alike.
    Unseen,
    /// Taken back before any node had it: it is in no block.
    Withdrawn,
}

/// The end of an intent, with its details as JSON of [`crate::submit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// How it ended.
    pub ending: Ending,
    /// The details.
    pub details: String,
}

/// An intent as the journal holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Its number.
    pub id: IntentId,
    /// What was recorded.
    pub recorded: NewIntent,
    /// What became of it; none while it is pending.
    pub settlement: Option<Settlement>,
}

/// An intent with its times, in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The intent.
    pub intent: Intent,
    /// When it was written down.
    pub recorded_at: i64,
    /// When its end was.
    pub settled_at: Option<i64>,
}

/// Which intents are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All that the journal holds.
    All,
    /// Those whose outcome is not known.
    Pending,
}

/// What [`super::Journal::record`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The intent is durable: it may be sent.
    New(Intent),
    /// Its key was used before, for this intent. Nothing was written: the new bytes must not be sent.
    KeyTaken(Intent),
}

// === impl IntentId ===

impl IntentId {
    /// The number, which grows with each intent.
    pub const fn number(self) -> i64 {
        self.0
    }
}

// === impl Ending ===

impl Ending {
    const ALL: [Self; 6] = [Self::Succeeded, Self::Failed, Self::Refused, Self::Expired, Self::Unseen, Self::Withdrawn];

    /// The word that the journal's file uses.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Unseen => "unseen",
            Self::Withdrawn => "withdrawn",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ending| ending.name() == name)
    }
}
