//! Fixed-point numbers as the chain stores them: raw bits, and a number of fraction bits known from the type alone.
//!
//! Arithmetic saturates, rounds products down and quotients towards zero, and takes a quotient by zero for zero, as the
//! real chain does. It covers what emission and consensus need, not a library of functions.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::{Path, Type, TypeInfo, TypeParameter, build::Fields};

macro_rules! fixed_point {
    ($(#[$doc:meta])* $name:ident, $bits:ty, $path:literal) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, DecodeWithMemTracking,
            MaxEncodedLen,
        )]
        pub struct $name<const FRACTION: u32> {
            bits: $bits,
        }

        impl<const FRACTION: u32> $name<FRACTION> {
            /// The number whose raw bits these are.
            pub const fn from_bits(bits: $bits) -> Self {
                Self { bits }
            }

            /// The raw bits: the value times 2^`FRACTION`.
            pub const fn to_bits(self) -> $bits {
                self.bits
            }
        }

        impl<const FRACTION: u32> TypeInfo for $name<FRACTION>
        where
            FractionBits<FRACTION>: TypeInfo + 'static,
        {
            type Identity = Self;

            fn type_info() -> Type {
                Type::builder()
                    .path(Path::new($path, "substrate_fixed"))
                    .type_params([TypeParameter::new(
                        "Frac",
                        Some(scale_info::meta_type::<FractionBits<FRACTION>>()),
                    )])
                    .composite(Fields::named().field(|f| f.ty::<$bits>().name("bits").type_name(stringify!($bits))))
            }
        }
    };
}

/// Marks a number of fraction bits in metadata.
pub struct FractionBits<const BITS: u32>;

impl TypeInfo for FractionBits<32> {
    type Identity = Self;
    fn type_info() -> Type {
        Type::builder().path(Path::new("U32", "typenum")).composite(Fields::unit())
    }
}

impl TypeInfo for FractionBits<64> {
    type Identity = Self;
    fn type_info() -> Type {
        Type::builder().path(Path::new("U64", "typenum")).composite(Fields::unit())
    }
}

fixed_point!(
    /// An unsigned number of 128 bits.
    FixedU128, u128, "FixedU128"
);
fixed_point!(
    /// A signed number of 128 bits.
    FixedI128, i128, "FixedI128"
);
fixed_point!(
    /// A signed number of 64 bits.
    FixedI64, i64, "FixedI64"
);

/// 64 integer bits, 64 fraction bits.
pub type U64F64 = FixedU128<64>;
/// 96 integer bits, 32 fraction bits.
pub type U96F32 = FixedU128<32>;
/// 64 integer bits with sign, 64 fraction bits.
pub type I64F64 = FixedI128<64>;
/// 96 integer bits with sign, 32 fraction bits.
pub type I96F32 = FixedI128<32>;
/// 32 integer bits with sign, 32 fraction bits.
pub type I32F32 = FixedI64<32>;

impl<const FRACTION: u32> FixedU128<FRACTION> {
    /// The whole number `value`.
    pub fn from_integer(value: u64) -> Self {
        Self::from_bits(u128::from(value) << FRACTION)
    }

    fn from_wide(bits: sp_core::U256) -> Self {
        Self::from_bits(u128::try_from(bits).unwrap_or(u128::MAX))
    }

    /// The sum.
    pub fn plus(self, other: Self) -> Self {
        Self::from_bits(self.bits.saturating_add(other.bits))
    }

    /// The difference, or zero.
    pub fn minus(self, other: Self) -> Self {
        Self::from_bits(self.bits.saturating_sub(other.bits))
    }

    /// The product.
    pub fn by(self, other: Self) -> Self {
        Self::from_wide((sp_core::U256::from(self.bits) * sp_core::U256::from(other.bits)) >> FRACTION)
    }

    /// The quotient.
    pub fn over(self, other: Self) -> Self {
        (sp_core::U256::from(self.bits) << FRACTION)
            .checked_div(sp_core::U256::from(other.bits))
            .map_or(Self::from_bits(0), Self::from_wide)
    }

    /// The ratio of two whole numbers.
    pub fn ratio(numerator: u64, denominator: u64) -> Self {
        Self::from_integer(numerator).over(Self::from_integer(denominator))
    }

    /// The whole part.
    pub fn whole(self) -> u64 {
        u64::try_from(self.bits >> FRACTION).unwrap_or(u64::MAX)
    }

    /// Whether this is zero.
    pub fn is_zero(self) -> bool {
        self.bits == 0
    }
}

impl U64F64 {
    /// One.
    pub const ONE: Self = Self::from_bits(1 << 64);

    /// The same number with fewer digits.
    pub fn narrowed(self) -> U96F32 {
        U96F32::from_bits(self.bits >> 32)
    }

    /// `amount` times this number, rounded down; the greatest amount when it does not fit.
    pub fn times(self, amount: u64) -> u64 {
        let product = (sp_core::U256::from(self.bits) * sp_core::U256::from(amount)) >> 64;
        u64::try_from(product).unwrap_or(u64::MAX)
    }

    /// `amount` times this number, rounded up; the greatest amount when it does not fit.
    pub fn times_rounded_up(self, amount: u64) -> u64 {
        let product = sp_core::U256::from(self.bits) * sp_core::U256::from(amount);
        u64::try_from((product + sp_core::U256::from(u64::MAX)) >> 64).unwrap_or(u64::MAX)
    }
}

impl U96F32 {
    /// One.
    pub const ONE: Self = Self::from_bits(1 << 32);

    /// The same number with more digits; the greatest there is when it does not fit.
    pub fn widened(self) -> U64F64 {
        U64F64::from_bits(self.bits.saturating_mul(1 << 32))
    }

    /// The same number with a sign.
    pub fn signed(self) -> I96F32 {
        I96F32::from_bits(i128::try_from(self.bits).unwrap_or(i128::MAX))
    }
}

impl I96F32 {
    /// The same number without a sign; zero for negative ones.
    pub fn unsigned(self) -> U96F32 {
        U96F32::from_bits(u128::try_from(self.bits).unwrap_or(0))
    }
}

impl I32F32 {
    /// Zero.
    pub const ZERO: Self = Self::from_bits(0);
    /// One.
    pub const ONE: Self = Self::from_bits(1 << 32);
    /// A half.
    pub const HALF: Self = Self::from_bits(1 << 31);

    /// The whole number `value`.
    pub fn from_integer(value: i16) -> Self {
        Self::from_bits(i64::from(value) << 32)
    }

    /// `value` parts of 65,535.
    pub fn proportion(value: u16) -> Self {
        Self::raw(value).over(Self::raw(u16::MAX))
    }

    /// The whole number `value`.
    pub fn raw(value: u16) -> Self {
        Self::from_bits(i64::from(value) << 32)
    }

    fn from_wide(bits: i128) -> Self {
        let limit = if bits < 0 { i64::MIN } else { i64::MAX };
        Self::from_bits(i64::try_from(bits).unwrap_or(limit))
    }

    /// The sum.
    pub fn plus(self, other: Self) -> Self {
        Self::from_bits(self.bits.saturating_add(other.bits))
    }

    /// The difference.
    pub fn minus(self, other: Self) -> Self {
        Self::from_bits(self.bits.saturating_sub(other.bits))
    }

    /// The product.
    pub fn by(self, other: Self) -> Self {
        Self::from_wide((i128::from(self.bits) * i128::from(other.bits)) >> 32)
    }

    /// The quotient.
    pub fn over(self, other: Self) -> Self {
        (i128::from(self.bits) << 32).checked_div(i128::from(other.bits)).map_or(Self::ZERO, Self::from_wide)
    }

    /// Parts of 65,535, rounded down.
    pub fn to_proportion(self) -> u16 {
        let product = self.by(Self::raw(u16::MAX)).bits >> 32;
        u16::try_from(product.max(0)).unwrap_or(u16::MAX)
    }

    /// e to this power, by its series.
    pub fn exponential(self) -> Self {
        let size = Self::from_bits(self.bits.saturating_abs());
        let mut result = size.plus(Self::ONE);
        let mut term = size;
        for index in 2..32_u16 {
            term = term.by(size).over(Self::raw(index));
            result = result.plus(term);
        }
        if self.bits < 0 { Self::ONE.over(result) } else { result }
    }
}

#[cfg(test)]
mod tests {
    use super::{I32F32, U64F64, U96F32};

    #[test]
    fn quotients_by_zero_are_zero() {
        assert_eq!(U64F64::ratio(1, 0), U64F64::from_integer(0));
        assert_eq!(I32F32::ONE.over(I32F32::ZERO), I32F32::ZERO);
    }

    #[test]
    fn products_and_quotients_round_down() {
        let third = U96F32::ratio(1, 3);
        assert_eq!(third.by(U96F32::from_integer(3)).whole(), 0);
        assert_eq!(third.widened().narrowed(), third);
        assert_eq!(I32F32::proportion(u16::MAX), I32F32::ONE);
        assert_eq!(I32F32::HALF.to_proportion(), 32_767);
    }

    #[test]
    fn exponentials_are_close() {
        assert_eq!(I32F32::ZERO.exponential(), I32F32::ONE);
        let e = I32F32::ONE.exponential();
        assert!((e.to_bits() - 11_674_931_555).abs() < 40, "{e:?}");
        let inverse = I32F32::from_integer(-1).exponential().by(e);
        assert!((inverse.to_bits() - I32F32::ONE.to_bits()).abs() < 8, "{inverse:?}");
    }
}
