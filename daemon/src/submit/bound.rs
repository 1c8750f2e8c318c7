//! What a plan that somebody agreed to binds itself to, held when it is worked out anew to be signed.
//!
//! Between a plan that is shown and its signature lie a question, a password and the account's turn. A limit that is counted
//! from the price would follow it meanwhile, and more be paid than was agreed to. So of what was agreed to and what is
//! wanted by then the tighter is signed, and what has come to cost more is refused, as the chain would.

use std::sync::Arc;

use btd_api::{
    BlockHash, Tao,
    signing::{Bound, Priced},
};

use super::plan::Precondition;

/// What a plan that was agreed to binds itself to; nothing where nobody was shown one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    bounds: Arc<[Bound]>,
    makes: Option<BlockHash>,
}

impl From<Vec<Bound>> for Agreed {
    fn from(bounds: Vec<Bound>) -> Self {
        Self { bounds: bounds.into(), makes: None }
    }
}

// === impl Agreed ===

impl Agreed {
    /// The same, of a plan that makes this announced call.
    #[must_use]
    pub fn making(self, makes: Option<BlockHash>) -> Self {
        Self { makes, ..self }
    }

    /// The announced call that was agreed to, where the order names none.
    pub(super) const fn makes(&self) -> Option<BlockHash> {
        self.makes
    }

    /// The tighter of what is `wanted` now and what was agreed to. Refused is what costs more than was agreed to now, at
    /// `price`. What the plan that was agreed to has nothing of may be left out yet: [`Self::covers`] judges what is not.
    pub(super) fn hold(&self, wanted: Bound, price: Option<Tao>) -> Result<Bound, Precondition> {
        let Bound { of, limit: own } = wanted;
        let limits = self.bounds.iter().filter(|bound| bound.of == of).map(|bound| bound.limit);
        let Some(agreed) = limits.reduce(|one, other| tighter(of, one, other)) else { return Ok(wanted) };
        let limit = tighter(of, agreed, own);
        match price {
            // What is wanted by itself is judged where it is wanted.
            Some(price) if limit != own && is_beyond(of, price, limit) => {
                let words = format!("{}, beyond the {} that was agreed to: {AGAIN}", costs(of, price), told(of, limit));
                Err(Precondition::Foreseen { error: error(of), words })
            }
            _ => Ok(Bound { of, limit }),
        }
    }

    /// Refuses what is to be signed within `bounds` where the plan that was agreed to has nothing of one of them, and what
    /// trades anything `unlimited` where that plan has limits.
    pub(super) fn covers(&self, bounds: &[Bound], unlimited: &[Priced]) -> Result<(), Precondition> {
        if self.bounds.is_empty() {
            return Ok(());
        }
        let refused = |of, words| Err(Precondition::Foreseen { error: error(of), words });
        if let Some(of) = unlimited.first().copied() {
            let words = format!("limits were agreed to, and this has none on the price of {}: {AGAIN}", named(of));
            return refused(of, words);
        }
        let is_agreed = |of: Priced| self.bounds.iter().any(|bound| bound.of == of);
        match bounds.iter().map(|bound| bound.of).find(|of| !is_agreed(*of)) {
            None => Ok(()),
            Some(of) => refused(of, format!("the plan that was agreed to has no price of {}: {AGAIN}", named(of))),
        }
    }
}

/// What to do.
const AGAIN: &str = "nothing was signed; ask for the plan again";

fn tighter(of: Priced, one: Tao, other: Tao) -> Tao {
    if of.is_paid() { one.min(other) } else { one.max(other) }
}

fn is_beyond(of: Priced, price: Tao, limit: Tao) -> bool {
    if of.is_paid() { price > limit } else { price < limit }
}

/// The name under which the chain refuses a price that is beyond its limit.
const fn error(of: Priced) -> &'static str {
    match of {
        Priced::Registration(_) => "RegistrationPriceLimitExceeded",
        Priced::Subnet => "CannotAffordLockCost",
        Priced::Bought(_) | Priced::Sold(_) | Priced::Swapped { .. } => "PriceLimitExceeded",
    }
}

fn named(of: Priced) -> String {
    match of {
        Priced::Registration(netuid) => format!("a place on subnet {netuid}"),
        Priced::Subnet => "a new subnet".to_owned(),
        Priced::Bought(netuid) | Priced::Sold(netuid) => format!("the alpha of subnet {netuid}"),
        Priced::Swapped { origin_netuid, dest_netuid } => {
            format!("the alpha of subnet {origin_netuid} in that of subnet {dest_netuid}")
        }
    }
}

/// What it costs now, in words.
fn costs(of: Priced, price: Tao) -> String {
    match of {
        Priced::Registration(netuid) => format!("registering on subnet {netuid} costs τ{price} now"),
        Priced::Subnet => format!("a new subnet costs τ{price} now"),
        Priced::Bought(netuid) => format!("one alpha of subnet {netuid} costs τ{price} now"),
        Priced::Sold(netuid) => format!("one alpha of subnet {netuid} brings τ{price} now"),
        Priced::Swapped { origin_netuid, dest_netuid } => {
            format!("one alpha of subnet {origin_netuid} buys {price} of subnet {dest_netuid} now")
        }
    }
}

fn told(of: Priced, limit: Tao) -> String {
    match of {
        Priced::Registration(_) | Priced::Subnet | Priced::Bought(_) | Priced::Sold(_) => format!("τ{limit}"),
        // That is a ratio.
        Priced::Swapped { .. } => limit.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use btd_api::{NetUid, catalogue};

    use super::*;

    const PLACE: Priced = Priced::Registration(NetUid(1));
    const SOLD: Priced = Priced::Sold(NetUid(1));

    fn bound(of: Priced, limit: u64) -> Bound {
        Bound { of, limit: Tao::from_rao(limit) }
    }

    fn held(agreed: &[Bound], wanted: Bound, price: u64) -> Result<u64, String> {
        let held = Agreed::from(agreed.to_vec()).hold(wanted, Some(Tao::from_rao(price)));
        held.map(|held| held.limit.rao()).map_err(|refused| refused.to_string())
    }

    #[test]
    fn the_tighter_bound_is_signed() {
        for (of, wanted, agreed, expected) in
            [(PLACE, 1_010, 1_005, 1_005), (PLACE, 1_000, 1_005, 1_000), (SOLD, 990, 995, 995), (SOLD, 999, 995, 999)]
        {
            assert_eq!(held(&[bound(of, agreed)], bound(of, wanted), 1_000), Ok(expected), "{of:?}");
        }
        // Said twice, and of something else beside it.
        let agreed = [bound(PLACE, 1_007), bound(SOLD, 1), bound(PLACE, 1_005)];
        assert_eq!(held(&agreed, bound(PLACE, 1_010), 1_000), Ok(1_005));
    }

    #[test]
    fn what_costs_more_by_now_is_refused() {
        let refused = held(&[bound(PLACE, 1_005)], bound(PLACE, 2_010), 2_000).unwrap_err();
        assert!(
            refused.starts_with("registering on subnet 1 costs τ0.000002000 now, beyond the τ0.000001005"),
            "{refused}"
        );
        assert!(held(&[bound(SOLD, 995)], bound(SOLD, 500), 502).is_err());
        // Whoever set a limit himself is refused for that one.
        assert_eq!(held(&[bound(PLACE, 1_005)], bound(PLACE, 1_005), 2_000), Ok(1_005));
    }

    #[test]
    fn what_the_plan_had_nothing_of_is_refused() {
        let [agreed, other] = [1, 2].map(|netuid| bound(Priced::Bought(NetUid(netuid)), 7));
        let covers = |bounds: &[Bound]| Agreed::from(vec![agreed]).covers(bounds, &[]);
        let refused = covers(&[agreed, other]).unwrap_err().to_string();
        assert!(refused.contains("has no price of the alpha of subnet 2"), "{refused}");
        assert_eq!((covers(&[agreed]), covers(&[])), (Ok(()), Ok(())));
        // While it is drawn up it may yet be left out.
        assert_eq!(held(&[agreed], other, 9), Ok(7));
    }

    #[test]
    fn what_has_no_limit_by_now_is_refused() {
        let refused = Agreed::from(vec![bound(SOLD, 7)]).covers(&[], &[SOLD]).unwrap_err().to_string();
        assert!(refused.starts_with("limits were agreed to, and this has none on the price of the alpha"), "{refused}");
    }

    #[test]
    fn whoever_was_shown_nothing_is_held_to_nothing() {
        assert_eq!(held(&[], bound(PLACE, 2_010), 2_000), Ok(2_010));
        assert_eq!(Agreed::default().covers(&[bound(PLACE, 2_010)], &[SOLD]), Ok(()));
    }

    #[test]
    fn every_refusal_has_a_class_and_a_remedy() {
        let swapped = Priced::Swapped { origin_netuid: NetUid(1), dest_netuid: NetUid(2) };
        for of in [PLACE, Priced::Subnet, SOLD, Priced::Bought(NetUid(1)), swapped] {
            assert!(catalogue::find(error(of)).is_some(), "{of:?}");
        }
    }
}
