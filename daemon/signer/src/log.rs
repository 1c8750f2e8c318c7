//! The signer's log: lines on stderr, each after its level as systemd writes it (`<6>`).
//!
//! The journal reads them as they are; a daemon that started the signer reads them and passes them
//! on in its own form. Nothing here or in what is logged knows a secret.

use std::{
    fmt,
    io::{Write, stderr},
};

/// Something changed.
pub(crate) fn info(words: fmt::Arguments<'_>) {
    line(6, words);
}

/// Something that an operator should look at.
pub(crate) fn warn(words: fmt::Arguments<'_>) {
    line(4, words);
}

/// Something went wrong.
pub(crate) fn error(words: fmt::Arguments<'_>) {
    line(3, words);
}

fn line(level: u8, words: fmt::Arguments<'_>) {
    // One write a line, and no matter if nobody reads.
    let _ = stderr().lock().write_all(format!("<{level}>{words}\n").as_bytes());
}
