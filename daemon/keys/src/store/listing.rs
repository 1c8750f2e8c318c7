//! What is on disk, read without deriving or decrypting anything.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use btd_api::{HotkeyName, WalletName};
use serde::{Deserialize, Serialize};

use super::{KeyId, KeyRole, StoreError, Wallet, WalletStore};
use crate::{keyfile::Encryption, scheme::PublicKey};

/// What the files say of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySummary {
    /// The public half; `None` if no file tells it.
    pub public: Option<PublicKey>,
    /// How the secret file is protected; `None` if there is none, or it cannot be read.
    pub encryption: Option<Encryption>,
    /// What is wrong with the files, for people.
    pub problem: Option<String>,
    /// Who may read the secret file beside its owner.
    pub readers: Readers,
    /// Where the secret file lies if that is not in the wallet's directory: handed over by the service manager.
    pub handed_over: Option<PathBuf>,
}

/// Who may read a secret file, by its permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Readers {
    /// Its owner, and root.
    #[default]
    Owner,
    /// Others on this host.
    Others,
}

/// One wallet on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletSummary {
    /// Its name.
    pub name: WalletName,
    /// Its directory.
    pub dir: PathBuf,
    /// Its coldkey; `None` if there is neither a secret nor a public file.
    pub coldkey: Option<KeySummary>,
    /// Its hotkeys, by name.
    pub hotkeys: Vec<(HotkeyName, KeySummary)>,
    /// Why its hotkeys could not be listed, for people.
    pub problem: Option<String>,
}

impl WalletSummary {
    /// Its keys, the coldkey first.
    pub fn into_keys(self) -> impl Iterator<Item = (KeyId, KeySummary)> {
        let Self { name, coldkey, hotkeys, .. } = self;
        let coldkey = coldkey.map(|summary| (KeyId::coldkey(name.clone()), summary));
        let hotkeys = hotkeys.into_iter().map(move |(hotkey, summary)| (KeyId::hotkey(name.clone(), hotkey), summary));
        coldkey.into_iter().chain(hotkeys)
    }
}

pub(super) fn list(store: &WalletStore) -> Result<Vec<WalletSummary>, StoreError> {
    let mut wallets = Vec::new();
    for name in names(store.root())? {
        // What cannot be a wallet's name (hidden directories, for one) is not a wallet.
        let Ok(name) = name.parse::<WalletName>() else { continue };
        wallets.extend(wallet(&store.wallet(&name), name));
    }
    Ok(wallets)
}

/// The wallet of that name; `None` if nothing in its directory makes it one.
pub(super) fn wallet(wallet: &Wallet, name: WalletName) -> Option<WalletSummary> {
    if !wallet.dir().is_dir() {
        return None;
    }
    let coldkey = summary(wallet, &KeyRole::Coldkey);
    if coldkey.is_none() && !wallet.dir().join("hotkeys").is_dir() {
        return None;
    }
    // One odd wallet does not hide the others.
    let (names, problem) = match wallet.hotkeys() {
        Ok(names) => (names, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let hotkeys = names
        .into_iter()
        .filter_map(|name| summary(wallet, &KeyRole::Hotkey(name.clone())).map(|summary| (name, summary)))
        .collect();
    Some(WalletSummary { name, dir: wallet.dir().to_owned(), coldkey, hotkeys, problem })
}

/// Every file in `dir` is a hotkey, except public files, which stand for the hotkey of their name,
/// and the `.lock` files and hidden ones of this and other tools.
pub(super) fn hotkeys(dir: &Path) -> Result<Vec<HotkeyName>, StoreError> {
    let mut found = BTreeSet::new();
    for name in names(dir)? {
        let path = dir.join(&name);
        if path.extension().is_some_and(|extension| extension == "lock") || !path.is_file() {
            continue;
        }
        let name = name.strip_suffix("pub.txt").unwrap_or(&name);
        if let Ok(name) = name.parse::<HotkeyName>() {
            found.insert(name);
        }
    }
    Ok(found.into_iter().collect())
}

/// The names in a directory, sorted; none if it is absent. Names that are not UTF-8 are skipped.
pub(super) fn names(dir: &Path) -> Result<BTreeSet<String>, StoreError> {
    let failed = |source| StoreError::Io { action: "list", path: dir.to_owned(), source };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        names.extend(entry.map_err(failed)?.file_name().into_string());
    }
    Ok(names)
}

impl Readers {
    /// Who may read the file at `path`.
    pub fn of(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => Self::Others,
            _ => Self::Owner,
        }
    }
}

fn summary(wallet: &Wallet, role: &KeyRole) -> Option<KeySummary> {
    let secret = match wallet.file(role) {
        Ok(file) => Some(Ok(file)),
        Err(StoreError::NotFound { .. }) => None,
        Err(error) => Some(Err(error)),
    };
    let public = match Wallet::read_public_file(&wallet.public_path(role)) {
        Ok(public) => Some(Ok(public)),
        Err(StoreError::NotFound { .. }) => None,
        Err(error) => Some(Err(error)),
    };
    if secret.is_none() && public.is_none() {
        return None;
    }
    let mut problem = None;
    let mut encryption = None;
    let mut stated = None;
    match secret {
        Some(Ok(file)) => {
            encryption = Some(file.encryption());
            stated = file.stated();
            if stated.is_none() && file.encryption() == Encryption::None {
                // Only files without an address are derived, and those are rare.
                match wallet.open(role, None) {
                    Ok(key) => stated = Some(key.public()),
                    Err(error) => problem = Some(error.to_string()),
                }
            }
        }
        Some(Err(error)) => problem = Some(error.to_string()),
        None => {}
    }
    let public = match public {
        Some(Ok(public)) => Some(public),
        Some(Err(error)) => {
            problem = Some(error.to_string());
            stated
        }
        None => stated,
    };
    if let (Some(secret), Some(public)) = (stated, public)
        && secret.account != public.account
    {
        problem = Some(format!("the public file names {}, the secret file {}", public.account, secret.account));
    }
    Some(KeySummary { public, encryption, problem, readers: Readers::of(&wallet.path(role)), handed_over: None })
}
