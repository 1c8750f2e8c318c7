//! Guessing is slow: after each wrong password a key waits 1, 2, 4 … 60 seconds.
//!
//! An attempt is charged *before* the password is tried and the charge taken back on success, so
//! that dying in the middle never gives a free guess. The count survives restarts through a
//! [`FailureLog`], a file beside the wallets ([`crate::failures`]). No date is stored: after a
//! restart the whole delay of the stored count is served again from the start of the process,
//! which needs no trust in the wall clock.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use btd_keys::KeyId;

use crate::clock::BootTime;

const LONGEST: Duration = Duration::from_mins(1);

/// How long a key waits after its `failures`-th wrong password in a row.
pub(crate) fn delay(failures: u32) -> Duration {
    match failures {
        0 => Duration::ZERO,
        1..=6 => Duration::from_secs(1 << (failures - 1)),
        _ => LONGEST,
    }
}

/// The log could not be read or written. Unlocking is refused then, rather than left unguarded.
#[derive(Debug, thiserror::Error)]
#[error("the log of failed unlocks is not available: {0}")]
pub struct FailureLogError(#[from] pub Box<dyn std::error::Error + Send + Sync>);

/// How many wrong passwords in a row each key has seen. Called on threads that may block.
pub trait FailureLog: Send + Sync {
    /// The count of `key`; 0 for a key never seen.
    fn load(&self, key: &KeyId) -> Result<u32, FailureLogError>;

    /// Replaces the count of `key`. Durable when it returns.
    fn store(&self, key: &KeyId, failures: u32) -> Result<(), FailureLogError>;
}

/// Counts that end with the process.
#[derive(Debug, Default)]
pub struct MemoryFailureLog(Mutex<HashMap<KeyId, u32>>);

impl FailureLog for MemoryFailureLog {
    fn load(&self, key: &KeyId) -> Result<u32, FailureLogError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied().unwrap_or_default())
    }

    fn store(&self, key: &KeyId, failures: u32) -> Result<(), FailureLogError> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failures == 0 {
            counts.remove(key);
        } else {
            counts.insert(key.clone(), failures);
        }
        Ok(())
    }
}

/// When each key that failed in this process may be tried again.
#[derive(Debug)]
pub(crate) struct Gate {
    started: BootTime,
    failed_at: Mutex<HashMap<KeyId, BootTime>>,
}

impl Gate {
    pub(crate) fn new(started: BootTime) -> Self {
        Self { started, failed_at: Mutex::default() }
    }

    /// How long `key`, with `failures` behind it, still has to wait.
    pub(crate) fn wait(&self, key: &KeyId, failures: u32, now: BootTime) -> Option<Duration> {
        let failed_at = self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        let since = failed_at.get(key).copied().unwrap_or(self.started);
        now.until(since.after(delay(failures)))
    }

    pub(crate) fn fail(&self, key: &KeyId, now: BootTime) {
        self.failed_at.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), now);
    }

    pub(crate) fn forgive(&self, key: &KeyId) {
        self.failed_at.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_minute() {
        let seconds: Vec<u64> = (0..10).map(|failures| delay(failures).as_secs()).collect();
        assert_eq!(seconds, [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(delay(u32::MAX), LONGEST);
    }

    #[test]
    fn after_a_restart_the_delay_is_served_from_the_start() {
        let key = KeyId::coldkey(btd_api::WalletName::default());
        let at = |seconds| BootTime(Duration::from_secs(seconds));
        let gate = Gate::new(at(100));
        assert_eq!(gate.wait(&key, 0, at(100)), None);
        assert_eq!(gate.wait(&key, 5, at(110)), Some(Duration::from_secs(6)));
        gate.fail(&key, at(120));
        assert_eq!(gate.wait(&key, 6, at(121)), Some(Duration::from_secs(31)));
        gate.forgive(&key);
        assert_eq!(gate.wait(&key, 0, at(121)), None);
    }
}
