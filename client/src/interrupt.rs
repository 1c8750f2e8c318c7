//! Ctrl-C.
//!
//! It ends this process as it does any other, until something waits that has more to tell than that it was interrupted.
//! From then on the system leaves it to the process, and whatever waits has to heed it: a question, and an answer of
//! the daemon.

use std::{
    future::poll_fn,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// Where it arrives once it is left to the process. There is one, so that what is pressed between two waits is heeded by
/// the second.
static PRESSED: Mutex<Option<Signal>> = Mutex::new(None);

fn lock() -> MutexGuard<'static, Option<Signal>> {
    PRESSED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does it, unless the person gives up: that is told as [`Failure::Interrupted`].
///
/// # Errors
/// As the work's own.
pub(crate) async fn until_given_up<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    {
        let mut pressed = lock();
        if pressed.is_none() {
            // Where it cannot be had, the system goes on to end the process.
            *pressed = signal(SignalKind::interrupt()).ok();
        }
    }
    heeding(work).await
}

/// The same where the process heeds it already; where it does not, the system ends the process.
///
/// # Errors
/// As the work's own.
pub(crate) async fn heeding<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        biased;
        ended = work => ended,
        () = pressed() => Err(Failure::Interrupted),
    }
}

/// Resolves when it is pressed, where the process heeds it.
async fn pressed() {
    poll_fn(|context| match &mut *lock() {
        Some(pressed) => pressed.poll_recv(context).map(drop),
        None => Poll::Pending,
    })
    .await;
}
