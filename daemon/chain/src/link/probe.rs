//! How fast an endpoint answers, whether it is followed or not: one look, over a connection of its own.

use std::time::Duration;

use btd_api::{BlockHash, BlockNumber};

use super::{Link, pool::Node};
use crate::{
    clock,
    endpoint::Endpoint,
    error::ConnectError,
    rpc::{self, Ask, Connection},
};

/// What a look at an endpoint told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// How long it took until it was connected, its name looked up.
    pub connect: Duration,
    /// How long it then took to name its newest finalized block.
    pub answer: Duration,
    /// Its block 0: which chain it has.
    pub genesis: Option<BlockHash>,
}

// === impl Link ===

impl Link {
    /// Looks at `endpoint`. Nothing is followed from it, and nothing that it says is kept.
    ///
    /// # Errors
    /// When it is no WebSocket URL, cannot be reached, or does not answer.
    pub async fn probe(&self, endpoint: &Endpoint) -> Result<Probe, ConnectError> {
        if !endpoint.is_websocket() {
            let reason = "it is not the URL of a WebSocket: such begin with ws:// or wss://".to_owned();
            return Err(ConnectError::Unusable { endpoint: endpoint.to_string(), reason });
        }
        let (config, begun) = (&self.shared.config, clock::now());
        let node = Node::new(endpoint, false, false, config, begun);
        let connection = Connection::open(&node, &*self.shared.dialer, config).await?;
        let (connect, asked) = (clock::since(begun), clock::now());
        connection.ask(rpc::finalized_head()).await?;
        let answer = clock::since(asked);
        let genesis = connection.ask(rpc::block_hash(BlockNumber(0))).await?;
        Ok(Probe { connect, answer, genesis })
    }
}
