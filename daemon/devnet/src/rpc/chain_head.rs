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
    operation::Task,
};
use super::{Answer, Arguments, error};
use crate::node::Node;

/// Answers at once. Whoever does not follow, or no longer, is told nothing rather than an error.
type Direct = fn(&Node, &Follower, &mut Arguments) -> Answer;
/// Finds out what an operation is to do.
type Prepare = fn(&Follower, H256, &mut Arguments) -> Result<Task, ErrorObjectOwned>;

const DIRECT: [(&str, Direct); 4] = [
    ("chainHead_v1_header", header),
    ("chainHead_v1_unpin", unpin),
    ("chainHead_v1_continue", resume),
    ("chainHead_v1_stopOperation", stop),
];
const OPERATIONS: [(&str, Prepare); 3] = [
    ("chainHead_v1_body", |_, at, _| Ok(Task::Body { at })),
    ("chainHead_v1_call", call),
    ("chainHead_v1_storage", |_, at, arguments| {
        let queries = arguments.required("items")?;
        let child = arguments.optional::<operation::Key>("childTrie")?;
        Ok(Task::Storage { at, queries, child })
    }),
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
                follower.map_or(Ok(Value::Null), |follower| answer(&node, &follower, &mut arguments))
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
    let Some(follower) = follower else { return Ok(None) };
    if !follower.has_pinned(&at) {
        return Err(error::not_pinned());
    }
    let task = prepare(&follower, at, &mut arguments)?;
    Ok(follower.begin().map(|operation| (task, operation)))
}

fn call(follower: &Follower, at: H256, arguments: &mut Arguments) -> Result<Task, ErrorObjectOwned> {
    let function = arguments.required("function")?;
    let parameters = arguments.required::<operation::Key>("callParameters")?;
    if !follower.with_runtime {
        return Err(error::without_runtime());
    }
    Ok(Task::Call { at, function, parameters })
}

fn header(node: &Node, follower: &Follower, arguments: &mut Arguments) -> Answer {
    let hash = arguments.required("hash")?;
    if !follower.has_pinned(&hash) {
        return Err(error::not_pinned());
    }
    let block = node.chain.block(&hash);
    Ok(json!(block.map(|block| Bytes(codec::Encode::encode(&block.header)))))
}

fn unpin(_: &Node, follower: &Follower, arguments: &mut Arguments) -> Answer {
    let hashes = match arguments.required("hashOrHashes")? {
        Value::Array(hashes) => hashes,
        hash => vec![hash],
    };
    let hashes = hashes.into_iter().map(serde_json::from_value).collect::<Result<Vec<H256>, _>>();
    let hashes = hashes.map_err(|error| error::invalid_params(format!("hashOrHashes: {error}")))?;
    follower.unpin(&hashes).map_err(|why| match why {
        UnpinError::NotPinned => error::not_pinned(),
        UnpinError::Twice => error::named_twice(),
    })?;
    Ok(Value::Null)
}

/// No operation here waits to be told to go on: a slow reader holds it up by not reading.
fn resume(_: &Node, follower: &Follower, arguments: &mut Arguments) -> Answer {
    let operation: String = arguments.required("operationId")?;
    if follower.is_running(&operation) { Err(error::waits_for_nothing()) } else { Ok(Value::Null) }
}

fn stop(_: &Node, follower: &Follower, arguments: &mut Arguments) -> Answer {
    let operation: String = arguments.required("operationId")?;
    follower.stop(&operation);
    Ok(Value::Null)
}
