//! TLS keys that hotkeys have published: believed without a statement, and taken for an offer of HTTP/3.

use btd_wire::certificate::TlsKey;

use super::*;

#[tokio::test]
async fn who_has_published_a_key_is_asked_over_quic_at_once() {
    let axon = axon(config(), vec![]).await;
    let dendrite = dendrite();
    // What is published may be the key of the certificate before: then the statement counts.
    for key in [axon.status().tls_key, TlsKey::read(1, &[9; 32]).unwrap()] {
        dendrite.learn(support::target(&axon), key);
        let outcome = dendrite.ping(support::target(&axon), Transport::Auto, PATIENCE).await;
        assert_eq!((outcome.status_code, outcome.transport), (200, Transport::Quic), "{}", outcome.status_message);
    }
}

#[tokio::test]
async fn a_server_with_the_published_key_needs_no_statement() {
    let config = crate::axon::Config { certificate_days: 0, ..config() };
    let axon = axon(config, vec![]).await;
    let target = support::target(&axon);
    let key = axon.status().tls_key;
    let statuses = async |whose: Option<Target>, key| {
        let dendrite = dendrite();
        if let Some(whose) = whose {
            dendrite.learn(whose, key);
        }
        dendrite.ping(target, Transport::Quic, PATIENCE).await.status_code
    };
    assert_eq!(statuses(None, key).await, 421);
    assert_eq!(statuses(Some(target), key).await, 200);
    assert_eq!(statuses(Some(target), TlsKey::read(1, &[9; 32]).unwrap()).await, 421);
    // What another hotkey has published, or this one of another axon, says nothing of it.
    let others = [Target { hotkey: Key::new(7).account(), ..target }, Target { port: target.port ^ 1, ..target }];
    for whose in others {
        assert_eq!(statuses(Some(whose), key).await, 421);
    }
}

#[tokio::test]
async fn a_key_without_http3_is_one_wait_and_no_more() {
    let reply =
        b"HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: 16\r\n\r\n{\"message\":\"no\"}";
    let address = server(reply).await;
    let config = super::super::Config { quic_connect_ms: 50, ..super::super::Config::default() };
    let dendrite = super::super::Dendrite::new(config, caller_key().account(), caller_key().signer());
    let key = TlsKey::read(1, &[9; 32]).unwrap();
    dendrite.learn(at(address), key);
    assert!(dendrite.offers.has(address));
    for _ in 0..2 {
        let outcome = dendrite.ping(at(address), Transport::Auto, PATIENCE).await;
        assert_eq!((outcome.status_code, outcome.transport), (403, Transport::Http), "{}", outcome.status_message);
        dendrite.learn(at(address), key);
        assert!(!dendrite.offers.has(address));
    }
    // Another key is news; and that its time ran out over QUIC is remembered too.
    dendrite.learn(at(address), TlsKey::read(1, &[8; 32]).unwrap());
    assert!(dendrite.offers.has(address));
    let outcome = dendrite.ping(at(address), Transport::Auto, Duration::from_millis(10)).await;
    assert_eq!((outcome.status_code, outcome.transport), (408, Transport::Quic), "{}", outcome.status_message);
    assert!(!dendrite.offers.has(address));
}
