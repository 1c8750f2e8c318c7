//! Stake that crosses from one subnet to another: sold in the pool of the one for tao, which buys in the pool of the
//! other. Which call has it cross is [`super::trade`]'s business, what a single trade comes to [`super::market`]'s.

use btd_api::{
    Alpha, NetUid, Ratio, Tao,
    signing::{Bound, Priced},
    stake::{Fill, Protection},
};
use btd_chain::ReadError;

use super::{
    SUBTENSOR, least,
    limit::{self, ONE, Side, Unpriced},
    market::{self, Measure},
    number, trade,
};
use crate::submit::{Draft, Ground, Precondition, SubmissionError};

/// Stake of one subnet for that of another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crossing {
    origin: NetUid,
    dest: NetUid,
    alpha: Alpha,
    fill: Fill,
    /// What one of the origin buys of the destination at the prices now; none where the runtime tells no prices.
    ratio: Option<Tao>,
    /// What arrives, by estimate; none where the runtime cannot tell.
    gets: Option<Alpha>,
}

/// How the chain tells whether all of it crosses within a limit.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// One pool is on it, or none.
    Pool(Measure),
    /// Two pools are on it: by what they hold, the origin's first. Of a part that comes to nothing the chain makes an
    /// error where the measure of single pools is their prices.
    Pools(Reserves, Reserves, Measure),
    /// In a way that this runtime does not tell.
    Unknown,
}

/// What a pool holds.
#[derive(Clone, Copy, Debug)]
struct Reserves {
    tao: u64,
    alpha: u64,
}

// === impl Crossing ===

impl Crossing {
    /// What it comes to now. Refused is what one of the two pools is too small for, and what is too little to cross.
    pub(super) async fn between(
        ground: &Ground,
        (origin, dest): (NetUid, NetUid),
        alpha: Alpha,
        fill: Fill,
    ) -> Result<Self, SubmissionError> {
        let (from, to) = (market::price(ground, origin).await?, market::price(ground, dest).await?);
        let ratio = from.zip(to).map(|(from, to)| limit::ratio(from, to));
        let mut crossing = Self { origin, dest, alpha, fill, ratio, gets: None };
        let Some(tao) = market::tao_for(ground, origin, alpha).await? else { return Ok(crossing) };
        if let Some(from) = from {
            market::require_liquidity(origin, (limit::worth(alpha, from), tao.rao()))?;
        }
        least::crossing(origin, alpha, tao)?;
        crossing.gets = market::alpha_for(ground, dest, tao).await?;
        // Of a part of it the pool may have enough.
        if let (Some(gets), Some(to), Fill::Whole) = (crossing.gets, to, fill) {
            market::require_liquidity(dest, (limit::ratio(tao, to).rao(), gets.rao()))?;
        }
        Ok(crossing)
    }

    /// The least that one of the origin may buy of the destination under `protection`; none where it allows all.
    pub(super) fn limit(&self, ground: &Ground, protection: Protection) -> Result<Option<Tao>, SubmissionError> {
        let Self { origin, dest, .. } = self;
        let limit = limit::of(self.ratio, protection, Side::Sell)
            .map_err(|Unpriced| limit::unpriced(ground, &format!("subnets {origin} and {dest}")))?;
        let held = |limit| ground.hold(self.bound(limit), self.ratio);
        Ok(limit.map(held).transpose()?.map(|held| held.limit))
    }

    /// That limit, as a plan tells it.
    const fn bound(&self, limit: Tao) -> Bound {
        Bound { of: self.swapped(), limit }
    }

    const fn swapped(&self) -> Priced {
        Priced::Swapped { origin_netuid: self.origin, dest_netuid: self.dest }
    }

    /// The draft with what it is likely to bring by a call that takes `limit`. Refused is what would go beyond that
    /// all by itself.
    pub(super) async fn within(
        &self,
        ground: &Ground,
        draft: Draft,
        limit: Option<Tao>,
    ) -> Result<Draft, SubmissionError> {
        let Some(limit) = limit else {
            let draft = draft.warning("no limit is set: whatever the prices are at inclusion are the prices");
            return Ok(self.unbounded(draft));
        };
        self.fits(limit, self.way(ground).await?)?;
        let Self { origin, dest, .. } = self;
        let draft = draft.effect(match self.ratio {
            Some(ratio) => {
                format!("one alpha of subnet {origin} buys {ratio} of subnet {dest} now, and no less than {limit}")
            }
            None => format!("one alpha of subnet {origin} buys no less than {limit} of subnet {dest}"),
        });
        let draft = draft.bound(self.bound(limit));
        Ok(self.slipping(self.bringing(draft), ", which may be beyond the limit"))
    }

    /// The draft with what it is likely to bring by a call that takes no limit.
    pub(super) fn unbounded(&self, draft: Draft) -> Draft {
        self.slipping(Self { fill: Fill::Whole, ..*self }.bringing(draft.unlimited(self.swapped())), "")
    }

    fn bringing(&self, draft: Draft) -> Draft {
        let Some(gets) = self.gets else {
            return draft.warning("what it brings is not known: this runtime tells nothing of its pools beforehand");
        };
        let (dest, sign) = (self.dest, self.dest.stake_sign());
        draft.effect(match self.fill {
            Fill::Whole => format!("brings about {sign}{gets} of subnet {dest}"),
            Fill::Partial => {
                format!("brings up to about {sign}{gets} of subnet {dest}: only what stays within the limit is swapped")
            }
        })
    }

    /// Warns where it moves the prices itself by more than a hundredth.
    fn slipping(&self, draft: Draft, beyond: &str) -> Draft {
        let ratio = self.ratio.filter(|ratio| *ratio > Tao::ZERO);
        let Some((average, ratio)) = self.average().zip(ratio) else { return draft };
        let distance = Ratio::from_parts(average.rao().abs_diff(ratio.rao()), ratio.rao());
        if distance.billionths() <= 10_000_000 {
            return draft;
        }
        draft.warning(format!(
            "it moves the prices itself: one alpha buys {average} on average, {distance} from the {ratio} now{beyond}"
        ))
    }

    /// Refuses what the chain makes nothing of but the fee: what would go beyond the limit all by itself, and that of which
    /// no part is within it. Two thousandths are left for the pools' own fees, and for what they hold to change until then.
    fn fits(&self, limit: Tao, way: Way) -> Result<(), SubmissionError> {
        const WAYS: &str = "swap less, allow a partial fill, or widen the tolerance";
        let refused = |error, words| Err(Precondition::Foreseen { error, words }.into());
        let Self { origin, alpha, .. } = *self;
        let sign = origin.stake_sign();
        match (way, self.fill) {
            (Way::Unknown, _) => Ok(()),
            (Way::Pool(measure), fill) => {
                let Some(ratio) = self.ratio else { return Ok(()) };
                measure.admits((ratio, limit), Side::Sell, || self.nothing(limit))?;
                let (Some(average), Fill::Whole) = (self.average(), fill) else { return Ok(()) };
                match limit::end_beyond(ratio, average, limit, Side::Sell) {
                    Some(end) if measure != Measure::Unknown => refused(
                        "SlippageTooHigh",
                        format!(
                            "the swap itself would move what one alpha buys from {ratio} to about {end}, beyond the \
                             limit of {limit}: {WAYS}"
                        ),
                    ),
                    _ => Ok(()),
                }
            }
            (Way::Pools(from, to, _), Fill::Whole) => match room(from, to, limit) {
                Some(room) if u128::from(alpha.rao()) * 998 / 1000 > u128::from(room.rao()) => refused(
                    "SlippageTooHigh",
                    format!(
                        "of the {sign}{alpha} of subnet {origin} about {sign}{room} can be swapped within the limit of \
                         {limit}: {WAYS}"
                    ),
                ),
                _ => Ok(()),
            },
            (Way::Pools(from, to, measure), Fill::Partial) => {
                let eased = Tao::from_rao(limit.rao() - limit.rao() / 500);
                match room(from, to, eased) {
                    Some(Alpha::ZERO) if measure == Measure::Prices && eased > Tao::ZERO => {
                        refused("AmountTooLow", self.nothing(limit))
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// That nothing goes within a limit, and what to do.
    fn nothing(&self, limit: Tao) -> String {
        let Self { origin, dest, .. } = self;
        let now = self.ratio.map_or_else(String::new, |ratio| format!(": one alpha buys {ratio} now"));
        format!(
            "nothing of subnet {origin} can be swapped for subnet {dest} within the limit of {limit}{now}; widen the \
             tolerance, or swap once the prices are within it"
        )
    }

    async fn way(&self, ground: &Ground) -> Result<Way, SubmissionError> {
        let measure = Measure::of(ground.view.runtime());
        if measure == Measure::Unknown {
            return Ok(Way::Unknown);
        }
        let is_even =
            [trade::is_one_for_one(ground, self.origin).await?, trade::is_one_for_one(ground, self.dest).await?];
        match is_even {
            // Where no pool is, a limit lets everything through or nothing.
            [true, true] => return Ok(Way::Pool(Measure::End)),
            [false, false] => {}
            [true, false] | [false, true] => return Ok(Way::Pool(measure)),
        }
        let (origin, dest) = (reserves(ground, self.origin).await?, reserves(ground, self.dest).await?);
        Ok(origin.zip(dest).map_or(Way::Unknown, |(origin, dest)| Way::Pools(origin, dest, measure)))
    }

    /// What one of the origin buys of the destination on average; none where that is not known.
    fn average(&self) -> Option<Tao> {
        let gets = self.gets.filter(|_| self.alpha > Alpha::ZERO)?;
        Some(limit::ratio(Tao::from_rao(gets.rao()), Tao::from_rao(self.alpha.rao())))
    }
}

/// What a pool holds; none where the runtime does not tell.
async fn reserves(ground: &Ground, netuid: NetUid) -> Result<Option<Reserves>, SubmissionError> {
    let held = async |item: &str| match ground.view.storage_json(SUBTENSOR, item, &[netuid.into()]).await {
        Ok(held) => Ok(number(&held)),
        Err(ReadError::Absent(_)) => Ok(None),
        Err(error) => Err(SubmissionError::from(error)),
    };
    let (tao, alpha) = (held("SubnetTAO").await?, held("SubnetAlphaIn").await?);
    Ok(tao.zip(alpha).map(|(tao, alpha)| Reserves { tao, alpha }))
}

/// The most alpha that the chain swaps between two pools within a limit (`get_max_amount_move`, spec 425): as much as on
/// average buys no less than that in pools of equal weights, their fees left out. None where any amount will do.
fn room(origin: Reserves, dest: Reserves, limit: Tao) -> Option<Alpha> {
    let limit = Some(u128::from(limit.rao())).filter(|limit| *limit > 0)?;
    let (one, all) = (u128::from(ONE), u128::from(origin.tao) + u128::from(dest.tao));
    let gained = u128::from(dest.alpha) * u128::from(origin.tao);
    // In two steps, as it may not fit in one. What fits in none is more than there is.
    let gained = (gained / limit).checked_mul(one)?.checked_add(gained % limit * one / limit)?;
    let given = u128::from(origin.alpha) * u128::from(dest.tao);
    let room = gained.saturating_sub(given) / all.max(1);
    Some(Alpha::from_rao(u64::try_from(room).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use btd_chain::Call;

    use super::*;

    const POOL: Reserves = Reserves { tao: 1_000 * ONE, alpha: 1_000 * ONE };

    fn rao(rao: u64) -> Tao {
        Tao::from_rao(rao)
    }

    /// So much of subnet 2 for so much of another, one for one at the prices now.
    fn crossing(dest: NetUid, (alpha, gets): (u64, u64), fill: Fill) -> Crossing {
        let (alpha, gets) = (Alpha::from_rao(alpha), Some(Alpha::from_rao(gets)));
        Crossing { origin: NetUid(2), dest, alpha, fill, ratio: Some(rao(ONE)), gets }
    }

    fn draft() -> Draft {
        Draft::new(Call::new("a", "b"), "swap")
    }

    #[test]
    fn through_one_pool_the_price_at_the_end_counts() {
        // 5 alpha into a pool of 1000 and 1000: the price falls to 0.990075.
        let sold = crossing(NetUid::ROOT, (5_000_000_000, 4_975_124_378), Fill::Whole);
        let one = Way::Pool(Measure::Prices);
        assert!(sold.fits(rao(989_000_000), one).is_ok());
        let refused = sold.fits(rao(995_000_000), one).unwrap_err().to_string();
        assert!(refused.contains("from 1.000000000 to about 0.990074"), "{refused}");
        assert!(sold.fits(rao(995_000_000), Way::Unknown).is_ok());
        assert!(Crossing { gets: None, ..sold }.fits(rao(995_000_000), one).is_ok());
        assert!(Crossing { ratio: None, ..sold }.fits(rao(995_000_000), one).is_ok());
    }

    #[test]
    fn through_two_pools_what_they_hold_counts() {
        assert_eq!(room(POOL, POOL, rao(995_000_000)), Some(Alpha::from_rao(2_512_562_814)));
        assert_eq!(room(POOL, POOL, rao(2 * ONE)), Some(Alpha::ZERO));
        assert_eq!(room(POOL, POOL, Tao::ZERO), None);
        let full = Reserves { tao: u64::MAX, alpha: u64::MAX };
        assert_eq!(room(full, full, rao(1)), None);
        assert_eq!(
            room(Reserves { tao: u64::MAX, ..POOL }, full, rao(ONE)),
            Some(Alpha::from_rao(9_223_371_536_854_775_807))
        );
        let two = Way::Pools(POOL, POOL, Measure::Prices);
        let fits = |alpha| crossing(NetUid(3), (alpha, alpha), Fill::Whole).fits(rao(995_000_000), two);
        assert!(fits(2_512_000_000).is_ok());
        let refused = fits(2_600_000_000).unwrap_err().to_string();
        assert!(refused.contains("α2.600000000 of subnet 2 about α2.512562814 can be swapped"), "{refused}");
    }

    #[test]
    fn a_part_of_which_nothing_fits_is_refused() {
        let part = |dest, limit, way| crossing(dest, (ONE, ONE), Fill::Partial).fits(rao(limit), way);
        let two = |measure| Way::Pools(POOL, POOL, measure);
        // Both pools are at one for one: more is asked for, by more than what the pools may change until then.
        let refused = part(NetUid(3), 1_010_000_000, two(Measure::Prices)).unwrap_err().to_string();
        assert!(refused.contains("within the limit of 1.010000000: one alpha buys 1.000000000 now"), "{refused}");
        for limit in [0, 1, 500_000_000, 999_000_000, 1_001_000_000] {
            assert!(part(NetUid(3), limit, two(Measure::Prices)).is_ok(), "{limit}");
            assert!(part(NetUid::ROOT, limit, Way::Pool(Measure::Prices)).is_ok(), "{limit}");
        }
        assert!(part(NetUid::ROOT, 1_010_000_000, Way::Pool(Measure::Prices)).is_err());
        // Where a runtime does not say so, it may be otherwise.
        for way in [two(Measure::End), Way::Pool(Measure::End), Way::Unknown] {
            assert!(part(NetUid(3), 1_010_000_000, way).is_ok(), "{way:?}");
        }
    }

    #[test]
    fn what_is_not_known_of_it_is_said() {
        let blind = Crossing { ratio: None, gets: None, ..crossing(NetUid(3), (ONE, 0), Fill::Whole) };
        let told = blind.unbounded(draft());
        assert!(told.effects.is_empty() && told.warnings[0].contains("is not known"), "{told:?}");
        assert_eq!(told.unlimited, [blind.swapped()]);
    }

    #[test]
    fn a_part_is_not_told_as_the_whole() {
        let told = |fill| crossing(NetUid::ROOT, (711 * ONE, 419 * ONE), fill).bringing(draft()).effects;
        assert_eq!(told(Fill::Whole), ["brings about τ419.000000000 of subnet 0"]);
        assert!(told(Fill::Partial)[0].starts_with("brings up to about τ419.000000000 of subnet 0"));
        // Where no limit is taken, it all goes.
        let whole = crossing(NetUid::ROOT, (711 * ONE, 419 * ONE), Fill::Partial).unbounded(draft());
        assert_eq!(whole.effects, told(Fill::Whole));
    }

    #[test]
    fn the_distance_from_the_price_is_warned_of() {
        let warnings = |amounts| crossing(NetUid::ROOT, amounts, Fill::Whole).unbounded(draft()).warnings;
        assert!(warnings((1_000, 995)).is_empty());
        let warned = warnings((1_000, 589));
        assert!(warned[0].contains("0.589000000 on average, 0.411 from the 1.000000000 now"), "{warned:?}");
    }
}
