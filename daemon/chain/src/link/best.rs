//! Blocks that are not final yet: what the node thinks best now.
//!
//! They may be replaced by others, so nothing is decided by them that could not be taken back: they
//! make a plan's balance fresher and tell that an extrinsic is on its way. What became of it is
//! told by finalized blocks alone (`track.rs`).

use std::sync::Arc;

use btd_api::BlockHash;
use tokio::sync::watch;

use super::{Link, Shared};
use crate::{
    block::BlockRef,
    error::ReadError,
    extrinsic::ExtrinsicHash,
    rpc::{self, Ask, Connection, HexBytes},
    view::View,
};

/// How far back from the best block is looked at most: finality lags by a few blocks.
const DEEPEST: u32 = 32;

/// What the node thinks the best block; another one may take its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BestHead {
    /// The block.
    pub block: BlockRef,
    /// Its parent's hash.
    pub parent: BlockHash,
}

/// Tells the best blocks of `connection` as they come, once it is known to be one of the wanted chain,
/// and for as long as it tells them. A node that does not is no reason to leave it: what counts are
/// finalized blocks.
pub(super) async fn watch(shared: &Shared, connection: &Arc<Connection>) -> std::convert::Infallible {
    let mut connections = shared.connection.subscribe();
    let is_followed =
        |known: &Option<Arc<Connection>>| known.as_ref().is_some_and(|known| Arc::ptr_eq(known, connection));
    // The sender is in what was lent to us, so this ends only when it is followed.
    let _ = connections.wait_for(is_followed).await;
    match connection.best_heads().await {
        Ok(mut heads) => {
            while let Some(Ok(header)) = heads.next().await {
                connection.hear();
                let block = BlockRef { number: header.number, hash: header.hash() };
                shared.best.send_replace(Some(BestHead { block, parent: header.parent_hash }));
            }
            tracing::debug!(endpoint = connection.endpoint(), "no more best blocks are told");
        }
        Err(cause) => tracing::info!(endpoint = connection.endpoint(), %cause, "best blocks are not told"),
    }
    std::future::pending().await
}

// === impl Link ===

impl Link {
    /// The best block, as the endpoint in use tells it; none while there is none, or it does not tell.
    /// Who is slow sees the newest alone.
    pub fn best(&self) -> watch::Receiver<Option<BestHead>> {
        self.shared.best.subscribe()
    }

    /// Reads pinned at the best block, which may be replaced.
    pub async fn best_view(&self) -> Result<View, ReadError> {
        let hash = self.ask(rpc::best_hash()).await?;
        let hash = hash.ok_or_else(|| ReadError::UnknownBlock { block: "the best block".to_owned() })?;
        self.view_at(hash).await
    }

    /// The block above the finalized ones that holds extrinsic `hash`, as the best chain is now.
    pub async fn in_best_chain(&self, hash: ExtrinsicHash) -> Result<Option<BlockRef>, ReadError> {
        let Some(mut at) = self.ask(rpc::best_hash()).await? else { return Ok(None) };
        for _ in 0..DEEPEST {
            let Some(signed) = self.ask(rpc::block(at)).await? else { return Ok(None) };
            let header = signed.block.header;
            if self.finalized().is_some_and(|finalized| header.number <= finalized.number) {
                return Ok(None);
            }
            if signed.block.extrinsics.iter().any(|HexBytes(bytes)| ExtrinsicHash::of(bytes) == hash) {
                return Ok(Some(BlockRef { number: header.number, hash: at }));
            }
            at = header.parent_hash;
        }
        Ok(None)
    }
}
