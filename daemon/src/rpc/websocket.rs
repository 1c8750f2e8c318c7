//! A connection that stays: calls in any number, answers as they come, the items of subscriptions
//! between them.
//!
//! Framing and the handshake are soketto's. Silence is noticed by pings, and a caller that takes
//! nothing by what cannot be written; one that hangs up frees what waits for it. At the end, what
//! was asked is answered before the connection closes.

use std::{sync::Arc, time::Duration};

use futures_util::{
    FutureExt,
    io::{BufReader, BufWriter},
};
use http::{Request, Response, StatusCode};
use hyper::{body::Incoming, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use jsonrpsee::{
    core::server::BoundedSubscriptions,
    server::{HttpBody, MethodSink},
};
use serde_json::value::RawValue;
use soketto::{Data, connection, data::ByteSlice125, handshake::http::Server as Handshake};
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, interval_at, timeout},
};
use tokio_util::{
    compat::{Compat, TokioAsyncReadCompatExt},
    sync::CancellationToken,
    task::TaskTracker,
};

use super::{calls::Feed, gate::Gate, health::plain};

type Socket = BufReader<BufWriter<Compat<TokioIo<Upgraded>>>>;
type Sender = connection::Sender<Socket>;
type Receiver = connection::Receiver<Socket>;

/// Messages that wait to be written; whoever has more to say waits.
const QUEUE: usize = 64;
/// Calls of one connection that are run at once.
const CALLS: usize = 256;
/// Bytes of a message that count as one call more.
const ROOM: usize = 64 * 1024;

/// Limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) max_message_bytes: usize,
    pub(super) max_subscriptions: u32,
    /// Between two pings; a caller that lets two go by is gone.
    pub(super) ping: Duration,
}

/// What waits to be written.
struct Waiting {
    answers: mpsc::Receiver<String>,
    /// What subscriptions tell.
    items: mpsc::Receiver<Box<RawValue>>,
}

/// One connection, while it is served.
struct Session {
    gate: Gate,
    limits: Limits,
    /// Where answers wait to be written.
    queue: mpsc::Sender<String>,
    /// The calls that are being answered.
    answers: TaskTracker,
    places: Arc<Semaphore>,
    /// Told whenever anything arrives.
    heard: tokio::sync::watch::Sender<Instant>,
}

/// Agrees to a WebSocket, and gives what serves it once the reply has been sent: until the caller
/// closes it, falls silent, or `closing` is told.
pub(super) fn upgrade(
    mut request: Request<Incoming>,
    gate: Gate,
    limits: Limits,
    closing: CancellationToken,
) -> (Response<HttpBody>, Option<impl Future<Output = ()> + Send + use<>>) {
    let mut handshake = Handshake::new();
    let agreed = match handshake.receive_request(&request) {
        Ok(agreed) => agreed.map(|()| HttpBody::empty()),
        Err(error) => return (plain(StatusCode::BAD_REQUEST, format!("not a WebSocket handshake: {error}\n")), None),
    };
    let upgraded = hyper::upgrade::on(&mut request);
    let served = async move {
        match upgraded.await {
            Ok(stream) => serve(handshake, stream, gate, limits, closing).await,
            Err(error) => tracing::debug!(%error, "a connection did not become a WebSocket"),
        }
    };
    (agreed, Some(served))
}

async fn serve(handshake: Handshake, stream: Upgraded, gate: Gate, limits: Limits, closing: CancellationToken) {
    let mut builder = handshake.into_builder(BufReader::new(BufWriter::new(TokioIo::new(stream).compat())));
    builder.set_max_message_size(limits.max_message_bytes);
    let (mut sender, receiver) = builder.finish();
    let (queue, answers) = mpsc::channel(QUEUE);
    let (sink, items) = mpsc::channel(QUEUE);
    let mut waiting = Waiting { answers, items };
    let (heard, last_heard) = tokio::sync::watch::channel(Instant::now());
    let feed = Feed { sink: MethodSink::new(sink), subscriptions: BoundedSubscriptions::new(limits.max_subscriptions) };
    let places = Arc::new(Semaphore::new(CALLS));
    let session = Session { gate: gate.feeding(feed), limits, queue, answers: TaskTracker::new(), places, heard };
    let answers = session.answers.clone();
    let is_told = tokio::select! {
        () = listen(session, receiver) => false,
        is_told = tell(&mut sender, &mut waiting, last_heard, limits.ping, &closing) => is_told,
    };
    if is_told {
        // No more is read. What was asked is answered; subscriptions end where they are.
        answers.close();
        let rest = async {
            loop {
                tokio::select! {
                    message = waiting.next() => match message {
                        Some(message) => write(&mut sender, message).await?,
                        None => break,
                    },
                    () = answers.wait() => break,
                }
            }
            waiting.close();
            while let Some(message) = waiting.next().await {
                write(&mut sender, message).await?;
            }
            Ok::<_, connection::Error>(())
        };
        if let Ok(Err(error)) = timeout(limits.ping * 2, rest).await {
            tracing::debug!(%error, "a connection to the control API broke at its end");
        }
    }
    drop(waiting);
    // One who takes nothing does not take the end either.
    let _ = timeout(limits.ping * 2, sender.close()).await;
}

/// Reads until the caller closes the connection or breaks the protocol.
async fn listen(session: Session, mut receiver: Receiver) {
    loop {
        let mut message = Vec::new();
        let received = receiver.receive(&mut message).await;
        let _ = session.heard.send(Instant::now());
        match received {
            Ok(soketto::Incoming::Data(Data::Text(_) | Data::Binary(_))) => {
                if !session.take(message).await {
                    return;
                }
            }
            Ok(soketto::Incoming::Pong(_)) => {}
            Ok(soketto::Incoming::Closed(_)) | Err(connection::Error::Closed) => return,
            Err(connection::Error::MessageTooLarge { .. }) => {
                let refusal = session.gate.too_large(session.limits.max_message_bytes);
                if session.queue.send(refusal.into_json()).await.is_err() {
                    return;
                }
            }
            Err(error) => return tracing::debug!(%error, "a connection to the control API broke"),
        }
    }
}

/// Writes what waits, and pings, until the caller is gone or silent, or `closing` is told between two
/// messages: then true.
async fn tell(
    sender: &mut Sender,
    waiting: &mut Waiting,
    last_heard: tokio::sync::watch::Receiver<Instant>,
    ping: Duration,
    closing: &CancellationToken,
) -> bool {
    let mut pings = interval_at(Instant::now() + ping, ping);
    loop {
        let told = tokio::select! {
            message = waiting.next() => match message {
                Some(message) => timeout(ping * 2, write(sender, message)).await,
                None => return false,
            },
            () = closing.cancelled() => return true,
            _ = pings.tick() => {
                if last_heard.borrow().elapsed() > ping * 2 {
                    tracing::debug!("a caller fell silent and was disconnected");
                    return false;
                }
                timeout(ping * 2, beat(sender)).await
            }
        };
        match told {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(%error, "a caller of the control API went away");
                return false;
            }
            Err(_) => {
                tracing::debug!("a caller that takes nothing was disconnected");
                return false;
            }
        }
    }
}

async fn write(sender: &mut Sender, message: String) -> Result<(), connection::Error> {
    sender.send_text_owned(message).await?;
    sender.flush().await
}

async fn beat(sender: &mut Sender) -> Result<(), connection::Error> {
    #[expect(clippy::expect_used, reason = "nothing is shorter than 125 bytes")]
    let nothing = ByteSlice125::try_from(&[][..]).expect("0 bytes are no more than 125");
    sender.send_ping(nothing).await?;
    sender.flush().await
}

// === impl Waiting ===

impl Waiting {
    /// The next message; none when nobody is left who could say more.
    async fn next(&mut self) -> Option<String> {
        let text = |item| Box::<str>::from(item).into();
        tokio::select! {
            Some(answer) = self.answers.recv() => Some(answer),
            Some(item) = self.items.recv() => Some(text(item)),
            else => None,
        }
    }

    /// Takes nothing more; what waits already still comes.
    fn close(&mut self) {
        self.answers.close();
        self.items.close();
    }
}

// === impl Session ===

impl Session {
    /// Answers a message beside the others; stops caring when the caller hangs up. False when it has.
    async fn take(&self, message: Vec<u8>) -> bool {
        // A large message takes the room of many, until its answer has gone out.
        let room = u32::try_from((1 + message.len() / ROOM).min(CALLS)).unwrap_or(1);
        let Ok(place) = Arc::clone(&self.places).try_acquire_many_owned(room) else {
            let refusal = self.gate.too_many(&message, CALLS);
            drop(message);
            // Said from here: a caller who takes no answers is not read from.
            return self.queue.send(refusal.into_json()).await.is_ok();
        };
        let (gate, queue) = (self.gate.clone(), self.queue.clone());
        let mut answering = Box::pin(async move {
            let _place = place;
            let answer = tokio::select! {
                () = queue.closed() => return,
                answer = gate.answer(&message) => answer,
            };
            drop(message);
            // A subscription has told its answer itself, among its items.
            let Some(answer) = answer.filter(|answer| !answer.is_sent()) else { return };
            // Nobody is there any more to miss it.
            let _ = queue.send(answer.into_json()).await;
        });
        // What is in memory is answered at once; a task of its own has to be woken, maybe elsewhere.
        if (&mut answering).now_or_never().is_none() {
            self.answers.spawn(answering);
        }
        true
    }
}
