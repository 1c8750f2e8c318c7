//! Ansible vault 1.1, the encryption of wallets before 2024. Read only.
//!
//! A header line, then hex of `hex(salt) \n hex(hmac) \n hex(ciphertext)`, broken into lines of 80.
//! PBKDF2-HMAC-SHA256 with 10,000 rounds gives the AES-256-CTR key, the HMAC key and the counter.

use aes::cipher::{KeyIvInit, StreamCipher};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::KeyFileError;
use crate::secret::Password;

pub(super) const PREFIX: &[u8] = b"$ANSIBLE_VAULT";
const ROUNDS: u32 = 10_000;

fn damaged(what: &str) -> KeyFileError {
    KeyFileError::Damaged(format!("Ansible vault: {what}"))
}

pub(super) fn decrypt(bytes: &[u8], password: &Password) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let text = str::from_utf8(bytes).map_err(|_| damaged("not text"))?;
    let (header, body) = text.split_once('\n').ok_or_else(|| damaged("it has one line only"))?;
    if header.trim_end() != "$ANSIBLE_VAULT;1.1;AES256" {
        return Err(damaged("only version 1.1 with AES256 is known"));
    }
    let digits: String = body.split_whitespace().collect();
    let inner = hex::decode(digits).map_err(|_| damaged("the body is not hex"))?;
    let mut parts = inner
        .split(|&byte| byte == b'\n')
        .map(|part| hex::decode(part).map_err(|_| damaged("the body is not hex in hex")));
    let mut part = || parts.next().unwrap_or_else(|| Err(damaged("it has fewer than three parts")));
    let (salt, tag, mut plain) = (part()?, part()?, Zeroizing::new(part()?));

    let mut keys = Zeroizing::new([0; 80]);
    pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), &salt, ROUNDS, keys.as_mut_slice());
    let (cipher_key, rest) = keys.split_at(32);
    let (mac_key, counter) = rest.split_at(32);

    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(mac_key).expect("a key of any length");
    mac.update(&plain);
    mac.verify_slice(&tag).map_err(|_| KeyFileError::WrongPassword)?;

    ctr::Ctr128BE::<aes::Aes256>::new(cipher_key.into(), counter.into()).apply_keystream(&mut plain);
    let padding = plain.last().map_or(0, |&byte| usize::from(byte));
    let length = plain.len().checked_sub(padding).filter(|_| (1..=16).contains(&padding));
    plain.truncate(length.ok_or_else(|| damaged("the padding is malformed"))?);
    Ok(plain)
}
