//! Hotkeys that the service manager hands over together with their passwords: they need no unlocking,
//! and nothing new takes their names.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use btd_keys::{Encryption, FileMark, KeyFileError, KeyId, KeyPair, Purpose, StoreError, environment};
use btd_signer_protocol::operations::Earlier;

use super::{
    Custody, CustodyError, Shared,
    credentials::Credentials,
    table::{Found, Held},
};
use crate::log;

/// The secret file of a key, its public file and that of its password, as they were when it was tried.
type Marks = [Option<FileMark>; 3];

/// The keys that did not open with the password beside them: tried again when a file has changed.
#[derive(Default)]
pub(super) struct Misfits(Mutex<BTreeMap<KeyId, Marks>>);

// === impl Misfits ===

impl Misfits {
    fn state(&self) -> MutexGuard<'_, BTreeMap<KeyId, Marks>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, id: &KeyId, now: Marks) -> bool {
        self.state().get(id) == Some(&now)
    }

    fn add(&self, id: &KeyId, tried: Marks) {
        self.state().insert(id.clone(), tried);
    }
}

// === impl Custody ===

impl Custody {
    /// Opens the hotkeys that the service manager hands over together with their passwords, so that
    /// the first use of one need not wait for a derivation.
    pub fn open_handed_over(&self) {
        let found = match self.handed_over_hotkeys() {
            Ok(found) => found,
            Err(error) => return log::warn(format_args!("cannot look at the credentials: {error}")),
        };
        for (_, key) in found {
            let Some(password) = self.shared.password_beside(&key) else { continue };
            // Which purpose is asked plays no part: a key without a window is held for all. What it does not open for
            // is told where it is found out, but for this.
            if let Err(error @ CustodyError::Environment(_)) = self.open_beside(&key, &password, Purpose::Synapse) {
                log::warn(format_args!("cannot open {key}, which is handed over: {error}"));
            }
        }
    }

    /// Whether using this key would derive it first, which takes seconds.
    pub fn derives(&self, key: &KeyId) -> bool {
        if self.shared.credentials.file(key).is_none() {
            return false;
        }
        self.forget_changed(Some(key));
        let held = self.shared.table.find(key, Purpose::Synapse, self.now());
        matches!(held, Found::Absent) && self.shared.password_beside(key).is_some()
    }

    /// Refuses a new key under the name of one that the service manager hands over: it would be used
    /// in place of that one from then on.
    ///
    /// # Errors
    /// [`CustodyError::HandedOver`].
    pub fn check_free(&self, key: &KeyId) -> Result<(), CustodyError> {
        // A file of the wallet's own goes before what was handed over already.
        let own = self.shared.store.wallet(&key.wallet).path(&key.role).exists();
        match self.shared.credentials.file(key).filter(|_| !own) {
            Some(_) => Err(CustodyError::HandedOver(key.clone())),
            None => Ok(()),
        }
    }

    /// The pair of a hotkey that was handed over with its password, held from now on without a window.
    /// The guess is not counted: it is the service manager's, and made once for each file.
    pub(super) fn open_beside(
        &self,
        id: &KeyId,
        password: &Path,
        purpose: Purpose,
    ) -> Result<Arc<KeyPair>, CustodyError> {
        let password = environment::read_file(password)?;
        self.derive(|| {
            // Whoever waited for the turn finds what the one before has opened.
            match self.shared.table.find(id, purpose, self.now()) {
                Found::Usable(pair) => return Ok(pair),
                Found::NotAllowed => return Err(CustodyError::NotAllowed { key: id.clone(), purpose }),
                Found::Absent => {}
            }
            let tried = self.shared.marks(id);
            if self.shared.misfits.has(id, tried) {
                return Err(CustodyError::Locked(id.clone()));
            }
            let (intent, mark) = (self.shared.table.intend(id), self.shared.mark(id));
            match self.shared.open(id, Some(&password)) {
                Ok(opened) => {
                    let pair = Arc::new(opened.key.into_pair());
                    let held = Held { pair: Arc::clone(&pair), public: pair.public(), windows: Vec::new(), mark };
                    self.shared.table.insert(&intent, held, Earlier::Ends);
                    log::info(format_args!("opened {id} with the password that is handed over beside it"));
                    Ok(pair)
                }
                Err(StoreError::KeyFile { source: KeyFileError::WrongPassword, .. }) => {
                    log::warn(format_args!("the password that is handed over beside {id} does not open it"));
                    self.shared.misfits.add(id, tried);
                    Err(CustodyError::Locked(id.clone()))
                }
                Err(other) => {
                    log::warn(format_args!("{id}, which is handed over, does not open: {other}"));
                    // What the host refuses now it may allow in a moment.
                    if !matches!(other, StoreError::Io { .. }) {
                        self.shared.misfits.add(id, tried);
                    }
                    Err(other.into())
                }
            }
        })
    }
}

// === impl Shared ===

impl Shared {
    /// The file with the password of a hotkey, if both were handed over and it is not known not to fit.
    /// A file of the wallet's own goes before what was handed over, also if it is locked.
    pub(super) fn password_beside(&self, id: &KeyId) -> Option<PathBuf> {
        let file = self.credentials.file(id)?;
        if self.store.wallet(&id.wallet).path(&id.role).exists()
            || Credentials::encryption(&file).ok()? == Encryption::None
            || self.misfits.has(id, self.marks(id))
        {
            return None;
        }
        self.credentials.password(id)
    }

    fn marks(&self, id: &KeyId) -> Marks {
        let public = self.store.wallet(&id.wallet).public_path(&id.role);
        let password = self.credentials.password(id);
        [self.mark(id), FileMark::of(&public), password.and_then(|path| FileMark::of(&path))]
    }
}
