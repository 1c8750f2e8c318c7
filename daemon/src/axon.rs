//! The axon: the door at which other neurons, and strangers, knock.
//!
//! One port number carries HTTP/1.1 on TCP and HTTP/3 on QUIC. Both feed one [`service`](self),
//! which asks `btd_wire` who may pass and a [`Handler`] for the answer. It reads membership from
//! memory and never touches the chain; publishing the address is somebody else's work.
//!
//! A handler is code of this process ([`Ping`], [`Echo`], [`Topk`]), an HTTP server on this host
//! ([`Upstream`]), or any program on the control socket ([`Workers`]). The classes they answer
//! outlive the axon ([`Classes`]).
//!
//! HTTP/1.1 proves nothing of this axon to the caller: the protocol has no signed replies. Over
//! QUIC the certificate does, see [`btd_wire::certificate`]. HTTP/1.1 replies announce HTTP/3 on
//! the same port by `alt-svc`.
//!
//! The calling side is [`crate::dendrite`].

mod certificate;
mod classes;
mod config;
mod connections;
mod counters;
mod farewell;
#[doc(hidden)]
pub mod foreign;
mod gather;
mod handler;
mod heads;
mod http;
mod patient;
mod proven;
mod queue;
mod quic;
mod quic_send_windows;
mod quic_streams;
mod readings;
mod reply_body;
mod service;
mod shares;
#[cfg(test)]
pub(crate) mod tests;
mod topk;
mod upstream;
mod workers;

use std::{
    collections::BTreeMap,
    error::Error,
    fmt, io,
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use btd_api::AccountId;
use btd_wire::{
    Signer, SignerError,
    admission::{Gate, Members, Memory, MemoryLimits},
    certificate::TlsKey,
};
use tokio::{net::TcpListener, sync::watch, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use classes::{Capacity, ClassStatus, Classes};
pub use config::{AccessLog, BadSetting, Config};
pub use handler::{Answer, Echo, Handler, HandlerError, Ping, Request, Screening, TurnedAway, Verdict};
pub use topk::Topk;
pub use upstream::{Upstream, UpstreamConfig, UpstreamError};
pub use workers::{
    AnswerError, Asked, MessageRoom, Piece, Question, Registration, Reply, Screen, Seat, StreamStatus, Workers,
    WorkersError,
};

use self::{
    certificate::Certificates,
    connections::Connections,
    counters::Counters,
    gather::Gatherer,
    quic_send_windows::SendWindows,
    readings::Readings,
    service::{Limits, Service, nanos_since_1970},
};

/// Starts axons.
#[derive(Debug)]
pub struct Axon;

/// Why an axon does not start. Nothing stays bound.
#[derive(Debug, thiserror::Error)]
pub enum AxonError {
    /// Somebody else has the port, for TCP or for UDP.
    #[error("{protocol} port {} at {} is already in use: stop what uses it, or set axon.bind to another", address.port(), address.ip())]
    Occupied {
        /// The address that was asked for.
        address: SocketAddr,
        /// `TCP` or `UDP`.
        protocol: &'static str,
    },
    /// The address cannot be bound for another reason.
    #[error("cannot listen on {protocol} {address}")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// `TCP` or `UDP`.
        protocol: &'static str,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A bound socket cannot be used.
    #[error("cannot use the bound socket")]
    Socket {
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The hotkey could not vouch for the TLS key.
    #[error(
        "the hotkey did not sign the QUIC certificate's statement: unlock it, or give btd its password for the start (BT_WALLET_PASSWORD_FILE, BT_PW_..., or the credential wallet-password under systemd)"
    )]
    Unsigned(#[from] SignerError),
    /// The TLS key or certificate could not be made.
    #[error("cannot make the QUIC certificate")]
    Tls(#[source] Box<dyn Error + Send + Sync>),
    /// Two handlers for one synapse.
    #[error("another handler answers the synapse {0} already")]
    DuplicateSynapse(String),
}

/// What an axon knows of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The hotkey it answers as.
    pub hotkey: AccountId,
    /// The address it listens on, TCP and UDP.
    pub address: SocketAddr,
    /// The TLS key of HTTP/3, which changes with each certificate.
    pub tls_key: TlsKey,
    /// The synapses it answers.
    pub synapses: Vec<String>,
    /// What goes on in each class.
    pub classes: Vec<ClassStatus>,
    /// Connections open now.
    pub connections: usize,
    /// Senders remembered now, so that nothing passes twice.
    pub senders: usize,
    /// Requests, and connections that came to nothing, by outcome since it started.
    pub requests: BTreeMap<&'static str, u64>,
}

/// A running axon. Dropping it stops it at once; [`AxonHandle::stop`] lets requests in flight be
/// answered first.
pub struct AxonHandle {
    hotkey: AccountId,
    address: SocketAddr,
    tls_key: watch::Receiver<TlsKey>,
    classes: Arc<Classes>,
    memory: Arc<Memory>,
    edge: Arc<Edge>,
    accepting: TaskTracker,
}

/// What the tasks of one axon share.
#[derive(Debug)]
struct Edge {
    config: Config,
    service: Service,
    connections: Arc<Connections>,
    /// What of replies over QUIC is not acknowledged.
    send_windows: Arc<SendWindows>,
    /// Connections of refused callers that are not closed at once.
    farewells: Arc<Readings>,
    counters: Arc<Counters>,
    /// One per connection.
    tasks: TaskTracker,
    /// Accept no more, answer what is in flight.
    stop: CancellationToken,
    /// Answer no more either.
    abort: CancellationToken,
    /// One of the two transports no longer accepts.
    ended: CancellationToken,
}

// === impl Axon ===

impl Axon {
    /// Binds the port for TCP and UDP and answers as `hotkey`, whose signer is asked for the QUIC
    /// certificate, now and for each that follows it. Answers the classes of `classes`, and those that come to be declared
    /// there. `memory` is what an earlier axon of this process left, or a [new one](Self::memory).
    ///
    /// # Errors
    /// When the port is taken or cannot be bound, or the hotkey does not sign.
    pub async fn start(
        config: Config,
        hotkey: AccountId,
        signer: Arc<dyn Signer>,
        (members, memory): (Arc<dyn Members>, Arc<Memory>),
        classes: Arc<Classes>,
    ) -> Result<AxonHandle, AxonError> {
        let validity = Duration::from_secs(u64::from(config.certificate_days) * 86_400);
        let certificates = Certificates { hotkey, signer, validity };
        Self::start_with(config, certificates, (members, memory), classes).await
    }

    async fn start_with(
        config: Config,
        certificates: Certificates,
        (members, memory): (Arc<dyn Members>, Arc<Memory>),
        classes: Arc<Classes>,
    ) -> Result<AxonHandle, AxonError> {
        let hotkey = certificates.hotkey;
        let (tcp, udp, address) = bind(config.bind).await?;
        let quic = quic::open(udp, certificates).await?;
        let tls_key = quic.key();

        let edge = Arc::new(Edge::new(config, (hotkey, address.port()), (members, &memory), &classes));
        let accepting = TaskTracker::new();
        accepting.spawn(http::accept(tcp, Arc::clone(&edge)));
        accepting.spawn(quic::accept(quic, Arc::clone(&edge)));
        accepting.close();
        tracing::info!(%hotkey, %address, synapses = classes.names().join(", "), "axon started");
        Ok(AxonHandle { hotkey, address, tls_key, classes, memory, edge, accepting })
    }

    /// A memory that begins now, and so refuses for `max_clock_skew_ms` what an earlier run may
    /// have let pass.
    pub fn memory(config: &Config) -> Arc<Memory> {
        Arc::new(Memory::new(nanos_since_1970(), config.max_clock_skew(), MemoryLimits::default()))
    }
}

// === impl Edge ===

impl Edge {
    fn new(
        config: Config,
        (hotkey, port): (AccountId, u16),
        (members, memory): (Arc<dyn Members>, &Arc<Memory>),
        classes: &Arc<Classes>,
    ) -> Self {
        let counters = Arc::new(Counters::default());
        let known = Arc::clone(classes);
        let gate = Gate::new(hotkey, known, config.rules(), Arc::clone(&members), Arc::clone(memory));
        let gate = gate.verified_by(Gatherer::default());
        let limits = Limits {
            in_flight: config.max_in_flight,
            in_flight_per_hotkey: config.max_in_flight_per_hotkey,
            in_flight_bytes: config.in_flight_bytes(),
            unproven_bytes: config.unproven_bytes(),
            longest_handling: Duration::from_millis(config.handler_timeout_ms),
            access_log: config.access_log,
        };
        let answering = (Arc::clone(classes), members);
        Self {
            service: Service::new(gate, answering, limits, port, Arc::clone(&counters)),
            connections: Connections::new(config.max_connections, config.max_connections_per_ip),
            send_windows: SendWindows::new(config.max_unacknowledged_bytes),
            farewells: Readings::new(farewell::AT_ONCE, farewell::AT_ONCE_PER_ADDRESS),
            config,
            counters,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
            ended: CancellationToken::new(),
        }
    }
}

// === impl AxonHandle ===

impl AxonHandle {
    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The hotkey it answers as.
    pub fn hotkey(&self) -> AccountId {
        self.hotkey
    }

    /// What it remembers of nonces; hand it to the next axon of this process.
    pub fn memory(&self) -> Arc<Memory> {
        Arc::clone(&self.memory)
    }

    /// Its counters.
    pub fn status(&self) -> Status {
        Status {
            hotkey: self.hotkey,
            address: self.address,
            tls_key: *self.tls_key.borrow(),
            synapses: self.classes.names(),
            classes: self.classes.status(),
            connections: self.edge.connections.held(),
            senders: self.memory.len(),
            requests: self.edge.counters.snapshot(),
        }
    }

    /// Bodies that are read of senders who have not proven themselves, and of those who have.
    #[cfg(test)]
    fn readings(&self) -> (usize, usize) {
        self.edge.service.readings()
    }

    /// Memory that bodies of senders who have not proven themselves take, and messages of verified requests.
    #[cfg(test)]
    fn bytes(&self) -> (usize, usize) {
        self.edge.service.bytes()
    }

    /// Completes when the axon no longer accepts on one of its transports: because it was stopped,
    /// or by a fault of btd. The future does not borrow the handle.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        self.edge.ended.clone().cancelled_owned()
    }

    /// Accepts no more, lets requests in flight be answered for as long as `drain_ms`, then closes
    /// every connection and both sockets. The port is free when it returns.
    pub async fn stop(self) -> Status {
        self.edge.stop.cancel();
        self.edge.tasks.close();
        let drained = timeout(self.edge.config.drain(), self.edge.tasks.wait()).await.is_ok();
        self.edge.abort.cancel();
        self.edge.tasks.wait().await;
        self.accepting.wait().await;
        tracing::info!(hotkey = %self.hotkey, address = %self.address, drained, "axon stopped");
        self.status()
    }
}

impl Drop for AxonHandle {
    fn drop(&mut self) {
        self.edge.stop.cancel();
        self.edge.abort.cancel();
    }
}

impl fmt::Debug for AxonHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AxonHandle")
            .field("hotkey", &self.hotkey)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Tries of a port that is free for TCP and taken for UDP, when any port will do.
const ANY_PORT_TRIES: usize = 16;

/// Binds TCP and UDP on one port number, or neither.
async fn bind(asked: SocketAddr) -> Result<(TcpListener, UdpSocket, SocketAddr), AxonError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let tcp = TcpListener::bind(asked).await.map_err(|error| refused(asked, "TCP", error))?;
        let address = tcp.local_addr().map_err(|source| AxonError::Socket { source })?;
        match UdpSocket::bind(address) {
            Ok(udp) => return Ok((tcp, udp, address)),
            // Dropping `tcp` gives the port back.
            Err(_) if asked.port() == 0 && tries < ANY_PORT_TRIES => {}
            Err(error) => return Err(refused(address, "UDP", error)),
        }
    }
}

fn refused(address: SocketAddr, protocol: &'static str, source: io::Error) -> AxonError {
    if source.kind() == io::ErrorKind::AddrInUse {
        AxonError::Occupied { address, protocol }
    } else {
        AxonError::Bind { address, protocol, source }
    }
}
