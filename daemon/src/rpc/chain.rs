//! The noun `chain`: how the link stands, finalized blocks as they come, and raw reads (`raw`).

pub(super) mod raw;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use btd_api::{
    chain::{
        self, Block, ChainStatus, Constant, Events, Finalized, FinalizedBlock, Metadata, RuntimeApi, Status, Storage,
        SubscribeFinalized, SubscribeParams,
    },
    rpc::Nothing,
};
use btd_chain::{BlockStream, Link, LinkState, Priority};
use futures_util::{Stream, stream};
use tokio::time::timeout;

use super::{Caller, Failure, Table, link, receipt};
use crate::daemon::Parts;

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table
        .noun(parts)
        .method::<Status>(status)
        .method::<Block>(raw::block)
        .method::<Events>(raw::events)
        .method::<Storage>(raw::storage)
        .method::<Constant>(raw::constant)
        .method::<RuntimeApi>(raw::runtime_api)
        .method::<Metadata>(raw::metadata)
        .subscription::<SubscribeFinalized>(subscribe)
        .done();
}

async fn status(parts: Arc<Parts>, _: Nothing, _: Caller) -> Result<ChainStatus, Failure> {
    Ok(link::status(&parts.network, &parts.link, Instant::now()))
}

async fn subscribe(
    parts: Arc<Parts>,
    params: SubscribeParams,
    _: Caller,
) -> Result<impl Stream<Item = Finalized> + use<>, Failure> {
    // Blocks of the past are fetched for this subscriber alone: whoever waits for an answer goes first.
    let link = parts.link.with_priority(Priority::Bulk);
    let blocks = params.from_block.map_or_else(|| link.blocks(), |first| link.blocks_from(first));
    Ok(stream::unfold(Some((blocks, Told::Nothing)), move |state| {
        let link = link.clone();
        async move {
            let (mut blocks, told) = state?;
            let item = tokio::select! {
                item = next(&mut blocks) => item,
                (link, trouble) = outage(&link), if told == Told::Nothing => Finalized::Waiting { link, trouble },
            };
            match item {
                item @ Finalized::Block(_) => Some((item, Some((blocks, Told::Nothing)))),
                item @ Finalized::Waiting { .. } => Some((item, Some((blocks, Told::Outage)))),
                // The last item: the subscriber begins again from what it names.
                item @ Finalized::Lagged { .. } => Some((item, None)),
            }
        }
    }))
}

/// What a subscriber who waits for a block has been told about its absence.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    Outage,
}

/// How the link stands, and why, once it has been away for long enough to be worth a word.
pub(super) async fn outage(link: &Link) -> (chain::Link, String) {
    /// A failover to another endpoint is over before.
    const MOMENT: Duration = Duration::from_secs(2);
    let mut states = link.state();
    loop {
        // The link that we hold keeps the sender alive.
        let _ = states.wait_for(|state| !state.is_live()).await;
        if timeout(MOMENT, states.wait_for(LinkState::is_live)).await.is_err() {
            let state = states.borrow();
            let trouble = state.cause().map_or_else(|| "no endpoint has answered yet".to_owned(), ToString::to_string);
            return (super::link::standing(&state), trouble);
        }
    }
}

/// The next block in order. Who asks for one that cannot be read is told where that was.
async fn next(blocks: &mut BlockStream) -> Finalized {
    match blocks.next().await {
        Ok(block) => Finalized::Block(convert(&block)),
        Err(error) => {
            tracing::warn!(%error, "could not read a block for a subscriber");
            Finalized::Lagged { next: blocks.cursor().unwrap_or_default() }
        }
    }
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
