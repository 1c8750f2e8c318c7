//! The program itself, started as btd starts it: what it answers, what it hides, how it ends.

use std::{
    fs,
    io::Read,
    os::{
        fd::OwnedFd,
        unix::{
            fs::PermissionsExt,
            net::UnixStream,
            process::{CommandExt, ExitStatusExt},
        },
    },
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use btd_api::wallet::Secret;
use btd_signer_protocol::{
    Control, Existing, KeyId, NewKey, Operation, Origin, Protect, Purposes, Refusal, RefusalKind, Requests, Scheme,
    VERSION,
    frame::{self, Answer, Call},
    operations::{
        Earlier, Hello, List, LockAll, MakeWallet, Public, PublicHotkey, SignExtrinsic, SignSynapse, SignText, Status,
        Unlock,
    },
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;

use crate::{golden, hex_bytes, text};

/// A secret that must be found nowhere but in the answer that shows it.
const PASSWORD: &str = "canary-4f1d-password";

pub(crate) struct Signer {
    child: Child,
    control: UnixStream,
    requests: UnixStream,
}

impl Signer {
    fn start(wallets: &Path) -> Self {
        Self::start_as(Path::new(env!("CARGO_BIN_EXE_btd-signer")), wallets, None)
    }

    pub(crate) fn start_as(program: &Path, wallets: &Path, user: Option<u32>) -> Self {
        let pair = || UnixStream::pair().map(|(ours, theirs)| (ours, Stdio::from(OwnedFd::from(theirs)))).unwrap();
        let ((control, its_control), (requests, its_requests)) = (pair(), pair());
        let mut command = Command::new(program);
        command
            .arg("--wallets")
            .arg(wallets)
            .env_clear()
            .current_dir("/")
            .stdin(its_control)
            .stdout(its_requests)
            .stderr(Stdio::piped());
        let child = with_user(&mut command, user).spawn().unwrap();
        for stream in [&control, &requests] {
            stream.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
        }
        Self { child, control, requests }
    }

    pub(crate) fn ask<O: Operation<Channel = Control>>(&self, operation: O) -> Result<O::Reply, Refusal> {
        ask(&self.control, operation)
    }

    fn request<O: Operation<Channel = Requests>>(&self, operation: O) -> Result<O::Reply, Refusal> {
        ask(&self.requests, operation)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn proc(&self, file: &str) -> std::path::PathBuf {
        Path::new("/proc").join(self.child.id().to_string()).join(file)
    }

    /// Hangs up, and gives its log.
    pub(crate) fn end(mut self) -> String {
        drop((self.control, self.requests));
        assert!(self.child.wait().unwrap().success());
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        log
    }
}

fn ask<O: Operation>(mut stream: &UnixStream, operation: O) -> Result<O::Reply, Refusal> {
    frame::write(&mut stream, &Call { number: 7, operation: operation.into_call() }).unwrap();
    let answer: Answer = frame::decode(&frame::read(&mut stream).unwrap().unwrap()).unwrap();
    assert_eq!(answer.number, 7);
    answer.outcome.map(|reply| reply.read().unwrap())
}

pub(crate) fn wallets() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn make(password: Option<&str>) -> MakeWallet {
    let new = |key, protect| NewKey {
        key,
        origin: Origin::NewWords(12),
        scheme: Scheme::Sr25519,
        protect,
        existing: Existing::Refuse,
    };
    let protect = password.map_or(Protect::Plain, |password| Protect::Nacl(Secret::new(password)));
    let hotkey = KeyId::hotkey("w".parse().unwrap(), "h".parse().unwrap());
    MakeWallet { coldkey: new(coldkey(), protect), hotkey: new(hotkey, Protect::Plain) }
}

/// A wallet `w` whose coldkey opens fast: a golden Ansible vault. Its password.
fn sealed(dir: &Path) -> &'static str {
    let wallets = golden("wallets.json");
    let wallet = wallets["wallets"].as_array().unwrap().iter().find(|wallet| text(wallet, "id") == "v10-ansible");
    fs::create_dir_all(dir.join("w")).unwrap();
    fs::write(dir.join("w/coldkey"), hex_bytes(text(&wallet.unwrap()["files"][0], "data_hex"))).unwrap();
    "ansible-pw-v10"
}

fn unlock(password: &str) -> Unlock {
    let password = Some(Secret::new(password));
    Unlock { key: coldkey(), password, window: None, purposes: Purposes::ALL, earlier: Earlier::Ends }
}

fn coldkey() -> KeyId {
    KeyId::coldkey("w".parse().unwrap())
}

/// Whoever is not root cannot look at all.
fn kept_out(error: std::io::Error) -> std::io::Result<Vec<u8>> {
    if error.kind() == std::io::ErrorKind::PermissionDenied { Ok(Vec::new()) } else { Err(error) }
}

#[test]
fn secrets_stay_in_it() {
    let (dir, elsewhere) = (wallets(), wallets());
    let signer = Signer::start(dir.path());
    assert_eq!(signer.ask(Hello { version: VERSION }).unwrap().version, VERSION);
    let created = signer.ask(make(Some(PASSWORD))).unwrap();
    let words = created.coldkey.mnemonic.unwrap();
    let public = created.coldkey.public;
    let wrong = signer.ask(unlock("canary-4f1d-wrong")).unwrap_err();
    assert_eq!((wrong.kind, wrong.key.as_ref()), (RefusalKind::WrongPassword, Some(&coldkey())));
    let early = signer.ask(unlock(PASSWORD)).unwrap_err();
    assert_eq!(early.kind, RefusalKind::TooManyFailures);
    std::thread::sleep(early.retry_in.unwrap());
    assert_eq!(signer.ask(unlock(PASSWORD)).unwrap().public, public);
    let payload = SignExtrinsic {
        key: coldkey(),
        pallet: "Balances".into(),
        call: "transfer_all".into(),
        payload: [&[5, 4][..], &[0; 100]].concat(),
    };
    let signature = signer.ask(payload.clone()).unwrap();
    assert!(public.verify_exact(&payload.payload, &signature.bytes));

    let environment = fs::read(signer.proc("environ")).or_else(kept_out).unwrap();
    let arguments = fs::read(signer.proc("cmdline")).or_else(kept_out).unwrap();
    let refusals = format!("{wrong:?} {wrong} {early:?} {early}");
    let listed = format!("{:?} {:?}", signer.ask(List {}).unwrap(), signer.ask(Status {}).unwrap());
    let log = signer.end();
    // What was signed and unlocked is in the log, and nothing secret is anywhere.
    assert!(log.contains("Balances.transfer_all") && log.contains("unlocked w/coldkey"), "{log}");
    let places = [&environment, &arguments, log.as_bytes(), refusals.as_bytes(), listed.as_bytes()];
    for secret in ["canary-4f1d", words.expose()] {
        for place in places {
            let found = place.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "a secret is in {}", String::from_utf8_lossy(place));
        }
    }
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    for file in ["w/coldkey", "w/coldkeypub.txt", btd_signer::failures::FILE] {
        let text = fs::read(dir.path().join(file)).unwrap();
        assert!(!text.windows(11).any(|window| window == b"canary-4f1d"), "{file}");
    }
}

#[test]
fn the_back_off_outlives_the_process() {
    let dir = wallets();
    let signer = Signer::start(dir.path());
    let password = sealed(dir.path());
    assert_eq!(signer.ask(unlock("wrong")).unwrap_err().kind, RefusalKind::WrongPassword);
    signer.end();
    let signer = Signer::start(dir.path());
    let refused = signer.ask(unlock(password)).unwrap_err();
    assert_eq!(refused.kind, RefusalKind::TooManyFailures, "{refused}");
    signer.end();
}

#[test]
fn other_processes_of_its_user_cannot_look_into_it() {
    let dir = wallets();
    let signer = Signer::start(dir.path());
    signer.ask(Hello { version: VERSION }).unwrap();
    let status = fs::read_to_string(signer.proc("status")).unwrap();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    assert_eq!(field("NoNewPrivs:"), "1");
    // 2 is a filter.
    assert_eq!(field("Seccomp:"), "2");
    let limits = fs::read_to_string(signer.proc("limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
    signer.end();

    // Root is kept out by nothing, so the two are started as somebody else where the test is root.
    let (dir, program) = (wallets(), wallets());
    fs::set_permissions(program.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = program.path().join("btd-signer");
    fs::copy(env!("CARGO_BIN_EXE_btd-signer"), &copy).unwrap();
    let other = rustix::process::geteuid().is_root().then_some(65_534);
    let signer = Signer::start_as(&copy, dir.path(), other);
    signer.ask(Hello { version: VERSION }).unwrap();
    let mut open = Command::new("sleep");
    let mut open = with_user(open.arg("100"), other).spawn().unwrap();
    // What it takes to open these two is what it takes to attach with ptrace.
    for file in ["mem", "environ"] {
        let read = |pid: u32| {
            let mut head = Command::new("head");
            head.args(["-c", "0"]).arg(format!("/proc/{pid}/{file}")).stderr(Stdio::null());
            with_user(&mut head, other).status().unwrap().success()
        };
        assert!(read(open.id()), "{file} of another process of the same user");
        assert!(!read(signer.child.id()), "{file} of the signer");
    }
    open.kill().unwrap();
    open.wait().unwrap();
    signer.end();
}

pub(crate) fn with_user(command: &mut Command, user: Option<u32>) -> &mut Command {
    match user {
        None => command,
        Some(user) => command.uid(user).gid(user),
    }
}

#[test]
fn the_requests_channel_signs_synapses_and_nothing_else() {
    let dir = wallets();
    let signer = Signer::start(dir.path());
    signer.ask(make(None)).unwrap();
    let (wallet, hotkey) = ("w".parse::<btd_api::WalletName>().unwrap(), "h".parse::<btd_api::HotkeyName>().unwrap());
    let public = signer.request(PublicHotkey { wallet: wallet.clone(), hotkey: hotkey.clone() }).unwrap();
    let hash = "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a";
    let bob = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
    let sign = |message: &str| {
        signer.request(SignSynapse { wallet: wallet.clone(), hotkey: hotkey.clone(), message: message.to_owned() })
    };
    let message = format!("btauth/1\nsr25519\nPOST\n/x\n{hash}\n1717\n{}\n{bob}", public.account);
    assert!(public.verify_exact(message.as_bytes(), &sign(&message).unwrap().bytes));
    let foreign = format!("1717.{bob}.{}.uuid.{hash}", public.account);
    for refused in [&foreign, "<Bytes>hello</Bytes>", "hello", ""] {
        assert_eq!(sign(refused).unwrap_err().kind, RefusalKind::Purpose, "{refused}");
    }

    // Every operation of the other channel, said on this one: none is answered, and the connection
    // is over with the first.
    let key = KeyId::hotkey(wallet, hotkey);
    let payload = [&[5, 4][..], &[0; 100]].concat();
    let extrinsic = SignExtrinsic { key: key.clone(), pallet: "Balances".into(), call: "transfer_all".into(), payload };
    signer.ask(extrinsic.clone()).unwrap();
    let mut stream = &signer.requests;
    frame::write(&mut stream, &Call { number: 1, operation: extrinsic.into_call() }).unwrap();
    assert!(matches!(frame::read(&mut stream), Ok(None) | Err(_)));
    // The daemon's own goes on.
    signer.ask(Public { key: key.clone() }).unwrap();
    let text = signer.ask(SignText { key, text: format!("1717.{}.{bob}.uuid.{hash}", public.account) });
    assert_eq!(text.unwrap_err().kind, RefusalKind::Purpose);
}

#[test]
fn it_ends_with_its_channel_in_the_middle_of_anything() {
    let dir = wallets();
    let mut signer = Signer::start(dir.path());
    let mut stream = &signer.control;
    frame::write(&mut stream, &Call { number: 1, operation: make(Some("right")).into_call() }).unwrap();
    signer.control.shutdown(std::net::Shutdown::Both).unwrap();
    assert!(signer.child.wait().unwrap().success());
}

#[test]
fn a_lock_is_in_force_for_an_unlock_that_waits() {
    let dir = wallets();
    let signer = Signer::start(dir.path());
    let password = sealed(dir.path());
    // What takes seconds is before them in the lane.
    let mut slow = make(Some("right"));
    slow.coldkey.key.wallet = "slow".parse().unwrap();
    let calls = [
        slow.into_call(),
        unlock(password).into_call(),
        unlock(password).into_call(),
        LockAll { wallet: None }.into_call(),
    ];
    let mut stream = &signer.control;
    for (number, operation) in (1..).zip(calls) {
        frame::write(&mut stream, &Call { number, operation }).unwrap();
    }
    for (number, refused) in
        [(4, None), (1, None), (2, Some(RefusalKind::LockedMeanwhile)), (3, Some(RefusalKind::LockedMeanwhile))]
    {
        let answer: Answer = frame::decode(&frame::read(&mut stream).unwrap().unwrap()).unwrap();
        assert_eq!((answer.number, answer.outcome.err().map(|refusal| refusal.kind)), (number, refused));
    }
    assert_eq!(signer.ask(Status {}).unwrap(), []);
    signer.end();
}

#[test]
fn by_hand_it_says_who_starts_it() {
    let output = Command::new(env!("CARGO_BIN_EXE_btd-signer"))
        .args(["--wallets", "/nowhere"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("btd starts btd-signer by itself"), "{said}");
}

/// One figure of `/proc/PID/status`, in KiB.
fn kib(signer: &Signer, name: &str) -> u64 {
    let status = fs::read_to_string(signer.proc("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_hundred_unlocks_at_once_take_the_memory_of_one() {
    const UNLOCKS: u64 = 100;
    let dir = wallets();
    let signer = Signer::start(dir.path());
    let mut sealed = make(Some("right"));
    sealed.hotkey.protect = Protect::Nacl(Secret::new("right"));
    signer.ask(sealed).unwrap();
    let mut stream = &signer.control;
    let hotkey = KeyId::hotkey("w".parse().unwrap(), "h".parse().unwrap());
    for number in 0..UNLOCKS {
        let key = if number % 2 == 0 { coldkey() } else { hotkey.clone() };
        let operation = Unlock { key, ..unlock("right") }.into_call();
        frame::write(&mut stream, &Call { number, operation }).unwrap();
    }
    // Some are under way or done; the others need not be.
    std::thread::sleep(Duration::from_secs(2));
    frame::write(&mut stream, &Call { number: UNLOCKS, operation: LockAll { wallet: None }.into_call() }).unwrap();
    let answers: Vec<Answer> =
        (0..=UNLOCKS).map(|_| frame::decode(&frame::read(&mut stream).unwrap().unwrap()).unwrap()).collect();
    let late = answers.iter().filter_map(|answer| answer.outcome.as_ref().err()).map(|refusal| refusal.kind);
    assert!(late.filter(|kind| *kind == RefusalKind::LockedMeanwhile).count() > 50);
    let peak = kib(&signer, "VmHWM");
    println!("{UNLOCKS} unlocks at once took {peak} KiB at most");
    assert!((512 * 1024..600 * 1024).contains(&peak), "{peak} KiB");
    assert_eq!(signer.ask(Status {}).unwrap(), []);
    signer.end();
}

/// How often `bytes` stand in the memory of the signer, which only root can read.
fn copies(signer: &Signer, bytes: &[u8]) -> usize {
    use std::os::unix::fs::FileExt;
    let memory = fs::File::open(signer.proc("mem")).unwrap();
    let maps = fs::read_to_string(signer.proc("maps")).unwrap();
    let writable = maps.lines().filter_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (from, to) = range.split_once('-').filter(|_| rest.starts_with("rw"))?;
        Some((u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap()))
    });
    let count = |(from, to): (u64, u64)| {
        let mut region = vec![0; usize::try_from(to - from).unwrap()];
        // What is reserved and not there yet cannot be read.
        let there = memory.read_exact_at(&mut region, from).is_ok();
        if there { region.windows(bytes.len()).filter(|window| *window == bytes).count() } else { 0 }
    };
    writable.map(count).sum()
}

#[test]
fn what_is_locked_or_over_is_wiped_from_its_memory_and_what_is_held_is_not_swapped() {
    let dir = wallets();
    let password = sealed(dir.path());
    if fs::File::open(Signer::start(dir.path()).proc("mem")).is_err() {
        println!("nobody here may look into the signer: not looked");
        return;
    }
    let wallet = btd_keys::WalletStore::new(dir.path()).wallet(&"w".parse().unwrap());
    let key = wallet.open(&btd_keys::KeyRole::Coldkey, Some(&btd_keys::Password::new(password))).unwrap();
    let secret = key.pair().private_key()[..32].to_vec();
    // What else the file holds, as bytes and as its text says it.
    let golden = golden("wallets.json");
    let golden = golden["wallets"].as_array().unwrap().iter().find(|wallet| text(wallet, "id") == "v10-ansible");
    let expected = &golden.unwrap()["files"][0]["expected"];
    let (seed, private) = (text(expected, "secret_seed"), text(expected, "private_key"));
    let spelt =
        [&seed[2..], &private[2..66], text(expected, "secret_phrase"), password].map(|text| text.as_bytes().to_vec());
    let everything = [vec![secret.clone(), hex_bytes(&seed[2..])], spelt.to_vec()].concat();
    let left = |signer: &Signer| everything.iter().map(|bytes| copies(signer, bytes)).collect::<Vec<_>>();
    let nothing = vec![0; everything.len()];
    let signer = Signer::start(dir.path());
    signer.ask(unlock(password)).unwrap();
    assert!(copies(&signer, &secret) >= 1, "the unlocked key is not found: this test sees nothing");
    let (locked, resident) = (kib(&signer, "VmLck"), kib(&signer, "VmRSS"));
    // Under a small limit a piece of the heap is.
    let least = if may_lock_all() { resident * 9 / 10 } else { 1 };
    assert!(locked >= least, "{locked} of {resident} KiB are locked in memory");
    assert_eq!(signer.ask(LockAll { wallet: None }).unwrap(), 1);
    assert_eq!(left(&signer), nothing, "after the lock");
    signer.ask(Unlock { window: Some(Duration::from_secs(1)), ..unlock(password) }).unwrap();
    assert!(copies(&signer, &secret) >= 1);
    let deadline = std::time::Instant::now() + Duration::from_mins(1);
    while !signer.ask(Status {}).unwrap().is_empty() || copies(&signer, &secret) > 0 {
        assert!(std::time::Instant::now() < deadline, "the key is still there after its window");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(left(&signer), nothing, "after its window");
    signer.end();
}

/// Whether processes here may lock as much memory as they like (`CAP_IPC_LOCK`).
fn may_lock_all() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let held = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    u64::from_str_radix(held.trim(), 16).unwrap() & (1 << 14) != 0
}

#[test]
fn told_to_end_it_locks_first_and_dumps_nothing() {
    let dir = wallets();
    let password = sealed(dir.path());
    let mut signer = Signer::start(dir.path());
    signer.ask(unlock(password)).unwrap();
    let send = |signal: &str, pid: u32| {
        assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
    };
    send("-TERM", signer.child.id());
    assert!(signer.child.wait().unwrap().success());
    let mut log = String::new();
    signer.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("ends by SIGTERM; locked keys: 1"), "{log}");

    // A fault that leaves a core of any other process leaves none of this one.
    let limit = getrlimit(Resource::Core);
    setrlimit(Resource::Core, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    let mut other = Command::new("sleep").arg("60").current_dir(dir.path()).spawn().unwrap();
    send("-ABRT", other.id());
    if !other.wait().unwrap().core_dumped() {
        println!("no process leaves a core here: not looked");
        return;
    }
    let mut signer = Signer::start(dir.path());
    signer.ask(unlock(password)).unwrap();
    send("-ABRT", signer.child.id());
    let ended = signer.child.wait().unwrap();
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(6), false));
}
