//! A btd of a test's own: its directories, its log, and calls over its socket.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

pub(crate) struct Place {
    pub(crate) dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// btd with its files here and no variables but those of `variables`.
    pub(crate) fn btd(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_btd"));
        command
            .env_clear()
            .env("HOME", self.dir.path())
            .envs(variables.iter().copied())
            .args(["--data-dir", self.path("data").to_str().unwrap()])
            .args(["--socket", self.path("btd.sock").to_str().unwrap()])
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn fails(&self, arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
        let output = self.btd(arguments, variables).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    pub(crate) fn devnet(&self, more: &[&str], variables: &[(&str, &str)]) -> Daemon {
        let arguments =
            [&["--network", "devnet", "--devnet-listen", "127.0.0.1:0", "--block-time", "instant"], more].concat();
        self.start(&arguments, variables)
    }

    pub(crate) fn start(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Daemon {
        let mut child = self.btd(arguments, variables).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Daemon { child, log }
    }
}

pub(crate) struct Daemon {
    pub(crate) child: Child,
    pub(crate) log: BufReader<ChildStderr>,
}

impl Daemon {
    /// Reads the log until a line holds `words`.
    pub(crate) fn until(&mut self, words: &str) -> String {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "btd ended without saying `{words}`: {seen}");
            seen += &line;
            if line.contains(words) {
                return line;
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn ended(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Begins a call; what comes back is for the caller to read.
pub(crate) fn begin_call(socket: &Path, method: &str, params: &str) -> UnixStream {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    let head =
        "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length";
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
    stream
}

pub(crate) fn call(socket: &Path, method: &str, params: &str) -> serde_json::Value {
    let mut text = String::new();
    begin_call(socket, method, params).read_to_string(&mut text).unwrap();
    serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap()
}

pub(crate) fn wait_for(path: &Path) {
    while UnixStream::connect(path).is_err() {
        thread::sleep(Duration::from_millis(5));
    }
}
