//! The noun `chain`: how the link stands, finalized blocks as they come, and raw reads (`raw`).

pub(super) mod raw;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use btd_api::{
    ApiError, BlockNumber, ErrorKind,
    chain::{
        self, Best, Block, BlockCursor, ChainStatus, Constant, EndpointLatency, Events, Finalized, FinalizedBlock,
        Latency, LatencyParams, LatencyReply, MOST_LOOKED_AT, Metadata, RuntimeApi, Status, Storage, SubscribeBest,
        SubscribeFinalized, SubscribeParams,
    },
    rpc::Nothing,
};
use btd_chain::{BestHead, BlockStream, Endpoint, Hindrance, Link, LinkState, Priority, ReadError};
use futures_util::{Stream, StreamExt, future::join_all, stream};
use tokio::{sync::watch, time::timeout};

use super::{Caller, Failure, Table, link, mark::Mark, receipt};
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

/// Where a subscriber to blocks begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Start {
    first: BlockNumber,
    /// Which block comes before that one, if it is said.
    before: Option<Mark>,
}

// === impl Start ===

impl TryFrom<BlockCursor> for Start {
    type Error = Failure;

    fn try_from(cursor: BlockCursor) -> Result<Self, Failure> {
        let text = match cursor {
            BlockCursor::First(first) => return Ok(Self { first, before: None }),
            BlockCursor::Behind(text) => text,
        };
        let (block, mark) = text.split_once('-').map_or((text.as_str(), None), |(block, mark)| (block, Some(mark)));
        match (block.parse::<u32>(), mark.map(str::parse).transpose()) {
            (Ok(first), Ok(None)) => Ok(Self { first: BlockNumber(first), before: None }),
            (Ok(last), Ok(before)) => Ok(Self { first: BlockNumber(last.saturating_add(1)), before }),
            _ => {
                let words =
                    format!("`{text}` is no cursor of a block: pass on the one of a block, or a block's number");
                Err(Failure::new(ErrorKind::InvalidParams, words))
            }
        }
    }
}

/// One subscriber's way along the blocks.
struct Walk {
    link: Link,
    blocks: BlockStream,
    /// The first block, and which one comes before it, until that was looked at.
    begun: Option<(BlockNumber, Mark)>,
    told: Told,
}

async fn subscribe(
    parts: Arc<Parts>,
    params: SubscribeParams,
    _: Caller,
) -> Result<impl Stream<Item = Finalized> + use<>, Failure> {
    // Blocks of the past are fetched for this subscriber alone: whoever waits for an answer goes first.
    let link = parts.link.with_priority(Priority::Bulk);
    let start = params.from_block.map(Start::try_from).transpose()?;
    let blocks = start.map_or_else(|| link.blocks(), |start| link.blocks_from(start.first));
    let ahead = start.and_then(|start| ahead(&link, start.first));
    let ahead = ahead.map(|(link, trouble)| Finalized::Waiting { link, trouble });
    let begun = start.and_then(|start| Some((start.first, start.before?)));
    let walk = Walk { link, blocks, begun, told: Told::Nothing };
    Ok(stream::iter(ahead).chain(stream::unfold(Some(walk), |walk| async {
        let mut walk = walk?;
        let item = walk.next().await;
        // The last item: the subscriber begins again from what it names.
        let goes_on = !matches!(item, Finalized::Lagged { .. });
        Some((item, goes_on.then_some(walk)))
    })))
}

// === impl Walk ===

impl Walk {
    /// The next block in order, or which of those before it were replaced. Who asks for one that cannot be read is told
    /// where that was.
    async fn next(&mut self) -> Finalized {
        let mut hindrance = self.blocks.hindrance();
        let block = tokio::select! {
            block = self.blocks.next() => block,
            (link, trouble) = absence(&self.link, &mut hindrance), if self.told == Told::Nothing => {
                self.told = Told::Outage;
                return Finalized::Waiting { link, trouble };
            }
        };
        let error = match block {
            Ok(block) => return self.take(&block),
            Err(error) => error,
        };
        let trouble = error.to_string();
        if let ReadError::TakenBack { first: next, .. } = error {
            self.told = Told::Nothing;
            self.begun = self.begun.filter(|(first, _)| *first == next);
            return Finalized::Replaced { next, trouble };
        }
        tracing::warn!(%error, "could not read a block for a subscriber");
        Finalized::Lagged { next: self.blocks.cursor().unwrap_or_default(), trouble, oldest: oldest(&error) }
    }

    /// A block, unless it comes behind another one than that of the cursor: then that one is to come first.
    fn take(&mut self, block: &btd_chain::FinalizedBlock) -> Finalized {
        self.told = Told::Nothing;
        let number = block.block.number;
        let before = self.begun.take().filter(|(first, _)| *first == number).map(|(_, before)| before);
        match (before, number.0.checked_sub(1).map(BlockNumber)) {
            (Some(before), Some(next)) if before != Mark::of(block.parent) => {
                self.blocks = self.link.blocks_from(next);
                let trouble = format!(
                    "another block {next} is of the chain than that of the cursor: it was replaced meanwhile, perhaps with \
                     some before it, and blocks are told from it on"
                );
                Finalized::Replaced { next, trouble }
            }
            _ => Finalized::Block(convert(block)),
        }
    }
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
        cursor: format!("{}-{}", block.block.number, Mark::of(block.block.hash)),
        timestamp_ms: block.timestamp_ms,
        spec_version: block.spec_version,
        extrinsics: u32::try_from(block.extrinsics.len()).unwrap_or(u32::MAX),
        events: block.events.iter().cloned().map(receipt::event).collect(),
        illegible: raw::lacking(block),
    }
}

#[cfg(test)]
mod tests {
    use btd_api::BlockHash;
    use btd_chain::{BlockRef, FinalizedBlock, Illegible, LinkConfig};

    use super::*;

    /// A block 7, and what of it is illegible.
    fn seventh(illegible: &[Illegible]) -> FinalizedBlock {
        FinalizedBlock {
            block: BlockRef { number: BlockNumber(7), hash: BlockHash([7; 32]) },
            parent: BlockHash([6; 32]),
            timestamp_ms: None,
            spec_version: Some(425),
            extrinsics: Vec::new(),
            events: Vec::new(),
            illegible: illegible.to_vec(),
        }
    }

    fn start(text: &str) -> Option<Start> {
        Start::try_from(BlockCursor::Behind(text.to_owned())).ok()
    }

    #[test]
    fn blocks_begin_with_one_by_its_number_or_behind_one_by_its_cursor() {
        let at = |first, before| Some(Start { first: BlockNumber(first), before });
        assert_eq!(Start::try_from(BlockCursor::First(BlockNumber(12))).ok(), at(12, None));
        assert_eq!(start("12"), at(12, None));
        assert_eq!(start(&convert(&seventh(&[])).cursor), at(8, Some(Mark([7; 4]))));
        for text in ["", "-", "12-", "x", "12-3", "12-3-abcdef01", "12-abcdef0g", "-1", "4294967296"] {
            assert_eq!(start(text), None, "{text}");
        }
        let read = |json: &str| serde_json::from_str::<SubscribeParams>(json).ok().map(|params| params.from_block);
        assert_eq!(read(r#"{"from_cursor":12}"#), Some(Some(BlockCursor::First(BlockNumber(12)))));
        assert_eq!(read(r#"{"from_block":"12-a1b2c3d4"}"#), Some(Some(BlockCursor::Behind("12-a1b2c3d4".to_owned()))));
        assert_eq!(read(r#"{"from_cursor":-1}"#), None);
    }

    #[test]
    fn a_block_behind_another_than_that_of_the_cursor_is_not_told_before_that() {
        let taken = |cursor: &str| {
            let (link, _) = btd_chain::link(LinkConfig::default()).unwrap();
            let Start { first, before } = start(cursor).unwrap();
            let (blocks, begun) = (link.blocks_from(first), before.map(|before| (first, before)));
            let mut walk = Walk { link, blocks, begun, told: Told::Outage };
            let item = walk.take(&seventh(&[]));
            (matches!(item, Finalized::Replaced { next: BlockNumber(6), .. }), walk.blocks.cursor())
        };
        // The stream of a test has no blocks, and so does not go on from one that it is handed.
        let next = |number| Some(BlockNumber(number));
        assert_eq!(taken("6-06060606"), (false, next(7)));
        assert_eq!(taken("7"), (false, next(7)));
        assert_eq!(taken("6-06060607"), (true, next(6)));
        assert_eq!(taken("5-06060607"), (false, next(6)), "it is about the block before another one");
    }

    #[test]
    fn subscribers_are_told_that_events_may_be_lacking_and_by_no_strange_extrinsic() {
        let illegible = |illegible: &[Illegible]| convert(&seventh(illegible)).illegible;
        let [strange, lost, guessed] = [
            Illegible::Extrinsic("extrinsic 3".to_owned()),
            Illegible::Events("event 2".to_owned()),
            Illegible::Runtime("which runtime".to_owned()),
        ];
        assert_eq!(illegible(std::slice::from_ref(&strange)), Vec::<String>::new());
        assert_eq!(illegible(&[strange, lost, guessed]), ["event 2", "which runtime"]);
    }
}
