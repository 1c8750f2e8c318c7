//! The noun `events`: what happens on the chain, event by event, from any cursor on.
//!
//! A cursor is a place on the chain and nothing else: the number of the block, and behind a dash
//! the number of its events that are done with. So it needs no state here, and outlives everything.

use std::{collections::VecDeque, str::FromStr, sync::Arc};

use btd_api::{
    BlockNumber, ErrorKind,
    events::{Happened, SubscribeEvents, SubscribeEventsParams},
};
use btd_chain::{BlockStream, FinalizedBlock, Link, Priority};
use futures_util::{Stream, stream};

use super::{
    Caller, Failure, Table,
    chain::{Told, ahead, oldest, outage, raw},
    filter::Wanted,
    link, receipt,
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
}

// === impl Cursor ===

impl Cursor {
    fn behind(block: BlockNumber) -> Self {
        Self { block: BlockNumber(block.0.saturating_add(1)), done: 0 }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.done {
            0 => write!(f, "{}", self.block),
            done => write!(f, "{}-{done}", self.block),
        }
    }
}

impl FromStr for Cursor {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let (block, done) = text.split_once('-').unwrap_or((text, "0"));
        match (block.parse(), done.parse()) {
            (Ok(block), Ok(done)) => Ok(Self { block: BlockNumber(block), done }),
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
    let blocks = from.map_or_else(|| link.blocks(), |cursor| link.blocks_from(cursor.block));
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
            let block = tokio::select! {
                block = self.blocks.next() => block,
                (link, trouble) = outage(&self.link), if self.told == Told::Nothing => {
                    self.told = Told::Outage;
                    return Happened::Waiting { link, trouble };
                }
            };
            match block {
                Ok(block) => self.take(&block),
                Err(error) => {
                    let cursor = Cursor { block: self.blocks.cursor().unwrap_or_default(), done: self.done };
                    let (cursor, trouble) = (cursor.to_string(), error.to_string());
                    return Happened::Ended { cursor, trouble, oldest: oldest(&error) };
                }
            }
        }
    }

    /// Makes a block's items ready.
    fn take(&mut self, block: &FinalizedBlock) {
        self.told = Told::Nothing;
        let (number, done) = (block.block.number, std::mem::take(&mut self.done));
        for (index, event) in self.wanted.of(block).filter(|(index, _)| *index >= done) {
            let cursor = Cursor { block: number, done: index.saturating_add(1) }.to_string();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_places() {
        let cursor = |text: &str| text.parse::<Cursor>().ok();
        assert_eq!(cursor("12"), Some(Cursor { block: BlockNumber(12), done: 0 }));
        assert_eq!(cursor("12-3"), Some(Cursor { block: BlockNumber(12), done: 3 }));
        assert_eq!(Cursor { block: BlockNumber(12), done: 3 }.to_string(), "12-3");
        assert_eq!(Cursor::behind(BlockNumber(12)).to_string(), "13");
        for text in ["", "-", "12-", "x", "12-3-4", "-1", "4294967296"] {
            assert_eq!(cursor(text), None, "{text}");
        }
    }
}
