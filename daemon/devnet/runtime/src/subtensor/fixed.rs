//! Fixed-point numbers as the chain stores them: raw bits, and a number of fraction bits known from the type alone.
//!
//! They carry what storage and the runtime APIs need, not a library of arithmetic.

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

impl U64F64 {
    /// One.
    pub const ONE: Self = Self::from_bits(1 << 64);

    /// `amount` times this number, rounded down; the greatest amount when it does not fit.
    pub fn times(self, amount: u64) -> u64 {
        let product = (sp_core::U256::from(self.bits) * sp_core::U256::from(amount)) >> 64;
        u64::try_from(product).unwrap_or(u64::MAX)
    }
}

impl I32F32 {
    /// The whole number `value`.
    pub fn from_integer(value: i16) -> Self {
        Self::from_bits(i64::from(value) << 32)
    }
}
