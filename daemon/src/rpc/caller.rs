//! Who is asking, and with which request.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use super::Rights;

/// The other end of a connection, as far as it is known for certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A process on this host, as the kernel names it.
    Local {
        /// Its user at the time that it connected.
        uid: u32,
    },
    /// A program that showed the token of the loopback listener.
    Token,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { uid } => write!(f, "uid {uid}"),
            Self::Token => f.write_str("token"),
        }
    }
}

/// How a connection carries requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// One request, one reply.
    Http,
    /// Both directions, with subscriptions.
    WebSocket,
}

/// What is known of a connection; travels with each of its requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connection {
    pub(super) peer: Peer,
    pub(super) rights: Rights,
    pub(super) carrier: Carrier,
}

/// Names one request, in the log and in errors. Unique within a run of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

/// Makes request ids.
#[derive(Debug, Default)]
pub(super) struct RequestIds(AtomicU64);

impl RequestIds {
    pub(super) fn next(&self) -> RequestId {
        RequestId(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// Who is asking, and with which request. The gate has checked that the method's role is held.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// The other end.
    pub peer: Peer,
    /// What it may do.
    pub rights: Rights,
    /// The request.
    pub request: RequestId,
}
