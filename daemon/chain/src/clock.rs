//! The time that the link lives by: the one place where it asks what time it is, and where it waits.
//!
//! It is the clock that never goes back, and tokio's timers. A unit test can put a clock of its own in
//! their place (`simulated.rs`), on which hours pass in a moment and always in the same way.

use std::{
    future::Future,
    time::{Duration, Instant},
};

#[cfg(test)]
use crate::simulated;

/// A time ran out before what was waited for.
#[derive(Debug)]
pub(crate) struct Elapsed;

pub(crate) fn now() -> Instant {
    #[cfg(test)]
    if let Some(now) = simulated::now() {
        return now;
    }
    Instant::now()
}

/// How long ago `then` was.
pub(crate) fn since(then: Instant) -> Duration {
    now().saturating_duration_since(then)
}

pub(crate) async fn sleep(duration: Duration) {
    #[cfg(test)]
    if let Some(sleep) = simulated::sleep(duration) {
        return sleep.await;
    }
    tokio::time::sleep(duration).await;
}

pub(crate) async fn sleep_until(when: Instant) {
    sleep(when.saturating_duration_since(now())).await;
}

/// What `future` comes to, if it does within `after`.
pub(crate) async fn timeout<F: Future>(after: Duration, future: F) -> Result<F::Output, Elapsed> {
    tokio::select! {
        biased;
        output = future => Ok(output),
        () = sleep(after) => Err(Elapsed),
    }
}
