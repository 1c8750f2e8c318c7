//! A runtime made by hand for tests: metadata of version 14, two pallets, and any extensions.
//!
//! It stands for runtimes that no node at hand runs: old ones, and ones that want what btd does
//! not know.
#![expect(clippy::cast_possible_truncation, reason = "the derive of `Encode` casts the indices of variants")]

use std::marker::PhantomData;

use codec::{Compact, Encode};
use frame_metadata::{
    RuntimeMetadataPrefixed,
    v14::{
        ExtrinsicMetadata, PalletCallMetadata, PalletErrorMetadata, PalletEventMetadata, PalletMetadata,
        PalletStorageMetadata, RuntimeMetadataV14, SignedExtensionMetadata, StorageEntryMetadata, StorageEntryModifier,
        StorageEntryType, StorageHasher,
    },
};
use scale_info::{MetaType, TypeInfo, meta_type};

use crate::runtime::Runtime;

#[derive(Encode, TypeInfo)]
pub(crate) struct AccountId32(pub(crate) [u8; 32]);

#[derive(Encode, TypeInfo)]
#[expect(dead_code, reason = "only its description matters")]
pub(crate) enum MultiAddress {
    Id(AccountId32),
}

#[derive(Encode, TypeInfo)]
#[expect(dead_code, reason = "only the places in the enum matter")]
pub(crate) enum MultiSignature {
    Ed25519([u8; 64]),
    Sr25519([u8; 64]),
}

/// The calls of the pallet `Subtensor`.
#[derive(Encode, TypeInfo)]
#[expect(dead_code, reason = "only its description matters")]
pub(crate) enum SubtensorCall {
    #[codec(index = 2)]
    #[expect(non_camel_case_types, reason = "calls are named so")]
    add_stake { hotkey: AccountId32, amount_staked: u64 },
}

/// The errors of the pallet `Subtensor`.
#[derive(Encode, TypeInfo)]
#[scale_info(capture_docs = "always")]
#[expect(dead_code, reason = "only its description matters")]
pub(crate) enum SubtensorError {
    /// The key has no such stake.
    #[codec(index = 4)]
    NotEnoughStake,
}

/// The error as `sp_runtime` has it today.
#[derive(Encode, TypeInfo)]
pub(crate) struct ModuleError {
    pub(crate) index: u8,
    pub(crate) error: [u8; 4],
}

#[derive(Encode, TypeInfo)]
pub(crate) enum TokenError {
    FundsUnavailable,
}

#[derive(Encode, TypeInfo)]
pub(crate) enum DispatchError {
    #[codec(index = 2)]
    BadOrigin,
    #[codec(index = 3)]
    Module(ModuleError),
    #[codec(index = 7)]
    Token(TokenError),
}

/// The events of the pallet `System`.
#[derive(Encode, TypeInfo)]
pub(crate) enum SystemEvent {
    ExtrinsicSuccess,
    ExtrinsicFailed { dispatch_error: DispatchError },
    Remarked(AccountId32, Vec<u8>),
}

#[derive(Encode, TypeInfo)]
#[expect(dead_code, reason = "only its description matters")]
pub(crate) enum RuntimeCall {
    #[codec(index = 7)]
    Subtensor(SubtensorCall),
}

#[derive(Encode, TypeInfo)]
pub(crate) enum RuntimeEvent {
    #[codec(index = 0)]
    System(SystemEvent),
}

#[derive(TypeInfo)]
struct UncheckedExtrinsic<Address, Call, Signature, Extra>(PhantomData<(Address, Call, Signature, Extra)>);

/// The enum of all events is found by its name among the types, so something must refer to it.
#[derive(TypeInfo)]
struct Whole {
    _event: RuntimeEvent,
}

/// An extension: its name, and the types that travel and that are only signed.
pub(crate) type Extension = (&'static str, MetaType, MetaType);

/// The ten extensions of the chain in 2024 (spec 150): no metadata hash yet.
pub(crate) fn extensions_of_2024() -> Vec<Extension> {
    let unit = meta_type::<()>;
    vec![
        ("CheckNonZeroSender", unit(), unit()),
        ("CheckSpecVersion", unit(), meta_type::<u32>()),
        ("CheckTxVersion", unit(), meta_type::<u32>()),
        ("CheckGenesis", unit(), meta_type::<[u8; 32]>()),
        ("CheckMortality", meta_type::<[u8; 2]>(), meta_type::<[u8; 32]>()),
        ("CheckNonce", meta_type::<Compact<u32>>(), unit()),
        ("CheckWeight", unit(), unit()),
        ("ChargeTransactionPayment", meta_type::<Compact<u64>>(), unit()),
        ("SubtensorSignedExtension", unit(), unit()),
        ("CommitmentsSignedExtension", unit(), unit()),
    ]
}

/// A runtime with these extensions that takes extrinsics of `version`.
pub(crate) fn runtime(extensions: Vec<Extension>, version: u8) -> Runtime {
    runtime_of(150, extensions, version)
}

/// The same of another spec version.
pub(crate) fn runtime_of(spec: u32, extensions: Vec<Extension>, version: u8) -> Runtime {
    let pallet = |name, index| PalletMetadata {
        name,
        storage: None,
        calls: None,
        event: None,
        constants: vec![],
        error: None,
        index,
    };
    let owner = StorageEntryMetadata {
        name: "Owner",
        modifier: StorageEntryModifier::Default,
        ty: StorageEntryType::Map {
            hashers: vec![StorageHasher::Identity],
            key: meta_type::<u16>(),
            value: meta_type::<AccountId32>(),
        },
        default: vec![0; 32],
        docs: vec![],
    };
    let system =
        PalletMetadata { event: Some(PalletEventMetadata { ty: meta_type::<SystemEvent>() }), ..pallet("System", 0) };
    let subtensor = PalletMetadata {
        calls: Some(PalletCallMetadata { ty: meta_type::<SubtensorCall>() }),
        error: Some(PalletErrorMetadata { ty: meta_type::<SubtensorError>() }),
        storage: Some(PalletStorageMetadata { prefix: "Subtensor", entries: vec![owner] }),
        ..pallet("Subtensor", 7)
    };
    let extrinsic = ExtrinsicMetadata {
        ty: meta_type::<UncheckedExtrinsic<MultiAddress, RuntimeCall, MultiSignature, ()>>(),
        version,
        signed_extensions: extensions
            .into_iter()
            .map(|(identifier, ty, additional_signed)| SignedExtensionMetadata { identifier, ty, additional_signed })
            .collect(),
    };
    let metadata = RuntimeMetadataV14::new(vec![system, subtensor], extrinsic, meta_type::<Whole>());
    Runtime::decode(spec, 1, vec![], &RuntimeMetadataPrefixed::from(metadata).encode()).unwrap()
}
