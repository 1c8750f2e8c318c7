//! Runs HTTP/3 of the axon and of the dendrite over changes of their corpora:
//! `fuzz_quic TARGET|all [COUNT] [FIRST]`.
//!
//! What the arguments mean is said at the head of the driver.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../keys/tests/fuzz/driver.rs"]
mod driver;
#[path = "../keys/tests/fuzz/mutation.rs"]
mod mutation;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let targets: [driver::Target; 2] =
        [("http3", btd::axon::foreign::http3), ("http3_reply", btd::dendrite::foreign::http3_reply)];
    driver::command(&targets, &arguments)
}
