//! Harness for tests that drive the real binaries: a scratch host with a home of its own, the
//! daemon on it, and the client.
//!
//! Nothing of the real home is read: every directory that the binaries look for by default lies in
//! a temporary one. Ports are chosen by the system. It waits by asking, with a bound, never by
//! sleeping for a fixed time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc, clippy::print_stderr)]

pub mod cutter;
pub mod rpc;
pub mod senate;
pub mod stage;
pub mod terminal;
pub mod websocket;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where cargo put the binaries of this build. Builds them first if they are out of date, unless
/// `BTD_TESTS_BUILT` says that whoever runs the tests has just built them.
pub fn binary(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| {
        let directory = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
        if std::env::var_os("BTD_TESTS_BUILT").is_some() {
            return directory;
        }
        // Under `cargo test --workspace` they are there, and this does nothing. What cargo tells a test of its own
        // package must not reach it: build scripts that look at it would run again, and all that hangs on them.
        let mut build = Command::new(env!("CARGO"));
        let told = std::env::vars_os().map(|(name, _)| name);
        for name in told.filter(|name| name.to_str().is_some_and(is_about_a_package)) {
            build.env_remove(name);
        }
        let built = build
            .args(["build", "--workspace", "--bins", "--tests", "--locked", "--offline", "--quiet"])
            .args(if directory.ends_with("release") { &["--release"][..] } else { &[] })
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
            .env("CARGO_TARGET_DIR", directory.parent().unwrap())
            .status()
            .unwrap();
        assert!(built.success(), "the binaries do not build");
        directory
    });
    directory.join(name)
}

fn is_about_a_package(variable: &str) -> bool {
    ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_CRATE_", "CARGO_BIN_"].iter().any(|prefix| variable.starts_with(prefix))
}

/// Asks `ready` until it gives something.
///
/// # Panics
/// When it gives nothing for a minute.
pub fn wait_for<T>(what: &str, ready: impl FnMut() -> Option<T>) -> T {
    wait_long_for(PATIENCE, what, ready)
}

/// The same for what may take longer than a minute on a machine that has little time for it.
///
/// # Panics
/// When it gives nothing in all of `patience`.
pub fn wait_long_for<T>(patience: Duration, what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = ready() {
            return found;
        }
        assert!(start.elapsed() < patience, "waited {} s for {what}", patience.as_secs());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A machine as the binaries see it: an empty home.
#[derive(Debug)]
pub struct Host {
    home: TempDir,
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    /// An empty home.
    pub fn new() -> Self {
        let home = tempfile::Builder::new().prefix("btd").tempdir().unwrap();
        for directory in ["run", "state", "cache"] {
            fs::create_dir(home.path().join(directory)).unwrap();
        }
        Self { home }
    }

    /// A path in the home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes the golden wallet `id` of `vectors/wallets.json` as the wallet `name`.
    ///
    /// # Panics
    /// When there is no such golden wallet.
    pub fn golden_wallet(&self, id: &str, name: &str) {
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/wallets.json");
        let vectors: Value = serde_json::from_slice(&fs::read(vectors).unwrap()).unwrap();
        let wallet = vectors["wallets"].as_array().unwrap().iter().find(|wallet| wallet["id"] == id).unwrap();
        for file in wallet["files"].as_array().unwrap() {
            let path = self.path(".bittensor/wallets").join(name).join(file["relpath"].as_str().unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let digits = file["data_hex"].as_str().unwrap();
            let bytes = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap());
            fs::write(path, bytes.collect::<Vec<u8>>()).unwrap();
        }
    }

    /// A binary on this host, not started.
    pub fn command_of(&self, name: &str) -> Command {
        let mut command = Command::new(binary(name));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home.path())
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("BTD_LOG__FILTER", "info")
            .stdin(Stdio::null());
        command
    }

    /// `btd` with these arguments, not started; the embedded chain listens on a free port.
    pub fn btd(&self, arguments: &[&str]) -> Command {
        let mut command = self.command_of("btd");
        command.env("BTD_DEVNET__LISTEN", "127.0.0.1:0").args(arguments);
        command
    }

    /// Starts `btd` and waits until it has read its chain.
    ///
    /// # Panics
    /// When it ends, or has not within a minute.
    pub fn start(&self, arguments: &[&str]) -> Daemon {
        let daemon = self.start_alone(arguments);
        wait_for("btd to be ready", || (self.ask(&["status"])["phase"] == "ready").then_some(()));
        daemon
    }

    /// Starts `btd` and waits until it answers, with or without a chain.
    ///
    /// # Panics
    /// When it ends, or does not answer within a minute.
    pub fn start_alone(&self, arguments: &[&str]) -> Daemon {
        self.start_with(arguments, &[])
    }

    /// The same with more variables.
    ///
    /// # Panics
    /// When it ends, or does not answer within a minute.
    pub fn start_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Daemon {
        let mut command = self.btd(arguments);
        command.envs(variables.iter().copied());
        let log = self.path("btd.log");
        let out = File::options().create(true).append(true).open(&log).unwrap();
        let child = command.stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap();
        let mut daemon = Daemon { child, log };
        wait_for("btd to answer", || {
            if let Some(status) = daemon.child.try_wait().unwrap() {
                panic!("btd ended with {status}:\n{}", daemon.log());
            }
            self.btctl(&["--json", "status"]).status.success().then_some(())
        });
        daemon
    }

    /// Runs `btctl` with no terminal.
    pub fn btctl(&self, arguments: &[&str]) -> Output {
        self.btctl_with(arguments, &[])
    }

    /// Runs `btctl` with more variables.
    pub fn btctl_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        self.command_of("btctl").args(arguments).envs(variables.iter().copied()).output().unwrap()
    }

    /// Runs `btctl --json` and reads what it prints.
    ///
    /// # Panics
    /// When it fails, or prints anything but one JSON document.
    pub fn ask(&self, arguments: &[&str]) -> Value {
        let output = self.btctl(&[&["--json"], arguments].concat());
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success(),
            "btctl {arguments:?}: {}\n{text}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("btctl {arguments:?} printed {text:?}: {error}"))
    }

    /// Runs `btctl`, which must fail, and gives its exit code and what it said on stderr. It must
    /// have left stdout empty.
    ///
    /// # Panics
    /// When it succeeds or prints to stdout.
    pub fn refused(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.btctl(arguments);
        assert!(output.stdout.is_empty(), "btctl {arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
        let code = output.status.code().expect("btctl was killed");
        assert_ne!(code, 0, "btctl {arguments:?} succeeded");
        (code, String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// A running `btd`, killed when dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// All that daemons of this host have logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, as a service manager does, and waits for its end.
    pub fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().unwrap()
    }

    /// Ends it as a fault does, which leaves a core where there is one to be left.
    pub fn abort(mut self) -> ExitStatus {
        self.signal("ABRT");
        self.child.wait().unwrap()
    }

    /// Kills it without warning.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the daemon's log\n{}", self.log());
        }
    }
}
