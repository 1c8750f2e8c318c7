//! A whole metagraph of the newest block, of what is kept as far as it goes.
//!
//! Columns and figures are kept; of stake that waits for claims to be gathered, the stake alone is read, and weights and
//! bonds are where those are not kept (`rows.rs`).

use std::{collections::BTreeSet, sync::Arc};

use btd_api::{MechId, NetUid, metagraph::MatrixName};
use btd_chain::{Link, Part, ReadError};
use tokio::try_join;

use super::{Metagraph, Metagraphs, Rows, Table, figure};
use crate::stamp::Stamp;

/// All columns and figures of a mechanism at the block of the list of subnets.
struct Newest {
    at: Stamp,
    table: Arc<Table>,
    /// Whether its stake is of an earlier block.
    is_claimed: bool,
}

// === impl Metagraphs ===

impl Metagraphs {
    /// Everything that is kept of a mechanism, where every column and figure that was ever told is that of the block of
    /// the list, but for stake.
    fn newest_table(&self, netuid: NetUid, mechid: MechId) -> Option<Newest> {
        let at = self.list.as_ref()?.at;
        // In doubt, all are behind.
        if self.is_behind(netuid) || self.broken.contains_key(&netuid) {
            return None;
        }
        let kept = self.mechanism(netuid, mechid)?.table()?;
        let table = self.table_at(at, netuid, kept)?;
        let is_claimed = self.claimed.contains_key(&netuid);
        figure::tells_all(&table.figures, &kept.figures).then_some(Newest { at, table, is_claimed })
    }
}

// === impl Metagraph ===

impl Metagraph {
    /// A whole metagraph at the newest block of which all is kept; none where something of it is not kept, or that block
    /// is not to be had any more.
    ///
    /// # Errors
    /// When what is not kept cannot be read.
    pub async fn newest(
        &self,
        known: &Metagraphs,
        link: &Link,
        netuid: NetUid,
        mechid: MechId,
    ) -> Result<Option<(Stamp, Arc<Table>)>, ReadError> {
        let Some(Newest { at, table, is_claimed }) = known.newest_table(netuid, mechid) else { return Ok(None) };
        if known.rows_at(netuid, mechid).is_none_or(|(rows_at, _)| rows_at != at) {
            return Ok(None);
        }
        let asked = BTreeSet::from([Part::Stake]);
        let stake = async {
            if !is_claimed {
                return Ok(None);
            }
            let view = link.view_at(at.block.hash).await?;
            match view.metagraph_parts(netuid, &asked).await {
                // A runtime that tells no parts has all of it read.
                Err(ReadError::Absent(_)) => Ok(None),
                stake => stake,
            }
        };
        let rows = |matrix| self.newest_rows(known, link, ((netuid, mechid), matrix));
        let (stake, weights, bonds) = try_join!(stake, rows(MatrixName::Weights), rows(MatrixName::Bonds))?;
        let Some((weights, bonds)) = weights.zip(bonds) else { return Ok(None) };
        let table = match stake {
            Some(stake) if stake.num_uids == Some(table.neurons) && !table.misses(&stake, &asked) => {
                table.with(&stake, at)
            }
            None if !is_claimed => Arc::unwrap_or_clone(table),
            _ => return Ok(None),
        };
        let rows = Rows { weights: Arc::unwrap_or_clone(weights), bonds: Arc::unwrap_or_clone(bonds) };
        Ok(Some((at, Arc::new(Table { at, rows: Some(rows), ..table }))))
    }
}
