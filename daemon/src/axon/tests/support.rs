//! Keys, handlers and axons for tests. Every axon takes a port of its own.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
};

use btd_api::AccountId;
use btd_wire::{
    Signable, Signer, SignerError, Signing,
    admission::{KnownHotkeys, Members, Memory, MemoryLimits},
    python::Value,
    synapse::{FieldSpec, FieldType, HashFields, SynapseSpec},
};
use futures_util::future::BoxFuture;
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey, signing_context};
use tokio::sync::Notify;

use crate::{
    axon::{Answer, Axon, AxonHandle, Capacity, Classes, Config, Handler, HandlerError, Ping, Request},
    dendrite::{self, Dendrite, Target},
};

/// Longer than anything here should take, so that a fault fails instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A key that signs at once, unless it is locked.
#[derive(Clone)]
pub(crate) struct Key {
    pair: Arc<Keypair>,
    locked: Arc<AtomicBool>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.account().fmt(f)
    }
}

impl Key {
    pub(crate) fn new(seed: u8) -> Self {
        let pair = MiniSecretKey::from_bytes(&[seed; 32]).unwrap().expand_to_keypair(ExpansionMode::Ed25519);
        Self { pair: Arc::new(pair), locked: Arc::default() }
    }

    pub(crate) fn account(&self) -> AccountId {
        AccountId(self.pair.public.to_bytes())
    }

    pub(crate) fn lock(&self) {
        self.locked.store(true, Ordering::Relaxed);
    }

    pub(crate) fn signer(&self) -> Arc<dyn Signer> {
        Arc::new(self.clone())
    }
}

impl Signer for Key {
    fn sign<'a>(&'a self, hotkey: &'a AccountId, message: &'a Signable) -> Signing<'a> {
        Box::pin(async move {
            assert_eq!(*hotkey, self.account());
            if self.locked.load(Ordering::Relaxed) {
                return Err(SignerError { hotkey: *hotkey, source: "locked".into() });
            }
            Ok(self.pair.sign(signing_context(b"substrate").bytes(message.text().as_bytes())).to_bytes())
        })
    }
}

/// The key of every test axon.
pub(crate) fn axon_key() -> Key {
    Key::new(1)
}

/// The key that every test axon knows.
pub(crate) fn caller_key() -> Key {
    Key::new(2)
}

/// An axon on any free port of loopback.
pub(crate) fn config() -> Config {
    Config { bind: "127.0.0.1:0".parse().unwrap(), ..Config::default() }
}

/// An axon on an address that no other test uses, for tests that bind its port again: on a shared
/// address another test could be given the port in between.
pub(crate) fn config_alone() -> Config {
    static NEXT: AtomicU8 = AtomicU8::new(3);
    let last = NEXT.fetch_add(1, Ordering::Relaxed);
    Config { bind: ([127, 0, 0, last], 0).into(), ..Config::default() }
}

/// A memory whose fence is long past, so that tests need not wait for it.
pub(crate) fn old_memory() -> Arc<Memory> {
    Arc::new(Memory::new(0, Duration::ZERO, MemoryLimits::default()))
}

pub(crate) fn members() -> Arc<dyn Members> {
    Arc::new(KnownHotkeys(HashSet::from([caller_key().account()])))
}

/// A running axon that knows [`caller_key`] and serves `Synapse` and the given handlers.
pub(crate) async fn axon(config: Config, handlers: Vec<Arc<dyn Handler>>) -> AxonHandle {
    let key = axon_key();
    Axon::start(config, key.account(), key.signer(), (members(), old_memory()), classes(handlers)).await.unwrap()
}

/// `Synapse` and the given handlers, each without a limit of its own.
pub(crate) fn classes(handlers: Vec<Arc<dyn Handler>>) -> Arc<Classes> {
    let classes = Arc::<Classes>::default();
    let handlers = std::iter::once(Arc::new(Ping) as Arc<dyn Handler>).chain(handlers);
    for handler in handlers {
        classes.add(handler, "test", Capacity { places: usize::MAX, waiting: 0 }).unwrap();
    }
    classes
}

pub(crate) fn target(axon: &AxonHandle) -> Target {
    Target { ip: axon.address().ip(), port: axon.address().port(), hotkey: axon.hotkey() }
}

pub(crate) fn dendrite() -> Dendrite {
    dendrite_of(&caller_key())
}

pub(crate) fn dendrite_of(key: &Key) -> Dendrite {
    Dendrite::new(dendrite::Config::default(), key.account(), key.signer())
}

/// What a [`Scripted`] handler does.
#[derive(Debug)]
pub(crate) enum Deed {
    /// Adds one to `n`.
    Increment,
    /// Panics.
    Panic,
    /// Says that it has begun, then waits to be let go.
    Wait { begun: Arc<Notify>, go: Arc<Notify> },
    /// Never answers.
    Hang,
    /// Answers a number that JSON lacks.
    NotANumber,
}

/// A class of one field `n` and a text, whose hash covers the text.
pub(crate) fn spec(name: &str) -> SynapseSpec {
    let fields =
        vec![FieldSpec::with_default("n", FieldType::Float, 0.0), FieldSpec::with_default("text", FieldType::Str, "")];
    SynapseSpec::new(name, fields, HashFields::Listed(vec!["text".into()])).unwrap()
}

#[derive(Debug)]
pub(crate) struct Scripted(pub(crate) &'static str, pub(crate) Deed);

impl Handler for Scripted {
    fn spec(&self) -> Arc<SynapseSpec> {
        Arc::new(spec(self.0))
    }

    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Answer, HandlerError>> {
        Box::pin(async move {
            let mut synapse = request.verified.into_synapse();
            match &self.1 {
                Deed::Increment => {
                    let Value::Float(n) = synapse.fields["n"] else { panic!("n is a float") };
                    synapse.fields.insert("n".into(), Value::Float(n + 1.0));
                }
                Deed::Panic => panic!("a fault of the handler"),
                Deed::Wait { begun, go } => {
                    begun.notify_one();
                    go.notified().await;
                }
                Deed::Hang => std::future::pending().await,
                Deed::NotANumber => {
                    synapse.fields.insert("n".into(), Value::Float(f64::NAN));
                }
            }
            Ok(synapse.into())
        })
    }
}
