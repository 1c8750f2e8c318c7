//! Sparse rows and columns as the chain stores them, made into dense normalised matrices and vectors.
//!
//! Figures follow pallet_subtensor's storage (`Weights` and `Bonds`: per validator, a list of
//! neuron and `u16`), and the normalisation that metagraphs of the ecosystem show: weights by row,
//! bonds by column, and a vector as a whole.

use btd_api::Uid;
use burn::tensor::{DType, Device, Int, Tensor, TensorCreationOptions, TensorData};

/// What one validator gives: neurons with the chain's `u16` figures. Neurons not named have zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SparseRow {
    /// The validator's slot.
    pub uid: Uid,
    /// Its figures; when a neuron is named twice, the later one counts.
    pub entries: Vec<(Uid, u16)>,
}

/// Why a matrix or a vector could not be worked out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatrixError {
    /// The backend failed, which on the CPU means that it ran out of memory.
    #[error("the tensor backend could not work out the figures of {neurons} neurons: {reason}")]
    Backend {
        /// How many neurons there are.
        neurons: u16,
        /// The backend's words.
        reason: String,
    },
}

/// A square matrix: rows by validator, columns by neuron.
#[derive(Clone, Debug)]
pub struct Matrix {
    neurons: u16,
    tensor: Tensor<2>,
}

/// A number for each neuron: rank, trust, consensus, incentive, dividends, emission, or stake.
#[derive(Clone, Debug)]
pub struct Vector {
    neurons: u16,
    tensor: Tensor<1>,
}

// === impl Vector ===

impl Vector {
    /// What each neuron has as its share of what all have, as consensus takes stake: the shares sum to 1, or to 0 where
    /// nobody has anything. Amounts are in any unit, and told to the precision of `f32`.
    pub fn shares(amounts: &[u64]) -> Self {
        let neurons = u16::try_from(amounts.len()).unwrap_or(u16::MAX);
        let device = Device::flex();
        if amounts.is_empty() {
            return Self { neurons, tensor: Tensor::zeros([0], &device) };
        }
        let whole: Vec<i64> = amounts.iter().map(|amount| i64::try_from(*amount).unwrap_or(i64::MAX)).collect();
        let options: TensorCreationOptions = (&device, DType::I64).into();
        let length = whole.len();
        let amounts = Tensor::<1, Int>::from_data(TensorData::new(whole, [length]), options).float();
        let sum = amounts.clone().sum();
        let divisor = sum.clone().mask_fill(sum.equal_elem(0.0), 1.0);
        Self { neurons, tensor: amounts.div(divisor.expand([length])) }
    }

    /// The vector as a burn tensor.
    pub fn into_tensor(self) -> Tensor<1> {
        self.tensor
    }

    /// The vector as plain numbers, by uid.
    ///
    /// # Errors
    /// When the backend fails.
    pub fn into_values(self) -> Result<Vec<f32>, MatrixError> {
        let Self { neurons, tensor } = self;
        if neurons == 0 {
            return Ok(Vec::new());
        }
        let failed = |reason: String| MatrixError::Backend { neurons, reason };
        let data = tensor.try_into_data().map_err(|error| failed(error.to_string()))?;
        data.try_into_vec::<f32>().map_err(|error| failed(error.to_string()))
    }
}

// === impl Matrix ===

impl Matrix {
    /// The weights among `neurons`: each row sums to 1, or to 0 where the validator gave none.
    ///
    /// Rows and columns at or above `neurons` are left out: the chain keeps such entries after it
    /// shrinks a subnet.
    pub fn weights(neurons: u16, rows: &[SparseRow]) -> Self {
        Self::normalised(neurons, rows, 1)
    }

    /// The bonds among `neurons`: each column sums to 1, or to 0 where nobody holds any.
    ///
    /// Rows and columns at or above `neurons` are left out, as in [`Matrix::weights`].
    pub fn bonds(neurons: u16, rows: &[SparseRow]) -> Self {
        Self::normalised(neurons, rows, 0)
    }

    fn normalised(neurons: u16, rows: &[SparseRow], summed: usize) -> Self {
        if neurons == 0 {
            return Self { neurons, tensor: Tensor::zeros([0, 0], &Device::flex()) };
        }
        let dense = dense(neurons, rows);
        let sums = dense.clone().sum_dim(summed);
        // A sum of zero has zeros above it; dividing by one keeps them.
        let divisors = sums.clone().mask_fill(sums.equal_elem(0.0), 1.0);
        Self { neurons, tensor: dense.div(divisors) }
    }

    /// How many neurons it has each way.
    pub fn neurons(&self) -> u16 {
        self.neurons
    }

    /// The matrix as a burn tensor.
    pub fn into_tensor(self) -> Tensor<2> {
        self.tensor
    }

    /// The matrix as plain rows.
    pub fn into_rows(self) -> Result<Vec<Vec<f32>>, MatrixError> {
        let neurons = self.neurons;
        if neurons == 0 {
            return Ok(Vec::new());
        }
        let failed = |reason: String| MatrixError::Backend { neurons, reason };
        let data = self.tensor.try_into_data().map_err(|error| failed(error.to_string()))?;
        let flat = data.try_into_vec::<f32>().map_err(|error| failed(error.to_string()))?;
        Ok(flat.chunks(usize::from(neurons)).map(<[f32]>::to_vec).collect())
    }
}

fn dense(neurons: u16, rows: &[SparseRow]) -> Tensor<2> {
    let width = usize::from(neurons);
    let mut flat = vec![0.0_f32; width * width];
    for row in rows.iter().filter(|row| row.uid.0 < neurons) {
        for (column, figure) in row.entries.iter().filter(|(column, _)| column.0 < neurons) {
            flat[usize::from(row.uid.0) * width + usize::from(column.0)] = f32::from(*figure);
        }
    }
    Tensor::from_data(TensorData::new(flat, [width, width]), &Device::flex())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(uid: u16, entries: &[(u16, u16)]) -> SparseRow {
        SparseRow { uid: Uid(uid), entries: entries.iter().map(|(uid, figure)| (Uid(*uid), *figure)).collect() }
    }

    fn assert_close(matrix: Matrix, expected: &[&[f32]]) {
        let rows = matrix.into_rows().unwrap();
        assert_eq!(rows.len(), expected.len());
        for (row, expected) in rows.iter().zip(expected) {
            assert_eq!(row.len(), expected.len());
            for (figure, expected) in row.iter().zip(*expected) {
                assert!((figure - expected).abs() < 1e-6, "{rows:?}");
            }
        }
    }

    #[test]
    fn weights_are_normalised_by_row() {
        let rows = [row(0, &[(1, 65_535), (2, 65_535)]), row(2, &[(0, 1), (1, 3)])];
        assert_close(Matrix::weights(3, &rows), &[&[0.0, 0.5, 0.5], &[0.0, 0.0, 0.0], &[0.25, 0.75, 0.0]]);
    }

    #[test]
    fn bonds_are_normalised_by_column() {
        let rows = [row(0, &[(1, 10), (2, 65_535)]), row(1, &[(1, 30)])];
        assert_close(Matrix::bonds(3, &rows), &[&[0.0, 0.25, 1.0], &[0.0, 0.75, 0.0], &[0.0, 0.0, 0.0]]);
    }

    #[test]
    fn slots_that_are_gone_are_left_out_of_the_sums() {
        let rows = [row(0, &[(0, 1), (1, 1), (7, 1000)]), row(7, &[(0, 5)])];
        assert_close(Matrix::weights(2, &rows), &[&[0.5, 0.5], &[0.0, 0.0]]);
        assert_close(Matrix::bonds(2, &rows), &[&[1.0, 1.0], &[0.0, 0.0]]);
    }

    #[test]
    fn a_subnet_without_neurons_has_an_empty_matrix() {
        assert_eq!(Matrix::weights(0, &[row(0, &[(0, 1)])]).into_rows().unwrap(), Vec::<Vec<f32>>::new());
    }

    #[test]
    fn shares_are_of_what_all_have_in_any_unit() {
        let shares = |amounts: &[u64]| Vector::shares(amounts).into_values().unwrap();
        assert_eq!(shares(&[1, 0, 3]), [0.25, 0.0, 0.75]);
        assert_eq!((shares(&[0, 0]), shares(&[])), (vec![0.0, 0.0], vec![]));
        // All the tao that there will ever be, in rao.
        let all = 21_000_000_000_000_000;
        assert_eq!(shares(&[all, all, 2 * all]), [0.25, 0.25, 0.5]);
        let many = shares(&vec![all / 4_096; 4_096]);
        assert!((many.iter().sum::<f32>() - 1.0).abs() < 1e-4 && many.iter().all(|share| *share > 0.0));
        assert_eq!(Vector::shares(&[1, 1]).into_tensor().dims(), [2]);
    }

    #[test]
    fn a_large_sum_loses_nothing_that_shows() {
        let entries: Vec<(u16, u16)> = (0..2048).map(|uid| (uid, 65_535)).collect();
        let rows = Matrix::weights(2048, &[row(0, &entries)]).into_rows().unwrap();
        assert!((rows[0].iter().sum::<f32>() - 1.0).abs() < 1e-4);
        assert!((rows[0][2047] - 1.0 / 2048.0).abs() < 1e-8);
    }
}
