//! That no process of the signer's own user can attach to it with ptrace(2), and why not.
//!
//! The test starts itself as the tracer, and as two victims that gave up what the signer gives up:
//! one that is hidden as it is, and one that is not. The latter can be traced, so it is the hiding
//! that keeps tracers out. Root may trace anything: where the test is root all of it is done as
//! somebody else.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use btd_signer::hardening::{Doors, confine, hide};
use btd_signer_protocol::{VERSION, operations::Hello};
use nix::{
    sys::{
        ptrace::{self, Options},
        wait::waitpid,
    },
    unistd::Pid,
};

use crate::process::{Signer, wallets, with_user};

const TRACED: &str = "BTD_TEST_TRACED_PID";
const VICTIM: &str = "BTD_TEST_VICTIM";
/// What a tracer says of a process that let it in.
const ATTACHED: &str = "seized Ok(()); attached Ok(())";
/// And of one that did not.
const KEPT_OUT: &str = "seized Err(EPERM); attached Err(EPERM)";

fn variable(sought: &str) -> Option<String> {
    std::env::vars_os().find_map(|(name, value)| (name == sought).then(|| value.into_string().unwrap()))
}

/// Not a test by itself: tries to trace a process in both ways that there are.
#[test]
fn tracer() {
    let Some(pid) = variable(TRACED) else { return };
    let pid = Pid::from_raw(pid.parse().unwrap());
    let seized = ptrace::seize(pid, Options::empty());
    if seized.is_ok() {
        ptrace::interrupt(pid).unwrap();
        waitpid(pid, None).unwrap();
        ptrace::detach(pid, None).unwrap();
    }
    let attached = ptrace::attach(pid);
    if attached.is_ok() {
        waitpid(pid, None).unwrap();
        ptrace::detach(pid, None).unwrap();
    }
    println!("tracer: seized {seized:?}; attached {attached:?}");
}

/// Not a test by itself: gives up what the signer gives up, and waits.
#[test]
fn victim() {
    let Some(what) = variable(VICTIM) else { return };
    if what == "hidden" {
        hide().unwrap();
    }
    confine(Doors::Shut).unwrap();
    println!("victim: ready");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// The test itself, in a place from which any user may start it.
struct Programs {
    test: std::path::PathBuf,
    user: Option<u32>,
}

impl Programs {
    fn start(&self, test: &str, variable: &str, value: &str) -> Child {
        let mut command = Command::new(&self.test);
        command
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(variable, value)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        with_user(&mut command, self.user).spawn().unwrap()
    }

    /// What comes of tracing this process.
    fn trace(&self, pid: u32) -> String {
        let output = self.start("tracing::tracer", TRACED, &pid.to_string()).wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = said.lines().find_map(|line| line.split_once("tracer: "));
        line.unwrap_or_else(|| panic!("the tracer said {said:?}")).1.to_owned()
    }

    /// What comes of tracing a victim of that kind.
    fn trace_victim(&self, kind: &str) -> String {
        let mut child = self.start("tracing::victim", VICTIM, kind);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().ends_with("victim: ready")), "the {kind} victim did not start");
        let found = self.trace(child.id());
        drop(child.stdin.take());
        lines.for_each(drop);
        child.wait().unwrap();
        found
    }
}

#[test]
fn no_process_of_its_user_can_attach_to_it() {
    let (dir, programs) = (wallets(), wallets());
    fs::set_permissions(programs.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = |program: &Path, name: &str| {
        let place = programs.path().join(name);
        fs::copy(program, &place).unwrap();
        place
    };
    let user = rustix::process::geteuid().is_root().then_some(65_534);
    let own = Programs { test: copy(&std::env::current_exe().unwrap(), "test"), user };
    let visible = own.trace_victim("visible");
    if visible != ATTACHED {
        // Yama (1 and more) and the filters of some containers forbid it whoever the victim is.
        println!("here no process may trace another of its user ({visible}): why the signer is not traced is not told");
    }
    assert!([ATTACHED, KEPT_OUT].contains(&visible.as_str()), "{visible}");
    assert_eq!(own.trace_victim("hidden"), KEPT_OUT);

    let program = copy(Path::new(env!("CARGO_BIN_EXE_btd-signer")), "btd-signer");
    let signer = Signer::start_as(&program, dir.path(), user);
    signer.ask(Hello { version: VERSION }).unwrap();
    assert_eq!(own.trace(signer.id()), KEPT_OUT);
    // It has not noticed.
    signer.ask(Hello { version: VERSION }).unwrap();
    signer.end();
}
