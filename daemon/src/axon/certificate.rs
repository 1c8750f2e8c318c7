//! The axon's TLS key and the certificate in which its hotkey vouches for it, made anew in time.
//!
//! What the certificate proves, and what it does not, is said in [`btd_wire::certificate`].

use std::{sync::Arc, time::Duration};

use btd_api::AccountId;
use btd_wire::{Signer, certificate::Statement};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PublicKeyData, SanType};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    version::TLS13,
};

use super::{AxonError, service::nanos_since_1970};

/// Certificates of one hotkey, one after the other.
#[derive(Debug)]
pub(super) struct Certificates {
    pub(super) hotkey: AccountId,
    pub(super) signer: Arc<dyn Signer>,
    /// Of each of them.
    pub(super) validity: Duration,
}

/// Between two looks at the clock, which may be set and which a sleeping host does not count on,
/// and between two tries when the hotkey does not sign.
const LOOK_EVERY: Duration = Duration::from_hours(1);
/// Between two certificates at least, however short their validity.
const SHORTEST: Duration = Duration::from_secs(1);

// === impl Certificates ===

impl Certificates {
    /// A TLS configuration with a fresh key and its certificate.
    ///
    /// # Errors
    /// When the hotkey cannot sign, or its secret is not at hand.
    pub(super) async fn issue(&self) -> Result<ServerConfig, AxonError> {
        tls(self.hotkey, &*self.signer, now(), self.validity).await
    }

    /// Waits until two thirds of the validity are over, and gives the next configuration. A hotkey
    /// that does not sign is asked again until it does. Dropping the future forgets nothing but how
    /// long it has waited.
    pub(super) async fn next(&self, issued: Duration) -> ServerConfig {
        let due = issued + (self.validity * 2 / 3).max(SHORTEST);
        loop {
            let left = due.saturating_sub(now());
            if !left.is_zero() {
                tokio::time::sleep(left.min(LOOK_EVERY)).await;
                continue;
            }
            match self.issue().await {
                Ok(tls) => return tls,
                Err(error) => {
                    let expires = (issued + self.validity).as_secs();
                    tracing::warn!(hotkey = %self.hotkey, %error, expires, "the QUIC certificate was not renewed");
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
        }
    }
}

/// Since 1970.
pub(super) fn now() -> Duration {
    Duration::from_nanos(u64::try_from(nanos_since_1970()).unwrap_or(u64::MAX))
}

/// A TLS configuration for HTTP/3 with a fresh key, which lives in memory only.
///
/// # Errors
/// When the hotkey cannot sign, or its secret is not at hand.
async fn tls(
    hotkey: AccountId,
    signer: &dyn Signer,
    now: Duration,
    validity: Duration,
) -> Result<ServerConfig, AxonError> {
    let key = KeyPair::generate().map_err(|error| AxonError::Tls(error.into()))?;
    let statement = Statement::new(hotkey, &key.subject_public_key_info(), (now + validity).as_secs());
    let signature = signer.sign(&hotkey, statement.signable()).await?;
    let certificate = certificate(&key, &hotkey, &statement.uri(&signature))?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate], key))
        .map_err(|error| AxonError::Tls(error.into()))?;
    config.alpn_protocols = vec![b"h3".to_vec()];
    Ok(config)
}

fn certificate(key: &KeyPair, hotkey: &AccountId, uri: &str) -> Result<CertificateDer<'static>, AxonError> {
    let tls = |error: rcgen::Error| AxonError::Tls(error.into());
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, hotkey.to_string());
    params.subject_alt_names = vec![SanType::URI(uri.try_into().map_err(tls)?)];
    Ok(params.self_signed(key).map_err(tls)?.der().clone())
}
