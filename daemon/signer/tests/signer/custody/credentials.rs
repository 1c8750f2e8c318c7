//! Hotkeys that the service manager hands over: used, unlocked, listed and counted as those of wallets.

use super::*;

/// Custody of the fixture's wallets and of credentials, which are empty yet.
fn with_credentials(fixture: &Fixture) -> (Custody, TempDir) {
    let credentials = tempfile::tempdir().unwrap();
    let store = WalletStore::new(fixture.dir.path());
    let custody = Custody::new(store, CustodyConfig::default(), fixture.clock.clone(), fixture.failures.clone())
        .with(Some(credentials.path().to_owned()), Memory::Swappable);
    (custody, credentials)
}

#[test]
fn a_hotkey_may_come_from_the_service_manager() {
    let fixture = Fixture::new();
    let credentials = tempfile::tempdir().unwrap();
    copy(&fixture.dir.path().join("w/hotkeys/alice"), &credentials.path().join("hotkey.other.miner"));
    copy(&fixture.dir.path().join("w/hotkeys/sealed"), &credentials.path().join("hotkey.other.locked"));
    let store = WalletStore::new(fixture.dir.path());
    let custody = Custody::new(store, CustodyConfig::default(), fixture.clock.clone(), fixture.failures.clone())
        .with(Some(credentials.path().to_owned()), Memory::Swappable);
    let key = |name: &str| KeyId::hotkey("other".parse().unwrap(), name.parse().unwrap());
    let public = custody.public(&key("miner")).unwrap();
    assert_eq!(public, custody.public(&hotkey("alice")).unwrap());
    assert!(public.verify_exact(&PAYLOAD, &custody.sign_extrinsic(&key("miner"), &payload()).unwrap().bytes));
    assert!(matches!(custody.sign_extrinsic(&key("locked"), &payload()), Err(CustodyError::Locked(_))));
    assert!(matches!(custody.sign_extrinsic(&key("absent"), &payload()), Err(CustodyError::Store(_))));
}

#[test]
fn hotkeys_of_the_service_manager_are_listed_with_the_wallets() {
    let fixture = Fixture::new();
    let (custody, credentials) = with_credentials(&fixture);
    let own = fixture.dir.path().join("w/hotkeys");
    for (from, to) in [("alice", "hotkey.w.alice"), ("alice", "hotkey.w.miner"), ("sealed", "hotkey.only.here.h")] {
        copy(&own.join(from), &credentials.path().join(to));
    }
    let told: Vec<_> = custody.wallets().unwrap().into_iter().flat_map(btd_keys::WalletSummary::into_keys).collect();
    let told: Vec<_> = told
        .iter()
        .map(|(key, found)| (key.to_string(), found.encryption.unwrap(), found.handed_over.is_some()))
        .collect();
    let (plain, vault) = (Encryption::None, Encryption::AnsibleVault);
    let told: Vec<_> = told.iter().map(|(key, encryption, handed)| (key.as_str(), *encryption, *handed)).collect();
    assert_eq!(
        told,
        [
            ("only/hotkeys/here.h", vault, true),
            ("w/coldkey", vault, false),
            ("w/hotkeys/alice", plain, false),
            ("w/hotkeys/miner", plain, true),
            ("w/hotkeys/sealed", vault, false),
        ]
    );
    assert_eq!(custody.wallet(&"only".parse().unwrap()).unwrap().hotkeys.len(), 1);
    let miner = &custody.wallet(&"w".parse().unwrap()).unwrap().hotkeys[1].1;
    assert_eq!(miner.public, Some(custody.public(&hotkey("alice")).unwrap()));
    let absent = custody.wallet(&"absent".parse().unwrap());
    assert!(matches!(absent, Err(CustodyError::Store(StoreError::NotFound { .. }))), "{absent:?}");
}

#[test]
fn a_hotkey_of_the_service_manager_may_have_a_password() {
    let fixture = Fixture::new();
    let (custody, credentials) = with_credentials(&fixture);
    let key = KeyId::hotkey("other".parse().unwrap(), "miner".parse().unwrap());
    let credential = credentials.path().join("hotkey.other.miner");
    copy(&fixture.dir.path().join("w/hotkeys/sealed"), &credential);
    let unlock = |password: &str| {
        let password = Some(Password::new(password));
        custody.unlock(UnlockRequest {
            key: key.clone(),
            password,
            window: Some(seconds(10)),
            purposes: Purposes::ALL,
            earlier: Earlier::Ends,
        })
    };
    assert!(matches!(custody.sign_extrinsic(&key, &payload()), Err(CustodyError::Locked(_))));
    assert!(matches!(unlock("wrong"), Err(CustodyError::WrongPassword { .. })));
    fixture.clock.advance(seconds(1));
    // It has its window as one that lies in a wallet.
    assert_eq!(unlock(PASSWORD).unwrap().remaining, Some(seconds(10)));
    let public = custody.public(&key).unwrap();
    assert!(public.verify_exact(&PAYLOAD, &custody.sign_extrinsic(&key, &payload()).unwrap().bytes));
    fixture.clock.advance(seconds(10));
    assert!(matches!(custody.sign_extrinsic(&key, &payload()), Err(CustodyError::Locked(_))));
    // Only a file of the wallets is written anew.
    let reprotected = custody.reprotect(&key, Some(&Password::new(PASSWORD)), &Protect::Plain);
    assert!(matches!(reprotected, Err(CustodyError::HandedOver(_))), "{reprotected:?}");
    assert!(!fixture.dir.path().join("other").exists() && credential.exists());
}

#[test]
fn a_hotkey_of_the_service_manager_opens_with_the_password_beside_it() {
    let fixture = Fixture::new();
    let (custody, credentials) = with_credentials(&fixture);
    let key = KeyId::hotkey("other".parse().unwrap(), "miner".parse().unwrap());
    copy(&fixture.dir.path().join("w/hotkeys/sealed"), &credentials.path().join("hotkey.other.miner"));
    // What does not fit is tried once, costs no guess, and leaves the key locked.
    let beside = credentials.path().join("wallet-password");
    fs::write(&beside, "wrong").unwrap();
    for derives in [true, false] {
        assert_eq!(custody.derives(&key), derives);
        assert!(matches!(custody.sign_extrinsic(&key, &payload()), Err(CustodyError::Locked(_))));
    }
    assert_eq!(fixture.failures.load(&key).unwrap(), 0);
    // Written anew it is tried again, also for the public half alone, which no file tells.
    fs::write(&beside, PASSWORD).unwrap();
    let told = custody.public(&key).unwrap();
    assert!(custody.lock(&key));
    assert_eq!(custody.public(&key).unwrap(), told);
    let own = credentials.path().join("wallet-password.other");
    fs::write(&own, PASSWORD).unwrap();
    let custody = Custody::new(
        WalletStore::new(fixture.dir.path()),
        CustodyConfig::default(),
        fixture.clock.clone(),
        fixture.failures.clone(),
    )
    .with(Some(credentials.path().to_owned()), Memory::Swappable);
    custody.open_handed_over();
    let held = custody.status();
    assert!(!custody.derives(&key));
    assert_eq!(held.iter().map(|held| (&held.key, held.remaining)).collect::<Vec<_>>(), [(&key, None)]);
    let public = custody.public(&key).unwrap();
    assert!(public.verify_exact(&PAYLOAD, &custody.sign_extrinsic(&key, &payload()).unwrap().bytes));
    // As a plain one, no lock applies to it, and it is counted as such.
    assert!(custody.lock(&key));
    assert_eq!(custody.plain(Some(&key.wallet), None).unwrap(), 1);
    custody.sign_extrinsic(&key, &payload()).unwrap();
    // A window that was asked for is kept to.
    let password = Some(Password::new(PASSWORD));
    let purposes = [Purpose::Message].into_iter().collect();
    custody
        .unlock(UnlockRequest {
            key: key.clone(),
            password,
            window: Some(seconds(5)),
            purposes,
            earlier: Earlier::Ends,
        })
        .unwrap();
    custody.open_handed_over();
    assert!(matches!(custody.sign_extrinsic(&key, &payload()), Err(CustodyError::NotAllowed { .. })));
    fixture.clock.advance(seconds(5));
    assert!(custody.derives(&key));
    // Nothing new takes its name.
    assert!(matches!(custody.check_free(&key), Err(CustodyError::HandedOver(_))));
    custody.check_free(&hotkey("alice")).unwrap();
}

#[test]
fn a_credential_of_another_key_than_the_wallet_names_is_not_used() {
    let fixture = Fixture::new();
    let (custody, credentials) = with_credentials(&fixture);
    let wallet = custody.store().wallet(&"w".parse().unwrap());
    let watched = Key::from_uri(Scheme::Sr25519, "//Bob").unwrap().public();
    wallet.write_public(&hotkey("watched").role, &watched, Existing::Refuse).unwrap();
    copy(&fixture.dir.path().join("w/hotkeys/alice"), &credentials.path().join("hotkey.w.watched"));
    let refused = custody.sign_extrinsic(&hotkey("watched"), &payload());
    assert!(
        matches!(&refused, Err(CustodyError::Store(StoreError::PublicMismatch { public, .. })) if *public == watched.account),
        "{refused:?}"
    );
    assert!(custody.status().is_empty());
    // With the file that the wallet names it signs.
    let bob = Key::from_uri(Scheme::Sr25519, "//Bob").unwrap();
    let file = KeyFile::plain(&bob, Shape::Compact);
    fs::write(credentials.path().join("hotkey.w.watched"), file.as_bytes()).unwrap();
    assert!(watched.verify_exact(&PAYLOAD, &custody.sign_extrinsic(&hotkey("watched"), &payload()).unwrap().bytes));
}

#[test]
fn keys_that_no_lock_applies_to_are_counted_wherever_they_lie() {
    let fixture = Fixture::new();
    let (custody, credentials) = with_credentials(&fixture);
    let (own, other) = ("w".parse().unwrap(), "other.one".parse().unwrap());
    assert_eq!((custody.plain(None, None).unwrap(), custody.plain(Some(&other), None).unwrap()), (1, 0));
    let (plain, sealed) = (fixture.dir.path().join("w/hotkeys/alice"), fixture.dir.path().join("w/hotkeys/sealed"));
    copy(&plain, &credentials.path().join("hotkey.other.one.miner"));
    copy(&sealed, &credentials.path().join("hotkey.other.one.locked"));
    // The wallet's own file goes before this one, and the last is none of a hotkey.
    copy(&plain, &credentials.path().join("hotkey.w.alice"));
    copy(&plain, &credentials.path().join("note"));
    let miner = hotkey("miner").role;
    assert_eq!(custody.plain(None, None).unwrap(), 2);
    assert_eq!((custody.plain(Some(&own), None).unwrap(), custody.plain(Some(&other), None).unwrap()), (1, 1));
    assert_eq!(custody.plain(Some(&own), Some(&hotkey("alice").role)).unwrap(), 1);
    assert_eq!(custody.plain(Some(&own), Some(&hotkey("sealed").role)).unwrap(), 0);
    assert_eq!(custody.plain(Some(&other), Some(&miner)).unwrap(), 1);
    // What cannot be looked at is not said to be none.
    fs::remove_dir_all(fixture.dir.path()).unwrap();
    fs::write(fixture.dir.path(), "").unwrap();
    assert!(matches!(custody.plain(None, None), Err(CustodyError::Store(StoreError::Io { .. }))));
}
