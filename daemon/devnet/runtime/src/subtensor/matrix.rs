//! Sparse matrices of 32-bit fixed-point numbers, as consensus needs them: rows of (column, value), columns ascending.
//!
//! The order of additions is that of the real chain, since each rounds. Nothing here knows about the chain.

use alloc::{vec, vec::Vec};

use super::fixed::I32F32;

/// One row: columns ascending, values other than zero.
pub(super) type Row = Vec<(u16, I32F32)>;

fn cell(vector: &[I32F32], column: u16) -> I32F32 {
    vector.get(usize::from(column)).copied().unwrap_or(I32F32::ZERO)
}

fn add(vector: &mut [I32F32], column: u16, value: I32F32) {
    if let Some(sum) = vector.get_mut(usize::from(column)) {
        *sum = sum.plus(value);
    }
}

/// The sum of all elements.
pub(super) fn sum(vector: &[I32F32]) -> I32F32 {
    vector.iter().fold(I32F32::ZERO, |sum, value| sum.plus(*value))
}

/// Scales the vector so that it sums to one; all zero stays so.
pub(super) fn normalise(vector: &mut [I32F32]) {
    let total = sum(vector);
    divide(vector, total);
}

/// Divides every element, unless by zero.
pub(super) fn divide(vector: &mut [I32F32], divisor: I32F32) {
    if divisor != I32F32::ZERO {
        for value in vector {
            *value = value.over(divisor);
        }
    }
}

/// Scales every row so that it sums to one.
pub(super) fn normalise_rows(rows: &mut [Row]) {
    for row in rows {
        let total = row.iter().fold(I32F32::ZERO, |sum, (_, value)| sum.plus(*value));
        if total != I32F32::ZERO {
            for (_, value) in row {
                *value = value.over(total);
            }
        }
    }
}

fn scale_columns(rows: &mut [Row], divisors: &[I32F32]) {
    for (column, value) in rows.iter_mut().flatten() {
        let divisor = cell(divisors, *column);
        if divisor != I32F32::ZERO {
            *value = value.over(divisor);
        }
    }
}

/// Scales every column so that it sums to one.
pub(super) fn normalise_columns(rows: &mut [Row], columns: usize) {
    let mut totals = vec![I32F32::ZERO; columns];
    for (column, value) in rows.iter().flatten() {
        add(&mut totals, *column, *value);
    }
    scale_columns(rows, &totals);
}

/// Scales every column so that its greatest value is one.
pub(super) fn upscale_columns(rows: &mut [Row], columns: usize) {
    let mut greatest = vec![I32F32::ZERO; columns];
    for (column, value) in rows.iter().flatten() {
        if let Some(best) = greatest.get_mut(usize::from(*column)) {
            *best = (*best).max(*value);
        }
    }
    scale_columns(rows, &greatest);
}

/// Values no greater than the limit of their column; columns whose limit is zero vanish.
pub(super) fn clipped(rows: &[Row], limits: &[I32F32]) -> Vec<Row> {
    let clip = |row: &Row| {
        row.iter()
            .map(|(column, value)| (*column, (*value).min(cell(limits, *column))))
            .filter(|(_, value)| *value > I32F32::ZERO)
            .collect()
    };
    rows.iter().map(clip).collect()
}

/// The sum of each row.
pub(super) fn row_sums(rows: &[Row]) -> Vec<I32F32> {
    rows.iter().map(|row| row.iter().fold(I32F32::ZERO, |sum, (_, value)| sum.plus(*value))).collect()
}

/// For each column, the sum of its values times the element of their row.
pub(super) fn weighted_columns(rows: &[Row], vector: &[I32F32], columns: usize) -> Vec<I32F32> {
    let mut sums = vec![I32F32::ZERO; columns];
    for (row, weight) in rows.iter().zip(vector) {
        for (column, value) in row {
            add(&mut sums, *column, weight.by(*value));
        }
    }
    sums
}

/// For each row, the sum of its values times the element of their column.
pub(super) fn weighted_rows(rows: &[Row], vector: &[I32F32]) -> Vec<I32F32> {
    rows.iter()
        .map(|row| row.iter().fold(I32F32::ZERO, |sum, (column, value)| sum.plus(cell(vector, *column).by(*value))))
        .collect()
}

/// Each value times the element of its row.
pub(super) fn scaled_rows(rows: &[Row], vector: &[I32F32]) -> Vec<Row> {
    rows.iter()
        .zip(vector)
        .map(|(row, scale)| row.iter().map(|(column, value)| (*column, value.by(*scale))).collect())
        .collect()
}

fn dense(row: &Row, columns: usize) -> Vec<I32F32> {
    let mut values = vec![I32F32::ZERO; columns];
    for (column, value) in row {
        if let Some(cell) = values.get_mut(usize::from(*column)) {
            *cell = *value;
        }
    }
    values
}

fn sparse(values: impl Iterator<Item = I32F32>) -> Row {
    (0..=u16::MAX).zip(values).filter(|(_, value)| *value > I32F32::ZERO).collect()
}

/// The point at `ratio` between two matrices.
pub(super) fn between(first: &[Row], second: &[Row], columns: usize, ratio: I32F32) -> Vec<Row> {
    if ratio == I32F32::ZERO {
        return first.to_vec();
    }
    if ratio == I32F32::ONE {
        return second.to_vec();
    }
    first
        .iter()
        .zip(second)
        .map(|(first, second)| {
            let (first, second) = (dense(first, columns), dense(second, columns));
            sparse(first.iter().zip(&second).map(|(a, b)| a.plus(ratio.by(b.minus(*a)))))
        })
        .collect()
}

/// The moving average: `alpha` of the new values and the rest of the old.
pub(super) fn moving_average(new: &[Row], old: &[Row], columns: usize, alpha: I32F32) -> Vec<Row> {
    let rest = I32F32::ONE.minus(alpha);
    new.iter()
        .zip(old)
        .map(|(new, old)| {
            let (new, old) = (dense(new, columns), dense(old, columns));
            sparse(new.iter().zip(&old).map(|(new, old)| alpha.by(*new).plus(rest.by(*old))))
        })
        .collect()
}

/// The moving average with an `alpha` for each cell, at most one, and only where there is a new value.
pub(super) fn moving_average_by_cell(
    new: &[Row],
    old: &[Row],
    columns: usize,
    alpha: impl Fn(u16, I32F32, I32F32) -> I32F32,
) -> Vec<Row> {
    new.iter()
        .zip(old)
        .map(|(new, old)| {
            let old = dense(old, columns);
            new.iter()
                .map(|(column, new)| {
                    let old = cell(&old, *column);
                    let alpha = alpha(*column, *new, old);
                    let kept = I32F32::ONE.minus(alpha).by(old);
                    let room = I32F32::ONE.minus(kept).max(I32F32::ZERO);
                    (*column, kept.plus(alpha.by(*new).min(room)).min(I32F32::ONE))
                })
                .filter(|(_, value)| *value > I32F32::ZERO)
                .collect()
        })
        .collect()
}

/// For each column, the greatest value that stake of at least `majority` supports.
pub(super) fn weighted_medians(stake: &[I32F32], rows: &[Row], columns: usize, majority: I32F32) -> Vec<I32F32> {
    let voters: Vec<usize> = (0..stake.len()).filter(|row| stake[*row] > I32F32::ZERO).collect();
    let mut shares: Vec<I32F32> = voters.iter().map(|row| stake[*row]).collect();
    normalise(&mut shares);
    let total = sum(&shares);
    let minority = total.minus(majority);
    let mut scores = vec![vec![I32F32::ZERO; voters.len()]; columns];
    for (voter, row) in voters.iter().enumerate() {
        for (column, value) in rows.get(*row).into_iter().flatten() {
            if let Some(column) = scores.get_mut(usize::from(*column)) {
                column[voter] = *value;
            }
        }
    }
    scores.iter().map(|scores| weighted_median(&shares, scores, minority, total)).collect()
}

fn weighted_median(shares: &[I32F32], scores: &[I32F32], minority: I32F32, total: I32F32) -> I32F32 {
    let mut voters: Vec<usize> = (0..shares.len()).collect();
    let (mut low, mut high) = (I32F32::ZERO, total);
    loop {
        let Some(middle) = voters.get(voters.len() / 2) else { return I32F32::ZERO };
        let pivot = scores[*middle];
        if voters.len() == 1 {
            return pivot;
        }
        let lower: Vec<usize> = voters.iter().copied().filter(|voter| scores[*voter] < pivot).collect();
        let upper: Vec<usize> = voters.iter().copied().filter(|voter| scores[*voter] > pivot).collect();
        let weight = |voters: &[usize]| voters.iter().fold(I32F32::ZERO, |sum, voter| sum.plus(shares[*voter]));
        let (below, above) = (low.plus(weight(&lower)), high.minus(weight(&upper)));
        if below <= minority && minority < above {
            return pivot;
        }
        if minority < below && !lower.is_empty() {
            high = below;
            voters = lower;
        } else if above <= minority && !upper.is_empty() {
            low = above;
            voters = upper;
        } else {
            return pivot;
        }
    }
}

/// Which elements are among the `count` greatest and not zero; among equals the later ones are.
pub(super) fn greatest_nonzero(vector: &[I32F32], count: usize) -> Vec<bool> {
    let mut chosen: Vec<bool> = vector.iter().map(|value| *value != I32F32::ZERO).collect();
    let mut order: Vec<usize> = (0..vector.len()).collect();
    order.sort_by_key(|index| vector[*index]);
    for index in order.into_iter().take(vector.len().saturating_sub(count)) {
        chosen[index] = false;
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::{I32F32, Row, clipped, greatest_nonzero, normalise, normalise_columns, sum, weighted_medians};

    fn parts(values: &[u16]) -> alloc::vec::Vec<I32F32> {
        let mut values: alloc::vec::Vec<I32F32> = values.iter().map(|value| I32F32::raw(*value)).collect();
        normalise(&mut values);
        values
    }

    #[test]
    fn median_is_what_the_majority_supports() {
        let stake = parts(&[6, 3, 1]);
        let row = |value: u16| -> Row { alloc::vec![(0, I32F32::raw(value))] };
        let rows = [row(5), row(9), row(1)];
        let half = I32F32::HALF;
        assert_eq!(weighted_medians(&stake, &rows, 1, half), [I32F32::raw(5)]);
        // Nine tenths of the stake support no more than the least of the first two.
        assert_eq!(weighted_medians(&stake, &rows, 1, I32F32::proportion(57_000)), [I32F32::raw(5)]);
        assert_eq!(weighted_medians(&stake, &rows, 1, I32F32::proportion(65_000)), [I32F32::raw(1)]);
        assert_eq!(weighted_medians(&[], &[], 1, half), [I32F32::ZERO]);
    }

    #[test]
    fn clipping_leaves_nothing_in_columns_without_consensus() {
        let rows = [alloc::vec![(0, I32F32::HALF), (1, I32F32::HALF)]];
        let quarter = I32F32::HALF.by(I32F32::HALF);
        assert_eq!(clipped(&rows, &[quarter, I32F32::ZERO]), [alloc::vec![(0, quarter)]]);
    }

    #[test]
    fn the_greatest_are_chosen() {
        assert_eq!(greatest_nonzero(&parts(&[3, 0, 5, 3]), 2), [false, false, true, true]);
        assert_eq!(greatest_nonzero(&parts(&[1, 0]), 5), [true, false]);
    }

    #[test]
    fn empty_columns_stay_empty() {
        let mut rows = [alloc::vec![(1, I32F32::HALF)], alloc::vec![]];
        normalise_columns(&mut rows, 3);
        assert_eq!(rows[0], alloc::vec![(1, I32F32::ONE)]);
        assert_eq!(sum(&[]), I32F32::ZERO);
    }
}
