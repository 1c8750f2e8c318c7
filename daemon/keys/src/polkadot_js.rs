//! Import of polkadot.js keystores: JSON, version 3, of both schemes.
//!
//! The secret inside has its scalar multiplied by 8 (the form of expanded ed25519 keys); key files
//! have it plain. Only `encoded` and `encoding` are needed; an `address` beside them is compared.
//! Keystores are never written.

use base64::{Engine, engine::general_purpose::STANDARD};
use btd_api::AccountId;
use crypto_secretbox::{KeyInit, Nonce, XSalsa20Poly1305, aead::Aead};
use serde::Deserialize;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{keyfile::KeyFileError, pair::KeyPair, scheme::Scheme, secret::Password};

/// PKCS#8 in front of the secret, and between it and the public key.
const HEADER: &[u8] = b"\x30\x53\x02\x01\x01\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
const DIVIDER: &[u8] = b"\xa1\x23\x03\x21\x00";
const SALT: usize = 32;
const NONCE: usize = 24;
/// Bounds on what a foreign file may ask for; exports have N = 2^15, r = 8, p = 1.
const MAX_LOG_N: u8 = 18;
const MAX_R: u32 = 8;
const MAX_P: u32 = 1;

#[derive(Deserialize)]
struct Keystore {
    encoded: String,
    encoding: Encoding,
    address: Option<String>,
}

#[derive(Deserialize)]
struct Encoding {
    content: Vec<String>,
    #[serde(rename = "type")]
    layers: OneOrMany,
    version: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn contains(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Many(many) => many.iter().any(|one| one == name),
        }
    }
}

fn damaged(what: &'static str) -> KeyFileError {
    KeyFileError::Damaged(format!("polkadot.js keystore: {what}"))
}

/// The pair inside. Blocking: one scrypt derivation of at most 256 MiB.
pub(crate) fn import(json: &[u8], passphrase: &Password) -> Result<KeyPair, KeyFileError> {
    import_with(json, passphrase, derive)
}

/// The same under a key that is not derived from anything: for fuzzing, which has no seconds.
pub(crate) fn import_underived(json: &[u8]) -> Result<KeyPair, KeyFileError> {
    import_with(json, &Password::new(""), |header, _| header.params().map(|_| Zeroizing::new([7; 32])))
}

fn import_with(
    json: &[u8],
    passphrase: &Password,
    derive: impl FnOnce(&Header<'_>, &Password) -> Result<Zeroizing<[u8; 32]>, KeyFileError>,
) -> Result<KeyPair, KeyFileError> {
    let keystore: Keystore = serde_json::from_slice(json)
        .map_err(|_| KeyFileError::NotAKeyFile("expected a polkadot.js keystore with `encoded` and `encoding`"))?;
    if keystore.encoding.version != "3" {
        return Err(damaged("only version 3 is known"));
    }
    let scheme = match keystore.encoding.content.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["pkcs8", "sr25519"] => Scheme::Sr25519,
        ["pkcs8", "ed25519"] => Scheme::Ed25519,
        _ => return Err(damaged("its content is neither an sr25519 nor an ed25519 key")),
    };
    if !keystore.encoding.layers.contains("xsalsa20-poly1305") {
        return Err(damaged("it is not encrypted with xsalsa20-poly1305"));
    }
    let encoded = STANDARD.decode(keystore.encoded.trim()).map_err(|_| damaged("`encoded` is not base64"))?;
    let (key, sealed) = if keystore.encoding.layers.contains("scrypt") {
        let header = Header::parse(&encoded)?;
        (derive(&header, passphrase)?, header.sealed)
    } else {
        (padded(passphrase), encoded.as_slice())
    };
    let (nonce, body) = sealed.split_at_checked(NONCE).ok_or_else(|| damaged("`encoded` is too short"))?;
    let plain = XSalsa20Poly1305::new(key.as_slice().into())
        .decrypt(Nonce::from_slice(nonce), body)
        .map(Zeroizing::new)
        .map_err(|_| KeyFileError::WrongPassword)?;
    let pair = open_pkcs8(scheme, &plain)?;
    if let Some(stated) = keystore.address {
        let stated = AccountId::from_any_format(&stated).map_err(|_| damaged("its `address` is not an address"))?;
        let derived = pair.public().account;
        if stated != derived {
            return Err(KeyFileError::AddressMismatch { stated, derived });
        }
    }
    Ok(pair)
}

/// What stands in front of the sealed part: `salt | N | p | r`, in this order.
struct Header<'a> {
    salt: &'a [u8],
    n: u32,
    p: u32,
    r: u32,
    sealed: &'a [u8],
}

impl<'a> Header<'a> {
    fn parse(encoded: &'a [u8]) -> Result<Self, KeyFileError> {
        let short = || damaged("`encoded` is too short");
        let (salt, rest) = encoded.split_at_checked(SALT).ok_or_else(short)?;
        let (numbers, sealed) = rest.split_first_chunk::<12>().ok_or_else(short)?;
        let [n, p, r] = [0, 4, 8].map(|at| {
            let mut bytes = [0; 4];
            bytes.copy_from_slice(&numbers[at..at + 4]);
            u32::from_le_bytes(bytes)
        });
        Ok(Self { salt, n, p, r, sealed })
    }

    /// The parameters, if they are within bounds.
    fn params(&self) -> Result<scrypt::Params, KeyFileError> {
        let log_n = u8::try_from(self.n.trailing_zeros()).unwrap_or(u8::MAX);
        if !self.n.is_power_of_two()
            || !(1..=MAX_LOG_N).contains(&log_n)
            || !(1..=MAX_R).contains(&self.r)
            || !(1..=MAX_P).contains(&self.p)
        {
            return Err(damaged("its scrypt parameters are out of bounds"));
        }
        scrypt::Params::new(log_n, self.r, self.p, 32).map_err(|_| damaged("its scrypt parameters are invalid"))
    }
}

fn derive(header: &Header<'_>, passphrase: &Password) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(passphrase.as_bytes(), header.salt, &header.params()?, key.as_mut_slice())
        .map_err(|_| damaged("its scrypt parameters are invalid"))?;
    Ok(key)
}

/// Without scrypt the key is the passphrase itself, followed by zeros (or cut) to 32 bytes.
fn padded(passphrase: &Password) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    for (to, from) in key.iter_mut().zip(passphrase.as_bytes()) {
        *to = *from;
    }
    key
}

fn open_pkcs8(scheme: Scheme, plain: &[u8]) -> Result<KeyPair, KeyFileError> {
    let malformed = || damaged("the decrypted content is not the PKCS#8 of a key pair");
    let rest = plain.strip_prefix(HEADER).ok_or_else(malformed)?;
    let (secret, rest) = rest.split_at_checked(64).ok_or_else(malformed)?;
    let public = rest.strip_prefix(DIVIDER).ok_or_else(malformed)?;
    let pair = match scheme {
        Scheme::Sr25519 => KeyPair::from_cofactored(secret)?,
        Scheme::Ed25519 => KeyPair::from_private_key(scheme, &secret[..32])?,
    };
    let same: bool = pair.public().account.as_bytes().ct_eq(public).into();
    if same { Ok(pair) } else { Err(damaged("its public key is not that of its secret")) }
}
