//! What keys cost, each beside its measure, in one run: `cargo bench -p btd-keys --bench keys`.
//!
//! Signing and verifying beside schnorrkel called directly, over the same keys and messages and in
//! turns, so that whatever else the machine does befalls both; the listing of a thousand hotkeys;
//! one unlock. `-- --python PATH` adds the unlock of the same file by the `bittensor` 11 of that
//! interpreter. Times are processor time of this process where it says so, else of the clock.
//! It runs itself again under the tunable of glibc under which the signer runs.
//!
//! Ends with exit code 1 when a bound is broken: signing and verifying within a tenth of
//! schnorrkel's time, the listing within 50 ms, the unlock no slower than that of `bittensor` 11.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that fails is no measurement")]

use std::{
    fs,
    hint::black_box,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use btd_keys::{Existing, Key, KeyFile, KeyRole, Password, Protection, Scheme, Shape, WalletStore, WordCount};

const ROUNDS: usize = 40;
const PER_ROUND: u32 = 200;
const HOTKEYS: usize = 1_000;
const MESSAGE: &[u8] = &[0x5a; 120];
const CONTEXT: &[u8] = b"substrate";
const PASSWORD: &str = "what unlocks it";

/// User and system time of this process so far.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // The 14th and 15th of proc(5), in ticks of 10 ms.
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The median times of one call of each, taken in turns.
fn in_turns(mut ours: impl FnMut(), mut plain: impl FnMut()) -> (Duration, Duration) {
    let (mut our_times, mut plain_times) = (Vec::new(), Vec::new());
    let timed = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..PER_ROUND).for_each(|_| work());
        start.elapsed() / PER_ROUND
    };
    for _ in 0..ROUNDS {
        our_times.push(timed(&mut ours));
        plain_times.push(timed(&mut plain));
    }
    (median(our_times), median(plain_times))
}

/// What was measured beside what it may be.
#[derive(Default)]
struct Bounds {
    broken: Vec<String>,
}

impl Bounds {
    fn within(&mut self, what: &str, time: Duration, most: Duration) {
        if time > most {
            self.broken.push(format!("{what} took {time:.2?}, and may take {most:.2?}"));
        }
    }

    fn compare(&mut self, what: &str, (ours, plain): (Duration, Duration)) {
        let ratio = ours.as_secs_f64() / plain.as_secs_f64();
        println!("{what:28} {ours:>12.2?} {plain:>12.2?}  {ratio:.3}");
        self.within(what, ours, plain * 11 / 10);
    }
}

fn sign_and_verify(bounds: &mut Bounds) {
    println!("{:28} {:>12} {:>12}  ratio", "sr25519, 120 bytes", "btd", "schnorrkel");
    let key = Key::generate(Scheme::Sr25519, WordCount::Twelve);
    let secret = schnorrkel::SecretKey::from_bytes(&key.pair().private_key()).unwrap();
    let pair = secret.to_keypair();
    let signing = in_turns(
        || {
            black_box(key.pair().sign(black_box(MESSAGE)));
        },
        || {
            black_box(pair.sign_simple(CONTEXT, black_box(MESSAGE)).to_bytes());
        },
    );
    bounds.compare("sign", signing);
    let signature = key.pair().sign(MESSAGE).bytes;
    let public = key.public();
    let verifying = in_turns(
        || assert!(black_box(public).verify_exact(black_box(MESSAGE), &signature)),
        || {
            let public = schnorrkel::PublicKey::from_bytes(black_box(public).account.as_bytes()).unwrap();
            let signature = schnorrkel::Signature::from_bytes(&signature).unwrap();
            assert!(public.verify_simple(CONTEXT, black_box(MESSAGE), &signature).is_ok());
        },
    );
    bounds.compare("verify", verifying);
}

fn listing(bounds: &mut Bounds) {
    let root = tempfile::tempdir().unwrap();
    let store = WalletStore::new(root.path());
    let wallet = store.wallet(&"w".parse().unwrap());
    let dir = wallet.dir().join("hotkeys");
    fs::create_dir_all(&dir).unwrap();
    for number in 0..HOTKEYS {
        // Without the fsyncs of the store, which are not what is measured.
        let key = Key::generate(Scheme::Sr25519, WordCount::Twelve);
        let public = btd_keys::PublicKeyFile(key.public());
        fs::write(dir.join(format!("h{number}")), KeyFile::plain(&key, Shape::Compact).as_bytes()).unwrap();
        fs::write(dir.join(format!("h{number}pub.txt")), public.render(Shape::Compact)).unwrap();
    }
    let times = (0..20).map(|_| {
        let start = Instant::now();
        assert_eq!(store.list().unwrap()[0].hotkeys.len(), HOTKEYS);
        start.elapsed()
    });
    let (what, time) = (format!("list {HOTKEYS} hotkeys"), median(times.collect()));
    println!("{what:28} {time:>12.2?}");
    bounds.within(&what, time, Duration::from_millis(50));
}

/// What an unlock takes here and in the other, if there is one.
struct Unlocks {
    ours: Duration,
    theirs: Option<Duration>,
}

fn unlock(python: Option<&str>) -> Unlocks {
    let root = tempfile::tempdir().unwrap();
    let wallet = WalletStore::new(root.path()).wallet(&"w".parse().unwrap());
    let key = Key::generate(Scheme::Sr25519, WordCount::Twelve);
    let password = Password::new(PASSWORD);
    wallet.write(&KeyRole::Coldkey, &key, Protection::Nacl(&password), Existing::Refuse).unwrap();
    let open = |what: &str| {
        let before = processor_time();
        assert_eq!(wallet.open(&KeyRole::Coldkey, Some(&password)).unwrap().public(), key.public());
        let spent = processor_time().saturating_sub(before);
        println!("{what:28} {spent:>10.2?} of processor time");
        spent
    };
    let ours = open("unlock $NACL, btd");
    wallet.reprotect(&KeyRole::Coldkey, &key, wallet.mark(&KeyRole::Coldkey), Protection::Native(&password)).unwrap();
    open("unlock native, btd");
    let Some(python) = python else { return Unlocks { ours, theirs: None } };
    wallet.reprotect(&KeyRole::Coldkey, &key, wallet.mark(&KeyRole::Coldkey), Protection::Nacl(&password)).unwrap();
    let script = format!(
        "import os, time\nos.environ['HOME'] = {root:?}\nfrom bittensor.wallet import Wallet\n\
         wallet = Wallet(name='w', path={root:?})\nbefore = time.process_time()\n\
         key = wallet.get_coldkey(password={PASSWORD:?})\nprint(time.process_time() - before)\n",
        root = root.path().to_str().unwrap(),
    );
    let output = Command::new(python).args(["-c", &script]).env_remove(TUNABLES.0).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let spent = Duration::from_secs_f64(String::from_utf8_lossy(&output.stdout).trim().parse().unwrap());
    println!("{:28} {spent:>10.2?} of processor time", "unlock $NACL, bittensor 11");
    Unlocks { ours, theirs: Some(spent) }
}

/// What the signer is started with: huge pages for key derivation.
const TUNABLES: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if std::env::var_os(TUNABLES.0).is_none() {
        let again =
            Command::new(std::env::current_exe().unwrap()).args(&arguments[1..]).env(TUNABLES.0, TUNABLES.1).status();
        return if again.unwrap().success() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let python = arguments.iter().position(|word| word == "--python").and_then(|at| arguments.get(at + 1));
    let mut bounds = Bounds::default();
    sign_and_verify(&mut bounds);
    listing(&mut bounds);
    // The better of each, in turns: what else the machine does only ever adds.
    let unlocks: Vec<Unlocks> = (0..3).map(|_| unlock(python.map(String::as_str))).collect();
    let ours = unlocks.iter().map(|unlock| unlock.ours).min().unwrap();
    if let Some(theirs) = unlocks.iter().filter_map(|unlock| unlock.theirs).min() {
        bounds.within("unlock $NACL", ours, theirs);
    }
    for broken in &bounds.broken {
        println!("out of bounds: {broken}");
    }
    if bounds.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
