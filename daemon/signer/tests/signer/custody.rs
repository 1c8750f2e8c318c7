//! Custody: windows, purposes, back-off, and many callers at once.
//!
//! Encrypted keys here are the golden Ansible vault, which opens in milliseconds; what is counted
//! and timed does not depend on the format. One test starts itself as a child to measure the
//! memory of a storm of unlocks in the format that takes 512 MiB.

mod credentials;

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use btd_api::{HotkeyName, WalletName, wallet::Secret};
use btd_keys::{
    Encryption, Existing, ExtrinsicPayload, Key, KeyFile, KeyId, KeyRole, Password, Protect, Protection, Purpose,
    PurposeError, Purposes, Scheme, Shape, StoreError, SynapseMessage, TextMessage, WalletStore,
};
use btd_signer::{
    BootClock, BootTime, Clock, FailureLog, FailureLogError, Memory, MemoryFailureLog,
    custody::{Custody, CustodyConfig, CustodyError, UnlockRequest},
};
use btd_signer_protocol::operations::Earlier;
use tempfile::TempDir;

use crate::{golden, hex_bytes, text};

const PASSWORD: &str = "ansible-pw-v10";

/// Of `Balances.transfer_keep_alive`, as far as the signer looks.
const PAYLOAD: [u8; 100] = {
    let mut payload = [0; 100];
    (payload[0], payload[1]) = (5, 3);
    payload
};

#[derive(Default)]
struct FakeClock(AtomicU64);

impl FakeClock {
    fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> BootTime {
        BootTime(Duration::from_millis(self.0.load(Ordering::SeqCst)))
    }
}

/// A wallet `w` with an encrypted coldkey and hotkey (the same file) and a plain hotkey `//Alice`.
struct Fixture {
    dir: TempDir,
    clock: Arc<FakeClock>,
    failures: Arc<MemoryFailureLog>,
    custody: Custody,
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn coldkey() -> KeyId {
    KeyId::coldkey("w".parse().unwrap())
}

fn hotkey(name: &str) -> KeyId {
    KeyId::hotkey("w".parse().unwrap(), name.parse().unwrap())
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let wallets = golden("wallets.json");
        let wallet = wallets["wallets"].as_array().unwrap().iter().find(|wallet| text(wallet, "id") == "v10-ansible");
        let coldkey = hex_bytes(text(&wallet.unwrap()["files"][0], "data_hex"));
        fs::create_dir_all(dir.path().join("w/hotkeys")).unwrap();
        fs::write(dir.path().join("w/coldkey"), &coldkey).unwrap();
        fs::write(dir.path().join("w/hotkeys/sealed"), &coldkey).unwrap();
        let alice = Key::from_uri(Scheme::Sr25519, "//Alice").unwrap();
        let store = WalletStore::new(dir.path());
        let role = hotkey("alice").role;
        store.wallet(&"w".parse().unwrap()).write(&role, &alice, Protection::Plain, Existing::Refuse).unwrap();
        let (clock, failures) = (Arc::new(FakeClock::default()), Arc::new(MemoryFailureLog::default()));
        let custody = Custody::new(store, CustodyConfig::default(), clock.clone(), failures.clone());
        Self { dir, clock, failures, custody }
    }

    /// The same wallets and failures in a new process, so to speak.
    fn restart(&mut self) {
        let store = WalletStore::new(self.dir.path());
        self.custody = Custody::new(store, CustodyConfig::default(), self.clock.clone(), self.failures.clone());
    }

    fn unlock(&self, key: KeyId, password: &str, window: Option<Duration>) -> Result<(), CustodyError> {
        let password = Some(Password::new(password));
        let request = UnlockRequest { key, password, window, purposes: Purposes::ALL, earlier: Earlier::Ends };
        self.custody.unlock(request).map(drop)
    }

    fn unlocked(&self) -> Vec<String> {
        self.custody.status().iter().map(|status| status.key.to_string()).collect()
    }
}

fn payload() -> ExtrinsicPayload {
    ExtrinsicPayload::new("Balances", "transfer_keep_alive", PAYLOAD.to_vec()).unwrap()
}

#[test]
fn a_coldkey_signs_only_within_its_window() {
    let fixture = Fixture::new();
    let (custody, clock) = (&fixture.custody, &fixture.clock);
    assert!(matches!(custody.sign_extrinsic(&coldkey(), &payload()), Err(CustodyError::Locked(_))));
    fixture.unlock(coldkey(), PASSWORD, None).unwrap();
    assert_eq!(custody.status()[0].remaining, Some(seconds(300)));
    let signature = custody.sign_extrinsic(&coldkey(), &payload()).unwrap();
    let public = custody.public(&coldkey()).unwrap();
    assert!(public.verify_exact(&PAYLOAD, &signature.bytes));

    clock.advance(Duration::from_millis(299_999));
    assert!(custody.sign_extrinsic(&coldkey(), &payload()).is_ok());
    assert_eq!(custody.expire().1, Some(Duration::from_millis(1)));
    clock.advance(Duration::from_millis(1));
    // Nobody has come round to wipe it, and still it does not sign.
    assert!(matches!(custody.sign_extrinsic(&coldkey(), &payload()), Err(CustodyError::Locked(_))));
    assert_eq!(custody.expire().1, None);
    assert!(custody.status().is_empty());
}

#[test]
fn windows_are_bounded_and_the_last_unlock_counts() {
    let fixture = Fixture::new();
    for window in [Duration::ZERO, seconds(901)] {
        let refused = fixture.unlock(coldkey(), PASSWORD, Some(window));
        assert!(matches!(refused, Err(CustodyError::Window { .. })), "{refused:?}");
    }
    fixture.unlock(coldkey(), PASSWORD, Some(seconds(900))).unwrap();
    fixture.unlock(coldkey(), PASSWORD, Some(seconds(10))).unwrap();
    assert_eq!(fixture.custody.status()[0].remaining, Some(seconds(10)));
}

#[test]
fn an_unlock_beside_an_earlier_one_takes_nothing_from_it() {
    let fixture = Fixture::new();
    let (custody, clock) = (&fixture.custody, &fixture.clock);
    let beside = |window: u64, purposes: &[Purpose]| {
        let (password, window) = (Some(Password::new(PASSWORD)), Some(seconds(window)));
        let (purposes, earlier) = (purposes.iter().copied().collect(), Earlier::Stays);
        custody.unlock(UnlockRequest { key: coldkey(), password, window, purposes, earlier }).unwrap();
        let mut windows: Vec<u64> = custody.status().iter().map(|status| status.remaining.unwrap().as_secs()).collect();
        windows.sort_unstable();
        windows
    };
    let text = TextMessage::new("hi").unwrap();
    // What is open for longer and for more stays as it is.
    fixture.unlock(coldkey(), PASSWORD, Some(seconds(600))).unwrap();
    assert_eq!(beside(60, &[Purpose::Extrinsic]), [600]);
    custody.lock(&coldkey());
    // What was for something else is open beside it, each for its own time.
    assert_eq!(beside(600, &[Purpose::Message]), [600]);
    assert_eq!(beside(60, &[Purpose::Extrinsic]), [60, 600]);
    assert!(custody.sign_extrinsic(&coldkey(), &payload()).is_ok() && custody.sign_message(&coldkey(), &text).is_ok());
    assert_eq!(custody.expire().1, Some(seconds(600)));
    clock.advance(seconds(60));
    assert!(matches!(custody.sign_extrinsic(&coldkey(), &payload()), Err(CustodyError::NotAllowed { .. })));
    assert!(custody.sign_message(&coldkey(), &text).is_ok());
    // More takes the place of less, and it is cut to the longest that can be.
    assert_eq!(beside(10_000, &[Purpose::Extrinsic, Purpose::Message]), [900]);
    assert!(custody.lock(&coldkey()) && custody.status().is_empty());
}

#[test]
fn expiry_runs_by_itself() {
    let fixture = Fixture::new();
    let (tell, told) = std::sync::mpsc::channel();
    let custody = fixture.custody.clone();
    std::thread::spawn(move || custody.keep_expiring(|key| tell.send(key.to_string()).unwrap()));
    fixture.unlock(coldkey(), PASSWORD, Some(seconds(60))).unwrap();
    fixture.unlock(hotkey("sealed"), PASSWORD, Some(seconds(600))).unwrap();
    fixture.clock.advance(seconds(60));
    // It looks twice a second; the bound is for a broken one.
    assert_eq!(told.recv_timeout(seconds(60)).unwrap(), "w/coldkey");
    assert_eq!(fixture.unlocked(), ["w/hotkeys/sealed"]);
    assert_eq!(fixture.custody.expire().1, Some(seconds(540)));
}

#[test]
fn a_plain_hotkey_is_loaded_on_first_use_and_an_encrypted_one_is_not() {
    let fixture = Fixture::new();
    let custody = &fixture.custody;
    assert!(custody.sign_extrinsic(&hotkey("alice"), &payload()).is_ok());
    assert_eq!(custody.status()[0].remaining, None);
    fixture.clock.advance(seconds(1_000_000));
    custody.expire();
    assert_eq!(fixture.unlocked(), ["w/hotkeys/alice"]);
    assert!(custody.lock(&hotkey("alice")) && !custody.lock(&hotkey("alice")));
    assert!(matches!(custody.sign_extrinsic(&hotkey("sealed"), &payload()), Err(CustodyError::Locked(_))));
    assert!(matches!(custody.sign_extrinsic(&hotkey("absent"), &payload()), Err(CustodyError::Store(_))));
}

#[test]
fn a_plain_coldkey_is_opened_for_each_use_and_not_kept() {
    let fixture = Fixture::new();
    let id = KeyId::coldkey("plain".parse().unwrap());
    let key = Key::from_uri(Scheme::Ed25519, "//Bob").unwrap();
    let wallet = fixture.custody.store().wallet(&id.wallet);
    wallet.write(&id.role, &key, Protection::Plain, Existing::Refuse).unwrap();
    assert_eq!(fixture.custody.sign_extrinsic(&id, &payload()).unwrap().scheme, Scheme::Ed25519);
    assert!(fixture.custody.status().is_empty());
    // A window for some purpose holds for plain keys too.
    let purposes = [Purpose::Message].into_iter().collect();
    let request =
        UnlockRequest { key: id.clone(), password: None, window: Some(seconds(5)), purposes, earlier: Earlier::Ends };
    assert_eq!(fixture.custody.unlock(request).unwrap().remaining, Some(seconds(5)));
    assert!(matches!(fixture.custody.sign_extrinsic(&id, &payload()), Err(CustodyError::NotAllowed { .. })));
}

/// Replaces a key file as other tools do: a new file under its name, and its public half beside it.
fn replace(fixture: &Fixture, id: &KeyId, uri: &str) -> Key {
    let key = Key::from_uri(Scheme::Sr25519, uri).unwrap();
    let wallet = fixture.custody.store().wallet(&id.wallet);
    wallet.write(&id.role, &key, Protection::Plain, Existing::KeepCopy).unwrap();
    key
}

#[test]
fn a_key_whose_file_has_changed_is_not_used() {
    let fixture = Fixture::new();
    let custody = &fixture.custody;
    let alice = hotkey("alice");
    custody.sign_extrinsic(&alice, &payload()).unwrap();
    // A plain hotkey is the one that lies there now.
    let bob = replace(&fixture, &alice, "//Bob").public();
    assert_eq!(custody.public(&alice).unwrap(), bob);
    assert!(bob.verify_exact(&PAYLOAD, &custody.sign_extrinsic(&alice, &payload()).unwrap().bytes));
    // Written in place, as long as before, and its time put back.
    let path = fixture.dir.path().join("w/hotkeys/alice");
    let before = fs::metadata(&path).unwrap();
    let carol = Key::from_uri(Scheme::Sr25519, "//Carol").unwrap();
    let file = KeyFile::plain(&carol, Shape::Compact);
    assert_eq!(before.len(), u64::try_from(file.as_bytes().len()).unwrap());
    fs::write(&path, file.as_bytes()).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(before.modified().unwrap()).unwrap();
    fs::remove_file(fixture.dir.path().join("w/hotkeys/alicepub.txt")).unwrap();
    assert_eq!(custody.public(&alice).unwrap(), carol.public());
    // Without a file it is none.
    fs::remove_file(fixture.dir.path().join("w/hotkeys/alice")).unwrap();
    assert!(matches!(custody.sign_extrinsic(&alice, &payload()), Err(CustodyError::Store(_))));
    assert!(fixture.unlocked().is_empty());

    // What was unlocked is another key now, which nobody has unlocked.
    fixture.unlock(coldkey(), PASSWORD, None).unwrap();
    custody.sign_extrinsic(&coldkey(), &payload()).unwrap();
    let path = fixture.dir.path().join("w/coldkey");
    let before = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    copy(&fixture.dir.path().join("w/hotkeys/sealed"), &path);
    assert!(matches!(custody.sign_extrinsic(&coldkey(), &payload()), Err(CustodyError::Locked(_))));
    // In place too: it has another length or time.
    fixture.unlock(coldkey(), PASSWORD, None).unwrap();
    fs::write(&path, [&before[..], b"\n"].concat()).unwrap();
    assert!(fixture.unlocked().is_empty());
}

#[test]
fn a_plain_hotkey_that_is_given_a_password_is_locked_and_an_unlocked_one_is_not() {
    let fixture = Fixture::new();
    let custody = &fixture.custody;
    custody.sign_extrinsic(&hotkey("alice"), &payload()).unwrap();
    let vault = Protect::AnsibleVault(Secret::new("new"));
    custody.reprotect(&hotkey("alice"), None, &vault).unwrap();
    assert!(fixture.unlocked().is_empty());
    assert!(matches!(custody.sign_extrinsic(&hotkey("alice"), &payload()), Err(CustodyError::Locked(_))));

    fixture.unlock(hotkey("sealed"), PASSWORD, Some(seconds(10))).unwrap();
    custody.reprotect(&hotkey("sealed"), Some(&Password::new(PASSWORD)), &vault).unwrap();
    assert!(custody.sign_extrinsic(&hotkey("sealed"), &payload()).is_ok());
    fixture.clock.advance(seconds(10));
    assert!(matches!(custody.sign_extrinsic(&hotkey("sealed"), &payload()), Err(CustodyError::Locked(_))));
}

#[test]
fn a_key_for_weights_moves_no_funds() {
    let fixture = Fixture::new();
    let (password, purposes) = (Some(Password::new(PASSWORD)), [Purpose::Weights].into_iter().collect());
    fixture
        .custody
        .unlock(UnlockRequest { key: hotkey("sealed"), password, window: None, purposes, earlier: Earlier::Ends })
        .unwrap();
    let mut commit = PAYLOAD.to_vec();
    (commit[0], commit[1]) = (7, 96);
    let commit = ExtrinsicPayload::new("SubtensorModule", "commit_weights", commit).unwrap();
    assert!(fixture.custody.sign_extrinsic(&hotkey("sealed"), &commit).is_ok());
    let refused = fixture.custody.sign_extrinsic(&hotkey("sealed"), &payload());
    assert!(matches!(refused, Err(CustodyError::NotAllowed { purpose: Purpose::Extrinsic, .. })), "{refused:?}");
}

#[test]
fn a_key_signs_for_the_purposes_it_was_unlocked_for() {
    let fixture = Fixture::new();
    let purposes = [Purpose::Message].into_iter().collect();
    let password = Some(Password::new(PASSWORD));
    let request = UnlockRequest { key: hotkey("sealed"), password, window: None, purposes, earlier: Earlier::Ends };
    let public = fixture.custody.unlock(request).unwrap().public;
    let message = TextMessage::new("hello").unwrap();
    let signature = fixture.custody.sign_message(&hotkey("sealed"), &message).unwrap();
    assert!(public.verify(b"hello", &signature.bytes) && !public.verify_exact(b"hello", &signature.bytes));
    let refused = fixture.custody.sign_extrinsic(&hotkey("sealed"), &payload());
    assert!(matches!(refused, Err(CustodyError::NotAllowed { purpose: Purpose::Extrinsic, .. })), "{refused:?}");
}

#[test]
fn a_hotkey_signs_synapses_that_name_it() {
    let fixture = Fixture::new();
    let (wallet, name): (WalletName, HotkeyName) = ("w".parse().unwrap(), "alice".parse().unwrap());
    let public = fixture.custody.public(&hotkey("alice")).unwrap();
    let hash = "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a";
    let bob = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
    let text = format!("1717.{}.{bob}.uuid.{hash}", public.account);
    let sign = |text: String| fixture.custody.sign_synapse(&wallet, &name, &SynapseMessage::parse(text).unwrap());
    assert!(public.verify_exact(text.as_bytes(), &sign(text.clone()).unwrap().bytes));
    let refused = sign(format!("1717.{bob}.{}.uuid.{hash}", public.account));
    assert!(matches!(refused, Err(CustodyError::Purpose(PurposeError::ForeignSender { .. }))), "{refused:?}");
}

#[test]
fn wrong_passwords_wait_longer_and_longer_and_a_restart_does_not_help() {
    let mut fixture = Fixture::new();
    let mut waits = Vec::new();
    for _ in 0..8 {
        let Err(CustodyError::WrongPassword { retry_in, .. }) = fixture.unlock(coldkey(), "wrong", None) else {
            panic!("a wrong password must be refused as such");
        };
        waits.push(retry_in.as_secs());
        // The right password is not even tried before the time.
        fixture.clock.advance(retry_in.checked_sub(Duration::from_millis(1)).unwrap());
        let early = fixture.unlock(coldkey(), PASSWORD, None);
        assert!(matches!(early, Err(CustodyError::TooManyFailures { .. })), "{early:?}");
        fixture.clock.advance(Duration::from_millis(1));
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    // Another key is not concerned.
    fixture.unlock(hotkey("sealed"), PASSWORD, None).unwrap();

    fixture.restart();
    let refused = fixture.unlock(coldkey(), PASSWORD, None);
    assert!(matches!(refused, Err(CustodyError::TooManyFailures { retry_in, .. }) if retry_in == seconds(60)));
    fixture.clock.advance(seconds(60));
    fixture.unlock(coldkey(), PASSWORD, None).unwrap();
    // Success forgives everything.
    let again = fixture.unlock(coldkey(), "wrong", None);
    assert!(matches!(again, Err(CustodyError::WrongPassword { retry_in, .. }) if retry_in == seconds(1)));
    // And a wrong password does not lock what is unlocked.
    assert_eq!(fixture.unlocked(), ["w/coldkey"]);
}

#[test]
fn a_file_that_is_no_key_costs_no_attempt() {
    let fixture = Fixture::new();
    fs::write(fixture.dir.path().join("w/coldkey"), "$NACL too short").unwrap();
    let damaged = fixture.unlock(coldkey(), PASSWORD, None);
    assert!(matches!(damaged, Err(CustodyError::Store(_))), "{damaged:?}");
    assert_eq!(fixture.failures.load(&coldkey()).unwrap(), 0);
}

struct BrokenLog;

impl FailureLog for BrokenLog {
    fn load(&self, _: &KeyId) -> Result<u32, FailureLogError> {
        Ok(0)
    }

    fn store(&self, _: &KeyId, _: u32) -> Result<(), FailureLogError> {
        Err(FailureLogError("the disk is full".into()))
    }
}

#[test]
fn without_counting_no_password_is_tried() {
    let fixture = Fixture::new();
    let store = WalletStore::new(fixture.dir.path());
    let custody = Custody::new(store, CustodyConfig::default(), fixture.clock.clone(), Arc::new(BrokenLog));
    let password = Some(Password::new(PASSWORD));
    let request =
        UnlockRequest { key: coldkey(), password, window: None, purposes: Purposes::ALL, earlier: Earlier::Ends };
    let refused = custody.unlock(request);
    assert!(matches!(refused, Err(CustodyError::FailureLog(_))), "{refused:?}");
    assert!(custody.status().is_empty());
}

#[test]
fn locking_wins_over_an_unlock_under_way() {
    let fixture = Fixture::new();
    let password = Some(Password::new(PASSWORD));
    let request =
        UnlockRequest { key: coldkey(), password, window: None, purposes: Purposes::ALL, earlier: Earlier::Ends };
    let (first, second) =
        (fixture.custody.begin_unlock(request.clone()).unwrap(), fixture.custody.begin_unlock(request).unwrap());
    assert_eq!(fixture.custody.lock_all(None), 0);
    for unlocking in [first, second] {
        let outcome = unlocking.finish();
        assert!(matches!(outcome, Err(CustodyError::LockedMeanwhile(_))), "{outcome:?}");
    }
    assert!(fixture.custody.status().is_empty());
    fixture.unlock(coldkey(), PASSWORD, None).unwrap();
}

#[test]
fn sixty_four_threads_ask_for_conflicting_things() {
    let fixture = Fixture::new();
    let public = fixture.custody.public(&hotkey("alice")).unwrap();
    let custody = &fixture.custody;
    std::thread::scope(|scope| {
        for thread in 0..64 {
            scope.spawn(move || {
                for round in 0..8 {
                    // An unlock costs as much as thousands of the others.
                    match (thread + round) % 16 {
                        0 => {
                            let password = Some(Password::new(PASSWORD));
                            let request = UnlockRequest {
                                key: coldkey(),
                                password,
                                window: None,
                                purposes: Purposes::ALL,
                                earlier: Earlier::Ends,
                            };
                            match custody.unlock(request) {
                                Ok(_) | Err(CustodyError::LockedMeanwhile(_)) => {}
                                Err(other) => panic!("{other}"),
                            }
                        }
                        1 | 5 => drop(custody.lock_all(None)),
                        2..8 => match custody.sign_extrinsic(&coldkey(), &payload()) {
                            Ok(_) | Err(CustodyError::Locked(_)) => {}
                            Err(other) => panic!("{other}"),
                        },
                        _ => {
                            let message = TextMessage::new("hello").unwrap();
                            let signature = custody.sign_message(&hotkey("alice"), &message).unwrap();
                            assert!(public.verify(b"hello", &signature.bytes));
                        }
                    }
                }
            });
        }
    });
    assert_eq!(fixture.failures.load(&coldkey()).unwrap(), 0);
}

const STORM: &str = "BTD_TEST_STORM_DIR";

/// How many unlocks the storm has; each takes seconds, so it is a few unless more are asked for.
const STORM_SIZE: &str = "BTD_TEST_STORM";

/// Not a test by itself: what the test below starts and measures.
#[test]
fn storm() {
    let variable = |wanted| std::env::vars_os().find_map(|(name, value)| (name == wanted).then_some(value));
    let Some(dir) = variable(STORM) else { return };
    let size = variable(STORM_SIZE).map_or(4, |size| size.to_str().unwrap().parse::<u32>().unwrap());
    let failures = Arc::new(MemoryFailureLog::default());
    let custody = Custody::new(WalletStore::new(dir), CustodyConfig::default(), Arc::new(BootClock), failures);
    std::thread::scope(|scope| {
        for thread in 0..size {
            let (key, password) = if thread % 2 == 0 { (coldkey(), "right") } else { (hotkey("sealed"), "wrong") };
            let (custody, password) = (&custody, Some(Password::new(password)));
            scope.spawn(move || {
                custody
                    .unlock(UnlockRequest {
                        key,
                        password,
                        window: None,
                        purposes: Purposes::ALL,
                        earlier: Earlier::Ends,
                    })
                    .map(drop)
            });
        }
    });
    assert_eq!(custody.status().len(), 1);
    let status = fs::read_to_string("/proc/self/status").unwrap();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap());
}

#[test]
fn a_storm_of_unlocks_derives_one_key_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let wallet = WalletStore::new(dir.path()).wallet(&"w".parse().unwrap());
    let key = Key::from_uri(Scheme::Sr25519, "//Alice").unwrap();
    let right = Password::new("right");
    wallet.write(&KeyRole::Coldkey, &key, Protection::Nacl(&right), Existing::Refuse).unwrap();
    copy(&wallet.path(&KeyRole::Coldkey), &wallet.path(&hotkey("sealed").role));
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["custody::storm", "--exact", "--nocapture"])
        .env(STORM, dir.path())
        // As the signer is started.
        .env("MALLOC_ARENA_MAX", "1")
        .env("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let peak = output.split("VmHWM:").nth(1).unwrap_or_else(|| panic!("{output}"));
    let peak_kib: u64 = peak.split_whitespace().next().unwrap().parse().unwrap();
    println!("the storm took {peak_kib} KiB at most");
    assert!((512 * 1024..600 * 1024).contains(&peak_kib), "{peak_kib} KiB");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap();
}
