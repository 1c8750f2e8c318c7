//! Every parser of strangers' bytes over its committed corpus, and over some thousand changes of it.
//!
//! The example `fuzz_wire` runs one target for as long as one likes. What once failed belongs into the
//! corpus.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../keys/tests/fuzz/driver.rs"]
mod driver;
#[path = "../../../keys/tests/fuzz/mutation.rs"]
mod mutation;
mod targets;

use targets::TARGETS;

/// Changes of the corpus that each target gets here.
const EXECUTIONS: u64 = 2_000;

#[test]
fn every_target_bears_its_corpus_and_its_mutations() {
    for (name, target) in TARGETS {
        let entries = driver::bear((name, target), 0..EXECUTIONS).unwrap_or_else(|failed| panic!("{failed}"));
        assert!(entries >= 4, "{name} has {entries} entries");
    }
}

#[test]
fn a_mistyped_target_is_no_success() {
    let arguments = ["requets".to_owned(), "1".to_owned()];
    let error = driver::command(&TARGETS, &arguments).unwrap_err();
    assert!(error.to_string().starts_with("no target is called requets: there are "), "{error}");
}
