//! Money: tao, the network's token, and alpha, the token of one subnet.
//!
//! Both are counted in rao, 10⁻⁹ of the token, in a `u64`. On the wire an amount is the decimal
//! text of its rao, never a JSON number, because JSON numbers lose digits above 2⁵³. A person
//! writes tokens (`1.5`, `τ1.5`), which [`Amount`] reads exactly, without floating point.

mod change;

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{as_text, by_text};

pub use change::TaoChange;

const RAO_PER_TOKEN: u64 = 1_000_000_000;

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not digits with at most one point.
    #[error("`{0}` is not an amount: write tokens as `1.5` (nine decimals at most)")]
    Malformed(String),
    /// More than nine digits after the point.
    #[error("`{0}` is finer than one rao: an amount has nine decimals at most")]
    TooFine(String),
    /// Above 2⁶⁴ − 1 rao.
    #[error("`{0}` is more than any balance can hold (18446744073.709551615)")]
    TooLarge(String),
    /// Not a share of a whole.
    #[error("`{0}` is not a share: write `0.05` or `5%`, from 0 to 1 (100%)")]
    NotRatio(String),
    /// Rao on the wire must be a decimal integer in a string.
    #[error("`{0}` is not an amount in rao: expected a decimal integer in a string")]
    NotRao(String),
}

/// Whole tokens and nine decimals as rao.
fn parse_tokens(text: &str) -> Result<u64, AmountError> {
    let malformed = || AmountError::Malformed(text.to_owned());
    let trimmed = text.trim();
    let digits = trimmed.strip_prefix('τ').unwrap_or(trimmed);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
        return Err(malformed());
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 9 {
        return Err(AmountError::TooFine(text.to_owned()));
    }
    let too_large = |_| AmountError::TooLarge(text.to_owned());
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(too_large)? };
    let fraction: u64 = if fraction.is_empty() { 0 } else { format!("{fraction:0<9}").parse().map_err(too_large)? };
    whole
        .checked_mul(RAO_PER_TOKEN)
        .and_then(|rao| rao.checked_add(fraction))
        .ok_or_else(|| AmountError::TooLarge(text.to_owned()))
}

fn write_tokens(rao: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = format!("{}.{:09}", rao / RAO_PER_TOKEN, rao % RAO_PER_TOKEN);
    match f.precision() {
        // Truncated, never rounded up: a balance must not look larger than it is.
        Some(places) if places < 9 => f.pad_integral(true, "", &text[..text.len() - 9 + places]),
        _ => f.pad_integral(true, "", &text),
    }
}

/// An amount of one token, in rao.
macro_rules! token {
    ($(#[$doc:meta])* $name:ident, $symbol:literal, $about:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);

            /// An amount of `rao`.
            pub const fn from_rao(rao: u64) -> Self {
                Self(rao)
            }

            /// The amount in rao.
            pub const fn rao(self) -> u64 {
                self.0
            }

            /// Reads tokens as a person writes them (`1.5`), exactly.
            pub fn from_tokens(text: &str) -> Result<Self, AmountError> {
                parse_tokens(text).map(Self)
            }

            /// The sum, or `None` above 2⁶⁴ − 1 rao.
            pub const fn checked_add(self, other: Self) -> Option<Self> {
                match self.0.checked_add(other.0) {
                    Some(rao) => Some(Self(rao)),
                    None => None,
                }
            }

            /// The difference, or `None` below zero.
            pub const fn checked_sub(self, other: Self) -> Option<Self> {
                match self.0.checked_sub(other.0) {
                    Some(rao) => Some(Self(rao)),
                    None => None,
                }
            }

            /// The sum, at most 2⁶⁴ − 1 rao: for totals that are only shown.
            pub const fn saturating_add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }

            /// The difference, at least zero.
            pub const fn saturating_sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }

        /// Tokens with nine decimals, or with as many as the format's precision asks (cut, not rounded).
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_tokens(self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($symbol, "{}"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                by_text(deserializer, |text| text.parse().map(Self).map_err(|_| AmountError::NotRao(text.to_owned())))
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "pattern": "^[0-9]{1,20}$",
                    "description": $about,
                    "examples": ["1500000000"]
                })
            }
        }
    };
}

token!(
    /// An amount of the network's token, in rao.
    Tao,
    "τ",
    "Tao in rao (10^-9 tao), as decimal text"
);
token!(
    /// An amount of one subnet's token, in rao of that token. Alpha of two subnets do not add.
    Alpha,
    "α",
    "Alpha of one subnet in rao (10^-9 alpha), as decimal text"
);

/// How much to move: a sum, or all that can be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Exactly this much.
    Exactly(Tao),
    /// Everything that the account can give.
    All,
}

impl Amount {
    /// Reads what a person writes: tokens (`1.5`) or `all`.
    pub fn from_tokens(text: &str) -> Result<Self, AmountError> {
        if text.trim().eq_ignore_ascii_case("all") { Ok(Self::All) } else { Tao::from_tokens(text).map(Self::Exactly) }
    }
}

/// The wire's form: `all`, or rao as decimal text.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(tao) => tao.rao().fmt(f),
            Self::All => f.write_str("all"),
        }
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        if text == "all" {
            return Ok(Self::All);
        }
        text.parse().map(|rao| Self::Exactly(Tao::from_rao(rao))).map_err(|_| AmountError::NotRao(text.to_owned()))
    }
}

as_text!(
    Amount,
    json_schema!({
        "type": "string",
        "pattern": "^(all|[0-9]{1,20})$",
        "description": "Tao in rao as decimal text, or `all`"
    })
);

/// How much stake to move: a sum, or the whole position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlphaAmount {
    /// Exactly this much.
    Exactly(Alpha),
    /// The whole position.
    All,
}

impl AlphaAmount {
    /// Reads what a person writes: tokens (`1.5`) or `all`.
    pub fn from_tokens(text: &str) -> Result<Self, AmountError> {
        if text.trim().eq_ignore_ascii_case("all") {
            Ok(Self::All)
        } else {
            Alpha::from_tokens(text).map(Self::Exactly)
        }
    }
}

/// The wire's form: `all`, or rao as decimal text.
impl fmt::Display for AlphaAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(alpha) => alpha.rao().fmt(f),
            Self::All => f.write_str("all"),
        }
    }
}

impl FromStr for AlphaAmount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        if text == "all" {
            return Ok(Self::All);
        }
        text.parse().map(|rao| Self::Exactly(Alpha::from_rao(rao))).map_err(|_| AmountError::NotRao(text.to_owned()))
    }
}

as_text!(
    AlphaAmount,
    json_schema!({
        "type": "string",
        "pattern": "^(all|[0-9]{1,20})$",
        "description": "Alpha in rao as decimal text, or `all`"
    })
);

/// A share from 0 to 1, in billionths: a tolerance, a take, a proportion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ratio(u32);

/// Billionths in the whole.
const WHOLE: u64 = 1_000_000_000;

impl Ratio {
    /// A share of `billionths`, at most the whole.
    pub const fn from_billionths(billionths: u32) -> Option<Self> {
        if billionths as u64 <= WHOLE { Some(Self(billionths)) } else { None }
    }

    /// The share in billionths.
    pub const fn billionths(self) -> u32 {
        self.0
    }

    /// The share as a whole number of `parts`, rounded to the nearest.
    pub fn of(self, parts: u64) -> u64 {
        let scaled = (u128::from(self.0) * u128::from(parts) + u128::from(WHOLE / 2)) / u128::from(WHOLE);
        u64::try_from(scaled).unwrap_or(parts)
    }

    /// The share as a whole number of `parts`, rounded down, as the Python command lines count takes and
    /// hyperparameters: never more than was said. What [`Self::from_parts`] tells of a number is read back as it.
    pub fn down_to(self, parts: u16) -> u16 {
        // Half a billionth is what cannot be told apart.
        let scaled = (2 * u64::from(self.0) + 1) * u64::from(parts) / (2 * WHOLE);
        u16::try_from(scaled).unwrap_or(parts).min(parts)
    }

    /// The share that `part` of `whole` is, rounded to the nearest billionth; 0 of nothing.
    pub fn from_parts(part: u64, whole: u64) -> Self {
        let share =
            (u128::from(part.min(whole)) * u128::from(WHOLE) + u128::from(whole / 2)) / u128::from(whole.max(1));
        Self(u32::try_from(share.min(u128::from(WHOLE))).unwrap_or(u32::MAX))
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:09}", u64::from(self.0) / WHOLE, u64::from(self.0) % WHOLE);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl FromStr for Ratio {
    type Err = AmountError;

    /// Reads `0.05` or `5%`.
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (digits, divisor) = match text.trim().strip_suffix('%') {
            Some(digits) => (digits.trim_end(), 100),
            None => (text.trim(), 1),
        };
        let malformed = |_| AmountError::NotRatio(text.to_owned());
        let billionths = parse_tokens(digits).map_err(malformed)? / divisor;
        let fits = u32::try_from(billionths).ok().and_then(Self::from_billionths);
        fits.ok_or_else(|| AmountError::NotRatio(text.to_owned()))
    }
}

as_text!(
    Ratio,
    json_schema!({
        "type": "string",
        "description": "A share from 0 to 1 as decimal text, nine decimals at most",
        "examples": ["0.005"]
    })
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_exactly() {
        for (text, rao) in [
            ("1", 1_000_000_000),
            ("1.5", 1_500_000_000),
            ("τ0.000000001", 1),
            (".5", 500_000_000),
            ("2.", 2_000_000_000),
            ("0.1000000000", 100_000_000),
            ("18446744073.709551615", u64::MAX),
        ] {
            assert_eq!(Tao::from_tokens(text).unwrap().rao(), rao, "{text}");
        }
    }

    #[test]
    fn what_is_not_an_amount_is_refused() {
        for text in ["", ".", "-1", "1e9", "1,5", "1.2.3", "NaN", "0x10", "１"] {
            assert!(matches!(Tao::from_tokens(text), Err(AmountError::Malformed(_))), "{text}");
        }
        assert!(matches!(Tao::from_tokens("0.0000000001"), Err(AmountError::TooFine(_))));
        assert!(matches!(Tao::from_tokens("18446744073.709551616"), Err(AmountError::TooLarge(_))));
        assert!(matches!(Tao::from_tokens(&"9".repeat(40)), Err(AmountError::TooLarge(_))));
    }

    #[test]
    fn printing_never_rounds_up() {
        let tao = Tao::from_rao(1_999_999_999);
        assert_eq!(tao.to_string(), "1.999999999");
        assert_eq!(format!("{tao:.4}"), "1.9999");
        assert_eq!(format!("{tao:>12.2}"), "        1.99");
    }

    #[test]
    fn the_wire_carries_rao_in_text() {
        assert_eq!(serde_json::to_string(&Tao::from_rao(u64::MAX)).unwrap(), "\"18446744073709551615\"");
        assert_eq!(serde_json::from_str::<Amount>("\"all\"").unwrap(), Amount::All);
        assert_eq!(serde_json::from_str::<Amount>("\"7\"").unwrap(), Amount::Exactly(Tao::from_rao(7)));
        assert!(serde_json::from_str::<Tao>("7").is_err());
        assert!(serde_json::from_str::<Tao>("\"1.5\"").is_err());
    }

    #[test]
    fn ratios_are_shares() {
        let ratio = |text: &str| text.parse::<Ratio>().unwrap();
        assert_eq!(
            (ratio("5%"), ratio("0.5%").billionths(), ratio("1").to_string()),
            (ratio("0.05"), 5_000_000, "1".into())
        );
        assert_eq!((ratio("0.18").of(65_535), Ratio::from_parts(11_796, 65_535).of(65_535)), (11_796, 11_796));
        assert_eq!((ratio("0.1").of(65_535), ratio("0.1").down_to(65_535)), (6_554, 6_553));
        assert_eq!(
            (ratio("1").down_to(65_535), ratio("0").down_to(65_535), ratio("0.5").down_to(65_535)),
            (65_535, 0, 32_767)
        );
        for part in (0..=65_535).step_by(7) {
            assert_eq!(u64::from(Ratio::from_parts(part, 65_535).down_to(65_535)), part);
        }
        assert_eq!((ratio("1").of(u64::MAX), ratio("0").of(u64::MAX), Ratio::from_parts(5, 0).of(9)), (u64::MAX, 0, 0));
        for text in ["1.1", "101%", "-1", "", "%", "x"] {
            assert!(matches!(text.parse::<Ratio>(), Err(AmountError::NotRatio(_))), "{text}");
        }
    }
}
