//! Key files as bytes: what they are, opening them, making them.
//!
//! Five kinds of bytes are told apart by how they begin: plain JSON (or a bare seed or phrase),
//! `$NACL`, `$ANSIBLE_VAULT`, Fernet tokens, and btd's own `$BTD_KEY`. All are read, and all but
//! Fernet written. What every living wallet of the ecosystem reads is plain JSON and `$NACL`, which
//! is why they are what is written unless somebody asks. Nothing here touches a file: that is
//! [`crate::WalletStore`]'s.

mod ansible;
mod derivation;
mod fernet;
mod json;
mod nacl;
mod native;
#[cfg(test)]
mod tests;

use std::fmt;

use btd_api::AccountId;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use self::json::Shape;
use crate::{
    key::Key,
    pair::KeyError,
    scheme::{PublicKey, Scheme},
    secret::Password,
};

/// How a key file is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Encryption {
    /// Not at all.
    None,
    /// Argon2i and crypto_secretbox: what current wallets write. Opening it takes seconds of
    /// processor time and 512 MiB of memory.
    Nacl,
    /// Ansible vault 1.1: wallets before 2024.
    AnsibleVault,
    /// A Fernet token under ten million rounds of PBKDF2: the first releases.
    Fernet,
    /// Argon2id under a random salt and XChaCha20-Poly1305: btd alone reads it.
    Native,
}

impl fmt::Display for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Nacl => "nacl",
            Self::AnsibleVault => "ansible-vault",
            Self::Fernet => "fernet",
            Self::Native => "native",
        })
    }
}

/// How a new key file is protected.
#[derive(Clone, Copy, Debug)]
pub enum Protection<'a> {
    /// Not at all.
    Plain,
    /// `$NACL` under a password: what every current tool reads.
    Nacl(&'a Password),
    /// Ansible vault under a password: for tools before 2024.
    AnsibleVault(&'a Password),
    /// `$BTD_KEY` under a password: btd alone reads it.
    Native(&'a Password),
}

impl Protection<'_> {
    /// What a file protected so is detected as.
    pub const fn encryption(&self) -> Encryption {
        match self {
            Self::Plain => Encryption::None,
            Self::Nacl(_) => Encryption::Nacl,
            Self::AnsibleVault(_) => Encryption::AnsibleVault,
            Self::Native(_) => Encryption::Native,
        }
    }
}

/// Why bytes could not be opened as a key, or a key not be made into a file. Messages name no
/// file and repeat no secret; the store adds the path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// Encrypted, and no password was given.
    #[error("the key is encrypted ({0}): a password is needed")]
    PasswordRequired(Encryption),
    /// The password does not open it. For the authenticated formats, a changed file looks the same.
    #[error("wrong password")]
    WrongPassword,
    /// Nothing that any wallet of the ecosystem writes.
    #[error("not a key file: {0}")]
    NotAKeyFile(&'static str),
    /// A polkadot.js export, which has to be imported.
    #[error("this is a polkadot.js export, not a key file: import it as JSON with its passphrase")]
    PolkadotJs,
    /// Recognised, but broken.
    #[error("the key file is damaged: {0}")]
    Damaged(String),
    /// The secret belongs to another address than the file says.
    #[error(
        "the key file says {stated}, but its secret belongs to {derived}: do not use it before knowing which is right"
    )]
    AddressMismatch {
        /// What the file says.
        stated: AccountId,
        /// What the secret gives.
        derived: AccountId,
    },
    /// A public key file where a secret one is needed.
    #[error("the key file of {0} holds no secret")]
    PublicOnly(AccountId),
    /// A `cryptoType` that nobody has defined.
    #[error("the key file has the unknown cryptoType {0}: known are 0 (ed25519) and 1 (sr25519)")]
    UnknownScheme(String),
    /// Key derivation needs 512 MiB.
    #[error("not enough memory for key derivation: 512 MiB are needed")]
    OutOfMemory,
    /// The secret in it is malformed.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The bytes of a secret key file. Wiped when dropped; prints its encryption only.
pub struct KeyFile {
    bytes: Zeroizing<Vec<u8>>,
    encryption: Encryption,
}

// === impl KeyFile ===

impl KeyFile {
    /// Takes the bytes of a file and looks at how they begin. Never fails: what they are worth
    /// shows when the file is opened.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        let encryption = if bytes.starts_with(nacl::PREFIX) {
            Encryption::Nacl
        } else if bytes.starts_with(ansible::PREFIX) {
            Encryption::AnsibleVault
        } else if bytes.starts_with(fernet::PREFIX) {
            Encryption::Fernet
        } else if bytes.starts_with(native::PREFIX) {
            Encryption::Native
        } else {
            Encryption::None
        };
        Self { bytes: Zeroizing::new(bytes), encryption }
    }

    /// A plain file holding `key`.
    pub fn plain(key: &Key, shape: Shape) -> Self {
        Self { bytes: json::render(key, shape), encryption: Encryption::None }
    }

    /// A file holding `key`, protected as asked. Blocking: `$NACL` and native take seconds of
    /// processor time and 512 MiB.
    pub fn protected(key: &Key, shape: Shape, protection: Protection<'_>) -> Result<Self, KeyFileError> {
        let plain = json::render(key, shape);
        let bytes = match protection {
            Protection::Plain => return Ok(Self { bytes: plain, encryption: Encryption::None }),
            Protection::Nacl(password) => nacl::seal(&plain, &nacl::derive(password)?)?,
            Protection::AnsibleVault(password) => ansible::encrypt(&plain, password),
            Protection::Native(password) => native::seal(&plain, &key.public(), password, native::Cost::USUAL)?,
        };
        Ok(Self { bytes: Zeroizing::new(bytes), encryption: protection.encryption() })
    }

    /// How the file is protected.
    pub fn encryption(&self) -> Encryption {
        self.encryption
    }

    /// The bytes to write.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The key inside, its address derived again and compared with the one that the file states.
    /// A password for a plain file is ignored. Blocking: for encrypted files seconds of processor
    /// time, and for `$NACL` 512 MiB.
    pub fn open(&self, password: Option<&Password>) -> Result<Key, KeyFileError> {
        let need = || password.ok_or(KeyFileError::PasswordRequired(self.encryption));
        match self.encryption {
            Encryption::None => json::parse_secret(&self.bytes),
            Encryption::Nacl => {
                let sealed = nacl::Sealed::parse(&self.bytes)?;
                json::parse_secret(&sealed.open(&nacl::derive(need()?)?)?)
            }
            Encryption::AnsibleVault => json::parse_secret(&ansible::decrypt(&self.bytes, need()?)?),
            Encryption::Fernet => json::parse_secret(&fernet::decrypt(&self.bytes, need()?)?),
            Encryption::Native => {
                let sealed = native::Sealed::parse(&self.bytes)?;
                let key = json::parse_secret(&sealed.open(&sealed.derive(need()?)?)?)?;
                if key.public() == sealed.public {
                    Ok(key)
                } else {
                    let (stated, derived) = (sealed.public.account, key.public().account);
                    Err(KeyFileError::AddressMismatch { stated, derived })
                }
            }
        }
    }

    /// The public key that a file states in plain text, without deriving it: for listings.
    pub fn stated(&self) -> Option<PublicKey> {
        match self.encryption {
            Encryption::None => json::parse_public(&self.bytes).ok(),
            Encryption::Native => native::Sealed::parse(&self.bytes).ok().map(|sealed| sealed.public),
            Encryption::Nacl | Encryption::AnsibleVault | Encryption::Fernet => None,
        }
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyFile({})", self.encryption)
    }
}

/// Opens a file under keys that are not derived from anything: for fuzzing, which has no seconds.
pub(crate) fn open_underived(file: &KeyFile) -> Result<Key, KeyFileError> {
    let key = Zeroizing::new([7; 32]);
    let password = Password::new("x");
    let plain = match file.encryption {
        Encryption::None => return json::parse_secret(&file.bytes),
        Encryption::Nacl => nacl::Sealed::parse(&file.bytes)?.open(&key)?,
        Encryption::AnsibleVault => ansible::decrypt(&file.bytes, &password)?,
        Encryption::Fernet => fernet::Token::parse(&file.bytes)?.open(&key)?,
        Encryption::Native => native::Sealed::parse(&file.bytes)?.open(&key)?,
    };
    json::parse_secret(&plain)
}

/// `coldkeypub.txt` and its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKeyFile(pub PublicKey);

impl PublicKeyFile {
    /// Reads JSON, or a bare `0x` public key as the first releases wrote it.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyFileError> {
        json::parse_public(bytes).map(Self)
    }

    /// The bytes to write.
    pub fn render(&self, shape: Shape) -> Vec<u8> {
        json::render_public(&self.0, shape)
    }
}

/// What an address in a key file may look like: of any network's format, as wallets take it.
pub(crate) fn parse_address(text: &str) -> Option<AccountId> {
    AccountId::from_any_format(text).ok()
}

/// The scheme of a `cryptoType` field.
fn parse_scheme(value: &serde_json::Value) -> Result<Option<Scheme>, KeyFileError> {
    let text = match value {
        serde_json::Value::Null => return Ok(None),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.as_str() {
        "0" => Ok(Some(Scheme::Ed25519)),
        "1" => Ok(Some(Scheme::Sr25519)),
        _ => Err(KeyFileError::UnknownScheme(text.chars().take(16).collect())),
    }
}
