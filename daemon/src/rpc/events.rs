//! The noun `events`: what happens on the chain, event by event, from any cursor on.
//!
//! A cursor is a place on the chain and nothing else: the number of the block, and behind a dash
//! the number of its events that are done with, and the beginning of its hash, by which another block in its place is
//! told from it. So it needs no state here, and outlives everything.

use std::{collections::VecDeque, str::FromStr, sync::Arc};

use btd_api::{
    BlockNumber, ErrorKind,
    events::{Happened, SubscribeEvents, SubscribeEventsParams},
};
use btd_chain::{BlockRef, BlockStream, FinalizedBlock, Link, Priority, ReadError};
use futures_util::{Stream, stream};

use super::{
    Caller, Failure, Table,
    chain::{Told, absence, ahead, oldest, raw},
    filter::Wanted,
    link,
    mark::Mark,
    receipt,
};
use crate::daemon::Parts;

/// After so many blocks without a wanted event the cursor is told.
const PASSED: u32 = 50;

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table.noun(parts).subscription::<SubscribeEvents>(subscribe).done();
}

/// A place on the chain: behind the first `done` events of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor {
    block: BlockNumber,
    done: u32,
    /// Which block it is of which they are done with, if that is said.
    mark: Option<Mark>,
}

// === impl Cursor ===

impl Cursor {
    /// The beginning of a block.
    fn at(block: BlockNumber) -> Self {
        Self { block, done: 0, mark: None }
    }

    fn behind(block: BlockNumber) -> Self {
        Self::at(BlockNumber(block.0.saturating_add(1)))
    }

    /// Behind the event of a block that has this index.
    fn behind_event(block: BlockRef, index: u32) -> Self {
        Self { block: block.number, done: index.saturating_add(1), mark: Some(Mark::of(block.hash)) }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.done, self.mark) {
            (0, _) => write!(f, "{}", self.block),
            (done, None) => write!(f, "{}-{done}", self.block),
            (done, Some(mark)) => write!(f, "{}-{done}-{mark}", self.block),
        }
    }
}

impl FromStr for Cursor {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let (block, rest) = text.split_once('-').unwrap_or((text, "0"));
        let (done, mark) = rest.split_once('-').map_or((rest, None), |(done, mark)| (done, Some(mark)));
        match (block.parse(), done.parse(), mark.map(str::parse).transpose()) {
            (Ok(block), Ok(done), Ok(mark)) => Ok(Self { block: BlockNumber(block), done, mark }),
            _ => Err(Failure::new(
                ErrorKind::InvalidParams,
                format!("`{text}` is not a cursor: pass on the one of an item, or a block's number"),
            )),
        }
    }
}

/// One subscriber's way along the chain.
struct Walk {
    link: Link,
    blocks: BlockStream,
    wanted: Wanted,
    /// Events of the first block that were told in an earlier life.
    done: u32,
    /// Which block that was, if it is known.
    mark: Option<Mark>,
    ready: VecDeque<Happened>,
    told: Told,
    silent: u32,
}

async fn subscribe(
    parts: Arc<Parts>,
    params: SubscribeEventsParams,
    _: Caller,
) -> Result<impl Stream<Item = Happened> + use<>, Failure> {
    let from = params.from_cursor.as_deref().map(Cursor::from_str).transpose()?;
    // Blocks of the past are fetched for this subscriber alone: whoever waits for an answer goes first.
    let link = parts.link.with_priority(Priority::Bulk);
    let blocks = match from {
        None => link.blocks(),
        Some(Cursor { block, done: 0, .. }) => link.blocks_from(block),
        Some(Cursor { block, .. }) => link.blocks_from(block).begun(),
    };
    let mut ready = VecDeque::new();
    if let Ok(view) = link.view()
        && let Some(doubt) = view.runtime().no_event(params.pallet.as_deref(), params.event.as_deref())
    {
        let trouble = format!("{doubt}; it is waited for all the same, for another runtime may have it");
        ready.push_back(Happened::Waiting { link: link::standing_of(&link), trouble });
    }
    let ahead = from.and_then(|cursor| ahead(&link, cursor.block));
    ready.extend(ahead.map(|(link, trouble)| Happened::Waiting { link, trouble }));
    let walk = Walk {
        blocks,
        wanted: Wanted::from(&params),
        done: from.map_or(0, |cursor| cursor.done),
        mark: from.and_then(|cursor| cursor.mark),
        ready,
        link,
        told: Told::Nothing,
        silent: 0,
    };
    Ok(stream::unfold(Some(walk), |walk| async {
        let mut walk = walk?;
        let item = walk.next().await;
        let goes_on = !matches!(item, Happened::Ended { .. });
        Some((item, goes_on.then_some(walk)))
    }))
}

// === impl Walk ===

impl Walk {
    async fn next(&mut self) -> Happened {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return item;
            }
            let mut hindrance = self.blocks.hindrance();
            let block = tokio::select! {
                block = self.blocks.next() => block,
                (link, trouble) = absence(&self.link, &mut hindrance), if self.told == Told::Nothing => {
                    self.told = Told::Outage;
                    return Happened::Waiting { link, trouble };
                }
            };
            match block {
                Ok(block) => self.take(&block),
                Err(error) => {
                    let trouble = error.to_string();
                    if let ReadError::TakenBack { first: block, .. } = error {
                        // What was done with were events of a block that is no more.
                        (self.done, self.mark, self.silent, self.told) = (0, None, 0, Told::Nothing);
                        return Happened::Replaced { cursor: Cursor::at(block).to_string(), trouble };
                    }
                    let block = self.blocks.cursor().unwrap_or_default();
                    let cursor = Cursor { block, done: self.done, mark: self.mark };
                    return Happened::Ended { cursor: cursor.to_string(), trouble, oldest: oldest(&error) };
                }
            }
        }
    }

    /// Makes a block's items ready.
    fn take(&mut self, block: &FinalizedBlock) {
        self.told = Told::Nothing;
        let number = block.block.number;
        let (mut done, mark) = (std::mem::take(&mut self.done), self.mark.take());
        if mark.is_some_and(|mark| mark != Mark::of(block.block.hash)) {
            done = 0;
            self.ready.push_back(replaced(number));
        }
        for (index, event) in self.wanted.of(block).filter(|(index, _)| *index >= done) {
            let cursor = Cursor::behind_event(block.block, index).to_string();
            let (block, event) = (receipt::block(block.block), receipt::event(event.clone()));
            self.ready.push_back(Happened::Event { cursor, block, index, event });
        }
        let (cursor, at) = (Cursor::behind(number).to_string(), receipt::block(block.block));
        self.silent = if self.ready.is_empty() { self.silent.saturating_add(1) } else { 0 };
        if !block.tells_all_events() {
            let trouble = raw::lacking(block).join("; ");
            self.ready.push_back(Happened::Illegible { cursor, block: at, trouble });
        } else if self.silent >= PASSED {
            self.silent = 0;
            self.ready.push_back(Happened::Passed { cursor, block: at });
        }
    }
}

/// That the block of which a cursor tells that some of its events are done with is not of the chain any more.
fn replaced(block: BlockNumber) -> Happened {
    let trouble = format!(
        "another block {block} is of the chain than that of the cursor: it was replaced meanwhile, perhaps with some before \
         it, and its events are told from the first one on"
    );
    Happened::Replaced { cursor: Cursor::at(block).to_string(), trouble }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use btd_api::BlockHash;
    use btd_chain::{Event, LinkConfig};

    use super::*;

    #[test]
    fn cursors_are_places() {
        let cursor = |text: &str| text.parse::<Cursor>().ok();
        let (block, mark) = (BlockNumber(12), Some(Mark([0xab, 0xcd, 0xef, 1])));
        assert_eq!(cursor("12"), Some(Cursor::at(block)));
        // As they were told once, which is still a place.
        assert_eq!(cursor("12-3"), Some(Cursor { block, done: 3, mark: None }));
        assert_eq!(cursor("12-3-abcdef01"), Some(Cursor { block, done: 3, mark }));
        assert_eq!(Cursor { block, done: 3, mark }.to_string(), "12-3-abcdef01");
        assert_eq!(Cursor { block, done: 3, mark: None }.to_string(), "12-3");
        assert_eq!(Cursor::behind(block).to_string(), "13");
        for text in ["", "-", "12-", "x", "12-3-4", "12-3-", "12-3-abcdef0g", "12-3-abcdef0123", "-1", "4294967296"] {
            assert_eq!(cursor(text), None, "{text}");
        }
    }

    #[test]
    fn of_a_block_that_took_the_place_of_the_cursors_every_event_is_told() {
        let event = |name: &str| Event {
            pallet: "Balances".to_owned(),
            name: name.to_owned(),
            fields: serde_json::json!([]),
            subnets: BTreeSet::new(),
            extrinsic: None,
        };
        let block = FinalizedBlock {
            block: BlockRef { number: BlockNumber(12), hash: BlockHash([0xab; 32]) },
            parent: BlockHash([0; 32]),
            timestamp_ms: None,
            spec_version: None,
            extrinsics: Vec::new(),
            events: ["One", "Two", "Three"].map(event).to_vec(),
            illegible: Vec::new(),
        };
        let told = |cursor: &str| {
            let cursor: Cursor = cursor.parse().unwrap();
            let (link, _) = btd_chain::link(LinkConfig::default()).unwrap();
            let mut walk = Walk {
                blocks: link.blocks_from(cursor.block).begun(),
                wanted: Wanted::from(&SubscribeEventsParams::default()),
                done: cursor.done,
                mark: cursor.mark,
                ready: VecDeque::new(),
                link,
                told: Told::Nothing,
                silent: 0,
            };
            walk.take(&block);
            let told = walk.ready.into_iter().map(|item| match item {
                Happened::Event { cursor, .. } | Happened::Replaced { cursor, .. } => cursor,
                other => panic!("{other:?}"),
            });
            told.collect::<Vec<_>>()
        };
        assert_eq!(told("12-2"), ["12-3-abababab"]);
        assert_eq!(told("12-2-abababab"), ["12-3-abababab"]);
        assert_eq!(told("12-2-abababac"), ["12", "12-1-abababab", "12-2-abababab", "12-3-abababab"]);
    }
}
