//! Spellings of the Python command lines that say the same in another order or with a word that
//! means something else here; they are written as this command line has them before it is read.

use std::ffi::{OsStr, OsString};

/// Where a keystore is read from, which they call as this command line calls its answers' form.
const KEYSTORE: [&str; 4] = ["regen-coldkey", "regen_coldkey", "regen-hotkey", "regen_hotkey"];
/// What is done in an exchange of coldkeys, which they take at any place.
const EXCHANGE: [&str; 5] = ["announce", "execute", "dispute", "clear", "check"];

/// The command line as this program reads it; the program's own name stays first.
pub(super) fn usual(words: Vec<OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = words.into_iter().map(whole).collect();
    completion(&mut words);
    keystore(&mut words);
    exchange(&mut words);
    words
}

/// Flags of one dash and two letters, as those of two dashes.
fn whole(word: OsString) -> OsString {
    match word.to_str() {
        Some("-in") => "--include-hotkeys".into(),
        Some("-ex") => "--exclude-hotkeys".into(),
        _ => word,
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
    let Some(command) = words.iter().position(|word| is(word, &KEYSTORE)) else { return };
    for place in command..words.len() {
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

/// `wallet swap-coldkey --new-coldkey ... announce`: what is done comes first.
fn exchange(words: &mut [OsString]) {
    let Some(noun) = words.iter().position(|word| is(word, &["swap-coldkey", "swap_coldkey"])) else { return };
    let Some(behind) = words.get_mut(noun + 1..) else { return };
    if let Some(deed) = behind.iter().position(|word| is(word, &EXCHANGE)) {
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
            ("btctl", "btctl"),
        ] {
            assert_eq!(usual_of(words), expected, "{words}");
        }
    }
}
