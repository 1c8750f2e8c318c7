//! Trying a password. Whoever mistypes one at a terminal is asked again; elsewhere the first answer is the last.
//!
//! The daemon lets every wrong password be followed by a pause, and tries nothing within it. It is served here while
//! the next one is typed, so that nobody types where it would be seen.

use std::time::{Duration, Instant};

use btd_api::{ErrorKind, wallet::Secret};
use tokio::time::sleep;

use super::SecretSource;
use crate::{
    failure::Failure,
    interrupt::until_given_up,
    output::{Output, text},
};

/// How often a person is asked for one password.
const ATTEMPTS: u32 = 3;

impl SecretSource {
    /// Reads a password and has it tried.
    ///
    /// # Errors
    /// When it cannot be read, the last of the attempts was wrong, or `attempt` fails for another reason.
    pub(crate) async fn tried<T>(
        &self,
        out: &Output,
        question: &str,
        attempt: impl AsyncFn(Secret) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut left = if matches!(self, Self::Person) { ATTEMPTS } else { 1 };
        let mut pause_ends = None;
        loop {
            let password = self.read(question)?;
            if let Some(pause) = pause_ends.take().and_then(|end: Instant| end.checked_duration_since(Instant::now())) {
                wait(out, pause).await?;
            }
            let mut ended = until_given_up(Box::pin(attempt(password.clone()))).await;
            // After a wrong one that was given elsewhere this one was not tried.
            if let (Self::Person, Some(pause)) = (self, pause_of(&ended, ErrorKind::RateLimited)) {
                wait(out, pause).await?;
                ended = until_given_up(Box::pin(attempt(password))).await;
            }
            left -= 1;
            match (pause_of(&ended, ErrorKind::WrongPassword), ended) {
                (Some(pause), Err(failure)) if left > 0 => {
                    out.show(|page| format!("{} {failure}", page.warn("try again:")));
                    pause_ends = Some(Instant::now() + pause);
                }
                (_, ended) => return ended,
            }
        }
    }
}

/// How long the daemon tries nothing more after a failure of `kind`; none where it does not say so.
fn pause_of<T>(ended: &Result<T, Failure>, kind: ErrorKind) -> Option<Duration> {
    match ended {
        Err(Failure::Api(error)) if error.kind() == Some(kind) => {
            error.data.get("retry_after_ms")?.as_u64().map(Duration::from_millis)
        }
        _ => None,
    }
}

/// Waits for a password to be tried, so long after the one before.
async fn wait(out: &Output, pause: Duration) -> Result<(), Failure> {
    // What is hardly noticed needs no words.
    if pause > Duration::from_secs(1) {
        out.warn(format!("it is tried in {}, for the wrong one before", text::duration(pause)));
    }
    let waited = async {
        sleep(pause).await;
        Ok(())
    };
    until_given_up(waited).await
}
