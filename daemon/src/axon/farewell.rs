//! The end of a connection whose caller was refused before its request was read to the end.
//!
//! Closing a connection with bytes of it unread resets it, and a caller that is still writing then may
//! never get to see its answer. So the writing half is closed first, and what the caller still sends is read and
//! dropped (RFC 9112, 9.6): some at once, then slowly, so that a caller who reads while it writes has its
//! answer after a trifle, and a flood is held back. Many callers read only once they have written everything, so
//! this goes on for as long as they get on with it. Pace, time, and how many connections do so at once are
//! bounded: the oldest of the address that has most gives way to a newcomer from another, and of one address that has
//! all that one may have, the next is let go at once. Who goes without having been waited for has what is there of its
//! request dropped all the same: of a caller that has sent everything, nothing is left unread then, and it is not reset.

use std::{
    io,
    mem::MaybeUninit,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

use super::readings::{Reading, Readings};

/// Farewells at once, in all and of one address.
pub(super) const AT_ONCE: usize = 128;
pub(super) const AT_ONCE_PER_ADDRESS: usize = 32;
/// How long one takes at most, however long a body may take.
const LONGEST: Duration = Duration::from_secs(30);
/// For [`PROGRESS`] more to come: who is silent, or as good as silent, is not waited for.
const SILENCE: Duration = Duration::from_secs(2);
const PROGRESS: usize = 32 * 1_024;
/// Bytes that are taken at once,
const AT_FIRST: usize = 256 * 1_024;
/// and then after each pause.
const AFTER_A_PAUSE: usize = 64 * 1_024;
const PAUSE: Duration = Duration::from_millis(20);
/// Bytes of one read.
const READ: usize = 8 * 1_024;

/// What of a connection no request accounts for, or will.
#[derive(Clone, Debug, Default)]
pub(super) struct Unread(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Bodies that were refused and are not read to their end.
    bodies: AtomicUsize,
    /// Whether bytes came since the last request was read.
    strays: AtomicBool,
}

/// How a connection ends.
#[derive(Debug)]
pub(super) struct Farewell {
    unread: Unread,
    farewells: Arc<Readings>,
    address: IpAddr,
    longest: Duration,
    lingering: Option<Lingering>,
}

#[derive(Debug)]
struct Lingering {
    place: Reading,
    end: Pin<Box<Sleep>>,
    silence: Pin<Box<Sleep>>,
    pause: Option<Pin<Box<Sleep>>>,
    /// Bytes taken so far, up to the next pause, and up to which the silence lasts.
    taken: usize,
    before_pause: usize,
    before_progress: usize,
}

// === impl Unread ===

impl Unread {
    /// Another body was refused.
    pub(super) fn add(&self) {
        self.0.bodies.fetch_add(1, Ordering::Relaxed);
    }

    /// It was read to its end after all.
    pub(super) fn remove(&self) {
        self.0.bodies.fetch_sub(1, Ordering::Relaxed);
    }

    /// Bytes came.
    pub(super) fn came(&self) {
        self.0.strays.store(true, Ordering::Relaxed);
    }

    /// A request accounts for all that came.
    pub(super) fn accounted(&self) {
        self.0.strays.store(false, Ordering::Relaxed);
    }

    fn any(&self) -> bool {
        self.0.strays.load(Ordering::Relaxed) || self.0.bodies.load(Ordering::Relaxed) > 0
    }
}

// === impl Farewell ===

impl Farewell {
    /// For a connection from `address`, of which a body may take `longest` to arrive.
    pub(super) fn new(unread: Unread, farewells: Arc<Readings>, address: IpAddr, longest: Duration) -> Self {
        Self { unread, farewells, address, longest: longest.min(LONGEST), lingering: None }
    }

    /// Bytes came over the connection while it was served.
    pub(super) fn came(&self) {
        self.unread.came();
    }

    /// Drops what still comes over `stream`, whose writing half is closed, until its other end closes too.
    pub(super) fn poll(&mut self, stream: &mut TcpStream, context: &mut Context<'_>) -> Poll<()> {
        if self.lingering.is_none() {
            if !self.unread.any() {
                return Poll::Ready(());
            }
            let Ok(place) = self.farewells.enter(self.address) else {
                drop_what_is_there(stream, context);
                return Poll::Ready(());
            };
            self.lingering = Some(Lingering::new(place, self.longest));
        }
        let Some(lingering) = &mut self.lingering else { return Poll::Ready(()) };
        lingering.poll(stream, context)
    }
}

// === impl Lingering ===

impl Lingering {
    fn new(place: Reading, longest: Duration) -> Self {
        Self {
            place,
            end: Box::pin(sleep(longest)),
            silence: Box::pin(sleep(SILENCE)),
            pause: None,
            taken: 0,
            before_pause: AT_FIRST,
            before_progress: PROGRESS,
        }
    }

    fn poll(&mut self, stream: &mut TcpStream, context: &mut Context<'_>) -> Poll<()> {
        // Whoever goes on is here again soon, and whoever does not ends soon: nobody needs to be woken for that.
        if self.place.is_displaced() || self.end.as_mut().poll(context).is_ready() {
            drop_what_is_there(stream, context);
            return Poll::Ready(());
        }
        loop {
            if self.silence.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(context));
                self.pause = None;
                self.before_pause = self.taken.saturating_add(AFTER_A_PAUSE);
            }
            let read = ready!(read(stream, context));
            // Its end, or a fault: there is nobody left to hear an answer.
            let Ok(read @ 1..) = read else { return Poll::Ready(()) };
            self.taken = self.taken.saturating_add(read);
            if self.taken >= self.before_progress {
                self.before_progress = self.taken.saturating_add(PROGRESS);
                self.silence = Box::pin(sleep(SILENCE));
            }
            if self.taken >= self.before_pause {
                self.pause = Some(Box::pin(sleep(PAUSE)));
            }
        }
    }
}

/// Drops what has come by now and was not read, as far as it would be at first.
fn drop_what_is_there(stream: &mut TcpStream, context: &mut Context<'_>) {
    let mut taken = 0;
    while let Poll::Ready(Ok(read @ 1..)) = read(stream, context) {
        taken += read;
        if taken >= AT_FIRST {
            return;
        }
    }
}

fn read(stream: &mut TcpStream, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
    let mut bytes = [MaybeUninit::uninit(); READ];
    let mut buffer = ReadBuf::uninit(&mut bytes);
    ready!(Pin::new(stream).poll_read(context, &mut buffer))?;
    Poll::Ready(Ok(buffer.filled().len()))
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::{io::AsyncWriteExt, net::TcpListener};

    use super::*;

    /// Both ends of a connection: ours, and a caller's that has sent `bytes` of them.
    async fn connection(bytes: usize) -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut caller = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (ours, _) = listener.accept().await.unwrap();
        caller.write_all(&vec![b'x'; bytes]).await.unwrap();
        (ours, caller)
    }

    fn farewell(farewells: &Arc<Readings>, last: u8) -> Farewell {
        let unread = Unread::default();
        unread.came();
        Farewell::new(unread, Arc::clone(farewells), [10, 0, 0, last].into(), LONGEST)
    }

    /// Whether it goes on.
    async fn lasts(farewell: &mut Farewell, stream: &mut TcpStream) -> bool {
        poll_fn(|context| Poll::Ready(farewell.poll(stream, context).is_pending())).await
    }

    #[tokio::test]
    async fn one_that_gives_way_ends() {
        let farewells = Readings::new(1, 1);
        let ((mut one, mut caller), (mut other, _other_caller)) = (connection(0).await, connection(0).await);
        let (mut old, mut new) = (farewell(&farewells, 1), farewell(&farewells, 2));
        assert!(lasts(&mut old, &mut one).await);
        assert!(lasts(&mut old, &mut one).await);
        // What comes now would have been waited for.
        caller.write_all(b"more").await.unwrap();
        one.readable().await.unwrap();
        assert!(lasts(&mut new, &mut other).await);
        assert!(!lasts(&mut old, &mut one).await);
        assert_eq!(one.try_read(&mut [0; 4]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(old);
        assert!(farewells.held() == 1 && lasts(&mut new, &mut other).await);
    }

    #[tokio::test]
    async fn one_without_a_place_ends_at_once_and_leaves_nothing_unread() {
        let farewells = Readings::new(2, 1);
        let ((mut one, _caller), (mut other, _other_caller)) = (connection(0).await, connection(100_000).await);
        let (mut first, mut second) = (farewell(&farewells, 1), farewell(&farewells, 1));
        assert!(lasts(&mut first, &mut one).await);
        other.readable().await.unwrap();
        assert!(!lasts(&mut second, &mut other).await);
        assert_eq!(other.try_read(&mut [0; 4]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
