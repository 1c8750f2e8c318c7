//! Yuma consensus of one mechanism: from stake, weights and old bonds to incentive, dividends and new bonds.
//!
//! Pure arithmetic in the order and rounding of pallet_subtensor, spec 425; [`super::epoch`] reads and writes the state.

use alloc::vec::Vec;

use super::{
    fixed::I32F32,
    matrix::{self, Row},
};

/// How bonds move towards weights.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bonding {
    /// Version 2: shares of each column.
    Shares {
        /// Part that is new.
        alpha: I32F32,
    },
    /// Version 3: each cell for itself.
    Cells {
        /// Part that is new.
        alpha: I32F32,
    },
    /// Version 3 with a part for each cell, by how far it is from consensus.
    Liquid {
        /// The least part.
        low: I32F32,
        /// The greatest part.
        high: I32F32,
        /// How fast the part falls with the distance: the steepness, negative.
        slope: I32F32,
        /// Part that is new when there is no consensus at all.
        alpha: I32F32,
    },
}

/// What consensus is found from. Vectors and rows are by uid.
#[derive(Clone, Debug)]
pub(super) struct Ballot {
    /// Stake; sums to one.
    pub(super) stake: Vec<I32F32>,
    /// Who set weights recently.
    pub(super) active: Vec<bool>,
    /// Who may set weights.
    pub(super) permits: Vec<bool>,
    /// Weights that count, not yet normalised.
    pub(super) weights: Vec<Row>,
    /// Old bonds, without those towards newcomers.
    pub(super) bonds: Vec<Row>,
    /// Stake that must support a weight.
    pub(super) kappa: I32F32,
    /// How much weights beyond consensus lose as bonds.
    pub(super) penalty: I32F32,
    /// How bonds move.
    pub(super) bonding: Bonding,
}

/// What consensus gives, by uid.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    /// Weight the majority supports.
    pub(super) consensus: Vec<I32F32>,
    /// Share of what miners earn.
    pub(super) incentive: Vec<I32F32>,
    /// Share of what validators earn.
    pub(super) dividends: Vec<I32F32>,
    /// How much of its weights a validator has in common with the majority.
    pub(super) trust: Vec<I32F32>,
    /// New bonds.
    pub(super) bonds: Vec<Row>,
    /// Share of all emission earned as a miner.
    pub(super) server: Vec<I32F32>,
    /// Share of all emission earned as a validator.
    pub(super) validator: Vec<I32F32>,
    /// Both together.
    pub(super) combined: Vec<I32F32>,
}

fn liquid_part(
    consensus: I32F32,
    weight: I32F32,
    bond: I32F32,
    (low, high): (I32F32, I32F32),
    slope: I32F32,
) -> I32F32 {
    // The exponent has these bounds.
    let (least, greatest) = (I32F32::from_integer(-20), I32F32::from_integer(20));
    let distance = if weight >= bond { weight.minus(consensus) } else { bond.minus(weight) };
    let distance = distance.clamp(I32F32::ZERO, I32F32::ONE);
    let power = slope.by(distance.minus(I32F32::HALF)).clamp(least, greatest);
    let sigmoid = I32F32::ONE.over(I32F32::ONE.plus(power.exponential()));
    low.plus(sigmoid.by(high.minus(low))).clamp(low, high.max(low))
}

/// Finds consensus.
pub(super) fn consensus(ballot: &Ballot) -> Verdict {
    let columns = ballot.stake.len();
    let mut voting: Vec<I32F32> = (0..columns)
        .map(|uid| if ballot.active[uid] && ballot.permits[uid] { ballot.stake[uid] } else { I32F32::ZERO })
        .collect();
    matrix::normalise(&mut voting);
    let mut weights = ballot.weights.clone();
    matrix::normalise_rows(&mut weights);
    let consensus = matrix::weighted_medians(&voting, &weights, columns, ballot.kappa);
    let clipped = matrix::clipped(&weights, &consensus);
    let trust = matrix::row_sums(&clipped);
    let mut incentive = matrix::weighted_columns(&clipped, &voting, columns);
    matrix::normalise(&mut incentive);
    let wanted = matrix::between(&weights, &clipped, columns, ballot.penalty);
    let (bonds, dividends) = bond(ballot, &wanted, &voting, &consensus, &incentive);
    share(
        ballot,
        Verdict {
            consensus,
            incentive,
            dividends,
            trust,
            bonds,
            server: Vec::new(),
            validator: voting,
            combined: Vec::new(),
        },
    )
}

fn bond(
    ballot: &Ballot,
    wanted: &[Row],
    voting: &[I32F32],
    consensus: &[I32F32],
    incentive: &[I32F32],
) -> (Vec<Row>, Vec<I32F32>) {
    let columns = ballot.stake.len();
    let cells = |alpha| matrix::moving_average(wanted, &ballot.bonds, columns, alpha);
    let bonds = match ballot.bonding {
        Bonding::Shares { alpha } => return bond_by_shares(ballot, wanted, voting, incentive, alpha),
        Bonding::Cells { alpha } => cells(alpha),
        Bonding::Liquid { alpha, .. } if consensus.iter().all(|value| *value == I32F32::ZERO) => cells(alpha),
        Bonding::Liquid { low, high, slope, .. } => {
            matrix::moving_average_by_cell(wanted, &ballot.bonds, columns, |column, weight, bond| {
                let consensus = consensus.get(usize::from(column)).copied().unwrap_or(I32F32::ZERO);
                liquid_part(consensus, weight, bond, (low, high), slope)
            })
        }
    };
    let mut shares = bonds.clone();
    matrix::normalise_columns(&mut shares, columns);
    let mut dividends: Vec<I32F32> =
        matrix::weighted_rows(&shares, incentive).iter().zip(voting).map(|(earned, stake)| earned.by(*stake)).collect();
    matrix::normalise(&mut dividends);
    (bonds, dividends)
}

fn bond_by_shares(
    ballot: &Ballot,
    wanted: &[Row],
    voting: &[I32F32],
    incentive: &[I32F32],
    alpha: I32F32,
) -> (Vec<Row>, Vec<I32F32>) {
    let columns = ballot.stake.len();
    let mut old = ballot.bonds.clone();
    matrix::normalise_columns(&mut old, columns);
    let mut new = matrix::scaled_rows(wanted, voting);
    matrix::normalise_columns(&mut new, columns);
    let mut bonds = matrix::moving_average(&new, &old, columns, alpha);
    matrix::normalise_columns(&mut bonds, columns);
    let mut dividends = matrix::weighted_rows(&bonds, incentive);
    matrix::normalise(&mut dividends);
    matrix::upscale_columns(&mut bonds, columns);
    (bonds, dividends)
}

/// Splits emission; where nobody earned anything, by voting stake, or by stake when nobody votes.
fn share(ballot: &Ballot, mut verdict: Verdict) -> Verdict {
    let mut combined: Vec<I32F32> = verdict
        .incentive
        .iter()
        .zip(&verdict.dividends)
        .map(|(incentive, dividend)| incentive.plus(*dividend))
        .collect();
    let total = matrix::sum(&combined);
    verdict.server.clone_from(&verdict.incentive);
    matrix::divide(&mut verdict.server, total);
    if total == I32F32::ZERO {
        if verdict.validator.iter().all(|stake| *stake == I32F32::ZERO) {
            verdict.validator.clone_from(&ballot.stake);
        }
        verdict.combined.clone_from(&verdict.validator);
        return verdict;
    }
    verdict.validator.clone_from(&verdict.dividends);
    matrix::divide(&mut verdict.validator, total);
    matrix::normalise(&mut combined);
    verdict.combined = combined;
    verdict
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};

    use super::{Ballot, Bonding, I32F32, Row, Verdict, consensus, matrix};

    fn ballot(bonding: Bonding) -> Ballot {
        let mut stake: Vec<I32F32> = [3, 1, 0, 0].map(I32F32::raw).to_vec();
        matrix::normalise(&mut stake);
        let row = |first, second| -> Row { vec![(2, I32F32::raw(first)), (3, I32F32::raw(second))] };
        Ballot {
            stake,
            active: vec![true; 4],
            permits: vec![true, true, false, false],
            weights: vec![row(1, 3), row(3, 1), vec![], vec![]],
            bonds: vec![vec![]; 4],
            kappa: I32F32::HALF,
            penalty: I32F32::ONE,
            bonding,
        }
    }

    fn one_within_rounding(vector: &[I32F32]) -> bool {
        (matrix::sum(vector).to_bits() - I32F32::ONE.to_bits()).abs() <= 4
    }

    fn bondings() -> [Bonding; 3] {
        let alpha = I32F32::proportion(6_553);
        let (low, high) = (I32F32::proportion(45_875), I32F32::proportion(58_982));
        [
            Bonding::Shares { alpha },
            Bonding::Cells { alpha },
            Bonding::Liquid { low, high, slope: I32F32::from_integer(-10), alpha },
        ]
    }

    fn verdicts() -> impl Iterator<Item = Verdict> {
        bondings().into_iter().map(|bonding| consensus(&ballot(bonding)))
    }

    #[test]
    fn emission_is_conserved() {
        for verdict in verdicts() {
            assert!(one_within_rounding(&verdict.incentive) && one_within_rounding(&verdict.dividends));
            assert!(one_within_rounding(&verdict.combined));
            let parts: Vec<I32F32> = verdict.server.iter().chain(&verdict.validator).copied().collect();
            assert!(one_within_rounding(&parts));
        }
    }

    #[test]
    fn the_minority_is_clipped() {
        for verdict in verdicts() {
            // Three quarters of the stake say one to three, so nobody gets more than they say.
            assert_eq!(verdict.consensus[2], I32F32::ONE.over(I32F32::raw(4)));
            assert_eq!(verdict.trust[0], I32F32::ONE);
            assert!(verdict.trust[1] < I32F32::ONE);
            assert!(verdict.dividends[0] > verdict.dividends[1]);
        }
    }

    #[test]
    fn without_weights_stake_decides() {
        let mut silent = ballot(bondings()[1]);
        silent.weights = vec![vec![]; 4];
        let verdict = consensus(&silent);
        assert_eq!(verdict.validator, silent.stake);
        assert_eq!(matrix::sum(&verdict.server), I32F32::ZERO);
        silent.permits = vec![false; 4];
        assert_eq!(consensus(&silent).combined, silent.stake);
    }

    #[test]
    fn order_of_validators_does_not_matter() {
        for bonding in bondings() {
            let straight = ballot(bonding);
            let mut turned = straight.clone();
            turned.stake.swap(0, 1);
            turned.weights.swap(0, 1);
            let (straight, turned) = (consensus(&straight), consensus(&turned));
            assert_eq!(straight.consensus, turned.consensus);
            assert_eq!(straight.dividends[0], turned.dividends[1]);
        }
    }
}
