//! Finding blocks of the past, and reading at them.
//!
//! By number or by hash, only blocks of the finalized chain are found: what is not final may be
//! replaced (`best.rs`), and what was replaced never was. What the followed endpoint has no more is
//! asked of an archive.

use std::{cmp::Ordering, sync::Arc, time::Duration};

use btd_api::{BlockHash, BlockNumber};

use super::{Archives, Head, Link, LinkState, is_gone};
use crate::{
    block::{self, BlockRef, FinalizedBlock, RawBlock},
    clock,
    error::ReadError,
    fetch,
    rpc::{Ask, Header},
    runtime::Runtime,
    view::View,
};

/// How long a block is waited for that nobody has announced yet: whoever named it may have it from a node that
/// is a moment ahead of the followed one.
const MOMENT: Duration = Duration::from_secs(2);

// === impl Link ===

impl Link {
    /// Finalized block `number`, from memory or from the node. A block that is not followed yet is
    /// [`ReadError::UnknownBlock`]. Events that the node no longer has are said to be illegible.
    pub async fn block(&self, number: BlockNumber) -> Result<Arc<FinalizedBlock>, ReadError> {
        if let Some(block) = self.recent(number) {
            return Ok(block);
        }
        let unknown = || ReadError::UnknownBlock { block: number.to_string() };
        self.connection()?;
        match self.finalized() {
            Some(finalized) if number <= finalized.number => {}
            Some(finalized) => return Err(not_yet(number, finalized.number)),
            None => return Err(unknown()),
        }
        let hash = self.hash_of(number).await?.ok_or_else(unknown)?;
        let raw = self.raw_block(hash).await?.ok_or_else(unknown)?;
        if raw.block.number != number {
            let reason = format!("block {number} says that it is {}", raw.block.number);
            return Err(self.nonsense("a finalized block", reason));
        }
        let before = if number.0 == 0 { hash } else { raw.parent };
        let decoded = match fetch::runtime_at(self, before, self.runtimes()).await {
            Ok(runtime) => block::decode(&raw, &runtime),
            Err(gone) if is_gone(&gone) => self.guess(&raw, &gone).await?,
            Err(error) => return Err(error),
        };
        Ok(Arc::new(decoded))
    }

    /// A block as the followed endpoint has it; else, as an archive does.
    async fn raw_block(&self, hash: BlockHash) -> Result<Option<RawBlock>, ReadError> {
        let archived = async || Box::pin(fetch::block(&Archives(self), hash)).await;
        match fetch::block(self, hash).await {
            // A node that keeps the bodies of the newest blocks alone knows the hash of an old one.
            Ok(None) => archived().await,
            // What one refuses, or tells of another block, another may tell.
            Err(error @ (ReadError::Refused { .. } | ReadError::Garbled { .. })) => match archived().await {
                // Without its events it would count as read: they may come from the first when it is asked again.
                Ok(Some(raw)) if raw.events.is_ok() => Ok(Some(raw)),
                Ok(_) | Err(_) => Err(error),
            },
            told => told,
        }
    }

    /// A block whose parent's state is `gone`, and the name of the runtime that executed it with that. It is the
    /// runtime in the block's own state, unless the block has put it there; else the newest is the best guess.
    async fn guess(&self, raw: &RawBlock, gone: &ReadError) -> Result<FinalizedBlock, ReadError> {
        match fetch::runtime_at(self, raw.block.hash, self.runtimes()).await {
            Ok(runtime) => Ok(block::decode_by_its_own(raw, &runtime, gone)),
            Err(error) if is_gone(&error) => Ok(block::guess(raw, &self.head()?.runtime, gone)),
            Err(error) => Err(error),
        }
    }

    /// The hash of finalized block `number`; none when the chain has not got there.
    pub async fn block_hash(&self, number: BlockNumber) -> Result<Option<BlockHash>, ReadError> {
        if let Some(block) = self.recent(number) {
            return Ok(Some(block.block.hash));
        }
        self.connection()?;
        match self.finalized() {
            Some(finalized) if number <= finalized.number => self.hash_of(number).await,
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
            None => self.hash_of(number).await?.ok_or_else(unknown)?,
        };
        self.pinned(BlockRef { number, hash }).await
    }

    async fn pinned(&self, block: BlockRef) -> Result<View, ReadError> {
        let runtime = self.runtime_of(block.hash).await?;
        Ok(View::new(self.clone(), Head { block, runtime, generation: 0 }))
    }

    /// The runtime of a block, which is state: a node may have thrown it away.
    async fn runtime_of(&self, hash: BlockHash) -> Result<Runtime, ReadError> {
        fetch::runtime_at(self, hash, self.runtimes()).await.map_err(|error| match error {
            gone if is_gone(&gone) => ReadError::Pruned { block: hash },
            other => other,
        })
    }

    /// The number of block `hash`, if that is on the finalized chain.
    async fn finalized_number(&self, hash: BlockHash) -> Result<BlockNumber, ReadError> {
        if let Some(number) = self.shared.recent_number(hash) {
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
mod tests {
    use super::*;
    use crate::{
        link::endurance::{over, over_archives},
        simulated::{Fault, Network},
    };

    /// What is said of the block by all who find it by its hash.
    async fn said(link: &Link, hash: BlockHash) -> [Result<BlockRef, String>; 2] {
        let view = link.view_at(hash).await.map(|view| view.block());
        let block = link.block_by_hash(hash).await.map(|block| block.block);
        [view, block].map(|found| {
            found.map_err(|error| {
                assert!(matches!(error, ReadError::UnknownBlock { .. }), "{error:?}");
                error.to_string()
            })
        })
    }

    #[test]
    fn by_a_hash_only_blocks_of_the_finalized_chain_are_found() {
        over(1, async |link, _| {
            let newest = link.finalized().unwrap().number.0;
            // In memory, and from the node.
            for number in [newest, newest - 1, 1] {
                let (number, hash) = (BlockNumber(number), Network::hash(number));
                assert_eq!(said(link, hash).await, [Ok(BlockRef { number, hash }), Ok(BlockRef { number, hash })]);
            }
            for number in [newest, newest - 1, 1] {
                let words = format!("on its finalized chain: block {number} of that is {}", Network::hash(number));
                for said in said(link, Network::orphan(number)).await {
                    assert!(said.as_ref().is_err_and(|said| said.contains(&words)), "{said:?}");
                }
            }
            // The node has it, and may have another one in its place by the time that it is final.
            let best = link.best_view().await.unwrap().block();
            assert_eq!(best.number.0, newest + 2);
            for said in said(link, best.hash).await {
                let words = format!("block {}, and the newest finalized one is {newest}", best.number);
                assert!(said.as_ref().is_err_and(|said| said.contains(&words)), "{said:?}");
            }
        });
    }

    #[test]
    fn no_runtime_is_said_to_have_executed_a_block_unless_that_is_known() {
        for nodes in [1, 2] {
            over_archives(nodes, async |link, network| {
                network.upgrade_at(network.height() + 1);
                while link.view().unwrap().runtime().spec_version() == 425 {
                    clock::sleep(Duration::from_secs(1)).await;
                }
                network.give(0, Fault::Pruned(20));
                let block = link.block(BlockNumber(5)).await.unwrap();
                if nodes == 1 {
                    // Nobody knows it, and the newest one may read everything as something else.
                    assert_eq!((block.spec_version, block.tells_all_events()), (None, false));
                    let words = block.illegible.first().unwrap().to_string();
                    assert!(words.contains("State already discarded") && words.contains("spec 426"), "{words}");
                } else {
                    assert_eq!((block.spec_version, block.illegible.as_slice()), (Some(425), [].as_slice()));
                }
                // The state before it is gone, and its own is there.
                let block = link.block(BlockNumber(20)).await.unwrap();
                assert_eq!((block.spec_version, block.illegible.as_slice()), (Some(425), [].as_slice()));
            });
        }
    }

    #[test]
    fn what_the_followed_node_refuses_or_denies_of_an_old_block_is_read_from_an_archive() {
        for fault in [Fault::WithoutEvents, Fault::Eventless, Fault::OfAnother] {
            for nodes in [1, 2] {
                over_archives(nodes, async |link, network| {
                    network.give(0, fault);
                    let told = link.block(BlockNumber(5)).await;
                    match (nodes, told) {
                        (2, Ok(block)) => assert!(block.illegible.is_empty(), "{fault:?}: {:?}", block.illegible),
                        (1, Err(ReadError::Refused { .. } | ReadError::Garbled { .. })) => {}
                        (_, told) => panic!("{fault:?}: {told:?}"),
                    }
                });
            }
        }
    }

    #[test]
    fn a_refusal_is_no_reason_to_take_what_an_archive_has_of_a_block_without_its_events() {
        over_archives(2, async |link, network| {
            network.give(0, Fault::WithoutEvents);
            network.give(1, Fault::Pruned(u32::MAX));
            let told = link.block(BlockNumber(5)).await;
            assert!(matches!(told, Err(ReadError::Refused { .. })), "{told:?}");
            network.give(0, Fault::None);
            assert!(link.block(BlockNumber(5)).await.unwrap().illegible.is_empty());
        });
    }

    #[test]
    fn a_block_that_is_final_already_and_about_to_be_followed_is_waited_for() {
        over(1, async |link, network| {
            for _ in 0..10 {
                let number = BlockNumber(network.height() + 1);
                while network.height() < number.0 {
                    clock::sleep(Duration::from_millis(100)).await;
                }
                // Whoever is told of it by the node at once asks for it here.
                assert!(link.finalized().unwrap().number < number);
                let hash = Network::hash(number.0);
                assert_eq!(said(link, hash).await, [Ok(BlockRef { number, hash }), Ok(BlockRef { number, hash })]);
            }
        });
    }
}
