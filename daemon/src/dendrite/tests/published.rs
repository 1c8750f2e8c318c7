//! TLS keys that hotkeys have published: taken for an offer of HTTP/3, and for no proof of anything.

use btd_wire::certificate::TlsKey;

use super::*;

/// A dendrite that waits for QUIC for so many milliseconds.
fn waiting(quic_connect_ms: u64) -> super::super::Dendrite {
    let config = super::super::Config { quic_connect_ms, ..super::super::Config::default() };
    super::super::Dendrite::new(config, caller_key().account(), caller_key().signer())
}

/// One that no slow machine keeps from QUIC.
pub(super) fn patient() -> super::super::Dendrite {
    waiting(20_000)
}

#[tokio::test]
async fn who_has_published_a_key_is_asked_over_quic_at_once() {
    let axon = axon(config(), vec![]).await;
    // What is published may be the key of the certificate before: the statement counts.
    for key in [axon.status().tls_key, TlsKey::read(1, &[9; 32]).unwrap()] {
        let dendrite = patient();
        dendrite.learn(support::target(&axon), key);
        let outcome = dendrite.ping(support::target(&axon), Transport::Auto, PATIENCE).await;
        assert_eq!((outcome.status_code, outcome.transport), (200, Transport::Quic), "{}", outcome.status_message);
    }
}

/// Address and key may both come from a node of the chain that lies.
#[tokio::test]
async fn a_server_with_the_published_key_needs_a_good_statement_all_the_same() {
    let lapsed = axon(crate::axon::Config { certificate_days: 0, ..config() }, vec![]).await;
    let well = axon(config(), vec![]).await;
    let victim = Target { hotkey: Key::new(7).account(), ..support::target(&well) };
    for (axon, target, reason) in [(&lapsed, support::target(&lapsed), "expired"), (&well, victim, "vouched for by")] {
        for transport in [Transport::Auto, Transport::Quic] {
            let dendrite = patient();
            dendrite.learn(target, axon.status().tls_key);
            let outcome = dendrite.ping(target, transport, PATIENCE).await;
            assert_eq!((outcome.status_code, outcome.transport), (421, Transport::Quic), "{}", outcome.status_message);
            assert!(outcome.status_message.contains(reason), "{}", outcome.status_message);
        }
    }
}

#[tokio::test]
async fn what_is_published_of_an_axon_is_an_offer_of_who_has_published_it_alone() {
    let axon = axon(config(), vec![]).await;
    let (target, dendrite) = (support::target(&axon), dendrite());
    let others = [Target { hotkey: Key::new(7).account(), ..target }, Target { port: target.port ^ 1, ..target }];
    for other in others {
        dendrite.learn(other, axon.status().tls_key);
    }
    let outcome = dendrite.ping(target, Transport::Auto, PATIENCE).await;
    assert_eq!((outcome.status_code, outcome.transport), (200, Transport::Http), "{}", outcome.status_message);
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_does_not_end_an_offer() {
    let axon = axon(config(), vec![Arc::new(Scripted("Hang", Deed::Hang))]).await;
    let (target, dendrite) = (support::target(&axon), patient());
    dendrite.learn(target, axon.status().tls_key);
    let before = dendrite.ping(target, Transport::Auto, PATIENCE).await;
    let manner = (Transport::Auto, Duration::from_millis(50));
    let late = dendrite.call(target, &support::spec("Hang"), IndexMap::new(), manner).await;
    assert_eq!((late.status_code, late.transport), (408, Transport::Quic), "{}", late.status_message);
    let after = dendrite.ping(target, Transport::Auto, PATIENCE).await;
    for outcome in [before, after] {
        assert_eq!((outcome.status_code, outcome.transport), (200, Transport::Quic), "{}", outcome.status_message);
    }
}

#[tokio::test]
async fn a_key_without_http3_is_one_wait_and_no_more() {
    let reply =
        b"HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: 16\r\n\r\n{\"message\":\"no\"}";
    let address = server(reply).await;
    let target = at(address);
    let dendrite = waiting(50);
    let offered = || dendrite.offers.has(address, target.hotkey);
    let key = TlsKey::read(1, &[9; 32]).unwrap();
    dendrite.learn(target, key);
    assert!(offered());
    for _ in 0..2 {
        let outcome = dendrite.ping(target, Transport::Auto, PATIENCE).await;
        assert_eq!((outcome.status_code, outcome.transport), (403, Transport::Http), "{}", outcome.status_message);
        dendrite.learn(target, key);
        assert!(!offered());
    }
    // Another key is news.
    dendrite.learn(target, TlsKey::read(1, &[8; 32]).unwrap());
    assert!(offered());
    // That a call's time ran out before QUIC was open is remembered too.
    let dendrite = patient();
    dendrite.learn(target, key);
    let outcome = dendrite.ping(target, Transport::Auto, Duration::from_millis(10)).await;
    assert_eq!((outcome.status_code, outcome.transport), (408, Transport::Quic), "{}", outcome.status_message);
    assert!(!dendrite.offers.has(address, target.hotkey));
}
