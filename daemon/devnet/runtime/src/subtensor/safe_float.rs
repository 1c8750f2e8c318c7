//! The decimal floating-point number in which shares of stake are stored: mantissa · 10^exponent.
//!
//! A number other than zero keeps 21 significant digits: its mantissa lies in (10²⁰, 10²¹]. Results are rounded down.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::U256;

/// The greatest mantissa.
const MANTISSA_MAX: u128 = 1_000_000_000_000_000_000_000;
/// Digits by which a dividend is extended, so that a quotient keeps all of its own.
const QUOTIENT_DIGITS: u32 = 22;
/// Numbers further apart than this do not affect each other's sum.
const ALIGN_LIMIT: u64 = 22;

/// A non-negative number; see the module.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct SafeFloat {
    mantissa: u128,
    exponent: i64,
}

fn power_of_ten(exponent: u32) -> U256 {
    U256::from(10u8).pow(U256::from(exponent))
}

impl SafeFloat {
    fn normalised(mut mantissa: U256, mut exponent: i64) -> Self {
        if mantissa.is_zero() {
            return Self::default();
        }
        let max = U256::from(MANTISSA_MAX);
        while mantissa > max {
            mantissa /= 10;
            exponent = exponent.saturating_add(1);
        }
        while mantissa * 10 <= max {
            mantissa *= 10;
            exponent = exponent.saturating_sub(1);
        }
        Self { mantissa: mantissa.low_u128(), exponent }
    }

    /// Whether this is zero.
    pub fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// The sum.
    pub fn plus(self, other: Self) -> Self {
        self.combine(other, |a, b| a + b)
    }

    /// The difference, or zero when `other` is greater.
    pub fn minus(self, other: Self) -> Self {
        self.combine(other, U256::saturating_sub)
    }

    fn combine(self, other: Self, operation: impl Fn(U256, U256) -> U256) -> Self {
        if other.is_zero() {
            return self;
        }
        if self.is_zero() {
            return Self::normalised(operation(U256::zero(), U256::from(other.mantissa)), other.exponent);
        }
        let low = self.exponent.min(other.exponent);
        let aligned = |number: Self| {
            let distance = number.exponent.abs_diff(low);
            u32::try_from(distance)
                .ok()
                .filter(|_| distance <= ALIGN_LIMIT)
                .map(|digits| U256::from(number.mantissa) * power_of_ten(digits))
        };
        match (aligned(self), aligned(other)) {
            (Some(a), Some(b)) => Self::normalised(operation(a, b), low),
            // `other` is far greater: all that matters is what the operation makes of that.
            (Some(_), None) => Self::normalised(operation(U256::zero(), U256::from(other.mantissa)), other.exponent),
            _ => self,
        }
    }

    /// This number times `multiplier` over `divisor`; zero when `divisor` is.
    pub fn scaled(self, multiplier: Self, divisor: Self) -> Self {
        if divisor.is_zero() {
            return Self::default();
        }
        let product = U256::from(self.mantissa) * U256::from(multiplier.mantissa) * power_of_ten(QUOTIENT_DIGITS);
        Self::normalised(
            product / U256::from(divisor.mantissa),
            self.exponent
                .saturating_add(multiplier.exponent)
                .saturating_sub(divisor.exponent)
                .saturating_sub(i64::from(QUOTIENT_DIGITS)),
        )
    }

    /// The whole part, or the greatest amount when it does not fit.
    pub fn floor(self) -> u64 {
        let distance = self.exponent.unsigned_abs();
        let Some(digits) = u32::try_from(distance).ok().filter(|digits| *digits <= 40) else {
            return if self.exponent < 0 || self.is_zero() { 0 } else { u64::MAX };
        };
        let mantissa = U256::from(self.mantissa);
        let whole = if self.exponent < 0 { mantissa / power_of_ten(digits) } else { mantissa * power_of_ten(digits) };
        u64::try_from(whole).unwrap_or(u64::MAX)
    }
}

impl From<u64> for SafeFloat {
    fn from(amount: u64) -> Self {
        Self::normalised(U256::from(amount), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::SafeFloat;

    #[test]
    fn stored_form_is_the_one_of_the_real_chain() {
        // Recorded: shares of a first root stake of these amounts.
        for (amount, mantissa, exponent) in [
            (1_000_000_000, 1_000_000_000_000_000_000_000, -12),
            (1_002_000_000, 100_200_000_000_000_000_000, -11),
            (702_000_000, 702_000_000_000_000_000_000, -12),
            (500_000_000_000, 500_000_000_000_000_000_000, -9),
        ] {
            assert_eq!(SafeFloat::from(amount), SafeFloat { mantissa, exponent }, "{amount}");
        }
    }

    #[test]
    fn amounts_survive() {
        for amount in [0, 1, 9, 10, 999_999_999_999_999_999, 21_000_000_000_000_000, u64::MAX] {
            assert_eq!(SafeFloat::from(amount).floor(), amount);
        }
    }

    #[test]
    fn sums_and_differences_are_exact_for_amounts() {
        for (a, b) in [(0, 5), (5, 0), (1, 1_000_000_000_000), (702_000_000, 300_000_000), (u64::MAX / 2, 3)] {
            assert_eq!(SafeFloat::from(a).plus(SafeFloat::from(b)).floor(), a + b);
            assert_eq!(SafeFloat::from(a).minus(SafeFloat::from(b)).floor(), a.saturating_sub(b));
        }
    }

    #[test]
    fn scaling_rounds_down_and_survives_a_zero_divisor() {
        let scaled = |a, b, c| SafeFloat::from(a).scaled(SafeFloat::from(b), SafeFloat::from(c)).floor();
        assert_eq!(scaled(10, 1, 3), 3);
        assert_eq!(scaled(1_000_000_000, 1_000_000_000, 1_000_000_000), 1_000_000_000);
        assert_eq!(scaled(7, 7, 0), 0);
    }
}
