//! What every command says, on which stream and with which exit code: against a development chain that stands
//! still, on one where everything is signed and sent, and where the wallet is missing, the wallet is locked, the daemon
//! is not there, or the chain is not.
//!
//! `commands.txt` lists the commands; beside it lie the snapshots, one for each circumstance, with and without `--json`.
//! `signed-commands.txt`, `legacy-commands.txt` and `once-commands.txt` list what is done one after the other, for good
//! ([`sent`]). What differs from run to run is written as a word ([`settled`]). `BTD_TRANSCRIPTS=write` writes them
//! anew; read the difference before keeping it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod complete;
mod neighbours;
mod sent;
mod settled;
mod typed;

use btd_tests::{Host, wait_for};
use serde_json::Value;

use crate::{
    sent::sent,
    typed::{Typed, commands, kept, record},
};

/// A block an hour: the chain stands still while it is looked at.
const STILL: [&str; 4] = ["--network", "devnet", "--block-time", "1h"];
const ON_DEMAND: [&str; 4] = ["--network", "devnet", "--block-time", "instant"];
/// What is typed where a node takes the connection and says nothing.
const INTO_SILENCE: [&str; 9] = [
    "status",
    "chain",
    "subnets list",
    "subnets metagraph 1",
    "wallet balance",
    "wallet transfer",
    "stake list",
    "tx list",
    "query block",
];

/// Types each of these commands, with and without `--json`, and compares with what was once kept.
fn told(circumstance: &str, host: &Host, typed: Vec<Typed>, more: impl Fn(char) -> Vec<&'static str>) {
    let mut transcript = String::new();
    for typed in typed {
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

/// What is typed behind a command that signs, for want of somebody to ask.
fn approved(kind: char) -> Vec<&'static str> {
    if "sx".contains(kind) { vec!["--yes"] } else { vec![] }
}

#[test]
fn without_a_daemon() {
    let host = Host::new();
    told("no-daemon", &host, commands(&host, "rskuolwx"), approved);
}

/// A daemon at `endpoint`, which is of no use, and has said why; and a wallet.
fn in_vain(host: &Host, endpoint: &str, variables: &[(&str, &str)]) -> btd_tests::Daemon {
    let daemon = host.start_with(&["--network", endpoint], variables);
    host.ask(&["wallet", "create", "--wallet", "default", "--uri", "//Alice"]);
    wait_for("what is wrong with the chain", || host.ask(&["status"])["chain"]["trouble"].as_str().map(drop));
    daemon
}

#[test]
fn without_a_chain() {
    let host = Host::new();
    let _daemon = in_vain(&host, "ws://127.0.0.1:1", &[]);
    told("no-chain", &host, commands(&host, "rsox"), approved);
}

#[test]
fn where_the_chain_says_nothing() {
    let host = Host::new();
    let patience = [("BTD_CHAIN__CONNECT_TIMEOUT_MS", "500"), ("BTD_CHAIN__REQUEST_TIMEOUT_MS", "500")];
    let _daemon = in_vain(&host, &neighbours::silent(), &patience);
    let typed = commands(&host, "rs").into_iter();
    let is_one = |typed: &Typed| INTO_SILENCE.iter().any(|path| typed.words.join(" ").starts_with(path));
    told("silent-chain", &host, typed.filter(is_one).collect(), approved);
}

#[test]
fn without_a_wallet() {
    let host = Host::new();
    let _daemon = host.start(&STILL);
    told("no-wallet", &host, commands(&host, "rskuwx"), approved);
}

#[test]
fn with_everything_there() {
    let host = Host::new();
    let _daemon = host.start(&STILL);
    host.ask(&["wallet", "create", "--wallet", "default", "--uri", "//Alice"]);
    wait_for("the metagraphs", || host.btctl(&["subnets", "metagraph", "1"]).status.success().then_some(()));
    let typed = commands(&host, "rskuolw");
    told("devnet", &host, typed, |kind| if kind == 's' { vec!["--dry-run"] } else { vec![] });
}

#[test]
fn signed_and_sent() {
    let host = Host::new();
    let _daemon = host.start(&ON_DEMAND);
    sent("signed", &host, include_str!("signed-commands.txt"));
}

#[test]
fn signed_where_root_has_weights_and_a_senate() {
    let host = Host::new();
    let _daemon = host.start_with(&ON_DEMAND, &[("BTD_DEVNET__LEGACY_ROOT", "true")]);
    wait_for("btd to be ready", || (host.ask(&["status"])["phase"] == "ready").then_some(()));
    btd_tests::senate::open_a_proposal(&host);
    sent("legacy", &host, include_str!("legacy-commands.txt"));
}

#[test]
fn done_once_on_this_host() {
    let host = Host::new();
    let _daemon = host.start(&ON_DEMAND);
    let list = include_str!("once-commands.txt").replace("UPSTREAM", &neighbours::upstream());
    sent("once", &host, &list);
}
