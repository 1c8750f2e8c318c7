//! Compares the runtime's metadata with the surface of the real one, spec 425.
//!
//! `vectors/surface-425.txt` lists the real surface; `vectors/surface-differences.txt` names what this chain leaves out
//! or has besides, each with its reason. Any other difference fails, and so does a reason that no longer applies.
//! `examples/surface.rs` makes such a listing.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

#[path = "surface/listing.rs"]
mod listing;

use std::collections::{BTreeMap, BTreeSet};

use btd_devnet_runtime::{GenesisSpec, genesis, metadata};
use codec::Decode;
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};
use scale_info::{TypeDef, form::PortableForm};

const REAL: &str = include_str!("vectors/surface-425.txt");
const REAL_METADATA: &[u8] = include_bytes!("../../../../tests/vectors/metadata/metadata-425-v15.scale");
/// Pallets whose errors are written here; the others are the SDK's own.
const PALLETS: [&str; 9] =
    ["SubtensorModule", "AdminUtils", "Commitments", "Crowdloan", "Drand", "MevShield", "Proxy", "Swap", "Utility"];
const DIFFERENCES: &str = include_str!("vectors/surface-differences.txt");

fn our_metadata(version: u32) -> Vec<u8> {
    let mut externalities = sp_io::TestExternalities::new(genesis(&GenesisSpec::default()).unwrap());
    externalities.execute_with(|| metadata::at_version(version)).expect("the version is served").to_vec()
}

/// What clients show for each error.
fn words(metadata: &[u8]) -> BTreeMap<(String, String), String> {
    let metadata = listing::decode(metadata);
    let mut words = BTreeMap::new();
    for pallet in &metadata.pallets {
        let Some(error) = &pallet.error else { continue };
        let TypeDef::Variant(errors) = &metadata.types.resolve(error.ty.id).unwrap().type_def else { continue };
        for error in &errors.variants {
            words.insert((pallet.name.clone(), error.name.clone()), error.docs.join(" "));
        }
    }
    words
}

#[test]
fn errors_say_what_the_real_ones_say() {
    let ours = words(&our_metadata(15));
    let silent: Vec<_> = ours.iter().filter(|(_, words)| words.is_empty()).map(|(error, _)| error).collect();
    assert!(silent.is_empty(), "clients have nothing to show for {silent:?}");
    for ((pallet, error), real) in
        words(REAL_METADATA).into_iter().filter(|((pallet, _), _)| PALLETS.contains(&&**pallet))
    {
        // Brackets would be links that lead nowhere.
        let real = real.replace(['[', ']'], "");
        assert_eq!(ours.get(&(pallet.clone(), error.clone())), Some(&real), "{pallet}.{error}");
    }
}

#[test]
fn calls_are_of_one_type_wherever_one_stands() {
    for version in [14, 15, 16] {
        let metadata = our_metadata(version);
        let (types, outermost) = match RuntimeMetadataPrefixed::decode(&mut metadata.as_slice()).unwrap().1 {
            RuntimeMetadata::V14(metadata) => (metadata.types, None),
            RuntimeMetadata::V15(metadata) => (metadata.types, Some(metadata.extrinsic.call_ty.id)),
            RuntimeMetadata::V16(metadata) => (metadata.types, Some(metadata.extrinsic.call_ty.id)),
            other => panic!("{other:?}"),
        };
        let is_call = |path: &[String]| path.last().is_some_and(|name| name == "RuntimeCall");
        let calls: Vec<u32> = types.types.iter().filter(|ty| is_call(&ty.ty.path.segments)).map(|ty| ty.id).collect();
        assert_eq!(calls.len(), 1, "version {version}");
        assert!(outermost.is_none_or(|ty| ty == calls[0]), "version {version}");
        // Every field that holds a call names that one.
        let held = types.types.iter().filter_map(|ty| match &ty.ty.type_def {
            TypeDef::Variant(calls) if ty.ty.path.segments.last().is_some_and(|name| name == "Call") => Some(calls),
            _ => None,
        });
        let fields = held.flat_map(|calls| &calls.variants).flat_map(|call| &call.fields);
        let boxed = |field: &&scale_info::Field<PortableForm>| {
            field.type_name.as_ref().is_some_and(|name| name.starts_with("Box<") && name.contains("RuntimeCall"))
        };
        let boxed: Vec<u32> = fields.filter(boxed).map(|field| field.ty.id).collect();
        assert!(boxed.len() > 8 && boxed.iter().all(|ty| *ty == calls[0]), "version {version}: {boxed:?}");
    }
}

/// Whether `text` is `pattern`, in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn every_difference_from_the_real_surface_is_wanted() {
    let real: BTreeSet<String> = REAL.lines().map(str::to_owned).collect();
    let ours = listing::lines(&listing::decode(&our_metadata(15)));
    let missing = real.difference(&ours).map(|line| format!("- {line}"));
    let besides = ours.difference(&real).map(|line| format!("+ {line}"));
    let differences: Vec<String> = missing.chain(besides).collect();

    let mut wanted = Vec::new();
    let mut reason = "";
    for line in DIFFERENCES.lines().filter(|line| !line.is_empty()) {
        if let Some(text) = line.strip_prefix("# ") {
            reason = text;
        } else {
            assert!(!reason.is_empty(), "no reason stands above: {line}");
            wanted.push(line);
        }
    }
    let unlisted: Vec<&String> =
        differences.iter().filter(|difference| !wanted.iter().any(|pattern| matches(pattern, difference))).collect();
    let gone: Vec<&&str> =
        wanted.iter().filter(|pattern| !differences.iter().any(|difference| matches(pattern, difference))).collect();
    assert!(unlisted.is_empty(), "{} unlisted differences:\n{}", unlisted.len(), join(&unlisted));
    assert!(gone.is_empty(), "{} listed differences no longer exist:\n{}", gone.len(), join(&gone));
}

fn join(lines: &[impl AsRef<str>]) -> String {
    lines.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("\n")
}

/// Names of the calls in a source whose weight is marked as never recorded.
fn unrecorded(pallet: &str, source: &str) -> Vec<String> {
    let mut marked = false;
    let mut names = Vec::new();
    for line in source.lines() {
        marked |= line.trim_end().ends_with("// not recorded");
        if let Some((_, rest)) = line.split_once("pub fn ") {
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            if core::mem::take(&mut marked) {
                names.push(format!("{pallet}.{name}"));
            }
        }
    }
    names
}

#[test]
fn calls_whose_weight_was_never_recorded_are_listed() {
    let sources = [
        ("AdminUtils", include_str!("../src/admin/calls.rs")),
        ("Crowdloan", include_str!("../src/crowdloan.rs")),
        ("MevShield", include_str!("../src/shield.rs")),
        ("Proxy", include_str!("../src/proxy.rs")),
        ("SubtensorModule", include_str!("../src/subtensor/calls.rs")),
        ("Swap", include_str!("../src/swap.rs")),
    ];
    let marked: Vec<String> = sources.iter().flat_map(|(pallet, source)| unrecorded(pallet, source)).collect();
    let listed = include_str!("vectors/weights-not-recorded.txt").lines();
    let listed: Vec<&str> = listed.filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(join(&marked), join(&listed));
}

#[test]
fn patterns_match_whole_lines() {
    assert!(matches("- pallet EVM*", "- pallet EVM call 0"));
    assert!(matches("- pallet EVM = 22", "- pallet EVM = 22"));
    assert!(!matches("- pallet EVM", "- pallet EVM = 22"));
    assert!(matches("- a * c", "- a b c"));
    assert!(!matches("- a * c", "- a b d"));
}
