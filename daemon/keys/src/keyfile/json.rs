//! The plain content of key files: the JSON object of every release, and the bare texts that some
//! accept in its place.
//!
//! Of several secrets the phrase wins, then the seed, then the private key, as in all wallets
//! since 2.0. The address that the file states is compared with the one derived; when it belongs
//! to the secret under the *other* scheme (old ed25519 files carry no `cryptoType`), that scheme
//! is taken, as SDK 11 does. Releases 2.0 to 4.0 reject any number in the object, so `cryptoType`
//! is written for ed25519 only, which those releases cannot use anyway.

use serde::{Deserialize, de::IgnoredAny};
use zeroize::Zeroizing;

use super::{KeyFileError, parse_address, parse_scheme};
use crate::{
    key::Key,
    mnemonic::Mnemonic,
    pair::KeyError,
    scheme::{PublicKey, Scheme},
    secret::{SecretText, Seed, decode_hex},
};

/// The two ways in which wallets lay out the same object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// Without spaces, absent fields left out: wallets since 2.0.
    #[default]
    Compact,
    /// Python's `json.dumps`: spaces after `,` and `:`, absent fields `null`: SDK 6 and wallet 1.
    Spaced,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    secret_phrase: Option<SecretText>,
    secret_seed: Option<SecretText>,
    private_key: Option<SecretText>,
    ss58_address: Option<String>,
    /// An old writer's slip of the key.
    #[serde(rename = " ss58Address")]
    spaced_address: Option<String>,
    #[serde(default)]
    crypto_type: serde_json::Value,
    encoded: Option<IgnoredAny>,
    encoding: Option<IgnoredAny>,
}

impl Fields {
    fn parse(bytes: &[u8]) -> Result<Self, KeyFileError> {
        let fields: Self = serde_json::from_slice(bytes).map_err(|error| {
            // The position and the kind only: the message of a data error may quote what stands there.
            let what = match error.classify() {
                serde_json::error::Category::Eof => "the JSON ends too early",
                serde_json::error::Category::Data => "a field of the JSON has the wrong type",
                serde_json::error::Category::Syntax | serde_json::error::Category::Io => "the JSON is malformed",
            };
            KeyFileError::Damaged(format!("{what} (line {}, column {})", error.line(), error.column()))
        })?;
        if fields.encoded.is_some() && fields.encoding.is_some() { Err(KeyFileError::PolkadotJs) } else { Ok(fields) }
    }

    fn stated(&self) -> Result<Option<btd_api::AccountId>, KeyFileError> {
        let Some(text) = self.ss58_address.as_ref().or(self.spaced_address.as_ref()) else { return Ok(None) };
        parse_address(text)
            .map(Some)
            .ok_or_else(|| KeyFileError::Damaged("its ss58Address is not an address".to_owned()))
    }

    fn key(&self, scheme: Scheme) -> Option<Result<Key, KeyError>> {
        if let Some(phrase) = &self.secret_phrase {
            Some(Mnemonic::parse(phrase.as_str()).map(|mnemonic| Key::from_mnemonic(scheme, mnemonic, None)))
        } else if let Some(seed) = &self.secret_seed {
            Some(Seed::from_hex(seed.as_str()).ok_or(KeyError::Seed).map(|seed| Key::from_seed(scheme, seed)))
        } else {
            self.private_key.as_ref().map(|private| private_key(scheme, private.as_str()))
        }
    }
}

fn private_key(scheme: Scheme, text: &str) -> Result<Key, KeyError> {
    if let Some(bytes) = decode_hex::<64>(text) {
        Key::from_private_key(scheme, bytes.as_slice())
    } else if let Some(bytes) = decode_hex::<32>(text) {
        Key::from_private_key(scheme, bytes.as_slice())
    } else {
        Err(KeyError::PrivateKey(scheme))
    }
}

/// The key in the plain content of a secret file.
pub(super) fn parse_secret(bytes: &[u8]) -> Result<Key, KeyFileError> {
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return parse_bare_secret(bytes);
    }
    let fields = Fields::parse(bytes)?;
    let stated = fields.stated()?;
    let declared = parse_scheme(&fields.crypto_type)?.unwrap_or_default();
    let Some(first) = fields.key(declared) else {
        return Err(stated.map_or(
            KeyFileError::NotAKeyFile("it has none of secretPhrase, secretSeed, privateKey, ss58Address"),
            KeyFileError::PublicOnly,
        ));
    };
    let Some(stated) = stated else { return Ok(first?) };
    if let Ok(key) = &first
        && key.public().account == stated
    {
        return Ok(first?);
    }
    match fields.key(declared.other()) {
        Some(Ok(key)) if key.public().account == stated => Ok(key),
        _ => Err(KeyFileError::AddressMismatch { stated, derived: first?.public().account }),
    }
}

/// A seed, a private key or a phrase without any JSON, as SDK 11 takes it.
fn parse_bare_secret(bytes: &[u8]) -> Result<Key, KeyFileError> {
    const NOT: KeyFileError = KeyFileError::NotAKeyFile("expected JSON, a seed or private key in hex, or a mnemonic");
    let text = str::from_utf8(bytes).map_err(|_| NOT)?.trim();
    if text.is_empty() {
        return Err(KeyFileError::NotAKeyFile("it is empty"));
    }
    if let Some(seed) = Seed::from_hex(text) {
        return Ok(Key::from_seed(Scheme::Sr25519, seed));
    }
    if let Some(private) = decode_hex::<64>(text) {
        return Ok(Key::from_private_key(Scheme::Sr25519, private.as_slice())?);
    }
    match Mnemonic::parse(text) {
        Ok(mnemonic) => Ok(Key::from_mnemonic(Scheme::Sr25519, mnemonic, None)),
        // Of text that is words, but not quite a mnemonic, the reason helps.
        Err(error @ KeyError::Checksum) => Err(error.into()),
        Err(_) => Err(NOT),
    }
}

/// The public key that the content of a public (or plain secret) file states.
pub(super) fn parse_public(bytes: &[u8]) -> Result<PublicKey, KeyFileError> {
    if !bytes.trim_ascii_start().starts_with(b"{") {
        let text = str::from_utf8(bytes).unwrap_or_default().trim();
        return match decode_hex::<32>(text) {
            Some(account) if text.starts_with("0x") => {
                Ok(PublicKey { scheme: Scheme::Sr25519, account: (*account).into() })
            }
            _ => Err(KeyFileError::NotAKeyFile("expected JSON or a 0x public key")),
        };
    }
    let fields = Fields::parse(bytes)?;
    let scheme = parse_scheme(&fields.crypto_type)?.unwrap_or_default();
    let account = fields.stated()?.ok_or(KeyFileError::NotAKeyFile("it has no ss58Address"))?;
    Ok(PublicKey { scheme, account })
}

/// Writes `(name, value)` pairs as one JSON object. No value needs escaping: all are hex,
/// addresses, or lower-case words.
struct Object {
    text: Zeroizing<Vec<u8>>,
    shape: Shape,
}

impl Object {
    fn new(shape: Shape) -> Self {
        // Room for everything at once: growing would leave copies of secrets behind. The longest
        // object has 24 words of at most eight letters and is below 800 bytes.
        Self { text: Zeroizing::new(Vec::with_capacity(1024)), shape }
    }

    fn name(&mut self, name: &str) {
        let (comma, colon): (&[u8], &[u8]) = match self.shape {
            Shape::Compact => (b",\"", b"\":"),
            Shape::Spaced => (b", \"", b"\": "),
        };
        let before = if self.text.is_empty() { b"{\"" } else { comma };
        self.text.extend_from_slice(before);
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(colon);
    }

    fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        self.text.push(b'"');
        self.text.extend_from_slice(value.as_bytes());
        self.text.push(b'"');
    }

    fn hex(&mut self, name: &str, value: &[u8]) {
        let digits = Zeroizing::new(hex::encode(value));
        self.name(name);
        self.text.extend_from_slice(b"\"0x");
        self.text.extend_from_slice(digits.as_bytes());
        self.text.push(b'"');
    }

    fn absent(&mut self, name: &str) {
        match self.shape {
            Shape::Compact => {}
            Shape::Spaced => {
                self.name(name);
                self.text.extend_from_slice(b"null");
            }
        }
    }

    fn finish(mut self, public: &PublicKey) -> Zeroizing<Vec<u8>> {
        self.text("ss58Address", &public.account.to_string());
        match public.scheme {
            Scheme::Sr25519 => {}
            Scheme::Ed25519 => {
                self.name("cryptoType");
                self.text.push(b'0');
            }
        }
        self.text.push(b'}');
        self.text
    }
}

/// The plain content of the secret file of `key`.
pub(super) fn render(key: &Key, shape: Shape) -> Zeroizing<Vec<u8>> {
    let public = key.public();
    let mut object = Object::new(shape);
    object.hex("accountId", public.account.as_bytes());
    object.hex("publicKey", public.account.as_bytes());
    object.hex("privateKey", &key.pair().private_key());
    match key.mnemonic() {
        Some(mnemonic) => object.text("secretPhrase", &mnemonic.expose()),
        None => object.absent("secretPhrase"),
    }
    match key.seed() {
        Some(seed) => object.hex("secretSeed", seed.expose()),
        None => object.absent("secretSeed"),
    }
    object.finish(&public)
}

/// The content of the public file of `public`.
pub(super) fn render_public(public: &PublicKey, shape: Shape) -> Vec<u8> {
    let mut object = Object::new(shape);
    object.hex("accountId", public.account.as_bytes());
    object.hex("publicKey", public.account.as_bytes());
    object.absent("privateKey");
    object.absent("secretPhrase");
    object.absent("secretSeed");
    object.finish(public).to_vec()
}
