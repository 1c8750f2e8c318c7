//! Why custody refuses. Each message says to which key and what to do next; none repeats a secret.

use std::time::Duration;

use btd_keys::{
    KeyFileError, KeyId, MakeError, Purpose, PurposeError, SealedBoxError, StoreError, environment::EnvironmentError,
};
use btd_signer_protocol::{Refusal, RefusalKind};

use crate::backoff::FailureLogError;

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
    #[error(
        "a wrong password was given for {key} before, so this one was not tried: the next attempt is possible in {} s",
        retry_in.as_secs_f64().ceil()
    )]
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
    /// The service manager's file, which it alone can change.
    #[error("the service manager hands {0} over: change its credential, and start the service again")]
    HandedOver(KeyId),
    /// What was to be signed is not what it was presented as.
    #[error(transparent)]
    Purpose(#[from] PurposeError),
    /// A message that cannot be opened.
    #[error(transparent)]
    SealedBox(#[from] SealedBoxError),
    /// The key file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Failures cannot be counted, so no password is tried.
    #[error(transparent)]
    FailureLog(#[from] FailureLogError),
    /// What a key was to be made of gives none.
    #[error(transparent)]
    Origin(KeyFileError),
    /// A password that the environment announces cannot be had.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
}

impl From<MakeError> for CustodyError {
    fn from(error: MakeError) -> Self {
        match error {
            MakeError::Origin(error) => Self::Origin(error),
            MakeError::Store(error) => Self::Store(error),
        }
    }
}

impl From<CustodyError> for Refusal {
    fn from(error: CustodyError) -> Self {
        let of = |kind| Refusal::new(kind, error.to_string());
        match &error {
            CustodyError::Locked(key) => of(RefusalKind::Locked).about(key.clone()),
            CustodyError::NotAllowed { key, .. } => of(RefusalKind::NotAllowed).about(key.clone()),
            CustodyError::WrongPassword { key, retry_in } => {
                of(RefusalKind::WrongPassword).about(key.clone()).retry_in(*retry_in)
            }
            CustodyError::TooManyFailures { key, retry_in } => {
                of(RefusalKind::TooManyFailures).about(key.clone()).retry_in(*retry_in)
            }
            CustodyError::Origin(KeyFileError::WrongPassword) => of(RefusalKind::WrongPassword),
            CustodyError::Origin(KeyFileError::OutOfMemory) => of(RefusalKind::Busy),
            CustodyError::Window { .. }
            | CustodyError::HandedOver(_)
            | CustodyError::Origin(_)
            | CustodyError::SealedBox(_) => of(RefusalKind::Invalid),
            CustodyError::LockedMeanwhile(key) => of(RefusalKind::LockedMeanwhile).about(key.clone()),
            CustodyError::Purpose(_) => of(RefusalKind::Purpose),
            CustodyError::Store(store) => of(store_kind(store)),
            CustodyError::FailureLog(_) | CustodyError::Environment(_) => of(RefusalKind::Storage),
        }
    }
}

fn store_kind(error: &StoreError) -> RefusalKind {
    match error {
        StoreError::NotFound { .. } => RefusalKind::NotFound,
        StoreError::Exists { .. } | StoreError::Unchanged { .. } => RefusalKind::Exists,
        StoreError::KeyFile { source, .. } => key_file_kind(source),
        StoreError::PublicMismatch { .. } | StoreError::PublicTold { .. } | StoreError::OtherSecret { .. } => {
            RefusalKind::Damaged
        }
        StoreError::Name { .. } => RefusalKind::Invalid,
        StoreError::Changed { .. } | StoreError::Io { .. } => RefusalKind::Storage,
    }
}

fn key_file_kind(error: &KeyFileError) -> RefusalKind {
    match error {
        KeyFileError::WrongPassword => RefusalKind::WrongPassword,
        KeyFileError::PasswordRequired(_) => RefusalKind::PasswordRequired,
        KeyFileError::OutOfMemory => RefusalKind::Busy,
        KeyFileError::NotAKeyFile(_)
        | KeyFileError::PolkadotJs
        | KeyFileError::Damaged(_)
        | KeyFileError::AddressMismatch { .. }
        | KeyFileError::PublicOnly(_)
        | KeyFileError::UnknownScheme(_)
        | KeyFileError::Key(_) => RefusalKind::Damaged,
    }
}
