//! The calling side: a request to be signed and sent, and what its answer means.
//!
//! After a call the synapse holds whatever the server said, including the server's own idea of
//! its hotkey and address: that is the protocol. The target that was meant is kept apart by the
//! caller ([`Callee`]) and never read back from the synapse.

mod failure;
mod merge;

use btd_api::AccountId;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};

pub use failure::CallFailure;
pub use merge::{Answer, is_json, merge, merge_head};

use crate::{
    Signable,
    python::JsonStyle,
    synapse::{Synapse, SynapseSpec, Terminal},
    version::PROTOCOL_VERSION,
};

/// The calling neuron.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller<'a> {
    /// The hotkey that signs, as its SS58 address.
    pub hotkey: &'a str,
    /// Names this run of the dendrite: nonces grow per hotkey and uuid. At most 64 bytes, or axons
    /// of btd refuse it.
    pub uuid: &'a str,
    /// Our address as others see it, if known. Nobody checks it.
    pub ip: Option<&'a str>,
}

/// The neuron that is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callee {
    /// The axon's hotkey: part of the signed text.
    pub hotkey: AccountId,
    /// The axon's address as text.
    pub ip: String,
    /// The axon's port.
    pub port: u16,
}

/// A request that waits for its signature.
#[derive(Debug, Clone)]
pub struct Unsigned {
    synapse: Synapse,
    hash: String,
    message: Signable,
}

/// A request ready to be sent with POST.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The path: `/` and the class name.
    pub path: String,
    /// Synapse headers in the order of the peers, then the content length and type.
    pub headers: HeaderMap,
    /// The JSON body.
    pub body: Bytes,
    /// The message, to be merged with the answer.
    pub synapse: Synapse,
}

// === impl Unsigned ===

impl Unsigned {
    /// Addresses `synapse` to `callee`. `timeout` is in seconds; `nonce` is the wall clock in
    /// nanoseconds since 1970 and must grow from request to request of one caller.
    pub fn new(
        spec: &SynapseSpec,
        mut synapse: Synapse,
        (caller, callee): (Caller<'_>, Callee),
        timeout: f64,
        nonce: i128,
    ) -> Self {
        let receiver = callee.hotkey.to_string();
        let hash = spec.body_hash(&synapse.fields);
        let message = Signable::request(nonce, caller.hotkey, &receiver, caller.uuid, &hash);
        synapse.timeout = Some(timeout);
        synapse.dendrite = Terminal {
            ip: caller.ip.map(str::to_owned),
            version: Some(PROTOCOL_VERSION),
            nonce: Some(nonce),
            uuid: Some(caller.uuid.to_owned()),
            hotkey: Some(caller.hotkey.to_owned()),
            ..Terminal::default()
        };
        synapse.axon = Terminal {
            ip: Some(callee.ip),
            port: Some(callee.port.into()),
            hotkey: Some(receiver),
            ..Terminal::default()
        };
        Self { synapse, hash, message }
    }

    /// The text to sign.
    pub fn message(&self) -> &Signable {
        &self.message
    }

    /// Completes the request.
    pub fn sign(self, spec: &SynapseSpec, signature: &[u8; 64]) -> Outgoing {
        self.sign_behind(HeaderMap::new(), spec, signature)
    }

    /// The same, with its headers behind those of the transport, so that they need not be moved there.
    pub fn sign_behind(self, transport: HeaderMap, spec: &SynapseSpec, signature: &[u8; 64]) -> Outgoing {
        let mut synapse = self.synapse;
        synapse.dendrite.signature = Some(format!("0x{}", hex::encode(signature)));
        let body = Bytes::from(synapse.to_json(JsonStyle::Spaced));
        let headers = headers_behind(transport, spec, (&synapse, &self.hash), body.len());
        Outgoing { path: format!("/{}", spec.name()), headers, body, synapse }
    }
}

// === impl Outgoing ===

impl Outgoing {
    /// The headers once more, for a request whose own went with it: the same, under the same nonce.
    pub fn headers_again(&self, spec: &SynapseSpec, transport: HeaderMap) -> HeaderMap {
        let hash = spec.body_hash(&self.synapse.fields);
        headers_behind(transport, spec, (&self.synapse, &hash), self.body.len())
    }
}

fn headers_behind(
    transport: HeaderMap,
    spec: &SynapseSpec,
    (synapse, hash): (&Synapse, &str),
    length: usize,
) -> HeaderMap {
    let mut headers = transport;
    synapse.to_headers_hashed(spec, length, hash).append_to(&mut headers);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers
}
