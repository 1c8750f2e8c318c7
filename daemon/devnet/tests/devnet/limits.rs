//! What a node does with clients that want too much, say nonsense or go away: codes and words as of Substrate's own
//! server, and none of it at the cost of others.

use std::time::Duration;

use btd_devnet::Config;
use jsonrpsee::{core::client::ClientT, rpc_params, ws_client::WsClientBuilder};
use serde_json::{Value, json};

use crate::{
    client::{Chain, connect, manual, next},
    methods::post,
};

async fn raw(chain: &Chain, body: &str) -> Value {
    serde_json::from_str(&post(chain, body).await.1).unwrap()
}

#[tokio::test]
async fn connections_beyond_the_limit_are_refused_until_one_goes() {
    let chain = Chain::start(Config { max_connections: 3, ..manual() }).await;
    let url = format!("ws://{}", chain.devnet.address());
    let (second, third) = (connect(&chain.devnet).await, connect(&chain.devnet).await);
    let refused = WsClientBuilder::default().build(&url).await.unwrap_err().to_string();
    assert!(refused.contains("429"), "{refused}");
    let (status, _) = post(&chain, r#"{"jsonrpc":"2.0","id":1,"method":"system_chain"}"#).await;
    assert_eq!(status, "HTTP/1.1 429 Too Many Requests");
    assert_eq!(chain.call("system_chain", json!([])).await, "Bittensor");
    drop(second);
    for _ in 0..1_000 {
        if let Ok(client) = WsClientBuilder::default().build(&url).await {
            let name: String = client.request("system_chain", rpc_params![]).await.unwrap();
            assert_eq!(name, "Bittensor");
            drop(third);
            return chain.stop().await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the place of a client that went was never free again");
}

#[tokio::test]
async fn nonsense_is_answered_by_number() {
    let chain = Chain::start(manual()).await;
    for (body, code, words) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"no_such"}"#, -32601, "Method not found"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"state_getStorage"}"#, -32602, "Invalid params"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"state_getStorage","params":7}"#, -32602, "Invalid params"),
        (r#"{"jsonrpc":"1.0","id":1,"method":"system_chain"}"#, -32600, "Invalid request"),
        (r#"{"id":1,"method":"system_chain"}"#, -32600, "Invalid request"),
        (r#"{"jsonrpc":"2.0","id":1}"#, -32600, "Invalid request"),
        ("{\"jsonrpc\":", -32700, "Parse error"),
        // A subscription needs a connection that stays.
        (r#"{"jsonrpc":"2.0","id":1,"method":"chain_subscribeNewHeads"}"#, -32603, "Internal error"),
    ] {
        let answer = raw(&chain, body).await;
        assert_eq!((&answer["error"]["code"], &answer["error"]["message"]), (&json!(code), &json!(words)), "{body}");
    }
    let large: Vec<Value> =
        (0..1_025).map(|id| json!({ "jsonrpc": "2.0", "id": id, "method": "system_chain" })).collect();
    let answer = raw(&chain, &json!(large).to_string()).await;
    assert_eq!(answer["error"]["code"], -32010, "{answer}");
    let answers = raw(&chain, &json!(&large[..1_024]).to_string()).await;
    assert_eq!(answers.as_array().unwrap().len(), 1_024);
    // Notifications are not answered, and do no harm.
    let (status, body) = post(&chain, r#"{"jsonrpc":"2.0","method":"system_chain"}"#).await;
    assert!(body.is_empty() || status.contains("200"), "{status} {body}");
    chain.stop().await;
}

#[tokio::test]
async fn subscriptions_end_when_told_and_with_their_connection() {
    let chain = Chain::start(manual()).await;
    for (method, id) in [
        ("chain_unsubscribeNewHeads", json!("nothing")),
        ("state_unsubscribeStorage", json!("nothing")),
        ("author_unwatchExtrinsic", json!("nothing")),
    ] {
        assert_eq!(chain.call(method, json!([id])).await, json!(false), "{method}");
    }
    // Many at once on one connection, each with every head; then the connection goes.
    let other = connect(&chain.devnet).await;
    let mut all = Vec::new();
    for _ in 0..50 {
        all.push(chain.subscribe("chain_subscribeNewHeads", json!([]), "chain_unsubscribeNewHeads").await.unwrap());
    }
    for heads in &mut all {
        next(heads).await;
    }
    let Chain { devnet, client } = chain;
    drop((all, client));
    devnet.mine(3).await.unwrap();
    let head: Value = other.request("chain_getHeader", rpc_params![]).await.unwrap();
    assert_eq!(head["number"], "0x3");
    devnet.stop().await.unwrap();
}

#[tokio::test]
async fn many_clients_are_served_at_once() {
    let chain = Chain::start(manual()).await;
    let mut clients = Vec::new();
    for _ in 0..60 {
        clients.push(connect(&chain.devnet).await);
    }
    let mut answers = tokio::task::JoinSet::new();
    for client in clients {
        answers.spawn(async move {
            for _ in 0..5 {
                let _: Value = client.request("state_getRuntimeVersion", rpc_params![]).await.unwrap();
            }
        });
    }
    while let Some(answered) = answers.join_next().await {
        answered.unwrap();
    }
    chain.stop().await;
}
