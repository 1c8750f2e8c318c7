//! What the real daemon takes of a machine before anything is asked of it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    fs,
    io::{Write, stderr},
};

use btd_tests::Host;

/// Memory of its own, without the pages of the program, in MiB: twice what it was when this was written.
const MOST: u64 = 16;
/// How the system hands out huge pages.
const HUGE: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

/// The libraries' own books, such as the counters of the cache or the schemas of the contract, are not for every btd.
#[test]
fn a_daemon_that_does_nothing_takes_little_memory() {
    let host = Host::new();
    let daemon = host.start_alone(&["--network", "ws://127.0.0.1:9"]);
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let own = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let kib: u64 = own.trim().trim_end_matches(" kB").parse().unwrap();
    if gives_huge_pages(&fs::read_to_string(HUGE).unwrap_or_default()) {
        // Past what captures the output of tests that pass.
        writeln!(stderr(), "the {kib} KiB of an idle btd are not compared with {MOST} MiB: {HUGE} says [always]")
            .unwrap();
    } else {
        assert!(kib <= MOST * 1_024, "{kib} KiB, of {MOST} MiB");
    }
    assert!(daemon.stop().success());
}

/// Whether the system puts whatever is large enough into pages of 2 MiB, asked or not: how much a process takes is then
/// for the system to say, which rounds each stack and each arena up as it sees fit.
fn gives_huge_pages(enabled: &str) -> bool {
    enabled.contains("[always]")
}

#[test]
fn the_system_says_of_three_ways_which_one_holds() {
    assert!(gives_huge_pages("[always] madvise never\n"));
    assert!(!gives_huge_pages("always [madvise] never\n") && !gives_huge_pages("always madvise [never]\n"));
    assert!(!gives_huge_pages(""), "a system without them");
}
