//! `int`, `float` and their texts, as CPython reads and prints them.

use std::{
    fmt::{self, Write as _},
    str::FromStr,
};

/// An integer of any size in canonical decimal form. What fits is held as a machine integer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Integer(Repr);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Repr {
    Small(i64),
    /// What fits no smaller one.
    Wide(Box<i128>),
    /// Canonical digits of what does not fit: no leading zero, `-` when negative.
    Large(Box<str>),
}

/// CPython refuses to turn longer texts into integers (`sys.int_info.default_max_str_digits`).
const MAX_DIGITS: usize = 4_300;

/// So many digits fit 64 bits, whichever they are.
const SMALL_DIGITS: usize = 18;

// === impl Integer ===

impl Integer {
    /// The number, when it fits.
    pub fn to_i128(&self) -> Option<i128> {
        match &self.0 {
            Repr::Small(number) => Some((*number).into()),
            Repr::Wide(number) => Some(**number),
            Repr::Large(_) => None,
        }
    }

    /// The nearest float, infinite beyond the range of floats.
    pub fn to_f64(&self) -> f64 {
        // Text to float is correctly rounded at any size, a cast from i128 is too.
        self.to_string().parse().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Small(number) => number.fmt(f),
            Repr::Wide(number) => number.fmt(f),
            Repr::Large(digits) => f.write_str(digits),
        }
    }
}

impl From<i64> for Integer {
    fn from(number: i64) -> Self {
        Self(Repr::Small(number))
    }
}

impl From<i128> for Integer {
    fn from(number: i128) -> Self {
        Self(i64::try_from(number).map_or_else(|_| Repr::Wide(Box::new(number)), Repr::Small))
    }
}

/// The text is no decimal integer, or too long a one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal integer of at most 4300 digits")]
pub struct IntegerError;

impl FromStr for Integer {
    type Err = IntegerError;

    /// Reads an optional sign and decimal digits; leading zeros are dropped.
    fn from_str(text: &str) -> Result<Self, IntegerError> {
        let (negative, digits) = match text.as_bytes() {
            [b'-', ..] => (true, &text[1..]),
            [b'+', ..] => (false, &text[1..]),
            _ => (false, text),
        };
        if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(IntegerError);
        }
        if digits.len() <= SMALL_DIGITS
            && let Ok(number) = text.parse::<i64>()
        {
            return Ok(Self(Repr::Small(number)));
        }
        let significant = digits.trim_start_matches('0');
        let canonical = match (negative, significant) {
            (_, "") => "0".to_owned(),
            (true, digits) => format!("-{digits}"),
            (false, digits) => digits.to_owned(),
        };
        Ok(canonical.parse::<i128>().map_or_else(|_| Self(Repr::Large(canonical.into())), Self::from))
    }
}

/// Python's `int(text)`: surrounding white space, a sign, and single underscores between digits
/// are allowed. Digits of other scripts, which Python takes too, are refused.
pub fn read_int(text: &str) -> Option<Integer> {
    let text = text.trim_matches(is_python_space);
    plain_digits(text)?.parse().ok()
}

/// Python's `float(text)`: as for [`read_int`], and `inf`, `infinity` and `nan` in any case.
pub fn read_float(text: &str) -> Option<f64> {
    let text = text.trim_matches(is_python_space);
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let named = ["inf", "infinity", "nan"].iter().any(|name| unsigned.eq_ignore_ascii_case(name));
    if !named && !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    plain_digits(text)?.parse().ok()
}

/// What `str.strip()` removes, as far as one byte of latin-1 can hold it.
fn is_python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Drops underscores, which must stand between two digits.
fn plain_digits(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit_at = |index: Option<usize>| index.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
    let misplaced = bytes
        .iter()
        .enumerate()
        .any(|(i, byte)| *byte == b'_' && !(digit_at(i.checked_sub(1)) && digit_at(Some(i + 1))));
    (!misplaced).then(|| text.replace('_', ""))
}

/// Python's `repr(float)`: the shortest digits that read back as the same number, with an exponent
/// below 1e-4 and from 1e16.
pub fn float_repr(number: f64) -> String {
    let mut text = String::new();
    push_float_repr(&mut text, number);
    text
}

/// The same, behind what `out` holds.
pub(crate) fn push_float_repr(out: &mut String, number: f64) {
    let size = number.abs();
    // Writing to a text cannot fail.
    let _ = match number {
        _ if number.is_nan() => out.write_str("nan"),
        _ if number.is_infinite() => out.write_str(if number > 0.0 { "inf" } else { "-inf" }),
        // Within these bounds Rust prints it so too.
        _ if size == 0.0 || (1e-4..1e16).contains(&size) => write!(out, "{number:?}"),
        _ => {
            // Rust's shortest scientific form: `-d.ddde-xx`.
            let scientific = format!("{number:e}");
            let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
            let exponent: i32 = exponent.parse().unwrap_or(0);
            let direction = if exponent < 0 { '-' } else { '+' };
            write!(out, "{mantissa}e{direction}{:02}", exponent.abs())
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn int_takes_what_python_takes() {
        for (text, expected) in [
            ("12", "12"),
            (" +1_000\t", "1000"),
            ("-0", "0"),
            ("007", "7"),
            ("99999999999999999999999999999999999999999", "99999999999999999999999999999999999999999"),
        ] {
            assert_eq!(read_int(text).unwrap().to_string(), expected, "{text:?}");
        }
        for text in ["", "1.0", "_1", "1_", "1__0", "0x10", "+-1", "1 2", "²", &"9".repeat(4_301)] {
            assert_eq!(read_int(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_number_is_the_same_however_it_came() {
        let small = i128::from(i64::MAX);
        let edges = [0, 1, -1, small, -small - 1, small + 1, -small - 2, i128::MAX, i128::MIN];
        for number in edges {
            let read: Integer = number.to_string().parse().unwrap();
            assert_eq!(read, Integer::from(number), "{number}");
            assert_eq!((read.to_i128(), read.to_string()), (Some(number), number.to_string()));
        }
        let beyond: Integer = format!("{}0", i128::MAX).parse().unwrap();
        assert_eq!((beyond.to_i128(), beyond.to_string()), (None, format!("{}0", i128::MAX)));
        for (text, number) in [("-0", 0_i64), ("+000000000000000000000012", 12), ("-007", -7)] {
            assert_eq!(text.parse::<Integer>().unwrap(), Integer::from(number), "{text}");
        }
        assert_eq!("0".repeat(MAX_DIGITS + 1).parse::<Integer>(), Err(IntegerError));
    }

    #[test]
    fn floats_are_printed_as_python_prints_them() {
        for (number, expected) in [
            (12.0, "12.0"),
            (-0.0, "-0.0"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e-4, "0.0001"),
            (-9.999e-5, "-9.999e-05"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (-1.5e300, "-1.5e+300"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(float_repr(number), expected);
        }
    }

    #[test]
    fn float_takes_what_python_takes() {
        assert_eq!(read_float(" 12.5 "), Some(12.5));
        assert_eq!(read_float("1_0.5e3"), Some(10_500.0));
        assert_eq!(read_float(".5"), Some(0.5));
        assert_eq!(read_float("-Infinity"), Some(f64::NEG_INFINITY));
        assert!(read_float("NaN").is_some_and(f64::is_nan));
        for text in ["", "abc", "1.0.0", "1_", "._5", "e5", "in", "0x1p3"] {
            assert_eq!(read_float(text), None, "{text:?}");
        }
    }
}
