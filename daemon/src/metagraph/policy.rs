//! Which metagraphs to read again: a pure decision over a block's events and what is cached.
//!
//! A block's events name subnets and accounts ([`Touched`]); what was touched and could not be read
//! yet waits in a [`Backlog`]; [`Backlog::due`] hands out at most a fixed number of subnets at a
//! time, so that a busy chain costs a bounded number of requests per block. What no event tells
//! (a parameter changed by an event of a newer runtime, say) is caught by age.
//!
//! Event shapes: pallet_subtensor, spec 425.

use std::collections::{BTreeMap, BTreeSet};

use btd_api::{AccountId, BlockNumber, NetUid};
use btd_chain::Event;
use serde_json::Value as Json;

/// A snapshot older than this is read again although nothing seemed to touch it.
pub(super) const OLDEST: u32 = 100;
/// For so many blocks a subnet that could not be read is left alone, unless an event touches it.
pub(super) const RETRY: u32 = 20;
/// How many subnets are read at one time.
pub(super) const BUDGET: usize = 16;
/// Storage indices of mechanisms: `mechid * 4096 + netuid` (`GLOBAL_MAX_SUBNET_COUNT`).
const SUBNETS_PER_MECHANISM: u64 = 4096;

/// What events changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Touched {
    /// Something that may concern any subnet.
    pub(super) all: bool,
    /// Subnets named by an event.
    pub(super) subnets: BTreeSet<NetUid>,
    /// Accounts whose neurons changed wherever they are: their root stake, name or key did.
    pub(super) accounts: BTreeSet<AccountId>,
}

/// Where an event names what it touched.
#[derive(Clone, Copy)]
enum Place {
    /// A subnet at this position.
    Subnet(usize),
    /// A list of subnets at this position.
    Subnets(usize),
    /// A storage index, subnet and mechanism in one, at this position.
    Index(usize),
    /// Stake of the account at the first position, on the subnet at the second.
    Stake(usize, usize),
    /// An account at this position.
    Account(usize),
}

use Place::{Account, Index, Stake, Subnet, Subnets};

/// Events whose fields have no names and do not begin with a netuid followed by something about it.
const UNNAMED: &[(&str, &[Place])] = &[
    ("StakeAdded", &[Stake(1, 4)]),
    ("StakeRemoved", &[Stake(1, 4)]),
    ("StakeMoved", &[Stake(1, 2), Stake(3, 4)]),
    ("StakeTransferred", &[Stake(2, 3), Stake(2, 4)]),
    ("StakeSwapped", &[Stake(1, 2), Stake(1, 3)]),
    ("AlphaRecycled", &[Stake(1, 3)]),
    ("AlphaBurned", &[Stake(1, 3)]),
    ("WeightsSet", &[Index(0)]),
    ("TimelockedWeightsRevealed", &[Index(0)]),
    ("CRV3WeightsCommitted", &[Index(1)]),
    ("WeightsCommitted", &[Index(1)]),
    ("WeightsRevealed", &[Index(1)]),
    ("TimelockedWeightsCommitted", &[Index(1)]),
    ("WeightsBatchRevealed", &[Subnet(1)]),
    ("NetworkRemoved", &[Subnet(0)]),
    ("SubnetIdentitySet", &[Subnet(0)]),
    ("SubnetIdentityRemoved", &[Subnet(0)]),
    ("SetChildrenScheduled", &[]),
    ("BulkBalancesSet", &[]),
    ("SetChildren", &[Stake(0, 1)]),
    ("BatchWeightsCompleted", &[Subnets(0)]),
    ("ChainIdentitySet", &[Account(0)]),
    ("DelegateAdded", &[Account(1)]),
    ("TakeDecreased", &[Account(1)]),
    ("TakeIncreased", &[Account(1)]),
];

/// The subnets that an event names.
pub fn named_by(event: &Event) -> BTreeSet<NetUid> {
    Touched::by(std::slice::from_ref(event)).subnets
}

// === impl Touched ===

impl Touched {
    /// What the events of a block changed.
    pub(super) fn by(events: &[Event]) -> Self {
        let mut touched = Self::default();
        for event in events {
            touched.add(event);
        }
        touched
    }

    /// Whether nothing was.
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, event: &Event) {
        match event.pallet.as_str() {
            "SubtensorModule" => match &event.fields {
                Json::Array(fields) => self.add_unnamed(&event.name, fields),
                Json::Object(fields) => self.add_named(fields),
                _ => {}
            },
            // What an administrator does may change anything.
            "Sudo" | "AdminUtils" => self.all = true,
            // An upgrade changes what is read, and how.
            "System" if event.name == "CodeUpdated" => self.all = true,
            _ => {}
        }
    }

    fn add_unnamed(&mut self, name: &str, fields: &[Json]) {
        if let Some((_, places)) = UNNAMED.iter().find(|(known, _)| *known == name) {
            for place in *places {
                self.add_place(*place, fields);
            }
        } else if let [netuid, _, ..] = fields {
            // `TempoSet(netuid, tempo)`, `NeuronRegistered(netuid, uid, hotkey)` and so on. A single
            // number is a limit of the whole chain, and an account is text.
            self.subnets.extend(subnet(netuid));
        }
    }

    fn add_place(&mut self, place: Place, fields: &[Json]) {
        let field = |position: usize| fields.get(position);
        match place {
            Subnet(position) => self.subnets.extend(field(position).and_then(subnet)),
            Subnets(position) => {
                let list = field(position).and_then(Json::as_array).into_iter().flatten();
                self.subnets.extend(list.filter_map(subnet));
            }
            Index(position) => {
                let index = field(position).and_then(Json::as_u64);
                let netuid = index.and_then(|index| u16::try_from(index % SUBNETS_PER_MECHANISM).ok());
                self.subnets.extend(netuid.map(NetUid));
            }
            Stake(account_at, subnet_at) => {
                let netuid = field(subnet_at).and_then(subnet);
                self.subnets.extend(netuid);
                // Stake on root counts wherever the hotkey is registered.
                if netuid == Some(NetUid(0)) {
                    self.accounts.extend(field(account_at).and_then(account));
                }
            }
            Account(position) => self.accounts.extend(field(position).and_then(account)),
        }
    }

    fn add_named(&mut self, fields: &serde_json::Map<String, Json>) {
        if let Some(netuid) = fields.get("netuid").and_then(subnet) {
            self.subnets.insert(netuid);
            return;
        }
        for name in ["coldkey", "hotkey", "old_hotkey", "old_coldkey", "who"] {
            self.accounts.extend(fields.get(name).and_then(account));
        }
    }

    fn merge(&mut self, other: Self) {
        self.all |= other.all;
        self.subnets.extend(other.subnets);
        self.accounts.extend(other.accounts);
    }
}

fn subnet(json: &Json) -> Option<NetUid> {
    json.as_u64().and_then(|number| u16::try_from(number).ok()).map(NetUid)
}

fn account(json: &Json) -> Option<AccountId> {
    json.as_str()?.parse().ok()
}

/// What is known of a cached subnet, for the decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// The block at which it was read.
    pub(super) read_at: BlockNumber,
    /// The first block at which its next epoch may have run.
    pub(super) next_epoch: BlockNumber,
}

/// What was touched and has not been read since.
#[derive(Clone, Debug, Default)]
pub(super) struct Backlog {
    touched: Touched,
}

/// What to read now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// Whether the list of subnets with their pools is to be read.
    pub(super) list: bool,
    /// The subnets to read, at most [`BUDGET`] of them, the longest unread first.
    pub(super) subnets: Vec<NetUid>,
}

// === impl Backlog ===

impl Backlog {
    /// Notes what a block changed.
    pub(super) fn note(&mut self, touched: Touched) {
        self.touched.merge(touched);
    }

    /// Notes that everything is to be read: blocks were missed, or nothing was read yet.
    pub(super) fn note_all(&mut self) {
        self.touched.all = true;
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
        wanted.extend(touched.accounts.into_iter().flat_map(homes));
        for (netuid, state) in known {
            let age = block.0.saturating_sub(state.read_at.0);
            let epoch_ran = block >= state.next_epoch && state.read_at < state.next_epoch;
            // Read at a block that the chain has not reached: it began anew.
            let from_elsewhere = state.read_at > block;
            if touched.all || age >= OLDEST || epoch_ran || from_elsewhere {
                wanted.insert(*netuid);
            }
        }
        let read_at = |netuid: &NetUid| known.get(netuid).map_or(BlockNumber(0), |state| state.read_at);
        let mut subnets: Vec<NetUid> = wanted.into_iter().collect();
        subnets.sort_by_key(|netuid| (read_at(netuid), *netuid));
        let rest = subnets.split_off(subnets.len().min(BUDGET));
        self.touched.subnets.extend(rest);
        Due { list: touched_something || listed != Some(block) || !subnets.is_empty(), subnets }
    }

    /// Whether something was left over that can be read now.
    pub(super) fn is_waiting(&self) -> bool {
        !self.touched.is_nothing()
    }

    /// Puts back what could not be read.
    pub(super) fn put_back(&mut self, due: &Due) {
        self.touched.subnets.extend(due.subnets.iter().copied());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

    fn touched(pallet: &str, name: &str, fields: Json) -> Touched {
        Touched::by(&[Event { pallet: pallet.to_owned(), name: name.to_owned(), fields, extrinsic: None }])
    }

    fn subnets(netuids: &[u16]) -> Touched {
        Touched { subnets: netuids.iter().copied().map(NetUid).collect(), ..Touched::default() }
    }

    fn known(entries: &[(u16, u32, u32)]) -> BTreeMap<NetUid, Known> {
        entries
            .iter()
            .map(|(netuid, read_at, next_epoch)| {
                (NetUid(*netuid), Known { read_at: BlockNumber(*read_at), next_epoch: BlockNumber(*next_epoch) })
            })
            .collect()
    }

    fn netuids(due: &Due) -> Vec<u16> {
        due.subnets.iter().map(|netuid| netuid.0).collect()
    }

    #[test]
    fn events_name_the_subnets_they_touch() {
        let ours = "SubtensorModule";
        assert_eq!(touched(ours, "NeuronRegistered", json!([3, 7, ALICE])), subnets(&[3]));
        assert_eq!(touched(ours, "AxonServed", json!([3, ALICE])), subnets(&[3]));
        assert_eq!(touched(ours, "NetworkAdded", json!([9, 1])), subnets(&[9]));
        assert_eq!(touched(ours, "NetworkRemoved", json!([9])), subnets(&[9]));
        assert_eq!(touched(ours, "TempoSet", json!([4, 360])), subnets(&[4]));
        assert_eq!(touched(ours, "WeightsSet", json!([4096 + 5, 1])), subnets(&[5]));
        assert_eq!(touched(ours, "WeightsCommitted", json!([ALICE, 6, "0x00"])), subnets(&[6]));
        assert_eq!(touched(ours, "StakeAdded", json!([ALICE, BOB, "1", "2", 8, "0"])), subnets(&[8]));
        assert_eq!(touched(ours, "StakeMoved", json!([ALICE, BOB, 1, BOB, 2, "5"])), subnets(&[1, 2]));
        assert_eq!(touched(ours, "BatchWeightsCompleted", json!([[1, 2], ALICE])), subnets(&[1, 2]));
        assert_eq!(touched(ours, "SymbolUpdated", json!({ "netuid": 2, "symbol": "0x00" })), subnets(&[2]));
    }

    #[test]
    fn what_concerns_a_key_concerns_wherever_it_is_registered() {
        let root = touched("SubtensorModule", "StakeAdded", json!([ALICE, BOB, "1", "2", 0, "0"]));
        assert_eq!(root.subnets, BTreeSet::from([NetUid(0)]));
        assert_eq!(root.accounts, BTreeSet::from([BOB.parse().unwrap()]));
        let swapped = json!({ "coldkey": ALICE, "old_hotkey": BOB, "new_hotkey": ALICE });
        assert_eq!(touched("SubtensorModule", "HotkeySwapped", swapped).accounts.len(), 2);
        assert_eq!(touched("SubtensorModule", "ChainIdentitySet", json!([ALICE])).accounts.len(), 1);
    }

    #[test]
    fn what_changes_no_metagraph_costs_nothing() {
        for (pallet, name, fields) in [
            ("Balances", "Transfer", json!({ "from": ALICE, "to": BOB, "amount": "1" })),
            ("System", "ExtrinsicSuccess", json!({ "dispatch_info": {} })),
            ("SubtensorModule", "Faucet", json!([ALICE, "1"])),
            ("SubtensorModule", "SetChildrenScheduled", json!([ALICE, 1, "7", []])),
            ("SubtensorModule", "TxRateLimitSet", json!(["1"])),
        ] {
            assert!(touched(pallet, name, fields).is_nothing(), "{name}");
        }
        assert_eq!(
            Backlog::default().due(BlockNumber(10), Some(BlockNumber(10)), &known(&[(1, 9, 99)]), |_| Vec::new()),
            Due::default()
        );
    }

    #[test]
    fn the_list_is_read_at_each_new_block() {
        let quiet = |listed| Backlog::default().due(BlockNumber(10), listed, &known(&[(1, 9, 99)]), |_| Vec::new());
        for listed in [None, Some(BlockNumber(9)), Some(BlockNumber(11))] {
            assert_eq!(quiet(listed), Due { list: true, subnets: Vec::new() });
        }
        assert_eq!(quiet(Some(BlockNumber(10))), Due::default());
    }

    #[test]
    fn an_administrator_touches_everything() {
        let mut backlog = Backlog::default();
        backlog.note(touched("Sudo", "Sudid", json!({ "sudo_result": { "Ok": [] } })));
        let due =
            backlog.due(BlockNumber(10), Some(BlockNumber(10)), &known(&[(0, 9, 99), (1, 9, 99)]), |_| Vec::new());
        assert_eq!((due.list, netuids(&due)), (true, vec![0, 1]));
    }

    #[test]
    fn accounts_are_looked_up_and_events_of_skipped_blocks_add_up() {
        let mut backlog = Backlog::default();
        backlog.note(touched("SubtensorModule", "ChainIdentitySet", json!([ALICE])));
        backlog.note(touched("SubtensorModule", "AxonServed", json!([3, BOB])));
        let due = backlog.due(
            BlockNumber(10),
            Some(BlockNumber(10)),
            &known(&[(1, 9, 99), (2, 9, 99), (3, 9, 99)]),
            |account| {
                assert_eq!(account.to_string(), ALICE);
                vec![NetUid(2)]
            },
        );
        assert_eq!(netuids(&due), [2, 3]);
        assert_eq!(
            netuids(&backlog.due(BlockNumber(11), Some(BlockNumber(11)), &known(&[(1, 9, 99)]), |_| Vec::new())),
            [0; 0]
        );
    }

    #[test]
    fn old_snapshots_and_epochs_are_due() {
        let state = known(&[(1, 1, 9_999), (2, 50, 100), (3, 100, 100), (4, 50, 102), (5, 300, 400)]);
        let due = Backlog::default().due(BlockNumber(101), Some(BlockNumber(101)), &state, |_| Vec::new());
        assert_eq!(netuids(&due), [1, 2, 5]);
        assert!(due.list);
    }

    #[test]
    fn no_more_than_the_budget_is_read_at_once_and_nothing_is_forgotten() {
        let many: Vec<(u16, u32, u32)> = (0..40).map(|netuid| (netuid, 100 - u32::from(netuid), 9_999)).collect();
        let mut backlog = Backlog::default();
        backlog.note_all();
        let first = backlog.due(BlockNumber(101), Some(BlockNumber(101)), &known(&many), |_| Vec::new());
        assert_eq!(first.subnets.len(), BUDGET);
        assert_eq!(first.subnets.first(), Some(&NetUid(39)), "the longest unread comes first");
        let mut read: BTreeSet<NetUid> = first.subnets.iter().copied().collect();
        for _ in 0..2 {
            read.extend(backlog.due(BlockNumber(101), Some(BlockNumber(101)), &known(&many), |_| Vec::new()).subnets);
        }
        assert_eq!(read.len(), 40);
        assert!(
            backlog.due(BlockNumber(101), Some(BlockNumber(101)), &known(&many), |_| Vec::new()).subnets.is_empty()
        );
    }

    #[test]
    fn what_could_not_be_read_is_due_again() {
        let mut backlog = Backlog::default();
        backlog.note(subnets(&[5]));
        let due = backlog.due(BlockNumber(10), Some(BlockNumber(10)), &known(&[(5, 9, 99)]), |_| Vec::new());
        backlog.put_back(&due);
        assert_eq!(backlog.due(BlockNumber(10), Some(BlockNumber(10)), &known(&[(5, 9, 99)]), |_| Vec::new()), due);
    }
}
