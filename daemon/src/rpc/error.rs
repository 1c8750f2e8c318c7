//! From the errors of the daemon's parts to the one numbered error of the contract.
//!
//! Each enum is mapped variant by variant, without a catch-all: a new variant does not compile
//! until somebody has decided what a caller is told. The kind follows from the type, never from
//! the words.

mod chain;
mod devnet;
mod submit;

use std::time::Duration;

use btd_api::{ApiError, ErrorKind};
use btd_signer_protocol::{Refusal, RefusalKind, SealedBoxError};
use jsonrpsee::types::ErrorObjectOwned;
use serde_json::json;

use super::RequestId;
use crate::{
    axon::{AnswerError, AxonError, WorkersError},
    causes::with_causes,
    custody::CustodyError,
    serving::{HandlersError, ServingError},
};

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

/// Rounded up: whoever comes back then is not too early.
fn retry_after_ms(pause: Duration) -> u64 {
    u64::try_from(pause.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

// === keys ===

impl From<CustodyError> for Failure {
    fn from(error: CustodyError) -> Self {
        let words = with_causes(&error);
        let kind = match error {
            CustodyError::Refused(refusal) => return refusal.into(),
            CustodyError::Died | CustodyError::Unavailable => ErrorKind::SignerUnavailable,
            CustodyError::Frame(_)
            | CustodyError::Version { .. }
            | CustodyError::Missing { .. }
            | CustodyError::Start { .. }
            | CustodyError::Connect { .. }
            | CustodyError::NoGreeting { .. } => ErrorKind::Internal,
        };
        Self::new(kind, words)
    }
}

impl From<SealedBoxError> for Failure {
    fn from(error: SealedBoxError) -> Self {
        Self::new(ErrorKind::InvalidParams, error.to_string())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let Refusal { kind, message, key, retry_in } = refusal;
        let remedy = match (kind, &key) {
            (RefusalKind::PasswordRequired, _) => Some(json!("give the password of the key")),
            (RefusalKind::NotAllowed, _) => {
                Some(json!("unlock the key for this use as well: `btctl wallet unlock --use`"))
            }
            (RefusalKind::LockedMeanwhile, Some(key)) => Some(ApiError::locked(&key.to_string()).data["remedy"].take()),
            _ => None,
        };
        let kind = match (kind, &key) {
            (RefusalKind::Locked, Some(key)) => return Self(ApiError::locked(&key.to_string())),
            (RefusalKind::Locked | RefusalKind::LockedMeanwhile | RefusalKind::PasswordRequired, _) => {
                ErrorKind::WalletLocked
            }
            (RefusalKind::NotAllowed | RefusalKind::Purpose, _) => ErrorKind::PolicyRefused,
            (RefusalKind::WrongPassword, _) => ErrorKind::WrongPassword,
            (RefusalKind::TooManyFailures, _) => ErrorKind::RateLimited,
            (RefusalKind::Invalid, _) => ErrorKind::InvalidParams,
            (RefusalKind::NotFound, _) => ErrorKind::NotFound,
            (RefusalKind::Exists, _) => ErrorKind::AlreadyExists,
            (RefusalKind::Damaged, _) => ErrorKind::KeyFileDamaged,
            (RefusalKind::Storage, _) => ErrorKind::StorageFault,
            (RefusalKind::Busy, _) => ErrorKind::Busy,
            (RefusalKind::Fault, _) => ErrorKind::Internal,
        };
        let mut error = ApiError::new(kind, message);
        if let Some(key) = key {
            error = error.with("key", key.to_string());
        }
        if let Some(remedy) = remedy {
            error = error.with("remedy", remedy);
        }
        if let Some(pause) = retry_in {
            error = error.with("retry_after_ms", retry_after_ms(pause));
        }
        Self(error)
    }
}

// === axon and dendrite ===

impl From<AnswerError> for Failure {
    fn from(error: AnswerError) -> Self {
        let kind = match error {
            AnswerError::Unknown(_) => ErrorKind::NotFound,
            AnswerError::Streaming(_) | AnswerError::Opened(_) => ErrorKind::InvalidParams,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<ServingError> for Failure {
    fn from(error: ServingError) -> Self {
        let words = with_causes(&error);
        let kind = match error {
            ServingError::AlreadyServing { .. } => ErrorKind::AlreadyExists,
            ServingError::WrongScheme { .. } => ErrorKind::PolicyRefused,
            ServingError::Stopping => ErrorKind::ShuttingDown,
            ServingError::Key(error) => return error.into(),
            ServingError::Axon(error) => return error.into(),
            ServingError::Handlers(ref error) => match **error {
                HandlersError::Declaration { .. }
                | HandlersError::Upstream { .. }
                | HandlersError::Workers(WorkersError::NoWindow) => ErrorKind::InvalidParams,
                HandlersError::Taken(_) | HandlersError::Workers(_) => ErrorKind::AlreadyExists,
                HandlersError::NotAttached(_) => ErrorKind::NotFound,
            },
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
