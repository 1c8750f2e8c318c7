//! The real metadata of spec 425 as that of a runtime before spec 233 was: the answers of the methods that there were then
//! are described as bytes.

use codec::{Decode, Encode};
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};
use scale_info::{TypeDef, TypeDefPrimitive, form::PortableForm};

/// The methods that answered bytes within bytes.
const METHODS: [&str; 12] = [
    "get_subnet_info",
    "get_subnets_info",
    "get_subnet_hyperparams",
    "get_neurons",
    "get_neuron",
    "get_neurons_lite",
    "get_neuron_lite",
    "get_delegates",
    "get_delegate",
    "get_delegated",
    "get_stake_info_for_coldkey",
    "get_stake_info_for_coldkeys",
];

/// How the methods take accounts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Accounts {
    /// As themselves, which they did at last.
    Plain,
    /// As sequences of their bytes, which they did at first.
    Bytes,
}

/// The bytes of the same metadata with such answers.
pub(super) fn rewritten(bytes: &[u8], accounts: Accounts) -> Vec<u8> {
    let prefixed = RuntimeMetadataPrefixed::decode(&mut &*bytes).unwrap();
    let RuntimeMetadata::V15(mut metadata) = prefixed.1 else { panic!("it is not of version 15") };
    let types = &metadata.types;
    let is_byte = |id: u32| {
        let found = types.resolve(id).map(|ty| &ty.type_def);
        matches!(found, Some(TypeDef::Primitive(TypeDefPrimitive::U8)))
    };
    let is_bytes =
        |def: &TypeDef<PortableForm>| matches!(def, TypeDef::Sequence(sequence) if is_byte(sequence.type_param.id));
    let of_bytes = types.types.iter().find(|found| is_bytes(&found.ty.type_def)).unwrap().id;
    for method in metadata.apis.iter_mut().flat_map(|api| &mut api.methods) {
        if METHODS.contains(&method.name.as_str()) {
            method.output = of_bytes.into();
            for input in method.inputs.iter_mut().filter(|_| accounts == Accounts::Bytes) {
                let path = types.resolve(input.ty.id).map(|ty| &ty.path.segments);
                if path.and_then(|path| path.last()).is_some_and(|name| name == "AccountId32") {
                    input.ty = of_bytes.into();
                }
            }
        }
    }
    RuntimeMetadataPrefixed(prefixed.0, RuntimeMetadata::V15(metadata)).encode()
}
