//! Good callers in bad weather: what they wait while others do their worst, weather by weather.
//!
//! Eight callers ping at a steady pace over kept connections, now and then over a new one. They do so
//! alone, then beside each kind of bad client, each of which has an address of its own; so both figures
//! of a ratio come from one run on one machine.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use schnorrkel::{ExpansionMode, Keypair, MiniSecretKey};
use serde_json::json;

use super::{Asker, Failure, bob, buffered, connect_from, exchange, memory_mib, percentile, read_reply, work};

/// Callers, and between two pings of each.
const CALLERS: usize = 8;
const PACE: Duration = Duration::from_millis(100);
/// For one weather to last at least.
const LASTS: Duration = Duration::from_secs(10);
/// For the axon to throw slow clients out; its own limits are shorter.
const PATIENCE: Duration = Duration::from_mins(2);
/// Bad clients that share a hotkey, so that no hotkey has more than its share.
const PER_HOTKEY: usize = 60;

struct Scene<'a> {
    address: SocketAddr,
    axon: &'a str,
    nonces: Arc<AtomicI64>,
    pid: &'a str,
}

/// What a bad client leaves behind: how many were thrown out and how many were refused at once.
#[derive(Default)]
struct Harm {
    done: usize,
    refused: usize,
    seconds: f64,
}

pub(crate) fn storm(address: &str, axon: &str, (clients, bodies): (usize, usize), pid: &str) -> Result<(), Failure> {
    let scene = Scene { address: address.parse()?, axon, nonces: Arc::new(AtomicI64::new(0)), pid };
    let calm = scene.weather("calm", 1.0, || {
        thread::sleep(LASTS);
        Ok(Harm::default())
    })?;
    scene.weather("slow headers", calm, || {
        scene.slow(clients, |_| Ok(b"POST /Synapse HTTP/1.1\r\nhost: x\r\nname: Sy".to_vec()))
    })?;
    scene.weather("slow bodies", calm, || {
        scene.slow(bodies, |number| {
            let asker = scene.asker(&bad(number / PER_HOTKEY), number)?;
            Ok(asker.head_and_body(1_000, b"{\"half"))
        })
    })?;
    scene.weather("flood of one hotkey", calm, || scene.flood())?;
    scene.weather("bombs of 10 MiB", calm, || scene.bombs())?;
    scene.weather("calm again", calm, || {
        thread::sleep(LASTS);
        Ok(Harm::default())
    })?;
    Ok(())
}

/// A key that behaves badly.
fn bad(number: usize) -> Keypair {
    let mut seed = [0xbd; 32];
    seed[..8].copy_from_slice(&u64::try_from(number).unwrap_or_default().to_le_bytes());
    #[expect(clippy::expect_used, reason = "32 bytes are a seed")]
    MiniSecretKey::from_bytes(&seed).expect("a seed").expand_to_keypair(ExpansionMode::Ed25519)
}

/// The address that bad client comes from.
fn source(number: usize) -> Ipv4Addr {
    let [_, _, high, low] = u32::try_from(number + 1).unwrap_or_default().to_be_bytes();
    Ipv4Addr::new(127, 2, high, low)
}

// === impl Scene ===

impl Scene<'_> {
    fn asker(&self, pair: &Keypair, number: usize) -> Result<Asker, Failure> {
        Ok(Asker::new(pair.clone(), self.axon, Arc::new(work("ping")?), format!("storm-{number}"), &self.nonces))
    }

    /// Runs `harm` while good callers ping, and prints what they waited. Gives their 99th percentile.
    fn weather(&self, name: &str, calm: f64, harm: impl FnOnce() -> Result<Harm, Failure>) -> Result<f64, Failure> {
        let (over, taken, failed) = (AtomicBool::new(false), Mutex::new(Vec::new()), AtomicUsize::new(0));
        let askers = (0..CALLERS).map(|number| self.asker(&bob(), number)).collect::<Result<Vec<_>, _>>()?;
        let harm = thread::scope(|scope| {
            for asker in &askers {
                scope.spawn(|| {
                    let address = self.address.to_string();
                    let (mut connection, mut count) = (None, 0_u32);
                    while !over.load(Ordering::Relaxed) {
                        let began = Instant::now();
                        let answered =
                            exchange(&mut connection, &address, &asker.request()).is_ok_and(|reply| reply.success);
                        if answered {
                            taken.lock().unwrap_or_else(PoisonError::into_inner).push(began.elapsed());
                        } else {
                            failed.fetch_add(1, Ordering::Relaxed);
                        }
                        count += 1;
                        if !answered || count.is_multiple_of(10) {
                            connection = None;
                        }
                        thread::sleep(PACE.saturating_sub(began.elapsed()));
                    }
                });
            }
            let harm = harm();
            over.store(true, Ordering::Relaxed);
            harm
        })?;
        let mut taken = taken.into_inner().unwrap_or_else(PoisonError::into_inner);
        taken.sort();
        let p99 = percentile(&taken, 99);
        let report = json!({
            "weather": name,
            "bad": harm.done,
            "refused": harm.refused,
            "seconds": harm.seconds,
            "pings": taken.len(),
            "failed": failed.into_inner(),
            "p50_ms": percentile(&taken, 50),
            "p99_ms": p99,
            "p99_to_calm": if name == "calm" { 1.0 } else { p99 / calm },
            "rss_mib": memory_mib(self.pid, "VmRSS:")?,
        });
        writeln!(std::io::stdout(), "{report}")?;
        Ok(p99)
    }

    /// Connections that say a part and no more, until the axon has thrown each of them out.
    fn slow(&self, count: usize, part: impl Fn(usize) -> Result<Vec<u8>, Failure>) -> Result<Harm, Failure> {
        let mut open = Vec::with_capacity(count);
        for number in 0..count {
            let mut stream = connect_from(source(number), self.address)?;
            stream.write_all(&part(number)?)?;
            open.push(stream);
        }
        let began = Instant::now();
        let mut harm = Harm::default();
        for mut stream in open {
            stream.set_read_timeout(Some(PATIENCE))?;
            let mut rest = Vec::new();
            match stream.read_to_end(&mut rest) {
                Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                    return Err("the axon did not throw a slow client out".into());
                }
                _ if rest.starts_with(b"HTTP/1.1 503") => harm.refused += 1,
                _ => harm.done += 1,
            }
        }
        harm.seconds = began.elapsed().as_secs_f64();
        thread::sleep(LASTS.saturating_sub(began.elapsed()));
        Ok(harm)
    }

    /// As many signed pings as four connections carry.
    fn flood(&self) -> Result<Harm, Failure> {
        let (began, harm) = (Instant::now(), Mutex::new(Harm::default()));
        let askers = (0..4).map(|number| self.asker(&bad(0), 1_000_000 + number)).collect::<Result<Vec<_>, _>>()?;
        thread::scope(|scope| {
            for (number, asker) in askers.iter().enumerate() {
                let harm = &harm;
                scope.spawn(move || {
                    let mut connection = None;
                    while began.elapsed() < LASTS {
                        let stream = match &mut connection {
                            Some(stream) => stream,
                            None => match connect_from(source(number), self.address) {
                                Ok(stream) => connection.insert(buffered(stream)),
                                Err(_) => continue,
                            },
                        };
                        let sent = stream.get_mut().write_all(&asker.request());
                        let reply = sent.map_err(Failure::from).and_then(|()| read_reply(stream));
                        let mut harm = harm.lock().unwrap_or_else(PoisonError::into_inner);
                        match reply {
                            Ok(reply) if reply.success => harm.done += 1,
                            Ok(_) => harm.refused += 1,
                            Err(_) => connection = None,
                        }
                    }
                });
            }
        });
        let mut harm = harm.into_inner().unwrap_or_else(PoisonError::into_inner);
        harm.seconds = began.elapsed().as_secs_f64();
        Ok(harm)
    }

    /// Bodies as long as the axon takes them, of each kind one after the other, and all kinds at once.
    fn bombs(&self) -> Result<Harm, Failure> {
        let (began, harm) = (Instant::now(), Mutex::new(Harm::default()));
        let bodies = bomb_bodies();
        let askers =
            (0..bodies.len()).map(|kind| self.asker(&bad(1), 2_000_000 + kind)).collect::<Result<Vec<_>, _>>()?;
        thread::scope(|scope| {
            for (kind, (asker, body)) in askers.iter().zip(&bodies).enumerate() {
                let harm = &harm;
                scope.spawn(move || {
                    let mut sent = 0;
                    while began.elapsed() < LASTS {
                        let answered =
                            connect_from(source(10_000 * kind + sent), self.address).and_then(|mut stream| {
                                stream.write_all(&asker.head_and_body(body.len(), body))?;
                                read_reply(&mut buffered(stream))
                            });
                        sent += 1;
                        let mut harm = harm.lock().unwrap_or_else(PoisonError::into_inner);
                        if answered.is_ok() {
                            harm.done += 1;
                        } else {
                            harm.refused += 1;
                        }
                        drop(harm);
                        thread::sleep(Duration::from_millis(50));
                    }
                });
            }
        });
        let mut harm = harm.into_inner().unwrap_or_else(PoisonError::into_inner);
        harm.seconds = began.elapsed().as_secs_f64();
        Ok(harm)
    }
}

/// What costs most to read: nothing but nesting, numbers, lists, and objects of a short key. Each is whole but the first.
fn bomb_bodies() -> Vec<Vec<u8>> {
    const LENGTH: usize = 10 * 1_024 * 1_024;
    let kinds =
        [("", "[", ""), ("{\"x\":[", "0,", "0]}"), ("{\"x\":[", "[],", "[]]}"), ("{\"x\":[", "{\"k\":0},", "{}]}")];
    let of = |(open, one, close): (&str, &str, &str)| {
        let times = (LENGTH - open.len() - close.len()) / one.len();
        let mut body = [open, &one.repeat(times), close].concat().into_bytes();
        body.resize(LENGTH, b' ');
        body
    };
    kinds.into_iter().map(of).collect()
}
