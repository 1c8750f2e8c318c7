//! From a call to signed bytes: preparing, signing, and the bytes themselves as plain data.
//!
//! The steps are separate so that each can be shown, refused or journalled: a [`Prepared`]
//! extrinsic has its fee and the call read back from the very bytes that will be signed; a
//! [`SignedExtrinsic`] is data that survives a restart. This module holds no key: it asks a
//! [`Sign`]er, which sees what it signs. Preparing (which reads the chain) is in `link/submit.rs`.

mod era;
mod extensions;

use std::{fmt, future::Future, pin::Pin};

use btd_api::{AccountId, BlockHash, BlockNumber, Tao};
use codec::{Compact, Encode};
use serde::{Deserialize, Serialize};
use subxt::config::{Hasher, substrate::BlakeTwo256};

pub use self::era::{Era, Mortality};
pub(crate) use self::extensions::{Context, Extensions};
use crate::{
    block::{BlockRef, DecodedCall},
    call::Call,
    error::{PrepareError, SignError},
    hex_bytes,
    runtime::Runtime,
    value::Value,
};

/// The hash that names an extrinsic: BLAKE2b-256 of its bytes, length prefix included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExtrinsicHash(BlockHash);

/// How an extrinsic is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrepareOptions {
    /// What is paid to the block's author on top of the fee.
    pub tip: Tao,
    /// How long it may be included.
    pub mortality: Mortality,
    /// The nonce; none takes the account's next one, extrinsics in the pool counted.
    pub nonce: Option<u32>,
}

impl Default for PrepareOptions {
    fn default() -> Self {
        Self { tip: Tao::ZERO, mortality: Mortality::Blocks(64), nonce: None }
    }
}

/// An extrinsic that is complete but for its signature.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Who is to sign.
    pub signer: AccountId,
    /// The nonce in it.
    pub nonce: u32,
    /// The blocks in which it may be included.
    pub era: Era,
    /// The tip in it.
    pub tip: Tao,
    /// The fee that the runtime estimates, the tip excluded.
    pub fee: Tao,
    /// The call, read back from the bytes that will be signed.
    pub preview: DecodedCall,
    /// The names of every call that is made with it, as [`DecodedCall::all_calls`] gives them.
    pub calls: Vec<String>,
    /// The block at whose state the fee was estimated and the era begins.
    pub at: BlockRef,
    /// The runtime that it was made for. Another runtime refuses the signature.
    pub spec_version: u32,
    pub(crate) payload: SigningPayload,
    pub(crate) envelope: Envelope,
}

/// What is signed, and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningPayload {
    /// Who is to sign.
    pub signer: AccountId,
    /// The pallet that is called.
    pub pallet: String,
    /// The call.
    pub call: String,
    /// The chain that the signature is good for.
    pub genesis: BlockHash,
    /// The runtime that the signature is good for.
    pub spec_version: u32,
    /// The nonce that the signature is good for.
    pub nonce: u32,
    /// The blocks that the signature is good for.
    pub era: Era,
    /// The bytes of the call: with the metadata of `spec_version` a signer can read them itself.
    pub call_data: Vec<u8>,
    /// Call, extension data and implicit data, whole: for a signer that wants to see what it signs.
    pub unhashed: Vec<u8>,
    /// The bytes to sign: `unhashed`, or its BLAKE2b-256 digest when it is longer than 256 bytes.
    pub message: Vec<u8>,
}

/// A signature over [`SigningPayload::message`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// Schnorrkel with the context `substrate`; what keys of Bittensor are.
    Sr25519([u8; 64]),
    /// Ed25519.
    Ed25519([u8; 64]),
}

/// What [`Sign::sign`] returns.
pub type Signing<'a> = Pin<Box<dyn Future<Output = Result<Signature, SignError>> + Send + 'a>>;

/// Whoever holds the key. The daemon connects it; this crate never sees a secret.
pub trait Sign: Send + Sync {
    /// The account whose key it is.
    fn account(&self) -> AccountId;

    /// Signs [`SigningPayload::message`], or says why not. The payload names the pallet and call,
    /// so that a signer can judge what it is asked for. Dropping the future abandons the request.
    fn sign<'a>(&'a self, payload: &'a SigningPayload) -> Signing<'a>;
}

/// A signed extrinsic as plain data: journal it before sending it, send it as often as needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedExtrinsic {
    /// The bytes as they go to the node, length prefix included.
    #[serde(with = "hex_bytes")]
    pub bytes: Vec<u8>,
    /// The hash of the bytes, by which it is found in blocks.
    pub hash: ExtrinsicHash,
    /// Who signed.
    pub signer: AccountId,
    /// The nonce in it.
    pub nonce: u32,
    /// The blocks in which it may be included.
    pub era: Era,
    /// The runtime that it was made for.
    pub spec_version: u32,
}

// === impl ExtrinsicHash ===

impl ExtrinsicHash {
    /// The hash of an extrinsic's bytes, length prefix included.
    pub fn of(bytes: &[u8]) -> Self {
        Self(BlockHash(BlakeTwo256.hash(bytes).0))
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0.0
    }
}

impl From<[u8; 32]> for ExtrinsicHash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(BlockHash(bytes))
    }
}

impl std::str::FromStr for ExtrinsicHash {
    type Err = btd_api::NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for ExtrinsicHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ExtrinsicHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl Prepared ===

impl Prepared {
    /// What is to be signed.
    pub fn payload(&self) -> &SigningPayload {
        &self.payload
    }

    /// Asks `signer` and assembles the signed bytes. Nothing is sent.
    pub async fn sign(&self, signer: &dyn Sign) -> Result<SignedExtrinsic, SignError> {
        if signer.account() != self.signer {
            return Err(SignError::WrongSigner { wanted: self.signer, signer: signer.account() });
        }
        let signature = signer.sign(&self.payload).await?;
        let bytes = self.envelope.seal(&signature);
        Ok(SignedExtrinsic {
            hash: ExtrinsicHash::of(&bytes),
            bytes,
            signer: self.signer,
            nonce: self.nonce,
            era: self.era,
            spec_version: self.spec_version,
        })
    }
}

// === impl SignedExtrinsic ===

impl SignedExtrinsic {
    /// The last block that may include it; none for an immortal one.
    pub fn era_end(&self) -> Option<BlockNumber> {
        self.era.last_block()
    }
}

/// All parts of an extrinsic but the signature.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    address: Vec<u8>,
    /// The index of `Sr25519` and of `Ed25519` in the runtime's signature type.
    scheme: [u8; 2],
    extra: Vec<u8>,
    call: Vec<u8>,
}

// === impl Envelope ===

impl Envelope {
    /// The bytes of a signed extrinsic of version 4 (`sp_runtime::generic::UncheckedExtrinsic`).
    pub(crate) fn seal(&self, signature: &Signature) -> Vec<u8> {
        let (scheme, signature) = match signature {
            Signature::Sr25519(bytes) => (self.scheme[0], bytes),
            Signature::Ed25519(bytes) => (self.scheme[1], bytes),
        };
        let mut body = vec![0x84];
        body.extend_from_slice(&self.address);
        body.push(scheme);
        body.extend_from_slice(signature);
        body.extend_from_slice(&self.extra);
        body.extend_from_slice(&self.call);
        let mut bytes = Compact(u64::try_from(body.len()).unwrap_or(u64::MAX)).encode();
        bytes.append(&mut body);
        bytes
    }
}

/// Puts a call together with everything that is signed beside it.
pub(crate) fn assemble(
    call: &Call,
    signer: AccountId,
    context: &Context,
    runtime: &Runtime,
) -> Result<(SigningPayload, Envelope), PrepareError> {
    let metadata = runtime.metadata();
    let supported = metadata.extrinsic().supported_versions();
    if !supported.contains(&4) {
        return Err(PrepareError::UnsupportedVersion {
            spec_version: runtime.spec_version(),
            supported: supported.to_vec(),
        });
    }
    let call_data = call.encode(runtime)?;
    let Extensions { extra, implicit } = Extensions::encode(context, runtime)?;
    let unhashed = [call_data.as_slice(), &extra, &implicit].concat();
    let message = if unhashed.len() > 256 { BlakeTwo256.hash(&unhashed).0.to_vec() } else { unhashed.clone() };
    let payload = SigningPayload {
        signer,
        pallet: call.pallet.clone(),
        call: call.call.clone(),
        genesis: context.genesis,
        spec_version: runtime.spec_version(),
        nonce: context.nonce,
        era: context.era,
        call_data: call_data.clone(),
        unhashed,
        message,
    };
    let envelope = Envelope { address: address(signer, runtime)?, scheme: schemes(runtime), extra, call: call_data };
    Ok((payload, envelope))
}

/// The signer in the runtime's address type.
fn address(signer: AccountId, runtime: &Runtime) -> Result<Vec<u8>, PrepareError> {
    use frame_decode::extrinsics::ExtrinsicTypeInfo;
    let mut address = Vec::new();
    let argument = |reason| PrepareError::Argument { call: "the signer's address".to_owned(), reason };
    let info = runtime
        .metadata()
        .extrinsic_signature_info()
        .map_err(|error| argument(crate::scale::Mismatch::new(error.to_string())))?;
    crate::scale::write::encode(&Value::Account(signer), info.address_id, runtime.types(), &mut address)
        .map_err(argument)?;
    Ok(address)
}

/// The indices of the signature schemes, 1 and 0 in every `MultiSignature` so far.
fn schemes(runtime: &Runtime) -> [u8; 2] {
    use frame_decode::extrinsics::ExtrinsicTypeInfo;
    let index = |name: &str, usual: u8| {
        let info = runtime.metadata().extrinsic_signature_info().ok()?;
        match &runtime.types().resolve(info.signature_id)?.type_def {
            scale_info::TypeDef::Variant(def) => {
                def.variants.iter().find(|variant| variant.name == name).map(|variant| variant.index)
            }
            _ => Some(usual),
        }
    };
    [index("Sr25519", 1).unwrap_or(1), index("Ed25519", 0).unwrap_or(0)]
}

#[cfg(test)]
mod tests;
