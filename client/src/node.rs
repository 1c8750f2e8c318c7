//! The noun `node`: the daemon itself.

use std::time::Duration;

use btd_api::{
    chain::{ChainStatus, Link},
    node::{NodeStatus, Phase, Status},
    rpc::Nothing,
};
use clap::Args;

use crate::{
    axon,
    exit::Exit,
    failure::Failure,
    output::{Page, facts::Facts, text},
    session::Session,
};

/// `btctl status`
#[derive(Args, Debug)]
pub(crate) struct StatusArgs {}

// === impl StatusArgs ===

impl StatusArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<Exit, Failure> {
        let reply = session.call::<Status>(&Nothing {}).await?;
        session.out.reply(&reply, render).map(|()| Exit::Success)
    }
}

fn render(status: &NodeStatus, page: Page) -> String {
    let mut facts = Facts::default();
    facts.add_painted("btd", format!("{}, {}", text::visible(&status.version), phase(status.phase, page)));
    let uptime = text::duration(Duration::from_secs(status.uptime_s));
    facts.add("process", format!("pid {}, up {uptime}", status.pid));
    chain(&status.chain, page, &mut facts);
    if let Some(address) = &status.devnet {
        facts.add("devnet", address);
    }
    let cache = (text::count(status.subnets as usize, "subnet"), text::count(status.neurons as usize, "neuron"));
    let at = status.cache_at.as_ref().map(|at| format!(", {}", text::at(at, page))).unwrap_or_default();
    facts.add_painted("cache", format!("{}, {}{at}", cache.0, cache.1));
    for unreadable in &status.unreadable {
        let words =
            format!("subnet {} since #{}: {}", unreadable.netuid, unreadable.since, text::visible(&unreadable.trouble));
        facts.add_painted("unreadable", page.warn(words));
    }
    if status.upkeep.differences > 0 {
        let words =
            format!("{} of {} checks found another value, now mended", status.upkeep.differences, status.upkeep.checks);
        facts.add_painted("metagraphs", page.warn(words));
    }
    if status.lost_records > 0 {
        let lost = text::count(status.lost_records as usize, "record");
        facts.add_painted("history", page.warn(format!("{lost} lost to damage; subnets history tells which")));
    }
    facts.add("keys", format!("{} unlocked", status.unlocked_keys));
    facts.add("axon", status.axon.as_ref().map_or_else(|| "not running".to_owned(), axon::summary));
    facts.render(page)
}

fn phase(phase: Phase, page: Page) -> String {
    match phase {
        Phase::Starting => page.warn("starting"),
        Phase::Ready => page.good("ready"),
        Phase::Degraded => page.warn("degraded: serving what was last known of the chain"),
        Phase::Stopping => page.warn("stopping"),
    }
}

/// The chain at a glance, as lines of facts.
pub(crate) fn chain(chain: &ChainStatus, page: Page, facts: &mut Facts) {
    let link = match chain.link {
        Link::Connecting => page.warn("connecting"),
        Link::Live => page.good("live"),
        Link::Stale => page.warn("stale: no block arrives"),
        Link::Lost => page.bad("lost: trying again"),
    };
    facts.add_painted("chain", format!("{}, {link}", text::visible(&chain.network)));
    if let Some(endpoint) = &chain.endpoint {
        facts.add("endpoint", endpoint);
    }
    if chain.alone {
        let words =
            "none: when this endpoint fails nothing takes over; chain.own and chain.endpoints of btd name others";
        facts.add_painted("fallback", page.warn(words));
    }
    if let Some(trouble) = &chain.trouble {
        facts.add("trouble", trouble);
    }
    if let Some(version) = chain.spec_version {
        facts.add("runtime", format!("spec {version}"));
    }
    if chain.lag > 0 {
        let blocks = text::count(chain.lag as usize, "block");
        facts.add_painted("lag", page.warn(format!("{blocks} behind the newest that was seen")));
    }
    if let Some(block) = &chain.finalized {
        let age = chain.finalized_age_ms.map(|age| format!(", {}", text::ago(age))).unwrap_or_default();
        facts.add("finalized", format!("#{}{age}", block.number));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_daemon_at_a_glance() {
        let status: NodeStatus = serde_json::from_value(json!({
            "version": "0.1.0", "phase": "degraded", "pid": 42, "uptime_s": 200,
            "chain": {
                "network": "devnet", "link": "lost", "endpoint": "ws://127.0.0.1:9944", "genesis": null,
                "spec_version": 425, "finalized": { "number": 12, "hash": format!("0x{}", "00".repeat(32)) },
                "finalized_age_ms": 4000, "trouble": "connection refused", "alone": true,
            },
            "devnet": "ws://127.0.0.1:9944", "subnets": 2, "neurons": 1, "unlocked_keys": 0, "axon": null,
            "cache_at": {
                "number": 11, "hash": format!("0x{}", "00".repeat(32)), "age_ms": 9000, "stale": false,
            },
            "upkeep": { "through": 9, "wholes": 3, "parts": 5, "checks": 4, "differences": 1 },
            "lost_records": 3,
            "unreadable": [{ "netuid": 7, "since": 4, "trouble": "tempo: the number does not fit u16" }],
        }))
        .unwrap();
        let expected = "\
btd         0.1.0, degraded: serving what was last known of the chain
process     pid 42, up 3 min
chain       devnet, lost: trying again
endpoint    ws://127.0.0.1:9944
fallback    none: when this endpoint fails nothing takes over; chain.own and chain.endpoints of btd name others
trouble     connection refused
runtime     spec 425
finalized   #12, 4 s ago
devnet      ws://127.0.0.1:9944
cache       2 subnets, 1 neuron, at block #11, 9 s ago
unreadable  subnet 7 since #4: tempo: the number does not fit u16
metagraphs  1 of 4 checks found another value, now mended
history     3 records lost to damage; subnets history tells which
keys        0 unlocked
axon        not running
";
        assert_eq!(render(&status, Page::default()), expected);
    }
}
