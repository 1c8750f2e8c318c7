//! What the owner of a chain may do to it: time, storage, snapshots, faults.

use std::time::Duration;

use btd_devnet::{BlockTime, Config, Devnet, Retention};
use codec::{Decode, Encode};
use jsonrpsee::core::client::ClientT;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    client::{Chain, START, connect, instant, manual, next},
    methods::post,
    persistence::Directory,
    signer::{TAO, account_info, account_key, free, hex, signed_transfer, unhex, value_key},
};

/// Distance of blocks in these tests.
const HOUR: u64 = 3_600_000;

async fn now(chain: &Chain) -> u64 {
    let now = chain.call("state_getStorage", json!([hex(&value_key("Timestamp", "Now"))])).await;
    u64::decode(&mut unhex(&now).as_slice()).unwrap()
}

async fn refusal(chain: &Chain, method: &str, params: Value) -> (i32, String) {
    let error = chain.try_call(method, params).await.unwrap_err();
    (error.code(), format!("{} {}", error.message(), error.data().map_or("", |data| data.get())))
}

async fn send(chain: &Chain, nonce: u32) {
    let extrinsic = signed_transfer(chain, "Alice", "Bob", TAO, nonce);
    chain.call("author_submitExtrinsic", json!([hex(&extrinsic)])).await;
}

#[tokio::test]
async fn time_that_was_set_is_the_next_blocks_and_goes_on() {
    let chain = Chain::start(manual()).await;
    chain.devnet.mine(1).await.unwrap();
    let wanted = START + 100 * HOUR + 7;
    assert_eq!(chain.call("dev_setTime", json!([wanted])).await, json!({ "timestamp": wanted }));
    assert_eq!(now(&chain).await, START + HOUR, "no block was made");
    chain.devnet.mine(1).await.unwrap();
    assert_eq!(now(&chain).await, wanted);
    chain.devnet.mine(2).await.unwrap();
    assert_eq!(now(&chain).await, wanted + 2 * HOUR);

    let later = chain.call("dev_increaseTime", json!({ "ms": 5 })).await["timestamp"].as_u64().unwrap();
    assert_eq!(later, wanted + 3 * HOUR + 5);
    chain.devnet.mine(1).await.unwrap();
    assert_eq!(now(&chain).await, later);
    assert_eq!(chain.call("dev_status", json!([])).await["timestamp"], later);

    // The runtime wants half a block time between two blocks.
    let earliest = later + HOUR / 2;
    let (code, words) = refusal(&chain, "dev_setTime", json!([earliest - 1])).await;
    assert!(code == 5002 && words.contains(&earliest.to_string()), "{code} {words}");
    chain.call("dev_setTime", json!([earliest])).await;
    chain.devnet.mine(1).await.unwrap();
    assert_eq!(now(&chain).await, earliest);
    assert_eq!(refusal(&chain, "dev_setTime", json!([])).await.0, -32602);
    chain.stop().await;
}

#[tokio::test]
async fn no_time_is_so_late_that_no_block_could_follow() {
    const LATEST: u64 = (1 << 53) - 1;
    let chain = Chain::start(manual()).await;
    chain.devnet.mine(1).await.unwrap();
    for (method, ms) in
        [("dev_increaseTime", u64::MAX - START), ("dev_increaseTime", u64::MAX), ("dev_setTime", LATEST + 1)]
    {
        let (code, words) = refusal(&chain, method, json!([ms])).await;
        assert!(code == 5002 && words.contains(&LATEST.to_string()), "{method} {ms}: {code} {words}");
    }
    chain.devnet.mine(1).await.unwrap();
    assert_eq!(now(&chain).await, START + 2 * HOUR, "time is as it was");
    chain.call("dev_setTime", json!([LATEST])).await;
    chain.devnet.mine(3).await.unwrap();
    assert_eq!(now(&chain).await, LATEST + 2 * HOUR);
    chain.stop().await;
}

#[tokio::test]
async fn storage_is_set_in_a_block_whose_root_covers_it() {
    let chain = Chain::start(manual()).await;
    let (bob, free_key) = (account_key("Bob"), hex(&account_key("Nobody")));
    let mut info = account_info(&chain, "Bob", None).await;
    info.data.free = 7 * TAO;
    let mut heads = chain.subscribe("chain_subscribeNewHeads", json!([]), "chain_unsubscribeNewHeads").await.unwrap();
    next(&mut heads).await;
    let mut values =
        chain.subscribe("state_subscribeStorage", json!([[hex(&bob)]]), "state_unsubscribeStorage").await.unwrap();
    next(&mut values).await;

    let block = chain.call("dev_setStorage", json!([[[hex(&bob), hex(&info.encode())], ["0x0102", "0x03"]]])).await;
    assert_eq!(block["number"], 1);
    assert_eq!(next(&mut heads).await["number"], "0x1");
    assert_eq!(next(&mut values).await["changes"], json!([[hex(&bob), hex(&info.encode())]]));
    assert_eq!(free(&chain, "Bob").await, 7 * TAO);
    assert_eq!(chain.call("state_getStorage", json!(["0x0102"])).await, "0x03");
    chain.call("dev_setStorage", json!({ "changes": [["0x0102", null]] })).await;
    assert_eq!(chain.call("state_getStorage", json!(["0x0102"])).await, Value::Null);
    // The block before still has it, and the chain goes on.
    assert_eq!(chain.call("state_getStorage", json!(["0x0102", block["hash"]])).await, "0x03");
    send(&chain, 0).await;
    chain.devnet.mine(1).await.unwrap();
    assert_eq!(free(&chain, "Bob").await, 8 * TAO);

    for (params, code) in [
        (json!([]), -32602),
        (json!([[]]), -32602),
        (json!([[["0x01"]]]), -32602),
        (json!([[["nohex", null]]]), -32602),
        (json!([[[hex(b":child_storage:default:x"), "0x00"]]]), -32602),
    ] {
        assert_eq!(refusal(&chain, "dev_setStorage", params).await.0, code);
    }
    assert_eq!(chain.call("state_getStorage", json!([free_key])).await, Value::Null);
    chain.stop().await;
}

#[tokio::test]
async fn a_value_that_stops_the_runtime_is_taken_back_with_a_snapshot() {
    let chain = Chain::start(manual()).await;
    let snapshot = chain.call("dev_snapshot", json!([])).await;
    // The clock of the pallet is not a number any more.
    chain.call("dev_setStorage", json!([[[hex(&value_key("Timestamp", "Now")), hex(&u64::MAX.encode())]]])).await;
    let (code, words) = refusal(&chain, "dev_mine", json!([])).await;
    assert!(code == 5003 && words.contains("cannot make block 2"), "{code} {words}");
    chain.call("dev_revert", json!([snapshot])).await;
    assert_eq!(chain.call("dev_mine", json!([])).await["number"], 1);
    chain.stop().await;
}

#[tokio::test]
async fn no_value_puts_a_block_at_another_place() {
    let directory = Directory::new();
    let chain = Chain::start(directory.config()).await;
    chain.devnet.mine(2).await.unwrap();
    let before = picture(&chain).await;
    for (item, value) in [("Number", 7_u32.encode()), ("ParentHash", [7_u8; 32].encode())] {
        let change = json!([[[hex(&value_key("System", item)), hex(&value)]]]);
        let (code, words) = refusal(&chain, "dev_setStorage", change).await;
        assert!(code == 5003 && words.contains("cannot make block 3"), "{item}: {code} {words}");
        assert!(words.contains("would not follow the head"), "{item}: {words}");
    }
    assert_eq!(picture(&chain).await, before);
    chain.devnet.mine(1).await.unwrap();
    let head = chain.devnet.head();
    chain.stop().await;
    let chain = Chain::start(directory.config()).await;
    assert_eq!(chain.devnet.head(), head);
    chain.devnet.mine(1).await.unwrap();
    chain.stop().await;
}

/// Head, Bob's balance and Alice's nonce.
async fn picture(chain: &Chain) -> (Value, u64, u32) {
    let head = chain.call("chain_getHeader", json!([])).await;
    (head, free(chain, "Bob").await, account_info(chain, "Alice", None).await.nonce)
}

#[tokio::test]
async fn going_back_restores_all_that_there_was() {
    let config = Config { retention: Retention { states: 8, ..Retention::default() }, ..manual() };
    let chain = Chain::start(config).await;
    // Signatures are random, so the extrinsics of both chains are signed once.
    let extrinsics: Vec<Value> =
        (0..3).map(|nonce| hex(&signed_transfer(&chain, "Alice", "Bob", TAO, nonce))).collect();
    let send = |nonce: usize| chain.call("author_submitExtrinsic", json!([extrinsics[nonce]]));
    send(0).await;
    chain.devnet.mine(3).await.unwrap();
    send(1).await;
    let before = picture(&chain).await;
    let first = chain.call("dev_snapshot", json!([])).await;
    chain.devnet.mine(1).await.unwrap();
    let second = chain.call("dev_snapshot", json!([])).await;
    assert_eq!((&first, &second), (&json!("0x1"), &json!("0x2")));
    send(2).await;
    chain.call("dev_setTime", json!([START + 1_000 * HOUR])).await;
    chain.devnet.mine(40).await.unwrap();
    let far = chain.call("chain_getBlockHash", json!([])).await;
    let status = chain.call("dev_status", json!([])).await;
    assert_eq!((&status["head"]["number"], status["snapshots"].as_array().unwrap().len()), (&json!(44), 2));

    // All states since the snapshot are there, though more than are kept otherwise.
    let old = chain.call("chain_getBlockHash", json!([4])).await;
    assert!(chain.call("state_getStorage", json!([hex(&account_key("Bob")), old])).await.is_string());
    let reverted = chain.call("dev_revert", json!([first])).await;
    assert_eq!(reverted["hash"], chain.call("chain_getBlockHash", json!([])).await);
    assert_eq!(picture(&chain).await, before);
    assert_eq!(chain.call("chain_getBlockHash", json!([4])).await, Value::Null);
    assert_eq!(chain.call("chain_getHeader", json!([far])).await, Value::Null);
    let (code, words) = refusal(&chain, "state_getStorage", json!(["0x00", far])).await;
    assert!(code == 4003 && words.contains("Header was not found"), "{words}");

    // Both are spent. What waited then waits again, and what was sent since may be sent again.
    for spent in [&first, &second, &json!("0x7"), &json!(9)] {
        let (code, words) = refusal(&chain, "dev_revert", json!([spent])).await;
        assert!(code == 5001 && words.contains("there is no snapshot"), "{code} {words}");
    }
    assert_eq!(chain.call("author_pendingExtrinsics", json!([])).await, json!([extrinsics[1]]));
    send(2).await;
    chain.devnet.mine(1).await.unwrap();
    assert_eq!(picture(&chain).await.2, 3);
    assert_eq!(now(&chain).await, START + 4 * HOUR);

    // The same steps give the same chain as one that never went back.
    let straight = Chain::start(manual()).await;
    for (sent, blocks) in [(&extrinsics[..1], 3), (&extrinsics[1..], 1)] {
        for extrinsic in sent {
            straight.call("author_submitExtrinsic", json!([extrinsic])).await;
        }
        straight.devnet.mine(blocks).await.unwrap();
    }
    assert_eq!(chain.devnet.head(), straight.devnet.head());
    chain.devnet.mine(20).await.unwrap();
    chain.stop().await;
    straight.stop().await;
}

#[tokio::test]
async fn followers_are_told_of_the_head_gone_back_to() {
    let chain = Chain::start(manual()).await;
    let bob = hex(&account_key("Bob"));
    let mut best = chain.subscribe("chain_subscribeNewHeads", json!([]), "chain_unsubscribeNewHeads").await.unwrap();
    let mut finalized =
        chain.subscribe("chain_subscribeFinalizedHeads", json!([]), "chain_unsubscribeFinalizedHeads").await.unwrap();
    let mut values =
        chain.subscribe("state_subscribeStorage", json!([[bob]]), "state_unsubscribeStorage").await.unwrap();
    let rich = next(&mut values).await["changes"].clone();
    for heads in [&mut best, &mut finalized] {
        assert_eq!(next(heads).await["number"], "0x0");
    }
    let snapshot = chain.call("dev_snapshot", json!([])).await;
    send(&chain, 0).await;
    chain.devnet.mine(2).await.unwrap();
    for heads in [&mut best, &mut finalized] {
        assert_eq!(
            (next(heads).await["number"].clone(), next(heads).await["number"].clone()),
            (json!("0x1"), json!("0x2"))
        );
    }
    assert_ne!(next(&mut values).await["changes"], rich);
    chain.call("dev_revert", json!([snapshot])).await;
    assert_eq!(next(&mut values).await["changes"], rich);
    for heads in [&mut best, &mut finalized] {
        assert_eq!(next(heads).await["number"], "0x0");
    }
    chain.devnet.mine(1).await.unwrap();
    for heads in [&mut best, &mut finalized] {
        assert_eq!(next(heads).await["number"], "0x1");
    }
    chain.stop().await;
}

#[tokio::test]
async fn a_chain_on_disk_goes_back_too() {
    let directory = Directory::new();
    let retention = Retention { states: 2, blocks: 3, ..Retention::default() };
    let config = Config { retention, ..directory.config() };
    let chain = Chain::start(config.clone()).await;
    chain.devnet.mine(2).await.unwrap();
    let before = picture(&chain).await;
    let snapshot = chain.call("dev_snapshot", json!([])).await;
    send(&chain, 0).await;
    chain.call("dev_setStorage", json!([[["0x0102", "0x03"]]])).await;
    chain.devnet.mine(9).await.unwrap();
    chain.call("dev_revert", json!([snapshot])).await;
    assert_eq!(picture(&chain).await, before);
    chain.stop().await;

    let chain = Chain::start(config).await;
    assert_eq!(picture(&chain).await, before);
    assert_eq!(chain.call("state_getStorage", json!(["0x0102"])).await, Value::Null);
    assert_eq!(refusal(&chain, "dev_revert", json!([snapshot])).await.0, 5001, "snapshots end with the process");
    chain.devnet.mine(5).await.unwrap();
    chain.stop().await;
}

#[tokio::test]
async fn finality_stands_still_until_it_is_let_go() {
    let chain = Chain::start(manual()).await;
    chain.devnet.mine(1).await.unwrap();
    let at = chain.call("chain_getBlockHash", json!([1])).await;
    let mut finalized =
        chain.subscribe("chain_subscribeFinalizedHeads", json!([]), "chain_unsubscribeFinalizedHeads").await.unwrap();
    assert_eq!(next(&mut finalized).await["number"], "0x1");
    let faults = chain.call("dev_fault", json!({ "fault": "stallFinality" })).await;
    assert_eq!(
        faults["faults"],
        json!([{ "fault": "stallFinality", "connections": null, "ms": null, "left_ms": null }])
    );
    let extrinsic = hex(&signed_transfer(&chain, "Alice", "Bob", TAO, 0));
    let mut watch =
        chain.subscribe("author_submitAndWatchExtrinsic", json!([extrinsic]), "author_unwatchExtrinsic").await.unwrap();
    chain.devnet.mine(3).await.unwrap();
    assert_eq!(chain.call("chain_getFinalizedHead", json!([])).await, at);
    assert_eq!(chain.call("chain_getHeader", json!([])).await["number"], "0x4");
    assert_eq!(next(&mut watch).await, "ready");
    assert!(next(&mut watch).await["inBlock"].is_string());
    let status = chain.call("dev_status", json!([])).await;
    assert_eq!((&status["head"]["number"], &status["finalized"]["number"]), (&json!(4), &json!(1)));

    assert_eq!(chain.call("dev_clearFaults", json!([])).await, json!({ "faults": [] }));
    for number in ["0x2", "0x3", "0x4"] {
        assert_eq!(next(&mut finalized).await["number"], number);
    }
    assert!(next(&mut watch).await["finalized"].is_string());
    chain.stop().await;
}

#[tokio::test]
async fn blocks_stand_still_until_they_are_let_go() {
    let chain = Chain::start(instant()).await;
    chain.call("dev_fault", json!(["stallBlocks"])).await;
    send(&chain, 0).await;
    assert_eq!(chain.call("dev_mine", json!([0])).await["number"], 0);
    send(&chain, 1).await;
    assert_eq!(chain.call("dev_status", json!([])).await["pending_extrinsics"], 2);
    let mut heads = chain.subscribe("chain_subscribeNewHeads", json!([]), "chain_unsubscribeNewHeads").await.unwrap();
    assert_eq!(next(&mut heads).await["number"], "0x0");
    chain.call("dev_clearFaults", json!([])).await;
    assert_eq!(next(&mut heads).await["number"], "0x1");
    assert_eq!(chain.call("author_pendingExtrinsics", json!([])).await, json!([]));
    chain.stop().await;

    let config = Config { block_time: BlockTime::Every(Duration::from_millis(10)), ..manual() };
    let chain = Chain::start(config).await;
    // A fault that ends by itself.
    chain.call("dev_fault", json!({ "fault": "stallBlocks", "for_ms": 50 })).await;
    let mut heads = chain.subscribe("chain_subscribeNewHeads", json!([]), "chain_unsubscribeNewHeads").await.unwrap();
    next(&mut heads).await;
    next(&mut heads).await;
    chain.stop().await;
}

#[tokio::test]
async fn connections_are_cut_by_kind() {
    let chain = Chain::start(manual()).await;
    let other = connect(&chain.devnet).await;
    let over_http = |method: &'static str, params: Value| {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let chain = &chain;
        async move {
            let (_, body) = post(chain, &request).await;
            serde_json::from_str::<Value>(&body).unwrap_or(Value::Null)["result"].clone()
        }
    };
    assert_eq!(over_http("dev_fault", json!(["drop", "ws"])).await, json!({ "dropped": 2 }));
    chain.client.on_disconnect().await;
    other.on_disconnect().await;
    assert_eq!(over_http("system_chain", json!([])).await, "Bittensor");
    let again = connect(&chain.devnet).await;
    let name: String = again.request("system_chain", jsonrpsee::rpc_params![]).await.unwrap();
    assert_eq!(name, "Bittensor");

    // Refused ones do not even come to a handshake; the other kind lives on.
    over_http("dev_fault", json!(["refuse", "ws"])).await;
    again.on_disconnect().await;
    let url = format!("ws://{}", chain.devnet.address());
    assert!(jsonrpsee::ws_client::WsClientBuilder::default().build(&url).await.is_err());
    over_http("dev_clearFaults", json!([])).await;
    let again = connect(&chain.devnet).await;
    let _: Value = again.request("dev_fault", jsonrpsee::rpc_params!["refuse", "http"]).await.unwrap();
    assert_eq!(over_http("system_chain", json!([])).await, Value::Null);
    let _: Value = again.request("dev_clearFaults", jsonrpsee::rpc_params![]).await.unwrap();
    assert_eq!(over_http("system_chain", json!([])).await, "Bittensor");
    chain.devnet.stop().await.unwrap();
}

#[tokio::test]
async fn answers_come_late_but_those_that_end_it() {
    let chain = Chain::start(manual()).await;
    chain.call("dev_fault", json!({ "fault": "delay", "connections": "ws", "ms": 86_400_000 })).await;
    let late = chain.call("system_chain", json!([]));
    assert!(tokio::time::timeout(Duration::from_millis(100), late).await.is_err());
    let (_, body) = post(&chain, r#"{"jsonrpc":"2.0","id":7,"method":"system_chain","params":[]}"#).await;
    assert!(body.contains("Bittensor"), "{body}");
    let faults = chain.call("dev_fault", json!([])).await;
    assert_eq!(faults["faults"][0]["ms"], 86_400_000);
    chain.call("dev_clearFaults", json!([])).await;
    assert_eq!(chain.call("system_chain", json!([])).await, "Bittensor");
    for params in [
        json!(["delay"]),
        json!(["delay", "ws", 86_400_001]),
        json!(["refuse"]),
        json!(["flood"]),
        json!(["drop", "quic"]),
        json!({ "fault": "stallBlocks", "for_ms": -1 }),
    ] {
        assert_eq!(refusal(&chain, "dev_fault", params).await.0, -32602);
    }
    chain.stop().await;
}

/// Waits until the head is past `number`.
async fn past(chain: &Chain, number: u32) {
    while chain.devnet.head().number <= number {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What was asked for before the status is done before it is told.
async fn height(chain: &Chain) -> u32 {
    let status = chain.call("dev_status", json!([])).await;
    u32::try_from(status["head"]["number"].as_u64().unwrap()).unwrap()
}

#[tokio::test]
async fn blocks_are_made_as_long_as_somebody_waits_for_them() {
    const MANY: u32 = 100_000;
    let chain = Chain::start(manual()).await;
    tokio::select! {
        mined = chain.devnet.mine(MANY) => panic!("nobody went away: {mined:?}"),
        () = past(&chain, 0) => {}
    }
    let first = height(&chain).await;
    assert!(first < MANY, "{first}");

    // Over HTTP and over WebSocket a caller goes away with its connection.
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "dev_mine", "params": [MANY] }).to_string();
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json";
    let mut stream = TcpStream::connect(chain.devnet.address()).await.unwrap();
    let request = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    past(&chain, first).await;
    drop(stream);
    let second = height(&chain).await;
    assert!(second < MANY, "{second}");

    let other = connect(&chain.devnet).await;
    tokio::select! {
        mined = other.request::<Value, _>("dev_mine", jsonrpsee::rpc_params![MANY]) => panic!("{mined:?}"),
        () = past(&chain, second) => {}
    }
    drop(other);
    let third = height(&chain).await;
    assert!(third < MANY, "{third}");
    chain.stop().await;
}

#[tokio::test]
async fn the_well_known_accounts_are_listed() {
    let chain = Chain::start(manual()).await;
    let accounts = chain.call("dev_accounts", json!([])).await;
    assert_eq!(accounts.as_array().unwrap().len(), 9);
    assert_eq!(
        accounts[0],
        json!({ "uri": "//Alice", "address": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", "free": 1_000_000 * TAO })
    );
    let control = chain.devnet.control();
    let Chain { devnet, client } = chain;
    drop(client);
    Devnet::stop(devnet).await.unwrap();
    assert!(control.mine(1).await.unwrap_err().to_string().contains("has stopped"));
}
