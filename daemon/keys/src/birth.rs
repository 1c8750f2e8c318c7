//! New key files: where their keys come from, and what is written of them.
//!
//! Plain functions over a [`WalletStore`]; arguments and results can be sent from one process to
//! another. Nothing is written before the key is known to be good and nothing is in its way. A
//! mnemonic that was made here is in the result of whatever was written, also when the next step
//! failed: it is never lost with an error.

use std::path::PathBuf;

use btd_api::wallet::Secret;
use serde::{Deserialize, Serialize};

use crate::{
    key::Key,
    keyfile::{KeyFileError, Protection},
    mnemonic::{Mnemonic, WordCount},
    pair::KeyError,
    scheme::{PublicKey, Scheme},
    secret::{Password, Seed, decode_hex},
    store::{Existing, KeyId, StoreError, WalletStore},
};

/// Where a key comes from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Origin {
    /// New words, so many of them.
    NewWords(u8),
    /// Known words, and the derivation password if there is one (which is not the password of a file).
    Words(Secret, Option<Secret>),
    /// A seed of 32 bytes in hex.
    Seed(Secret),
    /// A private key in the form of key files, in hex.
    PrivateKey(Secret),
    /// A secret URI such as `//Alice`.
    Uri(Secret),
    /// A polkadot.js keystore and its passphrase. It says itself which scheme it is of.
    Keystore(Secret, Secret),
}

/// How a new key file is protected; [`Protection`] by value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Protect {
    /// Not at all.
    Plain,
    /// `$NACL` under this password.
    Nacl(Secret),
    /// Ansible vault under this password.
    AnsibleVault(Secret),
    /// btd's own encryption under this password.
    Native(Secret),
}

/// What [`make_key`] is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewKey {
    /// Where it is written.
    pub key: KeyId,
    /// Where it comes from.
    pub origin: Origin,
    /// How it signs.
    pub scheme: Scheme,
    /// How the file is protected.
    pub protect: Protect,
    /// What happens to files that are in the way.
    pub existing: Existing,
}

/// A key that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeKey {
    /// Which key.
    pub key: KeyId,
    /// Its public half.
    pub public: PublicKey,
    /// Its secret file.
    pub path: PathBuf,
    /// The words that restore it, if they were made here.
    pub mnemonic: Option<Secret>,
    /// Copies that were kept of replaced files.
    pub kept: Vec<PathBuf>,
}

/// A wallet that was written: its coldkey, and its first hotkey unless that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeWallet {
    /// The coldkey.
    pub coldkey: MadeKey,
    /// The hotkey, or why it could not be written.
    pub hotkey: Result<MadeKey, String>,
}

/// Why no key was written.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// What it should come from gives no key.
    #[error(transparent)]
    Origin(KeyFileError),
    /// The file.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<KeyError> for MakeError {
    fn from(error: KeyError) -> Self {
        Self::Origin(error.into())
    }
}

// === impl Origin, Protect ===

impl Origin {
    /// The key. Blocking for keystores: one scrypt derivation.
    pub fn key(&self, scheme: Scheme) -> Result<Key, KeyFileError> {
        let password = |secret: &Secret| Password::new(secret.expose());
        Ok(match self {
            Self::NewWords(words) => Key::generate(scheme, WordCount::try_from(*words)?),
            Self::Words(words, derivation) => {
                let derivation = derivation.as_ref().map(password);
                Key::from_mnemonic(scheme, Mnemonic::parse(words.expose())?, derivation.as_ref())
            }
            Self::Seed(seed) => Key::from_seed(scheme, Seed::from_hex(seed.expose().trim()).ok_or(KeyError::Seed)?),
            Self::PrivateKey(private) => private_key(scheme, private.expose().trim())?,
            Self::Uri(uri) => Key::from_uri(scheme, uri.expose().trim())?,
            Self::Keystore(json, passphrase) => Key::from_polkadot_js(json.expose().as_bytes(), &password(passphrase))?,
        })
    }

    /// Whether the words are made here, and nobody has them yet.
    const fn makes_words(&self) -> bool {
        matches!(self, Self::NewWords(_))
    }
}

fn private_key(scheme: Scheme, text: &str) -> Result<Key, KeyError> {
    match scheme {
        Scheme::Sr25519 => {
            let bytes = decode_hex::<64>(text).ok_or(KeyError::PrivateKey(scheme))?;
            Key::from_private_key(scheme, bytes.as_slice())
        }
        Scheme::Ed25519 => {
            let bytes = decode_hex::<32>(text).ok_or(KeyError::PrivateKey(scheme))?;
            Key::from_private_key(scheme, bytes.as_slice())
        }
    }
}

impl Protect {
    /// Runs `write` with this as a [`Protection`].
    pub fn with<T>(&self, write: impl FnOnce(Protection<'_>) -> T) -> T {
        let password = |secret: &Secret| Password::new(secret.expose());
        match self {
            Self::Plain => write(Protection::Plain),
            Self::Nacl(secret) => write(Protection::Nacl(&password(secret))),
            Self::AnsibleVault(secret) => write(Protection::AnsibleVault(&password(secret))),
            Self::Native(secret) => write(Protection::Native(&password(secret))),
        }
    }

    /// Whether writing takes a key derivation of up to 512 MiB.
    pub const fn derives(&self) -> bool {
        matches!(self, Self::Nacl(_) | Self::Native(_))
    }
}

// === making ===

/// Makes a key and writes its files. Durable when it returns. Blocking: up to seconds of processor
/// time and 512 MiB where [`Protect::derives`].
pub fn make_key(store: &WalletStore, new: &NewKey) -> Result<MadeKey, MakeError> {
    let key = new.origin.key(new.scheme).map_err(MakeError::Origin)?;
    write(store, new, &key)
}

/// Makes a wallet: a coldkey, then a hotkey. A hotkey file in the way is noticed before anything is
/// written; when the hotkey fails after that, the coldkey stays and its words are in the result.
pub fn make_wallet(store: &WalletStore, coldkey: &NewKey, hotkey: &NewKey) -> Result<MadeWallet, MakeError> {
    let cold = coldkey.origin.key(coldkey.scheme).map_err(MakeError::Origin)?;
    let hot = hotkey.origin.key(hotkey.scheme).map_err(MakeError::Origin)?;
    let path = store.wallet(&hotkey.key.wallet).path(&hotkey.key.role);
    if hotkey.existing == Existing::Refuse && path.symlink_metadata().is_ok() {
        return Err(StoreError::Exists { path }.into());
    }
    let coldkey = write(store, coldkey, &cold)?;
    let hotkey = write(store, hotkey, &hot).map_err(|error| error.to_string());
    Ok(MadeWallet { coldkey, hotkey })
}

fn write(store: &WalletStore, new: &NewKey, key: &Key) -> Result<MadeKey, MakeError> {
    let wallet = store.wallet(&new.key.wallet);
    let kept = new.protect.with(|protection| wallet.write(&new.key.role, key, protection, new.existing))?;
    let words = key.mnemonic().filter(|_| new.origin.makes_words());
    Ok(MadeKey {
        key: new.key.clone(),
        public: key.public(),
        path: wallet.path(&new.key.role),
        mnemonic: words.map(|words| Secret::new(words.expose().as_str())),
        kept,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const PHRASE: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";

    fn secret(text: &str) -> Secret {
        Secret::new(text)
    }

    fn new(key: KeyId, origin: Origin) -> NewKey {
        NewKey { key, origin, scheme: Scheme::Sr25519, protect: Protect::Plain, existing: Existing::Refuse }
    }

    fn coldkey() -> KeyId {
        KeyId::coldkey("w".parse().unwrap())
    }

    fn hotkey() -> KeyId {
        KeyId::hotkey("w".parse().unwrap(), "h".parse().unwrap())
    }

    #[test]
    fn one_key_comes_from_its_words_its_seed_and_its_private_key() {
        for scheme in [Scheme::Sr25519, Scheme::Ed25519] {
            let words = Origin::Words(secret(PHRASE), None).key(scheme).unwrap();
            let seed = secret(&hex::encode(words.seed().unwrap().expose()));
            let private = secret(&format!("0x{}\n", hex::encode(words.pair().private_key().as_slice())));
            for origin in [Origin::Seed(seed), Origin::PrivateKey(private), Origin::Uri(secret(PHRASE))] {
                assert_eq!(origin.key(scheme).unwrap().public(), words.public(), "{scheme} {origin:?}");
            }
            let derived = Origin::Words(secret(PHRASE), Some(secret("x"))).key(scheme).unwrap();
            assert_ne!(derived.public(), words.public());
        }
    }

    #[test]
    fn what_gives_no_key_writes_nothing() {
        let root = tempfile::tempdir().unwrap();
        let store = WalletStore::new(root.path());
        for origin in [
            Origin::NewWords(13),
            Origin::Words(secret("legal winner"), None),
            Origin::Seed(secret("0x12")),
            Origin::PrivateKey(secret(&"11".repeat(32))),
            Origin::Uri(secret("//Alice/")),
            Origin::Keystore(secret("{}"), secret("x")),
        ] {
            let error = make_key(&store, &new(coldkey(), origin)).unwrap_err();
            assert!(matches!(error, MakeError::Origin(_)), "{error}");
        }
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn words_made_here_are_told_and_words_brought_here_are_not() {
        let root = tempfile::tempdir().unwrap();
        let store = WalletStore::new(root.path());
        let made = make_key(&store, &new(coldkey(), Origin::NewWords(24))).unwrap();
        let words = made.mnemonic.unwrap();
        assert_eq!(words.expose().split(' ').count(), 24);
        assert_eq!(Origin::Words(words, None).key(Scheme::Sr25519).unwrap().public(), made.public);
        let made = make_key(&store, &new(hotkey(), Origin::Words(secret(PHRASE), None))).unwrap();
        assert_eq!((made.mnemonic, made.kept), (None, vec![]));
        let again = NewKey { existing: Existing::KeepCopy, ..new(hotkey(), Origin::NewWords(12)) };
        assert_eq!(make_key(&store, &again).unwrap().kept.len(), 2);
    }

    #[test]
    fn the_words_of_a_coldkey_outlive_the_failure_of_its_hotkey() {
        let root = tempfile::tempdir().unwrap();
        let store = WalletStore::new(root.path());
        fs::create_dir(root.path().join("w")).unwrap();
        // No directory can be made where a file is.
        fs::write(root.path().join("w/hotkeys"), "").unwrap();
        let made =
            make_wallet(&store, &new(coldkey(), Origin::NewWords(12)), &new(hotkey(), Origin::NewWords(12))).unwrap();
        assert!(made.hotkey.unwrap_err().contains("hotkeys"));
        let words = Origin::Words(made.coldkey.mnemonic.unwrap(), None).key(Scheme::Sr25519).unwrap();
        assert_eq!(store.wallet(&"w".parse().unwrap()).public(&coldkey().role).unwrap(), words.public());
    }

    #[test]
    fn a_hotkey_in_the_way_stops_everything_before_it_starts() {
        let root = tempfile::tempdir().unwrap();
        let store = WalletStore::new(root.path());
        make_key(&store, &new(hotkey(), Origin::NewWords(12))).unwrap();
        let error = make_wallet(&store, &new(coldkey(), Origin::NewWords(12)), &new(hotkey(), Origin::NewWords(12)))
            .unwrap_err();
        assert!(matches!(error, MakeError::Store(StoreError::Exists { .. })), "{error}");
        assert!(!root.path().join("w/coldkey").exists());
    }
}
