//! Every parser of strangers' bytes over its committed corpus, and over some thousand changes of it.
//!
//! The example `fuzz` runs one target for as long as one likes. What once failed belongs into the
//! corpus.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../keys/tests/fuzz/mutation.rs"]
mod mutation;
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};

use mutation::{Random, corpus, mutate};
use targets::TARGETS;

/// Changes of the corpus that each target gets here.
const EXECUTIONS: u64 = 2_000;

#[test]
fn every_target_bears_its_corpus_and_its_mutations() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        assert!(corpus.len() >= 4, "{name} has {} entries", corpus.len());
        for (entry, bytes) in &corpus {
            assert!(catch_unwind(|| target(bytes)).is_ok(), "{name} fails on its entry {entry}");
        }
        for number in 0..EXECUTIONS {
            let bytes = mutate(&corpus, &mut Random::new(number));
            let survived = catch_unwind(AssertUnwindSafe(|| target(&bytes))).is_ok();
            assert!(survived, "{name} fails on change {number}: {}", bytes.escape_ascii());
        }
    }
}
