//! What a trade of alpha comes to in its pool: the price, what it brings by the pool's own reckoning, and how far it
//! moves the price. Which call makes it is [`super::trade`]'s business, the numbers of prices and limits are
//! [`super::limit`]'s.
//!
//! On root alpha is tao: nothing is traded there, and there is no price to protect.

use btd_api::{
    Alpha, NetUid, Ratio, Tao,
    signing::{Bound, Priced},
    stake::{Fill, Protection},
};
use btd_chain::{ReadError, Runtime, Value};

use super::{
    SUBTENSOR,
    limit::{self, ONE, Side, Unpriced, ratio},
    trade,
};
use crate::submit::{Draft, Ground, Precondition, SubmissionError};

/// What is worth less, in rao, may come to nothing by rounding alone.
const DUST: u64 = 1_000;

/// A trade of tao for the alpha of one subnet, or of that alpha for tao.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trade {
    netuid: NetUid,
    side: Side,
    /// Of one alpha, now; none where the runtime tells none.
    price: Option<Tao>,
    limit: Option<Tao>,
    fill: Fill,
    /// What is given for what; none where the runtime cannot tell.
    amounts: Option<(Tao, Alpha)>,
    measure: Measure,
    /// What the pool takes of what is given, in parts of 65535; looked up where only a part may go.
    fee: u64,
    /// A limit that the caller set where there is no price to hold to it.
    idle_limit: Option<Tao>,
}

/// How the chain holds a trade with a pool to a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// By the price at which it ends, and nothing of it goes where the price is beyond the limit already.
    Prices,
    /// By the price at which it ends.
    End,
    /// In a way that this runtime does not tell.
    Unknown,
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
        if let (Some((_, alpha)), Some(price)) = (amounts, price) {
            require_liquidity(netuid, (ratio(tao, price).rao(), alpha.rao()))?;
        }
        Self::of(ground, (netuid, Side::Buy), price, amounts, (protection, fill)).await
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
        if let (Some((tao, _)), Some(price)) = (amounts, price) {
            require_liquidity(netuid, (limit::worth(alpha, price), tao.rao()))?;
        }
        Self::of(ground, (netuid, Side::Sell), price, amounts, (protection, fill)).await
    }

    async fn of(
        ground: &Ground,
        (netuid, side): (NetUid, Side),
        price: Option<Tao>,
        amounts: Option<(Tao, Alpha)>,
        (protection, fill): (Protection, Fill),
    ) -> Result<Self, SubmissionError> {
        let limit = match netuid {
            NetUid::ROOT => None,
            _ => limit::of(price, protection, side)
                .map_err(|Unpriced| limit::unpriced(ground, &format!("subnet {netuid}")))?,
        };
        let held = |limit| ground.hold(Bound { of: traded(netuid, side), limit }, price);
        let limit = limit.map(held).transpose()?.map(|held| held.limit);
        let measure = match limit {
            None => Measure::Unknown,
            Some(_) => Measure::through(ground, netuid).await?,
        };
        let fee = match (limit, fill) {
            (Some(_), Fill::Partial) => trade::fee_rate(ground, netuid).await?,
            _ => 0,
        };
        let idle_limit = match protection {
            Protection::Limit(limit) if netuid == NetUid::ROOT => Some(limit),
            _ => None,
        };
        Ok(Self { netuid, side, price, limit, fill, amounts, measure, fee, idle_limit })
    }

    /// The worst price at which it is made; none where any will do.
    pub(super) const fn limit(&self) -> Option<Tao> {
        self.limit
    }

    /// The tao that it takes or brings, by estimate; none where the runtime cannot tell.
    pub(super) fn tao(&self) -> Option<Tao> {
        self.amounts().map(|(tao, _)| tao)
    }

    /// The same of a trade that goes as a whole, whatever its limit.
    pub(super) fn tao_for_all(&self) -> Option<Tao> {
        self.amounts.map(|(tao, _)| tao)
    }

    /// What is given for what, by estimate: of a trade of which a part may go, the part that goes within the limit.
    fn amounts(&self) -> Option<(Tao, Alpha)> {
        let (tao, alpha) = self.amounts?;
        let Some(((average, price), limit)) =
            self.average().zip(self.price).zip(self.limit).filter(|_| self.fill == Fill::Partial)
        else {
            return self.amounts;
        };
        // By how much, in billionths, the trade moves one side of a pool of equal weights, and by how much it may: the
        // price moves with the square of that. What the pool keeps as its fee moves nothing.
        let (average, price) = (u128::from(average.rao()), u128::from(price.rao()).max(1));
        let (one, left) = (u128::from(ONE), u128::from(65_535_u64.saturating_sub(self.fee)).max(1));
        let limit = u128::from(limit.rao());
        let (moves, may) = match self.side {
            Side::Buy => (average * left / 65_535 * one / price, (limit * one / price * one).isqrt()),
            Side::Sell if limit == 0 => return self.amounts,
            Side::Sell => (price * one / (average * 65_535 / left).max(1), (price * one / limit * one).isqrt()),
        };
        if may >= moves {
            return self.amounts;
        }
        let given = |all: u64| u128::from(all) * may.saturating_sub(one) / moves.saturating_sub(one).max(1);
        // What comes out falls behind what goes in.
        let got = |all: u64| given(all).saturating_mul(moves) / may.max(1);
        let told = |rao: u128| u64::try_from(rao).unwrap_or(u64::MAX);
        Some(match self.side {
            Side::Buy => (Tao::from_rao(told(given(tao.rao()))), Alpha::from_rao(told(got(alpha.rao())))),
            Side::Sell => (Tao::from_rao(told(got(tao.rao()))), Alpha::from_rao(told(given(alpha.rao())))),
        })
    }

    /// The draft with what the trade is likely to bring, and between which prices. Refused is one that would move the
    /// price beyond its limit all by itself.
    pub(super) fn tell(&self, draft: Draft) -> Result<Draft, SubmissionError> {
        if self.netuid == NetUid::ROOT {
            let idle = |limit| format!("the limit of τ{limit} plays no part: on root one alpha is one tao, always");
            return Ok(self.idle_limit.map(idle).into_iter().fold(draft, Draft::warning));
        }
        self.fits()?;
        Ok(self.slipping(self.bounds(draft)))
    }

    /// Says what is likely to come, and between which prices.
    fn bounds(&self, draft: Draft) -> Draft {
        let Self { price, limit, .. } = self;
        // Of a part that goes it brings less.
        let about = if limit.is_some() && self.fill == Fill::Partial { "up to about" } else { "about" };
        let about = match (self.amounts(), self.side) {
            (None, _) => String::new(),
            (Some((_, alpha)), Side::Buy) => format!("brings {about} α{alpha}, "),
            (Some((tao, _)), Side::Sell) => format!("brings {about} τ{tao}, "),
        };
        let now = price.map_or_else(
            || "at a price that this runtime does not tell".to_owned(),
            |price| format!("at τ{price} for one now"),
        );
        let words = match (limit, self.fill) {
            (Some(limit), Fill::Whole) => format!("{about}{now}; not at all beyond τ{limit}"),
            (Some(limit), Fill::Partial) => format!("{about}{now}; as much as goes up to τ{limit}"),
            (None, _) => format!("{about}{now}"),
        };
        let draft = draft.effect(words);
        match *limit {
            Some(limit) => draft.bound(Bound { of: traded(self.netuid, self.side), limit }),
            None => draft
                .unlimited(traded(self.netuid, self.side))
                .warning("no limit is set: whatever the price is at inclusion is the price"),
        }
    }

    /// Refuses a trade that the chain makes nothing of but the fee: one at a price beyond its limit, or one that would
    /// move it there all by itself.
    fn fits(&self) -> Result<(), SubmissionError> {
        let (Some(price), Some(limit)) = (self.price, self.limit) else { return Ok(()) };
        self.measure.admits((price, limit), self.side, || {
            format!(
                "one alpha of subnet {} costs τ{price} now, beyond the limit of τ{limit}, and nothing of it is traded \
                 there: move the limit, or trade once the price is within it",
                self.netuid
            )
        })?;
        let (Some(average), Fill::Whole) = (self.average(), self.fill) else { return Ok(()) };
        let Some(end) =
            limit::end_beyond(price, average, limit, self.side).filter(|_| self.measure != Measure::Unknown)
        else {
            return Ok(());
        };
        let words = format!(
            "the trade itself would move the price from τ{price} to about τ{end}, beyond the limit of τ{limit}: trade \
             less, allow a partial fill, or widen the tolerance"
        );
        Err(Precondition::Foreseen { error: "SlippageTooHigh", words }.into())
    }

    /// Warns where the trade itself moves the price by more than a hundredth, or beyond its limit.
    fn slipping(&self, draft: Draft) -> Draft {
        let Some((average, price)) = self.average().zip(self.price) else { return draft };
        let distance = Ratio::from_parts(average.rao().abs_diff(price.rao()), price.rao());
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

// === impl Measure ===

impl Measure {
    /// How a trade with the pool of a subnet is held to a limit.
    async fn through(ground: &Ground, netuid: NetUid) -> Result<Self, SubmissionError> {
        Ok(match Self::of(ground.view.runtime()) {
            // Where no pool is, a limit lets everything through or nothing.
            Self::Prices if trade::is_one_for_one(ground, netuid).await? => Self::End,
            measure => measure,
        })
    }

    /// How a runtime holds what goes through one pool to a limit.
    pub(super) fn of(runtime: &Runtime) -> Self {
        Self::where_it_has(
            |pallet, error| runtime.has_error(pallet, error),
            |pallet, item| runtime.has_storage(pallet, item),
        )
    }

    fn where_it_has(error: impl Fn(&str, &str) -> bool, storage: impl Fn(&str, &str) -> bool) -> Self {
        // Once there was other liquidity beside what the pools hold, and before that there were no limits.
        if storage(SUBTENSOR, "SubnetTaoProvided") || !error(SUBTENSOR, "SlippageTooHigh") {
            return Self::Unknown;
        }
        if error("Swap", "PriceLimitExceeded") { Self::Prices } else { Self::End }
    }

    /// Refuses, as `words` say, a price that is beyond a limit before anything is traded. Two thousandths are left for it
    /// to change until then.
    pub(super) fn admits(
        self,
        (price, limit): (Tao, Tao),
        side: Side,
        words: impl FnOnce() -> String,
    ) -> Result<(), SubmissionError> {
        let widened = |rao: Tao| u128::from(rao.rao()) * 1002 / 1000;
        let is_beyond = match side {
            Side::Buy => widened(limit) < u128::from(price.rao()),
            Side::Sell => widened(price) < u128::from(limit.rao()),
        };
        if self == Self::Prices && is_beyond {
            return Err(Precondition::Foreseen { error: "PriceLimitExceeded", words: words() }.into());
        }
        Ok(())
    }
}

/// What is traded there, as a plan names it.
const fn traded(netuid: NetUid, side: Side) -> Priced {
    match side {
        Side::Buy => Priced::Bought(netuid),
        Side::Sell => Priced::Sold(netuid),
    }
}

/// The price of one alpha in rao of tao; on root alpha is tao. None where it is not known.
pub(super) async fn price(ground: &Ground, netuid: NetUid) -> Result<Option<Tao>, SubmissionError> {
    if netuid == NetUid::ROOT {
        return Ok(Some(Tao::from_rao(ONE)));
    }
    ground.require_subnet(netuid).await?;
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
pub(super) fn require_liquidity(netuid: NetUid, (expected, got): (u64, u64)) -> Result<(), SubmissionError> {
    if got > 0 || expected < DUST || netuid == NetUid::ROOT {
        return Ok(());
    }
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

#[cfg(test)]
mod tests {
    use btd_chain::Call;

    use super::*;

    const SUBNET: NetUid = NetUid(1);

    fn rao(rao: u64) -> Tao {
        Tao::from_rao(rao)
    }

    /// One at a price of one tao, of so much tao for so much alpha.
    fn trade(side: Side, amounts: Option<(u64, u64)>, limit: Option<u64>) -> Trade {
        let amounts = amounts.map(|(tao, alpha)| (rao(tao), Alpha::from_rao(alpha)));
        let (price, limit) = (Some(rao(ONE)), limit.map(rao));
        Trade {
            netuid: SUBNET,
            side,
            price,
            limit,
            fill: Fill::Whole,
            amounts,
            measure: Measure::Prices,
            fee: 0,
            idle_limit: None,
        }
    }

    fn draft() -> Draft {
        Draft::new(Call::new("a", "b"), "trade")
    }

    #[test]
    fn a_price_that_is_not_told_is_said_to_be_so() {
        let told = |limit| Trade { price: None, ..trade(Side::Buy, None, limit) }.tell(draft()).unwrap();
        assert_eq!(told(None).effects, ["at a price that this runtime does not tell"]);
        assert_eq!((told(None).warnings.len(), told(Some(1)).warnings.len()), (1, 0));
        assert_eq!((told(None).unlimited.len(), told(Some(1)).unlimited.len()), (1, 0));
    }

    #[test]
    fn a_runtime_is_judged_by_the_limits_that_it_has() {
        let measure = |errors: &[&str], items: &[&str]| {
            Measure::where_it_has(|_, error| errors.contains(&error), |_, item| items.contains(&item))
        };
        let newest = ["SlippageTooHigh", "PriceLimitExceeded"];
        assert_eq!(measure(&newest, &[]), Measure::Prices);
        assert_eq!(measure(&["SlippageTooHigh"], &[]), Measure::End);
        assert_eq!(measure(&newest, &["SubnetTaoProvided"]), Measure::Unknown);
        assert_eq!(measure(&[], &[]), Measure::Unknown);
    }

    #[test]
    fn of_a_part_that_goes_the_balance_shows_that_part() {
        // 50 tao into a pool of 1000 and 1000, up to a price of 1.0201: 10 go, for 9.900990.
        let part = |side, amounts, limit| Trade { fill: Fill::Partial, ..trade(side, amounts, Some(limit)) }.amounts();
        let near = |found: Option<(Tao, Alpha)>, (tao, alpha): (u64, u64)| {
            let (found_tao, found_alpha) = found.unwrap();
            assert!(found_tao.rao().abs_diff(tao) < 1_000 && found_alpha.rao().abs_diff(alpha) < 1_000, "{found:?}");
        };
        let bought = Some((50_000_000_000, 47_619_047_619));
        near(part(Side::Buy, bought, 1_020_100_000), (10_000_000_000, 9_900_990_099));
        near(part(Side::Buy, bought, 2 * ONE), (50_000_000_000, 47_619_047_619));
        // 50 alpha into it, down to a price of 1/1.0201: 10 go.
        let sold = Some((47_619_047_619, 50_000_000_000));
        near(part(Side::Sell, sold, 980_296_049), (9_900_990_099, 10_000_000_000));
        near(part(Side::Sell, sold, 0), (47_619_047_619, 50_000_000_000));
        // Nothing goes beyond the limit, and all of what must go as a whole.
        near(part(Side::Buy, bought, 900_000_000), (0, 0));
        assert_eq!(trade(Side::Buy, bought, Some(1_020_100_000)).tao(), Some(rao(50_000_000_000)));
        // With a fee of a hundredth less of it is the pool's own slip.
        let taxed = Trade { fee: 655, fill: Fill::Partial, ..trade(Side::Buy, bought, Some(1_020_100_000)) };
        assert!(taxed.tao().unwrap() > rao(10_000_000_000), "{:?}", taxed.tao());
    }

    #[test]
    fn a_price_beyond_the_limit_lets_nothing_through() {
        for fill in [Fill::Whole, Fill::Partial] {
            for (side, beyond, nearly) in
                [(Side::Buy, 990_000_000, 999_000_000), (Side::Sell, 1_010_000_000, 1_001_000_000)]
            {
                let fits = |limit, measure| Trade { fill, measure, ..trade(side, None, Some(limit)) }.fits();
                let refused = fits(beyond, Measure::Prices).unwrap_err().to_string();
                assert!(refused.contains("costs τ1.000000000 now, beyond the limit of τ"), "{refused}");
                assert!(fits(nearly, Measure::Prices).is_ok());
                assert!(fits(beyond, Measure::End).is_ok() && fits(beyond, Measure::Unknown).is_ok());
            }
        }
    }

    #[test]
    fn a_trade_beyond_its_own_limit_is_refused() {
        // 5 tao into a pool of 1000 and 1000: the price goes from 1 to 1.010025.
        let bought = Some((5_000_000_000, 4_975_124_378));
        let fits = |side, amounts, limit| trade(side, amounts, limit).tell(draft()).is_ok();
        assert!(!fits(Side::Buy, bought, Some(1_005_000_000)));
        assert!(fits(Side::Buy, bought, Some(1_011_000_000)));
        assert!(fits(Side::Buy, bought, None) && fits(Side::Buy, None, Some(1_001_000_000)));
        let partial = Trade { fill: Fill::Partial, ..trade(Side::Buy, bought, Some(1_005_000_000)) };
        assert!(partial.tell(draft()).is_ok());
        // 5 alpha into it: the price falls to 0.990075.
        let sold = Some((4_975_124_378, 5_000_000_000));
        assert!(!fits(Side::Sell, sold, Some(995_000_000)));
        assert!(fits(Side::Sell, sold, Some(989_000_000)));
        let unknown = Trade { measure: Measure::Unknown, ..trade(Side::Sell, sold, Some(995_000_000)) };
        assert!(unknown.tell(draft()).is_ok());
    }

    #[test]
    fn on_root_there_is_nothing_to_protect() {
        let root = Trade { netuid: NetUid::ROOT, ..trade(Side::Buy, Some((5, 5)), Some(1)) };
        assert_eq!(root.tao(), Some(rao(5)));
        let told = root.tell(draft()).unwrap();
        assert!(told.effects.is_empty() && told.warnings.is_empty());
        let limited = Trade { idle_limit: Some(rao(300_000_000)), ..root }.tell(draft()).unwrap();
        assert!(limited.warnings[0].contains("τ0.300000000 plays no part"), "{limited:?}");
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
    fn a_trade_that_moves_its_price_is_warned_of() {
        let warnings = |amounts, limit| trade(Side::Buy, amounts, limit).slipping(draft()).warnings;
        assert!(warnings(Some((1_005, 1_000)), None).is_empty());
        let warned = warnings(Some((1_100, 1_000)), Some(ONE));
        assert!(warned[0].contains("0.1 from the price now, which may be beyond"), "{warned:?}");
        assert!(warnings(Some((1, 0)), None).is_empty() && warnings(None, None).is_empty());
    }
}
