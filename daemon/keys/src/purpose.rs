//! What a key may be asked to sign: a closed set, each kind told from the others by its bytes.
//!
//! There is no "sign these bytes". The danger is one kind passing for another: a text that is an
//! extrinsic, or an extrinsic payload that is a synapse message. So a payload must not be text, a
//! synapse message must have the exact shape of one and name the signer as its sender, and a
//! user's text is signed between `<Bytes>` tags, where no extrinsic can be, and refused if it is a
//! synapse message. A payload comes whole, so that the call it begins with can be compared with the
//! call that its caller names: the calls that move funds or set weights are known by their indices
//! (`calls`). What the call's arguments say is the chain module's to know.

mod calls;

use std::fmt;

use blake2::{Blake2b, Digest, digest::consts::U32};
use btd_api::AccountId;
use serde::{Deserialize, Serialize};

use crate::scheme::wrap;

/// A kind of thing to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Purpose {
    /// Extrinsics: they spend, stake, register, set weights.
    Extrinsic = 1,
    /// Synapse messages: requests to and replies of axons.
    Synapse = 2,
    /// Texts of the user: proofs of ownership.
    Message = 4,
    /// Weights, and commits to weights: the extrinsics of a validator's routine, which move no funds.
    Weights = 8,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Extrinsic => "extrinsics",
            Self::Synapse => "synapse messages",
            Self::Message => "messages",
            Self::Weights => "weights",
        })
    }
}

/// The purposes for which a key was unlocked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Purposes(u8);

/// Every purpose.
const EACH: [Purpose; 4] = [Purpose::Extrinsic, Purpose::Synapse, Purpose::Message, Purpose::Weights];

impl Purposes {
    /// Everything a key can be asked.
    pub const ALL: Self =
        Self(Purpose::Extrinsic as u8 | Purpose::Synapse as u8 | Purpose::Message as u8 | Purpose::Weights as u8);

    /// Whether `purpose` is among them. A key for any extrinsic is one for weights too.
    pub const fn contains(self, purpose: Purpose) -> bool {
        let enough = match purpose {
            Purpose::Weights => Purpose::Weights as u8 | Purpose::Extrinsic as u8,
            Purpose::Extrinsic | Purpose::Synapse | Purpose::Message => purpose as u8,
        };
        self.0 & enough != 0
    }

    /// The purposes one by one.
    pub fn iter(self) -> impl Iterator<Item = Purpose> {
        EACH.into_iter().filter(move |&one| self.0 & one as u8 != 0)
    }
}

impl FromIterator<Purpose> for Purposes {
    fn from_iter<I: IntoIterator<Item = Purpose>>(purposes: I) -> Self {
        Self(purposes.into_iter().fold(0, |set, purpose| set | purpose as u8))
    }
}

impl fmt::Debug for Purposes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Why something is not what it was presented as. Nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PurposeError {
    /// Too short to hold the two block hashes of every payload. A digest is too: what it stands for
    /// could not be checked.
    #[error("{0} bytes are not the payload of an extrinsic")]
    PayloadLength(usize),
    /// The call is known, and the bytes are of another.
    #[error("the payload begins with call {}.{}, which is not {pallet}.{call}", found.0, found.1)]
    PayloadIsAnotherCall {
        /// The pallet that was named.
        pallet: String,
        /// The call that was named.
        call: String,
        /// The indices of pallet and call in the bytes.
        found: (u8, u8),
    },
    /// It reads as text, which no payload does.
    #[error("a text cannot be the payload of an extrinsic")]
    PayloadIsText,
    /// None of the shapes of a [`SynapseMessage`].
    #[error(
        "not a synapse message: expected nonce.sender.receiver.uuid.hash, nonce.sender.receiver.uuid, btauth/1 or btd/certificate/1"
    )]
    NotASynapse,
    /// The message would speak for somebody else.
    #[error("the synapse message must be signed by {expected} and not by {signer}")]
    ForeignSender {
        /// Whom the message names.
        expected: AccountId,
        /// The key that was asked.
        signer: AccountId,
    },
    /// A user's text that an axon would take for a request.
    #[error("this text is a synapse message, and signing it would let others act as this hotkey")]
    TextIsSynapse,
}

/// The bytes that an extrinsic's signature covers, with the call they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtrinsicPayload {
    pallet: String,
    call: String,
    bytes: Vec<u8>,
}

/// Implicit data ends with the genesis hash, the era's block hash and perhaps more.
const SHORTEST_PAYLOAD: usize = 2 + 32 + 32;
/// Payloads longer than this are signed through their digest.
const LONGEST_PAYLOAD: usize = 256;

impl ExtrinsicPayload {
    /// Checks `bytes`: the call, the extensions and their implicit data in SCALE, all of them, also
    /// where the signature covers their digest only.
    pub fn new(pallet: impl Into<String>, call: impl Into<String>, bytes: Vec<u8>) -> Result<Self, PurposeError> {
        if bytes.len() < SHORTEST_PAYLOAD {
            return Err(PurposeError::PayloadLength(bytes.len()));
        }
        if is_text(&bytes) {
            return Err(PurposeError::PayloadIsText);
        }
        let (pallet, call) = (pallet.into(), call.into());
        let found = (bytes[0], bytes[1]);
        let usual = match (pallet.as_str(), found) {
            ("SubtensorModule", (calls::SUBTENSOR_OF_2023, call)) if is_of_2023(&bytes) => (calls::SUBTENSOR, call),
            (_, found) => found,
        };
        // A known call must be both what it is named and what it is in the bytes.
        let differs = calls::KNOWN.iter().any(|&(of, name, index)| (of == pallet && name == call) != (index == usual));
        if differs {
            return Err(PurposeError::PayloadIsAnotherCall { pallet, call, found });
        }
        Ok(Self { pallet, call, bytes })
    }

    /// What a key must be unlocked for to sign this.
    pub fn purpose(&self) -> Purpose {
        // Both the name and the bytes say so: `new` has compared them.
        let is_weights = calls::WEIGHTS.iter().any(|call| self.pallet == "SubtensorModule" && self.call == *call);
        if is_weights { Purpose::Weights } else { Purpose::Extrinsic }
    }

    /// The pallet's name, as the chain's metadata has it.
    pub fn pallet(&self) -> &str {
        &self.pallet
    }

    /// The call's name.
    pub fn call(&self) -> &str {
        &self.call
    }

    /// The bytes to sign.
    pub fn signed(&self) -> Vec<u8> {
        if self.bytes.len() > LONGEST_PAYLOAD {
            Blake2b::<U32>::digest(&self.bytes).to_vec()
        } else {
            self.bytes.clone()
        }
    }
}

/// Whether a payload is for a runtime of the time when `SubtensorModule` had its first index. Such payloads end with the
/// spec version, the transaction version and two hashes (metadata of spec 103); those of today have something behind.
fn is_of_2023(bytes: &[u8]) -> bool {
    let spec_version = bytes.len().checked_sub(4 + 4 + 32 + 32).and_then(|at| bytes.get(at..)?.first_chunk());
    spec_version.is_some_and(|spec_version| u32::from_le_bytes(*spec_version) < calls::MOVED)
}

/// Printable text with ordinary white space. A payload never is: it has small little-endian
/// numbers (versions, options) and so zero bytes, and hashes.
fn is_text(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')))
}

/// A message of the synapse protocol, of one of four shapes:
///
/// * request: `nonce.sender.receiver.uuid.hash`, signed by the sender;
/// * reply: `nonce.sender.receiver.uuid`, signed by the receiver;
/// * SDK 11 request: eight lines beginning with `btauth/1`, the seventh the sender, who signs;
/// * statement about an axon's TLS key: `btd/certificate/1`, signer, hash, expiry, one a line.
///
/// Its text is the wire's to build; here its shape is checked, and that the signer is the one
/// whom the message names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynapseMessage {
    text: String,
    signer: AccountId,
}

impl SynapseMessage {
    /// Checks the shape of `text`.
    pub fn parse(text: impl Into<String>) -> Result<Self, PurposeError> {
        let text = text.into();
        let signer = Self::signer_of(&text).ok_or(PurposeError::NotASynapse)?;
        Ok(Self { text, signer })
    }

    /// Whom the message names as the one who signs it.
    pub fn signer(&self) -> AccountId {
        self.signer
    }

    /// The bytes to sign.
    pub fn signed_by(&self, signer: AccountId) -> Result<&[u8], PurposeError> {
        if signer == self.signer {
            Ok(self.text.as_bytes())
        } else {
            Err(PurposeError::ForeignSender { expected: self.signer, signer })
        }
    }

    fn signer_of(text: &str) -> Option<AccountId> {
        if text.starts_with("btauth/1\n") {
            let lines: Vec<&str> = text.split('\n').collect();
            return match lines[..] {
                [_, "sr25519" | "ed25519", _method, _target, hash, nonce, sender, _receiver]
                    if is_nonce(nonce) && is_hash(hash) =>
                {
                    sender.parse().ok()
                }
                _ => None,
            };
        }
        if text.starts_with("btd/certificate/1\n") {
            let lines: Vec<&str> = text.split('\n').collect();
            return match lines[..] {
                [_, signer, hash, expiry] if is_hash(hash) && is_nonce(expiry) => signer.parse().ok(),
                _ => None,
            };
        }
        let parts: Vec<&str> = text.split('.').collect();
        match parts[..] {
            [nonce, sender, _receiver, _uuid, hash] if is_nonce(nonce) && is_hash(hash) => sender.parse().ok(),
            [nonce, _sender, receiver, _uuid] if is_nonce(nonce) => receiver.parse().ok(),
            _ => None,
        }
    }
}

fn is_nonce(text: &str) -> bool {
    (1..=39).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A text of the user. What is signed is the text between `<Bytes>` and `</Bytes>`, which every
/// wallet of the ecosystem verifies as the text itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextMessage(String);

impl TextMessage {
    /// Takes any text that no axon would take for a request.
    pub fn new(text: impl Into<String>) -> Result<Self, PurposeError> {
        let text = text.into();
        // Axons print nonces and addresses again after parsing them, so a text is refused already
        // when it only resembles a message.
        let fields = text.split('.').count();
        let resembles = text.starts_with("btauth/")
            || text.starts_with("btd/")
            || (4..=5).contains(&fields) && {
                let mut parts = text.split('.');
                let nonce = parts.next().unwrap_or_default().trim();
                !nonce.is_empty()
                    && nonce.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'_'))
                    && parts.take(2).any(|part| part.len() >= 40)
            };
        if resembles { Err(PurposeError::TextIsSynapse) } else { Ok(Self(text)) }
    }

    /// The text as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The bytes to sign.
    pub fn signed(&self) -> Vec<u8> {
        wrap(self.0.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
    const HASH: &str = "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a";

    fn signer(text: &str) -> Option<String> {
        SynapseMessage::parse(text).ok().map(|message| message.signer().to_string())
    }

    #[test]
    fn a_synapse_names_its_signer() {
        let uuid = "0f24dbfa-3c5c-11f0-8d5d-0242ac110002";
        assert_eq!(signer(&format!("1717.{ALICE}.{BOB}.{uuid}.{HASH}")).as_deref(), Some(ALICE));
        assert_eq!(signer(&format!("1717.{ALICE}.{BOB}.{uuid}")).as_deref(), Some(BOB));
        let btauth = format!("btauth/1\nsr25519\nPOST\n/x?y=1\n{HASH}\n1717\n{ALICE}\n{BOB}");
        assert_eq!(signer(&btauth).as_deref(), Some(ALICE));
        let certificate = format!("btd/certificate/1\n{ALICE}\n{HASH}\n1800000000");
        assert_eq!(signer(&certificate).as_deref(), Some(ALICE));
        for bad in [
            String::new(),
            "hello".to_owned(),
            format!("x.{ALICE}.{BOB}.{uuid}.{HASH}"),
            format!("1.{ALICE}.{BOB}.{uuid}.short"),
            format!("1.nobody.{BOB}.{uuid}.{HASH}"),
            format!("1.{ALICE}.None.{uuid}"),
            format!("1.{ALICE}.{BOB}.{uuid}.{HASH}.more"),
            btauth.replace("sr25519", "rsa"),
            format!("{btauth}\nmore"),
            format!("{certificate}\nmore"),
            certificate.replace("1800000000", "soon"),
        ] {
            assert_eq!(SynapseMessage::parse(bad.clone()), Err(PurposeError::NotASynapse), "{bad}");
        }
    }

    #[test]
    fn a_key_signs_no_synapse_of_another() {
        let message = SynapseMessage::parse(format!("1.{ALICE}.{BOB}.u.{HASH}")).unwrap();
        assert!(message.signed_by(ALICE.parse().unwrap()).is_ok());
        assert!(matches!(message.signed_by(BOB.parse().unwrap()), Err(PurposeError::ForeignSender { .. })));
    }

    #[test]
    fn texts_and_payloads_cannot_pass_for_each_other() {
        let text = format!("1.{ALICE}.{BOB}.u.{HASH}");
        assert_eq!(
            ExtrinsicPayload::new("System", "remark", text.clone().into_bytes()),
            Err(PurposeError::PayloadIsText)
        );
        assert_eq!(ExtrinsicPayload::new("System", "remark", vec![0; 32]), Err(PurposeError::PayloadLength(32)));
        assert_eq!(ExtrinsicPayload::new("System", "remark", vec![0; 31]), Err(PurposeError::PayloadLength(31)));
        assert!(ExtrinsicPayload::new("System", "remark", vec![0; 66]).is_ok());
        for synapse in [
            text.as_str(),
            &format!("1.{ALICE}.{BOB}.u"),
            &format!(" +1_0 .{ALICE}.{BOB}.u.{HASH}"),
            &format!("1.None.{BOB}.u"),
            "btauth/1\nsr25519\nPOST",
            "btd/certificate/1\n",
        ] {
            assert_eq!(TextMessage::new(synapse), Err(PurposeError::TextIsSynapse), "{synapse}");
        }
        for plain in ["", "hello", "0x68656c6c6f", "1.2.3.4", "I own this. Really. Yes. It is so."] {
            assert_eq!(TextMessage::new(plain).unwrap().signed(), format!("<Bytes>{plain}</Bytes>").into_bytes());
        }
    }

    #[test]
    fn a_payload_is_of_the_call_that_is_named() {
        // Implicit data as runtimes have had it, with no hash of metadata behind it before 2024.
        let implicit = |spec_version: u32, rest: &[u8]| {
            [&[0; 18], &spec_version.to_le_bytes()[..], &1_u32.to_le_bytes(), &[7; 64], rest].concat()
        };
        let for_runtime = |implicit: Vec<u8>, pallet: &str, call: &str, index: [u8; 2]| {
            ExtrinsicPayload::new(pallet, call, [&index[..], &implicit].concat()).map(|payload| payload.purpose())
        };
        let payload = |pallet: &str, call: &str, index| for_runtime(implicit(425, &[0]), pallet, call, index);
        assert_eq!(payload("Balances", "transfer_all", [5, 4]), Ok(Purpose::Extrinsic));
        assert_eq!(payload("SubtensorModule", "commit_weights", [7, 96]), Ok(Purpose::Weights));
        assert_eq!(payload("SomethingNew", "some_call", [200, 1]), Ok(Purpose::Extrinsic));
        // The pallet had another index in 2023, which counts on runtimes of that time alone.
        let of_old = |pallet, call, index| for_runtime(implicit(103, &[]), pallet, call, index);
        assert_eq!(of_old("SubtensorModule", "add_stake", [8, 2]), Ok(Purpose::Extrinsic));
        assert_eq!(of_old("SubtensorModule", "set_weights", [8, 0]), Ok(Purpose::Weights));
        assert!(of_old("SubtensorModule", "commit_weights", [8, 0]).is_err());
        assert!(of_old("SubtensorModule", "become_delegate", [8, 3]).is_err());
        for (spec_version, rest) in [(425, &[0][..]), (425, &[]), (143, &[])] {
            let told = for_runtime(implicit(spec_version, rest), "SubtensorModule", "set_weights", [8, 0]);
            assert!(told.is_err(), "spec {spec_version}: {told:?}");
        }
        assert_eq!(payload("Triumvirate", "vote", [8, 3]), Ok(Purpose::Extrinsic));
        // A transfer under the name of weights, weights under another name, a transfer under a new name.
        for (pallet, call, index) in [
            ("SubtensorModule", "commit_weights", [5, 4]),
            ("SubtensorModule", "commit_weights", [200, 1]),
            ("SubtensorModule", "serve_axon", [7, 96]),
            ("SubtensorModule", "serve_axon", [8, 2]),
            ("SomethingNew", "some_call", [5, 0]),
        ] {
            let refused = payload(pallet, call, index);
            assert!(matches!(refused, Err(PurposeError::PayloadIsAnotherCall { .. })), "{pallet}.{call} {index:?}");
        }
        let weights: Purposes = [Purpose::Weights].into_iter().collect();
        assert!(weights.contains(Purpose::Weights) && !weights.contains(Purpose::Extrinsic));
        let any: Purposes = [Purpose::Extrinsic].into_iter().collect();
        assert!(any.contains(Purpose::Weights));
    }

    #[test]
    fn long_payloads_are_signed_through_their_digest() {
        let payload = |length| ExtrinsicPayload::new("System", "remark", vec![0; length]).unwrap();
        assert_eq!(payload(256).signed(), vec![0; 256]);
        assert_eq!(
            hex::encode(payload(257).signed()),
            "a93d82fe42c85b6eb1dab95d264706993f6bd903aee5a3ca4a01adbe807c4ca3"
        );
    }

    #[test]
    fn purposes_are_a_set() {
        let some: Purposes = [Purpose::Synapse, Purpose::Message].into_iter().collect();
        assert!(some.contains(Purpose::Synapse) && !some.contains(Purpose::Extrinsic));
        assert_eq!(Purposes::ALL.iter().count(), 4);
        assert_eq!(format!("{some:?}"), "{Synapse, Message}");
    }
}
