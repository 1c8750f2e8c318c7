//! How a connection to a node is made: over a WebSocket, as a rule.
//!
//! Nothing is asked here, and nothing is tried twice: when to connect is the follower's decision
//! (`link/follower.rs`), so the client below is one that ends with its connection. Whoever waits for a
//! connection bounds the waiting, which holds up nobody else: a resolver may take as long as it likes, on a
//! thread of the runtime that connected first. Others that read may have hardly a thread for such waiting.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream};
use jsonrpsee_client_transport::ws::WsHandshakeError;
use jsonrpsee_core::{
    client::{Client, Error as ClientError, SubscriptionClientT, SubscriptionCloseReason, async_client::RpcService},
    middleware::{Request, RpcServiceBuilder, RpcServiceT},
    traits::ToRpcParams,
};
use jsonrpsee_types::{Id, ResponseSuccess};
use jsonrpsee_ws_client::{PingConfig, WsClientBuilder};
use serde_json::value::RawValue;
use subxt_rpcs::{
    Error, RpcClient, RpcClientT,
    client::{RawRpcFuture, RawRpcSubscription},
};
use tokio::{net, runtime::Handle};
use tokio_util::sync::CancellationToken;

use crate::{endpoint::Endpoint, link::LinkConfig};

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DialError {
    /// The node answers with the status 429.
    #[error("it turns connections away because there were too many of them")]
    TurnedAway,
    /// Anything else, in words.
    #[error("{0}")]
    Failed(String),
}

/// Makes connections. A unit test has a network of its own (`simulated.rs`).
pub(crate) trait Dial: fmt::Debug + Send + Sync {
    /// Finds out whether `host` has an address. The error is what the resolver said, in words.
    fn resolve<'d>(&'d self, host: &'d str) -> BoxFuture<'d, Result<(), String>>;

    /// Connects to `endpoint`.
    fn dial<'d>(
        &'d self,
        endpoint: &'d Endpoint,
        config: &'d LinkConfig,
    ) -> BoxFuture<'d, Result<RpcClient, DialError>>;
}

/// Over a WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocket {
    /// Where connections are made and live: the follower's, which is the first to connect.
    runtime: OnceLock<Handle>,
    /// So many messages of a subscription may wait to be read.
    most_unread: usize,
}

/// More came of a subscription than was read of it, which has ended it.
#[derive(Debug, thiserror::Error)]
#[error("so many of its messages came that they could not be read in time")]
struct Flood;

/// Parameters as they are sent.
struct Params(Option<Box<RawValue>>);

/// A connection that says why it ended, to whoever has asked for something and to subscribers.
struct Socket {
    client: Arc<Client<RpcService>>,
    /// What sends requests, below the client's own limit of their time: whoever asks has a limit, and the clock of the
    /// client's is a thread that is woken twice for each request.
    service: RpcService,
    next_id: AtomicU64,
}

/// Whether a subscription ended because its messages came faster than they were read.
pub(crate) fn is_flood(error: &Error) -> bool {
    matches!(error, Error::Client(said) if said.is::<Flood>())
}

impl ToRpcParams for Params {
    fn to_rpc_params(self) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        Ok(self.0)
    }
}

// === impl WebSocket ===

impl Default for WebSocket {
    fn default() -> Self {
        /// Hours of blocks, and far more than come before a reader has its turn.
        const MOST_UNREAD: usize = 4096;
        Self { runtime: OnceLock::new(), most_unread: MOST_UNREAD }
    }
}

impl WebSocket {
    fn runtime(&self) -> Handle {
        self.runtime.get_or_init(Handle::current).clone()
    }
}

impl Dial for WebSocket {
    fn resolve<'d>(&'d self, host: &'d str) -> BoxFuture<'d, Result<(), String>> {
        async move {
            let name = host.to_owned();
            // On a thread that may wait.
            let looked_up = self.runtime().spawn(async move { net::lookup_host((name, 0)).await.map(Vec::from_iter) });
            let addresses = looked_up.await.map_err(|_| BROKE_OFF)?.map_err(|error| error.to_string())?;
            if addresses.is_empty() { Err("it has no address".to_owned()) } else { Ok(()) }
        }
        .boxed()
    }

    fn dial<'d>(
        &'d self,
        endpoint: &'d Endpoint,
        config: &'d LinkConfig,
    ) -> BoxFuture<'d, Result<RpcClient, DialError>> {
        let service = Arc::new(OnceLock::new());
        let built = Arc::clone(&service);
        let keep = move |service: RpcService| {
            // It is built once.
            let _ = built.set(service.clone());
            service
        };
        let opening = WsClientBuilder::new()
            .set_rpc_middleware(RpcServiceBuilder::new().layer_fn(keep))
            .max_request_size(LARGEST_REQUEST)
            .max_response_size(config.max_response_bytes)
            .max_concurrent_requests(REQUESTS_AT_ONCE)
            .max_buffer_capacity_per_subscription(self.most_unread)
            .enable_ws_ping(PingConfig::new())
            // The link's own deadlines come first: these are for connecting, and for beginning a subscription.
            .request_timeout(config.request_timeout().saturating_mul(2))
            .connection_timeout(config.connect_timeout().saturating_mul(2))
            .build(endpoint.url().to_owned());
        async move {
            let (runtime, given_up) = (self.runtime(), CancellationToken::new());
            let _on_drop = given_up.clone().drop_guard();
            // The client looks the name up itself, for each redirection too, and blocks its thread for that.
            let waits = runtime.clone();
            let opened = waits.spawn_blocking(move || runtime.block_on(given_up.run_until_cancelled(opening))).await;
            match (opened, service.get()) {
                (Ok(Some(Ok(client))), Some(service)) => Ok(RpcClient::new(Socket::new(client, service.clone()))),
                (Ok(Some(Err(error))), _) => Err(refused(&error)),
                _ => Err(DialError::Failed(BROKE_OFF.to_owned())),
            }
        }
        .boxed()
    }
}

/// The runtime ends, or whoever connected waits no longer.
const BROKE_OFF: &str = "connecting broke off";
/// The most bytes of a request: an extrinsic with a runtime in it is the largest.
const LARGEST_REQUEST: u32 = 50 * 1024 * 1024;
/// More requests than that wait for each other; the endpoint's budget comes first.
const REQUESTS_AT_ONCE: usize = 1024;

// === impl Socket ===

impl Socket {
    fn new(client: Client<RpcService>, service: RpcService) -> Self {
        /// The client numbers what it asks itself from zero: its subscriptions, of which there are few.
        const FIRST_ID: u64 = 1 << 30;
        Self { client: client.into(), service, next_id: AtomicU64::new(FIRST_ID) }
    }
}

impl RpcClientT for Socket {
    fn request_raw<'a>(&'a self, method: &'a str, params: Option<Box<RawValue>>) -> RawRpcFuture<'a, Box<RawValue>> {
        async move {
            let id = Id::Number(self.next_id.fetch_add(1, Ordering::Relaxed));
            let answered = match self.service.call(Request::borrowed(method, params.as_deref(), id)).await {
                Err(ClientError::ServiceDisconnect) => Err(self.client.on_disconnect().await),
                answered => answered,
            };
            let answer = answered.and_then(|answered| {
                ResponseSuccess::try_from(answered.into_response().into_inner()).map_err(ClientError::Call)
            });
            answer.map(|answer| answer.result).map_err(|error| plain(error.into()))
        }
        .boxed()
    }

    fn subscribe_raw<'a>(
        &'a self,
        sub: &'a str,
        params: Option<Box<RawValue>>,
        unsub: &'a str,
    ) -> RawRpcFuture<'a, RawRpcSubscription> {
        async move {
            let opening = SubscriptionClientT::subscribe::<Box<RawValue>, _>(&*self.client, sub, Params(params), unsub);
            let subscription = opening.await.map_err(|error| plain(error.into()))?;
            let begun = Some((subscription, Arc::clone(&self.client)));
            let stream = stream::unfold(begun, |state| async move {
                let (mut subscription, client) = state?;
                Some(match (subscription.next().await, subscription.close_reason()) {
                    (Some(next), _) => (next.map_err(Error::Deserialization), Some((subscription, client))),
                    (None, Some(SubscriptionCloseReason::Lagged)) => (Err(Error::Client(Flood.into())), None),
                    // It ends with its connection, which knows why.
                    (None, _) => (Err(ended(&client.on_disconnect().await)), None),
                })
            });
            // Nobody here asks by which name the node calls it.
            Ok(RawRpcSubscription { stream: stream.boxed(), id: None })
        }
        .boxed()
    }
}

/// What a client says of a connection that ended is told without its advice to begin anew.
fn plain(error: Error) -> Error {
    match error {
        Error::Client(said) => match said.downcast_ref::<ClientError>() {
            Some(error @ ClientError::RestartNeeded(_)) => ended(error),
            _ => Error::Client(said),
        },
        other => other,
    }
}

/// The connection has ended, for this reason.
fn ended(error: &ClientError) -> Error {
    let reason = match error {
        ClientError::RestartNeeded(reason) => innermost(&**reason),
        other => innermost(other),
    };
    Error::Client(reason.into())
}

/// Why a handshake failed. Its status counts, and no number that its words may have.
fn refused(error: &ClientError) -> DialError {
    let turned_away = |cause: &WsHandshakeError| matches!(cause, WsHandshakeError::Rejected { status_code: 429 });
    match error {
        ClientError::Transport(cause) if cause.downcast_ref::<WsHandshakeError>().is_some_and(turned_away) => {
            DialError::TurnedAway
        }
        other => DialError::Failed(innermost(other)),
    }
}

/// The message at the end of a chain of sources: the part that a person can act on.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use btd_devnet::{BlockTime, Config, Devnet};
    use subxt_rpcs::client::RpcParams;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        runtime::Builder,
    };

    use super::*;

    #[tokio::test]
    async fn a_name_that_nobody_has_is_said_to_be_one() {
        // RFC 6761: no resolver knows a name below `invalid`.
        let dialer = WebSocket::default();
        let refused = dialer.resolve("node.invalid").await.unwrap_err();
        assert!(!refused.is_empty());
        assert_eq!(dialer.resolve("localhost").await, Ok(()));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_nobody_reads_is_not_kept_for_ever() {
        let (listen, block_time) = (([127, 0, 0, 1], 0).into(), BlockTime::Instant);
        let devnet = Devnet::start(Config { listen, block_time, ..Config::default() }).await.unwrap();
        let dialer = WebSocket { most_unread: 4, ..WebSocket::default() };
        let node = Endpoint::from(format!("ws://{}", devnet.address()));
        let client = dialer.dial(&node, &LinkConfig::default()).await.unwrap();
        let (name, end) = ("chain_subscribeNewHeads", "chain_unsubscribeNewHeads");
        let mut heads = client.subscribe::<serde_json::Value>(name, RpcParams::new(), end).await.unwrap();
        for _ in 0..50 {
            devnet.mine(1).await.unwrap();
            // What was told before this answer has come, too.
            let _: serde_json::Value = client.request("chain_getFinalizedHead", RpcParams::new()).await.unwrap();
        }
        let mut read = 0;
        let error = loop {
            match heads.next().await.unwrap() {
                Ok(_) if read == 4 => panic!("more were kept than may be"),
                Ok(_) => read += 1,
                Err(error) => break error,
            }
        };
        assert!(is_flood(&error), "{error}");
        // The connection is none the worse for it.
        let _: serde_json::Value = client.request("chain_getFinalizedHead", RpcParams::new()).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_reader_whose_only_thread_for_waiting_is_held_up_connects_all_the_same() {
        let dialer = WebSocket::default();
        assert_eq!(dialer.resolve("localhost").await, Ok(()));
        let (release, held) = std::sync::mpsc::channel::<()>();
        let reads = move || {
            let reader = Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
            let waits = reader.spawn_blocking(move || held.recv());
            let found = reader.block_on(dialer.resolve("localhost"));
            let nobody = Endpoint::from("ws://127.0.0.1:1");
            let refused = reader.block_on(dialer.dial(&nobody, &LinkConfig::default())).err();
            drop(release);
            let _ = reader.block_on(waits).unwrap();
            (found, refused)
        };
        let (found, refused) = tokio::task::spawn_blocking(reads).await.unwrap();
        assert_eq!(found, Ok(()));
        assert!(matches!(refused, Some(DialError::Failed(said)) if said.contains("refused")));
    }

    /// A node that answers the first handshake with this status.
    async fn node_that_says(status: &'static str) -> Endpoint {
        let listener = net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let node = Endpoint::from(format!("ws://{}", listener.local_addr().unwrap()));
        tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let _ = client.read(&mut request).await;
            client.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).await.unwrap();
        });
        node
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_asks_too_much_is_told_so_by_the_status() {
        let dialer = WebSocket::default();
        let node = node_that_says("429 Too Many Requests").await;
        assert_eq!(dialer.dial(&node, &LinkConfig::default()).await.err(), Some(DialError::TurnedAway));
        let node = node_that_says("503 Service Unavailable").await;
        let refused = dialer.dial(&node, &LinkConfig::default()).await.err();
        assert!(matches!(refused, Some(DialError::Failed(said)) if said.contains("503")));
    }
}
