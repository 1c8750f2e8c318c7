//! Room for one more subnet: the chain takes so many, and dissolves one for another that comes.

use btd_api::NetUid;
use btd_chain::{ReadError, View};

use crate::{
    rpc::{
        receipt::foreseen,
        stake::{SUBTENSOR, number},
    },
    submit::{Draft, SubmissionError},
};

/// The draft, which creates a subnet, with a warning of the subnet that would have to go for it. Refused is what no subnet
/// would make room for.
pub(super) async fn make(view: &View, draft: Draft) -> Result<Draft, SubmissionError> {
    let most = match view.storage_json(SUBTENSOR, "SubnetLimit", &[]).await {
        Ok(most) => number(&most),
        Err(ReadError::Absent(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let Some(most) = most.and_then(|most| usize::try_from(most).ok()) else { return Ok(draft) };
    let count = view.netuids().await?.into_iter().filter(|netuid| *netuid != NetUid::ROOT).count();
    if count < most {
        return Ok(draft);
    }
    let goes = match view.runtime_api_json("SubnetInfoRuntimeApi", "get_subnet_to_prune", &[]).await {
        Ok(goes) => goes,
        Err(ReadError::Absent(_)) => {
            return Ok(draft.warning(format!(
                "there are {count} subnets, and the chain takes {most}: it dissolves one of them for this, or refuses it"
            )));
        }
        Err(error) => return Err(error.into()),
    };
    match number(&goes) {
        Some(netuid) => Ok(draft.warning(format!(
            "there are {count} subnets, and the chain takes {most}: it dissolves subnet {netuid} for this, unless another \
             has the lowest price by then"
        ))),
        None => foreseen(
            "SubnetLimitReached",
            format!("there are {count} subnets, the chain takes {most}, and all are too young to be dissolved for another"),
        ),
    }
}
