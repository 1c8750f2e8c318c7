//! Runs targets over changes of their corpora, as a test of some thousand or as a command of as many as one
//! likes: `TARGET|all [COUNT] [FIRST]`.
//!
//! Without a count one million. The command prints one line for each target; at a failure it names the
//! number, which gives the same bytes again, and writes them to standard output for the corpus.

use std::{
    error::Error,
    io::Write,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use super::mutation::{Random, corpus, mutate};

/// A target by name: takes any bytes and must not panic.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Bytes that a target did not bear.
#[derive(Debug)]
pub(crate) struct Failed {
    what: String,
    bytes: Vec<u8>,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.bytes.escape_ascii())
    }
}

/// Runs a target over its corpus and over the changes of these numbers. Gives the entries of the corpus.
pub(crate) fn bear((name, target): Target, numbers: Range<u64>) -> Result<usize, Failed> {
    let corpus = corpus(name);
    let run = |what: String, bytes: Vec<u8>| {
        let survived = catch_unwind(AssertUnwindSafe(|| target(&bytes))).is_ok();
        if survived { Ok(()) } else { Err(Failed { what, bytes }) }
    };
    for (entry, bytes) in &corpus {
        run(format!("{name} fails on its entry {entry}"), bytes.clone())?;
    }
    for number in numbers {
        let bytes = mutate(&corpus, &mut Random::new(number));
        if let Err(failed) = run(String::new(), bytes) {
            return Err(Failed { what: format!("{name} fails on change {number}"), ..failed });
        }
    }
    Ok(corpus.len())
}

/// What the arguments of the command ask for.
pub(crate) fn command(targets: &[Target], arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let wanted = arguments.first().map_or("all", String::as_str);
    let chosen: Vec<Target> = targets.iter().copied().filter(|(name, _)| wanted == "all" || wanted == *name).collect();
    if chosen.is_empty() {
        let names: Vec<_> = targets.iter().map(|(name, _)| *name).collect();
        return Err(format!("no target is called {wanted}: there are {} and all", names.join(", ")).into());
    }
    let count = arguments.get(1).map_or(Ok(1_000_000), |text| text.parse::<u64>())?;
    let first = arguments.get(2).map_or(Ok(0), |text| text.parse::<u64>())?;
    for (name, target) in chosen {
        let start = Instant::now();
        let entries = match bear((name, target), first..first.saturating_add(count)) {
            Ok(entries) => entries,
            Err(Failed { what, bytes }) => {
                std::io::stdout().write_all(&bytes)?;
                return Err(what.into());
            }
        };
        let seconds = start.elapsed().as_secs();
        writeln!(std::io::stderr(), "{name:12} {count} executions over {entries} entries, {seconds} s")?;
    }
    Ok(())
}
