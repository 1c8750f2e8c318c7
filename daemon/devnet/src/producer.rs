//! When blocks are made, and what becomes of their extrinsics. The only writer of chain, store and pool outcomes.
//!
//! One thread of its own, driven by [`Command`]s and the clock. A block is written to the store, then becomes the head,
//! then is announced; it is final at once. A runtime that fails costs a block, a store that fails ends the chain.
//! [`clock`] says what time it is, [`snapshots`] takes the chain back.

mod clock;
mod snapshots;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use btd_devnet_runtime::shield::envelope::AuthorKey;
use sp_core::H256;
use sp_runtime::transaction_validity::{InvalidTransaction, TransactionValidityError};

use crate::{
    DevnetError,
    chain::{Applied, Block, BlockError, Builder, Sealed, slot},
    config::BlockTime,
    node::{Change, Command, News, Node},
    pool::{Extrinsic, Outcome, Refusal},
    shield,
    store::Store,
};
pub(crate) use clock::BlockClock;
pub use snapshots::{ParseSnapshotIdError, SnapshotId};
pub(crate) use snapshots::{SnapshotError, Snapshots};

/// Extrinsics too big for what is left of a block that are passed over before the block is closed.
const MAX_SKIPPED: usize = 8;
/// Extrinsics that every block has: its time, and the author's key.
const INHERENTS: usize = 2;
/// Extrinsics whose validity is checked again after each block.
const REVALIDATED_PER_BLOCK: usize = 512;
/// Longest time spent on extrinsics of one block that comes with time.
const MAX_WORK: Duration = Duration::from_secs(2);
/// Longest time spent on those of one that was asked for: nothing else is done meanwhile.
const MAX_WORK_ASKED_FOR: Duration = Duration::from_mins(1);

/// The thread's state.
pub(crate) struct Producer {
    pub(crate) node: Arc<Node>,
    pub(crate) store: Option<Store>,
    pub(crate) block_time: BlockTime,
    pub(crate) clock: BlockClock,
    pub(crate) snapshots: Snapshots,
    /// Set beside [`Command::Stop`], so that a long series of blocks ends early.
    pub(crate) stopping: Arc<AtomicBool>,
}

/// A block before it is the head, and what it did to the extrinsics offered to it.
struct Draft {
    sealed: Sealed,
    included: Vec<H256>,
    invalid: Vec<H256>,
}

impl Producer {
    /// Makes blocks until told to stop.
    ///
    /// # Errors
    /// When the store fails. What was announced before is on the disk.
    pub(crate) fn run(mut self, commands: &Receiver<Command>) -> Result<(), DevnetError> {
        let mut due = self.period().map(|period| Instant::now() + period);
        loop {
            let command = match due {
                None => commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => commands.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            if self.stopping.load(Ordering::Relaxed) {
                return Ok(());
            }
            match command {
                Err(RecvTimeoutError::Disconnected) | Ok(Command::Stop) => return Ok(()),
                // Who is ready is looked for below, whatever woke this thread: the queue may have been full.
                Err(RecvTimeoutError::Timeout) | Ok(Command::Ready) => {}
                Ok(Command::Order(order)) => order(&mut self)?,
            }
            if self.node.take_ready() && self.block_time == BlockTime::Instant && self.node.faults.blocks_are_made() {
                self.make_instant_blocks()?;
            }
            if let (Some(at), Some(period)) = (due, self.period())
                && Instant::now() >= at
            {
                self.make_scheduled_block()?;
                // A slot that was missed is not made up for.
                due = Some((at + period).max(Instant::now()));
            }
        }
    }

    fn period(&self) -> Option<Duration> {
        match self.block_time {
            BlockTime::Every(period) => Some(period.clamp(*BlockTime::RANGE.start(), *BlockTime::RANGE.end())),
            BlockTime::Instant => None,
        }
    }

    /// A block whether there is anything for it or not. A runtime that fails is logged; the next slot tries again.
    fn make_scheduled_block(&mut self) -> Result<(), DevnetError> {
        if !self.node.faults.blocks_are_made() {
            return Ok(());
        }
        let deadline = self.deadline(self.period());
        self.make_block(deadline).map(drop).or_else(log_runtime_failure)
    }

    /// Blocks while the pool has extrinsics that go into one.
    fn make_instant_blocks(&mut self) -> Result<(), DevnetError> {
        while self.node.pool().has_ready() && !self.stopping.load(Ordering::Relaxed) {
            match self.make_block(self.deadline(None)) {
                // Inherents only: what is ready does not fit even an empty block, unless it is sealed for a later one.
                Ok(block) if block.extrinsics.len() <= INHERENTS && !self.node.pool().has_sealed() => return Ok(()),
                Ok(_) => {}
                Err(error) => return log_runtime_failure(error),
            }
        }
        Ok(())
    }

    /// Makes `count` blocks one after the other, as long as somebody waits for them; gives back the last one, or the head
    /// if there were none to make.
    pub(crate) fn mine(&mut self, count: u32, awaited: &dyn Fn() -> bool) -> Result<Arc<Block>, DevnetError> {
        let mut last = self.node.chain.head();
        for made in 0..count {
            if self.stopping.load(Ordering::Relaxed) {
                return Err(DevnetError::Stopped);
            }
            if !awaited() {
                tracing::info!(made, wanted = count, "stopped making blocks that nobody waited for any more");
                return Ok(last);
            }
            last = self.make_block(self.deadline(None))?;
        }
        Ok(last)
    }

    /// Makes one block, stores it, makes it the head, announces it. It takes no further extrinsic after `deadline`.
    fn make_block(&mut self, deadline: Option<Instant>) -> Result<Arc<Block>, DevnetError> {
        let ready = self.node.pool().ready();
        let draft = match self.draft(&ready, &[], deadline) {
            Err(error) if !ready.is_empty() => {
                tracing::error!(%error, "a block with extrinsics failed, making one without");
                self.draft(&[], &[], None)?
            }
            result => result?,
        };
        self.adopt(draft)
    }

    /// Makes a block without extrinsics that writes these values, before the runtime closes it: closing may overwrite them.
    pub(crate) fn write_storage(&mut self, changes: &[(Vec<u8>, Option<Vec<u8>>)]) -> Result<Arc<Block>, DevnetError> {
        let draft = self.draft(&[], changes, None)?;
        self.adopt(draft)
    }

    fn adopt(&mut self, draft: Draft) -> Result<Arc<Block>, DevnetError> {
        let Draft { sealed: Sealed { block, changes, nodes }, included, invalid } = draft;
        if let Some(store) = &mut self.store {
            store.append(&block, &changes)?;
        }
        let block = Arc::new(block);
        self.node.chain.import(block.clone(), nodes);
        self.clock.block_made();
        let outcome = Outcome { block: block.hash, number: block.number(), included: &included, invalid: &invalid };
        self.node.pool().block_made(&outcome, Instant::now());
        self.revalidate(&block);
        tracing::debug!(number = block.number(), hash = ?block.hash, extrinsics = included.len(), "made block");
        // Nobody may be listening.
        let _ = self.node.news.send(Arc::new(News { block: block.clone(), change: Change::Next(changes) }));
        Ok(block)
    }

    /// A block with what fits of `ready` and is tried before `deadline`, and with `writes` made before the runtime closes
    /// it, which may overwrite them.
    fn draft(
        &self,
        ready: &[Arc<Extrinsic>],
        writes: &[(Vec<u8>, Option<Vec<u8>>)],
        deadline: Option<Instant>,
    ) -> Result<Draft, DevnetError> {
        let parent = self.node.chain.head();
        let number = parent.number().saturating_add(1);
        let genesis = self.node.chain.genesis_hash();
        let failed = |source| DevnetError::Block { number, source };
        let (_, state) = self.node.chain.state(None).map_err(|_| DevnetError::Stopped)?;
        let timestamp = self.clock.timestamp(number);
        let by_clock = timestamp / self.block_time.slot_millis();
        let mut builder =
            Builder::open(&state, &parent, genesis, (timestamp, by_clock.max(slot(&parent.header).saturating_add(1))))
                .map_err(failed)?;
        let key = self.opening_key(ready, &parent, genesis);
        let mut included = Vec::new();
        let mut invalid = Vec::new();
        let mut skipped = 0;
        for extrinsic in ready {
            let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            let out_of_time = late || self.stopping.load(Ordering::Relaxed);
            if out_of_time || !builder.takes_extrinsics() || skipped > MAX_SKIPPED {
                break;
            }
            let inside = match (&extrinsic.sealed, &key) {
                (None, _) => None,
                (Some(sealed), Some(key)) if shield::is_for(sealed, key) => Some(sealed.open(key)),
                // Its block comes later, or never, and then its era ends.
                (Some(_), _) => continue,
            };
            match builder.apply(extrinsic.bytes.clone()) {
                Applied::Included => {
                    included.push(extrinsic.hash);
                    if let Some(inside) = inside {
                        unseal(&mut builder, extrinsic.hash, inside);
                    }
                }
                Applied::Refused(TransactionValidityError::Invalid(InvalidTransaction::ExhaustsResources)) => {
                    skipped += 1;
                }
                // Its predecessor was refused or passed over; the pool looks at it again.
                Applied::Refused(TransactionValidityError::Invalid(InvalidTransaction::Future)) => {}
                Applied::Refused(error) => {
                    tracing::debug!(extrinsic = ?extrinsic.hash, %error, "an extrinsic was no longer valid");
                    invalid.push(extrinsic.hash);
                }
                Applied::Panicked(error) => {
                    tracing::error!(extrinsic = ?extrinsic.hash, %error, "the runtime panicked over an extrinsic");
                    invalid.push(extrinsic.hash);
                }
            }
        }
        for (key, value) in writes {
            builder.set_storage(key.clone(), value.clone());
        }
        let sealed = builder.seal().map_err(failed)?;
        check_place(&sealed.block, &parent).map_err(failed)?;
        Ok(Draft { sealed, included, invalid })
    }

    /// The pair that opens what is sealed for the block after `parent`, if any of `ready` is.
    fn opening_key(&self, ready: &[Arc<Extrinsic>], parent: &Block, genesis: H256) -> Option<AuthorKey> {
        let hashes: BTreeSet<_> =
            ready.iter().filter_map(|extrinsic| Some(extrinsic.sealed.as_ref()?.key_hash)).collect();
        let opens = |hash: &[u8; 16]| {
            let answer = self.node.chain.ask(Some(parent.hash), "ShieldApi_is_shielded_using_current_key", hash);
            answer.unwrap_or_else(|error| {
                tracing::error!(%error, "the runtime does not say which key opens extrinsics");
                false
            })
        };
        let hash = hashes.into_iter().find(opens)?;
        shield::announced_lately(&hash, parent.number(), genesis)
    }

    /// When a block that is begun now has enough: one that comes with time, every `period`, or one that was asked for.
    fn deadline(&self, period: Option<Duration>) -> Option<Instant> {
        work(period, self.clock.is_stepped()).map(|work| Instant::now() + work)
    }

    /// Checks on the new head what still waits, longest unchecked first.
    fn revalidate(&self, head: &Block) {
        let stale = self.node.pool().stalest(head.number(), REVALIDATED_PER_BLOCK);
        if stale.is_empty() {
            return;
        }
        let results = stale
            .iter()
            .map(|extrinsic| {
                let result = match self.node.validate(&extrinsic.bytes, head.hash) {
                    Ok(validity) => validity.map_err(Refusal::from),
                    Err(error) => {
                        tracing::error!(extrinsic = ?extrinsic.hash, %error, "an extrinsic could not be checked again");
                        Err(Refusal::Invalid(InvalidTransaction::Call))
                    }
                };
                (extrinsic.hash, result)
            })
            .collect();
        self.node.pool().revalidated(results, head.number(), Instant::now());
    }
}

/// How long extrinsics are put into a block. Into one that comes with time it is two thirds of the period, within reason;
/// into one that was asked for as long as it takes, unless a machine is so slow that nothing else would ever be done. Where
/// time is counted and not read, what a block holds is for the runtime's limits alone to say: the same extrinsics then give
/// the same blocks on every machine.
fn work(period: Option<Duration>, is_stepped: bool) -> Option<Duration> {
    let of_time = |period: Duration| (period * 2 / 3).clamp(Duration::from_millis(100), MAX_WORK);
    (!is_stepped).then(|| period.map_or(MAX_WORK_ASKED_FOR, of_time))
}

/// Whether the block comes right after `parent`. The runtime reads both from the state, into which anything may have been
/// written; a block at another place would leave a store that nothing can read.
fn check_place(block: &Block, parent: &Block) -> Result<(), BlockError> {
    let (number, on) = (block.number(), block.header.parent_hash);
    if parent.number().checked_add(1) == Some(number) && on == parent.hash {
        return Ok(());
    }
    Err(BlockError::Misplaced(format!("its header says block {number} on {on:?}")))
}

/// Puts what was sealed right behind its envelope, where it is a valid extrinsic that somebody signed.
fn unseal(builder: &mut Builder<'_>, envelope: H256, inside: Option<Vec<u8>>) {
    let Some(extrinsic) = inside.and_then(|bytes| Extrinsic::decode(bytes).ok()) else {
        tracing::debug!(?envelope, "nothing was sealed in it");
        return;
    };
    // The runtime takes an inherent from whoever builds the block, which is not whoever sealed it.
    if extrinsic.bare {
        tracing::debug!(?envelope, "what was sealed in it is not signed");
        return;
    }
    match builder.apply(extrinsic.bytes) {
        Applied::Included => {}
        Applied::Refused(error) => tracing::debug!(?envelope, %error, "what was sealed in it is not valid"),
        Applied::Panicked(error) => {
            tracing::error!(?envelope, %error, "the runtime panicked over what was sealed in it");
        }
    }
}

/// A failing runtime is worth a line, a failing store is the end.
fn log_runtime_failure(error: DevnetError) -> Result<(), DevnetError> {
    if let DevnetError::Block { number, source } = &error {
        let cause = std::error::Error::source(source).map(ToString::to_string).unwrap_or_default();
        tracing::error!(number, error = %source, cause, "no block was made");
        return Ok(());
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_takes_its_time_unless_time_is_counted() {
        let with_time = |millis| work(Some(Duration::from_millis(millis)), false);
        for (period, most) in [(30, 100), (300, 200), (12_000, 2_000)] {
            assert_eq!(with_time(period), Some(Duration::from_millis(most)), "every {period} ms");
        }
        assert_eq!(work(None, false), Some(Duration::from_mins(1)), "one that was asked for ends as well");
        assert_eq!((work(None, true), work(Some(Duration::from_secs(12)), true)), (None, None));
    }
}
