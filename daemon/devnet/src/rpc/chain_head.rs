//! `chainHead_v1_*`: the head of the chain for clients of the newer interface, which follow it and ask about its blocks.
//!
//! Names, events and errors are those of the JSON-RPC interface specification. A follower is told of each block, which
//! stays readable for it until it unpins it ([`follow`]); what takes time is an operation, whose outcome is an event of
//! the same subscription ([`operation`]). Who follows is known by connection ([`followers`]).

mod follow;
mod followers;
mod operation;

use std::sync::Arc;

use jsonrpsee::{
    Extensions, RpcModule,
    core::{
        RegisterMethodError,
        server::{ConnectionId, MethodResponseError, ResponsePayload},
    },
    types::{ErrorObjectOwned, Params},
};
use serde_json::{Value, json};
use sp_core::{Bytes, H256};

use self::{
    followers::{Follower, Followers, UnpinError},
    operation::{Item, Query, Task},
};
use super::{Answer, Arguments, error};
use crate::node::Node;

/// Answers at once. Whoever does not follow, or no longer, is told nothing rather than an error, unless the parameters
/// are none.
type Direct = fn(&Node, Option<Arc<Follower>>, &mut Arguments) -> Answer;
/// Finds out what an operation is to do. Everybody hears of the outer error, followers alone of the inner one: a node
/// reads most parameters before it looks for the follower, but some of their hexadecimal digits after.
type Prepare = fn(H256, &mut Arguments) -> Result<Result<Task, ErrorObjectOwned>, ErrorObjectOwned>;

const DIRECT: [(&str, Direct); 4] = [
    ("chainHead_v1_header", header),
    ("chainHead_v1_unpin", unpin),
    ("chainHead_v1_continue", resume),
    ("chainHead_v1_stopOperation", stop),
];
const OPERATIONS: [(&str, Prepare); 3] = [
    ("chainHead_v1_body", |at, _| Ok(Ok(Task::Body { at }))),
    ("chainHead_v1_call", call),
    ("chainHead_v1_storage", storage),
];

pub(super) fn register(module: &mut RpcModule<Node>) -> Result<(), RegisterMethodError> {
    let followers = Arc::new(Followers::default());
    let all = followers.clone();
    module.register_subscription(
        "chainHead_v1_follow",
        "chainHead_v1_followEvent",
        "chainHead_v1_unfollow",
        move |params, pending, node, _| follow::follow(params, pending, node, all.clone()),
    )?;
    for (name, answer) in DIRECT {
        let followers = followers.clone();
        module.register_async_method(name, move |params, node, extensions| {
            let followers = followers.clone();
            async move {
                let (follower, mut arguments) = asker(&followers, &params, &extensions)?;
                answer(&node, follower, &mut arguments)
            }
        })?;
    }
    for (name, prepare) in OPERATIONS {
        let followers = followers.clone();
        module.register_async_method(name, move |params, node, extensions| {
            let followers = followers.clone();
            async move {
                match begin(&followers, &params, &extensions, prepare) {
                    Err(error) => ResponsePayload::error(error),
                    Ok(None) => ResponsePayload::success(json!({ "result": "limitReached" })),
                    Ok(Some((task, operation))) => {
                        let (answer, answered) =
                            ResponsePayload::success(task.started(&operation)).notify_on_completion();
                        // The client must know the operation before it hears of it.
                        tokio::spawn(async move {
                            // In a batch nobody is told when the answer is out.
                            if !matches!(answered.await, Err(MethodResponseError::JsonRpcError)) {
                                operation.run(node, task).await;
                            }
                        });
                        answer
                    }
                }
            }
        })?;
    }
    Ok(())
}

/// Who asks, and what else it says.
fn asker(
    followers: &Followers,
    params: &Params<'_>,
    extensions: &Extensions,
) -> Result<(Option<Arc<Follower>>, Arguments), ErrorObjectOwned> {
    let mut arguments = Arguments::parse(params)?;
    let subscription: String = arguments.required("followSubscription")?;
    let connection = extensions.get::<ConnectionId>().copied();
    Ok((connection.and_then(|connection| followers.find(connection, subscription)), arguments))
}

fn begin(
    followers: &Followers,
    params: &Params<'_>,
    extensions: &Extensions,
    prepare: Prepare,
) -> Result<Option<(Task, operation::Operation)>, ErrorObjectOwned> {
    let (follower, mut arguments) = asker(followers, params, extensions)?;
    let at = arguments.required("hash")?;
    let task = prepare(at, &mut arguments)?;
    let Some(follower) = follower else { return Ok(None) };
    let task = task?;
    if !follower.has_pinned(&at) {
        return Err(error::not_pinned());
    }
    let with_runtime = follower.with_runtime;
    let Some(operation) = follower.begin() else { return Ok(None) };
    if matches!(task, Task::Call { .. }) && !with_runtime {
        return Err(error::without_runtime());
    }
    Ok(Some((task, operation)))
}

fn bytes(text: &str) -> Result<Vec<u8>, ErrorObjectOwned> {
    operation::bytes(text).map_err(|_| error::not_hexadecimal(text))
}

fn call(at: H256, arguments: &mut Arguments) -> Result<Result<Task, ErrorObjectOwned>, ErrorObjectOwned> {
    let function = arguments.required("function")?;
    let parameters: String = arguments.required("callParameters")?;
    Ok(Ok(Task::Call { at, function, parameters: bytes(&parameters)? }))
}

fn storage(at: H256, arguments: &mut Arguments) -> Result<Result<Task, ErrorObjectOwned>, ErrorObjectOwned> {
    let items: Vec<Item> = arguments.required("items")?;
    let child: Option<String> = arguments.optional("childTrie")?;
    let read = || {
        let query = |item: Item| Ok(Query { key: bytes(&item.key)?, wanted: item.wanted });
        let queries = items.into_iter().map(query).collect::<Result<_, ErrorObjectOwned>>()?;
        Ok(Task::Storage { at, queries, child: child.as_deref().map(bytes).transpose()? })
    };
    Ok(read())
}

/// It counts among the operations while it is looked up: who has too many of them is told nothing.
fn header(node: &Node, follower: Option<Arc<Follower>>, arguments: &mut Arguments) -> Answer {
    let hash = arguments.required("hash")?;
    let Some(follower) = follower else { return Ok(Value::Null) };
    if !follower.has_pinned(&hash) {
        return Err(error::not_pinned());
    }
    let Some(_looking) = follower.begin() else { return Ok(Value::Null) };
    let block = node.chain.block(&hash);
    Ok(json!(block.map(|block| Bytes(codec::Encode::encode(&block.header)))))
}

fn unpin(_: &Node, follower: Option<Arc<Follower>>, arguments: &mut Arguments) -> Answer {
    let hashes = match arguments.required("hashOrHashes")? {
        Value::Array(hashes) => hashes,
        hash => vec![hash],
    };
    let hashes = hashes.into_iter().map(serde_json::from_value).collect::<Result<Vec<H256>, _>>();
    let hashes = hashes.map_err(|error| error::invalid_params(format!("hashOrHashes: {error}")))?;
    let Some(follower) = follower else { return Ok(Value::Null) };
    follower.unpin(&hashes).map_err(|why| match why {
        UnpinError::NotPinned => error::not_pinned(),
        UnpinError::Twice => error::named_twice(),
    })?;
    Ok(Value::Null)
}

/// No operation here waits to be told to go on: a slow reader holds it up by not reading.
fn resume(_: &Node, follower: Option<Arc<Follower>>, arguments: &mut Arguments) -> Answer {
    let operation: String = arguments.required("operationId")?;
    match follower {
        Some(follower) if follower.is_running(&operation) => Err(error::waits_for_nothing()),
        _ => Ok(Value::Null),
    }
}

fn stop(_: &Node, follower: Option<Arc<Follower>>, arguments: &mut Arguments) -> Answer {
    let operation: String = arguments.required("operationId")?;
    if let Some(follower) = follower {
        follower.stop(&operation);
    }
    Ok(Value::Null)
}
