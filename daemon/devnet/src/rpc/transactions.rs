//! `transactionWatch_v1_*` and `transaction_v1_*`: handing in extrinsics as clients of the newer interface do.
//!
//! An extrinsic that is refused is no error of the request here, but an event, or for a broadcast nothing at all. The
//! older way is in [`super::author`].

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use jsonrpsee::{
    Extensions, RpcModule,
    core::{RegisterMethodError, server::ConnectionId},
    server::PendingSubscriptionSink,
    types::Params,
};
use serde_json::{Value, json};
use sp_core::{Bytes, H256};
use sp_runtime::traits::Hash;
use tokio::sync::{broadcast, mpsc::Receiver};
use tokio_util::sync::CancellationToken;

use super::{
    Answer, Arguments, error,
    subscriptions::{Ended, finality, send},
};
use crate::{
    chain::Hasher,
    node::{Node, SubmitError},
    pool::{Refusal, Status, Watcher},
};

/// Broadcasts of one connection at once, as a Substrate node has it.
const PER_CONNECTION: usize = 16;
/// Bytes of all broadcasts, which outlive their connections.
const MOST_BYTES: usize = 64 << 20;
/// Blocks on which an extrinsic is tried that the pool has no place for.
const TRIES: usize = 64;

pub(super) fn register(module: &mut RpcModule<Node>) -> Result<(), RegisterMethodError> {
    module.register_subscription(
        "transactionWatch_v1_submitAndWatch",
        "transactionWatch_v1_watchEvent",
        "transactionWatch_v1_unwatch",
        |params, pending, node, _| submit_and_watch(params, pending, node),
    )?;
    let broadcasts = Arc::new(Broadcasts::default());
    let all = broadcasts.clone();
    module.register_async_method("transaction_v1_broadcast", move |params, node, extensions| {
        let all = all.clone();
        async move { broadcast(&params, &node, &extensions, &all) }
    })?;
    module.register_method("transaction_v1_stop", move |params, _, extensions| -> Answer {
        let operation: String = Arguments::parse(&params)?.required("operationId")?;
        let stopped = broadcasts.all().remove(&(connection(extensions), operation));
        let stopped = stopped.ok_or_else(|| error::invalid_params("operationId: no such operation runs"))?;
        stopped.stopped.cancel();
        Ok(Value::Null)
    })?;
    Ok(())
}

fn connection(extensions: &Extensions) -> ConnectionId {
    extensions.get::<ConnectionId>().copied().unwrap_or_default()
}

// === Watching ===

async fn submit_and_watch(params: Params<'static>, pending: PendingSubscriptionSink, node: Arc<Node>) -> Ended {
    let extrinsic: Bytes = match Arguments::parse(&params).and_then(|mut arguments| arguments.required("bytes")) {
        Ok(extrinsic) => extrinsic,
        Err(error) => {
            pending.reject(error).await;
            return Ok(());
        }
    };
    let Ok(sink) = pending.accept().await else { return Ok(()) };
    let (watcher, mut statuses) = Watcher::new();
    let pool = node.clone();
    let submitted = node.workers.run(move || pool.submit(extrinsic.0, Some(watcher))).await;
    let hash = match submitted {
        Ok(Ok(hash)) => hash,
        Ok(Err(error)) => {
            send(&sink, &refused(error)).await?;
            return Ok(());
        }
        Err(error) => {
            send(&sink, &json!({ "event": "error", "error": error.to_string() })).await?;
            return Ok(());
        }
    };
    let mut validated = false;
    loop {
        let status = tokio::select! {
            () = sink.closed() => return Ok(()),
            status = statuses.recv() => status,
        };
        // The pool lets go of the watcher once the extrinsic has met its fate.
        let Some(status) = status else { return Ok(()) };
        let event = match status {
            Status::Future | Status::Ready if validated => continue,
            Status::Future | Status::Ready => {
                validated = true;
                json!({ "event": "validated" })
            }
            Status::InBlock(block) => {
                json!({ "event": "bestChainBlockIncluded", "block": place(&node, block, hash) })
            }
            Status::Finalized(block) => {
                tokio::select! {
                    () = sink.closed() => return Ok(()),
                    () = finality(&node, block) => {}
                }
                match place(&node, block, hash) {
                    Some(place) => json!({ "event": "finalized", "block": place }),
                    None => json!({ "event": "error", "error": "the block that held the extrinsic was taken back" }),
                }
            }
            Status::Usurped(_) => {
                json!({ "event": "invalid", "error": "Extrinsic was rendered invalid by another extrinsic" })
            }
            Status::Dropped => {
                json!({ "event": "dropped", "error": "Extrinsic dropped from the pool due to exceeding limits" })
            }
            Status::Invalid => json!({ "event": "invalid", "error": "Extrinsic marked as invalid" }),
        };
        if !send(&sink, &event).await? {
            return Ok(());
        }
    }
}

/// Where an extrinsic stands; `None` where the block was taken back or is kept no longer.
fn place(node: &Node, block: H256, extrinsic: H256) -> Option<Value> {
    let found = node.chain.block(&block)?;
    let index = found.extrinsics.iter().position(|other| Hasher::hash(other) == extrinsic)?;
    Some(json!({ "hash": block, "index": index }))
}

/// What a watcher is told of an extrinsic that the pool did not take.
fn refused(error: SubmitError) -> Value {
    let event = match &error {
        SubmitError::Pool(Refusal::ImmediatelyDropped) => "dropped",
        SubmitError::Malformed(_) | SubmitError::Pool(_) => "invalid",
        SubmitError::Verification(_) => "error",
    };
    let error = error::submit(error);
    let details = error.data().and_then(|data| serde_json::from_str::<String>(data.get()).ok());
    let text = details.map_or_else(|| error.message().to_owned(), |details| format!("{}: {details}", error.message()));
    json!({ "event": event, "error": text })
}

// === Broadcasting ===

/// Broadcasts that go on, by connection and name.
type Running = HashMap<(ConnectionId, String), Broadcast>;

/// What stops a broadcast, and how long its extrinsic is.
struct Broadcast {
    stopped: CancellationToken,
    bytes: usize,
}

#[derive(Default)]
struct Broadcasts {
    all: Mutex<Running>,
    begun: AtomicU64,
}

impl Broadcasts {
    fn all(&self) -> MutexGuard<'_, Running> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands an extrinsic to the pool, and again for some blocks where that has no place for it, unless stopped; `null`
/// where there are enough of these.
fn broadcast(params: &Params<'_>, node: &Arc<Node>, extensions: &Extensions, broadcasts: &Arc<Broadcasts>) -> Answer {
    let extrinsic: Bytes = Arguments::parse(params)?.required("bytes")?;
    let connection = connection(extensions);
    let mut all = broadcasts.all();
    let bytes = extrinsic.len();
    let held = all.values().map(|broadcast| broadcast.bytes).sum::<usize>();
    if all.keys().filter(|(other, _)| *other == connection).count() >= PER_CONNECTION || held + bytes > MOST_BYTES {
        return Ok(Value::Null);
    }
    let operation = broadcasts.begun.fetch_add(1, Ordering::Relaxed).to_string();
    let (name, stopped) = ((connection, operation.clone()), CancellationToken::new());
    all.insert(name.clone(), Broadcast { stopped: stopped.clone(), bytes });
    drop(all);
    let (broadcasts, news) = (broadcasts.clone(), node.news.subscribe());
    // The chain ends whoever waits for it.
    let node = Arc::downgrade(node);
    tokio::spawn(async move {
        tokio::select! {
            () = stopped.cancelled() => {}
            () = keep_trying(&node, news, &extrinsic.0) => {}
        }
        broadcasts.all().remove(&name);
    });
    Ok(json!(operation))
}

async fn keep_trying<T: Clone>(node: &Weak<Node>, mut news: broadcast::Receiver<T>, extrinsic: &[u8]) {
    for _ in 0..TRIES {
        let (watcher, statuses) = Watcher::new();
        let Some(node) = node.upgrade() else { return };
        let (pool, bytes) = (node.clone(), extrinsic.to_vec());
        let submitted = node.workers.run(move || pool.submit(bytes, Some(watcher))).await;
        drop(node);
        match submitted {
            Ok(Ok(_)) => return fate(statuses).await,
            Ok(Err(SubmitError::Pool(Refusal::ImmediatelyDropped | Refusal::TooLowPriority { .. }))) | Err(_) => {}
            Ok(Err(_)) => return,
        }
        // A gap in the news is news too.
        if let Err(broadcast::error::RecvError::Closed) = news.recv().await {
            return;
        }
    }
}

/// Waits until the pool has nothing more to say of an extrinsic.
async fn fate(mut statuses: Receiver<Status>) {
    while statuses.recv().await.is_some() {}
}
