//! Commands as the lists have them, how they are typed, and how what they said is kept.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Output, Stdio},
};

use btd_tests::{Host, senate};

use crate::settled::settled;

const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
const CHARLIE: &str = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y";
const EVE: &str = "5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw";
/// An ed25519 key.
const EDDY: &str = "5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu";
/// What a key is restored from where `--secret-stdin` is typed.
const SECRET: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk\n";
/// The password where `--password-stdin` is typed.
const PASSWORD: &str = "a long enough passphrase 1\n";
/// Of longer answers the beginning is kept, and how long they are.
const MOST_LINES: usize = 24;
const MOST_CHARACTERS: usize = 1_200;

/// A command, and what it does.
pub(crate) struct Typed {
    pub(crate) kind: char,
    pub(crate) words: Vec<String>,
}

/// A word of a list, where it stands for what is too long for a line, or for the home of a host.
pub(crate) fn in_full(word: &str, host: &Host) -> String {
    match word {
        "HASH" => format!("0x{}", "11".repeat(32)),
        "SIGNATURE" => "00".repeat(64),
        "CALL" => r#"{"pallet":"System","call":"remark","args":{"remark":"0x00"}}"#.to_owned(),
        "PROPOSAL" => senate::PROPOSAL.to_owned(),
        "TEXT" => "text: str".to_owned(),
        word if word.starts_with("HOME/") => word.replacen("HOME", &home(host), 1),
        word => word
            .replace("ALICE", ALICE)
            .replace("BOB", BOB)
            .replace("EDDY", EDDY)
            .replace("CHARLIE", CHARLIE)
            .replace("EVE", EVE),
    }
}

pub(crate) fn home(host: &Host) -> String {
    host.path("").to_string_lossy().trim_end_matches('/').to_owned()
}

/// The commands of `commands.txt` of these kinds.
pub(crate) fn commands(host: &Host, kinds: &str) -> Vec<Typed> {
    let read = |line: &str| {
        let (kind, words) = line.split_once(' ').expect("a letter and a command");
        Typed { kind: kind.chars().next().unwrap(), words: words.split(' ').map(|word| in_full(word, host)).collect() }
    };
    lines(include_str!("commands.txt")).map(read).filter(|typed| kinds.contains(typed.kind)).collect()
}

/// The lines of a list, without what is said about them.
pub(crate) fn lines(list: &str) -> impl Iterator<Item = &str> {
    list.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
}

/// Types a command with no terminal. Where it reads a secret or a password from standard input, they stand there.
pub(crate) fn typed(host: &Host, words: &[String]) -> Output {
    let has = |flag: &str| words.iter().any(|word| word == flag);
    let read: String = [("--secret-stdin", SECRET), ("--password-stdin", PASSWORD)]
        .into_iter()
        .filter_map(|(flag, line)| has(flag).then_some(line))
        .collect();
    let mut command = host.command_of("btctl");
    command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    if read.is_empty() {
        return command.output().unwrap();
    }
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // Who refuses first reads nothing.
    let _ = child.stdin.take().unwrap().write_all(read.as_bytes());
    child.wait_with_output().unwrap()
}

/// Writes down what a command said.
pub(crate) fn record(transcript: &mut String, host: &Host, typed: &[String], output: &Output) {
    let stream = |name: &str, bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
        if text.is_empty() { String::new() } else { format!("--- {name}\n{}{end}", shortened(&settled(&text, host))) }
    };
    let words = settled(&typed.join(" "), host);
    let code = output.status.code().expect("btctl was killed");
    writeln!(transcript, "$ btctl {words}\n--- exit {code}").unwrap();
    transcript.push_str(&stream("stdout", &output.stdout));
    transcript.push_str(&stream("stderr", &output.stderr));
    transcript.push('\n');
}

fn shortened(text: &str) -> String {
    let (lines, characters) = (text.lines().count(), text.chars().count());
    if lines <= MOST_LINES && characters <= MOST_CHARACTERS {
        return text.to_owned();
    }
    // How long the whole is may depend on the width of a number that differs.
    let begins: String = text.lines().take(MOST_LINES).collect::<Vec<_>>().join("\n");
    let begins: String = begins.chars().take(MOST_CHARACTERS).collect();
    format!("{begins}\n[...]\n")
}

/// Where is kept what was once said.
pub(crate) fn snapshots(circumstance: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("transcripts").join(format!("{circumstance}.txt"))
}

/// Compares with what was once kept, or keeps it.
pub(crate) fn kept(circumstance: &str, transcript: &str) {
    let file = snapshots(circumstance);
    if std::env::var_os("BTD_TRANSCRIPTS").is_some() {
        fs::write(&file, transcript).unwrap();
        return;
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    for (number, (was, is)) in (1..).zip(kept.lines().zip(transcript.lines())) {
        assert_eq!(was, is, "{circumstance}.txt, line {number}: BTD_TRANSCRIPTS=write writes it anew");
    }
    assert_eq!(kept.lines().count(), transcript.lines().count(), "{circumstance}.txt");
}
