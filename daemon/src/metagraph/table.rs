//! A whole metagraph at one block: every column and figure that the chain keeps, with weights and bonds.
//!
//! Snapshots hold what is served all the time; this holds everything, is read when somebody asks
//! for it (but for weights and bonds that are kept, see `rows.rs`), and is what is saved, exported and compared. Columns have the chain's own names and
//! units: ratios are of 65535, amounts are rao.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use btd_api::{AccountId, Alpha, MechId, NetUid, Tao};
use btd_chain::{AxonInfo, ChainIdentity, MetagraphParts, Part, RawMetagraph, ReadError, Row, View};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use tokio::try_join;

use super::figure::{self, Figure, Figures};
use crate::stamp::Stamp;

/// One column: a value for each neuron, by uid; empty where the runtime does not keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// Truth values.
    Flags(Vec<bool>),
    /// Ratios of 65535, and small counts.
    Shorts(Vec<u16>),
    /// Blocks and amounts.
    Longs(Vec<u64>),
    /// Keys.
    Accounts(Vec<AccountId>),
    /// Texts: addresses, names.
    Texts(Vec<String>),
}

/// The columns of which each neuron has a part.
const SHARED: [&str; 10] = [
    "total_stake",
    "alpha_stake",
    "tao_stake",
    "emission",
    "incentives",
    "dividends",
    "rank",
    "trust",
    "consensus",
    "validator_trust",
];

/// A whole metagraph. One of a later block shares with it what has not changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The block.
    pub at: Stamp,
    /// The subnet.
    pub netuid: NetUid,
    /// The mechanism.
    pub mechid: MechId,
    /// How many neurons it has.
    pub neurons: u16,
    /// The subnet's own figures by the chain's names: pool, price, hyperparameters.
    pub figures: Arc<Figures>,
    /// The columns by the chain's names, in the chain's order.
    pub columns: Vec<(Arc<str>, Arc<Column>)>,
    /// Weights and bonds; none where they were not read, which is not the same as that there are none.
    pub rows: Option<Rows>,
}

/// The weights and bonds of a mechanism, as the chain keeps them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// What validators give to whom, by validator.
    pub weights: Vec<Row>,
    /// What validators hold of whom, by validator.
    pub bonds: Vec<Row>,
}

/// A value that is another one at the later of two blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The neuron's slot.
    pub uid: u16,
    /// The column.
    pub column: String,
    /// The value before; null where the slot was empty.
    pub before: Json,
    /// The value after; null where the slot is empty.
    pub after: Json,
}

// === impl Column ===

impl Column {
    /// How many values it has.
    pub fn len(&self) -> usize {
        match self {
            Self::Flags(values) => values.len(),
            Self::Shorts(values) => values.len(),
            Self::Longs(values) => values.len(),
            Self::Accounts(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }

    /// Whether the runtime does not keep it, or there is no neuron.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of one neuron: amounts and blocks above 2^53 are no concern of anybody's yet, but
    /// amounts are decimal text all the same, as everywhere.
    pub fn value(&self, uid: usize) -> Option<Json> {
        Some(match self {
            Self::Flags(values) => (*values.get(uid)?).into(),
            Self::Shorts(values) => (*values.get(uid)?).into(),
            Self::Longs(values) => values.get(uid)?.to_string().into(),
            Self::Accounts(values) => values.get(uid)?.to_string().into(),
            Self::Texts(values) => values.get(uid)?.clone().into(),
        })
    }

    /// All values, by uid.
    pub fn values(&self) -> Vec<Json> {
        (0..self.len()).filter_map(|uid| self.value(uid)).collect()
    }

    fn differs(&self, other: &Self, uid: usize) -> bool {
        match (self, other) {
            (Self::Flags(a), Self::Flags(b)) => a.get(uid) != b.get(uid),
            (Self::Shorts(a), Self::Shorts(b)) => a.get(uid) != b.get(uid),
            (Self::Longs(a), Self::Longs(b)) => a.get(uid) != b.get(uid),
            (Self::Accounts(a), Self::Accounts(b)) => a.get(uid) != b.get(uid),
            (Self::Texts(a), Self::Texts(b)) => a.get(uid) != b.get(uid),
            _ => self.value(uid) != other.value(uid),
        }
    }
}

// === impl Table ===

impl Table {
    /// Reads it at the block of `view`; none when there is no such subnet or mechanism.
    ///
    /// # Errors
    /// When the chain cannot be read.
    pub async fn read(view: &View, netuid: NetUid, mechid: MechId, at: Stamp) -> Result<Option<Self>, ReadError> {
        let (raw, weights, bonds) =
            try_join!(view.mechagraph(netuid, mechid), view.weights(netuid, mechid), view.bonds(netuid, mechid))?;
        Ok(raw.map(|raw| Self { rows: Some(Rows { weights, bonds }), ..Self::of(&raw, at) }))
    }

    /// What the chain's metagraph says, which is all but weights and bonds.
    pub fn of(raw: &RawMetagraph, at: Stamp) -> Self {
        Self {
            at,
            netuid: raw.netuid,
            mechid: raw.mechid,
            neurons: raw.fields.num_uids,
            figures: Arc::new(figure::read(raw)),
            columns: columns(raw),
            rows: None,
        }
    }

    /// The same with the columns and settings of `parts`, which were read at `at`.
    pub(super) fn with(&self, parts: &MetagraphParts, at: Stamp) -> Self {
        let mut after = Self { at, ..self.clone() };
        figure::set(&mut after.figures, parts);
        let taos = |amounts: &[Tao]| Column::Longs(amounts.iter().map(|amount| amount.rao()).collect());
        let alphas = |amounts: &[Alpha]| Column::Longs(amounts.iter().map(|amount| amount.rao()).collect());
        let single = [
            ("alpha_stake", parts.alpha_stake.as_deref().map(alphas)),
            ("tao_stake", parts.tao_stake.as_deref().map(taos)),
            ("total_stake", parts.total_stake.as_deref().map(taos)),
            ("last_update", parts.last_update.clone().map(Column::Longs)),
        ];
        let single = single.into_iter().filter_map(|(name, column)| Some((name, column?)));
        let axons = parts.axons.as_deref().map(axon_columns).into_iter().flatten();
        let identities = parts.identities.as_deref().map(identity_columns).into_iter().flatten();
        for (name, column) in single.chain(axons).chain(identities) {
            let known = after.columns.iter_mut().find(|(known, _)| **known == *name);
            if let Some((_, known)) = known.filter(|(_, known)| **known != column) {
                *known = Arc::new(column);
            }
        }
        after
    }

    /// Whether `told` lacks a column or a setting that was `asked` for and is kept here: put in, it would leave the old
    /// one under the block of the new ones. What is kept of no neuron is not missed.
    pub(super) fn misses(&self, told: &MetagraphParts, asked: &BTreeSet<Part>) -> bool {
        let columns = [
            (Part::Stake, "alpha_stake", told.alpha_stake.is_some()),
            (Part::Stake, "tao_stake", told.tao_stake.is_some()),
            (Part::Stake, "total_stake", told.total_stake.is_some()),
            (Part::Axons, "axon_ip", told.axons.is_some()),
            (Part::LastUpdate, "last_update", told.last_update.is_some()),
            (Part::Identities, "identity_name", told.identities.is_some()),
        ];
        let is_kept = |name: &str| self.column(name).is_some_and(|column| !column.is_empty());
        let mut missing = columns.into_iter().filter(|(part, _, is_told)| !is_told && asked.contains(part));
        missing.any(|(_, name, _)| is_kept(name))
            || asked.contains(&Part::Settings) && figure::lacks_setting(told, &self.figures)
    }

    /// The column `name`, by the chain's name or by the letter that the Python packages use.
    pub fn column(&self, name: &str) -> Option<&Column> {
        let name = chain_name(name);
        self.columns.iter().find(|(known, _)| **known == *name).map(|(_, column)| &**column)
    }

    /// The column `name` as numbers that add up to what all neurons have; none of one whose numbers do not.
    pub fn parts(&self, name: &str) -> Option<Vec<u64>> {
        match self.column(name).filter(|_| SHARED.contains(&chain_name(name)))? {
            Column::Shorts(values) => Some(values.iter().copied().map(u64::from).collect()),
            Column::Longs(values) => Some(values.clone()),
            Column::Flags(_) | Column::Accounts(_) | Column::Texts(_) => None,
        }
    }

    /// One neuron by the names of the columns; none beyond the last.
    pub fn neuron(&self, uid: u16) -> Option<Map<String, Json>> {
        if uid >= self.neurons {
            return None;
        }
        let row = self.columns.iter().filter_map(|(name, column)| Some((name.to_string(), column.value(uid.into())?)));
        Some(std::iter::once(("uid".to_owned(), json!(uid))).chain(row).collect())
    }

    /// The slot of `hotkey`, if it is registered.
    pub fn uid(&self, hotkey: AccountId) -> Option<u16> {
        let Some(Column::Accounts(hotkeys)) = self.column("hotkeys") else { return None };
        u16::try_from(hotkeys.iter().position(|known| *known == hotkey)?).ok()
    }

    /// What is another value in `later`, by uid and then by column.
    pub fn changes(&self, later: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for uid in 0..self.neurons.max(later.neurons) {
            let at = usize::from(uid);
            for (name, after) in &later.columns {
                let Some(before) = self.column(name) else { continue };
                if before.differs(after, at) {
                    let (before, after) = (before.value(at), after.value(at));
                    changes.push(Change {
                        uid,
                        column: name.to_string(),
                        before: before.unwrap_or_default(),
                        after: after.unwrap_or_default(),
                    });
                }
            }
        }
        changes
    }

    /// The figures that are another value in `later`: the name, before and after.
    pub fn figure_changes(&self, later: &Self) -> Vec<(String, Json, Json)> {
        let changed = later.figures.iter().filter(|(name, value)| self.figures.get(*name) != Some(*value));
        changed
            .map(|(name, value)| {
                let before = self.figures.get(name).map_or(Json::Null, Figure::to_json);
                (name.clone(), before, value.to_json())
            })
            .collect()
    }
}

/// What the chain calls a column.
fn chain_name(name: &str) -> &str {
    match name {
        "S" | "stake" => "total_stake",
        "R" | "ranks" => "rank",
        "T" => "trust",
        "C" => "consensus",
        "I" | "incentive" => "incentives",
        "E" => "emission",
        "D" => "dividends",
        "Tv" => "validator_trust",
        name => name,
    }
}

/// An entry for each neuron that has one.
fn columns(raw: &RawMetagraph) -> Vec<(Arc<str>, Arc<Column>)> {
    use Column::{Accounts, Flags, Longs, Shorts};
    let fields = &raw.fields;
    let alphas = |amounts: &[Alpha]| Longs(amounts.iter().map(|amount| amount.rao()).collect());
    let taos = |amounts: &[Tao]| Longs(amounts.iter().map(|amount| amount.rao()).collect());
    let columns = [
        ("hotkeys", Accounts(fields.hotkeys.clone())),
        ("coldkeys", Accounts(fields.coldkeys.clone())),
        ("active", Flags(fields.active.clone())),
        ("validator_permit", Flags(fields.validator_permit.clone())),
        ("pruning_score", Shorts(fields.pruning_score.clone())),
        ("last_update", Longs(fields.last_update.clone())),
        ("emission", alphas(&fields.emission)),
        ("dividends", Shorts(fields.dividends.clone())),
        ("incentives", Shorts(fields.incentives.clone())),
        ("consensus", Shorts(fields.consensus.clone())),
        ("trust", Shorts(fields.trust.clone())),
        ("rank", Shorts(fields.rank.clone())),
        ("validator_trust", Shorts(raw.validator_trust.clone())),
        ("block_at_registration", Longs(fields.block_at_registration.clone())),
        ("alpha_stake", alphas(&fields.alpha_stake)),
        ("tao_stake", taos(&fields.tao_stake)),
        ("total_stake", taos(&fields.total_stake)),
    ];
    let columns = columns.into_iter().chain(axon_columns(&fields.axons)).chain(identity_columns(&fields.identities));
    columns.map(|(name, column)| (name.into(), Arc::new(column))).collect()
}

/// What neurons say about where they serve.
fn axon_columns(axons: &[AxonInfo]) -> [(&'static str, Column); 6] {
    let ip = |axon: &AxonInfo| match (axon.ip_type, u32::try_from(axon.ip)) {
        (6, _) | (_, Err(_)) => IpAddr::V6(Ipv6Addr::from(axon.ip)).to_string(),
        (_, Ok(ip)) => IpAddr::V4(Ipv4Addr::from(ip)).to_string(),
    };
    let shorts = |pick: fn(&AxonInfo) -> u16| Column::Shorts(axons.iter().map(pick).collect());
    let longs = |pick: fn(&AxonInfo) -> u64| Column::Longs(axons.iter().map(pick).collect());
    [
        ("axon_ip", Column::Texts(axons.iter().map(ip).collect())),
        ("axon_port", shorts(|axon| axon.port)),
        ("axon_ip_type", shorts(|axon| axon.ip_type.into())),
        ("axon_protocol", shorts(|axon| axon.protocol.into())),
        ("axon_version", longs(|axon| axon.version.into())),
        ("axon_block", longs(|axon| axon.block)),
    ]
}

/// What their coldkeys say about themselves; empty where they say nothing.
fn identity_columns(identities: &[Option<ChainIdentity>]) -> [(&'static str, Column); 7] {
    let column = |pick: fn(&ChainIdentity) -> &str| {
        Column::Texts(identities.iter().map(|one| one.as_ref().map(pick).unwrap_or_default().to_owned()).collect())
    };
    [
        ("identity_name", column(|identity| &identity.name)),
        ("identity_url", column(|identity| &identity.url)),
        ("identity_github_repo", column(|identity| &identity.github_repo)),
        ("identity_image", column(|identity| &identity.image)),
        ("identity_discord", column(|identity| &identity.discord)),
        ("identity_description", column(|identity| &identity.description)),
        ("identity_additional", column(|identity| &identity.additional)),
    ]
}

#[cfg(test)]
mod tests {
    use btd_api::{BlockHash, BlockNumber};
    use btd_chain::BlockRef;

    use super::*;

    fn column(name: &str, column: Column) -> (Arc<str>, Arc<Column>) {
        (name.into(), Arc::new(column))
    }

    fn table(hotkeys: &[u8], incentives: &[u16]) -> Table {
        let block = BlockRef { number: BlockNumber(9), hash: BlockHash([1; 32]) };
        Table {
            at: Stamp { block, learnt_ms: 5 },
            netuid: NetUid(1),
            mechid: MechId(0),
            neurons: u16::try_from(hotkeys.len()).unwrap(),
            figures: Figures::from_iter([("tempo".to_owned(), json!(100).into())]).into(),
            columns: vec![
                column("hotkeys", Column::Accounts(hotkeys.iter().map(|key| AccountId([*key; 32])).collect())),
                column("incentives", Column::Shorts(incentives.to_vec())),
                column("rank", Column::Shorts(vec![])),
            ],
            rows: None,
        }
    }

    #[test]
    fn columns_have_the_chains_names_and_the_old_letters() {
        let table = table(&[1, 2], &[7, 8]);
        assert_eq!(table.column("I"), table.column("incentives"));
        assert_eq!(table.column("I").unwrap().values(), [json!(7), json!(8)]);
        assert!(table.column("R").is_some_and(Column::is_empty) && table.column("X").is_none());
        assert_eq!((table.uid(AccountId([2; 32])), table.uid(AccountId([3; 32]))), (Some(1), None));
        let neuron = table.neuron(1).unwrap();
        assert_eq!((&neuron["uid"], &neuron["incentives"]), (&json!(1), &json!(8)));
        // A column that the runtime does not keep is no zero.
        assert!(!neuron.contains_key("rank") && table.neuron(2).is_none());
    }

    #[test]
    fn what_was_asked_for_is_missed_where_it_is_kept_and_not_told() {
        let mut kept = table(&[1, 2], &[7, 8]);
        kept.columns.push(column("alpha_stake", Column::Longs(vec![])));
        kept.columns.push(column("total_stake", Column::Longs(vec![3, 4])));
        let figures = Arc::make_mut(&mut kept.figures);
        figures.insert("kappa".to_owned(), Json::Null.into());
        figures.insert("rho".to_owned(), json!(10).into());
        let (stake, settings) = (BTreeSet::from([Part::Stake]), BTreeSet::from([Part::Settings]));
        let both = &stake | &settings;
        let told = MetagraphParts { total_stake: Some(vec![Tao::ZERO; 2]), rho: Some(11), ..MetagraphParts::default() };
        assert!(!kept.misses(&told, &both), "a runtime without alpha and kappa tells neither");
        let without_stake = MetagraphParts { total_stake: None, ..told.clone() };
        assert!(kept.misses(&without_stake, &both) && kept.misses(&without_stake, &stake));
        assert!(!kept.misses(&without_stake, &settings), "nobody asked for it");
        let without_rho = MetagraphParts { rho: None, ..told };
        assert!(kept.misses(&without_rho, &settings) && !kept.misses(&without_rho, &stake));
    }

    #[test]
    fn what_is_told_again_goes_on_being_shared() {
        let mut kept = table(&[1, 2], &[7, 8]);
        kept.columns.push(column("last_update", Column::Longs(vec![3, 4])));
        kept.columns.push(column("tao_stake", Column::Longs(vec![5, 6])));
        let (stake, blocks) = (vec![Tao::from_rao(5), Tao::from_rao(6)], vec![3, 9]);
        let told = MetagraphParts { tao_stake: Some(stake), last_update: Some(blocks), ..MetagraphParts::default() };
        let after = kept.with(&told, kept.at);
        let is_shared = |at: usize| Arc::ptr_eq(&kept.columns[at].1, &after.columns[at].1);
        assert_eq!([0, 1, 2, 3, 4].map(is_shared), [true, true, true, false, true]);
        assert_eq!(after.column("last_update"), Some(&Column::Longs(vec![3, 9])));
        assert_eq!(kept.column("last_update"), Some(&Column::Longs(vec![3, 4])));
        assert!(Arc::ptr_eq(&kept.figures, &after.figures), "no setting was told");
        Arc::make_mut(&mut kept.figures).insert("rho".to_owned(), json!(10).into());
        let after = kept.with(&MetagraphParts { rho: Some(11), ..MetagraphParts::default() }, kept.at);
        let (before, now) = (Figure::from(json!(10)), Figure::from(json!(11)));
        assert_eq!((&kept.figures["rho"], &after.figures["rho"]), (&before, &now));
    }

    #[test]
    fn what_changed_is_told_slot_by_slot() {
        let (before, mut after) = (table(&[1, 2], &[7, 8]), table(&[1, 3, 4], &[7, 9, 1]));
        Arc::make_mut(&mut after.figures).insert("tempo".to_owned(), json!(99).into());
        let changes = before.changes(&after);
        let told: Vec<_> = changes.iter().map(|change| (change.uid, change.column.as_str())).collect();
        assert_eq!(told, [(1, "hotkeys"), (1, "incentives"), (2, "hotkeys"), (2, "incentives")]);
        assert_eq!((&changes[1].before, &changes[1].after, &changes[3].before), (&json!(8), &json!(9), &Json::Null));
        assert_eq!(before.figure_changes(&after), [("tempo".to_owned(), json!(100), json!(99))]);
        assert_eq!((before.changes(&before), before.figure_changes(&before)), (vec![], vec![]));
    }
}
