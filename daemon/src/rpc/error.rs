//! From the errors of the daemon's parts to the one numbered error of the contract.
//!
//! Each enum is mapped variant by variant, without a catch-all: a new variant does not compile
//! until somebody has decided what a caller is told. The kind follows from the type, never from
//! the words.

use btd_api::{ApiError, ErrorKind};
use jsonrpsee::types::ErrorObjectOwned;

use super::RequestId;

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
