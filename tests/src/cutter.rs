//! A proxy before a chain's node that cuts connections where it hurts: around the sending of an extrinsic.
//!
//! It reads the frames that pass and knows one method by
//! name. Which kind of cut comes next is a matter of counting, and a cut counts once it is made: when the node has
//! answered, where it is made behind the sending. So a run is as reproducible as its callers are.

use std::{
    io::{self, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

use crate::websocket::{frame, handshake};

/// Where a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// The node never sees the extrinsic.
    BeforeSend,
    /// The node has it, and its answer is lost.
    AfterSend,
    /// The answer arrives, and the notice of the next block does not.
    BeforeNotice,
}

const KINDS: [Cut; 3] = [Cut::BeforeSend, Cut::AfterSend, Cut::BeforeNotice];

/// What has been cut, and what is about to be.
#[derive(Debug, Default)]
struct Book {
    /// How many extrinsics came.
    sent: usize,
    /// The cuts that were made, by kind.
    made: [usize; 3],
    /// Whether a cut was begun and is not made yet. One at a time, so that their order is that of their kinds.
    is_under_way: bool,
}

/// A cut that waits for what the node says.
#[derive(Debug)]
struct Wanted {
    cut: Cut,
    /// What the request calls itself whose answer it waits for.
    id: Value,
    is_answered: bool,
}

#[derive(Debug)]
struct Shared {
    node: SocketAddr,
    /// So many extrinsics come without any cut.
    expected: usize,
    /// So many cuts are spread over them.
    most: usize,
    book: Mutex<Book>,
}

/// The running proxy. It lives as long as the process.
#[derive(Debug)]
pub struct Cutter {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What becomes of a message of the node.
enum Fate {
    Passes,
    IsLost,
    /// It is lost, and the connection with it.
    Cut,
}

// === impl Cutter ===

impl Cutter {
    /// Stands before the node at `endpoint` (`ws://ip:port`), and cuts `most` times while `expected` extrinsics are
    /// sent: whenever fewer cuts are made than their share, so that none is missed for good.
    ///
    /// # Panics
    /// When the endpoint is no such URL, or there is no free port.
    pub fn before(endpoint: &str, expected: usize, most: usize) -> Self {
        let node = endpoint.trim_start_matches("ws://").parse().expect("no address of a node");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { node, expected, most, book: Mutex::default() });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                // An error is the end of that connection, which is what this is about.
                thread::spawn(move || drop(serve(&client, &shared)));
            }
        });
        Self { address, shared }
    }

    /// Where it answers.
    pub fn endpoint(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// How often it has cut: before sending, after sending, before the notice of the next block.
    ///
    /// # Panics
    /// When a connection's thread panicked.
    pub fn cuts(&self) -> [usize; 3] {
        self.shared.book.lock().unwrap().made
    }
}

// === impl Shared ===

impl Shared {
    /// The cut that is due with this extrinsic, if one is. It is under way then.
    fn due(&self) -> Option<Cut> {
        let mut book = self.book.lock().unwrap();
        book.sent += 1;
        let made: usize = book.made.iter().sum();
        let is_behind = made < self.most && made * self.expected < book.sent * self.most;
        (is_behind && !book.is_under_way).then(|| {
            book.is_under_way = true;
            KINDS[made % 3]
        })
    }

    fn made(&self, cut: Cut) {
        let mut book = self.book.lock().unwrap();
        book.made[KINDS.iter().position(|kind| *kind == cut).unwrap()] += 1;
        book.is_under_way = false;
    }

    /// The connection ended before the cut: another extrinsic will do.
    fn missed(&self) {
        self.book.lock().unwrap().is_under_way = false;
    }
}

// === impl Wanted ===

impl Wanted {
    fn fate(&mut self, payload: &[u8]) -> Fate {
        let message: Value = serde_json::from_slice(payload).unwrap_or_default();
        let notice = message["method"].as_str().unwrap_or_default();
        let is_the_answer = message["id"] == self.id;
        match self.cut {
            Cut::AfterSend if is_the_answer => Fate::Cut,
            Cut::BeforeSend | Cut::AfterSend => Fate::IsLost,
            Cut::BeforeNotice if self.is_answered && notice.ends_with("Head") => Fate::Cut,
            Cut::BeforeNotice => {
                self.is_answered |= is_the_answer;
                Fate::Passes
            }
        }
    }
}

/// Carries both directions until one ends or it is time to cut.
fn serve(client: &TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    let node = TcpStream::connect(shared.node)?;
    let (mut from_client, mut to_node) = (client.try_clone()?, node.try_clone()?);
    let (mut from_node, mut to_client) = (node.try_clone()?, client.try_clone()?);
    let wanted = Arc::new(Mutex::new(None::<Wanted>));
    let (looked_at, counting) = (Arc::clone(&wanted), Arc::clone(shared));
    let down = thread::spawn(move || -> io::Result<()> {
        to_client.write_all(&handshake(&mut from_node)?)?;
        loop {
            let (frame, payload) = frame(&mut from_node)?;
            let mut wanted = looked_at.lock().unwrap();
            match wanted.as_mut().map_or(Fate::Passes, |wanted| wanted.fate(&payload)) {
                Fate::Passes => to_client.write_all(&frame)?,
                Fate::IsLost => {}
                Fate::Cut => {
                    if let Some(made) = wanted.take() {
                        counting.made(made.cut);
                    }
                    let _ = (from_node.shutdown(Shutdown::Both), to_client.shutdown(Shutdown::Both));
                    return Ok(());
                }
            }
        }
    });
    let mut up = || -> io::Result<()> {
        to_node.write_all(&handshake(&mut from_client)?)?;
        loop {
            let (frame, payload) = frame(&mut from_client)?;
            let is_extrinsic = payload.windows(13).any(|part| part == b"author_submit");
            match is_extrinsic.then(|| shared.due()).flatten() {
                Some(Cut::BeforeSend) => {
                    shared.made(Cut::BeforeSend);
                    return Ok(());
                }
                Some(cut) => {
                    let request: Value = serde_json::from_slice(&payload).unwrap_or_default();
                    *wanted.lock().unwrap() = Some(Wanted { cut, id: request["id"].clone(), is_answered: false });
                }
                None => {}
            }
            to_node.write_all(&frame)?;
        }
    };
    let ended = up();
    let _ = (client.shutdown(Shutdown::Both), node.shutdown(Shutdown::Both));
    let _ = down.join();
    if wanted.lock().unwrap().take().is_some() {
        shared.missed();
    }
    ended
}
