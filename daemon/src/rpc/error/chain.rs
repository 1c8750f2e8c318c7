//! Failures of reading the chain.

use btd_api::{ApiError, ErrorKind};
use btd_chain::{PrepareError, ReadError};

use super::Failure;

fn read_kind(error: &ReadError) -> ErrorKind {
    match error {
        ReadError::NotConnected { .. }
        | ReadError::Deadline { .. }
        | ReadError::NoTurn { .. }
        | ReadError::Cut { .. }
        | ReadError::Refused { .. }
        | ReadError::Oversized { .. }
        | ReadError::NoArchive { .. }
        | ReadError::Garbled { .. } => ErrorKind::ChainUnavailable,
        ReadError::Absent(_) | ReadError::Decode { .. } => ErrorKind::NotOnThisRuntime,
        ReadError::UnknownBlock { .. }
        | ReadError::NotKept { .. }
        | ReadError::TakenBack { .. }
        | ReadError::Pruned { .. } => ErrorKind::NotFound,
        ReadError::Argument { .. } => ErrorKind::InvalidParams,
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self(ApiError::new(read_kind(&error), error.to_string()))
    }
}

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        let kind = match &error {
            PrepareError::Read(error) => read_kind(error),
            PrepareError::Absent(_)
            | PrepareError::UnknownExtension { .. }
            | PrepareError::UnsupportedVersion { .. } => ErrorKind::NotOnThisRuntime,
            PrepareError::Argument { .. } | PrepareError::BadPeriod { .. } => ErrorKind::InvalidParams,
        };
        Self(ApiError::new(kind, error.to_string()))
    }
}
