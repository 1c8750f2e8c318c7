//! A metagraph at a block: what is kept of it in memory or in the history, else what the chain has.

use std::sync::Arc;

use btd_api::{
    BlockHash, BlockNumber, ErrorKind, MechId, NetUid,
    chain::{At, BlockId},
};

use super::matrix::MOMENT;
use crate::{
    causes::with_causes,
    daemon::Parts,
    metagraph::{
        Table,
        history::{History, HistoryError},
    },
    rpc::{Failure, chain::raw, receipt, subnets::no_mechanism},
    stamp::Stamp,
};

/// A metagraph, and the block that it is of.
pub(in crate::rpc) struct Found {
    pub(in crate::rpc) table: Arc<Table>,
    pub(in crate::rpc) at: At,
}

/// The whole metagraph at a block. What the chain does not tell any more, because its nodes have thrown
/// that state away or are out of reach, is told from the history where it has exactly that block; without
/// a block, what is kept is told where all of it is of the newest, and while the chain is away, then with weights and
/// bonds if those are, and no figures that are of an earlier block.
pub(super) async fn read(
    parts: &Parts,
    netuid: NetUid,
    mechid: MechId,
    block: Option<BlockId>,
) -> Result<Found, Failure> {
    if block.is_none()
        && let Some(kept) = kept_whole(parts, netuid, mechid).await
    {
        return Ok(kept);
    }
    let failure = match of_the_chain(parts, netuid, mechid, block).await {
        Ok(found) => return Ok(found),
        Err(failure) => failure,
    };
    if block.is_none() {
        // Nothing else the chain says is a reason to tell something older.
        let is_away = failure.0.kind() == Some(ErrorKind::ChainUnavailable);
        let known = parts.metagraph.current();
        let kept = known.table_of_one_block(netuid, mechid).filter(|_| is_away);
        let found = |(at, table): (Stamp, Arc<Table>)| {
            let rows = parts.metagraph.both_rows(&known, at.block, netuid, mechid);
            let table = Arc::new(Table { rows, ..Arc::unwrap_or_clone(table) });
            Found { table, at: receipt::kept_of(netuid, at, &known, &parts.link) }
        };
        return kept.map(found).ok_or(failure);
    }
    recorded(parts, netuid, mechid, block).await.ok_or(failure)
}

/// What is kept of the newest block, with as much read of the chain as is not kept of it.
async fn kept_whole(parts: &Parts, netuid: NetUid, mechid: MechId) -> Option<Found> {
    // Of a chain that is away nobody waits for what is not kept.
    let newest = parts.link.view().ok()?.block().number;
    parts.metagraph.reach(newest, MOMENT).await;
    let known = parts.metagraph.current();
    if known.is_left_behind(newest) {
        return None;
    }
    let kept = Box::pin(parts.metagraph.newest(&known, &parts.link, netuid, mechid)).await;
    let (at, table) = kept.ok().flatten()?;
    Some(Found { table, at: receipt::kept_of(netuid, at, &known, &parts.link) })
}

/// The columns that are kept, and whether that was by an earlier process.
fn kept(parts: &Parts, netuid: NetUid, mechid: MechId) -> Option<((Arc<Table>, At), bool)> {
    let known = parts.metagraph.current();
    let (at, table) = known.table(netuid, mechid)?;
    let is_earlier = known.mechanism(netuid, mechid)?.is_of_an_earlier_run();
    Some(((Arc::clone(table), receipt::kept_of(netuid, at, &known, &parts.link)), is_earlier))
}

/// The columns at a block: those that are kept, without a block; from the history, if it has exactly
/// that block; else from the chain. It is asked too where an earlier process has kept them, as long as it can be.
pub(super) async fn recall(
    parts: &Parts,
    netuid: NetUid,
    mechid: MechId,
    block: Option<BlockId>,
) -> Result<(Arc<Table>, At), Failure> {
    if let (None, Some((kept, is_earlier))) = (block, kept(parts, netuid, mechid)) {
        if !is_earlier {
            return Ok(kept);
        }
        return match of_the_chain(parts, netuid, mechid, None).await {
            Ok(Found { table, at }) => Ok((table, at)),
            Err(failure) if failure.0.kind() == Some(ErrorKind::ChainUnavailable) => Ok(kept),
            Err(failure) => Err(failure),
        };
    }
    let Found { table, at } = match recorded(parts, netuid, mechid, block).await {
        Some(found) => found,
        None => of_the_chain(parts, netuid, mechid, block).await?,
    };
    Ok((table, at))
}

/// What the history has of exactly that block. Nothing of a block that the chain has not reached, or of
/// which nobody has looked yet whether the chain still has it: it may have been taken back.
pub(in crate::rpc) async fn recorded(
    parts: &Parts,
    netuid: NetUid,
    mechid: MechId,
    block: Option<BlockId>,
) -> Option<Found> {
    let (history, genesis) = parts.history.as_ref().zip(parts.link.genesis())?;
    let newest = parts.link.finalized()?.number;
    match certain(history, (genesis, newest), (netuid, mechid), block?).await {
        Ok(table) => table.map(|table| {
            let at = At { stale: false, ..receipt::at(table.at, &parts.link) };
            Found { table: Arc::new(table), at }
        }),
        // The chain has it, or an archive.
        Err(error) => {
            tracing::warn!(error = with_causes(&error), "could not look into the history of metagraphs");
            None
        }
    }
}

/// What `history` has of exactly a block of the chain that begins with `genesis` and is final up to `newest`, if that was
/// compared with the chain.
async fn certain(
    history: &History,
    (genesis, newest): (BlockHash, BlockNumber),
    subject: (NetUid, MechId),
    block: BlockId,
) -> Result<Option<Table>, HistoryError> {
    let found = match block {
        BlockId::Number(number) if number > newest || !history.is_certain(number) => return Ok(None),
        BlockId::Number(number) => history.if_certain(history.of(genesis, subject, number)).await?,
        // Of a hash the number is not known before it is found.
        BlockId::Hash(_) if !history.is_certain(BlockNumber(0)) => return Ok(None),
        BlockId::Hash(hash) => history.if_certain(history.with_hash(genesis, subject, hash)).await?,
    };
    Ok(found.filter(|table| table.at.block.number <= newest))
}

pub(super) async fn of_the_chain(
    parts: &Parts,
    netuid: NetUid,
    mechid: MechId,
    block: Option<BlockId>,
) -> Result<Found, Failure> {
    let (view, at) = raw::view(&parts.link, block).await?;
    let stamp = Stamp::of(view.block(), &parts.link);
    let table = parts.metagraph.whole(&view, netuid, mechid, stamp).await?;
    let table = table.ok_or_else(|| no_mechanism(netuid, mechid, at))?;
    Ok(Found { table: Arc::new(table), at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metagraph::history::remembering;

    const GENESIS: BlockHash = BlockHash([7; 32]);
    const SUBJECT: (NetUid, MechId) = (NetUid(1), MechId(0));

    fn hash(block: u32) -> BlockHash {
        BlockHash([u8::try_from(block / 100).unwrap(); 32])
    }

    /// Which of blocks 100 to 500 are told by their numbers and by their hashes, where those before `doubted` were compared.
    async fn told(newest: u32, doubted: Option<u32>) -> [Vec<u32>; 2] {
        let directory = tempfile::tempdir().unwrap();
        let history = remembering(directory.path(), GENESIS, &[100, 200, 300, 400, 500], doubted).await;
        let (mut by_number, mut by_hash) = (Vec::new(), Vec::new());
        for block in (1..=5).map(|number| number * 100) {
            let chain = (GENESIS, BlockNumber(newest));
            let number = BlockId::Number(BlockNumber(block));
            if let Some(table) = certain(&history, chain, SUBJECT, number).await.unwrap() {
                by_number.push(table.at.block.number.0);
            }
            if let Some(table) = certain(&history, chain, SUBJECT, BlockId::Hash(hash(block))).await.unwrap() {
                by_hash.push(table.at.block.number.0);
            }
        }
        [by_number, by_hash]
    }

    #[tokio::test]
    async fn nothing_is_told_beyond_the_finalized_chain_or_before_it_was_compared() {
        let both = |blocks: &[u32]| [blocks.to_vec(), blocks.to_vec()];
        assert_eq!(told(500, None).await, both(&[100, 200, 300, 400, 500]));
        assert_eq!(told(499, None).await, both(&[100, 200, 300, 400]));
        assert_eq!(told(500, Some(300)).await, both(&[100, 200]));
        assert_eq!(told(150, Some(300)).await, both(&[100]));
        assert_eq!(told(500, Some(0)).await, both(&[]));
    }

    #[tokio::test]
    async fn only_exactly_that_block_of_that_chain_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let history = remembering(directory.path(), GENESIS, &[100, 200], None).await;
        let found = async |genesis, subject, block| {
            certain(&history, (genesis, BlockNumber(1_000)), subject, block).await.unwrap().is_some()
        };
        assert!(found(GENESIS, SUBJECT, BlockId::Number(BlockNumber(200))).await);
        assert!(!found(GENESIS, SUBJECT, BlockId::Number(BlockNumber(150))).await);
        assert!(!found(GENESIS, SUBJECT, BlockId::Hash(hash(300))).await);
        assert!(!found(GENESIS, (NetUid(2), MechId(0)), BlockId::Number(BlockNumber(200))).await);
        assert!(!found(BlockHash([8; 32]), SUBJECT, BlockId::Number(BlockNumber(200))).await);
    }
}
