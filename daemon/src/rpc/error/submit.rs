//! Failures of what is signed and sent.

use btd_api::{ApiError, ErrorKind};

use super::Failure;
use crate::{
    journal::JournalError,
    submit::{Precondition, SubmissionError},
};

impl From<SubmissionError> for Failure {
    fn from(error: SubmissionError) -> Self {
        let message = error.to_string();
        let api = match error {
            SubmissionError::Read(error) => return error.into(),
            SubmissionError::Prepare(error) => return error.into(),
            SubmissionError::Precondition(error) => return error.into(),
            SubmissionError::Key(error) => return error.into(),
            SubmissionError::Journal(error) => return error.into(),
            SubmissionError::Sign(_) | SubmissionError::Kept { .. } => ApiError::new(ErrorKind::Internal, message),
            SubmissionError::DuplicateIntent { key } => {
                ApiError::new(ErrorKind::DuplicateIntent, message).with("idempotency_key", key)
            }
            SubmissionError::Refused { extrinsic, refused } => ApiError::new(ErrorKind::ExtrinsicInvalid, message)
                .with("extrinsic", extrinsic.to_string())
                .with("code", refused.code)
                .with("name", refused.name),
            SubmissionError::Dispatch { extrinsic, block, error } => ApiError::new(ErrorKind::DispatchFailed, message)
                .with("module", error.pallet)
                .with("error", error.name)
                .with("docs", error.docs)
                .with("extrinsic", extrinsic.to_string())
                .with("block", btd_api::chain::BlockRef { number: block.number, hash: block.hash }),
            SubmissionError::Expired { extrinsic, until } => ApiError::new(ErrorKind::ExtrinsicInvalid, message)
                .with("extrinsic", extrinsic.to_string())
                .with("name", "EraEnded")
                .with("era_end", until),
            SubmissionError::Unseen { extrinsic, block, index, .. } => {
                ApiError::new(ErrorKind::OutcomeUnknown, message)
                    .with("extrinsic", extrinsic.to_string())
                    .with("block", btd_api::chain::BlockRef { number: block.number, hash: block.hash })
                    .with("index", index)
            }
            SubmissionError::Unknown { extrinsic, era_end, .. } => ApiError::new(ErrorKind::OutcomeUnknown, message)
                .with("extrinsic", extrinsic.to_string())
                .with("era_end", era_end),
            SubmissionError::NotResumed => ApiError::new(ErrorKind::WarmingUp, message),
        };
        Self(api)
    }
}

impl From<Precondition> for Failure {
    fn from(error: Precondition) -> Self {
        let message = error.to_string();
        let failed = ApiError::new(ErrorKind::Precondition, message.as_str());
        Self(match error {
            Precondition::Insufficient { needed, spendable, fee, held, .. } => {
                failed.with("needed", needed).with("spendable", spendable).with("fee", fee).with("must_stay", held)
            }
            Precondition::BelowDeposit { amount, deposit, .. } => {
                failed.with("amount", amount).with("existential_deposit", deposit)
            }
            Precondition::PriceAboveLimit { price, limit, .. } => failed.with("price", price).with("limit", limit),
            Precondition::AlreadyRegistered { netuid, uid, .. } => failed.with("netuid", netuid).with("uid", uid),
            Precondition::Nothing
            | Precondition::RegistrationClosed { .. }
            | Precondition::Root
            | Precondition::ForeignHotkey { .. }
            | Precondition::NotRegistered { .. }
            | Precondition::BadEndpoint { .. } => failed,
            Precondition::NoSuchSubnet { netuid } => ApiError::new(ErrorKind::NotFound, message).with("netuid", netuid),
        })
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        let kind = match &error {
            JournalError::Open { .. }
            | JournalError::InUse { .. }
            | JournalError::Damaged { .. }
            | JournalError::Newer { .. }
            | JournalError::Statement { .. } => ErrorKind::StorageFault,
            JournalError::NotPending { .. } => ErrorKind::Internal,
            JournalError::Interrupted => ErrorKind::ShuttingDown,
        };
        Self(ApiError::new(kind, error.to_string()))
    }
}
