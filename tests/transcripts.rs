//! What every command says, on which stream and with which exit code: against a development chain that stands
//! still, and where the wallet is missing, the wallet is locked, the daemon is not there, or the chain is not.
//!
//! `tests/transcripts/commands.txt` lists the commands; beside it lie the snapshots, one for each circumstance,
//! with and without `--json`. `signed-commands.txt` and `legacy-commands.txt` list those that are signed and sent, in
//! the order in which they are typed on one chain that makes a block for each. What differs from run to run (ages, ports, paths, hashes) is written as a word.
//! `BTD_TRANSCRIPTS=write` writes them anew; read the difference before keeping it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeSet, fmt::Write as _, fs, io::Write as _, path::PathBuf, process::Output};

use btd_tests::{Host, binary, senate, wait_for};
use serde_json::Value;

const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
const CHARLIE: &str = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y";
const EVE: &str = "5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw";
/// An ed25519 key.
const EDDY: &str = "5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu";
/// A block an hour: the chain stands still while it is looked at.
const STILL: [&str; 4] = ["--network", "devnet", "--block-time", "1h"];
/// Of longer answers the beginning is kept, and how long they are.
const MOST_LINES: usize = 24;
const MOST_CHARACTERS: usize = 1_200;

/// A command, and what it does.
struct Typed {
    kind: char,
    words: Vec<String>,
}

/// A word of a list, where it stands for what is too long for a line, or for the home of a host.
fn in_full(word: &str, host: &Host) -> String {
    match word {
        "HASH" => format!("0x{}", "11".repeat(32)),
        "SIGNATURE" => "00".repeat(64),
        "CALL" => r#"{"pallet":"System","call":"remark","args":{"remark":"0x00"}}"#.to_owned(),
        "PROPOSAL" => senate::PROPOSAL.to_owned(),
        word if word.starts_with("HOME/") => word.replacen("HOME", &home(host), 1),
        word => word
            .replace("ALICE", ALICE)
            .replace("BOB", BOB)
            .replace("EDDY", EDDY)
            .replace("CHARLIE", CHARLIE)
            .replace("EVE", EVE),
    }
}

fn home(host: &Host) -> String {
    host.path("").to_string_lossy().trim_end_matches('/').to_owned()
}

fn commands(host: &Host) -> Vec<Typed> {
    let list = include_str!("transcripts/commands.txt");
    let lines = list.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let read = |line: &str| {
        let (kind, words) = line.split_once(' ').expect("a letter and a command");
        Typed { kind: kind.chars().next().unwrap(), words: words.split(' ').map(|word| in_full(word, host)).collect() }
    };
    lines.map(read).collect()
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

/// `text` with what differs from run to run written as a word.
fn settled(text: &str, host: &Host) -> String {
    let binaries = binary("btctl").parent().unwrap().to_string_lossy().into_owned();
    let text = text.replace(&home(host), "HOME").replace(&binaries, "BINARIES");
    let mut settled = String::new();
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        let hex = |text: &str| text.chars().take_while(char::is_ascii_hexdigit).count();
        let is_within = settled.ends_with(|before: char| before.is_ascii_hexdigit());
        let (skipped, name) = match rest.strip_prefix("0x").map(hex) {
            Some(64) => (66, "0xHASH"),
            // `hello`, sealed.
            Some(106) => (108, "0xSEALED"),
            _ if !is_within && hex(rest) == 128 => (128, "SIGNATURE"),
            _ => match rest.strip_prefix("127.0.0.1:").map(digits) {
                Some(port) if port > 1 => ("127.0.0.1:".len() + port, "127.0.0.1:PORT"),
                _ => volatile(rest).unwrap_or((0, "")),
            },
        };
        settled.push_str(name);
        if skipped == 0 {
            settled.push(c);
        }
        rest = &rest[skipped.max(c.len_utf8())..];
    }
    untimed(&unplaced(&settled))
}

/// The same with what hangs on where these programs lie, and on which moment of an attempt to connect is caught,
/// written as a word.
fn unplaced(text: &str) -> String {
    let mut unplaced = String::new();
    for line in text.split_inclusive('\n') {
        if line.starts_with("to update  ") {
            unplaced.push_str("to update  ADVICE\n");
        } else if let Some((before, _)) = line.split_once("\"update\":\"") {
            unplaced.push_str(before);
            unplaced.push_str("\"update\":\"ADVICE\"}\n");
        } else {
            unplaced.push_str(line);
        }
    }
    ["1, connecting\n", "1, lost: trying again\n"]
        .into_iter()
        .fold(unplaced, |text, link| text.replace(link, "1, LINK\n"))
        .replace("\"link\":\"connecting\"", "\"link\":\"lost\"")
        .replace("\"link\": \"connecting\"", "\"link\": \"lost\"")
}

fn digits(text: &str) -> usize {
    text.chars().take_while(char::is_ascii_digit).count()
}

/// The same with what is measured in the rows of tables written as a word, and their columns no wider than they must
/// be: the widths hang on what was measured.
fn untimed(text: &str) -> String {
    let cells =
        |line: &str| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect();
    let mut columns: Vec<String> = Vec::new();
    let mut untimed = String::new();
    for line in text.split_inclusive('\n') {
        let mut row: Vec<String> = cells(line);
        if line.contains("(ms)") {
            columns.clone_from(&row);
        } else if !columns.is_empty() && row.len() == columns.len() {
            let measured =
                columns.iter().zip(&mut row).filter(|(name, _)| name.ends_with("(ms)") || *name == "REQUESTS");
            for (_, cell) in measured.filter(|(_, cell)| *cell != "-") {
                "N".clone_into(cell);
            }
        } else {
            columns.clear();
            untimed.push_str(line);
            continue;
        }
        untimed.push_str(&row.join("  "));
        untimed.push('\n');
    }
    untimed
}

/// The same with the numbers of blocks, which tell how many there were before, written as a word.
fn unnumbered(text: &str) -> String {
    let mut unnumbered = String::new();
    let mut rest = text;
    while let Some(at) =
        ["#", "\"number\":", "\"era_end\":"].into_iter().filter_map(|mark| Some(rest.find(mark)? + mark.len())).min()
    {
        let digits = rest[at..].chars().take_while(char::is_ascii_digit).count();
        unnumbered.push_str(&rest[..at]);
        unnumbered.push_str(if digits > 0 { "N" } else { "" });
        rest = &rest[at + digits..];
    }
    unnumbered + rest
}

/// A value that time or chance makes, at the beginning of `text`: how long it is, and what is written for it.
fn volatile(text: &str) -> Option<(usize, &'static str)> {
    const MEMBERS: [&str; 24] = [
        "age_ms",
        "finalized_age_ms",
        "seen_ms",
        "latency_ms",
        "requests",
        "pid",
        "uptime_ms",
        "uptime_s",
        "request_id",
        "learnt_ms",
        "time",
        "timestamp_ms",
        "waited_ms",
        "up_ms",
        "since_ms",
        "fetched_ms",
        "rests_ms",
        "failures",
        "daemon_us",
        "process_time_s",
        "clock_shift_ms",
        "recorded_at",
        "settled_at",
        "idempotency_key",
    ];
    for member in MEMBERS {
        if let Some(rest) = text.strip_prefix('"').and_then(|text| text.strip_prefix(member))
            && let Some(value) = rest.strip_prefix("\":")
        {
            let end = value.find([',', '}', '\n']).unwrap_or(value.len());
            return Some((member.len() + 3 + end, "\"VARIES\":0"));
        }
    }
    if text.starts_with("just now") {
        return Some((8, "AGE"));
    }
    if let Some(text) = text.strip_prefix("pid ")
        && let Some((uptime, _)) = text.split_once('\n')
    {
        return Some(("pid ".len() + uptime.len(), "pid N, up AGE"));
    }
    // A moment, as in 2026-11-27T15:36:06.327Z.
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (23, b'Z')];
    if marks.iter().all(|(at, mark)| text.as_bytes().get(*at) == Some(mark)) {
        return Some((24, "MOMENT"));
    }
    let digits = digits(text);
    if digits > 0 {
        if text[digits..].starts_with(" ms\n") {
            return Some((digits + 3, "N ms"));
        }
        for unit in [" ms ago", " s ago", " min ago", " h ago"] {
            if text[digits..].starts_with(unit) {
                return Some((digits + unit.len(), "AGE"));
            }
        }
    }
    None
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

fn record(transcript: &mut String, host: &Host, typed: &[String], output: &Output) {
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

/// Types each command of these kinds, with and without `--json`, and compares with what was once kept.
fn told(circumstance: &str, host: &Host, kinds: &str, more: impl Fn(char) -> Vec<&'static str>) {
    let mut transcript = String::new();
    for typed in commands(host).into_iter().filter(|typed| kinds.contains(typed.kind)) {
        let words: Vec<String> =
            typed.words.into_iter().chain(more(typed.kind).into_iter().map(str::to_owned)).collect();
        for json in [&[][..], &["--json".to_owned()]] {
            let words = [words.as_slice(), json].concat();
            let output = host.btctl(&words.iter().map(String::as_str).collect::<Vec<_>>());
            // Data or an error, never both, and JSON where it was asked for.
            // What the files of a wallet say is told also where the rest of it is not known.
            let is_partial = words[0] == "wallet" && words[1] == "inspect";
            let is_answer = words.iter().any(|word| word == "verify") || words[0] == "dendrite" || is_partial;
            let is_alone = output.status.success() || output.stdout.is_empty() || is_answer;
            assert!(is_alone, "{circumstance}: {words:?} failed with data: {output:?}");
            // A script and a page are what they are.
            let is_told = !words.iter().any(|word| ["completions", "man"].contains(&word.as_str()));
            if !json.is_empty() && output.status.success() && is_told {
                let document: Result<Value, _> = serde_json::from_slice(&output.stdout);
                assert!(document.is_ok(), "{circumstance}: {words:?} told no JSON: {output:?}");
            }
            record(&mut transcript, host, &words, &output);
        }
    }
    kept(circumstance, &transcript);
}

/// Where is kept what was once said.
fn snapshots(circumstance: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("transcripts").join(format!("{circumstance}.txt"))
}

/// Compares with what was once kept, or keeps it.
fn kept(circumstance: &str, transcript: &str) {
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

#[test]
fn every_command_has_a_transcript() {
    let mut all = BTreeSet::new();
    leaves(&Host::new(), &[], &mut all);
    let kept = ["devnet", "locked-wallet", "no-chain", "no-daemon", "no-wallet", "signed", "legacy"];
    let kept: String = kept.iter().map(|circumstance| fs::read_to_string(snapshots(circumstance)).unwrap()).collect();
    let typed: Vec<String> =
        kept.lines().filter_map(|line| Some(format!("{} ", line.strip_prefix("$ btctl ")?))).collect();
    let has = |path: &str, in_json: bool| {
        let is_it = |words: &String| words.starts_with(&format!("{path} ")) && words.contains(" --json ") == in_json;
        typed.iter().any(is_it)
    };
    let lacking: Vec<&String> = all.iter().filter(|path| !has(path, false) || !has(path, true)).collect();
    assert!(lacking.is_empty(), "nothing is kept of what they say: {lacking:?}");
}

/// What is typed behind a command that signs, for want of somebody to ask.
fn approved(kind: char) -> Vec<&'static str> {
    if "sx".contains(kind) { vec!["--yes"] } else { vec![] }
}

#[test]
fn without_a_daemon() {
    told("no-daemon", &Host::new(), "rskuolwx", approved);
}

#[test]
fn without_a_chain() {
    let host = Host::new();
    let _daemon = host.start_alone(&["--network", "ws://127.0.0.1:1"]);
    host.ask(&["wallet", "create", "--wallet", "default", "--uri", "//Alice"]);
    wait_for("what is wrong with the chain", || host.ask(&["status"])["chain"]["trouble"].as_str().map(drop));
    told("no-chain", &host, "rsox", approved);
}

#[test]
fn without_a_wallet() {
    let host = Host::new();
    let _daemon = host.start(&STILL);
    told("no-wallet", &host, "rskuwx", approved);
}

#[test]
fn with_a_locked_wallet() {
    let host = Host::new();
    let _daemon = host.start(&STILL);
    let mut create = host.command_of("btctl");
    create.args(["wallet", "create", "--wallet", "default", "--uri", "//Alice", "--password-stdin", "--yes"]);
    let mut child = create.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"a long enough passphrase 1\n").unwrap();
    assert!(child.wait().unwrap().success());
    told("locked-wallet", &host, "sux", approved);
}

#[test]
fn with_everything_there() {
    let host = Host::new();
    let _daemon = host.start(&STILL);
    host.ask(&["wallet", "create", "--wallet", "default", "--uri", "//Alice"]);
    wait_for("the metagraphs", || host.btctl(&["subnets", "metagraph", "1"]).status.success().then_some(()));
    told("devnet", &host, "rskuolw", |kind| if kind == 's' { vec!["--dry-run"] } else { vec![] });
}

/// Types a list of what is signed and sent, one after the other, and compares with what was once kept.
fn sent(circumstance: &str, host: &Host, list: &str) {
    let mut transcript = String::new();
    let mut receipt = Value::Null;
    for line in list.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (kind, command) = line.split_at(line.find(char::is_alphabetic).unwrap());
        let approved = if kind.is_empty() { &["--yes".to_owned()][..] } else { &[] };
        let words = command.split(' ').map(|word| in_full(word, host));
        let words: Vec<String> = words.chain(approved.iter().cloned()).collect();
        let typed: Vec<String> = words.iter().map(|word| told_before(word, &receipt)).collect();
        let output = host.btctl(&typed.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(output.status.success(), "{line}: {output:?}");
        if kind.is_empty() && words.iter().any(|word| word == "--json") {
            receipt = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(receipt["outcome"]["state"], "finalized", "{line}: {receipt}");
        }
        if kind != "- " {
            let mut one = String::new();
            record(&mut one, host, &words, &output);
            transcript.push_str(&unnumbered(&one));
        }
    }
    kept(circumstance, &transcript);
}

/// A word, or what stands in a receipt where a word in braces points to.
fn told_before(word: &str, receipt: &Value) -> String {
    let Some(pointer) = word.strip_prefix("{/").and_then(|word| word.strip_suffix('}')) else {
        return word.to_owned();
    };
    let found = receipt.pointer(&format!("/{pointer}")).unwrap_or_else(|| panic!("no {pointer} in {receipt}"));
    found.as_str().map_or_else(|| found.to_string(), str::to_owned)
}

#[test]
fn signed_and_sent() {
    let host = Host::new();
    let _daemon = host.start(&["--network", "devnet", "--block-time", "instant"]);
    for (name, uri) in [("default", "//Alice"), ("bob", "//Bob"), ("charlie", "//Charlie")] {
        host.ask(&["wallet", "create", "--wallet", name, "--uri", uri]);
    }
    sent("signed", &host, include_str!("transcripts/signed-commands.txt"));
}

#[test]
fn signed_where_root_has_weights_and_a_senate() {
    let host = Host::new();
    let _daemon =
        host.start_with(&["--network", "devnet", "--block-time", "instant"], &[("BTD_DEVNET__LEGACY_ROOT", "true")]);
    wait_for("btd to be ready", || (host.ask(&["status"])["phase"] == "ready").then_some(()));
    host.ask(&["wallet", "create", "--wallet", "default", "--uri", "//Alice"]);
    senate::open_a_proposal(&host);
    sent("legacy", &host, include_str!("transcripts/legacy-commands.txt"));
}
