//! Which chain an endpoint is of, and whether a public network's nodes stand behind it.

use btd_api::{BlockHash, BlockNumber};

use super::{
    super::{Finality, Shared},
    Follower,
};
use crate::{
    clock,
    error::ConnectError,
    rpc::{self, Ask, Connection},
};

/// The chain's name: what the endpoint calls block 0 must be what is wanted.
pub(in crate::link) async fn check_genesis(
    shared: &Shared,
    connection: &Connection,
) -> Result<BlockHash, ConnectError> {
    let found = connection.ask(rpc::block_hash(BlockNumber(0))).await?;
    let found = found.ok_or_else(|| connection.nonsense("block 0", "it has none".to_owned()))?;
    let expected = shared.name(found);
    if found != expected {
        return Err(ConnectError::WrongGenesis { endpoint: connection.endpoint().to_owned(), expected, found });
    }
    Ok(found)
}

// === impl Follower ===

impl Follower {
    /// The nodes of the public network with this block 0 join where the endpoint that is about to be followed is one of
    /// many. An archive's word, or that of one that is merely looked at or does not go on from what was followed, says
    /// nothing about the node that is followed; nor does it that the chain was named by its block 0.
    pub(super) async fn recognise(&self, connection: &Connection, genesis: BlockHash) -> Result<(), ConnectError> {
        let shared = &self.shared;
        if !shared.pool.may_be_joined(genesis, &shared.config) {
            return Ok(());
        }
        // By the next block it would be too late. A chain that can be taken back may go on from elsewhere.
        if let Some(last) = self.last.filter(|_| shared.config.finality != Finality::Revocable) {
            self.check_history(connection, last.block).await?;
        }
        if has_company(connection).await? {
            shared.pool.recognise(genesis, &shared.config, clock::now());
        }
        Ok(())
    }
}

/// Whether an endpoint is one of many: a copy of a public network's state that stands alone has the same block 0, and
/// that network's nodes take over nothing from it.
async fn has_company(connection: &Connection) -> Result<bool, ConnectError> {
    match connection.ask(rpc::health()).await {
        Ok(health) => Ok(health.should_have_peers),
        Err(error) if Connection::is_refusal(&error) => Ok(true),
        Err(error) => Err(error),
    }
}
