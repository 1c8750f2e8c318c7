//! A request's way from a transport to its answer: the same for HTTP/1.1 and HTTP/3.
//!
//! The decision is `btd_wire`'s; here it gets the clock, the body, a slot among the requests in
//! flight, and a handler that may be slow or panic.

use std::{
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use btd_wire::{
    admission::{BodyError, BodySource, Gate, RequestHead, Unverified, Verified, admit},
    reply::{self, Answering, Failure},
    synapse::SynapseSpec,
    version::PROTOCOL_VERSION,
};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Response, header, request};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use uuid::Uuid;

use super::{
    counters::{Counters, Outcome},
    handler::{Handler, HandlerError},
};

/// Answers requests of every transport.
#[derive(Debug)]
pub(super) struct Service {
    gate: Gate,
    handlers: Vec<(Arc<SynapseSpec>, Arc<dyn Handler>)>,
    slots: Arc<Semaphore>,
    longest_handling: Duration,
    /// Names this run of the axon in error replies.
    uuid: String,
    /// What HTTP/1.1 replies say of HTTP/3 on the same port.
    alternative: http::HeaderValue,
    counters: Arc<Counters>,
}

// === impl Service ===

impl Service {
    pub(super) fn new(
        gate: Gate,
        handlers: Vec<(Arc<SynapseSpec>, Arc<dyn Handler>)>,
        (max_in_flight, longest_handling): (usize, Duration),
        port: u16,
        counters: Arc<Counters>,
    ) -> Self {
        let alternative = format!("h3=\":{port}\"; ma=86400");
        Self {
            gate,
            handlers,
            slots: Arc::new(Semaphore::new(max_in_flight.min(Semaphore::MAX_PERMITS))),
            longest_handling,
            uuid: Uuid::new_v4().to_string(),
            // Digits and ASCII punctuation only.
            alternative: http::HeaderValue::from_str(&alternative)
                .unwrap_or_else(|_| http::HeaderValue::from_static("clear")),
            counters,
        }
    }

    /// Answers one request. Its body is read only after the sender has proven itself.
    pub(super) async fn respond<B: BodySource + Send>(
        &self,
        head: &request::Parts,
        body: B,
        peer: SocketAddr,
    ) -> Response<Bytes> {
        let started = Instant::now();
        let now = nanos_since_1970();
        let incident = Uuid::new_v4().to_string();
        let answering = |process_time: Duration| Answering {
            uuid: &self.uuid,
            version: PROTOCOL_VERSION,
            now,
            peer,
            process_time: process_time.as_secs_f64(),
            incident: &incident,
        };
        let mut slot = None;
        let body = Metered { body, slots: &self.slots, slot: &mut slot };
        let path = head.uri.path();
        let request = RequestHead { method: &head.method, path, headers: &head.headers, peer };
        let (outcome, mut response) = match admit(&self.gate, request, body, now).await {
            Err(refused) => {
                tracing::debug!(%peer, path, reason = %refused, %incident, "request refused");
                let response = reply::refused(&refused, &answering(started.elapsed()));
                (Outcome::Refused(refused.refusal.kind()), response)
            }
            Ok(verified) => {
                let (spec, claimed) = (Arc::clone(verified.spec()), verified.claimed().clone());
                let sender = verified.sender();
                let answered = match self.handle(verified, &claimed).await {
                    Ok(synapse) => reply::answered(&spec, synapse, started.elapsed().as_secs_f64()),
                    Err(failure) => Err(failure),
                };
                match answered {
                    Ok(response) => {
                        tracing::debug!(%peer, path, %sender, "request answered");
                        (Outcome::Answered, response)
                    }
                    Err(failure) => {
                        tracing::warn!(%peer, path, %sender, reason = %failure, %incident, "request failed");
                        let outcome = match failure {
                            Failure::TimedOut { .. } => Outcome::HandlerTimedOut,
                            Failure::Handler { .. } => Outcome::Failed,
                        };
                        (outcome, reply::failed(&failure, &claimed, &spec, &answering(started.elapsed())))
                    }
                }
            }
        };
        self.counters.count(outcome);
        response.headers_mut().insert(header::ALT_SVC, self.alternative.clone());
        response
    }

    async fn handle(&self, verified: Verified, claimed: &Unverified) -> Result<btd_wire::synapse::Synapse, Failure> {
        let spec = verified.spec();
        let (_, handler) = self
            .handlers
            .iter()
            .find(|(known, _)| known.name() == spec.name())
            .ok_or_else(|| Failure::Handler { reason: format!("no handler for {}", spec.name()) })?;
        // An admitted timeout is finite; one that is not positive leaves the handler no time.
        let asked = claimed.timeout.unwrap_or(f64::MAX).clamp(0.0, self.longest_handling.as_secs_f64());
        let handling = AssertUnwindSafe(async move { handler.handle(verified).await }).catch_unwind();
        match timeout(Duration::from_secs_f64(asked), handling).await {
            Ok(Ok(Ok(synapse))) => Ok(synapse),
            Ok(Ok(Err(HandlerError(reason)))) => Err(Failure::Handler { reason }),
            Ok(Err(_panic)) => Err(Failure::Handler { reason: "the handler panicked".to_owned() }),
            Err(_elapsed) => Err(Failure::TimedOut { timeout: asked }),
        }
    }
}

/// A body that takes a slot among the requests in flight before it is read, so that bodies in
/// memory are bounded too. Only proven senders get that far.
struct Metered<'a, B> {
    body: B,
    slots: &'a Arc<Semaphore>,
    slot: &'a mut Option<OwnedSemaphorePermit>,
}

impl<B: BodySource + Send> BodySource for Metered<'_, B> {
    async fn read(self, limit: usize) -> Result<Bytes, BodyError> {
        let slot = Arc::clone(self.slots).try_acquire_owned().map_err(|_| BodyError::Busy)?;
        *self.slot = Some(slot);
        self.body.read(limit).await
    }
}

/// The wall clock. Before 1970 it is 1970.
pub(super) fn nanos_since_1970() -> i128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // 64 bits of seconds in nanoseconds take 94 bits.
    i128::try_from(since.as_nanos()).unwrap_or(i128::MAX)
}
