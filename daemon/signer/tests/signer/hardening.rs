//! What the process can no longer do, tried in a child under the same filter.
//!
//! The test starts itself; the child gives up what the signer gives up, tries everything that it
//! should not be able to do, and prints what came of it.

use std::{
    fs,
    io::{self, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    os::unix::net::{UnixDatagram, UnixListener, UnixStream},
    process::Command,
};

use btd_signer::hardening::{Doors, confine, hide};

const CONFINED: &str = "BTD_TEST_CONFINED_DIR";
/// Whether the child may accept connections, as under the service manager.
const ACCEPTS: &str = "BTD_TEST_ACCEPTS";

fn outcome<T>(name: &str, outcome: io::Result<T>) {
    match outcome {
        Ok(_) => println!("{name}: done"),
        Err(error) => println!("{name}: {:?}", error.kind()),
    }
}

/// Not a test by itself: what the test below starts.
#[test]
fn confined() {
    let Some(dir) = std::env::vars_os().find_map(|(name, value)| (name == CONFINED).then_some(value)) else { return };
    let dir = std::path::PathBuf::from(dir);
    // Both ends of a stream that is open when the rest is given up.
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    let parent = rustix::process::getppid().unwrap();
    let door = UnixListener::bind(dir.join("door")).unwrap();
    let _caller = UnixStream::connect(dir.join("door")).unwrap();
    hide().unwrap();
    confine(if std::env::var_os(ACCEPTS).is_some() { Doors::Accept } else { Doors::Shut }).unwrap();
    outcome("accept", door.accept());
    outcome("tcp listen", TcpListener::bind("127.0.0.1:0"));
    outcome("tcp6 listen", TcpListener::bind("[::1]:0"));
    outcome("tcp connect", TcpStream::connect("127.0.0.1:9"));
    outcome("udp", UdpSocket::bind("127.0.0.1:0"));
    outcome("unix listen", UnixListener::bind(dir.join("socket")));
    outcome("unix connect", UnixStream::connect(dir.join("socket")));
    outcome("unix datagram", UnixDatagram::unbound());
    outcome("socket pair", UnixStream::pair());
    outcome("program", Command::new("/bin/true").spawn());
    outcome("kill", rustix::process::kill_process(parent, rustix::process::Signal::CONT).map_err(io::Error::from));

    let path = dir.join("file");
    outcome("write", fs::write(&path, "x").and_then(|()| fs::rename(&path, dir.join("other"))));
    outcome("list", fs::read_dir(&dir));
    outcome(
        "thread",
        std::thread::Builder::new()
            .spawn(|| ())
            .and_then(|thread| thread.join().map_err(|_| io::Error::other("panic"))),
    );
    outcome("stream", ours.write_all(b"x").and_then(|()| io::Read::read_exact(&mut theirs, &mut [0])));
}

const PANICS: &str = "BTD_TEST_PANICS";

/// Not a test by itself: what the next one starts.
#[test]
fn panics() {
    let Some(secret) = std::env::vars_os().find_map(|(name, value)| (name == PANICS).then_some(value)) else { return };
    btd_signer::process::quiet_panics();
    let thread = std::thread::spawn(move || panic!("while at {}", secret.display()));
    assert!(thread.join().is_err());
}

#[test]
fn a_panic_says_where_and_not_what() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["hardening::panics", "--exact", "--nocapture", "--test-threads=1"])
        .env(PANICS, "canary-7b20")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("a call failed at"), "{said}");
    assert!(!said.contains("canary-7b20"), "{said}");
}

/// What the child could do, behind doors of that kind.
fn behind(doors: Doors) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["hardening::confined", "--exact", "--nocapture", "--test-threads=1"]).env(CONFINED, dir.path());
    if doors == Doors::Accept {
        child.env(ACCEPTS, "1");
    }
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn no_socket_can_be_opened_and_no_program_run() {
    for (doors, accepts) in [(Doors::Shut, "PermissionDenied"), (Doors::Accept, "done")] {
        let said = behind(doors);
        assert!(said.contains(&format!("accept: {accepts}")), "{doors:?}\n{said}");
        for refused in [
            "tcp listen",
            "tcp6 listen",
            "tcp connect",
            "udp",
            "unix listen",
            "unix connect",
            "unix datagram",
            "socket pair",
            "program",
            "kill",
        ] {
            assert!(said.contains(&format!("{refused}: PermissionDenied")), "{doors:?}, {refused}\n{said}");
        }
        for kept in ["write", "list", "thread", "stream"] {
            assert!(said.contains(&format!("{kept}: done")), "{doors:?}, {kept}\n{said}");
        }
    }
}
