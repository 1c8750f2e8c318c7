//! Nodes that the operator has named, and how far what is followed is their history.
//!
//! A node of one's own may be a fork of a public network that has the same block 0, and it may be down while the public
//! nodes are well. What it has told is the chain that is meant. So whatever stands behind such a node, because it is
//! the network's or joined, has no say about that, and takes over only where it has the newest block of it: the anchor.
//! Where no node was set before the others, all of those that are configured are named ones. What one of several has
//! told is no less its own while it is away, and another one has something else: from that too one of them goes on, as
//! long as it is not given up (`follower/disowning.rs`).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use btd_api::BlockNumber;

use super::{Link, LinkConfig, Shared, scout, witnesses::contradiction};
use crate::{
    block::BlockRef,
    clock,
    endpoint::Endpoint,
    error::ConnectError,
    fetch::{self, Fetched},
    rpc::{Ask, Connection},
};

/// The newest block of what is followed that one of the named nodes has.
#[derive(Debug)]
pub(super) struct Anchor {
    named: BTreeSet<Endpoint>,
    /// The newest one that each of them has.
    told: Mutex<BTreeMap<Endpoint, BlockRef>>,
}

// === impl Anchor ===

impl Anchor {
    pub(super) fn new(config: &LinkConfig) -> Self {
        let named = if config.own.is_empty() { &config.endpoints } else { &config.own };
        Self { named: named.iter().cloned().collect(), told: Mutex::default() }
    }

    /// Whether the operator has named this endpoint, rather than what stands behind it.
    pub(super) fn is_named(&self, endpoint: &Endpoint) -> bool {
        self.named.contains(endpoint)
    }

    /// An endpoint has `block`, which was followed.
    pub(super) fn note(&self, endpoint: &Endpoint, block: BlockRef) {
        let mut told = self.told();
        let is_newer = told.get(endpoint).is_none_or(|before| before.number <= block.number);
        if self.is_named(endpoint) && is_newer {
            told.insert(endpoint.clone(), block);
        }
    }

    /// The newest block that a named node has; none where no such node has told any.
    pub(super) fn block(&self) -> Option<BlockRef> {
        self.told().values().copied().max_by_key(|block| block.number)
    }

    /// The named nodes that have what was followed at this height, or had it when they were heard last.
    pub(super) fn tellers(&self, number: BlockNumber) -> Vec<Endpoint> {
        let told = self.told();
        told.iter().filter(|(_, block)| number <= block.number).map(|(endpoint, _)| endpoint.clone()).collect()
    }

    /// Whether what was followed at this height is what a named node has told.
    pub(super) fn covers(&self, number: BlockNumber) -> bool {
        self.block().is_some_and(|anchor| number <= anchor.number)
    }

    /// What the named nodes have told is not followed any more.
    pub(super) fn lift(&self) {
        self.told().clear();
    }

    fn told(&self) -> MutexGuard<'_, BTreeMap<Endpoint, BlockRef>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An endpoint is followed from its newest block on only where it has the anchor too.
pub(super) async fn check(shared: &Shared, connection: &Connection, newest: BlockRef) -> Result<(), ConnectError> {
    let Some(ours) = shared.witnesses.anchor.block() else { return Ok(()) };
    let endpoint = || connection.endpoint().to_owned();
    if newest.number < ours.number {
        return Err(ConnectError::Behind { endpoint: endpoint(), finalized: newest.number, seen: ours.number });
    }
    let none = || connection.nonsense("a finalized block", format!("it has no block {}", ours.number));
    let hash = fetch::hash_of(connection, ours.number).await?.ok_or_else(none)?;
    if hash == ours.hash {
        return Ok(());
    }
    Err(contradiction(endpoint(), ours, BlockRef { number: ours.number, hash }))
}

/// A named node that has another block than the one in use, which was not named, is heard only where it tells what it
/// takes to follow it, down to the state of its newest block: what is followed would be given up for nothing.
pub(super) async fn check_use(shared: &Shared, connection: &Connection, newest: BlockRef) -> Result<(), ConnectError> {
    let anchor = &shared.witnesses.anchor;
    let is_in_place = |active: &Arc<Connection>| !anchor.is_named(&active.node().endpoint);
    let may_be_given_up = shared.connection.borrow().as_ref().is_some_and(is_in_place);
    if !may_be_given_up || !anchor.is_named(&connection.node().endpoint) {
        return Ok(());
    }
    check_state(shared, connection, newest).await
}

/// Whether an endpoint tells its newest block, and what is in the state of that.
pub(super) async fn check_state(
    shared: &Shared,
    connection: &Connection,
    newest: BlockRef,
) -> Result<(), ConnectError> {
    let none = || connection.nonsense("a finalized block", format!("it has no block {}", newest.number));
    let Fetched { withheld, .. } = fetch::block(connection, newest.hash).await?.ok_or_else(none)?;
    if let Some(denied) = withheld {
        return Err(denied);
    }
    fetch::runtime_at(connection, newest.hash, &shared.runtimes).await?;
    Ok(())
}

/// The height at which an endpoint contradicts what was followed, which it does at `number`: that of the anchor, where
/// it has another block there too. Then it is not merely what others have told since that it contradicts.
pub(super) async fn parted_at(
    shared: &Shared,
    connection: &Connection,
    number: BlockNumber,
) -> Result<BlockNumber, ConnectError> {
    let below = shared.witnesses.anchor.block().filter(|ours| ours.number < number);
    let Some(ours) = below else { return Ok(number) };
    let found = fetch::hash_of(connection, ours.number).await?;
    Ok(if found.is_some_and(|found| found != ours.hash) { ours.number } else { number })
}

/// What the endpoint in use, which was not named, has at a height that is in memory no more, where a named one that is
/// far behind it has got there and may have another block. It is not waited for any longer than a look in haste may
/// take.
pub(super) async fn told_at(shared: &Shared, connection: &Connection, number: BlockNumber) -> Option<BlockRef> {
    let (anchor, endpoint) = (&shared.witnesses.anchor, &connection.node().endpoint);
    if !anchor.is_named(endpoint) {
        return None;
    }
    let active = shared.connection.borrow().clone().filter(|active| !anchor.is_named(&active.node().endpoint))?;
    let told = clock::timeout(scout::GLANCE, fetch::hash_of(&*active, number)).await;
    let hash = told.ok()?.ok().flatten()?;
    Some(BlockRef { number, hash })
}

// === impl Link ===

impl Link {
    /// Those that stand behind a named node and would take over, where each of them that has said anything has other
    /// blocks than it told: then none of them does. Empty where one has the same.
    pub fn strangers(&self) -> Vec<String> {
        let (witnesses, now) = (&self.shared.witnesses, clock::now());
        let behind = self.shared.pool.followed().iter().filter(|node| !witnesses.anchor.is_named(&node.endpoint));
        let (strange, rest): (Vec<_>, Vec<_>) = behind.partition(|node| witnesses.is_stranger(&node.endpoint, now));
        if rest.iter().any(|node| witnesses.stands_by(&node.endpoint, now)) {
            return Vec::new();
        }
        strange.into_iter().map(|node| node.endpoint.to_string()).collect()
    }
}
