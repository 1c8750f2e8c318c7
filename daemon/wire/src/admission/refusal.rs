//! Why a stranger's request was not admitted, with the status and the text that the peer gets.
//!
//! Statuses and texts are those of the Python axon where it has them, so that a caller's own
//! handling keeps working.

use std::{borrow::Cow, sync::Arc};

use super::{BodyError, Unverified};
use crate::{btauth::AuthError, synapse::SynapseSpec};

/// One reason.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The path names no class that is served. (Which ones are is not told to strangers.)
    #[error("Synapse name '{name}' not found.")]
    UnknownSynapse {
        /// The first segment of the path.
        name: String,
    },
    /// A path of more than one segment.
    #[error("Not Found")]
    UnknownPath,
    /// Neither POST nor GET.
    #[error("Method Not Allowed")]
    UnknownMethod,
    /// The length of the body is stated twice, or not as a number.
    #[error("Content-Length must be one number and cannot stand beside Transfer-Encoding")]
    AmbiguousLength,
    /// The body is longer than this axon takes.
    #[error("Request body is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// What the head or the body says of the two ends of the call is longer than any peer's.
    #[error("What is said of dendrite and axon, with the name and the hash, is longer than {limit} bytes")]
    LongBase {
        /// The limit in bytes.
        limit: usize,
    },
    /// An authentication header stands twice.
    #[error("Not Verified with error: Header {name} is given twice")]
    DuplicateHeader {
        /// The header.
        name: &'static str,
    },
    /// A header is no number where it must be one.
    #[error("cannot read header {name}: {reason}")]
    BadHeader {
        /// The header.
        name: String,
        /// What is wrong, in Python's words.
        reason: String,
    },
    /// No hotkey is claimed.
    #[error("Not Verified with error: No SS58 formatted address or public key provided.")]
    MissingHotkey,
    /// The claimed hotkey is no address.
    #[error("Not Verified with error: {reason}")]
    BadHotkey {
        /// What is wrong with it.
        reason: String,
    },
    /// No nonce.
    #[error("Not Verified with error: Missing Nonce")]
    MissingNonce,
    /// No signature, or an empty one.
    #[error("Not Verified with error: Missing Signature")]
    MissingSignature,
    /// The signature is not `0x` and 128 hex digits.
    #[error("Not Verified with error: Invalid signature format. Expected hex string.")]
    MalformedSignature,
    /// The uuid is longer than any peer's.
    #[error("Not Verified with error: uuid is longer than {limit} bytes")]
    LongUuid {
        /// The limit in bytes.
        limit: usize,
    },
    /// The timeout header is infinite or not a number.
    #[error("Not Verified with error: Timeout is not a finite number")]
    EndlessTimeout,
    /// The nonce is outside the window.
    #[error(
        "Not Verified with error: Nonce is too old: acceptable delta is {acceptable:.2} seconds but request was {age:.2} seconds old"
    )]
    Stale {
        /// Length of the window in seconds.
        acceptable: f64,
        /// Age of the nonce in seconds.
        age: f64,
    },
    /// The nonce is ahead of the clock.
    #[error(
        "Not Verified with error: Nonce is too far ahead: acceptable delta is {acceptable:.2} seconds but request was {ahead:.2} seconds ahead"
    )]
    FromTheFuture {
        /// Allowed clock skew in seconds.
        acceptable: f64,
        /// How far ahead, in seconds.
        ahead: f64,
    },
    /// The nonce may have been seen before this process began.
    #[error("Not Verified with error: Nonce is older than this axon, send the request again")]
    BeforeBoot {
        /// Nanoseconds until nonces of now pass.
        behind: i128,
    },
    /// The nonce, or a newer one of the same sender, has passed already.
    #[error("Not Verified with error: Nonce is too old, a newer one was last processed")]
    Replayed,
    /// The claimed hotkey is not one that this axon serves.
    #[error("Forbidden. Key is blacklisted: {reason}.")]
    NotAMember {
        /// The reason.
        reason: Cow<'static, str>,
    },
    /// This hotkey asks too often from this address.
    #[error("Too many requests, the next one passes in {retry_after:.3} seconds")]
    TooManyRequests {
        /// Seconds until one passes.
        retry_after: f64,
    },
    /// The signature is not the claimed hotkey's over what we must have been sent.
    #[error("Not Verified with error: Signature mismatch with {message} and {signature}")]
    BadSignature {
        /// The text that should have been signed.
        message: String,
        /// The signature as sent.
        signature: String,
    },
    /// The body did not arrive in time.
    #[error("Request body did not arrive in time")]
    BodyTimedOut,
    /// The body is incomplete, empty, or does not fit the class.
    #[error("bad body: {reason}")]
    BadBody {
        /// What is wrong with it.
        reason: String,
    },
    /// The body is not JSON.
    #[error("JSON decode error at {position}: {reason}")]
    NotJson {
        /// In the words of Python's decoder.
        reason: &'static str,
        /// Characters before the fault.
        position: usize,
    },
    /// The body is not the one that was signed.
    #[error("hash mismatch between header body hash {stated:?} and parsed body hash {computed}")]
    BodyHash {
        /// What the header stated.
        stated: Option<String>,
        /// What the body hashes to.
        computed: String,
    },
    /// Every slot for requests is taken.
    #[error("Busy: this axon is answering as many requests as it can")]
    Busy,
    /// A request signed as SDK 11 signs is not believed.
    #[error("Not Verified with error: {0}")]
    Signed(#[source] AuthError),
    /// This hotkey has as many requests here as one may have.
    #[error("Busy: this hotkey has as many requests here as one may have")]
    SenderBusy,
    /// The messages that are here, or those of the sender, take as much memory as they may.
    #[error("Busy: the messages that this axon holds take as much memory as they may, send the request again later")]
    Full,
    /// No room to remember another sender.
    #[error("Busy: too many senders at once")]
    MemoryFull,
}

/// Refusals as counters know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RefusalKind {
    /// Unknown path or method.
    Unrouted,
    /// Headers or body that cannot be read.
    Malformed,
    /// A credential is missing, badly formed, or wrong.
    Unauthenticated,
    /// Outside the freshness window.
    Stale,
    /// Seen before, or possibly so.
    Replayed,
    /// Not a member.
    Forbidden,
    /// Too often.
    Throttled,
    /// Too large.
    TooLarge,
    /// Too slow.
    TimedOut,
    /// No room.
    Busy,
}

// === impl Refusal ===

impl Refusal {
    /// A body that could not be had, where `limit` bytes are allowed.
    pub(super) fn of_body(error: BodyError, limit: usize) -> Self {
        match error {
            BodyError::TooLarge => Self::TooLarge { limit },
            BodyError::TimedOut => Self::BodyTimedOut,
            BodyError::Busy => Self::Busy,
            BodyError::SenderBusy => Self::SenderBusy,
            BodyError::Full => Self::Full,
            BodyError::Broken(reason) => Self::BadBody { reason },
        }
    }

    /// The HTTP status of the reply.
    pub fn status(&self) -> u16 {
        match self {
            Self::UnknownSynapse { .. } | Self::UnknownPath => 404,
            Self::UnknownMethod => 405,
            Self::AmbiguousLength => 400,
            Self::TooLarge { .. } | Self::LongBase { .. } => 413,
            Self::DuplicateHeader { .. }
            | Self::MissingHotkey
            | Self::BadHotkey { .. }
            | Self::MissingNonce
            | Self::MissingSignature
            | Self::MalformedSignature
            | Self::LongUuid { .. }
            | Self::EndlessTimeout
            | Self::Stale { .. }
            | Self::FromTheFuture { .. }
            | Self::BeforeBoot { .. }
            | Self::Replayed
            | Self::BadSignature { .. } => 401,
            Self::Signed(error) => match error {
                AuthError::NotAMember(_) => 403,
                AuthError::MemoryFull => 503,
                _ => 401,
            },
            Self::NotAMember { .. } => 403,
            Self::TooManyRequests { .. } => 429,
            Self::BodyTimedOut => 408,
            Self::NotJson { .. } => 422,
            // What the Python axon answers, though the fault is the caller's.
            Self::BadHeader { .. } | Self::BadBody { .. } | Self::BodyHash { .. } => 500,
            Self::Busy | Self::SenderBusy | Self::Full | Self::MemoryFull => 503,
        }
    }

    /// How it is counted.
    pub fn kind(&self) -> RefusalKind {
        match self {
            Self::UnknownSynapse { .. } | Self::UnknownPath | Self::UnknownMethod => RefusalKind::Unrouted,
            Self::AmbiguousLength
            | Self::BadHeader { .. }
            | Self::DuplicateHeader { .. }
            | Self::LongUuid { .. }
            | Self::BadBody { .. }
            | Self::NotJson { .. } => RefusalKind::Malformed,
            Self::MissingHotkey
            | Self::BadHotkey { .. }
            | Self::MissingNonce
            | Self::MissingSignature
            | Self::MalformedSignature
            | Self::BadSignature { .. }
            | Self::BodyHash { .. } => RefusalKind::Unauthenticated,
            Self::Signed(error) => match error {
                AuthError::Malformed(_) => RefusalKind::Malformed,
                AuthError::Old(_) | AuthError::Ahead(_) => RefusalKind::Stale,
                AuthError::BeforeBoot | AuthError::Replayed => RefusalKind::Replayed,
                AuthError::NotAMember(_) => RefusalKind::Forbidden,
                AuthError::MemoryFull => RefusalKind::Busy,
                AuthError::WrongReceiver(_) | AuthError::BadSignature | AuthError::Body(_) => {
                    RefusalKind::Unauthenticated
                }
            },
            Self::EndlessTimeout | Self::Stale { .. } | Self::FromTheFuture { .. } => RefusalKind::Stale,
            Self::BeforeBoot { .. } | Self::Replayed => RefusalKind::Replayed,
            Self::NotAMember { .. } => RefusalKind::Forbidden,
            Self::TooManyRequests { .. } => RefusalKind::Throttled,
            Self::TooLarge { .. } | Self::LongBase { .. } => RefusalKind::TooLarge,
            Self::BodyTimedOut => RefusalKind::TimedOut,
            Self::Busy | Self::SenderBusy | Self::Full | Self::MemoryFull => RefusalKind::Busy,
        }
    }

    /// Whole seconds after which the same caller may try again, when waiting helps.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::BeforeBoot { behind } => u64::try_from(behind / 1_000_000_000 + 1).ok(),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive count of seconds")]
            Self::TooManyRequests { retry_after } => Some(retry_after.ceil().max(1.0) as u64),
            Self::Signed(AuthError::BeforeBoot) => Some(2),
            Self::Busy | Self::SenderBusy | Self::Full | Self::MemoryFull => Some(1),
            _ => None,
        }
    }
}

impl RefusalKind {
    /// Every kind, in the order of the checks.
    pub const ALL: [Self; 10] = [
        Self::Unrouted,
        Self::Malformed,
        Self::Unauthenticated,
        Self::Stale,
        Self::Replayed,
        Self::Forbidden,
        Self::Throttled,
        Self::TooLarge,
        Self::TimedOut,
        Self::Busy,
    ];

    /// The name under which it is counted.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unrouted => "unrouted",
            Self::Malformed => "malformed",
            Self::Unauthenticated => "unauthenticated",
            Self::Stale => "stale",
            Self::Replayed => "replayed",
            Self::Forbidden => "forbidden",
            Self::Throttled => "throttled",
            Self::TooLarge => "too_large",
            Self::TimedOut => "timed_out",
            Self::Busy => "busy",
        }
    }
}

/// A refusal with what the header block claimed, as far as it was read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{refusal}")]
pub struct Refused {
    /// The reason.
    #[source]
    pub refusal: Refusal,
    /// The claim and the class, when the header block could be read.
    pub claimed: Option<(Box<Unverified>, Arc<SynapseSpec>)>,
}

// === impl Refused ===

impl Refused {
    pub(super) fn of_claim(refusal: Refusal, claimed: Box<Unverified>, spec: Arc<SynapseSpec>) -> Self {
        Self { refusal, claimed: Some((claimed, spec)) }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, claimed: None }
    }
}
