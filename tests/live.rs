//! What `--live` shows over several blocks: on a terminal in one place, through a pipe one after the other.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    io::{BufRead, BufReader, Read},
    process::Stdio,
};

use btd_tests::{Host, terminal::Terminal};
use serde_json::Value;

const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
/// Home, and nothing below.
const CLEAR: &str = "\u{1b}[H\u{1b}[J";

/// The views that can be live, and what each shows of the block it was read at.
const VIEWS: [&[&str]; 4] = [
    &["subnets", "list"],
    &["subnets", "metagraph", "1"],
    &["subnets", "metagraph", "1", "--mechid", "0", "--sort", "stake", "--columns", "uid,stake"],
    &["stake", "list", "--address", ALICE],
];

fn mine(host: &Host) -> u64 {
    host.ask(&["devnet", "mine"])["number"].as_u64().unwrap()
}

#[test]
fn a_pipe_gets_one_document_a_block_and_the_number_that_was_asked_for() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "instant"]);
    for view in VIEWS {
        let mut command = host.command_of("btctl");
        command.arg("--json").args(view).args(["--live", "--count", "4"]).stdout(Stdio::piped());
        let mut live = command.spawn().unwrap();
        let mut lines = BufReader::new(live.stdout.take().unwrap()).lines();
        let mut next = || lines.next().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        let block = |reply: &Value| {
            // A metagraph whose neurons are as they were is of an earlier block; its subnet's figures are not.
            let at = reply.get("subnet_at").unwrap_or(&reply["at"]);
            at["number"].as_u64().unwrap_or_else(|| panic!("{view:?}: {reply}"))
        };
        let mut seen = vec![block(&next().unwrap())];
        for _ in 0..3 {
            let mined = mine(&host);
            let shown = block(&next().unwrap());
            assert_eq!(shown, mined, "{view:?} after {seen:?}");
            seen.push(shown);
        }
        assert!(next().is_none(), "{view:?} goes on after four");
        assert!(live.wait().unwrap().success(), "{view:?}");
    }
    assert!(daemon.stop().success());
}

#[test]
fn what_changes_on_the_chain_changes_in_the_view() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "instant"]);
    host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice", "--hotkey", "h", "--no-password"]);
    let neurons = |reply: &Value| reply["neurons"].as_array().unwrap().len();
    let mut command = host.command_of("btctl");
    command.args(["--json", "subnets", "metagraph", "1", "--live"]).stdout(Stdio::piped());
    let mut live = command.spawn().unwrap();
    let mut lines = BufReader::new(live.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let before = neurons(&next());
    host.ask(&["subnets", "register", "--netuid", "1", "--wallet", "alice", "--hotkey", "h", "--yes"]);
    // With the very block in which it came.
    assert_eq!(neurons(&next()), before + 1);
    live.kill().unwrap();
    live.wait().unwrap();
    assert!(daemon.stop().success());
}

#[test]
fn a_terminal_shows_the_newest_in_one_place_until_it_is_interrupted() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "instant"]);
    for view in VIEWS {
        let mut terminal = Terminal::btctl(&host, &[view, &["--live"]].concat());
        terminal.wait_for(CLEAR);
        for _ in 0..3 {
            mine(&host);
            terminal.wait_for(CLEAR);
        }
        terminal.press("\x03");
        assert_eq!(terminal.end(), 130, "{view:?}");
        assert_eq!(terminal.screen().matches(CLEAR).count(), 4, "{view:?}: {terminal:?}");
    }
    assert!(daemon.stop().success());
}

/// Whoever reads may stop reading: that is no error of anybody's.
#[test]
fn a_reader_who_has_seen_enough_ends_it() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "instant"]);
    let mut command = host.command_of("btctl");
    command.args(["subnets", "list", "--live"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut live = command.spawn().unwrap();
    let mut first = [0; 1];
    let mut out = live.stdout.take().unwrap();
    out.read_exact(&mut first).unwrap();
    drop(out);
    let ended = btd_tests::wait_for("btctl to notice", || {
        mine(&host);
        live.try_wait().unwrap()
    });
    let mut words = String::new();
    live.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    assert!(!words.contains("panicked"), "{ended}: {words}");
    assert!(daemon.stop().success());
}

/// What cannot come, or not for long, is said at once: nobody waits for it in silence.
#[test]
fn who_waits_for_what_is_not_there_is_told_so() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "instant"]);
    for (words, said) in [
        (&["--from", "4000"][..], "block 4000 lies ahead of it"),
        (&["--from-cursor", "4000-2"], "block 4000 lies ahead of it"),
        (&["--pallet", "balances"], "nearest: Balances"),
        (&["--event", "transfer"], "nearest: Transfer"),
        (&["--pallet", "Balances", "--event", "WeightsSet"], "no event WeightsSet in Balances"),
    ] {
        let mut waiting = host.command_of("btctl");
        waiting.args(["--json", "events"]).args(words).stdout(Stdio::piped());
        let mut waiting = waiting.spawn().unwrap();
        let mut lines = BufReader::new(waiting.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let trouble = first["trouble"].as_str().unwrap_or_else(|| panic!("{words:?}: {first}"));
        assert!(first["type"] == "waiting" && first["link"] == "live" && trouble.contains(said), "{first}");
        waiting.kill().unwrap();
        waiting.wait().unwrap();
    }
    assert!(daemon.stop().success());
}
