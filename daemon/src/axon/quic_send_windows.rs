//! How much of their replies callers over QUIC may leave unacknowledged: on one connection, and on all of them together.
//!
//! What quinn is given to send stays in memory until the other end has acknowledged it, and the other end decides when it
//! does. The send window of a connection bounds that. Each has a small one of its own; where that holds a reply up, it
//! leases more, up to [`MOST`], from what there is for all. No source leases more than it leaves to the others. What is
//! leased is given back when the replies of the connection are acknowledged or given up: which
//! [`Streams`](super::quic_streams::Streams) sees to.

use std::{
    collections::HashMap,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use quinn::{SendStream, WriteError};

/// The window that each connection has, in bytes.
pub(super) const OWN: u64 = 32 * 1_024;
/// The largest window, in bytes: what a fast and distant caller has under way at once.
const MOST: u64 = 4 * 1_024 * 1_024;
/// Less than this is not worth a lease.
const LEAST: u64 = 4 * 1_024;

/// What the connections of an axon lease together.
#[derive(Debug)]
pub(super) struct SendWindows {
    most: u64,
    leased: Mutex<Leased>,
}

#[derive(Debug, Default)]
struct Leased {
    all: u64,
    of_source: HashMap<IpAddr, u64>,
}

/// The send window of one connection.
#[derive(Debug)]
pub(super) struct SendWindow {
    windows: Arc<SendWindows>,
    source: IpAddr,
    connection: quinn::Connection,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Replies that are under way.
    replies: usize,
    leased: u64,
}

/// A reply of which something may be unacknowledged. With the last one of a connection goes what the connection leased.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<SendWindow>);

// === impl SendWindows ===

impl SendWindows {
    /// For connections that lease `most` bytes together.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: u64::try_from(most).unwrap_or(u64::MAX), leased: Mutex::default() })
    }

    /// The window of a connection from `source`, which must have been opened with [`OWN`].
    pub(super) fn open(self: &Arc<Self>, source: IpAddr, connection: quinn::Connection) -> Arc<SendWindow> {
        Arc::new(SendWindow { windows: Arc::clone(self), source, connection, state: Mutex::default() })
    }

    /// Bytes that are leased now.
    #[cfg(test)]
    pub(super) fn leased(&self) -> u64 {
        self.lock().all
    }

    /// As much of `wanted` more bytes as the source may have; 0 where that is hardly anything.
    fn lease(&self, source: IpAddr, wanted: u64) -> u64 {
        let mut leased = self.lock();
        let own = leased.of_source.get(&source).copied().unwrap_or_default();
        // Afterwards the source has no more than what is left.
        let fair = self.most.saturating_sub(leased.all).saturating_sub(own) / 2;
        let granted = wanted.min(fair);
        if granted < LEAST {
            return 0;
        }
        leased.all += granted;
        leased.of_source.insert(source, own + granted);
        granted
    }

    fn give_back(&self, source: IpAddr, bytes: u64) {
        let mut leased = self.lock();
        leased.all = leased.all.saturating_sub(bytes);
        if let Some(own) = leased.of_source.get_mut(&source) {
            *own = own.saturating_sub(bytes);
            if *own == 0 {
                leased.of_source.remove(&source);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Leased> {
        self.leased.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl SendWindow ===

impl SendWindow {
    /// For a reply that begins.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.lock().replies += 1;
        UnderWay(Arc::clone(self))
    }

    fn widen(&self, state: &mut State) -> u64 {
        let window = OWN + state.leased;
        // Twice as much each time, so that little is leased for a reply that is little longer than the window.
        let more = self.windows.lease(self.source, window.min(MOST.saturating_sub(window)));
        if more > 0 {
            state.leased += more;
            self.connection.set_send_window(OWN + state.leased);
        }
        more
    }

    fn narrow(&self, state: &mut State, by: u64) {
        if by > 0 {
            state.leased = state.leased.saturating_sub(by);
            self.connection.set_send_window(OWN + state.leased);
            self.windows.give_back(self.source, by);
        }
    }

    /// Taken before quinn's own lock of the connection, never within it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl UnderWay ===

impl UnderWay {
    /// Writes what fits of `bytes`. Where nothing does, the window is widened first, if that helps.
    pub(super) fn poll_write(
        &self,
        stream: &mut SendStream,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, WriteError>> {
        let mut state = self.0.lock();
        let written = Pin::new(&mut *stream).poll_write(context, bytes);
        if written.is_ready() {
            return written;
        }
        let more = self.0.widen(&mut state);
        if more == 0 {
            return Poll::Pending;
        }
        let written = Pin::new(stream).poll_write(context, bytes);
        if written.is_pending() {
            // The other end takes no more: it was not the window.
            self.0.narrow(&mut state, more);
        }
        written
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.replies = state.replies.saturating_sub(1);
        if state.replies == 0 {
            let leased = state.leased;
            self.0.narrow(&mut state, leased);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_leases_no_more_than_it_leaves() {
        let windows = SendWindows::new(1_024 * 1_024);
        let (a, b): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        assert_eq!(windows.lease(a, 100_000), 100_000);
        assert_eq!(windows.lease(a, MOST), 512 * 1_024 - 100_000, "half of it is the first source's");
        assert_eq!(windows.lease(a, MOST), 0);
        assert_eq!(windows.lease(b, MOST), 256 * 1_024, "half of what is left");
        assert_eq!(windows.leased(), 768 * 1_024);
        windows.give_back(a, 512 * 1_024);
        assert_eq!(windows.lease(a, MOST), 384 * 1_024);
        windows.give_back(a, 384 * 1_024);
        windows.give_back(b, 256 * 1_024);
        assert_eq!(windows.leased(), 0);
        assert!(windows.lock().of_source.is_empty());
    }

    #[test]
    fn what_is_hardly_anything_is_not_leased() {
        let windows = SendWindows::new(2 * usize::try_from(LEAST).unwrap() - 2);
        assert_eq!(windows.lease([10, 0, 0, 1].into(), MOST), 0);
        assert!(windows.lock().of_source.is_empty());
    }
}
