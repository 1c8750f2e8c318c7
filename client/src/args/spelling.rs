//! Spellings of the Python command lines that say the same in another order or with a word that
//! means something else here; they are written as this command line has them before it is read.

use std::ffi::{OsStr, OsString};

use btd_api::sudo::hyperparameters;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Where a keystore is read from, which they call as this command line calls its answers' form.
const KEYSTORE: [&str; 4] = ["regen-coldkey", "regen_coldkey", "regen-hotkey", "regen_hotkey"];
/// The noun of the commands about keys.
const WALLET: [&str; 3] = ["wallet", "w", "wallets"];
/// The noun of the commands about stake.
const STAKE: [&str; 3] = ["stake", "st", "stakes"];
/// Flags of every command that have a value.
const GLOBAL: [&str; 3] = ["--socket", "--timeout", "--config"];
/// Flags that have no value.
const ALONE: [&str; 14] = [
    "-y",
    "--yes",
    "--no",
    "--no-prompt",
    "--no_prompt",
    "--json",
    "--json-output",
    "--json_output",
    "--json-out",
    "--dry-run",
    "-q",
    "--quiet",
    "-v",
    "--verbose",
];
/// What is done in an exchange of coldkeys, which they take at any place.
const EXCHANGE: [&str; 5] = ["announce", "execute", "dispute", "clear", "check"];

/// Commands of the eleventh Python command line that stand elsewhere here: nouns, verb, and what it is here.
const RENAMED: [(&[&str], &str, &[&str]); 12] = [
    (&STAKE, "unstake-all", &["stake", "remove", "--all"]),
    (&STAKE, "unstake-all-alpha", &["stake", "remove", "--all-alpha"]),
    (&["root", "r", "roots", "rt"], "claim", &["stake", "process-claim"]),
    (&WALLET, "announce-coldkey-swap", &["wallet", "swap-coldkey", "announce"]),
    (&WALLET, "registrations", &["wallet", "overview"]),
    (&HPARAMS, "start", &["subnets", "start"]),
    (&HPARAMS, "check-start", &["subnets", "check-start"]),
    (&HPARAMS, "set-symbol", &["subnets", "set-symbol"]),
    (&HPARAMS, "set-identity", &["subnets", "set-identity"]),
    (&HPARAMS, "get-identity", &["subnets", "get-identity"]),
    (&HPARAMS, "mechanisms", &["subnets", "mechanisms"]),
    (&HPARAMS, "mech", &["subnets", "mechanisms"]),
];
/// What that command line calls the noun of hyperparameters.
const HPARAMS: [&str; 1] = ["hparams"];
/// The noun of the commands about hyperparameters.
const SUDO: [&str; 4] = ["sudo", "su", "sudos", "hparams"];
/// The noun of the commands about subnets.
const SUBNETS: [&str; 3] = ["subnets", "s", "subnet"];

/// Flags of which the Python command lines take several values, one word each.
const LISTS: [&str; 9] = [
    "--hotkeys",
    "--wallet.hotkeys",
    "--include-hotkeys",
    "--include_hotkeys",
    "--exclude-hotkeys",
    "--exclude_hotkeys",
    "--wallet.exclude_hotkeys",
    "--netuids",
    "--weights",
];
/// Commands with such flags. They take no word without a flag, which could be meant as well.
const LISTING: [(&[&str], &[&str]); 3] = [
    (&STAKE, &["add", "remove"]),
    (&WALLET, &["overview", "inspect"]),
    (&["root", "r", "roots", "rt"], &["weights", "set-weights", "set_weights"]),
];

/// The command line as this program reads it; the program's own name stays first.
pub(super) fn usual(mut words: Vec<OsString>) -> Vec<OsString> {
    completion(&mut words);
    of_subnets(&mut words);
    hyperparameter(&mut words);
    mechanisms(&mut words);
    renamed(&mut words);
    by_work(&mut words);
    hotkeys(&mut words);
    lists(&mut words);
    keystore(&mut words);
    exchange(&mut words);
    words
}

/// `stake add` and `stake remove` without a subnet are of root, as they were before there were others: the subnet that
/// `error` misses becomes a word. What is said of it.
pub(super) fn on_root(error: &clap::Error, words: &mut Vec<OsString>) -> Option<&'static str> {
    if error.kind() != ErrorKind::MissingRequiredArgument {
        return None;
    }
    let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) else { return None };
    if !missing.iter().any(|one| one.starts_with("--netuid ")) {
        return None;
    }
    verb(words, &STAKE, &["add", "remove"])?;
    words.extend(["--netuid".into(), "0".into()]);
    Some("no --netuid was named: root (0) is meant, where tao stays tao")
}

/// Where the command's noun and verb stand: the first two words that are no flags. A flag with a value before them
/// hides them, unless every command has it, and then nothing is rewritten.
fn command(words: &[OsString]) -> Option<(usize, usize)> {
    let is_value = |place: usize| words.get(place - 1).is_some_and(|before| is(before, &GLOBAL));
    let is_flag = |word: &OsStr| word.as_encoded_bytes().starts_with(b"-");
    let is_plain = |(place, word): &(usize, &OsString)| !is_flag(word) && !is_value(*place);
    let mut plain = words.iter().enumerate().skip(1).filter(is_plain).map(|(place, _)| place);
    Some((plain.next()?, plain.next()?))
}

/// Where the verb stands, if the command is one of these verbs of one of these nouns.
fn verb(words: &[OsString], nouns: &[&str], verbs: &[&str]) -> Option<usize> {
    let (noun, verb) = command(words)?;
    (is(words.get(noun)?, nouns) && is(words.get(verb)?, verbs)).then_some(verb)
}

/// A command that has another name here.
fn renamed(words: &mut Vec<OsString>) {
    let Some((noun, verb)) = command(words) else { return };
    let named = |(nouns, name, _): &&(&[&str], &str, &[&str])| is(&words[noun], nouns) && words[verb] == *name;
    let Some((_, _, own)) = RENAMED.iter().find(named) else { return };
    let [first, rest @ ..] = own else { return };
    words[noun] = first.into();
    words.splice(verb..=verb, rest.iter().map(Into::into));
}

/// The flags of the eleventh Python command line for what a subnet says of itself: a name is a wallet's here.
fn of_subnets(words: &mut Vec<OsString>) {
    if verb(words, &HPARAMS, &["set-identity"]).is_some() {
        for word in words.iter_mut() {
            match word.to_str() {
                Some("--name") => *word = "--subnet-name".into(),
                Some(text) => {
                    if let Some(name) = text.strip_prefix("--name=") {
                        *word = format!("--subnet-name={name}").into();
                    }
                }
                None => {}
            }
        }
    }
    if verb(words, &HPARAMS, &["set-symbol"]).is_some() {
        words.retain(|word| word != "--symbol");
        for word in words.iter_mut() {
            if let Some(symbol) = word.to_str().and_then(|text| text.strip_prefix("--symbol=")) {
                *word = symbol.to_owned().into();
            }
        }
    }
}

/// `hparams set --name tempo`: the eleventh Python command line names the hyperparameter by what names the wallet here
/// and in the ninth. With another noun it does where no `--param` stands beside it and there is such a hyperparameter.
fn hyperparameter(words: &mut [OsString]) {
    let Some(first) = verb(words, &SUDO, &["set"]) else { return };
    let is_eleventh = verb(words, &HPARAMS, &["set"]).is_some();
    // A flag, and the value that is joined to it.
    let parts = |word: &OsString| {
        let text = word.to_str()?;
        let (flag, value) = text.split_once('=').map_or((text, None), |(flag, value)| (flag, Some(value)));
        Some((flag.to_owned(), value.map(str::to_owned)))
    };
    let is = |word: &OsString, flags: &[&str]| parts(word).is_some_and(|(flag, _)| flags.contains(&flag.as_str()));
    if words.iter().any(|word| is(word, &["--param", "--parameter"])) {
        return;
    }
    let Some(place) = words.iter().skip(first).position(|word| is(word, &["--name"])) else { return };
    let place = first + place;
    let joined = parts(&words[place]).and_then(|(_, value)| value);
    let next = || words.get(place + 1).and_then(|next| next.to_str()).map(str::to_owned);
    let named = joined.clone().or_else(next);
    if is_eleventh || named.is_some_and(|name| hyperparameters::find(&name).is_some()) {
        words[place] = joined.map_or_else(|| "--param".to_owned(), |value| format!("--param={value}")).into();
    }
}

/// `hparams mech count --value N` sets how many mechanisms there are; without a value, `count` tells it.
fn mechanisms(words: &mut [OsString]) {
    let Some(verb) = verb(words, &HPARAMS, &["mech", "mechanisms"]) else { return };
    let value_of = |word: &OsString| {
        let text = word.to_str()?;
        (text == "--value")
            .then(|| "--count".to_owned())
            .or(text.strip_prefix("--value=").map(|n| format!("--count={n}")))
    };
    let Some((place, value)) = words.iter().enumerate().find_map(|(place, word)| Some((place, value_of(word)?))) else {
        return;
    };
    if let Some(deed) = words.get_mut(verb + 1).filter(|deed| *deed == "count") {
        *deed = "set".into();
        words[place] = value.into();
    }
}

/// `subnets register --pow` registers for a proof of work.
fn by_work(words: &mut Vec<OsString>) {
    let Some(verb) = verb(words, &SUBNETS, &["register"]) else { return };
    let is_asked = |word: &OsString| word == "--pow";
    if words.iter().skip(verb).any(is_asked) {
        words[verb] = "pow-register".into();
        words.retain(|word| !is_asked(word));
    }
}

/// Flags of one dash and two letters, as those of two dashes, where there are such.
fn hotkeys(words: &mut [OsString]) {
    let overview = || verb(words, &WALLET, &["overview"]);
    let Some(verb) = verb(words, &STAKE, &["add", "remove"]).or_else(overview) else { return };
    for word in words.iter_mut().skip(verb) {
        match word.to_str() {
            Some("-in") => *word = "--include-hotkeys".into(),
            Some("-ex") => *word = "--exclude-hotkeys".into(),
            _ => {}
        }
    }
}

/// `--hotkeys a b`: several values of a flag, as one with commas.
fn lists(words: &mut Vec<OsString>) {
    let Some(verb) = LISTING.iter().find_map(|(nouns, verbs)| verb(words, nouns, verbs)) else { return };
    let plain = |words: &[OsString], place: usize| {
        words.get(place).and_then(|word| word.to_str()).filter(|word| !word.starts_with('-')).map(str::to_owned)
    };
    let mut place = verb;
    while let Some(word) = words.get(place) {
        let is_list = is(word, &LISTS);
        place += 1;
        while let (true, Some(one), Some(more)) = (is_list, plain(words, place), plain(words, place + 1)) {
            words.remove(place + 1);
            words[place] = format!("{},{}", one.trim_end_matches(','), more.trim_start_matches(',')).into();
        }
    }
}

fn is(word: &OsStr, all: &[&str]) -> bool {
    word.to_str().is_some_and(|word| all.contains(&word))
}

/// Flags without a command that print a script or the tree of commands.
fn completion(words: &mut [OsString]) {
    let Some(first) = words.get_mut(1) else { return };
    let command = match first.to_str() {
        Some("--print-completion" | "--show-completion") => "completions",
        Some("--commands") => "commands",
        _ => return,
    };
    *first = command.into();
}

/// `--json FILE` behind the command, where a file follows: a keystore. Without one, and before the command, it asks
/// for an answer in JSON, as everywhere.
fn keystore(words: &mut [OsString]) {
    let Some(verb) = verb(words, &WALLET, &KEYSTORE) else { return };
    for place in verb..words.len() {
        let follows = words.get(place + 1).and_then(|next| next.to_str()).is_some_and(|next| !next.starts_with('-'));
        let Some(word) = words.get_mut(place) else { continue };
        match word.to_str() {
            Some("--json") if follows => *word = "--json-path".into(),
            Some(text) => {
                if let Some(file) = text.strip_prefix("--json=") {
                    *word = format!("--json-path={file}").into();
                }
            }
            None => {}
        }
    }
}

/// `wallet swap-coldkey --new-coldkey ... announce`: what is done comes first. The word behind a flag is its value,
/// unless the flag is known to have none.
fn exchange(words: &mut [OsString]) {
    let Some(verb) = verb(words, &WALLET, &["swap-coldkey", "swap_coldkey"]) else { return };
    let Some(behind) = words.get_mut(verb + 1..) else { return };
    let is_value = |place: usize| {
        let before = place.checked_sub(1).and_then(|before| behind.get(before)).and_then(|word| word.to_str());
        before.is_some_and(|before| before.starts_with('-') && !before.contains('=') && !ALONE.contains(&before))
    };
    let deed = (0..behind.len()).find(|&place| is(&behind[place], &EXCHANGE) && !is_value(place));
    if let Some(deed) = deed {
        behind[..=deed].rotate_right(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual_of(words: &str) -> String {
        let words = usual(words.split(' ').map(Into::into).collect());
        words.iter().map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn other_spellings_become_the_usual_ones() {
        for (words, expected) in [
            ("btctl stake add -in h1 -ex h2", "btctl stake add --include-hotkeys h1 --exclude-hotkeys h2"),
            ("btctl --print-completion bash", "btctl completions bash"),
            ("btctl --commands", "btctl commands"),
            ("btctl w regen_coldkey --json key.json", "btctl w regen_coldkey --json-path key.json"),
            ("btctl wallet regen-hotkey --json=key.json", "btctl wallet regen-hotkey --json-path=key.json"),
            ("btctl wallet regen-hotkey --json --yes", "btctl wallet regen-hotkey --json --yes"),
            ("btctl --json wallet regen-hotkey -w x", "btctl --json wallet regen-hotkey -w x"),
            ("btctl wallet --json regen-hotkey -w x", "btctl wallet --json regen-hotkey -w x"),
            ("btctl wallet balance --json x", "btctl wallet balance --json x"),
            ("btctl w swap_coldkey --wallet.name a execute", "btctl w swap_coldkey execute --wallet.name a"),
            ("btctl w swap-coldkey announce --new x", "btctl w swap-coldkey announce --new x"),
            ("btctl w swap_coldkey --new x --yes check", "btctl w swap_coldkey check --new x --yes"),
            ("btctl --socket /x stake add -in h1", "btctl --socket /x stake add --include-hotkeys h1"),
            ("btctl w overview -in h1 -ex h2", "btctl w overview --include-hotkeys h1 --exclude-hotkeys h2"),
            ("btctl stake add --hotkeys a b --amount 1", "btctl stake add --hotkeys a,b --amount 1"),
            ("btctl st remove --max_stake 3 --hotkeys a b c", "btctl st remove --max_stake 3 --hotkeys a,b,c"),
            ("btctl wallet inspect --netuids 1 2 -y", "btctl wallet inspect --netuids 1,2 -y"),
            ("btctl root weights --netuids 1 2 --weights .5 .5", "btctl root weights --netuids 1,2 --weights .5,.5"),
            ("btctl stake list --hotkeys a b", "btctl stake list --hotkeys a b"),
            ("btctl stake unstake-all --hotkey h1 -y", "btctl stake remove --all --hotkey h1 -y"),
            ("btctl --json st unstake-all-alpha", "btctl --json stake remove --all-alpha"),
            ("btctl hparams start --netuid 2", "btctl subnets start --netuid 2"),
            ("btctl hparams mech count 2", "btctl subnets mechanisms count 2"),
            ("btctl hparams mech count --netuid 2 --value 3", "btctl subnets mechanisms set --netuid 2 --count 3"),
            ("btctl hparams mechanisms count --value=3 2", "btctl subnets mechanisms set --count=3 2"),
            ("btctl hparams get 2", "btctl hparams get 2"),
            ("btctl hparams set --name tempo --value 9", "btctl hparams set --param tempo --value 9"),
            ("btctl hparams set --name=epoch_consensus", "btctl hparams set --param=epoch_consensus"),
            ("btctl sudo set --name tempo --value 9", "btctl sudo set --param tempo --value 9"),
            ("btctl sudo set --name owner --value 9", "btctl sudo set --name owner --value 9"),
            ("btctl su set --name tempo --param rho", "btctl su set --name tempo --param rho"),
            ("btctl hparams set --param=rho --name w", "btctl hparams set --param=rho --name w"),
            ("btctl hparams set-symbol --netuid 2 --symbol x", "btctl subnets set-symbol --netuid 2 x"),
            ("btctl hparams set-identity --name a --url b", "btctl subnets set-identity --subnet-name a --url b"),
            ("btctl root claim --netuids 1", "btctl stake process-claim --netuids 1"),
            ("btctl wallet registrations --all", "btctl wallet overview --all"),
            ("btctl w announce-coldkey-swap --new x", "btctl wallet swap-coldkey announce --new x"),
            ("btctl subnets register --netuid 1 --pow -y", "btctl subnets pow-register --netuid 1 -y"),
            ("btctl stake add --hotkeys a, b --amount 1", "btctl stake add --hotkeys a,b --amount 1"),
            // What is a value stays one.
            ("btctl w swap-coldkey --wallet execute announce", "btctl w swap-coldkey announce --wallet execute"),
            (
                "btctl w set-identity --name swap-coldkey --about check",
                "btctl w set-identity --name swap-coldkey --about check",
            ),
            ("btctl addr add regen-hotkey --json x", "btctl addr add regen-hotkey --json x"),
            ("btctl wallet sign --message -in", "btctl wallet sign --message -in"),
            ("btctl config set wallet_name -ex", "btctl config set wallet_name -ex"),
            ("btctl", "btctl"),
        ] {
            assert_eq!(usual_of(words), expected, "{words}");
        }
    }
}
