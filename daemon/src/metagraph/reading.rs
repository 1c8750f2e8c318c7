//! Reads one subnet: as much of it as is due, put into what is kept of it.

use std::collections::BTreeSet;

use btd_api::{MechId, NetUid};
use btd_chain::{Part, ReadError, View};

use super::{mechanism::Mechanism, refresher::is_about_the_link, snapshot::Snapshot, table::Table, touched::Extent};
use crate::stamp::Stamp;

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
    /// the runtime cannot tell parts. None when there is no such subnet.
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
        let Some(raw) = view.metagraph(self.netuid).await? else { return Ok(None) };
        let snapshot = Snapshot::read(&raw, at);
        let mechanisms = match snapshot.table() {
            Some(main) => self.others(view, main).await?,
            None => None,
        };
        let table = snapshot.table().cloned();
        Ok(Some(Read::Whole(snapshot.beside(table, mechanisms))))
    }

    async fn parts(self, view: &View, parts: &BTreeSet<Part>, kept: &Snapshot, at: Stamp) -> Result<Found, ReadError> {
        let Some(columns) = view.metagraph_parts(self.netuid, parts).await? else { return Ok(Found::Nothing) };
        let has_others = kept.mechanisms().is_some_and(|mechanisms| mechanisms > 1);
        let updates = if has_others && parts.contains(&Part::Mechanisms) {
            Some(view.mechanism_updates(self.netuid, self.mechanisms).await?)
        } else {
            None
        };
        Ok(kept.with(columns, updates, at).map_or(Found::OfAnotherSize, |snapshot| Found::Parts(Box::new(snapshot))))
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
    /// It has another number of neurons or mechanisms than what is kept.
    OfAnotherSize,
    /// What was kept, with the parts in it.
    Parts(Box<Snapshot>),
}
