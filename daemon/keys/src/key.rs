//! A key pair with what is known of its origin: the words or the seed it was born from.
//!
//! This is what a secret key file holds. Once unlocked for use, only the pair is kept.

use std::fmt;

use crate::{
    keyfile::KeyFileError,
    mnemonic::{Mnemonic, WordCount},
    pair::{KeyError, KeyPair},
    polkadot_js,
    scheme::{PublicKey, Scheme},
    secret::{Password, Seed},
    uri,
};

/// A secret key and its origin. Wiped when dropped; prints its address only.
pub struct Key {
    pair: KeyPair,
    seed: Option<Seed>,
    mnemonic: Option<Mnemonic>,
}

// === impl Key ===

impl Key {
    /// A new key from the operating system's randomness, with its words.
    pub fn generate(scheme: Scheme, words: WordCount) -> Self {
        Self::from_mnemonic(scheme, Mnemonic::generate(words), None)
    }

    /// The key of a phrase. Under a derivation password the words alone would restore another
    /// key, so they are not kept, as in every peer; the seed is.
    pub fn from_mnemonic(scheme: Scheme, mnemonic: Mnemonic, derivation: Option<&Password>) -> Self {
        let seed = mnemonic.seed(derivation);
        Self {
            pair: KeyPair::from_seed(scheme, &seed),
            seed: Some(seed),
            mnemonic: derivation.is_none().then_some(mnemonic),
        }
    }

    /// The key of a seed.
    pub fn from_seed(scheme: Scheme, seed: Seed) -> Self {
        Self { pair: KeyPair::from_seed(scheme, &seed), seed: Some(seed), mnemonic: None }
    }

    /// The key of a private key in the form of key files: 64 bytes for sr25519, 32 for ed25519.
    pub fn from_private_key(scheme: Scheme, private: &[u8]) -> Result<Self, KeyError> {
        KeyPair::from_private_key(scheme, private).map(Self::from)
    }

    /// The key of a secret URI such as `//Alice` or `words//junction///password`.
    pub fn from_uri(scheme: Scheme, text: &str) -> Result<Self, KeyError> {
        uri::pair(scheme, text).map(Self::from)
    }

    /// The key of a polkadot.js keystore (JSON, version 3). Blocking: one scrypt derivation.
    pub fn from_polkadot_js(json: &[u8], passphrase: &Password) -> Result<Self, KeyFileError> {
        polkadot_js::import(json, passphrase).map(Self::from)
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        self.pair.public()
    }

    /// The pair that signs.
    pub fn pair(&self) -> &KeyPair {
        &self.pair
    }

    /// The pair that signs, letting go of its origin.
    pub fn into_pair(self) -> KeyPair {
        self.pair
    }

    /// The words, if the key was born from words alone.
    pub fn mnemonic(&self) -> Option<&Mnemonic> {
        self.mnemonic.as_ref()
    }

    /// The seed, if the key was born from words or a seed.
    pub fn seed(&self) -> Option<&Seed> {
        self.seed.as_ref()
    }
}

impl From<KeyPair> for Key {
    fn from(pair: KeyPair) -> Self {
        Self { pair, seed: None, mnemonic: None }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}:{})", self.pair.scheme(), self.public().account)
    }
}
