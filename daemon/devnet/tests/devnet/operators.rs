//! Calls that a node keeps for its operator, and that a `--dev` node answers to everybody.

use serde_json::{Value, json};

use crate::{
    client::{Chain, manual},
    signer::{TAO, account_key, hex, signed_transfer},
};

#[tokio::test]
async fn peers_to_stay_with_are_read_and_remembered() {
    let chain = Chain::start(manual()).await;
    let peer = "QmSk5HQbn6LhUwDiNMseVUjuRYhEtYj4aUZ6WfWoGURpdV";
    let address = format!("/ip4/198.51.100.19/tcp/30333/p2p/{peer}");
    for _ in 0..2 {
        assert_eq!(chain.call("system_addReservedPeer", json!([address])).await, Value::Null);
        assert_eq!(chain.call("system_reservedPeers", json!([])).await, json!([peer]));
    }
    let own = chain.call("system_localPeerId", json!([])).await;
    let own = format!("/p2p/{}", own.as_str().unwrap());
    for (method, peer, want) in [
        ("system_addReservedPeer", "/ip4/198.51.100.19/tcp/30333", "Peer id is missing from the address"),
        ("system_addReservedPeer", &own, "Local peer ID cannot be added as a reserved peer."),
        (
            "system_removeReservedPeer",
            &address,
            "base-58 decode error: provided string contained invalid character '/' at byte 0",
        ),
        ("system_removeReservedPeer", "abc", "invalid multihash"),
    ] {
        let error = chain.try_call(method, json!([peer])).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (2002, want), "{method} {peer}");
    }
    for _ in 0..2 {
        assert_eq!(chain.call("system_removeReservedPeer", json!([peer])).await, Value::Null);
        assert_eq!(chain.call("system_reservedPeers", json!([])).await, json!([]));
    }
    chain.stop().await;
}

#[tokio::test]
async fn the_log_of_the_process_is_not_for_clients_to_change() {
    let chain = Chain::start(manual()).await;
    for (method, params) in
        [("system_addLogFilter", json!(["sync=debug,state=trace"])), ("system_resetLogFilter", json!([]))]
    {
        let error = chain.try_call(method, params).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (-32603, "No reload handle present"), "{method}");
    }
    assert_eq!(chain.try_call("system_addLogFilter", json!([])).await.unwrap_err().code(), -32602);
    let methods = chain.call("rpc_methods", json!([])).await["methods"].as_array().unwrap().clone();
    for name in [
        "system_addLogFilter",
        "system_resetLogFilter",
        "system_addReservedPeer",
        "system_removeReservedPeer",
        "state_traceBlock",
    ] {
        assert!(methods.contains(&json!(name)), "{name}");
    }
    chain.stop().await;
}

#[tokio::test]
async fn a_block_is_executed_again_and_tells_what_it_wrote() {
    let chain = Chain::start(manual()).await;
    let extrinsic = signed_transfer(&chain, "Alice", "Bob", TAO, 0);
    chain.call("author_submitExtrinsic", json!([hex(&extrinsic)])).await;
    chain.devnet.mine(1).await.unwrap();
    let (genesis, head) =
        (chain.call("chain_getBlockHash", json!([0])).await, chain.call("chain_getBlockHash", json!([1])).await);
    let bare = |hash: &Value| hash.as_str().unwrap().trim_start_matches("0x").to_owned();

    // Without keys and methods there are no events.
    let trace = chain.call("state_traceBlock", json!([head])).await;
    let want = json!({ "blockTrace": {
        "blockHash": bare(&head), "parentHash": bare(&genesis), "tracingTargets": "pallet,frame,state",
        "storageKeys": "", "methods": "", "spans": [], "events": [],
    } });
    assert_eq!(trace, want);

    let bob = bare(&json!(hex(&account_key("Bob"))));
    let trace = chain.call("state_traceBlock", json!([head, "state", bob, "Put"])).await;
    let events = trace["blockTrace"]["events"].as_array().unwrap().clone();
    let value = bare(&chain.call("state_getStorage", json!([format!("0x{bob}"), head])).await);
    let last = events.last().unwrap();
    assert_eq!((&last["target"], &last["parentId"]), (&json!("state"), &Value::Null), "{last}");
    let told = &last["data"]["stringValues"];
    assert_eq!((&told["method"], &told["key"]), (&json!("Put"), &json!(bob)), "{told}");
    assert!(told["value_encoded"].as_str().unwrap().ends_with(&value), "{told}: {value}");
    for (targets, keys, methods) in [
        ("pallet", bob.as_str(), "Put"),
        ("state", "ffff", "Put"),
        ("state=info", &bob, "Put"),
        ("state", &bob, "Hash"),
    ] {
        let trace = chain.call("state_traceBlock", json!([head, targets, keys, methods])).await;
        assert_eq!(trace["blockTrace"]["events"], json!([]), "{targets} {keys} {methods}");
    }

    let unknown = format!("0x{}", "07".repeat(32));
    let error = chain.try_call("state_traceBlock", json!([unknown])).await.unwrap_err();
    let want =
        format!("Cannot resolve a block range ['{unknown}' ... 'None]. Missing block component: Header not found");
    assert_eq!((error.code(), error.message()), (4001, want.as_str()));
    // The genesis has no parent to execute it on.
    let error = chain.try_call("state_traceBlock", json!([genesis])).await.unwrap_err();
    assert!(error.message().contains("Failed to collect traces and execute block"), "{error:?}");
    chain.stop().await;
}
