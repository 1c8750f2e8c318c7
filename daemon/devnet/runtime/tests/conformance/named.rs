//! Every refusal that the runtime raises and every event that it deposits is named in a test or in a recording.
//!
//! Both are read as text: what stands behind `Error::` or `Event::` in a source has to stand somewhere in a test.
//! Pallets that share a name share its test, and whether a test that has a name says enough of it is not looked at.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Refusals that nothing brings about, and why.
const UNREACHABLE: [(&str, &str); 2] = [
    ("InvalidDerivedAccountId", "any 32 bytes are an account, and a hash has as many"),
    ("LeaseNetuidNotFound", "a subnet that was just created for an account is that account's"),
];
/// Where the tests of a source begin that has some.
const TESTS: &str = "#[cfg(test)]\nmod tests {";

fn place(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// What the files with this ending hold, here and below, but for this one.
fn texts(folder: &Path, ending: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.extend(self::texts(&path, ending));
        } else if path.extension().is_some_and(|found| found == ending) && !path.ends_with("conformance/named.rs") {
            texts.push(fs::read_to_string(&path).unwrap());
        }
    }
    texts
}

fn is_of_a_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn first_word(text: &str) -> &str {
    text.split(|letter| !is_of_a_word(letter)).next().unwrap_or_default()
}

/// The variants that a source names of `kind`, or of the chain's own one seen from another pallet.
fn variants(kind: &str, source: &str) -> BTreeSet<String> {
    let path = format!("{kind}::");
    let all = source.match_indices(&path).filter_map(|(start, path)| {
        let before = source[..start].rsplit(|letter| !is_of_a_word(letter)).next().unwrap_or_default();
        let after = &source[start + path.len()..];
        let after = if after.starts_with('<') { after.split_once(">::")?.1 } else { after };
        let name = first_word(after);
        (["", "Chain"].contains(&before) && name.starts_with(char::is_uppercase)).then(|| name.to_owned())
    });
    all.collect()
}

#[test]
fn every_refusal_and_every_event_has_a_test() {
    let sources = texts(&place("src"), "rs");
    let parts: Vec<(&str, &str)> =
        sources.iter().map(|source| source.split_once(TESTS).unwrap_or((source, ""))).collect();
    let mut tests = texts(&place("tests"), "rs");
    tests.extend(texts(&place("../tests"), "rs"));
    tests.extend(texts(&place("../../../tests/vectors/economy"), "json"));
    tests.extend(parts.iter().map(|(_, tests)| (*tests).to_owned()));
    let named: BTreeSet<&str> = tests.iter().flat_map(|test| test.split(|letter| !is_of_a_word(letter))).collect();
    let used = |kind: &str| parts.iter().flat_map(|(source, _)| variants(kind, source)).collect::<BTreeSet<String>>();
    let (refusals, events) = (used("Error"), used("Event"));
    assert!(refusals.len() > 150 && events.len() > 100, "{} and {}: too few", refusals.len(), events.len());

    let missing = |all: &BTreeSet<String>| {
        all.iter().filter(|name| !named.contains(name.as_str())).map(String::clone).collect::<Vec<_>>()
    };
    assert_eq!(missing(&events), [""; 0], "no test names these events");
    assert_eq!(missing(&refusals), UNREACHABLE.map(|(name, _)| name), "no test names these refusals (left)");
}

#[test]
fn variants_are_told_from_what_looks_like_them() {
    let source = "Error::<T>::One; ChainError::<T>::Two; Error::Three; DispatchError::Four; Error::from(5); Error::<T>";
    assert_eq!(variants("Error", source).into_iter().collect::<Vec<_>>(), ["One", "Three", "Two"]);
}
