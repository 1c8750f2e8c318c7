//! Load for axons and dendrites: signs live, counts failures, and reads what the other process spent.
//!
//! ```text
//! load axon ADDRESS HOTKEY WORK CONNECTIONS REQUESTS PID [RATE]
//!     asks the axon of HOTKEY, as fast as it answers or RATE times a second, spread over it; WORK is
//!     `ping`, `text` (4 KiB, hashed) or the bytes of a tensor
//! load stub FIRST_PORT PORTS
//!     answers every request on PORTS ports with success and nothing else, until its input ends
//! load storm ADDRESS HOTKEY CLIENTS BODIES PID
//!     pings beside CLIENTS slow clients, then BODIES slow bodies, then a flood, then bombs
//! ```
//!
//! The first prints one line of JSON: requests per second, failures, percentiles, those of the time
//! that the axon says it took, the CPU time of PID per request and its memory. It keeps one connection a thread and verifies nothing, so it is
//! cheap beside what it measures. It is a tool for measuring, not a client.

use std::{
    env,
    error::Error,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use blake2::Blake2b512;
use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey, signing_context};
use serde_json::json;
use sha3::{Digest, Sha3_256};

mod storm;

type Failure = Box<dyn Error + Send + Sync>;

/// Clock ticks in a second, as Linux reports CPU time to programs.
const TICKS: f64 = 100.0;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["axon", address, hotkey, work, connections, requests, pid, rate @ ..] => {
            let rate = rate.first().map(|rate| rate.parse()).transpose()?;
            axon(address, hotkey, work, (connections.parse()?, requests.parse()?, rate), pid)
        }
        ["storm", address, hotkey, clients, bodies, pid] => {
            storm::storm(address, hotkey, (clients.parse()?, bodies.parse()?), pid)
        }
        ["stub", first, ports] => stub(first.parse()?, ports.parse()?),
        _ => Err("see the head of tests/load/driver.rs for the arguments".into()),
    }
}

/// What is sent: path, what the hash covers, the body behind its base fields.
struct Work {
    name: &'static str,
    hash: String,
    fields: String,
}

fn sha3(text: &str) -> String {
    hex::encode(Sha3_256::digest(text.as_bytes()))
}

fn work(word: &str) -> Result<Work, Failure> {
    Ok(match word {
        "ping" => Work { name: "Synapse", hash: sha3(""), fields: String::new() },
        "text" => {
            let text = "x".repeat(4_096);
            Work { name: "Text", hash: sha3(&sha3(&text)), fields: format!(", \"text\": \"{text}\"") }
        }
        bytes => {
            let bytes: u32 = bytes.parse()?;
            let elements = bytes / 4;
            let mut buffer = b"\x85\xc4\x02nd\xc3\xc4\x04type\xa3<f4\xc4\x04kind\xc4\x00\xc4\x05shape\x91\xce".to_vec();
            buffer.extend(elements.to_be_bytes());
            buffer.extend(b"\xc4\x04data\xc6");
            buffer.extend((elements * 4).to_be_bytes());
            buffer.resize(buffer.len() + usize::try_from(elements * 4)?, 1);
            let buffer = STANDARD.encode(&buffer);
            let tensor = format!(r#"{{"buffer": "{buffer}", "dtype": "float32", "shape": [{elements}]}}"#);
            Work { name: "Numbers", hash: sha3(""), fields: format!(", \"tensor\": {tensor}") }
        }
    })
}

/// Signs and asks for one sender.
struct Asker {
    pair: Keypair,
    address: String,
    axon: String,
    work: Arc<Work>,
    uuid: String,
    nonces: Arc<AtomicI64>,
}

// === impl Asker ===

impl Asker {
    fn new(pair: Keypair, axon: &str, work: Arc<Work>, uuid: String, nonces: &Arc<AtomicI64>) -> Self {
        let address = address_of(&pair);
        Self { pair, address, axon: axon.to_owned(), work, uuid, nonces: Arc::clone(nonces) }
    }

    fn request(&self) -> Vec<u8> {
        let Work { name, fields, .. } = &*self.work;
        let body = format!("{{\"name\": \"{name}\", \"timeout\": 30.0{fields}}}");
        self.head_and_body(body.len(), body.as_bytes())
    }

    /// A signed head that announces `length` bytes, and the given ones.
    fn head_and_body(&self, length: usize, body: &[u8]) -> Vec<u8> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
        let last = self.nonces.fetch_max(now, Ordering::Relaxed);
        let nonce = if last >= now { self.nonces.fetch_add(1, Ordering::Relaxed) + 1 } else { now };
        let Self { address, axon, uuid, .. } = self;
        let Work { name, hash, .. } = &*self.work;
        let message = format!("{nonce}.{address}.{axon}.{uuid}.{hash}");
        let signature = self.pair.sign(signing_context(b"substrate").bytes(message.as_bytes())).to_bytes();
        let signature = hex::encode(signature);
        let input = if *name == "Text" { "bt_header_input_obj_text: IiI=\r\n" } else { "" };
        let mut request = format!(
            "POST /{name} HTTP/1.1\r\nHost: x\r\nname: {name}\r\ntimeout: 30.0\r\nbt_header_axon_hotkey: {axon}\r\n\
             bt_header_dendrite_version: 10005000\r\nbt_header_dendrite_nonce: {nonce}\r\n\
             bt_header_dendrite_uuid: {uuid}\r\nbt_header_dendrite_hotkey: {address}\r\n\
             bt_header_dendrite_signature: 0x{signature}\r\n{input}computed_body_hash: {hash}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        )
        .into_bytes();
        request.extend_from_slice(body);
        request
    }
}

/// A reply.
struct Answered {
    success: bool,
    /// What the axon says it took, from the end of the head to the beginning of the reply.
    process_time: Option<Duration>,
}

fn read_reply(stream: &mut BufReader<TcpStream>) -> Result<Answered, Failure> {
    let (mut line, mut process_time) = (String::new(), None);
    stream.read_line(&mut line)?;
    let success = line.split(' ').nth(1) == Some("200");
    let mut length = 0_usize;
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err("the connection ended in the middle of a reply".into());
        }
        let header = line.trim_end();
        if header.is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':') {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            } else if name.eq_ignore_ascii_case("bt_header_axon_process_time") {
                process_time = Duration::try_from_secs_f64(value.trim().parse()?).ok();
            }
        }
    }
    std::io::copy(&mut stream.take(u64::try_from(length)?), &mut std::io::sink())?;
    Ok(Answered { success, process_time })
}

fn axon(
    address: &str,
    hotkey: &str,
    word: &str,
    (connections, requests, rate): (usize, usize, Option<f64>),
    pid: &str,
) -> Result<(), Failure> {
    let work = Arc::new(work(word)?);
    let (left, nonces) = (Arc::new(AtomicUsize::new(requests)), Arc::new(AtomicI64::new(0)));
    // Each sends its share of the rate, in its turn: all at once would be a full load each time, and then none.
    let many = u32::try_from(connections).unwrap_or(1).max(1);
    let pause = rate.map(|rate| Duration::from_secs_f64(f64::from(many) / rate));
    // The same key for all: an axon admits whom it knows, and this is the development key //Bob.
    let ready = Arc::new(std::sync::Barrier::new(connections + 1));
    let threads: Vec<_> = (0..connections)
        .map(|number| {
            let uuid = format!("load-{number}-{:x}", std::process::id());
            let asker = Asker::new(bob(), hotkey, Arc::clone(&work), uuid, &nonces);
            let (left, ready, address) = (Arc::clone(&left), Arc::clone(&ready), address.to_owned());
            let turn = pause.map(|pause| pause / many * u32::try_from(number).unwrap_or(0));
            thread::Builder::new().stack_size(256 * 1_024).spawn(move || {
                let mut connection = connect(&address).ok();
                ready.wait();
                thread::sleep(turn.unwrap_or_default());
                let (mut taken, mut inside, mut failed) = (Vec::new(), Vec::new(), 0_usize);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                    let began = Instant::now();
                    let reply = exchange(&mut connection, &address, &asker.request());
                    if let Ok(Answered { success: true, process_time }) = reply {
                        taken.push(began.elapsed());
                        inside.extend(process_time);
                    } else {
                        failed += 1;
                        connection = None;
                    }
                    if let Some(pause) = pause {
                        thread::sleep(pause.saturating_sub(began.elapsed()));
                    }
                }
                (taken, inside, failed)
            })
        })
        .collect::<Result<_, _>>()?;
    ready.wait();
    let (before, faults, began) = (cpu_seconds(pid)?, page_faults(pid)?, Instant::now());
    let (mut taken, mut inside, mut failed) = (Vec::new(), Vec::new(), 0);
    for thread in threads {
        let (times, within, failures) = thread.join().map_err(|_| "a thread of the driver panicked")?;
        taken.extend(times);
        inside.extend(within);
        failed += failures;
    }
    let (elapsed, after, faults) = (began.elapsed(), cpu_seconds(pid)?, page_faults(pid)? - faults);
    taken.sort();
    inside.sort();
    let count = f64::from(u32::try_from(requests)?);
    let report = json!({
        "work": word,
        "connections": connections,
        "requests": requests,
        "failed": failed,
        "cpu_ms_per_request": (after - before) * 1_000.0 / count,
        "faults_per_request": faults / count,
        "requests_per_second": count / elapsed.as_secs_f64(),
        "p50_ms": percentile(&taken, 50),
        "p99_ms": percentile(&taken, 99),
        "inside_p99_ms": percentile(&inside, 99),
        "rss_mib": memory_mib(pid, "VmRSS:")?,
        "peak_mib": memory_mib(pid, "VmHWM:")?,
    });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

/// The development key //Bob, from its well-known seed.
fn bob() -> Keypair {
    const SEED: [u8; 32] = [
        0x39, 0x8f, 0x0c, 0x28, 0xf9, 0x88, 0x85, 0xe0, 0x46, 0x33, 0x3d, 0x4a, 0x41, 0xc1, 0x9c, 0xee, 0x4c, 0x37,
        0x36, 0x8a, 0x98, 0x32, 0xc6, 0x50, 0x2f, 0x6c, 0xfd, 0x18, 0x2e, 0x2a, 0xef, 0x89,
    ];
    #[expect(clippy::expect_used, reason = "32 bytes are a seed")]
    MiniSecretKey::from_bytes(&SEED).expect("a seed").expand_to_keypair(ExpansionMode::Ed25519)
}

/// The key as others write it, in SS58 of format 42.
fn address_of(pair: &Keypair) -> String {
    let mut bytes = vec![42];
    bytes.extend(pair.public.to_bytes());
    let checksum = Blake2b512::new().chain_update(b"SS58PRE").chain_update(&bytes).finalize();
    bytes.extend(checksum.iter().take(2));
    bs58::encode(bytes).into_string()
}

/// Of sorted times, in milliseconds.
fn percentile(taken: &[Duration], of: usize) -> f64 {
    taken.get(taken.len().saturating_sub(1) * of / 100).map_or(0.0, millis)
}

fn millis(duration: &Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

fn connect(address: &str) -> Result<BufReader<TcpStream>, Failure> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    Ok(buffered(stream))
}

fn buffered(stream: TcpStream) -> BufReader<TcpStream> {
    BufReader::with_capacity(64 * 1_024, stream)
}

/// A connection from an address of this host, of which loopback has many.
fn connect_from(source: Ipv4Addr, address: SocketAddr) -> Result<TcpStream, Failure> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.connect(&address.into())?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One request on the kept connection, or on a new one.
fn exchange(connection: &mut Option<BufReader<TcpStream>>, address: &str, request: &[u8]) -> Result<Answered, Failure> {
    let stream = match connection {
        Some(stream) => stream,
        None => connection.insert(connect(address)?),
    };
    stream.get_mut().write_all(request)?;
    read_reply(stream)
}

/// CPU time of a process and of its threads, in seconds.
fn cpu_seconds(pid: &str) -> Result<f64, Failure> {
    // User and system time.
    let [user, system] = figures(pid, [11, 12])?;
    Ok((user + system) / TICKS)
}

/// Pages that a process had to be given while it ran, but for those from a disk.
fn page_faults(pid: &str) -> Result<f64, Failure> {
    let [faults] = figures(pid, [7])?;
    Ok(faults)
}

/// What the system tells of a process at these places behind its name in parentheses, from 0.
fn figures<const N: usize>(pid: &str, places: [usize; N]) -> Result<[f64; N], Failure> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let mut told = [0.0; N];
    for (figure, place) in told.iter_mut().zip(places) {
        *figure = fields.get(place).ok_or("no such figure")?.parse()?;
    }
    Ok(told)
}

fn memory_mib(pid: &str, field: &str) -> Result<f64, Failure> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).ok_or("no such figure")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<f64>()? / 1_024.0)
}

/// Answers everything with the same success, so that what a dendrite spends is its own.
fn stub(first: u16, ports: u16) -> Result<(), Failure> {
    const BODY: &str = r#"{"axon":{"status_code":200,"status_message":"Success"}}"#;
    let reply = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nbt_header_axon_status_code: 200\r\n\
         bt_header_axon_status_message: Success\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    for port in first..first + ports {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        let reply = reply.clone();
        thread::Builder::new().stack_size(128 * 1_024).spawn(move || {
            for stream in listener.incoming().flatten() {
                let reply = reply.clone();
                let _ = thread::Builder::new().stack_size(128 * 1_024).spawn(move || answer(stream, &reply));
            }
        })?;
    }
    writeln!(std::io::stdout(), "ready")?;
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

fn answer(stream: TcpStream, reply: &str) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::with_capacity(64 * 1_024, stream);
    let mut line = String::new();
    loop {
        let mut length = 0_u64;
        let mut lines = 0;
        loop {
            line.clear();
            if stream.read_line(&mut line)? == 0 {
                return Ok(());
            }
            lines += 1;
            let header = line.trim_end();
            if header.is_empty() && lines > 1 {
                break;
            }
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        std::io::copy(&mut (&mut stream).take(length), &mut std::io::sink())?;
        stream.get_mut().write_all(reply.as_bytes())?;
    }
}
