//! Bytes that are no HTTP/3, and no QUIC, at the axon's UDP port.
//!
//! A few hundred here; `BTD_FUZZ_QUIC=1000000` sends that many. Whatever comes, a ping is answered
//! afterwards.

use std::{net::UdpSocket, sync::Arc, time::Duration};

use quinn::{ClientConfig, Endpoint, crypto::rustls::QuicClientConfig};
use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::time::timeout;

use super::support::*;
use crate::{
    axon::{Axon, certificate::Certificates},
    dendrite::Transport,
};

/// splitmix64: the same bytes in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    /// Some bytes of a good text, changed, cut and repeated.
    fn change(&mut self, good: &[&[u8]]) -> Vec<u8> {
        let mut bytes = good[self.below(good.len())].to_vec();
        for _ in 0..self.below(5) {
            let at = self.below(bytes.len() + 1);
            match self.below(5) {
                0 if at < bytes.len() => bytes[at] = self.next().to_le_bytes()[0],
                1 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                2 => bytes.truncate(at),
                3 => bytes.insert(at, self.next().to_le_bytes()[0]),
                _ => bytes.extend_from_slice(good[self.below(good.len())]),
            }
        }
        bytes
    }
}

/// How many of each.
#[expect(clippy::disallowed_methods, reason = "a large run is asked for by whoever runs the tests")]
fn count() -> usize {
    std::env::var("BTD_FUZZ_QUIC").map_or(300, |count| count.parse().unwrap())
}

#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Connects to any axon, and knows HTTP/3 by name only.
pub(super) fn client() -> Endpoint {
    let mut tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer))
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h3".to_vec()];
    let mut endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    endpoint.set_default_client_config(ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap())));
    endpoint
}

/// The certificate that the server showed.
fn shown(connection: &quinn::Connection) -> Vec<u8> {
    let chain = connection.peer_identity().unwrap().downcast::<Vec<CertificateDer<'static>>>().unwrap();
    chain[0].to_vec()
}

#[tokio::test]
async fn a_certificate_is_renewed_in_time_and_open_connections_stay() {
    let key = axon_key();
    let certificates = Certificates { hotkey: key.account(), signer: key.signer(), validity: Duration::from_secs(3) };
    let axon = Axon::start_with(config(), certificates, (members(), old_memory()), classes(vec![])).await.unwrap();
    let connect =
        async || timeout(PATIENCE, client().connect(axon.address(), "axon.invalid").unwrap()).await.unwrap().unwrap();
    let first = connect().await;
    let first_key = axon.status().tls_key;
    let renewed = async {
        while shown(&connect().await) == shown(&first) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // The new one is the hotkey's too: a dendrite that has never been here believes it.
        while dendrite().ping(target(&axon), Transport::Quic, PATIENCE).await.status_code != 200 {}
    };
    timeout(PATIENCE, renewed).await.expect("it is renewed");
    assert_ne!(axon.status().tls_key, first_key);
    assert!(first.close_reason().is_none(), "{:?}", first.close_reason());
    assert!(first.open_bi().await.is_ok());
}

/// Frames of HTTP/3: an empty SETTINGS, HEADERS with a literal path and method, DATA, GOAWAY, a
/// reserved type, a length beyond everything.
const FRAMES: [&[u8]; 8] = [
    b"\x04\x00",
    b"\x01\x14\x00\x00\xd1\xd7\x51\x08/Synapse\x50\x01x\x00\x00",
    b"\x00\x05{\"a\":",
    b"\x07\x01\x00",
    b"\x21\x03abc",
    b"\x00\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x01\x02\x00\x00",
    b"\x00\x02{}",
];

#[tokio::test]
async fn streams_that_are_no_http3_hurt_nobody() {
    let axon = axon(config(), vec![]).await;
    let (endpoint, mut random) = (client(), Random(1));
    let mut connection = None;
    for _ in 0..count() {
        let alive = connection.take().filter(|held: &quinn::Connection| held.close_reason().is_none());
        let held = match alive {
            Some(held) => held,
            None => {
                timeout(PATIENCE, endpoint.connect(axon.address(), "axon.invalid").unwrap()).await.unwrap().unwrap()
            }
        };
        let bytes = random.change(&FRAMES);
        let sending = async {
            if random.below(4) == 0 {
                let mut stream = held.open_uni().await.ok()?;
                stream.write_all(&bytes).await.ok()?;
                stream.finish().ok()
            } else {
                let (mut stream, _answer) = held.open_bi().await.ok()?;
                stream.write_all(&bytes).await.ok()?;
                stream.finish().ok()
            }
        };
        // A connection that takes no more streams is replaced.
        if timeout(Duration::from_millis(200), sending).await.is_ok_and(|sent| sent.is_some()) {
            connection = Some(held);
        } else {
            held.close(0_u8.into(), b"");
        }
    }
    let outcome = dendrite().ping(target(&axon), Transport::Quic, PATIENCE).await;
    assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
}

#[tokio::test]
async fn datagrams_that_are_no_quic_hurt_nobody() {
    let axon = axon(config(), vec![]).await;
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    // A first packet of a client: long header, version 1, ids of 8 bytes, then what no key opens.
    let mut first = b"\xc0\x00\x00\x00\x01\x08abcdefgh\x08ijklmnop\x00\x44\x80".to_vec();
    first.resize(1_200, 0x5a);
    let negotiation = b"\xc0\x1a\x2a\x3a\x4a\x08abcdefgh\x08ijklmnop".repeat(60);
    let good: [&[u8]; 4] = [&first, &negotiation, b"\x40abcdefgh-short-header", b"\xff"];
    let mut random = Random(2);
    for _ in 0..count() {
        let bytes = random.change(&good);
        // A full buffer of the system loses datagrams, as networks do.
        let _ = socket.send_to(&bytes, axon.address());
        if random.below(64) == 0 {
            tokio::task::yield_now().await;
        }
    }
    for transport in [Transport::Quic, Transport::Http] {
        let outcome = dendrite().ping(target(&axon), transport, PATIENCE).await;
        assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
    }
}
