//! Substrate's JSON-RPC: which methods there are, and how a request becomes a call on the node.
//!
//! One table per group of methods; a handler is a plain function from node and arguments to a value, run on
//! [`crate::workers`]. Shapes, codes and texts are those of a Substrate node, because clients depend on them.

mod arguments;
mod author;
mod blocks;
mod error;
mod payment;
mod state;
mod subscriptions;
mod subtensor;
mod system;

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use jsonrpsee::{
    RpcModule,
    core::RegisterMethodError,
    server::{
        BatchRequestConfig, PingConfig, RandomStringIdProvider, Server, ServerConfig, ServerHandle,
        middleware::http::ProxyGetRequestLayer,
    },
    types::ErrorObjectOwned,
};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tower::ServiceBuilder;

use self::arguments::Arguments;
use crate::{
    DevnetError,
    chain::Block,
    node::{Command, Node},
};

/// Size of the largest request, as a Substrate node has it.
const MAX_REQUEST_BYTES: u32 = 15 << 20;
/// Size of the largest answer.
const MAX_RESPONSE_BYTES: u32 = 32 << 20;
/// Requests in one batch.
const MAX_BATCH: u32 = 1_024;
/// Subscriptions of one connection.
const MAX_SUBSCRIPTIONS: u32 = 1_024;
/// Answers and notifications that may wait for a slow client.
const MESSAGES_BUFFERED: u32 = 256;
/// Time between pings of a WebSocket client, and how often it may stay silent before it is let go.
const PING: Duration = Duration::from_secs(30);
const MAX_SILENCES: usize = 3;
/// Length of a subscription's id.
const SUBSCRIPTION_ID_LENGTH: usize = 16;
/// Blocks that one call of `dev_mine` may ask for.
const MAX_MINED: u32 = 100_000;

/// Paths on which a plain `GET` is answered with the result of a method, for what watches over nodes.
const GET: [(&str, &str); 1] = [("/health", "system_health")];

/// What a handler gives back.
type Answer = Result<Value, ErrorObjectOwned>;

/// One method with its other names.
struct Method {
    name: &'static str,
    aliases: &'static [&'static str],
    run: fn(&Node, &mut Arguments) -> Answer,
}

/// Serves the node on a bound socket. Must be called on a tokio runtime.
pub(crate) fn serve(listener: TcpListener, node: Arc<Node>, max_connections: u32) -> io::Result<ServerHandle> {
    let module = module(node).map_err(io::Error::other)?;
    let config = ServerConfig::builder()
        .max_connections(max_connections)
        .max_request_body_size(MAX_REQUEST_BYTES)
        .max_response_body_size(MAX_RESPONSE_BYTES)
        .max_subscriptions_per_connection(MAX_SUBSCRIPTIONS)
        .set_batch_request_config(BatchRequestConfig::Limit(MAX_BATCH))
        .set_message_buffer_capacity(MESSAGES_BUFFERED)
        .enable_ws_ping(PingConfig::new().ping_interval(PING).inactive_limit(2 * PING).max_failures(MAX_SILENCES))
        .set_id_provider(RandomStringIdProvider::new(SUBSCRIPTION_ID_LENGTH))
        .set_tcp_no_delay(true)
        .build();
    let get = ProxyGetRequestLayer::new(GET).map_err(io::Error::other)?;
    let server = Server::builder().set_config(config).set_http_middleware(ServiceBuilder::new().layer(get));
    Ok(server.build_from_tcp(listener)?.start(module))
}

fn module(node: Arc<Node>) -> Result<RpcModule<Node>, RegisterMethodError> {
    let mut module = RpcModule::from_arc(node);
    let groups =
        [system::METHODS, blocks::METHODS, state::METHODS, author::METHODS, payment::METHODS, subtensor::METHODS];
    for method in groups.into_iter().flatten() {
        let run = method.run;
        module.register_async_method(method.name, move |params, node, _| async move {
            let mut arguments = Arguments::parse(&params)?;
            let handler = node.clone();
            node.workers.run(move || run(&handler, &mut arguments)).await.map_err(error::work)?
        })?;
        for alias in method.aliases {
            module.register_alias(alias, method.name)?;
        }
    }
    for (name, query) in subtensor::QUERIES {
        module.register_async_method(name, move |params, node, _| async move {
            let mut arguments = Arguments::parse(&params)?;
            let handler = node.clone();
            node.workers.run(move || query.answer(&handler, &mut arguments)).await.map_err(error::work)?
        })?;
    }
    module.register_async_method("dev_mine", |params, node, _| async move {
        let count = Arguments::parse(&params)?.optional::<u32>("n")?.unwrap_or(1);
        if count > MAX_MINED {
            return Err(error::invalid_params(format!("n: at most {MAX_MINED} blocks at once")));
        }
        let block = mine(&node, count).await.map_err(error::mining)?;
        Answer::Ok(json!({ "number": block.number(), "hash": block.hash }))
    })?;
    subscriptions::register(&mut module)?;

    let mut names: Vec<&'static str> = module.method_names().collect();
    names.push("rpc_methods");
    names.sort_unstable();
    module.register_method("rpc_methods", move |_, _, _| json!({ "methods": names }))?;
    Ok(module)
}

/// Makes `count` blocks now, and waits for the last.
pub(crate) async fn mine(node: &Node, count: u32) -> Result<Arc<Block>, DevnetError> {
    let (answer, answered) = oneshot::channel();
    node.command(Command::Mine(count, answer))?;
    answered.await.unwrap_or(Err(DevnetError::Stopped))
}
