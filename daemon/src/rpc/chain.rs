//! The noun `chain`: how the link stands, and finalized blocks as they come.

use std::{sync::Arc, time::Instant};

use btd_api::{
    BlockNumber, ErrorKind,
    chain::{ChainStatus, Finalized, FinalizedBlock, Status, SubscribeFinalized, SubscribeParams},
    rpc::Nothing,
};
use btd_chain::{BlockStream, Link};
use futures_util::{Stream, stream};

use super::{Caller, Failure, Table, link, receipt};
use crate::daemon::Parts;

/// How many of the newest blocks a subscriber may begin at, and how far it may fall behind.
const KEPT: u32 = 256;

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table.noun(parts).method::<Status>(status).subscription::<SubscribeFinalized>(subscribe).done();
}

async fn status(parts: Arc<Parts>, _: Nothing, _: Caller) -> Result<ChainStatus, Failure> {
    Ok(link::status(&parts.network, &parts.link, Instant::now()))
}

async fn subscribe(
    parts: Arc<Parts>,
    params: SubscribeParams,
    _: Caller,
) -> Result<impl Stream<Item = Finalized> + use<>, Failure> {
    let blocks = match params.from_block {
        None => parts.link.blocks(),
        Some(first) => {
            if behind(&parts.link, first) > KEPT {
                let message =
                    format!("block {first} is not among the newest {KEPT} blocks, which a subscriber may begin at");
                return Err(Failure::new(ErrorKind::NotFound, message));
            }
            parts.link.blocks_from(first)
        }
    };
    let link = parts.link.clone();
    Ok(stream::unfold(Some(blocks), move |blocks| {
        let link = link.clone();
        async move {
            let mut blocks = blocks?;
            match next(&link, &mut blocks).await {
                item @ Finalized::Block(_) => Some((item, Some(blocks))),
                // The last item: the subscriber begins again from what it names.
                item @ Finalized::Lagged { .. } => Some((item, None)),
            }
        }
    }))
}

/// The next block in order. Whoever reads too slowly, or asks for a block that cannot be read, is
/// told where it was.
async fn next(link: &Link, blocks: &mut BlockStream) -> Finalized {
    if let Some(next) = blocks.cursor().filter(|next| behind(link, *next) > KEPT) {
        return Finalized::Lagged { next };
    }
    match blocks.next().await {
        Ok(block) => Finalized::Block(convert(&block)),
        Err(error) => {
            tracing::warn!(%error, "could not read a block for a subscriber");
            Finalized::Lagged { next: blocks.cursor().unwrap_or_default() }
        }
    }
}

/// How many blocks `number` is behind the newest.
fn behind(link: &Link, number: BlockNumber) -> u32 {
    link.finalized().map_or(0, |newest| newest.number.0.saturating_sub(number.0))
}

fn convert(block: &btd_chain::FinalizedBlock) -> FinalizedBlock {
    FinalizedBlock {
        block: receipt::block(block.block),
        parent: block.parent,
        timestamp_ms: block.timestamp_ms,
        extrinsics: u32::try_from(block.extrinsics.len()).unwrap_or(u32::MAX),
        events: block.events.iter().cloned().map(receipt::event).collect(),
    }
}
