//! Decimal numbers as programs write them: of any length, and with an exponent.
//!
//! What is read is a proportion: amounts of money are read by [`btd_api`], which takes nothing finer than a rao.

use btd_api::Ratio;

/// How many decimals count: `10^18` stands for one.
const DECIMALS: i64 = 18;
const ONE: u128 = 1_000_000_000_000_000_000;
/// Beyond any proportion: so much can be multiplied by the parts of a weight.
const MOST: u128 = 1_000_000_000_000_000;

/// A proportion: what counts is how it stands to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Share(u128);

/// Reads `0.3333333333333333`, `1e-05` or `10`, and leaves out what is finer than counts.
pub(crate) fn share(text: &str) -> Result<Share, String> {
    let unfit = || format!("`{text}` is no number of 0 or more, such as 0.25 or 1e-5");
    let trimmed = text.trim();
    let (mantissa, exponent) = match trimmed.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| unfit())?),
        None => (trimmed, 0),
    };
    let (whole, parts) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_number = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    if (whole.is_empty() && parts.is_empty()) || !is_number(whole) || !is_number(parts) {
        return Err(unfit());
    }
    let mut value: u128 = 0;
    // The place of each digit, counted from the last that counts.
    let first = i64::try_from(whole.len()).map_err(|_| unfit())? + i64::from(exponent) + DECIMALS - 1;
    for (place, digit) in (0..).map(|after| first - after).zip(whole.bytes().chain(parts.bytes())) {
        let digit = u128::from(digit - b'0');
        if digit == 0 || place < 0 {
            continue;
        }
        let power = u32::try_from(place).ok().and_then(|place| 10_u128.checked_pow(place));
        value = power.and_then(|power| value.checked_add(power.checked_mul(digit)?)).ok_or_else(unfit)?;
    }
    if value / ONE >= MOST {
        return Err(unfit());
    }
    Ok(Share(value))
}

/// Reads a share from 0 to 1, also as `50%`, and leaves out what is finer than a billionth.
pub(crate) fn ratio(text: &str) -> Result<Ratio, String> {
    if text.trim_end().ends_with('%') {
        return text.parse().map_err(|error: btd_api::AmountError| error.to_string());
    }
    let Share(value) = share(text)?;
    let whole = Some(value).filter(|value| *value <= ONE);
    let billionths = whole.and_then(|value| u32::try_from(value / 1_000_000_000).ok()).and_then(Ratio::from_billionths);
    billionths.ok_or_else(|| format!("`{text}` is no share from 0 to 1, such as 0.05 or 5%"))
}

// === impl Share ===

impl Share {
    /// How many of `parts` this is, where `largest` is all of them, rounded.
    pub(crate) fn of(self, largest: Self, parts: u16) -> u16 {
        let scaled = (self.0 * u128::from(parts) + largest.0 / 2) / largest.0.max(1);
        u16::try_from(scaled).unwrap_or(parts)
    }

    pub(crate) const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// As it is typed again.
impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{}.{:018}", self.0 / ONE, self.0 % ONE);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_programs_write_them() {
        let told = |text: &str| share(text).map(|share| share.to_string());
        for (text, expected) in [
            ("0.3333333333333333", "0.3333333333333333"),
            ("1e-05", "0.00001"),
            ("1E3", "1000"),
            ("2.5e+1", "25"),
            (".5", "0.5"),
            ("10", "10"),
            ("0", "0"),
            ("1e-40", "0"),
            ("0.1234567890123456789", "0.123456789012345678"),
        ] {
            assert_eq!(told(text).as_deref(), Ok(expected), "{text}");
        }
        for text in ["", ".", "-1", "nan", "inf", "1e", "1,5", "0x1", "1e15", "1e40", "1e999999999999", "5%"] {
            assert!(told(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_share_is_of_the_whole() {
        let billionths = |text: &str| ratio(text).ok().map(Ratio::billionths);
        assert_eq!(billionths("0.6666666666666667"), Some(666_666_666));
        assert_eq!(billionths("50%"), Some(500_000_000));
        assert_eq!(billionths("1"), Some(1_000_000_000));
        assert_eq!([billionths("1.1"), billionths("1.0000000001"), billionths("-0.1"), billionths("101%")], [None; 4]);
    }
}
