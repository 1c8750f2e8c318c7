//! Reads one subnet: as much of it as is due, put into what is kept of it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use btd_api::{MechId, NetUid};
use btd_chain::{Hyperparameters, Part, ReadError, View};
use tokio::{join, time::timeout};

use super::{mechanism::Mechanism, refresher::is_about_the_link, snapshot::Snapshot, table::Table, touched::Extent};
use crate::stamp::Stamp;

/// So long hyperparameters are waited for, without which a metagraph is whole all the same.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a subnet was read.
pub(super) enum Read {
    /// As a whole.
    Whole(Snapshot),
    /// Some columns, put into what was kept.
    Parts(Snapshot),
}

/// What is to be read: a subnet, and how many mechanisms it has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) netuid: NetUid,
    pub(super) mechanisms: u8,
}

// === impl Wanted ===

impl Wanted {
    /// Reads as much of it as `extent` says: all of it where nothing is kept to put parts into, or where
    /// the runtime cannot tell parts, or not one that is kept. None when there is no such subnet.
    pub(super) async fn read(
        self,
        view: &View,
        extent: Extent,
        kept: Option<&Snapshot>,
        at: Stamp,
    ) -> Result<Option<Read>, ReadError> {
        if let (Extent::Parts(parts), Some(kept)) = (extent, kept) {
            match self.parts(view, &parts, kept, at).await {
                Ok(Found::Nothing) => return Ok(None),
                Ok(Found::Parts(snapshot)) => return Ok(Some(Read::Parts(*snapshot))),
                Ok(Found::OfAnotherSize) | Err(ReadError::Absent(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let (raw, hyperparameters) = join!(view.metagraph(self.netuid), self.hyperparameters(view));
        let Some(raw) = raw? else { return Ok(None) };
        let snapshot = Snapshot::read(&raw, at);
        let mechanisms = match snapshot.table() {
            Some(main) => self.others(view, main).await?,
            None => None,
        };
        let table = snapshot.table().cloned();
        Ok(Some(Read::Whole(snapshot.beside(table, mechanisms).with_hyperparameters(hyperparameters))))
    }

    /// The subnet's hyperparameters; none where they are not told in a while. The chain is asked for them as a rule, and
    /// they are kept for when it is away.
    async fn hyperparameters(self, view: &View) -> Option<Arc<Hyperparameters>> {
        let told = timeout(PATIENCE, view.hyperparameters(self.netuid)).await;
        told.ok()?.ok()?.map(Arc::new)
    }

    async fn parts(self, view: &View, parts: &BTreeSet<Part>, kept: &Snapshot, at: Stamp) -> Result<Found, ReadError> {
        let settings = async {
            // What is not read anew is what it was.
            if parts.contains(&Part::Settings) { Some(self.hyperparameters(view).await) } else { None }
        };
        let (columns, settings) = join!(view.metagraph_parts(self.netuid, parts), settings);
        let Some(columns) = columns? else { return Ok(Found::Nothing) };
        if kept.misses(&columns, parts) {
            tracing::debug!(netuid = %self.netuid, "the runtime did not tell every part: reading the whole subnet");
            return Ok(Found::OfAnotherSize);
        }
        let has_others = kept.mechanisms().is_some_and(|mechanisms| mechanisms > 1);
        let updates = if has_others && parts.contains(&Part::Mechanisms) {
            Some(view.mechanism_updates(self.netuid, self.mechanisms).await?)
        } else {
            None
        };
        let Some(snapshot) = kept.with(columns, updates, at) else { return Ok(Found::OfAnotherSize) };
        let snapshot = match settings {
            Some(hyperparameters) => snapshot.with_hyperparameters(hyperparameters),
            None => snapshot,
        };
        Ok(Found::Parts(Box::new(snapshot)))
    }

    /// What is their own in the mechanisms beside the `main` one; none where that cannot be told.
    async fn others(self, view: &View, main: &Table) -> Result<Option<Vec<Mechanism>>, ReadError> {
        let mut others = Vec::new();
        for mechid in (1..self.mechanisms).map(MechId) {
            let own = match view.mechagraph(self.netuid, mechid).await {
                Ok(own) => own,
                Err(error) if is_about_the_link(&error) => return Err(error),
                Err(_) => None,
            };
            let own = own.and_then(|raw| Mechanism::of(main, &Table::of(&raw, main.at)));
            let Some(own) = own else { return Ok(None) };
            others.push(own);
        }
        Ok(Some(others))
    }
}

/// What reading parts gave.
enum Found {
    /// There is no such subnet.
    Nothing,
    /// It has another number of neurons or mechanisms than what is kept, or not all was told that is kept.
    OfAnotherSize,
    /// What was kept, with the parts in it.
    Parts(Box<Snapshot>),
}
