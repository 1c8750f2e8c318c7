//! Runs the parsers of foreign bytes over changes of their corpora: `fuzz_keys TARGET|all [COUNT] [FIRST]`.
//!
//! What the arguments mean is said at the head of the driver.

#[path = "../tests/fuzz/driver.rs"]
mod driver;
#[path = "../tests/fuzz/mutation.rs"]
mod mutation;

use std::error::Error;

use btd_keys::foreign::TARGETS;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    driver::command(TARGETS, &arguments)
}
