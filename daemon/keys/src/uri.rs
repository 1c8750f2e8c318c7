//! Secret URIs: words, a `0x` seed, or nothing (the well-known development phrase), followed by
//! `/soft` and `//hard` junctions and perhaps `///password`.
//!
//! Parsing is sp-core's, so the texts accepted are exactly those of Substrate's own tools.

use std::str::FromStr;

use sp_core::crypto::{DeriveJunction, ExposeSecret, SecretUri};

use crate::{
    mnemonic::Mnemonic,
    pair::{KeyError, KeyPair},
    scheme::Scheme,
    secret::{Password, Seed},
};

/// A secret URI taken apart.
pub(crate) struct Parsed {
    root: Root,
    junctions: Vec<DeriveJunction>,
}

enum Root {
    Seed(Seed),
    Words(Mnemonic, Option<Password>),
}

impl Parsed {
    /// The key at the end of the path; of words after 2048 rounds of PBKDF2.
    pub(crate) fn pair(&self, scheme: Scheme) -> Result<KeyPair, KeyError> {
        let seed = match &self.root {
            Root::Seed(seed) => seed,
            Root::Words(words, password) => &words.seed(password.as_ref()),
        };
        KeyPair::from_seed(scheme, seed).derive(&self.junctions)
    }

    /// Whether the key costs no stretching.
    pub(crate) fn is_quick(&self) -> bool {
        matches!(self.root, Root::Seed(_))
    }
}

/// Reads a text such as `//Alice`.
pub(crate) fn parse(text: &str) -> Result<Parsed, KeyError> {
    let uri = SecretUri::from_str(text).map_err(|_| KeyError::Uri)?;
    let phrase = uri.phrase.expose_secret();
    let root = if phrase.starts_with("0x") {
        Root::Seed(Seed::from_hex(phrase).ok_or(KeyError::Seed)?)
    } else {
        let password = uri.password.as_ref().map(|password| Password::new(password.expose_secret().as_str()));
        Root::Words(Mnemonic::parse(phrase)?, password)
    };
    Ok(Parsed { root, junctions: uri.junctions })
}

/// The pair that `text` names.
pub(crate) fn pair(scheme: Scheme, text: &str) -> Result<KeyPair, KeyError> {
    parse(text)?.pair(scheme)
}
