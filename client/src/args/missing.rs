//! A value that a command needs and that nobody typed: asked for where somebody can answer, refused
//! as before where nobody can. This is the one place that decides it, for every command: which
//! values are needed is what the parser says, and what an answer may be is what the parser takes.
//!
//! An answer becomes words of the command line, so that what was asked can be told as a command.

use std::ffi::OsString;

use btd_api::sudo::hyperparameters::{self, Setter};
use clap::{
    Arg, ArgMatches, Command, CommandFactory,
    error::{ContextKind, ContextValue, ErrorKind},
    parser::ValueSource,
};

use super::Cli;

/// How often an answer that cannot be meant is asked for again.
const TRIES: u32 = 3;
/// The hotkey that is meant where none is named, and the wallet.
const USUAL: &str = "default";
/// The commands that make keys, below `wallet`.
const MAKING: [&str; 7] =
    ["create", "new-coldkey", "new-hotkey", "regen-coldkey", "regen-hotkey", "regen-coldkeypub", "regen-hotkeypub"];

/// Somebody who can be asked.
pub(crate) trait Person {
    /// The line that is answered to `question`; none where no answer comes any more.
    fn answer(&mut self, question: &str) -> Option<String>;
    /// Says something that needs no answer.
    fn tell(&mut self, words: &str);
}

/// Which defaults are set somewhere: what they are for is not asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) wallet: bool,
    pub(crate) hotkey: bool,
}

/// What was asked so far.
pub(crate) struct Interview<'p> {
    person: &'p mut dyn Person,
    set: Defaults,
    /// Where the words of the last answer begin, and how often it was asked for.
    last: Option<(usize, u32)>,
    /// Whether anything was asked, answered or not.
    tried: bool,
    asked: bool,
}

/// The command that was typed, and what of it.
struct Typed<'c> {
    command: &'c Command,
    matches: &'c ArgMatches,
    path: Vec<String>,
}

/// A value to be asked for.
struct Question<'c> {
    arg: &'c Arg,
    text: String,
    choices: Vec<String>,
    usual: Option<&'static str>,
}

// === impl Interview ===

impl<'p> Interview<'p> {
    pub(crate) fn new(person: &'p mut dyn Person, set: Defaults) -> Self {
        Self { person, set, last: None, tried: false, asked: false }
    }

    pub(super) const fn has_asked(&self) -> bool {
        self.asked
    }

    pub(super) const fn has_tried(&self) -> bool {
        self.tried
    }

    /// Asks for what `error` misses. Whether `words` are worth another reading.
    pub(super) fn settle(&mut self, error: &clap::Error, words: &mut Vec<OsString>) -> bool {
        match error.kind() {
            ErrorKind::MissingRequiredArgument => {
                let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) else { return false };
                let Some(missing) = missing.first() else { return false };
                self.last = None;
                self.ask(words, |typed| Question::of_missing(typed, missing))
            }
            // What stood there before was read without complaint, so it is of the answer.
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => false,
            _ => {
                let Some((begin, tries)) = self.last.take() else { return false };
                words.truncate(begin);
                self.person.tell(error.to_string().lines().next().unwrap_or_default());
                self.last = Some((begin, tries + 1));
                // Without the answer, it is missing again.
                tries + 1 < TRIES && self.again(words)
            }
        }
    }

    /// Asks once more for what the words lack.
    fn again(&mut self, words: &mut Vec<OsString>) -> bool {
        let tries = self.last.map_or(0, |(_, tries)| tries);
        let Err(error) = <Cli as clap::Parser>::try_parse_from(words.iter()) else { return false };
        if error.kind() != ErrorKind::MissingRequiredArgument {
            return false;
        }
        let asks = self.settle(&error, words);
        if let Some((_, counted)) = &mut self.last {
            *counted = tries;
        }
        asks
    }

    /// Asks for the keys' names. Whether there is something to be read again.
    pub(super) fn settle_names(&mut self, words: &mut Vec<OsString>) -> bool {
        self.settle_wallet(words) || self.settle_hotkey(words)
    }

    /// Asks for the wallet, which has a default, where keys are made or something is signed with one, or something was
    /// asked for. Whether there is something to be read again.
    fn settle_wallet(&mut self, words: &mut Vec<OsString>) -> bool {
        if self.set.wallet {
            return false;
        }
        self.set.wallet = true;
        let asked = self.asked;
        self.ask(words, |typed| of_wallet(typed, asked))
    }

    /// Where something was asked for, asks for the hotkey too, which has a default. Whether there is
    /// something to be read again.
    fn settle_hotkey(&mut self, words: &mut Vec<OsString>) -> bool {
        if !self.asked || self.set.hotkey {
            return false;
        }
        self.set.hotkey = true;
        self.ask(words, of_hotkey)
    }

    fn ask(
        &mut self,
        words: &mut Vec<OsString>,
        question: impl for<'c> FnOnce(&Typed<'c>) -> Option<Question<'c>>,
    ) -> bool {
        let mut command = Cli::command();
        command.build();
        let Ok(matches) = Cli::command().ignore_errors(true).try_get_matches_from(words.iter()) else { return false };
        let typed = Typed::new(&command, &matches);
        if ["json", "yes"].into_iter().any(|flag| typed.is_set(flag)) {
            return false;
        }
        let Some(question) = question(&typed) else { return false };
        self.tried = true;
        let Some(answer) = self.answer(&question) else { return false };
        self.last = Some((words.len(), 0));
        self.asked = true;
        match question.arg.get_long() {
            Some(long) if answer.starts_with('-') => words.push(format!("--{long}={answer}").into()),
            Some(long) => words.extend([format!("--{long}").into(), answer.into()]),
            None => words.push(answer.into()),
        }
        true
    }

    /// The answer, or the default for an empty one; none where nobody answers.
    fn answer(&mut self, question: &Question<'_>) -> Option<String> {
        if !question.choices.is_empty() {
            for (number, choice) in (1..).zip(&question.choices) {
                self.person.tell(&format!("{number:>3}  {choice}"));
            }
        }
        let usual = question.usual.map(|usual| format!(" [{usual}]")).unwrap_or_default();
        for _ in 0..TRIES {
            let answer = self.person.answer(&format!("{}{usual}: ", question.text))?;
            let answer = answer.trim();
            let numbered = answer.parse::<usize>().ok().and_then(|number| question.choices.get(number.checked_sub(1)?));
            match (answer, numbered, question.usual) {
                (_, Some(choice), _) => return Some(choice.clone()),
                ("", _, Some(usual)) => return Some(usual.to_owned()),
                ("", _, None) => {}
                (answer, _, _) => return Some(answer.to_owned()),
            }
        }
        None
    }
}

// === impl Typed ===

impl<'c> Typed<'c> {
    fn new(root: &'c Command, matches: &'c ArgMatches) -> Self {
        let mut typed = Self { command: root, matches, path: Vec::new() };
        while let Some((name, below)) = typed.matches.subcommand() {
            let Some(command) = typed.command.find_subcommand(name) else { break };
            typed = Self { command, matches: below, path: [typed.path, vec![name.to_owned()]].concat() };
        }
        typed
    }

    /// Whether a flag of this name is there and set.
    fn is_set(&self, flag: &str) -> bool {
        self.matches.try_get_one::<bool>(flag).ok().flatten().copied().unwrap_or(false)
    }

    /// The first argument of these names whose help tells of the usual default.
    fn with_default(&self, ids: &[&str]) -> Option<&'c Arg> {
        let usual = format!("[default: {USUAL}]");
        let has_default = |arg: &&Arg| arg.get_help().is_some_and(|help| help.to_string().contains(&usual));
        self.command.get_arguments().filter(|arg| ids.contains(&arg.get_id().as_str())).find(has_default)
    }

    /// Whether it was typed.
    fn has(&self, id: &str) -> bool {
        self.matches.try_contains_id(id).is_ok() && self.matches.value_source(id) == Some(ValueSource::CommandLine)
    }
}

// === impl Question ===

impl<'c> Question<'c> {
    /// For what the parser calls `missing`: `--dest <SS58>`, or several that will do, as in
    /// `<NETUID|--netuid <NETUID>>`.
    fn of_missing(typed: &Typed<'c>, missing: &str) -> Option<Self> {
        let words = missing
            .split(['<', '>', '|', ' '])
            .map(|word| word.trim_end_matches("..."))
            .filter(|word| !word.is_empty());
        let named = |word: &str| {
            typed.command.get_arguments().find(|arg| match word.strip_prefix("--") {
                Some(long) => arg.get_long() == Some(long),
                None => arg.is_positional() && value_name(arg).as_deref() == Some(word),
            })
        };
        let able: Vec<&'c Arg> = words.filter_map(named).filter(|arg| arg.get_action().takes_values()).collect();
        let first = *able.first()?;
        // The same value as a flag reads better behind what was typed already.
        let same = able.iter().find(|arg| arg.get_long().is_some() && value_name(arg) == value_name(first));
        Some(Self { arg: same.unwrap_or(&first), text: said(first), choices: choices(&typed.path, first), usual: None })
    }
}

/// For the hotkey of a command that takes the usual one where none is named.
fn of_hotkey<'c>(typed: &Typed<'c>) -> Option<Question<'c>> {
    const IDS: [&str; 3] = ["hotkey", "hotkeys", "from"];
    const OTHERS: [&str; 6] =
        ["wallet_hotkeys", "named_hotkey", "named_hotkeys", "all_hotkeys", "exclude_hotkeys", "interactive"];
    let is_by_slot = typed.path.first().is_some_and(|noun| noun == "stake") && typed.has("uid");
    if is_by_slot || OTHERS.into_iter().any(|id| typed.has(id)) {
        return None;
    }
    let arg = typed.with_default(&IDS)?;
    let is_said = typed.has(arg.get_id().as_str());
    (!is_said).then(|| Question { arg, text: said(arg), choices: Vec::new(), usual: Some(USUAL) })
}

/// For the wallet of a command that takes the usual one where none is named.
fn of_wallet<'c>(typed: &Typed<'c>, asked: bool) -> Option<Question<'c>> {
    let has = |id: &str| typed.command.get_arguments().any(|arg| arg.get_id() == id);
    let makes = matches!(typed.path.as_slice(), [noun, verb] if noun == "wallet" && MAKING.contains(&verb.as_str()));
    let signs = has("dry_run") && !typed.is_set("dry_run");
    // What may be read of any address names a wallet in passing.
    if has("ss58") || !(asked || makes || signs) {
        return None;
    }
    let arg = typed.with_default(&["wallet"])?;
    let text = "The wallet's name".to_owned();
    (!typed.has("wallet")).then(|| Question { arg, text, choices: Vec::new(), usual: Some(USUAL) })
}

fn value_name(arg: &Arg) -> Option<String> {
    arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string)
}

/// What its help says it is, without where else it may come from.
fn said(arg: &Arg) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let help = help.split(" [").next().unwrap_or_default().trim();
    match arg.get_possible_values().as_slice() {
        [] => help.to_owned(),
        values => {
            let values: Vec<&str> = values.iter().map(clap::builder::PossibleValue::get_name).collect();
            format!("{help} ({})", values.join(", "))
        }
    }
}

/// Those that an answer may pick by number, where the command has such a list.
fn choices(path: &[String], arg: &Arg) -> Vec<String> {
    match (path, arg.get_id().as_str()) {
        ([noun, verb], "name") if noun == "sudo" && verb == "set" => {
            let settable = hyperparameters::ALL.iter().filter(|one| one.setter != Setter::Nobody);
            settable.map(|one| one.name.to_owned()).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::parse, *};

    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

    /// Answers in order, and remembers what it was asked.
    #[derive(Default)]
    struct Script {
        answers: Vec<String>,
        asked: Vec<String>,
        told: Vec<String>,
    }

    impl Person for Script {
        fn answer(&mut self, question: &str) -> Option<String> {
            self.asked.push(question.to_owned());
            (!self.answers.is_empty()).then(|| self.answers.remove(0))
        }

        fn tell(&mut self, words: &str) {
            self.told.push(words.to_owned());
        }
    }

    /// The words in the end, or the refusal; and what was asked.
    fn interview(words: &str, answers: &[&str]) -> (Result<String, String>, Script) {
        let mut script = Script { answers: answers.iter().map(ToString::to_string).collect(), ..Script::default() };
        let words = format!("btctl {words}");
        let parsed = parse(words.split(' ').map(Into::into), Some(Interview::new(&mut script, Defaults::default())));
        let ended = parsed.map(|typed| typed.words.join(" ")).map_err(|refusal| refusal.error.to_string());
        (ended, script)
    }

    #[test]
    fn what_is_missing_is_asked_for_and_becomes_words() {
        for (words, answers, end) in [
            ("wallet transfer", vec![BOB, "1.5", "w"], format!("--dest {BOB} --amount 1.5 --wallet w")),
            ("wallet transfer --amount all", vec![BOB, ""], format!("--dest {BOB} --wallet default")),
            ("subnets register", vec!["1", "", ""], "--netuid 1 --wallet default --wallet-hotkey default".to_owned()),
            ("root register", vec!["w", "h"], "--wallet w --wallet-hotkey h".to_owned()),
            ("root register --dry-run", vec![], String::new()),
            ("root register --wallet.name w", vec![], String::new()),
            ("wallet create", vec!["w", ""], "--wallet w --wallet-hotkey default".to_owned()),
            ("wallet regen_coldkey --mnemonic", vec!["w"], "--wallet w".to_owned()),
            ("wallet balance", vec![], String::new()),
            ("subnets metagraph", vec!["1"], "--netuid 1".to_owned()),
            ("sudo get", vec!["7"], "--netuid 7".to_owned()),
            ("stake add", vec!["1", "2", "", ""], "--netuid 1 --amount 2 --wallet default --hotkey default".to_owned()),
            ("stake add -n 1 --all --wallet w", vec![], String::new()),
            ("stake add --all --wallet w", vec!["1"], "--netuid 1".to_owned()),
            // Which hotkey is said already.
            ("stake add --all --wallet w --uid 3", vec!["1", "h"], "--netuid 1".to_owned()),
            ("stake add --all --wallet w --include-hotkeys x", vec!["1", "h"], "--netuid 1".to_owned()),
            (
                "stake remove",
                vec!["1", "all", "w", "miner"],
                "--netuid 1 --amount all --wallet w --hotkey miner".to_owned(),
            ),
            (
                "stake child set",
                vec![BOB, "0.5", "1", "w", "h"],
                format!("--children {BOB} --proportions 0.5 --netuid 1 --wallet w --hotkey h"),
            ),
            ("stake set-claim", vec!["keep"], "keep".to_owned()),
            (
                "root boost",
                vec!["1", "0.1", "", ""],
                "--netuid 1 --increase 0.1 --wallet default --wallet-hotkey default".to_owned(),
            ),
            ("root delegate", vec!["1", "w"], "--amount 1 --wallet w".to_owned()),
            ("config clear", vec!["json"], "json".to_owned()),
        ] {
            let (ended, script) = interview(words, &answers);
            let expected = format!("{words} {end}");
            assert_eq!(ended.as_deref(), Ok(expected.trim_end()), "{words}: {:?}", script.asked);
            assert!(
                script.asked.iter().all(|question| question.len() > 5 && question.ends_with(": ")),
                "{:?}",
                script.asked
            );
        }
    }

    #[test]
    fn a_hyperparameter_is_picked_by_its_number() {
        let (ended, script) = interview("sudo set --wallet w", &["1", "1", "400"]);
        assert_eq!(ended.as_deref(), Ok("sudo set --wallet w --netuid 1 --param activity_cutoff --value 400"));
        assert!(script.told[0].ends_with("activity_cutoff"), "{:?}", script.told);
    }

    #[test]
    fn an_answer_that_cannot_be_meant_is_asked_for_again() {
        let (ended, script) = interview("wallet transfer --amount 1 -w w", &["", "alice", BOB]);
        assert_eq!(ended, Ok(format!("wallet transfer --amount 1 -w w --dest {BOB}")));
        assert_eq!(script.asked.len(), 3);
        assert!(script.told[0].contains("not an SS58 address"), "{:?}", script.told);
        // Not for ever.
        let (ended, script) = interview("sudo get", &["a", "b", "c", "d", "e"]);
        assert!(ended.is_err() && script.asked.len() == 3, "{ended:?} {:?}", script.asked);
    }

    #[test]
    fn nobody_is_asked_where_a_program_types() {
        for words in
            ["wallet transfer --json", "wallet transfer -y", "sudo get --no_prompt", "subnets register --json-output"]
        {
            let (ended, script) = interview(words, &[BOB, "1"]);
            assert!(ended.unwrap_err().contains("required"), "{words}");
            assert!(script.asked.is_empty(), "{words}");
        }
        // Nor where nobody answers.
        let (ended, script) = interview("sudo get", &[]);
        assert!(ended.unwrap_err().contains("--netuid") && script.asked.len() == 1);
    }

    #[test]
    fn help_is_no_answer() {
        let (ended, script) = interview("sudo get --help", &["1"]);
        assert!(ended.is_err() && script.asked.is_empty());
    }
}
