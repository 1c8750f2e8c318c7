//! Messages of any class to any number of axons.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use btd_api::{
    ErrorKind, Hotkey, Uid,
    dendrite::{Filter, QueryParams, QueryProgress, QueryReplies, QueryReply},
};
use btd_wire::{
    outgoing::CallFailure,
    python::{JsonStyle, Value, read_json},
    synapse::SynapseSpec,
};
use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt, future::BoxFuture, stream};
use indexmap::IndexMap;
use serde_json::value::RawValue;
use tokio::{sync::mpsc, time::Instant};

use super::{
    super::{Caller, Failure, axon, subnets::snapshot},
    PATIENCE_MS, in_their_order, invalid, limit, neuron, published, serving, target, transport, used,
};
use crate::{
    daemon::Parts,
    dendrite::{Dendrite, Outcome, Target, Transport},
    metagraph::{Metagraphs, Neuron},
    serving::Serving,
};

/// How many axons are asked at the same time where the caller does not say, and at most.
const AT_ONCE: u32 = 256;
const MOST_AT_ONCE: u32 = 4_096;
/// Axons in one query.
const MOST: usize = 16_384;
/// Events that wait for a slow subscriber.
const EVENTS: usize = 64;

/// A query that has been checked.
struct Plan {
    spec: Arc<SynapseSpec>,
    fields: IndexMap<String, Value>,
    targets: Vec<(Option<Uid>, Target)>,
    dendrite: Arc<Dendrite>,
    transport: Transport,
    limit: Duration,
    end: Option<Instant>,
    at_once: usize,
}

pub(super) async fn query(parts: Arc<Parts>, params: QueryParams, _: Caller) -> Result<QueryReplies, Failure> {
    let plan = Arc::new(plan(&parts, params).await?);
    let asked = stream::iter(0..plan.targets.len()).map(|index| {
        let plan = Arc::clone(&plan);
        async move { plan.ask(index, None).await }
    });
    Ok(QueryReplies { replies: in_their_order(asked, plan.at_once).await })
}

pub(super) async fn subscribe(
    parts: Arc<Parts>,
    params: QueryParams,
    _: Caller,
) -> Result<impl Stream<Item = QueryProgress> + use<>, Failure> {
    let plan = Arc::new(plan(&parts, params).await?);
    let count = index(plan.targets.len());
    let at_once = plan.at_once;
    let each = stream::iter(0..plan.targets.len()).map(move |at| progress(Arc::clone(&plan), at));
    let done = QueryProgress { index: None, text: None, base64: None, reply: None, done: Some(count) };
    Ok(each.flatten_unordered(at_once).chain(stream::iter([done])))
}

/// A call whose pieces are taken while it goes on.
struct Asking {
    at: usize,
    taken: mpsc::Receiver<Bytes>,
    call: BoxFuture<'static, QueryReply>,
    /// The end of the call, told after its last piece.
    reply: Option<QueryReply>,
}

/// What happens at one axon: its pieces, then its reply.
fn progress(plan: Arc<Plan>, at: usize) -> impl Stream<Item = QueryProgress> + Send + Unpin {
    let (pieces, taken) = mpsc::channel(EVENTS);
    let call = async move { plan.ask(at, Some(&pieces)).await }.boxed();
    let asking = Asking { at, taken, call, reply: None };
    stream::unfold(Some(asking), |asking| async move { Some(asking?.next().await) }).boxed()
}

impl Asking {
    async fn next(mut self) -> (QueryProgress, Option<Self>) {
        if self.reply.is_none() {
            tokio::select! {
                biased;
                Some(bytes) = self.taken.recv() => return (piece(self.at, &bytes), Some(self)),
                reply = &mut self.call => self.reply = Some(reply),
            }
        }
        if let Ok(bytes) = self.taken.try_recv() {
            return (piece(self.at, &bytes), Some(self));
        }
        let reply = self.reply.take();
        (QueryProgress { index: Some(index(self.at)), text: None, base64: None, reply, done: None }, None)
    }
}

fn piece(at: usize, bytes: &Bytes) -> QueryProgress {
    let text = std::str::from_utf8(bytes).ok().map(str::to_owned);
    let base64 = text.is_none().then(|| STANDARD.encode(bytes));
    QueryProgress { index: Some(index(at)), text, base64, reply: None, done: None }
}

fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

// === impl Plan ===

impl Plan {
    async fn ask(&self, at: usize, pieces: Option<&mpsc::Sender<Bytes>>) -> QueryReply {
        // Indices come from the list itself.
        let Some((uid, target)) = self.targets.get(at).copied() else { return unasked() };
        let left = self.end.map_or(self.limit, |end| end.saturating_duration_since(Instant::now()).min(self.limit));
        let outcome = if left.is_zero() {
            too_late(self.limit)
        } else {
            let manner = (self.transport, left);
            match pieces {
                Some(pieces) => {
                    self.dendrite.call_streaming(target, &self.spec, self.fields.clone(), manner, pieces).await
                }
                None => self.dendrite.call(target, &self.spec, self.fields.clone(), manner).await,
            }
        };
        describe(uid, target, outcome)
    }
}

fn unasked() -> QueryReply {
    let nobody = Target { ip: std::net::Ipv4Addr::UNSPECIFIED.into(), port: 0, hotkey: btd_api::AccountId([0; 32]) };
    describe(None, nobody, too_late(Duration::ZERO))
}

/// An axon whose turn had not come when the time of all was over.
fn too_late(limit: Duration) -> Outcome {
    let failure = CallFailure::TimedOut { seconds: limit.as_secs_f64() };
    Outcome {
        status_code: failure.status(),
        status_message: failure.to_string(),
        process_time: Duration::ZERO,
        transport: Transport::Http,
        synapse: None,
    }
}

fn describe(uid: Option<Uid>, target: Target, outcome: Outcome) -> QueryReply {
    let message = outcome.synapse.map(|synapse| synapse.to_json(JsonStyle::Compact));
    QueryReply {
        uid,
        hotkey: Hotkey(target.hotkey),
        address: std::net::SocketAddr::new(target.ip, target.port).to_string(),
        transport: used(outcome.transport),
        status_code: outcome.status_code,
        status_message: outcome.status_message,
        process_time_s: outcome.process_time.as_secs_f64(),
        // Python writes NaN, which is no JSON: such a message is left out.
        message: message.and_then(|message| RawValue::from_string(message).ok()),
    }
}

async fn plan(parts: &Parts, params: QueryParams) -> Result<Plan, Failure> {
    let targets = targets(&params, &parts.metagraph.current())?;
    let spec = Serving::spec(&axon::declaration(params.synapse))?;
    let fields = match params.fields.as_ref().map(|fields| read_json(fields.get().as_bytes())) {
        None => IndexMap::new(),
        Some(Ok(Value::Dict(fields))) => fields,
        Some(Ok(_)) => return Err(invalid("`fields` is an object: the fields of the message")),
        Some(Err(error)) => return Err(invalid(format!("`fields` cannot be read: {error}"))),
    };
    if let Some(unknown) = fields.keys().find(|name| !spec.fields().iter().any(|field| field.name == **name)) {
        return Err(invalid(format!("synapse {} has no field `{unknown}`", spec.name())));
    }
    let fields =
        spec.coerce(fields).map_err(|fault| invalid(format!("the message does not fit its class: {fault}")))?;
    let limit_each = limit("timeout_ms", params.timeout_ms.unwrap_or(PATIENCE_MS))?;
    let total = params.total_timeout_ms.map(|total| limit("total_timeout_ms", total)).transpose()?;
    let at_once = params.at_once.unwrap_or(AT_ONCE);
    if !(1..=MOST_AT_ONCE).contains(&at_once) {
        return Err(invalid(format!("`at_once` is 1 to {MOST_AT_ONCE}, not {at_once}")));
    }
    let dendrite = parts.serving.dendrite(&params.wallet, &params.wallet_hotkey).await?;
    Ok(Plan {
        spec,
        fields,
        targets,
        dendrite,
        transport: transport(params.transport),
        limit: limit_each,
        end: total.map(|total| Instant::now() + total),
        at_once: usize::try_from(at_once).unwrap_or(usize::MAX),
    })
}

/// Whom the caller means, in the order in which they are named, each once.
fn targets(params: &QueryParams, known: &Metagraphs) -> Result<Vec<(Option<Uid>, Target)>, Failure> {
    let mut targets = Vec::new();
    for named in &params.axons {
        targets.push((None, target(axon::address(&named.address)?, named.hotkey)));
    }
    let of_subnet = !params.uids.is_empty() || !params.hotkeys.is_empty() || params.all || params.filter.is_some();
    match params.netuid {
        None if of_subnet => return Err(invalid("say on which subnet: `netuid`")),
        Some(netuid) if !of_subnet => {
            return Err(invalid(format!("say whom to ask on subnet {netuid}: `uids`, `hotkeys`, `all` or a `filter`")));
        }
        None => {}
        Some(netuid) => {
            let subnet = snapshot(known, netuid)?;
            let uids = params.uids.iter().map(|uid| neuron(&subnet, Some(*uid), None));
            let hotkeys = params.hotkeys.iter().map(|hotkey| neuron(&subnet, None, Some(*hotkey)));
            for neuron in uids.chain(hotkeys) {
                let neuron = neuron?;
                // One that does not serve is reported as the protocol reports it.
                let nowhere = (std::net::Ipv4Addr::UNSPECIFIED, 0).into();
                targets.push((Some(neuron.uid), target(published(neuron).unwrap_or(nowhere), neuron.hotkey)));
            }
            if params.all {
                targets.extend(serving(&subnet));
            } else if let Some(filter) = &params.filter {
                let passing = subnet.neurons().iter().filter(|neuron| passes(filter, neuron));
                targets.extend(
                    passing.filter_map(|neuron| Some((Some(neuron.uid), target(published(neuron)?, neuron.hotkey)))),
                );
            }
        }
    }
    let mut seen = std::collections::HashSet::new();
    targets.retain(|(_, target)| seen.insert(*target));
    if targets.is_empty() && !of_subnet {
        return Err(invalid("say whom to ask: `axons`, or `netuid` with `uids`, `hotkeys`, `all` or a `filter`"));
    }
    if targets.len() > MOST {
        return Err(Failure::new(ErrorKind::InvalidParams, format!("at most {MOST} axons can be asked at once")));
    }
    Ok(targets)
}

fn passes(filter: &Filter, neuron: &Neuron) -> bool {
    filter.validator_permit.is_none_or(|wanted| neuron.validator_permit == wanted)
        && filter.active.is_none_or(|wanted| neuron.active == wanted)
        && filter.min_stake.is_none_or(|least| neuron.stake >= least)
        && filter.max_stake.is_none_or(|most| neuron.stake <= most)
}
