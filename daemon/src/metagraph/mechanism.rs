//! The mechanisms of a subnet beside its main one, kept with it.
//!
//! All mechanisms of a subnet have the same neurons: a mechanism's own are its weights and bonds, which are
//! kept elsewhere (`rows.rs`), its incentives, and the blocks of its last weights. So these two columns are kept of each,
//! and everything else is what is kept of the subnet. A mechanism that differs in more, as those of a later
//! runtime may, is not kept, and read when somebody asks.

use std::sync::{Arc, OnceLock};

use btd_api::MechId;

use super::{
    snapshot::Snapshot,
    table::{Column, Table},
};

/// The columns that are a mechanism's own.
const INCENTIVES: &str = "incentives";
const LAST_UPDATE: &str = "last_update";

/// One mechanism, beside what is kept of its subnet. A new one has none of its columns' values yet.
#[derive(Debug)]
pub(super) struct Mechanism {
    mechid: MechId,
    incentives: Vec<u16>,
    last_update: Vec<u64>,
    /// All of it, put together when somebody asked.
    whole: OnceLock<Arc<Snapshot>>,
}

/// With another subnet beside it, it is to be put together anew.
impl Clone for Mechanism {
    fn clone(&self) -> Self {
        Self::new(self.mechid, self.incentives.clone(), self.last_update.clone())
    }
}

// === impl Mechanism ===

impl Mechanism {
    fn new(mechid: MechId, incentives: Vec<u16>, last_update: Vec<u64>) -> Self {
        Self { mechid, incentives, last_update, whole: OnceLock::new() }
    }

    /// What is a mechanism's own in its metagraph; none where that differs from the `main` one in more.
    pub(super) fn of(main: &Table, own: &Table) -> Option<Self> {
        let is_shared = |(name, column): &(Arc<str>, Arc<Column>)| {
            matches!(&**name, INCENTIVES | LAST_UPDATE) || main.column(name) == Some(&**column)
        };
        let is_all = main.columns.len() == own.columns.len() && main.figures == own.figures;
        if !is_all || !own.columns.iter().all(is_shared) {
            return None;
        }
        match (own.column(INCENTIVES)?, own.column(LAST_UPDATE)?) {
            (Column::Shorts(incentives), Column::Longs(last_update)) => {
                Some(Self::new(own.mechid, incentives.clone(), last_update.clone()))
            }
            _ => None,
        }
    }

    /// The same with other blocks of last weights.
    pub(super) fn with(&self, last_update: Vec<u64>) -> Self {
        Self::new(self.mechid, self.incentives.clone(), last_update)
    }

    /// All of it, beside what is kept of the subnet.
    pub(super) fn whole(&self, main: &Snapshot) -> &Arc<Snapshot> {
        self.whole.get_or_init(|| {
            let mut neurons = main.neurons().to_vec();
            for (uid, neuron) in neurons.iter_mut().enumerate() {
                neuron.incentive = self.incentives.get(uid).copied().unwrap_or_default();
                neuron.last_update = self.last_update.get(uid).copied().unwrap_or_default();
            }
            let table = main.table().map(|table| self.table(table));
            Arc::new(Snapshot::new(main.at, main.subnet.clone(), neurons).beside(table.map(Arc::new), None))
        })
    }

    fn table(&self, main: &Table) -> Table {
        let mut table = Table { mechid: self.mechid, rows: None, ..main.clone() };
        for (name, column) in &mut table.columns {
            match &**name {
                INCENTIVES => *column = Column::Shorts(self.incentives.clone()).into(),
                LAST_UPDATE => *column = Column::Longs(self.last_update.clone()).into(),
                _ => {}
            }
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::{super::file::tests::table, *};

    /// The metagraph of mechanism 1 beside that of the main one.
    fn mechanisms() -> (Table, Table) {
        let mut main = Table { rows: None, ..table(4) };
        main.columns.push(("consensus".into(), Column::Shorts(vec![1; 4]).into()));
        main.columns.push((LAST_UPDATE.into(), Column::Longs(vec![1; 4]).into()));
        let own = Mechanism::new(MechId(1), vec![7; 4], vec![9; 4]).table(&main);
        (main, own)
    }

    #[test]
    fn a_mechanism_is_its_subnets_metagraph_but_for_two_columns() {
        let (main, own) = mechanisms();
        assert_eq!(own.column("I"), Some(&Column::Shorts(vec![7; 4])));
        let kept = Mechanism::of(&main, &own).unwrap();
        assert_eq!(kept.table(&main), own);
        let later = kept.with(vec![10; 4]).table(&main);
        let changed: Vec<_> = own.changes(&later).into_iter().map(|change| change.column).collect();
        assert_eq!(changed, ["last_update"; 4]);
        let new = Mechanism::new(MechId(1), vec![], vec![]).table(&main);
        assert_eq!(Mechanism::of(&main, &new).unwrap().table(&main), new, "nobody has set weights there yet");
    }

    #[test]
    fn one_that_differs_in_more_is_not_kept() {
        let (main, own) = mechanisms();
        let mut other = own.clone();
        let column = other.columns.iter_mut().find(|(name, _)| &**name == "consensus").unwrap();
        column.1 = Column::Shorts(vec![2; 4]).into();
        assert!(Mechanism::of(&main, &other).is_none());
        let mut other = own;
        Arc::make_mut(&mut other.figures).clear();
        assert!(Mechanism::of(&main, &other).is_none());
    }
}
