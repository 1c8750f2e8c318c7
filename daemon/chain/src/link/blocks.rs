//! Finding blocks of the past, and reading at them.
//!
//! By number or by hash, only blocks of the finalized chain are found: what is not final may be
//! replaced (`best.rs`), and what was replaced never was. What the followed endpoint has no more is
//! asked of an archive.

use std::{cmp::Ordering, sync::Arc, time::Duration};

use btd_api::{BlockHash, BlockNumber};

use super::{Archives, Finality, Head, Link, LinkState, is_gone};
use crate::{
    block::{self, BlockRef, FinalizedBlock, RawBlock},
    clock,
    error::ReadError,
    fetch::{self, Fetched},
    rpc::{Ask, Header},
    runtime::Runtime,
    view::View,
};

/// How long a block is waited for that nobody has announced yet: whoever named it may have it from a node that
/// is a moment ahead of the followed one.
const MOMENT: Duration = Duration::from_secs(2);
/// The pauses before what was refused is asked for again.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// Before somebody asks again for what was lacking of a block in memory.
const ASKED_AGAIN: Duration = Duration::from_secs(10);

/// A block as far as it is told.
struct Told {
    block: FinalizedBlock,
    /// Why it does not tell all events although they are not said to be gone.
    withheld: Option<ReadError>,
}

// === impl Link ===

impl Link {
    /// Finalized block `number`, from memory or from the node. A block that is not followed yet is
    /// [`ReadError::UnknownBlock`], one that nobody keeps any more [`ReadError::NotKept`]. Events that are gone
    /// everywhere are said to be illegible, and so are those that are refused everywhere, for any other reason, for
    /// longer than a node that is busy would.
    pub async fn block(&self, number: BlockNumber) -> Result<Arc<FinalizedBlock>, ReadError> {
        if let Some(block) = self.recent(number) {
            return Ok(Box::pin(self.with_what_lacked(block)).await);
        }
        self.connection()?;
        match self.finalized() {
            Some(finalized) if number <= finalized.number => {}
            Some(finalized) => return Err(not_yet(number, finalized.number)),
            None => return Err(ReadError::UnknownBlock { block: number.to_string() }),
        }
        let (began, mut pause) = (clock::now(), FIRST_PAUSE);
        loop {
            let Some(Told { block, withheld }) = Box::pin(self.read_numbered(number)).await? else {
                return Err(self.not_kept(number).await);
            };
            let (refusals, config) = (&self.shared.refusals, &self.shared.config);
            match withheld {
                Some(refusal)
                    if !refusals.is_lasting(number, (&refusal, clock::since(began)), config, clock::now()) =>
                {
                    clock::sleep(pause).await;
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
                None if block.tells_all_events() => {
                    refusals.end_at(number);
                    return Ok(Arc::new(block));
                }
                Some(_) | None => return Ok(Arc::new(block)),
            }
        }
    }

    /// A block of memory of which not everything could be told when it was followed, as it can be told now: somebody
    /// else is followed perhaps, or an archive has what is gone. Whoever asks for it at the same time waits for the one
    /// answer, for as long as two requests may take: that an archive is silent is known once one of them has failed.
    async fn with_what_lacked(&self, kept: Arc<FinalizedBlock>) -> Arc<FinalizedBlock> {
        let block = kept.block;
        let Some(asked) = self.shared.recent.asked(block).filter(|_| !kept.tells_all_events()) else { return kept };
        let mut asked = asked.lock().await;
        if let Some(other) = self.recent(block.number).filter(|other| other.block == block && other.tells_all_events())
        {
            return other;
        }
        if asked.is_some_and(|at| clock::since(at) < ASKED_AGAIN) {
            return kept;
        }
        let longest = self.shared.config.request_timeout().saturating_mul(2);
        let told = clock::timeout(longest, self.read_block(block.hash)).await;
        match told {
            Ok(Ok(Some(Told { block: told, .. }))) if told.tells_all_events() => {
                tracing::info!(block = block.number.0, "what lacked of a block was told after all");
                let told = Arc::new(told);
                self.shared.recent.replace(&told);
                told
            }
            _ => {
                *asked = Some(clock::now());
                kept
            }
        }
    }

    /// Finalized block `number` as far as it is told now; none when nobody has it.
    async fn read_numbered(&self, number: BlockNumber) -> Result<Option<Told>, ReadError> {
        let Some(hash) = self.hash_of(number).await? else { return Ok(None) };
        match self.read_block(hash).await? {
            Some(told) if told.block.block.number != number => match self.proven_hash_of(number).await? {
                Some(hash) => self.read_block(hash).await,
                None => Ok(None),
            },
            told => Ok(told),
        }
    }

    /// Block `hash`, final or not, as far as it is told now; none when nobody has it.
    pub(super) async fn as_told(&self, hash: BlockHash) -> Result<Option<FinalizedBlock>, ReadError> {
        Ok(Box::pin(self.read_block(hash)).await?.map(|told| told.block))
    }

    /// Block `hash` as far as it is told now; none when nobody has it.
    async fn read_block(&self, hash: BlockHash) -> Result<Option<Told>, ReadError> {
        let Some(Fetched { raw, mut withheld }) = self.raw_block(hash).await? else { return Ok(None) };
        let before = if raw.block.number.0 == 0 { hash } else { raw.parent };
        let block = match self.runtime_behind(before).await {
            Ok(runtime) => block::decode(&raw, &runtime),
            Err(untold) if is_gone(&untold) || Self::is_withheld(&untold) => {
                let guessed = self.guess(&raw, &untold).await?;
                if !guessed.tells_all_events() && !is_gone(&untold) {
                    withheld.get_or_insert(untold);
                }
                guessed
            }
            Err(error) => return Err(error),
        };
        Ok(Some(Told { block, withheld }))
    }

    /// A block as the followed endpoint has it; else, as an archive does.
    async fn raw_block(&self, hash: BlockHash) -> Result<Option<Fetched<ReadError>>, ReadError> {
        let archived = async || Box::pin(fetch::block(&Archives(self), hash)).await;
        match fetch::block(self, hash).await {
            // A node that keeps the bodies of the newest blocks alone knows the hash of an old one.
            Ok(None) => archived().await,
            // What one refuses, or tells of another block, another may tell.
            Ok(Some(own @ Fetched { withheld: Some(_), .. })) => match archived().await {
                Ok(Some(other)) if other.raw.events.is_ok() => Ok(Some(other)),
                Ok(_) | Err(_) => Ok(Some(own)),
            },
            Err(error) if Self::is_withheld(&error) => match archived().await {
                // Its events may come from the first when that is asked again.
                Ok(Some(Fetched { raw, withheld: None })) if raw.events.is_err() => {
                    Ok(Some(Fetched { raw, withheld: Some(error) }))
                }
                Ok(Some(other)) => Ok(Some(other)),
                Ok(None) | Err(_) => Err(error),
            },
            told => told,
        }
    }

    /// The runtime in the state behind block `at`, from the node or an archive.
    async fn runtime_behind(&self, at: BlockHash) -> Result<Runtime, ReadError> {
        match fetch::runtime_at(self, at, self.runtimes()).await {
            Err(error) if Self::is_withheld(&error) => {
                Box::pin(fetch::runtime_at(&Archives(self), at, self.runtimes())).await.map_err(|_| error)
            }
            told => told,
        }
    }

    /// The runtime that executed a block, from the node or an archive: it is in the state behind the parent.
    pub async fn runtime_that_executed(&self, block: &FinalizedBlock) -> Result<Runtime, ReadError> {
        let newest = self.head()?.runtime;
        if block.spec_version == Some(newest.spec_version()) {
            return Ok(newest);
        }
        let before = if block.block.number.0 == 0 { block.block.hash } else { block.parent };
        self.runtime_behind(before).await.map_err(|error| pruned(before, error))
    }

    /// A block of which the runtime that executed it is `untold`, and the name of that where it can be told all the same:
    /// it is the runtime in the block's own state, unless the block has put it there; else the newest is the best guess.
    async fn guess(&self, raw: &RawBlock, untold: &ReadError) -> Result<FinalizedBlock, ReadError> {
        match self.runtime_behind(raw.block.hash).await {
            Ok(runtime) => Ok(block::decode_by_its_own(raw, &runtime, untold)),
            Err(error) if is_gone(&error) || Self::is_withheld(&error) => {
                Ok(block::guess(raw, &self.head()?.runtime, untold))
            }
            Err(error) => Err(error),
        }
    }

    /// That nobody has finalized block `number` any more, and from which one on there are all.
    async fn not_kept(&self, number: BlockNumber) -> ReadError {
        if self.shared.config.finality == Finality::Revocable && self.was_taken_back().await {
            return ReadError::UnknownBlock { block: number.to_string() };
        }
        let oldest = Box::pin(clock::timeout(self.shared.config.request_timeout(), self.oldest_behind(number))).await;
        ReadError::NotKept { block: number, oldest: oldest.ok().flatten() }
    }

    /// Whether the chain has another block, or none, in the place of the newest one that was followed: it was taken back
    /// a moment ago.
    async fn was_taken_back(&self) -> bool {
        let Some(newest) = self.finalized() else { return false };
        fetch::hash_of(self, newest.number).await.is_ok_and(|found| found != Some(newest.hash))
    }

    /// The oldest block behind `missing` from which on there are all, if that can be told.
    async fn oldest_behind(&self, missing: BlockNumber) -> Option<BlockNumber> {
        // Whoever keeps a block keeps those behind it.
        let (mut missing, mut kept) = (missing.0, self.finalized()?.number.0);
        while kept.saturating_sub(missing) > 1 {
            let middle = BlockNumber(missing + (kept - missing) / 2);
            if self.has_body(middle).await.ok()? {
                kept = middle.0;
            } else {
                missing = middle.0;
            }
        }
        (kept > missing).then_some(BlockNumber(kept))
    }

    /// Whether anybody still has the body of finalized block `number`.
    async fn has_body(&self, number: BlockNumber) -> Result<bool, ReadError> {
        if self.recent(number).is_some() {
            return Ok(true);
        }
        let Some(hash) = self.hash_of(number).await? else { return Ok(false) };
        Ok(fetch::body(self, hash).await?.is_some() || Box::pin(fetch::body(&Archives(self), hash)).await?.is_some())
    }

    /// The hash of finalized block `number`; none when the chain has not got there.
    pub async fn block_hash(&self, number: BlockNumber) -> Result<Option<BlockHash>, ReadError> {
        if let Some(block) = self.recent(number) {
            return Ok(Some(block.block.hash));
        }
        self.connection()?;
        match self.finalized() {
            Some(finalized) if number <= finalized.number => self.proven_hash_of(number).await,
            _ => Ok(None),
        }
    }

    /// Finalized block `hash`; one that is not on the finalized chain is [`ReadError::UnknownBlock`].
    pub async fn block_by_hash(&self, hash: BlockHash) -> Result<Arc<FinalizedBlock>, ReadError> {
        self.connection()?;
        let number = self.finalized_number(hash).await?;
        let block = self.block(number).await?;
        // The chain may have been taken back meanwhile.
        if block.block.hash == hash { Ok(block) } else { Err(orphaned(hash, block.block)) }
    }

    /// Reads pinned at a finalized block of the past; one that is not on the finalized chain is
    /// [`ReadError::UnknownBlock`]. Most nodes keep the state of a few hundred blocks only.
    pub async fn view_at(&self, hash: BlockHash) -> Result<View, ReadError> {
        self.connection()?;
        let head = self.head()?;
        if head.block.hash == hash {
            return Ok(View::new(self.clone(), head));
        }
        let number = self.finalized_number(hash).await?;
        self.pinned(BlockRef { number, hash }).await
    }

    /// Reads pinned at a block of which nobody knows whether it is, or ever will be, final.
    pub(super) async fn view_at_any(&self, hash: BlockHash) -> Result<View, ReadError> {
        let number = self.header(hash).await?.ok_or_else(|| unheard_of(hash))?.number;
        // A node that does not know it may be a moment behind: that is no word about what it keeps.
        let runtime = fetch::runtime_at(self, hash, self.runtimes()).await?;
        Ok(View::new(self.clone(), Head { block: BlockRef { number, hash }, runtime, generation: 0 }))
    }

    /// Reads pinned at finalized block `number`.
    pub async fn view_of(&self, number: BlockNumber) -> Result<View, ReadError> {
        let unknown = || ReadError::UnknownBlock { block: number.to_string() };
        self.connection()?;
        let head = self.head()?;
        match number.cmp(&head.block.number) {
            Ordering::Equal => return Ok(View::new(self.clone(), head)),
            Ordering::Greater => return Err(not_yet(number, head.block.number)),
            Ordering::Less => {}
        }
        let hash = match self.recent(number) {
            Some(block) => block.block.hash,
            None => self.proven_hash_of(number).await?.ok_or_else(unknown)?,
        };
        self.pinned(BlockRef { number, hash }).await
    }

    async fn pinned(&self, block: BlockRef) -> Result<View, ReadError> {
        let runtime = self.runtime_of(block.hash).await?;
        Ok(View::new(self.clone(), Head { block, runtime, generation: 0 }))
    }

    /// The runtime of a block, which is state: a node may have thrown it away.
    async fn runtime_of(&self, hash: BlockHash) -> Result<Runtime, ReadError> {
        fetch::runtime_at(self, hash, self.runtimes()).await.map_err(|error| pruned(hash, error))
    }

    /// The number of block `hash`, if that is on the finalized chain.
    async fn finalized_number(&self, hash: BlockHash) -> Result<BlockNumber, ReadError> {
        if let Some(number) = self.shared.recent.number(hash) {
            return Ok(number);
        }
        let number = self.header(hash).await?.ok_or_else(|| unheard_of(hash))?.number;
        self.reach(number).await;
        let newest = self.head()?.block.number;
        if number > newest {
            let block = format!(
                "{hash} on its finalized chain yet: that is block {number}, and the newest finalized one is {newest}"
            );
            return Err(ReadError::UnknownBlock { block });
        }
        // Another one than this is not this one, whatever its own header says.
        let found = self.hash_of(number).await?.ok_or_else(|| unheard_of(hash))?;
        if found == hash { Ok(number) } else { Err(orphaned(hash, BlockRef { number, hash: found })) }
    }

    /// Waits until block `number` is followed: a moment, or for as long as a request may take once it was announced.
    async fn reach(&self, number: BlockNumber) {
        let mut states = self.state();
        let is_followed = |state: &LinkState| state.finalized().is_some_and(|seen| seen.block.number >= number);
        let is_announced = |state: &LinkState| match state {
            LinkState::Live { announced, .. } => *announced >= number,
            LinkState::Connecting { .. } | LinkState::Lost { .. } => false,
        };
        let coming = states.wait_for(|state| is_followed(state) || is_announced(state));
        // The link that we hold keeps the sender alive, so what ends the waiting is the state or the time.
        if clock::timeout(MOMENT, coming).await.is_ok() {
            let _ = clock::timeout(self.shared.config.request_timeout(), states.wait_for(is_followed)).await;
        }
    }

    /// The hash of block `number`, which is known to be final, from the node or an archive.
    async fn hash_of(&self, number: BlockNumber) -> Result<Option<BlockHash>, ReadError> {
        match fetch::hash_of(self, number).await? {
            Some(hash) => Ok(Some(hash)),
            None => Box::pin(fetch::hash_of(&Archives(self), number)).await,
        }
    }

    /// The same of a block whose own header says that it has that number: whoever names another block's is not believed.
    async fn proven_hash_of(&self, number: BlockNumber) -> Result<Option<BlockHash>, ReadError> {
        let Some(hash) = self.hash_of(number).await? else { return Ok(None) };
        let lie = match self.proven(number, hash).await {
            Err(lie) if Self::is_withheld(&lie) => lie,
            told => return told,
        };
        match Box::pin(fetch::hash_of(&Archives(self), number)).await {
            Ok(Some(other)) if other != hash => self.proven(number, other).await,
            Ok(_) | Err(_) => Err(lie),
        }
    }

    /// The `hash` that was told of block `number`, if its header has that number; none where nobody has the header.
    async fn proven(&self, number: BlockNumber, hash: BlockHash) -> Result<Option<BlockHash>, ReadError> {
        let Some(header) = self.header(hash).await? else { return Ok(None) };
        if header.number == number {
            return Ok(Some(hash));
        }
        let reason = format!("the hash of block {}, {hash}", header.number);
        Err(self.nonsense(&format!("the hash of block {number}"), reason))
    }

    /// The header of block `hash`, from the node or an archive.
    async fn header(&self, hash: BlockHash) -> Result<Option<Header>, ReadError> {
        let archived = async || Box::pin(fetch::header(&Archives(self), hash)).await;
        match fetch::header(self, hash).await {
            Ok(None) => archived().await,
            Err(error @ (ReadError::Refused { .. } | ReadError::Garbled { .. })) => match archived().await {
                Ok(Some(header)) => Ok(Some(header)),
                Ok(None) | Err(_) => Err(error),
            },
            told => told,
        }
    }
}

/// What is wrong where the state behind block `hash` is asked for: that it is gone, by its own name.
fn pruned(hash: BlockHash, error: ReadError) -> ReadError {
    if is_gone(&error) { ReadError::Pruned { block: hash } } else { error }
}

/// A block that is still to come.
fn not_yet(number: BlockNumber, newest: BlockNumber) -> ReadError {
    ReadError::UnknownBlock { block: format!("{number} yet: the newest finalized one is {newest}") }
}

/// A block that no node knows.
fn unheard_of(hash: BlockHash) -> ReadError {
    ReadError::UnknownBlock { block: hash.to_string() }
}

/// A block in whose place the finalized chain has another.
fn orphaned(hash: BlockHash, instead: BlockRef) -> ReadError {
    let BlockRef { number, hash: final_hash } = instead;
    ReadError::UnknownBlock { block: format!("{hash} on its finalized chain: block {number} of that is {final_hash}") }
}

#[cfg(test)]
mod tests;
