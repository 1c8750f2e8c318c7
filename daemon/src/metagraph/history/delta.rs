//! One metagraph as its difference from another one of the same subnet.
//!
//! ```text
//! header   u32 length, then JSON: at, neurons, the figures that are other ones, those that are gone
//! columns  in the order of the earlier metagraph, each a row of steps: how many values are the
//!          same (varint), then one value, until all are told. A number is its difference from the
//!          earlier one (zigzag varint), a flag is the other one, a key 32 bytes, a text its length
//!          (varint) and UTF-8
//! ```
//! Varints are LEB128. Weights and bonds are no part of it: what is read back has none.

use btd_api::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::super::{
    figure,
    file::FileError,
    table::{Column, Table},
};
use crate::stamp::Stamp;

#[derive(Serialize, Deserialize)]
struct Header {
    at: Stamp,
    figures: Map<String, Json>,
    gone: Vec<String>,
}

/// The difference that [`apply`] turns back; none when the two have other columns, or another
/// number of neurons, or when the later one has weights or bonds.
pub(super) fn between(before: &Table, after: &Table) -> Option<Vec<u8>> {
    let alike = |((one, a), (two, b)): (&(String, Column), &(String, Column))| one == two && a.is_like(b);
    if before.neurons != after.neurons
        || before.columns.len() != after.columns.len()
        || !before.columns.iter().zip(&after.columns).all(alike)
        || !(after.weights.is_empty() && after.bonds.is_empty())
    {
        return None;
    }
    let figures = after.figures.iter().filter(|(name, value)| before.figures.get(*name) != Some(*value));
    let header = Header {
        at: after.at,
        figures: figures.map(|(name, value)| (name.clone(), value.to_json())).collect(),
        gone: before.figures.keys().filter(|name| !after.figures.contains_key(*name)).cloned().collect(),
    };
    // The types have text keys only, so writing them cannot fail.
    let header = serde_json::to_vec(&header).unwrap_or_default();
    let mut out = u32::try_from(header.len()).ok()?.to_le_bytes().to_vec();
    out.extend(header);
    for ((_, one), (_, two)) in before.columns.iter().zip(&after.columns) {
        write_column(one, two, &mut out);
    }
    Some(out)
}

/// The metagraph that differs from `before` by `delta`.
pub(super) fn apply(before: &Table, delta: &[u8]) -> Result<Table, FileError> {
    let mut input = Input(delta);
    let length = u32::from_le_bytes(input.array()?);
    let header = input.take(usize::try_from(length).unwrap_or(usize::MAX))?;
    let header: Header = serde_json::from_slice(header).map_err(|error| FileError::Malformed(error.to_string()))?;
    let mut after = Table { at: header.at, weights: Vec::new(), bonds: Vec::new(), ..before.clone() };
    for name in &header.gone {
        after.figures.shift_remove(name);
    }
    after.figures.extend(figure::of_json(header.figures));
    for (_, column) in &mut after.columns {
        input.change(column)?;
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

    fn change(&mut self, column: &mut Column) -> Result<(), FileError> {
        match column {
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
    use btd_api::Uid;

    use super::{super::super::file, *};

    fn changed(table: &Table, salt: u16) -> Table {
        let mut after = table.clone();
        after.at.block.number.0 += 7;
        after.weights.clear();
        after.bonds.clear();
        for (_, column) in &mut after.columns {
            let every = usize::from(salt % 5) + 1;
            match column {
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
        after.figures.insert("burn".to_owned(), Json::from(salt).into());
        after.figures.shift_remove("tempo");
        let amounts = vec![(AccountId([3; 32]), u64::from(salt))];
        after.figures.insert("tao_dividends_per_hotkey".to_owned(), figure::Figure::Amounts(amounts));
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
            let same = Table { weights: vec![], bonds: vec![], ..before.clone() };
            let delta = between(&before, &same).unwrap();
            assert!(delta.len() < 200, "{} bytes for no change", delta.len());
            assert_eq!(apply(&before, &delta), Ok(same));
        }
    }

    #[test]
    fn another_shape_has_no_difference() {
        let weightless = |neurons| Table { weights: vec![], bonds: vec![], ..file::tests::table(neurons) };
        let small = file::tests::table(4);
        assert!(between(&small, &weightless(4)).is_some());
        assert_eq!(between(&small, &weightless(5)), None);
        let mut other = weightless(4);
        other.columns[1].0 = "else".to_owned();
        assert_eq!(between(&small, &other), None);
        assert_eq!(between(&small, &small), None, "its weights would be lost");
        assert!(small.weights.iter().all(|(uid, _)| *uid < Uid(4)));
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
