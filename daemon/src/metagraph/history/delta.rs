//! One metagraph as its difference from another one of the same subnet.
//!
//! ```text
//! header   u32 length, then JSON: at, the figures that are other ones, those that are gone, and the
//!          names of those that are amounts
//! columns  in the order of the earlier metagraph, each a row of steps: how many values are the
//!          same (varint), then one value, until all are told. A number is its difference from the
//!          earlier one (zigzag varint), a flag is the other one, a key 32 bytes, a text its length
//!          (varint) and UTF-8
//! amounts  in the header's order: how many (varint), then of each the place of its hotkey among the
//!          earlier ones, from 1 on (varint), or 0 and 32 bytes where it is not there; and its
//!          difference from the earlier one, or from 0 (zigzag varint)
//! ```
//! Varints are LEB128. Before amounts were told so they stood among the figures, and are read there
//! too. Weights and bonds are no part of it: what is read back says that they were not read.

use std::{collections::HashMap, sync::Arc};

use btd_api::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::super::{
    figure::{self, Figure},
    file::FileError,
    table::{Column, Table},
};
use crate::stamp::Stamp;

#[derive(Serialize, Deserialize)]
struct Header {
    at: Stamp,
    figures: Map<String, Json>,
    gone: Vec<String>,
    #[serde(default)]
    amounts: Vec<String>,
}

/// The difference that [`apply`] turns back; none when the two have other columns, or another
/// number of neurons, or when weights and bonds were read with the later one: they would be lost.
pub(super) fn between(before: &Table, after: &Table) -> Option<Vec<u8>> {
    let mut pairs = before.columns.iter().zip(&after.columns);
    if before.neurons != after.neurons
        || before.columns.len() != after.columns.len()
        || !pairs.all(|((one, a), (two, b))| one == two && a.is_like(b))
        || after.rows.is_some()
    {
        return None;
    }
    let mut header = Header {
        at: after.at,
        figures: Map::new(),
        gone: before.figures.keys().filter(|name| !after.figures.contains_key(*name)).cloned().collect(),
        amounts: Vec::new(),
    };
    let mut told = Vec::new();
    for (name, value) in after.figures.iter().filter(|(name, value)| before.figures.get(*name) != Some(*value)) {
        match value {
            Figure::Plain(json) => {
                header.figures.insert(name.clone(), json.clone());
            }
            Figure::Amounts(amounts) => {
                header.amounts.push(name.clone());
                write_amounts(amounts_of(before, name), amounts, &mut told);
            }
        }
    }
    // The types have text keys only, so writing them cannot fail.
    let header = serde_json::to_vec(&header).unwrap_or_default();
    let mut out = u32::try_from(header.len()).ok()?.to_le_bytes().to_vec();
    out.extend(header);
    for ((_, one), (_, two)) in before.columns.iter().zip(&after.columns) {
        write_column(one, two, &mut out);
    }
    out.extend(told);
    Some(out)
}

/// The amounts of that name; nothing where there are none.
fn amounts_of<'t>(table: &'t Table, name: &str) -> &'t [(AccountId, u64)] {
    match table.figures.get(name) {
        Some(Figure::Amounts(amounts)) => amounts,
        Some(Figure::Plain(_)) | None => &[],
    }
}

/// The metagraph that differs from `before` by `delta`.
pub(super) fn apply(before: &Table, delta: &[u8]) -> Result<Table, FileError> {
    let mut input = Input(delta);
    let length = u32::from_le_bytes(input.array()?);
    let header = input.take(usize::try_from(length).unwrap_or(usize::MAX))?;
    let header: Header = serde_json::from_slice(header).map_err(|error| FileError::Malformed(error.to_string()))?;
    let mut after = Table { at: header.at, rows: None, ..before.clone() };
    let figures = Arc::make_mut(&mut after.figures);
    for name in &header.gone {
        figures.shift_remove(name);
    }
    figures.extend(figure::of_json(header.figures));
    for (_, column) in &mut after.columns {
        input.change(column)?;
    }
    for name in header.amounts {
        let amounts = input.amounts(amounts_of(before, &name))?;
        figures.insert(name, Figure::Amounts(amounts));
    }
    if !input.0.is_empty() {
        return Err(FileError::Malformed(format!("{} bytes are left over", input.0.len())));
    }
    Ok(after)
}

// === writing ===

fn write_column(before: &Column, after: &Column, out: &mut Vec<u8>) {
    match (before, after) {
        (Column::Flags(one), Column::Flags(two)) => steps(one, two, out, |_, _, _| {}),
        (Column::Shorts(one), Column::Shorts(two)) => steps(one, two, out, |one, two, out| {
            varint(zigzag(i64::from(*two) - i64::from(*one)), out);
        }),
        (Column::Longs(one), Column::Longs(two)) => steps(one, two, out, |one, two, out| {
            varint(zigzag(two.wrapping_sub(*one).cast_signed()), out);
        }),
        (Column::Accounts(one), Column::Accounts(two)) => steps(one, two, out, |_, two, out| out.extend(two.0)),
        (Column::Texts(one), Column::Texts(two)) => steps(one, two, out, |_, two, out| {
            varint(two.len() as u64, out);
            out.extend(two.as_bytes());
        }),
        // Columns of other kinds were told apart before.
        _ => {}
    }
}

fn write_amounts(before: &[(AccountId, u64)], after: &[(AccountId, u64)], out: &mut Vec<u8>) {
    let places: HashMap<AccountId, (u64, u64)> =
        (1..).zip(before).map(|(place, (hotkey, rao))| (*hotkey, (place, *rao))).collect();
    varint(after.len() as u64, out);
    for (hotkey, rao) in after {
        let (place, earlier) = places.get(hotkey).copied().unwrap_or_default();
        varint(place, out);
        if place == 0 {
            out.extend(hotkey.0);
        }
        varint(zigzag(rao.wrapping_sub(earlier).cast_signed()), out);
    }
}

/// Writes what differs, each behind the number of values that do not.
fn steps<T: PartialEq>(before: &[T], after: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &T, &mut Vec<u8>)) {
    let mut same = 0_u64;
    for (one, two) in before.iter().zip(after) {
        if one == two {
            same += 1;
        } else {
            varint(same, out);
            write(one, two, out);
            same = 0;
        }
    }
    if same > 0 {
        varint(same, out);
    }
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

// === impl Column ===

impl Column {
    /// Whether another column has the same kind of values, and as many.
    fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.len() == other.len()
    }
}

/// What is left to read.
struct Input<'b>(&'b [u8]);

// === impl Input ===

impl<'b> Input<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8], FileError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FileError> {
        self.take(N)?.try_into().map_err(|_| short())
    }

    fn varint(&mut self) -> Result<u64, FileError> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(FileError::Malformed("a number is too long".to_owned()))
    }

    fn change(&mut self, column: &mut Arc<Column>) -> Result<(), FileError> {
        // One in which all values are the same goes on being shared.
        let mut ahead = Input(self.0);
        if !column.is_empty() && ahead.varint().is_ok_and(|same| usize::try_from(same) == Ok(column.len())) {
            *self = ahead;
            return Ok(());
        }
        match Arc::make_mut(column) {
            Column::Flags(values) => self.steps(values, |_, flag| Ok(!*flag)),
            Column::Shorts(values) => self.steps(values, |input, before| {
                let after = i64::from(*before).checked_add(unzigzag(input.varint()?));
                after.and_then(|after| u16::try_from(after).ok()).ok_or_else(outside)
            }),
            Column::Longs(values) => {
                self.steps(values, |input, before| Ok(before.wrapping_add(unzigzag(input.varint()?).cast_unsigned())))
            }
            Column::Accounts(values) => self.steps(values, |input, _| input.array().map(AccountId)),
            Column::Texts(values) => self.steps(values, |input, _| {
                let length = usize::try_from(input.varint()?).unwrap_or(usize::MAX);
                let text = std::str::from_utf8(input.take(length)?);
                text.map(str::to_owned).map_err(|_| FileError::Malformed("a text is not UTF-8".to_owned()))
            }),
        }
    }

    fn amounts(&mut self, before: &[(AccountId, u64)]) -> Result<Vec<(AccountId, u64)>, FileError> {
        let count = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        // Each takes two bytes at least, so what is there bounds what is reserved.
        let mut amounts = Vec::with_capacity(count.min(self.0.len() / 2));
        for _ in 0..count {
            let place = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
            let (hotkey, earlier) = match place.checked_sub(1) {
                Some(place) => *before.get(place).ok_or_else(outside)?,
                None => (AccountId(self.array()?), 0),
            };
            amounts.push((hotkey, earlier.wrapping_add(unzigzag(self.varint()?).cast_unsigned())));
        }
        Ok(amounts)
    }

    fn steps<T>(
        &mut self,
        values: &mut [T],
        read: impl Fn(&mut Self, &T) -> Result<T, FileError>,
    ) -> Result<(), FileError> {
        let mut at = 0_usize;
        while at < values.len() {
            let same = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
            at = at.checked_add(same).ok_or_else(outside)?;
            if let Some(value) = values.get_mut(at) {
                *value = read(self, value)?;
            } else if at > values.len() {
                return Err(outside());
            }
            at += 1;
        }
        Ok(())
    }
}

fn short() -> FileError {
    FileError::Malformed("it ends too early".to_owned())
}

fn outside() -> FileError {
    FileError::Malformed("a change is outside of its column".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::{file, table::Rows},
        *,
    };

    fn changed(table: &Table, salt: u16) -> Table {
        let mut after = table.clone();
        after.at.block.number.0 += 7;
        after.rows = None;
        for (_, column) in &mut after.columns {
            let every = usize::from(salt % 5) + 1;
            match Arc::make_mut(column) {
                Column::Flags(values) => values.iter_mut().step_by(every).for_each(|value| *value = !*value),
                Column::Shorts(values) => {
                    values.iter_mut().step_by(every).for_each(|value| *value = value.wrapping_add(salt));
                }
                Column::Longs(values) => values
                    .iter_mut()
                    .step_by(every)
                    .for_each(|value| *value = value.wrapping_mul(3).wrapping_sub(u64::from(salt))),
                Column::Accounts(values) => {
                    values.iter_mut().skip(1).step_by(7).for_each(|value| *value = AccountId([9; 32]));
                }
                Column::Texts(values) => values.iter_mut().skip(2).step_by(9).for_each(|value| value.push('λ')),
            }
        }
        let figures = Arc::make_mut(&mut after.figures);
        figures.insert("burn".to_owned(), Json::from(salt).into());
        figures.shift_remove("tempo");
        // One is new, the others are told in another order.
        let of = |name: &str| amounts_of(table, name).iter().rev().map(|(key, rao)| (*key, rao.wrapping_mul(3)));
        let amounts = of("tao_dividends_per_hotkey").chain([(AccountId([255; 32]), u64::from(salt))]).collect();
        figures.insert("tao_dividends_per_hotkey".to_owned(), Figure::Amounts(amounts));
        let one = vec![(AccountId([3; 32]), u64::from(salt))];
        figures.insert("alpha_dividends_per_hotkey".to_owned(), Figure::Amounts(one));
        after
    }

    #[test]
    fn a_difference_turns_one_metagraph_into_the_other() {
        for neurons in [1, 2, 64, 256] {
            let before = file::tests::table(neurons);
            for salt in [1, 2, 3, 4, 65_535] {
                let after = changed(&before, salt);
                let delta = between(&before, &after).unwrap();
                assert_eq!(apply(&before, &delta).as_ref(), Ok(&after), "{neurons} neurons, {salt}");
            }
            let mut same = Table { rows: None, ..before.clone() };
            let figures = Arc::make_mut(&mut same.figures);
            if let Some(Figure::Amounts(amounts)) = figures.get_mut("tao_dividends_per_hotkey") {
                amounts.reverse();
            }
            let delta = between(&before, &same).unwrap();
            assert!(delta.len() < 200, "{} bytes for no change", delta.len());
            assert_eq!(apply(&before, &delta), Ok(same));
        }
    }

    #[test]
    fn amounts_that_stand_among_the_figures_are_read() {
        let before = file::tests::table(4);
        let after = changed(&before, 3);
        let delta = between(&before, &after).unwrap();
        let (length, rest) = delta.split_first_chunk::<4>().unwrap();
        let (header, rest) = rest.split_at(usize::try_from(u32::from_le_bytes(*length)).unwrap());
        let mut header: Map<String, Json> = serde_json::from_slice(header).unwrap();
        let Some(Json::Array(names)) = header.remove("amounts") else { panic!("amounts are told by name") };
        let mut columns = rest.len();
        for name in names.iter().filter_map(Json::as_str) {
            let mut told = Vec::new();
            write_amounts(amounts_of(&before, name), amounts_of(&after, name), &mut told);
            columns -= told.len();
            header["figures"][name] = after.figures[name].to_json();
        }
        let header = serde_json::to_vec(&header).unwrap();
        let length = u32::try_from(header.len()).unwrap().to_le_bytes();
        assert_eq!(apply(&before, &[&length[..], &header, &rest[..columns]].concat()), Ok(after));
    }

    #[test]
    fn another_shape_has_no_difference() {
        let weightless = |neurons| Table { rows: None, ..file::tests::table(neurons) };
        let small = file::tests::table(4);
        assert!(between(&small, &weightless(4)).is_some());
        assert_eq!(between(&small, &weightless(5)), None);
        let mut other = weightless(4);
        other.columns[1].0 = "else".into();
        assert_eq!(between(&small, &other), None);
        assert_eq!(between(&small, &small), None, "its weights would be lost");
        let none = Table { rows: Some(Rows::default()), ..small.clone() };
        assert_eq!(between(&small, &none), None, "that there are none would be lost");
    }

    #[test]
    fn what_is_damaged_is_an_error_and_never_a_panic() {
        let before = file::tests::table(16);
        let delta = between(&before, &changed(&before, 3)).unwrap();
        for length in 0..delta.len() {
            assert!(apply(&before, &delta[..length]).is_err(), "{length} bytes");
        }
        for place in 0..delta.len() {
            let mut bytes = delta.clone();
            bytes[place] ^= 0x55;
            // It may read as another metagraph: checksums are around it.
            let _ = apply(&before, &bytes);
        }
    }
}
