//! Values that the chain would not take, where it tells their bounds in its state.

use btd_api::{NetUid, sudo::hyperparameters::Hyperparameter};
use btd_chain::{ReadError, Value, View};

use super::value::Argument;
use crate::{
    rpc::{
        receipt::foreseen,
        stake::{SUBTENSOR, number},
    },
    submit::SubmissionError,
};

/// A number under `keys`, a subnet's or, without them, the whole chain's; none where this runtime does
/// not keep it.
async fn told(view: &View, item: &str, keys: &[Value]) -> Result<Option<u64>, ReadError> {
    match view.storage_json(SUBTENSOR, item, keys).await {
        Ok(json) => Ok(number(&json)),
        Err(ReadError::Absent(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Refuses a value of `known` that another setting of the subnet or of the chain rules out.
pub(super) async fn setting(
    view: &View,
    known: &Hyperparameter,
    values: &[Argument],
    netuid: NetUid,
) -> Result<(), SubmissionError> {
    let number = |argument: &Argument| if let Value::Uint(number) = argument.value { Some(number) } else { None };
    let Some(value) = values.first().and_then(number) else { return Ok(()) };
    let shown = values.first().map_or("", |argument| &argument.shown);
    let bound = async |item| Ok::<_, ReadError>(told(view, item, &[netuid.into()]).await?.map(u128::from));
    let (error, other) = match known.call.1 {
        "sudo_set_min_burn" => match bound("MaxBurn").await? {
            Some(most) if value >= most => ("ValueNotInBounds", format!("max_burn is {most}")),
            _ => return Ok(()),
        },
        "sudo_set_max_burn" => match bound("MinBurn").await? {
            Some(least) if value <= least => ("ValueNotInBounds", format!("min_burn is {least}")),
            _ => return Ok(()),
        },
        "sudo_set_activity_cutoff" => match told(view, "MinActivityCutoff", &[]).await?.map(u128::from) {
            Some(least) if value < least => ("ActivityCutoffTooLow", format!("the chain takes no less than {least}")),
            _ => return Ok(()),
        },
        "sudo_set_max_allowed_uids" => {
            let (taken, least) = (bound("SubnetworkN").await?, bound("MinAllowedUids").await?);
            match (least.filter(|least| value < *least), taken.filter(|taken| value < *taken)) {
                (Some(least), _) => ("MaxAllowedUidsLessThanMinAllowedUids", format!("min_allowed_uids is {least}")),
                (None, Some(taken)) => ("MaxAllowedUIdsLessThanCurrentUIds", format!("{taken} neurons have a place")),
                (None, None) => return Ok(()),
            }
        }
        "sudo_set_alpha_values" => match view.storage_json(SUBTENSOR, "LiquidAlphaOn", &[netuid.into()]).await {
            Ok(on) if on.as_bool() == Some(false) => {
                ("LiquidAlphaDisabled", "liquid_alpha_enabled is false: set it first".to_owned())
            }
            Ok(_) | Err(ReadError::Absent(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        },
        _ => return Ok(()),
    };
    foreseen(error, format!("{} of subnet {netuid} cannot be {shown}: {other}", known.name))
}

/// Refuses to trim a subnet to fewer places than it must have, or to more than it may.
pub(super) async fn trimming(view: &View, netuid: NetUid, max: u16) -> Result<(), SubmissionError> {
    let bound = async |item| told(view, item, &[netuid.into()]).await;
    let (least, most) = (bound("MinAllowedUids").await?, bound("MaxAllowedUids").await?);
    let (least, most) = (least.unwrap_or(0), most.unwrap_or(u64::MAX));
    if (least..=most).contains(&max.into()) {
        return Ok(());
    }
    foreseen("InvalidValue", format!("subnet {netuid} can be trimmed to {least} to {most} neurons, not to {max}"))
}
