//! `$BTD_KEY`: btd's own encryption, which no Python tool reads. For who wants more than `$NACL`
//! gives: a random salt, so that equal passwords do not give equal keys, and Argon2id.
//!
//! ```text
//! $BTD_KEY;1;argon2id;xchacha20poly1305
//! note: …
//! key: sr25519 5Grw…
//! kdf: m=524288,t=4,p=1;1f2e…        memory in KiB, passes, lanes; salt of 32 bytes
//! nonce: 9a3b…                       24 bytes
//! sealed: …                          base64 of the ciphertext and its tag
//! ```
//!
//! Every byte before `sealed:`, and with them the address and the parameters, is the associated
//! data: none can be changed without the password. Lines end with `\n`, their order is fixed, hex
//! is lower case: a file has one form only. Parameters of a foreign file are bounded before any
//! memory is taken.

use argon2::{Algorithm, Params};
use base64::{Engine, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, OsRng, Payload, rand_core::RngCore},
};
use zeroize::Zeroizing;

use super::{KeyFileError, derivation, parse_address};
use crate::{
    scheme::{PublicKey, Scheme},
    secret::Password,
};

pub(super) const PREFIX: &[u8] = b"$BTD_KEY;";
const FIRST_LINE: &str = "$BTD_KEY;1;argon2id;xchacha20poly1305";
const NOTE: &str =
    "only btd reads this file, no Python tool does: `btctl wallet convert --to nacl` makes one for those";
const SALT: usize = 32;
const NONCE: usize = 24;

/// How dear one guess is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// In KiB.
    pub(crate) memory: u32,
    pub(crate) passes: u32,
    pub(crate) lanes: u32,
}

impl Cost {
    /// What is written: the memory of `$NACL`, half of its passes, and the id variant of Argon2
    /// (RFC 9106 asks for one pass at 2 GiB, or three at 64 MiB).
    pub(super) const USUAL: Self = Self { memory: 512 * 1024, passes: 4, lanes: 1 };
    /// The most that a file may ask for.
    const MOST: Self = Self { memory: 512 * 1024, passes: 16, lanes: 4 };

    fn params(self) -> Result<Params, KeyFileError> {
        let within =
            self.memory <= Self::MOST.memory && self.passes <= Self::MOST.passes && self.lanes <= Self::MOST.lanes;
        within
            .then(|| Params::new(self.memory, self.passes, self.lanes, Some(32)).ok())
            .flatten()
            .ok_or_else(|| damaged("its key derivation parameters are out of bounds"))
    }
}

fn damaged(what: &str) -> KeyFileError {
    KeyFileError::Damaged(format!("$BTD_KEY: {what}"))
}

/// A `$BTD_KEY` file taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sealed<'a> {
    /// Whose secret it says it holds; the password vouches for it, nothing before that does.
    pub(crate) public: PublicKey,
    cost: Cost,
    salt: [u8; SALT],
    nonce: [u8; NONCE],
    header: &'a str,
    body: Vec<u8>,
}

impl<'a> Sealed<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, KeyFileError> {
        let text = str::from_utf8(bytes).map_err(|_| damaged("not text"))?;
        let at = text.find("\nsealed: ").ok_or_else(|| damaged("it has no sealed part"))? + 1;
        let (header, sealed) = text.split_at(at);
        let mut lines = header.lines();
        if lines.next() != Some(FIRST_LINE) {
            return Err(damaged("only version 1 with argon2id and xchacha20poly1305 is known"));
        }
        let mut field = |name: &str| {
            lines
                .next()
                .and_then(|line| line.strip_prefix(name)?.strip_prefix(": "))
                .ok_or_else(|| damaged(&format!("the line `{name}` is not where it must be")))
        };
        field("note")?;
        let public = parse_public(field("key")?).ok_or_else(|| damaged("its key is not a scheme and an address"))?;
        let (cost, salt) = field("kdf")?.split_once(';').ok_or_else(|| damaged("it has no salt"))?;
        let cost = parse_cost(cost)?;
        let salt = exact_hex(salt).ok_or_else(|| damaged("its salt is not 32 bytes of hex"))?;
        let nonce = exact_hex(field("nonce")?).ok_or_else(|| damaged("its nonce is not 24 bytes of hex"))?;
        if lines.next().is_some() {
            return Err(damaged("it has more lines than it may"));
        }
        let body = sealed.strip_prefix("sealed: ").unwrap_or_default();
        let body = body.strip_suffix('\n').unwrap_or(body);
        let body = STANDARD.decode(body).map_err(|_| damaged("the sealed part is not base64"))?;
        Ok(Self { public, cost, salt, nonce, header, body })
    }

    /// The key of `password`. Blocking.
    pub(super) fn derive(&self, password: &Password) -> Result<derivation::Key, KeyFileError> {
        derivation::argon2(Algorithm::Argon2id, self.cost.params()?, password, &self.salt)
    }

    pub(super) fn open(&self, key: &derivation::Key) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
        XChaCha20Poly1305::new(key.as_slice().into())
            .decrypt(XNonce::from_slice(&self.nonce), Payload { msg: &self.body, aad: self.header.as_bytes() })
            .map(Zeroizing::new)
            .map_err(|_| KeyFileError::WrongPassword)
    }
}

/// `m=524288,t=4,p=1`, within bounds and in this form only.
fn parse_cost(text: &str) -> Result<Cost, KeyFileError> {
    let mut parts = text.split(',');
    let mut number = |name: &str| {
        let digits = parts.next()?.strip_prefix(name)?;
        digits.parse::<u32>().ok().filter(|number| number.to_string() == digits)
    };
    let cost = (|| Some(Cost { memory: number("m=")?, passes: number("t=")?, lanes: number("p=")? }))();
    let cost = cost.filter(|_| parts.next().is_none()).ok_or_else(|| damaged("its key derivation is malformed"))?;
    cost.params().map(|_| cost)
}

/// `sr25519 5Grw…`.
fn parse_public(text: &str) -> Option<PublicKey> {
    let (scheme, address) = text.split_once(' ')?;
    let scheme = [Scheme::Sr25519, Scheme::Ed25519].into_iter().find(|known| known.name() == scheme)?;
    Some(PublicKey { scheme, account: parse_address(address).filter(|account| account.to_string() == address)? })
}

fn exact_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    (hex::encode(bytes) == text).then_some(bytes)
}

/// The file that holds `plain`, the content of `public`'s key file, under `password`. Blocking.
pub(crate) fn seal(plain: &[u8], public: &PublicKey, password: &Password, cost: Cost) -> Result<Vec<u8>, KeyFileError> {
    let (mut salt, mut nonce) = ([0; SALT], [0; NONCE]);
    OsRng.fill_bytes(&mut salt);
    OsRng.fill_bytes(&mut nonce);
    let Cost { memory, passes, lanes } = cost;
    let PublicKey { scheme, account } = public;
    let header = format!(
        "{FIRST_LINE}\nnote: {NOTE}\nkey: {scheme} {account}\nkdf: m={memory},t={passes},p={lanes};{}\nnonce: {}\n",
        hex::encode(salt),
        hex::encode(nonce),
    );
    let key = derivation::argon2(Algorithm::Argon2id, cost.params()?, password, &salt)?;
    let body = XChaCha20Poly1305::new(key.as_slice().into())
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: plain, aad: header.as_bytes() })
        .map_err(|_| damaged("the content is too long to encrypt"))?;
    Ok(format!("{header}sealed: {}\n", STANDARD.encode(body)).into_bytes())
}

#[cfg(test)]
mod tests {
    use btd_api::AccountId;

    use super::*;

    const LIGHT: Cost = Cost { memory: 16, passes: 1, lanes: 1 };
    const PLAIN: &[u8] = b"{\"secretSeed\":\"...\"}";

    const PUBLIC: PublicKey = PublicKey { scheme: Scheme::Ed25519, account: AccountId([7; 32]) };

    fn file() -> String {
        String::from_utf8(seal(PLAIN, &PUBLIC, &Password::new("pässword"), LIGHT).unwrap()).unwrap()
    }

    fn open(text: &str, password: &str) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
        let sealed = Sealed::parse(text.as_bytes())?;
        sealed.open(&sealed.derive(&Password::new(password))?)
    }

    #[test]
    fn what_is_sealed_opens_with_its_password_only() {
        let file = file();
        assert!(file.starts_with("$BTD_KEY;1;argon2id;xchacha20poly1305\nnote: only btd reads this file"));
        assert_eq!(*open(&file, "pässword").unwrap(), PLAIN);
        assert_eq!(open(&file, "passwort").unwrap_err(), KeyFileError::WrongPassword);
        assert_eq!(Sealed::parse(file.as_bytes()).unwrap().public, PUBLIC);
    }

    #[test]
    fn equal_passwords_give_different_keys() {
        let (one, two) = (file(), file());
        let salt = |text: &str| text.lines().nth(3).unwrap().to_owned();
        assert_ne!(salt(&one), salt(&two));
    }

    #[test]
    fn no_byte_can_be_changed() {
        let file = file();
        for at in 0..file.len() {
            let mut bytes = file.clone().into_bytes();
            bytes[at] ^= 1;
            let Ok(text) = String::from_utf8(bytes) else { continue };
            // The line end at the end carries nothing.
            assert!(open(&text, "pässword").is_err() || at + 1 == file.len(), "{at}: {text}");
        }
    }

    #[test]
    fn a_hostile_file_cannot_ask_for_much() {
        let file = file();
        for kdf in ["m=524289,t=1,p=1", "m=16,t=65,p=1", "m=1600,t=1,p=17", "m=7,t=1,p=1", "m=16,t=0,p=1", "m=16,t=1"] {
            let text = file.replace("m=16,t=1,p=1", kdf);
            assert!(matches!(open(&text, "pässword"), Err(KeyFileError::Damaged(_))), "{kdf}");
        }
        for kdf in ["m=+16,t=1,p=1", "m=016,t=1,p=1", "m=16,t=1,p=1,x=1", "m=99999999999,t=1,p=1"] {
            let text = file.replace("m=16,t=1,p=1", kdf);
            assert!(matches!(open(&text, "pässword"), Err(KeyFileError::Damaged(_))), "{kdf}");
        }
    }
}
