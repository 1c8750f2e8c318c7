//! An axon that cannot be published whole: as much of it as the chain takes is, and what lacks is told.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use btd_tests::{Host, wait_for};
use serde_json::json;

/// `SafeMode.EnteredUntil`, the last block of the chain's safe mode.
const ENTERED_UNTIL: &str = "0xf35b44951b86069d9273a961f1e3fbeb1fd1ae5c7c15443bedf0311e151a2a4a";

#[test]
fn in_safe_mode_an_axon_is_published_without_its_key() {
    let host = Host::new();
    let config = host.path("btd.toml");
    let settings = "[serving.publish]\nnetuids = [1]\nip = \"127.0.0.2\"\nretry_s = 1\n";
    std::fs::write(&config, settings).unwrap();
    let daemon = host.start(&["--network", "devnet", "--block-time", "250ms", "--config", config.to_str().unwrap()]);
    host.ask(&["wallet", "create", "--wallet", "alice", "--uri", "//Alice"]);
    host.ask(&["subnets", "register", "--netuid", "1", "--wallet", "alice", "--yes"]);
    let often = ["--param", "serving_rate_limit", "--value", "0", "--wallet", "alice", "--root", "--yes"];
    host.ask(&[&["sudo", "set", "--netuid", "1"], &often[..]].concat());
    host.ask(&["devnet", "set-storage", &format!("{ENTERED_UNTIL}=0xffffff7f")]);

    let axon = host.ask(&["axon", "start", "--wallet", "alice", "--bind", "127.0.0.2:0"]);
    let (hotkey, address) = (&axon["hotkey"], axon["address"].as_str().unwrap());
    let port: u16 = address.rsplit_once(':').unwrap().1.parse().unwrap();
    let publication = || host.ask(&["axon", "status"])["axon"]["publications"][0].clone();
    let kept = || {
        let kept = json!({ "pallet": "SubtensorModule", "item": "NeuronCertificates", "keys": [1, hotkey] });
        host.ask(&["rpc", "chain_storage", &kept.to_string()])["value"].clone()
    };
    wait_for("the axon in the metagraph", || {
        let metagraph = host.ask(&["subnets", "metagraph", "1"]);
        let neurons = metagraph["neurons"].as_array().unwrap().clone();
        neurons.iter().any(|neuron| &neuron["hotkey"] == hotkey && neuron["axon"]["port"] == port).then_some(())
    });
    // It does not pass for published.
    let told = wait_for("the refusal to be told", || {
        Some(publication()).filter(|told| told["reason"].as_str().is_some_and(|reason| reason.contains("CallFiltered")))
    });
    assert_eq!((&told["state"], kept()), (&json!("not_yet"), json!(null)), "{told}");

    host.ask(&["devnet", "set-storage", "--remove", ENTERED_UNTIL]);
    let whole = json!({ "netuid": 1, "address": address, "state": "whole" });
    wait_for("the key to be published", || (publication() == whole).then_some(()));
    let expected = axon["tls_key"].as_str().unwrap().replace("0x01", "0x");
    assert_eq!(kept()["public_key"].as_str(), Some(&*expected));
    assert!(daemon.stop().success());
}
