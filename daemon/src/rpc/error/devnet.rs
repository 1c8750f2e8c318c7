//! Failures of what the owner of the embedded chain does to it.

use btd_api::ErrorKind;
use btd_devnet::{ControlError, DevnetError};

use super::Failure;
use crate::causes::with_causes;

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        let kind = match &error {
            ControlError::UnknownSnapshot(_) => ErrorKind::NotFound,
            ControlError::TimeGoesBack { .. }
            | ControlError::TimeTooLate(_)
            | ControlError::ChildStorage(_)
            | ControlError::NothingToSet
            | ControlError::NoRound
            | ControlError::ForeignRound(_) => ErrorKind::InvalidParams,
            ControlError::Chain(DevnetError::Stopped) => ErrorKind::ShuttingDown,
            ControlError::Chain(DevnetError::Busy) => ErrorKind::Busy,
            ControlError::Chain(_) | ControlError::State(_) => ErrorKind::Internal,
        };
        Self::new(kind, with_causes(&error))
    }
}
