//! The keys of this host, as the rest of btd sees them: handles to the signer.
//!
//! The signer is a process of its own (`btd-signer`) that btd starts and restarts, or
//! finds at the sockets of a service. No secret key is ever in this process; passwords and new words
//! pass through it on their way. [`Custody`] speaks on the daemon's channel. What the axon and the
//! dendrites get is a [`RequestSigner`], which has only the other channel, where nothing but synapse
//! messages of hotkeys can be asked for.

mod connection;
mod error;
mod process;
#[cfg(test)]
mod tests;

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use btd_api::{Hotkey, HotkeyName, WalletName};
use btd_signer_protocol::{
    Control, Encryption, KeyId, KeyRole, Operation, PublicKey, Purpose, Refusal, RefusalKind, Requests, Scheme,
    Signature,
    operations::{CountPlain, KeyStatus, Public, PublicHotkey, SignSynapse, Status, Summary},
};
use tokio::sync::watch;

use self::connection::Connection;
pub use self::error::CustodyError;
use crate::supervisor::Spawner;

/// Where the signer is, and what it is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it is to be had.
    pub signer: Place,
    /// The wallets directory, if btd starts it.
    pub wallets: PathBuf,
    /// The service manager's credentials, if btd starts it.
    pub credentials: Option<PathBuf>,
    /// How long a key stays unlocked when the caller does not say, if btd starts it.
    pub unlock: Duration,
    /// How long at most, if btd starts it.
    pub max_unlock: Duration,
}

/// Where the signer is to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// btd starts this program.
    Program(PathBuf),
    /// It runs as a service of its own, with its sockets in this directory.
    Sockets(PathBuf),
}

/// The handle. Clones share the signer.
#[derive(Clone)]
pub struct Custody {
    control: Channel<Control>,
    requests: Channel<Requests>,
}

/// The running connection of one channel, whichever it is now.
struct Channel<C>(watch::Receiver<Option<Arc<Connection<C>>>>);

/// For how long a call waits for a signer that is being started again.
const PATIENCE: Duration = Duration::from_secs(5);

// === impl Custody ===

impl Custody {
    /// Starts the signer, or finds it, and keeps it there.
    ///
    /// # Errors
    /// When it cannot be started or found now. Later it is tried again, for as long as it takes.
    pub async fn start(config: Config, spawner: &Spawner) -> Result<Self, CustodyError> {
        let (slots, custody) = Self::unconnected();
        process::keep(config, slots, spawner).await?;
        Ok(custody)
    }

    fn unconnected() -> (process::Slots, Self) {
        let ((control, controlled), (requests, requested)) = (watch::channel(None), watch::channel(None));
        let custody = Self { control: Channel(controlled), requests: Channel(requested) };
        (process::Slots { control, requests }, custody)
    }

    /// Asks something of the signer. What spends is asked by [`crate::submit`] alone.
    ///
    /// # Errors
    /// When the signer refuses or is not there. Nothing is asked twice.
    pub(crate) async fn ask<O: Operation<Channel = Control>>(&self, operation: O) -> Result<O::Reply, CustodyError> {
        self.control.ask(operation).await
    }

    /// The public half of a key, locked or not.
    ///
    /// # Errors
    /// When no file tells it.
    pub async fn public(&self, key: &KeyId) -> Result<PublicKey, CustodyError> {
        self.ask(Public { key: key.clone() }).await
    }

    /// The keys that can be used now, by name.
    ///
    /// # Errors
    /// When the signer is not there.
    pub async fn status(&self) -> Result<Vec<KeyStatus>, CustodyError> {
        self.ask(Status {}).await
    }

    /// Refuses a key whose file is encrypted and that is not unlocked for `purpose`. All else the signer knows better.
    ///
    /// # Errors
    /// When it is locked, be it for this alone, or the signer is not there.
    pub async fn require_unlocked(&self, key: &KeyId, purpose: Purpose) -> Result<(), CustodyError> {
        let usable = self.status().await?;
        if usable.iter().any(|usable| usable.key == *key && usable.purposes.contains(purpose)) {
            return Ok(());
        }
        let wallet = self.ask(Summary { wallet: key.wallet.clone() }).await?;
        let file = match &key.role {
            KeyRole::Coldkey => wallet.coldkey,
            KeyRole::Hotkey(name) => wallet.hotkeys.into_iter().find(|(known, _)| known == name).map(|(_, file)| file),
        };
        let Some(file) = file.filter(|file| !matches!(file.encryption, None | Some(Encryption::None))) else {
            return Ok(());
        };
        if file.handed_over.is_some() {
            // With its password beside it, it is opened when it is used.
            let beside = CountPlain { wallet: Some(key.wallet.clone()), role: Some(key.role.clone()) };
            if self.ask(beside).await.is_ok_and(|count| count > 0) {
                return Ok(());
            }
        }
        let refusal = Refusal::new(RefusalKind::Locked, format!("the key {key} is locked: unlock it first"));
        Err(CustodyError::Refused(refusal.about(key.clone())))
    }

    /// A handle that signs synapse messages of one hotkey and nothing else. The hotkey may be
    /// locked, as long as its public half is known.
    ///
    /// # Errors
    /// When there is no such hotkey.
    pub async fn request_signer(
        &self,
        wallet: &WalletName,
        hotkey: &HotkeyName,
    ) -> Result<RequestSigner, CustodyError> {
        let ask = PublicHotkey { wallet: wallet.clone(), hotkey: hotkey.clone() };
        let public = self.requests.ask(ask).await?;
        Ok(RequestSigner { requests: self.requests.clone(), wallet: wallet.clone(), hotkey: hotkey.clone(), public })
    }
}

impl fmt::Debug for Custody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connected = self.control.0.borrow().is_some();
        f.debug_struct("Custody").field("connected", &connected).finish_non_exhaustive()
    }
}

// === impl Channel ===

impl<C> Clone for Channel<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C: serde::Serialize + Send + 'static> Channel<C> {
    async fn ask<O: Operation<Channel = C>>(&self, operation: O) -> Result<O::Reply, CustodyError> {
        self.connection().await?.ask(operation).await
    }

    async fn connection(&self) -> Result<Arc<Connection<C>>, CustodyError> {
        // Mostly it is there, and needs no timer.
        let present = self.0.borrow().clone();
        if let Some(connection) = present {
            return Ok(connection);
        }
        let mut connections = self.0.clone();
        let found = tokio::time::timeout(PATIENCE, connections.wait_for(Option::is_some)).await;
        let connection = found.ok().and_then(Result::ok).and_then(|connection| connection.clone());
        connection.ok_or(CustodyError::Unavailable)
    }
}

/// Signs synapse messages as one hotkey. A type and not a permission: there is no method here, and
/// no word on its channel, to sign anything else. If the hotkey is locked, signing fails until it is
/// unlocked.
#[derive(Clone)]
pub struct RequestSigner {
    requests: Channel<Requests>,
    wallet: WalletName,
    hotkey: HotkeyName,
    public: PublicKey,
}

// === impl RequestSigner ===

impl RequestSigner {
    /// As whom it signs.
    pub fn hotkey(&self) -> Hotkey {
        Hotkey(self.public.account)
    }

    /// How it signs; axons of the SDKs verify sr25519 only.
    pub fn scheme(&self) -> Scheme {
        self.public.scheme
    }

    /// Signs a message that names this hotkey as its signer.
    ///
    /// # Errors
    /// When it is no such message, or the hotkey is locked.
    pub async fn sign(&self, message: &str) -> Result<Signature, CustodyError> {
        let (wallet, hotkey) = (self.wallet.clone(), self.hotkey.clone());
        self.requests.ask(SignSynapse { wallet, hotkey, message: message.to_owned() }).await
    }
}

impl fmt::Debug for RequestSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestSigner").field("hotkey", &self.hotkey()).finish_non_exhaustive()
    }
}
