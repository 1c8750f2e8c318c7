//! This host as a neuron: its axon, started and stopped by wish, and its dendrites, one a hotkey.
//!
//! Connects the protocol to the keys and to the metagraph and decides nothing of either: the axon
//! and the dendrites get a signer that can sign their own messages and nothing else, and who may
//! pass the axon's door is read from the metagraphs in memory. What answers a synapse is kept here
//! too, so that it outlives the axon.

mod admit;
mod handlers;
mod publish;
mod succession;

use std::{
    collections::{BTreeMap, HashMap},
    error::Error,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use btd_api::{AccountId, Hotkey, HotkeyName, NetUid, WalletName};
use btd_signer_protocol::Scheme;
use btd_wire::{
    Signable, Signer, SignerError, Signing,
    admission::{Members, Memory},
    certificate::TlsKey,
    synapse::{Declaration, SynapseSpec},
};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use self::{admit::Doorkeeper, handlers::Handlers, publish::Present};
pub use self::{
    admit::{Admit, Door, MinStake, Precedence},
    handlers::{HandlerKind, HandlersError, Service, SynapseConfig},
    publish::{Publication, Publish, Published, publish},
    succession::{Exchanged, succeed},
};
use crate::{
    axon::{self, Axon, AxonError, AxonHandle, ClassStatus, Seat, Status, UpstreamConfig, Workers},
    custody::{Custody, CustodyError, RequestSigner},
    dendrite::{self, Dendrite, ReplyRoom},
    metagraph::Metagraph,
    supervisor::{Spawner, Stage, Task},
};

/// Settings: whether btd serves from its start, and as whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Start the axon with btd. Without it, `axon_start` does.
    pub axon: bool,
    /// The wallet of the hotkey to answer as.
    pub wallet: WalletName,
    /// The hotkey to answer as.
    pub hotkey: HotkeyName,
    /// Who may pass the axon's door.
    pub admit: Admit,
    /// What else the door asks for.
    pub door: Door,
    /// Synapses that are answered from the start, by what the configuration says. Programs may add
    /// others while btd runs.
    pub synapses: Vec<SynapseConfig>,
    /// Where the running axon is kept published on chain.
    pub publish: Publish,
}

/// Why the axon or a dendrite is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum ServingError {
    /// One axon at a time.
    #[error("an axon is running already: {hotkey} at {address}; stop it first")]
    AlreadyServing {
        /// As whom.
        hotkey: Hotkey,
        /// Where.
        address: SocketAddr,
    },
    /// The protocol knows sr25519 only.
    #[error("the hotkey {wallet}/{hotkey} is an {scheme} key, and the synapse protocol knows sr25519 only")]
    WrongScheme {
        /// The wallet.
        wallet: WalletName,
        /// The hotkey.
        hotkey: HotkeyName,
        /// What it is.
        scheme: Scheme,
    },
    /// btd is on its way out.
    #[error("btd is stopping")]
    Stopping,
    /// The hotkey.
    #[error(transparent)]
    Key(#[from] CustodyError),
    /// The axon.
    #[error(transparent)]
    Axon(#[from] AxonError),
    /// What answers a synapse.
    #[error(transparent)]
    Handlers(Box<HandlersError>),
}

/// Signs for one hotkey what the synapse protocol wants signed.
#[derive(Debug)]
struct HotkeySigner(RequestSigner);

impl Signer for HotkeySigner {
    fn sign<'a>(&'a self, hotkey: &'a AccountId, message: &'a Signable) -> Signing<'a> {
        Box::pin(async move {
            let failed = |source: Box<dyn Error + Send + Sync>| SignerError { hotkey: *hotkey, source };
            let signature = self.0.sign(message.text()).await.map_err(|error| failed(error.into()))?;
            Ok(signature.bytes)
        })
    }
}

/// A running axon. The slot is emptied by the task that stops it.
struct Running {
    slot: Arc<Mutex<Option<AxonHandle>>>,
    task: Task,
    last: oneshot::Receiver<Status>,
}

/// The handle. Clones share everything.
#[derive(Clone)]
pub struct Serving {
    shared: Arc<Shared>,
}

struct Shared {
    axon: axon::Config,
    dendrite: dendrite::Config,
    /// For the replies of all dendrites.
    replies: ReplyRoom,
    doorkeeper: Arc<Doorkeeper>,
    handlers: Handlers,
    custody: Custody,
    spawner: Spawner,
    /// Held while an axon starts or stops.
    running: tokio::sync::Mutex<Option<Running>>,
    /// The axon that answers now, for those who only look.
    visible: Mutex<Option<Arc<Mutex<Option<AxonHandle>>>>>,
    /// As whom it answers.
    name: Mutex<Option<(WalletName, HotkeyName)>>,
    /// What axons of this process remember of nonces.
    memory: Mutex<Option<Arc<Memory>>>,
    /// By the name of the hotkey: of two wallets that hold the same hotkey, one may be locked.
    dendrites: Mutex<HashMap<(WalletName, HotkeyName), Asking>>,
    /// Where strangers reach it.
    publish: Publish,
    /// What they find of the axon that answers now, by subnet.
    publications: Mutex<BTreeMap<NetUid, Publication>>,
    /// Who has taken the place of its hotkey, where it does not answer as that one.
    exchanged: Mutex<Option<Exchanged>>,
}

/// A dendrite, and the account that its hotkey had.
struct Asking {
    account: AccountId,
    dendrite: Arc<Dendrite>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Serving ===

impl Serving {
    /// No axon runs yet. The synapses of the configuration are declared, and their upstreams looked
    /// after.
    ///
    /// # Errors
    /// When a synapse of the configuration cannot be answered as it says.
    pub fn new(
        (axon, dendrite): (axon::Config, dendrite::Config),
        config: &Config,
        custody: Custody,
        metagraph: Metagraph,
        spawner: Spawner,
    ) -> Result<Self, HandlersError> {
        let handlers = Handlers::new(spawner.clone());
        handlers.configure(&config.synapses)?;
        let doorkeeper = Doorkeeper { admit: config.admit, door: config.door.clone(), metagraph };
        Ok(Self {
            shared: Arc::new(Shared {
                axon,
                replies: ReplyRoom::new(&dendrite),
                dendrite,
                doorkeeper: Arc::new(doorkeeper),
                handlers,
                custody,
                spawner,
                running: tokio::sync::Mutex::default(),
                visible: Mutex::default(),
                name: Mutex::default(),
                memory: Mutex::default(),
                dendrites: Mutex::default(),
                publish: config.publish.clone(),
                publications: Mutex::default(),
                exchanged: Mutex::default(),
            }),
        })
    }

    /// Starts answering as a hotkey, at `bind` or at the configured address.
    ///
    /// # Errors
    /// When an axon is running, the hotkey cannot be used, or the address cannot be bound.
    pub async fn start(
        &self,
        wallet: &WalletName,
        hotkey: &HotkeyName,
        bind: Option<SocketAddr>,
    ) -> Result<Status, ServingError> {
        let shared = &self.shared;
        let mut running = shared.running.lock().await;
        if let Some(Status { hotkey, address, .. }) = self.status() {
            return Err(ServingError::AlreadyServing { hotkey: Hotkey(hotkey), address });
        }
        if shared.spawner.is_stopping() {
            return Err(ServingError::Stopping);
        }
        let signer = self.signer(wallet, hotkey).await?;
        Ok(self.begin(&mut running, (wallet, hotkey), signer, bind).await?)
    }

    /// Starts an axon where none runs.
    async fn begin(
        &self,
        running: &mut Option<Running>,
        (wallet, hotkey): (&WalletName, &HotkeyName),
        signer: Arc<HotkeySigner>,
        bind: Option<SocketAddr>,
    ) -> Result<Status, AxonError> {
        let shared = &self.shared;
        let handle = self.open(signer, bind).await?;
        let status = handle.status();
        *lock(&shared.memory) = Some(handle.memory());
        let (tell, last) = oneshot::channel();
        let ended = handle.ended();
        let slot = Arc::new(Mutex::new(Some(handle)));
        lock(&shared.publications).clear();
        *lock(&shared.exchanged) = None;
        *lock(&shared.name) = Some((wallet.clone(), hotkey.clone()));
        *lock(&shared.visible) = Some(Arc::clone(&slot));
        let kept = Arc::clone(&slot);
        let task = shared.spawner.spawn(Stage::Edge, "axon", |told| async move {
            tokio::select! {
                () = told.cancelled() => {}
                () = ended => return Err("it does not accept connections any more".into()),
            }
            let handle = lock(&kept).take();
            if let Some(handle) = handle {
                // Nobody listens when the whole daemon stops.
                let _ = tell.send(handle.stop().await);
            }
            Ok(())
        });
        *running = Some(Running { slot, task, last });
        Ok(status)
    }

    async fn open(&self, signer: Arc<HotkeySigner>, bind: Option<SocketAddr>) -> Result<AxonHandle, AxonError> {
        let shared = &self.shared;
        let mut config = shared.axon.clone();
        config.bind = bind.unwrap_or(config.bind);
        let account = signer.0.hotkey().account();
        let members: Arc<dyn Members> = shared.doorkeeper.clone();
        let memory = lock(&shared.memory).clone().unwrap_or_else(|| Axon::memory(&config));
        Axon::start(config, account, signer, (members, memory), Arc::clone(&shared.handlers.classes)).await
    }

    /// A place for a program that answers a class, whether an axon runs or not.
    ///
    /// # Errors
    /// When the declaration cannot be, or the class is answered otherwise.
    pub fn serve(&self, service: Service) -> Result<Seat, ServingError> {
        Ok(service.take(&self.shared.handlers.workers)?)
    }

    /// Where programs answer.
    pub fn workers(&self) -> &Workers {
        &self.shared.handlers.workers
    }

    /// Has a class answered by HTTP servers, with so many places and so many requests that wait.
    ///
    /// # Errors
    /// When the declaration or a URL cannot be, or the class is answered otherwise.
    pub fn attach(
        &self,
        declaration: &Declaration,
        config: UpstreamConfig,
        limits: (Option<usize>, Option<usize>),
    ) -> Result<(), ServingError> {
        Ok(self.shared.handlers.attach(handlers::spec(declaration)?, config, limits)?)
    }

    /// Withdraws a class that HTTP servers answer.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn detach(&self, name: &str) -> Result<(), ServingError> {
        Ok(self.shared.handlers.detach(name).await?)
    }

    /// What goes on in each class.
    pub fn classes(&self) -> Vec<ClassStatus> {
        self.shared.handlers.status()
    }

    /// A class as it is declared.
    ///
    /// # Errors
    /// When the declaration cannot be.
    pub fn spec(declaration: &Declaration) -> Result<Arc<SynapseSpec>, ServingError> {
        Ok(handlers::spec(declaration)?)
    }

    /// Stops the axon after its requests in flight. What it was, if one was running.
    pub async fn stop(&self) -> Option<Status> {
        let mut running = self.shared.running.lock().await;
        self.end(&mut running).await
    }

    async fn end(&self, running: &mut Option<Running>) -> Option<Status> {
        let Running { slot, task, last } = running.take()?;
        let at_last = lock(&slot).as_ref().map(AxonHandle::status);
        task.stop().await;
        *lock(&self.shared.visible) = None;
        last.await.ok().or(at_last)
    }

    /// The running axon.
    pub fn status(&self) -> Option<Status> {
        let slot = lock(&self.shared.visible).clone()?;
        lock(&slot).as_ref().map(AxonHandle::status)
    }

    /// As whom and where the running axon answers.
    fn present(&self) -> Option<Present> {
        let Status { hotkey: account, address: bound, tls_key, .. } = self.status()?;
        let (wallet, hotkey) = lock(&self.shared.name).clone()?;
        Some(Present { wallet, hotkey, account: Hotkey(account), bound, tls_key })
    }

    /// The TLS key of the running axon, if it answers as this hotkey, and if it may be the one that strangers reach at
    /// this address.
    pub fn tls_key(&self, (wallet, hotkey): (&WalletName, &HotkeyName), at: SocketAddr) -> Option<TlsKey> {
        let present = self.present()?;
        let bound = present.bound;
        let own = bound.port() == at.port() && (bound.ip() == at.ip() || bound.ip().is_unspecified());
        let reached = own || self.shared.publish.at(bound) == Some(at);
        (reached && present.wallet == *wallet && present.hotkey == *hotkey).then_some(present.tls_key)
    }

    /// What strangers find of the running axon on the subnets on which it is kept published.
    pub fn publications(&self) -> Vec<Publication> {
        lock(&self.shared.publications).values().cloned().collect()
    }

    /// Takes note of what strangers find of the axon that was `present`.
    fn note_publication(&self, present: &Present, publication: Publication) {
        if self.present().as_ref() == Some(present) {
            lock(&self.shared.publications).insert(publication.netuid, publication);
        }
    }

    fn metagraph(&self) -> &Metagraph {
        &self.shared.doorkeeper.metagraph
    }

    /// The dendrite that asks as a hotkey. It keeps its connections from one call to the next.
    ///
    /// # Errors
    /// When the hotkey is not there or is not an sr25519 key.
    pub async fn dendrite(&self, wallet: &WalletName, hotkey: &HotkeyName) -> Result<Arc<Dendrite>, ServingError> {
        let signer = self.signer(wallet, hotkey).await?;
        let account = signer.0.hotkey().account();
        let name = (wallet.clone(), hotkey.clone());
        let mut dendrites = lock(&self.shared.dendrites);
        // Another key may go by that name now.
        if let Some(asking) = dendrites.get(&name).filter(|asking| asking.account == account) {
            return Ok(Arc::clone(&asking.dendrite));
        }
        let (replies, config) = (self.shared.replies.clone(), self.shared.dendrite.clone());
        let dendrite = Arc::new(Dendrite::within(replies, config, account, signer));
        dendrites.insert(name, Asking { account, dendrite: Arc::clone(&dendrite) });
        Ok(dendrite)
    }

    /// The dendrite of the key that went by that name when it was last looked up. The signer signs only as the key that goes
    /// by the name now, so that this one gets no signature once that is another; [`Serving::dendrite`] tells which it is.
    pub fn known_dendrite(&self, wallet: &WalletName, hotkey: &HotkeyName) -> Option<Arc<Dendrite>> {
        let name = (wallet.clone(), hotkey.clone());
        lock(&self.shared.dendrites).get(&name).map(|asking| Arc::clone(&asking.dendrite))
    }

    async fn signer(&self, wallet: &WalletName, hotkey: &HotkeyName) -> Result<Arc<HotkeySigner>, ServingError> {
        let signer = self.shared.custody.request_signer(wallet, hotkey).await?;
        match signer.scheme() {
            Scheme::Sr25519 => Ok(Arc::new(HotkeySigner(signer))),
            scheme @ Scheme::Ed25519 => {
                Err(ServingError::WrongScheme { wallet: wallet.clone(), hotkey: hotkey.clone(), scheme })
            }
        }
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("axon", &self.status()).finish_non_exhaustive()
    }
}
