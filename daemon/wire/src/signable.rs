//! The closed set of texts that a hotkey is asked to sign here.
//!
//! A signer that takes a [`Signable`] instead of bytes cannot be made to sign an extrinsic, an
//! arbitrary message, or a text whose parts a stranger chose.

use std::{error::Error, fmt, future::Future, pin::Pin};

use btd_api::AccountId;

/// A text to be signed with sr25519, made only by this crate.
#[derive(Clone, PartialEq, Eq)]
pub struct Signable {
    purpose: Purpose,
    text: String,
}

/// What a [`Signable`] is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A request to another neuron's axon.
    Request,
    /// A statement that a TLS key serves this hotkey, see [`crate::certificate`].
    Certificate,
}

// === impl Signable ===

impl Signable {
    /// The text of a request between two addresses, see [`request_text`].
    pub(crate) fn request(nonce: i128, sender: &str, receiver: &str, uuid: &str, body_hash: &str) -> Self {
        let text = request_text(nonce, sender, receiver, uuid, body_hash);
        Self { purpose: Purpose::Request, text }
    }

    /// The statement about a TLS key.
    pub(crate) fn certificate(text: String) -> Self {
        Self { purpose: Purpose::Certificate, text }
    }

    /// What it is for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The text, whose UTF-8 bytes are signed without any wrapping.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Signable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signable({:?}: {:?})", self.purpose, self.text)
    }
}

/// What a signer answers.
pub type Signing<'a> = Pin<Box<dyn Future<Output = Result<[u8; 64], SignerError>> + Send + 'a>>;

/// Signs for one or more hotkeys, wherever their secrets are. The daemon implements it over its
/// keys; it can sign nothing but a [`Signable`], so an axon or dendrite that holds one cannot get
/// an extrinsic signed.
pub trait Signer: Send + Sync + fmt::Debug {
    /// Signs the text of `message` as `hotkey`, with sr25519 and the context `substrate`.
    fn sign<'a>(&'a self, hotkey: &'a AccountId, message: &'a Signable) -> Signing<'a>;
}

/// A signature that could not be had: the hotkey is locked, unknown, or its signer is gone.
#[derive(Debug, thiserror::Error)]
#[error("cannot sign as {hotkey}")]
pub struct SignerError {
    /// The hotkey.
    pub hotkey: AccountId,
    /// Why.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// `<nonce>.<dendrite hotkey>.<axon hotkey>.<dendrite uuid>.<body hash>`: what the synapse protocol
/// signs. Path, timeout and version are not part of it.
pub(crate) fn request_text(nonce: i128, sender: &str, receiver: &str, uuid: &str, body_hash: &str) -> String {
    format!("{nonce}.{sender}.{receiver}.{uuid}.{body_hash}")
}
