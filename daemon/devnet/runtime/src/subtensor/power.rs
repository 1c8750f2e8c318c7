//! Arithmetic of weighted pools: powers of ratios in 96-bit fixed point, wide enough that amounts come out to the rao.

use sp_core::U256;

use super::fixed::U64F64;

/// Fraction bits.
const BITS: usize = 96;
/// Terms of each series; the last is far below one bit.
const TERMS: u32 = 40;
/// ln 2 in 96-bit fixed point.
const LN_2: u128 = 54_916_777_467_707_473_351_141_471_128;
/// Powers of two that are still told from endless.
const GREATEST_EXPONENT: u64 = 63;
/// The weight of both sides together, and in how many parts of one the real chain counts how far a price may move.
pub(super) const WHOLE: u64 = 1_000_000_000_000_000_000;

/// One side of a pool: what it holds and what it weighs, in parts of 10¹⁸.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    pub(super) reserve: u64,
    pub(super) weight: u64,
}

impl Side {
    /// The side once it holds `input` more.
    pub(super) fn with(self, input: u64) -> Self {
        Self { reserve: self.reserve.saturating_add(input), ..self }
    }

    /// The side once it holds `output` less.
    pub(super) fn without(self, output: u64) -> Self {
        Self { reserve: self.reserve.saturating_sub(output), ..self }
    }
}

fn one() -> U256 {
    U256::one() << BITS
}

/// A ratio of at least one.
fn ratio(numerator: U256, denominator: U256) -> Option<U256> {
    let excess = numerator.bits().saturating_sub(256 - BITS);
    ((numerator >> excess) << BITS).checked_div(denominator >> excess)
}

/// The natural logarithm of a number of at least one.
fn logarithm(number: U256) -> U256 {
    let doublings = number.bits().saturating_sub(BITS + 1);
    let mantissa = number >> doublings;
    // ln m = 2 artanh((m − 1) / (m + 1)), whose argument is below a third.
    let argument = ((mantissa - one()) << BITS) / (mantissa + one());
    let square = (argument * argument) >> BITS;
    let (mut power, mut sum) = (argument, U256::zero());
    for term in 0..TERMS {
        sum += power / (2 * term + 1);
        power = (power * square) >> BITS;
    }
    U256::from(LN_2) * U256::from(doublings) + sum * 2
}

/// e to this power, or nothing when that is beyond all amounts.
fn exponential(power: U256) -> Option<U256> {
    let doublings = (power / U256::from(LN_2)).low_u64();
    if doublings > GREATEST_EXPONENT {
        return None;
    }
    let rest = power % U256::from(LN_2);
    let (mut term, mut sum) = (one(), one());
    for index in 1..TERMS {
        term = ((term * rest) >> BITS) / index;
        sum += term;
    }
    Some(sum << usize::try_from(doublings).ok()?)
}

/// (`numerator` / `denominator`)^(`above` / `below`) for a ratio of at least one.
fn power(numerator: U256, denominator: U256, above: u64, below: u64) -> Option<U256> {
    let logarithm = logarithm(ratio(numerator, denominator)?);
    exponential((logarithm * U256::from(above)).checked_div(U256::from(below))?)
}

/// e to the power of −`blocks` / `rate`.
pub(super) fn decay(blocks: u64, rate: u64) -> U64F64 {
    let power = (U256::from(blocks) << BITS).checked_div(U256::from(rate));
    let bits = power.and_then(exponential).and_then(|growth| (one() << 64).checked_div(growth)).unwrap_or_default();
    U64F64::from_bits(bits.low_u128())
}

/// What a pool gives for `input`. As on the real chain, what stays of the other side is a number of parts of [`WHOLE`],
/// rounded down: so the weighted product of both sides may fall, by what the last rao is worth.
pub(super) fn output(into: Side, out: Side, input: u64) -> u64 {
    let before = U256::from(into.reserve);
    let after = before + U256::from(input);
    if before.is_zero() || input == 0 {
        return 0;
    }
    let stays = if into.weight == out.weight {
        before * U256::from(WHOLE) / after
    } else {
        // Growth beyond all amounts leaves nothing.
        power(after, before, into.weight, out.weight)
            .and_then(|growth| (U256::from(WHOLE) << BITS).checked_div(growth))
            .unwrap_or_default()
    };
    U64F64::ONE.minus(U64F64::ratio(stays.low_u64(), WHOLE)).times(out.reserve)
}

/// (`numerator` / `denominator`)^(`above` / [`WHOLE`]) for a ratio of at least one, in parts of [`WHOLE`] and rounded down:
/// at most as many as 64 bits count, which is where the real chain ends as well. Exact where both sides weigh the same.
fn parts(numerator: U256, denominator: U256, above: u64) -> u64 {
    let root = (above == WHOLE / 2).then(|| numerator.checked_mul(U256::from(WHOLE) * U256::from(WHOLE))).flatten();
    let parts = root
        .and_then(|square| square.checked_div(denominator))
        .map(|square| square.integer_sqrt())
        .or_else(|| power(numerator, denominator, above, WHOLE).map(|power| (power * U256::from(WHOLE)) >> BITS));
    parts.and_then(|parts| u64::try_from(parts).ok()).unwrap_or(u64::MAX)
}

/// By how much a reserve grows while the price moves by `numerator` / `denominator`, which is at least one, when the other
/// side has `weight`.
pub(super) fn growth(reserve: u64, numerator: U256, denominator: U256, weight: u64) -> u64 {
    U64F64::ratio(parts(numerator, denominator, weight), WHOLE).minus(U64F64::ONE).times(reserve)
}

#[cfg(test)]
mod tests {
    use super::{Side, U256, growth, output};

    const HALF: u64 = 500_000_000_000_000_000;

    fn even(reserve: u64) -> Side {
        Side { reserve, weight: HALF }
    }

    #[test]
    fn figures_are_the_recorded_ones() {
        // A registration on a subnet of 1,000 TAO and 1,000 alpha.
        let pool = even(1_000_000_000_000);
        assert_eq!(output(pool, pool, 998_076_443 - 502_579), 1_000_000_000_000 - 999_003_420_298);
        // Purchases and sales up to a limit of price.
        let price = |limit: u64, alpha: u64| U256::from(limit) * U256::from(alpha);
        let now = |tao: u64| U256::from(tao) * U256::from(1_000_000_000_u64);
        let (tao, alpha) = (17_485_007_719_454, 57_191_853_504);
        assert_eq!(growth(tao, price(306_031_220_441, alpha), now(tao), HALF), 8_740_319_295);
        let (tao, alpha) = (17_494_747_535_202, 57_160_013_199);
        assert_eq!(growth(alpha, now(tao), price(306_035_584_692, alpha), HALF), 2_858_215);
    }

    #[test]
    fn a_reserve_grows_by_the_root_of_the_price_and_no_further_than_the_real_one() {
        let reserve = 1_000_000_000_000;
        let grown = |times: u64, weight| growth(reserve, U256::from(times), U256::one(), weight);
        assert_eq!(grown(1, HALF), 0);
        assert_eq!(grown(4, HALF), reserve);
        assert_eq!(grown(289, HALF), 16 * reserve);
        // Beyond 2⁶⁴ − 1 parts of 10¹⁸ the real chain counts no more.
        assert_eq!(grown(400, HALF), 17_446_744_073_709);
        assert_eq!(grown(1_000_000, HALF / 2 * 3), 17_446_744_073_709);
        // With three quarters on the other side it grows by the power of three quarters.
        assert!(grown(16, HALF / 2 * 3).abs_diff(7 * reserve) <= 1);
    }

    #[test]
    fn the_product_falls_by_less_than_a_rao_more_would_take() {
        let large = 20_000_000_000_000_000;
        let (some, more) = (10_u64.pow(12), 10_u64.pow(15));
        for (x, y, input) in [(1, 1, 1), (some, 3, 7), (3, some, more), (5, 5, 0), (large, large, 200_000_000_000)] {
            let got = output(even(x), even(y), input);
            let before = u128::from(x) * u128::from(y);
            assert!(u128::from(x + input) * u128::from(y - got + 1) >= before, "{x} {y} {input}");
        }
        assert_eq!(output(even(0), even(5), 1), 0);
    }

    /// Were what stays not rounded, each would be a rao less. That it is rests on the source of versions near spec 425:
    /// recorded pools are too small to tell.
    #[test]
    fn what_stays_is_a_number_of_parts_rounded_down() {
        let large = even(20_000_000_000_000_000);
        assert_eq!(output(large, large, 200_000_000_000), 199_998_000_020);
        assert_eq!(output(even(3_000_000_000_000_000), even(1_000_000_000_000_000), 30_000_000_000), 9_999_900_001);
        let (heavy, light) = (Side { weight: HALF / 2 * 3, ..large }, Side { weight: HALF / 2, ..large });
        assert_eq!(output(heavy, light, 178_000_000_000), 533_990_494_941);
        let light = Side { reserve: 1_000_000_000_000_000, ..light };
        let heavy = Side { reserve: 10_000_000_000_000_000, ..heavy };
        assert_eq!(output(light, heavy, 581_000_000_000), 1_935_916_869_925);
    }

    #[test]
    fn weights_close_to_even_trade_almost_evenly() {
        let reserve = 1_000_000_000_000;
        let (heavy, light) = (Side { reserve, weight: HALF + 1_000 }, Side { reserve, weight: HALF - 1_000 });
        let even = output(even(reserve), even(reserve), 123_456_789_012);
        assert!(output(heavy, light, 123_456_789_012).abs_diff(even) <= 1);
    }

    #[test]
    fn uneven_weights_follow_the_power() {
        // With three quarters on the way in, the other side falls with the cube: 1 − (1/2)³.
        let into = Side { reserve: 1_000_000_000, weight: HALF / 2 * 3 };
        let out = Side { reserve: 1_000_000_000, weight: HALF / 2 };
        assert!(output(into, out, 1_000_000_000).abs_diff(875_000_000) <= 1);
        assert_eq!(output(into, Side { reserve: 1_000, weight: 1 }, 1_000_000_000), 1_000, "beyond all amounts");
    }
}
