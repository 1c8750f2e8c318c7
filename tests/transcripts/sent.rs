//! The lists of what is done one after the other on one chain, because each makes the next possible. What uses a key
//! is typed twice: first with a wallet of the same keys that is locked, where everything but that key is as it must
//! be, and then for good.

use std::{
    fmt::Write as _,
    fs,
    os::unix::process::ExitStatusExt as _,
    process::{Child, ExitStatus, Output, Stdio},
};

use btd_tests::{Host, binary, terminal::Terminal, wait_for};
use serde_json::Value;

use crate::{
    settled::unnumbered,
    typed::{in_full, kept, lines, record, typed},
};

/// The exit code of what a locked key prevents.
pub(crate) const LOCKED: i32 = 5;
/// How a key is locked away: the oldest encryption costs next to nothing, and a key under it is as locked as any.
const ENCRYPTED: [&str; 3] = ["--to", "ansible-vault", "--password-stdin"];
/// What `stake wizard` asks, and the answers.
const ASKED: [(&str, &str); 5] = [
    ("What to do: remove, move, swap or transfer: ", "transfer"),
    ("Which of them: ", "1"),
    ("How much of it, or all: ", "0.5"),
    ("To which coldkey: ", "BOB"),
    ("Sign and send it? [y/N]", "y"),
];

/// What the letter before a command says of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Signed and sent, typed with a locked wallet before.
    Signed,
    /// The same of what uses a key and signs no extrinsic.
    Used,
    /// Typed with a locked wallet alone: the work it would do is too much for here.
    Prevented,
    /// It reads, or uses no key.
    Read,
    /// Done in silence.
    Silent,
    /// Begun in silence and left to itself: it is at work, or waits for its turn.
    Begun,
    /// Typed at a terminal, where questions are answered.
    Asked,
}

/// A line of a list.
struct Step<'a> {
    manner: Manner,
    command: &'a str,
}

/// What a list has come to so far.
struct Story<'a> {
    host: &'a Host,
    /// What was said last, as JSON, by what is not only read.
    receipt: Value,
    begun: Vec<Child>,
    said: String,
    said_when_locked: String,
    /// What did not end as it must.
    wrong: String,
}

/// Types a list, and compares what was said, and what was said with a locked wallet, with what was once kept.
pub(crate) fn sent(circumstance: &str, host: &Host, list: &str) {
    let (said, said_when_locked, wrong) = (String::new(), String::new(), String::new());
    let mut story = Story { host, receipt: Value::Null, begun: Vec::new(), said, said_when_locked, wrong };
    for line in lines(list) {
        story.takes(&Step::read(line));
    }
    assert!(story.wrong.is_empty(), "{circumstance}:\n{}", story.wrong);
    kept(circumstance, &story.said);
    kept(&format!("locked-{circumstance}"), &story.said_when_locked);
}

// === impl Step, Story ===

impl<'a> Step<'a> {
    fn read(line: &'a str) -> Self {
        let (mark, command) = line.split_at(line.find(char::is_alphabetic).expect("a command"));
        let manner = match mark {
            "" => Manner::Signed,
            "+ " => Manner::Used,
            "* " => Manner::Prevented,
            "? " => Manner::Read,
            "- " => Manner::Silent,
            "& " => Manner::Begun,
            "! " => Manner::Asked,
            other => panic!("{other}: {command}"),
        };
        Self { manner, command }
    }
}

impl Story<'_> {
    fn takes(&mut self, step: &Step<'_>) {
        let words = step.command.split(' ').map(|word| in_full(word, self.host));
        let is_signed = matches!(step.manner, Manner::Signed | Manner::Prevented);
        let approved = is_signed.then(|| "--yes".to_owned());
        let words: Vec<String> = words.chain(approved).collect();
        if is_signed || step.manner == Manner::Used {
            self.is_prevented(&words);
        }
        let told: Vec<String> = words.iter().map(|word| told_before(word, &self.receipt)).collect();
        let output = match step.manner {
            Manner::Prevented => return,
            Manner::Begun => return self.begins(&told),
            Manner::Asked => asked(self.host, &told),
            _ => typed(self.host, &told),
        };
        if !output.status.success() {
            writeln!(self.wrong, "{}: {output:?}", step.command).unwrap();
            return;
        }
        if step.manner == Manner::Silent && step.command.starts_with("wallet ") {
            self.locks(&told);
        }
        let is_told = step.manner != Manner::Read && words.iter().any(|word| word == "--json");
        if is_told {
            self.receipt = serde_json::from_slice(&output.stdout).unwrap();
            if step.manner == Manner::Signed && self.receipt["outcome"]["state"] != "finalized" {
                writeln!(self.wrong, "{}: {}", step.command, self.receipt).unwrap();
            }
        }
        if step.manner != Manner::Silent {
            add(&mut self.said, self.host, &words, &output);
        }
    }

    /// Types it with the locked wallet, which must be all that prevents it.
    fn is_prevented(&mut self, words: &[String]) {
        let words = with_the_locked_one(words);
        let told: Vec<String> = words.iter().map(|word| told_before(word, &self.receipt)).collect();
        let output = typed(self.host, &told);
        if output.status.code() != Some(LOCKED) {
            writeln!(self.wrong, "with a locked wallet: {words:?}: {output:?}").unwrap();
        }
        add(&mut self.said_when_locked, self.host, &words, &output);
    }

    /// Makes the same keys again in a wallet that is encrypted, and which nobody unlocks.
    fn locks(&self, told: &[String]) {
        let is = |command: &str| told[1] == command && told.iter().any(|word| word == "--uri");
        if !is("create") && !is("new-hotkey") {
            return;
        }
        let twin = with_the_locked_one(told);
        let after = |flag: &str| twin.iter().skip_while(|word| *word != flag).nth(1).map(String::as_str);
        let of_it = ["wallet", "convert", "--wallet", after("--wallet").unwrap()];
        let hotkey = ["--wallet-hotkey", after("--wallet-hotkey").unwrap_or("default")];
        let does = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let output = typed(self.host, &words);
            assert!(output.status.success(), "{words:?}: {output:?}");
        };
        does(&twin.iter().map(String::as_str).collect::<Vec<_>>());
        does(&[&of_it[..], &hotkey, &ENCRYPTED].concat());
        if is("create") {
            does(&[&of_it[..], &ENCRYPTED].concat());
        }
    }

    /// Begins it, and waits until all but one of those that were begun wait for their turn.
    fn begins(&mut self, told: &[String]) {
        let mut command = self.host.command_of("btctl");
        let child = command.args(told).arg("--yes").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.begun.push(child);
        wait_for("an order to wait for its turn", || {
            self.begun.retain_mut(|child| child.try_wait().unwrap().is_none());
            let waiting = self.host.ask(&["tx", "list"])["waiting"].as_array().unwrap().len();
            (waiting + 1 >= self.begun.len()).then_some(())
        });
    }
}

impl Drop for Story<'_> {
    fn drop(&mut self) {
        for child in &mut self.begun {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn add(transcript: &mut String, host: &Host, words: &[String], output: &Output) {
    let mut one = String::new();
    record(&mut one, host, words, output);
    transcript.push_str(&unnumbered(&one));
}

/// The same words, for the locked wallet of the same keys.
fn with_the_locked_one(words: &[String]) -> Vec<String> {
    let mut words = words.to_vec();
    if let Some(at) = words.iter().position(|word| word == "--wallet") {
        words[at + 1].push_str("-locked");
    } else {
        words.extend(["--wallet", "default-locked"].map(str::to_owned));
    }
    words
}

/// A word, and for braces with a pointer in it what stands there in a receipt.
fn told_before(word: &str, receipt: &Value) -> String {
    let Some((before, (pointer, after))) =
        word.split_once("{/").and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    else {
        return word.to_owned();
    };
    // What has nothing to stand for stays, and is refused.
    let Some(found) = receipt.pointer(&format!("/{pointer}")) else { return word.to_owned() };
    let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
    format!("{before}{found}{after}")
}

/// Types it at a terminal and answers what [`ASKED`] has. Standard output is read from a file.
fn asked(host: &Host, told: &[String]) -> Output {
    let file = host.path("out");
    let (btctl, out) = (binary("btctl"), file.to_str().unwrap());
    let command = r#"out="$1"; shift; exec "$0" "$@" >"$out""#;
    let words: Vec<&str> = told.iter().map(String::as_str).collect();
    let mut terminal =
        Terminal::run(host, &[&["sh", "-c", command, btctl.to_str().unwrap(), out], &words[..]].concat());
    for (question, answer) in ASKED {
        terminal.wait_for(question);
        terminal.press(&format!("{}\r", in_full(answer, host)));
    }
    let code = terminal.end();
    let screen = terminal.screen();
    let (said, _) = screen.split_once("[ended with").unwrap();
    Output {
        status: ExitStatus::from_raw(code << 8),
        stdout: fs::read(file).unwrap(),
        stderr: said.as_bytes().to_vec(),
    }
}
