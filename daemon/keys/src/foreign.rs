//! Every parser of foreign bytes, one function each, without the seconds of key derivation: what
//! the fuzz targets feed.
//!
//! Each takes whatever lies there and must return. Where something is accepted, it also checks what
//! must hold of it then (what was read can be written and read again as the same), and panics if it
//! does not.
#![doc(hidden)]

use crate::{
    environment,
    key::Key,
    keyfile::{self, KeyFile, PublicKeyFile, Shape},
    mnemonic::Mnemonic,
    polkadot_js,
    scheme::Scheme,
    secret::{Password, Seed},
    uri,
};

/// A parser of foreign bytes under its name.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("key_file", key_file),
    ("public_file", public_file),
    ("keystore", keystore),
    ("mnemonic", mnemonic),
    ("address", address),
    ("uri", secret_uri),
    ("environment", obfuscated),
    ("sealed_box", sealed_box),
];

fn key_file(bytes: &[u8]) {
    let file = KeyFile::from_bytes(bytes.to_vec());
    let _ = file.stated();
    if let Ok(key) = keyfile::open_underived(&file) {
        for shape in [Shape::Compact, Shape::Spaced] {
            let written = KeyFile::plain(&key, shape);
            let again = written.open(None).map(|again| (again.public(), again.pair().private_key()));
            assert_eq!(again, Ok((key.public(), key.pair().private_key())), "a key does not survive being written");
        }
    }
}

fn public_file(bytes: &[u8]) {
    if let Ok(file) = PublicKeyFile::parse(bytes) {
        assert_eq!(PublicKeyFile::parse(&file.render(Shape::Compact)), Ok(file));
    }
}

fn keystore(bytes: &[u8]) {
    if let Ok(pair) = polkadot_js::import_underived(bytes) {
        let key = Key::from(pair);
        assert!(KeyFile::plain(&key, Shape::Compact).open(None).is_ok(), "an imported key cannot be written");
    }
}

fn mnemonic(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(mnemonic) = Mnemonic::parse(text) {
        let words = mnemonic.expose();
        assert!(text.split_whitespace().eq(words.split(' ')), "other words than were given");
    }
}

fn address(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Some(account) = keyfile::parse_address(text) {
        assert_eq!(account.to_string().parse(), Ok(account));
    }
    if let Ok(account) = text.parse::<btd_api::AccountId>() {
        assert_eq!(account.to_string(), text, "an address has one form only");
    }
}

fn secret_uri(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(parsed) = uri::parse(text)
        && parsed.is_quick()
    {
        for scheme in [Scheme::Sr25519, Scheme::Ed25519] {
            let _ = parsed.pair(scheme);
        }
    }
}

fn obfuscated(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let name = "BT_PW__WALLETS_W_COLDKEY";
    if let Ok(password) = environment::reveal(name, text) {
        assert_eq!(environment::obfuscate(name, &password), text, "an obfuscated password has one form only");
    }
    let _ = environment::reveal(text, "MjUsIyAwLSx+f3Y=");
    let _ = Password::new(text);
}

fn sealed_box(bytes: &[u8]) {
    let key = Key::from_seed(Scheme::Ed25519, Seed::new([7; 32]));
    let _ = key.pair().open_sealed(bytes);
    if let Some(account) = bytes.first_chunk::<32>() {
        let to = crate::PublicKey { scheme: Scheme::Ed25519, account: (*account).into() };
        if let Ok(sealed) = crate::sealed_box::seal(&to, &bytes[32..]) {
            assert_eq!(sealed.len(), bytes.len() - 32 + crate::sealed_box::OVERHEAD);
        }
    }
}
