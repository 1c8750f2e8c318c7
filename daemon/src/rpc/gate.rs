//! What passes: a known name, a right that is held, and no spending inside a batch.
//!
//! Stands between the transport and the [`super::Table`], for every single call and every call of a
//! batch. It gives each request its id and leaves one line for it in the log, at `debug`: method,
//! right, outcome, time; never a parameter.

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Instant};

use btd_api::{ApiError, ErrorKind, Role};
use jsonrpsee::{
    server::{
        BatchResponseBuilder, MethodResponse,
        middleware::rpc::{Batch, BatchEntry, Notification, RpcServiceT},
    },
    types::Request,
};
use tokio_util::sync::CancellationToken;

use super::{
    Caller,
    caller::{Carrier, Connection, RequestIds},
    error::to_wire,
    table::{Entry, Form},
};

/// What every connection's gate shares.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) entries: BTreeMap<&'static str, Entry>,
    pub(super) ids: RequestIds,
    pub(super) stopping: CancellationToken,
    pub(super) max_reply_bytes: usize,
}

/// Lets calls through to `S`, or refuses them.
#[derive(Clone, Debug)]
pub(super) struct Gate<S> {
    pub(super) inner: S,
    pub(super) rules: Arc<Rules>,
}

/// Whether a call stands alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Alone,
    InBatch,
}

// === impl Rules ===

impl Rules {
    /// Whether `connection` may call `name` now.
    fn admit(&self, name: &str, connection: &Connection, standing: Standing) -> Result<Entry, ApiError> {
        let Some(entry) = self.entries.get(name).copied() else {
            let message = format!("no method `{}`; rpc_discover lists them", shorten(name));
            return Err(ApiError::new(ErrorKind::MethodNotFound, message));
        };
        let refuse = |kind, why: &str| Err(ApiError::new(kind, format!("`{name}` {why}")));
        if !connection.rights.allow(entry.role) {
            let held = connection.rights.to_string();
            let message =
                format!("`{name}` asks for the role {:?}; this caller holds: {held}", entry.role).to_lowercase();
            return Err(ApiError::new(ErrorKind::PermissionDenied, message).with("needed", entry.role));
        }
        if self.stopping.is_cancelled() {
            return refuse(ErrorKind::ShuttingDown, "is not answered any more: btd is stopping");
        }
        if standing == Standing::InBatch && entry.role == Role::Spend {
            return refuse(ErrorKind::InvalidRequest, "signs with a coldkey and is not taken inside a batch");
        }
        if entry.form != Form::Method && standing == Standing::InBatch {
            return refuse(ErrorKind::InvalidRequest, "is not taken inside a batch");
        }
        if entry.form != Form::Method && connection.carrier == Carrier::Http {
            return refuse(ErrorKind::InvalidRequest, "needs a WebSocket connection");
        }
        Ok(entry)
    }
}

/// Names come from callers: what is echoed has a bound.
fn shorten(name: &str) -> String {
    name.chars().take(64).collect()
}

// === impl Gate ===

impl<S> Gate<S>
where
    S: RpcServiceT<MethodResponse = MethodResponse> + Clone + Send + Sync + 'static,
{
    async fn pass(self, mut request: Request<'_>, standing: Standing) -> MethodResponse {
        let began = Instant::now();
        let id = self.rules.ids.next();
        let connection = request.extensions().get::<Connection>().copied();
        let admitted = match &connection {
            Some(connection) => self.rules.admit(&request.method, connection, standing),
            None => Err(ApiError::new(ErrorKind::PermissionDenied, "a call without a known caller")),
        };
        let method = self.rules.entries.get_key_value(request.method.as_ref()).map(|(name, _)| *name);
        let response = match (&admitted, connection) {
            (Ok(_), Some(Connection { peer, rights, .. })) => {
                request.extensions_mut().insert(Caller { peer, rights, request: id });
                self.inner.call(request).await
            }
            (Ok(_), None) => {
                MethodResponse::error(request.id, to_wire(ApiError::new(ErrorKind::Internal, "no caller"), id))
            }
            (Err(error), _) => MethodResponse::error(request.id, to_wire(error.clone(), id)),
        };
        tracing::debug!(
            request = %id,
            method = method.unwrap_or("unknown"),
            role = admitted.ok().map(|entry| format!("{:?}", entry.role).to_lowercase()),
            peer = connection.map(|connection| connection.peer.to_string()),
            code = response.as_error_code().unwrap_or(0),
            ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "answered"
        );
        response
    }
}

impl<S> RpcServiceT for Gate<S>
where
    S: RpcServiceT<MethodResponse = MethodResponse> + Clone + Send + Sync + 'static,
{
    type MethodResponse = MethodResponse;
    type NotificationResponse = MethodResponse;
    type BatchResponse = MethodResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        self.clone().pass(request, Standing::Alone)
    }

    /// In the order given, one after the other.
    fn batch<'a>(&self, batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let gate = self.clone();
        async move {
            let mut replies = BatchResponseBuilder::new_with_limit(gate.rules.max_reply_bytes);
            let mut notified = false;
            for entry in batch {
                let reply = match entry {
                    Ok(BatchEntry::Call(request)) => gate.clone().pass(request, Standing::InBatch).await,
                    Ok(BatchEntry::Notification(_)) => {
                        notified = true;
                        continue;
                    }
                    Err(error) => {
                        let (error, id) = error.into_parts();
                        MethodResponse::error(id, error)
                    }
                };
                if let Err(too_large) = replies.append(reply) {
                    return too_large;
                }
            }
            if replies.is_empty() && notified {
                MethodResponse::notification()
            } else {
                MethodResponse::from_batch(replies.finish())
            }
        }
    }

    /// A call that wants no answer is not run: nothing in the contract is worth doing unheard.
    fn notification<'a>(&self, _: Notification<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        std::future::ready(MethodResponse::notification())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::{Peer, Rights};

    fn rules() -> Rules {
        let entry = |role, form| Entry { role, form };
        Rules {
            entries: BTreeMap::from([
                ("node_status", entry(Role::Read, Form::Method)),
                ("node_stop", entry(Role::Admin, Form::Method)),
                ("wallet_transfer", entry(Role::Spend, Form::Method)),
                ("chain_subscribeFinalized", entry(Role::Read, Form::Subscribe)),
            ]),
            ids: RequestIds::default(),
            stopping: CancellationToken::new(),
            max_reply_bytes: 1024,
        }
    }

    fn connection(roles: &[Role], carrier: Carrier) -> Connection {
        Connection { peer: Peer::Local { uid: 7 }, rights: Rights::of(roles), carrier }
    }

    fn kind(rules: &Rules, name: &str, connection: &Connection, standing: Standing) -> Option<ErrorKind> {
        rules.admit(name, connection, standing).err().and_then(|error| error.kind())
    }

    #[test]
    fn a_role_reaches_its_methods_and_no_others() {
        let rules = rules();
        let reader = connection(&[Role::Read], Carrier::Http);
        assert_eq!(kind(&rules, "node_status", &reader, Standing::Alone), None);
        assert_eq!(kind(&rules, "node_stop", &reader, Standing::Alone), Some(ErrorKind::PermissionDenied));
        assert_eq!(kind(&rules, "wallet_transfer", &reader, Standing::Alone), Some(ErrorKind::PermissionDenied));
        let nobody = connection(&[], Carrier::Http);
        assert_eq!(kind(&rules, "node_status", &nobody, Standing::Alone), Some(ErrorKind::PermissionDenied));
        let admin = connection(&[Role::Admin], Carrier::Http);
        assert_eq!(kind(&rules, "wallet_transfer", &admin, Standing::Alone), Some(ErrorKind::PermissionDenied));
        assert_eq!(kind(&rules, "node_dance", &admin, Standing::Alone), Some(ErrorKind::MethodNotFound));
    }

    #[test]
    fn nothing_is_spent_or_subscribed_inside_a_batch() {
        let rules = rules();
        let spender = connection(&[Role::Spend], Carrier::WebSocket);
        assert_eq!(kind(&rules, "wallet_transfer", &spender, Standing::Alone), None);
        assert_eq!(kind(&rules, "wallet_transfer", &spender, Standing::InBatch), Some(ErrorKind::InvalidRequest));
        assert_eq!(kind(&rules, "chain_subscribeFinalized", &spender, Standing::Alone), None);
        let batched = kind(&rules, "chain_subscribeFinalized", &spender, Standing::InBatch);
        assert_eq!(batched, Some(ErrorKind::InvalidRequest));
        let plain = connection(&[Role::Spend], Carrier::Http);
        let over_http = kind(&rules, "chain_subscribeFinalized", &plain, Standing::Alone);
        assert_eq!(over_http, Some(ErrorKind::InvalidRequest));
    }

    #[test]
    fn nothing_passes_while_stopping() {
        let rules = rules();
        rules.stopping.cancel();
        let reader = connection(&[Role::Read], Carrier::Http);
        assert_eq!(kind(&rules, "node_status", &reader, Standing::Alone), Some(ErrorKind::ShuttingDown));
    }
}
