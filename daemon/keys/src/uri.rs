//! Secret URIs: words, a `0x` seed, or nothing (the well-known development phrase), followed by
//! `/soft` and `//hard` junctions and perhaps `///password`.
//!
//! Parsing is sp-core's, so the texts accepted are exactly those of Substrate's own tools.

use std::str::FromStr;

use sp_core::crypto::{ExposeSecret, SecretUri};

use crate::{
    mnemonic::Mnemonic,
    pair::{KeyError, KeyPair},
    scheme::Scheme,
    secret::{Password, Seed},
};

/// The pair that `text` names, such as `//Alice`.
pub(crate) fn pair(scheme: Scheme, text: &str) -> Result<KeyPair, KeyError> {
    let uri = SecretUri::from_str(text).map_err(|_| KeyError::Uri)?;
    let phrase = uri.phrase.expose_secret();
    let seed = if phrase.starts_with("0x") {
        Seed::from_hex(phrase).ok_or(KeyError::Seed)?
    } else {
        let password = uri.password.as_ref().map(|password| Password::new(password.expose_secret().as_str()));
        Mnemonic::parse(phrase)?.seed(password.as_ref())
    };
    KeyPair::from_seed(scheme, &seed).derive(&uri.junctions)
}
