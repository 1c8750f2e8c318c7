//! What a block changed of which metagraphs: a pure reading of its events.
//!
//! An event names a subnet, and by its name tells which columns it changes: a registration any of
//! them, an axon's announcement only where neurons serve, a price none, because pools are read at
//! every block anyway, and a hyperparameter the settings alone. Some of those are set without a word, so the calls in a
//! block are looked through too (`called.rs`). What is known by name stands in `known.rs`. An event of
//! pallet_subtensor that is not known changes everything of the subnets that it names, and of all of
//! them where it names none. Other pallets move stake as well, and need not tell it by an event of
//! pallet_subtensor: what names a subnet there, and is not known to be harmless, changes its stake.
//! What to read when is decided beside this (`policy.rs`).

mod called;
mod known;

use std::collections::{BTreeMap, BTreeSet};

use btd_api::{AccountId, NetUid};
use btd_chain::{Event, Extrinsic, Part};
use serde_json::{Map, Value as Json};

use self::known::{
    ELSEWHERE, KEYS,
    Place::{self, Identity, Named, Of, OfEach, OfIndex, Stake},
    QUIET, SETTING, UNNAMED, changes_figures, is_harmless, is_listed,
};

/// Storage indices of mechanisms: `mechid * 4096 + netuid` (`GLOBAL_MAX_SUBNET_COUNT`).
const SUBNETS_PER_MECHANISM: u64 = 4096;

/// How much of a subnet's neurons is to be read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Some parts; none of them when the subnet was named and what is kept of it is as it was.
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

/// The subnets that an event names.
pub fn named_by(event: &Event) -> BTreeSet<NetUid> {
    Touched::by(std::slice::from_ref(event)).subnets.into_keys().collect()
}

/// The subnets in the fields that are netuids by their type or by their name, however deep those of a name lie.
fn netuids(event: &Event) -> BTreeSet<NetUid> {
    fn named(fields: &Json, found: &mut BTreeSet<NetUid>) {
        match fields {
            Json::Object(members) => {
                for (name, value) in members {
                    if name.contains("netuid") { found.extend(numbers(value)) } else { named(value, found) }
                }
            }
            Json::Array(items) => items.iter().for_each(|item| named(item, found)),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
        }
    }
    let mut found = event.subnets.clone();
    named(&event.fields, &mut found);
    found
}

/// Every subnet that a value may name: a number, or each one of a list.
fn numbers(value: &Json) -> Vec<NetUid> {
    match value {
        Json::Array(items) => items.iter().flat_map(numbers).collect(),
        value => subnet(value).and_then(|index| main_subnet(index.0.into())).into_iter().collect(),
    }
}

/// The accounts anywhere among the fields.
fn accounts(fields: &Json) -> Vec<AccountId> {
    match fields {
        Json::Array(items) => items.iter().flat_map(accounts).collect(),
        Json::Object(members) => members.values().flat_map(accounts).collect(),
        value => account(value).into_iter().collect(),
    }
}

// === impl Extent ===

impl Extent {
    /// The subnet is named, and what is kept of it is as it was.
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

    /// The same with what the calls in the block may have changed beside that.
    pub(super) fn and_by(mut self, extrinsics: &[Extrinsic]) -> Self {
        for netuid in called::set_by(extrinsics) {
            extend(&mut self.subnets, netuid, Extent::part(Part::Settings));
        }
        self
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
                Json::Array(fields) => self.add_unnamed(event, fields),
                Json::Object(fields) => self.add_named(event, fields),
                _ => self.add_unknown(event),
            },
            // What an administrator does may change anything.
            "Sudo" => self.all = true,
            "AdminUtils" => match event.fields.get("netuid").and_then(subnet) {
                Some(netuid) => extend(&mut self.subnets, netuid, Extent::Whole),
                None => self.all = true,
            },
            // An upgrade changes what is read, and how.
            "System" if event.name == "CodeUpdated" => self.all = true,
            pallet if is_harmless(pallet, &event.name) => {
                for netuid in netuids(event) {
                    extend(&mut self.subnets, netuid, Extent::nothing());
                }
            }
            // It takes or refuses liquidity of users, which is a setting.
            "Swap" if event.name.ends_with("Toggled") => {
                self.touch(netuids(event), event, &Extent::Parts(BTreeSet::from([Part::Stake, Part::Settings])));
            }
            _ => self.touch(netuids(event), event, &Extent::part(Part::Stake)),
        }
    }

    fn add_unnamed(&mut self, event: &Event, fields: &[Json]) {
        let name = event.name.as_str();
        if let Some((_, places)) = UNNAMED.iter().find(|(known, _)| *known == name) {
            for place in *places {
                self.add_place(*place, fields);
            }
            return;
        }
        let extent = || if is_listed(name) { Extent::nothing() } else { Extent::part(Part::Settings) };
        match fields {
            // An administrator of the v6 era, and what a tao on root weighs: that is in the stake of everybody everywhere.
            _ if matches!(name, "Sudid" | "TaoWeightSet") => self.all = true,
            // A figure of the whole chain, unless its type is a netuid.
            [] | [_] if changes_figures(name) => {
                event.subnets.iter().for_each(|netuid| extend(&mut self.subnets, *netuid, extent()));
            }
            // A figure of a subnet, which its events begin with.
            [first, _, ..] if changes_figures(name) && first.is_u64() => {
                if let Some(netuid) = subnet(first) {
                    extend(&mut self.subnets, netuid, extent());
                }
            }
            _ => self.add_unknown(event),
        }
    }

    /// What is not known changes every subnet that it names. Where no field tells that it is a netuid, every number
    /// among those without names may be one; and where there is none, it may be about any.
    fn add_unknown(&mut self, event: &Event) {
        let mut named = netuids(event);
        if let (true, Json::Array(fields)) = (named.is_empty(), &event.fields) {
            named.extend(fields.iter().flat_map(numbers));
        }
        self.all |= named.is_empty();
        self.touch(named, event, &Extent::Whole);
    }

    /// So much of these subnets. Stake on root counts elsewhere: that of whoever stands in the event.
    fn touch(&mut self, netuids: BTreeSet<NetUid>, event: &Event, extent: &Extent) {
        for netuid in netuids {
            if netuid == NetUid::ROOT {
                let accounts = accounts(&event.fields);
                self.all |= accounts.is_empty();
                self.rooted.extend(&accounts);
                self.claimed.extend(accounts);
            }
            extend(&mut self.subnets, netuid, extent.clone());
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
            Place::Whole(position) => touch(field(position).and_then(subnet), Extent::Whole),
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

    fn add_named(&mut self, event: &Event, fields: &Map<String, Json>) {
        let name = event.name.as_str();
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
                setting if SETTING.contains(&setting) => Extent::part(Part::Settings),
                // The first of them, which every epoch tells, says whom by their uids alone.
                "IncentiveAlphaEmittedToMiners" | "HotkeySwappedOnSubnet" => Extent::Whole,
                // It may be of several.
                _ => return self.add_unknown(event),
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
        if !KEYS.contains(&name) {
            return self.add_unknown(event);
        }
        for name in ["coldkey", "hotkey", "old_hotkey", "new_hotkey", "old_coldkey", "current_coldkey", "new_coldkey"] {
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
mod tests;
