//! The real metadata of three generations, and everything that is read and written with each.
//!
//! Spec 103 (2023), 143 (2024) and 425 (2026, in versions 14 and 15), as nodes served them, and the
//! last one rewritten in version 16. Values
//! are made up from the types themselves, so that every call and every type that is read is tried
//! with many shapes, and the same ones at each run.

mod answers;
#[allow(dead_code, reason = "it can do more than is asked of it here")]
#[path = "../tests/devnet/lacking.rs"]
mod lacking;
mod storage;
mod v16;
mod within;

use btd_api::{AccountId, NetUid, Tao};
use codec::{Compact, Encode};
use scale_info::{PortableRegistry, TypeDef, TypeDefPrimitive};

use self::within::Accounts;
use crate::{
    call::Call,
    error::Item,
    runtime::{Form, Runtime},
    scale::{json, read},
    value::Value,
    view::{Balance, Hyperparameters, NeuronLite, StakeInfo},
};

/// The runtime APIs of pallet_subtensor, as a runtime's version names them.
const APIS: [&str; 5] =
    ["8375104b299b74c5", "42e62be4a39e5b60", "806df4ccaa9ed485", "5d1fbfbe852f2807", "c6886e2f8e598b0a"];

fn runtime(spec: u32, metadata: &[u8]) -> Runtime {
    let apis = APIS.map(|id| hex::decode(id).unwrap().try_into().unwrap()).to_vec();
    Runtime::decode(spec, 1, apis, metadata).unwrap()
}

macro_rules! metadata {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/vectors/metadata/metadata-", $name, ".scale"))
    };
}

/// All that are there, oldest first.
pub(crate) fn generations() -> [Runtime; 5] {
    [
        runtime(103, metadata!("103")),
        runtime(143, metadata!("143")),
        runtime(425, metadata!("425-v14")),
        runtime(425, metadata!("425-v15")),
        runtime(425, &v16::rewritten(metadata!("425-v15"))),
    ]
}

/// The last one without what has any of `names`.
pub(crate) fn lacking(names: &[&str]) -> Runtime {
    runtime(425, &lacking::renamed(metadata!("425-v15"), names))
}

/// Those whose metadata describes the runtime's APIs: versions 15 and 16.
fn describing() -> [Runtime; 2] {
    let [.., v15, v16] = generations();
    [v15, v16]
}

/// Makes values up: the same ones for the same seed (splitmix64).
struct Sampler<'t> {
    types: &'t PortableRegistry,
    state: u64,
    /// Set when a type without values was met: there is no such value.
    is_impossible: bool,
    /// Whether there is something in every option.
    is_full: bool,
}

impl Sampler<'_> {
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> usize {
        usize::try_from(self.next() % limit.max(1)).unwrap()
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    /// The SCALE bytes of some value of type `id`.
    fn value(&mut self, id: u32, depth: u32, out: &mut Vec<u8>) {
        let shallow = depth == 0;
        let depth = depth.saturating_sub(1);
        match self.types.resolve(id).unwrap().type_def.clone() {
            TypeDef::Primitive(primitive) => self.primitive(&primitive, out),
            TypeDef::Compact(inner) => self.compact(inner.type_param.id, out),
            TypeDef::Sequence(sequence) => {
                let count = if shallow { 0 } else { self.below(4) };
                Compact(u32::try_from(count).unwrap()).encode_to(out);
                (0..count).for_each(|_| self.value(sequence.type_param.id, depth, out));
            }
            TypeDef::Array(array) => (0..array.len).for_each(|_| self.value(array.type_param.id, depth, out)),
            TypeDef::Tuple(tuple) => tuple.fields.iter().for_each(|field| self.value(field.id, depth, out)),
            TypeDef::Composite(fields) => fields.fields.iter().for_each(|field| self.value(field.ty.id, depth, out)),
            TypeDef::Variant(variants) => {
                let leaf = variants.variants.iter().min_by_key(|variant| variant.fields.len());
                let chosen = self.below(u64::try_from(variants.variants.len()).unwrap());
                let variant = match (shallow, self.is_full) {
                    (true, _) => leaf,
                    (false, true) => variants.variants.iter().max_by_key(|variant| variant.fields.len()),
                    (false, false) => variants.variants.get(chosen),
                };
                let Some(variant) = variant else {
                    self.is_impossible = true;
                    return;
                };
                out.push(variant.index);
                variant.fields.iter().for_each(|field| self.value(field.ty.id, depth, out));
            }
            TypeDef::BitSequence(_) => out.push(0),
        }
    }

    fn primitive(&mut self, primitive: &TypeDefPrimitive, out: &mut Vec<u8>) {
        use TypeDefPrimitive as P;
        let width = match primitive {
            P::Bool => return out.push(u8::from(self.next() & 1 == 1)),
            P::Str => return "τ text".encode_to(out),
            P::Char => panic!("no runtime has characters"),
            P::U8 | P::I8 => 1,
            P::U16 | P::I16 => 2,
            P::U32 | P::I32 => 4,
            P::U64 | P::I64 => 8,
            P::U128 | P::I128 => 16,
            P::U256 | P::I256 => 32,
        };
        let bytes = self.bytes(width);
        out.extend(bytes);
    }

    fn compact(&mut self, inner: u32, out: &mut Vec<u8>) {
        let mut bytes = Vec::new();
        self.value(inner, 4, &mut bytes);
        if bytes.is_empty() {
            return;
        }
        // Small numbers come as often as large ones.
        let keep = self.below(u64::try_from(bytes.len()).unwrap()) + 1;
        bytes.truncate(keep);
        bytes.resize(16, 0);
        Compact(u128::from_le_bytes(bytes.try_into().unwrap())).encode_to(out);
    }
}

/// Some values of a type, as bytes.
fn samples(id: u32, types: &PortableRegistry) -> impl Iterator<Item = Vec<u8>> + '_ {
    drawn(id, types, false)
}

/// The same with something in every option.
fn full_samples(id: u32, types: &PortableRegistry) -> impl Iterator<Item = Vec<u8>> + '_ {
    drawn(id, types, true)
}

fn drawn(id: u32, types: &PortableRegistry, is_full: bool) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..12_u64).filter_map(move |seed| {
        let mut bytes = Vec::new();
        let mut sampler = Sampler { types, state: seed ^ (u64::from(id) << 8), is_impossible: false, is_full };
        sampler.value(id, 6, &mut bytes);
        (!sampler.is_impossible).then_some(bytes)
    })
}

/// Every call is decoded, and encoded again from what was decoded, to the same bytes.
#[test]
fn every_call_is_read_and_written_back() {
    for runtime in generations() {
        let (mut calls, mut failed) = (0, Vec::new());
        let pallets: Vec<String> = runtime.pallets().map(str::to_owned).collect();
        for pallet in pallets {
            let found = runtime.metadata().pallet_by_name(&pallet).unwrap();
            let (index, Some(id)) = (found.call_index(), found.call_ty_id()) else { continue };
            let variants = found.call_variants().unwrap_or_default().to_vec();
            for variant in variants {
                calls += 1;
                for seed in 0..6 {
                    let mut bytes = vec![index, variant.index];
                    let state = seed ^ (u64::from(id) << 8);
                    let mut sampler = Sampler { types: runtime.types(), state, is_impossible: false, is_full: false };
                    variant.fields.iter().for_each(|field| sampler.value(field.ty.id, 5, &mut bytes));
                    if sampler.is_impossible {
                        continue;
                    }
                    if let Err(problem) = write_back(&runtime, &bytes) {
                        failed.push(format!("{pallet}.{}: {problem}", variant.name));
                        break;
                    }
                }
            }
        }
        let spec = runtime.spec_version();
        assert!(failed.is_empty(), "spec {spec}: {} of {calls} calls\n{}", failed.len(), failed.join("\n"));
        assert!(calls > 50, "spec {spec} has {calls} calls");
    }
}

fn write_back(runtime: &Runtime, bytes: &[u8]) -> Result<(), String> {
    let decoded = crate::block::decode_call(bytes, runtime).map_err(|problem| format!("cannot be read: {problem}"))?;
    let mut call = Call::new(&decoded.pallet, &decoded.call);
    if let serde_json::Value::Object(arguments) = decoded.args.clone() {
        for (name, value) in arguments {
            call = call.arg(&name, Value::from_json(value).map_err(|problem| problem.to_string())?);
        }
    }
    if call.all_calls(runtime).ok().and_then(|names| names.into_iter().next()) != Some(call.to_string()) {
        return Err("does not name itself".to_owned());
    }
    let written = call.encode(runtime).map_err(|problem| format!("{problem}\n    {}", decoded.args))?;
    if written == bytes { Ok(()) } else { Err(format!("is written as something else\n    {}", decoded.args)) }
}

/// Every answer that the metadata describes can be shown by name.
#[test]
fn every_storage_value_constant_and_answer_reads_as_json() {
    for runtime in generations() {
        let metadata = runtime.metadata();
        for pallet in metadata.pallets() {
            for entry in pallet.storage().map_or(&[][..], |storage| storage.entries()) {
                let info = runtime.storage_info(pallet.name(), entry.name()).unwrap();
                for bytes in samples(info.value_id, runtime.types()) {
                    json::whole(&bytes, info.value_id, runtime.types()).unwrap();
                }
            }
            for constant in pallet.constants() {
                json::whole(constant.value(), constant.ty(), runtime.types()).unwrap();
            }
        }
        for api in metadata.runtime_api_traits() {
            for method in api.methods() {
                for bytes in samples(method.output_ty(), runtime.types()) {
                    json::whole(&bytes, method.output_ty(), runtime.types()).unwrap();
                }
            }
        }
    }
}

/// Before spec 233 methods came to take an account as itself, where they had taken the sequence of its bytes.
#[test]
fn an_account_is_asked_for_as_the_runtime_describes_it_and_else_as_is_written_down() {
    let [_, undescribed, ..] = generations();
    let described = |accounts| runtime(232, &within::rewritten(metadata!("425-v15"), accounts));
    let sequence = [5_u8; 32].to_vec().encode();
    for (runtime, one) in [
        (undescribed, &sequence[..]),
        (described(Accounts::Bytes), &sequence[..]),
        (described(Accounts::Plain), &[5; 32][..]),
    ] {
        let account = AccountId([5; 32]);
        for account in [Value::Account(account), Value::Text(account.to_string())] {
            let arguments = [account];
            let asked = runtime.api_method("StakeInfoRuntimeApi", "get_stake_info_for_coldkey", &arguments).unwrap();
            assert_eq!((asked.arguments.as_slice(), asked.form), (one, Form::Within), "{runtime:?}");
        }
        let neuron = runtime.api_method("NeuronInfoRuntimeApi", "get_neuron", &[NetUid(1).into(), 2_u16.into()]);
        assert_eq!(neuron.unwrap().arguments, [1, 0, 2, 0], "{runtime:?}");
    }
}

/// The layouts that are written down for runtimes whose metadata describes no APIs, or their answers as bytes: every
/// sample is shown by name, and read as the type that a typed read wants.
#[test]
fn every_answer_that_old_metadata_does_not_describe_is_read_by_its_layout() {
    let [oldest, old, ..] = generations();
    for runtime in [oldest, old, runtime(232, &within::rewritten(metadata!("425-v15"), Accounts::Plain))] {
        let method = |api: &str, method: &str, arguments: &[Value]| {
            let found = runtime.api_method(api, method, arguments).unwrap();
            (found.outputs.clone(), found.types.clone(), found.form)
        };
        let account: Value = AccountId([5; 32]).into();
        let netuid: Value = NetUid(1).into();
        let mut read = 0;
        for (api, name, arguments) in [
            ("SubnetInfoRuntimeApi", "get_subnet_info", vec![netuid.clone()]),
            ("SubnetInfoRuntimeApi", "get_subnets_info", vec![]),
            ("SubnetInfoRuntimeApi", "get_subnet_hyperparams", vec![netuid.clone()]),
            ("NeuronInfoRuntimeApi", "get_neurons", vec![netuid.clone()]),
            ("NeuronInfoRuntimeApi", "get_neuron", vec![netuid.clone(), 0_u16.into()]),
            ("NeuronInfoRuntimeApi", "get_neurons_lite", vec![netuid.clone()]),
            ("NeuronInfoRuntimeApi", "get_neuron_lite", vec![netuid, 0_u16.into()]),
            ("DelegateInfoRuntimeApi", "get_delegates", vec![]),
            ("DelegateInfoRuntimeApi", "get_delegate", vec![account.clone()]),
            ("DelegateInfoRuntimeApi", "get_delegated", vec![account.clone()]),
            ("StakeInfoRuntimeApi", "get_stake_info_for_coldkey", vec![account.clone()]),
            ("StakeInfoRuntimeApi", "get_stake_info_for_coldkeys", vec![Value::List(vec![account])]),
            ("SubnetRegistrationRuntimeApi", "get_network_registration_cost", vec![]),
        ] {
            let (outputs, types, form) = method(api, name, &arguments);
            for output in &outputs {
                for plain in samples(*output, &types) {
                    // As the runtime sends it: bytes within bytes, none as no bytes at all.
                    let sent = match form {
                        Form::Plain => plain.clone(),
                        Form::Within => plain.encode(),
                        Form::WithinOrNone => plain[1..].to_vec().encode(),
                    };
                    let (content, found) = form.content(sent, &outputs, &types).unwrap();
                    // None looks the same in each of the layouts that an answer had.
                    assert!(content == plain && (found == *output || plain == [0]), "{name}");
                    json::whole(&content, found, &types).unwrap();
                    match name {
                        "get_subnet_hyperparams" => {
                            let entries = Hyperparameters::read_answer(name, &content, found, &types).unwrap();
                            assert!(matches!(entries.len(), 0 | 18 | 20 | 22 | 27), "{}", entries.len());
                        }
                        "get_stake_info_for_coldkey" => {
                            read::whole::<Vec<StakeInfo>>(&content, found, &types).unwrap();
                        }
                        // The same bytes as the layout that is compiled in reads.
                        "get_neurons_lite" => {
                            let neurons = json::whole(&content, found, &types).unwrap();
                            let compiled = NeuronLite::decode_all(&content).unwrap();
                            assert_eq!(neurons.as_array().map(Vec::len), Some(compiled.len()));
                            for (told, neuron) in neurons.as_array().unwrap().iter().zip(&compiled) {
                                assert_eq!(told["hotkey"], neuron.hotkey.to_string());
                                assert_eq!(told["trust"], neuron.trust);
                                assert_eq!(told["pruning_score"], neuron.pruning_score);
                            }
                        }
                        _ => {}
                    }
                    read += 1;
                }
            }
        }
        assert!(read > 100, "{read} answers");
    }
}

/// What is wrong is found before anything is asked; what is right is told by its features.
#[test]
fn absent_things_name_the_spec_and_the_nearest() {
    let [oldest, old, ..] = generations();
    let absent = old.absent(Item::Call, "SubtensorModule", "burned_registr");
    assert_eq!(
        absent.to_string(),
        "this runtime (spec 143) has no call SubtensorModule.burned_registr; nearest: SubtensorModule.burned_register"
    );
    let elsewhere = [(Item::Storage, "subtensormodule", "tempo"), (Item::Call, "SubtensorModul", "add_stak")];
    let nearest = elsewhere.map(|(item, scope, name)| old.absent(item, scope, name).nearest.unwrap());
    assert_eq!(nearest, ["SubtensorModule.Tempo", "SubtensorModule.add_stake"]);
    assert_eq!(old.absent(Item::Constant, "Nowhere", "Anything").nearest, None);
    let told = oldest.absent(Item::RuntimeApi, "SwapRuntimeApi", "current_alpha_price").to_string();
    assert!(told.starts_with("this runtime (spec 103) has no runtime API"), "{told}");
    let told = oldest.absent(Item::RuntimeApi, "SubnetInfoRuntimeApi", "get_neuron").to_string();
    assert!(told.starts_with("the metadata of this runtime (spec 103) does not describe the runtime API"), "{told}");
    let metagraph = old.absent(Item::RuntimeApi, "SubnetInfoRuntimeApi", "get_subnet_infos");
    assert_eq!(metagraph.nearest.as_deref(), Some("SubnetInfoRuntimeApi.get_subnet_info"));
    let prepared = Call::new("SubtensorModule", "add_stake_limit").encode(&old).unwrap_err();
    assert!(prepared.to_string().contains("has no call SubtensorModule.add_stake_limit; nearest:"), "{prepared}");
}

/// What is refused before the chain would is refused where the runtime has that error alone.
#[test]
fn errors_are_those_of_the_generation() {
    let [oldest, old, described @ ..] = generations();
    let of_today = [
        ("SubtensorModule", "SlippageTooHigh"),
        ("SubtensorModule", "LiquidAlphaDisabled"),
        ("AdminUtils", "InvalidValue"),
        ("AdminUtils", "ValueNotInBounds"),
        ("Swap", "PriceLimitExceeded"),
        ("Crowdloan", "BlockDurationTooShort"),
    ];
    for (pallet, error) in of_today {
        assert!(!oldest.has_error(pallet, error) && !old.has_error(pallet, error), "{pallet}.{error}");
        for runtime in &described {
            assert!(runtime.has_error(pallet, error), "{pallet}.{error}");
        }
    }
    // Renamed, and under which pallet it is counts.
    assert!(oldest.has_error("SubtensorModule", "NotEnoughStaketoWithdraw"));
    for runtime in [&oldest, &old, &described[0]] {
        assert!(
            runtime.has_error("Balances", "InsufficientBalance") && !runtime.has_error("System", "InsufficientBalance")
        );
        assert!(!runtime.has_error("Nowhere", "InsufficientBalance"));
    }
    // Where limits on trades are told, no other liquidity is beside what the pools hold.
    assert!(described.iter().all(|runtime| !runtime.has_storage("SubtensorModule", "SubnetTaoProvided")));
}

#[test]
fn features_follow_the_generations() {
    let [oldest, old, undescribed, newest, rewritten] = generations().map(|runtime| runtime.features());
    assert_eq!(newest, rewritten);
    for feature in ["senate", "pow-registration", "burned-registration", "runtime-apis"] {
        assert!(old.contains(&feature), "spec 143 lacks {feature}");
    }
    // The call is still there, and burns tao.
    assert!(!newest.contains(&"pow-registration") && !undescribed.contains(&"pow-registration"));
    assert!(oldest.contains(&"pow-registration") && !oldest.contains(&"root-weights"), "{oldest:?}");
    assert!(!newest.contains(&"senate") && !newest.contains(&"pow-registration-v2"));
    for feature in
        ["metagraph-api", "mechanisms", "hyperparameters-v3", "alpha-prices", "alpha-stake", "stake-limit-price"]
    {
        assert!(newest.contains(&feature) && !old.contains(&feature), "{feature}");
    }
    // The same runtime, described by metadata that knows of no runtime APIs.
    assert!(undescribed.contains(&"timelocked-weights") && !undescribed.contains(&"metagraph-api"));
    assert!(!newest.contains(&"baskets") && !newest.contains(&"pow-registration-v2"));
}

/// A record takes what it wants from whatever order, width and naming the runtime has.
#[test]
fn balances_are_read_from_every_form_of_the_account() {
    for runtime in generations() {
        let info = runtime.storage_info("System", "Account").unwrap();
        for bytes in samples(info.value_id, runtime.types()) {
            // A balance wider than ours is of no chain of ours: its upper half is cleared.
            let json = json::whole(&bytes, info.value_id, runtime.types()).unwrap();
            let read = Balance::from_account(&bytes, info.value_id, runtime.types());
            let free: u128 = json["data"]["free"].as_str().unwrap().parse().unwrap();
            match (u64::try_from(free), read) {
                (Ok(free), Ok(read)) => {
                    assert_eq!(
                        (read.free, u64::from(read.nonce)),
                        (Tao::from_rao(free), json["nonce"].as_u64().unwrap())
                    );
                }
                (_, Err(problem)) => assert!(problem.to_string().contains("does not fit"), "{problem}"),
                (Err(_), Ok(read)) => panic!("{read:?}"),
            }
        }
    }
}
