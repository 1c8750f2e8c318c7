//! The newest finalized block of an endpoint: the one that it has, and those that it announces.

use btd_api::BlockNumber;
use subxt_rpcs::client::RpcSubscription;
use tokio::sync::watch;

use super::{super::Shared, Never};
use crate::{
    block::BlockRef,
    clock, dial,
    error::ConnectError,
    fetch,
    rpc::{self, Ask, Connection},
};

/// The newest finalized block that an endpoint has announced, or why it announces none any more.
pub(super) type Told = Result<BlockNumber, ConnectError>;

/// The newest finalized block of an endpoint.
pub(in crate::link) async fn newest(connection: &Connection) -> Result<BlockRef, ConnectError> {
    let hash = connection.ask(rpc::finalized_head()).await?;
    let header = fetch::header(connection, hash).await?;
    let header = header.ok_or_else(|| connection.nonsense("its finalized head", "it has no header".to_owned()))?;
    Ok(BlockRef { number: header.number, hash })
}

/// Tells the newest of the `heads`, also while what they announce is being read: none of them has to wait for it, so
/// an endpoint that withholds an answer fills no memory with them.
pub(super) async fn listen(
    shared: &Shared,
    connection: &Connection,
    mut heads: RpcSubscription<rpc::Announced>,
    told: &watch::Sender<Told>,
) -> Never {
    loop {
        let next = next_head(shared, connection, &mut heads).await;
        let is_over = next.is_err();
        told.send_modify(|told| *told = next);
        if is_over {
            return std::future::pending().await;
        }
    }
}

/// The number of the next finalized head, if one comes in time.
async fn next_head(
    shared: &Shared,
    connection: &Connection,
    heads: &mut RpcSubscription<rpc::Announced>,
) -> Result<BlockNumber, ConnectError> {
    let endpoint = || connection.endpoint().to_owned();
    let next = match shared.config.stale_after() {
        None => heads.next().await,
        Some(after) => match clock::timeout(after, heads.next()).await {
            Ok(next) => next,
            Err(_) => return Err(ConnectError::Stale { endpoint: endpoint(), after }),
        },
    };
    connection.hear();
    match next {
        Some(Ok(header)) => Ok(header.number),
        Some(Err(error)) if dial::is_flood(&error) => {
            let reason = format!("it announces blocks without end: {error}");
            Err(ConnectError::Unusable { endpoint: endpoint(), reason })
        }
        Some(Err(error)) => Err(ConnectError::Cut { endpoint: endpoint(), reason: error.to_string() }),
        None => Err(ConnectError::Cut { endpoint: endpoint(), reason: "the subscription ended".to_owned() }),
    }
}
