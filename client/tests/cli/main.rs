//! The real `btctl` against a daemon of the test's own making: exit codes, what goes to which
//! stream, and that it never waits for a terminal that is not there.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod daemon;

use std::{
    fs::Permissions,
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    time::Duration,
};

use btd_api::{ApiError, ErrorKind};
use daemon::{ALICE, BOB, Daemon};
use serde_json::{Value, json};

/// `btctl` with a clean environment and the socket of `daemon`. Standard input is a pipe that stays
/// open and silent: whoever reads it waits for ever.
fn start(daemon: &Daemon, arguments: &[&str]) -> Child {
    command(arguments).env("BTD_SOCKET", daemon.socket()).spawn().unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_btctl"));
    command.env_clear().args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end, which must come though standard input stays open.
fn run(daemon: &Daemon, arguments: &[&str]) -> Output {
    finish(start(daemon, arguments))
}

fn finish(mut child: Child) -> Output {
    // Held open until the end: waiting for the output would close it.
    let _silent = child.stdin.take();
    let id = child.id();
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || ended.send(child.wait_with_output()));
    let Ok(output) = end.recv_timeout(Duration::from_mins(1)) else {
        let _ = Command::new("kill").arg(id.to_string()).status();
        panic!("btctl waits for something that never comes");
    };
    output.unwrap()
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn err(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("killed by a signal")
}

#[test]
fn json_is_the_answer_as_it_came_and_nothing_else() {
    let answer = json!({ "at": daemon::at(), "subnets": [], "of_a_newer_daemon": [1.5, "x"] });
    let daemon = Daemon::new().answer("subnets_list", answer.clone()).start();
    let output = run(&daemon, &["--json", "subnets", "list"]);
    assert_eq!((code(&output), err(&output)), (0, ""));
    assert_eq!(out(&output), format!("{answer}\n"));
}

#[test]
fn a_table_carries_no_escape_sequences_into_a_pipe() {
    let daemon = Daemon::new().answer("subnets_list", json!({ "at": daemon::at(), "subnets": [] })).start();
    let output = run(&daemon, &["subnets", "list"]);
    assert_eq!(code(&output), 0);
    assert!(out(&output).starts_with("NETUID  NAME") && !out(&output).contains('\x1b'), "{}", out(&output));
    assert!(out(&output).ends_with("at block #7, 1 s ago\n"), "{}", out(&output));
}

#[test]
fn an_error_of_the_daemon_ends_with_the_code_of_its_class() {
    for (kind, exit) in [
        (ErrorKind::PermissionDenied, 4),
        (ErrorKind::WalletLocked, 5),
        (ErrorKind::DispatchFailed, 6),
        (ErrorKind::OutcomeUnknown, 7),
        (ErrorKind::ChainUnavailable, 8),
        (ErrorKind::PolicyRefused, 9),
        (ErrorKind::Internal, 1),
    ] {
        let error = ApiError::new(kind, "no, because of this").with("detail", 7);
        let daemon = Daemon::new().refuse("wallet_balance", error).start();
        let output = run(&daemon, &["wallet", "balance"]);
        assert_eq!((code(&output), out(&output)), (exit, ""), "{kind}");
        assert!(err(&output).starts_with("error: no, because of this\n"), "{}", err(&output));

        let output = run(&daemon, &["--json", "wallet", "balance"]);
        assert_eq!((code(&output), out(&output)), (exit, ""), "{kind}");
        let document: Value = serde_json::from_str(err(&output)).unwrap();
        assert_eq!(document["error"]["code"], kind.code());
        assert_eq!(document["error"]["kind"], kind.name());
        assert_eq!(document["error"]["data"]["detail"], 7);
        assert_eq!(document["error"]["exit"], exit);
    }
}

#[test]
fn a_daemon_that_is_not_there() {
    let nowhere = tempfile::tempdir().unwrap();
    let socket = nowhere.path().join("btd.sock");
    for arguments in [&["status"][..], &["--json", "status"], &["events"]] {
        let child = command(arguments).arg("--socket").arg(&socket).spawn().unwrap();
        let output = finish(child);
        assert_eq!((code(&output), out(&output)), (3, ""), "{arguments:?}");
        assert!(err(&output).contains(socket.to_str().unwrap()), "{}", err(&output));
    }
    // A socket left behind by a daemon that was killed.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let output = finish(command(&["status", "--socket", socket.to_str().unwrap()]).spawn().unwrap());
    assert_eq!(code(&output), 3, "{}", err(&output));
}

#[test]
fn a_daemon_that_says_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("btd.sock");
    // Accepts connections into its backlog, and never reads them.
    let _mute = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let output =
        finish(command(&["status", "--timeout", "50ms", "--socket", socket.to_str().unwrap()]).spawn().unwrap());
    assert_eq!((code(&output), out(&output)), (8, ""), "{}", err(&output));

    let daemon = Daemon::new().never("node_status").start();
    let output = run(&daemon, &["status", "--timeout", "50ms"]);
    assert_eq!((code(&output), out(&output)), (8, ""));
    assert!(err(&output).contains("did not answer `node_status` within 50 ms"), "{}", err(&output));
}

#[test]
fn something_else_at_the_socket() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("btd.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for (reply, exit) in [
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", 4),
        ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", 8),
        ("220 mail.example ESMTP\r\n\r\n", 3),
        ("", 3),
    ] {
        let child = command(&["status", "--socket", socket.to_str().unwrap()]).spawn().unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(reply.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let output = finish(child);
        assert_eq!((code(&output), out(&output)), (exit, ""), "{reply:?}: {}", err(&output));
        assert_eq!(reply.is_empty(), err(&output).contains("closed the connection at once"), "{}", err(&output));
    }
}

#[test]
fn a_socket_that_this_user_may_not_use() {
    let daemon = Daemon::new().answer("node_status", json!({})).start();
    std::fs::set_permissions(daemon.socket(), Permissions::from_mode(0o000)).unwrap();
    if std::os::unix::net::UnixStream::connect(daemon.socket()).is_ok() {
        // Permissions do not bind root.
        return;
    }
    let output = run(&daemon, &["status"]);
    assert_eq!((code(&output), out(&output)), (4, ""), "{}", err(&output));
}

#[test]
fn what_cannot_be_meant_is_said_in_the_language_asked_for() {
    let daemon = Daemon::new().start();
    let output = run(&daemon, &["wallet", "transfer", "--dest", "alice", "--amount", "1"]);
    assert_eq!((code(&output), out(&output)), (2, ""));
    let output = run(&daemon, &["--json", "wallet", "transfer", "--dest", "alice", "--amount", "1"]);
    assert_eq!((code(&output), out(&output)), (2, ""));
    let document: Value = serde_json::from_str(err(&output)).unwrap();
    assert_eq!(document["error"]["kind"], "USAGE");
    assert!(document["error"]["message"].as_str().unwrap().contains("not an SS58 address"), "{document}");
    assert!(daemon.calls().is_empty());
}

#[test]
fn whatever_needs_a_person_refuses_at_once_where_there_is_none() {
    let daemon = Daemon::new().start();
    for (arguments, flag) in [
        (&["wallet", "transfer", "--dest", BOB, "--amount", "1"][..], "--yes"),
        (&["subnets", "register", "1"], "--yes"),
        (&["axon", "set", "1", "--ip", "1.2.3.4", "--port", "8091"], "--yes"),
        (&["wallet", "unlock"], "--password-stdin"),
        (&["wallet", "create"], "--show-mnemonic"),
        (&["--json", "wallet", "create", "--no-password"], "--show-mnemonic"),
        (&["wallet", "create", "--show-mnemonic"], "--password-stdin"),
        (&["wallet", "new-coldkey", "--no-password"], "--show-mnemonic"),
        (&["--json", "wallet", "new-hotkey"], "--show-mnemonic"),
        (&["wallet", "regen-hotkey"], "--secret-stdin"),
        (&["wallet", "regen-coldkey", "--secret-stdin"], "--password-stdin"),
        (&["wallet", "regen-coldkey", "--mnemonic", "legal winner thank"], "--secret-stdin"),
        (&["wallet", "regen-coldkey", "--seed=0x00", "--secret-stdin"], "--secret-stdin"),
        (&["wallet", "regen-hotkey", "-j", "keystore.json"], "--json-password-fd"),
    ] {
        let output = run(&daemon, arguments);
        assert_eq!((code(&output), out(&output)), (2, ""), "{arguments:?}");
        assert!(err(&output).contains(flag), "{arguments:?}: {}", err(&output));
    }
    assert!(daemon.calls().is_empty(), "nothing was asked of the daemon: {:?}", daemon.calls());
}

#[test]
fn a_payment_is_planned_then_sent_with_a_fresh_key() {
    let daemon = Daemon::new().answer("wallet_transfer", daemon::receipt()).start();
    let transfer = ["wallet", "transfer", "--dest", BOB, "--amount", "1.5", "--wallet.name", "alice", "--no_prompt"];
    for _ in 0..2 {
        let output = run(&daemon, &transfer);
        assert_eq!(code(&output), 0, "{}", err(&output));
        assert!(out(&output).starts_with("state      finalized\n"), "{}", out(&output));
    }
    let calls = daemon.calls();
    assert_eq!(calls.len(), 4);
    let (plan, send, other) = (&calls[0].1, &calls[1].1, &calls[3].1);
    assert_eq!(plan["dry_run"], true);
    // What the daemon draws for the one, it draws for the other.
    assert_eq!(plan["idempotency_key"], send["idempotency_key"]);
    assert_eq!(send["dry_run"], false);
    assert_eq!(send["wait"], "finalized");
    let same = |name: &str, value: &str| assert_eq!((&plan[name], &send[name]), (&json!(value), &json!(value)));
    same("wallet", "alice");
    same("dest", BOB);
    same("amount", "1500000000");
    assert_eq!(send["idempotency_key"].as_str().unwrap().len(), 32);
    assert_ne!(send["idempotency_key"], other["idempotency_key"]);
}

#[test]
fn a_dry_run_ends_with_the_card() {
    let daemon = Daemon::new().answer("wallet_transfer", daemon::receipt()).start();
    let transfer = ["wallet", "transfer", "--dest", BOB, "--amount", "1.5", "--dry-run"];
    let output = run(&daemon, &transfer);
    assert_eq!((code(&output), err(&output)), (0, ""));
    assert!(out(&output).contains("fee             at most τ0.000124000\n"), "{}", out(&output));
    let output = run(&daemon, &[&["--json"], &transfer[..]].concat());
    assert_eq!(serde_json::from_str::<Value>(out(&output)).unwrap(), daemon::receipt());
    assert!(daemon.calls().iter().all(|(_, params)| params["dry_run"] == true));
}

#[test]
fn a_payment_that_was_refused_leaves_stdout_empty() {
    let error = ApiError::new(ErrorKind::Precondition, "the balance is too small");
    let daemon = Daemon::new().refuse("wallet_transfer", error).start();
    let output = run(&daemon, &["--json", "wallet", "transfer", "--dest", BOB, "--all", "--yes"]);
    assert_eq!((code(&output), out(&output)), (6, ""));
    assert_eq!(daemon.calls().len(), 1, "a plan that fails is not sent");
}

#[test]
fn a_repetition_that_nobody_agrees_to_says_why_its_plan_fails() {
    for kind in [ErrorKind::Precondition, ErrorKind::InvalidParams] {
        let daemon = Daemon::new().refuse("wallet_transfer", ApiError::new(kind, "no such amount")).start();
        let arguments = ["wallet", "transfer", "--dest", BOB, "--amount", "1", "--idempotency-key", "k1", "--no"];
        let output = run(&daemon, &arguments);
        assert_ne!(code(&output), 0);
        assert!(err(&output).contains("no such amount"), "{}", err(&output));
        assert_eq!(daemon.calls().len(), 1, "it is not sent");
    }
}

#[test]
fn a_payment_whose_end_is_not_seen_says_how_to_look() {
    let daemon = Daemon::new().answer_dry_runs("wallet_transfer", daemon::receipt()).start();
    let arguments = ["wallet", "transfer", "--dest", BOB, "--amount", "1", "--yes", "--timeout", "200ms"];
    let output = run(&daemon, &arguments);
    assert_eq!((code(&output), out(&output)), (7, ""), "{}", err(&output));
    let key = daemon.calls()[1].1["idempotency_key"].as_str().unwrap().to_owned();
    assert!(err(&output).contains(&format!("--idempotency-key {key}")), "{}", err(&output));
    // The key is taken back as it was given.
    run(&daemon, &[&arguments[..], &["--idempotency-key", &key]].concat());
    assert_eq!(daemon.calls()[3].1["idempotency_key"], key.as_str());
}

#[test]
fn passwords_come_from_where_they_are_said_to_be() {
    let unlocked = json!({ "wallet": "w", "key": "coldkey", "address": ALICE, "seconds": 60 });
    let daemon = Daemon::new().answer("wallet_unlock", unlocked).start();
    let mut child = start(&daemon, &["wallet", "unlock", "-w", "w", "--password-stdin", "--for", "1m"]);
    child.stdin.as_mut().unwrap().write_all(b"pass word\nrest\n").unwrap();
    assert_eq!(code(&finish(child)), 0);
    let given = [("BT_WALLET_PASSWORD", "from the environment")];
    let child =
        command(&["wallet", "unlock", "-w", "w", "-H", "m1"]).envs(given).env("BTD_SOCKET", daemon.socket()).spawn();
    let output = finish(child.unwrap());
    assert_eq!(code(&output), 0);
    assert_eq!(out(&output), format!("unlocked the coldkey of `w`, {ALICE}, for 60 s\n"));
    let calls = daemon.calls();
    let expected = json!({ "wallet": "w", "key": "coldkey", "password": "pass word", "seconds": 60, "uses": null, "beside": false });
    assert_eq!(calls[0].1, expected);
    assert_eq!(calls[1].1["password"], "from the environment");
    assert_eq!(calls[1].1["key"], json!({ "hotkey": "m1" }));

    let directory = tempfile::tempdir().unwrap();
    let password = directory.path().join("password");
    std::fs::write(&password, "over a descriptor\n").unwrap();
    let line = format!(
        "exec 9<{} && exec {} wallet unlock -w w --password-fd 9",
        password.display(),
        env!("CARGO_BIN_EXE_btctl")
    );
    let output = std::process::Command::new("sh").args(["-c", &line]).env("BTD_SOCKET", daemon.socket()).output();
    assert_eq!(code(&output.unwrap()), 0);
    assert_eq!(daemon.calls().pop().unwrap().1["password"], "over a descriptor");
}

#[test]
fn mnemonics_leave_only_when_asked_for_by_name() {
    let created = json!({
        "wallet": "w", "path": "/w", "coldkey": ALICE, "hotkey_name": "default", "hotkey": BOB,
        "coldkey_mnemonic": "cold words", "hotkey_mnemonic": "hot words",
    });
    let daemon = Daemon::new().answer("wallet_create", created.clone()).start();
    let create = ["wallet", "create", "-w", "w", "--no-password", "--show-mnemonic"];
    let output = run(&daemon, &create);
    assert_eq!(code(&output), 0);
    assert!(!out(&output).contains("words") && err(&output).contains("cold words"), "{}{}", out(&output), err(&output));
    let output = run(&daemon, &[&["--json"], &create[..]].concat());
    assert_eq!((out(&output), err(&output)), (format!("{created}\n").as_str(), ""));
    let output = run(&daemon, &["wallet", "create", "--uri", "//Alice"]);
    assert_eq!(code(&output), 0);
    let last = daemon.calls().pop().unwrap().1;
    assert_eq!((&last["uri"], &last["plain"], &last["password"]), (&json!("//Alice"), &json!(true), &Value::Null));
}

#[test]
fn a_question_whose_answer_is_no_is_a_failure() {
    let invalid = json!({ "valid": false, "scheme": null });
    let daemon = Daemon::new().answer("wallet_verify", invalid.clone()).start();
    let output = run(&daemon, &["--json", "wallet", "verify", "-m", "hi", "-s", "00", "-a", ALICE]);
    assert_eq!((code(&output), out(&output)), (1, format!("{invalid}\n").as_str()));

    let reply = |status: u16| {
        json!({ "uid": 0, "hotkey": BOB, "address": "127.0.0.1:9", "transport": "http", "status_code": status,
                "status_message": "", "process_time_s": 0.1 })
    };
    for (replies, exit) in [(vec![reply(503)], 1), (vec![reply(503), reply(200)], 0), (vec![], 1)] {
        let daemon = Daemon::new().answer("dendrite_ping", json!({ "replies": replies })).start();
        assert_eq!(code(&run(&daemon, &["dendrite", "ping", "--netuid", "1", "--all"])), exit);
    }
}

#[test]
fn events_are_one_object_a_line_and_go_on_after_a_lag() {
    let (block, lagged) = (daemon::block, json!({ "type": "lagged", "next": 6 }));
    let daemon =
        Daemon::new().publish(vec![block(4), block(5), lagged.clone()]).publish(vec![block(6), block(7)]).start();
    let output = run(&daemon, &["--json", "events", "--from", "4", "--blocks", "3"]);
    assert_eq!((code(&output), err(&output)), (0, ""));
    let lines: Vec<Value> = out(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, [block(4), block(5), lagged, block(6)]);
    let asked: Vec<Value> = daemon.calls().into_iter().map(|(_, params)| params["from_block"].clone()).collect();
    assert_eq!(asked, [4, 6]);
}

#[test]
fn blocks_that_were_replaced_are_said_to_be_and_followed_anew() {
    let replaced = json!({ "type": "replaced", "next": 3, "trouble": "the chain was taken back" });
    let feed = || vec![daemon::block(4), daemon::block(5), replaced.clone(), daemon::block(3), daemon::block(4)];
    let daemon = Daemon::new().publish(feed()).publish(feed()).start();
    let output = run(&daemon, &["--json", "events", "--from", "4", "--blocks", "4"]);
    assert_eq!((code(&output), err(&output)), (0, ""));
    let lines: Vec<Value> = out(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, feed());
    let output = run(&daemon, &["events", "--from", "4", "--blocks", "4"]);
    let words = "what was shown of block #3 and those behind it is not of the chain any more";
    assert!(code(&output) == 0 && err(&output).contains(words), "{}", err(&output));
    // Whoever goes on later does so from the place that was named.
    let daemon = Daemon::new().publish(feed()[..3].to_vec()).start();
    let mut child = start(&daemon, &["events", "--from", "4"]);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for _ in 0..2 {
        stdout.read_line(&mut String::new()).unwrap();
    }
    drop(daemon);
    let output = finish(child);
    assert!(code(&output) == 3 && err(&output).contains("--from 3"), "{}", err(&output));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let blocks: Vec<Value> = (1..2000).map(daemon::block).collect();
    let daemon = Daemon::new().publish(blocks).start();
    let mut child = start(&daemon, &["--json", "events", "--from", "1"]);
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&first).unwrap()["number"], 1);
    let output = finish(child);
    assert_eq!((code(&output), err(&output)), (0, ""));
}

#[test]
fn a_daemon_that_stops_says_where_to_go_on() {
    // An earlier btd tells blocks without a cursor.
    for (cursor, next) in [(None, "--from 5"), (Some("4-a1b2c3d4"), "--from 4-a1b2c3d4")] {
        let mut block = daemon::block(4);
        if let Some(cursor) = cursor {
            block["cursor"] = json!(cursor);
        }
        let daemon = Daemon::new().publish(vec![block]).start();
        let mut child = start(&daemon, &["events", "--from", "3-0b0c0d0e"]);
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut String::new()).unwrap();
        assert_eq!(daemon.calls()[0].1["from_block"], "3-0b0c0d0e");
        drop(daemon);
        let output = finish(child);
        assert_eq!(code(&output), 3, "{}", err(&output));
        assert!(err(&output).contains(next), "{}", err(&output));
    }
    // Where events go on is said by events.
    let daemon = Daemon::new().start();
    let output = run(&daemon, &["events", "--from", "3-0b0c0d0e", "--count", "1"]);
    assert!(code(&output) == 2 && err(&output).contains("--from-cursor"), "{}", err(&output));
}

#[test]
fn any_method_can_be_called_by_name() {
    let daemon = Daemon::new().answer("future_method", json!({ "ok": true })).start();
    let output = run(&daemon, &["rpc", "future_method", "netuid=1", "name=x"]);
    assert_eq!(out(&output), "{\n  \"ok\": true\n}\n");
    let output = run(&daemon, &["--json", "rpc", "future_method", "[1, 2]"]);
    assert_eq!(out(&output), "{\"ok\":true}\n");
    let params: Vec<Value> = daemon.calls().into_iter().map(|(_, params)| params).collect();
    assert_eq!(params, [json!({ "netuid": 1, "name": "x" }), json!([1, 2])]);
    let output = run(&daemon, &["rpc", "no_such"]);
    assert_eq!(code(&output), 2, "{}", err(&output));
}

#[test]
fn help_and_scripts_need_no_daemon() {
    for (arguments, text) in [
        (&["help", "exit-codes"][..], "130  interrupted"),
        (&["exit-codes"], "130  interrupted"),
        (&["completions", "bash"], "complete -F _btctl"),
        (&["man", "wallet", "transfer"], ".TH"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
    ] {
        let output = finish(command(arguments).spawn().unwrap());
        assert_eq!(code(&output), 0, "{arguments:?}: {}", err(&output));
        assert!(out(&output).contains(text), "{arguments:?}: {}", out(&output));
    }
}

#[test]
fn a_key_is_restored_from_two_lines_of_standard_input() {
    let written = json!({
        "wallet": "w", "key": "coldkey", "address": ALICE, "scheme": "sr25519", "protection": "nacl",
        "path": "/w/coldkey", "kept": [], "mnemonic": null,
    });
    let daemon = Daemon::new().answer("wallet_regenColdkey", written.clone()).start();
    let arguments = ["wallet", "regen_coldkey", "-w", "w", "--mnemonic", "--secret-stdin", "--password-stdin"];
    // A third line is none that was asked for: words on two lines would restore the key of the first.
    let mut child = start(&daemon, &arguments);
    child.stdin.as_mut().unwrap().write_all(b"legal winner thank\nyear wave sausage\npass word\n").unwrap();
    let output = finish(child);
    assert!(code(&output) == 2 && err(&output).contains("a secret is one line"), "{}", err(&output));
    assert!(daemon.calls().is_empty() && !err(&output).contains("sausage"));
    let mut child = start(&daemon, &arguments);
    child.stdin.as_mut().unwrap().write_all(b"legal winner thank\npass word\n").unwrap();
    let output = finish(child);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(!out(&output).contains("winner") && !err(&output).contains("winner"));
    let call = daemon.calls().pop().unwrap().1;
    let words = json!({ "mnemonic": { "words": "legal winner thank", "derivation_password": null } });
    assert_eq!(call["origin"], words);
    assert_eq!(call["file"], json!({ "password": "pass word", "protection": "nacl", "existing": "keep" }));
    // A seed is known by its looks, and a native file by its flag.
    let mut child = start(&daemon, &["wallet", "regen-coldkey", "--secret-stdin", "--password-stdin", "--native"]);
    child.stdin.as_mut().unwrap().write_all(format!("0x{}\npass\n", "0f".repeat(32)).as_bytes()).unwrap();
    assert_eq!(code(&finish(child)), 0);
    let call = daemon.calls().pop().unwrap().1;
    assert_eq!(call["origin"], json!({ "seed": format!("0x{}", "0f".repeat(32)) }));
    assert_eq!(call["file"]["protection"], "native");
}

#[test]
fn a_keystore_is_read_whole_and_its_passphrase_from_a_descriptor() {
    let written = json!({
        "wallet": "w", "key": { "hotkey": "h" }, "address": ALICE, "scheme": "ed25519", "protection": "plain",
        "path": "/w/hotkeys/h", "kept": [], "mnemonic": null,
    });
    let daemon = Daemon::new().answer("wallet_regenHotkey", written).start();
    let directory = tempfile::tempdir().unwrap();
    let (keystore, passphrase) = (directory.path().join("key.json"), directory.path().join("passphrase"));
    std::fs::write(&keystore, "{\n\"encoded\": \"AA==\"\n}").unwrap();
    std::fs::write(&passphrase, "open\n").unwrap();
    let line = format!(
        "exec 9<{} && exec {} wallet regen-hotkey -w w -H h -j {} --json-password-fd 9",
        passphrase.display(),
        env!("CARGO_BIN_EXE_btctl"),
        keystore.display(),
    );
    let output = std::process::Command::new("sh").args(["-c", &line]).env("BTD_SOCKET", daemon.socket()).output();
    let output = output.unwrap();
    assert_eq!(code(&output), 0, "{}", err(&output));
    let call = daemon.calls().pop().unwrap().1;
    let origin = json!({ "keystore": { "json": "{\n\"encoded\": \"AA==\"\n}", "passphrase": "open" } });
    assert_eq!(call["origin"], origin);
    assert_eq!(call["file"], json!({ "password": null, "protection": "plain", "existing": "keep" }));
}

#[test]
fn the_password_of_one_key_file_is_found_in_the_environment() {
    let detail = json!({
        "wallet": "w", "path": "/w", "balance": null,
        "keys": [{
            "key": "coldkey", "address": ALICE, "scheme": "sr25519", "state": "locked", "protection": "nacl",
            "path": "/home/alice/.bittensor/wallets/default/coldkey", "warnings": [], "registered": [],
        }],
    });
    let unlocked = json!({ "wallet": "w", "key": "coldkey", "address": ALICE, "seconds": 300 });
    let daemon = Daemon::new().answer("wallet_inspect", detail).answer("wallet_unlock", unlocked).start();
    let own = ("BT_PW__HOME_ALICE__BITTENSOR_WALLETS_DEFAULT_COLDKEY", "MjUsIyAwLSx+f3Y=");
    let child = command(&["wallet", "unlock", "-w", "w"]).envs([own]).env("BTD_SOCKET", daemon.socket()).spawn();
    let output = finish(child.unwrap());
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert_eq!(daemon.calls().pop().unwrap().1["password"], "password123");
}
