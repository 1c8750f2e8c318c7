//! Key files on disk, with errors that name the file.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Known, StoreError};
use crate::{durable, regular};

/// No key file of any kind comes near this size.
const LARGEST: u64 = 64 * 1024;

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io { action, path: path.to_owned(), source }
}

/// The bytes of the file at `path`; more than any key file has is an error.
pub(super) fn read(path: &Path, what: &'static str) -> Result<Vec<u8>, StoreError> {
    regular::read(path, LARGEST).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StoreError::NotFound { what, path: path.to_owned(), known: Known::NotLooked },
        _ => failed("read", path)(error),
    })
}

/// Creates the file at `path`, or fails if anything is there.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    durable::create(path, bytes).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => StoreError::Exists { path: path.to_owned() },
        _ => failed("write", path)(error),
    })
}

/// Creates or replaces the file at `path`.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    durable::replace(path, bytes).map_err(failed("write", path))
}

/// Removes the file at `path`, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Copies the file at `path`, if it is there, into `dir` under the first free `NAME.bak-N`.
pub(super) fn keep_copy(path: &Path, dir: &Path) -> Result<Option<PathBuf>, StoreError> {
    let bytes = match read(path, "key file") {
        Ok(bytes) => zeroize::Zeroizing::new(bytes),
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    durable::create_directory(dir).map_err(failed("create the directory", dir))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    for number in 1..=u16::MAX {
        let copy = dir.join(format!("{name}.bak-{number}"));
        if fs::symlink_metadata(&copy).is_ok() {
            continue;
        }
        match create(&copy, &bytes) {
            Ok(()) => return Ok(Some(copy)),
            Err(StoreError::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(failed("keep a copy of", path)(io::Error::other("all 65535 names for copies are taken")))
}
