//! Endpoints that are dead, silent, stale, wrong, or older than what was seen.

use btd_api::{BlockHash, BlockNumber};
use btd_chain::{ConnectError, LinkConfig, LinkState, ReadError};
use btd_devnet::BlockTime;
use tokio::net::TcpListener;

use crate::{chain, chain_with, config, follow, in_time, live, proxy::Proxy, until};

/// Waits for a cause of which `wanted` is true.
async fn cause(link: &btd_chain::Link, wanted: impl Fn(&ConnectError) -> bool) -> ConnectError {
    let state = until(link, |state| state.cause().is_some_and(&wanted)).await;
    state.cause().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_chain_is_refused_by_name() {
    let devnet = chain().await;
    let expected = BlockHash([7; 32]);
    let followed = follow(LinkConfig { genesis: Some(expected), ..config([devnet.address()]) });
    let refused = cause(&followed.link, |cause| cause.name() == "wrong-genesis").await;
    let found = BlockHash(devnet.genesis_hash());
    let endpoint = crate::url(devnet.address());
    assert_eq!(refused, ConnectError::WrongGenesis { endpoint, expected, found });
    assert!(matches!(followed.link.view(), Err(ReadError::NotConnected { cause: Some(_) })));
    assert_eq!(followed.link.finalized(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_endpoint_is_taken_when_one_is_dead() {
    let devnet = chain().await;
    let nobody = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let dead = nobody.local_addr().unwrap();
    drop(nobody);
    let followed = follow(config([dead, devnet.address()]));
    let state = until(&followed.link, LinkState::is_live).await;
    let LinkState::Live { endpoint, .. } = state else { panic!("{state:?}") };
    assert_eq!(endpoint, crate::url(devnet.address()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_never_answers_is_left() {
    let devnet = chain().await;
    // Accepts by the kernel's backlog alone, and says nothing.
    let mute = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoints = [mute.local_addr().unwrap(), devnet.address()];
    let followed = follow(LinkConfig { connect_timeout_ms: 100, ..config(endpoints) });
    let state = until(&followed.link, |state| {
        matches!(state, LinkState::Connecting { cause: Some(cause), .. } if cause.name() == "unreachable")
            || state.is_live()
    });
    state.await;
    until(&followed.link, LinkState::is_live).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_socket_without_blocks_is_stale() {
    let devnet = chain().await;
    let followed = follow(LinkConfig { stale_after_ms: Some(50), ..config([devnet.address()]) });
    let stale = cause(&followed.link, |cause| cause.name() == "stale").await;
    assert_eq!(stale.endpoint(), crate::url(devnet.address()));
    // It is tried again, and a block that comes makes it live.
    until(&followed.link, LinkState::is_live).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_answering_is_named() {
    let devnet = chain().await;
    let proxy = Proxy::before(devnet.address()).await;
    let followed = follow(LinkConfig { request_timeout_ms: 200, ..config([proxy.address()]) });
    until(&followed.link, LinkState::is_live).await;
    let view = followed.link.view().unwrap();
    proxy.silence();
    let silent = in_time(view.netuids()).await;
    assert!(matches!(silent, Err(ReadError::Deadline { .. })), "{silent:?}");
    proxy.open();
    assert_eq!(in_time(view.netuids()).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_is_cut_off_is_asked_again() {
    let devnet = chain().await;
    let proxy = Proxy::before(devnet.address()).await;
    let followed = follow(config([proxy.address()]));
    until(&followed.link, LinkState::is_live).await;
    let view = followed.link.view().unwrap();
    proxy.silence();
    let read = view.netuids();
    tokio::pin!(read);
    // The request is on its way when the connection ends.
    assert!(tokio::time::timeout(std::time::Duration::from_millis(100), &mut read).await.is_err());
    proxy.cut();
    until(&followed.link, |state| !state.is_live()).await;
    proxy.open();
    assert_eq!(in_time(read).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lags_or_contradicts_history_is_not_followed() {
    let first = chain().await;
    first.mine(5).await.unwrap();
    let other = chain_with(BlockTime::Instant, 1_800_000_000_000).await;
    assert_eq!(first.genesis_hash(), other.genesis_hash(), "the same chain by name");
    let proxy = Proxy::before(first.address()).await;
    let followed = follow(config([proxy.address()]));
    until(&followed.link, LinkState::is_live).await;
    let seen = followed.link.finalized().unwrap();

    proxy.lead_to(other.address());
    proxy.cut();
    until(&followed.link, |state| !state.is_live()).await;
    proxy.open();
    let behind = cause(&followed.link, |cause| cause.name() == "behind").await;
    let endpoint = crate::url(proxy.address());
    assert_eq!(behind, ConnectError::Behind { endpoint, finalized: BlockNumber(0), seen: seen.number });

    other.mine(8).await.unwrap();
    let forked = cause(&followed.link, |cause| cause.name() == "forked").await;
    let ConnectError::Forked { number, seen: parent, .. } = forked else { panic!("{forked:?}") };
    assert_eq!((number, parent), (BlockNumber(6), seen.hash));
    assert_eq!(followed.link.finalized(), Some(seen), "nothing of the other history was followed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_ends_the_task() {
    let (_devnet, mut followed) = live().await;
    followed.stop.cancel();
    in_time(&mut followed.task).await.unwrap();
    assert!(matches!(followed.link.view(), Err(ReadError::NotConnected { .. })));
}
