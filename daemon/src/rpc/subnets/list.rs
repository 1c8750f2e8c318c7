//! Every subnet in one line: now from what btd keeps, in the past from the chain.

use std::sync::Arc;

use btd_api::{
    NetUid,
    chain::BlockId,
    subnets::{ListParams, SubnetSummary, Subnets},
};
use btd_chain::ReadError;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::summary;
use crate::{
    daemon::Parts,
    metagraph::Subnet,
    rpc::{Caller, Failure, chain::raw, receipt},
};

/// How many subnets are asked for at a time.
const AT_ONCE: usize = 4;

pub(super) async fn list(parts: Arc<Parts>, params: ListParams, _: Caller) -> Result<Subnets, Failure> {
    if let Some(block) = params.block {
        return past(&parts, block).await;
    }
    let metagraphs = parts.metagraph.current();
    let list = metagraphs.list.as_ref().ok_or_else(|| receipt::warming_up("the list of subnets"))?;
    Ok(Subnets {
        at: receipt::kept_at(list.at, &metagraphs, &parts.link),
        subnets: list.subnets.values().map(summary).collect(),
    })
}

/// The subnets as they were at a block.
async fn past(parts: &Parts, block: BlockId) -> Result<Subnets, Failure> {
    let (view, at) = raw::view(&parts.link, Some(block)).await?;
    let view = &view;
    let one = |netuid: NetUid| async move { Ok::<_, ReadError>(Subnet::at(view, netuid).await?.as_ref().map(summary)) };
    let found = stream::iter(view.netuids().await?).map(one).buffer_unordered(AT_ONCE);
    let mut subnets: Vec<SubnetSummary> = found.try_filter_map(async |one| Ok(one)).try_collect().await?;
    subnets.sort_by_key(|subnet| subnet.netuid);
    Ok(Subnets { at, subnets })
}
