//! Faults put on the node at somebody's wish, to see how clients live with them.
//!
//! Three kinds: connections that are cut or not taken, answers that come late, and a chain that stands still (no final
//! blocks, or no blocks at all). It knows connections by number and cuts them by a token that their streams watch;
//! [`crate::rpc`] and [`crate::producer`] ask what holds. Nothing here survives a restart.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How a connection carries requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Carrier {
    Http,
    WebSocket,
}

/// Which connections a fault is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Connections {
    /// Those that never became a WebSocket.
    Http,
    /// WebSockets.
    Ws,
    /// Every connection.
    #[default]
    All,
}

impl Connections {
    fn hold(self, carrier: Carrier) -> bool {
        match self {
            Self::Http => carrier == Carrier::Http,
            Self::Ws => carrier == Carrier::WebSocket,
            Self::All => true,
        }
    }
}

/// A fault that lasts until it is cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Connections are cut, and new ones as soon as they ask for anything.
    Refuse(Connections),
    /// Every answer but those of `dev_*` methods comes so much later.
    Delay(Connections, Duration),
    /// Blocks are made and none becomes final.
    StallFinality,
    /// No block is made but by `dev_mine` and its like.
    StallBlocks,
}

/// A fault in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActiveFault {
    /// Which.
    pub fault: Fault,
    /// For how much longer; until it is cleared when absent.
    pub left: Option<Duration>,
}

struct Entry {
    fault: Fault,
    until: Option<Instant>,
}

impl Entry {
    fn holds(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

#[derive(Default)]
struct State {
    faults: Vec<Entry>,
    connections: HashMap<u64, (Carrier, CancellationToken)>,
    next_connection: u64,
}

impl State {
    fn cut(&mut self, which: Connections) -> usize {
        let (cut, kept) = self.connections.drain().partition(|(_, (carrier, _))| which.hold(*carrier));
        self.connections = kept;
        let cut: HashMap<u64, (Carrier, CancellationToken)> = cut;
        for (_, token) in cut.values() {
            token.cancel();
        }
        cut.len()
    }
}

/// The faults in force, and the connections that they can cut.
pub(crate) struct Faults {
    state: Mutex<State>,
    /// Height at which finality stands still.
    finality: watch::Sender<Option<u32>>,
}

impl Faults {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), finality: watch::channel(None).0 }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a fault in force, in place of one of its kind; for finality, `head` is the last final block.
    pub(crate) fn add(&self, fault: Fault, lasting: Option<Duration>, head: u32) {
        let mut state = self.state();
        state.faults.retain(|entry| !same_kind(entry.fault, fault));
        state.faults.push(Entry { fault, until: lasting.and_then(|lasting| Instant::now().checked_add(lasting)) });
        match fault {
            Fault::Refuse(which) => {
                state.cut(which);
            }
            // A stall that goes on stays where it is.
            Fault::StallFinality => {
                self.finality.send_if_modified(|at| at.is_none() && at.replace(head).is_none());
            }
            Fault::Delay(..) | Fault::StallBlocks => {}
        }
    }

    /// Ends every fault.
    pub(crate) fn clear(&self) {
        self.retain(|_| false);
    }

    /// Ends the faults whose time is over.
    pub(crate) fn expire(&self) {
        let now = Instant::now();
        self.retain(|entry| entry.holds(now));
    }

    fn retain(&self, keep: impl FnMut(&Entry) -> bool) {
        let mut state = self.state();
        state.faults.retain(keep);
        if !state.faults.iter().any(|entry| entry.fault == Fault::StallFinality) {
            self.finality.send_if_modified(|at| at.take().is_some());
        }
    }

    pub(crate) fn active(&self) -> Vec<ActiveFault> {
        let now = Instant::now();
        let left = |entry: &Entry| entry.until.map(|until| until.saturating_duration_since(now));
        let state = self.state();
        let active = state.faults.iter().filter(|entry| entry.holds(now));
        active.map(|entry| ActiveFault { fault: entry.fault, left: left(entry) }).collect()
    }

    fn is_any(&self, wanted: impl Fn(Fault) -> bool) -> bool {
        let now = Instant::now();
        self.state().faults.iter().any(|entry| entry.holds(now) && wanted(entry.fault))
    }

    /// Whether blocks come by themselves.
    pub(crate) fn blocks_are_made(&self) -> bool {
        !self.is_any(|fault| fault == Fault::StallBlocks)
    }

    /// Whether what comes over such a connection is to be cut off.
    pub(crate) fn refuse(&self, carrier: Carrier) -> bool {
        self.is_any(|fault| matches!(fault, Fault::Refuse(which) if which.hold(carrier)))
    }

    /// How late answers over such a connection are.
    pub(crate) fn delay(&self, carrier: Carrier) -> Duration {
        let now = Instant::now();
        let delays = self
            .state()
            .faults
            .iter()
            .filter(|entry| entry.holds(now))
            .map(|entry| match entry.fault {
                Fault::Delay(which, delay) if which.hold(carrier) => delay,
                _ => Duration::ZERO,
            })
            .collect::<Vec<_>>();
        delays.into_iter().max().unwrap_or_default()
    }

    /// Height at which finality stands still, for those who follow it.
    pub(crate) fn finality(&self) -> watch::Receiver<Option<u32>> {
        self.finality.subscribe()
    }

    /// The chain was cut back to this height: what stood still above it is gone.
    pub(crate) fn cut_back(&self, head: u32) {
        self.finality.send_if_modified(|at| {
            at.as_mut().is_some_and(|at| {
                *at > head && {
                    *at = head;
                    true
                }
            })
        });
    }

    // === Connections ===

    /// A new connection: its number, and the token that cuts it.
    pub(crate) fn enter(&self) -> (u64, CancellationToken) {
        let mut state = self.state();
        let number = state.next_connection;
        state.next_connection += 1;
        let token = CancellationToken::new();
        state.connections.insert(number, (Carrier::Http, token.clone()));
        (number, token)
    }

    /// The connection has become a WebSocket.
    pub(crate) fn upgrade(&self, number: u64) {
        if let Some((carrier, _)) = self.state().connections.get_mut(&number) {
            *carrier = Carrier::WebSocket;
        }
    }

    /// The connection is over.
    pub(crate) fn leave(&self, number: u64) {
        self.state().connections.remove(&number);
    }

    /// Cuts one connection.
    pub(crate) fn cut_one(&self, number: u64) {
        if let Some((_, token)) = self.state().connections.remove(&number) {
            token.cancel();
        }
    }

    /// Cuts all these connections; says how many there were.
    pub(crate) fn cut(&self, which: Connections) -> usize {
        self.state().cut(which)
    }
}

/// Whether one takes the place of the other.
fn same_kind(one: Fault, other: Fault) -> bool {
    match (one, other) {
        (Fault::Refuse(one), Fault::Refuse(other)) | (Fault::Delay(one, _), Fault::Delay(other, _)) => one == other,
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_about_the_connections_that_they_name() {
        let faults = Faults::new();
        faults.add(Fault::Delay(Connections::Http, Duration::from_millis(5)), None, 0);
        faults.add(Fault::Delay(Connections::All, Duration::from_millis(3)), None, 0);
        assert_eq!(faults.delay(Carrier::Http), Duration::from_millis(5));
        assert_eq!(faults.delay(Carrier::WebSocket), Duration::from_millis(3));
        faults.add(Fault::Delay(Connections::Http, Duration::from_millis(1)), None, 0);
        assert_eq!((faults.delay(Carrier::Http), faults.active().len()), (Duration::from_millis(3), 2));
        faults.add(Fault::Refuse(Connections::Ws), None, 0);
        assert!(faults.refuse(Carrier::WebSocket) && !faults.refuse(Carrier::Http));
        faults.clear();
        assert_eq!((faults.delay(Carrier::Http), faults.refuse(Carrier::WebSocket)), (Duration::ZERO, false));
    }

    #[test]
    fn a_fault_ends_with_its_time() {
        let faults = Faults::new();
        faults.add(Fault::StallBlocks, Some(Duration::ZERO), 0);
        assert!(faults.blocks_are_made());
        faults.add(Fault::StallFinality, Some(Duration::ZERO), 7);
        assert_eq!(*faults.finality().borrow(), Some(7));
        faults.expire();
        assert_eq!(*faults.finality().borrow(), None);
        assert!(faults.active().is_empty());
    }

    #[test]
    fn a_stall_of_finality_stays_where_it_began() {
        let faults = Faults::new();
        faults.add(Fault::StallFinality, None, 7);
        faults.add(Fault::StallFinality, None, 9);
        assert_eq!(*faults.finality().borrow(), Some(7));
        faults.cut_back(8);
        assert_eq!(*faults.finality().borrow(), Some(7));
        faults.cut_back(3);
        assert_eq!(*faults.finality().borrow(), Some(3));
    }

    #[test]
    fn cutting_is_by_kind_and_counts() {
        let faults = Faults::new();
        let (plain, socket) = (faults.enter(), faults.enter());
        faults.upgrade(socket.0);
        assert_eq!(faults.cut(Connections::Ws), 1);
        assert!(socket.1.is_cancelled() && !plain.1.is_cancelled());
        assert_eq!(faults.cut(Connections::Ws), 0);
        faults.leave(plain.0);
        assert_eq!(faults.cut(Connections::All), 0);
    }
}
