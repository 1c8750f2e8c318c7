//! The weights and bonds of a mechanism as dense matrices, normalised as consensus takes them.
//!
//! The rows are read from the chain when somebody asks: no metagraph that is kept warm has them. As
//! the chain keeps them, sparse and of 65535, `metagraph_get` tells them.

use std::sync::Arc;

use btd_api::{
    ErrorKind, MechId, NetUid,
    chain::At,
    metagraph::{MatrixName, MatrixParams, MatrixReply},
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
    let MatrixParams { netuid, matrix, mechid, block } = params;
    let (view, at) = raw::view(&parts.link, block).await?;
    let n = neurons(&view, netuid, mechid, at).await?;
    let rows = match matrix {
        MatrixName::Weights => view.weights(netuid, mechid).await?,
        MatrixName::Bonds => view.bonds(netuid, mechid).await?,
    };
    // Arithmetic over up to 4096 by 4096 numbers is no work for a thread that serves others.
    let worked_out = tokio::task::spawn_blocking(move || {
        let rows: Vec<SparseRow> = rows.into_iter().map(|(uid, entries): Row| SparseRow { uid, entries }).collect();
        match matrix {
            MatrixName::Weights => btd_tensor::Matrix::weights(n, &rows).into_rows(),
            MatrixName::Bonds => btd_tensor::Matrix::bonds(n, &rows).into_rows(),
        }
    });
    let internal = |error: String| Failure::new(ErrorKind::Internal, error);
    let rows = worked_out
        .await
        .map_err(|_| internal("working the matrix out broke off".to_owned()))?
        .map_err(|error| internal(error.to_string()))?;
    Ok(MatrixReply { at, n, rows })
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
