//! HTTP/3 without sockets over the committed corpora, and over some thousand changes of them.
//!
//! The example `fuzz_quic` runs it for as long as one likes. What once failed belongs into the corpus.
#![allow(clippy::panic, clippy::indexing_slicing)]

#[expect(dead_code, reason = "the command is the example's")]
#[path = "../../../keys/tests/fuzz/driver.rs"]
mod driver;
#[path = "../../../keys/tests/fuzz/mutation.rs"]
mod mutation;

/// Changes of the corpus that each target gets here.
const EXECUTIONS: u64 = 2_000;

#[test]
fn every_target_bears_its_corpus_and_its_mutations() {
    let targets: [driver::Target; 2] =
        [("http3", crate::axon::foreign::http3), ("http3_reply", crate::dendrite::foreign::http3_reply)];
    for (name, target) in targets {
        let entries = driver::bear((name, target), 0..EXECUTIONS).unwrap_or_else(|failed| panic!("{failed}"));
        assert!(entries >= 9, "{name} has {entries} entries");
    }
}
