//! The weights and bonds of a mechanism as matrices, normalised as consensus takes them.
//!
//! The rows are read from the chain when somebody asks: no metagraph that is kept warm has them. As
//! the chain keeps them, sparse and of 65535, `metagraph_get` tells them.

use std::sync::Arc;

use btd_api::{
    ErrorKind, MechId, NetUid, Uid,
    chain::At,
    metagraph::{MatrixForm, MatrixName, MatrixParams, MatrixReply, Shares},
};
use btd_chain::{Row, View};
use btd_tensor::SparseRow;

use crate::{
    daemon::Parts,
    rpc::{
        Caller, Failure,
        chain::raw,
        subnets::{no_mechanism, no_subnet_at},
    },
};

pub(super) async fn matrix(parts: Arc<Parts>, params: MatrixParams, _: Caller) -> Result<MatrixReply, Failure> {
    let MatrixParams { netuid, matrix, mechid, block, form, uid } = params;
    let (view, at) = raw::view(&parts.link, block).await?;
    let n = neurons(&view, netuid, mechid, at).await?;
    if let Some(uid) = uid.filter(|uid| uid.0 >= n) {
        let words = format!("uid {uid} is no neuron of subnet {netuid} at block {}", at.block.number);
        return Err(Failure::new(ErrorKind::NotFound, words));
    }
    let rows = match matrix {
        MatrixName::Weights => view.weights(netuid, mechid).await?,
        MatrixName::Bonds => view.bonds(netuid, mechid).await?,
    };
    // Arithmetic over up to 4096 by 4096 numbers is no work for a thread that serves others.
    let worked_out = tokio::task::spawn_blocking(move || {
        let rows: Vec<SparseRow> = rows.into_iter().map(|(uid, entries): Row| SparseRow { uid, entries }).collect();
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
