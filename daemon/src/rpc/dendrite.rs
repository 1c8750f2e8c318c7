//! The noun `dendrite`: asking the axons of others.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use btd_api::{
    ErrorKind, Hotkey, NetUid, Uid,
    dendrite::{self as api, Ping, PingParams, PingReply, Pings, Query, SubscribeQuery},
};
use btd_signer_protocol::{KeyId, Purpose};
use futures_util::{Stream, StreamExt, future::join_all, stream};

mod kept;
mod query;

use super::{Caller, Failure, Table, axon::address, subnets::snapshot};
use crate::{
    daemon::Parts,
    dendrite::{Dendrite, Outcome, Target, Transport},
    metagraph::{Metagraphs, Neuron, Snapshot},
};

/// How many axons are asked at the same time.
const AT_ONCE: usize = 64;
/// Without a wish of the caller's, in milliseconds.
const PATIENCE_MS: u32 = 12_000;
/// The longest wish, in milliseconds: half an hour, for work such as training.
const LONGEST_MS: u32 = 1_800_000;

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    let noun = table.noun(parts).method::<Ping>(ping);
    noun.written::<Query, _, _, _, _>(query::query).subscription::<SubscribeQuery>(query::subscribe).done();
}

async fn ping(parts: Arc<Parts>, params: PingParams, _: Caller) -> Result<Pings, Failure> {
    let limit = limit("timeout_ms", params.timeout_ms.unwrap_or(PATIENCE_MS))?;
    let targets = targets(&params, &parts.metagraph.current())?;
    let dendrite = parts.serving.dendrite(&params.wallet, &params.wallet_hotkey).await?;
    // Once for all of them: each would fail for it by itself.
    let key = KeyId::hotkey(params.wallet.clone(), params.wallet_hotkey.clone());
    parts.custody.require_unlocked(&key, Purpose::Synapse).await?;
    let transport = transport(params.transport);
    let named = targets.iter().map(|(_, target)| *target);
    learn(&parts, &dendrite, (params.netuid, transport), named).await;
    let asked = stream::iter(targets).map(|(uid, target)| {
        let dendrite = Arc::clone(&dendrite);
        async move { describe(uid, target, dendrite.ping(target, transport, limit).await) }
    });
    Ok(Pings { replies: in_their_order(asked, AT_ONCE).await })
}

/// Tells a dendrite which TLS keys those whom it is to ask have published, where they are neurons, of the subnet
/// that is named or else of any, and are asked where they say that they serve.
async fn learn(
    parts: &Parts,
    dendrite: &Dendrite,
    (netuid, transport): (Option<NetUid>, Transport),
    targets: impl Iterator<Item = Target>,
) {
    if transport == Transport::Http {
        return;
    }
    let known = parts.metagraph.current();
    let mut by_subnet: BTreeMap<NetUid, Vec<Target>> = BTreeMap::new();
    // Those who are asked together are mostly of one subnet.
    let mut likely = netuid;
    for asked in targets {
        let serves_there = |netuid: &NetUid| known.subnets.get(netuid).is_some_and(|subnet| serves(subnet, asked));
        let found = likely.filter(serves_there).or_else(|| {
            let mut anywhere = known.subnets.keys().filter(|_| netuid.is_none());
            anywhere.find(|netuid| serves_there(netuid)).copied()
        });
        if let Some(found) = found {
            likely = Some(found);
            by_subnet.entry(found).or_default().push(asked);
        }
    }
    let subnets = by_subnet.into_iter().filter_map(|(netuid, asked)| Some((known.subnets.get(&netuid)?, asked)));
    let learning = subnets.map(|(subnet, asked)| async move {
        let keys = parts.tls_keys.of(subnet).await.unwrap_or_default();
        for target in asked {
            if let Some(key) = keys.get(&target.hotkey) {
                dendrite.learn(target, *key);
            }
        }
    });
    join_all(learning).await;
}

/// Whether a neuron of a subnet says that it serves where it is to be asked.
fn serves(subnet: &Snapshot, asked: Target) -> bool {
    let hotkey = Hotkey(asked.hotkey);
    let at = subnet.uid(&hotkey).and_then(|uid| published(subnet.neuron(uid)?));
    at.is_some_and(|at| target(at, hotkey) == asked)
}

/// Runs so many at once, whichever ends first, so that a slow one holds nobody up; gives the answers in
/// the order of the questions.
async fn in_their_order<T>(asked: impl Stream<Item = impl Future<Output = T>>, at_once: usize) -> Vec<T> {
    let numbered = asked.enumerate().map(|(place, asking)| {
        // A call is large: where it lies it stays, and is not carried from hand to hand.
        let asking = Box::pin(asking);
        async move { (place, asking.await) }
    });
    let mut answers: Vec<_> = numbered.buffer_unordered(at_once).collect().await;
    answers.sort_unstable_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

fn limit(name: &str, patience: u32) -> Result<Duration, Failure> {
    if (1..=LONGEST_MS).contains(&patience) {
        Ok(Duration::from_millis(u64::from(patience)))
    } else {
        Err(invalid(format!("`{name}` is 1 to {LONGEST_MS}, not {patience}")))
    }
}

fn transport(wanted: api::Transport) -> Transport {
    match wanted {
        api::Transport::Auto => Transport::Auto,
        api::Transport::Http => Transport::Http,
        api::Transport::Quic => Transport::Quic,
    }
}

fn used(transport: Transport) -> api::Transport {
    match transport {
        Transport::Auto => api::Transport::Auto,
        Transport::Http => api::Transport::Http,
        Transport::Quic => api::Transport::Quic,
    }
}

/// Whom the caller means.
fn targets(params: &PingParams, known: &Metagraphs) -> Result<Vec<(Option<Uid>, Target)>, Failure> {
    let stated = params.address.as_deref().map(address).transpose()?;
    match (params.netuid, params.uid, params.hotkey, stated) {
        (None, None, Some(hotkey), Some(at)) => Ok(vec![(None, target(at, hotkey))]),
        (None, ..) => Err(invalid("say whom to ask: `netuid` with `uid` or `hotkey`, or `address` with `hotkey`")),
        (Some(_), Some(_), Some(_), _) => Err(invalid("name a neuron by `uid` or by `hotkey`, not by both")),
        (Some(_), None, None, Some(_)) => Err(invalid("an `address` is one neuron's: say which, by `uid` or `hotkey`")),
        (Some(netuid), uid, hotkey, stated) => {
            let subnet = snapshot(known, netuid)?;
            match (uid, hotkey) {
                (None, None) => Ok(serving(&subnet).collect()),
                (uid, hotkey) => {
                    let neuron = neuron(&subnet, uid, hotkey)?;
                    let at = stated.or_else(|| published(neuron)).ok_or_else(|| {
                        let words =
                            format!("neuron {} of subnet {netuid} has not published where it serves", neuron.uid);
                        Failure::new(ErrorKind::NotFound, words + "; give its `address` if you know it")
                    })?;
                    Ok(vec![(Some(neuron.uid), target(at, neuron.hotkey))])
                }
            }
        }
    }
}

fn neuron(subnet: &Snapshot, uid: Option<Uid>, hotkey: Option<Hotkey>) -> Result<&Neuron, Failure> {
    let netuid = subnet.subnet.netuid;
    let slot = match (uid, hotkey) {
        (Some(uid), _) => Some(uid),
        (None, Some(hotkey)) => subnet.uid(&hotkey),
        (None, None) => None,
    };
    slot.and_then(|uid| subnet.neuron(uid)).ok_or_else(|| {
        let whom = uid.map(|uid| format!("uid {uid}")).or(hotkey.map(|hotkey| format!("hotkey {hotkey}")));
        let words = format!("subnet {netuid} has no {}", whom.unwrap_or_default());
        Failure::new(ErrorKind::NotFound, words)
    })
}

fn serving(subnet: &Snapshot) -> impl Iterator<Item = (Option<Uid>, Target)> {
    subnet.neurons().iter().filter_map(|neuron| Some((Some(neuron.uid), target(published(neuron)?, neuron.hotkey))))
}

/// Where a neuron says that it serves. Port 0 and the address 0 are the chain's words for: nowhere.
fn published(neuron: &Neuron) -> Option<SocketAddr> {
    let axon = neuron.axon.filter(|axon| axon.port != 0 && !axon.ip.is_unspecified())?;
    Some(SocketAddr::new(axon.ip, axon.port))
}

fn target(at: SocketAddr, hotkey: Hotkey) -> Target {
    Target { ip: at.ip(), port: at.port(), hotkey: hotkey.account() }
}

fn invalid(words: impl Into<String>) -> Failure {
    Failure::new(ErrorKind::InvalidParams, words)
}

fn describe(uid: Option<Uid>, target: Target, outcome: Outcome) -> PingReply {
    PingReply {
        uid,
        hotkey: Hotkey(target.hotkey),
        address: SocketAddr::new(target.ip, target.port).to_string(),
        transport: used(outcome.transport),
        status_code: outcome.status_code,
        status_message: outcome.status_message,
        process_time_s: outcome.process_time.as_secs_f64(),
    }
}
