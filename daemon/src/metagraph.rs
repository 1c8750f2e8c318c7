//! Every subnet's metagraph, kept current with finalized blocks and served from memory.
//!
//! A [`Refresher`] reads what events touched (`policy`) and publishes immutable snapshots;
//! whoever asks gets the current ones through [`Metagraph`], with no lock held and no request to
//! the chain. Each snapshot names the block it was read at. They are kept in the cache, so that a
//! restart serves the last known ones at once, also when the chain is out of reach.
//!
//! It reads and never writes to the chain, and knows nothing of who asks.

pub mod file;
mod policy;
mod snapshot;
mod store;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use btd_api::{AccountId, BlockHash, BlockNumber, Coldkey, Hotkey, NetUid, Tao, Uid};
use btd_chain::{BlockStream, Link, Priority, ReadError, View};
use futures_util::{FutureExt, StreamExt, stream};
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

use self::policy::{BUDGET, Backlog, Due, Known, RETRY, Touched};
pub use self::{
    policy::named_by,
    snapshot::{Endpoint, Neuron, Snapshot, Subnet},
    table::{Change, Column, Table},
};
use crate::{
    cache::{Cache, CacheError},
    stamp::Stamp,
};

/// How many metagraphs are asked for at the same time.
const AT_ONCE: usize = 4;
/// Further behind than this, blocks are skipped and everything is read anew.
const FURTHEST_BEHIND: u32 = 64;
/// The pause after a read that failed.
const PAUSE: Duration = Duration::from_secs(2);
/// More subnets than a chain can have.
const MOST_SUBNETS: usize = 4096;

/// All subnets in one line each, at one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// The block.
    pub at: Stamp,
    /// The subnets whose metagraph is known, by number.
    pub subnets: BTreeMap<NetUid, Subnet>,
    /// The numbers of all subnets: more than above while metagraphs are still being read.
    pub netuids: BTreeSet<NetUid>,
}

/// What is known of the subnets of one chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metagraphs {
    /// The chain; none before anything is known.
    pub genesis: Option<BlockHash>,
    /// All subnets in one line each.
    pub list: Option<Arc<List>>,
    /// Each subnet with its neurons, each at the block of its last change.
    pub subnets: BTreeMap<NetUid, Arc<Snapshot>>,
    /// Subnets that the chain answers and that cannot be read, because their metagraph is not what
    /// the metadata says or the runtime refuses it. What was known of them before is still above.
    pub broken: BTreeMap<NetUid, Broken>,
}

/// Why a subnet cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The block at which it could not be read for the first time.
    pub since: BlockNumber,
    /// The block at which it was tried last.
    tried: BlockNumber,
    /// Why not, in words.
    pub reason: String,
}

/// The handle. Clones are cheap and share everything.
#[derive(Clone, Debug)]
pub struct Metagraph {
    current: watch::Receiver<Arc<Metagraphs>>,
}

/// The long task that keeps the metagraphs current.
#[derive(Debug)]
pub struct Refresher {
    link: Link,
    /// None after it failed: metagraphs are then served from memory alone.
    cache: Option<Cache>,
    network: String,
    backlog: Backlog,
    current: watch::Sender<Arc<Metagraphs>>,
}

/// Makes the handle and the task. The handle serves at once what an earlier run kept in `cache` of
/// the network that the configuration calls `network`.
///
/// # Errors
/// When the cache cannot be read.
pub async fn open(link: Link, cache: Cache, network: String) -> Result<(Metagraph, Refresher), CacheError> {
    let kept = store::load(&cache, &network).await?.unwrap_or_default();
    if !kept.subnets.is_empty() {
        tracing::info!(subnets = kept.subnets.len(), "loaded cached metagraphs");
    }
    let (current, receiver) = watch::channel(Arc::new(kept));
    let link = link.with_priority(Priority::Bulk);
    let refresher = Refresher { link, cache: Some(cache), network, backlog: Backlog::default(), current };
    Ok((Metagraph { current: receiver }, refresher))
}

// === impl Metagraphs ===

impl Metagraphs {
    /// Where `hotkey` is registered.
    pub fn registrations<'m>(&'m self, hotkey: &'m Hotkey) -> impl Iterator<Item = (NetUid, Uid)> + 'm {
        self.subnets.iter().filter_map(|(netuid, snapshot)| Some((*netuid, snapshot.uid(hotkey)?)))
    }

    /// Whether every subnet of the chain that can be read is known with its neurons.
    pub fn is_whole(&self) -> bool {
        let is_settled = |netuid| self.subnets.contains_key(netuid) || self.broken.contains_key(netuid);
        self.list.as_ref().is_some_and(|list| list.netuids.iter().all(is_settled))
    }

    /// A subnet's own figures at the newest block at which they were read.
    pub fn newest(&self, snapshot: &Snapshot) -> (Stamp, Subnet) {
        let listed = self.list.as_ref().filter(|list| list.at.block.number >= snapshot.at.block.number);
        let entry = listed.and_then(|list| Some((list.at, list.subnets.get(&snapshot.subnet.netuid)?.clone())));
        entry.unwrap_or_else(|| (snapshot.at, snapshot.subnet.clone()))
    }

    /// What the refresh policy needs to know of each subnet that was read, or could not be.
    fn known(&self) -> BTreeMap<NetUid, Known> {
        let known = self.subnets.iter().map(|(netuid, snapshot)| {
            let mut known = snapshot.known();
            if let Some(broken) = self.broken.get(netuid) {
                known.read_at = known.read_at.max(broken.tried);
            }
            (*netuid, known)
        });
        known.collect()
    }

    /// How many neurons are known, over all subnets.
    pub fn neurons(&self) -> usize {
        self.subnets.values().map(|snapshot| snapshot.neurons().len()).sum()
    }

    /// The subnets in which `account` is a hotkey or a coldkey.
    fn homes(&self, account: AccountId) -> Vec<NetUid> {
        let (hotkey, coldkey) = (Hotkey(account), Coldkey(account));
        let lives_in = |snapshot: &Snapshot| {
            snapshot.uid(&hotkey).is_some() || snapshot.neurons().iter().any(|neuron| neuron.coldkey == coldkey)
        };
        self.subnets.iter().filter(|(_, snapshot)| lives_in(snapshot)).map(|(netuid, _)| *netuid).collect()
    }
}

// === impl Metagraph ===

impl Metagraph {
    /// What is known now.
    pub fn current(&self) -> Arc<Metagraphs> {
        Arc::clone(&self.current.borrow())
    }

    /// What is known, and news of every change.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Metagraphs>> {
        self.current.clone()
    }
}

// === impl Refresher ===

impl Refresher {
    /// Keeps the metagraphs current until `token` is cancelled. Failures of the chain are waited
    /// out; failures of the cache end the caching and nothing else.
    pub async fn run(mut self, token: CancellationToken) {
        let _ = token.clone().run_until_cancelled(self.keep_current()).await;
        // The cache's last clones must be gone before it can be closed.
        drop(self);
    }

    async fn keep_current(&mut self) {
        let genesis = self.genesis().await;
        self.adopt(genesis).await;
        self.backlog.note_all();
        let mut blocks = self.link.blocks();
        let mut failures = 0_u64;
        loop {
            if let Err(error) = self.round().await {
                if failures == 0 {
                    tracing::warn!(%error, "could not read metagraphs: the last known ones are served, and it is tried again");
                } else {
                    tracing::debug!(%error, failures, "could not read metagraphs");
                }
                failures = failures.saturating_add(1);
                sleep(PAUSE).await;
                let _ = self.link.state().wait_for(btd_chain::LinkState::is_live).await;
                continue;
            }
            failures = 0;
            if !self.backlog.is_waiting() {
                self.next_blocks(&mut blocks).await;
            }
        }
    }

    /// Waits for the next block, and takes those behind it that are there already.
    async fn next_blocks(&mut self, blocks: &mut BlockStream) {
        let mut next = blocks.next().await;
        loop {
            match next {
                Ok(block) if block.illegible.is_empty() => self.backlog.note(Touched::by(&block.events)),
                Ok(_) => self.backlog.note_all(),
                Err(error) => {
                    tracing::warn!(%error, "could not read a block: reading every metagraph anew");
                    self.begin_anew(blocks);
                    return;
                }
            }
            let newest = self.link.finalized().map_or(0, |block| block.number.0);
            let cursor = blocks.cursor().map_or(newest, |cursor| cursor.0);
            if newest.saturating_sub(cursor) > FURTHEST_BEHIND {
                tracing::debug!(newest, cursor, "fell behind: reading every metagraph anew");
                self.begin_anew(blocks);
                return;
            }
            let Some(following) = blocks.next().now_or_never() else { return };
            next = following;
        }
    }

    fn begin_anew(&mut self, blocks: &mut BlockStream) {
        *blocks = self.link.blocks();
        self.backlog.note_all();
    }

    /// The chain's genesis hash, once it is known.
    async fn genesis(&self) -> BlockHash {
        let mut state = self.link.state();
        loop {
            if let Some(genesis) = self.link.genesis() {
                return genesis;
            }
            if state.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Takes up the chain `genesis`: what was loaded under the network's name may be another's.
    async fn adopt(&mut self, genesis: BlockHash) {
        if self.current.borrow().genesis != Some(genesis) {
            let kept = match &self.cache {
                Some(cache) => store::load_chain(cache, genesis).await,
                None => Ok(Metagraphs::default()),
            };
            let kept = kept.unwrap_or_else(|error| {
                tracing::warn!(%error, "could not read the cache");
                Metagraphs::default()
            });
            self.current.send_replace(Arc::new(Metagraphs { genesis: Some(genesis), ..kept }));
        }
        if let Some(cache) = &self.cache {
            let named = store::name(cache, &self.network, genesis).await;
            self.cached(named);
        }
    }

    /// Reads what is due and publishes it.
    async fn round(&mut self) -> Result<(), ReadError> {
        let view = self.link.view()?;
        let before = Arc::clone(&self.current.borrow());
        let listed = before.list.as_ref().map(|list| list.at.block.number);
        let due = self.backlog.due(view.block().number, listed, &before.known(), |account| before.homes(account));
        if due == Due::default() {
            return Ok(());
        }
        match self.read(&view, &before, &due).await {
            Ok(after) => {
                self.publish(&before, after).await;
                Ok(())
            }
            Err(error) => {
                self.backlog.put_back(&due);
                Err(error)
            }
        }
    }

    async fn read(&mut self, view: &View, before: &Metagraphs, due: &Due) -> Result<Metagraphs, ReadError> {
        let at = Stamp::of(view.block(), &self.link);
        let mut after = before.clone();
        let mut wanted = due.subnets.clone();
        let pools = if due.list { Some(Pools::read(view).await?) } else { None };
        if let Some(pools) = &pools {
            after.subnets.retain(|netuid, _| pools.contains(*netuid));
            after.broken.retain(|netuid, _| pools.contains(*netuid));
            wanted.retain(|netuid| pools.contains(*netuid));
            let rests = |netuid: &NetUid| {
                let broken = before.broken.get(netuid);
                broken.is_some_and(|broken| at.block.number.0.saturating_sub(broken.tried.0) < RETRY)
            };
            let is_new = |netuid: &NetUid| {
                !before.subnets.contains_key(netuid) && !due.subnets.contains(netuid) && !rests(netuid)
            };
            wanted.extend(pools.netuids().filter(is_new));
            let rest = wanted.split_off(wanted.len().min(BUDGET));
            self.backlog.note(Touched { subnets: rest.into_iter().collect(), ..Touched::default() });
        }
        let read: Vec<_> = stream::iter(wanted)
            .map(|netuid| async move { (netuid, view.metagraph(netuid).await) })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (netuid, raw) in read {
            match raw {
                Ok(Some(raw)) => {
                    after.broken.remove(&netuid);
                    after.subnets.insert(netuid, Arc::new(Snapshot::read(&raw, at)));
                }
                Ok(None) => {
                    after.broken.remove(&netuid);
                    after.subnets.remove(&netuid);
                }
                Err(error) if is_about_the_link(&error) => return Err(error),
                Err(error) => break_off(&mut after.broken, netuid, at.block.number, &error),
            }
        }
        if let Some(pools) = pools {
            let subnets = pools.merged(&after.subnets);
            after.list = Some(Arc::new(List { at, subnets, netuids: pools.netuids().collect() }));
        }
        Ok(after)
    }

    /// Serves `after` from now on, and keeps it.
    async fn publish(&mut self, before: &Metagraphs, after: Metagraphs) {
        let after = Arc::new(after);
        self.current.send_replace(Arc::clone(&after));
        if let Some(cache) = &self.cache {
            let written = cache.write(store::difference(before, &after)).await;
            self.cached(written);
        }
    }

    /// A store that failed once takes no more writes: what it holds may be torn.
    fn cached(&mut self, written: Result<(), CacheError>) {
        if let Err(error) = written {
            tracing::error!(%error, "the cache failed: metagraphs are served from memory, and not kept");
            self.cache = None;
        }
    }
}

/// Whether a read failed because of the way to the chain, and not because of what was read.
fn is_about_the_link(error: &ReadError) -> bool {
    match error {
        ReadError::NotConnected { .. }
        | ReadError::Deadline { .. }
        | ReadError::Cut { .. }
        | ReadError::UnknownBlock { .. }
        | ReadError::Pruned { .. } => true,
        ReadError::Refused { .. }
        | ReadError::Oversized { .. }
        | ReadError::Absent(_)
        | ReadError::Argument { .. }
        | ReadError::Decode { .. }
        | ReadError::Garbled { .. } => false,
    }
}

/// Notes that a subnet could not be read; the others are none the worse for it.
fn break_off(broken: &mut BTreeMap<NetUid, Broken>, netuid: NetUid, at: BlockNumber, error: &ReadError) {
    let reason = error.to_string();
    let since = if let Some(before) = broken.get(&netuid) {
        before.since
    } else {
        tracing::warn!(%netuid, %error, "could not read a subnet's metagraph: the others go on without it");
        at
    };
    broken.insert(netuid, Broken { since, tried: at, reason });
}

/// What changes from block to block, for all subnets at once.
struct Pools {
    entries: Vec<btd_chain::SubnetEntry>,
    burns: BTreeMap<NetUid, Tao>,
}

// === impl Pools ===

impl Pools {
    async fn read(view: &View) -> Result<Self, ReadError> {
        let entries = view.subnets().await?;
        let burns = view.storage_entries("SubtensorModule", "Burn", &[], MOST_SUBNETS).await?;
        let burns = burns
            .into_iter()
            .filter_map(|entry| {
                let netuid = u16::try_from(entry.keys.first()?.as_u64()?).ok()?;
                let burn = entry.value.as_str()?.parse().ok()?;
                Some((NetUid(netuid), Tao::from_rao(burn)))
            })
            .collect();
        Ok(Self { entries, burns })
    }

    fn netuids(&self) -> impl Iterator<Item = NetUid> + '_ {
        self.entries.iter().map(|entry| entry.netuid)
    }

    fn contains(&self, netuid: NetUid) -> bool {
        self.entries.binary_search_by_key(&netuid, |entry| entry.netuid).is_ok()
    }

    /// The subnets whose metagraph is known, with their pools as they are now.
    fn merged(&self, snapshots: &BTreeMap<NetUid, Arc<Snapshot>>) -> BTreeMap<NetUid, Subnet> {
        let merge = |entry: &btd_chain::SubnetEntry| {
            let known = &snapshots.get(&entry.netuid)?.subnet;
            let burn = self.burns.get(&entry.netuid).copied();
            Some(match &entry.dynamic {
                Some(dynamic) => known.updated(dynamic, entry.price, burn),
                None => known.clone(),
            })
        };
        self.entries.iter().filter_map(|entry| Some((entry.netuid, merge(entry)?))).collect()
    }
}

#[cfg(test)]
mod tests;
