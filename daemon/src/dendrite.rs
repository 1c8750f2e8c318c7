//! The dendrite: asks the axons of others, as one hotkey.
//!
//! Two transports. Over HTTP/1.1, which every axon speaks, replies prove nothing: whoever is at
//! the address, or on the way, can answer. Over QUIC a connection opens only to a server that the
//! called hotkey vouches for ([`btd_wire::certificate`]). With [`Transport::Auto`] the first
//! request to an axon goes over HTTP/1.1; an axon that announces HTTP/3 there (`alt-svc`, on the
//! port that was called) is asked over QUIC from then on, until a QUIC connection to it does not
//! open, or an open one has fallen silent: then HTTP/1.1 serves again. That an axon which is well does not
//! answer in time is no reason. What was sent into the silence is sent again as it is, with its nonce, so
//! that an axon that had got it after all does not take it twice; so is what a kept connection of HTTP/1.1 took that the
//! axon was closing. A server that vouches for
//! another hotkey, or falsely for the one that was called, is an error, not a reason to fall back; one that names
//! no hotkey at all is of another make, which HTTP/1.1 serves. Somebody on the way can suppress the announcement as
//! well as the statement, so who must have the proof asks for [`Transport::Quic`]. A hotkey that has published a TLS
//! key on chain has announced HTTP/3 of its axon as well ([`Dendrite::learn`]), and the first request goes over QUIC.
//! The key proves nothing: whoever tells of the chain could tell of another, so that the hotkey has to vouch for its
//! server in any case.
//!
//! A request is signed when it can leave: after its turn has come and its connection is open. Axons
//! refuse a nonce that is some seconds old, and an axon that is not there costs no signature. So the
//! connection opens even if the hotkey then does not sign. One that closes during the signature has carried
//! nothing, and is replaced once.
//!
//! The dendrite knows neither the chain nor uids: whoever calls it resolves a neuron to a
//! [`Target`]. The answering side is [`crate::axon`].

mod certificate;
mod clock;
mod config;
#[doc(hidden)]
pub mod foreign;
mod http;
mod lanes;
mod offers;
mod quic;
mod reading;
mod reply_room;
#[cfg(test)]
mod tests;
mod turns;
mod unpack;

use std::{
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use ::http::{HeaderMap, StatusCode, header};
use btd_api::AccountId;
use btd_wire::{
    Signer,
    certificate::TlsKey,
    outgoing::{Answer, CallFailure, Callee, Caller, Outgoing, Unsigned, merge, merge_head},
    reply::EVENT_STREAM,
    synapse::{Synapse, SynapseSpec, latin1},
};
use bytes::Bytes;
use indexmap::IndexMap;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::task::TaskTracker;

pub use config::Config;
pub use reply_room::{Held, ReplyRoom};

use self::{
    clock::Nonces,
    http::{HttpClient, Sent},
    lanes::Lanes,
    offers::Offers,
    quic::{QuicClient, QuicFailure},
    reply_room::Taker,
    turns::{MOST_WAITING, TooMany, Turns},
};
use crate::http_pool;

/// A kept connection that ends within this time of a request, without a reply, may have been closed before the request
/// reached its other end: longer than any way there and back. One that ends later ends because of the request.
const CROSSED_WITHIN: Duration = Duration::from_secs(1);
const USER_AGENT: &str = concat!("btd/", env!("CARGO_PKG_VERSION"));

/// An axon, as the caller knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Target {
    /// Its address.
    pub ip: IpAddr,
    /// Its port. Port 0 means that the neuron does not serve.
    pub port: u16,
    /// Its hotkey: the request is signed for it and no other axon takes it.
    pub hotkey: AccountId,
}

/// How to reach an axon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// QUIC where the axon has announced it, else HTTP/1.1.
    #[default]
    Auto,
    /// HTTP/1.1 over TCP.
    Http,
    /// HTTP/3 over QUIC, with proof of the hotkey.
    Quic,
}

/// How a call ended. There is always one: a failure is an outcome with the code and the text that
/// Python's dendrite reports for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// 200 is success. What the axon stated, or what the failure is called: 408 timeout, 503 not
    /// reachable, 421 not the hotkey that was called, 422 not sent or not a reply, and so on.
    pub status_code: u16,
    /// In words.
    pub status_message: String,
    /// From connecting to the last byte, or to the failure.
    pub process_time: Duration,
    /// What was used, never [`Transport::Auto`].
    pub transport: Transport,
    /// The message after the call: what the axon made of it, or as it was sent.
    pub synapse: Option<Synapse>,
}

/// Asks axons as one hotkey. Connections are kept and used again; share one by `Arc`.
#[derive(Debug)]
pub struct Dendrite {
    config: Config,
    hotkey: AccountId,
    /// The hotkey's, in SS58.
    address: String,
    signer: Arc<dyn Signer>,
    nonces: Nonces,
    lanes: Lanes,
    turns: Turns,
    room: ReplyRoom,
    http: HttpClient,
    quic: QuicClient,
    offers: Offers,
}

/// A reply as it came.
#[derive(Debug)]
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Body,
    /// What the body takes.
    held: Held,
}

/// The body of a reply.
#[derive(Debug)]
enum Body {
    Whole(Bytes),
    /// It went to whoever takes the pieces.
    Streamed,
}

/// How far a call has got on its way to an axon.
struct Way {
    /// What is used, never [`Transport::Auto`].
    used: Transport,
    /// Whether a QUIC connection is being waited for.
    opening: bool,
}

/// A connection in hand, for one request.
enum Ready {
    Http(http_pool::Ready),
    Quic(quic::Ready),
}

/// Who takes the pieces of a streamed reply, as they come. Whoever is slow slows the axon down.
pub type Pieces = mpsc::Sender<Bytes>;

/// What the axon said without any status at all.
const NO_STATUS: &str = "Failed to parse response: the reply states no status";

// === impl Ready ===

impl Ready {
    /// Whether it closed before anything was sent over it.
    fn is_closed(&self) -> bool {
        match self {
            Self::Http(ready) => ready.is_closed_unused(),
            Self::Quic(ready) => ready.is_closed(),
        }
    }
}

// === impl Dendrite ===

impl Dendrite {
    /// A dendrite that asks as `hotkey`, signed by `signer`, and has its room for replies to itself. Opens nothing yet.
    pub fn new(config: Config, hotkey: AccountId, signer: Arc<dyn Signer>) -> Self {
        let room = ReplyRoom::new(&config);
        Self::within(room, config, hotkey, signer)
    }

    /// A dendrite that shares its room for replies with others.
    pub fn within(room: ReplyRoom, config: Config, hotkey: AccountId, signer: Arc<dyn Signer>) -> Self {
        let connections = TaskTracker::new();
        Self {
            http: HttpClient::new(&config, connections.clone()),
            quic: QuicClient::new(&config, connections),
            turns: Turns::new(config.max_requests_per_axon),
            room,
            config,
            address: hotkey.to_string(),
            hotkey,
            signer,
            nonces: Nonces::default(),
            lanes: Lanes::default(),
            offers: Offers::default(),
        }
    }

    /// As whom it asks.
    pub fn hotkey(&self) -> AccountId {
        self.hotkey
    }

    /// Takes note that the hotkey of `target` has published `key` as the TLS key of the axon there, which offers HTTP/3
    /// to whoever asks that hotkey there, and proves nothing. Learnt again, it says nothing new: an axon that was
    /// not to be reached over QUIC since is not tried for it once more.
    pub fn learn(&self, target: Target, key: TlsKey) {
        self.offers.learn(SocketAddr::new(target.ip, target.port), target.hotkey, key);
    }

    /// Asks for the base synapse's echo within `limit`, from connecting to the last byte.
    pub async fn ping(&self, target: Target, transport: Transport, limit: Duration) -> Outcome {
        self.call(target, &SynapseSpec::base(), IndexMap::new(), (transport, limit)).await
    }

    /// Sends a synapse of `spec` with `fields` within `limit`. Fields that are absent take their
    /// defaults; what does not fit its type is not sent.
    ///
    /// An axon that has just started may refuse a first request by its age and say when to come
    /// again; if that is within `limit`, the request is signed anew and sent once more. A request to
    /// which a QUIC connection does not stir, or at which a kept connection of HTTP/1.1 ends at once without a reply,
    /// is sent again as it is, under the same nonce, which an axon that remembers nonces does not take twice. Nothing
    /// else is repeated.
    pub async fn call(
        &self,
        target: Target,
        spec: &SynapseSpec,
        fields: IndexMap<String, btd_wire::python::Value>,
        manner: (Transport, Duration),
    ) -> Outcome {
        self.ask(target, spec, fields, manner, None).await.0
    }

    /// As [`Dendrite::call`]; if the axon streams its reply, the bytes go to `pieces` as they come,
    /// and the outcome says how it ended.
    pub async fn call_streaming(
        &self,
        target: Target,
        spec: &SynapseSpec,
        fields: IndexMap<String, btd_wire::python::Value>,
        manner: (Transport, Duration),
        pieces: &Pieces,
    ) -> Outcome {
        self.ask(target, spec, fields, manner, Some(pieces)).await.0
    }

    /// As [`Dendrite::call`], or [`Dendrite::call_streaming`] where somebody takes the pieces; and what the message takes of
    /// the room for replies. Whoever keeps the message keeps that. A piece holds what it takes by itself.
    pub async fn ask(
        &self,
        target: Target,
        spec: &SynapseSpec,
        fields: IndexMap<String, btd_wire::python::Value>,
        (transport, limit): (Transport, Duration),
        pieces: Option<&Pieces>,
    ) -> (Outcome, Held) {
        let started = Instant::now();
        let used = if transport == Transport::Quic { Transport::Quic } else { Transport::Http };
        let mut way = Way { used, opening: false };
        let at = SocketAddr::new(target.ip, target.port);
        let taker = Taker { pieces, room: &self.room, hotkey: target.hotkey };
        let mut has_turn = false;
        let ended = {
            // It is large: where it lies it stays.
            let calling = pin!(async {
                let fields = spec.coerce(fields).map_err(|fault| CallFailure::NotSent(fault.to_string()))?;
                let _turn = self.turns.wait(at).await.map_err(|TooMany| self.too_many_wait(at))?;
                has_turn = true;
                let first = self.exchange(target, spec, &fields, (transport, limit, taker), &mut way).await?;
                match retry_after(&first) {
                    Some(pause) if ends_before(limit, started.elapsed(), pause) => {
                        tokio::time::sleep(pause).await;
                        // What happens seldom is kept apart, so that the rest is small: hundreds of calls are open.
                        Box::pin(self.exchange(target, spec, &fields, (transport, limit, taker), &mut way)).await
                    }
                    _ => Ok(first),
                }
            });
            timeout(limit, calling).await
        };
        let result = match ended {
            Ok(result) => result,
            Err(_) if has_turn => Err(CallFailure::TimedOut { seconds: limit.as_secs_f64() }),
            // That the axon was not asked says nothing of it, nor of its connection.
            Err(_) => Err(self.had_no_turn(at, limit)),
        };
        let process_time = started.elapsed();
        let Way { used, opening } = way;
        if used == Transport::Quic && matches!(result, Err(CallFailure::TimedOut { .. })) {
            self.quic.forget(at, target.hotkey);
            // Of an axon to which a connection was open it says nothing that its answer did not come in time.
            if opening && transport == Transport::Auto {
                self.offers.forget(at, target.hotkey);
            }
        }
        let (outcome, held) = match result {
            Ok(exchanged) => exchanged.outcome(process_time, used),
            Err(failure) => {
                let (status_code, status_message) = (failure.status(), failure.to_string());
                let outcome = Outcome { status_code, status_message, process_time, transport: used, synapse: None };
                (outcome, taker.open())
            }
        };
        tracing::debug!(
            hotkey = %target.hotkey, axon = %at, synapse = spec.name(), transport = ?outcome.transport,
            status = outcome.status_code, reason = outcome.status_message, "axon asked"
        );
        (outcome, held)
    }

    /// Why a call was not sent whose whole time passed in the line.
    fn had_no_turn(&self, axon: SocketAddr, limit: Duration) -> CallFailure {
        let most = self.config.max_requests_per_axon;
        CallFailure::NotSent(format!(
            "its turn did not come within {limit:?}: as many requests to {axon} were on their way as there may be \
             at once (dendrite.max_requests_per_axon is {most})"
        ))
    }

    /// Why a call was not sent that would have had to wait behind too many others.
    fn too_many_wait(&self, axon: SocketAddr) -> CallFailure {
        let most = self.config.max_requests_per_axon;
        CallFailure::Busy(format!(
            "as many requests to {axon} are on their way as there may be at once (dendrite.max_requests_per_axon is \
             {most}), and {MOST_WAITING} wait for their turns already: ask again later, or fewer at once"
        ))
    }

    /// One signed request and its reply.
    async fn exchange(
        &self,
        target: Target,
        spec: &SynapseSpec,
        fields: &IndexMap<String, btd_wire::python::Value>,
        (transport, limit, taker): (Transport, Duration, Taker<'_>),
        way: &mut Way,
    ) -> Result<Exchanged, CallFailure> {
        let axon = SocketAddr::new(target.ip, target.port);
        if target.port == 0 || target.ip.is_unspecified() {
            let (ip, port) = (target.ip.to_string(), target.port);
            return Err(CallFailure::Unavailable { ip, port, name: spec.name().to_owned() });
        }
        let mut was_closed = false;
        let (outgoing, reply) = loop {
            let ready = self.ready(target, spec.name(), transport, way).await?;
            let lane = self.lanes.enter();
            let before = match &ready {
                Ready::Http(_) => http::before(axon),
                Ready::Quic(_) => HeaderMap::new(),
            };
            let mut outgoing = self.signed(target, spec, fields, (limit, lane.uuid(), before)).await?;
            // Closed during the signature: once more, but not for as long as an axon likes to hang up.
            if ready.is_closed() {
                if was_closed {
                    return Err(CallFailure::Disconnected);
                }
                was_closed = true;
                continue;
            }
            let sent = match ready {
                Ready::Http(ready) => self.send_http(ready, axon, (&mut outgoing, spec), taker).await?,
                Ready::Quic(ready) => {
                    let sending = self.send_quic(ready, target, &outgoing, (transport, taker, way));
                    Some(Box::pin(sending).await?)
                }
            };
            // A kept connection that was closed in between took nothing: once more, over another.
            if let Some(reply) = sent {
                break (outgoing, reply);
            }
        };
        let mut synapse = outgoing.synapse;
        let url = format!("http://{axon}{}", outgoing.path);
        // A reply that cannot be read leaves its failure in the synapse.
        let _ = match &reply.body {
            Body::Whole(body) => {
                let answer = Answer { status: reply.status, headers: &reply.headers, body, url: &url };
                merge(spec, &mut synapse, &answer)
            }
            Body::Streamed => merge_head(&mut synapse, reply.status, &reply.headers),
        };
        Ok(Exchanged { synapse, headers: reply.headers, held: reply.held })
    }

    /// Asks for the signature of one request, with a nonce of now. Its headers are behind those in `before`.
    async fn signed(
        &self,
        target: Target,
        spec: &SynapseSpec,
        fields: &IndexMap<String, btd_wire::python::Value>,
        (limit, uuid, before): (Duration, &str, HeaderMap),
    ) -> Result<Outgoing, CallFailure> {
        let caller = Caller { hotkey: &self.address, uuid, ip: None };
        let callee = Callee { hotkey: target.hotkey, ip: target.ip.to_string(), port: target.port };
        let unsigned = Unsigned::new(
            spec,
            Synapse::new(spec, fields.clone()),
            (caller, callee),
            limit.as_secs_f64(),
            self.nonces.next(),
        );
        let signature = self.signer.sign(&self.hotkey, unsigned.message()).await.map_err(|error| not_signed(&error))?;
        Ok(unsigned.sign_behind(before, spec, &signature))
    }

    /// `None` when nothing was sent, because the connection was closed in between.
    async fn send_http(
        &self,
        ready: http_pool::Ready,
        axon: SocketAddr,
        (outgoing, spec): (&mut Outgoing, &SynapseSpec),
        taker: Taker<'_>,
    ) -> Result<Option<Reply>, CallFailure> {
        let begun = Instant::now();
        let reply = match self.http.send(ready, axon, outgoing, taker).await? {
            Sent::Answered(reply) => reply,
            Sent::Nothing => return Ok(None),
            Sent::Unanswered if begun.elapsed() < CROSSED_WITHIN => {
                Box::pin(self.send_again(axon, outgoing, spec, taker)).await?
            }
            Sent::Unanswered => return Err(CallFailure::Disconnected),
        };
        self.offers.note(axon, &reply.headers);
        Ok(Some(reply))
    }

    /// Sends a request again whose kept connection ended at once and without a reply: most likely the axon had closed it, as
    /// one that nobody used, while the request was on its way. If it had read the request all the same, it refuses a nonce
    /// that it has seen: then its answer is the one that did not come.
    async fn send_again(
        &self,
        axon: SocketAddr,
        outgoing: &Outgoing,
        spec: &SynapseSpec,
        taker: Taker<'_>,
    ) -> Result<Reply, CallFailure> {
        tracing::debug!(%axon, "a kept connection ended without a reply: the request is sent again as it was");
        let reply = self.http.send_again(axon, outgoing, spec, taker).await?;
        let is_refused = reply.status == StatusCode::UNAUTHORIZED && !reply.headers.contains_key(header::RETRY_AFTER);
        if is_refused {
            let reason = reply.headers.get("bt_header_axon_status_message");
            tracing::debug!(%axon, ?reason, "what was sent again is refused: it was read the first time, or would not pass");
            return Err(CallFailure::Disconnected);
        }
        Ok(reply)
    }

    async fn send_quic(
        &self,
        ready: quic::Ready,
        target: Target,
        outgoing: &Outgoing,
        (transport, taker, way): (Transport, Taker<'_>, &mut Way),
    ) -> Result<Reply, CallFailure> {
        let axon = SocketAddr::new(target.ip, target.port);
        let patience = self.config.quic_connect();
        match self.quic.send(ready, outgoing, taker, patience).await {
            Err(QuicFailure::Silent) if transport == Transport::Auto => {
                self.offers.forget(axon, target.hotkey);
                way.used = Transport::Http;
                let reply = self.http.send_as_it_is(axon, outgoing, taker).await?;
                self.offers.note(axon, &reply.headers);
                Ok(reply)
            }
            // Once more, on a new connection.
            Err(QuicFailure::Silent) => {
                let name = outgoing.path.trim_start_matches('/');
                let again = async {
                    let ready = self.quic.ready(axon, target.hotkey, name).await?;
                    self.quic.send(ready, outgoing, taker, patience).await
                };
                again.await.map_err(QuicFailure::into_failure)
            }
            sent => sent.map_err(QuicFailure::into_failure),
        }
    }

    /// A connection for the next request. With `Auto`, QUIC only if its connection opens soon.
    async fn ready(
        &self,
        target: Target,
        name: &str,
        transport: Transport,
        way: &mut Way,
    ) -> Result<Ready, CallFailure> {
        let axon = SocketAddr::new(target.ip, target.port);
        let quic = || Box::pin(self.quic.ready(axon, target.hotkey, name));
        let offered = transport == Transport::Auto && self.offers.has(axon, target.hotkey);
        if offered {
            // Until it is found not to open.
            *way = Way { used: Transport::Quic, opening: true };
        }
        let opened = match transport {
            Transport::Quic => Some(quic().await),
            Transport::Auto if offered => timeout(self.config.quic_connect(), quic()).await.ok(),
            Transport::Auto | Transport::Http => None,
        };
        way.opening = false;
        match opened {
            Some(Ok(ready)) => {
                way.used = Transport::Quic;
                return Ok(Ready::Quic(ready));
            }
            Some(Err(failure)) if transport == Transport::Quic || matches!(failure, QuicFailure::Refuted(_)) => {
                return Err(failure.into_failure());
            }
            Some(Err(QuicFailure::Unstated(_))) => self.offers.note_foreign(axon, target.hotkey),
            Some(Err(_)) | None if transport == Transport::Auto => self.offers.forget(axon, target.hotkey),
            Some(Err(_)) | None => {}
        }
        way.used = Transport::Http;
        self.http.ready(axon, name).await.map(Ready::Http)
    }
}

/// A reply merged into the message that was sent.
struct Exchanged {
    synapse: Synapse,
    headers: HeaderMap,
    held: Held,
}

// === impl Exchanged ===

impl Exchanged {
    fn outcome(self, process_time: Duration, transport: Transport) -> (Outcome, Held) {
        let dendrite = &self.synapse.dendrite;
        let stated = dendrite.status_code.and_then(|code| u16::try_from(code).ok());
        let (status_code, status_message) = match stated {
            Some(code) => (code, dendrite.status_message.clone().unwrap_or_default()),
            None => (422, NO_STATUS.to_owned()),
        };
        let synapse = Some(self.synapse);
        (Outcome { status_code, status_message, process_time, transport, synapse }, self.held)
    }
}

/// When an axon asks for the same request again: only if it refused it unseen.
fn retry_after(exchanged: &Exchanged) -> Option<Duration> {
    if exchanged.synapse.dendrite.status_code != Some(401) {
        return None;
    }
    let seconds = exchanged.headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Whether a pause after `elapsed` is over within `limit`. How long the pause is, a stranger says.
fn ends_before(limit: Duration, elapsed: Duration, pause: Duration) -> bool {
    elapsed.checked_add(pause).is_some_and(|end| end < limit)
}

/// Whether a reply's bytes go to whoever takes pieces.
fn is_streamed(status: StatusCode, headers: &HeaderMap) -> bool {
    let declared = headers.get(header::CONTENT_TYPE).map(latin1).unwrap_or_default();
    status == StatusCode::OK && declared.starts_with(EVENT_STREAM)
}

fn not_signed(error: &btd_wire::SignerError) -> CallFailure {
    CallFailure::NotSent(format!("{error}: {}", error.source))
}
