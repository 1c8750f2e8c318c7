//! Values that the chain would not take, where it tells their bounds in its state.

use btd_api::NetUid;
use btd_chain::{ReadError, View};

use crate::{
    rpc::{
        receipt::foreseen,
        stake::{SUBTENSOR, number},
    },
    submit::SubmissionError,
};

/// A number of the subnet; none where this runtime does not keep it.
async fn told(view: &View, item: &str, netuid: NetUid) -> Result<Option<u64>, ReadError> {
    match view.storage_json(SUBTENSOR, item, &[netuid.into()]).await {
        Ok(json) => Ok(number(&json)),
        Err(ReadError::Absent(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Refuses to trim a subnet to fewer places than it must have, or to more than it may.
pub(super) async fn trimming(view: &View, netuid: NetUid, max: u16) -> Result<(), SubmissionError> {
    let (least, most) = (told(view, "MinAllowedUids", netuid).await?, told(view, "MaxAllowedUids", netuid).await?);
    let (least, most) = (least.unwrap_or(0), most.unwrap_or(u64::MAX));
    if (least..=most).contains(&max.into()) {
        return Ok(());
    }
    foreseen("InvalidValue", format!("subnet {netuid} can be trimmed to {least} to {most} neurons, not to {max}"))
}
