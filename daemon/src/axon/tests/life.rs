//! Starting and stopping.

use std::{net::UdpSocket, sync::Arc, time::Duration};

use indexmap::IndexMap;
use tokio::{net::TcpListener, sync::Notify, time::timeout};

use super::support::*;
use crate::{
    axon::{Axon, AxonError, Capacity, Config, Ping},
    dendrite::Transport,
};

#[tokio::test]
async fn an_occupied_port_is_named_and_nothing_stays_bound() {
    let key = axon_key();
    let start = async |bind| {
        Axon::start(
            Config { bind, ..config() },
            key.account(),
            key.signer(),
            (members(), Axon::memory(&config())),
            classes(vec![]),
        )
        .await
        .map(|_| ())
    };
    // TCP is taken.
    let tcp = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let address = tcp.local_addr().unwrap();
    let error = start(address).await.unwrap_err();
    assert!(matches!(error, AxonError::Occupied { address: named, protocol: "TCP" } if named == address), "{error}");
    assert!(error.to_string().contains(&address.port().to_string()), "{error}");
    drop(UdpSocket::bind(address).expect("UDP was not bound"));
    drop(tcp);
    // UDP is taken: TCP must be free again afterwards.
    let udp = UdpSocket::bind("127.0.0.2:0").unwrap();
    let address = udp.local_addr().unwrap();
    let error = start(address).await.unwrap_err();
    assert!(matches!(error, AxonError::Occupied { address: named, protocol: "UDP" } if named == address), "{error}");
    drop(TcpListener::bind(address).await.expect("TCP was given back"));
    // An address that is not ours.
    let error = start("192.0.2.1:0".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, AxonError::Bind { protocol: "TCP", .. }), "{error}");
}

#[tokio::test]
async fn a_locked_hotkey_starts_no_axon() {
    let key = axon_key();
    key.lock();
    let error =
        Axon::start(config(), key.account(), key.signer(), (members(), Axon::memory(&config())), classes(vec![]))
            .await
            .unwrap_err();
    assert!(matches!(error, AxonError::Unsigned(_)), "{error}");
    assert!(error.to_string().contains("unlock it"), "{error}");
}

#[tokio::test]
async fn two_handlers_for_one_synapse_are_refused() {
    let error = classes(vec![]).add(Arc::new(Ping), "test", Capacity { places: 1, waiting: 0 });
    assert!(matches!(error, Err(AxonError::DuplicateSynapse(name)) if name == "Synapse"));
}

#[tokio::test]
async fn a_stopping_axon_answers_what_it_has_begun_and_frees_its_port() {
    for transport in [Transport::Http, Transport::Quic] {
        let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let wait = Deed::Wait { begun: Arc::clone(&begun), go: Arc::clone(&go) };
        let patient = Config { drain_ms: 10_000, ..config_alone() };
        let axon = axon(patient, vec![Arc::new(Scripted("Wait", wait))]).await;
        let target = target(&axon);
        let address = axon.address();
        let asked = tokio::spawn(async move {
            dendrite().call(target, &spec("Wait"), IndexMap::new(), (transport, PATIENCE)).await
        });
        timeout(PATIENCE, begun.notified()).await.unwrap();
        let stopping = tokio::spawn(axon.stop());
        // It takes no new connection while it drains.
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        go.notify_one();
        let outcome = asked.await.unwrap();
        assert_eq!(outcome.status_code, 200, "{transport:?}: {}", outcome.status_message);
        let status = timeout(PATIENCE, stopping).await.unwrap().unwrap();
        assert_eq!((status.requests["answered"], status.connections), (1, 0), "{transport:?}");
        drop(TcpListener::bind(address).await.expect("the port is free"));
        drop(UdpSocket::bind(address).expect("the port is free"));
    }
}

#[tokio::test]
async fn a_hanging_request_does_not_hold_up_the_end() {
    let hurried = Config { drain_ms: 50, ..config() };
    let axon = axon(hurried, vec![Arc::new(Scripted("Hang", Deed::Hang))]).await;
    let target = target(&axon);
    let asked: Vec<_> = [Transport::Http, Transport::Quic]
        .into_iter()
        .map(|transport| {
            tokio::spawn(
                async move { dendrite().call(target, &spec("Hang"), IndexMap::new(), (transport, PATIENCE)).await },
            )
        })
        .collect();
    while axon.status().connections < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    timeout(Duration::from_secs(10), axon.stop()).await.expect("the axon stops");
    for outcome in asked {
        assert_eq!(outcome.await.unwrap().status_code, 503);
    }
}

#[tokio::test]
async fn the_end_of_an_axon_can_be_waited_for() {
    let axon = axon(config(), vec![]).await;
    let ended = axon.ended();
    tokio::pin!(ended);
    assert!(futures_util::poll!(ended.as_mut()).is_pending());
    axon.stop().await;
    timeout(PATIENCE, ended).await.expect("it has ended");
}

#[tokio::test]
async fn the_next_axon_of_a_process_remembers_the_last() {
    let key = axon_key();
    let first = axon(config(), vec![]).await;
    assert_eq!(dendrite().ping(target(&first), Transport::Http, PATIENCE).await.status_code, 200);
    let memory = first.memory();
    first.stop().await;
    let again = (members(), memory);
    let second = Axon::start(config(), key.account(), key.signer(), again, classes(vec![])).await.unwrap();
    assert_eq!(second.status().senders, 1);
    // No fence: the memory is whole.
    assert_eq!(dendrite().ping(target(&second), Transport::Quic, PATIENCE).await.status_code, 200);
}

#[tokio::test]
async fn a_fresh_axon_refuses_the_first_moments_and_a_dendrite_comes_again() {
    let key = axon_key();
    // The fence lies 50 ms after the start; the axon asks for a second's patience.
    let fresh = Config { max_clock_skew_ms: 50, ..config() };
    let memory = Axon::memory(&fresh);
    let axon = Axon::start(fresh, key.account(), key.signer(), (members(), memory), classes(vec![])).await.unwrap();
    let outcome = dendrite().ping(target(&axon), Transport::Http, PATIENCE).await;
    assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
    let requests = axon.stop().await.requests;
    // On a slow machine the first request may come after the fence.
    assert!(requests["replayed"] <= 1 && requests["answered"] == 1, "{requests:?}");
}
