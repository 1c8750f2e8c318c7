//! Proof of work for a call: searched for on the processors of this host, on a block that the chain still takes.
//!
//! Each nonce is as good as another, so a search loses nothing when it begins anew. It does that when its block is so old
//! that the chain could refuse the work by the time it stands in a block.

use std::{
    num::{NonZeroU16, NonZeroUsize},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use btd_api::{BlockHash, BlockNumber};
use btd_chain::{BlockRef, Link};
use btd_pow::{Control, Outcome, Puzzle, Seal, Solution, Target};

use super::receipt::foreseen;
use crate::submit::{Precondition, SubmissionError, WORK_AGES};

/// How often finalized blocks are looked at where the endpoint tells no best ones.
const LOOK: Duration = Duration::from_millis(500);

/// Blocks that work has left when it is found, for the way of the extrinsic into one.
const MARGIN: u32 = 1;

/// Work that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Work {
    /// The block that was worked on.
    pub(super) block: BlockNumber,
    /// What was found.
    pub(super) solution: Solution,
}

/// Where the work for one call is done, and what was found last is kept: a call that is planned again takes it again
/// while the chain does.
#[derive(Clone, Debug)]
pub(super) struct Quarry {
    link: Link,
    processors: Option<NonZeroU16>,
    found: Arc<Mutex<Option<(BlockRef, Solution)>>>,
}

/// Ends a search that nobody waits for any more.
struct Search(Arc<Control>);

impl Drop for Search {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Refuses to announce what work is done for: it would be too old for the chain when the call is made. Asked where the
/// call is drawn up: a repetition has its recorded answer before that.
pub(super) fn require_now(announce_only: bool) -> Result<(), SubmissionError> {
    if !announce_only {
        return Ok(());
    }
    Err(Precondition::Invalid { parameter: "announce_only", words: WORK_AGES.to_owned() }.into())
}

// === impl Work, Quarry ===

impl Work {
    /// What stands for it in a plan on `block`: as large, and none.
    pub(super) const fn none(block: BlockNumber) -> Self {
        Self { block, solution: Solution { nonce: 0, seal: Seal([0; 32]) } }
    }
}

impl Quarry {
    /// One in which nothing was found yet; `processors` bounds how many are used.
    pub(super) fn new(link: Link, processors: Option<NonZeroU16>) -> Self {
        Self { link, processors, found: Arc::default() }
    }

    /// Searches until `target` is met. The chain takes work on a block for `window` blocks from it on, so it must
    /// stand in one of them. Dropping this ends the search within milliseconds.
    ///
    /// # Errors
    /// When the chain cannot be read, or the search ends without any.
    pub(super) async fn find(
        &self,
        (target, window): (Target, u32),
        puzzle: impl Fn(&BlockHash) -> Puzzle,
    ) -> Result<Work, SubmissionError> {
        let all = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let threads = self.processors.map_or(all, |wanted| NonZeroUsize::from(wanted).min(all));
        loop {
            let best = self.link.best_view().await?.block();
            let kept = *self.found.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((block, solution)) = kept
                && !is_outlived(block.number, best.number, window)
                && target.met_by(&puzzle(&block.hash).seal(solution.nonce))
                // Another block may have taken its place, and the chain judges by the hash that it has now.
                && self.link.best_hash_of(block.number).await? == Some(block.hash)
            {
                return Ok(Work { block: block.number, solution });
            }
            let (puzzle, control) = (puzzle(&best.hash), Arc::new(Control::default()));
            let search = Search(Arc::clone(&control));
            let hunt = tokio::task::spawn_blocking(move || btd_pow::search(&puzzle, &target, 0, threads, &control));
            tokio::select! {
                ended = hunt => match ended {
                    Ok(Outcome::Found(solution)) => {
                        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some((best, solution));
                        return Ok(Work { block: best.number, solution });
                    }
                    Ok(Outcome::Cancelled | Outcome::Exhausted) | Err(_) => {
                        return foreseen("InvalidSeal", "no proof of work was found".to_owned());
                    }
                },
                () = outlived(&self.link, best.number, window) => {
                    tracing::debug!(
                        block = best.number.0,
                        tried = search.0.tried(),
                        "began the work anew on a later block"
                    );
                }
            }
        }
    }
}

/// Returns when work on `block` is too old to be sent.
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

/// Whether work on `block`, sent at `head`, could miss the last block that takes it: when it stands [`MARGIN`] blocks
/// later than it could.
const fn is_outlived(block: BlockNumber, head: BlockNumber, window: u32) -> bool {
    head.0.saturating_add(1 + MARGIN).saturating_sub(block.0) >= window
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_work_is_announced() {
        assert!(require_now(false).is_ok());
        let Err(SubmissionError::Precondition(Precondition::Invalid { parameter, .. })) = require_now(true) else {
            panic!("it was announced")
        };
        assert_eq!(parameter, "announce_only");
    }

    #[test]
    fn work_is_begun_anew_where_it_could_come_too_late() {
        // The faucet takes work on block 10 in blocks 10, 11 and 12: what is found at 10 has one to spare.
        for (head, over) in [(10, false), (11, true), (12, true), (40, true)] {
            assert_eq!(is_outlived(BlockNumber(10), BlockNumber(head), 3), over, "{head}");
        }
        // A registration in blocks 11 to 14.
        for (head, over) in [(12, false), (13, true)] {
            assert_eq!(is_outlived(BlockNumber(10), BlockNumber(head), 5), over, "{head}");
        }
        // A head that is behind outlives nothing.
        assert!(!is_outlived(BlockNumber(10), BlockNumber(4), 3));
    }
}
