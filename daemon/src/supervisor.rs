//! The only place that starts long-lived tasks, and that ends them.
//!
//! Every task has a name and a [`Stage`]. A task that ends before it was told to, whether with
//! success, an error or a panic, ends the daemon with the task's name: half a daemon is worse than
//! one that systemd restarts. Requests are not tasks: a panic in a request stays in that request.
//!
//! Ending goes stage by stage under one grace period: first the edges stop accepting and drain,
//! then the inner work is cancelled; the caller closes the stores after [`Supervisor::run`] returns.

use std::{
    error::Error,
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use tokio::{
    runtime,
    sync::oneshot,
    task::AbortHandle,
    time::{Instant, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::logs::panic_words;

/// Settings of the supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// From the order to stop until every task has ended or is abandoned, in milliseconds.
    pub grace_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { grace_ms: 1_500 }
    }
}

/// When a task is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It takes requests from outside: told first, so that nothing new begins, and drains by itself.
    Edge,
    /// It serves the edges: told when they have drained.
    Work,
}

/// Why the daemon had to end although nobody asked for it.
#[derive(Debug, thiserror::Error)]
pub enum TaskFailure {
    /// The task returned an error.
    #[error("the task `{task}` failed: {source}")]
    Failed {
        /// Its name.
        task: &'static str,
        /// What it returned.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The task returned without having been told to.
    #[error("the task `{task}` ended although nothing told it to")]
    EndedEarly {
        /// Its name.
        task: &'static str,
    },
    /// The task panicked: a fault of btd.
    #[error("the task `{task}` panicked: {words}")]
    Panicked {
        /// Its name.
        task: &'static str,
        /// What the panic said, as far as that is told.
        words: &'static str,
    },
}

/// What a task returns.
pub type TaskResult = Result<(), Box<dyn Error + Send + Sync>>;

struct Tasks {
    told: CancellationToken,
    running: TaskTracker,
    names: Mutex<Vec<(&'static str, AbortHandle)>>,
}

impl Tasks {
    fn new() -> Self {
        Self { told: CancellationToken::new(), running: TaskTracker::new(), names: Mutex::default() }
    }

    /// Tells all to end, and waits until `deadline`. Returns the names of those that did not, which are aborted.
    async fn end(&self, deadline: Instant) -> Vec<&'static str> {
        self.told.cancel();
        self.running.close();
        if timeout_at(deadline, self.running.wait()).await.is_ok() {
            return Vec::new();
        }
        let names = std::mem::take(&mut *self.names.lock().unwrap_or_else(PoisonError::into_inner));
        let mut late = Vec::new();
        for (name, task) in names {
            if !task.is_finished() {
                task.abort();
                late.push(name);
            }
        }
        late
    }
}

struct Shared {
    edge: Tasks,
    work: Tasks,
    stop: CancellationToken,
    failure: Mutex<Option<TaskFailure>>,
}

/// Starts tasks; any number of clones.
#[derive(Clone)]
pub struct Spawner {
    shared: Arc<Shared>,
}

/// Owns the tasks, and ends them.
pub struct Supervisor {
    grace: Duration,
    shared: Arc<Shared>,
}

/// One running task. Dropping it changes nothing: the task goes on.
#[derive(Debug)]
pub struct Task {
    told: CancellationToken,
    ended: CancellationToken,
}

// === impl Task ===

impl Task {
    /// Tells this task alone to end, and waits until it has.
    pub async fn stop(self) {
        self.told.cancel();
        self.ended.cancelled().await;
    }
}

// === impl Spawner ===

impl Spawner {
    /// Starts a task under `name`. The token that it is given is cancelled when it shall end; to
    /// end while the token is not cancelled is a failure of the daemon.
    pub fn spawn<F>(&self, stage: Stage, name: &'static str, task: impl FnOnce(CancellationToken) -> F) -> Task
    where
        F: Future<Output = TaskResult> + Send + 'static,
    {
        let tasks = self.tasks(stage);
        let told = tasks.told.child_token();
        let ended = CancellationToken::new();
        let body = AssertUnwindSafe(task(told.clone())).catch_unwind();
        let (shared, told_too, guard) = (Arc::clone(&self.shared), told.clone(), ended.clone().drop_guard());
        let handle = tasks.running.spawn(async move {
            let _guard = guard;
            let failure = match body.await {
                Ok(Ok(())) if told_too.is_cancelled() => None,
                Ok(Ok(())) => Some(TaskFailure::EndedEarly { task: name }),
                Ok(Err(source)) => Some(TaskFailure::Failed { task: name, source }),
                Err(panic) => Some(TaskFailure::Panicked { task: name, words: panic_words(&*panic) }),
            };
            match failure {
                None => tracing::debug!(task = name, "task ended"),
                Some(failure) => shared.fail(failure),
            }
        });
        let mut names = tasks.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.retain(|(_, task)| !task.is_finished());
        names.push((name, handle.abort_handle()));
        Task { told, ended }
    }

    /// The same for a task that keeps much in memory, on a thread of its own: what it and its one
    /// blocking thread allocate lies together, and not a little in the heap of every worker.
    pub fn spawn_apart<F>(&self, stage: Stage, name: &'static str, task: impl FnOnce(CancellationToken) -> F) -> Task
    where
        F: Future<Output = TaskResult> + Send + 'static,
    {
        self.spawn(stage, name, |told| apart(name, task(told)))
    }

    /// A token that is cancelled when tasks of `stage` shall end.
    pub fn token(&self, stage: Stage) -> CancellationToken {
        self.tasks(stage).told.child_token()
    }

    /// Asks for the daemon's end, as SIGTERM does.
    pub fn stop(&self) {
        self.shared.stop.cancel();
    }

    /// A token that is cancelled when the daemon's end was asked for.
    pub fn stopping(&self) -> CancellationToken {
        self.shared.stop.child_token()
    }

    /// Whether the daemon's end was asked for.
    pub fn is_stopping(&self) -> bool {
        self.shared.stop.is_cancelled()
    }

    fn tasks(&self, stage: Stage) -> &Tasks {
        match stage {
            Stage::Edge => &self.shared.edge,
            Stage::Work => &self.shared.work,
        }
    }
}

/// Runs `work` on a thread of its own called `name`, which ends when the returned future is dropped.
async fn apart(name: &'static str, work: impl Future<Output = TaskResult> + Send + 'static) -> TaskResult {
    let (mut tell, ended) = oneshot::channel();
    let run = move || {
        let worked = match runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build() {
            Ok(runtime) => catch_unwind(AssertUnwindSafe(|| {
                runtime.block_on(async {
                    tokio::select! {
                        worked = work => worked,
                        () = tell.closed() => Ok(()),
                    }
                })
            })),
            Err(error) => Ok(Err(error.into())),
        };
        // Nobody asks any more where the task was aborted.
        let _ = tell.send(worked);
    };
    thread::Builder::new().name(name.to_owned()).spawn(run)?;
    match ended.await? {
        Ok(worked) => worked,
        Err(panic) => resume_unwind(panic),
    }
}

impl fmt::Debug for Spawner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawner").finish_non_exhaustive()
    }
}

impl Shared {
    /// Keeps the first failure, and asks for the daemon's end.
    fn fail(&self, failure: TaskFailure) {
        tracing::error!(error = %failure, "task failed");
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        self.stop.cancel();
    }
}

// === impl Supervisor ===

impl Supervisor {
    /// A supervisor without tasks.
    pub fn new(config: Config) -> Self {
        Self {
            grace: Duration::from_millis(config.grace_ms),
            shared: Arc::new(Shared {
                edge: Tasks::new(),
                work: Tasks::new(),
                stop: CancellationToken::new(),
                failure: Mutex::new(None),
            }),
        }
    }

    /// A handle that starts tasks.
    pub fn spawner(&self) -> Spawner {
        Spawner { shared: Arc::clone(&self.shared) }
    }

    /// Waits until somebody asks for the end or a task fails, then ends all tasks stage by stage.
    ///
    /// The edges have half of the grace period; the work has what is left of the whole. What has
    /// not ended by then is aborted, with its name in the log.
    ///
    /// # Errors
    /// The first task that ended unasked, or panicked.
    pub async fn run(self) -> Result<(), TaskFailure> {
        self.shared.stop.cancelled().await;
        let now = Instant::now();
        tracing::info!(grace_ms = u64::try_from(self.grace.as_millis()).unwrap_or(u64::MAX), "stopping");
        let mut late = self.shared.edge.end(now + self.grace / 2).await;
        late.extend(self.shared.work.end(now + self.grace).await);
        if !late.is_empty() {
            tracing::warn!(tasks = late.join(", "), "tasks did not end in time and were aborted");
        }
        match self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supervisor() -> Supervisor {
        Supervisor::new(Config { grace_ms: 60_000 })
    }

    #[tokio::test]
    async fn stopping_ends_every_task() {
        let supervisor = supervisor();
        let spawner = supervisor.spawner();
        for name in ["one", "two"] {
            spawner.spawn(Stage::Work, name, |told| async move {
                told.cancelled().await;
                Ok(())
            });
        }
        spawner.stop();
        supervisor.run().await.unwrap();
    }

    #[tokio::test]
    async fn an_early_end_stops_the_daemon_with_the_name_of_the_task() {
        let supervisor = supervisor();
        let spawner = supervisor.spawner();
        spawner.spawn(Stage::Work, "waiting", |told| async move {
            told.cancelled().await;
            Ok(())
        });
        spawner.spawn(Stage::Work, "hasty", |_| async { Ok(()) });
        let failure = supervisor.run().await.unwrap_err();
        assert!(matches!(failure, TaskFailure::EndedEarly { task: "hasty" }), "{failure}");
    }

    #[tokio::test]
    async fn an_error_and_a_panic_stop_the_daemon_with_their_words() {
        for (stage, want) in
            [(Stage::Edge, "the task `bad` failed: no luck"), (Stage::Work, "the task `bad` panicked: ouch")]
        {
            let supervisor = supervisor();
            supervisor.spawner().spawn(stage, "bad", move |_| async move {
                assert!(stage == Stage::Edge, "ouch");
                Err("no luck".into())
            });
            assert_eq!(supervisor.run().await.unwrap_err().to_string(), want);
        }
    }

    #[tokio::test]
    async fn a_task_apart_ends_as_any_other_does() {
        type Work = fn() -> TaskResult;
        let apart = |work: Work| {
            let supervisor = supervisor();
            let spawner = supervisor.spawner();
            spawner.spawn_apart(Stage::Work, "apart", move |told| async move {
                assert_eq!(thread::current().name(), Some("apart"));
                tokio::task::spawn_blocking(|| ()).await?;
                work()?;
                told.cancelled().await;
                Ok(())
            });
            (supervisor, spawner)
        };
        let (supervisor, spawner) = apart(|| Ok(()));
        spawner.stop();
        supervisor.run().await.unwrap();
        let unlucky: [(Work, &str); 2] = [
            (|| Err("no luck".into()), "the task `apart` failed: no luck"),
            (|| panic!("ouch"), "the task `apart` panicked: ouch"),
        ];
        for (work, want) in unlucky {
            assert_eq!(apart(work).0.run().await.unwrap_err().to_string(), want);
        }
    }

    #[tokio::test]
    async fn a_task_apart_that_does_not_end_is_aborted() {
        let supervisor = Supervisor::new(Config { grace_ms: 1 });
        let spawner = supervisor.spawner();
        let (held, gone) = oneshot::channel::<()>();
        spawner.spawn_apart(Stage::Work, "stubborn", move |_| async move {
            let _held = held;
            std::future::pending().await
        });
        spawner.stop();
        supervisor.run().await.unwrap();
        assert!(gone.await.is_err(), "it let go of what it had");
    }

    #[tokio::test]
    async fn edges_drain_before_the_work_is_told() {
        let supervisor = supervisor();
        let spawner = supervisor.spawner();
        let (drained, was_drained) = oneshot::channel();
        let work = spawner.token(Stage::Work);
        spawner.spawn(Stage::Edge, "edge", |told| async move {
            told.cancelled().await;
            tokio::task::yield_now().await;
            drained.send(!work.is_cancelled()).unwrap();
            Ok(())
        });
        spawner.stop();
        supervisor.run().await.unwrap();
        assert!(was_drained.await.unwrap(), "the work was cancelled while an edge was draining");
    }

    #[tokio::test]
    async fn a_task_that_will_not_end_is_abandoned() {
        let supervisor = Supervisor::new(Config { grace_ms: 20 });
        let spawner = supervisor.spawner();
        let dropped = CancellationToken::new();
        let guard = dropped.clone().drop_guard();
        spawner.spawn(Stage::Work, "stubborn", |_| async move {
            let _guard = guard;
            std::future::pending().await
        });
        spawner.stop();
        supervisor.run().await.unwrap();
        dropped.cancelled().await;
    }

    #[tokio::test]
    async fn one_task_can_be_stopped_alone() {
        let supervisor = supervisor();
        let spawner = supervisor.spawner();
        let task = spawner.spawn(Stage::Edge, "axon", |told| async move {
            told.cancelled().await;
            Ok(())
        });
        task.stop().await;
        assert!(!spawner.token(Stage::Edge).is_cancelled());
        spawner.stop();
        supervisor.run().await.unwrap();
    }
}
