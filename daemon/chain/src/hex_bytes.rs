//! Bytes as `0x` and lower-case hex, which is how nodes tell nearly all that they tell.
//!
//! At every block some hundred kilobytes of it are read, so it is read at once into where it belongs, many digits at a
//! time.

use std::fmt;

use hex::FromHexError;
use serde::{
    Deserializer, Serializer,
    de::{Error, Visitor},
};

/// The text of `bytes`.
pub(crate) fn text(bytes: &[u8]) -> String {
    const_hex::encode_prefixed(bytes)
}

/// Adds to `bytes` those that `text` tells, which may have `0x` before it. Where it is no hex, it adds none.
pub(crate) fn read(text: &str, bytes: &mut Vec<u8>) -> Result<(), FromHexError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let before = bytes.len();
    bytes.resize(before + digits.len() / 2, 0);
    // It would take `0x` before digits itself, of which there is none here any more.
    let is_read = !digits.starts_with("0x") && const_hex::decode_to_slice(digits, &mut bytes[before..]).is_ok();
    if is_read {
        return Ok(());
    }
    bytes.truncate(before);
    // The other library says what is wrong with it.
    hex::decode(digits).map(|told| bytes.extend(told))
}

pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(bytes))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    deserializer.deserialize_str(Text)
}

/// Reads a text where it lies.
struct Text;

impl Visitor<'_> for Text {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string of 0x and hex")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
        let mut bytes = Vec::new();
        read(text, &mut bytes).map_err(E::custom)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_and_read_as_the_library_does_it() {
        let bytes: Vec<u8> = (0..=255).collect();
        for count in [0, 1, 2, 31, 32, 33, 256] {
            let (bytes, mut found) = (&bytes[..count], Vec::new());
            assert_eq!(text(bytes), format!("0x{}", hex::encode(bytes)));
            read(&text(bytes), &mut found).unwrap();
            read(&hex::encode_upper(bytes), &mut found).unwrap();
            assert_eq!(found, [bytes, bytes].concat());
        }
    }

    #[test]
    fn what_is_no_hex_adds_nothing_and_is_named_as_the_library_names_it() {
        // Beside each range of digits, and beyond ASCII.
        for wrong in ["0", "0x0", "0x0/", "0x:0", "0x@0", "0x0G", "0x0`", "0xg0", "0x0x", "0xé", "0x\u{0}0"] {
            let mut bytes = vec![7];
            let digits = wrong.strip_prefix("0x").unwrap_or(wrong);
            assert_eq!(read(wrong, &mut bytes), hex::decode(digits).map(drop), "{wrong}");
            assert!(hex::decode(digits).is_err(), "{wrong}");
            assert_eq!(bytes, [7], "{wrong}");
        }
    }
}
