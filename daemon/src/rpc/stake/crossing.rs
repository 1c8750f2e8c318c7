//! Stake that crosses from one subnet to another: sold in the pool of the one for tao, which buys in the pool of the
//! other. Which call has it cross is [`super::trade`]'s business, what a single trade comes to [`super::market`]'s.

use btd_api::{Alpha, NetUid, Ratio, Tao, stake::Fill};
use btd_chain::ReadError;

use super::{
    SUBTENSOR,
    market::{self, ONE, Side},
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
    /// What one of the origin buys of the destination at the prices now.
    ratio: Tao,
    /// What arrives, by estimate; none where the runtime cannot tell.
    gets: Option<Alpha>,
}

/// How the chain tells whether all of it crosses within a limit.
#[derive(Clone, Copy, Debug)]
enum Measure {
    /// One pool is on the way: by the price at which that ends.
    End,
    /// Two pools are on the way: by what they hold, the origin's first.
    Reserves(Reserves, Reserves),
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
    /// What it comes to now. Refused is what one of the two pools is too small for.
    pub(super) async fn between(
        ground: &Ground,
        (origin, dest): (NetUid, NetUid),
        alpha: Alpha,
        fill: Fill,
    ) -> Result<Self, SubmissionError> {
        let (from, to) = (market::price(ground, origin).await?, market::price(ground, dest).await?);
        let mut crossing = Self { origin, dest, alpha, fill, ratio: market::ratio(from, to), gets: None };
        let Some(tao) = market::tao_for(ground, origin, alpha).await? else { return Ok(crossing) };
        market::require_liquidity(ground, origin, (market::worth(alpha, from), tao.rao())).await?;
        crossing.gets = market::alpha_for(ground, dest, tao).await?;
        // Of a part of it the pool may have enough.
        if let (Some(gets), Fill::Whole) = (crossing.gets, fill) {
            market::require_liquidity(ground, dest, (market::ratio(tao, to).rao(), gets.rao())).await?;
        }
        Ok(crossing)
    }

    /// What one of the origin buys of the destination at the prices now.
    pub(super) const fn ratio(&self) -> Tao {
        self.ratio
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
        if self.fill == Fill::Whole {
            self.fits(limit, self.measure(ground).await?)?;
        }
        let Self { origin, dest, ratio, .. } = self;
        let draft = draft.effect(format!(
            "one alpha of subnet {origin} buys {ratio} of subnet {dest} now, and no less than {limit}"
        ));
        Ok(self.slipping(self.bringing(draft), ", which may be beyond the limit"))
    }

    /// The draft with what it is likely to bring by a call that takes no limit.
    pub(super) fn unbounded(&self, draft: Draft) -> Draft {
        self.slipping(Self { fill: Fill::Whole, ..*self }.bringing(draft), "")
    }

    fn bringing(&self, draft: Draft) -> Draft {
        let Some(gets) = self.gets else { return draft };
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
        let Some(average) = self.average().filter(|_| self.ratio > Tao::ZERO) else { return draft };
        let distance = Ratio::from_parts(average.rao().abs_diff(self.ratio.rao()), self.ratio.rao());
        if distance.billionths() <= 10_000_000 {
            return draft;
        }
        draft.warning(format!(
            "it moves the prices itself: one alpha buys {average} on average, {distance} from the {} now{beyond}",
            self.ratio
        ))
    }

    /// Refuses what would go beyond the limit all by itself: the chain takes the fee and does nothing. Two thousandths
    /// are left for the pools' own fees, and for what they hold to change until then.
    fn fits(&self, limit: Tao, measure: Measure) -> Result<(), SubmissionError> {
        const WAYS: &str = "swap less, allow a partial fill, or widen the tolerance";
        let words = match (measure, self.average()) {
            (Measure::End, Some(average)) => {
                let ratio = self.ratio;
                let Some(end) = market::end_beyond(ratio, average, limit, Side::Sell) else { return Ok(()) };
                format!(
                    "the swap itself would move what one alpha buys from {ratio} to about {end}, beyond the limit of \
                     {limit}: {WAYS}"
                )
            }
            (Measure::Reserves(origin, dest), _) => {
                let Some(room) = room(origin, dest, limit) else { return Ok(()) };
                if u128::from(self.alpha.rao()) * 998 / 1000 <= u128::from(room.rao()) {
                    return Ok(());
                }
                let (alpha, origin) = (self.alpha, self.origin);
                format!(
                    "of the α{alpha} of subnet {origin} about α{room} can be swapped within the limit of {limit}: {WAYS}"
                )
            }
            (Measure::End, None) | (Measure::Unknown, _) => return Ok(()),
        };
        Err(Precondition::Foreseen { error: "SlippageTooHigh", words }.into())
    }

    async fn measure(&self, ground: &Ground) -> Result<Measure, SubmissionError> {
        // Once there was other liquidity beside what the pools hold.
        if ground.view.runtime().has_storage(SUBTENSOR, "SubnetTaoProvided") {
            return Ok(Measure::Unknown);
        }
        if trade::is_one_for_one(ground, self.origin).await? || trade::is_one_for_one(ground, self.dest).await? {
            return Ok(Measure::End);
        }
        let (origin, dest) = (reserves(ground, self.origin).await?, reserves(ground, self.dest).await?);
        Ok(origin.zip(dest).map_or(Measure::Unknown, |(origin, dest)| Measure::Reserves(origin, dest)))
    }

    /// What one of the origin buys of the destination on average; none where that is not known.
    fn average(&self) -> Option<Tao> {
        let gets = self.gets.filter(|_| self.alpha > Alpha::ZERO)?;
        Some(market::ratio(Tao::from_rao(gets.rao()), Tao::from_rao(self.alpha.rao())))
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
        Crossing { origin: NetUid(2), dest, alpha, fill, ratio: rao(ONE), gets }
    }

    fn draft() -> Draft {
        Draft::new(Call::new("a", "b"), "swap")
    }

    #[test]
    fn through_one_pool_the_price_at_the_end_counts() {
        // 5 alpha into a pool of 1000 and 1000: the price falls to 0.990075.
        let sold = crossing(NetUid::ROOT, (5_000_000_000, 4_975_124_378), Fill::Whole);
        assert!(sold.fits(rao(989_000_000), Measure::End).is_ok());
        let refused = sold.fits(rao(995_000_000), Measure::End).unwrap_err().to_string();
        assert!(refused.contains("from 1.000000000 to about 0.990074"), "{refused}");
        assert!(sold.fits(rao(995_000_000), Measure::Unknown).is_ok());
        assert!(Crossing { gets: None, ..sold }.fits(rao(995_000_000), Measure::End).is_ok());
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
        let measure = Measure::Reserves(POOL, POOL);
        let fits = |alpha| crossing(NetUid(3), (alpha, alpha), Fill::Whole).fits(rao(995_000_000), measure);
        assert!(fits(2_512_000_000).is_ok());
        let refused = fits(2_600_000_000).unwrap_err().to_string();
        assert!(refused.contains("α2.600000000 of subnet 2 about α2.512562814 can be swapped"), "{refused}");
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
