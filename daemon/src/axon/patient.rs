//! A TCP connection that is given up when its other end does not take what it asked for. How it ends when all
//! is written is its [`Farewell`]'s to say.
//!
//! What is measured is for how long nothing more could be written. That is not quite for how long nothing was
//! taken: the system lets us write again only once about a third of its send buffer is free, so the patience is
//! for the other end to take that much.
//!
//! A reply waits in memory until it is taken, and a streamed one holds its handler's place until then. hyper
//! bounds how long it waits for requests, not for this.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Notify,
    time::{Sleep, sleep, timeout},
};

use super::{connections::InFlight, farewell::Farewell};

/// A connection whose writes fail once none of them could be made for so long.
#[derive(Debug)]
pub(super) struct Patient {
    stream: TcpStream,
    patience: Duration,
    /// Runs while nothing can be written.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Whether the writing half is closed.
    shut: bool,
    farewell: Farewell,
    written: Written,
}

/// Told whenever all that the server had to write is with the system.
#[derive(Clone, Debug, Default)]
pub(super) struct Written(Arc<Writing>);

#[derive(Debug, Default)]
struct Writing {
    told: Notify,
    /// The request whose reply is being written to its end.
    last: Mutex<Option<InFlight>>,
}

// === impl Written ===

impl Written {
    /// Waits until what is to be written now is, or for `limit`.
    pub(super) async fn wait(&self, limit: Duration) {
        // Out of patience, the connection fails before.
        let _ = timeout(limit, self.0.told.notified()).await;
    }

    /// Has a request be in flight until what is to be written now is: it is the end of its reply.
    pub(super) fn ends(&self, in_flight: InFlight) {
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(in_flight);
    }

    fn tell(&self) {
        self.0.told.notify_waiters();
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

// === impl Patient ===

impl Patient {
    pub(super) fn new(stream: TcpStream, patience: Duration, (farewell, written): (Farewell, Written)) -> Self {
        Self { stream, patience, stalled: None, shut: false, farewell, written }
    }

    /// What a write came to, if it came to something in time.
    fn in_time(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the reply was not taken in time")))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.farewell.came();
        }
        read
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.in_time(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.in_time(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() {
            self.written.tell();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.shut {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            this.shut = true;
        }
        this.farewell.poll(&mut this.stream, context).map(Ok)
    }
}
