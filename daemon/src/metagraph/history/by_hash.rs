//! Finding records by the hashes of their blocks.

use btd_api::{BlockHash, BlockNumber, MechId, NetUid};
use btd_chain::BlockRef;

use super::{
    History, HistoryError,
    index::{self, Subject},
};
use crate::{cache::Batch, metagraph::table::Table};

// === impl History ===

impl History {
    /// The metagraph that was kept of the block with that hash. Of records whose hashes are not noted,
    /// because an earlier version of btd made them, they are read and noted, from the newest on.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn with_hash(
        &self,
        genesis: BlockHash,
        (netuid, mechid): (NetUid, MechId),
        hash: BlockHash,
    ) -> Result<Option<Table>, HistoryError> {
        let subject = Subject { genesis, netuid, mechid };
        let is_it = |table: &Table| table.at.block.hash == hash;
        let known = self.state.lock().await.index.with_hash(subject, hash);
        if let Some(block) = known
            && let Some(table) = self.of(genesis, (netuid, mechid), block).await?.filter(is_it)
        {
            return Ok(Some(table));
        }
        let unread = self.state.lock().await.index.without_hashes(subject);
        for start in unread {
            let tables = self.legible(subject, start, BlockNumber(u32::MAX)).await?;
            self.note_hashes(subject, start, tables.iter().map(|table| table.at.block)).await?;
            if let Some(table) = tables.into_iter().find(is_it) {
                return Ok(Some(table));
            }
        }
        Ok(None)
    }

    /// Notes which blocks the records of a group are of.
    async fn note_hashes(
        &self,
        subject: Subject,
        start: BlockNumber,
        blocks: impl Iterator<Item = BlockRef>,
    ) -> Result<(), HistoryError> {
        let index = &mut self.state.lock().await.index;
        let mut batch = Batch::default();
        for key in blocks.map(|block| index::hash_key(subject, start, block)) {
            // It may have gone meanwhile.
            if index.add_hash(&key) == Some(true) {
                batch.put(&key, Vec::new());
            }
        }
        Ok(self.store.write(batch).await?)
    }

    /// The hash of a block of which something is kept, as it was then.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn recorded_hash(
        &self,
        genesis: BlockHash,
        block: BlockNumber,
    ) -> Result<Option<BlockHash>, HistoryError> {
        let (noted, subject) = {
            let index = &self.state.lock().await.index;
            (index.hash_of(genesis, block), index.subject_of(genesis, block))
        };
        if noted.is_some() {
            return Ok(noted);
        }
        let Some(subject) = subject else { return Ok(None) };
        Ok(self.of(genesis, subject, block).await?.map(|table| table.at.block.hash))
    }
}
