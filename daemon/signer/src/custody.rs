//! Custody of unlocked keys: unlocks for a while, signs for a closed set of purposes, locks again.
//!
//! Everything blocks and nothing is asynchronous: which thread does what is the server's to decide.
//! Key derivations run one at a time, whoever asks: each takes 512 MiB. Expiry is checked at every
//! use, so a key whose window has ended signs nothing even if nobody has come round to wiping it. So
//! is the file: other tools work on the same wallets, and a key whose file is no longer the one that
//! was opened is forgotten.

mod credentials;
mod error;
mod handed_over;
mod listing;
mod table;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use btd_api::{HotkeyName, WalletName};
use btd_keys::{
    Encryption, ExtrinsicPayload, FileMark, Key, KeyFileError, KeyId, KeyPair, KeyRole, Password, Protect, PublicKey,
    Purpose, Purposes, Signature, StoreError, SynapseMessage, TextMessage, WalletStore,
};
use btd_signer_protocol::operations::{Earlier, KeyStatus, Reprotected};

use self::credentials::Credentials;
pub use self::error::CustodyError;
use self::handed_over::Misfits;
use self::table::{Found, Held, Intent, Table, Window};
use crate::{
    backoff::{FailureLog, Gate},
    clock::{BootTime, Clock},
    log,
    memory::Memory,
};

/// Bounds on unlocking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustodyConfig {
    /// How long a key stays unlocked when the caller does not say.
    pub default_window: Duration,
    /// How long it may stay unlocked at most.
    pub max_window: Duration,
}

impl Default for CustodyConfig {
    fn default() -> Self {
        Self { default_window: Duration::from_mins(5), max_window: Duration::from_mins(15) }
    }
}

/// What [`Custody::unlock`] is asked.
#[derive(Clone, Debug)]
pub struct UnlockRequest {
    /// Which key.
    pub key: KeyId,
    /// Its password; not needed for a plain file.
    pub password: Option<Password>,
    /// For how long; the configured default if `None`.
    pub window: Option<Duration>,
    /// For what.
    pub purposes: Purposes,
    /// What becomes of an earlier unlock.
    pub earlier: Earlier,
}

/// The handle. Clones share the same keys; when the last is dropped all are wiped.
#[derive(Clone)]
pub struct Custody {
    shared: Arc<Shared>,
}

struct Shared {
    store: WalletStore,
    /// Key files handed over by the service manager, beside those of the store.
    credentials: Credentials,
    config: CustodyConfig,
    clock: Arc<dyn Clock>,
    failures: Arc<dyn FailureLog>,
    gate: Gate,
    /// Handed-over files that the password beside them does not open.
    misfits: Misfits,
    /// Held by the one thread that derives a key.
    derivation: Mutex<Memory>,
    table: Arc<Table>,
}

/// An unlock that has begun: locking the key from now on makes it fail.
pub struct Unlocking {
    custody: Custody,
    intent: Intent,
    request: UnlockRequest,
    window: Duration,
}

struct Opened {
    key: Key,
    encryption: Encryption,
}

// === impl Custody ===

impl Custody {
    /// Custody over the wallets of `store`, with nothing unlocked.
    pub fn new(
        store: WalletStore,
        config: CustodyConfig,
        clock: Arc<dyn Clock>,
        failures: Arc<dyn FailureLog>,
    ) -> Self {
        let gate = Gate::new(clock.now());
        let (derivation, table) = (Mutex::new(Memory::Swappable), Arc::default());
        Self {
            shared: Arc::new(Shared {
                store,
                credentials: Credentials::default(),
                config,
                clock,
                failures,
                gate,
                misfits: Misfits::default(),
                derivation,
                table,
            }),
        }
    }

    /// The same with hotkey files in `credentials` (`hotkey.WALLET.NAME`), and with memory that is
    /// or is not locked. Before the handle is cloned.
    #[must_use]
    pub fn with(self, credentials: Option<PathBuf>, memory: Memory) -> Self {
        let Some(shared) = Arc::into_inner(self.shared) else { unreachable!("a new handle has no clones") };
        Self {
            shared: Arc::new(Shared {
                credentials: Credentials(credentials),
                derivation: Mutex::new(memory),
                ..shared
            }),
        }
    }

    /// The wallets this is custody of.
    pub fn store(&self) -> &WalletStore {
        &self.shared.store
    }

    /// The directory of credentials, if the service manager gave one.
    pub fn credentials(&self) -> Option<&Path> {
        self.shared.credentials.0.as_deref()
    }

    /// Begins to unlock a key: from now on, locking it makes the unlock fail.
    ///
    /// # Errors
    /// When the window is none that can be. One beside an earlier unlock is cut to the longest that can be.
    pub fn begin_unlock(&self, request: UnlockRequest) -> Result<Unlocking, CustodyError> {
        let max = self.shared.config.max_window;
        let window = match (request.window, request.earlier) {
            (None, _) => self.shared.config.default_window.min(max),
            (Some(window), Earlier::Ends) => window,
            (Some(window), Earlier::Stays) => window.min(max),
        };
        if window.is_zero() || window > max {
            return Err(CustodyError::Window { asked: window, max });
        }
        let intent = self.shared.table.intend(&request.key);
        Ok(Unlocking { custody: self.clone(), intent, request, window })
    }

    /// Unlocks a key; what becomes of an earlier unlock, the request says. A hotkey that is
    /// plain on disk needs none of this and keeps no window. Waits its turn for key derivation.
    ///
    /// # Errors
    /// When the window, the password or the file is not right.
    pub fn unlock(&self, request: UnlockRequest) -> Result<KeyStatus, CustodyError> {
        self.begin_unlock(request)?.finish()
    }

    /// Locks one key and wipes it. An unlock of it that is under way fails. Tells whether anything
    /// was unlocked.
    pub fn lock(&self, key: &KeyId) -> bool {
        self.shared.table.remove(key)
    }

    /// Locks every key, or every key of one wallet, and tells how many were unlocked.
    pub fn lock_all(&self, wallet: Option<&WalletName>) -> usize {
        self.shared.table.remove_all(wallet)
    }

    /// The keys that can be used now, by name.
    pub fn status(&self) -> Vec<KeyStatus> {
        self.forget_changed(None);
        self.shared.table.status(self.now())
    }

    /// The public half of a key, locked or not.
    ///
    /// # Errors
    /// When no file tells it.
    pub fn public(&self, key: &KeyId) -> Result<PublicKey, CustodyError> {
        self.forget_changed(Some(key));
        if let Some(public) = self.shared.table.public(key) {
            return Ok(public);
        }
        match self.shared.store.wallet(&key.wallet).public(&key.role) {
            Err(StoreError::NotFound { .. }) if self.shared.credentials.file(key).is_some() => {
                match self.shared.password_beside(key) {
                    Some(password) => Ok(self.open_beside(key, &password, Purpose::Synapse)?.public()),
                    None => Ok(self.shared.open(key, None)?.key.public()),
                }
            }
            other => Ok(other?),
        }
    }

    /// How the file of a key is encrypted; `None` where there is no file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn encryption(&self, key: &KeyId) -> Result<Option<Encryption>, CustodyError> {
        match self.shared.encryption(key) {
            Ok(encryption) => Ok(Some(encryption)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Signs an extrinsic's payload.
    ///
    /// # Errors
    /// When the key is locked, or was unlocked for something else.
    pub fn sign_extrinsic(&self, key: &KeyId, payload: &ExtrinsicPayload) -> Result<Signature, CustodyError> {
        Ok(self.use_for(key, payload.purpose())?.sign(&payload.signed()))
    }

    /// Signs a synapse message of which this hotkey is the signer.
    ///
    /// # Errors
    /// When the key is locked, was unlocked for something else, or is not whom the message names.
    pub fn sign_synapse(
        &self,
        wallet: &WalletName,
        hotkey: &HotkeyName,
        message: &SynapseMessage,
    ) -> Result<Signature, CustodyError> {
        let key = KeyId::hotkey(wallet.clone(), hotkey.clone());
        let pair = self.use_for(&key, Purpose::Synapse)?;
        Ok(pair.sign(message.signed_by(pair.public().account)?))
    }

    /// Signs a user's text, between `<Bytes>` and `</Bytes>`.
    ///
    /// # Errors
    /// When the key is locked, or was unlocked for something else.
    pub fn sign_message(&self, key: &KeyId, message: &TextMessage) -> Result<Signature, CustodyError> {
        Ok(self.use_for(key, Purpose::Message)?.sign(&message.signed()))
    }

    /// Opens a message that was sealed to this key, and tells whose key it is.
    ///
    /// # Errors
    /// When the key is locked, was unlocked for something else, or the message is not for it.
    pub fn open_sealed(
        &self,
        key: &KeyId,
        sealed: &[u8],
    ) -> Result<(zeroize::Zeroizing<Vec<u8>>, PublicKey), CustodyError> {
        let pair = self.use_for(key, Purpose::Message)?;
        Ok((pair.open_sealed(sealed)?, pair.public()))
    }

    /// Writes a key file anew under another protection. What is unlocked stays so until its time has
    /// come; a plain hotkey that was in use is locked from now on. A wrong password counts as one.
    ///
    /// # Errors
    /// When the password or the file is not right, or the file cannot be written.
    pub fn reprotect(
        &self,
        id: &KeyId,
        password: Option<&Password>,
        protect: &Protect,
    ) -> Result<Reprotected, CustodyError> {
        let wallet = self.shared.store.wallet(&id.wallet);
        let opened = wallet.mark(&id.role);
        // What the service manager handed over is its own to change.
        let from = match wallet.read(&id.role) {
            Err(StoreError::NotFound { .. }) if self.shared.credentials.file(id).is_some() => {
                return Err(CustodyError::HandedOver(id.clone()));
            }
            file => file?.encryption(),
        };
        self.forget_changed(Some(id));
        self.derive(|| {
            let key = match password {
                Some(password) if from != Encryption::None => self.shared.try_password(id, password)?.key,
                _ => wallet.open(&id.role, None)?,
            };
            let kept = protect.with(|protection| wallet.reprotect(&id.role, &key, opened, protection))?;
            self.shared.table.rewritten(id, key.public(), wallet.mark(&id.role));
            Ok(Reprotected { public: key.public(), from, path: wallet.path(&id.role), kept })
        })
    }

    /// Runs `work`, which derives a key, when no other is being derived.
    pub fn derive<T>(&self, work: impl FnOnce() -> T) -> T {
        let turn = self.shared.derivation.lock().unwrap_or_else(PoisonError::into_inner);
        turn.with_swappable_work_area(work)
    }

    /// Wipes the keys whose windows have ended; which they were, and how long until the next ends.
    pub fn expire(&self) -> (Vec<KeyId>, Option<Duration>) {
        let (ended, next, _) = self.shared.table.expire(self.now());
        (ended, next)
    }

    /// Wipes keys as their windows end, for ever, and tells `ended` of each.
    pub fn keep_expiring(&self, mut ended: impl FnMut(&KeyId)) -> ! {
        /// Waiting stands still while the host sleeps, so it is never trusted for long.
        const AT_MOST: Duration = Duration::from_millis(500);
        loop {
            let (wiped, next, changes) = self.shared.table.expire(self.now());
            wiped.iter().for_each(&mut ended);
            self.shared.table.wait(changes, next.map(|next| next.min(AT_MOST)));
        }
    }

    fn now(&self) -> BootTime {
        self.shared.clock.now()
    }

    /// Forgets the key, or any, whose file is not the one it was opened from.
    fn forget_changed(&self, key: Option<&KeyId>) {
        for (key, mark) in self.shared.table.marks(key) {
            if self.shared.mark(&key) != mark && self.shared.table.remove_marked(&key, mark) {
                log::warn(format_args!("forgot {key}: its file is not the one any more that was opened"));
            }
        }
    }

    /// The pair of a key that is allowed this purpose. A plain hotkey is loaded on first use and
    /// kept, and so is one whose password the service manager hands over with it; a plain coldkey is
    /// opened for this one use: nobody has to unlock what is not locked.
    fn use_for(&self, key: &KeyId, purpose: Purpose) -> Result<Arc<KeyPair>, CustodyError> {
        self.forget_changed(Some(key));
        match self.shared.table.find(key, purpose, self.now()) {
            Found::Usable(pair) => Ok(pair),
            Found::NotAllowed => Err(CustodyError::NotAllowed { key: key.clone(), purpose }),
            Found::Absent => {
                if let Some(password) = self.shared.password_beside(key) {
                    return self.open_beside(key, &password, purpose);
                }
                let (intent, mark) = (self.shared.table.intend(key), self.shared.mark(key));
                let pair = Arc::new(self.open_plain(key)?);
                if let KeyRole::Hotkey(_) = key.role {
                    let held = Held { pair: Arc::clone(&pair), public: pair.public(), windows: Vec::new(), mark };
                    // If it was locked meanwhile, this one use is older than the lock.
                    self.shared.table.insert(&intent, held, Earlier::Ends);
                }
                Ok(pair)
            }
        }
    }

    fn open_plain(&self, id: &KeyId) -> Result<KeyPair, CustodyError> {
        match self.shared.open(id, None) {
            Ok(opened) => Ok(opened.key.into_pair()),
            Err(StoreError::KeyFile { source: KeyFileError::PasswordRequired(_), .. }) => {
                Err(CustodyError::Locked(id.clone()))
            }
            Err(other) => Err(other.into()),
        }
    }
}

impl fmt::Debug for Custody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custody").field("store", &self.shared.store).finish_non_exhaustive()
    }
}

// === impl Unlocking ===

impl Unlocking {
    /// Whether it has a password to try, which takes seconds.
    pub fn derives(&self) -> bool {
        self.request.password.is_some()
    }

    /// Opens the key.
    ///
    /// # Errors
    /// When the password or the file is not right, or the key was locked meanwhile.
    pub fn finish(self) -> Result<KeyStatus, CustodyError> {
        let Self { custody, intent, request, window: asked } = self;
        let UnlockRequest { key, password, purposes, earlier, .. } = request;
        let shared = &custody.shared;
        // Before it is opened: what is written meanwhile is another file then.
        let mark = shared.mark(&key);
        let opened = match password {
            Some(password) if shared.encryption(&key)? != Encryption::None => {
                custody.derive(|| {
                    // Who has waited for a turn may be too late: seconds and a guess are not spent then.
                    if shared.table.is_locked_since(&intent) {
                        return Err(CustodyError::LockedMeanwhile(key.clone()));
                    }
                    shared.try_password(&key, &password)
                })?
            }
            _ => shared.open(&key, None)?,
        };
        if shared.mark(&key) != mark {
            let path = shared.store.wallet(&key.wallet).path(&key.role);
            return Err(StoreError::Changed { path }.into());
        }
        let window = match (&key.role, opened.encryption) {
            (KeyRole::Hotkey(_), Encryption::None) => None,
            _ => Some(Window { until: custody.now().after(asked), purposes }),
        };
        let public = opened.key.public();
        let windows = window.into_iter().collect();
        let held = Held { pair: Arc::new(opened.key.into_pair()), public, windows, mark };
        if !shared.table.insert(&intent, held, earlier) {
            return Err(CustodyError::LockedMeanwhile(key));
        }
        match shared.store.wallet(&key.wallet).complete(&key.role, &public) {
            Ok(true) => log::info(format_args!("wrote the public half of {key}, which it lacked")),
            Ok(false) => {}
            Err(error) => log::warn(format_args!("the public half of {key} is missing: {error}")),
        }
        let purposes = window.map_or(Purposes::ALL, |window| window.purposes);
        Ok(KeyStatus { key, public, purposes, remaining: window.map(|_| asked) })
    }
}

impl fmt::Debug for Unlocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unlocking").field("request", &self.request).finish_non_exhaustive()
    }
}

// === impl Shared ===

impl Shared {
    /// How the file of a key is encrypted, wherever it lies.
    fn encryption(&self, id: &KeyId) -> Result<Encryption, StoreError> {
        match self.store.wallet(&id.wallet).read(&id.role) {
            Ok(file) => Ok(file.encryption()),
            Err(absent @ StoreError::NotFound { .. }) => {
                Credentials::encryption(&self.credentials.file(id).ok_or(absent)?)
            }
            Err(error) => Err(error),
        }
    }

    /// Which file a key has now, wherever it lies.
    fn mark(&self, id: &KeyId) -> Option<FileMark> {
        let own = self.store.wallet(&id.wallet).mark(&id.role);
        own.or_else(|| FileMark::of(&self.credentials.file(id)?))
    }

    fn open(&self, id: &KeyId, password: Option<&Password>) -> Result<Opened, StoreError> {
        let wallet = self.store.wallet(&id.wallet);
        match wallet.read(&id.role) {
            Ok(file) => Ok(Opened { key: wallet.open(&id.role, password)?, encryption: file.encryption() }),
            Err(absent @ StoreError::NotFound { .. }) => {
                let path = self.credentials.file(id).ok_or(absent)?;
                Credentials::open(&self.store, id, path, password)
            }
            Err(error) => Err(error),
        }
    }

    /// One guess, charged before it is made.
    fn try_password(&self, id: &KeyId, password: &Password) -> Result<Opened, CustodyError> {
        let before = self.failures.load(id)?;
        let now = self.clock.now();
        if let Some(retry_in) = self.gate.wait(id, before, now) {
            return Err(CustodyError::TooManyFailures { key: id.clone(), retry_in });
        }
        let charged = before.saturating_add(1);
        self.failures.store(id, charged)?;
        self.gate.fail(id, now);
        match self.open(id, Some(password)) {
            Ok(opened) => {
                self.failures.store(id, 0)?;
                self.gate.forgive(id);
                Ok(opened)
            }
            Err(StoreError::KeyFile { source: KeyFileError::WrongPassword, .. }) => {
                // The wait begins when the answer is known.
                self.gate.fail(id, self.clock.now());
                Err(CustodyError::WrongPassword { key: id.clone(), retry_in: crate::backoff::delay(charged) })
            }
            Err(other) => {
                self.failures.store(id, before)?;
                // Earlier failures still count from when they were; only a key without any waits for nothing.
                if before == 0 {
                    self.gate.forgive(id);
                }
                Err(other.into())
            }
        }
    }
}
