//! Exit codes: what a script may branch on.
//!
//! The class of the failure decides, never its words; every kind of the contract has its code here. What the chain has a
//! name for ends with one code, whoever says it: the chain, a check before signing, or a read.

use std::fmt::Write;

use btd_api::{ApiError, ErrorKind};
use serde_json::{Value, json};

/// How `btctl` ended. The numbers are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Success = 0,
    Failure = 1,
    Usage = 2,
    Unreachable = 3,
    NotPermitted = 4,
    Locked = 5,
    ChainRejected = 6,
    OutcomeUnknown = 7,
    NotReady = 8,
    Policy = 9,
    Interrupted = 130,
}

// === impl Exit ===

impl Exit {
    pub(crate) const ALL: [Self; 11] = [
        Self::Success,
        Self::Failure,
        Self::Usage,
        Self::Unreachable,
        Self::NotPermitted,
        Self::Locked,
        Self::ChainRejected,
        Self::OutcomeUnknown,
        Self::NotReady,
        Self::Policy,
        Self::Interrupted,
    ];

    pub(crate) const fn code(self) -> u8 {
        self as u8
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::Success => "done: the goal was reached",
            Self::Failure => "any other failure, a `no` to a question, a signature that does not verify",
            Self::Usage => "what was typed cannot be meant, or a question came up where nobody can answer it",
            Self::Unreachable => "btd does not answer at its socket",
            Self::NotPermitted => "this user may not do that",
            Self::Locked => "the key is locked, or the password is wrong",
            Self::ChainRejected => "the chain refused it, a check before signing did, or the chain has no such thing",
            Self::OutcomeUnknown => "sent, and not known to have happened or not: look before sending again",
            Self::NotReady => "btd or the chain is not ready, too busy, or did not answer in time",
            Self::Policy => "a rule of this daemon forbids it",
            Self::Interrupted => "interrupted by Ctrl-C",
        }
    }

    /// How commands end that the daemon answers with errors of `kind`; the second is that of what the chain has a name for.
    pub(crate) fn all_of(kind: ErrorKind) -> Vec<Self> {
        let named = (kind == ErrorKind::NotFound).then_some(Self::ChainRejected);
        [Self::from(kind)].into_iter().chain(named).collect()
    }

    /// How a command ends that the daemon answers with `error`.
    pub(crate) fn of(error: &ApiError) -> Self {
        match error.kind() {
            // Of what is not on the chain, a check before signing would say the same.
            Some(ErrorKind::NotFound) if error.data.get("error").is_some_and(Value::is_string) => Self::ChainRejected,
            kind => kind.map_or(Self::Failure, Self::from),
        }
    }

    /// The same as a document.
    pub(crate) fn document() -> Value {
        Self::ALL.iter().map(|exit| json!({ "code": exit.code(), "meaning": exit.meaning() })).collect()
    }

    /// The table that `btctl help exit-codes` shows.
    pub(crate) fn table() -> String {
        Self::ALL.iter().fold(String::new(), |mut text, exit| {
            let _ = writeln!(text, "{:>5}  {}", exit.code(), exit.meaning());
            text
        })
    }
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Parse
            | ErrorKind::InvalidRequest
            | ErrorKind::MethodNotFound
            | ErrorKind::InvalidParams
            | ErrorKind::RequestTooLarge
            | ErrorKind::BatchTooLarge
            | ErrorKind::InvalidAddress => Self::Usage,
            ErrorKind::PermissionDenied => Self::NotPermitted,
            ErrorKind::WalletLocked | ErrorKind::WrongPassword => Self::Locked,
            ErrorKind::ExtrinsicInvalid | ErrorKind::DispatchFailed | ErrorKind::Precondition => Self::ChainRejected,
            ErrorKind::OutcomeUnknown => Self::OutcomeUnknown,
            ErrorKind::Busy
            | ErrorKind::TooManySubscriptions
            | ErrorKind::SubscriptionEnded
            | ErrorKind::WarmingUp
            | ErrorKind::ChainUnavailable
            | ErrorKind::ShuttingDown
            | ErrorKind::SignerUnavailable
            | ErrorKind::RateLimited => Self::NotReady,
            ErrorKind::PolicyRefused => Self::Policy,
            ErrorKind::Internal
            | ErrorKind::ReplyTooLarge
            | ErrorKind::NotOnThisRuntime
            | ErrorKind::AlreadyExists
            | ErrorKind::KeyFileDamaged
            | ErrorKind::DuplicateIntent
            | ErrorKind::Cancelled
            | ErrorKind::NotFound
            | ErrorKind::PeerUnreachable
            | ErrorKind::AddressInUse
            | ErrorKind::StorageFault => Self::Failure,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_end_with_the_code_of_their_class() {
        for (kind, code) in [
            (ErrorKind::InvalidParams, 2),
            (ErrorKind::MethodNotFound, 2),
            (ErrorKind::PermissionDenied, 4),
            (ErrorKind::WalletLocked, 5),
            (ErrorKind::WrongPassword, 5),
            (ErrorKind::ExtrinsicInvalid, 6),
            (ErrorKind::DispatchFailed, 6),
            (ErrorKind::Precondition, 6),
            (ErrorKind::OutcomeUnknown, 7),
            (ErrorKind::WarmingUp, 8),
            (ErrorKind::ChainUnavailable, 8),
            (ErrorKind::PolicyRefused, 9),
            (ErrorKind::NotFound, 1),
        ] {
            assert_eq!(Exit::from(kind).code(), code, "{kind}");
        }
    }

    #[test]
    fn what_the_chain_has_a_name_for_ends_alike_whoever_says_it() {
        let told = |kind, name: &str| Exit::of(&ApiError::new(kind, "no").about(name)).code();
        for kind in [ErrorKind::NotFound, ErrorKind::Precondition, ErrorKind::DispatchFailed] {
            assert_eq!(told(kind, "SubnetNotExists"), 6, "{kind}");
        }
        // A wallet that is not there is no business of the chain's.
        assert_eq!(Exit::of(&ApiError::new(ErrorKind::NotFound, "no")).code(), 1);
        assert_eq!(told(ErrorKind::PolicyRefused, "SubnetNotExists"), 9);
    }

    #[test]
    fn no_failure_of_the_contract_looks_like_success() {
        assert!(ErrorKind::ALL.iter().all(|kind| Exit::from(*kind) != Exit::Success));
    }

    #[test]
    fn the_table_names_every_code() {
        let codes: Vec<u8> =
            Exit::table().lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 130]);
    }
}
