//! The process from outside: exit codes, clear words on stderr, signals, and files left behind.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "process/place.rs"]
mod place;

use std::{
    fs,
    io::BufReader,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    os::unix::net::{UnixDatagram, UnixStream},
    path::Path,
    process::Command,
    thread,
    time::Duration,
};

use place::{Daemon, Place, begin_call, call, wait_for};

/// Begins a call that is not answered for as long as the listener that comes back says nothing.
fn begin_hanging_call(socket: &Path) -> (TcpListener, UnixStream) {
    let created = call(socket, "wallet_create", r#"{"uri":"//Alice","plain":true}"#);
    let hotkey = created["result"]["hotkey"].as_str().unwrap().to_owned();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let params = format!(r#"{{"hotkey":"{hotkey}","address":"{address}","transport":"http","timeout_ms":120000}}"#);
    let hanging = begin_call(socket, "dendrite_ping", &params);
    // The dendrite has connected: the call is in flight.
    let accepted = silent.accept().unwrap();
    std::mem::forget(accepted);
    (silent, hanging)
}

#[test]
fn the_version_is_told() {
    let output = Command::new(env!("CARGO_BIN_EXE_btd")).arg("--version").output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), concat!("btd ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn wrong_settings_have_an_exit_code_of_their_own() {
    let place = Place::new();
    assert_eq!(place.fails(&["--no-such-flag"], &[]).0, Some(2));
    let (code, words) = place.fails(&["--config", "/nowhere/btd.toml"], &[]);
    assert_eq!(code, Some(78));
    assert!(words.contains("/nowhere/btd.toml"), "{words}");
    let (code, words) = place.fails(&["--network", "mainnet"], &[]);
    assert_eq!(code, Some(78));
    assert!(words.contains("--network") && words.contains("mainnet"), "{words}");
    let (code, words) = place.fails(&[], &[("BTD_NETWROK", "devnet")]);
    assert_eq!(code, Some(78));
    assert!(words.contains("BTD_NETWROK") && words.contains("did you mean `network`"), "{words}");
    let (code, words) = place.fails(&["--log", "btd=loud"], &[]);
    assert_eq!(code, Some(78));
    assert!(words.contains("btd=loud"), "{words}");
    let file = place.path("btd.toml");
    fs::write(&file, "[rpc]\nmax_batch = \"many\"\n").unwrap();
    let (code, words) = place.fails(&["--config", file.to_str().unwrap()], &[]);
    assert_eq!(code, Some(78));
    assert!(words.contains("btd.toml") && words.contains("rpc.max_batch"), "{words}");
}

#[test]
fn a_signal_ends_the_daemon_and_leaves_no_socket() {
    for signal in ["TERM", "INT"] {
        let place = Place::new();
        let mut daemon = place.devnet(&[], &[]);
        daemon.until("the control API answers");
        let socket = place.path("btd.sock");
        wait_for(&socket);
        assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o660);
        assert_eq!(fs::metadata(place.path("data")).unwrap().permissions().mode() & 0o777, 0o700);
        daemon.signal(signal);
        daemon.until("stopped");
        assert!(daemon.ended().success());
        assert!(!socket.exists());
    }
}

#[test]
fn a_second_btd_is_refused_and_a_killed_one_replaced() {
    let place = Place::new();
    let mut first = place.devnet(&[], &[]);
    first.until("the control API answers");
    let (code, words) = place.fails(&["--network", "local"], &[]);
    assert_eq!(code, Some(1));
    assert!(words.contains("another btd is running"), "{words}");
    first.signal("KILL");
    assert!(!first.ended().success());
    assert!(place.path("btd.sock").exists());
    let mut second = place.devnet(&[], &[]);
    second.until("the control API answers");
    second.signal("TERM");
    assert!(second.ended().success());
}

#[test]
fn an_occupied_port_is_named() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, words) = place.fails(&["--network", "devnet", "--devnet-listen", &address], &[]);
    assert_eq!(code, Some(1));
    assert!(words.contains(&address) && words.contains("development chain"), "{words}");
    assert!(!place.path("btd.sock").exists());
}

#[test]
fn the_service_manager_hears_of_start_and_stop() {
    let place = Place::new();
    let notify = place.path("notify");
    let manager = UnixDatagram::bind(&notify).unwrap();
    let variables = [("NOTIFY_SOCKET", notify.to_str().unwrap()), ("WATCHDOG_USEC", "200000")];
    let daemon = place.devnet(&[], &variables);
    let mut heard = Vec::new();
    let mut hear_until = |wanted: &str| {
        while !heard.iter().any(|line: &String| line == wanted) {
            let mut buffer = [0; 512];
            let length = manager.recv(&mut buffer).unwrap();
            heard.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
    };
    hear_until("READY=1");
    hear_until("WATCHDOG=1");
    daemon.signal("TERM");
    hear_until("STOPPING=1");
    assert!(daemon.ended().success());
    assert!(heard.iter().any(|line| line.starts_with("STATUS=")), "{heard:?}");
}

#[test]
fn a_call_that_hangs_does_not_hold_up_the_end() {
    let place = Place::new();
    let mut daemon = place.devnet(&[], &[("BTD_SUPERVISOR__GRACE_MS", "200")]);
    daemon.until("the control API answers");
    let _hanging = begin_hanging_call(&place.path("btd.sock"));
    daemon.signal("TERM");
    let line = daemon.until("did not end in time");
    assert!(line.contains("rpc"), "{line}");
    assert!(daemon.ended().success());
}

#[test]
fn a_second_signal_does_not_wait() {
    let place = Place::new();
    let mut daemon = place.devnet(&[], &[("BTD_SUPERVISOR__GRACE_MS", "600000")]);
    daemon.until("the control API answers");
    let _hanging = begin_hanging_call(&place.path("btd.sock"));
    daemon.signal("TERM");
    daemon.until("stopping");
    daemon.signal("TERM");
    daemon.until("told to stop a second time");
    assert_eq!(daemon.ended().code(), Some(130));
}

#[test]
fn a_caller_can_stop_the_daemon() {
    let place = Place::new();
    let mut daemon = place.devnet(&[], &[]);
    daemon.until("the control API answers");
    let status = call(&place.path("btd.sock"), "node_status", "[]");
    assert_eq!(status["result"]["pid"], daemon.child.id());
    assert_eq!(status["result"]["chain"]["network"], "devnet");
    let stopped = call(&place.path("btd.sock"), "node_stop", "[]");
    assert_eq!(stopped["result"], serde_json::json!({}));
    assert!(daemon.ended().success());
}

#[test]
fn the_axon_can_start_with_the_daemon() {
    let place = Place::new();
    let mut daemon = place.devnet(&[], &[]);
    daemon.until("the control API answers");
    let created = call(&place.path("btd.sock"), "wallet_create", r#"{"uri":"//Alice","plain":true}"#);
    daemon.signal("TERM");
    assert!(daemon.ended().success());
    let variables = [("BTD_SERVING__AXON", "true"), ("BTD_AXON__BIND", "127.0.0.1:0")];
    let mut daemon = place.devnet(&[], &variables);
    daemon.until("axon started");
    // It says so itself, a moment before the daemon has taken it over.
    let taken_over = (0..1000).map(|_| {
        thread::sleep(Duration::from_millis(5));
        call(&place.path("btd.sock"), "axon_status", "[]")["result"]["axon"]["hotkey"].clone()
    });
    let hotkey = taken_over.into_iter().find(|hotkey| !hotkey.is_null());
    assert_eq!(hotkey.as_ref(), Some(&created["result"]["hotkey"]));
    let again = call(&place.path("btd.sock"), "axon_start", "{}");
    assert_eq!(again["error"]["data"]["kind"], "ALREADY_EXISTS");
    assert!(call(&place.path("btd.sock"), "axon_stop", "[]")["result"]["axon"].is_object());
    assert!(call(&place.path("btd.sock"), "axon_status", "[]")["result"]["axon"].is_null());
    daemon.signal("TERM");
    assert!(daemon.ended().success());
}

#[test]
fn an_unreachable_chain_does_not_keep_btd_from_its_work() {
    let place = Place::new();
    let arguments = ["--network", "ws://127.0.0.1:9", "--log-format", "json"];
    let mut child = place.btd(&arguments, &[]).spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let mut daemon = Daemon { child, log };
    let line = daemon.until("lost the chain");
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&event["level"], &event["cause"]), (&"INFO".into(), &"unreachable".into()));
    wait_for(&place.path("btd.sock"));
    daemon.signal("TERM");
    assert!(daemon.ended().success());
}
