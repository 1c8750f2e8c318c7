//! The axon's TLS key and the certificate in which its hotkey vouches for it, made anew in time.
//!
//! What the certificate proves, and what it does not, is said in [`btd_wire::certificate`].

use std::{sync::Arc, time::Duration};

use btd_api::AccountId;
use btd_wire::{
    Signer,
    certificate::{Statement, TlsKey},
};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ED25519, PublicKeyData, SanType};
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

/// What the axon shows its callers for a time.
pub(super) struct Issued {
    pub(super) tls: ServerConfig,
    /// What the certificate in it is about.
    pub(super) key: TlsKey,
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
    pub(super) async fn issue(&self) -> Result<Issued, AxonError> {
        issue(self.hotkey, &*self.signer, now(), self.validity).await
    }

    /// Waits until two thirds of the validity are over, and gives the next configuration. A hotkey
    /// that does not sign is asked again until it does. Dropping the future forgets nothing but how
    /// long it has waited.
    pub(super) async fn next(&self, issued: Duration) -> Issued {
        let due = issued + (self.validity * 2 / 3).max(SHORTEST);
        loop {
            let left = due.saturating_sub(now());
            if !left.is_zero() {
                tokio::time::sleep(left.min(LOOK_EVERY)).await;
                continue;
            }
            match self.issue().await {
                Ok(next) => return next,
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
async fn issue(hotkey: AccountId, signer: &dyn Signer, now: Duration, validity: Duration) -> Result<Issued, AxonError> {
    // The one kind that can be published on chain.
    let key = KeyPair::generate_for(&PKCS_ED25519).map_err(|error| AxonError::Tls(error.into()))?;
    let public = key.subject_public_key_info();
    let published = TlsKey::of(&public).ok_or_else(|| AxonError::Tls("the key is not an Ed25519 key".into()))?;
    let statement = Statement::new(hotkey, &public, (now + validity).as_secs());
    let signature = signer.sign(&hotkey, statement.signable()).await?;
    let certificate = certificate(&key, &hotkey, &statement.uri(&signature))?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate], key))
        .map_err(|error| AxonError::Tls(error.into()))?;
    tls.alpn_protocols = vec![b"h3".to_vec()];
    Ok(Issued { tls, key: published })
}

fn certificate(key: &KeyPair, hotkey: &AccountId, uri: &str) -> Result<CertificateDer<'static>, AxonError> {
    let tls = |error: rcgen::Error| AxonError::Tls(error.into());
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, hotkey.to_string());
    params.subject_alt_names = vec![SanType::URI(uri.try_into().map_err(tls)?)];
    Ok(params.self_signed(key).map_err(tls)?.der().clone())
}
