//! A metagraph as `.npz`: a ZIP of NumPy arrays, compressed as those of `numpy.savez_compressed`: most
//! of a matrix is zeros.
//!
//! The arrays have the chain's names and units (`<u2` ratios of 65535, `<u8` rao and blocks, `|b1`
//! flags, `<U` texts, SS58 keys), beside `uids`, `netuid`, `mechid`, `block`, and the matrices
//! `weights` and `bonds` (`<u2`, as the chain keeps them, row by validator), which are absent where
//! they were not read. `figures` is the subnet's own figures as JSON text. Formats: NEP 1 (npy 1.0) and
//! PKWARE APPNOTE (deflated entries).

use btd_chain::Row;
use miniz_oxide::deflate::compress_to_vec;

use super::super::{
    figure,
    table::{Column, Table},
};

/// The bytes of the file.
pub fn npz(table: &Table) -> Vec<u8> {
    let n = usize::from(table.neurons);
    let mut zip = Zip::default();
    zip.add("netuid", &array("<u2", &[], &table.netuid.0.to_le_bytes()));
    zip.add("mechid", &array("|u1", &[], &[table.mechid.0]));
    zip.add("block", &array("<u4", &[], &table.at.block.number.0.to_le_bytes()));
    zip.add("block_hash", &texts(&[table.at.block.hash.to_string()], &[]));
    let uids: Vec<u8> = (0..table.neurons).flat_map(u16::to_le_bytes).collect();
    zip.add("uids", &array("<u2", &[n], &uids));
    for (name, column) in &table.columns {
        let shape = [column.len()];
        let bytes = match &**column {
            Column::Flags(values) => {
                array("|b1", &shape, &values.iter().map(|flag| u8::from(*flag)).collect::<Vec<_>>())
            }
            Column::Shorts(values) => {
                array("<u2", &shape, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
            }
            Column::Longs(values) => {
                array("<u8", &shape, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
            }
            Column::Accounts(values) => texts(&values.iter().map(ToString::to_string).collect::<Vec<_>>(), &shape),
            Column::Texts(values) => texts(values, &shape),
        };
        zip.add(name, &bytes);
    }
    let known = table.rows.iter().flat_map(|rows| [("weights", &rows.weights), ("bonds", &rows.bonds)]);
    for (name, rows) in known {
        zip.add(name, &array("<u2", &[n, n], &dense(n, rows)));
    }
    let figures = serde_json::to_string(&figure::to_json(&table.figures)).unwrap_or_default();
    zip.add("figures", &texts(&[figures], &[]));
    zip.finish()
}

/// A matrix of `n` by `n`; entries beyond it, which the chain keeps after a subnet shrinks, are left out.
fn dense(n: usize, rows: &[Row]) -> Vec<u8> {
    let mut bytes = vec![0; n * n * 2];
    for (validator, entries) in rows {
        for (uid, value) in entries {
            let (row, column) = (usize::from(validator.0), usize::from(uid.0));
            if row < n && column < n {
                let at = (row * n + column) * 2;
                bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
            }
        }
    }
    bytes
}

/// An array of fixed-width texts (UCS-4, as NumPy has it), wide enough for the longest.
fn texts(values: &[String], shape: &[usize]) -> Vec<u8> {
    let width = values.iter().map(|value| value.chars().count()).max().unwrap_or(0).max(1);
    let mut bytes = Vec::with_capacity(values.len() * width * 4);
    for value in values {
        let characters = value.chars().map(u32::from).chain(std::iter::repeat(0));
        characters.take(width).for_each(|character| bytes.extend(character.to_le_bytes()));
    }
    array(&format!("<U{width}"), shape, &bytes)
}

/// One array in the npy format, version 1.0.
fn array(kind: &str, shape: &[usize], data: &[u8]) -> Vec<u8> {
    let shape = match shape {
        [] => "()".to_owned(),
        [one] => format!("({one},)"),
        many => format!("({})", many.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    };
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
    // The data begins at a multiple of 64.
    let padding = 64 - (10 + header.len() + 1) % 64;
    header.extend(std::iter::repeat_n(' ', padding % 64));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// A ZIP being written, entries deflated.
#[derive(Default)]
struct Zip {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    entries: u16,
}

// === impl Zip ===

impl Zip {
    fn add(&mut self, name: &str, content: &[u8]) {
        let name = format!("{name}.npy");
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
        // Most of it are zeros, which the fastest level finds too.
        let compressed = compress_to_vec(content, 1);
        let offset = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let mut fields = Vec::with_capacity(26);
        // Version 2.0, no flags, deflated, no time; 1 January 1980.
        fields.extend([20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0]);
        fields.extend(crc32fast::hash(content).to_le_bytes());
        fields.extend(size(&compressed));
        fields.extend(size(content));
        fields.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
        fields.extend([0, 0]);
        self.bytes.extend(b"PK\x03\x04");
        self.bytes.extend(&fields);
        self.bytes.extend(name.as_bytes());
        self.bytes.extend(&compressed);
        self.directory.extend(b"PK\x01\x02\x14\x00");
        self.directory.extend(&fields);
        // No comment, first disk, no attributes.
        self.directory.extend([0; 10]);
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.entries += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        let offset = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let size = u32::try_from(self.directory.len()).unwrap_or(u32::MAX);
        self.bytes.extend(&self.directory);
        self.bytes.extend(b"PK\x05\x06\x00\x00\x00\x00");
        self.bytes.extend(self.entries.to_le_bytes());
        self.bytes.extend(self.entries.to_le_bytes());
        self.bytes.extend(size.to_le_bytes());
        self.bytes.extend(offset.to_le_bytes());
        self.bytes.extend([0, 0]);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use miniz_oxide::inflate::decompress_to_vec;

    use super::*;

    #[test]
    fn arrays_are_numpys() {
        let bytes = array("<u2", &[3], &[1, 0, 2, 0, 3, 0]);
        assert_eq!(bytes.len() % 64, 6);
        let header = String::from_utf8_lossy(&bytes[10..bytes.len() - 6]).into_owned();
        assert!(
            header.starts_with("{'descr': '<u2', 'fortran_order': False, 'shape': (3,), }") && header.ends_with('\n')
        );
        assert_eq!(usize::from(u16::from_le_bytes([bytes[8], bytes[9]])), header.len());
        let text = texts(&["τa".to_owned(), String::new()], &[2]);
        assert_eq!(text[text.len() - 16..], [0xc4, 3, 0, 0, 0x61, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn every_entry_is_where_the_directory_says() {
        let bytes = npz(&super::super::tests::table(3));
        let end = &bytes[bytes.len() - 22..];
        assert_eq!(&end[..4], b"PK\x05\x06");
        let word = |at: usize| usize::try_from(u32::from_le_bytes(end[at..at + 4].try_into().unwrap())).unwrap();
        let (size, start) = (word(12), word(16));
        assert_eq!(start + size + 22, bytes.len());
        let mut directory = &bytes[start..start + size];
        let mut names = Vec::new();
        while !directory.is_empty() {
            assert_eq!(&directory[..4], b"PK\x01\x02");
            let length = usize::from(u16::from_le_bytes([directory[28], directory[29]]));
            let name = String::from_utf8(directory[46..46 + length].to_vec()).unwrap();
            let offset = usize::try_from(u32::from_le_bytes(directory[42..46].try_into().unwrap())).unwrap();
            assert_eq!(&bytes[offset..offset + 4], b"PK\x03\x04");
            assert_eq!(&bytes[offset + 30..offset + 30 + length], name.as_bytes());
            let size = usize::try_from(u32::from_le_bytes(directory[20..24].try_into().unwrap())).unwrap();
            let content = decompress_to_vec(&bytes[offset + 30 + length..offset + 30 + length + size]).unwrap();
            assert_eq!(&content[..6], b"\x93NUMPY");
            assert_eq!(crc32fast::hash(&content).to_le_bytes(), directory[16..20]);
            assert_eq!(u32::try_from(content.len()).unwrap().to_le_bytes(), directory[24..28]);
            names.push(name);
            directory = &directory[46 + length..];
        }
        assert!(names.contains(&"weights.npy".to_owned()) && names.contains(&"hotkeys.npy".to_owned()), "{names:?}");
    }

    #[test]
    fn matrices_of_thousands_take_little_and_are_left_out_where_they_were_not_read() {
        let table = super::super::tests::table(4_096);
        let (with, without) = (npz(&table), npz(&Table { rows: None, ..table.clone() }));
        // Two matrices of 32 MiB each.
        assert!(with.len() < without.len() + (1 << 20), "{} and {}", with.len(), without.len());
        let names = |bytes: &[u8]| bytes.windows(11).any(|name| name == b"weights.npy");
        assert!(names(&with) && !names(&without));
    }
}
