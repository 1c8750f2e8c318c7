//! Who else is on the network: a server behind an axon, and a node that never says a word.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
};

/// A server that answers each synapse with the text `hello`: where it is.
pub(crate) fn upstream() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(&stream));
        }
    });
    format!("http://{address}")
}

/// Who hangs up has no answer.
fn answer(stream: &TcpStream) -> Option<()> {
    const TEXT: &str = r#"{"text": "hello"}"#;
    let mut request = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        request.read_line(&mut line).ok()?;
        match line.trim_end().to_lowercase().split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse().ok()?,
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    request.read_exact(&mut vec![0; length]).ok()?;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
    write!(&*stream, "{head}\r\ncontent-length: {}\r\n\r\n{TEXT}", TEXT.len()).ok()
}

/// A node that takes connections and never answers: where it is.
pub(crate) fn silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().collect::<Vec<_>>());
    format!("ws://{address}")
}
