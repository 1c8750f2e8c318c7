//! Since which block weights and bonds are what they are: a pure reading of events and of the list of subnets.
//!
//! What is kept of them (`rows.rs`) is told as of a later block only where nothing can have changed it in between. So every
//! event counts as a change of what the subnets have that it names, and of all where it may be about any, unless it is
//! known by name to leave them. An epoch, which makes bonds anew, shows in the list of subnets, and so does another number
//! of neurons or of mechanisms. Blocks that were not followed one behind the other are another life of the chain, of which
//! nothing that was read before is told.

use std::collections::{BTreeMap, BTreeSet};

use btd_api::{BlockNumber, NetUid, metagraph::MatrixName};
use btd_chain::{BlockRef, Event};

use super::{
    List,
    subnet::Subnet,
    touched::{Extent, Touched},
};

/// Events of pallet_subtensor that leave weights and bonds as they were, of those that are not rare.
const LEAVING: &[&str] = &[
    "AddStakeBurn",
    "AlphaBurned",
    "AlphaRecycled",
    "AutoStakeAdded",
    "AutoStakeDestinationSet",
    "AxonServed",
    "CRV3WeightsCommitted",
    "ChainIdentitySet",
    "ChildKeyTakeSet",
    "DelegateAdded",
    "EvmKeyAssociated",
    "LockMoved",
    "PerpetualLockUpdated",
    "PrometheusServed",
    "SetChildren",
    "SetChildrenScheduled",
    "StakeAdded",
    "StakeLocked",
    "StakeMoved",
    "StakeRemoved",
    "StakeSwapped",
    "StakeTransferred",
    "StakeUnlocked",
    "SubnetIdentitySet",
    "TakeDecreased",
    "TakeIncreased",
    "TimelockedWeightsCommitted",
    "TransactionFeePaidWithAlpha",
    "WeightsCommitted",
];

/// Events of pallet_subtensor that change weights and leave bonds, which the next epoch makes of them.
const WEIGHING: &[&str] = &[
    "BatchWeightsCompleted",
    "CRV3WeightsRevealed",
    "TimelockedWeightsRevealed",
    "WeightsBatchRevealed",
    "WeightsRevealed",
    "WeightsSet",
];

/// A block of a life of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    life: u64,
    block: BlockRef,
}

/// Since when weights and bonds are what they are, as far as blocks were followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unchanged {
    /// The block up to which that is told; none before one was looked at.
    at: Option<BlockRef>,
    /// The last block of which the events were noted.
    followed: Option<BlockRef>,
    /// How often blocks were begun to be followed.
    life: u64,
    /// The last block that may have changed those of any subnet.
    all: BlockNumber,
    /// The last block that may have changed those of a subnet, where that is a later one.
    since: BTreeMap<(NetUid, MatrixName), BlockNumber>,
}

// === impl Place ===

impl Place {
    /// Whether it is `other`, or comes behind it.
    pub(super) fn is_as_late_as(&self, other: &Self) -> bool {
        (self.life, self.block.number) >= (other.life, other.block.number)
    }
}

// === impl Unchanged ===

impl Unchanged {
    /// Blocks are followed from behind `block` on: nothing is known of what was before.
    pub(super) fn begin(&mut self, block: BlockRef) {
        let life = self.life.saturating_add(1);
        *self = Self { life, all: block.number, followed: Some(block), ..Self::default() };
    }

    /// Notes what happened in the next block.
    pub(super) fn note(&mut self, block: BlockRef, events: &[Event]) {
        self.followed = Some(block);
        for event in events {
            let matrices = changed_by(event);
            if matrices.is_empty() {
                continue;
            }
            let touched = Touched::by(std::slice::from_ref(event));
            // In which subnets a key that changes hands has neurons is not looked up: that is rare.
            // A call that was scheduled may be root's, and names nothing that it changed.
            let is_scheduled = event.pallet == "Scheduler" && event.name == "Dispatched";
            if touched.all || is_scheduled || touched.accounts.values().any(|extent| *extent == Extent::Whole) {
                self.all = block.number;
            }
            for netuid in touched.subnets.keys() {
                self.change(*netuid, matrices, block.number);
            }
        }
    }

    /// Notes that anything may have happened in the next block.
    pub(super) fn note_all(&mut self, block: BlockRef) {
        (self.followed, self.all) = (Some(block), block.number);
    }

    /// Takes up the list of subnets `now`, where `before` was the one of an earlier block. The metagraphs of `anew` were
    /// read as a whole: something may have happened to them.
    pub(super) fn settle(&mut self, before: Option<&List>, now: &List, anew: &BTreeSet<NetUid>) {
        let block = now.at.block;
        for (netuid, subnet) in &now.subnets {
            let was = before.and_then(|list| list.subnets.get(netuid));
            if anew.contains(netuid) || was.is_none_or(|was| !is_in_the_same_epoch(was, subnet)) {
                self.change(*netuid, BOTH, block.number);
            }
        }
        self.since.retain(|(netuid, _), _| now.subnets.contains_key(netuid));
        // Whoever found the list by the number of the block may have found that of another branch.
        self.at = self.followed.filter(|followed| *followed == block);
    }

    fn change(&mut self, netuid: NetUid, matrices: &[MatrixName], block: BlockNumber) {
        self.since.extend(matrices.iter().map(|matrix| ((netuid, *matrix), block)));
    }

    /// The block up to which it is told.
    pub(super) fn at(&self) -> Option<BlockRef> {
        self.at
    }

    /// `block`, where that is the block up to which it is told.
    pub(super) fn place(&self, block: BlockRef) -> Option<Place> {
        (self.at == Some(block)).then_some(Place { life: self.life, block })
    }

    /// Whether what a subnet had at `place` is what it has at the block up to which it is told.
    pub(super) fn holds_since(&self, place: Place, netuid: NetUid, matrix: MatrixName) -> bool {
        let since = self.since.get(&(netuid, matrix)).copied().unwrap_or_default().max(self.all);
        let read = place.block.number;
        place.life == self.life && read >= since && self.at.is_some_and(|at| read <= at.number)
    }
}

/// Both of them.
const BOTH: &[MatrixName] = &[MatrixName::Weights, MatrixName::Bonds];

/// What an event may change, of the subnets that it names.
fn changed_by(event: &Event) -> &'static [MatrixName] {
    match (event.pallet.as_str(), event.name.as_str()) {
        ("SubtensorModule", name) if LEAVING.contains(&name) => &[],
        ("SubtensorModule", name) if WEIGHING.contains(&name) => &[MatrixName::Weights],
        // It may ask for what others hold of its neuron to be forgotten.
        ("Commitments", _) => &[MatrixName::Bonds],
        // They move stake, and know nothing of neurons.
        ("Swap" | "LimitOrders", _) => &[],
        _ => BOTH,
    }
}

/// Whether a subnet has the same neurons and mechanisms as before, and no epoch has run.
fn is_in_the_same_epoch(before: &Subnet, now: &Subnet) -> bool {
    let marks = |subnet: &Subnet| (subnet.last_epoch, subnet.neurons, subnet.mechanisms);
    marks(before) == marks(now)
}

#[cfg(test)]
mod tests {
    use btd_api::BlockHash;
    use serde_json::{Value as Json, json};

    use super::{super::tests::listed, *};

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    const NETUIDS: [u16; 2] = [1, 2];

    fn block(number: u32) -> BlockRef {
        let hash = BlockHash([u8::try_from(number).unwrap(); 32]);
        BlockRef { number: BlockNumber(number), hash }
    }

    /// The list of two subnets at a block, whose last epoch was at another.
    fn list(number: u32, last_epoch: u64) -> List {
        listed(block(number), &NETUIDS, last_epoch)
    }

    /// What is followed from block 10 on, and what was read there.
    fn followed() -> (Unchanged, Place) {
        let mut unchanged = Unchanged::default();
        unchanged.begin(block(10));
        unchanged.settle(None, &list(10, 7), &BTreeSet::new());
        let read = unchanged.place(block(10)).unwrap();
        assert_eq!(held(&unchanged, read), "1WB 2WB");
        (unchanged, read)
    }

    /// Of which subnets what was read at `read` is still told, weights and bonds.
    fn held(unchanged: &Unchanged, read: Place) -> String {
        let of = |netuid: &u16| {
            let holds = |matrix| unchanged.holds_since(read, NetUid(*netuid), matrix);
            let letter = |matrix, letter| if holds(matrix) { letter } else { "" };
            format!("{netuid}{}{}", letter(MatrixName::Weights, "W"), letter(MatrixName::Bonds, "B"))
        };
        NETUIDS.iter().map(of).collect::<Vec<_>>().join(" ")
    }

    /// What is told behind a block with one event.
    fn after(pallet: &str, name: &str, fields: Json) -> String {
        let (mut unchanged, read) = followed();
        let (pallet, name) = (pallet.to_owned(), name.to_owned());
        let event = Event { pallet, name, fields, subnets: BTreeSet::new(), extrinsic: None };
        unchanged.note(block(11), &[event]);
        unchanged.settle(Some(&list(10, 7)), &list(11, 7), &BTreeSet::new());
        held(&unchanged, read)
    }

    #[test]
    fn events_change_what_the_subnets_have_that_they_name() {
        let ours = |name, fields| after("SubtensorModule", name, fields);
        assert_eq!(ours("WeightsSet", json!([1, 0])), "1B 2WB");
        assert_eq!(ours("WeightsSet", json!([4096 + 2, 0])), "1WB 2B");
        assert_eq!(ours("TimelockedWeightsRevealed", json!([1, ALICE])), "1B 2WB");
        assert_eq!(ours("WeightsRevealed", json!([ALICE, 1, "0x00"])), "1B 2WB");
        assert_eq!(ours("WeightsCommitted", json!([ALICE, 1, "0x00"])), "1WB 2WB");
        assert_eq!(ours("StakeAdded", json!([ALICE, ALICE, "1", "2", 1, "0"])), "1WB 2WB");
        assert_eq!(ours("AxonServed", json!([1, ALICE])), "1WB 2WB");
        assert_eq!(ours("NeuronRegistered", json!([1, 7, ALICE])), "1 2WB");
        assert_eq!(ours("IncentiveAlphaEmittedToMiners", json!({ "netuid": 2, "emissions": [] })), "1WB 2");
        assert_eq!(ours("NetworkRemoved", json!([1])), "1 2WB");
        assert_eq!(ours("MaxAllowedUidsSet", json!([1, 64])), "1 2WB");
        let swapped = json!({ "coldkey": ALICE, "old_hotkey": ALICE, "new_hotkey": ALICE });
        assert_eq!(ours("HotkeySwapped", swapped), "1 2");
        assert_eq!(after("Commitments", "Commitment", json!({ "netuid": 1, "who": ALICE })), "1W 2WB");
        assert_eq!(after("Balances", "Transfer", json!({ "from": ALICE, "to": ALICE, "amount": "1" })), "1WB 2WB");
        assert_eq!(after("AdminUtils", "BondsResetToggled", json!({ "netuid": 1 })), "1 2WB");
        assert_eq!(after("Sudo", "Sudid", json!({ "sudo_result": { "Ok": [] } })), "1 2");
        assert_eq!(after("System", "CodeUpdated", json!([])), "1 2");
        let dispatched = json!({ "task": [7, 0], "id": null, "result": { "Ok": [] } });
        assert_eq!(after("Scheduler", "Dispatched", dispatched), "1 2");
        assert_eq!(after("Scheduler", "Scheduled", json!({ "when": 7, "index": 0 })), "1WB 2WB");
    }

    #[test]
    fn what_no_event_names_may_change_anything() {
        assert_eq!(after("SubtensorModule", "OfAnotherAge", json!({ "who": ALICE })), "1 2");
        assert_eq!(after("SubtensorModule", "OfAnotherAge", json!({ "netuid": 2 })), "1WB 2");
        assert_eq!(after("Newest", "Thing", json!({ "netuid": 2 })), "1WB 2");
    }

    #[test]
    fn an_epoch_and_whatever_is_read_anew_change_both() {
        let (mut unchanged, read) = followed();
        unchanged.note(block(11), &[]);
        unchanged.settle(Some(&list(10, 7)), &list(11, 11), &BTreeSet::new());
        assert_eq!(held(&unchanged, read), "1 2");
        let later = unchanged.place(block(11)).unwrap();
        assert_eq!(held(&unchanged, later), "1WB 2WB", "what is read there is what comes of it");
        unchanged.note(block(12), &[]);
        unchanged.settle(Some(&list(11, 11)), &list(12, 11), &BTreeSet::from([NetUid(2)]));
        assert_eq!(held(&unchanged, later), "1WB 2");
        // Of a subnet that was not there before nobody knows what happened to it.
        unchanged.note(block(13), &[]);
        unchanged.settle(None, &list(13, 11), &BTreeSet::new());
        assert_eq!(held(&unchanged, later), "1 2");
    }

    #[test]
    fn a_block_that_is_not_told_and_a_gap_end_all_of_it() {
        let (mut unchanged, read) = followed();
        unchanged.note_all(block(11));
        unchanged.settle(Some(&list(10, 7)), &list(11, 7), &BTreeSet::new());
        assert_eq!(held(&unchanged, read), "1 2");
        // The same block once more, of another life.
        let (mut unchanged, read) = followed();
        unchanged.begin(block(10));
        unchanged.settle(Some(&list(10, 7)), &list(10, 7), &BTreeSet::new());
        assert_eq!(held(&unchanged, read), "1 2");
        // A block of another branch than that whose events were noted.
        let (mut unchanged, read) = followed();
        unchanged.note(block(11), &[]);
        let mut other = list(11, 7);
        other.at.block.hash = BlockHash([99; 32]);
        unchanged.settle(Some(&list(10, 7)), &other, &BTreeSet::new());
        assert_eq!((unchanged.at(), held(&unchanged, read).as_str()), (None, "1 2"));
    }
}
