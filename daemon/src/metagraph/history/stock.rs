//! Taking stock of a history as it is opened, and beginning its store anew.
//!
//! A store in which something is found to be damaged or missing as it is opened, or that fails, is set aside: what of it
//! can still be read and is whole is carried into a new one.

use std::{collections::BTreeSet, path::PathBuf};

use btd_api::BlockNumber;

use super::{
    History, HistoryError, index,
    look::Look,
    losses::{Held, removing},
    record::Rebuilt,
    roll::{Found, Place},
};

/// A store that has failed so often is begun anew no more: it is the disk that fails.
const MOST_RENEWALS: u32 = 3;

// === impl Held ===

impl Held {
    /// With what the keys begin of the groups that are known; where the store could not be looked through, of those that
    /// may begin with a record that the roll names.
    pub(super) fn prefixes(&self) -> Vec<Vec<u8>> {
        let known = self.index.prefixes();
        if !known.is_empty() {
            return known;
        }
        let named = self.roll.entries().kept.keys();
        named.flat_map(|(subject, block)| index::group_prefixes(*subject, *block)).collect()
    }

    /// Strikes off what was lost, some of it just now, and would have gone with the oldest by now. A roll that could not
    /// be written names such records as kept.
    async fn strike_without_room(&mut self, lost: &mut BTreeSet<Place>, limit: u64) {
        let group = self.index.largest_group();
        let has_room = |(subject, block): &Place| self.index.has_room(subject.genesis, *block, group, limit);
        let all = self.roll.entries().lost.keys().chain(lost.iter());
        let gone: BTreeSet<Place> = all.filter(|&place| !has_room(place)).copied().collect();
        lost.retain(|place| !gone.contains(place));
        self.roll.strike(gone).await;
    }
}

// === impl History ===

impl History {
    /// Looks through the store, and notes what the roll names and the store has not.
    pub(super) async fn take_stock(&self, found: Found) -> Result<(), HistoryError> {
        if let Found::Legible { but: illegible @ 1.. } = found {
            tracing::warn!(
                illegible,
                "the roll of the history was damaged: what the store may have lost beside it is not missed"
            );
        }
        let mut held = self.state.lock().await;
        let look = match self.store.look().await {
            Err(error) if error.is_damage() => None,
            look => Some(look?),
        };
        let failed = look.is_none();
        let Look { index, damaged, useless, .. } = look.unwrap_or_default();
        held.index = index;
        let whole: BTreeSet<Place> = held.index.records().collect();
        let named = held.roll.entries().kept.keys().copied();
        let mut lost: BTreeSet<Place> = named.chain(damaged.iter().copied()).collect();
        lost.retain(|place| !whole.contains(place));
        held.strike_without_room(&mut lost, self.limit).await;
        let is_empty = whole.is_empty() && damaged.is_empty() && !failed;
        if lost.is_empty() && !failed || is_empty {
            self.store.write(removing(&useless)).await?;
        } else {
            let (aside, left) = self.renew(&mut held).await?;
            lost.extend(left);
            let carried: BTreeSet<Place> = held.index.records().collect();
            lost.retain(|place| !carried.contains(place));
            let vanished: BTreeSet<Place> = lost.difference(&damaged).copied().collect();
            let behind = held.index.drop_behind(&vanished);
            self.store.write(removing(&behind.keys)).await?;
            lost.extend(behind.records);
            let (aside, records) = (aside.display(), held.index.records().count());
            tracing::warn!(%aside, records, "the history of metagraphs was damaged: what of it could be read and is whole goes on");
        }
        self.take_up(&mut held).await;
        self.note_lost(&mut held, lost).await;
        held.roll.rewrite().await;
        Ok(())
    }

    /// Enters the records that the roll lacks. Whether weights and bonds are part of them they tell themselves.
    async fn take_up(&self, held: &mut Held) {
        let named = &held.roll.entries().kept;
        let unnamed: Vec<Place> = held.index.records().filter(|place| !named.contains_key(place)).collect();
        let group_of = |(subject, block): &Place| Some((*subject, held.index.group_of(*subject, *block)?.start));
        let groups: BTreeSet<Place> = unnamed.iter().filter_map(group_of).collect();
        let mut with_rows: BTreeSet<Place> = BTreeSet::new();
        for (subject, start) in groups {
            // What is illegible is found to be when somebody asks for it.
            let Ok(Rebuilt { tables, .. }) = self.rebuilt(subject, start, BlockNumber(u32::MAX)).await else {
                continue;
            };
            let having = tables.iter().filter(|table| table.rows.is_some());
            with_rows.extend(having.map(|table| (subject, table.at.block.number)));
        }
        held.roll.keep(unnamed.into_iter().map(|place| (place, with_rows.contains(&place)))).await;
    }

    /// Sets the store aside and begins it anew with what of it can be read. Where the old one is, and what was left.
    pub(super) async fn renew(&self, held: &mut Held) -> Result<(PathBuf, BTreeSet<Place>), HistoryError> {
        let mut left: BTreeSet<Place> = held.index.records().collect();
        let aside = self.store.renew(held.prefixes()).await?;
        let Look { index, useless, .. } = self.store.look().await?;
        self.store.write(removing(&useless)).await?;
        held.index.replaced_by(index);
        for place in held.index.records() {
            left.remove(&place);
        }
        Ok((aside, left))
    }

    /// Begins the store anew if it has failed since it was opened.
    ///
    /// # Errors
    /// When that fails too: nothing more can be kept then.
    pub(in crate::metagraph) async fn heal(&self) -> Result<(), HistoryError> {
        let mut held = self.state.lock().await;
        let Some(reason) = self.store.failure() else { return Ok(()) };
        if self.store.renewals() >= MOST_RENEWALS {
            return Err(HistoryError::Failing { times: MOST_RENEWALS });
        }
        let (aside, left) = self.renew(&mut held).await?;
        let aside = aside.display();
        tracing::warn!(reason, %aside, "the history of metagraphs failed, and is begun anew: what of it is whole goes on");
        self.note_lost(&mut held, left).await;
        Ok(())
    }
}
