//! What the real daemon takes of a machine before anything is asked of it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;

use btd_tests::Host;

/// Memory of its own, without the pages of the program, in MiB: twice what it was when this was written.
const MOST: u64 = 16;

/// The libraries' own books, such as the counters of the cache or the schemas of the contract, are not for every btd.
#[test]
fn a_daemon_that_does_nothing_takes_little_memory() {
    let host = Host::new();
    let daemon = host.start_alone(&["--network", "ws://127.0.0.1:9"]);
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let own = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let kib: u64 = own.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kib <= MOST * 1_024, "{kib} KiB, of {MOST} MiB");
    assert!(daemon.stop().success());
}
