//! Bad input through the real binaries: each is a clear error with its exit code, and loses nothing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    io::{Read, Write},
    net::TcpListener,
    os::unix::{fs::PermissionsExt, net::UnixStream},
    process::{Command, Stdio},
    time::Duration,
};

use btd_tests::{Host, wait_for};
use serde_json::{Value, json};

const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

/// Runs a command that must end by itself with a failure, and gives its code and what it said.
fn fails(command: &mut Command) -> (i32, String) {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    assert!(!output.status.success());
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn what_a_person_types_wrong() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "instant"]);
    host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);
    let transfer = |dest: &str, amount: &str| {
        host.refused(&["wallet", "transfer", "--wallet", "alice", "--dest", dest, "--amount", amount, "--yes"])
    };

    let (code, error) = transfer(&BOB.replace("ty", "tz"), "1");
    assert!(code == 2 && error.contains("checksum"), "{code} {error}");
    let (code, error) = transfer("15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5", "1");
    assert!(code == 2 && error.contains("format 0"), "{code} {error}");
    for amount in ["-1", "1e9", "0.0000000001", "99999999999", ""] {
        let (code, error) = transfer(BOB, amount);
        assert!(code == 2 && error.contains(amount), "{amount}: {code} {error}");
    }
    let (code, error) = transfer(BOB, "20000000");
    assert!(code == 6 && error.contains("can spend"), "{code} {error}");
    let (code, error) = host.refused(&["subnets", "metagraph", "999"]);
    assert!(code == 6 && error.contains("999"), "{code} {error}");
    let (code, error) = host.refused(&["subnets", "register", "--netuid", "999", "--wallet", "alice", "--yes"]);
    assert!(code == 6 && error.contains("999"), "{code} {error}");
    let (code, error) = host.refused(&["wallet", "balance", "--wallet", "nobody"]);
    assert!(code == 1 && error.contains("nobody"), "{code} {error}");
    let (code, error) = host.refused(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);
    assert!(code == 1 && error.contains("exists"), "{code} {error}");
    let (code, error) = host.refused(&["wallet", "create", "--wallet", "../alice", "--uri", "//Alice"]);
    assert!(code == 2 && error.contains("../alice"), "{code} {error}");
    // Nothing was lost or spent by any of it.
    let balance = host.ask(&["wallet", "balance", "--wallet", "alice"]);
    assert_eq!(balance["rows"][0]["free"], "1000000000000000");
    assert!(daemon.stop().success());
}

#[test]
fn a_locked_wallet_says_how_to_unlock_it() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "instant"]);
    let password = host.path("password");
    std::fs::write(&password, "correct horse battery").unwrap();
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
    let password = [("BT_WALLET_PASSWORD_FILE", password.to_str().unwrap())];
    let create = ["--json", "wallet", "create", "--wallet", "locked", "--show-mnemonic"];
    let created = host.btctl_with(&create, &password);
    assert!(created.status.success(), "{created:?}");
    let created: Value = serde_json::from_slice(&created.stdout).unwrap();
    host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);
    let coldkey = created["coldkey"].as_str().unwrap();
    host.ask(&["wallet", "transfer", "--wallet", "alice", "--dest", coldkey, "--amount", "5", "--yes"]);

    let spend = ["wallet", "transfer", "--wallet", "locked", "--dest", BOB, "--amount", "1", "--yes"];
    let (code, error) = host.refused(&spend);
    assert!(code == 5 && error.contains("wallet unlock"), "{code} {error}");
    // Without a password and without a terminal it fails at once instead of waiting for one.
    let (code, error) = host.refused(&["wallet", "unlock", "--wallet", "locked"]);
    assert!(code == 2 && error.contains("--password"), "{code} {error}");
    let wrong = host.btctl_with(&["wallet", "unlock", "--wallet", "locked"], &[("BT_WALLET_PASSWORD", "wrong")]);
    assert_eq!(wrong.status.code(), Some(5), "{wrong:?}");
    // A wrong password makes the next try wait.
    let unlocked = wait_for("the back-off to pass", || {
        let output = host.btctl_with(&["--json", "wallet", "unlock", "--wallet", "locked", "--for", "60"], &password);
        output.status.success().then_some(output)
    });
    let unlocked: Value = serde_json::from_slice(&unlocked.stdout).unwrap();
    assert_eq!(unlocked["address"], coldkey);
    assert_eq!(host.ask(&spend)["outcome"]["state"], "finalized");
    assert_eq!(host.ask(&["wallet", "lock", "--wallet", "locked"])["locked"], 1);
    assert_eq!(host.refused(&spend).0, 5);
    // What opens it for `wallet unlock` opens it on the way; nothing else does, and a no before it leaves it locked.
    let declined = host.btctl_with(&[&spend[..8], &["--no"]].concat(), &password);
    assert_eq!(
        (declined.status.code(), &host.ask(&["wallet", "status"])["keys"]),
        (Some(5), &json!([])),
        "{declined:?}"
    );
    for variables in [&password[..], &[("BT_COLD_PW_LOCKED", "correct horse battery")]] {
        let spent = host.btctl_with(&[&spend[..], &["--json"]].concat(), variables);
        let receipt: Value = serde_json::from_slice(&spent.stdout).unwrap_or_else(|error| panic!("{error}: {spent:?}"));
        assert_eq!(receipt["outcome"]["state"], "finalized", "{receipt}");
        assert_eq!(host.ask(&["wallet", "lock", "--wallet", "locked"])["locked"], 1);
    }
    // Under a key of its own, only what was not signed before needs it.
    let keyed = [&spend[..], &["--json", "--idempotency-key", "once"]].concat();
    assert_eq!(host.refused(&keyed).0, 5);
    let first = host.btctl_with(&keyed, &password);
    assert!(first.status.success(), "{first:?}");
    host.ask(&["wallet", "lock", "--wallet", "locked"]);
    assert_eq!(host.ask(&keyed)["outcome"]["state"], "finalized");
    assert_eq!(host.ask(&["wallet", "status"])["keys"], json!([]));
    // A hotkey that cannot sign asks nobody, and that is said once.
    let convert = ["wallet", "convert", "--wallet", "locked", "--hotkey", "default", "--to", "nacl"];
    assert!(host.btctl_with(&convert, &password).status.success());
    let ping = ["dendrite", "ping", "--address", "127.0.0.1:1", "--hotkey", BOB, "--wallet", "locked"];
    let (code, error) = host.refused(&ping);
    assert!(code == 5 && error.contains("btctl wallet unlock --wallet locked --hotkey default"), "{code} {error}");
    for secret in ["correct horse", created["coldkey_mnemonic"].as_str().unwrap(), "wrong\""] {
        assert!(!daemon.log().contains(secret), "the log holds a secret");
    }
    assert!(daemon.stop().success());
}

/// Sends bytes to the control socket and reads what comes until it is closed or silent.
fn raw(host: &Host, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(host.path("run/btd/btd.sock")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    // The daemon may close before it has read all of an oversized request.
    let _ = stream.write_all(bytes);
    let mut reply = Vec::new();
    let mut part = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut part) {
        reply.extend_from_slice(&part[..n]);
    }
    String::from_utf8_lossy(&reply).into_owned()
}

fn post(host: &Host, body: &str) -> String {
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n";
    raw(host, format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes())
}

#[test]
fn what_a_program_sends_wrong() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "instant"]);
    for (body, code) in [
        ("{", "-32700"),
        ("{}", "-32600"),
        ("[]", "-32600"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1}", "-32600"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"no_such\"}", "-32601"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subnets_metagraph\"}", "-32602"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subnets_metagraph\",\"params\":{\"netuid\":\"x\"}}", "-32602"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subnets_metagraph\",\"params\":{\"netuid\":70000}}", "-32602"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"node_status\",\"params\":{\"x\":1}}", "-32602"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subnets_metagraph\",\"params\":[999]}", "1401"),
    ] {
        let reply = post(&host, body);
        assert!(reply.contains(&format!("\"code\":{code}")), "{body}: {reply}");
        let typed = ["\"kind\":\"", "\"retryable\":false", "\"request_id\":\"r"];
        assert!(typed.iter().all(|member| reply.contains(member)), "{body}: {reply}");
    }
    let reply = post(&host, "{\"jsonrpc\":\"2.0\",\"method\":\"node_status\"}");
    assert!(reply.starts_with("HTTP/1.1 204"), "{reply}");
    let oversized = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{}\"}}", "x".repeat(32 << 20));
    let reply = post(&host, &oversized);
    assert!(reply.contains("413") && reply.contains("REQUEST_TOO_LARGE"), "{}", &reply[..reply.len().min(300)]);
    let many = format!("[{}]", vec!["{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"node_status\"}"; 1000].join(","));
    let reply = post(&host, &many);
    assert!(reply.contains("BATCH_TOO_LARGE"), "{}", &reply[..reply.len().min(300)]);
    raw(&host, b"\0\0\0\0\r\n\r\n");
    raw(&host, b"GET / HTTP/1.1\r\n");
    // By name and by position.
    assert!(
        post(&host, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subnets_metagraph\",\"params\":[1]}")
            .contains("\"neurons\"")
    );
    assert!(
        post(&host, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subnets_metagraph\",\"params\":{\"netuid\":1}}")
            .contains("\"neurons\"")
    );
    assert_eq!(host.ask(&["status"])["phase"], "ready");
    assert!(daemon.stop().success());
}

/// Each read that cannot be answered says of what, and at which block.
#[test]
fn what_is_asked_of_the_chain_wrongly() {
    let host = Host::new();
    let daemon = host.start(&["--network", "devnet", "--block-time", "instant"]);
    host.ask(&["devnet", "mine", "12"]);
    wait_for("btd to follow", || (host.ask(&["chain"])["finalized"]["number"] == 12).then_some(()));
    let missing = ["metagraph_get", "metagraph_save", "subnets_metagraph", "subnets_show", "subnets_hyperparameters"];
    for method in missing.into_iter().chain(["metagraph_sync"]) {
        for (params, wanted, words) in [
            (r#"{"netuid":99,"block":3}"#, 6, "there is no subnet 99 at block 3"),
            (r#"{"netuid":1,"block":9999}"#, 1, "no block 9999 yet: the newest finalized one is 12"),
            (r#"{"netuid":1,"block":-1}"#, 2, "a block is its number or its hash"),
            (r#"{"netuid":1,"block":"12"}"#, 2, "a block is its number or its hash"),
            (r#"{"netuid":70000,"block":3}"#, 2, "`netuid`: invalid value: integer `70000`"),
        ] {
            let (code, error) = host.refused(&["rpc", method, params]);
            assert!(code == wanted && error.contains(words), "{method} {params}: {code} {error}");
        }
    }
    for (method, params, wanted, words) in [
        ("subnets_show", r#"{"netuid":99}"#, 6, "there is no subnet 99"),
        ("metagraph_history", r#"{"netuid":99}"#, 6, "there is no subnet 99"),
        ("metagraph_history", r#"{"netuid":1,"from":10,"to":2}"#, 2, "the first block, 10, comes after the last, 2"),
        ("metagraph_history", r#"{"netuid":1,"columns":["nope"]}"#, 2, "there is no column `nope`"),
        ("metagraph_get", r#"{"netuid":1,"mechid":3}"#, 6, "no mechanism 3 of a subnet 1 at block 12"),
        (
            "metagraph_matrix",
            r#"{"netuid":1,"mechid":3,"matrix":"bonds"}"#,
            6,
            "no mechanism 3 of a subnet 1 at block 12",
        ),
        ("metagraph_matrix", r#"{"netuid":1,"matrix":"Weights"}"#, 2, "expected `weights` or `bonds`"),
        ("metagraph_neuron", r#"{"netuid":1}"#, 2, "its `uid`, or its `hotkey`"),
        ("metagraph_neuron", r#"{"netuid":1,"uid":9999}"#, 1, "uid 9999 is no neuron of subnet 1"),
        ("metagraph_column", r#"{"netuid":1,"column":"Incentives"}"#, 2, "there are: hotkeys, coldkeys"),
        ("metagraph_column", r#"{"netuid":1,"column":"hotkeys","form":"shares"}"#, 2, "neurons have shares"),
        ("chain_block", r#"{"block":4294967296}"#, 2, "a block is its number or its hash"),
        ("chain_events", r#"{"block":3,"filter":{"pallet":"system"}}"#, 1, "nearest: System"),
        ("chain_storage", r#"{"pallet":"subtensormodule","item":"tempo"}"#, 1, "nearest: SubtensorModule.Tempo"),
        ("chain_constant", r#"{"pallet":"system","name":"version"}"#, 1, "nearest: System.Version"),
        (
            "chain_runtimeApi",
            r#"{"api":"subnetinforuntimeapi","method":"get_metagraf","arguments":[1]}"#,
            1,
            "nearest: SubnetInfoRuntimeApi.get_metagraph",
        ),
    ] {
        let (code, error) = host.refused(&["rpc", method, params]);
        assert!(code == wanted && error.contains(words), "{method} {params}: {code} {error}");
    }
    let newest = host.ask(&["rpc", "metagraph_matrix", r#"{"netuid":1,"matrix":"weights"}"#]);
    assert_eq!(newest["at"]["number"], 12, "weights are of the newest block, whenever neurons changed");
    assert!(daemon.stop().success());
}

#[test]
fn what_an_operator_sets_wrong() {
    let host = Host::new();
    let config = host.path("btd.toml");
    let flag = config.to_str().unwrap();
    std::fs::write(&config, "[rpc]\nmax_bach = 7\n").unwrap();
    let (code, error) = fails(&mut host.btd(&["--config", flag]));
    assert!(code == 78 && error.contains("max_bach") && error.contains("btd.toml"), "{code} {error}");
    let (code, error) = fails(&mut host.btd(&["--config", "/nowhere/btd.toml"]));
    assert!(code == 78 && error.contains("/nowhere/btd.toml"), "{code} {error}");
    let (code, error) = fails(&mut host.btd(&["--network", "mainnet"]));
    assert!(code != 0 && error.contains("mainnet") && error.contains("finney"), "{code} {error}");
    let (code, error) = fails(host.btd(&["--network", "devnet"]).env("BTD_RPC__MAX_BACH", "7"));
    assert!(code == 78 && error.contains("BTD_RPC__MAX_BACH"), "{code} {error}");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, error) = fails(host.btd(&["--network", "devnet"]).env("BTD_DEVNET__LISTEN", &address));
    assert!(code == 1 && error.contains(&address), "{code} {error}");

    // A second daemon leaves the first one alone.
    let daemon = host.start(&["--network", "devnet", "--block-time", "instant"]);
    let (code, error) = fails(&mut host.btd(&["--network", "devnet"]));
    assert!(code == 1 && error.contains("another btd"), "{code} {error}");
    assert_eq!(host.ask(&["status"])["phase"], "ready");
    let (code, error) = host.refused(&["axon", "start", "--wallet", "nobody"]);
    assert!(code == 1 && error.contains("nobody"), "{code} {error}");
    host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);
    let (code, error) = host.refused(&["axon", "start", "--wallet", "alice", "--bind", &address]);
    let port = taken.local_addr().unwrap().port().to_string();
    assert!(code == 1 && error.contains(&port) && error.contains("in use"), "{code} {error}");
    assert!(daemon.stop().success());
}

#[test]
fn what_is_not_there() {
    let host = Host::new();
    let (code, error) = host.refused(&["status"]);
    assert!(code == 3 && error.contains("btd.sock"), "{code} {error}");
    // An endpoint that nobody answers at: the daemon runs, and says so.
    let daemon = host.start_alone(&["--network", "ws://127.0.0.1:9"]);
    let status = host.ask(&["status"]);
    assert_ne!(status["chain"]["link"], "live");
    let (code, error) = host.refused(&["subnets", "list"]);
    assert!(code == 8, "{code} {error}");
    host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);
    let (code, error) =
        host.refused(&["wallet", "transfer", "--wallet", "alice", "--dest", BOB, "--amount", "1", "--yes"]);
    assert!(code == 8, "{code} {error}");
    let ping = ["dendrite", "ping", "--address", "127.0.0.1:9", "--hotkey", BOB, "--wallet", "alice"];
    let output = host.btctl(&[&["--json"], &ping[..]].concat());
    assert_eq!(output.status.code(), Some(1), "nobody answered: {output:?}");
    let pings: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(pings["replies"][0]["status_code"], 503, "{pings}");
    assert!(daemon.stop().success());
}
