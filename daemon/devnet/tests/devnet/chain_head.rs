//! The newer interface: following the head of the chain, asking about its blocks, handing in extrinsics.

use btd_devnet::{Config, Retention};
use jsonrpsee::core::client::Subscription;
use serde_json::{Value, json};
use sp_core::H256;

use crate::{
    client::{Chain, connect, instant, manual, next},
    signer::{TAO, account, account_key, hex, signed_transfer, unhex, value_key},
};

async fn follow(chain: &Chain, with_runtime: bool) -> (Subscription<Value>, String) {
    let follow = chain.subscribe("chainHead_v1_follow", json!([with_runtime]), "chainHead_v1_unfollow").await.unwrap();
    let id = match follow.kind() {
        jsonrpsee::core::client::SubscriptionKind::Subscription(id) => serde_json::to_value(id).unwrap(),
        other => panic!("{other:?}"),
    };
    (follow, id.as_str().unwrap().to_owned())
}

/// The name of an operation that has begun.
async fn begin(chain: &Chain, method: &str, params: Value) -> String {
    let answer = chain.call(method, params).await;
    assert_eq!(answer["result"], "started", "{answer}");
    answer["operationId"].as_str().unwrap().to_owned()
}

async fn hash_of(chain: &Chain, number: u32) -> Value {
    chain.call("chain_getBlockHash", json!([number])).await
}

#[tokio::test]
async fn a_follower_hears_of_every_block_and_asks_about_those_it_pinned() {
    let chain = Chain::start(manual()).await;
    chain.devnet.mine(20).await.unwrap();
    let (mut events, id) = follow(&chain, true).await;
    let first = next(&mut events).await;
    assert_eq!(first["event"], "initialized");
    let hashes = first["finalizedBlockHashes"].as_array().unwrap().clone();
    assert_eq!((hashes.len(), &hashes[0], &hashes[15]), (16, &hash_of(&chain, 5).await, &hash_of(&chain, 20).await));
    let runtime = &first["finalizedBlockRuntime"];
    assert_eq!((&runtime["type"], &runtime["spec"]["specVersion"]), (&json!("valid"), &json!(425)));
    assert_eq!(runtime["spec"]["apis"]["0xdf6acb689907609b"], 5, "Core");

    let extrinsic = signed_transfer(&chain, "Alice", "Bob", TAO, 0);
    chain.call("author_submitExtrinsic", json!([hex(&extrinsic)])).await;
    chain.devnet.mine(1).await.unwrap();
    let (parent, head) = (hash_of(&chain, 20).await, hash_of(&chain, 21).await);
    assert_eq!(
        next(&mut events).await,
        json!({ "event": "newBlock", "blockHash": head, "parentBlockHash": parent, "newRuntime": null })
    );
    assert_eq!(next(&mut events).await, json!({ "event": "bestBlockChanged", "bestBlockHash": head }));
    let finalized = json!({ "event": "finalized", "finalizedBlockHashes": [head], "prunedBlockHashes": [] });
    assert_eq!(next(&mut events).await, finalized);

    let header = unhex(&chain.call("chainHead_v1_header", json!([id, head])).await);
    assert_eq!(json!(H256(sp_io::hashing::blake2_256(&header))), head);
    let body = begin(&chain, "chainHead_v1_body", json!([id, head])).await;
    let whole = chain.call("chain_getBlock", json!([head])).await;
    assert_eq!(
        next(&mut events).await,
        json!({ "event": "operationBodyDone", "operationId": body, "value": whole["block"]["extrinsics"] })
    );
    let call = begin(&chain, "chainHead_v1_call", json!([id, head, "Core_version", ""])).await;
    let output = chain.call("state_call", json!(["Core_version", "0x", head])).await;
    assert_eq!(next(&mut events).await, json!({ "event": "operationCallDone", "operationId": call, "output": output }));
    let call = begin(&chain, "chainHead_v1_call", json!([id, head, "Core_unheard", "0x"])).await;
    let failed = next(&mut events).await;
    assert_eq!((&failed["event"], &failed["operationId"]), (&json!("operationError"), &json!(call)));
    assert!(failed["error"].as_str().unwrap().contains("Core_unheard"), "{failed}");

    // A block that was let go is unknown, and so is one that was never told of.
    let older = hash_of(&chain, 3).await;
    chain.call("chainHead_v1_unpin", json!([id, [hashes[0], hashes[1]]])).await;
    for hash in [&hashes[0], &older] {
        let error = chain.try_call("chainHead_v1_body", json!([id, hash])).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (-32801, "Invalid block hash"));
    }
    let error = chain.try_call("chainHead_v1_unpin", json!([id, [hashes[2], hashes[2]]])).await.unwrap_err();
    assert_eq!(error.code(), -32804);
    assert_eq!(chain.call("chainHead_v1_unpin", json!([id, hashes[2]])).await, Value::Null);
    for method in ["chainHead_v1_continue", "chainHead_v1_stopOperation"] {
        assert_eq!(chain.call(method, json!([id, body])).await, Value::Null, "it is over");
    }
    // Who does not follow, here or on this connection, is told nothing.
    let other = Chain { client: connect(&chain.devnet).await, ..chain };
    assert_eq!(other.call("chainHead_v1_body", json!([id, head])).await, json!({ "result": "limitReached" }));
    assert_eq!(other.call("chainHead_v1_header", json!([id, head])).await, Value::Null);
    assert_eq!(other.call("chainHead_v1_unpin", json!([id, head])).await, Value::Null);
    other.stop().await;
}

/// The items of an operation up to its end.
async fn items(events: &mut Subscription<Value>, operation: &str) -> Vec<Value> {
    let mut items = Vec::new();
    loop {
        let event = next(events).await;
        assert_eq!(event["operationId"], operation, "{event}");
        match event["event"].as_str().unwrap() {
            "operationStorageItems" => items.extend(event["items"].as_array().unwrap().iter().cloned()),
            "operationStorageDone" => return items,
            other => panic!("{other}: {event}"),
        }
    }
}

#[tokio::test]
async fn storage_is_read_at_a_pinned_block() {
    let chain = Chain::start(manual()).await;
    // More than one event carries, in the block that is made of it.
    let many: Vec<Value> =
        (0..600_u16).map(|n| json!([hex(&[b"zz", &n.to_be_bytes()[..]].concat()), "0x01"])).collect();
    chain.call("dev_setStorage", json!([many])).await;
    let (mut events, id) = follow(&chain, false).await;
    let first = next(&mut events).await;
    let head = hash_of(&chain, 1).await;
    assert_eq!(first, json!({ "event": "initialized", "finalizedBlockHashes": [hash_of(&chain, 0).await, head] }));
    let (bob, accounts) = (hex(&account_key("Bob")), hex(&value_key("System", "Account")));
    let value = chain.call("state_getStorage", json!([bob])).await;
    let hash = chain.call("state_getStorageHash", json!([bob])).await;

    let queries = json!([
        { "key": bob, "type": "value" },
        { "key": bob, "type": "hash" },
        { "key": "0x00", "type": "value" },
        { "key": accounts, "type": "closestDescendantMerkleValue" },
    ]);
    let answer = chain.call("chainHead_v1_storage", json!([id, head, queries, null])).await;
    assert_eq!(answer["discardedItems"], 0);
    let read = items(&mut events, answer["operationId"].as_str().unwrap()).await;
    assert_eq!(read[..2], [json!({ "key": bob, "value": value }), json!({ "key": bob, "hash": hash })]);
    assert_eq!((read.len(), &read[2]["key"]), (3, &json!(accounts)));
    assert!(unhex(&read[2]["closestDescendantMerkleValue"]).len() >= 32);

    let pairs = chain.call("state_getPairs", json!([accounts])).await;
    let queries = json!([{ "key": accounts, "type": "descendantsValues" }]);
    let operation = begin(&chain, "chainHead_v1_storage", json!([id, head, queries])).await;
    let read: Vec<Value> =
        items(&mut events, &operation).await.iter().map(|item| json!([item["key"], item["value"]])).collect();
    assert_eq!(json!(read), pairs);
    let all = chain.call("state_getKeys", json!(["0x"])).await.as_array().unwrap().len();
    let queries = json!([{ "key": "0x", "type": "descendantsHashes" }]);
    let operation = begin(&chain, "chainHead_v1_storage", json!([id, head, queries])).await;
    let read = items(&mut events, &operation).await;
    assert_eq!(read.len(), all);
    assert!(all > 600, "{all}");
    assert!(read.contains(&json!({ "key": bob, "hash": hash })));
    // There is no trie below the state.
    let queries = json!([{ "key": "0x", "type": "descendantsValues" }, { "key": "0x00", "type": "hash" }]);
    let operation = begin(&chain, "chainHead_v1_storage", json!([id, head, queries, "0x01"])).await;
    assert_eq!(items(&mut events, &operation).await, Vec::<Value>::new());

    let error = chain.try_call("chainHead_v1_call", json!([id, head, "Core_version", "0x"])).await.unwrap_err();
    assert_eq!(error.code(), -32802, "the runtime was not asked for");
    chain.stop().await;
}

/// Substrate nodes read what is in a request's parameters before they look for the follower, and some digits after.
#[tokio::test]
async fn parameters_are_judged_in_the_order_of_a_substrate_node() {
    let chain = Chain::start(manual()).await;
    let (mut events, id) = follow(&chain, false).await;
    next(&mut events).await;
    let (head, far) = (hash_of(&chain, 0).await, json!(H256::repeat_byte(7)));
    let bad_item = json!([{ "key": "0x0", "type": "value" }]);
    // Whoever asks: what is no parameter is refused.
    for who in [id.as_str(), "nobody"] {
        for (method, params) in [
            ("chainHead_v1_header", json!([who])),
            ("chainHead_v1_body", json!([who, "0x00"])),
            ("chainHead_v1_unpin", json!([who, ["0x00"]])),
            ("chainHead_v1_continue", json!([who])),
            ("chainHead_v1_stopOperation", json!([who, 7])),
            ("chainHead_v1_storage", json!([who, far, [{ "key": "0x00", "type": "values" }]])),
            ("chainHead_v1_call", json!([who, far, "Core_version"])),
        ] {
            let error = chain.try_call(method, params.clone()).await.unwrap_err();
            assert_eq!((error.code(), error.message()), (-32602, "Invalid params"), "{method} {params}");
        }
        let error = chain.try_call("chainHead_v1_call", json!([who, far, "Core_version", "0xz"])).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (-32602, "Invalid parameter: 0xz"));
    }
    // Keys are read once the follower is known, but before its block is looked for.
    let nobody = chain.call("chainHead_v1_storage", json!(["nobody", far, bad_item])).await;
    assert_eq!(nobody, json!({ "result": "limitReached" }));
    for (items, child, culprit) in [(bad_item, Value::Null, "0x0"), (json!([]), json!("0y"), "0y")] {
        let error = chain.try_call("chainHead_v1_storage", json!([id, far, items, child])).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (-32602, format!("Invalid parameter: {culprit}").as_str()));
    }
    // That the runtime was not asked for comes last.
    for (hash, code) in [(far, -32801), (head, -32802)] {
        let error = chain.try_call("chainHead_v1_call", json!([id, hash, "Core_version", "0x"])).await.unwrap_err();
        assert_eq!(error.code(), code);
    }
    chain.stop().await;
}

#[tokio::test]
async fn where_the_final_block_is_read_no_longer_the_head_stands_for_it() {
    let retention = Retention { states: 8, ..Retention::default() };
    let chain = Chain::start(Config { retention, ..manual() }).await;
    chain.call("dev_fault", json!(["stallFinality"])).await;
    chain.devnet.mine(20).await.unwrap();
    let (mut events, id) = follow(&chain, false).await;
    let (hashes, head) = (next(&mut events).await["finalizedBlockHashes"].clone(), hash_of(&chain, 20).await);
    assert_eq!(hashes.as_array().unwrap().last(), Some(&head));
    assert_ne!(chain.call("chainHead_v1_header", json!([id, head])).await, Value::Null);
    chain.devnet.mine(1).await.unwrap();
    assert_eq!(next(&mut events).await["parentBlockHash"], head);
    chain.stop().await;
}

#[tokio::test]
async fn a_follower_is_stopped_where_it_cannot_be_told_on() {
    let retention = Retention { states: 8, ..Retention::default() };
    let chain = Chain::start(Config { retention, ..manual() }).await;
    let snapshot = chain.call("dev_snapshot", json!([])).await;
    chain.devnet.mine(2).await.unwrap();
    let (mut events, _) = follow(&chain, false).await;
    assert_eq!(next(&mut events).await["event"], "initialized");
    chain.call("dev_revert", json!([snapshot])).await;
    assert_eq!(next(&mut events).await, json!({ "event": "stop" }));

    // A block that stays pinned is read no longer once its state is gone.
    let (mut events, id) = follow(&chain, false).await;
    let genesis = next(&mut events).await["finalizedBlockHashes"][0].clone();
    chain.devnet.mine(10).await.unwrap();
    assert_eq!(next(&mut events).await["parentBlockHash"], genesis);
    while next(&mut events).await != json!({ "event": "stop" }) {}
    assert_eq!(chain.call("chainHead_v1_header", json!([id, genesis])).await, Value::Null, "nobody follows");

    // Four may follow on one connection.
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(follow(&chain, false).await);
    }
    let refused = chain.subscribe("chainHead_v1_follow", json!([false]), "chainHead_v1_unfollow").await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (-32800, "Maximum number of chainHead_follow has been reached"));
    let refused = chain.subscribe("chainHead_v1_follow", json!([]), "chainHead_v1_unfollow").await.unwrap_err();
    assert_eq!(refused.code(), -32602);
    chain.stop().await;
}

#[tokio::test]
async fn finality_that_stands_still_is_told_later() {
    let chain = Chain::start(manual()).await;
    let (mut events, id) = follow(&chain, false).await;
    next(&mut events).await;
    chain.call("dev_fault", json!(["stallFinality"])).await;
    chain.devnet.mine(2).await.unwrap();
    let names = ["newBlock", "bestBlockChanged", "newBlock", "bestBlockChanged"];
    for name in names {
        assert_eq!(next(&mut events).await["event"], name);
    }
    // A new follower starts at what is final, and hears of the rest.
    let (mut late, _) = follow(&chain, false).await;
    let first = next(&mut late).await;
    assert_eq!(first["finalizedBlockHashes"], json!([hash_of(&chain, 0).await]));
    for name in names {
        assert_eq!(next(&mut late).await["event"], name);
    }
    chain.call("dev_clearFaults", json!([])).await;
    let hashes = json!([hash_of(&chain, 1).await, hash_of(&chain, 2).await]);
    let finalized = json!({ "event": "finalized", "finalizedBlockHashes": hashes, "prunedBlockHashes": [] });
    assert_eq!(next(&mut events).await, finalized);
    assert_eq!(next(&mut late).await, finalized);
    assert_eq!(chain.call("chainHead_v1_unpin", json!([id, hashes])).await, Value::Null);
    chain.stop().await;
}

#[tokio::test]
async fn an_extrinsic_is_watched_to_its_fate_and_refused_by_an_event() {
    let chain = Chain::start(instant()).await;
    let watch = ("transactionWatch_v1_submitAndWatch", "transactionWatch_v1_unwatch");
    let extrinsic = hex(&signed_transfer(&chain, "Alice", "Bob", TAO, 0));
    let mut events = chain.subscribe(watch.0, json!([extrinsic]), watch.1).await.unwrap();
    assert_eq!(next(&mut events).await, json!({ "event": "validated" }));
    let included = next(&mut events).await;
    let head = hash_of(&chain, 1).await;
    // The time and the author's key come before it.
    assert_eq!(included, json!({ "event": "bestChainBlockIncluded", "block": { "hash": head, "index": 2 } }));
    assert_eq!(next(&mut events).await, json!({ "event": "finalized", "block": { "hash": head, "index": 2 } }));

    let again = hex(&signed_transfer(&chain, "Alice", "Charlie", TAO, 0));
    let mut events = chain.subscribe(watch.0, json!([again]), watch.1).await.unwrap();
    let stale = json!({ "event": "invalid", "error": "Invalid Transaction: Transaction is outdated" });
    assert_eq!(next(&mut events).await, stale);
    let mut events = chain.subscribe(watch.0, json!(["0x00"]), watch.1).await.unwrap();
    assert_eq!(next(&mut events).await["event"], "invalid");
    assert_eq!(chain.subscribe(watch.0, json!(["zz"]), watch.1).await.unwrap_err().code(), -32602);
    chain.stop().await;
}

#[tokio::test]
async fn a_broadcast_gets_into_a_block_or_is_stopped() {
    let chain = Chain::start(manual()).await;
    let extrinsic = hex(&signed_transfer(&chain, "Alice", "Bob", TAO, 0));
    let operation = chain.call("transaction_v1_broadcast", json!([extrinsic])).await;
    assert!(operation.is_string(), "{operation}");
    // It waits for a block, and is handed in by a thread of its own.
    while chain.call("author_pendingExtrinsics", json!([])).await == json!([]) {}
    assert_eq!(chain.call("transaction_v1_stop", json!([operation])).await, Value::Null);
    let error = chain.try_call("transaction_v1_stop", json!([operation])).await.unwrap_err();
    assert_eq!(error.code(), -32602);
    chain.devnet.mine(1).await.unwrap();
    let block = chain.call("chain_getBlock", json!([])).await;
    assert!(block["block"]["extrinsics"].as_array().unwrap().contains(&json!(extrinsic)));
    // Nonces that wait for others go on; a connection has sixteen of them.
    for nonce in 5..21 {
        let extrinsic = hex(&signed_transfer(&chain, "Alice", "Bob", TAO, nonce));
        assert!(chain.call("transaction_v1_broadcast", json!([extrinsic])).await.is_string());
    }
    let extrinsic = hex(&signed_transfer(&chain, "Alice", "Bob", TAO, 30));
    assert_eq!(chain.call("transaction_v1_broadcast", json!([extrinsic])).await, Value::Null);
    chain.stop().await;
}

#[tokio::test]
async fn a_node_keeps_keys_and_offchain_storage_and_has_no_child_tries() {
    let chain = Chain::start(manual()).await;
    let one = hex(account("One").as_ref());
    assert_eq!(chain.call("author_hasKey", json!([one, "aura"])).await, true);
    assert_eq!(chain.call("author_hasKey", json!([one, "gran"])).await, false);
    let error = chain.try_call("author_hasKey", json!([one, "author"])).await.unwrap_err();
    assert_eq!(error.code(), 1040);
    chain.call("author_insertKey", json!(["gran", "//One", one])).await;
    assert_eq!(chain.call("author_hasKey", json!([one, "gran"])).await, true);
    let session = chain.call("author_rotateKeys", json!([])).await;
    assert_eq!(unhex(&session).len(), 64);
    assert_eq!(chain.call("author_hasSessionKeys", json!([session])).await, true);
    assert_eq!(chain.call("author_hasSessionKeys", json!([hex(&[7; 64])])).await, false);
    assert_eq!(chain.try_call("author_hasSessionKeys", json!(["0x00"])).await.unwrap_err().code(), 1040);
    let long = json!({ "keyType": "aura", "suri": "//One", "public": hex(&[7; 65]) });
    assert_eq!(chain.try_call("author_insertKey", long).await.unwrap_err().code(), -32602);

    let key = "0x0102";
    assert_eq!(chain.call("offchain_localStorageGet", json!(["PERSISTENT", key])).await, Value::Null);
    chain.call("offchain_localStorageSet", json!(["PERSISTENT", key, "0xff"])).await;
    assert_eq!(chain.call("offchain_localStorageGet", json!(["PERSISTENT", key])).await, "0xff");
    // What there is no room for takes nothing away.
    for full in 0..3 {
        let filling = json!(["PERSISTENT", hex(&[full]), hex(&vec![0; 4 << 20])]);
        chain.call("offchain_localStorageSet", filling).await;
    }
    let large = json!(["PERSISTENT", key, hex(&vec![0; 4 << 20])]);
    chain.try_call("offchain_localStorageSet", large).await.unwrap_err();
    assert_eq!(chain.call("offchain_localStorageGet", json!(["PERSISTENT", key])).await, "0xff");
    chain.call("offchain_localStorageClear", json!(["PERSISTENT", key])).await;
    assert_eq!(chain.call("offchain_localStorageGet", json!(["PERSISTENT", key])).await, Value::Null);
    let error = chain.try_call("offchain_localStorageGet", json!(["LOCAL", key])).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (5001, "This storage kind is not available yet."));

    let child = hex(b":child_storage:default:one");
    assert_eq!(chain.call("childstate_getKeys", json!([child, "0x"])).await, json!([]));
    assert_eq!(chain.call("childstate_getKeysPaged", json!([child, "0x", 10])).await, json!([]));
    assert_eq!(chain.call("childstate_getStorageEntries", json!([child, ["0x00"]])).await, json!([null]));
    for method in ["childstate_getStorage", "childstate_getStorageHash", "childstate_getStorageSize"] {
        assert_eq!(chain.call(method, json!([child, "0x00"])).await, Value::Null, "{method}");
    }
    let error = chain.try_call("childstate_getStorage", json!(["0x00", "0x00"])).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (4003, "Client error: Invalid child storage key"));
    chain.stop().await;
}
