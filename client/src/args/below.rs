//! The commands of a noun, which are described once that noun was typed.
//!
//! The tree of all commands, with hundreds of flags and what is said of each, takes a good part of the time in which a
//! command that reads is done. Where the words are complete, one noun of it is enough. Whatever is wrong with them, and
//! all help, is told by the whole tree.

use std::{cell::Cell, ffi::OsString};

use clap::{ArgMatches, Command, Error, FromArgMatches, Parser, Subcommand};

use super::Cli;

/// The commands of a noun.
#[derive(Clone, Debug)]
pub(crate) struct Below<C>(pub(crate) C);

thread_local! {
    /// Whether commands below a noun are described when it is found among the words, and not before.
    static IS_LATER: Cell<bool> = const { Cell::new(false) };
}

/// Reads the words of a command line.
pub(super) fn read(words: &[OsString]) -> Result<Cli, Error> {
    IS_LATER.set(true);
    let complete = Cli::try_parse_from(words);
    IS_LATER.set(false);
    complete.or_else(|_| Cli::try_parse_from(words))
}

// === impl Below ===

impl<C: Subcommand> Subcommand for Below<C> {
    fn augment_subcommands(command: Command) -> Command {
        if IS_LATER.get() { command.defer(C::augment_subcommands) } else { C::augment_subcommands(command) }
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        C::augment_subcommands_for_update(command)
    }

    fn has_subcommand(name: &str) -> bool {
        C::has_subcommand(name)
    }
}

impl<C: FromArgMatches> FromArgMatches for Below<C> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        C::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        C::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }

    fn update_from_arg_matches_mut(&mut self, matches: &mut ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches_mut(matches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_the_same_whenever_commands_are_described() {
        for line in [
            "btctl status",
            "btctl subnets metagraph 1 --columns uid,stake --sort stake",
            "btctl --json s list --quiet --timeout 5s",
            "btctl wallet create --wallet alice --hotkey cold --no-password -y",
            "btctl stake add --netuid 1 --amount 1 --json",
            "btctl config set --network finney",
            "btctl sudo set --netuid 1 --param tempo --value 100",
            "btctl query storage System Number",
            "btctl weights",
            "btctl wallet --help",
            "btctl --wallet wallet stake list",
            "btctl w swap-coldkey check",
            "btctl help wallet create",
            "btctl wallet help create",
            "btctl --version",
            "btctl wallet --version",
            "btctl wallt list",
            "btctl wallet lst",
            "btctl nonsense",
            "btctl subnets metagraph one",
            "btctl stake add --netuid 1 --nonsense",
        ] {
            let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
            let told = |read: Result<Cli, Error>| read.map(|cli| format!("{cli:?}")).map_err(|error| error.to_string());
            assert_eq!(told(read(&words)), told(Cli::try_parse_from(&words)), "{line}");
        }
    }
}
