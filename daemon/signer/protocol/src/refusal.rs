//! Why the signer did not do what it was asked.
//!
//! The words are the signer's, for people; programs go by the kind, the key and the pause.

use std::time::Duration;

use btd_keys::KeyId;
use serde::{Deserialize, Serialize};

/// What kind of refusal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RefusalKind {
    /// The key is locked, or its window has ended.
    Locked,
    /// Somebody locked the key while it was being unlocked.
    LockedMeanwhile,
    /// Unlocked, but for something else.
    NotAllowed,
    /// The password is wrong.
    WrongPassword,
    /// Wrong passwords before this one; nothing was tried.
    TooManyFailures,
    /// The key file is encrypted, and no password was given.
    PasswordRequired,
    /// What was to be signed is not what it was presented as.
    Purpose,
    /// A parameter that cannot be.
    Invalid,
    /// No such key or wallet.
    NotFound,
    /// A key is there already.
    Exists,
    /// A key file that cannot be used.
    Damaged,
    /// The disk failed, or refuses.
    Storage,
    /// Too many callers wait.
    Busy,
    /// A fault of the signer.
    Fault,
}

/// A refusal. Nothing was signed and nothing written, unless the words say so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What kind it is.
    pub kind: RefusalKind,
    /// What happened, to what, and what to do next. Repeats no secret.
    pub message: String,
    /// The key that it is about.
    pub key: Option<KeyId>,
    /// How long to wait before asking again.
    pub retry_in: Option<Duration>,
}

// === impl Refusal ===

impl Refusal {
    /// A refusal of `kind`.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), key: None, retry_in: None }
    }

    /// The same about `key`.
    #[must_use]
    pub fn about(mut self, key: KeyId) -> Self {
        self.key = Some(key);
        self
    }

    /// The same with a pause before the next attempt.
    #[must_use]
    pub fn retry_in(mut self, pause: Duration) -> Self {
        self.retry_in = Some(pause);
        self
    }
}
