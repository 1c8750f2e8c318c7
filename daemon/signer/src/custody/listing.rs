//! Which keys there are: those of the wallets directory, and those that the service manager hands
//! over. Reads files and opens none that has a password.

use std::{io, path::PathBuf};

use btd_api::{HotkeyName, WalletName};
use btd_keys::{Encryption, KeyId, KeyRole, KeySummary, Readers, StoreError, WalletSummary};

use super::{Custody, CustodyError, credentials::Credentials};

impl Custody {
    /// Every wallet with its keys, by name. What cannot be read is listed with its problem.
    ///
    /// # Errors
    /// When the directories cannot be listed.
    pub fn wallets(&self) -> Result<Vec<WalletSummary>, CustodyError> {
        let mut wallets = self.store().list()?;
        for (path, id) in self.handed_over_hotkeys()? {
            let at = match wallets.binary_search_by(|wallet| wallet.name.cmp(&id.wallet)) {
                Ok(at) => at,
                Err(at) => {
                    wallets.insert(at, self.without_files(&id.wallet));
                    at
                }
            };
            self.add(&mut wallets[at], &id, path);
        }
        Ok(wallets)
    }

    /// One wallet with its keys, as [`Self::wallets`] gives it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], naming the wallets that there are, if it has none.
    pub fn wallet(&self, name: &WalletName) -> Result<WalletSummary, CustodyError> {
        let (mut wallet, absent) = match self.store().summary(name) {
            Err(absent @ StoreError::NotFound { .. }) => (self.without_files(name), Some(absent)),
            found => (found?, None),
        };
        for (path, id) in self.handed_over_hotkeys()?.into_iter().filter(|(_, id)| id.wallet == *name) {
            self.add(&mut wallet, &id, path);
        }
        match absent {
            Some(absent) if wallet.hotkeys.is_empty() => Err(absent.into()),
            _ => Ok(wallet),
        }
    }

    /// The hotkeys that the service manager hands over, each with its file.
    pub(super) fn handed_over_hotkeys(&self) -> Result<Vec<(PathBuf, KeyId)>, StoreError> {
        // A point may belong to either name: a wallet that is there is the likelier one.
        let is_known = |id: &&KeyId| self.store().wallet(&id.wallet).dir().is_dir();
        let files = self.shared.credentials.hotkeys()?.into_iter();
        Ok(files
            .filter_map(|(path, names)| {
                let id = names.iter().find(is_known).or_else(|| names.first())?.clone();
                Some((path, id))
            })
            .collect())
    }

    /// How many keys of this wallet, or of all, lie plain on this host, or beside their password: they
    /// sign without being unlocked, and no lock applies to them. Of `role` only, if one is given.
    ///
    /// # Errors
    /// When the files cannot be looked at.
    pub fn plain(&self, wallet: Option<&WalletName>, role: Option<&KeyRole>) -> Result<usize, CustodyError> {
        let store = self.store();
        let summaries = match wallet {
            None => store.list()?,
            Some(name) => match store.summary(name) {
                Ok(summary) => vec![summary],
                Err(StoreError::NotFound { .. }) => Vec::new(),
                Err(error) => return Err(error.into()),
            },
        };
        if let Some((wallet, problem)) = summaries.iter().find_map(|wallet| Some((wallet, wallet.problem.clone()?))) {
            let (path, source) = (wallet.dir.clone(), io::Error::other(problem));
            return Err(StoreError::Io { action: "count the plain keys of", path, source }.into());
        }
        let is_meant = |key: &KeyId| {
            wallet.is_none_or(|wallet| key.wallet == *wallet) && role.is_none_or(|role| key.role == *role)
        };
        let on_disk = summaries.into_iter().flat_map(WalletSummary::into_keys);
        let on_disk =
            on_disk.filter(|(key, found)| is_meant(key) && found.encryption == Some(Encryption::None)).count();
        // Under any name that the file can have: who asks for one is told of it.
        let is_handed_over = |key: &KeyId| is_meant(key) && !store.wallet(&key.wallet).path(&key.role).exists();
        let mut handed_over = 0;
        for (path, names) in self.shared.credentials.hotkeys()? {
            let mut meant = names.iter().filter(|key| is_handed_over(key)).peekable();
            if meant.peek().is_none() {
                continue;
            }
            let has_password = meant.any(|key| self.shared.password_beside(key).is_some());
            if has_password || Credentials::encryption(&path)? == Encryption::None {
                handed_over += 1;
            }
        }
        Ok(on_disk + handed_over)
    }

    fn without_files(&self, name: &WalletName) -> WalletSummary {
        let dir = self.store().wallet(name).dir().to_owned();
        WalletSummary { name: name.clone(), dir, coldkey: None, hotkeys: Vec::new(), problem: None }
    }

    /// Adds the hotkey `id`, handed over at `path`, unless the wallet has a file of its own for it.
    fn add(&self, wallet: &mut WalletSummary, id: &KeyId, path: PathBuf) {
        let KeyRole::Hotkey(name) = &id.role else { return };
        let place = wallet.hotkeys.binary_search_by(|(known, _)| known.cmp(name));
        if place.is_ok() && self.store().wallet(&id.wallet).path(&id.role).exists() {
            return;
        }
        let told = place.ok().and_then(|at| wallet.hotkeys[at].1.public);
        let entry: (HotkeyName, KeySummary) = (name.clone(), self.handed_over(id, path, told));
        match place {
            Ok(at) => wallet.hotkeys[at] = entry,
            Err(at) => wallet.hotkeys.insert(at, entry),
        }
    }

    /// What a credential says of itself, beside what a public file has `told`.
    fn handed_over(&self, id: &KeyId, path: PathBuf, told: Option<btd_keys::PublicKey>) -> KeySummary {
        let encryption = Credentials::encryption(&path);
        let (encryption, mut problem) = match encryption {
            Ok(encryption) => (Some(encryption), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let mut public = told.or_else(|| Credentials::stated(&path));
        if encryption == Some(Encryption::None) {
            // Opening a plain one derives nothing slow, and checks it against the public file.
            match Credentials::open(self.store(), id, path.clone(), None) {
                Ok(opened) => public = Some(opened.key.public()),
                Err(error) => problem = Some(error.to_string()),
            }
        }
        KeySummary { public, encryption, problem, readers: Readers::of(&path), handed_over: Some(path) }
    }
}
