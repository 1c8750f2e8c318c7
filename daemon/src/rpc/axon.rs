//! The noun `axon`: the endpoint at which this host's neuron answers.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use btd_api::{
    ErrorKind, Hotkey,
    axon::{
        AnswerParams, AnswerRequest, Asked, AskedKind, Attach, AttachParams, AxonStatus, Declaration, Detach,
        DetachParams, Exchanged, Publication, PublicationState, Reset, ResetParams, ScreenParams, ScreenRequest, Serve,
        ServeParams, Set, SetParams, Start, StartParams, Status, StatusReply, Stop, Stopped, StreamParams,
        StreamRequest, SynapseStatus, Synapses,
    },
    rpc::Nothing,
    signing::Signing,
    wallet::Receipt,
};
use btd_signer_protocol::{KeyId, Purpose};
use btd_wire::{synapse, version::PROTOCOL_VERSION};
use bytes::Bytes;
use futures_util::{Stream, stream};

use super::{Caller, Failure, Table, receipt};
use crate::{
    axon::{
        self, AxonError, ClassStatus, MessageRoom, Piece, Question, Reply, Screen, StreamStatus, UpstreamConfig,
        Verdict,
    },
    daemon::Parts,
    serving::{self, Published, Service, Serving, ServingError},
    submit::{Action, ServeAxon},
};

pub(super) fn register(table: &mut Table, parts: &Arc<Parts>) {
    table
        .noun(parts)
        .method::<Start>(start)
        .method::<Stop>(stop)
        .method::<Status>(status)
        .method::<Attach>(attach)
        .method::<Detach>(detach)
        .method::<AnswerRequest>(answer)
        .method::<StreamRequest>(stream_piece)
        .method::<ScreenRequest>(screen)
        .method::<Set>(set)
        .method::<Reset>(reset)
        .subscription::<Serve>(serve)
        .done();
}

async fn start(parts: Arc<Parts>, params: StartParams, _: Caller) -> Result<AxonStatus, Failure> {
    let bind = params.bind.as_deref().map(address).transpose()?;
    match parts.serving.start(&params.wallet, &params.hotkey, bind).await {
        Ok(status) => Ok(describe(status, (Vec::new(), None))),
        Err(error) => {
            if let ServingError::Axon(AxonError::Unsigned(_)) = &error {
                // That the key is locked says more: which one it is, and how it is unlocked.
                let key = KeyId::hotkey(params.wallet, params.hotkey);
                parts.custody.require_unlocked(&key, Purpose::Synapse).await?;
            }
            Err(error.into())
        }
    }
}

async fn stop(parts: Arc<Parts>, _: Nothing, _: Caller) -> Result<Stopped, Failure> {
    Ok(Stopped { axon: parts.serving.stop().await.map(|status| describe(status, (Vec::new(), None))) })
}

async fn status(parts: Arc<Parts>, _: Nothing, _: Caller) -> Result<StatusReply, Failure> {
    Ok(StatusReply { axon: running(&parts.serving) })
}

async fn set(parts: Arc<Parts>, params: SetParams, caller: Caller) -> Result<Receipt, Failure> {
    let manner = params.manner();
    caller.rights.require_for(&manner)?;
    let SetParams { netuid, wallet, hotkey, ip, port, .. } = params;
    let ip: IpAddr = ip.parse().map_err(|_| {
        Failure::new(ErrorKind::InvalidParams, format!("`{ip}` is not an address: write an IPv4 or IPv6 address"))
    })?;
    // The protocol's generation; peers read it as the version of the SDK that answers.
    let version = u32::try_from(PROTOCOL_VERSION).unwrap_or(u32::MAX);
    let tls_key = parts.serving.tls_key((&wallet, &hotkey), SocketAddr::new(ip, port));
    let action = Action::ServeAxon(ServeAxon { netuid, version, ip, port, tls_key });
    receipt::submit(&parts, (action, KeyId::hotkey(wallet, hotkey)), manner).await
}

/// The chain has no call that takes an endpoint away: address 0 with port 1 is what peers take for none.
async fn reset(parts: Arc<Parts>, params: ResetParams, caller: Caller) -> Result<Receipt, Failure> {
    let manner = params.manner();
    caller.rights.require_for(&manner)?;
    let ResetParams { netuid, wallet, hotkey, .. } = params;
    let unspecified = IpAddr::from([0, 0, 0, 0]);
    let action = Action::ServeAxon(ServeAxon { netuid, version: 0, ip: unspecified, port: 1, tls_key: None });
    receipt::submit(&parts, (action, KeyId::hotkey(wallet, hotkey)), manner).await
}

async fn serve(
    parts: Arc<Parts>,
    params: ServeParams,
    _: Caller,
) -> Result<impl Stream<Item = Asked> + use<>, Failure> {
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let service = Service {
        declaration: declaration(params.synapse),
        window: count(params.window.unwrap_or(1)),
        waiting: params.waiting.map(count),
        screen: if params.screen { Screen::ByProgram } else { Screen::ByAxon },
        linger: params.linger_ms.map(|ms| Duration::from_millis(ms.into())),
    };
    let seat = parts.serving.serve(service)?;
    // The seat is given up when the subscription ends, and with it the stream. Whoever asks for the next question has sent
    // the one before, whose text counts among the axon's messages until then.
    Ok(stream::unfold((seat, None), |(mut seat, sent): (_, Option<MessageRoom>)| async move {
        drop(sent);
        let asked = seat.next().await?;
        let room = match &asked.question {
            Question::Answer(message) | Question::Screen(message) => Some(message.room.clone()),
            Question::Cancelled => None,
        };
        Some((describe_question(seat.synapse(), asked), (seat, room)))
    }))
}

fn describe_question(synapse: &str, asked: axon::Asked) -> Asked {
    let (kind, message) = match asked.question {
        Question::Answer(message) => (AskedKind::Answer, Some(message)),
        Question::Screen(message) => (AskedKind::Screen, Some(message)),
        Question::Cancelled => (AskedKind::Cancelled, None),
    };
    Asked {
        request: asked.id,
        kind,
        synapse: synapse.to_owned(),
        sender: message.as_ref().map(|message| Hotkey(message.sender)),
        timeout_ms: message.as_ref().map(|message| milliseconds(message.time_left)),
        message: message.map(|message| message.json),
    }
}

async fn answer(parts: Arc<Parts>, params: AnswerParams, _: Caller) -> Result<Nothing, Failure> {
    let reply = match (params.message, params.failure) {
        (_, Some(failure)) => Reply::Failure(failure),
        (Some(message), None) => Reply::Fields(message.get().to_owned()),
        (None, None) => Reply::Fields("{}".to_owned()),
    };
    parts.serving.workers().answer(params.request, reply)?;
    Ok(Nothing {})
}

async fn stream_piece(parts: Arc<Parts>, params: StreamParams, _: Caller) -> Result<Nothing, Failure> {
    let StreamParams { request, text, base64, last, status_code, status_message } = params;
    let bytes = match (text, base64) {
        (Some(_), Some(_)) => return Err(invalid("a piece is `text` or `base64`, not both")),
        (Some(text), None) => Bytes::from(text),
        (None, Some(base64)) => Bytes::from(STANDARD.decode(base64).map_err(|_| invalid("`base64` is not base64"))?),
        (None, None) => Bytes::new(),
    };
    let workers = parts.serving.workers();
    if status_code.is_some() || status_message.is_some() {
        workers.open_stream(request, StreamStatus { code: status_code, message: status_message })?;
    }
    if !bytes.is_empty() {
        workers.stream(request, Piece::Chunk(bytes)).await?;
    }
    if last {
        workers.stream(request, Piece::End).await?;
    }
    Ok(Nothing {})
}

async fn screen(parts: Arc<Parts>, params: ScreenParams, _: Caller) -> Result<Nothing, Failure> {
    let ScreenParams { request, blacklist, not_verified, timed_out, priority } = params;
    let verdict = Verdict { blacklist, not_verified, timed_out, priority };
    parts.serving.workers().answer(request, Reply::Verdict(verdict))?;
    Ok(Nothing {})
}

async fn attach(parts: Arc<Parts>, params: AttachParams, _: Caller) -> Result<Synapses, Failure> {
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let config = UpstreamConfig {
        urls: params.upstreams,
        health: params.health,
        screen: params.screen,
        ..UpstreamConfig::default()
    };
    let limits = (params.places.map(count), params.waiting.map(count));
    parts.serving.attach(&declaration(params.synapse), config, limits)?;
    Ok(synapses(&parts))
}

async fn detach(parts: Arc<Parts>, params: DetachParams, _: Caller) -> Result<Synapses, Failure> {
    parts.serving.detach(&params.name).await?;
    Ok(synapses(&parts))
}

fn synapses(parts: &Parts) -> Synapses {
    Synapses { synapses: parts.serving.classes().into_iter().map(describe_class).collect() }
}

/// The declaration in the words of the protocol.
pub(super) fn declaration(declared: Declaration) -> synapse::Declaration {
    let Declaration { name, fields, required_hash_fields, hash_order, models } = declared;
    synapse::Declaration { name, fields, required_hash_fields, hash_order, models }
}

fn invalid(words: &str) -> Failure {
    Failure::new(ErrorKind::InvalidParams, words)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Reads `ip:port`.
pub(super) fn address(text: &str) -> Result<SocketAddr, Failure> {
    text.parse().map_err(|_| {
        Failure::new(
            ErrorKind::InvalidParams,
            format!("`{text}` is not an address: write IP:PORT, such as 0.0.0.0:8091"),
        )
    })
}

/// The running axon in the words of the contract.
pub(super) fn running(serving: &Serving) -> Option<AxonStatus> {
    serving.status().map(|status| describe(status, (serving.publications(), serving.exchanged())))
}

fn describe(
    status: axon::Status,
    (publications, exchanged): (Vec<serving::Publication>, Option<serving::Exchanged>),
) -> AxonStatus {
    let described = |exchanged: serving::Exchanged| {
        let serving::Exchanged { netuid, hotkey, reason } = exchanged;
        Exchanged { netuid, hotkey, reason }
    };
    AxonStatus {
        hotkey: Hotkey(status.hotkey),
        address: status.address.to_string(),
        tls_key: status.tls_key.to_string(),
        publications: publications.into_iter().map(describe_publication).collect(),
        exchanged: exchanged.map(described),
        synapses: status.synapses,
        handlers: status.classes.into_iter().map(describe_class).collect(),
        connections: number(status.connections),
        senders: number(status.senders),
        requests: status.requests.into_iter().map(|(outcome, count)| (outcome.to_owned(), count)).collect(),
    }
}

fn describe_publication(publication: serving::Publication) -> Publication {
    let (state, reason) = match publication.state {
        Published::Whole => (PublicationState::Whole, None),
        Published::WithoutKey => (PublicationState::WithoutKey, None),
        Published::NotYet { reason } => (PublicationState::NotYet, Some(reason)),
    };
    Publication { netuid: publication.netuid, address: publication.at.to_string(), state, reason }
}

fn describe_class(class: ClassStatus) -> SynapseStatus {
    SynapseStatus {
        name: class.name,
        handler: class.kind.to_owned(),
        places: (class.places != usize::MAX).then(|| number(class.places)),
        answering: number(class.answering),
        waiting: number(class.waiting),
        answered: class.answered,
        failed: class.failed,
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
