//! In which order the kernel is asked to write a key file: what is renamed is whole on the disk
//! before, and the directory is after.
//!
//! The test starts itself as the writer and follows its system calls with ptrace(2).

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use btd_api::WalletName;
use btd_keys::{Existing, Key, KeyRole, Protection, Scheme, WalletStore};
use nix::{
    errno::Errno,
    sys::{
        ptrace::{self, Options},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

const WRITER: &str = "BTD_TEST_ORDER_DIR";

fn key(uri: &str) -> Key {
    Key::from_uri(Scheme::Sr25519, uri).unwrap()
}

/// Not a test by itself: what the tests below follow. Writes when told to, over what is there.
#[test]
fn writer() {
    let Some(dir) = std::env::vars_os().find_map(|(name, value)| (name == WRITER).then_some(value)) else { return };
    let wallet = WalletStore::new(&dir).wallet(&WalletName::default());
    let (uri, existing) =
        if wallet.dir().exists() { ("//Bob", Existing::KeepCopy) } else { ("//Alice", Existing::Refuse) };
    let key = key(uri);
    println!("thread {}", fs::read_link("/proc/thread-self").unwrap().display());
    std::io::stdin().read_line(&mut String::new()).unwrap();
    wallet.write(&KeyRole::Coldkey, &key, Protection::Plain, existing).unwrap();
}

/// What a thread asks of the kernel about the files below `root`, a line for each call.
struct Follower<'a> {
    root: &'a Path,
    process: PathBuf,
    memory: File,
    calls: Vec<String>,
}

/// Number and arguments of the system call at whose entry a thread stands.
#[cfg(target_arch = "x86_64")]
fn registers(thread: Pid) -> (i64, [u64; 5]) {
    let found = ptrace::getregs(thread).unwrap();
    (found.orig_rax.cast_signed(), [found.rdi, found.rsi, found.rdx, found.r10, found.r8])
}

#[cfg(target_arch = "aarch64")]
fn registers(thread: Pid) -> (i64, [u64; 5]) {
    let found = ptrace::getregs(thread).unwrap().regs;
    (found[8].cast_signed(), [found[0], found[1], found[2], found[3], found[4]])
}

impl Follower<'_> {
    /// A path below the root, with temporary names told without their numbers.
    fn name(&self, path: &Path) -> Option<String> {
        let name = path.strip_prefix(self.root).ok()?.display().to_string();
        Some(match name.split_once(".tmp-") {
            Some((stem, _)) => format!("{stem}.tmp"),
            None => name,
        })
    }

    fn text(&self, address: u64) -> PathBuf {
        let mut bytes = vec![0; 4096];
        let read = self.memory.read_at(&mut bytes, address).unwrap();
        let text = bytes[..read].split(|byte| *byte == 0).next().unwrap();
        PathBuf::from(std::str::from_utf8(text).unwrap())
    }

    fn path(&self, address: u64) -> Option<String> {
        self.name(&self.text(address))
    }

    /// The same of a path at which nothing is yet.
    fn missing(&self, address: u64) -> Option<String> {
        self.path(address).filter(|_| !self.text(address).exists())
    }

    /// The same of a path at which something is.
    fn present(&self, address: u64) -> Option<String> {
        self.path(address).filter(|_| self.text(address).exists())
    }

    fn file(&self, descriptor: u64) -> Option<String> {
        self.name(&fs::read_link(self.process.join("fd").join(descriptor.to_string())).ok()?)
    }

    fn called(&mut self, (number, [a, b, c, d, _]): (i64, [u64; 5])) {
        let line = match number {
            libc::SYS_openat => self.path(b).and_then(|name| {
                let flags = i32::try_from(c).unwrap();
                let new = flags & libc::O_CREAT != 0;
                assert!(new || flags & libc::O_ACCMODE == libc::O_RDONLY, "{name} is opened to be changed");
                assert!(flags & libc::O_TRUNC == 0, "{name} is truncated");
                assert!(!new || flags & libc::O_EXCL != 0, "{name} may be another's");
                new.then(|| format!("create {name} {d:o}"))
            }),
            libc::SYS_write => self.file(a).map(|name| format!("write {name}")),
            libc::SYS_fsync => self.file(a).map(|name| format!("fsync {name}")),
            libc::SYS_renameat | libc::SYS_renameat2 => {
                self.path(b).map(|from| format!("rename {from} {}", self.path(d).unwrap()))
            }
            #[cfg(target_arch = "x86_64")]
            libc::SYS_rename => self.path(a).map(|from| format!("rename {from} {}", self.path(b).unwrap())),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_mkdir => self.missing(a).map(|name| format!("mkdir {name} {b:o}")),
            libc::SYS_mkdirat => self.missing(b).map(|name| format!("mkdir {name} {c:o}")),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_unlink => self.present(a).map(|name| format!("remove {name}")),
            libc::SYS_unlinkat => self.present(b).map(|name| format!("remove {name}")),
            libc::SYS_ftruncate | libc::SYS_truncate | libc::SYS_pwrite64 | libc::SYS_writev => {
                self.file(a).map(|name| panic!("{name} is changed by call {number}"))
            }
            _ => None,
        };
        self.calls.extend(line);
    }
}

fn start(root: &Path) -> (Child, Pid) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["order::writer", "--exact", "--nocapture", "--test-threads=1"])
        .env(WRITER, root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let thread = lines.find_map(|line| line.unwrap().split_once("thread ").map(|(_, path)| path.to_owned())).unwrap();
    // The rest of what it says nobody reads, and it may still say it.
    std::thread::spawn(move || lines.for_each(drop));
    (child, Pid::from_raw(thread.rsplit('/').next().unwrap().parse().unwrap()))
}

/// The calls of one write, or none where no process may follow another.
fn follow(root: &Path) -> Option<Vec<String>> {
    let (mut child, thread) = start(root);
    match ptrace::seize(thread, Options::PTRACE_O_TRACESYSGOOD) {
        Err(Errno::EPERM) => {
            println!("this host lets no process follow another: not looked");
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        seized => seized.unwrap(),
    }
    ptrace::interrupt(thread).unwrap();
    let stopped = || waitpid(thread, Some(WaitPidFlag::__WALL)).unwrap();
    assert!(matches!(stopped(), WaitStatus::PtraceEvent(..)));
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    let process = PathBuf::from(format!("/proc/{}", child.id()));
    let memory = File::open(process.join("mem")).unwrap();
    let mut follower = Follower { root, process, memory, calls: Vec::new() };
    let mut inside = false;
    loop {
        ptrace::syscall(thread, None).unwrap();
        match stopped() {
            WaitStatus::PtraceSyscall(_) => {
                inside = !inside;
                if inside {
                    follower.called(registers(thread));
                }
            }
            WaitStatus::Exited(..) => break,
            other => panic!("{other:?}"),
        }
    }
    // Where the thread was the process's first, its end was the child's.
    if let Ok(ended) = child.wait() {
        assert!(ended.success());
    }
    Some(follower.calls)
}

/// The calls that write one file: nothing else reaches its name.
fn replaced(name: &str) -> Vec<String> {
    let (directory, file) = name.rsplit_once('/').unwrap();
    let temporary = format!("{directory}/.{file}.tmp");
    vec![
        format!("create {temporary} 600"),
        format!("write {temporary}"),
        format!("fsync {temporary}"),
        format!("rename {temporary} {name}"),
        format!("fsync {directory}"),
    ]
}

#[test]
fn a_file_is_on_the_disk_before_it_has_its_name_and_its_directory_after() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let Some(made) = follow(&root) else { return };
    let directory = vec!["mkdir default 700".to_owned(), "fsync ".to_owned()];
    assert_eq!(made, [directory, replaced("default/coldkey"), replaced("default/coldkeypub.txt")].concat());

    // Over another key: first the copies, then no public file beside a secret of another key.
    let written = follow(&root).unwrap();
    let expected = [
        replaced("default/coldkey.bak-1"),
        replaced("default/coldkeypub.txt.bak-1"),
        vec!["remove default/coldkeypub.txt".to_owned()],
        replaced("default/coldkey"),
        replaced("default/coldkeypub.txt"),
    ];
    assert_eq!(written, expected.concat());
    let wallet = WalletStore::new(&root).wallet(&WalletName::default());
    assert_eq!(wallet.open(&KeyRole::Coldkey, None).unwrap().public(), key("//Bob").public());
}
