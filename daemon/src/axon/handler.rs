//! What answers a verified request: one handler per synapse class.

use std::{fmt, sync::Arc};

use btd_wire::{
    admission::Verified,
    synapse::{Synapse, SynapseSpec},
};
use futures_util::future::BoxFuture;

/// Answers the verified requests of one synapse class.
///
/// A handler runs under a deadline and a bounded number of them at once. It may be dropped at any
/// await point: when the deadline passes, the caller goes away, or the axon stops. A panic becomes
/// an answer of status 500 to that caller and touches nobody else.
pub trait Handler: Send + Sync + fmt::Debug {
    /// The class it answers. Asked once, when the axon starts.
    fn spec(&self) -> Arc<SynapseSpec>;

    /// Answers one request. The synapse that it returns is sent as it is; status 200 unless
    /// `axon.status_code` says otherwise.
    fn handle(&self, request: Verified) -> BoxFuture<'_, Result<Synapse, HandlerError>>;
}

/// A handler that could not answer. The caller learns only an incident number; the log has both.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HandlerError(pub String);

/// The base class, always served: an echo, by which neurons find out that we are alive.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ping;

impl Handler for Ping {
    fn spec(&self) -> Arc<SynapseSpec> {
        Arc::new(SynapseSpec::base())
    }

    fn handle(&self, request: Verified) -> BoxFuture<'_, Result<Synapse, HandlerError>> {
        Box::pin(async move { Ok(request.into_synapse()) })
    }
}
