//! Values that must not be shown, compared in variable time, or left in memory.
//!
//! Each wipes itself when dropped, prints nothing but its name, and has no `Serialize`. What
//! passes through a JSON parser or a future on its way here is the caller's to keep short.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A password: its UTF-8 bytes, neither trimmed nor normalised, as every wallet of the ecosystem
/// takes it.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes over `text`. Give an owned `String`, so that no other copy stays behind.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl Eq for Password {}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// 32 bytes from which a key pair of either scheme is made.
#[derive(Clone)]
pub struct Seed(Box<Zeroizing<[u8; 32]>>);

impl Seed {
    /// A seed of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Box::new(Zeroizing::new(bytes)))
    }

    /// Reads 64 hex digits, with or without `0x`.
    pub fn from_hex(text: &str) -> Option<Self> {
        decode_hex::<32>(text).map(|bytes| Self(Box::new(bytes)))
    }

    /// The bytes themselves: to be stored encrypted or shown once, never logged.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Seed {
    fn eq(&self, other: &Self) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }
}

impl Eq for Seed {}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// A secret text inside a key file.
pub(crate) struct SecretText(Zeroizing<String>);

impl SecretText {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = SecretText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<SecretText, E> {
                Ok(SecretText(Zeroizing::new(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// Exactly `N` bytes of hex, with or without `0x`.
pub(crate) fn decode_hex<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), bytes.as_mut_slice()).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_print_nothing() {
        assert_eq!(format!("{:?}", Password::new("hunter2")), "Password(…)");
        assert_eq!(format!("{:?}", Seed::new([7; 32])), "Seed(…)");
    }

    #[test]
    fn seeds_are_64_hex_digits() {
        let digits = "0f".repeat(32);
        assert!(Seed::from_hex(&digits).is_some());
        assert_eq!(Seed::from_hex(&format!("0x{digits}")), Seed::from_hex(&digits));
        for bad in ["", "0x", "0f", &digits[1..], &format!("0x0x{digits}"), &digits.replace('f', "g")] {
            assert!(Seed::from_hex(bad).is_none(), "{bad}");
        }
    }
}
