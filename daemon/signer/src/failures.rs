//! The count of wrong passwords of each key, in a file beside the wallets.
//!
//! The signer keeps no state but this, and it lies where the keys do: whoever can delete it can copy
//! the key files and guess without a signer. Each change reads the file again and replaces it, under
//! a lock, so that two signers of the same wallets count together.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use btd_keys::{KeyId, durable};
use rustix::fs::{FlockOperation, flock};

use crate::backoff::{FailureLog, FailureLogError};

/// The file in the wallets directory; hidden, so that no wallet takes it for one.
pub const FILE: &str = ".btd-unlock-failures.json";

type Counts = BTreeMap<String, u32>;

/// Counts in a file.
#[derive(Debug)]
pub struct FailureFile {
    path: PathBuf,
}

// === impl FailureFile ===

impl FailureFile {
    /// The counts of the wallets in `wallets`, which need not exist yet.
    pub fn new(wallets: &Path) -> Self {
        Self { path: wallets.join(FILE) }
    }

    fn read(&self) -> Result<Counts, FailureLogError> {
        match fs::read(&self.path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| self.failed("read", error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Counts::new()),
            Err(error) => Err(self.failed("read", error)),
        }
    }

    fn failed(&self, what: &str, error: impl Into<io::Error>) -> FailureLogError {
        let error: io::Error = error.into();
        let path = self.path.display();
        let words = format!(
            "cannot {what} {path}, where wrong passwords are counted so that nobody guesses without end: {error}"
        );
        FailureLogError(words.into())
    }

    /// Locks the directory of the file until the result is dropped.
    fn lock(&self) -> io::Result<File> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        durable::create_directory(directory)?;
        let directory = File::open(directory)?;
        flock(&directory, FlockOperation::LockExclusive)?;
        Ok(directory)
    }
}

impl FailureLog for FailureFile {
    fn load(&self, key: &KeyId) -> Result<u32, FailureLogError> {
        Ok(self.read()?.get(&key.to_string()).copied().unwrap_or_default())
    }

    fn store(&self, key: &KeyId, failures: u32) -> Result<(), FailureLogError> {
        let _locked = self.lock().map_err(|error| self.failed("lock", error))?;
        let mut counts = self.read()?;
        let changed = match failures {
            0 => counts.remove(&key.to_string()).is_some(),
            _ => counts.insert(key.to_string(), failures) != Some(failures),
        };
        if changed {
            let bytes = serde_json::to_vec(&counts).map_err(|error| self.failed("write", error))?;
            durable::replace(&self.path, &bytes).map_err(|error| self.failed("write", error))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_survive_and_success_forgets() {
        let dir = tempfile::tempdir().unwrap();
        let wallets = dir.path().join("wallets");
        let key = KeyId::coldkey("default".parse().unwrap());
        let log = FailureFile::new(&wallets);
        assert_eq!(log.load(&key).unwrap(), 0);
        log.store(&key, 1).unwrap();
        log.store(&key, 2).unwrap();
        let log = FailureFile::new(&wallets);
        assert_eq!(log.load(&key).unwrap(), 2);
        log.store(&key, 0).unwrap();
        assert_eq!(log.load(&key).unwrap(), 0);
        assert_eq!(fs::read_to_string(wallets.join(FILE)).unwrap(), "{}");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_taken_for_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "not json").unwrap();
        let error = FailureFile::new(dir.path()).load(&KeyId::coldkey("default".parse().unwrap())).unwrap_err();
        assert!(error.to_string().contains(FILE), "{error}");
    }
}
