//! The long task that keeps metagraphs current: for each finalized block it reads what that block
//! changed, and nothing else.
//!
//! Everything is read at the last block whose events were noted, so that between two rounds what is
//! kept is what the chain has there ([`Metagraphs::through`]). Before an epoch changes a whole
//! metagraph, the chain's own at that block is compared with the kept one: a difference is said,
//! counted, and gone with the reading that follows (`refresher/checking.rs`).
//!
//! What cannot be read keeps nothing else from being read and told: what a failure says is decided in
//! `refresher/failing.rs`.

mod checking;
mod failing;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use btd_api::{AccountId, BlockHash, BlockNumber, NetUid};
use btd_chain::{BlockStream, Link, Part, Priority, ReadError, SilentStake, View};
use futures_util::{FutureExt, StreamExt, future::join, stream};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use self::failing::{Failing, Verdict};
pub(super) use self::failing::{break_off, is_about_the_block, is_about_the_link};
use super::{
    History, List, Metagraphs,
    keeper::Keeper,
    policy::{BUDGET, Backlog, Due, GATHERED, RETRY},
    pools::Pools,
    reading::{Read, Wanted},
    recorder::Recorder,
    restorer::Restorer,
    store::When,
    touched::{Extent, Touched, extend},
    unchanged::Unchanged,
};
use crate::{cache::Cache, stamp::Stamp};

/// Further behind than this, blocks are skipped and everything is read anew.
const FURTHEST_BEHIND: u32 = 64;
/// So many places are asked for children at the most; for more, stake counts everywhere.
const MOST_ASKED: usize = 4_096;
/// The pause after a read that failed, and the longest while what fails is refused or cannot be read.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(12);
/// After so long in a round no more is begun to be read.
const LONGEST: Duration = Duration::from_secs(10);
/// What was not answered is asked for again when no block comes for so long.
const STANDS: Duration = Duration::from_mins(1);
/// When metagraphs take longer than that to be read, the list and those that are there are told before the others.
const PATIENCE: Duration = Duration::from_secs(3);

/// The long task that keeps the metagraphs current.
#[derive(Debug)]
pub struct Refresher {
    link: Link,
    keeper: Keeper,
    recorder: Recorder,
    restorer: Restorer,
    network: String,
    backlog: Backlog,
    failing: Failing,
    /// Since when weights and bonds are what they are.
    unchanged: Unchanged,
    current: watch::Sender<Arc<Metagraphs>>,
    /// The blocks that come; none when everything is to be begun anew.
    blocks: Option<BlockStream>,
    /// The last block whose events were noted, and at which things are read.
    noted: BlockNumber,
    /// The runtime that executed it; none where that is not known.
    executed_by: Option<u32>,
}

// === impl Refresher ===

impl Refresher {
    pub(super) fn new(
        link: &Link,
        (cache, history): (Cache, Option<History>),
        network: String,
        current: watch::Sender<Arc<Metagraphs>>,
    ) -> Self {
        let link = link.with_priority(Priority::Bulk);
        let keeper = Keeper::new(cache, &current.borrow());
        Self {
            recorder: Recorder::new(link.clone(), history.clone()),
            restorer: Restorer::new(link.clone(), history),
            link,
            keeper,
            network,
            backlog: Backlog::new(GATHERED),
            failing: Failing::default(),
            unchanged: Unchanged::default(),
            current,
            blocks: None,
            noted: BlockNumber(0),
            executed_by: None,
        }
    }

    /// The same, gathering claims of root dividends for `blocks` blocks before stake is read for them.
    #[cfg(test)]
    pub(super) fn gathering(mut self, blocks: u32) -> Self {
        self.backlog = Backlog::new(blocks);
        self
    }

    /// Keeps the metagraphs current until `token` is cancelled, and what is served then in the cache. Failures of the chain
    /// are waited out; failures of the cache end the caching and nothing else.
    pub async fn run(mut self, token: CancellationToken) {
        let restoring = self.restorer.clone().run();
        let _ = token.clone().run_until_cancelled(join(Box::pin(self.keep_current()), Box::pin(restoring))).await;
        let known = Arc::clone(&self.current.borrow());
        self.keeper.keep(&known, When::Now).await;
        // The cache's last clones must be gone before it can be closed.
        drop(self);
    }

    async fn keep_current(&mut self) {
        let genesis = self.genesis().await;
        self.adopt(genesis).await;
        let mut failures = 0_u64;
        loop {
            let begun = Instant::now();
            if let Err(error) = self.round().await {
                if failures == 0 {
                    tracing::warn!(%error, "could not read metagraphs: the last known ones are served, and it is tried again");
                } else {
                    tracing::debug!(%error, failures, "could not read metagraphs");
                }
                failures = failures.saturating_add(1);
                // A block that cannot be read twice is not waited for: the newest one can be. Where too much is asked of
                // a node, it is not asked for everything again.
                let is_turned_away = matches!(error, ReadError::NoTurn { .. });
                if is_about_the_block(&error) {
                    self.doubt();
                }
                if is_about_the_block(&error) || failures > 1 && !is_turned_away {
                    self.blocks = None;
                }
                // What every endpoint answers so was asked of more than one.
                let again = u32::try_from(failures).unwrap_or(u32::MAX);
                let pause =
                    if is_about_the_link(&error) { PAUSE } else { PAUSE.saturating_mul(again).min(LONGEST_PAUSE) };
                sleep(pause).await;
                let mut state = self.link.state();
                if timeout(STANDS, state.wait_for(btd_chain::LinkState::is_live)).await.is_err() {
                    let known = Arc::clone(&self.current.borrow());
                    self.keeper.keep(&known, When::Now).await;
                    let _ = state.wait_for(btd_chain::LinkState::is_live).await;
                }
                continue;
            }
            failures = 0;
            // A round in which answers were waited for in vain took as long as many blocks, which are not passed over.
            let is_late = self.backlog.is_waiting() && begun.elapsed() >= PATIENCE;
            if self.failing.is_held_up() || is_late {
                // What was put back is read again with the next block, or after a while where none comes.
                let _ = timeout(PAUSE, self.next_blocks()).await;
            } else if !self.backlog.is_waiting() && timeout(STANDS, self.next_blocks()).await.is_err() {
                let known = Arc::clone(&self.current.borrow());
                self.keeper.keep(&known, When::Now).await;
                // Where no block comes none can be waited for.
                if known.broken.values().any(|broken| broken.is_unanswered) {
                    for netuid in self.let_unanswered_rest_no_more() {
                        self.backlog.note_subnet(netuid, Extent::Whole);
                    }
                } else {
                    self.next_blocks().await;
                }
            }
        }
    }

    /// Waits for the next block, and takes those behind it that are there already.
    async fn next_blocks(&mut self) {
        let Some(blocks) = &mut self.blocks else { return };
        let mut next = blocks.next().await;
        loop {
            match next {
                Ok(block) => {
                    // What a runtime migrates in the first block that it executes no event tells.
                    let is_same = block.spec_version == self.executed_by;
                    if is_same && block.tells_all_events() {
                        self.backlog.note(Touched::by(&block.events).and_by(&block.extrinsics));
                        self.unchanged.note(block.block, &block.events);
                    } else {
                        self.backlog.note_all();
                        self.unchanged.note_all(block.block);
                    }
                    (self.noted, self.executed_by) = (block.block.number, block.spec_version);
                }
                Err(ReadError::TakenBack { first, head }) => {
                    tracing::info!(%first, %head, "blocks were replaced by others: reading every metagraph anew");
                    self.doubt();
                    self.blocks = None;
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "could not read a block: reading every metagraph anew");
                    self.blocks = None;
                    return;
                }
            }
            let newest = self.link.finalized().map_or(0, |block| block.number.0);
            if newest.saturating_sub(self.noted.0) > FURTHEST_BEHIND {
                tracing::debug!(newest, noted = self.noted.0, "fell behind: reading every metagraph anew");
                self.blocks = None;
                return;
            }
            let Some(following) = blocks.next().now_or_never() else { return };
            next = following;
        }
    }

    /// Has the subnets that were not answered tried again whenever they are wanted, and tells which those are. Until they
    /// are read they stay what they are for everybody else.
    fn let_unanswered_rest_no_more(&self) -> Vec<NetUid> {
        let mut unanswered = Vec::new();
        self.current.send_if_modified(|known| {
            for (netuid, broken) in &mut Arc::make_mut(known).broken {
                if broken.is_unanswered {
                    // As on a chain that was taken back to before it was tried.
                    broken.tried = BlockNumber(u32::MAX);
                    unanswered.push(*netuid);
                }
            }
            false
        });
        unanswered
    }

    /// Lets nobody who waits for a block have what is kept before something was read: it may be of a block that is not of
    /// the chain any more, and of a higher number.
    fn doubt(&self) {
        // Nobody has to look at it again for that.
        self.current.send_if_modified(|known| {
            Arc::make_mut(known).behind = None;
            false
        });
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
            let kept = self.keeper.load(genesis).await;
            self.current.send_replace(Arc::new(Metagraphs { genesis: Some(genesis), ..kept }));
        }
        self.keeper.name(&self.network, genesis).await;
    }

    /// Where everything is read: at the last block that was noted. When blocks were skipped, or
    /// none was seen yet, that is the newest one, and everything is to be read.
    async fn view(&mut self) -> Result<View, ReadError> {
        let newest = self.link.finalized().map_or(0, |block| block.number.0);
        // A node may have thrown away what lies so far behind.
        let view = if self.blocks.is_some() && newest.saturating_sub(self.noted.0) <= FURTHEST_BEHIND {
            self.link.view_of(self.noted).await?
        } else {
            let (view, blocks) = self.link.view_and_blocks()?;
            (self.noted, self.blocks) = (view.block().number, Some(blocks));
            // What was not answered may be now, and by another endpoint.
            self.let_unanswered_rest_no_more();
            // It may be the runtime in the state behind it that is another one: of the next block.
            let newest = self.link.block(self.noted).await;
            self.executed_by = newest.ok().and_then(|block| block.spec_version);
            self.backlog.note_all();
            self.unchanged.begin(view.block());
            self.recorder.doubt();
            view
        };
        self.recorder.verify(self.noted).await;
        Ok(view)
    }

    /// Reads what is due and publishes it.
    async fn round(&mut self) -> Result<(), ReadError> {
        let view = self.view().await?;
        let before = Arc::clone(&self.current.borrow());
        match self.resolve(&view, &before).await {
            Err(error) if is_about_the_link(&error) && !matches!(error, ReadError::Deadline { .. }) => {
                return Err(error);
            }
            Err(error) => {
                // Nothing else waits for that: it may be anywhere.
                tracing::debug!(%error, "could not find out where stake counts: it may be anywhere");
                let (rooted, claimed) = self.backlog.unresolved();
                let all_if = |is_wanted: bool| -> BTreeSet<NetUid> {
                    before.subnets.keys().copied().filter(|_| is_wanted).collect()
                };
                let (rooted, claimed) = (all_if(!rooted.is_empty()), all_if(!claimed.is_empty()));
                self.backlog.resolve(view.block().number, rooted, claimed);
            }
            Ok(()) => {}
        }
        let listed = before.list.as_ref().map(|list| list.at.block.number);
        let is_new = listed != Some(view.block().number);
        if is_new && view.runtime().silent_stake() == SilentStake::AtBlocks {
            self.backlog.note_silent(view.block().number, before.subnets.keys().copied());
        }
        let due = self.backlog.due(view.block().number, listed, &before.known(), |account| before.homes(account));
        if due == Due::default() {
            return Ok(());
        }
        match self.read(&view, &before, &due).await {
            Ok(after) => {
                self.publish(after).await;
                Ok(())
            }
            Err(error) => {
                self.backlog.put_back(due);
                // What was told meanwhile is of a block that is gone.
                if !Arc::ptr_eq(&self.current.borrow(), &before) {
                    self.current.send_replace(before);
                }
                Err(error)
            }
        }
    }

    /// Finds out in which subnets stake counts that changed on root, or for claims.
    async fn resolve(&mut self, view: &View, before: &Metagraphs) -> Result<(), ReadError> {
        let (rooted, claimed) = self.backlog.unresolved();
        if rooted.is_empty() && claimed.is_empty() {
            return Ok(());
        }
        let behind = match claimed.as_slice() {
            [] => BTreeSet::new(),
            coldkeys => or_none(view.staking_hotkeys(coldkeys).await)?,
        };
        let behind: Vec<AccountId> = behind.into_iter().collect();
        let all: BTreeSet<NetUid> = before.subnets.keys().copied().collect();
        let rooted = counts_where(view, before, &rooted, &all).await?;
        // Where claims are gathered already, one more changes nothing.
        let unclaimed = &all - &self.backlog.claimed();
        let claimed = counts_where(view, before, &behind, &unclaimed).await?;
        self.backlog.resolve(view.block().number, rooted, claimed);
        Ok(())
    }

    async fn read(&mut self, view: &View, before: &Metagraphs, due: &Due) -> Result<Metagraphs, ReadError> {
        let at = Stamp::of(view.block(), &self.link);
        let mut after = before.clone();
        let mut wanted: BTreeMap<NetUid, Extent> = due.subnets.iter().cloned().collect();
        let is_first = |netuid: &NetUid| !before.subnets.contains_key(netuid);
        let mut recorded = BTreeSet::new();
        let pools = if due.list { Some(Pools::read(view).await?) } else { None };
        if let Some(pools) = &pools {
            after.subnets.retain(|netuid, _| pools.contains(*netuid));
            after.broken.retain(|netuid, _| pools.contains(*netuid));
            self.backlog.retain_claims(|netuid| pools.contains(netuid));
            let checked = want_by_the_list(&mut wanted, pools, before, due, at.block.number);
            self.check(before, &checked, &mut after.upkeep).await;
            recorded.extend(checked.into_iter().chain(pools.netuids().filter(is_first)));
            for (netuid, extent) in beyond_the_budget(&mut wanted, due) {
                self.backlog.note_subnet(netuid, extent);
            }
            let is_silent = view.runtime().silent_stake() == SilentStake::AtEpochs;
            if is_silent && pools.after_an_epoch(&before.known(), at.block.number).next().is_some() {
                self.backlog.note_silent(at.block.number, after.subnets.keys().copied());
                // What is read of a subnet without its stake would be of a later block than that.
                for extent in wanted.values_mut() {
                    extent.add(Extent::part(Part::Stake));
                }
            }
        }
        let is_whole = |(netuid, extent): (&NetUid, &Extent)| (*extent == Extent::Whole).then_some(*netuid);
        let anew: BTreeSet<NetUid> = wanted.iter().filter_map(is_whole).collect();
        recorded.retain(|netuid| anew.contains(netuid));
        self.read_each((view, at), before, pools.as_ref(), wanted, &mut after).await?;
        for netuid in recorded {
            if let Some(snapshot) = after.subnets.get(&netuid).filter(|snapshot| snapshot.at == at) {
                self.recorder.record(view, snapshot).await;
            }
        }
        if let Some(pools) = pools {
            let list = listed(&pools, &after, at);
            self.unchanged.settle(before.list.as_deref(), &list, &anew);
            (after.list, after.unchanged) = (Some(Arc::new(list)), self.unchanged.clone());
            after.pools = Arc::new(pools.into_told());
        }
        after.claimed = claimed(before, self.backlog.claimed());
        after.through = (!self.backlog.is_waiting()).then_some(at.block);
        after.behind = Some(self.backlog.waiting());
        Ok(after)
    }

    /// Reads what is `wanted` into `after`. What cannot be read now is put back, and what cannot be read at all is
    /// broken off; only a block that is gone ends all of it.
    async fn read_each(
        &mut self,
        (view, at): (&View, Stamp),
        before: &Metagraphs,
        pools: Option<&Pools>,
        wanted: BTreeMap<NetUid, Extent>,
        after: &mut Metagraphs,
    ) -> Result<(), ReadError> {
        let at_once = self.failing.begin();
        let is_alone = at_once == 1 || wanted.len() == 1;
        let kept = &before.subnets;
        let mechanisms = |netuid| pools.map_or(1, |pools| pools.mechanisms(netuid));
        let mut unread = wanted.clone();
        let begun = Instant::now();
        let mut reading = stream::iter(wanted)
            .take_while(|_| std::future::ready(begun.elapsed() < LONGEST))
            .map(|(netuid, extent)| (Wanted { netuid, mechanisms: mechanisms(netuid) }, extent))
            .map(|(wanted, extent)| async move {
                let (netuid, stake_too) = (wanted.netuid, extent.has_stake());
                (netuid, stake_too, wanted.read(view, extent, kept.get(&netuid).map(Arc::as_ref), at).await)
            })
            .buffer_unordered(at_once);
        let (mut is_told, mut with_stake) = (false, Vec::new());
        loop {
            let (netuid, stake_too, found) = match timeout(PATIENCE, reading.next()).await {
                Ok(Some(found)) => found,
                Ok(None) => break,
                Err(_) => {
                    if let (Some(pools), false) = (pools, is_told) {
                        let (list, told) = (Some(Arc::new(listed(pools, after, at))), Arc::new(pools.told()));
                        let behind = unread.keys().copied().chain(self.backlog.waiting()).collect();
                        // Claims on what was read meanwhile are in it.
                        let mut claimed = claimed(before, self.backlog.claimed());
                        claimed.retain(|netuid, _| !with_stake.contains(netuid));
                        let (through, behind) = (None, Some(behind));
                        let so_far = Metagraphs { list, pools: told, through, behind, claimed, ..after.clone() };
                        self.current.send_replace(Arc::new(so_far));
                        is_told = true;
                    }
                    continue;
                }
            };
            let snapshot = match found {
                Ok(found) => found,
                Err(error) if is_about_the_block(&error) => return Err(error),
                Err(error) => match self.failing.judge(netuid, &error, is_alone) {
                    Verdict::Over => break,
                    Verdict::Again => {
                        tracing::debug!(%netuid, %error, "could not read a subnet's metagraph: it is tried again");
                        continue;
                    }
                    Verdict::Broken => {
                        unread.remove(&netuid);
                        break_off(&mut after.broken, netuid, at.block.number, &error);
                        continue;
                    }
                },
            };
            unread.remove(&netuid);
            self.failing.is_read(netuid);
            after.broken.remove(&netuid);
            match snapshot {
                Some(Read::Whole(snapshot)) => {
                    after.upkeep.wholes = after.upkeep.wholes.saturating_add(1);
                    after.subnets.insert(netuid, Arc::new(snapshot));
                }
                Some(Read::Parts(snapshot)) => {
                    after.upkeep.parts = after.upkeep.parts.saturating_add(1);
                    after.subnets.insert(netuid, Arc::new(snapshot));
                }
                None => {
                    after.subnets.remove(&netuid);
                }
            }
            if stake_too {
                with_stake.push(netuid);
            }
        }
        for netuid in with_stake {
            self.backlog.read_stake(netuid);
        }
        for (netuid, extent) in unread {
            self.backlog.note_subnet(netuid, extent);
        }
        Ok(())
    }

    /// Serves `after` from now on, and keeps it.
    async fn publish(&mut self, after: Metagraphs) {
        let after = Arc::new(after);
        self.current.send_replace(Arc::clone(&after));
        self.keeper.keep(&after, When::InTurn).await;
    }
}

/// Since when stake claims are gathered in each of `netuids`: as long as before, or since what was kept
/// before this reading.
fn claimed(before: &Metagraphs, netuids: BTreeSet<NetUid>) -> BTreeMap<NetUid, Stamp> {
    let unclaimed = |netuid: NetUid| {
        let since = before.claimed.get(&netuid).copied();
        let since = since.or_else(|| before.subnets.get(&netuid).map(|snapshot| before.true_at(snapshot)));
        Some((netuid, since?))
    };
    netuids.into_iter().filter_map(unclaimed).collect()
}

/// All subnets in one line each, as far as their metagraphs are known.
fn listed(pools: &Pools, known: &Metagraphs, at: Stamp) -> List {
    List { at, subnets: pools.merged(&known.subnets), netuids: pools.netuids().collect() }
}

/// Adds to `wanted` what the list of all subnets tells: which are new, gone, of another size, or
/// have had an epoch. Returns those whose whole metagraph is read without an event that changed it.
fn want_by_the_list(
    wanted: &mut BTreeMap<NetUid, Extent>,
    pools: &Pools,
    before: &Metagraphs,
    due: &Due,
    block: BlockNumber,
) -> BTreeSet<NetUid> {
    wanted.retain(|netuid, _| pools.contains(*netuid));
    let rests = |netuid: &NetUid| {
        let broken = before.broken.get(netuid);
        // A chain that was taken back is before the block at which it was tried.
        let ago = broken.and_then(|broken| block.0.checked_sub(broken.tried.0));
        ago.is_some_and(|ago| ago < RETRY)
    };
    let known = before.known();
    let ended: BTreeSet<NetUid> = pools.after_an_epoch(&known, block).filter(|netuid| !rests(netuid)).collect();
    let is_new = |netuid: &NetUid| !before.subnets.contains_key(netuid) && !rests(netuid);
    let whole = pools.of_another_size(&before.subnets).chain(pools.netuids().filter(is_new));
    for netuid in whole.chain(ended.iter().copied()) {
        extend(wanted, netuid, Extent::Whole);
    }
    // Everything waits for a request that is not answered: it is not made again because something has happened.
    let is_unanswered = |netuid: &NetUid| before.broken.get(netuid).is_some_and(|broken| broken.is_unanswered);
    wanted.retain(|netuid, _| !(is_unanswered(netuid) && rests(netuid)));
    ended.into_iter().chain(due.aged.iter().copied()).collect()
}

/// Takes out of `wanted` what is more than is read at one time, but for what was due before.
fn beyond_the_budget(wanted: &mut BTreeMap<NetUid, Extent>, due: &Due) -> BTreeMap<NetUid, Extent> {
    let was_due = |netuid: &NetUid| due.subnets.iter().any(|(due, _)| due == netuid);
    let room = BUDGET.saturating_sub(due.subnets.len());
    let rest: Vec<NetUid> = wanted.keys().filter(|netuid| !was_due(netuid)).skip(room).copied().collect();
    rest.into_iter().filter_map(|netuid| wanted.remove_entry(&netuid)).collect()
}

/// Those of the subnets `among` in which the stake of any of `hotkeys` counts for somebody: where they
/// are registered, or have children. Many hotkeys, of which one coldkey may have thousands, are not
/// asked for one by one: theirs may count anywhere.
async fn counts_where(
    view: &View,
    before: &Metagraphs,
    hotkeys: &[AccountId],
    among: &BTreeSet<NetUid>,
) -> Result<BTreeSet<NetUid>, ReadError> {
    if hotkeys.is_empty() || among.is_empty() {
        return Ok(BTreeSet::new());
    }
    let netuids: Vec<NetUid> = among.iter().copied().collect();
    if hotkeys.len().saturating_mul(netuids.len()) > MOST_ASKED {
        return Ok(netuids.into_iter().collect());
    }
    let lives = before.homes_of_hotkeys(hotkeys, among);
    let children = or_none(view.subnets_with_children(hotkeys, &netuids).await)?;
    Ok(lives.chain(children).collect())
}

/// Nothing where the runtime has no such thing.
fn or_none<T: Ord>(found: Result<BTreeSet<T>, ReadError>) -> Result<BTreeSet<T>, ReadError> {
    match found {
        Err(ReadError::Absent(_)) => Ok(BTreeSet::new()),
        found => found,
    }
}
