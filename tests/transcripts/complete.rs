//! That nothing is left out: each command is kept where it succeeds, and each that uses a key where that is locked.

use std::{collections::BTreeSet, fs};

use btd_tests::Host;

use crate::{
    sent::LOCKED,
    typed::{commands, snapshots},
};

/// Where something is kept of commands that do what they are for, and of locked wallets.
const TOLD: [&str; 5] = ["devnet", "no-wallet", "signed", "legacy", "once"];
const TOLD_WHEN_LOCKED: [&str; 3] = ["locked-signed", "locked-legacy", "locked-once"];

const NO_DELEGATES: &str =
    "no development chain has SubtensorModule.become_delegate: every hotkey on root is a delegate";
const MUCH_WORK: &str = "a million hashes each time: tests/governance.rs shows that they are paid for";

/// The commands that succeed nowhere, and why.
const NEVER_SUCCEEDS: [(&str, &str); 3] =
    [("root nominate", NO_DELEGATES), ("wallet faucet", MUCH_WORK), ("legacy faucet", MUCH_WORK)];

/// The commands that use a key, and which a locked one does not stop, and why.
const NEVER_LOCKED: [(&str, &str); 6] = [
    ("root nominate", NO_DELEGATES),
    ("stake wizard", "it asks on a terminal, where the password is asked for too"),
    ("wallet unlock", "it unlocks"),
    ("wallet lock", "it locks"),
    ("wallet convert", "it reads the key with the password"),
    ("wallet update", "it reads the key with the password"),
];

/// A command that was typed, and how it ended.
struct Kept {
    /// Its words, and a space behind the last.
    words: String,
    code: i32,
}

// === impl Kept ===

impl Kept {
    fn all(circumstances: &[&str]) -> Vec<Self> {
        let text = |circumstance: &&str| fs::read_to_string(snapshots(circumstance)).unwrap();
        let text: String = circumstances.iter().map(text).collect();
        let pairs = text.lines().zip(text.lines().skip(1));
        let read = |(typed, ended): (&str, &str)| {
            let words = format!("{} ", typed.strip_prefix("$ btctl ")?);
            Some(Self { words, code: ended.strip_prefix("--- exit ")?.parse().ok()? })
        };
        pairs.filter_map(read).collect()
    }

    fn is(&self, path: &str, in_json: bool, code: i32) -> bool {
        self.code == code
            && self.words.starts_with(&format!("{path} "))
            && self.words.contains(" --json ") == in_json
            && !self.words.contains(" --dry-run ")
    }
}

/// The commands that have none below them, as `--help` tells.
fn leaves(host: &Host, path: &[&str], found: &mut BTreeSet<String>) {
    let output = host.btctl(&[path, &["--help"]].concat());
    let help = String::from_utf8(output.stdout).unwrap();
    let Some((_, list)) = help.split_once("\nCommands:\n") else {
        found.insert(path.join(" "));
        return;
    };
    let names = list.lines().take_while(|line| !line.is_empty());
    let names = names.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    for name in names.filter_map(|line| line.split(' ').next()).filter(|name| *name != "help") {
        leaves(host, &[path, &[name]].concat(), found);
    }
}

/// Those of `all` of which nothing is kept that ended so, as text or as JSON. The exceptions are exceptions.
fn lacking<'a>(all: &'a BTreeSet<String>, kept: &[Kept], code: i32, exceptions: &[(&str, &str)]) -> Vec<&'a String> {
    let has = |path: &str, in_json: bool| kept.iter().any(|one| one.is(path, in_json, code));
    for (path, why) in exceptions {
        assert!(all.contains(*path), "{path} is an exception, and no command of these");
        assert!(!has(path, false) && !has(path, true), "{path} is no exception any more: {why}");
    }
    let is_exception = |path: &str| exceptions.iter().any(|(exception, _)| *exception == path);
    all.iter().filter(|path| !(is_exception(path) || has(path, false) && has(path, true))).collect()
}

#[test]
fn every_command_has_a_transcript_of_its_success() {
    let mut all = BTreeSet::new();
    leaves(&Host::new(), &[], &mut all);
    let lacking = lacking(&all, &Kept::all(&TOLD), 0, &NEVER_SUCCEEDS);
    assert!(lacking.is_empty(), "it is kept nowhere that they succeed as text and as JSON: {lacking:?}");
}

#[test]
fn every_command_that_uses_a_key_has_a_transcript_of_a_locked_one() {
    let host = Host::new();
    let mut all = BTreeSet::new();
    leaves(&host, &[], &mut all);
    let typed: Vec<String> = commands(&host, "sxu").iter().map(|typed| typed.words.join(" ") + " ").collect();
    let uses_a_key = |path: &String| typed.iter().any(|words| words.starts_with(&format!("{path} ")));
    let all: BTreeSet<String> = all.into_iter().filter(uses_a_key).collect();
    let lacking = lacking(&all, &Kept::all(&TOLD_WHEN_LOCKED), LOCKED, &NEVER_LOCKED);
    assert!(lacking.is_empty(), "it is kept nowhere how a locked key stops them, as text and as JSON: {lacking:?}");
}
