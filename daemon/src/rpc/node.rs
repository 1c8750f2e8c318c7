//! The noun `node`: the daemon itself.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use btd_api::{
    ApiError,
    chain::{self, ChainStatus},
    node::{NodeStatus, Phase, Status, Stop, Unreadable, Upkeep},
    rpc::Nothing,
};
use btd_signer_protocol::operations::KeyStatus;

use super::{Caller, Check, Health, Table, axon, link, receipt};
use crate::{
    daemon::Parts,
    metagraph::{Broken, Metagraphs},
};

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table.noun(parts).method::<Status>(status).method::<Stop>(stop).done();
}

async fn status(parts: Arc<Parts>, _: Nothing, _: Caller) -> Result<NodeStatus, ApiError> {
    let now = Instant::now();
    let chain = link::status(&parts.network, &parts.link, now);
    let known = parts.metagraph.current();
    let unlocked = parts.custody.status().await;
    let lost = match parts.history.as_ref().zip(parts.link.genesis()) {
        Some((history, genesis)) => history.lost(genesis).await,
        None => 0,
    };
    Ok(NodeStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        phase: phase(&parts, &chain),
        pid: std::process::id(),
        uptime_s: now.saturating_duration_since(parts.started).as_secs(),
        chain,
        devnet: parts.devnet.as_ref().map(|devnet| format!("ws://{}", devnet.address)),
        cache_at: known.list.as_ref().map(|list| receipt::kept_at(list.at, &known, &parts.link)),
        subnets: count(known.subnets.len()),
        neurons: count(known.neurons()),
        unreadable: known.broken.iter().map(|(netuid, broken)| unreadable(*netuid, broken)).collect(),
        upkeep: upkeep(&known),
        lost_records: count(lost),
        // A signer that is being started again has none.
        unlocked_keys: count(unlocked.as_deref().map_or(0, unlocked_keys)),
        axon: axon::running(&parts.serving),
    })
}

/// Answers first: the stop waits for the calls in flight.
async fn stop(parts: Arc<Parts>, _: Nothing, caller: Caller) -> Result<Nothing, ApiError> {
    tracing::info!(request = %caller.request, peer = %caller.peer, "a caller asked btd to stop");
    parts.spawner.stop();
    Ok(Nothing {})
}

/// How many keys are unlocked, each however often, and be it for different uses.
fn unlocked_keys(usable: &[KeyStatus]) -> usize {
    let unlocked = usable.iter().filter(|usable| usable.remaining.is_some()).map(|usable| &usable.key);
    unlocked.collect::<BTreeSet<_>>().len()
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn phase(parts: &Parts, chain: &ChainStatus) -> Phase {
    let known = parts.metagraph.current();
    match chain.link {
        _ if parts.spawner.is_stopping() => Phase::Stopping,
        // What an earlier run kept is old, and is read anew.
        chain::Link::Live if is_left_behind(parts, &known) && known.through.is_none() && is_young(parts) => {
            Phase::Starting
        }
        chain::Link::Live if is_left_behind(parts, &known) => Phase::Degraded,
        chain::Link::Live if known.is_whole() => Phase::Ready,
        chain::Link::Live => Phase::Starting,
        // The first attempt at an endpoint is under way.
        chain::Link::Connecting if chain.trouble.is_none() => Phase::Starting,
        _ if parts.link.finalized().is_some() || !known.subnets.is_empty() => Phase::Degraded,
        _ => Phase::Starting,
    }
}

/// Whether this process began so recently that nothing can be expected of it yet.
fn is_young(parts: &Parts) -> bool {
    const YOUTH: Duration = Duration::from_mins(1);
    parts.started.elapsed() < YOUTH
}

fn is_left_behind(parts: &Parts, known: &Metagraphs) -> bool {
    parts.link.finalized().is_some_and(|block| known.is_left_behind(block.number))
}

fn upkeep(known: &Metagraphs) -> Upkeep {
    Upkeep {
        through: known.through.map(|block| block.number),
        wholes: known.upkeep.wholes,
        parts: known.upkeep.parts,
        checks: known.upkeep.checks,
        differences: known.upkeep.differences,
    }
}

fn unreadable(netuid: btd_api::NetUid, broken: &Broken) -> Unreadable {
    Unreadable { netuid, since: broken.since, trouble: broken.reason.clone() }
}

/// What must hold for the daemon to be ready.
pub(super) fn health(parts: &Arc<Parts>) -> Health {
    let parts = Arc::clone(parts);
    Health::new(move || {
        let chain = link::status(&parts.network, &parts.link, Instant::now());
        let trouble = match chain.link {
            chain::Link::Live => None,
            _ => Some(chain.trouble.unwrap_or_else(|| "no block has arrived yet".to_owned())),
        };
        let stopping = parts.spawner.is_stopping().then(|| "btd is stopping".to_owned());
        let known = parts.metagraph.current();
        let unread = match &known.list {
            Some(list) if is_left_behind(&parts, &known) => {
                Some(format!("it is of block {}, and the chain has gone on", list.at.block.number))
            }
            _ => (!known.is_whole()).then(|| "not every subnet has been read yet".to_owned()),
        };
        vec![
            Check { name: "running", trouble: stopping },
            Check { name: "chain", trouble },
            Check { name: "metagraph", trouble: unread },
        ]
    })
}
