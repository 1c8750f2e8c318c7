//! The statement that binds a TLS key to a hotkey, carried inside the axon's QUIC certificate.
//!
//! A neuron's hotkey is an sr25519 key, which TLS does not know. So the axon makes a TLS key of
//! its own, has the hotkey sign a statement about it, and puts hotkey, expiry and signature into
//! its self-signed certificate as a subject alternative name of type URI:
//!
//! ```text
//! btd:certificate:1:<hotkey ss58>:<expiry>:<signature, 128 hex digits>
//! ```
//!
//! The signed text is four lines and covers the TLS public key (the DER of its
//! SubjectPublicKeyInfo) by its SHA-256:
//!
//! ```text
//! btd/certificate/1
//! <hotkey ss58>
//! <sha-256 of the TLS public key, 64 hex digits>
//! <expiry, seconds since 1970>
//! ```
//!
//! It is signed plain: a text signed between `<Bytes>` tags, which a user may be talked into
//! signing, does not pass for it.
//!
//! **What is proven** to a client that checks this for the hotkey it calls, and that completes the
//! TLS handshake: the other end holds a TLS key which the hotkey's holder vouched for until the
//! expiry. So requests and replies on that connection are read and written by the neuron (or by
//! whoever the neuron gave that TLS key), and by nobody on the way.
//!
//! **What is not proven**: that the hotkey is registered anywhere, that the address belongs to it,
//! that the TLS key has not been stolen since (there is no revocation before the expiry), and
//! anything at all about the same port over plain HTTP/1.1.
//!
//! **On chain** a neuron can publish a TLS key beside its address (`serve_axon_tls`). There is room for
//! a byte and 64 more, so it is the [key itself](TlsKey) that an axon publishes, and the statement
//! stays in its certificate. A client of btd that has read the chain takes such a key for an offer of
//! HTTP/3, and asks for the statement all the same: it believes the node that tells it of the chain
//! as little as whoever is at the address. That another key is published than it is shown is no
//! fault: what is published follows a new key by some blocks.

use std::fmt::{self, Write as _};

use btd_api::AccountId;
use sha2::{Digest, Sha256};

use crate::{Signable, admission::verify_sr25519_plain};

const PREFIX: &str = "btd:certificate:1:";
const DOMAIN: &str = "btd/certificate/1";

/// Ed25519 among the algorithms of published keys, by the convention of neurons.
const ED25519: u8 = 1;
/// What comes before the key in the DER of an Ed25519 key's SubjectPublicKeyInfo (RFC 8410).
const ED25519_INFO: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The TLS key of an axon as it is published on chain: an Ed25519 key, the only kind that neurons publish.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TlsKey([u8; 32]);

/// A statement that waits for its signature.
#[derive(Debug, Clone)]
pub struct Statement {
    hotkey: AccountId,
    expires: u64,
    signable: Signable,
}

/// Why a certificate does not prove to be the neuron's that was called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// No statement in it: not an axon of this kind.
    #[error("its certificate carries no statement of a hotkey")]
    Missing,
    /// A statement that cannot be read.
    #[error("the statement in its certificate cannot be read: {0}")]
    Malformed(&'static str),
    /// Vouched for by another hotkey.
    #[error("its certificate is vouched for by {found}, not by {expected}")]
    WrongHotkey {
        /// The hotkey that was called.
        expected: AccountId,
        /// The hotkey that the statement names.
        found: AccountId,
    },
    /// The statement has expired.
    #[error("the statement in its certificate expired {ago} seconds ago")]
    Expired {
        /// Seconds since.
        ago: u64,
    },
    /// Not signed by the hotkey it names, or about another TLS key.
    #[error("the statement in its certificate is not signed by {hotkey} for this TLS key")]
    BadSignature {
        /// The hotkey named.
        hotkey: AccountId,
    },
}

// === impl TlsKey ===

impl TlsKey {
    /// The key whose SubjectPublicKeyInfo is `public_key` (DER), if it is one that can be published.
    pub fn of(public_key: &[u8]) -> Option<Self> {
        public_key.strip_prefix(&ED25519_INFO)?.try_into().ok().map(Self)
    }

    /// The key as the chain keeps it, if it is of a kind that is known.
    pub fn read(algorithm: u8, key: &[u8]) -> Option<Self> {
        if algorithm != ED25519 {
            return None;
        }
        key.try_into().ok().map(Self)
    }

    /// What `serve_axon_tls` takes for a certificate: a byte for the algorithm, then the key.
    pub fn to_published(self) -> Vec<u8> {
        [&[ED25519], &self.0[..]].concat()
    }
}

/// In hex, as it is published.
impl fmt::Display for TlsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.to_published()))
    }
}

impl fmt::Debug for TlsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsKey({self})")
    }
}

// === impl Statement ===

impl Statement {
    /// A statement of `hotkey` about the TLS key whose SubjectPublicKeyInfo is `public_key` (DER),
    /// valid until `expires` (seconds since 1970).
    pub fn new(hotkey: AccountId, public_key: &[u8], expires: u64) -> Self {
        Self { hotkey, expires, signable: Signable::certificate(text(&hotkey, public_key, expires)) }
    }

    /// The text to sign.
    pub fn signable(&self) -> &Signable {
        &self.signable
    }

    /// The URI that goes into the certificate.
    pub fn uri(&self, signature: &[u8; 64]) -> String {
        let mut uri = format!("{PREFIX}{}:{}:", self.hotkey, self.expires);
        for byte in signature {
            // Writing to a text cannot fail.
            let _ = write!(uri, "{byte:02x}");
        }
        uri
    }
}

/// Checks the statement among a certificate's URIs: that `expected` vouches for `public_key` (DER
/// of the SubjectPublicKeyInfo) at `now` (seconds since 1970). The caller must see to it that the
/// handshake proves possession of that key.
///
/// # Errors
/// When there is no statement, or none that proves this.
pub fn verify(uris: &[&str], public_key: &[u8], expected: &AccountId, now: u64) -> Result<(), CertificateError> {
    let statement = uris.iter().find_map(|uri| uri.strip_prefix(PREFIX)).ok_or(CertificateError::Missing)?;
    let mut parts = statement.split(':');
    let (Some(hotkey), Some(expires), Some(digits), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(CertificateError::Malformed("it has not three parts"));
    };
    let found: AccountId = hotkey.parse().map_err(|_| CertificateError::Malformed("its hotkey is no address"))?;
    let expires: u64 = expires.parse().map_err(|_| CertificateError::Malformed("its expiry is no number"))?;
    let mut signature = [0; 64];
    hex::decode_to_slice(digits, &mut signature)
        .map_err(|_| CertificateError::Malformed("its signature is not 128 hex digits"))?;
    if found != *expected {
        return Err(CertificateError::WrongHotkey { expected: *expected, found });
    }
    if let Some(ago) = now.checked_sub(expires) {
        return Err(CertificateError::Expired { ago });
    }
    if !verify_sr25519_plain(&found, text(&found, public_key, expires).as_bytes(), &signature) {
        return Err(CertificateError::BadSignature { hotkey: found });
    }
    Ok(())
}

fn text(hotkey: &AccountId, public_key: &[u8], expires: u64) -> String {
    format!("{DOMAIN}\n{hotkey}\n{}\n{expires}", hex::encode(Sha256::digest(public_key)))
}

#[cfg(test)]
mod tests {
    use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey, signing_context};

    use super::*;

    fn key(seed: u8) -> (Keypair, AccountId) {
        let pair = MiniSecretKey::from_bytes(&[seed; 32]).unwrap().expand_to_keypair(ExpansionMode::Ed25519);
        let account = AccountId(pair.public.to_bytes());
        (pair, account)
    }

    fn uri(pair: &Keypair, statement: &Statement) -> String {
        let context = signing_context(b"substrate");
        statement.uri(&pair.sign(context.bytes(statement.signable().text().as_bytes())).to_bytes())
    }

    #[test]
    fn a_key_is_published_with_its_algorithm() {
        let info = [&ED25519_INFO[..], &[7; 32]].concat();
        let key = TlsKey::of(&info).unwrap();
        assert_eq!(key.to_published(), [&[1], &[7; 32][..]].concat());
        assert_eq!(key.to_string(), format!("0x01{}", "07".repeat(32)));
        assert_eq!(TlsKey::read(1, &[7; 32]), Some(key));
        for (algorithm, kept) in [(2, &[7; 32][..]), (1, &[7; 31]), (1, &[7; 64]), (1, &[])] {
            assert_eq!(TlsKey::read(algorithm, kept), None);
        }
        for odd in [&info[1..], &info[..43], &[&info[..], &[0]].concat(), b""] {
            assert_eq!(TlsKey::of(odd), None);
        }
    }

    #[test]
    fn a_statement_holds_for_its_key_its_hotkey_and_its_time() {
        let ((pair, hotkey), (_, other)) = (key(1), key(2));
        let uri = uri(&pair, &Statement::new(hotkey, b"tls key", 1_000));
        let check = |key: &[u8], expected: &AccountId, now| verify(&["https://x", &uri], key, expected, now);
        assert_eq!(check(b"tls key", &hotkey, 999), Ok(()));
        assert_eq!(check(b"tls key", &hotkey, 1_000), Err(CertificateError::Expired { ago: 0 }));
        assert_eq!(check(b"tls kez", &hotkey, 999), Err(CertificateError::BadSignature { hotkey }));
        assert_eq!(
            check(b"tls key", &other, 999),
            Err(CertificateError::WrongHotkey { expected: other, found: hotkey })
        );
        assert_eq!(verify(&["https://x"], b"tls key", &hotkey, 0), Err(CertificateError::Missing));
    }

    #[test]
    fn a_later_expiry_or_another_name_breaks_the_signature() {
        let ((pair, hotkey), (thief, stolen)) = (key(1), key(2));
        let good = uri(&pair, &Statement::new(hotkey, b"k", 1_000));
        let longer = good.replace(":1000:", ":9000:");
        assert_eq!(verify(&[&*longer], b"k", &hotkey, 1), Err(CertificateError::BadSignature { hotkey }));
        // A thief signs a statement in the victim's name.
        let forged = uri(&thief, &Statement::new(hotkey, b"k", 1_000));
        assert_eq!(verify(&[&*forged], b"k", &hotkey, 1), Err(CertificateError::BadSignature { hotkey }));
        let renamed = good.replace(&hotkey.to_string(), &stolen.to_string());
        assert_eq!(verify(&[&*renamed], b"k", &stolen, 1), Err(CertificateError::BadSignature { hotkey: stolen }));
    }

    #[test]
    fn unreadable_statements_are_told_apart() {
        let (_, hotkey) = key(1);
        for uri in ["btd:certificate:1:x", "btd:certificate:1:x:1:00", "btd:certificate:1:a:b:c:d"] {
            assert!(matches!(verify(&[uri], b"k", &hotkey, 0), Err(CertificateError::Malformed(_))), "{uri}");
        }
    }
}
