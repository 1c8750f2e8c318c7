//! The real metadata of spec 425 in version 16, which its node does not serve yet: what version 15
//! says, put where the newer version has it. What only version 16 can say (associated types, view
//! functions, what is deprecated) is empty.

use std::collections::BTreeMap;

use codec::{Compact, Decode, Encode};
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed, v15, v16};
use scale_info::form::PortableForm;

/// The bytes of the same metadata in version 16.
pub(super) fn rewritten(bytes: &[u8]) -> Vec<u8> {
    let prefixed = RuntimeMetadataPrefixed::decode(&mut &*bytes).unwrap();
    let RuntimeMetadata::V15(old) = prefixed.1 else { panic!("it is not of version 15") };
    let extensions = u32::try_from(old.extrinsic.signed_extensions.len()).unwrap();
    let new = v16::RuntimeMetadataV16 {
        types: old.types,
        pallets: old.pallets.into_iter().map(pallet).collect(),
        extrinsic: v16::ExtrinsicMetadata {
            versions: vec![old.extrinsic.version],
            address_ty: old.extrinsic.address_ty,
            call_ty: old.extrinsic.call_ty,
            signature_ty: old.extrinsic.signature_ty,
            transaction_extensions_by_version: BTreeMap::from([(0, (0..extensions).map(Compact).collect())]),
            transaction_extensions: old.extrinsic.signed_extensions.into_iter().map(extension).collect(),
        },
        apis: old.apis.into_iter().map(api).collect(),
        outer_enums: v16::OuterEnums {
            call_enum_ty: old.outer_enums.call_enum_ty,
            event_enum_ty: old.outer_enums.event_enum_ty,
            error_enum_ty: old.outer_enums.error_enum_ty,
        },
        custom: v16::CustomMetadata { map: BTreeMap::new() },
    };
    RuntimeMetadataPrefixed(prefixed.0, RuntimeMetadata::V16(new)).encode()
}

fn nothing() -> v16::EnumDeprecationInfo<PortableForm> {
    v16::EnumDeprecationInfo(BTreeMap::new())
}

const SOUND: v16::ItemDeprecationInfo<PortableForm> = v16::ItemDeprecationInfo::NotDeprecated;

fn extension(old: v15::SignedExtensionMetadata<PortableForm>) -> v16::TransactionExtensionMetadata<PortableForm> {
    v16::TransactionExtensionMetadata { identifier: old.identifier, ty: old.ty, implicit: old.additional_signed }
}

fn pallet(old: v15::PalletMetadata<PortableForm>) -> v16::PalletMetadata<PortableForm> {
    v16::PalletMetadata {
        name: old.name,
        storage: old.storage.map(|storage| v16::PalletStorageMetadata {
            prefix: storage.prefix,
            entries: storage.entries.into_iter().map(entry).collect(),
        }),
        calls: old.calls.map(|calls| v16::PalletCallMetadata { ty: calls.ty, deprecation_info: nothing() }),
        event: old.event.map(|event| v16::PalletEventMetadata { ty: event.ty, deprecation_info: nothing() }),
        constants: old
            .constants
            .into_iter()
            .map(|constant| v16::PalletConstantMetadata {
                name: constant.name,
                ty: constant.ty,
                value: constant.value,
                docs: constant.docs,
                deprecation_info: SOUND,
            })
            .collect(),
        error: old.error.map(|error| v16::PalletErrorMetadata { ty: error.ty, deprecation_info: nothing() }),
        associated_types: vec![],
        view_functions: vec![],
        index: old.index,
        docs: old.docs,
        deprecation_info: SOUND,
    }
}

fn entry(old: v15::StorageEntryMetadata<PortableForm>) -> v16::StorageEntryMetadata<PortableForm> {
    v16::StorageEntryMetadata {
        name: old.name,
        modifier: old.modifier,
        ty: old.ty,
        default: old.default,
        docs: old.docs,
        deprecation_info: SOUND,
    }
}

fn api(old: v15::RuntimeApiMetadata<PortableForm>) -> v16::RuntimeApiMetadata<PortableForm> {
    let methods = old.methods.into_iter().map(|method| v16::RuntimeApiMethodMetadata {
        name: method.name,
        inputs: method
            .inputs
            .into_iter()
            .map(|input| v16::FunctionParamMetadata { name: input.name, ty: input.ty })
            .collect(),
        output: method.output,
        docs: method.docs,
        deprecation_info: SOUND,
    });
    v16::RuntimeApiMetadata {
        name: old.name,
        methods: methods.collect(),
        docs: old.docs,
        version: Compact(1),
        deprecation_info: SOUND,
    }
}
