//! Lists the surface of any metadata file in stable lines: how `tests/vectors/surface-425.txt` was made.
//!
//! `cargo run -p btd-devnet-runtime --example surface -- METADATA > LISTING`, where METADATA is what
//! a node answers to `state_getMetadata` or `Metadata_metadata_at_version`, as bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a tool that cannot go on stops here")]

#[path = "../tests/surface/listing.rs"]
mod listing;

use std::io::Write;

fn main() -> std::io::Result<()> {
    let path = std::env::args_os().nth(1).ok_or_else(|| std::io::Error::other("name a file of metadata"))?;
    let metadata = std::fs::read(path)?;
    let mut out = std::io::stdout().lock();
    for line in listing::lines(&listing::decode(&metadata)) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
