//! Compares what is kept with what the chain has, before an epoch changes a whole metagraph.

use std::collections::BTreeSet;

use btd_api::{MechId, NetUid, Uid};
use btd_chain::{ReadError, View};

use super::{
    super::{
        Metagraphs, Upkeep, figure,
        snapshot::{STAKE_COLUMNS, Snapshot},
    },
    Refresher,
    failing::{is_about_the_block, is_about_the_link},
};
use crate::stamp::Stamp;

/// Why a metagraph was not compared.
enum Unchecked {
    /// It cannot be read, at that block or at all.
    Illegible,
    /// It was not answered: no more is asked for a mere comparison.
    Unanswered,
}

impl From<ReadError> for Unchecked {
    fn from(error: ReadError) -> Self {
        if is_about_the_link(&error) && !is_about_the_block(&error) { Self::Unanswered } else { Self::Illegible }
    }
}

// === impl Refresher ===

impl Refresher {
    /// Compares what is kept of `netuids` with what the chain has at the block up to which it is kept. What cannot be
    /// compared is left: what is read next is right whatever was kept.
    pub(super) async fn check(&self, before: &Metagraphs, netuids: &BTreeSet<NetUid>, upkeep: &mut Upkeep) {
        let Some(through) = before.through.filter(|_| !netuids.is_empty()) else { return };
        let Ok(view) = self.link.view_at(through.hash).await else { return };
        // Of what could not be read an older block's is kept.
        for netuid in netuids.iter().filter(|netuid| !before.broken.contains_key(netuid)) {
            let differences = match self.differences(&view, before, *netuid).await {
                Ok(Some(differences)) => differences,
                Ok(None) | Err(Unchecked::Illegible) => continue,
                Err(Unchecked::Unanswered) => return,
            };
            upkeep.checks = upkeep.checks.saturating_add(1);
            if let Some((uid, column)) = differences.first() {
                upkeep.differences = upkeep.differences.saturating_add(1);
                let (values, block) = (differences.len(), through.number.0);
                tracing::warn!(
                    %netuid, block, values, first_uid = %uid, first_column = column,
                    "a kept metagraph differed from the chain's: it is read anew"
                );
            }
        }
    }

    /// The values of a subnet that the chain has otherwise than they are kept; none where there is nothing to compare.
    async fn differences(
        &self,
        view: &View,
        before: &Metagraphs,
        netuid: NetUid,
    ) -> Result<Option<Vec<(Uid, &'static str)>>, Unchecked> {
        let at = Stamp::of(view.block(), &self.link);
        let (raw, kept) = (view.metagraph(netuid).await?, before.subnets.get(&netuid));
        let Some((raw, kept)) = raw.zip(kept) else { return Ok(None) };
        let fresh = Snapshot::read(&raw, at);
        let mut differences = kept.differences(&fresh);
        for mechid in (1..kept.mechanisms().unwrap_or(1)).map(MechId) {
            let own = match view.mechagraph(netuid, mechid).await.map_err(Unchecked::from) {
                Err(Unchecked::Unanswered) => return Err(Unchecked::Unanswered),
                found => found.ok().flatten(),
            };
            if let (Some(own), Some(kept)) = (own, kept.of_mechanism(mechid)) {
                differences.extend(kept.differences(&Snapshot::read(&own, at)));
            }
        }
        if self.backlog.has_claims(netuid) {
            differences.retain(|(_, column)| !STAKE_COLUMNS.contains(column));
        }
        // The subnet's own stand with the first neuron's.
        let tables = kept.table().zip(fresh.table());
        let setting = tables.and_then(|(kept, fresh)| figure::differing_setting(&kept.figures, &fresh.figures));
        differences.extend(setting.map(|setting| (Uid(0), setting)));
        Ok(Some(differences))
    }
}
