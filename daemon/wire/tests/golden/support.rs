//! Reading the vector files, driving a future without a runtime, and keys of the captures.

use std::{
    future::Future,
    path::Path,
    pin::pin,
    task::{Context, Poll, Waker},
};

use btd_api::AccountId;
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey, signing_context};
use serde_json::Value as Json;

/// The vector file called `name`.
pub(crate) fn vectors(name: &str) -> Json {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn cases(file: &Json) -> &[Json] {
    file["cases"].as_array().unwrap()
}

pub(crate) fn text<'a>(value: &'a Json, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is no text in {value}"))
}

/// Runs a future that never waits.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future waits for something"),
    }
}

/// A key made from a seed, for requests that the captures do not hold.
pub(crate) struct Key {
    pair: Keypair,
    pub(crate) account: AccountId,
}

impl Key {
    pub(crate) fn new(seed: u8) -> Self {
        let pair = MiniSecretKey::from_bytes(&[seed; 32]).unwrap().expand_to_keypair(ExpansionMode::Ed25519);
        Self { account: AccountId(pair.public.to_bytes()), pair }
    }

    pub(crate) fn sign(&self, message: &str) -> [u8; 64] {
        self.pair.sign(signing_context(b"substrate").bytes(message.as_bytes())).to_bytes()
    }
}
