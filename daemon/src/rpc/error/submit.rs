//! Failures of what is signed and sent.

use btd_api::{ApiError, ErrorKind, catalogue};

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
            SubmissionError::Refused { extrinsic, refused } => {
                explained(ApiError::new(ErrorKind::ExtrinsicInvalid, message), &refused.name)
                    .with("extrinsic", extrinsic.to_string())
                    .with("code", refused.code)
                    .with("name", refused.name)
            }
            SubmissionError::Dispatch { extrinsic, block, error } => {
                explained(ApiError::new(ErrorKind::DispatchFailed, message), &error.name)
                    .with("module", error.pallet)
                    .with("error", error.name)
                    .with("docs", error.docs)
                    .with("extrinsic", extrinsic.to_string())
                    .with("block", btd_api::chain::BlockRef { number: block.number, hash: block.hash })
            }
            SubmissionError::Expired { extrinsic, until } => {
                explained(ApiError::new(ErrorKind::ExtrinsicInvalid, message), "EraEnded")
                    .with("extrinsic", extrinsic.to_string())
                    .with("name", "EraEnded")
                    .with("era_end", until)
            }
            SubmissionError::Unseen { extrinsic, block, index, .. } => {
                ApiError::new(ErrorKind::OutcomeUnknown, message)
                    .with("extrinsic", extrinsic.to_string())
                    .with("block", btd_api::chain::BlockRef { number: block.number, hash: block.hash })
                    .with("index", index)
            }
            SubmissionError::Unknown { extrinsic, era_end, .. } => ApiError::new(ErrorKind::OutcomeUnknown, message)
                .with("extrinsic", extrinsic.to_string())
                .with("era_end", era_end),
            SubmissionError::Policy(_) => ApiError::new(ErrorKind::PolicyRefused, message),
            SubmissionError::Gone { what, instead, .. } => {
                ApiError::new(ErrorKind::NotOnThisRuntime, message).with("call", what).with("instead", instead)
            }
            SubmissionError::Untold { what, instead, .. } => {
                ApiError::new(ErrorKind::NotOnThisRuntime, message).with("item", what).with("instead", instead)
            }
            SubmissionError::Withdrawn(_) => ApiError::new(ErrorKind::Cancelled, message),
            SubmissionError::UnderWay { key } => {
                ApiError::new(ErrorKind::OutcomeUnknown, message).with("idempotency_key", key)
            }
            SubmissionError::NotResumed => ApiError::new(ErrorKind::WarmingUp, message),
        };
        Self(api)
    }
}

/// Adds the class of the chain's error `name`.
fn classed(error: ApiError, name: &str) -> ApiError {
    error.with("class", catalogue::class_of(name).name())
}

/// Adds the class of the chain's error `name`, and what to do about it, if that is known.
fn explained(error: ApiError, name: &str) -> ApiError {
    let classed = classed(error, name);
    match catalogue::find(name) {
        Some(known) => classed.with("remedy", known.remedy),
        None => classed,
    }
}

/// The name under which the chain itself would refuse.
fn chain_name(error: &Precondition) -> &'static str {
    match error {
        Precondition::Insufficient { .. } => "InsufficientBalance",
        Precondition::BelowDeposit { .. } => "ExistentialDeposit",
        Precondition::PriceAboveLimit { .. } => "RegistrationPriceLimitExceeded",
        Precondition::AlreadyRegistered { .. } => "HotKeyAlreadyRegisteredInSubNet",
        Precondition::Nothing => "AmountTooLow",
        Precondition::RegistrationClosed { .. } => "SubNetRegistrationDisabled",
        Precondition::Root => "RegistrationNotPermittedOnRootSubnet",
        Precondition::ForeignHotkey { .. } => "NonAssociatedColdKey",
        Precondition::NotRegistered { .. } => "HotKeyNotRegisteredInSubNet",
        Precondition::BadEndpoint { .. } => "InvalidIpAddress",
        Precondition::Foreseen { error: name, .. }
        | Precondition::NotThere { error: name, .. }
        | Precondition::NotYet { error: name, .. } => name,
        Precondition::Invalid { .. } => "InvalidValue",
        Precondition::NoSuchSubnet { .. } => "SubnetNotExists",
    }
}

impl From<Precondition> for Failure {
    fn from(error: Precondition) -> Self {
        let message = error.to_string();
        let failed = classed(ApiError::new(ErrorKind::Precondition, message.as_str()), chain_name(&error));
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
            Precondition::Foreseen { error, .. } => failed.with("error", error),
            // Whatever the chain calls it, waiting is the remedy.
            Precondition::NotYet { error, .. } => {
                failed.with("class", catalogue::Class::TooEarly.name()).with("error", error)
            }
            Precondition::Invalid { parameter, .. } => {
                ApiError::new(ErrorKind::InvalidParams, message).with("parameter", parameter)
            }
            Precondition::NotThere { error, .. } => {
                classed(ApiError::new(ErrorKind::NotFound, message), error).with("error", error)
            }
            Precondition::NoSuchSubnet { netuid } => {
                classed(ApiError::new(ErrorKind::NotFound, message), "SubnetNotExists").with("netuid", netuid)
            }
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
