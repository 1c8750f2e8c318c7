//! Methods: shapes of answers, and that no request, however bad, harms the node.

use btd_devnet::{Config, Retention};
use codec::{Decode, Encode};
use serde_json::{Value, json};
use sp_core::H256;
use sp_runtime::traits::BlakeTwo256;
use sp_state_machine::read_proof_check;
use sp_trie::StorageProof;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    client::{Chain, manual},
    signer::{account, account_key, hex, unhex, value_key},
};

/// One HTTP request on a connection of its own: status line and body of the answer.
pub(crate) async fn post(chain: &Chain, body: &str) -> (String, String) {
    let length = body.len();
    exchange(chain, &format!("POST / HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {length}"), body)
        .await
}

/// As [`post`], for any head of a request.
async fn exchange(chain: &Chain, head: &str, body: &str) -> (String, String) {
    let (head, body) = exchange_heads(chain, head, body).await;
    (head.lines().next().unwrap_or_default().to_owned(), body)
}

/// As [`exchange`], with the whole head of the answer.
pub(crate) async fn exchange_heads(chain: &Chain, head: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(chain.devnet.address()).await.unwrap();
    let request = format!("{head}\r\nhost: localhost\r\nconnection: close\r\n\r\n{body}");
    // A server that refuses a request may close before it has read all of it.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn the_node_describes_itself_as_subtensor_nodes_do() {
    let chain = Chain::start(manual()).await;
    let genesis = json!(H256(chain.devnet.genesis_hash()));
    for (method, params, want) in [
        ("system_chain", json!([]), json!("Bittensor")),
        ("system_chainType", json!([]), json!("Local")),
        ("system_properties", json!([]), json!({ "ss58Format": 42, "tokenDecimals": 9, "tokenSymbol": "TAO" })),
        ("system_health", json!([]), json!({ "peers": 0, "isSyncing": false, "shouldHavePeers": false })),
        ("system_nodeRoles", json!([]), json!(["Authority"])),
        ("system_peers", json!([]), json!([])),
        ("chain_getBlockHash", json!([0]), genesis.clone()),
        ("chain_getBlockHash", json!([["0x0", 1, 0]]), json!([genesis, null, genesis])),
        ("chain_getBlockHash", json!([7]), json!(null)),
        ("chain_getHeader", json!([H256::zero()]), json!(null)),
        ("chain_getBlock", json!([H256::zero()]), json!(null)),
        ("state_getStorage", json!(["0x00"]), json!(null)),
        ("state_getStorageHash", json!(["0x00"]), json!(null)),
        ("state_getStorageSize", json!(["0x00"]), json!(null)),
        ("system_syncState", json!([]), json!({ "startingBlock": 0, "currentBlock": 0, "highestBlock": 0 })),
    ] {
        assert_eq!(chain.call(method, params).await, want, "{method}");
    }
    // Clients tell runtimes apart by the hash of their code; the runtime is native, its code an empty module.
    let code = "0x3a636f6465";
    assert_eq!(chain.call("state_getStorage", json!([code])).await, "0x0061736d01000000");
    assert_eq!(
        unhex(&chain.call("state_getStorageHash", json!([code])).await),
        sp_io::hashing::blake2_256(b"\0asm\x01\0\0\0")
    );
    let version = chain.call("state_getRuntimeVersion", json!([])).await;
    assert_eq!((&version["specName"], &version["specVersion"]), (&json!("node-subtensor"), &json!(425)));
    assert_eq!(version["apis"][0].as_array().unwrap().len(), 2);
    let genesis = chain.call("chain_getBlock", json!([genesis])).await;
    assert_eq!(genesis["block"]["header"]["number"], "0x0");
    assert_eq!(genesis["block"]["header"]["digest"], json!({ "logs": [] }));

    let metadata = unhex(&chain.call("state_getMetadata", json!([])).await);
    assert_eq!((&metadata[..4], metadata[4]), (&b"meta"[..], 14));
    let arguments = hex(&15_u32.to_le_bytes());
    let v15 = unhex(&chain.call("state_call", json!(["Metadata_metadata_at_version", arguments])).await);
    let v15 = Option::<Vec<u8>>::decode(&mut v15.as_slice()).unwrap().unwrap();
    assert_eq!((&v15[..4], v15[4]), (&b"meta"[..], 15));

    let methods = chain.call("rpc_methods", json!([])).await["methods"].as_array().unwrap().clone();
    assert!(methods.is_sorted_by_key(|name| name.as_str().unwrap().to_owned()));
    assert!(methods.contains(&json!("author_submitAndWatchExtrinsic")));
    // Clients that find any of these would use no others; a node that prunes has none.
    assert!(!methods.iter().any(|name| name.as_str().unwrap().starts_with("archive_v1_")));
    chain.stop().await;
}

#[tokio::test]
async fn storage_is_read_by_key_by_page_and_with_proof() {
    let chain = Chain::start(manual()).await;
    chain.devnet.mine(2).await.unwrap();
    let accounts = hex(&value_key("System", "Account"));
    let all = chain.call("state_getKeys", json!([accounts])).await.as_array().unwrap().clone();
    assert!(all.len() >= 9);
    let mut paged: Vec<Value> = Vec::new();
    loop {
        let page = chain.call("state_getKeysPaged", json!([accounts, 4, paged.last()])).await;
        if page.as_array().unwrap().is_empty() {
            break;
        }
        paged.extend(page.as_array().unwrap().iter().cloned());
    }
    assert_eq!(paged, all);
    let error = chain.try_call("state_getKeysPaged", json!([accounts, 1001])).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (4002, "count exceeds maximum value. value: 1001, max: 1000"));
    let pairs = chain.call("state_getPairs", json!([accounts])).await;
    assert_eq!(pairs.as_array().unwrap().iter().map(|pair| pair[0].clone()).collect::<Vec<_>>(), all);

    let alice = hex(&account_key("Alice"));
    let value = chain.call("state_getStorage", json!([alice])).await;
    assert_eq!(chain.call("state_getStorageSize", json!([alice])).await, unhex(&value).len());
    let total: usize = pairs.as_array().unwrap().iter().map(|pair| unhex(&pair[1]).len()).sum();
    assert_eq!(chain.call("state_getStorageSize", json!([accounts])).await, total);
    assert_eq!(
        unhex(&chain.call("state_getStorageHash", json!([alice])).await),
        sp_io::hashing::blake2_256(&unhex(&value))
    );
    let head = chain.call("chain_getBlockHash", json!([])).await;
    assert_eq!(
        chain.call("state_queryStorageAt", json!([[alice, "0x00"], head])).await,
        json!([{ "block": head, "changes": [[alice, value], ["0x00", null]] }])
    );
    assert_eq!(chain.call("state_queryStorageAt", json!([[], head])).await, json!([]));
    let number = hex(&value_key("System", "Number"));
    let first = chain.call("chain_getBlockHash", json!([1])).await;
    assert_eq!(
        chain.call("state_queryStorage", json!([[alice, number], first])).await,
        json!([
            { "block": first, "changes": [[alice, value], [number, "0x01000000"]] },
            { "block": head, "changes": [[number, "0x02000000"]] },
        ])
    );
    let error = chain.try_call("state_queryStorage", json!([[alice], head, first])).await.unwrap_err();
    assert_eq!(error.code(), 4001);

    let proof = chain.call("state_getReadProof", json!([[alice]])).await;
    assert_eq!(proof["at"], head);
    let nodes: Vec<Vec<u8>> = proof["proof"].as_array().unwrap().iter().map(unhex).collect();
    let root = chain.call("chain_getHeader", json!([])).await["stateRoot"].clone();
    let root: H256 = serde_json::from_value(root).unwrap();
    let key = account_key("Alice");
    let read = read_proof_check::<BlakeTwo256, _>(root, StorageProof::new(nodes), [key.as_slice()]).unwrap();
    assert_eq!(read[&key], Some(unhex(&value)));
    chain.stop().await;
}

#[tokio::test]
async fn pruned_states_are_named_as_such() {
    let retention = Retention { states: 2, blocks: 4, ..Retention::default() };
    let chain = Chain::start(Config { retention, ..manual() }).await;
    chain.devnet.mine(8).await.unwrap();
    let at = |number: u32| chain.call("chain_getBlockHash", json!([number]));
    let (old, older) = (at(5).await, at(2).await);
    for (method, params) in [
        ("state_getStorage", json!(["0x00", old])),
        ("state_getMetadata", json!([old])),
        ("state_call", json!(["Core_version", "0x", old])),
        ("state_getKeysPaged", json!(["0x", 10, null, old])),
        ("state_getRuntimeVersion", json!([old])),
        ("state_queryStorageAt", json!([[], old])),
    ] {
        let error = chain.try_call(method, params).await.unwrap_err();
        let want = format!("Client error: UnknownBlock: State already discarded for {}", old.as_str().unwrap());
        assert_eq!((error.code(), error.message()), (4003, want.as_str()), "{method}");
    }
    let error = chain.try_call("neuronInfo_getNeuronsLite", json!([1, old])).await.unwrap_err();
    let why = format!("UnknownBlock: State already discarded for {}", old.as_str().unwrap());
    assert_eq!((error.code(), error.message()), (1, format!("Unable to get neurons lite info: {why}").as_str()));
    assert_eq!(chain.call("chain_getHeader", json!([old])).await["number"], "0x5");
    assert_eq!(chain.call("chain_getHeader", json!([older])).await, json!(null));
    let error = chain.try_call("state_call", json!(["Core_version", "0x", older])).await.unwrap_err();
    assert!(error.message().starts_with("Client error: UnknownBlock: Header was not found in the database: 0x"));
    chain.stop().await;
}

#[tokio::test]
async fn bad_parameters_are_errors_in_every_method() {
    let chain = Chain::start(manual()).await;
    let methods = chain.call("rpc_methods", json!([])).await["methods"].as_array().unwrap().clone();
    let bad = [
        json!([]),
        json!([{}]),
        json!(["0xzz", "0x", "0x"]),
        json!([-1, -1, -1]),
        json!([4_294_967_296_u64, 1, 2]),
        json!(["0x00", "0x00", "0x00", "0x00"]),
        json!([[[]], [], []]),
        json!([null, null, null]),
        json!(["", "", ""]),
        json!(["\u{0}", true, 1.5]),
        json!({ "unheard": "of" }),
        json!([["0x"], H256::repeat_byte(1), H256::repeat_byte(2)]),
        json!([account("Alice").to_string(), 65_536, [70_000]]),
        json!(["0x1234567890", 0, "0x"]),
    ];
    for method in &methods {
        let method = method.as_str().unwrap();
        // The log filter cannot be changed, whatever is asked.
        if ["ubscribe", "ndWatch", "unwatch", "_v1_follow", "_v1_unfollow", "dev_", "LogFilter"]
            .iter()
            .any(|part| method.contains(part))
        {
            continue;
        }
        for params in &bad {
            // Some of it is good for some methods; what counts is an answer, and which errors there are.
            if let Err(error) = chain.try_call(method, params.clone()).await {
                let known = [-32602, 1, 2, 1001, 1002, 1010, 1040, 2002, 3001, 4001, 4002, 4003];
                assert!(known.contains(&error.code()), "{method} {params}: {error}");
                assert!(!error.message().contains("panic"), "{method} {params}: {error}");
            }
        }
    }
    for (method, params, code) in [
        ("no_such_method", json!([]), -32601),
        ("state_call", json!(["Core_initialize_block", "0x00"]), 4003),
        ("state_call", json!(["No_such_function", "0x"]), 4003),
        ("state_call", json!(["Core_version"]), -32602),
        ("state_getStorage", json!(["nohex"]), -32602),
        ("state_getStorage", json!(["0x00", "0x1234"]), -32602),
        ("state_getStorage", json!(["0x00", H256::repeat_byte(9)]), 4003),
        ("chain_getBlockHash", json!(["0x1ffffffff"]), 3001),
        ("chain_getBlockHash", json!(["seven"]), -32602),
        ("chain_getHeader", json!(["0x12"]), -32602),
        ("system_accountNextIndex", json!(["5Nonsense"]), -32602),
        ("payment_queryInfo", json!(["0x"]), 2),
        ("payment_queryInfo", json!(["0x00"]), 1),
        ("system_dryRun", json!(["0x10"]), 2),
        ("system_dryRun", json!(["0x00"]), 1),
        ("author_submitExtrinsic", json!(["0x"]), 1001),
        ("author_submitExtrinsic", json!(["0x00"]), 1002),
        ("dev_mine", json!([100_001]), -32602),
        ("dev_mine", json!([-1]), -32602),
        ("delegateInfo_getDelegate", json!([[1, 2, 3]]), 1),
        ("delegateInfo_getDelegate", json!([[1, 2, 300]]), -32602),
        ("delegateInfo_getDelegate", json!(["5Nonsense"]), -32602),
        ("stakeInfo_getColdkeyLock", json!([[1, 2, 3], 1]), -32602),
    ] {
        let error = chain.try_call(method, params.clone()).await.unwrap_err();
        assert_eq!(error.code(), code, "{method} {params}: {error}");
    }
    let error = chain.try_call("state_call", json!(["No_such_function", "0x"])).await.unwrap_err();
    assert_eq!(error.message(), "Client error: Execution failed: Other: Exported method No_such_function is not found");
    for (method, params, attempt) in [
        ("delegateInfo_getDelegated", json!([[1, 2, 3]]), "get delegates info"),
        ("subnetInfo_getSubnetHyperparamsV2", json!([1, H256::repeat_byte(9)]), "get subnet hyperparams v2"),
        ("subnetInfo_getLockCost", json!([H256::repeat_byte(9)]), "get subnet lock cost"),
        ("swap_simSwapTaoForAlpha", json!([1, 1, H256::repeat_byte(9)]), "simulate tao -> alpha swap"),
    ] {
        let error = chain.try_call(method, params).await.unwrap_err();
        let message = format!("Unable to {attempt}: ");
        assert!(error.code() == 1 && error.data().is_none() && error.message().starts_with(&message), "{error}");
    }
    assert_eq!(chain.devnet.mine(1).await.unwrap().number, 1);
    chain.stop().await;
}

#[tokio::test]
async fn http_and_websocket_share_the_port() {
    let chain = Chain::start(manual()).await;
    let (status, body) = post(&chain, r#"{"jsonrpc":"2.0","id":7,"method":"system_chain","params":[]}"#).await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap(),
        json!({ "jsonrpc": "2.0", "id": 7, "result": "Bittensor" })
    );
    let (status, body) = exchange(&chain, "GET /health HTTP/1.1", "").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap(),
        json!({ "peers": 0, "isSyncing": false, "shouldHavePeers": false })
    );
    let (status, _) = exchange(&chain, "GET /else HTTP/1.1", "").await;
    assert_eq!(status, "HTTP/1.1 405 Method Not Allowed");
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"system_chain"},{"jsonrpc":"2.0","id":2,"method":"nope"}]"#;
    let answers: Value = serde_json::from_str(&post(&chain, batch).await.1).unwrap();
    assert_eq!((&answers[0]["result"], &answers[1]["error"]["code"]), (&json!("Bittensor"), &json!(-32601)));
    for (garbage, code) in [("{", -32700), ("[]", -32600), ("7", -32700)] {
        let (_, body) = post(&chain, garbage).await;
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(answer["error"]["code"], code, "{garbage}: {body}");
    }
    let oversized = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":["{}"]}}"#, "a".repeat(16 << 20));
    let (status, _) = post(&chain, &oversized).await;
    assert!(status.is_empty() || status.contains("413"), "{status}");
    assert_eq!(chain.call("system_chain", json!([])).await, "Bittensor");
    chain.stop().await;
}

/// Names of the node's own, their parameters, and the runtime API whose bytes they answer with.
fn old_names() -> Vec<(&'static str, Value, &'static str, Vec<u8>)> {
    let (alice, bob) = (account("Alice"), account("Bob"));
    let (hotkey, netuid, uid, mecid, indexes) = (alice.encode(), 1_u16.encode(), 0_u16.encode(), 0_u8, vec![0_u16, 8]);
    let row = |name, params, api, arguments: &[&[u8]]| (name, params, api, arguments.concat());
    let bytes: &[u8] = alice.as_ref();
    let one = || json!([1]);
    let none = || json!([]);
    vec![
        row("delegateInfo_getDelegates", none(), "DelegateInfoRuntimeApi_get_delegates", &[]),
        row("delegateInfo_getDelegate", json!([bytes]), "DelegateInfoRuntimeApi_get_delegate", &[&hotkey]),
        row("delegateInfo_getDelegate", json!([alice.to_string()]), "DelegateInfoRuntimeApi_get_delegate", &[&hotkey]),
        row("delegateInfo_getDelegated", json!([bytes]), "DelegateInfoRuntimeApi_get_delegated", &[&hotkey]),
        row("neuronInfo_getNeuronsLite", one(), "NeuronInfoRuntimeApi_get_neurons_lite", &[&netuid]),
        row("neuronInfo_getNeuronLite", json!([1, 0]), "NeuronInfoRuntimeApi_get_neuron_lite", &[&netuid, &uid]),
        row("neuronInfo_getNeurons", one(), "NeuronInfoRuntimeApi_get_neurons", &[&netuid]),
        row("neuronInfo_getNeuron", json!([1, 0]), "NeuronInfoRuntimeApi_get_neuron", &[&netuid, &uid]),
        row("subnetInfo_getSubnetInfo", one(), "SubnetInfoRuntimeApi_get_subnet_info", &[&netuid]),
        row("subnetInfo_getSubnetsInfo", none(), "SubnetInfoRuntimeApi_get_subnets_info", &[]),
        row("subnetInfo_getSubnetInfo_v2", one(), "SubnetInfoRuntimeApi_get_subnet_info_v2", &[&netuid]),
        row("subnetInfo_getSubnetsInfo_v2", none(), "SubnetInfoRuntimeApi_get_subnets_info_v2", &[]),
        row("subnetInfo_getSubnetHyperparams", one(), "SubnetInfoRuntimeApi_get_subnet_hyperparams", &[&netuid]),
        row("subnetInfo_getSubnetHyperparamsV2", one(), "SubnetInfoRuntimeApi_get_subnet_hyperparams_v2", &[&netuid]),
        row("subnetInfo_getAllDynamicInfo", none(), "SubnetInfoRuntimeApi_get_all_dynamic_info", &[]),
        row("subnetInfo_getDynamicInfo", one(), "SubnetInfoRuntimeApi_get_dynamic_info", &[&netuid]),
        row("subnetInfo_getAllMetagraphs", none(), "SubnetInfoRuntimeApi_get_all_metagraphs", &[]),
        row("subnetInfo_getMetagraph", one(), "SubnetInfoRuntimeApi_get_metagraph", &[&netuid]),
        row("subnetInfo_getAllMechagraphs", none(), "SubnetInfoRuntimeApi_get_all_mechagraphs", &[]),
        row("subnetInfo_getMechagraph", json!([1, 0]), "SubnetInfoRuntimeApi_get_mechagraph", &[&netuid, &[mecid]]),
        row("subnetInfo_getSubnetState", one(), "SubnetInfoRuntimeApi_get_subnet_state", &[&netuid]),
        row(
            "subnetInfo_getSelectiveMetagraph",
            json!([1, indexes]),
            "SubnetInfoRuntimeApi_get_selective_metagraph",
            &[&netuid, &indexes.encode()],
        ),
        row(
            "subnetInfo_getSelectiveMechagraph",
            json!([1, 0, indexes]),
            "SubnetInfoRuntimeApi_get_selective_mechagraph",
            &[&netuid, &[mecid], &indexes.encode()],
        ),
        row(
            "subnetInfo_getColdkeyAutoStakeHotkey",
            json!([bob.to_string(), 1]),
            "SubnetInfoRuntimeApi_get_coldkey_auto_stake_hotkey",
            &[&bob.encode(), &netuid],
        ),
        row("subnetInfo_getSubnetAccountId", one(), "SubnetInfoRuntimeApi_get_subnet_account_id", &[&netuid]),
        row(
            "stakeInfo_getColdkeyLock",
            json!([bob.to_string(), 1]),
            "StakeInfoRuntimeApi_get_coldkey_lock",
            &[&bob.encode(), &netuid],
        ),
    ]
}

#[tokio::test]
async fn old_names_answer_with_the_bytes_of_the_runtime_api() {
    let chain = Chain::start(manual()).await;
    let first = chain.call("chain_getBlockHash", json!([])).await;
    chain.devnet.mine(3).await.unwrap();
    let mut empty = 0;
    for (name, params, api, arguments) in old_names() {
        for at in [Value::Null, first.clone()] {
            let encoded = unhex(&chain.call("state_call", json!([api, hex(&arguments), at])).await);
            let mut params = params.as_array().unwrap().clone();
            params.push(at);
            assert_eq!(chain.call(name, json!(params)).await, json!(encoded), "{name} {params:?}");
            empty += usize::from(encoded == [0]);
        }
    }
    // There are no delegates, locks and destinations; everything else says something.
    assert!(empty <= 2 * 6, "{empty} answers are empty");
    chain.stop().await;
}

#[tokio::test]
async fn old_names_answer_with_the_numbers_of_the_runtime_api() {
    let chain = Chain::start(manual()).await;
    chain.devnet.mine(1).await.unwrap();
    let ask =
        async |api: &str, arguments: Vec<u8>| unhex(&chain.call("state_call", json!([api, hex(&arguments)])).await);
    let number = |bytes: Vec<u8>| u64::decode(&mut bytes.as_slice()).unwrap();
    let cost = number(ask("SubnetRegistrationRuntimeApi_get_network_registration_cost", vec![]).await);
    assert_eq!(chain.call("subnetInfo_getLockCost", json!([])).await, cost);
    let prune = ask("SubnetInfoRuntimeApi_get_subnet_to_prune", vec![]).await;
    let prune = Option::<u16>::decode(&mut prune.as_slice()).unwrap();
    assert_eq!(chain.call("subnetInfo_getSubnetToPrune", json!([])).await, json!(prune));
    let price = number(ask("SwapRuntimeApi_current_alpha_price", 1_u16.encode()).await);
    assert_eq!(chain.call("swap_currentAlphaPrice", json!([1])).await, price);
    let all = chain.call("swap_currentAlphaPriceAll", json!([])).await;
    assert!(all.as_array().unwrap().contains(&json!({ "netuid": 1, "price": price })), "{all}");
    for (name, api) in [
        ("swap_simSwapTaoForAlpha", "SwapRuntimeApi_sim_swap_tao_for_alpha"),
        ("swap_simSwapAlphaForTao", "SwapRuntimeApi_sim_swap_alpha_for_tao"),
    ] {
        let told = <[u64; 6]>::decode(&mut ask(api, (1_u16, 1_000_000_u64).encode()).await.as_slice()).unwrap();
        let answer = chain.call(name, json!([1, 1_000_000])).await;
        let names = ["tao_amount", "alpha_amount", "tao_fee", "alpha_fee", "tao_slippage", "alpha_slippage"];
        assert_eq!(names.map(|name| answer[name].as_u64().unwrap()), told, "{name}");
        assert!(told[0] > 0 && told[1] > 0, "{name}: {told:?}");
    }
    chain.stop().await;
}

#[tokio::test]
async fn no_name_of_the_node_is_left_unasked() {
    let chain = Chain::start(manual()).await;
    let methods = chain.call("rpc_methods", json!([])).await["methods"].clone();
    let own = ["delegateInfo_", "neuronInfo_", "subnetInfo_", "stakeInfo_", "swap_"];
    let served = methods.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
    let served = served.filter(|name| own.iter().any(|prefix| name.starts_with(prefix))).count();
    let mut asked: Vec<&str> = old_names().into_iter().map(|(name, ..)| name).collect();
    asked.dedup();
    assert_eq!((served, asked.len()), (31, 25), "and six that answer with numbers");
    chain.stop().await;
}
