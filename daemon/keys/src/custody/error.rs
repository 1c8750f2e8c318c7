//! Why custody refuses. Each message says to which key and what to do next; none repeats a secret.

use std::time::Duration;

use crate::{
    backoff::FailureLogError,
    purpose::{Purpose, PurposeError},
    store::{KeyId, StoreError},
};

/// Why custody did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    /// The key is locked, or its window has ended.
    #[error("the key {0} is locked: unlock it first")]
    Locked(KeyId),
    /// Unlocked, but for something else.
    #[error("the key {key} was not unlocked for {purpose}")]
    NotAllowed {
        /// Which key.
        key: KeyId,
        /// What was asked of it.
        purpose: Purpose,
    },
    /// The password is wrong.
    #[error("wrong password for {key}: the next attempt is possible in {} s", retry_in.as_secs())]
    WrongPassword {
        /// Which key.
        key: KeyId,
        /// How long the next attempt has to wait.
        retry_in: Duration,
    },
    /// Wrong passwords before this one; nothing was tried.
    #[error("too many wrong passwords for {key}: try again in {} s", retry_in.as_secs_f64().ceil())]
    TooManyFailures {
        /// Which key.
        key: KeyId,
        /// How long to wait.
        retry_in: Duration,
    },
    /// The window is empty or longer than allowed.
    #[error("a key can be unlocked for 1 s to {} s, not for {} s", max.as_secs(), asked.as_secs_f64())]
    Window {
        /// What was asked.
        asked: Duration,
        /// The longest allowed.
        max: Duration,
    },
    /// Somebody locked the key while it was being unlocked.
    #[error("the key {0} was locked while it was being unlocked")]
    LockedMeanwhile(KeyId),
    /// Too many callers wait for a key derivation.
    #[error("too many key derivations are waiting: try again in a few seconds")]
    Busy,
    /// What was to be signed is not what it was presented as.
    #[error(transparent)]
    Purpose(#[from] PurposeError),
    /// The key file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Failures cannot be counted, so no password is tried.
    #[error(transparent)]
    FailureLog(#[from] FailureLogError),
    /// The work did not come to its end.
    #[error("the work on the key {0} broke off")]
    Aborted(KeyId),
}
