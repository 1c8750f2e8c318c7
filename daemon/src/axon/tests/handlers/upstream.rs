//! HTTP servers as handlers.

use std::{convert::Infallible, net::SocketAddr, sync::atomic::AtomicBool};

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::axon::{Upstream, UpstreamConfig};
/// An HTTP server that does as its path says.
async fn server(bind: SocketAddr) -> (SocketAddr, CancellationToken) {
    let listener = TcpListener::bind(bind).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        while let Some(Ok((stream, _))) = told.run_until_cancelled(listener.accept()).await {
            let told = told.clone();
            tokio::spawn(async move {
                let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(upstream));
                let _ = told.run_until_cancelled(serving).await;
            });
        }
    });
    (address, stop)
}

async fn upstream(request: http::Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let sender = request.headers().get("btd-sender").cloned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let (status, kind, reply) = match path.as_str() {
        "/a/Job" => {
            let message: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(sender.unwrap().to_str().unwrap(), message["dendrite"]["hotkey"].as_str().unwrap());
            (200, "application/json", r#"{"n": 5}"#)
        }
        "/odd/Job" => {
            let message: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(message["n"], "-Infinity");
            (200, "application/json", r#"{"n": 5}"#)
        }
        "/packed/Job" => (200, "application/json", "packed"),
        "/A/Job" => (200, "Application/JSON; Charset=UTF-8", r#"{"n": 5}"#),
        "/s/Job" => (200, "text/event-stream", "streamed"),
        "/lines/Job" => (200, "application/json-lines", "streamed"),
        "/busy/Job" => (503, "application/json", r#"{"message": "later"}"#),
        "/no/Job" => (402, "application/json", r#"{"message": "pay first"}"#),
        "/bad/Job" => (200, "application/json", r#"{"n": "many"}"#),
        "/screen/Job/screen" => (200, "application/json", r#"{"blacklist": "not you"}"#),
        _ => (500, "text/plain", "oops"),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(reply.as_bytes())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
    if reply == "packed" {
        response.headers_mut().insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
    }
    Ok(response)
}

fn http_handler(urls: Vec<String>, screen: &str) -> Arc<Upstream> {
    let config =
        UpstreamConfig { urls, screen: screen == "screen", health_interval_ms: 10, ..UpstreamConfig::default() };
    Arc::new(Upstream::new(Arc::new(spec("Job")), config).unwrap())
}

#[tokio::test]
async fn an_http_server_answers_streams_and_refuses() {
    let (address, _stop) = server(([127, 0, 0, 1], 0).into()).await;
    for (path, code, words) in [
        ("a", 200, "Success"),
        ("A", 200, "Success"),
        ("busy", 503, "later"),
        ("no", 402, "pay first"),
        ("bad", 500, "Internal Server Error"),
        ("packed", 500, "Internal Server Error"),
        ("oops", 500, "Internal Server Error"),
        ("screen", 403, "not you"),
    ] {
        let axon = axon(config(), vec![http_handler(vec![format!("http://{address}/{path}")], path)]).await;
        let outcome = ask(&axon, Transport::Http).await;
        assert_eq!(outcome.status_code, code, "{path}: {}", outcome.status_message);
        assert!(outcome.status_message.contains(words), "{path}: {}", outcome.status_message);
        if code == 200 {
            assert_eq!(outcome.synapse.unwrap().fields["n"], Value::Float(5.0));
        }
    }
    for path in ["s", "lines"] {
        let axon = axon(config(), vec![http_handler(vec![format!("http://{address}/{path}")], "")]).await;
        let (pieces, mut taken) = mpsc::channel(4);
        let dendrite = dendrite();
        let job = spec("Job");
        let call = dendrite.call_streaming(target(&axon), &job, fields("x"), (Transport::Http, PATIENCE), &pieces);
        let (outcome, piece) = tokio::join!(call, taken.recv());
        assert_eq!((outcome.status_code, piece.unwrap()), (200, Bytes::from_static(b"streamed")), "{path}");
    }
}

#[tokio::test]
async fn an_http_server_gets_json_whatever_numbers_a_message_holds() {
    let (address, _stop) = server(([127, 0, 0, 1], 0).into()).await;
    let axon = axon(config(), vec![http_handler(vec![format!("http://{address}/odd")], "")]).await;
    let mut odd = fields("hello");
    odd.insert("n".to_owned(), Value::Float(f64::NEG_INFINITY));
    let outcome = dendrite().call(target(&axon), &spec("Job"), odd, (Transport::Http, PATIENCE)).await;
    assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
    assert_eq!(outcome.synapse.unwrap().fields["n"], Value::Float(5.0));
}

/// A server that streams its name and never comes to an end.
async fn endless(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut vec![0; 64 * 1_024]).await;
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            stream.write_all(format!("{head}{:x}\r\n{name}\r\n", name.len()).as_bytes()).await.unwrap();
            open.push(stream);
        }
    });
    address
}

#[tokio::test]
async fn a_server_is_busy_until_its_stream_has_ended() {
    let urls = [endless("first").await, endless("second").await].map(|address| format!("http://{address}"));
    let axon = axon(config(), vec![http_handler(urls.to_vec(), "")]).await;
    let (dendrite, job) = (dendrite(), spec("Job"));
    let (pieces, mut taken) = mpsc::channel(4);
    let call = || dendrite.call_streaming(target(&axon), &job, fields("x"), (Transport::Http, PATIENCE), &pieces);
    let (first, second) = (call(), call());
    tokio::pin!(first, second);
    let mut names = Vec::new();
    for call in [first.as_mut(), second.as_mut()] {
        tokio::select! {
            outcome = call => panic!("{}", outcome.status_message),
            piece = taken.recv() => names.push(piece.unwrap()),
        }
    }
    // The second request goes to the server that does nothing.
    assert_eq!(names, ["first", "second"]);
}

#[tokio::test]
async fn requests_wait_while_an_http_server_restarts() {
    // An address of its own: the port is bound again.
    let (address, stop) = server(([127, 0, 1, 77], 0).into()).await;
    let handler = http_handler(vec![format!("http://{address}/a")], "");
    let end = CancellationToken::new();
    let watching = tokio::spawn({
        let (handler, end) = (Arc::clone(&handler), end.clone());
        async move { handler.watch(end).await }
    });
    let axon = axon(config(), vec![handler]).await;
    assert_eq!(ask(&axon, Transport::Http).await.status_code, 200);
    stop.cancel();
    let waits = ask(&axon, Transport::Http);
    let restart = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        server(address).await
    };
    let (outcome, _running) = tokio::join!(waits, restart);
    assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
    end.cancel();
    watching.await.unwrap();
    // Without a server the caller waits no longer than it said.
    let gone = http_handler(vec!["http://127.0.0.1:1".to_owned()], "");
    let axon = crate::axon::tests::support::axon(config(), vec![gone]).await;
    let outcome = ask_within(&axon, Transport::Http, Duration::from_millis(100)).await;
    assert_eq!(outcome.status_code, 408, "{}", outcome.status_message);
}

/// What becomes known of a server's health, and what the server says of it.
#[derive(Clone, Default)]
struct Health {
    ill: Arc<AtomicBool>,
    looks: Arc<AtomicUsize>,
}

impl Health {
    /// Says this from now on, and waits until the handler has heard it.
    async fn turn(&self, ill: bool) {
        self.ill.store(ill, Ordering::Relaxed);
        // The first look may have been under way, and what the second one saw is known before the third.
        let heard = self.looks.load(Ordering::Relaxed) + 3;
        let looked = async {
            while self.looks.load(Ordering::Relaxed) < heard {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, looked).await.expect("the handler looks");
    }
}

/// A server that answers its number to what is posted, and its health to whoever looks.
async fn numbered(bind: SocketAddr, number: u8, health: Health) -> (SocketAddr, CancellationToken) {
    let listener = TcpListener::bind(bind).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let told = stop.clone();
    let answer = move |request: http::Request<Incoming>| {
        let health = health.clone();
        async move {
            let is_look = request.method() == http::Method::GET;
            let _ = request.into_body().collect().await;
            let mut response = Response::new(Full::new(Bytes::from(format!(r#"{{"n": {number}}}"#))));
            response.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
            if is_look && health.ill.load(Ordering::Relaxed) {
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            }
            health.looks.fetch_add(usize::from(is_look), Ordering::Relaxed);
            Ok::<_, Infallible>(response)
        }
    };
    tokio::spawn(async move {
        while let Some(Ok((stream, _))) = told.run_until_cancelled(listener.accept()).await {
            let (told, answer) = (told.clone(), answer.clone());
            tokio::spawn(async move {
                let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
                let _ = told.run_until_cancelled(serving).await;
            });
        }
    });
    (address, stop)
}

#[tokio::test]
async fn an_ill_http_server_is_left_to_the_others_until_it_is_well() {
    let (first, second) = (Health::default(), Health::default());
    // An address of its own: the port is bound again.
    let (one, stop) = numbered(([127, 0, 1, 78], 0).into(), 1, first.clone()).await;
    let (other, _other) = numbered(([127, 0, 0, 1], 0).into(), 2, second.clone()).await;
    let config = UpstreamConfig {
        urls: [one, other].map(|address| format!("http://{address}")).to_vec(),
        health: Some("/well".to_owned()),
        health_interval_ms: 10,
        ..UpstreamConfig::default()
    };
    let handler = Arc::new(Upstream::new(Arc::new(spec("Job")), config).unwrap());
    let end = CancellationToken::new();
    let watching = tokio::spawn({
        let (handler, end) = (Arc::clone(&handler), end.clone());
        async move { handler.watch(end).await }
    });
    let axon = axon(crate::axon::tests::support::config(), vec![handler]).await;
    let answered_by = || async {
        let outcome = ask(&axon, Transport::Http).await;
        assert_eq!(outcome.status_code, 200, "{}", outcome.status_message);
        outcome.synapse.unwrap().fields["n"].clone()
    };
    // Where neither has anything to do, it is the first.
    assert_eq!(answered_by().await, Value::Float(1.0));
    first.turn(true).await;
    for _ in 0..4 {
        assert_eq!(answered_by().await, Value::Float(2.0));
    }
    first.turn(false).await;
    assert_eq!(answered_by().await, Value::Float(1.0));
    // One that refuses connections fails no request either: the other has it.
    stop.cancel();
    while TcpStream::connect(one).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let refused = async { while answered_by().await != Value::Float(2.0) {} };
    timeout(PATIENCE, refused).await.expect("the second one answers");
    for _ in 0..4 {
        assert_eq!(answered_by().await, Value::Float(2.0));
    }
    let (_, _again) = numbered(one, 1, first.clone()).await;
    first.turn(false).await;
    assert_eq!(answered_by().await, Value::Float(1.0));
    end.cancel();
    watching.await.unwrap();
}
