//! Blocks that are not final yet: what the node thinks best now.
//!
//! They may be replaced by others, so nothing is decided by them that could not be taken back: they
//! make a plan's balance fresher, and tell how an extrinsic fares on its way. What became of it in the end is
//! told by finalized blocks alone (`track.rs`).

use std::{sync::Arc, time::Duration};

use btd_api::{BlockHash, BlockNumber};
use tokio::sync::watch;

use super::{
    Head, Link, Shared,
    follower::jitter,
    track::{self, Tracked},
};
use crate::{
    block::BlockRef,
    clock,
    error::ReadError,
    extrinsic::ExtrinsicHash,
    fetch,
    rpc::{self, Ask, Body, Connection, HexBytes},
    view::View,
};

/// How far back from the best block is looked at most: finality lags by a few blocks.
const DEEPEST: u32 = 32;
/// Before a node that stopped telling best blocks is asked for them again, at first.
const PAUSE: Duration = Duration::from_millis(250);
/// How long the best block may be older than the finalized one: both are on their way at once.
const MOMENT: Duration = Duration::from_secs(2);

/// What the node thinks the best block; another one may take its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BestHead {
    /// The block.
    pub block: BlockRef,
    /// Its parent's hash.
    pub parent: BlockHash,
}

/// Tells the best blocks of `connection` as they come, once it is known to be one of the wanted chain.
/// A node that does not tell them, or stops, is no reason to leave it: what counts are finalized
/// blocks. Until it tells them again none is known, and it is asked again less and less often.
pub(super) async fn watch(shared: &Shared, connection: &Arc<Connection>) -> std::convert::Infallible {
    let mut connections = shared.connection.subscribe();
    let is_followed =
        |known: &Option<Arc<Connection>>| known.as_ref().is_some_and(|known| Arc::ptr_eq(known, connection));
    // The sender is in what was lent to us, so this ends only when it is followed.
    let _ = connections.wait_for(is_followed).await;
    let longest = shared.config.retry_max();
    let (shortest, moment) = (PAUSE.min(longest), MOMENT.min(longest));
    let mut pause = shortest;
    loop {
        match connection.best_heads().await {
            Ok(mut heads) => {
                loop {
                    let told = tokio::select! {
                        told = heads.next() => told,
                        () = is_passed(shared, moment) => None,
                    };
                    let header = match told {
                        Some(Ok(header)) => header,
                        Some(Err(cause)) => {
                            tracing::info!(endpoint = connection.endpoint(), %cause, "a best block is illegible");
                            break;
                        }
                        None => break,
                    };
                    connection.hear();
                    pause = shortest;
                    let block = BlockRef { number: header.number, hash: header.hash() };
                    shared.best.send_replace(Some(BestHead { block, parent: header.parent_hash }));
                }
                tracing::debug!(endpoint = connection.endpoint(), "no more best blocks are told");
            }
            Err(cause) => tracing::info!(endpoint = connection.endpoint(), %cause, "best blocks are not told"),
        }
        shared.best.send_replace(None);
        clock::sleep(jitter(pause)).await;
        pause = pause.saturating_mul(2).min(longest);
    }
}

/// Resolves when a block was followed and no best block as new as that is told for a `moment` after. The
/// transport does not say that a node ended a subscription (subxt-rpcs waits for the connection's end),
/// and a node may forget one; but what is final was the best first.
async fn is_passed(shared: &Shared, moment: Duration) {
    let mut heads = shared.head.subscribe();
    let number = |head: &Option<Head>| head.as_ref().map(|head| head.block.number);
    let is_behind = |followed| shared.best.borrow().is_none_or(|best| best.block.number < followed);
    loop {
        let followed = match heads.wait_for(|head| number(head).is_some_and(is_behind)).await {
            Ok(head) => number(&head),
            Err(_) => None,
        };
        // The sender is in what was lent to us, so there is one.
        let Some(followed) = followed else { return std::future::pending().await };
        clock::sleep(moment).await;
        if is_behind(followed) {
            return;
        }
    }
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
        self.view_at_any(hash).await
    }

    /// The hash of block `number` in the best chain as it is now; none where it has no such block.
    pub async fn best_hash_of(&self, number: BlockNumber) -> Result<Option<BlockHash>, ReadError> {
        fetch::hash_of(self, number).await
    }

    /// How extrinsic `hash` fares in the block above the finalized ones that holds it, as the best chain is now: another
    /// block may take that one's place, and it may fare otherwise there. None while no such block holds it.
    pub async fn in_best_chain(&self, hash: ExtrinsicHash) -> Result<Option<Tracked>, ReadError> {
        let Some(mut at) = self.ask(rpc::best_hash()).await? else { return Ok(None) };
        for _ in 0..DEEPEST {
            let Some(Body { header, extrinsics }) = fetch::body(self, at).await? else { return Ok(None) };
            if self.finalized().is_some_and(|finalized| header.number <= finalized.number) {
                return Ok(None);
            }
            if extrinsics.iter().any(|HexBytes(bytes)| ExtrinsicHash::of(bytes) == hash) {
                let told = self.as_told(at).await?;
                return Ok(told.and_then(|block| track::found(&block, hash)));
            }
            at = header.parent_hash;
        }
        Ok(None)
    }
}
