//! Between which values each hyperparameter can be set, and what the chain says to others.
//!
//! From pallet_subtensor and pallet_admin_utils, spec 425. An end that the runtime tells, as a constant or in its
//! state, is named and not repeated here. Pure data: the daemon looks the named ends up.

use super::Hyperparameter;

/// On which side of its end a value must lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// At the end or above it.
    AtLeast,
    /// Above the end.
    Above,
    /// At the end or below it.
    AtMost,
    /// Below the end.
    Below,
}

/// Where the end stands; pallet `SubtensorModule` where it is one of the runtime's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In the code of the runtimes of specs 423 to 425, raw.
    Fixed(i128),
    /// In this constant.
    Constant(&'static str),
    /// In this item of storage, for the whole chain.
    Chain(&'static str),
    /// In this item of storage, for the subnet; with what it is, in words.
    Subnet(&'static str, &'static str),
}

/// Whom a bound binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Owners and root.
    Everyone,
    /// Owners: root sets what it likes.
    Owner,
}

/// One end of the range of a hyperparameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// On which side of it values lie.
    pub side: Side,
    /// Where it stands.
    pub end: End,
    /// Whom it binds.
    pub bound: Bound,
    /// What the chain calls a value beyond it.
    pub error: &'static str,
}

const fn all(side: Side, end: End, error: &'static str) -> Limit {
    Limit { side, end, bound: Bound::Everyone, error }
}

const fn owners(side: Side, end: End, error: &'static str) -> Limit {
    Limit { side, end, bound: Bound::Owner, error }
}

/// One, as fixed point with 64 bits behind the point.
const ONE: i128 = 1 << 64;

const TEMPO: &[Limit] = &[
    owners(Side::AtLeast, End::Constant("MinTempo"), "TempoOutOfBounds"),
    owners(Side::AtMost, End::Constant("MaxTempo"), "TempoOutOfBounds"),
];
const CUTOFF: &[Limit] = &[all(Side::AtLeast, End::Chain("MinActivityCutoff"), "ActivityCutoffTooLow")];
const CUTOFF_FACTOR: &[Limit] = &[
    all(Side::AtLeast, End::Constant("MinActivityCutoffFactorMilli"), "ActivityCutoffFactorMilliOutOfBounds"),
    all(Side::AtMost, End::Constant("MaxActivityCutoffFactorMilli"), "ActivityCutoffFactorMilliOutOfBounds"),
];
const STEEPNESS: &[Limit] = &[owners(Side::AtLeast, End::Fixed(0), "NegativeSigmoidSteepness")];
const BONDS: &[Limit] = &[owners(Side::AtMost, End::Fixed(975_000), "BondsMovingAverageMaxReached")];
const HALF_LIFE: &[Limit] =
    &[all(Side::AtLeast, End::Fixed(1), "InvalidValue"), all(Side::AtMost, End::Fixed(36_100), "InvalidValue")];
const INCREASE: &[Limit] =
    &[all(Side::AtLeast, End::Fixed(ONE), "InvalidValue"), all(Side::AtMost, End::Fixed(3 * ONE), "InvalidValue")];
const REVEAL_PERIOD: &[Limit] = &[
    all(Side::AtMost, End::Fixed(100), "RevealPeriodTooLarge"),
    all(Side::AtLeast, End::Fixed(1), "RevealPeriodTooSmall"),
];
const MAX_UIDS: &[Limit] = &[
    all(Side::AtLeast, End::Subnet("MinAllowedUids", "min_allowed_uids"), "MaxAllowedUidsLessThanMinAllowedUids"),
    all(Side::AtLeast, End::Subnet("SubnetworkN", "number of neurons"), "MaxAllowedUIdsLessThanCurrentUIds"),
    all(Side::AtMost, End::Fixed(256), "MaxAllowedUidsGreaterThanDefaultMaxAllowedUids"),
];
const MIN_UIDS: &[Limit] = &[
    all(Side::Below, End::Subnet("MaxAllowedUids", "max_allowed_uids"), "MinAllowedUidsGreaterThanMaxAllowedUids"),
    all(Side::Below, End::Subnet("SubnetworkN", "number of neurons"), "MinAllowedUidsGreaterThanCurrentUids"),
];
const VALIDATORS: &[Limit] =
    &[all(Side::AtMost, End::Subnet("MaxAllowedUids", "max_allowed_uids"), "MaxValidatorsLargerThanMaxUIds")];
const MIN_BURN: &[Limit] = &[
    all(Side::Below, End::Constant("MinBurnUpperBound"), "ValueNotInBounds"),
    all(Side::Below, End::Subnet("MaxBurn", "max_burn"), "ValueNotInBounds"),
];
const MAX_BURN: &[Limit] = &[
    all(Side::Above, End::Constant("MaxBurnLowerBound"), "ValueNotInBounds"),
    all(Side::Above, End::Subnet("MinBurn", "min_burn"), "ValueNotInBounds"),
];
const CHILD_TAKE: &[Limit] = &[
    all(Side::AtLeast, End::Chain("MinChildkeyTake"), "InvalidValue"),
    all(Side::AtMost, End::Chain("MaxChildkeyTake"), "InvalidValue"),
];
const IMMUNE: &[Limit] =
    &[all(Side::AtLeast, End::Fixed(1), "InvalidValue"), all(Side::AtMost, End::Fixed(10), "InvalidValue")];
const CLAIM_THRESHOLD: &[Limit] = &[all(Side::AtMost, End::Fixed(10_000_000), "InvalidRootClaimThreshold")];
const VOTING_ALPHA: &[Limit] =
    &[all(Side::AtMost, End::Fixed(1_000_000_000_000_000_000), "InvalidVotingPowerEmaAlpha")];

/// The least end of liquid alpha, low or high, in parts of 65,535: in the code of the runtimes of specs 423 to 425.
pub const LEAST_ALPHA: i128 = 1_638;
/// Neurons of a subnet over all its mechanisms, in the code of the same.
pub const MOST_PLACES: i128 = 256;

impl Hyperparameter {
    /// The ends of its range, in the order in which the chain looks at them. The ends of liquid alpha, which bound each
    /// other, are not among them.
    pub fn limits(&self) -> &'static [Limit] {
        match self.name {
            "activity_cutoff" => CUTOFF,
            "activity_cutoff_factor" => CUTOFF_FACTOR,
            "alpha_sigmoid_steepness" => STEEPNESS,
            "bonds_moving_avg" => BONDS,
            "burn_half_life" => HALF_LIFE,
            "burn_increase_mult" => INCREASE,
            "commit_reveal_period" => REVEAL_PERIOD,
            "max_allowed_uids" => MAX_UIDS,
            "max_burn" => MAX_BURN,
            "max_validators" => VALIDATORS,
            "min_allowed_uids" => MIN_UIDS,
            "min_burn" => MIN_BURN,
            "min_childkey_take" => CHILD_TAKE,
            "owner_immune_neuron_limit" => IMMUNE,
            "root_claim_threshold" => CLAIM_THRESHOLD,
            "tempo" => TEMPO,
            "voting_power_ema_alpha" => VOTING_ALPHA,
            _ => &[],
        }
    }

    /// Whether root's subnet has none of it: told as `NotPermittedOnRootSubnet` by the runtimes of specs 423 to 425.
    pub fn is_kept_from_root(&self) -> bool {
        matches!(
            self.name,
            "burn_half_life"
                | "burn_increase_mult"
                | "owner_cut_auto_lock_enabled"
                | "owner_cut_enabled"
                | "subnet_emission_enabled"
        )
    }
}

impl Side {
    /// Whether a value lies on this side of `end`.
    pub const fn holds(self, value: i128, end: i128) -> bool {
        match self {
            Self::AtLeast => value >= end,
            Self::Above => value > end,
            Self::AtMost => value <= end,
            Self::Below => value < end,
        }
    }

    /// In words, with the end behind them.
    pub const fn words(self) -> &'static str {
        match self {
            Self::AtLeast => "at least",
            Self::Above => "more than",
            Self::AtMost => "at most",
            Self::Below => "less than",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::ALL, *};

    #[test]
    fn a_side_ends_where_it_says() {
        for (side, holds) in [
            (Side::AtLeast, [false, true, true]),
            (Side::Above, [false, false, true]),
            (Side::AtMost, [true, true, false]),
            (Side::Below, [true, false, false]),
        ] {
            assert_eq!([4, 5, 6].map(|value| side.holds(value, 5)), holds, "{side:?}");
        }
    }

    #[test]
    fn every_limit_is_that_of_something_that_can_be_set() {
        let limited = ALL.iter().filter(|one| !one.limits().is_empty());
        assert_eq!(limited.clone().count(), 17);
        for one in limited {
            assert!(!one.call.1.is_empty() && one.arguments.len() == 1, "{}", one.name);
        }
        assert_eq!(ALL.iter().filter(|one| one.is_kept_from_root()).count(), 5);
    }
}
