//! A development chain with wallets on it, and the client's commands in words.

use std::cell::Cell;

use serde_json::Value;

use crate::{Daemon, Host, senate, wait_for};

/// A development chain with wallets for //Alice and //Bob. It counts what is signed on it.
#[derive(Debug)]
pub struct Stage {
    /// The machine.
    pub host: Host,
    signed: Cell<usize>,
    _daemon: Daemon,
}

impl Stage {
    /// One whose chain makes a block every 100 ms.
    pub fn set() -> Self {
        Self::with(&["--block-time", "100ms"])
    }

    /// One whose chain makes a block for each extrinsic, and when it is told to.
    pub fn on_demand() -> Self {
        Self::with(&["--block-time", "instant"])
    }

    /// The same, whose root has weights and a senate, before which [`senate::PROPOSAL`] lies.
    pub fn of_old() -> Self {
        let stage = Self::at(Host::new(), &["--block-time", "instant"], &[("BTD_DEVNET__LEGACY_ROOT", "true")]);
        senate::open_a_proposal(&stage.host);
        stage
    }

    fn with(terms: &[&str]) -> Self {
        Self::at(Host::new(), terms, &[])
    }

    fn at(host: Host, terms: &[&str], variables: &[(&str, &str)]) -> Self {
        let daemon = host.start_with(&[&["--network", "devnet"], terms].concat(), variables);
        wait_for("btd to be ready", || (host.ask(&["status"])["phase"] == "ready").then_some(()));
        let stage = Self { host, signed: Cell::new(0), _daemon: daemon };
        stage.wallet("alice", "//Alice");
        stage.wallet("bob", "//Bob");
        stage
    }

    /// Makes a wallet whose coldkey and hotkey are both that of `uri`.
    pub fn wallet(&self, name: &str, uri: &str) {
        self.host.ask(&["wallet", "create", "--wallet", name, "--uri", uri]);
    }

    /// What a command prints.
    pub fn ask(&self, words: &str) -> Value {
        self.host.ask(&words.split(' ').collect::<Vec<_>>())
    }

    /// Signs as the words say, and gives the receipt of what must have succeeded.
    ///
    /// # Panics
    /// When it does not succeed.
    pub fn signed(&self, words: &str) -> Value {
        let receipt = self.ask(&format!("{words} --yes"));
        assert_eq!(receipt["outcome"]["state"], "finalized", "{words}: {receipt}");
        self.signed.set(self.signed.get() + 1);
        receipt
    }

    /// Signs as the words say, and gives the receipt of what must have succeeded in a block that is not final.
    ///
    /// # Panics
    /// When it does not.
    pub fn in_block(&self, words: &str) -> Value {
        let receipt = self.ask(&format!("{words} --wait in-block --yes"));
        assert_eq!(receipt["outcome"]["state"], "in-block", "{words}: {receipt}");
        self.signed.set(self.signed.get() + 1);
        receipt
    }

    /// The exit code and the error of what must fail: its kind, its class and the chain's name for it.
    ///
    /// # Panics
    /// When it succeeds, or prints anything but its error.
    pub fn refused(&self, words: &str) -> (i32, Value) {
        let words: Vec<&str> = words.split(' ').chain(["--yes", "--json"]).collect();
        let (code, text) = self.host.refused(&words);
        let document: Value = serde_json::from_str(text.lines().last().unwrap_or_default())
            .unwrap_or_else(|error| panic!("{words:?}: {error}: {text}"));
        let data = &document["error"]["data"];
        // Whatever is refused, and wherever: what programs branch on is always there.
        let has = |member: &str| data.get(member).is_some_and(Value::is_string);
        let is_whole = ["kind", "class", "remedy"].into_iter().all(has) && data["retryable"].is_boolean();
        assert!(is_whole, "{words:?}: {text}");
        (code, document["error"].clone())
    }

    /// The error of what is refused before anything is signed, by this name of the chain's.
    ///
    /// # Panics
    /// When it succeeds, or is refused as anything else.
    #[track_caller]
    pub fn foreseen(&self, words: &str, name: &str) -> Value {
        let (code, error) = self.refused(words);
        assert_eq!((code, &error["kind"]), (6, &"PRECONDITION_FAILED".into()), "{words}: {error}");
        assert_eq!(error["data"]["error"], name, "{words}: {error}");
        error
    }

    /// Makes blocks.
    pub fn mine(&self, blocks: u32) {
        self.ask(&format!("devnet mine {blocks}"));
    }

    /// Asks the daemon whether it wrote down more signatures than were asked for here.
    ///
    /// # Panics
    /// When it did.
    #[track_caller]
    pub fn nothing_else_was_signed(&self) {
        let list = self.ask("tx list --limit 1000");
        assert_eq!(list["entries"].as_array().map(Vec::len), Some(self.signed.get()), "{list}");
    }

    /// The fields of an event of a receipt.
    ///
    /// # Panics
    /// When there is no such event.
    pub fn event(receipt: &Value, name: &str) -> Value {
        let events = receipt["outcome"]["events"].as_array().unwrap();
        events.iter().find(|event| event["name"] == name).unwrap_or_else(|| panic!("no {name}: {receipt}"))["fields"]
            .clone()
    }
}
