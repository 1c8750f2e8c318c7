//! The noun `chain`: how the link stands, finalized blocks as they come, and raw reads (`raw`).

pub(super) mod raw;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use btd_api::{
    ApiError, BlockNumber, ErrorKind,
    chain::{
        self, Best, Block, ChainStatus, Constant, EndpointLatency, Events, Finalized, FinalizedBlock, Latency,
        LatencyParams, LatencyReply, MOST_LOOKED_AT, Metadata, RuntimeApi, Status, Storage, SubscribeBest,
        SubscribeFinalized, SubscribeParams,
    },
    rpc::Nothing,
};
use btd_chain::{BestHead, BlockStream, Endpoint, Hindrance, Link, LinkState, Priority, ReadError};
use futures_util::{Stream, StreamExt, future::join_all, stream};
use tokio::{sync::watch, time::timeout};

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
        .method::<Latency>(latency)
        .method::<Metadata>(raw::metadata)
        .subscription::<SubscribeFinalized>(subscribe)
        .subscription::<SubscribeBest>(subscribe_best)
        .done();
}

async fn status(parts: Arc<Parts>, _: Nothing, _: Caller) -> Result<ChainStatus, Failure> {
    Ok(link::status(&parts.network, &parts.link, Instant::now()))
}

async fn latency(parts: Arc<Parts>, params: LatencyParams, _: Caller) -> Result<LatencyReply, Failure> {
    if !(1..=MOST_LOOKED_AT).contains(&params.endpoints.len()) {
        let words = format!("name 1 to {MOST_LOOKED_AT} endpoints: {} were named", params.endpoints.len());
        return Err(Failure(ApiError::new(ErrorKind::InvalidParams, words).with("parameter", "endpoints")));
    }
    let looks = params.endpoints.into_iter().map(|url| looked_at(&parts.link, Endpoint::from(url)));
    Ok(LatencyReply { endpoints: join_all(looks).await })
}

async fn looked_at(link: &Link, endpoint: Endpoint) -> EndpointLatency {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let (probe, cause) = match link.probe(&endpoint).await {
        Ok(probe) => (Some(probe), None),
        Err(cause) => (None, Some(cause)),
    };
    let genesis = probe.and_then(|probe| probe.genesis);
    EndpointLatency {
        endpoint: endpoint.to_string(),
        connect_ms: probe.map(|probe| millis(probe.connect)),
        answer_ms: probe.map(|probe| millis(probe.answer)),
        genesis,
        same_chain: genesis.zip(link.genesis()).map(|(theirs, ours)| theirs == ours),
        trouble: cause.as_ref().map(|cause| cause.name().to_owned()),
        reason: cause.as_ref().map(ToString::to_string),
    }
}

async fn subscribe(
    parts: Arc<Parts>,
    params: SubscribeParams,
    _: Caller,
) -> Result<impl Stream<Item = Finalized> + use<>, Failure> {
    // Blocks of the past are fetched for this subscriber alone: whoever waits for an answer goes first.
    let link = parts.link.with_priority(Priority::Bulk);
    let blocks = params.from_block.map_or_else(|| link.blocks(), |first| link.blocks_from(first));
    let ahead = params.from_block.and_then(|first| ahead(&link, first));
    let ahead = ahead.map(|(link, trouble)| Finalized::Waiting { link, trouble });
    Ok(stream::iter(ahead).chain(stream::unfold(Some((blocks, Told::Nothing)), move |state| {
        let link = link.clone();
        async move {
            let (mut blocks, told) = state?;
            let mut hindrance = blocks.hindrance();
            let item = tokio::select! {
                item = next(&mut blocks) => item,
                (link, trouble) = absence(&link, &mut hindrance), if told == Told::Nothing => {
                    Finalized::Waiting { link, trouble }
                }
            };
            match item {
                item @ (Finalized::Block(_) | Finalized::Replaced { .. }) => {
                    Some((item, Some((blocks, Told::Nothing))))
                }
                item @ Finalized::Waiting { .. } => Some((item, Some((blocks, Told::Outage)))),
                // The last item: the subscriber begins again from what it names.
                item @ Finalized::Lagged { .. } => Some((item, None)),
            }
        }
    })))
}

/// How the link stands, and in words that nothing comes yet, where the block `first` lies so far ahead of the
/// chain that it cannot be the next one.
pub(super) fn ahead(chain: &Link, first: BlockNumber) -> Option<(chain::Link, String)> {
    let newest = chain.finalized()?.number;
    (first.0 > newest.0.saturating_add(1)).then(|| {
        let words = format!(
            "the chain is at block {newest}, and block {first} lies ahead of it: it is told once it comes; \
             was the chain begun anew, begin without a place to go on from"
        );
        (link::standing_of(chain), words)
    })
}

async fn subscribe_best(parts: Arc<Parts>, _: Nothing, _: Caller) -> Result<impl Stream<Item = Best> + use<>, Failure> {
    let link = parts.link.clone();
    let heads = link.best();
    Ok(stream::unfold((heads, None, Told::Nothing), move |(mut heads, last, told)| {
        let link = link.clone();
        async move {
            let another = |head: &Option<BestHead>| head.is_some() && *head != last;
            let head = tokio::select! {
                // The link that is held here keeps the sender alive.
                head = heads.wait_for(another) => Ok(head.ok().and_then(|head| *head)),
                outage = outage(&link), if told == Told::Nothing => Err(outage),
            };
            let head = match head {
                Ok(head) => head,
                Err((link, trouble)) => return Some((Best::Waiting { link, trouble }, (heads, last, Told::Outage))),
            };
            let BestHead { block, parent } = head?;
            Some((Best::Block { block: receipt::block(block), parent }, (heads, head, Told::Nothing)))
        }
    }))
}

/// What a subscriber who waits for a block has been told about its absence.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    Outage,
}

/// The same of a subscriber to blocks, also where the link is well and the next block alone cannot be had.
pub(super) async fn absence(chain: &Link, hindrance: &mut watch::Receiver<Option<Hindrance>>) -> (chain::Link, String) {
    let hindered = async {
        match hindrance.wait_for(Option::is_some).await.map(|hindrance| hindrance.clone()) {
            Ok(Some(Hindrance { block, error })) => {
                format!("block {block} cannot be had, and is asked for again: {error}")
            }
            // Whoever asks for the blocks holds the sender.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        outage = outage(chain) => outage,
        trouble = hindered => (link::standing_of(chain), trouble),
    }
}

/// How the link stands, and why, once it has been away, or blocks have, for long enough to be worth a word.
pub(super) async fn outage(chain: &Link) -> (chain::Link, String) {
    /// A failover to another endpoint is over before.
    const MOMENT: Duration = Duration::from_secs(2);
    let mut states = chain.state();
    loop {
        // The link that we hold keeps the sender alive. Nothing happens when blocks stop, so that is looked for.
        let is_away = timeout(MOMENT, states.wait_for(|state| !state.is_live())).await.is_ok();
        let is_back = is_away && timeout(MOMENT, states.wait_for(LinkState::is_live)).await.is_ok();
        let freshness = link::Freshness::of(chain);
        if is_away && !is_back || freshness == link::Freshness::Stale {
            let state = states.borrow();
            let trouble = link::trouble(&state, freshness, Instant::now());
            let trouble = trouble.unwrap_or_else(|| "no endpoint has answered yet".to_owned());
            return (link::standing(&state, freshness), trouble);
        }
    }
}

/// The next block in order, or which of those before it were replaced. Who asks for one that cannot be read is told
/// where that was.
async fn next(blocks: &mut BlockStream) -> Finalized {
    match blocks.next().await {
        Ok(block) => Finalized::Block(convert(&block)),
        Err(error) => {
            let trouble = error.to_string();
            if let ReadError::TakenBack { first: next, .. } = error {
                return Finalized::Replaced { next, trouble };
            }
            tracing::warn!(%error, "could not read a block for a subscriber");
            Finalized::Lagged { next: blocks.cursor().unwrap_or_default(), trouble, oldest: oldest(&error) }
        }
    }
}

/// The oldest block that there is, where a subscription ends because the one that was asked for is kept by nobody.
pub(super) fn oldest(error: &ReadError) -> Option<BlockNumber> {
    match error {
        ReadError::NotKept { oldest, .. } => *oldest,
        _ => None,
    }
}

fn convert(block: &btd_chain::FinalizedBlock) -> FinalizedBlock {
    FinalizedBlock {
        block: receipt::block(block.block),
        parent: block.parent,
        timestamp_ms: block.timestamp_ms,
        spec_version: block.spec_version,
        extrinsics: u32::try_from(block.extrinsics.len()).unwrap_or(u32::MAX),
        events: block.events.iter().cloned().map(receipt::event).collect(),
        illegible: raw::lacking(block),
    }
}

#[cfg(test)]
mod tests {
    use btd_api::{BlockHash, BlockNumber};
    use btd_chain::{BlockRef, FinalizedBlock, Illegible};

    use super::convert;

    #[test]
    fn subscribers_are_told_that_events_may_be_lacking_and_by_no_strange_extrinsic() {
        let illegible = |illegible: &[Illegible]| {
            convert(&FinalizedBlock {
                block: BlockRef { number: BlockNumber(7), hash: BlockHash([7; 32]) },
                parent: BlockHash([6; 32]),
                timestamp_ms: None,
                spec_version: Some(425),
                extrinsics: Vec::new(),
                events: Vec::new(),
                illegible: illegible.to_vec(),
            })
            .illegible
        };
        let [strange, lost, guessed] = [
            Illegible::Extrinsic("extrinsic 3".to_owned()),
            Illegible::Events("event 2".to_owned()),
            Illegible::Runtime("which runtime".to_owned()),
        ];
        assert_eq!(illegible(std::slice::from_ref(&strange)), Vec::<String>::new());
        assert_eq!(illegible(&[strange, lost, guessed]), ["event 2", "which runtime"]);
    }
}
