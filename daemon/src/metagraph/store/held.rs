//! What the store holds by now, and what has its turn to be written.
//!
//! Of what was written only the place is remembered: nothing is kept alive for it, and a snapshot is told from another one
//! by being another one.

use std::{
    collections::{BTreeMap, BTreeSet},
    ptr,
    sync::{Arc, Weak},
};

use btd_api::{BlockNumber, NetUid};

use super::{groups, lines};
use crate::metagraph::{List, Metagraphs, snapshot::Snapshot};

/// A metagraph that changes again and again is written once in so many blocks: in an hour of the public network.
const BETWEEN_WRITES: u32 = 300;
/// So is the list of subnets, which is another one at every block: in two minutes.
const BETWEEN_LISTS: u32 = 10;

/// When what has changed is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::metagraph) enum When {
    /// Now.
    Now,
    /// When it has its turn. What the store does not have at all is written now.
    InTurn,
}

/// What is to be written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::metagraph) struct Due {
    /// The subnets that have changed, and those that are no more.
    pub(super) subnets: BTreeSet<NetUid>,
    /// Whether the list is.
    pub(super) list: bool,
}

/// What the store holds of a chain.
#[derive(Debug, Default)]
pub(in crate::metagraph) struct Held {
    list: Option<Written<List>>,
    subnets: BTreeMap<NetUid, Written<Snapshot>>,
}

/// What was written of a value.
#[derive(Debug)]
struct Written<T> {
    value: Weak<T>,
    /// The block of the list then.
    at: BlockNumber,
    /// The numbers of its groups.
    groups: Vec<u16>,
}

// === impl Due ===

impl Due {
    pub(in crate::metagraph) fn is_nothing(&self) -> bool {
        self.subnets.is_empty() && !self.list
    }
}

// === impl Written ===

impl<T> Written<T> {
    fn new(value: &Arc<T>, at: BlockNumber, groups: Vec<u16>) -> Self {
        Self { value: Arc::downgrade(value), at, groups }
    }

    /// Whether it was `value` itself.
    fn is(&self, value: &Arc<T>) -> bool {
        ptr::eq(self.value.as_ptr(), Arc::as_ptr(value))
    }

    /// Whether it has its turn at `block`: one of `between` blocks is the `number`th's. Where that was missed, it is later.
    fn has_turn(&self, number: u32, block: BlockNumber, between: u32) -> bool {
        block.0 % between == number % between || block.0.saturating_sub(self.at.0) >= between
    }
}

// === impl Held ===

impl Held {
    /// The store holds all of `known`, and no more.
    pub(in crate::metagraph) fn of(known: &Metagraphs) -> Self {
        let mut held = Self::default();
        let all = held.due(known, When::Now);
        held.note(known, &all);
        for (netuid, written) in &mut held.subnets {
            // It was written when it was read, and has its turn by that.
            if let Some(snapshot) = known.subnets.get(netuid) {
                written.at = snapshot.at.block.number;
            }
        }
        held
    }

    /// What of `known` is to be written.
    pub(in crate::metagraph) fn due(&self, known: &Metagraphs, when: When) -> Due {
        let block = newest(known);
        let is_due = |netuid: NetUid, snapshot: &Arc<Snapshot>| match self.subnets.get(&netuid) {
            Some(written) if written.is(snapshot) => false,
            Some(written) => when == When::Now || written.has_turn(netuid.0.into(), block, BETWEEN_WRITES),
            None => true,
        };
        let changed = known.subnets.iter().filter(|(netuid, snapshot)| is_due(**netuid, snapshot));
        let gone = self.subnets.keys().copied().filter(|netuid| !known.subnets.contains_key(netuid));
        let are_others = !known.subnets.keys().eq(self.subnets.keys());
        let list = known.list.as_ref().is_some_and(|list| match &self.list {
            Some(written) if written.is(list) => false,
            // It is no older than what it does not tell of.
            Some(written) => when == When::Now || are_others || written.has_turn(0, block, BETWEEN_LISTS),
            None => true,
        });
        Due { subnets: changed.map(|(netuid, _)| *netuid).chain(gone).collect(), list }
    }

    /// Notes that what was `due` of `known` was written.
    pub(in crate::metagraph) fn note(&mut self, known: &Metagraphs, due: &Due) {
        let block = newest(known);
        for netuid in &due.subnets {
            if let Some(snapshot) = known.subnets.get(netuid) {
                let numbers = groups(snapshot.neurons()).map(|(group, _)| group).collect();
                self.subnets.insert(*netuid, Written::new(snapshot, block, numbers));
            } else {
                self.subnets.remove(netuid);
            }
        }
        if let Some(list) = known.list.as_ref().filter(|_| due.list) {
            let numbers = lines::groups(&list.subnets).into_keys().collect();
            self.list = Some(Written::new(list, block, numbers));
        }
    }

    /// The groups of a subnet's neurons.
    pub(super) fn groups_of(&self, netuid: NetUid) -> &[u16] {
        self.subnets.get(&netuid).map_or(&[][..], |written| written.groups.as_slice())
    }

    /// The groups of the list.
    pub(super) fn groups_of_list(&self) -> &[u16] {
        self.list.as_ref().map_or(&[][..], |written| written.groups.as_slice())
    }
}

/// The block of the list.
fn newest(known: &Metagraphs) -> BlockNumber {
    known.list.as_ref().map_or(BlockNumber(0), |list| list.at.block.number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        metagraph::tests::{listed, snapshot},
        stamp::Stamp,
    };

    /// What is known at a block of these subnets, each of which has changed in it.
    fn known(number: u32, netuids: &[u16]) -> Metagraphs {
        let Stamp { block, .. } = snapshot(1, number, 0).at;
        let subnets = netuids.iter().map(|netuid| (NetUid(*netuid), snapshot(*netuid, number, 4))).collect();
        Metagraphs { list: Some(Arc::new(listed(block, netuids, 0))), subnets, ..Metagraphs::default() }
    }

    fn due(netuids: &[u16], list: bool) -> Due {
        Due { subnets: netuids.iter().copied().map(NetUid).collect(), list }
    }

    #[test]
    fn what_changes_with_every_block_is_written_in_turn_and_what_is_new_or_gone_at_once() {
        let mut held = Held::of(&Metagraphs::default());
        let first = known(11, &[1, 2, 3]);
        let all = held.due(&first, When::InTurn);
        assert_eq!(all, due(&[1, 2, 3], true), "nothing is there yet");
        held.note(&first, &all);
        assert!(held.due(&first, When::Now).is_nothing(), "all of it is there");
        let then = known(12, &[1, 2, 3]);
        assert!(held.due(&then, When::InTurn).is_nothing(), "nobody has a turn");
        assert_eq!(held.due(&then, When::Now), due(&[1, 2, 3], true));
        // One is gone, and one is new.
        let then = known(13, &[1, 3, 4]);
        let others = held.due(&then, When::InTurn);
        assert_eq!(others, due(&[2, 4], true));
        held.note(&then, &others);
        assert_eq!(held.groups_of(NetUid(2)), [0; 0]);
        assert_eq!(held.groups_of(NetUid(4)), [0]);
        // The list has its turn more often, and is late after a block that was passed over.
        assert_eq!(held.due(&known(20, &[1, 3, 4]), When::InTurn), due(&[], true));
        assert_eq!(held.due(&known(23, &[1, 3, 4]), When::InTurn), due(&[], true));
        assert_eq!(held.due(&known(303, &[1, 3, 4]), When::InTurn), due(&[3], true));
        assert_eq!(held.due(&known(311, &[1, 3, 4]), When::InTurn), due(&[1, 3], true));
    }
}
