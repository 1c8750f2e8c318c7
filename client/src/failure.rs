//! Why a command did not reach its goal: what happened, what to do next, and the exit code.
//!
//! On stderr as `error:` and `hint:` lines, or with `--json` as one object. Stdout stays empty.

use std::{io, path::PathBuf, time::Duration};

use btd_api::{ApiError, BlockHash, BlockNumber, ErrorKind, IdempotencyKey, catalogue::Class};
use serde_json::{Value, json};

use crate::{exit::Exit, output::text};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// What was typed cannot be meant.
    #[error("{message}")]
    Usage { message: String, hint: Option<&'static str> },
    /// A question came up, and there is no terminal to ask it on.
    #[error("{question} cannot be asked: standard input is not a terminal")]
    NobodyToAsk { question: &'static str, hint: &'static str },
    /// A person said no.
    #[error("cancelled: it was not signed or sent")]
    Declined,
    /// A secret could not be read from where it was said to be.
    #[error("the secret cannot be read from {place}: {source}")]
    Password { place: String, source: io::Error },
    /// No daemon at the socket.
    #[error("btd does not answer at {}: {source}", path.display())]
    Unreachable { path: PathBuf, source: io::Error },
    /// The socket is there, and its permissions keep this user out.
    #[error("this user may not use the socket {}", path.display())]
    Forbidden { path: PathBuf },
    /// The daemon turned the connection away before any call.
    #[error("btd at {} turned the connection away with status {status}", path.display())]
    TurnedAway { path: PathBuf, status: u16 },
    /// The other end closed the connection before it said a word.
    #[error("btd at {} closed the connection at once", path.display())]
    Closed { path: PathBuf },
    /// The other end does not speak JSON-RPC over WebSocket.
    #[error("what answers at {} does not speak the language of btd: {reason}", path.display())]
    NotBtd { path: PathBuf, reason: String },
    /// No answer in time.
    #[error("btd did not answer `{method}` within {}", text::duration(*limit))]
    Timeout { method: &'static str, limit: Duration },
    /// The connection ended in the middle of a call.
    #[error("the connection to btd ended during `{method}`: {reason}")]
    Lost { method: &'static str, reason: String },
    /// The answer is not what the contract says.
    #[error("btd's answer to `{method}` is not what this btctl understands: {source}")]
    Misunderstood { method: &'static str, source: serde_json::Error },
    /// The daemon said no, with a number and words.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A spending call was handed to the daemon, and its end was not seen.
    #[error("{}", unseen(cause))]
    Unseen { key: IdempotencyKey, cause: Box<Self> },
    /// A spending call was done, and what came of it cannot be shown.
    #[error("{} was sent, and what became of it cannot be shown: {cause}", sent(*extrinsic))]
    Unshown { key: IdempotencyKey, extrinsic: Option<BlockHash>, cause: Box<Self> },
    /// Following blocks ended.
    #[error("{cause}; the next block would have been #{next}")]
    Unfollowed { next: BlockNumber, from: String, cause: Box<Self> },
    /// Following events ended.
    #[error("{cause}; what comes next is at cursor {cursor}")]
    BrokenOff { cursor: String, cause: Box<Self> },
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// A file of btctl's own cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    /// Standard output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(io::Error),
    /// The operating system refused something that never fails.
    #[error("the system refuses {what}: {source}")]
    System { what: &'static str, source: io::Error },
}

/// What the daemon said itself about an unknown outcome needs no addition.
fn unseen(cause: &Failure) -> String {
    match cause {
        Failure::Api(error) => error.to_string(),
        cause => format!("{cause}; the extrinsic may have been sent"),
    }
}

fn sent(extrinsic: Option<BlockHash>) -> String {
    extrinsic.map_or_else(|| "the extrinsic".to_owned(), |extrinsic| format!("extrinsic {extrinsic}"))
}

/// A kind of failure that is btctl's own, and not the daemon's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Own {
    pub(crate) kind: &'static str,
    /// The codes that it ends with, the usual one first.
    pub(crate) exits: &'static [Exit],
    pub(crate) class: Class,
    /// Whether the same command may work later.
    pub(crate) retryable: bool,
    pub(crate) meaning: &'static str,
    pub(crate) remedy: &'static str,
}

/// All of them.
pub(crate) const OWN: [Own; 17] = {
    const fn own(
        kind: &'static str,
        exits: &'static [Exit],
        (class, retryable): (Class, bool),
        meaning: &'static str,
        remedy: &'static str,
    ) -> Own {
        Own { kind, exits, class, retryable, meaning, remedy }
    }
    [
        own(
            "USAGE",
            &[Exit::Usage],
            (Class::InvalidArgument, false),
            "the command line cannot be meant so: nothing was done",
            "see the command's --help",
        ),
        own(
            "NOBODY_TO_ASK",
            &[Exit::Usage],
            (Class::InvalidArgument, false),
            "a question is to be answered, and nobody can: nothing was done",
            "say it on the command line; --yes answers every question with yes",
        ),
        own(
            "DECLINED",
            &[Exit::Failure],
            (Class::Cancelled, false),
            "a question was answered with no: what it was about was not signed or sent",
            "nothing is to be done",
        ),
        own(
            "PASSWORD_UNREADABLE",
            &[Exit::Usage],
            (Class::InvalidArgument, false),
            "a secret cannot be read from where it was said to be",
            "look at the file or variable that the message names",
        ),
        own(
            "DAEMON_UNREACHABLE",
            &[Exit::Unreachable],
            (Class::Unavailable, true),
            "no btd answers at the socket: the call was not made",
            "start it with `btd --network devnet`, or name its socket with --socket or BTD_SOCKET",
        ),
        own(
            "SOCKET_FORBIDDEN",
            &[Exit::NotPermitted],
            (Class::NotAuthorized, false),
            "the socket's permissions keep this user out: nothing was asked",
            "the daemon's user, and members of its socket's group, may talk to it",
        ),
        own(
            "TURNED_AWAY",
            &[Exit::NotPermitted, Exit::NotReady, Exit::Unreachable],
            (Class::Unavailable, true),
            "the daemon turned the connection away before any call; the exit code tells refusal and load apart",
            "the message has the status: 401 and 403 are about this user, 429 and 503 pass",
        ),
        own(
            "CONNECTION_CLOSED",
            &[Exit::Unreachable],
            (Class::Unavailable, true),
            "the daemon closed the connection at once: nothing was asked",
            "it may not know this user, have as many connections as it takes, or be stopping: its log says which",
        ),
        own(
            "NOT_BTD",
            &[Exit::Unreachable],
            (Class::InvalidArgument, false),
            "what answers at the socket does not speak the language of btd",
            "name another socket with --socket or BTD_SOCKET",
        ),
        own(
            "TIMEOUT",
            &[Exit::NotReady],
            (Class::Unavailable, true),
            "btd did not answer in time; of what is signed the outcome is then not known",
            "wait longer with --timeout, or see `btctl status`",
        ),
        own(
            "CONNECTION_LOST",
            &[Exit::Unreachable],
            (Class::Unavailable, true),
            "the connection to btd ended in the middle of a call",
            "ask again; what is signed goes on without a caller",
        ),
        own(
            "MISUNDERSTOOD",
            &[Exit::Failure],
            (Class::Internal, false),
            "the daemon's answer to a call that signs nothing is not what this btctl understands",
            "are btd and btctl of one version? `--json` shows the answer as it is",
        ),
        own(
            "INTERRUPTED",
            &[Exit::Interrupted],
            (Class::Cancelled, false),
            "Ctrl-C ended the command, and nothing that was signed",
            "`btctl tx list` tells what was signed",
        ),
        own(
            "FILE",
            &[Exit::Failure],
            (Class::Internal, false),
            "a file of btctl's own cannot be written",
            "look at the path in the message",
        ),
        own(
            "OUTPUT",
            &[Exit::Failure],
            (Class::Internal, false),
            "the answer of a command that signs nothing cannot be written",
            "see that standard output takes what is written to it, and ask again",
        ),
        own(
            "UNSHOWN",
            &[Exit::OutcomeUnknown],
            (Class::Unknown, false),
            "a call was signed and sent, and what became of it cannot be shown",
            "repeat the command with the --idempotency-key of the hint: that never sends twice",
        ),
        own(
            "SYSTEM",
            &[Exit::Failure],
            (Class::Internal, true),
            "the operating system refuses something that never fails",
            "ask again",
        ),
    ]
};

// === impl Failure ===

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: None }
    }

    /// Whether the reader of standard output went away: no failure of ours.
    pub(crate) fn reader_left(&self) -> bool {
        match self {
            Self::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            Self::Unshown { cause, .. } => cause.reader_left(),
            _ => false,
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. } | Self::NobodyToAsk { .. } | Self::Password { .. } => Exit::Usage,
            Self::Unreachable { .. } | Self::Closed { .. } | Self::NotBtd { .. } | Self::Lost { .. } => {
                Exit::Unreachable
            }
            Self::Forbidden { .. } => Exit::NotPermitted,
            Self::TurnedAway { status, .. } => match status {
                401 | 403 => Exit::NotPermitted,
                429 | 503 => Exit::NotReady,
                _ => Exit::Unreachable,
            },
            Self::Timeout { .. } => Exit::NotReady,
            Self::Api(error) => Exit::of(error),
            Self::Unseen { cause, .. } if matches!(**cause, Self::Interrupted) => Exit::Interrupted,
            Self::Unseen { .. } | Self::Unshown { .. } => Exit::OutcomeUnknown,
            Self::Unfollowed { cause, .. } | Self::BrokenOff { cause, .. } => cause.exit(),
            Self::Interrupted => Exit::Interrupted,
            Self::Declined | Self::Misunderstood { .. } | Self::File { .. } | Self::Output(_) | Self::System { .. } => {
                Exit::Failure
            }
        }
    }

    /// A stable name: the contract's for what the daemon said, one of ours for the rest.
    pub(crate) fn kind(&self) -> &str {
        match self {
            Self::Usage { .. } => "USAGE",
            Self::NobodyToAsk { .. } => "NOBODY_TO_ASK",
            Self::Declined => "DECLINED",
            Self::Password { .. } => "PASSWORD_UNREADABLE",
            Self::Unreachable { .. } => "DAEMON_UNREACHABLE",
            Self::Forbidden { .. } => "SOCKET_FORBIDDEN",
            Self::TurnedAway { .. } => "TURNED_AWAY",
            Self::Closed { .. } => "CONNECTION_CLOSED",
            Self::NotBtd { .. } => "NOT_BTD",
            Self::Timeout { .. } => "TIMEOUT",
            Self::Lost { .. } => "CONNECTION_LOST",
            Self::Misunderstood { .. } => "MISUNDERSTOOD",
            Self::Api(error) => match error.kind() {
                Some(kind) => kind.name(),
                None => error.data.get("kind").and_then(Value::as_str).unwrap_or("UNKNOWN"),
            },
            Self::Unseen { .. } => ErrorKind::OutcomeUnknown.name(),
            Self::Unfollowed { cause, .. } | Self::BrokenOff { cause, .. } => cause.kind(),
            Self::Interrupted => "INTERRUPTED",
            Self::File { .. } => "FILE",
            Self::Output(_) => "OUTPUT",
            Self::Unshown { .. } => "UNSHOWN",
            Self::System { .. } => "SYSTEM",
        }
    }

    /// What to do next, where the message does not say it.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Usage { hint, .. } => return hint.map(str::to_owned),
            Self::NobodyToAsk { hint, .. } => hint,
            Self::Unreachable { .. } => {
                "start it with `btd --network devnet`, or name its socket with --socket or BTD_SOCKET"
            }
            Self::Forbidden { .. } | Self::TurnedAway { status: 401 | 403, .. } => {
                "the daemon's user, and members of its socket's group, may talk to it"
            }
            Self::Closed { .. } => {
                "it may not know this user, have as many connections as it takes, or be stopping: its log says which"
            }
            Self::Timeout { .. } => "wait longer with --timeout, or see `btctl status`",
            Self::Misunderstood { .. } => "are btd and btctl of one version? `--json` shows the answer as it is",
            Self::Unseen { key, .. } => {
                return Some(format!(
                    "repeat the command with --idempotency-key {key} to learn what became of it: that never sends twice"
                ));
            }
            Self::Unshown { key, .. } => {
                return Some(format!(
                    "repeat the command with --idempotency-key {key} to be told what became of it: that never sends twice"
                ));
            }
            Self::Unfollowed { from, .. } => return Some(format!("go on with --from {from}")),
            Self::BrokenOff { cursor, .. } => return Some(format!("go on with --from-cursor {cursor}")),
            Self::Api(error) => match (error.remedy(), error.kind()?) {
                // The daemon's own words of what it foresees say what to do, closer to the matter than the remedy of all.
                (Some(_), ErrorKind::Precondition | ErrorKind::NotFound) => return None,
                (Some(remedy), _) if error.message.contains(remedy) => return None,
                (Some(remedy), _) => return Some(remedy.to_owned()),
                (None, kind @ (ErrorKind::WalletLocked | ErrorKind::WarmingUp | ErrorKind::ChainUnavailable)) => {
                    kind.remedy()
                }
                (None, _) => return None,
            },
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// The one object that `--json` puts on stderr.
    pub(crate) fn document(&self) -> Value {
        let said = self.said();
        json!({ "error": {
            "code": said.map(|error| error.code),
            "kind": self.kind(),
            "message": self.to_string(),
            "hint": self.hint(),
            "data": said.map_or_else(|| self.data(), |error| error.data.clone()),
            "exit": self.exit().code(),
        } })
    }

    /// What the daemon said of it, if it did.
    fn said(&self) -> Option<&ApiError> {
        match self {
            Self::Api(error) => Some(error),
            Self::Unseen { cause, .. } | Self::Unfollowed { cause, .. } | Self::BrokenOff { cause, .. } => {
                if let Self::Api(error) = &**cause {
                    Some(error)
                } else {
                    None
                }
            }
            _ => None,
        }
    }

    /// The same of what the daemon said nothing of.
    fn data(&self) -> Value {
        let kind = self.kind();
        let (class, retryable, remedy) = match (OWN.iter().find(|own| own.kind == kind), self.exit()) {
            // It is about this user, and not about the daemon's load.
            (Some(own), Exit::NotPermitted) => (Class::NotAuthorized, false, own.remedy),
            (Some(own), _) => (own.class, own.retryable, own.remedy),
            (None, _) => {
                let kind = ErrorKind::OutcomeUnknown;
                (kind.class(), kind.retryable(), kind.remedy())
            }
        };
        let remedy = self.hint().unwrap_or_else(|| remedy.to_owned());
        json!({ "kind": kind, "retryable": retryable, "class": class.name(), "remedy": remedy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> IdempotencyKey {
        "k1".parse().unwrap()
    }

    fn timeout() -> Failure {
        Failure::Timeout { method: "wallet_transfer", limit: Duration::from_mins(15) }
    }

    #[test]
    fn what_was_sent_and_cannot_be_shown_is_not_to_be_sent_again() {
        let unshown = |kind: io::ErrorKind| Failure::Unshown {
            key: key(),
            extrinsic: Some(BlockHash([7; 32])),
            cause: Box::new(Failure::Output(io::Error::from(kind))),
        };
        let full = unshown(io::ErrorKind::StorageFull);
        assert_eq!(full.exit(), Exit::OutcomeUnknown);
        assert!(full.to_string().contains(&BlockHash([7; 32]).to_string()), "{full}");
        assert!(full.hint().unwrap().contains("--idempotency-key k1"));
        // Whoever read enough of it goes away as from any other answer.
        assert!(unshown(io::ErrorKind::BrokenPipe).reader_left() && !full.reader_left());
    }

    #[test]
    fn a_hint_is_given_where_the_message_does_not_say_it() {
        let hint = |error: ApiError| Failure::Api(error).hint();
        let locked = ApiError::locked("alice/coldkey");
        assert!(locked.message.contains("btctl wallet unlock --wallet alice"), "{locked:?}");
        assert_eq!(hint(locked.clone()), None);
        let meanwhile = ApiError { message: "it was locked meanwhile".to_owned(), ..locked };
        assert!(hint(meanwhile).unwrap().contains("btctl wallet unlock --wallet alice"));
        assert!(hint(ApiError::new(ErrorKind::WalletLocked, "which one?")).unwrap().contains("btctl wallet unlock"));
        let failed = |kind| ApiError::new(kind, "it would fail: have more").about("InsufficientBalance");
        assert_eq!(hint(failed(ErrorKind::Precondition)), None);
        assert!(hint(failed(ErrorKind::DispatchFailed)).unwrap().contains("tao"));
        assert_eq!(hint(ApiError::new(ErrorKind::DispatchFailed, "it failed")), None);
    }

    #[test]
    fn a_read_that_takes_too_long_and_a_payment_that_does_are_not_the_same() {
        assert_eq!(timeout().exit(), Exit::NotReady);
        let unseen = Failure::Unseen { key: key(), cause: Box::new(timeout()) };
        assert_eq!(unseen.exit(), Exit::OutcomeUnknown);
        assert!(unseen.hint().unwrap().contains("--idempotency-key k1"));
        let data = unseen.document()["error"]["data"].take();
        assert_eq!((&data["retryable"], &data["kind"]), (&json!(false), &json!("OUTCOME_UNKNOWN")), "{data}");
        let interrupted = Failure::Unseen { key: key(), cause: Box::new(Failure::Interrupted) };
        assert_eq!(interrupted.exit(), Exit::Interrupted);
    }

    #[test]
    fn the_document_carries_what_the_daemon_said() {
        let error = ApiError::new(ErrorKind::DispatchFailed, "the transfer failed").with("error", "FundsUnavailable");
        let document = Failure::Api(error).document();
        assert_eq!(document["error"]["code"], 1302);
        assert_eq!(document["error"]["kind"], "DISPATCH_FAILED");
        assert_eq!(document["error"]["exit"], 6);
        assert_eq!(document["error"]["data"]["error"], "FundsUnavailable");
    }

    #[test]
    fn every_kind_of_ones_own_is_explained_as_it_ends() {
        use std::collections::BTreeSet;

        let (path, broken) = (|| PathBuf::from("/x"), || io::Error::other("broken"));
        let json = || serde_json::from_str::<u8>("x").unwrap_err();
        let own = [
            Failure::usage("no"),
            Failure::NobodyToAsk { question: "it", hint: "say it" },
            Failure::Declined,
            Failure::Password { place: "a file".to_owned(), source: broken() },
            Failure::Unreachable { path: path(), source: broken() },
            Failure::Forbidden { path: path() },
            Failure::TurnedAway { path: path(), status: 403 },
            Failure::TurnedAway { path: path(), status: 503 },
            Failure::TurnedAway { path: path(), status: 404 },
            Failure::Closed { path: path() },
            Failure::NotBtd { path: path(), reason: "no".to_owned() },
            Failure::Timeout { method: "m", limit: Duration::from_secs(1) },
            Failure::Lost { method: "m", reason: "no".to_owned() },
            Failure::Misunderstood { method: "m", source: json() },
            Failure::Unshown { key: key(), extrinsic: None, cause: Box::new(Failure::Output(broken())) },
            Failure::Unshown {
                key: key(),
                extrinsic: None,
                cause: Box::new(Failure::Misunderstood { method: "m", source: json() }),
            },
            Failure::Unfollowed { next: BlockNumber(1), from: "1".to_owned(), cause: Box::new(Failure::Interrupted) },
            Failure::BrokenOff { cursor: "c".to_owned(), cause: Box::new(Failure::Output(broken())) },
            Failure::Interrupted,
            Failure::File { path: path(), source: broken() },
            Failure::System { what: "it", source: broken() },
        ];
        let mut told = BTreeSet::new();
        for failure in &own {
            let data = failure.document()["error"]["data"].take();
            assert!(data["retryable"].is_boolean() && data["class"].is_string(), "{failure:?}: {data}");
            assert!(data["kind"] == failure.kind() && data["remedy"].is_string(), "{failure:?}: {data}");
            let found = OWN.iter().find(|own| own.kind == failure.kind()).expect("no word of it");
            assert!(found.exits.contains(&failure.exit()), "{failure:?}");
            told.extend(
                found.exits.iter().filter(|exit| **exit == failure.exit()).map(|exit| (found.kind, exit.code())),
            );
        }
        // And nothing is explained that does not come about.
        let explained: BTreeSet<_> =
            OWN.iter().flat_map(|own| own.exits.iter().map(|exit| (own.kind, exit.code()))).collect();
        assert_eq!(told, explained);
    }

    #[test]
    fn an_unknown_code_is_still_a_failure() {
        let error = ApiError { code: 4242, message: "new".into(), data: json!({ "kind": "BRAND_NEW" }) };
        let failure = Failure::Api(error);
        assert_eq!(failure.exit(), Exit::Failure);
        assert_eq!(failure.document()["error"]["kind"], "BRAND_NEW");
    }
}
