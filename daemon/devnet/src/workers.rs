//! A few threads on which runtime calls wait and run, so that the asynchronous ones never do.
//!
//! Their stacks are deep: a native runtime recurses as far as an extrinsic nests (256 levels), which in wasm would trap
//! and here would end the process. The queue is bounded; a full one is said, not waited for.

use std::{
    io,
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, available_parallelism},
};

use tokio::sync::oneshot;

use crate::chain::panic_message;

/// The name of the threads that run the runtime. A call that ends in a panic there is trapped and
/// answered as an error, so a process may keep such panics out of its log.
pub const RUNTIME_THREAD: &str = "devnet-runtime";

/// Stack of every thread that runs the runtime. Address space, not memory: pages count once touched.
pub(crate) const STACK_BYTES: usize = 128 << 20;
/// Calls that may wait for a thread.
const QUEUE: usize = 1_024;

type Job = Box<dyn FnOnce() + Send>;

/// Why a job gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WorkError {
    #[error("{QUEUE} calls are waiting already; try again")]
    Busy,
    #[error("the call ended in a panic")]
    Panicked,
    #[error("the development chain has stopped")]
    Stopped,
}

/// Handle on the threads. They end when it is dropped.
pub(crate) struct Workers {
    jobs: SyncSender<Job>,
}

impl Workers {
    /// Starts one thread per core, at least 2 and at most 8.
    pub(crate) fn start() -> io::Result<Self> {
        let (jobs, queue) = sync_channel(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..available_parallelism().map_or(2, NonZero::get).clamp(2, 8) {
            let queue = queue.clone();
            thread::Builder::new()
                .name(RUNTIME_THREAD.to_owned())
                .stack_size(STACK_BYTES)
                .spawn(move || work(&queue))?;
        }
        Ok(Self { jobs })
    }

    /// Runs `job` on a thread and waits for its answer.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, WorkError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move || {
            // The receiver is gone when the client is: then nobody misses the answer.
            let _ = answer.send(job());
        });
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => WorkError::Busy,
            TrySendError::Disconnected(_) => WorkError::Stopped,
        })?;
        answered.await.map_err(|_| WorkError::Panicked)
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(job)) {
            tracing::error!(reason = panic_message(panic.as_ref()), "a call panicked outside the runtime");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panicking_job_costs_only_itself() {
        let workers = Workers::start().unwrap();
        for _ in 0..20 {
            assert_eq!(workers.run(|| -> u8 { panic!("on purpose") }).await, Err(WorkError::Panicked));
        }
        assert_eq!(workers.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn jobs_may_recurse_deeply() {
        fn depth(n: u32) -> u64 {
            let frame = std::hint::black_box([u64::from(n); 2_048]);
            if n == 0 { 0 } else { 1 + depth(n - 1) + std::hint::black_box(frame)[0] - u64::from(n) }
        }
        let workers = Workers::start().unwrap();
        assert_eq!(workers.run(|| depth(1_000)).await, Ok(1_000));
    }
}
