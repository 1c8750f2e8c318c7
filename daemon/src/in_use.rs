//! Whether anybody uses a connection, and whether nobody has for long.
//!
//! A connection that sends signs of life never goes idle by itself, so that an answer which takes minutes finds it open;
//! whoever keeps one alive in this way has to close it when nobody needs it. What is kept is its owner's business: this
//! only counts.

use std::time::Duration;

use tokio::{sync::watch, time::timeout};

/// How many use a connection.
#[derive(Debug, Default)]
pub(crate) struct InUse(watch::Sender<usize>);

/// One use of a connection, over when this is dropped.
#[derive(Debug)]
pub(crate) struct Use(watch::Sender<usize>);

// === impl InUse ===

impl InUse {
    /// One more who uses it.
    pub(crate) fn enter(&self) -> Use {
        self.0.send_modify(|users| *users += 1);
        Use(self.0.clone())
    }

    /// Ends when nobody has used it for so long, or when nobody is left who could.
    pub(crate) fn unused(&self, long: Duration) -> impl Future<Output = ()> + Send + use<> {
        let mut users = self.0.subscribe();
        async move {
            loop {
                let is_free = users.wait_for(|users| *users == 0).await.is_ok();
                // A use that is over already counts as well: from its end on the time runs anew.
                if !is_free || !matches!(timeout(long, users.changed()).await, Ok(Ok(()))) {
                    return;
                }
            }
        }
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        self.0.send_modify(|users| *users = users.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, pin_mut, poll};
    use tokio::time::sleep;

    use super::*;

    const LONG: Duration = Duration::from_millis(10);

    #[tokio::test]
    async fn whoever_uses_it_puts_the_end_off_for_as_long_as_it_takes() {
        let connection = InUse::default();
        let (first, second) = (connection.enter(), connection.enter());
        let unused = connection.unused(LONG);
        pin_mut!(unused);
        for used in [Some(first), Some(second)] {
            assert!(poll!(&mut unused).is_pending());
            sleep(LONG * 3).await;
            assert!(poll!(&mut unused).is_pending(), "somebody still uses it");
            drop(used);
        }
        timeout(Duration::from_secs(20), unused).await.expect("nobody has used it for long");
    }

    #[tokio::test]
    async fn it_ends_where_nobody_is_left_to_use_it() {
        let connection = InUse::default();
        let unused = connection.unused(Duration::from_hours(1));
        pin_mut!(unused);
        let last = connection.enter();
        drop(connection);
        assert!(poll!(&mut unused).is_pending(), "the last one still does");
        drop(last);
        assert!(unused.now_or_never().is_some());
    }
}
