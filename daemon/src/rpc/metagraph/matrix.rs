//! The weights and bonds of a mechanism as matrices, normalised as consensus takes them.
//!
//! Without a block, the rows that are kept are told, as of the newest block up to which nothing can have changed them, and
//! those that are not are read and kept. Those of a block are read from the chain when somebody asks. As the chain keeps
//! them, sparse and of 65535, `metagraph_get` tells them.

use std::{sync::Arc, time::Duration};

use btd_api::{
    ErrorKind, MechId, NetUid, Uid,
    chain::{At, BlockId},
    metagraph::{MatrixForm, MatrixName, MatrixParams, MatrixReply, Shares},
};
use btd_chain::{Row, View};
use btd_tensor::SparseRow;

use crate::{
    daemon::Parts,
    metagraph::RowsOf,
    rpc::{
        Caller, Failure,
        chain::raw,
        receipt,
        subnets::{no_mechanism, no_subnet_at},
    },
};

/// How long the metagraphs are waited for to come to the newest block. They are read in a fraction of it.
pub(super) const MOMENT: Duration = Duration::from_millis(500);

/// The rows of a mechanism, and the block and the number of neurons that they are of.
struct Read {
    at: At,
    n: u16,
    rows: Arc<Vec<Row>>,
}

pub(super) async fn matrix(parts: Arc<Parts>, params: MatrixParams, _: Caller) -> Result<MatrixReply, Failure> {
    let MatrixParams { netuid, matrix, mechid, block, form, uid } = params;
    let of = ((netuid, mechid), matrix);
    let kept = if block.is_none() { kept(&parts, of).await? } else { None };
    let Read { at, n, rows } = match kept {
        Some(kept) => kept,
        None => of_the_chain(&parts, of, block).await?,
    };
    if let Some(uid) = uid.filter(|uid| uid.0 >= n) {
        let words = format!("uid {uid} is no neuron of subnet {netuid} at block {}", at.block.number);
        return Err(Failure::new(ErrorKind::NotFound, words));
    }
    // Arithmetic over up to 4096 by 4096 numbers is no work for a thread that serves others.
    let worked_out = tokio::task::spawn_blocking(move || {
        let rows: Vec<SparseRow> =
            rows.iter().map(|(uid, entries)| SparseRow { uid: *uid, entries: entries.clone() }).collect();
        let rows = match matrix {
            MatrixName::Weights => btd_tensor::Matrix::weights(n, &rows).into_rows(),
            MatrixName::Bonds => btd_tensor::Matrix::bonds(n, &rows).into_rows(),
        };
        rows.map(|rows| written(rows, form, uid))
    });
    let internal = |error: String| Failure::new(ErrorKind::Internal, error);
    let (rows, entries) = worked_out
        .await
        .map_err(|_| internal("working the matrix out broke off".to_owned()))?
        .map_err(|error| internal(error.to_string()))?;
    Ok(MatrixReply { at, n, rows, entries })
}

/// The rows, or the one that is wanted, in the form that is wanted: dense or sparse.
fn written(rows: Vec<Vec<f32>>, form: MatrixForm, wanted: Option<Uid>) -> (Option<Vec<Vec<f32>>>, Option<Vec<Shares>>) {
    let rows = (0..).map(Uid).zip(rows).filter(|(uid, _)| wanted.is_none_or(|wanted| *uid == wanted));
    match form {
        MatrixForm::Dense => (Some(rows.map(|(_, row)| row).collect()), None),
        MatrixForm::Sparse => {
            let shares = |row: Vec<f32>| (0..).map(Uid).zip(row).filter(|(_, share)| *share != 0.0).collect::<Vec<_>>();
            let rows = rows.map(|(uid, row)| (uid, shares(row)));
            (None, Some(rows.filter(|(_, shares)| !shares.is_empty()).collect()))
        }
    }
}

/// The rows as they are kept, or are from now on; none where they are not, and where what is kept is far behind the chain.
async fn kept(parts: &Parts, of: RowsOf) -> Result<Option<Read>, Failure> {
    let ((netuid, mechid), _) = of;
    if parts.metagraph.current().rows_at(netuid, mechid).is_none() {
        return Ok(None);
    }
    if let Some(newest) = parts.link.finalized() {
        parts.metagraph.reach(newest.number, MOMENT).await;
    }
    let known = parts.metagraph.current();
    let is_left_behind = parts.link.finalized().is_some_and(|newest| known.is_left_behind(newest.number));
    let Some((at, n)) = known.rows_at(netuid, mechid).filter(|_| !is_left_behind) else { return Ok(None) };
    let rows = parts.metagraph.newest_rows(&known, &parts.link, of).await?;
    Ok(rows.map(|rows| Read { at: receipt::kept_at(at, &known, &parts.link), n, rows }))
}

async fn of_the_chain(parts: &Parts, of: RowsOf, block: Option<BlockId>) -> Result<Read, Failure> {
    let ((netuid, mechid), matrix) = of;
    let (view, at) = raw::view(&parts.link, block).await?;
    let n = neurons(&view, netuid, mechid, at).await?;
    let rows = match matrix {
        MatrixName::Weights => view.weights(netuid, mechid).await?,
        MatrixName::Bonds => view.bonds(netuid, mechid).await?,
    };
    Ok(Read { at, n, rows: Arc::new(rows) })
}

/// How many neurons the subnet has at the block of `view`, if it has the mechanism.
async fn neurons(view: &View, netuid: NetUid, mechid: MechId, at: At) -> Result<u16, Failure> {
    if !view.subnet_exists(netuid).await? {
        return Err(no_subnet_at(netuid, at));
    }
    if mechid.0 >= view.mechanisms(netuid).await?.max(1) {
        return Err(no_mechanism(netuid, mechid, at));
    }
    let marks = view.subnet_marks(&[netuid]).await?;
    Ok(marks.first().and_then(|marks| marks.neurons).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_dense_or_without_its_zeros_and_whole_or_a_row() {
        let rows = || vec![vec![0.0, 0.25], vec![0.0, 0.0], vec![1.0, 0.0]];
        assert_eq!(written(rows(), MatrixForm::Dense, None), (Some(rows()), None));
        assert_eq!(written(rows(), MatrixForm::Dense, Some(Uid(2))), (Some(vec![vec![1.0, 0.0]]), None));
        let shares = |uid, neuron, share| (Uid(uid), vec![(Uid(neuron), share)]);
        let sparse = |uid| written(rows(), MatrixForm::Sparse, uid).1.unwrap();
        assert_eq!(sparse(None), [shares(0, 1, 0.25), shares(2, 0, 1.0)]);
        assert_eq!(sparse(Some(Uid(2))), [shares(2, 0, 1.0)]);
        assert_eq!(sparse(Some(Uid(1))), []);
    }
}
