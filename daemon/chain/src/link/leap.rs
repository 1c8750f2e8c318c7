//! Blocks far ahead of what was followed: the others are asked whether they have heard of one before it is gone to.

use std::sync::Arc;

use btd_api::BlockNumber;
use futures_util::{StreamExt, stream::FuturesUnordered};

use super::{Shared, follower, pool::Node, scout, witnesses};
use crate::{
    block::BlockRef,
    clock,
    endpoint::Endpoint,
    error::ConnectError,
    fetch,
    rpc::{self, Ask, Connection},
};

/// That an endpoint announces a block of which no other has heard.
pub(super) fn unheard_of(endpoint: &Endpoint, block: BlockNumber) -> ConnectError {
    let reason = format!("it announces block {block}, of which no other endpoint has heard");
    ConnectError::Unusable { endpoint: endpoint.to_string(), reason }
}

/// Whether an endpoint knows `block`, which its finalized blocks do not reach; none where it cannot tell, because it
/// is catching up with its chain or does not say whether it is.
pub(super) async fn has_heard_of(connection: &Connection, block: BlockRef) -> Result<Option<bool>, ConnectError> {
    match fetch::header(connection, block.hash).await {
        Ok(Some(_)) => return Ok(Some(true)),
        Ok(None) => {}
        Err(error) if Connection::is_refusal(&error) => return Ok(None),
        Err(error) => return Err(error),
    }
    match connection.ask(rpc::health()).await {
        Ok(health) => Ok((!health.is_syncing).then_some(false)),
        Err(error) if Connection::is_refusal(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A block far ahead is not gone to when the others, whose chain goes on too, have never heard of it. When every endpoint
/// had its turn and nobody goes on, it may be they who are wrong.
pub(super) async fn check_leap(
    shared: &Shared,
    connection: &Connection,
    announced: BlockNumber,
    had_all: bool,
) -> Result<(), ConnectError> {
    let absent = || connection.nonsense("a finalized block", format!("it has no block {announced}"));
    let hash = fetch::hash_of(connection, announced).await?.ok_or_else(absent)?;
    let endpoint = &connection.node().endpoint;
    if bear_out(shared, endpoint, BlockRef { number: announced, hash }).await {
        return Ok(());
    }
    if had_all {
        tracing::warn!(%endpoint, block = announced.0, "no other endpoint has heard of a block that one announces");
        return Ok(());
    }
    Err(unheard_of(endpoint, announced))
}

/// Whether another endpoint bears out `block`, which `teller` announces far ahead of what was followed; also where none
/// can be asked. All are asked at once, and none for long. Those behind one that was named are not asked about its blocks.
pub(super) async fn bear_out(shared: &Shared, teller: &Endpoint, block: BlockRef) -> bool {
    if shared.config.scout_ms == 0 {
        return true;
    }
    let (now, anchor) = (clock::now(), &shared.witnesses.anchor);
    let has_a_say = |node: &Node| anchor.is_named(&node.endpoint) || !anchor.is_named(teller);
    let others = shared
        .pool
        .followed()
        .iter()
        .filter(|node| node.endpoint != *teller && has_a_say(node) && node.may_be_visited(now, true));
    let mut asked: FuturesUnordered<_> = others.map(|node| knows(shared, node, block)).collect();
    let mut is_unheard_of = false;
    while let Some(said) = asked.next().await {
        match said {
            Ok(Some(true)) => return true,
            Ok(Some(false)) => is_unheard_of = true,
            Ok(None) => {}
            Err(cause) => tracing::debug!(%cause, "an endpoint could not be asked about a block far ahead"),
        }
    }
    !is_unheard_of
}

/// Whether the chain of an endpoint has got to `block`; none where it cannot tell.
async fn knows(shared: &Shared, node: &Arc<Node>, block: BlockRef) -> Result<Option<bool>, ConnectError> {
    let connection = Connection::open(node, &*shared.dialer, &scout::glance(&shared.config)).await?;
    follower::check_genesis(shared, &connection).await?;
    let newest = follower::newest(&connection).await?.number;
    node.note_announced(newest, witnesses::TERM, clock::now());
    if newest >= block.number {
        return Ok(Some(fetch::hash_of(&connection, block.number).await? == Some(block.hash)));
    }
    if newest.0.saturating_add(shared.config.max_lag_blocks) >= block.number.0 {
        return Ok(Some(true));
    }
    let has_heard = has_heard_of(&connection, block).await?;
    // One that stands still has heard of nothing.
    Ok(has_heard.filter(|heard| *heard || node.has_grown(witnesses::TERM, clock::now())))
}
