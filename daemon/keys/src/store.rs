//! The wallets directory: what lies where, reading it, and writing it without risk.
//!
//! ```text
//! ROOT/WALLET/coldkey              secret, usually encrypted
//! ROOT/WALLET/coldkeypub.txt       public
//! ROOT/WALLET/hotkeys/HOTKEY       secret, usually plain
//! ROOT/WALLET/hotkeys/HOTKEYpub.txt
//! ```
//!
//! The layout is the ecosystem's, so its tools work on the same directory. Replacing a key keeps
//! the old file: `coldkey.bak-1` beside it, and for hotkeys `hotkeys.bak/HOTKEY.bak-1`, outside of
//! the directory in which every tool takes each file for a hotkey. Everything here blocks; opening
//! or writing an encrypted key also takes 512 MiB, which is why the signer derives one key at a time.

mod files;
mod known;
mod listing;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use btd_api::{AccountId, HotkeyName, WalletName};
use serde::{Deserialize, Serialize};

pub use self::known::Known;
pub use self::listing::{KeySummary, Readers, WalletSummary};
use crate::{
    durable,
    key::Key,
    keyfile::{Encryption, KeyFile, KeyFileError, Protection, PublicKeyFile, Shape},
    regular::FileMark,
    scheme::PublicKey,
    secret::Password,
};

/// Which key of a wallet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyRole {
    /// The coldkey.
    Coldkey,
    /// The hotkey of that name.
    Hotkey(HotkeyName),
}

/// One key on this host. Prints as `WALLET/coldkey` or `WALLET/hotkeys/NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyId {
    /// The wallet.
    pub wallet: WalletName,
    /// The key of it.
    pub role: KeyRole,
}

impl KeyId {
    /// The coldkey of `wallet`.
    pub const fn coldkey(wallet: WalletName) -> Self {
        Self { wallet, role: KeyRole::Coldkey }
    }

    /// The hotkey `name` of `wallet`.
    pub const fn hotkey(wallet: WalletName, name: HotkeyName) -> Self {
        Self { wallet, role: KeyRole::Hotkey(name) }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.role {
            KeyRole::Coldkey => write!(f, "{}/coldkey", self.wallet),
            KeyRole::Hotkey(name) => write!(f, "{}/hotkeys/{name}", self.wallet),
        }
    }
}

/// What happens to a key file that is in the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Existing {
    /// It stays, and writing fails.
    #[default]
    Refuse,
    /// It is replaced, and a copy is kept under another name.
    KeepCopy,
}

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such file.
    #[error("there is no {what} at {}{known}", path.display())]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What there is in its place, as far as somebody has looked.
        known: Known,
    },
    /// A key is there already.
    #[error("{} exists already: it was left as it is", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// The file could not be opened as a key.
    #[error("{}: {source}", path.display())]
    KeyFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyFileError,
    },
    /// The secret file and the public file beside it name different keys.
    #[error("{} names {public}, but the key beside it is {secret}: do not use it before knowing which is right", path.display())]
    PublicMismatch {
        /// The public file.
        path: PathBuf,
        /// The address in it.
        public: AccountId,
        /// The address of the secret.
        secret: AccountId,
    },
    /// There is nothing to do: the file is protected that way already.
    #[error("{} is protected that way already: it was left as it is", path.display())]
    Unchanged {
        /// Which file.
        path: PathBuf,
    },
    /// The public file beside an encrypted key names another key than is to be written there.
    #[error("{} names {told}, and an encrypted key lies beside it: if that is not its address, move the file away first", path.display())]
    PublicTold {
        /// The public file.
        path: PathBuf,
        /// The address in it.
        told: AccountId,
    },
    /// Another tool wrote the file while this one worked on it.
    #[error("{} was changed by something else meanwhile: it was left as it is now, so ask again", path.display())]
    Changed {
        /// Which file.
        path: PathBuf,
    },
    /// A public file would stand beside the secret of another key.
    #[error("{} is the secret of {secret}: a public file beside it can name no other key; move the secret away first, or take another name", path.display())]
    OtherSecret {
        /// The secret file.
        path: PathBuf,
        /// Its address.
        secret: AccountId,
    },
    /// No tool would find the key again.
    #[error("{} cannot be a hotkey's file: names that end in .lock or pub.txt mean other files", path.display())]
    Name {
        /// Where it would lie.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// A directory of wallets. Cheap to clone.
#[derive(Clone, Debug)]
pub struct WalletStore {
    root: Arc<Path>,
}

// === impl WalletStore ===

impl WalletStore {
    /// The store at `root`, which need not exist yet. A `~` is an ordinary name here: expanding it
    /// is the configuration's task.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into().into() }
    }

    /// The wallets directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The wallet of that name, which need not exist.
    pub fn wallet(&self, name: &WalletName) -> Wallet {
        Wallet { dir: self.root.join(name.as_str()) }
    }

    /// One wallet with its keys, as [`Self::list`] gives it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], naming the wallets that there are, if it has no files.
    pub fn summary(&self, name: &WalletName) -> Result<WalletSummary, StoreError> {
        let wallet = self.wallet(name);
        listing::wallet(&wallet, name.clone()).ok_or_else(|| StoreError::NotFound {
            what: "wallet",
            path: wallet.dir.clone(),
            known: Known::wallets(self.root()),
        })
    }

    /// Every wallet with its keys, by name. Reads each file once and derives nothing; what cannot
    /// be read is listed with its problem. An absent root has no wallets.
    pub fn list(&self) -> Result<Vec<WalletSummary>, StoreError> {
        listing::list(self)
    }
}

/// One wallet's directory.
#[derive(Clone, Debug)]
pub struct Wallet {
    dir: PathBuf,
}

// === impl Wallet ===

impl Wallet {
    /// The wallet's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the secret file of a key lies.
    pub fn path(&self, role: &KeyRole) -> PathBuf {
        match role {
            KeyRole::Coldkey => self.dir.join("coldkey"),
            KeyRole::Hotkey(name) => self.dir.join("hotkeys").join(name.as_str()),
        }
    }

    /// Where the public file of a key lies.
    pub fn public_path(&self, role: &KeyRole) -> PathBuf {
        match role {
            KeyRole::Coldkey => self.dir.join("coldkeypub.txt"),
            KeyRole::Hotkey(name) => self.dir.join("hotkeys").join(format!("{name}pub.txt")),
        }
    }

    /// The names of the hotkeys that have a secret or a public file, sorted.
    pub fn hotkeys(&self) -> Result<Vec<HotkeyName>, StoreError> {
        listing::hotkeys(&self.dir.join("hotkeys"))
    }

    /// The secret file of a key, unopened.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], naming the wallets or hotkeys that there are, if it is not there.
    pub fn read(&self, role: &KeyRole) -> Result<KeyFile, StoreError> {
        self.file(role).map_err(|error| match error {
            StoreError::NotFound { what, path, .. } if Self::read_public_file(&self.public_path(role)).is_ok() => {
                StoreError::NotFound { what, path, known: Known::PublicOnly }
            }
            other => self.naming_others(other),
        })
    }

    /// Gives a key the public file that it lacks, as other tools need it; tells whether it did.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn complete(&self, role: &KeyRole, public: &PublicKey) -> Result<bool, StoreError> {
        let path = self.public_path(role);
        if !self.path(role).is_file() || fs::symlink_metadata(&path).is_ok() {
            return Ok(false);
        }
        match files::create(&path, &PublicKeyFile(*public).render(Shape::Compact)) {
            Ok(()) => Ok(true),
            Err(StoreError::Exists { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn file(&self, role: &KeyRole) -> Result<KeyFile, StoreError> {
        Ok(KeyFile::from_bytes(files::read(&self.path(role), "key file")?))
    }

    /// Which secret file a key has now; `None` if it cannot be looked at.
    pub fn mark(&self, role: &KeyRole) -> Option<FileMark> {
        FileMark::of(&self.path(role))
    }

    /// A key, its address checked against what its own file and the public file beside it say.
    pub fn open(&self, role: &KeyRole, password: Option<&Password>) -> Result<Key, StoreError> {
        let file = self.read(role)?;
        let key = file.open(password).map_err(|source| StoreError::KeyFile { path: self.path(role), source })?;
        let path = self.public_path(role);
        match Self::read_public_file(&path) {
            Ok(public) if public.account != key.public().account => {
                Err(StoreError::PublicMismatch { path, public: public.account, secret: key.public().account })
            }
            Ok(_) | Err(StoreError::NotFound { .. }) => Ok(key),
            Err(error) => Err(error),
        }
    }

    /// The public half of a key: from the public file, or from a plain secret file without one.
    pub fn public(&self, role: &KeyRole) -> Result<PublicKey, StoreError> {
        match Self::read_public_file(&self.public_path(role)) {
            Err(StoreError::NotFound { .. }) => {
                let file = self.read(role)?;
                match (file.stated(), file.encryption()) {
                    (Some(public), _) => Ok(public),
                    (None, Encryption::None) => Ok(self.open(role, None)?.public()),
                    (None, encryption) => Err(StoreError::KeyFile {
                        path: self.path(role),
                        source: KeyFileError::PasswordRequired(encryption),
                    }),
                }
            }
            other => other,
        }
    }

    /// The error, with the names that could have been meant if it says that a file is not there.
    fn naming_others(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::NotFound { what, path, .. } => {
                StoreError::NotFound { what, path, known: Known::beside(&self.dir) }
            }
            other => other,
        }
    }

    fn read_public_file(path: &Path) -> Result<PublicKey, StoreError> {
        let bytes = files::read(path, "public key file")?;
        PublicKeyFile::parse(&bytes)
            .map(|file| file.0)
            .map_err(|source| StoreError::KeyFile { path: path.to_owned(), source })
    }

    /// Writes the secret and the public file of a key and returns the copies that were kept.
    ///
    /// Durable when it returns. At any crash before that, each file is the old or the new one, and
    /// a public file never stands beside a secret of another key.
    pub fn write(
        &self,
        role: &KeyRole,
        key: &Key,
        protection: Protection<'_>,
        existing: Existing,
    ) -> Result<Vec<PathBuf>, StoreError> {
        let (path, public_path) = (self.path(role), self.public_path(role));
        if existing == Existing::Refuse {
            // Before seconds go into encryption; the writing itself refuses again, without a gap.
            if fs::symlink_metadata(&path).is_ok() {
                return Err(StoreError::Exists { path });
            }
            // A public file of the same key may be there already: a watched key gets its secret.
            match Self::read_public_file(&public_path) {
                Ok(public) if public == key.public() => {}
                Err(StoreError::NotFound { .. }) => {}
                Ok(_) | Err(StoreError::KeyFile { .. }) => return Err(StoreError::Exists { path: public_path }),
                Err(error) => return Err(error),
            }
        }
        let file = KeyFile::protected(key, Shape::Compact, protection)
            .map_err(|source| StoreError::KeyFile { path: path.clone(), source })?;
        let public = PublicKeyFile(key.public()).render(Shape::Compact);
        self.make_directory(role)?;
        match existing {
            Existing::Refuse => {
                files::create(&path, file.as_bytes())?;
                // Nobody has been told of the key yet: without its public half it is as if never made.
                if let Err(error) = files::replace(&public_path, &public) {
                    files::remove(&path)?;
                    return Err(error);
                }
                Ok(Vec::new())
            }
            Existing::KeepCopy => {
                let copies = self.keep_copies(role)?;
                files::remove(&public_path)?;
                files::replace(&path, file.as_bytes())?;
                files::replace(&public_path, &public)?;
                Ok(copies)
            }
        }
    }

    /// Writes the secret file of `key`, which is in that place already, under another protection.
    /// Durable when it returns; at any crash before that, the file is the old or the new one.
    ///
    /// A copy of the old file is kept if it was encrypted. Of a plain one it is not: a key that was
    /// given a password would still lie beside it in plain text. So `opened` has to be the file's mark
    /// from before `key` was opened: what another tool has put there since stays, and this fails.
    pub fn reprotect(
        &self,
        role: &KeyRole,
        key: &Key,
        opened: Option<FileMark>,
        protection: Protection<'_>,
    ) -> Result<Option<PathBuf>, StoreError> {
        let path = self.path(role);
        let before = self.read(role)?.encryption();
        if before == protection.encryption() && before == Encryption::None {
            return Err(StoreError::Unchanged { path });
        }
        let file = KeyFile::protected(key, Shape::Compact, protection)
            .map_err(|source| StoreError::KeyFile { path: path.clone(), source })?;
        // Encrypting took seconds.
        if self.mark(role) != opened {
            return Err(StoreError::Changed { path });
        }
        let copy = match before {
            Encryption::None => None,
            Encryption::Nacl | Encryption::AnsibleVault | Encryption::Fernet | Encryption::Native => {
                files::keep_copy(&path, &self.copies_dir(role))?
            }
        };
        // Behind a link, the key itself is written anew: a link in its place would leave the old file as it is.
        let behind = fs::canonicalize(&path).map_err(|source| StoreError::Io { action: "find", path, source })?;
        files::replace(&behind, file.as_bytes())?;
        if let Err(StoreError::NotFound { .. }) = Self::read_public_file(&self.public_path(role)) {
            files::replace(&self.public_path(role), &PublicKeyFile(key.public()).render(Shape::Compact))?;
        }
        Ok(copy)
    }

    /// Writes the public file alone: for keys whose secret lives elsewhere. Returns the copy that
    /// was kept. Refuses to stand beside a secret of another key, as far as that can be told without its
    /// password; opening the key tells for certain.
    pub fn write_public(
        &self,
        role: &KeyRole,
        public: &PublicKey,
        existing: Existing,
    ) -> Result<Option<PathBuf>, StoreError> {
        let path = self.public_path(role);
        if let Ok(file) = self.file(role) {
            if let Some(secret) = file.stated().filter(|secret| secret.account != public.account) {
                return Err(StoreError::OtherSecret { path: self.path(role), secret: secret.account });
            }
            // Whose an encrypted secret is, only the public file tells that was written with it.
            let told = if file.stated().is_none() { Self::read_public_file(&path).ok() } else { None };
            if let Some(told) = told.filter(|told| told.account != public.account) {
                return Err(StoreError::PublicTold { path, told: told.account });
            }
        }
        let bytes = PublicKeyFile(*public).render(Shape::Compact);
        self.make_directory(role)?;
        match existing {
            Existing::Refuse => files::create(&path, &bytes).map(|()| None),
            Existing::KeepCopy => {
                let copy = files::keep_copy(&path, &self.copies_dir(role))?;
                files::replace(&path, &bytes)?;
                Ok(copy)
            }
        }
    }

    fn keep_copies(&self, role: &KeyRole) -> Result<Vec<PathBuf>, StoreError> {
        let dir = self.copies_dir(role);
        let mut copies = Vec::new();
        for path in [self.path(role), self.public_path(role)] {
            copies.extend(files::keep_copy(&path, &dir)?);
        }
        Ok(copies)
    }

    fn copies_dir(&self, role: &KeyRole) -> PathBuf {
        match role {
            KeyRole::Coldkey => self.dir.clone(),
            KeyRole::Hotkey(_) => self.dir.join("hotkeys.bak"),
        }
    }

    fn make_directory(&self, role: &KeyRole) -> Result<(), StoreError> {
        let dir = match role {
            KeyRole::Coldkey => self.dir.clone(),
            // What ends so is never listed as a hotkey, or as another one's public half.
            KeyRole::Hotkey(name) if [".lock", "pub.txt"].iter().any(|end| name.as_str().ends_with(end)) => {
                return Err(StoreError::Name { path: self.path(role) });
            }
            KeyRole::Hotkey(_) => self.dir.join("hotkeys"),
        };
        durable::create_directory(&dir).map_err(|source| StoreError::Io {
            action: "create the directory",
            path: dir,
            source,
        })
    }
}
