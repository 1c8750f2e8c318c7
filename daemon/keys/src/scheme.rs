//! The two signature schemes of Bittensor keys, public keys and signatures.
//!
//! Verification accepts what every wallet of the ecosystem accepts: a signature over the message
//! itself, or over the message between `<Bytes>` and `</Bytes>`, which is how the polkadot.js
//! extension signs texts. What a signed message means is for [`crate::purpose`].

use std::fmt;

use btd_api::AccountId;
use serde::{Deserialize, Serialize};

/// How a key signs. The numbers are those of the `cryptoType` field of key files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scheme {
    /// RFC 8032, deterministic.
    Ed25519 = 0,
    /// schnorrkel over ristretto255 with the context `substrate`, randomised. What keys are by
    /// default, and the only scheme that SDK axons verify.
    #[default]
    Sr25519 = 1,
}

impl Scheme {
    /// The scheme's other: there are two.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Ed25519 => Self::Sr25519,
            Self::Sr25519 => Self::Ed25519,
        }
    }

    /// The name that the ecosystem uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Sr25519 => "sr25519",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An account together with the scheme that its signatures follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PublicKey {
    /// How it signs.
    pub scheme: Scheme,
    /// Its 32 bytes, and its address when printed.
    pub account: AccountId,
}

/// The context under which sr25519 signs in Substrate.
pub(crate) const CONTEXT: &[u8] = b"substrate";

// === impl PublicKey ===

impl PublicKey {
    /// Whether `signature` is this key's over `message`, plain or between `<Bytes>` tags.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.verify_exact(message, signature) || self.verify_exact(&wrap(message), signature)
    }

    /// Whether `signature` is this key's over exactly `message`.
    pub fn verify_exact(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        match self.scheme {
            Scheme::Sr25519 => {
                let Ok(key) = schnorrkel::PublicKey::from_bytes(self.account.as_bytes()) else { return false };
                let Ok(signature) = schnorrkel::Signature::from_bytes(signature) else { return false };
                key.verify_simple(CONTEXT, message, &signature).is_ok()
            }
            Scheme::Ed25519 => {
                let Ok(key) = ed25519_zebra::VerificationKey::try_from(*self.account.as_bytes()) else {
                    return false;
                };
                key.verify(&ed25519_zebra::Signature::from_bytes(signature), message).is_ok()
            }
        }
    }

    /// The scheme under which `signature` is `account`'s over `message`, if under any: for
    /// signatures that come without their scheme.
    pub fn verify_any(account: AccountId, message: &[u8], signature: &[u8; 64]) -> Option<Scheme> {
        [Scheme::Sr25519, Scheme::Ed25519]
            .into_iter()
            .find(|&scheme| Self { scheme, account }.verify(message, signature))
    }
}

/// `message` as the polkadot.js extension signs it.
pub(crate) fn wrap(message: &[u8]) -> Vec<u8> {
    [b"<Bytes>", message, b"</Bytes>"].concat()
}

/// A signature and the scheme it follows. Prints as bare lower-case hex, as `btcli wallet sign`
/// does.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// How it was made.
    pub scheme: Scheme,
    /// Its 64 bytes.
    #[serde(with = "halves")]
    pub bytes: [u8; 64],
}

/// 64 bytes as two arrays: serde knows arrays up to 32.
mod halves {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 64], serializer: S) -> Result<S::Ok, S::Error> {
        let (mut left, mut right) = ([0; 32], [0; 32]);
        left.copy_from_slice(&bytes[..32]);
        right.copy_from_slice(&bytes[32..]);
        (left, right).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 64], D::Error> {
        let (left, right) = <([u8; 32], [u8; 32])>::deserialize(deserializer)?;
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&left);
        bytes[32..].copy_from_slice(&right);
        Ok(bytes)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.bytes))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:0x{self}", self.scheme)
    }
}
