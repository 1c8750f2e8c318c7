//! The shape of a request: what its header block claims, before anything of it is believed.

use std::{net::SocketAddr, sync::Arc};

use btd_api::AccountId;
use http::{HeaderMap, Method, header};

use super::{Nanos, Refusal, Refused, Rules};
use crate::{
    python::read_float,
    synapse::{HEADER_AXON, HEADER_DENDRITE, SynapseSpec, Terminal, latin1},
};

/// What a transport knows of a request before its body.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path, with its query as it was sent. A query means nothing here, but SDK 11 signs it.
    pub target: &'a str,
    /// The headers, names in lower case.
    pub headers: &'a HeaderMap,
    /// The other end of the connection.
    pub peer: SocketAddr,
}

/// What a header block claims. Every text in it is the sender's.
#[derive(Debug, Clone, PartialEq)]
pub struct Unverified {
    /// The timeout header in seconds. Not signed, may be infinite.
    pub timeout: Option<f64>,
    /// What the sender says of us.
    pub axon: Terminal,
    /// What the sender says of itself.
    pub dendrite: Terminal,
    /// The body hash that the sender signed.
    pub body_hash: Option<String>,
}

/// The parts of a claim that authentication works on, each of the right form.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    pub(super) hotkey: AccountId,
    pub(super) nonce: Nanos,
    pub(super) uuid: &'a str,
    pub(super) signature: [u8; 64],
    pub(super) signature_text: &'a str,
}

/// Headers that authentication reads: two of one name would let two readers see different requests.
const ONCE: [&str; 7] = [
    "timeout",
    "computed_body_hash",
    "bt_header_dendrite_version",
    "bt_header_dendrite_nonce",
    "bt_header_dendrite_uuid",
    "bt_header_dendrite_hotkey",
    "bt_header_dendrite_signature",
];

/// What Python prints for an absent value, and what therefore is signed in its place.
const ABSENT: &str = "None";

// === impl Unverified ===

impl Unverified {
    /// Reads a header block and finds the class that the path names.
    pub(super) fn read(
        head: &RequestHead<'_>,
        class: impl Fn(&str) -> Option<Arc<SynapseSpec>>,
        rules: &Rules,
    ) -> Result<(Self, Arc<SynapseSpec>), Refused> {
        check_one_length(head.headers)?;
        let path = head.target.split_once('?').map_or(head.target, |(path, _query)| path);
        let path = path.strip_prefix('/').unwrap_or(path);
        let (name, further) = path.split_once('/').map_or((path, None), |(name, further)| (name, Some(further)));
        let spec = class(name).ok_or_else(|| Refusal::UnknownSynapse { name: name.chars().take(128).collect() })?;
        if further.is_some() {
            return Err(Refusal::UnknownPath.into());
        }
        if head.method != Method::POST && head.method != Method::GET {
            return Err(Refusal::UnknownMethod.into());
        }
        check_length(head.headers, rules.max_body)?;
        if let Some(name) = ONCE.into_iter().find(|name| head.headers.get_all(*name).iter().count() > 1) {
            return Err(Refusal::DuplicateHeader { name }.into());
        }
        let unverified = Self::of_headers(head.headers)?;
        if unverified.base_texts() > rules.max_base {
            return Err(Refusal::LongBase { limit: rules.max_base }.into());
        }
        Ok((unverified, spec))
    }

    /// Bytes of its texts: of both ends, and of the hash.
    pub fn base_texts(&self) -> usize {
        self.axon.texts() + self.dendrite.texts() + self.body_hash.as_ref().map_or(0, String::len)
    }

    /// Reads the terminals and the signed hash from any header block, of a request or of a reply.
    pub(crate) fn of_headers(headers: &HeaderMap) -> Result<Self, Refusal> {
        let text = |name: &str| headers.get_all(name).iter().next_back().map(latin1);
        let bad = |name: &str, reason: String| Refusal::BadHeader { name: name.to_owned(), reason };
        let timeout = match text("timeout") {
            None => None,
            Some(text) => Some(
                read_float(&text)
                    .ok_or_else(|| bad("timeout", format!("could not convert string to float: '{text}'")))?,
            ),
        };
        let mut axon = Terminal::default();
        let mut dendrite = Terminal::default();
        for (name, value) in headers {
            let name = name.as_str();
            let read = if let Some(field) = name.strip_prefix(HEADER_AXON) {
                axon.set(field, &latin1(value))
            } else if let Some(field) = name.strip_prefix(HEADER_DENDRITE) {
                dendrite.set(field, &latin1(value))
            } else {
                Ok(())
            };
            read.map_err(|fault| bad(name, fault.reason))?;
        }
        Ok(Self { timeout, axon, dendrite, body_hash: text("computed_body_hash") })
    }

    /// The parts that authentication works on.
    pub(super) fn claim(&self, max_uuid: usize) -> Result<Claim<'_>, Refusal> {
        let dendrite = &self.dendrite;
        let address = dendrite.hotkey.as_deref().ok_or(Refusal::MissingHotkey)?;
        let hotkey =
            AccountId::from_any_format(address).map_err(|error| Refusal::BadHotkey { reason: error.to_string() })?;
        let nonce = dendrite.nonce.ok_or(Refusal::MissingNonce)?;
        let uuid = dendrite.uuid.as_deref().unwrap_or(ABSENT);
        if uuid.len() > max_uuid {
            return Err(Refusal::LongUuid { limit: max_uuid });
        }
        let signature_text =
            dendrite.signature.as_deref().filter(|text| !text.is_empty()).ok_or(Refusal::MissingSignature)?;
        let mut signature = [0; 64];
        let digits = signature_text.strip_prefix("0x").ok_or(Refusal::MalformedSignature)?;
        hex::decode_to_slice(digits, &mut signature).map_err(|_| Refusal::MalformedSignature)?;
        Ok(Claim { hotkey, nonce, uuid, signature, signature_text })
    }

    /// The text that the sender must have signed for the axon at `receiver`.
    pub(super) fn message(&self, nonce: Nanos, receiver: &str) -> String {
        let sender = self.dendrite.hotkey.as_deref().unwrap_or(ABSENT);
        let uuid = self.dendrite.uuid.as_deref().unwrap_or(ABSENT);
        let body_hash = self.body_hash.as_deref().unwrap_or(ABSENT);
        crate::signable::request_text(nonce, sender, receiver, uuid, body_hash)
    }
}

/// That the length of the body is stated once, and not beside `Transfer-Encoding`: whoever goes by the other statement
/// sees another end of the request (RFC 9112, 6.1). Refused before anything else, whatever the path. A transport that
/// takes one of the two out must put it back for this.
fn check_one_length(headers: &HeaderMap) -> Result<(), Refusal> {
    let lengths = headers.get_all(header::CONTENT_LENGTH).iter().count();
    if lengths > 1 || (lengths > 0 && headers.contains_key(header::TRANSFER_ENCODING)) {
        return Err(Refusal::AmbiguousLength);
    }
    Ok(())
}

/// The stated length of the body, before a byte of it is read.
fn check_length(headers: &HeaderMap, max_body: usize) -> Result<(), Refusal> {
    let Some(length) = headers.get(header::CONTENT_LENGTH) else { return Ok(()) };
    let length: u64 = length.to_str().ok().and_then(|text| text.parse().ok()).ok_or(Refusal::AmbiguousLength)?;
    if usize::try_from(length).map_or(true, |length| length > max_body) {
        return Err(Refusal::TooLarge { limit: max_body });
    }
    Ok(())
}
