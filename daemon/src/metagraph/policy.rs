//! Which metagraphs to read again, and how much of them: a pure decision over what blocks changed.
//!
//! What was touched (`touched.rs`) and not read yet waits in a [`Backlog`]; [`Backlog::due`] hands
//! out at most a fixed number of subnets at a time, so that a busy chain costs a bounded number of
//! requests per block. Claims of root dividends, of which every block of the public network makes
//! some, change the stake of many neurons a little: they are gathered for a while, and each subnet
//! has its turn at another block of that while. So is what older runtimes add to stakes without an event
//! ([`btd_chain::SilentStake`]). A subnet that was not read as a whole for long is, whatever seems to have
//! happened to it.

use std::collections::{BTreeMap, BTreeSet};

use btd_api::{AccountId, BlockNumber, NetUid};
use btd_chain::Part;

use super::touched::{Extent, Touched, extend};

/// Blocks after which a subnet is read as a whole although no epoch of it was seen.
pub(super) const OLDEST: u32 = 400;
/// For so many blocks a subnet that could not be read is left alone, unless an event touches it.
pub(super) const RETRY: u32 = 20;
/// How many subnets are read at one time.
pub(super) const BUDGET: usize = 32;
/// For at most so many blocks claims of root dividends are gathered: five minutes of the public network.
pub(super) const GATHERED: u32 = 25;

/// What is known of a cached subnet, for the decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// The block at which anything of it was read.
    pub(super) read_at: BlockNumber,
    /// The block at which all of it was read.
    pub(super) whole_at: BlockNumber,
    /// The block at which it could not be read, if that was the last thing tried.
    pub(super) tried: Option<BlockNumber>,
    /// The block of the last epoch that was seen.
    pub(super) last_epoch: u64,
    /// The first block at which its next epoch may have run.
    pub(super) next_epoch: BlockNumber,
}

/// What was touched and has not been read since.
#[derive(Clone, Debug)]
pub(super) struct Backlog {
    touched: Touched,
    /// Subnets whose stake has changed by claims, or without an event, since that block.
    claims: BTreeMap<NetUid, BlockNumber>,
    gathered: u32,
}

/// What to read now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// Whether the list of subnets with their pools is to be read.
    pub(super) list: bool,
    /// The subnets to read, at most [`BUDGET`] of them, the longest unread first.
    pub(super) subnets: Vec<(NetUid, Extent)>,
    /// Those of them that are read for their age: nothing is said to have happened to them.
    pub(super) aged: BTreeSet<NetUid>,
}

// === impl Known ===

impl Known {
    /// Whether an epoch ran since all was read: as the chain tells its last one, if it does, or by
    /// the subnet's tempo.
    pub(super) fn epoch_ran(&self, told: Option<u64>, block: BlockNumber) -> bool {
        match told {
            Some(last) => last != self.last_epoch,
            None => block >= self.next_epoch && self.whole_at < self.next_epoch,
        }
    }
}

// === impl Backlog ===

impl Backlog {
    /// An empty one that gathers claims for `gathered` blocks.
    pub(super) fn new(gathered: u32) -> Self {
        Self { touched: Touched::default(), claims: BTreeMap::new(), gathered }
    }

    /// Notes what a block changed.
    pub(super) fn note(&mut self, touched: Touched) {
        self.touched.merge(touched);
    }

    /// Notes how much of a subnet is to be read.
    pub(super) fn note_subnet(&mut self, netuid: NetUid, extent: Extent) {
        extend(&mut self.touched.subnets, netuid, extent);
    }

    /// Notes that everything is to be read: blocks were missed, or nothing was read yet.
    pub(super) fn note_all(&mut self) {
        self.touched.all = true;
        // Wherever that counts, stake is read with everything else.
        self.touched.rooted.clear();
        self.touched.claimed.clear();
    }

    /// The hotkeys whose root stake changed, and the coldkeys that claimed: in which subnets their
    /// stake counts must be found out before [`Self::due`] is asked.
    pub(super) fn unresolved(&self) -> (Vec<AccountId>, Vec<AccountId>) {
        (self.touched.rooted.iter().copied().collect(), self.touched.claimed.iter().copied().collect())
    }

    /// Notes in which subnets the stake of those counts.
    pub(super) fn resolve(&mut self, block: BlockNumber, rooted: BTreeSet<NetUid>, claimed: BTreeSet<NetUid>) {
        self.touched.rooted.clear();
        self.touched.claimed.clear();
        for netuid in rooted {
            self.note_subnet(netuid, Extent::part(Part::Stake));
        }
        for netuid in claimed {
            self.claims.entry(netuid).or_insert(block);
        }
    }

    /// Notes that the stake in any of these may have changed at a block without an event: that is gathered as claims are.
    pub(super) fn note_silent(&mut self, block: BlockNumber, netuids: impl IntoIterator<Item = NetUid>) {
        for netuid in netuids {
            self.claims.entry(netuid).or_insert(block);
        }
    }

    /// The subnets whose stake claims have changed since it was read.
    pub(super) fn claimed(&self) -> BTreeSet<NetUid> {
        self.claims.keys().copied().collect()
    }

    /// Whether claims changed the subnet's stake since it was read.
    pub(super) fn has_claims(&self, netuid: NetUid) -> bool {
        self.claims.contains_key(&netuid)
    }

    /// What to read at `block`, given what is cached. What is handed out is no longer in the
    /// backlog; what the budget leaves is, for the next time.
    ///
    /// The list is due at each new block: prices move without events. `listed` is the block of the
    /// one at hand. `homes` tells in which subnets an account has neurons.
    pub(super) fn due(
        &mut self,
        block: BlockNumber,
        listed: Option<BlockNumber>,
        known: &BTreeMap<NetUid, Known>,
        homes: impl Fn(AccountId) -> Vec<NetUid>,
    ) -> Due {
        let touched = std::mem::take(&mut self.touched);
        let touched_something = !touched.is_nothing();
        let mut wanted = touched.subnets;
        wanted.retain(|_, extent| !extent.is_nothing());
        for (account, extent) in touched.accounts {
            for netuid in homes(account) {
                extend(&mut wanted, netuid, extent.clone());
            }
        }
        for (netuid, since) in &self.claims {
            // What is read of a subnet without its stake would be of a later block than that.
            if self.is_turn(*netuid, *since, block) || wanted.contains_key(netuid) {
                extend(&mut wanted, *netuid, Extent::part(Part::Stake));
            }
        }
        let mut aged = BTreeSet::new();
        for (netuid, state) in known {
            let is_old = block.0.saturating_sub(state.whole_at.0) >= OLDEST;
            // Read at a block that the chain has not reached: it began anew.
            let from_elsewhere = state.read_at > block;
            // What could not be read is left alone for a while, and then tried whatever happened to it.
            let rests = state.tried.is_some_and(|tried| block.0.saturating_sub(tried.0) < RETRY);
            if rests && !touched.all {
                // Parts would be put into what is known to lack something.
                if wanted.contains_key(netuid) {
                    extend(&mut wanted, *netuid, Extent::Whole);
                }
                continue;
            }
            if touched.all || is_old || from_elsewhere || state.tried.is_some() {
                if is_old && !touched.all && !from_elsewhere && !wanted.contains_key(netuid) {
                    aged.insert(*netuid);
                }
                extend(&mut wanted, *netuid, Extent::Whole);
            }
        }
        let read_at = |netuid: &NetUid| known.get(netuid).map_or(BlockNumber(0), |state| state.read_at);
        let mut subnets: Vec<(NetUid, Extent)> = wanted.into_iter().collect();
        subnets.sort_by_key(|(netuid, _)| (read_at(netuid), *netuid));
        for (netuid, extent) in subnets.split_off(subnets.len().min(BUDGET)) {
            aged.remove(&netuid);
            self.note_subnet(netuid, extent);
        }
        Due { list: touched_something || listed != Some(block) || !subnets.is_empty(), subnets, aged }
    }

    /// Whether the claims on a subnet, gathered since a block, are to be read at another. Claims are
    /// made on all subnets at once: read together, they would make a slow block of many quick ones.
    fn is_turn(&self, netuid: NetUid, since: BlockNumber, block: BlockNumber) -> bool {
        let is_old = block.0.saturating_sub(since.0) >= self.gathered;
        is_old || (block > since && block.0 % self.gathered == u32::from(netuid.0) % self.gathered)
    }

    /// Forgets claims on subnets that are no more.
    pub(super) fn retain_claims(&mut self, exists: impl Fn(NetUid) -> bool) {
        self.claims.retain(|netuid, _| exists(*netuid));
    }

    /// Notes that stake was read with a subnet: the claims on it are in what was read.
    pub(super) fn read_stake(&mut self, netuid: NetUid) {
        self.claims.remove(&netuid);
    }

    /// The subnets that were left over.
    pub(super) fn waiting(&self) -> BTreeSet<NetUid> {
        let waits = |(netuid, extent): (&NetUid, &Extent)| (!extent.is_nothing()).then_some(*netuid);
        self.touched.subnets.iter().filter_map(waits).collect()
    }

    /// Whether something was left over that can be read now.
    pub(super) fn is_waiting(&self) -> bool {
        !self.touched.is_nothing()
    }

    /// Puts back what could not be read.
    pub(super) fn put_back(&mut self, due: Due) {
        for (netuid, extent) in due.subnets {
            self.note_subnet(netuid, extent);
        }
    }
}

#[cfg(test)]
mod tests {
    use btd_chain::Event;
    use serde_json::{Value as Json, json};

    use super::*;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    fn backlog() -> Backlog {
        Backlog::new(GATHERED)
    }

    fn touched(pallet: &str, name: &str, fields: Json) -> Touched {
        let (pallet, name) = (pallet.to_owned(), name.to_owned());
        Touched::by(&[Event { pallet, name, fields, subnets: BTreeSet::new(), extrinsic: None }])
    }

    /// Subnets with the block at which they were read as a whole.
    fn known(entries: &[(u16, u32)]) -> BTreeMap<NetUid, Known> {
        let known = entries.iter().map(|(netuid, read)| {
            let read_at = BlockNumber(*read);
            let known =
                Known { read_at, whole_at: read_at, tried: None, last_epoch: 7, next_epoch: BlockNumber(read + 100) };
            (NetUid(*netuid), known)
        });
        known.collect()
    }

    fn due_at(backlog: &mut Backlog, block: u32, known: &BTreeMap<NetUid, Known>) -> Due {
        backlog.due(BlockNumber(block), Some(BlockNumber(block)), known, |_| Vec::new())
    }

    fn netuids(due: &Due) -> Vec<u16> {
        due.subnets.iter().map(|(netuid, _)| netuid.0).collect()
    }

    #[test]
    fn the_list_is_read_at_each_new_block() {
        let quiet = |listed| backlog().due(BlockNumber(10), listed, &known(&[(1, 9)]), |_| Vec::new());
        for listed in [None, Some(BlockNumber(9)), Some(BlockNumber(11))] {
            assert_eq!(quiet(listed), Due { list: true, ..Due::default() });
        }
        assert_eq!(quiet(Some(BlockNumber(10))), Due::default());
    }

    #[test]
    fn an_administrator_touches_everything() {
        let mut backlog = backlog();
        backlog.note(touched("Sudo", "Sudid", json!({ "sudo_result": { "Ok": [] } })));
        let due = due_at(&mut backlog, 10, &known(&[(0, 9), (1, 9)]));
        assert_eq!((due.list, netuids(&due)), (true, vec![0, 1]));
        assert!(due.subnets.iter().all(|(_, extent)| *extent == Extent::Whole) && due.aged.is_empty());
    }

    #[test]
    fn accounts_are_looked_up_and_events_of_skipped_blocks_add_up() {
        let mut backlog = backlog();
        backlog.note(touched("SubtensorModule", "ChainIdentitySet", json!([ALICE])));
        backlog.note(touched("SubtensorModule", "AxonServed", json!([3, ALICE])));
        backlog.note(touched("SubtensorModule", "TempoSet", json!([1, 2])));
        let three = known(&[(1, 9), (2, 9), (3, 9)]);
        let due = backlog.due(BlockNumber(10), Some(BlockNumber(10)), &three, |account| {
            assert_eq!(account.to_string(), ALICE);
            vec![NetUid(2)]
        });
        let parts = [(1, Part::Settings), (2, Part::Identities), (3, Part::Axons)];
        let expected = parts.map(|(netuid, part)| (NetUid(netuid), Extent::part(part)));
        assert_eq!(due.subnets, expected);
        assert_eq!(due_at(&mut backlog, 10, &three), Due::default());
    }

    #[test]
    fn old_snapshots_are_read_and_epochs_are_noticed() {
        let state = known(&[(1, 1), (2, 50), (5, 900)]);
        let due = due_at(&mut backlog(), OLDEST + 1, &state);
        assert_eq!((netuids(&due), due.aged), (vec![1, 5], BTreeSet::from([NetUid(1)])));
        let of = &state[&NetUid(2)];
        assert!(!of.epoch_ran(Some(7), BlockNumber(1_000)), "the chain says that none ran");
        assert!(of.epoch_ran(Some(151), BlockNumber(151)));
        assert!(of.epoch_ran(None, BlockNumber(150)) && !of.epoch_ran(None, BlockNumber(149)));
    }

    #[test]
    fn what_could_not_be_read_as_a_whole_is_not_read_in_parts() {
        let mut known = known(&[(1, 9), (2, 9)]);
        known.entry(NetUid(1)).and_modify(|state| state.tried = Some(BlockNumber(10)));
        let mut backlog = backlog();
        assert_eq!(due_at(&mut backlog, 12, &known), Due::default(), "it rests");
        backlog.note(touched("SubtensorModule", "AxonServed", json!([1, ALICE])));
        backlog.note(touched("SubtensorModule", "AxonServed", json!([2, ALICE])));
        let due = due_at(&mut backlog, 12, &known);
        assert_eq!(due.subnets, [(NetUid(1), Extent::Whole), (NetUid(2), Extent::part(Part::Axons))]);
        assert_eq!(due_at(&mut backlog, 10 + RETRY, &known).subnets, [(NetUid(1), Extent::Whole)]);
    }

    #[test]
    fn claims_are_gathered_and_gone_once_stake_was_read() {
        let mut backlog = backlog();
        let known = known(&[(1, 9), (2, 9), (3, 9)]);
        backlog.note(touched("SubtensorModule", "RootClaimed", json!({ "coldkey": ALICE })));
        assert_eq!(backlog.unresolved(), (vec![], vec![ALICE.parse().unwrap()]));
        backlog.resolve(BlockNumber(10), BTreeSet::from([NetUid(3)]), BTreeSet::from([NetUid(1), NetUid(2)]));
        let due = due_at(&mut backlog, 10, &known);
        assert_eq!(due.subnets, [(NetUid(3), Extent::part(Part::Stake))]);
        assert!(!backlog.is_waiting() && backlog.has_claims(NetUid(1)));
        backlog.resolve(BlockNumber(20), BTreeSet::new(), BTreeSet::from([NetUid(1)]));
        backlog.read_stake(NetUid(2));
        assert_eq!(netuids(&due_at(&mut backlog, GATHERED, &known)), [0; 0]);
        assert_eq!(netuids(&due_at(&mut backlog, 1 + GATHERED, &known)), [1], "its turn");
        assert_eq!(netuids(&due_at(&mut backlog, 10 + GATHERED, &known)), [1], "its turn was missed");
    }

    #[test]
    fn claims_on_all_subnets_are_read_a_few_at_each_block() {
        let all: Vec<(u16, u32)> = (0..129).map(|netuid| (netuid, 9)).collect();
        let mut backlog = backlog();
        backlog.resolve(BlockNumber(10), BTreeSet::new(), all.iter().map(|(netuid, _)| NetUid(*netuid)).collect());
        let mut read = Vec::new();
        for block in 10..=10 + GATHERED {
            let due = netuids(&due_at(&mut backlog, block, &known(&all)));
            assert!(due.len() <= 6, "{due:?} at {block}");
            for netuid in &due {
                backlog.read_stake(NetUid(*netuid));
            }
            read.extend(due);
        }
        read.sort_unstable();
        assert_eq!(read, (0..129).collect::<Vec<_>>(), "each once");
    }

    #[test]
    fn what_changed_without_an_event_is_gathered_since_the_first_time() {
        let mut backlog = backlog();
        let known = known(&[(0, 9), (1, 9), (2, 9)]);
        backlog.note_silent(BlockNumber(10), known.keys().copied());
        backlog.read_stake(NetUid(2));
        backlog.note_silent(BlockNumber(11), [NetUid(0), NetUid(1)]);
        assert_eq!(backlog.claimed(), BTreeSet::from([NetUid(0), NetUid(1)]), "what was read is read");
        assert_eq!(due_at(&mut backlog, 11, &known), Due::default(), "not at once");
        assert!(!backlog.is_waiting(), "nothing else waits for it");
        assert_eq!(netuids(&due_at(&mut backlog, GATHERED, &known)), [0], "its turn");
        let late = due_at(&mut backlog, 10 + GATHERED, &known).subnets;
        let stake = || Extent::part(Part::Stake);
        assert_eq!(late, [(NetUid(0), stake()), (NetUid(1), stake())], "the turns were missed");
    }

    #[test]
    fn claims_are_read_with_whatever_else_is() {
        let mut backlog = backlog();
        let known = known(&[(1, 9), (2, 9)]);
        backlog.resolve(BlockNumber(10), BTreeSet::new(), BTreeSet::from([NetUid(1), NetUid(2)]));
        backlog.note(touched("SubtensorModule", "AxonServed", json!([1, ALICE])));
        let due = due_at(&mut backlog, 12, &known);
        let mut both = BTreeMap::from([(NetUid(1), Extent::part(Part::Axons))]);
        extend(&mut both, NetUid(1), Extent::part(Part::Stake));
        assert_eq!(due.subnets, both.into_iter().collect::<Vec<_>>(), "the other one's go on being gathered");
    }

    #[test]
    fn no_more_than_the_budget_is_read_at_once_and_nothing_is_forgotten() {
        let many: Vec<(u16, u32)> = (0..40).map(|netuid| (netuid, 100 - u32::from(netuid))).collect();
        let mut backlog = backlog();
        backlog.note_all();
        let first = due_at(&mut backlog, 101, &known(&many));
        assert_eq!(first.subnets.len(), BUDGET);
        assert_eq!(first.subnets[0].0, NetUid(39), "the longest unread comes first");
        let mut read: BTreeSet<u16> = netuids(&first).into_iter().collect();
        let left: BTreeSet<NetUid> = (0..40).filter(|netuid| !read.contains(netuid)).map(NetUid).collect();
        assert_eq!(backlog.waiting(), left);
        for _ in 0..2 {
            read.extend(netuids(&due_at(&mut backlog, 101, &known(&many))));
        }
        assert_eq!((read.len(), backlog.waiting()), (40, BTreeSet::new()));
        assert!(due_at(&mut backlog, 101, &known(&many)).subnets.is_empty());
    }

    #[test]
    fn where_stake_counts_is_not_asked_when_all_of_it_is_read() {
        let mut backlog = backlog();
        backlog.note(touched("SubtensorModule", "RootClaimed", json!({ "coldkey": ALICE })));
        backlog.note_all();
        assert_eq!(backlog.unresolved(), (vec![], vec![]));
        assert_eq!(due_at(&mut backlog, 10, &known(&[(5, 9)])).subnets, [(NetUid(5), Extent::Whole)]);
    }

    #[test]
    fn what_could_not_be_read_is_due_again() {
        let mut backlog = backlog();
        backlog.note_subnet(NetUid(5), Extent::Whole);
        let due = due_at(&mut backlog, 10, &known(&[(5, 9)]));
        backlog.put_back(due.clone());
        assert_eq!(due_at(&mut backlog, 10, &known(&[(5, 9)])), due);
    }
}
