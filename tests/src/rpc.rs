//! Questions in JSON-RPC without the client: to the daemon of a host, and to a chain's node. One request, one
//! connection; one that stays is [`crate::websocket`]'s.

use std::{
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    time::Duration,
};

use serde_json::{Value, json};

use crate::Host;

/// Keys are derived slowly, on purpose.
const PATIENCE: Duration = Duration::from_mins(5);

/// What the daemon of a host answers: the result, or the error.
///
/// # Errors
/// The error as the daemon tells it.
///
/// # Panics
/// When there is no daemon, or what it says is no answer.
pub fn call(host: &Host, method: &str, params: &Value) -> Result<Value, Value> {
    let stream = UnixStream::connect(host.path("run/btd/btd.sock")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    answer(stream, method, params)
}

/// What the node at `endpoint` (`ws://ip:port`) answers: the result, or the error.
///
/// # Errors
/// The error as the node tells it.
///
/// # Panics
/// When there is no node, or what it says is no answer.
pub fn call_node(endpoint: &str, method: &str, params: &Value) -> Result<Value, Value> {
    let stream = TcpStream::connect(endpoint.trim_start_matches("ws://")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    answer(stream, method, params)
}

fn answer(mut stream: impl Read + Write, method: &str, params: &Value) -> Result<Value, Value> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n";
    write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap_or_else(|error| panic!("{method}: {error}"));
    let reply = String::from_utf8(reply).unwrap();
    // Long replies come in chunks, whose lengths stand between them.
    let start = reply.find("\r\n\r\n").unwrap_or_else(|| panic!("{method}: {reply}")) + 4;
    let is_chunked = reply[..start].to_lowercase().contains("transfer-encoding: chunked");
    let body = if is_chunked { unchunked(&reply[start..]) } else { reply[start..].to_owned() };
    let reply: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{method}: {error}: {body}"));
    match reply.get("error") {
        Some(error) => Err(error.clone()),
        None => Ok(reply["result"].clone()),
    }
}

fn unchunked(mut text: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = text.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        whole.push_str(&rest[..length]);
        text = rest[length..].trim_start_matches("\r\n");
    }
    whole
}
