//! Raw reads: blocks, events, and anything that the metadata names, at any block.
//!
//! Nothing is interpreted here: names and values are the runtime's own, in the form that decoded
//! events have.

use std::sync::Arc;

use btd_api::{
    BlockHash, ErrorKind,
    chain::{
        At, BlockExtrinsic, BlockId, BlockParams, BlockReply, ConstantParams, Described, Event, EventsParams,
        EventsReply, MOST_ENTRIES, MetadataParams, MetadataReply, RuntimeApiParams, StorageItem, StorageParams,
        StorageReply, Stored, ValueReply,
    },
};
use btd_chain::{FinalizedBlock, Illegible, Link, ReadError, Value, View};
use serde_json::Value as Json;

use super::super::{Caller, Failure, filter, receipt};
use crate::{daemon::Parts, stamp::Stamp};

pub(super) async fn block(parts: Arc<Parts>, params: BlockParams, _: Caller) -> Result<BlockReply, Failure> {
    let block = find(&parts.link, params.block).await?;
    Ok(BlockReply {
        block: receipt::block(block.block),
        parent: block.parent,
        timestamp_ms: block.timestamp_ms,
        spec_version: block.spec_version,
        extrinsics: block.extrinsics.iter().map(extrinsic).collect(),
        events: block.events.iter().cloned().map(receipt::event).collect(),
        illegible: block.illegible.iter().map(ToString::to_string).collect(),
    })
}

/// Why events of a block may be lacking, in words. An extrinsic that cannot be read takes none of them away.
pub(in super::super) fn lacking(block: &FinalizedBlock) -> Vec<String> {
    block.illegible.iter().filter(|part| !matches!(part, Illegible::Extrinsic(_))).map(ToString::to_string).collect()
}

fn extrinsic(extrinsic: &btd_chain::Extrinsic) -> BlockExtrinsic {
    let call = extrinsic.call.as_ref();
    BlockExtrinsic {
        index: extrinsic.index,
        hash: BlockHash(*extrinsic.hash.as_bytes()),
        signer: extrinsic.signer,
        call: call.map(|call| format!("{}.{}", call.pallet, call.call)),
        arguments: call.map_or(Json::Null, |call| call.args.clone()),
        success: extrinsic.result.as_ref().map(Result::is_ok),
        error: extrinsic.result.as_ref().and_then(|result| result.as_ref().err()).map(ToString::to_string),
        fee: extrinsic.fee,
    }
}

pub(super) async fn events(parts: Arc<Parts>, params: EventsParams, _: Caller) -> Result<EventsReply, Failure> {
    let block = find(&parts.link, params.block).await?;
    let pallet = params.filter.pallet.clone();
    let wanted = filter::Wanted::from(params.filter);
    let events: Vec<Event> = wanted.of(&block).map(|(_, event)| receipt::event(event.clone())).collect();
    // That nothing of it happened would be no answer about a pallet that there was not. Where nobody tells by which
    // runtime the block was executed, what is illegible says so.
    if let (true, Some(pallet), Some(_)) = (events.is_empty(), pallet, block.spec_version) {
        let runtime = parts.link.runtime_that_executed(&block).await?;
        runtime.describe(&pallet).map_err(ReadError::from)?;
    }
    Ok(EventsReply { block: receipt::block(block.block), events, illegible: lacking(&block) })
}

pub(super) async fn storage(parts: Arc<Parts>, params: StorageParams, _: Caller) -> Result<StorageReply, Failure> {
    let StorageParams { pallet, item, keys, block, limit } = params;
    let (view, at) = view(&parts.link, block).await?;
    let keys = values(keys)?;
    let wanted = view.storage_keys(&pallet, &item)?;
    let (stored, more) = if keys.len() < wanted {
        let limit = usize::try_from(limit.min(MOST_ENTRIES)).unwrap_or(usize::MAX);
        // One more than is listed, to know whether there are more.
        let mut entries = view.storage_entries(&pallet, &item, &keys, limit.saturating_add(1)).await?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let entries = entries.into_iter().map(|entry| StorageItem { keys: entry.keys, value: entry.value });
        (Stored::Entries(entries.collect()), more)
    } else {
        (Stored::Value(view.storage_json(&pallet, &item, &keys).await?), false)
    };
    Ok(StorageReply { at, stored, more })
}

pub(super) async fn constant(parts: Arc<Parts>, params: ConstantParams, _: Caller) -> Result<ValueReply, Failure> {
    let (view, at) = view(&parts.link, params.block).await?;
    Ok(ValueReply { at, value: view.constant_json(&params.pallet, &params.name)? })
}

pub(super) async fn runtime_api(parts: Arc<Parts>, params: RuntimeApiParams, _: Caller) -> Result<ValueReply, Failure> {
    let (view, at) = view(&parts.link, params.block).await?;
    let value = view.runtime_api_json(&params.api, &params.method, &values(params.arguments)?).await?;
    Ok(ValueReply { at, value })
}

pub(super) async fn metadata(parts: Arc<Parts>, params: MetadataParams, _: Caller) -> Result<MetadataReply, Failure> {
    let (view, at) = view(&parts.link, params.block).await?;
    let runtime = view.runtime();
    let items = match &params.name {
        Some(name) => runtime.describe(name).map_err(ReadError::from)?,
        None => runtime.describe_all(),
    };
    let described =
        |one: btd_chain::Description| Described { kind: one.kind.to_owned(), name: one.name, signature: one.signature };
    Ok(MetadataReply { at, spec_version: runtime.spec_version(), items: items.into_iter().map(described).collect() })
}

/// JSON as what is fitted to the runtime's types.
fn values(json: Vec<Json>) -> Result<Vec<Value>, Failure> {
    let read = json.into_iter().map(Value::from_json).collect::<Result<_, _>>();
    read.map_err(|error| Failure::new(ErrorKind::InvalidParams, error.to_string()))
}

/// A finalized block, the newest one unless another is named.
async fn find(link: &Link, id: Option<BlockId>) -> Result<Arc<FinalizedBlock>, Failure> {
    link.begun().await;
    Ok(match id {
        Some(BlockId::Number(number)) => link.block(number).await?,
        Some(BlockId::Hash(hash)) => link.block_by_hash(hash).await?,
        None => link.block(link.view()?.block().number).await?,
    })
}

/// Reads pinned at a block, the newest finalized one unless another is named, and that block.
pub(in super::super) async fn view(link: &Link, id: Option<BlockId>) -> Result<(View, At), Failure> {
    link.begun().await;
    let view = match id {
        None => return Ok(receipt::view(link).await?),
        Some(BlockId::Number(number)) => link.view_of(number).await?,
        Some(BlockId::Hash(hash)) => link.view_at(hash).await?,
    };
    // A block of the past is as old as it is: what is read at it cannot be stale.
    let at = At { stale: false, ..receipt::at(Stamp::of(view.block(), link), link) };
    Ok((view, at))
}
