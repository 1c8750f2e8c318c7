//! The hotkey that a running axon answers as is exchanged for another, or loses its place and comes back: the axon goes
//! on as who is there, or tells why it does not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use btd_tests::{Daemon, Host, wait_for};
use serde_json::{Value, json};

const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
/// `SubtensorModule.MaxAllowedUids` of subnet 1.
const MOST_NEURONS: &str = "0x658faa385070e074c85bf6b568cf0555fabe6b131d9fa6e6d6cacbe7586c3b8a0100";

/// A chain on which //Alice's axon is published on subnet 1, and //Bob is registered there.
struct Scene {
    host: Host,
    daemon: Daemon,
    axon: Value,
}

impl Scene {
    fn set() -> Self {
        let host = Host::new();
        // The configuration's hotkey has to be there before btd starts.
        let alone = host.start_alone(&["--network", "ws://127.0.0.1:9"]);
        host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);
        host.ask(&["wallet", "create", "--wallet", "bob", "--uri", "//Bob"]);
        assert!(alone.stop().success());
        let config = host.path("btd.toml");
        let settings = "[axon]\nbind = \"127.0.0.2:0\"\n\
                        [serving]\naxon = true\nwallet = \"alice\"\nhotkey = \"default\"\n\
                        [serving.publish]\nnetuids = [1]\nip = \"127.0.0.2\"\nretry_s = 1\n";
        std::fs::write(&config, settings).unwrap();
        let config = config.to_str().unwrap();
        let daemon = host.start(&["--network", "devnet", "--block-time", "250ms", "--config", config]);
        let often = ["--param", "serving_rate_limit", "--value", "0", "--wallet", "alice", "--root", "--yes"];
        host.ask(&[&["sudo", "set", "--netuid", "1"], &often[..]].concat());
        for wallet in ["alice", "bob"] {
            host.ask(&["subnets", "register", "--netuid", "1", "--wallet", wallet, "--yes"]);
        }
        let axon = host.ask(&["axon", "status"])["axon"].clone();
        let scene = Self { host, daemon, axon };
        scene.published("the axon to be published");
        scene
    }

    fn status(&self) -> Value {
        self.host.ask(&["axon", "status"])["axon"].clone()
    }

    fn address(&self) -> &str {
        self.axon["address"].as_str().unwrap()
    }

    /// Waits until all of the axon is published, at the address that it always had.
    fn published(&self, what: &str) {
        let whole = json!([{ "netuid": 1, "address": self.address(), "state": "whole" }]);
        wait_for(what, || (self.status()["publications"] == whole).then_some(()));
    }

    /// Waits until the axon answers as this hotkey.
    fn answers_as(&self, hotkey: &Value) {
        wait_for("the axon to go on as the new hotkey", || (self.status()["hotkey"] == *hotkey).then_some(()));
    }

    /// What becomes of a ping to the axon's address, by //Bob.
    fn ping(&self, hotkey: &Value) -> Value {
        let asked = ["dendrite", "ping", "--wallet", "bob", "--address", self.address(), "--hotkey"];
        let asked = [&["--json"], &asked[..], &[hotkey.as_str().unwrap()]].concat();
        let told: Value = serde_json::from_slice(&self.host.btctl(&asked).stdout).unwrap();
        told["replies"][0]["status_code"].clone()
    }

    fn new_hotkey(&self, name: &str, uri: &str) -> Value {
        self.host.ask(&["wallet", "new-hotkey", "--wallet", "alice", "--wallet-hotkey", name, "--uri", uri]);
        let wallets = self.host.ask(&["wallet", "list"]);
        let wallets = wallets["wallets"].as_array().unwrap();
        let alice = wallets.iter().find(|wallet| wallet["name"] == "alice").unwrap();
        let hotkey = alice["hotkeys"].as_array().unwrap().iter().find(|hotkey| hotkey["name"] == name).unwrap();
        hotkey["address"].clone()
    }

    fn exchange_for(&self, new: &str) {
        self.host.ask(&["wallet", "swap-hotkey", new, "--wallet", "alice", "--hotkey", "default", "--yes"]);
    }
}

#[test]
fn an_axon_goes_on_as_the_hotkey_that_its_own_was_exchanged_for() {
    let scene = Scene::set();
    let new = scene.new_hotkey("second", "//Dave");
    let old = scene.axon["hotkey"].clone();
    assert_eq!(scene.ping(&old), 200);
    scene.exchange_for("second");
    scene.answers_as(&new);
    scene.published("the new hotkey's axon to be published");
    // Under its own TLS key, which the chain keeps of the new hotkey.
    let kept = json!({ "pallet": "SubtensorModule", "item": "NeuronCertificates", "keys": [1, new] });
    let kept = scene.host.ask(&["rpc", "chain_storage", &kept.to_string()])["value"].clone();
    let expected = scene.status()["tls_key"].as_str().unwrap().replace("0x01", "0x");
    assert_eq!(kept["public_key"].as_str(), Some(&*expected));
    assert_ne!(scene.status()["tls_key"], scene.axon["tls_key"]);
    assert_eq!(scene.ping(&new), 200);
    assert_ne!(scene.ping(&old), 200);
    assert_eq!(scene.status()["exchanged"], json!(null));

    // The configuration names the old one still: who starts as it goes on as the one that is published here.
    scene.host.ask(&["axon", "stop"]);
    scene.host.ask(&["axon", "start", "--wallet", "alice", "--hotkey", "default", "--bind", scene.address()]);
    scene.answers_as(&new);
    scene.published("the axon to be published again");
    assert_eq!(scene.ping(&new), 200);
    assert!(scene.daemon.stop().success());
}

#[test]
fn an_axon_whose_new_hotkey_is_elsewhere_says_so_until_the_key_is_here() {
    // //Ferdie.
    const NEW: &str = "5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL";
    let scene = Scene::set();
    scene.exchange_for(NEW);
    let told = wait_for("the exchange to be told", || {
        Some(scene.status()["exchanged"].clone()).filter(|exchanged| !exchanged.is_null())
    });
    assert_eq!((&told["netuid"], &told["hotkey"]), (&json!(1), &json!(NEW)), "{told}");
    assert!(told["reason"].as_str().unwrap().contains("no wallet of this host holds the secret key"), "{told}");
    let told = wait_for("the publication to be looked after", || {
        Some(scene.status()).filter(|status| status["publications"][0]["state"] == "not_yet")
    });
    assert_eq!(told["hotkey"], scene.axon["hotkey"]);

    assert_eq!(scene.new_hotkey("third", "//Ferdie"), NEW);
    scene.answers_as(&json!(NEW));
    scene.published("the axon to be published once the key is here");
    assert_eq!(scene.ping(&json!(NEW)), 200);
    assert_eq!(scene.status()["exchanged"], json!(null));
    assert!(scene.daemon.stop().success());
}

#[test]
fn a_hotkey_that_lost_its_place_is_published_anew_when_it_registers_again() {
    let scene = Scene::set();
    let hotkey = &scene.axon["hotkey"];
    let neurons = || scene.host.ask(&["subnets", "metagraph", "1"])["neurons"].as_array().unwrap().clone();
    let own = || neurons().into_iter().find(|neuron| neuron["hotkey"] == *hotkey);
    let before = wait_for("both neurons", || Some(neurons()).filter(|all| all.iter().any(|one| one["hotkey"] == BOB)));
    let first = own().unwrap()["registered_at"].clone();
    // The subnet is full as it is: whoever comes takes the place of who came first.
    let most = u16::try_from(before.len()).unwrap().to_le_bytes();
    scene.host.ask(&["devnet", "set-storage", &format!("{MOST_NEURONS}=0x{}", hex::encode(most))]);
    for (wallet, uri) in [("charlie", "//Charlie"), ("dave", "//Dave"), ("eve", "//Eve")] {
        scene.host.ask(&["wallet", "create", "--wallet", wallet, "--uri", uri]);
        scene.host.ask(&["subnets", "register", "--netuid", "1", "--wallet", wallet, "--yes"]);
        wait_for("the newcomer", || {
            let theirs = scene.host.ask(&["wallet", "overview", "--wallet", wallet, "--netuids", "1"]);
            theirs["neurons"].as_array().is_some_and(|neurons| !neurons.is_empty()).then_some(())
        });
        assert_eq!(neurons().len(), before.len());
        if own().is_none() {
            break;
        }
    }
    assert!(own().is_none(), "{:?}", neurons());
    let told = wait_for("the loss to be told", || {
        Some(scene.status()).filter(|status| status["publications"][0]["state"] == "not_yet")
    });
    assert!(told["publications"][0]["reason"].as_str().unwrap().contains("is not registered on subnet 1"), "{told}");
    // Who has its place now came by a registration of its own.
    assert_eq!((&told["hotkey"], &told["exchanged"]), (hotkey, &json!(null)));

    scene.host.ask(&["subnets", "register", "--netuid", "1", "--wallet", "alice", "--yes"]);
    scene.published("the axon to be published anew");
    let neuron = own().unwrap();
    assert_ne!(neuron["registered_at"], first);
    assert!(scene.address().ends_with(&format!(":{}", neuron["axon"]["port"])), "{neuron}");
    assert!(scene.daemon.stop().success());
}
