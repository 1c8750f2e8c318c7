//! The end of a connection whose caller was refused before its body was read.
//!
//! Closing a connection with bytes of it unread resets it, and a caller that is still writing then may
//! never get to see its answer. So the writing half is closed first, and for a moment what the caller
//! still sends is read and dropped (RFC 9112, 9.6): some at once, then slowly, so that a caller who reads
//! while it writes has its answer after a trifle, and a flood is held back. Bytes, time, and how many
//! connections do so at once are bounded; beyond that a connection ends at once.

use std::{
    io,
    mem::MaybeUninit,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

use super::shares::{Share, Shares};

/// Farewells at once, in all and of one address.
pub(super) const AT_ONCE: usize = 128;
pub(super) const AT_ONCE_PER_ADDRESS: usize = 32;
/// How long one takes at most.
const LONGEST: Duration = Duration::from_secs(2);
/// Bytes that are taken at once,
const AT_FIRST: usize = 256 * 1_024;
/// and then after each pause.
const AFTER_A_PAUSE: usize = 64 * 1_024;
const PAUSE: Duration = Duration::from_millis(20);
/// Bytes of one read.
const READ: usize = 8 * 1_024;

/// Bodies of a connection that were refused and are not read to their end.
#[derive(Clone, Debug, Default)]
pub(super) struct Unread(Arc<AtomicUsize>);

/// How a connection ends.
#[derive(Debug)]
pub(super) struct Farewell {
    unread: Unread,
    farewells: Arc<Shares<IpAddr>>,
    address: IpAddr,
    /// Bytes that are taken in all.
    most: usize,
    lingering: Option<Lingering>,
}

#[derive(Debug)]
struct Lingering {
    _place: Share<IpAddr>,
    end: Pin<Box<Sleep>>,
    pause: Option<Pin<Box<Sleep>>>,
    /// Bytes taken so far, and up to the next pause.
    taken: usize,
    before_pause: usize,
}

// === impl Unread ===

impl Unread {
    /// Another body was refused.
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// It was read to its end after all.
    pub(super) fn remove(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

// === impl Farewell ===

impl Farewell {
    /// For a connection from `address`, of which `most` bytes are dropped at most.
    pub(super) fn new(unread: Unread, farewells: Arc<Shares<IpAddr>>, address: IpAddr, most: usize) -> Self {
        Self { unread, farewells, address, most, lingering: None }
    }

    /// Drops what still comes over `stream`, whose writing half is closed, until its other end closes too.
    pub(super) fn poll(&mut self, stream: &mut TcpStream, context: &mut Context<'_>) -> Poll<()> {
        if self.lingering.is_none() {
            if !self.unread.any() {
                return Poll::Ready(());
            }
            let Ok(place) = self.farewells.enter(self.address) else { return Poll::Ready(()) };
            self.lingering = Some(Lingering::new(place));
        }
        let Some(lingering) = &mut self.lingering else { return Poll::Ready(()) };
        lingering.poll(self.most, stream, context)
    }
}

// === impl Lingering ===

impl Lingering {
    fn new(place: Share<IpAddr>) -> Self {
        Self { _place: place, end: Box::pin(sleep(LONGEST)), pause: None, taken: 0, before_pause: AT_FIRST }
    }

    fn poll(&mut self, most: usize, stream: &mut TcpStream, context: &mut Context<'_>) -> Poll<()> {
        if self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(context));
                self.pause = None;
                self.before_pause = self.taken.saturating_add(AFTER_A_PAUSE);
            }
            let read = ready!(read(stream, context));
            // Its end, or a fault: there is nobody left to hear an answer.
            let Ok(read @ 1..) = read else { return Poll::Ready(()) };
            self.taken = self.taken.saturating_add(read);
            if self.taken >= most {
                return Poll::Ready(());
            }
            if self.taken >= self.before_pause {
                self.pause = Some(Box::pin(sleep(PAUSE)));
            }
        }
    }
}

fn read(stream: &mut TcpStream, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
    let mut bytes = [MaybeUninit::uninit(); READ];
    let mut buffer = ReadBuf::uninit(&mut bytes);
    ready!(Pin::new(stream).poll_read(context, &mut buffer))?;
    Poll::Ready(Ok(buffer.filled().len()))
}
