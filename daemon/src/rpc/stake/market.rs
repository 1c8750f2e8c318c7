//! What a trade of alpha comes to in its pool: the price, what it brings by the pool's own reckoning, and how far it
//! moves the price. Which call makes it is [`super::trade`]'s business.
//!
//! On root alpha is tao: nothing is traded there, and there is no price to protect.

use btd_api::{
    Alpha, NetUid, Ratio, Tao,
    stake::{Fill, Protection},
};
use btd_chain::{ReadError, Value};

use crate::submit::{Draft, Ground, Need, Precondition, SubmissionError};

/// One token in rao: the price of root's alpha, and the scale of prices.
pub(super) const ONE: u64 = 1_000_000_000;
/// What is worth less, in rao, may come to nothing by rounding alone.
const DUST: u64 = 1_000;

/// A trade of tao for the alpha of one subnet, or of that alpha for tao.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trade {
    netuid: NetUid,
    side: Side,
    /// Of one alpha, now.
    price: Tao,
    limit: Option<Tao>,
    fill: Fill,
    /// What is given for what; none where the runtime cannot tell.
    amounts: Option<(Tao, Alpha)>,
}

// === impl Trade ===

impl Trade {
    /// Alpha of a subnet for `tao`. Refused is what the pool is too small for.
    pub(super) async fn buying(
        ground: &Ground,
        netuid: NetUid,
        tao: Tao,
        (protection, fill): (Protection, Fill),
    ) -> Result<Self, SubmissionError> {
        let price = price(ground, netuid).await?;
        let amounts = alpha_for(ground, netuid, tao).await?.map(|alpha| (tao, alpha));
        if let Some((_, alpha)) = amounts {
            require_liquidity(ground, netuid, (ratio(tao, price).rao(), alpha.rao())).await?;
        }
        Ok(Self::new((netuid, Side::Buy), price, amounts, (protection, fill)))
    }

    /// Tao for `alpha` of a subnet. Refused is what the pool is too small for.
    pub(super) async fn selling(
        ground: &Ground,
        netuid: NetUid,
        alpha: Alpha,
        (protection, fill): (Protection, Fill),
    ) -> Result<Self, SubmissionError> {
        let price = price(ground, netuid).await?;
        let amounts = tao_for(ground, netuid, alpha).await?.map(|tao| (tao, alpha));
        if let Some((tao, _)) = amounts {
            require_liquidity(ground, netuid, (worth(alpha, price), tao.rao())).await?;
        }
        Ok(Self::new((netuid, Side::Sell), price, amounts, (protection, fill)))
    }

    fn new(
        (netuid, side): (NetUid, Side),
        price: Tao,
        amounts: Option<(Tao, Alpha)>,
        (protection, fill): (Protection, Fill),
    ) -> Self {
        let limit = if netuid == NetUid::ROOT { None } else { limit(price, protection, side) };
        Self { netuid, side, price, limit, fill, amounts }
    }

    /// The worst price at which it is made; none where any will do.
    pub(super) const fn limit(&self) -> Option<Tao> {
        self.limit
    }

    /// The tao that it takes or brings, by estimate; none where the runtime cannot tell.
    pub(super) fn tao(&self) -> Option<Tao> {
        self.amounts.map(|(tao, _)| tao)
    }

    /// The draft with what the trade is likely to bring, and between which prices. Refused is one that would move the
    /// price beyond its limit all by itself.
    pub(super) fn tell(&self, draft: Draft) -> Result<Draft, SubmissionError> {
        if self.netuid == NetUid::ROOT {
            return Ok(draft);
        }
        self.fits()?;
        Ok(self.slipping(self.bounds(draft)))
    }

    /// Says what is likely to come, and between which prices.
    fn bounds(&self, draft: Draft) -> Draft {
        let Self { price, limit, .. } = self;
        // Of a part that goes it brings less.
        let about = if limit.is_some() && self.fill == Fill::Partial { "up to about" } else { "about" };
        let about = match (self.amounts, self.side) {
            (None, _) => String::new(),
            (Some((_, alpha)), Side::Buy) => format!("brings {about} α{alpha}, "),
            (Some((tao, _)), Side::Sell) => format!("brings {about} τ{tao}, "),
        };
        let words = match (limit, self.fill) {
            (Some(limit), Fill::Whole) => format!("{about}at τ{price} for one now; not at all beyond τ{limit}"),
            (Some(limit), Fill::Partial) => format!("{about}at τ{price} for one now; as much as goes up to τ{limit}"),
            (None, _) => format!("{about}at τ{price} for one now"),
        };
        let draft = draft.effect(words);
        match limit {
            Some(_) => draft,
            None => draft.warning("no limit is set: whatever the price is at inclusion is the price"),
        }
    }

    /// Refuses a trade that would move the price beyond its limit all by itself: the chain takes the fee
    /// and does nothing.
    fn fits(&self) -> Result<(), SubmissionError> {
        let (Some(average), Some(limit), Fill::Whole) = (self.average(), self.limit, self.fill) else { return Ok(()) };
        let Some(end) = end_beyond(self.price, average, limit, self.side) else { return Ok(()) };
        let words = format!(
            "the trade itself would move the price from τ{} to about τ{end}, beyond the limit of τ{limit}: trade \
             less, allow a partial fill, or widen the tolerance",
            self.price
        );
        Err(Precondition::Foreseen { error: "SlippageTooHigh", words }.into())
    }

    /// Warns where the trade itself moves the price by more than a hundredth, or beyond its limit.
    fn slipping(&self, draft: Draft) -> Draft {
        let Some(average) = self.average() else { return draft };
        let distance = Ratio::from_parts(average.rao().abs_diff(self.price.rao()), self.price.rao());
        if distance.billionths() > 10_000_000 {
            let beyond = if self.limit.is_some() { ", which may be beyond the limit" } else { "" };
            return draft.warning(format!(
                "the trade moves the price itself: τ{average} for one on average, {distance} from the price now{beyond}"
            ));
        }
        draft
    }

    /// What one alpha comes to; none where that is not known.
    fn average(&self) -> Option<Tao> {
        let (tao, alpha) = self.amounts.filter(|(_, alpha)| *alpha > Alpha::ZERO)?;
        Some(ratio(tao, Tao::from_rao(alpha.rao())))
    }
}

/// The price of one alpha in rao of tao; on root alpha is tao.
pub(super) async fn price(ground: &Ground, netuid: NetUid) -> Result<Tao, SubmissionError> {
    if netuid == NetUid::ROOT {
        return Ok(Tao::from_rao(ONE));
    }
    if !ground.view.subnet_exists(netuid).await? {
        return Err(Precondition::NoSuchSubnet { netuid }.into());
    }
    Ok(ground.view.price(netuid).await?)
}

/// The tao that selling `alpha` of a subnet brings by the pool's own reckoning; none where the runtime has none.
pub(super) async fn tao_for(ground: &Ground, netuid: NetUid, alpha: Alpha) -> Result<Option<Tao>, SubmissionError> {
    let quote = quote(ground, ("sim_swap_alpha_for_tao", "tao_amount"), netuid, alpha.rao()).await?;
    Ok(quote.map(Tao::from_rao))
}

/// The alpha of a subnet that `tao` buys by the pool's own reckoning; none where the runtime has none.
pub(super) async fn alpha_for(ground: &Ground, netuid: NetUid, tao: Tao) -> Result<Option<Alpha>, SubmissionError> {
    let quote = quote(ground, ("sim_swap_tao_for_alpha", "alpha_amount"), netuid, tao.rao()).await?;
    Ok(quote.map(Alpha::from_rao))
}

/// Refuses what the pool of a subnet gives nothing for (`got`), though at the price it would come to so much: the pool is
/// too small for it, and the chain refuses it whatever the limit is.
pub(super) async fn require_liquidity(
    ground: &Ground,
    netuid: NetUid,
    (expected, got): (u64, u64),
) -> Result<(), SubmissionError> {
    if got > 0 || expected < DUST || netuid == NetUid::ROOT {
        return Ok(());
    }
    ground.require(Need::Started(netuid)).await?;
    let words =
        format!("the pool of subnet {netuid} is too small: it gives nothing for so much at once, so trade less");
    Err(Precondition::Foreseen { error: "InsufficientLiquidity", words }.into())
}

async fn quote(
    ground: &Ground,
    (method, member): (&str, &str),
    netuid: NetUid,
    amount: u64,
) -> Result<Option<u64>, SubmissionError> {
    if netuid == NetUid::ROOT {
        return Ok(Some(amount));
    }
    let arguments = [netuid.into(), Value::from(amount)];
    match ground.view.runtime_api_json("SwapRuntimeApi", method, &arguments).await {
        Ok(result) => Ok(result.get(member).and_then(|value| value.as_str()?.parse().ok())),
        Err(ReadError::Absent(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// On which side of a price the caller stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Buy,
    Sell,
}

/// The worst price that `protection` allows, seen from `price`; none where it allows all.
pub(super) fn limit(price: Tao, protection: Protection, side: Side) -> Option<Tao> {
    let tolerance = match protection {
        Protection::None => return None,
        Protection::Limit(limit) => return Some(limit),
        Protection::Tolerance(tolerance) => tolerance.of(price.rao()),
    };
    Some(match side {
        Side::Buy => price.saturating_add(Tao::from_rao(tolerance)),
        Side::Sell => price.saturating_sub(Tao::from_rao(tolerance)),
    })
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
    let (less, more) = (price.min(limit), price.max(limit));
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
    use btd_chain::Call;

    use super::*;

    const SUBNET: NetUid = NetUid(1);

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

    fn rao(rao: u64) -> Tao {
        Tao::from_rao(rao)
    }

    /// One at a price of one tao, of so much tao for so much alpha.
    fn trade(side: Side, amounts: Option<(u64, u64)>, limit: Option<u64>) -> Trade {
        let amounts = amounts.map(|(tao, alpha)| (rao(tao), Alpha::from_rao(alpha)));
        let protection = limit.map_or(Protection::None, |limit| Protection::Limit(rao(limit)));
        Trade::new((SUBNET, side), rao(ONE), amounts, (protection, Fill::Whole))
    }

    fn draft() -> Draft {
        Draft::new(Call::new("a", "b"), "trade")
    }

    #[test]
    fn a_limit_stands_on_the_callers_side_of_the_price() {
        let tolerance = Protection::default();
        assert_eq!(limit(rao(1_000_000), tolerance, Side::Buy), Some(rao(1_005_000)));
        assert_eq!(limit(rao(1_000_000), tolerance, Side::Sell), Some(rao(995_000)));
        assert_eq!(limit(rao(1_000_000), Protection::Limit(rao(7)), Side::Sell), Some(rao(7)));
        assert_eq!(limit(rao(1_000_000), Protection::None, Side::Buy), None);
        let all = Protection::Tolerance("1".parse().unwrap());
        assert_eq!(limit(rao(5), all, Side::Sell), Some(Tao::ZERO));
        assert_eq!(limit(rao(u64::MAX), all, Side::Buy), Some(rao(u64::MAX)));
    }

    #[test]
    fn a_trade_beyond_its_own_limit_is_refused() {
        // 5 tao into a pool of 1000 and 1000: the price goes from 1 to 1.010025.
        let bought = Some((5_000_000_000, 4_975_124_378));
        let fits = |side, amounts, limit| trade(side, amounts, limit).tell(draft()).is_ok();
        assert!(!fits(Side::Buy, bought, Some(1_005_000_000)));
        assert!(fits(Side::Buy, bought, Some(1_011_000_000)));
        assert!(fits(Side::Buy, bought, None) && fits(Side::Buy, None, Some(1)));
        let partial = Trade { fill: Fill::Partial, ..trade(Side::Buy, bought, Some(1_005_000_000)) };
        assert!(partial.tell(draft()).is_ok());
        // 5 alpha into it: the price falls to 0.990075.
        let sold = Some((4_975_124_378, 5_000_000_000));
        assert!(!fits(Side::Sell, sold, Some(995_000_000)));
        assert!(fits(Side::Sell, sold, Some(989_000_000)));
    }

    #[test]
    fn on_root_there_is_nothing_to_protect() {
        let amounts = Some((rao(5), Alpha::from_rao(5)));
        let root = Trade::new((NetUid::ROOT, Side::Buy), rao(ONE), amounts, (Protection::Limit(rao(1)), Fill::Whole));
        assert_eq!((root.limit(), root.tao()), (None, Some(rao(5))));
        let told = root.tell(draft()).unwrap();
        assert!(told.effects.is_empty() && told.warnings.is_empty());
    }

    #[test]
    fn what_comes_and_at_which_price_is_told() {
        let told = |side, limit| trade(side, Some((ONE, 2 * ONE)), limit).bounds(draft());
        let bought = told(Side::Buy, Some(3 * ONE));
        assert_eq!(
            bought.effects,
            ["brings about α2.000000000, at τ1.000000000 for one now; not at all beyond τ3.000000000"]
        );
        let sold = told(Side::Sell, None);
        assert_eq!(sold.effects, ["brings about τ1.000000000, at τ1.000000000 for one now"]);
        assert_eq!((bought.warnings.len(), sold.warnings.len()), (0, 1));
        let part = Trade { fill: Fill::Partial, ..trade(Side::Buy, Some((ONE, 2 * ONE)), Some(3 * ONE)) };
        assert!(part.bounds(draft()).effects[0].starts_with("brings up to about α2.000000000, "));
    }

    #[test]
    fn the_ratio_of_prices_is_in_billionths() {
        assert_eq!(ratio(rao(ONE), rao(500_000_000)), rao(2 * ONE));
        assert_eq!(ratio(rao(1), rao(3)), rao(333_333_333));
        assert_eq!(ratio(rao(u64::MAX), rao(0)), rao(u64::MAX));
    }

    #[test]
    fn a_trade_that_moves_its_price_is_warned_of() {
        let warnings = |amounts, limit| trade(Side::Buy, amounts, limit).slipping(draft()).warnings;
        assert!(warnings(Some((1_005, 1_000)), None).is_empty());
        let warned = warnings(Some((1_100, 1_000)), Some(ONE));
        assert!(warned[0].contains("0.1 from the price now, which may be beyond"), "{warned:?}");
        assert!(warnings(Some((1, 0)), None).is_empty() && warnings(None, None).is_empty());
    }
}
