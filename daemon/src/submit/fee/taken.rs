//! What a call takes out of a position that pays its fee first: whether enough is left of it, and of what may leave.
//!
//! The chain takes a fee in alpha out of a position whether that is locked or not, and only then makes the call. Semantics:
//! pallet_subtensor, spec 425.

use btd_api::{Alpha, Coldkey, stake::Fill};

/// What a call takes out of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// How much it names.
    pub(super) alpha: Alpha,
    /// What it does where less is there.
    pub(super) measure: Measure,
    /// Where it goes.
    pub(super) end: End,
}

/// What a call does where less is there than it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// It fails. Such a call says what happens where its limit lets a part through.
    Exactly(Fill),
    /// It takes what is there.
    UpTo,
}

/// Where that goes which a call takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// From the subnet, which nothing locked leaves.
    Leaves,
    /// Behind another hotkey on the subnet: a lock does not care.
    Stays,
    /// To another coldkey on the subnet, with its lock where not enough of it is free.
    Given(Coldkey),
}

/// What there is to be taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stock {
    /// In the position.
    pub(super) held: Alpha,
    /// On its subnet, behind all hotkeys, and not locked.
    pub(super) free: Alpha,
}

/// Why a call fails that would be made, had its fee been paid in tao.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// No more is left in the position.
    TooLittle {
        /// How much that is.
        left: Alpha,
    },
    /// No more is left that may leave the subnet.
    Locked {
        /// How much that is.
        free: Alpha,
    },
    /// A part of what is given is locked: it fails where that is not accepted.
    Bound {
        /// How much that is.
        bound: Alpha,
        /// Who has to accept it.
        to: Coldkey,
    },
}

// === impl Taken ===

impl Taken {
    /// What keeps it from being taken out of `stock` after a `fee` was.
    pub(super) fn obstacle(self, fee: Alpha, stock: Stock) -> Option<Obstacle> {
        let rest = Stock { held: stock.held.saturating_sub(fee), free: stock.free.saturating_sub(fee) };
        if matches!(self.measure, Measure::Exactly(_)) && self.alpha > rest.held {
            return (self.alpha <= stock.held).then_some(Obstacle::TooLittle { left: rest.held });
        }
        let bound = self.bound(rest);
        if bound == Alpha::ZERO || self.bound(stock) > Alpha::ZERO {
            return None;
        }
        match self.end {
            End::Leaves => Some(Obstacle::Locked { free: rest.free }),
            End::Stays => None,
            End::Given(to) => Some(Obstacle::Bound { bound, to }),
        }
    }

    /// How much of what it takes is locked.
    fn bound(self, stock: Stock) -> Alpha {
        self.alpha.min(stock.held).saturating_sub(stock.free)
    }
}

#[cfg(test)]
mod tests {
    use btd_api::AccountId;

    use super::*;

    const OTHER: Coldkey = Coldkey(AccountId([4; 32]));
    const EXACTLY: Measure = Measure::Exactly(Fill::Whole);

    fn alpha(rao: u64) -> Alpha {
        Alpha::from_rao(rao)
    }

    /// After a fee of 1.
    fn obstacle(rao: u64, (measure, end): (Measure, End), (held, free): (u64, u64)) -> Option<Obstacle> {
        Taken { alpha: alpha(rao), measure, end }.obstacle(alpha(1), Stock { held: alpha(held), free: alpha(free) })
    }

    #[test]
    fn what_has_to_be_all_there_is_there_after_the_fee_or_not() {
        let exactly = |rao| obstacle(rao, (EXACTLY, End::Leaves), (10, 10));
        assert_eq!((exactly(9), exactly(10)), (None, Some(Obstacle::TooLittle { left: alpha(9) })));
        // That there is too little anyway is not the fee's doing.
        assert_eq!(exactly(11), None);
        for rao in [9, 10, 11] {
            assert_eq!(obstacle(rao, (Measure::UpTo, End::Leaves), (10, 10)), None, "{rao}");
        }
    }

    #[test]
    fn the_fee_is_taken_of_what_may_leave() {
        for measure in [EXACTLY, Measure::UpTo] {
            let leaving = |rao| obstacle(rao, (measure, End::Leaves), (10, 6));
            assert_eq!((leaving(5), leaving(6)), (None, Some(Obstacle::Locked { free: alpha(5) })), "{measure:?}");
            // As much was locked before.
            assert_eq!(leaving(7), None, "{measure:?}");
        }
        assert_eq!(obstacle(9, (EXACTLY, End::Leaves), (10, 9)), Some(Obstacle::Locked { free: alpha(8) }));
        // What stands behind other hotkeys is free too.
        assert_eq!(obstacle(9, (EXACTLY, End::Leaves), (10, 12)), None);
    }

    #[test]
    fn what_stays_on_its_subnet_may_be_locked_where_nobody_else_gets_it() {
        assert_eq!(obstacle(6, (Measure::UpTo, End::Stays), (10, 6)), None);
        let given = |rao| obstacle(rao, (Measure::UpTo, End::Given(OTHER)), (10, 6));
        assert_eq!((given(5), given(6)), (None, Some(Obstacle::Bound { bound: alpha(1), to: OTHER })));
        // Who has to accept that was known before.
        assert_eq!(given(8), None);
    }
}
