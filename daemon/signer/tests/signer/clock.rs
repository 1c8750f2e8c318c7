//! That the clock of unlock windows is the one that counts suspend.
//!
//! No test can put its host to sleep. But a time namespace can be given an offset of that one clock
//! alone, as if the host had slept for so long: the test starts itself in one.

use std::{process::Command, time::Duration};

use btd_signer::{BootClock, Clock};

const ASLEEP: u64 = 1_000_000;
const INSIDE: &str = "BTD_TEST_INSIDE_TIME_NAMESPACE";

/// How much longer ago the boot is than the clock that stands still during suspend says.
fn slept() -> Duration {
    let awake = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let awake = Duration::new(awake.tv_sec.cast_unsigned(), u32::try_from(awake.tv_nsec).unwrap());
    BootClock.now().0.checked_sub(awake).unwrap()
}

/// Not a test by itself: what the test below starts.
#[test]
fn inside() {
    if std::env::vars_os().any(|(name, _)| name == INSIDE) {
        println!("slept {}", slept().as_secs());
    }
}

#[test]
fn windows_run_on_while_the_host_sleeps() {
    let before = slept().as_secs();
    let offset = format!("--boottime={ASLEEP}");
    let namespace = |more: &[&str]| {
        let output = Command::new("unshare")
            .args(more)
            .args(["--time", "--fork", &offset, "--"])
            .arg(std::env::current_exe().unwrap())
            .args(["clock::inside", "--exact", "--nocapture", "--test-threads=1"])
            .env(INSIDE, "1")
            .output()
            .ok()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.lines().find_map(|line| line.split_once("slept ")?.1.parse::<u64>().ok())
    };
    let Some(inside) = namespace(&[]).or_else(|| namespace(&["--user", "--map-root-user"])) else {
        println!("this host gives no time namespace: not told apart from the clock that stands still");
        return;
    };
    // The host itself may have been suspended before, and may be so now.
    assert!(inside >= before + ASLEEP, "{inside} s after {before} s and an offset of {ASLEEP} s");
}
