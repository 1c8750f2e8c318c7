//! Every subnet in one line: now from what btd keeps, in the past from the chain.

use std::sync::Arc;

use btd_api::{
    NetUid,
    chain::{At, BlockId},
    subnets::{CostReply, ListParams, PriceReply, SubnetPrice, SubnetSummary, Subnets},
};
use btd_chain::ReadError;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::summary;
use crate::{
    daemon::Parts,
    metagraph::{List, Subnet},
    rpc::{Caller, Failure, chain::raw, receipt},
};

/// How many subnets are asked for at a time.
const AT_ONCE: usize = 4;

pub(super) async fn list(parts: Arc<Parts>, params: ListParams, _: Caller) -> Result<Subnets, Failure> {
    if let Some(block) = params.block {
        return past(&parts, block).await;
    }
    if let Some(wanted) = params.at_least {
        super::reach(&parts, wanted, None).await;
    }
    let metagraphs = parts.metagraph.current();
    let list = metagraphs.list.as_ref().ok_or_else(|| receipt::warming_up("the list of subnets"))?;
    Ok(Subnets {
        at: receipt::kept_at(list.at, &metagraphs, &parts.link),
        subnets: list.subnets.values().map(summary).collect(),
    })
}

/// The prices as they are kept, of some subnets, or of all where none is named.
pub(super) fn kept_prices(parts: &Parts, wanted: &[NetUid]) -> Option<PriceReply> {
    kept(parts, |list, at| {
        // One whose metagraph was never read is missing, and one that there is not.
        let is_whole = list.subnets.len() >= list.netuids.len();
        let is_lacking =
            if wanted.is_empty() { !is_whole } else { wanted.iter().any(|netuid| !list.subnets.contains_key(netuid)) };
        if is_lacking {
            return None;
        }
        let subnets = list.subnets.values().filter(|one| wanted.is_empty() || wanted.contains(&one.netuid));
        let prices = subnets.map(|subnet| SubnetPrice { netuid: subnet.netuid, price: subnet.price }).collect();
        Some(PriceReply { at, prices })
    })
}

/// What a place in the subnet costs, as it is kept.
pub(super) fn kept_cost(parts: &Parts, netuid: NetUid) -> Option<CostReply> {
    kept(parts, |list, at| Some(CostReply { at, cost: list.subnets.get(&netuid)?.burn }))
}

/// What `find` finds in the list that is kept, where nothing newer can be asked for: at the newest block,
/// and while the chain is out of reach.
fn kept<T>(parts: &Parts, find: impl FnOnce(&List, At) -> Option<T>) -> Option<T> {
    let known = parts.metagraph.current();
    let list = known.list.as_ref()?;
    let is_live = parts.link.state().borrow().is_live();
    // A chain that was taken back has another block there, or none.
    if is_live && parts.link.finalized() != Some(list.at.block) {
        return None;
    }
    find(list, receipt::kept_at(list.at, &known, &parts.link))
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
