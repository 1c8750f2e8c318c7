//! Subscriptions: new heads, storage, runtime version, and the fate of an extrinsic.
//!
//! A client that reads too slowly misses no head: what the channel of news lost is read from the chain. Storage is sent
//! whole again after such a gap.

use std::sync::Arc;

use jsonrpsee::{
    RpcModule, SubscriptionSink,
    core::{RegisterMethodError, SubscriptionError},
    server::PendingSubscriptionSink,
    types::Params,
};
use serde::Serialize;
use serde_json::{Value, json, value::to_raw_value};
use sp_core::{
    Bytes, H256,
    storage::{StorageData, StorageKey},
};
use sp_version::RuntimeVersion;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::sleep,
};

use super::{Arguments, error, state};
use crate::{
    chain::Block,
    node::{Change, News, Node},
    pool::{Status, Watcher},
};

pub(super) type Ended = Result<(), SubscriptionError>;

pub(super) fn register(module: &mut RpcModule<Node>) -> Result<(), RegisterMethodError> {
    // Best and all heads are the same: there are no forks. So are finalized heads, unless finality stands still.
    let heads = [
        ("chain_subscribeNewHeads", "chain_newHead", "chain_unsubscribeNewHeads", Heads::Best),
        ("chain_subscribeAllHeads", "chain_allHead", "chain_unsubscribeAllHeads", Heads::Best),
        ("chain_subscribeFinalizedHeads", "chain_finalizedHead", "chain_unsubscribeFinalizedHeads", Heads::Finalized),
    ];
    for (subscribe, notify, unsubscribe, heads) in heads {
        module.register_subscription(subscribe, notify, unsubscribe, move |_, pending, node, _| {
            follow_heads(pending, node, heads)
        })?;
    }
    module.register_subscription(
        "state_subscribeStorage",
        "state_storage",
        "state_unsubscribeStorage",
        |params, pending, node, _| follow_storage(params, pending, node),
    )?;
    module.register_subscription(
        "state_subscribeRuntimeVersion",
        "state_runtimeVersion",
        "state_unsubscribeRuntimeVersion",
        |_, pending, node, _| follow_runtime_version(pending, node),
    )?;
    module.register_subscription(
        "author_submitAndWatchExtrinsic",
        "author_extrinsicUpdate",
        "author_unwatchExtrinsic",
        |params, pending, node, _| submit_and_watch(params, pending, node),
    )?;
    for (alias, name) in [
        ("chain_subscribeNewHead", "chain_subscribeNewHeads"),
        ("subscribe_newHead", "chain_subscribeNewHeads"),
        ("chain_unsubscribeNewHead", "chain_unsubscribeNewHeads"),
        ("unsubscribe_newHead", "chain_unsubscribeNewHeads"),
        ("chain_subscribeFinalisedHeads", "chain_subscribeFinalizedHeads"),
        ("chain_unsubscribeFinalisedHeads", "chain_unsubscribeFinalizedHeads"),
        ("chain_subscribeRuntimeVersion", "state_subscribeRuntimeVersion"),
        ("chain_unsubscribeRuntimeVersion", "state_unsubscribeRuntimeVersion"),
    ] {
        module.register_alias(alias, name)?;
    }
    Ok(())
}

/// Sends a value; says whether anyone is still there to get more.
pub(super) async fn send(sink: &SubscriptionSink, value: &impl Serialize) -> Result<bool, SubscriptionError> {
    Ok(sink.send(to_raw_value(value)?).await.is_ok())
}

/// The next news, `None` after a gap; an error when there will be no more, or nobody reads them.
pub(super) async fn next_news(
    sink: &SubscriptionSink,
    news: &mut Receiver<Arc<News>>,
) -> Result<Option<Arc<News>>, RecvError> {
    tokio::select! {
        () = sink.closed() => Err(RecvError::Closed),
        next = news.recv() => match next {
            Ok(news) => Ok(Some(news)),
            Err(RecvError::Lagged(_)) => Ok(None),
            Err(RecvError::Closed) => Err(RecvError::Closed),
        },
    }
}

/// Which heads are followed.
#[derive(Clone, Copy)]
enum Heads {
    Best,
    Finalized,
}

impl Heads {
    fn newest(self, node: &Node) -> Arc<Block> {
        match self {
            Self::Best => node.chain.head(),
            Self::Finalized => node.finalized(),
        }
    }
}

async fn follow_heads(pending: PendingSubscriptionSink, node: Arc<Node>, heads: Heads) -> Ended {
    let mut news = node.news.subscribe();
    let mut finality = node.faults.finality();
    let mut sent = heads.newest(&node);
    let Ok(sink) = pending.accept().await else { return Ok(()) };
    if !send(&sink, &sent.header).await? {
        return Ok(());
    }
    loop {
        let ended = tokio::select! {
            next = next_news(&sink, &mut news) => next.is_err(),
            changed = finality.changed() => changed.is_err(),
        };
        if ended {
            return Ok(());
        }
        // Every block up to the newest, whether its news arrived or was lost; a block sent early is not sent twice.
        while let Some(block) = next_block(&node, heads, &sent) {
            if !send(&sink, &block.header).await? {
                return Ok(());
            }
            sent = block;
        }
    }
}

/// The block after `sent`, or the oldest after it that is still kept. Where the chain was cut back to before `sent`,
/// the newest.
fn next_block(node: &Node, heads: Heads, sent: &Block) -> Option<Arc<Block>> {
    let newest = heads.newest(node);
    if node.chain.hash(sent.number()) != Some(sent.hash) {
        return Some(newest);
    }
    (sent.number().saturating_add(1)..=newest.number()).find_map(|number| node.chain.block_at(number))
}

async fn follow_storage(params: Params<'static>, pending: PendingSubscriptionSink, node: Arc<Node>) -> Ended {
    let keys = Arguments::parse(&params).and_then(|mut arguments| arguments.optional::<Vec<StorageKey>>("keys"));
    let keys = match keys {
        Ok(keys) => keys.map(Arc::new),
        Err(error) => {
            pending.reject(error).await;
            return Ok(());
        }
    };
    let mut news = node.news.subscribe();
    let Ok(sink) = pending.accept().await else { return Ok(()) };
    // Without keys every change of every block is sent, and there is no first value.
    let mut whole = keys.is_some();
    let mut seen = 0;
    loop {
        if whole && let Some(keys) = &keys {
            let (reader, keys) = (node.clone(), keys.clone());
            let read = node.workers.run(move || state::values(&reader, &keys, None)).await;
            let (block, changes) = read.map_err(error::work)??;
            if !send(&sink, &json!({ "block": H256(block.hash), "changes": changes })).await? {
                return Ok(());
            }
            // What follows comes from the news; those up to this block are part of what was sent.
            seen = block.number;
        }
        let Ok(next) = next_news(&sink, &mut news).await else { return Ok(()) };
        whole = next.as_ref().is_none_or(|news| matches!(news.change, Change::CutBack));
        if let Some(news) = next.filter(|news| news.block.number() > seen)
            && let Change::Next(changes) = &news.change
        {
            let changes: state::Values = changes
                .iter()
                .filter(|(key, _)| keys.as_ref().is_none_or(|keys| keys.iter().any(|wanted| wanted.0 == *key)))
                .map(|(key, value)| (StorageKey(key.clone()), value.clone().map(StorageData)))
                .collect();
            if !changes.is_empty() && !send(&sink, &json!({ "block": news.block.hash, "changes": changes })).await? {
                return Ok(());
            }
        }
    }
}

/// Sends the version once: the runtime never changes while it runs.
async fn follow_runtime_version(pending: PendingSubscriptionSink, node: Arc<Node>) -> Ended {
    let reader = node.clone();
    let version = node.workers.run(move || reader.chain.ask::<RuntimeVersion>(None, "Core_version", &[])).await;
    match version.map_err(error::work).and_then(|version| version.map_err(error::state)) {
        Err(error) => pending.reject(error).await,
        Ok(version) => {
            let Ok(sink) = pending.accept().await else { return Ok(()) };
            if send(&sink, &version).await? {
                sink.closed().await;
            }
        }
    }
    Ok(())
}

async fn submit_and_watch(params: Params<'static>, pending: PendingSubscriptionSink, node: Arc<Node>) -> Ended {
    let (watcher, mut statuses) = Watcher::new();
    let submitted = async {
        let extrinsic: Bytes = Arguments::parse(&params)?.required("extrinsic")?;
        let pool = node.clone();
        node.workers
            .run(move || pool.submit(extrinsic.0, Some(watcher)))
            .await
            .map_err(error::work)?
            .map_err(error::submit)
    };
    if let Err(error) = submitted.await {
        pending.reject(error).await;
        return Ok(());
    }
    let Ok(sink) = pending.accept().await else { return Ok(()) };
    loop {
        let status = tokio::select! {
            () = sink.closed() => return Ok(()),
            status = statuses.recv() => status,
        };
        // The pool lets go of the watcher once the extrinsic has met its fate.
        let Some(status) = status else { return Ok(()) };
        if let Status::Finalized(block) = status {
            tokio::select! {
                () = sink.closed() => return Ok(()),
                () = finality(&node, block) => {}
            }
        }
        if !send(&sink, &status_json(&status)).await? {
            return Ok(());
        }
    }
}

/// Waits until a block of the chain is to be called final.
pub(super) async fn finality(node: &Node, block: H256) {
    sleep(node.finality_lag).await;
    let number = node.chain.block(&block).map_or(0, |block| block.number());
    // Cannot fail: the node that is held keeps the sender alive.
    let _ = node.faults.finality().wait_for(|stalled| stalled.is_none_or(|at| number <= at)).await;
}

fn status_json(status: &Status) -> Value {
    match status {
        Status::Future => json!("future"),
        Status::Ready => json!("ready"),
        Status::InBlock(block) => json!({ "inBlock": block }),
        Status::Finalized(block) => json!({ "finalized": block }),
        Status::Usurped(by) => json!({ "usurped": by }),
        Status::Dropped => json!("dropped"),
        Status::Invalid => json!("invalid"),
    }
}
