//! A chain under test with a client connected to it.

use std::time::Duration;

use btd_devnet::{BlockTime, Clock, Config, Devnet};
use jsonrpsee::{
    core::{
        client::{ClientT, Error, Subscription, SubscriptionClientT},
        traits::ToRpcParams,
    },
    types::ErrorObjectOwned,
    ws_client::{WsClient, WsClientBuilder},
};
use serde_json::{Value, value::RawValue};

/// Timestamp of block 0 in these tests.
pub(crate) const START: u64 = 1_700_000_000_000;
/// Longest wait for anything; only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A configuration whose blocks come only when told to.
pub(crate) fn manual() -> Config {
    Config {
        listen: ([127, 0, 0, 1], 0).into(),
        block_time: BlockTime::Every(Duration::from_hours(1)),
        clock: Clock::Stepped { start: START },
        ..Config::default()
    }
}

/// A configuration with a block per extrinsic.
pub(crate) fn instant() -> Config {
    Config { block_time: BlockTime::Instant, ..manual() }
}

pub(crate) struct Chain {
    pub(crate) devnet: Devnet,
    pub(crate) client: WsClient,
}

struct Params(Value);

impl ToRpcParams for Params {
    fn to_rpc_params(self) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        serde_json::value::to_raw_value(&self.0).map(Some)
    }
}

impl Chain {
    pub(crate) async fn start(config: Config) -> Self {
        let devnet = Devnet::start(config).await.unwrap();
        let client = connect(&devnet).await;
        Self { devnet, client }
    }

    /// The result of a call that succeeds.
    pub(crate) async fn call(&self, method: &str, params: Value) -> Value {
        self.try_call(method, params.clone()).await.unwrap_or_else(|error| panic!("{method} {params}: {error}"))
    }

    /// The result of a call, or the error object in the answer.
    pub(crate) async fn try_call(&self, method: &str, params: Value) -> Result<Value, ErrorObjectOwned> {
        match self.client.request(method, Params(params)).await {
            Ok(value) => Ok(value),
            Err(Error::Call(error)) => Err(error),
            Err(error) => panic!("{method}: {error}"),
        }
    }

    /// Subscribes, and gives back the error object of a refusal.
    pub(crate) async fn subscribe(
        &self,
        method: &str,
        params: Value,
        unsubscribe: &str,
    ) -> Result<Subscription<Value>, ErrorObjectOwned> {
        match self.client.subscribe(method, Params(params), unsubscribe).await {
            Ok(subscription) => Ok(subscription),
            Err(Error::Call(error)) => Err(error),
            Err(error) => panic!("{method}: {error}"),
        }
    }

    pub(crate) async fn stop(self) {
        self.devnet.stop().await.unwrap();
    }
}

pub(crate) async fn connect(devnet: &Devnet) -> WsClient {
    WsClientBuilder::default()
        .request_timeout(PATIENCE)
        .max_response_size(32 << 20)
        .build(format!("ws://{}", devnet.address()))
        .await
        .unwrap()
}

/// The next notification.
pub(crate) async fn next(subscription: &mut Subscription<Value>) -> Value {
    tokio::time::timeout(PATIENCE, subscription.next())
        .await
        .expect("a notification within the time a test may take")
        .expect("an open subscription")
        .expect("a notification that decodes")
}
