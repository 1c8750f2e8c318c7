//! Every subnet's metagraph, kept current with finalized blocks and served from memory.
//!
//! A [`Refresher`] (`refresher.rs`) reads what the events of each block touched (`touched.rs`,
//! `policy.rs`) and publishes immutable snapshots; whoever asks gets the current ones through
//! [`Metagraph`], with no lock held and no request to the chain. Each snapshot names the block it
//! was read at. They are kept in the cache, so that a restart serves the last known ones at once,
//! also when the chain is out of reach. Weights and bonds are read when somebody asks for them, and
//! kept in memory for as long as nothing can have changed them (`rows.rs`, `unchanged.rs`).
//!
//! It reads and never writes to the chain, and knows nothing of who asks.

pub mod figure;
pub mod file;
pub mod history;
mod keeper;
mod mechanism;
mod newest;
mod policy;
mod pools;
mod reading;
mod recorded;
mod recorder;
mod refresher;
mod restorer;
mod rows;
mod snapshot;
mod store;
mod subnet;
mod table;
mod teller;
mod tls_keys;
mod touched;
mod unchanged;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use btd_api::{AccountId, BlockHash, BlockNumber, Coldkey, Hotkey, MechId, NetUid, Uid};
use btd_chain::{BlockRef, DynamicInfo, Link};
use tokio::{sync::watch, time::timeout};

pub use self::{
    history::History,
    refresher::Refresher,
    rows::RowsOf,
    snapshot::{Endpoint, Neuron, Snapshot},
    subnet::Subnet,
    table::{Change, Column, Rows, Table},
    tls_keys::TlsKeys,
    touched::named_by,
};
use self::{policy::Known, rows::Shelf, unchanged::Unchanged};
use crate::{
    cache::{Cache, CacheError},
    stamp::Stamp,
};

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
    /// What was told with the list of their pools; nothing after a restart.
    pools: Arc<BTreeMap<NetUid, DynamicInfo>>,
    /// Each subnet with its neurons, each at the block of its last change.
    pub subnets: BTreeMap<NetUid, Arc<Snapshot>>,
    /// Subnets that the chain answers and that cannot be read, because their metagraph is not what
    /// the metadata says or the runtime refuses it. What was known of them before is still above.
    pub broken: BTreeMap<NetUid, Broken>,
    /// The block up to which all of the above is as the chain has it, but for claims of root
    /// dividends, and stake that changed without an event, that are still gathered; none while something of it is being
    /// read.
    pub through: Option<BlockRef>,
    /// The subnets of which what is kept may be of an earlier block than the list, for they wait to be read; none where
    /// nothing was read yet since the process began, or since blocks were replaced by others.
    behind: Option<BTreeSet<NetUid>>,
    /// The subnets whose stake claims of root dividends have changed since it was read, or may have
    /// changed without an event where the runtime is so old ([`btd_chain::SilentStake`]), each with
    /// the last block at which all that is kept of it was as the chain had it.
    pub claimed: BTreeMap<NetUid, Stamp>,
    /// Since when the weights and bonds of each are what they are.
    unchanged: Unchanged,
    /// What keeping them current took.
    pub upkeep: Upkeep,
}

/// What keeping metagraphs current took, since the process began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Metagraphs that were read as a whole.
    pub wholes: u64,
    /// Metagraphs of which some columns were read.
    pub parts: u64,
    /// Comparisons of a whole metagraph as it was kept with the chain's own, one before each epoch.
    pub checks: u64,
    /// Comparisons that found another value. The chain's was served from then on.
    pub differences: u64,
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
    /// Whether it was never answered, or with so much that the connection ended: so long nothing else is read either, and
    /// it is not tried again before its time.
    pub is_unanswered: bool,
}

/// The handle. Clones are cheap and share everything.
#[derive(Clone, Debug)]
pub struct Metagraph {
    current: watch::Receiver<Arc<Metagraphs>>,
    /// The weights and bonds that were asked for.
    shelf: Arc<Shelf>,
}

/// Makes the handle and the task. The handle serves at once what an earlier run kept in `cache` of
/// the network that the configuration calls `network`. Epochs are recorded in `history`, if there is one.
///
/// # Errors
/// When the cache cannot be read.
pub async fn open(
    link: Link,
    cache: Cache,
    history: Option<History>,
    network: String,
) -> Result<(Metagraph, Refresher), CacheError> {
    let kept = store::load(&cache, &network).await?.unwrap_or_default();
    if !kept.subnets.is_empty() {
        tracing::info!(subnets = kept.subnets.len(), "loaded cached metagraphs");
    }
    let (current, receiver) = watch::channel(Arc::new(kept));
    let refresher = Refresher::new(&link, (cache, history), network, current);
    Ok((Metagraph { current: receiver, shelf: Arc::default() }, refresher))
}

/// So many blocks, and milliseconds, what is kept may be behind the chain before that is said.
const FURTHEST_BEHIND: u32 = 5;
const PATIENCE_MS: u64 = 30_000;

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

    /// Whether the list of subnets, which is read at every block, has not been for long although the
    /// chain has got to `finalized`.
    pub fn is_left_behind(&self, finalized: BlockNumber) -> bool {
        self.list.as_ref().is_some_and(|list| {
            finalized.0.saturating_sub(list.at.block.number.0) > FURTHEST_BEHIND && list.at.age_ms() > PATIENCE_MS
        })
    }

    /// The block of which what is kept of a subnet's neurons is true: the newest that was followed,
    /// however long ago anything happened to it. It is an earlier one while claims on it are gathered,
    /// while it cannot be read or waits for that, and before it was read since the process began.
    pub fn true_at(&self, snapshot: &Snapshot) -> Stamp {
        let netuid = snapshot.subnet.netuid;
        if self.broken.contains_key(&netuid) {
            return snapshot.at;
        }
        if let Some(unclaimed) = self.claimed.get(&netuid) {
            return *unclaimed;
        }
        let listed = self.list.as_ref().map(|list| list.at);
        listed.filter(|_| !self.is_behind(netuid)).unwrap_or(snapshot.at)
    }

    /// Whether the list of subnets is that of `block` or a later one, of the chain as far as the refresher knows it.
    fn has_reached(&self, block: BlockNumber) -> bool {
        self.behind.is_some() && self.list.as_ref().is_some_and(|list| list.at.block.number >= block)
    }

    /// Whether what is kept of a subnet's neurons may be of an earlier block than the list.
    fn is_behind(&self, netuid: NetUid) -> bool {
        self.behind.as_ref().is_none_or(|behind| behind.contains(&netuid))
    }

    /// A subnet with its neurons as they are in one of its mechanisms; none where that is not kept.
    pub fn mechanism(&self, netuid: NetUid, mechid: MechId) -> Option<&Arc<Snapshot>> {
        let main = self.subnets.get(&netuid)?;
        if mechid == MechId(0) { Some(main) } else { main.of_mechanism(mechid) }
    }

    /// Every column of a subnet's neurons in one of its mechanisms as it is kept, and the block of which
    /// that is true; of another mechanism than the main one, none before it was read since the process began.
    pub fn table(&self, netuid: NetUid, mechid: MechId) -> Option<(Stamp, &Arc<Table>)> {
        let snapshot = self.mechanism(netuid, mechid)?;
        Some((self.true_at(snapshot), snapshot.table()?))
    }

    /// The same with no figure of the subnet that is of an earlier block: what changes from block to block is told as
    /// the list of subnets has it, and is null where that is of another block.
    pub fn table_of_one_block(&self, netuid: NetUid, mechid: MechId) -> Option<(Stamp, Arc<Table>)> {
        let (at, table) = self.table(netuid, mechid)?;
        Some((at, self.table_at(at, netuid, table)?))
    }

    /// What is kept as `table` of a mechanism of a subnet, as of a block at which it is still true.
    fn table_at(&self, at: Stamp, netuid: NetUid, table: &Arc<Table>) -> Option<Arc<Table>> {
        let number = at.block.number;
        let listed = self.list.as_ref().filter(|list| list.at.block == at.block);
        let subnet = listed.and_then(|list| list.subnets.get(&netuid));
        if self.subnets.get(&netuid)?.whole_at() == number {
            let Some(figures) = figure::priced(&table.figures, subnet) else { return Some(Arc::clone(table)) };
            return Some(Arc::new(Table { figures: Arc::new(figures), ..Table::clone(table) }));
        }
        let pool = listed.and_then(|_| self.pools.get(&netuid));
        let figures = figure::of_block(&table.figures, number, subnet, pool);
        Some(Arc::new(Table { at, figures: Arc::new(figures), ..Table::clone(table) }))
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
                known.tried = Some(broken.tried);
            }
            (*netuid, known)
        });
        known.collect()
    }

    /// How many neurons are known, over all subnets.
    pub fn neurons(&self) -> usize {
        self.subnets.values().map(|snapshot| snapshot.neurons().len()).sum()
    }

    /// Those of the subnets `among` in which any of `hotkeys` is registered.
    fn homes_of_hotkeys(&self, hotkeys: &[AccountId], among: &BTreeSet<NetUid>) -> impl Iterator<Item = NetUid> {
        let is_there =
            move |snapshot: &Arc<Snapshot>| hotkeys.iter().any(|hotkey| snapshot.uid(&Hotkey(*hotkey)).is_some());
        among.iter().copied().filter(move |netuid| self.subnets.get(netuid).is_some_and(is_there))
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

    /// Waits until the list of subnets, and what was read with it, is that of `block` or a later one; for `patience` at
    /// the most.
    pub async fn reach(&self, block: BlockNumber, patience: Duration) {
        let mut current = self.current.clone();
        let reached = current.wait_for(|known| known.has_reached(block));
        let _ = timeout(patience, reached).await;
    }

    /// The same until what is kept of this subnet's neurons is of that block too: where many change at once, they are
    /// read a few at a time behind the list. The others are not waited for.
    pub async fn reach_subnet(&self, netuid: NetUid, block: BlockNumber, patience: Duration) {
        let mut current = self.current.clone();
        let reached = current.wait_for(|known| known.has_reached(block) && !known.is_behind(netuid));
        let _ = timeout(patience, reached).await;
    }

    /// What is known, and news of every change.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Metagraphs>> {
        self.current.clone()
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use self::tests::{sample, sample_of};
