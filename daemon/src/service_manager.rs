//! What btd tells the service manager (systemd): ready, status, stopping, still alive.
//!
//! The protocol of `sd_notify(3)`: datagrams of `NAME=value` lines to the socket that
//! `NOTIFY_SOCKET` names. Without such a socket everything here does nothing. A chain that is out
//! of reach does not stop the pings: a restart would not bring it back.

use std::{
    io,
    os::{linux::net::SocketAddrExt, unix::ffi::OsStrExt, unix::net},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::supervisor::TaskResult;

/// A pulse older than this means that its owner hangs.
const STILL: Duration = Duration::from_secs(10);

/// What the environment says about the service manager.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Where to send notifications; a leading `@` names a socket of the abstract namespace.
    pub socket: Option<PathBuf>,
    /// How long the service manager waits for a sign of life before it kills the service.
    pub watchdog: Option<Duration>,
}

/// The line to the service manager.
#[derive(Clone, Debug)]
pub struct ServiceManager {
    socket: Option<Arc<net::UnixDatagram>>,
    watchdog: Option<Duration>,
    pulses: Arc<Mutex<Vec<Pulse>>>,
}

/// A sign of life of one part: it calls [`Pulse::beat`] at least every few seconds.
#[derive(Clone, Debug)]
pub struct Pulse {
    name: &'static str,
    began: Instant,
    last_ms: Arc<AtomicU64>,
}

// === impl Pulse ===

impl Pulse {
    fn new(name: &'static str) -> Self {
        Self { name, began: Instant::now(), last_ms: Arc::default() }
    }

    /// How often a part should beat.
    pub const EVERY: Duration = Duration::from_secs(2);

    /// Says: still here.
    pub fn beat(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(now, Ordering::Relaxed);
    }

    fn is_still(&self) -> bool {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.last_ms.load(Ordering::Relaxed))) > STILL
    }
}

// === impl ServiceManager ===

impl ServiceManager {
    /// Opens the line, if there is one.
    ///
    /// # Errors
    /// When there is a socket and it cannot be reached.
    pub fn connect(config: &Config) -> io::Result<Self> {
        let socket = match &config.socket {
            None => None,
            Some(path) => {
                let address = match path.as_os_str().as_bytes() {
                    [b'@', name @ ..] => net::SocketAddr::from_abstract_name(name)?,
                    _ => net::SocketAddr::from_pathname(path)?,
                };
                let socket = net::UnixDatagram::unbound()?;
                socket.connect_addr(&address)?;
                socket.set_nonblocking(true)?;
                Some(Arc::new(socket))
            }
        };
        Ok(Self { socket, watchdog: config.watchdog, pulses: Arc::default() })
    }

    /// The service does its work from now on.
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// What the service is doing, in one line.
    pub fn status(&self, text: &str) {
        self.send(&format!("STATUS={}", text.replace('\n', " ")));
    }

    /// The service is on its way out.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// A pulse that must beat for the service to count as alive.
    pub fn pulse(&self, name: &'static str) -> Pulse {
        let pulse = Pulse::new(name);
        self.pulses.lock().unwrap_or_else(PoisonError::into_inner).push(pulse.clone());
        pulse
    }

    /// Pings the watchdog twice in its period, as long as every pulse beats. Ends when told.
    pub async fn keep_alive(self, told: CancellationToken) -> TaskResult {
        let Some(period) = self.watchdog.filter(|_| self.socket.is_some()) else {
            told.cancelled().await;
            return Ok(());
        };
        let mut ticks = interval((period / 2).max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = told.cancelled() => return Ok(()),
                _ = ticks.tick() => {}
            }
            match self.hanging() {
                None => self.send("WATCHDOG=1"),
                Some(name) => tracing::error!(part = name, "a part hangs; the watchdog is not pinged"),
            }
        }
    }

    fn hanging(&self) -> Option<&'static str> {
        let pulses = self.pulses.lock().unwrap_or_else(PoisonError::into_inner);
        pulses.iter().find(|pulse| pulse.is_still()).map(|pulse| pulse.name)
    }

    fn send(&self, line: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = socket.send(line.as_bytes())
        {
            tracing::debug!(%error, "the service manager did not take a notification");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    fn line(watchdog: Option<Duration>) -> (tempfile::TempDir, UnixDatagram, ServiceManager) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        let manager = ServiceManager::connect(&Config { socket: Some(path), watchdog }).unwrap();
        (dir, listener, manager)
    }

    fn read(listener: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let length = listener.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn notifications_are_lines_of_the_protocol() {
        let (_dir, listener, manager) = line(None);
        manager.ready();
        manager.status("block 7\nREADY=1");
        manager.stopping();
        assert_eq!([(); 3].map(|()| read(&listener)), ["READY=1", "STATUS=block 7 READY=1", "STOPPING=1"]);
    }

    #[test]
    fn without_a_socket_nothing_happens() {
        let manager = ServiceManager::connect(&Config::default()).unwrap();
        manager.ready();
    }

    #[test]
    fn a_part_that_does_not_beat_hangs() {
        let manager = ServiceManager::connect(&Config::default()).unwrap();
        let began = Instant::now().checked_sub(STILL * 2).unwrap();
        let part = |name| Pulse { name, began, last_ms: Arc::default() };
        let (rpc, scheduler) = (part("rpc"), part("scheduler"));
        manager.pulses.lock().unwrap().extend([rpc.clone(), scheduler.clone()]);
        rpc.beat();
        assert_eq!(manager.hanging(), Some("scheduler"));
        scheduler.beat();
        assert_eq!(manager.hanging(), None);
    }

    #[tokio::test]
    async fn the_watchdog_is_pinged_until_told() {
        let (_dir, listener, manager) = line(Some(Duration::from_millis(2)));
        let pulse = manager.pulse("rpc");
        let told = CancellationToken::new();
        let task = tokio::spawn(manager.keep_alive(told.clone()));
        let heard = tokio::task::spawn_blocking(move || [(); 3].map(|()| read(&listener))).await.unwrap();
        assert_eq!(heard, ["WATCHDOG=1"; 3]);
        pulse.beat();
        told.cancel();
        task.await.unwrap().unwrap();
    }
}
