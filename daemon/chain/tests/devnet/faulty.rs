//! A node that misbehaves as it is told: a WebSocket proxy before a real one that reads the
//! JSON-RPC on its way.
//!
//! It stalls, closes half of a connection, turns connections away with 429, swallows, delays,
//! forges or inflates answers, and rewrites what it announces. It counts connections and requests,
//! so that a test can tell a storm. Frames are RFC 6455 without extensions, one frame a message,
//! which is what the clients and servers here speak.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value as Json, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Mutex as AsyncMutex, watch},
};

/// What happens to one call.
pub(crate) enum Reaction {
    /// It is passed on.
    Pass,
    /// It is never answered.
    Swallow,
    /// It is answered after a while.
    Late(Duration),
    /// It is answered with this, and the node never hears of it.
    Answer(Json),
    /// It is refused with this code and message.
    Refuse(i64, &'static str),
    /// It is answered with so many bytes of nothing.
    Oversized(usize),
    /// It is answered with one message that is announced as so many bytes, and sent for as long as it is taken.
    Endless(usize),
    /// The same in pieces of a megabyte.
    EndlessInPieces(usize),
    /// It is passed on after so many announcements of the last finalized block that was announced, five a millisecond.
    AfterAnnouncing(usize),
    /// It is never answered, and the last finalized block is announced for as long as the client takes it.
    AnnounceForEver,
    /// The connection ends.
    HangUp,
}

/// What happens to a connection, or to all of them from now on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Open,
    /// Nothing more comes from the node; the sockets stay.
    Stalled,
    /// The way to the client is closed, the way from it stays open.
    HalfClosed,
    /// Every connection ends, and new ones are refused.
    Down,
    /// New connections are turned away with 429.
    TooMany,
}

type Script = Box<dyn FnMut(&str, &Json) -> Reaction + Send>;
type Announcing = Box<dyn Fn(&str, &mut Json) + Send>;

struct Inner {
    target: SocketAddr,
    script: Mutex<Script>,
    announcing: Mutex<Announcing>,
    /// The last announcement of a finalized block.
    announced: Mutex<Vec<u8>>,
    connections: AtomicU32,
    requests: AtomicU32,
    /// Bytes of endless answers and announcements that were taken.
    sent: AtomicUsize,
}

pub(crate) struct FaultyNode {
    address: SocketAddr,
    inner: Arc<Inner>,
    mode: watch::Sender<Mode>,
}

// === impl FaultyNode ===

impl FaultyNode {
    /// Before the node at `target`, and well behaved so far.
    pub(crate) async fn before(target: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            target,
            script: Mutex::new(Box::new(|_, _| Reaction::Pass)),
            announcing: Mutex::new(Box::new(|_, _| {})),
            announced: Mutex::default(),
            connections: AtomicU32::new(0),
            requests: AtomicU32::new(0),
            sent: AtomicUsize::new(0),
        });
        let (mode, modes) = watch::channel(Mode::Open);
        tokio::spawn({
            let inner = Arc::clone(&inner);
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    inner.connections.fetch_add(1, Ordering::SeqCst);
                    let now = *modes.borrow();
                    match now {
                        Mode::Down => drop(client),
                        Mode::TooMany => drop(tokio::spawn(turn_away(client))),
                        Mode::Open | Mode::Stalled | Mode::HalfClosed => {
                            drop(tokio::spawn(serve(client, Arc::clone(&inner), modes.clone())));
                        }
                    }
                }
            }
        });
        Self { address, inner, mode }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks `script` about every call from now on.
    pub(crate) fn script(&self, script: impl FnMut(&str, &Json) -> Reaction + Send + 'static) {
        *self.inner.script.lock().unwrap() = Box::new(script);
    }

    /// Changes the headers that are announced, each by the method that brings it (`chain_newHead`). One
    /// that becomes null ends its subscription with an error.
    pub(crate) fn announce(&self, rewrite: impl Fn(&str, &mut Json) + Send + 'static) {
        *self.inner.announcing.lock().unwrap() = Box::new(rewrite);
    }

    pub(crate) fn stall(&self) {
        self.mode.send_replace(Mode::Stalled);
    }

    pub(crate) fn half_close(&self) {
        self.mode.send_replace(Mode::HalfClosed);
    }

    pub(crate) fn go_down(&self) {
        self.mode.send_replace(Mode::Down);
    }

    pub(crate) fn turn_away(&self) {
        self.mode.send_replace(Mode::TooMany);
    }

    /// Behaves again; connections that were made before stay as they are.
    pub(crate) fn open(&self) {
        self.mode.send_replace(Mode::Open);
    }

    /// Ends every connection and takes new ones.
    pub(crate) fn drop_all(&self) {
        self.go_down();
        self.open();
    }

    pub(crate) fn connections(&self) -> u32 {
        self.inner.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> u32 {
        self.inner.requests.load(Ordering::SeqCst)
    }

    /// How many bytes of endless answers and announcements were taken, by the client or by the system on its way.
    pub(crate) fn sent(&self) -> usize {
        self.inner.sent.load(Ordering::SeqCst)
    }
}

async fn turn_away(mut client: TcpStream) {
    let mut request = [0; 1024];
    let _ = client.read(&mut request).await;
    let _ = client.write_all(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n").await;
}

/// The way to the client, shared by what the node says and what is made up.
type ToClient = Arc<AsyncMutex<OwnedWriteHalf>>;
/// Calls that were passed on, and how long their answers are held back.
type Held = Arc<Mutex<HashMap<String, Duration>>>;

async fn serve(client: TcpStream, inner: Arc<Inner>, mut mode: watch::Receiver<Mode>) {
    let Ok(node) = TcpStream::connect(inner.target).await else { return };
    let (mut from_client, to_client) = client.into_split();
    let (mut from_node, mut to_node) = node.into_split();
    let to_client: ToClient = Arc::new(AsyncMutex::new(to_client));
    let Some(request) = read_head(&mut from_client).await else { return };
    if to_node.write_all(&request).await.is_err() {
        return;
    }
    let Some(reply) = read_head(&mut from_node).await else { return };
    if to_client.lock().await.write_all(&reply).await.is_err() {
        return;
    }
    let held = Held::default();
    // A change from now on concerns this connection; `drop_all` is seen although it is over at once.
    mode.mark_unchanged();
    tokio::select! {
        () = calls(from_client, to_node, &to_client, &inner, &held) => {}
        () = answers(from_node, &to_client, &inner, &held, mode.clone()) => {}
        () = ended(mode) => {}
    }
}

/// Resolves when every connection is to end.
async fn ended(mut mode: watch::Receiver<Mode>) {
    loop {
        if mode.changed().await.is_err() || matches!(*mode.borrow_and_update(), Mode::Down | Mode::Open) {
            return;
        }
    }
}

async fn calls(
    mut from_client: OwnedReadHalf,
    mut to_node: OwnedWriteHalf,
    to_client: &ToClient,
    inner: &Arc<Inner>,
    held: &Held,
) {
    while let Some((opcode, payload)) = read_frame(&mut from_client).await {
        let call: Option<Json> = serde_json::from_slice(&payload).ok();
        let reaction = match &call {
            Some(call) => {
                inner.requests.fetch_add(1, Ordering::SeqCst);
                (inner.script.lock().unwrap())(call["method"].as_str().unwrap_or_default(), &call["params"])
            }
            None => Reaction::Pass,
        };
        let id = call.map_or(Json::Null, |call| call["id"].clone());
        let answer = match reaction {
            Reaction::Pass => None,
            Reaction::Late(after) => {
                held.lock().unwrap().insert(id.to_string(), after);
                None
            }
            Reaction::Swallow => continue,
            Reaction::AfterAnnouncing(count) => {
                for _ in 0..count / 10 {
                    announce(to_client, inner, 10).await;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                None
            }
            Reaction::AnnounceForEver => return announce(to_client, inner, usize::MAX).await,
            Reaction::HangUp => return,
            Reaction::Endless(bytes) => return flood(to_client, inner, (bytes, bytes)).await,
            Reaction::EndlessInPieces(bytes) => return flood(to_client, inner, (bytes, PIECE)).await,
            Reaction::Answer(result) => Some(json!({ "jsonrpc": "2.0", "id": id, "result": result })),
            Reaction::Refuse(code, message) => {
                Some(json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } }))
            }
            Reaction::Oversized(bytes) => Some(json!({ "jsonrpc": "2.0", "id": id, "result": "0".repeat(bytes) })),
        };
        let sent = match answer {
            Some(answer) => {
                to_client.lock().await.write_all(&frame(1, answer.to_string().as_bytes(), Mask::None)).await
            }
            None => to_node.write_all(&frame(opcode, &payload, Mask::Zero)).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

const PIECE: usize = 1 << 20;

/// Sends `bytes` of zeros as one message in frames of `frame`, until all are taken or the client is gone.
async fn flood(to_client: &ToClient, inner: &Inner, (bytes, frame): (usize, usize)) {
    let mut to_client = to_client.lock().await;
    let zeros = vec![b'0'; PIECE];
    for number in 0..bytes / frame {
        // A first frame has the opcode of a text, the others continue it, and the last one ends it.
        let opcode = u8::from(number == 0) | if number + 1 == bytes / frame { 0x80 } else { 0 };
        let mut head = vec![opcode, 127];
        head.extend(u64::try_from(frame).unwrap().to_be_bytes());
        if to_client.write_all(&head).await.is_err() {
            return;
        }
        for _ in 0..frame / PIECE {
            if to_client.write_all(&zeros).await.is_err() {
                return;
            }
            inner.sent.fetch_add(PIECE, Ordering::SeqCst);
        }
    }
}

/// Announces the last finalized block again, so many times or until the client is gone.
async fn announce(to_client: &ToClient, inner: &Inner, count: usize) {
    let announced = frame(1, &inner.announced.lock().unwrap().clone(), Mask::None);
    for _ in 0..count {
        if to_client.lock().await.write_all(&announced).await.is_err() {
            return;
        }
        inner.sent.fetch_add(announced.len(), Ordering::SeqCst);
    }
}

async fn answers(
    mut from_node: OwnedReadHalf,
    to_client: &ToClient,
    inner: &Arc<Inner>,
    held: &Held,
    mode: watch::Receiver<Mode>,
) {
    while let Some((opcode, mut payload)) = read_frame(&mut from_node).await {
        let now = *mode.borrow();
        match now {
            Mode::Stalled => continue,
            Mode::HalfClosed => {
                let _ = to_client.lock().await.shutdown().await;
                continue;
            }
            Mode::Open | Mode::Down | Mode::TooMany => {}
        }
        if let Ok(mut said) = serde_json::from_slice::<Json>(&payload) {
            if let Some(method) = said["method"].as_str().map(str::to_owned) {
                (inner.announcing.lock().unwrap())(&method, &mut said["params"]["result"]);
                if said["params"]["result"].is_null() {
                    said["params"] = json!({ "subscription": said["params"]["subscription"], "error": "it ended" });
                }
                payload = said.to_string().into_bytes();
                if method == "chain_finalizedHead" {
                    inner.announced.lock().unwrap().clone_from(&payload);
                }
            }
            let after = held.lock().unwrap().remove(&said["id"].to_string());
            if let Some(after) = after {
                let to_client = Arc::clone(to_client);
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    let _ = to_client.lock().await.write_all(&frame(opcode, &payload, Mask::None)).await;
                });
                continue;
            }
        }
        if to_client.lock().await.write_all(&frame(opcode, &payload, Mask::None)).await.is_err() {
            return;
        }
    }
}

/// The head of an HTTP message, up to the empty line.
async fn read_head(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(from.read_u8().await.ok()?);
    }
    Some(head)
}

/// A frame's opcode and its payload without the mask.
async fn read_frame(from: &mut OwnedReadHalf) -> Option<(u8, Vec<u8>)> {
    let (first, second) = (from.read_u8().await.ok()?, from.read_u8().await.ok()?);
    assert!(first & 0x80 != 0, "a message came in more than one frame");
    let length = match second & 0x7f {
        126 => usize::from(from.read_u16().await.ok()?),
        127 => usize::try_from(from.read_u64().await.ok()?).unwrap(),
        short => usize::from(short),
    };
    let mut mask = [0; 4];
    if second & 0x80 != 0 {
        from.read_exact(&mut mask).await.ok()?;
    }
    let mut payload = vec![0; length];
    from.read_exact(&mut payload).await.ok()?;
    for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
    Some((first & 0x0f, payload))
}

/// What clients must do and servers must not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mask {
    None,
    Zero,
}

fn frame(opcode: u8, payload: &[u8], mask: Mask) -> Vec<u8> {
    let flag = if mask == Mask::Zero { 0x80 } else { 0 };
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        short @ 0..126 => frame.push(flag | u8::try_from(short).unwrap()),
        middle @ 126..=0xffff => {
            frame.push(flag | 0x7e);
            frame.extend(u16::try_from(middle).unwrap().to_be_bytes());
        }
        long => {
            frame.push(flag | 127);
            frame.extend(u64::try_from(long).unwrap().to_be_bytes());
        }
    }
    if mask == Mask::Zero {
        frame.extend([0; 4]);
    }
    frame.extend(payload);
    frame
}
