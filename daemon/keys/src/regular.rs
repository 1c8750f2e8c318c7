//! Reading files that somebody may have put something else in the place of, and telling whether
//! somebody has.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use rustix::fs::OFlags;

/// All of the regular file at `path`. What is none, such as a pipe, is an error and keeps nobody
/// waiting; so is one of more than `most` bytes ([`io::ErrorKind::FileTooLarge`]).
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, "it is too large");
    if metadata.len() > most {
        return Err(too_large());
    }
    // Room for everything at once: growing would leave copies of a secret behind.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len() + 1).map_err(|_| too_large())?);
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large()) } else { Ok(bytes) }
}

/// Which file lies in a place and when it was last written: of two that differ, the content may
/// differ too. New permissions make another
/// mark as well: a plain key is opened once more, an unlocked one has to be unlocked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMark {
    device: u64,
    inode: u64,
    size: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl FileMark {
    /// The mark of the file at `path`, behind any symbolic links; `None` if it cannot be looked at.
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            written: (metadata.mtime(), metadata.mtime_nsec()),
            // A time of writing can be put back, this one not.
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}
