//! The control API through its sockets: what strangers, broken clients and slow ones get.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use btd_api::{ApiError, Method, Role, Subscription, rpc::Nothing, wallet::UnlockParams};
use futures_util::{Stream, stream};
use jsonrpsee::{
    core::client::{ClientT, SubscriptionClientT},
    rpc_params,
    ws_client::WsClientBuilder,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    task::JoinHandle,
};

use super::*;
use crate::rpc::{Caller, TcpConfig};

macro_rules! method {
    ($type:ident, $name:literal, $role:ident, $params:ty => $reply:ty) => {
        enum $type {}
        impl Method for $type {
            const NAME: &'static str = $name;
            const SUMMARY: &'static str = "for tests";
            const ROLE: Role = Role::$role;
            type Params = $params;
            type Reply = $reply;
        }
    };
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Pair {
    left: u32,
    #[serde(default)]
    right: u32,
}

method!(Add, "test_add", Read, Pair => u32);
method!(Spend, "test_spend", Spend, Nothing => u32);
method!(Panic, "test_panic", Read, Nothing => u32);
method!(Open, "test_open", Spend, UnlockParams => u32);
method!(Wait, "test_wait", Read, Nothing => u32);
method!(Long, "test_long", Read, Pair => String);

enum Count {}
impl Subscription for Count {
    const NAME: &'static str = "test_subscribeCount";
    const UNSUBSCRIBE: &'static str = "test_unsubscribeCount";
    const NOTIFICATION: &'static str = "test_count";
    const SUMMARY: &'static str = "for tests";
    const ROLE: Role = Role::Read;
    type Params = Pair;
    type Item = u32;
}

/// What the handlers share with the test.
#[derive(Default)]
struct Bench {
    waiting: Notify,
    go: Notify,
    finished: AtomicU32,
}

async fn add(_: Arc<Bench>, pair: Pair, _: Caller) -> Result<u32, ApiError> {
    Ok(pair.left + pair.right)
}

async fn spend(_: Arc<Bench>, _: Nothing, _: Caller) -> Result<u32, ApiError> {
    Ok(1)
}

async fn panic(bench: Arc<Bench>, _: Nothing, _: Caller) -> Result<u32, ApiError> {
    assert!(bench.finished.load(Ordering::Relaxed) > 1_000, "a fault of the handler");
    Ok(1)
}

async fn open(_: Arc<Bench>, params: UnlockParams, _: Caller) -> Result<u32, ApiError> {
    panic!("while at {}", params.password.expose())
}

async fn wait(bench: Arc<Bench>, _: Nothing, _: Caller) -> Result<u32, ApiError> {
    bench.waiting.notify_one();
    bench.go.notified().await;
    Ok(bench.finished.fetch_add(1, Ordering::Relaxed) + 1)
}

async fn long(_: Arc<Bench>, pair: Pair, _: Caller) -> Result<String, ApiError> {
    Ok("x".repeat(pair.left as usize))
}

async fn count(_: Arc<Bench>, pair: Pair, _: Caller) -> Result<impl Stream<Item = u32>, ApiError> {
    if pair.left > pair.right {
        return Err(ApiError::new(btd_api::ErrorKind::InvalidParams, "counts upwards only"));
    }
    Ok(stream::iter(pair.left..pair.right))
}

struct Running {
    _dir: tempfile::TempDir,
    socket: PathBuf,
    loopback: Option<SocketAddr>,
    token: String,
    bench: Arc<Bench>,
    told: CancellationToken,
    served: JoinHandle<TaskResult>,
}

async fn run(config: Config) -> Running {
    run_for(config, None).await
}

async fn run_for(config: Config, peers: Option<Peers>) -> Running {
    let dir = tempfile::tempdir().unwrap();
    let (socket, token_file) = (dir.path().join("btd.sock"), dir.path().join("token"));
    let mut server = Server::bind(&config, &socket, &token_file).await.unwrap();
    if let Some(peers) = peers {
        server.peers = Arc::new(peers);
    }
    let bench = Arc::new(Bench::default());
    let mut table = Table::default();
    table
        .noun(&bench)
        .method::<Add>(add)
        .method::<Spend>(spend)
        .method::<Panic>(panic)
        .method::<Open>(open)
        .method::<Wait>(wait)
        .method::<Long>(long)
        .subscription::<Count>(count)
        .done();
    let (loopback, told) = (server.loopback(), CancellationToken::new());
    let pulse = crate::service_manager::ServiceManager::connect(&crate::service_manager::Config::default());
    let health = Health::new(Vec::new);
    let served = tokio::spawn(server.serve(table, health, pulse.unwrap().pulse("rpc"), told.clone()));
    let token = std::fs::read_to_string(token_file).unwrap_or_default().trim().to_owned();
    Running { _dir: dir, socket, loopback, token, bench, told, served }
}

impl Running {
    /// Sends raw bytes and reads until the other end closes.
    async fn raw(&self, request: &str) -> String {
        let mut stream = UnixStream::connect(&self.socket).await.unwrap();
        exchange(&mut stream, request).await
    }

    async fn post(&self, body: &str) -> (u16, Value) {
        reply(&self.raw(&http(body)).await)
    }

    async fn call(&self, method: &str, params: Value) -> Value {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let (status, reply) = self.post(&call.to_string()).await;
        assert_eq!(status, 200);
        reply
    }
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    // A server that closes in the middle of a long request resets the connection: what came before counts.
    let _ = stream.read_to_string(&mut text).await;
    text
}

fn http(body: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn reply(text: &str) -> (u16, Value) {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn calls_are_taken_by_name_and_by_position() {
    let server = run(Config::default()).await;
    assert_eq!(server.call("test_add", json!({ "left": 1, "right": 2 })).await["result"], 3);
    assert_eq!(server.call("test_add", json!([1, 2])).await["result"], 3);
    assert_eq!(server.call("test_add", json!([1])).await["result"], 1);
    let (_, reply) = server.post(r#"{"jsonrpc":"2.0","id":"a","method":"test_spend"}"#).await;
    assert_eq!((&reply["result"], &reply["id"]), (&json!(1), &json!("a")));
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let server = run(Config::default()).await;
    for (params, word) in [
        (json!({ "left": 1, "rihgt": 2 }), "rihgt"),
        (json!({ "right": 2 }), "left"),
        (json!([1, 2, 3]), "more parameters"),
        (json!({ "left": "one" }), "one"),
        (json!(7), "object"),
    ] {
        let reply = server.call("test_add", params.clone()).await;
        let error = &reply["error"];
        assert_eq!((&error["code"], &error["data"]["kind"]), (&json!(-32602), &json!("INVALID_PARAMS")), "{params}");
        assert!(error["message"].as_str().unwrap().contains(word), "{reply}");
        assert!(error["data"]["request_id"].as_str().unwrap().starts_with('r'), "{reply}");
    }
}

#[tokio::test]
async fn what_is_not_a_call_gets_the_standard_errors() {
    let server = run(Config::default()).await;
    for (body, code) in [
        ("{\"jsonrpc", -32700),
        ("", -32700),
        ("{}", -32600),
        ("nonsense", -32700),
        (r#"{"id":1}"#, -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"test_add"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"test_add","method":"test_spend"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"test_nothing"}"#, -32601),
        ("[]", -32600),
    ] {
        let (status, reply) = server.post(body).await;
        assert_eq!((status, &reply["error"]["code"]), (200, &json!(code)), "{body}: {reply}");
        is_typed(&reply);
    }
    assert_eq!(reply(&server.raw("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await).0, 405);
    assert_eq!(reply(&server.raw("GET /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await).0, 404);
    assert_eq!(reply(&server.raw("GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await).0, 200);
    assert_eq!(reply(&server.raw("utter nonsense\r\n\r\n").await).0, 400);
    assert_eq!(server.call("test_add", json!([2, 2])).await["result"], 4);
}

/// Every error has its number, its kind, whether to try again, and the request that it is about.
fn is_typed(reply: &Value) {
    let (error, data) = (&reply["error"], &reply["error"]["data"]);
    let code = i32::try_from(error["code"].as_i64().unwrap()).unwrap();
    let kind = btd_api::ErrorKind::from_code(code).unwrap_or_else(|| panic!("{reply}"));
    assert_eq!((&data["kind"], &data["retryable"]), (&json!(kind.name()), &json!(kind.retryable())), "{reply}");
    assert!(data["request_id"].as_str().is_some_and(|id| id.starts_with('r')), "{reply}");
    assert!(error["message"].as_str().is_some_and(|words| words.len() > 10), "{reply}");
}

#[tokio::test]
async fn what_wants_no_answer_gets_none() {
    let server = run(Config::default()).await;
    let notification = r#"{"jsonrpc":"2.0","method":"test_spend"}"#;
    for body in [notification.to_owned(), format!("[{notification},{notification}]")] {
        let text = server.raw(&http(&body)).await;
        assert!(text.starts_with("HTTP/1.1 204") && text.ends_with("\r\n\r\n"), "{text}");
    }
    let mixed = format!(r#"[{notification},{{"jsonrpc":"2.0","id":1,"method":"test_add","params":[1]}}]"#);
    assert_eq!(server.post(&mixed).await.1, json!([{ "jsonrpc": "2.0", "id": 1, "result": 1 }]));
}

#[tokio::test]
async fn a_websocket_gets_the_same_errors_and_lives_on() {
    use tokio_util::compat::TokioAsyncReadCompatExt;
    let config = Config { max_request_bytes: 200, max_reply_bytes: 500, max_batch: 2, ..Config::default() };
    let server = run(config).await;
    let stream = UnixStream::connect(&server.socket).await.unwrap();
    let mut client = soketto::handshake::Client::new(stream.compat(), "localhost", "/");
    assert!(matches!(client.handshake().await.unwrap(), soketto::handshake::ServerResponse::Accepted { .. }));
    let (mut sender, mut receiver) = client.into_builder().finish();
    let mut next = async || {
        let mut answer = Vec::new();
        receiver.receive_data(&mut answer).await.unwrap();
        serde_json::from_slice::<Value>(&answer).unwrap()
    };
    let mut ask = async |text: &str| {
        sender.send_text(text).await.unwrap();
        sender.flush().await.unwrap();
        next().await
    };
    let call =
        |method: &str, params: &str| format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{params}}}"#);
    let add = call("test_add", "[2,3]");
    let large = format!("{{\"x\":\"{}\"}}", "y".repeat(400));
    for (text, code) in [
        ("", -32700),
        ("nonsense", -32700),
        ("{", -32700),
        ("{}", -32600),
        ("[]", -32600),
        ("[1,2,3]", -32010),
        (large.as_str(), -32007),
        (&call("test_nothing", "[]"), -32601),
        (&call("test_add", "[]"), -32602),
        (&call("test_long", "[2000]"), -32008),
    ] {
        let answer = ask(text).await;
        assert_eq!(answer["error"]["code"], code, "{text}: {answer}");
        is_typed(&answer);
        // Whatever it was, the connection goes on.
        assert_eq!(ask(&add).await["result"], 5, "after {text}");
    }
    let answer = ask("[1]").await;
    is_typed(&answer[0]);
    // The end of a subscription is told like any other error.
    assert!(ask(&call(Count::NAME, "[0,0]")).await["result"].is_number());
    let end = next().await;
    assert_eq!(end["params"]["error"]["code"], 1006, "{end}");
    is_typed(&end["params"]);
}

#[tokio::test]
async fn a_flood_on_one_connection_is_answered_or_refused_call_by_call() {
    use tokio_util::compat::TokioAsyncReadCompatExt;
    let server = run(Config::default()).await;
    let stream = UnixStream::connect(&server.socket).await.unwrap();
    let mut client = soketto::handshake::Client::new(stream.compat(), "localhost", "/");
    assert!(matches!(client.handshake().await.unwrap(), soketto::handshake::ServerResponse::Accepted { .. }));
    let (mut sender, mut receiver) = client.into_builder().finish();
    let flood = async {
        for id in 0..2_000 {
            let call = json!({ "jsonrpc": "2.0", "id": id, "method": "test_long", "params": [10_000] });
            sender.send_text(call.to_string()).await.unwrap();
        }
        sender.flush().await.unwrap();
    };
    let answers = async {
        // Nothing is taken for a while.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut ids = std::collections::BTreeSet::new();
        while ids.len() < 2_000 {
            let mut answer = Vec::new();
            receiver.receive_data(&mut answer).await.unwrap();
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            if answer["result"].is_null() {
                assert_eq!(answer["error"]["data"]["kind"], "BUSY");
            }
            assert!(ids.insert(answer["id"].as_u64().unwrap()));
        }
    };
    tokio::join!(flood, answers);
}

#[tokio::test]
async fn subscriptions_have_a_bound() {
    let server = run(Config { max_subscriptions: 1, ..Config::default() }).await;
    let stream = UnixStream::connect(&server.socket).await.unwrap();
    let client = WsClientBuilder::default().build_with_stream("ws://localhost", stream).await.unwrap();
    let endless = rpc_params![7, u32::MAX];
    let first = client.subscribe::<u32, _>(Count::NAME, endless.clone(), Count::UNSUBSCRIBE).await.unwrap();
    let refused = client.subscribe::<u32, _>(Count::NAME, endless, Count::UNSUBSCRIBE).await.unwrap_err();
    let jsonrpsee::core::ClientError::Call(error) = refused else { panic!("{refused}") };
    assert_eq!(error.code(), -32006);
    is_typed(&json!({ "error": error }));
    drop((first, client));
}

#[tokio::test]
async fn sizes_have_bounds() {
    // A saved metagraph of the largest size that btctl sends fits into a request.
    let request = btd_api::metagraph::LARGEST_FILE * 2 + 1_024;
    assert!(u64::from(Config::default().max_request_bytes) >= u64::try_from(request).unwrap());
    let config = Config { max_request_bytes: 2_000, max_reply_bytes: 1_000, ..Config::default() };
    let server = run(config).await;
    let (status, refused) = server.post(&format!("{{\"x\":\"{}\"}}", "y".repeat(4_000))).await;
    assert_eq!((status, &refused["error"]["code"]), (413, &json!(-32007)));
    is_typed(&refused);
    assert_eq!(server.call("test_long", json!([10])).await["result"], "x".repeat(10));
    let refused = server.call("test_long", json!([2_000])).await;
    assert_eq!(refused["error"]["code"], -32008);
    is_typed(&refused);
}

#[tokio::test]
async fn batches_are_bounded_and_do_not_spend() {
    let server = run(Config { max_batch: 3, ..Config::default() }).await;
    let call = |id: u32, method: &str| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": [] });
    let add = |id| json!({ "jsonrpc": "2.0", "id": id, "method": "test_add", "params": [id] });
    let (_, replies) = server.post(&json!([add(5), call(6, "test_spend"), add(7)]).to_string()).await;
    let replies = replies.as_array().unwrap();
    assert_eq!((&replies[0]["result"], &replies[2]["result"]), (&json!(5), &json!(7)));
    assert_eq!(replies[1]["error"]["data"]["kind"], "INVALID_REQUEST");
    assert_eq!(replies[1]["id"], 6);
    let (_, too_many) = server.post(&json!([add(1), add(2), add(3), add(4)]).to_string()).await;
    assert_eq!(too_many["error"]["code"], -32010);
    is_typed(&too_many);
    let (_, mixed) = server.post(&json!([1, add(2)]).to_string()).await;
    assert_eq!((&mixed[0]["error"]["code"], &mixed[1]["result"]), (&json!(-32600), &json!(2)));
    is_typed(&mixed[0]);
}

#[tokio::test]
async fn a_panic_is_that_requests_only() {
    let server = run(Config::default()).await;
    let reply = server.call("test_panic", json!([])).await;
    assert_eq!((&reply["error"]["code"], &reply["error"]["data"]["kind"]), (&json!(-32603), &json!("INTERNAL_ERROR")));
    assert_eq!(server.call("test_add", json!([1])).await["result"], 1);
}

const PANICS: &str = "BTD_TEST_PANICS";

/// Not a test by itself: what the next one starts, with the log of the daemon at its finest.
#[tokio::test]
async fn panics() {
    let Some(secret) = std::env::vars_os().find_map(|(name, value)| (name == PANICS).then_some(value)) else { return };
    let log = crate::logs::Config { filter: "trace".to_owned(), ..crate::logs::Config::default() };
    crate::logs::begin(&log, &crate::rpc::CARRIERS, "a runtime").unwrap();
    let server = run(Config::default()).await;
    let params = json!({ "wallet": "w", "key": "coldkey", "password": secret.to_str() });
    println!("answered {}", server.call("test_open", params).await);
    let supervisor = crate::supervisor::Supervisor::new(crate::supervisor::Config::default());
    supervisor.spawner().spawn(crate::supervisor::Stage::Work, "keys", move |_| async move {
        panic!("while at {}", secret.display());
    });
    println!("ended by: {}", supervisor.run().await.unwrap_err());
}

#[test]
fn no_panic_tells_a_password() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["rpc::server::tests::panics", "--exact", "--nocapture", "--test-threads=1"])
        .env(PANICS, "canary-51cd")
        .output()
        .unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    // Where it was is told each time, and the request and the task are.
    for words in ["panicked", "server/tests.rs:", "a request panicked", "INTERNAL_ERROR", "the task `keys` panicked"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(output.status.success() && !said.contains("canary-51cd"), "{said}");
}

#[tokio::test]
async fn a_call_goes_on_when_its_caller_hangs_up() {
    let server = run(Config::default()).await;
    let mut stream = UnixStream::connect(&server.socket).await.unwrap();
    stream.write_all(http(r#"{"jsonrpc":"2.0","id":1,"method":"test_wait"}"#).as_bytes()).await.unwrap();
    server.bench.waiting.notified().await;
    drop(stream);
    // The hang-up is noticed before the next connection is served.
    server.call("test_add", json!([1])).await;
    server.bench.go.notify_one();
    while server.bench.finished.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn stopping_answers_what_is_in_flight_and_nothing_else() {
    let server = run(Config::default()).await;
    let mut stream = UnixStream::connect(&server.socket).await.unwrap();
    stream.write_all(http(r#"{"jsonrpc":"2.0","id":1,"method":"test_wait"}"#).as_bytes()).await.unwrap();
    server.bench.waiting.notified().await;
    server.told.cancel();
    while UnixStream::connect(&server.socket).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    server.bench.go.notify_one();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert_eq!(reply(&text).1["result"], 1);
    server.served.await.unwrap().unwrap();
    assert!(!server.socket.exists());
}

#[tokio::test]
async fn a_subscription_tells_its_items_and_its_end() {
    let server = run(Config::default()).await;
    let stream = UnixStream::connect(&server.socket).await.unwrap();
    let client = WsClientBuilder::default().build_with_stream("ws://localhost", stream).await.unwrap();
    let mut counted = client.subscribe::<u32, _>(Count::NAME, rpc_params![3, 6], Count::UNSUBSCRIBE).await.unwrap();
    let mut items = Vec::new();
    while let Some(item) = counted.next().await {
        items.push(item.unwrap());
    }
    assert_eq!(items, [3, 4, 5]);
    let refused = client.subscribe::<u32, _>(Count::NAME, rpc_params![6, 3], Count::UNSUBSCRIBE).await;
    assert!(refused.unwrap_err().to_string().contains("counts upwards only"));
    assert_eq!(client.request::<u32, _>("test_add", rpc_params![1, 1]).await.unwrap(), 2);
    server.told.cancel();
    server.served.await.unwrap().unwrap();
    client.on_disconnect().await;
}

#[tokio::test]
async fn a_subscription_needs_a_connection_that_stays() {
    let server = run(Config::default()).await;
    let reply = server.call(Count::NAME, json!([1, 2])).await;
    assert_eq!(reply["error"]["data"]["kind"], "INVALID_REQUEST");
}

#[tokio::test]
async fn a_user_without_rights_is_told_so_unheard() {
    let server = run_for(Config::default(), Some(Peers::nobody())).await;
    let mut stream = UnixStream::connect(&server.socket).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 403"), "{text}");
}

#[tokio::test]
async fn connections_have_a_bound() {
    let server = run(Config { max_connections: 1, ..Config::default() }).await;
    let stream = UnixStream::connect(&server.socket).await.unwrap();
    let client = WsClientBuilder::default().build_with_stream("ws://localhost", stream).await.unwrap();
    assert_eq!(client.request::<u32, _>("test_add", rpc_params![1, 1]).await.unwrap(), 2);
    let mut second = UnixStream::connect(&server.socket).await.unwrap();
    let mut text = String::new();
    second.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 503"), "{text}");
    drop(client);
    let call = http(r#"{"jsonrpc":"2.0","id":1,"method":"test_add","params":[1]}"#);
    while !server.raw(&call).await.starts_with("HTTP/1.1 200") {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn the_loopback_port_wants_the_token_and_no_browser() {
    let listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let tcp = TcpConfig { listen, ..TcpConfig::default() };
    let server = run(Config { tcp, ..Config::default() }).await;
    let call = |method: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":[1]}}"#);
    let ask = async |headers: String, body: String| {
        let mut stream = TcpStream::connect(server.loopback.unwrap()).await.unwrap();
        reply(&exchange(&mut stream, &http(&body).replacen("\r\n\r\n", &format!("\r\n{headers}\r\n\r\n"), 1)).await)
    };
    let authorized = format!("authorization: Bearer {}", server.token);
    assert_eq!(
        ask(authorized.clone(), call("test_add")).await,
        (200, json!({ "jsonrpc": "2.0", "id": 1, "result": 1 }))
    );
    assert_eq!(ask("x: y".into(), call("test_add")).await.0, 401);
    assert_eq!(ask(format!("{authorized}\r\norigin: http://localhost"), call("test_add")).await.0, 403);
    assert_eq!(ask(format!("{authorized}\r\nhost: evil.example"), call("test_add")).await.0, 403);
    let (_, spending) = ask(authorized, call("test_spend")).await;
    assert_eq!(spending["error"]["data"]["kind"], "PERMISSION_DENIED");
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let dir = tempfile::tempdir().unwrap();
    let tcp = TcpConfig { listen: Some(SocketAddr::from(([0, 0, 0, 0], 0))), ..TcpConfig::default() };
    let config = Config { tcp, ..Config::default() };
    let error = Server::bind(&config, &dir.path().join("s"), &dir.path().join("t")).await.unwrap_err();
    assert!(matches!(error, ServerError::Tcp(TcpError::NotLoopback { .. })), "{error}");
}
