//! Ansible vault 1.1, the encryption of wallets before 2024. Written for tools of that time only:
//! ten thousand rounds of PBKDF2 are little.
//!
//! A header line, then hex of `hex(salt) \n hex(hmac) \n hex(ciphertext)`, broken into lines of 80.
//! PBKDF2-HMAC-SHA256 with 10,000 rounds gives the AES-256-CTR key, the HMAC key and the counter.

use aes::cipher::{KeyIvInit, StreamCipher};
use crypto_secretbox::aead::{OsRng, rand_core::RngCore};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::KeyFileError;
use crate::secret::Password;

pub(super) const PREFIX: &[u8] = b"$ANSIBLE_VAULT";
const HEADER: &str = "$ANSIBLE_VAULT;1.1;AES256";
/// Hex digits on a line.
const WIDTH: usize = 80;
const BLOCK: usize = 16;
const ROUNDS: u32 = 10_000;

fn damaged(what: &str) -> KeyFileError {
    KeyFileError::Damaged(format!("Ansible vault: {what}"))
}

pub(super) fn decrypt(bytes: &[u8], password: &Password) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let text = str::from_utf8(bytes).map_err(|_| damaged("not text"))?;
    let (header, body) = text.split_once('\n').ok_or_else(|| damaged("it has one line only"))?;
    if header.trim_end() != HEADER {
        return Err(damaged("only version 1.1 with AES256 is known"));
    }
    let digits: String = body.split_whitespace().collect();
    let inner = hex::decode(digits).map_err(|_| damaged("the body is not hex"))?;
    let mut parts = inner
        .split(|&byte| byte == b'\n')
        .map(|part| hex::decode(part).map_err(|_| damaged("the body is not hex in hex")));
    let mut part = || parts.next().unwrap_or_else(|| Err(damaged("it has fewer than three parts")));
    let (salt, tag, mut plain) = (part()?, part()?, Zeroizing::new(part()?));

    let keys = Keys::derive(password, &salt);
    keys.mac(&plain).verify_slice(&tag).map_err(|_| KeyFileError::WrongPassword)?;
    keys.apply(&mut plain);
    let padding = plain.last().map_or(0, |&byte| usize::from(byte));
    let length = plain.len().checked_sub(padding).filter(|_| (1..=16).contains(&padding));
    plain.truncate(length.ok_or_else(|| damaged("the padding is malformed"))?);
    Ok(plain)
}

/// The file that holds `plain` under `password`, with a fresh salt.
pub(super) fn encrypt(plain: &[u8], password: &Password) -> Vec<u8> {
    let mut salt = [0; 32];
    OsRng.fill_bytes(&mut salt);
    encrypt_salted(plain, password, salt)
}

pub(super) fn encrypt_salted(plain: &[u8], password: &Password, salt: [u8; 32]) -> Vec<u8> {
    let padding = BLOCK - plain.len() % BLOCK;
    let mut body = Zeroizing::new(vec![u8::try_from(padding).unwrap_or_default(); plain.len() + padding]);
    body[..plain.len()].copy_from_slice(plain);
    let keys = Keys::derive(password, &salt);
    keys.apply(&mut body);
    let tag = keys.mac(&body).finalize().into_bytes();
    let inner = [hex::encode(salt), hex::encode(tag), hex::encode(&*body)].join("\n");
    let mut text = format!("{HEADER}\n").into_bytes();
    for line in hex::encode(inner).as_bytes().chunks(WIDTH) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text
}

/// The cipher's key and counter, and the key of the HMAC.
struct Keys(Zeroizing<[u8; 80]>);

impl Keys {
    fn derive(password: &Password, salt: &[u8]) -> Self {
        let mut keys = Zeroizing::new([0; 80]);
        pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, ROUNDS, keys.as_mut_slice());
        Self(keys)
    }

    fn mac(&self, ciphertext: &[u8]) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0[32..64]).expect("a key of any length");
        mac.update(ciphertext);
        mac
    }

    /// Encrypts what is plain and the other way round.
    fn apply(&self, bytes: &mut [u8]) {
        ctr::Ctr128BE::<aes::Aes256>::new(self.0[..32].into(), self.0[64..].into()).apply_keystream(bytes);
    }
}
