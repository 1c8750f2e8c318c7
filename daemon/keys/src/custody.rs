//! Custody of unlocked keys: one handle that unlocks for a while, signs for a closed set of
//! purposes, and locks again.
//!
//! No secret leaves it. Everything is asynchronous and by value, so that the other side of the
//! handle can become a process of its own. Key derivations run one at a time, off the async
//! threads: each takes 512 MiB. Expiry is checked at every use, so a key whose window has ended
//! signs nothing even if [`Custody::expire`] has not come round to wiping it yet.

mod error;
mod table;

use std::{fmt, future::Future, sync::Arc, time::Duration};

use btd_api::{HotkeyName, WalletName};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

pub use self::error::CustodyError;
use self::table::{Found, Held, Table, Window};
use crate::{
    backoff::{FailureLog, Gate, MemoryFailureLog},
    clock::{BootClock, BootTime, Clock},
    key::Key,
    keyfile::{Encryption, KeyFileError, Protection},
    pair::KeyPair,
    purpose::{ExtrinsicPayload, Purpose, Purposes, SynapseMessage, TextMessage},
    request_signer::RequestSigner,
    scheme::{PublicKey, Signature},
    secret::Password,
    store::{Existing, KeyId, KeyRole, StoreError, WalletStore},
};

/// Bounds on unlocking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustodyConfig {
    /// How long a key stays unlocked when the caller does not say.
    pub default_window: Duration,
    /// How long it may stay unlocked at most.
    pub max_window: Duration,
    /// How many callers may wait for a key derivation; one more is refused at once.
    pub max_waiting: usize,
}

impl Default for CustodyConfig {
    fn default() -> Self {
        Self { default_window: Duration::from_mins(5), max_window: Duration::from_mins(15), max_waiting: 128 }
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
}

/// One unlocked key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStatus {
    /// Which key.
    pub key: KeyId,
    /// Its public half.
    pub public: PublicKey,
    /// For what it may be used.
    pub purposes: Purposes,
    /// When it locks itself; `None` for a hotkey that is plain on disk.
    pub remaining: Option<Duration>,
}

/// The handle. Clones share the same keys; when the last is dropped all are wiped.
#[derive(Clone)]
pub struct Custody {
    shared: Arc<Shared>,
}

struct Shared {
    store: WalletStore,
    config: CustodyConfig,
    clock: Arc<dyn Clock>,
    failures: Arc<dyn FailureLog>,
    gate: Gate,
    /// One permit: one key derivation at a time.
    derivation: Arc<Semaphore>,
    /// A permit for each caller that may wait for the other one.
    waiting: Arc<Semaphore>,
    table: Table,
    changed: Notify,
}

// === impl Custody ===

impl Custody {
    /// Custody over the wallets of `store`, with nothing unlocked.
    pub fn new(store: WalletStore, config: CustodyConfig) -> Self {
        Self::with(store, config, Arc::new(BootClock), Arc::new(MemoryFailureLog::default()))
    }

    /// The same with another clock and a log of failures that outlives the process.
    pub fn with(
        store: WalletStore,
        config: CustodyConfig,
        clock: Arc<dyn Clock>,
        failures: Arc<dyn FailureLog>,
    ) -> Self {
        let gate = Gate::new(clock.now());
        Self {
            shared: Arc::new(Shared {
                store,
                config,
                clock,
                failures,
                gate,
                derivation: Arc::new(Semaphore::new(1)),
                waiting: Arc::new(Semaphore::new(config.max_waiting)),
                table: Table::default(),
                changed: Notify::new(),
            }),
        }
    }

    /// The wallets this is custody of.
    pub fn store(&self) -> &WalletStore {
        &self.shared.store
    }

    /// Unlocks a key, replacing the window and purposes of an earlier unlock. A hotkey that is
    /// plain on disk needs none of this and keeps no window. Waits its turn for key derivation.
    ///
    /// Dropping the future before it is done unlocks nothing, but the attempt counts.
    pub async fn unlock(&self, request: UnlockRequest) -> Result<KeyStatus, CustodyError> {
        let UnlockRequest { key: id, password, window, purposes } = request;
        let max = self.shared.config.max_window;
        let asked = window.unwrap_or(self.shared.config.default_window.min(max));
        if asked.is_zero() || asked > max {
            return Err(CustodyError::Window { asked, max });
        }
        let intent = self.shared.table.intend(&id);
        let opened = match password {
            Some(password) => self.open_guarded(&id, password).await?,
            None => self.open_plain(&id).await?,
        };
        let window = match (&id.role, opened.encryption) {
            (KeyRole::Hotkey(_), Encryption::None) => None,
            _ => Some(Window { until: self.now().after(asked), purposes }),
        };
        let public = opened.pair.public();
        let held = Held { pair: Arc::new(opened.pair), public, window };
        if !self.shared.table.insert(&intent, held) {
            return Err(CustodyError::LockedMeanwhile(id));
        }
        self.shared.changed.notify_one();
        tracing::info!(key = %id, ?purposes, seconds = window.map(|_| asked.as_secs()), "unlocked a key");
        Ok(KeyStatus {
            key: id,
            public,
            purposes: window.map_or(Purposes::ALL, |window| window.purposes),
            remaining: window.map(|_| asked),
        })
    }

    /// Locks one key and wipes it. An unlock of it that is under way fails. Tells whether anything
    /// was unlocked.
    pub fn lock(&self, key: &KeyId) -> bool {
        let was = self.shared.table.remove(key);
        if was {
            tracing::info!(%key, "locked a key");
        }
        was
    }

    /// Locks every key, or every key of one wallet, and tells how many were unlocked.
    pub fn lock_all(&self, wallet: Option<&WalletName>) -> usize {
        let count = self.shared.table.remove_all(wallet);
        tracing::info!(count, wallet = wallet.map(WalletName::as_str), "locked keys");
        count
    }

    /// The keys that can be used now, by name.
    pub fn status(&self) -> Vec<KeyStatus> {
        self.shared.table.status(self.now())
    }

    /// The public half of a key, locked or not.
    pub async fn public(&self, key: &KeyId) -> Result<PublicKey, CustodyError> {
        if let Some(public) = self.shared.table.public(key) {
            return Ok(public);
        }
        self.blocking(key, |shared, id| Ok(shared.store.wallet(&id.wallet).public(&id.role)?)).await
    }

    /// Signs an extrinsic's payload.
    pub async fn sign_extrinsic(&self, key: &KeyId, payload: &ExtrinsicPayload) -> Result<Signature, CustodyError> {
        let pair = self.use_for(key, Purpose::Extrinsic).await?;
        tracing::info!(%key, pallet = payload.pallet(), call = payload.call(), "signed an extrinsic");
        Ok(pair.sign(&payload.signed()))
    }

    /// Signs a synapse message of which this hotkey is the signer.
    pub async fn sign_synapse(
        &self,
        wallet: &WalletName,
        hotkey: &HotkeyName,
        message: &SynapseMessage,
    ) -> Result<Signature, CustodyError> {
        let key = KeyId::hotkey(wallet.clone(), hotkey.clone());
        let pair = self.use_for(&key, Purpose::Synapse).await?;
        Ok(pair.sign(message.signed_by(pair.public().account)?))
    }

    /// Signs a user's text, between `<Bytes>` and `</Bytes>`.
    pub async fn sign_message(&self, key: &KeyId, message: &TextMessage) -> Result<Signature, CustodyError> {
        let pair = self.use_for(key, Purpose::Message).await?;
        tracing::info!(%key, "signed a message");
        Ok(pair.sign(&message.signed()))
    }

    /// A handle that signs synapse messages of one hotkey and nothing else. The hotkey may be
    /// locked, as long as its public half is known.
    pub async fn request_signer(
        &self,
        wallet: &WalletName,
        hotkey: &HotkeyName,
    ) -> Result<RequestSigner, CustodyError> {
        let key = KeyId::hotkey(wallet.clone(), hotkey.clone());
        let public = self.public(&key).await?;
        Ok(RequestSigner::new(self.clone(), wallet.clone(), hotkey.clone(), public))
    }

    /// Writes a key, encrypted if a password is given, and returns the copies that were kept of
    /// replaced files. The key in custody under that name, if any, is locked.
    pub async fn create(
        &self,
        id: &KeyId,
        key: Key,
        password: Option<Password>,
        existing: Existing,
    ) -> Result<Vec<std::path::PathBuf>, CustodyError> {
        let permit = match password {
            Some(_) => Some(self.turn(id).await?),
            None => None,
        };
        let copies = self
            .blocking(id, move |shared, id| {
                let _permit = permit;
                let protection = password.as_ref().map_or(Protection::Plain, Protection::Nacl);
                Ok(shared.store.wallet(&id.wallet).write(&id.role, &key, protection, existing)?)
            })
            .await?;
        self.lock(id);
        tracing::info!(key = %id, kept = copies.len(), "wrote a key");
        Ok(copies)
    }

    /// Wipes keys as their windows end; runs until it is dropped. To be started once.
    pub async fn expire(&self) {
        /// The runtime's timer stands still while the host sleeps, so it is never trusted for long.
        const AT_MOST: Duration = Duration::from_millis(500);
        loop {
            match self.expire_now() {
                None => self.shared.changed.notified().await,
                Some(next) => {
                    tokio::select! {
                        () = tokio::time::sleep(next.min(AT_MOST)) => {}
                        () = self.shared.changed.notified() => {}
                    }
                }
            }
        }
    }

    /// Wipes the keys whose windows have ended and tells when the next one does.
    pub fn expire_now(&self) -> Option<Duration> {
        let now = self.now();
        let (ended, next) = self.shared.table.expire(now);
        for key in ended {
            tracing::info!(%key, "locked a key: its time was over");
        }
        next
    }

    fn now(&self) -> BootTime {
        self.shared.clock.now()
    }

    /// The pair of a key that is allowed this purpose; a plain hotkey is loaded on first use.
    async fn use_for(&self, key: &KeyId, purpose: Purpose) -> Result<Arc<KeyPair>, CustodyError> {
        match self.shared.table.find(key, purpose, self.now()) {
            Found::Usable(pair) => Ok(pair),
            Found::NotAllowed => Err(CustodyError::NotAllowed { key: key.clone(), purpose }),
            Found::Absent => match key.role {
                KeyRole::Coldkey => Err(CustodyError::Locked(key.clone())),
                KeyRole::Hotkey(_) => self.load(key).await,
            },
        }
    }

    async fn load(&self, id: &KeyId) -> Result<Arc<KeyPair>, CustodyError> {
        let intent = self.shared.table.intend(id);
        let opened = match self.open_plain(id).await {
            Err(CustodyError::Store(StoreError::KeyFile { source: KeyFileError::PasswordRequired(_), .. })) => {
                return Err(CustodyError::Locked(id.clone()));
            }
            other => other?,
        };
        let pair = Arc::new(opened.pair);
        let held = Held { pair: Arc::clone(&pair), public: pair.public(), window: None };
        // If it was locked meanwhile, this one use is older than the lock.
        self.shared.table.insert(&intent, held);
        Ok(pair)
    }

    async fn open_plain(&self, id: &KeyId) -> Result<Opened, CustodyError> {
        self.blocking(id, |shared, id| Ok(shared.open(id, None)?)).await
    }

    /// Opens a file with a password, counting failures. A plain file is opened without counting.
    async fn open_guarded(&self, id: &KeyId, password: Password) -> Result<Opened, CustodyError> {
        let encrypted =
            self.blocking(id, |shared, id| Ok(shared.store.wallet(&id.wallet).read(&id.role)?.encryption())).await?
                != Encryption::None;
        if !encrypted {
            return self.open_plain(id).await;
        }
        let permit = self.turn(id).await?;
        self.blocking(id, move |shared, id| {
            let _permit = permit;
            shared.try_password(id, &password)
        })
        .await
    }

    /// Waits for the one place in which a key is derived.
    async fn turn(&self, id: &KeyId) -> Result<OwnedSemaphorePermit, CustodyError> {
        let _waiting = self.shared.waiting.try_acquire().map_err(|_| CustodyError::Busy)?;
        Arc::clone(&self.shared.derivation).acquire_owned().await.map_err(|_| CustodyError::Aborted(id.clone()))
    }

    fn blocking<T, F>(&self, id: &KeyId, work: F) -> impl Future<Output = Result<T, CustodyError>> + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce(&Shared, &KeyId) -> Result<T, CustodyError> + Send + 'static,
    {
        let (shared, id) = (Arc::clone(&self.shared), id.clone());
        async move {
            let task = tokio::task::spawn_blocking({
                let id = id.clone();
                move || work(&shared, &id)
            });
            task.await.unwrap_or_else(|_| Err(CustodyError::Aborted(id)))
        }
    }
}

impl fmt::Debug for Custody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custody").field("store", &self.shared.store).finish_non_exhaustive()
    }
}

struct Opened {
    pair: KeyPair,
    encryption: Encryption,
}

// === impl Shared ===

impl Shared {
    fn open(&self, id: &KeyId, password: Option<&Password>) -> Result<Opened, StoreError> {
        let wallet = self.store.wallet(&id.wallet);
        let encryption = wallet.read(&id.role)?.encryption();
        Ok(Opened { pair: wallet.open(&id.role, password)?.into_pair(), encryption })
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
                tracing::warn!(key = %id, failures = charged, "refused a wrong password");
                Err(CustodyError::WrongPassword { key: id.clone(), retry_in: crate::backoff::delay(charged) })
            }
            Err(other) => {
                self.failures.store(id, before)?;
                self.gate.forgive(id);
                Err(other.into())
            }
        }
    }
}
