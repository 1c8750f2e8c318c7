//! Fernet tokens, the encryption of the first releases. Read only.
//!
//! `0x80 | time | iv | AES-128-CBC | HMAC-SHA256` in URL-safe base64. The key is ten million rounds
//! of PBKDF2-HMAC-SHA256 under a salt that is a sentence. The time is not checked: it is when the
//! file was written.

use aes::cipher::{BlockDecryptMut, KeyIvInit, block_padding::Pkcs7};
use base64::{Engine, engine::general_purpose::URL_SAFE};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::KeyFileError;
use crate::secret::Password;

/// Version byte 0x80 and the leading zeros of the time, in base64.
pub(super) const PREFIX: &[u8] = b"gAAAAA";
const SALT: &[u8] = b"Iguesscyborgslikemyselfhaveatendencytobeparanoidaboutourorigins";
const ROUNDS: u32 = 10_000_000;
const HEADER: usize = 1 + 8 + 16;
const TAG: usize = 32;

fn damaged(what: &str) -> KeyFileError {
    KeyFileError::Damaged(format!("Fernet token: {what}"))
}

pub(super) fn derive(password: &Password) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), SALT, ROUNDS, key.as_mut_slice());
    key
}

pub(super) fn decrypt(bytes: &[u8], password: &Password) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let token = Token::parse(bytes)?;
    token.open(&derive(password))
}

/// A token taken apart.
pub(super) struct Token {
    bytes: Vec<u8>,
}

impl Token {
    pub(super) fn parse(text: &[u8]) -> Result<Self, KeyFileError> {
        let bytes = URL_SAFE.decode(text.trim_ascii()).map_err(|_| damaged("not base64"))?;
        let body = bytes.len().checked_sub(HEADER + TAG).ok_or_else(|| damaged("too short"))?;
        if body == 0 || body % 16 != 0 {
            return Err(damaged("not a whole number of cipher blocks"));
        }
        Ok(Self { bytes })
    }

    pub(super) fn open(&self, key: &[u8; 32]) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
        let (signing, cipher_key) = key.split_at(16);
        let (signed, tag) = self.bytes.split_at(self.bytes.len() - TAG);
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(signing).expect("a key of any length");
        mac.update(signed);
        mac.verify_slice(tag).map_err(|_| KeyFileError::WrongPassword)?;

        let (header, body) = signed.split_at(HEADER);
        let iv = &header[9..];
        let mut plain = Zeroizing::new(body.to_vec());
        let length = cbc::Decryptor::<aes::Aes128>::new(cipher_key.into(), iv.into())
            .decrypt_padded_mut::<Pkcs7>(&mut plain)
            .map_err(|_| damaged("the padding is malformed"))?
            .len();
        plain.truncate(length);
        Ok(plain)
    }
}
