//! The lifetime of an extrinsic: the blocks in which a chain may include it.
//!
//! The form is that of `sp_runtime::generic::Era`: a period, and where in the period the lifetime
//! began. Periods are kept to what a chain with `BlockHashCount` 2400 can honour.

use btd_api::BlockNumber;
use serde::{Deserialize, Serialize};

use crate::error::PrepareError;

/// How long an extrinsic shall be valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mortality {
    /// For ever: only its nonce ends it. After a lost answer nobody can say that it is over.
    Immortal,
    /// For this many blocks: a power of two from 4 to 2048.
    Blocks(u32),
}

/// The blocks in which an extrinsic may be included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Era {
    /// Any.
    Immortal,
    /// From `birth` for `period` blocks.
    Mortal {
        /// The block whose hash is signed.
        birth: BlockNumber,
        /// A power of two from 4 to 2048.
        period: u32,
    },
}

// === impl Era ===

impl Era {
    /// The era that begins with block `birth`.
    pub fn starting_at(birth: BlockNumber, mortality: Mortality) -> Result<Self, PrepareError> {
        match mortality {
            Mortality::Immortal => Ok(Self::Immortal),
            Mortality::Blocks(period) if (4..=2048).contains(&period) && period.is_power_of_two() => {
                Ok(Self::Mortal { birth, period })
            }
            Mortality::Blocks(period) => Err(PrepareError::BadPeriod { period }),
        }
    }

    /// The last block that may include the extrinsic; none when there is no last one.
    pub fn last_block(self) -> Option<BlockNumber> {
        match self {
            Self::Immortal => None,
            Self::Mortal { birth, period } => Some(BlockNumber(birth.0.saturating_add(period - 1))),
        }
    }

    /// One byte for an immortal era, two for a mortal one: the logarithm of the period and the
    /// phase. Periods up to 2048 need no quantising.
    pub(crate) fn encode_to(self, out: &mut Vec<u8>) {
        match self {
            Self::Immortal => out.push(0),
            Self::Mortal { birth, period } => {
                let phase = birth.0 % period;
                let encoded = (period.trailing_zeros() - 1).clamp(1, 15) | (phase << 4);
                let [low, high, ..] = encoded.to_le_bytes();
                out.extend_from_slice(&[low, high]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of `sp_runtime::generic::Era`'s own tests.
    #[test]
    fn the_form_is_substrates() {
        for (period, birth, bytes) in
            [(64, 42, [5 + 42 % 16 * 16, 42 / 16]), (4, 5, [1 + 16, 0]), (2048, 2047, [0xfa, 0x7f])]
        {
            let era = Era::starting_at(BlockNumber(birth), Mortality::Blocks(period)).unwrap();
            let mut out = Vec::new();
            era.encode_to(&mut out);
            assert_eq!(out, bytes, "{period} {birth}");
            let theirs = subxt::utils::Era::mortal(period.into(), birth.into());
            assert_eq!(out, codec::Encode::encode(&theirs));
        }
        let mut out = Vec::new();
        Era::Immortal.encode_to(&mut out);
        assert_eq!(out, [0]);
    }

    #[test]
    fn impossible_periods_are_refused() {
        for period in [0, 1, 2, 3, 5, 63, 4096, u32::MAX] {
            assert!(Era::starting_at(BlockNumber(1), Mortality::Blocks(period)).is_err(), "{period}");
        }
    }

    #[test]
    fn the_last_block_is_inclusive() {
        let era = Era::starting_at(BlockNumber(100), Mortality::Blocks(4)).unwrap();
        assert_eq!(era.last_block(), Some(BlockNumber(103)));
        let end = Era::starting_at(BlockNumber(u32::MAX), Mortality::Blocks(4)).unwrap();
        assert_eq!(end.last_block(), Some(BlockNumber(u32::MAX)));
        assert_eq!(Era::Immortal.last_block(), None);
    }
}
