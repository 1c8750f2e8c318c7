//! What pages of other origins and those who watch over nodes find: as of Substrate's own server on a `--dev` node.

use jsonrpsee::{
    core::client::ClientT,
    rpc_params,
    ws_client::{HeaderMap, HeaderValue, WsClientBuilder},
};
use serde_json::{Value, json};

use crate::{
    client::{Chain, manual},
    methods::exchange_heads,
};

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"system_chain"}"#;
const ORIGIN: &str = "origin: https://page.example";

/// The value of a header in the head of an answer.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.into_iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn status(head: &str) -> &str {
    head.lines().next().unwrap_or_default()
}

#[tokio::test]
async fn pages_of_any_origin_may_call_and_read_the_answer() {
    let chain = Chain::start(manual()).await;
    let ask = format!(
        "OPTIONS / HTTP/1.1\r\n{ORIGIN}\r\naccess-control-request-method: POST\r\n\
         access-control-request-headers: content-type\r\ncontent-length: 0"
    );
    let (head, body) = exchange_heads(&chain, &ask, "").await;
    assert_eq!((status(&head), body.as_str()), ("HTTP/1.1 200 OK", ""));
    for name in ["access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers"] {
        assert_eq!(header(&head, name), Some("*"), "{name} in {head}");
    }
    assert_eq!(header(&head, "access-control-allow-credentials"), None, "{head}");

    let length = CALL.len();
    let call = format!("POST / HTTP/1.1\r\n{ORIGIN}\r\ncontent-type: application/json\r\ncontent-length: {length}");
    let (head, body) = exchange_heads(&chain, &call, CALL).await;
    assert_eq!(status(&head), "HTTP/1.1 200 OK");
    assert_eq!(header(&head, "access-control-allow-origin"), Some("*"), "{head}");
    let vary = "origin, access-control-request-method, access-control-request-headers";
    assert_eq!(header(&head, "vary"), Some(vary), "{head}");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["result"], "Bittensor");

    let mut headers = HeaderMap::new();
    headers.insert("origin", HeaderValue::from_static("https://page.example"));
    let url = format!("ws://{}", chain.devnet.address());
    let client = WsClientBuilder::default().set_headers(headers).build(&url).await.unwrap();
    let name: String = client.request("system_chain", rpc_params![]).await.unwrap();
    assert_eq!(name, "Bittensor");
    chain.stop().await;
}

#[tokio::test]
async fn who_watches_over_nodes_asks_two_paths_by_get_alone() {
    let chain = Chain::start(manual()).await;
    let (head, body) = exchange_heads(&chain, "GET /health HTTP/1.1", "").await;
    assert_eq!(status(&head), "HTTP/1.1 200 OK");
    assert_eq!(header(&head, "content-type"), Some("application/json; charset=utf-8"));
    let health = json!({ "peers": 0, "isSyncing": false, "shouldHavePeers": false });
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), health);
    let (head, body) = exchange_heads(&chain, "GET /health/readiness HTTP/1.1", "").await;
    assert_eq!((status(&head), body.as_str()), ("HTTP/1.1 200 OK", ""));
    let length = CALL.len();
    for path in ["/health", "/health/readiness"] {
        let call = format!("POST {path} HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {length}");
        let (head, body) = exchange_heads(&chain, &call, CALL).await;
        assert_eq!((status(&head), body.as_str()), ("HTTP/1.1 405 Method Not Allowed", ""), "{path}");
    }
    chain.stop().await;
}
