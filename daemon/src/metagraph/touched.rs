//! What a block changed of which metagraphs: a pure reading of its events.
//!
//! An event names a subnet, and by its name tells which columns it changes: a registration any of
//! them, an axon's announcement only where neurons serve, a price or a hyperparameter none, because
//! figures are read at every block anyway. An event that is not known here changes everything of
//! the subnet that it names. What to read when is decided beside this (`policy.rs`).
//!
//! Event shapes: pallet_subtensor, spec 425.

use std::collections::{BTreeMap, BTreeSet};

use btd_api::{AccountId, NetUid};
use btd_chain::{Event, Part};
use serde_json::{Map, Value as Json};

/// Storage indices of mechanisms: `mechid * 4096 + netuid` (`GLOBAL_MAX_SUBNET_COUNT`).
const SUBNETS_PER_MECHANISM: u64 = 4096;

/// How much of a subnet's neurons is to be read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Some parts; none of them when the subnet was named and its neurons are as they were.
    Parts(BTreeSet<Part>),
    /// All of it.
    Whole,
}

/// What events changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Touched {
    /// Something that may concern any subnet.
    pub(super) all: bool,
    /// Subnets named by an event.
    pub(super) subnets: BTreeMap<NetUid, Extent>,
    /// Accounts whose neurons changed wherever they are: their name or key did.
    pub(super) accounts: BTreeMap<AccountId, Extent>,
    /// Hotkeys whose stake on root changed: it counts wherever they, or children of theirs, are.
    pub(super) rooted: BTreeSet<AccountId>,
    /// Coldkeys that were paid out of their stake on root, or paid: behind which hotkeys no event says.
    pub(super) claimed: BTreeSet<AccountId>,
}

/// What an event changes of the subnet that it names first, or where it names others.
#[derive(Clone, Copy)]
enum Place {
    /// The subnet at this position, whose neurons are as they were.
    Named(usize),
    /// A part of the subnet at this position.
    Of(Part, usize),
    /// The same for each subnet of a list.
    OfEach(Part, usize),
    /// The same for a storage index: subnet and mechanism in one.
    OfIndex(Part, usize),
    /// Stake of the account at the first position, on the subnet at the second.
    Stake(usize, usize),
    /// What the account at this position says about itself.
    Identity(usize),
}

use Place::{Identity, Named, Of, OfEach, OfIndex, Stake};

/// Events whose fields have no names. The others among them are told by [`changes_figures`].
const UNNAMED: &[(&str, &[Place])] = &[
    ("StakeAdded", &[Stake(1, 4)]),
    ("StakeRemoved", &[Stake(1, 4)]),
    ("StakeMoved", &[Stake(1, 2), Stake(3, 4)]),
    ("StakeTransferred", &[Stake(2, 3), Stake(2, 4)]),
    ("StakeSwapped", &[Stake(1, 2), Stake(1, 3)]),
    ("AlphaRecycled", &[Stake(1, 3)]),
    ("AlphaBurned", &[Stake(1, 3)]),
    ("SetChildren", &[Stake(0, 1)]),
    ("SetChildrenScheduled", &[Named(1)]),
    ("WeightsSet", &[OfIndex(Part::LastUpdate, 0)]),
    ("TimelockedWeightsRevealed", &[OfIndex(Part::LastUpdate, 0)]),
    ("CRV3WeightsCommitted", &[OfIndex(Part::LastUpdate, 1)]),
    ("WeightsCommitted", &[OfIndex(Part::LastUpdate, 1)]),
    ("WeightsRevealed", &[OfIndex(Part::LastUpdate, 1)]),
    ("TimelockedWeightsCommitted", &[OfIndex(Part::LastUpdate, 1)]),
    ("CRV3WeightsRevealed", &[Of(Part::LastUpdate, 0)]),
    ("WeightsBatchRevealed", &[Of(Part::LastUpdate, 1)]),
    ("BatchWeightsCompleted", &[OfEach(Part::LastUpdate, 0)]),
    ("BatchWeightItemFailed", &[Named(0)]),
    ("AxonServed", &[Of(Part::Axons, 0)]),
    ("PrometheusServed", &[Named(0)]),
    ("NetworkRemoved", &[Named(0)]),
    ("SubnetIdentitySet", &[Named(0)]),
    ("SubnetIdentityRemoved", &[Named(0)]),
    ("ChainIdentitySet", &[Identity(0)]),
    ("DelegateAdded", &[]),
    ("TakeDecreased", &[]),
    ("TakeIncreased", &[]),
    ("BulkBalancesSet", &[]),
];

/// Named events that leave the neurons of the subnet that they name as they were.
const QUIET: &[&str] = &[
    "ActivityCutoffFactorMilliSet",
    "AutoStakeDestinationSet",
    "BurnHalfLifeSet",
    "BurnIncreaseMultSet",
    "DissolveNetworkScheduled",
    "EpochDeferred",
    "EpochSkipped",
    "EpochTriggered",
    "EvmKeyAssociated",
    "LockMoved",
    "PerpetualLockUpdated",
    "StakeLocked",
    "StakeUnlocked",
    "SubnetLeaseCreated",
    "SubnetLeaseTerminated",
    "SubnetOwnerChanged",
    "SymbolUpdated",
    "VotingPowerEmaAlphaSet",
    "VotingPowerTrackingDisableScheduled",
    "VotingPowerTrackingDisabled",
    "VotingPowerTrackingEnabled",
];

/// Named events without a subnet that change no neuron by themselves.
const ELSEWHERE: &[&str] = &[
    "ArbitrationPeriodExtended",
    "AutoParentDelegationEnabledSet",
    "ColdkeySwapAnnounced",
    "ColdkeySwapCleared",
    "ColdkeySwapDisputed",
    "ColdkeySwapReset",
    "RejectLockedAlphaUpdated",
    "RootClaimTypeSet",
    "SubnetLeaseDividendsDistributed",
];

/// Whether an event of unnamed fields that begins with a netuid is about a figure of the subnet:
/// `TempoSet(netuid, tempo)` and so on. A limit that makes neurons go shows in their number.
fn changes_figures(name: &str) -> bool {
    const SWITCHES: [&str; 4] =
        ["RegistrationAllowed", "PowRegistrationAllowed", "TransferToggle", "CommitRevealEnabled"];
    name.ends_with("Set") || SWITCHES.contains(&name)
}

/// The subnets that an event names.
pub fn named_by(event: &Event) -> BTreeSet<NetUid> {
    Touched::by(std::slice::from_ref(event)).subnets.into_keys().collect()
}

// === impl Extent ===

impl Extent {
    /// The subnet is named, and its neurons are as they were.
    pub(super) fn nothing() -> Self {
        Self::Parts(BTreeSet::new())
    }

    pub(super) fn part(part: Part) -> Self {
        Self::Parts(BTreeSet::from([part]))
    }

    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Parts(parts) if parts.is_empty())
    }

    /// Whether stake is read with it.
    pub(super) fn has_stake(&self) -> bool {
        match self {
            Self::Parts(parts) => parts.contains(&Part::Stake),
            Self::Whole => true,
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Parts(parts), Self::Parts(more)) => parts.extend(more),
            (Self::Whole, _) => {}
            (_, Self::Whole) => *self = Self::Whole,
        }
    }
}

/// Adds an extent to those that are known.
pub(super) fn extend<K: Ord>(known: &mut BTreeMap<K, Extent>, key: K, extent: Extent) {
    known.entry(key).or_insert_with(Extent::nothing).add(extent);
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

    /// Whether there is nothing to read because of it.
    pub(super) fn is_nothing(&self) -> bool {
        !self.all
            && self.subnets.values().all(Extent::is_nothing)
            && self.accounts.is_empty()
            && self.rooted.is_empty()
            && self.claimed.is_empty()
    }

    fn add(&mut self, event: &Event) {
        match event.pallet.as_str() {
            "SubtensorModule" => match &event.fields {
                Json::Array(fields) => self.add_unnamed(&event.name, fields),
                Json::Object(fields) => self.add_named(&event.name, fields),
                _ => {}
            },
            // What an administrator does may change anything.
            "Sudo" => self.all = true,
            "AdminUtils" => match event.fields.get("netuid").and_then(subnet) {
                Some(netuid) => extend(&mut self.subnets, netuid, Extent::Whole),
                None => self.all = true,
            },
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
            // A single number is a limit of the whole chain, and an account is text.
            let extent = if changes_figures(name) { Extent::nothing() } else { Extent::Whole };
            if let Some(netuid) = subnet(netuid) {
                extend(&mut self.subnets, netuid, extent);
            }
        }
    }

    fn add_place(&mut self, place: Place, fields: &[Json]) {
        let field = |position: usize| fields.get(position);
        let mut touch = |netuid: Option<NetUid>, extent: Extent| {
            if let Some(netuid) = netuid {
                extend(&mut self.subnets, netuid, extent);
            }
        };
        match place {
            Named(position) => touch(field(position).and_then(subnet), Extent::nothing()),
            Of(part, position) => touch(field(position).and_then(subnet), Extent::part(part)),
            OfEach(part, position) => {
                for netuid in field(position).and_then(Json::as_array).into_iter().flatten() {
                    touch(subnet(netuid), Extent::part(part));
                }
            }
            OfIndex(part, position) => {
                if let Some(index) = field(position).and_then(Json::as_u64) {
                    // What is a mechanism's own is kept beside the columns of the main one.
                    let part = if index < SUBNETS_PER_MECHANISM { part } else { Part::Mechanisms };
                    touch(main_subnet(index), Extent::part(part));
                }
            }
            Stake(account_at, subnet_at) => {
                let (hotkey, netuid) = (field(account_at).and_then(account), field(subnet_at).and_then(subnet));
                touch(netuid, Extent::part(Part::Stake));
                match netuid {
                    Some(NetUid::ROOT) => self.rooted.extend(hotkey),
                    Some(_) => {}
                    // Before there was alpha, stake counted everywhere: `StakeAdded(hotkey, amount)`.
                    None => self.rooted.extend(fields.iter().filter_map(account)),
                }
            }
            Identity(position) => {
                if let Some(account) = field(position).and_then(account) {
                    extend(&mut self.accounts, account, Extent::part(Part::Identities));
                }
            }
        }
    }

    fn add_named(&mut self, name: &str, fields: &Map<String, Json>) {
        let key = |name: &str| fields.get(name).and_then(account);
        if name == "RootClaimed" {
            self.claimed.extend(key("coldkey"));
            return;
        }
        if let Some(index) = fields.get("netuid").and_then(Json::as_u64) {
            let Some(netuid) = main_subnet(index) else { return };
            let extent = match name {
                "AutoStakeAdded" | "TransactionFeePaidWithAlpha" | "AddStakeBurn" => Extent::part(Part::Stake),
                quiet if QUIET.contains(&quiet) => Extent::nothing(),
                // `IncentiveAlphaEmittedToMiners`, which every epoch tells, and whatever is not known.
                _ => Extent::Whole,
            };
            if netuid == NetUid::ROOT && !extent.is_nothing() {
                self.rooted.extend(["hotkey", "old_hotkey", "new_hotkey"].into_iter().filter_map(key));
                self.claimed.extend(key("who"));
            }
            extend(&mut self.subnets, netuid, extent);
            return;
        }
        if ELSEWHERE.contains(&name) {
            return;
        }
        for name in ["coldkey", "hotkey", "old_hotkey", "new_hotkey", "old_coldkey", "new_coldkey", "who"] {
            if let Some(account) = key(name) {
                extend(&mut self.accounts, account, Extent::Whole);
                if name.ends_with("hotkey") {
                    self.rooted.insert(account);
                }
            }
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.all |= other.all;
        for (netuid, extent) in other.subnets {
            extend(&mut self.subnets, netuid, extent);
        }
        for (account, extent) in other.accounts {
            extend(&mut self.accounts, account, extent);
        }
        self.rooted.extend(other.rooted);
        self.claimed.extend(other.claimed);
    }
}

fn subnet(json: &Json) -> Option<NetUid> {
    json.as_u64().and_then(|number| u16::try_from(number).ok()).map(NetUid)
}

/// The subnet of a storage index; a subnet's own number is the index of its main mechanism.
fn main_subnet(index: u64) -> Option<NetUid> {
    u16::try_from(index % SUBNETS_PER_MECHANISM).ok().map(NetUid)
}

fn account(json: &Json) -> Option<AccountId> {
    json.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OURS: &str = "SubtensorModule";
    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

    fn touched(pallet: &str, name: &str, fields: Json) -> Touched {
        Touched::by(&[Event { pallet: pallet.to_owned(), name: name.to_owned(), fields, extrinsic: None }])
    }

    fn subnets(netuids: &[u16], extent: &Extent) -> Touched {
        let subnets = netuids.iter().map(|netuid| (NetUid(*netuid), extent.clone())).collect();
        Touched { subnets, ..Touched::default() }
    }

    #[test]
    fn events_name_the_subnets_and_the_parts_that_they_touch() {
        let stake = Extent::part(Part::Stake);
        let updated = Extent::part(Part::LastUpdate);
        let ours = |name, fields| touched(OURS, name, fields);
        assert_eq!(ours("NeuronRegistered", json!([3, 7, ALICE])), subnets(&[3], &Extent::Whole));
        assert_eq!(ours("NetworkAdded", json!([9, 1])), subnets(&[9], &Extent::Whole));
        assert_eq!(ours("AxonServed", json!([3, ALICE])), subnets(&[3], &Extent::part(Part::Axons)));
        assert_eq!(ours("WeightsSet", json!([5, 1])), subnets(&[5], &updated));
        assert_eq!(ours("WeightsSet", json!([4096 + 5, 1])), subnets(&[5], &Extent::part(Part::Mechanisms)));
        assert_eq!(ours("WeightsCommitted", json!([ALICE, 6, "0x00"])), subnets(&[6], &updated));
        assert_eq!(ours("BatchWeightsCompleted", json!([[1, 2], ALICE])), subnets(&[1, 2], &updated));
        assert_eq!(ours("StakeAdded", json!([ALICE, BOB, "1", "2", 8, "0"])), subnets(&[8], &stake));
        assert_eq!(ours("StakeMoved", json!([ALICE, BOB, 1, BOB, 2, "5"])), subnets(&[1, 2], &stake));
        assert_eq!(ours("SetChildren", json!([ALICE, 4, []])), subnets(&[4], &stake));
        let fee = json!({ "who": ALICE, "netuid": 4, "alpha_fee": "1", "tao_amount": "1" });
        assert_eq!(ours("TransactionFeePaidWithAlpha", fee), subnets(&[4], &stake));
        let epoch = |index: u16| json!({ "netuid": index, "emissions": [] });
        assert_eq!(ours("IncentiveAlphaEmittedToMiners", epoch(5)), subnets(&[5], &Extent::Whole));
        assert_eq!(ours("IncentiveAlphaEmittedToMiners", epoch(4096 + 5)), subnets(&[5], &Extent::Whole));
        assert_eq!(ours("FromTomorrow", json!({ "netuid": 5 })), subnets(&[5], &Extent::Whole));
        assert_eq!(ours("FromTomorrow", json!([5, 1])), subnets(&[5], &Extent::Whole));
        assert_eq!(touched("AdminUtils", "BondsResetToggled", json!({ "netuid": 5 })), subnets(&[5], &Extent::Whole));
    }

    #[test]
    fn figures_touch_no_neuron_and_are_named_all_the_same() {
        for (name, fields, netuid) in [
            ("TempoSet", json!([4, 360]), 4),
            ("BurnSet", json!([4, "360"]), 4),
            ("SymbolUpdated", json!({ "netuid": 2, "symbol": "0x00" }), 2),
            ("NetworkRemoved", json!([9]), 9),
            ("SetChildrenScheduled", json!([ALICE, 1, "7", []]), 1),
        ] {
            let event = Event { pallet: OURS.to_owned(), name: name.to_owned(), fields, extrinsic: None };
            assert_eq!(named_by(&event), BTreeSet::from([NetUid(netuid)]), "{name}");
            assert!(Touched::by(&[event]).is_nothing(), "{name}");
        }
    }

    #[test]
    fn what_concerns_a_key_concerns_wherever_it_is() {
        let bob: AccountId = BOB.parse().unwrap();
        let root = touched(OURS, "StakeAdded", json!([ALICE, BOB, "1", "2", 0, "0"]));
        assert_eq!(root.subnets.keys().collect::<Vec<_>>(), [&NetUid(0)]);
        assert_eq!(root.rooted, BTreeSet::from([bob]));
        let of_old = touched(OURS, "StakeAdded", json!([BOB, "1"]));
        assert_eq!(of_old, Touched { rooted: BTreeSet::from([bob]), ..Touched::default() });
        let swapped = json!({ "coldkey": ALICE, "old_hotkey": BOB, "new_hotkey": ALICE });
        let swapped = touched(OURS, "HotkeySwapped", swapped);
        assert_eq!((swapped.accounts.len(), swapped.rooted.len()), (2, 2));
        let named = touched(OURS, "ChainIdentitySet", json!([BOB]));
        assert_eq!(named.accounts, BTreeMap::from([(bob, Extent::part(Part::Identities))]));
        let claimed = touched(OURS, "RootClaimed", json!({ "coldkey": BOB }));
        assert_eq!(claimed, Touched { claimed: BTreeSet::from([bob]), ..Touched::default() });
    }

    #[test]
    fn what_changes_no_metagraph_costs_nothing() {
        for (pallet, name, fields) in [
            ("Balances", "Transfer", json!({ "from": ALICE, "to": BOB, "amount": "1" })),
            ("System", "ExtrinsicSuccess", json!({ "dispatch_info": {} })),
            (OURS, "Faucet", json!([ALICE, "1"])),
            (OURS, "TakeIncreased", json!([ALICE, BOB, 1])),
            (OURS, "ChildKeyTakeSet", json!([ALICE, 1])),
            (OURS, "TxRateLimitSet", json!(["1"])),
            (OURS, "ColdkeySwapAnnounced", json!({ "who": ALICE, "new_coldkey_hash": "0x00" })),
        ] {
            assert!(touched(pallet, name, fields).is_nothing(), "{name}");
        }
    }

    #[test]
    fn extents_add_up_to_the_larger() {
        let mut extent = Extent::nothing();
        assert!(extent.is_nothing());
        extent.add(Extent::part(Part::Stake));
        extent.add(Extent::part(Part::Axons));
        assert_eq!(extent, Extent::Parts(BTreeSet::from([Part::Stake, Part::Axons])));
        extent.add(Extent::Whole);
        extent.add(Extent::part(Part::Axons));
        assert!(extent == Extent::Whole && extent.has_stake());
    }
}
