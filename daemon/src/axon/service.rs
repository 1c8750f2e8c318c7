//! A request's way from a transport to its answer: the same for HTTP/1.1 and HTTP/3.
//!
//! The decision is `btd_wire`'s; here it gets the clock, the body, a share of the requests in
//! flight and of their memory, its turn in the class's queue, and a handler that may be slow or panic.

use std::{
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use btd_wire::{
    admission::{Arrival, BodyError, BodySource, Gate, Members, RequestHead, Sender, Verified, admit_since, host},
    reply::{self, Answering, Failure},
    synapse::DEFAULT_TIMEOUT,
    version::PROTOCOL_VERSION,
};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use http::{Response, header, request, uri::PathAndQuery};
use tokio::time::{timeout, timeout_at};
use uuid::Uuid;

use super::{
    classes::{Class, Classes},
    config::AccessLog,
    connections::Standing,
    counters::{Counters, Outcome},
    handler::{Answer, HandlerError, Request, Screening, TurnedAway},
    proven::{Entered, Proven},
    queue::{Busy, Place},
    readings::{Reading, Readings, TooMany},
    reply_body::{Chunks, ReplyBody},
};
use crate::room::NoRoom;

/// Answers requests of every transport.
#[derive(Debug)]
pub(super) struct Service {
    gate: Gate,
    classes: Arc<Classes>,
    members: Arc<dyn Members>,
    /// What requests of proven senders take.
    proven: Proven,
    /// Bodies that are read before their senders have proven themselves, by source.
    unproven: Arc<Readings>,
    limits: Limits,
    /// Names this run of the axon in error replies.
    uuid: String,
    /// What HTTP/1.1 replies say of HTTP/3 on the same port.
    alternative: http::HeaderValue,
    counters: Arc<Counters>,
}

/// What a service allows, and what it logs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) in_flight: usize,
    pub(super) in_flight_per_hotkey: usize,
    pub(super) in_flight_bytes: usize,
    pub(super) unproven_bytes: usize,
    pub(super) longest_handling: Duration,
    pub(super) access_log: AccessLog,
}

/// The body of a request, which its transport reads.
pub(super) trait Arriving {
    /// Reads the whole of it, giving up as soon as it exceeds `limit` bytes, or as `charge`, which is told how much memory
    /// it takes by now, says that it may not.
    fn read(
        self,
        limit: usize,
        charge: impl FnMut(usize) -> Result<(), BodyError> + Send,
    ) -> impl Future<Output = Result<Bytes, BodyError>> + Send;
}

/// What is said of the two ends of a call is held so often while it is answered: as the head says it, for a reply that
/// reports a failure, in the message, in the text that a program gets, and in the reply.
const BASE_HELD: usize = 5;

/// What an admitted request holds until its answer is made: a streamed one, until its last byte. The room for its message
/// is held until a whole one is written too.
struct Held {
    entered: Entered,
    _place: Place,
}

// === impl Service ===

impl Service {
    pub(super) fn new(
        gate: Gate,
        (classes, members): (Arc<Classes>, Arc<dyn Members>),
        limits: Limits,
        port: u16,
        counters: Arc<Counters>,
    ) -> Self {
        let alternative = format!("h3=\":{port}\"; ma=86400");
        Self {
            gate,
            classes,
            members,
            proven: Proven::new((limits.in_flight, limits.in_flight_per_hotkey), limits.in_flight_bytes),
            // Strangers send them.
            unproven: Readings::within(
                limits.in_flight.div_ceil(2),
                limits.in_flight_per_hotkey,
                limits.unproven_bytes,
            ),
            limits,
            uuid: Uuid::new_v4().to_string(),
            // Digits and ASCII punctuation only.
            alternative: http::HeaderValue::from_str(&alternative)
                .unwrap_or_else(|_| http::HeaderValue::from_static("clear")),
            counters,
        }
    }

    /// Now, for requests that can come from now on.
    pub(super) fn arrival(&self) -> Arrival {
        self.gate.arrival()
    }

    /// Answers one request, which its connection was free to carry since `arrival`. Its body is read only after the sender has proven itself, or, where the
    /// proof covers the body, within what its source may have read so. Beside the answer: what the sender is from now on.
    pub(super) async fn respond<B: Arriving + Send>(
        &self,
        head: &request::Parts,
        body: B,
        (peer, arrival): (SocketAddr, Arrival),
    ) -> (Response<ReplyBody>, Standing) {
        let started = Instant::now();
        let now = nanos_since_1970();
        let (mut entered, mut reading) = (None, None);
        let source = host(peer.ip());
        let body = Metered { body, service: self, source, entered: &mut entered, reading: &mut reading };
        let path = head.uri.path();
        let target = head.uri.path_and_query().map_or(path, PathAndQuery::as_str);
        let request = RequestHead { method: &head.method, target, headers: &head.headers, peer };
        let (outcome, mut response) = match admit_since(&self.gate, request, body, (arrival, now)).await {
            Err(refused) => {
                let incident = Uuid::new_v4().to_string();
                let outcome = Outcome::Refused(refused.refusal.kind());
                if self.limits.access_log == AccessLog::All {
                    tracing::info!(
                        target: "btd::axon::access",
                        %peer, path, outcome = outcome.name(), status = refused.refusal.status(),
                        us = micros(started), "request refused"
                    );
                }
                tracing::debug!(%peer, path, reason = %refused, %incident, "request refused");
                let answering = self.answering(&incident, (peer, now), started);
                (outcome, reply::refused(&refused, &answering).map(ReplyBody::Whole))
            }
            Ok(verified) => {
                let entered = self.keep(&verified, entered, reading);
                self.answer(verified, entered, (peer, now), started).await
            }
        };
        self.counters.count(outcome);
        response.headers_mut().insert(header::ALT_SVC, self.alternative.clone());
        let is_stranger = matches!(outcome, Outcome::Refused(_) | Outcome::TurnedAway);
        let standing = if is_stranger { Standing::Stranger } else { Standing::Admitted };
        (response, standing)
    }

    /// Bodies that are read now, of the unproven and of proven senders.
    #[cfg(test)]
    pub(super) fn readings(&self) -> (usize, usize) {
        (self.unproven.held(), self.proven.readings())
    }

    /// Memory that bodies of the unproven take, and messages of verified requests.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> (usize, usize) {
        (self.unproven.bytes(), self.proven.taken())
    }

    /// Requests that hold a share, or a place for their body.
    pub(super) fn unfinished(&self) -> usize {
        self.proven.held() + self.unproven.held()
    }

    /// Has a verified request hold what its message takes: the body, and beside it the values that were made of it and
    /// what it says of the two ends.
    fn keep(
        &self,
        verified: &Verified,
        entered: Option<Entered>,
        reading: Option<Reading>,
    ) -> Result<Entered, BodyError> {
        let sender = verified.sender();
        let mut entered = entered.map_or_else(|| self.proven.enter(sender), Ok)?;
        entered.body = reading.map_or(entered.charge.bytes(), |reading| reading.bytes());
        let base = verified.claimed().base_texts() + verified.synapse().base_texts();
        let made = verified.synapse().memory().saturating_add(BASE_HELD * base);
        let bytes = entered.body.saturating_add(made);
        self.proven.take(&mut entered, sender, bytes)?;
        Ok(entered)
    }

    fn answering<'a>(&'a self, incident: &'a str, (peer, now): (SocketAddr, i128), started: Instant) -> Answering<'a> {
        let process_time = started.elapsed().as_secs_f64();
        Answering { uuid: &self.uuid, version: PROTOCOL_VERSION, now, peer, process_time, incident }
    }

    /// Has an admitted request answered.
    async fn answer(
        &self,
        verified: Verified,
        entered: Result<Entered, BodyError>,
        (peer, now): (SocketAddr, i128),
        started: Instant,
    ) -> (Outcome, Response<ReplyBody>) {
        let (spec, sender) = (Arc::clone(verified.spec()), verified.sender());
        let claimed = verified.claimed().clone();
        let class = self.classes.class(spec.name());
        let answered = match (&class, entered) {
            (Some(class), Ok(entered)) => self.handle(class, (verified, peer), entered, claimed.timeout).await,
            (Some(_), Err(none)) => Err(Failure::Busy { reason: none.to_string() }),
            // Withdrawn since the request was admitted.
            (None, _) => Err(Failure::Busy { reason: format!("nothing answers {} any more", spec.name()) }),
        };
        let answered = answered.and_then(|(answer, held, deadline)| {
            let process_time = started.elapsed().as_secs_f64();
            match answer {
                Answer::Whole(synapse) => {
                    let answered = reply::answered(&spec, *synapse, process_time)?;
                    let Entered { charge, body, .. } = held.entered;
                    let (head, parts) = answered.into_parts();
                    let body = ReplyBody::of_parts(parts, (charge, body));
                    let body = body.map_err(|NoRoom| Failure::Busy { reason: BodyError::Full.to_string() })?;
                    Ok(Response::from_parts(head, body))
                }
                Answer::Stream(synapse, chunks) => {
                    let chunks = bounded(chunks, held, deadline);
                    Ok(reply::streaming(&spec, *synapse, process_time)?.map(|()| ReplyBody::Stream(chunks)))
                }
            }
        });
        let (outcome, response) = match answered {
            Ok(response) => (Outcome::Answered, response),
            Err(failure) => {
                let incident = Uuid::new_v4().to_string();
                let outcome = Outcome::from(&failure);
                if matches!(outcome, Outcome::Failed | Outcome::HandlerTimedOut) {
                    tracing::warn!(
                        %peer, synapse = spec.name(), %sender, reason = %failure, %incident, "request failed"
                    );
                }
                let answering = self.answering(&incident, (peer, now), started);
                (outcome, reply::failed(&failure, &claimed, &spec, &answering).map(ReplyBody::Whole))
            }
        };
        if let Some(class) = class {
            class.count(outcome);
        }
        if self.limits.access_log != AccessLog::Off {
            tracing::info!(
                target: "btd::axon::access",
                %peer, synapse = spec.name(), %sender, outcome = outcome.name(), status = response.status().as_u16(),
                us = micros(started), "request"
            );
        }
        (outcome, response)
    }

    /// Screens a request, waits for its turn, and hands it to its handler, all within the time that
    /// its sender waits.
    async fn handle(
        &self,
        class: &Class,
        (verified, peer): (Verified, SocketAddr),
        entered: Entered,
        asked: Option<f64>,
    ) -> Result<(Answer, Held, Instant), Failure> {
        // An admitted timeout is finite; one that is not positive sets no limit, as in Python's client.
        let longest = self.limits.longest_handling.as_secs_f64();
        let stated = asked.unwrap_or(DEFAULT_TIMEOUT);
        let asked = asked.filter(|asked| *asked > 0.0).map_or(longest, |asked| asked.min(longest));
        let limit = Duration::from_secs_f64(asked);
        let deadline = Instant::now() + limit;
        let request = Request { verified, peer, deadline, charge: entered.charge.beside() };
        let handling = async {
            let Screening { turned_away, priority } = class.handler.screen(&request).await?;
            match turned_away {
                Some(TurnedAway::Blacklisted(reason)) => return Err(Failure::Blacklisted { reason }),
                Some(TurnedAway::NotVerified(reason)) => return Err(Failure::NotVerified { reason }),
                // Python's axon names the time that the sender waits, however long it took.
                Some(TurnedAway::TimedOut) => return Err(Failure::TimedOut { timeout: stated }),
                None => {}
            }
            let priority = priority.unwrap_or_else(|| self.members.priority(&request.verified.sender()));
            let place = class.queue.enter(priority).await.map_err(|Busy| Failure::Busy {
                reason: format!("too many requests wait for {}", class.spec.name()),
            })?;
            let answer = class.handler.handle(request).await?;
            Ok((answer, Held { entered, _place: place }, deadline))
        };
        match timeout(limit, AssertUnwindSafe(handling).catch_unwind()).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(_panic)) => Err(Failure::Handler { reason: "the handler panicked".to_owned() }),
            Err(_elapsed) => Err(Failure::TimedOut { timeout: asked }),
        }
    }
}

impl From<HandlerError> for Failure {
    fn from(error: HandlerError) -> Self {
        match error {
            HandlerError::Failed(reason) => Self::Handler { reason },
            HandlerError::Busy(reason) => Self::Busy { reason },
        }
    }
}

/// The chunks of a handler until the deadline, which then is an error. What the request holds is
/// given back with the last of them.
fn bounded(chunks: Chunks, held: Held, deadline: Instant) -> Chunks {
    stream::unfold(Some((chunks, held)), move |state| async move {
        let (mut chunks, held) = state?;
        let next = AssertUnwindSafe(chunks.next()).catch_unwind();
        let next = match timeout_at(deadline.into(), next).await {
            Ok(Ok(next)) => next?,
            Ok(Err(_panic)) => Err(HandlerError::Failed("the handler panicked".to_owned())),
            Err(_elapsed) => Err(HandlerError::Failed("the deadline passed while it streamed".to_owned())),
        };
        match next {
            Ok(chunk) => Some((Ok(chunk), Some((chunks, held)))),
            Err(error) => {
                tracing::warn!(reason = %error, "a streamed reply broke off");
                Some((Err(error), None))
            }
        }
    })
    .boxed()
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// A body that takes a share before it is read, and memory as it comes, so that bodies in memory are bounded too: of the
/// requests in flight for a proven sender, of its source's readings for one who is yet to be proven.
struct Metered<'a, B> {
    body: B,
    service: &'a Service,
    source: IpAddr,
    entered: &'a mut Option<Entered>,
    reading: &'a mut Option<Reading>,
}

impl<B: Arriving + Send> BodySource for Metered<'_, B> {
    async fn read(self, sender: Sender, limit: usize) -> Result<Bytes, BodyError> {
        match sender {
            Sender::Proven(hotkey) => {
                let (entered, read) = self.service.proven.read(hotkey, self.body, limit).await?;
                *self.entered = Some(entered);
                Ok(read)
            }
            Sender::Claimed => {
                let reading = self.service.unproven.enter(self.source).map_err(|TooMany| BodyError::Busy)?;
                let displaced = reading.displaced();
                let reading = self.reading.insert(reading);
                let arriving = self.body.read(limit, |bytes| reading.take(bytes).map_err(|TooMany| BodyError::Full));
                displaced.run_until_cancelled(arriving).await.unwrap_or(Err(BodyError::Busy))
            }
        }
    }
}

/// The wall clock. Before 1970 it is 1970.
pub(super) fn nanos_since_1970() -> i128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // 64 bits of seconds in nanoseconds take 94 bits.
    i128::try_from(since.as_nanos()).unwrap_or(i128::MAX)
}
