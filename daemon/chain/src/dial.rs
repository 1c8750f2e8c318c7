//! How a connection to a node is made: over a WebSocket, as a rule.
//!
//! Nothing is asked here, and nothing is tried twice: when to connect is the follower's decision
//! (`link/follower.rs`), so the client below is told never to reconnect on its own account.

use std::{fmt, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use subxt_rpcs::{RpcClient, client::ReconnectingRpcClient};

use crate::{endpoint::Endpoint, link::LinkConfig};

/// Makes connections. A unit test has a network of its own (`simulated.rs`).
pub(crate) trait Dial: fmt::Debug + Send + Sync {
    /// Connects to `endpoint`; who waits for it bounds the waiting. The error is what went wrong, in words.
    fn dial<'d>(&'d self, endpoint: &'d Endpoint, config: &'d LinkConfig) -> BoxFuture<'d, Result<RpcClient, String>>;
}

/// Over a WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocket;

impl Dial for WebSocket {
    fn dial<'d>(&'d self, endpoint: &'d Endpoint, config: &'d LinkConfig) -> BoxFuture<'d, Result<RpcClient, String>> {
        let opening = ReconnectingRpcClient::builder()
            .retry_policy(std::iter::empty::<Duration>())
            .max_response_size(config.max_response_bytes)
            // The link's own deadlines come first; these only keep abandoned requests from staying for ever.
            .request_timeout(config.request_timeout().saturating_mul(2))
            .connection_timeout(config.connect_timeout())
            .build(endpoint.url());
        async { opening.await.map(RpcClient::new).map_err(|error| innermost(&error)) }.boxed()
    }
}

/// The message at the end of a chain of sources: the part that a person can act on.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
