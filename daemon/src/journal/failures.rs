//! The count of wrong passwords of each key: so that guessing is slow across restarts too.

use std::sync::PoisonError;

use btd_keys::{FailureLog, FailureLogError, KeyId};
use rusqlite::OptionalExtension;

use super::Journal;

/// Called on blocking threads, as the trait says.
impl FailureLog for Journal {
    fn load(&self, key: &KeyId) -> Result<u32, FailureLogError> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = connection
            .query_row("SELECT failures FROM unlock_failures WHERE key = ?1", [key.to_string()], |row| row.get(0))
            .optional();
        failures.map(Option::unwrap_or_default).map_err(|error| FailureLogError(Box::new(error)))
    }

    fn store(&self, key: &KeyId, failures: u32) -> Result<(), FailureLogError> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = if failures == 0 {
            connection.execute("DELETE FROM unlock_failures WHERE key = ?1", [key.to_string()])
        } else {
            connection.execute(
                "INSERT INTO unlock_failures (key, failures) VALUES (?1, ?2)
                 ON CONFLICT (key) DO UPDATE SET failures = excluded.failures",
                (key.to_string(), failures),
            )
        };
        stored.map(|_| ()).map_err(|error| FailureLogError(Box::new(error)))
    }
}
