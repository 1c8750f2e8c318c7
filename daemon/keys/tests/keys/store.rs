//! The wallets directory: layout, modes, refusals, copies, listings.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use btd_api::{HotkeyName, WalletName};
use btd_keys::{
    Encryption, Existing, Key, KeyFileError, KeyRole, Password, Protection, Scheme, StoreError, Wallet, WalletStore,
    WordCount,
};

use crate::{golden, hex_bytes, text};

fn hotkey(name: &str) -> KeyRole {
    KeyRole::Hotkey(name.parse().unwrap())
}

fn new_wallet(root: &Path) -> Wallet {
    WalletStore::new(root).wallet(&WalletName::default())
}

fn new_key() -> Key {
    Key::generate(Scheme::Sr25519, WordCount::Twelve)
}

/// Lays out the golden wallets as their writers left them.
pub(crate) fn golden_wallets(root: &Path) {
    for wallet in golden("wallets.json")["wallets"].as_array().unwrap() {
        for file in wallet["files"].as_array().unwrap() {
            let path = root.join(text(wallet, "id")).join(text(file, "relpath"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, hex_bytes(text(file, "data_hex"))).unwrap();
        }
    }
}

#[test]
fn the_layout_is_that_of_the_ecosystem() {
    let root = tempfile::tempdir().unwrap();
    let wallet = new_wallet(&root.path().join("wallets"));
    let (cold, hot) = (new_key(), new_key());
    wallet.write(&KeyRole::Coldkey, &cold, Protection::Plain, Existing::Refuse).unwrap();
    wallet.write(&hotkey("HotKey.Two"), &hot, Protection::Plain, Existing::Refuse).unwrap();
    let dir = root.path().join("wallets/default");
    for (path, mode) in [
        ("", 0o700),
        ("hotkeys", 0o700),
        ("coldkey", 0o600),
        ("coldkeypub.txt", 0o600),
        ("hotkeys/HotKey.Two", 0o600),
        ("hotkeys/HotKey.Twopub.txt", 0o600),
    ] {
        assert_eq!(fs::metadata(dir.join(path)).unwrap().permissions().mode() & 0o777, mode, "{path}");
    }
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 3);
    assert_eq!(fs::read_dir(dir.join("hotkeys")).unwrap().count(), 2);
    assert_eq!(wallet.hotkeys().unwrap(), ["HotKey.Two".parse::<HotkeyName>().unwrap()]);
    assert_eq!(wallet.public(&KeyRole::Coldkey).unwrap(), cold.public());
    assert_eq!(wallet.open(&hotkey("HotKey.Two"), None).unwrap().public(), hot.public());
}

#[test]
fn nothing_is_overwritten_unless_told_and_then_a_copy_stays() {
    let root = tempfile::tempdir().unwrap();
    let wallet = new_wallet(root.path());
    let keys: Vec<Key> = (0..3).map(|_| new_key()).collect();
    for (role, copies) in [(KeyRole::Coldkey, wallet.dir().to_owned()), (hotkey("h"), wallet.dir().join("hotkeys.bak"))]
    {
        assert!(wallet.write(&role, &keys[0], Protection::Plain, Existing::Refuse).unwrap().is_empty());
        let refused = wallet.write(&role, &keys[1], Protection::Plain, Existing::Refuse);
        assert!(matches!(refused, Err(StoreError::Exists { .. })), "{refused:?}");
        assert_eq!(wallet.open(&role, None).unwrap().public(), keys[0].public());
        for key in &keys[1..] {
            assert_eq!(wallet.write(&role, key, Protection::Plain, Existing::KeepCopy).unwrap().len(), 2);
            assert_eq!(wallet.open(&role, None).unwrap().public(), key.public());
        }
        let name = wallet.path(&role).file_name().unwrap().to_string_lossy().into_owned();
        for (number, key) in [(1, &keys[0]), (2, &keys[1])] {
            let copy = copies.join(format!("{name}.bak-{number}"));
            assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
            let copy = btd_keys::KeyFile::from_bytes(fs::read(copy).unwrap());
            assert_eq!(copy.open(None).unwrap().public(), key.public());
        }
    }
    assert_eq!(wallet.hotkeys().unwrap().len(), 1, "copies are no hotkeys");
}

#[test]
fn a_watched_key_gets_its_secret_but_no_other() {
    let root = tempfile::tempdir().unwrap();
    let wallet = new_wallet(root.path());
    let (key, other) = (new_key(), new_key());
    wallet.write_public(&KeyRole::Coldkey, &key.public(), Existing::Refuse).unwrap();
    assert_eq!(wallet.public(&KeyRole::Coldkey).unwrap(), key.public());
    assert!(matches!(wallet.open(&KeyRole::Coldkey, None), Err(StoreError::NotFound { .. })));
    let refused = wallet.write(&KeyRole::Coldkey, &other, Protection::Plain, Existing::Refuse);
    assert!(matches!(refused, Err(StoreError::Exists { .. })));
    assert!(!wallet.path(&KeyRole::Coldkey).exists());
    wallet.write(&KeyRole::Coldkey, &key, Protection::Plain, Existing::Refuse).unwrap();
    let refused = wallet.write_public(&KeyRole::Coldkey, &other.public(), Existing::KeepCopy);
    assert!(matches!(refused, Err(StoreError::OtherSecret { .. })));
}

#[test]
fn one_odd_wallet_does_not_hide_the_others() {
    let root = tempfile::tempdir().unwrap();
    let store = WalletStore::new(root.path());
    for name in ["a", "odd", "z"] {
        let wallet = store.wallet(&name.parse().unwrap());
        wallet.write(&KeyRole::Coldkey, &new_key(), Protection::Plain, Existing::Refuse).unwrap();
    }
    fs::write(root.path().join("odd/hotkeys"), "no directory").unwrap();
    let listed = store.list().unwrap();
    let problems: Vec<_> = listed.iter().map(|wallet| (wallet.name.as_str(), wallet.problem.is_some())).collect();
    assert_eq!(problems, [("a", false), ("odd", true), ("z", false)]);
    assert!(listed[1].coldkey.as_ref().unwrap().public.is_some());
    let odd = store.summary(&"odd".parse().unwrap()).unwrap();
    assert!(odd.problem.unwrap().contains("odd/hotkeys"));
}

#[test]
fn behind_a_link_the_key_itself_is_given_a_password() {
    let root = tempfile::tempdir().unwrap();
    let (elsewhere, wallet) = (root.path().join("elsewhere"), new_wallet(&root.path().join("wallets")));
    let key = new_key();
    wallet.write(&KeyRole::Coldkey, &key, Protection::Plain, Existing::Refuse).unwrap();
    let path = wallet.path(&KeyRole::Coldkey);
    fs::rename(&path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    let password = Password::new("new");
    let opened = wallet.mark(&KeyRole::Coldkey);
    wallet.reprotect(&KeyRole::Coldkey, &key, opened, Protection::AnsibleVault(&password)).unwrap();
    // No plain copy stays where the link points, and the link is one still.
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    let sealed = btd_keys::KeyFile::from_bytes(fs::read(&elsewhere).unwrap());
    assert_eq!(sealed.encryption(), Encryption::AnsibleVault);
    assert_eq!(wallet.open(&KeyRole::Coldkey, Some(&password)).unwrap().public(), key.public());
}

#[test]
fn a_key_that_another_tool_has_put_there_meanwhile_stays() {
    let root = tempfile::tempdir().unwrap();
    let wallet = new_wallet(root.path());
    let (key, other) = (new_key(), new_key());
    wallet.write(&KeyRole::Coldkey, &key, Protection::Plain, Existing::Refuse).unwrap();
    let opened = wallet.mark(&KeyRole::Coldkey);
    wallet.write(&KeyRole::Coldkey, &other, Protection::Plain, Existing::KeepCopy).unwrap();
    let bytes = fs::read(wallet.path(&KeyRole::Coldkey)).unwrap();
    let password = Password::new("new");
    let refused = wallet.reprotect(&KeyRole::Coldkey, &key, opened, Protection::AnsibleVault(&password));
    assert!(matches!(refused, Err(StoreError::Changed { .. })), "{refused:?}");
    assert_eq!(fs::read(wallet.path(&KeyRole::Coldkey)).unwrap(), bytes);
}

#[test]
fn a_secret_beside_another_public_file_is_not_used() {
    let root = tempfile::tempdir().unwrap();
    let wallet = new_wallet(root.path());
    wallet.write(&KeyRole::Coldkey, &new_key(), Protection::Plain, Existing::Refuse).unwrap();
    let stranger = btd_keys::PublicKeyFile(new_key().public()).render(btd_keys::Shape::Compact);
    fs::write(wallet.public_path(&KeyRole::Coldkey), stranger).unwrap();
    assert!(matches!(wallet.open(&KeyRole::Coldkey, None), Err(StoreError::PublicMismatch { .. })));
    let listed = WalletStore::new(root.path()).list().unwrap();
    assert!(listed[0].coldkey.as_ref().unwrap().problem.is_some());
}

#[test]
fn encrypted_files_are_ours_and_theirs() {
    let root = tempfile::tempdir().unwrap();
    let wallet = new_wallet(root.path());
    let key = Key::generate(Scheme::Ed25519, WordCount::TwentyFour);
    let password = Password::new("pässwörd with spaces ");
    wallet.write(&KeyRole::Coldkey, &key, Protection::Nacl(&password), Existing::Refuse).unwrap();
    let bytes = fs::read(wallet.path(&KeyRole::Coldkey)).unwrap();
    assert!(bytes.starts_with(b"$NACL"));
    assert!(matches!(
        wallet.open(&KeyRole::Coldkey, None),
        Err(StoreError::KeyFile { source: KeyFileError::PasswordRequired(Encryption::Nacl), .. })
    ));
    let opened = wallet.open(&KeyRole::Coldkey, Some(&password)).unwrap();
    assert_eq!(opened.public(), key.public());
    assert_eq!(*opened.mnemonic().unwrap().expose(), *key.mnemonic().unwrap().expose());
    assert_eq!(wallet.public(&KeyRole::Coldkey).unwrap(), key.public());
}

#[test]
fn every_golden_wallet_is_listed_with_its_addresses() {
    let root = tempfile::tempdir().unwrap();
    golden_wallets(root.path());
    fs::write(root.path().join("a file"), "").unwrap();
    fs::create_dir(root.path().join("not-a-wallet")).unwrap();
    fs::create_dir(root.path().join(".hidden")).unwrap();
    let listed = WalletStore::new(root.path()).list().unwrap();
    let golden = golden("wallets.json");
    let golden = golden["wallets"].as_array().unwrap();
    assert_eq!(listed.len(), golden.len());
    for wallet in golden {
        let ours = listed.iter().find(|ours| ours.name.as_str() == text(wallet, "id")).unwrap();
        for file in wallet["files"].as_array().unwrap() {
            let relpath = text(file, "relpath");
            let summary = match relpath.strip_prefix("hotkeys/") {
                None => ours.coldkey.as_ref().unwrap(),
                Some(name) => {
                    let name = name.strip_suffix("pub.txt").unwrap_or(name);
                    &ours.hotkeys.iter().find(|(ours, _)| ours.as_str() == name).unwrap().1
                }
            };
            // SDK 11 leaves a public file of scheme 0 beside nothing else; all agree on the key.
            assert_eq!(summary.problem, None, "{} {relpath}", ours.name);
            let Some(public) = summary.public else {
                // Encrypted, by a release that writes no public file for hotkeys, or left alone.
                assert_ne!(text(file, "encryption"), "none");
                let beside = ours.dir.join(relpath.replace("coldkey", "coldkeypub.txt"));
                assert!(!beside.is_file() || relpath.starts_with("hotkeys/"), "{} {relpath}", ours.name);
                continue;
            };
            assert_eq!(public.account.to_string(), text(&file["expected"], "ss58"), "{} {relpath}", ours.name);
            if !relpath.ends_with("pub.txt") {
                assert_eq!(
                    summary.encryption.unwrap().to_string(),
                    text(file, "encryption"),
                    "{} {relpath}",
                    ours.name
                );
            }
        }
    }
}

#[test]
fn what_cannot_be_read_is_listed_with_its_problem() {
    let root = tempfile::tempdir().unwrap();
    let wallet = new_wallet(root.path());
    wallet.write(&hotkey("good"), &new_key(), Protection::Plain, Existing::Refuse).unwrap();
    fs::write(wallet.path(&hotkey("torn")), "{\"secretPhrase\":\"legal").unwrap();
    fs::write(wallet.path(&hotkey("huge")), vec![b' '; 1 << 20]).unwrap();
    fs::write(wallet.path(&hotkey("other.lock")), "").unwrap();
    let listed = WalletStore::new(root.path()).list().unwrap();
    let problems: Vec<(&str, bool)> =
        listed[0].hotkeys.iter().map(|(name, summary)| (name.as_str(), summary.problem.is_some())).collect();
    assert_eq!(problems, [("good", false), ("huge", true), ("torn", true)]);
    assert_eq!(WalletStore::new(root.path().join("absent")).list().unwrap(), []);
}

#[test]
fn a_pipe_in_the_place_of_a_key_keeps_nobody_waiting() {
    let root = tempfile::tempdir().unwrap();
    let wallet = new_wallet(root.path());
    fs::create_dir_all(wallet.dir()).unwrap();
    let path = wallet.path(&KeyRole::Coldkey);
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let error = wallet.open(&KeyRole::Coldkey, None).unwrap_err();
    assert!(error.to_string().contains("not a regular file"), "{error}");
    assert!(WalletStore::new(root.path()).list().unwrap()[0].coldkey.as_ref().unwrap().problem.is_some());
    let password = btd_keys::environment::read_file(&path).unwrap_err();
    assert!(password.to_string().contains("password file"), "{password}");
}

#[test]
fn an_encrypted_key_keeps_its_address() {
    let root = tempfile::tempdir().unwrap();
    let wallet = new_wallet(root.path());
    let (key, other, password) = (new_key(), new_key(), Password::new("x"));
    wallet.write(&KeyRole::Coldkey, &key, Protection::AnsibleVault(&password), Existing::Refuse).unwrap();
    let refused = wallet.write_public(&KeyRole::Coldkey, &other.public(), Existing::KeepCopy).unwrap_err();
    assert!(matches!(refused, StoreError::PublicTold { .. }), "{refused}");
    assert_eq!(wallet.public(&KeyRole::Coldkey).unwrap(), key.public());
    // Lost, it is written anew, and opening the key tells whether it was the right one.
    fs::remove_file(wallet.public_path(&KeyRole::Coldkey)).unwrap();
    wallet.write_public(&KeyRole::Coldkey, &other.public(), Existing::Refuse).unwrap();
    let found = wallet.open(&KeyRole::Coldkey, Some(&password)).unwrap_err();
    assert!(matches!(found, StoreError::PublicMismatch { .. }), "{found}");
}

#[test]
fn names_that_mean_other_files_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let wallet = new_wallet(root.path());
    for name in ["x.lock", "xpub.txt"] {
        let refused = wallet.write(&hotkey(name), &new_key(), Protection::Plain, Existing::Refuse).unwrap_err();
        assert!(matches!(refused, StoreError::Name { .. }), "{refused}");
    }
    assert!(!wallet.dir().join("hotkeys").exists());
}

#[test]
fn of_many_who_write_one_key_at_once_one_wins() {
    const WRITERS: usize = 64;
    let root = tempfile::tempdir().unwrap();
    let wallet = new_wallet(root.path());
    let keys: Vec<Key> = (0..WRITERS).map(|_| new_key()).collect();
    let write = |existing| {
        std::thread::scope(|scope| {
            let write = |key| wallet.write(&KeyRole::Coldkey, key, Protection::Plain, existing);
            let threads: Vec<_> = keys.iter().map(|key| scope.spawn(move || write(key))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        })
    };
    let outcomes = write(Existing::Refuse);
    let winners: Vec<&Key> = keys.iter().zip(&outcomes).filter_map(|(key, done)| done.is_ok().then_some(key)).collect();
    assert_eq!(winners.len(), 1);
    for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(matches!(refused, StoreError::Exists { .. }), "{refused}");
    }
    assert_eq!(wallet.open(&KeyRole::Coldkey, None).unwrap().public(), winners[0].public());
}
