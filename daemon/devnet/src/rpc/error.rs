//! The numbered errors of a Substrate node. Clients look at both numbers and words, so both are exact.

#![expect(clippy::needless_pass_by_value, reason = "these stand in `map_err`, which gives its errors away")]

use std::fmt::Display;

use jsonrpsee::types::{
    ErrorObjectOwned,
    error::{INTERNAL_ERROR_CODE, INVALID_PARAMS_CODE, INVALID_PARAMS_MSG, SERVER_IS_BUSY_CODE},
};
use sp_runtime::transaction_validity::InvalidTransaction;

use crate::{
    DevnetError,
    chain::ChainError,
    control::ControlError,
    node::SubmitError,
    pool::{Malformed, Refusal},
    workers::WorkError,
};

/// Runtime and codec errors of the System and TransactionPayment methods.
const RUNTIME_ERROR: i32 = 1;
const DECODE_ERROR: i32 = 2;
/// First codes of the groups.
const AUTHOR: i32 = 1_000;
const SYSTEM: i32 = 2_000;
const CHAIN: i32 = 3_000;
const STATE: i32 = 4_000;
const OFFCHAIN: i32 = 5_000;
const DEV: i32 = 5_000;
/// First code of `chainHead`, whose others are below.
const FOLLOW: i32 = -32_800;

fn without_data(code: i32, message: impl Into<String>) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(code, message, None::<()>)
}

/// A parameter is missing or does not parse.
pub(super) fn invalid_params(reason: impl ToString) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(INVALID_PARAMS_CODE, INVALID_PARAMS_MSG, Some(reason.to_string()))
}

/// A `chain_*` method cannot answer.
pub(super) fn chain(reason: impl Into<String>) -> ErrorObjectOwned {
    without_data(CHAIN + 1, reason)
}

/// A range of blocks does not exist.
pub(super) fn block_range(from: &str, to: &str, details: &str) -> ErrorObjectOwned {
    without_data(STATE + 1, format!("Cannot resolve a block range ['{from}' ... '{to}]. {details}"))
}

/// More was asked for than one call gives.
pub(super) fn count(value: u32, max: u32) -> ErrorObjectOwned {
    without_data(STATE + 2, format!("count exceeds maximum value. value: {value}, max: {max}"))
}

/// A state cannot be read, or the runtime failed on it.
pub(super) fn state(error: ChainError) -> ErrorObjectOwned {
    without_data(STATE + 3, format!("Client error: {error}"))
}

/// The runtime failed in a method that names what it tried.
pub(super) fn runtime(attempt: &str, error: impl ToString) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(RUNTIME_ERROR, attempt, Some(error.to_string()))
}

/// A method of the subtensor node could not do what it is for. Its message says why too, and a block that is not known
/// is a reason like any other.
pub(super) fn subtensor(attempt: &str, error: impl Display) -> ErrorObjectOwned {
    without_data(RUNTIME_ERROR, format!("Unable to {attempt}: {error}"))
}

/// Bytes are no extrinsic, in a method that names what it tried. What the runtime would not decode is its failure.
pub(super) fn malformed(attempt: &str, error: Malformed) -> ErrorObjectOwned {
    let code = match error {
        Malformed::Length(_) => DECODE_ERROR,
        Malformed::Content(_) => RUNTIME_ERROR,
    };
    ErrorObjectOwned::owned(code, attempt, Some(error.to_string()))
}

/// A key does not name a child trie.
pub(super) fn child_key() -> ErrorObjectOwned {
    without_data(STATE + 3, "Client error: Invalid child storage key")
}

/// The kind of a key is not written in four bytes.
pub(super) fn key_type() -> ErrorObjectOwned {
    without_data(AUTHOR + 40, "Invalid key type ID format (should be of length four)")
}

/// Session keys do not decode.
pub(super) fn session_keys() -> ErrorObjectOwned {
    without_data(AUTHOR + 40, "Session keys are not encoded correctly")
}

/// A kind of offchain storage that nodes do not have.
pub(super) fn storage_kind() -> ErrorObjectOwned {
    without_data(OFFCHAIN + 1, "This storage kind is not available yet.")
}

/// As much is kept as may be.
pub(super) fn full(what: &str) -> ErrorObjectOwned {
    without_data(INTERNAL_ERROR_CODE, format!("the development chain has no room for more {what}"))
}

/// A peer is not written as it should be.
pub(super) fn peer(reason: impl ToString) -> ErrorObjectOwned {
    without_data(SYSTEM + 2, reason.to_string())
}

/// The node was not started so that its log filter can be changed.
pub(super) fn log_filter() -> ErrorObjectOwned {
    without_data(INTERNAL_ERROR_CODE, "No reload handle present")
}

// The errors of `chainHead`, as the JSON-RPC interface specification numbers them.

/// One connection follows the chain as often as it may.
pub(super) fn too_many_followers() -> ErrorObjectOwned {
    without_data(FOLLOW, "Maximum number of chainHead_follow has been reached")
}

/// The follower was not told of that block, or has unpinned it.
pub(super) fn not_pinned() -> ErrorObjectOwned {
    without_data(FOLLOW - 1, "Invalid block hash")
}

/// What should be bytes in hexadecimal is not.
pub(super) fn not_hexadecimal(text: &str) -> ErrorObjectOwned {
    without_data(INVALID_PARAMS_CODE, format!("Invalid parameter: {text}"))
}

/// The follower did not want to know of the runtime, and so cannot call it.
pub(super) fn without_runtime() -> ErrorObjectOwned {
    without_data(FOLLOW - 2, "The `chainHead_follow` subscription was started with `withRuntime` set to `false`")
}

/// The operation does not wait to be told to go on.
pub(super) fn waits_for_nothing() -> ErrorObjectOwned {
    without_data(FOLLOW - 3, "Wait for continue event was not generated for the subscription")
}

/// A block to unpin was named more than once.
pub(super) fn named_twice() -> ErrorObjectOwned {
    without_data(FOLLOW - 4, "Received duplicate hashes for the `chainHead_unpin` method")
}

/// No thread gave an answer.
pub(super) fn work(error: WorkError) -> ErrorObjectOwned {
    let code = match error {
        WorkError::Busy => SERVER_IS_BUSY_CODE,
        WorkError::Panicked | WorkError::Stopped => INTERNAL_ERROR_CODE,
    };
    without_data(code, error.to_string())
}

/// The chain did not do what its owner wanted. Codes from 5001 on are this chain's own.
pub(super) fn control(error: ControlError) -> ErrorObjectOwned {
    let code = match &error {
        ControlError::UnknownSnapshot(_) => DEV + 1,
        ControlError::TimeGoesBack { .. } | ControlError::TimeTooLate(_) => DEV + 2,
        ControlError::ChildStorage(_) | ControlError::NothingToSet => {
            return invalid_params(format!("changes: {error}"));
        }
        ControlError::NoRound => return invalid_params(format!("round: {error}")),
        ControlError::ForeignRound(_) => return invalid_params(format!("signature: {error}")),
        ControlError::Chain(DevnetError::Block { .. }) => DEV + 3,
        ControlError::Chain(DevnetError::Busy) => SERVER_IS_BUSY_CODE,
        ControlError::Chain(_) | ControlError::State(_) => INTERNAL_ERROR_CODE,
    };
    let source = std::iter::successors(std::error::Error::source(&error), |error| error.source()).last();
    let source = source.map(ToString::to_string);
    ErrorObjectOwned::owned(code, error.to_string(), source)
}

/// An extrinsic was not taken.
pub(super) fn submit(error: SubmitError) -> ErrorObjectOwned {
    match error {
        SubmitError::Malformed(Malformed::Length(error)) => {
            without_data(AUTHOR + 1, format!("Extrinsic has invalid format: {error}"))
        }
        SubmitError::Malformed(Malformed::Content(error)) => ErrorObjectOwned::owned(
            AUTHOR + 2,
            format!("Verification Error: Runtime error: Execution failed: the extrinsic does not decode: {error}"),
            Some(format!("{error:?}")),
        ),
        SubmitError::Verification(error) => ErrorObjectOwned::owned(
            AUTHOR + 2,
            format!("Verification Error: Runtime error: {error}"),
            Some(format!("{error:?}")),
        ),
        SubmitError::Pool(refusal) => refused(refusal),
    }
}

fn refused(refusal: Refusal) -> ErrorObjectOwned {
    match refusal {
        Refusal::Invalid(InvalidTransaction::Custom(code)) => {
            ErrorObjectOwned::owned(AUTHOR + 10, "Invalid Transaction", Some(format!("Custom error: {code}")))
        }
        Refusal::Invalid(invalid) => {
            ErrorObjectOwned::owned(AUTHOR + 10, "Invalid Transaction", Some(<&'static str>::from(invalid)))
        }
        Refusal::Unknown(unknown) => {
            ErrorObjectOwned::owned(AUTHOR + 11, "Unknown Transaction Validity", Some(format!("{unknown:?}")))
        }
        Refusal::Banned => without_data(AUTHOR + 12, "Transaction is temporarily banned"),
        Refusal::AlreadyImported(hash) => {
            ErrorObjectOwned::owned(AUTHOR + 13, "Transaction Already Imported", Some(format!("{hash:?}")))
        }
        Refusal::TooLowPriority { old, new } => ErrorObjectOwned::owned(
            AUTHOR + 14,
            format!("Priority is too low: ({old} vs {new})"),
            Some("The transaction has too low priority to replace another transaction already in the pool."),
        ),
        Refusal::ImmediatelyDropped => ErrorObjectOwned::owned(
            AUTHOR + 16,
            "Immediately Dropped",
            Some("The transaction couldn't enter the pool because of the limit"),
        ),
        Refusal::NoTags => ErrorObjectOwned::owned(
            AUTHOR + 19,
            "No tags provided",
            Some("Transaction does not provide any tags, so the pool can't identify it"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sp_core::H256;

    #[test]
    fn refusals_have_the_words_of_a_substrate_node() {
        let json = |refusal| serde_json::to_string(&submit(SubmitError::Pool(refusal))).unwrap();
        assert_eq!(
            json(Refusal::Invalid(InvalidTransaction::Custom(6))),
            r#"{"code":1010,"message":"Invalid Transaction","data":"Custom error: 6"}"#
        );
        assert_eq!(
            json(Refusal::Invalid(InvalidTransaction::Stale)),
            r#"{"code":1010,"message":"Invalid Transaction","data":"Transaction is outdated"}"#
        );
        assert_eq!(json(Refusal::Banned), r#"{"code":1012,"message":"Transaction is temporarily banned"}"#);
        assert_eq!(
            json(Refusal::AlreadyImported(H256::repeat_byte(0xab))),
            format!(r#"{{"code":1013,"message":"Transaction Already Imported","data":"0x{}"}}"#, "ab".repeat(32))
        );
        assert!(json(Refusal::TooLowPriority { old: 2, new: 1 }).contains("Priority is too low: (2 vs 1)"));
        let discarded = serde_json::to_string(&state(ChainError::StateDiscarded(H256::zero()))).unwrap();
        assert!(
            discarded
                .contains(r#"{"code":4003,"message":"Client error: UnknownBlock: State already discarded for 0x00"#)
        );
    }
}
