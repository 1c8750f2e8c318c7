//! Key pairs: from a seed or a private key, derived along junctions, signing.
//!
//! sr25519 private keys are 64 bytes in schnorrkel's own form (a canonical scalar and the nonce
//! seed), ed25519 ones are the 32-byte seed. Words and URIs are turned into seeds next door
//! ([`crate::mnemonic`], [`crate::uri`]).

use std::fmt;

use blake2::{Blake2b, Digest, digest::consts::U32};
use btd_api::AccountId;
use ed25519_zebra::{SigningKey, VerificationKey};
use schnorrkel::{
    ExpansionMode, Keypair, MiniSecretKey,
    derive::{ChainCode, Derivation},
};
use zeroize::Zeroizing;

use crate::{
    junction::Junction,
    scheme::{CONTEXT, PublicKey, Scheme, Signature},
    secret::Seed,
};

/// Why no key can be made of what was given. No message repeats a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// BIP-39 knows five lengths.
    #[error("a mnemonic has 12, 15, 18, 21 or 24 words, this one has {0}")]
    WordCount(usize),
    /// Counted from 1.
    #[error("word {0} of the mnemonic is not in the English BIP-39 list (lower case only)")]
    UnknownWord(usize),
    /// Each word is in the list, but not these words in this order.
    #[error("the checksum of the mnemonic does not match: a word is wrong or out of place")]
    Checksum,
    /// Neither hex nor of the right length.
    #[error("the seed is not 32 bytes in hex (64 digits)")]
    Seed,
    /// Wrong length, or not a number that can be a key.
    #[error("the {0} private key is malformed: sr25519 has 64 bytes, ed25519 has 32, in hex")]
    PrivateKey(Scheme),
    /// Not a phrase, seed or nothing, followed by junctions.
    #[error(
        "the secret URI is malformed: expected words or a 0x seed, then /soft and //hard junctions, then ///password"
    )]
    Uri,
    /// ed25519 has hard derivation only.
    #[error("ed25519 keys have no soft junctions: use //name in place of /name")]
    SoftJunction,
}

/// A key that can sign. Wiped when dropped; prints its address only.
pub struct KeyPair(Inner);

// Boxed, so that moving a pair leaves no copy of the secret behind.
enum Inner {
    Sr25519(Box<Keypair>),
    Ed25519(Box<Zeroizing<SigningKey>>),
}

// === impl KeyPair ===

impl KeyPair {
    /// The pair of a seed.
    pub fn from_seed(scheme: Scheme, seed: &Seed) -> Self {
        match scheme {
            Scheme::Sr25519 => {
                #[expect(clippy::expect_used, reason = "the length is 32, which is all that is checked")]
                let mini = MiniSecretKey::from_bytes(seed.expose()).expect("32 bytes");
                Self(Inner::Sr25519(Box::new(mini.expand_to_keypair(ExpansionMode::Ed25519))))
            }
            Scheme::Ed25519 => Self(Inner::Ed25519(Box::new(Zeroizing::new(SigningKey::from_bytes(seed.expose()))))),
        }
    }

    /// The pair of a private key in the form of key files: 64 bytes for sr25519, 32 for ed25519.
    pub fn from_private_key(scheme: Scheme, private: &[u8]) -> Result<Self, KeyError> {
        let malformed = KeyError::PrivateKey(scheme);
        match scheme {
            Scheme::Sr25519 => {
                let secret = schnorrkel::SecretKey::from_bytes(private).map_err(|_| malformed)?;
                Ok(Self(Inner::Sr25519(Box::new(secret.to_keypair()))))
            }
            Scheme::Ed25519 => {
                let seed = Seed::new(private.try_into().map_err(|_| malformed)?);
                Ok(Self::from_seed(Scheme::Ed25519, &seed))
            }
        }
    }

    /// The sr25519 pair of a secret in the form of polkadot.js exports, whose scalar is
    /// multiplied by the cofactor 8.
    pub(crate) fn from_cofactored(private: &[u8]) -> Result<Self, KeyError> {
        let secret =
            schnorrkel::SecretKey::from_ed25519_bytes(private).map_err(|_| KeyError::PrivateKey(Scheme::Sr25519))?;
        Ok(Self(Inner::Sr25519(Box::new(secret.to_keypair()))))
    }

    /// The pair at the end of a path of junctions.
    pub(crate) fn derive(self, path: &[Junction]) -> Result<Self, KeyError> {
        path.iter().try_fold(self, Self::step)
    }

    fn step(self, junction: &Junction) -> Result<Self, KeyError> {
        match (&self.0, junction) {
            (Inner::Sr25519(pair), Junction::Soft(code)) => {
                let derived = pair.secret.derived_key_simple(ChainCode(*code), b"").0;
                Ok(Self(Inner::Sr25519(Box::new(derived.to_keypair()))))
            }
            (Inner::Sr25519(pair), Junction::Hard(code)) => {
                let mini = pair.secret.hard_derive_mini_secret_key(Some(ChainCode(*code)), b"").0;
                Ok(Self(Inner::Sr25519(Box::new(mini.expand_to_keypair(ExpansionMode::Ed25519)))))
            }
            (Inner::Ed25519(_), Junction::Soft(_)) => Err(KeyError::SoftJunction),
            (Inner::Ed25519(key), Junction::Hard(code)) => {
                // blake2b-256 of the SCALE tuple (text, seed, chain code); 0x2c is the length 11.
                let digest = Blake2b::<U32>::new()
                    .chain_update(b"\x2cEd25519HDKD")
                    .chain_update(key.as_bytes())
                    .chain_update(code)
                    .finalize();
                Ok(Self::from_seed(Scheme::Ed25519, &Seed::new(digest.into())))
            }
        }
    }

    /// How this key signs.
    pub fn scheme(&self) -> Scheme {
        match self.0 {
            Inner::Sr25519(_) => Scheme::Sr25519,
            Inner::Ed25519(_) => Scheme::Ed25519,
        }
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        let account = match &self.0 {
            Inner::Sr25519(pair) => pair.public.to_bytes(),
            Inner::Ed25519(key) => VerificationKey::from(&***key).into(),
        };
        PublicKey { scheme: self.scheme(), account: AccountId(account) }
    }

    /// The private key in the form of key files.
    pub fn private_key(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match &self.0 {
            Inner::Sr25519(pair) => Zeroizing::new(pair.secret.to_bytes()).to_vec(),
            Inner::Ed25519(key) => key.as_bytes().to_vec(),
        })
    }

    /// The seed of an ed25519 key, which is its private key.
    pub(crate) fn ed25519_seed(&self) -> Option<&[u8; 32]> {
        match &self.0 {
            Inner::Sr25519(_) => None,
            Inner::Ed25519(key) => Some(key.as_bytes()),
        }
    }

    /// Signs exactly these bytes. The signer signs only what [`crate::purpose`] has checked.
    pub fn sign(&self, message: &[u8]) -> Signature {
        let bytes = match &self.0 {
            Inner::Sr25519(pair) => pair.sign_simple(CONTEXT, message).to_bytes(),
            Inner::Ed25519(key) => key.sign(message).to_bytes(),
        };
        Signature { scheme: self.scheme(), bytes }
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({}:{})", self.scheme(), self.public().account)
    }
}
