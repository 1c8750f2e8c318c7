//! Metadata as the real runtime tells it: with one type of calls, wherever a call stands.
//!
//! The multisig pallet of this chain holds calls as [`crate::guards::Guarded`]. In a box that is a type of its own to the
//! macros, which would list the calls twice; and clients that know a call by its type take none of the other one.

use alloc::vec::Vec;
use std::sync::OnceLock;

use codec::{Decode, Encode};
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};
use merkleized_metadata::{ExtraInfo, generate_metadata_digest};
use scale_info::{Path, PortableRegistry, PortableType, Type, TypeDef, TypeDefTuple};
use sp_core::OpaqueMetadata;

use crate::{Runtime, SS58_FORMAT, TOKEN_DECIMALS, TOKEN_SYMBOL, VERSION};

/// The version that is told where none is asked for.
const USUAL: u32 = 14;
/// The version that RFC-0078 makes a digest of.
const DIGESTED: u32 = 15;

/// The metadata that `state_getMetadata` tells.
pub fn usual() -> OpaqueMetadata {
    at_version(USUAL).unwrap_or_else(|| OpaqueMetadata::new(Runtime::metadata().into()))
}

/// The metadata of a version; none where that version is not offered. Some constants are the state's.
pub fn at_version(version: u32) -> Option<OpaqueMetadata> {
    let generated = Runtime::metadata_at_version(version)?;
    let mut metadata = RuntimeMetadataPrefixed::decode(&mut generated.as_slice()).ok()?;
    match &mut metadata.1 {
        RuntimeMetadata::V14(metadata) => merge_calls(&mut metadata.types),
        RuntimeMetadata::V15(metadata) => merge_calls(&mut metadata.types),
        RuntimeMetadata::V16(metadata) => merge_calls(&mut metadata.types),
        _ => return Some(generated),
    }
    Some(OpaqueMetadata::new(metadata.encode()))
}

/// The digest of the metadata, as RFC-0078 has it: what hardware wallets have their signatures cover. None where a type
/// of an extrinsic has no form there, of which the log tells once.
///
/// It covers the types of extrinsics and what the chain is called, and no constant: it is the same over any state. This
/// runtime is never another one ([`crate::upgrades`]), so it is worked out when it is first asked for and kept.
pub fn digest() -> Option<[u8; 32]> {
    static DIGEST: OnceLock<Option<[u8; 32]>> = OnceLock::new();
    let untold = |reason: &String| {
        tracing::error!(%reason, "the metadata has no digest: extrinsics whose signature covers one are refused");
    };
    *DIGEST.get_or_init(|| work_out_digest().inspect_err(untold).ok())
}

/// The same anew, or why there is none.
fn work_out_digest() -> Result<[u8; 32], String> {
    let metadata = at_version(DIGESTED).ok_or_else(|| format!("version {DIGESTED} of it is not offered"))?;
    let metadata = RuntimeMetadataPrefixed::decode(&mut metadata.as_slice())
        .map_err(|error| format!("version {DIGESTED} of it is illegible: {error}"))?;
    let chain = ExtraInfo {
        spec_version: VERSION.spec_version,
        spec_name: VERSION.spec_name.into_owned(),
        base58_prefix: SS58_FORMAT.into(),
        decimals: TOKEN_DECIMALS,
        token_symbol: TOKEN_SYMBOL.into(),
    };
    generate_metadata_digest(&metadata.1, chain).map(|digest| digest.hash())
}

/// Has the calls of the multisig pallet hold the type that all others hold, and leaves nothing of the second.
///
/// The second keeps its number, as the type of nothing: all others keep theirs so.
fn merge_calls(registry: &mut PortableRegistry) {
    let ids = |name: &str| {
        let is_it = |ty: &&PortableType| ty.ty.path.segments.join("::") == name;
        registry.types.iter().filter(is_it).map(|ty| ty.id).collect::<Vec<_>>()
    };
    let multisig = ids("pallet_multisig::pallet::Call");
    let calls = ids("btd_devnet_runtime::RuntimeCall");
    let Some(TypeDef::Variant(held)) =
        multisig.first().and_then(|id| registry.types.get_mut(*id as usize)).map(|ty| &mut ty.ty.type_def)
    else {
        return;
    };
    let fields = held.variants.iter_mut().flat_map(|call| &mut call.fields);
    let mut second = None;
    for field in fields.filter(|field| calls.contains(&field.ty.id)) {
        let Some(first) = calls.iter().find(|id| **id != field.ty.id) else { return };
        second = Some(field.ty.id);
        field.ty = (*first).into();
    }
    if let Some(second) = second.and_then(|second| registry.types.get_mut(second as usize)) {
        second.ty = Type {
            path: Path { segments: Vec::new() },
            type_params: Vec::new(),
            type_def: TypeDef::Tuple(TypeDefTuple { fields: Vec::new() }),
            docs: Vec::new(),
        };
    }
}
