//! `btauth/1`: how SDK 11 signs any HTTP request with a hotkey, in place of axons and synapses.
//!
//! Five headers; the signature covers method, target with query, the whole body by its SHA-256,
//! nonce, sender and receiver. [`authenticate`] is its door, in the order of
//! [`crate::admission`]: shape, receiver, freshness, membership, body, signature, nonce recorded.
//!
//! Stricter than the reference, on our own side: no nonce passes that is not newer than the start
//! of the [`Seen`] plus the allowed skew, so a restart replays nothing, and a hotkey that is not
//! known leaves no trace. Statuses and routing are the application's.

mod seen;

use std::{fmt, sync::Arc, time::Duration};

use btd_api::AccountId;
use bytes::Bytes;
use http::HeaderMap;
use sha2::{Digest, Sha256};

pub use seen::Seen;

use crate::{
    admission::{BodyError, BodySource, Members, Nanos, Sender, Standing, verify_sr25519},
    python::read_int,
    synapse::latin1,
};

pub(crate) const VERSION: &str = "x-bittensor-version";
pub(crate) const HOTKEY: &str = "x-bittensor-hotkey";
const NONCE: &str = "x-bittensor-nonce";
const SIGNATURE: &str = "x-bittensor-signature";
const RECEIVER: &str = "x-bittensor-receiver";
const CRYPTO: &str = "x-bittensor-crypto";

/// The signature scheme that a request declares. Only the declared one is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Absent header, `sr25519` or `1`.
    Sr25519,
    /// `ed25519` or `0`.
    Ed25519,
}

/// Whether a request must name its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Binding {
    /// It must, and it must be us.
    #[default]
    Required,
    /// It may name nobody: then it can be replayed at others.
    Optional,
}

/// Limits of one door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthRules {
    /// A nonce may be this old, inclusive.
    pub max_age: Duration,
    /// A nonce may be this far ahead, inclusive.
    pub max_clock_skew: Duration,
    /// Longest body, in bytes.
    pub max_body: usize,
    /// Whether the receiver must be named.
    pub binding: Binding,
}

impl Default for AuthRules {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(10),
            max_clock_skew: Duration::from_secs(2),
            max_body: 10 * 1024 * 1024,
            binding: Binding::Required,
        }
    }
}

/// A request before its body.
#[derive(Debug, Clone, Copy)]
pub struct AuthHead<'a> {
    /// The method, in any case.
    pub method: &'a str,
    /// Path and query exactly as received.
    pub target: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
}

/// Who sent a request, proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthCaller {
    /// The hotkey that signed.
    pub hotkey: AccountId,
    /// How it signed.
    pub scheme: Scheme,
    /// The nonce, in nanoseconds.
    pub nonce: Nanos,
    /// The body that it signed.
    pub body: Bytes,
}

/// Why a request was not believed, in the words of the reference where it has them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// A header is missing, doubled or unreadable.
    #[error("{0}")]
    Malformed(&'static str),
    /// Signed for somebody else, or for nobody.
    #[error("{0}")]
    WrongReceiver(&'static str),
    /// Older than the window.
    #[error("nonce is older than the {}s freshness window", .0.as_secs_f64())]
    Old(Duration),
    /// Ahead of the clock.
    #[error("nonce is more than {}s in the future", .0.as_secs_f64())]
    Ahead(Duration),
    /// May have been seen before this process began.
    #[error("nonce is older than this server, send the request again")]
    BeforeBoot,
    /// Not a hotkey that is served.
    #[error("hotkey is not admitted: {0}")]
    NotAMember(String),
    /// The body could not be had.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// Not the claimed hotkey's signature over this request.
    #[error("signature does not verify against the claimed hotkey")]
    BadSignature,
    /// Seen before.
    #[error("this nonce was already accepted from this hotkey")]
    Replayed,
    /// No room to remember another nonce.
    #[error("too many requests to remember")]
    MemoryFull,
}

/// The door of one receiver.
pub struct AuthGate {
    address: String,
    rules: AuthRules,
    members: Arc<dyn Members>,
    seen: Arc<Seen>,
}

impl fmt::Debug for AuthGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthGate").field("address", &self.address).field("rules", &self.rules).finish_non_exhaustive()
    }
}

// === impl AuthGate ===

impl AuthGate {
    /// A door for `receiver`.
    pub fn new(receiver: AccountId, rules: AuthRules, members: Arc<dyn Members>, seen: Arc<Seen>) -> Self {
        Self { address: receiver.to_string(), rules, members, seen }
    }
}

/// Believes a request, or says why not. `now` is in nanoseconds since 1970. The body is read only
/// for known hotkeys with a fresh nonce, because the signature covers it.
///
/// # Errors
/// With the first check that fails.
pub async fn authenticate<B: BodySource>(
    gate: &AuthGate,
    head: AuthHead<'_>,
    body: B,
    now: Nanos,
) -> Result<AuthCaller, AuthError> {
    let door = Door { address: &gate.address, rules: &gate.rules, members: &*gate.members, seen: &gate.seen };
    authenticate_at(door, head, body, now).await
}

/// A door that somebody else keeps.
#[derive(Clone, Copy)]
pub(crate) struct Door<'a> {
    pub(crate) address: &'a str,
    pub(crate) rules: &'a AuthRules,
    pub(crate) members: &'a dyn Members,
    pub(crate) seen: &'a Seen,
}

pub(crate) async fn authenticate_at<B: BodySource>(
    gate: Door<'_>,
    head: AuthHead<'_>,
    body: B,
    now: Nanos,
) -> Result<AuthCaller, AuthError> {
    // 1. Shape.
    let claim = Claim::read(head.headers)?;
    // 2. Receiver.
    match claim.receiver.as_deref() {
        None if gate.rules.binding == Binding::Required => {
            return Err(AuthError::WrongReceiver(
                "missing X-Bittensor-Receiver: this server requires receiver-bound requests",
            ));
        }
        Some(receiver) if receiver != gate.address => {
            return Err(AuthError::WrongReceiver("request was signed for a different receiving hotkey"));
        }
        _ => {}
    }
    // 3. Freshness.
    let (max_age, skew) = (nanos(gate.rules.max_age), nanos(gate.rules.max_clock_skew));
    if now - claim.nonce > max_age {
        return Err(AuthError::Old(gate.rules.max_age));
    }
    if claim.nonce - now > skew {
        return Err(AuthError::Ahead(gate.rules.max_clock_skew));
    }
    let hotkey = AccountId::from_any_format(&claim.hotkey)
        .map_err(|_| AuthError::Malformed("invalid hotkey address or signature encoding"))?;
    let signature: [u8; 64] = claim
        .signature
        .as_slice()
        .try_into()
        .map_err(|_| AuthError::Malformed("invalid hotkey address or signature encoding"))?;
    gate.seen.check(&hotkey, claim.nonce)?;
    // 4. Membership.
    if let Standing::Refused(reason) = gate.members.standing(&hotkey) {
        return Err(AuthError::NotAMember(reason.into_owned()));
    }
    // 5. Body and signature.
    let body = body.read(Sender::Claimed, gate.rules.max_body).await?;
    let payload = claim.payload(head, &body);
    let valid = match claim.scheme {
        Scheme::Sr25519 => verify_sr25519(&hotkey, payload.as_bytes(), &signature),
        Scheme::Ed25519 => verify_ed25519(&hotkey, payload.as_bytes(), &signature),
    };
    if !valid {
        return Err(AuthError::BadSignature);
    }
    // 6. The nonce is recorded.
    gate.seen.record(hotkey, claim.nonce, now - max_age)?;
    Ok(AuthCaller { hotkey, scheme: claim.scheme, nonce: claim.nonce, body })
}

/// What the headers claim.
#[derive(Debug)]
struct Claim {
    /// As written: the signed text repeats it.
    hotkey: String,
    nonce: Nanos,
    scheme: Scheme,
    signature: Vec<u8>,
    receiver: Option<String>,
}

// === impl Claim ===

impl Claim {
    fn read(headers: &HeaderMap) -> Result<Self, AuthError> {
        let text = |name: &str| headers.get(name).map(latin1);
        let doubled = |name: &str| headers.get_all(name).iter().count() > 1;
        if [VERSION, HOTKEY, NONCE, SIGNATURE, RECEIVER, CRYPTO].into_iter().any(doubled) {
            return Err(AuthError::Malformed("an authentication header is given twice"));
        }
        if text(VERSION).as_deref() != Some("1") {
            return Err(AuthError::Malformed("missing or unsupported X-Bittensor-Version (expected '1')"));
        }
        let hotkey =
            text(HOTKEY).filter(|text| !text.is_empty()).ok_or(AuthError::Malformed("missing X-Bittensor-Hotkey"))?;
        let nonce = text(NONCE).ok_or(AuthError::Malformed("missing X-Bittensor-Nonce"))?;
        let nonce = read_int(&nonce)
            .and_then(|nonce| nonce.to_i128())
            // Wide enough for any time, narrow enough for arithmetic.
            .filter(|nonce| nonce.unsigned_abs() < 1 << 100)
            .ok_or(AuthError::Malformed("X-Bittensor-Nonce is not a decimal integer"))?;
        let scheme = match text(CRYPTO).map(|text| text.trim().to_ascii_lowercase()).as_deref() {
            None | Some("sr25519" | "1") => Scheme::Sr25519,
            Some("ed25519" | "0") => Scheme::Ed25519,
            Some(_) => return Err(AuthError::Malformed("unsupported X-Bittensor-Crypto")),
        };
        let signature = text(SIGNATURE).ok_or(AuthError::Malformed("missing X-Bittensor-Signature"))?;
        let signature = hex::decode(signature.strip_prefix("0x").unwrap_or(&signature))
            .map_err(|_| AuthError::Malformed("X-Bittensor-Signature is not hex"))?;
        Ok(Self { hotkey, nonce, scheme, signature, receiver: text(RECEIVER) })
    }

    fn payload(&self, head: AuthHead<'_>, body: &[u8]) -> String {
        let scheme = match self.scheme {
            Scheme::Sr25519 => "sr25519",
            Scheme::Ed25519 => "ed25519",
        };
        [
            "btauth/1",
            scheme,
            &head.method.to_uppercase(),
            head.target,
            &hex::encode(Sha256::digest(body)),
            &self.nonce.to_string(),
            &self.hotkey,
            self.receiver.as_deref().filter(|receiver| !receiver.is_empty()).unwrap_or("-"),
        ]
        .join("\n")
    }
}

/// As for sr25519, a signature over the text between `<Bytes>` tags passes too.
fn verify_ed25519(signer: &AccountId, message: &[u8], signature: &[u8; 64]) -> bool {
    use ed25519_zebra::{Signature, VerificationKey};

    let Ok(key) = VerificationKey::try_from(*signer.as_bytes()) else { return false };
    let signature = Signature::from_bytes(signature);
    let wrapped = || [b"<Bytes>".as_slice(), message, b"</Bytes>"].concat();
    key.verify(&signature, message).is_ok() || key.verify(&signature, &wrapped()).is_ok()
}

fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}
