//! The axon's TLS key and the certificate in which its hotkey vouches for it.
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

use super::AxonError;

/// A TLS configuration for HTTP/3 with a fresh key, which lives in memory only.
///
/// # Errors
/// When the hotkey cannot sign, or its secret is not at hand.
pub(super) async fn tls(
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
