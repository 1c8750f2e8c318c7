//! What is said beside a refusal of the parser: what to do in place of what the Python command lines take there.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What to do in place of a flag that the Python command lines have and this one cannot, and of a
/// bare word where none is taken.
pub(super) fn of(error: &clap::Error, words: &[OsString]) -> Option<&'static str> {
    const COST: [&str; 5] = ["burn-cost", "burn_cost", "lock-cost", "lock_cost", "create-cost"];
    if let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) {
        return (word == "view").then_some(
            "no page is drawn: `btctl wallet overview`, `stake list` and `subnets metagraph` have what it shows",
        );
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg) else { return None };
    let is_subnet = word.starts_with("--netuid") || word == "-n" || word.bytes().all(|byte| byte.is_ascii_digit());
    if error.kind() == ErrorKind::UnknownArgument
        && is_subnet
        && words.iter().any(|word| word.to_str().is_some_and(|word| COST.contains(&word)))
    {
        return Some(
            "this is what creating a subnet costs, as in btcli 6 and 9; what a neuron's place on one costs, which btcli \
             11 calls burn-cost, is `btctl subnets registration-cost NETUID`",
        );
    }
    if let (ErrorKind::ValueValidation, Some(ContextValue::String(value))) =
        (error.kind(), error.get(ContextKind::InvalidValue))
        && words.windows(2).any(|pair| pair[0] == "-n" && pair[1] == value.as_str())
    {
        return Some(NO_NETWORK);
    }
    match (error.kind(), word.split('=').next()?) {
        (ErrorKind::UnknownArgument, flag) if flag.starts_with('-') => substitute(flag),
        (ErrorKind::UnknownArgument, _) | (ErrorKind::ValueValidation, "[ADDRESS]" | "[ADDRESS]...") => {
            Some("a wallet's name goes with --wallet, a hotkey's with --wallet-hotkey")
        }
        _ => None,
    }
}

/// What `-n` is, for those who have it in their fingers for the network.
const NO_NETWORK: &str = "-n names a subnet, where there is one to be named; a network goes with --network";

fn substitute(flag: &str) -> Option<&'static str> {
    match flag {
        "--network" | "--subtensor.network" | "--chain" | "--subtensor.chain_endpoint" | "--chain_endpoint" => {
            Some("the daemon holds the connection: start it with `btd --network ...`")
        }
        "-n" => Some(NO_NETWORK),
        "--wallet-path" | "--wallet.path" | "--wallet_path" | "--wallet-dir" | "-p" => {
            Some("the wallets' directory follows, as in --wallet-path DIR: where it is not btd's own, nothing is done")
        }
        "--password" | "--mnemonic" | "--seed" => {
            Some("secrets do not belong on the command line; see --password-stdin and --password-fd")
        }
        "--announce-only" | "--announce_only" => {
            Some("what a command signs is announced so, beside --proxy; this one signs nothing")
        }
        "--mev-protection" | "--mev_protection" | "--mev-shield" => {
            Some("btd sends to the pool of its own endpoints; what bounds a trade is --tolerance, or --limit-price")
        }
        "--json-password" | "--json_password" => {
            Some("secrets do not belong on the command line: the passphrase is asked for, or see --json-password-fd")
        }
        "--subtensor._mock" => Some("a chain to try things on is `btd --network devnet`"),
        "--install-completion" => Some("`btctl info autocomplete` tells how, shell by shell"),
        _ => None,
    }
}
