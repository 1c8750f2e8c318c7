//! A proxy before a chain's node that cuts connections where it hurts: around the sending of an extrinsic.
//!
//! It reads WebSocket frames as far as it must (RFC 6455, no compression) and knows one method by
//! name. Which kind of cut comes next is a matter of counting, so a run is as reproducible as its
//! callers are.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Where a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// The node never sees the extrinsic.
    BeforeSend,
    /// The node has it, and its answer is lost.
    AfterSend,
    /// The answer arrives, and the next message of the node does not.
    BeforeNotice,
}

const KINDS: [Cut; 3] = [Cut::BeforeSend, Cut::AfterSend, Cut::BeforeNotice];

#[derive(Debug)]
struct Shared {
    node: SocketAddr,
    /// Every so many extrinsics the connection is cut.
    every: usize,
    /// No more cuts than this.
    most: usize,
    sent: AtomicUsize,
    cuts: Mutex<[usize; 3]>,
}

/// The running proxy. It lives as long as the process.
#[derive(Debug)]
pub struct Cutter {
    address: SocketAddr,
    shared: Arc<Shared>,
}

// === impl Cutter ===

impl Cutter {
    /// Stands before the node at `endpoint` (`ws://ip:port`), and cuts with every so many extrinsics, `most` times.
    ///
    /// # Panics
    /// When the endpoint is no such URL, or there is no free port.
    pub fn before(endpoint: &str, every: usize, most: usize) -> Self {
        let node = endpoint.trim_start_matches("ws://").parse().expect("no address of a node");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { node, every, most, sent: AtomicUsize::new(0), cuts: Mutex::default() });
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

    /// How often it has cut: before sending, after sending, before the next notice.
    ///
    /// # Panics
    /// When a connection's thread panicked.
    pub fn cuts(&self) -> [usize; 3] {
        *self.shared.cuts.lock().unwrap()
    }
}

// === impl Shared ===

impl Shared {
    /// The cut that is due with this extrinsic, if one is.
    fn due(&self) -> Option<Cut> {
        let sent = self.sent.fetch_add(1, Ordering::Relaxed);
        let mut cuts = self.cuts.lock().unwrap();
        let made: usize = cuts.iter().sum();
        let is_due = sent % self.every == self.every - 1 && made < self.most;
        is_due.then(|| {
            cuts[made % 3] += 1;
            KINDS[made % 3]
        })
    }
}

/// Carries both directions until one ends or it is time to cut.
fn serve(client: &TcpStream, shared: &Shared) -> io::Result<()> {
    let node = TcpStream::connect(shared.node)?;
    let (mut from_client, mut to_node) = (client.try_clone()?, node.try_clone()?);
    let (mut from_node, mut to_client) = (node.try_clone()?, client.try_clone()?);
    // Messages of the node that still pass; none without a bound.
    let passing = Arc::new(Mutex::new(None::<usize>));
    let bound = Arc::clone(&passing);
    let down = thread::spawn(move || -> io::Result<()> {
        to_client.write_all(&handshake(&mut from_node)?)?;
        loop {
            let (frame, _) = frame(&mut from_node)?;
            let mut bound = bound.lock().unwrap();
            match bound.as_mut() {
                Some(0) => {
                    drop(bound);
                    let _ = (from_node.shutdown(Shutdown::Both), to_client.shutdown(Shutdown::Both));
                    return Ok(());
                }
                Some(left) => *left -= 1,
                None => {}
            }
            to_client.write_all(&frame)?;
        }
    });
    let mut up = || -> io::Result<()> {
        to_node.write_all(&handshake(&mut from_client)?)?;
        loop {
            let (frame, payload) = frame(&mut from_client)?;
            let is_extrinsic = payload.windows(13).any(|part| part == b"author_submit");
            match is_extrinsic.then(|| shared.due()).flatten() {
                Some(Cut::BeforeSend) => return Ok(()),
                Some(Cut::AfterSend) => {
                    *passing.lock().unwrap() = Some(0);
                    to_node.write_all(&frame)?;
                    // The node reads it all the same: what was written is delivered before the end is.
                    return to_node.shutdown(Shutdown::Write);
                }
                Some(Cut::BeforeNotice) => {
                    *passing.lock().unwrap() = Some(1);
                    to_node.write_all(&frame)?;
                }
                None => to_node.write_all(&frame)?,
            }
        }
    };
    let ended = up();
    let _ = client.shutdown(Shutdown::Both);
    if *passing.lock().unwrap() != Some(0) {
        let _ = node.shutdown(Shutdown::Both);
    }
    let _ = down.join();
    let _ = node.shutdown(Shutdown::Both);
    ended
}

/// Up to the empty line that ends it.
fn handshake(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(head)
}

/// One frame as it came, and its payload without the mask.
fn frame(stream: &mut TcpStream) -> io::Result<(Vec<u8>, Vec<u8>)> {
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
