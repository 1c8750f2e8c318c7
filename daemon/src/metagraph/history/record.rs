//! What a record of the history is made of: a byte for its form, its content, and 8 bytes of a BLAKE2b
//! checksum, in chunks of 60 KiB.
//!
//! Pure; where records lie is `index.rs`.

use blake2::{Blake2b, Digest, digest::consts::U8};
use btd_api::BlockNumber;

use super::{
    super::{
        file::{self, FileError},
        table::Table,
    },
    delta,
    index::{self, Subject},
};

/// Bytes of a record that lie under one key.
pub(super) const CHUNK: usize = 60 * 1024;
/// The most bytes of a record: its chunks are numbered by a byte.
pub(super) const LARGEST: usize = 255 * CHUNK;
const CHECKSUM: usize = 8;
const WHOLE: u8 = 0;
const DIFFERENCE: u8 = 1;

/// The record of a whole metagraph.
pub(super) fn whole(content: &[u8]) -> Vec<u8> {
    sealed(WHOLE, content)
}

/// The record of what differs from the one before.
pub(super) fn difference(content: &[u8]) -> Vec<u8> {
    sealed(DIFFERENCE, content)
}

/// A record with its form before it and its checksum behind.
fn sealed(form: u8, content: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(content.len() + 1 + CHECKSUM);
    record.push(form);
    record.extend(content);
    let checksum = Blake2b::<U8>::digest(&record);
    record.extend(checksum);
    record
}

/// A record that is put together from its chunks, in their order.
#[derive(Debug)]
pub(super) struct Assembly {
    pub(super) block: BlockNumber,
    bytes: Vec<u8>,
    /// The number and the length of each chunk.
    pub(super) chunks: Vec<(u8, usize)>,
    /// Whether no chunk is missing before the last one that came.
    is_gapless: bool,
}

// === impl Assembly ===

impl Assembly {
    pub(super) fn of(block: BlockNumber) -> Self {
        Self { block, bytes: Vec::new(), chunks: Vec::new(), is_gapless: true }
    }

    /// Adds the chunk of that number.
    pub(super) fn add(&mut self, number: u8, chunk: &[u8]) {
        self.is_gapless &= usize::from(number) == self.chunks.len();
        self.chunks.push((number, chunk.len()));
        self.bytes.extend(chunk);
    }

    /// The form and the content, if all of it is there and its checksum is right: a whole metagraph where it is the
    /// first of its group, and behind that a difference.
    pub(super) fn opened(&self, is_first: bool) -> Result<&[u8], FileError> {
        if !self.is_gapless {
            return Err(FileError::Malformed("a part of it is gone".to_owned()));
        }
        let (form, content) = opened(&self.bytes)?;
        if (form == WHOLE) == is_first && matches!(form, WHOLE | DIFFERENCE) {
            return Ok(content);
        }
        Err(FileError::Malformed(format!("a record of form {form} is out of place")))
    }
}

/// What the entries of a group tell.
#[derive(Debug)]
pub(super) struct Rebuilt {
    /// The metagraphs before the first that is illegible, in order.
    pub(super) tables: Vec<Table>,
    /// The block of that one, and why it is. Those behind it tell what is other than in it, and nothing without it.
    pub(super) illegible: Option<(BlockNumber, String)>,
}

/// The metagraphs of a group's entries, up to block `to`.
pub(super) fn rebuild(subject: Subject, entries: &[(Vec<u8>, Vec<u8>)], to: BlockNumber) -> Rebuilt {
    let mut records: Vec<Assembly> = Vec::new();
    // Of an entry that has another key nothing is told here; if it was a part of a record, that is missing it.
    let places = entries.iter().filter_map(|(key, chunk)| Some((index::place(key)?, chunk)));
    for ((block, number), chunk) in places.filter(|((block, _), _)| *block <= to) {
        if records.last().is_none_or(|last| last.block != block) {
            records.push(Assembly::of(block));
        }
        if let Some(last) = records.last_mut() {
            last.add(number, chunk);
        }
    }
    let mut tables: Vec<Table> = Vec::with_capacity(records.len());
    for record in &records {
        match rebuilt(subject, record, tables.last()) {
            Ok(table) => tables.push(table),
            Err(error) => return Rebuilt { tables, illegible: Some((record.block, error.to_string())) },
        }
    }
    Rebuilt { tables, illegible: None }
}

/// The metagraph of a record behind that of `before`.
fn rebuilt(subject: Subject, record: &Assembly, before: Option<&Table>) -> Result<Table, FileError> {
    let content = record.opened(before.is_none())?;
    let table = match before {
        None => file::read(content)?,
        Some(before) => delta::apply(before, content)?,
    };
    let (of, wanted) =
        ((table.netuid, table.mechid, table.at.block.number), (subject.netuid, subject.mechid, record.block));
    if of != wanted {
        return Err(FileError::Malformed(format!("it is of {of:?}, and lies where that of {wanted:?} should")));
    }
    Ok(table)
}

/// A record's form and content, if its checksum is right.
fn opened(record: &[u8]) -> Result<(u8, &[u8]), FileError> {
    let (body, checksum) = record.split_at_checked(record.len().saturating_sub(CHECKSUM)).ok_or(FileError::Damaged)?;
    match body.split_first() {
        Some((form, content)) if Blake2b::<U8>::digest(body).as_slice() == checksum => Ok((*form, content)),
        _ => Err(FileError::Damaged),
    }
}
