//! Messages of any class to any number of axons.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use btd_api::{
    ErrorKind, Hotkey, Uid,
    dendrite::{Axon, Filter, QueryParams, QueryProgress, QueryReply},
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
use tokio::{
    sync::mpsc,
    time::{Instant, timeout, timeout_at},
};

use super::{
    super::{Caller, Failure, axon, subnets::snapshot},
    PATIENCE_MS, in_their_order, invalid,
    kept::{Gathered, Kept},
    learn, limit, neuron, published, serving, target, transport, used,
};
use crate::{
    daemon::Parts,
    dendrite::{Dendrite, Held, Outcome, Target, Transport},
    metagraph::{Metagraphs, Neuron},
    serving::Serving,
};

/// How many axons are asked at the same time where the caller does not say, and at most.
const AT_ONCE: u32 = 256;
const MOST_AT_ONCE: u32 = 4_096;
/// Axons in one query.
const MOST: usize = 16_384;
/// What an axon that answered says.
const SUCCESS: u16 = 200;
/// Bytes of all replies that one query keeps until the last has come. Those that would be more are reported as too long.
const MOST_KEPT: usize = 256 * 1_024 * 1_024;
/// Events that wait for a slow subscriber.
const EVENTS: usize = 64;

/// A query that has been checked.
struct Plan {
    spec: Arc<SynapseSpec>,
    fields: IndexMap<String, Value>,
    targets: Vec<(Option<Uid>, Whom)>,
    dendrite: Arc<Dendrite>,
    transport: Transport,
    limit: Duration,
    end: Option<Instant>,
    at_once: usize,
    in_all: InAll,
}

/// How much of the replies of one query is kept, in bytes.
#[derive(Debug, Default)]
struct InAll(AtomicUsize);

/// Whom to ask.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Whom {
    Axon(Target),
    /// It cannot be asked as it was named.
    Misnamed {
        hotkey: Option<String>,
        address: String,
        reason: String,
    },
}

pub(super) async fn query(parts: Arc<Parts>, params: QueryParams, _: Caller) -> Result<Gathered, Failure> {
    let begun = Instant::now();
    let known = parts.serving.known_dendrite(&params.wallet, &params.wallet_hotkey);
    let is_known = known.is_some();
    let first = Arc::new(plan(&parts, &params, (known, begun)).await?);
    let mut asking = Box::pin(ask_all(&first));
    if !is_known {
        return Ok(asking.await);
    }
    // Whose name it is now is asked together with the signatures, in one step, and answered before them.
    let (now, replies) = tokio::select! {
        biased;
        now = asker(&parts, &params) => (now?, None),
        replies = &mut asking => (asker(&parts, &params).await?, Some(replies)),
    };
    if now.hotkey() == first.dendrite.hotkey() {
        let replies = match replies {
            Some(replies) => replies,
            None => asking.await,
        };
        return Ok(replies);
    }
    // Another key has taken the name since: the signer has refused, no request was sent, and all is asked as that one.
    drop(asking);
    let second = Arc::new(plan(&parts, &params, (Some(now), begun)).await?);
    Ok(ask_all(&second).await)
}

/// Asks all, and gathers their replies in the order in which they were named.
fn ask_all(plan: &Arc<Plan>) -> impl Future<Output = Gathered> + use<> {
    let (plan, at_once) = (Arc::clone(plan), plan.at_once);
    let asked = stream::iter(0..plan.targets.len()).map(move |index| {
        let plan = Arc::clone(&plan);
        async move { plan.in_all.keep(plan.ask(index, None).await, MOST_KEPT) }
    });
    async move { Gathered::new(in_their_order(asked, at_once).await) }
}

pub(super) async fn subscribe(
    parts: Arc<Parts>,
    params: QueryParams,
    _: Caller,
) -> Result<impl Stream<Item = QueryProgress> + use<>, Failure> {
    let plan = Arc::new(plan(&parts, &params, (None, Instant::now())).await?);
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
    /// Gone once it has ended.
    call: Option<BoxFuture<'static, Kept>>,
    /// The end of the call, told after its last piece.
    reply: Option<Kept>,
    /// What was told last and holds its room: whoever is told asks for more once that has been passed on.
    told: Option<Told>,
}

/// What is kept until it has been passed on.
enum Told {
    Piece { _bytes: Bytes },
    Reply { _held: Option<Held> },
}

/// What happens at one axon: its pieces, then its reply.
fn progress(plan: Arc<Plan>, at: usize) -> impl Stream<Item = QueryProgress> + Send + Unpin {
    let (pieces, taken) = mpsc::channel(EVENTS);
    let call = async move { plan.ask(at, Some(&pieces)).await }.boxed();
    let asking = Asking { at, taken, call: Some(call), reply: None, told: None };
    stream::unfold(asking, |mut asking| async move { Some((asking.next().await?, asking)) }).boxed()
}

impl Asking {
    /// None behind the reply.
    async fn next(&mut self) -> Option<QueryProgress> {
        self.told = None;
        if let Some(call) = &mut self.call {
            tokio::select! {
                biased;
                Some(bytes) = self.taken.recv() => return Some(self.piece(bytes)),
                reply = call => self.reply = Some(reply),
            }
            self.call = None;
        }
        if let Ok(bytes) = self.taken.try_recv() {
            return Some(self.piece(bytes));
        }
        let (reply, held) = self.reply.take()?;
        self.told = Some(Told::Reply { _held: held });
        Some(QueryProgress { index: Some(index(self.at)), text: None, base64: None, reply: Some(reply), done: None })
    }

    fn piece(&mut self, bytes: Bytes) -> QueryProgress {
        let progress = piece(self.at, &bytes);
        self.told = Some(Told::Piece { _bytes: bytes });
        progress
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
    async fn ask(&self, at: usize, pieces: Option<&mpsc::Sender<Bytes>>) -> Kept {
        // Indices come from the list itself.
        let Some((uid, whom)) = self.targets.get(at) else { return (unasked(), None) };
        let target = match whom {
            Whom::Axon(target) => *target,
            Whom::Misnamed { hotkey, address, reason } => {
                let failure = CallFailure::NotSent(reason.clone());
                return (describe(*uid, (hotkey.clone(), address.clone()), failed(&failure)), None);
            }
        };
        let left = self.end.map_or(self.limit, |end| end.saturating_duration_since(Instant::now()).min(self.limit));
        if left.is_zero() {
            return (describe(*uid, named(target), too_late(self.limit)), None);
        }
        let (manner, end) = ((self.transport, left), Instant::now() + left);
        let (outcome, mut held) = self.dendrite.ask(target, &self.spec, self.fields.clone(), manner, pieces).await;
        let reply = describe(*uid, named(target), outcome);
        // What is kept from now on is the message as it is told, which may be longer than it came.
        let kept = timeout_at(end, held.take(length(&reply))).await;
        match kept.unwrap_or(Err(CallFailure::TimedOut { seconds: left.as_secs_f64() })) {
            Ok(()) => (reply, Some(held)),
            Err(failure) => (untold(reply, &failure), None),
        }
    }
}

impl InAll {
    /// The reply, or what is left of it where there is no room for its message.
    fn keep(&self, (reply, held): Kept, most: usize) -> Kept {
        let bytes = length(&reply);
        if self.0.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) <= most {
            return (reply, held);
        }
        self.0.fetch_sub(bytes, Ordering::Relaxed);
        let failure = CallFailure::Unreadable(format!(
            "the replies of this query are longer than {most} bytes together: ask fewer axons, or subscribe to them"
        ));
        (untold(reply, &failure), None)
    }
}

/// What the message of a reply takes, in bytes.
fn length(reply: &QueryReply) -> usize {
    reply.message.as_ref().map_or(0, |message| message.get().len())
}

/// What is left of a reply whose message cannot be told.
fn untold(reply: QueryReply, failure: &CallFailure) -> QueryReply {
    QueryReply { status_code: failure.status(), status_message: failure.to_string(), message: None, ..reply }
}

fn named(target: Target) -> (Option<String>, String) {
    (Some(Hotkey(target.hotkey).to_string()), std::net::SocketAddr::new(target.ip, target.port).to_string())
}

fn unasked() -> QueryReply {
    let nobody = Target { ip: std::net::Ipv4Addr::UNSPECIFIED.into(), port: 0, hotkey: btd_api::AccountId([0; 32]) };
    describe(None, named(nobody), too_late(Duration::ZERO))
}

/// An axon whose turn had not come when the time of all was over.
fn too_late(limit: Duration) -> Outcome {
    failed(&CallFailure::TimedOut { seconds: limit.as_secs_f64() })
}

/// Of an axon that was not asked.
fn failed(failure: &CallFailure) -> Outcome {
    Outcome {
        status_code: failure.status(),
        status_message: failure.to_string(),
        process_time: Duration::ZERO,
        transport: Transport::Http,
        synapse: None,
    }
}

/// Python reads and writes NaN and Infinity, which are no JSON: they are told as texts. A reply that cannot be told
/// all the same is reported as one that cannot be read, and never as a success without a message.
fn describe(uid: Option<Uid>, (hotkey, address): (Option<String>, String), outcome: Outcome) -> QueryReply {
    let Outcome { mut status_code, mut status_message, process_time, transport, synapse } = outcome;
    let message = synapse.map(|synapse| RawValue::from_string(synapse.to_json(JsonStyle::Strict))).transpose();
    if let Err(error) = &message
        && status_code == SUCCESS
    {
        let failure = CallFailure::Unreadable(format!("it cannot be told as JSON: {error}"));
        (status_code, status_message) = (failure.status(), failure.to_string());
    }
    QueryReply {
        uid,
        hotkey,
        address,
        transport: used(transport),
        status_code,
        status_message,
        process_time_s: process_time.as_secs_f64(),
        message: message.unwrap_or_default(),
    }
}

/// The dendrite of the hotkey that goes by the name in `params` now.
async fn asker(parts: &Parts, params: &QueryParams) -> Result<Arc<Dendrite>, Failure> {
    Ok(parts.serving.dendrite(&params.wallet, &params.wallet_hotkey).await?)
}

/// Checks a query that was `begun` then, to be asked by the dendrite that is `known`, or else by the one that is looked up.
async fn plan(
    parts: &Parts,
    params: &QueryParams,
    (known, begun): (Option<Arc<Dendrite>>, Instant),
) -> Result<Plan, Failure> {
    let targets = targets(params, &parts.metagraph.current())?;
    let spec = Serving::spec(&axon::declaration(params.synapse.clone()))?;
    let fields = match params.fields.as_ref().map(|fields| read_json(fields.get().as_bytes())) {
        None => IndexMap::new(),
        Some(Ok(Value::Dict(fields))) => *fields,
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
    let end = total.map(|total| begun + total);
    let at_once = params.at_once.unwrap_or(AT_ONCE);
    if !(1..=MOST_AT_ONCE).contains(&at_once) {
        return Err(invalid(format!("`at_once` is 1 to {MOST_AT_ONCE}, not {at_once}")));
    }
    let dendrite = match known {
        Some(known) => known,
        None => asker(parts, params).await?,
    };
    let transport = transport(params.transport);
    let named = targets.iter().filter_map(|(_, whom)| match whom {
        Whom::Axon(target) => Some(*target),
        Whom::Misnamed { .. } => None,
    });
    let learning = learn(parts, &dendrite, (params.netuid, transport), named);
    match end {
        // What is not learnt in a quarter of the time is an offer less, and nothing worse.
        Some(end) => {
            let _ = timeout(end.saturating_duration_since(Instant::now()) / 4, learning).await;
        }
        None => learning.await,
    }
    Ok(Plan {
        spec,
        fields,
        targets,
        dendrite,
        transport,
        limit: limit_each,
        end,
        at_once: usize::try_from(at_once).unwrap_or(usize::MAX),
        in_all: InAll::default(),
    })
}

/// An axon as it was named.
fn whom(named: &Axon) -> Whom {
    let misnamed = |reason| Whom::Misnamed { hotkey: named.hotkey.clone(), address: named.address.clone(), reason };
    let Ok(at) = named.address.parse() else {
        return misnamed(format!("`{}` is not an address: write IP:PORT, such as 192.0.2.1:8091", named.address));
    };
    match named.hotkey.as_deref().map(str::parse) {
        Some(Ok(hotkey)) => Whom::Axon(target(at, hotkey)),
        Some(Err(_)) => misnamed(format!("`{}` is no hotkey's address", named.hotkey.as_deref().unwrap_or_default())),
        None => misnamed("the axon's hotkey is not given, and requests are signed for it".to_owned()),
    }
}

/// Whom the caller means, in the order in which they are named and as often. Of those that `all` or a filter
/// adds, who is named already is not asked once more.
fn targets(params: &QueryParams, known: &Metagraphs) -> Result<Vec<(Option<Uid>, Whom)>, Failure> {
    let mut targets: Vec<_> = params.axons.iter().flatten().map(|named| (None, whom(named))).collect();
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
                let at = published(neuron).unwrap_or(nowhere);
                targets.push((Some(neuron.uid), Whom::Axon(target(at, neuron.hotkey))));
            }
            let named: HashSet<_> = targets.iter().map(|(_, whom)| whom.clone()).collect();
            let added = |(_, whom): &(Option<Uid>, Whom)| !named.contains(whom);
            if params.all {
                targets.extend(serving(&subnet).map(|(uid, target)| (uid, Whom::Axon(target))).filter(added));
            } else if let Some(filter) = &params.filter {
                let passing = subnet.neurons().iter().filter(|neuron| passes(filter, neuron));
                let passing = passing.filter_map(|neuron| {
                    Some((Some(neuron.uid), Whom::Axon(target(published(neuron)?, neuron.hotkey))))
                });
                targets.extend(passing.filter(added));
            }
        }
    }
    if params.axons.is_none() && !of_subnet {
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

#[cfg(test)]
mod tests {
    use btd_api::AccountId;
    use btd_wire::synapse::{FieldSpec, FieldType, HashFields, Synapse};

    use super::*;

    const HOTKEY: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    fn axon(hotkey: Option<&str>, address: &str) -> Axon {
        Axon { hotkey: hotkey.map(str::to_owned), address: address.to_owned() }
    }

    #[test]
    fn no_more_of_replies_is_kept_than_there_is_room_for() {
        let in_all = InAll::default();
        let reply = |text: &str| QueryReply {
            message: Some(RawValue::from_string(format!("\"{text}\"")).unwrap()),
            status_code: 200,
            ..unasked()
        };
        let told = |reply: QueryReply| in_all.keep((reply, None), 10).0;
        assert_eq!(told(reply("1234")).message.map(|message| message.get().len()), Some(6));
        let refused = told(reply("12345"));
        assert!(refused.message.is_none() && refused.status_code == 422, "{refused:?}");
        assert!(refused.status_message.contains("longer than 10 bytes together"), "{}", refused.status_message);
        // What is shorter still finds room.
        assert!(told(reply("12")).message.is_some());
    }

    #[test]
    fn an_axon_that_cannot_be_read_is_one_targets_failure() {
        let odd = [
            axon(Some(HOTKEY), "localhost:8091"),
            axon(Some(HOTKEY), "127.0.0.01:8091"),
            axon(Some(HOTKEY), "127.0.0.1:70000"),
            axon(Some("nobody"), "127.0.0.1:8091"),
            axon(None, "127.0.0.1:8091"),
        ];
        let named: Vec<_> = odd.into_iter().chain([axon(Some(HOTKEY), "127.0.0.1:8091")]).collect();
        let params = QueryParams { axons: Some(named.clone()), ..QueryParams::default() };
        let found = targets(&params, &Metagraphs::default()).unwrap();
        assert_eq!(found.len(), named.len());
        for ((_, whom), named) in found.iter().zip(&named).take(5) {
            let Whom::Misnamed { hotkey, address, reason } = whom else { panic!("{named:?} was taken") };
            assert_eq!((hotkey, address), (&named.hotkey, &named.address));
            assert!(!reason.is_empty());
        }
        assert!(matches!(found[5].1, Whom::Axon(target) if target.port == 8_091));
    }

    #[test]
    fn who_is_named_often_is_asked_as_often_and_replies_keep_their_places() {
        let [a, b] = [axon(Some(HOTKEY), "127.0.0.1:1"), axon(Some(HOTKEY), "127.0.0.1:2")];
        let params = QueryParams { axons: Some(vec![a.clone(), a, b]), ..QueryParams::default() };
        let found = targets(&params, &Metagraphs::default()).unwrap();
        let ports = found.iter().map(|(_, whom)| match whom {
            Whom::Axon(target) => target.port,
            Whom::Misnamed { reason, .. } => panic!("{reason}"),
        });
        assert_eq!(ports.collect::<Vec<_>>(), [1, 1, 2]);
    }

    #[test]
    fn of_no_axons_there_are_no_replies_and_nobody_named_is_a_mistake() {
        let none = QueryParams { axons: Some(vec![]), ..QueryParams::default() };
        assert!(targets(&none, &Metagraphs::default()).unwrap().is_empty());
        targets(&QueryParams::default(), &Metagraphs::default()).unwrap_err();
    }

    #[test]
    fn numbers_that_json_lacks_are_told_as_texts() {
        let fields = vec![FieldSpec::with_default("b", FieldType::Any, 0)];
        let spec = SynapseSpec::new("Echo", fields, HashFields::None).unwrap();
        let reply = |status_code, number| {
            let fields = IndexMap::from([("b".to_owned(), Value::List(vec![Value::Float(number)]))]);
            let synapse = Some(Synapse::new(&spec, fields));
            let status_message = "Success".to_owned();
            let outcome = Outcome {
                status_code,
                status_message,
                process_time: Duration::ZERO,
                transport: Transport::Http,
                synapse,
            };
            let target = Target { ip: [127, 0, 0, 1].into(), port: 1, hotkey: AccountId([1; 32]) };
            describe(None, named(target), outcome)
        };
        for (number, text) in [(f64::NAN, "NaN"), (f64::INFINITY, "Infinity"), (f64::NEG_INFINITY, "-Infinity")] {
            let told = reply(200, number);
            assert_eq!((told.status_code, told.status_message.as_str()), (200, "Success"));
            assert!(told.message.unwrap().get().contains(&format!("[\"{text}\"]")));
            assert_eq!(reply(503, number).status_code, 503);
        }
        let told = reply(200, 1.5);
        assert_eq!((told.status_code, told.status_message.as_str()), (200, "Success"));
        assert!(told.message.unwrap().get().contains("[1.5]"));
    }
}
