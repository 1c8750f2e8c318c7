//! A disk that fails under the journal of the real daemon: what was not sent is said not to be sent, and what may be sent
//! later is said to be unknown.
//!
//! The disk is a library before the daemon's own, which refuses to keep the journal's log as it is told.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fs, path::PathBuf, process::Command};

use btd_tests::{Daemon, Host, wait_for};
use serde_json::Value;

const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

/// The journal's log cannot be synced: once where the file `once` is there, and as long as `always` is. Then nothing more
/// can be written to it either.
const FAILING: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile int is_broken;

static int is_log(int fd) {
    char link[64], path[PATH_MAX + 1];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, "journal.db-wal") != NULL;
}

static int is_told(const char *how, int (*heed)(const char *)) {
    char flag[PATH_MAX + 16];
    const char *told = getenv("FAILING_DISK");
    if (told == NULL) return 0;
    snprintf(flag, sizeof flag, "%s/%s", told, how);
    return heed(flag) == 0;
}

static int is_there(const char *path) { return access(path, F_OK); }

static int refuses(int fd) {
    if (!is_log(fd)) return 0;
    if (is_told("once", unlink)) return 1;
    is_broken = is_told("always", is_there);
    return is_broken;
}

#define SYNCING(name)                                                                   \
    int name(int fd) {                                                                  \
        int (*own)(int) = (int (*)(int))dlsym(RTLD_NEXT, #name);                        \
        if (refuses(fd)) { errno = EIO; return -1; }                                    \
        return own(fd);                                                                 \
    }
#define WRITING(name, at)                                                               \
    ssize_t name(int fd, const void *bytes, size_t count, at offset) {                  \
        ssize_t (*own)(int, const void *, size_t, at) =                                 \
            (ssize_t (*)(int, const void *, size_t, at))dlsym(RTLD_NEXT, #name);        \
        if (is_broken && is_log(fd)) { errno = EIO; return -1; }                        \
        return own(fd, bytes, count, offset);                                           \
    }
SYNCING(fsync)
SYNCING(fdatasync)
WRITING(pwrite, off_t)
WRITING(pwrite64, off64_t)

ssize_t write(int fd, const void *bytes, size_t count) {
    ssize_t (*own)(int, const void *, size_t) = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (is_broken && is_log(fd)) { errno = EIO; return -1; }
    return own(fd, bytes, count);
}
"#;

struct Scene {
    host: Host,
    library: PathBuf,
}

// === impl Scene ===

impl Scene {
    fn set() -> Self {
        let host = Host::new();
        let (source, library) = (host.path("failing.c"), host.path("failing.so"));
        fs::write(&source, FAILING).unwrap();
        // What links these tests compiles it.
        let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).arg("-ldl").status();
        assert!(made.unwrap().success(), "the failing disk does not compile");
        Self { host, library }
    }

    fn start(&self) -> Daemon {
        let (library, told) = (self.library.to_str().unwrap(), self.host.path(""));
        let disk = [("LD_PRELOAD", library), ("FAILING_DISK", told.to_str().unwrap())];
        let daemon = self.host.start_with(&["--network", "devnet", "--block-time", "3600s"], &disk);
        wait_for("btd to be ready", || (self.host.ask(&["status"])["phase"] == "ready").then_some(()));
        daemon
    }

    fn fail(&self, how: &str) {
        fs::write(self.host.path(how), "").unwrap();
    }

    /// The exit code of a transfer under a key, and what it says.
    fn transfer(&self, key: &str) -> (Option<i32>, Value) {
        let words = format!(
            "--json wallet transfer --dest {BOB} --amount 1 --wallet alice --yes --wait none --idempotency-key {key}"
        );
        let output = self.host.btctl(&words.split(' ').collect::<Vec<_>>());
        let told = if output.status.success() { output.stdout } else { output.stderr };
        let told = String::from_utf8(told).unwrap();
        (output.status.code(), serde_json::from_str(told.lines().last().unwrap()).unwrap_or_else(|_| panic!("{told}")))
    }

    fn signed(&self) -> Vec<Value> {
        self.host.ask(&["tx", "list"])["entries"].as_array().unwrap().clone()
    }
}

#[test]
fn what_a_failing_disk_may_hold_is_not_said_to_be_unsent() {
    let scene = Scene::set();
    let daemon = scene.start();
    scene.host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);

    // A disk that recovers holds nothing of what it refused, and that is sure.
    scene.fail("once");
    let (code, told) = scene.transfer("d1");
    assert!(!scene.host.path("once").exists(), "nothing was synced: {told}");
    assert_eq!((code, &told["error"]["kind"]), (Some(1), &"STORAGE_FAULT".into()), "{told}");
    daemon.kill();
    let daemon = scene.start();
    assert_eq!(scene.signed(), Vec::<Value>::new());

    // One that does not may hold it, and then it is sent after all.
    scene.fail("always");
    let (code, told) = scene.transfer("d2");
    assert_eq!((code, &told["error"]["kind"]), (Some(7), &"OUTCOME_UNKNOWN".into()), "{told}");
    let extrinsic = told["error"]["data"]["extrinsic"].as_str().unwrap().to_owned();
    assert!(told["error"]["data"]["era_end"].is_u64(), "{told}");
    assert!(told["error"]["message"].as_str().unwrap().contains("when it is started next"), "{told}");
    assert_eq!(scene.signed(), Vec::<Value>::new());
    daemon.kill();
    fs::remove_file(scene.host.path("always")).unwrap();
    let _daemon = scene.start();
    let signed = wait_for("the journal to be taken up", || Some(scene.signed()).filter(|signed| !signed.is_empty()));
    assert_eq!((signed.len(), &signed[0]["extrinsic"]), (1, &extrinsic.clone().into()), "{signed:?}");
    // Whoever does as it was told has it once.
    let (code, again) = scene.transfer("d2");
    assert_eq!((code, &again["outcome"]["extrinsic"]), (Some(0), &extrinsic.into()), "{again}");
    assert_eq!(scene.signed().len(), 1);
}
