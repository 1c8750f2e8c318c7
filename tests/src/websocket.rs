//! WebSocket as far as the tests need it (RFC 6455, no compression, one frame a message): the frames that pass, and a
//! connection to the daemon of a host that stays.

use std::{
    collections::VecDeque,
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

use serde_json::{Value, json};

use crate::Host;

/// How long the next message may be away.
const PATIENCE: Duration = Duration::from_mins(1);

/// A connection over which the daemon of a host tells what goes on.
#[derive(Debug)]
pub struct Following {
    stream: UnixStream,
    asked: u64,
    waiting: VecDeque<Value>,
}

// === impl Following ===

impl Following {
    /// Connects to the daemon of a host.
    ///
    /// # Panics
    /// When there is none.
    pub fn connect(host: &Host) -> Self {
        let mut stream = UnixStream::connect(host.path("run/btd/btd.sock")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = "GET / HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n";
        write!(stream, "{head}sec-websocket-version: 13\r\nsec-websocket-key: dGVzdHMgb2YgYnRkLi4uLg==\r\n\r\n")
            .unwrap();
        let reply = handshake(&mut stream).unwrap();
        assert!(reply.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&reply));
        Self { stream, asked: 0, waiting: VecDeque::new() }
    }

    /// What a method answers: for a subscription, its number.
    ///
    /// # Errors
    /// The error as the daemon tells it.
    ///
    /// # Panics
    /// When the connection is lost, or silent for a minute.
    pub fn call(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        self.asked += 1;
        let request = json!({ "jsonrpc": "2.0", "id": self.asked, "method": method, "params": params });
        self.stream.write_all(&masked(request.to_string().as_bytes())).unwrap();
        loop {
            let message = self.read(method);
            if message["id"] != self.asked {
                self.waiting.push_back(message);
                continue;
            }
            return match message.get("error") {
                Some(error) => Err(error.clone()),
                None => Ok(message["result"].clone()),
            };
        }
    }

    /// The next notification.
    ///
    /// # Panics
    /// When the connection is lost, or silent for a minute.
    pub fn next(&mut self, what: &str) -> Value {
        match self.waiting.pop_front() {
            Some(message) => message,
            None => self.read(what),
        }
    }

    fn read(&mut self, what: &str) -> Value {
        loop {
            let (raw, payload) = frame(&mut self.stream).unwrap_or_else(|error| panic!("{what}: {error}"));
            if raw[0] & 0x0f == 1 {
                return serde_json::from_slice(&payload).unwrap();
            }
        }
    }
}

/// Up to the empty line that ends it.
pub(crate) fn handshake(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(head)
}

/// One frame as it came, and its payload without the mask.
pub(crate) fn frame(stream: &mut impl Read) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut raw = vec![0; 2];
    stream.read_exact(&mut raw)?;
    let mut take = |raw: &mut Vec<u8>, count: usize| -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes)?;
        raw.extend(&bytes);
        Ok(bytes)
    };
    let (is_masked, short) = (raw[1] & 0x80 != 0, usize::from(raw[1] & 0x7f));
    let length = match short {
        126 => take(&mut raw, 2)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
        127 => take(&mut raw, 8)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
        short => short,
    };
    let mask = if is_masked { take(&mut raw, 4)? } else { vec![0; 4] };
    let mut payload = take(&mut raw, length)?;
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    Ok((raw, payload))
}

/// A message as a client sends it, under a mask of zeros.
fn masked(text: &[u8]) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let head = match u8::try_from(length) {
        Ok(short) if short < 126 => vec![0x81, 0x80 | short],
        _ => [&[0x81, 0x80 | 0x7e][..], &length.to_be_bytes()].concat(),
    };
    [&head[..], &[0; 4], text].concat()
}
