//! The synapse classes that axons of this process answer: declared before an axon starts or while
//! it runs, each with its handler and its queue.
//!
//! Classes outlive axons: what waits for a handler is in the class's queue, so that a handler may
//! come and go without losing it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use btd_wire::{admission::Catalogue, synapse::SynapseSpec};

use super::{
    AxonError, Handler,
    counters::Outcome,
    queue::{Load, Queue},
};

/// All classes.
#[derive(Debug, Default)]
pub struct Classes {
    by_name: RwLock<BTreeMap<String, Arc<Class>>>,
}

/// One class.
#[derive(Debug)]
pub(crate) struct Class {
    pub(super) spec: Arc<SynapseSpec>,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) queue: Arc<Queue>,
    kind: &'static str,
    answered: AtomicU64,
    failed: AtomicU64,
}

/// How many requests of a class may be answered at once, and how many may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// At once.
    pub places: usize,
    /// Waiting.
    pub waiting: usize,
}

/// What goes on in a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassStatus {
    /// Its name.
    pub name: String,
    /// What kind of handler answers.
    pub kind: &'static str,
    /// Requests that can be answered at once now.
    pub places: usize,
    /// Requests that are being answered.
    pub answering: usize,
    /// Requests that wait.
    pub waiting: usize,
    /// Requests answered since the class was declared.
    pub answered: u64,
    /// Requests that the handler did not answer, for whatever reason.
    pub failed: u64,
}

// === impl Classes ===

impl Classes {
    /// Declares the class of `handler`, of some `kind` in the words of reports.
    ///
    /// # Errors
    /// When another handler answers that class.
    pub fn add(&self, handler: Arc<dyn Handler>, kind: &'static str, capacity: Capacity) -> Result<(), AxonError> {
        let queue = Queue::new(capacity.places, capacity.waiting);
        self.add_with(handler, kind, queue)
    }

    pub(super) fn add_with(
        &self,
        handler: Arc<dyn Handler>,
        kind: &'static str,
        queue: Arc<Queue>,
    ) -> Result<(), AxonError> {
        let spec = handler.spec();
        let name = spec.name().to_owned();
        let class = Class { spec, handler, queue, kind, answered: AtomicU64::default(), failed: AtomicU64::default() };
        let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        if by_name.contains_key(&name) {
            return Err(AxonError::DuplicateSynapse(name));
        }
        by_name.insert(name, Arc::new(class));
        Ok(())
    }

    /// Withdraws a class, if `which` agrees. Requests that wait for it are still answered.
    pub(super) fn remove_if(&self, name: &str, which: impl FnOnce(&Class) -> bool) -> bool {
        let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        let found = by_name.get(name).is_some_and(|class| which(class));
        if found {
            by_name.remove(name);
        }
        found
    }

    /// Withdraws the class `name` if its handler is of that `kind`. Requests that wait for it are
    /// still answered.
    pub fn remove(&self, name: &str, kind: &str) -> bool {
        self.remove_if(name, |class| class.kind == kind)
    }

    pub(super) fn class(&self, name: &str) -> Option<Arc<Class>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The names of all classes, in order.
    pub fn names(&self) -> Vec<String> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// What goes on in each class.
    pub fn status(&self) -> Vec<ClassStatus> {
        let by_name = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        by_name.values().map(|class| class.status()).collect()
    }
}

impl Catalogue for Classes {
    fn spec(&self, name: &str) -> Option<Arc<SynapseSpec>> {
        self.class(name).map(|class| Arc::clone(&class.spec))
    }
}

// === impl Class ===

impl Class {
    pub(super) fn count(&self, outcome: Outcome) {
        let counter = if outcome == Outcome::Answered { &self.answered } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn status(&self) -> ClassStatus {
        let Load { places, taken, waiting } = self.queue.load();
        ClassStatus {
            name: self.spec.name().to_owned(),
            kind: self.kind,
            places,
            answering: taken,
            waiting,
            answered: self.answered.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}
