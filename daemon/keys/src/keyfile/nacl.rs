//! `$NACL`: Argon2i 1.3 over the password under a salt that is the same for everybody, then
//! libsodium's crypto_secretbox.
//!
//! One derivation takes seconds and 512 MiB. How many run at once is for the caller to bound.

use argon2::{Algorithm, Params};
use crypto_secretbox::{
    AeadCore, KeyInit, Nonce, XSalsa20Poly1305,
    aead::{Aead, OsRng},
};
use zeroize::Zeroizing;

use super::{KeyFileError, derivation};
use crate::secret::Password;

pub(super) const PREFIX: &[u8] = b"$NACL";

/// libsodium's `OPSLIMIT_SENSITIVE` and `MEMLIMIT_SENSITIVE` of Argon2i, in passes and KiB.
const PASSES: u32 = 8;
const MEMORY_KIB: u32 = 512 * 1024;
const SALT: [u8; 16] = [0x13, 0x71, 0x83, 0xdf, 0xf1, 0x5a, 0x09, 0xbc, 0x9c, 0x90, 0xb5, 0x51, 0x87, 0x39, 0xe9, 0xb1];
const NONCE: usize = 24;
const TAG: usize = 16;

pub(super) type DerivedKey = derivation::Key;

/// The key of a password.
pub(super) fn derive(password: &Password) -> Result<DerivedKey, KeyFileError> {
    #[expect(clippy::expect_used, reason = "the constants are within the bounds that Params checks")]
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32)).expect("valid parameters");
    derivation::argon2(Algorithm::Argon2i, params, password, &SALT)
}

/// A `$NACL` file taken apart.
pub(super) struct Sealed<'a> {
    nonce: Nonce,
    /// The tag and the ciphertext.
    body: &'a [u8],
}

impl<'a> Sealed<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, KeyFileError> {
        let damaged = || KeyFileError::Damaged(format!("$NACL data of {} bytes is too short", bytes.len()));
        let rest = bytes.strip_prefix(PREFIX).ok_or_else(damaged)?;
        let (nonce, body) = rest.split_at_checked(NONCE).filter(|(_, body)| body.len() >= TAG).ok_or_else(damaged)?;
        Ok(Self { nonce: *Nonce::from_slice(nonce), body })
    }

    pub(super) fn open(&self, key: &DerivedKey) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
        XSalsa20Poly1305::new(key.as_slice().into())
            .decrypt(&self.nonce, self.body)
            .map(Zeroizing::new)
            .map_err(|_| KeyFileError::WrongPassword)
    }
}

/// The file that holds `plain` under `key`, with a fresh nonce.
pub(super) fn seal(plain: &[u8], key: &DerivedKey) -> Result<Vec<u8>, KeyFileError> {
    let nonce = XSalsa20Poly1305::generate_nonce(&mut OsRng);
    let body = XSalsa20Poly1305::new(key.as_slice().into())
        .encrypt(&nonce, plain)
        .map_err(|_| KeyFileError::Damaged("the content is too long to encrypt".to_owned()))?;
    Ok([PREFIX, nonce.as_slice(), &body].concat())
}
