//! What a follower is told: where the chain stands, then every block, which of them is best and which are final.
//!
//! It hears of each block once and in order. Where that cannot be kept up (the chain was cut back, or a block it pinned
//! can no longer be read) it is told to stop, and begins anew; clients do so by themselves.

use std::{collections::BTreeMap, sync::Arc};

use jsonrpsee::{
    server::PendingSubscriptionSink,
    types::{Params, SubscriptionId},
};
use serde_json::{Value, json};
use sp_core::Bytes;
use sp_version::RuntimeVersion;

use super::{
    super::{
        Arguments, error,
        subscriptions::{Ended, next_news, send},
    },
    followers::{Follower, Followers},
};
use crate::{chain::Block, node::Node, workers::WorkError};

/// Final blocks that a new follower is told of, as a Substrate node has it.
const FINAL_BLOCKS: u32 = 16;

pub(super) async fn follow(
    params: Params<'static>,
    pending: PendingSubscriptionSink,
    node: Arc<Node>,
    followers: Arc<Followers>,
) -> Ended {
    let with_runtime = match Arguments::parse(&params).and_then(|mut arguments| arguments.required("withRuntime")) {
        Ok(with_runtime) => with_runtime,
        Err(error) => {
            pending.reject(error).await;
            return Ok(());
        }
    };
    let runtime = if with_runtime { runtime(&node).await.map(Some) } else { Ok(None) };
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            pending.reject(error::work(error)).await;
            return Ok(());
        }
    };
    let (follower, mut outcomes) = Follower::new(with_runtime);
    let name = match pending.subscription_id() {
        SubscriptionId::Num(number) => number.to_string(),
        SubscriptionId::Str(name) => name.into_owned(),
    };
    let Some(_entered) = followers.enter(pending.connection_id(), name, follower.clone()) else {
        pending.reject(error::too_many_followers()).await;
        return Ok(());
    };
    let mut news = node.news.subscribe();
    let mut finality = node.faults.finality();
    let Ok(sink) = pending.accept().await else { return Ok(()) };
    let (mut told, mut events) = Told::begin(&node, follower, runtime.as_ref());
    loop {
        for event in &events {
            if !send(&sink, event).await? || *event == stop() {
                return Ok(());
            }
        }
        tokio::select! {
            next = next_news(&sink, &mut news) => if next.is_err() { return Ok(()) },
            changed = finality.changed() => if changed.is_err() { return Ok(()) },
            outcome = outcomes.recv() => {
                events = outcome.into_iter().collect();
                continue;
            }
        }
        events = told.next(&node);
    }
}

fn stop() -> Value {
    json!({ "event": "stop" })
}

/// The runtime, which is the same in every block, as events carry it.
async fn runtime(node: &Arc<Node>) -> Result<Value, WorkError> {
    let reader = node.clone();
    let version = node.workers.run(move || reader.chain.ask::<RuntimeVersion>(None, "Core_version", &[])).await?;
    Ok(match version {
        Ok(version) => {
            let apis: BTreeMap<String, u32> =
                version.apis.iter().map(|(id, version)| (format!("0x{}", hex::encode(id)), *version)).collect();
            json!({ "type": "valid", "spec": {
                "specName": version.spec_name, "implName": version.impl_name, "specVersion": version.spec_version,
                "implVersion": version.impl_version, "transactionVersion": version.transaction_version, "apis": apis,
            } })
        }
        Err(error) => json!({ "type": "invalid", "error": error.to_string() }),
    })
}

/// How far a follower has been told.
struct Told {
    follower: Arc<Follower>,
    best: Arc<Block>,
    /// Height of the newest block that it knows as final.
    finalized: u32,
}

impl Told {
    /// The first events: the newest final blocks, then those after them.
    fn begin(node: &Node, follower: Arc<Follower>, runtime: Option<&Value>) -> (Self, Vec<Value>) {
        let is_readable = |block: &Block| node.chain.state(Some(block.hash)).is_ok();
        // Finality may lag so far behind that the state of its block is gone; then the head stands for it.
        let finalized = Some(node.finalized()).filter(|block| is_readable(block)).unwrap_or_else(|| node.chain.head());
        let oldest = finalized.number().saturating_sub(FINAL_BLOCKS - 1);
        let mut hashes = Vec::new();
        for number in oldest..=finalized.number() {
            let block =
                if number == finalized.number() { Some(finalized.clone()) } else { node.chain.block_at(number) };
            // Older states may be gone; what is told of must be readable.
            if let Some(block) = block.filter(|block| is_readable(block)) {
                follower.pin(block.hash, number);
                hashes.push(block.hash);
            }
        }
        let mut first = json!({ "event": "initialized", "finalizedBlockHashes": hashes });
        if let Some(runtime) = runtime {
            first["finalizedBlockRuntime"] = runtime.clone();
        }
        let mut told = Self { follower, finalized: finalized.number(), best: finalized };
        let mut events = vec![first];
        events.extend(told.next(node));
        (told, events)
    }

    /// What is new; [`stop`] comes last where it cannot be told.
    fn next(&mut self, node: &Node) -> Vec<Value> {
        let mut events = Vec::new();
        if self.tell_blocks(node, &mut events).is_none() {
            events.push(stop());
        }
        events
    }

    /// `None` when the blocks do not continue what was told.
    fn tell_blocks(&mut self, node: &Node, events: &mut Vec<Value>) -> Option<()> {
        let still_there = |block: &Block| (node.chain.hash(block.number()) == Some(block.hash)).then_some(());
        still_there(&self.best)?;
        for number in self.best.number().saturating_add(1)..=node.chain.head().number() {
            let block = node.chain.block_at(number).filter(|block| block.header.parent_hash == self.best.hash)?;
            self.follower.pin(block.hash, number);
            let mut new = json!({ "event": "newBlock", "blockHash": block.hash, "parentBlockHash": self.best.hash });
            if self.follower.with_runtime {
                new["newRuntime"] = Value::Null;
            }
            events.push(new);
            events.push(json!({ "event": "bestBlockChanged", "bestBlockHash": block.hash }));
            self.best = block;
        }
        let finalized = node.finalized().number().min(self.best.number());
        if finalized > self.finalized {
            let numbers = self.finalized.saturating_add(1)..=finalized;
            let hashes = numbers.map(|number| node.chain.hash(number)).collect::<Option<Vec<_>>>()?;
            still_there(&self.best)?;
            events.push(json!({
                "event": "finalized", "finalizedBlockHashes": hashes, "prunedBlockHashes": Vec::<Bytes>::new(),
            }));
            self.finalized = finalized;
        }
        let oldest = self.follower.oldest_pinned();
        oldest.is_none_or(|oldest| node.chain.state(Some(oldest)).is_ok()).then_some(())
    }
}
