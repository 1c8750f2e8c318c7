//! Lists as people write them: `"1, 2"`, `1, 2` in two words, and ranges of subnets as `1-3,5`. The parser splits at
//! commas and takes the rest as it stands, so they are brought to `1,2` before it reads them: here, for every command.
//!
//! What is such a list is what the parser splits; a text that has commas in it, such as a message, stays as it is.

use std::ffi::OsString;

use clap::{Arg, Command, CommandFactory};

use super::Cli;

/// What a range stands for at most: more subnets than there are.
const MOST: u32 = 4_096;

/// Brings the lists among `words` to one form.
pub(super) fn plain(words: &mut Vec<OsString>) {
    // Nearly no command line has one, and the tree of commands takes time to build.
    if !words.iter().skip(1).filter_map(|word| word.to_str()).any(may_be_meant) {
        return;
    }
    let root = Cli::command();
    let (command, leaf) = leaf(&root, words);
    let mut place = leaf + 1;
    // The list that words without a flag belong to: that of the flag before, or the command's own.
    let own = command.get_positionals().find(|arg| arg.get_value_delimiter() == Some(','));
    while let Some(word) = words.get(place).and_then(|word| word.to_str()).map(str::to_owned) {
        place += 1;
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) if flag.starts_with('-') => (flag, Some(value)),
            _ => (word.as_str(), None),
        };
        if !flag.starts_with('-') {
            if let Some(arg) = own {
                place -= 1;
                settle(words, place, arg);
                place += 1;
            }
            continue;
        }
        let Some(arg) = command.get_arguments().find(|arg| is_called(arg, flag)) else { continue };
        let is_list = arg.get_value_delimiter() == Some(',');
        match value {
            Some(value) if is_list => words[place - 1] = format!("{flag}={}", settled(value, arg)).into(),
            None if is_list => {
                while words.get(place).and_then(|word| word.to_str()).is_some_and(|word| !is_flag(word)) {
                    settle(words, place, arg);
                    place += 1;
                }
            }
            // The word behind it is its value, whatever it looks like.
            None if arg.get_action().takes_values() => place += 1,
            Some(_) | None => {}
        }
    }
}

fn may_be_meant(word: &str) -> bool {
    let is_range = |part: &str| {
        part.trim().split_once('-').is_some_and(|(first, last)| is_number(first.trim()) && is_number(last.trim()))
    };
    let value = word.split_once('=').map_or(word, |(_, value)| value);
    value.ends_with(',')
        || value.starts_with(',')
        || value.contains(',') && value.contains(char::is_whitespace)
        || value.split(',').any(is_range)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_flag(word: &str) -> bool {
    word.starts_with('-')
}

fn is_called(arg: &Arg, flag: &str) -> bool {
    if let Some(long) = flag.strip_prefix("--") {
        return arg.get_long() == Some(long) || arg.get_all_aliases().is_some_and(|all| all.contains(&long));
    }
    let mut letters = flag.chars().skip(1);
    let (letter, rest) = (letters.next(), letters.next());
    rest.is_none() && letter.is_some() && arg.get_short() == letter
}

/// The command that `words` name, and the place of the last word of its name.
pub(super) fn leaf<'c>(root: &'c Command, words: &[OsString]) -> (&'c Command, usize) {
    let (mut command, mut last) = (root, 0);
    for (place, word) in words.iter().enumerate().skip(1) {
        if let Some(below) = command.find_subcommand(word) {
            (command, last) = (below, place);
        }
    }
    (command, last)
}

/// Brings the word at `place` to its form, with those behind it that a comma joins to it.
fn settle(words: &mut Vec<OsString>, place: usize, arg: &Arg) {
    let Some(mut list) = words.get(place).and_then(|word| word.to_str()).map(str::to_owned) else { return };
    while let Some(next) = words.get(place + 1).and_then(|word| word.to_str()).map(str::to_owned) {
        let is_joined = list.trim_end().ends_with(',') || next.trim_start().starts_with(',');
        if is_flag(&next) || !is_joined {
            break;
        }
        list = format!("{list} {next}");
        words.remove(place + 1);
    }
    words[place] = settled(&list, arg).into();
}

/// Without blanks around commas, and without empty items; of subnets with ranges written out.
fn settled(list: &str, arg: &Arg) -> String {
    let are_subnets = arg.get_value_names().is_some_and(|names| names.iter().any(|name| name.starts_with("NETUID")));
    let items = list.split(',').map(str::trim).filter(|item| !item.is_empty());
    let items: Vec<String> = items.map(|item| if are_subnets { range(item) } else { item.to_owned() }).collect();
    // What has nothing in it is refused as it was written.
    if items.is_empty() { list.to_owned() } else { items.join(",") }
}

/// `1-3` as `1,2,3`; what is no range stays, for the parser to judge.
fn range(item: &str) -> String {
    let bounds = item
        .split_once('-')
        .and_then(|(first, last)| Some((first.trim().parse::<u32>().ok()?, last.trim().parse::<u32>().ok()?)));
    match bounds {
        Some((first, last)) if first <= last && last - first < MOST => {
            (first..=last).map(|netuid| netuid.to_string()).collect::<Vec<_>>().join(",")
        }
        _ => item.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain_of(words: &[&str]) -> Vec<String> {
        let mut words: Vec<OsString> = std::iter::once(&"btctl").chain(words).map(Into::into).collect();
        plain(&mut words);
        words.iter().skip(1).map(|word| word.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn lists_are_read_as_people_write_them() {
        for (words, expected) in [
            (
                &["root", "weights", "--netuids", "1, 2", "--weights", "0.5, 10"][..],
                "root weights --netuids 1,2 --weights 0.5,10",
            ),
            (
                &["root", "weights", "--netuids", "1,", "2", "--weights=0.5 , 10"],
                "root weights --netuids 1,2 --weights=0.5,10",
            ),
            (&["weights", "commit", "1", "--uids", "0, 1", "-w", "1 ,2"], "weights commit 1 --uids 0,1 -w 1,2"),
            (
                &["stake", "add", "--netuids", "0, 1", "--include-hotkeys", "default, other"],
                "stake add --netuids 0,1 --include-hotkeys default,other",
            ),
            (&["stake", "claim", "--netuids", "1-3,5"], "stake claim --netuids 1,2,3,5"),
            (&["stake", "set-claim", "keep", "-n", "1-2, 5"], "stake set-claim keep -n 1,2,5"),
            (&["wallet", "overview", "--netuids", "0 ,1,"], "wallet overview --netuids 0,1"),
            (&["subnets", "price", "0, 1"], "subnets price 0,1"),
            (&["subnets", "price", "--netuids", "0,", "1", "3-4"], "subnets price --netuids 0,1 3,4"),
        ] {
            assert_eq!(plain_of(words).join(" "), expected);
        }
    }

    #[test]
    fn what_is_no_list_stays_as_it_is() {
        for words in [
            &["wallet", "sign", "--message", "a, b"][..],
            &["wallet", "sign", "-m", "1-3"],
            &["stake", "claim", "--netuids", "3-1"],
            &["stake", "claim", "--netuids", ","],
            &["addr", "add", "2024-01", "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty", "--note", "a, b"],
            &["stake", "add", "--netuid", "1", "--include-hotkeys", "1-3"],
        ] {
            assert_eq!(plain_of(words), words, "{words:?}");
        }
    }
}
