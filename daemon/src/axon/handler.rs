//! What answers a verified request: one handler per synapse class.

use std::{
    fmt,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use btd_wire::{
    admission::{BodyError, Verified},
    python::{JsonStyle, read_json_of},
    synapse::{Synapse, SynapseSpec, Terminal},
};
use bytes::Bytes;
use futures_util::{future::BoxFuture, stream::BoxStream};
use serde::Deserialize;

use crate::room::{Charge, NoRoom};

/// Answers the verified requests of one synapse class.
///
/// A handler runs under a deadline and a bounded number of them at once. It may be dropped at any
/// await point: when the deadline passes, the caller goes away, or the axon stops. A panic becomes
/// an answer of status 500 to that caller and touches nobody else.
pub trait Handler: Send + Sync + fmt::Debug {
    /// The class it answers. Asked once, when the axon starts.
    fn spec(&self) -> Arc<SynapseSpec>;

    /// What the handler's own rules say of a request, asked before it waits for its turn. The
    /// sender is proven by then. Without rules of its own a handler takes every request and leaves
    /// its priority to the axon.
    fn screen<'a>(&'a self, _request: &'a Request) -> BoxFuture<'a, Result<Screening, HandlerError>> {
        Box::pin(async { Ok(Screening::default()) })
    }

    /// Answers one request. The synapse that it returns is sent as it is; status 200 unless
    /// `axon.status_code` says otherwise.
    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Answer, HandlerError>>;
}

/// A verified request on its way to a handler.
#[derive(Debug)]
pub struct Request {
    /// The message and its sender.
    pub verified: Verified,
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// When the answer is no use any more.
    pub deadline: Instant,
    /// What is made of the message for a handler takes room beside it.
    pub(super) charge: Charge,
}

/// What a handler answers.
pub enum Answer {
    /// The whole message.
    Whole(Box<Synapse>),
    /// A message for the header block, then a body of bytes as they come. An error among them ends
    /// the connection, so that the caller does not take a part for the whole.
    Stream(Box<Synapse>, BoxStream<'static, Result<Bytes, HandlerError>>),
}

/// What a handler's own rules say of a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Screening {
    /// Why the sender is turned away, if it is.
    pub turned_away: Option<TurnedAway>,
    /// How soon it is answered, in place of what the axon thinks: larger is sooner.
    pub priority: Option<f64>,
}

/// Why a handler turns a sender away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnedAway {
    /// Status 403: the sender is not wanted.
    Blacklisted(String),
    /// Status 401: the handler's own check did not pass.
    NotVerified(String),
    /// Status 408: what was to say how soon it is answered ran out of time.
    TimedOut,
}

/// Why a handler does not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandlerError {
    /// It could not. The caller learns only an incident number; the log has both.
    #[error("{0}")]
    Failed(String),
    /// It is not there, or has too much to do: status 503, which the caller gets to read.
    #[error("{0}")]
    Busy(String),
}

/// The base class, always served: an echo, by which neurons find out that we are alive.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ping;

/// Answers a class with what it was sent.
#[derive(Debug, Clone)]
pub struct Echo(pub Arc<SynapseSpec>);

// === impl Request ===

impl Request {
    /// Time left until the deadline.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The message as JSON for a program that answers it. What it says of its sender is what was
    /// proven and seen, not what its body claims. Numbers that JSON lacks are texts: see [`JsonStyle::Strict`]. It takes
    /// room until the charge that comes with it is given back.
    pub(super) fn to_json(&self) -> Result<(String, Charge), HandlerError> {
        let dendrite = Terminal {
            hotkey: Some(self.verified.sender().to_string()),
            ip: Some(self.peer.ip().to_canonical().to_string()),
            port: Some(self.peer.port().into()),
            ..self.verified.claimed().dendrite.clone()
        };
        let json = self.verified.synapse().to_json_from(&dendrite, JsonStyle::Strict);
        let mut charge = self.charge.beside();
        charge.take(json.capacity()).map_err(|NoRoom| HandlerError::Busy(BodyError::Full.to_string()))?;
        Ok((json, charge))
    }

    /// The answer that `reply`, a JSON object, makes of the message: it overwrites the fields of
    /// the class, and `axon.status_code` and `axon.status_message`. Long texts of it remain parts of it.
    pub(super) fn answered_with(self, reply: &Bytes) -> Result<Answer, HandlerError> {
        let failed = |reason: String| HandlerError::Failed(format!("its reply does not fit the class: {reason}"));
        let reply = read_json_of(reply).map_err(|error| failed(error.to_string()))?;
        let spec = Arc::clone(self.verified.spec());
        let mut synapse = self.verified.into_synapse();
        synapse.update(&spec, reply).map_err(|error| failed(error.to_string()))?;
        Ok(synapse.into())
    }
}

/// What a program says of a request that it screens, as JSON.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Verdict {
    /// Turns the sender away with 403 and this reason.
    #[serde(default)]
    pub blacklist: Option<String>,
    /// Turns the request away with 401 and this reason.
    #[serde(default)]
    pub not_verified: Option<String>,
    /// Ends the request with 408, as Python's axon does where the function that says its priority runs out of time.
    #[serde(default)]
    pub timed_out: bool,
    /// How soon the request is answered: larger is sooner.
    #[serde(default)]
    pub priority: Option<f64>,
}

impl From<Verdict> for Screening {
    fn from(verdict: Verdict) -> Self {
        let turned_away = verdict.blacklist.map(TurnedAway::Blacklisted);
        let turned_away = turned_away.or_else(|| verdict.not_verified.map(TurnedAway::NotVerified));
        Self {
            turned_away: turned_away.or_else(|| verdict.timed_out.then_some(TurnedAway::TimedOut)),
            priority: verdict.priority,
        }
    }
}

impl From<Synapse> for Answer {
    fn from(synapse: Synapse) -> Self {
        Self::Whole(Box::new(synapse))
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(synapse) => f.debug_tuple("Whole").field(synapse).finish(),
            Self::Stream(synapse, _) => f.debug_tuple("Stream").field(synapse).finish_non_exhaustive(),
        }
    }
}

impl Handler for Ping {
    fn spec(&self) -> Arc<SynapseSpec> {
        Arc::new(SynapseSpec::base())
    }

    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Answer, HandlerError>> {
        Box::pin(async move { Ok(request.verified.into_synapse().into()) })
    }
}

impl Handler for Echo {
    fn spec(&self) -> Arc<SynapseSpec> {
        Arc::clone(&self.0)
    }

    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Answer, HandlerError>> {
        Box::pin(async move { Ok(request.verified.into_synapse().into()) })
    }
}
