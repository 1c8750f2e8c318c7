//! What can go wrong, as numbers that programs may branch on and words that people can act on.
//!
//! The numbers are stable; the words may change. `data` always holds `kind` and `retryable`, and
//! what the kind itself adds (the module and name of a dispatch error, the hash of an extrinsic
//! whose outcome is unknown).

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Declares the kinds with their code, name, retryability and meaning.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $code:literal, $name:literal, $retryable:literal, $meaning:literal;)+) => {
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
        }
    };
}

kinds! {
    /// The text is not JSON.
    Parse = -32700, "PARSE_ERROR", false, "the request is not valid JSON";
    /// The JSON is not a request.
    InvalidRequest = -32600, "INVALID_REQUEST", false, "the request is not a JSON-RPC 2.0 request";
    /// No such method.
    MethodNotFound = -32601, "METHOD_NOT_FOUND", false, "no method of that name";
    /// Parameters missing, unknown or of the wrong form.
    InvalidParams = -32602, "INVALID_PARAMS", false, "a parameter is missing, unknown or malformed";
    /// A fault of btd itself.
    Internal = -32603, "INTERNAL_ERROR", false, "a fault inside btd; its log has the details";
    /// More subscriptions than a connection may have.
    TooManySubscriptions = -32006, "TOO_MANY_SUBSCRIPTIONS", false, "the connection has as many subscriptions as it may have";
    /// More bytes than a request may have.
    RequestTooLarge = -32007, "REQUEST_TOO_LARGE", false, "the request has more bytes than it may have; nothing was run";
    /// More bytes than a reply may have.
    ReplyTooLarge = -32008, "REPLY_TOO_LARGE", false, "the reply would have more bytes than it may have; ask for less";
    /// More calls than a batch may have.
    BatchTooLarge = -32010, "BATCH_TOO_LARGE", false, "the batch has more calls than it may have; none was run";
    /// Too much at once.
    Busy = -32000, "BUSY", true, "too many requests at once";
    /// Not yet able to answer.
    WarmingUp = 1001, "WARMING_UP", true, "btd has not read the chain yet";
    /// The chain cannot be reached, or its blocks stopped arriving.
    ChainUnavailable = 1002, "CHAIN_UNAVAILABLE", true, "no endpoint of the chain answers, or its head is stale";
    /// On the way out.
    ShuttingDown = 1003, "SHUTTING_DOWN", true, "btd is stopping";
    /// The connected runtime has no such thing.
    NotOnThisRuntime = 1004, "NOT_ON_THIS_RUNTIME", false, "the connected chain's runtime lacks what was asked for";
    /// The process that holds the keys is not there.
    SignerUnavailable = 1005, "SIGNER_UNAVAILABLE", true, "the process that holds the keys has ended and is started again; every key is locked";
    /// The source of a subscription has no more items.
    SubscriptionEnded = 1006, "SUBSCRIPTION_ENDED", true, "the subscription has nothing more to tell; subscribe again";
    /// The caller's role does not reach.
    PermissionDenied = 1101, "PERMISSION_DENIED", false, "the caller's role does not allow this method";
    /// Asked too often.
    RateLimited = 1102, "RATE_LIMITED", true, "asked too often";
    /// The key is locked.
    WalletLocked = 1201, "WALLET_LOCKED", false, "the key is locked; unlock it first";
    /// The password does not open the key.
    WrongPassword = 1202, "WRONG_PASSWORD", false, "the password does not open the key file";
    /// A rule of this daemon forbids it.
    PolicyRefused = 1203, "POLICY_REFUSED", false, "a rule of this daemon forbids it";
    /// A file of that name is there, and was left alone.
    AlreadyExists = 1204, "ALREADY_EXISTS", false, "it exists already, and nothing was overwritten";
    /// A key file that cannot be used.
    KeyFileDamaged = 1205, "KEY_FILE_DAMAGED", false, "a key file cannot be read as what it should be";
    /// The pool did not take the extrinsic; nothing was included.
    ExtrinsicInvalid = 1301, "EXTRINSIC_INVALID", false, "the chain's pool refused the extrinsic; nothing happened";
    /// Included, and failed; the fee was paid.
    DispatchFailed = 1302, "DISPATCH_FAILED", false, "the extrinsic was included and failed; its fee is spent";
    /// Sent, and not known to have been included or not.
    OutcomeUnknown = 1303, "OUTCOME_UNKNOWN", false, "sent, and not seen in a finalized block yet; do not send it again";
    /// The idempotency key was used for something else.
    DuplicateIntent = 1304, "DUPLICATE_INTENT", false, "the idempotency key was used with other parameters";
    /// A check before signing failed; nothing was signed.
    Precondition = 1305, "PRECONDITION_FAILED", false, "a check before signing failed; nothing was signed or sent";
    /// Taken back before it was sent.
    Cancelled = 1306, "CANCELLED", false, "taken back, or too late, before it was sent; nothing happened";
    /// No such thing.
    NotFound = 1401, "NOT_FOUND", false, "no such thing";
    /// Not an address of this network.
    InvalidAddress = 1402, "INVALID_ADDRESS", false, "not an address of this network";
    /// The peer did not answer as it should.
    PeerUnreachable = 1403, "PEER_UNREACHABLE", true, "the other end cannot be reached or does not answer";
    /// An address is taken by another program.
    AddressInUse = 1404, "ADDRESS_IN_USE", false, "the address is in use by another program";
    /// The disk or the store failed.
    StorageFault = 1501, "STORAGE_FAULT", false, "the disk or a store failed";
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The JSON-RPC code, see [`ErrorKind::code`].
    pub code: i32,
    /// What happened, to what, and what to do next. For people: do not parse.
    pub message: String,
    /// `kind`, `retryable`, and what the kind adds.
    pub data: Value,
}

impl ApiError {
    /// An error of `kind`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            code: kind.code(),
            message: message.into(),
            data: json!({ "kind": kind.name(), "retryable": kind.retryable() }),
        }
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
        assert_eq!(error.data, json!({ "kind": "DISPATCH_FAILED", "retryable": false, "error": "FundsUnavailable" }));
        assert_eq!(error.kind(), Some(ErrorKind::DispatchFailed));
    }
}
