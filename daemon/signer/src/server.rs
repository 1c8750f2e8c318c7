//! Calls in, answers out: one reader for each connection, and lanes for what takes long.
//!
//! A connection is of one channel for its whole life, and reads that channel's operations and no
//! others. What is quick is done by the reader itself, in the order of arrival: a lock is in force
//! for every call behind it, and for every unlock before it.

use std::{
    fmt,
    io::{self, BufReader, BufWriter, Write},
    os::unix::net::UnixStream,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use btd_keys::KeyId;
use btd_signer_protocol::{
    Control, Refusal, RefusalKind, Requests,
    frame::{self, Answer, Call, FrameError, Reply},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    custody::Custody,
    handlers,
    lanes::{Lane, guarded},
    log,
};

/// A reader of answers that has not read for so long is gone.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of requests, and of their answers, that are read and written together. Neither holds a secret.
const TOGETHER: usize = 16 * 1_024;
/// Passwords and words pass through no buffer but their own, which is wiped.
const APART: usize = 0;

/// Bounds on what waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// How many calls may wait for a key derivation; one more is refused at once.
    pub waiting_derivations: usize,
    /// How many calls may wait for a file.
    pub waiting_files: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self { waiting_derivations: 128, waiting_files: 1024 }
    }
}

/// Answers calls. Clones share custody and lanes.
#[derive(Clone)]
pub struct Server {
    custody: Custody,
    derivations: Lane,
    files: Lane,
}

/// The place of one answer.
struct Replier {
    number: u64,
    out: Arc<Mutex<BufWriter<UnixStream>>>,
    /// Whether it goes out at once. What the reader answers itself goes out when no further call is at hand.
    at_once: bool,
}

// === impl Server ===

impl Server {
    /// Starts the lanes.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(custody: Custody, config: ServerConfig) -> io::Result<Self> {
        let derivations = Lane::start("derivations", config.waiting_derivations)?;
        let files = Lane::start("files", config.waiting_files)?;
        Ok(Self { custody, derivations, files })
    }

    /// What it signs with.
    pub fn custody(&self) -> &Custody {
        &self.custody
    }

    /// Answers a connection of the daemon until it ends.
    ///
    /// # Errors
    /// When it ends in another way than by being closed.
    pub fn serve_control(&self, stream: &UnixStream) -> Result<(), FrameError> {
        serve(stream, APART, |operation, to| self.control(operation, to))
    }

    /// Answers a connection of request signers until it ends.
    ///
    /// # Errors
    /// When it ends in another way than by being closed.
    pub fn serve_requests(&self, stream: &UnixStream) -> Result<(), FrameError> {
        serve(stream, TOGETHER, |operation, to| self.request(operation, to))
    }

    fn control(&self, operation: Control, to: Replier) {
        let custody = &self.custody;
        match operation {
            Control::Hello(ask) => to.say(&Ok(handlers::hello(custody, ask))),
            Control::Status(_) => to.say(&Ok(custody.status())),
            Control::Lock(ask) => to.say(&Ok(handlers::lock(custody, &ask))),
            Control::LockAll(ask) => to.say(&Ok(handlers::lock_all(custody, &ask))),
            // A key that was handed over with its password is opened by its first use.
            Control::SignExtrinsic(ask) if custody.derives(&ask.key) => {
                self.queue(&self.derivations, to, move |custody| handlers::sign_extrinsic(custody, ask));
            }
            Control::SignText(ask) if custody.derives(&ask.key) => {
                self.queue(&self.derivations, to, move |custody| handlers::sign_text(custody, ask));
            }
            Control::OpenSealed(ask) if custody.derives(&ask.key) => {
                self.queue(&self.derivations, to, move |custody| handlers::open_sealed(custody, &ask));
            }
            Control::SignExtrinsic(ask) => to.say(&guarded(|| handlers::sign_extrinsic(custody, ask))),
            Control::SignText(ask) => to.say(&guarded(|| handlers::sign_text(custody, ask))),
            Control::Public(ask) if custody.derives(&ask.key) => {
                self.queue(&self.derivations, to, move |custody| handlers::public(custody, &ask.key));
            }
            Control::Public(ask) => to.say(&guarded(|| handlers::public(custody, &ask.key))),
            Control::OpenSealed(ask) => to.say(&guarded(|| handlers::open_sealed(custody, &ask))),
            Control::List(_) => self.queue(&self.files, to, handlers::list),
            Control::Summary(ask) => self.queue(&self.files, to, move |custody| handlers::summary(custody, &ask)),
            Control::Export(ask) => self.queue(&self.files, to, move |custody| handlers::export(custody, &ask)),
            Control::Watch(ask) => self.queue(&self.files, to, move |custody| handlers::watch(custody, &ask)),
            Control::CountPlain(ask) => {
                self.queue(&self.files, to, move |custody| handlers::count_plain(custody, &ask));
            }
            Control::Reprotect(ask) => {
                self.queue(&self.derivations, to, move |custody| handlers::reprotect(custody, &ask));
            }
            Control::MakeWallet(ask) => {
                self.queue(&self.derivations, to, move |custody| handlers::make_wallet(custody, &ask));
            }
            Control::MakeKey(ask) => {
                self.queue(&self.derivations, to, move |custody| handlers::make_key(custody, &ask));
            }
            Control::Unlock(ask) => match handlers::begin_unlock(custody, ask) {
                Err(refusal) => to.say::<()>(&Err(refusal)),
                Ok(unlocking) => {
                    let lane = if unlocking.derives() { &self.derivations } else { &self.files };
                    self.queue(lane, to, move |_| handlers::finish_unlock(unlocking));
                }
            },
            Control::UnlockFromEnvironment(ask) => {
                self.queue(&self.derivations, to, move |custody| handlers::unlock_from_environment(custody, ask));
            }
        }
    }

    fn request(&self, operation: Requests, to: Replier) {
        let custody = &self.custody;
        match operation {
            Requests::PublicHotkey(ask) if custody.derives(&KeyId::hotkey(ask.wallet.clone(), ask.hotkey.clone())) => {
                self.queue(&self.derivations, to, move |custody| handlers::public_hotkey(custody, ask));
            }
            Requests::PublicHotkey(ask) => to.say(&guarded(|| handlers::public_hotkey(custody, ask))),
            Requests::SignSynapse(ask) if custody.derives(&KeyId::hotkey(ask.wallet.clone(), ask.hotkey.clone())) => {
                self.queue(&self.derivations, to, move |custody| handlers::sign_synapse(custody, ask));
            }
            Requests::SignSynapse(ask) => to.say(&guarded(|| handlers::sign_synapse(custody, ask))),
        }
    }

    /// Does `work` in its turn on a lane, and answers.
    fn queue<T: Serialize + 'static>(
        &self,
        lane: &Lane,
        to: Replier,
        work: impl FnOnce(&Custody) -> Result<T, Refusal> + Send + 'static,
    ) {
        let (custody, number, out) = (self.custody.clone(), to.number, Arc::clone(&to.out));
        let to = Replier { at_once: true, ..to };
        let queued = lane.submit(move || to.say(&guarded(|| work(&custody))));
        if let Err(refusal) = queued {
            Replier { number, out, at_once: true }.say::<()>(&Err(refusal));
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("custody", &self.custody).finish_non_exhaustive()
    }
}

fn serve<C: DeserializeOwned>(
    stream: &UnixStream,
    together: usize,
    mut act: impl FnMut(C, Replier),
) -> Result<(), FrameError> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let out = Arc::new(Mutex::new(BufWriter::with_capacity(together, stream.try_clone()?)));
    let mut calls = BufReader::with_capacity(together, stream);
    let mut answer = || {
        while let Some(body) = frame::read(&mut calls)? {
            let Call { number, operation } = frame::decode::<Call<C>>(&body)?;
            act(operation, Replier { number, out: Arc::clone(&out), at_once: false });
            if !frame::is_whole(calls.buffer()) {
                out.lock().unwrap_or_else(PoisonError::into_inner).flush()?;
            }
        }
        Ok(())
    };
    let ended = answer();
    // The other end learns of it, whoever else has this stream open.
    let _ = stream.shutdown(std::net::Shutdown::Both);
    ended
}

// === impl Replier ===

impl Replier {
    fn say<T: Serialize>(self, outcome: &Result<T, Refusal>) {
        let reply = match outcome {
            Ok(reply) => Reply::of(reply).map(Ok),
            Err(refusal) => Ok(Err(refusal.clone())),
        };
        let sent = reply.and_then(|outcome| {
            let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
            let written = match frame::write(&mut *out, &Answer { number: self.number, outcome }) {
                // Nothing of it has been sent.
                Err(FrameError::TooLong(length)) => {
                    let words = format!(
                        "the answer has {length} bytes and there is room for {}: ask for one wallet",
                        frame::LONGEST
                    );
                    let refusal = Refusal::new(RefusalKind::Storage, words);
                    frame::write(&mut *out, &Answer { number: self.number, outcome: Err(refusal) })
                }
                written => written,
            };
            written.and_then(|()| if self.at_once { Ok(out.flush()?) } else { Ok(()) })
        });
        if let Err(error) = sent {
            log::warn(format_args!("an answer could not be sent: {error}"));
            // Half an answer may be out: this connection cannot go on.
            let out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = out.get_ref().shutdown(std::net::Shutdown::Both);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_room_is_refused_and_the_connection_goes_on() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let out = Arc::new(Mutex::new(BufWriter::with_capacity(TOGETHER, ours)));
        Replier { number: 1, out: Arc::clone(&out), at_once: false }.say(&Ok("x".repeat(frame::LONGEST)));
        Replier { number: 2, out, at_once: true }.say(&Ok("short"));
        let mut next = || frame::decode::<Answer>(&frame::read(&mut theirs).unwrap().unwrap()).unwrap();
        let (long, short) = (next(), next());
        assert_eq!((long.number, short.number), (1, 2));
        assert!(long.outcome.unwrap_err().message.contains("ask for one wallet"));
        assert_eq!(short.outcome.unwrap().read::<String>().unwrap(), "short");
    }
}
