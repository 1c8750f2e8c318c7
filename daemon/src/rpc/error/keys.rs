//! Failures of making keys, and of what they may be asked to sign.

use btd_api::{ApiError, ErrorKind};
use btd_keys::{KeyError, PurposeError};

use super::Failure;

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self(ApiError::new(ErrorKind::InvalidParams, error.to_string()))
    }
}

impl From<PurposeError> for Failure {
    fn from(error: PurposeError) -> Self {
        Self(ApiError::new(ErrorKind::PolicyRefused, error.to_string()))
    }
}
