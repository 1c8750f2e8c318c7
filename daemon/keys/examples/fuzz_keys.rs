//! Runs the parsers of foreign bytes over changes of their corpora: `fuzz TARGET|all [COUNT] [FIRST]`.
//!
//! Without a count one million. Prints one line for each target; at a failure it names the number,
//! which gives the same bytes again, and writes them to standard output for the corpus.

#[path = "../tests/fuzz/mutation.rs"]
mod mutation;

use std::{
    error::Error,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use btd_keys::foreign::TARGETS;
use mutation::{Random, corpus, mutate};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted = arguments.first().map_or("all", String::as_str);
    let count = arguments.get(1).map_or(Ok(1_000_000), |text| text.parse::<u64>())?;
    let first = arguments.get(2).map_or(Ok(0), |text| text.parse::<u64>())?;
    for (name, target) in TARGETS.iter().filter(|(name, _)| wanted == "all" || wanted == *name) {
        let corpus = corpus(name);
        let start = Instant::now();
        for number in first..first + count {
            let bytes = mutate(&corpus, &mut Random::new(number));
            if catch_unwind(AssertUnwindSafe(|| target(&bytes))).is_err() {
                std::io::stdout().write_all(&bytes)?;
                return Err(format!("{name} fails on change {number}").into());
            }
        }
        let seconds = start.elapsed().as_secs();
        writeln!(std::io::stderr(), "{name:12} {count} executions over {} entries, {seconds} s", corpus.len())?;
    }
    Ok(())
}
