//! What passes: a known name, a right that is held, and no spending inside a batch.
//!
//! Stands between the transport and the handlers, for every single call and every call of a
//! batch. It gives each request its id, sees to it that whatever is refused says so in the errors of
//! the contract, and leaves one line for each request in the log, at `debug`: method, right,
//! outcome, time; never a parameter.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use btd_api::{ApiError, ErrorKind, Role};
use jsonrpsee::types::{ErrorObjectOwned, Id, Request};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::{
    Caller, RequestId,
    answer::Answer,
    caller::{Carrier, Connection, RequestIds},
    calls::{Calls, Feed},
    error::to_wire,
    message::{self, Message, Misread, Single},
    table::{Entry, Form},
};

/// What every connection's gate shares.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) entries: BTreeMap<&'static str, Entry>,
    pub(super) ids: RequestIds,
    pub(super) stopping: CancellationToken,
    pub(super) max_batch: usize,
    pub(super) max_reply_bytes: usize,
}

/// Lets the calls of one connection through, or refuses them.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    pub(super) rules: Arc<Rules>,
    pub(super) connection: Connection,
    pub(super) calls: Calls,
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
            let role = format!("{:?}", entry.role).to_lowercase();
            let message = format!("`{name}` asks for the role {role}; this caller holds: {held}");
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

impl Gate {
    /// The same gate for a connection that stays.
    pub(super) fn feeding(mut self, feed: Feed) -> Self {
        self.calls.feed = Some(feed);
        self
    }

    /// Answers one message; none when it wants no answer.
    pub(super) async fn answer(&self, bytes: &[u8]) -> Option<Answer> {
        match message::read(bytes, self.rules.max_batch) {
            Ok(Message::Single(Single::Call(request))) => Some(self.pass(request, Standing::Alone).await),
            // A call that wants no answer is not run: nothing in the contract is worth doing unheard.
            Ok(Message::Single(Single::Notification)) => None,
            Ok(Message::Batch(entries)) => self.batch(entries).await,
            Err(misread) => Some(self.misread(*misread)),
        }
    }

    /// In the order given, one after the other.
    async fn batch(&self, entries: Vec<Result<Single<'_>, Box<Misread<'_>>>>) -> Option<Answer> {
        let mut replies = Vec::with_capacity(entries.len());
        // The brackets, and a comma behind each but the last.
        let mut bytes = 1_usize;
        for entry in entries {
            let reply = match entry {
                Ok(Single::Call(request)) => self.pass(request, Standing::InBatch).await,
                Ok(Single::Notification) => continue,
                Err(misread) => self.misread(*misread),
            };
            bytes = bytes.saturating_add(reply.text().len()).saturating_add(1);
            if bytes > self.rules.max_reply_bytes {
                let words = format!(
                    "the replies to this batch are larger than {} bytes together: the first {} calls were run, those \
                     behind them were not",
                    self.rules.max_reply_bytes,
                    replies.len() + 1
                );
                return Some(self.refuse(&Id::Null, ApiError::new(ErrorKind::ReplyTooLarge, words)));
            }
            replies.push(reply);
        }
        (!replies.is_empty()).then(|| Answer::list(&replies))
    }

    async fn pass(&self, mut request: Request<'_>, standing: Standing) -> Answer {
        let began = Instant::now();
        let number = self.rules.ids.next();
        let Connection { peer, rights, .. } = self.connection;
        let admitted = self.rules.admit(&request.method, &self.connection, standing);
        let method = self.rules.entries.get_key_value(request.method.as_ref()).map(|(name, _)| *name);
        let response = match &admitted {
            Ok(_) => {
                let (id, caller) = (request.id.clone(), Caller { peer, rights, request: number });
                request.extensions.insert(caller);
                complete(&id, self.calls.run(request, caller, number).await, number)
            }
            Err(error) => Answer::error(&request.id, &to_wire(error.clone(), number)),
        };
        tracing::debug!(
            request = %number,
            method = method.unwrap_or("unknown"),
            role = admitted.ok().map(|entry| format!("{:?}", entry.role).to_lowercase()),
            %peer,
            code = response.code().unwrap_or(0),
            ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "answered"
        );
        response
    }

    fn misread(&self, misread: Misread<'_>) -> Answer {
        self.refuse(&misread.id, misread.error)
    }

    /// The answer to a message that was not read to its end.
    pub(super) fn too_large(&self, most: usize) -> Answer {
        let words = format!("the request is larger than {most} bytes, which is the most; nothing was run");
        self.refuse(&Id::Null, ApiError::new(ErrorKind::RequestTooLarge, words))
    }

    /// The answer to a message of a connection that has `most` messages in work.
    pub(super) fn too_many(&self, bytes: &[u8], most: usize) -> Answer {
        let id = match message::read(bytes, self.rules.max_batch) {
            Ok(Message::Single(Single::Call(request))) => request.id,
            _ => Id::Null,
        };
        let words = format!("this connection waits for {most} answers already, which is the most; nothing was run");
        self.refuse(&id, ApiError::new(ErrorKind::Busy, words))
    }

    fn refuse(&self, id: &Id<'_>, error: ApiError) -> Answer {
        let number = self.rules.ids.next();
        let (peer, code) = (self.connection.peer, error.code);
        tracing::debug!(request = %number, %peer, code, "refused a message");
        Answer::error(id, &to_wire(error, number))
    }
}

/// A library's own errors say what they have to say without the contract's `data`; this adds it.
fn complete(id: &Id<'_>, response: Answer, number: RequestId) -> Answer {
    let Some(code) = response.code() else { return response };
    let Ok(Refused { error }) = serde_json::from_str(response.text()) else { return response };
    let is_typed = error.data().is_some_and(|data| data.get().starts_with('{'));
    if is_typed || response.is_sent() {
        return response;
    }
    let kind = ErrorKind::from_code(code).unwrap_or(ErrorKind::Internal);
    Answer::error(id, &to_wire(ApiError::new(kind, error.message()), number))
}

/// An answer, as far as it is an error.
#[derive(Deserialize)]
struct Refused {
    error: ErrorObjectOwned,
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
            max_batch: 8,
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
