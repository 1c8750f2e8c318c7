//! What the runtimes of 2023 (spec 103) and 2024 (spec 143) say of themselves, for a node that is
//! scripted to be one of them: their real metadata, their runtime APIs, and answers of the layouts
//! that their metadata does not describe.
//!
//! What they have in common with the runtime of today is asked of the chain behind that node.

use std::collections::HashMap;

use codec::{Compact, Encode};
use serde_json::{Value as Json, json};

use crate::faulty::Reaction;

pub(crate) const OF_2024: &[u8] = include_bytes!("../../../../tests/vectors/metadata/metadata-143.scale");
pub(crate) const OF_2023: &[u8] = include_bytes!("../../../../tests/vectors/metadata/metadata-103.scale");
/// Spec 425 in version 14.
pub(crate) const OF_2026: &[u8] = include_bytes!("../../../../tests/vectors/metadata/metadata-425-v14.scale");

/// The runtime APIs of pallet_subtensor before 2025, by their hashes, and Core.
const APIS: [(&str, &str); 6] = [
    ("Core", "0xdf6acb689907609b"),
    ("SubnetInfoRuntimeApi", "0x8375104b299b74c5"),
    ("DelegateInfoRuntimeApi", "0x42e62be4a39e5b60"),
    ("NeuronInfoRuntimeApi", "0x806df4ccaa9ed485"),
    ("StakeInfoRuntimeApi", "0x5d1fbfbe852f2807"),
    ("SubnetRegistrationRuntimeApi", "0xc6886e2f8e598b0a"),
];

pub(crate) fn hex_of(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// What an old runtime answers: the function and its arguments, and the bytes.
pub(crate) type Answers = HashMap<(&'static str, Vec<u8>), Vec<u8>>;

/// An answer of an old runtime to one request; none to what it has in common with the new one.
pub(crate) fn old(spec: u32, metadata: &[u8], answers: &Answers, method: &str, params: &Json) -> Option<Reaction> {
    match method {
        "state_getRuntimeVersion" => {
            let apis: Vec<Json> = APIS.iter().map(|(_, id)| json!([id, 1])).collect();
            Some(Reaction::Answer(json!({ "specVersion": spec, "transactionVersion": 1, "apis": apis })))
        }
        "state_getMetadata" => Some(Reaction::Answer(json!(hex_of(metadata)))),
        "state_call" => {
            let asked = |(function, arguments): &(&str, Vec<u8>)| {
                params[0] == *function && params[1] == hex_of(arguments).as_str()
            };
            let found = answers.iter().find(|(call, _)| asked(call));
            Some(match found {
                Some((_, answer)) => Reaction::Answer(json!(hex_of(answer))),
                None => Reaction::Refuse(4003, "Client error: Execution failed: function not found"),
            })
        }
        _ => None,
    }
}

/// The eighteen fields that every layout of the hyperparameters has.
pub(crate) fn hyperparameters() -> Vec<u8> {
    let short = |number: u16| Compact(number).encode();
    let long = |number: u64| Compact(number).encode();
    [
        [10, 32_767, 4_096, 8, 455, 99].map(short).concat(),
        [10_000_000, u64::MAX / 4, 1_013, 100].map(long).concat(),
        [112, 5_000].map(short).concat(),
        vec![1],
        short(2),
        [1, 100_000_000_000, 900_000].map(long).concat(),
        short(1),
    ]
    .concat()
}

pub(crate) fn asked(netuid: u16) -> Vec<u8> {
    netuid.encode()
}

/// Neuron 0 of subnet 1.
pub(crate) fn neuron_lite() -> Vec<u8> {
    let (hotkey, coldkey) = ([1_u8; 32], [2_u8; 32]);
    let axon = (9_u64, 3_u32, 0x0102_0304_u128, 8_091_u16, 4_u8, 4_u8, 0_u8, 0_u8);
    [
        (hotkey, coldkey, Compact(0_u16), Compact(1_u16), true, axon).encode(),
        (1_u64, 2_u32, 3_u128, 4_u16, 5_u8).encode(),
        vec![(coldkey, Compact(40_u64))].encode(),
        (Compact(10_u16), Compact(11_u64), Compact(12_u16), Compact(13_u16)).encode(),
        (Compact(14_u16), Compact(15_u16), Compact(16_u16), Compact(17_u64), true, Compact(18_u16)).encode(),
    ]
    .concat()
}
