//! A metagraph at a block: what is kept of it in memory or in the history, else what the chain has.

use std::sync::Arc;

use btd_api::{
    BlockNumber, MechId, NetUid,
    chain::{At, BlockId},
};

use crate::{
    causes::with_causes,
    daemon::Parts,
    metagraph::Table,
    rpc::{Failure, chain::raw, receipt, subnets::no_mechanism},
    stamp::Stamp,
};

/// A metagraph, and the block that it is of.
pub(in crate::rpc) struct Found {
    pub(in crate::rpc) table: Arc<Table>,
    pub(in crate::rpc) at: At,
}

/// The whole metagraph at a block. What the chain does not tell any more, because its nodes have thrown
/// that state away or are out of reach, is told from the history where it has exactly that block.
pub(super) async fn read(
    parts: &Parts,
    netuid: NetUid,
    mechid: MechId,
    block: Option<BlockId>,
) -> Result<Found, Failure> {
    let failure = match of_the_chain(parts, netuid, mechid, block).await {
        Ok(found) => return Ok(found),
        Err(failure) => failure,
    };
    recorded(parts, netuid, mechid, block).await.ok_or(failure)
}

/// The columns at a block: those that are kept, without a block; from the history, if it has exactly
/// that block; else from the chain.
pub(super) async fn recall(
    parts: &Parts,
    netuid: NetUid,
    mechid: MechId,
    block: Option<BlockId>,
) -> Result<(Arc<Table>, At), Failure> {
    if block.is_none() {
        let known = parts.metagraph.current();
        if let Some((at, table)) = known.table(netuid, mechid) {
            return Ok((Arc::clone(table), receipt::kept_of(netuid, at, &known, &parts.link)));
        }
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
    let found = match block? {
        BlockId::Number(number) if number > newest || !history.is_certain(number) => return None,
        BlockId::Number(number) => history.if_certain(history.of(genesis, (netuid, mechid), number)).await,
        // Of a hash the number is not known before it is found.
        BlockId::Hash(_) if !history.is_certain(BlockNumber(0)) => return None,
        BlockId::Hash(hash) => history.if_certain(history.with_hash(genesis, (netuid, mechid), hash)).await,
    };
    match found {
        Ok(table) => table.filter(|table| table.at.block.number <= newest).map(|table| {
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

pub(super) async fn of_the_chain(
    parts: &Parts,
    netuid: NetUid,
    mechid: MechId,
    block: Option<BlockId>,
) -> Result<Found, Failure> {
    let (view, at) = raw::view(&parts.link, block).await?;
    let stamp = Stamp::of(view.block(), &parts.link);
    let table = Table::read(&view, netuid, mechid, stamp).await?;
    let table = table.ok_or_else(|| no_mechanism(netuid, mechid, at))?;
    Ok(Found { table: Arc::new(table), at })
}
