//! Subscriptions: every head once, storage as it changes.

use serde_json::json;

use crate::{
    client::{Chain, manual, next},
    signer::{TAO, account_key, hex, signed_transfer, value_key},
};

#[tokio::test]
async fn every_head_is_told_once_even_to_a_slow_reader() {
    let chain = Chain::start(manual()).await;
    let mut all = Vec::new();
    for (subscribe, unsubscribe) in [
        ("chain_subscribeNewHeads", "chain_unsubscribeNewHeads"),
        ("chain_subscribeAllHeads", "chain_unsubscribeAllHeads"),
        ("chain_subscribeFinalizedHeads", "chain_unsubscribeFinalizedHeads"),
    ] {
        all.push(chain.subscribe(subscribe, json!([]), unsubscribe).await.unwrap());
    }
    for _ in 0..4 {
        // More than the news that are kept for a reader.
        let mine = chain.devnet.mine(100);
        mine.await.unwrap();
    }
    for heads in &mut all {
        for number in 0..=400 {
            assert_eq!(next(heads).await["number"], format!("{number:#x}"));
        }
    }
    chain.stop().await;
}

#[tokio::test]
async fn storage_is_told_first_and_when_it_changes() {
    let chain = Chain::start(manual()).await;
    let (bob, number) = (hex(&account_key("Bob")), hex(&value_key("System", "Number")));
    let value = chain.call("state_getStorage", json!([bob])).await;
    let mut accounts =
        chain.subscribe("state_subscribeStorage", json!([[bob, "0x00"]]), "state_unsubscribeStorage").await.unwrap();
    let mut numbers =
        chain.subscribe("state_subscribeStorage", json!([[number]]), "state_unsubscribeStorage").await.unwrap();
    let genesis = chain.call("chain_getBlockHash", json!([0])).await;
    assert_eq!(next(&mut accounts).await, json!({ "block": genesis, "changes": [[bob, value], ["0x00", null]] }));
    assert_eq!(next(&mut numbers).await["block"], genesis);

    chain.devnet.mine(1).await.unwrap();
    let extrinsic = signed_transfer(&chain, "Alice", "Bob", TAO, 0);
    chain.call("author_submitExtrinsic", json!([hex(&extrinsic)])).await;
    chain.devnet.mine(1).await.unwrap();
    let head = chain.call("chain_getBlockHash", json!([])).await;
    let value = chain.call("state_getStorage", json!([bob])).await;
    assert_eq!(next(&mut accounts).await, json!({ "block": head, "changes": [[bob, value]] }));
    for value in ["0x01000000", "0x02000000"] {
        assert_eq!(next(&mut numbers).await["changes"], json!([[number, value]]));
    }
    numbers.unsubscribe().await.unwrap();
    let refused =
        chain.subscribe("state_subscribeStorage", json!([["zz"]]), "state_unsubscribeStorage").await.unwrap_err();
    assert_eq!(refused.code(), -32602);
    chain.stop().await;
}

#[tokio::test]
async fn the_runtime_version_is_told_at_once() {
    let chain = Chain::start(manual()).await;
    let mut versions =
        chain.subscribe("state_subscribeRuntimeVersion", json!([]), "state_unsubscribeRuntimeVersion").await.unwrap();
    assert_eq!(next(&mut versions).await, chain.call("state_getRuntimeVersion", json!([])).await);
    versions.unsubscribe().await.unwrap();
    chain.stop().await;
}
