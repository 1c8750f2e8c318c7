//! The chain crate against a running development chain: following, reading, extrinsics.
//!
//! Blocks are mined by the tests, never by a clock, and faults are made by a proxy between the link
//! and the node, so that every run is the same.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking, its helpers too")]

mod elsewhere;
mod endpoints;
mod extrinsics;
mod faults;
mod faulty;
mod following;
mod lacking;
mod old;
mod proxy;
mod reads;
mod runtimes;
mod untold;

use std::{future::Future, net::SocketAddr, time::Duration};

use btd_api::AccountId;
use btd_chain::{Link, LinkConfig, LinkState, Sign, Signature, Signing, SigningPayload, link};
use btd_devnet::{BlockTime, Clock, Config, Devnet};
use sp_core::{Pair, sr25519};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Long enough for a loaded machine; only a test that hangs ever waits for it.
const PATIENCE: Duration = Duration::from_mins(1);

/// A link with its task, which ends with it.
struct Followed {
    link: Link,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A development key that signs whatever it is asked to.
struct Key(sr25519::Pair);

impl Key {
    fn named(name: &str) -> Self {
        Self(sr25519::Pair::from_string(&format!("//{name}"), None).unwrap())
    }
}

impl Sign for Key {
    fn account(&self) -> AccountId {
        AccountId(self.0.public().0)
    }

    fn sign<'a>(&'a self, payload: &'a SigningPayload) -> Signing<'a> {
        Box::pin(async { Ok(Signature::Sr25519(self.0.sign(&payload.message).0)) })
    }
}

/// A chain that makes a block for each extrinsic, and whenever a test says so.
async fn chain() -> Devnet {
    chain_with(BlockTime::Instant, 1_700_000_000_000).await
}

/// A chain whose blocks differ from those of another `start`.
async fn chain_with(block_time: BlockTime, start: u64) -> Devnet {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    Devnet::start(Config { listen, block_time, clock: Clock::Stepped { start }, ..Config::default() }).await.unwrap()
}

fn url(address: SocketAddr) -> String {
    format!("ws://{address}")
}

/// A configuration for tests: short pauses, and never stale, because blocks come on demand.
fn config(endpoints: impl IntoIterator<Item = SocketAddr>) -> LinkConfig {
    LinkConfig {
        endpoints: endpoints.into_iter().map(|address| url(address).into()).collect(),
        stale_after_ms: Some(0),
        retry_max_ms: 20,
        ..LinkConfig::default()
    }
}

fn follow(config: LinkConfig) -> Followed {
    let (link, follower) = link(config).unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(follower.run(stop.clone()));
    Followed { link, stop, task }
}

/// A chain and a live link to it.
async fn live() -> (Devnet, Followed) {
    let devnet = chain().await;
    let followed = follow(config([devnet.address()]));
    until(&followed.link, LinkState::is_live).await;
    (devnet, followed)
}

/// Waits until the link's state is as wanted.
async fn until(link: &Link, wanted: impl FnMut(&LinkState) -> bool) -> LinkState {
    let mut state = link.state();
    in_time(state.wait_for(wanted)).await.unwrap().clone()
}

/// Fails a test that hangs instead of waiting for ever.
async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("the test hangs")
}
