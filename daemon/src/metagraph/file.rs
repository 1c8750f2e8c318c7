//! Metagraphs as files: btd's own format, which reads back as what was written, and NumPy's (`npz`).
//!
//! The format `BTDMETA4`, all integers little-endian:
//!
//! ```text
//! magic      8 bytes, "BTDMETA4"; a new layout has another digit
//! header     u32 length, then JSON: at, netuid, mechid, neurons, figures,
//!            columns [{name, kind, count}], weights and bonds (how many rows; both null
//!            where they were not read),
//!            amounts [{name, count}] (figures that are null above)
//! columns    in the header's order: flags and u16 and u64 plain, accounts 32 bytes each,
//!            texts as u32 length and UTF-8
//! rows       weights, then bonds: u16 validator, u32 count, then count times (u16 uid, u16 value)
//! amounts    in the header's order: count times (account 32 bytes, u64 rao)
//! checksum   4 bytes, CRC-32 of all before, as ZIP and zlib have it
//! ```
//! The layouts before are read too. 3 does not tell whether weights and bonds were read: where it has
//! no row of either, it counts as not read. 2 is 3 without amounts: they stand among the figures, as JSON of
//! addresses, which took longer to read than all the rest. 1 is 2, but ends with 32 bytes of
//! BLAKE2b-256 in place of the CRC: damage is all that a checksum can tell.
//!
//! Nothing in it is code, and nothing is allocated that the file is too short to hold. Python reads
//! the NumPy form with `numpy.load`; its pickles are neither written nor read.

mod input;
mod npz;

use std::{borrow::Cow, sync::Arc};

use blake2::{Blake2b, Digest, digest::consts::U32};
use btd_api::{AccountId, MechId, NetUid, Uid};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use self::input::Input;
pub use self::npz::npz;
use super::{
    figure::{self, Figure},
    table::{Column, Rows, Table},
};
use crate::stamp::Stamp;

const MAGIC: &[u8; 8] = b"BTDMETA4";
const MAGIC_3: &[u8; 8] = b"BTDMETA3";
const MAGIC_2: &[u8; 8] = b"BTDMETA2";
const MAGIC_1: &[u8; 8] = b"BTDMETA1";

/// Why bytes are no saved metagraph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It begins with something else.
    #[error("it is no metagraph that btd saved: it does not begin with BTDMETA")]
    Foreign,
    /// It is of a layout that this btd does not read.
    #[error("it was saved by another version of btd, in the layout {0}")]
    Version(char),
    /// Its checksum does not match.
    #[error("it is damaged: its checksum does not match")]
    Damaged,
    /// It ends too early, or says of itself what is not so.
    #[error("it is damaged: {0}")]
    Malformed(String),
}

#[derive(Serialize, Deserialize)]
struct Header<'t> {
    at: Stamp,
    netuid: NetUid,
    mechid: MechId,
    neurons: u16,
    figures: Map<String, Json>,
    columns: Vec<Head<'t>>,
    weights: Option<u32>,
    bonds: Option<u32>,
    #[serde(default)]
    amounts: Vec<Amounts<'t>>,
}

#[derive(Serialize, Deserialize)]
struct Amounts<'t> {
    name: Cow<'t, str>,
    count: u32,
}

#[derive(Serialize, Deserialize)]
struct Head<'t> {
    name: Cow<'t, str>,
    kind: Kind,
    count: u32,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Flags,
    U16,
    U64,
    Accounts,
    Texts,
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The file that holds `table`.
pub fn write(table: &Table) -> Vec<u8> {
    let heads = table.columns.iter().map(|(name, column)| {
        let kind = match &**column {
            Column::Flags(_) => Kind::Flags,
            Column::Shorts(_) => Kind::U16,
            Column::Longs(_) => Kind::U64,
            Column::Accounts(_) => Kind::Accounts,
            Column::Texts(_) => Kind::Texts,
        };
        Head { name: Cow::Borrowed(name), kind, count: count(column.len()) }
    });
    let amounts = table.figures.iter().filter_map(|(name, figure)| match figure {
        Figure::Amounts(amounts) => Some((name, amounts)),
        Figure::Plain(_) => None,
    });
    let plain = table.figures.iter().map(|(name, figure)| match figure {
        Figure::Amounts(_) => (name.clone(), Json::Null),
        Figure::Plain(json) => (name.clone(), json.clone()),
    });
    let header = Header {
        at: table.at,
        netuid: table.netuid,
        mechid: table.mechid,
        neurons: table.neurons,
        figures: plain.collect(),
        columns: heads.collect(),
        weights: table.rows.as_ref().map(|rows| count(rows.weights.len())),
        bonds: table.rows.as_ref().map(|rows| count(rows.bonds.len())),
        amounts: amounts
            .clone()
            .map(|(name, amounts)| Amounts { name: Cow::Borrowed(name), count: count(amounts.len()) })
            .collect(),
    };
    // The types have text keys only, so writing them cannot fail.
    let header = serde_json::to_vec(&header).unwrap_or_default();
    let columns: usize = table.columns.iter().map(|(_, column)| size(column)).sum();
    let rows = || table.rows.iter().flat_map(|rows| rows.weights.iter().chain(&rows.bonds));
    let in_rows: usize = rows().map(|(_, entries)| 6 + entries.len() * 4).sum();
    let figures: usize = amounts.clone().map(|(_, amounts)| amounts.len() * AMOUNT).sum();
    let mut out = Vec::with_capacity(MAGIC.len() + 4 + header.len() + columns + in_rows + figures + 4);
    out.extend_from_slice(MAGIC);
    out.extend(count(header.len()).to_le_bytes());
    out.extend_from_slice(&header);
    for (_, column) in &table.columns {
        match &**column {
            Column::Flags(values) => put(&mut out, values.iter().map(|flag| [u8::from(*flag)])),
            Column::Shorts(values) => put(&mut out, values.iter().map(|value| value.to_le_bytes())),
            Column::Longs(values) => put(&mut out, values.iter().map(|value| value.to_le_bytes())),
            Column::Accounts(values) => put(&mut out, values.iter().map(|account| account.0)),
            Column::Texts(values) => {
                for value in values {
                    out.extend_from_slice(&count(value.len()).to_le_bytes());
                    out.extend_from_slice(value.as_bytes());
                }
            }
        }
    }
    for (uid, entries) in rows() {
        out.extend_from_slice(&uid.0.to_le_bytes());
        out.extend_from_slice(&count(entries.len()).to_le_bytes());
        let pair = |(uid, value): &(Uid, u16)| {
            let ([a, b], [c, d]) = (uid.0.to_le_bytes(), value.to_le_bytes());
            [a, b, c, d]
        };
        put(&mut out, entries.iter().map(pair));
    }
    for (_, amounts) in amounts {
        let entry = |(hotkey, rao): &(AccountId, u64)| {
            let mut entry = [0; AMOUNT];
            let (key, amount) = entry.split_at_mut(32);
            key.copy_from_slice(&hotkey.0);
            amount.copy_from_slice(&rao.to_le_bytes());
            entry
        };
        put(&mut out, amounts.iter().map(entry));
    }
    let checksum = crc32fast::hash(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// How many bytes a hotkey and its amount take.
const AMOUNT: usize = 40;

/// How many bytes a column takes in a file.
fn size(column: &Column) -> usize {
    match column {
        Column::Flags(values) => values.len(),
        Column::Shorts(values) => values.len() * 2,
        Column::Longs(values) => values.len() * 8,
        Column::Accounts(values) => values.len() * 32,
        Column::Texts(values) => values.iter().map(|value| 4 + value.len()).sum(),
    }
}

/// Appends values of `N` bytes each, which are known in number: one by one they took several times as long.
fn put<const N: usize>(out: &mut Vec<u8>, values: impl ExactSizeIterator<Item = [u8; N]>) {
    let start = out.len();
    out.resize(start + values.len() * N, 0);
    let (places, _) = out[start..].as_chunks_mut::<N>();
    places.iter_mut().zip(values).for_each(|(place, value)| *place = value);
}

/// The metagraph that a file holds.
///
/// # Errors
/// When it is not a file that [`write()`] made.
pub fn read(bytes: &[u8]) -> Result<Table, FileError> {
    let body = match bytes.first_chunk::<8>() {
        Some(magic) if [MAGIC, MAGIC_3, MAGIC_2].contains(&magic) => {
            let (body, checksum) = bytes.split_last_chunk::<4>().ok_or(FileError::Damaged)?;
            (crc32fast::hash(body) == u32::from_le_bytes(*checksum)).then_some(body)
        }
        Some(magic) if magic == MAGIC_1 => {
            let (body, checksum) = bytes.split_last_chunk::<32>().ok_or(FileError::Damaged)?;
            (Blake2b::<U32>::digest(body).as_slice() == checksum).then_some(body)
        }
        Some(magic) if magic.starts_with(b"BTDMETA") => return Err(FileError::Version(char::from(magic[7]))),
        _ => return Err(FileError::Foreign),
    };
    let body = body.ok_or(FileError::Damaged)?;
    let mut input = Input(body.get(MAGIC.len()..).unwrap_or_default());
    let length = input.size()?;
    let header: Header<'_> =
        serde_json::from_slice(input.take(length)?).map_err(|error| FileError::Malformed(error.to_string()))?;
    let columns = header.columns.into_iter().map(|head| {
        let count = usize::try_from(head.count).unwrap_or(usize::MAX);
        Ok((Arc::from(&*head.name), Arc::new(input.column(head.kind, count)?)))
    });
    let columns = columns.collect::<Result<_, FileError>>()?;
    let tells = bytes.starts_with(MAGIC);
    let rows = header.weights.zip(header.bonds).filter(|(weights, bonds)| tells || (*weights, *bonds) != (0, 0));
    let rows = rows.map(|(weights, bonds)| {
        let weights = (0..weights).map(|_| input.row()).collect::<Result<_, _>>()?;
        let bonds = (0..bonds).map(|_| input.row()).collect::<Result<_, _>>()?;
        Ok::<_, FileError>(Rows { weights, bonds })
    });
    let rows = rows.transpose()?;
    let mut figures = figure::of_json(header.figures);
    for Amounts { name, count } in header.amounts {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        figures.insert(name.into_owned(), Figure::Amounts(input.amounts(count)?));
    }
    if !input.0.is_empty() {
        return Err(FileError::Malformed(format!("{} bytes are left over", input.0.len())));
    }
    Ok(Table {
        at: header.at,
        netuid: header.netuid,
        mechid: header.mechid,
        neurons: header.neurons,
        figures: Arc::new(figures),
        columns,
        rows,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use btd_api::{BlockHash, BlockNumber};
    use btd_chain::BlockRef;
    use serde_json::json;

    use super::{super::figure::Figures, *};

    /// A metagraph of `neurons` with something in every kind of column.
    pub(in super::super) fn table(neurons: u16) -> Table {
        let each = |value: fn(u16) -> u16| (0..neurons).map(value).collect::<Vec<u16>>();
        let account = |uid: u16| AccountId([u8::try_from(uid % 251).unwrap(); 32]);
        let row = |uid: u16| (Uid(uid), vec![(Uid(0), 1), (Uid(neurons - 1), 65_535)]);
        let block = BlockRef { number: BlockNumber(9), hash: BlockHash([1; 32]) };
        let amounts = (0..neurons.min(251)).map(|uid| (account(uid), u64::MAX - u64::from(uid)));
        Table {
            at: Stamp { block, learnt_ms: 5 },
            netuid: NetUid(1),
            mechid: MechId(0),
            neurons,
            figures: Figures::from_iter([
                ("tempo".to_owned(), json!(100).into()),
                ("tao_dividends_per_hotkey".to_owned(), Figure::Amounts(amounts.collect())),
                ("tao_in".to_owned(), json!("123").into()),
            ])
            .into(),
            columns: [
                ("hotkeys", Column::Accounts((0..neurons).map(account).collect())),
                ("active", Column::Flags((0..neurons).map(|uid| uid % 3 == 0).collect())),
                ("incentives", Column::Shorts(each(|uid| uid.wrapping_mul(31)))),
                ("rank", Column::Shorts(vec![])),
                ("total_stake", Column::Longs((0..neurons).map(|uid| u64::MAX - u64::from(uid)).collect())),
                ("identity_name", Column::Texts((0..neurons).map(|uid| format!("τ{uid}")).collect())),
            ]
            .map(|(name, column)| (name.into(), Arc::new(column)))
            .to_vec(),
            rows: Some(Rows { weights: (0..neurons.min(3)).map(row).collect(), bonds: vec![(Uid(1), vec![])] }),
        }
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        for neurons in [1, 2, 256] {
            let mut table = table(neurons);
            // That there are no weights is another thing than that they were not read.
            for rows in [table.rows.take(), Some(Rows::default()), None] {
                table.rows = rows;
                assert_eq!(read(&write(&table)).as_ref(), Ok(&table));
            }
        }
    }

    #[test]
    fn a_layout_that_does_not_tell_whether_rows_were_read_has_none_where_it_has_no_row() {
        for (rows, read_back) in [(Some(Rows::default()), None), (table(4).rows, table(4).rows)] {
            let mut bytes = write(&Table { rows, ..table(4) });
            bytes.truncate(bytes.len() - 4);
            bytes[..8].copy_from_slice(MAGIC_3);
            bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
            assert_eq!(read(&bytes), Ok(Table { rows: read_back, ..table(4) }));
        }
    }

    /// The same as layout 2 has it behind `magic`, without its checksum.
    fn before_amounts(table: &Table, magic: [u8; 8]) -> Vec<u8> {
        let figures = figure::to_json(&table.figures).into_iter().map(|(name, json)| (name, json.into()));
        let mut bytes = write(&Table { figures: Arc::new(figures.collect()), ..table.clone() });
        bytes.truncate(bytes.len() - 4);
        bytes[..8].copy_from_slice(&magic);
        let amounts = b",\"amounts\":[]";
        let at = bytes.windows(amounts.len()).position(|window| window == amounts).unwrap();
        bytes.drain(at..at + amounts.len());
        let length = u32::from_le_bytes(*bytes[8..].first_chunk().unwrap()) - u32::try_from(amounts.len()).unwrap();
        bytes[8..12].copy_from_slice(&length.to_le_bytes());
        bytes
    }

    #[test]
    fn the_layouts_before_are_read_and_checked() {
        let table = table(4);
        let mut second = before_amounts(&table, *MAGIC_2);
        second.extend(crc32fast::hash(&second).to_le_bytes());
        let mut first = before_amounts(&table, *MAGIC_1);
        first.extend(Blake2b::<U32>::digest(&first));
        for mut bytes in [first, second] {
            assert_eq!(read(&bytes).as_ref(), Ok(&table));
            bytes[20] ^= 1;
            assert_eq!(read(&bytes), Err(FileError::Damaged));
            assert_eq!(read(&bytes[..39]), Err(FileError::Damaged));
        }
    }

    #[test]
    fn nothing_that_is_damaged_is_read() {
        let whole = write(&table(4));
        assert_eq!(read(b""), Err(FileError::Foreign));
        assert_eq!(read(b"\x80\x04pickle.."), Err(FileError::Foreign));
        assert_eq!(read(b"BTDMETA5"), Err(FileError::Version('5')));
        for length in (8..whole.len()).step_by(7) {
            assert!(read(&whole[..length]).is_err(), "{length} bytes");
        }
        for place in (8..whole.len()).step_by(5) {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            assert_eq!(read(&bytes), Err(FileError::Damaged), "byte {place}");
        }
        // A checksum over lies: the length of a column that the file is too short to hold.
        let text = String::from_utf8_lossy(&whole[12..]).into_owned();
        assert!(text.contains("\"count\":4"));
        let mut lying = whole[..whole.len() - 4].to_vec();
        let at = lying.windows(9).position(|window| window == b"\"count\":4").unwrap();
        lying[at + 8] = b'9';
        let checksum = crc32fast::hash(&lying);
        lying.extend(checksum.to_le_bytes());
        assert!(matches!(read(&lying), Err(FileError::Malformed(_))));
    }
}
