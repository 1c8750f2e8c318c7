//! The roll of a history: which records there are, in a file beside the store. What the store loses without a word is
//! missed by it.
//!
//! ```text
//! head    "btd, the roll of a history, 1", and spaces up to 48 bytes
//! entry   KIND GENESIS NETUID MECHID BLOCK, and 8 bytes of the BLAKE2b of those: 48 bytes
//! ```
//! Numbers are big-endian. KIND is what became of the record: it is kept (1), was lost (2), or is no longer wanted (3);
//! 128 is added where weights and bonds were part of it. The last entry about a record counts. As all of them have one
//! length, one that is damaged hides none behind it.
//!
//! A record is entered when the store has it, and struck off before the store removes it: what a process that dies in
//! between leaves is a record that the roll lacks, which is taken up with the next opening, and none that seems lost.
//! At each opening the file is written anew, with an entry for each record, and with none beside a store that is new or
//! was emptied for its size. One that cannot be written any more costs the history nothing but its roll: it is removed,
//! and written anew when that can be.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use blake2::{Blake2b, Digest, digest::consts::U8};
use btd_api::BlockNumber;

use super::index::{self, Subject};

/// A record of a subject.
pub(super) type Place = (Subject, BlockNumber);

const HEAD: &[u8; LENGTH] = b"btd, the roll of a history, 1                   ";
const LENGTH: usize = 48;
const CHECKSUM: usize = 8;

const KEPT: u8 = 1;
const LOST: u8 = 2;
const UNWANTED: u8 = 3;
const WITH_ROWS: u8 = 128;

/// So many entries more than there are records are worth a new file.
const SURPLUS: usize = 16 * 1024;

/// What a roll says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Entries {
    /// The records that the store has, each with whether weights and bonds are part of it.
    pub(super) kept: BTreeMap<Place, bool>,
    /// Those that it has lost.
    pub(super) lost: BTreeMap<Place, bool>,
}

/// How the file was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// There was none.
    Absent,
    /// It is legible but for so many entries.
    Legible { but: usize },
}

/// The open roll.
#[derive(Debug)]
pub(super) struct Roll {
    entries: Entries,
    path: PathBuf,
    file: Writing,
    /// How many entries the file has.
    written: usize,
}

/// The file that a roll is written to.
#[derive(Debug)]
enum Writing {
    /// It is written once the stock is taken.
    NotYet,
    /// It says all that the roll does.
    To(Arc<File>),
    /// It could not be written, and was removed: it would name what is gone. That is tried again with the next entry.
    Failed,
}

// === impl Entries ===

impl Entries {
    /// What the file at `path` says.
    fn read(path: &Path) -> io::Result<(Self, Found)> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Self::default(), Found::Absent)),
            Err(error) => return Err(error),
        };
        let mut entries = Self::default();
        let (mut chunks, mut illegible) = (bytes.chunks(LENGTH), 0);
        if chunks.next().is_none_or(|head| head != HEAD) {
            illegible += 1;
        }
        for chunk in chunks {
            match parse(chunk) {
                Some((kind, place)) => entries.apply(kind, place),
                None => illegible += 1,
            }
        }
        Ok((entries, Found::Legible { but: illegible }))
    }

    fn apply(&mut self, kind: u8, place: Place) {
        let with_rows = kind & WITH_ROWS != 0;
        self.kept.remove(&place);
        self.lost.remove(&place);
        match kind & !WITH_ROWS {
            KEPT => drop(self.kept.insert(place, with_rows)),
            LOST => drop(self.lost.insert(place, with_rows)),
            _ => {}
        }
    }

    fn len(&self) -> usize {
        self.kept.len().saturating_add(self.lost.len())
    }

    /// The file that says this.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = HEAD.to_vec();
        bytes.reserve(self.len().saturating_mul(LENGTH));
        for (kind, records) in [(KEPT, &self.kept), (LOST, &self.lost)] {
            for (place, with_rows) in records {
                bytes.extend(entry(kind_of(kind, *with_rows), *place));
            }
        }
        bytes
    }
}

fn kind_of(kind: u8, with_rows: bool) -> u8 {
    if with_rows { kind | WITH_ROWS } else { kind }
}

fn entry(kind: u8, (subject, block): Place) -> Vec<u8> {
    let mut entry = vec![kind];
    entry.extend(index::prefix(subject, block));
    let checksum = Blake2b::<U8>::digest(&entry);
    entry.extend(checksum);
    entry
}

/// What an entry says, if it is whole.
fn parse(entry: &[u8]) -> Option<(u8, Place)> {
    let (said, checksum) = entry.split_at_checked(LENGTH.saturating_sub(CHECKSUM))?;
    if Blake2b::<U8>::digest(said).as_slice() != checksum {
        return None;
    }
    let (kind, place) = said.split_first()?;
    matches!(*kind & !WITH_ROWS, KEPT | LOST | UNWANTED).then_some((*kind, index::parse_prefix(place)?))
}

// === impl Roll ===

impl Roll {
    /// Takes up the roll at `path`, and says how it was found. One that cannot be read is begun anew, and one that
    /// cannot be written is kept in memory alone.
    pub(super) async fn open(path: PathBuf) -> (Self, Found) {
        let at = path.clone();
        let read = blocking(move || Entries::read(&at)).await.unwrap_or_else(|error| {
            tracing::warn!(path = %path.display(), %error, "the roll of the history cannot be read: it is begun anew");
            (Entries::default(), Found::Legible { but: 1 })
        });
        let (entries, found) = read;
        (Self { entries, path, file: Writing::NotYet, written: 0 }, found)
    }

    /// Begins the roll at `path` anew, beside a store that has nothing to be missed.
    pub(super) fn begin(path: PathBuf) -> (Self, Found) {
        (Self { entries: Entries::default(), path, file: Writing::NotYet, written: 0 }, Found::Absent)
    }

    /// What it says.
    pub(super) fn entries(&self) -> &Entries {
        &self.entries
    }

    /// Enters that these records are kept, each with whether weights and bonds are part of it.
    pub(super) async fn keep(&mut self, records: impl IntoIterator<Item = (Place, bool)>) {
        self.enter(records.into_iter().map(|(place, with_rows)| (kind_of(KEPT, with_rows), place)).collect()).await;
    }

    /// Enters that these were lost.
    pub(super) async fn lose(&mut self, records: impl IntoIterator<Item = Place>) {
        let Entries { kept, lost: before } = &self.entries;
        let had_rows = |place: &Place| kept.get(place).or_else(|| before.get(place)).copied().unwrap_or_default();
        let lost = |place: Place| (kind_of(LOST, had_rows(&place)), place);
        self.enter(records.into_iter().map(lost).collect()).await;
    }

    /// Strikes these off: they are to go.
    pub(super) async fn strike(&mut self, records: impl IntoIterator<Item = Place>) {
        self.enter(records.into_iter().map(|place| (UNWANTED, place)).collect()).await;
    }

    async fn enter(&mut self, said: Vec<(u8, Place)>) {
        if said.is_empty() {
            return;
        }
        let mut bytes = Vec::with_capacity(said.len().saturating_mul(LENGTH));
        self.written = self.written.saturating_add(said.len());
        for (kind, place) in said {
            bytes.extend(entry(kind, place));
            self.entries.apply(kind, place);
        }
        let has_surplus = self.written > self.entries.len().saturating_add(SURPLUS);
        let file = match &self.file {
            Writing::NotYet => return,
            Writing::To(file) if !has_surplus => Arc::clone(file),
            Writing::To(_) | Writing::Failed => return self.rewrite().await,
        };
        let written = blocking(move || (&*file).write_all(&bytes)).await;
        self.note(written.map(|()| None)).await;
    }

    /// Writes the file anew, with an entry for each record.
    pub(super) async fn rewrite(&mut self) {
        let (bytes, path) = (self.entries.to_bytes(), self.path.clone());
        self.written = self.entries.len();
        let written = blocking(move || {
            let mut fresh = path.clone().into_os_string();
            fresh.push(".new");
            let mut file = File::create(&fresh)?;
            file.write_all(&bytes)?;
            // The name must not be that of a file whose content is still to come.
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            OpenOptions::new().append(true).open(&path)
        });
        let written = written.await;
        self.note(written.map(Some)).await;
    }

    /// Goes on with this file, if there is another one, or with none, if it failed.
    async fn note(&mut self, written: io::Result<Option<File>>) {
        match written {
            Ok(None) => {}
            Ok(Some(file)) => self.file = Writing::To(Arc::new(file)),
            Err(error) => {
                let path = self.path.clone();
                if !matches!(self.file, Writing::Failed) {
                    let path = path.display();
                    tracing::warn!(%path, %error, "the roll of the history cannot be written: what is lost may not be missed");
                }
                self.file = Writing::Failed;
                if let Err(error) = blocking(move || fs::remove_file(path)).await
                    && error.kind() != io::ErrorKind::NotFound
                {
                    let path = self.path.display();
                    tracing::warn!(%path, %error, "nor can it be removed: what has gone by intent since may seem lost");
                }
            }
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|ended| Err(io::Error::other(ended.to_string())))
}

#[cfg(test)]
mod tests {
    use btd_api::{BlockHash, MechId, NetUid};

    use super::*;

    #[tokio::test]
    async fn a_roll_that_cannot_be_written_is_removed_and_written_again_once_it_can_be() {
        let directory = tempfile::tempdir().unwrap();
        let [path, fresh] = ["history.roll", "history.roll.new"].map(|name| directory.path().join(name));
        let subject = Subject { genesis: BlockHash([7; 32]), netuid: NetUid(1), mechid: MechId(0) };
        let place = |block| (subject, BlockNumber(block));
        let (mut roll, found) = Roll::open(path.clone()).await;
        assert_eq!(found, Found::Absent);
        roll.keep([(place(1), true), (place(2), false)]).await;
        assert!(!path.exists(), "it is written once the stock is taken");
        roll.rewrite().await;
        assert_eq!(Entries::read(&path).unwrap().0, *roll.entries());
        // Nothing can be put in its place.
        fs::create_dir(&fresh).unwrap();
        roll.rewrite().await;
        assert!(!path.exists(), "it would go on naming what is struck off from here on");
        roll.strike([place(2)]).await;
        assert!(!path.exists());
        fs::remove_dir(&fresh).unwrap();
        roll.lose([place(1)]).await;
        roll.lose([place(1)]).await;
        let (read, found) = Entries::read(&path).unwrap();
        assert_eq!(found, Found::Legible { but: 0 });
        assert_eq!(read, *roll.entries());
        assert_eq!(read.lost, BTreeMap::from([(place(1), true)]), "with weights and bonds, however often it is lost");
        assert!(read.kept.is_empty());
    }
}
