//! Finalized blocks as a reader sees them: a cursor over the chain, not a queue.
//!
//! Nothing is buffered for a reader, so none can be too slow: the blocks it has not seen yet are
//! taken from memory while they are recent, and from the node when they are not.

use std::{sync::Arc, time::Duration};

use btd_api::BlockNumber;
use tokio::sync::watch;

use super::{Head, Link};
use crate::{block::FinalizedBlock, clock, error::ReadError};

/// Finalized blocks in order of number, each once. Dropping it ends the reading and nothing else.
#[derive(Debug)]
pub struct BlockStream {
    link: Link,
    heads: watch::Receiver<Option<Head>>,
    /// The block that comes next; none until the first head is known.
    next: Option<BlockNumber>,
    /// How often the chain had gone on from elsewhere when `next` was decided; none before the first head.
    generation: Option<u64>,
}

// === impl BlockStream ===

impl BlockStream {
    pub(super) fn new(link: Link, first: Option<BlockNumber>) -> Self {
        let heads = link.shared.head.subscribe();
        let next = first.or_else(|| link.finalized().map(|block| BlockNumber(block.number.0.saturating_add(1))));
        let generation = heads.borrow().as_ref().map(|head| head.generation);
        Self { link, heads, next, generation }
    }

    /// Those behind `head`, as long as the chain goes on from there.
    pub(super) fn behind(link: Link, head: &Head) -> Self {
        let next = Some(BlockNumber(head.block.number.0.saturating_add(1)));
        Self { heads: link.shared.head.subscribe(), link, next, generation: Some(head.generation) }
    }

    /// The number of the block that comes next, as a cursor to continue from with
    /// [`Link::blocks_from`]; none while no block has been seen.
    pub fn cursor(&self) -> Option<BlockNumber> {
        self.next
    }

    /// Waits for the next block. Losses of the link are waited out. An error is about that one
    /// block (the node has it no longer, or not as it should be); the next call asks for it again.
    /// [`ReadError::TakenBack`] is about all that came before: the next call goes on at the new head.
    /// Cancelling the future loses nothing.
    pub async fn next(&mut self) -> Result<Arc<FinalizedBlock>, ReadError> {
        loop {
            let next = self.wait().await?;
            match self.link.block(next).await {
                Ok(block) => {
                    self.next = Some(BlockNumber(next.0.saturating_add(1)));
                    return Ok(block);
                }
                Err(
                    ReadError::NotConnected { .. }
                    | ReadError::Cut { .. }
                    | ReadError::Deadline { .. }
                    | ReadError::NoTurn { .. },
                ) => {
                    self.reconnected().await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until the next block is final.
    async fn wait(&mut self) -> Result<BlockNumber, ReadError> {
        let (next, generation) = (self.next, self.generation);
        let reached = |head: &Option<Head>| {
            head.as_ref().is_some_and(|head| {
                generation.is_some_and(|known| head.generation != known)
                    || next.is_none_or(|next| next <= head.block.number)
            })
        };
        // The guard over the head must not be held while waiting: a reader may be a task that moves.
        let found = self.heads.wait_for(reached).await.ok();
        let found = found.map(|head| head.as_ref().map(|head| (head.block.number, head.generation)));
        match found {
            Some(Some((head, now))) if generation.is_some_and(|known| now != known) => {
                (self.next, self.generation) = (Some(head), Some(now));
                Err(ReadError::TakenBack { next: next.unwrap_or(head), head })
            }
            Some(head) => {
                self.generation = head.map(|(_, now)| now).or(generation);
                Ok(next.or(head.map(|(number, _)| number)).unwrap_or_default())
            }
            // The link that we hold keeps the sender alive, so the channel cannot close.
            None => std::future::pending().await,
        }
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
