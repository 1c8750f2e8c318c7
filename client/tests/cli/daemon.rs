//! A daemon of the test's own making: a JSON-RPC server on a unix socket that answers what it was
//! told to, and keeps what it was asked.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use btd_api::{ApiError, Subscription, chain::SubscribeFinalized};
use jsonrpsee::{
    RpcModule, SubscriptionMessage,
    server::{Server, ServerHandle, serve_with_graceful_shutdown, stop_channel},
    types::ErrorObjectOwned,
};
use serde_json::{Value, json, value::to_raw_value};
use tempfile::TempDir;
use tokio::net::UnixListener;

pub(crate) const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
pub(crate) const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

type Calls = Arc<Mutex<Vec<(String, Value)>>>;

/// Answers, not yet served.
pub(crate) struct Script {
    module: RpcModule<()>,
    calls: Calls,
    feeds: VecDeque<Vec<Value>>,
}

/// A running daemon. Dropping it ends every connection.
pub(crate) struct Daemon {
    directory: TempDir,
    calls: Calls,
    stop: Option<ServerHandle>,
    thread: Option<JoinHandle<()>>,
}

impl Daemon {
    #[expect(clippy::new_ret_no_self, reason = "a daemon begins as its script")]
    pub(crate) fn new() -> Script {
        Script { module: RpcModule::new(()), calls: Calls::default(), feeds: VecDeque::new() }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        socket(self.directory.path())
    }

    /// Methods with their parameters, in the order in which they were called.
    pub(crate) fn calls(&self) -> Vec<(String, Value)> {
        self.calls.lock().unwrap().clone()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn socket(directory: &Path) -> PathBuf {
    directory.join("btd.sock")
}

impl Script {
    fn method<F>(mut self, name: &'static str, answer: F) -> Self
    where
        F: Fn(&Value) -> Option<Result<Value, ApiError>> + Send + Sync + Clone + 'static,
    {
        let calls = Arc::clone(&self.calls);
        self.module
            .register_async_method(name, move |params, _, _| {
                let params: Value = params.parse().unwrap_or_default();
                calls.lock().unwrap().push((name.to_owned(), params.clone()));
                let answer = answer(&params);
                async move {
                    match answer {
                        Some(answer) => {
                            answer.map_err(|error| ErrorObjectOwned::owned(error.code, error.message, Some(error.data)))
                        }
                        None => std::future::pending().await,
                    }
                }
            })
            .unwrap();
        self
    }

    /// Answers `name` with `value`.
    pub(crate) fn answer(self, name: &'static str, value: Value) -> Self {
        self.method(name, move |_| Some(Ok(value.clone())))
    }

    /// Answers `name` with `value` when it is a dry run, else never.
    pub(crate) fn answer_dry_runs(self, name: &'static str, value: Value) -> Self {
        self.method(name, move |params| (params["dry_run"] == true).then(|| Ok(value.clone())))
    }

    /// Answers `name` with `error`.
    pub(crate) fn refuse(self, name: &'static str, error: ApiError) -> Self {
        self.method(name, move |_| Some(Err(error.clone())))
    }

    /// Takes calls of `name`, and never answers.
    pub(crate) fn never(self, name: &'static str) -> Self {
        self.method(name, |_| None)
    }

    /// What the next subscription to finalized blocks is sent; it stays open afterwards.
    pub(crate) fn publish(mut self, items: Vec<Value>) -> Self {
        self.feeds.push_back(items);
        self
    }

    pub(crate) fn start(mut self) -> Daemon {
        let calls = Arc::clone(&self.calls);
        let feeds = Arc::new(Mutex::new(std::mem::take(&mut self.feeds)));
        let seen = Arc::clone(&self.calls);
        let (name, notification, end) =
            (SubscribeFinalized::NAME, SubscribeFinalized::NOTIFICATION, SubscribeFinalized::UNSUBSCRIBE);
        self.module
            .register_subscription(name, notification, end, move |params, pending, _, _| {
                seen.lock().unwrap().push((name.to_owned(), params.parse().unwrap_or_default()));
                let items = feeds.lock().unwrap().pop_front().unwrap_or_default();
                async move {
                    let sink = pending.accept().await?;
                    for item in items {
                        let message = SubscriptionMessage::from(to_raw_value(&item)?);
                        sink.send(message).await?;
                    }
                    sink.closed().await;
                    Ok(())
                }
            })
            .unwrap();

        let directory = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (stopped, stop) = stop_channel();
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(socket(directory.path())).unwrap()
        };
        let module = self.module;
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let service = Server::builder().to_service_builder();
                loop {
                    tokio::select! {
                        () = stopped.clone().shutdown() => break,
                        accepted = listener.accept() => {
                            let Ok((stream, _)) = accepted else { break };
                            let service = service.clone().build(module.clone(), stopped.clone());
                            tokio::spawn(serve_with_graceful_shutdown(stream, service, stopped.clone().shutdown()));
                        }
                    }
                }
            });
            runtime.shutdown_timeout(Duration::from_secs(1));
        });
        Daemon { directory, calls, stop: Some(stop), thread: Some(thread) }
    }
}

fn hash() -> String {
    format!("0x{}", "11".repeat(32))
}

/// The block of a read.
pub(crate) fn at() -> Value {
    json!({ "number": 7, "hash": hash(), "age_ms": 1200, "stale": false })
}

/// A notification of a finalized block.
pub(crate) fn block(number: u32) -> Value {
    json!({ "type": "block", "number": number, "hash": hash(), "parent": hash(), "timestamp_ms": 1, "extrinsics": 1,
            "events": [{ "pallet": "System", "name": "ExtrinsicSuccess", "fields": {}, "extrinsic": 0 }] })
}

/// The receipt of a transfer.
pub(crate) fn receipt() -> Value {
    json!({
        "plan": {
            "at": at(), "call": "Balances.transfer_keep_alive", "arguments": { "dest": BOB, "value": "1500000000" },
            "summary": "send τ1.5 to bob", "signer": ALICE, "fee": "124000", "balance_before": "10000000000",
            "balance_after": "8499876000", "warnings": [],
        },
        "outcome": {
            "state": "finalized", "extrinsic": hash(), "block": { "number": 8, "hash": hash() }, "index": 1,
            "fee": "123000", "events": [],
        },
    })
}
