//! Metagraphs as values: what was read of a subnet at one block, immutable and shared.
//!
//! Ratios stay in the chain's unit (`u16` of 65535) and amounts in rao; whoever shows them converts.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, OnceLock},
};

use btd_api::{Alpha, BlockNumber, Coldkey, Hotkey, MechId, Tao, Uid};
use btd_chain::{AxonInfo, ChainIdentity, Hyperparameters, MetagraphParts, Part, RawMetagraph};
use serde::{Deserialize, Serialize};

use super::{mechanism::Mechanism, policy::Known, subnet::Subnet, table::Table};
use crate::stamp::Stamp;

/// One neuron.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neuron {
    /// Its slot.
    pub uid: Uid,
    /// Its operating key.
    pub hotkey: Hotkey,
    /// Its owning key.
    pub coldkey: Coldkey,
    /// Whether it has acted lately.
    pub active: bool,
    /// Whether it may validate.
    pub validator_permit: bool,
    /// Stake weight in consensus.
    pub stake: Alpha,
    /// Alpha behind it, parents and children counted; none where the runtime has no alpha.
    pub alpha_stake: Option<Alpha>,
    /// Root's tao behind it, parents and children counted.
    pub tao_stake: Tao,
    /// Of 65535; none where the runtime does not compute it any more.
    pub rank: Option<u16>,
    /// Of 65535; none where the runtime does not compute it any more.
    pub trust: Option<u16>,
    /// Of 65535.
    pub consensus: u16,
    /// Of 65535.
    pub incentive: u16,
    /// Of 65535.
    pub dividends: u16,
    /// Of 65535; none where the runtime does not keep it.
    pub validator_trust: Option<u16>,
    /// Alpha earned in the last epoch.
    pub emission: Alpha,
    /// The block of its last weights.
    pub last_update: u64,
    /// The block at which it registered.
    pub registered_at: u64,
    /// Where it serves; none when it never said.
    pub axon: Option<Endpoint>,
    /// The name in its coldkey's identity.
    pub identity: Option<String>,
}

/// Where a neuron says that it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its address.
    pub ip: IpAddr,
    /// Its port.
    pub port: u16,
    /// The protocol version number that it published.
    pub version: u32,
    /// The block at which it published.
    pub block: u64,
}

/// One subnet with all its neurons at one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The block at which anything of it was read last.
    pub at: Stamp,
    /// The subnet's own figures when all of it was read.
    pub subnet: Subnet,
    /// The block at which all of it was read.
    whole_at: BlockNumber,
    neurons: Box<[Neuron]>,
    /// The slots in the order of their hotkeys.
    by_hotkey: Box<[Uid]>,
    beside: Beside,
}

/// What follows from a snapshot or was read with it: no part of what it is.
#[derive(Debug, Default)]
struct Beside {
    /// The neurons as somebody wrote them for callers.
    written: OnceLock<Box<str>>,
    /// Every column that the chain told, without weights and bonds; none where an earlier run has not kept them.
    table: Option<Arc<Table>>,
    /// The mechanisms beside the main one; none where they are not kept.
    mechanisms: Option<Vec<Mechanism>>,
    /// The subnet's hyperparameters by their own API; none where it did not tell them, and after a restart.
    hyperparameters: Option<Arc<Hyperparameters>>,
    is_of_an_earlier_run: bool,
}

// === impl Snapshot ===

impl Snapshot {
    pub(super) fn new(at: Stamp, subnet: Subnet, neurons: Vec<Neuron>) -> Self {
        let mut by_hotkey: Vec<_> = neurons.iter().map(|neuron| (neuron.hotkey, neuron.uid)).collect();
        by_hotkey.sort_unstable();
        let by_hotkey = by_hotkey.into_iter().map(|(_, uid)| uid).collect();
        let neurons = neurons.into_boxed_slice();
        Self { at, subnet, whole_at: at.block.number, neurons, by_hotkey, beside: Beside::default() }
    }

    /// What the chain's metagraph says.
    pub fn read(raw: &RawMetagraph, at: Stamp) -> Self {
        let fields = &raw.fields;
        let neurons = (0..fields.num_uids)
            .zip(fields.hotkeys.iter().zip(&fields.coldkeys))
            .map(|(uid, (hotkey, coldkey))| neuron(raw, uid, Hotkey(*hotkey), Coldkey(*coldkey)))
            .collect();
        let table = Some(Arc::new(Table::of(raw, at)));
        Self { beside: Beside { table, ..Beside::default() }, ..Self::new(at, Subnet::read(raw), neurons) }
    }

    /// The block at which all of it was read last, and of which the subnet's own figures are.
    pub(super) fn whole_at(&self) -> BlockNumber {
        self.whole_at
    }

    /// The neurons as [`Self::keep_written`] was given them.
    pub fn written(&self) -> Option<&str> {
        self.beside.written.get().map(Box::as_ref)
    }

    /// Keeps the neurons as they are written for callers, for as long as they are what they are.
    /// What was kept first stays.
    pub fn keep_written(&self, neurons: String) -> &str {
        self.beside.written.get_or_init(|| neurons.into())
    }

    /// Every column that the chain told, if they are kept.
    pub fn table(&self) -> Option<&Arc<Table>> {
        self.beside.table.as_ref()
    }

    /// The same as an earlier run has kept it, of which all was read at an earlier block.
    pub(super) fn of_an_earlier_run(mut self, whole_at: BlockNumber, table: Option<Arc<Table>>) -> Self {
        self.beside = Beside { table, is_of_an_earlier_run: true, ..Beside::default() };
        Self { whole_at, ..self }
    }

    /// Whether an earlier run has kept it, and nobody has looked yet whether the chain has it still.
    pub fn is_of_an_earlier_run(&self) -> bool {
        self.beside.is_of_an_earlier_run
    }

    /// The same with these beside it.
    pub(super) fn beside(mut self, table: Option<Arc<Table>>, mechanisms: Option<Vec<Mechanism>>) -> Self {
        self.beside = Beside { table, mechanisms, ..Beside::default() };
        self
    }

    /// The same with these hyperparameters.
    pub(super) fn with_hyperparameters(mut self, hyperparameters: Option<Arc<Hyperparameters>>) -> Self {
        self.beside.hyperparameters = hyperparameters;
        self
    }

    /// The subnet's hyperparameters, if they are kept.
    pub fn hyperparameters(&self) -> Option<&Hyperparameters> {
        self.beside.hyperparameters.as_deref()
    }

    /// How many mechanisms the subnet has, the main one among them; none where the others are not kept.
    pub(super) fn mechanisms(&self) -> Option<u8> {
        let others = self.beside.mechanisms.as_ref()?.len();
        u8::try_from(others).ok()?.checked_add(1)
    }

    /// The same in another mechanism than the main one, if that is kept.
    pub(super) fn of_mechanism(&self, mechid: MechId) -> Option<&Arc<Self>> {
        let place = usize::from(mechid.0).checked_sub(1)?;
        Some(self.beside.mechanisms.as_ref()?.get(place)?.whole(self))
    }

    /// Its neurons, by uid.
    pub fn neurons(&self) -> &[Neuron] {
        &self.neurons
    }

    /// The neuron in slot `uid`.
    pub fn neuron(&self, uid: Uid) -> Option<&Neuron> {
        self.neurons.get(usize::from(uid.0))
    }

    /// The slot of `hotkey`, if it is registered.
    pub fn uid(&self, hotkey: &Hotkey) -> Option<Uid> {
        let of = |uid: &Uid| self.neuron(*uid).map(|neuron| &neuron.hotkey);
        let found = self.by_hotkey.binary_search_by(|uid| of(uid).cmp(&Some(hotkey))).ok()?;
        self.by_hotkey.get(found).copied()
    }

    /// Whether `told` lacks something that was `asked` for and is kept: what comes as none stays as it was, and would
    /// be told as of the new block. Where the columns are not kept, nobody knows what is missing.
    pub(super) fn misses(&self, told: &MetagraphParts, asked: &BTreeSet<Part>) -> bool {
        told.num_uids.is_none() || self.table().is_none_or(|table| table.misses(told, asked))
    }

    /// The same with the columns of `parts`, and what was read of the other mechanisms' last `updates`, at
    /// `at`; none when they are about another number of neurons or mechanisms.
    pub(super) fn with(&self, parts: MetagraphParts, updates: Option<Vec<Vec<u64>>>, at: Stamp) -> Option<Self> {
        let count = self.neurons.len();
        if parts.num_uids.is_some_and(|now| usize::from(now) != count) {
            return None;
        }
        let mut after = Self { at, ..self.clone() };
        after.beside.table = self.beside.table.as_ref().map(|table| Arc::new(table.with(&parts, at)));
        if let (Some(updates), Some(mechanisms)) = (updates, &self.beside.mechanisms) {
            if updates.len() != mechanisms.len() {
                return None;
            }
            let updated = mechanisms.iter().zip(updates).map(|(mechanism, blocks)| mechanism.with(blocks));
            after.beside.mechanisms = Some(updated.collect());
        }
        after.replace(parts.alpha_stake, |neuron, stake| neuron.alpha_stake = Some(stake))?;
        after.replace(parts.tao_stake, |neuron, stake| neuron.tao_stake = stake)?;
        after.replace(parts.total_stake, |neuron, stake| neuron.stake = Alpha::from_rao(stake.rao()))?;
        after.replace(parts.last_update, |neuron, block| neuron.last_update = block)?;
        after.replace(parts.axons, |neuron, axon| neuron.axon = endpoint(&axon))?;
        after.replace(parts.identities, |neuron, identity| neuron.identity = name(identity.as_ref()))?;
        Some(after)
    }

    /// Sets a column, if there is one; none when it has another length.
    fn replace<T>(&mut self, column: Option<Vec<T>>, set: impl Fn(&mut Neuron, T)) -> Option<()> {
        let Some(column) = column else { return Some(()) };
        if column.len() != self.neurons.len() {
            return None;
        }
        self.neurons.iter_mut().zip(column).for_each(|(neuron, value)| set(neuron, value));
        Some(())
    }

    /// The slots and columns in which `other` has another value.
    pub(super) fn differences(&self, other: &Self) -> Vec<(Uid, &'static str)> {
        let mut differences = Vec::new();
        for (uid, (one, two)) in (0..).zip(self.neurons.iter().zip(&other.neurons)) {
            differences.extend(one.differences(two).into_iter().map(|column| (Uid(uid), column)));
        }
        let (few, many) = (self.neurons.len().min(other.neurons.len()), self.neurons.len().max(other.neurons.len()));
        let unpaired = (few..many).filter_map(|uid| u16::try_from(uid).ok());
        differences.extend(unpaired.map(|uid| (Uid(uid), "hotkey")));
        differences
    }

    /// What the refresh policy needs to know.
    pub(super) fn known(&self) -> Known {
        /// Between two looks at a subnet whose epoch is overdue, or which has none.
        const OVERDUE: u32 = 20;
        let whole_at = self.whole_at;
        let expected = self.subnet.last_epoch.saturating_add(u64::from(self.subnet.tempo)).saturating_add(1);
        let next_epoch = u32::try_from(expected).unwrap_or(u32::MAX);
        let next_epoch = if next_epoch > whole_at.0 { next_epoch } else { whole_at.0.saturating_add(OVERDUE) };
        Known {
            read_at: self.at.block.number,
            whole_at,
            tried: None,
            last_epoch: self.subnet.last_epoch,
            next_epoch: BlockNumber(next_epoch),
        }
    }
}

// === impl Beside ===

/// Another snapshot's neurons are not written yet.
impl Clone for Beside {
    fn clone(&self) -> Self {
        Self {
            written: OnceLock::new(),
            table: self.table.clone(),
            mechanisms: self.mechanisms.clone(),
            hyperparameters: self.hyperparameters.clone(),
            is_of_an_earlier_run: self.is_of_an_earlier_run,
        }
    }
}

impl PartialEq for Beside {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Beside {}

// === impl Neuron ===

impl Neuron {
    /// The columns in which `other` has another value.
    fn differences(&self, other: &Self) -> Vec<&'static str> {
        let mut differences = Vec::new();
        macro_rules! compare {
            ($($column:ident),+ $(,)?) => {
                $(if self.$column != other.$column { differences.push(stringify!($column)); })+
            };
        }
        compare!(
            hotkey,
            coldkey,
            active,
            validator_permit,
            stake,
            alpha_stake,
            tao_stake,
            rank,
            trust,
            consensus,
            incentive,
            dividends,
            validator_trust,
            emission,
            last_update,
            registered_at,
            axon,
            identity,
        );
        differences
    }
}

/// The columns that claims of root dividends change.
pub(super) const STAKE_COLUMNS: [&str; 3] = ["stake", "alpha_stake", "tao_stake"];

/// The entry of a column; none where the runtime leaves the column empty.
fn kept<T: Copy>(column: &[T], uid: u16) -> Option<T> {
    column.get(usize::from(uid)).copied()
}

/// The entry of a column that every runtime keeps.
fn at<T: Copy + Default>(column: &[T], uid: u16) -> T {
    kept(column, uid).unwrap_or_default()
}

fn neuron(raw: &RawMetagraph, uid: u16, hotkey: Hotkey, coldkey: Coldkey) -> Neuron {
    let fields = &raw.fields;
    Neuron {
        uid: Uid(uid),
        hotkey,
        coldkey,
        active: at(&fields.active, uid),
        validator_permit: at(&fields.validator_permit, uid),
        stake: Alpha::from_rao(at(&fields.total_stake, uid).rao()),
        alpha_stake: kept(&fields.alpha_stake, uid),
        tao_stake: at(&fields.tao_stake, uid),
        rank: kept(&fields.rank, uid),
        trust: kept(&fields.trust, uid),
        consensus: at(&fields.consensus, uid),
        incentive: at(&fields.incentives, uid),
        dividends: at(&fields.dividends, uid),
        validator_trust: kept(&raw.validator_trust, uid),
        emission: at(&fields.emission, uid),
        last_update: at(&fields.last_update, uid),
        registered_at: at(&fields.block_at_registration, uid),
        axon: fields.axons.get(usize::from(uid)).and_then(endpoint),
        identity: fields.identities.get(usize::from(uid)).and_then(|identity| name(identity.as_ref())),
    }
}

/// The name in an identity, if there is one.
fn name(identity: Option<&ChainIdentity>) -> Option<String> {
    let name = identity?.name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The chain keeps an address as the big-endian integer of its bytes; all zero means never said.
fn endpoint(axon: &AxonInfo) -> Option<Endpoint> {
    if axon.ip == 0 && axon.port == 0 {
        return None;
    }
    let ip = match (axon.ip_type, u32::try_from(axon.ip)) {
        (6, _) | (_, Err(_)) => IpAddr::V6(Ipv6Addr::from(axon.ip)),
        (_, Ok(ip)) => IpAddr::V4(Ipv4Addr::from(ip)),
    };
    Some(Endpoint { ip, port: axon.port, version: axon.version, block: axon.block })
}

#[cfg(test)]
mod tests {
    use super::{
        super::{file::tests::table, table::Column},
        *,
    };
    use crate::metagraph::sample;

    fn axon(ip: u128, ip_type: u8, port: u16) -> AxonInfo {
        AxonInfo { block: 9, version: 1, ip, port, ip_type, protocol: 4, placeholder1: 0, placeholder2: 0 }
    }

    #[test]
    fn endpoints_are_read_from_integers() {
        let text = |axon: AxonInfo| endpoint(&axon).map(|endpoint| endpoint.ip.to_string());
        assert_eq!(text(axon(0x0102_0304, 4, 8091)).as_deref(), Some("1.2.3.4"));
        assert_eq!(text(axon(2, 6, 8091)).as_deref(), Some("::2"));
        assert_eq!(text(axon(1 << 100, 4, 8091)).as_deref(), Some("0:10::"));
        assert_eq!(text(axon(0, 4, 8091)).as_deref(), Some("0.0.0.0"));
        assert_eq!(text(axon(0, 0, 0)), None);
    }

    #[test]
    fn what_comes_as_none_is_not_taken_for_new() {
        let mut whole = table(2);
        whole.columns.push(("last_update".into(), Column::Longs(vec![1, 2]).into()));
        let kept = Snapshot::clone(&sample(2)).beside(Some(Arc::new(whole)), None);
        let asked = BTreeSet::from([Part::LastUpdate]);
        let told = MetagraphParts { num_uids: Some(2), last_update: Some(vec![7, 8]), ..MetagraphParts::default() };
        assert!(!kept.misses(&told, &asked));
        assert!(kept.misses(&MetagraphParts { last_update: None, ..told.clone() }, &asked));
        assert!(kept.misses(&MetagraphParts { num_uids: None, ..told.clone() }, &asked));
        assert!(sample(2).misses(&told, &asked), "its columns are not kept");
        assert!(!kept.misses(&told, &BTreeSet::from([Part::LastUpdate, Part::Axons])), "no axons are kept");
    }
}
