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
    delta, index,
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

/// The metagraphs of a group's entries, up to block `to`.
pub(super) fn rebuild(entries: &[(Vec<u8>, Vec<u8>)], to: BlockNumber) -> Result<Vec<Table>, FileError> {
    let mut records: Vec<(BlockNumber, Vec<u8>)> = Vec::new();
    for (key, chunk) in entries {
        let Some((block, number)) = index::place(key) else {
            return Err(FileError::Malformed("a key of it is something else".to_owned()));
        };
        match records.last_mut() {
            Some((last, record)) if *last == block => record.extend(chunk),
            _ if number == 0 => records.push((block, chunk.clone())),
            _ => return Err(FileError::Malformed(format!("the beginning of its record of block {block} is gone"))),
        }
    }
    let mut tables: Vec<Table> = Vec::new();
    for (block, record) in records.iter().filter(|(block, _)| *block <= to) {
        let table = match (opened(record)?, tables.last()) {
            ((WHOLE, content), None) => file::read(content)?,
            ((DIFFERENCE, content), Some(before)) => delta::apply(before, content)?,
            ((form, _), _) => return Err(FileError::Malformed(format!("a record of form {form} is out of place"))),
        };
        if table.at.block.number != *block {
            return Err(FileError::Malformed(format!("its record of block {block} is of {}", table.at.block.number)));
        }
        tables.push(table);
    }
    Ok(tables)
}

/// A record's form and content, if its checksum is right.
fn opened(record: &[u8]) -> Result<(u8, &[u8]), FileError> {
    let (body, checksum) = record.split_at_checked(record.len().saturating_sub(CHECKSUM)).ok_or(FileError::Damaged)?;
    match body.split_first() {
        Some((form, content)) if Blake2b::<U8>::digest(body).as_slice() == checksum => Ok((*form, content)),
        _ => Err(FileError::Damaged),
    }
}
