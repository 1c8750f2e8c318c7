//! From the errors of the daemon's parts to the one numbered error of the contract.
//!
//! Each enum is mapped variant by variant, without a catch-all: a new variant does not compile
//! until somebody has decided what a caller is told. The kind follows from the type, never from
//! the words.

mod chain;
mod keys;
mod submit;

use std::time::Duration;

use btd_api::{ApiError, ErrorKind};
use btd_keys::{CustodyError, KeyFileError, KeyId, KeyRole, StoreError};
use jsonrpsee::types::ErrorObjectOwned;

use super::RequestId;
use crate::{axon::AxonError, causes::with_causes, serving::ServingError};

/// A handler's failure: what the caller is told.
///
/// Every error type of a part has a `From` here, so that handlers use `?`.
#[derive(Debug)]
pub struct Failure(pub ApiError);

impl Failure {
    /// A failure of `kind`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(ApiError::new(kind, message))
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        failure.0
    }
}

/// The error as the transport wants it, naming the request.
pub(super) fn to_wire(error: ApiError, request: RequestId) -> ErrorObjectOwned {
    let error = error.with("request_id", request.to_string());
    ErrorObjectOwned::owned(error.code, error.message, Some(error.data))
}

fn retry_after_ms(pause: Duration) -> u64 {
    u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)
}

// === keys ===

impl From<CustodyError> for Failure {
    fn from(error: CustodyError) -> Self {
        let words = with_causes(&error);
        let of = |kind| ApiError::new(kind, words.clone());
        Self(match error {
            CustodyError::Locked(key) => locked(&key),
            CustodyError::NotAllowed { key, .. } => of(ErrorKind::PolicyRefused).with("key", key.to_string()),
            CustodyError::WrongPassword { key, retry_in } => of(ErrorKind::WrongPassword)
                .with("key", key.to_string())
                .with("retry_after_ms", retry_after_ms(retry_in)),
            CustodyError::TooManyFailures { key, retry_in } => {
                of(ErrorKind::RateLimited).with("key", key.to_string()).with("retry_after_ms", retry_after_ms(retry_in))
            }
            CustodyError::Window { .. } => of(ErrorKind::InvalidParams),
            CustodyError::LockedMeanwhile(key) => of(ErrorKind::WalletLocked).with("key", key.to_string()),
            CustodyError::Busy => of(ErrorKind::Busy),
            CustodyError::Purpose(_) => of(ErrorKind::PolicyRefused),
            CustodyError::Store(error) => return error.into(),
            CustodyError::FailureLog(_) => of(ErrorKind::StorageFault),
            CustodyError::Aborted(_) => of(ErrorKind::Internal),
        })
    }
}

/// Names the key, and the command that unlocks it.
fn locked(key: &KeyId) -> ApiError {
    let hotkey = match &key.role {
        KeyRole::Coldkey => String::new(),
        KeyRole::Hotkey(name) => format!(" --hotkey {name}"),
    };
    let command = format!("btctl wallet unlock --wallet {}{hotkey}", key.wallet);
    let words = format!("the key {key} is locked: unlock it with `{command}`");
    ApiError::new(ErrorKind::WalletLocked, words).with("key", key.to_string())
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let words = with_causes(&error);
        let kind = match error {
            StoreError::NotFound { .. } => ErrorKind::NotFound,
            StoreError::Exists { .. } | StoreError::Unchanged { .. } => ErrorKind::AlreadyExists,
            StoreError::KeyFile { source, .. } => key_file(&source),
            StoreError::PublicMismatch { .. } => ErrorKind::KeyFileDamaged,
            StoreError::Io { .. } => ErrorKind::StorageFault,
        };
        Self::new(kind, words)
    }
}

fn key_file(error: &KeyFileError) -> ErrorKind {
    match error {
        KeyFileError::PasswordRequired(_) => ErrorKind::WalletLocked,
        KeyFileError::WrongPassword => ErrorKind::WrongPassword,
        KeyFileError::NotAKeyFile(_)
        | KeyFileError::PolkadotJs
        | KeyFileError::Damaged(_)
        | KeyFileError::AddressMismatch { .. }
        | KeyFileError::PublicOnly(_)
        | KeyFileError::UnknownScheme(_)
        | KeyFileError::Key(_) => ErrorKind::KeyFileDamaged,
        KeyFileError::OutOfMemory => ErrorKind::Busy,
    }
}

// === axon and dendrite ===

impl From<ServingError> for Failure {
    fn from(error: ServingError) -> Self {
        let words = with_causes(&error);
        let kind = match error {
            ServingError::AlreadyServing { .. } => ErrorKind::AlreadyExists,
            ServingError::WrongScheme { .. } => ErrorKind::PolicyRefused,
            ServingError::Stopping => ErrorKind::ShuttingDown,
            ServingError::Key(error) => return error.into(),
            ServingError::Axon(error) => return error.into(),
        };
        Self::new(kind, words)
    }
}

impl From<AxonError> for Failure {
    fn from(error: AxonError) -> Self {
        let words = with_causes(&error);
        let kind = match error {
            AxonError::Occupied { .. } => ErrorKind::AddressInUse,
            AxonError::Bind { .. } => ErrorKind::InvalidParams,
            AxonError::Unsigned(_) => ErrorKind::WalletLocked,
            AxonError::Socket { .. } | AxonError::Tls(_) | AxonError::DuplicateSynapse(_) => ErrorKind::Internal,
        };
        Self::new(kind, words)
    }
}
