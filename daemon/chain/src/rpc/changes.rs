//! What is stored at many keys: how it is asked for, and how the answer reads.
//!
//! At every block the same hundreds of small values are read. So keys can be kept as they are written, and an answer is
//! read into one piece of memory, in the order in which it was asked for.

use std::{borrow::Cow, collections::HashMap, ops::Range};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::value::{RawValue, to_raw_value};

use super::HexBytes;
use crate::hex_bytes;

/// Keys that are asked for at once, and the text that asks for them.
#[derive(Debug)]
pub(crate) struct Keys {
    keys: Vec<HexBytes>,
    written: Option<Box<RawValue>>,
}

/// The answer of `state_queryStorageAt`.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// The keys and the values, one behind the other.
    bytes: Vec<u8>,
    /// Where each key lies, and its value; none where nothing is stored.
    pairs: Vec<(Range<usize>, Option<Range<usize>>)>,
}

/// One of the sets of an answer: there is one for each block that was asked for.
#[derive(Deserialize)]
struct Set<'t> {
    #[serde(borrow)]
    changes: Vec<(Text<'t>, Option<Text<'t>>)>,
}

/// A text where it lies.
#[derive(Deserialize)]
struct Text<'t>(#[serde(borrow)] Cow<'t, str>);

// === impl Keys ===

impl Keys {
    pub(crate) fn new(keys: Vec<HexBytes>) -> Self {
        let written = to_raw_value(&keys).ok();
        Self { keys, written }
    }
}

impl Serialize for Keys {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.written {
            Some(written) => written.serialize(serializer),
            None => self.keys.serialize(serializer),
        }
    }
}

// === impl Changes ===

impl Changes {
    /// The keys that were told, each with what is stored there, if anything is.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let at = |range: &Range<usize>| self.bytes.get(range.clone()).unwrap_or_default();
        self.pairs.iter().map(move |(key, value)| (at(key), value.as_ref().map(at)))
    }

    /// What is stored at each of `keys`, in their order; none where nothing is.
    pub(crate) fn at(&self, Keys { keys, .. }: &Keys) -> Vec<Option<&[u8]>> {
        // As nodes answer.
        let is_in_order =
            self.pairs.len() == keys.len() && self.pairs().zip(keys).all(|((told, _), HexBytes(key))| told == key);
        if is_in_order {
            return self.pairs().map(|(_, value)| value).collect();
        }
        let found: HashMap<&[u8], &[u8]> = self.pairs().filter_map(|(key, value)| Some((key, value?))).collect();
        keys.iter().map(|HexBytes(key)| found.get(key.as_slice()).copied()).collect()
    }

    /// Takes up the bytes that `text` tells.
    fn take<E: Error>(&mut self, Text(text): &Text<'_>) -> Result<Range<usize>, E> {
        let start = self.bytes.len();
        hex_bytes::read(text, &mut self.bytes).map_err(E::custom)?;
        Ok(start..self.bytes.len())
    }
}

impl<'de> Deserialize<'de> for Changes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let sets = Vec::<Set<'de>>::deserialize(deserializer)?;
        let pairs = || sets.iter().flat_map(|set| &set.changes);
        let digits = pairs().map(|(Text(key), value)| key.len() + value.as_ref().map_or(0, |Text(value)| value.len()));
        let mut told =
            Self { bytes: Vec::with_capacity(digits.sum::<usize>() / 2), pairs: Vec::with_capacity(pairs().count()) };
        for (key, value) in pairs() {
            let key = told.take::<D::Error>(key)?;
            let value = value.as_ref().map(|value| told.take::<D::Error>(value)).transpose()?;
            told.pairs.push((key, value));
        }
        Ok(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys::new([[1, 2], [3, 4], [5, 6]].map(|key| HexBytes(key.to_vec())).to_vec())
    }

    fn read(text: &str) -> Result<Changes, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_told_by_their_keys_in_whatever_order_they_come() {
        let expected: [Option<&[u8]>; 3] = [Some(&[0xaa]), None, Some(&[])];
        for text in [
            r#"[{"block":"0x00","changes":[["0x0102","0xaa"],["0x0304",null],["0x0506","0x"]]}]"#,
            r#"[{"changes":[["0x0506","0x"],["0x0304",null],["0x0102","0xAA"]],"block":"0x00"}]"#,
            // Nothing is said of one of them, and something of another key.
            r#"[{"block":"0x00","changes":[["0x0102","0xaa"],["0x0708","0xbb"],["0x0506","0x"]]}]"#,
            r#"[{"changes":[["0x\u0030102","0xaa"]]},{"changes":[["0x0506","0x"]]}]"#,
        ] {
            assert_eq!(read(text).unwrap().at(&keys()), expected, "{text}");
        }
        let nothing: [Option<&[u8]>; 3] = [None; 3];
        assert_eq!(read("[]").unwrap().at(&keys()), nothing);
    }

    #[test]
    fn what_is_something_else_is_refused() {
        let texts = [r#"[{"changes":[["0x0102","0xa"]]}]"#, r#"[{"changes":[[7,null]]}]"#, r#"[{"block":"0x00"}]"#];
        for text in texts {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn keys_are_asked_for_as_they_are_written() {
        let written = serde_json::to_string(&(keys(), 7)).unwrap();
        assert_eq!(written, r#"[["0x0102","0x0304","0x0506"],7]"#);
    }
}
