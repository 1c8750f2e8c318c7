//! Runs the parsers of strangers' bytes over changes of their corpora: `fuzz_wire TARGET|all [COUNT] [FIRST]`.
//!
//! What the arguments mean is said at the head of the driver.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../keys/tests/fuzz/driver.rs"]
mod driver;
#[path = "../../keys/tests/fuzz/mutation.rs"]
mod mutation;
#[path = "../tests/fuzz/targets.rs"]
mod targets;

use std::error::Error;

use targets::TARGETS;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    driver::command(&TARGETS, &arguments)
}
