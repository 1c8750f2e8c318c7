//! What can go wrong, as numbers that programs may branch on and words that people can act on.
//!
//! The numbers are stable; the words may change. `data` always holds `kind`, `retryable`, `class` and
//! `remedy`, and what the kind itself adds (the module and name of a dispatch error, the hash of an
//! extrinsic whose outcome is unknown). Where the chain has a name for what is wrong, that is `error`, and class
//! and remedy are those of [`crate::catalogue`]; elsewhere they are the kind's.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::catalogue::{self, Class};

/// Declares the kinds with their code, name, retryability, class, meaning and remedy.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $code:literal, $name:literal, $retryable:literal, $class:ident, $meaning:literal, $remedy:literal;)+) => {
        /// A kind of failure. The code is the JSON-RPC error code, the name is `data.kind`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorKind {
            $($(#[$doc])* $kind,)+
        }

        impl ErrorKind {
            /// Every kind, in the order of the codes.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// The JSON-RPC error code.
            pub const fn code(self) -> i32 {
                match self {
                    $(Self::$kind => $code,)+
                }
            }

            /// The stable name, `data.kind` on the wire.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }

            /// Whether the same call may succeed later without the caller changing anything else.
            pub const fn retryable(self) -> bool {
                match self {
                    $(Self::$kind => $retryable,)+
                }
            }

            /// What the kind means, for documentation.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$kind => $meaning,)+
                }
            }

            /// What kind of trouble it is, where nothing more is known: `data.class` on the wire.
            pub const fn class(self) -> Class {
                match self {
                    $(Self::$kind => Class::$class,)+
                }
            }

            /// What to do about it, where nothing more is known: `data.remedy` on the wire.
            pub const fn remedy(self) -> &'static str {
                match self {
                    $(Self::$kind => $remedy,)+
                }
            }
        }
    };
}

kinds! {
    /// The text is not JSON.
    Parse = -32700, "PARSE_ERROR", false, InvalidArgument,
        "the request is not valid JSON",
        "send one JSON-RPC 2.0 request, or an array of them";
    /// The JSON is not a request.
    InvalidRequest = -32600, "INVALID_REQUEST", false, InvalidArgument,
        "the request is not a JSON-RPC 2.0 request",
        "send `jsonrpc`, `id`, `method` and `params` as JSON-RPC 2.0 has them";
    /// No such method.
    MethodNotFound = -32601, "METHOD_NOT_FOUND", false, NotFound,
        "no method of that name",
        "`rpc_discover` tells every method; is btd as new as whoever asks?";
    /// Parameters missing, unknown or of the wrong form.
    InvalidParams = -32602, "INVALID_PARAMS", false, InvalidArgument,
        "a parameter is missing, unknown or malformed",
        "the message names the parameter; `rpc_discover` tells what the method takes";
    /// A fault of btd itself.
    Internal = -32603, "INTERNAL_ERROR", false, Internal,
        "a fault inside btd; its log has the details",
        "look into btd's log, under the request's id";
    /// More subscriptions than a connection may have.
    TooManySubscriptions = -32006, "TOO_MANY_SUBSCRIPTIONS", false, LimitExceeded,
        "the connection has as many subscriptions as it may have",
        "end a subscription, or open another connection";
    /// More bytes than a request may have.
    RequestTooLarge = -32007, "REQUEST_TOO_LARGE", false, LimitExceeded,
        "the request has more bytes than it may have; nothing was run",
        "send less at once, or raise `rpc.max_request_bytes`";
    /// More bytes than a reply may have.
    ReplyTooLarge = -32008, "REPLY_TOO_LARGE", false, LimitExceeded,
        "the reply would have more bytes than it may have; ask for less",
        "ask for less at once, or raise `rpc.max_reply_bytes`";
    /// More calls than a batch may have.
    BatchTooLarge = -32010, "BATCH_TOO_LARGE", false, LimitExceeded,
        "the batch has more calls than it may have; none was run",
        "send smaller batches, or raise `rpc.max_batch`";
    /// Too much at once.
    Busy = -32000, "BUSY", true, RateLimited,
        "too many requests at once",
        "ask again in a moment";
    /// Not yet able to answer.
    WarmingUp = 1001, "WARMING_UP", true, Unavailable,
        "btd has not read the chain yet",
        "ask again in a moment: `btctl status` shows how the link to the chain stands";
    /// The chain cannot be reached, or its blocks stopped arriving.
    ChainUnavailable = 1002, "CHAIN_UNAVAILABLE", true, Unavailable,
        "no endpoint of the chain answers, or its head is stale",
        "`btctl status` shows how the link to the chain stands";
    /// On the way out.
    ShuttingDown = 1003, "SHUTTING_DOWN", true, Unavailable,
        "btd is stopping",
        "ask again once btd has been started again";
    /// The connected runtime has no such thing.
    NotOnThisRuntime = 1004, "NOT_ON_THIS_RUNTIME", false, Disabled,
        "the connected chain's runtime lacks what was asked for",
        "the message names what comes nearest; `btctl query metadata` shows what the runtime has";
    /// The process that holds the keys is not there.
    SignerUnavailable = 1005, "SIGNER_UNAVAILABLE", true, Unavailable,
        "the process that holds the keys has ended and is started again; every key is locked",
        "ask again in a moment, and unlock the key again with `btctl wallet unlock`";
    /// The source of a subscription has no more items.
    SubscriptionEnded = 1006, "SUBSCRIPTION_ENDED", true, Unavailable,
        "the subscription has nothing more to tell; subscribe again",
        "subscribe again, from the last cursor";
    /// The caller's role does not reach.
    PermissionDenied = 1101, "PERMISSION_DENIED", false, NotAuthorized,
        "the caller's role does not allow this method",
        "`[rpc.roles]` in the configuration of btd says who may do what";
    /// Asked too often.
    RateLimited = 1102, "RATE_LIMITED", true, RateLimited,
        "asked too often",
        "ask again later: `retry_after_ms` says when, where it is known";
    /// The key is locked.
    WalletLocked = 1201, "WALLET_LOCKED", false, NotAuthorized,
        "the key is locked; unlock it first",
        "unlock it with `btctl wallet unlock`";
    /// The password does not open the key.
    WrongPassword = 1202, "WRONG_PASSWORD", false, NotAuthorized,
        "the password does not open the key file",
        "give the password of that very key; a wrong one costs some time";
    /// A rule of this daemon forbids it.
    PolicyRefused = 1203, "POLICY_REFUSED", false, PolicyViolation,
        "a rule of this daemon forbids it",
        "the message names the rule; whoever runs this daemon may change it";
    /// A file of that name is there, and was left alone.
    AlreadyExists = 1204, "ALREADY_EXISTS", false, AlreadyExists,
        "it exists already, and nothing was overwritten",
        "name another, or do away with the one that is there";
    /// A key file that cannot be used.
    KeyFileDamaged = 1205, "KEY_FILE_DAMAGED", false, InvalidArgument,
        "a key file cannot be read as what it should be",
        "bring the file back from a copy, or make it anew from its words";
    /// The pool did not take the extrinsic; nothing was included.
    ExtrinsicInvalid = 1301, "EXTRINSIC_INVALID", false, Unknown,
        "the chain's pool refused the extrinsic, or no block took it: nothing happened, nor can it ever land",
        "ask for the plan again, under a new idempotency key: what was ordered under this one has ended";
    /// Included, and failed; the fee is paid once the block is final.
    DispatchFailed = 1302, "DISPATCH_FAILED", false, Unknown,
        "the extrinsic was included and failed; its fee is spent once that block is final",
        "the error that the chain names tells what is wrong; ask for the plan again, under a new idempotency key";
    /// Sent, and not known to have been included or not.
    OutcomeUnknown = 1303, "OUTCOME_UNKNOWN", false, Unknown,
        "sent, and not seen in a finalized block yet; do not send it again",
        "ask again with the same idempotency key if it had one, and never with another; else `tx_follow` tells what \
         becomes of it, and `btctl tx list` what was signed";
    /// The idempotency key was used for something else.
    DuplicateIntent = 1304, "DUPLICATE_INTENT", false, AlreadyExists,
        "the idempotency key was used with other parameters",
        "use a new idempotency key for a new request";
    /// A check before signing failed; nothing was signed.
    Precondition = 1305, "PRECONDITION_FAILED", false, Unknown,
        "a check before signing failed; nothing was signed or sent",
        "the message tells what is in the way";
    /// Taken back before it was sent.
    Cancelled = 1306, "CANCELLED", false, Cancelled,
        "taken back, or too late, before it was sent; nothing happened",
        "ask anew, with a new idempotency key";
    /// No such thing.
    NotFound = 1401, "NOT_FOUND", false, NotFound,
        "no such thing",
        "check the name, the number or the address";
    /// Not an address of this network.
    InvalidAddress = 1402, "INVALID_ADDRESS", false, InvalidArgument,
        "not an address of this network",
        "check the address: it must be of this network";
    /// The peer did not answer as it should.
    PeerUnreachable = 1403, "PEER_UNREACHABLE", true, Unavailable,
        "the other end cannot be reached or does not answer",
        "ask again later; `dendrite_ping` tells whether the other end answers";
    /// An address is taken by another program.
    AddressInUse = 1404, "ADDRESS_IN_USE", false, AlreadyExists,
        "the address is in use by another program",
        "name another address or port, or end the program that has it";
    /// The disk or the store failed.
    StorageFault = 1501, "STORAGE_FAULT", false, Internal,
        "the disk or a store failed",
        "look at the disk: its space, its rights, and btd's log";
}

impl ErrorKind {
    /// The kind with `code`, if any.
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error as it crosses the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The JSON-RPC code, see [`ErrorKind::code`].
    pub code: i32,
    /// What happened, to what, and what to do next. For people: do not parse.
    pub message: String,
    /// `kind`, `retryable`, `class`, `remedy`, and what the kind adds.
    pub data: Value,
}

impl ApiError {
    /// An error of `kind`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            code: kind.code(),
            message: message.into(),
            data: json!({
                "kind": kind.name(), "retryable": kind.retryable(), "class": kind.class().name(),
                "remedy": kind.remedy(),
            }),
        }
    }

    /// The same error for what the chain calls `name`: with its class, and what to do about it, where they are known.
    #[must_use]
    pub fn about(self, name: &str) -> Self {
        let named = self.with("error", name).with("class", catalogue::class_of(name).name());
        match catalogue::find(name) {
            Some(known) => named.with("remedy", known.remedy),
            None => named,
        }
    }

    /// What is to be done about this very error, where that is more than is said of every one of its kind.
    pub fn remedy(&self) -> Option<&str> {
        let remedy = self.data.get("remedy")?.as_str()?;
        (self.kind().map(ErrorKind::remedy) != Some(remedy)).then_some(remedy)
    }

    /// What is said of a key that is locked, which goes by `WALLET/coldkey` or `WALLET/hotkeys/NAME`: the remedy is
    /// the command that unlocks it.
    pub fn locked(key: &str) -> Self {
        let (wallet, role) = key.split_once('/').unwrap_or((key, "coldkey"));
        let hotkey = role.strip_prefix("hotkeys/").map(|name| format!(" --hotkey {name}")).unwrap_or_default();
        let remedy = format!("unlock it with `btctl wallet unlock --wallet {wallet}{hotkey}`");
        Self::new(ErrorKind::WalletLocked, format!("the key {key} is locked: {remedy}"))
            .with("key", key)
            .with("remedy", remedy)
    }

    /// The same error with one more member in `data`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        if let Value::Object(members) = &mut self.data {
            members.insert(name.to_owned(), value);
        } else {
            self.data = Value::Object(Map::from_iter([(name.to_owned(), value)]));
        }
        self
    }

    /// The kind, if the code is one of the contract's.
    pub fn kind(&self) -> Option<ErrorKind> {
        ErrorKind::from_code(self.code)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_and_names_are_unique() {
        let codes: BTreeSet<i32> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
        let names: BTreeSet<&str> = ErrorKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!((codes.len(), names.len()), (ErrorKind::ALL.len(), ErrorKind::ALL.len()));
    }

    #[test]
    fn data_names_the_kind() {
        let error = ApiError::new(ErrorKind::DispatchFailed, "transfer failed").with("error", "FundsUnavailable");
        let remedy = ErrorKind::DispatchFailed.remedy();
        let said = json!({
            "kind": "DISPATCH_FAILED", "retryable": false, "class": "unknown", "remedy": remedy,
            "error": "FundsUnavailable",
        });
        assert_eq!(error.data, said);
        assert_eq!(error.kind(), Some(ErrorKind::DispatchFailed));
        assert_eq!(error.remedy(), None);
    }

    #[test]
    fn what_the_chain_has_a_name_for_has_its_class_and_remedy() {
        let known = ApiError::new(ErrorKind::Precondition, "no").about("SlippageTooHigh");
        assert_eq!(
            (&known.data["error"], &known.data["class"]),
            (&json!("SlippageTooHigh"), &json!("insufficient_liquidity"))
        );
        assert!(known.remedy().unwrap().contains("--tolerance"), "{known:?}");
        // Of a name that nobody knows the kind's own remedy is left.
        let unknown = ApiError::new(ErrorKind::Precondition, "no").about("BrandNew");
        assert_eq!((&unknown.data["class"], unknown.remedy()), (&json!("unknown"), None));
        assert_eq!(unknown.data["remedy"], ErrorKind::Precondition.remedy());
    }

    #[test]
    fn a_locked_key_is_told_with_the_command_that_unlocks_it() {
        for (key, command) in [
            ("alice/coldkey", "`btctl wallet unlock --wallet alice`"),
            ("alice/hotkeys/h1", "`btctl wallet unlock --wallet alice --hotkey h1`"),
        ] {
            let error = ApiError::locked(key);
            assert!(error.remedy().unwrap().ends_with(command) && error.message.ends_with(command), "{error:?}");
            assert_eq!((error.kind(), &error.data["key"]), (Some(ErrorKind::WalletLocked), &json!(key)));
        }
    }

    #[test]
    fn remedies_are_words_for_people() {
        for kind in ErrorKind::ALL {
            assert!(!kind.remedy().is_empty() && !kind.remedy().ends_with('.'), "{kind}");
        }
    }
}
