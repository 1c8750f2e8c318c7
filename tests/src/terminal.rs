//! A person at a terminal: what is typed, what appears, and whether what is typed appears.
//!
//! The terminal is a pseudo-terminal of its own. On it a shell runs the one command, says how that
//! ended, and waits, so that the terminal can still be looked at when the command is gone.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use nix::{
    pty::openpty,
    sys::termios::{LocalFlags, Termios, tcgetattr},
};

use crate::{Host, wait_for};

/// What the shell does: `$@` is the command.
const SHELL: &str = r#"trap : INT; "$@"; echo "[ended with $?]"; read then; echo "[then came $then]""#;
const ENDED: &str = "[ended with ";

/// A terminal with one command on it. Dropping it ends both.
pub struct Terminal {
    /// The person's side.
    keyboard: File,
    seen: Arc<Mutex<Vec<u8>>>,
    shell: Child,
    /// What was looked at already.
    looked: usize,
    /// The modes before the command began.
    before: Termios,
}

impl Terminal {
    /// Begins `btctl` with these arguments on a terminal of its own.
    ///
    /// # Panics
    /// When there is no terminal to be had.
    pub fn btctl(host: &Host, arguments: &[&str]) -> Self {
        Self::run(host, &[&[crate::binary("btctl").to_str().unwrap()], arguments].concat())
    }

    /// Begins a command, and waits for nothing.
    ///
    /// # Panics
    /// When there is no terminal to be had.
    pub fn run(host: &Host, command: &[&str]) -> Self {
        let pair = openpty(None, None).unwrap();
        let before = tcgetattr(&pair.master).unwrap();
        // What the command finds: else that it shows nothing would say nothing of it.
        assert!(before.local_flags.contains(LocalFlags::ECHO));
        let slave = |fd: &OwnedFd| Stdio::from(fd.try_clone().unwrap());
        // The same surroundings as without a terminal, in a session that this terminal controls.
        // A job in the background ignores the keys that interrupt, and so would all that it starts.
        let mut shell = Command::new("env");
        shell.env_clear().args(["--default-signal=INT", "--default-signal=QUIT", "setsid"]);
        for (name, value) in host.command_of("btctl").get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        let shell = shell
            .env("TERM", "dumb")
            .args(["--ctty", "--wait", "sh", "-c", SHELL, "sh"])
            .args(command)
            .stdin(slave(&pair.slave))
            .stdout(slave(&pair.slave))
            .stderr(slave(&pair.slave))
            .spawn()
            .unwrap();
        let keyboard = File::from(pair.master);
        let (mut screen, seen) = (keyboard.try_clone().unwrap(), Arc::<Mutex<Vec<u8>>>::default());
        let shown = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // The end of the last process on it is an error.
            while let Ok(count @ 1..) = screen.read(&mut piece) {
                shown.lock().unwrap().extend_from_slice(&piece[..count]);
            }
        });
        Self { keyboard, seen, shell, looked: 0, before }
    }

    /// Everything that has appeared, line ends as in text.
    ///
    /// # Panics
    /// Never in practice.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).replace("\r\n", "\n")
    }

    /// Waits until these words appear behind the last that were waited for.
    ///
    /// # Panics
    /// When they do not within a minute.
    pub fn wait_for(&mut self, words: &str) {
        self.looked = wait_for(&format!("`{words}` on the terminal"), || {
            let screen = self.screen();
            screen[self.looked..].find(words).map(|at| self.looked + at + words.len())
        });
    }

    /// Presses these keys.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Whether what is typed appears.
    ///
    /// # Panics
    /// When the terminal is gone.
    pub fn echoes(&self) -> bool {
        tcgetattr(&self.keyboard).unwrap().local_flags.contains(LocalFlags::ECHO)
    }

    /// Waits for the end of the command. Its exit code, as a shell tells it.
    ///
    /// # Panics
    /// When it does not end within a minute, or leaves the terminal otherwise than it was.
    pub fn end(&mut self) -> i32 {
        self.wait_for(ENDED);
        let code = wait_for("the exit code", || Some(self.screen()[self.looked..].split_once(']')?.0.to_owned()));
        assert_eq!(
            tcgetattr(&self.keyboard).unwrap(),
            self.before,
            "the terminal is not as it was:\n{}",
            self.screen()
        );
        code.parse().unwrap()
    }
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal").field("screen", &self.screen()).finish_non_exhaustive()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
        if std::thread::panicking() {
            eprintln!("--- the terminal\n{}", self.screen());
        }
    }
}
