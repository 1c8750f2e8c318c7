//! Substrate's JSON-RPC: which methods there are, and how a request becomes a call on the node.
//!
//! One table per group of methods; a handler is a plain function from node and arguments to a value, run on
//! [`crate::workers`]. Shapes, codes and texts are those of a Substrate node, because clients depend on them. `dev_*`
//! methods are this chain's own.

mod arguments;
mod author;
mod blocks;
mod chain_head;
mod child_state;
mod dev;
mod error;
mod health;
mod keys;
mod payment;
mod peers;
mod server;
mod state;
mod subscriptions;
mod subtensor;
mod system;
mod trace;
mod transactions;

use std::{io, net::TcpListener, sync::Arc};

use jsonrpsee::{RpcModule, core::RegisterMethodError, server::ServerHandle, types::ErrorObjectOwned};
use serde_json::{Value, json};

use self::arguments::Arguments;
use crate::node::Node;

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
    let module = module(node.clone()).map_err(io::Error::other)?;
    server::serve(listener, module, node, max_connections)
}

fn module(node: Arc<Node>) -> Result<RpcModule<Node>, RegisterMethodError> {
    let mut module = RpcModule::from_arc(node);
    let groups = [
        system::METHODS,
        blocks::METHODS,
        state::METHODS,
        child_state::METHODS,
        author::METHODS,
        payment::METHODS,
        subtensor::METHODS,
    ];
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
    dev::register(&mut module)?;
    subscriptions::register(&mut module)?;
    chain_head::register(&mut module)?;
    transactions::register(&mut module)?;
    keys::register(&mut module)?;
    peers::register(&mut module)?;

    let mut names: Vec<&'static str> = module.method_names().collect();
    names.push("rpc_methods");
    names.sort_unstable();
    module.register_method("rpc_methods", move |_, _, _| json!({ "methods": names }))?;
    Ok(module)
}
