//! Custody: windows, purposes, back-off, and many callers at once.
//!
//! Encrypted keys here are the golden Ansible vault, which opens in milliseconds; what is counted
//! and timed does not depend on the format. One test starts itself as a child to measure the
//! memory of a storm of unlocks in the format that takes 512 MiB.

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

use btd_api::{HotkeyName, WalletName};
use btd_keys::{
    BootTime, Clock, Custody, CustodyConfig, CustodyError, Existing, ExtrinsicPayload, FailureLog, FailureLogError,
    Key, KeyId, KeyRole, MemoryFailureLog, Password, Protection, Purpose, PurposeError, Purposes, Scheme,
    SynapseMessage, TextMessage, UnlockRequest, WalletStore,
};
use tempfile::TempDir;

use crate::{golden, hex_bytes, text};

const PASSWORD: &str = "ansible-pw-v10";

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
        let custody = Custody::with(store, CustodyConfig::default(), clock.clone(), failures.clone());
        Self { dir, clock, failures, custody }
    }

    /// The same wallets and failures in a new process, so to speak.
    fn restart(&mut self) {
        let store = WalletStore::new(self.dir.path());
        self.custody = Custody::with(store, CustodyConfig::default(), self.clock.clone(), self.failures.clone());
    }

    async fn unlock(&self, key: KeyId, password: &str, window: Option<Duration>) -> Result<(), CustodyError> {
        let password = Some(Password::new(password));
        let request = UnlockRequest { key, password, window, purposes: Purposes::ALL };
        self.custody.unlock(request).await.map(drop)
    }

    fn unlocked(&self) -> Vec<String> {
        self.custody.status().iter().map(|status| status.key.to_string()).collect()
    }
}

fn payload() -> ExtrinsicPayload {
    ExtrinsicPayload::new("Balances", "transfer_keep_alive", vec![0; 100]).unwrap()
}

#[tokio::test]
async fn a_coldkey_signs_only_within_its_window() {
    let fixture = Fixture::new();
    let (custody, clock) = (&fixture.custody, &fixture.clock);
    assert!(matches!(custody.sign_extrinsic(&coldkey(), &payload()).await, Err(CustodyError::Locked(_))));
    fixture.unlock(coldkey(), PASSWORD, None).await.unwrap();
    assert_eq!(custody.status()[0].remaining, Some(seconds(300)));
    let signature = custody.sign_extrinsic(&coldkey(), &payload()).await.unwrap();
    let public = custody.public(&coldkey()).await.unwrap();
    assert!(public.verify_exact(&[0; 100], &signature.bytes));

    clock.advance(Duration::from_millis(299_999));
    assert!(custody.sign_extrinsic(&coldkey(), &payload()).await.is_ok());
    assert_eq!(custody.expire_now(), Some(Duration::from_millis(1)));
    clock.advance(Duration::from_millis(1));
    // Nobody has come round to wipe it, and still it does not sign.
    assert!(matches!(custody.sign_extrinsic(&coldkey(), &payload()).await, Err(CustodyError::Locked(_))));
    assert_eq!(custody.expire_now(), None);
    assert!(custody.status().is_empty());
}

#[tokio::test]
async fn windows_are_bounded_and_the_last_unlock_counts() {
    let fixture = Fixture::new();
    for window in [Duration::ZERO, seconds(901)] {
        let refused = fixture.unlock(coldkey(), PASSWORD, Some(window)).await;
        assert!(matches!(refused, Err(CustodyError::Window { .. })), "{refused:?}");
    }
    fixture.unlock(coldkey(), PASSWORD, Some(seconds(900))).await.unwrap();
    fixture.unlock(coldkey(), PASSWORD, Some(seconds(10))).await.unwrap();
    assert_eq!(fixture.custody.status()[0].remaining, Some(seconds(10)));
}

#[tokio::test]
async fn expiry_runs_by_itself() {
    let fixture = Fixture::new();
    fixture.unlock(coldkey(), PASSWORD, Some(seconds(60))).await.unwrap();
    let custody = fixture.custody.clone();
    let runner = tokio::spawn(async move { custody.expire().await });
    fixture.unlock(hotkey("sealed"), PASSWORD, Some(seconds(600))).await.unwrap();
    fixture.clock.advance(seconds(60));
    // It looks twice a second; the bound is for a broken one.
    for _ in 0..1000 {
        if fixture.custody.expire_now() == Some(seconds(540)) && fixture.unlocked() == ["w/hotkeys/sealed"] {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(fixture.unlocked(), ["w/hotkeys/sealed"]);
    assert!(!runner.is_finished());
    runner.abort();
}

#[tokio::test]
async fn a_plain_hotkey_is_loaded_on_first_use_and_an_encrypted_one_is_not() {
    let fixture = Fixture::new();
    let custody = &fixture.custody;
    assert!(custody.sign_extrinsic(&hotkey("alice"), &payload()).await.is_ok());
    assert_eq!(custody.status()[0].remaining, None);
    fixture.clock.advance(seconds(1_000_000));
    custody.expire_now();
    assert_eq!(fixture.unlocked(), ["w/hotkeys/alice"]);
    assert!(custody.lock(&hotkey("alice")) && !custody.lock(&hotkey("alice")));
    assert!(matches!(custody.sign_extrinsic(&hotkey("sealed"), &payload()).await, Err(CustodyError::Locked(_))));
    assert!(matches!(custody.sign_extrinsic(&hotkey("absent"), &payload()).await, Err(CustodyError::Store(_))));
}

#[tokio::test]
async fn a_plain_coldkey_still_has_to_be_unlocked() {
    let fixture = Fixture::new();
    let id = KeyId::coldkey("plain".parse().unwrap());
    let key = Key::from_uri(Scheme::Ed25519, "//Bob").unwrap();
    fixture.custody.create(&id, key, None, Existing::Refuse).await.unwrap();
    assert!(matches!(fixture.custody.sign_extrinsic(&id, &payload()).await, Err(CustodyError::Locked(_))));
    let request = UnlockRequest { key: id.clone(), password: None, window: Some(seconds(5)), purposes: Purposes::ALL };
    assert_eq!(fixture.custody.unlock(request).await.unwrap().remaining, Some(seconds(5)));
    assert_eq!(fixture.custody.sign_extrinsic(&id, &payload()).await.unwrap().scheme, Scheme::Ed25519);
}

#[tokio::test]
async fn a_key_signs_for_the_purposes_it_was_unlocked_for() {
    let fixture = Fixture::new();
    let purposes = [Purpose::Message].into_iter().collect();
    let password = Some(Password::new(PASSWORD));
    let request = UnlockRequest { key: hotkey("sealed"), password, window: None, purposes };
    let public = fixture.custody.unlock(request).await.unwrap().public;
    let message = TextMessage::new("hello").unwrap();
    let signature = fixture.custody.sign_message(&hotkey("sealed"), &message).await.unwrap();
    assert!(public.verify(b"hello", &signature.bytes) && !public.verify_exact(b"hello", &signature.bytes));
    let refused = fixture.custody.sign_extrinsic(&hotkey("sealed"), &payload()).await;
    assert!(matches!(refused, Err(CustodyError::NotAllowed { purpose: Purpose::Extrinsic, .. })), "{refused:?}");
}

#[tokio::test]
async fn a_request_signer_signs_synapses_of_its_hotkey() {
    let fixture = Fixture::new();
    let (wallet, name): (WalletName, HotkeyName) = ("w".parse().unwrap(), "alice".parse().unwrap());
    let signer = fixture.custody.request_signer(&wallet, &name).await.unwrap();
    let hash = "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a";
    let bob = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
    let text = format!("1717.{}.{bob}.uuid.{hash}", signer.hotkey());
    let signature = signer.sign(&SynapseMessage::parse(text.clone()).unwrap()).await.unwrap();
    let public = fixture.custody.public(&hotkey("alice")).await.unwrap();
    assert!(public.verify_exact(text.as_bytes(), &signature.bytes));
    let foreign = SynapseMessage::parse(format!("1717.{bob}.{}.uuid.{hash}", signer.hotkey())).unwrap();
    let refused = signer.sign(&foreign).await;
    assert!(matches!(refused, Err(CustodyError::Purpose(PurposeError::ForeignSender { .. }))), "{refused:?}");
}

#[tokio::test]
async fn wrong_passwords_wait_longer_and_longer_and_a_restart_does_not_help() {
    let mut fixture = Fixture::new();
    let mut waits = Vec::new();
    for _ in 0..8 {
        let Err(CustodyError::WrongPassword { retry_in, .. }) = fixture.unlock(coldkey(), "wrong", None).await else {
            panic!("a wrong password must be refused as such");
        };
        waits.push(retry_in.as_secs());
        // The right password is not even tried before the time.
        fixture.clock.advance(retry_in.checked_sub(Duration::from_millis(1)).unwrap());
        let early = fixture.unlock(coldkey(), PASSWORD, None).await;
        assert!(matches!(early, Err(CustodyError::TooManyFailures { .. })), "{early:?}");
        fixture.clock.advance(Duration::from_millis(1));
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    // Another key is not concerned.
    fixture.unlock(hotkey("sealed"), PASSWORD, None).await.unwrap();

    fixture.restart();
    let refused = fixture.unlock(coldkey(), PASSWORD, None).await;
    assert!(matches!(refused, Err(CustodyError::TooManyFailures { retry_in, .. }) if retry_in == seconds(60)));
    fixture.clock.advance(seconds(60));
    fixture.unlock(coldkey(), PASSWORD, None).await.unwrap();
    // Success forgives everything.
    let again = fixture.unlock(coldkey(), "wrong", None).await;
    assert!(matches!(again, Err(CustodyError::WrongPassword { retry_in, .. }) if retry_in == seconds(1)));
    // And a wrong password does not lock what is unlocked.
    assert_eq!(fixture.unlocked(), ["w/coldkey"]);
}

#[tokio::test]
async fn a_file_that_is_no_key_costs_no_attempt() {
    let fixture = Fixture::new();
    fs::write(fixture.dir.path().join("w/coldkey"), "$NACL too short").unwrap();
    let damaged = fixture.unlock(coldkey(), PASSWORD, None).await;
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

#[tokio::test]
async fn without_counting_no_password_is_tried() {
    let fixture = Fixture::new();
    let store = WalletStore::new(fixture.dir.path());
    let custody = Custody::with(store, CustodyConfig::default(), fixture.clock.clone(), Arc::new(BrokenLog));
    let password = Some(Password::new(PASSWORD));
    let request = UnlockRequest { key: coldkey(), password, window: None, purposes: Purposes::ALL };
    let refused = custody.unlock(request).await;
    assert!(matches!(refused, Err(CustodyError::FailureLog(_))), "{refused:?}");
    assert!(custody.status().is_empty());
}

/// A log at which attempts stop until they are let go.
#[derive(Default)]
struct SlowLog {
    reached: tokio::sync::Notify,
    gate: tokio::sync::Mutex<()>,
}

impl FailureLog for SlowLog {
    fn load(&self, _: &KeyId) -> Result<u32, FailureLogError> {
        self.reached.notify_one();
        drop(self.gate.blocking_lock());
        Ok(0)
    }

    fn store(&self, _: &KeyId, _: u32) -> Result<(), FailureLogError> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_waits_one_is_told_and_locking_wins_over_both_under_way() {
    let fixture = Fixture::new();
    let log = Arc::new(SlowLog::default());
    let config = CustodyConfig { max_waiting: 1, ..CustodyConfig::default() };
    let custody = Custody::with(WalletStore::new(fixture.dir.path()), config, fixture.clock.clone(), log.clone());
    let unlock = |key: KeyId| {
        let custody = custody.clone();
        let password = Some(Password::new(PASSWORD));
        async move { custody.unlock(UnlockRequest { key, password, window: None, purposes: Purposes::ALL }).await }
    };

    let stop = log.gate.lock().await;
    let first = tokio::spawn(unlock(coldkey()));
    log.reached.notified().await;
    // The first has its turn. Of two more one may wait, and the other is told at once.
    let (mut second, mut third) = (tokio::spawn(unlock(hotkey("sealed"))), tokio::spawn(unlock(hotkey("sealed"))));
    let (told, waiting) = tokio::select! {
        told = &mut second => (told, third),
        told = &mut third => (told, second),
    };
    assert!(matches!(told.unwrap(), Err(CustodyError::Busy)));
    assert_eq!(custody.lock_all(None), 0);
    drop(stop);
    for unlocking in [first, waiting] {
        let outcome = unlocking.await.unwrap();
        assert!(matches!(outcome, Err(CustodyError::LockedMeanwhile(_))), "{outcome:?}");
    }
    assert!(custody.status().is_empty());
    unlock(coldkey()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_tasks_ask_for_conflicting_things() {
    let fixture = Fixture::new();
    let public = fixture.custody.public(&hotkey("alice")).await.unwrap();
    let tasks: Vec<_> = (0..64)
        .map(|task| {
            let custody = fixture.custody.clone();
            tokio::spawn(async move {
                for round in 0..8 {
                    // An unlock costs as much as thousands of the others.
                    match (task + round) % 16 {
                        0 => {
                            let password = Some(Password::new(PASSWORD));
                            let request =
                                UnlockRequest { key: coldkey(), password, window: None, purposes: Purposes::ALL };
                            match custody.unlock(request).await {
                                Ok(_) | Err(CustodyError::LockedMeanwhile(_)) => {}
                                Err(other) => panic!("{other}"),
                            }
                        }
                        1 | 5 => drop(custody.lock_all(None)),
                        2..8 => match custody.sign_extrinsic(&coldkey(), &payload()).await {
                            Ok(_) | Err(CustodyError::Locked(_)) => {}
                            Err(other) => panic!("{other}"),
                        },
                        _ => {
                            let message = TextMessage::new("hello").unwrap();
                            let signature = custody.sign_message(&hotkey("alice"), &message).await.unwrap();
                            assert!(public.verify(b"hello", &signature.bytes));
                        }
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(fixture.failures.load(&coldkey()).unwrap(), 0);
}

const STORM: &str = "BTD_TEST_STORM_DIR";

/// Not a test by itself: what the test below starts and measures.
#[tokio::test(flavor = "multi_thread")]
async fn storm() {
    let Some(dir) = std::env::vars_os().find_map(|(name, value)| (name == STORM).then_some(value)) else { return };
    let custody = Custody::new(WalletStore::new(dir), CustodyConfig::default());
    let tasks: Vec<_> = (0..100)
        .map(|task| {
            let custody = custody.clone();
            let (key, password) = if task % 2 == 0 { (coldkey(), "right") } else { (hotkey("sealed"), "wrong") };
            let password = Some(Password::new(password));
            tokio::spawn(async move {
                let request = UnlockRequest { key, password, window: None, purposes: Purposes::ALL };
                tokio::time::timeout(seconds(20), custody.unlock(request)).await
            })
        })
        .collect();
    // All are at it; each derivation takes seconds, so it need not be waited for all of them.
    tokio::time::sleep(seconds(5)).await;
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
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
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let peak = output.split("VmHWM:").nth(1).unwrap_or_else(|| panic!("{output}"));
    let peak_kib: u64 = peak.split_whitespace().next().unwrap().parse().unwrap();
    assert!((512 * 1024..600 * 1024).contains(&peak_kib), "{peak_kib} KiB");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap();
}
