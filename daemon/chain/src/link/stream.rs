//! Finalized blocks as a reader sees them: a cursor over the chain, not a queue.
//!
//! Nothing is buffered for a reader, so none can be too slow: the blocks it has not seen yet are
//! taken from memory while they are recent, and from the node when they are not. When blocks that it has seen are not
//! of the chain any more it is told so, and goes on with the first of those that take their place.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use btd_api::BlockNumber;
use tokio::sync::watch;

use super::{Head, Link};
use crate::{
    block::{BlockRef, FinalizedBlock},
    clock,
    error::ReadError,
    rpc::Ask,
};

/// A block that does not follow on the one before it is asked for again after so long.
const PAUSE: Duration = Duration::from_secs(1);
/// After so long it is said not to.
const PATIENCE: Duration = Duration::from_secs(10);

/// Finalized blocks in order of number, each once. Dropping it ends the reading and nothing else.
#[derive(Debug)]
pub struct BlockStream {
    link: Link,
    heads: watch::Receiver<Option<Head>>,
    /// The block that comes next; none until the first head is known.
    next: Option<BlockNumber>,
    /// The block that came last.
    last: Option<BlockRef>,
    /// The block that came first, or would have.
    first: Option<BlockNumber>,
    /// Whether it began ahead of the chain: then what lies before `first` was never wanted.
    is_ahead: bool,
    /// Whether part of the block that comes next was read in an earlier life.
    is_begun: bool,
    /// How often the chain had gone on from elsewhere when `next` was decided; none before the first head.
    generation: Option<u64>,
    hindrance: watch::Sender<Option<Hindrance>>,
    /// Since when the block that comes next could not be had.
    hindered: Option<Instant>,
}

/// Why the block that comes next is not there although it is final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hindrance {
    /// The block.
    pub block: BlockNumber,
    /// What it was asked for came to, the last time.
    pub error: ReadError,
}

// === impl BlockStream ===

impl BlockStream {
    pub(super) fn new(link: Link, first: Option<BlockNumber>) -> Self {
        let heads = link.shared.head.subscribe();
        let (newest, generation) = heads.borrow().as_ref().map(|head| (behind(head), head.generation)).unzip();
        let is_ahead = first.zip(newest).is_some_and(|(first, newest)| first > newest);
        let next = first.or(newest);
        Self::at(link, heads, next, generation, is_ahead)
    }

    /// Those behind `head`, as long as the chain goes on from there.
    pub(super) fn behind(link: Link, head: &Head) -> Self {
        let heads = link.shared.head.subscribe();
        Self::at(link, heads, Some(behind(head)), Some(head.generation), false)
    }

    fn at(
        link: Link,
        heads: watch::Receiver<Option<Head>>,
        next: Option<BlockNumber>,
        generation: Option<u64>,
        is_ahead: bool,
    ) -> Self {
        let hindrance = watch::Sender::new(None);
        let (last, first, is_begun) = (None, next, false);
        Self { link, heads, next, last, first, is_ahead, is_begun, generation, hindrance, hindered: None }
    }

    /// The same for who has read part of the first of them already: that one is said to be replaced, too, when it is
    /// before it comes.
    pub fn begun(self) -> Self {
        Self { is_begun: true, ..self }
    }

    /// The number of the block that comes next, as a cursor to continue from with
    /// [`Link::blocks_from`]; none while no block has been seen.
    pub fn cursor(&self) -> Option<BlockNumber> {
        self.next
    }

    /// Why the block that comes next is not there, as long as it is final and cannot be had: [`Self::next`] asks for it
    /// again and again, and says nothing.
    pub fn hindrance(&self) -> watch::Receiver<Option<Hindrance>> {
        self.hindrance.subscribe()
    }

    /// Waits for the next block. Losses of the link are waited out. An error is about that one
    /// block (the node has it no longer, or not as it should be); the next call asks for it again.
    /// [`ReadError::TakenBack`] is about blocks that came before and were replaced: the next call goes on with the first
    /// that it names. Where only blocks were replaced that had not come yet, and had not been [`begun`](Self::begun),
    /// nothing is said. Cancelling the future loses nothing.
    pub async fn next(&mut self) -> Result<Arc<FinalizedBlock>, ReadError> {
        let mut strange_since = None;
        loop {
            let next = self.wait().await?;
            match self.link.block(next).await {
                Ok(block) => {
                    let Some(reason) = self.strange(&block) else {
                        self.came(&block);
                        return Ok(block);
                    };
                    // Either it is known soon that the chain goes on from elsewhere, or who has told it is left.
                    if clock::since(*strange_since.get_or_insert_with(clock::now)) >= PATIENCE {
                        return Err(self.link.nonsense(&format!("block {next}"), reason));
                    }
                    clock::sleep(PAUSE).await;
                }
                Err(
                    error @ (ReadError::NotConnected { .. }
                    | ReadError::Cut { .. }
                    | ReadError::Deadline { .. }
                    | ReadError::NoTurn { .. }),
                ) => {
                    self.hinder(next, error);
                    self.reconnected().await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Why a block does not follow on the one that came last, if so.
    fn strange(&self, block: &FinalizedBlock) -> Option<String> {
        let BlockRef { number, hash } = self.last?;
        (block.parent != hash).then(|| format!("its parent is {}, and block {number} was {hash}", block.parent))
    }

    fn came(&mut self, block: &FinalizedBlock) {
        let number = block.block.number;
        (self.next, self.last) = (Some(BlockNumber(number.0.saturating_add(1))), Some(block.block));
        self.first = self.first.or(Some(number));
        self.is_begun = false;
        self.hindered = None;
        self.hindrance.send_replace(None);
    }

    /// Tells that the next block cannot be had, once that took as long as a request may: a link that is away says so
    /// itself.
    fn hinder(&mut self, block: BlockNumber, error: ReadError) {
        let since = *self.hindered.get_or_insert_with(clock::now);
        let is_long = match &error {
            ReadError::NotConnected { .. } => return,
            ReadError::Deadline { .. } | ReadError::NoTurn { .. } => true,
            _ => clock::since(since) >= self.link.shared.config.request_timeout(),
        };
        if is_long {
            tracing::debug!(block = block.0, %error, "a block that is final could not be had for long");
            self.hindrance.send_replace(Some(Hindrance { block, error }));
        }
    }

    /// Waits until the next block is final.
    async fn wait(&mut self) -> Result<BlockNumber, ReadError> {
        loop {
            let (next, generation) = (self.next, self.generation);
            let reached = |head: &Option<Head>| {
                head.as_ref().is_some_and(|head| {
                    generation.is_some_and(|known| head.generation != known)
                        || next.is_none_or(|next| next <= head.block.number)
                })
            };
            // The guard over the head must not be held while waiting: a reader may be a task that moves.
            let found = self.heads.wait_for(reached).await.ok();
            let found = found.and_then(|head| head.as_ref().map(|head| (head.block.number, head.generation)));
            // The link that we hold keeps the sender alive, so the channel cannot close.
            let Some((head, now)) = found else { return std::future::pending().await };
            self.generation = Some(now);
            match (generation, next) {
                (Some(known), Some(next)) if known != now => self.part(next, known, head)?,
                _ => return Ok(next.unwrap_or(head)),
            }
        }
    }

    /// The chain has gone on from elsewhere, and is at `head`: tells it where that concerns what came before `next`.
    fn part(&mut self, next: BlockNumber, known: u64, head: BlockNumber) -> Result<(), ReadError> {
        let common = self.link.shared.partings.common(known, self.generation.unwrap_or(known));
        let parted = match common {
            Some(common) => BlockNumber(common.0.saturating_add(1)),
            // Nobody knows: then everything that came.
            None => self.first.unwrap_or(next).min(head),
        };
        let oldest = self.first.filter(|_| self.is_ahead).unwrap_or_default();
        let first = parted.min(next).max(oldest);
        // Nothing of what came, or lies before what comes, was replaced.
        let is_untouched = first == next && !(self.is_begun && parted <= next);
        if is_untouched && (common.is_some() || self.is_ahead) {
            return Ok(());
        }
        (self.next, self.last, self.is_begun) = (Some(first), None, false);
        self.hindered = None;
        self.hindrance.send_replace(None);
        Err(ReadError::TakenBack { first, head })
    }

    /// Waits for a connection, and a moment before that: one that was just lost may still be shown.
    async fn reconnected(&self) {
        const MOMENT: Duration = Duration::from_millis(50);
        clock::sleep(MOMENT).await;
        let mut connections = self.link.shared.connection.subscribe();
        // Cannot fail: the link that we hold keeps the sender alive.
        let _ = connections.wait_for(Option::is_some).await;
    }
}

/// The block behind `head`.
fn behind(head: &Head) -> BlockNumber {
    BlockNumber(head.block.number.0.saturating_add(1))
}

#[cfg(test)]
mod tests;
