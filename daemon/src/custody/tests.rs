//! A signer on threads of the test's own, behind the same channels as the real one, and its loss.

use std::{os::unix::net, path::Path, sync::Arc};

use btd_keys::{Existing, Key, Protection, WalletStore};
use btd_signer::{
    BootClock, MemoryFailureLog,
    custody::{Custody as Keeper, CustodyConfig},
    server::{Server, ServerConfig},
};
use btd_signer_protocol::{
    Purposes, RefusalKind,
    operations::{Earlier, Lock, SignExtrinsic, Unlock},
};

use super::*;

impl Custody {
    /// Over the wallets in `wallets`, with a signer in this process. Needs a runtime.
    pub(crate) fn in_process(wallets: &Path) -> Self {
        let store = WalletStore::new(wallets);
        let failures = Arc::new(MemoryFailureLog::default());
        let keeper = Keeper::new(store, CustodyConfig::default(), Arc::new(BootClock), failures);
        let server = Server::start(keeper, ServerConfig::default()).unwrap();
        let (slots, custody) = Self::unconnected();
        let (control, requests) = (stream(), stream());
        let serving = server.clone();
        std::thread::spawn(move || serving.serve_control(&control.1));
        std::thread::spawn(move || server.serve_requests(&requests.1));
        let (control, ends) = Connection::control(control.0);
        let (requests, request_ends) = Connection::requests(requests.0);
        let (control, requests) = (Arc::new(control), Arc::new(requests));
        slots.control.send_replace(Some(Arc::clone(&control)));
        slots.requests.send_replace(Some(Arc::clone(&requests)));
        tokio::spawn(async move {
            let _slots = slots;
            tokio::try_join!(control.carry(ends), requests.carry(request_ends))
        });
        custody
    }
}

fn stream() -> (tokio::net::UnixStream, net::UnixStream) {
    let (ours, theirs) = net::UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (tokio::net::UnixStream::from_std(ours).unwrap(), theirs)
}

fn alice(directory: &Path) -> KeyId {
    let id = KeyId::coldkey("w".parse().unwrap());
    let key = Key::from_uri(Scheme::Sr25519, "//Alice").unwrap();
    let wallet = WalletStore::new(directory).wallet(&id.wallet);
    wallet.write(&id.role, &key, Protection::Plain, Existing::Refuse).unwrap();
    id
}

#[tokio::test]
async fn a_plain_coldkey_is_used_without_being_unlocked() {
    let directory = tempfile::tempdir().unwrap();
    let key = alice(directory.path());
    let custody = Custody::in_process(directory.path());
    let ask = SignExtrinsic {
        key: key.clone(),
        pallet: "Balances".to_owned(),
        call: "transfer_keep_alive".to_owned(),
        payload: [&[5, 3][..], &[1; 100]].concat(),
    };
    let signature = custody.ask(ask.clone()).await.unwrap();
    let public = custody.public(&key).await.unwrap();
    assert!(public.verify_exact(&ask.payload, &signature.bytes));
    assert_eq!(custody.status().await.unwrap(), []);
    let renamed = SignExtrinsic { call: "burn".to_owned(), ..ask };
    assert_eq!(custody.ask(renamed).await.unwrap_err().refusal(), Some(RefusalKind::Purpose));
}

#[tokio::test]
async fn calls_are_answered_each_by_its_own_answer() {
    let directory = tempfile::tempdir().unwrap();
    let key = alice(directory.path());
    let custody = Custody::in_process(directory.path());
    let calls = (0..64).map(|number| {
        let (custody, key) = (custody.clone(), key.clone());
        tokio::spawn(async move {
            match number % 3 {
                0 => assert_eq!(custody.ask(Lock { key }).await.unwrap(), 0),
                1 => assert_eq!(custody.public(&key).await.unwrap().scheme, Scheme::Sr25519),
                _ => {
                    let window = Some(Duration::ZERO);
                    let (purposes, earlier) = (Purposes::ALL, Earlier::Ends);
                    let ask = Unlock { key, password: None, window, purposes, earlier };
                    assert_eq!(custody.ask(ask).await.unwrap_err().refusal(), Some(RefusalKind::Invalid));
                }
            }
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn a_call_that_loses_its_signer_fails_and_does_not_wait() {
    let (ours, theirs) = stream();
    let (connection, ends) = Connection::control(ours);
    let connection = Arc::new(connection);
    let carrying = Arc::clone(&connection);
    let carried = tokio::spawn(async move { carrying.carry(ends).await });
    let asking = Arc::clone(&connection);
    let asked = tokio::spawn(async move { asking.ask(Status {}).await });
    // The call has arrived when its frame can be read.
    tokio::task::spawn_blocking(move || {
        let frame = btd_signer_protocol::frame::read(&mut &theirs).unwrap();
        assert!(frame.is_some());
        drop(theirs);
    })
    .await
    .unwrap();
    assert!(matches!(asked.await.unwrap(), Err(CustodyError::Died)));
    carried.await.unwrap().unwrap();
    assert!(matches!(connection.ask(Status {}).await, Err(CustodyError::Died)));
}

#[tokio::test]
async fn without_a_signer_to_come_a_call_fails() {
    let (slots, custody) = Custody::unconnected();
    drop(slots);
    assert!(matches!(custody.status().await, Err(CustodyError::Unavailable)));
}
