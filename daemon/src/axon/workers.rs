//! Programs that answer synapses over the control socket, in any language.
//!
//! A program takes a [`Seat`] for a class: it gets questions, each with an id, and answers by id,
//! from the same connection or another. A seat's window says how many requests the program answers
//! at once; several seats share a class, the least busy is asked first.
//!
//! A program may leave at any time. What waits in the class's queue waits on for the next seat;
//! what it had been asked and had not begun to answer is asked once more, of another seat or of
//! the next, so programs see a request at least once. When nobody has come back for
//! [`Registration::linger`], further requests are told that the axon is busy.
//!
//! Once a program screens a class, no request of it passes unscreened: while no seat screens,
//! requests wait for one. A program that does not screen ends this by taking the class up when
//! nobody else serves it.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use btd_api::AccountId;
use btd_wire::synapse::SynapseSpec;
use bytes::Bytes;
use futures_util::{StreamExt, future::BoxFuture, stream};
use serde_json::value::RawValue;
use tokio::sync::{Notify, mpsc, oneshot};

use super::{Answer, AxonError, Classes, Handler, HandlerError, Request, Screening, handler::Verdict, queue::Queue};
use crate::room::Charge;

/// What a program serves.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The class.
    pub spec: Arc<SynapseSpec>,
    /// Requests that it answers at once.
    pub window: usize,
    /// Requests of the class that may wait. The first seat of a class decides.
    pub waiting: usize,
    /// Whether it is asked about a request before that waits for its turn.
    pub screen: Screen,
    /// For how long the class is kept open without a seat. The first seat of a class decides.
    pub linger: Duration,
}

/// Who says whether a request is wanted, and how soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Screen {
    /// The axon's rules alone.
    #[default]
    ByAxon,
    /// The program too.
    ByProgram,
}

/// Something that a program is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Names the question in the answer.
    pub id: u64,
    /// What is asked.
    pub question: Question,
}

/// What is asked.
#[derive(Debug, Clone)]
pub enum Question {
    /// To answer a message.
    Answer(Message),
    /// Whether and how soon a message is to be answered.
    Screen(Message),
    /// Nothing more: the caller of this id is gone, or its time is over.
    Cancelled,
}

/// A message as a program gets it.
#[derive(Debug, Clone)]
pub struct Message {
    /// The hotkey that signed it.
    pub sender: AccountId,
    /// How long an answer is of use.
    pub time_left: Duration,
    /// The whole synapse, known to be JSON.
    pub json: Box<RawValue>,
    /// What it takes of the memory for messages.
    pub room: MessageRoom,
}

/// Held for a message for as long as it waits and is sent: its text counts among the axon's messages until the last
/// clone of this is dropped.
#[derive(Debug, Clone)]
pub struct MessageRoom {
    _charge: Arc<Charge>,
}

// === impl Message ===

impl Message {
    fn of(request: &Request) -> Result<Self, HandlerError> {
        let (json, charge) = request.to_json()?;
        let json = RawValue::from_string(json)
            .map_err(|error| HandlerError::Failed(format!("the message cannot be told as JSON: {error}")))?;
        let room = MessageRoom { _charge: Arc::new(charge) };
        Ok(Self { sender: request.verified.sender(), time_left: request.time_left(), json, room })
    }
}

/// What a program answers.
#[derive(Debug)]
pub enum Reply {
    /// A JSON object with the fields to change.
    Fields(String),
    /// That it failed, and why: for the log alone.
    Failure(String),
    /// What it says of a message that it was to screen.
    Verdict(Verdict),
}

/// A reply on its way to the request that waits for it.
#[derive(Debug)]
enum WorkerReply {
    /// In one piece.
    Whole(Reply),
    /// Bytes to be streamed, behind a status.
    Stream(StreamStatus, mpsc::Receiver<Piece>),
}

/// How a streamed reply turned out, said ahead of its first piece.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamStatus {
    /// `axon.status_code`; 200 without one.
    pub code: Option<i64>,
    /// `axon.status_message`.
    pub message: Option<String>,
}

/// A piece of a streamed reply.
#[derive(Debug)]
pub enum Piece {
    /// Bytes.
    Chunk(Bytes),
    /// There are no more.
    End,
}

/// Why a seat cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum WorkersError {
    /// A window of nothing.
    #[error("a window is at least 1: the number of requests that are answered at once")]
    NoWindow,
    /// Others serve the class, declared differently.
    #[error("{0} is served already, declared with other fields or hashes: stop what serves it, or declare it alike")]
    DeclaredOtherwise(String),
    /// The class has a handler of another kind.
    #[error(transparent)]
    Taken(#[from] AxonError),
}

/// Why an answer goes nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Nobody waits for it.
    #[error("nobody waits for an answer to request {0}: it was answered, its caller is gone, or its time is over")]
    Unknown(u64),
    /// It was begun as a stream.
    #[error("request {0} is being answered as a stream: go on with pieces")]
    Streaming(u64),
    /// Its status has gone.
    #[error("the status of request {0} has gone ahead of its first piece: give it with that one")]
    Opened(u64),
}

/// All programs that serve, and the questions that they have not answered. Clones share everything.
#[derive(Clone, Debug)]
pub struct Workers {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    classes: Arc<Classes>,
    handlers: Mutex<HashMap<String, Arc<WorkerHandler>>>,
    open: Mutex<HashMap<u64, Open>>,
    ids: AtomicU64,
}

/// A question that is open.
#[derive(Debug)]
struct Open {
    seat: u64,
    teller: mpsc::Sender<Asked>,
    /// Taken by the first answer.
    reply: Option<oneshot::Sender<WorkerReply>>,
    pieces: Option<(StreamStatus, mpsc::Sender<Piece>)>,
}

/// The handler of one class.
struct WorkerHandler {
    spec: Arc<SynapseSpec>,
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    linger: Duration,
    seats: Mutex<Seats>,
    arrived: Notify,
}

#[derive(Debug)]
struct Seats {
    taken: HashMap<u64, SeatState>,
    /// Since when there is none.
    empty_since: Instant,
    /// Whether requests are asked about before they wait, though perhaps nobody is there to say.
    screened: Screen,
    /// Since when no seat screens.
    unscreened_since: Instant,
    /// Whether another declaration has taken the class over.
    replaced: bool,
}

#[derive(Debug)]
struct SeatState {
    teller: mpsc::Sender<Asked>,
    window: usize,
    busy: usize,
    screen: Screen,
}

/// A program's place at a class. Dropping it leaves.
#[derive(Debug)]
pub struct Seat {
    id: u64,
    window: usize,
    handler: Arc<WorkerHandler>,
    asked: mpsc::Receiver<Asked>,
}

/// A question that waits for its answer; dropping it withdraws the question.
struct Exchange {
    id: u64,
    seat: u64,
    handler: Arc<WorkerHandler>,
}

/// How often a request is asked when the program leaves without an answer.
const ATTEMPTS: u32 = 2;
/// Questions on their way to one program beyond its window: screenings and cancellations.
const SLACK: usize = 256;
/// Pieces of a stream that wait for a slow caller.
const PIECES: usize = 16;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Workers ===

impl Workers {
    /// No program serves yet. Classes are declared in `classes` as programs come.
    pub fn new(classes: Arc<Classes>) -> Self {
        let shared = Shared { classes, handlers: Mutex::default(), open: Mutex::default(), ids: AtomicU64::default() };
        Self { shared: Arc::new(shared) }
    }

    /// Declares a class for programs that have not come yet: its requests wait for them.
    ///
    /// # Errors
    /// When the class has a handler already.
    pub fn declare(&self, registration: &Registration) -> Result<(), WorkersError> {
        self.handler(registration).map(drop)
    }

    /// Takes a seat. A class that nobody serves may be declared anew, with other fields.
    ///
    /// # Errors
    /// When the window is nothing, or the class is served otherwise.
    pub fn serve(&self, registration: &Registration) -> Result<Seat, WorkersError> {
        if registration.window == 0 {
            return Err(WorkersError::NoWindow);
        }
        let handler = self.handler(registration)?;
        Ok(handler.seat(registration.window, registration.screen))
    }

    fn handler(&self, registration: &Registration) -> Result<Arc<WorkerHandler>, WorkersError> {
        let name = registration.spec.name();
        let mut handlers = lock(&self.shared.handlers);
        if let Some(handler) = handlers.get(name) {
            if *handler.spec == *registration.spec {
                return Ok(Arc::clone(handler));
            }
            if !handler.retire() {
                return Err(WorkersError::DeclaredOtherwise(name.to_owned()));
            }
            self.shared.classes.remove_if(name, |class| Arc::ptr_eq(&class.queue, &handler.queue));
            handlers.remove(name);
        }
        let queue = Queue::new(0, registration.waiting);
        let handler = Arc::new(WorkerHandler {
            spec: Arc::clone(&registration.spec),
            shared: Arc::clone(&self.shared),
            queue: Arc::clone(&queue),
            linger: registration.linger,
            seats: Mutex::new(Seats::new(registration.screen)),
            arrived: Notify::new(),
        });
        let known: Arc<dyn Handler> = Arc::new(Handle(Arc::clone(&handler)));
        self.shared.classes.add_with(known, "socket", queue)?;
        handlers.insert(name.to_owned(), Arc::clone(&handler));
        Ok(handler)
    }

    /// Answers a question. A failure ends one that is streamed: the caller sees it cut off.
    ///
    /// # Errors
    /// When nobody waits for that answer.
    pub fn answer(&self, id: u64, reply: Reply) -> Result<(), AnswerError> {
        let mut open = lock(&self.shared.open);
        let question = open.get_mut(&id).ok_or(AnswerError::Unknown(id))?;
        if question.pieces.is_some() {
            // What has gone cannot be taken back, but it is not to look whole.
            return match reply {
                Reply::Failure(_) => {
                    open.remove(&id);
                    Ok(())
                }
                Reply::Fields(_) | Reply::Verdict(_) => Err(AnswerError::Streaming(id)),
            };
        }
        let sent = question.reply.take().and_then(|waits| waits.send(WorkerReply::Whole(reply)).ok());
        open.remove(&id);
        sent.ok_or(AnswerError::Unknown(id))
    }

    /// Opens a streamed answer with its status, ahead of its first piece. The same status may be told again.
    ///
    /// # Errors
    /// When nobody waits for that answer, or it was opened with another status.
    pub fn open_stream(&self, id: u64, status: StreamStatus) -> Result<(), AnswerError> {
        let mut open = lock(&self.shared.open);
        let question = open.get_mut(&id).ok_or(AnswerError::Unknown(id))?;
        match &question.pieces {
            None => question.stream(id, status).map(drop),
            Some((told, _)) if *told == status => Ok(()),
            Some(_) => Err(AnswerError::Opened(id)),
        }
    }

    /// Streams a piece of the answer to a question; [`Piece::End`] is the last. Waits while the
    /// caller reads more slowly than the program writes.
    ///
    /// # Errors
    /// When nobody waits for that answer.
    pub async fn stream(&self, id: u64, piece: Piece) -> Result<(), AnswerError> {
        let pieces = {
            let mut open = lock(&self.shared.open);
            let question = open.get_mut(&id).ok_or(AnswerError::Unknown(id))?;
            let pieces = match &question.pieces {
                Some((_, pieces)) => pieces.clone(),
                None => question.stream(id, StreamStatus::default())?,
            };
            if matches!(piece, Piece::End) {
                open.remove(&id);
            }
            pieces
        };
        pieces.send(piece).await.map_err(|_| AnswerError::Unknown(id))
    }
}

// === impl Open ===

impl Open {
    /// Begins to stream the answer.
    fn stream(&mut self, id: u64, status: StreamStatus) -> Result<mpsc::Sender<Piece>, AnswerError> {
        let (pieces, taken) = mpsc::channel(PIECES);
        let waits = self.reply.take().ok_or(AnswerError::Unknown(id))?;
        waits.send(WorkerReply::Stream(status.clone(), taken)).map_err(|_| AnswerError::Unknown(id))?;
        self.pieces = Some((status, pieces.clone()));
        Ok(pieces)
    }
}

// === impl WorkerHandler ===

impl WorkerHandler {
    fn seat(self: &Arc<Self>, window: usize, screen: Screen) -> Seat {
        let id = self.shared.ids.fetch_add(1, Ordering::Relaxed);
        let (teller, asked) = mpsc::channel(window.saturating_add(SLACK));
        lock(&self.seats).take(id, SeatState { teller, window, busy: 0, screen });
        self.queue.resize(|places| places.saturating_add(window));
        self.arrived.notify_waiters();
        tracing::info!(synapse = self.spec.name(), seat = id, window, "a program serves");
        Seat { id, window, handler: Arc::clone(self), asked }
    }

    /// Gives the class up, unless somebody serves it.
    fn retire(&self) -> bool {
        let mut seats = lock(&self.seats);
        if !seats.taken.is_empty() {
            return false;
        }
        seats.replaced = true;
        drop(seats);
        // What waits hears at once that nobody will come.
        self.queue.resize(|_| usize::MAX);
        self.arrived.notify_waiters();
        true
    }

    /// Waits for a seat, asks, and waits for the answer.
    async fn ask(
        self: &Arc<Self>,
        request: &Request,
        question: fn(Message) -> Question,
    ) -> Result<(WorkerReply, Exchange), HandlerError> {
        for _ in 0..ATTEMPTS {
            // Written anew each time: a second attempt is rare, and a message may be large.
            let message = Message::of(request)?;
            let (exchange, waits) = self.deliver(question(message)).await?;
            // A dropped reply says that the program left.
            if let Ok(reply) = waits.await {
                return Ok((reply, exchange));
            }
        }
        Err(HandlerError::Failed("the program left twice without an answer".to_owned()))
    }

    async fn deliver(
        self: &Arc<Self>,
        mut question: Question,
    ) -> Result<(Exchange, oneshot::Receiver<WorkerReply>), HandlerError> {
        let screens = matches!(question, Question::Screen(_));
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            // From here on no arrival is missed.
            arrived.as_mut().enable();
            let least_busy = {
                let mut seats = lock(&self.seats);
                if seats.replaced {
                    return Err(HandlerError::Busy(format!("{} was declared anew", self.spec.name())));
                }
                if screens && seats.screened == Screen::ByAxon {
                    let name = self.spec.name();
                    return Err(HandlerError::Busy(format!("{name} was taken up by a program that does not screen")));
                }
                let asked = seats.taken.iter_mut().filter(|(_, seat)| !screens || seat.screen == Screen::ByProgram);
                let seat = asked.max_by_key(|(_, seat)| seat.window.saturating_sub(seat.busy));
                seat.map(|(id, seat)| {
                    seat.busy += usize::from(!screens);
                    (*id, seat.teller.clone())
                })
            };
            let Some((seat, teller)) = least_busy else {
                arrived.await;
                continue;
            };
            let id = self.shared.ids.fetch_add(1, Ordering::Relaxed);
            let (reply, waits) = oneshot::channel();
            let open = Open { seat, teller: teller.clone(), reply: Some(reply), pieces: None };
            lock(&self.shared.open).insert(id, open);
            let exchange = Exchange { id, seat, handler: Arc::clone(self) };
            let exchange = if screens { exchange.of_screening() } else { exchange };
            match teller.send(Asked { id, question }).await {
                Ok(()) => return Ok((exchange, waits)),
                // It left in between.
                Err(unasked) => question = unasked.0.question,
            }
        }
    }
}

// === impl Seats ===

impl Seats {
    fn new(screened: Screen) -> Self {
        let now = Instant::now();
        Self { taken: HashMap::new(), empty_since: now, screened, unscreened_since: now, replaced: false }
    }

    fn take(&mut self, id: u64, seat: SeatState) {
        if seat.screen == Screen::ByProgram || self.taken.is_empty() {
            self.screened = seat.screen;
        }
        self.taken.insert(id, seat);
    }

    fn leave(&mut self, id: u64) {
        let left = self.taken.remove(&id);
        if self.taken.is_empty() {
            self.empty_since = Instant::now();
        }
        if left.is_some_and(|seat| seat.screen == Screen::ByProgram) && !self.screens_now() {
            self.unscreened_since = Instant::now();
        }
    }

    /// Whether a seat is there to say what it thinks of requests.
    fn screens_now(&self) -> bool {
        self.taken.values().any(|seat| seat.screen == Screen::ByProgram)
    }
}

/// A handler that knows itself by `Arc`.
#[derive(Debug)]
struct Handle(Arc<WorkerHandler>);

impl Handler for Handle {
    fn spec(&self) -> Arc<SynapseSpec> {
        Arc::clone(&self.0.spec)
    }

    fn screen<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Screening, HandlerError>> {
        Box::pin(async move {
            let asks = {
                let seats = lock(&self.0.seats);
                if seats.taken.is_empty() && seats.empty_since.elapsed() > self.0.linger {
                    return Err(HandlerError::Busy(format!("nothing serves {} now", self.0.spec.name())));
                }
                let asks = seats.screened == Screen::ByProgram;
                if asks && !seats.screens_now() && seats.unscreened_since.elapsed() > self.0.linger {
                    return Err(HandlerError::Busy(format!("nothing screens {} now", self.0.spec.name())));
                }
                asks
            };
            if !asks {
                return Ok(Screening::default());
            }
            match self.0.ask(request, Question::Screen).await?.0 {
                WorkerReply::Whole(Reply::Verdict(verdict)) => Ok(verdict.into()),
                WorkerReply::Whole(Reply::Failure(reason)) => Err(HandlerError::Failed(reason)),
                _ => Err(HandlerError::Failed("it was to screen, and answered instead".to_owned())),
            }
        })
    }

    fn handle(&self, request: Request) -> BoxFuture<'_, Result<Answer, HandlerError>> {
        Box::pin(async move {
            let (reply, exchange) = self.0.ask(&request, Question::Answer).await?;
            match reply {
                WorkerReply::Whole(Reply::Fields(json)) => request.answered_with(&Bytes::from(json)),
                WorkerReply::Whole(Reply::Failure(reason)) => Err(HandlerError::Failed(reason)),
                WorkerReply::Whole(Reply::Verdict(_)) => {
                    Err(HandlerError::Failed("it was to answer, and screened instead".to_owned()))
                }
                WorkerReply::Stream(status, pieces) => {
                    let chunks =
                        stream::unfold((pieces, exchange, false), |(mut pieces, exchange, ended)| async move {
                            if ended {
                                return None;
                            }
                            match pieces.recv().await {
                                Some(Piece::Chunk(bytes)) => Some((Ok(bytes), (pieces, exchange, false))),
                                Some(Piece::End) => None,
                                None => {
                                    let left =
                                        HandlerError::Failed("the program left or failed while it streamed".to_owned());
                                    Some((Err(left), (pieces, exchange, true)))
                                }
                            }
                        });
                    let mut synapse = request.verified.into_synapse();
                    synapse.axon.status_code = status.code.or(synapse.axon.status_code);
                    synapse.axon.status_message = status.message.or(synapse.axon.status_message);
                    Ok(Answer::Stream(Box::new(synapse), chunks.boxed()))
                }
            }
        })
    }
}

impl fmt::Debug for WorkerHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerHandler").field("synapse", &self.spec.name()).finish_non_exhaustive()
    }
}

// === impl Seat ===

impl Seat {
    /// The next question. `None` never comes while the seat is held.
    pub async fn next(&mut self) -> Option<Asked> {
        self.asked.recv().await
    }

    /// The class that is served.
    pub fn synapse(&self) -> &str {
        self.handler.spec.name()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // What is sent from here on comes back to its sender, who asks another seat.
        self.asked.close();
        lock(&self.handler.seats).leave(self.id);
        self.handler.queue.resize(|places| places.saturating_sub(self.window));
        // Those that wait for an answer from here learn that there will be none.
        lock(&self.handler.shared.open).retain(|_, open| open.seat != self.id);
        tracing::info!(synapse = self.handler.spec.name(), seat = self.id, "a program left");
    }
}

// === impl Exchange ===

impl Exchange {
    /// A screening takes no part of the window: nothing is given back for it.
    fn of_screening(mut self) -> Self {
        self.seat = u64::MAX;
        self
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(open) = lock(&self.handler.shared.open).remove(&self.id) {
            // Should the program have too many questions to take another, it answers for nothing.
            let _ = open.teller.try_send(Asked { id: self.id, question: Question::Cancelled });
        }
        if let Some(seat) = lock(&self.handler.seats).taken.get_mut(&self.seat) {
            seat.busy = seat.busy.saturating_sub(1);
        }
    }
}
