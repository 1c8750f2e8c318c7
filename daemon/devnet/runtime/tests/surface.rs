//! Compares the runtime's metadata with the surface of the real one, spec 425.
//!
//! `vectors/surface-425.txt` lists the real surface; `vectors/surface-differences.txt` names what this chain leaves out
//! or has besides, each with its reason. Any other difference fails, and so does a reason that no longer applies.
//! `examples/surface.rs` makes such a listing.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

#[path = "surface/listing.rs"]
mod listing;

use std::collections::BTreeSet;

use btd_devnet_runtime::{GenesisSpec, Runtime, genesis};

const REAL: &str = include_str!("vectors/surface-425.txt");
const DIFFERENCES: &str = include_str!("vectors/surface-differences.txt");

fn ours() -> BTreeSet<String> {
    let mut externalities = sp_io::TestExternalities::new(genesis(&GenesisSpec::default()).unwrap());
    let metadata = externalities.execute_with(|| Runtime::metadata_at_version(15)).expect("version 15 is served");
    listing::lines(&listing::decode(&metadata))
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
    let ours = ours();
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

#[test]
fn patterns_match_whole_lines() {
    assert!(matches("- pallet EVM*", "- pallet EVM call 0"));
    assert!(matches("- pallet EVM = 22", "- pallet EVM = 22"));
    assert!(!matches("- pallet EVM", "- pallet EVM = 22"));
    assert!(matches("- a * c", "- a b c"));
    assert!(!matches("- a * c", "- a b d"));
}
