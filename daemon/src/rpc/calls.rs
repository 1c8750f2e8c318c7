//! Runs calls: the handlers of the [`super::Table`] behind their names, and for a connection that
//! stays, its subscriptions, which are jsonrpsee's.
//!
//! Knows nothing of rights: the gate stands before it.

use jsonrpsee::{
    core::{
        server::{BoundedSubscriptions, MethodCallback, SubscriptionState},
        traits::IdProvider,
    },
    server::{ConnectionId, MethodSink, Methods, RandomIntegerIdProvider},
    types::{Params, Request},
};

use btd_api::{ApiError, ErrorKind};

use super::{
    Caller, RequestId,
    answer::{Answer, Envelope},
    error::to_wire,
    table::Runs,
};

/// The handlers, as one connection reaches them.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    pub(super) runs: Runs,
    pub(super) subscriptions: Methods,
    pub(super) connection: ConnectionId,
    pub(super) max_reply_bytes: usize,
    /// What only a connection that stays has.
    pub(super) feed: Option<Feed>,
}

/// Where the items of a connection's subscriptions go, and how many it may have.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    pub(super) sink: MethodSink,
    pub(super) subscriptions: BoundedSubscriptions,
}

/// Ids of subscriptions: numbers that cannot be guessed from one another.
const IDS: &dyn IdProvider = &RandomIntegerIdProvider;

// === impl Calls ===

impl Calls {
    /// Runs `request` of `caller`, known as `number` in errors. The reply to a subscription, and to its
    /// end, has gone into the feed already when this returns: between the items where it belongs.
    pub(super) async fn run(&self, request: Request<'_>, caller: Caller, number: RequestId) -> Answer {
        let Request { id, method, params, extensions, .. } = request;
        let refuse = |kind, words: String| Answer::error(&id, &to_wire(ApiError::new(kind, words), number));
        let params = Params::new(params.as_ref().map(|params| params.get()));
        if let Some(run) = self.runs.get(method.as_ref()) {
            let envelope = Envelope { id: id.clone().into_owned(), most: self.max_reply_bytes };
            return match run(params.into_owned(), caller, envelope).await {
                Ok(json) => Answer::reply(json),
                Err(error) => Answer::error(&id, &to_wire(error, number)),
            };
        }
        match (self.subscriptions.method(&method), &self.feed) {
            (Some(MethodCallback::Unsubscription(run)), Some(feed)) => {
                let response = run(id, params, self.connection, self.max_reply_bytes, extensions);
                if !response.is_success() {
                    return response.into();
                }
                // Nobody is there any more to miss it.
                let _ = feed.sink.send(response.into_json()).await;
                Answer::sent(None)
            }
            (Some(MethodCallback::Subscription(run)), Some(feed)) => {
                let Some(subscription_permit) = feed.subscriptions.acquire() else {
                    let most = feed.subscriptions.max();
                    let words = format!("this connection has {most} subscriptions, which is the most; end one first");
                    return refuse(ErrorKind::TooManySubscriptions, words);
                };
                let state = SubscriptionState { conn_id: self.connection, id_provider: IDS, subscription_permit };
                run(id, params, feed.sink.clone(), state, extensions).await.into()
            }
            (Some(_), None) => refuse(ErrorKind::InvalidRequest, format!("`{method}` needs a WebSocket connection")),
            (_, _) => refuse(ErrorKind::MethodNotFound, "no method of that name".into()),
        }
    }
}
