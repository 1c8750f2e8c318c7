//! Threads for what takes long: one that derives keys, one that reads and writes files.
//!
//! Signing with a key in memory passes them by. Each lane has room for a bounded number of calls;
//! one more is refused at once. A panic in a call is the end of that call only.

use std::{
    any::Any,
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{SyncSender, TrySendError, sync_channel},
    thread,
};

use btd_signer_protocol::{Refusal, RefusalKind};

use crate::memory::scrub_stack;

/// Enough for everything here; key derivation works on the heap.
const STACK: usize = 512 * 1024;

/// Work of a lane.
type Job = Box<dyn FnOnce() + Send>;

/// One thread and the calls that wait for it.
#[derive(Clone)]
pub(crate) struct Lane {
    jobs: SyncSender<Job>,
}

// === impl Lane ===

impl Lane {
    /// Starts the thread. It ends when the last handle is dropped.
    pub(crate) fn start(name: &str, room: usize) -> io::Result<Self> {
        let (jobs, waiting) = sync_channel::<Job>(room);
        thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(move || {
            for job in waiting {
                job();
            }
        })?;
        Ok(Self { jobs })
    }

    /// Runs `work` in its turn, or refuses it.
    pub(crate) fn submit(&self, work: impl FnOnce() + Send + 'static) -> Result<(), Refusal> {
        self.jobs.try_send(Box::new(work)).map_err(|error| match error {
            TrySendError::Full(_) => {
                Refusal::new(RefusalKind::Busy, "too many calls are waiting for the signer: try again in a few seconds")
            }
            TrySendError::Disconnected(_) => Refusal::new(RefusalKind::Fault, "a thread of the signer has ended"),
        })
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lane")
    }
}

/// The outcome of `work`, also if it panics, with nothing of it left on the stack. What a panic says
/// is not repeated: it may say anything.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    let outcome = apart(work);
    scrub_stack();
    outcome.unwrap_or_else(|_: Box<dyn Any + Send>| {
        Err(Refusal::new(RefusalKind::Fault, "the signer failed at this call: its log says where"))
    })
}

/// In a frame of its own, whatever the optimizer would like: what it leaves lies below the caller's.
#[inline(never)]
fn apart<T>(work: impl FnOnce() -> Result<T, Refusal>) -> std::thread::Result<Result<T, Refusal>> {
    catch_unwind(AssertUnwindSafe(work))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_full_lane_refuses_and_a_panic_harms_nobody_else() {
        let lane = Lane::start("test", 1).unwrap();
        let (go, gate) = channel::<()>();
        let (began, has_begun) = channel::<()>();
        lane.submit(move || {
            began.send(()).unwrap();
            gate.recv().unwrap();
        })
        .unwrap();
        has_begun.recv().unwrap();
        let (done, is_done) = channel();
        lane.submit(move || done.send(guarded(|| -> Result<(), Refusal> { panic!("secret words") })).unwrap()).unwrap();
        assert_eq!(lane.submit(|| {}).unwrap_err().kind, RefusalKind::Busy);
        go.send(()).unwrap();
        let refusal = is_done.recv().unwrap().unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Fault);
        assert!(!refusal.message.contains("secret"), "{refusal}");
    }
}
