//! The parts of an extrinsic: who signed it, and the call.
//!
//! The call is all that follows what stands before it, and is read once, to a bounded depth: whoever pays for it can put
//! calls into calls as deep as the runtime takes.

use btd_api::AccountId;
use frame_decode::extrinsics::ExtrinsicTypeInfo;

use super::{DecodedCall, decode_call};
use crate::{
    runtime::Runtime,
    scale::{Mismatch, byte, compact, json, read, skip},
};

/// The bits of the first byte that tell what stands before the call; the others are the version.
const KIND: u8 = 0b1100_0000;
/// Nothing: it is of the author of the block.
const BARE: u8 = 0;
/// The version of the extensions, and the extensions.
const GENERAL: u8 = 0b0100_0000;
/// An address, a signature, and the extensions.
const SIGNED: u8 = 0b1000_0000;

/// Who signed, and the call: each as far as it can be read.
pub(super) fn read(bytes: &[u8], runtime: &Runtime) -> (Option<AccountId>, Result<DecodedCall, Mismatch>) {
    let (mut input, mut signed_by) = (bytes, None);
    let call = step_over_head(&mut input, &mut signed_by, runtime).and_then(|()| decode_call(input, runtime));
    (signed_by, call)
}

/// Moves `input` to the call, and takes note of who signed.
fn step_over_head(input: &mut &[u8], signed_by: &mut Option<AccountId>, runtime: &Runtime) -> Result<(), Mismatch> {
    let (metadata, types) = (runtime.metadata(), runtime.types());
    let undescribed = |error: frame_decode::extrinsics::ExtrinsicInfoError<'_>| Mismatch::new(error.to_string());
    let length = compact(input)?;
    if length != input.len() as u128 {
        return Err(Mismatch::new(format!("it claims {length} bytes and has {}", input.len())));
    }
    let first = byte(input, "an extrinsic's version")?;
    let extensions = match (first & KIND, first & !KIND) {
        (BARE, 4 | 5) => return Ok(()),
        (SIGNED, 4) => {
            let info = metadata.extrinsic_signature_info().map_err(undescribed)?;
            let from = *input;
            skip(input, info.address_id, types)?;
            let address = &from[..from.len() - input.len()];
            *signed_by = signer(address, info.address_id, runtime);
            skip(input, info.signature_id, types)?;
            None
        }
        (GENERAL, 5) => Some(byte(input, "the version of the extensions")?),
        _ => return Err(Mismatch::new(format!("extrinsics that begin with the byte {first} are not known"))),
    };
    let extensions = metadata.extrinsic_extension_info(extensions).map_err(undescribed)?;
    extensions.extension_ids.iter().try_for_each(|extension| skip(input, extension.id, types))
}

/// The account behind a signer's address, which is an account or `MultiAddress::Id` of one.
fn signer(address: &[u8], id: u32, runtime: &Runtime) -> Option<AccountId> {
    if let Ok(account) = read::whole(address, id, runtime.types()) {
        return Some(account);
    }
    let text = json::whole(address, id, runtime.types()).ok()?;
    text.get("Id")?.as_str()?.parse().ok()
}
