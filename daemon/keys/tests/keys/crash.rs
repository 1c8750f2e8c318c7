//! Killed in the middle of writing: each key file is the old one or the new one.
//!
//! The test starts itself as the victim, which replaces one key by another for ever, and kills it
//! at a different moment each time.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use btd_api::WalletName;
use btd_keys::{Existing, Key, KeyFile, KeyRole, Protection, PublicKeyFile, Scheme, StoreError, WalletStore};

/// How many kills, if not a thousand.
const KILLS: &str = "BTD_TEST_KILLS";
const VICTIM: &str = "BTD_TEST_CRASH_DIR";

fn keys() -> [Key; 2] {
    ["//Alice", "//Bob"].map(|uri| Key::from_uri(Scheme::Sr25519, uri).unwrap())
}

/// Not a test by itself: what the test below starts and kills.
#[test]
fn victim() {
    let Some(dir) = std::env::vars_os().find_map(|(name, value)| (name == VICTIM).then_some(value)) else { return };
    let wallet = WalletStore::new(dir).wallet(&WalletName::default());
    for key in keys().iter().cycle() {
        // Copies would fill the directory; the writing of the files is what is tested.
        for copy in fs::read_dir(wallet.dir()).unwrap() {
            let copy = copy.unwrap();
            if copy.file_name().to_string_lossy().contains(".bak-") {
                fs::remove_file(copy.path()).unwrap();
            }
        }
        wallet.write(&KeyRole::Coldkey, key, Protection::Plain, Existing::KeepCopy).unwrap();
        println!("written");
    }
}

#[test]
fn a_killed_writer_leaves_the_old_or_the_new_key() {
    let dir = tempfile::tempdir().unwrap();
    let wallet = WalletStore::new(dir.path()).wallet(&WalletName::default());
    let keys = keys();
    wallet.write(&KeyRole::Coldkey, &keys[0], Protection::Plain, Existing::Refuse).unwrap();
    let known = [keys[0].public(), keys[1].public()];
    let mut between = 0;
    let kills = std::env::var_os(KILLS).map_or(1_000, |kills| kills.to_str().unwrap().parse::<u32>().unwrap());
    for kill in 0..kills {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["crash::victim", "--exact", "--nocapture"])
            .env(VICTIM, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Once it has written a key it is in its loop; then let it run for another while each time.
        let written =
            BufReader::new(victim.stdout.take().unwrap()).lines().any(|line| line.unwrap().ends_with("written"));
        assert!(written, "the victim wrote nothing");
        std::thread::sleep(Duration::from_micros(u64::from(kill) * 137 % 3000));
        victim.kill().unwrap();
        victim.wait().unwrap();

        let key = wallet.open(&KeyRole::Coldkey, None).unwrap().public();
        assert!(known.contains(&key));
        let path = wallet.public_path(&KeyRole::Coldkey);
        match fs::read(&path) {
            Ok(bytes) => assert_eq!(PublicKeyFile::parse(&bytes).unwrap().0, key),
            Err(_) => between += 1,
        }
        assert_eq!(wallet.public(&KeyRole::Coldkey).unwrap(), key);
        assert_whole_copies(wallet.dir());
        assert_private(wallet.dir());
    }
    // Else they all came while nothing was being written.
    assert!(kills < 1_000 || between > 0);
    println!("{between} of {kills} kills fell between the two files");
    // The next write succeeds and sweeps what the dead have left.
    wallet.write(&KeyRole::Coldkey, &keys[0], Protection::Plain, Existing::KeepCopy).unwrap();
    let left = fs::read_dir(wallet.dir()).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name().to_string_lossy().into_owned();
        name.starts_with(".coldkey.tmp-") || name.starts_with(".coldkeypub.txt.tmp-")
    });
    assert_eq!(left.count(), 0);
    assert!(matches!(
        wallet.write(&KeyRole::Coldkey, &keys[1], Protection::Plain, Existing::Refuse),
        Err(StoreError::Exists { .. })
    ));
}

/// From its creation on nothing is open to others.
fn assert_private(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
}

fn assert_whole_copies(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("coldkey.bak-") {
            KeyFile::from_bytes(fs::read(&path).unwrap()).open(None).unwrap();
        }
    }
}
