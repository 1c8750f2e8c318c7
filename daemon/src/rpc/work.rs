//! Proof of work for a call: searched for on the processors of this host, on a block that the chain still takes.
//!
//! Each nonce is as good as another, so a search loses nothing when it begins anew. It does that only when the
//! chain would refuse work on its block in the next one.

use std::{
    num::{NonZeroU16, NonZeroUsize},
    sync::Arc,
    thread,
    time::Duration,
};

use btd_api::{BlockHash, BlockNumber};
use btd_chain::Link;
use btd_pow::{Control, Outcome, Puzzle, Solution, Target};

use super::receipt::foreseen;
use crate::submit::SubmissionError;

/// How often finalized blocks are looked at where the endpoint tells no best ones.
const LOOK: Duration = Duration::from_millis(500);

/// Work that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Work {
    /// The block that was worked on.
    pub(super) block: BlockNumber,
    /// What was found.
    pub(super) solution: Solution,
}

/// Ends a search that nobody waits for any more.
struct Search(Arc<Control>);

impl Drop for Search {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Searches until `target` is met. The chain takes work on a block for `window` blocks from it on, so it must
/// stand in one of them. Dropping this ends the search within milliseconds.
///
/// # Errors
/// When the chain cannot be read, or the search ends without any.
pub(super) async fn find(
    link: &Link,
    processors: Option<NonZeroU16>,
    (target, window): (Target, u32),
    puzzle: impl Fn(&BlockHash) -> Puzzle,
) -> Result<Work, SubmissionError> {
    let all = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let threads = processors.map_or(all, |wanted| NonZeroUsize::from(wanted).min(all));
    loop {
        let block = link.best_view().await?.block();
        let (puzzle, control) = (puzzle(&block.hash), Arc::new(Control::default()));
        let search = Search(Arc::clone(&control));
        let hunt = tokio::task::spawn_blocking(move || btd_pow::search(&puzzle, &target, 0, threads, &control));
        tokio::select! {
            ended = hunt => match ended {
                Ok(Outcome::Found(solution)) => return Ok(Work { block: block.number, solution }),
                Ok(Outcome::Cancelled | Outcome::Exhausted) | Err(_) => return foreseen("InvalidSeal", "no proof of work was found".to_owned()),
            },
            () = outlived(link, block.number, window) => {
                tracing::debug!(block = block.number.0, tried = search.0.tried(), "began the work anew on a later block");
            }
        }
    }
}

/// Returns when work on `block` would be refused in the next one.
async fn outlived(link: &Link, block: BlockNumber, window: u32) {
    let mut best = link.best();
    loop {
        let head = best.borrow_and_update().as_ref().map(|head| head.block.number);
        let head = head.or_else(|| link.finalized().map(|head| head.number));
        if head.is_some_and(|head| is_outlived(block, head, window)) {
            return;
        }
        let changed = async {
            if best.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Whether the block after `head` is `window` blocks or more behind `block`.
const fn is_outlived(block: BlockNumber, head: BlockNumber, window: u32) -> bool {
    head.0.saturating_add(1).saturating_sub(block.0) >= window
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_begun_anew_only_where_the_next_block_would_refuse_it() {
        // The faucet takes work on block 10 in blocks 10, 11 and 12.
        for (head, over) in [(10, false), (11, false), (12, true), (40, true)] {
            assert_eq!(is_outlived(BlockNumber(10), BlockNumber(head), 3), over, "{head}");
        }
        // A head that is behind outlives nothing.
        assert!(!is_outlived(BlockNumber(10), BlockNumber(4), 3));
    }
}
