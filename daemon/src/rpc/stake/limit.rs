//! Prices and limits as numbers: the worst price that a caller allows, and where a trade takes the price by itself.
//! What is asked of a pool is [`super::market`]'s business.

use btd_api::{Alpha, Tao, stake::Protection};

use crate::{
    rpc::receipt,
    submit::{Ground, SubmissionError},
};

/// One token in rao: the price of root's alpha, and the scale of prices.
pub(super) const ONE: u64 = 1_000_000_000;

/// On which side of a price the caller stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Buy,
    Sell,
}

/// A tolerance is counted from a price, and there is none to count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unpriced;

/// That a tolerance cannot be kept, as this runtime tells no price of what is traded.
pub(super) fn unpriced(ground: &Ground, traded: &str) -> SubmissionError {
    let what = format!("price of the alpha of {traded}, from which a tolerance is counted");
    receipt::untold(what, &ground.view, "set a limit with --limit-price, or go without one with --unsafe")
}

/// The worst price that `protection` allows, seen from `price`; none where it allows all.
pub(super) fn of(price: Option<Tao>, protection: Protection, side: Side) -> Result<Option<Tao>, Unpriced> {
    let (price, tolerance) = match protection {
        Protection::None => return Ok(None),
        Protection::Limit(limit) => return Ok(Some(limit)),
        Protection::Tolerance(tolerance) => price.map(|price| (price, tolerance.of(price.rao()))).ok_or(Unpriced)?,
    };
    Ok(Some(match side {
        Side::Buy => price.saturating_add(Tao::from_rao(tolerance)),
        Side::Sell => price.saturating_sub(Tao::from_rao(tolerance)),
    }))
}

/// Where the price ends that a trade through one pool moves from `price`, `average` being what it comes to; none where
/// that may be within `limit`.
///
/// In a pool of two tokens that weigh the same the price ends as far beyond the average as it began before it. Pools
/// come to weigh them otherwise (spec 425: a hundredth to ninety-nine of them), which puts that off by a twelfth of the
/// square of the distance at the most. Two thousandths are left for the pool's own fee and for what it holds to change.
pub(super) fn end_beyond(price: Tao, average: Tao, limit: Tao, side: Side) -> Option<Tao> {
    const MILLION: u128 = 1_000_000;
    let (average, limit_rao) = (u128::from(average.rao()), u128::from(limit.rao()));
    // A limit that the price is beyond already leaves no distance to go.
    let (less, more) = match side {
        Side::Buy => (price, limit),
        Side::Sell => (limit, price),
    };
    let distance = u128::from(more.saturating_sub(less).rao()) * MILLION / u128::from(less.rao().max(1));
    let slack = distance.saturating_mul(distance) / 12 / MILLION + 2_000;
    let end = average * average / u128::from(price.rao().max(1));
    let is_beyond = match side {
        Side::Buy => end.saturating_mul(MILLION.saturating_sub(slack)) / MILLION > limit_rao,
        Side::Sell => end.saturating_mul(MILLION.saturating_add(slack)) / MILLION < limit_rao,
    };
    is_beyond.then(|| Tao::from_rao(u64::try_from(end).unwrap_or(u64::MAX)))
}

/// What `alpha` comes to at a price, in rao.
pub(super) fn worth(alpha: Alpha, price: Tao) -> u64 {
    let scaled = u128::from(alpha.rao()) * u128::from(price.rao()) / u128::from(ONE);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// `from` divided by `to`, in billionths, rounded down.
pub(super) fn ratio(from: Tao, to: Tao) -> Tao {
    let scaled = u128::from(from.rao()) * u128::from(ONE) / u128::from(to.rao().max(1));
    Tao::from_rao(u64::try_from(scaled).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rao(rao: u64) -> Tao {
        Tao::from_rao(rao)
    }

    /// What a trade comes to on average that takes the price of a pool from 1 to `end`, where alpha weighs `weight` times
    /// what tao weighs (`SwapBalancer`, spec 425).
    fn average(weight: f64, end: f64) -> f64 {
        if end < 1.0 {
            let grown = end.powf(-1.0 / (1.0 + weight));
            (1.0 - grown.powf(-weight)) / (weight * (grown - 1.0))
        } else {
            let grown = end.powf(weight / (1.0 + weight));
            (grown - 1.0) / (weight * (1.0 - grown.powf(-1.0 / weight)))
        }
    }

    #[test]
    fn what_a_pool_takes_within_a_limit_is_not_beyond_it() {
        for weight in [0.01, 0.1, 0.5, 0.8, 1.0, 1.25, 2.0, 10.0, 99.0] {
            for end in [0.99, 0.9, 0.7, 0.5, 0.3, 0.1, 0.02, 1.01, 1.1, 1.5, 2.0, 4.0, 10.0, 50.0] {
                let side = if end < 1.0 { Side::Sell } else { Side::Buy };
                let of = |price: f64| Tao::from_tokens(&format!("{price:.9}")).unwrap();
                let judged = |limit: f64| end_beyond(of(1.0), of(average(weight, end)), of(limit), side);
                assert_eq!(judged(end), None, "{weight} to {end}");
                // Beyond a limit nearby it is told.
                let well_within = 1.0 + (end - 1.0) / 4.0;
                if (0.5..2.0).contains(&end) && (end - 1.0).abs() > 0.05 {
                    assert!(judged(well_within).is_some(), "{weight} to {end}, within {well_within}");
                }
            }
        }
    }

    #[test]
    fn a_limit_stands_on_the_callers_side_of_the_price() {
        let tolerance = Protection::default();
        let limit = |price: u64, protection, side| of(Some(rao(price)), protection, side).unwrap();
        assert_eq!(limit(1_000_000, tolerance, Side::Buy), Some(rao(1_005_000)));
        assert_eq!(limit(1_000_000, tolerance, Side::Sell), Some(rao(995_000)));
        assert_eq!(limit(1_000_000, Protection::Limit(rao(7)), Side::Sell), Some(rao(7)));
        assert_eq!(limit(1_000_000, Protection::None, Side::Buy), None);
        let all = Protection::Tolerance("1".parse().unwrap());
        assert_eq!(limit(5, all, Side::Sell), Some(Tao::ZERO));
        assert_eq!(limit(u64::MAX, all, Side::Buy), Some(rao(u64::MAX)));
    }

    #[test]
    fn without_a_price_only_a_tolerance_is_impossible() {
        assert_eq!(of(None, Protection::default(), Side::Buy), Err(Unpriced));
        assert_eq!(of(None, Protection::Limit(rao(7)), Side::Buy), Ok(Some(rao(7))));
        assert_eq!(of(None, Protection::None, Side::Buy), Ok(None));
    }

    #[test]
    fn a_limit_on_the_wrong_side_of_the_price_is_beyond_it() {
        for (side, average, limits) in [
            (Side::Buy, 1_000_100_000, [0, 10_000_000, 100_000_000, 300_000_000, 990_000_000]),
            (Side::Sell, 999_900_000, [1_010_000_000, 3_000_000_000, 20_000_000_000, 100_000_000_000, u64::MAX]),
        ] {
            for limit in limits {
                assert!(end_beyond(rao(ONE), rao(average), rao(limit), side).is_some(), "{side:?} within {limit}");
            }
        }
    }

    #[test]
    fn the_ratio_of_prices_is_in_billionths() {
        assert_eq!(ratio(rao(ONE), rao(500_000_000)), rao(2 * ONE));
        assert_eq!(ratio(rao(1), rao(3)), rao(333_333_333));
        assert_eq!(ratio(rao(u64::MAX), rao(0)), rao(u64::MAX));
    }
}
