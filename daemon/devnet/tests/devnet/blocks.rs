//! Blocks: when they come, what they hold, that the same inputs give the same chain, that starting and stopping is clean.

use std::{net::TcpListener, time::Duration};

use btd_devnet::{BlockTime, Clock, Config, Devnet, DevnetError};
use btd_devnet_runtime::Header;
use codec::Decode;
use serde_json::json;
use sp_runtime::DigestItem;

use crate::{
    client::{Chain, START, instant, manual, next},
    signer::{TAO, account_info, hex, signed_transfer, unhex, value_key},
};

#[tokio::test]
async fn mined_blocks_follow_each_other() {
    let chain = Chain::start(manual()).await;
    let mined = chain.call("dev_mine", json!([3])).await;
    assert_eq!(mined["number"], 3);
    let head = chain.call("chain_getHeader", json!([])).await;
    assert_eq!(head["number"], "0x3");
    assert_eq!(mined["hash"], chain.call("chain_getBlockHash", json!([])).await);
    assert_eq!(mined["hash"], chain.call("chain_getFinalizedHead", json!([])).await);
    assert_eq!(head["parentHash"], chain.call("chain_getBlockHash", json!(["0x2"])).await);

    let header: Header = serde_json::from_value(head).unwrap();
    let [DigestItem::PreRuntime(engine, slot)] = header.digest.logs.as_slice() else {
        panic!("one pre-runtime item: {:?}", header.digest)
    };
    assert_eq!(engine, b"aura");
    // The stepped clock moves by an hour a block, which is the length of a slot.
    assert_eq!(u64::decode(&mut slot.as_slice()).unwrap(), START / 3_600_000 + 3);
    let now = chain.call("state_getStorage", json!([hex(&value_key("Timestamp", "Now"))])).await;
    assert_eq!(u64::decode(&mut unhex(&now).as_slice()).unwrap(), START + 3 * 3_600_000);
    assert_eq!(chain.devnet.mine(0).await.unwrap(), chain.devnet.head());
    chain.stop().await;
}

#[tokio::test]
async fn the_same_inputs_give_the_same_chain() {
    let (one, other) = (Chain::start(manual()).await, Chain::start(manual()).await);
    assert_eq!(one.devnet.genesis_hash(), other.devnet.genesis_hash());
    for nonce in 0..3 {
        let extrinsic = signed_transfer(&one, "Alice", "Dave", TAO, nonce);
        for chain in [&one, &other] {
            chain.call("author_submitExtrinsic", json!([hex(&extrinsic)])).await;
            chain.devnet.mine(2).await.unwrap();
        }
        assert_eq!(one.devnet.head(), other.devnet.head());
    }
    let roots = (
        one.call("chain_getHeader", json!([])).await["stateRoot"].clone(),
        other.call("chain_getHeader", json!([])).await["stateRoot"].clone(),
    );
    assert_eq!(roots.0, roots.1);
    // Another extrinsic gives another state.
    let extrinsic = signed_transfer(&one, "Bob", "Dave", TAO, 0);
    one.call("author_submitExtrinsic", json!([hex(&extrinsic)])).await;
    assert_ne!(one.devnet.mine(1).await.unwrap(), other.devnet.mine(1).await.unwrap());
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn blocks_come_with_time() {
    let config = Config { block_time: BlockTime::Every(Duration::from_millis(10)), ..manual() };
    let chain = Chain::start(config).await;
    let mut heads = chain.subscribe("chain_subscribeNewHeads", json!([]), "chain_unsubscribeNewHeads").await.unwrap();
    let mut number = None;
    for _ in 0..4 {
        let head = next(&mut heads).await;
        let now = u32::from_str_radix(head["number"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
        assert!(number.is_none_or(|before| now == before + 1));
        number = Some(now);
    }
    chain.stop().await;
}

#[tokio::test]
async fn a_block_that_is_asked_for_takes_its_time() {
    // Blocks of this chain would be closed after a tenth of a second, were they not asked for.
    let block_time = BlockTime::Every(Duration::from_millis(10));
    let chain = Chain::start(Config { block_time, clock: Clock::System, ..manual() }).await;
    chain.call("dev_fault", json!(["stallBlocks"])).await;
    for nonce in 0..1_000 {
        let extrinsic = signed_transfer(&chain, "Alice", "Bob", TAO, nonce);
        chain.call("author_submitExtrinsic", json!([hex(&extrinsic)])).await;
    }
    let before = chain.devnet.head().number;
    assert_eq!(chain.devnet.mine(1).await.unwrap().number, before + 1);
    assert_eq!(account_info(&chain, "Alice", None).await.nonce, 1_000);
    chain.stop().await;
}

#[tokio::test]
async fn instant_blocks_come_with_extrinsics() {
    let chain = Chain::start(instant()).await;
    let extrinsic = signed_transfer(&chain, "Alice", "Bob", TAO, 0);
    let mut watch = chain
        .subscribe("author_submitAndWatchExtrinsic", json!([hex(&extrinsic)]), "author_unwatchExtrinsic")
        .await
        .unwrap();
    assert_eq!(next(&mut watch).await, "ready");
    assert!(next(&mut watch).await["inBlock"].is_string());
    assert!(next(&mut watch).await["finalized"].is_string());
    assert_eq!(chain.devnet.head().number, 1);
    chain.stop().await;
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap();
    let error = Devnet::start(Config { listen: address, ..manual() }).await.unwrap_err();
    assert!(matches!(error, DevnetError::AddressInUse { address: named } if named == address), "{error}");
    assert!(error.to_string().contains(&address.to_string()));
}

#[tokio::test]
async fn a_stopped_chain_frees_its_port_and_its_clients() {
    let chain = Chain::start(manual()).await;
    let address = chain.devnet.address();
    let Chain { devnet, client } = chain;
    devnet.stop().await.unwrap();
    client.on_disconnect().await;
    let again = Devnet::start(Config { listen: address, ..manual() }).await.unwrap();
    assert_eq!(again.address(), address);
    again.stop().await.unwrap();
}

#[tokio::test]
async fn stopping_ends_a_long_series_of_blocks() {
    let chain = Chain::start(manual()).await;
    let mine = async { chain.try_call("dev_mine", json!([50_000])).await };
    let stop = async {
        while chain.devnet.head().number == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        result = mine => panic!("50,000 blocks took no time: {result:?}"),
        () = stop => {}
    }
    chain.devnet.stop().await.unwrap();
}

#[tokio::test]
async fn cancelling_stops_the_chain() {
    let devnet = Devnet::start(manual()).await.unwrap();
    let token = tokio_util::sync::CancellationToken::new();
    token.cancel();
    devnet.run_until(token).await.unwrap();
}
