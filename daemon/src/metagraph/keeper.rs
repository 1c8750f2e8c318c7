//! Keeps in the cache what is served: what is not there at once, what has changed since in turn, and all of it in the end.
//!
//! A metagraph is another one with every stake, and a start that reaches the chain reads all of them anew. What the cache
//! has is for a start that does not, and for that one of some blocks before does as well: it is told as of its own block.
//! So each is written once in many blocks, however often it changes meanwhile (`store/held.rs` decides when), when no block
//! comes any more, and when btd stops. One that is killed has lost those blocks, and no more.

use btd_api::BlockHash;

use super::{
    Metagraphs,
    store::{self, Held, When},
};
use crate::cache::{Cache, CacheError};

/// The cache of metagraphs, and what is in it.
#[derive(Debug)]
pub(super) struct Keeper {
    /// None after it failed: metagraphs are then served from memory alone.
    cache: Option<Cache>,
    held: Held,
}

// === impl Keeper ===

impl Keeper {
    /// What was read from `cache` is `known`.
    pub(super) fn new(cache: Cache, known: &Metagraphs) -> Self {
        Self { cache: Some(cache), held: Held::of(known) }
    }

    /// What an earlier run kept of the chain `genesis`.
    pub(super) async fn load(&mut self, genesis: BlockHash) -> Metagraphs {
        let kept = match &self.cache {
            Some(cache) => store::load_chain(cache, genesis).await,
            None => Ok(Metagraphs::default()),
        };
        let kept = kept.unwrap_or_else(|error| {
            tracing::warn!(%error, "could not read the cache");
            Metagraphs::default()
        });
        self.held = Held::of(&kept);
        kept
    }

    /// Notes that the chain `genesis` is the one of the network that is called `network`.
    pub(super) async fn name(&mut self, network: &str, genesis: BlockHash) {
        let Some(cache) = &self.cache else { return };
        let named = store::name(cache, network, genesis).await;
        if let Err(error) = named {
            self.give_up(&error);
        }
    }

    /// Writes what of `known` is to be written. Left before it is done, that goes on, and is written again the next time.
    pub(super) async fn keep(&mut self, known: &Metagraphs, when: When) {
        let Some(cache) = &self.cache else { return };
        let due = self.held.due(known, when);
        if due.is_nothing() {
            return;
        }
        let written = cache.write_each(store::changes(&self.held, known, &due)).await;
        match written {
            Ok(()) => self.held.note(known, &due),
            Err(error) => self.give_up(&error),
        }
    }

    /// A store that failed once takes no more writes: what it holds may be torn.
    fn give_up(&mut self, error: &CacheError) {
        tracing::error!(%error, "the cache failed: metagraphs are served from memory, and not kept");
        self.cache = None;
    }
}
