//! Which synapses are answered, and by what: from the configuration, and as programs ask.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use btd_api::axon::HashOrder;
use btd_wire::synapse::{Declaration, DeclarationError, SynapseSpec};
use serde::{Deserialize, Serialize};

use super::{ServingError, lock};
use crate::{
    axon::{
        AxonError, Capacity, ClassStatus, Classes, Echo, Handler, Ping, Registration, Screen, Seat, Topk, Upstream,
        UpstreamConfig, UpstreamError, Workers, WorkersError,
    },
    supervisor::{Spawner, Stage, Task},
};

/// A synapse class in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SynapseConfig {
    /// The class name, which is also the path. `Topk` with the handler `topk` needs no fields.
    pub name: String,
    /// The fields in order: `name: type` or `name: type = default`.
    #[serde(default)]
    pub fields: Vec<String>,
    /// The fields that the body hash covers.
    #[serde(default)]
    pub required_hash_fields: Vec<String>,
    /// In which order they are hashed: `declared`, as listed, or `fields`, in the order of the fields.
    #[serde(default)]
    pub hash_order: HashOrder,
    /// Models that fields name as their type.
    #[serde(default)]
    pub models: BTreeMap<String, Vec<String>>,
    /// What answers.
    #[serde(default)]
    pub handler: HandlerKind,
    /// The servers of the handler `http`.
    #[serde(default)]
    pub upstream: UpstreamConfig,
    /// Requests that are answered at once: of `http` all servers together. Unset: 16 for each
    /// server, and as many as there are for what is built in.
    #[serde(default)]
    pub places: Option<usize>,
    /// Requests that may wait. Unset: 128.
    #[serde(default)]
    pub waiting: Option<usize>,
    /// For how long requests still wait when no program serves the class, in milliseconds. Unset:
    /// 30000.
    #[serde(default)]
    pub linger_ms: Option<u64>,
}

/// What answers a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HandlerKind {
    /// Programs on the control socket: requests wait until one has called `axon_serve`.
    #[default]
    Socket,
    /// HTTP servers on this host.
    Http,
    /// What was sent goes back.
    Echo,
    /// The largest elements of a tensor.
    Topk,
}

/// Why a class cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum HandlersError {
    /// The declaration.
    #[error("synapse {name}: {source}")]
    Declaration {
        /// The class.
        name: String,
        /// What is wrong with it.
        source: DeclarationError,
    },
    /// The upstreams.
    #[error("synapse {name}: {source}")]
    Upstream {
        /// The class.
        name: String,
        /// What is wrong with them.
        source: UpstreamError,
    },
    /// Another handler has the class.
    #[error(transparent)]
    Taken(#[from] AxonError),
    /// A program's place.
    #[error(transparent)]
    Workers(#[from] WorkersError),
    /// Nothing of that name can be withdrawn.
    #[error("no upstream answers `{0}`: only what was attached can be detached")]
    NotAttached(String),
}

/// Places of one upstream server where nothing else is said.
const PLACES_PER_SERVER: usize = 16;
/// Requests that wait where nothing else is said.
pub(super) const WAITING: usize = 128;
/// For how long a class stays open without a program where nothing else is said.
const LINGER: Duration = Duration::from_secs(30);

/// All classes with what keeps their handlers going.
#[derive(Debug)]
pub(super) struct Handlers {
    pub(super) classes: Arc<Classes>,
    pub(super) workers: Workers,
    spawner: Spawner,
    /// Who looks after the servers of a class.
    watches: Mutex<BTreeMap<String, Task>>,
}

// === impl Handlers ===

impl Handlers {
    /// The ping, and nothing else yet.
    pub(super) fn new(spawner: Spawner) -> Self {
        let classes = Arc::<Classes>::default();
        // The first class of all has its name to itself.
        let _ = classes.add(Arc::new(Ping), BUILT_IN, ALL_AT_ONCE);
        let workers = Workers::new(Arc::clone(&classes));
        Self { classes, workers, spawner, watches: Mutex::default() }
    }

    /// Has the classes of the configuration answered.
    pub(super) fn configure(&self, synapses: &[SynapseConfig]) -> Result<(), HandlersError> {
        synapses.iter().try_for_each(|synapse| self.add(synapse))
    }

    fn add(&self, synapse: &SynapseConfig) -> Result<(), HandlersError> {
        let waiting = synapse.waiting.unwrap_or(WAITING);
        let capacity = Capacity { places: synapse.places.unwrap_or(usize::MAX), waiting };
        match synapse.handler {
            HandlerKind::Topk => self.classes.add(Arc::new(Topk), BUILT_IN, capacity)?,
            HandlerKind::Echo => {
                self.classes.add(Arc::new(Echo(synapse.spec()?)), BUILT_IN, capacity)?;
            }
            HandlerKind::Socket => {
                let linger = synapse.linger_ms.map_or(LINGER, Duration::from_millis);
                let spec = synapse.spec()?;
                let registration = Registration { spec, window: 1, waiting, screen: Screen::ByAxon, linger };
                self.workers.declare(&registration)?;
            }
            HandlerKind::Http => {
                self.attach(synapse.spec()?, synapse.upstream.clone(), (synapse.places, synapse.waiting))?;
            }
        }
        Ok(())
    }

    /// Has a class answered by HTTP servers.
    pub(super) fn attach(
        &self,
        spec: Arc<SynapseSpec>,
        config: UpstreamConfig,
        (places, waiting): (Option<usize>, Option<usize>),
    ) -> Result<(), HandlersError> {
        let name = spec.name().to_owned();
        let places = places.unwrap_or(PLACES_PER_SERVER * config.urls.len());
        let upstream =
            Upstream::new(spec, config).map_err(|source| HandlersError::Upstream { name: name.clone(), source })?;
        let upstream = Arc::new(upstream);
        let capacity = Capacity { places, waiting: waiting.unwrap_or(WAITING) };
        self.classes.add(Arc::clone(&upstream) as Arc<dyn Handler>, HTTP, capacity)?;
        let watch = self.spawner.spawn(Stage::Work, "upstreams", |told| async move {
            upstream.watch(told).await;
            Ok(())
        });
        lock(&self.watches).insert(name, watch);
        Ok(())
    }

    /// Withdraws a class that HTTP servers answer. Requests that wait are still answered.
    pub(super) async fn detach(&self, name: &str) -> Result<(), HandlersError> {
        let watch = lock(&self.watches).remove(name);
        let watch = watch.ok_or_else(|| HandlersError::NotAttached(name.chars().take(128).collect()))?;
        self.classes.remove(name, HTTP);
        watch.stop().await;
        Ok(())
    }

    pub(super) fn status(&self) -> Vec<ClassStatus> {
        self.classes.status()
    }
}

const BUILT_IN: &str = "built-in";
const HTTP: &str = "http";
/// What is built in is limited by the requests in flight alone, unless the configuration says more.
const ALL_AT_ONCE: Capacity = Capacity { places: usize::MAX, waiting: WAITING };

/// What a program asks for when it takes a place at a class.
#[derive(Debug, Clone)]
pub struct Service {
    /// The class.
    pub declaration: Declaration,
    /// Requests that it answers at once.
    pub window: usize,
    /// Requests that may wait; unset, as in the configuration.
    pub waiting: Option<usize>,
    /// Who says whether a request is wanted.
    pub screen: Screen,
    /// For how long requests wait without a program; unset, as in the configuration.
    pub linger: Option<Duration>,
}

impl Service {
    pub(super) fn take(self, workers: &Workers) -> Result<Seat, HandlersError> {
        let registration = Registration {
            spec: spec(&self.declaration)?,
            window: self.window,
            waiting: self.waiting.unwrap_or(WAITING),
            screen: self.screen,
            linger: self.linger.unwrap_or(LINGER),
        };
        Ok(workers.serve(&registration)?)
    }
}

impl SynapseConfig {
    fn spec(&self) -> Result<Arc<SynapseSpec>, HandlersError> {
        spec(&Declaration {
            name: self.name.clone(),
            fields: self.fields.clone(),
            required_hash_fields: self.required_hash_fields.clone(),
            hash_order: self.hash_order,
            models: self.models.clone(),
        })
    }
}

pub(super) fn spec(declaration: &Declaration) -> Result<Arc<SynapseSpec>, HandlersError> {
    let spec = declaration.spec();
    spec.map(Arc::new).map_err(|source| HandlersError::Declaration { name: declaration.name.clone(), source })
}

impl From<HandlersError> for ServingError {
    fn from(error: HandlersError) -> Self {
        Self::Handlers(Box::new(error))
    }
}
