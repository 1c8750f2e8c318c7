//! Key files that the service manager hands over, in a directory of their own.
//!
//! `hotkey.WALLET.NAME` is the secret file of that hotkey. What lies in the wallets directory under
//! the same name goes before it, and nothing new is written there. The service manager keeps
//! credentials encrypted itself, so the file may be plain. One whose password is the credential
//! `wallet-password.WALLET` or `wallet-password` beside it needs no unlocking either; any other is
//! opened as those of wallets are.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use btd_keys::{
    Encryption, KeyFile, KeyId, KeyRole, Password, PublicKey, StoreError, WalletStore,
    environment::{self, Found, Variables},
};

use super::Opened;

/// The directory, if there is one.
#[derive(Debug, Default)]
pub(super) struct Credentials(pub(super) Option<PathBuf>);

impl Credentials {
    /// The file of a hotkey, if it was handed over.
    pub(super) fn file(&self, id: &KeyId) -> Option<PathBuf> {
        let KeyRole::Hotkey(name) = &id.role else { return None };
        let path = self.0.as_ref()?.join(format!("hotkey.{}.{name}", id.wallet));
        path.is_file().then_some(path)
    }

    /// Where the password of such a file lies, if it was handed over too.
    pub(super) fn password(&self, id: &KeyId) -> Option<PathBuf> {
        self.file(id)?;
        let directory = self.0.as_ref()?.to_string_lossy().into_owned();
        let variables = Variables::from([("CREDENTIALS_DIRECTORY".to_owned(), directory)]);
        match environment::find(&variables, id, Path::new("")) {
            Ok(Some(Found::File(path))) => Some(path),
            _ => None,
        }
    }

    /// The public half that such a file states, without its password.
    pub(super) fn stated(path: &Path) -> Option<PublicKey> {
        KeyFile::from_bytes(read(path).ok()?).stated()
    }

    /// How such a file is encrypted.
    pub(super) fn encryption(path: &Path) -> Result<Encryption, StoreError> {
        Ok(KeyFile::from_bytes(read(path)?).encryption())
    }

    /// The key in such a file, its address checked against what the wallets directory says.
    pub(super) fn open(
        store: &WalletStore,
        id: &KeyId,
        path: PathBuf,
        password: Option<&Password>,
    ) -> Result<Opened, StoreError> {
        let file = KeyFile::from_bytes(read(&path)?);
        let encryption = file.encryption();
        let key = file.open(password).map_err(|source| StoreError::KeyFile { path, source })?;
        let wallet = store.wallet(&id.wallet);
        match wallet.public(&id.role) {
            Ok(public) if public.account != key.public().account => {
                let (path, secret) = (wallet.public_path(&id.role), key.public().account);
                Err(StoreError::PublicMismatch { path, public: public.account, secret })
            }
            Ok(_) | Err(StoreError::NotFound { .. }) => Ok(Opened { key, encryption }),
            Err(error) => Err(error),
        }
    }

    /// The files of hotkeys, each with every name that it can have: a point may be one of a wallet's
    /// name.
    pub(super) fn hotkeys(&self) -> Result<Vec<(PathBuf, Vec<KeyId>)>, StoreError> {
        let Some(directory) = &self.0 else { return Ok(Vec::new()) };
        let failed = |source| StoreError::Io { action: "list", path: directory.clone(), source };
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let (names, path) = (names(&entry.file_name().to_string_lossy()), entry.path());
            if !names.is_empty() && path.is_file() {
                found.push((path, names));
            }
        }
        found.sort();
        Ok(found)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    fs::read(path).map_err(|source| StoreError::Io { action: "read the credential", path: path.to_owned(), source })
}

/// Which hotkeys a file of that name can be the file of.
fn names(file: &str) -> Vec<KeyId> {
    let Some(names) = file.strip_prefix("hotkey.") else { return Vec::new() };
    let splits = names.match_indices('.').map(|(at, _)| (&names[..at], &names[at + 1..]));
    splits.filter_map(|(wallet, name)| Some(KeyId::hotkey(wallet.parse().ok()?, name.parse().ok()?))).collect()
}
