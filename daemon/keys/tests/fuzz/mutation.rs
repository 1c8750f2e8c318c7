//! Changed bytes from good ones: what a fuzzer does, without its feedback.
//!
//! The same seed gives the same bytes, so a failure is found again by its number.

use std::{fs, path::Path};

/// Entries longer than this only grow slower to parse. Texts of messages are read in another way from 16 KiB on.
const LONGEST: usize = 20 * 1024;

/// Pieces at which parsers look twice.
const PIECES: &[&[u8]] = &[
    b"{",
    b"}",
    b"\"",
    b":",
    b",",
    b"null",
    b"0",
    b"-1",
    b"1e999",
    b"\\u0000",
    b"\\ud800",
    b"[",
    b"]",
    b"0x",
    b"//",
    b"///",
    b"/",
    b" ",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"$NACL",
    b"$ANSIBLE_VAULT;1.1;AES256\n",
    b"gAAAAA",
    b"$BTD_KEY;",
    b"sealed: ",
    b"m=",
    b"secretPhrase",
    b"secretSeed",
    b"privateKey",
    b"ss58Address",
    b"cryptoType",
    b"encoded",
    b"encoding",
    b"abandon",
    b"about",
    b"zoo",
    b"=",
    b"==",
    b"5",
    b"\xc3\x9f",
    b"Ed25519",
];

/// A small generator of numbers (splitmix64). Not for secrets.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or_default()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// The committed entries of a target, by name.
pub(crate) fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut entries: Vec<_> = entries
        .map(|entry| {
            entry.and_then(|entry| Ok((entry.file_name().into_string().unwrap_or_default(), fs::read(entry.path())?)))
        })
        .collect::<Result<_, _>>()
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    entries.sort();
    entries
}

/// An entry of the corpus with one to four changes.
pub(crate) fn mutate(corpus: &[(String, Vec<u8>)], random: &mut Random) -> Vec<u8> {
    let mut bytes = corpus[random.below(corpus.len())].1.clone();
    for _ in 0..=random.below(4) {
        change(&mut bytes, corpus, random);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(bytes: &mut Vec<u8>, corpus: &[(String, Vec<u8>)], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let end = at + random.below(bytes.len() - at + 1).min(64);
    match random.below(9) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 if at < bytes.len() => bytes[at] = random.byte(),
        2 => bytes.insert(at, random.byte()),
        3 => drop(bytes.drain(at..end)),
        4 => {
            let piece = bytes[at..end].to_vec();
            drop(bytes.splice(at..at, piece));
        }
        5 => drop(bytes.splice(at..at, PIECES[random.below(PIECES.len())].iter().copied())),
        6 => drop(bytes.splice(at..end, PIECES[random.below(PIECES.len())].iter().copied())),
        7 => bytes.truncate(at),
        _ => {
            let other = &corpus[random.below(corpus.len())].1;
            let from = random.below(other.len() + 1);
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
    }
}
