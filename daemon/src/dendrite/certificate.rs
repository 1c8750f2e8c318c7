//! The TLS of a QUIC client that believes one hotkey and no authority.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use btd_api::AccountId;
use btd_wire::certificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    version::TLS13,
};
use webpki::EndEntityCert;

/// Why a handshake was refused; TLS itself tells only that it was.
#[derive(Debug, Clone, Default)]
pub(super) struct Verdict(Arc<Mutex<Option<Refusal>>>);

/// What was wrong with a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is of another make: its certificate names no hotkey, neither the one that was called nor another.
    Unstated(String),
    /// It claims to be what it is not, or cannot prove it.
    Unproven(String),
}

// === impl Verdict ===

impl Verdict {
    /// The reason, when the certificate was refused.
    pub(super) fn take(&self) -> Option<Refusal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn refuse(&self, refusal: fn(String) -> Refusal, reason: &(impl fmt::Display + ?Sized)) -> Error {
        let reason = reason.to_string();
        let error = OtherError(Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(reason.clone())));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal(reason));
        Error::InvalidCertificate(CertificateError::Other(error))
    }
}

/// A configuration that completes a handshake only with a server whose TLS key `hotkey` vouches for.
pub(super) fn client(hotkey: AccountId) -> (ClientConfig, Verdict) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verdict = Verdict::default();
    let verifier = HotkeyVerifier { hotkey, verdict: verdict.clone(), provider: Arc::clone(&provider) };
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13]);
    #[expect(clippy::expect_used, reason = "ring has cipher suites of TLS 1.3, the only thing that is checked")]
    let builder = builder.expect("ring speaks TLS 1.3");
    let mut config = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    config.alpn_protocols = vec![b"h3".to_vec()];
    // A resumed session would skip the verifier.
    config.resumption = Resumption::disabled();
    (config, verdict)
}

#[derive(Debug)]
struct HotkeyVerifier {
    hotkey: AccountId,
    verdict: Verdict,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for HotkeyVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate =
            EndEntityCert::try_from(end_entity).map_err(|error| self.verdict.refuse(Refusal::Unstated, &error))?;
        let public_key = certificate.subject_public_key_info();
        let uris: Vec<&str> = certificate.valid_uri_names().collect();
        certificate::verify(&uris, public_key.as_ref(), &self.hotkey, now.as_secs()).map_err(|error| {
            let missing = matches!(error, certificate::CertificateError::Missing);
            self.verdict.refuse(if missing { Refusal::Unstated } else { Refusal::Unproven }, &error)
        })?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("QUIC has no TLS 1.2".to_owned()))
    }

    /// The proof that the server holds the key that the certificate is about.
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
            .map_err(|error| self.verdict.refuse(Refusal::Unproven, &error))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
