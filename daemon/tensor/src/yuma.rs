//! Yuma consensus of one epoch over dense tensors: from stake, weights and old bonds to incentive, dividends and new bonds.
//!
//! The rules are those of pallet_subtensor, spec 425 (Yuma 2, Yuma 3, and Yuma 3 with liquid alpha), in the floating point
//! of the tensors: figures agree with the chain's to less than one part in 65,535, which is what it stores. The weighted
//! median is found otherwise than there: for each weight that was given, the stake behind it or more is summed.
//!
//! What counts of weights and bonds (who has a permit, which neurons are newcomers) is the caller's to say.

use burn::tensor::{Device, Tensor, TensorData};

use crate::MatrixError;

/// How bonds move towards weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bonding {
    /// Yuma 2: shares of each column, of which `alpha` is new.
    Shares {
        /// Part that is new.
        alpha: f32,
    },
    /// Yuma 3: each cell for itself, of which `alpha` is new.
    Cells {
        /// Part that is new.
        alpha: f32,
    },
    /// Yuma 3 with liquid alpha: the new part of a cell grows with its distance from consensus.
    Liquid {
        /// Part that is new when there is no consensus at all.
        alpha: f32,
        /// The least part.
        low: f32,
        /// The greatest part.
        high: f32,
        /// How fast it grows.
        steepness: f32,
    },
}

/// What consensus is found from; everything is by uid, and rows are as long as there are neurons.
#[derive(Clone, Debug, PartialEq)]
pub struct Ballot {
    /// Stake, summing to one.
    pub stake: Vec<f32>,
    /// Whose stake votes: those with a permit who set weights recently.
    pub votes: Vec<bool>,
    /// Weights that count, in any scale.
    pub weights: Vec<Vec<f32>>,
    /// Old bonds: in any scale for Yuma 2, as parts of one for Yuma 3.
    pub bonds: Vec<Vec<f32>>,
    /// Part of the stake that must support a weight.
    pub kappa: f32,
    /// How much weights beyond consensus lose as bonds, from 0 to 1.
    pub penalty: f32,
    /// How bonds move.
    pub bonding: Bonding,
}

/// What consensus gives, by uid, as parts of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The weight that the majority supports.
    pub consensus: Vec<f32>,
    /// Share of what miners earn.
    pub incentive: Vec<f32>,
    /// Share of what validators earn.
    pub dividends: Vec<f32>,
    /// What a validator's weights have in common with consensus.
    pub trust: Vec<f32>,
    /// New bonds.
    pub bonds: Vec<Vec<f32>>,
    /// Share of all emission earned as a miner.
    pub server: Vec<f32>,
    /// Share of all emission earned as a validator.
    pub validator: Vec<f32>,
    /// Both together.
    pub combined: Vec<f32>,
}

/// A matrix of rows by validator and columns by miner; a vector is one column or one row of such.
type Dense = Tensor<2>;

/// Divides by what is not zero, and leaves what is divided by zero alone.
fn divided(dividend: Dense, divisor: Dense) -> Dense {
    let zero = divisor.clone().equal_elem(0.0);
    dividend.div(divisor.mask_fill(zero, 1.0))
}

/// Scales so that each column (dimension 0) or row (dimension 1) sums to one.
fn normalised(matrix: Dense, dimension: usize) -> Dense {
    let sums = matrix.clone().sum_dim(dimension);
    divided(matrix, sums)
}

fn read(tensor: Dense, neurons: usize) -> Result<Vec<f32>, MatrixError> {
    let failed = |reason: String| MatrixError::Backend { neurons: u16::try_from(neurons).unwrap_or(u16::MAX), reason };
    let data = tensor.try_into_data().map_err(|error| failed(error.to_string()))?;
    data.try_into_vec::<f32>().map_err(|error| failed(error.to_string()))
}

// === impl Ballot ===

impl Ballot {
    /// Finds consensus.
    ///
    /// # Errors
    /// [`MatrixError::Backend`] when the tensor backend fails.
    pub fn count(&self) -> Result<Verdict, MatrixError> {
        let neurons = self.stake.len();
        let voting = normalised(self.column(|uid| if self.votes[uid] { self.stake[uid] } else { 0.0 }), 0);
        let weights = normalised(self.matrix(&self.weights), 1);
        let consensus = self.medians(&weights, &voting);
        let clipped = weights.clone().min_pair(consensus.clone().expand([neurons, neurons]));
        let trust = clipped.clone().sum_dim(1);
        let incentive = normalised((clipped.clone() * voting.clone()).sum_dim(0), 1);
        let wanted = weights.clone() + (clipped - weights).mul_scalar(self.penalty);
        let (bonds, dividends) = self.bond(wanted, &voting, &consensus, &incentive);

        let read = |tensor| read(tensor, neurons);
        let (incentive, dividends, voting) = (read(incentive)?, read(dividends)?, read(voting)?);
        let rows = if neurons == 0 { Vec::new() } else { read(bonds)?.chunks(neurons).map(<[f32]>::to_vec).collect() };
        let earned = self.earned(&incentive, &dividends, voting);
        Ok(Verdict {
            consensus: read(consensus)?,
            trust: read(trust)?,
            bonds: rows,
            incentive,
            dividends,
            server: earned.0,
            validator: earned.1,
            combined: earned.2,
        })
    }

    fn column(&self, value: impl Fn(usize) -> f32) -> Dense {
        let neurons = self.stake.len();
        let values: Vec<f32> = (0..neurons).map(value).collect();
        Tensor::from_data(TensorData::new(values, [neurons, 1]), &Device::flex())
    }

    fn matrix(&self, rows: &[Vec<f32>]) -> Dense {
        let neurons = self.stake.len();
        Tensor::from_data(TensorData::new(rows.concat(), [neurons, neurons]), &Device::flex())
    }

    /// For each column, the greatest weight that stake of at least kappa supports, as a row.
    fn medians(&self, weights: &Dense, voting: &Dense) -> Dense {
        let neurons = self.stake.len();
        let mut best: Dense = Tensor::zeros([1, neurons], &Device::flex());
        for validator in 0..neurons {
            let given = weights.clone().slice([validator..validator + 1, 0..neurons]);
            let supports = weights.clone().greater_equal(given.clone().expand([neurons, neurons])).float();
            let support = (supports * voting.clone()).sum_dim(0);
            // Half a unit of what the chain stores: sums round.
            let enough = support.greater_elem(self.kappa - 1e-6).float();
            best = best.max_pair(given * enough);
        }
        best
    }

    fn bond(&self, wanted: Dense, voting: &Dense, consensus: &Dense, incentive: &Dense) -> (Dense, Dense) {
        let old = self.matrix(&self.bonds);
        let average = |new: Dense, old: Dense, alpha: f32| new.mul_scalar(alpha) + old.mul_scalar(1.0 - alpha);
        let bonds = match self.bonding {
            Bonding::Shares { alpha } => {
                let new = normalised(wanted * voting.clone(), 0);
                let bonds = normalised(average(new, normalised(old, 0), alpha), 0);
                let dividends = normalised((bonds.clone() * incentive.clone()).sum_dim(1), 0);
                let greatest = bonds.clone().max_dim(0);
                return (divided(bonds, greatest), dividends);
            }
            Bonding::Cells { alpha } => average(wanted, old, alpha),
            Bonding::Liquid { alpha, low, high, steepness } => {
                let agreed = consensus.clone().greater_elem(0.0).float().sum();
                let liquid = liquid(&wanted, &old, consensus, (low, high, steepness));
                // With no consensus at all every cell has the same part.
                if agreed.into_scalar::<f32>() > 0.0 { liquid } else { average(wanted, old, alpha) }
            }
        };
        let shares = normalised(bonds.clone(), 0);
        let dividends = normalised((shares * incentive.clone()).sum_dim(1) * voting.clone(), 0);
        (bonds, dividends)
    }

    /// Emission of miners, of validators, and both; by voting stake, or by stake when nobody votes, where nobody earned.
    fn earned(&self, incentive: &[f32], dividends: &[f32], voting: Vec<f32>) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let total: f32 = incentive.iter().chain(dividends).sum();
        if total == 0.0 {
            let validator = if voting.iter().all(|stake| *stake == 0.0) { self.stake.clone() } else { voting };
            return (vec![0.0; validator.len()], validator.clone(), validator);
        }
        let part = |values: &[f32]| -> Vec<f32> { values.iter().map(|value| value / total).collect() };
        let combined: Vec<f32> = incentive.iter().zip(dividends).map(|(left, right)| left + right).collect();
        (part(incentive), part(dividends), part(&combined))
    }
}

/// Bonds with a new part of their own for each cell, and only where there is a weight.
fn liquid(wanted: &Dense, old: &Dense, consensus: &Dense, (low, high, steepness): (f32, f32, f32)) -> Dense {
    let bought = wanted.clone() - consensus.clone().expand(wanted.dims());
    let sold = old.clone() - wanted.clone();
    let buys = wanted.clone().greater_equal(old.clone());
    let distance = sold.mask_where(buys, bought).clamp(0.0, 1.0);
    let power = distance.sub_scalar(0.5).mul_scalar(-steepness);
    let alpha = power.exp().add_scalar(1.0).recip().mul_scalar(high - low).add_scalar(low).clamp(low, high.max(low));
    let kept = alpha.clone().neg().add_scalar(1.0) * old.clone();
    let bonds = (kept + alpha * wanted.clone()).clamp(0.0, 1.0);
    bonds * wanted.clone().greater_elem(0.0).float()
}

#[cfg(test)]
mod tests;
