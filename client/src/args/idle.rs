//! Words that the Python command lines take with every command, and that say nothing to this one: a
//! hotkey where only the coldkey counts, or a default in so many words.
//!
//! Or how something is drawn, logged or kept that is not drawn, logged or kept here.
//!
//! They are passed over, and it is said so, rather than refused: scripts are full of them. A word
//! that asks for something that would then not happen is never among them.

use std::ffi::OsString;

use clap::{
    CommandFactory,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{Cli, lists::leaf};

/// Those that have a value.
const VALUED: &[&str] = &[
    "--hotkey",
    "-H",
    "--wallet-hotkey",
    "--wallet_hotkey",
    "--wallet.hotkey",
    "--wallet-name",
    "--wallet_name",
    "--wallet.name",
    "--name",
    "--logging.logging_dir",
    "--width",
    "--dashboard-path",
    "--dashboard_path",
    "--dash_path",
    "--dash.path",
    "--dashboard.path",
    "--interval-hours",
    "--interval",
];
/// Those that have none: each says what holds anyway.
const BARE: &[&str] = &[
    "--verbose",
    "-v",
    "--no-overwrite",
    "--no-all-netuids",
    "--no-graph",
    "--no-all-hotkeys",
    "--no-use-hotkey",
    "--no-mev-protection",
    "--no-mev-shield",
    "--no-cache",
    "--no_cache",
    "--no-disk-cache",
    "--no_version_checking",
    "--no-version-checking",
    "--strict",
    "--prompt",
    "--debug",
    "--logging.debug",
    "--logging.trace",
    "--logging.record_log",
    "--cache",
    "--disk-cache",
    "--graph",
    "--log-scale",
    "--log",
    "--html",
    "--no-announce-only",
    "--all_hotkeys",
    "--wallet.all_hotkeys",
    "--safe-staking",
    "--safe_staking",
    "--safe",
    "--not-partial",
    "--no-partial",
    "--no-allow-partial-stake",
];

/// Those that name a network, with a value. The daemon follows one, and is asked which.
const NETWORK: &[&str] = &[
    "--network",
    "--subtensor.network",
    "--subtensor_network",
    "--chain",
    "--subtensor.chain_endpoint",
    "--subtensor.chain-endpoint",
    "--chain_endpoint",
    "-n",
];

/// Those that name the directory of wallets. The daemon has one, and is asked which.
const WALLETS: &[&str] = &["--wallet-path", "--wallet.path", "--wallet_path", "--wallet-dir", "-p"];

/// Takes the flag that names a network out of `words`, if that is what `error` complains of, and gives its value.
pub(super) fn network(error: &clap::Error, words: &mut Vec<OsString>) -> Option<String> {
    // What has a number behind it is a subnet where there is none to be named.
    let is_network = |flag: &str, value: &str| flag != "-n" || !value.starts_with(|c: char| c.is_ascii_digit());
    taken(NETWORK, error, words, is_network)
}

/// The same for the directory of wallets.
pub(super) fn wallets(error: &clap::Error, words: &mut Vec<OsString>) -> Option<String> {
    taken(WALLETS, error, words, |_, path| !path.is_empty())
}

/// Takes a flag of `flags` out of `words`, if that is what `error` complains of and its value can be meant, and gives
/// the value.
fn taken(
    flags: &[&str],
    error: &clap::Error,
    words: &mut Vec<OsString>,
    is_meant: impl Fn(&str, &str) -> bool,
) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(named)) = error.get(ContextKind::InvalidArg) else { return None };
    let bare = *flags.iter().find(|flag| Some(**flag) == named.split('=').next())?;
    let is_short = !bare.starts_with("--");
    // `--flag=value`, and of one letter `-fvalue`.
    let own = |word: &OsString| {
        let rest = word.to_str()?.strip_prefix(bare)?;
        let value = rest.strip_prefix('=').or_else(|| Some(rest).filter(|rest| is_short && !rest.is_empty()))?;
        is_meant(bare, value).then(|| value.to_owned())
    };
    if let Some(place) = words.iter().position(|word| own(word).is_some()) {
        return own(&words.remove(place));
    }
    // Of one letter the second could be the value of another flag: nobody guesses which.
    if is_short && words.iter().filter(|word| *word == bare).count() > 1 {
        return None;
    }
    let place = words.iter().position(|word| word == bare)?;
    let value =
        words.get(place + 1)?.to_str().filter(|value| !value.starts_with('-') && is_meant(bare, value))?.to_owned();
    words.drain(place..=place + 1);
    Some(value)
}

/// Takes the word that `error` complains of out of `words`, with its value, if it says nothing here.
pub(super) fn pass_over(error: &clap::Error, words: &mut Vec<OsString>) -> Option<String> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let Some(ContextValue::String(named)) = error.get(ContextKind::InvalidArg) else { return None };
    let bare = named.split('=').next()?;
    let (is_valued, is_bare) = (VALUED.contains(&bare), BARE.contains(&bare));
    if !is_valued && !is_bare {
        return None;
    }
    // Of `-vv` the complaint names one for each time that it is meant.
    let is_repeated = |word: &str| {
        let letters = word.strip_prefix('-').filter(|letters| !letters.is_empty());
        letters.is_some_and(|letters| letters.bytes().all(|letter| letter == b'v'))
    };
    let is_it = |word: &OsString| {
        word.to_str().is_some_and(|word| {
            let has_value = word.split_once('=').is_some_and(|(name, _)| name == bare);
            word == bare || has_value || bare == "-v" && is_repeated(word)
        })
    };
    let places: Vec<usize> = words.iter().enumerate().filter(|(_, word)| is_it(word)).map(|(place, _)| place).collect();
    // One of several may be the value of another flag, which stands before it: nobody guesses which.
    let is_flag = |word: &OsString| word.as_encoded_bytes().starts_with(b"-") && !is_it(word);
    let place = match places[..] {
        [only] => only,
        [..] if is_bare => {
            let before = |place: &usize| words.get(place.checked_sub(1)?);
            *places.iter().find(|place| !before(place).is_some_and(is_flag))?
        }
        [..] => return None,
    };
    // Before the command it was meant for the command, which may well have such a flag: the keys that sign are not
    // left to chance.
    if is_valued && place < leaf(&Cli::command(), words).1 {
        return None;
    }
    let word = words.remove(place);
    let has_own_value = word.to_str().is_some_and(|word| word.contains('='));
    // A value never begins with a dash: no wallet or hotkey has such a name.
    let value_follows = words.get(place).and_then(|next| next.to_str()).is_some_and(|next| !next.starts_with('-'));
    if is_valued && !has_own_value && value_follows {
        words.remove(place);
    }
    Some(bare.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    fn passed(words: &str) -> Result<Vec<String>, String> {
        let words = format!("btctl {words}");
        parse(words.split(' ').map(Into::into), None)
            .map(|typed| typed.idle)
            .map_err(|refusal| refusal.error.to_string())
    }

    #[test]
    fn what_says_nothing_is_passed_over() {
        for (words, idle) in [
            (
                "wallet transfer --wallet.name a --wallet.hotkey h --dest 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty -a 1",
                vec!["--wallet.hotkey"],
            ),
            ("lock show --netuid 1 --no-graph", vec!["--no-graph"]),
            ("wallet list --wallet-name a --verbose", vec!["--wallet-name", "--verbose"]),
            ("subnets list --hotkey=h --strict", vec!["--hotkey", "--strict"]),
            ("stake list -H h -v", vec!["-H", "-v"]),
            ("subnets list -v -v", vec!["-v", "-v"]),
            ("subnets list -vvv --verbose", vec!["-v", "--verbose"]),
            ("wallet sign --message -v -v", vec!["-v"]),
            ("subnets list --logging.debug --logging.logging_dir x", vec!["--logging.debug", "--logging.logging_dir"]),
            ("wallet overview --width 80 --all_hotkeys", vec!["--width", "--all_hotkeys"]),
            // All of the wallet's are shown, whichever is its own.
            ("wallet overview --wallet.name a --wallet.hotkey h", vec!["--wallet.hotkey"]),
            ("subnets price --netuid 1 --interval-hours 4 --html", vec!["--html"]),
            ("subnets list --interval-hours 4 --log-scale", vec!["--interval-hours", "--log-scale"]),
            ("subnets start --netuid 1 --safe", vec!["--safe"]),
            ("stake add -n 1 --amount 1 -in h1", vec![]),
            ("stake add --netuid 1 --amount 1 --hotkey h", vec![]),
            ("wallet balance -n finney", vec![]),
            ("stake add --netuid 1 --amount 1 -p /w", vec![]),
        ] {
            assert_eq!(passed(words).unwrap(), idle, "{words}");
        }
    }

    #[test]
    fn what_asks_for_something_is_refused() {
        for words in [
            "stake add --netuid 1 --amount 1 --mev-protection",
            "subnets start --netuid 1 --unsafe",
            "wallet list --nonsense",
            // Another wallet than was meant would sign.
            "--wallet-name a wallet transfer --dest 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty -a 1",
            "wallet --name a transfer --dest 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty -a 1",
            "stake --hotkey h add --netuid 1 --amount 1",
            "subnets register --netuid 1 --wallet-hotkey-ss58 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
            // Which of the two is a message?
            "wallet sign --message --debug --wallet=default --debug",
            "wallet transfer --announce-only",
            "wallet balance -n 1",
            "wallet sign --message -p -p /w",
        ] {
            assert!(passed(words).is_err(), "{words}");
        }
    }
}
