//! An axon of another make, over QUIC: its certificate names no hotkey.

use btd_wire::certificate::TlsKey;

use super::*;

/// An axon of another make: it has a published key, and HTTP/3 under a certificate that names no hotkey.
async fn foreign_axon(reply: &'static [u8]) -> (SocketAddr, quinn::Endpoint) {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&pair).unwrap();
    let secret = rustls::pki_types::PrivatePkcs8KeyDer::from(pair.serialize_der()).into();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider);
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).unwrap().with_no_client_auth();
    let mut tls = builder.with_single_cert(vec![certificate.der().clone()], secret).unwrap();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let config = Arc::new(quinn::crypto::rustls::QuicServerConfig::try_from(tls).unwrap());
    let config = quinn::ServerConfig::with_crypto(config);
    loop {
        let address = server(reply).await;
        // Another program may have the port of that number.
        if let Ok(endpoint) = quinn::Endpoint::server(config.clone(), address) {
            let listening = endpoint.clone();
            tokio::spawn(async move {
                while let Some(incoming) = listening.accept().await {
                    let _ = incoming.await;
                }
            });
            return (address, endpoint);
        }
    }
}

#[tokio::test]
async fn an_axon_whose_certificate_names_no_hotkey_is_asked_over_http() {
    let reply =
        b"HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: 16\r\n\r\n{\"message\":\"no\"}";
    let (address, _listening) = foreign_axon(reply).await;
    let (target, dendrite) = (at(address), published::patient());
    let key = TlsKey::read(1, &[9; 32]).unwrap();
    dendrite.learn(target, key);
    for offered in [true, false, false] {
        assert_eq!(dendrite.offers.has(address, target.hotkey), offered);
        let outcome = dendrite.ping(target, Transport::Auto, PATIENCE).await;
        assert_eq!((outcome.status_code, outcome.transport), (403, Transport::Http), "{}", outcome.status_message);
        // Neither what it announces nor the same key changes that.
        dendrite.offers.add(address);
        dendrite.learn(target, key);
    }
    // Who must have the proof does not get it.
    let outcome = dendrite.ping(target, Transport::Quic, PATIENCE).await;
    assert_eq!((outcome.status_code, outcome.transport), (421, Transport::Quic), "{}", outcome.status_message);
    assert!(outcome.status_message.contains("no statement of a hotkey"), "{}", outcome.status_message);
    // Another key is news.
    dendrite.learn(target, TlsKey::read(1, &[8; 32]).unwrap());
    assert!(dendrite.offers.has(address, target.hotkey));
}
