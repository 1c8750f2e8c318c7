//! One connection to the signer: calls go out with numbers, answers come back in any order.
//!
//! A call whose caller goes away is answered to nobody. When the connection ends, every open call
//! fails at once; none is repeated.

use std::{
    collections::HashMap,
    io::IoSlice,
    marker::PhantomData,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use btd_signer_protocol::{
    Control, Operation, Refusal, Requests,
    frame::{self, Answer, Bytes, Call, FrameError, HEADER, Reply},
};
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, oneshot},
};

use super::CustodyError;

/// Calls that may wait to be written.
const ROOM: usize = 256;
/// Calls that are written together at most.
const AT_ONCE: usize = 64;
/// Bytes of answers to requests that are read together: signatures and public keys.
const TOGETHER: usize = 16 * 1_024;
/// Other answers may hold words, and pass through no buffer but their own, which is wiped: a buffer that
/// is no larger than what is asked for is passed by, and nobody asks for less than one byte.
const APART: usize = 1;

/// Open calls; `None` once the connection has ended.
type Open = Option<HashMap<u64, oneshot::Sender<Result<Reply, Refusal>>>>;

/// The callers' end.
pub(super) struct Connection<C> {
    calls: mpsc::Sender<Bytes>,
    open: Mutex<Open>,
    next: AtomicU64,
    channel: PhantomData<fn(C)>,
}

/// The stream's end: to be run until it ends, which is when the connection does.
pub(super) struct Ends {
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
    calls: mpsc::Receiver<Bytes>,
}

/// Takes a call off the list of open ones when its caller goes away.
struct Closing<'a, C> {
    connection: &'a Connection<C>,
    number: u64,
}

impl<C> Drop for Closing<'_, C> {
    fn drop(&mut self) {
        if let Some(open) = &mut *self.connection.open() {
            open.remove(&self.number);
        }
    }
}

/// Fails every open call when the stream has ended, or is given up.
struct Ending<'a>(&'a Mutex<Open>);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

// === impl Connection ===

impl Connection<Control> {
    pub(super) fn control(stream: UnixStream) -> (Self, Ends) {
        Self::over(stream, APART)
    }
}

impl Connection<Requests> {
    pub(super) fn requests(stream: UnixStream) -> (Self, Ends) {
        Self::over(stream, TOGETHER)
    }
}

impl<C: Serialize> Connection<C> {
    fn over(stream: UnixStream, together: usize) -> (Self, Ends) {
        let (read, write) = stream.into_split();
        let read = BufReader::with_capacity(together, read);
        let (calls, waiting) = mpsc::channel(ROOM);
        let open = Mutex::new(Some(HashMap::new()));
        (Self { calls, open, next: AtomicU64::new(1), channel: PhantomData }, Ends { read, write, calls: waiting })
    }

    pub(super) async fn ask<O: Operation<Channel = C>>(&self, operation: O) -> Result<O::Reply, CustodyError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let call = frame::encode(&Call { number, operation: operation.into_call() })?;
        let (tell, answered) = oneshot::channel();
        match &mut *self.open() {
            None => return Err(CustodyError::Died),
            Some(open) => open.insert(number, tell),
        };
        let _closing = Closing { connection: self, number };
        self.calls.send(call).await.map_err(|_| CustodyError::Died)?;
        let reply = answered.await.map_err(|_| CustodyError::Died)??;
        Ok(reply.read()?)
    }
}

impl<C: Serialize> Connection<C> {
    /// Asks one thing before the connection is shown to anybody.
    pub(super) async fn exchange<O: Operation<Channel = C>>(
        &self,
        ends: &mut Ends,
        operation: O,
    ) -> Result<O::Reply, CustodyError> {
        let call = Call { number: 0, operation: operation.into_call() };
        ends.write.write_all(&frame::encode(&call)?).await.map_err(FrameError::from)?;
        let answer = next(&mut ends.read).await?.ok_or(CustodyError::Died)?;
        Ok(answer.outcome?.read()?)
    }
}

impl<C> Connection<C> {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries calls and answers until the stream ends; then every open call fails.
    pub(super) async fn carry(&self, ends: Ends) -> Result<(), FrameError> {
        let Ends { mut read, mut write, mut calls } = ends;
        let _ending = Ending(&self.open);
        let writing = async {
            let mut waiting = Vec::with_capacity(AT_ONCE);
            while calls.recv_many(&mut waiting, AT_ONCE).await > 0 {
                write_together(&mut write, &waiting).await?;
                waiting.clear();
            }
            Ok::<_, FrameError>(())
        };
        let reading = async {
            while let Some(answer) = next(&mut read).await? {
                let caller = self.open().as_mut().and_then(|open| open.remove(&answer.number));
                if let Some(caller) = caller {
                    // Nobody listens if the caller went away meanwhile.
                    let _ = caller.send(answer.outcome);
                }
            }
            Ok(())
        };
        tokio::select! {
            ended = writing => ended,
            ended = reading => ended,
        }
    }
}

/// Writes calls in as few steps as the system takes them, without putting secrets in another buffer.
async fn write_together(write: &mut OwnedWriteHalf, calls: &[Bytes]) -> Result<(), FrameError> {
    let mut slices: Vec<_> = calls.iter().map(|call| IoSlice::new(call)).collect();
    let mut left = slices.as_mut_slice();
    while !left.is_empty() {
        match write.write_vectored(left).await? {
            0 => return Err(std::io::Error::from(std::io::ErrorKind::WriteZero).into()),
            written => IoSlice::advance_slices(&mut left, written),
        }
    }
    Ok(())
}

/// The next answer; `None` at the end of the stream.
async fn next(read: &mut BufReader<OwnedReadHalf>) -> Result<Option<Answer>, FrameError> {
    let mut header = [0; HEADER];
    match read.read_exact(&mut header).await {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let mut body = Bytes::new(vec![0; frame::length(header)?]);
    read.read_exact(&mut body).await?;
    frame::decode(&body).map(Some)
}
